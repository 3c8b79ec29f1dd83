"""Settlements as a view: commitments only, lines by party, what was reversed, what a newer valuation has replaced."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from domain.ids import Commitment, EventId, LicenceId, ObjectId, PartyId, ValuationId
from domain.rights.settlement_events import (
    ReversalReason,
    SettledLine,
    SettlementContinued,
    SettlementMade,
    SettlementReversed,
)
from domain.rights.valuation import Method, SupersededBecause, ValuationIssued, ValuationSuperseded
from projections.settlements import LINE, SETTLEMENT, SETTLEMENTS, VALUATION
from schemas.values import microseconds
from tests.view_kit import SOMEBODY, Tale, digest_of, some

ACCOUNT, OLD, NEW = some(1), some(2), some(3)
ANNA, BEN = PartyId(some(11)), PartyId(some(12))
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def secret(text: str) -> Commitment:
    return Commitment(digest_of(text))


def lines_of(number: int, places: range) -> tuple[SettledLine, ...]:
    return tuple(
        SettledLine(
            object=ObjectId(some(20 + place)), party=(ANNA, BEN)[place % 2], amount=secret(f"line {number}.{place}")
        )
        for place in places
    )


def made(number: int = 1, lines: range = range(2)) -> SettlementMade:
    return SettlementMade(
        number=number,
        licence=LicenceId(some(5)),
        plan=digest_of("plan"),
        usage=digest_of("usage"),
        since=SINCE,
        until=UNTIL,
        currency="CNY",
        amount=secret("all"),
        lines=lines_of(number, lines),
        statement=digest_of("statement"),
    )


def valued() -> ValuationIssued:
    return ValuationIssued(
        object=ObjectId(some(20)),
        method=Method.MARKET,
        currency="CNY",
        low=secret("low"),
        point=secret("point"),
        high=secret("high"),
        valued_at=SINCE,
        report=digest_of("report"),
        appraiser=ANNA,
    )


@pytest.fixture
def tale() -> Tale:
    return Tale(SETTLEMENTS)


def test_a_settlement_and_its_lines(tale: Tale) -> None:
    at = tale.tell(ACCOUNT, made(), on_behalf_of=BEN)
    row = tale.row(SETTLEMENT, ACCOUNT, 1)
    assert (row["made"], row["licence"], row["licensor"]) == (at, some(5), BEN)
    assert (row["since_us"], row["until_us"]) == (microseconds(SINCE), microseconds(UNTIL))
    assert (row["amount"], row["statement"]) == (secret("all"), digest_of("statement"))
    assert (row["reversed"], row["reason"], row["event"]) == (None, "", UUID(int=ACCOUNT.int << 32 | 1))
    assert tale.row(LINE, ACCOUNT, 1, 1) == {
        "object": some(21),
        "party": BEN,
        "amount": secret("line 1.1"),
    }


def test_whoever_acts_in_its_own_name_is_the_licensor(tale: Tale) -> None:
    tale.tell(ACCOUNT, made())
    assert tale.row(SETTLEMENT, ACCOUNT, 1)["licensor"] == SOMEBODY


def test_a_reversal_leaves_the_lines(tale: Tale) -> None:
    tale.tell(ACCOUNT, made(), made(2))
    at = tale.tell(ACCOUNT, SettlementReversed(number=1, reason=ReversalReason.UNPAID, basis=digest_of("why")))
    assert (tale.row(SETTLEMENT, ACCOUNT, 1)["reversed"], tale.row(SETTLEMENT, ACCOUNT, 1)["reason"]) == (at, "unpaid")
    assert tale.row(SETTLEMENT, ACCOUNT, 2)["reversed"] is None
    assert tale.row(LINE, ACCOUNT, 1, 0)["party"] == ANNA


def test_a_settlement_of_many_entries_is_whole_when_the_last_is_read(tale: Tale) -> None:
    told, more = UUID(int=ACCOUNT.int << 32 | 1), (range(500), range(500, 1_000), range(1_000, 1_001))
    tale.tell(ACCOUNT, made(lines=range(0)))
    seen = []
    for places in more:
        row = tale.row(SETTLEMENT, ACCOUNT, 1)
        seen.append((row["listed"], row["lines"]))
        tale.tell(
            ACCOUNT,
            SettlementContinued(
                number=1, made=EventId(told), place=places.start, count=1_001, lines=lines_of(1, places)
            ),
        )
    row = tale.row(SETTLEMENT, ACCOUNT, 1)
    assert seen == [(0, 0), (500, 1_001), (1_000, 1_001)] and (row["listed"], row["lines"]) == (1_001, 1_001)
    assert (row["event"], row["amount"]) == (told, secret("all"))
    for place in (0, 499, 500, 999, 1_000):
        assert tale.row(LINE, ACCOUNT, 1, place)["amount"] == secret(f"line 1.{place}")


@pytest.mark.parametrize("place", [0, 499, 501])
def test_lines_that_are_missing_or_come_twice_stop_the_view(tale: Tale, place: int) -> None:
    tale.tell(ACCOUNT, made(lines=range(0)))
    part = SettlementContinued(number=1, made=EventId(some(7)), place=0, count=501, lines=lines_of(1, range(500)))
    tale.tell(ACCOUNT, part)
    at = tale.tell(ACCOUNT, replace(part, place=place))
    assert tale.poison().index == at and f"expected lines from 500 on, found {place}" in tale.poison().reason


def test_a_valuation_and_what_superseded_it(tale: Tale) -> None:
    tale.tell(OLD, valued())
    tale.tell(NEW, valued())
    tale.tell(OLD, ValuationSuperseded(by=ValuationId(NEW), reason=SupersededBecause.OUTDATED))
    old, new = tale.row(VALUATION, OLD), tale.row(VALUATION, NEW)
    assert (old["superseded_by"], old["reason"], new["superseded_by"]) == (NEW, "outdated", None)
    assert (new["method"], new["appraiser"], new["point"]) == ("market", ANNA, secret("point"))
