"""Infringement: seen, compared, a case, a notice, measures, a counter-notice, a court, an end.

    reported -> confirmed -> opened -> notified -> measures taken -> counter-notice -> forwarded -> measures ended
             \\-> dismissed                     \\-> referred at any time after opening -> judged ->\\-> closed

What time alone changes is no event: the state says what is due, and since when (`deadlines`, `due`). `chronology` tells
each step with the articles that it rests on and the documents that show it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, assert_never

from domain.compliance.events import (
    CaseClosed,
    CaseOpened,
    CaseReferred,
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
from domain.compliance.law import (
    COUNTER_NOTICE,
    DAYS,
    FIFTEEN_DAYS,
    KNOWLEDGE,
    LIABILITY,
    MEASURES,
    NOTICE,
    REASONABLE_PERIOD,
    WRONGFUL_NOTICE,
    Article,
)
from domain.events import Sha256

InfringementEvent = (
    SightingReported
    | MatchConfirmed
    | MatchDismissed
    | CaseOpened
    | NoticeSent
    | TakedownConfirmed
    | CounterNoticeReceived
    | CounterNoticeForwarded
    | CaseReferred
    | MeasuresEnded
    | JudgmentRecorded
    | CaseClosed
)
STATUS: Final[dict[type[InfringementEvent], str]] = {
    SightingReported: "reported",
    MatchConfirmed: "confirmed",
    MatchDismissed: "dismissed",
    CaseOpened: "opened",
    NoticeSent: "notified",
    TakedownConfirmed: "measures_taken",
    CounterNoticeReceived: "countered",
    CounterNoticeForwarded: "forwarded",
    CaseReferred: "referred",
    MeasuresEnded: "measures_ended",
    JudgmentRecorded: "judged",
    CaseClosed: "closed",
}
"""Where a case stands, by the last of its steps."""
LOST: Final = frozenset({Outcome.DISMISSED, Outcome.WRONGFUL_NOTICE})
"""Outcomes after which measures have no ground."""
DOCUMENT_FIELDS: Final = ("capture", "evidence", "statement", "document")
"""Fields of events and commands that name a document in the blob store."""


@dataclass(frozen=True, slots=True)
class Infringement:
    """What is known of an infringement; `takedown` and `ended` are those of the measures that were taken last."""

    steps: tuple[InfringementEvent, ...] = ()
    sighting: SightingReported | None = None
    match: MatchConfirmed | MatchDismissed | None = None
    opened: CaseOpened | None = None
    notice: NoticeSent | None = None
    takedown: TakedownConfirmed | None = None
    ended: MeasuresEnded | None = None
    counter: CounterNoticeReceived | None = None
    forwarded: CounterNoticeForwarded | None = None
    referrals: tuple[CaseReferred, ...] = ()
    judgments: tuple[JudgmentRecorded, ...] = ()
    closed: CaseClosed | None = None

    @property
    def status(self) -> str:
        """Return one word for where it stands: its last step."""
        return STATUS[type(self.steps[-1])] if self.steps else "unknown"

    @property
    def over(self) -> bool:
        """Return whether nothing more can follow."""
        return self.closed is not None or isinstance(self.match, MatchDismissed)

    @property
    def measures_stand(self) -> bool:
        """Return whether the platform's measures stand."""
        return self.takedown is not None and self.ended is None

    @property
    def outcome(self) -> Outcome:
        """Return the last outcome; unspecified: it was not decided."""
        return self.judgments[-1].outcome if self.judgments else Outcome.UNSPECIFIED

    @property
    def decided_at(self) -> datetime | None:
        """Return from which instant on it is decided; None: it was not."""
        return min((one.effective_at for one in self.judgments), default=None)

    @property
    def kept(self) -> bool:
        """Return whether measures stay because the platform learned in time that the claimant complained or sued."""
        return any(self._in_time(one) for one in self.referrals)

    def _in_time(self, referral: CaseReferred) -> bool:
        by_claimant = self.opened is not None and referral.filed_by == self.opened.claimant
        return by_claimant and (self.forwarded is None or referral.notified_at < self.forwarded.ends_at)


