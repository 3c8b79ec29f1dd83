"""Questions to the views, each in one snapshot, as of one ledger index: what stood then is what is answered.

Two coordinates (read-side design): the *position*, what was known, and the *instant*, what is asked about. `as_of` is
an index (its instant is its time_high), an RFC 3339 time (its position, and that instant) or a checkpoint's root;
without one it is the newest entry that the view has taken in, and the clock of the question. Three answers differ:
rows, no rows, and `Behind` (the view has not come that far).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from domain.errors import Behind, Invalid, NotFound
from domain.ledger.checkpoint import parse_checkpoint
from domain.ledger.note import parse_note
from infra.store.link import lively
from infra.views.postgres import answering
from projections.tables import Table
from projections.view import View
from schemas.values import microseconds

INDEX_DIGITS_MAX: Final = 18
STOOD: Final = "valid_from <= %(at)s AND (valid_to IS NULL OR valid_to > %(at)s)"
"""The condition, in SQL, of a row that stood as of the position `at`, which every `Look.ask` is given."""
_RESETS: Final = (
    "SELECT ledger_index, recorded_at FROM ledger.events WHERE type = 'edgeprint.evidence.LedgerClockReset' "
    "ORDER BY ledger_index"
)


@dataclass(frozen=True, slots=True)
class AsOf:
    """What a question is about: entries 0 to `position`, and the instant in the world, microseconds since the epoch."""

    position: int
    instant_us: int


@dataclass(frozen=True, slots=True)
class Look:
    """One view in one snapshot, as of one position."""

    connection: psycopg.Connection[Any]
    view: View
    schema: str
    as_of: AsOf

    def rows(self, table: Table, **wanted: Sequence[Any]) -> list[Any]:
        """Return the rows that stood, by name, where each column named is one of the values given; in order of key."""
        return [] if _is_empty(wanted) else self._begin(table, wanted).fetchall()

    def ask(self, query: str, **given: Any) -> list[Any]:
        """Return the rows of a query of ours; `{table}` in it is a table of the view, `%(at)s` the position."""
        composed = _composed(query, self.schema, tuple(table.name for table in self.view.tables))
        return self._run(composed, given).fetchall()

    def _begin(self, table: Table, wanted: Mapping[str, Sequence[Any]]) -> psycopg.Cursor[Any]:
        return self._run(
            _select(self.schema, table, tuple(wanted)), {name: list(some) for name, some in wanted.items()}
        )

    def _run(self, query: bytes, given: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        cursor = self.connection.cursor(row_factory=namedtuple_row)
        return cursor.execute(query, {"at": self.as_of.position, **given})


def rows_together(*asked: tuple[Look, Table, Mapping[str, Sequence[Any]]]) -> list[list[Any]]:
    """Return what `Look.rows` gives for each of these, asked at once: one wait for the database, not one for each.

    The looks are of one snapshot. Where nothing is wanted, nothing is asked.
    """
    with asked[0][0].connection.pipeline():
        begun = [None if _is_empty(wanted) else look._begin(table, wanted) for look, table, wanted in asked]
    return [[] if cursor is None else cursor.fetchall() for cursor in begun]


def _is_empty(wanted: Mapping[str, Sequence[Any]]) -> bool:
    return any(not some for some in wanted.values())


@lru_cache(maxsize=1_024)
def _select(schema: str, table: Table, wanted: tuple[str, ...]) -> bytes:
    places: list[sql.Composable] = [sql.SQL(STOOD)]
    kinds = {column.name: column.kind for column in table.all_columns}
    for name in wanted:
        cast = sql.SQL(f"%({name})b::{kinds[name].value}[]")  # binary: no quoting, one by one
        places.append(sql.SQL("{} = ANY({})").format(sql.Identifier(name), cast))
    columns, key = (
        sql.SQL(", ").join(sql.Identifier(column.name) for column in some) for some in (table.all_columns, table.key)
    )
    query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}")
    return query.format(columns, sql.Identifier(schema, table.name), sql.SQL(" AND ").join(places), key).as_bytes(None)


@lru_cache(maxsize=1_024)
def _composed(query: str, schema: str, tables: tuple[str, ...]) -> bytes:
    places = {name: sql.Identifier(schema, name) for name in tables}
    return sql.SQL(query).format(**places).as_bytes(None)  # a query of this program, never a user's


class Reader:
    """Looks at the views of one ledger; a connection for each look."""

    def __init__(self, dsn: str) -> None:
        """Keep the address; `dsn` logs in as the reader."""
        self._dsn = dsn

    @contextmanager
    def look(self, view: View, as_of: str | None, now_us: int) -> Iterator[Look]:
        """Give a look at a view as of an index, a time or a root; at its newest without one, and the instant `now_us`.

        Raises: as `looks`.
        """
        with self.looks((view,), as_of, now_us) as (look,):
            yield look

    @contextmanager
    def looks(self, views: Sequence[View], as_of: str | None, now_us: int) -> Iterator[tuple[Look, ...]]:
        """Give a look at each of these views, all in one snapshot and as of one place; see `look`.

        Without `as_of` that is the newest entry that every one of them has taken in.

        Raises:
            Invalid: no such kind of place.
            NotFound: an index or a root that this ledger does not have yet.
            Behind: the view is not that far.
            Unavailable: the database does not answer, or nobody has begun to build the view.
        """
        with self._connected() as connection:
            used = _in_use(connection, views)
            newest = min(taken for _, _, taken in used) - 1
            at = AsOf(newest, now_us) if as_of is None else resolve(connection, as_of)
            for view, _, taken in used:
                if at.position >= taken:
                    raise Behind(f"{view.name} has taken in {taken} entries; expected those up to index {at.position}")
            yield tuple(Look(connection, view, schema, at) for view, schema, _ in used)

    def resolve(self, as_of: str) -> AsOf:
        """Return the coordinates of a place. Raises: as `look`."""
        with self._connected() as connection:
            return resolve(connection, as_of)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        with answering(), psycopg.connect(lively(self._dsn)) as connection:
            connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
            yield connection


def _in_use(connection: psycopg.Connection[Any], views: Sequence[View]) -> list[tuple[View, str, int]]:
    """Return for each view the schema of its build in use and how many entries that has taken in."""
    query = "SELECT name, version, schema, position FROM views.projection WHERE name = ANY(%s) AND state = 'live'"
    rows = connection.execute(query, ([view.name for view in views],)).fetchall()
    builds = {(name, version): (str(schema), int(position)) for name, version, schema, position in rows}
    missing = next((view for view in views if (view.name, view.version) not in builds), None)
    if missing is not None:
        raise Behind(f"{missing.name} is not built yet in version {missing.version}")
    return [(view, *builds[view.name, view.version]) for view in views]


def resolve(connection: psycopg.Connection[Any], as_of: str) -> AsOf:
    """Return the coordinates of an index, a time or a root. Raises: Invalid, NotFound."""
    return parse_place(as_of)(connection)


def parse_place(as_of: str) -> Callable[[psycopg.Connection[Any]], AsOf]:
    """Return what finds the coordinates of a text in a ledger (it raises NotFound). Raises: Invalid, no such place."""
    if as_of.isascii() and as_of.isdigit() and len(as_of) <= INDEX_DIGITS_MAX:
        return partial(_of_index, index=int(as_of))
    if len(as_of) == 64 and set(as_of) <= set("0123456789abcdef"):
        return partial(_of_root, root=as_of)
    try:
        instant = datetime.fromisoformat(as_of)
        since = microseconds(instant.astimezone(UTC))
    except (ValueError, OverflowError) as err:
        example = "2026-11-26T08:00:00Z"
        raise Invalid(f"as of: expected an index, a time such as {example} or a root, found {as_of[:80]!r}") from err
    if instant.tzinfo is None:
        raise Invalid(f"as of: expected a time with its zone, such as {as_of}Z")
    return partial(_of_time, instant_us=since)


def _of_index(connection: psycopg.Connection[Any], index: int) -> AsOf:
    row = connection.execute("SELECT time_high FROM ledger.events WHERE ledger_index = %s", (index,)).fetchone()
    if row is None:
        raise NotFound(f"as of: expected an index below {_size(connection)}, found {index}")
    return AsOf(index, int(row[0]))


def _size(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT size FROM ledger.head").fetchone()
    return 0 if row is None else int(row[0])


def _of_time(connection: psycopg.Connection[Any], instant_us: int) -> AsOf:
    """Return the position of a time: in the first piece of the log whose closing reset was recorded after it.

    `time_high` rises with the index within a piece, so its first entry behind the time is found by halving.
    """
    low, end = 0, _size(connection)
    for index, recorded_at in connection.execute(_RESETS).fetchall():
        if recorded_at > instant_us:
            end = index
            break
        low = index
    high = end
    while low < high:
        middle = (low + high) // 2
        if _of_index(connection, middle).instant_us > instant_us:
            high = middle
        else:
            low = middle + 1
    if low == 0:
        raise NotFound("as of: expected a time behind the founding of this ledger")
    return AsOf(low - 1, instant_us)


def _of_root(connection: psycopg.Connection[Any], root: str) -> AsOf:
    """Return the position of a checkpoint that was published; notes are verified where they are proved, not here."""
    for size, note in connection.execute("SELECT size, note FROM ledger.published_notes ORDER BY size DESC"):
        if size and parse_checkpoint(parse_note(bytes(note))[0]).root.hex() == root:
            return _of_index(connection, int(size) - 1)
    raise NotFound(f"as of: expected the root of a checkpoint of this ledger, found {root}")
