"""`python -m infra.sealer.process --home DIR`: the sealer of one home, as a process of its own.

It LISTENs for appended entries, seals them, and rests at least 0.1 s between two checkpoints unless a full read says
that more is waiting. A lost notification costs one poll of 0.25 s. Each 10 minutes without growth it signs its head
again. SIGTERM and SIGINT end it after the step in hand; what is sealed stays sealed.

It goes on through anything that passes (`Unavailable`: database restarted, disk full): it recovers from the stores and
tries again with back-off. It ends with exit code 1 when heads contradict one another, and with 6 when another sealer
is at work; the last line on stderr says what to run. Once it holds the locks it says so in `run/sealer.ready`.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from domain.errors import Conflict, Invalid, Unavailable
from domain.ledger.policy import parse_policy
from infra.clock import now_s
from infra.failpoints import failpoint
from infra.foreground import EXIT_CONFLICT, EXIT_DAMAGED, EXIT_OK, run_process, say_ready
from infra.home import Home
from infra.keys.files import FileKeys
from infra.process import process_log
from infra.sealer.database import SealerDatabase
from infra.sealer.headguard import FileHeadGuard
from infra.settings import Settings
from infra.tiles.posix import PosixTree
from producers.sealer import Sealer, SealerPorts
from producers.sealer_ports import Log

REST_S: Final = 0.1
POLL_S: Final = 0.25
HEARTBEAT_S: Final = 600.0
REPORT_S: Final = 10.0
BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
CONFLICT_PATIENCE_S: Final = 30.0

READY_FILE: Final = "sealer.ready"

log_line = process_log("sealer")


class Waker(Protocol):
    """Tells when entries may have been appended; `infra.store.feed.Listener`."""

    def start(self) -> None:
        """Begin to listen; does not fail."""

    def wait(self, timeout_s: float) -> None:
        """Return when something may have come, after `timeout_s`, or when stopped."""

    def stop(self) -> None:
        """End a wait in progress and all later ones; safe in a signal handler."""

    def close(self) -> None:
        """Free what `start` took."""


@dataclass(frozen=True, slots=True)
class SealerPaths:
    """Where one log's sealer finds its files: tree, keys, and the directory of rollback guards (outside the home)."""

    tlog: Path
    keys: Path
    heads: Path


def open_sealer(origin: str, ledger_id: UUID, paths: SealerPaths, dsn: str, log: Log) -> tuple[Sealer, SealerDatabase]:
    """Return the sealer of a log and its database, wired; nothing is locked or connected before its first step.

    Stored heads must carry both signatures of the log's own keys. `Sealer.close` frees all it took.

    Raises:
        Invalid: a key is missing, damaged, or open to others.
    """
    keys = FileKeys(paths.keys, now_s).load(origin)
    database = SealerDatabase(dsn)
    guard = FileHeadGuard(paths.heads, ledger_id)
    tree = PosixTree(paths.tlog, failpoint)
    ports = SealerPorts(rows=database, tree=tree, guard=guard, notes=database, lock=database)
    policy = parse_policy(keys.policy())
    return Sealer(origin, ports, keys.signers, policy, failpoint=failpoint, log=log), database


def seal_once(sealer: Sealer, size: int) -> int:
    """Seal until at least `size` entries are covered, close the sealer, and return the sealed size.

    Raises what `Sealer.step` raises: Conflict if a sealer process is at work (wait for its checkpoint instead).
    """
    try:
        sealer.recover()
        while (sealer.head is None or sealer.head.size < size) and sealer.step() is not None:
            pass
        return sealer.head.size if sealer.head else 0
    finally:
        sealer.close()


