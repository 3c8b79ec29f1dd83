"""Keepers of views over entries that fail where a test wants it, and what a superuser sees of the builds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from domain.errors import Unavailable
from infra.store.provision import PROJECTOR
from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from infra.views.postgres import Build
from infra.views.projector import Projector
from producers.ports import LedgerRow
from projections.runner import run_batch
from projections.tables import Change, Rows
from projections.view import Read, View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.view_samples import count

CODEC = Codec(CATALOGUE)
BAD = 61


@dataclass
class Cut:
    """A source that gives a few entries at a time and fails, as a database that goes away, behind so many of them."""

    all: Sequence[LedgerRow]
    ends: int
    page: int = 10
    asked: list[int] = field(default_factory=list)

    def rows(self, start: int, limit: int) -> Sequence[LedgerRow]:
        """Return the next entries."""
        self.asked.append(start)
        if start >= self.ends:
            raise Unavailable("the store does not answer")
        return self.all[start : min(start + min(limit, self.page), self.ends)]


@dataclass(frozen=True)
class Pages:
    """A source that gives a few entries at a time."""

    all: Sequence[LedgerRow]
    page: int = 10

    def rows(self, start: int, limit: int) -> Sequence[LedgerRow]:
        """Return the next entries."""
        return self.all[start : start + min(limit, self.page)]


def failing_at(index: int, how: Callable[[], None]) -> Callable[[Read, Rows], tuple[Change, ...]]:
    """Return a handler that counts, and does `how` at an index."""

    def handle(read: Read, rows: Rows) -> tuple[Change, ...]:
        if read.index == index:
            how()
        return count(read, rows)

    return handle


def stumble() -> None:
    """Fail as a handler does."""
    raise LookupError("a row that must be there is not")


def expected(view: View, rows: Sequence[LedgerRow]) -> bytes:
    """Return the digest that these entries make of a view."""
    store = MemoryViewStore(view)
    run_batch(view, store, [LedgerEntry(row, CODEC) for row in rows])
    return store.digest()


def projector(database: LedgerDatabase, source: Any, *views: View) -> Projector:
    """Return a keeper of these views, a build of each begun."""
    made = Projector(database.dsn(PROJECTOR), source, CODEC)
    made.ensure(views)
    return made


def build(keeper: Projector, name: str, state: str = "live") -> Build:
    """Return one build of a view."""
    return next(one for one in keeper.builds(name) if one.state == state)


def table_of(database: LedgerDatabase, schema: str, name: str = "stream") -> dict[Any, Any]:
    """Return the standing rows of STREAM in a schema, as a superuser sees them."""
    with psycopg.connect(database.superuser) as connection:
        query = sql.SQL("SELECT stream, events FROM {} WHERE valid_to IS NULL").format(sql.Identifier(schema, name))
        return {(stream,): (events,) for stream, events in connection.execute(query)}


def superuser(database: LedgerDatabase, statement: str, **names: str) -> int:
    """Run a statement as somebody who holds the machine, and return how many rows it touched."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        composed = sql.SQL(statement).format(**{key: sql.Identifier(*name.split(".")) for key, name in names.items()})
        return connection.execute(composed).rowcount


def schemas(database: LedgerDatabase) -> set[str]:
    """Return the schemas that the projector owns."""
    with psycopg.connect(database.superuser) as connection:
        query = "SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = 'edgeprint_projector'"
        return {row[0] for row in connection.execute(query)}
