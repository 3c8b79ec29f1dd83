"""Settlement: the account of one licence, decided. The sum itself is `domain.rights.settlement`.

    {"currency": "CNY", "minor": 123456}

is what each commitment of a settlement opens to, that of the total and that of every line. The values are there when a
command is decided, and never afterwards in the log: so the lines are computed again from the plan and the total before
anything is written, and a command whose lines differ in an object, a party, an order or a unit is refused. All entries
of a settlement are decided at once and appended together: no part of one ever stands.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated as A
from typing import Any, Final, assert_never

from domain.capability.resource import read_price
from domain.command import Command, command, refusing, require_document
from domain.errors import Invalid, Rejected
from domain.events import Doc, Sha256
from domain.governance.authority import Amount
from domain.ids import Commitment, EventId, LicenceId, PartyId, SettlementId
from domain.rights.licence import Licence
from domain.rights.settlement import Plan, Settled, settle
from domain.rights.settlement_events import (
    LINES_IN_ALL_MAX,
    LINES_MAX,
    SETTLEMENTS_MAX,
    ReversalReason,
    SettledLine,
    SettlementContinued,
    SettlementMade,
    SettlementReversed,
    line_path,
)
from domain.rights.statement import MINOR_MAX, Statement

SettlementEvent = SettlementMade | SettlementContinued | SettlementReversed
AMOUNT: Final = "amount"
"""Place of the total among the secrets of a settlement; that of a line is `line_path`."""


@command("make-settlement")
class MakeSettlement(Command):
    """Divide what a licence earned in a period among all whose works it rests on; `trade settle` computes the lines."""

    licence: A[LicenceId, Doc("which licence")]
    usage: A[Sha256, Doc("SHA-256 of the usage that is settled, a document in the blob store")]
    since: A[datetime, Doc("first instant of the period, UTC")]
    until: A[datetime, Doc("first instant after it, UTC; not after now")]
    amount: A[Commitment, Doc("an object of currency (ISO 4217) and minor (minor units, an integer), a secret")]
    lines: A[
        tuple[SettledLine, ...],
        Doc(
            "who gets what: by descending birth of the object, then by party; each amount a secret",
            high=LINES_IN_ALL_MAX,
        ),
    ]
    statement: A[Sha256, Doc("SHA-256 of the salted statement, which lies in the vault")]


@command("reverse-settlement")
class ReverseSettlement(Command):
    """Undo a settlement: its lines count negatively, and its period may be settled again."""

    settlement: A[SettlementId, Doc("which settlement account")]
    number: A[int, Doc("number of the settlement", low=1, high=SETTLEMENTS_MAX)]
    reason: A[ReversalReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]


SettlementCommand = MakeSettlement | ReverseSettlement


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: for whom it is done and when, the licence, and what lies in blob store and vault.

    `plan` is the document of the licence's digest, None where it is not here; `values` are those of the command's
    secrets by their place, and `event` the id of the event under which they are committed to; `documents` are the
    digests that were found here.
    """

    who: PartyId
    now: datetime
    licence: Licence = field(default_factory=Licence)
    plan: Plan | None = None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    event: EventId | None = None
    statement: Statement | None = None
    documents: frozenset[Sha256] = frozenset()


@dataclass(frozen=True, slots=True)
class Settlement:
    """The account of one licence: each settlement by its number less one, and the numbers that were reversed."""

    licence: LicenceId | None = None
    made: tuple[SettlementMade, ...] = ()
    reversed: frozenset[int] = frozenset()

    def standing(self) -> tuple[SettlementMade, ...]:
        """Return the settlements that were not reversed."""
        return tuple(one for one in self.made if one.number not in self.reversed)


def decide(state: Settlement, given: SettlementCommand, facts: Facts) -> tuple[SettlementEvent, ...]:
    """Return the events of a command: one, or where a settlement has more than LINES_MAX lines, all that carry them.

    Raises:
        Rejected: there is no such account or licence, or the command's own rule says no. No amount is repeated.
    """
    with refusing(given):
        if isinstance(given, MakeSettlement):
            return _make(state, given, facts)
        return (_reverse(state, given, facts),)


def evolve(state: Settlement, event: SettlementEvent) -> Settlement:
    """Return the state after `event`."""
    match event:
        case SettlementMade():
            return replace(state, licence=event.licence, made=(*state.made, event))
        case SettlementContinued():
            return state  # nothing is decided by who gets what
        case SettlementReversed():
            return replace(state, reversed=state.reversed | {event.number})
        case _:
            assert_never(event)


