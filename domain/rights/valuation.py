"""Valuations: what an object is worth, by which method, found by somebody who does not hold it.

The methods are the three approaches of asset appraisal, market, income and cost (市场法、收益法、成本法), and the
opinion of an expert where none of them can be used. The three amounts are secrets of the object's holder; each opens to
{"currency": "CNY", "minor": 123456}. A valuation is never changed: another one of the same object supersedes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated as A
from typing import Any, Final, assert_never

from domain.capability.resource import read_price
from domain.command import Command, command, refusing, require_document
from domain.errors import Rejected
from domain.events import Doc, Event, Sha256, fact
from domain.ids import Commitment, ObjectId, PartyId, ValuationId
from domain.rights.statement import MINOR_MAX

AMOUNTS: Final = ("low", "point", "high")
"""The secrets of a valuation, in ascending order of what they say."""


class Method(StrEnum):
    """How the value was found."""

    UNSPECIFIED = "unspecified"
    MARKET = "market"
    INCOME = "income"
    COST = "cost"
    EXPERT = "expert"


class SupersededBecause(StrEnum):
    """Why another valuation counts."""

    UNSPECIFIED = "unspecified"
    OUTDATED = "outdated"
    MISTAKE = "mistake"
    NEW_FACTS = "new_facts"
    JUDGMENT = "judgment"


@fact("edgeprint.rights.ValuationIssued", stream="V")
class ValuationIssued(Event):
    """An appraiser states what an object is worth at an instant."""

    object: A[ObjectId, Doc("what is valued")]
    method: A[Method, Doc("how the value was found")]
    currency: A[str, Doc("ISO 4217 code", low=3, high=3)]
    low: A[Commitment, Doc("commitment to the lowest value")]
    point: A[Commitment, Doc("commitment to the value")]
    high: A[Commitment, Doc("commitment to the highest value")]
    valued_at: A[datetime, Doc("the instant as of which it holds, UTC; not after the event")]
    report: A[Sha256, Doc("SHA-256 of the report, a document in the blob store")]
    appraiser: A[PartyId, Doc("who found it; never the object's holder")]


@fact("edgeprint.rights.ValuationSuperseded", stream="V")
class ValuationSuperseded(Event):
    """Another valuation of the same object counts from here on; final."""

    by: A[ValuationId, Doc("the one that counts")]
    reason: A[SupersededBecause, Doc("why")]


VALUATION_EVENTS = (ValuationIssued, ValuationSuperseded)
ValuationEvent = ValuationIssued | ValuationSuperseded


@command("issue-valuation")
class IssueValuation(Command):
    """State what an object is worth; the amounts go to the vault, the ledger holds commitments."""

    object: A[ObjectId, Doc("what is valued")]
    method: A[Method, Doc("how the value was found")]
    currency: A[str, Doc("ISO 4217 code", low=3, high=3)]
    low: A[Commitment, Doc("lowest value, an object of currency and minor (minor units, an integer), a secret")]
    point: A[Commitment, Doc("the value, of the same form, a secret")]
    high: A[Commitment, Doc("highest value, of the same form, a secret")]
    valued_at: A[datetime, Doc("the instant as of which it holds, UTC; not after now")]
    report: A[Sha256, Doc("SHA-256 of the report, a document in the blob store")]


@command("supersede-valuation")
class SupersedeValuation(Command):
    """Let a newer valuation of the same object count instead."""

    valuation: A[ValuationId, Doc("the one that counts no longer")]
    by: A[ValuationId, Doc("the one that counts; you are its appraiser")]
    reason: A[SupersededBecause, Doc("why")]


ValuationCommand = IssueValuation | SupersedeValuation


@dataclass(frozen=True, slots=True)
class Valuation:
    """A valuation as it stands."""

    issued: ValuationIssued | None = None
    superseded: ValuationSuperseded | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: who acts and when, who holds the object (None: no such object), what is here.

    `by` is the other valuation, `values` those of the command's secrets.
    """

    who: PartyId
    now: datetime
    holder: PartyId | None = None
    by: Valuation = Valuation()
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    documents: frozenset[Sha256] = frozenset()


def decide(state: Valuation, given: ValuationCommand, facts: Facts) -> tuple[ValuationEvent, ...]:
    """Return the event of a command. Raises: Rejected; no amount is repeated."""
    with refusing(given):
        if isinstance(given, IssueValuation):
            return (_issue(given, facts),)
        return (_supersede(state, given, facts),)


def evolve(state: Valuation, event: ValuationEvent) -> Valuation:
    """Return the state after `event`."""
    match event:
        case ValuationIssued():
            return replace(state, issued=event)
        case ValuationSuperseded():
            return replace(state, superseded=event)
        case _:
            assert_never(event)


def _issue(given: IssueValuation, facts: Facts) -> ValuationIssued:
    if facts.holder is None:
        raise Rejected(f"{given.object} is not an object of this ledger")
    if facts.who == facts.holder:
        raise Rejected("expected an appraiser who does not hold the object, found its holder")
    if given.valued_at > facts.now:
        raise Rejected(f"valued_at: expected an instant not after now, found {given.valued_at.isoformat()}")
    require_document("IssueValuation", given.report, facts.documents)
    if not set(AMOUNTS) <= facts.values.keys():
        raise Rejected("expected the values of low, point and high, found one missing")
    low, point, high = (read_price(facts.values[name]) for name in AMOUNTS)
    if {low.currency, point.currency, high.currency} != {given.currency}:
        raise Rejected(f"expected amounts in {given.currency}, found another currency")
    if not low.minor <= point.minor <= high.minor <= MINOR_MAX:
        raise Rejected(f"expected low, point and high in ascending order, {MINOR_MAX} minor units at most")
    return ValuationIssued(
        object=given.object,
        method=given.method,
        currency=given.currency,
        low=given.low,
        point=given.point,
        high=given.high,
        valued_at=given.valued_at,
        report=given.report,
        appraiser=facts.who,
    )


def _supersede(state: Valuation, given: SupersedeValuation, facts: Facts) -> ValuationSuperseded:
    if state.issued is None:
        raise Rejected(f"{given.valuation} is not a valuation of this ledger")
    if state.superseded is not None:
        raise Rejected(f"{given.valuation} is superseded already")
    other = facts.by.issued
    if given.by == given.valuation or other is None or other.object != state.issued.object:
        raise Rejected("by: expected another valuation of the same object")
    if facts.by.superseded is not None:
        raise Rejected("by: expected a valuation that counts, found one that is superseded")
    if facts.who != other.appraiser:
        raise Rejected(f"expected the appraiser {other.appraiser} of the one that counts, found {facts.who}")
    return ValuationSuperseded(by=given.by, reason=given.reason)
