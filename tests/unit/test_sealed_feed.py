"""Fed by signed roots alone: in index order, each entry once, none that a stranger made, however he mixes in."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers import sealed
from consumers.claims import Claims
from consumers.feed import Batch, Cursor, Delivery, parse_cursor, rewound
from consumers.sealed import SealedFeed
from domain.errors import Invalid
from domain.ledger.merkle import CompactRange
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.records import Partition, Received
from tests.feed_kit import NOTES, PARTITIONS, Topics, make_note, make_row
from tests.sealer_kit import POLICY

SIZE = 60
ROWS = [make_row(index) for index in range(SIZE)]
CHECKPOINTS = {size: make_note(size, ROWS) for size in (7, 20, 40, SIZE)}
CLAIMS = Claims(CATALOGUE)
Feed = Callable[[Cursor], SealedFeed]


def feed_at(cursor: Cursor, skipped: frozenset[tuple[Partition, int]] = frozenset()) -> SealedFeed:
    return SealedFeed(POLICY.verify_checkpoint, CLAIMS, cursor, PARTITIONS, skipped)


def forged(index: int, salt: int = 1, like: int | None = None) -> Received:
    """A stranger's whole record for an index, in the place of the stream of `like`."""
    row = make_row(index if like is None else like, salt)
    out = record_of(dataclasses.replace(row, index=index))
    return Received(out.topic, out.partition, 0, out.timestamp_ms, out.key, out.value, out.headers)


def run(feed: SealedFeed, topics: Topics, *, idle: bool = True) -> list[Batch]:
    """Let the feed read all there is, and return its batches."""
    batches, quiet = [], 0
    while quiet < 3:
        while (batch := feed.batch()) is not None:
            batches.append(batch)
        wanted = feed.wanted()
        fetched = topics.poll(wanted)
        for one in fetched:
            feed.take(one)
        quiet = 0 if fetched else quiet + 1
        if idle and not fetched:
            feed.idle(topics.watermarks())
    return batches


def entries_of(batches: list[Batch]) -> list[Delivery]:
    return [entry for batch in batches for entry in batch.entries]


def written(at_once: int = 7) -> Topics:
    topics = Topics(at_once=at_once)
    for size, note in CHECKPOINTS.items():
        topics.relay(*ROWS[len([r for p in PARTITIONS for r in topics.records[p]]) : size])
        topics.publish(note)
    return topics


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_everything_once_in_index_order(at_once: int) -> None:
    feed = feed_at(Cursor())
    batches = run(feed, written(at_once))
    assert [entry.entry for entry in entries_of(batches)] == [row.entry for row in ROWS]
    assert [entry.index for entry in entries_of(batches)] == list(range(SIZE))
    assert [batch.note for batch in batches] == list(CHECKPOINTS.values())
    assert (feed.next_index, feed.head_size, feed.foreign()) == (SIZE, SIZE, [])


def test_nothing_that_no_checkpoint_covers() -> None:
    topics = Topics()
    topics.relay(*ROWS)
    feed = feed_at(Cursor())
    assert run(feed, topics) == []
    topics.publish(CHECKPOINTS[20])
    assert [entry.index for entry in entries_of(run(feed, topics))] == list(range(20))


@given(st.data())
@settings(max_examples=25)
def test_any_cursor_goes_on_where_it_stands(data: st.DataObject) -> None:
    topics = written(data.draw(st.sampled_from([1, 3, 50])))
    batches = run(feed_at(Cursor()), topics)
    kept = data.draw(st.integers(0, len(batches) - 1))
    cursor = parse_cursor(batches[kept].cursor.encode())
    assert cursor == batches[kept].cursor
    rest = run(feed_at(cursor), topics)
    assert [one.index for one in entries_of(batches[: kept + 1] + rest)] == list(range(SIZE))
    tree = CompactRange()
    tree.extend(row.leaf_hash for row in ROWS)
    assert (rest or batches)[-1].cursor.hashes == tree.hashes


def test_a_batch_in_the_middle_of_a_stretch_keeps_the_tree_at_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "BATCH_EVENTS", 4)
    batches = run(feed_at(Cursor()), written())
    assert [len(batch.entries) for batch in batches[:4]] == [4, 3, 4, 4]
    assert [(b.cursor.next_index, b.cursor.size) for b in batches[:4]] == [(4, 0), (7, 7), (11, 7), (15, 7)]
    for kept in range(len(batches)):
        rest = run(feed_at(batches[kept].cursor), written())
        assert [one.index for one in entries_of(batches[: kept + 1] + rest)] == list(range(SIZE))