def _make(state: Settlement, given: MakeSettlement, facts: Facts) -> tuple[SettlementEvent, ...]:
    issued = facts.licence.issued
    if issued is None:
        raise Rejected(f"{given.licence} is not a licence of this ledger that was issued")
    _require_licensor(facts.licence, facts.who)
    if issued.currency is None:
        raise Rejected("the licence is free: it earns nothing")
    if len(state.made) >= SETTLEMENTS_MAX:
        raise Rejected(f"expected at most {SETTLEMENTS_MAX} settlements of a licence")
    _require_period(state, given, facts.now)
    require_document("MakeSettlement", given.usage, facts.documents)
    if facts.plan is None:
        raise Rejected(f"expected the plan {issued.plan.hex()} of the licence in the blob store, found none")
    if facts.plan.currency != issued.currency:
        raise Rejected(f"expected a plan in {issued.currency} as the licence is, found {facts.plan.currency}")
    settled = settle(facts.plan, _value(facts, AMOUNT))
    _require_lines(given, settled, facts)
    expected = Statement(given.licence, issued.plan, given.since, given.until, settled.amount, settled.flows)
    if facts.statement is None:
        raise Rejected(f"expected the statement {given.statement.hex()} in the vault, found none")
    if facts.statement != expected:
        raise Rejected("expected a statement of this licence, period, amount and these flows, found another")
    made = SettlementMade(
        number=len(state.made) + 1,
        licence=given.licence,
        plan=issued.plan,
        usage=given.usage,
        since=given.since,
        until=given.until,
        currency=issued.currency,
        amount=given.amount,
        lines=given.lines if len(given.lines) <= LINES_MAX else (),
        statement=given.statement,
    )
    return made, *_continued(made, given.lines, facts.event)


def _continued(
    made: SettlementMade, lines: tuple[SettledLine, ...], event: EventId | None
) -> Iterator[SettlementContinued]:
    """Yield what carries the lines that the settlement's own entry does not carry."""
    for place in range(0, 0 if made.lines else len(lines), LINES_MAX):
        if event is None:
            raise AssertionError("the lines of a settlement are committed to under an event id")
        part = lines[place : place + LINES_MAX]
        yield SettlementContinued(number=made.number, made=event, place=place, count=len(lines), lines=part)


def _reverse(state: Settlement, given: ReverseSettlement, facts: Facts) -> SettlementReversed:
    if state.licence is None:
        raise Rejected(f"{given.settlement} is not a settlement account of this ledger")
    _require_licensor(facts.licence, facts.who)
    if given.number > len(state.made):
        raise Rejected(f"expected a number of 1 to {len(state.made)}, found {given.number}")
    if given.number in state.reversed:
        raise Rejected(f"settlement {given.number} is reversed already")
    require_document("ReverseSettlement", given.basis, facts.documents)
    return SettlementReversed(number=given.number, reason=given.reason, basis=given.basis)


def _require_licensor(licence: Licence, who: PartyId) -> None:
    licensor = None if licence.offered is None else licence.offered.licensor
    if who != licensor:
        raise Rejected(f"expected the licensor {licensor}, found {who}")


def _require_period(state: Settlement, given: MakeSettlement, now: datetime) -> None:
    if not given.since < given.until <= now:
        raise Rejected("expected a period that ends after it begins and not after now")
    for one in state.standing():
        if given.since < one.until and one.since < given.until:
            span = f"{one.since.isoformat()} to {one.until.isoformat()}"
            raise Rejected(f"expected a period that no other settlement has, found number {one.number} of {span}")


def _require_lines(given: MakeSettlement, settled: Settled, facts: Facts) -> None:
    if len(settled.lines) > LINES_IN_ALL_MAX:
        raise Rejected(f"expected at most {LINES_IN_ALL_MAX} lines, found {len(settled.lines)}")
    if [(one.object, one.party) for one in given.lines] != [(one.object, one.party) for one in settled.lines]:
        raise Rejected("expected the objects and parties that the plan gives, in its order, found others")
    for place, line in enumerate(settled.lines):
        if _value(facts, line_path(place)) != Amount(settled.amount.currency, line.minor):
            raise Rejected(f"line {place}: expected the amount that the plan gives, found another")


def _value(facts: Facts, path: str) -> Amount:
    if path not in facts.values:
        raise Rejected(f"expected the value of {path}, found none")
    amount = read_price(facts.values[path])
    if amount.minor > MINOR_MAX:
        raise Invalid(f"{path}: expected at most {MINOR_MAX} minor units")
    return amount
