"""Events of every shape for the codec's tests, and fastavro as the oracle of their bytes."""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from io import BytesIO
from typing import Annotated as A
from typing import Any
from uuid import UUID

import fastavro

from domain.events import ZERO_UUID, ActorKind, Doc, Envelope, Event, Sha256, fact, value
from domain.ids import CommandId, EventId, LedgerId, ObjectId, PartyId, StreamId
from schemas.catalogue import Catalogue
from schemas.codec import Codec


class Verdict(StrEnum):
    """How a try ended."""

    UNSPECIFIED = "unspecified"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@value
class Part:
    """One part of a sample."""

    object_id: A[ObjectId, Doc("which object")]
    weight: A[int, Doc("grams", low=0, high=1000)]
    verdict: A[Verdict | None, Doc("how it went; null if untried")] = None


@fact("edgeprint.production.Sampled", stream="J")
class Sampled(Event):
    """One field of every shape."""

    number: A[int, Doc("any integer")]
    small: A[int, Doc("a bounded integer", low=-5, high=5)]
    text: A[str, Doc("a bounded text", low=1, high=10)]
    words: A[str, Doc("any text")]
    flag: A[bool, Doc("yes or no")]
    holder: A[PartyId, Doc("a party")]
    digest: A[Sha256, Doc("a digest")]
    moment: A[datetime, Doc("when, microseconds since the epoch")]
    verdict: A[Verdict, Doc("how it ended")]
    part: A[Part, Doc("one part")]
    parts: A[tuple[Part, ...], Doc("more parts")]
    tags: A[tuple[str, ...], Doc("words", low=0, high=4)]
    rows: A[tuple[tuple[int, ...], ...], Doc("numbers of numbers")]
    late: A[datetime | None, Doc("when again; null if never")] = None
    note: A[str | None, Doc("a remark; null if none", high=20)] = None
    chosen: A[tuple[Verdict, ...] | None, Doc("choices; null if none were asked")] = None
    other: A[Part | None, Doc("another part; null if none")] = None


@fact("edgeprint.production.Probed", stream="J")
class Probed(Event):
    """One field for each form in which bytes can fail to be canonical."""

    attempt: A[int, Doc("a number")]
    flag: A[bool, Doc("yes or no")]
    verdict: A[Verdict, Doc("how it ended")]
    note: A[str | None, Doc("a remark; null if none")]
    tags: A[tuple[int, ...], Doc("numbers")]


@fact("edgeprint.production.Emptied", stream="J")
class Emptied(Event):
    """An event without fields."""


CATALOGUE = Catalogue((Sampled, Probed, Emptied))
CODEC = Codec(CATALOGUE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IDS = tuple(UUID(int=0x01937E3F2B5C << 80 | 0x7 << 76 | 0b10 << 62 | number) for number in range(1, 9))


def envelope(**changes: Any) -> Envelope:
    """Return an envelope, the same each time, with some fields changed."""
    values: dict[str, Any] = {
        "event_id": EventId(IDS[0]),
        "stream_id": StreamId(IDS[1]),
        "previous": Sha256(bytes(range(32))),
        "command_id": CommandId(IDS[2]),
        "causation_id": IDS[3],
        "correlation_id": ZERO_UUID,
        "ledger_id": LedgerId(IDS[4]),
        "actor": PartyId(IDS[5]),
        "recorded_at": 1_735_689_600_123_456,
        "stream_version": 2,
        "actor_kind": ActorKind.HUMAN,
    }
    return Envelope(**(values | changes))


def sampled(**changes: Any) -> Sampled:
    """Return an event of every shape, the same each time, with some fields changed."""
    part = Part(object_id=ObjectId(IDS[6]), weight=7, verdict=Verdict.FAILED)
    values: dict[str, Any] = {
        "number": -(1 << 63),
        "small": -5,
        "text": "片边码",
        "words": "",
        "flag": True,
        "holder": PartyId(IDS[7]),
        "digest": Sha256(b"\xff" * 32),
        "moment": EPOCH + timedelta(days=20_000, microseconds=1),
        "verdict": Verdict.SUCCEEDED,
        "part": part,
        "parts": (part, Part(object_id=ObjectId(IDS[0]), weight=1000)),
        "tags": ("a", "夜景"),
        "rows": ((), (1, -2), (1 << 40,)),
    }
    return Sampled(**(values | changes))


def probed(**changes: Any) -> Probed:
    """Return a probe whose own bytes are 02 01 02 00 04 02 04 00."""
    values: dict[str, Any] = {"attempt": 1, "flag": True, "verdict": Verdict.SUCCEEDED, "note": None, "tags": (1, 2)}
    return Probed(**(values | changes))


def as_datum(found: object) -> Any:
    """Return a value as fastavro takes and gives it."""
    if isinstance(found, UUID):
        return found.bytes
    if isinstance(found, StrEnum):
        return found.value
    if isinstance(found, datetime):
        return (found - EPOCH) // timedelta(microseconds=1)
    if isinstance(found, tuple):
        return [as_datum(item) for item in found]
    if is_dataclass(found):
        return {field.name: as_datum(getattr(found, field.name)) for field in fields(found)}
    return found


@cache
def oracle_schema(text: bytes) -> Any:
    """Return a schema text as fastavro parses it."""
    return fastavro.parse_schema(json.loads(text))


def oracle_encode(text: bytes, sha256: bytes, event: Event, found: Envelope) -> bytes:
    """Return the bytes that fastavro's strict writer makes."""
    datum = {"envelope": {"schema_sha256": sha256} | as_datum(found)} | as_datum(event)
    out = BytesIO()
    fastavro.schemaless_writer(out, oracle_schema(text), datum, strict=True)
    return out.getvalue()


def oracle_decode(text: bytes, entry: bytes) -> Any:
    """Return what fastavro reads, trailing bytes or not."""
    return fastavro.schemaless_reader(BytesIO(entry), oracle_schema(text), None)
