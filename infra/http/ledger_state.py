"""The ledger's own metrics and conditions of readiness, read at each scrape from files and the database.

| metric | type | meaning |
|---|---|---|
| `edgeprint_ledger_size` | gauge | entries stored |
| `edgeprint_sealed_size` | gauge | entries under the newest checkpoint |
| `edgeprint_checkpoint_age_seconds` | gauge | seconds since the newest checkpoint was put there |
| `edgeprint_relayed_size` | gauge | entries on Kafka, as the relay last said |
| `edgeprint_relay_lag_entries` | gauge | stored and not yet on Kafka |
| `edgeprint_projection_position` | gauge | first entry that the view in use has not taken in; label `projection` |
| `edgeprint_projection_lag_entries` | gauge | stored and not yet taken in; label `projection` |
| `edgeprint_projection_lag_seconds` | gauge | age of the oldest of those, 0 without; label `projection` |
| `edgeprint_projection_stopped` | gauge | 1 if the view stopped at an entry it cannot take; label `projection` |

What cannot be had is absent, never 0: a database that is down stores no fewer entries.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from typing import Any, Final, TypeVar

import psycopg
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from domain.errors import LedgerError, Unavailable
from infra.background import Background, projector, relay, relayed_size, sealer
from infra.clock import now_s, now_us
from infra.home import Home, HomeConfig
from infra.http.health import Check
from infra.log import head_of_home
from infra.store.link import lively
from infra.views.progress import Progress, progress_of

ANSWER_S: Final = 1
ASKING_MAX: Final = 4
_SIZE: Final = "SELECT size FROM ledger.head"
_asking: Final = threading.BoundedSemaphore(ASKING_MAX)
Dsn = Callable[[], str]
T = TypeVar("T")


class LedgerMetrics(Collector):
    """See the module. Called by the registry at each scrape, on any thread."""

    def __init__(self, home: Home, dsn: Dsn) -> None:
        """`dsn` gives the connection string of the role that reads. Raises LedgerError while there is no database."""
        self._home = home
        self._dsn = dsn

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges whose values can be had."""
        told = _or_none(self._told)
        stored, progress = (None, ()) if told is None else told
        sealed, relayed = _or_none(self._sealed), relayed_size(self._home)
        lag = None if stored is None or relayed is None else max(0, stored - relayed)
        for name, text, value in (
            ("edgeprint_ledger_size", "Entries stored.", stored),
            ("edgeprint_sealed_size", "Entries under the newest checkpoint.", sealed),
            ("edgeprint_checkpoint_age_seconds", "Seconds since the newest checkpoint.", _or_none(self._age)),
            ("edgeprint_relayed_size", "Entries on Kafka, as the relay last said.", relayed),
            ("edgeprint_relay_lag_entries", "Entries stored and not yet on Kafka.", lag),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, text, value)
        yield from _projections(progress)

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: what is there is found out at each scrape."""
        return []

    def _told(self) -> tuple[int, Sequence[Progress]]:
        return ask_database(self._dsn(), lambda connection: (_size(connection), progress_of(connection)))

    def _sealed(self) -> int:
        return head_of_home(self._home).size

    def _age(self) -> float:
        return max(0.0, now_s() - (self._home.tlog / "checkpoint").stat().st_mtime)


def _projections(progress: Sequence[Progress]) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges of the views in use; those that are being rebuilt beside them are not told of."""
    used, now = [one for one in progress if one.state == "live"], now_us()
    if not used:
        return
    for name, text, value in (
        ("position", "First entry not taken in.", lambda one: one.position),
        ("lag_entries", "Entries stored and not taken in.", lambda one: one.behind),
        ("lag_seconds", "Age of the oldest entry not taken in.", lambda one: one.lag_s(now)),
        ("stopped", "1 if it stopped at an entry it cannot take.", lambda one: one.poison is not None),
    ):
        family = GaugeMetricFamily(f"edgeprint_projection_{name}", text, labels=("projection",))
        for one in used:
            family.add_metric((one.name,), value(one))
        yield family


def stored_size(dsn: str) -> int:
    """Return how many entries are stored. Raises: as `ask_database`."""
    return ask_database(dsn, _size)


def ask_database(dsn: str, ask: Callable[[psycopg.Connection[Any]], T]) -> T:
    """Return what a short question to the database gives, waiting for ANSWER_S at most.

    The answer is waited for on a thread of its own: libpq gives a connection two seconds at least, and an answer any
    time. ASKING_MAX such threads are left to wait; the process can end meanwhile.

    Raises:
        Unavailable: no answer in time.
        psycopg.Error: another answer.
    """
    answer: Future[T] = Future()
    started = time.monotonic()

    def wait() -> None:
        try:
            with _connected(dsn) as connection:
                answer.set_result(ask(connection))
        except Exception as err:
            answer.set_exception(err)
        finally:
            _asking.release()

    if _asking.acquire(timeout=ANSWER_S):
        threading.Thread(target=wait, name="ask-the-database", daemon=True).start()
        with suppress(TimeoutError):
            return answer.result(max(0.0, started + ANSWER_S - time.monotonic()))
    raise Unavailable(f"expected the database to answer within {ANSWER_S} s, found no answer")


def _connected(dsn: str) -> closing[psycopg.Connection[Any]]:
    options = f"-c statement_timeout={ANSWER_S}s"
    return closing(psycopg.connect(lively(dsn), autocommit=True, connect_timeout=2, options=options))


def _size(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_SIZE).fetchone()
    return int(row[0]) if row else 0


def ledger_checks(home: Home, config: HomeConfig, dsn: Dsn) -> tuple[Check, ...]:
    """Return the conditions under which a home is ready: itself, database, sealer, and what was started besides.

    Relay and projector are missed only where one was started and not told to end.
    """

    def same_ledger() -> str | None:
        found = home.config()
        return None if found.ledger == config.ledger else f"expected the ledger {config.ledger}, found {found.ledger}"

    def database() -> str | None:
        try:
            stored_size(dsn())
        except psycopg.Error as err:
            return f"expected the database to answer, found {type(err).__name__}"
        return None

    def at_work(service: Background) -> Callable[[], str | None]:
        return lambda: None if service.is_at_work() else f"expected the {service.name} to be at work, found it is not"

    def if_wanted(service: Background) -> Callable[[], str | None]:
        return lambda: at_work(service)() if service.is_wanted() else None

    return (
        Check("home", same_ledger),
        Check("database", database),
        Check("sealer", at_work(sealer(home))),
        Check("projector", if_wanted(projector(home))),
        Check("relay", if_wanted(relay(home))),
    )


def _or_none(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (LedgerError, psycopg.Error, OSError):
        return None
