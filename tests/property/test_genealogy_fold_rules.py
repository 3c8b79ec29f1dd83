"""What each node of a folded view promises, held against the raw lineage for random genealogies."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.genealogy.fold import Folded, FoldedNode, fold
from projections.genealogy.model import REVISION_OF, TRAINED_ON, Edge
from projections.genealogy.units import Shape, Side
from tests.genealogy_kit import Oracle, Story, film_story, object_id, stories

RUNS = settings(max_examples=60)


@contextmanager
def told_in_full(readable: int) -> Iterator[None]:
    """List every member, and fold lineages that are larger than `readable`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.genealogy.fold.MEMBERS_LISTED", 10_000)
        patch.setattr("projections.genealogy.fold.READABLE", readable)
        patch.setattr("projections.genealogy.units.TRAINING_FROM", 2)
        yield


class Raw:
    """The lineage of one object as of one position, by the oracle: sides, distances, and the edges inside."""

    def __init__(self, story: Story, focus: UUID, position: int | None) -> None:
        oracle = Oracle.at(story.facts, position)
        self.focus, self.nodes = focus, oracle.nodes
        self.above = oracle.ancestors(focus)
        self.below = oracle.descendants(focus) - self.above
        inside = self.above | self.below | {focus}
        self.edges = [edge for edge in oracle.edges if {edge.child, edge.parent} <= inside]
        self.distance = self._distances(up=False) | self._distances(up=True)

    def _distances(self, *, up: bool) -> dict[UUID, int]:
        distance, waiting = {self.focus: 0}, deque([self.focus])
        while waiting:
            at = waiting.popleft()
            for edge in self.edges:
                here, there = (edge.child, edge.parent) if up else (edge.parent, edge.child)
                if here == at and there not in distance:
                    distance[there] = distance[at] + 1
                    waiting.append(there)
        return distance

    def side(self, one: UUID) -> Side:
        return Side.FOCUS if one == self.focus else Side.ABOVE if one in self.above else Side.BELOW


def place_of(view: Folded, raw: Raw) -> dict[UUID, int]:
    """Return the node of each object; what no node lists is in "n more" of its side."""
    place = {member: node.key for node in view.nodes for member in node.members}
    more = {node.side: node.key for node in view.nodes if node.shape is Shape.MORE}
    for one in raw.above | raw.below:
        if one not in place:
            place[one] = more[raw.side(one)]
    return place


def towards(raw: Raw, one: UUID, place: dict[UUID, int]) -> set[tuple[int, str]]:
    """Return how an object leads to the focus: the nodes next to it on that way, with the relation."""
    side = raw.side(one)
    if side is Side.ABOVE:
        return {
            (place[edge.child], edge.relation)
            for edge in raw.edges
            if edge.parent == one and edge.child != one and raw.side(edge.child) in (side, Side.FOCUS)
        }
    return {
        (place[edge.parent], edge.relation)
        for edge in raw.edges
        if edge.child == one and edge.parent != one and raw.side(edge.parent) in (side, Side.FOCUS)
    }


def kept(view: Folded, raw: Raw) -> None:
    place = place_of(view, raw)
    between: Counter[tuple[int, int]] = Counter()
    relations: dict[tuple[int, int], set[str]] = {}
    for edge in raw.edges:
        ends = place[edge.child], place[edge.parent]
        if ends[0] != ends[1]:
            between[ends] += 1
            relations.setdefault(ends, set()).add(edge.relation)
    assert {(edge.child, edge.parent): edge.count for edge in view.edges} == between
    assert {(edge.child, edge.parent): set(edge.relations) for edge in view.edges} == relations
    for node in view.nodes:
        if node.shape is Shape.MORE:
            shown = [
                other.distance for other in view.nodes if other.side is node.side and other.shape is not Shape.MORE
            ]
            assert node.distance >= max(shown, default=0)
            continue
        assert {raw.side(member) for member in node.members} == {node.side}
        assert node.distance == min(raw.distance[member] for member in node.members)
        kinds = {raw.nodes[member].kind for member in node.members}
        assert kinds == {node.kind} or (node.kind == "" and node.shape is Shape.TRAINING_SET and len(kinds) > 1)
        promised(node, raw, place)


def promised(node: FoldedNode, raw: Raw, place: dict[UUID, int]) -> None:
    """Hold what the shape of a node says of its members."""
    if node.shape is Shape.SAME and node.versions == 1:
        assert node.lines == node.count
        ways = [towards(raw, member, place) for member in node.members]
        assert all(way == ways[0] for way in ways)
    if node.shape is Shape.VERSIONS:
        assert node.lines == 1 and node.versions == node.count
        for earlier, later in zip(node.members, node.members[1:], strict=False):
            assert any(revises(edge, later, earlier) for edge in raw.edges)
    if node.shape is Shape.TRAINING_SET:
        taught = {edge.parent for edge in raw.edges if edge.relation == TRAINED_ON}
        assert set(node.members) <= taught
    if node.shape in (Shape.SINGLE, Shape.FOCUS):
        assert node.count == node.lines == node.versions == 1


def revises(edge: Edge, later: UUID, earlier: UUID) -> bool:
    return edge.relation == REVISION_OF and (edge.child, edge.parent) == (later, earlier)


@RUNS
@given(stories(40), st.data())
def test_nodes_and_edges_of_a_view_are_what_they_promise(story: Story, data: st.DataObject) -> None:
    genealogy = story.told()
    focus = data.draw(st.sampled_from(sorted(Oracle.at(story.facts, None).nodes)))
    position = data.draw(st.sampled_from([None, *range(genealogy.node(focus).index, story.index + 1)]))
    with told_in_full(data.draw(st.integers(2, 15))):
        view = fold(genealogy, focus, position, data.draw(st.integers(5, 40)))
    assert not view.cut
    kept(view, Raw(story, focus, position))


@pytest.mark.parametrize("focus", [0, 121, 125, 140, 200, 330, 420])
@pytest.mark.parametrize("most", [80, 12])
def test_a_film_folds_as_promised_around_any_object(focus: int, most: int) -> None:
    story, _ = film_story()
    genealogy = story.told()
    with told_in_full(40):
        view = fold(genealogy, object_id(focus), most=most)
    assert len(view.nodes) <= most
    kept(view, Raw(story, object_id(focus), None))


@RUNS
@given(stories(25))
def test_a_lineage_that_is_small_enough_is_not_folded(story: Story) -> None:
    genealogy = story.told()
    for one in Oracle.at(story.facts, None).nodes:
        view = fold(genealogy, one)
        assert {node.shape for node in view.nodes} <= {Shape.FOCUS, Shape.SINGLE}
        kept(view, Raw(story, one, None))
