"""What may follow what in an infringement case, and who may do it; what was judged elsewhere comes in as `Facts`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from domain.command import Command, require_document
from domain.compliance.commands import (
    CloseCase,
    ConfirmMatch,
    ConfirmTakedown,
    DismissMatch,
    EndMeasures,
    ForwardCounterNotice,
    OpenCase,
    RecordCounterNotice,
    RecordJudgment,
    ReferCase,
    ReportSighting,
    SendNotice,
)
from domain.compliance.events import (
    CaseClosed,
    CaseOpened,
    CaseReferred,
    CloseReason,
    Concerned,
    CounterNoticeForwarded,
    CounterNoticeReceived,
    EndGround,
    JudgmentRecorded,
    MatchConfirmed,
    MatchDismissed,
    MeasuresEnded,
    NoticeSent,
    Outcome,
    SightingReported,
    TakedownConfirmed,
)
from domain.compliance.infringement import LOST, Duty, Infringement, InfringementEvent, deadlines, documents_of, due
from domain.compliance.period import period_end
from domain.errors import Rejected
from domain.events import Sha256
from domain.governance.events import Role
from domain.governance.party import Party
from domain.ids import InfringementId, ObjectId, PartyId

STEPS_MAX: Final = 200
"""Steps of one case: notices and referrals may be repeated, but not for ever."""


@dataclass(frozen=True, slots=True)
class Held:
    """A title as it stands: who holds it, on which bytes."""

    holders: frozenset[PartyId]
    work: Sha256


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: who acts for whom with which roles, when, and what else the command rests on.

    `documents` lie in the blob store; `contents` are the first bytes of the objects that are known here; `parties` are
    those that the command names; `title` is None where there is none; `period_days` is the policy's.
    """

    case: InfringementId
    actor: PartyId
    who: PartyId
    roles: frozenset[Role]
    now: datetime
    documents: frozenset[Sha256] = frozenset()
    contents: Mapping[ObjectId, Sha256] = field(default_factory=dict)
    parties: Mapping[PartyId, Party] = field(default_factory=dict)
    title: Held | None = None
    period_days: int = 0


def decide(state: Infringement, command: Command, facts: Facts) -> tuple[InfringementEvent, ...]:
    """Return the event of `command`.

    Raises:
        Rejected: there is no such case, it is over, or the command's own rule says no.
    """
    name = type(command).__name__
    if isinstance(command, ReportSighting):
        if state.sighting is not None:
            raise Rejected(f"{name} refused: the sighting is reported already")
        return (_checked(name, _report(command, facts), facts),)
    if state.sighting is None:
        raise Rejected(f"{name} refused: {facts.case} is not a case of this ledger")
    if state.over:
        raise Rejected(f"{name} refused: the case is {state.status}")
    if state.opened is None and not isinstance(command, BEFORE_OPENING):
        raise Rejected(f"{name} refused: expected an opened case, found one that is {state.status}")
    if len(state.steps) >= STEPS_MAX and not isinstance(command, CloseCase):
        raise Rejected(f"{name} refused: expected at most {STEPS_MAX} steps of a case")
    rule: Callable[[Infringement, Any, Facts], InfringementEvent] = _RULES[type(command)]
    return (_checked(name, rule(state, command, facts), facts),)


def _checked(name: str, event: InfringementEvent, facts: Facts) -> InfringementEvent:
    """Return the event if every document that it names is here."""
    for document in documents_of(event):
        require_document(name, document, facts.documents)
    return event


def _report(command: ReportSighting, facts: Facts) -> SightingReported:
    _require_instant("ReportSighting", "seen_at", command.seen_at, None, facts.now)
    unknown = [one for one in command.objects if one not in facts.contents]
    if unknown:
        raise Rejected(f"ReportSighting refused: expected objects of this ledger, found {unknown[0]}")
    _require_party("ReportSighting", "platform", command.platform, facts)
    return SightingReported(
        reporter=facts.actor,
        reported_for=None if facts.who == facts.actor else facts.who,
        objects=tuple(Concerned(object=one, content=facts.contents[one]) for one in sorted(set(command.objects))),
        place=command.place,
        platform=command.platform,
        capture=command.capture,
        seen_at=command.seen_at,
    )


def _confirm(state: Infringement, command: ConfirmMatch, facts: Facts) -> MatchConfirmed:
    _require_second_eye("ConfirmMatch", state, facts)
    return MatchConfirmed(
        officer=facts.actor, method=command.method, score_bp=command.score_bp, evidence=command.evidence
    )


