"""Who may do what: every rule of `domain.governance.authority`, and its breach."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.events import Sha256
from domain.governance.authority import ACTOR_KINDS, Amount, Asked, Permission, authorise
from domain.governance.events import PartyKind, Role
from domain.governance.party import Mandate, Party
from domain.governance.signing import Attestation
from domain.ids import PartyId
from tests.governance_kit import LATER, NOW, signer_of
from tests.unit.test_party import granted

ACTOR = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-00000000000a"))
PRINCIPAL = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
RULE = Permission("enrol-party", frozenset({Role.REGISTRAR, Role.OPERATOR}))
PERSON = Party(PartyKind.PERSON, roles=frozenset({Role.REGISTRAR}))
MANDATE = Mandate(2, granted(principal=PRINCIPAL))
AGENT = Party(PartyKind.AGENT, mandates=(MANDATE,))


def asked(party: Party = PERSON, **changes: Any) -> Asked:
    return replace(Asked(ACTOR, party, NOW), **changes)


def for_principal(party: Party = AGENT, **changes: Any) -> Asked:
    return asked(party, principal=PRINCIPAL, principal_party=PERSON, **changes)


def denied(rule: Permission, request: Asked, why: str) -> None:
    with pytest.raises(Rejected, match=rf"^enrol-party denied: .*{why}"):
        authorise(rule, request)


def attestation(party: PartyId = ACTOR, text: bytes = b"text", number: int = 0) -> Attestation:
    signer = signer_of(party, number)
    return Attestation(text, signer.vkey, signer.sign(text), Sha256(bytes(32)))


def test_every_kind_of_party_acts_as_something() -> None:
    assert set(ACTOR_KINDS) == set(PartyKind) - {PartyKind.UNSPECIFIED}


def test_one_of_the_roles_is_enough() -> None:
    assert authorise(RULE, asked()) is None
    assert (
        authorise(RULE, asked(replace(PERSON, kind=PartyKind.ORGANISATION, roles=frozenset({Role.OPERATOR})))) is None
    )
    denied(RULE, asked(replace(PERSON, roles=frozenset({Role.CLERK}))), "expected operator or registrar, .* has clerk")
    denied(RULE, asked(replace(PERSON, roles=frozenset())), "has no role")


def test_without_roles_any_person_may() -> None:
    assert authorise(replace(RULE, roles=frozenset()), asked(Party(PartyKind.PERSON))) is None
    denied(replace(RULE, roles=frozenset()), asked(Party()), "not an enrolled party")


def test_what_is_about_oneself() -> None:
    nobody = Party(PartyKind.PERSON)
    own = replace(RULE, own=True)
    assert authorise(own, asked(nobody, subject=ACTOR)) is None
    denied(own, asked(nobody, subject=PRINCIPAL), "expected operator or registrar")
    denied(own, asked(nobody), "expected operator or registrar")
    denied(RULE, asked(nobody, subject=ACTOR), "expected operator or registrar")


@pytest.mark.parametrize("kind", [PartyKind.AGENT, PartyKind.SERVICE, PartyKind.DEVICE])
def test_what_is_no_person_acts_for_somebody(kind: PartyKind) -> None:
    denied(RULE, asked(replace(AGENT, kind=kind, roles=frozenset({Role.REGISTRAR}))), f"{kind} {ACTOR} acts for nobody")
    assert authorise(RULE, for_principal(replace(AGENT, kind=kind))) == MANDATE
    denied(replace(RULE, human_only=True), for_principal(replace(AGENT, kind=kind)), f"left to humans, found {kind}")


def test_a_person_may_act_for_an_organisation_also_where_humans_decide() -> None:
    person = Party(PartyKind.PERSON, mandates=(MANDATE,))
    assert authorise(replace(RULE, human_only=True), for_principal(person)) == MANDATE


def test_the_principal_could_do_it_itself() -> None:
    denied(RULE, asked(AGENT, principal=PRINCIPAL, principal_party=Party()), "no enrolled person or organisation")
    denied(RULE, asked(AGENT, principal=PRINCIPAL, principal_party=AGENT), "no enrolled person or organisation")
    denied(RULE, asked(AGENT, principal=PRINCIPAL), "no enrolled person or organisation")
    without = replace(PERSON, roles=frozenset())
    denied(RULE, asked(AGENT, principal=PRINCIPAL, principal_party=without), f"{PRINCIPAL} has no role")


@pytest.mark.parametrize(
    ("changes", "request_changes", "why"),
    [
        ({"principal": ACTOR}, {}, "no mandate of"),
        ({"actions": ("draft-policy",)}, {}, "mandate 2: does not name enrol-party"),
        ({"until": NOW}, {}, "mandate 2: ended"),
        ({"projects": ("red",)}, {}, "does not name the project none"),
        ({"projects": ("red",)}, {"project": "blue"}, "does not name the project blue"),
        ({}, {"amount": Amount("CNY", 1)}, "moves no CNY"),
        ({"currency": "EUR", "amount_minor_max": 9}, {"amount": Amount("CNY", 1)}, "moves no CNY"),
        ({"currency": "CNY", "amount_minor_max": 9}, {"amount": Amount("CNY", 10)}, "at most 9 CNY"),
    ],
)
def test_what_a_mandate_does_not_cover(changes: dict[str, Any], request_changes: dict[str, Any], why: str) -> None:
    mandate = replace(MANDATE, granted=granted(**{"principal": PRINCIPAL, **changes}))
    denied(RULE, for_principal(replace(AGENT, mandates=(mandate,)), **request_changes), why)


def test_what_a_mandate_covers() -> None:
    wide = granted(principal=PRINCIPAL, projects=("red",), currency="CNY", amount_minor_max=10)
    mandate = replace(MANDATE, granted=wide)
    request = for_principal(replace(AGENT, mandates=(mandate,)), project="red", amount=Amount("CNY", 10))
    assert authorise(RULE, request) == mandate
    assert authorise(RULE, replace(request, now=LATER - timedelta(microseconds=1))) == mandate


def test_a_later_mandate_may_cover_what_an_earlier_one_does_not() -> None:
    earlier = Mandate(2, granted(principal=PRINCIPAL), revoked=True)
    assert authorise(RULE, for_principal(replace(AGENT, mandates=(earlier, MANDATE)))) == MANDATE
    denied(RULE, for_principal(replace(AGENT, mandates=(earlier,))), "mandate 2: revoked")


def test_what_must_be_signed_is() -> None:
    signed = replace(RULE, signed=True)
    denied(signed, asked(), "expected the actor's signature, found none")
    bound = replace(PERSON, keys=(signer_of(ACTOR).vkey,))
    assert authorise(signed, asked(bound, attestation=attestation())) is None


def test_who_has_bound_a_key_signs_everything() -> None:
    bound = replace(PERSON, keys=(signer_of(ACTOR).vkey,))
    denied(RULE, asked(bound), "has bound a key and signs what it does")
    assert authorise(RULE, asked(bound, attestation=attestation())) is None


def test_a_signature_that_is_given_is_right() -> None:
    bound = asked(replace(PERSON, keys=(signer_of(ACTOR).vkey,)))
    for wrong, why in (
        (attestation(PRINCIPAL), "found another key"),
        (attestation(number=1), "found another key"),
        (replace(attestation(), text=b"other"), "the command's signature is wrong"),
        (replace(attestation(), signature=b"short"), "the command's signature is wrong"),
    ):
        with pytest.raises(Rejected, match=why):
            authorise(RULE, replace(bound, attestation=wrong))
    with pytest.raises(Rejected, match="one of the 0 keys in force"):
        authorise(RULE, asked(attestation=attestation()))
