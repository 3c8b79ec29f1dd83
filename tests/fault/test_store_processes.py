"""Many processes, killed connections, killed processes: nothing acknowledged is lost, nothing is stored twice."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from infra.store.check import check_keys_and_commands, check_rows
from infra.store.provision import READER, WRITER
from infra.store.recorder import LedgerRecorder
from tests.conftest import LedgerDatabase
from tests.pg_proxy import Cut, Proxy
from tests.store_kit import NOTED, SCHEMA_TYPES, SEEN, Writer, keys_of, last_leaf, now_us

ROOT = Path(__file__).parents[2]
CHANGES_MAX = 3_000


def child(*arguments: object, failpoints: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EDGEPRINT_FAILPOINTS": failpoints}
    command = [sys.executable, "-m", "tests.fault.store_child", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(process: subprocess.Popen[str], expected: int = 0) -> list[list[str]]:
    out, err = process.communicate(timeout=500)
    assert process.returncode == expected, err
    return [line.split() for line in out.splitlines()]


def found_ledger(database: LedgerDatabase) -> Writer:
    writer = Writer()
    with closing(LedgerRecorder(database.writer)) as recorder:
        recorder.append([writer.founding()])
    return writer


def assert_sound(database: LedgerDatabase) -> None:
    with psycopg.connect(database.dsn(READER)) as connection:
        assert check_rows(connection, SCHEMA_TYPES) == []
        assert check_keys_and_commands(connection, keys_of) == []


def run_with_kills(database: LedgerDatabase, processes: int, threads: int, commands: int, seed: int) -> None:
    """Writers in several processes, half of them through a proxy that cuts, all of them shot at by a superuser."""
    draw = random.Random(seed)
    writer = found_ledger(database)
    weights = {"none": 0.9, "request": 0.04, "reply": 0.06}
    stop = threading.Event()
    kills = 0

    def cut() -> Cut:
        choice: Cut = draw.choices(["none", "request", "reply"], list(weights.values()))[0]  # type: ignore[assignment]
        return choice

    def shoot() -> None:
        nonlocal kills
        with psycopg.connect(database.superuser, autocommit=True) as connection:
            while not stop.wait(draw.uniform(0.05, 0.25)):
                rows = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND usename = %s ORDER BY random() LIMIT 1",
                    (WRITER,),
                ).fetchall()
                kills += len(rows)

    with Proxy(database.writer, cut) as proxy:
        shooter = threading.Thread(target=shoot)
        shooter.start()
        try:
            dsns = [proxy.dsn if n % 2 else database.writer for n in range(processes)]
            with ExitStack() as running:  # what one of them breaks shall not leave the others' pipes to later tests
                started = [child("write", dsn, writer.ledger, seed, commands, threads) for dsn in dsns]
                writers = [running.enter_context(process) for process in started]
                acknowledged = [line for process in writers for line in lines(process)]
        finally:
            stop.set()
            shooter.join()
        assert kills + proxy.cuts > 0
    assert len(acknowledged) == processes * threads * commands
    with psycopg.connect(database.dsn(READER)) as connection:
        rows = connection.execute(
            "SELECT ledger_index, stream_id, encode(substr(entry, 33, 16), 'hex') FROM ledger.events WHERE type = %s",
            (NOTED,),
        ).fetchall()
    stored = {(index, str(stream), event) for index, stream, event in rows}
    assert {(int(index), stream, event) for index, stream, event, _ in acknowledged} == stored  # 0 lost, 0 doubled
    assert len(stored) == len(acknowledged)
    assert Counter(command for *_, command in acknowledged).most_common(1)[0][1] == 1
    assert_sound(database)


def test_threads_in_several_processes_with_killed_connections(ledger_database: LedgerDatabase) -> None:
    run_with_kills(ledger_database, processes=4, threads=8, commands=20, seed=1)


@pytest.mark.soak
def test_threads_in_several_processes_with_killed_connections_at_length(ledger_database: LedgerDatabase) -> None:
    run_with_kills(ledger_database, processes=4, threads=8, commands=2_000, seed=2)


def test_sixteen_processes_decide_on_a_stream_that_another_changes(ledger_database: LedgerDatabase) -> None:
    writer = found_ledger(ledger_database)
    with closing(LedgerRecorder(ledger_database.writer)) as recorder:
        changed = writer.request()
        stream = changed.events[0].originator_id
        recorder.append([changed])
        deciders = [child("guard", ledger_database.writer, writer.ledger, stream.int, 6, 1) for _ in range(16)]
        changes = 0
        pause = threading.Event()
        while any(process.poll() is None for process in deciders):
            if changes >= CHANGES_MAX:  # enough; a slow machine's deciders are let through
                pause.wait(0.05)
                continue
            last = changed.events[-1]
            changed = writer.request(stream, after=last.originator_version, previous=last_leaf(changed))
            recorder.append([changed])
            changes += 1
        decided = [line for process in deciders for line in lines(process)]
        assert len(decided) == 16 * 6
        assert changes > 10
        rows = recorder.rows(0, recorder.size())
        version = 0
        decisions = 0
        for row in rows:
            if row.entry[48:64] == stream.bytes:
                version += 1
            elif SEEN in row.entry:
                decisions += 1
                assert int(row.entry.rpartition(SEEN)[2]) == version, f"index {row.index} was decided on a stale read"
        assert decisions == 16 * 6
    assert_sound(ledger_database)


@pytest.mark.parametrize("point", ["append.before", "append.sent"])
@pytest.mark.parametrize("passage", [1, 3])
def test_a_killed_process_resumes_with_the_same_bytes(
    ledger_database: LedgerDatabase, point: str, passage: int
) -> None:
    writer = found_ledger(ledger_database)
    start = now_us() + 2_000_000
    arguments = ("replay", ledger_database.writer, writer.ledger, start, 5, 1)
    killed = lines(child(*arguments, failpoints=f"{point}=kill@{passage}"), expected=-signal.SIGKILL)
    resumed = lines(child(*arguments))
    assert len(killed) == passage - 1
    assert resumed[: len(killed)] == killed
    assert len(resumed) == 5
    with closing(LedgerRecorder(ledger_database.writer)) as recorder:
        rows = recorder.rows(0, 100)
        assert len([row for row in rows if row.type == NOTED]) == 10
        assert len({UUID(bytes=row.entry[32:48]) for row in rows}) == len(rows)
    assert_sound(ledger_database)
