"""The people and means of the corpus: founding, crews, performers, capabilities, machines, templates."""

from collections import Counter
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest

from domain.capability import capability, resource, template
from domain.capability.capability import Capability
from domain.capability.events import CapabilityDescribed, CapabilityKind, FilingDeclared, Nature, VersionSigned
from domain.capability.filing import check_filing_number
from domain.capability.means import ResourceEnrolled, TemplateDefined
from domain.events import ActorKind
from domain.governance import party, policy_set
from domain.governance.events import PartyKind, Role
from domain.governance.party import MANDATE_DAYS_MAX, Party
from domain.governance.policies import ADMISSION, TRACE_SET
from domain.governance.policy_set import PolicySet
from infra.dev.acts import Act
from infra.dev.house import BRINGING, MANDATE_DAYS
from infra.dev.means import CAPABILITIES, RESEARCH_ONLY, tell_means
from producers.registry import REGISTRY
from schemas.values import instant_of
from tests.corpus_kit import REGISTRAR, Film, acts_of, events_of, names_of

MODEL = ["VersionSigned", "SupplyChainScanned", "ComplianceTested", "CapabilityGraded"]
FILED = ["FilingDeclared", "FilingChecked"]
COURSES = {
    CapabilityKind.GENERATIVE_MODEL: (MODEL, FILED),
    CapabilityKind.ANALYSIS_MODEL: (MODEL, []),
    CapabilityKind.ALGORITHM: (MODEL, []),
    CapabilityKind.TOOL: (["VersionSigned", "SupplyChainScanned", "CapabilityGraded"], []),
    CapabilityKind.SERVICE: (["VersionSigned", "CapabilityGraded"], FILED),
}
ENDS = {
    "": [],
    "suspended": ["CapabilitySuspended"],
    "revoked": ["CapabilityRevoked"],
    "reinstated": ["CapabilitySuspended", "CapabilityReinstated"],
}


def parties(acts: list[Act]) -> dict[Any, Party]:
    states: dict[Any, Party] = {}
    for act in acts:
        before = states.get(act.stream.stream_id, Party())
        states[act.stream.stream_id] = reduce(party.evolve, act.events, before)  # type: ignore[arg-type]
    return states


def test_the_founding_enrols_everybody_with_roles_that_one_party_can_have() -> None:
    film = Film()
    house = film.house
    acts = acts_of(house.found(policies=False))
    states = parties(acts)
    assert Counter(state.kind for state in states.values()) == {
        PartyKind.ORGANISATION: 7,
        PartyKind.PERSON: 5,
        PartyKind.AGENT: 2,
        PartyKind.DEVICE: 2,
        PartyKind.SERVICE: 1,
    }
    assert states[house.studio.party].roles == {Role.OPERATOR, Role.LICENSOR}
    assert states[house.auditor.party].roles == {Role.AUDITOR, Role.CLERK}
    assert all(states[one.party].roles == {Role.COMPLIANCE_OFFICER} for one in house.officers)
    assert states[house.archive.party].communities == {"cn.film-heritage"}
    for state in states.values():
        assert all(party.EXCLUDED_BY.get(role, frozenset()).isdisjoint(state.roles) for role in state.roles)
        assert not state.roles or state.kind in party.ROLE_HOLDERS
    assert all(type(act.events[0]).__name__ == "MandateGranted" or act.who.party == REGISTRAR for act in acts)


def test_what_is_no_person_acts_under_a_mandate_of_its_principal() -> None:
    film = Film()
    house = film.house
    states = parties(acts_of(house.found(policies=False)))
    for who in (*house.agents, house.camera, house.scanner, house.renderer):
        (mandate,) = states[who.party].mandates
        assert who.for_whom == who.principal == mandate.granted.principal
        assert mandate.granted.actions == BRINGING == tuple(sorted(BRINGING))
        assert timedelta(0) < mandate.granted.until - instant_of(film.draw.now_us) <= timedelta(days=MANDATE_DAYS_MAX)
    assert house.studio.principal == house.studio.party
    assert MANDATE_DAYS <= MANDATE_DAYS_MAX
    for action in BRINGING:
        assert not REGISTRY.find(action).permission.human_only


@pytest.mark.parametrize("wanted", [True, False])
def test_policies_are_drafted_approved_by_a_human_and_activated_unless_they_are(wanted: bool) -> None:
    film = Film()
    acts = [act for act in film.house.found(policies=wanted) if names_of([act])[0].startswith("Policy")]
    assert names_of(acts) == ["PolicyDrafted", "PolicyApproved", "PolicyActivated"] * (2 if wanted else 0)
    found = []
    for at in range(0, len(acts), 3):
        state = PolicySet()
        for act in acts[at : at + 3]:
            given: Any = act.events[0]
            assert act.stream is acts[at].stream
            state = policy_set.evolve(state, given)
        assert state.in_force is not None and state.in_force.approved
        assert acts[at + 1].who in film.house.officers and acts[at + 1].who.kind is ActorKind.HUMAN
        found.append(state.name)
    assert found == ([TRACE_SET, ADMISSION] if wanted else [])
    assert acts_of(film.house.found(policies=False)) == [], "a house is founded once"


