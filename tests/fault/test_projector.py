"""Views on a real PostgreSQL under faults: poison, cuts, rivals. Rows and position always move together."""

import random
import threading
from collections.abc import Callable

import psycopg
import pytest

from domain.errors import Conflict, Unavailable
from infra.store.provision import PROJECTOR
from infra.views.projector import Projector
from producers.ports import LedgerRow
from projections.runner import Poison
from projections.tables import Change, New, Rows
from projections.view import Read, View
from tests.conftest import LedgerDatabase
from tests.projector_kit import (
    BAD,
    CODEC,
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
from tests.view_samples import SEEN, count, counted, counting

# -- poison ------------------------------------------------------------------------------------------------------------


def test_a_poison_entry_stops_one_view_and_a_mended_one_goes_on(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    good, bad = counting("good"), counting("bad", handle=failing_at(BAD, stumble))
    with projector(ledger_database, Source(rows), bad, good) as keeper:
        assert keeper.catch_up() == len(rows)
        stopped = build(keeper, "bad")
        assert stopped.position == BAD
        assert stopped.poison == Poison(BAD, "LookupError: a row that must be there is not")
        assert table_of(ledger_database, stopped.schema) == counted(rows[:BAD])
        assert build(keeper, "good").position == len(rows)
        keeper.retry("bad")
        keeper.catch_up()
        assert build(keeper, "bad").poison == stopped.poison, "the same program stumbles again"
    with projector(ledger_database, Source(rows), counting("bad"), good) as mended:
        mended.catch_up()
        assert build(mended, "bad").position == BAD, "nobody has asked for it yet"
        mended.retry("bad")
        assert mended.catch_up() == len(rows)
        assert build(mended, "bad").poison is None
        assert mended.digest(build(mended, "bad")) == expected(counting("bad"), rows)
        assert mended.digest(build(mended, "good")) == expected(good, rows)


def test_all_views_stopped_is_an_end(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    with projector(ledger_database, Source(rows), counting("bad", handle=failing_at(0, stumble))) as keeper:
        assert keeper.catch_up() == 0
        assert (build(keeper, "bad").position, build(keeper, "bad").poison is None) == (0, False)


@pytest.mark.parametrize(("key", "text"), [((0,), "a second row of a key"), ((2**63,), "out of range")])
def test_a_row_that_the_database_refuses_is_poison_at_its_entry(
    ledger_database: LedgerDatabase, rows: list[LedgerRow], key: tuple[int], text: str
) -> None:
    def handle(read: Read, before: Rows) -> tuple[Change, ...]:
        more = (New(SEEN, key, (text,)),) if read.index == BAD else ()
        return (*count(read, before), *more)

    with projector(ledger_database, Source(rows), counting("bad", handle=handle), counting("good")) as keeper:
        assert keeper.catch_up() == len(rows)
        stopped = build(keeper, "bad")
        assert stopped.position == BAD
        assert stopped.poison is not None and stopped.poison.index == BAD
        assert table_of(ledger_database, stopped.schema) == counted(rows[:BAD])


def test_an_entry_that_cannot_be_read_stops_the_views_that_read_it(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    broken = LedgerRow(BAD, rows[BAD].type, bytes(32) + rows[BAD].entry[32:], rows[BAD].leaf_hash)
    source = Source([*rows[:BAD], broken, *rows[BAD + 1 :]])
    blind = View("blind", 1, "reads nothing", (SEEN,))
    with projector(ledger_database, source, counting("all"), blind) as keeper:
        assert keeper.catch_up() == len(rows)
        assert build(keeper, "blind").position == len(rows)
        stopped = build(keeper, "all").poison
        assert stopped is not None and stopped.index == BAD


# -- cuts --------------------------------------------------------------------------------------------------------------


def cutting(database: LedgerDatabase) -> Callable[[], None]:
    """Return what ends every connection of the projector's at the server."""

    def cut() -> None:
        with psycopg.connect(database.superuser, autocommit=True) as connection:
            query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s AND datname = %s"
            assert connection.execute(query, (PROJECTOR, database.name)).fetchall() == [(True,)]

    return cut


@pytest.mark.parametrize("at", [0, 35, BAD])
def test_a_connection_cut_in_a_batch_leaves_rows_and_position_together(
    ledger_database: LedgerDatabase, rows: list[LedgerRow], at: int
) -> None:
    cut = cutting(ledger_database)
    once = iter([cut])
    view = counting("cut", handle=failing_at(at, lambda: next(once, lambda: None)()))
    with projector(ledger_database, Pages(rows), view) as keeper, pytest.raises(Unavailable):
        keeper.catch_up()
    with projector(ledger_database, Pages(rows), view) as again:
        stands = build(again, "cut")
        assert (stands.position, stands.poison) == (at // 10 * 10, None), "an outage is no poison"
        assert table_of(ledger_database, stands.schema) == counted(rows[: stands.position])
        assert again.catch_up() == len(rows)
        assert again.digest(build(again, "cut")) == expected(view, rows)


def test_a_connection_cut_between_position_and_rows(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    """The position is written first in the transaction; a trigger of the test's cuts at the first row behind it."""
    view = counting("cut")
    with projector(ledger_database, Pages(rows), view) as keeper:
        keeper.catch_up(size=50)
        schema = build(keeper, "cut").schema
        superuser(
            ledger_database,
            "CREATE FUNCTION {schema}.cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$; "
            "CREATE TRIGGER cut BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {schema}.cut()",
            schema=schema,
            table=f"{schema}.stream",
        )
        with pytest.raises(Unavailable):
            keeper.catch_up()
    superuser(ledger_database, "DROP TRIGGER cut ON {table}", table=f"{schema}.stream")
    with projector(ledger_database, Pages(rows), view) as again:
        assert build(again, "cut").position == 50
        assert table_of(ledger_database, schema) == counted(rows[:50])
        assert again.catch_up() == len(rows)
        assert again.digest(build(again, "cut")) == expected(view, rows)


def test_a_source_that_fails_leaves_the_views_where_they_were(
    ledger_database: LedgerDatabase, rows: list[LedgerRow]
) -> None:
    view = counting("view")
    with projector(ledger_database, Cut(rows, ends=40), view) as keeper:
        with pytest.raises(Unavailable, match="the store does not answer"):
            keeper.catch_up()
        assert (build(keeper, "view").position, build(keeper, "view").indexed) == (40, False)
        assert keeper.digest(build(keeper, "view")) == expected(view, rows[:40])


# -- rivals ------------------------------------------------------------------------------------------------------------


def test_of_two_projectors_at_one_position_one_writes(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    rival = projector(ledger_database, Source(rows), counting("view"))
    overtaken = iter([rival.catch_up])

    def overtake() -> None:
        for one in overtaken:
            one()

    slow = counting("view", handle=failing_at(BAD, overtake))
    with rival, projector(ledger_database, Source(rows), slow) as keeper:
        with pytest.raises(Conflict, match="somebody else builds it"):
            keeper.catch_up()
        assert keeper.catch_up() == len(rows)
        assert build(keeper, "view").poison is None
        assert table_of(ledger_database, build(keeper, "view").schema) == counted(rows)
        assert keeper.digest(build(keeper, "view")) == expected(slow, rows)


def test_many_projectors_begin_and_build_at_once(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    view, together, said = counting("view"), threading.Barrier(4), []

    def keep(seed: int) -> None:
        numbers = random.Random(seed)
        with Projector(ledger_database.dsn(PROJECTOR), Pages(rows, numbers.choice([3, 7, 20])), CODEC) as keeper:
            together.wait()
            try:
                keeper.ensure([view])
                while keeper.catch_up(size=len(rows)) < len(rows):
                    pass
            except Conflict:
                said.append("conflict")
            except Exception as err:
                said.append(repr(err))

    threads = [threading.Thread(target=keep, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(said) <= {"conflict"} and len(said) < 4, "one of them always gets on"
    with projector(ledger_database, Source(rows), view) as keeper:
        assert keeper.catch_up() == len(rows)
        (only,) = keeper.builds()
        assert keeper.digest(only) == expected(view, rows)
        assert schemas(ledger_database) == {only.schema}
