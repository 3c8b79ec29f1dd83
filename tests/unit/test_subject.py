"""Given a party, when a command on it as a data subject, then events or an error."""

from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.command import Command
from domain.errors import Rejected
from domain.events import Sha256
from domain.governance import subject
from domain.governance.events import (
    ErasureCompleted,
    FieldOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
    OpeningPurpose,
    ParticularsDeclared,
    PartyEnrolled,
    PartyKind,
    Role,
    SubjectErased,
)
from domain.governance.party import DeclareMembership, Party, evolve
from domain.governance.subject import (
    HOLDS_MAX,
    DeclareParticulars,
    EraseSubject,
    Facts,
    LiftLegalHold,
    OpenField,
    PlaceLegalHold,
)
from domain.ids import Commitment, EventId, PartyId
from tests.governance_kit import ANY, Town

IT = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000001"))
OTHER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
EVENT = EventId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000003"))
PAPER = Sha256(b"p" * 32)
NAME = Commitment(PAPER)
ENROLLED = PartyEnrolled(kind=PartyKind.PERSON)
HELD = LegalHoldPlaced(matter="(2026) Jing 73 Min Chu 1")
ERASED = SubjectErased(request=None)
DECLARE = DeclareParticulars(party=IT, name=NAME)
OPEN = OpenField(party=IT, event=EVENT, path="name", purpose=OpeningPurpose.AUDIT)
HOLD = PlaceLegalHold(party=IT, matter=HELD.matter)
LIFT = LiftLegalHold(party=IT, hold=2)
ERASE = EraseSubject(party=IT)
ALL: list[Any] = [DECLARE, OPEN, HOLD, LIFT, ERASE]


def state(*events: Any) -> Party:
    return reduce(evolve, events, Party())


def refused(events: tuple[Any, ...], command: Any, why: str, facts: Facts | None = None) -> None:
    with pytest.raises(Rejected, match=why):
        subject.decide(state(*events), command, facts or Facts(IT))


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.NAME)
def test_of_nobody_and_of_the_erased_nothing_is_recorded(command: Any) -> None:
    refused((), command, "is not an enrolled party")
    refused((ENROLLED, ERASED), command, "the subject was erased")
    refused((ENROLLED, ERASED, ErasureCompleted(values=3)), command, "the subject was erased")


def test_particulars_are_commitments_and_at_least_one() -> None:
    assert subject.decide(state(ENROLLED), DECLARE, Facts(IT)) == (
        ParticularsDeclared(name=NAME, address=None, contact=None),
    )
    refused((ENROLLED,), DeclareParticulars(party=IT), "expected a name, an address or a contact")


def test_only_what_the_vault_has_of_this_subject_is_opened() -> None:
    assert subject.decide(state(ENROLLED), OPEN, Facts(IT, secret_of=IT)) == (
        FieldOpened(event=EVENT, path="name", purpose=OpeningPurpose.AUDIT),
    )
    refused((ENROLLED,), OPEN, "the vault has no value for 'name'")
    refused((ENROLLED,), OPEN, "of another subject", Facts(IT, secret_of=OTHER))


def test_a_hold_refuses_the_erasure_until_each_is_lifted() -> None:
    assert subject.decide(state(ENROLLED), HOLD, Facts(IT)) == (HELD,)
    twice = (ENROLLED, HELD, HELD)
    refused(twice, ERASE, "legal holds bind: 2, 3")
    assert subject.decide(state(*twice), LIFT, Facts(IT)) == (LegalHoldLifted(hold=2),)
    once = (*twice, LegalHoldLifted(hold=2))
    refused(once, ERASE, "legal holds bind: 3")
    refused(once, LIFT, "no hold 2 that binds")
    assert subject.decide(state(*once, LegalHoldLifted(hold=3)), ERASE, Facts(IT)) == (ERASED,)
    refused((ENROLLED, *[HELD] * HOLDS_MAX), HOLD, f"at most {HOLDS_MAX} holds")


def test_an_erasure_names_the_request_and_is_completed_once() -> None:
    asked = EraseSubject(party=IT, request=PAPER)
    assert subject.decide(state(ENROLLED), asked, Facts(IT)) == (SubjectErased(request=PAPER),)
    refused((ENROLLED,), asked, "expected the document 7070", Facts(IT, request_here=False))
    assert subject.complete(state(ENROLLED, ERASED), 3) == (ErasureCompleted(values=3),)
    assert subject.complete(state(ENROLLED, ERASED, ErasureCompleted(values=3)), 0) == ()
    with pytest.raises(Rejected, match="was not erased"):
        subject.complete(state(ENROLLED), 0)


class TestInATown:
    """With vault, keys and roles."""

    def test_the_erased_act_no_more_and_nobody_acts_for_them(self) -> None:
        town = Town()
        guild = town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, key=True)
        town.give(EraseSubject(party=guild)).require()
        told = town.refusal(town.give(DeclareMembership(party=guild, community="cn.film"), guild))
        assert "was erased and acts no more" in told

    def test_a_secret_without_its_value_is_refused(self) -> None:
        town = Town()
        told = town.refusal(town.give(DeclareParticulars(party=town.holder, name=ANY)))
        assert "expected the value of name for the vault" in told

    def test_what_stands_in_the_event_opens_to_the_value_and_so_does_what_was_signed(self) -> None:
        from domain.commitment import commit, verify_opening

        town = Town()
        command_id = town.new_id()
        declared: Command = DeclareParticulars(party=town.holder, name=ANY)
        outcome = town.give(declared, command_id=command_id, secrets={"name": "林晚照"})
        (event,) = town.written(outcome)
        envelope = town.application.codec.accept(town.store.rows(outcome.first, 1)[0].entry).envelope
        opening = town.vault.open(envelope.event_id, "name")
        assert isinstance(event, ParticularsDeclared) and event.name is not None
        verify_opening(event.name, envelope.event_id, "name", opening.salt, opening.value)
        request = town.request(declared, command_id=command_id, secrets={"name": "林晚照"})
        signed = commit(command_id, "input.name", opening.salt, opening.value).hex()
        assert request.attestation is not None and signed.encode() in request.attestation.text
        assert "林晚照".encode() not in request.attestation.text
