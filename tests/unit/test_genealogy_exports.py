"""What leaves the house: each format as its specification has it, and names that try to break out of it."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID
from xml.etree import ElementTree

import jsonschema
import pytest

from domain.errors import Invalid, NotFound
from projections.genealogy.dot import dot_text, to_dot
from projections.genealogy.extract import EXTRACT_MAX, Extract, extract
from projections.genealogy.graphml import to_graphml, xml_text
from projections.genealogy.model import FOUND
from projections.genealogy.openlineage import Source, to_openlineage
from projections.genealogy.prov import to_prov
from tests.genealogy_kit import Oracle, Story, film_story, name, node, object_id
from tests.genealogy_readers import GRAPHML, dot_statements

JOB = UUID(int=0x01937E3F2B5C7000800000000000A0B0)
NASTY = '"><script>alert(1)</script>&lt;\\N\n\x00片边 %41:a.'

EVENT_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {
        "facet": {
            "type": "object",
            "required": ["_producer", "_schemaURL"],
            "properties": {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri"}},
        },
        "facets": {"type": "object", "additionalProperties": {"$ref": "#/$defs/facet"}},
        "dataset": {
            "type": "object",
            "required": ["namespace", "name"],
            "properties": {
                "namespace": {"type": "string", "minLength": 1},
                "name": {"type": "string", "minLength": 1},
                "facets": {"$ref": "#/$defs/facets"},
                "inputFacets": {"$ref": "#/$defs/facets"},
                "outputFacets": {"$ref": "#/$defs/facets"},
            },
        },
        "run": {
            "required": ["run", "job"],
            "not": {"required": ["dataset"]},
            "properties": {
                "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
                "run": {"required": ["runId"], "properties": {"runId": {"format": "uuid"}}},
                "job": {"required": ["namespace", "name"]},
                "inputs": {"type": "array", "items": {"$ref": "#/$defs/dataset"}},
                "outputs": {"type": "array", "items": {"$ref": "#/$defs/dataset"}},
            },
        },
        "static": {
            "required": ["dataset"],
            "not": {"anyOf": [{"required": ["job"]}, {"required": ["run"]}]},
            "properties": {"dataset": {"$ref": "#/$defs/dataset"}},
        },
    },
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL"],
    "properties": {
        "eventTime": {"format": "date-time"},
        "producer": {"format": "uri"},
        "schemaURL": {"format": "uri", "pattern": "^https://openlineage.io/spec/2-0-2/OpenLineage.json#/"},
    },
    "oneOf": [{"$ref": "#/$defs/run"}, {"$ref": "#/$defs/static"}],
}
"""The required members of OpenLineage 2-0-2, written down by hand from its specification."""


def small() -> Extract:
    """A picture, its revision, a mesh made from both; found later: the first picture came from the mesh."""
    story = Story()
    story.born(0)
    story.born(1, revision_of=[0])
    story.born(2, "mesh", None, made_from=[0, 1], includes=[1])
    story.found(0, 2)
    return extract(story.told(), object_id(1))


def source(jobs: dict[UUID, UUID]) -> Source:
    def instant(index: int) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=index)

    return Source("https://example.org/edgeprint", "https://example.org/facets.json", "ledger:film", instant, jobs)


def events(lineage: Extract, jobs: dict[UUID, UUID]) -> list[dict[str, object]]:
    return [json.loads(line) for line in to_openlineage(lineage, name, source(jobs))]


def test_an_extract_is_the_lineage_with_its_edges() -> None:
    story, package = film_story()
    genealogy = story.told()
    whole = extract(genealogy, object_id(package))
    oracle = Oracle.at(story.facts, None)
    ids = oracle.ancestors(object_id(package)) | oracle.descendants(object_id(package)) | {object_id(package)}
    assert {one.object_id for one in whole.nodes} == ids and not whole.cut
    assert set(whole.edges) == {edge for edge in oracle.edges if {edge.child, edge.parent} <= ids}
    part = extract(genealogy, object_id(package), most=10)
    assert len(part.nodes) == 10 and part.cut and part.focus.object_id == object_id(package)
    kinds = [one.kind for one in part.nodes]
    assert kinds.count("timeline") == 3 and "grade" in kinds
    with pytest.raises(NotFound):
        extract(genealogy, object_id(package), position=3)
    with pytest.raises(Invalid):
        extract(genealogy, object_id(package), most=EXTRACT_MAX + 1)


def test_an_extract_as_of_a_position_knows_no_later_edge() -> None:
    story = Story()
    story.born(0)
    story.born(1, made_from=[0])
    at = story.found(0, 1)
    genealogy = story.told()
    assert [edge.relation for edge in extract(genealogy, object_id(0)).edges] == [FOUND, "made_from"]
    assert [edge.relation for edge in extract(genealogy, object_id(0), at - 1).edges] == ["made_from"]


def test_prov_json_has_entities_agents_and_derivations() -> None:
    document = json.loads(to_prov(small(), name))
    assert set(document) == {"prefix", "entity", "agent", "wasAttributedTo", "wasDerivedFrom"}
    first = f"object:{name(object_id(0))}"
    assert document["entity"][first]["prov:type"] == {"$": "term:image", "type": "prov:QUALIFIED_NAME"}
    assert document["entity"][first]["term:project"] == "film"
    assert "term:project" not in document["entity"][f"object:{name(object_id(2))}"]
    assert len(document["entity"]) == 3 and len(document["agent"]) == 3
    relations = sorted(json.dumps(one["prov:type"]) for one in document["wasDerivedFrom"].values())
    assert len(relations) == 5 and sum("prov:Revision" in one for one in relations) == 1
    sound(document)


def test_prov_json_names_the_job_where_it_is_known() -> None:
    document = json.loads(to_prov(small(), name, {object_id(2): JOB, object_id(99): JOB}))
    job = f"job:{name(JOB)}"
    assert document["activity"] == {job: {}}
    assert list(document["wasGeneratedBy"].values()) == [
        {"prov:entity": f"object:{name(object_id(2))}", "prov:activity": job}
    ]
    assert {one["prov:entity"] for one in document["used"].values()} == {
        f"object:{name(object_id(number))}" for number in (0, 1)
    }
    named = [one for one in document["wasDerivedFrom"].values() if one.get("prov:activity") == job]
    assert len(named) == 3
    sound(document)


def sound(document: dict[str, dict[str, dict[str, object]]]) -> None:
    """Hold what PROV-JSON asks for: known prefixes, local names of PROV-N, and no reference into the void."""
    declared = set(document["prefix"]) | {"prov", "_"}
    known = {key for part in ("entity", "agent", "activity") for key in document.get(part, {})}
    for part, records in document.items():
        if part == "prefix":
            continue
        for key, record in records.items():
            assert key.split(":", 1)[0] in declared
            assert re.fullmatch(r"[A-Za-z_]+:([A-Za-z0-9/._~-]|%[0-9A-F]{2})*([A-Za-z0-9/_~-]|%[0-9A-F]{2})", key), key
            for member, value in record.items():
                if member in {"prov:generatedEntity", "prov:usedEntity", "prov:entity", "prov:agent", "prov:activity"}:
                    assert value in known


def test_openlineage_has_one_event_for_each_birth_and_finding() -> None:
    found = events(small(), {object_id(2): JOB})
    for event in found:
        jsonschema.validate(event, EVENT_SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [event["schemaURL"].split("/")[-1] for event in found] == [  # type: ignore[attr-defined]
        "DatasetEvent",
        "RunEvent",
        "RunEvent",
        "RunEvent",
    ]
    assert [event["eventTime"] for event in found][-1] == "2026-01-02T00:00:03.000000Z"
    mesh = found[2]
    assert mesh["run"] == {"runId": str(JOB)} and mesh["job"] == {"namespace": "ledger:film", "name": "make mesh"}
    relations = {
        one["name"]: one["inputFacets"]["edgeprint_relation"]["relations"]
        for one in mesh["inputs"]  # type: ignore[attr-defined]
    }
    assert relations == {name(object_id(0)): ["made_from"], name(object_id(1)): ["includes", "made_from"]}
    assert found[1]["run"] == {"runId": str(object_id(1))}
    run = UUID(found[3]["run"]["runId"])  # type: ignore[index]
    assert run.version == 8 and events(small(), {})[3]["run"] == {"runId": str(run)}


def test_graphml_parses_and_tells_every_edge() -> None:
    tree = ElementTree.fromstring("".join(to_graphml(small(), name)))
    graph = tree.find(f"{GRAPHML}graph")
    assert graph is not None and graph.get("edgedefault") == "directed"
    keys = {key.get("id"): key.get("for") for key in tree.findall(f"{GRAPHML}key")}
    nodes = {one.get("id") for one in graph.findall(f"{GRAPHML}node")}
    assert nodes == {name(object_id(number)) for number in range(3)}
    edges = graph.findall(f"{GRAPHML}edge")
    assert len(edges) == 5 and all({one.get("source"), one.get("target")} <= nodes for one in edges)
    for element in [*graph.findall(f"{GRAPHML}node"), *edges]:
        for data in element.findall(f"{GRAPHML}data"):
            assert keys[data.get("key")] == element.tag.removeprefix(GRAPHML)
    assert [
        one.get("id") for one in graph.findall(f"{GRAPHML}node") if one.find("*[@key='node-focus']") is not None
    ] == [name(object_id(1))]


def test_dot_follows_its_grammar_and_dashes_what_was_found() -> None:
    statements = dot_statements("".join(to_dot(small(), name)))
    edges = [(head, attributes) for head, attributes in statements if "->" in head]
    nodes = {head[0]: attributes for head, attributes in statements if len(head) == 1 and head[0] != "node"}
    assert set(nodes) == {"n0", "n1", "n2"} and [one for one in nodes if "peripheries" in nodes[one]] == ["n1"]
    assert len(edges) == 5 and all(head[0] in nodes and head[2] in nodes for head, _ in edges)
    assert [(head, "style" in attributes) for head, attributes in edges if attributes["label"] == f'"{FOUND}"'] == [
        (["n2", "->", "n0"], True)
    ]


def nasty(object_id: UUID) -> str:
    return f"{object_id}{NASTY}"


def test_no_name_breaks_out_of_any_format() -> None:
    lineage = small()
    bad = tuple(replace(one, kind=NASTY, project=NASTY, origin=NASTY) for one in lineage.nodes)
    lineage = replace(lineage, nodes=bad, focus=bad[1])
    document = json.loads(to_prov(lineage, nasty))
    sound(document)
    assert all("%22%3E%3Cscript%3Ealert%281%29%3C/script%3E" in key for key in document["entity"])
    for line in to_openlineage(lineage, nasty, source({})):
        assert line.count(b"\n") == 1
        jsonschema.validate(json.loads(line), EVENT_SCHEMA, format_checker=jsonschema.FormatChecker())
    tree = ElementTree.fromstring("".join(to_graphml(lineage, nasty)))
    assert not list(tree.iter(f"{GRAPHML}script")) and len(list(tree.iter(f"{GRAPHML}node"))) == 3
    statements = dot_statements("".join(to_dot(lineage, nasty)))
    assert sum("->" in head for head, _ in statements) == 5
    assert xml_text("\x00\ud800<") == "\ufffd\ufffd&lt;"
    assert dot_text('\\N"&') == '\\\\N\\"&amp;'


def test_the_same_lineage_gives_the_same_bytes() -> None:
    assert to_prov(small(), name) == to_prov(small(), name)
    assert list(to_graphml(small(), name)) == list(to_graphml(small(), name))
    assert list(to_openlineage(small(), name, source({}))) == list(to_openlineage(small(), name, source({})))
    assert small().nodes[0] == node(0, 0)
