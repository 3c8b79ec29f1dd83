"""Plans: made from a derivation, written in one way, read strictly."""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Invalid
from domain.events import Sha256
from domain.governance.authority import Amount
from domain.ids import LicenceId, ObjectId, PartyId, uuid7
from domain.rights.plan import FORMAT, make_plan, plan_json, read_plan
from domain.rights.settlement import Flow, Holder, Plan, PlanEdge, check_plan
from domain.rights.statement import Statement, read_statement, statement_json
from tests.settlement_kit import random_plan
from tests.trade_kit import node

PREFIX = "10.5072"
AT = 1_760_000_000_000_000


def named(number: int) -> UUID:
    return uuid7(AT, number.to_bytes(10, "big"))


NOVEL, FILM, RIDE, STRANGE = (ObjectId(named(n)) for n in range(1, 5))
ANNA, BEN, CARA = (PartyId(named(n)) for n in range(11, 14))


def owned(*parties: PartyId) -> tuple[Holder, ...]:
    return tuple(Holder(party=party, share_bp=10_000 // len(parties)) for party in parties)


NODES = (node(RIDE, 30, owned(CARA)), node(NOVEL, 10, owned(BEN, ANNA)), node(FILM, 20, owned(BEN)))
EDGES = (PlanEdge(child=RIDE, parent=FILM, share_bp=2_000), PlanEdge(child=FILM, parent=NOVEL, share_bp=1_500))


def made(*edges: PlanEdge) -> Plan:
    return make_plan(RIDE, "CNY", NODES, edges or EDGES)


class TestMaking:
    """From a derivation to the plan."""

    def test_nodes_by_birth_holders_by_party_edges_by_child(self) -> None:
        plan = made()
        assert [(node.object, node.birth) for node in plan.nodes] == [(NOVEL, 10), (FILM, 20), (RIDE, 30)]
        assert [one.party for one in plan.nodes[0].holders] == [ANNA, BEN]
        assert [(one.child, one.parent, one.share_bp) for one in plan.edges] == [
            (FILM, NOVEL, 1_500),
            (RIDE, FILM, 2_000),
        ]

    def test_an_edge_to_an_object_that_is_no_node_is_named(self) -> None:
        with pytest.raises(Invalid, match=f"found {STRANGE} without one"):
            made(PlanEdge(child=RIDE, parent=STRANGE, share_bp=100))

    def test_one_edge_of_a_pair(self) -> None:
        once = PlanEdge(child=RIDE, parent=FILM, share_bp=2_000)
        with pytest.raises(Invalid, match="expected one edge to each parent"):
            made(once, once)

    def test_a_parent_is_born_before_its_child(self) -> None:
        with pytest.raises(Invalid, match="born before"):
            made(PlanEdge(child=RIDE, parent=FILM, share_bp=100), PlanEdge(child=FILM, parent=RIDE, share_bp=100))

    def test_the_currency_is_a_code(self) -> None:
        with pytest.raises(Invalid, match=r"plan.currency: expected an ISO 4217 code"):
            make_plan(RIDE, "cny", NODES, EDGES)


class TestDocument:
    """As JSON and back."""

    def test_whatever_order_one_document(self) -> None:
        plan = made()
        shuffled = Plan(currency="CNY", sold=RIDE, nodes=plan.nodes[::-1], edges=plan.edges[::-1])
        assert plan_json(shuffled, PREFIX) == plan_json(plan, PREFIX)
        assert read_plan(plan_json(shuffled, PREFIX), PREFIX) == plan

    def test_random_plans_come_back(self) -> None:
        for seed in range(50):
            plan = real(random_plan(Random(seed)))
            document = plan_json(plan, PREFIX)
            again = read_plan(document, PREFIX)
            assert plan_json(again, PREFIX) == document and len(again.nodes) == len(plan.nodes)
            check_plan(again)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda d: d.pop("sold"), "plan: expected an object of format, currency, sold, nodes, edges"),
            (lambda d: d.update(more=1), "plan: expected an object of"),
            (lambda d: d.update(format="edgeprint/settlement-plan/2"), f"plan.format: expected {FORMAT}"),
            (lambda d: d.update(currency="RMBX"), "plan.currency: expected an ISO 4217 code"),
            (lambda d: d.update(sold=d["nodes"][0]["holders"][0]["party"]), "plan.sold: expected an identifier"),
            (lambda d: d.update(sold=d["sold"].lower()), r"plan.sold: expected an identifier .* as it is written"),
            (lambda d: d.update(sold=7), "plan.sold: expected an identifier as a string"),
            (lambda d: d.update(nodes={}), "plan.nodes: expected a list of 20000 at most"),
            (lambda d: d["nodes"].reverse(), "plan: expected nodes by birth, holders by party"),
            (lambda d: d["edges"].reverse(), "plan: expected nodes by birth"),
            (lambda d: d["nodes"][0]["holders"].reverse(), "plan: expected nodes by birth"),
            (lambda d: d["nodes"][0].update(birth=True), r"plan.nodes\[0\].birth: expected an integer of 0 to"),
            (lambda d: d["nodes"][0].update(birth=-1), r"plan.nodes\[0\].birth: expected an integer"),
            (
                lambda d: d["edges"][1].update(share_bp=0),
                r"plan.edges\[1\].share_bp: expected an integer of 1 to 10000",
            ),
            (lambda d: d["nodes"][1]["holders"][0].update(share_bp=9_999), "shares of title of 10000 bp in all"),
            (lambda d: d["nodes"].pop(0), "expected a node for each end of an edge"),
        ],
    )
    def test_what_is_refused(self, change: Callable[[Any], object], why: str) -> None:
        document = plan_json(made(), PREFIX)
        change(document)
        with pytest.raises(Invalid, match=why):
            read_plan(document, PREFIX)

    def test_identifiers_are_of_the_ledgers_prefix(self) -> None:
        with pytest.raises(Invalid, match=r"plan.sold: expected an identifier 10.9999/O"):
            read_plan(plan_json(made(), PREFIX), "10.9999")

    @pytest.mark.parametrize("document", [None, [], 1, "x", {"nodes": []}])
    def test_rubbish(self, document: object) -> None:
        with pytest.raises(Invalid):
            read_plan(document, PREFIX)


