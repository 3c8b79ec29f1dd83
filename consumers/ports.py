"""What the consumer runtime asks of the outside: Kafka to read, a store for read model and cursor, dead letters.

Trust: the source is believed in nothing (a feed checks), the store in everything: whoever can write a consumer's store
decides what it shows. Dead letters are checked against the leaf hash that the store keeps of each.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from consumers.feed import Cursor, Delivery, Fetched
from schemas.records import Partition, Received

Rows = TypeVar("Rows", contravariant=True)
"""How a handler writes its read model; a port of the handler's own."""


class Handler(Protocol[Rows]):
    """What a consumer does with entries. Pure but for `rows`: no clock, no network, no randomness."""

    @property
    def name(self) -> str:
        """Return the consumer's name: of its store, its group and its dead letters."""

    @property
    def types(self) -> Collection[str] | None:
        """Return the event types it wants, None for all, those under schemas unknown here among them."""

    def apply(self, rows: Rows, entries: Sequence[Delivery]) -> None:
        """Take entries in, in order. Whatever it raises but our own errors counts as a bug of the handler.

        Raises:
            UnknownSchema: an entry cannot be decoded yet; the consumer stops before it and tries again.
            Unavailable: what it needs is not there; tried again as well.
        """

    def seal(self, rows: Rows, cursor: Cursor, note: bytes) -> None:
        """Hear that everything below `cursor.size` was delivered and is signed by this checkpoint note."""

    def rewind(self, rows: Rows, index: int) -> None:
        """Undo what came of entry `index` and all behind it: they will be delivered again."""


class Source(Protocol):
    """Kafka as a consumer reads it; `infra.kafka.following`. One thread. All methods may raise Unavailable."""

    def poll(self, wanted: Mapping[Partition, int]) -> list[Fetched]:
        """Return committed records of these partitions from these offsets on; blocks half a second at most."""

    def watermarks(self) -> Mapping[Partition, int]:
        """Return the offset behind the last record of each partition, committed or not, as the last polls told."""

    def at(self, partition: Partition, offset: int) -> Received | None:
        """Return the committed record at an offset, None if there is none."""

    def reopen(self) -> Sequence[Partition]:
        """Connect anew and return all partitions of the context topics."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that waits among the dead letters: it failed, or one of its stream before it did.

    `letter` is the offset of its record in the topic of dead letters.
    """

    index: int
    stream: bytes
    leaf: bytes
    letter: int
    reason: str
    attempts: int


class DeadLetters(Protocol):
    """The topic `edgeprint.dlq.<consumer>.v1`. All methods may raise Unavailable."""

    def put(self, record: Received, reason: str, attempts: int) -> int:
        """Write a record's key, value and headers unchanged, and headers of our own; return the offset.

        Acknowledged by all replicas in sync. If we crash before the store knows of it, it is written once more.
        """

    def get(self, offset: int) -> Received | None:
        """Return the letter at an offset, None if there is none."""


StoreRows = TypeVar("StoreRows", covariant=True)


class Transaction(Protocol[StoreRows]):
    """One transaction of a consumer's store; all of it is durable when the block that it was given to ends."""

    @property
    def rows(self) -> StoreRows:
        """Return how the handler writes."""

    def attempt(self) -> AbstractContextManager[None]:
        """Undo what was written inside the block if it raises; what was written before stays."""

    def park(self, waiting: Sequence[Waiting]) -> None:
        """Keep entries that wait; a known index is replaced."""

    def unpark(self, index: int) -> None:
        """Forget that an entry waits: it was handled."""

    def stop_retrying(self, stream: bytes, reason: str) -> None:
        """End the retry of a stream: its first entry failed once more."""


class Store(Protocol[StoreRows]):
    """Read model, cursor and waiting entries of one consumer. One thread. All methods may raise Unavailable."""

    def take_over(self) -> Cursor:
        """Return the cursor, the first one for a new consumer, and fence whoever had the store before."""

    def transaction(self, cursor: Cursor | None) -> AbstractContextManager[Transaction[StoreRows]]:
        """Give a transaction that also moves the cursor, if one is given.

        Raises:
            Conflict: somebody has taken over since; nothing is written.
        """

    def parked(self) -> set[bytes]:
        """Return the streams that have entries waiting."""

    def to_retry(self) -> list[Waiting]:
        """Return the entries whose retry was asked for, by stream in order of index."""
