"""Questions to views in PostgreSQL: places of the ledger, and what stood then; empty, behind and absent differ."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Behind, Invalid, NotFound, Unavailable
from domain.ledger.merkle import CompactRange
from infra.store.provision import PROJECTOR, READER
from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from infra.views.projector import Projector
from infra.views.reading import AsOf, Look, Reader, parse_place, rows_together
from projections.catalogue import VIEWS
from projections.compliance import COMPLIANCE, OBJECT
from projections.ledger import ENTRY, LEDGER, SCHEMA
from projections.parties import PARTIES, ROLE
from projections.runner import run_batch
from projections.tables import Table
from projections.view import View
from tests.conftest import LedgerDatabase
from tests.store_kit import RESET
from tests.view_kit import Rows
from tests.view_samples import counting, restored
from tests.view_world import CODEC, NOW_US, SEALED, World, recorded_at, world_in


@pytest.fixture(scope="module")
def world(make_ledger_database: Callable[[], LedgerDatabase]) -> World:
    return world_in(make_ledger_database())


def text_of(instant_us: int, hours: int = 0) -> str:
    """Return an instant as RFC 3339, told in a zone so many hours east."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)
    return (instant + timedelta(hours=hours)).replace(tzinfo=None).isoformat() + (f"{hours:+03}:00" if hours else "Z")


# -- places ------------------------------------------------------------------------------------------------------------


