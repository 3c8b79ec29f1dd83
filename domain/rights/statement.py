"""The statement of a settlement: what flowed over each edge of the plan, for the books of the licensor.

    {"currency": "CNY", "flows": [{"child": "10.5072/O....", "minor": 18518, "parent": "10.5072/O...."}],
     "format": "edgeprint/settlement-statement/1", "licence": "10.5072/L....", "minor": 123457, "plan": "9f86d0..",
     "salt": "0f0f..", "since": "2026-01-01T00:00:00Z", "until": "2026-04-01T00:00:00Z"}

The document is the RFC 8785 form of that object. It lies in the vault under the key of the licensor; the log has its
SHA-256, which the salt (32 random bytes) makes a commitment. What each party gets does not stand in it: those amounts
lie under the keys of the parties and are erased with them. docs/formats.md, section 24.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.errors import Invalid
from domain.events import Sha256
from domain.governance.authority import Amount
from domain.ids import LicenceId, ObjectId, format_id
from domain.rights.members import read_currency, read_identifier, read_integer, read_list, read_object
from domain.rights.settlement import EDGES_MAX, Flow
from domain.spelling import instant_text, parse_hex32, parse_instant

FORMAT: Final = "edgeprint/settlement-statement/1"
STATEMENT_BYTES_MAX: Final = 32 << 20
STATEMENT_DEPTH_MAX: Final = 3
MINOR_MAX: Final = (1 << 53) - 1
"""Largest amount of a settlement: what JSON can say of an integer (RFC 8785 §3.2.2.3)."""
_MEMBERS: Final = ("format", "salt", "licence", "plan", "since", "until", "currency", "minor", "flows")


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement says besides its salt; flows are in the order of the walk, none of nothing."""

    licence: LicenceId
    plan: Sha256
    since: datetime
    until: datetime
    amount: Amount
    flows: tuple[Flow, ...]


def statement_json(statement: Statement, salt: bytes, prefix: str) -> dict[str, Any]:
    """Return a statement as JSON values, whose RFC 8785 form is the document."""
    return {
        "format": FORMAT,
        "salt": salt.hex(),
        "licence": format_id("L", statement.licence, prefix),
        "plan": statement.plan.hex(),
        "since": instant_text(statement.since),
        "until": instant_text(statement.until),
        "currency": statement.amount.currency,
        "minor": statement.amount.minor,
        "flows": [
            {
                "child": format_id("O", flow.child, prefix),
                "parent": format_id("O", flow.parent, prefix),
                "minor": flow.minor,
            }
            for flow in statement.flows
        ],
    }


def read_statement(document: object, prefix: str) -> Statement:
    """Return the statement that a JSON value states. Raises: Invalid; the member is named, no amount is repeated."""
    where = "statement"
    found = read_object(document, where, _MEMBERS)
    if found["format"] != FORMAT:
        raise Invalid(f"{where}.format: expected {FORMAT}")
    parse_hex32(found["salt"], f"{where}.salt")

    def flow(value: object, place: str) -> Flow:
        members = read_object(value, place, ("child", "parent", "minor"))
        return Flow(
            child=ObjectId(read_identifier(members["child"], f"{place}.child", "O", prefix)),
            parent=ObjectId(read_identifier(members["parent"], f"{place}.parent", "O", prefix)),
            minor=read_integer(members["minor"], f"{place}.minor", 1, MINOR_MAX),
        )

    return Statement(
        licence=LicenceId(read_identifier(found["licence"], f"{where}.licence", "L", prefix)),
        plan=Sha256(parse_hex32(found["plan"], f"{where}.plan")),
        since=parse_instant(found["since"], f"{where}.since"),
        until=parse_instant(found["until"], f"{where}.until"),
        amount=Amount(
            read_currency(found["currency"], f"{where}.currency"),
            read_integer(found["minor"], f"{where}.minor", 0, MINOR_MAX),
        ),
        flows=read_list(found["flows"], f"{where}.flows", EDGES_MAX, flow),
    )
