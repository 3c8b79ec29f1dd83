"""A second oracle: the recursive query that a database would answer with, here in SQLite.

The index and the tables are fed the same facts; what a fallback in SQL says must be what the index says, at every
position, circles of found edges included.
"""

import sqlite3
from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import given, settings

from projections.genealogy.graph import Genealogy
from projections.genealogy.model import INCLUDES, Edge
from tests.genealogy_kit import Oracle, Story, film_story, object_id, stories

LIVE = 2**63 - 1
TABLES = """
create table node (id blob primary key, position integer not null unique, kind text not null);
create table edge (child blob not null, parent blob not null, relation text not null, position integer not null);
create index by_child on edge (child, position);
create index by_parent on edge (parent, position);
"""
REACH = """
with recursive reach (id) as (
    select :start
    union
    select edge.{there} from edge join reach on edge.{here} = reach.id
    where edge.position <= :position and (:relation is null or edge.relation = :relation)
)
select node.id, node.kind from reach join node using (id)
where node.id <> :start and node.position <= :position
order by node.position
"""
DEPTH = """
with recursive up (id, steps) as (
    select :start, 0
    union
    select edge.parent, up.steps + 1 from edge join up on edge.child = up.id where edge.relation <> 'found_derivation'
)
select max(steps) from up
"""


class Tables:
    """The facts in two tables, as a projection would keep them: declared edges take the position of the birth."""

    def __init__(self, story: Story) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.executescript(TABLES)
        for fact in story.facts:
            edges = [fact] if isinstance(fact, Edge) else fact[1]
            if not isinstance(fact, Edge):
                node = fact[0]
                self._database.execute(
                    "insert into node values (?, ?, ?)", (node.object_id.bytes, node.index, node.kind)
                )
            for edge in edges:
                row = (edge.child.bytes, edge.parent.bytes, edge.relation, edge.index)
                self._database.execute("insert into edge values (?, ?, ?, ?)", row)

    def close(self) -> None:
        self._database.close()

    def reach(
        self, start: UUID, position: int | None, *, up: bool, relation: str | None = None
    ) -> list[tuple[UUID, str]]:
        """Return what is reached, by birth, with its kind."""
        here, there = ("child", "parent") if up else ("parent", "child")
        values = {
            "start": start.bytes,
            "position": LIVE if position is None else position,
            "relation": relation,
        }
        rows = self._database.execute(REACH.format(here=here, there=there), values)
        return [(UUID(bytes=raw), kind) for raw, kind in rows]

    def depth(self, start: UUID) -> int:
        """Return the longest declared way up."""
        ((steps,),) = self._database.execute(DEPTH, {"start": start.bytes})
        return int(steps)


def born_at(genealogy: Genealogy, position: int | None) -> Iterator[UUID]:
    for ordinal in range(genealogy.limit(position)):
        yield genealogy.arrays.object_id(ordinal)


@settings(max_examples=60)
@given(stories(18))
def test_the_index_answers_as_the_recursive_query(story: Story) -> None:
    genealogy, tables = story.told(), Tables(story)
    for position in (*range(story.index + 1), None):
        for one in born_at(genealogy, position):
            above = [found for found, _ in tables.reach(one, position, up=True)]
            below = tables.reach(one, position, up=False)
            assert list(genealogy.ancestors(one, position)) == above
            assert list(genealogy.descendants(one, position)) == [found for found, _ in below]
            within = tables.reach(one, position, up=False, relation=INCLUDES)
            assert list(genealogy.used_in(one, position).within) == [found for found, _ in within]
            kinds = [kind for _, kind in below]
            assert dict(genealogy.impact(one, position).by_kind) == {kind: kinds.count(kind) for kind in set(kinds)}
            assert genealogy.depth(one, position) == tables.depth(one)
    tables.close()


@pytest.mark.parametrize("kind", ["photograph", "weights", "mesh", "shot", "package", "still"])
def test_a_film_of_483_objects_is_the_same_in_both(kind: str) -> None:
    story, package = film_story()
    story.found(0, package)  # the first photograph turns out to be a still of the film: one large circle
    genealogy, tables = story.told(), Tables(story)
    chosen = [one for one in born_at(genealogy, None) if genealogy.node(one).kind == kind]
    for one in chosen[:2]:
        for position in (genealogy.node(one).index, story.index - 1, None):
            above = [found for found, _ in tables.reach(one, position, up=True)]
            assert list(genealogy.ancestors(one, position)) == above
            below = [found for found, _ in tables.reach(one, position, up=False)]
            assert list(genealogy.descendants(one, position)) == below
    before = Oracle.at(story.facts, story.index - 1)
    circle = before.descendants(object_id(0)) & (before.ancestors(object_id(package)) | {object_id(package)})
    again = set(genealogy.ancestors(object_id(0))) & set(genealogy.descendants(object_id(0)))
    assert again == circle and len(circle) > 100
    tables.close()
