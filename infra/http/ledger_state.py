"""The ledger's own metrics and conditions of readiness, read at each scrape from files and the database.

| metric | type | meaning |
|---|---|---|
| `edgeprint_ledger_size` | gauge | entries stored |
| `edgeprint_sealed_size` | gauge | entries under the newest checkpoint |
| `edgeprint_checkpoint_age_seconds` | gauge | seconds since the newest checkpoint was put there |
| `edgeprint_relayed_size` | gauge | entries on Kafka, as the relay last said |
| `edgeprint_relay_lag_entries` | gauge | stored and not yet on Kafka |

What cannot be had is absent, never 0: a database that is down stores no fewer entries.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from typing import Final

import psycopg
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from domain.errors import LedgerError, Unavailable
from infra.background import Background, relay, relayed_size, sealer
from infra.clock import now_s
from infra.home import Home, HomeConfig
from infra.http.health import Check
from infra.log import head_of_home
from infra.store.link import lively

ANSWER_S: Final = 1
ASKING_MAX: Final = 4
_SIZE: Final = "SELECT size FROM ledger.head"
_asking: Final = threading.BoundedSemaphore(ASKING_MAX)
Dsn = Callable[[], str]


class LedgerMetrics(Collector):
    """See the module. Called by the registry at each scrape, on any thread."""

    def __init__(self, home: Home, dsn: Dsn) -> None:
        """`dsn` gives the connection string of the role that reads. Raises LedgerError while there is no database."""
        self._home = home
        self._dsn = dsn

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges whose values can be had."""
        stored, sealed, relayed = _or_none(self._stored), _or_none(self._sealed), relayed_size(self._home)
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

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: what is there is found out at each scrape."""
        return []

    def _stored(self) -> int:
        return stored_size(self._dsn())

    def _sealed(self) -> int:
        return head_of_home(self._home).size

    def _age(self) -> float:
        return max(0.0, now_s() - (self._home.tlog / "checkpoint").stat().st_mtime)


def stored_size(dsn: str) -> int:
    """Return how many entries are stored, asking for ANSWER_S at most.

    The answer is waited for on a thread of its own: libpq gives a connection two seconds at least, and an answer any
    time. ASKING_MAX such threads are left to wait; the process can end meanwhile.

    Raises:
        Unavailable: no answer in time.
        psycopg.Error: another answer.
    """
    answer: Future[int] = Future()
    started = time.monotonic()

    def ask() -> None:
        try:
            answer.set_result(_ask(dsn))
        except Exception as err:
            answer.set_exception(err)
        finally:
            _asking.release()

    if _asking.acquire(timeout=ANSWER_S):
        threading.Thread(target=ask, name="ask-the-database", daemon=True).start()
        with suppress(TimeoutError):
            return answer.result(max(0.0, started + ANSWER_S - time.monotonic()))
    raise Unavailable(f"expected the database to answer within {ANSWER_S} s, found no answer")


def _ask(dsn: str) -> int:
    options = f"-c statement_timeout={ANSWER_S}s"
    with closing(psycopg.connect(lively(dsn), autocommit=True, connect_timeout=2, options=options)) as connection:
        row = connection.execute(_SIZE).fetchone()
    return int(row[0]) if row else 0


def ledger_checks(home: Home, config: HomeConfig, dsn: Dsn) -> tuple[Check, ...]:
    """Return the conditions under which a home is ready: itself, its database, its sealer, its relay if it has one."""

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

    def relaying() -> str | None:
        return at_work(relay(home))() if relay(home).is_wanted() else None

    return (
        Check("home", same_ledger),
        Check("database", database),
        Check("sealer", at_work(sealer(home))),
        Check("relay", relaying),
    )


def _or_none(read: Callable[[], float]) -> float | None:
    try:
        return read()
    except (LedgerError, psycopg.Error, OSError):
        return None
