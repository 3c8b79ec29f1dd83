"""Reachability in compiled code: the one place that speaks to rustworkx.

Nodes are small integers in the order they were added, edges lead from parent to child and carry a small code.
"""

from collections.abc import Iterable
from itertools import islice

import rustworkx as rx

_PIECE = 50_000

Link = tuple[int, int, int]
"""parent, child, code."""


class Reach:
    """A directed graph that only grows; cycles are allowed. About 16 bytes a node and 24 an edge."""

    __slots__ = ("_graph",)

    def __init__(self, nodes: int = 0, edges: int = 0) -> None:
        """Start empty, with room for so many and an eighth more."""
        self._graph: rx.PyDiGraph[None, int] = rx.PyDiGraph(
            check_cycle=False, multigraph=True, node_count_hint=nodes * 9 // 8, edge_count_hint=edges * 9 // 8
        )

    def add_node(self) -> None:
        """Add one node."""
        self._graph.add_node(None)

    def add_nodes(self, count: int) -> None:
        """Add several nodes."""
        for start in range(0, count, _PIECE):
            self._graph.add_nodes_from([None] * min(_PIECE, count - start))

    def add_edges(self, links: Iterable[Link]) -> None:
        """Add edges between nodes that are there; a long run of them is taken in pieces, so that memory stays small."""
        rest = iter(links)
        while piece := list(islice(rest, _PIECE)):
            self._graph.add_edges_from(piece)

    def up(self, node: int) -> set[int]:
        """Return everything from which a way leads to `node`, the node itself excluded."""
        found: set[int] = rx.ancestors(self._graph, node)
        found.discard(node)
        return found

    def down(self, node: int) -> set[int]:
        """Return everything to which a way leads from `node`, the node itself excluded."""
        found: set[int] = rx.descendants(self._graph, node)
        found.discard(node)
        return found

    def parents(self, node: int) -> list[Link]:
        """Return the edges that end in `node`, by parent."""
        return sorted(self._graph.in_edges(node))

    def children(self, node: int) -> list[Link]:
        """Return the edges that start in `node`, by child."""
        return sorted(self._graph.out_edges(node))

    def child_nodes(self, node: int) -> Iterable[int]:
        """Return the children of `node`, each once, in no particular order."""
        return self._graph.successor_indices(node)
