"""A layered drawing (Sugiyama): rows, order within a row by barycentres, places by least squares, smooth long edges.

An edge over several rows is led through a *bend* in each row between, which takes part in the order and keeps room
free, so that no edge crosses a node. Everything is deterministic: ties go by number.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from projections.genealogy.layers import Line, Order, rows, split_wide

SWEEPS: Final = 24
GAP_X: Final = 22.0
BEND_WIDTH: Final = 12.0
GAP_Y: Final = 46.0
GAP_Y_MAX: Final = 110.0
BENDS_MAX: Final = 6_000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the middle of each node is, the points of each line (its upper end first), and the size of the whole."""

    places: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@dataclass(slots=True)
class _Cell:
    """A node or a bend of the drawing."""

    row: int
    width: float
    height: float
    x: float = 0.0
    up: list[int] = field(default_factory=list)
    down: list[int] = field(default_factory=list)


def lay_out(sizes: Sequence[Point], lines: Sequence[Line], focus: int, row_most: int) -> Layout | None:
    """Return the layout of nodes of these sizes (width, height); no row has more than `row_most` nodes.

    None if long edges would need more than BENDS_MAX bends: nobody could follow them, and it would take minutes.
    """
    order = Order(len(sizes), lines)
    row = split_wide(rows(order, focus), order, focus, row_most)
    if sum(abs(row[line.parent] - row[line.child]) for line in lines) > BENDS_MAX:
        return None
    drawing = _Drawing(sizes, lines, row, focus)
    drawing.arrange()
    drawing.place()
    return drawing.finish()


