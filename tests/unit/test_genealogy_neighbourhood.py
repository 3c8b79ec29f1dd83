"""What lies around an object: distances, sides, large training sets; and the units that a view is made of."""

import numpy as np
import pytest

from projections.genealogy import neighbourhood
from projections.genealogy.graph import Genealogy
from projections.genealogy.neighbourhood import SEARCH_MAX, WALKED_SET_MAX, Neighbourhood, search
from projections.genealogy.units import FOCUS_UNIT, Shape, Side, Units
from tests.genealogy_kit import Story, object_id


def around(story: Story, focus: int, position: int | None = None) -> tuple[Genealogy, Neighbourhood]:
    genealogy = story.told()
    return genealogy, search(genealogy, genealogy.place(object_id(focus), position), position)


def units_of(story: Story, focus: int, *, plain: bool = False) -> Units:
    genealogy, seen = around(story, focus)
    return Units(genealogy, seen, None, plain=plain)


def ladder(count: int) -> Story:
    story = Story()
    for number in range(count):
        story.born(number, made_from=[number - 1] if number else [])
    return story


def test_distances_are_the_shortest_ways() -> None:
    story = ladder(5)
    story.born(5, made_from=[4, 0])
    _, seen = around(story, 5)
    assert seen.above == {4: 1, 0: 1, 3: 2, 2: 3, 1: 4}
    assert seen.below == {} and not seen.cut and not seen.sets
    _, top = around(story, 0)
    assert top.below[5] == 1 and top.below[4] == 4 and not top.above


def test_the_search_ends_at_its_bound_with_the_nearest() -> None:
    _, seen = around(ladder(SEARCH_MAX + 5), SEARCH_MAX + 4)
    assert seen.cut and len(seen.above) == SEARCH_MAX and max(seen.above.values()) == SEARCH_MAX
    _, exact = around(ladder(SEARCH_MAX + 1), SEARCH_MAX)
    assert not exact.cut and len(exact.above) == SEARCH_MAX


def test_each_side_has_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhood, "SEARCH_MAX", 4)
    _, seen = around(ladder(11), 5)
    assert seen.cut and set(seen.above) == {1, 2, 3, 4} and set(seen.below) == {6, 7, 8, 9}


def test_what_is_above_and_below_counts_as_above() -> None:
    story = ladder(4)
    story.found(0, 3)
    _, seen = around(story, 1)
    assert seen.above == {0: 1, 3: 2, 2: 3} and not seen.below
    _, before = around(story, 1, position=3)
    assert before.above == {0: 1} and before.below == {2: 1, 3: 2}


def trained(size: int, **models: list[int]) -> Story:
    """Return `size` photographs, and models from number 1000 on, each trained on the named ones."""
    story = Story()
    for number in range(size):
        story.born(number, "photograph")
    for at, members in enumerate(models.values()):
        story.born(1_000 + at, "weights", trained_on=members)
    return story


def test_a_large_training_set_is_taken_whole_and_each_member_once() -> None:
    size = WALKED_SET_MAX + 20
    story = trained(size, first=list(range(size)), second=[*range(10, size), 3, 3])
    story.born(2_000, prompted_by=[1_000, 1_001], derivation_of=[7])
    _, seen = around(story, 2_000)
    assert [one.members.tolist() for one in seen.sets] == [list(range(size))]
    assert set(seen.above) == {size, size + 1} and not seen.cut
    assert (seen.sets[0].child, seen.sets[0].distance) == (size, 2)


def scans(size: int, derived: int) -> Story:
    """Return a model trained on `size` scans: the first `derived` come from a reel, the last was found to come so."""
    story = Story()
    story.born(5_000, "reel")
    story.born(5_001, "negative")
    for number in range(size):
        story.born(number, "scan", derivation_of=[5_000] if number < derived else [])
    story.born(1_000, "weights", trained_on=list(range(size)))
    story.found(size - 1, 5_001)
    return story


def test_a_few_members_that_come_from_something_are_gone_on_from() -> None:
    size = WALKED_SET_MAX + 1
    story = scans(size, 3)
    _, seen = around(story, 1_000)
    assert not seen.cut and seen.above == {0: 2, 1: 2} and len(seen.sets[0].members) == size
    assert seen.through == {2, 3, 4, 1 + size}
    _, before = around(story, 1_000, position=story.index - 1)
    assert before.above == {0: 2} and before.through == {2, 3, 4}
    units = units_of(story, 1_000)
    derived, badge = units_code(story, "derivation_of"), 1
    assert [unit.kind for unit in units.units] == ["weights", "scan", "reel", "negative"]
    assert units.links[badge, 2, derived] == 3 and units.links[badge, 3, 0] == 1


