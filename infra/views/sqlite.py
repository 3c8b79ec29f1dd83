"""A view in SQLite, inside a transaction that somebody else opened and ends: nothing here commits.

    view_state         a row for each view: how far it is, of which version, and the entry at which it stopped
    <view>_<table>     its rows: key, columns, valid_from, valid_to; at most one of a key stands (valid_to is null)

Identifiers are BLOBs of 16 bytes, arrays of texts JSON, booleans 0 and 1; what is read is what was written. Keys are in
order of their bytes, so that digests are those of the other stores. The name of a view holds no underscore.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.errors import Conflict, Invalid, Unavailable
from projections.runner import REASON_CHARACTERS_MAX, Batch, Poison, Standing
from projections.tables import Column, Key, Kind, Place, Row, Table, Written, digest
from projections.view import View

STATE: Final = """
CREATE TABLE IF NOT EXISTS view_state (
    name TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL,
    poison_index INTEGER, poison_reason TEXT) STRICT;
"""
"""The script of the table that says how far each view is."""
_NOT_HELD: Final = (
    *(OverflowError, UnicodeEncodeError, AttributeError, TypeError),
    *(sqlite3.InterfaceError, sqlite3.ProgrammingError),
)
"""What a value raises on its way in that SQLite has no form for."""
_COLUMNS: Final = "name, version, position, poison_index, poison_reason"
_MOVE: Final = "UPDATE view_state SET position = ?, poison_index = ?, poison_reason = ? WHERE name = ? AND position = ?"
_TYPES: Final = {
    Kind.UUID: "BLOB",
    Kind.BIGINT: "INTEGER",
    Kind.TEXT: "TEXT",
    Kind.BYTES: "BLOB",
    Kind.BOOLEAN: "INTEGER",
    Kind.TEXTS: "TEXT",
}


def _same(value: Any) -> Any:
    return value


_WRITE: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.UUID: lambda value: value.bytes,
    Kind.TEXTS: lambda value: json.dumps(value, ensure_ascii=False),
}
_READ: Final[dict[Kind, Callable[[Any], Any]]] = {
    Kind.UUID: lambda value: UUID(bytes=value),
    Kind.BOOLEAN: bool,
    Kind.TEXTS: lambda value: tuple(json.loads(value)),
}


@dataclass(frozen=True, slots=True)
class State:
    """How far a view is."""

    name: str
    version: int
    position: int
    poison: Poison | None


class SqliteViewStore:
    """The rows of one view; see `projections.runner.Store`. One connection in autocommit mode, one thread."""

    def __init__(self, connection: sqlite3.Connection, view: View) -> None:
        """Use a connection; the view is begun there (`begin`) before anything else is asked."""
        self._connection = connection
        self._view = view
        self._forms = {table.name: _Form(view, table) for table in view.tables}

    def begin(self) -> None:
        """Make the view's tables, empty, at position 0. Raises: Unavailable."""
        with answering():
            for form in self._forms.values():
                for statement in form.make:
                    self._connection.execute(statement)
            self._connection.execute(
                f"INSERT INTO view_state ({_COLUMNS}) VALUES (?, ?, 0, NULL, NULL)",
                (self._view.name, self._view.version),
            )

    def position(self) -> int:
        """Return the index of the first entry that is not taken in. Raises: Unavailable."""
        with answering():
            row = self._connection.execute("SELECT position FROM view_state WHERE name = ?", (self._view.name,))
            return int(row.fetchone()[0])

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        """Return the standing rows of these keys. Raises: Unavailable."""
        found: dict[Place, Row] = {}
        with answering():
            for table, key in places:
                form = self._forms[table.name]
                try:
                    row = self._connection.execute(form.select, form.key_in(key)).fetchone()
                except _NOT_HELD:
                    continue  # no row has a key that cannot be held
                if row is not None:
                    found[table.name, key] = Row(form.values_out(row), row[-1])
        return found

    def write(self, before: int, batch: Batch) -> None:
        """Write rows and position, or nothing; see the port. Raises: Conflict, Invalid, Unavailable."""
        with answering(), self._all_or_nothing():
            try:
                self._write_all(before, batch)
            except (sqlite3.IntegrityError, sqlite3.DataError, *_NOT_HELD) as err:
                raise Invalid(f"{self._view.name}: a row that SQLite cannot hold: {str(err)[:200]}") from err

    def _write_all(self, before: int, batch: Batch) -> None:
        said = (None, None) if batch.poison is None else (batch.poison.index, _sayable(batch.poison.reason))
        moved = self._connection.execute(_MOVE, (batch.position, *said, self._view.name, before))
        if moved.rowcount != 1:
            raise Conflict(f"{self._view.name}: expected position {before}, found another: somebody else builds it")
        for name, written in batch.written.items():
            self._write(name, written)

    def _write(self, name: str, written: Written) -> None:
        form = self._forms[name]
        if written.ended:
            ends = [(end, *form.key_in(key)) for key, _, end in written.ended]
            if self._connection.executemany(form.end, ends).rowcount != len(ends):
                raise Conflict(f"{self._view.name}.{name}: expected {len(ends)} standing rows, found others")
        if written.begun:
            rows = [(*form.row_in(key, values), start, end) for key, values, start, end in written.begun]
            self._connection.executemany(form.insert, rows)

    def rewind(self, index: int) -> None:
        """Undo what came of entry `index` and all behind it; a view that stopped there or behind goes on.

        Raises: Unavailable.
        """
        with answering():
            for form in self._forms.values():
                self._connection.execute(f"DELETE FROM {form.place} WHERE valid_from >= ?", (index,))
                self._connection.execute(f"UPDATE {form.place} SET valid_to = NULL WHERE valid_to >= ?", (index,))
            self._connection.execute(
                "UPDATE view_state SET position = min(position, ?1), "
                "poison_reason = CASE WHEN poison_index < ?1 THEN poison_reason END, "
                "poison_index = CASE WHEN poison_index < ?1 THEN poison_index END WHERE name = ?2",
                (index, self._view.name),
            )

    def digest(self) -> bytes:
        """Return the digest of the view's state, as the transaction sees it. Raises: Unavailable."""
        with answering():
            return digest((form.table, self._rows(form)) for form in self._forms.values())

    def _rows(self, form: "_Form") -> Iterator[Sequence[Any]]:
        for row in self._connection.execute(form.read):
            yield form.row_out(row)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        self._connection.execute("SAVEPOINT view_batch")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # a full disk has ended the whole transaction already
                self._connection.execute("ROLLBACK TO view_batch")
                self._connection.execute("RELEASE view_batch")
            raise
        self._connection.execute("RELEASE view_batch")


