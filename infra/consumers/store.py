"""A consumer's store: one SQLite file that holds read model, cursor and waiting entries, moved in one transaction.

    consumer   the epoch of whoever has it, and the cursor
    waiting    entries among the dead letters (`consumers.ports.Waiting`), `retry` = 1 once asked for
    ...        the tables of the handler, made by the script that comes with its rows

`take_over` raises the epoch; a transaction that moves the cursor is conditional on it, so whoever had the store before
writes nothing more (Conflict). WAL with synchronous=FULL: what a transaction returned from is on disk. Trust: the file
is believed; whoever can write it decides what its consumer shows, and `rewind --to-index 0` makes it anew from Kafka.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

from consumers.feed import Cursor, parse_cursor, rewound
from consumers.ports import Waiting
from domain.errors import Conflict, Invalid, Unavailable

BUSY_S: Final = 10.0
RETRY_AT_ONCE_MAX: Final = 1_000
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS consumer (
    one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, cursor TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS waiting (
    ledger_index INTEGER PRIMARY KEY, stream BLOB NOT NULL, leaf BLOB NOT NULL, letter INTEGER NOT NULL,
    reason TEXT NOT NULL, attempts INTEGER NOT NULL, retry INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS waiting_stream ON waiting (stream, ledger_index);
"""
_WAITING: Final = "SELECT ledger_index, stream, leaf, letter, reason, attempts FROM waiting"

Rows = TypeVar("Rows")


@contextmanager
def answering(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as ours: Invalid for a damaged file, Unavailable for a disk or a lock that says no."""
    try:
        yield
    except sqlite3.OperationalError as err:
        raise Unavailable(f"{path}: expected to use the consumer's store, found {err}") from err
    except sqlite3.DatabaseError as err:
        if isinstance(err, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        raise Invalid(f"{path}: expected a consumer's store, found {err}") from err


class StoreTransaction(Generic[Rows]):
    """`consumers.ports.Transaction` over an open one."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows) -> None:
        self._connection = connection
        self.rows = rows

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo what the block wrote if it raises. Raises: Unavailable where the database has undone all."""
        self._connection.execute("SAVEPOINT attempt")
        try:
            yield
        except BaseException as err:
            if not self._connection.in_transaction:  # a full disk ends it: what is tried now would stand without cursor
                raise Unavailable(f"expected the store's transaction to go on, found it ended: {err}") from err
            self._connection.execute("ROLLBACK TO attempt")
            self._connection.execute("RELEASE attempt")
            raise
        self._connection.execute("RELEASE attempt")

    def park(self, waiting: Sequence[Waiting]) -> None:
        """Keep entries that wait."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO waiting (ledger_index, stream, leaf, letter, reason, attempts) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(one.index, one.stream, one.leaf, one.letter, one.reason, one.attempts) for one in waiting],
        )

    def unpark(self, index: int) -> None:
        """Forget that an entry waits."""
        self._connection.execute("DELETE FROM waiting WHERE ledger_index = ?", (index,))

    def stop_retrying(self, stream: bytes, reason: str) -> None:
        """End the retry of a stream."""
        self._connection.execute("UPDATE waiting SET retry = 0 WHERE stream = ?", (stream,))
        self._connection.execute(
            "UPDATE waiting SET reason = ?, attempts = attempts + 1 WHERE ledger_index = "
            "(SELECT min(ledger_index) FROM waiting WHERE stream = ?)",
            (reason, stream),
        )


class ConsumerStore(Generic[Rows]):
    """`consumers.ports.Store` in one file. One thread at a time."""

    def __init__(self, path: Path, tables: str, make_rows: Callable[[sqlite3.Connection], Rows]) -> None:
        """Open or make the file; `tables` is the script of the handler's tables, `make_rows` gives its port.

        Raises:
            Unavailable: the file cannot be opened.
            Invalid: it is no SQLite database.
        """
        self._path = path
        self._make_rows = make_rows
        self._epoch = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as err:
            raise Unavailable(f"{path.parent}: expected to make the folder, found {err.strerror}") from err
        with answering(path):
            self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_TABLES + tables)
            self._connection.execute(
                "INSERT OR IGNORE INTO consumer (one, epoch, cursor) VALUES (1, 0, ?)", (Cursor().encode(),)
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def take_over(self) -> Cursor:
        """Return the cursor and fence whoever had the store before; see the port."""
        with answering(self._path):
            (epoch,) = self._connection.execute("UPDATE consumer SET epoch = epoch + 1 RETURNING epoch").fetchone()
        self._epoch = epoch
        return self.cursor()

    def cursor(self) -> Cursor:
        """Return the cursor, fencing nobody. Raises: Invalid if it does not parse."""
        with answering(self._path):
            (text,) = self._connection.execute("SELECT cursor FROM consumer").fetchone()
        return parse_cursor(text)

    @contextmanager
    def transaction(self, cursor: Cursor | None) -> Iterator[StoreTransaction[Rows]]:
        """Give a transaction that moves the cursor, if one is given; see the port."""
        with answering(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                moved = self._connection.execute(
                    "UPDATE consumer SET cursor = coalesce(?, cursor) WHERE epoch = ?",
                    (cursor.encode() if cursor else None, self._epoch),
                )
                if moved.rowcount == 0:
                    raise Conflict(f"{self._path}: another process has taken this consumer over")
                yield StoreTransaction(self._connection, self._make_rows(self._connection))
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def parked(self) -> set[bytes]:
        """Return the streams that have entries waiting."""
        with answering(self._path):
            return {stream for (stream,) in self._connection.execute("SELECT DISTINCT stream FROM waiting")}

    def to_retry(self) -> list[Waiting]:
        """Return entries whose retry was asked for, RETRY_AT_ONCE_MAX at most, by stream in order of index."""
        with answering(self._path):
            found = self._connection.execute(
                f"{_WAITING} WHERE retry = 1 ORDER BY stream, ledger_index LIMIT {RETRY_AT_ONCE_MAX}"
            )
            return [Waiting(*row) for row in found]

    def waiting(self) -> list[Waiting]:
        """Return all that waits, in order of index."""
        with answering(self._path):
            return [Waiting(*row) for row in self._connection.execute(f"{_WAITING} ORDER BY ledger_index")]

    def ask_to_retry(self, stream: bytes | None) -> int:
        """Ask for a retry of a stream's waiting entries, of all streams' if None; return how many those are."""
        with answering(self._path):
            asked = self._connection.execute("UPDATE waiting SET retry = 1 WHERE ?1 IS NULL OR stream = ?1", (stream,))
            return asked.rowcount

    def rewind(self, index: int, undo: Callable[[Rows, int], None]) -> None:
        """Let entry `index` and all behind it be delivered again; `undo` takes back what came of them.

        Fences whoever runs the consumer: it ends, and the next one verifies everything from the beginning.
        """
        self.take_over()
        with self.transaction(rewound(index)) as transaction:
            self._connection.execute("DELETE FROM waiting WHERE ledger_index >= ?", (index,))
            undo(transaction.rows, index)
