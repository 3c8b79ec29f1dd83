"""Known traps of the library and of PostgreSQL, each shown on the library's own recorder where that is cheap, and that
ours is free of it (architecture, section 4).
"""

import itertools
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import EventStore, IntegrityError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from infra.failpoints import FailpointError
from infra.store import link
from infra.store.binary import pack
from infra.store.mapper import EntryMapper
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from producers.ports import AlreadyStored, AppendRequest, AppendStatus
from tests.conftest import LedgerDatabase
from tests.pg_proxy import Cut, Proxy
from tests.store_kit import Writer, wait_until


def library_datastore(dsn: str, *, db_functions: bool = False) -> PostgresDatastore:
    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
    return PostgresDatastore(
        dbname=parts["dbname"],
        host=parts.get("host", ""),
        port=parts.get("port", ""),
        user=parts.get("user", ""),
        password=parts.get("password", ""),
        pool_size=2,
        max_overflow=5,
        enable_db_functions=db_functions,
    )


@pytest.fixture
def library(ledger_database: LedgerDatabase) -> Iterator[PostgresApplicationRecorder]:
    """The library's own recorder, in a database of its own."""
    with closing(library_datastore(ledger_database.superuser)) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        yield recorder


@pytest.fixture
def ours(ledger_database: LedgerDatabase) -> Iterator[LedgerRecorder]:
    with closing(LedgerRecorder(ledger_database.writer)) as recorder:
        recorder.append([Writer(WRITER.ledger).founding()])
        yield recorder


WRITER = Writer()


def event(version: int = 1) -> StoredEvent:
    return StoredEvent(uuid4(), version, "topic", b"state")


def stored(request: AppendRequest) -> list[StoredEvent]:
    return [StoredEvent(e.originator_id, e.originator_version, e.type, e.entry) for e in request.events]


# -- POSTGRES_ENABLE_DB_FUNCTIONS loses commit order ------------------------------------------------------------------


def test_trap_database_functions_show_a_later_id_before_an_earlier_one(
    library: PostgresApplicationRecorder, ledger_database: LedgerDatabase
) -> None:
    with closing(library_datastore(ledger_database.superuser, db_functions=True)) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        slow = event()
        with psycopg.connect(ledger_database.superuser) as connection:
            connection.execute(
                "SELECT es_insert_events_uuid(ARRAY[(%s, 1, 't', '')]::stored_event_uuid[])", (slow.originator_id,)
            )
            recorder.insert_events([event()])  # is not held up by the transaction that has the smaller id
            assert [n.id for n in recorder.select_notifications(1, 10)] == [2]
            connection.commit()
        assert [n.id for n in recorder.select_notifications(1, 10)] == [1, 2]


def test_ours_waits_for_the_earlier_index(ours: LedgerRecorder, ledger_database: LedgerDatabase) -> None:
    first, second = WRITER.request(), WRITER.request()
    with psycopg.connect(ledger_database.writer) as connection:
        before = ours.size()
        assert connection.execute(link._APPEND, pack([first]), binary=True).fetchall()[0][0] == "stored"
        later = threading.Thread(target=ours.append, args=([second],))
        later.start()
        wait_until(lambda: _waiting_for_a_lock(ledger_database) == 1)
        assert ours.size() == before
        connection.commit()
        later.join()
    assert [row.entry for row in ours.rows(before, 9)] == [first.events[0].entry, second.events[0].entry]
    assert not ours.datastore.enable_db_functions


