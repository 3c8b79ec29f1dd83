"""The contract of a ledger store, run against PostgreSQL and memory alike (`producers.ports.LedgerStore`)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent

from domain.errors import Conflict, Rejected
from domain.events import KeyChange, Recorded
from domain.ledger.merkle import leaf_hash
from infra.store.memory import MemoryRecorder
from infra.store.recorder import LedgerRecorder
from producers.ports import (
    AlreadyStored,
    AppendRequest,
    AppendResult,
    AppendStatus,
    KeyHolder,
    StaleClock,
    StoredCommand,
)
from tests.conftest import LedgerDatabase
from tests.store_kit import FOUNDED, NOTED, PUBLISHED, RESET, TYPES, Writer, last_leaf, new_id, now_us, schema_of

Store = LedgerRecorder | MemoryRecorder
STORED, DUPLICATE = AppendStatus.STORED, AppendStatus.DUPLICATE
CONFLICT, STALE, REFUSED = AppendStatus.CONFLICT, AppendStatus.STALE, AppendStatus.REFUSED
FOUNDING_EVENTS = len(TYPES) + 1


@pytest.fixture(params=["memory", "postgresql"])
def empty_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryRecorder()
        return
    database: LedgerDatabase = request.getfixturevalue("ledger_database")
    recorder = LedgerRecorder(database.writer, patience_s=5)
    yield recorder
    recorder.close()


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def store(empty_store: Store, writer: Writer) -> Store:
    assert empty_store.append([writer.founding()])[0].status is STORED
    return empty_store


def one(store: Store, request: AppendRequest) -> AppendResult:
    (result,) = store.append([request])
    return result


def statuses(results: list[AppendResult]) -> list[AppendStatus]:
    return [result.status for result in results]


# -- founding ---------------------------------------------------------------------------------------------------------


def test_empty_store_has_nothing(empty_store: Store) -> None:
    assert empty_store.size() == 0
    assert empty_store.max_notification_id() is None
    assert empty_store.rows(0, 10) == []
    assert empty_store.append([]) == []


def test_founding_is_the_first_append_and_fixes_the_ledger(empty_store: Store, writer: Writer) -> None:
    assert one(empty_store, writer.request()).status is REFUSED
    assert one(empty_store, writer.request(events=0)).status is REFUSED
    founding = writer.founding()
    assert one(empty_store, founding) == AppendResult(STORED, 0, FOUNDING_EVENTS - 1)
    assert [row.type for row in empty_store.rows(0, 9)] == [FOUNDED, *[PUBLISHED] * len(TYPES)]
    assert one(empty_store, founding).status is DUPLICATE
    assert one(empty_store, Writer().founding()).status is CONFLICT  # its schema keys are taken
    assert one(empty_store, writer.request(ledger=new_id())).status is REFUSED
    assert one(empty_store, writer.request()).status is STORED


def test_founding_and_what_follows_may_come_in_one_call(empty_store: Store, writer: Writer) -> None:
    results = empty_store.append([writer.founding(), writer.request()])
    assert statuses(results) == [STORED, STORED]


def test_ledger_founded_stands_nowhere_else(store: Store, writer: Writer) -> None:
    assert one(store, writer.request(event_type=FOUNDED)).status is REFUSED


# -- storing ----------------------------------------------------------------------------------------------------------


def test_events_get_dense_indexes_in_order(store: Store, writer: Writer) -> None:
    requests = [writer.request(events=n) for n in (1, 3, 2)]
    first = FOUNDING_EVENTS
    assert store.append(requests) == [
        AppendResult(STORED, first, first),
        AppendResult(STORED, first + 1, first + 3),
        AppendResult(STORED, first + 4, first + 5),
    ]
    rows = store.rows(first, 100)
    assert [row.index for row in rows] == list(range(first, first + 6))
    assert [row.entry for row in rows] == [event.entry for request in requests for event in request.events]
    assert all(row.leaf_hash == leaf_hash(row.entry) for row in rows)
    assert {row.type for row in rows} == {NOTED}
    assert store.size() == first + 6


def test_rows_are_bounded_on_both_sides(store: Store) -> None:
    assert [row.index for row in store.rows(1, 2)] == [1, 2]
    assert store.rows(FOUNDING_EVENTS, 5) == []
    assert [row.index for row in store.rows(FOUNDING_EVENTS - 1, 5)] == [FOUNDING_EVENTS - 1]


def test_a_command_may_write_several_streams_interleaved(store: Store, writer: Writer) -> None:
    key, a, b = writer.key(), new_id(), new_id()
    first_of_a = writer.entry(a, 1, bytes(32), key.command_id)
    first_of_b = writer.entry(b, 1, bytes(32), key.command_id)
    second_of_a = writer.entry(a, 2, leaf_hash(first_of_a), key.command_id)
    request = AppendRequest(
        key, (Recorded(a, 1, NOTED, first_of_a), Recorded(b, 1, NOTED, first_of_b), Recorded(a, 2, NOTED, second_of_a))
    )
    assert one(store, request).status is STORED
    streams = store.streams([a, b, new_id()])
    assert {stream: [row.entry for row in rows] for stream, rows in streams.items()} == {
        a: [first_of_a, second_of_a],
        b: [first_of_b],
    }


def test_a_command_without_events_keeps_its_id_with_an_empty_range(store: Store, writer: Writer) -> None:
    request = writer.request(events=0, key=writer.key(digest=b"d" * 32))
    size = store.size()
    assert one(store, request) == AppendResult(STORED, size, size - 1)
    assert store.size() == size
    again = one(store, request)
    assert (again.status, again.first, again.last) == (DUPLICATE, size, size - 1)


def test_reads_of_nothing(store: Store) -> None:
    assert store.streams([]) == {} and store.commands([]) == {} and store.key_holders([]) == {}


# -- command ids ------------------------------------------------------------------------------------------------------


def test_a_known_command_is_answered_with_its_indexes_and_stores_nothing(store: Store, writer: Writer) -> None:
    key = writer.key(digest=b"a" * 32)
    first = one(store, writer.request(key=key, events=2))
    again = one(store, writer.request(key=key))
    assert (again.status, again.first, again.last) == (DUPLICATE, first.first, first.last)
    assert store.size() == first.last + 1
    known = store.commands([(key.actor, key.command_id), (key.actor, new_id())])
    assert known == {(key.actor, key.command_id): StoredCommand(first.first, first.last, b"a" * 32)}


def test_another_body_under_a_known_id_is_refused_where_both_have_a_digest(store: Store, writer: Writer) -> None:
    command = new_id()
    assert one(store, writer.request(key=writer.key(command, b"a" * 32))).status is STORED
    assert one(store, writer.request(key=writer.key(command, b"b" * 32))).status is REFUSED
    assert one(store, writer.request(key=writer.key(command, None))).status is DUPLICATE


def test_the_same_id_of_another_actor_is_another_command(store: Store, writer: Writer) -> None:
    other = Writer(writer.ledger)
    command = new_id()
    results = store.append([w.request(key=w.key(command)) for w in (writer, other)])
    assert statuses(results) == [STORED, STORED]


def test_duplicates_are_found_before_stale_clocks_and_conflicts(store: Store, writer: Writer) -> None:
    request = writer.request()
    assert one(store, request).status is STORED
    stale = writer.request(request.events[0].originator_id, after=7, key=request.command, recorded_at=now_us() - 10**9)
    assert one(store, stale).status is DUPLICATE


# -- clock ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-6, 6, -86_400, 365 * 86_400])
def test_a_clock_off_by_more_than_five_seconds_is_stale(store: Store, writer: Writer, seconds: int) -> None:
    assert one(store, writer.request(recorded_at=now_us() + seconds * 1_000_000)).status is STALE


@pytest.mark.parametrize("seconds", [-3, 3])
def test_within_five_seconds_times_need_not_be_ordered(store: Store, writer: Writer, seconds: int) -> None:
    assert one(store, writer.request()).status is STORED
    assert one(store, writer.request(recorded_at=now_us() + seconds * 1_000_000)).status is STORED


def test_a_clock_reset_obeys_the_clock_rule(store: Store, writer: Writer) -> None:
    assert one(store, writer.request(event_type=RESET, recorded_at=now_us() - 10**8)).status is STALE
    assert one(store, writer.request(event_type=RESET)).status is STORED


# -- versions and guards ----------------------------------------------------------------------------------------------


def test_a_stream_grows_only_from_where_it_stands(store: Store, writer: Writer) -> None:
    first = writer.request(events=2)
    stream = first.events[0].originator_id
    assert one(store, first).status is STORED
    assert one(store, writer.request(stream)).status is CONFLICT
    assert one(store, writer.request(stream, after=1, previous=last_leaf(first))).status is CONFLICT
    assert one(store, writer.request(stream, after=3, previous=last_leaf(first))).status is CONFLICT
    assert one(store, writer.request(stream, after=2, previous=last_leaf(first))).status is STORED


def test_requests_of_one_call_follow_each_other(store: Store, writer: Writer) -> None:
    a = writer.request(events=2)
    stream = a.events[0].originator_id
    b = writer.request(stream, after=2, previous=last_leaf(a))
    c = writer.request(stream, after=2, previous=last_leaf(a))
    d = writer.request(stream, after=3, previous=last_leaf(b))
    e = writer.request(guards=[(stream, 4)])
    f = writer.request(guards=[(stream, 3)])
    assert statuses(store.append([a, b, c, d, e, f])) == [STORED, STORED, CONFLICT, STORED, STORED, CONFLICT]


def test_guards_hold_exactly(store: Store, writer: Writer) -> None:
    read = writer.request(events=3)
    stream = read.events[0].originator_id
    assert one(store, read).status is STORED
    for version, expected in ((2, CONFLICT), (3, STORED), (4, CONFLICT), (0, CONFLICT)):
        assert one(store, writer.request(guards=[(stream, version)])).status is expected
    assert one(store, writer.request(guards=[(new_id(), 0), (stream, 3)])).status is STORED
    assert one(store, writer.request(guards=[(new_id(), 1)])).status is CONFLICT
    assert one(store, writer.request(events=0, guards=[(stream, 2)])).status is CONFLICT


def test_a_stream_may_be_guarded_and_written_by_one_request(store: Store, writer: Writer) -> None:
    first = writer.request()
    stream = first.events[0].originator_id
    assert one(store, first).status is STORED
    request = writer.request(stream, after=1, previous=last_leaf(first), guards=[(stream, 1)])
    assert one(store, request).status is STORED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_guard_and_a_write_of_one_stream_in_one_call(store: Store, writer: Writer, order: tuple[int, int]) -> None:
    stream = new_id()
    requests = [writer.request(stream), writer.request(guards=[(stream, 0)])]
    results = store.append([requests[i] for i in order])
    assert statuses(results) == ([STORED, CONFLICT] if order == (0, 1) else [STORED, STORED])


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_has_one_holder_and_the_loser_learns_its_index(store: Store, writer: Writer) -> None:
    holder = one(store, writer.request(take=["content/1"]))
    loser = one(store, writer.request(take=["content/2", "content/1"]))
    assert (loser.status, loser.first) == (CONFLICT, holder.first)
    assert store.key_holders(["content/1", "content/2"]).keys() == {"content/1"}


def test_a_key_is_held_by_the_event_that_takes_it(store: Store, writer: Writer) -> None:
    request = writer.request(events=3, take=["a", "b", "c"], take_at=[2, 0, 1])
    first = one(store, request).first
    stream = request.events[0].originator_id
    assert store.key_holders(["a", "b", "c"]) == {
        "a": KeyHolder(first + 2, stream),
        "b": KeyHolder(first, stream),
        "c": KeyHolder(first + 1, stream),
    }


def test_a_key_is_given_back_and_taken_again(store: Store, writer: Writer) -> None:
    assert one(store, writer.request(release=["k"])).status is CONFLICT
    assert one(store, writer.request(take=["k"])).status is STORED
    moved = one(store, writer.request(release=["k"], take=["k"]))
    assert moved.status is STORED
    assert store.key_holders(["k"])["k"].index == moved.first
    assert one(store, writer.request(release=["k"])).status is STORED
    assert store.key_holders(["k"]) == {}
    assert one(store, writer.request(take=["k"])).status is STORED


def test_one_key_in_several_requests_of_one_call(store: Store, writer: Writer) -> None:
    results = store.append(
        [
            writer.request(take=["k"]),
            writer.request(take=["k"]),
            writer.request(release=["k"]),
            writer.request(take=["k"]),
        ]
    )
    assert statuses(results) == [STORED, CONFLICT, STORED, STORED]
    assert results[1].first == results[0].first


@pytest.mark.parametrize(
    "wrong",
    [
        {"take": ["k", "k"]},
        {"take": [""]},
        {"take": ["k" * 501]},
        {"take": ["k\x00"]},
        {"take": ["\ud800"]},
        {"take": ["k"], "events": 0},
        {"release": ["k"], "events": 0},
        {"take": ["k"], "take_at": [1]},
        {"take": ["k"], "take_at": [-1]},
        {"take": ["k"], "take_at": [0, 0]},
        {"release": [f"schema/{schema_of(NOTED).hex()}"]},
    ],
)
def test_impossible_keys_are_refused(store: Store, writer: Writer, wrong: dict[str, object]) -> None:
    good = writer.request()
    assert statuses(store.append([writer.request(**wrong), good])) == [REFUSED, STORED]  # type: ignore[arg-type]
    assert store.key_holders(["k"]) == {}


# -- the columns against the bytes ------------------------------------------------------------------------------------


def _other_stream(w: Writer) -> AppendRequest:
    request = w.request()
    return replace(request, events=(replace(request.events[0], originator_id=new_id()),))


def _other_version(w: Writer, version: int) -> AppendRequest:
    request = w.request(events=version)
    key = request.command
    events = list(request.events)
    before = leaf_hash(events[-2].entry)
    wrong = w.entry(events[0].originator_id, version + 1, before, key.command_id)
    events[-1] = replace(events[-1], entry=wrong)
    return replace(request, events=tuple(events))


def _other_command(w: Writer) -> AppendRequest:
    return replace(w.request(), command=w.key())


def _broken_chain(w: Writer) -> AppendRequest:
    request = w.request(events=3)
    return replace(request, events=(request.events[0], request.events[2]))


def _twice(w: Writer) -> AppendRequest:
    request = w.request(events=1)
    entry = w.entry(request.events[0].originator_id, 1, bytes(32), request.command.command_id)
    return replace(request, events=(request.events[0], replace(request.events[0], entry=entry)))


def _short(w: Writer, length: int) -> AppendRequest:
    request = w.request()
    return replace(request, events=(replace(request.events[0], entry=request.events[0].entry[:length]),))


BROKEN: dict[str, Callable[[Writer], AppendRequest]] = {
    "schema not published": lambda w: w.request(schema=b"\x01" * 32),
    "another stream": _other_stream,
    "another version of one byte": lambda w: _other_version(w, 2),
    "another version of two bytes": lambda w: _other_version(w, 70),
    "previous where there is none": lambda w: w.request(previous=b"\x01" * 32),
    "another command": _other_command,
    "another ledger": lambda w: w.request(ledger=new_id()),
    "another actor": lambda w: w.request(actor=new_id()),
    "a gap in the chain": _broken_chain,
    "one version twice": _twice,
    "one byte too long": lambda w: w.request(filler=60_001 - 191),
    "empty entry": lambda w: _short(w, 0),
    "cut before the time": lambda w: _short(w, 180),
    "cut behind the version": lambda w: _short(w, 190),
    "1,001 events": lambda w: w.request(events=1_001),
    "more than 4 MiB": lambda w: w.request(events=72, filler=59_000),
    "type without a name": lambda w: w.request(event_type="", schema=schema_of(NOTED)),
    "type with NUL": lambda w: w.request(event_type="a\x00b", schema=schema_of(NOTED)),
    "type too long": lambda w: w.request(event_type="t" * 256, schema=schema_of(NOTED)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_refused_alone(store: Store, writer: Writer, name: str) -> None:
    before, after = writer.request(), writer.request(events=2)
    results = store.append([before, BROKEN[name](writer), after])
    assert statuses(results) == [STORED, REFUSED, STORED]
    assert results[1].reason and (results[1].first, results[1].last) == (-1, -1)
    assert store.size() == FOUNDING_EVENTS + 3


def test_the_limits_themselves_are_allowed(store: Store, writer: Writer) -> None:
    longest = writer.request(filler=60_000 - 191)
    assert len(longest.events[0].entry) == 60_000
    assert one(store, longest).status is STORED
    assert one(store, writer.request(events=1_000)).status is STORED
    assert one(store, writer.request(events=70, filler=59_000)).status is STORED, "4 MiB, less than one entry"
    assert store.rows(FOUNDING_EVENTS, 1)[0].entry == longest.events[0].entry


def test_previous_is_the_leaf_of_the_stored_event(store: Store, writer: Writer) -> None:
    first = writer.request()
    stream = first.events[0].originator_id
    assert one(store, first).status is STORED
    assert one(store, writer.request(stream, after=1, previous=b"\x07" * 32)).status is REFUSED


def test_an_event_id_exists_once(store: Store, writer: Writer) -> None:
    event_id = new_id()
    assert one(store, writer.request(event_id=event_id)).status is STORED
    assert one(store, writer.request(event_id=event_id)).status is REFUSED
    other = new_id()
    assert one(store, writer.request(events=2, event_id=other)).status is REFUSED
    results = store.append([writer.request(event_id=other), writer.request(), writer.request(event_id=other)])
    assert statuses(results) == [STORED, STORED, REFUSED]


def test_a_schema_may_be_published_and_used_by_one_request(store: Store, writer: Writer) -> None:
    fresh = b"\x42" * 32
    assert one(store, writer.request(schema=fresh)).status is REFUSED
    publishing = writer.request(take=[f"schema/{fresh.hex()}"], schema=fresh)
    assert one(store, publishing).status is STORED
    assert one(store, writer.request(schema=fresh)).status is STORED
    other = b"\x43" * 32
    results = store.append(
        [
            writer.request(schema=other),
            writer.request(take=[f"schema/{other.hex()}"]),
            writer.request(schema=other),
        ]
    )
    assert statuses(results) == [REFUSED, STORED, STORED]


# -- the library's recorder -------------------------------------------------------------------------------------------


def stored_events(request: AppendRequest) -> list[StoredEvent]:
    return [StoredEvent(e.originator_id, e.originator_version, e.type, e.entry) for e in request.events]


def test_insert_events_answers_notification_ids(store: Store, writer: Writer) -> None:
    request = writer.request(events=2)
    ids = store.insert_events(stored_events(request), command=request.command, keys=KeyChange(("k",)), tracking=None)
    assert ids == [FOUNDING_EVENTS + 1, FOUNDING_EVENTS + 2]
    assert store.key_holders(["k"])["k"].index == FOUNDING_EVENTS
    assert store.insert_events([], command=writer.key()) == []


def test_insert_events_raises_what_was_not_stored(store: Store, writer: Writer) -> None:
    request = writer.request()
    stream = request.events[0].originator_id
    store.insert_events(stored_events(request), command=request.command)
    with pytest.raises(AlreadyStored) as known:
        store.insert_events(stored_events(request), command=request.command)
    assert (known.value.first, known.value.last) == (FOUNDING_EVENTS, FOUNDING_EVENTS)
    again = writer.request(stream)
    with pytest.raises(Conflict):
        store.insert_events(stored_events(again), command=again.command)
    stale = writer.request(recorded_at=now_us() - 10**8)
    with pytest.raises(StaleClock):
        store.insert_events(stored_events(stale), command=stale.command)
    wrong = writer.request(actor=new_id())
    with pytest.raises(Rejected):
        store.insert_events(stored_events(wrong), command=wrong.command)
    with pytest.raises(TypeError):
        store.insert_events(stored_events(again))


def test_select_events_slices_a_stream(store: Store, writer: Writer) -> None:
    request = writer.request(events=5)
    stream = request.events[0].originator_id
    one(store, request)
    everything = stored_events(request)
    assert store.select_events(stream) == everything
    assert store.select_events(stream, gt=1, lte=4) == everything[1:4]
    assert store.select_events(stream, desc=True, limit=2) == everything[:-3:-1]
    assert store.select_events(new_id()) == []


def test_select_notifications_slices_the_log(store: Store, writer: Writer) -> None:
    request = writer.request(events=3)
    one(store, request)
    size = store.size()
    assert store.max_notification_id() == size

    def ids(**slice_: object) -> list[int]:
        arguments: dict[str, object] = {"start": None, "limit": 100, **slice_}
        return [n.id for n in store.select_notifications(**arguments)]  # type: ignore[arg-type]

    assert ids() == list(range(1, size + 1))
    assert ids(start=3, limit=2) == [3, 4]
    assert ids(start=3, limit=2, inclusive_of_start=False) == [4, 5]
    assert ids(start=2, stop=4) == [2, 3, 4]
    assert ids(topics=[NOTED]) == [size - 2, size - 1, size]
    newest = store.select_notifications(size, 1)[0]
    last = request.events[-1]
    assert (newest.originator_id, newest.originator_version) == (last.originator_id, 3)
    assert (newest.topic, newest.state) == (NOTED, last.entry)


# -- the feed ---------------------------------------------------------------------------------------------------------


def test_a_feed_yields_what_is_there_and_what_comes(store: Store, writer: Writer) -> None:
    with store.feed(1, limit=3) as feed:
        assert [row.index for row in next(feed)] == [1, 2, 3]
        assert [row.index for row in next(feed)] == [4]
        one(store, writer.request(events=2))
        assert [row.index for row in next(feed)] == [5, 6]
        feed.stop()
        assert list(feed) == []


def test_a_subscription_yields_notifications_by_topic(store: Store, writer: Writer) -> None:
    request = writer.request()
    one(store, request)
    with store.subscribe(gt=2, topics=[NOTED]) as subscription:
        notification = next(subscription)
        assert (notification.id, notification.state) == (FOUNDING_EVENTS + 1, request.events[0].entry)
        assert isinstance(notification.originator_id, UUID)
        subscription.stop()
        assert list(subscription) == []