def test_many_members_that_come_from_something_cut_the_search() -> None:
    size = WALKED_SET_MAX + 30
    _, seen = around(scans(size, size), 1_000)
    assert seen.cut and not seen.above and not seen.through and len(seen.sets[0].members) == size


def test_a_member_that_was_walked_already_keeps_its_edges() -> None:
    size = WALKED_SET_MAX + 1
    story = scans(size, 1)
    story.born(2_000, prompted_by=[1_000], derivation_of=[0])
    genealogy, seen = around(story, 2_000)
    first = genealogy.place(object_id(0))
    assert first not in seen.above and first in seen.through and not seen.cut


def test_a_small_training_set_is_walked_and_folded_all_the_same() -> None:
    story = trained(WALKED_SET_MAX, model=list(range(WALKED_SET_MAX)))
    units = units_of(story, 1_000)
    shapes = [(unit.shape, len(unit.members), unit.side) for unit in units.units]
    assert shapes == [(Shape.FOCUS, 1, Side.FOCUS), (Shape.TRAINING_SET, WALKED_SET_MAX, Side.ABOVE)]
    assert units.links == {(FOCUS_UNIT, 1, units_code(story, "trained_on")): WALKED_SET_MAX}


def units_code(story: Story, relation: str) -> int:
    code = story.told().arrays.relation_names.find(relation)
    assert code is not None
    return code


def test_edges_of_a_wide_child_are_counted_by_unit_without_being_listed() -> None:
    size = WALKED_SET_MAX + 30
    story = trained(size, model=list(range(size)))
    story.born(2_000, "package", includes=[*range(size), 1_000])
    units = units_of(story, 2_000)
    kinds = {number: (unit.shape, len(unit.members)) for number, unit in enumerate(units.units)}
    badge = next(number for number, (shape, _) in kinds.items() if shape is Shape.TRAINING_SET)
    model = next(number for number, (shape, count) in kinds.items() if shape is Shape.SINGLE and count == 1)
    assert kinds[badge] == (Shape.TRAINING_SET, size)
    includes, trained_on = units_code(story, "includes"), units_code(story, "trained_on")
    assert units.links == {
        (FOCUS_UNIT, badge, includes): size,
        (FOCUS_UNIT, model, includes): 1,
        (model, badge, trained_on): size,
    }


def test_plain_units_are_the_objects_themselves() -> None:
    story = Story()
    story.born(0)
    story.born(1, revision_of=[0])
    story.born(2, revision_of=[1])
    story.born(3, "mesh", made_from=[2])
    plain, folded = units_of(story, 3, plain=True), units_of(story, 3)
    assert [unit.shape for unit in plain.units] == [Shape.FOCUS, Shape.SINGLE, Shape.SINGLE, Shape.SINGLE]
    assert [unit.shape for unit in folded.units] == [Shape.FOCUS, Shape.VERSIONS]
    assert folded.units[1].members.tolist() == [0, 1, 2] and folded.units[1].distance == 1
    assert folded.units[1].towards == {(FOCUS_UNIT, units_code(story, "made_from"))}


def test_units_lead_towards_the_focus_on_their_own_side_only() -> None:
    story = Story()
    story.born(0, "screenplay")
    story.born(1, "image", derivation_of=[0])
    story.born(2, "mesh", made_from=[1], derivation_of=[0])
    units = units_of(story, 1)
    number = {unit.kind: at for at, unit in enumerate(units.units)}
    derived, made = units_code(story, "derivation_of"), units_code(story, "made_from")
    assert units.units[number["screenplay"]].towards == {(FOCUS_UNIT, derived)}
    assert units.units[number["mesh"]].towards == {(FOCUS_UNIT, made)}
    assert units.links[number["mesh"], number["screenplay"], derived] == 1


def test_the_kind_of_several_kinds_is_none() -> None:
    story = Story()
    story.born(0, "image")
    story.born(1, "scan")
    story.born(2, "mesh", made_from=[0, 1])
    units = units_of(story, 2)
    assert units.kind_of(np.array([0], dtype=np.int32)) == "image"
    assert units.kind_of(np.array([0, 1], dtype=np.int32)) == ""
