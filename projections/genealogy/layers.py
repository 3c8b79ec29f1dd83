"""In which row a node of a drawing stands: what the focus comes from above it, what came from it below.

Rows are longest ways to or from the focus, so that every edge leads down. An edge that would close a circle does not
take part: found edges give way first.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SOFT_CHECKED_MAX: Final = 400
"""In drawings of more nodes a found edge counts only where nothing else binds one of its ends."""


@dataclass(frozen=True, slots=True)
class Line:
    """An edge from parent to child, by the numbers of the nodes; `soft` if it was found."""

    parent: int
    child: int
    soft: bool


class Order:
    """The edges that take part, without a circle."""

    def __init__(self, count: int, lines: Sequence[Line]) -> None:
        self.children: list[list[int]] = [[] for _ in range(count)]
        self.parents: list[list[int]] = [[] for _ in range(count)]
        hard = sorted({(line.parent, line.child) for line in lines if not line.soft and line.parent != line.child})
        for parent, child in hard:
            self.children[parent].append(child)
        for parent, child in _closing(self.children):
            self.children[parent].remove(child)
        for parent, row in enumerate(self.children):
            for child in row:
                self.parents[child].append(parent)
        for parent, child in sorted({(line.parent, line.child) for line in lines if line.soft}):
            bound = all(self.children[end] or self.parents[end] for end in (parent, child))
            if parent != child and not (bound and count > SOFT_CHECKED_MAX) and parent not in self.below(child):
                self.children[parent].append(child)
                self.parents[child].append(parent)

    def below(self, start: int) -> set[int]:
        """Return `start` and all that comes from it."""
        return _reached(start, self.children)

    def above(self, start: int) -> set[int]:
        """Return `start` and all that it comes from."""
        return _reached(start, self.parents)

    def sorted(self) -> list[int]:
        """Return all nodes, parents before children."""
        missing = [len(parents) for parents in self.parents]
        waiting = deque(node for node, count in enumerate(missing) if not count)
        found = []
        while waiting:
            node = waiting.popleft()
            found.append(node)
            for child in self.children[node]:
                missing[child] -= 1
                if not missing[child]:
                    waiting.append(child)
        return found


def rows(order: Order, focus: int) -> list[int]:
    """Return the row of each node; rows rise downward and the lowest number is 0."""
    above = order.above(focus)
    row = dict.fromkeys((focus,), 0)
    sequence = order.sorted()
    for node in reversed(sequence):
        if node in above and node != focus:
            row[node] = min(row[child] for child in order.children[node] if child in above) - 1
    for node in sequence:
        if node not in above:
            row[node] = max((row[parent] + 1 for parent in order.parents[node] if parent in row), default=0)
    for node in reversed(sequence):
        # What has no parents and does not lead to the focus stands right above its first child, not at the top.
        if node not in above and not order.parents[node] and order.children[node]:
            row[node] = min(row[child] for child in order.children[node]) - 1
    least = min(row.values())
    return [row[node] - least for node in range(len(order.children))]


def split_wide(row: list[int], order: Order, focus: int, most: int) -> list[int]:
    """Return rows of at most `most` nodes: a wider one becomes several, what has further edges on the outer side."""
    members: dict[int, list[int]] = {}
    for node, at in enumerate(row):
        members.setdefault(at, []).append(node)
    result = [0] * len(row)
    next_row = 0
    for at in sorted(members):
        nodes = members[at]
        if at < row[focus]:
            nodes.sort(key=lambda node: not order.parents[node])
        else:
            nodes.sort(key=lambda node: bool(order.children[node]))
        parts = -(-len(nodes) // most)
        size = -(-len(nodes) // parts)
        for number, node in enumerate(nodes):
            result[node] = next_row + number // size
        next_row += parts
    return result


def _reached(start: int, near: list[list[int]]) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        for node in near[waiting.pop()]:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen


def _closing(children: list[list[int]]) -> list[tuple[int, int]]:
    """Return the edges that lead back to where a depth-first walk came from: without them there is no circle."""
    closing = []
    state = [0] * len(children)
    for root in range(len(children)):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(children[root]))]
        while stack:
            node, rest = stack[-1]
            for child in rest:
                if state[child] == 1:
                    closing.append((node, child))
                elif not state[child]:
                    state[child] = 1
                    stack.append((child, iter(children[child])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return closing
