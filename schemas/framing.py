"""A record on Kafka: the entry unchanged behind five bytes, and headers read from the entry's frozen offsets.

Value, framing `confluent` (the wire format of Confluent's serialisers, magic byte 0):

| offset | bytes | part |
|---|---|---|
| 0 | 1 | magic byte 00 |
| 1 | 4 | schema id, signed 32 bits big-endian: the first 4 bytes of schema_sha256 & 0x7fffffff |
| 5 | 191 to 60,000 | the entry, byte for byte the stored row; its first 32 bytes are schema_sha256 |

Value, framing `bare`: the entry alone, and one more header `__value_schema_id`, 17 bytes: the magic byte 01 and the
schema's GUID, the first 16 bytes of schema_sha256. Neither framing is ever hashed or signed.

Headers, in this order, all of them ASCII text (the one that `bare` adds is binary):

| key | value |
|---|---|
| `ledger-index` | the entry's 0-based index in the ledger, decimal without leading zeros |
| `leaf-hash` | its Merkle leaf hash, 64 lower-case hex digits |
| `stream-version` | its position in the stream from 1, decimal |
| `ce_specversion` | `1.0` |
| `ce_id` | event_id, a lower-case hyphenated UUID |
| `ce_source` | `urn:edgeprint:ledger:<ledger_id>` |
| `ce_type` | the Avro full name |
| `ce_subject` | stream_id: what the event is about, and the record's key |
| `ce_time` | recorded_at as RFC 3339 in UTC with six decimals and `Z` |
| `ce_dataschema` | `urn:sha256:<schema_sha256 in hex>` |
| `content-type` | `application/avro` |
| `traceparent` | only if correlation_id is not zeros: `00-<correlation_id>-<last 8 bytes of event_id>-01`, in hex |

The `ce_` headers are CloudEvents 1.0 in the binary content mode of its Kafka protocol binding §3.2: each attribute is
a header `ce_<name>`, except datacontenttype, which is `content-type` (§3.2.1; there is no `ce_datacontenttype`), and
the data is the value as it stands, framing included. `traceparent` is W3C Trace Context §3.2.2: all events of one
production request or case share a trace, each is a span of it. The flag says sampled, since a tracer that follows its
parent would otherwise drop all of them; it is left out where the span would be zeros, which the standard forbids.

Headers are a checksum and a convenience, never authenticity: who may write the topic writes both.

A complete real example, the first event of a ledger: `tests/golden/framing/LedgerFounded.json`; its value begins
00 722bb7d3 f22bb7d3f22012de..., its first headers are `ledger-index: 0` and
`leaf-hash: 3623177ca7a59b27c9ff0d1ae6b1cd608e643c9be270c368ae149940c62d3fc4`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from domain.errors import Invalid
from schemas.envelope import (
    ACTOR,
    CORRELATION,
    ENTRY_BYTES_MAX,
    ENTRY_BYTES_MIN,
    EVENT_ID,
    LEDGER_ID,
    PREVIOUS,
    RECORDED_AT,
    SCHEMA,
    STREAM_ID,
    read_recorded_at,
    read_stream_version,
)

Header: TypeAlias = tuple[str, bytes]

FRAME_BYTES: Final = 5
HEADERS_MAX: Final = 128
LEDGER_INDEX: Final = "ledger-index"
LEAF_HASH: Final = "leaf-hash"
STREAM_VERSION_HEADER: Final = "stream-version"
VALUE_SCHEMA_ID: Final = "__value_schema_id"

_UINT63_MAX: Final = (1 << 63) - 1
_GUID_BYTES: Final = 16
_GUID_MAGIC: Final = b"\x01"
_FIRST: Final = tuple(bytes((0, byte & 0x7F)) for byte in range(256))
"""Magic byte and first byte of the schema id, by the first byte of the digest."""
_SPEC_VERSION: Final = ("ce_specversion", b"1.0")
_CONTENT_TYPE: Final = ("content-type", b"application/avro")
_SCHEMA_DIGITS: Final = slice(2 * SCHEMA, 2 * EVENT_ID)
_EVENT_DIGITS: Final = slice(2 * EVENT_ID, 2 * STREAM_ID)
_STREAM_DIGITS: Final = slice(2 * STREAM_ID, 2 * PREVIOUS)
_CORRELATION_DIGITS: Final = slice(2 * CORRELATION, 2 * LEDGER_ID)
_LEDGER_DIGITS: Final = slice(2 * LEDGER_ID, 2 * ACTOR)
_EPOCH: Final = datetime(1970, 1, 1)  # naive: its text then has no offset to cut off
_NO_CORRELATION: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_DECIMAL: Final = re.compile(rb"(?:0|[1-9][0-9]{0,18})\Z")
_HEX_HASH: Final = re.compile(rb"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class RecordHeaders:
    """The headers that a consumer checks a record by."""

    index: int
    leaf_hash: bytes
    stream_version: int
    value_schema_id: bytes | None = None
    """Set where the value is bare."""


def frame(entry: bytes) -> bytes:
    """Return the record's value in the framing `confluent`.

    Raises:
        Invalid: shorter or longer than an entry can be.
    """
    _require_length(len(entry))
    return _FIRST[entry[0]] + entry[1:4] + entry


def unframe(value: bytes | None) -> bytes:
    """Return the entry of a record's value; whether it is a canonical entry is for `Codec.accept` to say.

    Raises:
        Invalid: null, a length that no framed entry has, another magic byte, or a schema id that is not the entry's
            own.
    """
    if value is None:
        raise Invalid("record value: expected a framed entry, found null")
    _require_length(len(value) - FRAME_BYTES)
    if value[0]:
        raise Invalid(f"record value: expected the magic byte 00, found {value[0]:02x}")
    expected = _FIRST[value[5]] + value[6:9]
    if value[:FRAME_BYTES] != expected:
        raise Invalid(
            f"record value: expected the schema id {expected[1:].hex()} of its own entry, found {value[1:5].hex()}"
        )
    return value[FRAME_BYTES:]


def frame_bare(entry: bytes) -> tuple[bytes, Header]:
    """Return the record's value in the framing `bare`, which is the entry itself, and the header that goes with it.

    Raises:
        Invalid: shorter or longer than an entry can be.
    """
    _require_length(len(entry))
    return entry, (VALUE_SCHEMA_ID, _GUID_MAGIC + entry[:_GUID_BYTES])


def unframe_bare(value: bytes | None, headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Return the entry of a bare record.

    Raises:
        Invalid: null, a length that no entry has, or not exactly one `__value_schema_id` that names the entry's own
            schema.
    """
    if value is None:
        raise Invalid("record value: expected an entry, found null")
    _require_length(len(value))
    return _require_schema_id(value, _wanted(headers, (VALUE_SCHEMA_ID,))[VALUE_SCHEMA_ID])


