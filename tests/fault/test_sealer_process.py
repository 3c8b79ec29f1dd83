"""The sealer as a process on a real PostgreSQL: pace, clean stop, kills, lost sessions, restarts, a second sealer."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from domain.errors import Conflict, Unavailable
from domain.ledger.merkle import CompactRange
from domain.ledger.policy import parse_policy
from infra.foreground import EXIT_CONFLICT, EXIT_DAMAGED, EXIT_OK
from infra.fsck.tree import Verdict
from infra.sealer.process import SealerLoop, open_sealer, seal_once
from infra.store.provision import SEALER
from infra.tiles.posix import PosixTree
from producers.sealer_ports import ROWS_READ_BYTES_MAX
from tests.sealer_kit import LEDGER, ORIGIN
from tests.sealer_postgres import Ledger, Server, server, until

SEAL_POINTS = (
    "seal.read",
    "seal.tiles.written",
    "seal.tiles.renamed",
    "seal.signed",
    "seal.guarded",
    "seal.checkpoint.written",
    "seal.checkpoint.renamed",
    "seal.published",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def ledger(running: Server, tmp_path: Path) -> Iterator[Ledger]:
    one = running.ledger(tmp_path)
    yield one
    one.close()


def stop(process: "subprocess.Popen[bytes]", expected: int = EXIT_OK) -> str:
    """Ask a sealer to end and return what it logged."""
    if expected == EXIT_OK:
        process.terminate()
    _, log = process.communicate(timeout=30)
    assert process.returncode == expected, log.decode()
    return log.decode()


def check(ledger: Ledger) -> None:
    """Everything stored is sealed, and every checkpoint ever published is a prefix of it."""
    report = ledger.verify()
    assert report.damages == ()
    assert (report.verdict, report.leaves) == (Verdict.CLEAN, ledger.store.size())


def test_growth_is_sealed_soon_and_sigterm_stops(ledger: Ledger) -> None:
    process = ledger.start()
    until(lambda: ledger.sealed() == ledger.store.size(), "the founding events")
    waits = []
    with psycopg.connect(ledger.dsn(SEALER), autocommit=True) as connection:
        connection.execute("LISTEN edgeprint_sealed")
        for _ in range(8):
            size = ledger.append(ledger.writer.request(events=3)) + 1
            started = time.monotonic()
            for notify in connection.notifies(timeout=10):
                if int(notify.payload) >= size:
                    break
            waits.append(time.monotonic() - started)
            assert ledger.sealed() >= size
    log = stop(process)
    assert f"size {ledger.store.size()}" in log
    assert max(waits) <= 0.6, waits
    assert ledger.sessions() == []
    check(ledger)


def test_many_entries_at_once(ledger: Ledger) -> None:
    for _ in range(10):
        ledger.append(*[ledger.writer.request(events=100) for _ in range(10)])
    process = ledger.start()
    until(lambda: ledger.sealed() == ledger.store.size(), "10,000 entries")
    stop(process)
    assert len(ledger.notes()) <= 3
    check(ledger)


@pytest.mark.parametrize("point", SEAL_POINTS)
def test_killed_at_every_point_of_a_growing_log(ledger: Ledger, point: str) -> None:
    process = ledger.start(f"{point}=kill@2")
    until(lambda: ledger.sealed() > 0 or process.poll() is not None, "the first seal")
    while process.poll() is None:
        ledger.append(ledger.writer.request(events=100))
        time.sleep(0.02)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
    started = time.monotonic()
    assert seal_once(sealer, ledger.store.size()) == ledger.store.size()
    assert time.monotonic() - started < 60
    check(ledger)


def test_second_sealer_process_gives_up_with_conflict(ledger: Ledger) -> None:
    first = ledger.start()
    until(lambda: ledger.sealed() > 0, "the first seal")
    log = stop(ledger.start(), EXIT_CONFLICT)
    assert "another sealer holds the log in the database" in log
    stop(first)


def test_lost_session_is_taken_again(ledger: Ledger) -> None:
    process = ledger.start()
    until(lambda: ledger.sealed() == ledger.store.size(), "the founding events")
    for _ in range(3):
        for pid in ledger.sessions():
            ledger.ask("SELECT pg_terminate_backend(%s)", pid)
        ledger.append(ledger.writer.request(events=5))
        until(lambda: ledger.sealed() == ledger.store.size(), "a seal after a lost session")
    assert "waiting: the database does not answer" in stop(process)
    check(ledger)


def test_stopped_process_loses_its_session_and_goes_on(ledger: Ledger) -> None:
    process = ledger.start()
    until(lambda: ledger.sealed() == ledger.store.size(), "the founding events")
    os.kill(process.pid, signal.SIGSTOP)
    for pid in ledger.sessions():
        ledger.ask("SELECT pg_terminate_backend(%s)", pid)
    until(lambda: ledger.sessions() == [], "the sessions to end")
    ledger.append(ledger.writer.request(events=5))
    sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
    with pytest.raises(Conflict, match="holds the tree directory"):  # the claim is free, the directory is not
        seal_once(sealer, ledger.store.size())
    os.kill(process.pid, signal.SIGCONT)
    until(lambda: ledger.sealed() == ledger.store.size(), "a seal after the pause")
    stop(process)
    check(ledger)


def test_server_restart_and_crash(ledger: Ledger) -> None:
    process = ledger.start()
    until(lambda: ledger.sealed() == ledger.store.size(), "the founding events")
    for mode in ("fast", "immediate"):
        ledger.server.cluster.stop(mode)
        ledger.server.cluster.start()
        ledger.append(ledger.writer.request(events=5))
        until(lambda: ledger.sealed() == ledger.store.size(), f"a seal after a {mode} restart")
    stop(process)
    check(ledger)


def test_older_checkpoint_ends_the_process_and_says_what_to_run(ledger: Ledger) -> None:
    for events in (3, 4):
        ledger.append(ledger.writer.request(events=events))
        sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
        seal_once(sealer, ledger.store.size())
        if events == 3:
            shutil.copy(ledger.paths.tlog / "checkpoint", ledger.directory / "older")
    shutil.copy(ledger.directory / "older", ledger.paths.tlog / "checkpoint")
    log = stop(ledger.start(), EXIT_DAMAGED)
    assert "an older copy of the tree was restored; run `edgeprint fsck --deep`, then `cp " in log.splitlines()[-1]
    subprocess.run(log.split("`")[3].split(), check=True)
    process = ledger.start()
    ledger.append(ledger.writer.request())
    until(lambda: ledger.sealed() == ledger.store.size(), "a seal after the repair")
    stop(process)
    check(ledger)


def test_large_entries_are_read_in_parts(ledger: Ledger) -> None:
    first = ledger.store.size()
    for _ in range(20):
        ledger.append(*[ledger.writer.request(events=15, filler=59_000) for _ in range(2)])
    database = ledger.database()
    database.acquire()
    rows = database.rows(first, 8_192)
    assert ROWS_READ_BYTES_MAX <= sum(len(row.entry) for row in rows) < ROWS_READ_BYTES_MAX + 60_000
    assert [row.index for row in rows] == list(range(first, first + len(rows)))
    assert len(rows) < 600
    database.release()
    sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
    seal = sealer.step()
    assert seal is not None
    assert seal.more
    assert seal_once(sealer, ledger.store.size()) == ledger.store.size()
    check(ledger)


def test_claim_does_not_outlive_its_connection(ledger: Ledger) -> None:
    first, second = ledger.database(), ledger.database()
    with pytest.raises(Unavailable, match="connection was lost"):
        first.rows(0, 1)
    first.acquire()
    first.acquire()
    with pytest.raises(Conflict):
        second.acquire()
    for pid in ledger.sessions():
        ledger.ask("SELECT pg_terminate_backend(%s)", pid)
    with pytest.raises(Unavailable, match="does not answer"):
        first.confirm()
    with pytest.raises(Unavailable, match="connection was lost"):
        first.append(1, b"note")
    until(lambda: ledger.sessions() == [], "the session to end")
    second.acquire()
    with pytest.raises(Conflict):
        first.acquire()
    second.release()
    first.acquire()
    first.release()


@pytest.mark.soak
def test_random_kills_under_load(ledger: Ledger) -> None:
    """Thirty SIGKILLs at random moments while the log grows; a follower sees no checkpoint go backwards or change."""
    draw = random.Random(30)
    policy = parse_policy(ledger.keys.policy())
    seen: dict[int, bytes] = {}
    newest = 0
    for _ in range(30):
        process = ledger.start()
        end = time.monotonic() + draw.uniform(0.4, 1.2)
        while time.monotonic() < end:
            ledger.append(*[ledger.writer.request(events=draw.randrange(1, 200)) for _ in range(5)])
            note = PosixTree(ledger.paths.tlog).checkpoint()
            if note is not None:
                head = policy.verify_checkpoint(note)
                assert head.size >= newest
                assert seen.setdefault(head.size, head.root) == head.root
                newest = head.size
        process.kill()
        process.communicate()
    sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
    assert seal_once(sealer, ledger.store.size()) == ledger.store.size()
    check(ledger)
    leaves = [row.leaf_hash for row in ledger.store.rows(0, ledger.store.size())]
    for size, root in seen.items():
        tree = CompactRange()
        tree.extend(leaves[:size])
        assert tree.root() == root


class Idle:
    """A waker with nothing to say."""

    def start(self) -> None: ...
    def wait(self, timeout_s: float) -> None: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


def test_heartbeat_comes_when_nothing_grows(ledger: Ledger) -> None:
    sealer, _ = open_sealer(ORIGIN, LEDGER, ledger.paths, ledger.dsn(SEALER), print)
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += 60.0
        if now > 1_500:
            loop.stop()

    loop = SealerLoop(sealer, Idle(), print, clock=lambda: now, sleep=sleep)
    assert loop.run() == EXIT_OK
    assert len(ledger.notes()) == 3  # the seal, and two heartbeats 600 s apart
    check(ledger)
