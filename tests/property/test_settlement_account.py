"""The account of a licence over random derivation graphs: every unit is somebody's, and reversal returns to nothing.

Each run settles a random plan several times through the aggregate, each command with the values of its secrets, tries
one with a unit moved, and reverses everything in a random order.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from random import Random
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import Rejected
from domain.events import Sha256
from domain.ids import Commitment, EventId, LicenceId, PartyId, SettlementId
from domain.rights.licence import Licence
from domain.rights.licence import evolve as evolve_licence
from domain.rights.settlement import Plan, Settled, settle
from domain.rights.settlement_events import (
    LINES_MAX,
    ReversalReason,
    SettledLine,
    SettlementMade,
    SettlementReversed,
)
from domain.rights.settlement_rules import (
    AMOUNT,
    Facts,
    MakeSettlement,
    ReverseSettlement,
    Settlement,
    SettlementEvent,
    decide,
    evolve,
)
from domain.rights.statement import Statement
from producers.secrets import places
from tests.governance_kit import CODEC
from tests.settlement_kit import cny, compositions, edge, node, plan, random_plan, thing
from tests.trade_kit import licence_events, secrets_of
from tests.view_kit import envelope

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=400)
LICENSOR, LICENCE, ACCOUNT = (
    PartyId(UUID("01937e3f-2b5c-7000-8000-00000000000a")),
    LicenceId(UUID(int=2 << 100)),
    SettlementId(UUID(int=3 << 100)),
)
DIGEST = Sha256(b"d" * 32)
SECRET = Commitment(DIGEST)
EVENT = EventId(UUID(int=4 << 100))
LICENCE_SOLD = reduce(evolve_licence, licence_events(LICENSOR, LICENSOR, thing(1), DIGEST), Licence())


class Book:
    """One account, what each settlement really was, and each party's balance by the events alone."""

    def __init__(self, made: Plan) -> None:
        self.plan, self.state = made, Settlement()
        self.really: list[Settled] = []
        self.wrote: tuple[SettlementEvent, ...] = ()

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
            event=EVENT,
        )
        events = decide(self.state, given, facts)
        self.state = reduce(evolve, events, self.state)
        self.really.append(settled)
        self.wrote = events

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


@settings(max_examples=30, deadline=None)
@given(
    groups=st.lists(st.integers(1, 100), min_size=1, max_size=16),
    minor=st.integers(0, 10**7),
    random=st.randoms(use_true_random=False),
)
@example(groups=[100] * 5, minor=10**7, random=Random(1))
@example(groups=[1, *[100] * 5], minor=10**7, random=Random(1))
@example(groups=[1, *[100] * 10], minor=10**7, random=Random(1))
def test_no_unit_is_lost_where_lines_are_cut(groups: list[int], minor: int, random: Random) -> None:
    """Works of so many holders each, all in one: however many lines that makes, their entries have each once."""
    nodes = [
        node(number, **{f"p{random.randint(1, 10**6) * 100 + n}": bp for n, bp in enumerate(shares)})
        for number, shares in enumerate((compositions(random, many, 10_000) for many in groups), 1)
    ]
    edges = [edge(len(nodes), number, random.randint(1, 600)) for number in range(1, len(nodes))]
    book = Book(plan(len(nodes), nodes, *edges))
    settled = settle(book.plan, cny(minor))
    book.settle(0, settled)
    first, *more = book.wrote
    assert isinstance(first, SettlementMade) and (not more or (first.lines == () and len(settled.lines) > LINES_MAX))
    values, under = secrets_of(settled), {}
    for event in book.wrote:
        assert len(CODEC.encode(event, envelope(thing(3)))) <= 60_000
        for place, _ in places(("lines.*.amount",), event):
            event_id, path = event.committed_as(EVENT, place)
            assert event_id == EVENT and path not in under
            under[path] = values[path]["minor"]
    assert sum(under.values()) == minor == values[AMOUNT]["minor"] and {*under, AMOUNT} == {*values}
    lines = [line for event in book.wrote if not isinstance(event, SettlementReversed) for line in event.lines]
    assert [(one.object, one.party) for one in lines] == [(one.object, one.party) for one in settled.lines]
    book.reverse(1)
    assert not +book.balances()
