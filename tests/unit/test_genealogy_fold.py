"""The folded view: each rule by hand, what it states, and that nothing is lost or counted twice."""

import pytest

from domain.errors import Invalid, NotFound
from projections.genealogy import neighbourhood
from projections.genealogy.fold import FOLDED_MAX, MEMBERS_LISTED, READABLE, Folded, FoldedNode, fold
from projections.genealogy.graph import Genealogy
from projections.genealogy.units import Shape, Side
from tests.genealogy_kit import Story, film_story, object_id


def counted(genealogy: Genealogy, view: Folded) -> None:
    """Hold that every object of the lineage is in exactly one node."""
    above = set(genealogy.ancestors(view.focus.object_id, view.position))
    below = set(genealogy.descendants(view.focus.object_id, view.position)) - above
    assert (view.above, view.below) == (len(above), len(below))
    assert sum(node.count for node in view.nodes) == 1 + len(above) + len(below)
    for side, objects in ((Side.ABOVE, above), (Side.BELOW, below)):
        nodes = [node for node in view.nodes if node.side is side]
        assert sum(node.count for node in nodes) == len(objects)
        for node in nodes:
            assert set(node.members) <= objects and len(set(node.members)) == len(node.members)
            assert len(node.members) == (0 if node.shape is Shape.MORE else min(node.count, MEMBERS_LISTED))
    assert [node.key for node in view.nodes] == list(range(len(view.nodes)))


def only(view: Folded, shape: Shape) -> FoldedNode:
    found = [node for node in view.nodes if node.shape is shape]
    assert len(found) == 1, found
    return found[0]


def test_a_small_lineage_is_shown_as_it_is() -> None:
    story = Story()
    story.born(0)
    story.born(1, revision_of=[0])
    story.born(2, "mesh", made_from=[1], includes=[1])
    genealogy = story.told()
    view = fold(genealogy, object_id(1))
    counted(genealogy, view)
    assert [(node.shape, node.side, node.kind, node.distance) for node in view.nodes] == [
        (Shape.FOCUS, Side.FOCUS, "image", 0),
        (Shape.SINGLE, Side.ABOVE, "image", 1),
        (Shape.SINGLE, Side.BELOW, "mesh", 1),
    ]
    assert [(edge.child, edge.parent, edge.relations, edge.count) for edge in view.edges] == [
        (0, 1, ("revision_of",), 1),
        (2, 0, ("includes", "made_from"), 2),
    ]
    assert not view.cut


def test_objects_of_one_kind_with_the_same_children_are_one_node() -> None:
    story = Story()
    for number in range(50):
        story.born(number, "scan" if number < 20 else "texture")
    story.born(50, "mesh", made_from=list(range(50)))
    genealogy = story.told()
    view = fold(genealogy, object_id(50))
    counted(genealogy, view)
    assert [(node.shape, node.kind, node.count, node.lines) for node in view.nodes[1:]] == [
        (Shape.SAME, "scan", 20, 20),
        (Shape.SAME, "texture", 30, 30),
    ]
    assert view.nodes[1].members == tuple(object_id(number) for number in range(20))
    assert [(edge.child, edge.parent, edge.count) for edge in view.edges] == [(0, 1, 20), (0, 2, 30)]


def test_another_relation_to_the_same_child_is_another_node() -> None:
    story = Story()
    for number in range(60):
        story.born(number)
    story.born(60, "mesh", made_from=list(range(30)), includes=list(range(30, 60)))
    view = fold(story.told(), object_id(60))
    assert [(node.kind, node.count) for node in view.nodes[1:]] == [("image", 30), ("image", 30)]


def test_versions_before_and_behind_the_focus_are_a_node_each() -> None:
    story = Story()
    story.born(0)
    for number in range(1, 50):
        story.born(number, revision_of=[number - 1])
    genealogy = story.told()
    view = fold(genealogy, object_id(20))
    counted(genealogy, view)
    assert [(node.shape, node.side, node.count, node.lines, node.versions) for node in view.nodes[1:]] == [
        (Shape.VERSIONS, Side.ABOVE, 20, 1, 20),
        (Shape.VERSIONS, Side.BELOW, 29, 1, 29),
    ]


def test_a_run_of_versions_ends_where_it_forks_or_changes_its_kind() -> None:
    story = Story()
    story.born(0)
    story.born(1, revision_of=[0])
    story.born(2, revision_of=[1])
    story.born(3, revision_of=[1])
    story.born(4, "mesh", revision_of=[3])
    for number in range(5, 60):
        story.born(number, "scan")
    story.born(60, "package", includes=[2, 4, *range(5, 60)])
    view = fold(story.told(), object_id(60))
    assert sorted((node.kind, node.count, node.versions) for node in view.nodes[1:]) == [
        ("image", 1, 1),
        ("image", 1, 1),
        ("image", 2, 2),
        ("mesh", 1, 1),
        ("scan", 55, 1),
    ]


