"""The account of a licence over random derivation graphs: every unit is somebody's, and reversal returns to nothing.

Each run settles a random plan several times through the aggregate, each command with the values of its secrets, tries
one with a unit moved, and reverses everything in a random order.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from domain.errors import Rejected
from domain.events import Sha256
from domain.ids import Commitment, LicenceId, PartyId, SettlementId
from domain.rights.settlement import Plan, Settled, settle
from domain.rights.settlement_events import ReversalReason, SettledLine, SettlementMade
from domain.rights.settlement_rules import (
    Facts,
    MakeSettlement,
    ReverseSettlement,
    Settlement,
    decide,
    evolve,
)
from domain.rights.sold import Sold
from domain.rights.statement import Statement
from tests.settlement_kit import cny, random_plan
from tests.trade_kit import secrets_of

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=400)
LICENSOR, LICENCE, ACCOUNT = (
    PartyId(UUID(int=1 << 100)),
    LicenceId(UUID(int=2 << 100)),
    SettlementId(UUID(int=3 << 100)),
)
DIGEST = Sha256(b"d" * 32)
SECRET = Commitment(DIGEST)
LICENCE_SOLD = Sold(LICENSOR, (), LICENSOR, DIGEST, "CNY")


class Book:
    """One account, what each settlement really was, and each party's balance by the events alone."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.state = plan, Settlement()
        self.really: list[Settled] = []

    def settle(self, day: int, settled: Settled, stated: Settled | None = None) -> None:
        """Settle one day. Raises: Rejected."""
        since, until = START + timedelta(days=day), START + timedelta(days=day + 1)
        lines = tuple(SettledLine(object=one.object, party=one.party, amount=SECRET) for one in settled.lines)
        given = MakeSettlement(
            licence=LICENCE, usage=DIGEST, since=since, until=until, amount=SECRET, lines=lines, statement=DIGEST
        )
        right = stated or settled
        facts = Facts(
            who=LICENSOR,
            now=NOW,
            licence=LICENCE_SOLD,
            plan=self.plan,
            values=secrets_of(settled),
            statement=Statement(LICENCE, DIGEST, since, until, right.amount, right.flows),
            documents=frozenset({DIGEST}),
        )
        (event,) = decide(self.state, given, facts)
        self.state = evolve(self.state, event)
        self.really.append(settled)

    def reverse(self, number: int) -> None:
        """Reverse a settlement. Raises: Rejected."""
        given = ReverseSettlement(settlement=ACCOUNT, number=number, reason=ReversalReason.MISTAKE, basis=DIGEST)
        facts = Facts(who=LICENSOR, now=NOW, licence=LICENCE_SOLD, documents=frozenset({DIGEST}))
        (event,) = decide(self.state, given, facts)
        self.state = evolve(self.state, event)

    def balances(self) -> Counter[PartyId]:
        """Return what each party has by the settlements that stand."""
        found: Counter[PartyId] = Counter()
        for made in self.state.standing():
            assert isinstance(made, SettlementMade)
            for line in self.really[made.number - 1].lines:
                found[line.party] += line.minor
        return found


def check(seed: int) -> None:
    """Hold one random account against everything that is promised; the seed says which."""
    random = Random(seed)
    book = Book(random_plan(random))
    total = 0
    for day in range(random.randint(1, 3)):
        minor = random.choice([0, 1, 99, random.randint(0, 10**6)])
        settled = settle(book.plan, cny(minor))
        _cheat(book, day, settled, random)
        book.settle(day, settled)
        total += minor
        assert book.balances().total() == total, f"seed {seed}"
        with pytest.raises(Rejected, match="no other settlement has"):
            book.settle(day, settled)
    numbers = [made.number for made in book.state.made]
    random.shuffle(numbers)
    for number in numbers:
        book.reverse(number)
        total -= book.really[number - 1].amount.minor
        assert book.balances().total() == total, f"seed {seed}"
        with pytest.raises(Rejected, match="is reversed already"):
            book.reverse(number)
    assert not +book.balances() and book.state.standing() == (), f"seed {seed}"


def _cheat(book: Book, day: int, settled: Settled, random: Random) -> None:
    """Move a unit from one line to another: the sum is right, and it is refused all the same."""
    if len(settled.lines) < 2:
        return
    giver, taker = random.sample(range(len(settled.lines)), 2)
    lines = list(settled.lines)
    if lines[giver].minor == 0:
        return
    lines[giver] = replace(lines[giver], minor=lines[giver].minor - 1)
    lines[taker] = replace(lines[taker], minor=lines[taker].minor + 1)
    with pytest.raises(Rejected, match="expected the amount that the plan gives"):
        book.settle(day, replace(settled, lines=tuple(lines)), settled)


@pytest.mark.parametrize("hundred", range(3))
def test_random_accounts_conserve_and_return_to_nothing(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(seed)


@pytest.mark.soak
@pytest.mark.parametrize("thousand", range(10))
def test_ten_thousand_random_accounts(thousand: int) -> None:
    for seed in range(2_000_000 + 1_000 * thousand, 2_000_000 + 1_000 * thousand + 1_000):
        check(seed)
