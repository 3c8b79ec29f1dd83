"""What makes one transaction, what a position record is, and where a row goes; no Kafka in sight."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.claims import Claims
from consumers.feed import Cursor
from consumers.sealed import SealedFeed
from domain.errors import Invalid, Unavailable
from domain.ledger.merkle import leaf_hash
from producers import relay as relaying
from producers.ports import LedgerRow
from producers.relay import BATCH_BYTES, BATCH_EVENTS, READ_ROWS, Relay, batch_length, record_of, whole_commands
from producers.relay_ports import POSITION_BYTES_MAX, Position, PositionOf, parse_position
from schemas.catalogue import CATALOGUE, EventSchema
from schemas.framing import VALUE_SCHEMA_ID, parse_headers, unframe
from schemas.records import Outgoing, Partition, Received
from schemas.topics import RELAY, Topic, key_of, topic_of
from tests.codec_support import envelope
from tests.event_support import events_of
from tests.feed_kit import CODEC, NOTES, PARTITIONS, Topics, make_note, make_row
from tests.sealer_kit import POLICY

POSITION = Position(0, 20, bytes(range(32)), "edgeprint.governance.v1", 3, 7)


def rows(*commands: tuple[int, int]) -> list[LedgerRow]:
    """Return rows of commands, each (events, bytes of each entry)."""
    made: list[LedgerRow] = []
    for number, (events, size) in enumerate(commands):
        command = number.to_bytes(16, "big")
        for _ in range(events):
            made.append(LedgerRow(len(made), "t", bytes(96) + command + bytes(size - 112), b""))
    return made


@pytest.mark.parametrize(
    ("commands", "length"),
    [
        ([], 0),
        ([(1, 300)], 1),
        ([(1_000, 300)], 1_000),
        ([(BATCH_EVENTS, 300), (1, 300)], BATCH_EVENTS),
        ([(BATCH_EVENTS - 1, 300), (1, 300), (1, 300)], BATCH_EVENTS),
        ([(BATCH_EVENTS - 1, 300), (2, 300)], BATCH_EVENTS - 1),
        ([(17, 60_000), (1, 60_000)], 17),
        ([(18, 60_000), (1, 300)], 18),
        ([(1, 300)] * 700, BATCH_EVENTS),
    ],
)
def test_a_transaction_is_whole_commands_within_the_limits(commands: list[tuple[int, int]], length: int) -> None:
    assert batch_length(rows(*commands)) == length
    assert BATCH_BYTES == 1 << 20


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(200, 5_000)), max_size=12))
def test_no_command_is_ever_split(commands: list[tuple[int, int]]) -> None:
    left = rows(*commands)
    while left:
        length = batch_length(left)
        assert length > 0
        assert length == len(left) or left[length - 1].entry[96:112] != left[length].entry[96:112]
        left = left[length:]


def test_a_full_read_leaves_its_last_command_for_the_next() -> None:
    assert len(whole_commands(rows((READ_ROWS - 1, 300)))) == READ_ROWS - 1
    assert len(whole_commands(rows((READ_ROWS - 700, 300), (700, 300)))) == READ_ROWS - 700
    assert len(whole_commands(rows((300, 60_000), (10, 60_000)))) == 300, "a read may also end at its bytes"


@pytest.mark.parametrize("schema", CATALOGUE.by_type.values(), ids=lambda schema: schema.name)
@settings(max_examples=10)
@given(data=st.data())
def test_a_record_holds_the_bytes_and_says_where_they_belong(schema: EventSchema, data: st.DataObject) -> None:
    entry = CODEC.encode(data.draw(events_of(schema)), envelope())
    row = LedgerRow(41, schema.name, entry, leaf_hash(entry))
    record = record_of(row)
    assert record.topic == topic_of(row.type).name and 0 <= record.partition < 6
    assert unframe(record.value) == entry and record.value[5:] == entry
    said = parse_headers(record.headers)
    assert (said.index, said.leaf_hash) == (41, row.leaf_hash)


def test_a_position_is_read_back() -> None:
    assert POSITION.encode().startswith(b'{"first":0,"last":20,"leaf":"000102')
    assert parse_position(POSITION.encode()) == POSITION


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"[" * 1_000,
        b"{}",
        POSITION.encode()[:-1],
        POSITION.encode().replace(b'"last":20', b'"last":true'),
        POSITION.encode().replace(b'"last":20', b'"last":-1'),
        POSITION.encode().replace(b'"first":0', b'"first":21'),
        POSITION.encode().replace(b'"offset":7', b'"offset":9007199254740992'),
        POSITION.encode().replace(b'"leaf":"00', b'"leaf":"0'),
        POSITION.encode().replace(b'"topic":"edge', b'"more":1,"topic":"edge'),
        POSITION.encode() + b" " * POSITION_BYTES_MAX,
    ],
)
def test_what_is_no_position_is_refused(value: bytes | None) -> None:
    with pytest.raises(Invalid, match="position: expected"):
        parse_position(value)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(value: bytes) -> None:
    with pytest.raises(Invalid):
        parse_position(value)


class Ledger:
    """Rows and notes of a log in memory: the relay's `RowSource` and `NoteSource`."""

    def __init__(self, size: int) -> None:
        self.all = [make_row(index) for index in range(size)]
        self.notes: list[tuple[int, bytes]] = []

    def size(self) -> int:
        return len(self.all)

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        return self.all[start : start + limit]

    def newest_note(self, size: int) -> bytes | None:
        return max(((one, at, note) for at, (one, note) in enumerate(self.notes) if one <= size), default=(0, 0, None))[
            2
        ]

    def sign(self, size: int) -> bytes:
        self.notes.append((size, make_note(size, self.all)))
        return self.notes[-1][1]


