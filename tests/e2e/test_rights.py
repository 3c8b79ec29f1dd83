"""Titles and grants through the real command line: two authors, a studio, an agency; a chain drawn as a tree."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.ids import format_id, parse_party_id
from tests.e2e.kit import Place, enrol, place
from tests.rights_kit import FILM_JSON

TERMS = "ab" * 32
PAST = "2026-11-01T00:00:00Z"


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with place() as made:
        made.init("--origin", "film.example/rights")
        made.run("up", "--no-kafka").ok()
        yield made


@pytest.fixture(scope="module")
def people(studio: Place) -> dict[str, str]:
    return {
        "author": enrol(studio, "person"),
        "co_author": enrol(studio, "person"),
        "studio": enrol(studio, "organisation"),
        "agency": enrol(studio, "organisation"),
    }


def put(studio: Place, name: str, data: str) -> str:
    path = studio.write(name, data)
    return str(studio.run("blob", "put", path, "--json").ok().json["stored"][0]["sha256"])


def claim(studio: Place, people: dict[str, str], name: str) -> str:
    """Claim a novel for both authors."""
    owners = [{"party": people["author"], "share_bp": 7_000}, {"party": people["co_author"], "share_bp": 3_000}]
    file = studio.write(f"{name}-owners.json", json.dumps(owners))
    work = put(studio, name, f"{name}, a novel")
    statement = put(studio, f"{name}-statement", f"{name} is ours")
    command = ["title", "claim", "--work", work, "--root", "own_creation", "--statement", statement, "--owners", file]
    return str(studio.run(*command, "--as", people["author"], "--json").ok().json["stream"])


def record(studio: Place, title: str, grantor: str, grantee: str, *more: str, **scope: Any) -> Any:
    file = studio.write(f"scope-{grantee[-6:]}.json", {**FILM_JSON, **scope})
    command = ["grant", "record", "--kind", "grant", "--title", title, "--grantee", grantee, "--scope", str(file)]
    return studio.run(*command, "--terms", TERMS, "--as", grantor, "--json", *more)


def test_a_title_of_two_a_chain_of_two_and_its_end(studio: Place, people: dict[str, str]) -> None:
    title = claim(studio, people, "river")
    exclusive = ("--allocation", "exclusive", "--share-bp", "500")
    told = record(studio, title, people["author"], people["studio"], *exclusive).ok().json
    grant = told["stream"]
    assert "/R." in grant and told["events"][1]["stream"] == title
    assert told["events"][0]["event"]["scope"] == FILM_JSON
    again = record(studio, title, people["author"], people["studio"], *exclusive, "--id", told["id"]).ok().json
    assert again["repeated"] is True
    spoken = ["grant", "record", "--kind", "grant", "--title", title, "--grantee", people["studio"]]
    spoken += ["--scope", str(studio.files / f"scope-{people['studio'][-6:]}.json"), "--terms", TERMS, *exclusive]
    line = studio.run(*spoken, "--as", people["author"], "--id", told["id"], "--lang", "en").ok().out
    assert 'scope: {"uses": [' in line and line.endswith("this command was recorded before\n")
    studio.run("grant", "accept", grant, "--as", people["studio"]).ok()
    shown = studio.run("grant", "show", grant, "--json").ok().json
    assert shown["standing"] == {"state": "pending", "since": None, "why": None, "missing": [people["co_author"]]}
    studio.run("grant", "approve", grant, "--as", people["co_author"]).ok()

    wide = record(
        studio, title, people["studio"], people["agency"], "--chain", grant, "--allocation", "sole", sublicence_depth=1
    )
    assert wide.code == 7 and "sublicence depth: granted 0; asked 1" in wide.json["message"]
    below = record(
        studio, title, people["studio"], people["agency"], "--chain", grant, "--allocation", "sole", sublicence_depth=0
    )
    low = below.ok().json["stream"]
    assert below.json["events"][1]["stream"] == grant, "allocated in the stream of the grant above"
    studio.run("grant", "accept", low, "--as", people["agency"]).ok()
    links = studio.run("grant", "show", low, "--json").ok().json["links"]
    assert [one["id"] for one in links] == [title, grant, low]
    assert [one["standing"]["state"] for one in links] == ["in_force"] * 3
    tree = studio.run("grant", "show", low, "--lang", "zh").ok().out
    assert "└── " in tree and tree.count("有效") == 3 and "排他" in tree and "地域：CN、HK" in tree

    basis = put(studio, "reasons", "they did not pay")
    end = ["grant", "revoke", grant, "--reason", "breach", "--effective-at", PAST]
    assert studio.run(*end, "--as", people["author"]).code == 7, "a grant is not revoked without reasons"
    studio.run(*end, "--basis", basis, "--as", people["author"]).ok()
    tree = studio.run("grant", "show", low, "--lang", "en").ok().out
    assert "ended from 2026-11-01T00:00:00Z on: breach" in tree
    assert studio.run("title", "show", title, "--json").ok().json["allocated"] == []
    again = ["grant", "reinstate", grant, "--basis", basis, "--effective-at", PAST, "--as", people["author"], "--json"]
    index = str(studio.run(*again).ok().json["first_index"])
    assert studio.run("decision", "explain", index, "--json").ok().json["same"] is True


def test_a_share_goes_to_another_and_a_claim_is_contested(studio: Place, people: dict[str, str]) -> None:
    title = claim(studio, people, "sea")
    offer = ["title", "transfer", title, "--recipient", people["agency"], "--share-bp", "2000", "--contract", TERMS]
    studio.run(*offer, "--effective-at", PAST, "--as", people["author"]).ok()
    shown = studio.run("title", "show", title, "--lang", "zh").ok().out
    assert "转让" in shown and people["co_author"] in shown.split("待签")[1]
    studio.run("title", "accept-transfer", title, "--transfer", "1", "--as", people["agency"]).ok()
    studio.run("title", "approve-transfer", title, "--transfer", "1", "--as", people["co_author"]).ok()
    owners = {one["party"]: one["share_bp"] for one in studio.run("title", "show", title, "--json").json["owners"]}
    assert owners == {people["author"]: 5_000, people["co_author"]: 3_000, people["agency"]: 2_000}

    certificate = put(studio, "certificate", "2026-A-1")
    listed = ["title", "register", title, "--register", "cn.ccopyright", "--number", "2026-A-1"]
    studio.run(*listed, "--certificate", certificate).ok()
    grounds = put(studio, "grounds", "I wrote it")
    studio.run("title", "contest", title, "--grounds", grounds, "--as", people["studio"]).ok()
    refused = record(studio, title, people["author"], people["studio"], "--allocation", "ordinary")
    assert refused.code == 7 and "title: contested" in refused.json["message"]
    shown = studio.run("title", "show", title, "--lang", "en").ok().out
    assert "contested" in shown and "cn.ccopyright 2026-A-1" in shown
    end = ["title", "resolve", title, "--contest", "1", "--outcome", "rejected", "--judgment", grounds]
    studio.run(*end, "--effective-at", PAST).ok()
    told = studio.run("title", "show", title, "--lang", "zh").ok().out
    assert "已终止，自 2026-11-01T00:00:00Z 起：权属主张被驳回" in told
    assert studio.run("fsck", "--deep").ok().code == 0


def test_what_is_none_is_said(studio: Place, people: dict[str, str]) -> None:
    party = people["author"]
    assert studio.run("title", "show", party).code == 2
    assert studio.run("grant", "show", party).code == 2
    for group, letter in (("title", "G"), ("grant", "R")):
        nothing = format_id(letter, parse_party_id(party), "10.5072")
        assert studio.run(group, "show", nothing).code == 3
