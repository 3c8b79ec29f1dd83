"""append() against raw PostgreSQL: `python -m bench.append [--quick | --growth] [--dir DIR] [--gate 0.5]`.

    writers   1, 8 and 32 threads of single-event append() with encoded bytes, against one prepared autocommit INSERT of
              the same columns into a table with the same indexes (psycopg, a connection for each thread)
    bulk      commands of 1 to 1,000 events, encoded beforehand and from objects, against binary COPY into such a table,
              2,000 rows a transaction
    growth    CPU of the whole server, buffers touched and WAL written for an event, at 10^4, 10^5 and 10^6 stored ones

All ratios are made in turns within one run. `--gate F` fails (exit 1) where the best turn is below F x a target.
`bench.commands` measures whole commands in the same way.
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.commands import Raw, seconds
from bench.ingest import Producer
from bench.kit import DATABASE, BenchLedger, founded, fsync_latency_ms
from domain.events import ZERO_HASH, Recorded
from domain.ids import uuid7
from domain.ledger.merkle import leaf_hash
from infra.clock import now_us
from infra.store.provision import WRITER, role_dsn
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendRequest, AppendStatus, CommandKey
from schemas.varint import write_long, write_long_of_8

WRITERS = (1, 8, 32)
COMMAND_EVENTS = (1, 10, 100, 1_000)
COPY_ROWS = 2_000
STREAM_EVENTS = 5
AHEAD_US = 4_000_000
TARGETS = {"32 writers": 1.2, "bulk encoded": 0.75, "bulk from objects": 0.5}
COLUMNS = "ledger_index, recorded_at, time_high, stream_version, stream_id, type, entry"
COLUMN_TYPES = ("int8", "int8", "int8", "int8", "uuid", "text", "bytea")
SIZES = (10_000, 100_000, 1_000_000)
WINDOW_EVENTS = 20_000
WINDOWS = 3
GROWTH_MAX = 1.2


class Maker:
    """Makes encoded requests quickly: one entry of the product's own, with ids, chain, version and time put in."""

    def __init__(self, bench: BenchLedger) -> None:
        producer = Producer(bench.ledger)
        self._actor = producer.party
        example = producer.batch(1)[0].events[0]
        self._schema, self._middle = example.entry[:32], example.entry[112:176]
        self._tail = example.entry[185:]
        self._type = example.type

    def requests(self, events: int, command_events: int) -> list[AppendRequest]:
        """Return commands of `command_events` each; a stream gets up to STREAM_EVENTS of a command."""
        return [self._request(min(command_events, events - at)) for at in range(0, events, command_events)]

    def _request(self, events: int) -> AppendRequest:
        # Ahead of the clock, within the five seconds allowed: they stay fresh for nine until their turn comes.
        now, noise = now_us() + AHEAD_US, os.urandom(10 * (2 * events + 1))
        ids = [uuid7(now, noise[at : at + 10]) for at in range(0, len(noise), 10)]
        command, time_bytes = ids[0], write_long_of_8(now)
        recorded, stream, previous, version = [], ids[0], bytes(ZERO_HASH), STREAM_EVENTS
        for place in range(events):
            version += 1
            if version > STREAM_EVENTS:
                stream, previous, version = ids[2 * place + 1], bytes(ZERO_HASH), 1
            entry = b"".join(
                (
                    self._schema,
                    ids[2 * place + 2].bytes,
                    stream.bytes,
                    previous,
                    command.bytes,
                    self._middle,
                    time_bytes,
                    write_long(version),
                    self._tail,
                )
            )
            if version < STREAM_EVENTS:
                previous = leaf_hash(entry)
            recorded.append(Recorded(stream, version, self._type, entry))
        return AppendRequest(CommandKey(self._actor, command), tuple(recorded))


@dataclass(frozen=True, slots=True)
class Setting:
    """What the measurements share."""

    bench: BenchLedger
    store: LedgerRecorder
    maker: Maker
    raw: Raw
    superuser: psycopg.Connection[tuple[object, ...]]


