"""The shape of a film house: productions one after another, and what is made of what.

Up to six productions are under way at a time. Of a production's objects each kind has its share (`infra.dev.kinds`):
screenplays in chains of 3 to 30 revisions, storyboards after them, meshes that include textures, scenes that include 3
to 8 meshes, 4 to 12 textures and a look-up table, shots rendered from scenes, proxies converted down, timelines that
include 20 to 120 shots, packages that include up to 200 objects. Half of the textures of a scene are the house's own,
the favourites of which stand in thousands of scenes; one of the three look-up tables is in every scene. Images are
generated from prompts, references and weights. What is missing yet is made first.

One object in ten is a member of the house's training set. An object has at most PARENTS_MAX parents, so a larger set is
a tree: members in data sets of 200, these in data sets of 200, up to one, and the weights are trained on that one.
"""

from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from domain.events import Sha256
from domain.identity.events import PARENTS_MAX, Element, Origin, Parent, Relation
from domain.ids import ObjectId
from infra.dev.acts import Draw, Pool, Stream, Who
from infra.dev.house import House
from infra.dev.kinds import EVIDENCE, KINDS, Kind, Papers
from infra.dev.life import Birth

ACTIVE: Final = 6
PRODUCTIONS: Final = 60
MEMBERS: Final = frozenset({"still", "scan", "image", "stock"})
TRAINED_SHARE: Final = 10
LIBRARY: Final = 300
LEAST: Final = 400
DRAFTS_MAX: Final = 3
PARENT_KINDS: Final = (
    "screenplay", "storyboard", "prompt", "still", "plate", "scan", "texture", "mesh", "scene", "image", "shot"
)  # fmt: skip
REVISIONS: Final = (3, 30)
_FIRST: Final = ("lut", "lut", "lut", "base-weights", "base-weights")
_ADJECTIVES: Final = ("night", "red", "silent", "paper", "winter", "glass", "second", "inner", "iron", "blue", "late")
_NOUNS: Final = ("river", "lantern", "harbour", "orchard", "signal", "mountain", "ferry", "mirror", "station", "kite")
_SHARED: Final = tuple(kind for kind in KINDS.values() if kind.share)
_LIMITS: Final = tuple(accumulate(kind.share for kind in _SHARED))
Edges = dict[ObjectId, Relation]
"""The parents of an object to be: each once."""
NEEDED: Final = {
    "storyboard": "screenplay",
    "restoration": "scan",
    "texture": "still",
    "mesh": "texture",
    "scene": "mesh",
    "image": "prompt",
    "matte": "plate",
    "shot": "scene",
    "proxy": "shot",
    "timeline": "shot",
    "package": "still",
    "character": "mesh",
    "weights": "image",
}
"""What is made first where there is nothing yet of which a kind could be made."""


def _from_nothing(_: object) -> Edges:
    return {}


def project_code(number: int) -> str:
    """Return the code of a production: two words, and from the 110th on a number behind them."""
    first, second = divmod(number, len(_NOUNS))
    again, first = divmod(first, len(_ADJECTIVES))
    return f"{_ADJECTIVES[first]}-{_NOUNS[second]}" + (f"-{again + 1}" if again else "")


class TrainingSet:
    """A set of `size` objects, cut into data sets that an object can include, and those again, up to one root."""

    def __init__(self, size: int) -> None:
        self.root: ObjectId | None = None
        self._left = size
        self._members: list[ObjectId] = []
        self._made: list[ObjectId] = []
        self._waiting: deque[Sequence[ObjectId]] = deque()

    def offer(self, object_id: ObjectId) -> None:
        """Take an object into the set, unless it has its size."""
        if self._left:
            self._left -= 1
            self._members.append(object_id)
            if len(self._members) == PARENTS_MAX or not self._left:
                self._waiting.append(self._members)
                self._members = []

    def next(self) -> Sequence[ObjectId] | None:
        """Return what the next data set includes, None where none is due."""
        return self._waiting.popleft() if self._waiting else None

    def made(self, object_id: ObjectId) -> None:
        """Hear that the data set of the last answer is an object now."""
        self._made.append(object_id)
        if self._left or self._waiting:
            return
        level, self._made = self._made, []
        if len(level) == 1:
            self.root = object_id
        else:
            self._waiting.extend(level[at : at + PARENTS_MAX] for at in range(0, len(level), PARENTS_MAX))


