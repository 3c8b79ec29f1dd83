"""The genealogy as rows: given births and findings, then nodes, edges, depths and families."""

from typing import Any
from uuid import UUID

import pytest

from domain.identity.events import AssetClass, DerivationFound, Origin, Parent, Relation
from domain.ids import ObjectId, PartyId
from projections.genealogy.view import EDGE, FOUND, GENEALOGY, NODE
from tests.view_kit import Tale, digest_of, identified, some

A, B, C, D, E = map(some, range(1, 6))


def birth(*parents: tuple[UUID, Relation], **changes: Any) -> Any:
    """Return a birth with these declared parents."""
    declared = tuple(Parent(object_id=ObjectId(parent), relation=relation) for parent, relation in parents)
    return identified(parents=declared, **changes)


def found(source: UUID, evidence: str = "compared") -> DerivationFound:
    return DerivationFound(source=ObjectId(source), evidence=digest_of(evidence))


@pytest.fixture
def tale() -> Tale:
    return Tale(GENEALOGY)


def test_a_birth_without_parents_is_a_root_of_its_own_family(tale: Tale) -> None:
    holder = PartyId(some(77))
    said: dict[str, Any] = {"kind": "weights", "project": "night-river", "holder": holder}
    tale.tell(A, identified(asset_class=AssetClass.COMPUTABLE, origin=Origin.CAPTURED, **said))
    assert tale.rows(NODE) == {(A,): (0, "weights", "computable", "captured", holder, "night-river", 0, A)}
    assert tale.rows(EDGE) == {} and tale.rows(FOUND) == {}


def test_an_object_of_no_production_has_none(tale: Tale) -> None:
    tale.tell(A, identified(project=None))
    assert tale.row(NODE, A)["project"] is None


def test_depth_is_the_longest_way_up(tale: Tale) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth((A, Relation.MADE_FROM)))
    tale.tell(C, birth((B, Relation.MADE_FROM)))
    tale.tell(D, birth((A, Relation.MADE_FROM), (C, Relation.MADE_FROM)))
    tale.tell(E, birth((C, Relation.MADE_FROM), (A, Relation.MADE_FROM)))
    assert [tale.row(NODE, one)["depth"] for one in (A, B, C, D, E)] == [0, 1, 2, 3, 3]


def test_an_edge_bears_its_relation_and_the_index_of_the_child(tale: Tale) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth())
    at = tale.tell(C, birth((B, Relation.INCLUDES), (A, Relation.TRAINED_ON)))
    assert tale.rows(EDGE) == {(C, A, "trained_on"): (at,), (C, B, "includes"): (at,)}


def test_the_same_parent_by_two_relations_is_two_edges(tale: Tale) -> None:
    tale.tell(A, birth())
    at = tale.tell(B, birth((A, Relation.MADE_FROM), (A, Relation.REVISION_OF)))
    assert tale.rows(EDGE) == {(B, A, "made_from"): (at,), (B, A, "revision_of"): (at,)}
    assert (tale.row(NODE, B)["depth"], tale.row(NODE, B)["family"]) == (1, A)


def test_the_same_edge_declared_twice_is_one(tale: Tale) -> None:
    tale.tell(A, birth())
    at = tale.tell(B, birth((A, Relation.MADE_FROM), (A, Relation.MADE_FROM)))
    assert tale.rows(EDGE) == {(B, A, "made_from"): (at,)}


@pytest.mark.parametrize("first", [Relation.REVISION_OF, Relation.VARIANT_OF])
@pytest.mark.parametrize("second", [Relation.REVISION_OF, Relation.VARIANT_OF])
def test_a_chain_of_versions_is_one_family(tale: Tale, first: Relation, second: Relation) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth((A, first)))
    tale.tell(C, birth((B, second)))
    tale.tell(D, birth((B, first)))
    assert {tale.row(NODE, one)["family"] for one in (A, B, C, D)} == {A}


VERSIONING = (Relation.REVISION_OF, Relation.VARIANT_OF, Relation.UNSPECIFIED)


@pytest.mark.parametrize("relation", [one for one in Relation if one not in VERSIONING])
def test_no_other_relation_makes_a_version(tale: Tale, relation: Relation) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth((A, relation)))
    assert tale.row(NODE, B)["family"] == B


def test_the_first_of_two_versioned_parents_gives_the_family(tale: Tale) -> None:
    for one in (A, B, E):
        tale.tell(one, birth())
    tale.tell(C, birth((E, Relation.MADE_FROM), (B, Relation.VARIANT_OF), (A, Relation.REVISION_OF)))
    tale.tell(D, birth((C, Relation.REVISION_OF), (A, Relation.REVISION_OF)))
    assert [tale.row(NODE, one)["family"] for one in (C, D)] == [B, B]


def test_a_parent_without_a_node_stops_the_view(tale: Tale) -> None:
    tale.tell(A, birth())
    at = tale.tell(B, birth((A, Relation.MADE_FROM), (D, Relation.MADE_FROM)))
    tale.tell(C, birth())
    poison = tale.poison()
    assert poison.index == at and poison.reason == f"LookupError: parent {D} has no node, though it was born before"
    assert set(tale.made().rows(NODE)) == {(A,)} and tale.made().rows(EDGE) == {}


def test_an_object_is_not_its_own_parent(tale: Tale) -> None:
    assert tale.tell(A, birth((A, Relation.MADE_FROM))) == tale.poison().index


def test_a_found_source_is_an_edge_of_another_table(tale: Tale) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth())
    at = tale.tell(A, found(B))
    assert tale.rows(FOUND) == {(A, B): (at, digest_of("compared"))}
    assert tale.rows(EDGE) == {} and tale.row(NODE, A)["depth"] == 0


def test_a_source_found_again_changes_nothing(tale: Tale) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth())
    at = tale.tell(A, found(B, "the first comparison"))
    before = tale.made().digest()
    tale.tell(A, found(B, "the second"))
    assert tale.rows(FOUND) == {(A, B): (at, digest_of("the first comparison"))}
    assert tale.made().digest() == before and tale.made().position() == 4


def test_found_edges_may_close_a_circle(tale: Tale) -> None:
    tale.tell(A, birth())
    tale.tell(B, birth((A, Relation.MADE_FROM)))
    tale.tell(A, found(B))
    tale.tell(B, found(A))
    assert set(tale.rows(FOUND)) == {(A, B), (B, A)}
    assert [tale.row(NODE, one)["depth"] for one in (A, B)] == [0, 1]


def test_before_its_birth_an_object_has_neither_node_nor_edge(tale: Tale) -> None:
    born = tale.tell(A, birth())
    at = tale.tell(B, birth((A, Relation.MADE_FROM)))
    tale.tell(B, found(A))
    assert set(tale.rows(NODE, as_of=born)) == {(A,)} and tale.rows(EDGE, as_of=born) == {}
    assert set(tale.rows(EDGE, as_of=at)) == {(B, A, "made_from")} and tale.rows(FOUND, as_of=at) == {}


def test_a_second_birth_of_one_object_is_refused(tale: Tale) -> None:
    tale.tell(A, birth(), birth())
    with pytest.raises(Exception, match="a second row stands"):
        tale.made()