def _dismiss(state: Infringement, command: DismissMatch, facts: Facts) -> MatchDismissed:
    _require_second_eye("DismissMatch", state, facts)
    return MatchDismissed(officer=facts.actor, reason=command.reason, statement=command.statement)


def _require_second_eye(name: str, state: Infringement, facts: Facts) -> None:
    if state.match is not None:
        raise Rejected(f"{name} refused: the match is confirmed already")
    seen = state.sighting
    if seen is not None and {facts.actor, facts.who} & {seen.reporter, seen.reported_for}:
        raise Rejected(f"{name} refused: who reports a sighting does not judge it; expected another officer")


def _open(state: Infringement, command: OpenCase, facts: Facts) -> CaseOpened:
    if state.opened is not None:
        raise Rejected("OpenCase refused: the case is opened already")
    if state.match is None or state.sighting is None:
        raise Rejected("OpenCase refused: expected a confirmed match, found a sighting that nobody has judged")
    if facts.title is None or command.claimant not in facts.title.holders:
        raise Rejected(f"OpenCase refused: expected a title of {command.claimant}, found none under {command.title}")
    if facts.title.work not in {one.content for one in state.sighting.objects}:
        raise Rejected("OpenCase refused: expected a title on one of the objects that were seen")
    if (command.respondent is None) != (command.hold is None):
        raise Rejected("OpenCase refused: expected a respondent and the legal hold on it together, found one of them")
    if command.respondent == command.claimant:
        raise Rejected("OpenCase refused: expected a respondent other than the claimant")
    if command.respondent is not None:
        _require_party("OpenCase", "respondent", command.respondent, facts)
        if command.hold not in facts.parties[command.respondent].holds:
            raise Rejected(f"OpenCase refused: the respondent has no legal hold {command.hold} that binds")
    return CaseOpened(claimant=command.claimant, title=command.title, respondent=command.respondent, hold=command.hold)


def _notice(state: Infringement, command: SendNotice, facts: Facts) -> NoticeSent:
    if state.takedown is not None:
        raise Rejected("SendNotice refused: measures were taken already")
    if state.outcome is not Outcome.UNSPECIFIED:
        raise Rejected(f"SendNotice refused: it was decided already: {state.outcome}")
    if state.opened is None or command.claimant != state.opened.claimant:
        raise Rejected("SendNotice refused: expected the claimant of the case")
    if (command.platform is None) == (command.addressee is None):
        raise Rejected("SendNotice refused: expected a platform or an addressee, one of them")
    _require_party("SendNotice", "platform", command.platform, facts)
    seen_at = None if state.sighting is None else state.sighting.seen_at
    _require_instant("SendNotice", "sent_at", command.sent_at, seen_at, facts.now)
    return NoticeSent(
        platform=command.platform,
        addressee=command.addressee,
        identity=_true_identity("SendNotice", command.claimant, facts),
        evidence=command.evidence,
        document=command.document,
        sent_at=command.sent_at,
    )


def _takedown(state: Infringement, command: ConfirmTakedown, facts: Facts) -> TakedownConfirmed:
    if state.notice is None:
        raise Rejected("ConfirmTakedown refused: expected a notice before measures, found none")
    if command.platform != state.notice.platform:
        raise Rejected(f"ConfirmTakedown refused: expected the platform {state.notice.platform or 'of no identifier'}")
    if state.measures_stand:
        raise Rejected("ConfirmTakedown refused: the measures stand")
    if state.outcome in LOST or (state.ended is not None and state.outcome is not Outcome.UPHELD):
        raise Rejected("ConfirmTakedown refused: expected a claim that was upheld, or not decided and not ended before")
    after = state.notice.sent_at if state.ended is None else state.ended.ended_at
    _require_instant("ConfirmTakedown", "taken_at", command.taken_at, after, facts.now)
    return TakedownConfirmed(
        confirmed_by=facts.who,
        measures=tuple(sorted(set(command.measures))),
        document=command.document,
        taken_at=command.taken_at,
    )


