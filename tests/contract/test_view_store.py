"""One suite for all stores of a view: what is written stands, what must not be written is refused, digests agree."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Conflict, Invalid, Unavailable
from infra.views.memory import MemoryViewStore
from infra.views.postgres import PostgresViewStore
from infra.views.sqlite import STATE, SqliteViewStore, forget, states
from projections.runner import Batch, Poison
from projections.tables import Column, Key, Kind, Row, Table, Values, Written
from projections.view import View
from tests.conftest import LedgerDatabase
from tests.view_samples import COUNTED, MIXED, SAMPLE, build_of, projector_connection, written

ONE, TWO = UUID(int=1), UUID("ffffffff-ffff-ffff-ffff-ffffffffffff")
FULL: Values = (
    -7,
    'a "quoted" \\ path\twith\na line',
    b"\x00\xff",
    True,
    ("片边码", "", "NULL", 'q"', "a,b", "{", "\\", " "),
)
EMPTY: Values = (None, None, None, None, None)
BARE: Values = (0, "", b"", False, ())
ROWS: tuple[tuple[Key, Values], ...] = (
    ((ONE, "夜河"), FULL),
    ((ONE, "Z"), EMPTY),
    ((ONE, "a"), BARE),
    ((TWO, ""), FULL),
)
Store = MemoryViewStore | PostgresViewStore | SqliteViewStore


@pytest.fixture(scope="module")
def connection(make_ledger_database: Callable[[], LedgerDatabase]) -> Iterator[psycopg.Connection[Any]]:
    with closing(projector_connection(make_ledger_database())) as made:
        yield made


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """Give a SQLite database in memory with a transaction of the test's own open."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.executescript(STATE)
        made.execute("BEGIN IMMEDIATE")
        yield made


def begun(file: sqlite3.Connection, view: View = SAMPLE) -> SqliteViewStore:
    made = SqliteViewStore(file, view)
    made.begin()
    return made


