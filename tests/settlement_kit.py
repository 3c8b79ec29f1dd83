"""Plans for tests, written in a line or drawn at random; and the rule of settlement again, slowly, from its text."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from random import Random
from uuid import UUID

from domain.governance.authority import Amount
from domain.ids import ObjectId, PartyId
from domain.rights.settlement import Flow, Holder, Line, Plan, PlanEdge, PlanNode, Settled

CURRENCY = "CNY"


def thing(number: int) -> ObjectId:
    return ObjectId(UUID(int=number))


def party(number: int) -> PartyId:
    return PartyId(UUID(int=number))


def node(number: int, *, birth: int | None = None, **shares: int) -> PlanNode:
    """Return object `number`, born at its number unless it is said; `p7=4000` is 4,000 bp of party 7."""
    holders = tuple(Holder(party=party(int(name[1:])), share_bp=bp) for name, bp in shares.items())
    return PlanNode(object=thing(number), birth=number if birth is None else birth, holders=holders)


def edge(child: int, parent: int, share_bp: int) -> PlanEdge:
    return PlanEdge(child=thing(child), parent=thing(parent), share_bp=share_bp)


def plan(sold: int, nodes: list[PlanNode], *edges: PlanEdge) -> Plan:
    return Plan(currency=CURRENCY, sold=thing(sold), nodes=tuple(nodes), edges=edges)


def cny(minor: int) -> Amount:
    return Amount(currency=CURRENCY, minor=minor)


def compositions(random: Random, parts: int, whole: int) -> list[int]:
    """Return positive integers that add up to `whole`."""
    cuts = sorted(random.sample(range(1, whole), parts - 1))
    return [high - low for low, high in zip([0, *cuts], [*cuts, whole], strict=True)]


def random_plan(random: Random, nodes_max: int = 24) -> Plan:
    """Return a plan of 1 to `nodes_max` nodes in any order; shares are often equal, sometimes nothing is kept."""
    count = random.randint(1, nodes_max)
    births = sorted(random.sample(range(10 * count), count))
    numbers = random.sample(range(1, 100 * count), count)  # by birth; identifiers say nothing of it
    nodes = []
    for number, birth in zip(numbers, births, strict=True):
        many = random.randint(1, 4)
        shares = [10_000 // many] * many if 10_000 % many == 0 and random.random() < 0.5 else None
        people = random.sample(range(1, 12), many)
        for_each = shares or compositions(random, many, 10_000)
        nodes.append(node(number, birth=birth, **{f"p{who}": bp for who, bp in zip(people, for_each, strict=True)}))
    edges = []
    for place in range(1, count):
        parents = random.sample(numbers[:place], random.randint(0, min(place, 4)))
        if not parents:
            continue
        whole = 10_000 if random.random() < 0.2 else random.randint(len(parents), 10_000)
        equal = whole // len(parents)
        shares = [equal] * len(parents) if random.random() < 0.5 else compositions(random, len(parents), whole)
        edges += [edge(numbers[place], parent, bp) for parent, bp in zip(parents, shares, strict=True)]
    sold = numbers[-1] if random.random() < 0.8 else random.choice(numbers)
    random.shuffle(nodes)
    random.shuffle(edges)
    return plan(sold, nodes, *edges)


class Oracle:
    """The rule, asked from the other end: what a node took in is what its children gave it. Recursive, in fractions."""

    def __init__(self, made: Plan, minor: int) -> None:
        self.minor, self.sold = minor, made.sold
        self.holders = {one.object: {h.party: Fraction(h.share_bp, 10_000) for h in one.holders} for one in made.nodes}
        self.births = {one.object: one.birth for one in made.nodes}
        self.shares: dict[ObjectId, dict[ObjectId, Fraction]] = defaultdict(dict)
        for one in made.edges:
            self.shares[one.child][one.parent] = Fraction(one.share_bp, 10_000)
        self.known: dict[ObjectId, Mapping[tuple[int, UUID], int]] = {}

    def taken_in(self, object_id: ObjectId) -> int:
        """Return what came in at a node: the amount where it is sold, and what each child gave."""
        given = sum(self.given(child)[0, object_id] for child, shares in self.shares.items() if object_id in shares)
        return given + (self.minor if object_id == self.sold else 0)

    def given(self, object_id: ObjectId) -> Mapping[tuple[int, UUID], int]:
        """Return what a node gave to each claimant: (0, parent) or (1, party), which is also how ties are ordered."""
        if object_id in self.known:
            return self.known[object_id]
        whole = self.taken_in(object_id)
        shares = self.shares.get(object_id, {})
        rest = 1 - sum(shares.values(), Fraction(0))
        claims: dict[tuple[int, UUID], Fraction] = {(0, parent): whole * share for parent, share in shares.items()}
        claims |= {(1, who): whole * rest * share for who, share in self.holders[object_id].items()}
        paid = {claimant: int(claim) for claimant, claim in claims.items()}
        waiting = set(claims)
        while sum(paid.values()) < whole:
            lucky = min(waiting, key=lambda one: (paid[one] - claims[one], one[0], one[1].int))
            waiting.remove(lucky)
            paid[lucky] += 1
        self.known[object_id] = paid
        return paid

    def settled(self) -> Settled:
        """Return the whole settlement in the order that the contract promises."""
        lines, flows = [], []
        for object_id in sorted(self.births, key=lambda one: self.births[one], reverse=True):
            for (kind, who), paid in sorted(self.given(object_id).items(), key=lambda one: (one[0][0], one[0][1].int)):
                if paid and kind == 0:
                    flows.append(Flow(child=object_id, parent=ObjectId(who), minor=paid))
                elif paid:
                    lines.append(Line(object=object_id, party=PartyId(who), minor=paid))
        return Settled(amount=cny(self.minor), lines=tuple(lines), flows=tuple(flows))


def balances(*all_settled: Settled) -> dict[PartyId, int]:
    """Return what each party has after some settlements; whoever has nothing is left out."""
    total: dict[PartyId, int] = defaultdict(int)
    for settled in all_settled:
        for line in settled.lines:
            total[line.party] += line.minor
    return {who: minor for who, minor in total.items() if minor}
