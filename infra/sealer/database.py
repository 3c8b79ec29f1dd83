"""The sealer's side of PostgreSQL: rows in index order, published notes, and the log-wide claim to be the only sealer.

All three are one connection as role `edgeprint_sealer`, on purpose: the claim is a session's advisory lock, so whoever
can still write a note through this connection still holds it. A lost connection is never replaced silently; the sealer
has to `acquire` again, which it does before it believes anything (`Sealer` recovers).

The claim needs a session of its own: a pooler in transaction mode between us and the server would share it.
Notes are announced on channel `edgeprint_sealed`, with the sealed size as payload, in the transaction that keeps them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from domain.errors import Conflict, Unavailable
from infra.store.link import lively
from producers.ports import LedgerRow
from producers.sealer_ports import ROWS_READ_BYTES_MAX

SEALER_LOCK: Final = 0x65645365616C6572  # "edSealer"
SEALED_CHANNEL: Final = "edgeprint_sealed"
NOTES_PAGE: Final = 1_000
# The running sum looks at lengths only, so that a read of large entries is cut by the server and never held by us.
_ROWS: Final = (
    "SELECT ledger_index, type, entry, leaf_hash FROM (SELECT ledger_index, type, entry, leaf_hash, "
    "sum(octet_length(entry)) OVER (ORDER BY ledger_index ROWS UNBOUNDED PRECEDING) - octet_length(entry) AS before "
    "FROM ledger.events WHERE ledger_index >= %s AND ledger_index < %s) e WHERE before < %s ORDER BY ledger_index"
)
_APPEND: Final = (
    "WITH kept AS (INSERT INTO ledger.published_notes (size, note) SELECT %s, %s WHERE %s IS DISTINCT FROM "
    "(SELECT note FROM ledger.published_notes ORDER BY number DESC LIMIT 1) RETURNING size) "
    "SELECT pg_notify(%s, size::text) FROM kept"
)
_NOTES: Final = "SELECT number, note FROM ledger.published_notes WHERE number > %s ORDER BY number LIMIT %s"
_SESSION: Final = "-c enable_seqscan=off -c synchronous_commit=on"


def published_notes(dsn: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number, note) of every note ever published, oldest first; any role may read them, no claim is needed.

    Raises:
        Unavailable: the database does not answer.
    """
    last = 0
    try:
        with psycopg.connect(lively(dsn), autocommit=True, row_factory=tuple_row) as connection:
            while page := connection.execute(_NOTES, (last, NOTES_PAGE), binary=True).fetchall():
                for number, note in page:
                    yield int(number), bytes(note)
                last = int(page[-1][0])
    except psycopg.Error as err:
        raise Unavailable(f"cannot read the published notes: {str(err).strip()[:300]}") from err


class SealerDatabase:
    """`RowSource`, `PublishedNotes` and `WriterLock` of one log over one connection. One thread at a time."""

    def __init__(self, dsn: str) -> None:
        """Keep the address (of the sealer role); the connection is opened by `acquire`."""
        self._dsn = lively(dsn)
        self._connection: psycopg.Connection[Any] | None = None

    # -- WriterLock ---------------------------------------------------------------------------------------------------

    def acquire(self) -> None:
        """Connect if need be and take the claim; harmless while it is held. See `WriterLock.acquire`."""
        if self._connection is not None and not self._connection.closed:
            return self.confirm()
        with self._answering("open"):
            connection = psycopg.connect(self._dsn, autocommit=True, row_factory=tuple_row, options=_SESSION)
            self._connection = connection
            held = connection.execute("SELECT pg_try_advisory_lock(%s)", (SEALER_LOCK,)).fetchone()
        if held != (True,):
            self.release()
            raise Conflict("another sealer holds the log in the database")
        return None

    def confirm(self) -> None:
        """Return if the session, and with it the claim, still lives; one round trip."""
        with self._answering("ask"):
            self._live().execute("SELECT 1", prepare=True)

    def release(self) -> None:
        """Close the connection, which gives the claim up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    # -- RowSource ----------------------------------------------------------------------------------------------------

    def size(self) -> int:
        """Return the number of entries."""
        with self._answering("read the size of the ledger"):
            row = self._live().execute("SELECT size FROM ledger.head", prepare=True).fetchone()
        return int(row[0]) if row else 0

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        """Return at most `limit` rows, and about ROWS_READ_BYTES_MAX bytes, from index `start` on, in index order."""
        with self._answering("read entries"), self._live().cursor(binary=True) as cursor:
            cursor.execute(_ROWS, (start, start + limit, ROWS_READ_BYTES_MAX), prepare=True)
            return [LedgerRow(*row) for row in cursor.fetchall()]

    # -- PublishedNotes -----------------------------------------------------------------------------------------------

    def newest(self) -> bytes | None:
        """Return the note published last."""
        with self._answering("read the published notes"), self._live().cursor(binary=True) as cursor:
            cursor.execute("SELECT note FROM ledger.published_notes ORDER BY number DESC LIMIT 1")
            row = cursor.fetchone()
        return bytes(row[0]) if row else None

    def append(self, size: int, note: bytes) -> None:
        """Keep a note and announce its size; see `PublishedNotes.append`."""
        with self._answering("keep the published note"):
            self._live().execute(_APPEND, (size, note, note, SEALED_CHANNEL), prepare=True, binary=True)

    def _live(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            raise Unavailable("the sealer's database connection was lost, and with it the claim to be the only sealer")
        return self._connection

    @contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as err:
            text = str(err).strip().replace("\n", " ")[:300]
            if not isinstance(err, (psycopg.OperationalError, psycopg.InterfaceError)) and not self._lost():
                raise Unavailable(f"the database refused to {what}: {text}") from err
            self.release()
            raise Unavailable(f"the database does not answer, cannot {what}: {text}") from err

    def _lost(self) -> bool:
        return self._connection is None or self._connection.closed
