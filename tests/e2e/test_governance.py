"""Parties, keys, mandates and policies through the real command line, with what is left in the home and the ledger."""

import hashlib
import json
import stat
from collections.abc import Iterator

import pytest

from domain.governance.signing import prove_binding
from domain.ids import parse_ledger_id
from domain.ledger.keys import ed25519_signer
from domain.ledger.text import encode_base64
from producers.registry import REGISTRY
from tests.e2e.kit import Place, enrol, running

SEED = hashlib.sha256(b"a key that lies elsewhere").digest()


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/governance") as made:
        yield made


def holder(studio: Place) -> str:
    return str(studio.run("status", "--json").ok().json["holder"])


def test_the_founding_gives_the_holder_a_key_and_roles(studio: Place) -> None:
    found = studio.run("party", "show", holder(studio), "--json").ok().json
    assert found["roles"] == ["compliance_officer", "licensor", "operator", "registrar"]
    (key,) = found["keys"]
    (file,) = (studio.home / "keys" / "parties").glob("*/*")
    assert file.name == key["key_id"] and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_command_from_a_file_and_again_under_its_id(studio: Place) -> None:
    given = "01937e3f-2b5c-7000-8000-0000000000aa"
    request = studio.write("enrol.json", json.dumps({"kind": "device"}))
    first = studio.run("command", "enrol-party", "--input", request, "--id", given, "--json").ok().json
    again = studio.run("command", "enrol-party", "--input", request, "--id", given, "--json").ok().json
    assert again == {**first, "repeated": True, "sealed_size": again["sealed_size"]}
    other = studio.write("other.json", json.dumps({"kind": "person"}))
    refused = studio.run("command", "enrol-party", "--input", other, "--id", given)
    assert refused.code == 7 and "another body under the same command id" in refused.err


def test_a_dry_run_writes_nothing_and_ends_as_the_command_would(studio: Place) -> None:
    size = studio.run("status", "--json").ok().json["ledger_size"]
    accepted = studio.run("party", "enrol", "--kind", "agent", "--dry-run", "--json").ok().json
    assert (accepted["decision"], accepted["signed"]) == ("accepted", True)
    assert [event["type"] for event in accepted["events"]] == ["edgeprint.governance.PartyEnrolled"]
    assert len(accepted["rests_on"]) == 2, "the holder, and the party that would be"
    refused = studio.run("party", "assign-role", holder(studio), "--role", "clerk", "--dry-run", "--json")
    assert refused.code == 7 and "to themselves" in refused.json["because"]
    assert studio.run("status", "--json").ok().json["ledger_size"] == size


def test_a_key_kept_elsewhere_signs_what_is_printed(studio: Place) -> None:
    clerk = enrol(studio, "person", "registrar", key=False)
    signer = ed25519_signer(clerk, SEED)
    ledger = json.loads((studio.home / "config.json").read_text())["ledger"]
    proof = prove_binding(signer, parse_ledger_id(ledger))
    studio.run("party", "bind-key", clerk, "--key", signer.vkey, "--proof", proof).ok()
    request, given = studio.write("device.json", '{"kind":"device"}'), "01937e3f-2b5c-7000-8000-0000000000bb"
    common = ["command", "enrol-party", "--input", request, "--id", given, "--as", clerk]
    unsigned = studio.run(*common)
    assert unsigned.code == 7 and "has bound a key and signs what it does" in unsigned.err
    text = studio.run(*common, "--signable").ok().out
    signature = encode_base64(signer.sign(text.encode())).decode()
    document = {"command": json.loads(text), "key": signer.vkey, "signature": signature}
    signed = studio.write("signed.json", json.dumps(document))
    done = studio.run(*common, "--attestation", signed, "--json").ok().json
    assert done["actor"] == clerk
    explained = studio.run("decision", "explain", str(done["first_index"]), "--json").ok().json
    assert explained["same"] is True and explained["signature"]["verified"] is True
    tampered = studio.write("tampered.json", json.dumps({**document, "signature": "A" * 86 + "=="}))
    common[common.index(given)] = "01937e3f-2b5c-7000-8000-0000000000cc"
    assert studio.run(*common, "--attestation", tampered).code == 1, "it attests another id"


