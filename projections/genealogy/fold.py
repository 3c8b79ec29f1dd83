"""A lineage folded to what a person can read: at most 80 nodes around an object, and what was folded stated.

The rules, in this order. A lineage of READABLE objects or fewer is shown as it is. Otherwise:

1. What an object was trained on, TRAINING_FROM parents or more, is one node, the training set.
2. A run of versions (revision_of, one after another, of one kind and on one side) is one node "v1 to vN".
3. Objects of one kind that lead to the focus in the same way are one node "x N". The same way: above the focus, the
   same children by the same relations; below it, the same parents. At first the very same objects are meant; if that
   leaves more than READABLE nodes, the same nodes of this view, from far away to near, until it fits: textures of
   meshes of shots of one film are "image x 300", "mesh x 60", "shot x 20".
4. What is still too much goes by distance: the nearest stay, the rest of a side is one node "n more".

Every object of the lineage is counted in exactly one node: the counts add up to 1 + above + below. The search itself is
bounded (`neighbourhood`); where it was cut, `cut` says that there are more objects than were counted. Equal lineages
give equal views.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np

from domain.errors import Invalid
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import Members, Node
from projections.genealogy.neighbourhood import search
from projections.genealogy.units import FOCUS_UNIT, Links, Shape, Side, Unit, Units

FOLDED_MAX: Final = 80
FOLDED_LEAST: Final = 5
READABLE: Final = 40
MEMBERS_LISTED: Final = 20
_FINENESS: Final = (1 << 30, 4, 3, 2, 1, 0)
_UNITS_MANY: Final = 300


@dataclass(frozen=True, slots=True)
class FoldedNode:
    """One node of the view and the objects it stands for.

    `key` is its number in the view, 0 for the focus. `kind` is empty where kinds are mixed. `lines` says how many
    things there are if a run of versions is one thing, `versions` how long the longest run is (1: no run). `members`
    lists the first MEMBERS_LISTED of the `count` objects by birth. `distance` is that of the nearest member, in steps.
    """

    key: int
    shape: Shape
    side: Side
    kind: str
    count: int
    lines: int
    versions: int
    distance: int
    members: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class FoldedEdge:
    """`count` edges between members of two nodes, by these relations; edges inside a node are folded away."""

    child: int
    parent: int
    relations: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Folded:
    """The view: `above` and `below` count the objects found on each side, each in exactly one node."""

    focus: Node
    position: int | None
    nodes: tuple[FoldedNode, ...]
    edges: tuple[FoldedEdge, ...]
    above: int
    below: int
    cut: bool


@dataclass(slots=True)
class _Group:
    """Units that are one node, in order of birth."""

    units: list[Unit]
    numbers: list[int]

    @property
    def side(self) -> Side:
        return self.units[0].side

    @property
    def count(self) -> int:
        return sum(len(unit.members) for unit in self.units)

    @property
    def order(self) -> tuple[int, int]:
        """Return the distance, and the first birth to part what is equally near."""
        return min(unit.distance for unit in self.units), min(int(unit.members[0]) for unit in self.units)


def fold(genealogy: Genealogy, object_id: UUID, position: int | None = None, most: int = FOLDED_MAX) -> Folded:
    """Return the view around an object as of a position; the time is bounded however large the graph is.

    About 50 ms where the most objects were seen on both sides; a large training set adds about 2 ms.

    Raises:
        NotFound: the object was not born at that position.
        Invalid: not FOLDED_LEAST <= most <= FOLDED_MAX.
    """
    if not FOLDED_LEAST <= most <= FOLDED_MAX:
        raise Invalid(f"fold: expected {FOLDED_LEAST} <= most <= {FOLDED_MAX}, found {most}")
    focus = genealogy.place(object_id, position)
    seen = search(genealogy, focus, position)
    readable = min(READABLE, most)
    plain = not seen.sets and len(seen.above) + len(seen.below) < readable
    units = Units(genealogy, seen, position, plain=plain)
    groups = _alone(units.units) if plain else _readable(units.units, readable)
    shown, hidden = _nearest(groups, most - 1)
    nodes, place = _nodes(genealogy, units, shown, hidden)
    above = sum(group.count for group in groups if group.side is Side.ABOVE)
    below = sum(group.count for group in groups if group.side is Side.BELOW)
    edges = _edges(units.links, place, genealogy.arrays.relation_names.values)
    return Folded(genealogy.arrays.node(focus), position, nodes, edges, above, below, seen.cut)


def _alone(units: list[Unit]) -> list[_Group]:
    return [_Group([unit], [number]) for number, unit in enumerate(units) if number != FOCUS_UNIT]


def _readable(units: list[Unit], most: int) -> list[_Group]:
    """Return the groups by the finest rule that leaves at most `most` nodes with the focus."""
    # Each trial takes time in proportion to the units; of very many only the ends are tried.
    trials = _FINENESS if len(units) <= _UNITS_MANY else (_FINENESS[0], _FINENESS[-1])
    groups: list[_Group] = []
    for fine in trials:
        groups = _grouped(units, fine)
        if len(groups) < most:
            break
    return groups


def _grouped(units: list[Unit], fine: int) -> list[_Group]:
    """Return the groups of rule 3: by the very same neighbours up to distance `fine`, by their groups beyond it."""
    # From the focus outward: children are born after their parents, so above it the last born come first.
    above = [number for number, unit in enumerate(units) if unit.side is Side.ABOVE]
    above.sort(key=lambda number: -int(units[number].members[-1]))
    below = [number for number, unit in enumerate(units) if unit.side is Side.BELOW]
    below.sort(key=lambda number: int(units[number].members[0]))
    group_of: dict[int, int] = {}
    keys: dict[object, int] = {}
    groups: list[_Group] = []
    for number in (*above, *below):
        unit = units[number]
        coarse = unit.distance > fine
        # A neighbour that stands behind us against the order of birth, by a found edge, has no group yet.
        towards = frozenset(
            (coarse and other in group_of, group_of.get(other, other) if coarse else other, relation)
            for other, relation in unit.towards
        )
        key = (unit.side, unit.kind, unit.shape is Shape.TRAINING_SET, towards)
        at = keys.setdefault(key, len(groups))
        if at == len(groups):
            groups.append(_Group([], []))
        groups[at].units.append(unit)
        groups[at].numbers.append(number)
        group_of[number] = at
    return groups


def _nearest(groups: list[_Group], room: int) -> tuple[list[_Group], list[_Group]]:
    """Return the groups that are shown and those that are not: a side gets half, and what the other leaves."""
    sides = {
        side: sorted((group for group in groups if group.side is side), key=lambda group: group.order)
        for side in (Side.ABOVE, Side.BELOW)
    }
    if len(groups) <= room:
        return sides[Side.ABOVE] + sides[Side.BELOW], []
    shown: list[_Group] = []
    hidden: list[_Group] = []
    halves = ((Side.ABOVE, Side.BELOW, room - room // 2), (Side.BELOW, Side.ABOVE, room // 2))
    for side, other, half in halves:
        mine = sides[side]
        share = max(half, room - len(sides[other]))
        # One place of a side that is cut goes to "n more".
        fits = len(mine) if len(mine) <= share else share - 1
        shown += mine[:fits]
        hidden += mine[fits:]
    return shown, hidden


def _nodes(
    genealogy: Genealogy, units: Units, shown: list[_Group], hidden: list[_Group]
) -> tuple[tuple[FoldedNode, ...], dict[int, int]]:
    """Return the nodes of the view, and the node of each unit."""
    focus = _Group([units.units[FOCUS_UNIT]], [FOCUS_UNIT])
    nodes: list[FoldedNode] = []
    place: dict[int, int] = {}
    for group in (focus, *shown):
        place |= dict.fromkeys(group.numbers, len(nodes))
        nodes.append(_node(genealogy, units, len(nodes), group))
    for side in (Side.ABOVE, Side.BELOW):
        rest = [group for group in hidden if group.side is side]
        if rest:
            place |= dict.fromkeys((number for group in rest for number in group.numbers), len(nodes))
            count, lines = sum(group.count for group in rest), sum(len(group.units) for group in rest)
            nodes.append(FoldedNode(len(nodes), Shape.MORE, side, "", count, lines, 1, rest[0].order[0], ()))
    return tuple(nodes), place


def _node(genealogy: Genealogy, units: Units, key: int, group: _Group) -> FoldedNode:
    members = np.sort(np.concatenate([unit.members for unit in group.units]))
    runs = [len(unit.members) for unit in group.units if unit.shape is Shape.VERSIONS]
    training = group.units[0].shape is Shape.TRAINING_SET
    shape = group.units[0].shape if len(group.units) == 1 or training else Shape.SAME
    listed = Members(members[:MEMBERS_LISTED], genealogy.arrays.ids.view())[:]
    return FoldedNode(
        key=key,
        shape=shape,
        side=group.side,
        kind=units.kind_of(members),
        count=len(members),
        lines=len(group.units),
        versions=max(runs, default=1),
        distance=group.order[0],
        members=listed,
    )


def _edges(links: Links, place: dict[int, int], names: Sequence[str]) -> tuple[FoldedEdge, ...]:
    found: dict[tuple[int, int], tuple[set[str], int]] = {}
    for (child, parent, relation), count in links.items():
        ends = place[child], place[parent]
        if ends[0] != ends[1]:
            relations, before = found.get(ends, (set(), 0))
            found[ends] = relations | {names[relation]}, before + count
    return tuple(
        FoldedEdge(child, parent, tuple(sorted(relations)), count)
        for (child, parent), (relations, count) in sorted(found.items())
    )
