"""Facts of the governance context: parties. Names and addresses never stand here; they live in the vault."""

from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, fact


class PartyKind(StrEnum):
    """What a party is."""

    UNSPECIFIED = "unspecified"
    PERSON = "person"
    ORGANISATION = "organisation"
    AGENT = "agent"
    SERVICE = "service"
    DEVICE = "device"


@fact("edgeprint.governance.PartyEnrolled")
class PartyEnrolled(Event):
    """A party may act and hold from here on; the stream's id is the party's."""

    kind: A[PartyKind, Doc("what the party is")]


EVENTS = (PartyEnrolled,)
