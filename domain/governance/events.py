"""Facts of the governance context: who acts, with which keys, roles and mandates, and by which policies.

Names and addresses never stand here; they live in the vault.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact
from domain.ids import Commitment, EventId, PartyId

VKEY_CHARACTERS_MAX = 300
ACTIONS_MAX = 50
PROJECTS_MAX = 50
DOCUMENT_CHARACTERS_MAX = 50_000


class PartyKind(StrEnum):
    """What a party is."""

    UNSPECIFIED = "unspecified"
    PERSON = "person"
    ORGANISATION = "organisation"
    AGENT = "agent"
    SERVICE = "service"
    DEVICE = "device"


class Role(StrEnum):
    """What a party is there to do; which commands that allows stands in the command reference."""

    UNSPECIFIED = "unspecified"
    REGISTRAR = "registrar"
    OPERATOR = "operator"
    COMPLIANCE_OFFICER = "compliance_officer"
    LICENSOR = "licensor"
    AUDITOR = "auditor"
    CLERK = "clerk"
    ADMIN = "admin"


class KeyEnd(StrEnum):
    """Why a key signs no more."""

    UNSPECIFIED = "unspecified"
    ROTATED = "rotated"
    LOST = "lost"
    COMPROMISED = "compromised"
    LEFT = "left"


class OpeningPurpose(StrEnum):
    """What a committed value is opened for."""

    UNSPECIFIED = "unspecified"
    AUDIT = "audit"
    COURT = "court"
    SUBJECT_REQUEST = "subject_request"
    OPERATION = "operation"


def signing_key(vkey: str) -> str:
    """Return the key of the append for a public key, `signing-key/<base64 of type and key>`: one party, for ever."""
    return f"signing-key/{vkey.split('+', 2)[-1]}"


def policy_key(name: str) -> str:
    """Return the key of the append for the policies of one name, `policy/<name>`: one stream, one active version."""
    return f"policy/{name}"


@fact("edgeprint.governance.PartyEnrolled", stream="P")
class PartyEnrolled(Event):
    """A party may act and hold from here on; the stream's id is the party's."""

    kind: A[PartyKind, Doc("what the party is")]


@fact("edgeprint.governance.KeyBound", stream="P")
class KeyBound(Event):
    """What this key signs, the party has signed; that the party holds it was proved by a signature."""

    key: A[
        str,
        Doc(
            "Ed25519 verifier key in C2SP vkey form (type 01), named by the party's identifier",
            low=60,
            high=VKEY_CHARACTERS_MAX,
        ),
    ]

    def keys(self) -> KeyChange:
        """Return the key by which no second party can bind the same public key, not even after its withdrawal."""
        return KeyChange(take=(signing_key(self.key),))


@fact("edgeprint.governance.KeyWithdrawn", stream="P")
class KeyWithdrawn(Event):
    """From here on the key signs nothing; what it signed before stands."""

    key: A[str, Doc("the key, as it was bound", low=60, high=VKEY_CHARACTERS_MAX)]
    reason: A[KeyEnd, Doc("why")]


@fact("edgeprint.governance.RoleAssigned", stream="P")
class RoleAssigned(Event):
    """The party may do what the role may."""

    role: A[Role, Doc("which role")]


@fact("edgeprint.governance.RoleWithdrawn", stream="P")
class RoleWithdrawn(Event):
    """The party may no longer do what the role may."""

    role: A[Role, Doc("which role")]


@fact("edgeprint.governance.MandateGranted", stream="P")
class MandateGranted(Event):
    """This party may act for a principal within these limits; what is left to humans stays theirs."""

    principal: A[PartyId, Doc("for whom it may act, whose roles it needs then")]
    actions: A[tuple[str, ...], Doc("names of commands, sorted", low=1, high=ACTIONS_MAX)]
    projects: A[tuple[str, ...], Doc("project codes, sorted; none: whatever the project", high=PROJECTS_MAX)]
    currency: A[str | None, Doc("ISO 4217 code of the amount; null: no amount may be moved", low=3, high=3)]
    amount_minor_max: A[int | None, Doc("largest amount of one command, in minor units of the currency", low=0)]
    until: A[datetime, Doc("first instant at which it no longer holds, UTC")]


@fact("edgeprint.governance.MandateRevoked", stream="P")
class MandateRevoked(Event):
    """The mandate holds no longer; what was done under it stands."""

    mandate: A[int, Doc("stream version of the MandateGranted", low=2)]


@fact("edgeprint.governance.MembershipDeclared", stream="P")
class MembershipDeclared(Event):
    """The party belongs to a data community and accepts its rules."""

    community: A[str, Doc("registered code of the community, such as cn.film-heritage", low=3, high=80)]
    statement: A[Sha256 | None, Doc("SHA-256 of the signed declaration kept in the blob store; null if there is none")]


@fact("edgeprint.governance.ParticularsDeclared", stream="P")
class ParticularsDeclared(Event):
    """Who a party is in the world: commitments alone, the values lie in the vault under the party's own key."""

    name: A[Commitment | None, Doc("commitment to its name; null if not given")]
    address: A[Commitment | None, Doc("commitment to its address; null if not given")]
    contact: A[Commitment | None, Doc("commitment to how it is reached; null if not given")]


