"""What a view never takes apart: single objects, runs of versions, training sets; and the edges among them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from projections.genealogy.arrays import CLASSES_MAX
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import REVISION_OF, TRAINED_ON, Ordinals
from projections.genealogy.neighbourhood import WALKED_SET_MAX, Neighbourhood

TRAINING_FROM: Final = 5
FOCUS_UNIT: Final = 0
_NONE: Final = -1


class Side(StrEnum):
    """Where a node stands: what the focus comes from is above, what came from it below."""

    FOCUS = "focus"
    ABOVE = "above"
    BELOW = "below"


class Shape(StrEnum):
    """Why objects are one node."""

    FOCUS = "focus"
    SINGLE = "single"
    SAME = "same"
    VERSIONS = "versions"
    TRAINING_SET = "training_set"
    MORE = "more"


@dataclass(slots=True)
class Unit:
    """Some objects of one side (rising ordinals), how near the nearest is, and how they lead to the focus.

    `towards` holds, for a unit above, its children there or the focus, for one below its parents; each as the unit's
    number and the code of the relation.
    """

    side: Side
    shape: Shape
    kind: str
    members: Ordinals
    distance: int
    towards: set[tuple[int, int]]


Links = dict[tuple[int, int, int], int]
"""How many edges lead from one unit up to another by one relation: (child, parent, code) -> count."""


class Units:
    """All units of a neighbourhood; number 0 is the focus. `plain` leaves every object single."""

    def __init__(self, genealogy: Genealogy, seen: Neighbourhood, position: int | None, *, plain: bool) -> None:
        self._genealogy = genealogy
        self._arrays = genealogy.arrays
        self._seen = seen
        self._position = position
        self._unit_of = np.full(len(genealogy), _NONE, dtype=np.int32)
        self.units: list[Unit] = []
        self._add(Side.FOCUS, Shape.FOCUS, [seen.focus], 0)
        # Each object's edges up, but not those of a child of very many parents, which are told set by set.
        self._up = {child: genealogy.parents_of(child, position) for child in self._walked() if not self._wide(child)}
        self._add_large_sets()
        if not plain:
            for side, distances in ((Side.ABOVE, seen.above), (Side.BELOW, seen.below)):
                self._add_small_sets(side, distances)
                self._add_versions(side, distances)
        for side, distances in ((Side.ABOVE, seen.above), (Side.BELOW, seen.below)):
            for node, distance in distances.items():
                if self._unit_of[node] == _NONE:
                    self._add(side, Shape.SINGLE, [node], distance)
        self.links = self._link()
        for child, parent, relation in self.links:
            self._lead(child, parent, relation)

    def _walked(self) -> Iterator[int]:
        yield self._seen.focus
        yield from self._seen.above
        yield from self._seen.below
        yield from sorted(self._seen.through)

    def _wide(self, child: int) -> bool:
        start, end = self._arrays.first.view()[child : child + 2]
        return bool(end - start > WALKED_SET_MAX)

    def kind_of(self, members: Ordinals) -> str:
        """Return the kind of these objects, empty if they are of several."""
        kinds = self._arrays.kinds.view()[members]
        return self._arrays.kind_names.values[int(kinds[0])] if bool((kinds == kinds[0]).all()) else ""

    def _add(self, side: Side, shape: Shape, nodes: Sequence[int] | Ordinals, distance: int) -> None:
        members = np.array(nodes, dtype=np.int32)
        self._unit_of[members] = len(self.units)
        self.units.append(Unit(side, shape, self.kind_of(members), members, distance, set()))

    def _add_large_sets(self) -> None:
        for one in self._seen.sets:
            self._add(Side.ABOVE, Shape.TRAINING_SET, one.members, one.distance)

    def _add_small_sets(self, side: Side, distances: dict[int, int]) -> None:
        trained_on = self._arrays.relation_names.find(TRAINED_ON)
        for edges in self._up.values():
            among = {p for p, code in edges if code == trained_on and p in distances}
            members = sorted(p for p in among if self._unit_of[p] == _NONE)
            if len(members) >= TRAINING_FROM:
                self._add(side, Shape.TRAINING_SET, members, min(distances[member] for member in members))

    def _add_versions(self, side: Side, distances: dict[int, int]) -> None:
        """Fold runs of versions: each but the last has one revision here, each but the first revises one object."""
        revision_of = self._arrays.relation_names.find(REVISION_OF)
        free = [node for node in distances if self._unit_of[node] == _NONE]
        kinds = self._arrays.kinds.view()
        after: dict[int, list[int]] = defaultdict(list)
        before: dict[int, list[int]] = defaultdict(list)
        inside = set(free)
        for child in free:
            for parent in {p for p, code in self._up.get(child, ()) if code == revision_of}:
                if parent in inside and kinds[parent] == kinds[child]:
                    after[parent].append(child)
                    before[child].append(parent)

        def following(node: int) -> int | None:
            later = after[node]
            return later[0] if len(later) == 1 and len(before[later[0]]) == 1 else None

        for node in sorted(free):
            earlier = before[node]
            if len(earlier) == 1 and following(earlier[0]) == node:
                continue
            run, at = [node], following(node)
            while at is not None:
                run.append(at)
                at = following(at)
            if len(run) > 1:
                self._add(side, Shape.VERSIONS, run, min(distances[member] for member in run))

    def _link(self) -> Links:
        links: Links = defaultdict(int)
        for child in self._walked():
            mine = int(self._unit_of[child])
            for other, code, count in self._edges_up(child):
                if other != mine:
                    links[mine, other, code] += count
        return dict(links)

    def _edges_up(self, child: int) -> Iterator[tuple[int, int, int]]:
        """Return the edges up from an object inside the neighbourhood: (unit of the parent, code, how many)."""
        if child in self._up:
            edges = self._up[child]
        else:
            start, end = self._arrays.first.view()[child : child + 2]
            units = self._unit_of[self._arrays.parents.view()[start:end]]
            # Unit and code as one number, so that 100,000 edges are counted without going through them.
            both = units.astype(np.int64) * CLASSES_MAX + self._arrays.relations.view()[start:end]
            counts = np.bincount(both[units != _NONE])
            for number in np.flatnonzero(counts).tolist():
                yield number // CLASSES_MAX, number % CLASSES_MAX, int(counts[number])
            edges = [(parent, 0) for parent in self._genealogy.found_parents(child, self._position)]
        for parent, code in edges:
            unit = int(self._unit_of[parent])
            if unit != _NONE:
                yield unit, code, 1

    def _lead(self, child: int, parent: int, relation: int) -> None:
        below, above = self.units[child], self.units[parent]
        if above.side is Side.ABOVE and below.side in (Side.ABOVE, Side.FOCUS):
            above.towards.add((child, relation))
        elif below.side is Side.BELOW and above.side in (Side.BELOW, Side.FOCUS):
            below.towards.add((parent, relation))
