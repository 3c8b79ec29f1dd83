"""What the genealogy knows, as columns: the part of the index that is saved; the rest is built from it.

Nodes are numbered by birth (their *ordinal*). The declared edges of node k stand at `first[k]` to `first[k + 1]` of
`parents` and `relations`, so that a node's edges take no search. Found edges stand apart, in ledger order.
"""

from typing import Final
from uuid import UUID

import numpy as np

from domain.errors import Invalid
from projections.genealogy.columns import Column, Names
from projections.genealogy.model import FOUND, ID_BYTES, Edge, Node, Ordinals

NODES_MAX: Final = 2**31 - 1
EDGES_MAX: Final = 2**31 - 1
KINDS_MAX: Final = 2**16
CLASSES_MAX: Final = 2**8
NO_PROJECT: Final = -1


def _empty(dtype: type[np.int32]) -> Column[np.int32]:
    return Column(np.empty(0, dtype=dtype))


class Arrays:
    """The columns; appended to by `Genealogy` alone, which has checked what it adds."""

    def __init__(self) -> None:
        self.ids = Column(np.empty(0, dtype=np.uint8))
        self.indexes = Column(np.empty(0, dtype=np.int64))
        self.kinds = Column(np.empty(0, dtype=np.uint16))
        self.classes = Column(np.empty(0, dtype=np.uint8))
        self.origins = Column(np.empty(0, dtype=np.uint8))
        self.holders = _empty(np.int32)
        self.projects = _empty(np.int32)
        self.depths = _empty(np.int32)
        self.first = Column(np.zeros(1, dtype=np.int32))
        self.parents = _empty(np.int32)
        self.relations = Column(np.empty(0, dtype=np.uint8))
        self.found_children = _empty(np.int32)
        self.found_parents = _empty(np.int32)
        self.found_indexes = Column(np.empty(0, dtype=np.int64))
        self.kind_names: Names[str] = Names((), KINDS_MAX)
        self.class_names: Names[str] = Names((), CLASSES_MAX)
        self.origin_names: Names[str] = Names((), CLASSES_MAX)
        self.relation_names: Names[str] = Names((FOUND,), CLASSES_MAX)
        self.holder_ids: Names[UUID] = Names((), NODES_MAX)
        self.project_names: Names[str] = Names((), NODES_MAX)

    def __len__(self) -> int:
        """Return how many nodes there are."""
        return len(self.indexes)

    def add_node(self, node: Node, parents: list[tuple[int, str]]) -> list[tuple[int, int]]:
        """Append a node and its declared edges; return them as (parent, code of the relation).

        Raises:
            Invalid: there are more nodes, edges or names than the columns can number; nothing was added but names.
        """
        if len(self) >= NODES_MAX or len(self.parents) + len(parents) > EDGES_MAX:
            raise Invalid(f"genealogy: expected at most {NODES_MAX} nodes and {EDGES_MAX} edges, found one more")
        kind = self.kind_names.code(node.kind)
        asset_class = self.class_names.code(node.asset_class)
        origin = self.origin_names.code(node.origin)
        holder = self.holder_ids.code(node.holder)
        project = NO_PROJECT if node.project is None else self.project_names.code(node.project)
        edges = [(parent, self.relation_names.code(relation)) for parent, relation in parents]
        depths = self.depths.view()
        self.depths.append(1 + max((int(depths[parent]) for parent, _ in edges), default=-1))
        for parent, relation in edges:
            self.parents.append(parent)
            self.relations.append(relation)
        self.first.append(len(self.parents))
        self.ids.extend(np.frombuffer(node.object_id.bytes, dtype=np.uint8))
        self.kinds.append(kind)
        self.classes.append(asset_class)
        self.origins.append(origin)
        self.holders.append(holder)
        self.projects.append(project)
        self.indexes.append(node.index)
        return edges

    def add_found(self, child: int, parent: int, index: int) -> None:
        """Append a found edge."""
        self.found_children.append(child)
        self.found_parents.append(parent)
        self.found_indexes.append(index)

    def object_id(self, ordinal: int) -> UUID:
        """Return the id of a node."""
        return UUID(bytes=self.ids.view()[ordinal * ID_BYTES : (ordinal + 1) * ID_BYTES].tobytes())

    def node(self, ordinal: int) -> Node:
        """Return a node as it was fed in."""
        project = int(self.projects.view()[ordinal])
        return Node(
            object_id=self.object_id(ordinal),
            index=int(self.indexes.view()[ordinal]),
            kind=self.kind_names.values[self.kinds.view()[ordinal]],
            asset_class=self.class_names.values[self.classes.view()[ordinal]],
            origin=self.origin_names.values[self.origins.view()[ordinal]],
            holder=self.holder_ids.values[self.holders.view()[ordinal]],
            project=None if project == NO_PROJECT else self.project_names.values[project],
        )

    def edge(self, child: int, parent: int, relation: int) -> Edge:
        """Return a declared edge with its ids."""
        name = self.relation_names.values[relation]
        return Edge(self.object_id(child), self.object_id(parent), name, int(self.indexes.view()[child]))

    def parents_of(self, child: int) -> list[tuple[int, int]]:
        """Return the declared edges of a node as (parent, code of the relation), in the order of the birth event."""
        start, end = self.first.view()[child : child + 2]
        return list(
            zip(self.parents.view()[start:end].tolist(), self.relations.view()[start:end].tolist(), strict=True)
        )

    def edges_of(self, nodes: Ordinals) -> tuple[Ordinals, Ordinals]:
        """Return the declared edges of many nodes as two columns, (children, parents)."""
        first = self.first.view()
        starts, counts = first[nodes], first[nodes + 1] - first[nodes]
        children = np.repeat(nodes, counts)
        # The k-th edge of all stands k places behind the first, less what the nodes before have taken.
        places = np.arange(len(children)) + np.repeat(starts - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        return children, self.parents.view()[places]
