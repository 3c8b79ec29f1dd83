"""A view in PostgreSQL: each build has a schema of its own, one row in `views.projection` says how far it is.

Standing rows are found by a unique partial index on the key; indexes for questions are made when a build has caught up.
Rows are written by COPY, in the text that the digest is over.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import psycopg
from psycopg import sql

from domain.errors import Conflict, Invalid, Unavailable
from infra.failpoints import failpoint
from projections.runner import REASON_CHARACTERS_MAX, Batch, Poison, Standing
from projections.tables import Key, Kind, Place, Row, Table, Written, text_line
from projections.view import View

_POSITION: Final = "SELECT position FROM {} WHERE schema = %s"
_MOVE: Final = "UPDATE {} SET position = %s, poison_index = %s, poison_reason = %s WHERE schema = %s AND position = %s"
REGISTER: Final = sql.Identifier("views", "projection")
SCRATCH: Final = "pg_temp"
"""The schema of one session that PostgreSQL removes when that ends, however it does; nobody else sees it."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build of a view: its schema and how far it is."""

    name: str
    version: int
    schema: str
    state: str
    position: int
    indexed: bool
    poison: Poison | None


@contextmanager
def answering(error: type[psycopg.Error] = psycopg.Error) -> Iterator[None]:
    """Tell that a database does not answer, by this class of its errors. Raises: Unavailable."""
    try:
        yield
    except error as err:
        raise Unavailable(f"the views' database does not answer: {str(err).splitlines()[0][:200]}") from err


class PostgresViewStore:
    """The rows of one build; see `projections.runner.Store`. One connection, one thread."""

    def __init__(
        self, connection: psycopg.Connection[Any], view: View, schema: str, register: sql.Identifier = REGISTER
    ) -> None:
        """Use a connection of the projector's in autocommit; the build is there, and has its row in `register`."""
        self._connection = connection
        self._view = view
        self._schema = schema
        self._where = sql.SQL(_POSITION).format(register)
        self._move = sql.SQL(_MOVE).format(register)
        self._select = {table.name: _standing(schema, table) for table in view.tables}
        self._end = {table.name: _ending(schema, table) for table in view.tables}
        self._copy = {table.name: _copying(schema, table) for table in view.tables}

    def position(self) -> int:
        """Return the index of the first entry that is not taken in. Raises: Unavailable."""
        with answering():
            row = self._connection.execute(self._where, (self._schema,)).fetchone()
        if row is None:
            raise Unavailable(f"the build {self._schema} is gone: another program has replaced it")
        return int(row[0])

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        """Return the standing rows of these keys. Raises: Unavailable."""
        found: dict[Place, Row] = {}
        wanted: dict[str, tuple[Table, list[Key]]] = {}
        for table, key in places:
            wanted.setdefault(table.name, (table, []))[1].append(key)
        for table, keys in wanted.values():
            width = len(table.key)
            arrays = [list(column) for column in zip(*keys, strict=True)]
            for row in self._asked(table, arrays):
                values = tuple(tuple(one) if isinstance(one, list) else one for one in row[width:-1])
                found[table.name, tuple(row[:width])] = Row(values, row[-1])
        return found

    def _asked(self, table: Table, arrays: list[list[Any]]) -> list[tuple[Any, ...]]:
        with answering(psycopg.OperationalError):  # a key that it cannot hold is the entry's fault
            return self._connection.execute(self._select[table.name], arrays, prepare=True, binary=True).fetchall()

    def write(self, before: int, batch: Batch) -> None:
        """Write rows and position in one transaction. Raises: Conflict, Invalid (rows it cannot hold), Unavailable."""
        with answering():
            try:
                self._write_all(before, batch)
            except (psycopg.IntegrityError, psycopg.DataError) as err:
                raise Invalid(f"{self._view.name}: {str(err).splitlines()[0][:200]}") from err

    def _write_all(self, before: int, batch: Batch) -> None:
        poison = batch.poison
        said = (None, None) if poison is None else (poison.index, poison.reason[:REASON_CHARACTERS_MAX])
        with self._connection.transaction():
            moved = self._connection.execute(self._move, (batch.position, *said, self._schema, before), prepare=True)
            if moved.rowcount != 1:
                raise Conflict(f"{self._view.name}: expected position {before}, found another: somebody else builds it")
            failpoint("views.moved")
            for name, written in batch.written.items():
                self._write(self._view.table(name), written)
            failpoint("views.written")
        failpoint("views.committed")

    def _write(self, table: Table, written: Written) -> None:
        if written.ended:
            keys = [list(column) for column in zip(*(one[0] for one in written.ended), strict=True)]
            ends = [one[2] for one in written.ended]
            done = self._connection.execute(self._end[table.name], [*keys, ends], prepare=True)
            if done.rowcount != len(ends):
                raise Conflict(f"{self._view.name}.{table.name}: expected {len(ends)} standing rows, found others")
        if written.begun:
            lines = "".join(text_line((*key, *values, start, end)) for key, values, start, end in written.begun)
            with self._connection.cursor() as cursor, cursor.copy(self._copy[table.name]) as copy:
                copy.write(lines.encode())

    def counts(self) -> dict[str, int]:
        """Return how many rows stand in each table. Raises: Unavailable."""
        query = sql.SQL("SELECT count(*) FROM {} WHERE valid_to IS NULL")
        found = {}
        for table in self._view.tables:
            row = self._connection.execute(query.format(sql.Identifier(self._schema, table.name))).fetchone()
            found[table.name] = int(row[0]) if row else 0
        return found

    def digest(self) -> bytes:
        """Return the digest of the build's state, as it stands in one snapshot. Raises: Unavailable."""
        return self.state()[1]

    def state(self) -> tuple[int, bytes]:
        """Return the position and the digest of the rows there, in one snapshot. Raises: Unavailable."""
        state = sha256()
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            position = self.position()
            for table in sorted(self._view.tables, key=lambda one: one.name):
                state.update(f"{table.name}\n".encode())
                for block in self._blocks(table):
                    state.update(block)
        return position, state.digest()

    def _blocks(self, table: Table) -> Iterator[Any]:
        columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.all_columns)
        order = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key)
        query = sql.SQL("COPY (SELECT {}, valid_from, valid_to FROM {} ORDER BY {}, valid_from) TO STDOUT").format(
            columns, sql.Identifier(self._schema, table.name), order
        )
        with self._connection.cursor() as cursor, cursor.copy(query) as copy:
            yield from copy


