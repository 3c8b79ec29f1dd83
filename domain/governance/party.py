"""Party: whoever acts or holds. Agents, services and devices are parties too."""

from dataclasses import dataclass, replace

from domain.errors import Rejected
from domain.governance.events import PartyEnrolled, PartyKind

PartyEvent = PartyEnrolled


@dataclass(frozen=True, slots=True)
class Party:
    """Whether the party is enrolled, and as what."""

    kind: PartyKind = PartyKind.UNSPECIFIED

    @property
    def enrolled(self) -> bool:
        """Return whether the party may act."""
        return self.kind is not PartyKind.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class EnrolParty:
    """Enrol a party."""

    kind: PartyKind


def decide(party: Party, command: EnrolParty) -> tuple[PartyEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: the party is enrolled already.
    """
    if party.enrolled:
        raise Rejected(f"EnrolParty refused: the party is enrolled already as {party.kind}")
    return (PartyEnrolled(kind=command.kind),)


def evolve(party: Party, event: PartyEvent) -> Party:
    """Return the state after `event`."""
    return replace(party, kind=event.kind)
