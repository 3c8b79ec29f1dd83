"""Roles and guards of the database: who may do what, what nobody may, and how fsck sees that a guard is gone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg import errors, sql

from domain.errors import Invalid
from infra.store import migrate as migrate_module
from infra.store.check import check_keys_and_commands, check_rows, rebuild_keys_and_commands
from infra.store.migrate import OWNER, Migration, function_bodies, migrate, migrations
from infra.store.provision import (
    EVENT_TRIGGERS,
    LOGINS,
    MIGRATOR,
    PROJECTOR,
    READER,
    SEALER,
    WRITER,
    arm,
    check_guards,
    install,
    provision,
)
from infra.store.recorder import LedgerRecorder
from schemas.envelope import read_header
from tests.conftest import PASSWORD, LedgerDatabase, PostgresServer
from tests.store_kit import RESET, SCHEMA_TYPES, Writer, keys_of

TABLES = ("events", "commands", "keys", "head", "published_notes", "migrations")


@pytest.fixture
def filled(ledger_database: LedgerDatabase) -> LedgerDatabase:
    """A founded ledger with a few events, a key and a note."""
    writer = Writer()
    with closing(LedgerRecorder(ledger_database.writer)) as recorder:
        recorder.append([writer.founding(), writer.request(events=3, take=["content/1"]), writer.request(events=0)])
    with psycopg.connect(ledger_database.dsn(SEALER)) as connection:
        connection.execute("INSERT INTO ledger.published_notes (size, note) VALUES (8, 'note')")
    return ledger_database


def connect(dsn: str, role: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    connection = psycopg.connect(dsn, autocommit=True)
    if role is not None:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    return connection


def changes() -> Iterator[str]:
    for table in TABLES:
        yield f"DELETE FROM ledger.{table}"
        yield f"TRUNCATE ledger.{table}"
        yield f"UPDATE ledger.{table} SET {'size = 0' if table == 'head' else _first_column(table)}"


def _first_column(table: str) -> str:
    return {
        "events": "entry = entry",
        "commands": "first_index = 0",
        "keys": "ledger_index = 0",
        "published_notes": "note = note",
        "migrations": "name = name",
    }[table]


@pytest.mark.parametrize("role", [WRITER, SEALER, PROJECTOR, READER])
def test_no_login_changes_a_table(filled: LedgerDatabase, role: str) -> None:
    with connect(filled.dsn(role)) as connection:
        tables = set(TABLES) - ({"published_notes"} if role == SEALER else set())
        inserts = [f"INSERT INTO ledger.{table} DEFAULT VALUES" for table in tables]
        for statement in (*changes(), *inserts):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)  # type: ignore[call-overload]
        for table in TABLES:
            connection.execute(f"SELECT count(*) FROM ledger.{table}")  # type: ignore[call-overload]
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))


def test_only_the_writer_appends_and_only_the_owner_restores(filled: LedgerDatabase) -> None:
    for role in (SEALER, PROJECTOR, READER):
        with connect(filled.dsn(role)) as connection:
            row = connection.execute(
                "SELECT has_function_privilege(oid, 'execute') FROM pg_proc WHERE proname = 'append'"
            )
            assert row.fetchone() == (False,)
    with connect(filled.writer) as connection:
        allowed = connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace "
            "AND prorettype <> 'trigger'::regtype AND has_function_privilege(oid, 'execute')"
        ).fetchall()
        assert allowed == [("append",)]


def test_even_the_owner_and_a_superuser_meet_the_triggers(filled: LedgerDatabase) -> None:
    open_to_the_owner = {"DELETE FROM ledger.keys"}  # how append() releases a key
    for dsn, role in ((filled.dsn(MIGRATOR), OWNER), (filled.superuser, None)):
        with connect(dsn, role) as connection:
            for statement in set(changes()) - open_to_the_owner:
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(statement)  # type: ignore[call-overload]
    with connect(filled.superuser) as connection:
        connection.execute("SET session_replication_role = replica")  # ordinary triggers do not fire now
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM ledger.events")
    with connect(filled.dsn(READER)) as reader:
        assert reader.execute("SELECT size FROM ledger.head").fetchone() == (8,)


WEAKENING = (
    "ALTER TABLE ledger.events DISABLE TRIGGER guard_change",
    "ALTER TABLE ledger.events DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.events ENABLE TRIGGER guard_change",
    "DROP TRIGGER guard_change ON ledger.commands",
    "ALTER TRIGGER guard_change ON ledger.events RENAME TO other",
    "DROP FUNCTION ledger.refuse_change() CASCADE",
    "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP TABLE ledger.events CASCADE",
    "DROP TABLE ledger.published_notes",
    "ALTER TABLE ledger.events RENAME TO events_of_yesterday",
    "DROP SCHEMA ledger CASCADE",
)


@pytest.mark.parametrize("statement", WEAKENING)
def test_guards_are_neither_dropped_nor_disabled(filled: LedgerDatabase, statement: str) -> None:
    for dsn, role in ((filled.dsn(MIGRATOR), OWNER), (filled.superuser, None)):
        with connect(dsn, role) as connection:
            with pytest.raises(errors.InsufficientPrivilege, match="guard"):
                connection.execute(statement)  # type: ignore[call-overload]
            assert check_guards(connection) == []


def test_what_does_not_weaken_is_free(filled: LedgerDatabase) -> None:
    with connect(filled.dsn(MIGRATOR), OWNER) as connection:
        connection.execute("CREATE TABLE ledger.more (a int)")
        connection.execute("ALTER TABLE ledger.more ADD COLUMN b int")
        connection.execute("DROP TABLE ledger.more")


def test_check_guards_names_what_a_superuser_took_away(filled: LedgerDatabase) -> None:
    with connect(filled.superuser) as connection:
        assert check_guards(connection) == []
        connection.execute(f"ALTER EVENT TRIGGER {EVENT_TRIGGERS[0]} DISABLE")  # type: ignore[call-overload]
        connection.execute(f"DROP EVENT TRIGGER {EVENT_TRIGGERS[1]}")  # type: ignore[call-overload]
        connection.execute("ALTER TABLE ledger.events DISABLE TRIGGER guard_change")
        connection.execute("ALTER TABLE ledger.keys ENABLE TRIGGER guard_change")
        connection.execute("DROP TRIGGER guard_growth ON ledger.head")
        connection.execute(
            "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger "
            "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        connection.execute(sql.SQL("GRANT DELETE ON ledger.events TO {}").format(sql.Identifier(WRITER)))
        found = check_guards(connection)
        for expected in (
            "trigger guard_change on ledger.events is not enabled always",
            "trigger guard_change on ledger.keys is not enabled always",
            "trigger guard_growth on ledger.head is missing",
            "function ledger.refuse_change is not the one of the migrations",
            f"event trigger {EVENT_TRIGGERS[0]} is missing or disabled",
            f"event trigger {EVENT_TRIGGERS[1]} is missing or disabled",
            f"role {WRITER} may DELETE on ledger.events",
        ):
            assert [line for line in found if line.startswith(expected)], (expected, found)
        assert len(found) == 7


def test_advisory_locks_are_not_for_everybody(filled: LedgerDatabase) -> None:
    for role, may in ((WRITER, False), (READER, False), (SEALER, True)):
        with connect(filled.dsn(role)) as connection:
            for call in ("pg_advisory_lock(1)", "pg_try_advisory_xact_lock_shared(1, 2)"):
                if may:
                    connection.execute(f"SELECT {call}")  # type: ignore[call-overload]
                else:
                    with pytest.raises(errors.InsufficientPrivilege):
                        connection.execute(f"SELECT {call}")  # type: ignore[call-overload]


def test_the_sealer_adds_notes_and_dates_none_of_them(filled: LedgerDatabase) -> None:
    with connect(filled.dsn(SEALER)) as connection:
        connection.execute("INSERT INTO ledger.published_notes (size, note) VALUES (9, 'next')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("INSERT INTO ledger.published_notes (size, note, published_at) VALUES (9, 'x', now())")
        rows = connection.execute("SELECT number, size, note FROM ledger.published_notes ORDER BY number").fetchall()
        assert rows == [(1, 8, b"note"), (2, 9, b"next")]


# -- installing -------------------------------------------------------------------------------------------------------


def passwords(server: PostgresServer) -> dict[str, str] | None:
    return dict.fromkeys(LOGINS, PASSWORD) if server.cluster is None else None


def test_installing_again_changes_nothing(filled: LedgerDatabase) -> None:
    install(filled.server.superuser_dsn, database=filled.name, passwords=passwords(filled.server))
    assert migrate(filled.dsn(MIGRATOR)) == ()
    with connect(filled.superuser) as connection:
        assert check_guards(connection) == []
        assert connection.execute("SELECT size FROM ledger.head").fetchone() == (8,)


def test_migrations_are_applied_once_by_concurrent_runners(ledger_database: LedgerDatabase) -> None:
    server = ledger_database.server
    name = f"{ledger_database.name}_raw"
    fresh = LedgerDatabase(server, name)
    provision(server.superuser_dsn, database=name, passwords=passwords(server))
    applied: list[tuple[str, ...]] = []
    runners = [threading.Thread(target=lambda: applied.append(migrate(fresh.dsn(MIGRATOR)))) for _ in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]
    arm(server.superuser_dsn, database=name)
    with connect(fresh.superuser) as connection:
        assert check_guards(connection) == []
    with psycopg.connect(server.superuser_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_an_edited_migration_is_refused(ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations()
    edited = (*known[:1], Migration(2, known[1].name, known[1].text + " "), *known[2:])
    monkeypatch.setattr(migrate_module, "migrations", lambda: edited)
    with pytest.raises(Invalid, match=r"0002_guards\.sql was edited"):
        migrate(ledger_database.dsn(MIGRATOR))


def test_a_database_newer_than_the_program_is_refused(
    ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate_module, "migrations", lambda: migrations()[:-1])
    with pytest.raises(Invalid, match="newer edgeprint"):
        migrate(ledger_database.dsn(MIGRATOR))


def test_a_failing_migration_leaves_nothing(ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations()
    broken = Migration(len(known) + 1, "9999_broken.sql", "CREATE TABLE ledger.half (a int); SELECT 1 / 0")
    monkeypatch.setattr(migrate_module, "migrations", lambda: (*known, broken))
    with pytest.raises(errors.DivisionByZero):
        migrate(ledger_database.dsn(MIGRATOR))
    with connect(ledger_database.dsn(READER)) as connection:
        assert connection.execute("SELECT to_regclass('ledger.half')").fetchone() == (None,)
        assert connection.execute("SELECT count(*) FROM ledger.migrations").fetchone() == (len(known),)


def test_a_function_is_known_by_its_newest_migration() -> None:
    assert {"append", "append_one_by_one", "refuse_change", "refuse_shrinking", "restore"} == set(function_bodies())


# -- fsck -------------------------------------------------------------------------------------------------------------


def tampered(database: LedgerDatabase, statement: str) -> None:
    """Do what only a superuser can, with all guards off."""
    with connect(database.superuser) as connection:
        for trigger in EVENT_TRIGGERS:
            connection.execute(f"ALTER EVENT TRIGGER {trigger} DISABLE")  # type: ignore[call-overload]
        for table in TABLES:
            connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")  # type: ignore[call-overload]
        connection.execute(statement)  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE ledger.events SET entry = set_byte(entry, 200, get_byte(entry, 200) # 1) WHERE ledger_index = 5",
            "previous",
        ),
        ("UPDATE ledger.events SET stream_id = gen_random_uuid() WHERE ledger_index = 6", "stream_id"),
        ("UPDATE ledger.events SET stream_version = 9 WHERE ledger_index = 6", "stream_version"),
        ("UPDATE ledger.events SET type = 'edgeprint.other.Type' WHERE ledger_index = 6", "type"),
        ("UPDATE ledger.events SET recorded_at = recorded_at + 1 WHERE ledger_index = 6", "recorded_at"),
        ("UPDATE ledger.events SET time_high = time_high + 1 WHERE ledger_index = 6", "time_high"),
        ("UPDATE ledger.events SET entry = substr(entry, 1, 150) WHERE ledger_index = 7", "entry has no header"),
        ("DELETE FROM ledger.events WHERE ledger_index = 6", "index 6 is missing"),
        ("DELETE FROM ledger.events WHERE ledger_index = 7", "head size"),
        ("UPDATE ledger.head SET ledger_id = gen_random_uuid()", "head ledger_id"),
    ],
)
def test_fsck_finds_what_was_changed(filled: LedgerDatabase, statement: str, expected: str) -> None:
    with connect(filled.dsn(READER)) as connection:
        assert check_rows(connection, SCHEMA_TYPES) == []
        tampered(filled, statement)
        found = check_rows(connection, SCHEMA_TYPES)
        assert [finding for finding in found if finding.what.startswith(expected)], found


def test_keys_and_commands_are_rebuilt_from_the_log(filled: LedgerDatabase) -> None:
    with connect(filled.dsn(READER)) as connection:
        before = connection.execute("SELECT * FROM ledger.commands ORDER BY first_index, last_index").fetchall()
        keys = connection.execute("SELECT * FROM ledger.keys ORDER BY key").fetchall()
        assert check_keys_and_commands(connection, keys_of) == []
        assert rebuild_keys_and_commands(filled.dsn(MIGRATOR), keys_of) == 0
        tampered(filled, "DELETE FROM ledger.commands WHERE first_index = 0")
        tampered(filled, "UPDATE ledger.commands SET last_index = 6 WHERE last_index = 7 AND first_index = 5")
        tampered(filled, "DELETE FROM ledger.keys WHERE key = 'content/1'")
        tampered(filled, "INSERT INTO ledger.keys VALUES ('content/2', 3)")
        assert len(check_keys_and_commands(connection, keys_of)) == 4
        assert rebuild_keys_and_commands(filled.dsn(MIGRATOR), keys_of) == 4
        assert check_keys_and_commands(connection, keys_of) == []
        after = connection.execute("SELECT * FROM ledger.commands ORDER BY first_index, last_index").fetchall()
        assert after == before
        assert connection.execute("SELECT * FROM ledger.keys ORDER BY key").fetchall() == keys


def test_rebuilding_is_not_for_the_writer(filled: LedgerDatabase) -> None:
    with connect(filled.writer) as connection:
        connection.execute("SET edgeprint.rebuilding = 'on'")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("DELETE FROM ledger.commands")


def test_restore_writes_old_entries_and_nothing_out_of_order(
    filled: LedgerDatabase, make_ledger_database: Callable[[], LedgerDatabase]
) -> None:
    columns = "ledger_index, stream_id, stream_version, recorded_at, type, entry, time_high, leaf_hash"
    select = f"SELECT {columns} FROM ledger.events ORDER BY ledger_index"
    with connect(filled.dsn(READER)) as connection:
        rows = connection.execute(select).fetchall()  # type: ignore[call-overload]
    other = make_ledger_database()
    call = "SELECT ledger.restore(%s, %s::uuid[], %s::int8[], %s::int8[], %s::text[], %s::bytea[])"
    with connect(other.dsn(MIGRATOR), OWNER) as connection:
        for low, high in ((0, 3), (3, 8)):
            part = list(zip(*rows[low:high], strict=True))
            connection.execute(call, (low, *map(list, part[1:6])))
        with pytest.raises(errors.InvalidParameterValue):
            connection.execute(call, (0, *map(list, list(zip(*rows[:1], strict=True))[1:6])))
    rebuild_keys_and_commands(other.dsn(MIGRATOR), keys_of)
    with connect(other.dsn(READER)) as connection:
        assert connection.execute(select).fetchall() == rows  # type: ignore[call-overload]
        assert check_rows(connection, SCHEMA_TYPES) == []
        assert check_keys_and_commands(connection, keys_of) == []


def test_after_a_clock_that_ran_ahead_a_reset_restarts_time_high(
    make_ledger_database: Callable[[], LedgerDatabase],
) -> None:
    database = make_ledger_database()
    writer = Writer()
    founding = writer.founding()
    year_us = 365 * 86_400 * 1_000_000
    ahead = writer.request(recorded_at=time_of(founding.events[0].entry) + year_us)
    with connect(database.dsn(MIGRATOR), OWNER) as connection:  # written while the clock was wrong
        events = [*founding.events, *ahead.events]
        connection.execute(
            "SELECT ledger.restore(0, %s::uuid[], %s::int8[], %s::int8[], %s::text[], %s::bytea[])",
            (
                [e.originator_id for e in events],
                [e.originator_version for e in events],
                [time_of(e.entry) for e in events],
                [e.type for e in events],
                [e.entry for e in events],
            ),
        )
    rebuild_keys_and_commands(database.dsn(MIGRATOR), keys_of)
    with closing(LedgerRecorder(database.writer)) as recorder, connect(database.dsn(READER)) as connection:
        results = recorder.append([writer.request(), writer.request(event_type=RESET), writer.request(events=2)])
        assert [result.reason for result in results] == ["", "", ""]
        highs = [
            row[0] for row in connection.execute("SELECT time_high FROM ledger.events ORDER BY ledger_index").fetchall()
        ]
        at_reset = results[1].first
        assert highs[at_reset - 1] == highs[at_reset - 2] == time_of(ahead.events[0].entry)
        assert highs[at_reset] < highs[at_reset - 1]
        assert highs[at_reset:] == sorted(highs[at_reset:])
        assert check_rows(connection, SCHEMA_TYPES) == []


def time_of(entry: bytes) -> int:
    return read_header(entry).recorded_at
