"""Titles and grants under any order of commands by anybody, with others who write first.

What must never be is looked for in the log after each run, by a fold that is not the program's: shares that do not add
up, an exclusive promise beside another one, a grant wider than what it hangs on, an owner who did not sign, more units
than there are, something given while the claim was contested. Whether a command must be accepted is asked of no second
copy of the rules here: each rule has its test (`tests/unit/test_grant.py`); what this adds is their interplay.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.command import Command
from domain.errors import Rejected
from domain.events import Event
from domain.governance.events import PartyKind, Role
from domain.ids import PartyId, RightsGrantId, TitleId
from domain.rights.codes import territory
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    TransferAccepted,
    TransferApproved,
    TransferProposed,
)
from domain.rights.grant import Grant, InForce, standing
from domain.rights.grant_events import (
    AllocationKind,
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantKind,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    RevocationReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
)
from domain.rights.grant_rules import (
    AcceptGrant,
    ApproveGrant,
    DeclineGrant,
    ReinstateGrant,
    RevokeGrant,
)
from domain.rights.scope import Scope, Window, contained, meet, passed_on
from domain.rights.scope_terms import scope_of, terms_of
from domain.rights.title import WHOLE, Title
from domain.rights.title_rules import (
    AcceptTransfer,
    ApproveTransfer,
    ContestClaim,
    ProposeTransfer,
    ResolveClaim,
    WithdrawTransfer,
)
from producers.grants import GRANT
from producers.titles import TITLE
from tests import grant_kit as chains
from tests.conftest import LedgerDatabase
from tests.governance_kit import Town
from tests.grant_kit import AGENCY, BUYER, DEEP, OTHER, OWNER, PAPER, STUDIO, Chain
from tests.machine_kit import PostgresTown, overtaken, run_machine
from tests.rights_kit import FILM, T0
from tests.title_kit import TERMS, granting, titled

PARTIES: Final = 5
YEARS: Final = (2026, 2028, 2031)
SHARES: Final = (1_000, 3_000, 5_000, 10_000)
places = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
kinds = st.sampled_from([AllocationKind.ORDINARY] * 3 + [AllocationKind.SOLE] + [AllocationKind.EXCLUSIVE] * 2)
quotas = st.none() | st.integers(1, 3)
often = st.sampled_from([True, True, True, False])
seldom = st.sampled_from([False] * 5 + [True])
newest = st.sampled_from([0, 0, 0, 1, 2, 5])
days = st.sampled_from([0, 0, 1, 40])


@st.composite
def some_scopes(draw: st.DrawFn) -> Scope:
    """Scopes that differ in territory, window and depth: often one lies in another or overlaps it."""
    since, until = sorted(draw(st.sets(st.sampled_from(YEARS), min_size=2, max_size=2)))
    codes = draw(st.sets(st.sampled_from(["CN", "HK", "US"]), min_size=1))
    window = Window(T0.replace(year=since), T0.replace(year=until))
    return replace(FILM, territory=territory(*codes), window=window, sublicence_depth=draw(st.integers(0, 3)))


class Rights(RuleBasedStateMachine):
    """Anybody tries anything."""

    def __init__(self) -> None:
        super().__init__()
        self.town = self.make_town()
        self.titles: list[TitleId] = []
        self.grants: list[RightsGrantId] = []
        self.paper = self.town.put(b"reasons")
        self.accepted = 0

    def make_town(self) -> Town:
        """Return the town of one run."""
        return Town()

    @initialize(owners=st.integers(1, 3), kind=kinds, quota=quotas, chained=often)
    def a_title_and_a_grant(self, owners: int, kind: AllocationKind, quota: int | None, chained: bool) -> None:
        """Depth lies behind those."""
        self.parties = [self.town.enrol(PartyKind.PERSON, key=True) for _ in range(PARTIES)]
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.CLERK, key=True)
        self.titles = [titled(self.town, *self.parties[:owners])]
        self.record(0, 3, replace(FILM, sublicence_depth=3), kind, quota, False, True)
        if chained:
            self.pass_on(0, 0, 4, FILM, kind, quota, True, True)

    def at(self, place: int) -> PartyId:
        return self.parties[place % len(self.parties)]

    def give(self, command: Command, actor: PartyId) -> Any:
        """Give a command; it is written, or a rule says why not."""
        outcome = self.town.give(command, actor)
        assert outcome.error is None or type(outcome.error) is Rejected, (command, outcome.error)
        self.accepted += outcome.error is None
        return None if outcome.error is not None else outcome

    def past(self, days: int) -> Any:
        return self.town.now - timedelta(days=days)

    @rule(days=st.sampled_from([1, 1, 20, 300]))
    def time_passes(self, days: int) -> None:
        self.town.now += timedelta(days=days)

    # -- grants --------------------------------------------------------------------------------------------------------

    @rule(place=places, to=places, scope=some_scopes(), kind=kinds, quota=quotas, consent=seldom, signs=often)
    def record(
        self, place: int, to: int, scope: Scope, kind: AllocationKind, quota: int | None, consent: bool, signs: bool
    ) -> None:
        """Mostly an owner gives it, and mostly all sign at once: depth lies behind that."""
        owners = self.title().parties()
        grantor = self.at(place) if place > 2 else owners[place % len(owners)]
        consents = GrantKind.CONSENT if consent else GrantKind.GRANT
        self.record_under((), grantor, to, scope, signs, allocation=kind, quota=quota, kind=consents)

    @rule(
        which=newest, place=places, to=places, scope=some_scopes(), kind=kinds, quota=quotas, as_wide=often, signs=often
    )
    def pass_on(
        self,
        which: int,
        place: int,
        to: int,
        scope: Scope,
        kind: AllocationKind,
        quota: int | None,
        as_wide: bool,
        signs: bool,
    ) -> None:
        """Mostly its grantee passes on all that it may."""
        parent = self.grants[-1 - which % len(self.grants)]
        born = self.grant(parent).recorded
        assert born is not None
        widest = passed_on(scope_of(born.scope))
        scope = widest if as_wide and widest is not None else scope
        grantor = self.at(place) if place > 3 else born.grantee
        self.record_under((*born.chain, parent), grantor, to, scope, signs, allocation=kind, quota=quota)

    def record_under(
        self, chain: tuple[RightsGrantId, ...], grantor: PartyId, to: int, scope: Scope, signs: bool, **more: Any
    ) -> None:
        grantee = self.at(to) if self.at(to) != grantor else self.at(to + 1)
        outcome = self.give(granting(self.titles[0], grantee, scope, chain=chain, **more), grantor)
        if outcome is None:
            return
        grant = RightsGrantId(outcome.result())
        self.grants.append(grant)
        if signs:
            for owner in self.grant(grant).missing:
                self.give(ApproveGrant(grant=grant), owner)
            self.give(AcceptGrant(grant=grant), grantee)

    def grant(self, grant: RightsGrantId) -> Grant:
        state: Grant = self.town.load(grant, GRANT).state
        return state

    @rule(place=places, which=st.integers(0, 9), deed=st.sampled_from([ApproveGrant, AcceptGrant, DeclineGrant]))
    def sign(self, place: int, which: int, deed: Any) -> None:
        grant = self.grants[which % len(self.grants)]
        recorded = self.grant(grant).recorded
        assert recorded is not None
        who = recorded.grantee if place == 0 else self.at(place)
        self.give(deed(grant=grant), who)

    @rule(which=st.integers(0, 9), days=days, again=st.booleans(), place=places)
    def revoke(self, which: int, days: int, again: bool, place: int) -> None:
        self.try_revoke(which, days, place)
        if again:
            self.reinstate(which, days, place)

    def try_revoke(self, which: int, days: int, place: int) -> None:
        grant = self.grants[which % len(self.grants)]
        recorded = self.grant(grant).recorded
        assert recorded is not None
        consent = recorded.kind is GrantKind.CONSENT
        reason = RevocationReason.CONSENT_WITHDRAWN if consent else RevocationReason.BREACH
        command = RevokeGrant(grant=grant, reason=reason, basis=self.paper, effective_at=self.past(days))
        self.give(command, recorded.grantor if place < 3 else self.at(place))

    @rule(which=st.integers(0, 9), days=days, place=places)
    def reinstate(self, which: int, days: int, place: int) -> None:
        grant = self.grants[which % len(self.grants)]
        recorded = self.grant(grant).recorded
        assert recorded is not None
        command = ReinstateGrant(grant=grant, basis=self.paper, effective_at=self.past(days))
        self.give(command, recorded.grantor if place < 3 else self.at(place))

    # -- titles --------------------------------------------------------------------------------------------------------

    @rule(place=places, to=places, share=st.sampled_from(SHARES), days=days, signs=often)
    def propose(self, place: int, to: int, share: int, days: int, signs: bool) -> None:
        title = self.titles[0]
        command = ProposeTransfer(
            title=title, recipient=self.at(to), share_bp=share, contract=TERMS, effective_at=self.past(days)
        )
        if self.give(command, self.at(place)) and signs:
            number = self.title().proposals
            self.give(AcceptTransfer(title=title, transfer=number), self.at(to))
            for owner in self.title().parties():
                self.give(ApproveTransfer(title=title, transfer=number), owner)

    @rule(to=places, share=st.sampled_from(SHARES), kind=kinds)
    def sold_meanwhile(self, to: int, share: int, kind: AllocationKind) -> None:
        """Between the offer of a grant and its last signature a share changes hands."""
        owners, known = self.title().parties(), len(self.grants)
        everywhere = replace(FILM, territory=territory("JP"))
        self.record_under((), owners[0], 3, everywhere, False, allocation=kind)
        giver = self.parties.index(owners[-1])
        self.propose(giver, to, min(share, self.title().share_of(owners[-1])), 0, True)
        for grant in self.grants[known:]:
            for owner in self.grant(grant).missing:
                self.give(ApproveGrant(grant=grant), owner)
            grantee = self.grant(grant).recorded
            assert grantee is not None
            self.give(AcceptGrant(grant=grant), grantee.grantee)

    def title(self) -> Title:
        state: Title = self.town.load(self.titles[0], TITLE).state
        return state

    @rule(
        place=places,
        number=st.integers(1, 4),
        deed=st.sampled_from([ApproveTransfer, AcceptTransfer, WithdrawTransfer]),
    )
    def sign_transfer(self, place: int, number: int, deed: Any) -> None:
        open_now = self.title().transfers
        if open_now:
            number = open_now[number % len(open_now)].proposed.number
        self.give(deed(title=self.titles[0], transfer=number), self.at(place))

    @rule(place=places, days=days, falls=seldom, open_yet=seldom, yet=seldom)
    def contest(self, place: int, days: int, falls: bool, open_yet: bool, yet: bool) -> None:
        """Seldom; a claim that fell is contested by an owner, and stands again."""
        fallen = self.title().fallen(self.town.now) is not None
        if not (fallen or yet):
            self.pass_on(days, 0, place, FILM, AllocationKind.ORDINARY, 1, True, True)
            return
        who = self.title().parties()[0] if fallen else self.at(place)
        self.give(ContestClaim(title=self.titles[0], grounds=self.paper), who)
        if fallen or not open_yet:
            self.resolve(days, falls and not fallen)

    @rule(days=days, falls=seldom)
    def resolve(self, days: int, falls: bool) -> None:
        outcome = Resolution.REJECTED if falls else Resolution.UPHELD
        for one in self.title().contests:
            command = ResolveClaim(
                title=self.titles[0],
                contest=one.number,
                outcome=outcome,
                judgment=self.paper,
                effective_at=self.past(days),
            )
            self.give(command, self.clerk)

    @rule(to=places, scope=some_scopes(), kind=kinds, which=newest, rival=st.integers(0, 3), below=st.booleans())
    def overtaken(self, to: int, scope: Scope, kind: AllocationKind, which: int, rival: int, below: bool) -> None:
        """Between the reading and the writing of a grant somebody writes to what it rests on."""
        newest_first = len(self.grants) - 1 - which % len(self.grants)
        rivals: tuple[Callable[[], object], ...] = (
            lambda: self.try_revoke(newest_first, 0, 0),
            lambda: self.record(0, to, scope, kind, None, False, True),
            lambda: self.pass_on(which, 0, to, scope, kind, 1, True, True),
            lambda: self.give(ContestClaim(title=self.titles[0], grounds=self.paper), self.at(to)),
        )
        with overtaken(self.town.store, rivals[rival]):
            if below:
                self.pass_on(which, 0, to, scope, kind, 1, True, False)
            else:
                self.record(0, to, scope, kind, 1, False, False)

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def shares_add_up(self) -> None:
        if self.titles:
            owners = self.title().owners
            assert sum(one.share_bp for one in owners) == 10_000 and all(one.share_bp > 0 for one in owners)

    def teardown(self) -> None:
        """Look for what must never be, in the log alone."""
        judge = Judge()
        for row in self.town.store.rows(0, 10_000):
            decoded = self.town.application.codec.accept(row.entry)
            if row.type.startswith("edgeprint.rights."):
                judge.see(decoded.envelope.stream_id, decoded.event)
        judge.finish()
        for name in self.grants:
            state = self.grant(name)
            assert isinstance(standing(state, self.town.now), InForce) <= (state.accepted and not state.missing)
        self.town.application.close()


class Judge:
    """Reads the log of one title in order and fails at the first thing that must not be."""

    def __init__(self) -> None:
        self.owners: dict[UUID, int] = {}
        self.proposed: dict[int, TransferProposed] = {}
        self.signed: dict[int, set[UUID]] = {}
        self.contests: set[int] = set()
        self.born: dict[UUID, GrantRecorded] = {}
        self.signers: dict[UUID, set[UUID]] = {}
        self.live: dict[UUID, dict[UUID, ScopeAllocated]] = {}
        self.ended: set[UUID] = set()
        self.bound: set[UUID] = set()

    def see(self, stream: UUID, event: Event) -> None:
        match event:
            case RightsClaimed(owners=owners):
                self.owners = {one.party: one.share_bp for one in owners}
            case TransferProposed(number=number, giver=giver):
                assert not self.contests and self.owners[giver] >= event.share_bp
                self.proposed[number], self.signed[number] = event, {giver}
            case TransferApproved(number=number, owner=owner):
                assert not self.contests and owner in self.owners
                self.signed[number].add(owner)
            case TransferAccepted(number=number, recipient=recipient):
                assert not self.contests
                self.signed[number].add(recipient)
            case OwnershipTransferred(number=number, recipient=recipient):
                assert set(self.owners) <= self.signed[number], "a co-owner was bypassed"
                assert recipient in self.signed[number]
                self.owners[event.giver] -= event.share_bp
                assert self.owners[event.giver] >= 0, "more than was owned"
                self.owners[recipient] = self.owners.get(recipient, 0) + event.share_bp
                self.owners = {party: share for party, share in self.owners.items() if share}
                assert sum(self.owners.values()) == 10_000
            case ClaimContested(number=number):
                self.contests.add(number)
            case ClaimResolved(number=number):
                self.contests.discard(number)
            case ScopeAllocated():
                self.allocated(stream, event)
            case ScopeReleased(child=child):
                del self.live[stream][child]
            case _:
                self.see_grant(stream, event)

    def see_grant(self, grant: UUID, event: Event) -> None:
        match event:
            case GrantRecorded():
                self.birth(grant, event)
            case GrantApproved(owner=owner):
                assert not self.contests and owner in self.born[grant].approvals, (
                    "who was asked, a seller since included"
                )
                self.signers[grant].add(owner)
                self.binds(grant)
            case GrantAccepted():
                assert not self.contests
                self.signers[grant].add(self.born[grant].grantee)
                self.binds(grant)
            case GrantDeclined():
                assert grant not in self.bound
                self.ended.add(grant)
            case GrantRevoked():
                assert grant not in self.ended
                self.ended.add(grant)
            case GrantReinstated():
                self.ended.discard(grant)
                self.binds(grant)

    def birth(self, grant: UUID, born: GrantRecorded) -> None:
        assert not self.contests, "given while the claim was contested"
        self.born[grant], self.signers[grant] = born, {born.grantor}
        outer = WHOLE
        for place, link in enumerate(born.chain):
            assert self.born[link].chain == born.chain[:place], "a chain that is none"
            assert link in self.bound and link not in self.ended, "under a grant that does not hold"
            outer = scope_of(self.born[link].scope)
        passed = passed_on(outer)
        assert passed is not None and contained(scope_of(born.scope), passed), "wider than what it hangs on"
        if born.chain:
            assert self.born[born.chain[-1]].grantee == born.grantor
        else:
            assert born.grantor in self.owners

    def binds(self, grant: UUID) -> None:
        born = self.born[grant]
        if not {born.grantee, *born.approvals} <= self.signers[grant]:
            return
        self.bound.add(grant)
        if not born.chain and born.allocation is not AllocationKind.ORDINARY:
            assert set(self.owners) <= self.signers[grant], "a co-owner was bypassed"

    def allocated(self, giver: UUID, new: ScopeAllocated) -> None:
        live = self.live.setdefault(giver, {})
        for other in live.values():
            if meet(scope_of(other.scope), scope_of(new.scope)) is not None:
                assert {other.kind, new.kind} == {AllocationKind.ORDINARY}, "two promises of one right"
        assert new.child not in live
        live[new.child] = new
        quota = self.born[giver].quota if giver in self.born else None
        if quota is not None:
            assert sum(one.quota or 0 for one in live.values()) <= quota and new.quota, "more units than there are"

    def finish(self) -> None:
        """Each allocation belongs to a grant that has not ended, and each such grant has its allocation."""
        promised = {child for live in self.live.values() for child in live}
        assert promised == set(self.born) - self.ended, "an allocation for each grant that has not ended, and no other"


def test_any_order_of_commands() -> None:
    run_machine(Rights, 50, steps=25)


@pytest.mark.soak
def test_any_order_of_commands_for_long() -> None:
    run_machine(Rights, 2_000, steps=30)


Log = list[tuple[UUID, Event]]


def a_history() -> Log:
    """An exclusive grant that both owners signed, units passed on below it, a transfer, and a contest that ends."""
    chain = Chain()
    grant = chain.granted(allocation=AllocationKind.EXCLUSIVE, quota=2)
    shallow = replace(DEEP, sublicence_depth=2)
    chain.granted(STUDIO, chain=(grant,), scope=shallow, grantee=AGENCY, quota=1)
    offer = ProposeTransfer(title=chains.TITLE, recipient=BUYER, share_bp=1_000, contract=TERMS, effective_at=chain.now)
    chain.say(offer, OWNER)
    chain.say(ApproveTransfer(title=chains.TITLE, transfer=1), OTHER)
    chain.say(AcceptTransfer(title=chains.TITLE, transfer=1), BUYER)
    chain.say(ContestClaim(title=chains.TITLE, grounds=PAPER), AGENCY)
    return chain.log


def without(kind: type[Event]) -> Callable[[Log], Log]:
    return lambda log: [one for one in log if type(one[1]) is not kind]


def twice(kind: type[Event], **changes: Any) -> Callable[[Log], Log]:
    """Write an event of a kind once more at the end, changed."""

    def forged(log: Log) -> Log:
        stream, event = next(one for one in log if type(one[1]) is kind)
        return [*log, (stream, replace(event, **changes))]  # type: ignore[type-var]  # every event is a dataclass

    return forged


def wider(log: Log) -> Log:
    """Let the grant below say more than the one above it."""
    found = [event for _, event in log if isinstance(event, GrantRecorded)][1]
    more = replace(found, scope=terms_of(replace(DEEP, territory=territory("US"))))
    return [(stream, more if event is found else event) for stream, event in log]


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (without(GrantApproved), "under a grant that does not hold"),
        (without(TransferApproved), "a co-owner was bypassed"),
        (without(ClaimContested), None),
        (twice(ScopeAllocated, child=UUID(int=1)), "two promises of one right"),
        (
            twice(SubscopeAllocated, child=UUID(int=1), quota=2),
            "more units than there are",
        ),
        (twice(GrantRecorded), "given while the claim was contested"),
        (wider, "wider than what it hangs on"),
        (without(ScopeAllocated), "an allocation for each"),
    ],
)
def test_the_judge_finds_what_must_not_be(forge: Callable[[Log], Log], why: str | None) -> None:
    """An oracle that lets everything pass would say nothing."""
    judge = Judge()

    def read() -> None:
        for stream, event in forge(a_history()):
            judge.see(stream, event)
        judge.finish()

    if why is None:
        read()
        return
    with pytest.raises(AssertionError, match=why):
        read()


@pytest.mark.soak
def test_any_order_of_commands_on_postgresql(make_ledger_database: Callable[[], LedgerDatabase]) -> None:
    class OnPostgres(Rights):
        """The same over a database of its own for each run; its clock takes no entry far from its own, so it stands."""

        def make_town(self) -> Town:
            self.postgres = PostgresTown(make_ledger_database())
            return self.postgres.town

        def time_passes(self, days: int) -> None:
            del days

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.postgres.close()

    run_machine(OnPostgres, 50, steps=25)
