"""The endless loop around one consumer: its turn, its recoveries, its metrics.

Whatever passes is gone through: brokers or disk away, an unknown schema, it rests and recovers from the store. It ends
with 1 when the log is damaged or the store is, with 6 when another process took the consumer over, with 0 when it is
told to, or with `once` when all is handled that was signed and on Kafka by then.

Metrics, each with the label `consumer`:

| metric | type | meaning |
|---|---|---|
| `edgeprint_consumer_next_index` | gauge | first entry not yet delivered |
| `edgeprint_consumer_known_size` | gauge | how far the log is known to reach: largest signed size seen on Kafka |
| `edgeprint_consumer_lag_entries` | gauge | the difference |
| `edgeprint_consumer_lag_seconds` | gauge | age of the last delivered entry while there is a difference, else 0 |
| `edgeprint_consumer_delivered_total` | counter | entries delivered by this process |
| `edgeprint_consumer_foreign_total` | counter | records passed over |
| `edgeprint_consumer_parked_streams` | gauge | streams that wait among the dead letters |
| `edgeprint_consumer_active` | gauge | 1 if it is this process's turn |
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge

from consumers.runtime import Runtime
from domain.errors import Conflict, Invalid, Unavailable
from infra.clock import now_us
from schemas.records import Partition

BACK_OFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STAND_BY_S: Final = 0.5
QUIET_STEPS: Final = 20
"""With `once`: so many reads without a record end it even where a stranger's open transaction hides what may come."""

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_CONFLICT: Final = 6


class Turn(Protocol):
    """Whose turn it is; `infra.kafka.membership.Membership`."""

    def is_active(self, wait_s: float = 0.0) -> bool: ...

    def commit(self, offsets: dict[Partition, int]) -> None: ...


class AlwaysActive:
    """The turn of a process that is the only one of its consumer."""

    def is_active(self, wait_s: float = 0.0) -> bool:
        """Return True."""
        del wait_s
        return True

    def commit(self, offsets: dict[Partition, int]) -> None:
        """Tell nobody."""


class ConsumerMetrics:
    """The metrics of one consumer; see the module."""

    def __init__(self, consumer: str, registry: CollectorRegistry) -> None:
        """Register them. `registry` holds none of these names yet."""

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"edgeprint_consumer_{name}", text, ("consumer",), registry=registry).labels(consumer)

        self.next_index = gauge("next_index", "First entry not yet delivered.")
        self.known_size = gauge("known_size", "How far the log is known to reach.")
        self.lag_entries = gauge("lag_entries", "Entries known and not yet delivered.")
        self.lag_seconds = gauge("lag_seconds", "Age of the last delivered entry while there are more.")
        self.parked = gauge("parked_streams", "Streams that wait among the dead letters.")
        self.active = gauge("active", "1 if it is this process's turn.")
        self._delivered = Counter(
            "edgeprint_consumer_delivered", "Entries delivered.", ("consumer",), registry=registry
        ).labels(consumer)
        self._foreign = Counter(
            "edgeprint_consumer_foreign", "Records passed over.", ("consumer",), registry=registry
        ).labels(consumer)
        self._seen = (0, 0)

    def observe(self, runtime: Runtime[Any]) -> None:
        """Take in how far a runtime is."""
        feed = runtime.feed
        known = max(feed.head_size, feed.next_index)
        behind = known - feed.next_index
        self.next_index.set(feed.next_index)
        self.known_size.set(known)
        self.lag_entries.set(behind)
        self.lag_seconds.set(max(0.0, (now_us() - runtime.delivered_at_us) / 1e6) if behind else 0.0)
        self.parked.set(runtime.parked)
        delivered, foreign = self._seen
        self._delivered.inc(runtime.delivered - delivered)
        self._foreign.inc(runtime.foreign - foreign)
        self._seen = runtime.delivered, runtime.foreign


class ConsumerLoop:
    """See the module. `run` on one thread, `stop` from a signal handler."""

    def __init__(self, runtime: Runtime[Any], turn: Turn, metrics: ConsumerMetrics, log: Callable[[str], None]) -> None:
        self._runtime = runtime
        self._turn = turn
        self._metrics = metrics
        self._log = log
        self._stopped = False
        self._failures = 0

    def stop(self) -> None:
        """Let `run` end after the step in hand."""
        self._stopped = True

    def run(self, *, once: bool = False) -> int:
        """Consume until stopped, or with `once` until nothing more is there, and return the exit code.

        Raises:
            Unavailable: with `once` only: the outside world is down.
        """
        try:
            while not self._stopped:
                try:
                    self._metrics.active.set(0)
                    while not self._stopped and not self._turn.is_active(STAND_BY_S):
                        pass
                    if not self._stopped and self._take_turn(once):
                        return EXIT_OK
                except Unavailable as err:
                    if once:
                        raise
                    self._rest(err)
            return EXIT_OK
        except (Conflict, Invalid) as err:
            self._log(f"stopped: {err}")
            return EXIT_CONFLICT if isinstance(err, Conflict) else EXIT_FAILED

    def _take_turn(self, once: bool) -> bool:
        """Consume as long as it is our turn; return whether all is done that `once` asks for."""
        runtime = self._runtime
        runtime.recover()
        self._metrics.active.set(1)
        self._log(f"consuming from entry {runtime.feed.next_index}")
        while not self._stopped and self._turn.is_active():
            runtime.step()
            self._failures = 0
            self._metrics.observe(runtime)
            self._turn.commit(dict(runtime.feed.wanted()))
            if once and runtime.quiet and (runtime.caught_up or self._is_over()):
                return True
        return False

    def _is_over(self) -> bool:
        return self._runtime.quiet >= QUIET_STEPS and self._runtime.feed.next_index >= self._runtime.feed.head_size

    def _rest(self, err: Unavailable) -> None:
        if self._failures == 0:
            self._log(f"waiting: {err}")
        end = time.monotonic() + BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        while not self._stopped and time.monotonic() < end:
            time.sleep(0.05)
