"""A consumer for tests: it counts entries in SQLite, and fails where it is told to."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from consumers.feed import Cursor, Delivery
from infra.consumers.store import ConsumerStore
from tests.sealer_kit import POLICY

OPENED: list[ConsumerStore[Any]] = []


class Counts:
    """How many entries of each stream came, in SQLite."""

    TABLES = "CREATE TABLE IF NOT EXISTS counts (stream BLOB, ledger_index INTEGER, PRIMARY KEY (stream, ledger_index))"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def add(self, entry: Delivery) -> None:
        self.connection.execute("INSERT INTO counts VALUES (?, ?)", (entry.stream, entry.index))

    def cut(self, index: int) -> None:
        self.connection.execute("DELETE FROM counts WHERE ledger_index >= ?", (index,))


class Counting:
    """A handler that counts, and fails where it is told to."""

    name = "counting"
    types: Sequence[str] | None = None

    def __init__(self, fails: Callable[[Delivery], object] = lambda _entry: None) -> None:
        self.fails = fails
        self.seals: list[int] = []
        self.size_of: Callable[[bytes], int] = lambda note: POLICY.verify_checkpoint(note).size

    def apply(self, rows: Counts, entries: Sequence[Delivery]) -> None:
        for entry in entries:
            self.fails(entry)
            rows.add(entry)

    def seal(self, rows: Counts, cursor: Cursor, note: bytes) -> None:
        assert self.size_of(note) == cursor.size
        self.seals.append(cursor.size)

    def rewind(self, rows: Counts, index: int) -> None:
        rows.cut(index)


def fails_on(*indexes: int) -> Callable[[Delivery], None]:
    def fail(entry: Delivery) -> None:
        if entry.index in indexes:
            raise KeyError(f"cannot digest {entry.index}")

    return fail


def open_counts(path: Path) -> ConsumerStore[Counts]:
    """Open a store that `close_stores` closes."""
    OPENED.append(ConsumerStore(path, Counts.TABLES, Counts))
    return OPENED[-1]


def close_stores() -> None:
    """Close every store that was opened."""
    while OPENED:
        OPENED.pop().close()


def counted(path: Path) -> list[int]:
    """Return the indexes counted, in order."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT ledger_index FROM counts ORDER BY ledger_index")
        return [index for (index,) in found]
