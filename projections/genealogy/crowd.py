"""A drawing of very many nodes: small marks in rows, wrapped so that the whole keeps the shape of a page.

Rows are those of `layers`. A row too wide for the page becomes a block of lines; a drawing too tall for its width goes
on in further columns to the right. Marks never overlap; edges are straight and lie below them.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Final

from projections.genealogy.layers import Line, Order, rows
from projections.genealogy.layout import Layout, Point

CELL: Final = 14.0
ROW_GAP: Final = 14.0
COLUMN_GAP: Final = 34.0
ASPECT: Final = 1.5
_LINE_LEAST: Final = 24
_SWEEPS: Final = 4


def lay_out_crowd(count: int, lines: Sequence[Line], focus: int) -> Layout:
    """Return the layout of `count` marks of CELL units."""
    order = Order(count, lines)
    columns = max(_LINE_LEAST, ceil(sqrt(count * ASPECT)))
    blocks = []
    for row in _ordered(rows(order, focus), order):
        if focus in row:
            blocks.append([[focus]])  # alone, for the ring around it
            row.remove(focus)
        blocks.append([row[at : at + columns] for at in range(0, len(row), columns)])
    blocks = [block for block in blocks if block]
    width = CELL * max(len(line) for block in blocks for line in block)
    height = sum(len(block) * CELL + ROW_GAP for block in blocks)
    bands = max(1, round(sqrt(ASPECT * height / (width + COLUMN_GAP))))
    places: dict[int, Point] = {}
    left = bottom = y = 0.0
    for block in blocks:
        if y and y + len(block) * CELL > height / bands + CELL:
            left, y = left + width + COLUMN_GAP, 0.0
        for line in block:
            start = left + (width - len(line) * CELL) / 2
            places |= {node: (start + (at + 0.5) * CELL, y + CELL / 2) for at, node in enumerate(line)}
            y += CELL
        bottom = max(bottom, y)
        y += ROW_GAP
    routes = tuple((places[line.parent], places[line.child]) for line in lines)
    return Layout(tuple(places[node] for node in range(count)), routes, left + width, bottom)


def _ordered(row_of: list[int], order: Order) -> list[list[int]]:
    """Return the rows from the top, each ordered by the barycentres of its neighbours on one side, then the other."""
    ordered: list[list[int]] = [[] for _ in range(max(row_of) + 1)]
    for node, number in enumerate(row_of):
        ordered[number].append(node)
    place = {node: (at + 0.5) / len(row) for row in ordered for at, node in enumerate(row)}
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in ordered if down else reversed(ordered):
            for node in row:
                near = order.parents[node] if down else order.children[node]
                if near:
                    place[node] = sum(place[other] for other in near) / len(near)
            row.sort(key=lambda node: (place[node], node))
            place |= {node: (at + 0.5) / len(row) for at, node in enumerate(row)}
    return ordered
