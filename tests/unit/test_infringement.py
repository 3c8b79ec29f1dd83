"""Given an infringement, when a command, then an event or an error: each step, and each rule broken."""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.command import Command
from domain.compliance import law, rules
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
    EVENTS,
    CaseClosed,
    CaseOpened,
    CaseReferred,
    CloseReason,
    Concerned,
    CounterNoticeForwarded,
    CounterNoticeReceived,
    DismissalReason,
    EndGround,
    Forum,
    JudgmentRecorded,
    MatchConfirmed,
    MatchDismissed,
    MatchMethod,
    MeasuresEnded,
    NecessaryMeasure,
    NoticeSent,
    Outcome,
    SightingReported,
    TakedownConfirmed,
)
from domain.compliance.infringement import (
    STATUS,
    Deadline,
    Duty,
    Infringement,
    chronology,
    deadlines,
    due,
    evolve,
    instant_of_step,
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
from domain.compliance.rules import STEPS_MAX, Facts, Held
from domain.errors import Rejected
from domain.events import Sha256
from domain.governance.events import ParticularsDeclared, PartyKind, Role
from domain.governance.party import Party
from domain.ids import Commitment, InfringementId, ObjectId, PartyId, TitleId

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def some(number: int) -> UUID:
    return UUID(f"01937e3f-2b5c-7d4a-9c3e-{number:012d}")


def at(hours: int) -> datetime:
    return NOW + timedelta(hours=hours)


IT, STILL, OTHER, TITLE = InfringementId(some(1)), ObjectId(some(2)), ObjectId(some(3)), TitleId(some(4))
STUDIO, LURKER, SITE, OFFICER, CLERK, SCOUT, AGENT = (PartyId(some(number)) for number in range(11, 18))
PAPER, WORK, MISSING = Sha256(b"p" * 32), Sha256(b"w" * 32), Sha256(b"m" * 32)
SECRET, NAME, LURKERS_NAME = (Commitment(Sha256(letter * 32)) for letter in (b"s", b"n", b"l"))


def party(name: Commitment | None = None, **changes: Any) -> Party:
    told = None if name is None else ParticularsDeclared(name=name, address=None, contact=None)
    return replace(Party(kind=PartyKind.ORGANISATION, particulars=told), **changes)


PARTIES: Mapping[PartyId, Party] = {
    STUDIO: party(NAME),
    LURKER: party(LURKERS_NAME, holds=(5,)),
    SITE: party(),
    OFFICER: party(),
}
FACTS = Facts(
    case=IT,
    actor=STUDIO,
    who=STUDIO,
    roles=frozenset(),
    now=NOW,
    documents=frozenset({PAPER}),
    contents={STILL: WORK, OTHER: PAPER},
    parties=PARTIES,
    title=Held(frozenset({STUDIO}), WORK),
    period_days=15,
)
BY_SITE = replace(FACTS, actor=SITE, who=SITE)
BY_OFFICER = replace(FACTS, actor=OFFICER, who=OFFICER, roles=frozenset({Role.COMPLIANCE_OFFICER}))
BY_CLERK = replace(FACTS, actor=CLERK, who=CLERK, roles=frozenset({Role.CLERK}))
BY_LURKER = replace(FACTS, actor=LURKER, who=LURKER)

SEEN = SightingReported(
    reporter=SCOUT,
    reported_for=None,
    objects=(Concerned(object=STILL, content=WORK),),
    place=SECRET,
    platform=SITE,
    capture=PAPER,
    seen_at=at(-9),
)
MATCHED = MatchConfirmed(officer=OFFICER, method=MatchMethod.FINGERPRINT, score_bp=9_870, evidence=PAPER)
DISMISSED = MatchDismissed(officer=OFFICER, reason=DismissalReason.LICENSED, statement=PAPER)
OPENED = CaseOpened(claimant=STUDIO, title=TITLE, respondent=LURKER, hold=5)
FACELESS = replace(OPENED, respondent=None, hold=None)
NOTIFIED = NoticeSent(
    platform=SITE, addressee=None, identity=Sha256(NAME), evidence=PAPER, document=PAPER, sent_at=at(-8)
)
TAKEN = TakedownConfirmed(confirmed_by=SITE, measures=(NecessaryMeasure.BLOCKED,), document=PAPER, taken_at=at(-7))
COUNTERED = CounterNoticeReceived(
    respondent=LURKER, identity=Sha256(LURKERS_NAME), evidence=PAPER, document=PAPER, received_at=at(-6)
)
ENDS_AT = datetime(2026, 12, 10, 16, tzinfo=UTC)
FORWARDED = CounterNoticeForwarded(document=PAPER, arrived_at=at(-5), period_days=15, ends_at=ENDS_AT)
SUED = CaseReferred(
    filed_by=STUDIO, forum=Forum.COURT, docket=SECRET, document=PAPER, filed_at=at(-4), notified_at=at(-3)
)
SUED_BACK = replace(SUED, filed_by=LURKER)
TOO_LATE = replace(SUED, filed_at=ENDS_AT, notified_at=ENDS_AT)
ENDED = MeasuresEnded(ground=EndGround.PERIOD_PASSED, document=None, ended_at=ENDS_AT)
UPHELD = JudgmentRecorded(outcome=Outcome.UPHELD, document=PAPER, effective_at=at(-2))
LOST = replace(UPHELD, outcome=Outcome.DISMISSED)
SETTLED = replace(UPHELD, outcome=Outcome.SETTLED)
WRONGFUL = replace(UPHELD, outcome=Outcome.WRONGFUL_NOTICE)
CLOSED = CaseClosed(reason=CloseReason.WITHDRAWN, statement=PAPER)
CASE = (SEEN, MATCHED, OPENED)
MEASURED = (*CASE, NOTIFIED, TAKEN)
RUNNING = (*MEASURED, COUNTERED, FORWARDED)
BEFORE_COURT = (*RUNNING, SUED)

REPORT = ReportSighting(objects=(STILL,), place=SECRET, platform=SITE, capture=PAPER, seen_at=at(-9))
CONFIRM = ConfirmMatch(case=IT, method=MatchMethod.FINGERPRINT, score_bp=9_870, evidence=PAPER)
DISMISS = DismissMatch(case=IT, reason=DismissalReason.LICENSED, statement=PAPER)
OPEN = OpenCase(case=IT, claimant=STUDIO, title=TITLE, respondent=LURKER, hold=5)
NOTIFY = SendNotice(case=IT, claimant=STUDIO, platform=SITE, evidence=PAPER, document=PAPER, sent_at=at(-8))
TAKE = ConfirmTakedown(case=IT, platform=SITE, measures=(NecessaryMeasure.BLOCKED,), document=PAPER, taken_at=at(-7))
COUNTER = RecordCounterNotice(case=IT, respondent=LURKER, evidence=PAPER, document=PAPER, received_at=at(-6))
FORWARD = ForwardCounterNotice(case=IT, document=PAPER, arrived_at=at(-5))
REFER = ReferCase(
    case=IT,
    filed_by=STUDIO,
    forum=Forum.COURT,
    docket=SECRET,
    document=PAPER,
    filed_at=at(-4),
    notified_at=at(-3),
)
END = EndMeasures(case=IT, ground=EndGround.PERIOD_PASSED, ended_at=ENDS_AT)
JUDGE = RecordJudgment(case=IT, outcome=Outcome.UPHELD, document=PAPER, effective_at=at(-2))
CLOSE = CloseCase(case=IT, reason=CloseReason.WITHDRAWN, statement=PAPER)
STEPS: tuple[tuple[tuple[Any, ...], Command, Facts, Any], ...] = (
    ((), REPORT, replace(FACTS, actor=SCOUT, who=SCOUT), SEEN),
    ((SEEN,), CONFIRM, BY_OFFICER, MATCHED),
    ((SEEN,), DISMISS, BY_OFFICER, DISMISSED),
    ((SEEN, MATCHED), OPEN, FACTS, OPENED),
    (CASE, NOTIFY, FACTS, NOTIFIED),
    ((*CASE, NOTIFIED), TAKE, BY_SITE, TAKEN),
    (MEASURED, COUNTER, BY_LURKER, COUNTERED),
    ((*MEASURED, COUNTERED), FORWARD, BY_SITE, FORWARDED),
    (RUNNING, REFER, FACTS, SUED),
    (RUNNING, END, replace(BY_SITE, now=ENDS_AT), ENDED),
    (BEFORE_COURT, JUDGE, BY_CLERK, UPHELD),
    (CASE, CLOSE, FACTS, CLOSED),
)
DOCUMENTS = ("capture", "evidence", "statement", "document")


def name_of(step: Any) -> str:
    return str(step[1].NAME)


def state(*events: Any) -> Infringement:
    return reduce(evolve, events, Infringement())


def decide(events: tuple[Any, ...], command: Command, facts: Facts = FACTS) -> Any:
    (event,) = rules.decide(state(*events), command, facts)
    return event


def refused(events: tuple[Any, ...], command: Command, why: str, facts: Facts = FACTS) -> None:
    with pytest.raises(Rejected, match=why):
        rules.decide(state(*events), command, facts)


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_each_step_follows_where_it_may(step: Any) -> None:
    events, command, facts, event = step
    assert decide(events, command, facts) == event
    assert state(*events, event).status == STATUS[type(event)]


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_what_a_step_rests_on_lies_in_the_store(step: Any) -> None:
    events, command, facts, _ = step
    for name in (one.name for one in fields(command) if one.name in DOCUMENTS):
        refused(events, replace(command, **{name: MISSING}), "expected the document 6d6d", facts)


@pytest.mark.parametrize("step", STEPS[1:], ids=name_of)
def test_nothing_follows_what_is_none_or_over(step: Any) -> None:
    _, command, facts, _ = step
    refused((), command, "is not a case of this ledger", facts)
    refused((SEEN, DISMISSED), command, "the case is dismissed", facts)
    refused((*CASE, CLOSED), command, "the case is closed", facts)


@pytest.mark.parametrize("step", STEPS[4:], ids=name_of)
def test_nothing_but_judging_comes_before_the_opening(step: Any) -> None:
    _, command, facts, _ = step
    refused((SEEN, MATCHED), command, "expected an opened case, found one that is confirmed", facts)


@pytest.mark.parametrize(
    ("command", "name", "value", "facts", "events"),
    [
        (REPORT, "seen_at", at(1), FACTS, ()),
        (NOTIFY, "sent_at", at(1), FACTS, CASE),
        (NOTIFY, "sent_at", at(-10), FACTS, CASE),
        (TAKE, "taken_at", at(1), BY_SITE, (*CASE, NOTIFIED)),
        (TAKE, "taken_at", at(-9), BY_SITE, (*CASE, NOTIFIED)),
        (COUNTER, "received_at", at(1), BY_LURKER, MEASURED),
        (COUNTER, "received_at", at(-9), BY_LURKER, MEASURED),
        (FORWARD, "arrived_at", at(1), BY_SITE, (*MEASURED, COUNTERED)),
        (FORWARD, "arrived_at", at(-7), BY_SITE, (*MEASURED, COUNTERED)),
        (REFER, "filed_at", at(1), FACTS, RUNNING),
        (REFER, "notified_at", at(1), FACTS, RUNNING),
        (REFER, "notified_at", at(-5), FACTS, RUNNING),
        (END, "ended_at", ENDS_AT - timedelta(microseconds=1), replace(BY_SITE, now=ENDS_AT), RUNNING),
        (END, "ended_at", ENDS_AT + timedelta(microseconds=1), replace(BY_SITE, now=ENDS_AT), RUNNING),
        (JUDGE, "effective_at", at(-5), BY_CLERK, BEFORE_COURT),
    ],
)
def test_steps_have_happened_and_after_one_another(
    command: Any, name: str, value: datetime, facts: Facts, events: tuple[Any, ...]
) -> None:
    refused(events, replace(command, **{name: value}), f"{name}: expected", facts)


class TestSeen:
    """A sighting, and a human who compares."""

    def test_objects_are_told_once_and_with_their_bytes(self) -> None:
        event = decide((), replace(REPORT, objects=(OTHER, STILL, OTHER)))
        assert event.objects == (Concerned(object=STILL, content=WORK), Concerned(object=OTHER, content=PAPER))

    def test_objects_and_platform_are_of_this_ledger(self) -> None:
        refused((), replace(REPORT, objects=(ObjectId(some(99)),)), "expected objects of this ledger")
        refused((), replace(REPORT, platform=PartyId(some(99))), "expected a platform that is enrolled")
        assert decide((), replace(REPORT, platform=None)).platform is None

    def test_a_sighting_is_reported_once(self) -> None:
        refused((SEEN,), REPORT, "reported already")

    def test_an_agent_says_for_whom(self) -> None:
        event = decide((), REPORT, replace(FACTS, actor=AGENT, who=SCOUT))
        assert (event.reporter, event.reported_for) == (AGENT, SCOUT)

    @pytest.mark.parametrize("command", [CONFIRM, DISMISS])
    def test_who_reports_does_not_judge(self, command: Command) -> None:
        by_agent = replace(SEEN, reporter=AGENT, reported_for=OFFICER)
        for seen in (replace(SEEN, reporter=OFFICER), by_agent):
            refused((seen,), command, "who reports a sighting does not judge it", BY_OFFICER)
        refused((by_agent,), command, "does not judge it", replace(BY_OFFICER, actor=AGENT, who=SCOUT))
        refused((SEEN, MATCHED), command, "confirmed already", BY_OFFICER)


class TestOpened:
    """A case is a right holder's, on a title; a respondent who is named is held."""

    def test_it_rests_on_a_title_of_the_claimant(self) -> None:
        for title in (None, Held(frozenset({LURKER}), WORK)):
            refused((SEEN, MATCHED), OPEN, f"expected a title of {STUDIO}", replace(FACTS, title=title))

    def test_the_title_is_on_what_was_seen(self) -> None:
        elsewhere = replace(FACTS, title=Held(frozenset({STUDIO}), PAPER))
        refused((SEEN, MATCHED), OPEN, "a title on one of the objects that were seen", elsewhere)

    def test_somebody_has_compared(self) -> None:
        refused((SEEN,), OPEN, "a sighting that nobody has judged")
        refused(CASE, OPEN, "opened already")

    def test_a_respondent_is_named_with_a_hold_that_stands(self) -> None:
        refused((SEEN, MATCHED), replace(OPEN, hold=None), "together, found one of them")
        refused((SEEN, MATCHED), replace(OPEN, respondent=None), "together, found one of them")
        refused((SEEN, MATCHED), replace(OPEN, hold=6), "no legal hold 6 that binds")
        refused((SEEN, MATCHED), replace(OPEN, respondent=STUDIO), "other than the claimant")
        refused((SEEN, MATCHED), replace(OPEN, respondent=PartyId(some(99))), "a respondent that is enrolled")

    def test_a_respondent_may_be_unknown(self) -> None:
        assert decide((SEEN, MATCHED), replace(OPEN, respondent=None, hold=None)) == FACELESS


class TestNotified:
    """Civil Code art. 1195: preliminary evidence, true identity, measures."""

    def test_the_right_holder_has_a_true_name(self) -> None:
        for studio in (party(), party(NAME, erased=True)):
            nameless = replace(FACTS, parties={**PARTIES, STUDIO: studio})
            refused(CASE, NOTIFY, "a party that has declared its true name", nameless)

    def test_it_is_in_the_name_of_the_claimant(self) -> None:
        refused(CASE, replace(NOTIFY, claimant=LURKER), "expected the claimant of the case")

    def test_it_goes_to_a_platform_or_to_an_addressee(self) -> None:
        for platform, addressee in ((None, None), (SITE, SECRET)):
            refused(CASE, replace(NOTIFY, platform=platform, addressee=addressee), "one of them")
        refused(CASE, replace(NOTIFY, platform=PartyId(some(99))), "a platform that is enrolled")
        assert decide(CASE, replace(NOTIFY, platform=None, addressee=SECRET)).addressee == SECRET

    def test_it_is_repeated_until_measures_are_taken_and_not_without_end(self) -> None:
        assert decide((*CASE, NOTIFIED), NOTIFY) == NOTIFIED
        refused(MEASURED, NOTIFY, "measures were taken already")
        refused((*CASE, SUED, UPHELD), NOTIFY, "decided already: upheld")
        often = (*CASE, *[NOTIFIED] * (STEPS_MAX - len(CASE)))
        refused(often, NOTIFY, f"at most {STEPS_MAX} steps")
        assert decide(often, CLOSE) == CLOSED

    def test_measures_follow_a_notice_by_the_platform_that_got_it(self) -> None:
        refused(CASE, TAKE, "expected a notice before measures", BY_SITE)
        refused((*CASE, NOTIFIED), replace(TAKE, platform=None), f"expected the platform {SITE}", BY_OFFICER)
        outside = replace(NOTIFIED, platform=None, addressee=SECRET)
        refused((*CASE, outside), TAKE, "of no identifier", BY_SITE)
        event = decide((*CASE, outside), replace(TAKE, platform=None), BY_OFFICER)
        assert event.confirmed_by == OFFICER

    def test_measures_stand_once_and_again_only_for_a_claim_that_was_upheld(self) -> None:
        refused(MEASURED, TAKE, "the measures stand", BY_SITE)
        again, later = replace(TAKE, taken_at=ENDS_AT), replace(BY_SITE, now=ENDS_AT)
        refused((*RUNNING, ENDED), again, "expected a claim that was upheld", later)
        refused((*CASE, NOTIFIED, SUED, LOST), TAKE, "expected a claim that was upheld", BY_SITE)
        events = (*RUNNING, ENDED, TOO_LATE, replace(UPHELD, effective_at=ENDS_AT))
        event = decide(events, again, later)
        assert state(*events, event).measures_stand
        refused(events, TAKE, "taken_at: expected 2026-12-10", later)

    def test_measures_are_told_once(self) -> None:
        several = (NecessaryMeasure.LINK_CUT, NecessaryMeasure.BLOCKED, NecessaryMeasure.LINK_CUT)
        event = decide((*CASE, NOTIFIED), replace(TAKE, measures=several), BY_SITE)
        assert event.measures == (NecessaryMeasure.BLOCKED, NecessaryMeasure.LINK_CUT)


class TestAnswered:
    """Civil Code art. 1196: a declaration, the reasonable period, and what ends it."""

    def test_a_counter_notice_answers_a_notice_once(self) -> None:
        refused(CASE, COUNTER, "expected a notice before a counter-notice", BY_LURKER)
        refused((*MEASURED, COUNTERED), COUNTER, "received already", BY_LURKER)
        refused((*MEASURED, SUED, UPHELD), COUNTER, "decided already: upheld", BY_LURKER)
        assert decide((*CASE, NOTIFIED), COUNTER, BY_LURKER) == COUNTERED

    def test_it_is_the_respondents_own_with_a_true_name(self) -> None:
        refused(MEASURED, replace(COUNTER, respondent=OFFICER), f"expected the respondent {LURKER}", BY_CLERK)
        faceless = (SEEN, MATCHED, FACELESS, NOTIFIED)
        refused(faceless, replace(COUNTER, respondent=STUDIO), "declares nothing against itself", BY_CLERK)
        refused(faceless, replace(COUNTER, respondent=OFFICER), "declared its true name", BY_CLERK)
        assert decide(faceless, COUNTER, BY_LURKER) == COUNTERED

    def test_it_is_forwarded_once_by_who_keeps_the_measures(self) -> None:
        refused(MEASURED, FORWARD, "expected a counter-notice, found none", BY_SITE)
        refused(RUNNING, FORWARD, "forwarded already", BY_SITE)
        for facts in (FACTS, BY_LURKER):
            refused((*MEASURED, COUNTERED), FORWARD, "expected the platform, an officer or a clerk", facts)
        for facts in (BY_OFFICER, BY_CLERK):
            assert decide((*MEASURED, COUNTERED), FORWARD, facts) == FORWARDED

    def test_the_period_is_the_policys(self) -> None:
        event = decide((*MEASURED, COUNTERED), FORWARD, replace(BY_SITE, period_days=20))
        assert (event.period_days, event.ends_at) == (20, ENDS_AT + timedelta(days=5))

    def test_measures_end_when_the_period_has_passed_and_not_before(self) -> None:
        early = replace(BY_SITE, now=ENDS_AT - timedelta(microseconds=1))
        refused(RUNNING, END, "the period ends 2026-12-10T16:00:00", early)
        refused(MEASURED, END, "a counter-notice that has reached the claimant", replace(BY_SITE, now=ENDS_AT))
        refused((*CASE, NOTIFIED), END, "expected measures that stand", BY_SITE)
        refused((*RUNNING, ENDED), END, "expected measures that stand", replace(BY_SITE, now=ENDS_AT))
        refused(RUNNING, END, "expected the platform, an officer or a clerk", replace(BY_LURKER, now=ENDS_AT))

    def test_a_suit_in_time_keeps_them(self) -> None:
        late = replace(BY_SITE, now=ENDS_AT)
        refused(BEFORE_COURT, END, "complained or sued in time; the measures stay", late)
        refused((*MEASURED, SUED, COUNTERED, FORWARDED), END, "the measures stay", late)

    def test_a_suit_too_late_or_by_the_respondent_does_not(self) -> None:
        late = replace(BY_SITE, now=ENDS_AT)
        for other in (TOO_LATE, SUED_BACK):
            assert decide((*RUNNING, other), END, late) == ENDED
        refused((*RUNNING, SUED_BACK, UPHELD), END, "it was decided: upheld", late)

    def test_the_claimant_gives_them_up_at_any_time(self) -> None:
        give_up = replace(END, ground=EndGround.WITHDRAWN, ended_at=at(-1))
        for facts in (FACTS, BY_CLERK):
            assert decide(BEFORE_COURT, give_up, facts).ground is EndGround.WITHDRAWN
        for facts in (BY_SITE, BY_OFFICER):
            refused(BEFORE_COURT, give_up, "expected the claimant or a clerk", facts)

    def test_a_decision_against_the_claim_ends_them(self) -> None:
        decided = replace(END, ground=EndGround.DECIDED, ended_at=at(-1))
        for judgment in (LOST, SETTLED, WRONGFUL):
            assert decide((*BEFORE_COURT, judgment), decided, BY_SITE).ground is EndGround.DECIDED
        refused((*BEFORE_COURT, UPHELD), decided, "a decision against the claim, found upheld", BY_SITE)
        refused(BEFORE_COURT, decided, "a decision against the claim, found unspecified", BY_SITE)
        later = replace(LOST, effective_at=at(1))
        refused((*BEFORE_COURT, later), decided, "ended_at: expected 2026-11-25T13", BY_SITE)


class TestDecided:
    """Courts, settlements, wrong notices, and the end."""

    def test_claimant_and_respondent_complain_or_sue(self) -> None:
        for facts in (FACTS, BY_CLERK):
            assert decide(CASE, REFER, facts) == SUED
        assert decide(CASE, replace(REFER, filed_by=LURKER), BY_LURKER) == SUED_BACK
        refused(CASE, replace(REFER, filed_by=SITE), "expected the claimant or the respondent", BY_SITE)
        faceless = (SEEN, MATCHED, FACELESS, NOTIFIED)
        refused(faceless, replace(REFER, filed_by=LURKER), "expected the claimant or the respondent", BY_LURKER)
        assert decide((*faceless, COUNTERED), replace(REFER, filed_by=LURKER), BY_LURKER) == SUED_BACK

    def test_what_was_decided_is_not_brought_again_but_for_a_wrong_notice(self) -> None:
        for judgment in (UPHELD, SETTLED, WRONGFUL):
            refused((*BEFORE_COURT, judgment), REFER, "it was decided already")
        assert decide((*BEFORE_COURT, LOST), replace(REFER, filed_by=LURKER), BY_LURKER) == SUED_BACK

    def test_a_judgment_needs_a_court_and_a_settlement_none(self) -> None:
        refused(RUNNING, JUDGE, "expected a case before a court or an authority", BY_CLERK)
        assert decide(RUNNING, replace(JUDGE, outcome=Outcome.SETTLED), BY_CLERK) == SETTLED

    def test_it_is_decided_once_and_a_dismissed_notice_may_prove_wrongful(self) -> None:
        for judgment in (UPHELD, SETTLED, WRONGFUL):
            refused((*BEFORE_COURT, judgment), JUDGE, f"decided already: {judgment.outcome}", BY_CLERK)
        wrongful = replace(JUDGE, outcome=Outcome.WRONGFUL_NOTICE)
        assert decide((*BEFORE_COURT, LOST), wrongful, BY_CLERK) == WRONGFUL
        assert decide((*MEASURED, SUED_BACK), wrongful, BY_CLERK) == WRONGFUL
        refused((*BEFORE_COURT, LOST), JUDGE, "decided already: dismissed", BY_CLERK)
        refused((*CASE, SUED), wrongful, "expected a notice that could be wrong", BY_CLERK)

    def test_only_claimant_and_clerk_close(self) -> None:
        assert decide(CASE, CLOSE, BY_CLERK) == CLOSED
        refused(CASE, CLOSE, "expected the claimant or a clerk", BY_OFFICER)

    def test_nothing_is_closed_over_measures_that_nobody_upheld(self) -> None:
        for events in (MEASURED, RUNNING, BEFORE_COURT, (*BEFORE_COURT, LOST)):
            refused(events, CLOSE, "measures stand that nobody has upheld")
        for judgment in (UPHELD, SETTLED):
            assert decide((*BEFORE_COURT, judgment), replace(CLOSE, reason=CloseReason.DECIDED))

    def test_the_reason_is_true(self) -> None:
        decided, ended = (replace(CLOSE, reason=reason) for reason in (CloseReason.DECIDED, CloseReason.MEASURES_ENDED))
        refused(CASE, decided, "a decision that binds, found none")
        refused((*CASE, SUED, replace(UPHELD, effective_at=at(1))), decided, "a decision that binds, found none")
        refused(CASE, ended, "measures that were ended, found none")
        refused((*RUNNING, SUED_BACK, ENDED), ended, "expected a decision, found a case before a court")
        assert decide((*RUNNING, SUED_BACK, ENDED, LOST), ended).reason is CloseReason.MEASURES_ENDED
        assert decide((*RUNNING, ENDED), ended).reason is CloseReason.MEASURES_ENDED


class TestDue:
    """What is due is asked of the state and an instant; nothing expires by an event."""

    def test_nothing_is_due_before_a_notice_or_after_the_end(self) -> None:
        for events in (
            (),
            (SEEN,),
            CASE,
            (*RUNNING, ENDED),
            (*CASE, CLOSED),
            (SEEN, DISMISSED),
            (*BEFORE_COURT, UPHELD),
        ):
            assert deadlines(state(*events)) == ()

    def test_the_platform_is_to_act_in_time(self) -> None:
        notified = state(*CASE, NOTIFIED)
        assert deadlines(notified) == (Deadline(Duty.TAKE_MEASURES, at(-8), None, MEASURES),)
        assert due(notified, at(-9)) == () and len(due(notified, at(-8))) == 1
        assert deadlines(state(*MEASURED)) == ()

    def test_the_counter_notice_is_to_be_forwarded_in_time(self) -> None:
        (one,) = deadlines(state(*MEASURED, COUNTERED))
        assert (one.duty, one.since, one.article) == (Duty.FORWARD_COUNTER_NOTICE, at(-6), REASONABLE_PERIOD)

    def test_one_deadline_ends_where_the_other_begins(self) -> None:
        running = state(*RUNNING)
        assert [one.duty for one in due(running, at(-6))] == []
        assert [one.duty for one in due(running, at(-5))] == [Duty.COMPLAIN_OR_SUE]
        last = ENDS_AT - timedelta(microseconds=1)
        assert [one.duty for one in due(running, last)] == [Duty.COMPLAIN_OR_SUE]
        assert [one.duty for one in due(running, ENDS_AT)] == [Duty.END_MEASURES]

    def test_a_suit_in_time_stops_the_period_and_one_too_late_does_not(self) -> None:
        assert deadlines(state(*BEFORE_COURT)) == ()
        for other in (TOO_LATE, SUED_BACK):
            assert [one.duty for one in due(state(*RUNNING, other), ENDS_AT)] == [Duty.END_MEASURES]

    def test_a_lost_case_ends_measures_when_the_judgment_binds(self) -> None:
        (one,) = deadlines(state(*BEFORE_COURT, LOST))
        assert (one.duty, one.since, one.article) == (Duty.END_MEASURES, at(-2), NOTICE)
        assert deadlines(state(*CASE, NOTIFIED, SUED, LOST)) == ()
        later = replace(WRONGFUL, effective_at=at(9))
        assert deadlines(state(*BEFORE_COURT, LOST, later)) == (one,), "what proves wrongful later was lost before"


class TestTold:
    """The chronology: number, instant, documents and articles of each step."""

    def test_each_step_cites_what_it_rests_on(self) -> None:
        wrong = (*RUNNING, SUED, ENDED, LOST, SUED_BACK, WRONGFUL, CLOSED)
        told = chronology(state(*wrong))
        assert [one.number for one in told] == list(range(1, len(wrong) + 1))
        assert [one.event for one in told] == list(wrong)
        assert [one.articles for one in told] == [
            (),
            (),
            (LIABILITY,),
            (NOTICE,),
            (MEASURES,),
            (COUNTER_NOTICE,),
            (REASONABLE_PERIOD, FIFTEEN_DAYS, DAYS),
            (REASONABLE_PERIOD,),
            (REASONABLE_PERIOD,),
            (LIABILITY,),
            (WRONGFUL_NOTICE,),
            (WRONGFUL_NOTICE,),
            (),
        ]

    def test_a_platform_that_reports_knows(self) -> None:
        for seen in (replace(SEEN, reporter=SITE), replace(SEEN, reporter=AGENT, reported_for=SITE)):
            assert chronology(state(seen))[0].articles == (KNOWLEDGE,)

    def test_a_settlement_rests_on_no_article_and_giving_up_on_that_of_the_notice(self) -> None:
        given_up = replace(ENDED, ground=EndGround.WITHDRAWN)
        told = chronology(state(*MEASURED, given_up, SETTLED))
        assert [one.articles for one in told[-2:]] == [(NOTICE,), ()]

    def test_documents_and_instants_are_those_of_the_events(self) -> None:
        told = chronology(state(*MEASURED))
        assert [one.documents for one in told] == [(PAPER,), (PAPER,), (), (PAPER, PAPER), (PAPER,)]
        assert [one.at for one in told] == [at(-9), None, None, at(-8), at(-7)]
        assert instant_of_step(CLOSED) is None and instant_of_step(UPHELD) == at(-2)

    def test_every_event_has_a_word_and_every_article_both_languages(self) -> None:
        assert set(STATUS) == set(EVENTS) and len(set(STATUS.values())) == len(STATUS)
        assert state().status == "unknown"
        articles = [one for one in vars(law).values() if isinstance(one, Article)]
        for one in articles:
            assert one.zh.startswith("《") and one.en.split(",")[0] in ("Civil Code", "E-Commerce Law")
            assert one.says_zh and one.says_en
        assert len({one.code for one in articles}) == len(articles) == 9