@pytest.mark.parametrize("size", [60, neighbourhood.WALKED_SET_MAX + 100])
def test_what_a_model_was_trained_on_is_one_node_walked_or_not(size: int) -> None:
    story = Story()
    for number in range(size):
        story.born(number, "image" if number % 2 else "sound")
    story.born(size, "weights", trained_on=list(range(size)))
    story.born(size + 1, prompted_by=[size], derivation_of=[3])
    genealogy = story.told()
    view = fold(genealogy, object_id(size + 1))
    counted(genealogy, view)
    badge = only(view, Shape.TRAINING_SET)
    assert (badge.count, badge.kind, badge.side) == (size, "", Side.ABOVE) and not view.cut
    weights = next(node.key for node in view.nodes if node.kind == "weights")
    assert {(edge.child, edge.parent, edge.count) for edge in view.edges} == {
        (0, weights, 1),
        (weights, badge.key, size),
        (0, badge.key, 1),
    }


def test_two_models_on_one_set_and_a_bit_of_their_own() -> None:
    size = neighbourhood.WALKED_SET_MAX + 50
    story = Story()
    for number in range(size + 10):
        story.born(number, "image", derivation_of=[number - 1] if number == 5 else [])
    story.born(1_000, "weights", trained_on=list(range(size)))
    story.born(1_001, "weights", trained_on=list(range(size + 10)), derivation_of=[1_000])
    story.born(1_002, prompted_by=[1_000, 1_001])
    genealogy = story.told()
    view = fold(genealogy, object_id(1_002))
    counted(genealogy, view)
    sets = [node for node in view.nodes if node.shape is Shape.TRAINING_SET]
    assert sorted(node.count for node in sets) == [10, size]
    assert not view.cut
    assert sum(edge.count for edge in view.edges if edge.relations == ("trained_on",)) == 2 * size + 10


def test_a_film_of_483_objects_is_about_35_nodes() -> None:
    story, package = film_story()
    genealogy = story.told()
    assert len(genealogy) == 483
    view = fold(genealogy, object_id(package))
    counted(genealogy, view)
    assert not view.cut
    assert 10 <= len(view.nodes) <= READABLE, [(n.shape.value, n.side.value, n.kind, n.count) for n in view.nodes]


def test_what_does_not_fit_goes_by_distance_and_a_side_gets_half() -> None:
    story = Story()
    for number in range(100):
        story.born(number, f"kind{number}")
    story.born(100, "mesh", made_from=list(range(100)))
    for number in range(101, 121):
        story.born(number, f"kind{number}", made_from=[100])
    genealogy = story.told()
    view = fold(genealogy, object_id(100))
    counted(genealogy, view)
    assert len(view.nodes) == FOLDED_MAX
    more = only(view, Shape.MORE)
    assert (more.side, more.count, more.members) == (Side.ABOVE, 100 - (FOLDED_MAX - 1 - 20 - 1), ())
    small = fold(genealogy, object_id(100), most=10)
    counted(genealogy, small)
    assert len(small.nodes) == 10
    assert {node.side: node.count for node in small.nodes if node.shape is Shape.MORE} == {
        Side.ABOVE: 96,
        Side.BELOW: 17,
    }


def test_far_objects_make_room_for_near_ones() -> None:
    story = Story()
    story.born(0, "root")
    for number in range(1, 120):
        story.born(number, f"kind{number}", made_from=[number - 1])
    genealogy = story.told()
    view = fold(genealogy, object_id(119))
    counted(genealogy, view)
    assert [node.distance for node in view.nodes[:-1]] == list(range(len(view.nodes) - 1))
    assert view.nodes[-1].shape is Shape.MORE and view.nodes[-1].distance == len(view.nodes) - 1


def test_a_cut_search_says_so_and_still_counts_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhood, "SEARCH_MAX", 30)
    story = Story()
    story.born(0)
    for number in range(1, 200):
        story.born(number, made_from=[0])
    view = fold(story.told(), object_id(0))
    assert view.cut and view.below == 30 and sum(node.count for node in view.nodes) == 31


def test_a_circle_counts_each_object_once() -> None:
    story = Story()
    for number in range(60):
        story.born(number, made_from=[number - 1] if number else [])
    story.found(0, 59)
    genealogy = story.told()
    for focus in (0, 30, 59):
        view = fold(genealogy, object_id(focus))
        counted(genealogy, view)
        assert (view.above, view.below) == (59, 0)
    before = fold(genealogy, object_id(30), position=59)
    counted(genealogy, before)
    assert (before.above, before.below) == (30, 29)


def test_bounds_and_unknown_objects() -> None:
    genealogy = film_story()[0].told()
    for most in (4, FOLDED_MAX + 1):
        with pytest.raises(Invalid, match="expected 5 <= most <= 80"):
            fold(genealogy, object_id(0), most=most)
    with pytest.raises(NotFound):
        fold(genealogy, object_id(9_999))
    with pytest.raises(NotFound):
        fold(genealogy, object_id(200), position=100)
