"""The shape of the repository: top-level names, who owns them, package docstrings, module sizes."""

import ast
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "projections", "consumers", "producers", "schemas", "infra", "tests")
BESIDE = {"docs", "examples", "bench"}
FILES = {"Makefile", "constraints.txt", "CHANGELOG.md", "README.md", "pyproject.toml"}
LINES_MAX = 500
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


def test_top_level_folders_are_exactly_those_of_the_architecture() -> None:
    found = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert found - {"build", "dist", "__pycache__"} == set(PACKAGES) | BESIDE
    assert all((ROOT / name).is_file() for name in FILES)
    assert (ROOT / ".ci" / "run").is_file()


@pytest.mark.parametrize("name", PACKAGES)
def test_top_level_names_resolve_here_and_belong_to_nobody_else(name: str) -> None:
    module = __import__(name)
    assert Path(str(module.__file__)).is_relative_to(ROOT)
    owners = set(packages_distributions().get(name, ())) - {"edgeprint"}
    if name == "tests":  # never installed; the oracle merkletools ships its own tests under this name
        owners -= {"merkletools"}
    assert not owners


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=str)
def test_every_package_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


def test_every_directory_of_modules_is_a_package() -> None:
    bare = {path.parent for path in SOURCES if not (path.parent / "__init__.py").exists()}
    assert not bare


@pytest.mark.parametrize("path", [p for p in SOURCES if not p.is_relative_to(ROOT / "tests")], ids=str)
def test_modules_stay_readable_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), f"{path} has no docstring"
    assert text.count("\n") <= LINES_MAX, f"{path} has {text.count(chr(10))} lines"


def test_nothing_that_is_shipped_imports_tests() -> None:
    for path in SOURCES:
        if path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.split(".")[0] in {"tests", "bench"} for name in names), f"{path}: {names}"


def test_domain_is_pure() -> None:
    banned = {"os", "sys", "time", "random", "secrets", "socket", "logging", "pathlib", "io", "subprocess", "threading"}
    for path in (ROOT / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & banned, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in banned, path


def test_the_tree_scale_of_tests_is_at_least_that_of_the_source() -> None:
    tests = [path for path in SOURCES if path.is_relative_to(ROOT / "tests")]
    assert sum(map(code_lines, tests)) >= sum(code_lines(path) for path in SOURCES if path not in tests)


def code_lines(path: Path) -> int:
    """Return how many lines hold code: neither blank, nor comment, nor docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not _is_docstring(node):
            end = node.body[0].lineno - 1 if hasattr(node, "body") and node.body else node.end_lineno
            lines.update(range(node.lineno, (end or node.lineno) + 1))
    return len(lines)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
