"""A view that shows every kind of column, builds of views in PostgreSQL, and old entries put into an empty ledger."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from domain.events import Event
from infra.store.provision import PROJECTOR
from infra.views.postgres import PostgresViewStore, create_tables
from producers.ports import LedgerRow
from projections.runner import Batch
from projections.tables import Change, Column, Key, Kind, New, Put, Rows, Table, Values, Written
from projections.view import On, Read, View
from schemas.envelope import read_header
from tests.conftest import LedgerDatabase

MIXED = Table(
    "mixed",
    key=(Column("id", Kind.UUID), Column("word", Kind.TEXT)),
    columns=(
        Column("number", Kind.BIGINT),
        Column("text", Kind.TEXT),
        Column("data", Kind.BYTES),
        Column("flag", Kind.BOOLEAN),
        Column("items", Kind.TEXTS),
    ),
    indexes=("number",),
)
COUNTED = Table("counted", key=(Column("number", Kind.BIGINT),), columns=(Column("text", Kind.TEXT),))
SAMPLE = View("sample", version=1, about="every kind of column", tables=(MIXED, COUNTED))
Made = tuple[Key, Values]
Handle = Callable[[Read, Rows], tuple[Change, ...]]
_numbers = itertools.count(1)


def written(
    begun: Sequence[tuple[Key, Values, int, int | None]] = (), ended: Sequence[tuple[Key, int, int]] = ()
) -> Written:
    """Return what a batch does to one table."""
    return Written(list(begun), list(ended))


def build_of(connection: psycopg.Connection[Any], view: View) -> PostgresViewStore:
    """Begin a build of a view over a projector's connection and return its store."""
    schema = f"{view.name}_of_tests_{next(_numbers)}"
    connection.execute(
        "INSERT INTO views.projection (schema, name, version, state, indexed) VALUES (%s, %s, %s, 'building', false)",
        (schema, schema, view.version),
    )
    create_tables(connection, view, schema)
    return PostgresViewStore(connection, view, schema)


def fill(store: Any, view: View, rows: Sequence[tuple[Table, Key, Values, int, int | None]], position: int) -> None:
    """Write rows (table, key, values, valid_from, valid_to) into an empty store and move it to a position."""
    tables: dict[str, Written] = {table.name: Written([], []) for table in view.tables}
    for table, key, values, start, end in rows:
        tables[table.name].begun.append((key, values, start, end))
    store.write(0, Batch(position, tables))


def projector_connection(database: LedgerDatabase) -> psycopg.Connection[Any]:
    """Return a connection of the projector's."""
    return psycopg.connect(database.dsn(PROJECTOR), autocommit=True)


STREAM = Table("stream", key=(Column("stream", Kind.UUID),), columns=(Column("events", Kind.BIGINT),))
SEEN = Table("seen", key=(Column("index", Kind.BIGINT),), columns=(Column("type", Kind.TEXT),))


def count(read: Read, rows: Rows) -> tuple[Change, ...]:
    """Keep the type of each entry, and how many events each stream has."""
    (before,) = rows.get(STREAM, (read.envelope.stream_id,)) or (0,)
    counted = Put(STREAM, (read.envelope.stream_id,), (before + 1,))
    return New(SEEN, (read.index,), (read.event.TYPE,)), counted


def counting(name: str, version: int = 1, handle: Handle = count) -> View:
    """Return a view that counts events by stream, or does with each entry what `handle` says."""
    return View(name, version, "events of streams", (STREAM, SEEN), every=On(Event, handle))


def counted(rows: Sequence[LedgerRow]) -> dict[Key, Values]:
    """Return the rows of STREAM that these entries make, in the slow way."""
    streams = [read_header(row.entry).stream_id for row in rows]
    return {(stream,): (streams.count(stream),) for stream in streams}


def restored(database: LedgerDatabase, rows: Sequence[LedgerRow]) -> None:
    """Put entries of whatever time into an empty ledger, as a restore does."""
    headers = [read_header(row.entry) for row in rows]
    columns = (
        [header.stream_id for header in headers],
        [header.stream_version for header in headers],
        [header.recorded_at for header in headers],
        [row.type for row in rows],
        [row.entry for row in rows],
    )
    call = "SELECT ledger.restore(0, %s::uuid[], %s::int8[], %s::int8[], %s::text[], %s::bytea[])"
    with psycopg.connect(database.superuser) as connection:
        connection.execute(call, columns)
