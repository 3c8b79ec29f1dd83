"""Infringement cases in any order by anybody, over a ledger in memory; time passes between the steps.

The oracle keeps plain words, written from the text of Civil Code arts. 1195 and 1196. After each run the events are
looked at once more: what must never be is not there, and the view says what the state says.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from domain.compliance.commands import EndMeasures
from domain.compliance.events import (
    CaseClosed,
    CaseOpened,
    CaseReferred,
    CloseReason,
    CounterNoticeForwarded,
    EndGround,
    MatchConfirmed,
    MatchDismissed,
    MeasuresEnded,
    Outcome,
    SightingReported,
)
from domain.compliance.infringement import Duty, Infringement, chronology, deadlines, due
from domain.compliance.period import BEIJING
from domain.governance.events import PartyKind, Role
from domain.ids import InfringementId, PartyId
from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from producers.cases import CASE
from projections.cases import CASE as ROWS
from projections.cases import CASES, STEP
from schemas.values import instant_of, microseconds
from tests.compliance_kit import Dispute
from tests.governance_kit import Town
from tests.machine_kit import run_machine
from tests.property.test_view_histories import check_view

PEOPLE = ("claimant", "second", "platform", "respondent", "court", "reporter")
OFFICERS = {"claimant", "second"}
KEEPERS = {"platform", "court", *OFFICERS}
people = st.sampled_from(PEOPLE)
OUTCOMES = [one for one in Outcome if one is not Outcome.UNSPECIFIED]
GROUNDS = [one for one in EndGround if one is not EndGround.UNSPECIFIED]
BEGINNING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("report", {"by": "reporter", "days": 1}),
    ("compare", {"by": "second", "yes": True}),
    ("open", {"by": "claimant", "held": True}),
    ("notice", {"by": "claimant"}),
    ("takedown", {"by": "platform"}),
    ("counter", {"by": "respondent"}),
    ("forward", {"by": "platform"}),
)
"""Steps that a run begins with, any number of them: a random walk would hardly ever come so far."""
REASONS = [one for one in CloseReason if one is not CloseReason.UNSPECIFIED]


def mostly(*right: str) -> st.SearchStrategy[str]:
    """Return anybody, and mostly those who may."""
    return st.sampled_from([*right * 4, *PEOPLE])


@dataclass
class Known:
    """A case as the oracle knows it; `last_day` is the last of the reasonable period, by the calendar of Beijing."""

    case: InfringementId
    reporter: str
    judged: str = ""
    opened: bool = False
    notice: bool = False
    measures: str = ""
    counter: bool = False
    last_day: Any = None
    kept: bool = False
    suits: int = 0
    outcome: str = ""
    closed: bool = False

    @property
    def runs(self) -> bool:
        return self.opened and not self.closed

    def period_passed(self, now: datetime) -> bool:
        return self.last_day is not None and now.astimezone(BEIJING).date() > self.last_day


class Disputes(RuleBasedStateMachine):
    """Anybody tries anything at any time; every instant in a command is that of the command."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.known: list[Known] = []

    @initialize(steps=st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7]))
    def everybody(self, steps: int) -> None:
        """The parties of a dispute, a second officer, and a case that has come so far."""
        self.them = Dispute(self.town)
        self.second = self.town.enrol(PartyKind.PERSON, Role.COMPLIANCE_OFFICER, key=True)
        for name, drawn in BEGINNING[:steps]:
            getattr(self, name)(**drawn)

    def party(self, name: str) -> PartyId:
        return self.second if name == "second" else getattr(self.them, name)

    def of(self) -> Known:
        (of,) = self.known
        return of

    def give(self, command: Any, by: str, allowed: bool) -> bool:
        outcome = self.them.give(command, self.party(by))
        assert (outcome.error is None) == allowed, (command, by, outcome.error)
        return allowed

    @precondition(lambda self: not self.known)
    @rule(by=people, days=st.integers(0, 9))
    def report(self, by: str, days: int) -> None:
        seen_at = self.town.now - timedelta(days=days)
        outcome = self.them.give(replace(self.them.report(), seen_at=seen_at), self.party(by))
        self.them.case = InfringementId(outcome.result())
        self.known.append(Known(self.them.case, by))

    @rule(days=st.sampled_from([1, 7, 15, 16]), hours=st.integers(0, 23))
    def wait(self, days: int, hours: int) -> None:
        self.town.now += timedelta(days=days, hours=hours)

    @precondition(lambda self: self.known)
    @rule(by=mostly("claimant", "second"), yes=st.sampled_from([True, True, True, False]))
    def compare(self, by: str, yes: bool) -> None:
        of = self.of()
        allowed = not of.judged and by in OFFICERS and by != of.reporter
        if self.give(self.them.confirm() if yes else self.them.dismiss(), by, allowed):
            of.judged = "confirmed" if yes else "dismissed"

    @precondition(lambda self: self.known)
    @rule(by=mostly("claimant", "court"), held=st.sampled_from([True, True, False]))
    def open(self, by: str, held: bool) -> None:
        of = self.of()
        allowed = of.judged == "confirmed" and not of.opened and held and by in ("claimant", "court")
        command = self.them.open() if held else replace(self.them.open(), hold=99)
        of.opened |= self.give(command, by, allowed)

    @precondition(lambda self: self.known and self.of().opened)
    @rule(by=mostly("claimant", "court"))
    def notice(self, by: str) -> None:
        of = self.of()
        allowed = of.runs and not of.measures and not of.outcome and by in ("claimant", "court")
        of.notice |= self.give(replace(self.them.notice(), sent_at=self.town.now), by, allowed)

    @precondition(lambda self: self.known and self.of().notice)
    @rule(by=mostly("platform"))
    def takedown(self, by: str) -> None:
        of = self.of()
        may = of.measures == "" and of.outcome in ("", "upheld", "settled")
        again = of.measures == "ended" and of.outcome == "upheld"
        allowed = of.runs and of.notice and (may or again) and by in ("platform", *OFFICERS)
        if self.give(replace(self.them.takedown(), taken_at=self.town.now), by, allowed):
            of.measures = "stand"

    @precondition(lambda self: self.known and self.of().notice)
    @rule(by=mostly("respondent", "court"))
    def counter(self, by: str) -> None:
        of = self.of()
        allowed = of.runs and of.notice and not of.counter and not of.outcome and by in ("respondent", "court")
        of.counter |= self.give(replace(self.them.counter(), received_at=self.town.now), by, allowed)

    @precondition(lambda self: self.known and self.of().counter)
    @rule(by=mostly("platform"))
    def forward(self, by: str) -> None:
        of = self.of()
        allowed = of.runs and of.counter and of.last_day is None and by in KEEPERS
        if self.give(replace(self.them.forward(), arrived_at=self.town.now), by, allowed):
            of.last_day = self.town.now.astimezone(BEIJING).date() + timedelta(days=15)

    @precondition(lambda self: self.known and self.of().opened)
    @rule(by=mostly("claimant", "respondent"))
    def refer(self, by: str) -> None:
        of = self.of()
        now = self.town.now
        command = replace(self.them.refer(), filed_by=self.party(by), filed_at=now, notified_at=now)
        allowed = of.runs and of.outcome in ("", "dismissed") and by in ("claimant", "respondent")
        if self.give(command, by, allowed):
            of.suits += 1
            of.kept |= by == "claimant" and not of.period_passed(now)

    @precondition(lambda self: self.known and self.of().measures == "stand")
    @rule(by=mostly("platform", "court"), ground=st.sampled_from([*GROUNDS, EndGround.PERIOD_PASSED]))
    def end(self, by: str, ground: EndGround) -> None:
        of = self.of()
        passed = not of.kept and not of.outcome and of.period_passed(self.town.now)
        why = {
            EndGround.WITHDRAWN: by in ("claimant", "court"),
            EndGround.PERIOD_PASSED: passed and by in KEEPERS,
            EndGround.DECIDED: of.outcome in ("dismissed", "settled", "wrongful_notice") and by in KEEPERS,
        }
        command = EndMeasures(case=of.case, ground=ground, ended_at=self.town.now)
        if self.give(command, by, of.runs and of.measures == "stand" and why[ground]):
            of.measures = "ended"

    @precondition(lambda self: self.known and self.of().measures == "stand")
    @rule(by=mostly("platform", "court"), days=st.sampled_from([0, 14, 16, 16]))
    def let_it_pass(self, by: str, days: int) -> None:
        """Wait, then try to end the measures: what a timer would do."""
        self.wait(days=days, hours=0)
        self.end(by=by, ground=EndGround.PERIOD_PASSED)

    @precondition(lambda self: self.known and self.of().opened)
    @rule(by=st.sampled_from(["court", "court", "claimant"]), outcome=st.sampled_from(OUTCOMES))
    def decide(self, by: str, outcome: Outcome) -> None:
        of = self.of()
        wrongful = outcome is Outcome.WRONGFUL_NOTICE
        fits = of.outcome == "" or (wrongful and of.outcome == "dismissed")
        needs = (of.suits or outcome is Outcome.SETTLED) and (of.notice or not wrongful)
        command = replace(self.them.judgment(), outcome=outcome, effective_at=self.town.now)
        if self.give(command, by, bool(of.runs and fits and needs and by == "court")):
            of.outcome = str(outcome)

    @precondition(lambda self: self.known and self.of().opened)
    @rule(by=people, reason=st.sampled_from(REASONS))
    def close(self, by: str, reason: CloseReason) -> None:
        of = self.of()
        free = of.measures != "stand" or of.outcome in ("upheld", "settled")
        why = {
            CloseReason.DECIDED: bool(of.outcome),
            CloseReason.MEASURES_ENDED: of.measures == "ended" and bool(not of.suits or of.outcome),
            CloseReason.WITHDRAWN: True,
        }
        command = replace(self.them.close(), reason=reason)
        of.closed |= self.give(command, by, of.runs and free and why[reason] and by in ("claimant", "court"))

    def teardown(self) -> None:
        """Look for what must never be, and hold the view against the states."""
        if not self.known:
            return
        view = self.view()
        for of in self.known:
            state: Infringement = self.town.load(of.case, CASE).state
            self.is_what_the_oracle_says(of, state)
            self.never(state)
            self.stands_in_the_view(of.case, state, view)
        self.town.application.close()

    def is_what_the_oracle_says(self, of: Known, state: Infringement) -> None:
        assert (state.measures_stand, state.over) == (of.measures == "stand", of.closed or of.judged == "dismissed")
        assert (str(state.outcome) if state.judgments else "") == of.outcome
        ends = [one for one in due(state, self.town.now) if one.duty is Duty.END_MEASURES]
        stand = of.measures == "stand" and not of.closed
        passed = not of.outcome and not of.kept and of.period_passed(self.town.now)
        assert bool(ends) == (stand and (passed or of.outcome in ("dismissed", "wrongful_notice")))

    def never(self, state: Infringement) -> None:
        """What the law and the design forbid, looked for in the events themselves."""
        steps = state.steps
        assert [one.number for one in chronology(state)] == list(range(1, len(steps) + 1))
        ends_at = next((one.ends_at for one in steps if isinstance(one, CounterNoticeForwarded)), None)
        for before, one in enumerate(steps):
            match one:
                case SightingReported():
                    assert before == 0
                case MatchConfirmed(officer=officer) | MatchDismissed(officer=officer):
                    assert state.sighting is not None and officer != state.sighting.reporter, "judged by who reported"
                case CaseOpened(respondent=respondent, hold=hold):
                    assert respondent is None or hold in self.town.party(respondent).holds, "opened without a hold"
                case MeasuresEnded(ground=EndGround.PERIOD_PASSED, ended_at=at):
                    assert ends_at is not None and at >= ends_at, "ended before the period had passed"
                    suits = [s for s in steps[:before] if isinstance(s, CaseReferred)]
                    in_time = [s for s in suits if s.filed_by == self.them.claimant and s.notified_at < ends_at]
                    assert not in_time, "ended though the claimant had sued in time"
                case CaseClosed():
                    assert before == len(steps) - 1, "something follows the end"

    def view(self) -> MemoryViewStore:
        rows = self.town.store.rows(0, 10_000)
        entries = [LedgerEntry(row, self.town.application.codec) for row in rows]
        return check_view(CASES, entries, random.Random(rows[-1].leaf_hash))

    def stands_in_the_view(self, case: InfringementId, state: Infringement, view: MemoryViewStore) -> None:
        values = view.rows(ROWS)[case,]
        row = dict(zip((column.name for column in ROWS.columns), values, strict=True))
        assert (row["state"], row["kept"]) == (state.status, state.kept)
        ends = [one.since for one in deadlines(state) if one.duty is Duty.END_MEASURES]
        assert row["due_at_us"] == (microseconds(ends[0]) if ends else None)
        steps = [values for (of, _), values in sorted(view.rows(STEP).items()) if of == case]
        told = chronology(state)
        assert [name for name, _, _ in steps] == [type(one.event).__name__ for one in told]
        assert [documents for _, _, documents in steps] == [tuple(d.hex() for d in one.documents) for one in told]
        assert all(one.at in (None, instant_of(at_us)) for one, (_, at_us, _) in zip(told, steps, strict=True))


def test_any_order_of_steps() -> None:
    run_machine(Disputes, 30, steps=40)


@pytest.mark.soak
def test_any_order_of_steps_for_long() -> None:
    run_machine(Disputes, 2_000, steps=30)
