"""Grant: one link of a chain of authorisation, from an owner of a title down. Its commands stand in `grant_rules`.

Whether a grant is in force is never stored. `standing` answers it for an instant, from what is known: what is missing,
in force, or ended. A chain is in force where each of its links is.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.ids import PartyId
from domain.rights.allocation import Live, evolve_live
from domain.rights.grant_events import (
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ScopeAllocated,
    ScopeReleased,
)
from domain.rights.scope import Scope
from domain.rights.scope_terms import scope_of
from domain.rights.turns import Turn, fallen

GrantEvent = (
    GrantRecorded
    | GrantApproved
    | GrantAccepted
    | GrantDeclined
    | GrantRevoked
    | GrantReinstated
    | ScopeAllocated
    | ScopeReleased
)


@dataclass(frozen=True, slots=True)
class Grant:
    """The grant as it stands; `recorded` is None before it is, `allocated` what it has passed on.

    `spent` are units of its quota that licences have used and that never come back.
    """

    recorded: GrantRecorded | None = None
    approvals: frozenset[PartyId] = frozenset()
    accepted: bool = False
    declined: PartyId | None = None
    turns: tuple[Turn, ...] = ()
    allocated: Live = ()
    spent: int = 0

    @property
    def missing(self) -> tuple[PartyId, ...]:
        """Return the co-owners who have not approved it yet."""
        return () if self.recorded is None else tuple(p for p in self.recorded.approvals if p not in self.approvals)

    def signers(self) -> frozenset[PartyId]:
        """Return whoever has signed it or will have when it binds: grantor, grantee, the co-owners asked."""
        if self.recorded is None:
            return frozenset()
        return frozenset({self.recorded.grantor, self.recorded.grantee, *self.recorded.approvals})


@dataclass(frozen=True, slots=True)
class Pending:
    """It does not bind yet: what is missing, and where nothing else is, when its window begins."""

    approvals: tuple[PartyId, ...] = ()
    acceptance: bool = False
    begins: datetime | None = None

    @property
    def signed(self) -> bool:
        """Return whether everybody has signed and only the beginning is waited for."""
        return not self.approvals and not self.acceptance


@dataclass(frozen=True, slots=True)
class InForce:
    """It binds."""


@dataclass(frozen=True, slots=True)
class Ended:
    """It binds no more: since when (None: it never did), and why: a reason of a revocation, or

    `declined`, `window_passed`, `claim_rejected`.
    """

    since: datetime | None
    why: str


Standing = Pending | InForce | Ended


def standing(grant: Grant, instant: datetime) -> Standing:
    """Return how a grant that was recorded stands at an instant, by what is known; of the chain above it nothing.

    Raises:
        AssertionError: it was never recorded.
    """
    if grant.recorded is None:
        raise AssertionError("a grant that was not recorded has no standing")
    if grant.declined is not None:
        return Ended(None, "declined")
    turn = fallen(grant.turns, instant)
    if turn is not None:
        return Ended(turn.effective_at, turn.why)
    window = grant.recorded.scope.window  # as it was written: a whole scope costs ten times as much
    since, until = (None, None) if window is None else (window.since, window.until)
    if until is not None and instant >= until:
        return Ended(until, "window_passed")
    if grant.missing or not grant.accepted:
        return Pending(grant.missing, not grant.accepted)
    if since is not None and instant < since:
        return Pending(begins=since)
    return InForce()


def granted_scope(grant: Grant) -> Scope:
    """Return what a recorded grant allows. Raises: AssertionError if it was never recorded."""
    if grant.recorded is None:
        raise AssertionError("a grant that was not recorded has no scope")
    return scope_of(grant.recorded.scope)


def evolve(grant: Grant, event: GrantEvent) -> Grant:
    """Return the state after `event`."""
    match event:
        case GrantRecorded():
            return replace(grant, recorded=event)
        case GrantApproved(owner=owner):
            return replace(grant, approvals=grant.approvals | {owner})
        case GrantAccepted():
            return replace(grant, accepted=True)
        case GrantDeclined(by=by):
            return replace(grant, declined=by)
        case GrantRevoked(reason=reason, effective_at=effective_at):
            return replace(grant, turns=(*grant.turns, Turn(effective_at, True, str(reason))))
        case GrantReinstated(effective_at=effective_at):
            return replace(grant, turns=(*grant.turns, Turn(effective_at, False)))
        case ScopeAllocated():
            return replace(grant, allocated=evolve_live(grant.allocated, event))
        case ScopeReleased(used=used):
            return replace(grant, allocated=evolve_live(grant.allocated, event), spent=grant.spent + (used or 0))
        case _:
            assert_never(event)