def store_all(store: LedgerRecorder, requests: list[AppendRequest]) -> None:
    """Append and insist that all was stored."""
    for result in store.append(requests):
        if result.status is not AppendStatus.STORED:
            raise AssertionError(f"expected stored, found {result.status}: {result.reason}")


def writers_per_s(setting: Setting, writers: int, events: int) -> float:
    """Return how many single-event appends `writers` threads get through in a second."""
    share = events // writers
    parts = [setting.maker.requests(share, 1) for _ in range(writers)]

    def work(mine: list[AppendRequest]) -> None:
        for request in mine:
            store_all(setting.store, [request])

    return share * writers / seconds([lambda mine=mine: work(mine) for mine in parts])  # type: ignore[misc]


def copy_per_s(setting: Setting, events: int, numbers: Iterator[int]) -> float:
    """Return how many rows COPY takes in a second, COPY_ROWS in a transaction."""
    requests = setting.maker.requests(events, COPY_ROWS)
    batches = [
        [
            (next(numbers), now_us(), now_us(), e.originator_version, e.originator_id, e.type, e.entry)
            for e in request.events
        ]
        for request in requests
    ]
    statement = f"COPY raw.events ({COLUMNS}) FROM STDIN (FORMAT binary)"
    started = time.perf_counter()
    for rows in batches:
        with setting.superuser.cursor().copy(statement) as copy:
            copy.set_types(COLUMN_TYPES)
            for row in rows:
                copy.write_row(row)
    return events / (time.perf_counter() - started)


def bulk_per_s(setting: Setting, events: int, command_events: int) -> float:
    """Return how many encoded events bulk appends take in a second."""
    requests = setting.maker.requests(events, command_events)
    started = time.perf_counter()
    store_all(setting.store, requests)
    return events / (time.perf_counter() - started)


def objects_per_s(setting: Setting, events: int) -> float:
    """Return the same from event objects, made and encoded in commands of 500 while the batch before is written."""
    producer = Producer(setting.bench.ledger)
    started = time.perf_counter()
    with ThreadPoolExecutor(1) as sender:
        under_way: Future[None] | None = None
        for begun in range(0, events, COPY_ROWS):
            requests = producer.batch(min(COPY_ROWS, events - begun))
            if under_way is not None:
                under_way.result()
            under_way = sender.submit(store_all, setting.store, requests)
        if under_way is not None:
            under_way.result()
    return events / (time.perf_counter() - started)


