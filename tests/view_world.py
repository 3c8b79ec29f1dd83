"""A ledger in PostgreSQL with all views, in three pieces: one clock ran ahead, one behind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from domain.events import ActorKind
from domain.evidence.ledger import ResetClock
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange
from domain.ledger.note import sign_note
from infra.store.provision import PROJECTOR, READER, SEALER
from infra.views.projector import Projector
from infra.views.reading import AsOf, Look, Reader
from producers.commands import Actor
from producers.evidence import change_ledger
from producers.ports import CommandKey, LedgerRow
from projections.catalogue import VIEWS
from projections.view import View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.governance_kit import Town, signer_of
from tests.view_kit import Rows, history
from tests.view_samples import restored

CODEC = Codec(CATALOGUE)
TICK = timedelta(milliseconds=250)
YEAR = timedelta(days=365)
NOW_US = 1_900_000_000_000_000
SEALED = (1, 40, 77)


class TickingTown(Town):
    """A town whose clock goes on whenever somebody looks at it."""

    def now_us(self) -> int:
        self.now += TICK
        return super().now_us()

    def reset(self, reason: str) -> None:
        key = CommandKey(self.holder, self.new_id())
        self.execute(
            change_ledger(key, Actor(self.holder, ActorKind.SERVICE), self.ledger, ResetClock(reason))
        ).require()


@dataclass(frozen=True)
class World:
    """A ledger in a database with its views at the head, and the town that made it."""

    town: TickingTown
    database: LedgerDatabase
    rows: Sequence[LedgerRow]
    roots: dict[int, str]

    @property
    def reader(self) -> Reader:
        return Reader(self.database.dsn(READER))

    def resolve(self, place: str | int) -> AsOf:
        return self.reader.resolve(str(place))

    @contextmanager
    def look(self, view: View, place: str | int | None = None) -> Iterator[Look]:
        with self.reader.look(view, None if place is None else str(place), NOW_US) as look:
            yield look


def recorded_at(row: LedgerRow) -> int:
    """Return when an entry says that it was recorded."""
    return CODEC.decode(row.entry).envelope.recorded_at


def lived() -> TickingTown:
    """Return a town in whose ledger two clocks were reset."""
    town = TickingTown()
    history(town)
    town.now += YEAR
    town.bring(b"a year ahead")
    town.bring(b"and another")
    town.now -= YEAR
    town.bring(b"in a year that is not yet")
    town.reset("the clock ran a year ahead")
    town.bring(b"corrected")
    town.now -= timedelta(days=10)
    town.bring(b"ten days behind")
    town.reset("the clock ran behind")
    town.bring(b"at last")
    return town


def world_in(database: LedgerDatabase) -> World:
    """Put the ledger and its views into an empty database."""
    town = lived()
    rows = town.store.rows(0, 100_000)
    restored(database, rows)
    roots = {}
    with psycopg.connect(database.dsn(SEALER)) as connection:
        for size in (0, *SEALED):
            tree = CompactRange()
            tree.extend(row.leaf_hash for row in rows[:size])
            roots[size] = tree.root().hex()
            note = sign_note(Checkpoint("o", size, tree.root()).encode(), [signer_of(town.holder)])
            connection.execute("INSERT INTO ledger.published_notes (size, note) VALUES (%s, %s)", (size, note))
    with Projector(database.dsn(PROJECTOR), Rows(rows), CODEC) as projector:
        projector.ensure(VIEWS)
        assert projector.catch_up() == len(rows)
    return World(town, database, rows, roots)
