"""The seeded stock of the benchmark: the same for one seed, shaped as it says, and the table it prints."""

from collections import Counter
from pathlib import Path

import pytest

from bench.genealogy import FILM_OBJECTS, LEDGER, TEXTURES, TRAINING_SHARE, Stock, ask, build, main, spread, widest
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge, Node
from projections.genealogy.snapshot import save

OBJECTS = 6_000
SEED = 11


@pytest.fixture(scope="module")
def genealogy() -> Genealogy:
    return build(OBJECTS, SEED)


def test_one_seed_is_one_stock_and_another_is_another() -> None:
    assert list(Stock(1_000, SEED).facts()) == list(Stock(1_000, SEED).facts())
    assert list(Stock(1_000, SEED).facts()) != list(Stock(1_000, SEED + 1).facts())


def test_the_stock_has_training_sets_films_versions_and_findings() -> None:
    facts = list(Stock(OBJECTS, SEED).facts())
    births: list[tuple[Node, list[Edge]]] = [fact for fact in facts if not isinstance(fact, Edge)]
    assert len(births) == OBJECTS
    relations = Counter(edge.relation for _, edges in births for edge in edges)
    assert {"trained_on", "prompted_by", "revision_of", "includes", "made_from", "rendered_from"} <= set(relations)
    models = [edges for node, edges in births if node.kind == "model"]
    taught = [sum(edge.relation == "trained_on" for edge in edges) for edges in models]
    assert taught[0] == OBJECTS // TRAINING_SHARE and len(models) >= 3
    kinds = Counter(node.kind for node, _ in births)
    assert kinds["texture"] == TEXTURES and {"shot", "timeline", "mesh", "image"} <= set(kinds)
    assert len({node.project for node, _ in births}) >= OBJECTS // FILM_OBJECTS
    found = [fact for fact in facts if isinstance(fact, Edge)]
    assert len(found) == OBJECTS // 1_000 - 1 and {edge.relation for edge in found} == {FOUND}


def test_the_stock_is_what_the_index_accepts(genealogy: Genealogy) -> None:
    assert len(genealogy) == OBJECTS
    most, count = widest(genealogy)
    assert count == len(genealogy.descendants(most)) > OBJECTS // 2


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask little: what is printed is looked at here, not how long it took."""
    monkeypatch.setattr("bench.genealogy.ASKED", 10)


@pytest.mark.usefixtures("few")
def test_the_table_names_each_target(genealogy: Genealogy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(b"".join(save(genealogy, LEDGER)))
    verdicts = ask(path, SEED)
    assert [target.split(" <", 1)[0] for target in verdicts] == [
        "ancestors p95",
        "folded lineage p95",
        f"impact of {widest(genealogy)[1]:,}",
        "snapshot start",
        "process",
        "as of the middle",
    ]
    said = capsys.readouterr().out
    assert all(line in said for line in ("read snapshot", "ancestors", "folded lineage", "impact, most descendants"))


@pytest.mark.usefixtures("few")
def test_the_reading_process_ends_with_its_verdict(
    genealogy: Genealogy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(b"".join(save(genealogy, LEDGER)))
    monkeypatch.setattr("sys.argv", ["genealogy", "--read", str(path), "--gate", "--seed", str(SEED)])
    monkeypatch.setattr("bench.genealogy.RSS_MB_MAX", 0.0)
    assert main() == 1
    assert "MISSED process < 0 MB" in capsys.readouterr().out


def test_a_line_of_the_table_has_its_percentile(capsys: pytest.CaptureFixture[str]) -> None:
    assert spread("work", [float(at) for at in range(1, 101)]) == pytest.approx(95.95)
    assert capsys.readouterr().out.split()[:4] == ["work", "50.50", "95.95", "100.00"]
