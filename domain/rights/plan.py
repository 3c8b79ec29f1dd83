"""A settlement plan: made from what an object is derived from, written as a document, read strictly.

    {"currency": "CNY", "edges": [{"child": "10.5072/O....", "parent": "10.5072/O....", "share_bp": 1500}],
     "format": "edgeprint/settlement-plan/1",
     "nodes": [{"birth": 12, "holders": [{"party": "10.5072/P....", "share_bp": 10000}], "object": "10.5072/O...."}],
     "sold": "10.5072/O...."}

The document is the RFC 8785 form of that object; its SHA-256 is what `LicenceIssued` pins. It is written in one way:
nodes by ascending birth, holders by their party, edges by the birth of the child and then by the parent, identifiers as
128-bit numbers; a document in another order is refused, so that one plan has one digest. Identifiers are of the
ledger's own prefix. Nothing may be left away and no other member may stand. docs/formats.md, section 23.
"""

from collections.abc import Iterable
from typing import Any, Final

from domain.errors import Invalid
from domain.ids import ObjectId, PartyId, format_id
from domain.rights.members import read_currency, read_identifier, read_integer, read_list, read_object
from domain.rights.settlement import (
    EDGES_MAX,
    HOLDERS_MAX,
    NODES_MAX,
    WHOLE_BP,
    Holder,
    Plan,
    PlanEdge,
    PlanNode,
    check_plan,
)

FORMAT: Final = "edgeprint/settlement-plan/1"
PLAN_BYTES_MAX: Final = 32 << 20
PLAN_DEPTH_MAX: Final = 5


def make_plan(sold: ObjectId, currency: str, nodes: Iterable[PlanNode], edges: Iterable[PlanEdge]) -> Plan:
    """Return the plan of an object that is sold, in the order that the format asks for.

    Raises:
        Invalid: no currency, or they are no plan (`check_plan`).
    """
    currency = read_currency(currency, "plan.currency")
    plan = _in_order(Plan(currency=currency, sold=sold, nodes=tuple(nodes), edges=tuple(edges)))
    check_plan(plan)
    return plan


def plan_json(plan: Plan, prefix: str) -> dict[str, Any]:
    """Return a plan as JSON values, in the one order; their RFC 8785 form is the document that is hashed.

    Raises:
        Invalid: it is no plan (`check_plan`).
    """
    check_plan(plan)
    plan = _in_order(plan)
    return {
        "format": FORMAT,
        "currency": read_currency(plan.currency, "plan.currency"),
        "sold": format_id("O", plan.sold, prefix),
        "nodes": [
            {
                "object": format_id("O", node.object, prefix),
                "birth": node.birth,
                "holders": [
                    {"party": format_id("P", one.party, prefix), "share_bp": one.share_bp} for one in node.holders
                ],
            }
            for node in plan.nodes
        ],
        "edges": [
            {
                "child": format_id("O", edge.child, prefix),
                "parent": format_id("O", edge.parent, prefix),
                "share_bp": edge.share_bp,
            }
            for edge in plan.edges
        ],
    }


def read_plan(document: object, prefix: str) -> Plan:
    """Return the plan that a JSON value states.

    Raises:
        Invalid: a member is missing, unknown, of another type or out of bounds, which is named; an identifier of
            another kind or prefix; another order than the one; or it is no plan (`check_plan`).
    """
    found = read_object(document, "plan", ("format", "currency", "sold", "nodes", "edges"))
    if found["format"] != FORMAT:
        raise Invalid(f"plan.format: expected {FORMAT}")

    def node(value: object, where: str) -> PlanNode:
        members = read_object(value, where, ("object", "birth", "holders"))
        return PlanNode(
            object=ObjectId(read_identifier(members["object"], f"{where}.object", "O", prefix)),
            birth=read_integer(members["birth"], f"{where}.birth", 0, (1 << 53) - 1),
            holders=read_list(members["holders"], f"{where}.holders", HOLDERS_MAX, holder),
        )

    def holder(value: object, where: str) -> Holder:
        members = read_object(value, where, ("party", "share_bp"))
        party = PartyId(read_identifier(members["party"], f"{where}.party", "P", prefix))
        return Holder(party=party, share_bp=read_integer(members["share_bp"], f"{where}.share_bp", 1, WHOLE_BP))

    def edge(value: object, where: str) -> PlanEdge:
        members = read_object(value, where, ("child", "parent", "share_bp"))
        return PlanEdge(
            child=ObjectId(read_identifier(members["child"], f"{where}.child", "O", prefix)),
            parent=ObjectId(read_identifier(members["parent"], f"{where}.parent", "O", prefix)),
            share_bp=read_integer(members["share_bp"], f"{where}.share_bp", 1, WHOLE_BP),
        )

    plan = Plan(
        currency=read_currency(found["currency"], "plan.currency"),
        sold=ObjectId(read_identifier(found["sold"], "plan.sold", "O", prefix)),
        nodes=read_list(found["nodes"], "plan.nodes", NODES_MAX, node),
        edges=read_list(found["edges"], "plan.edges", EDGES_MAX, edge),
    )
    check_plan(plan)
    if _in_order(plan) != plan:
        raise Invalid("plan: expected nodes by birth, holders by party, edges by birth of the child and by parent")
    return plan


def _in_order(plan: Plan) -> Plan:
    births = {node.object: node.birth for node in plan.nodes}
    nodes = [
        PlanNode(object=node.object, birth=node.birth, holders=tuple(sorted(node.holders, key=_party)))
        for node in sorted(plan.nodes, key=lambda one: one.birth)
    ]
    # an edge without a node is for check_plan to refuse
    edges = sorted(plan.edges, key=lambda one: (births.get(one.child, -1), one.parent.int))
    return Plan(currency=plan.currency, sold=plan.sold, nodes=tuple(nodes), edges=tuple(edges))


def _party(holder: Holder) -> int:
    return holder.party.int