class MemoryBus:
    """`producers.relay_ports.Bus` over topics in memory; what `write` raises is in `down`."""

    def __init__(self) -> None:
        self.topics = Topics()
        self.topics.open(RELAY)
        self.transactions: list[list[Outgoing]] = []
        self.down: Exception | None = None

    def fence(self) -> None:
        pass

    def newest(self, topic: Topic) -> Iterator[Received]:
        return reversed(self.topics.records[Partition(topic.name, 0)])

    def tails(self) -> Iterator[Received]:
        return iter(
            [found[-1] for partition, found in self.topics.records.items() if partition in PARTITIONS and found]
        )

    def at(self, topic: str, partition: int, offset: int) -> Received | None:
        return self.topics.at(Partition(topic, partition), offset)

    def write(self, records: Sequence[Outgoing], position: PositionOf | None) -> None:
        if self.down is not None:
            raise self.down
        written = [self._write(record) for record in records]
        whole = [*records, position(written[-1].offset)] if position else list(records)
        if position:
            self._write(whole[-1])
        self.transactions.append(whole)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _write(self, out: Outgoing) -> Received:
        return self.topics.write(
            Received(out.topic, out.partition, 0, out.timestamp_ms, out.key, out.value, out.headers)
        )


def notes_on(bus: MemoryBus) -> list[int]:
    return [POLICY.verify_checkpoint(one.value or b"").size for one in bus.topics.records[NOTES]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> tuple[Relay, Ledger, MemoryBus]:
    """A relay of 60 entries, ten to a transaction."""
    monkeypatch.setattr(relaying, "BATCH_EVENTS", 10)
    ledger, bus = Ledger(60), MemoryBus()
    made = Relay(UUID(int=7), ledger, ledger, bus, POLICY.verify_checkpoint)
    assert made.recover() == 0
    return made, ledger, bus


def test_checkpoints_go_along_as_soon_as_all_that_they_cover_is_there(small: tuple[Relay, Ledger, MemoryBus]) -> None:
    relay, ledger, bus = small
    for size in (7, 10, 15, 33, 60):
        ledger.sign(size)
    while relay.step():
        covered = max(notes_on(bus), default=0)
        assert covered <= relay.relayed_size - 10  # committed before the transaction that it goes along with
    assert notes_on(bus) == [10, 15, 33]
    assert len(bus.transactions) == 6
    assert relay.publish(5) and not relay.publish(6)
    assert notes_on(bus) == [10, 15, 33, 60]
    assert {one.key for one in bus.topics.records[NOTES]} == {key_of(UUID(int=7))}
    assert [dict(one.headers)["size"] for one in bus.topics.records[NOTES]] == [b"10", b"15", b"33", b"60"]


def test_a_note_signed_anew_for_the_same_size_is_published_once_more(small: tuple[Relay, Ledger, MemoryBus]) -> None:
    relay, ledger, bus = small
    ledger.sign(10)
    relay.step()
    assert relay.publish(1) and not relay.publish(2)
    ledger.notes.append((10, ledger.notes[0][1] + b"\xe2\x80\x94 example.com/witness AAAAAAAAAAA=\n"))
    assert relay.publish(3) and not relay.publish(4)
    assert notes_on(bus) == [10, 10]
    again = Relay(UUID(int=7), ledger, ledger, bus, POLICY.verify_checkpoint)
    assert again.recover() == 10 and not again.publish(5)


def test_a_note_that_nobody_signed_is_never_published(small: tuple[Relay, Ledger, MemoryBus]) -> None:
    relay, ledger, bus = small
    ledger.notes.append((0, b"example.com/log\n0\nAAAA\n\n"))
    with pytest.raises(Invalid):
        relay.step()
    assert bus.transactions == []


def test_what_became_of_a_failed_transaction_is_read_from_kafka(small: tuple[Relay, Ledger, MemoryBus]) -> None:
    relay, ledger, bus = small
    ledger.sign(10)
    relay.step()
    bus.down = Unavailable("no answer")
    with pytest.raises(Unavailable):
        relay.step()
    bus.down = None
    assert relay.recover() == 10
    while relay.step():
        pass
    relay.publish(1)
    assert notes_on(bus) == [10]
    values = [unframe(one.value) for p in PARTITIONS for one in bus.topics.records[p]]
    assert sorted(values) == sorted(row.entry for row in ledger.all)


@pytest.mark.parametrize("first_bare", [True, False])
def test_either_framing_is_read_also_where_it_changes_in_between(
    monkeypatch: pytest.MonkeyPatch, first_bare: bool
) -> None:
    monkeypatch.setattr(relaying, "BATCH_EVENTS", 10)
    ledger, bus = Ledger(60), MemoryBus()
    ledger.sign(60)
    for bare in (first_bare, not first_bare):
        relay = Relay(UUID(int=7), ledger, ledger, bus, POLICY.verify_checkpoint, bare=bare)
        relay.recover()
        for _ in range(3):
            relay.step()
    relay.publish(1)
    records = [one for partition in PARTITIONS for one in bus.topics.records[partition]]
    assert sum(VALUE_SCHEMA_ID in dict(one.headers) for one in records) == 30
    feed = SealedFeed(POLICY.verify_checkpoint, Claims(CATALOGUE), Cursor(), PARTITIONS)
    for one in bus.topics.poll(feed.wanted()) + bus.topics.poll(feed.wanted()):
        feed.take(one)
    while (batch := feed.batch()) is None:
        for one in bus.topics.poll(feed.wanted()):
            feed.take(one)
    assert [entry.entry for entry in batch.entries] == [row.entry for row in ledger.all]
    for one in records:
        spoiled = one._replace(headers=tuple((n, b"x" if n == VALUE_SCHEMA_ID else v) for n, v in one.headers))
        if spoiled != one:
            with pytest.raises(Invalid, match="header __value_schema_id: expected"):
                Claims(CATALOGUE).of(spoiled)
            with pytest.raises(Invalid, match="found null"):
                Claims(CATALOGUE).of(one._replace(value=None))
