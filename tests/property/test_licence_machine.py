"""Licences over a title, grants that end and stand again, and derivations that change: any order of commands.

Whatever is tried, the log alone shows: no licence is wider than its offer, its grant or its derivation at its issue;
none is issued under a grant that is revoked there; promises never overlap what is exclusive and never exceed a quota;
units that were used are never given out again.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from domain.capability.events import Nature
from domain.errors import Rejected
from domain.ids import LicenceId, RightsGrantId
from domain.rights.codes import territory
from domain.rights.grant import Ended, granted_scope, standing
from domain.rights.grant_events import AllocationKind, RevocationReason, ScopeAllocated, ScopeReleased
from domain.rights.grant_rules import ReinstateGrant, RevokeGrant
from domain.rights.licence import Licence, evolve
from domain.rights.licence_commands import RefuseLicence, ResumeLicence
from domain.rights.licence_events import LicenceIssued, LicenceRefused, LicenceRevoked, UsageReported
from domain.rights.limits import Limit
from domain.rights.scope import contained, passed_on
from domain.rights.scope_terms import scope_of
from domain.rights.title import WHOLE
from tests.governance_kit import ANY
from tests.grant_kit import BUYER, DEEP, OWNER, PAPER, STRANGER, STUDIO
from tests.licence_kit import (
    FLAT,
    NOVEL,
    USED_FROM,
    Market,
    asking,
    ending,
    issuing,
    offering_licence,
    prices,
    reporting,
    suspending,
)

QUOTA = 10
SCOPES = (FLAT, replace(FLAT, territory=territory("CN")), replace(FLAT, territory=territory("CN", "US")))
LIMITS = (
    WHOLE,
    replace(WHOLE, natures=frozenset({Nature.RESEARCH})),
    replace(WHOLE, territory=territory("CN")),
)
WRONG = st.sampled_from([None, None, None, None, STRANGER, BUYER])
"""Who gives a command; mostly whoever may."""
NUMBERS = st.integers(0, 30)


class Licences(RuleBasedStateMachine):
    """The rules, tried in any order; a command that is refused leaves everything as it was."""

    @initialize()
    def begin(self) -> None:
        self.market = Market()
        self.grants = (
            self.market.granted(scope=DEEP, quota=QUOTA),
            self.market.granted(scope=replace(DEEP, territory=territory("CN"))),
        )
        for quota in (4, 5):
            self.market.requested(STUDIO, grant=self.grants[0], quota=quota)
        self.market.requested()
        self.market.issued(STUDIO, grant=self.grants[0], quota=3)

    def tried(self, command: Callable[[], Any]) -> list[Any]:
        before = len(self.market.log)
        try:
            events: list[Any] = command()
        except Rejected:
            assert len(self.market.log) == before
            return []
        return events

    def pick(self, number: int) -> LicenceId:
        return list(self.market.licences)[number % len(self.market.licences)]

    def licensor(self, name: LicenceId) -> Any:
        offered = self.market.licences[name].offered
        assert offered is not None
        return offered.licensor

    def some(self) -> bool:
        return bool(self.market.licences)

    @rule(
        wrong=WRONG,
        under=st.sampled_from([None, 0, 1]),
        scope=st.sampled_from(SCOPES),
        kind=st.sampled_from([AllocationKind.ORDINARY, AllocationKind.EXCLUSIVE]),
        quota=st.none() | st.integers(1, 6),
        priced=st.booleans(),
    )
    def offer(self, wrong: Any, under: int | None, scope: Any, kind: Any, quota: int | None, priced: bool) -> None:
        more: dict[str, Any] = {} if under is None else {"grant": self.grants[under]}
        more |= {"price": ANY, "currency": "CNY"} if priced else {}
        command = offering_licence(scope, allocation=kind, quota=quota, **more)
        self.tried(lambda: self.market.deal(command, wrong or (OWNER if under is None else STUDIO)))

    @precondition(some)
    @rule(number=NUMBERS, wrong=WRONG, scope=st.sampled_from(SCOPES))
    def ask(self, number: int, wrong: Any, scope: Any) -> None:
        self.tried(lambda: self.market.deal(asking(self.pick(number), scope), wrong or BUYER))

    @precondition(some)
    @rule(number=NUMBERS, wrong=WRONG, limit=st.sampled_from([WHOLE, WHOLE, *LIMITS]), rests=st.booleans())
    def issue(self, number: int, wrong: Any, limit: Any, rests: bool) -> None:
        name, market = self.pick(number), self.market
        market.limits = (Limit(NOVEL, limit, "a licence of the training set"),)
        market.rests_on = self.grants[:1] if rests else ()
        state, who = market.licences[name], wrong or self.licensor(name)
        events = self.tried(lambda: market.deal(issuing(name, **prices(state)), who))
        if not events:
            return
        offered, requested = state.offered, state.open_request
        assert offered is not None and requested is not None and who == offered.licensor
        asked, ended = scope_of(requested.scope), self.ended(self.grants[0])
        allowed = contained(asked, limit) and not (rests and ended)
        assert isinstance(events[0], LicenceIssued if allowed else LicenceRefused)
        if not allowed:
            return
        assert contained(asked, scope_of(offered.scope))
        if offered.grant is not None:
            outer = passed_on(granted_scope(market.grants[offered.grant]))
            assert outer is not None and contained(asked, outer) and not self.ended(offered.grant)

    def ended(self, grant: RightsGrantId) -> bool:
        return isinstance(standing(self.market.grants[grant], self.market.now), Ended)

    @precondition(some)
    @rule(number=NUMBERS, wrong=WRONG)
    def refuse(self, number: int, wrong: Any) -> None:
        command = RefuseLicence(licence=self.pick(number), clause="not now")
        self.tried(lambda: self.market.deal(command, wrong or self.licensor(command.licence)))

    @precondition(some)
    @rule(number=NUMBERS, units=st.integers(0, 4))
    def report(self, number: int, units: int) -> None:
        name = self.pick(number)
        since = self.market.licences[name].reported_until or USED_FROM
        command = reporting(name, units, since=since, until=since + timedelta(days=1))
        self.tried(lambda: self.market.deal(command, BUYER))

    @precondition(some)
    @rule(number=NUMBERS, wrong=WRONG, act=st.sampled_from(["suspend", "resume", "end"]))
    def turn(self, number: int, wrong: Any, act: str) -> None:
        name, now = self.pick(number), self.market.now
        command: Any = {
            "suspend": suspending(name, at=now),
            "resume": ResumeLicence(licence=name, basis=PAPER, effective_at=now),
            "end": ending(name, at=now),
        }[act]
        self.tried(lambda: self.market.deal(command, wrong or self.licensor(command.licence)))

    @rule(which=st.sampled_from([None, None, 0, 1]))
    def revoke_grant(self, which: int | None) -> None:
        if which is None:
            return  # seldom: nothing can be issued behind it
        command = RevokeGrant(
            grant=self.grants[which], reason=RevocationReason.BREACH, basis=PAPER, effective_at=self.market.now
        )
        self.tried(lambda: self.market.say(command, OWNER))

    @rule(which=st.integers(0, 1))
    def reinstate_grant(self, which: int) -> None:
        command = ReinstateGrant(grant=self.grants[which], basis=PAPER, effective_at=self.market.now)
        self.tried(lambda: self.market.say(command, OWNER))

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.market.now += timedelta(days=days)

    @invariant()
    def the_log_alone_says_the_same(self) -> None:
        folded: dict[Any, Licence] = {}
        for stream, event in self.market.log:
            if stream in self.market.licences:
                folded[stream] = evolve(folded.get(stream, Licence()), event)  # type: ignore[arg-type]
        assert folded == self.market.licences

    @invariant()
    def no_unit_is_promised_or_used_twice(self) -> None:
        """Live promises and spent units fit into the quota, but for what was used before an end and told after it."""
        under, live, late = self.grants[0], dict[Any, int](), 0
        of_it = {name for name, one in self.market.licences.items() if one.offered and one.offered.grant == under}
        used, ended = dict.fromkeys(of_it, 0), set[Any]()
        for stream, event in self.market.log:
            if stream in of_it and isinstance(event, UsageReported):
                used[stream] += event.units
                late += event.units if stream in ended else 0
            elif isinstance(event, LicenceRevoked):
                ended.add(stream)
            elif stream == under and isinstance(event, ScopeAllocated):
                live[event.child] = event.quota or 0
            elif stream == under and isinstance(event, ScopeReleased):
                live.pop(event.child, None)
        spent = sum(used[name] for name in of_it & ended)
        assert self.market.grants[under].spent == spent
        assert sum(live.values()) + spent <= QUOTA + late

    @invariant()
    def nothing_stands_beside_what_is_exclusive(self) -> None:
        for live in (self.market.title.allocated, *(grant.allocated for grant in self.market.grants.values())):
            if any(one.kind is AllocationKind.EXCLUSIVE for one in live):
                assert len(live) == 1


TestLicences = Licences.TestCase
TestLicences.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


@pytest.mark.soak
def test_many_more_histories() -> None:
    run_state_machine_as_test(Licences, settings=settings(max_examples=2_000, stateful_step_count=60))
