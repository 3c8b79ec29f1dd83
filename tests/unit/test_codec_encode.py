"""The encoder writes fastavro's bytes, and refuses what the schema cannot carry, naming the field."""

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Invalid
from domain.events import RECORDED_AT_HIGH, RECORDED_AT_LOW, ActorKind, Event, fact
from domain.ids import ObjectId
from schemas.envelope import ENTRY_BYTES_MAX, RECORDED_AT, STREAM_VERSION, read_header
from tests.codec_support import (
    CATALOGUE,
    CODEC,
    EPOCH,
    IDS,
    Emptied,
    Part,
    Sampled,
    Verdict,
    envelope,
    oracle_encode,
    probed,
    sampled,
)


class Stranger(StrEnum):
    """An enum with the same symbols."""

    UNSPECIFIED = "unspecified"
    SUCCEEDED = "succeeded"


class Number(int):
    """An integer of another type."""


FULL = sampled(
    late=EPOCH,
    note="",
    chosen=(Verdict.FAILED, Verdict.SUCCEEDED),
    other=Part(object_id=ObjectId(IDS[2]), weight=0),
    number=(1 << 63) - 1,
)
FULL_ENVELOPE = envelope(
    occurred_at=-1, on_behalf_of=IDS[1], mandate=b"m" * 32, policy=b"p" * 32, attestation=b"a" * 32
)


@pytest.mark.parametrize("event", [sampled(), FULL, probed(), Emptied()], ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("head", [envelope(), FULL_ENVELOPE], ids=["bare", "full"])
def test_encode_gives_the_bytes_of_fastavro_and_decodes_to_the_same(event: Event, head: Any) -> None:
    schema = CATALOGUE.by_type[event.TYPE]
    entry = CODEC.encode(event, head)
    assert entry == oracle_encode(schema.text, schema.sha256, event, head)
    assert CODEC.decode(entry) == CODEC.accept(entry) == (head, event, schema.sha256)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("number", True, "expected int, found bool"),
        ("number", 1.0, "expected int, found float"),
        ("number", Number(1), "expected int, found Number"),
        ("number", 1 << 63, "expected an integer of"),
        ("number", -(1 << 63) - 1, "expected an integer of"),
        ("number", None, "expected int, found NoneType"),
        ("small", 6, "expected an integer of -5 to 5, found 6"),
        ("small", -6, "expected an integer of -5 to 5, found -6"),
        ("text", "", "expected 1 to 10 characters, found 0"),
        ("text", "夜" * 11, "expected 1 to 10 characters, found 11"),
        ("text", b"bytes", "expected str, found bytes"),
        ("text", Verdict.FAILED, "expected str, found Verdict"),
        ("words", "\ud800", "expected Unicode text, found a lone surrogate at character 0"),
        ("flag", 1, "expected bool, found int"),
        ("holder", "01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e", "expected UUID, found str"),
        ("holder", bytes(16), "expected UUID, found bytes"),
        ("digest", bytes(31), "expected 32 to 32 bytes, found 31"),
        ("digest", bytearray(32), "expected bytes, found bytearray"),
        ("moment", datetime(2025, 1, 1), "expected a datetime in UTC"),
        ("moment", datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=8))), "expected a datetime in UTC"),
        ("moment", 5, "expected datetime, found int"),
        ("verdict", Verdict.UNSPECIFIED, "expected a specified member"),
        ("verdict", "succeeded", "expected Verdict, found str"),
        ("verdict", Stranger.SUCCEEDED, "expected Verdict, found Stranger"),
        ("part", None, "expected Part, found NoneType"),
        ("part", SimpleNamespace(weight=1), "expected Part, found SimpleNamespace"),
        (
            "part",
            Part(object_id=ObjectId(IDS[0]), weight=1001),
            "part.weight: expected an integer of 0 to 1000, found 1001",
        ),
        ("parts", [], "expected tuple, found list"),
        ("parts", (None,), r"parts\[0\]: expected Part, found NoneType"),
        ("parts", (Part(object_id=ObjectId(IDS[0]), weight=True),), r"parts\[0\].weight: expected int, found bool"),
        ("tags", ("a",) * 5, "expected 0 to 4 items, found 5"),
        ("tags", ("a", 1), r"tags\[1\]: expected str, found int"),
        ("tags", ("\udfff",), r"tags\[0\]: expected Unicode text"),
        ("rows", ((1,), (2, 1.0)), r"rows\[1\]\[1\]: expected int, found float"),
        ("late", datetime(2025, 1, 1), "expected a datetime in UTC"),
        ("note", "n" * 21, "expected 0 to 20 characters, found 21"),
        ("chosen", (Verdict.UNSPECIFIED,), r"chosen\[0\]: expected a specified member"),
        ("other", Part(object_id=None, weight=1), "other.object_id: expected UUID, found NoneType"),  # type: ignore[arg-type]  # the refusal is the test
    ],
)
def test_a_value_that_the_schema_cannot_carry_is_refused_with_its_field(field: str, value: object, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        CODEC.encode(sampled(**{field: value}), envelope())
    assert str(caught.value).startswith(f"edgeprint.production.Sampled.{field}")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("event_id", bytes(16), "expected UUID"),
        ("previous", bytes(33), "expected 32 to 32 bytes"),
        ("recorded_at", 1_735_689_600.0, "expected int, found float"),
        ("recorded_at", RECORDED_AT_LOW - 1, "expected an integer of"),
        ("recorded_at", RECORDED_AT_HIGH + 1, "expected an integer of"),
        ("stream_version", 0, "expected an integer of 1 to"),
        ("stream_version", True, "expected int, found bool"),
        ("actor_kind", ActorKind.UNSPECIFIED, "expected a specified member"),
        ("actor_kind", "human", "expected ActorKind, found str"),
        ("on_behalf_of", "x", "expected UUID, found str"),
        ("policy", b"", "expected 32 to 32 bytes, found 0"),
    ],
)
def test_a_wrong_envelope_is_refused_with_its_field(field: str, value: object, said: str) -> None:
    with pytest.raises(Invalid, match=rf"envelope\.{field}: {said}"):
        CODEC.encode(Emptied(), envelope(**{field: value}))