def server_cpu_s(postmaster: int) -> float:
    """Return user and system time of the postmaster, its children and those that ended (they vanish from /proc)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue  # ended meanwhile
        if int(stat.parent.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(setting: Setting, command_events: int) -> tuple[float, float, float]:
    """Append WINDOW_EVENTS over a new connection; return server CPU in µs, buffers and WAL bytes for an event."""
    row = setting.superuser.execute("SELECT current_setting('data_directory')").fetchone()
    postmaster = int((Path(str(row[0])) / "postmaster.pid").read_text().split()[0]) if row else 0
    requests = setting.maker.requests(WINDOW_EVENTS, command_events)
    counters = (
        "SELECT pg_current_wal_insert_lsn() - '0/0', pg_stat_get_db_blocks_fetched(oid) FROM pg_database "
        "WHERE datname = current_database()"
    )
    setting.superuser.execute("CHECKPOINT")
    before, cpu = setting.superuser.execute(counters).fetchone(), server_cpu_s(postmaster)
    with closing(LedgerRecorder(setting.bench.role(WRITER))) as store:
        store_all(store, requests)
    time.sleep(0.5)  # the backend reports its counters, and its CPU to its parent, when it ends
    cpu = server_cpu_s(postmaster) - cpu
    after = setting.superuser.execute(counters).fetchone()
    if before is None or after is None:
        raise AssertionError("no counters")
    wal, buffers = (int(str(b)) - int(str(a)) for a, b in zip(before, after, strict=True))
    return cpu / WINDOW_EVENTS * 1e6, buffers / WINDOW_EVENTS, wal / WINDOW_EVENTS


def turns(label: str, count: int, ours: Callable[[], float], theirs: Callable[[], float]) -> float:
    """Measure in turns, print the medians and each ratio, and return the best ratio."""
    pairs = [(ours(), theirs()) for _ in range(count)]
    ratios = [mine / yours for mine, yours in pairs]
    mine, yours = (statistics.median(side) for side in zip(*pairs, strict=True))
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{label:<34}{mine:>11,.0f}{yours:>11,.0f}{statistics.median(ratios):>8.2f}   {each}", flush=True)
    return max(ratios)


def grow(setting: Setting, size: int) -> None:
    """Append until `size` events are stored."""
    while (missing := size - setting.store.size()) > 0:
        store_all(setting.store, setting.maker.requests(min(missing, 20_000), 500))


def growth_is_flat(setting: Setting) -> bool:
    """Print what an event costs at each of SIZES; return whether buffers and WAL stay within GROWTH_MAX of the first.

    CPU is printed only: what else the machine does adds to it.
    """
    print(f"\n{'stored events':>14}{'CPU µs/event':>14}{'buffers/event':>15}{'WAL B/event':>13}")
    costs = []
    for size in SIZES:
        grow(setting, size)
        windows = [cost(setting, 10) for _ in range(WINDOWS)]
        cpu, (_, buffers, wal) = min(window[0] for window in windows), windows[-1]
        costs.append((buffers, wal))
        print(f"{size:>14,}{cpu:>14.1f}{buffers:>15.1f}{wal:>13.0f}", flush=True)
    first = costs[0]
    return all(cost <= GROWTH_MAX * base for later in costs[1:] for cost, base in zip(later, first, strict=True))


def measure(setting: Setting, *, quick: bool) -> dict[str, float]:
    """Print all tables and return the best ratio for each target."""
    best: dict[str, float] = {}
    singles, bulk, count = (4_000, 10_000, 2) if quick else (16_000, 40_000, 5)
    writers_per_s(setting, 8, 800), setting.raw.per_s(8, 800)
    print(f"{'':<34}{'append/s':>11}{'raw/s':>11}{'ratio':>8}   ratio of each turn")
    for writers in WRITERS:
        events = max(writers, singles * (writers + 3) // 35)
        best[f"{writers} writers"] = turns(
            f"{writers} writers, one event each",
            count,
            lambda w=writers, n=events: writers_per_s(setting, w, n),  # type: ignore[misc]
            lambda w=writers, n=events: setting.raw.per_s(w, n),  # type: ignore[misc]
        )
    numbers = itertools.count(10**9)
    for size in COMMAND_EVENTS:
        ratio = turns(
            f"bulk, commands of {size:,} encoded",
            count,
            lambda size=size: bulk_per_s(setting, bulk, size),  # type: ignore[misc]
            lambda: copy_per_s(setting, bulk, numbers),
        )
        best["bulk encoded"] = max(ratio, best.get("bulk encoded", 0.0))
    best["bulk from objects"] = turns(
        "bulk, from objects", count, lambda: objects_per_s(setting, bulk), lambda: copy_per_s(setting, bulk, numbers)
    )
    return best


def main() -> int:
    """Print the tables; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short runs, no growth")
    parser.add_argument("--growth", action="store_true", help="the growth to 10^6 events alone; fail if it is not flat")
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the targets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        with (
            founded(Path(folder), "bench.edgeprint.example/append") as bench,
            closing(LedgerRecorder(bench.role(WRITER))) as store,
            psycopg.connect(role_dsn(bench.dsn, "postgres", database=DATABASE), autocommit=True) as superuser,
        ):
            maker = Maker(bench)
            raw = Raw(bench, maker.requests(1, 1)[0].events[0].entry)
            setting = Setting(bench, store, maker, raw, superuser)
            if options.growth:
                return 0 if growth_is_flat(setting) else 1
            best = measure(setting, quick=options.quick)
            if not options.quick and not growth_is_flat(setting):
                print("the cost of an event grows with the log")
    print("targets: " + ", ".join(f"{name} {ratio}" for name, ratio in TARGETS.items()))
    return 1 if any(best[name] < options.gate * ratio for name, ratio in TARGETS.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
