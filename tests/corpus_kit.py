"""A film house without its ledger: births, lives and acts of the corpus one at a time."""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from uuid import UUID

from domain.events import ActorKind, Event
from domain.identity.digital_object import DigitalObject, evolve
from domain.identity.events import Parent, Relation
from domain.ids import ObjectId, PartyId
from infra.dev.acts import Act, Draw, Stream, Who
from infra.dev.house import House
from infra.dev.kinds import EVIDENCE, KINDS, Papers
from infra.dev.life import Birth, Lives
from infra.dev.shape import Shape

REGISTRAR = PartyId(UUID("01890a5d-ac96-7000-8000-000000000001"))


class Film:
    """A house with its shape and its lives; `objects` is the size of the corpus that they believe to be in."""

    def __init__(self, seed: int = 1, objects: int = 1_000) -> None:
        self.draw = Draw(seed, objects)
        self.house = House(self.draw, REGISTRAR)
        self.lives = Lives(self.draw, self.house, "test", objects)
        self.crews: list[tuple[Who, ...]] = []
        self.shape = Shape(self.draw, self.house, objects, self._hire)
        self._number = 0

    def _hire(self, number: int) -> tuple[Who, ...]:
        assert number == len(self.crews)
        self.crews.append(tuple(Who(PartyId(self.draw.uuid()), ActorKind.HUMAN) for _ in range(3)))
        return self.crews[-1]

    def papers(self, number: int = 0) -> Papers:
        """Return what a production can show."""
        return Papers(number, {element: self.draw.digest() for element in EVIDENCE}, self.draw.digest())

    def birth(self, kind: str, *parents: ObjectId, bringer: Who | None = None) -> Birth:
        """Return an object of a kind that has not come to the gate yet."""
        self._number += 1
        edges = tuple(Parent(object_id=one, relation=Relation.MADE_FROM) for one in parents)
        who = bringer or self.house.vendors[0]
        stream = Stream(self.draw.uuid())
        return Birth(self._number, KINDS[kind], self.papers(), "night-river", who, edges, stream)

    def submitted(self, kind: str, wanted: Callable[[Birth], bool] = lambda birth: not birth.rejected) -> Birth:
        """Return an object just brought, the first of many of its kind that is as wanted."""
        for _ in range(1_000):
            birth = self.birth(kind)
            life = self.lives.tell(birth)
            while birth.state.birth is None:
                next(life)
            if wanted(birth):
                return birth
        raise AssertionError(f"none of 1,000 of {kind} is as wanted")

    def born(self, keep: Callable[[Birth], bool] = lambda birth: True) -> list[Birth]:
        """Return all births of the shape; what `keep` refuses is treated as rejected."""
        births = []
        for birth in self.shape.births():
            births.append(birth)
            if keep(birth):
                self.shape.keep(birth)
        return births


def acts_of(telling: Iterable[int | Act]) -> list[Act]:
    """Return what is told, without the waits."""
    return [step for step in telling if isinstance(step, Act)]


def events_of(acts: Iterable[Act]) -> list[Event]:
    """Return the events of acts."""
    return [event for act in acts for event in act.events]


def names_of(acts: Iterable[Act]) -> list[str]:
    """Return the names of the events of acts."""
    return [type(event).__name__ for event in events_of(acts)]


def object_of(events: Sequence[Event]) -> DigitalObject:
    """Return the object that these events make."""
    return reduce(evolve, events, DigitalObject())  # type: ignore[arg-type]  # all are events of one object
