"""Given events of a title, when a command, then events or a refusal. Each rule is broken once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Rejected
from domain.governance.events import PartyKind
from domain.rights import title
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    RightsRegistered,
    Root,
    TransferAccepted,
    TransferApproved,
    TransferProposed,
    TransferWithdrawn,
    registration_key,
    title_key,
)
from domain.rights.scope import SUBLICENCE_DEPTH_MAX, contained, passed_on
from domain.rights.title import WHOLE, Title
from domain.rights.title_rules import (
    CONTESTS_MAX,
    AcceptTransfer,
    ApproveTransfer,
    ClaimRights,
    ContestClaim,
    Facts,
    ProposeTransfer,
    RegisterRights,
    ResolveClaim,
    WithdrawTransfer,
    decide,
)
from tests.grant_kit import (
    BUYER,
    NOW,
    OTHER,
    OWNER,
    PAPER,
    STATEMENT,
    STRANGER,
    STUDIO,
    TERMS,
    THIRD,
    TITLE,
    WORK,
    Chain,
    holders,
    party,
)
from tests.rights_kit import FILM

DAY = timedelta(days=1)
CLAIM = ClaimRights(work=WORK, root=Root.OWN_CREATION, statement=STATEMENT)
REGISTER = RegisterRights(title=TITLE, register="cn.ccopyright", number="国作登字-2026-A-1", certificate=PAPER)
CONTEST = ContestClaim(title=TITLE, grounds=PAPER)


def offer(share_bp: int = 6_000, **changes: Any) -> ProposeTransfer:
    fields = {"title": TITLE, "recipient": BUYER, "share_bp": share_bp, "contract": TERMS, "effective_at": NOW - DAY}
    return ProposeTransfer(**{**fields, **changes})


def approve(number: int = 1) -> ApproveTransfer:
    return ApproveTransfer(title=TITLE, transfer=number)


def accept(number: int = 1) -> AcceptTransfer:
    return AcceptTransfer(title=TITLE, transfer=number)


def withdraw(number: int = 1) -> WithdrawTransfer:
    return WithdrawTransfer(title=TITLE, transfer=number)


def resolve(outcome: Resolution = Resolution.UPHELD, contest: int = 1, **changes: Any) -> ResolveClaim:
    fields = {"title": TITLE, "contest": contest, "outcome": outcome, "judgment": PAPER, "effective_at": NOW}
    return ResolveClaim(**{**fields, **changes})


def refused(chain: Chain, command: Any, who: Any, why: str) -> None:
    """The command is refused, by its own name, and leaves no event."""
    before = len(chain.log)
    with pytest.raises(Rejected, match=f"{type(command).__name__} refused: .*{why}"):
        chain.say(command, who)
    assert len(chain.log) == before


class TestClaim:
    """Whose a work is."""

    def test_a_claim_makes_a_title_found_by_its_content(self) -> None:
        events = decide(Title(), CLAIM, Facts(title=TITLE, who=OWNER, now=NOW))
        whole = holders(OWNER=10_000)
        expected = RightsClaimed(holder=OWNER, work=WORK, root=Root.OWN_CREATION, owners=whole, statement=STATEMENT)
        assert events == (expected,)
        assert expected.keys().take == (title_key(OWNER, WORK),)
        state = title.evolve(Title(), expected)
        assert (state.claimed, state.work, state.statement) == (expected, WORK, STATEMENT)
        assert state.owners == whole

    def test_nobody_has_a_title_before(self) -> None:
        state = Title()
        assert (state.claimed, state.work, state.statement) == (None, None, None)

    def test_owners_are_kept_in_the_order_of_parties(self) -> None:
        chain = Chain(holders(OTHER=1, OWNER=9_999))
        assert chain.title.owners == holders(OWNER=9_999, OTHER=1)

    def test_a_title_is_claimed_once(self) -> None:
        chain = Chain()
        assert chain.say(CLAIM, OWNER) == []
        again = replace(CLAIM, owners=holders(OTHER=4_000, OWNER=6_000))
        assert chain.say(again, OWNER) == []
        refused(chain, replace(CLAIM, owners=holders(OWNER=10_000)), OWNER, "for other owners: transfer it")

    @pytest.mark.parametrize(
        ("owners", "why"),
        [
            (holders(OWNER=6_000, OTHER=3_999), "10000 bp in all, found 9999"),
            (holders(OWNER=6_000, OTHER=4_001), "10000 bp in all, found 10001"),
            ((*holders(OWNER=5_000), *holders(OWNER=5_000)), "found one twice"),
            (holders(OTHER=10_000), "expected .*, who claims, among them"),
        ],
    )
    def test_owners_that_are_none(self, owners: Any, why: str) -> None:
        with pytest.raises(Rejected, match=why):
            Chain(owners)

    @pytest.mark.parametrize("kind", [PartyKind.UNSPECIFIED, PartyKind.AGENT])
    def test_a_co_owner_is_an_enrolled_person_or_organisation(self, kind: PartyKind) -> None:
        with pytest.raises(Rejected, match=f"expected an enrolled person or organisation, found {kind}"):
            Chain(kinds={OTHER: kind})

    def test_commands_on_no_title(self) -> None:
        for command in (REGISTER, offer(), approve(), accept(), withdraw(), CONTEST, resolve()):
            with pytest.raises(Rejected, match="is not a title of this ledger"):
                decide(Title(), command, Facts(title=TITLE, who=OWNER, now=NOW))

    def test_it_is_whole(self) -> None:
        passed = passed_on(WHOLE)
        assert passed is not None and passed.sublicence_depth == SUBLICENCE_DEPTH_MAX - 1
        assert contained(FILM, passed) and contained(replace(passed, window=FILM.window), passed)


class TestRegistration:
    """A register lists it."""

    def test_a_registrar_records_it(self) -> None:
        (event,) = Chain().say(REGISTER, STRANGER)
        assert event == RightsRegistered(register="cn.ccopyright", number=REGISTER.number, certificate=PAPER)
        assert event.keys().take == (registration_key("cn.ccopyright", REGISTER.number),)

    def test_what_is_refused(self) -> None:
        chain = Chain()
        refused(chain, REGISTER, OTHER, "who owns a title does not judge it")
        refused(chain, replace(REGISTER, certificate=TERMS), STRANGER, "expected the document .* in the blob store")
        refused(chain, replace(REGISTER, register="CN/x"), STRANGER, "expected a register such as cn.ccopyright")
        refused(chain, replace(REGISTER, number=" 1"), STRANGER, "without spaces around it")
        chain.taken = True
        refused(chain, REGISTER, STRANGER, "stands on a title already")

    def test_so_many_and_no_more(self) -> None:
        chain = Chain()
        for number in range(20):
            chain.say(replace(REGISTER, number=f"number {number}"), STRANGER)
        refused(chain, REGISTER, STRANGER, "at most 20 registrations")

    def test_not_while_it_is_contested(self) -> None:
        chain = Chain()
        chain.say(CONTEST, STRANGER)
        refused(chain, REGISTER, STUDIO, "contest 1 is not resolved")


class TestTransfer:
    """Owners and the recipient sign one by one."""

    def test_a_sole_owner_needs_only_the_recipient(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        (proposed,) = chain.say(offer(10_000), OWNER)
        assert proposed == TransferProposed(
            number=1, giver=OWNER, recipient=BUYER, share_bp=10_000, contract=TERMS, effective_at=NOW - DAY
        )
        accepted, moved = chain.say(accept(), BUYER)
        assert accepted == TransferAccepted(number=1, recipient=BUYER)
        assert moved == OwnershipTransferred(
            number=1, giver=OWNER, recipient=BUYER, share_bp=10_000, contract=TERMS, effective_at=NOW - DAY
        )
        assert chain.title.owners == holders(BUYER=10_000) and chain.title.transfers == ()

    @pytest.mark.parametrize("last", ["approval", "acceptance"])
    def test_the_last_signature_moves_the_share(self, last: str) -> None:
        chain = Chain(holders(OWNER=5_000, OTHER=3_000, THIRD=2_000))
        chain.say(offer(4_000), OWNER)
        assert chain.say(approve(), THIRD) == [TransferApproved(number=1, owner=THIRD)]
        if last == "approval":
            assert len(chain.say(accept(), BUYER)) == 1
            events = chain.say(approve(), OTHER)
        else:
            assert len(chain.say(approve(), OTHER)) == 1
            events = chain.say(accept(), BUYER)
        assert [type(event) for event in events[1:]] == [OwnershipTransferred]
        assert chain.title.owners == holders(OWNER=1_000, OTHER=3_000, THIRD=2_000, BUYER=4_000)

    def test_a_co_owner_that_gets_it_signs_once(self) -> None:
        chain = Chain()
        chain.say(offer(recipient=OTHER), OWNER)
        assert len(chain.say(accept(), OTHER)) == 2
        assert chain.title.owners == holders(OTHER=10_000)

    def test_no_co_owner_is_bypassed_by_one_who_came_in_meanwhile(self) -> None:
        """Whose signatures are needed is asked when the last one comes."""
        chain = Chain()
        chain.say(offer(1_000), OWNER)
        chain.say(approve(), OTHER)
        chain.say(offer(2_000, recipient=THIRD), OTHER)
        chain.say(approve(2), OWNER)
        chain.say(accept(2), THIRD)
        assert len(chain.say(accept(1), BUYER)) == 1, "the third owns a part now and has not signed"
        assert len(chain.say(approve(1), THIRD)) == 2
        assert chain.title.owners == holders(OWNER=5_000, OTHER=2_000, THIRD=2_000, BUYER=1_000)

    def test_a_new_proposal_takes_the_place_of_the_old_one(self) -> None:
        chain = Chain()
        chain.say(offer(1_000), OWNER)
        chain.say(offer(6_000, recipient=STUDIO), OWNER)
        chain.say(offer(4_000), OTHER)
        assert [one.proposed.number for one in chain.title.transfers] == [2, 3]
        refused(chain, accept(1), BUYER, "expected an open transfer \\(2, 3\\), found 1")

    def test_who_may_not_propose_and_what(self) -> None:
        chain = Chain(kinds={STUDIO: PartyKind.SERVICE})
        refused(chain, offer(), STRANGER, "expected one of the 2 owners")
        refused(chain, offer(6_001), OWNER, "at most the 6000 bp that you own: 6001")
        refused(chain, offer(recipient=OWNER), OWNER, "another recipient than the owner itself")
        refused(chain, offer(recipient=STUDIO), OWNER, "found service")
        refused(chain, offer(recipient=party(99)), OWNER, "found unspecified")
        refused(chain, offer(effective_at=NOW + DAY), OWNER, "effective_at: expected an instant not after now")

    def test_who_may_not_sign(self) -> None:
        chain = Chain()
        chain.say(offer(1_000), OWNER)
        refused(chain, approve(), OWNER, "another owner than the giver")
        refused(chain, approve(), STRANGER, "another owner than the giver")
        refused(chain, accept(), OTHER, "expected the recipient")
        chain.say(approve(), OTHER)
        refused(chain, approve(), OTHER, "has approved transfer 1 already")
        refused(chain, withdraw(), OTHER, "expected its giver or its recipient")
        refused(chain, accept(9), BUYER, "found 9")
        waiting = Chain()
        waiting.say(offer(1_000), OWNER)
        waiting.say(accept(), BUYER)
        refused(waiting, accept(), BUYER, "is accepted already")

    @pytest.mark.parametrize("by", [OWNER, BUYER])
    def test_a_proposal_is_withdrawn(self, by: Any) -> None:
        chain = Chain()
        chain.say(offer(), OWNER)
        assert chain.say(withdraw(), by) == [TransferWithdrawn(number=1, by=by)]
        refused(chain, approve(), OTHER, "found 1")

    def test_nobody_gives_more_than_is_left(self) -> None:
        """What was offered may have gone before it is taken."""
        chain = Chain()
        chain.say(offer(6_000), OWNER)
        chain.say(offer(4_000, recipient=OWNER), OTHER)
        chain.say(accept(2), OWNER)  # the giver and the recipient are all owners
        assert chain.title.owners == holders(OWNER=10_000)
        chain.say(offer(10_000, recipient=STUDIO), OWNER)
        refused(chain, accept(1), BUYER, "found 1")
        chain.say(accept(3), STUDIO)
        assert chain.title.owners == holders(STUDIO=10_000)

    def test_transfers_do_not_overtake_each_other(self) -> None:
        """An owner at an instant is found by the order of the transfers alone."""
        chain = Chain(holders(OWNER=10_000))
        chain.say(offer(1_000, effective_at=NOW - DAY), OWNER)
        chain.say(accept(), BUYER)
        refused(chain, offer(1_000, effective_at=NOW - 2 * DAY), OWNER, "not before that of the last transfer")
        chain.say(offer(1_000, effective_at=NOW - DAY), OWNER)
        chain.say(approve(2), BUYER)
        chain.say(offer(500, recipient=OWNER, effective_at=NOW), BUYER)
        chain.say(accept(3), OWNER)
        refused(chain, accept(2), BUYER, "not before that of the last transfer")

    def test_who_owns_nothing_any_more_is_no_owner(self) -> None:
        chain = Chain(holders(OWNER=10_000))
        chain.say(offer(1_000), OWNER)
        chain.say(accept(), BUYER)
        assert chain.title.owners == holders(OWNER=9_000, BUYER=1_000)
        chain.say(offer(9_000), OWNER)
        chain.say(accept(2), BUYER)
        assert chain.title.owners == holders(BUYER=10_000)


class TestContest:
    """A dispute, and how it ends."""

    def test_while_it_is_contested_nothing_moves(self) -> None:
        chain = Chain()
        chain.say(offer(1_000), OWNER)
        (event,) = chain.say(CONTEST, STRANGER)
        assert event == ClaimContested(number=1, by=STRANGER, grounds=PAPER)
        for command, who in ((offer(4_000), OTHER), (approve(), OTHER), (accept(), BUYER)):
            refused(chain, command, who, "title: contested, contest 1 is not resolved")
        chain.say(withdraw(), OWNER)  # but a proposal may be taken back
        assert chain.say(resolve(), STUDIO) == [
            ClaimResolved(number=1, outcome=Resolution.UPHELD, judgment=PAPER, effective_at=NOW)
        ]
        chain.say(offer(), OWNER)

    def test_what_is_refused(self) -> None:
        chain = Chain()
        refused(chain, replace(CONTEST, grounds=TERMS), STRANGER, "expected the document")
        chain.say(CONTEST, STRANGER)
        refused(chain, CONTEST, STRANGER, "you contest this title already")
        refused(chain, resolve(), STRANGER, "who contests a claim does not resolve the contest")
        refused(chain, resolve(), OTHER, "who owns a title does not judge it")
        refused(chain, resolve(contest=2), STUDIO, "expected the number of an open contest, found 2")
        refused(chain, resolve(judgment=TERMS), STUDIO, "expected the document")
        refused(chain, resolve(effective_at=NOW + DAY), STUDIO, "not after now")

    def test_so_many_and_no_more(self) -> None:
        chain = Chain()
        for number in range(CONTESTS_MAX):
            chain.say(CONTEST, party(500 + number))
        refused(chain, CONTEST, STRANGER, f"at most {CONTESTS_MAX} contests")

    def test_a_claim_falls_and_may_stand_again(self) -> None:
        """From the instant on that the judgment says; what the last judgment says counts."""
        chain = Chain()
        chain.say(CONTEST, STRANGER)
        chain.say(resolve(Resolution.REJECTED, effective_at=NOW - 2 * DAY), STUDIO)
        state = chain.title
        assert state.fallen(NOW - 3 * DAY) is None
        assert state.fallen(NOW - 2 * DAY) is not None and state.fallen(NOW) is not None
        refused(chain, offer(), OWNER, "title: claim rejected from 2026-11-23")
        chain.say(CONTEST, OWNER)  # an appeal
        chain.say(resolve(Resolution.UPHELD, contest=2, effective_at=NOW - DAY), STUDIO)
        assert chain.title.fallen(NOW) is None and chain.title.fallen(NOW - 2 * DAY) is not None
        chain.say(offer(), OWNER)
