"""The index answers as the slow oracle does, at every position, circles of found edges included."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid, NotFound
from domain.identity.events import Relation
from domain.ids import LedgerId
from domain.ledger.merkle import CompactRange, leaf_hash
from projections.genealogy.fold import fold
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, INCLUDES, VERSION_RELATIONS
from projections.genealogy.snapshot import load, save
from tests.genealogy_kit import LEDGER, Oracle, Story, feed, object_id, stories

RUNS = settings(max_examples=60)


def positions(story: Story) -> Iterator[int | None]:
    """Return every position, the one before the first and the live one included."""
    yield from range(-1, story.index + 2)
    yield None


def snapshot(genealogy: Genealogy) -> bytes:
    """Return the bytes of a snapshot."""
    return b"".join(save(genealogy, LedgerId(LEDGER)))


def restored(data: bytes) -> Genealogy:
    """Return what a snapshot holds."""
    return load(io.BytesIO(data), LedgerId(LEDGER))


def answers_as_the_oracle(genealogy: Genealogy, story: Story) -> None:
    for position in positions(story):
        oracle = Oracle.at(story.facts, position)
        for number in range(len(genealogy)):
            one = object_id(number)
            if one not in oracle.nodes:
                with pytest.raises(NotFound):
                    genealogy.ancestors(one, position)
                continue
            above, below = genealogy.ancestors(one, position), genealogy.descendants(one, position)
            assert set(above) == oracle.ancestors(one)
            assert set(below) == oracle.descendants(one)
            assert [genealogy.node(each).index for each in below] == sorted(
                oracle.nodes[each].index for each in oracle.descendants(one)
            )
            assert genealogy.node(one, position) == oracle.nodes[one]
            assert genealogy.depth(one, position) == oracle.depth(one)
            impact = genealogy.impact(one, position)
            assert impact.count == len(below)
            assert dict(impact.by_kind) == oracle.count_by_kind(below)


@RUNS
@given(stories())
def test_ancestors_descendants_and_impact_at_every_position(story: Story) -> None:
    answers_as_the_oracle(story.told(), story)


@RUNS
@given(stories(20))
def test_kept_ancestors_and_full_walks_change_no_answer(story: Story) -> None:
    """What only large graphs need takes part here: kept ancestors of wide births, walks done again in full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.genealogy.graph.WIDE_PARENTS", 2)
        patch.setattr("projections.genealogy.graph.WIDE_KEPT_MAX", 1)
        patch.setattr("projections.genealogy.graph._WALK_FIRST", 0)
        answers_as_the_oracle(story.told(), story)
        answers_as_the_oracle(restored(snapshot(story.told())), story)


@RUNS
@given(stories(), st.data())
def test_an_index_cut_in_two_by_a_snapshot_answers_the_same(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story.facts)))
    first = feed(Genealogy(), story.facts[:cut])
    second = feed(restored(snapshot(first)), story.facts[cut:])
    assert snapshot(second) == snapshot(story.told())
    answers_as_the_oracle(second, story)


@RUNS
@given(stories())
def test_the_past_does_not_change(story: Story) -> None:
    """What was answered as of N when N was the head is what is answered as of N later on."""
    whole = story.told()
    growing = Genealogy()
    for fact in story.facts:
        feed(growing, [fact])
        for number in range(len(growing)):
            one = object_id(number)
            assert list(growing.ancestors(one)) == list(whole.ancestors(one, growing.position))
            assert list(growing.descendants(one)) == list(whole.descendants(one, growing.position))


@RUNS
@given(stories(10), st.data())
def test_paths_are_all_simple_ways_the_shortest_first(story: Story, data: st.DataObject) -> None:
    genealogy = story.told()
    position = data.draw(st.sampled_from(list(positions(story))[1:]))
    oracle = Oracle.at(story.facts, position)
    for child in oracle.nodes:
        for ancestor in oracle.nodes:
            answer = genealogy.paths(child, ancestor, position, most=1_000)
            found = [(way[0].child, *(step.parent for step in way)) for way in answer.paths]
            ways = oracle.ways(child, ancestor)
            assert set(found) == ways and len(found) == len(ways) and not answer.cut
            assert [len(way) for way in found] == sorted(map(len, ways))
            for step in (step for way in answer.paths for step in way):
                between = {e.relation for e in oracle.edges if (e.child, e.parent) == (step.child, step.parent)}
                assert set(step.relations) == between
            if len(ways) > 1:
                fewer = genealogy.paths(child, ancestor, position, most=len(ways) - 1)
                assert fewer.cut and fewer.paths == answer.paths[:-1]


