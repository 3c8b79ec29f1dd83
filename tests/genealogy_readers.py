"""Small readers of the export formats, written from their specifications and not from our writers.

Each returns the same thing: the objects by identifier with what is told of them, and the edges as (child, parent,
relation).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree import ElementTree

GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
DOT_TOKEN = re.compile(r'\s*(?:("(?:[^"\\\n]|\\.)*")|([A-Za-z_][A-Za-z_0-9]*)|([0-9]+)|(->|[{}\[\];,=]))')


@dataclass
class Told:
    """What a file says of a lineage."""

    objects: dict[str, dict[str, object]] = field(default_factory=dict)
    edges: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def read_prov(data: bytes) -> Told:
    """Read PROV-JSON: entities, their holders, and derivations by the first type that is ours."""
    document = json.loads(data)
    prefixes = document["prefix"]
    told = Told()

    def plain(qualified: str) -> str:
        prefix, local = qualified.split(":", 1)
        assert prefix in prefixes
        return unquote(local)

    for key, entity in document["entity"].items():
        assert entity["prov:type"]["type"] == "prov:QUALIFIED_NAME"
        members = {member.removeprefix("term:"): value for member, value in entity.items() if member != "prov:type"}
        told.objects[plain(key)] = {"kind": plain(entity["prov:type"]["$"]), **members}
    for attribution in document["wasAttributedTo"].values():
        assert attribution["prov:agent"] in document["agent"]
        told.objects[plain(attribution["prov:entity"])]["holder"] = plain(attribution["prov:agent"])
    for derivation in document["wasDerivedFrom"].values():
        types = derivation["prov:type"]
        names = [one["$"] for one in (types if isinstance(types, list) else [types])]
        (ours,) = (name for name in names if name.startswith("term:"))
        ends = plain(derivation["prov:generatedEntity"]), plain(derivation["prov:usedEntity"])
        assert set(ends) <= set(told.objects)
        told.edges[(*ends, plain(ours))] += 1
    return told


def read_graphml(text: str) -> Told:
    """Read GraphML: the data of nodes and edges by the names that its keys declare."""
    root = ElementTree.fromstring(text)
    keys = {
        key.get("id"): (key.get("for"), key.get("attr.name"), key.get("attr.type"))
        for key in root.iter(f"{GRAPHML}key")
    }
    (graph,) = root.findall(f"{GRAPHML}graph")
    told = Told()

    def data(element: ElementTree.Element, target: str) -> dict[str, object]:
        found: dict[str, object] = {}
        for one in element.findall(f"{GRAPHML}data"):
            declared, attribute, kind = keys[one.get("key")]
            assert declared == target and attribute is not None
            found[attribute] = int(one.text or "") if kind == "long" else one.text or ""
        return found

    for node in graph.findall(f"{GRAPHML}node"):
        told.objects[str(node.get("id"))] = data(node, "node")
    for edge in graph.findall(f"{GRAPHML}edge"):
        child, parent = str(edge.get("target")), str(edge.get("source"))
        assert {child, parent} <= set(told.objects)
        told.edges[child, parent, str(data(edge, "edge")["relation"])] += 1
    return told


def dot_tokens(text: str) -> Iterator[str]:
    """Return the tokens of a DOT file."""
    at, end = 0, len(text.rstrip())
    while at < end:
        match = DOT_TOKEN.match(text, at)
        assert match, text[at : at + 60]
        at = match.end()
        yield match[0].strip()


def dot_statements(text: str) -> list[tuple[list[str], dict[str, str]]]:
    """Parse the part of the DOT grammar that we write: (the nodes, the attributes) of each statement."""
    tokens = list(dot_tokens(text))
    assert tokens[:3] == ["digraph", "lineage", "{"] and tokens[-1] == "}"
    statements: list[tuple[list[str], dict[str, str]]] = []
    current: list[str] = []
    for token in tokens[3:-1]:
        if token != ";":
            current.append(token)
            continue
        head = current[: current.index("[")] if "[" in current else current
        attributes: dict[str, str] = {}
        if "[" in current:
            assert current[-1] == "]"
            inside = current[current.index("[") + 1 : -1]
            assert inside[3::4] == [","] * (len(inside) // 4)
            assert all(inside[at + 1] == "=" for at in range(0, len(inside), 4))
            attributes = {inside[at]: inside[at + 2] for at in range(0, len(inside), 4)}
        statements.append((head, attributes))
        current = []
    assert not current
    return statements


def read_dot(text: str) -> Told:
    """Read DOT: labels of two lines, kind and identifier."""
    told = Told()
    names: dict[str, str] = {}
    for head, attributes in dot_statements(text):
        if len(head) == 1 and head[0] != "node":
            kind, name = (dot_plain(part) for part in attributes["label"][1:-1].split("\\n", 1))
            told.objects[name] = {"kind": kind, "shape": attributes["shape"], "focus": "peripheries" in attributes}
            names[head[0]] = name
    for head, attributes in dot_statements(text):
        if len(head) == 3 and head[1] == "->":
            told.edges[names[head[2]], names[head[0]], dot_plain(attributes["label"][1:-1])] += 1
    return told


def dot_plain(text: str) -> str:
    """Undo the escapes of a label."""
    return re.sub(r"\\(.)", r"\1", text).replace("&amp;", "&")


def read_openlineage(lines: Iterable[bytes]) -> Told:
    """Read OpenLineage events: datasets with our facet, and an edge for each relation of each input."""
    told = Told()
    last = ""
    for line in lines:
        event = json.loads(line)
        assert event["eventTime"] >= last
        last = event["eventTime"]
        outputs = event["outputs"] if "outputs" in event else [event["dataset"]]
        for dataset in [*outputs, *event.get("inputs", ())]:
            facet = dataset["facets"]["edgeprint_object"]
            members = {key: value for key, value in facet.items() if not key.startswith("_")}
            assert told.objects.setdefault(dataset["name"], members) == members
        for one in event.get("inputs", ()):
            for relation in one["inputFacets"]["edgeprint_relation"]["relations"]:
                told.edges[event["outputs"][0]["name"], one["name"], relation] += 1
    return told
