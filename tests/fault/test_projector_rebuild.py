"""Views built anew: cut off, tampered with, of another version; and who may read and write what. A rebuild says all."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import errors, sql

from domain.errors import Invalid, NotFound, Unavailable
from infra.store.provision import PROJECTOR, READER, WRITER
from infra.views.reading import Reader
from producers.ports import LedgerRow
from projections.tables import Change, New, Rows
from projections.view import Read
from tests.conftest import LedgerDatabase
from tests.projector_kit import (
    BAD,
    Cut,
    Pages,
    build,
    expected,
    failing_at,
    projector,
    schemas,
    stumble,
    superuser,
    table_of,
)
from tests.view_kit import Rows as Source
from tests.view_samples import SEEN, STREAM, counted, counting, restored

# -- rebuild -----------------------------------------------------------------------------------------------------------


def test_a_rebuild_equals_what_grew_and_takes_its_place(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    view, heard = counting("view"), list[int]()
    with projector(ledger_database, Pages(rows), view) as keeper:
        keeper.catch_up()
        before = build(keeper, "view")
        rebuilt = keeper.rebuild("view", heard.append)
        assert rebuilt.position == len(rows)
        assert rebuilt.digest == rebuilt.replaced == expected(view, rows)
        assert heard == [*range(10, len(rows), 10), len(rows)]
        (after,) = keeper.builds()
        assert after.schema != before.schema
        assert (after.state, after.position, after.indexed) == ("live", len(rows), True)
        assert schemas(ledger_database) == {after.schema}


def test_a_rebuild_that_was_cut_off_goes_on_where_it_was(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    view = counting("view")
    with projector(ledger_database, Source(rows), view) as keeper:
        keeper.catch_up()
    cut = Cut(rows, ends=50)
    with projector(ledger_database, cut, view) as keeper, pytest.raises(Unavailable):
        keeper.rebuild("view")
    rest = Cut(rows, ends=len(rows) + 1)
    with projector(ledger_database, rest, view) as keeper:
        half = build(keeper, "view", "building")
        assert (half.position, build(keeper, "view").position) == (50, len(rows))
        keeper.catch_up()
        assert build(keeper, "view", "building").position == 50, "catching up leaves it to the rebuild, which compares"
        rest.asked.clear()
        rebuilt = keeper.rebuild("view")
        assert rest.asked[0] == 50
        assert rebuilt.digest == rebuilt.replaced == expected(view, rows)
        assert schemas(ledger_database) == {half.schema}


def test_a_view_that_was_tampered_with_is_told_and_replaced(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    view = counting("view")
    with projector(ledger_database, Source(rows), view) as keeper:
        keeper.catch_up()
        old = build(keeper, "view").schema
        update = "UPDATE {table} SET events = events + 1 WHERE ctid = (SELECT min(ctid) FROM {table})"
        assert superuser(ledger_database, update, table=f"{old}.stream") == 1
        tampered = keeper.digest(build(keeper, "view"))
        rebuilt = keeper.rebuild("view")
        assert rebuilt.replaced == tampered != rebuilt.digest == expected(view, rows)
        assert table_of(ledger_database, build(keeper, "view").schema) == counted(rows)
        again = keeper.rebuild("view")
        assert again.replaced == again.digest


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM {table} WHERE index = 3", "UPDATE {table} SET valid_from = 4 WHERE index = 3",
     "INSERT INTO {table} VALUES (1000000, 'x', 3, 4)"],
)  # fmt: skip
def test_rows_gone_moved_or_added_are_told_too(
    ledger_database: LedgerDatabase, rows: list[LedgerRow], statement: str
) -> None:
    with projector(ledger_database, Source(rows), counting("view")) as keeper:
        keeper.catch_up()
        assert superuser(ledger_database, statement, table=f"{build(keeper, 'view').schema}.seen") == 1
        rebuilt = keeper.rebuild("view")
        assert rebuilt.replaced != rebuilt.digest == expected(counting("view"), rows)


def test_a_rebuild_that_meets_poison_leaves_what_is_in_use(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    with projector(ledger_database, Source(rows), counting("view")) as keeper:
        keeper.catch_up()
        before = build(keeper, "view")
    with projector(ledger_database, Source(rows), counting("view", handle=failing_at(BAD, stumble))) as keeper:
        with pytest.raises(Invalid, match=f"view cannot take the entry at {BAD}: LookupError"):
            keeper.rebuild("view")
        assert build(keeper, "view") == before
    with projector(ledger_database, Source(rows), counting("view")) as mended:
        mended.retry("view")
        rebuilt = mended.rebuild("view")
        assert rebuilt.digest == rebuilt.replaced


def test_a_rebuild_of_nothing_known(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    wrong = pytest.raises(NotFound, match="expected one of view, found the projection 'nothing'")
    with projector(ledger_database, Source(rows), counting("view")) as keeper, wrong:
        keeper.rebuild("nothing")


# -- versions ----------------------------------------------------------------------------------------------------------


def by_type(read: Read, rows: Rows) -> tuple[Change, ...]:
    """Do something else than `count` does."""
    del rows
    return (New(SEEN, (read.index,), (read.event.TYPE.upper(),)),)


def test_an_older_version_stays_in_use_until_the_newer_one_is_whole(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    first, second = counting("view"), counting("view", version=2, handle=by_type)
    with projector(ledger_database, Source(rows), first) as keeper:
        keeper.catch_up()
        old = build(keeper, "view")
    with projector(ledger_database, Cut(rows, ends=50), second) as keeper:
        with pytest.raises(Unavailable):
            keeper.catch_up()
        assert build(keeper, "view") == old
        half = build(keeper, "view", "building")
        assert (half.version, half.position) == (2, 50)
        assert table_of(ledger_database, old.schema) == counted(rows), "what is in use still answers"
    with projector(ledger_database, Pages(rows), second) as keeper:
        assert build(keeper, "view", "building") == half, "no second build of it was begun"
        keeper.catch_up(size=70)
        keeper.catch_up(stop=lambda: True)
        assert build(keeper, "view", "building").position == 70, "a part is never put in use"
        assert keeper.catch_up() == len(rows)
        (only,) = keeper.builds()
        assert (only.version, only.state, only.position, only.indexed) == (2, "live", len(rows), True)
        assert keeper.digest(only) == expected(second, rows)
        assert schemas(ledger_database) == {only.schema}


def test_a_program_of_an_older_version_leaves_a_newer_build_alone(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    with projector(ledger_database, Source(rows[:50]), counting("view", version=2, handle=by_type)) as keeper:
        keeper.catch_up()
        newer = build(keeper, "view")
    with projector(ledger_database, Cut(rows, ends=20), counting("view")) as older:
        with pytest.raises(Unavailable):
            older.catch_up()
        assert build(older, "view") == newer
        older_build = build(older, "view", "building")
        assert (older_build.version, older_build.position) == (1, 20)


# -- roles -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> Iterator[tuple[LedgerDatabase, str]]:
    restored(ledger_database, rows)
    with projector(ledger_database, Source(rows), counting("view")) as keeper:
        keeper.catch_up()
        yield ledger_database, build(keeper, "view").schema


def test_the_reader_reads_and_does_not_write(kept: tuple[LedgerDatabase, str], rows: list[LedgerRow]) -> None:
    database, schema = kept
    with Reader(database.dsn(READER)).look(counting("view"), None, 0) as look:
        assert {(row.stream,): (row.events,) for row in look.rows(STREAM)} == counted(rows)
    with closing(psycopg.connect(database.dsn(READER), autocommit=True)) as connection:
        for statement in (
            "INSERT INTO {table} VALUES ('00000000-0000-0000-0000-000000000001', 1, 0)",
            "UPDATE {table} SET events = 0",
            "DELETE FROM {table}",
            "TRUNCATE {table}",
            "DROP TABLE {table}",
            "UPDATE views.projection SET position = 0",
            "DELETE FROM views.projection",
            "CREATE SCHEMA mine",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(sql.SQL(statement).format(table=sql.Identifier(schema, "stream")))


def test_who_keeps_the_views_cannot_touch_the_ledger(kept: tuple[LedgerDatabase, str], rows: list[LedgerRow]) -> None:
    database, _ = kept
    with closing(psycopg.connect(database.dsn(PROJECTOR), autocommit=True)) as connection:
        assert connection.execute("SELECT size FROM ledger.head").fetchone() == (len(rows),)
        for statement in (
            "INSERT INTO ledger.events (ledger_index) VALUES (7)",
            "UPDATE ledger.events SET type = 'x'",
            "DELETE FROM ledger.events",
            "TRUNCATE ledger.events",
            "UPDATE ledger.head SET size = 0",
            "INSERT INTO ledger.published_notes (size, note) VALUES (1, '')",
            "DROP TABLE ledger.events",
            "CREATE TABLE ledger.mine (x int)",
            "SELECT * FROM vault.openings",
            "SET ROLE edgeprint_writer",
            "ALTER TABLE views.projection OWNER TO edgeprint_reader",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_who_writes_the_ledger_cannot_touch_the_views(kept: tuple[LedgerDatabase, str]) -> None:
    database, schema = kept
    with closing(psycopg.connect(database.dsn(WRITER), autocommit=True)) as connection:
        for statement in ("DELETE FROM {table}", "SELECT * FROM {table}", "DROP SCHEMA {schema} CASCADE"):
            composed = sql.SQL(statement).format(table=sql.Identifier(schema, "stream"), schema=sql.Identifier(schema))
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(composed)