def test_an_interrupted_batch_is_written_once_or_not_at_all(
    ours: LedgerRecorder, ledger_database: LedgerDatabase
) -> None:
    """Ctrl-C while the caller's own thread commits: it stays a Ctrl-C, and the same bytes may be sent again."""
    requests = [WRITER.request() for _ in range(3)]
    before = ours.size()

    def interrupt() -> None:
        wait_until(lambda: _waiting_for_a_lock(ledger_database) == 1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    with psycopg.connect(ledger_database.superuser) as connection:
        connection.execute("SELECT FROM ledger.head FOR UPDATE")
        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            ours.append(requests)
        interrupter.join()
    assert {result.status for result in ours.append(requests)} <= {AppendStatus.STORED, AppendStatus.DUPLICATE}
    assert ours.size() == before + 3
    assert [row.entry for row in ours.rows(before, 9)] == [request.events[0].entry for request in requests]


def _waiting_for_a_lock(database: LedgerDatabase) -> int:
    with psycopg.connect(database.superuser) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        assert row is not None
        return int(row[0])


# -- a cut behind COMMIT ----------------------------------------------------------------------------------------------


def _retried(recorder: PostgresApplicationRecorder, events: Sequence[StoredEvent]) -> Sequence[int] | None:
    """What the library's @retry does when the answer to COMMIT is lost: run the whole method again."""
    with suppress(OperationalError):
        PostgresApplicationRecorder.insert_events(recorder, events)
        raise OperationalError("server closed the connection unexpectedly")
    return PostgresApplicationRecorder.insert_events(recorder, events)


def test_trap_a_retry_behind_commit_reports_a_conflict_although_stored(library: PostgresApplicationRecorder) -> None:
    written = event()
    with pytest.raises(IntegrityError):
        _retried(library, [written])
    assert library.select_events(written.originator_id) == [written]


def test_ours_answers_a_cut_behind_commit_as_stored(ours: LedgerRecorder, ledger_database: LedgerDatabase) -> None:
    cuts: Iterator[Cut] = itertools.chain(["reply"], itertools.repeat("none"))
    with Proxy(ledger_database.writer, lambda: next(cuts)) as proxy, closing(LedgerRecorder(proxy.dsn)) as recorder:
        request = WRITER.request()
        ids = recorder.insert_events(stored(request), command=request.command)
        assert proxy.cuts == 1
        assert ids == [recorder.size()]


# -- an error of Python's in the middle -------------------------------------------------------------------------------


class FailsAfterInsert(PostgresApplicationRecorder):
    """Fails where a subclass is invited to add its own reading of the ids."""

    def _fetch_ids_after_insert_events(self, *_: object, **__: object) -> Sequence[int] | None:
        raise ValueError("a bug of Python's")


def test_trap_a_python_error_behind_the_insert_still_commits(
    library: PostgresApplicationRecorder, ledger_database: LedgerDatabase
) -> None:
    with closing(library_datastore(ledger_database.superuser)) as datastore:
        recorder = FailsAfterInsert(datastore)
        written = event()
        with pytest.raises(ValueError, match="bug"):
            recorder.insert_events([written])
        assert library.select_events(written.originator_id) == [written]


def test_ours_says_unknown_and_answers_the_resubmission(ours: LedgerRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    request = WRITER.request()

    def fail(name: str) -> None:
        if name == "append.sent":
            raise FailpointError(name)

    monkeypatch.setattr(link, "failpoint", fail)
    with pytest.raises(Unavailable):
        ours.insert_events(stored(request), command=request.command)
    monkeypatch.undo()
    with pytest.raises(AlreadyStored) as known:
        ours.insert_events(stored(request), command=request.command)
    assert ours.rows(known.value.first, 1)[0].entry == request.events[0].entry


# -- the ids of a duplicate -------------------------------------------------------------------------------------------


class AnswersDuplicates(LedgerRecorder):
    """What not to do: answer a duplicate with the ids of what is stored."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        try:
            return super().insert_events(stored_events, **kwargs)
        except AlreadyStored as known:
            return list(range(known.first + 1, known.last + 2))


def test_trap_answering_a_duplicate_reports_events_never_stored(
    ours: LedgerRecorder, ledger_database: LedgerDatabase
) -> None:
    first = WRITER.request()
    other = WRITER.request(key=first.command)
    with closing(AnswersDuplicates(ledger_database.writer)) as recorder:
        recorder.insert_events(stored(first), command=first.command)
        store = EventStore[UUID](EntryMapper(), recorder)
        (recording,) = store.put(other.events, command=other.command)  # type: ignore[arg-type]
        assert recording.notification.state == other.events[0].entry  # reported as recorded ...
        assert recorder.select_events(other.events[0].originator_id) == []  # ... and nowhere to be found


def test_ours_raises_for_a_duplicate(ours: LedgerRecorder) -> None:
    first = WRITER.request()
    store = EventStore[UUID](EntryMapper(), ours)
    (recording,) = store.put(first.events, command=first.command)  # type: ignore[arg-type]
    assert recording.domain_event == first.events[0]
    with pytest.raises(AlreadyStored):
        store.put(WRITER.request(key=first.command).events, command=first.command)  # type: ignore[arg-type]


# -- the LISTEN connection dies ---------------------------------------------------------------------------------------


def kill_listeners(database: LedgerDatabase) -> int:
    with psycopg.connect(database.superuser) as connection:
        rows = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN %%'"
        ).fetchall()
        return len(rows)


def test_trap_a_subscription_dies_with_its_listen_connection(
    library: PostgresApplicationRecorder, ledger_database: LedgerDatabase
) -> None:
    with library.subscribe() as subscription:
        wait_until(lambda: kill_listeners(ledger_database) == 1)
        wait_until(lambda: subscription._has_been_stopped)
        with pytest.raises(OperationalError):
            next(subscription)


def test_our_feed_survives_the_death_of_its_listen_connection(
    ours: LedgerRecorder, ledger_database: LedgerDatabase
) -> None:
    with ours.feed(ours.size()) as feed:
        for _ in range(3):
            found: list[int] = []
            reader = threading.Thread(target=lambda into: into.extend(row.index for row in next(feed)), args=(found,))
            reader.start()
            wait_until(lambda: kill_listeners(ledger_database) == 1)
            (result,) = ours.append([WRITER.request()])
            reader.join()
            assert found == [result.first]


# -- durability and isolation -----------------------------------------------------------------------------------------


def call(connection: psycopg.Connection[Any], request: AppendRequest) -> list[tuple[Any, ...]]:
    return connection.execute(link._APPEND, pack([request]), binary=True).fetchall()


def test_append_waits_for_its_flush_whatever_the_session_says(
    ours: LedgerRecorder, ledger_database: LedgerDatabase
) -> None:
    with psycopg.connect(ledger_database.writer) as connection:
        connection.execute("SET synchronous_commit = off")
        assert call(connection, WRITER.request())[0][0] == "stored"
        # Still on behind the function, until the commit: a SET clause of the function would be undone by now.
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        connection.commit()
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
        settings = connection.execute("SELECT proconfig FROM pg_proc WHERE proname = 'append'").fetchone()
        assert settings is not None and not any("synchronous_commit" in item for item in settings[0])


@pytest.mark.parametrize("level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE])
def test_append_refuses_an_older_snapshot(
    ours: LedgerRecorder, ledger_database: LedgerDatabase, level: psycopg.IsolationLevel
) -> None:
    with psycopg.connect(ledger_database.writer) as connection:
        connection.isolation_level = level
        with pytest.raises(errors.InvalidTransactionState, match="read committed"):
            call(connection, WRITER.request())


def test_plans_of_an_empty_table_do_not_scan_the_full_one(
    ours: LedgerRecorder, ledger_database: LedgerDatabase
) -> None:
    requests = [WRITER.request(events=3, take=[f"k/{n}"]) for n in range(40)]
    for request in requests:  # one by one: every plan of append() is cached early
        ours.append([request])
    ours.append([WRITER.request(guards=[(requests[0].events[0].originator_id, 3)])])
    ours.streams([request.events[0].originator_id for request in requests])
    ours.commands([(request.command.actor, request.command.command_id) for request in requests])
    ours.key_holders([f"k/{n}" for n in range(40)])

    def scans() -> int:
        with psycopg.connect(ledger_database.dsn(READER)) as connection:
            row = connection.execute(
                "SELECT sum(seq_scan), sum(n_tup_ins) FROM pg_stat_user_tables "
                "WHERE relname IN ('events', 'commands', 'keys')"
            ).fetchone()
            assert row is not None
            return int(row[0]) if int(row[1]) >= 160 else -1

    ours.close()  # statistics are reported when the connections end
    wait_until(lambda: scans() >= 0)
    assert scans() <= 3  # what making the tables and the indexes scanned


# -- the library's own tables -----------------------------------------------------------------------------------------


def test_the_librarys_ddl_is_not_used(ours: LedgerRecorder, ledger_database: LedgerDatabase) -> None:
    ours.create_table()
    with psycopg.connect(ledger_database.dsn(READER)) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'edgeprint_guard') ORDER BY 1"
        ).fetchall()
    ours_alone = [
        "commands",
        "documents",
        "events",
        "head",
        "keys",
        "migrations",
        "projection",
        "published_notes",
        "secrets",
        "subjects",
    ]
    assert [name for (name,) in tables] == ours_alone


def test_two_commands_on_one_stream_never_share_a_batch(ours: LedgerRecorder) -> None:
    first = WRITER.request()
    rivals = [WRITER.request(first.events[0].originator_id) for _ in range(8)]
    barrier = threading.Barrier(9)
    results: list[AppendStatus] = []

    def write(request: AppendRequest) -> None:
        barrier.wait()
        results.append(ours.append([request])[0].status)

    threads = [threading.Thread(target=write, args=(request,)) for request in (first, *rivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [AppendStatus.CONFLICT] * 8 + [AppendStatus.STORED]
