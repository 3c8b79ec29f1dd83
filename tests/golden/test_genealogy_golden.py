"""The golden files of the genealogy are what is written today, and say what the story says."""

import io
import json

import pytest

from domain.ids import LedgerId
from projections.genealogy.model import FOUND
from projections.genealogy.snapshot import load
from tests.genealogy_kit import LEDGER, Oracle, name, object_id
from tests.genealogy_readers import Told, read_dot, read_graphml, read_openlineage, read_prov
from tests.golden.genealogy.make_golden import FOCUS, FOLDER, golden, story

FILES = golden()
EDGES = sorted((edge.child, edge.parent, edge.relation) for edge in Oracle.at(story().facts, None).edges)


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_what_is_written_today(file: str) -> None:
    assert (FOLDER / file).read_bytes() == FILES[file]


def test_no_other_file_lies_there() -> None:
    found = {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"}
    assert found == set(FILES)


def told_of(file: str) -> Told:
    data = (FOLDER / file).read_bytes()
    if file.endswith(".prov.json"):
        return read_prov(data)
    if file.endswith(".graphml"):
        return read_graphml(data.decode())
    if file.endswith(".dot"):
        return read_dot(data.decode())
    return read_openlineage(data.splitlines())


@pytest.mark.parametrize("file", ["lineage.prov.json", "lineage.graphml", "lineage.dot", "lineage.openlineage.ndjson"])
def test_all_exports_tell_one_story(file: str) -> None:
    told = told_of(file)
    assert set(told.objects) == {name(object_id(number)) for number in range(8)}
    kinds = [told.objects[name(object_id(number))]["kind"] for number in range(8)]
    assert kinds == ["screenplay", "screenplay", "scan", "scan", "weights", "image", "mesh", "shot"]
    assert sorted(told.edges.elements()) == sorted(
        (name(child), name(parent), relation) for child, parent, relation in EDGES
    )


def test_the_job_and_the_finding_are_told_where_the_format_can() -> None:
    prov = json.loads(FILES["lineage.prov.json"])
    assert prov["activity"] == {f"job:{name(object_id(900))}": {}}
    runs = [json.loads(line) for line in FILES["lineage.openlineage.ndjson"].splitlines()]
    assert [event["job"]["name"] for event in runs if "job" in event] == [
        "make screenplay",
        "make weights",
        "make image",
        "make mesh",
        "make shot",
        "find derivation",
    ]
    assert next(event for event in runs if event.get("job", {}).get("name") == "make image")["run"] == {
        "runId": str(object_id(900))
    }


def test_the_snapshot_is_read_as_it_lies_there() -> None:
    data = bytes.fromhex((FOLDER / "genealogy.snapshot.hex").read_text(encoding="ascii"))
    genealogy = load(io.BytesIO(data), LedgerId(LEDGER))
    assert len(genealogy) == 8 and genealogy.position == 8
    oracle = Oracle.at(story().facts, None)
    assert set(genealogy.ancestors(FOCUS)) == oracle.ancestors(FOCUS)
    assert set(genealogy.descendants(FOCUS)) == oracle.descendants(FOCUS)
    assert [edge.relation for edge in genealogy.version_family(object_id(0)).edges] == ["revision_of"]
    assert any(edge.relation == FOUND for edge in oracle.edges)
