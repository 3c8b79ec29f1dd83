"""What is made of what in the corpus: recipe by recipe, production by production."""

from collections import Counter
from collections.abc import Sequence
from functools import cache

import pytest

from domain.identity.digital_object import PROJECT_CODE
from domain.identity.events import PARENTS_MAX, Relation
from domain.ids import ObjectId
from infra.dev.acts import Who
from infra.dev.kinds import KINDS
from infra.dev.life import Birth
from infra.dev.shape import ACTIVE, LEAST, NEEDED, PRODUCTIONS, project_code
from tests.corpus_kit import Film

OBJECTS = 6_000
ANYTHING = frozenset(KINDS)
EDGES: dict[str, dict[Relation, frozenset[str]]] = {
    "screenplay": {Relation.REVISION_OF: frozenset({"screenplay"})},
    "storyboard": {Relation.MADE_FROM: frozenset({"screenplay"})},
    "prompt": {},
    "still": {},
    "plate": {},
    "scan": {},
    "stock": {},
    "lut": {},
    "base-weights": {},
    "restoration": {Relation.DERIVATION_OF: frozenset({"scan"})},
    "texture": {Relation.MADE_FROM: frozenset({"still"})},
    "mesh": {Relation.INCLUDES: frozenset({"texture"})},
    "scene": {
        Relation.INCLUDES: frozenset({"mesh", "texture", "lut"}),
        Relation.VARIANT_OF: frozenset({"scene"}),
    },
    "image": {
        Relation.PROMPTED_BY: frozenset({"prompt"}),
        Relation.MADE_FROM: frozenset({"still", "storyboard"}),
        Relation.DERIVATION_OF: frozenset({"weights"}),
        Relation.VARIANT_OF: frozenset({"image"}),
    },
    "matte": {Relation.MADE_FROM: frozenset({"plate"})},
    "shot": {Relation.RENDERED_FROM: frozenset({"scene"})},
    "proxy": {Relation.DOWN_CONVERTED_FROM: frozenset({"shot"})},
    "timeline": {Relation.INCLUDES: frozenset({"shot"})},
    "package": {Relation.INCLUDES: ANYTHING},
    "character": {Relation.VARIANT_OF: frozenset({"mesh"})},
    "dataset": {Relation.INCLUDES: frozenset({"still", "scan", "image", "stock", "dataset"})},
    "weights": {
        Relation.TRAINED_ON: frozenset({"dataset"}),
        Relation.DERIVATION_OF: frozenset({"base-weights"}),
    },
}
"""By which relation which kinds are made of which."""
SHARED = frozenset({"texture", "lut", "weights", "base-weights", "dataset"})
"""What productions share; data sets take their members from all."""


@cache
def film() -> tuple[Film, Sequence[Birth]]:
    made = Film(3, OBJECTS)
    return made, made.born()


def births() -> Sequence[Birth]:
    return film()[1]


@cache
def by_id() -> dict[ObjectId, Birth]:
    return {birth.object_id: birth for birth in births()}


def parents(birth: Birth, relation: Relation, kind: str | None = None) -> list[Birth]:
    found = [by_id()[one.object_id] for one in birth.parents if one.relation is relation]
    return [one for one in found if kind is None or one.kind.name == kind]


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_made_of_the_kinds_of_its_recipe(name: str) -> None:
    found: dict[Relation, set[str]] = {}
    made = [birth for birth in births() if birth.kind.name == name]
    assert made
    for birth in made:
        for parent in birth.parents:
            found.setdefault(parent.relation, set()).add(by_id()[parent.object_id].kind.name)
    assert set(found) == set(EDGES[name])
    for relation, kinds in found.items():
        assert kinds <= EDGES[name][relation], relation


@pytest.mark.parametrize(
    ("name", "relation", "of", "low", "high"),
    [
        ("scene", Relation.INCLUDES, "mesh", 1, 8),
        ("scene", Relation.INCLUDES, "texture", 1, 12),
        ("scene", Relation.INCLUDES, "lut", 1, 1),
        ("scene", Relation.VARIANT_OF, "scene", 0, 1),
        ("mesh", Relation.INCLUDES, "texture", 1, 4),
        ("texture", Relation.MADE_FROM, "still", 1, 3),
        ("image", Relation.PROMPTED_BY, "prompt", 1, 1),
        ("image", Relation.MADE_FROM, "still", 0, 2),
        ("image", Relation.MADE_FROM, "storyboard", 0, 1),
        ("image", Relation.DERIVATION_OF, "weights", 0, 1),
        ("image", Relation.VARIANT_OF, "image", 0, 1),
        ("matte", Relation.MADE_FROM, "plate", 1, 2),
        ("shot", Relation.RENDERED_FROM, "scene", 1, 1),
        ("proxy", Relation.DOWN_CONVERTED_FROM, "shot", 1, 1),
        ("timeline", Relation.INCLUDES, "shot", 1, 120),
        ("character", Relation.VARIANT_OF, "mesh", 1, 1),
        ("screenplay", Relation.REVISION_OF, "screenplay", 0, 1),
        ("storyboard", Relation.MADE_FROM, "screenplay", 1, 1),
        ("weights", Relation.TRAINED_ON, "dataset", 1, 1),
        ("weights", Relation.DERIVATION_OF, "base-weights", 1, 1),
        ("package", Relation.INCLUDES, None, 1, PARENTS_MAX),
        ("dataset", Relation.INCLUDES, None, 1, PARENTS_MAX),
    ],
)
def test_fan_out_has_its_bounds_and_reaches_them(
    name: str, relation: Relation, of: str | None, low: int, high: int
) -> None:
    counts = {len(parents(birth, relation, of)) for birth in births() if birth.kind.name == name}
    assert low <= min(counts) and max(counts) <= high
    assert max(counts) >= min(high, 60) * 0.5, "a bound that nothing comes near is the wrong one"
    assert high > 4 or max(counts) == high


