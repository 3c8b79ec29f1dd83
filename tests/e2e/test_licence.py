"""A licence through the real command line: offered, asked for, issued, shown to somebody who has no ledger, ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.ids import parse_party_id
from infra.keys.parties import PartyKeys
from tests.e2e.canaries import Canaries, everything
from tests.e2e.kit import Answer, Place, enrol, place
from tests.rights_kit import FILM_JSON

TERMS = "ab" * 32
FLAT_JSON = {**FILM_JSON, "sublicence_depth": 0}
AT = "2027-03-01T00:00:00Z"
MINOR = 8_217_003_915_627_441
OFFLINE = """import sys
def hook(event, args):
    if event.startswith("socket."):
        raise AssertionError(event)
sys.addaudithook(hook)
"""
SHOWN = ("--audience", "https://broadcaster.example", "--nonce", "n-0S6_WzA2Mj")


class Sale:
    """A licence of a novel between the holder of a ledger and a buyer whose key lies in the same home."""

    def __init__(self, studio: Place, name: str = "novel") -> None:
        self.studio = studio
        self.buyer = enrol(studio, "organisation")
        work = studio.write(f"{name}.txt", f"{name}, of two rivers\n")
        self.title = str(studio.run("declare", "own-creation", work, "--json").ok().json["titles"][0]["id"])
        self.object = str(studio.run("identify", work, "--json").ok().json["objects"][0]["id"])
        self.scope = studio.write("flat.json", FLAT_JSON)
        self.price = studio.write("price.json", {"currency": "CNY", "minor": MINOR})
        self.paper, self.plan = self.put("paper.txt", "reasons"), self.planned()
        self.licence = ""

    def put(self, name: str, data: str) -> str:
        path = self.studio.write(name, data)
        return str(self.studio.run("blob", "put", path, "--json").ok().json["stored"][0]["sha256"])

    def planned(self, currency: str = "CNY") -> str:
        """Return the digest of the plan by which the proceeds of the object are shared."""
        return str(self.studio.run("trade", "plan", self.object, "--currency", currency, "--json").ok().json["plan"])

    @property
    def key_file(self) -> Path:
        folder = self.studio.settings.home / "keys" / "parties" / str(parse_party_id(self.buyer))
        return next(path for path in folder.iterdir() if not path.name.startswith("."))

    @property
    def vkey(self) -> str:
        keys = PartyKeys(self.studio.settings.home / "keys")
        return keys.first(parse_party_id(self.buyer), self.buyer).vkey

    def offer(self, *more: str) -> Answer:
        command = ["licence", "offer", "--object", self.object, "--title", self.title, "--scope", str(self.scope)]
        command += ["--price", str(self.price), "--currency", "CNY", "--terms", TERMS]
        answer = self.studio.run(*command, "--until", "2035-01-01T00:00:00Z", *more, "--json").ok()
        self.licence = str(answer.json["stream"])
        return answer

    def request(self) -> Answer:
        command = ["licence", "request", self.licence, "--key", self.vkey, "--scope", str(self.scope)]
        return self.studio.run(*command, "--as", self.buyer, "--json")

    def issue(self) -> Answer:
        priced = ["--price", str(self.price), "--currency", "CNY"]
        return self.studio.run("licence", "issue", self.licence, "--plan", self.plan, *priced, "--json")

    def verify(self, *arguments: Any) -> Answer:
        """Check a token in a process that cannot open a socket and has no home."""
        nowhere = str(self.studio.folder / "no-home-here")
        return self.studio.run("licence", "verify", *arguments, "--json", environ={"EDGEPRINT_HOME": nowhere})


@pytest.fixture(scope="module")
def sale() -> Iterator[Sale]:
    with place() as made:
        made.init("--origin", "film.example/licences")
        made.run("up", "--no-kafka").ok()
        yield Sale(made)


def test_from_the_offer_to_the_end(sale: Sale) -> None:
    studio, files = sale.studio, sale.studio.files
    sale.offer("--quota", "100")
    assert studio.run("licence", "show", sale.licence, "--json").ok().json["standing"]["state"] == "offered"
    assert studio.run("licence", "token", sale.licence, "--out", files / "none").code == 7
    sale.request().ok()
    issued = sale.issue().ok().json
    assert [one["type"].rpartition(".")[2] for one in issued["events"]] == ["LicenceIssued", "ScopeAllocated"]
    title = studio.run("title", "show", sale.title, "--json").ok().json
    assert [one["child"] for one in title["allocated"]] == [sale.licence]
    token = files / "token"
    told = studio.run("licence", "token", sale.licence, "--out", token, "--json").ok().json
    assert told["token"] == issued["events"][0]["event"]["token"]
    shown = files / "shown"
    presenting = ["licence", "present", token, "--disclose", "uses,territory", *SHOWN, "--key", sale.key_file]
    made = studio.run(*presenting, "--out", shown, "--json").ok().json
    assert made["disclosed"] == {"territory": {"codes": ["CN", "HK"]}, "uses": ["project", "translate"]}
    assert made["hidden"] == 5 and "theatrical" not in shown.read_text()
    status, policy = files / "status", studio.settings.home / "policy"
    size = studio.run("licence", "status", sale.licence, "--out", status, "--json").ok().json["size"]
    given = [shown, "--policy", policy, *SHOWN, "--at", AT]

    # What is not given is unknown, which is neither valid nor false.
    index = str(issued["first_index"])
    studio.run("ledger", "proof", index, "--out", files / "proof", "--entry-out", files / "entry").ok()
    answer = sale.verify(*given, "--entry", files / "entry", "--proof", files / "proof")
    assert answer.code == 4 and answer.json["verdict"] == "incomplete"
    steps = {one["step"]: one["verdict"] for one in answer.json["steps"]}
    assert steps == {"token": "holds", "holder": "holds", "window": "holds", "ledger": "holds", "status": "unknown"}
    answer = sale.verify(*given, "--status", status).ok()
    assert answer.json["verdict"] == "valid" and answer.json["as_of"]["size"] == size
    assert answer.json["claims"]["scope"] == made["disclosed"]
    assert sale.verify(token, "--policy", policy, "--at", AT).code == 4

    used = ["licence", "report-usage", sale.licence, "--since", "2026-01-01T00:00:00Z"]
    used += ["--until", "2026-02-01T00:00:00Z", "--units", "7", "--evidence", sale.paper, "--as", sale.buyer]
    studio.run(*used).ok()
    reason = ["--basis", sale.paper, "--effective-at", "2026-03-01T00:00:00Z"]
    studio.run("licence", "revoke", sale.licence, "--reason", "breach", *reason).ok()
    found = studio.run("licence", "show", sale.licence, "--json").ok().json
    assert found["standing"] == {"state": "ended", "since": "2026-03-01T00:00:00Z", "why": "breach"}
    assert found["used"] == 7
    later = files / "later"
    studio.run("licence", "status", sale.licence, "--out", later).ok()
    assert sale.verify(*given, "--status", status).code == 0, "as of the size that was given"
    answer = sale.verify(*given, "--status", later)
    assert answer.code == 1 and "ended at 2026-03-01" in answer.json["steps"][-1]["because"]
    assert studio.run("fsck", "--deep").ok().out.endswith("clean\n")


def test_it_is_said_in_words_in_both_languages(sale: Sale) -> None:
    studio, files = sale.studio, sale.studio.files
    given = ["licence", "verify", files / "shown", "--policy", studio.settings.home / "policy", *SHOWN, "--at", AT]
    zh = studio.run(*given, "--lang", "zh")
    assert zh.code == 4 and "状态" in zh.out and zh.out.endswith("不完整\n")
    en = studio.run(*given, "--status", files / "status", "--lang", "en").ok()
    assert en.out.splitlines()[-1].startswith("valid as of size ")
    shown = studio.run("licence", "show", sale.licence, "--lang", "zh").ok().out
    assert "已终止" in shown and sale.object in shown and "地域" in shown
    assert "projection" not in studio.run("licence", "token", sale.licence, "--out", files / "again").ok().err
    status = studio.run("licence", "status", sale.licence, "--out", files / "again-status").ok().out
    assert "again-status" in status
    presenting = ["licence", "present", files / "again", *SHOWN, "--key", sale.key_file, "--out", files / "bare"]
    assert "none" in studio.run(*presenting, "--lang", "en").ok().out


def test_no_socket_is_opened_for_a_check(sale: Sale) -> None:
    files = sale.studio.files
    command = ["licence", "verify", files / "shown", "--policy", sale.studio.settings.home / "policy", *SHOWN]
    command += ["--status", files / "status", "--at", AT, "--json"]
    program = f"{OFFLINE}from infra.cli.main import run\nrun()\n"
    done = subprocess.run([sys.executable, "-c", program, *map(str, command)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verdict"] == "valid"


def test_what_is_wrong_is_told_and_which_step(sale: Sale) -> None:
    studio, files = sale.studio, sale.studio.files
    policy = studio.settings.home / "policy"
    whole = (files / "shown").read_text()
    broken = studio.write("broken", whole.replace("~", "~A", 1))
    assert sale.verify(broken, "--policy", policy).code == 1
    assert sale.verify(studio.write("rubbish", "rubbish"), "--policy", policy).code == 1
    assert sale.verify(files / "nothing", "--policy", policy).code == 3
    assert sale.verify(files / "shown", "--policy", policy, "--entry", files / "entry").code == 2
    assert sale.verify(files / "shown", "--policy", policy, "--at", "yesterday").code == 2
    assert sale.verify(files / "shown", "--policy", policy, "--status", files / "entry").code == 1
    other = enrol(studio, "organisation")
    folder = studio.settings.home / "keys" / "parties" / str(parse_party_id(other))
    presenting = ["licence", "present", files / "again", *SHOWN, "--out", files / "stolen", "--key"]
    assert studio.run(*presenting, next(folder.iterdir())).code == 1
    assert studio.run(*presenting, sale.key_file, "--disclose", "price").code == 1
    unknown = sale.licence[:-3] + ("0" if sale.licence[-3] != "0" else "1") + sale.licence[-2:]
    assert studio.run("licence", "show", unknown).code == 2
    assert studio.run("licence", "show", sale.object).code == 2


def test_a_device_reports_what_it_played_for_its_house_and_no_more(sale: Sale) -> None:
    studio = sale.studio
    sale.offer("--quota", "100")
    sale.request().ok()
    sale.issue().ok()
    projector = enrol(studio, "device")
    period = ["--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00Z", "--evidence", sale.paper]
    report = ["licence", "report-usage", sale.licence, *period, "--as", projector, "--on-behalf-of", sale.buyer]
    refused = studio.run(*report, "--units", "3", "--json")
    assert refused.code == 7 and "report-usage denied" in refused.json["message"]
    mandate = ["mandate", "grant", projector, "--action", "report-usage", "--until", "2035-01-01T00:00:00Z"]
    studio.run(*mandate, "--as", sale.buyer).ok()
    told = studio.run(*report, "--units", "3", "--json").ok().json
    assert told["events"][0]["event"]["units"] == 3 and told["actor"] == projector
    assert studio.run(*report, "--units", "3", "--json").code == 7, "of a period that is reported already"
    assert studio.run("licence", "show", sale.licence, "--json").ok().json["used"] == 3


def made_of(sale: Sale, name: str, parent: str) -> None:
    """Offer and ask for a licence of a film that the studio made of another object."""
    studio = sale.studio
    film = studio.write(f"{name}.txt", f"{name}, a film\n")
    parents = [{"object": parent, "relation": "made_from"}]
    sidecar = {"format": "edgeprint/sidecar/1", "file": film.name, "origin": "human_work", "parents": parents}
    studio.write(f"{film.name}.edgeprint.json", json.dumps(sidecar))
    sale.title = str(studio.run("declare", "own-creation", film, "--json").ok().json["titles"][0]["id"])
    sale.object = str(studio.run("identify", film, "--json").ok().json["objects"][0]["id"])
    sale.offer()
    sale.request().ok()


def test_what_is_made_of_ones_own_work_is_licensed_and_its_proceeds_settled_by_the_plan(sale: Sale) -> None:
    studio = sale.studio
    made_of(sale, "own", sale.object)
    planned = studio.run("trade", "plan", sale.object, "--json").ok().json
    (node,) = planned["nodes"]
    holder = studio.run("status", "--json").ok().json["holder"]
    assert (node["object"], node["gives"]) == (sale.object, [])
    assert node["holders"] == [{"party": holder, "share_bp": 10_000}]
    assert planned["plan"] in studio.run("trade", "plan", sale.object, "--lang", "zh").ok().out
    assert studio.run("trade", "plan", sale.object, "--currency", "yuan").code != 0
    for other in (sale.plan, sale.planned("USD"), sale.put("plan.json", "{}")):
        sale.plan = other
        refused = sale.issue()
        assert refused.code == 7 and "plan: expected that of an object of the licence in CNY" in refused.json["message"]
    sale.plan = planned["plan"]
    issued = sale.issue().ok().json
    assert [one["type"].rpartition(".")[2] for one in issued["events"]] == ["LicenceIssued", "ScopeAllocated"]
    assert issued["events"][0]["event"]["plan"] == planned["plan"]
    period = ["--since", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z"]
    amount = studio.write("amount.json", {"currency": "CNY", "minor": MINOR + 1})
    settled = ["trade", "settle", sale.licence, "--amount", amount, "--usage", sale.paper, *period]
    (event,) = studio.run(*settled, "--json").ok().json["events"]
    assert event["type"] == "edgeprint.rights.SettlementMade"
    (balance,) = studio.run("trade", "balance", "--json").ok().json["balances"]
    assert (balance["party"], balance["currency"]) == (holder, "CNY") and str(MINOR + 1) in json.dumps(balance)


def test_what_is_made_of_anothers_work_without_a_grant_is_refused_with_the_clause(sale: Sale) -> None:
    studio = sale.studio
    novel = studio.write("theirs.txt", "a novel of somebody else\n")
    studio.run("declare", "own-creation", novel, "--as", sale.buyer).ok()
    theirs = str(studio.run("identify", novel, "--as", sale.buyer, "--json").ok().json["objects"][0]["id"])
    made_of(sale, "taken", theirs)
    refused = sale.issue().ok().json
    (event,) = refused["events"]
    assert event["type"] == "edgeprint.rights.LicenceRefused"
    assert "no grant is cited" in event["event"]["clause"] and theirs in event["event"]["clause"]
    shown = studio.run("licence", "show", sale.licence, "--json").ok().json
    assert shown["standing"]["state"] == "refused"
    check = studio.run("rights", "check", sale.object, "--json")
    assert (check.code, check.json["verdict"]) == (1, "invalid")


def test_no_price_stands_anywhere_but_in_the_vault(sale: Sale) -> None:
    Canaries([str(MINOR), str(MINOR + 1)]).require_nowhere(everything(sale.studio))
