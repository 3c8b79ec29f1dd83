"""A derived object names the grants on which it relies: what nobody could find by searching, its holder says, signed.

Whoever holds an object cites the grants and consents that were given to it, on the work itself or on what the object
comes from. All that is cited is relied on: each must hold, and each limits. A grant that has ended is replaced by
another citation. A consent is never left out again: who is in a work may take the consent back, and the holder cannot
make that unseen by naming other grants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated as A

from domain.command import Command, command, refusing
from domain.errors import Rejected
from domain.events import Doc, Sha256
from domain.identity.digital_object import DigitalObject
from domain.identity.events import CITED_MAX, AuthorisationCited
from domain.identity.upkeep import OFFERED
from domain.ids import ObjectId, PartyId, RightsGrantId
from domain.rights.chain import Above, require_chain, require_links
from domain.rights.grant_events import GrantKind, GrantRecorded
from domain.rights.settlement import WHOLE_BP
from domain.rights.title_rules import require_standing


@command("cite-grants")
class CiteGrants(Command):
    """Name all grants and consents on which your object relies; those named before count no more."""

    object: A[ObjectId, Doc("which object")]
    grants: A[tuple[RightsGrantId, ...], Doc("the grants and consents, ascending", low=1, high=CITED_MAX)]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: who cites and when; each grant at the end of its chain; which works are in the object.

    `works` are the contents of the object itself, of its declared parents and of its found sources.
    """

    object_id: ObjectId
    who: PartyId
    now: datetime
    chains: Mapping[RightsGrantId, Above]
    works: frozenset[Sha256]


def decide(state: DigitalObject, command: CiteGrants, facts: Facts) -> tuple[AuthorisationCited, ...]:
    """Return the event of `command`; none where these very grants are cited already.

    Raises:
        Rejected: there is no such object or it is not the actor's; a consent is left out; a grant is none, was not
            given to the actor, does not bind, or is of a work that is not in the object; shares above 10,000 bp.
    """
    with refusing(command):
        if state.birth is None:
            raise Rejected(f"{facts.object_id} is not an object of this ledger")
        if state.status not in OFFERED:
            raise Rejected(f"the object is {state.status}")
        if state.birth.holder != facts.who:
            raise Rejected(f"holder: expected {state.birth.holder}, found {facts.who}")
        if any(first >= second for first, second in pairwise(command.grants)):
            raise Rejected("grants: expected each once, by ascending identifier")
        dropped = sorted(set(state.consents) - set(command.grants))
        if dropped:
            raise Rejected(f"grants: expected the consent {dropped[0]} among them, which was cited: it stays")
        recorded = {grant: _recorded(grant, facts) for grant in command.grants}
        for grant in command.grants:
            if grant not in state.cited:  # what is cited already may have ended: it is said, not judged again
                _require_relied(grant, recorded[grant], facts)
        total = sum(one.share_bp or 0 for one in recorded.values())
        if total > WHOLE_BP:
            raise Rejected(f"share_bp: expected {WHOLE_BP} bp at most in all, found {total}")
        if command.grants == state.cited:
            return ()
        consents = tuple(grant for grant, one in recorded.items() if one.kind is GrantKind.CONSENT)
        return (AuthorisationCited(grants=command.grants, consents=consents),)


def _recorded(grant: RightsGrantId, facts: Facts) -> GrantRecorded:
    above = facts.chains.get(grant)
    found = None if above is None else above.giver
    if found is None:
        raise Rejected(f"{grant} is not a grant of this ledger")
    return found


def _require_relied(grant: RightsGrantId, recorded: GrantRecorded, facts: Facts) -> None:
    """Return if the object may rely on a grant: given to its holder, on a work that is in it, and binding now."""
    above = facts.chains[grant]
    require_chain(above)
    if recorded.grantee != facts.who:
        raise Rejected(f"grantee: expected {facts.who}, found {recorded.grantee}, to whom {grant} was given")
    if above.title.work not in facts.works:
        raise Rejected(f"{grant} is of a work that is neither the object nor one of its parents or sources")
    require_standing(above.title, facts.now)
    require_links(above, facts.now)
