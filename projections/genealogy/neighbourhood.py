"""The part of a lineage that lies around an object, searched by distance up to a bound.

*Above* is what the object comes from, *below* what came from it; what is both, by a circle of found edges, counts as
above. A training set too large to walk is taken whole: its members count one by one, and only those are gone on from
that come from something themselves, if they are few. Everything is told by ordinals.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from projections.genealogy.graph import Genealogy
from projections.genealogy.model import TRAINED_ON, Ordinals

SEARCH_MAX: Final = 1_000
"""Objects seen on one side; the nearest come first."""
WALKED_SET_MAX: Final = 200
"""A training set beyond this is not walked."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What `child` was trained on, less what another set of the lineage has already; `distance` is the members'."""

    child: int
    distance: int
    members: Ordinals


@dataclass(slots=True)
class Neighbourhood:
    """What was seen: the distance of each object on either side, the large training sets, and whether it was cut.

    `through` are members of the sets that the search went on from; members have no distance of their own.
    """

    focus: int
    above: dict[int, int] = field(default_factory=dict)
    below: dict[int, int] = field(default_factory=dict)
    sets: list[TrainingSet] = field(default_factory=list)
    through: set[int] = field(default_factory=set)
    cut: bool = False


def search(genealogy: Genealogy, focus: int, position: int | None) -> Neighbourhood:
    """Return what lies around the object; SEARCH_MAX objects a side, large training sets on top of that."""
    seen = Neighbourhood(focus)
    _search_above(genealogy, seen, position)
    _search_below(genealogy, seen, position)
    _part_sets(seen, len(genealogy))
    return seen


def _search_above(genealogy: Genealogy, seen: Neighbourhood, position: int | None) -> None:
    arrays = genealogy.arrays
    trained_on = arrays.relation_names.find(TRAINED_ON)
    first, relations, parents = arrays.first.view(), arrays.relations.view(), arrays.parents.view()
    waiting = deque([(seen.focus, 0)])
    while waiting:
        child, distance = waiting.popleft()
        start, end = first[child : child + 2]
        training = relations[start:end] == trained_on
        if np.count_nonzero(training) > WALKED_SET_MAX:
            members = _each_once(parents[start:end][training])
            seen.sets.append(TrainingSet(child, distance + 1, members))
            further = set(_with_parents(genealogy, members, position)) - seen.through - set(seen.above)
            if len(further) > WALKED_SET_MAX:
                seen.cut = True
            else:
                seen.through |= further
                waiting.extend((member, distance + 1) for member in sorted(further))
            near = parents[start:end][~training].tolist() + genealogy.found_parents(child, position)
        else:
            near = [parent for parent, _ in genealogy.parents_of(child, position)]
        if not _take(seen, seen.above, near, distance, waiting):
            return


def _with_parents(genealogy: Genealogy, members: Ordinals, position: int | None) -> list[int]:
    """Return the members that come from something, by a declared edge or one found up to the position."""
    arrays = genealogy.arrays
    first = arrays.first.view()
    found = arrays.found_children.view()
    if position is not None:
        found = found[arrays.found_indexes.view() <= position]
    declared: list[int] = members[first[members + 1] > first[members]].tolist()
    at = np.minimum(np.searchsorted(members, found), len(members) - 1)
    later: list[int] = found[members[at] == found].tolist()
    return declared + later


def _search_below(genealogy: Genealogy, seen: Neighbourhood, position: int | None) -> None:
    waiting = deque([(seen.focus, 0)])
    while waiting:
        parent, distance = waiting.popleft()
        if not _take(seen, seen.below, sorted(genealogy.children_of(parent, position)), distance, waiting):
            return


def _take(
    seen: Neighbourhood, side: dict[int, int], near: list[int], distance: int, waiting: deque[tuple[int, int]]
) -> bool:
    """Add what was not seen before; return False, the search being cut, when there is more than SEARCH_MAX."""
    for node in near:
        if node in side or node == seen.focus:
            continue
        if len(side) >= SEARCH_MAX:
            seen.cut = True
            return False
        side[node] = distance + 1
        waiting.append((node, distance + 1))
    return True


def _each_once(nodes: Ordinals) -> Ordinals:
    """Return the nodes in order; np.unique would hash them, which is much slower for what is almost sorted."""
    rising: Ordinals = np.sort(nodes, kind="stable")
    return np.delete(rising, np.flatnonzero(rising[1:] == rising[:-1]))


def _part_sets(seen: Neighbourhood, size: int) -> None:
    """Give each object to one place only: its first large training set, else above, else below."""
    for node in seen.above:
        seen.below.pop(node, None)
    if not seen.sets:
        return
    taken = np.zeros(size, dtype=bool)
    taken[seen.focus] = True
    parted = []
    for one in seen.sets:
        members = one.members[~taken[one.members]]
        taken[members] = True
        if len(members):
            parted.append(TrainingSet(one.child, one.distance, members))
    seen.sets = parted
    for side in (seen.above, seen.below):
        walked = np.fromiter(side, dtype=np.int32)
        for node in walked[taken[walked]].tolist():
            del side[node]
            seen.through.add(node)
