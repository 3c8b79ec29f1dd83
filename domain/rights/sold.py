"""What a settlement asks of a licence: who sold it to whom, in which currency, and the plan that was pinned.

Folded from the two facts that say so; whatever else stands in the licence's stream changes none of it. A licence that
was suspended or revoked is still settled: what was used before is owed.
"""

from dataclasses import dataclass, replace
from typing import Any

from domain.events import Sha256
from domain.ids import ObjectId, PartyId
from domain.rights.licence_events import LicenceIssued, LicenceOffered


@dataclass(frozen=True, slots=True)
class Sold:
    """A licence as its settlement sees it; without `plan` it was not issued."""

    licensor: PartyId | None = None
    objects: tuple[ObjectId, ...] = ()
    licensee: PartyId | None = None
    plan: Sha256 | None = None
    currency: str | None = None


def evolve(state: Sold, event: Any) -> Sold:
    """Return the state after `event`, which may be any of a licence's."""
    match event:
        case LicenceOffered(licensor=licensor, objects=objects):
            return replace(state, licensor=licensor, objects=objects)
        case LicenceIssued(licensee=licensee, plan=plan, currency=currency):
            return replace(state, licensee=licensee, plan=plan, currency=currency)
        case _:
            return state
