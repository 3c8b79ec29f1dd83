"""Docs and program name the same things: commands, targets, settings, events, errors, limits, links, words."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import typer

from docs.build import PAGES, build
from domain.errors import LedgerError
from infra.cli.main import app
from infra.cli.output import exit_code
from producers.registry import REGISTRY
from schemas.catalogue import CATALOGUE
from schemas.requests import parse_request, request_record, request_schema
from tests.docs.pages import DOCS, ROOT, pages, text, without_blocks

SOURCES = ("domain", "schemas", "producers", "consumers", "projections", "infra")
LINK = re.compile(r"\]\(([^)\s]+)\)")
INVOKED = re.compile(r"\bedgeprint((?: [a-z][a-z-]*)+)")
MAKE = re.compile(r"(?:^|`|\$ )make ((?:[A-Z_]+=\S+ )*)([a-z]+)", re.MULTILINE)
PAGE_NAMES = [str(page.relative_to(ROOT)) for page in pages()]


def sources() -> list[Path]:
    return [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]


def commands() -> dict[str, set[str]]:
    """Return every command of the program with its options."""

    def walk(command: object, name: str) -> dict[str, set[str]]:
        if hasattr(command, "commands"):
            found: dict[str, set[str]] = {}
            for part, inner in command.commands.items():
                found |= walk(inner, f"{name} {part}".strip())
            return found
        return {name: {option for p in command.params for option in p.opts}}  # type: ignore[attr-defined]

    return walk(typer.main.get_command(app), "")


def test_generated_pages_are_up_to_date() -> None:
    assert build(check=True) == []
    assert all((DOCS / name).exists() for name in PAGES)


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_command_named_exists(name: str) -> None:
    known = commands()
    groups = {command[:at] for command in known for at, letter in enumerate(command) if letter == " "}
    page = (ROOT / name).read_text(encoding="utf-8")
    for code in re.findall(r"`([^`\n]+)`|^\$ (.+)$|^    (edgeprint .+)$", page, re.MULTILINE):
        for words in INVOKED.findall("".join(code)):
            command, *rest = words.split()
            while command in groups and rest:
                command = f"{command} {rest.pop(0)}"
            assert command in known or command in groups, f"{name}: edgeprint {command}"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_option_named_exists(name: str) -> None:
    known = set().union(*commands().values()) | {"--help"}
    page = (ROOT / name).read_text(encoding="utf-8")
    for code in re.findall(r"`(edgeprint [^`\n]+)`|^\$ (edgeprint .+)$", page, re.MULTILINE):
        for option in re.findall(r"(?<=\s)--[a-z-]+", "".join(code).split(" | ")[0]):
            assert option in known, f"{name}: {option}"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_make_target_named_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for _, target in MAKE.findall((ROOT / name).read_text(encoding="utf-8")):
        assert target in targets, f"{name}: make {target}"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_internal_link_resolves(name: str) -> None:
    page = ROOT / name
    for target in LINK.findall(without_blocks(page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        assert place.exists(), f"{name}: {target}"
        if anchor and place.suffix == ".md":
            titles = re.findall(r"^#+ (.+)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, f"{name}: {target}"


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_file_of_the_repository_named_exists(name: str) -> None:
    page = without_blocks((ROOT / name).read_text(encoding="utf-8"))
    for path in re.findall(r"`((?:[a-z_]+/)+[\w.-]*)`", page):
        if path.split("/")[0] in (*SOURCES, "docs", "examples", "tests", "bench"):
            assert (ROOT / path).exists(), f"{name}: {path}"


def test_every_command_is_in_the_reference() -> None:
    page = text("reference/cli.md")
    for command, options in commands().items():
        section = re.search(rf"^## edgeprint {re.escape(command)}$(.*?)(?=^## |\Z)", page, re.M | re.S)
        assert section, command
        for option in options:
            if option.startswith("--") and option != "--help":
                assert option in section.group(1), f"{command} {option}"


def test_every_event_and_field_is_in_the_reference() -> None:
    page = text("reference/events.md")
    for name, schema in CATALOGUE.by_type.items():
        assert re.search(rf"^## {re.escape(name)}$", page, re.MULTILINE), name
        assert schema.sha256.hex() in page, name


def test_every_setting_is_in_operations() -> None:
    shown = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", text("operations.md").partition("## Settings")[2]))
    docstring = importlib.import_module("infra.settings").__doc__ or ""
    table = {name for row in re.findall(r"^\| ([A-Z_, ]+) \|", docstring, re.MULTILINE) for name in row.split(", ")}
    read = set()
    for path in sources():
        code = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"\"(EDGEPRINT_[A-Z_]+)\"", code))
        read |= set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", code))
    inherited = {"PATH", "LD_LIBRARY_PATH"}  # handed on to PostgreSQL's programs, no settings of ours
    assert (table | read) - inherited - shown == set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for name in re.findall(r"environ(?:\.get\(|\[)\"(EDGEPRINT_[A-Z_]+)\"", path.read_text(encoding="utf-8")):
            assert name in shown, f"{path}: {name}"


def error_classes() -> set[type[Exception]]:
    found: set[type[Exception]] = set()
    for path in sources():
        names = [
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ClassDef) and node.bases and not node.name.startswith("_")
        ]
        if not names:
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        found |= {
            cls
            for cls in (getattr(module, name) for name in names)
            if inspect.isclass(cls) and issubclass(cls, Exception)
        }
    return found


def test_every_error_class_is_in_operations_beside_its_exit_code() -> None:
    section = text("operations.md").partition("## Exit codes")[2].partition("## Limits")[0]
    rows = dict(re.findall(r"^\| (\d+) \| .+? \|(.*)\|$", section, re.MULTILINE))
    for cls in error_classes():
        assert f"`{cls.__name__}`" in section, cls.__name__
        for code, named in rows.items():
            if f"`{cls.__name__}`" in named and cls.__name__ != "FileRefused" and issubclass(cls, LedgerError):
                assert exit_code(cls.__new__(cls)) == int(code), cls.__name__
    documented = importlib.import_module("infra.cli.output").__doc__ or ""
    assert set(re.findall(r"\b(\d+) [a-z]", documented)) == set(rows)


def test_every_limit_is_the_one_in_the_code() -> None:
    section = text("operations.md").partition("## Limits")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| .+? \| (\d+)[^|]* \| `([\w.]+)\.([A-Z0-9_]+)` \|$", section, re.MULTILINE)
    assert len(rows) >= 15
    for value, module, constant in rows:
        assert getattr(importlib.import_module(module), constant) == int(value), f"{module}.{constant}"


def test_every_message_of_the_sealer_that_is_explained_is_one_that_it_writes() -> None:
    section = text("operations.md").partition("## When the sealer stops")[2].partition("\n## ")[0]
    code = " ".join(
        (ROOT / name).read_text(encoding="utf-8")
        for name in (
            "producers/sealer.py",
            "producers/sealer_growth.py",
            "infra/sealer/process.py",
            "infra/sealer/database.py",
            "infra/keys/format.py",
        )
    )
    joined = re.sub(r"\"\s+f?\"", "", code)
    fragments = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(fragments) >= 10
    for fragment in fragments:
        assert fragment in joined, fragment


def test_decisions_are_numbered_without_a_gap_and_complete() -> None:
    files = sorted((DOCS / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    for path in files:
        page = path.read_text(encoding="utf-8")
        assert re.match(
            rf"# {path.name[:4]}\. .+\n\nStatus: (accepted|superseded by \d{{4}}), \d{{4}}-\d\d-\d\d\n", page
        )
        headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
        assert headings == ["Context", "Options", "Decision", "Consequences"], path.name
        assert len(page.split()) < 400, f"{path.name}: half a page"


def test_the_glossary_is_sorted_complete_and_used() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\*[^|]* \| (.+?) \| (.+?) \|$", text("glossary.md"), re.MULTILINE)
    words = [word.lower() for word, _, _ in rows]
    assert words == sorted(words)
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) and meaning for _, chinese, meaning in rows)
    ruled = {"checkpoint", "cursor", "proof", "receipt", "index", "size", "title", "grant", "witness", "sealed"}
    assert ruled - set(words) == set()


def test_words_that_the_style_guide_rules_out_are_not_used() -> None:
    for page in pages():
        prose = without_blocks(page.read_text(encoding="utf-8")).lower()
        for word in ("blockchain", "immutable ledger", "seamless", "cutting-edge"):
            assert word not in prose, f"{page}: {word}"


def test_docstring_examples_of_the_domain_run() -> None:
    modules = [path for path in sources() if ">>>" in path.read_text(encoding="utf-8")]
    for path in modules:
        ended = subprocess.run([sys.executable, "-m", "doctest", str(path)], cwd=ROOT, capture_output=True, check=False)
        assert ended.returncode == 0, ended.stdout.decode()


def test_module_examples_of_formats_are_those_of_the_page() -> None:
    """What a module's docstring gives as its complete real example stands in docs/formats.md, byte for byte."""
    page = "\n".join(line.strip() for line in text("formats.md").splitlines())
    for module in ("checkpoint", "proof", "policy"):
        docstring = inspect.getdoc(importlib.import_module(f"domain.ledger.{module}")) or ""
        block = inspect.cleandoc("    " + docstring.split("Example")[-1].split("\n\n", 1)[1])
        assert "\n".join(line.strip() for line in block.splitlines()) in page, module
    assert (importlib.import_module("domain.ids").__doc__ or "").strip().splitlines()[-1].strip() in page
    key = re.search(r"PRIVATE\+KEY\+film\S+", importlib.import_module("infra.keys.format").__doc__ or "")
    assert key and key.group() in page


