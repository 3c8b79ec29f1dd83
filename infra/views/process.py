"""`python -m infra.views.process --home DIR`: the projector of one home, as a process of its own.

It LISTENs for appended entries and takes them into every view; a lost notification costs one poll of a second. A view
that meets an entry it cannot take stops there and is named in the log once; the others go on. It goes through anything
that passes: a database that is away, a rebuild or a question that took the same entries in first.

SIGTERM and SIGINT end it after the batch in hand with exit code 0. It ends with 1 when the home is damaged, and with 5
when another projector runs in the home. Once every view has been begun it says so in `run/projector.ready`, which is
removed at a clean end: nobody misses a projector that was told to end, or never started, since whoever asks a question
brings the views up to date first.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

from domain.errors import Conflict, Unavailable
from infra.database import Database
from infra.foreground import EXIT_OK, run_process, say_ready
from infra.home import Home
from infra.locks import FileLock
from infra.process import process_log
from infra.settings import Settings
from infra.store.feed import Listener, Signal
from infra.store.provision import PROJECTOR
from infra.store.recorder import LedgerRecorder
from infra.views.projector import Projector, Source
from projections.catalogue import VIEWS
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

READY_FILE: Final = "projector.ready"
LOCK_FILE: Final = "projector.lock"
LOCK_S: Final = 5.0
POLL_S: Final = 1.0
BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)

log_line = process_log("projector")


class ProjectorLoop:
    """The endless loop around the views of one ledger. `run` on one thread, `stop` from a signal handler."""

    def __init__(self, dsn: str, source: Source, waker: Signal, log: Callable[[str], None]) -> None:
        """Prepare; `dsn` logs in as the projector. Nothing is connected before `run`."""
        self._dsn = dsn
        self._source = source
        self._waker = waker
        self._log = log
        self._stopped = False
        self._failures = 0
        self._told: dict[str, int] = {}

    def stop(self) -> None:
        """Let `run` end after the batch in hand."""
        self._stopped = True
        self._waker.stop()

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Take entries in until stopped; `on_ready` is called whenever every view has been begun."""
        self._waker.start()
        try:
            while not self._stopped:
                try:
                    with Projector(self._dsn, self._source, Codec(CATALOGUE)) as projector:
                        projector.ensure(VIEWS)
                        on_ready()
                        self._keep_up(projector)
                except Unavailable as err:
                    self._rest(err)
        finally:
            self._waker.close()

    def _keep_up(self, projector: Projector) -> None:
        while not self._stopped:
            try:
                projector.catch_up(stop=lambda: self._stopped)
            except Conflict:  # a question or a rebuild has taken the same entries in: what is left is found at once
                continue
            self._failures = 0
            self._tell_of_poison(projector)
            self._waker.wait(POLL_S)

    def _tell_of_poison(self, projector: Projector) -> None:
        for build in projector.builds():
            if build.poison is None:
                self._told.pop(build.schema, None)
            elif self._told.get(build.schema) != build.poison.index:
                self._told[build.schema] = build.poison.index
                self._log(f"{build.name} stopped at {build.poison.index}: {build.poison.reason}")

    def _rest(self, err: Unavailable) -> None:
        if self._failures == 0:
            self._log(f"waiting: {err}")
        self._waker.wait(BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)])
        self._failures += 1


def project_home(settings: Settings, home: Home, _: argparse.Namespace) -> int:
    """Keep the views of a home up to date until a signal ends it, and return the exit code; one process a home.

    Raises:
        LedgerError: as the module says.
    """
    dsn = Database(settings, home, home.config().ledger_id).dsn(PROJECTOR)
    path = home.run / READY_FILE
    with (
        FileLock(home.run / LOCK_FILE, timeout_s=LOCK_S, what=f"the projector of {home.path}"),
        closing(LedgerRecorder(dsn)) as store,
    ):
        loop = ProjectorLoop(dsn, store, Listener(dsn), log_line)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        loop.run(lambda: say_ready(path, log_line))
        path.unlink(missing_ok=True)
    log_line("stopped")
    return EXIT_OK


def main(argv: Sequence[str] | None = None) -> int:
    """Run the projector of the home that `--home` or EDGEPRINT_HOME names, and return its exit code."""
    return run_process("infra.views.process", "Keep the views of one ledger.", project_home, log_line, argv)


if __name__ == "__main__":
    sys.exit(main())
