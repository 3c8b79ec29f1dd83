"""Small genealogies for tests, and an oracle that answers from the text of the design with plain dictionaries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import strategies as st

from domain.identity.events import Relation
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge, Node

LEDGER = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")
HOLDERS = tuple(UUID(int=0x01937E3F2B5C7000800000000000F000 + number) for number in range(3))
KINDS = ("image", "mesh", "shot")
DECLARED = tuple(relation.value for relation in Relation if relation is not Relation.UNSPECIFIED)


def object_id(number: int) -> UUID:
    """Return the id of object `number`; ids do not rise with their number, as ids of several machines do not."""
    return UUID(int=0x01937E3F2B5C70008000000000000000 + (number * 0x9E3779B97F4A7C15 & 0x3FFFFFFFFFFFFFFF))


def node(number: int, index: int, kind: str = "image", project: str | None = "film") -> Node:
    """Return object `number`, born at `index`."""
    return Node(object_id(number), index, kind, "static", "captured", HOLDERS[number % len(HOLDERS)], project)


def name(object_id: UUID) -> str:
    """Return an identifier as a caller would write it."""
    return f"10.5072/O.{object_id.hex.upper()}"


Fact = tuple[Node, tuple[Edge, ...]] | Edge


def feed(genealogy: Genealogy, facts: Iterable[Fact]) -> Genealogy:
    """Feed facts in order and return the index."""
    for fact in facts:
        if isinstance(fact, Edge):
            genealogy.found(fact)
        else:
            genealogy.born(*fact)
    return genealogy


class Story:
    """Facts by hand: each event takes the next ledger index; objects go by small numbers."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.index = -1

    def born(self, number: int, kind: str = "image", project: str | None = "film", **parents: Sequence[int]) -> int:
        """Add object `number` with its parents by relation, and return its index."""
        self.index += 1
        child = node(number, self.index, kind, project)
        edges = [
            Edge(child.object_id, object_id(parent), relation, self.index)
            for relation, numbers in parents.items()
            for parent in numbers
        ]
        self.facts.append((child, tuple(edges)))
        return self.index

    def found(self, child: int, parent: int) -> int:
        """Add a found edge and return its index."""
        self.index += 1
        self.facts.append(Edge(object_id(child), object_id(parent), FOUND, self.index))
        return self.index

    def told(self) -> Genealogy:
        """Return the index of all of it."""
        return feed(Genealogy(), self.facts)


@st.composite
def stories(draw: st.DrawFn, most: int = 14) -> Story:
    """Return a random genealogy: births with declared edges, found edges anywhere, circles and repetitions included."""
    story = Story()
    born = 0
    for _ in range(draw(st.integers(1, most))):
        story.index += draw(st.integers(0, 2))  # events of other kinds lie between
        if born > 1 and draw(st.integers(0, 3)) == 0:
            story.found(draw(st.integers(0, born - 1)), draw(st.integers(0, born - 1)))
            continue
        edges: dict[str, list[int]] = {}
        for _ in range(draw(st.integers(0, 3)) if born else 0):
            edges.setdefault(draw(st.sampled_from(DECLARED)), []).append(draw(st.integers(0, born - 1)))
        story.born(born, draw(st.sampled_from(KINDS)), draw(st.sampled_from(("film", None))), **edges)
        born += 1
    return story


