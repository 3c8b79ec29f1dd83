"""Facts of the rights context: titles, from which every authorisation chain starts."""

from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact
from domain.ids import PartyId


class Root(StrEnum):
    """Why somebody owns a work, or may use it without an owner."""

    UNSPECIFIED = "unspecified"
    OWN_CREATION = "own_creation"
    EMPLOYMENT = "employment"
    COMMISSION = "commission"
    ASSIGNMENT = "assignment"
    PUBLIC_DOMAIN = "public_domain"
    STATUTORY = "statutory"
    ARCHIVAL_CUSTODY = "archival_custody"
    ORPHAN = "orphan"
    OPEN_LICENCE = "open_licence"


def title_key(holder: PartyId, work: bytes) -> str:
    """Return the key of the append for "this holder claims this work", `title/<party uuid>/<sha256 hex>`."""
    return f"title/{holder}/{work.hex()}"


@fact("edgeprint.rights.RightsClaimed", stream="G")
class RightsClaimed(Event):
    """The holder states that the work is theirs, and why: a root of title, contestable by others."""

    holder: A[PartyId, Doc("who claims")]
    work: A[Sha256, Doc("SHA-256 of the work's bytes")]
    root: A[Root, Doc("why the work is theirs")]
    statement: A[Sha256, Doc("SHA-256 of the salted statement document kept in the vault")]

    def keys(self) -> KeyChange:
        """Return the key under which the claim is found by content."""
        return KeyChange(take=(title_key(self.holder, self.work),))


EVENTS = (RightsClaimed,)
