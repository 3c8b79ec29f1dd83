"""Every command of the real command line on one ledger that is up: text and JSON, Chinese and English, exit codes.

One home serves all tests of this module (founding one takes seconds); they only add to it, so their order is free.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from infra.cli.main import app
from tests.e2e.kit import CLI, REPOSITORY, Answer, Place, objects_in, place, running, until

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f6"
    "45400000000049454e44ae426082"
)


def fresh() -> bytes:
    """Return bytes that no other test brings."""
    return f"INT. SCREENING ROOM - NIGHT\n{uuid.uuid4()}\n".encode()


@pytest.fixture(scope="module")
def film() -> Iterator[Place]:
    with running("--origin", "film.example/cli", "--holder", "person") as made:
        yield made


@pytest.fixture(scope="module")
def still(film: Place) -> str:
    """The identifier of an object that is quarantined."""
    answer = film.run("identify", film.write("stills/still.png", PNG), "--json")
    assert answer.code == 0, answer
    return str(answer.json["objects"][0]["id"])


def both(place: Place, *arguments: str | Path) -> tuple[Answer, Answer, Answer]:
    """Run a command as JSON, as English and as Chinese text; all three must end alike and speak on stdout alone."""
    answers = tuple(place.run(*arguments, *extra) for extra in (["--json"], ["--lang", "en"], ["--lang", "zh"]))
    assert len({answer.code for answer in answers}) == 1, answers
    data, english, chinese = answers
    assert isinstance(data.json, (dict, list))
    assert english.out.isascii() or "–" in english.out
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese.out + chinese.err)
    return data, english, chinese


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


COMMANDS = list(commands(typer.main.get_command(app)))
GROUPS = {"", "declare", "object", "schema", "ledger", "topic", "consumer", "dlq", "dev", "dev kafka"}
GROUPS |= {"party", "mandate", "policy", "decision", "blob"}
GROUPS |= {"capability", "template", "resource", "subject", "vault", "asset", "comply", "projection"}
HOMELESS = {"ledger verify-proof", "vault verify-opening", "licence present", "licence verify"}
HOMELESS |= {"rights to-odrl", "rights from-odrl"}
GROUPS |= {"title", "grant", "rights", "licence", "trade", "valuation", "case"}


def test_the_command_line_is_the_designed_one() -> None:
    expected = {"init", "up", "down", "status", "doctor", "fsck", "demo", "identify", "find", "declare own-creation"}
    expected |= {f"object {verb}" for verb in ("attest", "recheck", "lift", "bind-id", "add-representation")}
    expected |= {f"object {verb}" for verb in ("fingerprint", "amend", "record-derivation", "withdraw")}
    expected |= {f"capability {verb}" for verb in ("show", "describe", "sign", "scan", "test", "grade", "publish")}
    expected |= {f"capability {verb}" for verb in ("declare-filing", "check-filing", "suspend", "reinstate", "revoke")}
    expected |= {f"template {verb}" for verb in ("show", "define", "version", "retire")}
    expected |= {f"resource {verb}" for verb in ("show", "enrol", "quote", "drain", "resume", "retire")}
    expected |= {f"subject {verb}" for verb in ("declare", "open", "hold", "lift", "erase")}
    expected |= {"vault open", "vault verify-opening", "object record-prompt"}
    expected |= {"blob put", "object show", "schema build", "schema list", "schema show"}
    expected |= {f"ledger {name}" for name in ("status", "verify", "proof", "entry", "verify-proof", "export-vkey")}
    expected |= {"ledger clock-reset", "ledger restore"}
    expected |= {"topic create", "topic list", "topic check", "topic verify", "topic tail", "topic skip"}
    expected |= {"consumer run", "consumer status", "consumer rewind", "dlq list", "dlq retry"}
    expected |= {"command", "decision explain", "mandate grant", "mandate revoke", "policy show"}
    expected |= {f"policy {verb}" for verb in ("draft", "approve", "activate")}
    expected |= {f"party {verb}" for verb in ("show", "enrol", "join", "assign-role", "withdraw-role")}
    expected |= {f"party {verb}" for verb in ("new-key", "bind-key", "withdraw-key")}
    expected |= {f"asset {verb}" for verb in ("list", "show", "history", "lineage")}
    expected |= {f"asset {verb}" for verb in ("impact", "paths", "uses", "common")}
    expected |= {f"title {verb}" for verb in ("show", "claim", "register", "transfer", "contest", "resolve")}
    expected |= {f"title {verb}-transfer" for verb in ("approve", "accept", "withdraw")}
    expected |= {f"grant {verb}" for verb in ("show", "record", "approve", "accept", "decline", "revoke", "reinstate")}
    expected |= {"object cite-grants", "rights check", "rights impact", "rights to-odrl", "rights from-odrl"}
    expected |= {f"licence {verb}" for verb in ("show", "offer", "request", "refuse", "issue", "report-usage")}
    expected |= {f"licence {verb}" for verb in ("suspend", "resume", "revoke", "token", "present", "verify", "status")}
    expected |= {f"trade {verb}" for verb in ("plan", "settle", "reverse", "balance", "statement", "verify-settlement")}
    expected |= {"valuation issue", "valuation supersede"}
    expected |= {f"case {verb}" for verb in ("show", "report", "confirm", "dismiss", "open", "notice", "takedown")}
    expected |= {f"case {verb}" for verb in ("counter-notice", "forward", "refer", "end-measures", "judgment", "close")}
    expected |= {"case custody"}
    expected |= {"comply status", "replay", "diff"}
    expected |= {f"projection {verb}" for verb in ("list", "rebuild", "digest", "retry")}
    expected |= {"dev corpus", "dev kafka start", "dev kafka stop", "dev kafka status"}
    assert {" ".join(path) for path in COMMANDS} == expected | GROUPS


def test_every_command_has_help_and_the_shared_options(tmp_path: Path) -> None:
    nobody = Place(tmp_path, environ={"COLUMNS": "120"})
    for path in COMMANDS:
        answer = nobody.run(*path, "--help")
        assert (answer.code, answer.err) == (0, ""), path
        assert answer.out.startswith("Usage: "), path
        leaf = " ".join(path) not in GROUPS
        assert not leaf or "--json" in answer.out, path
        if leaf and path[0] != "schema":
            assert "--lang" in answer.out, path
            assert ("--home" in answer.out) is (" ".join(path) not in HOMELESS), path


def test_no_command_shows_help_and_wrong_words_are_wrong_usage(film: Place) -> None:
    for arguments in (
        ["nonsense"],
        ["identify"],
        ["status", "--nonsense"],
        ["ledger", "proof", "x"],
        ["object", "show"],
    ):
        answer = film.run(*arguments)
        assert (answer.code, answer.out) == (2, ""), arguments
        assert "Usage:" in answer.err
    for group in ([], ["ledger"], ["schema"], ["object"], ["declare"]):
        answer = film.run(*group)
        assert answer.code == 2 and "Usage:" in answer.out + answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "--origin", "two words"],
        ["init", "--origin", "a+b"],
        ["init", "--origin", "line\nbreak"],
        ["init", "--origin", "x" * 256],
        ["init", "--origin", ""],
        ["init", "--prefix", "eleven"],
        ["init", "--production"],
        ["init", "--holder", "ghost"],
        ["object", "show", "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-X"],
        ["object", "show", "rubbish"],
        ["ledger", "proof", "--", "-1"],
        ["ledger", "entry", "9" * 40 + "x"],
    ],
)
def test_an_argument_that_cannot_be_right_is_wrong_usage_and_makes_nothing(
    tmp_path: Path, arguments: list[str]
) -> None:
    made = Place(tmp_path)
    answer = made.run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "Usage:" in answer.err
    assert not made.home.exists() and not made.state.exists()


def test_without_a_ledger_every_command_says_so(tmp_path: Path) -> None:
    made = Place(tmp_path)
    file = made.write("one.txt", b"one")
    for arguments in (
        ["status"],
        ["up", "--no-kafka"],
        ["identify", str(file)],
        ["find", str(file)],
        ["declare", "own-creation", str(file)],
        ["ledger", "status"],
        ["ledger", "verify"],
        ["ledger", "proof", "0"],
        ["ledger", "entry", "0"],
        ["ledger", "export-vkey"],
        ["ledger", "clock-reset", "--reason", "none"],
        ["fsck"],
        ["down", "--purge", "--yes"],
    ):
        answer = made.run(*arguments)
        assert (answer.code, answer.out) == (3, ""), (arguments, answer)
        assert "edgeprint init" in answer.err or "no ledger" in answer.err
    assert made.run("status", "--json").json["error"] == "NotFound"
    assert made.run("status", "--home", "/dev/null/x").code == 3
    assert not made.home.exists()
    assert made.run("down").ok().out == "down\n"


def test_a_home_is_founded_once(film: Place) -> None:
    before = (film.home / "config.json").read_bytes()
    answer = film.run("init")
    assert (answer.code, answer.out) == (7, "")
    assert str(film.home) in answer.err
    assert film.run("init", "--json").json["error"] == "Rejected"
    assert (film.home / "config.json").read_bytes() == before


def test_status(film: Place) -> None:
    data, english, chinese = both(film, "status")
    state = data.json
    assert {"home", "database", "tlog", "policy", "origin", "vkeys", "ledger_size", "sealed_size"} <= set(state)
    assert state["home"] == str(film.home) and state["origin"] == "film.example/cli"
    assert state["running"] is True and state["sealer"] > 0 and state["production"] is False
    assert Path(state["tlog"], "checkpoint").exists() and Path(state["policy"]).exists()
    assert "film.example/cli" in english.out and "film.example/cli" in chinese.out
    assert (data.err, english.err, chinese.err) == ("", "", "")


def test_the_language_comes_from_the_environment_and_the_option_wins(film: Place) -> None:
    chinese = film.run("status", environ={"LANG": "zh_CN.UTF-8"}).ok().out
    assert "目录" in chinese
    assert "目录" in film.run("status", environ={"LANG": "C", "LC_ALL": "zh_CN.UTF-8"}).ok().out
    assert "目录" in film.run("status", environ={"EDGEPRINT_LANG": "zh", "LC_ALL": "C"}).ok().out
    assert "目录" not in film.run("status", "--lang", "en", environ={"EDGEPRINT_LANG": "zh"}).ok().out


def test_identify_says_what_became_of_every_file(film: Place) -> None:
    first, second = film.write("say/a.fountain", fresh()), film.write("say/b.txt", fresh())
    answer = film.run("identify", first.parent)
    assert answer.code == 0 and answer.err == ""
    assert len(objects_in(answer.out)) == 2
    assert answer.out.count("quarantined") == 3 and "because:" in answer.out
    again = film.run("identify", first, second, "--lang", "zh").ok()
    assert again.out.count("重复提交") == 2 and "隔离" in again.out
    assert objects_in(again.out) == objects_in(answer.out)


def test_identify_as_json(film: Place) -> None:
    data = fresh()
    path = film.write("json/c.txt", data)
    answer = film.run("identify", path, film.files / "json", film.files / "nowhere", "--json")
    assert answer.code == 4 and answer.err == ""
    run = answer.json
    assert (run["taken"], run["duplicates"], run["quarantined"]) == (2, 1, 2)
    born, repeated = run["objects"]
    assert born["id"] == repeated["id"] and born["path"] == str(path) and not born["duplicate"]
    assert born["sha256"] == hashlib.sha256(data).hexdigest() and born["size"] == len(data)
    assert born["last_index"] - born["first_index"] == 2
    assert run["refused"] == [
        {"path": str(film.files / "nowhere"), "reason": "not_found", "message": "no such file or folder"}
    ]
    assert run["sealed_size"] >= run["ledger_size"] > born["last_index"]


def test_exit_codes_of_identify(film: Place) -> None:
    there, nowhere = film.write("codes/d.txt", fresh()), film.files / "nowhere"
    (film.files / "hollow").mkdir(exist_ok=True)
    assert film.run("identify", there).code == 0
    assert film.run("identify", there, nowhere).code == 4
    assert film.run("identify", nowhere).code == 3
    assert film.run("identify", film.files / "hollow").code == 3
    assert film.run("identify", "/dev/null").code == 4
    said = film.run("identify", nowhere)
    assert str(nowhere) in said.err and str(nowhere) not in said.out


def test_a_declared_work_is_admitted(film: Place) -> None:
    work = film.write("own/script.fountain", fresh())
    claimed = film.run("declare", "own-creation", work, film.files / "nowhere", "--json")
    assert claimed.code == 4
    title = claimed.json["titles"][0]
    assert title["new"] and "/G." in title["id"] and claimed.json["refused"][0]["reason"] == "not_found"
    data, english, chinese = both(film, "declare", "own-creation", work)
    assert data.json["titles"] == [{**title, "new": False}]
    assert "declared before" in english.out and "此前已声明" in chinese.out and title["id"] in english.out
    assert film.run("declare", "own-creation", film.files / "nowhere").code == 3
    run = film.run("identify", work, "--json").ok().json
    assert run["admitted"] == 1 and run["objects"][0]["because"] is None


def test_an_object_is_shown_with_its_history(film: Place, still: str) -> None:
    data, english, chinese = both(film, "object", "show", still)
    shown = data.json
    assert shown["id"] == still and shown["media_type"] == "image/png" and shown["status"] == "quarantined"
    assert shown["name"].endswith("stills/still.png") and shown["clause"]
    types = [event["type"].removeprefix("edgeprint.identity.") for event in shown["history"]]
    assert types[:3] == ["ObjectIdentified", "TraceSetJudged", "ObjectQuarantined"]
    assert {cell["element"]: cell["found"] for cell in shown["trace_set"]}["hash"] == "verified"
    for text in (english.out, chinese.out):
        assert still in text and shown["sha256"] in text and shown["sm3"] in text
    holder = film.run("status", "--json").json["holder"]
    assert film.run("object", "show", holder).code == 2
    absent = film.run("object", "show", "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9")
    assert (absent.code, absent.out) == (3, "") and "is not an object of this ledger" in absent.err


def test_a_file_is_found_by_its_bytes_not_its_name(film: Place, still: str) -> None:
    other = film.write("renamed.bin", PNG)
    data, english, _ = both(film, "find", other)
    assert data.json["id"] == still and still in english.out
    strange = film.run("find", film.write("strange.txt", fresh()))
    assert (strange.code, strange.out) == (3, "") and "not in this ledger" in strange.err
    assert film.run("find", film.files / "nowhere").code == 3
    assert film.run("find", "/dev/null").code == 7
    assert film.run("find", film.files).code == 7
    wild = film.run("find", os.fsencode(film.files) + b"/\xff\n", "--json")
    assert wild.code == 3 and wild.json["error"] == "NotFound"


def test_the_log_tells_its_head_and_its_keys(film: Place) -> None:
    data, english, chinese = both(film, "ledger", "status")
    head = data.json
    assert head["origin"] == "film.example/cli" and head["root"] in english.out and head["root"] in chinese.out
    plain = film.run("ledger", "export-vkey").ok().out.splitlines()
    every = film.run("ledger", "export-vkey", "--all").ok().out.splitlines()
    assert plain == every[:1] and len(every) == 2 and all(key.startswith("film.example/cli+") for key in every)
    assert film.run("ledger", "export-vkey", "--json").json == {"vkeys": every}
    assert film.run("status", "--json").json["vkeys"] == every


def test_the_tree_is_verified_from_its_files(film: Place) -> None:
    data, english, chinese = both(film, "ledger", "verify")
    assert data.json["verdict"] == "clean" and data.json["damages"] == [] and data.json["leaves"] == data.json["size"]
    assert english.out.startswith("clean: ") and chinese.out.startswith("完好：")


def test_a_proof_is_made_and_checked_offline(film: Place, still: str, tmp_path: Path) -> None:
    index = film.run("object", "show", still, "--json").json["history"][0]["index"]
    proof, entry = tmp_path / "a.tlog-proof", tmp_path / "a.entry"
    made = film.run("ledger", "proof", str(index), "--out", proof, "--entry-out", entry).ok()
    assert made.out == "" and str(proof) in made.err
    assert film.run("ledger", "proof", str(index)).ok().out.startswith("c2sp.org/tlog-proof@v1\n")
    assert film.run("ledger", "proof", str(index), "--json").json["entry_hex"] == entry.read_bytes().hex()
    stranger = Place(tmp_path / "elsewhere", environ={"EDGEPRINT_HOME": "/nonexistent"})
    policy = tmp_path / "policy"
    policy.write_bytes((film.home / "policy").read_bytes())
    offline = ["ledger", "verify-proof", proof, "--policy", policy, "--entry", entry]
    data, english, _ = both(stranger, *offline)
    assert data.json["valid"] is True and data.json["index"] == index
    assert english.out.startswith(f"valid: entry {index} is in film.example/cli")
    entry.write_bytes(entry.read_bytes() + b"\0")
    wrong = stranger.run(*offline)
    assert (wrong.code, wrong.out) == (1, "") and "expected root" in wrong.err
    assert stranger.run(*offline, "--json").json["error"] == "Invalid"
    assert stranger.run("ledger", "verify-proof", policy, "--policy", policy, "--entry", entry).code == 1
    assert stranger.run("ledger", "verify-proof", proof, "--policy", proof, "--entry", entry).code == 1
    assert stranger.run("ledger", "verify-proof", tmp_path / "no", "--policy", policy, "--entry", entry).code == 3
    assert stranger.run("ledger", "verify-proof", tmp_path, "--policy", policy, "--entry", entry).code == 5
    assert stranger.run("ledger", "verify-proof", proof, "--policy", policy).code == 2


def test_entries_decoded_and_raw(film: Place, tmp_path: Path) -> None:
    shown = film.run("ledger", "entry", "0", "--json").ok().json
    assert shown["type"] == "edgeprint.evidence.LedgerFounded" and shown["event"]["origins"] == ["film.example/cli"]
    assert film.run("ledger", "entry", "0").ok().json == shown
    raw = subprocess.run(
        [*CLI, "ledger", "entry", "0", "--raw"], cwd=REPOSITORY, env=film.environ, stdout=subprocess.PIPE
    )
    assert hashlib.sha256(b"\0" + raw.stdout).hexdigest() == shown["leaf_hash"]
    assert film.run("ledger", "entry", "0", "--out", tmp_path / "entry").ok().out == ""
    assert (tmp_path / "entry").read_bytes() == raw.stdout
    for command in ("entry", "proof"):
        beyond = film.run("ledger", command, "99999999")
        assert (beyond.code, beyond.out) == (3, "") and "99999999" in beyond.err
        unwritable = film.run("ledger", command, "0", "--out", tmp_path / "no" / "entry")
        assert unwritable.code == 5 and str(tmp_path / "no" / "entry") in unwritable.err


def test_a_clock_reset_is_an_entry(film: Place) -> None:
    data, english, chinese = both(film, "ledger", "clock-reset", "--reason", "the clock ran a year ahead")
    index = data.json["index"]
    assert data.json["sealed_size"] > index
    entry = film.run("ledger", "entry", str(index)).json
    assert entry["type"] == "edgeprint.evidence.LedgerClockReset"
    assert entry["event"]["reason"] == "the clock ran a year ahead"
    assert "recorded at index" in english.out and "已记录" in chinese.out
    assert film.run("ledger", "clock-reset", "--reason", "").code in (1, 2)
    assert film.run("ledger", "clock-reset").code == 2


def test_schemas(film: Place) -> None:
    listed = film.run("schema", "list", "--json").ok().json
    names = {row["name"] for row in listed}
    assert {"edgeprint.Envelope", "edgeprint.identity.ObjectIdentified"} <= names
    text = film.run("schema", "list").ok().out
    assert all(name in text for name in names)
    row = next(row for row in listed if row["name"] == "edgeprint.identity.ObjectIdentified")
    schema = film.run("schema", "show", row["name"]).ok().out
    assert hashlib.sha256(schema.rstrip("\n").encode()).hexdigest() == row["sha256"]
    assert film.run("schema", "show", row["sha256"][:12]).ok().out == schema
    assert film.run("schema", "show", "e").code == film.run("schema", "show", "edgeprint.Nothing").code == 3
    assert film.run("schema", "build", "--check").ok().out == "schemas: nothing to change\n"
    assert film.run("schema", "build", "--check", "--json").ok().json == {"changed": []}


def test_doctor_and_fsck_are_content(film: Place) -> None:
    found = film.run("doctor", "--json").ok().json
    assert all(finding["ok"] for finding in found) and {"python", "postgresql", "home"} <= {f["check"] for f in found}
    assert film.run("doctor", "--lang", "zh").ok().out
    report = film.run("fsck", "--deep", "--json").ok().json
    assert report["verdict"] == "clean" and {"tree", "heads", "database", "guards", "blobs"} <= set(report["checked"])
    assert film.run("fsck").ok().out.endswith("clean\n")
    assert film.run("fsck", "--lang", "zh").ok().out.endswith("完好\n")
    assert film.run("status", "--json").json["running"] is True, "fsck stopped what `up` had started"


def test_the_program_that_reads_our_output_may_go(film: Place) -> None:
    process = film.start("ledger", "entry", "3")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    process.wait(timeout=30)
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_up_again_changes_nothing_and_the_sealer_seals_by_itself(film: Place) -> None:
    before = film.run("status", "--json").json
    data, english, chinese = both(film, "up", "--no-kafka")
    assert data.json["sealer_pid"] == before["sealer"]
    assert "up: database" in english.out and "已启动" in chinese.out
    film.run("identify", film.write("more.txt", fresh())).ok()
    after = film.run("status", "--json").json
    assert after["sealed_size"] == after["ledger_size"] > before["ledger_size"]
    assert after["sealer"] == before["sealer"]


HEAVY = {"psycopg", "eventsourcing", "fastavro", "cryptography", "producers", "schemas"}


@pytest.mark.parametrize(
    ("asked", "heavy"),
    [
        (["--help"], HEAVY | {"pydantic"}),
        (["licence", "--help"], HEAVY),  # Typer itself reads the options before a group's name with pydantic
        (["party", "--help"], HEAVY),
        (["object"], HEAVY),
    ],
)
def test_help_starts_nothing_heavy(asked: list[str], heavy: set[str]) -> None:
    code = f"import sys; sys.argv = ['edgeprint', *{asked}]\nfrom infra.cli.main import run\n"
    code += "try:\n    run()\nexcept SystemExit:\n    pass\n"
    code += f"sys.stderr.write(repr(sorted({heavy} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "Usage: edgeprint" in done.stdout + done.stderr
    assert done.stderr.endswith("[]")


def test_two_homes_are_two_ledgers(film: Place) -> None:
    data = fresh()
    with place() as other:
        other.init()
        run = other.run("identify", other.write("x.txt", data), film.write("x.txt", data), "--json").ok().json
        assert run["duplicates"] == 1
        mine = film.run("identify", film.files / "x.txt", "--json").ok().json
        assert mine["duplicates"] == 0 and mine["objects"][0]["id"] != run["objects"][0]["id"]
        assert other.run("object", "show", mine["objects"][0]["id"]).code == 3
        assert film.run("find", other.files / "x.txt", "--home", other.home).code == 0
        assert film.run("ledger", "verify", "--home", other.home, "--json").json["size"] == run["ledger_size"]


def test_an_interrupt_says_that_nothing_acknowledged_is_lost(film: Place) -> None:
    for number in range(2_000):
        film.write(f"long/{number}.txt", f"{number} {os.getpid()}")
    process = film.start("identify", film.files / "long")
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    process.send_signal(2)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"interrupted" in err and b"Traceback" not in err
    (known,) = objects_in(line)
    shown = film.run("object", "show", known, "--json").ok().json
    assert shown["history"][0]["index"] > 0
    until(lambda: _sealed_all(film), "the sealer to catch up")
    assert len(re.findall(r"^quarantined", out.decode(), re.M)) < 2_000


def _sealed_all(film: Place) -> bool:
    state = film.run("status", "--json").json
    return bool(state["ledger_size"] == state["sealed_size"])


def test_json_is_one_value_that_other_programs_can_read(film: Place) -> None:
    answer = film.run("identify", film.write("中文/镜头.txt", fresh()), "--json").ok()
    assert "镜头.txt" in answer.out
    assert json.loads(answer.out)["objects"][0]["path"].endswith("中文/镜头.txt")
