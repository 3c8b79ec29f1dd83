"""The runtime on a real store: each entry once, failures by their class, and the same state as from zero."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.claims import Claims
from consumers.feed import Cursor, Delivery, Feed
from consumers.mirror import Mirror
from consumers.runtime import Runtime
from consumers.sealed import SealedFeed
from consumers.transport import TransportFeed
from domain.errors import Conflict, Invalid, Unavailable
from infra.consumers.mirror import mirror_digest, mirror_store
from infra.consumers.store import ConsumerStore
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec, UnknownSchema
from schemas.records import Partition, Received
from tests.consumer_kit import Counting, Counts, close_stores, counted, fails_on, open_counts
from tests.feed_kit import Topics, make_note, make_row
from tests.sealer_kit import POLICY

SIZE = 60
ROWS = [make_row(index) for index in range(SIZE)]
TYPES = {digest: schema.name for digest, schema in CATALOGUE.by_digest.items()}
CLAIMS = Claims(CATALOGUE)


class Letters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.kept: list[tuple[Received, str, int]] = []

    def put(self, record: Received, reason: str, attempts: int) -> int:
        self.kept.append((record, reason, attempts))
        return len(self.kept) - 1

    def get(self, offset: int) -> Received | None:
        return self.kept[offset][0] if offset < len(self.kept) else None


class Case:
    """One consumer and what is around it."""

    def __init__(self, folder: Path, handler: Counting | None = None, trust: str = "sealed") -> None:
        self.topics = Topics()
        self.letters = Letters()
        self.log: list[str] = []
        self.rests: list[float] = []
        self.handler = handler or Counting()
        self.trust = trust
        self.path = folder / "counting.sqlite3"

    def store(self) -> ConsumerStore[Counts]:
        return open_counts(self.path)

    def make_feed(self, cursor: Cursor, partitions: list[Partition]) -> Feed:
        if self.trust == "sealed":
            return SealedFeed(POLICY.verify_checkpoint, CLAIMS, cursor, partitions)
        return TransportFeed(CLAIMS, cursor, partitions)

    def runtime(self, store: ConsumerStore[Counts] | None = None) -> Runtime[Any]:
        made: Runtime[Any] = Runtime(
            self.handler,
            self.make_feed,
            self.topics,
            store or self.store(),
            self.letters,
            TYPES,
            rest=self.rests.append,
            log=self.log.append,
        )
        made.recover()
        return made

    def grow(self, begin: int, end: int) -> None:
        self.topics.relay(*ROWS[begin:end])
        self.topics.publish(make_note(end, ROWS))

    def counted(self) -> list[int]:
        return counted(self.path)


def drain(runtime: Runtime[Any]) -> int:
    done = 0
    for _ in range(40):
        done += runtime.step()
    return done


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    made.grow(0, 20)
    made.grow(20, 40)
    return made


def test_each_entry_once_and_each_seal_heard(case: Case) -> None:
    runtime = case.runtime()
    assert drain(runtime) == 40
    assert case.counted() == list(range(40))
    assert case.handler.seals == [20, 40]
    assert (runtime.delivered, runtime.foreign, runtime.parked, runtime.feed.next_index) == (40, 0, 0, 40)


def test_started_again_it_goes_on_behind_what_it_has(case: Case) -> None:
    drain(case.runtime())
    case.grow(40, SIZE)
    assert drain(case.runtime()) == SIZE - 40
    assert case.counted() == list(range(SIZE))


def test_whoever_was_taken_over_writes_nothing_more(case: Case) -> None:
    first = case.runtime()
    second = case.runtime()
    with pytest.raises(Conflict, match="another process has taken this consumer over"):
        drain(first)
    assert case.counted() == []
    drain(second)
    assert case.counted() == list(range(40))


@pytest.mark.parametrize("point", range(1, 4))
def test_a_crash_between_two_steps_loses_and_doubles_nothing(case: Case, point: int) -> None:
    calls = 0

    def crash(_entry: Delivery) -> None:
        nonlocal calls
        calls += 1
        if calls == 13 * point:
            raise KeyboardInterrupt

    case.handler.fails = crash
    with pytest.raises(KeyboardInterrupt):
        drain(case.runtime())
    drain(case.runtime())
    assert case.counted() == list(range(40))


def test_only_the_types_it_wants_come_and_the_others_move_the_cursor(case: Case) -> None:
    case.handler.types = ["edgeprint.identity.ObjectIdentified"]
    runtime = case.runtime()
    assert drain(runtime) == 40
    assert case.counted() == []
    assert case.store().cursor().next_index == 40


def test_a_handlers_bug_parks_its_stream_and_no_other(case: Case) -> None:
    case.handler.fails = fails_on(5)
    runtime = case.runtime()
    drain(runtime)
    mine = [index for index in range(40) if ROWS[index].entry[48:64] == ROWS[5].entry[48:64] and index >= 5]
    assert case.counted() == [index for index in range(40) if index not in mine]
    waiting = case.store().waiting()
    assert [one.index for one in waiting] == mine == [5, 16, 27, 38]
    assert [one.attempts for one in waiting] == [4, 0, 0, 0]
    assert "KeyError" in waiting[0].reason and "an earlier entry of its stream waits" in waiting[1].reason
    assert len(case.rests) == 3 and runtime.parked == 1
    for one, (record, _, _) in zip(waiting, case.letters.kept, strict=True):
        original = next(r for r in case.topics.records[Partition(record.topic, record.partition)] if r == record)
        assert (original.value or b"")[5:] == ROWS[one.index].entry


def test_what_fails_once_and_not_again_is_not_parked(case: Case) -> None:
    left = [2]

    def fail(entry: Delivery) -> None:
        if entry.index == 5 and left[0]:
            left[0] -= 1
            raise OSError("for a moment")

    case.handler.fails = fail
    drain(case.runtime())
    assert case.counted() == list(range(40)) and case.letters.kept == []


def test_a_retry_feeds_again_in_order_once_the_handler_is_mended(case: Case) -> None:
    order: list[int] = []
    case.handler.fails = fails_on(5)
    drain(case.runtime())
    store = case.store()
    assert store.ask_to_retry(None) == 4
    still = case.runtime()
    drain(still)
    (first, *_) = store.waiting()
    assert (first.index, first.attempts) == (5, 5) and store.to_retry() == []
    case.handler.fails = lambda entry: order.append(entry.index)
    assert store.ask_to_retry(ROWS[5].entry[48:64]) == 4
    mended = case.runtime()
    case.grow(40, SIZE)
    drain(mended)
    assert order[:4] == [5, 16, 27, 38] and mended.parked == 0
    assert case.counted() == list(range(SIZE)) and store.waiting() == []


def test_a_retry_that_fails_in_the_middle_keeps_the_rest_in_order(case: Case) -> None:
    case.handler.fails = fails_on(5)
    drain(case.runtime())
    case.handler.fails = fails_on(27)
    store = case.store()
    store.ask_to_retry(None)
    drain(case.runtime())
    assert [one.index for one in store.waiting()] == [27, 38]
    assert 5 in case.counted() and 16 in case.counted()


def test_a_letter_that_somebody_changed_is_not_fed(case: Case) -> None:
    case.handler.fails = fails_on(5)
    drain(case.runtime())
    record, reason, attempts = case.letters.kept[0]
    case.letters.kept[0] = (record._replace(value=case.letters.kept[1][0].value), reason, attempts)
    case.store().ask_to_retry(None)
    with pytest.raises(Invalid, match="expected the dead letter of entry 5, found another record"):
        case.runtime().step()
    case.letters.kept.clear()
    with pytest.raises(Invalid, match="found none"):
        case.runtime().step()


def test_an_unknown_schema_stops_before_it_and_nothing_is_parked(case: Case) -> None:
    known = [20]

    def decode(entry: Delivery) -> None:
        if entry.index >= known[0]:
            raise UnknownSchema("expected an entry under a known schema, found 00")

    case.handler.fails = decode
    runtime = case.runtime()
    with pytest.raises(Unavailable, match="counting waits for a program that knows the schema"):
        drain(runtime)
    assert case.counted() == list(range(20)) and case.letters.kept == []
    known[0] = SIZE
    runtime.recover()
    drain(runtime)
    assert case.counted() == list(range(40))


def test_the_outside_world_down_parks_nothing(case: Case) -> None:
    def down(_entry: Delivery) -> None:
        raise Unavailable("the other side does not answer")

    case.handler.fails = down
    with pytest.raises(Unavailable):
        drain(case.runtime())
    assert case.letters.kept == [] and case.counted() == []


def test_our_own_errors_of_a_handler_count_as_its_bug(case: Case) -> None:
    def refuse(entry: Delivery) -> None:
        if entry.index == 3:
            raise Invalid("expected something else")

    case.handler.fails = refuse
    drain(case.runtime())
    assert [one.index for one in case.store().waiting()][:1] == [3]


@pytest.mark.parametrize("index", [0, 13, 40])
def test_rewound_it_comes_to_the_same_state(case: Case, index: int) -> None:
    case.handler.fails = fails_on(25)
    drain(case.runtime())
    case.handler.fails = fails_on()
    running = case.runtime()
    store = case.store()
    store.rewind(index, lambda rows, first: case.handler.rewind(rows, first))
    assert case.counted() == [one for one in range(40) if one < index and one not in (25, 36)]
    with pytest.raises(Conflict):
        case.grow(40, SIZE)
        drain(running)
    drain(case.runtime())
    parked = [25, 36, 47, 58] if index > 25 else []
    assert case.counted() == [one for one in range(SIZE) if one not in parked]


@pytest.mark.parametrize("trust", ["sealed", "transport"])
def test_where_nothing_is_sealed_only_transport_delivers(tmp_path: Path, trust: str) -> None:
    case = Case(tmp_path, trust=trust)
    case.topics.relay(*ROWS[:10])
    drain(case.runtime())
    assert case.counted() == (list(range(10)) if trust == "transport" else [])


def test_transport_keeps_each_partitions_order_and_goes_on(tmp_path: Path) -> None:
    came: list[Delivery] = []
    case = Case(tmp_path, Counting(came.append), "transport")
    case.topics.relay(*ROWS[:30])
    drain(case.runtime())
    case.topics.relay(*ROWS[30:])
    drain(case.runtime())
    assert case.counted() == list(range(SIZE))
    for partition in {one.partition for one in came}:
        mine = [one.index for one in came if one.partition == partition]
        assert mine == sorted(mine)


def test_transport_stops_at_a_damaged_record_and_passes_one_that_came_before(tmp_path: Path) -> None:
    case = Case(tmp_path, trust="transport")
    case.topics.relay(*ROWS[:10])
    case.topics.relay(ROWS[9])
    runtime = case.runtime()
    drain(runtime)
    assert (case.counted(), runtime.foreign) == (list(range(10)), 1)
    bad = next(found for found in case.topics.records.values() if found)[0]
    case.topics.write(bad._replace(value=b"rubbish"))
    with pytest.raises(Invalid, match="topic skip"):
        drain(runtime)


def test_transport_rewound_delivers_from_an_index_even_over_restarts(tmp_path: Path) -> None:
    case = Case(tmp_path, trust="transport")
    case.topics.relay(*ROWS)
    drain(case.runtime())
    case.store().rewind(33, case.handler.rewind)
    assert case.counted() == list(range(33))
    case.runtime().step()
    drain(case.runtime())
    assert case.counted() == list(range(SIZE))


def test_two_mirrors_of_one_log_have_one_digest(tmp_path: Path, case: Case) -> None:
    digests = []
    for turn, steps in enumerate((1, 7)):
        path = tmp_path / f"mirror{turn}.sqlite3"
        for _ in range(40):
            store = mirror_store(path)
            runtime: Runtime[Any] = Runtime(
                Mirror(), case.make_feed, case.topics, store, case.letters, TYPES, rest=case.rests.append,
                log=case.log.append,
            )  # fmt: skip
            runtime.recover()
            for _ in range(steps):
                runtime.step()
            store.close()
        digests.append(mirror_digest(path))
    assert digests[0] == digests[1] and digests[0][0] == 40
    store = mirror_store(path)
    store.rewind(20, lambda rows, index: Mirror().rewind(rows, index))
    store.close()
    assert mirror_digest(path)[0] == 20 and mirror_digest(path) != digests[0]


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.sqlite3").write_bytes(b"no database at all " * 100)
    with pytest.raises(Invalid, match=r"other\.sqlite3: expected a consumer's store"):
        mirror_store(tmp_path / "other.sqlite3")
    with pytest.raises(Unavailable, match=r"nobody\.sqlite3"):
        mirror_digest(tmp_path / "nobody.sqlite3")
    store = mirror_store(tmp_path / "mirror.sqlite3")
    with sqlite3.connect(tmp_path / "mirror.sqlite3") as connection:
        connection.execute("UPDATE consumer SET cursor = '{}'")
    connection.close()
    with pytest.raises(Invalid, match="cursor: expected an object of"):
        store.take_over()
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="expected to make the folder"):
        mirror_store(tmp_path / "file" / "mirror.sqlite3")


def test_entries_decode_from_deliveries(case: Case) -> None:
    seen: list[int] = []
    codec = Codec(CATALOGUE)
    case.handler.fails = lambda entry: seen.append(codec.decode(entry.entry).envelope.stream_version)
    drain(case.runtime())
    assert len(seen) == 40
