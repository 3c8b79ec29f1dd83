"""Money is conserved in random derivation graphs, shared as the text of the rule says, and comes back on reversal."""

from collections import defaultdict
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.rights.settlement import AMOUNT_MINOR_MAX, WHOLE_BP, Plan, Settled, settle, split
from tests.settlement_kit import Oracle, balances, cny, edge, node, plan, random_plan

RUNS = settings(deadline=None)
AMOUNTS = (0, 1, 2, 3, 7, 99, 10_000, 123_457, 10**12 + 1, AMOUNT_MINOR_MAX)


def check(seed: int) -> None:
    """Hold one random graph against everything that is promised; the seed says which."""
    random = Random(seed)
    made = random_plan(random)
    minor = random.choice([*AMOUNTS, random.randint(0, 1_000), random.randint(0, 10**9)])
    settled = settle(made, cny(minor))
    assert settled == Oracle(made, minor).settled(), f"seed {seed}"
    assert_conserved(made, settled, f"seed {seed}")


def assert_conserved(made: Plan, settled: Settled, seed: str) -> None:
    """At each node comes out what came in, and the lines add up to the amount."""
    net: dict[object, int] = defaultdict(int)
    net[made.sold] += settled.amount.minor
    for flow in settled.flows:
        assert flow.minor > 0, seed
        net[flow.child] -= flow.minor
        net[flow.parent] += flow.minor
    for line in settled.lines:
        assert line.minor > 0, seed
        net[line.object] -= line.minor
    assert not any(net.values()), seed
    assert sum(line.minor for line in settled.lines) == settled.amount.minor, seed


@pytest.mark.parametrize("hundred", range(4))
def test_random_graphs_conserve_every_unit_and_equal_the_oracle(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(seed)


@pytest.mark.soak
@pytest.mark.parametrize("thousand", range(10))
def test_ten_thousand_random_graphs(thousand: int) -> None:
    for seed in range(1_000_000 + 1_000 * thousand, 1_000_000 + 1_000 * thousand + 1_000):
        check(seed)


def test_the_random_graphs_are_worth_drawing() -> None:
    plans = [random_plan(Random(seed)) for seed in range(400)]
    assert max(len(made.nodes) for made in plans) == 24 and any(len(made.nodes) == 1 for made in plans)
    children = [edges for made in plans for edges in totals(made).values()]
    assert any(total == WHOLE_BP for total in children) and any(total < WHOLE_BP // 2 for total in children)
    merged = [made for made in plans if len({one.parent for one in made.edges}) < len(made.edges)]
    assert len(merged) > 200, "most have a node with two children"


def totals(made: Plan) -> dict[object, int]:
    total: dict[object, int] = defaultdict(int)
    for one in made.edges:
        total[one.child] += one.share_bp
    return total


def weights(parts: list[int]) -> list[int]:
    """Return weights in the proportions of some integers that add up to the whole; the last takes what is left."""
    whole = WHOLE_BP * WHOLE_BP
    made = [part * whole // (sum(parts) or 1) for part in parts]
    return [*made[:-1], whole - sum(made[:-1])]


@RUNS
@given(st.integers(0, AMOUNT_MINOR_MAX), st.lists(st.integers(0, 10_000), min_size=1, max_size=12).map(weights))
def test_a_split_gives_everybody_the_floor_or_one_more(arrived: int, claims: list[int]) -> None:
    whole = WHOLE_BP * WHOLE_BP
    parts = split(arrived, claims)
    assert sum(parts) == arrived
    for part, claim in zip(parts, claims, strict=True):
        assert part in (arrived * claim // whole, arrived * claim // whole + 1)
        assert claim or not part, "who claims nothing gets nothing"
    fractions = [arrived * claim % whole for claim in claims]
    lucky = [
        fraction
        for fraction, part, claim in zip(fractions, parts, claims, strict=True)
        if part > arrived * claim // whole
    ]
    unlucky = [
        fraction
        for fraction, part, claim in zip(fractions, parts, claims, strict=True)
        if part == arrived * claim // whole
    ]
    assert not lucky or not unlucky or min(lucky) >= max(unlucky)


@RUNS
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 9_999))
def test_who_is_paid_more_often_is_never_paid_less(first: int, more: int, share_bp: int) -> None:
    """With two claims the larger amount pays each claimant no less; largest remainders promise this for two alone."""
    made = plan(2, [node(1, p1=10_000), node(2, p2=10_000)], edge(2, 1, share_bp))
    small, large = balances(settle(made, cny(first))), balances(settle(made, cny(first + more)))
    assert all(large.get(who, 0) >= paid for who, paid in small.items())
