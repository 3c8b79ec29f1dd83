"""What docs/formats.md section 14 says of --json is what the commands print."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from docs.registry import registry_page
from infra.cli.verbs import VERB_OF
from tests.docs.console import Shell, Step
from tests.docs.pages import ROOT, text
from tests.rights_kit import FILM_JSON

ROW = re.compile(r"^\| (`.+`.*?) \| ([a-z_0-9, ]+) \|$", re.MULTILINE)
VERBS = "`command` and every verb over it (docs/reference/commands.md)"
PLAN = (
    ("`init`", "init"),
    ("`identify`", "identify film/project nowhere # exit 4"),
    ("`declare own-creation`", "declare own-creation film/project/props"),
    ("`title show`", "title show $(cat title)"),
    ("`object show`, `find`", "find film/project/props/lantern.obj"),
    ("`object show`, `find`", "object show $(cat id)"),
    ("`blob put`", "blob put film/project/props/lantern.obj"),
    (
        VERBS,
        "case report --object $(cat id) --place film/README.md --seen-at 2020-01-01T00:00:00Z "
        "--capture $(sha256sum <film/project/props/lantern.obj | cut -c 1-64)",
    ),
    ("`case show`", "case show $(cat case)"),
    ("`case custody`", "case custody $(cat case)"),
    (VERBS, "template define --name previs"),
    ("`trade balance`", "trade balance"),
    ("`template show`", "template show $(cat template)"),
    (
        VERBS,
        "resource enrol --pool local --country CN --security-level 2 --accelerators 0 --accelerator-memory-mib 0 "
        "--memory-mib 1",
    ),
    ("`resource show`", "resource show $(cat resource)"),
    (VERBS, "subject declare $(cat holder) --name film/README.md"),
    ("`vault open`", "vault open $(cat committed) name"),
    ("`vault verify-opening`", "vault verify-opening answer.opening --entry answer.entry"),
    (VERBS, "capability describe --name posterise --kind algorithm"),
    ("`capability show`", "capability show $(cat capability)"),
    (VERBS, "party enrol --kind person"),
    (
        VERBS,
        "grant record --kind grant --title $(cat title) --grantee $(cat person) --scope scope.json "
        f"--allocation ordinary --terms {'ab' * 32}",
    ),
    ("`grant show`", "grant show $(cat grant)"),
    ("`title show`", "title show $(cat title)"),
    ("`rights check`", "rights check $(cat id) --for scope.json"),
    ("`rights to-odrl`", "rights to-odrl scope.json --target $(cat id) --assigner $(cat person) --out policy.json"),
    ("`rights from-odrl`", "rights from-odrl policy.json"),
    ("`rights impact`", "rights impact $(cat title)"),
    ("`command --dry-run`", "party enrol --kind agent --dry-run"),
    ("`party show`", "party show $(cat holder)"),
    ("`policy show`", "policy show trace-set"),
    ("`identify`", "identify film/made.txt"),
    ("`declare own-creation`", "declare own-creation novel.txt"),
    ("`identify`", "identify novel.txt"),
    (VERBS, "party new-key $(cat person)"),
    (
        VERBS,
        "licence offer --object $(cat novel) --title $(cat title) --scope flat.json "
        "--terms $(sha256sum <flat.json | cut -c 1-64) --until 2035-01-01T00:00:00Z",
    ),
    (VERBS, "licence request $(cat licence) --as $(cat person) --key $(cat vkey) --scope flat.json"),
    ("`trade plan`", "trade plan $(cat novel) --currency XXX"),
    (VERBS, "licence issue $(cat licence) --plan $(cat plan)"),
    ("`licence show`", "licence show $(cat licence)"),
    ("`licence token`", "licence token $(cat licence) --out token"),
    (
        "`licence present`",
        "licence present token --disclose uses --audience a --nonce n --out shown "
        "--key $(ls -d home/keys/parties/*/* | tail -n 1)",
    ),
    ("`licence status`", "licence status $(cat licence) --out status"),
    (
        "`licence verify`",
        "licence verify shown --policy home/policy --status status --audience a --nonce n --at 2027-01-01T00:00:00Z",
    ),
    ("`asset list`", "asset list --limit 1"),
    ("`asset show`", "asset show $(cat id)"),
    ("`asset history`", "asset history $(cat id)"),
    ("`asset lineage`", "asset lineage $(cat id)"),
    ("`asset impact`", "asset impact $(cat id)"),
    ("`asset paths`", "asset paths $(cat id) $(cat id)"),
    ("`asset uses`", "asset uses $(cat id)"),
    ("`asset common`", "asset common $(cat id) $(cat made)"),
    ("`comply status`", "comply status"),
    ("`projection list`", "projection list"),
    ("`projection rebuild`", "projection rebuild genealogy"),
    ("`projection digest`", "projection digest genealogy"),
    ("`projection retry`", "projection retry genealogy"),
    ("`replay`", "replay --projection ledger"),
    ("`diff`", "diff $(cat born) $(cat judged)"),
    ("`decision explain`", "decision explain $(cat judged)"),
    ("`ledger status`", "ledger status"),
    ("`ledger verify`", "ledger verify"),
    ("`ledger proof`", "ledger proof 1 --out proof --entry-out entry"),
    ("`ledger verify-proof`", "ledger verify-proof proof --policy home/policy --entry entry"),
    ("`ledger entry`", "ledger entry 1"),
    ("`ledger export-vkey`", "ledger export-vkey"),
    ("`ledger clock-reset`", "ledger clock-reset --reason test"),
    ("`ledger restore`", "ledger restore"),
    ("`up`", "up"),
    ("`status`", "status"),
    ("`topic create`", "topic create"),
    ("`topic list`, `topic check`: one of the list", "topic check"),
    ("`topic verify`", "topic verify --at-least 1"),
    ("`consumer run`", "consumer run mirror --once"),
    ("`consumer status`", "consumer status mirror --digest"),
    ("`consumer run`", "consumer run views --once"),
    ("`consumer status`", "consumer status views --digest"),
    ("`consumer rewind`", "consumer rewind mirror --to-index 0"),
    ("`dlq list`", "dlq list mirror"),
    ("`dlq retry`", "dlq retry mirror"),
    ("`topic tail`, one object a line", "topic tail -n 1"),
    ("`dev kafka start`, `dev kafka status`, `dev kafka stop`", "dev kafka status"),
    ("`dev corpus`", "dev corpus --objects 5 --more"),
    ("`fsck`", "fsck"),
    ("`doctor`: one of the list", "doctor"),
    ("`schema list`: one of the list", "schema list"),
    ("`schema build`", "schema build --check"),
    ("`down`", "down"),
)


def documented() -> dict[str, list[str]]:
    section = text("formats.md").partition("\n## 14.")[2]
    return {command: members.split(", ") for command, members in ROW.findall(section)}


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, Any]]]:
    folder = tmp_path_factory.mktemp("json")
    shutil.copytree(ROOT / "examples" / "film", folder / "film")
    (folder / "scope.json").write_text(json.dumps(FILM_JSON))
    (folder / "flat.json").write_text(json.dumps({**FILM_JSON, "sublicence_depth": 0}))
    (folder / "novel.txt").write_text("a novel")
    answers = []
    with Shell(folder) as shell:
        shell.run(Step("export EDGEPRINT_HOME=$PWD/home EDGEPRINT_STATE=$PWD/state", 0, (), "settings"))
        for name, command in PLAN:
            arguments, _, wanted = command.partition(" # exit ")
            code = int(wanted or 0)
            shell.run(Step(f"edgeprint {arguments} --json >answer 2>stderr", code, (), command))
            answer = json.loads((folder / "answer").read_bytes())
            if "holder" in answer and "ledger" in answer and not (folder / "holder").exists():
                (folder / "holder").write_text(answer["holder"])
            if "taken" in answer:
                (folder / "born").write_text(str(answer["objects"][0]["first_index"]))
                (folder / "judged").write_text(str(answer["objects"][0]["last_index"]))
            if "titles" in answer:
                (folder / "title").write_text(answer["titles"][0]["id"])
            kinds = {"template": "T", "resource": "U", "capability": "C", "person": "P", "grant": "R", "case": "F"}
            kinds |= {"licence": "L"}
            for name_of, letter in kinds.items():
                if "stream" in answer and f"/{letter}." in str(answer["stream"]):
                    (folder / name_of).write_text(answer["stream"])
            if command == "identify novel.txt":
                (folder / "novel").write_text(answer["objects"][0]["id"])
            if command.startswith("party new-key"):
                (folder / "vkey").write_text(answer["events"][0]["event"]["key"])
            if command.startswith("subject declare"):
                (folder / "committed").write_text(str(answer["first_index"]))
                shell.run(Step(f"edgeprint ledger entry {answer['first_index']} --out answer.entry", 0, (), command))
            if name == "`vault open`":
                shutil.copy(folder / "answer", folder / "answer.opening")
            if command.endswith("made.txt"):
                (folder / "made").write_text(answer["objects"][0]["id"])
            if command.startswith("trade plan"):
                (folder / "plan").write_text(answer["plan"])
            if "trace_set" in answer:
                (folder / "id").write_text(answer["id"])
                (folder / "film" / "made.txt").write_text("made of it")
                parents = [{"object": answer["id"], "relation": "made_from"}]
                sidecar = {
                    "format": "edgeprint/sidecar/1",
                    "file": "made.txt",
                    "origin": "imported",
                    "parents": parents,
                }
                (folder / "film" / "made.txt.edgeprint.json").write_text(json.dumps(sidecar))
            answers.append((name, answer))
        yield answers


def test_members_are_those_documented_in_their_order(printed: list[tuple[str, Any]]) -> None:
    table = documented()
    for name, answer in printed:
        assert list(answer[0] if isinstance(answer, list) else answer) == table[name], name


def test_members_of_lists(printed: list[tuple[str, Any]]) -> None:
    table = documented()
    seen = set()
    for name, members in table.items():
        command, separator, member = name.partition(": one of `")
        if not separator:
            continue
        member = member.rstrip("`")
        commands = command.split(", ") if "declare" in command else [command]
        for found, answer in printed:
            if found in commands and answer.get(member):
                assert list(answer[member][0]) == members, name
                seen.add(name)
    assert seen == {name for name in table if ": one of `" in name}


def test_every_command_with_json_has_a_row() -> None:
    commands = subprocess.run(
        ["grep", "-o", "^## edgeprint .*", str(ROOT / "docs" / "reference" / "cli.md")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    named = {part.strip("`") for row in documented() for part in row.split(": ")[0].split(", ") if part[0] == "`"}
    missing = {c.removeprefix("## edgeprint ") for c in commands} - named
    registry_page()  # asks every group for its verbs
    verbs = set(VERB_OF.values()) | {"command", "party new-key"}  # these have one row in common
    assert missing == verbs | {"demo", "schema show"}  # demo prints what identify prints, a schema is JSON already