def _counter(state: Infringement, command: RecordCounterNotice, facts: Facts) -> CounterNoticeReceived:
    if state.notice is None or state.opened is None:
        raise Rejected("RecordCounterNotice refused: expected a notice before a counter-notice, found none")
    if state.counter is not None:
        raise Rejected("RecordCounterNotice refused: a counter-notice was received already")
    if state.outcome is not Outcome.UNSPECIFIED:
        raise Rejected(f"RecordCounterNotice refused: it was decided already: {state.outcome}")
    if command.respondent == state.opened.claimant:
        raise Rejected("RecordCounterNotice refused: the claimant declares nothing against itself")
    if state.opened.respondent not in (None, command.respondent):
        raise Rejected(f"RecordCounterNotice refused: expected the respondent {state.opened.respondent}")
    after = state.notice.sent_at
    _require_instant("RecordCounterNotice", "received_at", command.received_at, after, facts.now)
    return CounterNoticeReceived(
        respondent=command.respondent,
        identity=_true_identity("RecordCounterNotice", command.respondent, facts),
        evidence=command.evidence,
        document=command.document,
        received_at=command.received_at,
    )


def _forward(state: Infringement, command: ForwardCounterNotice, facts: Facts) -> CounterNoticeForwarded:
    if state.counter is None:
        raise Rejected("ForwardCounterNotice refused: expected a counter-notice, found none")
    if state.forwarded is not None:
        raise Rejected("ForwardCounterNotice refused: it was forwarded already")
    _require_keeper("ForwardCounterNotice", state, facts)
    after = state.counter.received_at
    _require_instant("ForwardCounterNotice", "arrived_at", command.arrived_at, after, facts.now)
    return CounterNoticeForwarded(
        document=command.document,
        arrived_at=command.arrived_at,
        period_days=facts.period_days,
        ends_at=period_end(command.arrived_at, facts.period_days),
    )


def _refer(state: Infringement, command: ReferCase, facts: Facts) -> CaseReferred:
    if state.outcome in (Outcome.UPHELD, Outcome.SETTLED, Outcome.WRONGFUL_NOTICE):
        raise Rejected(f"ReferCase refused: it was decided already: {state.outcome}")
    if command.filed_by not in _disputing(state):
        raise Rejected("ReferCase refused: expected the claimant or the respondent")
    _require_instant("ReferCase", "filed_at", command.filed_at, None, facts.now)
    _require_instant("ReferCase", "notified_at", command.notified_at, command.filed_at, facts.now)
    return CaseReferred(
        filed_by=command.filed_by,
        forum=command.forum,
        docket=command.docket,
        document=command.document,
        filed_at=command.filed_at,
        notified_at=command.notified_at,
    )


def _disputing(state: Infringement) -> frozenset[PartyId | None]:
    parties: set[PartyId | None] = set()
    if state.opened is not None:
        parties |= {state.opened.claimant, state.opened.respondent}
    if state.counter is not None:
        parties.add(state.counter.respondent)
    return frozenset(parties)


def _end(state: Infringement, command: EndMeasures, facts: Facts) -> MeasuresEnded:
    takedown = state.takedown
    if takedown is None or not state.measures_stand:
        raise Rejected("EndMeasures refused: expected measures that stand, found none")
    after = takedown.taken_at
    match command.ground:
        case EndGround.WITHDRAWN:
            _require_claimant("EndMeasures", state, facts)
        case EndGround.PERIOD_PASSED:
            _require_keeper("EndMeasures", state, facts)
            after = max(after, _period_passed(state, facts))
        case _:
            _require_keeper("EndMeasures", state, facts)
            if state.outcome not in (*LOST, Outcome.SETTLED) or state.decided_at is None:
                raise Rejected(f"EndMeasures refused: expected a decision against the claim, found {state.outcome}")
            after = max(after, state.decided_at)
    _require_instant("EndMeasures", "ended_at", command.ended_at, after, facts.now)
    return MeasuresEnded(ground=command.ground, document=command.document, ended_at=command.ended_at)


def _period_passed(state: Infringement, facts: Facts) -> datetime:
    """Return since when the period has passed without a complaint or a suit."""
    end = next((one for one in deadlines(state) if one.duty is Duty.END_MEASURES), None)
    if state.forwarded is None:
        raise Rejected("EndMeasures refused: expected a counter-notice that has reached the claimant, found none")
    if state.kept:
        raise Rejected("EndMeasures refused: the claimant has complained or sued in time; the measures stay")
    if end is None or state.outcome is not Outcome.UNSPECIFIED:
        raise Rejected(f"EndMeasures refused: it was decided: {state.outcome}")
    if end not in due(state, facts.now):
        raise Rejected(f"EndMeasures refused: the period ends {end.since.isoformat()}")
    return end.since


