"""The commands on infringements."""

from datetime import datetime
from typing import Annotated as A

from domain.command import Command, command
from domain.compliance.events import (
    BASIS_POINTS,
    OBJECTS_MAX,
    CloseReason,
    DismissalReason,
    EndGround,
    Forum,
    MatchMethod,
    NecessaryMeasure,
    Outcome,
)
from domain.events import Doc, Sha256
from domain.ids import Commitment, InfringementId, ObjectId, PartyId, TitleId


@command("report-sighting")
class ReportSighting(Command):
    """Report that objects of this ledger were seen where they should not be."""

    objects: A[tuple[ObjectId, ...], Doc("what was seen", low=1, high=OBJECTS_MAX)]
    place: A[Commitment, Doc("where: a URL, or a place in words, a secret")]
    platform: A[PartyId | None, Doc("whose service it is on, if that is a party of this ledger")] = None
    capture: A[Sha256, Doc("SHA-256 of what was captured there, a document in the blob store")]
    seen_at: A[datetime, Doc("when it was captured, UTC")]


@command("confirm-match")
class ConfirmMatch(Command):
    """State, as a human who did not report it, that it is what the sighting says."""

    case: A[InfringementId, Doc("which sighting")]
    method: A[MatchMethod, Doc("by what")]
    score_bp: A[int | None, Doc("similarity in basis points", low=0, high=BASIS_POINTS)] = None
    evidence: A[Sha256, Doc("SHA-256 of the comparison, a document in the blob store")]


@command("dismiss-match")
class DismissMatch(Command):
    """State, as a human who did not report it, that there is no infringement; final."""

    case: A[InfringementId, Doc("which sighting")]
    reason: A[DismissalReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]


@command("open-case")
class OpenCase(Command):
    """Open a case for the holder of the title; a legal hold stands on a respondent who is named."""

    case: A[InfringementId, Doc("which confirmed sighting")]
    claimant: A[PartyId, Doc("whose right it is")]
    title: A[TitleId, Doc("the claimant's title on one of the objects")]
    respondent: A[PartyId | None, Doc("against whom, if known")] = None
    hold: A[int | None, Doc("number of the legal hold on the respondent: its stream version", low=2)] = None


@command("send-notice")
class SendNotice(Command):
    """Record the notice to the platform: preliminary evidence, and the right holder's true name declared before."""

    case: A[InfringementId, Doc("which case")]
    claimant: A[PartyId, Doc("in whose name")]
    platform: A[PartyId | None, Doc("to whom, if it is a party of this ledger")] = None
    addressee: A[Commitment | None, Doc("to whom, if it is none: a name, a secret")] = None
    evidence: A[Sha256, Doc("SHA-256 of the preliminary evidence, a document in the blob store")]
    document: A[Sha256, Doc("SHA-256 of the notice, a document in the blob store")]
    sent_at: A[datetime, Doc("when it was sent, UTC")]


@command("confirm-takedown")
class ConfirmTakedown(Command):
    """Confirm the measures that the platform has taken."""

    case: A[InfringementId, Doc("which case")]
    platform: A[PartyId | None, Doc("the platform, if it is a party of this ledger")] = None
    measures: A[tuple[NecessaryMeasure, ...], Doc("which", low=1, high=4)]
    document: A[Sha256, Doc("SHA-256 of what shows it, a document in the blob store")]
    taken_at: A[datetime, Doc("when they were taken, UTC")]


@command("record-counter-notice")
class RecordCounterNotice(Command):
    """Record the user's declaration: preliminary evidence, and the user's true name declared before."""

    case: A[InfringementId, Doc("which case")]
    respondent: A[PartyId, Doc("who declares it")]
    evidence: A[Sha256, Doc("SHA-256 of the preliminary evidence, a document in the blob store")]
    document: A[Sha256, Doc("SHA-256 of the declaration, a document in the blob store")]
    received_at: A[datetime, Doc("when the platform received it, UTC")]


@command("forward-counter-notice")
class ForwardCounterNotice(Command):
    """Record that the declaration has reached the right holder; given by the platform, an officer or a clerk."""

    case: A[InfringementId, Doc("which case")]
    document: A[Sha256, Doc("SHA-256 of what shows the arrival, a document in the blob store")]
    arrived_at: A[datetime, Doc("when it reached the right holder, UTC")]


@command("refer-case")
class ReferCase(Command):
    """Record that the claimant or the respondent has complained or sued, and that the platform was told."""

    case: A[InfringementId, Doc("which case")]
    filed_by: A[PartyId, Doc("who complained or sued")]
    forum: A[Forum, Doc("where")]
    docket: A[Commitment, Doc("the number under which it is kept there, a secret")]
    document: A[Sha256, Doc("SHA-256 of what shows the filing, a document in the blob store")]
    filed_at: A[datetime, Doc("when it was filed, UTC")]
    notified_at: A[datetime, Doc("when the platform was told, UTC")]


@command("end-measures")
class EndMeasures(Command):
    """End the measures when that is due, as platform, officer or clerk; the claimant gives them up at any time."""

    case: A[InfringementId, Doc("which case")]
    ground: A[EndGround, Doc("why")]
    document: A[Sha256 | None, Doc("SHA-256 of what shows it, a document in the blob store")] = None
    ended_at: A[datetime, Doc("when they were ended, UTC")]


@command("record-judgment")
class RecordJudgment(Command):
    """Record what a court, an authority or the parties have decided."""

    case: A[InfringementId, Doc("which case")]
    outcome: A[Outcome, Doc("how")]
    document: A[Sha256, Doc("SHA-256 of the judgment, decision or settlement, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on it binds, UTC")]


@command("close-case")
class CloseCase(Command):
    """Close the case, as claimant or clerk; final."""

    case: A[InfringementId, Doc("which case")]
    reason: A[CloseReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]
