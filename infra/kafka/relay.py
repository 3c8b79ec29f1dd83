"""`python -m infra.kafka.relay --home DIR`: the relay of one home, as a process of its own.

It waits for what is appended and sealed, relays it, and keeps how far it got in `run/relay.json` for `status` (a hint:
the truth is on Kafka). It goes on through anything that passes: broker or database down, it tries again with back-off
and recovers from Kafka. It ends with 1 when Kafka holds what the ledger does not, or a topic is not as it must be; with
6 when another relay took over; the last line on stderr says what to run. SIGTERM and SIGINT end it between two
transactions.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from domain.errors import Conflict, Invalid, Unavailable
from infra.clock import now_us
from infra.database import Database
from infra.failpoints import failpoint
from infra.foreground import EXIT_CONFLICT, EXIT_DAMAGED, EXIT_OK, run_process, say_ready
from infra.home import Home, HomeConfig
from infra.kafka.bus import KafkaBus
from infra.kafka.topics import brokers_are_down, require_topics
from infra.locks import FileLock
from infra.log import policy_of
from infra.process import process_log, write_durably
from infra.settings import KafkaClient, Settings
from infra.store.feed import Listener
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from producers.relay import Relay
from producers.relay_ports import Bus
from producers.sealer_ports import Log

POLL_S: Final = 0.2
HINT_S: Final = 0.5
BACK_OFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LOCK_S: Final = 5.0
HINT_FILE: Final = "relay.json"
READY_FILE: Final = "relay.ready"
LOCK_FILE: Final = "relay.lock"

log_line = process_log("relay")


class RelayLoop:
    """The endless loop around one relay. `run` on one thread, `stop` from a signal handler."""

    def __init__(self, relay: Relay, bus: Bus, waker: Listener, log: Log, look: Callable[[], None]) -> None:
        """Prepare; `look` is asked before each recovery whether the topics are as they must be."""
        self._look = look
        self._relay = relay
        self._bus = bus
        self._waker = waker
        self._log = log
        self._stopped = False
        self._failures = 0

    def stop(self) -> None:
        """Let `run` end after the transaction in hand."""
        self._stopped = True
        self._bus.stop()
        self._waker.stop()

    def run(self, on_progress: Callable[[int], None]) -> int:
        """Relay until stopped and return the exit code; `on_progress` hears the relayed size, also at the start."""
        self._waker.start()
        try:
            while not self._stopped:
                try:
                    self._look()
                    self._relay.recover()
                    self._log(f"relaying from {self._relay.relayed_size}")
                    self._failures = 0
                    self._relay_until_stopped(on_progress)
                except Unavailable as err:
                    self._rest(err)
            return EXIT_OK
        except (Conflict, Invalid) as err:
            self._log(f"stopped: {err}")
            return EXIT_CONFLICT if isinstance(err, Conflict) else EXIT_DAMAGED
        finally:
            self._bus.close()
            self._waker.close()

    def _relay_until_stopped(self, on_progress: Callable[[int], None]) -> None:
        on_progress(self._relay.relayed_size)
        while not self._stopped:
            relayed = self._relay.step()
            published = not relayed and self._relay.publish(now_us() // 1000)
            on_progress(self._relay.relayed_size)
            if not relayed and not published:
                self._waker.wait(POLL_S)

    def _rest(self, err: Unavailable) -> None:
        if self._failures == 0:
            self._log(f"waiting: {err}")
        pause = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        end = time.monotonic() + pause
        while not self._stopped and time.monotonic() < end:
            time.sleep(0.05)


class Hint:
    """`run/relay.json`: {"relayed_size": N, "bootstrap": BROKERS}, written at most twice a second and at the end."""

    def __init__(self, path: Path, bootstrap: str) -> None:
        self._path = path
        self._bootstrap = bootstrap
        self._written_at = 0.0
        self._written = -1
        self._size = -1

    def __call__(self, size: int) -> None:
        """Take a new size."""
        self._size = size
        if size != self._written and time.monotonic() - self._written_at >= HINT_S:
            self.write()

    def write(self) -> None:
        """Write the size now. A disk that cannot take it keeps nobody from relaying."""
        self._written_at, self._written = time.monotonic(), self._size
        try:
            write_durably(self._path, self._encoded())
        except OSError as err:
            log_line(f"cannot write {self._path}: {err.strerror}")

    def _encoded(self) -> bytes:
        return json.dumps({"relayed_size": self._size, "bootstrap": self._bootstrap}).encode() + b"\n"


def relay_once(store: LedgerRecorder, home: Home, config: HomeConfig, bootstrap: str, client: KafkaClient) -> int:
    """Relay all that is stored and its checkpoints, in this process, and return the relayed size.

    Raises what `Relay.recover` raises.
    """
    with closing(KafkaBus(bootstrap, config.ledger_id, client=client)) as bus:
        relay = Relay(config.ledger_id, store, store, bus, policy_of(home).verify_checkpoint)
        relay.recover()
        while relay.step():
            pass
        relay.publish(now_us() // 1000)
        return relay.relayed_size


def relay_home(settings: Settings, home: Home, config: HomeConfig, bootstrap: str) -> int:
    """Relay the ledger of a home until a signal ends it, and return the exit code.

    Raises:
        LedgerError: a topic is not as it must be, the home is damaged, the database cannot be opened.
    """
    dsn = Database(settings, home, config.ledger_id).dsn(READER)
    policy = policy_of(home)
    bus = KafkaBus(bootstrap, config.ledger_id, client=settings.kafka_client, log=log_line)
    hint = Hint(home.run / HINT_FILE, bootstrap)
    with (
        FileLock(home.run / LOCK_FILE, timeout_s=LOCK_S, what=f"the relay of {home.path}"),
        closing(LedgerRecorder(dsn)) as store,
    ):
        _look_once(bootstrap)
        relay = Relay(
            config.ledger_id,
            store,
            store,
            bus,
            policy.verify_checkpoint,
            bare=settings.kafka_value_framing == "bare",
            failpoint=failpoint,
            log=log_line,
        )
        loop = RelayLoop(relay, bus, Listener(dsn), log_line, lambda: require_topics(bootstrap))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.stop())
        hint.write()
        say_ready(home.run / READY_FILE, log_line)
        try:
            code = loop.run(hint)
        finally:
            hint.write()
        if code == EXIT_OK:  # told to end, so that nobody misses it; one that was killed or stopped by itself is missed
            (home.run / READY_FILE).unlink(missing_ok=True)
        return code


def _look_once(bootstrap: str) -> None:
    """End at once where a topic is missing or not as it must be; brokers that are down are waited for by the loop."""
    try:
        require_topics(bootstrap)
    except Unavailable as err:
        if not brokers_are_down(err):
            raise


def main(argv: Sequence[str] | None = None) -> int:
    """Run the relay of the home that `--home` or EDGEPRINT_HOME names, and return its exit code."""

    def serve(settings: Settings, home: Home, arguments: argparse.Namespace) -> int:
        return relay_home(settings, home, home.config(), arguments.bootstrap)

    about = "Relay one ledger to Kafka: --bootstrap names the brokers, host:port, separated by commas."
    return run_process("infra.kafka.relay", about, serve, log_line, argv, required=["--bootstrap"])


if __name__ == "__main__":
    sys.exit(main())