class _Form:
    """One table as SQLite has it: its statements, and its rows on their way in and out."""

    def __init__(self, view: View, table: Table) -> None:
        self.table = table
        self.place = _quoted(f"{view.name}_{table.name}")
        keys = [_quoted(column.name) for column in table.key]
        values = [_quoted(column.name) for column in table.columns]
        same = " AND ".join(f"{key} = ?" for key in keys)
        every = ", ".join((*keys, *values, "valid_from", "valid_to"))
        standing = _quoted(f"{view.name}_{table.name}_standing")
        self.make = (
            f"CREATE TABLE {self.place} ({', '.join(_definitions(table))}) STRICT",
            f"CREATE UNIQUE INDEX {standing} ON {self.place} ({', '.join(keys)}) WHERE valid_to IS NULL",
        )
        self.select = f"SELECT {', '.join((*values, 'valid_from'))} FROM {self.place} WHERE {same} AND valid_to IS NULL"
        self.end = f"UPDATE {self.place} SET valid_to = ? WHERE {same} AND valid_to IS NULL"
        self.insert = f"INSERT INTO {self.place} ({every}) VALUES ({', '.join('?' * (len(table.all_columns) + 2))})"
        self.read = f"SELECT {every} FROM {self.place} ORDER BY {', '.join((*keys, 'valid_from'))}"
        self._key_in = _converters(table.key, _WRITE)
        self._values_in = _converters(table.columns, _WRITE)
        self._values_out = _converters(table.columns, _READ)
        self._row_out = (*_converters(table.all_columns, _READ), _same, _same)

    def key_in(self, key: Key) -> list[Any]:
        return _converted(self._key_in, key)

    def row_in(self, key: Key, values: Sequence[Any]) -> list[Any]:
        return [*self.key_in(key), *_converted(self._values_in, values)]

    def values_out(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of a row that `select` gave; the index behind them is left out."""
        return tuple(_converted(self._values_out, row[:-1]))

    def row_out(self, row: Sequence[Any]) -> list[Any]:
        return _converted(self._row_out, row)


def _converters(columns: Sequence[Column], by_kind: dict[Kind, Callable[[Any], Any]]) -> tuple[Any, ...]:
    return tuple(by_kind.get(column.kind, _same) for column in columns)


def _converted(converters: Sequence[Callable[[Any], Any]], values: Sequence[Any]) -> list[Any]:
    return [None if value is None else to(value) for to, value in zip(converters, values, strict=True)]


def _definitions(table: Table) -> list[str]:
    keys = [f"{_quoted(column.name)} {_TYPES[column.kind]} NOT NULL" for column in table.key]
    values = [f"{_quoted(column.name)} {_TYPES[column.kind]}" for column in table.columns]
    return [*keys, *values, "valid_from INTEGER NOT NULL", "valid_to INTEGER"]


def _quoted(name: str) -> str:
    return f'"{name}"'


def _sayable(reason: str) -> str:
    return reason[:REASON_CHARACTERS_MAX].encode("utf-8", "replace").decode()


def states(connection: sqlite3.Connection) -> dict[str, State]:
    """Return how far each view is that was begun, by name. Raises: Unavailable."""
    with answering():
        rows = connection.execute(f"SELECT {_COLUMNS} FROM view_state ORDER BY name").fetchall()
    return {
        name: State(name, version, position, None if index is None else Poison(index, reason))
        for name, version, position, index, reason in rows
    }


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Throw a view away, whatever tables its version had. Raises: Unavailable."""
    with answering():
        found = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB ?", (f"{name}_*",)
        )
        for (table,) in found.fetchall():
            connection.execute(f"DROP TABLE {_quoted(table)}")
        connection.execute("DELETE FROM view_state WHERE name = ?", (name,))


@contextmanager
def answering() -> Iterator[None]:
    """Tell what SQLite does not answer, a damaged file included: no entry is at fault. Raises: Unavailable."""
    try:
        yield
    except sqlite3.Error as err:
        raise Unavailable(f"expected to use the views' tables, found {err}") from err
