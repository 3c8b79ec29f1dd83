"""Facts of licences: what is offered and for what, who asked, why it was refused, what was issued and how it stands.

A licence is sold under a title or a grant, for objects of this ledger, to a licensee whose key the token is bound to.
One stream is one licence: the offer, one request after another, and what became of it. What an issued licence takes of
the giver's right is an allocation in the giver's stream, in the same append. What it costs is a secret: a commitment
stands here, the value lies in the vault.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, Sha256, fact
from domain.governance.events import VKEY_CHARACTERS_MAX
from domain.ids import Commitment, ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.grant_events import QUOTA_MAX, AllocationKind
from domain.rights.scope_terms import ScopeTerms

OBJECTS_MAX = 100
RESTS_MAX = 1_000
CLAUSE_CHARACTERS_MAX = 2_000


class LicenceReason(StrEnum):
    """Why a licence is suspended or revoked."""

    UNSPECIFIED = "unspecified"
    BREACH = "breach"
    UNPAID = "unpaid"
    GRANT_ENDED = "grant_ended"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    AGREEMENT = "agreement"
    JUDGMENT = "judgment"


@fact("edgeprint.rights.LicenceOffered", stream="L")
class LicenceOffered(Event):
    """A licensor offers a use of objects; whoever asks may be refused."""

    licensor: A[PartyId, Doc("who offers: an owner of the title, or the grantee of the grant")]
    objects: A[tuple[ObjectId, ...], Doc("what may be used, ascending", low=1, high=OBJECTS_MAX)]
    title: A[TitleId | None, Doc("the licensor's title on them; null if it acts under a grant")]
    grant: A[RightsGrantId | None, Doc("the licensor's grant; null if it owns the title")]
    scope: A[ScopeTerms, Doc("the widest use that is offered")]
    allocation: A[AllocationKind, Doc("who else may use them")]
    quota: A[int | None, Doc("how many units may be used; null: any number", low=1, high=QUOTA_MAX)]
    price: A[Commitment | None, Doc("commitment to the price; null where it is free")]
    currency: A[str | None, Doc("ISO 4217 code of the price; null where it is free", low=3, high=3)]
    terms: A[Sha256, Doc("SHA-256 of the salted contract")]
    until: A[datetime, Doc("first instant at which the offer stands no longer, UTC")]


@fact("edgeprint.rights.LicenceRequested", stream="L")
class LicenceRequested(Event):
    """Somebody asks for what is offered, or for less."""

    licensee: A[PartyId, Doc("who asks")]
    key: A[str, Doc("vkey of the licensee to which the token will be bound", low=60, high=VKEY_CHARACTERS_MAX)]
    scope: A[ScopeTerms, Doc("the use that is asked for")]


@fact("edgeprint.rights.LicenceRefused", stream="L")
class LicenceRefused(Event):
    """The request cannot be granted: what the objects are made of does not allow it, or the licensor does not want."""

    clause: A[str, Doc("what does not allow it", low=1, high=CLAUSE_CHARACTERS_MAX)]
    component: A[str | None, Doc("component of the scope that fails; null where it is none", low=1, high=40)]
    object: A[ObjectId | None, Doc("the object of the derivation that limits it; null where it is none")]
    position: A[
        int | None,
        Doc("ledger index up to which the derivation was looked at; null where the licensor does not want", low=0),
    ]


@fact("edgeprint.rights.LicenceIssued", stream="L")
class LicenceIssued(Event):
    """The licensee may use the objects within the scope; the token says so to third parties."""

    licensee: A[PartyId, Doc("who may use them")]
    key: A[str, Doc("vkey to which the token is bound", low=60, high=VKEY_CHARACTERS_MAX)]
    scope: A[ScopeTerms, Doc("the use that is allowed; within what the objects are made of allows")]
    rests_on: A[tuple[RightsGrantId, ...], Doc("grants of the whole derivation, ascending; guarded", high=RESTS_MAX)]
    position: A[int, Doc("ledger index up to which the derivation was looked at", low=0)]
    plan: A[Sha256, Doc("SHA-256 of the settlement plan, RFC 8785, in the blob store")]
    price: A[Commitment | None, Doc("commitment to the price that was agreed; null where it is free")]
    currency: A[str | None, Doc("ISO 4217 code of the price; null where it is free", low=3, high=3)]
    token: A[Sha256, Doc("SHA-256 of the token's issuer-signed JWT (RFC 9901), without disclosures")]


@fact("edgeprint.rights.UsageReported", stream="L")
class UsageReported(Event):
    """The licensee says what it has used."""

    since: A[datetime, Doc("first instant of the period, UTC")]
    until: A[datetime, Doc("first instant after it, UTC; not after the event")]
    units: A[int, Doc("how many units were used in it", low=0, high=QUOTA_MAX)]
    evidence: A[Sha256, Doc("SHA-256 of the account of it, a document in the blob store")]


@fact("edgeprint.rights.LicenceSuspended", stream="L")
class LicenceSuspended(Event):
    """The licence rests; what was used before was lawful."""

    reason: A[LicenceReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


@fact("edgeprint.rights.LicenceResumed", stream="L")
class LicenceResumed(Event):
    """The licence stands again."""

    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


@fact("edgeprint.rights.LicenceRevoked", stream="L")
class LicenceRevoked(Event):
    """The licence has ended before its window does; final."""

    reason: A[LicenceReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after the event")]


LICENCE_EVENTS = (
    LicenceOffered,
    LicenceRequested,
    LicenceRefused,
    LicenceIssued,
    UsageReported,
    LicenceSuspended,
    LicenceResumed,
    LicenceRevoked,
)