class SealerLoop:
    """The endless loop around one sealer. `run` on one thread, `stop` from a signal handler or another thread."""

    def __init__(
        self,
        sealer: Sealer,
        waker: Waker,
        log: Log,
        *,
        on_ready: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        heartbeat_s: float = HEARTBEAT_S,
        conflict_patience_s: float = CONFLICT_PATIENCE_S,
    ) -> None:
        """Prepare; `clock` is monotonic seconds. A sealer elsewhere is waited for `conflict_patience_s`.

        `on_ready` is called once, when the locks are held and the stores are found in order.
        """
        self._sealer = sealer
        self._waker = waker
        self._log = log
        self._on_ready: Callable[[], None] | None = on_ready
        self._clock = clock
        self._sleep = sleep
        self._heartbeat_s = heartbeat_s
        self._conflict_patience_s = conflict_patience_s
        self._stopped = False
        self._failures = 0
        self._conflict_since: float | None = None
        self._published = self._reported = clock()
        self._sealed = self._checkpoints = 0

    def stop(self) -> None:
        """Let `run` end after the step in hand."""
        self._stopped = True
        self._waker.stop()

    def run(self) -> int:
        """Seal until stopped and return the exit code; the locks are free when this returns."""
        self._waker.start()
        try:
            while not self._stopped:
                try:
                    self._turn()
                except Unavailable as err:
                    self._retry(err)
                except Conflict as err:
                    self._wait_for_the_other(err)
            self._report()
            return EXIT_OK
        except (Conflict, Invalid) as err:
            self._log(f"stopped: {err}")
            return EXIT_CONFLICT if isinstance(err, Conflict) else EXIT_DAMAGED
        finally:
            self._sealer.close()
            self._waker.close()

    def _turn(self) -> None:
        """Seal once; rest if there is nothing more to do."""
        started = self._clock()
        seal = self._sealer.step()
        self._failures, self._conflict_since = 0, None
        if self._on_ready is not None:
            self._on_ready()
            self._on_ready = None
        if seal is not None:
            self._published = started
            self._sealed += seal.added
            self._checkpoints += 1
        elif started - self._published >= self._heartbeat_s:
            self._sealer.heartbeat()
            self._published = started
        if started - self._reported >= REPORT_S:
            self._report()
        if seal is None:
            self._waker.wait(POLL_S)
        if (seal is None or not seal.more) and not self._stopped:
            self._sleep(max(0.0, min(REST_S, self._published + REST_S - self._clock())))

    def _report(self) -> None:
        """Write one line on what was sealed since the last one, if anything was."""
        self._reported = self._clock()
        if self._checkpoints and self._sealer.head:
            self._log(
                f"sealed {self._sealed} entries in {self._checkpoints} checkpoints, size {self._sealer.head.size}"
            )
        self._sealed = self._checkpoints = 0

    def _retry(self, err: Unavailable) -> None:
        if self._failures == 0:
            self._log(f"waiting: {err}")
        pause = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        self._rest(pause)

    def _wait_for_the_other(self, err: Conflict) -> None:
        """Give a session of ours that the server has not yet missed, or a command that seals once, time to end."""
        now = self._clock()
        self._conflict_since = now if self._conflict_since is None else self._conflict_since
        if now - self._conflict_since >= self._conflict_patience_s:
            raise err
        self._rest(REST_S)

    def _rest(self, seconds: float) -> None:
        end = self._clock() + seconds
        while not self._stopped and self._clock() < end:
            self._sleep(min(0.05, seconds))


def seal_home(settings: Settings, home: Home, _: argparse.Namespace) -> int:
    """Seal the log of a home until a signal ends it, and return the exit code.

    Raises:
        LedgerError: the home or its keys are damaged, or the database cannot be named.
    """
    from infra.database import Database  # it rests on this module
    from infra.store.feed import Listener
    from infra.store.provision import SEALER

    config = home.config()
    dsn = Database(settings, home, config.ledger_id).dsn(SEALER)
    paths = SealerPaths(home.tlog, home.keys, settings.state / "heads")
    sealer, _database = open_sealer(config.origin, config.ledger_id, paths, dsn, log_line)
    loop = SealerLoop(sealer, Listener(dsn), log_line, on_ready=lambda: say_ready(home.run / READY_FILE, log_line))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.stop())
    log_line(f"sealing {config.origin} into {home.tlog}")
    return loop.run()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sealer of the home that `--home` or EDGEPRINT_HOME names, and return its exit code."""
    return run_process("infra.sealer.process", "Seal the log of one home.", seal_home, log_line, argv)


if __name__ == "__main__":
    sys.exit(main())
