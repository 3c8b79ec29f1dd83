"""Simple ways through a part of the graph, the shortest first.

Best-first search (A*) whose estimate is the exact distance to the goal. Where no found edge lies in the part, there is
no circle, every step taken lies on a way that is answered, and the work is in proportion to the answer. Circles make
the estimate too good at times; PATH_STEPS_MAX then ends the search, and the answer says that it was cut.
"""

from heapq import heappop, heappush
from itertools import count, pairwise
from typing import Final

import numpy as np

from projections.genealogy.arrays import Arrays
from projections.genealogy.model import FOUND, Ordinals, Paths, Step

PATHS_MAX: Final = 1_000
PATH_STEPS_MAX: Final = 200_000

_Trail = tuple[int, "_Trail | None"]


class Ways:
    """The edges upward inside a part of the graph: its nodes, all their declared edges, and these found ones."""

    def __init__(self, arrays: Arrays, nodes: Ordinals, found: list[tuple[int, int]]) -> None:
        self.arrays = arrays
        self.circles = bool(found)
        self._found_up: dict[int, list[int]] = {}
        self._found_down: dict[int, list[int]] = {}
        for child, parent in found:
            self._found_up.setdefault(child, []).append(parent)
            self._found_down.setdefault(parent, []).append(child)
        children, parents = arrays.edges_of(nodes)
        order = np.argsort(parents, kind="stable")
        self._parents, self._children = parents[order], children[order]

    def distances(self, goal: int) -> dict[int, int]:
        """Return how many steps each node from which a way leads to `goal` is away from it."""
        distance, row = {goal: 0}, [goal]
        while row:
            below = []
            for node in row:
                for child in self._down(node):
                    if child not in distance:
                        distance[child] = distance[node] + 1
                        below.append(child)
            row = below
        return distance

    def up(self, node: int) -> list[int]:
        """Return the parents of a node, each once, by birth."""
        return sorted({parent for parent, _ in self.arrays.parents_of(node)} | set(self._found_up.get(node, ())))

    def step(self, child: int, parent: int) -> Step:
        """Return the step between two nodes, with every relation that binds them."""
        names = self.arrays.relation_names.values
        relations = {names[code] for other, code in self.arrays.parents_of(child) if other == parent}
        if parent in self._found_up.get(child, ()):
            relations.add(FOUND)
        return Step(self.arrays.object_id(child), self.arrays.object_id(parent), tuple(sorted(relations)))

    def _down(self, node: int) -> list[int]:
        start, end = np.searchsorted(self._parents, [node, node + 1])
        found: list[int] = self._children[start:end].tolist()
        return found + self._found_down.get(node, [])


def find_paths(ways: Ways, start: int, goal: int, most: int) -> Paths:
    """Return up to `most` simple ways from `start` up to `goal`, by length, then by the births they pass."""
    distance = ways.distances(goal)
    found: list[tuple[Step, ...]] = []
    tie = count()
    # Of two ways of one promised length the longer trail goes first: it is done before others are begun.
    heap: list[tuple[int, int, int, _Trail]] = [(distance[start], 0, next(tie), (start, None))]
    for _ in range(PATH_STEPS_MAX):
        if not heap:
            return Paths(tuple(found), False)
        _, taken, _, trail = heappop(heap)
        if trail[0] == goal:
            if len(found) == most:
                return Paths(tuple(found), True)
            found.append(_steps(ways, trail))
            continue
        for parent in ways.up(trail[0]):
            if parent in distance and not (ways.circles and _passes(trail, parent)):
                heappush(heap, (1 - taken + distance[parent], taken - 1, next(tie), (parent, trail)))
    return Paths(tuple(found), bool(heap))


def _passes(trail: _Trail, node: int) -> bool:
    at: _Trail | None = trail
    while at is not None:
        if at[0] == node:
            return True
        at = at[1]
    return False


def _steps(ways: Ways, trail: _Trail) -> tuple[Step, ...]:
    nodes = []
    at: _Trail | None = trail
    while at is not None:
        nodes.append(at[0])
        at = at[1]
    nodes.reverse()
    return tuple(ways.step(child, parent) for child, parent in pairwise(nodes))