@RUNS
@given(stories(), st.data())
def test_common_ancestors(story: Story, data: st.DataObject) -> None:
    genealogy = story.told()
    oracle = Oracle.at(story.facts, None)
    chosen = data.draw(st.lists(st.sampled_from(sorted(oracle.nodes)), min_size=1, max_size=3))
    common = set.intersection(*(oracle.ancestors(one) | {one} for one in chosen))
    answer = genealogy.common_ancestors(chosen)
    assert set(answer.every) == common
    above = {e.parent for e in oracle.edges if e.child in common and e.parent != e.child}
    assert set(answer.nearest) == common - above


@RUNS
@given(stories())
def test_used_in_and_version_families_at_every_position(story: Story) -> None:
    genealogy = story.told()
    for position in positions(story):
        oracle = Oracle.at(story.facts, position)
        for one in oracle.nodes:
            uses = genealogy.used_in(one, position)
            assert set(uses.within) == oracle.walk(one, up=False, relations=frozenset({INCLUDES}))
            direct = {
                relation.value: {e.child for e in oracle.edges if e.parent == one and e.relation == relation.value}
                for relation in Relation
            }
            direct[FOUND] = {e.child for e in oracle.edges if e.parent == one and e.relation == FOUND} - {one}
            assert set(uses.directly) == direct.pop(INCLUDES)
            assert {name: set(members) for name, members in uses.other} == {k: v for k, v in direct.items() if v}
            family = {one}
            while (
                more := {
                    end
                    for e in oracle.edges
                    if e.relation in VERSION_RELATIONS and {e.child, e.parent} & family
                    for end in (e.child, e.parent)
                }
                - family
            ):
                family |= more
            answer = genealogy.version_family(one, position)
            assert set(answer.members) == family
            inside = {e for e in oracle.edges if e.relation in VERSION_RELATIONS and e.child in family}
            assert set(answer.edges) == inside and len(answer.edges) == len(inside)


@RUNS
@given(stories())
def test_the_committed_root_is_that_of_the_sorted_descendants(story: Story) -> None:
    genealogy = story.told()
    one = object_id(0)
    expected = CompactRange()
    for raw in sorted(each.bytes for each in Oracle.at(story.facts, None).descendants(one)):
        expected.append(leaf_hash(raw))
    committed = genealogy.committed_descendants(one)
    assert (committed.count, committed.root) == (expected.size, expected.root())


@settings(max_examples=60)
@given(stories(8), st.data())
def test_a_damaged_snapshot_is_invalid_and_nothing_else(story: Story, data: st.DataObject) -> None:
    whole = snapshot(story.told())
    assert snapshot(restored(whole)) == whole
    with pytest.raises(Invalid):
        restored(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(Invalid):
        restored(whole + data.draw(st.binary(min_size=1, max_size=3)))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Invalid):
        restored(bytes(flipped))


@settings(max_examples=150)
@given(stories(8), st.data())
def test_a_forged_snapshot_with_a_fitting_digest_lets_no_foreign_exception_out(
    story: Story, data: st.DataObject
) -> None:
    """The digest is no signature: a changed byte under a new digest is refused, or is another sound index."""
    from hashlib import sha256

    body = bytearray(snapshot(story.told())[:-32])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        forged = restored(bytes(body) + sha256(body).digest())
    except Invalid:
        return
    for number in range(len(forged)):
        one = forged.arrays.object_id(number)
        forged.ancestors(one)
        forged.impact(one)
        forged.used_in(one)
        assert forged.node(one).index <= forged.position


@settings(max_examples=60)
@given(stories(60), st.data())
def test_folding_counts_every_object_of_the_lineage_once(story: Story, data: st.DataObject) -> None:
    """With few places and thresholds low enough for small graphs, so that each rule takes part."""
    genealogy = story.told()
    position = data.draw(st.sampled_from(list(positions(story))[1:]))
    most = data.draw(st.integers(5, 30))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("projections.genealogy.fold.READABLE", data.draw(st.integers(2, 12)))
        patch.setattr("projections.genealogy.units.TRAINING_FROM", 2)
        walked = data.draw(st.sampled_from([2, 200]))
        patch.setattr("projections.genealogy.neighbourhood.WALKED_SET_MAX", walked)
        patch.setattr("projections.genealogy.units.WALKED_SET_MAX", walked)
        for one in Oracle.at(story.facts, position).nodes:
            view = fold(genealogy, one, position, most)
            assert fold(genealogy, one, position, most) == view
            seen = 1 + view.above + view.below
            above, below = set(genealogy.ancestors(one, position)), set(genealogy.descendants(one, position))
            assert sum(node.count for node in view.nodes) == seen and len(view.nodes) <= most
            assert seen == 1 + len(above | below) or (view.cut and seen < 1 + len(above | below))
            members = [member for node in view.nodes for member in node.members]
            assert len(members) == len(set(members)) and set(members) <= above | below | {one}
            assert all(edge.child != edge.parent for edge in view.edges)
            bound = {end for edge in view.edges for end in (edge.child, edge.parent)}
            assert len(view.nodes) == 1 or bound == set(range(len(view.nodes)))