def entry_of(value: bytes | None, headers: RecordHeaders) -> bytes:
    """Return the entry of a record in either framing: it is bare if and only if it has the header that says so.

    Raises:
        Invalid: null, a length that no entry has, or a schema id that is not the entry's own.
    """
    if headers.value_schema_id is None:
        return unframe(value)
    if value is None:
        raise Invalid("record value: expected an entry, found null")
    _require_length(len(value))
    return _require_schema_id(value, headers.value_schema_id)


def _require_schema_id(entry: bytes, found: bytes) -> bytes:
    expected = _GUID_MAGIC + entry[:_GUID_BYTES]
    if found != expected:
        raise Invalid(f"header {VALUE_SCHEMA_ID}: expected {expected.hex()}, found {found[:32].hex()}")
    return entry


def headers_of(index: int, event_type: str, entry: bytes, leaf_hash: bytes) -> tuple[Header, ...]:
    """Return the headers of a stored row; all but index, type and leaf hash come from the entry's frozen offsets.

    Index, type and leaf hash are the store's and trusted; nothing is decoded or hashed. About 5 µs.

    Raises:
        Invalid: a length that no entry has, or a time or stream version that is not canonical.
    """
    _require_length(len(entry))
    head = entry[:RECORDED_AT].hex()
    event_id, correlation = head[_EVENT_DIGITS], head[_CORRELATION_DIGITS]
    moment = (_EPOCH + timedelta(0, 0, read_recorded_at(entry))).isoformat(timespec="microseconds")
    headers = (
        (LEDGER_INDEX, b"%d" % index),
        (LEAF_HASH, leaf_hash.hex().encode()),
        (STREAM_VERSION_HEADER, b"%d" % read_stream_version(entry)),
        _SPEC_VERSION,
        ("ce_id", _uuid_text(event_id)),
        ("ce_source", b"urn:edgeprint:ledger:" + _uuid_text(head[_LEDGER_DIGITS])),
        ("ce_type", event_type.encode()),
        ("ce_subject", _uuid_text(head[_STREAM_DIGITS])),
        ("ce_time", moment.encode() + b"Z"),
        ("ce_dataschema", b"urn:sha256:" + head[_SCHEMA_DIGITS].encode()),
        _CONTENT_TYPE,
    )
    if correlation == _NO_CORRELATION or event_id[16:] == _NO_SPAN:
        return headers
    return (*headers, ("traceparent", f"00-{correlation}-{event_id[16:]}-01".encode()))


