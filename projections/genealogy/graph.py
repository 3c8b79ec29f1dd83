"""The genealogy index, fed in ledger order and asked as of any ledger index.

What holds of the graph. A declared edge points to an object born earlier, so that declared edges close no circle and
the ledger index is a topological order. A found edge comes at any later index between any two objects and may close
one; every walk here keeps a set of what it has visited. *As of N*: the nodes born at or before N, the declared edges of
those, the found edges whose index is at most N. An object is never among its own ancestors or descendants, also where
a circle leads back to it.

How it is fast. Declared edges stand in compiled adjacency, and one call there finds everything above or below a node.
That answers for every position: what leads from X to something born at or before N was itself born at or before N, so
descendants as of N are the live ones less those born later. A model trained on 100,000 images would make the ancestors
of every picture drawn with it expensive: the declared ancestors of an object with that many parents never change, so
they are kept, and the walk upward does not pass it. Found edges are few: they stand in two dictionaries, and a question
goes on from each that starts inside what it has reached.

One thread feeds; nobody may ask while it does. Questions alone may run side by side.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.errors import Invalid, NotFound
from projections.genealogy.arrays import CLASSES_MAX, Arrays
from projections.genealogy.model import (
    FOUND,
    ID_BYTES,
    INCLUDES,
    VERSION_RELATIONS,
    Committed,
    CommonAncestors,
    Edge,
    Family,
    Impact,
    Members,
    Node,
    Ordinals,
    Paths,
    Uses,
    committed_to,
)
from projections.genealogy.paths import PATHS_MAX, Ways, find_paths
from projections.genealogy.reach import Link, Reach

SAMPLE: Final = 20
COMMON_MAX: Final = 1_000
POSITION_LIVE: Final = 2**63 - 1
WIDE_PARENTS: Final = 1_000
"""From so many declared parents on, the ancestors of an object are kept once they were asked for."""
WIDE_KEPT_MAX: Final = 32
_WALK_FIRST = 2_000
_PIECE = 200_000

_Mask = NDArray[np.bool_]


class Genealogy:
    """The index. Every question takes `position`, a ledger index, inclusive; None asks of everything fed so far.

    Every question raises NotFound for an object that was not born at that position.
    """

    def __init__(self, arrays: Arrays | None = None, position: int = -1) -> None:
        """Start empty, or with the columns of a snapshot, which are taken over, and its position."""
        self.arrays = Arrays() if arrays is None else arrays
        self._ordinals: dict[bytes, int] = {}
        self._declared, self._upward, self._includes, self._versions = Reach(), Reach(), Reach(), Reach()
        self._wide: list[int] = []
        self._kept: dict[int, Ordinals] = {}
        self._found_up: dict[int, list[tuple[int, int]]] = {}
        self._found_down: dict[int, list[tuple[int, int]]] = {}
        self._position = position
        if len(self.arrays):
            self._restore()

    def __len__(self) -> int:
        """Return how many objects were born."""
        return len(self.arrays)

    @property
    def position(self) -> int:
        """Return the ledger index up to which the ledger was read; -1 before the first event."""
        return self._position

    @property
    def edge_count(self) -> int:
        """Return how many edges there are, found ones included."""
        return len(self.arrays.parents) + len(self.arrays.found_children)

    # -- what comes in ------------------------------------------------------------------------------------------------

    def born(self, node: Node, edges: Iterable[Edge]) -> None:
        """Add an object and its declared edges.

        Raises:
            Invalid: it is known, its index is not beyond the last one, an edge is not its own, is a found one, or
                points to an object that was not born; nothing was added.
        """
        self._check_next(node.index)
        if node.object_id.bytes in self._ordinals:
            raise Invalid(f"birth at index {node.index}: expected an object not born, found {node.object_id}")
        parents = []
        for edge in edges:
            if edge.child != node.object_id or edge.index != node.index or edge.relation == FOUND:
                raise Invalid(
                    f"birth at index {node.index}: expected a declared edge of {node.object_id}, found {edge}"
                )
            parents.append((self._known(edge.parent, node.index), edge.relation))
        ordinal = len(self.arrays)
        links = [(parent, ordinal, relation) for parent, relation in self.arrays.add_node(node, parents)]
        self._ordinals[node.object_id.bytes] = ordinal
        for graph, chosen in self._layers():
            graph.add_node()
            graph.add_edges(link for link in links if chosen is None or link[2] in chosen)
        self._upward.add_node()
        if len(links) < WIDE_PARENTS:
            self._upward.add_edges(links)
        else:
            self._wide.append(ordinal)
        self._position = node.index

    def found(self, edge: Edge) -> None:
        """Add an edge that was found; the same two objects may be named again.

        Raises:
            Invalid: its index is not beyond the last one, it is of a declared relation, or an end was not born.
        """
        self._check_next(edge.index)
        if edge.relation != FOUND:
            raise Invalid(f"finding at index {edge.index}: expected relation {FOUND}, found {edge.relation}")
        child, parent = self._known(edge.child, edge.index), self._known(edge.parent, edge.index)
        self.arrays.add_found(child, parent, edge.index)
        self._link_found(child, parent, edge.index)
        self._position = edge.index

    def read_to(self, index: int) -> None:
        """Note that the ledger was read up to `index` and held nothing more for the genealogy.

        Raises:
            Invalid: the index lies before the last one.
        """
        if not self._position <= index <= POSITION_LIVE:
            raise Invalid(f"genealogy: expected an index of {self._position} or beyond, found {index}")
        self._position = index

    # -- questions ----------------------------------------------------------------------------------------------------

    def node(self, object_id: UUID, position: int | None = None) -> Node:
        """Return the object as it was born."""
        return self.arrays.node(self.place(object_id, position))

    def depth(self, object_id: UUID, position: int | None = None) -> int:
        """Return the length of the longest declared way up to an object without parents; fixed at birth."""
        return int(self.arrays.depths.view()[self.place(object_id, position)])

    def ancestors(self, object_id: UUID, position: int | None = None) -> Members:
        """Return all that the object comes from, directly or not."""
        return self._members(self.reach(self.place(object_id, position), position, up=True))

    def descendants(self, object_id: UUID, position: int | None = None) -> Members:
        """Return all that comes from the object, directly or not."""
        return self._members(self.reach(self.place(object_id, position), position, up=False))

    def impact(self, object_id: UUID, position: int | None = None) -> Impact:
        """Return how many descendants the object has, by kind, and the first SAMPLE of them."""
        reached = self.reach(self.place(object_id, position), position, up=False)
        names = self.arrays.kind_names.values
        counts = np.bincount(self.arrays.kinds.view()[reached], minlength=len(names)).tolist()
        by_kind = sorted(((name, count) for name, count in zip(names, counts, strict=True) if count), key=_largest)
        return Impact(len(reached), tuple(by_kind), self._members(reached[:SAMPLE])[:])

    def committed_descendants(self, object_id: UUID, position: int | None = None) -> Committed:
        """Return the count of the descendants and the Merkle root over their ids; about 2 µs for each.

        The root of a revocation: who holds the list can show later that it was, or was not, on it.
        """
        return committed_to(self.descendants(object_id, position).raw())

    def paths(self, object_id: UUID, ancestor: UUID, position: int | None = None, most: int = 20) -> Paths:
        """Return up to `most` simple ways from the object up to what it comes from, the shortest first.

        Empty if it does not come from there, or if both are the same.

        Raises:
            Invalid: not 1 <= most <= PATHS_MAX.
        """
        if not 1 <= most <= PATHS_MAX:
            raise Invalid(f"paths: expected 1 <= most <= {PATHS_MAX}, found {most}")
        start, goal = self.place(object_id, position), self.place(ancestor, position)
        reached = self.reach(start, position, up=True)
        if start == goal or not _holds(reached, goal):
            return Paths((), False)
        found = self.found_among(reached, start, position)
        ways = Ways(self.arrays, np.append(reached, np.int32(start)), found)
        return find_paths(ways, start, goal, most)

    def common_ancestors(self, object_ids: Iterable[UUID], position: int | None = None) -> CommonAncestors:
        """Return what all of these come from; an object counts among its own ancestors here.

        Raises:
            Invalid: not 1 to COMMON_MAX objects.
        """
        starts = [self.place(object_id, position) for object_id in object_ids]
        if not 1 <= len(starts) <= COMMON_MAX:
            raise Invalid(f"common ancestors: expected 1 to {COMMON_MAX} objects, found {len(starts)}")
        common = np.ones(len(self), dtype=bool)
        for start in starts:
            mine = np.zeros(len(self), dtype=bool)
            mine[self.reach(start, position, up=True)] = True
            mine[start] = True
            common &= mine
        every = _places(common)
        parents = chain(
            self.arrays.edges_of(every)[1].tolist(),
            (p for c in every.tolist() for p in self._found(c, position, True) if p != c),
        )
        common[list(parents)] = False
        return CommonAncestors(self._members(every), self._members(_places(common)))

    def used_in(self, object_id: UUID, position: int | None = None) -> Uses:
        """Return what includes the object, directly or not, and what was made of it in one step otherwise."""
        start = self.place(object_id, position)
        limit = self.limit(position)
        direct: dict[str, set[int]] = {}
        for _, child, relation in self._declared.children(start):
            if child < limit:
                direct.setdefault(self.arrays.relation_names.values[relation], set()).add(child)
        if found := set(self._found(start, position, up=False)) - {start}:
            direct[FOUND] = found
        directly = direct.pop(INCLUDES, set())
        within = _rising(self._includes.down(start), limit)
        other = tuple((name, self._members(_rising(direct[name], limit))) for name in sorted(direct))
        return Uses(self._members(within), self._members(_rising(directly, limit)), other)

    def version_family(self, object_id: UUID, position: int | None = None) -> Family:
        """Return all versions of the object: what revision_of and variant_of edges bind to it, either way."""
        start = self.place(object_id, position)
        limit = self.limit(position)
        seen, waiting = {start}, [start]
        links: set[Link] = set()
        while waiting:
            at = waiting.pop()
            near = [link for link in self._versions.children(at) if link[1] < limit]
            links.update(near)
            others = [child for _, child, _ in near] + [parent for parent, _, _ in self._versions.parents(at)]
            fresh = set(others) - seen
            seen |= fresh
            waiting.extend(fresh)
        edges = [self.arrays.edge(child, parent, relation) for parent, child, relation in sorted(links, key=_by_child)]
        return Family(self._members(_rising(seen, limit)), tuple(edges))

    # -- by ordinal, for the views drawn from it ----------------------------------------------------------------------

    def place(self, object_id: UUID, position: int | None = None) -> int:
        """Return the ordinal of an object.

        Raises:
            NotFound: it was not born at that position.
        """
        ordinal = self._ordinals.get(object_id.bytes)
        if ordinal is None or ordinal >= self.limit(position):
            when = "" if position is None else f" as of index {position}"
            raise NotFound(f"genealogy: expected an object that was born{when}, found none under {object_id}")
        return ordinal

    def limit(self, position: int | None) -> int:
        """Return how many objects were born at or before the position."""
        if position is None:
            return len(self.arrays)
        return int(np.searchsorted(self.arrays.indexes.view(), position, side="right"))

    def reach(self, start: int, position: int | None, *, up: bool) -> Ordinals:
        """Return the ordinals of all ancestors (`up`) or descendants, rising; found edges are followed too."""
        limit = self.limit(position)
        mask = np.zeros(len(self.arrays), dtype=bool)
        self._mark(mask, start, limit, up)
        near = self._found_up if up else self._found_down
        ends = (self.arrays.found_children if up else self.arrays.found_parents).view()
        waiting = [other for at in set(ends[mask[ends]].tolist()) for other in self._found(at, position, up)]
        while waiting:
            source = waiting.pop()
            if not mask[source]:
                fresh = self._explore(source, mask, limit, up)
                waiting += [other for at in _both(fresh, near) for other in self._found(at, position, up)]
        mask[start] = False
        return _places(mask)

    def parents_of(self, child: int, position: int | None) -> list[tuple[int, int]]:
        """Return the edges up from a node as (parent, code of the relation), found ones (code 0) last."""
        return self.arrays.parents_of(child) + [(parent, 0) for parent in self.found_parents(child, position)]

    def found_parents(self, child: int, position: int | None) -> list[int]:
        """Return the other ends of the found edges up from a node."""
        return self._found(child, position, up=True)

    def found_edges(self, child: int, position: int | None) -> list[tuple[int, int]]:
        """Return the found edges up from a node as (index, parent), in ledger order."""
        at = POSITION_LIVE if position is None else position
        return [(index, parent) for index, parent in self._found_up.get(child, ()) if index <= at]

    def children_of(self, parent: int, position: int | None) -> list[int]:
        """Return the children of a node; one may come twice."""
        limit = self.limit(position)
        children = [child for child in self._declared.child_nodes(parent) if child < limit]
        return children + self._found(parent, position, up=False)

    def found_among(self, nodes: Ordinals, start: int, position: int | None) -> list[tuple[int, int]]:
        """Return the found edges as (child, parent) whose child is `start` or one of these."""
        inside = _both({start, *nodes.tolist()}, self._found_up) if self._found_up else []
        return [(child, parent) for child in sorted(inside) for parent in self._found(child, position, up=True)]

    # -- within -------------------------------------------------------------------------------------------------------

    def _mark(self, mask: _Mask, source: int, limit: int, up: bool) -> None:
        """Mark `source` and all its declared ancestors or descendants that were born before `limit`."""
        reached = _ordinals(self._upward.up(source) if up else self._declared.down(source))
        mask[reached[reached < limit]] = True
        mask[source] = True
        if up:
            for wide in self._wide:
                if mask[wide]:
                    mask[self._ancestors_of_wide(wide)] = True

    def _ancestors_of_wide(self, wide: int) -> Ordinals:
        """Return the declared ancestors of an object with many parents; the last WIDE_KEPT_MAX answers are kept."""
        kept = self._kept.get(wide)
        if kept is None:
            kept = _ordinals(self._declared.up(wide))
            if len(self._kept) >= WIDE_KEPT_MAX:
                self._kept.pop(next(iter(self._kept)), None)
            self._kept[wide] = kept
        return kept

    def _explore(self, source: int, mask: _Mask, limit: int, up: bool) -> set[int]:
        """Mark what `source` adds to what was seen, itself and what lies beyond it, and return it.

        A short walk stops at what was seen and pays only for what it adds; if that turns out to be much, the compiled
        walk does it again in full. The measure grows with what was seen, so that few walks are ever done in full.
        """
        nearby: Callable[[int], Iterable[int]]
        nearby = (lambda at: [p for p, _ in self.arrays.parents_of(at)]) if up else self._declared.child_nodes
        fresh, waiting = {source}, [source]
        most = _WALK_FIRST + int(np.count_nonzero(mask)) // 8
        while waiting:
            for node in nearby(waiting.pop()):
                if node < limit and node not in fresh and not mask[node]:
                    fresh.add(node)
                    waiting.append(node)
            if len(fresh) > most:
                before = mask.copy()
                self._mark(mask, source, limit, up)
                return set(np.flatnonzero(mask & ~before).tolist())
        mask[_ordinals(fresh)] = True
        return fresh

    def _found(self, node: int, position: int | None, up: bool) -> list[int]:
        """Return the other ends of the found edges at a node."""
        at = POSITION_LIVE if position is None else position
        near = self._found_up if up else self._found_down
        return [other for index, other in near.get(node, ()) if index <= at]

    def _members(self, ordinals: Ordinals) -> Members:
        return Members(ordinals, self.arrays.ids.view())

    def _known(self, object_id: UUID, index: int) -> int:
        ordinal = self._ordinals.get(object_id.bytes)
        if ordinal is None:
            raise Invalid(f"edge at index {index}: expected an object born earlier, found none under {object_id}")
        return ordinal

    def _check_next(self, index: int) -> None:
        if not self._position < index <= POSITION_LIVE:
            raise Invalid(f"genealogy: expected an index beyond {self._position}, found {index}")

    def _layers(self) -> tuple[tuple[Reach, frozenset[int] | None], ...]:
        """Return each graph with the codes of the relations it holds; None stands for all."""
        find = self.arrays.relation_names.find
        includes = frozenset(code for code in (find(INCLUDES),) if code is not None)
        versions = frozenset(code for code in map(find, VERSION_RELATIONS) if code is not None)
        return (self._declared, None), (self._includes, includes), (self._versions, versions)

    def _link_found(self, child: int, parent: int, index: int) -> None:
        self._found_up.setdefault(child, []).append((index, parent))
        self._found_down.setdefault(parent, []).append((index, child))

    def _restore(self) -> None:
        """Build from the columns what is not saved."""
        arrays = self.arrays
        ids = arrays.ids.view().tobytes()
        self._ordinals = {ids[at : at + ID_BYTES]: at // ID_BYTES for at in range(0, len(ids), ID_BYTES)}
        counts = np.diff(arrays.first.view())
        wide = counts >= WIDE_PARENTS
        self._wide = np.flatnonzero(wide).tolist()
        size = len(arrays)
        codes = np.bincount(arrays.relations.view(), minlength=CLASSES_MAX)
        _, (_, includes), (_, versions) = self._layers()
        self._declared = Reach(size, len(arrays.parents))
        self._upward = Reach(size, int(counts[~wide].sum()))
        self._includes = Reach(size, int(codes[sorted(includes or ())].sum()))
        self._versions = Reach(size, int(codes[sorted(versions or ())].sum()))
        for graph in (self._declared, self._upward, self._includes, self._versions):
            graph.add_nodes(size)
        children = np.repeat(np.arange(size, dtype=np.int32), counts)
        for start in range(0, len(children), _PIECE):
            piece = slice(start, start + _PIECE)
            relations = arrays.relations.view()[piece]
            columns = (arrays.parents.view()[piece], children[piece], relations)
            self._upward.add_edges(_rows(columns, ~wide[children[piece]]))
            for graph, chosen in self._layers():
                graph.add_edges(_rows(columns, True if chosen is None else np.isin(relations, sorted(chosen))))
        found = (arrays.found_children, arrays.found_parents, arrays.found_indexes)
        for child, parent, index in zip(*(column.view().tolist() for column in found), strict=True):
            self._link_found(child, parent, index)


def _largest(row: tuple[str, int]) -> tuple[int, str]:
    return -row[1], row[0]


def _by_child(link: Link) -> tuple[int, int, int]:
    return link[1], link[0], link[2]


def _both(nodes: set[int], near: dict[int, list[tuple[int, int]]]) -> list[int]:
    """Return what stands in both, in the time of the smaller one."""
    if len(nodes) < len(near):
        return [node for node in nodes if node in near]
    return [node for node in near if node in nodes]


def _places(mask: _Mask) -> Ordinals:
    return np.flatnonzero(mask).astype(np.int32)


def _holds(rising: Ordinals, ordinal: int) -> bool:
    at = int(np.searchsorted(rising, ordinal))
    return at < len(rising) and int(rising[at]) == ordinal


def _ordinals(nodes: set[int]) -> Ordinals:
    return np.fromiter(nodes, dtype=np.int32, count=len(nodes))


def _rising(nodes: set[int], limit: int) -> Ordinals:
    """Return the nodes below `limit` in order."""
    found = _ordinals(nodes)
    found = found[found < limit]
    found.sort()
    return found


def _rows(columns: Iterable[NDArray[np.generic]], wanted: _Mask | bool) -> Iterable[Link]:
    chosen = [column if wanted is True else column[wanted] for column in columns]
    return zip(*(column.tolist() for column in chosen), strict=True)
