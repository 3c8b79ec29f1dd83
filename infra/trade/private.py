"""Balances and conservation: the amounts of settlements, opened on request from the vault and kept nowhere.

The rows of the view `settlements` say which commitments stand as of a place of the ledger; the vault says what they
open to, and each opening is checked against the commitment. So there is no table of amounts that could outlive an
erasure: where one line of a party was erased, its balance is `erased`, not a smaller number. A settlement that was
reversed counts nothing: its lines and their negations add up to zero, whoever was erased.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from domain.capability.resource import read_price
from domain.commitment import verify_opening
from domain.errors import Invalid, NotFound
from domain.governance.authority import Amount
from domain.ids import PartyId
from domain.rights.settlement import Plan, settle
from domain.rights.settlement_rules import AMOUNT, line_path
from infra.bootstrap import Session
from infra.clock import now_us
from infra.views.reading import AsOf, Look
from infra.views.session import caught_up
from producers.vault import Opening
from projections.settlements import LINE, SETTLEMENT, SETTLEMENTS


class Opens(Protocol):
    """Whoever has openings: a vault, or a file of them."""

    def open(self, event_id: UUID, path: str) -> Opening:
        """Return what opens a commitment. Raises: NotFound (erased, or never here), Invalid, Unavailable."""


@dataclass(frozen=True, slots=True)
class LineAmount:
    """One line of a settlement as it is opened; `minor` is None where it was erased."""

    account: UUID
    number: int
    place: int
    object: UUID
    party: UUID
    minor: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """One settlement with its amounts; `total` and the minor units of lines are None where they were erased."""

    row: Any
    total: int | None
    lines: tuple[LineAmount, ...]

    @property
    def erased(self) -> int:
        """Return how many amounts were erased."""
        return sum(line.minor is None for line in self.lines) + (self.total is None)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a party was settled in one currency: minor units, None where a line of it was erased."""

    party: UUID
    currency: str
    minor: int | None
    lines: int
    erased: int


def opened_amount(openings: Opens, event: UUID, path: str, commitment: bytes) -> Amount | None:
    """Return the amount that a commitment opens to, None where it was erased.

    Raises: Invalid, where what the vault says is not what was committed to; Unavailable.
    """
    try:
        opening = openings.open(event, path)
    except NotFound:
        return None
    verify_opening(commitment, event, path, opening.salt, opening.value)
    return read_price(json.loads(opening.value))


def look_at_settlements(session: Session, as_of: str | None) -> AbstractContextManager[Look]:
    """Return a look at the settlements, brought up to date. Raises: as `Reader.look`."""
    return caught_up(session).look(SETTLEMENTS, as_of, now_us())


def balances(session: Session, party: PartyId | None, as_of: str | None) -> tuple[list[Balance], AsOf]:
    """Return the balance of each party and currency, or of one party, by party, and as of which place.

    Raises: Invalid (an opening that is none), NotFound, Behind, Unavailable.
    """
    with look_at_settlements(session, as_of) as look:
        settlements = {(row.account, row.number): row for row in look.rows(SETTLEMENT)}
        lines = look.rows(LINE) if party is None else look.rows(LINE, party=[party])
        at = look.as_of
    with session.vault.lasting() as vault:
        return summed(settlements, lines, vault), at


def summed(settlements: Mapping[Any, Any], lines: Sequence[Any], openings: Opens) -> list[Balance]:
    """Return the balances that these lines make, in the order of parties and currencies."""
    found: dict[tuple[UUID, str], list[int | None]] = {}
    for line in lines:
        settlement = settlements[line.account, line.number]
        amounts = found.setdefault((line.party, settlement.currency), [])
        if settlement.reversed is None:
            amount = opened_amount(openings, settlement.event, line_path(line.place), line.amount)
            amounts.append(None if amount is None else amount.minor)
    return [
        Balance(
            who,
            currency,
            None if None in amounts else sum(one for one in amounts if one is not None),
            len(amounts),
            amounts.count(None),
        )
        for (who, currency), amounts in sorted(found.items())
    ]


def account_of(look: Look, openings: Opens, account: UUID, number: int | None) -> Account:
    """Return a settlement with its amounts; without a number the newest of its account.

    Raises: NotFound; Invalid, Unavailable as `opened_amount`.
    """
    rows = look.rows(SETTLEMENT, account=[account])
    row = rows[-1] if rows and number is None else next((one for one in rows if one.number == number), None)
    if row is None:
        raise NotFound(f"expected a settlement of 1 to {len(rows)}, found {number or 'none'}")
    total = opened_amount(openings, row.event, AMOUNT, bytes(row.amount))
    lines = look.rows(LINE, account=[account], number=[row.number])
    return Account(row, None if total is None else total.minor, tuple(_lines(row, lines, openings)))


def _lines(row: Any, lines: Sequence[Any], openings: Opens) -> Iterator[LineAmount]:
    for line in lines:
        amount = opened_amount(openings, row.event, line_path(line.place), bytes(line.amount))
        minor = None if amount is None else amount.minor
        yield LineAmount(line.account, line.number, line.place, line.object, line.party, minor)


def verify_account(found: Account, plan: Plan) -> bool:
    """Return whether every amount could be opened; what was opened adds up, unit by unit, as the plan says.

    Raises:
        Invalid: lines that do not add up to the total, or that are not those of the plan.
    """
    if found.total is None:
        return False
    if not found.erased and sum(line.minor or 0 for line in found.lines) != found.total:
        raise Invalid("settlement: expected lines that add up to the total, found others")
    settled = settle(plan, Amount(found.row.currency, found.total))
    wanted = [(line.object, line.party) for line in settled.lines]
    if wanted != [(line.object, line.party) for line in found.lines]:
        raise Invalid("settlement: expected the objects and parties that the plan gives, found others")
    for line, expected in zip(found.lines, settled.lines, strict=True):
        if line.minor is not None and line.minor != expected.minor:
            raise Invalid(f"settlement: line {line.place}: expected the amount that the plan gives, found another")
    return not found.erased