@dataclass(slots=True)
class Production:
    """One film: its code, what it can show for its objects, its people, what it has made, what it still makes."""

    code: str
    papers: Papers
    crew: tuple[Who, ...]
    left: int
    made: dict[str, Pool]
    everything: Pool
    drafts: list[tuple[ObjectId, int]] = field(default_factory=list)


class Shape:
    """Gives births one after another; `keep` what became an object before asking for the next."""

    def __init__(self, draw: Draw, house: House, objects: int, hire: Callable[[int], tuple[Who, ...]]) -> None:
        """`hire(number)` enrols the people of production `number` and returns its crew."""
        self._draw = draw
        self._house = house
        self._objects = objects
        self._hire = hire
        self._born = 0
        self._started = 0
        self._active: list[Production] = []
        self._active_max = max(1, min(ACTIVE, objects // (2 * LEAST)))
        self._maker: Production
        self._revisions = 0
        self._common = {name: Pool(draw, LIBRARY) for name in ("texture", "lut", "weights", "base-weights")}
        self._training = TrainingSet(max(1, objects // TRAINED_SHARE))
        self._set_under_way = False
        self._planned: deque[tuple[Kind, Edges]] = deque((KINDS[name], {}) for name in _FIRST)
        self._recipes: dict[str, Callable[[Production], Edges | None]] = {
            "screenplay": self._screenplay,
            "storyboard": lambda p: self._from(p, "screenplay", Relation.MADE_FROM, 1, 1),
            "restoration": lambda p: self._from(p, "scan", Relation.DERIVATION_OF, 1, 1),
            "texture": lambda p: self._from(p, "still", Relation.MADE_FROM, 1, 3),
            "mesh": lambda p: self._from(p, "texture", Relation.INCLUDES, 1, 4),
            "scene": self._scene,
            "image": self._image,
            "matte": lambda p: self._from(p, "plate", Relation.MADE_FROM, 1, 2),
            "shot": lambda p: self._from(p, "scene", Relation.RENDERED_FROM, 1, 1),
            "proxy": lambda p: self._from(p, "shot", Relation.DOWN_CONVERTED_FROM, 1, 1),
            "timeline": lambda p: self._from(p, "shot", Relation.INCLUDES, 20, 120),
            "package": lambda p: dict.fromkeys(p.everything.sample(PARENTS_MAX), Relation.INCLUDES) or None,
            "character": lambda p: self._from(p, "mesh", Relation.VARIANT_OF, 1, 1),
            "weights": lambda p: self._from(p, "image", Relation.INCLUDES, 20, PARENTS_MAX),
        }

    def births(self) -> Iterator[Birth]:
        """Give exactly as many births as the corpus has objects."""
        while self._born < self._objects:
            yield self._next()

    def keep(self, birth: Birth) -> None:
        """Let others be made of the birth given last, which was let in or waits; of what was rejected nothing is."""
        object_id, name, maker = birth.object_id, birth.kind.name, self._maker
        maker.everything.add(object_id)
        if name in maker.made:
            maker.made[name].add(object_id)
        if name in MEMBERS:
            self._training.offer(object_id)
        if name in self._common:
            self._common[name].add(object_id)
        if name == "screenplay" and self._revisions:
            maker.drafts.append((object_id, self._revisions))
        if name == "dataset":
            self._keep_set(object_id)

    def _keep_set(self, object_id: ObjectId) -> None:
        trained_on: ObjectId | None = object_id
        if self._set_under_way:
            self._set_under_way = False
            self._training.made(object_id)
            trained_on = self._training.root
        if trained_on is not None:
            edges = {trained_on: Relation.TRAINED_ON}
            if len(self._common["base-weights"]):
                edges[self._common["base-weights"].pick()] = Relation.DERIVATION_OF
            self._planned.append((KINDS["weights"], edges))

    def _next(self) -> Birth:
        while len(self._active) < self._active_max:
            self._active.append(self._start())
        production = self._maker = self._draw.one_of(self._active)
        kind, edges = self._choose(production)
        production.left -= 1
        if production.left <= 0:
            self._active.remove(production)
        self._born += 1
        return Birth(
            number=self._born,
            kind=kind,
            papers=production.papers,
            project=production.code,
            bringer=self._bringer(kind, production),
            parents=tuple([Parent(object_id=one, relation=relation) for one, relation in edges.items()]),
            stream=Stream(self._draw.uuid()),
        )

    def _start(self) -> Production:
        draw, number = self._draw, self._started
        self._started += 1
        evidence: dict[Element, Sha256] = {element: draw.digest() for element in EVIDENCE}
        return Production(
            code=project_code(number),
            papers=Papers(number, evidence, draw.digest()),
            crew=self._hire(number),
            left=max(LEAST, int(self._objects / PRODUCTIONS * (0.3 + 1.4 * draw.random.random()))),
            made={name: Pool(draw) for name in PARENT_KINDS},
            everything=Pool(draw),
        )

    def _choose(self, production: Production) -> tuple[Kind, Edges]:
        if self._planned:
            return self._planned.popleft()
        members = self._training.next()
        if members is not None:
            self._set_under_way = True
            return KINDS["dataset"], dict.fromkeys(members, Relation.INCLUDES)
        kind = _SHARED[bisect(_LIMITS, self._draw.random.random() * _LIMITS[-1])]
        while (edges := self._recipe(kind)(production)) is None:
            kind = KINDS[NEEDED[kind.name]]
        # Weights come in two steps: the set that they are trained on, then, once that is an object, they themselves.
        return (KINDS["dataset"] if kind.name == "weights" else kind), edges

    def _recipe(self, kind: Kind) -> Callable[[Production], Edges | None]:
        return self._recipes.get(kind.name, _from_nothing)

    def _bringer(self, kind: Kind, production: Production) -> Who:
        house = self._house
        match kind.origin:
            case Origin.CAPTURED:
                return house.scanner if kind.name == "scan" else house.camera
            case Origin.GENERATED_HERE:
                return self._draw.one_of(house.agents)
            case Origin.ALGORITHMIC:
                return house.renderer
            case Origin.IMPORTED | Origin.EXTERNAL_SERVICE:
                return self._draw.one_of(house.vendors)
        return house.studio if kind.name == "dataset" else self._draw.one_of(production.crew)

    # -- recipes: what an object of a kind is made of, None where that is not there yet -------------------------------

    def _from(self, production: Production, name: str, relation: Relation, low: int, high: int) -> Edges | None:
        pool = production.made[name]
        return dict.fromkeys(pool.sample(self._draw.between(low, high)), relation) if len(pool) else None

    def _screenplay(self, production: Production) -> Edges:
        drafts = production.drafts
        if drafts and (len(drafts) == DRAFTS_MAX or self._draw.chance(0.8)):
            before, left = drafts.pop(self._draw.between(0, len(drafts) - 1))
            self._revisions = left - 1
            return {before: Relation.REVISION_OF}
        self._revisions = self._draw.between(*REVISIONS) - 1
        return {}

    def _scene(self, production: Production) -> Edges | None:
        edges = self._from(production, "mesh", Relation.INCLUDES, 3, 8)
        library, luts, scenes = self._common["texture"], self._common["lut"], production.made["scene"]
        if edges is None or not len(library):
            return None
        for _ in range(self._draw.between(2, 6)):
            edges[library.favourite()] = Relation.INCLUDES
        edges.update(self._from(production, "texture", Relation.INCLUDES, 2, 6) or {})
        if len(luts):
            edges[luts.favourite()] = Relation.INCLUDES
        if len(scenes) and self._draw.chance(0.2):
            edges[scenes.pick()] = Relation.VARIANT_OF
        return edges

    def _image(self, production: Production) -> Edges | None:
        edges = self._from(production, "prompt", Relation.PROMPTED_BY, 1, 1)
        if edges is None:
            return None
        edges.update(self._from(production, "still", Relation.MADE_FROM, 0, 2) or {})
        edges.update(self._from(production, "storyboard", Relation.MADE_FROM, 0, 1) or {})
        if len(self._common["weights"]) and self._draw.chance(0.5):
            edges[self._common["weights"].favourite()] = Relation.DERIVATION_OF
        if len(production.made["image"]) and self._draw.chance(0.15):
            edges[production.made["image"].pick()] = Relation.VARIANT_OF
        return edges
