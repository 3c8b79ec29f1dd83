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
from domain.rights.settlement_events import line_path
from domain.rights.settlement_rules import AMOUNT
from infra.bootstrap import Session
from infra.clock import now_us
from infra.views.reading import AsOf, Look
from infra.views.session import caught_up
from producers.vault import Opening
from projections.settlements import LINE, SETTLEMENT, SETTLEMENTS, is_whole


class Opens(Protocol):
    """Whoever has openings: a vault, or a file of them."""

    def openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening]:
        """Return what opens those of an event's commitments that were not erased. Raises: Invalid, Unavailable."""


@dataclass(frozen=True, slots=True)
class LineAmount:
    """One line of a settlement as it is opened; `minor` is None where it was erased."""

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


def opened_amounts(openings: Opens, event: UUID, commitments: Mapping[str, bytes]) -> dict[str, Amount]:
    """Return the amounts that commitments under an event's id open to, by their place; without those that were erased.

    Raises: Invalid, where what the vault says is not what was committed to; Unavailable.
    """
    found = {}
    for path, opening in openings.openings(event, list(commitments)).items():
        verify_opening(commitments[path], event, path, opening.salt, opening.value)
        found[path] = read_price(json.loads(opening.value))
    return found


def opened_lines(openings: Opens, settlement: Any, lines: Sequence[Any]) -> Iterator[LineAmount]:
    """Yield lines of one settlement, rows of the view, with their amounts. Raises: as `opened_amounts`."""
    commitments = {line_path(line.place): bytes(line.amount) for line in lines}
    amounts = opened_amounts(openings, settlement.event, commitments)
    for line in lines:
        amount = amounts.get(line_path(line.place))
        yield LineAmount(line.place, line.object, line.party, None if amount is None else amount.minor)


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
    of_settlement: dict[Any, list[Any]] = {}
    for line in lines:
        of_settlement.setdefault((line.account, line.number), []).append(line)
    found: dict[tuple[UUID, str], list[int | None]] = {}
    for key, some in of_settlement.items():
        settlement = settlements[key]
        if not is_whole(settlement):
            continue  # as of a place in the middle of its entries: no part of a settlement stands
        for line in some:
            found.setdefault((line.party, settlement.currency), [])
        for opened in opened_lines(openings, settlement, some) if settlement.reversed is None else ():
            found[opened.party, settlement.currency].append(opened.minor)
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

    Raises: NotFound; Invalid, Unavailable as `opened_amounts`.
    """
    rows = look.rows(SETTLEMENT, account=[account])
    row = rows[-1] if rows and number is None else next((one for one in rows if one.number == number), None)
    if row is None:
        raise NotFound(f"expected a settlement of 1 to {len(rows)}, found {number or 'none'}")
    total = opened_amounts(openings, row.event, {AMOUNT: bytes(row.amount)}).get(AMOUNT)
    lines = look.rows(LINE, account=[account], number=[row.number])
    return Account(row, None if total is None else total.minor, tuple(opened_lines(openings, row, lines)))


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
