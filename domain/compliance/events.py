"""Facts of the compliance context: an infringement, from the sighting to the judgment.

Where something was seen, to whom a notice went and under which docket a court has it are secrets: commitments stand
here, the values lie in the vault. Documents go by the SHA-256 under which they lie in the blob store.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, Sha256, fact, value
from domain.ids import Commitment, ObjectId, PartyId, TitleId

OBJECTS_MAX = 100
BASIS_POINTS = 10_000


class MatchMethod(StrEnum):
    """By what it was found that something is one of our objects, or made of it."""

    UNSPECIFIED = "unspecified"
    SAME_BYTES = "same_bytes"
    FINGERPRINT = "fingerprint"
    WATERMARK = "watermark"
    LABEL = "label"
    COMPARISON = "comparison"


class DismissalReason(StrEnum):
    """Why a sighting is no infringement."""

    UNSPECIFIED = "unspecified"
    OTHER_WORK = "other_work"
    LICENSED = "licensed"
    LAWFUL_USE = "lawful_use"
    NOT_OURS = "not_ours"
    GONE = "gone"


class NecessaryMeasure(StrEnum):
    """A necessary measure (必要措施) of Civil Code art. 1195."""

    UNSPECIFIED = "unspecified"
    DELETED = "deleted"
    BLOCKED = "blocked"
    LINK_CUT = "link_cut"
    SERVICE_STOPPED = "service_stopped"


class Forum(StrEnum):
    """Where a right holder complains or sues."""

    UNSPECIFIED = "unspecified"
    COURT = "court"
    AUTHORITY = "authority"


class EndGround(StrEnum):
    """Why measures end: nobody complained or sued in time, it was decided so, or the claimant gives them up."""

    UNSPECIFIED = "unspecified"
    PERIOD_PASSED = "period_passed"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """What a court, an authority or the parties have decided; a wrongful notice is Civil Code art. 1195 par. 3."""

    UNSPECIFIED = "unspecified"
    UPHELD = "upheld"
    DISMISSED = "dismissed"
    SETTLED = "settled"
    WRONGFUL_NOTICE = "wrongful_notice"


class CloseReason(StrEnum):
    """Why nothing more follows."""

    UNSPECIFIED = "unspecified"
    DECIDED = "decided"
    MEASURES_ENDED = "measures_ended"
    WITHDRAWN = "withdrawn"


@value
class Concerned:
    """One of our objects that was seen, with the bytes that it was born with."""

    object: A[ObjectId, Doc("which object")]
    content: A[Sha256, Doc("SHA-256 of its first bytes; a title rests on them")]


@fact("edgeprint.compliance.SightingReported", stream="F")
class SightingReported(Event):
    """Somebody says that objects of ours were seen where they should not be; nobody has looked yet."""

    reporter: A[PartyId, Doc("who has seen it")]
    reported_for: A[PartyId | None, Doc("for whom the reporter acts; null if in its own name")]
    objects: A[tuple[Concerned, ...], Doc("what was seen, sorted by object", low=1, high=OBJECTS_MAX)]
    place: A[Commitment, Doc("commitment to where: a URL, or a place in words")]
    platform: A[PartyId | None, Doc("whose service it is on; null if that is no party of this ledger")]
    capture: A[Sha256, Doc("SHA-256 of what was captured there, a document in the blob store")]
    seen_at: A[datetime, Doc("when it was captured, UTC")]


@fact("edgeprint.compliance.MatchConfirmed", stream="F")
class MatchConfirmed(Event):
    """A human who did not report it has compared: it is what the sighting says."""

    officer: A[PartyId, Doc("who compared")]
    method: A[MatchMethod, Doc("by what")]
    score_bp: A[int | None, Doc("similarity in basis points; null where the method has none", low=0, high=BASIS_POINTS)]
    evidence: A[Sha256, Doc("SHA-256 of the comparison, a document in the blob store")]


@fact("edgeprint.compliance.MatchDismissed", stream="F")
class MatchDismissed(Event):
    """A human who did not report it has compared: there is no infringement. Final."""

    officer: A[PartyId, Doc("who compared")]
    reason: A[DismissalReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


@fact("edgeprint.compliance.CaseOpened", stream="F")
class CaseOpened(Event):
    """A right holder stands up for the work; what was seen is a case from here on."""

    claimant: A[PartyId, Doc("whose right it is")]
    title: A[TitleId, Doc("the title that it rests on")]
    respondent: A[PartyId | None, Doc("against whom; null while that is unknown")]
    hold: A[int | None, Doc("stream version of the legal hold on the respondent; null without one", low=2)]


@fact("edgeprint.compliance.NoticeSent", stream="F")
class NoticeSent(Event):
    """The right holder has asked the platform for necessary measures."""

    platform: A[PartyId | None, Doc("the platform; null if it is no party of this ledger")]
    addressee: A[Commitment | None, Doc("commitment to who it went to; null where `platform` says it")]
    identity: A[Sha256, Doc("commitment to the right holder's true name, as it stands in their ParticularsDeclared")]
    evidence: A[Sha256, Doc("SHA-256 of the preliminary evidence, a document in the blob store")]
    document: A[Sha256, Doc("SHA-256 of the notice, a document in the blob store")]
    sent_at: A[datetime, Doc("when it was sent, UTC")]


@fact("edgeprint.compliance.TakedownConfirmed", stream="F")
class TakedownConfirmed(Event):
    """The platform has taken measures; they stand until they are ended."""

    confirmed_by: A[PartyId, Doc("who says so")]
    measures: A[tuple[NecessaryMeasure, ...], Doc("which, sorted", low=1, high=4)]
    document: A[Sha256, Doc("SHA-256 of what shows it, a document in the blob store")]
    taken_at: A[datetime, Doc("when they were taken, UTC")]


@fact("edgeprint.compliance.CounterNoticeReceived", stream="F")
class CounterNoticeReceived(Event):
    """The user declares that there is no infringement."""

    respondent: A[PartyId, Doc("who declares it")]
    identity: A[Sha256, Doc("commitment to the user's true name, as it stands in their ParticularsDeclared")]
    evidence: A[Sha256, Doc("SHA-256 of the preliminary evidence, a document in the blob store")]
    document: A[Sha256, Doc("SHA-256 of the declaration, a document in the blob store")]
    received_at: A[datetime, Doc("when the platform received it, UTC")]


@fact("edgeprint.compliance.CounterNoticeForwarded", stream="F")
class CounterNoticeForwarded(Event):
    """The declaration has reached the right holder: the reasonable period runs."""

    document: A[Sha256, Doc("SHA-256 of what shows the arrival, a document in the blob store")]
    arrived_at: A[datetime, Doc("when it reached the right holder, UTC")]
    period_days: A[int, Doc("days of the reasonable period, by the policy in the envelope", low=1)]
    ends_at: A[datetime, Doc("first instant behind the period, UTC")]


@fact("edgeprint.compliance.CaseReferred", stream="F")
class CaseReferred(Event):
    """It is before a court or an authority; if the claimant filed in time, the measures stay."""

    filed_by: A[PartyId, Doc("who complained or sued: the claimant or the respondent")]
    forum: A[Forum, Doc("where")]
    docket: A[Commitment, Doc("commitment to the number under which it is kept there")]
    document: A[Sha256, Doc("SHA-256 of what shows the filing, a document in the blob store")]
    filed_at: A[datetime, Doc("when it was filed, UTC")]
    notified_at: A[datetime, Doc("when the platform was told, UTC")]


@fact("edgeprint.compliance.MeasuresEnded", stream="F")
class MeasuresEnded(Event):
    """The measures stand no longer."""

    ground: A[EndGround, Doc("why")]
    document: A[Sha256 | None, Doc("SHA-256 of what shows it, a document in the blob store; null if there is none")]
    ended_at: A[datetime, Doc("when they were ended, UTC")]


@fact("edgeprint.compliance.JudgmentRecorded", stream="F")
class JudgmentRecorded(Event):
    """It was decided."""

    outcome: A[Outcome, Doc("how")]
    document: A[Sha256, Doc("SHA-256 of the judgment, decision or settlement, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on it binds, UTC")]


@fact("edgeprint.compliance.CaseClosed", stream="F")
class CaseClosed(Event):
    """Nothing more follows; final."""

    reason: A[CloseReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


EVENTS = (
    SightingReported,
    MatchConfirmed,
    MatchDismissed,
    CaseOpened,
    NoticeSent,
    TakedownConfirmed,
    CounterNoticeReceived,
    CounterNoticeForwarded,
    CaseReferred,
    MeasuresEnded,
    JudgmentRecorded,
    CaseClosed,
)
