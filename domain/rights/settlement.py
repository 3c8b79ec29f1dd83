"""Settlement: who is paid how much of what a use of a derived work earned, to the last minor unit.

A plan is the derivation graph of the object that is sold, as it stood when the licence was issued: nodes with the
ledger index of their birth and their title holders, and an edge from a derived object to a parent for each grant that
states a share. A share is in basis points (bp, 1/10,000) of what the derived object takes in. The rule:

1. The amount comes in at the object that is sold. Nodes are walked by descending birth index; since a parent is born
   before its child, whatever flows into a node has arrived when its turn comes, and is one sum.
2. A node splits that sum once. Each edge claims its share of it; what the shares leave is claimed by the title holders
   in proportion to theirs, which add up to 10,000.
3. Each claim is rounded down. The units that are left over, fewer than there are claims, go one each to the claims that
   lost the largest fractions. Where fractions are equal, edges come before holders, since the exercise of rights in a
   derived work must not prejudice the original (Copyright Law of the People's Republic of China, art. 13); among edges
   the lower identifier of the parent comes first, among holders the lower identifier of the party, as 128-bit numbers.
4. What an edge gets flows into its parent; what a holder gets is a line.

So no unit is made or lost at any node, and the lines add up to the amount. Amounts are integers in minor units of one
currency, net of tax. What was recorded is undone by counting it no longer; nothing is computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated as A
from typing import Final

from domain.errors import Invalid
from domain.events import Doc, value
from domain.governance.authority import Amount
from domain.ids import ObjectId, PartyId

WHOLE_BP: Final = 10_000
AMOUNT_MINOR_MAX: Final = (1 << 63) - 1
NODES_MAX: Final = 20_000
EDGES_MAX: Final = 200_000
HOLDERS_MAX: Final = 100
_WHOLE: Final = WHOLE_BP * WHOLE_BP
"""Claims are weighed in bp of bp: a holder's share is one of a rest that is itself a share."""


@value
class Holder:
    """Who owns a title, or a part of it."""

    party: A[PartyId, Doc("who owns it")]
    share_bp: A[int, Doc("its part in bp; those of one title add up to 10,000", low=1, high=WHOLE_BP)]


@value
class PlanNode:
    """One object of the graph."""

    object: A[ObjectId, Doc("the object")]
    birth: A[int, Doc("ledger index of its birth, from 0", low=0)]
    holders: A[tuple[Holder, ...], Doc("who holds its title", low=1, high=HOLDERS_MAX)]


@value
class PlanEdge:
    """A grant that states a share: of what the child takes in, so much flows to the parent."""

    child: A[ObjectId, Doc("the derived object")]
    parent: A[ObjectId, Doc("what it is derived from; born earlier")]
    share_bp: A[int, Doc("share in bp; those of a child add up to 10,000 at most", low=1, high=WHOLE_BP)]


@value
class Plan:
    """How the proceeds of one object are shared; pinned when the licence is issued."""

    currency: A[str, Doc("ISO 4217 code", low=3, high=3)]
    sold: A[ObjectId, Doc("the object where the money comes in; one of the nodes")]
    nodes: A[tuple[PlanNode, ...], Doc("the objects", low=1, high=NODES_MAX)]
    edges: A[tuple[PlanEdge, ...], Doc("the grants that state a share, one at most for a pair", high=EDGES_MAX)]


@value
class Line:
    """What a party gets as a title holder of one node; never 0."""

    object: A[ObjectId, Doc("the node")]
    party: A[PartyId, Doc("who gets it")]
    minor: A[int, Doc("minor units")]


@value
class Flow:
    """What flows over one edge; never 0."""

    child: A[ObjectId, Doc("from the derived object")]
    parent: A[ObjectId, Doc("to what it is derived from")]
    minor: A[int, Doc("minor units")]


@dataclass(frozen=True, slots=True)
class Settled:
    """One settlement: the amount, its lines, which add up to it, and the flows for the statement.

    Both are in the order of the walk: by descending birth of the node (of a flow: the child), then by party (parent).
    """

    amount: Amount
    lines: tuple[Line, ...]
    flows: tuple[Flow, ...]


def settle(plan: Plan, amount: Amount) -> Settled:
    """Return how an amount is shared under a plan. Cost: O(nodes + edges), and sorting them.

    Raises:
        Invalid: the plan is none (`check_plan`), or the amount is negative, above AMOUNT_MINOR_MAX or of another
            currency.
    """
    if amount.currency != plan.currency:
        raise Invalid(f"settlement: expected an amount in {plan.currency}, found {amount.currency[:8]!r}")
    if not 0 <= amount.minor <= AMOUNT_MINOR_MAX:
        raise Invalid(f"settlement: expected 0 to {AMOUNT_MINOR_MAX} minor units, found {amount.minor}")
    edges = check_plan(plan)
    inflow = {plan.sold.int: amount.minor}
    lines: list[Line] = []
    flows: list[Flow] = []
    for node in sorted(plan.nodes, key=_birth, reverse=True):
        arrived = inflow.get(node.object.int)
        if not arrived:
            continue
        claims = sorted(edges.get(node.object.int, ()), key=_parent)
        holders = sorted(node.holders, key=_party)
        rest_bp = WHOLE_BP - sum(edge.share_bp for edge in claims)
        weights = [edge.share_bp * WHOLE_BP for edge in claims]
        weights += [rest_bp * holder.share_bp for holder in holders]
        parts = split(arrived, weights)
        for edge, part in zip(claims, parts, strict=False):
            if part:
                inflow[edge.parent.int] = inflow.get(edge.parent.int, 0) + part
                flows.append(Flow(child=edge.child, parent=edge.parent, minor=part))
        for holder, part in zip(holders, parts[len(claims) :], strict=True):
            if part:
                lines.append(Line(object=node.object, party=holder.party, minor=part))
    if sum(line.minor for line in lines) != amount.minor:
        raise AssertionError(f"settlement: lines do not add up to {amount.minor}")
    return Settled(amount=amount, lines=tuple(lines), flows=tuple(flows))


