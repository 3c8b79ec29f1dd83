"""Title: who owns a work and why; the root of every authorisation chain. Its commands stand in `title_rules`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from domain.events import Sha256
from domain.ids import PartyId
from domain.rights.allocation import Live, evolve_live
from domain.rights.codes import languages, territory
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    RightsRegistered,
    TransferAccepted,
    TransferApproved,
    TransferProposed,
    TransferWithdrawn,
)
from domain.rights.grant_events import ScopeAllocated, ScopeReleased
from domain.rights.scope import SUBLICENCE_DEPTH_MAX, WORDS, Scope
from domain.rights.settlement import Holder
from domain.rights.turns import Turn, fallen

WHOLE: Final = Scope(
    **{word: frozenset(one for one in words if one != "unspecified") for word, words in WORDS.items()},  # type: ignore[arg-type]
    languages=languages(all_but=True),
    territory=territory(all_but=True),
    sublicence_depth=SUBLICENCE_DEPTH_MAX,
)
"""What an owner may do: everything that a scope can say, without end, on no terms."""

TitleEvent = (
    RightsClaimed
    | RightsRegistered
    | TransferProposed
    | TransferApproved
    | TransferAccepted
    | TransferWithdrawn
    | OwnershipTransferred
    | ClaimContested
    | ClaimResolved
    | ScopeAllocated
    | ScopeReleased
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A proposal that is open, who has agreed, and whether the recipient takes it."""

    proposed: TransferProposed
    approvals: frozenset[PartyId] = frozenset()
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Title:
    """The claim as it stands; `claimed` is None before any. `contests` and `transfers` are those that are open."""

    claimed: RightsClaimed | None = None
    owners: tuple[Holder, ...] = ()
    registrations: tuple[RightsRegistered, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    transferred: tuple[OwnershipTransferred, ...] = ()
    proposals: int = 0
    contests: tuple[ClaimContested, ...] = ()
    contested: int = 0
    turns: tuple[Turn, ...] = ()
    allocated: Live = ()

    @property
    def work(self) -> Sha256 | None:
        """Return SHA-256 of the work's bytes."""
        return None if self.claimed is None else self.claimed.work

    @property
    def statement(self) -> Sha256 | None:
        """Return the digest of the statement that names the work."""
        return None if self.claimed is None else self.claimed.statement

    def parties(self) -> tuple[PartyId, ...]:
        """Return the owners of today, by ascending identifier."""
        return tuple(one.party for one in self.owners)

    def share_of(self, party: PartyId) -> int:
        """Return what a party owns, in bp; 0: nothing."""
        return next((one.share_bp for one in self.owners if one.party == party), 0)

    def fallen(self, instant: datetime) -> Turn | None:
        """Return the judgment by which the claim has fallen at an instant, None where it stands."""
        return fallen(self.turns, instant)


def moved(owners: Sequence[Holder], giver: PartyId, recipient: PartyId, share_bp: int) -> tuple[Holder, ...]:
    """Return the owners after a share has moved, by ascending identifier; who owns nothing is none."""
    shares = {one.party: one.share_bp for one in owners}
    shares[giver] -= share_bp
    shares[recipient] = shares.get(recipient, 0) + share_bp
    return tuple(Holder(party=party, share_bp=shares[party]) for party in sorted(shares) if shares[party])


def evolve(title: Title, event: TitleEvent) -> Title:
    """Return the state after `event`."""
    match event:
        case RightsClaimed():
            return replace(title, claimed=event, owners=event.owners)
        case RightsRegistered():
            return replace(title, registrations=(*title.registrations, event))
        case TransferProposed(number=number, giver=giver):
            others = tuple(one for one in title.transfers if one.proposed.giver != giver)
            return replace(title, transfers=(*others, Transfer(event)), proposals=number)
        case TransferApproved(number=number, owner=owner):
            return _open(title, number, lambda one: replace(one, approvals=one.approvals | {owner}))
        case TransferAccepted(number=number):
            return _open(title, number, lambda one: replace(one, accepted=True))
        case TransferWithdrawn(number=number):
            return replace(title, transfers=_without(title, number))
        case OwnershipTransferred():
            return replace(
                title,
                owners=moved(title.owners, event.giver, event.recipient, event.share_bp),
                transfers=_without(title, event.number),
                transferred=(*title.transferred, event),
            )
        case ClaimContested(number=number):
            return replace(title, contests=(*title.contests, event), contested=number)
        case ClaimResolved(number=number, outcome=outcome, effective_at=effective_at):
            left = tuple(one for one in title.contests if one.number != number)
            turn = Turn(effective_at, outcome is Resolution.REJECTED, "claim_rejected")
            return replace(title, contests=left, turns=(*title.turns, turn))
        case ScopeAllocated() | ScopeReleased():
            return replace(title, allocated=evolve_live(title.allocated, event))
        case _:
            assert_never(event)


def _without(title: Title, number: int) -> tuple[Transfer, ...]:
    return tuple(one for one in title.transfers if one.proposed.number != number)


def _open(title: Title, number: int, change: Callable[[Transfer], Transfer]) -> Title:
    changed = tuple(change(one) if one.proposed.number == number else one for one in title.transfers)
    return replace(title, transfers=changed)