def test_every_command_of_the_registry_is_in_its_reference_with_an_input_that_is_read() -> None:
    page = text("reference/commands.md")
    for spec in REGISTRY:
        section = re.search(rf"^## {spec.command.NAME}$(.*?)(?=^## |\Z)", page, re.M | re.S)
        assert section, spec.command.NAME
        example = re.search(r"^```json\n(.+)\n```$", section.group(1), re.M)
        assert example, spec.command.NAME
        jsonschema.validate(json.loads(example.group(1)), request_schema(spec.command))
        assert isinstance(parse_request(spec.command, example.group(1).encode(), "10.5072"), spec.command)
        for field in request_record(spec.command).fields:
            assert f"| `{field.name}` |" in section.group(1), f"{spec.command.NAME} {field.name}"
        for event in spec.events:
            assert f"`{event.TYPE}`" in section.group(1), f"{spec.command.NAME} {event.TYPE}"


def test_every_event_is_on_the_map_and_in_the_domain_page() -> None:
    page, drawn = text("domain.md"), text("domain-map.svg")
    for name, schema in CATALOGUE.by_type.items():
        short = name.rpartition(".")[2]
        assert f"| {short} |" in page and f">{short}</text>" in drawn, name
        for spec in REGISTRY:
            if schema.event_class in spec.events:
                assert f"`{spec.command.NAME}`" in page


def test_every_row_of_the_mission_says_what_shows_it_or_that_nothing_does_yet() -> None:
    rows = re.findall(r"^\| ([MD]\d+) \|.*\| ([^|]+) \|$", text("mission.md"), re.MULTILINE)
    assert [name for name, _ in rows] == [*(f"M{n}" for n in range(1, 91)), *(f"D{n}" for n in range(1, 5))]
    for name, shown in rows:
        assert "`edgeprint " in shown or shown.startswith("not yet: "), name


def test_every_event_says_who_writes_it_and_shows_an_example() -> None:
    page = text("reference/events.md")
    for name, schema in CATALOGUE.by_type.items():
        section = re.search(rf"^## {re.escape(name)}$(.*?)(?=^## |\Z)", page, re.M | re.S)
        assert section and re.search(r"^By: \S", section.group(1), re.M), name
        for spec in REGISTRY:
            assert (schema.event_class in spec.events) == (f"(commands.md#{spec.command.NAME})" in section.group(1)), (
                name
            )
        example = re.search(r"^For example, as JSON: `(.+)`$", section.group(1), re.M)
        fields = [field.name for field in schema.record.fields]
        assert (list(json.loads(example.group(1))) if example else []) == fields, name