@pytest.fixture(params=["memory", "postgres", "sqlite"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryViewStore(SAMPLE)
    if request.param == "sqlite":
        return begun(request.getfixturevalue("file"))
    return build_of(request.getfixturevalue("connection"), SAMPLE)


def begin(store: Store, *rows: tuple[Key, Values], at: int = 0, position: int | None = None) -> None:
    """Let rows begin at an index, and move the store behind it."""
    batch = {"mixed": written([(key, values, at, None) for key, values in rows])}
    store.write(store.position(), Batch(at + 1 if position is None else position, batch))


def standing(store: Store, *keys: Key) -> dict[Key, Row]:
    return {place[1]: row for place, row in store.standing([(MIXED, key) for key in keys]).items()}


def test_a_store_begins_with_nothing(store: Store) -> None:
    assert store.position() == 0
    assert store.standing([(MIXED, (ONE, "a"))]) == {}
    assert store.standing([]) == {}
    assert store.digest() == hashlib.sha256(b"counted\nmixed\n").digest()


def test_what_is_written_stands_as_it_was(store: Store) -> None:
    begin(store, *ROWS, at=41)
    assert store.position() == 42
    assert standing(store, *(key for key, _ in ROWS)) == {key: Row(values, 41) for key, values in ROWS}
    assert standing(store, (TWO, "Z"), (ONE, "a")) == {(ONE, "a"): Row(BARE, 41)}


def test_keys_of_several_tables_at_once(store: Store) -> None:
    rows = {"mixed": written([((ONE, "a"), FULL, 0, None)]), "counted": written([((5,), ("five",), 0, None)])}
    store.write(0, Batch(1, rows))
    found = store.standing([(COUNTED, (5,)), (MIXED, (ONE, "a")), (COUNTED, (6,))])
    assert found == {("counted", (5,)): Row(("five",), 0), ("mixed", (ONE, "a")): Row(FULL, 0)}


def test_a_row_that_has_ended_stands_no_more_and_counts_in_the_digest(store: Store) -> None:
    begin(store, *ROWS)
    before = store.digest()
    store.write(1, Batch(9, {"mixed": written(ended=[((ONE, "a"), 0, 8)])}))
    assert standing(store, (ONE, "a"), (ONE, "Z")) == {(ONE, "Z"): Row(EMPTY, 0)}
    assert store.digest() != before


def test_one_row_takes_the_place_of_another_in_one_batch(store: Store) -> None:
    begin(store, ((ONE, "a"), FULL))
    rows = written([((ONE, "a"), BARE, 3, 5), ((ONE, "a"), EMPTY, 5, None)], [((ONE, "a"), 0, 3)])
    store.write(1, Batch(6, {"mixed": rows}))
    assert standing(store, (ONE, "a")) == {(ONE, "a"): Row(EMPTY, 5)}


def test_a_position_that_has_moved_is_a_conflict_and_writes_nothing(store: Store) -> None:
    begin(store, ((ONE, "a"), FULL))
    for before in (0, 2):
        with pytest.raises(Conflict, match=f"expected position {before}"):
            store.write(before, Batch(3, {"mixed": written([((ONE, "Z"), BARE, 2, None)])}))
    assert store.position() == 1
    assert standing(store, (ONE, "Z")) == {}


@pytest.mark.parametrize("ended", [[((TWO, "a"), 0, 3)], [((ONE, "a"), 0, 3), ((TWO, "a"), 0, 3)]])
def test_a_row_that_does_not_stand_cannot_end(store: Store, ended: list[tuple[Key, int, int]]) -> None:
    begin(store, ((ONE, "a"), FULL))
    state = store.digest()
    with pytest.raises(Conflict, match="standing rows, found others"):
        store.write(1, Batch(4, {"counted": written([((1,), ("x",), 3, None)]), "mixed": written(ended=ended)}))
    assert (store.position(), store.digest()) == (1, state)


def test_a_row_ends_once(store: Store) -> None:
    begin(store, ((ONE, "a"), FULL))
    store.write(1, Batch(4, {"mixed": written(ended=[((ONE, "a"), 0, 3)])}))
    with pytest.raises(Conflict):
        store.write(4, Batch(6, {"mixed": written(ended=[((ONE, "a"), 0, 5)])}))


def test_a_second_standing_row_of_a_key_is_refused(store: Store) -> None:
    begin(store, ((ONE, "a"), FULL))
    state = store.digest()
    for rows in (written([((ONE, "a"), BARE, 2, None)]), written([((TWO, "b"), n, 2, None) for n in (FULL, BARE)])):
        with pytest.raises(Invalid):
            store.write(1, Batch(3, {"counted": written([((1,), ("x",), 2, None)]), "mixed": rows}))
    assert (store.position(), store.digest()) == (1, state)


def test_a_poison_moves_the_position_and_keeps_the_rows_before_it(store: Store) -> None:
    store.write(0, Batch(7, {"mixed": written([((ONE, "a"), FULL, 6, None)])}, Poison(7, "片 " * 400)))
    assert store.position() == 7
    assert standing(store, (ONE, "a")) == {(ONE, "a"): Row(FULL, 6)}


def test_any_change_of_a_row_changes_the_digest(store: Store) -> None:
    """Every column counts, both indexes too, and where one column ends and the next begins."""
    begin(store, ((ONE, "a"), (1, "ab", b"c", True, ("x", "y"))))
    digests = {store.digest()}
    changed: list[tuple[Key, Values]] = [
        ((TWO, "a"), (1, "ab", b"c", True, ("x", "y"))),
        ((ONE, "b"), (1, "ab", b"c", True, ("x", "y"))),
        ((ONE, "a"), (2, "ab", b"c", True, ("x", "y"))),
        ((ONE, "a"), (1, "a", b"bc", True, ("x", "y"))),
        ((ONE, "a"), (1, "ab", b"", True, ("x", "y"))),
        ((ONE, "a"), (1, "ab", b"c", False, ("x", "y"))),
        ((ONE, "a"), (1, "ab", b"c", True, ("x,y",))),
        ((ONE, "a"), (1, "ab", b"c", True, ("y", "x"))),
        ((ONE, "a"), (1, "ab", b"c", True, None)),
        ((ONE, "a"), (1, None, b"c", True, ("x", "y"))),
        ((ONE, "a"), (1, "\\N", b"c", True, ("x", "y"))),
        ((ONE, "a"), (1, "", b"c", True, ("x", "y"))),
    ]
    for key, values in changed:
        other = MemoryViewStore(SAMPLE)
        begin(other, (key, values))
        digests.add(other.digest())
    later = MemoryViewStore(SAMPLE)
    begin(later, ((ONE, "a"), (1, "ab", b"c", True, ("x", "y"))), at=1)
    assert len(digests | {later.digest()}) == len(changed) + 2


def test_what_the_database_cannot_hold_is_invalid(connection: psycopg.Connection[Any]) -> None:
    store = build_of(connection, SAMPLE)
    for values in ((2**63, None, None, None, None), (None, "a\x00b", None, None, None)):
        with pytest.raises(Invalid, match="sample"):
            begin(store, ((ONE, "a"), values))
    assert store.position() == 0


@pytest.mark.parametrize(
    "values",
    [
        (2**63, None, None, None, None),
        (-(2**63) - 1, None, None, None, None),
        (None, "a\ud800b", None, None, None),
        (None, None, None, None, ("a", "\udfff")),
        (None, None, None, None, 5j),
        ("seven", None, None, None, None),
        (None, None, "no bytes", None, None),
    ],
)
def test_what_sqlite_cannot_hold_is_invalid(file: sqlite3.Connection, values: Values) -> None:
    store = begun(file)
    with pytest.raises(Invalid, match="sample"):
        begin(store, ((ONE, "a"), BARE), ((ONE, "b"), values))
    assert (store.position(), standing(store, (ONE, "a"))) == (0, {})
    with pytest.raises(Invalid, match="sample"):
        begin(store, ((str(ONE), "a"), BARE))


def test_a_key_that_sqlite_cannot_hold_has_no_row(file: sqlite3.Connection) -> None:
    assert begun(file).standing([(COUNTED, (2**63,)), (MIXED, (ONE, "\ud800"))]) == {}


def test_sqlite_keeps_what_its_owner_commits_and_no_more(file: sqlite3.Connection) -> None:
    store = begun(file)
    file.execute("COMMIT")
    file.execute("BEGIN IMMEDIATE")
    begin(store, *ROWS)
    for refused in (Batch(3, {"mixed": written([((ONE, "a"), BARE, 2, None)])}), Batch(3, {})):
        with pytest.raises((Invalid, Conflict)):
            store.write(2 if not refused.written else 1, refused)
    assert file.in_transaction and store.position() == 1
    file.execute("ROLLBACK")
    assert (store.position(), standing(store, *(key for key, _ in ROWS))) == (0, {})


def test_sqlite_says_where_it_stopped_and_why(file: sqlite3.Connection) -> None:
    store = begun(file)
    store.write(0, Batch(7, {}, Poison(7, "片 " * 400 + "\ud800")))
    (state,) = states(file).values()
    assert (state.name, state.version, state.position) == ("sample", 1, 7)
    assert state.poison == Poison(7, ("片 " * 400)[:500])
    store.rewind(7)
    assert states(file)["sample"].poison is None and store.position() == 7


def test_a_damaged_file_is_unavailable_and_no_fault_of_an_entry(file: sqlite3.Connection) -> None:
    store = begun(file)
    file.execute("DROP TABLE sample_mixed")
    with pytest.raises(Unavailable, match="no such table: sample_mixed"):
        begin(store, *ROWS)
    with pytest.raises(Unavailable, match="no such table"):
        standing(store, (ONE, "a"))
    with pytest.raises(Unavailable, match="no such table"):
        store.digest()


@pytest.mark.parametrize("index", range(7))
def test_sqlite_rewound_is_what_it_was(file: sqlite3.Connection, index: int) -> None:
    """Rows that began are gone, rows that ended stand again; what is written then is what would have been."""
    lives = [
        Batch(1, {"mixed": written([((ONE, "a"), FULL, 0, None), ((TWO, ""), FULL, 0, None)])}),
        Batch(3, {"mixed": written([((ONE, "a"), BARE, 2, None)], [((ONE, "a"), 0, 2)])}),
        Batch(5, {"mixed": written(ended=[((ONE, "a"), 2, 4)]), "counted": written([((1,), ("x",), 4, None)])}),
        Batch(6, {}, Poison(6, "for a reason")),
    ]
    store, other = begun(file), MemoryViewStore(SAMPLE)
    for batch in lives:
        store.write(store.position(), batch)
    store.rewind(index)
    for batch in lives:
        if batch.position <= index:
            other.write(other.position(), batch)
    assert store.position() == index
    assert store.digest() == other.digest()
    assert states(file)["sample"].poison is None
    for batch in lives:
        if batch.position > index:
            store.write(store.position(), batch)
            other.write(other.position(), batch)
    assert store.digest() == other.digest()


def test_forgotten_a_view_leaves_nothing_and_its_neighbours_alone(file: sqlite3.Connection) -> None:
    again = View("sample", 2, "of another shape", (Table("mixed", (Column("word", Kind.TEXT),), ()),))
    begin(begun(file), *ROWS)
    begun(file, View("samples", 1, "a neighbour", (COUNTED,)))
    forget(file, "sample")
    assert list(states(file)) == ["samples"]
    store = begun(file, again)
    store.write(0, Batch(1, {"mixed": written([(("a",), (), 0, None)])}))
    assert (states(file)["sample"].version, states(file)["sample"].position) == (2, 1)


def test_a_build_that_is_gone_says_so(connection: psycopg.Connection[Any]) -> None:
    store = PostgresViewStore(connection, SAMPLE, "nowhere")
    with pytest.raises(Unavailable, match="another program has replaced it"):
        store.position()


def three_lives(store: Store) -> None:
    """Let one row be FULL from 0, BARE from 2, and gone from 4."""
    begin(store, ((ONE, "a"), FULL), ((TWO, ""), FULL))
    store.write(1, Batch(3, {"mixed": written([((ONE, "a"), BARE, 2, None)], [((ONE, "a"), 0, 2)])}))
    store.write(3, Batch(5, {"mixed": written(ended=[((ONE, "a"), 2, 4)])}))


def test_as_of_an_index_are_the_rows_that_stood() -> None:
    store = MemoryViewStore(SAMPLE)
    three_lives(store)
    lives = [FULL, FULL, BARE, BARE, None, None]
    assert [store.rows(MIXED, as_of=at).get((ONE, "a")) for at in range(6)] == lives
    assert store.rows(MIXED) == {(TWO, ""): FULL}


def test_the_digest_is_over_these_lines(store: Store) -> None:
    three_lives(store)
    bare = "0\t\t\\\\x\tf\t{}"
    items = '{片边码,"","NULL","q\\\\"","a,b","{","\\\\\\\\"," "}'
    full = f'-7\ta "quoted" \\\\ path\\twith\\na line\t\\\\x00ff\tt\t{items}'
    lines = [
        "counted",
        "mixed",
        f"{ONE}\ta\t{full}\t0\t2",
        f"{ONE}\ta\t{bare}\t2\t4",
        f"{TWO}\t\t{full}\t0\t\\N",
    ]
    assert store.digest() == hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).digest()


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["NULL", "null", "\\N", "\\", '"', "{}", "片边", "\t", "\r\n", "\v\f\b", "\x7f", "\u00a0", "\ufffd", "𠮷"]
)
VALUES = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | TEXT,
    st.none() | st.binary(max_size=5),
    st.none() | st.booleans(),
    st.none() | st.lists(TEXT, max_size=3).map(tuple),
)
KEYS = st.tuples(st.sampled_from([ONE, TWO, UUID(int=255 << 64)]), TEXT)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.dictionaries(KEYS, st.none() | VALUES, min_size=1, max_size=5), min_size=1, max_size=5))
def test_all_stores_hold_the_same_whatever_is_written(
    connection: psycopg.Connection[Any], batches: list[dict[Key, Values | None]]
) -> None:
    """Each batch puts rows and drops some (None); the stores are asked for what stands, and for their digest."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        file.executescript(STATE)
        all_hold_the_same(batches, MemoryViewStore(SAMPLE), build_of(connection, SAMPLE), begun(file))


def all_hold_the_same(batches: list[dict[Key, Values | None]], memory: MemoryViewStore, *others: Store) -> None:
    every = {key for batch in batches for key in batch}
    for at, batch in enumerate(batches):
        now = memory.standing([(MIXED, key) for key in batch])
        rows = Written(
            [(key, values, at, None) for key, values in batch.items() if values is not None],
            [(key, now["mixed", key].valid_from, at) for key in batch if ("mixed", key) in now],
        )
        for store in (memory, *others):
            store.write(at, Batch(at + 1, {"mixed": rows}))
        for store in others:
            assert standing(store, *every) == standing(memory, *every)
            assert store.digest() == memory.digest()
    for earlier, later in pairwise(range(len(batches))):
        assert memory.rows(MIXED, as_of=earlier).keys() - memory.rows(MIXED, as_of=later).keys() <= set(batches[later])
