"""The words of the corpus: an act is what one command wrote, a draw is where its chance and its time come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar
from uuid import UUID

from domain.events import ZERO_HASH, ActorKind, Event, Sha256
from domain.ids import RANDOM_BYTES, ObjectId, PartyId, uuid7

START_US: Final = 1_704_067_200_000_000
"""2024-01-01T00:00:00Z: when the house opens."""
SPAN_US: Final = 700 * 86_400 * 1_000_000
"""About how long its history is, however many objects it has."""
POOL_MAX: Final = 2_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Who:
    """The party that acts, and for whom under a mandate."""

    party: PartyId
    kind: ActorKind
    for_whom: PartyId | None = None

    @property
    def principal(self) -> PartyId:
        """Return for whom it acts: itself where there is no mandate."""
        return self.for_whom or self.party


@dataclass(slots=True)
class Stream:
    """A stream as far as it is told: `version` events; `last_leaf` is set by whoever encodes them."""

    stream_id: UUID
    version: int = 0
    last_leaf: Sha256 = ZERO_HASH


@dataclass(slots=True)
class Act:
    """The events of one command on one stream, the first of them at version `first`.

    `at_us` is when it happened; `policy` names the policy that decided, "" for none; `data` are the bytes that the
    events name by digest and that a blob store would hold.
    """

    stream: Stream
    first: int
    events: tuple[Event, ...]
    who: Who
    at_us: int
    policy: str = ""
    data: tuple[bytes, ...] = ()


class Draw:
    """Chance and time of one corpus: equal seeds and sizes give equal histories. Time rises with every act."""

    def __init__(self, seed: int, objects: int, what: str = "history") -> None:
        """`what` sets draws of one corpus apart."""
        self.random = Random(f"edgeprint corpus {what} {seed} {objects}")
        self.now_us = START_US
        self._step_us = SPAN_US // objects

    def uuid(self) -> UUID:
        """Return a UUIDv7 of the time that it is now."""
        return uuid7(self.now_us, self.random.randbytes(RANDOM_BYTES))

    def digest(self) -> Sha256:
        """Return 32 bytes: the digest of a document that is nowhere, or a commitment."""
        return Sha256(self.random.randbytes(32))

    def chance(self, share: float) -> bool:
        """Return true in this share of the calls."""
        return self.random.random() < share

    def between(self, low: int, high: int) -> int:
        """Return a number of `low` to `high`."""
        return low + int(self.random.random() * (high - low + 1))

    def one_of(self, choices: Sequence[_T]) -> _T:
        """Return one of them, each as likely."""
        return choices[int(self.random.random() * len(choices))]

    def act(
        self, stream: Stream, events: tuple[Event, ...], who: Who, policy: str = "", data: tuple[bytes, ...] = ()
    ) -> Act:
        """Return the act that writes `events` next in a stream, at least a millisecond after the act before."""
        self.now_us += 1_000 + int(self.random.random() * self._step_us)
        first = stream.version + 1
        stream.version += len(events)
        return Act(stream, first, events, who, self.now_us, policy, data)


class Pool:
    """Objects that others may be made from: at most `size`, each later one in place of one by chance."""

    def __init__(self, draw: Draw, size: int = POOL_MAX) -> None:
        self._draw = draw
        self._size = size
        self._ids: list[ObjectId] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, object_id: ObjectId) -> None:
        """Take an object in."""
        if len(self._ids) < self._size:
            self._ids.append(object_id)
        else:
            self._ids[int(self._draw.random.random() * self._size)] = object_id

    def pick(self) -> ObjectId:
        """Return one of them, each as likely."""
        return self._draw.one_of(self._ids)

    def favourite(self) -> ObjectId:
        """Return one of them, the early ones far more often: of 1,000 the first is picked once in ten times."""
        return self._ids[int(self._draw.random.random() ** 3 * len(self._ids))]

    def sample(self, count: int) -> list[ObjectId]:
        """Return `count` different ones, all where there are fewer."""
        return self._draw.random.sample(self._ids, min(count, len(self._ids)))
