"""Kafka checked from records and signed checkpoints alone: what counts, what is foreign, what is damage."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.topic_check import TopicCheck, TopicReport
from domain.events import Sha256
from domain.ids import EventId, PartyId, StreamId
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange, leaf_hash
from domain.ledger.note import sign_note
from domain.rights.events import RightsClaimed, Root
from domain.rights.settlement import WHOLE_BP, Holder
from producers.ports import LedgerRow
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.records import Received
from schemas.topics import CHECKPOINTS
from tests.codec_support import envelope
from tests.sealer_kit import ORIGIN, POLICY, keys

CODEC = Codec(CATALOGUE)
SIZE = 30


def row(index: int, salt: int = 0) -> LedgerRow:
    claim = RightsClaimed(
        holder=PartyId(UUID(int=9)),
        work=Sha256(bytes([salt]) * 32),
        root=Root.OWN_CREATION,
        owners=(Holder(party=PartyId(UUID(int=9)), share_bp=WHOLE_BP),),
        statement=Sha256(index.to_bytes(32, "big")),
    )
    head = envelope(event_id=EventId(UUID(int=index + 1)), stream_id=StreamId(UUID(int=index % 11 + 1)))
    entry = CODEC.encode(claim, head)
    return LedgerRow(index, RightsClaimed.TYPE, entry, leaf_hash(entry))


def received(found: LedgerRow, offset: int | None = None) -> Received:
    """Return the record of a row as a consumer gets it."""
    out = record_of(found)
    offset = found.index if offset is None else offset
    return Received(out.topic, out.partition, offset, out.timestamp_ms, out.key, out.value, out.headers)


ROWS = [row(index) for index in range(SIZE)]
RECORDS = [received(one) for one in ROWS]


def note(size: int, rows: list[LedgerRow] = ROWS) -> Received:
    tree = CompactRange()
    tree.extend(one.leaf_hash for one in rows[:size])
    signed = sign_note(Checkpoint(ORIGIN, size, tree.root()).encode(), keys().signers)
    return Received(CHECKPOINTS.name, 0, size, 0, None, signed, ())


NOTES = [note(10), note(20), note(SIZE)]


def check(records: list[Received], notes: list[Received] = NOTES) -> TopicReport:
    one = TopicCheck(POLICY.verify_checkpoint, CATALOGUE)
    for signed in notes:
        one.take_note(signed)
    for record in records:
        one.take_entry(record)
    return one.report()


def test_all_there_once_in_any_order() -> None:
    report = check(RECORDS[::-1])
    assert (report.exit_code, report.events, report.size, report.checkpoints) == (0, SIZE, SIZE, 3)
    assert report.root == POLICY.verify_checkpoint(NOTES[-1].value or b"").root
    assert (report.duplicates, report.gaps, report.foreign, report.damages) == (0, 0, (), ())


@given(st.permutations(range(SIZE)), st.integers(0, SIZE))
@settings(max_examples=30)
def test_whatever_is_left_out_is_named(order: list[int], kept: int) -> None:
    report = check([RECORDS[index] for index in order[:kept]])
    missing = sorted(order[kept:])
    assert (report.gaps, report.events) == (len(missing), kept)
    assert report.exit_code == (1 if missing else 0)
    if missing:
        first = report.damages[0]
        assert first.startswith((f"entry {missing[0]} is missing", f"entries {missing[0]}.."))


def test_what_is_behind_the_newest_checkpoint_is_not_judged() -> None:
    report = check(RECORDS, NOTES[:2])
    assert (report.exit_code, report.size, report.unsealed) == (0, 20, 10)


def test_without_a_checkpoint_nothing_can_be_told() -> None:
    assert check(RECORDS, []).exit_code == 4
    forged = b"x\n5\nAAAA\n\n"
    report = check(RECORDS, [NOTES[0]._replace(value=forged), NOTES[0]._replace(value=None)])
    assert report.exit_code == 4 and report.foreign_count == 2


def flipped(record: Received) -> Received:
    value = bytearray(record.value or b"")
    value[-1] ^= 1
    return record._replace(value=bytes(value))


SPOILED: dict[str, Callable[[Received], Received]] = {
    "null": lambda r: r._replace(value=None),
    "empty": lambda r: r._replace(value=b""),
    "magic": lambda r: r._replace(value=b"\x01" + (r.value or b"")[1:]),
    "schema id": lambda r: r._replace(value=b"\x00\x00\x00\x00\x07" + (r.value or b"")[5:]),
    "a bit": flipped,
    "cut": lambda r: r._replace(value=(r.value or b"")[:-1]),
    "huge": lambda r: r._replace(value=(r.value or b"") + bytes(1 << 20)),
    "key": lambda r: r._replace(key=b"another"),
    "no key": lambda r: r._replace(key=None),
    "partition": lambda r: r._replace(partition=(r.partition + 1) % 6),
    "topic": lambda r: r._replace(topic="edgeprint.delivery.v1"),
    "no headers": lambda r: r._replace(headers=()),
    "index": lambda r: r._replace(headers=(("ledger-index", b"07"), *r.headers[1:])),
    "leaf hash": lambda r: r._replace(headers=(r.headers[0], ("leaf-hash", b"0" * 64), *r.headers[2:])),
    "version": lambda r: r._replace(headers=(*r.headers[:2], ("stream-version", b"3"), *r.headers[3:])),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_record_is_foreign_and_beside_the_true_one_harmless(how: str) -> None:
    bad = SPOILED[how](RECORDS[7])
    beside = check([*RECORDS, bad])
    assert beside.exit_code == 0 and beside.foreign_count == 1 and bad.place in beside.foreign[0]
    instead = check([bad if record is RECORDS[7] else record for record in RECORDS])
    assert instead.exit_code == 1 and instead.damages == ("entry 7 is missing",)


@pytest.mark.parametrize("forged_first", [True, False])
def test_of_two_whole_records_for_one_index_the_signed_root_decides(forged_first: bool) -> None:
    forged = [received(row(index, salt=1), offset=1_000 + index) for index in (7, 15)]
    report = check([*forged, *RECORDS] if forged_first else [*RECORDS, *forged])
    assert report.exit_code == 0 and report.duplicates == 0
    assert [line.split(":")[0] for line in report.foreign] == [record.place for record in forged]


def test_a_forged_record_in_place_of_the_true_one_is_located() -> None:
    forged = received(row(15, salt=1))
    report = check([forged if record is RECORDS[15] else record for record in RECORDS])
    assert report.exit_code == 1
    assert report.damages == ("entries 10..19 do not lead to the root signed for size 20",)


def test_the_same_record_twice_is_a_duplicate_with_both_places() -> None:
    report = check([*RECORDS, RECORDS[3]._replace(offset=99)])
    assert report.exit_code == 1 and report.duplicates == 1
    topic = f"{RECORDS[3].topic}[{RECORDS[3].partition}]"
    assert report.damages == (f"entry 3 is there twice: {topic}@3 and {topic}@99",)


@pytest.mark.parametrize("forged_first", [True, False])
def test_copies_of_a_forged_record_are_foreign_and_no_damage(forged_first: bool) -> None:
    bad = received(row(7, salt=1), 100)
    forgeries = [bad, bad._replace(offset=101), bad._replace(offset=102)]
    report = check([*forgeries, *RECORDS] if forged_first else [*RECORDS, *forgeries])
    assert (report.exit_code, report.duplicates, report.foreign_count) == (0, 0, 3)
    report = check([*forgeries, *RECORDS, RECORDS[7]._replace(offset=200)])
    assert (report.exit_code, report.duplicates, report.foreign_count) == (1, 1, 3)
    assert report.damages == (
        f"entry 7 is there twice: {RECORDS[7].place} and {RECORDS[7]._replace(offset=200).place}",
    )


def test_two_histories_under_one_size_are_told() -> None:
    other = note(20, [row(index, salt=1) for index in range(SIZE)])
    report = check(RECORDS, [*NOTES, other])
    assert report.exit_code == 1 and "two roots are signed for size 20" in report.damages[0]


def test_rubbish_never_raises() -> None:
    @given(
        st.builds(
            Received,
            st.text(),
            st.integers(),
            st.integers(),
            st.integers(),
            st.none() | st.binary(),
            st.none() | st.binary(),
            st.lists(st.tuples(st.text(), st.none() | st.binary())).map(tuple),
        )
    )
    def judged(record: Received) -> None:
        assert check([record, *RECORDS], [*NOTES, record]).exit_code == 0

    judged()
