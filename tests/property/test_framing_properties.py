"""Properties of framing: what is framed is unframed to the same bytes; headers say what the offsets hold; rubbish
raises only Invalid."""

import contextlib
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.events import ZERO_UUID, Envelope, Event
from schemas.avro import registry_guid, registry_id
from schemas.envelope import ENTRY_BYTES_MAX, ENTRY_BYTES_MIN, read_header
from schemas.framing import (
    HEADERS_MAX,
    VALUE_SCHEMA_ID,
    RecordHeaders,
    frame,
    frame_bare,
    headers_of,
    parse_headers,
    unframe,
    unframe_bare,
)
from schemas.topics import TOPICS, check_config, key_of, murmur2, partition_of, topic_of
from tests.codec_support import CODEC, Emptied, envelope
from tests.property.test_codec_properties import ENVELOPES, EVENTS

INDEXES = st.integers(0, (1 << 63) - 1)
ENTRIES = st.binary(min_size=ENTRY_BYTES_MIN, max_size=ENTRY_BYTES_MIN + 50)
ENTRY = CODEC.encode(Emptied(), envelope())
GOOD = headers_of(7, Emptied.TYPE, ENTRY, sha256(b"\0" + ENTRY).digest())
NAMES = st.sampled_from(["ledger-index", "leaf-hash", "stream-version", VALUE_SCHEMA_ID, "x"])
HEADERS = st.lists(st.tuples(NAMES | st.text(max_size=5), st.none() | st.binary(max_size=70)), max_size=8)


@given(EVENTS, ENVELOPES, INDEXES)
def test_a_record_carries_the_entry_and_says_what_stands_in_it(event: Event, head: Envelope, index: int) -> None:
    entry = CODEC.encode(event, head)
    digest = sha256(b"\0" + entry).digest()
    value = frame(entry)
    assert unframe(value) == value[5:] == entry
    assert value[:5] == b"\0" + registry_id(entry[:32]).to_bytes(4, "big")
    bare, guid = frame_bare(entry)
    assert (bare, guid) == (entry, (VALUE_SCHEMA_ID, b"\x01" + registry_guid(entry[:32]).bytes))
    headers = headers_of(index, event.TYPE, entry, digest)
    assert unframe_bare(bare, [*headers, guid]) == entry
    assert parse_headers(headers) == RecordHeaders(index, digest, head.stream_version)
    said = {name: text.decode("ascii") for name, text in headers}
    assert len(said) == len(headers)
    assert said["ce_id"] == str(head.event_id)
    assert said["ce_subject"] == str(head.stream_id)
    assert said["ce_source"] == f"urn:edgeprint:ledger:{head.ledger_id}"
    assert said["ce_dataschema"] == f"urn:sha256:{entry[:32].hex()}"
    moment = datetime.fromisoformat(said["ce_time"])
    assert said["ce_time"].endswith("Z") and len(said["ce_time"]) == 27
    assert moment - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(microseconds=head.recorded_at)
    span = head.event_id.bytes[8:]
    if head.correlation_id == ZERO_UUID or not any(span):
        assert "traceparent" not in said
    else:
        assert said["traceparent"] == f"00-{head.correlation_id.hex}-{span.hex()}-01"


@given(ENTRIES, INDEXES)
def test_headers_are_refused_where_the_header_reader_refuses(entry: bytes, index: int) -> None:
    try:
        header = read_header(entry)
    except Invalid:
        with pytest.raises(Invalid):
            headers_of(index, "edgeprint.production.Emptied", entry, bytes(32))
    else:
        parsed = parse_headers(headers_of(index, "edgeprint.production.Emptied", entry, bytes(32)))
        assert parsed.stream_version == header.stream_version


@given(st.none() | st.binary(max_size=300) | ENTRIES.map(frame))
def test_any_value_is_an_entry_framed_or_refused(value: bytes | None) -> None:
    try:
        entry = unframe(value)
    except Invalid:
        return
    assert frame(entry) == value


@given(ENTRIES, st.integers(0, 8 * 5 - 1))
def test_one_changed_bit_before_the_entry_is_found(entry: bytes, bit: int) -> None:
    value = bytearray(frame(entry))
    value[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Invalid, match=r"expected the (magic byte 00|schema id)"):
        unframe(bytes(value))


