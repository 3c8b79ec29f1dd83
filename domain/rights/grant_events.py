"""Facts of grants: who passes on which part of a title, and how that part is kept apart from its siblings.

A grant is the stream of one link of a chain. What relates siblings, exclusivity and quota, is written to the stream of
the giver, a title or the parent grant, in the same append: so two givers of one right meet in one stream.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, Sha256, fact
from domain.ids import PartyId, RightsGrantId, StreamId, TitleId
from domain.rights.scope_terms import ScopeTerms
from domain.rights.settlement import HOLDERS_MAX, WHOLE_BP

QUOTA_MAX = 1_000_000_000
CHAIN_GRANTS_MAX = 19
"""Most grants above a grant; with the title they are 20 links."""


class GrantKind(StrEnum):
    """What is given: a right of use, or a person's consent, which that person can always take back (PIPL, art. 15)."""

    UNSPECIFIED = "unspecified"
    GRANT = "grant"
    CONSENT = "consent"


class AllocationKind(StrEnum):
    """Who else may use what is given, from the least to the most exclusive.

    Ordinary (普通): whoever the giver allows. Sole (排他): the giver, and nobody else. Exclusive (独占): nobody else.
    """

    UNSPECIFIED = "unspecified"
    ORDINARY = "ordinary"
    SOLE = "sole"
    EXCLUSIVE = "exclusive"


class RevocationReason(StrEnum):
    """Why a grant ends before its window does."""

    UNSPECIFIED = "unspecified"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    AGREEMENT = "agreement"
    BREACH = "breach"
    JUDGMENT = "judgment"


class ReleaseReason(StrEnum):
    """Why an allocation is free again."""

    UNSPECIFIED = "unspecified"
    DECLINED = "declined"
    REVOKED = "revoked"


@fact("edgeprint.rights.GrantRecorded", stream="R")
class GrantRecorded(Event):
    """A grant or a consent is offered; it binds once everybody named has signed."""

    kind: A[GrantKind, Doc("a right of use, or a person's consent")]
    title: A[TitleId, Doc("the title from which it comes")]
    chain: A[
        tuple[RightsGrantId, ...],
        Doc("the grants between title and this one, the topmost first; none: given by an owner", high=CHAIN_GRANTS_MAX),
    ]
    grantor: A[PartyId, Doc("who gives: an owner of the title, or the grantee of the last of the chain")]
    grantee: A[PartyId, Doc("who gets it")]
    scope: A[ScopeTerms, Doc("what is allowed")]
    allocation: A[AllocationKind, Doc("who else may use it")]
    quota: A[int | None, Doc("how many units may be passed on; null: any number", low=1, high=QUOTA_MAX)]
    share_bp: A[
        int | None,
        Doc("what of the proceeds flows back over this link, in bp; null: no share", low=1, high=WHOLE_BP),
    ]
    terms: A[Sha256, Doc("SHA-256 of the salted contract")]
    approvals: A[
        tuple[PartyId, ...],
        Doc("owners of the title who must sign besides the grantor, by ascending identifier", high=HOLDERS_MAX),
    ]


@fact("edgeprint.rights.GrantApproved", stream="R")
class GrantApproved(Event):
    """A co-owner of the title agrees to the grant, by its own signed command (Copyright Law, art. 14)."""

    owner: A[PartyId, Doc("who agrees")]


@fact("edgeprint.rights.GrantAccepted", stream="R")
class GrantAccepted(Event):
    """The grantee takes the grant with its duties, by its own signed command."""


@fact("edgeprint.rights.GrantDeclined", stream="R")
class GrantDeclined(Event):
    """Somebody who would have to sign does not; final."""

    by: A[PartyId, Doc("the grantee, or a co-owner whose approval was missing")]


@fact("edgeprint.rights.GrantRevoked", stream="R")
class GrantRevoked(Event):
    """The grant ends, and with it everything that hangs below it; nothing is written there."""

    by: A[PartyId, Doc("who revoked it")]
    reason: A[RevocationReason, Doc("why")]
    basis: A[Sha256 | None, Doc("SHA-256 of the reasons, a document in the blob store; null: a consent is taken back")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


@fact("edgeprint.rights.GrantReinstated", stream="R")
class GrantReinstated(Event):
    """The grant stands again, as it was given."""

    by: A[PartyId, Doc("who reinstated it")]
    basis: A[Sha256 | None, Doc("SHA-256 of the reasons, a document in the blob store; null: a consent is given again")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


@fact("edgeprint.rights.ScopeAllocated", stream="G")
class ScopeAllocated(Event):
    """A part of the title is promised to a grant or a licence."""

    child: A[StreamId, Doc("the grant or the licence to which it is promised")]
    kind: A[AllocationKind, Doc("who else may use it")]
    scope: A[ScopeTerms, Doc("which part")]
    quota: A[int | None, Doc("units taken from the giver's quota; null: it has none", low=1, high=QUOTA_MAX)]


@fact("edgeprint.rights.ScopeReleased", stream="G")
class ScopeReleased(Event):
    """What was promised is free again, its units too, but for those that were used."""

    child: A[StreamId, Doc("the grant or the licence to which it was promised")]
    reason: A[ReleaseReason, Doc("why")]
    used: A[
        int | None,
        Doc("units of a licence that were used and do not come back; null: none", low=1, high=QUOTA_MAX),
    ] = None


@fact("edgeprint.rights.SubscopeAllocated", stream="R")
class SubscopeAllocated(ScopeAllocated):
    """A part of a grant is promised to a grant below it, or to a licence under it."""


@fact("edgeprint.rights.SubscopeReleased", stream="R")
class SubscopeReleased(ScopeReleased):
    """What was promised below is free again, its units too, but for those that were used."""


GRANT_EVENTS = (
    GrantRecorded,
    GrantApproved,
    GrantAccepted,
    GrantDeclined,
    GrantRevoked,
    GrantReinstated,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
