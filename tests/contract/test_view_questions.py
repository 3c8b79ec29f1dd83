"""What people ask of the views in PostgreSQL, held against slow oracles in plain Python."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import NotFound
from domain.identity.digital_object import DigitalObject, Status
from domain.identity.events import Level, ObjectIdentified, TraceSetJudged
from infra.views import questions
from infra.views.reading import AsOf, Look
from producers.commands import StreamCache
from producers.identity import OBJECT as OBJECTS
from projections.compliance import COMPLIANCE, ELEMENTS, HOLD, REVOKED
from projections.genealogy.view import EDGE, FOUND, GENEALOGY, NODE
from projections.view import View
from tests.conftest import LedgerDatabase
from tests.view_samples import build_of, fill, projector_connection
from tests.view_world import CODEC, World, world_in


@pytest.fixture(scope="module")
def world(make_ledger_database: Callable[[], LedgerDatabase]) -> World:
    return world_in(make_ledger_database())


# -- genealogy ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def connection(world: World) -> Iterator[psycopg.Connection[Any]]:
    with closing(projector_connection(world.database)) as made:
        yield made


def look_at(store: Any, view: View, position: int, instant_us: int = 0) -> Look:
    return Look(store._connection, view, store._schema, AsOf(position, instant_us))


def name(number: int) -> UUID:
    return UUID(int=number + 1)


NODE_VALUES = ("picture", "static", "imported", UUID(int=99), None, 0, UUID(int=99))


@dataclass(frozen=True)
class Graph:
    """Objects 0 to `size - 1`, object n born at index 2n; edges (child, parent, index at which it is known)."""

    size: int
    declared: frozenset[tuple[int, int]]
    found: tuple[tuple[int, int, int], ...]

    def rows(self) -> list[tuple[Any, Any, Any, int, None]]:
        rows: list[tuple[Any, Any, Any, int, None]] = []
        rows += [(NODE, (name(n),), (2 * n, *NODE_VALUES), 2 * n, None) for n in range(self.size)]
        rows += [(EDGE, (name(c), name(p), "made_from"), (2 * c,), 2 * c, None) for c, p in self.declared]
        rows += [(FOUND, (name(c), name(s)), (at, b"e"), at, None) for c, s, at in self.found]
        return rows

    def edges(self, position: int) -> set[tuple[int, int]]:
        declared = {(c, p) for c, p in self.declared if 2 * c <= position}
        return declared | {(c, s) for c, s, at in self.found if at <= position}

    def above(self, focus: int, position: int) -> set[UUID]:
        return self._reach(focus, self.edges(position))

    def below(self, focus: int, position: int) -> set[UUID]:
        return self._reach(focus, {(parent, child) for child, parent in self.edges(position)})

    @staticmethod
    def _reach(focus: int, edges: set[tuple[int, int]]) -> set[UUID]:
        reached: set[int] = set()
        while more := {to for at, to in edges if at in reached | {focus}} - reached:
            reached |= more
        return {name(n) for n in reached - {focus}}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 9))
    pairs = [(c, p) for c in range(size) for p in range(c)]
    declared = draw(st.frozensets(st.sampled_from(pairs), max_size=14)) if pairs else frozenset()
    every = [(c, s) for c in range(size) for s in range(size) if c != s]
    chosen = draw(st.lists(st.sampled_from(every), max_size=5, unique=True)) if every else []
    found = tuple((c, s, 2 * max(c, s) + 1 + 2 * draw(st.integers(0, 4))) for c, s in chosen)
    return Graph(size, declared, found)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), data=st.data())
def test_random_graphs_are_answered_as_a_slow_walk_does(
    connection: psycopg.Connection[Any], graph: Graph, data: st.DataObject
) -> None:
    store = build_of(connection, GENEALOGY)
    fill(store, GENEALOGY, graph.rows(), 100)
    for position in {data.draw(st.integers(0, 2 * graph.size + 8)), 99}:
        look = look_at(store, GENEALOGY, position)
        for n in range(graph.size):
            if 2 * n > position:
                with pytest.raises(NotFound):
                    questions.lineage(look, name(n))
                continue
            above, below = graph.above(n, position), graph.below(n, position)
            assert questions.ancestors(look, name(n)) == above
            assert questions.descendants(look, name(n)) == below
            found = questions.lineage(look, name(n))
            inside = {name(n)} | above | below
            assert (found.focus, found.cut) == (name(n), False)
            assert found.above == above and found.below == below
            assert {row.object for row in found.nodes} == inside
            drawn = {(row.child, row.parent) for row in found.edges} | {(row.child, row.source) for row in found.found}
            assert drawn == {
                (name(c), name(p)) for c, p in graph.edges(position) if name(c) in inside and name(p) in inside
            }


def test_a_lineage_is_cut_only_where_there_was_more(connection: psycopg.Connection[Any]) -> None:
    chain = Graph(8, frozenset((n + 1, n) for n in range(7)), ())
    store = build_of(connection, GENEALOGY)
    fill(store, GENEALOGY, chain.rows(), 100)
    look = look_at(store, GENEALOGY, 99)
    for most, cut in ((3, True), (6, True), (7, False), (8, False)):
        found = questions.lineage(look, name(7), most)
        assert (found.cut, len(found.above)) == (cut, min(most, 7))
        assert len(found.edges) == len(found.above), "what is drawn hangs together"


# -- compliance --------------------------------------------------------------------------------------------------------

FIRST, SECOND, THIRD, LATER_BORN, APART = map(name, range(5))
CAUSE, TAKEN_BACK, OTHER_CAUSE = 20, 40, 30


@pytest.fixture(scope="module")
def impaired(connection: psycopg.Connection[Any]) -> Callable[[UUID, int, int], list[tuple[UUID, int]]]:
    """Ask what impairs an object as of a position and an instant, as (source, index of the cause).

    THIRD is of SECOND is of FIRST; LATER_BORN, born at 50, is of SECOND too; APART is of nobody. FIRST was revoked by
    the entry at 20 from instant 100 on, which the entry at 40 ended at instant 200; SECOND by that at 30, from 150 on.
    """
    genealogy, compliance = build_of(connection, GENEALOGY), build_of(connection, COMPLIANCE)
    born = {FIRST: 1, SECOND: 2, THIRD: 3, APART: 4, LATER_BORN: 50}
    edges = {(SECOND, FIRST): 2, (THIRD, SECOND): 3, (LATER_BORN, SECOND): 50}
    nodes = [(NODE, (one,), (at, *NODE_VALUES), at, None) for one, at in born.items()]
    declared = [(EDGE, (child, parent, "made_from"), (at,), at, None) for (child, parent), at in edges.items()]
    fill(genealogy, GENEALOGY, [*nodes, *declared], 100)
    revoked = [
        (REVOKED, (FIRST, CAUSE), ("object", "rights", 100, None), CAUSE, TAKEN_BACK),
        (REVOKED, (FIRST, CAUSE), ("object", "rights", 100, 200), TAKEN_BACK, None),
        (REVOKED, (SECOND, OTHER_CAUSE), ("object", "by_holder", 150, None), OTHER_CAUSE, None),
        (REVOKED, (UUID(int=77), 25), ("capability", "security", 0, None), 25, None),
    ]
    fill(compliance, COMPLIANCE, revoked, 100)

    def ask(focus: UUID, position: int, instant_us: int) -> list[tuple[UUID, int]]:
        above = look_at(genealogy, GENEALOGY, position, instant_us)
        stands = look_at(compliance, COMPLIANCE, position, instant_us)
        return sorted((row.source, row.cause) for row in questions.impaired(above, stands, focus))

    return ask


ONE, TWO = (FIRST, CAUSE), (SECOND, OTHER_CAUSE)


@pytest.mark.parametrize(
    ("position", "instant", "causes"),
    [
        (CAUSE - 1, 99, []),
        (CAUSE - 1, 150, []),
        (CAUSE, 99, []),
        (CAUSE, 100, [ONE]),
        (CAUSE, 10**15, [ONE]),
        (OTHER_CAUSE - 1, 150, [ONE]),
        (OTHER_CAUSE, 149, [ONE]),
        (OTHER_CAUSE, 150, [ONE, TWO]),
        (TAKEN_BACK - 1, 200, [ONE, TWO]),
        (TAKEN_BACK, 99, []),
        (TAKEN_BACK, 100, [ONE]),
        (TAKEN_BACK, 199, [ONE, TWO]),
        (TAKEN_BACK, 200, [TWO]),
        (99, 199, [ONE, TWO]),
        (99, 10**15, [TWO]),
    ],
)
def test_impaired_at_an_instant_as_of_a_position(
    impaired: Callable[[UUID, int, int], list[tuple[UUID, int]]],
    position: int,
    instant: int,
    causes: list[tuple[UUID, int]],
) -> None:
    assert impaired(THIRD, position, instant) == causes
    assert impaired(SECOND, position, instant) == causes
    assert impaired(FIRST, position, instant) == [one for one in causes if one == ONE], "nothing comes from below"
    assert impaired(APART, position, instant) == []
    assert impaired(LATER_BORN, position, instant) == (causes if position >= 50 else []), "a later birth is seen too"


def states(world: World, position: int) -> dict[UUID, DigitalObject]:
    """Return every object as its aggregate has it, from entries 0 to `position`."""
    found: dict[UUID, DigitalObject] = {}
    objects = {one.envelope.stream_id for one in decoded(world, position) if isinstance(one.event, ObjectIdentified)}
    for object_id in objects:
        stream = [row for row in world.town.store.streams([object_id])[object_id] if row.index <= position]
        cache = StreamCache({object_id: stream}, lambda entry: CODEC.decode(entry).event)
        found[object_id] = cache.load(object_id, OBJECTS).state
    return found


def decoded(world: World, position: int) -> list[Any]:
    return [CODEC.decode(row.entry) for row in world.rows[: position + 1]]


def places(world: World) -> list[int]:
    last = len(world.rows) - 1
    return sorted({0, last, *random.Random(6).sample(range(30, last), 10)})


def test_status_counts_what_a_plain_recount_does(world: World) -> None:
    for position in places(world):
        objects = states(world, position)
        cells = {
            one.envelope.stream_id: one.event.cells
            for one in decoded(world, position)
            if type(one.event) is TraceSetJudged
        }
        with world.look(COMPLIANCE, position) as look:
            found = questions.status(look)
            assert found["legal_holds"] == len(look.rows(HOLD))
        assert found["submitted"] == len(objects)
        assert found["by_status"] == dict(sorted(Counter(str(one.status) for one in objects.values()).items()))
        assert found["complete"] == sum(not one.lacking for key, one in objects.items() if key in cells)
        assert [row["element"] for row in found["elements"]] == list(ELEMENTS)
        for place, row in enumerate(found["elements"]):
            recounted = Counter(recounted_cell(row_of[place]) for row_of in cells.values())
            assert {key: count for key, count in row.items() if key != "element"} == recounted, (position, row)
            assert sum(recounted.values()) == len(cells)


def recounted_cell(cell: Any) -> str:
    order = [Level.MISSING, Level.DECLARED, Level.ATTESTED, Level.VERIFIED]
    if cell.required not in order[1:]:
        return "not_asked"
    if cell.found == Level.MISSING or order.index(cell.found) >= order.index(cell.required):
        return str(cell.found)
    return "too_low"


def test_status_of_one_project(world: World) -> None:
    births = [one for one in decoded(world, len(world.rows) - 1) if isinstance(one.event, ObjectIdentified)]
    mine = {one.envelope.stream_id for one in births if one.event.project == "night-river"}
    with world.look(COMPLIANCE) as look:
        found, nothing = questions.status(look, "night-river"), questions.status(look, "no such project")
    assert found["submitted"] == len(mine) > 0
    assert sum(found["by_status"].values()) == sum(found["by_class"].values()) == len(mine)
    assert (nothing["submitted"], nothing["by_status"], nothing["complete"]) == (0, {}, 0)


def test_what_was_revoked_is_counted_at_the_instant_asked_about(world: World) -> None:
    with world.look(COMPLIANCE) as look:
        (withdrawn,) = look.rows(REVOKED, what=["object"])
        assert questions.status(look)["revoked"] >= 1
        early = Look(
            look.connection, look.view, look.schema, AsOf(look.as_of.position, withdrawn.effective_from_us - 1)
        )
        just = Look(look.connection, look.view, look.schema, AsOf(look.as_of.position, withdrawn.effective_from_us))
        assert questions.status(just)["revoked"] == questions.status(early)["revoked"] + 1


def test_changed_between_two_places_is_what_two_recounts_say(world: World) -> None:
    chosen = places(world)
    for first, last in [*pairwise(chosen), (chosen[0], chosen[-1]), (chosen[3], chosen[3])]:
        then, now = states(world, first), states(world, last)
        with world.look(COMPLIANCE, first) as before, world.look(COMPLIANCE, last) as after:
            found = questions.changed(before, after)
        assert set(found["born"]) == now.keys() - then.keys()
        moved = {(one["object"], one["from"], one["to"]) for one in found["moved"]}
        assert moved == {
            (one, str(state.status), str(now[one].status))
            for one, state in then.items()
            if state.status != now[one].status
        }
        for status in Status:
            if status is not Status.UNKNOWN:
                counts = tuple(sum(one.status is status for one in some.values()) for some in (then, now))
                assert found["statuses"][str(status)] == counts
