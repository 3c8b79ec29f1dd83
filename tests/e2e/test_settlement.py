"""Money through the real command line: settled to the cent over two levels, stated, verified, reversed, erased.

How a licence is negotiated is another test's matter: here its offer and its issue are appended by the product's own
write path, in this process, to the ledger that the command line then works on.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from domain.events import Sha256
from domain.ids import (
    ObjectId,
    PartyId,
    format_id,
    parse_object_id,
    parse_party_id,
    uuid7,
)
from domain.rights.plan import make_plan, plan_json
from domain.rights.settlement import Holder, Plan, PlanEdge, PlanNode
from infra.bootstrap import opened
from tests.docs.test_json_outputs import documented
from tests.e2e.canaries import Canaries, everything
from tests.e2e.kit import Answer, Place, enrol, place
from tests.trade_kit import append, licence_events, node, whole

TOTAL = 73_001_193_000_457
NAME = "canary-name-4e1a 林晚照"
AMOUNTS = (58_400_954_400_366, 12_410_202_810_077, 1_314_021_474_008, 876_014_316_006)
CANARIES = Canaries([str(TOTAL), *map(str, AMOUNTS), "canary-name-4e1a", "林晚照"])
PERIOD = ("--since", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")


class House:
    """A ledger whose holder, a park, sold a licence on a ride made from a film made from a novel of two authors."""

    def __init__(self, made: Place) -> None:
        self.made = made
        made.init("--origin", "film.example/trade")
        made.run("up", "--no-kafka").ok()
        self.park = str(made.run("status", "--json").ok().json["holder"])
        self.author, self.co_author = enrol(made, "person"), enrol(made, "person")
        self.studio, self.buyer = enrol(made, "organisation"), enrol(made, "organisation")
        self.auditor = enrol(made, "person", "auditor")
        self.novel, self.film, self.ride = (self.object(name) for name in ("novel", "film", "ride"))
        self.usage = self.put("usage", "what was shown, and how often")
        self.paper = self.put("paper", "reasons")
        self.licence = self.licensed()
        self.account = ""
        self.index = 0

    def object(self, name: str) -> tuple[ObjectId, int]:
        file = self.made.write(f"{name}.txt", f"the {name}\n")
        (found,) = self.made.run("identify", file, "--json").ok().json["objects"]
        return parse_object_id(found["id"]), int(found["first_index"])

    def put(self, name: str, data: str) -> str:
        (stored,) = self.made.run("blob", "put", self.made.write(name, data), "--json").ok().json["stored"]
        return str(stored["sha256"])

    def licensed(self) -> str:
        """Return the licence: 20 % of the ride to the film, 15 % of that to the novel, which two authors share."""
        author, co_author, studio, park, buyer = (
            parse_party_id(one) for one in (self.author, self.co_author, self.studio, self.park, self.buyer)
        )
        authors = Holder(party=author, share_bp=6_000), Holder(party=co_author, share_bp=4_000)
        objects = {
            one: node(one, birth, owners)
            for (one, birth), owners in (
                (self.novel, authors),
                (self.film, whole(studio)),
                (self.ride, whole(park)),
            )
        }
        edges = (
            PlanEdge(child=self.film[0], parent=self.novel[0], share_bp=1_500),
            PlanEdge(child=self.ride[0], parent=self.film[0], share_bp=2_000),
        )
        return self.issued(make_plan(self.ride[0], "CNY", objects.values(), edges), park, buyer)

    def issued(self, plan: Plan, park: PartyId, buyer: PartyId) -> str:
        """Return a licence that the park issued under a plan."""
        with opened(self.made.settings) as session:
            prefix = session.config.prefix
            digest = Sha256(session.blobs.put_bytes(rfc8785.dumps(plan_json(plan, prefix))))
            events = licence_events(PartyId(park), PartyId(buyer), plan.sold, digest)
            stream = append(session.application, PartyId(park), session.application.new_id(), events)
            session.seal()
            return format_id("L", stream, prefix)

    def crowded(self, heir: PartyId) -> str:
        """Return a licence on a parade of works of a hundred owners each, and of one work, the oldest, of an heir."""
        first, parts = uuid7(1_760_000_000_000_000, bytes(10)), list[PlanNode]()
        for birth in range(6):
            people = [heir] if birth == 0 else [PartyId(_after(first, 100 * birth + n)) for n in range(100)]
            owners = tuple(Holder(party=one, share_bp=10_000 // len(people)) for one in people)
            parts.append(node(ObjectId(_after(first, 1_000 + birth)), birth, owners))
        edges = [PlanEdge(child=parts[-1].object, parent=one.object, share_bp=1_000) for one in parts[:-1]]
        plan = make_plan(parts[-1].object, "CNY", parts, edges)
        return self.issued(plan, parse_party_id(self.park), parse_party_id(self.buyer))

    def trade(self, verb: str, *more: Any, by: str | None = None) -> Answer:
        return self.made.run("trade", verb, *more, *(["--as", by] if by else []), "--json")

    def settle(self, minor: int, *more: Any, currency: str = "CNY", licence: str | None = None) -> Answer:
        """Settle an amount; its file is gone afterwards."""
        file = self.made.write("amount.json", {"currency": currency, "minor": minor})
        answer = self.trade("settle", licence or self.licence, "--amount", file, "--usage", self.usage, *more)
        file.unlink()
        return answer

    def balances(self, *more: str) -> dict[str, Any]:
        """Return minor units by party; None where they were erased."""
        found = self.trade("balance", *more).ok().json["balances"]
        return {one["party"]: one["minor"] for one in found}

    def known(self, *more: str) -> int:
        """Return the sum of all balances that were not erased."""
        return sum(minor or 0 for minor in self.balances(*more).values())

    def statement(self, of: str, form: str, *more: str) -> tuple[str, Any]:
        file = self.made.files / f"statement.{form}"
        told = self.trade("statement", of, "--form", form, "--out", str(file), *more).ok().json
        text = file.read_text(encoding="utf-8")
        assert file.stat().st_mode & 0o777 == 0o600
        file.unlink()
        return text, told

    def digests(self) -> dict[str, str]:
        """Return the digest of each view."""
        listed = self.made.run("projection", "list", "--json").ok().json["projections"]
        return {
            one["name"]: self.made.run("projection", "digest", one["name"], "--json").ok().json["digest"]
            for one in listed
        }


def _after(first: UUID, number: int) -> UUID:
    return UUID(int=first.int + number)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with place() as made:
        yield House(made)


def test_settled_to_the_cent_over_two_levels(house: House) -> None:
    rehearsed = house.settle(TOTAL, *PERIOD, "--dry-run")
    assert rehearsed.ok().json["decision"] == "accepted" and not CANARIES.found_in(rehearsed.out.encode())
    given = ("--id", "01937e3f-2b5c-7000-8000-0000000000ee")
    done = house.settle(TOTAL, *PERIOD, *given).ok()
    assert not CANARIES.found_in(done.out.encode())
    assert house.settle(TOTAL, *PERIOD, *given).ok().json["repeated"] is True
    assert list(done.json) == documented()["`trade settle`"]
    house.account, house.index = done.json["stream"], int(done.json["first_index"])
    assert house.balances() == {
        house.park: AMOUNTS[0],
        house.studio: AMOUNTS[1],
        house.author: AMOUNTS[2],
        house.co_author: AMOUNTS[3],
    }
    assert sum(AMOUNTS) == TOTAL
    assert house.balances("--party", house.studio) == {house.studio: AMOUNTS[1]}
    assert house.balances("--as-of", str(house.index - 1)) == {}
    verified = house.trade("verify-settlement", house.account).ok().json
    assert verified["verified"] is True and verified["lines"] == 4
    assert list(verified) == documented()["`trade verify-settlement`"]
    explained = house.made.run("decision", "explain", str(house.index), "--json").ok().json
    assert explained["same"] is True
    CANARIES.require_nowhere(everything(house.made))


def test_no_period_twice_and_nobody_elses(house: House) -> None:
    again = house.settle(5, *PERIOD)
    assert again.code == 7 and "expected a period that no other settlement has" in again.json["message"]
    earlier = ("--since", "2026-04-01T00:00:00Z", "--until", "2026-07-01T00:00:00Z")
    foreign = house.settle(5, *earlier, "--as", house.studio)
    assert foreign.code == 7 and "expected the licensor" in foreign.json["message"]
    dollars = house.settle(5, *earlier, currency="USD")
    assert dollars.code == 1 and "expected an amount in CNY" in dollars.json["message"]
    unknown = house.made.run("trade", "verify-settlement", format_id("M", house.ride[0], "10.5072"), "--json")
    assert unknown.code == 3


def test_statements_are_whole_and_their_openings_on_record(house: House) -> None:
    text, told = house.statement(house.account, "csv")
    rows = [line.split(",") for line in text.splitlines()]
    assert [row[8] for row in rows[1:]] == [str(one) for one in AMOUNTS]
    assert rows[1][9] == "584009544003.66" and rows[1][10] == "no"
    assert list(told) == documented()["`trade statement`"]
    opened_at = house.made.run("ledger", "entry", str(told["recorded"]), "--json").ok().json
    assert "FieldOpened" in json.dumps(opened_at)
    html, _ = house.statement(house.author, "html", "--as", house.author, "--lang", "zh")
    assert '<html lang="zh-CN">' in html and "CNY 13,140,214,740.08" in html and "结算单" in html
    for outside in ("http", "<script", "src=", "url(", "@import", "<link"):
        assert outside not in html, outside
    english, _ = house.statement(house.account, "html", "--lang", "en", "--as", house.auditor)
    assert "Statement" in english and "CNY 730,011,930,004.57" in english
    file = house.made.files / "denied.csv"
    denied = house.trade("statement", house.account, "--form", "csv", "--out", str(file), by=house.buyer)
    assert denied.code == 7 and "open-field denied" in denied.json["message"] and not file.exists()
    CANARIES.require_nowhere(everything(house.made))


def test_a_reversal_returns_everything_to_nothing(house: House) -> None:
    later = ("--since", "2026-10-01T00:00:00Z", "--until", "2026-11-01T00:00:00Z")
    house.settle(999_983, *later).ok()
    before = house.balances()
    reversal = ("--number", "2", "--reason", "mistake", "--basis", house.paper)
    house.trade("reverse", house.account, *reversal).ok()
    assert sum(before.values()) - 999_983 == sum(house.balances().values()) == TOTAL
    twice = house.trade("reverse", house.account, *reversal)
    assert twice.code == 7 and "is reversed already" in twice.json["message"]
    assert house.trade("verify-settlement", house.account, "--number", "2").ok().json["reversed"] is True


def test_an_erased_payees_balance_is_erased_and_all_else_holds(house: House) -> None:
    name = house.made.write("name.txt", NAME + "\n")
    house.made.run("subject", "declare", house.co_author, "--name", name).ok()
    Path(name).unlink()
    house.trade("balance").ok()
    before = house.digests()
    house.made.run("subject", "erase", house.co_author).ok()
    assert house.balances() == {
        house.park: AMOUNTS[0],
        house.studio: AMOUNTS[1],
        house.author: AMOUNTS[2],
        house.co_author: None,
    }
    text, told = house.statement(house.account, "csv", "--number", "1")
    assert told["erased"] == 1 and text.splitlines()[4].split(",")[8:10] == ["erased", "erased"]
    incomplete = house.trade("verify-settlement", house.account, "--number", "1")
    assert incomplete.code == 4 and incomplete.json == {
        **incomplete.json,
        "verified": False,
        "erased": 1,
        "lines": 4,
    }
    explained = house.made.run("decision", "explain", str(house.index), "--json")
    assert explained.code == 4 and "erased since" in explained.json["because"], "it cannot be decided again"
    for name_of in ("settlements", "compliance"):
        assert house.digests()[name_of] == before[name_of], name_of
        house.made.run("projection", "rebuild", name_of).ok()
    after = house.digests()
    assert after["settlements"] == before["settlements"] and after["compliance"] == before["compliance"]
    house.made.run("fsck", "--deep").ok()
    proof, entry = house.made.files / "proof", house.made.files / "entry"
    house.made.run("ledger", "proof", str(house.index), "--out", str(proof), "--entry-out", str(entry)).ok()
    policy = str(house.made.home / "policy")
    house.made.run("ledger", "verify-proof", str(proof), "--policy", policy, "--entry", str(entry)).ok()
    CANARIES.require_nowhere(everything(house.made))


MANY = 73_001_193_000_461
HEIRS = MANY // 10


def test_a_settlement_of_more_lines_than_one_entry_holds(house: House) -> None:
    """501 lines, which are three entries of one append: whatever holds of a settlement holds of it as a whole."""
    heir = enrol(house.made, "person")
    given = ("--id", "01937e3f-2b5c-7000-8000-0000000000ef", *PERIOD)
    licence = house.crowded(parse_party_id(heir))
    rehearsed = house.settle(MANY, *PERIOD, "--dry-run", licence=licence).ok().json
    names = ["SettlementMade", "SettlementContinued", "SettlementContinued"]
    assert [one["type"].rpartition(".")[2] for one in rehearsed["events"]] == names
    done = house.settle(MANY, *given, licence=licence).ok().json
    first, last, account = int(done["first_index"]), int(done["last_index"]), done["stream"]
    assert [len(one["event"]["lines"]) for one in done["events"]] == [0, 500, 1] and last == first + 2
    again = house.settle(MANY, *given, licence=licence).ok().json
    assert again == {**done, "repeated": True}
    assert house.settle(MANY, *PERIOD, licence=licence).code == 7, "its period is taken"

    verified = house.trade("verify-settlement", account).ok().json
    assert (verified["verified"], verified["lines"], verified["erased"]) == (True, 501, 0)
    assert house.known() - house.known("--as-of", str(first)) == MANY
    for middle in (first, last - 1):
        assert house.balances("--party", heir, "--as-of", str(middle)) == {}, "no part of a settlement stands"
    assert house.balances("--party", heir) == {heir: HEIRS}
    text, told = house.statement(account, "csv")
    assert told["lines"] == 501 and sum(int(row.split(",")[8]) for row in text.splitlines()[1:]) == MANY
    text, told = house.statement(heir, "csv", "--as", heir)
    assert told["lines"] == 1 and int(text.splitlines()[1].split(",")[8]) == HEIRS
    for index in (first, last):
        assert house.made.run("decision", "explain", str(index), "--json").ok().json["same"] is True
    opening, entry = house.made.files / "opening.json", house.made.files / "line-entry"
    shown = house.made.run("vault", "open", str(last), "lines.0.amount", "--as", heir, "--json").ok()
    assert shown.json["value"] == {"currency": "CNY", "minor": HEIRS}
    opening.write_text(shown.out)
    house.made.run("ledger", "entry", str(last), "--out", str(entry)).ok()
    house.made.run("vault", "verify-opening", str(opening), "--entry", str(entry)).ok()
    opening.unlink()

    before = house.digests()["settlements"]
    house.made.run("subject", "erase", heir).ok()
    assert house.balances("--party", heir) == {heir: None}
    incomplete = house.trade("verify-settlement", account)
    assert (incomplete.code, incomplete.json["erased"], incomplete.json["lines"]) == (4, 1, 501)
    assert house.made.run("decision", "explain", str(last), "--json").code == 4
    house.made.run("projection", "rebuild", "settlements").ok()
    assert house.digests()["settlements"] == before
    house.made.run("fsck", "--deep").ok()
    others = house.known()
    house.trade("reverse", account, "--number", "1", "--reason", "mistake", "--basis", house.paper).ok()
    assert others - house.known() == MANY - HEIRS
    assert house.balances("--party", heir) == {heir: 0}, "a line and its negation are nothing, erased or not"
    CANARIES.require_nowhere(everything(house.made))


def test_values_of_objects_are_an_appraisers(house: House) -> None:
    files = {
        name: house.made.write(f"{name}.json", {"currency": "CNY", "minor": minor})
        for name, minor in (("low", AMOUNTS[2]), ("point", AMOUNTS[1]), ("high", AMOUNTS[0]))
    }
    valuing = [format_id("O", house.ride[0], "10.5072"), "--method", "income", "--currency", "CNY"]
    for name, file in files.items():
        valuing += [f"--{name}", str(file)]
    valuing += ["--valued-at", "2026-10-01T00:00:00Z", "--report", house.paper, "--json"]
    own = house.made.run("valuation", "issue", *valuing)
    assert own.code == 7 and "expected auditor" in own.json["message"]
    old, new = (
        house.made.run("valuation", "issue", *valuing, "--as", house.auditor).ok().json["stream"] for _ in range(2)
    )
    superseding = [old, "--by", new, "--reason", "outdated", "--as", house.auditor]
    house.made.run("valuation", "supersede", *superseding).ok()
    for file in files.values():
        file.unlink()
    house.made.run("fsck", "--deep").ok()
    CANARIES.require_nowhere(everything(house.made))
