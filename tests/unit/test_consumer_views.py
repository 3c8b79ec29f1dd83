"""The consumer of views: what it makes is what memory makes; what a view cannot take stops that view alone, visibly."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.feed import Cursor
from domain.errors import Conflict, Invalid, Unavailable
from infra.consumers.build import CONSUMERS
from infra.consumers.views import Views, tell_views, views_store
from infra.dev.corpus import small_history
from projections.catalogue import VIEWS
from projections.tables import Change, New, Put, Rows, Table
from projections.view import Read
from schemas.catalogue import CATALOGUE
from schemas.codec import UnknownSchema
from tests.fed_kit import Fed, deliveries, folded, runtime_of
from tests.feed_kit import Topics, make_note
from tests.unit.test_runtime import Letters
from tests.view_samples import SEEN, STREAM, count, counting

ROWS = small_history(seed=3, objects=6)[:60]
AT = 20


def failing(*indexes: int) -> Callable[[Read, Rows], tuple[Change, ...]]:
    """Return a handler that counts, and stumbles over some entries."""

    def handle(read: Read, rows: Rows) -> tuple[Change, ...]:
        if read.index in indexes:
            raise LookupError(f"cannot digest {read.index}")
        return count(read, rows)

    return handle


def instead(index: int, change: Change) -> Callable[[Read, Rows], tuple[Change, ...]]:
    """Return a handler that counts, and makes something else of one entry."""
    return lambda read, rows: (change,) if read.index == index else count(read, rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.sqlite3"


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_every_view_is_what_memory_makes_of_the_same_entries(path: Path, at_once: int) -> None:
    fed = Fed(path, VIEWS)
    for start in range(0, len(ROWS), at_once):
        fed.give(*ROWS[start : start + at_once])
    fed.are(ROWS)
    assert set(fed.told()) == {view.name for view in VIEWS}


@pytest.mark.parametrize("at_once", [7, 60])
def test_what_a_handler_stumbles_over_stops_its_view_and_no_other(path: Path, at_once: int) -> None:
    views = (counting("first"), counting("brittle", handle=failing(AT)), counting("last"))
    fed = Fed(path, views)
    for start in range(0, len(ROWS), at_once):
        fed.give(*ROWS[start : start + at_once])
    fed.are(ROWS, "first", "last")
    one = fed.told()["brittle"]
    assert (one["position"], one["stopped_at"]) == (AT, AT)
    assert one["because"] == f"LookupError: cannot digest {AT}"
    assert one["digest"] == folded(counting("brittle"), ROWS[:AT]).digest().hex()


@pytest.mark.parametrize("index", [0, AT - 1, AT])
def test_a_stopped_view_goes_on_where_it_is_given_its_entry_again(path: Path, index: int) -> None:
    fed = Fed(path, (counting("first"), counting("brittle", handle=failing(AT))))
    fed.give(*ROWS)
    fed.rewind(AT + 5)
    fed.give(*ROWS[AT + 5 :])
    assert fed.told()["brittle"]["stopped_at"] == AT, "its entry was not given again"
    mended = Fed(path, (counting("first"), counting("brittle")))
    mended.rewind(index)
    mended.give(*ROWS[index:])
    mended.are(ROWS)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        (New(SEEN, (AT - 1,), ("twice",)), "UNIQUE constraint failed"),
        (Put(SEEN, (AT,), ("lone \ud800",)), "surrogates not allowed"),
        (Put(STREAM, (ROWS[0].leaf_hash,), (1,)), "a row that SQLite cannot hold"),
        (Put(SEEN, (2**63,), ("far",)), "too large"),
        (Put(Table("nowhere", (), ()), (), ()), "KeyError: 'nowhere'"),
    ],
)
@pytest.mark.parametrize("at_once", [7, 60])
def test_a_row_that_cannot_stand_stops_its_view_at_the_entry_that_makes_it(
    path: Path, change: Change, because: str, at_once: int
) -> None:
    fed = Fed(path, (counting("brittle", handle=instead(AT, change)), counting("last")))
    for start in range(0, len(ROWS), at_once):
        fed.give(*ROWS[start : start + at_once])
    fed.are(ROWS, "last")
    one = fed.told()["brittle"]
    assert (one["position"], one["stopped_at"]) == (AT, AT) and because in one["because"]
    assert one["digest"] == folded(counting("brittle"), ROWS[:AT]).digest().hex()


@settings(max_examples=15, deadline=None)
@given(turns=st.lists(st.tuples(st.integers(0, len(ROWS)), st.integers(0, len(ROWS))), max_size=4))
def test_rewound_anywhere_it_is_what_it_was_there_and_comes_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int]]
) -> None:
    fed, reached = Fed(tmp_path_factory.mktemp("views") / "views.sqlite3", VIEWS), 0
    for far, back in [*turns, (len(ROWS), len(ROWS))]:
        if far > reached:
            fed.give(*ROWS[reached:far])
            reached = far
        if back < reached:
            fed.rewind(back)
            reached = back
            fed.are(ROWS[:back]) if back else None
    fed.are(ROWS)


def test_a_view_of_another_version_stays_as_it_is_until_it_is_made_anew(path: Path) -> None:
    """Its tables may have other columns: nothing reads them, and only a rewind to 0 throws them away."""
    Fed(path, (counting("first"), counting("second"))).give(*ROWS[:30])
    second = counting("second", version=2, handle=lambda read, _: (Put(STREAM, (read.envelope.stream_id,), (7,)),))
    fed = Fed(path, (counting("first"), second))
    fed.give(*ROWS[30:40])
    for index in (40, 35):
        fed.rewind(index)
        one = fed.told()["second"]
        assert (one["version"], one["position"], one["digest"], one["stopped_at"]) == (1, 30, None, 30)
        assert one["because"] == (
            "version 1 made it, this program makes 2: edgeprint consumer rewind views --to-index 0"
        )
        fed.are(ROWS[:index], "first")
    fed.rewind(0)
    assert fed.told() == {}
    fed.give(*ROWS)
    fed.are(ROWS)
    assert fed.told()["second"]["version"] == 2


def test_a_view_that_comes_later_asks_for_the_entries_before(path: Path) -> None:
    Fed(path, (counting("first"),)).give(*ROWS[:30])
    fed = Fed(path, (counting("first"), counting("second")))
    fed.give(*ROWS[30:40])
    one = fed.told()["second"]
    assert (one["position"], one["stopped_at"]) == (0, 0)
    assert one["because"] == (
        "the entries from 0 on were never given to it: edgeprint consumer rewind views --to-index 0"
    )
    fed.give(*ROWS[40:])
    fed.are(ROWS, "first")
    fed.rewind(0)
    fed.give(*ROWS)
    fed.are(ROWS)


def test_entries_that_were_left_out_stop_every_view_and_none_has_a_gap(path: Path) -> None:
    fed = Fed(path, (counting("first"), counting("second")))
    fed.give(*ROWS[:10])
    fed.give(*ROWS[30:])
    assert {(one["position"], one["stopped_at"]) for one in fed.told().values()} == {(10, 10)}
    assert {one["because"].rpartition(": ")[2] for one in fed.told().values()} == {
        "edgeprint consumer rewind views --to-index 10"
    }
    fed.rewind(10)
    fed.give(*ROWS[10:])
    fed.are(ROWS)


def test_entries_that_were_taken_in_are_not_taken_twice(path: Path) -> None:
    fed = Fed(path, VIEWS)
    fed.give(*ROWS[:10])
    with pytest.raises(Conflict, match="expected position 5, found another"):
        fed.give(*ROWS[5:20])
    fed.are(ROWS[:10])


def test_an_unknown_schema_comes_out_of_the_handler_and_stops_no_view(path: Path) -> None:
    fed = Fed(path, VIEWS)
    fed.give(*ROWS[:10])
    unknown = deliveries(ROWS[10:20])
    unknown[5] = deliveries([ROWS[15]])[0]
    object.__setattr__(unknown[5], "entry", bytes(32) + ROWS[15].entry[32:])
    with closing(views_store(path)) as store:
        store.take_over()
        with (
            pytest.raises(UnknownSchema, match="expected entry 15 under a known schema, found 00"),
            store.transaction(Cursor(20)) as transaction,
        ):
            fed.handler.apply(transaction.rows, unknown)
        assert store.cursor().next_index == 10
    fed.are(ROWS[:10])


def test_nothing_happens_where_nothing_comes(path: Path) -> None:
    fed = Fed(path, VIEWS)
    with closing(views_store(path)) as store:
        store.take_over()
        with store.transaction(None) as transaction:
            fed.handler.apply(transaction.rows, [])
    assert fed.told() == {}


def test_a_bug_parks_nothing_and_an_unknown_schema_is_waited_for(path: Path) -> None:
    """The same through the runtime: what a handler stumbles over never reaches the dead letters."""
    topics, letters = Topics(), Letters()
    topics.relay(*ROWS)
    topics.publish(make_note(len(ROWS), ROWS))
    handler = Views((counting("first"), counting("brittle", handle=failing(AT))), CATALOGUE)
    with closing(views_store(path)) as store:
        handler._types.pop(ROWS[-1].entry[:32])
        runtime = runtime_of(handler, topics, store, letters)
        with pytest.raises(Unavailable, match="views waits for a program that knows the schema"):
            for _ in range(60):
                runtime.step()
        fed = Fed(path, (counting("first"),))
        assert fed.told() == {} and store.cursor().next_index == 0
        runtime = runtime_of(Views((counting("first"), counting("brittle", handle=failing(AT))), CATALOGUE), topics,
                             store, letters)  # fmt: skip
        for _ in range(60):
            runtime.step()
        assert (runtime.parked, letters.kept, store.waiting()) == (0, [], [])
        assert store.cursor().next_index == len(ROWS)
        fed.are(ROWS)


def test_a_full_disk_is_waited_for_and_leaves_rows_and_cursor_together(path: Path) -> None:
    """SQLite ends the whole transaction then: what is tried after that would stand without the cursor."""
    topics, letters, rows = Topics(at_once=100), Letters(), small_history(seed=3, objects=60)
    topics.relay(*rows)
    for size in range(100, len(rows), 100):
        topics.publish(make_note(size, rows))
    handler = Views(VIEWS, CATALOGUE)
    with closing(views_store(path)) as store:
        runtime = runtime_of(handler, topics, store, letters)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        full = 0
        for room in range(1, 1_000, 5):
            store._connection.execute(f"PRAGMA max_page_count = {pages + room}")
            try:
                for _ in range(40):
                    runtime.step()
                break
            except Unavailable as err:
                assert "database or disk is full" in str(err)
                full += 1
            reached = store.cursor().next_index
            assert (letters.kept, store.waiting()) == ([], [])
            assert {one["position"] for one in Fed(path, VIEWS).told().values()} == ({reached} if reached else set())
            runtime.recover()
        assert full > 10
        Fed(path, VIEWS).are(rows[: store.cursor().next_index])


def test_what_the_status_tells(path: Path) -> None:
    fed = Fed(path, VIEWS)
    fed.give(*ROWS)
    kind = CONSUMERS["views"]
    over_all, projections = kind.tell(path, True)
    assert (over_all, projections) == tell_views(VIEWS, path, True)
    names = sorted(view.name for view in VIEWS)
    assert [one["name"] for one in projections] == names
    lines = [f"{one['name']} {one['version']} {len(ROWS)} {one['digest']}\n" for one in projections]
    assert over_all == hashlib.sha256("".join(lines).encode()).hexdigest()
    silent, projections = kind.tell(path, False)
    assert silent is None and {one["digest"] for one in projections} == {None}
    with pytest.raises(Unavailable, match="nobody"):
        kind.tell(path.parent / "nobody.sqlite3", True)
    path.with_name("rubbish.sqlite3").write_bytes(b"no database at all " * 100)
    with pytest.raises((Invalid, Unavailable), match="rubbish"):
        kind.open_store(path.with_name("rubbish.sqlite3"))


def test_names_of_views_and_tables_are_told_apart() -> None:
    """`<view>_<table>` is one table of one view, and `view_state` is none."""
    assert all(view.name.isalpha() and view.name not in ("view", "consumer", "waiting") for view in VIEWS)


def test_a_stopped_view_of_another_program_is_told_by_the_version(path: Path) -> None:
    Fed(path, (counting("first", handle=failing(AT)),)).give(*ROWS)
    (one,) = Fed(path, (counting("first", version=2),)).told().values()
    assert one["stopped_at"] == AT and "this program makes 2" in one["because"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM first_seen").fetchone() == (AT,)
