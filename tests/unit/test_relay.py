"""What makes one transaction, what a position record is, and where a row goes; no Kafka in sight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.ledger.merkle import leaf_hash
from producers.ports import LedgerRow
from producers.relay import BATCH_BYTES, BATCH_EVENTS, READ_ROWS, batch_length, record_of, whole_commands
from producers.relay_ports import POSITION_BYTES_MAX, Position, parse_position
from schemas.catalogue import CATALOGUE, EventSchema
from schemas.codec import Codec
from schemas.framing import parse_headers, unframe
from schemas.topics import topic_of
from tests.codec_support import envelope
from tests.event_support import events_of

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
@given(data=st.data())
def test_a_record_holds_the_bytes_and_says_where_they_belong(schema: EventSchema, data: st.DataObject) -> None:
    entry = Codec(CATALOGUE).encode(data.draw(events_of(schema)), envelope())
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
