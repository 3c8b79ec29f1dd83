"""A lineage as OpenLineage events (specification 2-0-2), one JSON text a line.

Each object is a dataset; a derivation is one RunEvent COMPLETE whose output is the child and whose inputs are what it
comes from: one event for each birth with parents (its run is the job that made it, where that is known, else the object
itself), and one for each found derivation (its run is a UUIDv8 of the edge). What has no parents here is a
DatasetEvent. The relations of an input stand in our input facet `edgeprint_relation`, what we know of the object in
our dataset facet `edgeprint_object`; both point to where `schemas` says their schema stands.

The time of an event is that of the ledger entry it comes from, told by the caller; nothing here reads a clock.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from projections.genealogy.extract import Extract, Name
from projections.genealogy.model import FOUND, Edge, Node

SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"

_Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Source:
    """Who speaks: the URI of the producer, the URL of the schema of our facets, and the namespace of the ledger.

    `instant` returns the time of a ledger index, aware; `jobs` the job that made an object, where it is known.
    """

    producer: str
    schemas: str
    namespace: str
    instant: Callable[[int], datetime]
    jobs: Mapping[UUID, UUID]


def to_openlineage(lineage: Extract, name: Name, source: Source) -> Iterator[bytes]:
    """Return the events in ledger order, each a line of UTF-8 with its line end."""
    writer = _Writer(lineage, name, source)
    events = [(node.index, writer.birth(node)) for node in lineage.nodes]
    events += [(edge.index, writer.finding(edge)) for edge in lineage.edges if edge.relation == FOUND]
    for _, event in sorted(events, key=lambda pair: pair[0]):
        yield json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class _Writer:
    def __init__(self, lineage: Extract, name: Name, source: Source) -> None:
        self._nodes = {node.object_id: node for node in lineage.nodes}
        self._name = name
        self._source = source
        self._parents: dict[UUID, dict[UUID, list[str]]] = defaultdict(lambda: defaultdict(list))
        for edge in lineage.edges:
            if edge.relation != FOUND:
                self._parents[edge.child][edge.parent].append(edge.relation)

    def birth(self, node: Node) -> _Json:
        """Return the event of a birth: a run over its parents, or the dataset alone."""
        parents = self._parents.get(node.object_id)
        if not parents:
            return self._event("DatasetEvent", node.index) | {"dataset": self._dataset(node.object_id)}
        job = self._source.jobs.get(node.object_id)
        inputs = [self._input(parent, relations) for parent, relations in parents.items()]
        run = node.object_id if job is None else job
        return self._run(node.index, run, f"make {node.kind}", inputs, node.object_id)

    def finding(self, edge: Edge) -> _Json:
        """Return the event of a found derivation."""
        raw = sha256(edge.child.bytes + edge.parent.bytes + edge.index.to_bytes(8, "big")).digest()[:16]
        run = UUID(int=int.from_bytes(raw, "big") & ~(0xF << 76 | 0b11 << 62) | 8 << 76 | 0b10 << 62)
        return self._run(edge.index, run, "find derivation", [self._input(edge.parent, [FOUND])], edge.child)

    def _run(self, index: int, run: UUID, job: str, inputs: list[_Json], output: UUID) -> _Json:
        return self._event("RunEvent", index) | {
            "eventType": "COMPLETE",
            "run": {"runId": str(run)},
            "job": {"namespace": self._source.namespace, "name": job},
            "inputs": inputs,
            "outputs": [self._dataset(output)],
        }

    def _event(self, kind: str, index: int) -> _Json:
        instant = self._source.instant(index).astimezone(UTC).isoformat(timespec="microseconds")
        time = instant.replace("+00:00", "Z")
        return {"eventTime": time, "producer": self._source.producer, "schemaURL": SCHEMA + kind}

    def _dataset(self, object_id: UUID) -> _Json:
        node = self._nodes[object_id]
        told = {"kind": node.kind, "assetClass": node.asset_class, "origin": node.origin, "index": node.index}
        return {
            "namespace": self._source.namespace,
            "name": self._name(object_id),
            "facets": {
                "edgeprint_object": self._facet("Object", told | ({"project": node.project} if node.project else {}))
            },
        }

    def _input(self, parent: UUID, relations: list[str]) -> _Json:
        facet = self._facet("Relation", {"relations": sorted(set(relations))})
        return self._dataset(parent) | {"inputFacets": {"edgeprint_relation": facet}}

    def _facet(self, kind: str, members: Mapping[str, object]) -> _Json:
        return {"_producer": self._source.producer, "_schemaURL": f"{self._source.schemas}#/$defs/{kind}", **members}