def _judge(state: Infringement, command: RecordJudgment, facts: Facts) -> JudgmentRecorded:
    del facts
    wrongful = command.outcome is Outcome.WRONGFUL_NOTICE
    if state.outcome is not Outcome.UNSPECIFIED and not (wrongful and state.outcome is Outcome.DISMISSED):
        raise Rejected(f"RecordJudgment refused: it was decided already: {state.outcome}")
    if wrongful and state.notice is None:
        raise Rejected("RecordJudgment refused: expected a notice that could be wrong, found none")
    if command.outcome is not Outcome.SETTLED and not state.referrals:
        raise Rejected("RecordJudgment refused: expected a case before a court or an authority, found none")
    filed = min((one.filed_at for one in state.referrals), default=None)
    _require_instant("RecordJudgment", "effective_at", command.effective_at, filed, None)
    return JudgmentRecorded(outcome=command.outcome, document=command.document, effective_at=command.effective_at)


def _close(state: Infringement, command: CloseCase, facts: Facts) -> CaseClosed:
    _require_claimant("CloseCase", state, facts)
    if state.measures_stand and state.outcome not in (Outcome.UPHELD, Outcome.SETTLED):
        raise Rejected("CloseCase refused: measures stand that nobody has upheld; end them first")
    match command.reason:
        case CloseReason.DECIDED:
            if state.decided_at is None or state.decided_at > facts.now:
                raise Rejected("CloseCase refused: expected a decision that binds, found none")
        case CloseReason.MEASURES_ENDED:
            if state.ended is None:
                raise Rejected("CloseCase refused: expected measures that were ended, found none")
            if state.referrals and state.decided_at is None:
                raise Rejected("CloseCase refused: expected a decision, found a case before a court or an authority")
        case _:
            pass  # the claimant gives up: at any time
    return CaseClosed(reason=command.reason, statement=command.statement)


def _require_claimant(name: str, state: Infringement, facts: Facts) -> None:
    claimant = None if state.opened is None else state.opened.claimant
    if facts.who != claimant and Role.CLERK not in facts.roles:
        raise Rejected(f"{name} refused: expected the claimant or a clerk, found {facts.who}")


def _require_keeper(name: str, state: Infringement, facts: Facts) -> None:
    """Whoever keeps measures and hands declarations on: the platform, or an officer or a clerk in its place."""
    platform = None if state.notice is None else state.notice.platform
    if facts.who != platform and not {Role.CLERK, Role.COMPLIANCE_OFFICER} & facts.roles:
        raise Rejected(f"{name} refused: expected the platform, an officer or a clerk, found {facts.who}")


def _require_party(name: str, what: str, party: PartyId | None, facts: Facts) -> None:
    if party is not None and (party not in facts.parties or not facts.parties[party].enrolled):
        raise Rejected(f"{name} refused: expected a {what} that is enrolled, found {party}")


def _true_identity(name: str, party: PartyId, facts: Facts) -> Sha256:
    """Return the commitment to a party's true name (Civil Code arts. 1195 par. 1, 1196 par. 1)."""
    _require_party(name, "party", party, facts)
    found = facts.parties[party]
    if found.erased or found.particulars is None or found.particulars.name is None:
        raise Rejected(f"{name} refused: expected a party that has declared its true name, found {party}")
    return Sha256(found.particulars.name)


def _require_instant(name: str, what: str, at: datetime, after: datetime | None, now: datetime | None) -> None:
    if now is not None and at > now:
        raise Rejected(f"{name} refused: {what}: expected an instant that has passed, found {at.isoformat()}")
    if after is not None and at < after:
        raise Rejected(f"{name} refused: {what}: expected {after.isoformat()} or later, found {at.isoformat()}")


BEFORE_OPENING: Final = (ConfirmMatch, DismissMatch, OpenCase)
_RULES: Final[Mapping[type[Command], Callable[[Infringement, Any, Facts], InfringementEvent]]] = {
    ConfirmMatch: _confirm,
    DismissMatch: _dismiss,
    OpenCase: _open,
    SendNotice: _notice,
    ConfirmTakedown: _takedown,
    RecordCounterNotice: _counter,
    ForwardCounterNotice: _forward,
    ReferCase: _refer,
    EndMeasures: _end,
    RecordJudgment: _judge,
    CloseCase: _close,
}
