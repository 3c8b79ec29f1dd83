"""Where an index or a moment begins in partitions, and how a tail merges them, over records in memory."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.claims import Claims
from domain.errors import Invalid, NotFound
from infra.kafka import seeking
from infra.kafka import tail as tailing
from infra.kafka.seeking import index_at, index_at_time, offsets_of_index
from infra.kafka.tail import Begin, Line, Tail
from schemas.catalogue import CATALOGUE
from schemas.records import Partition, Received
from tests.feed_kit import PARTITIONS, Topics, make_row

CLAIMS = Claims(CATALOGUE)
ROWS = [make_row(index, streams=5) for index in range(120)]


class Records:
    """What `infra.kafka.reader.Reader` gives, over topics in memory; counts its reads."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.reads = 0

    def begins(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return {partition: self.topics.watermarks()[partition] for partition in partitions}

    def at(self, partition: Partition, offset: int) -> Received | None:
        return self.topics.at(partition, offset)

    def at_time(self, partitions: Sequence[Partition], timestamp_ms: int) -> dict[Partition, int]:
        ends = self.ends(partitions)
        return {
            p: next((one.offset for one in self.topics.records[p] if one.timestamp_ms >= timestamp_ms), ends[p])
            for p in partitions
        }

    def read(self, spans: dict[Partition, tuple[int, int]]) -> Iterator[list[Received]]:
        self.reads += 1
        for partition, (first, end) in spans.items():
            yield [one for one in self.topics.records[partition] if first <= one.offset < end]


def written(*more: Received) -> Records:
    topics = Topics()
    for row in ROWS:
        topics.relay(row)
    for record in more:
        topics.write(record)
    return Records(topics)


def tail_of(reader: Records) -> Tail:
    return Tail(reader, "nowhere:1", PARTITIONS)  # type: ignore[arg-type]


def indexes(lines: Iterator[Line]) -> list[int | None]:
    return [line.index for line in lines]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeking, "PROBE_RECORDS", 4)
    monkeypatch.setattr(tailing, "CHUNK", 7)


@given(st.integers(0, 130))
@settings(max_examples=40)
def test_before_the_offsets_of_an_index_there_is_nothing_of_it(index: int) -> None:
    reader = written()
    starts = offsets_of_index(reader, PARTITIONS, index)  # type: ignore[arg-type]
    for partition, records in reader.topics.records.items():
        for record in records:
            if record.offset < starts.get(partition, 0):
                assert CLAIMS.of(record)[0] < index
    assert reader.reads <= 8
    behind = sum(one.offset >= starts.get(p, 0) for p, found in reader.topics.records.items() for one in found)
    assert behind <= max(0, len(ROWS) - index) + 4 * 6


def test_a_strangers_records_can_mislead_a_search_and_nothing_worse() -> None:
    stranger = ROWS[0], ROWS[1]
    reader = written()
    for row in stranger:
        reader.topics.relay(row)
    for found in reader.topics.records.values():
        for at, record in enumerate(found[:3]):
            found[at] = record._replace(headers=())
    assert offsets_of_index(reader, PARTITIONS, 60).keys() == set(PARTITIONS)  # type: ignore[arg-type]


def test_the_entry_at_an_offset_and_at_a_moment() -> None:
    reader = written()
    partition, records = next((p, found) for p, found in reader.topics.records.items() if found)
    assert index_at(reader, CLAIMS, partition, records[2].offset) == CLAIMS.of(records[2])[0]  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"expected a record at .*@1, found none"):
        index_at(reader, CLAIMS, partition, 1)  # type: ignore[arg-type]
    records[2] = records[2]._replace(value=b"rubbish")
    with pytest.raises(Invalid):
        index_at(reader, CLAIMS, partition, records[2].offset)  # type: ignore[arg-type]
    first = ROWS[0], 0
    assert index_at_time(reader, CLAIMS, PARTITIONS, 0) == first[1]  # type: ignore[arg-type]
    assert index_at_time(reader, CLAIMS, PARTITIONS, 1 << 60) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("begin", [0, 1, 17, 60, 119, 120])
def test_a_tail_from_an_index_is_merged_in_order(begin: int) -> None:
    assert indexes(tail_of(written()).lines(Begin(index=begin))) == list(range(begin, len(ROWS)))


@pytest.mark.parametrize("newest", [0, 1, 5, 500])
def test_a_tail_of_the_newest(newest: int) -> None:
    wanted = list(range(max(0, len(ROWS) - newest), len(ROWS)))
    assert indexes(tail_of(written()).lines(Begin(newest=newest))) == wanted


def test_a_tail_from_a_moment() -> None:
    assert indexes(tail_of(written()).lines(Begin(time_ms=0))) == list(range(len(ROWS)))
    assert indexes(tail_of(written()).lines(Begin(time_ms=1 << 60))) == []


def test_a_tail_of_one_type() -> None:
    tail = tail_of(written())
    assert indexes(tail.lines(Begin(index=0), ["edgeprint.rights.RightsClaimed"])) == list(range(len(ROWS)))
    assert indexes(tail.lines(Begin(index=0), ["edgeprint.identity.ObjectIdentified"])) == []


def test_what_is_foreign_is_shown_where_it_lies() -> None:
    reader = written()
    partition, records = next((p, found) for p, found in reader.topics.records.items() if found)
    bad = records[1] = records[1]._replace(value=b"rubbish")
    lines = list(tail_of(reader).lines(Begin(index=0), ["edgeprint.rights.RightsClaimed"]))
    (foreign,) = [line for line in lines if line.index is None]
    assert foreign.record == bad and foreign.wrong is not None and "expected an entry" in foreign.wrong
    assert [line.index for line in lines if line.index is not None] == [
        index for index in range(len(ROWS)) if index != CLAIMS.of(written().topics.records[partition][1])[0]
    ]
