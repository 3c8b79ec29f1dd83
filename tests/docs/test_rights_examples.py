"""The files of examples/rights are what commands take, and each is used and listed."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from domain.rights.scope import contained
from domain.rights.scope_json import parse_scope, scope_json
from tests.docs.pages import ROOT

FOLDER = ROOT / "examples" / "rights"
SCOPES = sorted((FOLDER / "scopes").glob("*.json"))
SCRIPTS = sorted(FOLDER.glob("*.sh"))


def scope(name: str) -> object:
    return json.loads((FOLDER / "scopes" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", SCOPES, ids=lambda path: path.stem)
def test_a_scope_is_written_as_a_command_takes_it(path: Path) -> None:
    found = scope(path.stem)
    assert scope_json(parse_scope(found)) == found


def test_what_is_asked_of_the_film_lies_in_its_grant_and_one_does_not() -> None:
    granted = parse_scope(scope("novel-to-film"))
    assert contained(parse_scope(scope("cinema")), granted)
    assert not contained(parse_scope(scope("cinema-us")), granted)
    assert not contained(parse_scope(scope("poster-licence")), parse_scope(scope("pictures-to-model")))
    assert contained(parse_scope(scope("poster-research")), parse_scope(scope("pictures-to-model")))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_bash_and_the_page_runs_it(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    page = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    assert f"\n$ . examples/rights/{path.name}\n" in page
    assert path.name in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_file_is_used() -> None:
    page = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    told = page + "".join(path.read_text(encoding="utf-8") for path in (*SCRIPTS, FOLDER / "people.py"))
    for folder in ("works", "scopes", "papers", "money", "secrets"):
        for path in (FOLDER / folder).iterdir():
            if path.name.endswith(".edgeprint.json"):
                continue
            used = path.stem if folder == "scopes" else path.name
            assert re.search(rf"\b{re.escape(used)}\b", told), f"{path.relative_to(FOLDER)} is used nowhere"
