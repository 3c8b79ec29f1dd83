"""What the write side asks of a ledger store, and the words it speaks with it.

A store keeps entries (byte strings) under dense, 0-based ledger indexes. It is trusted for order and durability only:
the sealer recomputes every leaf from the bytes, and witnesses hold it to what was sealed. Two adapters pass one
contract suite (`tests/contract`): PostgreSQL (`infra.store.recorder`) and memory (`infra.store.memory`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.errors import Conflict, LedgerError
from domain.events import Recorded

COMMAND_EVENTS_MAX = 1_000
COMMAND_BYTES_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class CommandKey:
    """Who asked for what: the key of idempotency.

    `request_digest` is SHA-256 over the request's canonical JSON, or None where the sender (an agent) repeats a command
    by its id alone; two different digests under one id are refused.
    """

    actor: UUID
    command_id: UUID
    request_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class StreamVersion:
    """A stream and the version at which it was read; 0 means that it did not exist."""

    stream_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """One command's events with all that must still hold when they are written.

    At most COMMAND_EVENTS_MAX events and COMMAND_BYTES_MAX bytes of entries. No events at all is a decision to do
    nothing: the command id is kept with an empty range.

    Keys in `release` are given back before those in `take` are taken. `take_at` says for each key of `take` at which
    position in `events` the event stands that holds it from then on; empty means the first event for all. Keys change
    with events only: what the log does not say could not be rebuilt from it.
    """

    command: CommandKey
    events: tuple[Recorded, ...]
    guards: tuple[StreamVersion, ...] = ()
    take: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    take_at: tuple[int, ...] = ()


class AppendStatus(StrEnum):
    """What became of one request; a refusal is a status, never an exception."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AppendResult:
    """The answer to one request.

    `first` and `last` are ledger indexes of the stored (or already stored) events; for an empty range last = first - 1;
    for a key that is taken, `first` is the index of its holder; otherwise -1. `reason` is empty when stored.
    """

    status: AppendStatus
    first: int
    last: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One entry as the store holds it."""

    index: int
    type: str
    entry: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command that the ledger already knows; last = first - 1 when it wrote nothing."""

    first: int
    last: int
    request_digest: bytes | None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The event that holds a key, and its stream."""

    index: int
    stream_id: UUID


class AlreadyStored(LedgerError):
    """The command id is known; `first` and `last` are the indexes of its events (last = first - 1 if it had none)."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__(f"command is already stored at {first}..{last}")
        self.first = first
        self.last = last


class StaleClock(Conflict):
    """`recorded_at` is more than 5 s from the database's clock: encode again with the same event ids."""


class LedgerStore(Protocol):
    """Append-only entries under one total order. All methods may be called from several threads at once."""

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        """Decide and write each request under the total-order lock; durable when this returns.

        Blocks for one round trip. The results stand in the order of the requests.

        Raises:
            Unavailable: no answer could be had; whether it was written is unknown, resubmit the same bytes.
        """

    def size(self) -> int:
        """Return the number of entries."""

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        """Return at most `limit` rows from index `start` on, in index order."""

    def streams(self, ids: Sequence[UUID]) -> Mapping[UUID, list[LedgerRow]]:
        """Return every stream that exists among `ids`, its rows in version order."""

    def commands(self, keys: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], StoredCommand]:
        """Return what is known of each (actor, command id)."""

    def key_holders(self, keys: Sequence[str]) -> Mapping[str, KeyHolder]:
        """Return who holds each of `keys` now; a free key is absent."""
