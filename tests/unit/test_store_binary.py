"""Arrays on the wire are those that psycopg itself would send, and pack lays requests out as append() reads them."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer

from infra.store import binary
from producers.ports import AppendRequest
from tests.store_kit import Writer, new_id


def loaded(data: bytes, oid: int) -> Any:
    """Return what psycopg reads from a binary value of type `oid`."""
    from psycopg.pq import Format

    loader = adapters.get_loader(oid, Format.BINARY)
    assert loader is not None
    return loader(oid, Transformer()).load(data)


def sent(values: list[Any]) -> bytes:
    """Return what psycopg sends for a list."""
    dumper = Transformer().get_dumper(values, PyFormat.BINARY)
    return bytes(dumper.dump(values) or b"")


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_int4(values: list[int]) -> None:
    assert loaded(binary.int4_array(values), 1007) == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_int8(values: list[int]) -> None:
    assert loaded(binary.int8_array(values), 1016) == values


@given(st.lists(st.uuids()))
def test_uuid(values: list[UUID]) -> None:
    assert loaded(binary.uuid_array([value.bytes for value in values]), 2951) == values
    if values:
        assert binary.uuid_array([value.bytes for value in values]) == sent(values)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=50))))
def test_bytea(values: list[bytes | None]) -> None:
    assert loaded(binary.bytea_array(values), 1001) == values


def test_bytea_longer_than_the_table_of_lengths() -> None:
    values = [b"a" * size for size in (0, 4_095, 4_096, 60_000)]
    assert loaded(binary.bytea_array(values), 1001) == values


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))))
def test_text(values: list[str]) -> None:
    assert loaded(binary.text_array(values), 1009) == values


def unpacked(requests: list[AppendRequest]) -> list[Any]:
    found = adapters.get_dumper
    return [loaded(value, found(type(value), PyFormat.BINARY).oid) for value in binary.pack(requests)]


def test_pack_lays_out_requests() -> None:
    writer = Writer()
    guard = new_id()
    a = writer.request(events=2, guards=[(guard, 7)], take=["x", "y"], take_at=[1, 0])
    b = writer.request(events=0)
    c = writer.request(event_type="edgeprint.other.Type", release=["z"], take=["w"])
    (actors, commands, digests, ends, of, before, schemas, streams, versions, recorded, entries, *rest) = unpacked(
        [a, b, c]
    )
    digests_, types, guard_of, guard_streams, guard_versions, key_of, key_events, keys = rest
    assert actors == [writer.actor] * 3
    assert commands == [request.command.command_id for request in (a, b, c)]
    assert digests == [None] * 3
    assert (ends, of, before, schemas, versions) == ([2, 2, 3], [1, 1, 3], [0, 1, 0], [1, 1, 2], [1, 2, 1])
    events = [*a.events, *c.events]
    assert streams == [event.originator_id for event in events]
    assert entries == [event.entry for event in events]
    assert len(recorded) == 3 and min(recorded) > 1 << 50
    assert digests_ == [a.events[0].entry[:32], c.events[0].entry[:32]]
    assert types == [a.events[0].type, "edgeprint.other.Type"]
    assert (guard_of, guard_streams, guard_versions) == ([1], [guard], [7])
    assert (key_of, key_events, keys) == ([1, 1, 3, 3], [2, 1, 0, 3], ["x", "y", "z", "w"])


@pytest.mark.parametrize("word", [b"", b"\x00" * 8, b"\xff" * 8, b"\x80" * 7])
def test_an_entry_without_a_time_is_marked(word: bytes) -> None:
    assert binary._recorded_at(word) == binary.UNREADABLE


def test_what_cannot_be_told_is_none() -> None:
    writer = Writer()
    assert binary.pack_or_none([writer.request(take=["a\x00"])]) is None
    assert binary.pack_or_none([writer.request(take=["a"])]) is not None
