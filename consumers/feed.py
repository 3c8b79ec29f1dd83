"""What a consumer is fed: deliveries in batches, each with the cursor to store once it is handled.

A *feed* is a pure state machine between Kafka and a consumer: it says which partitions it wants read and from where,
takes what was fetched, and gives batches. Two exist, by how much is believed (`trust`):

- `sealed` (`consumers.sealed`): entries in index order, each only below a size whose rebuilt root a signed checkpoint
  carries. For whoever writes views or acts.
- `transport` (`consumers.transport`): each whole record as it comes, in the order of its partition. For displays.

The *cursor* is all that a consumer must keep, in one transaction with what it made of the deliveries. Its text form,
which `encode` gives and `parse_cursor` takes, is one JSON object (RFC 8785):

    {"begin":0,"hashes":["<64 hex digits>",...],"next_index":12,"notes":3,
     "offsets":{"edgeprint.identity.v1[4]":17,...},"size":12}

`begin` is the first entry ever wanted, `next_index` the first one not yet delivered; `size` and `hashes` are the
verified tree as its compact range; `offsets` say where reading goes on in each partition, `notes` in the one of the
checkpoints. Entries are told apart by ledger index, never by offset. A complete real example, where every consumer
begins: {"begin":0,"hashes":[],"next_index":0,"notes":0,"offsets":{},"size":0}
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

import rfc8785

from domain.errors import Invalid
from domain.ledger.merkle import CompactRange
from domain.spelling import HEX32
from schemas.envelope import PREVIOUS, SCHEMA, STREAM_ID, read_recorded_at
from schemas.records import Partition, Received

BATCH_EVENTS: Final = 1_000
CURSOR_BYTES_MAX: Final = 65_536
FOREIGN_KEPT_MAX: Final = 1_000
_LONG_MAX: Final = (1 << 53) - 1
_PLACE: Final = re.compile(r"([A-Za-z0-9._-]{1,249})\[(0|[1-9][0-9]{0,8})\]\Z")


class Fetched(NamedTuple):
    """Consecutive committed records of one partition; `end` is the offset behind them and behind markers."""

    partition: Partition
    records: Sequence[Received]
    end: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One entry as a consumer gets it, and where its record lies."""

    index: int
    leaf: bytes
    entry: bytes
    partition: Partition
    offset: int

    @property
    def stream(self) -> bytes:
        """Return the stream's id, 16 bytes."""
        return self.entry[STREAM_ID:PREVIOUS]

    @property
    def schema(self) -> bytes:
        """Return the digest of the entry's schema, 32 bytes."""
        return self.entry[SCHEMA : SCHEMA + 32]

    @property
    def recorded_at_us(self) -> int:
        """Return when it was recorded, microseconds since the epoch."""
        return read_recorded_at(self.entry)

    @property
    def place(self) -> str:
        """Return where the record lies, for people: topic[partition]@offset."""
        return f"{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a consumer is; see the module."""

    next_index: int = 0
    size: int = 0
    hashes: tuple[bytes, ...] = ()
    offsets: Mapping[Partition, int] = field(default_factory=dict)
    notes: int = 0
    begin: int = 0

    def encode(self) -> str:
        """Return the text form."""
        value: dict[str, Any] = {
            "begin": self.begin,
            "hashes": [one.hex() for one in self.hashes],
            "next_index": self.next_index,
            "notes": self.notes,
            "offsets": {str(partition): offset for partition, offset in self.offsets.items()},
            "size": self.size,
        }
        return rfc8785.dumps(value).decode()


def rewound(index: int) -> Cursor:
    """Return the cursor that delivers from entry `index` on, and verifies everything before it once more."""
    return Cursor(next_index=index, begin=index)


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that a text holds.

    Raises:
        Invalid: too long, or not exactly the members of a cursor, each in range.
    """
    if len(text) > CURSOR_BYTES_MAX:
        raise Invalid(f"cursor: expected at most {CURSOR_BYTES_MAX} characters, found {len(text)}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise Invalid(f"cursor: expected a JSON object, found {text[:40]!r}") from err
    names = {"begin", "hashes", "next_index", "notes", "offsets", "size"}
    if not isinstance(found, dict) or found.keys() != names:
        raise Invalid(f"cursor: expected an object of {', '.join(sorted(names))}, found {text[:80]!r}")
    numbers = [_number(name, found[name]) for name in ("next_index", "size", "notes", "begin")]
    hashes = found["hashes"]
    if not isinstance(hashes, list) or not all(isinstance(one, str) and HEX32.fullmatch(one) for one in hashes):
        raise Invalid(f"cursor: expected hashes of 64 hex digits, found {str(hashes)[:80]}")
    if not isinstance(found["offsets"], dict):
        raise Invalid(f"cursor: expected an object of offsets, found {str(found['offsets'])[:80]}")
    leaves = tuple(bytes.fromhex(one) for one in hashes)
    CompactRange(numbers[1], leaves)  # as many hashes as the size has bits
    offsets = {_partition(place): _number(place, offset) for place, offset in found["offsets"].items()}
    return Cursor(numbers[0], numbers[1], leaves, offsets, numbers[2], numbers[3])


def _number(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= _LONG_MAX:
        raise Invalid(f"cursor: expected {name[:60]} of 0 to {_LONG_MAX}, found {str(value)[:40]}")
    return value


def _partition(place: str) -> Partition:
    match = _PLACE.match(place)
    if match is None:
        raise Invalid(f"cursor: expected topic[partition], found {place[:80]!r}")
    return Partition(match[1], int(match[2]))


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries, the cursor to store with them, and the checkpoint note that their last one completes, if it does."""

    entries: tuple[Delivery, ...]
    cursor: Cursor
    note: bytes | None = None


class Feed(Protocol):
    """See the module. One thread; nothing in it blocks."""

    def wanted(self) -> Mapping[Partition, int]:
        """Return the partitions to read now, each with the offset to read from; the others wait."""

    def take(self, fetched: Fetched) -> None:
        """Take in what was fetched from a wanted partition at its wanted offset.

        Raises:
            Invalid: nothing may be delivered any more; the message says why and what to run.
        """

    def batch(self) -> Batch | None:
        """Return what can be delivered now, None if nothing; each batch once, in order."""

    def idle(self, ends: Mapping[Partition, int]) -> None:
        """Hear that nothing comes, and the high watermarks of all partitions.

        Raises:
            Invalid: what must be there is not; the message says what.
        """

    def foreign(self) -> list[str]:
        """Return what was passed over since the last call, place and reason of the first FOREIGN_KEPT_MAX."""

    @property
    def next_index(self) -> int:
        """Return the first entry not yet handed out."""

    @property
    def head_size(self) -> int:
        """Return how far the log is known to reach: the largest signed size, or one more than the largest index."""
