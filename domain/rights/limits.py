"""What the objects of a licence allow by what they are made of: one limit for each thing that has a say.

The effective scope of an object is the meet of all limits of its derivation: its own title or grant, its parents, what
its models were trained on, the licences of those, the consents of whoever appears in it. Limits are kept apart, since a
refusal names the one object and the one clause that does not allow what is asked.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.events import Sha256
from domain.ids import ObjectId, RightsGrantId
from domain.rights.scope import Component, Scope
from domain.rights.scope_words import explain

SENTENCES_MAX: Final = 8
NO_CURRENCY: Final = "XXX"
"""The code that ISO 4217 has for no currency: that of the plan of a licence for nothing."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What one object of a derivation allows; `clause` says by what, such as the grant or the model's licence."""

    object: ObjectId
    scope: Scope
    clause: str


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What does not allow a scope: at which object, in which component first, and a sentence with both values."""

    object: ObjectId | None
    component: Component | None
    clause: str


@dataclass(frozen=True, slots=True)
class Derivation:
    """What a derivation allows: as of a ledger index, by which limits, and the grants on which those rest.

    `missing` says what is not known, `refusal` what does not allow any use at all; with that there are no limits.
    `read` are the streams of all other objects and titles that were looked at. `plans` are the digests of the
    settlement plans of the objects, in their order.
    """

    position: int
    limits: tuple[Limit, ...] = ()
    rests_on: tuple[RightsGrantId, ...] = ()
    missing: str | None = None
    refusal: WhyNot | None = None
    read: tuple[UUID, ...] = ()
    plans: tuple[Sha256, ...] = ()


def why_not(scope: Scope, derivation: Derivation) -> WhyNot | None:
    """Return the first limit in which a scope is not contained, None where it lies in all. Cost: O(limits)."""
    if derivation.refusal is not None:
        return derivation.refusal
    for limit in derivation.limits:
        failures = explain(scope, limit.scope)
        if failures:
            said = "; ".join(failure.en for failure in failures[:SENTENCES_MAX])
            return WhyNot(limit.object, failures[0].component, f"{limit.clause}: {said}")
    return None