def test_another_class_than_the_envelope_is_refused() -> None:
    with pytest.raises(Invalid, match="envelope: expected Envelope, found Emptied"):
        CODEC.encode(Emptied(), Emptied())  # type: ignore[arg-type]  # the refusal is the test


def test_an_event_outside_the_catalogue_is_refused() -> None:
    @fact("edgeprint.production.Foreign", stream="J")
    class Foreign(Event):
        """Not in the catalogue."""

    with pytest.raises(Invalid, match="expected an event of the catalogue, found Foreign"):
        CODEC.encode(Foreign(), envelope())


@pytest.mark.parametrize("moment", [RECORDED_AT_LOW, RECORDED_AT_HIGH, 1_735_689_600_000_000])
def test_recorded_at_always_takes_8_bytes(moment: int) -> None:
    entry = CODEC.encode(Emptied(), envelope(recorded_at=moment, stream_version=300))
    assert read_header(entry).recorded_at == moment
    assert read_header(entry).stream_version == 300
    assert entry[RECORDED_AT : STREAM_VERSION + 2].endswith(b"\xd8\x04")  # 300 as an Avro long


def test_the_years_of_recorded_at_are_those_of_the_format() -> None:
    year = timedelta(days=365)
    assert EPOCH + timedelta(microseconds=RECORDED_AT_LOW) < datetime(1979, 1, 1, tzinfo=UTC)
    assert EPOCH + timedelta(microseconds=RECORDED_AT_HIGH) > datetime(3112, 1, 1, tzinfo=UTC) - year


def test_an_entry_may_be_as_long_as_the_limit_and_no_longer() -> None:
    room = ENTRY_BYTES_MAX - len(CODEC.encode(sampled(), envelope())) - 2  # the length of words grows by two bytes
    entry = CODEC.encode(sampled(words="x" * room), envelope())
    assert len(entry) == ENTRY_BYTES_MAX
    assert CODEC.accept(entry).event == sampled(words="x" * room)
    with pytest.raises(Invalid, match="expected an entry of at most 60000 bytes, found 60001"):
        CODEC.encode(sampled(words="x" * (room + 1)), envelope())


def test_the_header_is_readable_without_a_schema() -> None:
    head = envelope()
    header = read_header(CODEC.encode(sampled(), head))
    assert header.schema_sha256 == CATALOGUE.by_class[Sampled].sha256
    assert header[1:] == tuple(getattr(head, name) for name in header._fields[1:])
    assert isinstance(header.event_id, UUID)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entry: entry[:190], "expected an entry of 191 to 60000 bytes, found 190"),
        (lambda entry: entry + bytes(60_000), "expected an entry of 191 to 60000 bytes"),
        (lambda entry: entry[:176] + b"\x80" * 7 + b"\x00" + entry[184:], "expected a positive long of 8 bytes"),
        (lambda entry: entry[:176] + b"\x01" + entry[177:], "expected a positive long of 8 bytes"),
        (lambda entry: entry[:184] + b"\x00" + entry[185:], "expected a stream version of at least 1, found 0"),
        (lambda entry: entry[:184] + b"\x03" + entry[185:], "expected a stream version of at least 1, found -2"),
        (lambda entry: entry[:184] + b"\x84\x00" + entry[185:], "expected a long in the fewest bytes"),
        (lambda entry: entry[:184] + b"\x80" * 11, "expected a long of at most 10 bytes"),
    ],
)
def test_a_broken_header_is_refused(change: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_header(change(CODEC.encode(Emptied(), envelope())))