@given(st.none() | st.binary(max_size=300), HEADERS)
def test_any_headers_are_read_or_refused(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    for mixed in (headers, [*GOOD, *headers]):
        try:
            found = parse_headers(mixed)
        except Invalid:
            pass
        else:
            assert found.index >= 0 and found.stream_version >= 1 and len(found.leaf_hash) == 32
        with contextlib.suppress(Invalid):
            assert unframe_bare(value, mixed) == value


@pytest.mark.parametrize("size", [0, 5, ENTRY_BYTES_MIN - 1, ENTRY_BYTES_MAX + 1])
def test_lengths_that_no_entry_has_are_refused(size: int) -> None:
    for refused in (
        lambda: frame(bytes(size)),
        lambda: frame_bare(bytes(size)),
        lambda: unframe(bytes(size + 5)),
        lambda: unframe_bare(bytes(size), GOOD),
        lambda: headers_of(0, "edgeprint.production.Emptied", bytes(size), bytes(32)),
    ):
        with pytest.raises(Invalid, match="expected an entry of 191 to 60000 bytes"):
            refused()


def changed(name: str, value: bytes | None) -> list[tuple[str, bytes | None]]:
    return [(key, value if key == name else found) for key, found in GOOD]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], "header ledger-index: expected one, found none"),
        ([*GOOD, ("leaf-hash", b"0" * 64)], "header leaf-hash: expected one, found two"),
        (changed("ledger-index", None), "header ledger-index: expected a value, found null"),
        (changed("ledger-index", b""), "ledger-index: expected a canonical decimal of 0 to 9223372036854775807"),
        (changed("ledger-index", b"07"), "canonical decimal"),
        (changed("ledger-index", b"+7"), "canonical decimal"),
        (changed("ledger-index", b"-7"), "canonical decimal"),
        (changed("ledger-index", b"7\n"), "canonical decimal"),
        (changed("ledger-index", "７".encode()), "canonical decimal"),
        (changed("ledger-index", b"9223372036854775808"), "canonical decimal"),
        (changed("ledger-index", b"9" * 100_000), "canonical decimal"),
        (changed("stream-version", b"0"), "stream-version: expected a canonical decimal of 1 to"),
        (changed("leaf-hash", b"A" * 64), "64 lower-case hex digits"),
        (changed("leaf-hash", b"a" * 63), "64 lower-case hex digits"),
        (changed("leaf-hash", b"a" * 64 + b"\n"), "64 lower-case hex digits"),
        ([("x", b"")] * (HEADERS_MAX + 1), "expected at most 128 headers, found more"),
    ],
)
def test_headers_that_are_not_ours_are_refused(headers: list[Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parse_headers(headers)


def test_a_bare_record_of_another_schema_is_refused() -> None:
    for other in (b"\x01" + bytes(16), b"\x00" + ENTRY[:16], b"\x01" + ENTRY[:15], b"\x01" + ENTRY[:17], b""):
        with pytest.raises(Invalid, match="header __value_schema_id: expected 01"):
            unframe_bare(ENTRY, [(VALUE_SCHEMA_ID, other)])


# ---- topics


@given(st.text(max_size=60))
def test_any_name_has_a_topic_or_is_refused(name: str) -> None:
    with contextlib.suppress(Invalid):
        assert topic_of(name) in TOPICS


@given(st.uuids(), st.binary(max_size=100), st.integers(1, 10_000))
def test_partitions_are_within_range(stream: UUID, key: bytes, partitions: int) -> None:
    assert 0 <= murmur2(key) < 1 << 32
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key_of(stream), 1) == 0


@given(
    st.sampled_from(TOPICS),
    st.integers(),
    st.integers(),
    st.dictionaries(st.sampled_from(sorted(TOPICS[0].configs(3))) | st.text(max_size=5), st.none() | st.text()),
)
def test_any_configuration_passes_or_is_refused(
    topic: Any, partitions: int, replication: int, configs: dict[str, str | None]
) -> None:
    with contextlib.suppress(Invalid):
        check_config(topic, partitions, replication, configs)