class _Drawing:
    def __init__(self, sizes: Sequence[Point], lines: Sequence[Line], row: list[int], focus: int) -> None:
        self._cells = [_Cell(at, width, height) for at, (width, height) in zip(row, sizes, strict=True)]
        self._nodes = len(sizes)
        self._chains: list[list[int]] = []
        for line in lines:
            upper, lower = sorted((line.parent, line.child), key=lambda node: row[node])
            chain = [upper]
            for at in range(row[upper] + 1, row[lower]):
                chain.append(len(self._cells))
                self._cells.append(_Cell(at, BEND_WIDTH, 0.0))
            chain.append(lower)
            self._chains.append(chain)
            if row[upper] != row[lower]:
                for one, other in pairwise(chain):
                    self._cells[one].down.append(other)
                    self._cells[other].up.append(one)
        self._rows: list[list[int]] = [[] for _ in range(max(row) + 1)]
        self._first_order(focus)

    def _first_order(self, focus: int) -> None:
        """Fill the rows in the order in which a walk from the focus meets the cells: neighbours come side by side."""
        seen, waiting = {focus}, [focus]
        rest = iter(range(len(self._cells)))
        while True:
            if not waiting:
                start = next((cell for cell in rest if cell not in seen), None)
                if start is None:
                    return
                seen.add(start)
                waiting.append(start)
            at = waiting.pop()
            self._rows[self._cells[at].row].append(at)
            for other in reversed([*self._cells[at].up, *self._cells[at].down]):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)

    def arrange(self) -> None:
        """Order each row by the barycentres of the row before it, downward and upward in turns; keep the best."""
        best, fewest = [list(row) for row in self._rows], self._crossings()
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            position = {cell: place for row in self._rows for cell, place in _shares(row)}
            for row in self._rows if down else reversed(self._rows):
                keys = {}
                for at, cell in enumerate(row):
                    near = self._cells[cell].up if down else self._cells[cell].down
                    keys[cell] = sum(position[other] for other in near) / len(near) if near else position[cell]
                    keys[cell] += at * 1e-9
                row.sort(key=keys.__getitem__)
                position |= _shares(row)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self._rows], crossings
        self._rows = best
        for at in range(len(self._rows)):
            self._centre_bends(at, fewest)

    def _centre_bends(self, at: int, crossings: int) -> None:
        """Lead long edges through the middle of cells that hang on the same one, if nothing crosses for it.

        Barycentres cannot tell such cells apart; to one side of them, bends would push the rows further out aside.
        """
        before = self._rows[at]
        for near in (self._above, self._below):
            after: list[int] = []
            for _, run in groupby(self._rows[at], key=near):
                cells = list(run)
                nodes = [cell for cell in cells if cell < self._nodes]
                bends = [cell for cell in cells if cell >= self._nodes]
                after += nodes[: len(nodes) // 2] + bends + nodes[len(nodes) // 2 :]
            if after == before:
                continue
            self._rows[at] = after
            if self._crossings() > crossings:
                self._rows[at] = before
            before = self._rows[at]

    def _above(self, cell: int) -> list[int]:
        return sorted(set(self._cells[cell].up))

    def _below(self, cell: int) -> list[int]:
        return sorted(set(self._cells[cell].down))

    def _crossings(self) -> int:
        total = 0
        for upper, lower in pairwise(self._rows):
            place = {cell: at for at, cell in enumerate(lower)}
            passed: list[int] = []
            for cell in upper:
                ends = sorted(place[other] for other in self._cells[cell].down)
                total += sum(len(passed) - bisect_left(passed, end + 1) for end in ends)
                for end in ends:
                    insort(passed, end)
        return total

    def place(self) -> None:
        """Give each cell its x: as near to its neighbours as the order of its row allows (least squares)."""
        for row in self._rows:
            self._settle(row, [0.0] * len(row))
        for sweep in range(SWEEPS):
            for row in self._rows if sweep % 2 == 0 else reversed(self._rows):
                wanted = []
                for cell in row:
                    near = self._cells[cell].up if sweep % 2 == 0 else self._cells[cell].down
                    if sweep >= SWEEPS - 2 or not near:
                        near = [*self._cells[cell].up, *self._cells[cell].down]
                    xs = [self._cells[other].x for other in near]
                    wanted.append(sum(xs) / len(xs) if xs else self._cells[cell].x)
                self._settle(row, wanted)

    def _settle(self, row: list[int], wanted: list[float]) -> None:
        """Pool adjacent violators: blocks of cells that would overlap move to the mean of what they want."""
        offsets = [0.0]
        for left, right in pairwise(row):
            both = (self._cells[left].width + self._cells[right].width) / 2
            bends = (left >= self._nodes) + (right >= self._nodes)
            offsets.append(offsets[-1] + both + (GAP_X, GAP_X / 2, 2.0)[bends])
        blocks: list[tuple[float, float, int]] = []  # sum of what is wanted, weight, cells
        for cell, want, offset in zip(row, wanted, offsets, strict=True):
            weight = 2.0 if cell >= self._nodes else 1.0  # a straight long edge is worth more than a centred node
            block = ((want - offset) * weight, weight, 1)
            while blocks and blocks[-1][0] / blocks[-1][1] > block[0] / block[1]:
                last = blocks.pop()
                block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
            blocks.append(block)
        at = 0
        for total, weight, count in blocks:
            for _ in range(count):
                self._cells[row[at]].x = total / weight + offsets[at]
                at += 1

    def finish(self) -> Layout:
        """Return the layout, its upper left corner at 0, 0."""
        left = min(cell.x - cell.width / 2 for cell in self._cells)
        right = max(cell.x + cell.width / 2 for cell in self._cells)
        tops, bottoms, y = [], [], 0.0
        for at, row in enumerate(self._rows):
            height = max((self._cells[cell].height for cell in row), default=0.0)
            tops.append(y)
            bottoms.append(y + height)
            y += height + self._gap(at)
        places = tuple((cell.x - left, (tops[cell.row] + bottoms[cell.row]) / 2) for cell in self._cells[: self._nodes])
        ports = self._ports(left)
        routes = []
        for number, chain in enumerate(self._chains):
            upper, lower = self._cells[chain[0]], self._cells[chain[-1]]
            start = places[chain[0]][1] + upper.height / 2
            end = places[chain[-1]][1] - lower.height / 2
            points: list[Point] = [(ports[number, True], start)]
            for bend in chain[1:-1]:
                x, at = self._cells[bend].x - left, self._cells[bend].row
                points += [(x, tops[at]), (x, bottoms[at])]
            if upper.row == lower.row:
                points = [(ports[number, True], start - upper.height)]  # over the top, in an arc
            routes.append((*points, (ports[number, False], end)))
        return Layout(places, tuple(routes), right - left, bottoms[-1])

    def _gap(self, at: int) -> float:
        """Return the room below a row: more where edges go far to the side, or they would lie flat."""
        farthest = max(
            (abs(self._cells[o].x - self._cells[c].x) for c in self._rows[at] for o in self._cells[c].down), default=0.0
        )
        return min(GAP_Y + farthest * 0.06, GAP_Y_MAX)

    def _ports(self, left: float) -> dict[tuple[int, bool], float]:
        """Return where each line leaves its upper node (True) and meets its lower one, side by side in order."""
        ends: dict[tuple[int, bool], list[tuple[float, int]]] = {}
        for number, chain in enumerate(self._chains):
            ends.setdefault((chain[0], True), []).append((self._cells[chain[1]].x, number))
            ends.setdefault((chain[-1], False), []).append((self._cells[chain[-2]].x, number))
        ports = {}
        for (node, upper), found in ends.items():
            found.sort()
            cell = self._cells[node]
            step = min(16.0, cell.width * 0.7 / len(found))
            for at, (_, number) in enumerate(found):
                ports[number, upper] = cell.x - left + (at - (len(found) - 1) / 2) * step
        return ports


def _shares(row: list[int]) -> list[tuple[int, float]]:
    """Return where each cell is in its row, as a share of the row."""
    return [(cell, (at + 0.5) / len(row)) for at, cell in enumerate(row)]
