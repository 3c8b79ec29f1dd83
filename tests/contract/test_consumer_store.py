"""A consumer's store keeps read model, cursor and waiting entries together or not at all, whoever comes later."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.feed import Cursor, parse_cursor, rewound
from consumers.ports import Waiting
from domain.errors import Conflict, Invalid, Unavailable
from infra.consumers.mirror import mirror_digest, mirror_store
from infra.consumers.store import ConsumerStore
from schemas.records import Partition
from tests.consumer_kit import Counts, close_stores, counted, open_counts
from tests.e2e.kit import REPOSITORY
from tests.unit.test_sealed_feed import ROWS, entries_of, feed_at, run, written

ENTRIES = entries_of(run(feed_at(Cursor()), written()))
A, B = ENTRIES[0].stream, ENTRIES[1].stream


def waiting(index: int, stream: bytes = A, reason: str = "KeyError: 5", attempts: int = 4) -> Waiting:
    return Waiting(index, stream, bytes([index]) * 32, index + 100, reason, attempts)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "counting.sqlite3"
    close_stores()


@pytest.fixture
def store(path: Path) -> ConsumerStore[Counts]:
    made = open_counts(path)
    assert made.take_over() == Cursor()
    return made


def test_what_a_transaction_wrote_is_there_for_whoever_opens_it_next(store: ConsumerStore[Counts], path: Path) -> None:
    with store.transaction(Cursor(3)) as transaction:
        for entry in ENTRIES[:3]:
            transaction.rows.add(entry)
        transaction.park([waiting(7)])
    again = open_counts(path)
    assert (again.cursor(), counted(path)) == (Cursor(3), [0, 1, 2])
    assert (again.waiting(), again.parked(), again.to_retry()) == ([waiting(7)], {A}, [])


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Unavailable])
def test_what_fails_writes_nothing(store: ConsumerStore[Counts], path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), store.transaction(Cursor(3)) as transaction:
        transaction.rows.add(ENTRIES[0])
        transaction.park([waiting(7)])
        raise error("in the middle")
    assert (store.cursor(), counted(path), store.waiting()) == (Cursor(), [], [])
    with store.transaction(Cursor(1)) as transaction:
        transaction.rows.add(ENTRIES[0])
    assert counted(path) == [0]


def test_an_attempt_that_fails_is_undone_alone(store: ConsumerStore[Counts], path: Path) -> None:
    with store.transaction(Cursor(3)) as transaction:
        transaction.rows.add(ENTRIES[0])
        with pytest.raises(KeyError), transaction.attempt():
            transaction.rows.add(ENTRIES[1])
            raise KeyError(1)
        with transaction.attempt():
            transaction.rows.add(ENTRIES[2])
    assert counted(path) == [0, 2]


def test_a_handlers_own_error_of_sqlite_stays_its_own(store: ConsumerStore[Counts], path: Path) -> None:
    with store.transaction(Cursor(1)) as transaction:
        transaction.rows.add(ENTRIES[0])
        with pytest.raises(sqlite3.IntegrityError), transaction.attempt():
            transaction.rows.add(ENTRIES[0])
    assert counted(path) == [0]


def test_each_take_over_fences_the_one_before(store: ConsumerStore[Counts], path: Path) -> None:
    second = open_counts(path)
    second.take_over()
    for cursor in (Cursor(1), None):
        with pytest.raises(Conflict, match="another process has taken"), store.transaction(cursor):
            raise AssertionError("never reached")
    with second.transaction(Cursor(2)):
        pass
    assert store.take_over() == Cursor(2)
    with store.transaction(None) as transaction:
        transaction.rows.add(ENTRIES[5])
    assert (store.cursor(), counted(path)) == (Cursor(2), [5])


def test_waiting_entries_come_back_by_stream_in_order(store: ConsumerStore[Counts]) -> None:
    with store.transaction(Cursor(9)) as transaction:
        transaction.park([waiting(8, B), waiting(3), waiting(5, A, "behind", 0), waiting(4, B)])
    assert [one.index for one in store.waiting()] == [3, 4, 5, 8]
    assert store.ask_to_retry(B) == 2 and [one.index for one in store.to_retry()] == [4, 8]
    assert store.ask_to_retry(None) == 4
    assert {tuple(one.index for one in store.to_retry() if one.stream == s) for s in (A, B)} == {(3, 5), (4, 8)}
    with store.transaction(None) as transaction:
        transaction.unpark(4)
        transaction.stop_retrying(A, "still")
    assert [(one.index, one.reason, one.attempts) for one in store.waiting()] == [
        (3, "still", 5),
        (5, "behind", 0),
        (8, "KeyError: 5", 4),
    ]
    assert [one.index for one in store.to_retry()] == [8] and store.parked() == {A, B}
    assert store.ask_to_retry(b"\0" * 16) == 0


def test_rewound_it_keeps_what_came_before(store: ConsumerStore[Counts], path: Path) -> None:
    with store.transaction(Cursor(9, notes=4)) as transaction:
        for entry in ENTRIES[:9]:
            transaction.rows.add(entry)
        transaction.park([waiting(3), waiting(7)])
    other = open_counts(path)
    other.rewind(5, lambda rows, index: rows.cut(index))
    assert (other.cursor(), counted(path)) == (rewound(5), [0, 1, 2, 3, 4])
    assert [one.index for one in other.waiting()] == [3]
    with pytest.raises(Conflict), store.transaction(Cursor(10)):
        pass


def test_a_killed_process_leaves_all_of_a_transaction_or_nothing(tmp_path: Path) -> None:
    """The child says how far it has got after each transaction, and is killed in the middle of one."""
    program = (
        "import sys; from pathlib import Path\n"
        "from consumers.feed import Cursor; from infra.consumers.mirror import mirror_store\n"
        "from tests.contract.test_consumer_store import ENTRIES\n"
        "store = mirror_store(Path(sys.argv[1])); store.take_over()\n"
        "for n, entry in enumerate(ENTRIES * 100):\n"
        "    with store.transaction(Cursor(n + 1)) as t: t.rows.put_entries([entry])\n"
        "    print(n + 1, flush=True)\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for turn in range(3):
        path = tmp_path / f"{turn}.sqlite3"
        argv = [sys.executable, "-c", program, str(path)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=REPOSITORY, env=environ) as child:
            assert child.stdout is not None
            said = [int(child.stdout.readline()) for _ in range(40)][-1]
            child.kill()
        with closing(mirror_store(path)) as store:
            kept = store.cursor().next_index
        assert kept >= said and mirror_digest(path)[0] == min(kept, len(ENTRIES))


def test_a_read_only_folder_and_a_busy_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.consumers.store.BUSY_S", 0.05)
    one, other = open_counts(path), open_counts(path)
    one.take_over()
    with one.transaction(Cursor(1)), pytest.raises(Unavailable, match="database is locked"):
        other.take_over()
    assert one.cursor() == Cursor(1)
    directory = path.parent / "folder.sqlite3"
    directory.mkdir()
    with pytest.raises(Unavailable, match=r"folder\.sqlite3: expected to use the consumer's store"):
        open_counts(directory)


def test_a_file_damaged_later_is_told(path: Path) -> None:
    store = mirror_store(path)
    store.take_over()
    with store.transaction(Cursor(60)) as transaction:
        transaction.rows.put_entries(ENTRIES)
        transaction.rows.put_checkpoint(60, b"\1" * 32, b"note")
    store.close()
    before = mirror_digest(path)
    assert before[0] == 60
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data)):
        data[at] = 0xAA
    path.write_bytes(data)
    with pytest.raises((Invalid, Unavailable), match=r"counting\.sqlite3: expected"):
        mirror_digest(path)


def test_the_digest_is_of_what_is_held_and_not_of_where_it_lay(tmp_path: Path) -> None:
    digests = []
    for turn, entries in enumerate((ENTRIES, [entry.__class__(entry.index, entry.leaf, entry.entry,
                                                              Partition("elsewhere", 0), 9) for entry in ENTRIES],
                                    ENTRIES[:-1])):  # fmt: skip
        path = tmp_path / f"{turn}.sqlite3"
        with closing(mirror_store(path)) as store:
            store.take_over()
            with store.transaction(Cursor(60)) as transaction:
                transaction.rows.put_entries(entries)
                transaction.rows.put_entries(entries[:3])
        digests.append(mirror_digest(path))
    assert digests[0] == digests[1] != digests[2]
    assert digests[0][0] == len(ROWS)


CURSORS = st.builds(
    lambda begin, more, notes, offsets: Cursor(begin + more, 0, (), offsets, notes, begin),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 40),
    st.integers(0, 1 << 50),
    st.dictionaries(
        st.builds(Partition, st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True), st.integers(0, 999)),
        st.integers(0, 1 << 50),
        max_size=5,
    ),
)


@given(CURSORS)
@settings(max_examples=100)
def test_a_cursor_is_read_back_as_it_was(cursor: Cursor) -> None:
    assert parse_cursor(cursor.encode()) == cursor
    assert parse_cursor(cursor.encode()).encode() == cursor.encode()
