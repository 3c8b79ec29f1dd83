"""Allocations: what a giver, a title or a grant, has promised to the grants below it, and what it may promise yet.

Two live allocations that overlap (their scopes have a meet) must both be ordinary: an exclusive one excludes everybody,
a sole one everybody but the giver, so a second promise beside either would be broken when it is made. What is not one's
own cannot be passed on: nothing more exclusive than the giver has, and no more units than its quota. A window that has
passed stays allocated; it overlaps no later one.
"""

from collections.abc import Sequence
from typing import Final

from domain.errors import Rejected
from domain.rights.grant_events import AllocationKind, ScopeAllocated, ScopeReleased
from domain.rights.scope import Scope, disjoint
from domain.rights.scope_terms import scope_of

ALLOCATIONS_MAX: Final = 10_000
RANKS: Final = {AllocationKind.ORDINARY: 0, AllocationKind.SOLE: 1, AllocationKind.EXCLUSIVE: 2}
Live = tuple[ScopeAllocated, ...]


def require_free(
    live: Live, kind: AllocationKind, scope: Scope, quota: int | None, *, own_kind: AllocationKind, own: int | None
) -> None:
    """Return if a giver may promise this besides what it has promised.

    `own_kind` and `own` are the giver's own exclusivity and quota; a title has AllocationKind.EXCLUSIVE and None.

    Raises:
        Rejected: too many allocations, one that overlaps, more exclusive than the giver, or units that it has not.
    """
    if len(live) >= ALLOCATIONS_MAX:
        raise Rejected(f"allocation: expected at most {ALLOCATIONS_MAX} under one giver, found as many")
    if RANKS[kind] > RANKS[own_kind]:
        raise Rejected(f"allocation: granted {own_kind}; asked {kind}, which is more exclusive")
    for other in live:
        if (kind is not AllocationKind.ORDINARY or other.kind is not AllocationKind.ORDINARY) and not disjoint(
            scope, scope_of(other.scope)
        ):
            raise Rejected(f"allocation: asked {kind}; overlaps what is allocated {other.kind} to {other.child}")
    if own is None:
        return
    left = own - allotted(live)
    if quota is None:
        raise Rejected(f"quota: granted {own}, of which {left} are left; asked without a quota")
    if quota > left:
        raise Rejected(f"quota: granted {own}, of which {left} are left; asked {quota}")


def allotted(live: Sequence[ScopeAllocated]) -> int:
    """Return how many units of the giver's quota are promised."""
    return sum(one.quota or 0 for one in live)


def evolve_live(live: Live, event: ScopeAllocated | ScopeReleased) -> Live:
    """Return what is promised after `event`."""
    if isinstance(event, ScopeAllocated):
        return (*live, event)
    return tuple(one for one in live if one.child != event.child)
