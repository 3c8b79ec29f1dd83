"""A chain of authorisation as a command names it: a title, then each grant down to the one that gives.

Nothing searches for it. What is checked is that each link hangs on those before it, that all of them hold at the
command's instant, and that what is to be given lies inside what the last one has and has not promised to others.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Rejected
from domain.ids import RightsGrantId, TitleId
from domain.rights.allocation import Live, require_free
from domain.rights.grant import Ended, Grant, Pending, granted_scope, standing
from domain.rights.grant_events import AllocationKind, GrantRecorded
from domain.rights.scope import Scope, passed_on
from domain.rights.scope_words import explain
from domain.rights.title import WHOLE, Title
from domain.rights.title_rules import require_open
from domain.rights.turns import told


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above a grant or a licence: the title, and the grants of `chain` in its order as they stand."""

    title_id: TitleId
    title: Title
    chain: tuple[RightsGrantId, ...] = ()
    links: tuple[Grant, ...] = ()

    @property
    def giver(self) -> GrantRecorded | None:
        """Return the grant under which it is given, None where it is given by an owner of the title."""
        return self.links[-1].recorded if self.links else None

    @property
    def scope(self) -> Scope:
        """Return what the giver has: of a title, everything."""
        return granted_scope(self.links[-1]) if self.links else WHOLE

    @property
    def live(self) -> Live:
        """Return what the giver has promised."""
        return self.links[-1].allocated if self.links else self.title.allocated

    @property
    def quota(self) -> int | None:
        """Return how many units the giver may have promised at once, None for any number.

        It is the quota, less what licences have used up.
        """
        if self.giver is None or self.giver.quota is None:
            return None
        return self.giver.quota - self.links[-1].spent


def require_chain(above: Above) -> None:
    """Return if the links are a chain. Raises: Rejected, naming the first that does not hang on those before it."""
    if above.title.claimed is None:
        raise Rejected(f"chain: {above.title_id} is not a title of this ledger")
    for place, (name, link) in enumerate(zip(above.chain, above.links, strict=True)):
        if link.recorded is None:
            raise Rejected(f"chain: {name} is not a grant of this ledger")
        if link.recorded.title != above.title_id:
            raise Rejected(f"chain: expected grants of title {above.title_id}, found {name} of {link.recorded.title}")
        if link.recorded.chain != above.chain[:place]:
            expected = above.chain[place - 1] if place else above.title_id
            found = link.recorded.chain[-1] if link.recorded.chain else link.recorded.title
            raise Rejected(f"chain: expected {name} to hang on {expected} and all before that, found it on {found}")


def require_holding(above: Above, now: datetime) -> None:
    """Return if something new may be given at the end of a chain: all of it holds, and nothing is disputed.

    Raises:
        Rejected: it names the link and why it does not hold.
    """
    require_chain(above)
    require_open(above.title, now)
    require_links(above, now)


def require_links(above: Above, now: datetime) -> None:
    """Return if every link holds; of the title nothing. Raises: Rejected, naming the first that does not, and why."""
    for name, link in zip(above.chain, above.links, strict=True):
        why = why_not_held(link, now)
        if why is not None:
            raise Rejected(f"chain: grant {name} {why}")


def why_not_held(link: Grant, now: datetime) -> str | None:
    """Return why a grant does not hold, as what is said of it; None where it does.

    One whose window is yet to begin holds: what is given under it lies inside that window.
    """
    if link.recorded is None:
        return "is not a grant of this ledger"
    match standing(link, now):
        case Ended(since=since, why=why):
            return f"has ended{'' if since is None else f' at {since.isoformat()}'}: {told(why)}"
        case Pending() as pending if not pending.signed:
            lacks = [f"the approval of {owner}" for owner in pending.approvals]
            lacks += ["its acceptance"] if pending.acceptance else []
            return f"does not bind yet: expected {', '.join(lacks)}"
        case _:
            return None


def require_passed_on(above: Above, scope: Scope) -> None:
    """Return if a scope lies inside what the giver may pass on.

    Raises:
        Rejected: it names each component that does not, with both values.
    """
    outer = passed_on(above.scope)
    if outer is None:
        raise Rejected("sublicence depth: granted 0, so nothing may be passed on; asked a grant below it")
    failures = explain(scope, outer)
    if failures:
        raise Rejected("; ".join(failure.en for failure in failures))


def require_left(above: Above, kind: AllocationKind, scope: Scope, quota: int | None) -> None:
    """Return if the giver has this left to promise. Raises: Rejected, as `require_free`."""
    own_kind = AllocationKind.EXCLUSIVE if above.giver is None else above.giver.allocation
    require_free(above.live, kind, scope, quota, own_kind=own_kind, own=above.quota)