def create_scratch(connection: psycopg.Connection[Any], view: View) -> PostgresViewStore:
    """Make the tables of a view, empty, in the scratch schema of this session, and return its store."""
    register = sql.Identifier(SCRATCH, "projection")
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS)").format(register, REGISTER))
    begin = "INSERT INTO {} (schema, name, version, state, indexed) VALUES (%s, %s, %s, 'replay', false)"
    connection.execute(sql.SQL(begin).format(register), (SCRATCH, view.name, view.version))
    _make_tables(connection, view, SCRATCH)
    return PostgresViewStore(connection, view, SCRATCH, register)


def create_tables(connection: psycopg.Connection[Any], view: View, schema: str) -> None:
    """Make the schema and the tables of a build; the reader may read them."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO edgeprint_reader").format(sql.Identifier(schema)))
    _make_tables(connection, view, schema)
    for table in view.tables:
        place = sql.Identifier(schema, table.name)
        connection.execute(sql.SQL("GRANT SELECT ON {} TO edgeprint_reader").format(place))


def _make_tables(connection: psycopg.Connection[Any], view: View, schema: str) -> None:
    for table in view.tables:
        place = sql.Identifier(schema, table.name)
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(one.kind.value)) for one in table.all_columns
        )
        span = sql.SQL("valid_from bigint NOT NULL, valid_to bigint CHECK (valid_to > valid_from)")
        connection.execute(sql.SQL("CREATE TABLE {} ({}, {})").format(place, columns, span))
        key = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key)
        connection.execute(sql.SQL("CREATE UNIQUE INDEX ON {} ({}) WHERE valid_to IS NULL").format(place, key))


def create_indexes(connection: psycopg.Connection[Any], view: View, schema: str) -> None:
    """Make the indexes for questions: by each key's history, and by the columns that a table is asked by."""
    for table in view.tables:
        place = sql.Identifier(schema, table.name)
        key = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key)
        connection.execute(sql.SQL("CREATE INDEX ON {} ({}, valid_from)").format(place, key))
        for name in table.indexes:
            connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(place, sql.Identifier(name)))
        connection.execute(sql.SQL("ANALYZE {}").format(place))


def _typed(kind: Kind) -> sql.SQL:
    return sql.SQL(f"%s::{kind.value}[]")


def _standing(schema: str, table: Table) -> sql.Composed:
    """Return the query for the standing rows of keys: each is looked up by itself, whatever the planner would guess.

    A join would be free to read the whole table first, and does while there are no statistics.
    """
    return sql.SQL(
        "SELECT {}, t.valid_from FROM unnest({}) AS wanted ({}) CROSS JOIN LATERAL ("
        "SELECT * FROM {} AS t WHERE {} AND t.valid_to IS NULL LIMIT 1) AS t"
    ).format(
        sql.SQL(", ").join(sql.Identifier("t", column.name) for column in table.all_columns),
        sql.SQL(", ").join(_typed(column.kind) for column in table.key),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key),
        sql.Identifier(schema, table.name),
        _same_key(table, "wanted"),
    )


def _ending(schema: str, table: Table) -> sql.Composed:
    return sql.SQL(
        "UPDATE {place} AS t SET valid_to = found.valid_to FROM ("
        "SELECT ended.valid_to, standing.row FROM unnest({arrays}, %s::bigint[]) AS ended ({names}, valid_to) "
        "CROSS JOIN LATERAL ("
        "SELECT t.ctid AS row FROM {place} AS t WHERE {same} AND t.valid_to IS NULL LIMIT 1) AS standing"
        ") AS found WHERE t.ctid = found.row"
    ).format(
        place=sql.Identifier(schema, table.name),
        arrays=sql.SQL(", ").join(_typed(column.kind) for column in table.key),
        names=sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key),
        same=_same_key(table, "ended"),
    )


def _same_key(table: Table, other: str) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", column.name), sql.Identifier(other, column.name))
        for column in table.key
    )


def _copying(schema: str, table: Table) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.all_columns)
    return sql.SQL("COPY {} ({}, valid_from, valid_to) FROM STDIN").format(sql.Identifier(schema, table.name), columns)
