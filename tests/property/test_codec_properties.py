"""Properties: decode(encode(x)) == x in fastavro's bytes; what is read is canonical; rubbish raises only Invalid."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.events import RECORDED_AT_HIGH, RECORDED_AT_LOW, ActorKind, Envelope, Event
from domain.ids import KINDS, format_id, parse_id, parse_representation, uuid7
from schemas.avro import parse_schema
from schemas.envelope import read_header
from schemas.lint import lint
from schemas.varint import read_long_of_8, read_tail, write_long, write_long_of_8
from tests.codec_support import (
    CATALOGUE,
    CODEC,
    Emptied,
    Part,
    Probed,
    Sampled,
    Verdict,
    as_datum,
    oracle_decode,
    oracle_encode,
)

LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
MOMENTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59))
DIGESTS = st.binary(min_size=32, max_size=32)
VERDICTS = st.sampled_from([Verdict.SUCCEEDED, Verdict.FAILED])
TEXTS = st.text(st.characters(codec="utf-8"))
PARTS = st.builds(Part, object_id=st.uuids(), weight=st.integers(0, 1000), verdict=st.none() | VERDICTS)
SAMPLES = st.builds(
    Sampled,
    number=LONGS,
    small=st.integers(-5, 5),
    text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=10),
    words=TEXTS,
    flag=st.booleans(),
    holder=st.uuids(),
    digest=DIGESTS,
    moment=MOMENTS,
    verdict=VERDICTS,
    part=PARTS,
    parts=st.lists(PARTS, max_size=3).map(tuple),
    tags=st.lists(TEXTS, max_size=4).map(tuple),
    rows=st.lists(st.lists(LONGS, max_size=3).map(tuple), max_size=3).map(tuple),
    late=st.none() | MOMENTS,
    note=st.none() | st.text(st.characters(codec="utf-8"), max_size=20),
    chosen=st.none() | st.lists(VERDICTS, max_size=3).map(tuple),
    other=st.none() | PARTS,
)
PROBES = st.builds(
    Probed,
    attempt=LONGS,
    flag=st.booleans(),
    verdict=VERDICTS,
    note=st.none() | TEXTS,
    tags=st.lists(LONGS, max_size=5).map(tuple),
)
EVENTS: st.SearchStrategy[Event] = SAMPLES | PROBES | st.just(Emptied())
ENVELOPES = st.builds(
    Envelope,
    event_id=st.uuids(),
    stream_id=st.uuids(),
    previous=DIGESTS,
    command_id=st.uuids(),
    causation_id=st.uuids(),
    correlation_id=st.uuids(),
    ledger_id=st.uuids(),
    actor=st.uuids(),
    recorded_at=st.integers(RECORDED_AT_LOW, RECORDED_AT_HIGH),
    stream_version=st.integers(1, (1 << 63) - 1),
    occurred_at=st.none() | LONGS,
    actor_kind=st.sampled_from(list(ActorKind)[1:]),
    on_behalf_of=st.none() | st.uuids(),
    mandate=st.none() | DIGESTS,
    policy=st.none() | DIGESTS,
    attestation=st.none() | DIGESTS,
)


@given(EVENTS, ENVELOPES)
def test_encoding_is_fastavros_and_decoding_gives_the_same_back(event: Event, envelope: Envelope) -> None:
    schema = CATALOGUE.by_class[type(event)]
    entry = CODEC.encode(event, envelope)
    assert entry == oracle_encode(schema.text, schema.sha256, event, envelope)
    assert CODEC.decode(entry) == CODEC.accept(entry) == (envelope, event, schema.sha256)
    datum = oracle_decode(schema.text, entry)
    assert datum.pop("envelope") == {"schema_sha256": schema.sha256} | as_datum(envelope)
    assert datum == as_datum(event)
    header = read_header(entry)
    assert (header.schema_sha256, header.event_id) == (schema.sha256, envelope.event_id)
    assert (header.recorded_at, header.stream_version) == (envelope.recorded_at, envelope.stream_version)


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.text(st.characters(categories=["Cs"]), max_size=3)
    | st.binary(max_size=40)
    | st.uuids()
    | st.datetimes()
    | MOMENTS
    | st.sampled_from([*Verdict, *ActorKind])
    | PARTS
)
FIELDS = st.sampled_from([field.name for field in fields(Sampled)])


@given(SAMPLES, ENVELOPES, FIELDS, JUNK | st.lists(JUNK, max_size=2).map(tuple))
def test_any_value_in_any_field_is_written_and_read_back_or_refused(
    event: Sampled, envelope: Envelope, field: str, junk: Any
) -> None:
    changed = replace(event, **{field: junk})
    try:
        entry = CODEC.encode(changed, envelope)
    except Invalid as err:
        assert field in str(err)
        return
    assert CODEC.accept(entry) == (envelope, changed, CATALOGUE.by_class[Sampled].sha256)


@given(EVENTS, ENVELOPES, st.data())
def test_changed_bytes_are_another_canonical_entry_or_refused(event: Event, envelope: Envelope, data: Any) -> None:
    entry = CODEC.encode(event, envelope)
    place = data.draw(st.integers(0, len(entry)))
    width = data.draw(st.integers(0, 3))
    changed = entry[:place] + data.draw(st.binary(max_size=3)) + entry[place + width :]
    for read in (CODEC.decode, CODEC.accept):
        try:
            decoded = read(changed)
        except Invalid:
            continue
        assert CODEC.encode(decoded.event, decoded.envelope) == changed


@given(st.sampled_from(list(CATALOGUE.by_digest)), ENVELOPES, st.binary(max_size=400))
def test_rubbish_behind_a_known_digest_raises_only_invalid(digest: bytes, envelope: Envelope, rubbish: bytes) -> None:
    head = CODEC.encode(Emptied(), envelope)[32:]
    for entry in (digest + rubbish, digest + head + rubbish, digest + head[:152] + rubbish):
        for read in (CODEC.decode, CODEC.accept):
            try:
                decoded = read(entry)
            except Invalid:
                continue
            assert CODEC.encode(decoded.event, decoded.envelope) == entry


@given(st.binary(max_size=300))
def test_a_header_is_read_or_refused(rubbish: bytes) -> None:
    try:
        read_header(rubbish)
    except Invalid:
        return


@given(LONGS)
def test_longs_round_trip(number: int) -> None:
    data = write_long(number)
    zigzag, position = data[0], 1
    if zigzag > 127:
        zigzag, position = read_tail(data, 1, zigzag)
    assert (zigzag >> 1 ^ -(zigzag & 1), position) == (number, len(data))


@given(st.integers(RECORDED_AT_LOW, RECORDED_AT_HIGH))
def test_longs_of_8_bytes_round_trip_and_are_ordinary_longs(number: int) -> None:
    data = write_long_of_8(number)
    assert data == write_long(number)
    assert read_long_of_8(int.from_bytes(data, "little"), 8) == number


@given(st.binary(min_size=8, max_size=8))
def test_8_bytes_are_one_long_or_refused(data: bytes) -> None:
    try:
        number = read_long_of_8(int.from_bytes(data, "little"), 8)
    except Invalid:
        return
    assert write_long_of_8(number) == data


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["record", "array", "null", "long"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "name", "doc", "fields", "items", "symbols", "default", "size"]), inner
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_the_linter_refuses_rubbish_with_invalid_only(schema: Any) -> None:
    for candidate in (schema, {"type": "record", "name": "edgeprint.Envelope", "doc": "d", "fields": schema}):
        try:
            lint(candidate)
        except Invalid:
            continue


@given(st.binary(max_size=100) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_a_schema_text_is_read_or_refused(text: bytes) -> None:
    try:
        parse_schema(text)
    except Invalid:
        return


@given(st.sampled_from(list(KINDS)), st.integers(0, (1 << 48) * 1000 - 1), st.binary(min_size=10, max_size=10))
def test_identifiers_round_trip_in_any_case(letter: str, time: int, noise: bytes) -> None:
    uuid = uuid7(time, noise)
    text = format_id(letter, uuid, "10.5072")
    for given_text in (text, text.lower(), text.swapcase()):
        assert parse_id(given_text).uuid == uuid
        assert str(parse_id(given_text)) == text


@given(
    st.text(max_size=60)
    | st.from_regex(r"10\.[0-9]{4}/[A-Z]\.[0-9A-Z]{26}-[0-9A-Z](#sha256:[0-9a-f]{64})?", fullmatch=True)
)
def test_identifiers_and_representations_are_read_or_refused(text: str) -> None:
    for parse in (parse_id, parse_representation):
        try:
            parsed = parse(text)
        except Invalid:
            continue
        assert parse(str(parsed)) == parsed
