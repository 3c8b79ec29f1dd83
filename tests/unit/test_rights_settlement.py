"""Settlement by hand: splits, merged inflows, reversal; and plans by which money would be lost or made are refused."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Invalid
from domain.governance.authority import Amount
from domain.rights.settlement import (
    AMOUNT_MINOR_MAX,
    HOLDERS_MAX,
    NODES_MAX,
    Flow,
    Line,
    Plan,
    check_plan,
    settle,
    split,
)
from tests.settlement_kit import balances, cny, edge, node, party, plan, thing

NOVEL, FILM, PARK = 1, 2, 3
NODES = [node(NOVEL, p1=6000, p2=4000), node(FILM, p3=10_000), node(PARK, p4=10_000)]
STORY = plan(PARK, NODES, edge(FILM, NOVEL, 1500), edge(PARK, FILM, 2000))


def test_each_level_takes_its_share_of_what_came_in() -> None:
    settled = settle(STORY, cny(100_000))
    assert settled.flows == (
        Flow(child=thing(PARK), parent=thing(FILM), minor=20_000),
        Flow(child=thing(FILM), parent=thing(NOVEL), minor=3_000),
    )
    assert settled.lines == (
        Line(object=thing(PARK), party=party(4), minor=80_000),
        Line(object=thing(FILM), party=party(3), minor=17_000),
        Line(object=thing(NOVEL), party=party(1), minor=1_800),
        Line(object=thing(NOVEL), party=party(2), minor=1_200),
    )


def test_what_comes_in_on_two_ways_is_split_as_one_sum() -> None:
    """Two units of 50 % each come to the novel together: two equal owners get one each, not both the same one."""
    nodes = [node(1, p1=5000, p2=5000), *(node(k, **{f"p{k}": 10_000}) for k in (3, 4, 5))]
    made = plan(5, nodes, edge(5, 3, 5000), edge(5, 4, 5000), edge(3, 1, 10_000), edge(4, 1, 10_000))
    assert balances(settle(made, cny(2))) == {party(1): 1, party(2): 1}


def test_an_edge_that_the_walk_does_not_reach_carries_nothing() -> None:
    middle = replace(STORY, sold=thing(FILM))
    assert balances(settle(middle, cny(1_000))) == {party(1): 90, party(2): 60, party(3): 850}


def test_the_order_of_nodes_edges_and_holders_changes_nothing() -> None:
    turned = Plan(
        currency=STORY.currency,
        sold=STORY.sold,
        nodes=tuple(replace(one, holders=one.holders[::-1]) for one in STORY.nodes[::-1]),
        edges=STORY.edges[::-1],
    )
    for minor in (1, 3, 99, 12_345):
        assert settle(turned, cny(minor)) == settle(STORY, cny(minor))


def test_of_nothing_there_are_no_lines() -> None:
    settled = settle(STORY, cny(0))
    assert settled.lines == () == settled.flows


def test_no_line_and_no_flow_is_zero() -> None:
    settled = settle(STORY, cny(1))
    assert settled.lines == (Line(object=thing(PARK), party=party(4), minor=1),) and settled.flows == ()


@pytest.mark.parametrize(
    ("arrived", "weights", "parts"),
    [
        (10, [5000, 5000], [5, 5]),
        (1, [5000, 5000], [1, 0]),
        (1, [4999, 5001], [0, 1]),
        (2, [3334, 3333, 3333], [1, 1, 0]),
        (5, [0, 10_000], [0, 5]),
        (1, [0, 5000, 5000], [0, 1, 0]),
        (0, [10_000], [0]),
        (9, [1, 9_998, 1], [0, 9, 0]),
    ],
)
def test_left_over_units_go_to_the_largest_fractions(arrived: int, weights: list[int], parts: list[int]) -> None:
    assert split(arrived, [weight * 10_000 for weight in weights]) == parts


def test_the_largest_amount_is_shared_to_the_unit() -> None:
    assert sum(line.minor for line in settle(STORY, cny(AMOUNT_MINOR_MAX)).lines) == AMOUNT_MINOR_MAX


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        (cny(-1), "expected 0 to 9223372036854775807 minor units, found -1"),
        (cny(AMOUNT_MINOR_MAX + 1), "found 9223372036854775808"),
        (Amount(currency="USD", minor=1), "expected an amount in CNY, found 'USD'"),
    ],
)
def test_an_amount_that_is_none_is_refused(amount: Amount, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        settle(STORY, amount)


def crowded(count: int) -> list[Any]:
    shares = {f"p{k}": 1 for k in range(1, count)} | {"p0": 10_000 - count + 1}
    return [node(NOVEL, **shares), *NODES[1:]]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (plan(PARK, NODES, edge(NOVEL, PARK, 1)), "parent .*03 born before .*01, found birth 3, not before 1"),
        (plan(PARK, NODES, edge(FILM, FILM, 1)), "parent .*02 born before .*02, found birth 2, not before 2"),
        (plan(PARK, NODES, edge(3, 1, 6000), edge(3, 2, 4001)), "shares of 10000 bp at most in all, found 10001"),
        (plan(PARK, NODES, edge(3, 1, 10), edge(3, 1, 10)), "one edge to each parent, found two to one"),
        (plan(PARK, NODES, edge(3, 9, 10)), f"a node for each end of an edge, found {UUID(int=9)} without one"),
        (plan(PARK, NODES, edge(9, 1, 10)), f"found {UUID(int=9)} without one"),
        (plan(PARK, NODES, edge(3, 1, 0)), "expected 1 to 10000 bp, found 0"),
        (plan(PARK, NODES, edge(3, 1, 10_001)), "expected 1 to 10000 bp, found 10001"),
        (plan(9, NODES), f"the object sold among the nodes, found {UUID(int=9)}"),
        (plan(1, []), f"expected 1 to {NODES_MAX} nodes"),
        (plan(1, [*NODES, node(1, birth=9, p1=10_000)]), "each object and each birth index once"),
        (plan(1, [*NODES, node(4, birth=1, p1=10_000)]), "each object and each birth index once"),
        (plan(1, [node(1, birth=-1, p1=10_000)]), "expected a birth index and 1 to 100 title holders"),
        (plan(1, [node(1)]), "expected a birth index and 1 to 100 title holders"),
        (plan(1, crowded(HOLDERS_MAX + 1)), "expected a birth index and 1 to 100 title holders"),
        (plan(1, [node(1, p1=6000, p2=3999)]), "shares of title of 10000 bp in all, found 9999"),
        (plan(1, [node(1, p1=6000, p2=4001)]), "shares of title of 10000 bp in all, found 10001"),
        (plan(1, [node(1, p1=0, p2=10_000)]), "expected shares of 1 to 10000 bp, found 0"),
        (plan(1, [node(1, p1=11_000, p2=-1_000)]), "expected shares of 1 to 10000 bp"),
        (plan(1, [node(1, p1=5000, p01=5000)]), "expected each title holder once"),
    ],
)
def test_a_plan_by_which_money_goes_astray_is_refused(broken: Plan, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        check_plan(broken)
    with pytest.raises(Invalid, match=why):
        settle(broken, cny(100))


def test_what_is_just_within_the_limits_is_a_plan() -> None:
    full = plan(PARK, crowded(HOLDERS_MAX), edge(3, 1, 6000), edge(3, 2, 4000))
    assert set(check_plan(full)) == {PARK}
    assert sum(line.minor for line in settle(full, cny(123)).lines) == 123
