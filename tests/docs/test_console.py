"""README and docs are run: every console block, in the order of its page, in a temporary home."""

import shutil
from pathlib import Path

import pytest

from tests.docs.console import ROOT, Shell, Step, matches, steps_of

PAGES = sorted(path for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")] if path.exists())


@pytest.mark.parametrize("page", [p for p in PAGES if steps_of(p)], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_console_block_does_what_the_page_says(page: Path, tmp_path: Path) -> None:
    for name in ("film", "rights"):
        shutil.copytree(ROOT / "examples" / name, tmp_path / "examples" / name)
    with Shell(tmp_path) as shell:
        for step in steps_of(page):
            shell.run(step)


@pytest.mark.parametrize("name", ["tutorial.md", "reading.md", "rights.md"])
def test_the_pages_that_walk_through_are_among_them(name: str) -> None:
    assert len(steps_of(ROOT / "docs" / name)) > 15


def test_wildcards_stand_for_text_and_for_lines() -> None:
    assert matches(("a...c", "...", "end"), ["abc", "1", "2", "end"])
    assert matches(("...",), [])
    assert not matches(("a...c",), ["abd"])
    assert not matches(("abc",), ["abc", "more"])


def test_a_wrong_page_fails(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.run(Step("echo one; echo two >&2", 0, ("one", "two"), "here"))
        shell.run(Step("false  # exit 1", 1, (), "here"))
        with pytest.raises(AssertionError, match="printed"):
            shell.run(Step("echo one", 0, ("two",), "here"))
        with pytest.raises(AssertionError, match="ended with 3"):
            shell.run(Step("sh -c 'exit 3'", 0, (), "here"))
        with pytest.raises(AssertionError, match="ended with 2"):
            shell.run(Step("make no-such-target", 0, (), "here"))
