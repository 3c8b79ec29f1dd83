"""The genealogy as rows: nodes, edges that were declared at birth, edges that were found later.

Declared edges point to objects born earlier, so they are acyclic and the ledger index is a topological order; found
edges may close a cycle. `depth` is the longest way up along declared edges, written at birth. A version family bears
the identifier of its first member: the object that a chain of revisions and variants goes back to.
"""

from typing import Final

from domain.identity.events import DerivationFound, ObjectIdentified, Relation
from projections.tables import Change, Column, Kind, New, Put, Rows, Table
from projections.view import Keys, On, Read, View

NODE: Final = Table(
    "node",
    key=(Column("object", Kind.UUID),),
    columns=(
        Column("born", Kind.BIGINT),
        Column("kind", Kind.TEXT),
        Column("asset_class", Kind.TEXT),
        Column("origin", Kind.TEXT),
        Column("holder", Kind.UUID),
        Column("project", Kind.TEXT),
        Column("depth", Kind.BIGINT),
        Column("family", Kind.UUID),
    ),
    indexes=("born", "family", "project"),
)
EDGE: Final = Table(
    "edge",
    key=(Column("child", Kind.UUID), Column("parent", Kind.UUID), Column("relation", Kind.TEXT)),
    columns=(Column("born", Kind.BIGINT),),
    indexes=("parent", "born"),
)
FOUND: Final = Table(
    "found",
    key=(Column("child", Kind.UUID), Column("source", Kind.UUID)),
    columns=(Column("born", Kind.BIGINT), Column("evidence", Kind.BYTES)),
    indexes=("source",),
)
VERSIONS: Final = frozenset({Relation.REVISION_OF, Relation.VARIANT_OF})
_DEPTH, _FAMILY = NODE.place("depth"), NODE.place("family")


def _parents(read: Read) -> Keys:
    event: ObjectIdentified = read.event
    return tuple((NODE, (parent.object_id,)) for parent in event.parents)


def _born(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: ObjectIdentified = read.event
    this = read.envelope.stream_id
    depth, family = 0, this
    for parent in event.parents:
        above = rows.get(NODE, (parent.object_id,))
        if above is None:
            raise LookupError(f"parent {parent.object_id} has no node, though it was born before")
        depth = max(depth, above[_DEPTH] + 1)
        if parent.relation in VERSIONS and family == this:
            family = above[_FAMILY]
    node = (
        read.index, event.kind, str(event.asset_class), str(event.origin), event.holder, event.project, depth, family,
    )  # fmt: skip
    edges = {(this, parent.object_id, str(parent.relation)) for parent in event.parents}
    return (New(NODE, (this,), node), *(New(EDGE, edge, (read.index,)) for edge in sorted(edges)))


def _edge(read: Read) -> Keys:
    return ((FOUND, (read.envelope.stream_id, read.event.source)),)


def _found(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id, read.event.source)
    if rows.get(FOUND, key) is not None:
        return ()  # the first finding counts; further ones are in the ledger
    return (Put(FOUND, key, (read.index, read.event.evidence)),)


GENEALOGY: Final = View(
    "genealogy",
    version=1,
    about="what is made of what, declared and found; version families; depth",
    tables=(NODE, EDGE, FOUND),
    on=(On(ObjectIdentified, _born, _parents), On(DerivationFound, _found, _edge)),
)
