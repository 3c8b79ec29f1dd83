"""Amounts in display, balances over what a vault opens, and the proof that a settlement adds up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from domain.commitment import commit
from domain.errors import Invalid
from domain.governance.authority import Amount
from domain.rights.settlement import settle
from domain.rights.settlement_events import line_path
from domain.rights.settlement_rules import AMOUNT
from infra.trade.money import EXPONENTS, decimal_text, money_text
from infra.trade.private import Account, Balance, LineAmount, opened_amounts, summed, verify_account
from infra.trade.statement import Row, total_of
from producers.vault import Opening
from tests.settlement_kit import cny, edge, node, party, plan, thing

EVENT, ONE, TWO = (UUID(int=number) for number in (7, 1, 2))
SALT = b"s" * 32


@pytest.mark.parametrize(
    ("currency", "minor", "exact", "shown"),
    [
        ("CNY", 123_456_789, "1234567.89", "CNY 1,234,567.89"),
        ("CNY", 7, "0.07", "CNY 0.07"),
        ("CNY", -7, "-0.07", "CNY -0.07"),
        ("USD", 0, "0.00", "USD 0.00"),
        ("JPY", 1_200, "1200", "JPY 1,200"),
        ("KWD", -1_234_567, "-1234.567", "KWD -1,234.567"),
        ("XTS", 1_200, "1200", "XTS 1200 minor units"),
    ],
)
def test_exponents_are_of_the_display_only(currency: str, minor: int, exact: str, shown: str) -> None:
    assert (decimal_text(currency, minor), money_text(currency, minor)) == (exact, shown)


def test_exponents_are_those_of_iso_4217() -> None:
    assert {EXPONENTS[code] for code in ("JPY", "KRW", "VND", "ISK")} == {0}
    assert {EXPONENTS[code] for code in ("BHD", "JOD", "KWD", "OMR", "TND")} == {3}
    assert {EXPONENTS[code] for code in ("CNY", "HKD", "MOP", "TWD", "USD", "EUR", "GBP")} == {2}


class Drawer:
    """Openings of one event's commitments, of which some were erased."""

    def __init__(self) -> None:
        self.kept: dict[tuple[UUID, str], Opening] = {}

    def put(self, path: str, minor: int, currency: str = "CNY", event: UUID = EVENT) -> bytes:
        """Keep an amount and return its commitment."""
        value = json.dumps({"currency": currency, "minor": minor}, separators=(",", ":")).encode()
        self.kept[event, path] = Opening(SALT, value)
        return commit(event, path, SALT, value)

    def openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening]:
        return {path: self.kept[event_id, path] for path in paths if (event_id, path) in self.kept}


@dataclass
class Rowed:
    """A row of the view, as far as it is asked."""

    account: UUID = ONE
    number: int = 1
    event: UUID = EVENT
    currency: str = "CNY"
    reversed: int | None = None
    lines: int = 0
    listed: int = 0
    place: int = 0
    object: UUID = ONE
    party: UUID = TWO
    amount: bytes = b""