class TestStatement:
    """What flowed, written for the licensor."""

    STATEMENT = Statement(
        LicenceId(named(31)),
        Sha256(b"p" * 32),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 4, 1, tzinfo=UTC),
        Amount("CNY", 123_457),
        (Flow(child=RIDE, parent=FILM, minor=24_691),),
    )

    def test_there_and_back(self) -> None:
        document = statement_json(self.STATEMENT, b"s" * 32, PREFIX)
        assert read_statement(document, PREFIX) == self.STATEMENT and document["salt"] == "73" * 32

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda d: d.pop("salt"), "statement: expected an object of format, salt"),
            (lambda d: d.update(salt="00"), "statement.salt: expected 64"),
            (lambda d: d.update(format=""), "statement.format: expected"),
            (lambda d: d.update(minor=-1), "statement.minor: expected an integer of 0"),
            (lambda d: d["flows"][0].update(minor=0), r"statement.flows\[0\].minor: expected an integer of 1"),
            (lambda d: d.update(since="2026"), "statement.since"),
        ],
    )
    def test_what_is_refused_repeats_no_amount(self, change: Callable[[Any], object], why: str) -> None:
        document = statement_json(self.STATEMENT, b"s" * 32, PREFIX)
        change(document)
        with pytest.raises(Invalid, match=why) as caught:
            read_statement(document, PREFIX)
        assert "123457" not in str(caught.value) and "24691" not in str(caught.value)


def real(plan: Plan) -> Plan:
    """Return a plan of the kit with identifiers that can be written."""
    from dataclasses import replace

    def thing(one: UUID) -> ObjectId:
        return ObjectId(named(one.int))

    def holder(one: Holder) -> Holder:
        return replace(one, party=PartyId(named(one.party.int)))

    return Plan(
        currency=plan.currency,
        sold=thing(plan.sold),
        nodes=tuple(
            replace(node, object=thing(node.object), holders=tuple(map(holder, node.holders))) for node in plan.nodes
        ),
        edges=tuple(replace(edge, child=thing(edge.child), parent=thing(edge.parent)) for edge in plan.edges),
    )
