"""Given a title and its grants, when a command, then events or a refusal. Each rule is broken once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.capability.events import Nature
from domain.errors import Rejected
from domain.governance.events import PartyKind
from domain.ids import PartyId, RightsGrantId, TitleId
from domain.rights.chain import Above, require_chain, require_links
from domain.rights.codes import languages, territory
from domain.rights.events import Resolution
from domain.rights.grant import Ended, Grant, InForce, Pending, granted_scope, standing
from domain.rights.grant_events import (
    AllocationKind,
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantKind,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ReleaseReason,
    RevocationReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.grant_rules import (
    AcceptGrant,
    ApproveGrant,
    DeclineGrant,
    Facts,
    ReinstateGrant,
    RevokeGrant,
    decide,
)
from domain.rights.scope import Window, contained
from domain.rights.scope_terms import LanguageTerms, scope_of, terms_of
from domain.rights.terms import NO_DUTIES, Field, Medium, Use
from domain.rights.title import Title
from domain.rights.title_rules import (
    AcceptTransfer,
    ApproveTransfer,
    ContestClaim,
    ProposeTransfer,
    ResolveClaim,
    require_standing,
)
from tests.grant_kit import (
    AGENCY,
    BUYER,
    DEEP,
    NOW,
    OTHER,
    OWNER,
    PAPER,
    STRANGER,
    STUDIO,
    TERMS,
    THIRD,
    TITLE,
    Chain,
    fold,
    holders,
    party,
    recording,
)
from tests.rights_kit import T0

DAY = timedelta(days=1)
SHALLOWER = replace(DEEP, sublicence_depth=2)
EXCLUSIVE, SOLE, ORDINARY = AllocationKind.EXCLUSIVE, AllocationKind.SOLE, AllocationKind.ORDINARY
NOWHERE = RightsGrantId(party(9_999))


def refused(chain: Chain, command: Any, who: PartyId, why: str) -> None:
    before = len(chain.log)
    with pytest.raises(Rejected, match=f"{type(command).__name__} refused: .*{why}"):
        chain.say(command, who)
    assert len(chain.log) == before


def revoke(grant: RightsGrantId, **changes: Any) -> RevokeGrant:
    fields: dict[str, Any] = {
        "grant": grant,
        "reason": RevocationReason.BREACH,
        "basis": PAPER,
        "effective_at": NOW - DAY,
    }
    return RevokeGrant(**{**fields, **changes})


def withdrawal(grant: RightsGrantId, **changes: Any) -> RevokeGrant:
    return revoke(grant, **{"reason": RevocationReason.CONSENT_WITHDRAWN, "basis": None, **changes})


def reinstate(grant: RightsGrantId, **changes: Any) -> ReinstateGrant:
    fields: dict[str, Any] = {"grant": grant, "basis": PAPER, "effective_at": NOW}
    return ReinstateGrant(**{**fields, **changes})


def now(chain: Chain, grant: RightsGrantId) -> Any:
    return standing(chain.grants[grant], chain.now)


class TestBirth:
    """A grant and what it takes of its giver are one append."""

    def test_birth_and_allocation(self) -> None:
        chain = Chain()
        born, allocated = chain.say(recording(share_bp=500, quota=7), OWNER)
        (grant,) = chain.grants
        assert born == GrantRecorded(
            kind=GrantKind.GRANT,
            title=TITLE,
            chain=(),
            grantor=OWNER,
            grantee=STUDIO,
            scope=terms_of(DEEP),
            allocation=ORDINARY,
            quota=7,
            share_bp=500,
            terms=TERMS,
            approvals=(),
        )
        assert allocated == ScopeAllocated(child=grant, kind=ORDINARY, scope=terms_of(DEEP), quota=None)  # type: ignore[arg-type]
        assert type(allocated) is ScopeAllocated and chain.title.allocated == (allocated,)
        assert granted_scope(chain.grants[grant]) == DEEP

    def test_below_a_grant_it_is_allocated_there(self) -> None:
        chain = Chain()
        parent = chain.granted(quota=7)
        born, allocated = chain.say(recording(SHALLOWER, chain=(parent,), grantee=AGENCY, quota=3), STUDIO)
        assert type(allocated) is SubscopeAllocated and allocated.quota == 3
        assert born.approvals == () and chain.grants[parent].allocated == (allocated,)

    @pytest.mark.parametrize(("kind", "asked"), [(ORDINARY, ()), (SOLE, (OTHER, THIRD)), (EXCLUSIVE, (OTHER, THIRD))])
    def test_which_co_owners_must_sign(self, kind: AllocationKind, asked: Any) -> None:
        chain = Chain(holders(OWNER=5_000, OTHER=3_000, THIRD=2_000))
        born, _ = chain.say(recording(allocation=kind), OWNER)
        assert born.approvals == asked

    def test_a_co_owner_that_gets_it_signs_by_accepting(self) -> None:
        born, _ = Chain().say(recording(allocation=EXCLUSIVE, grantee=OTHER), OWNER)
        assert born.approvals == ()

    def test_who_may_not_give(self) -> None:
        chain = Chain()
        refused(chain, recording(), STRANGER, "grantor: expected an owner of title")
        parent = chain.granted()
        below = recording(SHALLOWER, chain=(parent,), grantee=AGENCY)
        refused(chain, below, OWNER, f"grantor: expected {STUDIO}, the grantee of {parent}, found {OWNER}")

    def test_to_whom_it_may_not_be_given(self) -> None:
        chain = Chain(kinds={AGENCY: PartyKind.AGENT})
        refused(chain, recording(grantee=OWNER), OWNER, "grantee: expected another party than the grantor")
        refused(chain, recording(grantee=AGENCY), OWNER, "expected an enrolled person or organisation, found agent")
        refused(chain, recording(grantee=party(77)), OWNER, "found unspecified")

    def test_a_title_that_is_none(self) -> None:
        facts = Facts(
            grant=NOWHERE,
            who=OWNER,
            now=NOW,
            above=Above(TITLE, Title()),
            grantor=Chain().known(OWNER),
            grantee=Chain().known(STUDIO),
        )
        with pytest.raises(Rejected, match=r"RecordGrant refused: chain: .* is not a title of this ledger"):
            decide(Grant(), recording(), facts)

    def test_a_scope_that_is_none(self) -> None:
        broken = replace(terms_of(DEEP), languages=LanguageTerms(codes=("zho",)))
        refused(Chain(), replace(recording(), scope=broken), OWNER, "languages: ")

    @pytest.mark.parametrize(
        ("window", "why"),
        [
            (Window(T0, None), "window: expected a beginning and an end"),
            (Window(None, T0.replace(year=2031)), "window: expected a beginning and an end"),
            (Window(T0, NOW), "window: expected an end after now"),
        ],
    )
    def test_a_grant_says_for_how_long(self, window: Window, why: str) -> None:
        refused(Chain(), recording(replace(DEEP, window=window)), OWNER, why)


class TestContainment:
    """What is passed on lies inside what may be passed on; the component and both values are named."""

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"uses": frozenset({Use.TRAIN})}, "uses: granted project, translate; asked train; beyond: train"),
            ({"fields": frozenset({Field.GAME})}, "fields: granted film; asked game"),
            ({"natures": frozenset({Nature.RESEARCH})}, "natures: granted commercial; asked research"),
            ({"media": frozenset({Medium.DISC})}, "media: granted theatrical; asked disc"),
            ({"languages": languages("zh")}, "languages: granted all but zh; asked zh"),
            ({"territory": territory("US")}, "territory: granted CN, HK; asked US; beyond: US"),
            (
                {"window": Window(T0, T0.replace(year=2032))},
                "window: granted from 2026-01-01T00:00:00Z until before 2031-01-01T00:00:00Z; asked .* before 2032",
            ),
            ({"sublicence_depth": 3}, "sublicence depth: granted 2; asked 3"),
            ({"duties": NO_DUTIES}, "duties: granted with attribute, report usage every 90 days; asked with none"),
        ],
    )
    def test_each_component(self, changes: Any, why: str) -> None:
        chain = Chain()
        parent = chain.granted()
        refused(chain, recording(replace(SHALLOWER, **changes), chain=(parent,), grantee=AGENCY), STUDIO, why)

    def test_several_at_once_are_all_named(self) -> None:
        chain = Chain()
        parent = chain.granted()
        wider = replace(SHALLOWER, territory=territory("US"), media=frozenset({Medium.DISC}))
        refused(chain, recording(wider, chain=(parent,), grantee=AGENCY), STUDIO, "media: .*; territory: ")

    def test_where_nothing_may_be_passed_on(self) -> None:
        chain = Chain()
        parent = chain.granted(scope=replace(DEEP, sublicence_depth=0))
        flat = replace(DEEP, sublicence_depth=0)
        refused(chain, recording(flat, chain=(parent,), grantee=AGENCY), STUDIO, "sublicence depth: granted 0")

    def test_a_title_has_no_window_of_its_own(self) -> None:
        chain = Chain()
        born, _ = chain.say(recording(replace(DEEP, sublicence_depth=19)), OWNER)
        assert contained(scope_of(born.scope), replace(DEEP, sublicence_depth=19))
        refused(chain, recording(replace(DEEP, sublicence_depth=20)), OWNER, "sublicence depth: granted 19; asked 20")

    def test_twenty_links_and_no_more(self) -> None:
        chain = Chain()
        names: tuple[RightsGrantId, ...] = ()
        who, others = OWNER, (STUDIO, AGENCY)
        for depth in range(19, -1, -1):
            grantee = others[depth % 2]
            names = (
                *names,
                chain.granted(who, chain=names, scope=replace(DEEP, sublicence_depth=depth), grantee=grantee),
            )
            who = grantee
        assert len(names) == 20
        last = recording(replace(DEEP, sublicence_depth=0), chain=names, grantee=BUYER)
        refused(chain, last, who, "sublicence depth: granted 0")


class TestChain:
    """A command names its chain; each link hangs on those before it, and all of them hold."""

    def test_a_chain_that_is_none(self) -> None:
        chain = Chain()
        first, second = chain.granted(), chain.granted(grantee=AGENCY)
        below = chain.granted(STUDIO, chain=(first,), scope=SHALLOWER, grantee=AGENCY)
        flat = replace(DEEP, sublicence_depth=1)
        for links, why in (
            ((NOWHERE,), f"chain: {NOWHERE} is not a grant of this ledger"),
            ((below,), f"chain: expected {below} to hang on {TITLE} and all before that, found it on {first}"),
            ((second, below), f"chain: expected {below} to hang on {second} .*, found it on {first}"),
            ((first, second), f"chain: expected {second} to hang on {first} .*, found it on {TITLE}"),
            ((first, first), f"chain: expected {first} to hang on {first}"),
        ):
            refused(chain, recording(flat, chain=links, grantee=BUYER), AGENCY, why)

    def test_of_another_title(self) -> None:
        chain = Chain()
        first = chain.granted()
        other = TitleId(party(101))
        with pytest.raises(Rejected, match=f"expected grants of title {other}, found {first} of {TITLE}"):
            require_chain(Above(other, chain.title, (first,), (chain.grants[first],)))

    def test_a_link_that_does_not_bind_yet(self) -> None:
        chain = Chain()
        parent = chain.record(allocation=EXCLUSIVE)
        below = recording(SHALLOWER, chain=(parent,), grantee=AGENCY)
        refused(
            chain, below, STUDIO, f"grant {parent} does not bind yet: expected the approval of {OTHER}, its acceptance"
        )
        chain.say(AcceptGrant(grant=parent), STUDIO)
        refused(chain, below, STUDIO, f"expected the approval of {OTHER}$")
        chain.say(ApproveGrant(grant=parent), OTHER)
        chain.say(below, STUDIO)

    def test_a_link_that_is_revoked_or_whose_window_has_passed(self) -> None:
        chain = Chain()
        parent = chain.granted()
        middle = chain.granted(STUDIO, chain=(parent,), scope=SHALLOWER, grantee=AGENCY)
        below = recording(replace(DEEP, sublicence_depth=1), chain=(parent, middle), grantee=BUYER)
        chain.say(revoke(parent), OWNER)
        refused(chain, below, AGENCY, f"chain: grant {parent} has ended at 2026-11-24T12:00:00.*: breach")
        chain.say(reinstate(parent), OWNER)
        chain.now = T0.replace(year=2031)
        refused(chain, below, AGENCY, f"grant {parent} has ended at 2031-01-01T00:00:00.*: window passed")

    def test_a_link_whose_window_is_to_come_holds(self) -> None:
        chain = Chain()
        coming = replace(DEEP, window=Window(T0.replace(year=2028), T0.replace(year=2029)))
        parent = chain.granted(scope=coming)
        assert now(chain, parent) == Pending(begins=T0.replace(year=2028))
        chain.say(recording(replace(coming, sublicence_depth=2), chain=(parent,), grantee=AGENCY), STUDIO)

    def test_nothing_is_given_under_a_contested_title_or_one_that_fell(self) -> None:
        chain = Chain()
        parent, waiting = chain.granted(), chain.record(grantee=AGENCY)
        below = recording(SHALLOWER, chain=(parent,), grantee=AGENCY)
        chain.say(ContestClaim(title=TITLE, grounds=PAPER), STRANGER)
        for command, who in ((recording(), OWNER), (below, STUDIO), (AcceptGrant(grant=waiting), AGENCY)):
            refused(chain, command, who, "title: contested, contest 1 is not resolved")
        judged = ResolveClaim(
            title=TITLE, contest=1, outcome=Resolution.REJECTED, judgment=PAPER, effective_at=NOW - DAY
        )
        chain.say(judged, THIRD)
        for command, who in ((recording(), OWNER), (below, STUDIO), (AcceptGrant(grant=waiting), AGENCY)):
            refused(chain, command, who, "title: claim rejected from")
        require_standing(chain.title, NOW - 2 * DAY)
        with pytest.raises(Rejected, match="title: claim rejected from"):
            require_standing(chain.title, NOW - DAY)
        chain.say(revoke(parent), OWNER)  # but what was given can be ended


class TestAllocation:
    """What relates siblings."""

    ELSEWHERE = replace(DEEP, territory=territory("US"))

    @pytest.mark.parametrize("first", [ORDINARY, SOLE, EXCLUSIVE])
    @pytest.mark.parametrize("second", [ORDINARY, SOLE, EXCLUSIVE])
    def test_two_that_overlap_are_both_ordinary(self, first: AllocationKind, second: AllocationKind) -> None:
        chain = Chain(holders(OWNER=10_000))
        taken = chain.record(allocation=first)
        again = recording(allocation=second, grantee=AGENCY)
        if first is second is ORDINARY:
            chain.say(again, OWNER)
        else:
            refused(chain, again, OWNER, f"asked {second}; overlaps what is allocated {first} to {taken}")
        chain.say(recording(self.ELSEWHERE, allocation=second, grantee=AGENCY), OWNER)

    def test_windows_that_touch_do_not_overlap(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        chain.record(allocation=EXCLUSIVE)
        later = Window(T0.replace(year=2031), T0.replace(year=2032))
        chain.say(recording(replace(DEEP, window=later), allocation=EXCLUSIVE), OWNER)
        earlier = Window(later.since - timedelta(microseconds=1), later.until)  # type: ignore[operator]
        refused(chain, recording(replace(DEEP, window=earlier)), OWNER, "overlaps")

    @pytest.mark.parametrize("kind", [SOLE, EXCLUSIVE])
    def test_nobody_passes_on_more_than_is_theirs(self, kind: AllocationKind) -> None:
        chain = Chain(holders(OWNER=10_000))
        parent = chain.granted()
        below = recording(SHALLOWER, chain=(parent,), grantee=AGENCY, allocation=kind)
        refused(chain, below, STUDIO, f"allocation: granted ordinary; asked {kind}, which is more exclusive")

    def test_an_exclusive_one_is_passed_on_once(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        parent = chain.granted(allocation=EXCLUSIVE)
        below = recording(SHALLOWER, chain=(parent,), grantee=AGENCY, allocation=EXCLUSIVE)
        chain.say(below, STUDIO)
        refused(chain, below, STUDIO, "overlaps what is allocated exclusive")

    def test_units_are_taken_from_the_giver(self) -> None:
        chain = Chain()
        parent = chain.granted(quota=5)

        def below(quota: int | None) -> Any:
            return recording(SHALLOWER, chain=(parent,), grantee=AGENCY, quota=quota)

        refused(chain, below(None), STUDIO, "quota: granted 5, of which 5 are left; asked without a quota")
        refused(chain, below(6), STUDIO, "quota: granted 5, of which 5 are left; asked 6")
        chain.say(below(3), STUDIO)
        taken = list(chain.grants)[-1]
        refused(chain, below(3), STUDIO, "quota: granted 5, of which 2 are left; asked 3")
        chain.say(below(2), STUDIO)
        refused(chain, below(1), STUDIO, "of which 0 are left; asked 1")
        chain.say(DeclineGrant(grant=taken), AGENCY)
        chain.say(below(3), STUDIO)

    def test_an_ordinary_one_without_a_quota_has_no_end(self) -> None:
        chain = Chain()
        parent = chain.granted()
        for quota in (None, 1_000, 2_000):
            chain.say(recording(SHALLOWER, chain=(parent,), grantee=AGENCY, quota=quota), STUDIO)
        assert [one.quota for one in chain.grants[parent].allocated] == [None] * 3

    def test_so_many_and_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("domain.rights.allocation.ALLOCATIONS_MAX", 2)
        chain = Chain()
        chain.record()
        chain.record()
        refused(chain, recording(), OWNER, "at most 2 under one giver")


class TestSignatures:
    """Who must sign, signs; one by one, in any order."""

    @pytest.mark.parametrize("order", [(OTHER, THIRD, STUDIO), (STUDIO, THIRD, OTHER), (THIRD, STUDIO, OTHER)])
    def test_it_binds_with_the_last_signature(self, order: Any) -> None:
        chain = Chain(holders(OWNER=5_000, OTHER=3_000, THIRD=2_000))
        grant = chain.record(allocation=EXCLUSIVE)
        assert now(chain, grant) == Pending((OTHER, THIRD), True)
        for who in order:
            assert not isinstance(now(chain, grant), InForce)
            command = AcceptGrant(grant=grant) if who == STUDIO else ApproveGrant(grant=grant)
            expected = GrantAccepted() if who == STUDIO else GrantApproved(owner=who)
            assert chain.say(command, who) == [expected]
        assert now(chain, grant) == InForce()
        for command, who in ((AcceptGrant(grant=grant), STUDIO), (ApproveGrant(grant=grant), OTHER)):
            refused(chain, command, who, "binds already: nobody's signature is missing")

    def test_who_may_not_sign(self) -> None:
        chain = Chain()
        grant = chain.record(allocation=EXCLUSIVE)
        refused(chain, ApproveGrant(grant=grant), OWNER, f"approvals: expected one of those missing, {OTHER}")
        refused(chain, ApproveGrant(grant=grant), STUDIO, "approvals: expected one of those missing")
        refused(chain, AcceptGrant(grant=grant), OTHER, f"grantee: expected {STUDIO}, found {OTHER}")
        chain.say(AcceptGrant(grant=grant), STUDIO)
        refused(chain, AcceptGrant(grant=grant), STUDIO, "accepted already")
        ordinary = chain.record(grantee=AGENCY, scope=TestAllocation.ELSEWHERE)
        refused(chain, ApproveGrant(grant=ordinary), OTHER, "expected one of those missing, nobody")

    def test_what_is_no_grant(self) -> None:
        for command in (
            AcceptGrant(grant=NOWHERE),
            ApproveGrant(grant=NOWHERE),
            DeclineGrant(grant=NOWHERE),
            revoke(NOWHERE),
            reinstate(NOWHERE),
        ):
            refused(Chain(), command, OWNER, f"{NOWHERE} is not a grant of this ledger")
        with pytest.raises(AssertionError):
            standing(Grant(), NOW)
        with pytest.raises(AssertionError):
            granted_scope(Grant())
        assert Grant().missing == () and Grant().signers() == frozenset()

    @pytest.mark.parametrize("who", [STUDIO, OTHER])
    def test_whose_signature_is_missing_may_refuse_it(self, who: PartyId) -> None:
        chain = Chain()
        grant = chain.record(allocation=EXCLUSIVE)
        refused(chain, DeclineGrant(grant=grant), OWNER, "somebody whose signature is missing")
        declined, released = chain.say(DeclineGrant(grant=grant), who)
        assert declined == GrantDeclined(by=who)
        assert released == ScopeReleased(child=grant, reason=ReleaseReason.DECLINED)  # type: ignore[arg-type]
        assert now(chain, grant) == Ended(None, "declined") and chain.title.allocated == ()
        for command in (AcceptGrant(grant=grant), DeclineGrant(grant=grant)):
            refused(chain, command, STUDIO, "has ended: declined")
        refused(chain, revoke(grant), OWNER, "has ended already")
        refused(chain, reinstate(grant), OWNER, "is not revoked")
        chain.record(allocation=EXCLUSIVE)

    def test_who_has_signed_cannot_refuse_any_more(self) -> None:
        chain = Chain()
        grant = chain.record(allocation=EXCLUSIVE)
        chain.say(AcceptGrant(grant=grant), STUDIO)
        refused(chain, DeclineGrant(grant=grant), STUDIO, "somebody whose signature is missing")

    def test_an_offer_ends_with_its_window(self) -> None:
        chain = Chain()
        grant = chain.record()
        chain.now = T0.replace(year=2031)
        refused(chain, AcceptGrant(grant=grant), STUDIO, "has ended: window passed")

    @pytest.mark.parametrize("kind", [ORDINARY, EXCLUSIVE])
    def test_an_owner_that_came_in_meanwhile_is_not_bypassed(self, kind: AllocationKind) -> None:
        chain = Chain()
        grant = chain.record(allocation=kind)
        sell(chain, OWNER, 6_000)
        why = "who has transferred it" if kind is ORDINARY else f"found {BUYER} not asked: record anew"
        refused(chain, AcceptGrant(grant=grant), STUDIO, why)
        if kind is EXCLUSIVE:
            refused(chain, ApproveGrant(grant=grant), OTHER, why)

    def test_a_share_that_goes_to_one_who_signs_is_no_matter(self) -> None:
        chain = Chain()
        grant = chain.record(allocation=EXCLUSIVE)
        sell(chain, OWNER, 6_000, OTHER)
        chain.say(ApproveGrant(grant=grant), OTHER)
        chain.say(AcceptGrant(grant=grant), STUDIO)
        assert now(chain, grant) == InForce()


def sell(chain: Chain, giver: PartyId, share_bp: int, recipient: PartyId = BUYER) -> None:
    """Let a share change hands, with all signatures."""
    number = chain.title.proposals + 1
    chain.say(
        ProposeTransfer(title=TITLE, recipient=recipient, share_bp=share_bp, contract=TERMS, effective_at=NOW), giver
    )
    for owner in chain.title.parties():
        if owner not in (giver, recipient):
            chain.say(ApproveTransfer(title=TITLE, transfer=number), owner)
    chain.say(AcceptTransfer(title=TITLE, transfer=number), recipient)


class TestRevocation:
    """A grant ends, and may stand again; what it had is free meanwhile."""

    def test_it_ends_from_an_instant_on(self) -> None:
        chain = Chain()
        grant = chain.granted()
        revoked, released = chain.say(revoke(grant), OWNER)
        assert revoked == GrantRevoked(by=OWNER, reason=RevocationReason.BREACH, basis=PAPER, effective_at=NOW - DAY)
        assert released == ScopeReleased(child=grant, reason=ReleaseReason.REVOKED)  # type: ignore[arg-type]
        state = chain.grants[grant]
        assert standing(state, NOW - DAY - timedelta(microseconds=1)) == InForce()
        assert standing(state, NOW - DAY) == standing(state, NOW) == Ended(NOW - DAY, "breach")
        refused(chain, revoke(grant), OWNER, "has ended already")

    def test_who_may_not_and_what(self) -> None:
        chain = Chain()
        grant = chain.granted()
        refused(chain, revoke(grant), OTHER, f"grantor: expected {OWNER}, found {OTHER}")
        refused(chain, revoke(grant), STUDIO, f"grantor: expected {OWNER}, found {STUDIO}")
        refused(chain, revoke(grant, effective_at=NOW + DAY), OWNER, "effective_at: expected an instant not after now")
        refused(chain, revoke(grant, basis=None), OWNER, "basis: expected the document")
        refused(chain, revoke(grant, basis=TERMS), OWNER, "expected the document .* in the blob store")
        refused(chain, withdrawal(grant), OWNER, "reason: expected agreement, breach or judgment of a grant")
        refused(chain, reinstate(grant), OWNER, "is not revoked")

    def test_an_offer_is_taken_back(self) -> None:
        chain = Chain()
        grant = chain.record()
        chain.say(revoke(grant, reason=RevocationReason.AGREEMENT), OWNER)
        refused(chain, AcceptGrant(grant=grant), STUDIO, "has ended: agreement")

    def test_below_a_grant_it_is_released_there(self) -> None:
        chain = Chain()
        parent = chain.granted(quota=2)
        grant = chain.granted(STUDIO, chain=(parent,), scope=SHALLOWER, grantee=AGENCY, quota=2)
        refused(chain, revoke(grant), OWNER, f"grantor: expected {STUDIO}")
        _, released = chain.say(revoke(grant), STUDIO)
        assert type(released) is SubscopeReleased and chain.grants[parent].allocated == ()

    def test_who_bought_the_title_may_end_what_was_given_under_it(self) -> None:
        chain = Chain()
        grant = chain.granted()
        sell(chain, OWNER, 6_000)
        refused(chain, revoke(grant), OWNER, "grantor: expected")
        chain.say(revoke(grant), BUYER)
        refused(chain, reinstate(grant), BUYER, "who has transferred it")

    def test_it_stands_again(self) -> None:
        chain = Chain()
        grant = chain.granted(allocation=EXCLUSIVE)
        chain.say(revoke(grant), OWNER)
        refused(chain, reinstate(grant), OTHER, "grantor: expected")
        refused(chain, reinstate(grant, basis=None), OWNER, "basis: expected the document")
        refused(chain, reinstate(grant, effective_at=NOW + DAY), OWNER, "not after now")
        reinstated, allocated = chain.say(reinstate(grant), OWNER)
        assert reinstated == GrantReinstated(by=OWNER, basis=PAPER, effective_at=NOW)
        assert allocated.child == grant and allocated.kind is EXCLUSIVE
        state = chain.grants[grant]
        assert standing(state, NOW - DAY) == Ended(NOW - DAY, "breach") and standing(state, NOW) == InForce()
        assert standing(state, NOW - 2 * DAY) == InForce()

    def test_not_if_what_it_had_was_given_to_another(self) -> None:
        chain = Chain()
        grant = chain.granted(allocation=EXCLUSIVE)
        chain.say(revoke(grant), OWNER)
        chain.record(grantee=AGENCY)
        refused(chain, reinstate(grant), OWNER, "asked exclusive; overlaps what is allocated ordinary")

    def test_not_if_units_are_gone(self) -> None:
        chain = Chain()
        parent = chain.granted(quota=2)
        below = {"chain": (parent,), "scope": SHALLOWER, "grantee": AGENCY}
        grant = chain.granted(STUDIO, quota=2, **below)
        chain.say(revoke(grant), STUDIO)
        chain.granted(STUDIO, quota=1, **below)
        refused(chain, reinstate(grant), STUDIO, "of which 1 are left; asked 2")

    def test_not_without_the_owners_of_today(self) -> None:
        chain = Chain()
        grant = chain.granted(allocation=EXCLUSIVE)
        chain.say(revoke(grant), OWNER)
        sell(chain, OTHER, 4_000)
        refused(chain, reinstate(grant), OWNER, f"found {BUYER} not asked")


class TestConsent:
    """A person consents to a use of what is its own, and takes that back at any time (PIPL, art. 15)."""

    OPEN = replace(DEEP, window=Window(T0, None))

    def test_a_person_consents_without_an_end(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        grant = chain.granted(kind=GrantKind.CONSENT, scope=self.OPEN)
        assert now(chain, grant) == InForce()
        revoked, _ = chain.say(withdrawal(grant), OWNER)
        assert revoked.basis is None and now(chain, grant) == Ended(NOW - DAY, "consent_withdrawn")
        chain.say(reinstate(grant, basis=None), OWNER)

    def test_also_while_the_title_is_contested_or_sold(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        grant = chain.granted(kind=GrantKind.CONSENT, scope=self.OPEN)
        sell(chain, OWNER, 10_000)
        chain.say(ContestClaim(title=TITLE, grounds=PAPER), STRANGER)
        refused(chain, withdrawal(grant), BUYER, f"grantor: expected {OWNER}")
        chain.say(withdrawal(grant), OWNER)

    def test_what_hangs_below_falls_with_it(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        grant = chain.granted(kind=GrantKind.CONSENT)
        below = chain.granted(STUDIO, chain=(grant,), scope=SHALLOWER, grantee=AGENCY)
        chain.say(withdrawal(grant), OWNER)
        assert now(chain, below) == InForce(), "nothing is written there"
        above = Above(TITLE, chain.title, (grant, below), (chain.grants[grant], chain.grants[below]))
        with pytest.raises(Rejected, match=f"chain: grant {grant} has ended at .*: consent withdrawn"):
            require_links(above, NOW)

    def test_who_may_not_and_what(self) -> None:
        house = Chain(holders(OWNER=10_000), kinds={OWNER: PartyKind.ORGANISATION})
        refused(house, recording(kind=GrantKind.CONSENT), OWNER, "consent: expected a person, found organisation")
        chain = Chain(holders(OWNER=10_000))
        parent = chain.granted()
        below = recording(SHALLOWER, kind=GrantKind.CONSENT, chain=(parent,), grantee=AGENCY)
        refused(chain, below, STUDIO, "consent: expected the title alone above it")
        consent = chain.granted(kind=GrantKind.CONSENT, grantee=AGENCY)
        refused(chain, revoke(consent), OWNER, "reason: expected consent_withdrawn of a consent, found breach")


def test_what_was_decided_folds_to_the_same_state() -> None:
    chain = Chain()
    parent = chain.granted(allocation=EXCLUSIVE, quota=4)
    chain.granted(STUDIO, chain=(parent,), scope=SHALLOWER, grantee=AGENCY, quota=3)
    chain.say(revoke(parent), OWNER)
    chain.say(reinstate(parent), OWNER)
    title, found = fold(chain.log)
    assert title == chain.title and found == chain.grants