def test_an_agent_acts_under_a_mandate_until_it_is_revoked(studio: Place) -> None:
    agent, principal = enrol(studio, "agent", key=False), holder(studio)
    human = studio.run("mandate", "grant", agent, "--action", "approve-policy", "--until", "2035-01-01T00:00:00Z")
    assert human.code == 7 and "left to humans" in human.err
    studio.run("mandate", "grant", agent, "--action", "enrol-party", "--until", "2035-01-01T00:00:00Z").ok()
    acting = ["party", "enrol", "--kind", "device", "--as", agent, "--on-behalf-of", principal]
    done = studio.run(*acting, "--json").ok().json
    explained = studio.run("decision", "explain", str(done["first_index"]), "--json")
    assert explained.code == 4 and explained.json["mandate"]["number"] == 2, "unsigned: not decided again"
    studio.run("mandate", "revoke", agent, "--mandate", "2").ok()
    late = studio.run(*acting)
    assert late.code == 7 and "mandate 2: revoked" in late.err
    shown = studio.run("party", "show", agent, "--lang", "zh").ok().out
    assert "已撤销" in shown


def test_a_policy_is_drafted_approved_by_a_human_and_judges_from_then_on(studio: Place) -> None:
    before = studio.run("policy", "show", "trace-set", "--json").ok().json
    assert before["id"] is None and before["active"] == 0
    document = json.loads(before["document"])
    document["held"] = {}
    file = studio.write("policy.json", json.dumps(document))
    policy = studio.run("policy", "draft", "--name", "trace-set", "--document", file, "--json").ok().json["stream"]
    early = studio.run("policy", "activate", policy, "--version", "1")
    assert early.code == 7 and "is not approved" in early.err
    digest = studio.run("policy", "show", "trace-set", "--json").ok().json["versions"][0]["sha256"]
    unread = studio.run("policy", "approve", policy, "--version", "1", "--document-sha256", "00" * 32)
    assert unread.code == 7 and f"has the digest {digest}" in unread.err
    studio.run("policy", "approve", policy, "--version", "1", "--document-sha256", digest).ok()
    studio.run("policy", "activate", policy, "--version", "1").ok()
    after = studio.run("policy", "show", "trace-set", "--json").ok().json
    assert after["active"] == 1 and after["digest"] != before["digest"]
    answer = studio.run("identify", studio.write("films/one.txt", "INT. ARCHIVE - DAY"), "--json").ok().json
    judged = studio.run("decision", "explain", str(answer["objects"][0]["last_index"]), "--json").ok().json
    assert judged["same"] is True
    assert (judged["policy"]["digest"], judged["policy"]["version"]) == (after["digest"], 1)


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["command", "fly", "--input", "-"], 3, "expected one of enrol-party"),
        (["command", "enrol-party"], 2, "expected a file"),
        (["command", "enrol-party", "--input", "nowhere.json"], 3, "no such file"),
        (["command", "enrol-party", "--input", "/dev/null"], 1, "enrol-party: not JSON"),
        (["command", "enrol-party", "--input", "/dev/null", "--signable"], 2, "expected a UUID"),
        (["party", "enrol", "--kind", "ghost"], 1, "enrol-party.kind: expected one of person"),
        (["party", "enrol", "--kind", "person", "--as", "me"], 2, "expected an identifier"),
        (["party", "enrol", "--kind", "person", "--id", "one"], 2, "expected a UUID"),
        (["party", "show", "10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D"], 3, "is not a party of this ledger"),
        (["policy", "show", "tea"], 3, "expected a policy of trace-set"),
        (["decision", "explain", "99999999"], 3, "expected an index below"),
    ],
)
def test_what_cannot_be_is_told(studio: Place, arguments: list[str], code: int, why: str) -> None:
    answer = studio.run(*arguments)
    assert (answer.code, answer.out) == (code, ""), answer
    assert why in answer.err


def test_what_the_registry_offers(studio: Place) -> None:
    listed = studio.run("command", "--json").ok().json["commands"]
    assert [one["name"] for one in listed][:2] == ["enrol-party", "bind-key"] and len(listed) == len(list(REGISTRY))
    schema = studio.run("command", "assign-role", "--schema").ok().json
    assert schema["additionalProperties"] is False and set(schema["required"]) == {"party", "role"}


def test_the_ledger_is_sound_after_all_that(studio: Place) -> None:
    assert studio.run("fsck", "--deep").ok().code == 0