def test_crews_are_people_known_by_commitments_alone() -> None:
    film = Film()
    who, telling = film.house.hire()
    acts = acts_of(telling)
    assert names_of(acts) == ["PartyEnrolled", "ParticularsDeclared"]
    assert all(act.stream.stream_id == who.party and act.who.party == REGISTRAR for act in acts)
    known: Any = acts[1].events[0]
    assert known.address is None and len({known.name, known.contact}) == 2


@pytest.mark.parametrize(
    ("number", "end", "erased", "holds"),
    [
        (0, ["SubjectErased", "ErasureCompleted"], True, 0),
        (1, ["LegalHoldPlaced", "LegalHoldLifted", "SubjectErased", "ErasureCompleted"], True, 0),
        (2, ["LegalHoldPlaced"], False, 1),
        (3, [], False, 0),
        (5, ["LegalHoldPlaced", "LegalHoldLifted", "SubjectErased", "ErasureCompleted"], True, 0),
    ],
)
def test_performers_end_in_four_ways(number: int, end: list[str], erased: bool, holds: int) -> None:
    film = Film()
    telling = list(film.house.perform(number, 7))
    acts = acts_of(telling)
    assert names_of(acts) == ["PartyEnrolled", "ParticularsDeclared", *end]
    assert {step for step in telling if isinstance(step, int)} == {7}
    (state,) = parties(acts).values()
    assert (state.erased, state.destroyed, len(state.holds)) == (erased, erased, holds)


def test_roles_and_mandates_are_taken_back() -> None:
    states = parties(acts_of(Film().house.leave(3)))
    officer, agent = sorted(states.values(), key=lambda state: state.kind != PartyKind.PERSON)
    assert (officer.kind, officer.roles, officer.version) == (PartyKind.PERSON, frozenset(), 3)
    assert agent.kind is PartyKind.AGENT and [one.revoked for one in agent.mandates] == [True]


@pytest.mark.parametrize("place", range(len(CAPABILITIES)), ids=[name for name, _, _ in CAPABILITIES])
def test_a_capability_takes_the_steps_of_its_kind_for_each_version(place: int) -> None:
    film = Film()
    name, kind, fate = CAPABILITIES[place]
    acts = acts_of(tell_means(film.draw, film.house, 5)[place])
    examined, filed = COURSES[kind]
    first, second = [*examined, *filed, "CapabilityPublished"], [*examined, "CapabilityPublished"]
    assert names_of(acts) == ["CapabilityDescribed", *first, *second, *ENDS[fate]]
    state = reduce(capability.evolve, events_of(acts), Capability())  # type: ignore[arg-type]
    assert (state.name, state.kind, state.published) == (name, kind, 2)
    assert state.status == {"": "published", "reinstated": "published"}.get(fate, fate)
    own = ("CapabilityDescribed", "VersionSigned", "FilingDeclared")
    for act in acts:
        assert (act.who.party == state.provider) == (names_of([act])[0] in own), "who files it does not examine it"
        for event in act.events:
            if isinstance(event, FilingDeclared):
                check_filing_number(event.authority, event.number)


def test_one_licence_allows_research_alone_and_its_grades_say_so() -> None:
    film = Film()
    found: dict[str, set[tuple[Nature, ...]]] = {}
    for telling in tell_means(film.draw, film.house, 5):
        acts = acts_of(telling)
        if isinstance(acts[0].events[0], CapabilityDescribed):
            state = reduce(capability.evolve, events_of(acts), Capability())  # type: ignore[arg-type]
            for version in state.versions:
                assert isinstance(version.signed, VersionSigned) and version.grade is not None
                (term,) = version.signed.licences
                assert set(version.grade.natures) <= set(term.natures)
                assert set(version.grade.grades) <= set(version.signed.claimed)
                found.setdefault(state.name, set()).add(version.grade.natures)
    assert found.pop(RESEARCH_ONLY) == {(Nature.RESEARCH,)}
    assert all(len(natures) == 3 for some in found.values() for natures in some)


def test_machines_and_templates_come_and_some_go() -> None:
    film = Film()
    pools, retired = {}, Counter[bool]()
    for telling in tell_means(film.draw, film.house, 5):
        acts = acts_of(telling)
        first, events = acts[0].events[0], events_of(acts)
        if isinstance(first, ResourceEnrolled):
            state = reduce(resource.evolve, events, resource.Resource())  # type: ignore[arg-type]
            pools[str(first.pool)] = (state.drained, state.retired)
            assert all(act.who.party == first.owner for act in acts)
        if isinstance(first, TemplateDefined):
            made = reduce(template.evolve, events, template.Template())  # type: ignore[arg-type]
            assert len(made.documents) == 2
            retired[made.retired] += 1
    assert pools == {"local": (False, False), "industry": (False, False), "social": (True, True)}
    assert retired == {True: 1, False: 1}