class Duty(StrEnum):
    """What somebody has to do, or may still do in time."""

    TAKE_MEASURES = "take_measures"
    FORWARD_COUNTER_NOTICE = "forward_counter_notice"
    COMPLAIN_OR_SUE = "complain_or_sue"
    END_MEASURES = "end_measures"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A duty, the instant from which it is due, and the one from which it is so no longer (None: until it is done)."""

    duty: Duty
    since: datetime
    until: datetime | None
    article: Article


def deadlines(state: Infringement) -> tuple[Deadline, ...]:
    """Return what is due as the case stands, now or later, in the order of `since`.

    The law says "in time" (及时) of the platform's own duties and gives no number of days, so they are due at once:
    from the sending of the notice, from the receipt of the counter-notice, from the end of the period.
    """
    return () if state.over else tuple(sorted(_deadlines(state), key=lambda one: (one.since, one.duty)))


def due(state: Infringement, now: datetime) -> tuple[Deadline, ...]:
    """Return what is due at an instant."""
    return tuple(one for one in deadlines(state) if one.since <= now and (one.until is None or now < one.until))


def _deadlines(state: Infringement) -> Iterator[Deadline]:
    lost = state.outcome in LOST
    if state.notice is not None and state.takedown is None and not lost:
        yield Deadline(Duty.TAKE_MEASURES, state.notice.sent_at, None, MEASURES)
    if state.counter is not None and state.forwarded is None:
        yield Deadline(Duty.FORWARD_COUNTER_NOTICE, state.counter.received_at, None, REASONABLE_PERIOD)
    if not state.measures_stand:
        return
    if lost and state.decided_at is not None:
        yield Deadline(Duty.END_MEASURES, state.decided_at, None, NOTICE)
    elif state.forwarded is not None and not state.kept and state.outcome is Outcome.UNSPECIFIED:
        period = state.forwarded
        yield Deadline(Duty.COMPLAIN_OR_SUE, period.arrived_at, period.ends_at, REASONABLE_PERIOD)
        yield Deadline(Duty.END_MEASURES, period.ends_at, None, REASONABLE_PERIOD)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a case: its number (the stream version), its event, when it happened if the event says so."""

    number: int
    event: InfringementEvent
    at: datetime | None
    documents: tuple[Sha256, ...]
    articles: tuple[Article, ...]


def chronology(state: Infringement) -> tuple[Step, ...]:
    """Return every step in order, with the documents that show it and the articles that it rests on."""
    return tuple(
        Step(number, event, instant_of_step(event), documents_of(event), _articles(state, event))
        for number, event in enumerate(state.steps, start=1)
    )


def documents_of(event: InfringementEvent) -> tuple[Sha256, ...]:
    """Return the documents that an event names."""
    found = (getattr(event, name, None) for name in DOCUMENT_FIELDS)
    return tuple(one for one in found if one is not None)


def instant_of_step(event: InfringementEvent) -> datetime | None:
    """Return when a step happened in the world; None where it happened when it was recorded."""
    match event:
        case SightingReported(seen_at=at) | NoticeSent(sent_at=at) | TakedownConfirmed(taken_at=at):
            return at
        case CounterNoticeReceived(received_at=at) | CounterNoticeForwarded(arrived_at=at):
            return at
        case CaseReferred(filed_at=at) | MeasuresEnded(ended_at=at) | JudgmentRecorded(effective_at=at):
            return at
        case MatchConfirmed() | MatchDismissed() | CaseOpened() | CaseClosed():
            return None
        case _:
            assert_never(event)


def _articles(state: Infringement, event: InfringementEvent) -> tuple[Article, ...]:
    match event:
        case SightingReported(platform=platform, reporter=reporter, reported_for=principal):
            return (KNOWLEDGE,) if platform is not None and platform in (reporter, principal) else ()
        case MatchConfirmed() | MatchDismissed() | CaseClosed():
            return ()
        case CaseOpened():
            return (LIABILITY,)
        case NoticeSent():
            return (NOTICE,)
        case TakedownConfirmed():
            return (MEASURES,)
        case CounterNoticeReceived():
            return (COUNTER_NOTICE,)
        case CounterNoticeForwarded():
            return (REASONABLE_PERIOD, FIFTEEN_DAYS, DAYS)
        case CaseReferred(filed_by=filed_by):
            by_claimant = state.opened is not None and filed_by == state.opened.claimant
            return (REASONABLE_PERIOD,) if by_claimant else (WRONGFUL_NOTICE,)
        case MeasuresEnded(ground=ground):
            return (REASONABLE_PERIOD,) if ground is EndGround.PERIOD_PASSED else (NOTICE,)
        case JudgmentRecorded(outcome=outcome):
            return {Outcome.WRONGFUL_NOTICE: (WRONGFUL_NOTICE,), Outcome.SETTLED: ()}.get(outcome, (LIABILITY,))
        case _:
            assert_never(event)


def evolve(state: Infringement, event: InfringementEvent) -> Infringement:
    """Return the state after `event`."""
    state = replace(state, steps=(*state.steps, event))
    match event:
        case SightingReported():
            return replace(state, sighting=event)
        case MatchConfirmed() | MatchDismissed():
            return replace(state, match=event)
        case CaseOpened():
            return replace(state, opened=event)
        case NoticeSent():
            return replace(state, notice=event)
        case TakedownConfirmed():
            return replace(state, takedown=event, ended=None)
        case CounterNoticeReceived():
            return replace(state, counter=event)
        case CounterNoticeForwarded():
            return replace(state, forwarded=event)
        case CaseReferred():
            return replace(state, referrals=(*state.referrals, event))
        case MeasuresEnded():
            return replace(state, ended=event)
        case JudgmentRecorded():
            return replace(state, judgments=(*state.judgments, event))
        case CaseClosed():
            return replace(state, closed=event)
        case _:
            assert_never(event)
