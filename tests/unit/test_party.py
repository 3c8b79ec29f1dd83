"""Given events, when a command, then events or an error: Party."""

from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.events import Event, Sha256
from domain.governance import party as parties
from domain.governance.events import (
    KeyBound,
    KeyEnd,
    KeyWithdrawn,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    PartyEnrolled,
    PartyKind,
    Role,
    RoleAssigned,
    RoleWithdrawn,
    signing_key,
)
from domain.governance.party import (
    KEYS_MAX,
    MANDATE_DAYS_MAX,
    MANDATES_MAX,
    AssignRole,
    BindKey,
    DeclareMembership,
    EnrolParty,
    Facts,
    GrantMandate,
    Party,
    RevokeMandate,
    WithdrawKey,
    WithdrawRole,
)
from domain.ids import LedgerId, PartyId
from domain.ledger.keys import ed25519_signer, mldsa44_cosigner
from domain.ledger.text import encode_base64
from tests.governance_kit import LATER, NOW, binding, identifier, signer_of

LEDGER = LedgerId(UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"))
PARTY = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000001"))
OTHER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
FACTS = Facts(
    PARTY, LEDGER, OTHER, frozenset(), NOW, frozenset({"enrol-party", "assign-role"}), frozenset({"assign-role"})
)
GRANT = GrantMandate(party=PARTY, actions=("enrol-party",), until=LATER)


def state(*events: Any) -> Party:
    return reduce(parties.evolve, events, Party())


def enrolled(kind: PartyKind = PartyKind.PERSON, *events: Event) -> Party:
    return state(PartyEnrolled(kind=kind), *events)


def granted(**changes: Any) -> MandateGranted:
    fields: dict[str, Any] = {
        "principal": OTHER,
        "actions": ("enrol-party",),
        "projects": (),
        "currency": None,
        "amount_minor_max": None,
        "until": LATER,
    }
    return MandateGranted(**{**fields, **changes})


def refused(party: Party, command: Any, why: str, facts: Facts = FACTS) -> None:
    with pytest.raises(Rejected, match=why):
        parties.decide(party, command, facts)


def test_a_party_is_enrolled_once() -> None:
    events = parties.decide(Party(), EnrolParty(kind=PartyKind.PERSON), FACTS)
    assert events == (PartyEnrolled(kind=PartyKind.PERSON),)
    assert state(*events).enrolled and not Party().enrolled
    refused(state(*events), EnrolParty(kind=PartyKind.PERSON), "enrolled already as person")


@pytest.mark.parametrize(
    "command",
    [
        binding(LEDGER, PARTY),
        WithdrawKey(party=PARTY, key="k" * 60, reason=KeyEnd.LOST),
        AssignRole(party=PARTY, role=Role.CLERK),
        WithdrawRole(party=PARTY, role=Role.CLERK),
        GRANT,
        RevokeMandate(party=PARTY, mandate=2),
        DeclareMembership(party=PARTY, community="cn.film"),
    ],
)
def test_nothing_is_done_to_a_party_that_is_not_enrolled(command: Any) -> None:
    refused(Party(), command, rf"^{type(command).__name__} refused: {PARTY} is not an enrolled party")


def test_a_key_is_bound_with_its_proof_and_never_twice() -> None:
    command = binding(LEDGER, PARTY)
    events = parties.decide(enrolled(), command, FACTS)
    assert events == (KeyBound(key=command.key),)
    assert events[0].keys().take == (signing_key(command.key),)
    assert signing_key(command.key).startswith("signing-key/A")
    bound = enrolled(PartyKind.PERSON, *events)
    assert bound.keys == (command.key,)
    refused(bound, command, "is or was bound")
    gone = KeyWithdrawn(key=command.key, reason=KeyEnd.LOST)
    refused(enrolled(PartyKind.PERSON, *events, gone), command, "is or was bound")


def test_a_key_that_is_not_held_is_not_bound() -> None:
    right = binding(LEDGER, PARTY)
    stranger = encode_base64(signer_of(OTHER).sign(b"x")).decode()
    refused(enrolled(), replace(right, proof=stranger), "expected a key of the party and its proof: signature")
    elsewhere = binding(LedgerId(OTHER), PARTY)
    refused(enrolled(), replace(right, proof=elsewhere.proof), "its proof")
    refused(enrolled(), replace(right, proof="!" * 88), "its proof")
    refused(enrolled(), binding(LEDGER, OTHER), f"Ed25519 vkey .type 01. of party {PARTY}")


def test_a_keys_name_is_the_partys_identifier_since_a_free_name_could_be_a_persons() -> None:
    named = ed25519_signer("alice.example", b"s" * 32)
    refused(enrolled(), BindKey(party=PARTY, key=named.vkey, proof="A" * 88), "expected an identifier such as")
    quantum = mldsa44_cosigner(identifier(PARTY), b"s" * 32, lambda: 0)
    refused(enrolled(), BindKey(party=PARTY, key=quantum.vkey, proof="A" * 88), "found type 6")
    refused(enrolled(), BindKey(party=PARTY, key="nonsense", proof="A" * 88), "expected name.id.key")


def test_keys_in_force_have_a_limit_and_a_withdrawn_one_makes_room() -> None:
    keys = [binding(LEDGER, PARTY, number).key for number in range(KEYS_MAX)]
    full = enrolled(PartyKind.PERSON, *(KeyBound(key=key) for key in keys))
    refused(full, binding(LEDGER, PARTY, 99), f"at most {KEYS_MAX} keys in force, found {KEYS_MAX}")
    left = parties.evolve(full, KeyWithdrawn(key=keys[0], reason=KeyEnd.ROTATED))
    assert parties.decide(left, binding(LEDGER, PARTY, 99), FACTS)


def test_only_a_key_in_force_is_withdrawn() -> None:
    key = binding(LEDGER, PARTY).key
    command = WithdrawKey(party=PARTY, key=key, reason=KeyEnd.COMPROMISED)
    refused(enrolled(), command, "expected a key in force")
    bound = enrolled(PartyKind.PERSON, KeyBound(key=key))
    events = parties.decide(bound, command, FACTS)
    assert events == (KeyWithdrawn(key=key, reason=KeyEnd.COMPROMISED),)
    after = parties.evolve(bound, events[0])
    assert (after.keys, after.withdrawn_keys) == ((), (key,))
    refused(after, command, "expected a key in force")


def test_roles_are_given_and_taken() -> None:
    events = parties.decide(enrolled(), AssignRole(party=PARTY, role=Role.OPERATOR), FACTS)
    assert events == (RoleAssigned(role=Role.OPERATOR),)
    has = enrolled(PartyKind.PERSON, *events)
    refused(has, AssignRole(party=PARTY, role=Role.OPERATOR), "is operator already")
    assert parties.decide(has, WithdrawRole(party=PARTY, role=Role.OPERATOR), FACTS) == (
        RoleWithdrawn(role=Role.OPERATOR),
    )
    assert parties.evolve(has, RoleWithdrawn(role=Role.OPERATOR)).roles == frozenset()
    refused(has, WithdrawRole(party=PARTY, role=Role.CLERK), "is not clerk")


def test_nobody_assigns_a_role_to_themselves() -> None:
    refused(enrolled(), AssignRole(party=PARTY, role=Role.OPERATOR), "to themselves", replace(FACTS, actor=PARTY))


@pytest.mark.parametrize("kind", [PartyKind.AGENT, PartyKind.SERVICE, PartyKind.DEVICE])
def test_what_is_no_person_gets_a_mandate_and_no_role(kind: PartyKind) -> None:
    refused(enrolled(kind), AssignRole(party=PARTY, role=Role.OPERATOR), f"found {kind}: grant a mandate")


@pytest.mark.parametrize(
    ("has", "gets", "allowed"),
    [
        (Role.ADMIN, Role.OPERATOR, False),
        (Role.OPERATOR, Role.ADMIN, False),
        (Role.CLERK, Role.ADMIN, False),
        (Role.AUDITOR, Role.OPERATOR, False),
        (Role.COMPLIANCE_OFFICER, Role.AUDITOR, False),
        (Role.AUDITOR, Role.CLERK, True),
        (Role.CLERK, Role.AUDITOR, True),
        (Role.REGISTRAR, Role.COMPLIANCE_OFFICER, True),
    ],
)
def test_functions_are_kept_apart(has: Role, gets: Role, allowed: bool) -> None:
    party = enrolled(PartyKind.PERSON, RoleAssigned(role=has))
    if allowed:
        assert parties.decide(party, AssignRole(party=PARTY, role=gets), FACTS)
    else:
        refused(party, AssignRole(party=PARTY, role=gets), f"separation of functions: {gets} excludes {has}")


def test_a_mandate_is_numbered_by_its_place_in_the_stream() -> None:
    command = replace(
        GRANT, actions=("enrol-party", "enrol-party"), projects=("b", "a"), currency="CNY", amount_minor_max=5
    )
    events = parties.decide(enrolled(PartyKind.AGENT), command, FACTS)
    assert events == (granted(projects=("a", "b"), currency="CNY", amount_minor_max=5),)
    has = enrolled(PartyKind.AGENT, DEVICE_NOTE, *events)
    assert [one.number for one in has.mandates] == [3] and has.version == 3


DEVICE_NOTE = MembershipDeclared(community="cn.film", statement=None)


@pytest.mark.parametrize(
    ("kind", "changes", "why"),
    [
        (PartyKind.ORGANISATION, {}, "expected somebody else"),
        (PartyKind.AGENT, {"actions": ("fly",)}, "expected names of commands, found 'fly'"),
        (PartyKind.AGENT, {"actions": ("assign-role",)}, "assign-role is left to humans, found agent"),
        (PartyKind.AGENT, {"currency": "CNY"}, "currency and amount_minor_max together"),
        (PartyKind.AGENT, {"amount_minor_max": 1}, "currency and amount_minor_max together"),
        (PartyKind.AGENT, {"currency": "cny", "amount_minor_max": 1}, "ISO 4217 code such as CNY"),
        (PartyKind.AGENT, {"until": NOW}, "an end within"),
        (PartyKind.AGENT, {"until": NOW + timedelta(days=MANDATE_DAYS_MAX, seconds=1)}, "an end within"),
    ],
)
def test_a_mandate_that_cannot_be(kind: PartyKind, changes: dict[str, Any], why: str) -> None:
    refused(enrolled(kind), replace(GRANT, **changes), why)


def test_a_person_may_be_given_what_is_left_to_humans() -> None:
    command = replace(GRANT, actions=("assign-role",))
    assert parties.decide(enrolled(PartyKind.PERSON), command, FACTS) == (granted(actions=("assign-role",)),)
    refused(enrolled(PartyKind.PERSON), command, "expected somebody else", replace(FACTS, actor=PARTY))


def test_mandates_in_force_have_a_limit_and_ended_ones_do_not_count() -> None:
    full = enrolled(PartyKind.AGENT, *[granted()] * MANDATES_MAX)
    refused(full, GRANT, f"at most {MANDATES_MAX} mandates in force")
    ended = enrolled(PartyKind.AGENT, *[granted(until=NOW)] * MANDATES_MAX)
    assert parties.decide(ended, GRANT, FACTS)


def test_a_mandate_is_revoked_by_its_principal_or_a_registrar() -> None:
    has, command = enrolled(PartyKind.AGENT, granted()), RevokeMandate(party=PARTY, mandate=2)
    assert parties.decide(has, command, FACTS) == (MandateRevoked(mandate=2),)
    third = replace(FACTS, actor=PartyId(LEDGER))
    refused(has, command, "expected its principal or a registrar", third)
    assert parties.decide(has, command, replace(third, actor_roles=frozenset({Role.REGISTRAR})))
    after = parties.evolve(has, MandateRevoked(mandate=2))
    assert after.mandates[0].revoked
    refused(after, command, "no mandate 2 that is not revoked")
    refused(has, replace(command, mandate=3), "no mandate 3")


def test_a_party_belongs_to_a_community_once() -> None:
    command = DeclareMembership(party=PARTY, community="cn.film", statement=Sha256(b"s" * 32))
    events = parties.decide(enrolled(), command, FACTS)
    assert events == (MembershipDeclared(community="cn.film", statement=Sha256(b"s" * 32)),)
    refused(enrolled(PartyKind.PERSON, *events), command, "belongs to cn.film already")