def parse_headers(headers: Iterable[tuple[str, bytes | None]]) -> RecordHeaders:
    """Return what a record's headers say of its place; strangers' other headers are passed over.

    Raises:
        Invalid: one of `ledger-index`, `leaf-hash`, `stream-version` is missing, there twice, null, not canonical or
            out of range, or there are more than `HEADERS_MAX` headers.
    """
    found = _wanted(headers, (LEDGER_INDEX, LEAF_HASH, STREAM_VERSION_HEADER), VALUE_SCHEMA_ID)
    leaf_hash = found[LEAF_HASH]
    if not _HEX_HASH.match(leaf_hash):
        raise Invalid(f"header {LEAF_HASH}: expected 64 lower-case hex digits, found {leaf_hash[:80]!r}")
    return RecordHeaders(
        _decimal(found, LEDGER_INDEX, 0),
        bytes.fromhex(leaf_hash.decode()),
        _decimal(found, STREAM_VERSION_HEADER, 1),
        found.get(VALUE_SCHEMA_ID),
    )


def _wanted(
    headers: Iterable[tuple[str, bytes | None]], names: tuple[str, ...], optional: str = ""
) -> dict[str, bytes]:
    """Return the headers of these names, each exactly once, and the optional one at most once."""
    found: dict[str, bytes] = {}
    for count, (name, value) in enumerate(headers):
        if count >= HEADERS_MAX:
            raise Invalid(f"record: expected at most {HEADERS_MAX} headers, found more")
        if name in names or name == optional:
            if name in found:
                raise Invalid(f"header {name}: expected one, found two")
            if value is None:
                raise Invalid(f"header {name}: expected a value, found null")
            found[name] = value
    for name in names:
        if name not in found:
            raise Invalid(f"header {name}: expected one, found none")
    return found


def _decimal(found: dict[str, bytes], name: str, low: int) -> int:
    text = found[name]
    value = int(text) if _DECIMAL.match(text) else -1
    if not low <= value <= _UINT63_MAX:
        raise Invalid(f"header {name}: expected a canonical decimal of {low} to {_UINT63_MAX}, found {text[:40]!r}")
    return value


def _uuid_text(digits: str) -> bytes:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()


def _require_length(size: int) -> None:
    if not ENTRY_BYTES_MIN <= size <= ENTRY_BYTES_MAX:
        raise Invalid(f"record: expected an entry of {ENTRY_BYTES_MIN} to {ENTRY_BYTES_MAX} bytes, found {size}")