def _birth(node: PlanNode) -> int:
    return node.birth


def _parent(edge: PlanEdge) -> int:
    return edge.parent.int


def _party(holder: Holder) -> int:
    return holder.party.int


def split(arrived: int, weights: list[int]) -> list[int]:
    """Return the parts of a sum, at least 0, by weights that add up to 10,000 x 10,000.

    Each part is rounded down; units that are left over go to the largest fractions, of equal ones to the first.
    """
    exact = [arrived * weight for weight in weights]
    parts = [claim // _WHOLE for claim in exact]
    left_over = arrived - sum(parts)
    if left_over:
        # sorted is stable: of equal fractions the earlier claim stays first
        lost = [-(claim % _WHOLE) for claim in exact]
        for place in sorted(range(len(exact)), key=lost.__getitem__)[:left_over]:
            parts[place] += 1
    return parts


def check_plan(plan: Plan) -> Mapping[int, list[PlanEdge]]:
    """Return the edges by child, as a 128-bit number, if the plan is one by which every unit finds its way.

    Raises:
        Invalid: too many nodes, edges or holders; two nodes of one object or one birth index; an edge or the object
            sold without its node; a parent not born before its child (so there is no cycle); two edges of one pair; a
            share out of bounds; shares of a child above 10,000; holders that do not add up to 10,000 or stand twice.
    """
    if not 1 <= len(plan.nodes) <= NODES_MAX or len(plan.edges) > EDGES_MAX:
        raise Invalid(
            f"plan: expected 1 to {NODES_MAX} nodes and {EDGES_MAX} edges at most, "
            f"found {len(plan.nodes)} and {len(plan.edges)}"
        )
    # numbers, since a UUID computes its hash each time, and there are tens of thousands
    births = {node.object.int: node.birth for node in plan.nodes}
    if len(births) != len(plan.nodes) or len(set(births.values())) != len(births):
        raise Invalid("plan: expected each object and each birth index once, found one twice")
    if plan.sold.int not in births:
        raise Invalid(f"plan: expected the object sold among the nodes, found {plan.sold} without one")
    for node in plan.nodes:
        _check_holders(node)
    by_child: dict[int, list[PlanEdge]] = {}
    for edge in plan.edges:
        _check_edge(edge, births)
        by_child.setdefault(edge.child.int, []).append(edge)
    for claims in by_child.values():
        _check_claims(claims)
    return by_child


def _check_holders(node: PlanNode) -> None:
    if node.birth < 0 or not 1 <= len(node.holders) <= HOLDERS_MAX:
        raise Invalid(f"plan: node {node.object}: expected a birth index and 1 to {HOLDERS_MAX} title holders")
    if len({holder.party.int for holder in node.holders}) != len(node.holders):
        raise Invalid(f"plan: node {node.object}: expected each title holder once, found one twice")
    total = 0
    for holder in node.holders:
        if not 1 <= holder.share_bp <= WHOLE_BP:
            raise Invalid(f"plan: node {node.object}: expected shares of 1 to {WHOLE_BP} bp, found {holder.share_bp}")
        total += holder.share_bp
    if total != WHOLE_BP:
        raise Invalid(f"plan: node {node.object}: expected shares of title of {WHOLE_BP} bp in all, found {total}")


def _check_edge(edge: PlanEdge, births: Mapping[int, int]) -> None:
    child, parent = births.get(edge.child.int), births.get(edge.parent.int)
    if child is None or parent is None:
        missing = edge.child if child is None else edge.parent
        raise Invalid(f"plan: expected a node for each end of an edge, found {missing} without one")
    if parent >= child:
        raise Invalid(
            f"plan: expected the parent {edge.parent} born before {edge.child}, "
            f"found birth {parent}, not before {child}"
        )
    if not 1 <= edge.share_bp <= WHOLE_BP:
        raise Invalid(f"plan: edge to {edge.parent}: expected 1 to {WHOLE_BP} bp, found {edge.share_bp}")


def _check_claims(claims: list[PlanEdge]) -> None:
    child = claims[0].child
    if len({edge.parent.int for edge in claims}) != len(claims):
        raise Invalid(f"plan: node {child}: expected one edge to each parent, found two to one")
    total = sum(edge.share_bp for edge in claims)
    if total > WHOLE_BP:
        raise Invalid(f"plan: node {child}: expected shares of {WHOLE_BP} bp at most in all, found {total}")
