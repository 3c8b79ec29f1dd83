"""A million events: the cost of one more stays flat, the whole way holds, and every file of the tree verifies."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.soak
def test_an_event_costs_the_same_at_a_million(tmp_path: Path) -> None:
    assert "1,000,000" in bench("bench.append", "--growth", "--dir", str(tmp_path))


@pytest.mark.soak
def test_a_million_entries_are_sealed_and_verify(tmp_path: Path) -> None:
    said = bench("bench.ingest", "--entries", "1000000", "--dir", str(tmp_path))
    assert "clean" in said, said
