"""The genealogy index by hand: what it refuses, what it answers about a small film, and what a long walk costs."""

from dataclasses import replace

import pytest

from domain.errors import Invalid, NotFound
from projections.genealogy.columns import Column, Names
from projections.genealogy.graph import SAMPLE, Genealogy
from projections.genealogy.model import FOUND, Edge
from projections.genealogy.paths import PATHS_MAX
from tests.genealogy_kit import Story, node, object_id


def film() -> Story:
    """A texture in two meshes, each in a shot, both shots in a film; the second mesh in two versions."""
    story = Story()
    story.born(0, "image")
    story.born(1, "mesh", made_from=[0])
    story.born(2, "mesh", made_from=[0])
    story.born(3, "mesh", revision_of=[2])
    story.born(4, "shot", includes=[1])
    story.born(5, "shot", includes=[3, 1])
    story.born(6, "package", includes=[4, 5])
    return story


def ids(*numbers: int) -> set[object]:
    return {object_id(number) for number in numbers}


def test_births_are_answered_as_they_were_fed() -> None:
    genealogy = film().told()
    assert genealogy.node(object_id(3)) == node(3, 3, "mesh")
    assert len(genealogy) == 7 and genealogy.edge_count == 8 and genealogy.position == 6
    assert [genealogy.depth(object_id(number)) for number in range(7)] == [0, 1, 1, 2, 2, 3, 4]


def test_members_are_a_sequence_by_birth_and_stay_as_they_were_answered() -> None:
    story = film()
    genealogy = story.told()
    members = genealogy.descendants(object_id(0))
    assert [genealogy.node(each).index for each in members] == [1, 2, 3, 4, 5, 6]
    assert members[0] == object_id(1) and members[-1] == object_id(6) and members[1:3] == (object_id(2), object_id(3))
    assert object_id(4) in members and object_id(0) not in members and len(members) == 6
    for number in range(7, 200):
        genealogy.born(node(number, number), [])
    assert set(members) == ids(1, 2, 3, 4, 5, 6)
    assert repr(members) == "Members(6)"


def test_used_in_follows_inclusion_and_tells_other_uses_apart() -> None:
    genealogy = film().told()
    uses = genealogy.used_in(object_id(1))
    assert set(uses.within) == ids(4, 5, 6) and set(uses.directly) == ids(4, 5) and uses.other == ()
    texture = genealogy.used_in(object_id(0))
    assert not texture.within and [(name, set(members)) for name, members in texture.other] == [
        ("made_from", ids(1, 2))
    ]
    assert set(genealogy.used_in(object_id(1), position=4).within) == ids(4)


def test_impact_counts_by_kind_and_names_the_first() -> None:
    story = Story()
    story.born(0)
    for number in range(1, 60):
        story.born(number, "mesh" if number % 3 else "shot", made_from=[0])
    impact = story.told().impact(object_id(0))
    assert impact.count == 59 and impact.by_kind == (("mesh", 40), ("shot", 19))
    assert impact.sample == tuple(object_id(number) for number in range(1, SAMPLE + 1))


def test_paths_are_bounded_and_say_so() -> None:
    genealogy = film().told()
    answer = genealogy.paths(object_id(6), object_id(0))
    assert [len(path) for path in answer.paths] == [3, 3, 4] and not answer.cut
    assert [step.relations for step in answer.paths[2]] == [
        ("includes",),
        ("includes",),
        ("revision_of",),
        ("made_from",),
    ]
    one = genealogy.paths(object_id(6), object_id(0), most=1)
    assert one.paths == answer.paths[:1] and one.cut
    assert genealogy.paths(object_id(0), object_id(6)).paths == ()
    assert genealogy.paths(object_id(0), object_id(0)).paths == ()
    for most in (0, PATHS_MAX + 1):
        with pytest.raises(Invalid, match="expected 1 <= most"):
            genealogy.paths(object_id(6), object_id(0), most=most)


def test_paths_in_a_grid_end_at_their_bound_and_not_in_a_million_years() -> None:
    story = Story()
    story.born(0)
    for row in range(60):
        for number in (2 * row + 1, 2 * row + 2):
            story.born(number, made_from=[0] if row == 0 else [2 * row - 1, 2 * row])
    answer = story.told().paths(object_id(119), object_id(0), most=5)
    assert len(answer.paths) == 5 and answer.cut and {len(path) for path in answer.paths} == {60}


def test_a_path_search_that_circles_mislead_says_that_it_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.genealogy.paths.PATH_STEPS_MAX", 3)
    answer = film().told().paths(object_id(6), object_id(0))
    assert answer.cut and answer.paths == ()


def test_common_ancestors_and_the_nearest_of_them() -> None:
    genealogy = film().told()
    common = genealogy.common_ancestors([object_id(4), object_id(5)])
    assert set(common.every) == ids(0, 1) and set(common.nearest) == ids(1)
    line = genealogy.common_ancestors([object_id(2), object_id(3)])
    assert set(line.every) == ids(0, 2) and set(line.nearest) == ids(2)
    with pytest.raises(Invalid, match="expected 1 to 1000 objects, found 0"):
        genealogy.common_ancestors([])