def test_the_house_begins_with_what_every_production_needs() -> None:
    assert [birth.kind.name for birth in births()[:5]] == ["lut", "lut", "lut", "base-weights", "base-weights"]
    assert all(birth.number == place for place, birth in enumerate(births(), 1))


def test_productions_share_only_what_the_house_shares() -> None:
    for birth in births():
        if birth.kind.name in ("dataset", "weights"):
            continue
        for parent in birth.parents:
            other = by_id()[parent.object_id]
            assert other.project == birth.project or other.kind.name in SHARED, (birth.kind.name, other.kind.name)


def test_some_productions_are_under_way_at_a_time_and_each_has_its_quota() -> None:
    quotas = Counter(birth.project for birth in births())
    first = {birth.project: birth.number for birth in reversed(births())}
    last = {birth.project: birth.number for birth in births()}
    for birth in births()[::100]:
        assert sum(first[one] <= birth.number <= last[one] for one in quotas) <= ACTIVE
    ended = [one for one in quotas if last[one] < OBJECTS - 2_000]
    assert ended and all(quotas[one] >= LEAST for one in ended)
    assert max(quotas.values()) <= max(LEAST, OBJECTS / PRODUCTIONS * 1.7)


def test_codes_of_productions_are_codes_and_differ() -> None:
    codes = [project_code(number) for number in range(400)]
    assert all(PROJECT_CODE.fullmatch(one) for one in codes) and len(set(codes)) == 400
    assert (codes[0], codes[109], codes[110], codes[220]) == (
        "night-river",
        "late-kite",
        "night-river-2",
        "night-river-3",
    )
    made = len(film()[0].crews)
    assert {birth.project for birth in births()} <= set(codes[:made])


def test_each_kind_is_brought_by_those_who_make_it() -> None:
    house = film()[0].house
    crews = {who for crew in film()[0].crews for who in crew}
    expected: dict[str, set[Who]] = {
        "scan": {house.scanner},
        "still": {house.camera},
        "plate": {house.camera},
        "image": set(house.agents),
        "weights": set(house.agents),
        "shot": {house.renderer},
        "proxy": {house.renderer},
        "restoration": {house.renderer},
        "stock": set(house.vendors),
        "matte": set(house.vendors),
        "base-weights": set(house.vendors),
        "dataset": {house.studio},
    }
    for birth in births():
        assert birth.bringer in expected.get(birth.kind.name, crews), birth.kind.name
    assert {house.scanner.principal, house.camera.principal} == {house.archive.party, house.studio.party}
    judges = {house.technician.party, house.guild.party, *(one.party for one in house.officers)}
    assert judges.isdisjoint(birth.bringer.principal for birth in births()), "who judges brings nothing"


def test_of_what_is_not_kept_nothing_is_made() -> None:
    kept: set[ObjectId] = set()

    def keep(birth: Birth) -> bool:
        if birth.kind.share and birth.number % 3 == 0:
            return False
        kept.add(birth.object_id)
        return True

    made = Film(5, 2_000).born(keep)
    assert len(made) == 2_000 and len(kept) < 1_500
    assert all(parent.object_id in kept for birth in made for parent in birth.parents)
    assert any(birth.parents for birth in made)


def test_weights_follow_the_set_that_they_are_trained_on_at_once() -> None:
    pairs = 0
    for before, birth in zip(births(), births()[1:], strict=False):
        if birth.kind.name == "weights":
            assert before.kind.name == "dataset"
            assert [one.object_id for one in birth.parents if one.relation is Relation.TRAINED_ON] == [before.object_id]
            pairs += 1
    assert pairs >= 1


def test_what_is_needed_first_ends_with_what_is_made_of_nothing() -> None:
    for name in NEEDED:
        seen = [name]
        while seen[-1] in NEEDED:
            seen.append(NEEDED[seen[-1]])
        assert len(set(seen)) == len(seen)
        assert EDGES[seen[-1]] in ({}, EDGES["screenplay"]), seen


@pytest.mark.parametrize("objects", [1, 4, 5, 6, 50])
def test_the_smallest_houses_have_exactly_as_many_births(objects: int) -> None:
    made = Film(6, objects).born()
    assert len(made) == objects
    known = {birth.object_id for birth in made}
    assert all(parent.object_id in known for birth in made for parent in birth.parents)
