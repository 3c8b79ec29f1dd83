"""`edgeprint schema build --check`, a step of `make check`: it fails on versions that are not compatible, by itself.

Each test works on a copy of the program in which an event class became version 2.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "schemas", "producers", "consumers", "projections", "infra")
EVENT = "edgeprint.governance.PartyEnrolled"
FIELD = '    kind: A[PartyKind, Doc("what the party is")]\n'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a copy of the program with PartyEnrolled as version 2, its fields as they were."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(tmp_path, f'@fact("{EVENT}", stream="P")', f'@fact("{EVENT}", stream="P", version=2)')
    return tmp_path


def change(program: Path, old: str, new: str) -> None:
    path = program / "domain" / "governance" / "events.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def build(program: Path, *options: str) -> tuple[int, str]:
    """Return the exit code and output of the step that the Makefile runs."""
    ended = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "schema", "build", *options],
        cwd=program,
        env=os.environ | {"PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_makefile_runs_this_step() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert "-m infra.cli.main schema build --check" in recipe


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("", "expected no field to go, found kind gone"),
        (FIELD.replace("kind", "sort", 1), "expected the field to stay in its place, found sort"),
        (FIELD + '    rank: A[int, Doc("its rank")]\n', "expected a default for a new field"),
        ('    kind: A[str, Doc("what the party is", low=1, high=9)]\n', "expected the type enum"),
    ],
)
def test_an_incompatible_version_fails(program: Path, field: str, said: str) -> None:
    change(program, FIELD, field)
    for options in (("--check",), ()):
        code, output = build(program, *options)
        assert (code, f"version 2 against version 1: {EVENT}" in output, said in output) == (1, True, True), output
    assert not (program / "schemas" / "governance" / "PartyEnrolled.v2.avsc").exists()


def test_a_compatible_version_fails_until_it_is_generated(program: Path) -> None:
    change(program, FIELD, FIELD + '    rank: A[int | None, Doc("its rank; null if it has none")] = None\n')
    code, output = build(program, "--check")
    assert (code, "found others: digests.json, governance/PartyEnrolled.v2.avsc" in output) == (1, True), output
    assert build(program)[0] == 0
    assert build(program, "--check")[0] == 0