@fact("edgeprint.governance.FieldOpened", stream="P")
class FieldOpened(Event):
    """Somebody was shown a committed value of this subject; recorded before it is shown."""

    event: A[EventId, Doc("the event that commits to the value")]
    path: A[str, Doc("the field's place in that event", low=1, high=200)]
    purpose: A[OpeningPurpose, Doc("what it was opened for")]


@fact("edgeprint.governance.LegalHoldPlaced", stream="P")
class LegalHoldPlaced(Event):
    """Nothing of this subject may be erased until the hold is lifted."""

    matter: A[str, Doc("reference of the matter, as the court writes it; no names", low=1, high=120)]


@fact("edgeprint.governance.LegalHoldLifted", stream="P")
class LegalHoldLifted(Event):
    """The hold binds no longer."""

    hold: A[int, Doc("stream version of the LegalHoldPlaced", low=2)]


@fact("edgeprint.governance.SubjectErased", stream="P")
class SubjectErased(Event):
    """The subject's secrets are to be destroyed; final. Commitments, leaves, roots and proofs stay as they are."""

    request: A[Sha256 | None, Doc("SHA-256 of the subject's request, a document in the blob store; null if none")]


@fact("edgeprint.governance.ErasureCompleted", stream="P")
class ErasureCompleted(Event):
    """The subject's key and every value under it are destroyed, and the key that wrapped it is replaced."""

    values: A[int, Doc("how many values and documents were destroyed", low=0)]


@fact("edgeprint.governance.PolicyDrafted", stream="K")
class PolicyDrafted(Event):
    """A version of a policy is proposed; it decides nothing yet."""

    name: A[str, Doc("which policy", low=1, high=60)]
    version: A[int, Doc("version of the policy, counted from 1", low=1)]
    document: A[str, Doc("the policy as RFC 8785 JSON", low=2, high=DOCUMENT_CHARACTERS_MAX)]

    def keys(self) -> KeyChange:
        """Return the name's key, taken by the first version: every policy of a name is in one stream."""
        return KeyChange(take=(policy_key(self.name),)) if self.version == 1 else KeyChange()


@fact("edgeprint.governance.PolicyApproved", stream="K")
class PolicyApproved(Event):
    """A human has read this version and stands for it."""

    version: A[int, Doc("version of the policy", low=1)]
    document_sha256: A[Sha256, Doc("SHA-256 of the document that was read")]


@fact("edgeprint.governance.PolicyActivated", stream="K")
class PolicyActivated(Event):
    """From here on this version decides; its leaf hash stands in the envelope of every decision made by it."""

    version: A[int, Doc("version of the policy", low=1)]


EVENTS = (
    PartyEnrolled,
    KeyBound,
    KeyWithdrawn,
    RoleAssigned,
    RoleWithdrawn,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    ParticularsDeclared,
    FieldOpened,
    LegalHoldPlaced,
    LegalHoldLifted,
    SubjectErased,
    ErasureCompleted,
    PolicyDrafted,
    PolicyApproved,
    PolicyActivated,
)
