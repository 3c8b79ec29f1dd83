"""The objects around one object as they are, unfolded, for whoever takes them elsewhere: exports and pictures."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from domain.errors import Invalid
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge, Node

EXTRACT_MAX: Final = 100_000

Name = Callable[[UUID], str]
"""Return the identifier of an id as the reader of an export is to see it."""


@dataclass(frozen=True, slots=True)
class Extract:
    """The focus, what it comes from and what came from it, by birth, and every edge among them, by child.

    `cut` says that there are more: the nearest were taken, above and below in turns.
    """

    focus: Node
    position: int | None
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: bool


def extract(genealogy: Genealogy, object_id: UUID, position: int | None = None, most: int = 5_000) -> Extract:
    """Return the lineage of an object as of a position, `most` objects with the focus.

    Raises:
        NotFound: the object was not born at that position.
        Invalid: not 1 <= most <= EXTRACT_MAX.
    """
    if not 1 <= most <= EXTRACT_MAX:
        raise Invalid(f"extract: expected 1 <= most <= {EXTRACT_MAX}, found {most}")
    focus = genealogy.place(object_id, position)
    chosen, cut = _nearest(genealogy, focus, position, most)
    arrays = genealogy.arrays
    nodes = np.array(sorted(chosen), dtype=np.int32)
    edges: list[Edge] = []
    for child in nodes.tolist():
        declared = [arrays.edge(child, parent, code) for parent, code in arrays.parents_of(child) if parent in chosen]
        edges += declared + [
            Edge(arrays.object_id(child), arrays.object_id(parent), FOUND, index)
            for index, parent in genealogy.found_edges(child, position)
            if parent in chosen
        ]
    return Extract(arrays.node(focus), position, tuple(map(arrays.node, nodes.tolist())), tuple(edges), cut)


def _nearest(genealogy: Genealogy, focus: int, position: int | None, most: int) -> tuple[set[int], bool]:
    """Return the objects to take: step by step, one step up and one step down in turns."""
    chosen = {focus}
    seen: dict[bool, set[int]] = {True: {focus}, False: {focus}}
    rows = {True: [focus], False: [focus]}
    while rows[True] or rows[False]:
        for up in (True, False):
            further: list[int] = []
            for node in rows[up]:
                near = (
                    [parent for parent, _ in genealogy.parents_of(node, position)]
                    if up
                    else sorted(genealogy.children_of(node, position))
                )
                for other in near:
                    if other in seen[up]:
                        continue
                    if other not in chosen and len(chosen) >= most:
                        return chosen, True
                    seen[up].add(other)
                    chosen.add(other)
                    further.append(other)
            rows[up] = further
    return chosen, False
