"""Views replayed in scratch schemas: what entries 0 to N make, beside poison, outages and everything in use."""

import psycopg
import pytest

from domain.errors import Unavailable
from infra.store.provision import PROJECTOR
from infra.views.memory import MemoryViewStore
from infra.views.replay import replay
from projections.runner import Poison
from projections.view import View
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
)
from tests.view_kit import Rows as Source
from tests.view_kit import history
from tests.view_samples import counted, counting

ROWS = history()


def scratch_tables(database: LedgerDatabase) -> list[str]:
    """Return the temporary tables that there are, of any session."""
    with psycopg.connect(database.superuser) as connection:
        query = "SELECT c.relname FROM pg_class AS c WHERE c.relpersistence = 't' AND c.relkind = 'r'"
        return [name for (name,) in connection.execute(query)]


@pytest.mark.parametrize("size", [1, 37, len(ROWS)])
def test_a_replay_is_what_the_first_entries_make_and_nothing_of_it_stays(
    ledger_database: LedgerDatabase, size: int
) -> None:
    views = (counting("one"), counting("two"))
    heard: list[int] = []
    with projector(ledger_database, Source(ROWS), *views) as keeper:
        keeper.catch_up()
        before = schemas(ledger_database)
        found = replay(ledger_database.dsn(PROJECTOR), Pages(ROWS), CODEC, views, size, heard.append)
        told = [(one.view, one.position, one.digest, one.rows, one.poison) for one in found]
        rows = {"stream": len(counted(ROWS[:size])), "seen": size}
        assert told == [(view, size, expected(view, ROWS[:size]), rows, None) for view in views]
        assert heard == [*range(10, size, 10), size]
        assert schemas(ledger_database) == before and scratch_tables(ledger_database) == []
        assert keeper.digest(build(keeper, "one")) == expected(views[0], ROWS), "what is in use is as it was"


def test_of_no_entries_there_are_no_rows(ledger_database: LedgerDatabase) -> None:
    (found,) = replay(ledger_database.dsn(PROJECTOR), Source(ROWS), CODEC, (counting("one"),), 0)
    assert (found.position, found.rows) == (0, {"stream": 0, "seen": 0})
    assert found.digest == MemoryViewStore(counting("one")).digest()


def test_entries_are_read_once_for_all_views(ledger_database: LedgerDatabase) -> None:
    source = Cut(ROWS, ends=len(ROWS) + 1, page=1_000)
    replay(ledger_database.dsn(PROJECTOR), source, CODEC, (counting("one"), counting("two")), len(ROWS))
    assert source.asked == [0]


def test_a_view_that_stops_is_told_of_and_the_others_come_to_the_end(ledger_database: LedgerDatabase) -> None:
    bad, good = counting("bad", handle=failing_at(BAD, stumble)), counting("good")
    found = replay(ledger_database.dsn(PROJECTOR), Pages(ROWS), CODEC, (bad, good), len(ROWS))
    assert found[0].poison == Poison(BAD, "LookupError: a row that must be there is not")
    assert (found[0].position, found[1].position) == (BAD, len(ROWS))
    assert found[0].digest == expected(counting("bad"), ROWS[:BAD])
    assert found[1].digest == expected(good, ROWS)


def test_where_all_have_stopped_nothing_more_is_read(ledger_database: LedgerDatabase) -> None:
    source = Cut(ROWS, ends=len(ROWS))
    view: View = counting("bad", handle=failing_at(3, stumble))
    (found,) = replay(ledger_database.dsn(PROJECTOR), source, CODEC, (view,), len(ROWS))
    assert (found.position, source.asked) == (3, [0])


def test_an_outage_leaves_nothing_behind(ledger_database: LedgerDatabase) -> None:
    with pytest.raises(Unavailable, match="the store does not answer"):
        replay(ledger_database.dsn(PROJECTOR), Cut(ROWS, ends=30), CODEC, (counting("one"),), len(ROWS))
    assert scratch_tables(ledger_database) == [] and schemas(ledger_database) == set()