def test_version_families_take_both_ways_and_end_at_the_position() -> None:
    story = film()
    story.born(7, "mesh", variant_of=[3])
    genealogy = story.told()
    assert set(genealogy.version_family(object_id(3)).members) == ids(2, 3, 7)
    assert [edge.relation for edge in genealogy.version_family(object_id(2)).edges] == ["revision_of", "variant_of"]
    assert set(genealogy.version_family(object_id(2), position=6).members) == ids(2, 3)
    assert genealogy.version_family(object_id(1)).edges == ()


def test_a_found_edge_counts_from_its_index_on_and_may_close_a_circle() -> None:
    story = film()
    at = story.found(0, 6)
    genealogy = story.told()
    assert set(genealogy.ancestors(object_id(0))) == ids(1, 2, 3, 4, 5, 6)
    assert set(genealogy.descendants(object_id(6))) == ids(0, 1, 2, 3, 4, 5)
    assert not genealogy.ancestors(object_id(0), at - 1) and not genealogy.descendants(object_id(6), at - 1)
    assert object_id(0) not in genealogy.ancestors(object_id(0))
    assert genealogy.depth(object_id(0)) == 0


def test_nothing_stands_under_an_unknown_object_or_one_not_yet_born() -> None:
    genealogy = film().told()
    unknown = object_id(99)
    for ask in (genealogy.ancestors, genealogy.descendants, genealogy.impact, genealogy.node, genealogy.depth):
        with pytest.raises(NotFound, match="that was born, found none"):
            ask(unknown)
    for ask in (genealogy.used_in, genealogy.version_family, genealogy.committed_descendants):
        with pytest.raises(NotFound, match="that was born as of index 5"):
            ask(object_id(6), 5)
    with pytest.raises(NotFound):
        genealogy.paths(object_id(6), unknown)


def test_what_does_not_follow_is_refused_and_changes_nothing() -> None:
    genealogy = film().told()
    child = node(7, 7)
    own = Edge(child.object_id, object_id(0), "made_from", 7)
    for bad in (
        replace(own, child=object_id(6)),
        replace(own, index=6),
        replace(own, relation=FOUND),
        replace(own, parent=object_id(99)),
        replace(own, parent=child.object_id),
    ):
        with pytest.raises(Invalid):
            genealogy.born(child, [bad])
    with pytest.raises(Invalid, match="expected an index beyond 6, found 6"):
        genealogy.born(replace(child, index=6), [])
    with pytest.raises(Invalid, match="expected an object not born"):
        genealogy.born(node(3, 7), [])
    for bad in (
        Edge(object_id(1), object_id(0), "made_from", 7),
        Edge(object_id(1), object_id(99), FOUND, 7),
        Edge(object_id(99), object_id(1), FOUND, 7),
        Edge(object_id(1), object_id(0), FOUND, 6),
    ):
        with pytest.raises(Invalid):
            genealogy.found(bad)
    assert len(genealogy) == 7 and genealogy.edge_count == 8 and genealogy.position == 6
    genealogy.born(child, [own])
    assert set(genealogy.ancestors(child.object_id)) == ids(0)


def test_the_position_moves_on_over_events_of_other_kinds() -> None:
    genealogy = film().told()
    genealogy.read_to(40)
    assert genealogy.position == 40
    with pytest.raises(Invalid, match="expected an index of 40 or beyond, found 39"):
        genealogy.read_to(39)
    with pytest.raises(Invalid, match="expected an index beyond 40, found 40"):
        genealogy.born(node(7, 40), [])


@pytest.mark.parametrize("length", [3_000, 30])
def test_a_found_edge_to_much_that_was_not_seen_is_followed_in_full(length: int) -> None:
    """Both ways of going on from a found edge, the short walk and the compiled one, answer alike."""
    story = Story()
    story.born(0)
    story.born(1)
    for number in range(2, length):
        story.born(number, made_from=[number - 1])
    at = story.found(1, 0)
    late = story.born(length, made_from=[length - 1])
    genealogy = story.told()
    assert len(genealogy.descendants(object_id(0))) == length
    assert len(genealogy.descendants(object_id(0), late - 1)) == length - 1
    assert len(genealogy.descendants(object_id(0), at - 1)) == 0
    assert len(genealogy.ancestors(object_id(length))) == length
    assert genealogy.depth(object_id(length)) == length - 1


def test_columns_grow_and_views_stay() -> None:
    import numpy as np

    column = Column(np.empty(0, dtype=np.int32))
    before = column.view()
    for number in range(1_000):
        column.append(number)
    column.extend(np.arange(1_000, 3_000, dtype=np.int32))
    assert column.view().tolist() == list(range(3_000)) and len(column) == 3_000 and len(before) == 0


def test_names_are_numbered_once_and_bounded() -> None:
    names = Names(("a",), 2)
    assert (names.code("b"), names.code("a"), names.find("c")) == (1, 0, None)
    with pytest.raises(Invalid, match="expected at most 2 different values"):
        names.code("c")
    with pytest.raises(Invalid, match="found one twice"):
        Names(("a", "a"), 2)
    with pytest.raises(Invalid, match="expected at most 1, found 2"):
        Names(("a", "b"), 1)


def test_more_kinds_than_a_column_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.genealogy.arrays.NODES_MAX", 2)
    genealogy = Genealogy()
    genealogy.born(node(0, 0), [])
    genealogy.born(node(1, 1), [])
    with pytest.raises(Invalid, match="expected at most 2 nodes"):
        genealogy.born(node(2, 2), [])
    assert len(genealogy) == 2 and genealogy.position == 1
