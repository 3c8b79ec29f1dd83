"""The corpus: the history of a film house as events of this product, for benchmarks and tests of what reads them.

    acts = Corpus(seed=7, objects=1_000_000, registrar=party).acts()      what happened, one command after another
    rows = small_history(seed=7, objects=500)                             the same as rows of a ledger in memory

Everything comes from seed and size alone: identifiers, times, digests, order. Times run from January 2024 over about
700 days; identifiers are UUIDv7s of these times. The bytes of objects are stand-ins, one line of text each: digests and
sizes are true of them, media types are those of the things they stand for. Documents of which an event only names a
digest are nowhere. Between two acts on an object at most 21,000 others are born, so that memory holds what is under
way, not the history.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush

from domain.errors import Invalid
from domain.events import ActorKind, Event
from domain.evidence.ledger import FoundLedger, Ledger, decide
from domain.governance.events import PartyEnrolled, PartyKind, RoleAssigned
from domain.ids import LedgerId, PartyId
from domain.ledger.merkle import leaf_hash
from infra.bootstrap import schema_texts
from infra.dev.acts import START_US, Act, Draw, Stream, Who
from infra.dev.house import House
from infra.dev.life import Birth, Lives
from infra.dev.means import tell_means
from infra.dev.scribe import Scribe
from infra.dev.shape import Shape
from producers.governance import HOLDER_ROLES
from producers.ports import LedgerRow

OBJECTS_MAX = 10_000_000
CREW = 3
PERFORMERS = 3
PREFIX = "10.5072"


class Corpus:
    """One history; `acts` is told once."""

    def __init__(self, seed: int, objects: int, registrar: PartyId, *, policies: bool = True) -> None:
        """`registrar` enrols the parties and is one of the ledger; `policies` False where they are active there.

        Raises:
            Invalid: not 1 to OBJECTS_MAX objects.
        """
        if not 1 <= objects <= OBJECTS_MAX:
            raise Invalid(f"corpus: expected 1 to {OBJECTS_MAX} objects, found {objects}")
        self._draw = Draw(seed, objects)
        self._policies = policies
        self._house = House(self._draw, registrar)
        self._lives = Lives(self._draw, self._house, corpus_name(seed, objects), objects)
        self._shape = Shape(self._draw, self._house, objects, self._hire)
        self._patience = max(1, min(1_000, objects // 20))
        self._beginning: deque[Iterator[int | Act]] = deque(tell_means(self._draw, self._house, self._patience))
        self._waiting: list[tuple[int, int, Iterator[int | Act]]] = []
        self._waits = 0
        self._now = 0

    @property
    def studio(self) -> PartyId:
        """Return the first party that this corpus enrols."""
        return self._house.studio.party

    def acts(self) -> Iterator[Act]:
        """Tell what happened, in order; what an act's events say is final when it is given."""
        yield from self._house.found(policies=self._policies)
        for birth in self._shape.births():
            self._now = birth.number
            while self._waiting and self._waiting[0][0] <= self._now:
                yield from self._tell(heappop(self._waiting)[2])
            while self._beginning:
                yield from self._tell(self._beginning.popleft())
            yield from self._tell(self._lives.tell(birth))
            if not birth.rejected:
                self._keep(birth)
        while self._waiting:
            self._now, _, telling = heappop(self._waiting)
            yield from self._tell(telling)

    def _tell(self, telling: Iterator[int | Act]) -> Iterator[Act]:
        for step in telling:
            if isinstance(step, int):
                self._waits += 1
                heappush(self._waiting, (self._now + step, self._waits, telling))
                return
            yield step

    def _keep(self, birth: Birth) -> None:
        self._shape.keep(birth)
        awaiting = self._lives.awaiting
        if awaiting:
            for parent in birth.parents:
                if parent.object_id in awaiting:
                    awaiting.pop(parent.object_id).child = birth.object_id

    def _hire(self, number: int) -> tuple[Who, ...]:
        crew = []
        for _ in range(CREW):
            who, telling = self._house.hire()
            crew.append(who)
            self._beginning.append(telling)
        for performer in range(PERFORMERS):
            self._beginning.append(self._house.perform(number * PERFORMERS + performer, self._patience))
        return tuple(crew)


def corpus_name(seed: int, objects: int) -> str:
    """Return what tells one corpus from another."""
    return f"{seed} {objects}"


def founded_in_memory(seed: int, objects: int) -> tuple[LedgerId, Iterator[Act]]:
    """Return a ledger of its own and its history from the founding on: schemas, the registrar, then the corpus."""
    draw = Draw(seed, objects, "founding")
    ledger, registrar = Stream(draw.uuid()), Stream(draw.uuid())
    service = Who(PartyId(draw.uuid()), ActorKind.SERVICE)

    def acts() -> Iterator[Act]:
        founding = FoundLedger(PREFIX, False, ("corpus.edgeprint.example/log",), schema_texts())
        yield Act(ledger, 1, decide(Ledger(), founding), service, START_US)
        roles = tuple(RoleAssigned(role=role) for role in HOLDER_ROLES)
        enrolled: tuple[Event, ...] = (PartyEnrolled(kind=PartyKind.ORGANISATION), *roles)
        yield Act(registrar, 1, enrolled, service, START_US)
        yield from Corpus(seed, objects, PartyId(registrar.stream_id)).acts()

    return LedgerId(ledger.stream_id), acts()


def small_history(seed: int, objects: int) -> list[LedgerRow]:
    """Return the rows of a ledger in memory; `recorded_at` is when it happened. 500 objects take 0.2 s."""
    ledger, acts = founded_in_memory(seed, objects)
    scribe = Scribe(corpus_name(seed, objects), ledger)
    events = (event for act in acts for event in scribe.request(act, act.at_us).events)
    return [LedgerRow(index, one.type, one.entry, leaf_hash(one.entry)) for index, one in enumerate(events)]
