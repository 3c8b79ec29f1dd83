"""What the tests of the documentation read: pages, named examples, tables, code in text."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def pages() -> list[Path]:
    """Return every Markdown page that a reader is sent to."""
    return sorted(path for path in [ROOT / "README.md", *DOCS.rglob("*.md")] if path.exists())


def text(name: str) -> str:
    """Return a page by its path under docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def example(page: str, name: str) -> str:
    """Return the fenced block behind `<!-- example: NAME -->`, without its last newline."""
    pattern = rf"<!-- example: {re.escape(name)} -->\n```\w*\n(.*?)\n```\n"
    found = re.findall(pattern, text(page) + "\n", re.DOTALL)
    if len(found) != 1:
        raise AssertionError(f"docs/{page}: expected one example {name!r}, found {len(found)}")
    return str(found[0])


def examples(page: str) -> list[str]:
    """Return the names of all examples of a page."""
    return re.findall(r"<!-- example: (\S+) -->", text(page))


def without_blocks(page: str) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)
