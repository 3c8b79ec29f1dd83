"""Somebody else's program verifies what the command line made: the static tree and the exported vkey, nothing else."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import tlog_client
from tests.e2e.tlog_client import Refused, verify

ROOT = Path(__file__).parents[2]
ORIGIN = "film-ledger.example/e2e"
FILES = 90  # three entries each: more than one full tile


def edgeprint(*arguments: str, home: Path) -> str:
    environ = {
        **os.environ,
        "EDGEPRINT_HOME": str(home),
        "EDGEPRINT_STATE": str(home.parent / "state"),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
    }
    environ.pop("DATABASE_URL", None)
    ended = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"{arguments}: {ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ledger of more than 256 entries with several checkpoints, as a user would have it."""
    base = tmp_path_factory.mktemp("tlog")
    home = base / "home"
    try:
        edgeprint("init", "--origin", ORIGIN, home=home)
        for part in ("one", "two"):
            (base / part).mkdir()
            for n in range(FILES // 2):
                (base / part / f"note-{n:03}.txt").write_text(f"scene {part} {n}\n")
            edgeprint("identify", str(base / part), home=home)
        yield home
    finally:
        edgeprint("down", "--purge", "--yes", home=home)


@pytest.fixture(scope="module")
def vkey(home: Path) -> str:
    return edgeprint("ledger", "export-vkey", home=home).strip()


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "tlog", tmp_path / "tlog"))


def test_a_strangers_client_verifies_the_whole_tree(home: Path, vkey: str) -> None:
    found = verify(home / "tlog", vkey)
    assert found.origin == ORIGIN
    assert found.size == len(found.entries) > 256
    assert found.files == 5  # two bundles, tile/0/000, the partial tile beside it, tile/1/000.p/1
    shown = edgeprint("ledger", "status", home=home).split()
    assert shown[1::2] == [ORIGIN, str(found.size), found.root.hex()]


def test_the_entries_it_reads_are_those_of_the_command_line(home: Path, vkey: str, tmp_path: Path) -> None:
    entries = verify(home / "tlog", vkey).entries
    for index in (0, 255, 256, len(entries) - 1):
        edgeprint("ledger", "entry", str(index), "--out", str(tmp_path / "entry"), home=home)
        assert (tmp_path / "entry").read_bytes() == entries[index]


def test_every_file_that_the_checkpoint_asks_for_is_checked(copy: Path, vkey: str) -> None:
    size = verify(copy, vkey).size
    wanted = [path for level in ("entries", "0") for path in tlog_client.paths(level, size)]
    for path in ["checkpoint", "tile/1/000.p/1", *wanted]:
        genuine = (copy / path).read_bytes()
        middle = len(genuine) // 2 if path != "checkpoint" else 3
        (copy / path).write_bytes(genuine[:middle] + bytes([genuine[middle] ^ 1]) + genuine[middle + 1 :])
        with pytest.raises(Refused):
            verify(copy, vkey)
        (copy / path).unlink()
        with pytest.raises((Refused, FileNotFoundError)):
            verify(copy, vkey)
        (copy / path).write_bytes(genuine)
    verify(copy, vkey)


def test_a_key_of_somebody_else_is_refused(home: Path) -> None:
    other = "film-ledger.example/cn-east+c5329131+AYQYRrArDsJHJ6+Vnqi+ONJWOTde7+1y+zjeM9Cwcn6g"
    with pytest.raises(Refused, match="no signature"):
        verify(home / "tlog", other)


def test_the_client_imports_nothing_of_ours() -> None:
    tree = ast.parse(Path(tlog_client.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert foreign == {"cryptography"}
