"""Whole commands through the one write path against raw INSERTs: `python -m bench.commands`.

A command is `claim-rights` of the registry: look up its id and its key, load the holder's stream, judge its permission
(all are signed together, as files of one folder are), decide, encode, guard, append; it returns when its one event is
durable. The yardstick is what a program without a ledger would do: one prepared INSERT
of the same columns into a table with the same indexes, autocommit, a psycopg connection for each thread, its values
made beforehand. Both run in turns in the same process on the same cluster, with 1, 8 and 32 threads.

`--commands N` is the number for 32 threads (fewer threads do fewer), `--turns` how often each is measured: the table
gives the medians. `--gate F` fails (exit 1) where the ratio at 32 threads is below F x its target in the best turn.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from bench.kit import DATABASE, MANIFEST, BenchLedger, founded, fsync_latency_ms
from domain.events import Sha256
from domain.rights.events import RightsClaimed, Root
from domain.rights.title_rules import ClaimRights
from infra.clock import IdSource, now_us
from infra.store.provision import WRITER, role_dsn
from producers.application import LedgerApplication
from producers.authority import Request
from producers.ports import CommandKey
from producers.registry import REGISTRY

WRITERS = (1, 8, 32)
TARGET_RATIO = 0.8
TARGET_WRITERS = 32
INSERT = sql.SQL(
    "INSERT INTO raw.events (ledger_index, recorded_at, time_high, stream_version, stream_id, type, entry) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
Work = Callable[[], None]


def seconds(works: list[Work]) -> float:
    """Run each work in a thread of its own and return the seconds from the common start to the last end."""
    barrier = threading.Barrier(len(works) + 1)
    failed: list[BaseException] = []

    def run(work: Work) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return time.perf_counter() - started


def commands_per_s(application: LedgerApplication, bench: BenchLedger, writers: int, commands: int) -> float:
    """Return how many commands `writers` threads get through in a second."""
    new_id = application.new_id
    share = commands // writers

    def writer(works: list[Sha256]) -> None:
        for work in works:
            key = CommandKey(bench.party, new_id())
            command = ClaimRights(work=work, root=Root.OWN_CREATION, statement=MANIFEST)
            request = Request(key, bench.party, command, attestation=bench.signed)
            application.execute(REGISTRY.task(request, bench.ledger)).require()

    works = [[Sha256(os.urandom(32)) for _ in range(share)] for _ in range(writers)]
    return share * writers / seconds([lambda mine=mine: writer(mine) for mine in works])  # type: ignore[misc]


class Raw:
    """The yardstick: a table like the ledger's, and the rows that go into it."""

    def __init__(self, bench: BenchLedger, example: bytes) -> None:
        """Make the table; `example` is an entry, of which every row gets a copy with an event id of its own."""
        self._dsn = bench.role(WRITER)
        self._example = example
        self._numbers = itertools.count()
        self._new_id = IdSource()
        with psycopg.connect(role_dsn(bench.dsn, "postgres", database=DATABASE), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA raw")
            connection.execute("CREATE TABLE raw.events (LIKE ledger.events INCLUDING ALL)")
            connection.execute("GRANT USAGE ON SCHEMA raw TO edgeprint_writer")
            connection.execute("GRANT INSERT ON raw.events TO edgeprint_writer")

    def per_s(self, writers: int, rows: int) -> float:
        """Return how many rows `writers` threads insert in a second."""
        connections = [psycopg.connect(self._dsn, autocommit=True) for _ in range(writers)]
        share = rows // writers

        def writer(connection: psycopg.Connection, mine: list[tuple[object, ...]]) -> None:
            with connection.cursor(binary=True) as cursor:
                for row in mine:
                    cursor.execute(INSERT, row, prepare=True)

        parts = [(connection, [self._row() for _ in range(share)]) for connection in connections]
        try:
            return share * writers / seconds([lambda part=part: writer(*part) for part in parts])  # type: ignore[misc]
        finally:
            for connection in connections:
                connection.close()

    def _row(self) -> tuple[object, ...]:
        now, example = now_us(), self._example
        entry = example[:32] + self._new_id().bytes + example[48:]
        stream: UUID = self._new_id()
        return (next(self._numbers), now, now, 1, stream, RightsClaimed.TYPE, entry)


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=16_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--writers", type=int, nargs="*", default=list(WRITERS))
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the target")
    options = parser.parse_args()
    best = 0.0
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        with founded(Path(folder), "bench.edgeprint.example/commands") as bench, bench.application() as application:
            commands_per_s(application, bench, 8, 800)  # warm: plans, generated code, connections
            raw = Raw(bench, application.store.rows(application.store.size() - 1, 1)[0].entry)
            raw.per_s(8, 800)
            print(f"{'threads':>7}{'commands/s':>12}{'INSERTs/s':>12}{'ratio':>8}   ratio of each turn")
            for writers in options.writers:
                count = max(writers, options.commands * (writers + 8) // (TARGET_WRITERS + 8))
                turns = [
                    (commands_per_s(application, bench, writers, count), raw.per_s(writers, count))
                    for _ in range(options.turns)
                ]
                ratios = [ours / theirs for ours, theirs in turns]
                ours, theirs = (statistics.median(side) for side in zip(*turns, strict=True))
                each = " ".join(f"{ratio:.2f}" for ratio in ratios)
                print(f"{writers:>7}{ours:>12,.0f}{theirs:>12,.0f}{statistics.median(ratios):>8.2f}   {each}")
                best = max(ratios) if writers == TARGET_WRITERS else best
    print(f"target: {TARGET_RATIO} at {TARGET_WRITERS} threads")
    return 1 if best < options.gate * TARGET_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
