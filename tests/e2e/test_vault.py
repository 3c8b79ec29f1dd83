"""Secrets through the real command line: committed, opened on record, held, erased; what is erased is nowhere."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from domain.governance.events import ErasureCompleted, SubjectErased
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from tests.e2e.canaries import Canaries, everything
from tests.e2e.kit import Place, enrol, running

PROMPT = "canary-prompt-7f3a 夜里的水闸"
NAME = "canary-name-91bc 林晚照"
PRICE = {"currency": "CNY", "minor": 73_001_193}
CANARIES = Canaries(["canary-prompt-7f3a", "canary-name-91bc", "73001193", "夜里的水闸", "林晚照"])


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/vault") as made:
        yield made


@pytest.fixture(scope="module")
def court(studio: Place) -> str:
    return enrol(studio, "organisation", "clerk")


def declare(studio: Place, party: str) -> int:
    """Declare a name and return the index of the entry."""
    file = studio.write("name.txt", NAME + "\n")
    done = studio.run("subject", "declare", party, "--name", file, "--json").ok().json
    file.unlink()
    return int(done["first_index"])


def test_a_prompt_is_opened_for_an_auditor_on_record_and_proved_without_us(studio: Place) -> None:
    auditor = enrol(studio, "person", "auditor")
    (still,) = studio.run("identify", studio.write("still.txt", "a still\n"), "--json").ok().json["objects"]
    prompt = studio.write("prompt.txt", PROMPT + "\n")
    request = [
        "object",
        "record-prompt",
        still["id"],
        "--prompt",
        prompt,
        "--id",
        "01937e3f-2b5c-7000-8000-0000000000dd",
    ]
    done = studio.run(*request, "--json").ok().json
    again = studio.run(*request, "--json").ok().json
    assert again["repeated"] and again["events"] == done["events"], "its salt and its event are those of the first time"
    index = str(done["first_index"])
    explained = studio.run("decision", "explain", index, "--json").ok().json
    assert explained["same"] is True
    opened = studio.run("vault", "open", index, "prompt", "--as", auditor, "--json").ok()
    assert opened.json["value"] == PROMPT
    history = studio.run("party", "show", studio.run("status", "--json").json["holder"], "--json").ok().json
    assert history["erased"] is False
    file = studio.write("opening.json", opened.out)
    studio.run("ledger", "entry", index, "--out", str(studio.files / "entry")).ok()
    verify = ["vault", "verify-opening", file, "--entry", str(studio.files / "entry")]
    assert "true: prompt" in studio.run(*verify).ok().out
    forged = studio.write("forged.json", opened.out.replace("canary", "another"))
    refused = studio.run("vault", "verify-opening", forged, "--entry", str(studio.files / "entry"))
    assert refused.code == 1 and "not those that event" in refused.err
    nobody = enrol(studio, "person")
    denied = studio.run("vault", "open", index, "prompt", "--as", nobody)
    assert denied.code == 7 and PROMPT not in denied.out + denied.err
    unnamed = studio.run("vault", "open", index, "prompt", "--as", auditor, "--id", "one")
    assert unnamed.code == 2 and "--id: expected a UUID, found 'one'" in unnamed.err
    named = ("vault", "open", index, "prompt", "--as", auditor, "--id", "01937e3f-2b5c-7000-8000-0000000000de")
    entries = {studio.run(*named).ok().err for _ in range(2)}
    assert len(entries) == 1, "the same opening, given again, is on record once"
    wrong = studio.run("vault", "open", index, "negative_prompt", "--as", auditor)
    assert wrong.code == 3 and "no commitment at" in wrong.err
    for path in (prompt, file, forged):
        Path(path).unlink()
    CANARIES.require_nowhere(everything(studio))


def test_prices_and_names_are_nowhere_but_in_the_vault_and_no_error_repeats_them(studio: Place) -> None:
    enrolled = ["resource", "enrol", "--pool", "local", "--country", "CN", "--security-level", "2"]
    enrolled += ["--accelerators", "0", "--accelerator-memory-mib", "0", "--memory-mib", "1024", "--json"]
    machines = str(studio.run(*enrolled).ok().json["stream"])
    price = studio.write("price.json", json.dumps(PRICE))
    quoting = ["resource", "quote", machines, "--unit", "call", "--price", price, "--until", "2027-01-01T00:00:00Z"]
    quoted = studio.run(*quoting, "--json").ok()
    assert "73001193" not in quoted.out
    rehearsed = studio.run(*quoting, "--dry-run", "--json").ok()
    assert "73001193" not in rehearsed.out
    opened = studio.run(
        "vault", "open", str(quoted.json["first_index"]), "price", "--purpose", "operation", "--json"
    ).ok()
    assert opened.json["value"] == PRICE, "whose secret it is may have it shown"
    person = enrol(studio, "person")
    declare(studio, person)
    secrets = studio.write("secrets.json", json.dumps({"prompt": PROMPT, "unknown": NAME}))
    bad = studio.write("input.json", json.dumps({"object": person}))
    broken = studio.run("command", "record-prompt", "--input", bad, "--secrets", secrets)
    assert broken.code == 1 and not CANARIES.found_in((broken.out + broken.err).encode())
    name = studio.write("name.txt", NAME)
    ghost = "10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D"
    refused = studio.run("subject", "declare", ghost, "--name", name)
    assert refused.code == 7 and not CANARIES.found_in((refused.out + refused.err).encode())
    with psycopg.connect(studio.database().admin_dsn()) as connection:
        (row,) = connection.execute("SELECT count(*) FROM vault.secrets").fetchall()
    for path in (price, secrets, bad, name):
        Path(path).unlink()
    assert row[0] == 3, "what was refused or rehearsed is not kept: prompt, price and one name are"
    CANARIES.require_nowhere(everything(studio))


def test_a_hold_stops_the_erasure_and_afterwards_every_proof_still_holds(studio: Place, court: str) -> None:
    person = enrol(studio, "person")
    index = declare(studio, person)
    studio.run("subject", "hold", person, "--matter", "(2026) Jing 73 Min Chu 1", "--as", court).ok()
    held = studio.run("subject", "erase", person)
    assert held.code == 7 and "legal holds bind: " in held.err
    opened = studio.run("vault", "open", str(index), "name", "--purpose", "court", "--as", court, "--json").ok()
    assert opened.json["value"] == NAME
    (hold,) = studio.run("party", "show", person, "--json").ok().json["holds"]
    studio.run("subject", "lift", person, "--hold", str(hold), "--as", court).ok()
    studio.run("subject", "erase", person).ok()
    gone = studio.run("vault", "open", str(index), "name", "--as", court)
    assert gone.code == 3 and "it was erased, or never here" in gone.err
    shown = studio.run("party", "show", person, "--json").ok().json
    assert shown["erased"] is True
    late = studio.run("subject", "declare", person, "--name", studio.write("name.txt", NAME))
    assert late.code == 7 and "erased" in late.err
    proof, entry = studio.files / "proof", studio.files / "entry"
    studio.run("ledger", "proof", str(index), "--out", str(proof), "--entry-out", str(entry)).ok()
    policy = str(studio.home / "policy")
    studio.run("ledger", "verify-proof", str(proof), "--policy", policy, "--entry", str(entry)).ok()
    studio.run("fsck", "--deep").ok()


@pytest.mark.parametrize("point", ["vault.begun", "vault.erased", "vault.destroyed", "vault.completed"])
def test_an_erasure_that_is_killed_is_brought_to_its_end_by_the_next_command(studio: Place, point: str) -> None:
    person = enrol(studio, "person")
    index = declare(studio, person)
    killed = studio.run("subject", "erase", person, environ={"EDGEPRINT_FAILPOINTS": f"{point}=kill"})
    assert killed.code in (-signal.SIGKILL, 128 + signal.SIGKILL), killed
    shown = studio.run("party", "show", person, "--json").ok().json
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        types = [row.type for row in store.rows(index, 100)]
    if point == "vault.begun":
        assert shown["erased"] is False and SubjectErased.TYPE not in types, "it was never in the log"
        studio.run("subject", "erase", person).ok()
    else:
        assert types.count(SubjectErased.TYPE) == types.count(ErasureCompleted.TYPE) == 1
    gone = studio.run("vault", "open", str(index), "name")
    assert gone.code == 3 and "it was erased" in gone.err
    with psycopg.connect(studio.database().admin_dsn()) as connection:
        rows = connection.execute("SELECT state, told, master FROM vault.subjects WHERE state <> 'open'").fetchall()
    assert set(rows) == {("erased", True, None)}
