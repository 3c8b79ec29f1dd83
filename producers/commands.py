"""One command on its way: what it looks at, what it decides, what became of it.

A `Task` names the keys it needs to look up and, once their holders are known, the streams it reads. Its `decide` sees a
`View` of exactly those and returns a `Decision`. Every stream that the view gave out is guarded at append, so that
"this event was decided on its streams as they stood at its index" holds for each event (architecture, section 4).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from domain.errors import LedgerError, NotFound
from domain.events import ZERO_HASH, ZERO_UUID, ActorKind, Event, Sha256
from domain.ids import PartyId
from producers.ports import AppendRequest, CommandKey, KeyHolder, LedgerRow, StreamVersion

S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, as what, and for whom."""

    party: PartyId
    kind: ActorKind
    on_behalf_of: PartyId | None = None


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """A stream as it stands: its folded state and the leaf hash of each event, version 1 first."""

    stream_id: UUID
    state: S
    leaves: tuple[Sha256, ...] = ()

    @property
    def version(self) -> int:
        """Return the version of its last event; 0: it does not exist."""
        return len(self.leaves)

    @property
    def last_leaf(self) -> Sha256:
        """Return the leaf hash of its last event, zeros if there is none."""
        return self.leaves[-1] if self.leaves else ZERO_HASH


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """How streams of one kind are folded, and the type of the event that every one of them begins with."""

    name: str
    born_by: str
    initial: S
    evolve: Callable[[S, Any], S]


class StreamCache:
    """Rows of the streams of one batch, decoded and folded at most once each."""

    def __init__(self, streams: Mapping[UUID, Sequence[LedgerRow]], decode: Callable[[bytes], Event]) -> None:
        self._streams = streams
        self._decode = decode
        self._folded: dict[tuple[UUID, str], Loaded[Any]] = {}

    def rows(self, stream_id: UUID) -> Sequence[LedgerRow]:
        """Return the rows of a stream as they were read."""
        return self._streams.get(stream_id, ())

    def load(self, stream_id: UUID, aggregate: Aggregate[S]) -> Loaded[S]:
        """Return the stream folded as `aggregate`. Raises: NotFound if it is a stream of another kind."""
        known = self._folded.get((stream_id, aggregate.name))
        if known is None:
            rows = self.rows(stream_id)
            if rows and rows[0].type != aggregate.born_by:
                raise NotFound(f"expected a stream of {aggregate.name}, found one born by {rows[0].type}: {stream_id}")
            state = aggregate.initial
            for row in rows:
                state = aggregate.evolve(state, self._decode(row.entry))
            known = Loaded(stream_id, state, tuple(Sha256(row.leaf_hash) for row in rows))
            self._folded[stream_id, aggregate.name] = known
        return cast("Loaded[S]", known)


class View:
    """What one command may look at. Loading a stream that the task did not name is a bug and raises AssertionError."""

    def __init__(
        self,
        keys: Mapping[str, KeyHolder],
        named: frozenset[UUID],
        cache: StreamCache,
        new_id: Callable[[], UUID],
        now: datetime,
    ) -> None:
        """`now` is the instant, in UTC, at which the command is decided and its events are recorded."""
        self.keys = keys
        self.new_id = new_id
        self.now = now
        self._named = named
        self._cache = cache
        self._loaded: dict[UUID, int] = {}

    def load(self, stream_id: UUID, aggregate: Aggregate[S]) -> Loaded[S]:
        """Return the stream's state; from here on the append is guarded by the version returned."""
        self._require_named(stream_id)
        loaded = self._cache.load(stream_id, aggregate)
        self._loaded[stream_id] = loaded.version
        return loaded

    def last(self, stream_id: UUID, beside: Collection[str] = ()) -> int:
        """Return the ledger index of the stream's newest event of a type not in `beside`, -1 if there is none.

        The append is guarded by its version from here on, as by `load`.
        """
        self._require_named(stream_id)
        rows = self._cache.rows(stream_id)
        self._loaded[stream_id] = len(rows)
        return next((row.index for row in reversed(rows) if row.type not in beside), -1)

    def born(self, aggregate: Aggregate[S]) -> Loaded[S]:
        """Return a stream that does not exist yet, under a new UUIDv7; nothing needs to be read."""
        return Loaded(self.new_id(), aggregate.initial)

    def _require_named(self, stream_id: UUID) -> None:
        if stream_id not in self._named:
            raise AssertionError(f"stream {stream_id} was not named by the task's reads")

    def guards(self, written: frozenset[UUID]) -> tuple[StreamVersion, ...]:
        """Return a guard for each stream that was read and is not written (a write checks its own version)."""
        return tuple(StreamVersion(s, v) for s, v in self._loaded.items() if s not in written)


@dataclass(frozen=True, slots=True)
class Authority:
    """By what the actor acts: its kind as enrolled, the leaf hash of its mandate, the digest of its signed command."""

    kind: ActorKind
    mandate: Sha256 | None = None
    attestation: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """New events of one stream, to follow the version at which it was loaded.

    `event_id` is that of the first of them where a commitment in it rests on the id; otherwise all get new ones.
    """

    stream: Loaded[Any]
    events: tuple[Event, ...]
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Decision(Generic[R]):
    """What a command decided: the events, the digest of the policy applied, and the answer for the caller.

    `authority` is what the registry found of the actor; without it the task's own word on its kind stands.
    """

    writes: tuple[Write, ...]
    answer: R
    policy: Sha256 | None = None
    authority: "Authority | None" = None


def _no_reads(_: Mapping[str, KeyHolder]) -> tuple[UUID, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Task(Generic[R]):
    """One command, ready to be decided as often as somebody else writes first."""

    command: CommandKey
    actor: Actor
    decide: Callable[[View], Decision[R]]
    lookups: tuple[str, ...] = ()
    reads: Callable[[Mapping[str, KeyHolder]], tuple[UUID, ...]] = _no_reads
    causation_id: UUID = ZERO_UUID
    correlation_id: UUID = ZERO_UUID
    ids: list[UUID] = field(default_factory=list, compare=False)  # ids given out; a second try gets the same ones

    def id_source(self, new_id: Callable[[], UUID]) -> Callable[[], UUID]:
        """Return a source that repeats the ids of the last try before it asks for new ones."""
        given = 0

        def next_id() -> UUID:
            nonlocal given
            if given == len(self.ids):
                self.ids.append(new_id())
            given += 1
            return self.ids[given - 1]

        return next_id


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R]):
    """What became of a task: ledger indexes first..last (last = first - 1: nothing was written), or the error.

    `answer` is None where the command was already stored by an earlier call (`repeated`) or where `error` is set.
    """

    first: int = -1
    last: int = -2
    answer: R | None = None
    repeated: bool = False
    error: LedgerError | None = None

    def require(self) -> None:
        """Return if the command is in the ledger, now or since an earlier call. Raises: the error."""
        if self.error is not None:
            raise self.error

    def result(self) -> R:
        """Return the answer. Raises: the error, or AssertionError for a repeated command, which has no answer."""
        self.require()
        if self.answer is None:
            raise AssertionError("a repeated command has indexes but no answer")
        return self.answer


@dataclass(frozen=True, slots=True)
class Preview(Generic[R]):
    """What a command would write, and what it rests on: streams and versions that would be guarded, keys."""

    decision: Decision[R]
    request: AppendRequest