def test_an_index_has_the_instant_of_its_time_high(world: World) -> None:
    for index in (0, 1, len(world.rows) // 2, *range(len(world.rows) - 25, len(world.rows))):
        assert world.resolve(index) == AsOf(index, world.town.store.time_high(index))


@pytest.mark.parametrize("beyond", ["0", "1", "1000000"])
def test_an_index_that_is_not_there_yet(world: World, beyond: str) -> None:
    index = len(world.rows) + int(beyond)
    with pytest.raises(NotFound, match=f"expected an index below {len(world.rows)}, found {index}"):
        world.resolve(index)


def slow_place(world: World, instant_us: int) -> int | None:
    """Return the position of a time by going through all entries: the definition, without halving."""
    pieces: list[list[int]] = [[]]
    for row in world.rows:
        if row.type == RESET:
            pieces.append([])
        pieces[-1].append(row.index)
    closed = [piece for piece in pieces[1:] if recorded_at(world.rows[piece[0]]) > instant_us]
    piece = pieces[pieces.index(closed[0]) - 1] if closed else pieces[-1]
    high, found = 0, None
    for index in piece:
        high = max(high, recorded_at(world.rows[index]))
        if high <= instant_us:
            found = index
    return found


def test_a_time_has_the_position_that_a_slow_search_finds(world: World) -> None:
    """At each entry's own instant, a microsecond before and after, whatever piece it lies in."""
    instants = {recorded_at(row) + shift for row in world.rows for shift in (-1, 0, 1)}
    seen = set()
    with psycopg.connect(world.database.dsn(READER)) as connection:
        for instant in sorted(instants):
            expected = slow_place(world, instant)
            find = parse_place(text_of(instant))
            if expected is None:
                with pytest.raises(NotFound, match="behind the founding"):
                    find(connection)
            else:
                assert find(connection) == AsOf(expected, instant)
                seen.add(expected)
    assert len(seen) > 30 and len(world.rows) - 1 in seen


def test_a_time_while_the_clock_ran_ahead_and_after_its_reset(world: World) -> None:
    first, second = [row.index for row in world.rows if row.type == RESET]
    ahead = world.resolve(first - 1).instant_us
    assert ahead - world.resolve(first).instant_us > 364 * 86_400_000_000, "the reset took the year back"
    before = recorded_at(world.rows[first]) - 1
    assert world.resolve(text_of(before)).position < first - 3, "what was recorded ahead was not known to be then"
    assert world.resolve(text_of(ahead)) == AsOf(len(world.rows) - 1, ahead), "the truth is the last piece"
    assert world.resolve(second).instant_us == recorded_at(world.rows[second])


def test_before_the_founding_and_after_the_head(world: World) -> None:
    for early in ("1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", text_of(recorded_at(world.rows[0]) - 1)):
        with pytest.raises(NotFound, match="behind the founding"):
            world.resolve(early)
    late = "2999-12-31T23:59:59.999999Z"
    assert world.resolve(late) == AsOf(len(world.rows) - 1, 32_503_679_999_999_999)


def test_one_instant_in_any_spelling(world: World) -> None:
    instant = recorded_at(world.rows[60])
    assert {world.resolve(text_of(instant, hours)) for hours in (0, 8, -7, 14)} == {world.resolve(text_of(instant))}
    assert world.resolve(text_of(instant).replace("T", " ")).instant_us == instant


def test_a_root_that_was_published(world: World) -> None:
    for size in SEALED:
        assert world.resolve(world.roots[size]) == world.resolve(size - 1)


def test_a_root_that_never_was(world: World) -> None:
    tree = CompactRange()
    tree.extend(row.leaf_hash for row in world.rows[:41])
    for root in (tree.root().hex(), "00" * 32, world.roots[0], "1" * 64):
        with pytest.raises(NotFound, match=f"root of a checkpoint of this ledger, found {root}"):
            world.resolve(root)


RUBBISH = (
    "", " ", "-1", "+1", "1.0", "1e3", "0x10", "١٢", "1" * 19, "latest", "now", "F" * 64, "f" * 63, "g" * 64,
    "2026-11-26", "2026-11-26T08:00:00", "2026-13-01T00:00:00Z", "2026-11-26T25:00:00Z", "10000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\x00", "\udcff", "2026-W48-4", "'; DROP TABLE x; --",
)  # fmt: skip


@pytest.mark.parametrize("text", RUBBISH)
def test_what_is_no_place(world: World, text: str) -> None:
    with pytest.raises(Invalid, match="as of: expected"):
        world.resolve(text)


@given(st.text(max_size=80) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}.{0,7}"))
def test_no_text_brings_another_error(text: str) -> None:
    try:
        parse_place(text)
    except Invalid as err:
        assert len(str(err)) < 600


# -- looks -------------------------------------------------------------------------------------------------------------


def test_live_is_the_newest_entry_and_the_clock_of_the_question(world: World) -> None:
    with world.look(LEDGER) as look:
        assert look.as_of == AsOf(len(world.rows) - 1, NOW_US)
        assert len(look.rows(ENTRY)) == len(world.rows)


def test_rows_by_their_columns(world: World) -> None:
    stream = CODEC.decode(world.rows[50].entry).envelope.stream_id
    of_stream = [row.index for row in world.rows if CODEC.decode(row.entry).envelope.stream_id == stream]
    with world.look(LEDGER) as look:
        assert [row.index for row in look.rows(ENTRY, stream=[stream])] == of_stream
        assert [row.index for row in look.rows(ENTRY, stream=[stream], version=[2, 1])] == of_stream[:2]
        assert [row.index for row in look.rows(ENTRY, index=[7, 5, 5, -1, 10**9])] == [5, 7]
        assert [row.index for row in look.rows(ENTRY, type=[RESET, "'"])] == [
            r.index for r in world.rows if r.type == RESET
        ]
        assert look.rows(ENTRY, stream=[]) == look.rows(ENTRY, stream=[UUID(int=0)]) == []
        one, *_ = look.rows(SCHEMA)
        assert look.rows(SCHEMA, sha256=[one.sha256]) == [one]
    with world.look(LEDGER, of_stream[0]) as look:
        assert [row.index for row in look.rows(ENTRY, stream=[stream])] == of_stream[:1]
    with world.look(COMPLIANCE) as look:
        ids = [row.object for row in look.rows(OBJECT)]
        assert ids == sorted(ids) and len(set(ids)) == len(ids), "in order of key"
        assert {row.lifted for row in look.rows(OBJECT, lifted=[True])} == {True}


def test_as_of_each_index_postgres_answers_as_memory_does(world: World) -> None:
    for view in VIEWS:
        memory = MemoryViewStore(view)
        run_batch(view, memory, [LedgerEntry(row, CODEC) for row in world.rows])
        for index in [0, len(world.rows) - 1, *random.Random(view.name).sample(range(len(world.rows)), 12)]:
            with world.look(view, index) as look:
                for table in view.tables:
                    width = len(table.key)
                    found = {tuple(row[:width]): plain(row[width:]) for row in look.rows(table)}
                    assert found == memory.rows(table, as_of=index), (view.name, table.name, index)


def plain(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(one) if isinstance(one, list) else one for one in values)


def test_a_view_that_is_not_that_far_is_behind_and_no_empty_answer(
    world: World, ledger_database: LedgerDatabase
) -> None:
    restored(ledger_database, world.rows)
    reader = Reader(ledger_database.dsn(READER))
    with Projector(ledger_database.dsn(PROJECTOR), Rows(world.rows), CODEC) as projector:
        with pytest.raises(Behind, match="ledger is not built yet in version 1"), reader.look(LEDGER, None, 0):
            pass
        projector.ensure([LEDGER])
        with reader.look(LEDGER, None, NOW_US) as look:
            assert (look.as_of, look.rows(ENTRY)) == (AsOf(-1, NOW_US), [])
        with (
            pytest.raises(Behind, match="taken in 0 entries; expected those up to index 0"),
            reader.look(LEDGER, "0", 0),
        ):
            pass
        projector.catch_up(size=50)
        projector.ensure([LEDGER, PARTIES])
        with reader.look(LEDGER, "49", 0) as look:
            assert len(look.rows(ENTRY)) == 50
        for place in ("50", str(len(world.rows) - 1), "2999-01-01T00:00:00Z"):
            with pytest.raises(Behind, match="ledger has taken in 50 entries"), reader.look(LEDGER, place, 0):
                pass
        with pytest.raises(NotFound, match="expected an index below"), reader.look(LEDGER, str(len(world.rows)), 0):
            pass
        with reader.looks((LEDGER, PARTIES), None, NOW_US) as (ledger, parties):
            assert ledger.as_of == parties.as_of == AsOf(-1, NOW_US), "the newest that both have taken in"
            assert ledger.rows(ENTRY) == parties.rows(ROLE) == []
        with pytest.raises(Behind, match="parties has taken in 0 entries"), reader.looks((LEDGER, PARTIES), "49", 0):
            pass
        newer = View("ledger", 2, "", (ENTRY,))
        with pytest.raises(Behind, match="not built yet in version 2"), reader.look(newer, None, 0):
            pass


def test_a_database_that_is_not_there() -> None:
    reader = Reader("host=127.0.0.1 port=1 connect_timeout=1 user=edgeprint_reader")
    with pytest.raises(Unavailable, match="does not answer"):
        reader.resolve("1")


def test_one_look_is_one_snapshot(world: World, ledger_database: LedgerDatabase) -> None:
    restored(ledger_database, world.rows)
    with Projector(ledger_database.dsn(PROJECTOR), Rows(world.rows), CODEC) as projector:
        projector.ensure([LEDGER])
        projector.catch_up(size=30)
        with Reader(ledger_database.dsn(READER)).look(LEDGER, None, 0) as look:
            assert look.as_of.position == 29
            assert projector.catch_up() == len(world.rows)
            assert look.ask("SELECT count(*) AS n FROM {entry}")[0].n == 30, "what came meanwhile is not seen"


def test_a_view_of_another_ledger_cannot_be_looked_at(world: World) -> None:
    with pytest.raises(Behind, match="strangers is not built yet"), world.look(counting("strangers")):
        pass


def test_rows_asked_for_together_are_those_asked_for_one_by_one(world: World) -> None:
    with world.reader.looks((LEDGER, COMPLIANCE, PARTIES), None, NOW_US) as (ledger, compliance, parties):
        objects = [row.object for row in compliance.rows(OBJECT)]
        asked: tuple[tuple[Look, Table, dict[str, Sequence[Any]]], ...] = (
            (compliance, OBJECT, {"object": objects[:3]}),
            (ledger, ENTRY, {}),
            (compliance, OBJECT, {"object": objects, "status": []}),
            (parties, ROLE, {}),
            (ledger, ENTRY, {"stream": objects[1:2], "index": list(range(len(world.rows)))}),
        )
        found = rows_together(*asked)
        assert found == [look.rows(table, **wanted) for look, table, wanted in asked]
        assert [len(some) > 0 for some in found] == [True, True, False, True, True]


def test_of_nothing_wanted_nothing_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.reader.look(COMPLIANCE, None, NOW_US) as look:
        monkeypatch.setattr(look.connection, "cursor", None)
        assert look.rows(OBJECT, object=[]) == []
        assert rows_together((look, OBJECT, {"object": []}), (look, OBJECT, {"status": []})) == [[], []]


def test_a_look_only_reads_and_of_one_snapshot(world: World) -> None:
    with world.reader.look(LEDGER, None, NOW_US) as look:
        said = ("transaction_isolation", "transaction_read_only")
        assert [look.connection.execute(f"SHOW {one}").fetchone() for one in said] == [("repeatable read",), ("on",)]


def test_a_name_or_a_value_never_ends_a_query(world: World) -> None:
    with world.reader.look(COMPLIANCE, None, NOW_US) as look:
        assert look.rows(OBJECT, status=["admitted'); --", "%(at)s", '{"'], project=["\\", "NULL"]) == []