class TestBalances:
    """What a party was settled."""

    @pytest.fixture
    def drawer(self) -> Drawer:
        return Drawer()

    def lines(self, drawer: Drawer, *amounts: tuple[int, int]) -> list[Rowed]:
        """Return lines of (party, minor units) of one settlement."""
        return [
            Rowed(place=place, party=UUID(int=who), amount=drawer.put(line_path(place), minor))
            for place, (who, minor) in enumerate(amounts)
        ]

    def of(self, drawer: Drawer, lines: list[Rowed], whole: int | None = None, **changes: Any) -> list[Balance]:
        """Return the balances of lines that were read of a settlement of `whole`, without it of all there are."""
        settlement = replace(Rowed(lines=len(lines) if whole is None else whole, listed=len(lines)), **changes)
        return summed({(settlement.account, settlement.number): settlement}, lines, drawer)

    def test_lines_of_a_party_add_up(self, drawer: Drawer) -> None:
        lines = self.lines(drawer, (5, 10), (4, 3), (5, 7))
        assert self.of(drawer, lines) == [
            Balance(UUID(int=4), "CNY", 3, 1, 0),
            Balance(UUID(int=5), "CNY", 17, 2, 0),
        ]

    def test_one_erased_line_erases_the_balance(self, drawer: Drawer) -> None:
        lines = self.lines(drawer, (5, 10), (4, 3), (5, 7))
        del drawer.kept[EVENT, line_path(2)]
        assert self.of(drawer, lines)[1] == Balance(UUID(int=5), "CNY", None, 2, 1)
        assert self.of(drawer, lines)[0].minor == 3

    def test_what_was_reversed_counts_nothing_erased_or_not(self, drawer: Drawer) -> None:
        lines = self.lines(drawer, (5, 10), (4, 3))
        drawer.kept.clear()
        assert self.of(drawer, lines, reversed=99) == [
            Balance(UUID(int=4), "CNY", 0, 0, 0),
            Balance(UUID(int=5), "CNY", 0, 0, 0),
        ]

    def test_what_opens_to_something_else_is_evidence(self, drawer: Drawer) -> None:
        lines = self.lines(drawer, (5, 10))
        drawer.put(line_path(0), 11)
        with pytest.raises(Invalid, match="not those that event"):
            self.of(drawer, lines)

    def test_a_settlement_of_which_a_part_was_read_counts_nothing_yet(self, drawer: Drawer) -> None:
        lines = self.lines(drawer, (5, 10), (4, 3))
        assert self.of(drawer, lines, whole=3) == []
        assert len(self.of(drawer, lines, whole=2)) == 2

    def test_an_amount_that_is_not_here_is_none(self, drawer: Drawer) -> None:
        assert opened_amounts(drawer, EVENT, {AMOUNT: b""}) == {}
        assert opened_amounts(drawer, EVENT, {AMOUNT: drawer.put(AMOUNT, 5)}) == {AMOUNT: Amount("CNY", 5)}


class TestConservation:
    """Whoever holds the openings checks that lines add up and are the plan's."""

    PLAN = plan(2, [node(1, p1=6_000, p2=4_000), node(2, p3=10_000)], edge(2, 1, 1_500))

    def account(self, *changes: tuple[int, int | None], total: int | None = 1_003) -> Account:
        """Return the settlement of 1,003 with some lines changed."""
        lines = [
            LineAmount(place, one.object, one.party, one.minor)
            for place, one in enumerate(settle(self.PLAN, cny(1_003)).lines)
        ]
        for place, minor in changes:
            lines[place] = replace(lines[place], minor=minor)
        return Account(Rowed(), total, tuple(lines))

    def test_it_adds_up(self) -> None:
        assert verify_account(self.account(), self.PLAN) is True

    def test_one_unit_more(self) -> None:
        found = self.account().lines[0].minor or 0
        with pytest.raises(Invalid, match="add up to the total"):
            verify_account(self.account((0, found + 1)), self.PLAN)
        with pytest.raises(Invalid, match="add up to the total"):
            verify_account(self.account(total=1_004), self.PLAN)

    def test_units_moved_from_one_to_another(self) -> None:
        first, second = (line.minor or 0 for line in self.account().lines[:2])
        with pytest.raises(Invalid, match="line 0: expected the amount that the plan gives"):
            verify_account(self.account((0, first + 1), (1, second - 1)), self.PLAN)

    def test_what_was_erased_is_incomplete_and_the_rest_is_checked(self) -> None:
        assert verify_account(self.account((2, None)), self.PLAN) is False
        assert verify_account(self.account(total=None), self.PLAN) is False
        with pytest.raises(Invalid, match="line 0"):
            verify_account(self.account((0, 1), (2, None)), self.PLAN)
        assert self.account((2, None), total=None).erased == 2

    def test_lines_of_another_plan(self) -> None:
        other = plan(2, [node(1, p1=6_000, p9=4_000), node(2, p3=10_000)], edge(2, 1, 1_500))
        with pytest.raises(Invalid, match="objects and parties that the plan gives"):
            verify_account(self.account(), other)
        assert party(9) != party(2) and thing(1) == thing(1)


def test_totals_of_a_statement_leave_out_what_was_reversed() -> None:
    def row(currency: str, minor: int | None, undone: bool = False) -> Row:
        return Row("m", 1, "l", "s", "u", "o", "p", currency, minor, undone)

    rows = [row("CNY", 5), row("CNY", 9, True), row("CNY", 2), row("USD", None), row("USD", 1), row("EUR", None, True)]
    assert total_of(rows) == [("CNY", 7), ("EUR", 0), ("USD", None)]
