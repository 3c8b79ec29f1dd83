"""What is done to objects through the real command line: attested, lifted, named, linked, withdrawn."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.kit import Place, running

EIDR = "10.5240/7791-8534-2C23-9030-8610-5"
SIDECAR = {
    "format": "edgeprint/sidecar/1",
    "file": "still.txt",
    "origin": "imported",
    "authorisation": {"root": "employment", "source": "the unit"},
    "model": {"name": "unknown"},
    "parameters": {"seed": 1},
    "environment": {"tools": "unknown"},
}


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/objects") as made:
        yield made


@pytest.fixture(scope="module")
def still(studio: Place) -> str:
    """An import of which everything is declared: it waits for a human alone."""
    file = studio.write("still.txt", "a still of the weir at night\n")
    studio.write("still.txt.edgeprint.json", json.dumps(SIDECAR))
    (found,) = studio.run("identify", file, "--json").ok().json["objects"]
    assert found["status"] == "quarantined"
    return str(found["id"])


@pytest.fixture(scope="module")
def officer(studio: Place) -> str:
    party = str(studio.run("party", "enrol", "--kind", "person", "--json").ok().json["stream"])
    studio.run("party", "assign-role", party, "--role", "compliance_officer").ok()
    studio.run("party", "new-key", party).ok()
    return party


def put(studio: Place, name: str, text: str) -> str:
    (stored,) = studio.run("blob", "put", studio.write(name, text), "--json").ok().json["stored"]
    return str(stored["sha256"])


def test_another_human_lifts_with_reasons_that_lie_in_the_store(studio: Place, still: str, officer: str) -> None:
    own = studio.run("object", "lift", still, "--statement", put(studio, "why", "looked at it"))
    assert own.code == 7 and "who brought the object cannot clear it" in own.err
    absent = studio.run("object", "lift", still, "--statement", "00" * 32, "--as", officer)
    assert absent.code == 7 and "expected the document 0000" in absent.err
    statement = put(studio, "why", "looked at it")
    studio.run("object", "attest", still, "--element", "model", "--statement", statement, "--as", officer).ok()
    done = studio.run("object", "lift", still, "--statement", statement, "--as", officer, "--json").ok().json
    assert [event["type"].rpartition(".")[2] for event in done["events"]] == ["QuarantineLifted", "ObjectAdmitted"]
    shown = studio.run("object", "show", still, "--json").ok().json
    levels = {cell["element"]: cell["found"] for cell in shown["trace_set"]}
    assert (shown["status"], levels["model"], levels["parameters"]) == ("admitted", "attested", "declared")
    explained = studio.run("decision", "explain", str(done["first_index"]), "--json").ok().json
    assert explained["same"] is True


def test_it_gets_names_fingerprints_and_further_bytes(studio: Place, still: str) -> None:
    wrong = studio.run("object", "bind-id", still, "--scheme", "eidr", "--text", EIDR[:-1] + "6")
    assert wrong.code == 7 and "expected the check character 5" in wrong.err
    studio.run("object", "bind-id", still, "--scheme", "eidr", "--text", EIDR.lower()).ok()
    again = studio.run("object", "bind-id", still, "--scheme", "eidr", "--text", EIDR)
    assert again.code == 7 and "bound to an object already" in again.err
    studio.run("object", "fingerprint", still).ok()
    proxy = put(studio, "proxy", "a smaller still\n")
    added = studio.run("object", "add-representation", still, "--sha256", proxy, "--purpose", "proxy", "--json").ok()
    explained = studio.run("decision", "explain", str(added.json["first_index"]), "--json").ok().json
    assert explained["same"] is True, "the bytes are hashed once more, and are the same"
    studio.run("object", "amend", still, "--document", put(studio, "note", "the weir, night")).ok()
    shown = studio.run("object", "show", still, "--json").ok().json
    assert shown["alternative_ids"] == [{"scheme": "eidr", "text": EIDR}]
    assert shown["representations"][0]["id"] == f"{still}#sha256:{proxy}"
    (fingerprint,) = shown["fingerprints"]
    assert fingerprint["code"].startswith("ISCC:K")
    text = studio.run("object", "show", still).ok().out
    assert EIDR in text and fingerprint["code"] in text
    studio.run("object", "recheck", still).ok()


def test_a_derivation_is_found_and_the_object_withdrawn(studio: Place, still: str, officer: str) -> None:
    (copy,) = studio.run("identify", studio.write("copy.txt", "a copy of it\n"), "--json").ok().json["objects"]
    evidence = put(studio, "compared", "side by side")
    found = ["object", "record-derivation", copy["id"], "--source", still, "--evidence", evidence, "--as", officer]
    studio.run(*found).ok()
    twice = studio.run(*found)
    assert twice.code == 7 and "known already" in twice.err
    assert studio.run("object", "show", copy["id"], "--json").ok().json["found_sources"] == [still]
    withdrawal = ["object", "withdraw", still, "--reason", "by_holder", "--effective-at", "2026-12-01T00:00:00Z"]
    studio.run(*withdrawal).ok()
    repeated = studio.run("identify", str(studio.files / "still.txt"), "--json").ok().json
    assert (repeated["duplicates"], repeated["objects"][0]["status"]) == (1, "withdrawn")
    told = studio.run("identify", str(studio.files / "still.txt"), "--lang", "zh").ok().out
    assert "撤回" in told
    late = studio.run("object", "amend", still, "--document", evidence)
    assert late.code == 7 and "the object is withdrawn" in late.err


def test_what_is_no_file_is_not_stored_and_says_so(studio: Place) -> None:
    answer = studio.run("blob", "put", str(studio.files / "nowhere"), "--json")
    assert answer.code == 4 and answer.json["stored"] == []
    assert [one["reason"] for one in answer.json["refused"]] == ["not_found"]
