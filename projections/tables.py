"""Tables of views: rows that begin and end at ledger indexes, so that every earlier answer can still be given.

A row stands from the index of the entry that made it (`valid_from`) until the index of the entry that replaced or
removed it (`valid_to`, none while it stands). "As of N" are the rows with valid_from <= N that end behind N. A key has
at most one row at a time. Nothing that time alone changes is a row: intervals of the world are columns of their own.
A NUL, which an event's text may hold and PostgreSQL's may not, stands as U+2400 in rows.

The state of a view is its rows with both indexes; its digest is SHA-256 over them (see `digest_lines`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID

Key = tuple[Any, ...]
Values = tuple[Any, ...]


class Kind(StrEnum):
    """Types of columns, by their names in PostgreSQL."""

    UUID = "uuid"
    BIGINT = "bigint"
    TEXT = "text"
    BYTES = "bytea"
    BOOLEAN = "boolean"
    TEXTS = "text[]"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; key columns are never null."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a view. `indexes` are further columns by which it is asked."""

    name: str
    key: tuple[Column, ...]
    columns: tuple[Column, ...]
    indexes: tuple[str, ...] = ()
    _places: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {column.name: place for place, column in enumerate(self.columns)})

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Return key and other columns, in order; both indexes follow them in the store."""
        return (*self.key, *self.columns)

    def place(self, name: str) -> int:
        """Return the place of a column among the values of a row (key columns are not among them)."""
        return self._places[name]

    def changed(self, values: Values, **changes: Any) -> Values:
        """Return the values of a row with those of some columns replaced."""
        changed = list(values)
        for name, value in changes.items():
            changed[self._places[name]] = value
        return tuple(changed)


@dataclass(frozen=True, slots=True)
class Row:
    """A row that stands, and since when."""

    values: Values
    valid_from: int


@dataclass(frozen=True, slots=True)
class New:
    """A key that never had a row has this one from here on: nothing needs to be read. A store refuses a second one."""

    table: Table
    key: Key
    values: Values


@dataclass(frozen=True, slots=True)
class Put:
    """The row of a key is this one from here on."""

    table: Table
    key: Key
    values: Values


@dataclass(frozen=True, slots=True)
class Drop:
    """A key has no row from here on."""

    table: Table
    key: Key


Change = New | Put | Drop
Place = tuple[str, Key]


class Rows(Protocol):
    """The rows as they stand before an entry; a handler looks at nothing else."""

    def get(self, table: Table, key: Key) -> Values | None:
        """Return the values of the row of a key, None where there is none."""


def standing(table: Table, key: Key, rows: Rows) -> Values:
    """Return the values of a row that an earlier entry must have made. Raises: LookupError, which stops the view."""
    values = rows.get(table, key)
    if values is None:
        raise LookupError(f"{table.name} {' '.join(map(str, key))} has no row, though it was made before")
    return values


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch does to one table: rows that begin, each with its end if that lies in the batch, and rows that end.

    `begun` are (key, values, valid_from, valid_to); `ended` are (key, valid_from, valid_to) of rows begun before.
    """

    begun: list[tuple[Key, Values, int, int | None]]
    ended: list[tuple[Key, int, int]]


NULL: Final = "\\N"
SHOWN_NUL: Final = "\u2400"


def storable(values: Values) -> Values:
    """Return values as every store can hold them: SHOWN_NUL for each NUL in a text or in the texts of an array."""
    for value in values:
        if (type(value) is str and "\0" in value) or (type(value) is tuple and any("\0" in one for one in value)):
            return tuple(map(_without_nul, values))
    return values


def _without_nul(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_without_nul, value))
    return value.replace("\0", SHOWN_NUL) if isinstance(value, str) else value


def digest(tables: Iterable[tuple[Table, Iterable[Sequence[Any]]]]) -> bytes:
    """Return SHA-256 over the rows of all tables: each in order of key and valid_from, tables in order of name."""
    state = sha256()
    for table, rows in sorted(tables, key=lambda one: one[0].name):
        for line in digest_lines(table, rows):
            state.update(line)
    return state.digest()


def digest_lines(table: Table, rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield what is hashed of a table: its name, then a line for each row, columns parted by tabs, `\\N` for null.

    These are the bytes that PostgreSQL's COPY writes as text, so that a store hashes what it streams.
    """
    yield f"{table.name}\n".encode()
    for row in rows:
        yield text_line(row).encode()


def text_line(row: Iterable[Any]) -> str:
    """Return a row as COPY writes and reads it."""
    return "\t".join([_TEXTS.get(type(value), _escaped)(value) for value in row]) + "\n"


def _null(_: None) -> str:
    return NULL


def _boolean(value: bool) -> str:
    return "t" if value else "f"


def _bytes(value: bytes) -> str:
    return f"\\\\x{value.hex()}"


@lru_cache(maxsize=4_096)  # levels of a traceable set and the like come again and again
def _array(value: tuple[str, ...]) -> str:
    return _escaped("{" + ",".join([_item(str(one)) for one in value]) + "}")


def _item(text: str) -> str:
    """Return an item of a text array as PostgreSQL writes it."""
    if _PLAIN_ITEM.fullmatch(text) and text.upper() != "NULL":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(value: Any) -> str:
    text = str(value)
    return text.translate(_ESCAPES) if _TO_ESCAPE.search(text) else text


_PLAIN_ITEM: Final = re.compile(r'[^{},"\\ \t\n\r\v\f]+')
_TO_ESCAPE: Final = re.compile(r"[\\\b\f\n\r\t\v]")
_ESCAPES: Final[Mapping[int, str]] = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)
_TEXTS: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): _null,
    bool: _boolean,
    int: str,
    UUID: str,
    bytes: _bytes,
    tuple: _array,
    list: lambda value: _array(tuple(value)),
}
