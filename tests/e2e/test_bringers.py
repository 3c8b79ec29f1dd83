"""Who brings files: anybody enrolled for itself, an agent under a mandate; one signature for the files of a batch."""

import json
from collections.abc import Iterator

import pytest

from domain.events import Sha256
from infra.bootstrap import opened
from infra.governance.decisions import explain
from schemas.attestation import parse_attestation
from tests.e2e.kit import Place, running

UNTIL = "2035-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/bringers") as made:
        yield made


def enrolled(studio: Place, kind: str, *, key: bool) -> str:
    party = str(studio.run("party", "enrol", "--kind", kind, "--json").ok().json["stream"])
    if key:
        studio.run("party", "new-key", party).ok()
    return party


def test_the_files_of_a_batch_are_signed_by_their_manifest(studio: Place) -> None:
    for name in ("one.txt", "two.txt"):
        studio.write(f"together/{name}", f"INT. {name} - DAY")
    run = studio.run("identify", studio.files / "together", "--json").ok().json
    told = []
    with opened(studio.settings) as session:
        for made in run["objects"]:
            told.append(explain(session, made["first_index"]))
            events = [one["event"] for one in told[-1]["decided"]]
            attestation = session.blobs.read_bytes(Sha256(bytes.fromhex(told[-1]["signature"]["attestation"])), 9_999)
            signed = json.loads(parse_attestation(attestation)[0].text)
            assert signed["command"] == "submit-manifest" and signed["actor"] == session.config.holder
            assert signed["input"] == {"manifest": events[0]["submission"]}
    assert [one["signature"]["verified"] for one in told] == [True, True]
    assert [one["same"] for one in told] == [True, True], "judged again from the levels recorded"
    assert told[0]["signature"]["attestation"] == told[1]["signature"]["attestation"]


def test_a_claim_of_several_files_is_one_signature_too(studio: Place) -> None:
    for name in ("a.txt", "b.txt"):
        studio.write(f"own/{name}", f"EXT. {name} - NIGHT")
    claimed = studio.run("declare", "own-creation", studio.files / "own", "--json").ok().json
    assert [title["new"] for title in claimed["titles"]] == [True, True]
    size = studio.run("status", "--json").ok().json["ledger_size"]
    with opened(studio.settings) as session:
        told = [explain(session, index) for index in (size - 2, size - 1)]
    assert {one["type"] for one in told} == {"edgeprint.rights.RightsClaimed"}
    assert all(one["signature"]["verified"] and one["same"] is None for one in told)
    again = studio.run("declare", "own-creation", studio.files / "own", "--json").ok().json
    assert [title["new"] for title in again["titles"]] == [False, False]


def test_a_guild_brings_its_own(studio: Place) -> None:
    guild, file = enrolled(studio, "organisation", key=True), studio.write("guild/reel.txt", "EXT. REEL - DAY")
    studio.run("declare", "own-creation", file, "--as", guild).ok()
    made = studio.run("identify", file, "--as", guild, "--json").ok().json["objects"][0]
    assert made["status"] == "admitted"
    shown = studio.run("find", file, "--of", guild, "--json").ok().json
    assert (shown["id"], shown["holder"], shown["name"]) == (made["id"], guild, str(file))
    missing = studio.run("find", file)
    assert missing.code == 3 and "are not in this ledger" in missing.err, "the holder never brought it"
    own = studio.run("identify", file, "--json").ok().json["objects"][0]
    assert own["id"] != made["id"] and own["status"] == "quarantined", "another holder, another object, no title"


def test_an_agent_brings_under_a_mandate_only(studio: Place) -> None:
    agent, file = enrolled(studio, "agent", key=True), studio.write("agent/shot.txt", "EXT. SHOT - DUSK")
    holder = str(studio.run("status", "--json").ok().json["holder"])
    alone = studio.run("identify", file, "--as", agent, "--json")
    assert alone.code == 4 and "acts for nobody" in alone.json["refused"][0]["message"]
    acting = ["identify", file, "--as", agent, "--on-behalf-of", holder, "--json"]
    denied = studio.run(*acting)
    assert denied.code == 4 and "no mandate of" in denied.json["refused"][0]["message"]
    studio.run("mandate", "grant", agent, "--action", "submit-object", "--until", UNTIL).ok()
    made = studio.run(*acting).ok().json["objects"][0]
    assert studio.run("object", "show", made["id"], "--json").ok().json["holder"] == holder
    told = studio.run("decision", "explain", str(made["first_index"]), "--json").ok().json
    assert (told["actor"], told["actor_kind"], told["mandate"]["number"]) == (agent, "agent", 3)