@pytest.mark.parametrize("index", [0, 5, 7, 33, SIZE])
def test_rewound_it_verifies_all_and_delivers_from_there(index: int) -> None:
    batches = run(feed_at(rewound(index)), written())
    assert [entry.index for entry in entries_of(batches)] == list(range(index, SIZE))
    assert batches[-1].cursor.size == SIZE and batches[-1].cursor.begin == index


@given(st.data())
@settings(max_examples=60)
def test_whatever_strangers_mix_in_only_the_log_is_delivered(data: st.DataObject) -> None:
    topics = Topics(at_once=data.draw(st.sampled_from([1, 4, 50])))
    strangers = st.one_of(
        st.builds(forged, st.integers(0, SIZE - 1), st.integers(1, 3)),
        st.builds(forged, st.sampled_from([SIZE + 5, 10_000, 10**12]), st.just(1), st.integers(0, SIZE - 1)),
        st.builds(lambda one: one._replace(value=(one.value or b"")[:-1]), st.builds(forged, st.integers(0, SIZE - 1))),
        st.builds(forged, st.integers(0, SIZE - 1), st.just(0)),  # the true record before its time, or once more
    )
    ends, contested = list(CHECKPOINTS), 0
    for row in ROWS:
        if contested < 5 and data.draw(st.integers(0, 9)) == 0:
            topics.write(data.draw(strangers))
            contested += 1
        topics.relay(row)
        if row.index + 1 in ends:
            topics.publish(CHECKPOINTS[row.index + 1])
    batches = run(feed_at(Cursor()), topics)
    assert [entry.entry for entry in entries_of(batches)] == [row.entry for row in ROWS]
    again = run(feed_at(batches[0].cursor), topics)
    assert [entry.index for entry in entries_of(batches[:1] + again)] == list(range(SIZE))


def test_the_signed_root_decides_and_the_other_is_reported() -> None:
    topics = Topics()
    topics.write(forged(3))
    topics.relay(*ROWS[:7])
    topics.publish(CHECKPOINTS[7])
    feed = feed_at(Cursor())
    assert [entry.leaf for entry in entries_of(run(feed, topics))] == [row.leaf_hash for row in ROWS[:7]]
    (said,) = feed.foreign()
    assert "claims to be entry 3, which is signed with other bytes" in said


def test_a_claim_far_ahead_makes_its_partition_wait_only_until_it_must_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "READ_AHEAD", 20)
    topics = Topics()
    topics.write(forged(10**9, like=3))
    for size, note in CHECKPOINTS.items():
        topics.relay(*ROWS[sum(len(topics.records[p]) for p in PARTITIONS if p) - 1 : size])
        topics.publish(note)
    feed = feed_at(Cursor())
    batches = run(feed, topics)
    assert [entry.index for entry in entries_of(batches)] == list(range(SIZE))
    assert any("far ahead of the records behind it" in one for one in feed.foreign())


def test_no_partition_runs_away_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "READ_AHEAD", 10)
    topics = Topics(at_once=100)
    topics.relay(*ROWS)
    feed = feed_at(Cursor())
    for one in topics.poll(feed.wanted()):
        feed.take(one)
    assert len(feed._pending) == 10 and len(feed._held) == 6
    for size in CHECKPOINTS:
        topics.publish(CHECKPOINTS[size])
    assert [entry.index for entry in entries_of(run(feed, topics))] == list(range(SIZE))


def test_large_claims_are_not_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CLAIMED_BYTES", 1)
    batches = run(feed_at(Cursor()), written(1))
    assert [entry.index for entry in entries_of(batches)] == list(range(SIZE))


def test_a_missing_entry_is_named_once_nothing_more_can_come() -> None:
    topics = Topics()
    topics.relay(*ROWS[:4], *ROWS[5:7])
    topics.publish(CHECKPOINTS[7])
    feed = feed_at(Cursor())
    assert run(feed, topics, idle=False) == []
    with pytest.raises(Invalid, match="a checkpoint of size 7 is signed, but entry 4 is on no partition"):
        feed.idle(topics.watermarks())


