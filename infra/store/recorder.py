"""The ledger in PostgreSQL: `LedgerStore` for us, `PostgresApplicationRecorder` for the library, over one table.

Writes go through the committer into `ledger.append`, never through the library's statements; its DDL is not used and
POSTGRES_ENABLE_DB_FUNCTIONS stays off. notification id = ledger index + 1. Reads use a small pool as the same role and
are repeated after a lost connection. The store is trusted for order and durability; who can write to it as owner can
add or lose entries, which the sealed tree and the witnesses show.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.abc import Query
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Composable

from domain.errors import Unavailable
from infra.store.binary import text_array, uuid_array
from infra.store.committer import Committer
from infra.store.feed import Feed, LedgerSubscription, Listener
from infra.store.link import PATIENCE_S, AppendLink, lively
from infra.store.request import InsertsByAppend
from producers.ports import (
    AppendRequest,
    AppendResult,
    KeyHolder,
    LedgerRow,
    StoredCommand,
)

POOL_CONNECTIONS_MAX: Final = 8
_ROW: Final = "ledger_index, type, entry, leaf_hash"
_SELECT_ROWS: Final = SQL(
    f"SELECT {_ROW} FROM ledger.events WHERE ledger_index >= %s AND ledger_index < %s ORDER BY ledger_index"
)
_SELECT_STREAMS: Final = SQL(
    f"SELECT stream_id, {_ROW} FROM ledger.events WHERE stream_id = ANY(%s) ORDER BY stream_id, stream_version"
)
_SELECT_COMMANDS: Final = SQL(
    "SELECT c.actor, c.command_id, c.first_index, c.last_index, c.request_digest "
    "FROM unnest(%s::uuid[], %s::uuid[]) k(actor, command_id) "
    "JOIN ledger.commands c ON c.actor = k.actor AND c.command_id = k.command_id"
)
_SELECT_KEYS: Final = SQL(
    "SELECT k.key, k.ledger_index, e.stream_id FROM ledger.keys k "
    "JOIN ledger.events e ON e.ledger_index = k.ledger_index WHERE k.key = ANY(%s)"
)
_SELECT_SIZE: Final = SQL("SELECT size FROM ledger.head")
# The newest of all by its number; the index on size only where that covers too much. A log without growth has thousands
# of notes of one size, which would be sorted each time somebody asks.
_SELECT_NOTE: Final = SQL(
    "WITH newest AS (SELECT size, note FROM ledger.published_notes ORDER BY number DESC LIMIT 1) "
    "SELECT note FROM newest WHERE size <= %(size)s UNION ALL "
    "(SELECT note FROM ledger.published_notes WHERE size <= %(size)s AND NOT EXISTS "
    "(SELECT FROM newest WHERE size <= %(size)s) ORDER BY size DESC, number DESC LIMIT 1)"
)
_STORED: Final = "ledger_index + 1, stream_id, stream_version, type, entry"


class LedgerRecorder(InsertsByAppend, PostgresApplicationRecorder):
    """One ledger's store. Any number of threads may use it; a process needs one."""

    def __init__(self, dsn: str, *, patience_s: float = PATIENCE_S) -> None:
        """Connect as the writer that `dsn` names; `patience_s` is how long a lost database is waited for.

        Raises:
            Unavailable: the database does not answer.
        """
        self._dsn = dsn
        self._patience_s = patience_s
        datastore = _datastore(dsn, patience_s)
        try:
            super().__init__(datastore, events_table_name="events")
        except Exception as error:
            datastore.close()
            raise Unavailable(f"cannot open the ledger's database: {error}") from error
        self._committer = Committer(AppendLink(dsn, patience_s=patience_s))

    # -- LedgerStore --------------------------------------------------------------------------------------------------

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        """Decide and write each request; see `LedgerStore.append`. Concurrent calls share batches."""
        return self._committer.append(requests) if requests else []

    def size(self) -> int:
        """Return the number of entries."""
        return int(self._read(_SELECT_SIZE, ())[0][0])

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        """Return at most `limit` rows from index `start` on, in index order."""
        # Indexes are dense, so the range is the limit; LIMIT would let the planner dream of other plans.
        return [LedgerRow(*row) for row in self._read(_SELECT_ROWS, (start, start + limit))]

    def newest_note(self, size: int) -> bytes | None:
        """Return the checkpoint note published last of the largest size that is at most `size`."""
        found = self._read(_SELECT_NOTE, {"size": size})
        return bytes(found[0][0]) if found else None

    def streams(self, ids: Sequence[UUID]) -> Mapping[UUID, list[LedgerRow]]:
        """Return every stream that exists among `ids`, its rows in version order."""
        found: dict[UUID, list[LedgerRow]] = {}
        if ids:
            for stream_id, *row in self._read(_SELECT_STREAMS, (uuid_array([stream.bytes for stream in ids]),)):
                found.setdefault(stream_id, []).append(LedgerRow(*row))
        return found

    def commands(self, keys: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], StoredCommand]:
        """Return what is known of each (actor, command id)."""
        if not keys:
            return {}
        actors, commands = zip(*keys, strict=True)
        sent = uuid_array([actor.bytes for actor in actors]), uuid_array([command.bytes for command in commands])
        rows = self._read(_SELECT_COMMANDS, sent)
        return {(actor, command): StoredCommand(first, last, digest) for actor, command, first, last, digest in rows}

    def key_holders(self, keys: Sequence[str]) -> Mapping[str, KeyHolder]:
        """Return who holds each of `keys` now; a free key is absent."""
        if not keys:
            return {}
        return {key: KeyHolder(index, stream) for key, index, stream in self._read(_SELECT_KEYS, (text_array(keys),))}

    def feed(self, start: int = 0, *, limit: int = 1_000) -> Feed:
        """Return an endless iterator over batches of rows from index `start` on; close it to end it."""
        return Feed(self.rows, Listener(self._dsn), start, limit)

    def close(self) -> None:
        """Answer what has arrived, then close all connections."""
        self._committer.close()
        self.datastore.close()

    # -- the library's recorder ---------------------------------------------------------------------------------------

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the stored events of one stream."""
        statement = SQL(
            f"SELECT {_STORED} FROM ledger.events WHERE stream_id = %s AND stream_version > %s "
            f"AND stream_version <= %s ORDER BY stream_version {'DESC' if desc else 'ASC'} LIMIT %s"
        )
        rows = self._read(statement, (originator_id, gt or 0, (1 << 62) if lte is None else lte, limit))
        return [StoredEvent(*row[1:]) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return notifications in order, from `start` (an id, so index + 1)."""
        first = 0 if start is None else start - 1 if inclusive_of_start else start
        chosen = SQL(" AND type = ANY(%s)") if topics else SQL("")
        statement = (
            SQL(f"SELECT {_STORED} FROM ledger.events WHERE ledger_index >= %s AND ledger_index < %s")
            + chosen
            + SQL(" ORDER BY ledger_index LIMIT %s")
        )
        parameters = (max(first, 0), (1 << 62) if stop is None else stop, *([list(topics)] if topics else []), limit)
        return [
            Notification(id=row[0], originator_id=row[1], originator_version=row[2], topic=row[3], state=row[4])
            for row in self._read(statement, parameters)
        ]

    def max_notification_id(self) -> int | None:
        """Return the id of the newest event, None if there is none."""
        return self.size() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return the library's view of a feed; it outlives the death of its LISTEN connection."""
        return LedgerSubscription(self, self.feed(gt or 0), gt, topics)

    def create_table(self) -> None:
        """Do nothing: tables come from our migrations."""

    def _read(
        self, statement: Query | Composable, parameters: Sequence[Any] | Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        deadline = time.monotonic() + self._patience_s
        tries = 0
        while True:
            try:
                with self.datastore.pool.connection() as connection:
                    cursor = connection.cursor(binary=True, row_factory=tuple_row)
                    return cursor.execute(statement, parameters, prepare=True).fetchall()  # type: ignore[arg-type]
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # The pool may hold several dead connections: the first tries are immediate.
                if time.monotonic() >= deadline or self.datastore.pool.closed:
                    raise Unavailable(f"the database does not answer: {str(error).strip()}") from error
                tries += 1
                if tries > POOL_CONNECTIONS_MAX:
                    time.sleep(0.1)


def _datastore(dsn: str, patience_s: float) -> PostgresDatastore:
    parts = {key: value for key, value in conninfo_to_dict(lively(dsn)).items() if value is not None}
    datastore = PostgresDatastore(
        dbname=str(parts.pop("dbname", "")),
        host=str(parts.pop("host", "")),
        port=str(parts.pop("port", "")),
        user=str(parts.pop("user", "")),
        password=str(parts.pop("password", "")),
        schema="ledger",
        pool_size=1,
        max_overflow=POOL_CONNECTIONS_MAX - 1,
        connect_timeout=min(5.0, patience_s),
    )
    # What the library has no argument for (sslmode, ...), and no sequential scans from plans of an empty table.
    options = f"{parts.pop('options', '')} -c enable_seqscan=off".strip()
    known = datastore.pool.kwargs if isinstance(datastore.pool.kwargs, dict) else {}
    datastore.pool.kwargs = {**known, **parts, "options": options}
    return datastore
