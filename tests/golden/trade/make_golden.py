"""Write the golden files of trade: `python -m tests.golden.trade.make_golden`.

A changed plan or statement is a format change: licences pin the digest of the one, the log has that of the other.
"""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import rfc8785

from domain.events import Sha256
from domain.governance.authority import Amount
from domain.ids import LicenceId, ObjectId, PartyId, SettlementId, format_id, uuid7
from domain.rights.plan import make_plan, plan_json
from domain.rights.settlement import Holder, Plan, PlanEdge, PlanNode, settle
from domain.rights.statement import Statement, statement_json
from infra.trade.statement import Paper, Row, as_csv, as_html, total_of

FOLDER = Path(__file__).parent
PREFIX = "10.5072"
AMOUNT = Amount("CNY", 123_457)
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
SALT = bytes(range(32))


def named(number: int) -> UUID:
    return uuid7(1_760_000_000_000_000, number.to_bytes(10, "big"))


def plan() -> Plan:
    """Return the plan of a ride made from a film made from a novel of two authors."""
    novel, film, ride = (ObjectId(named(number)) for number in (1, 2, 3))
    author, co_author, studio, producer, park = (PartyId(named(number)) for number in range(11, 16))
    owned = {
        novel: (10, {author: 6_000, co_author: 4_000}),
        film: (20, {studio: 7_500, producer: 2_500}),
        ride: (30, {park: 10_000}),
    }
    objects = [
        PlanNode(
            object=one,
            birth=birth,
            holders=tuple(Holder(party=who, share_bp=bp) for who, bp in shares.items()),
        )
        for one, (birth, shares) in owned.items()
    ]
    edges = (
        PlanEdge(child=film, parent=novel, share_bp=1_500),
        PlanEdge(child=ride, parent=film, share_bp=2_000),
    )
    return make_plan(ride, "CNY", objects, edges)


def statement() -> Statement:
    """Return the statement of a settlement under the plan."""
    flows = settle(plan(), AMOUNT).flows
    return Statement(LicenceId(named(31)), Sha256(bytes(range(32, 64))), SINCE, UNTIL, AMOUNT, flows)


def papers() -> dict[str, Paper]:
    """Return the statement of a settlement, and that of a party with a line reversed and a line erased."""
    account = format_id("M", SettlementId(named(41)), PREFIX)
    licence, since, until = format_id("L", named(31), PREFIX), "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"
    period = (licence, since, until)

    def row(number: int, of: UUID, party: UUID, minor: int | None, reversed: bool = False) -> Row:
        names = format_id("O", of, PREFIX), format_id("P", party, PREFIX)
        return Row(account, number, *period, *names, "CNY", minor, reversed)

    rows = [row(1, line.object, line.party, line.minor) for line in settle(plan(), AMOUNT).lines]
    rows[-1] = row(1, named(1), named(12), None)
    facts = (
        ("settlement", f"{account} · 1"),
        ("licence", licence),
        ("licensor", format_id("P", named(15), PREFIX)),
        ("period", f"{since} – {until}"),
        ("plan", bytes(range(32, 64)).hex()),
        ("usage", bytes(range(64, 96)).hex()),
        ("state", "standing"),
        ("position", "812"),
    )
    mine = [row(1, named(1), named(11), 2_222, reversed=True), row(2, named(1), named(11), 7)]
    party = (("party", format_id("P", named(11), PREFIX)), ("position", "812"))
    return {
        "settlement": Paper(False, facts, rows, [("CNY", AMOUNT.minor)]),
        "party": Paper(True, party, mine, total_of(mine)),
    }


def golden() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    made = {
        "plan.json": rfc8785.dumps(plan_json(plan(), PREFIX)),
        "statement.json": rfc8785.dumps(statement_json(statement(), SALT, PREFIX)),
    }
    for name, paper in papers().items():
        made[f"{name}.csv"] = as_csv(paper).encode()
        for lang in ("zh", "en"):
            made[f"{name}.{lang}.html"] = as_html(paper, lang).encode()
    return made


if __name__ == "__main__":
    for file, data in golden().items():
        (FOLDER / file).write_bytes(data)