def test_while_something_may_come_nothing_is_said_to_be_missing() -> None:
    topics = Topics()
    topics.relay(*ROWS[:4], *ROWS[5:7])
    topics.publish(CHECKPOINTS[7])
    feed = feed_at(Cursor())
    run(feed, topics, idle=False)
    undecided = {**topics.watermarks(), PARTITIONS[0]: 1 << 62}  # a stranger's open transaction, or nothing known yet
    feed.idle(undecided)
    topics.relay(ROWS[4])
    assert [entry.index for entry in entries_of(run(feed, topics))] == list(range(7))


def test_forged_in_place_of_the_true_one_is_damage() -> None:
    topics = Topics()
    topics.relay(*ROWS[:3])
    topics.write(forged(3))
    topics.write(forged(3, 2))
    topics.relay(*ROWS[4:7])
    topics.publish(CHECKPOINTS[7])
    feed = feed_at(Cursor())
    with pytest.raises(Invalid, match=r"entries 0\.\.6 do not lead to the root signed for size 7; entry 3 is also"):
        run(feed, topics)


def test_too_many_rivals_stop_it_and_skipped_ones_do_not() -> None:
    topics = Topics()
    strangers = [topics.write(forged(index, salt)) for index in range(7) for salt in (1, 2)]
    topics.relay(*ROWS[:7])
    topics.publish(CHECKPOINTS[7])
    with pytest.raises(Invalid, match="do not lead to the root"):
        run(feed_at(Cursor()), topics)
    skipped = frozenset((Partition(one.topic, one.partition), one.offset) for one in strangers)
    feed = feed_at(Cursor(), skipped)
    assert [entry.leaf for entry in entries_of(run(feed, topics))] == [row.leaf_hash for row in ROWS[:7]]


def test_more_rivals_for_one_entry_than_are_kept() -> None:
    topics = Topics(at_once=100)
    for salt in range(1, sealed.RIVALS_MAX + 5):
        topics.write(forged(3, salt))
    topics.relay(*ROWS[:7])
    topics.publish(CHECKPOINTS[7])
    with pytest.raises(Invalid, match="do not lead to the root"):
        run(feed_at(Cursor()), topics)


def test_two_histories_stop_it() -> None:
    other = [make_row(index, 5) for index in range(SIZE)]
    for sizes in ((7,), (7, 20)):
        topics = Topics()
        topics.relay(*ROWS[: sizes[-1]])
        for size in sizes:
            topics.publish(CHECKPOINTS[size])
        feed = feed_at(Cursor())
        run(feed, topics)
        topics.publish(make_note(7, other))
        with pytest.raises(Invalid, match="two roots are signed for size 7"):
            run(feed, topics)


def test_notes_that_nobody_signed_count_for_nothing() -> None:
    topics = written()
    topics.publish(b"example.com/log\n5\nAAAA\n\n")
    topics.write(Received(*NOTES, 0, 0, None, None, ()))
    feed = feed_at(Cursor())
    assert len(entries_of(run(feed, topics))) == SIZE
    assert len(feed.foreign()) == 2


def test_many_checkpoints_wait_on_their_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "HEADS_MAX", 2)
    topics = Topics(at_once=1)
    for note in CHECKPOINTS.values():
        topics.publish(note)
    feed = feed_at(Cursor())
    run(feed, topics, idle=False)
    assert NOTES not in feed.wanted()
    topics.relay(*ROWS)
    assert len(entries_of(run(feed, topics))) == SIZE


@given(st.text(max_size=200) | st.builds(lambda c: c.encode()[:-1], st.just(Cursor())))
def test_a_cursor_that_is_none_is_refused_and_nothing_else_is_raised(text: str) -> None:
    with pytest.raises(Invalid):
        parse_cursor(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"size":0', '"size":1'),
        ('"size":0', '"size":-1'),
        ('"notes":0', '"notes":true'),
        ('"offsets":{}', '"offsets":{"a[01]":1}'),
        ('"offsets":{}', '"offsets":[]'),
        ('"hashes":[]', '"hashes":["aa"]'),
        ('"begin":0,', ""),
    ],
)
def test_a_cursor_with_a_wrong_member_is_refused(old: str, new: str) -> None:
    text = Cursor().encode()
    assert old in text
    with pytest.raises(Invalid, match="expected"):
        parse_cursor(text.replace(old, new))