def test_a_mandate_for_one_project_brings_to_that_one(studio: Place) -> None:
    agent, file = enrolled(studio, "agent", key=True), studio.write("project/take.txt", "EXT. TAKE - NOON")
    holder = str(studio.run("status", "--json").ok().json["holder"])
    granting = ["mandate", "grant", agent, "--action", "submit-object", "--action", "bind-alternative-id"]
    studio.run(*granting, "--project", "night-river", "--until", UNTIL).ok()
    acting = ["--as", agent, "--on-behalf-of", holder, "--json"]
    for project in ([], ["--project", "day-river"]):
        denied = studio.run("identify", file, *project, *acting)
        assert denied.code == 4 and "does not name the project" in denied.json["refused"][0]["message"]
    made = studio.run("identify", file, "--project", "night-river", *acting).ok().json["objects"][0]
    shown = studio.run("object", "show", made["id"], "--json").ok().json
    assert shown["project"] == "night-river" and shown["governance"]["place"] == "cultural_base"
    doi = ["--scheme", "doi", "--text", "10.5594/SMPTE.ST2067-2.2020"]
    studio.run("object", "bind-id", made["id"], *doi, *acting).ok()
    told = studio.run("object", "show", made["id"], "--lang", "zh").ok().out
    assert "文化底座; doi 有, fingerprint 缺" in told and "night-river" in told
    other = (
        studio.run("identify", studio.write("project/else.txt", "EXT. ELSE - NOON"), "--json").ok().json["objects"][0]
    )
    doi[-1] = "10.5594/SMPTE.ST2067-3.2020"
    denied = studio.run("object", "bind-id", other["id"], *doi, *acting)
    assert denied.code == 7 and "does not name the project none" in denied.out, "the object's project counts"
    bad = studio.run("identify", file, "--project", "Night River", "--json")
    assert bad.code == 4 and "expected a project code" in bad.json["refused"][0]["message"]


def test_whose_key_lies_elsewhere_brings_nothing_unsigned(studio: Place) -> None:
    person, file = enrolled(studio, "person", key=True), studio.write("away/note.txt", "EXT. AWAY - DAWN")
    for key in (studio.home / "keys" / "parties").glob("*/*"):
        if key.read_text().find(person) >= 0:
            key.unlink()
    size = studio.run("status", "--json").ok().json["ledger_size"]
    for command in (["identify", file], ["declare", "own-creation", file]):
        refused = studio.run(*command, "--as", person, "--json")
        assert refused.code == 4 and "signature" in refused.json["refused"][0]["message"]
    assert studio.run("status", "--json").ok().json["ledger_size"] == size


def test_one_object_as_a_command_of_its_own(studio: Place) -> None:
    """As an application gives it: the bytes lie in the blob store, nobody names a file."""
    with opened(studio.settings) as session:
        digest = session.blobs.put_bytes(b"\x89PNG\r\n\x1a\n bytes that an application has stored")
    asked = {
        "sha256": digest.hex(),
        "asset_class": "static",
        "origin": "captured",
        "intake_source": "production_new",
        "root": "commission",
        "evidence": [{"element": name, "sha256": "ab" * 32} for name in ("authorisation", "environment", "job")],
    }
    request = studio.write("submit.json", json.dumps(asked))
    dry = studio.run("command", "submit-object", "--input", request, "--dry-run", "--json").ok().json
    assert dry["events"][0]["event"]["kind"] == "image", "judged from the bytes"
    done = studio.run("command", "submit-object", "--input", request, "--json").ok().json
    assert [event["type"].rpartition(".")[2] for event in done["events"]][:2] == ["ObjectIdentified", "TraceSetJudged"]
    shown = studio.run("object", "show", done["stream"], "--json").ok().json
    assert shown["name"] is None and shown["media_type"] == "image/png"
    told = studio.run("decision", "explain", str(done["first_index"]), "--json").ok().json
    assert told["same"] is True and told["signature"]["verified"] is True
    absent = studio.write("absent.json", json.dumps({**asked, "sha256": "00" * 32}))
    refused = studio.run("command", "submit-object", "--input", absent)
    assert refused.code == 7 and "has no bytes of SHA-256 0000" in refused.err
    twice = studio.write("twice.json", json.dumps({**asked, "evidence": asked["evidence"] * 2}))
    refused = studio.run("command", "submit-object", "--input", twice)
    assert refused.code == 7 and "each element of the traceable set once" in refused.err


def test_the_ledger_is_sound_after_all_that(studio: Place) -> None:
    studio.run("fsck", "--deep").ok()
