"""A party as a data subject: its particulars, openings of its secrets, legal holds, erasure.

All of it stands in the party's own stream, so that a hold and an erasure can never pass each other: whoever comes
second is decided again on what the first has written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated as A
from typing import Any, Final
from uuid import UUID

from domain.command import Command, command
from domain.errors import Rejected
from domain.events import Doc, Sha256
from domain.governance.events import (
    ErasureCompleted,
    FieldOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
    OpeningPurpose,
    ParticularsDeclared,
    SubjectErased,
)
from domain.governance.party import Party, PartyEvent
from domain.ids import Commitment, EventId, PartyId

HOLDS_MAX: Final = 100


@command("declare-particulars")
class DeclareParticulars(Command):
    """State who a party is in the world; the values go to the vault, the ledger holds commitments."""

    party: A[PartyId, Doc("who")]
    name: A[Commitment | None, Doc("its name, a secret")] = None
    address: A[Commitment | None, Doc("its address, a secret")] = None
    contact: A[Commitment | None, Doc("how it is reached, a secret")] = None


@command("open-field")
class OpenField(Command):
    """Have a committed value shown; that it was stands in the subject's stream before it is."""

    party: A[PartyId, Doc("whose secret it is")]
    event: A[EventId, Doc("the event that commits to the value")]
    path: A[str, Doc("the field's place in that event", low=1, high=200)]
    purpose: A[OpeningPurpose, Doc("what it is opened for")]


@command("place-legal-hold")
class PlaceLegalHold(Command):
    """Forbid that anything of a subject is erased."""

    party: A[PartyId, Doc("which subject")]
    matter: A[str, Doc("reference of the matter, as the court writes it; no names", low=1, high=120)]


@command("lift-legal-hold")
class LiftLegalHold(Command):
    """Let a hold bind no longer."""

    party: A[PartyId, Doc("which subject")]
    hold: A[int, Doc("number of the hold: the stream version of its LegalHoldPlaced", low=2)]


@command("erase-subject")
class EraseSubject(Command):
    """Destroy every secret of a party, for ever; what was proved of it stays provable."""

    party: A[PartyId, Doc("which subject")]
    request: A[Sha256 | None, Doc("SHA-256 of the subject's request, a document in the blob store")] = None


SubjectCommand = DeclareParticulars | OpenField | PlaceLegalHold | LiftLegalHold | EraseSubject


@dataclass(frozen=True, slots=True)
class Facts:
    """Whose stream it is, and of whom the vault says that a value to be opened is (None: it has no such value)."""

    party: PartyId
    secret_of: UUID | None = None
    request_here: bool = True


def decide(party: Party, command: SubjectCommand, facts: Facts) -> tuple[PartyEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: no such party, erased already, or the command's own rule says no.
    """
    name = type(command).__name__
    if not party.enrolled:
        raise Rejected(f"{name} refused: {facts.party} is not an enrolled party of this ledger")
    if party.erased:
        raise Rejected(f"{name} refused: the subject was erased")
    rule: Callable[[Party, Any, Facts], PartyEvent] = _RULES[type(command)]
    return (rule(party, command, facts),)


def complete(party: Party, values: int) -> tuple[PartyEvent, ...]:
    """Return the event that ends an erasure, nothing if it has ended. Raises: Rejected if none was begun."""
    if not party.erased:
        raise Rejected("ErasureCompleted refused: the subject was not erased")
    return () if party.destroyed else (ErasureCompleted(values=values),)


def _declare(party: Party, command: DeclareParticulars, facts: Facts) -> PartyEvent:
    del party, facts
    if command.name is None and command.address is None and command.contact is None:
        raise Rejected("DeclareParticulars refused: expected a name, an address or a contact, found none")
    return ParticularsDeclared(name=command.name, address=command.address, contact=command.contact)


def _open(party: Party, command: OpenField, facts: Facts) -> PartyEvent:
    del party
    if facts.secret_of is None:
        raise Rejected(f"OpenField refused: the vault has no value for {command.path[:60]!r} of event {command.event}")
    if facts.secret_of != facts.party:
        raise Rejected("OpenField refused: this value is of another subject")
    return FieldOpened(event=command.event, path=command.path, purpose=command.purpose)


def _hold(party: Party, command: PlaceLegalHold, facts: Facts) -> PartyEvent:
    del facts
    if len(party.holds) >= HOLDS_MAX:
        raise Rejected(f"PlaceLegalHold refused: expected at most {HOLDS_MAX} holds on one subject")
    return LegalHoldPlaced(matter=command.matter)


def _lift(party: Party, command: LiftLegalHold, facts: Facts) -> PartyEvent:
    del facts
    if command.hold not in party.holds:
        raise Rejected(f"LiftLegalHold refused: the subject has no hold {command.hold} that binds")
    return LegalHoldLifted(hold=command.hold)


def _erase(party: Party, command: EraseSubject, facts: Facts) -> PartyEvent:
    if party.holds:
        holds = ", ".join(map(str, party.holds))
        raise Rejected(f"EraseSubject refused: legal holds bind: {holds}")
    if command.request is not None and not facts.request_here:
        raise Rejected(f"EraseSubject refused: expected the document {command.request.hex()} in the blob store")
    return SubjectErased(request=command.request)


_RULES: Final[Mapping[type[Command], Callable[[Party, Any, Facts], PartyEvent]]] = {
    DeclareParticulars: _declare,
    OpenField: _open,
    PlaceLegalHold: _hold,
    LiftLegalHold: _lift,
    EraseSubject: _erase,
}
