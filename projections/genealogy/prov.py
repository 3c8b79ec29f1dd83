"""A lineage as PROV-JSON (W3C Member Submission of 24 April 2013, over PROV-DM).

Each object is an entity, each holder an agent it is attributed to, each edge a wasDerivedFrom whose prov:type is the
relation (a revision is prov:Revision as well). Where the job that made an object is known, it is an activity: the
object wasGeneratedBy it, it used the parents, and the derivations name it. A found derivation carries the ledger index
at which it was found.

Identifiers become local names under `urn:edgeprint:object:`, `...:party:` and `...:job:`; what a local name of PROV-N
may not hold is percent-encoded (PROV-N §3.7.1). For example, a picture revised from another one:

    {"prefix": {"term": "urn:edgeprint:term:", "object": "urn:edgeprint:object:", ...},
     "entity": {"object:10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9": {"prov:type": {"$": "term:image",
                "type": "prov:QUALIFIED_NAME"}, "term:index": 7, ...}, ...},
     "wasDerivedFrom": {"_:d0": {"prov:generatedEntity": "object:...", "prov:usedEntity": "object:...",
                "prov:type": [{"$": "term:revision_of", "type": "prov:QUALIFIED_NAME"},
                              {"$": "prov:Revision", "type": "prov:QUALIFIED_NAME"}], "term:index": 7}}, ...}
"""

import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote
from uuid import UUID

from projections.genealogy.extract import Extract, Name
from projections.genealogy.model import REVISION_OF, Edge, Node

PREFIXES: Final[Mapping[str, str]] = {
    "term": "urn:edgeprint:term:",
    "object": "urn:edgeprint:object:",
    "party": "urn:edgeprint:party:",
    "job": "urn:edgeprint:job:",
}

_Json = dict[str, object]


def to_prov(lineage: Extract, name: Name, jobs: Mapping[UUID, UUID] | None = None) -> bytes:
    """Return the lineage as one PROV-JSON document, UTF-8, members sorted; `jobs` tells the job that made an object.

    `name` writes the identifiers of objects, holders and jobs alike.
    """
    jobs = jobs or {}
    made = {node.object_id: jobs[node.object_id] for node in lineage.nodes if node.object_id in jobs}
    entities = {_local("object", name(node.object_id)): _entity(node) for node in lineage.nodes}
    holders = {node.holder for node in lineage.nodes}
    document: dict[str, _Json] = {
        "prefix": dict(PREFIXES),
        "entity": dict(entities),
        "agent": {_local("party", name(holder)): {} for holder in holders},
        "wasAttributedTo": {
            f"_:a{number}": {
                "prov:entity": _local("object", name(node.object_id)),
                "prov:agent": _local("party", name(node.holder)),
            }
            for number, node in enumerate(lineage.nodes)
        },
        "wasDerivedFrom": {f"_:d{number}": _derivation(edge, name, made) for number, edge in enumerate(lineage.edges)},
    }
    if made:
        document |= _activities(lineage, name, made)
    return json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1).encode()


def _entity(node: Node) -> _Json:
    entity: _Json = {
        "prov:type": _qualified(_local("term", node.kind)),
        "term:asset_class": node.asset_class,
        "term:origin": node.origin,
        "term:index": node.index,
    }
    if node.project is not None:
        entity["term:project"] = node.project
    return entity


def _derivation(edge: Edge, name: Name, made: Mapping[UUID, UUID]) -> _Json:
    types = [_qualified(_local("term", edge.relation))]
    if edge.relation == REVISION_OF:
        types.append(_qualified("prov:Revision"))
    derivation: _Json = {
        "prov:generatedEntity": _local("object", name(edge.child)),
        "prov:usedEntity": _local("object", name(edge.parent)),
        "prov:type": types[0] if len(types) == 1 else types,
        "term:index": edge.index,
    }
    if edge.child in made:
        derivation["prov:activity"] = _local("job", name(made[edge.child]))
    return derivation


def _activities(lineage: Extract, name: Name, made: Mapping[UUID, UUID]) -> dict[str, _Json]:
    used = sorted({(made[edge.child], edge.parent) for edge in lineage.edges if edge.child in made})
    return {
        "activity": {_local("job", name(job)): {} for job in made.values()},
        "wasGeneratedBy": {
            f"_:g{number}": {
                "prov:entity": _local("object", name(child)),
                "prov:activity": _local("job", name(job)),
            }
            for number, (child, job) in enumerate(made.items())
        },
        "used": {
            f"_:u{number}": {
                "prov:activity": _local("job", name(job)),
                "prov:entity": _local("object", name(parent)),
            }
            for number, (job, parent) in enumerate(used)
        },
    }


def _qualified(text: str) -> _Json:
    return {"$": text, "type": "prov:QUALIFIED_NAME"}


def _local(prefix: str, text: str) -> str:
    local = quote(text, safe="/.-_")
    # A local name may hold a full stop but not end with one.
    return f"{prefix}:{local[:-1]}%2E" if local.endswith(".") else f"{prefix}:{local}"
