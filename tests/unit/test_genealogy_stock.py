"""A stock of 20,000 objects, with training sets wide enough to be kept: the index against plain adjacency."""

import io
from collections import deque
from collections.abc import Iterator
from uuid import UUID

import pytest

from bench.genealogy import LEDGER, Stock
from projections.genealogy.extract import extract
from projections.genealogy.fold import FOLDED_MAX, fold
from projections.genealogy.graph import WIDE_PARENTS, Genealogy
from projections.genealogy.model import Edge
from projections.genealogy.snapshot import load, save
from tests.genealogy_kit import feed

OBJECTS = 20_000
ASKED = 25


class Adjacency:
    """Every edge of the stock in two dictionaries; a walk takes only what stood at the position."""

    def __init__(self, facts: list[object]) -> None:
        self.born: dict[UUID, int] = {}
        self.up: dict[UUID, list[tuple[int, UUID]]] = {}
        self.down: dict[UUID, list[tuple[int, UUID]]] = {}
        for fact in facts:
            edges = [fact] if isinstance(fact, Edge) else fact[1]  # type: ignore[index]
            if not isinstance(fact, Edge):
                self.born[fact[0].object_id] = fact[0].index  # type: ignore[index]
            for edge in edges:
                self.up.setdefault(edge.child, []).append((edge.index, edge.parent))
                self.down.setdefault(edge.parent, []).append((edge.index, edge.child))

    def walk(self, start: UUID, near: dict[UUID, list[tuple[int, UUID]]], position: int) -> set[UUID]:
        seen, waiting = {start}, deque([start])
        while waiting:
            for index, other in near.get(waiting.popleft(), ()):
                if index <= position and other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen - {start}


@pytest.fixture(scope="module")
def stock() -> tuple[Genealogy, Genealogy, Adjacency]:
    """Return the index as it was fed, the same read from its snapshot, and the plain edges."""
    facts = list(Stock(OBJECTS, 3).facts())
    fed = feed(Genealogy(), facts)  # type: ignore[arg-type]
    read = load(io.BytesIO(b"".join(save(fed, LEDGER))), LEDGER)
    return fed, read, Adjacency(list(facts))


def questions(genealogy: Genealogy, edges: Adjacency) -> Iterator[tuple[UUID, int]]:
    """Return objects spread over the stock, each at its birth, in the middle and at the end."""
    for number in range(0, OBJECTS, OBJECTS // ASKED):
        one = genealogy.arrays.object_id(number)
        for position in sorted({edges.born[one], max(edges.born[one], genealogy.position // 2), genealogy.position}):
            yield one, position


@pytest.mark.parametrize("which", [0, 1], ids=["fed", "from a snapshot"])
def test_both_ways_at_three_positions(stock: tuple[Genealogy, Genealogy, Adjacency], which: int) -> None:
    genealogy, edges = stock[which], stock[2]
    assert isinstance(genealogy, Genealogy)
    assert max(len(parents) for parents in edges.up.values()) > WIDE_PARENTS
    for one, position in questions(genealogy, edges):
        assert set(genealogy.ancestors(one, position)) == edges.walk(one, edges.up, position)
        assert set(genealogy.descendants(one, position)) == edges.walk(one, edges.down, position)


def test_views_of_a_stock_count_what_they_saw(stock: tuple[Genealogy, Genealogy, Adjacency]) -> None:
    genealogy, _, edges = stock
    for one, position in questions(genealogy, edges):
        view = fold(genealogy, one, position)
        above, below = edges.walk(one, edges.up, position), edges.walk(one, edges.down, position)
        counted = sum(node.count for node in view.nodes)
        assert counted == 1 + view.above + view.below and len(view.nodes) <= FOLDED_MAX
        assert counted == 1 + len(above | below) or (view.cut and counted < 1 + len(above | below))


def test_extracts_of_a_stock_are_whole_or_say_so(stock: tuple[Genealogy, Genealogy, Adjacency]) -> None:
    genealogy, _, edges = stock
    for one, position in list(questions(genealogy, edges))[::7]:
        part = extract(genealogy, one, position, most=3_000)
        lineage = edges.walk(one, edges.up, position) | edges.walk(one, edges.down, position)
        assert len(part.nodes) == min(3_000, 1 + len(lineage)) and part.cut == (1 + len(lineage) > 3_000)
        assert {node.object_id for node in part.nodes} <= lineage | {one}
        assert all(edge.index <= position for edge in part.edges)
