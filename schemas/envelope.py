"""The head of every entry: fixed-width fields at frozen offsets, for readers that have no schema (formats, section 2).

| offset | bytes | field |
|---|---|---|
| 0 | 32 | schema_sha256: SHA-256 of the schema's text, which explains the rest |
| 32 | 16 | event_id |
| 48 | 16 | stream_id |
| 64 | 32 | previous: leaf hash of the stream's event before this one; zeros at version 1 |
| 96 | 16 | command_id |
| 112 | 16 | causation_id, or zeros |
| 128 | 16 | correlation_id, or zeros |
| 144 | 16 | ledger_id |
| 160 | 16 | actor |
| 176 | 8 | recorded_at: Avro long, microseconds since the epoch, always 8 bytes |
| 184 | 1-10 | stream_version: Avro long |

Behind it stand the envelope's other fields, then the event's own; no framing, no trailing bytes. A complete real
example, the first 185 bytes of a Ledger stream's first entry: `tests/golden/codec/LedgerFounded.hex`.
"""

from struct import Struct
from typing import Final, NamedTuple
from uuid import UUID

from domain.errors import Invalid
from domain.events import Sha256
from domain.ids import CommandId, EventId, LedgerId, PartyId, StreamId
from schemas.varint import read_long_of_8, read_tail

SCHEMA: Final = 0
EVENT_ID: Final = 32
STREAM_ID: Final = 48
PREVIOUS: Final = 64
COMMAND_ID: Final = 96
CAUSATION: Final = 112
CORRELATION: Final = 128
LEDGER_ID: Final = 144
ACTOR: Final = 160
RECORDED_AT: Final = 176
STREAM_VERSION: Final = 184

ENTRY_BYTES_MAX: Final = 60_000
ENTRY_BYTES_MIN: Final = STREAM_VERSION + 7
"""The shortest envelope: one byte each for the version and the six fields behind it, and an event without fields."""

_HEAD: Final = Struct("<32s16s16s32s16s16s16s16s16sQ")


class EntryHeader(NamedTuple):
    """The fields at the frozen offsets."""

    schema_sha256: Sha256
    event_id: EventId
    stream_id: StreamId
    previous: Sha256
    command_id: CommandId
    causation_id: UUID
    correlation_id: UUID
    ledger_id: LedgerId
    actor: PartyId
    recorded_at: int
    stream_version: int


def read_header(entry: bytes) -> EntryHeader:
    """Return the fields at the frozen offsets of an entry under any schema, known or not.

    Only these fields are checked; whether the rest is canonical is for `Codec.accept` to say.

    Raises:
        Invalid: shorter or longer than an entry can be, or a long that is not canonical.
    """
    if not ENTRY_BYTES_MIN <= len(entry) <= ENTRY_BYTES_MAX:
        raise Invalid(f"expected an entry of {ENTRY_BYTES_MIN} to {ENTRY_BYTES_MAX} bytes, found {len(entry)}")
    schema, event_id, stream_id, previous, command_id, causation, correlation, ledger_id, actor, word = (
        _HEAD.unpack_from(entry)
    )
    return EntryHeader(
        Sha256(schema),
        EventId(UUID(bytes=event_id)),
        StreamId(UUID(bytes=stream_id)),
        Sha256(previous),
        CommandId(UUID(bytes=command_id)),
        UUID(bytes=causation),
        UUID(bytes=correlation),
        LedgerId(UUID(bytes=ledger_id)),
        PartyId(UUID(bytes=actor)),
        read_long_of_8(word, STREAM_VERSION),
        read_stream_version(entry),
    )


def read_recorded_at(entry: bytes) -> int:
    """Return the time of an entry, microseconds since the epoch, without the rest of its head.

    Raises:
        Invalid: a long that is not canonical or not of 8 bytes.
    """
    return read_long_of_8(int.from_bytes(entry[RECORDED_AT:STREAM_VERSION], "little"), STREAM_VERSION)


def read_stream_version(entry: bytes) -> int:
    """Return the stream version of an entry of at least ENTRY_BYTES_MIN bytes.

    Raises:
        Invalid: not canonical, or less than 1.
    """
    zigzag = entry[STREAM_VERSION]
    if zigzag > 127:
        try:
            zigzag, _ = read_tail(entry, STREAM_VERSION + 1, zigzag)
        except IndexError as err:
            raise Invalid("expected a stream version, found the entry's end") from err
    if zigzag & 1 or not zigzag:
        raise Invalid(f"expected a stream version of at least 1, found {zigzag >> 1 ^ -(zigzag & 1)}")
    return zigzag >> 1
