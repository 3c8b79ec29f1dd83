"""Facts of titles: who owns a work and why, who disputes it, to whom it went. Those of grants are in
`grant_events`, those of licences in `licence_events`.

A title is the root of every authorisation chain. Whoever owns a part of it is named by a party identifier; names stand
in documents, of which events hold salted digests.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact
from domain.ids import PartyId
from domain.rights.grant_events import GRANT_EVENTS
from domain.rights.licence_events import LICENCE_EVENTS
from domain.rights.settlement import HOLDERS_MAX, WHOLE_BP, Holder
from domain.rights.settlement_events import SETTLEMENT_EVENTS
from domain.rights.valuation import VALUATION_EVENTS

REGISTER_CHARACTERS_MAX = 40
NUMBER_CHARACTERS_MAX = 80


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


class Resolution(StrEnum):
    """How a dispute about a claim ended: the claim stands, or it falls."""

    UNSPECIFIED = "unspecified"
    UPHELD = "upheld"
    REJECTED = "rejected"


def title_key(holder: PartyId, work: bytes) -> str:
    """Return the key of the append for "this holder claims this work", `title/<party uuid>/<sha256 hex>`."""
    return f"title/{holder}/{work.hex()}"


def registration_key(register: str, number: str) -> str:
    """Return the key of the append for a number of a register, `registration/<register>/<number>`."""
    return f"registration/{register}/{number}"


@fact("edgeprint.rights.RightsClaimed", stream="G")
class RightsClaimed(Event):
    """The holder states whose the work is, and why: a root of title, contestable by others."""

    holder: A[PartyId, Doc("who claims; one of the owners")]
    work: A[Sha256, Doc("SHA-256 of the work's bytes")]
    root: A[Root, Doc("why the work is theirs")]
    owners: A[
        tuple[Holder, ...],
        Doc("who owns it, by ascending party; their shares add up to 10,000 bp", low=1, high=HOLDERS_MAX),
    ]
    statement: A[Sha256, Doc("SHA-256 of the salted statement document kept in the vault")]

    def keys(self) -> KeyChange:
        """Return the key under which the claim is found by content."""
        return KeyChange(take=(title_key(self.holder, self.work),))


@fact("edgeprint.rights.RightsRegistered", stream="G")
class RightsRegistered(Event):
    """A register of copyright lists the work as the title says (作品登记); a registrar has seen the certificate."""

    register: A[str, Doc("code of the register, such as cn.ccopyright", low=2, high=REGISTER_CHARACTERS_MAX)]
    number: A[str, Doc("registration number as the register writes it", low=2, high=NUMBER_CHARACTERS_MAX)]
    certificate: A[Sha256, Doc("SHA-256 of the certificate, a document in the blob store")]

    def keys(self) -> KeyChange:
        """Return the key by which one number stands on one title, for ever."""
        return KeyChange(take=(registration_key(self.register, self.number),))


@fact("edgeprint.rights.TransferProposed", stream="G")
class TransferProposed(Event):
    """An owner would transfer its share or a part of it; an earlier open proposal of the same owner is void."""

    number: A[int, Doc("number of the transfer on this title, counted from 1", low=1)]
    giver: A[PartyId, Doc("whose share it is")]
    recipient: A[PartyId, Doc("who would get it")]
    share_bp: A[int, Doc("how much of the title, in bp", low=1, high=WHOLE_BP)]
    contract: A[Sha256, Doc("SHA-256 of the salted contract")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


@fact("edgeprint.rights.TransferApproved", stream="G")
class TransferApproved(Event):
    """Another owner agrees to a transfer, by its own signed command (Copyright Law, art. 14)."""

    number: A[int, Doc("number of the transfer", low=1)]
    owner: A[PartyId, Doc("who agrees")]


@fact("edgeprint.rights.TransferAccepted", stream="G")
class TransferAccepted(Event):
    """The recipient takes what is proposed, by its own signed command."""

    number: A[int, Doc("number of the transfer", low=1)]
    recipient: A[PartyId, Doc("who takes it")]


@fact("edgeprint.rights.TransferWithdrawn", stream="G")
class TransferWithdrawn(Event):
    """A proposal is off: its giver took it back, or its recipient does not want it."""

    number: A[int, Doc("number of the transfer", low=1)]
    by: A[PartyId, Doc("who ended it")]


@fact("edgeprint.rights.OwnershipTransferred", stream="G")
class OwnershipTransferred(Event):
    """Everybody who must has signed: the share is the recipient's. Grants of before stand as they are."""

    number: A[int, Doc("number of the transfer", low=1)]
    giver: A[PartyId, Doc("whose share it was")]
    recipient: A[PartyId, Doc("whose share it is")]
    share_bp: A[int, Doc("how much of the title, in bp", low=1, high=WHOLE_BP)]
    contract: A[Sha256, Doc("SHA-256 of the salted contract")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not before the last transfer's")]


@fact("edgeprint.rights.ClaimContested", stream="G")
class ClaimContested(Event):
    """Somebody disputes the claim; until that is resolved nothing new is given under it."""

    number: A[int, Doc("number of the contest on this title, counted from 1", low=1)]
    by: A[PartyId, Doc("who disputes it")]
    grounds: A[Sha256, Doc("SHA-256 of the grounds, a document in the blob store")]


@fact("edgeprint.rights.ClaimResolved", stream="G")
class ClaimResolved(Event):
    """A contest has ended by a judgment, an award or a settlement."""

    number: A[int, Doc("number of the contest", low=1)]
    outcome: A[Resolution, Doc("whether the claim stands or falls")]
    judgment: A[Sha256, Doc("SHA-256 of the judgment, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on the claim stands or falls, UTC; not after the event")]


EVENTS = (
    RightsClaimed,
    RightsRegistered,
    TransferProposed,
    TransferApproved,
    TransferAccepted,
    TransferWithdrawn,
    OwnershipTransferred,
    ClaimContested,
    ClaimResolved,
    *GRANT_EVENTS,
    *LICENCE_EVENTS,
    *SETTLEMENT_EVENTS,
    *VALUATION_EVENTS,
)