@dataclass
class Oracle:
    """The slow answer as of one position: only what the ledger held up to there, walked edge by edge."""

    nodes: dict[UUID, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    @classmethod
    def at(cls, facts: Iterable[Fact], position: int | None) -> "Oracle":
        """Return the oracle that was told the facts up to `position`."""
        oracle = cls()
        for fact in facts:
            index = fact.index if isinstance(fact, Edge) else fact[0].index
            if position is not None and index > position:
                continue
            if isinstance(fact, Edge):
                oracle.edges.append(fact)
            else:
                oracle.nodes[fact[0].object_id] = fact[0]
                oracle.edges.extend(fact[1])
        return oracle

    def walk(self, start: UUID, *, up: bool, relations: frozenset[str] | None = None) -> set[UUID]:
        """Return all that is reached from `start`, itself excluded."""
        seen: set[UUID] = set()
        waiting = [start]
        while waiting:
            at = waiting.pop()
            for edge in self.edges:
                here, there = (edge.child, edge.parent) if up else (edge.parent, edge.child)
                if here == at and there not in seen and (relations is None or edge.relation in relations):
                    seen.add(there)
                    waiting.append(there)
        return seen - {start}

    def ancestors(self, start: UUID) -> set[UUID]:
        """Return all that it comes from."""
        return self.walk(start, up=True)

    def descendants(self, start: UUID) -> set[UUID]:
        """Return all that comes from it."""
        return self.walk(start, up=False)

    def ways(self, child: UUID, ancestor: UUID) -> set[tuple[UUID, ...]]:
        """Return every simple way up, by the objects it passes."""
        found: set[tuple[UUID, ...]] = set()
        waiting: list[tuple[UUID, ...]] = [(child,)]
        while waiting:
            way = waiting.pop()
            if way[-1] == ancestor and len(way) > 1:
                found.add(way)
                continue
            parents = {edge.parent for edge in self.edges if edge.child == way[-1]}
            waiting.extend((*way, parent) for parent in parents if parent not in way)
        return found

    def depth(self, start: UUID) -> int:
        """Return the longest declared way up."""
        parents = [edge.parent for edge in self.edges if edge.child == start and edge.relation != FOUND]
        return 1 + max(map(self.depth, parents)) if parents else 0

    def count_by_kind(self, ids: Iterable[UUID]) -> Mapping[str, int]:
        """Return how many of these there are of each kind."""
        counts: dict[str, int] = {}
        for one in ids:
            counts[self.nodes[one].kind] = counts.get(self.nodes[one].kind, 0) + 1
        return counts


def film_story() -> tuple[Story, int]:
    """Return a film of 483 objects as a production leaves it behind, and the number of its package.

    A model trained on 120 photographs; 20 sets of four concept pictures in versions, a scan and a mesh each; meshes
    with a shared and an own texture; shots of three meshes; two timelines; the package; what was drawn from it.
    """
    story = Story()
    number = iter(range(10_000))

    def born(kind: str, **parents: Sequence[int]) -> int:
        made = next(number)
        story.born(made, kind, **parents)
        return made

    photographs = [born("photograph") for _ in range(120)]
    base = born("weights")
    model = born("weights", trained_on=photographs, derivation_of=[base])
    screenplay = [born("screenplay")]
    screenplay.append(born("screenplay", revision_of=screenplay[-1:]))
    screenplay.append(born("screenplay", revision_of=screenplay[-1:]))
    shared = [born("texture") for _ in range(3)]
    meshes = []
    for place in range(20):
        picture = born("image", prompted_by=[model], derivation_of=screenplay[-1:])
        for _ in range(3):
            picture = born("image", revision_of=[picture])
        scan = born("scan")
        own = born("texture", made_from=[picture])
        mesh = born("mesh", made_from=[picture, scan, own, shared[place % 3]])
        if place % 4 == 0:
            mesh = born("mesh", revision_of=[mesh])
        meshes.append(mesh)
    shots = []
    for place in range(60):
        shot = born("shot", includes=[meshes[(place + step) % 20] for step in range(3)])
        shots.append(born("render", rendered_from=[shot]))
    timelines = [born("timeline", includes=shots[:30]), born("timeline", includes=shots[30:])]
    grade = born("grade", made_from=screenplay[-1:])
    package = born("package", includes=[*timelines, grade])
    trailer = born("timeline", derivation_of=[package])
    for _ in range(20):
        born("clip", down_converted_from=[trailer])
    for _ in range(40):
        born("still", derivation_of=[package])
    while (rest := 483 - len(story.facts)) > 0:
        born("poster" if rest % 2 else "banner", derivation_of=[package])
    return story, package
