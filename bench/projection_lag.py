"""How far the views are behind a ledger that grows: `python -m bench.projection_lag [--rate R] [--seconds S]`.

    lag       from the return of append() to the moment at which a reader finds every view behind the entry, at R events
              a second of a corpus, in commands of two to five events, with the projector as a process of its own
    memory    the largest resident size of that process

PostgreSQL is made for this run. `--gate F` fails (exit 1) where the lag is above the target / F.
"""

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from bench.kit import BenchLedger, founded, fsync_latency_ms, peak_mib
from infra.clock import now_us
from infra.dev.corpus import Corpus
from infra.dev.scribe import Scribe
from infra.store.feed import Listener
from infra.store.provision import PROJECTOR, READER
from infra.store.recorder import LedgerRecorder
from infra.views.process import ProjectorLoop

TARGET_S = 1.0
SEED = 7
POLL_S = 0.005
DRAIN_S = 60.0
_POSITION = "SELECT coalesce(min(position), 0) FROM views.projection WHERE state = 'live' AND poison_index IS NULL"


def keep(dsn: str) -> None:
    """Keep the views until killed, as `python -m infra.views.process` does."""
    with closing(LedgerRecorder(dsn)) as store:
        ProjectorLoop(dsn, store, Listener(dsn), print).run()


@contextmanager
def projector_of(bench: BenchLedger) -> Iterator[int]:
    """Give the process id of a projector at work."""
    process = multiprocessing.get_context("spawn").Process(target=keep, args=(bench.role(PROJECTOR),), daemon=True)
    process.start()
    try:
        yield process.pid or 0
    finally:
        process.kill()
        process.join()


class Watch:
    """Looks at the positions of the views all the time, on a thread of its own."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: list[tuple[float, int]] = []
        self._thread.start()

    def reach(self, position: int) -> None:
        """Block until every view has come so far. Raises: AssertionError after DRAIN_S."""
        deadline = time.perf_counter() + DRAIN_S
        while not self.seen or self.seen[-1][1] < position:
            if time.perf_counter() > deadline:
                raise AssertionError(f"expected the views at {position}, found {self.seen[-1:]}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._stopped.wait(POLL_S):
            row = self._connection.execute(_POSITION).fetchone()
            if row and (not self.seen or row[0] > self.seen[-1][1]):
                self.seen.append((time.perf_counter(), row[0]))


def append_paced(bench: BenchLedger, rate: int, seconds: int) -> list[tuple[float, int]]:
    """Append commands of a corpus at a rate, and return when each was acknowledged, with the size behind it."""
    acts, scribe = Corpus(SEED, rate * seconds, bench.party).acts(), Scribe("bench", bench.ledger, {})
    acknowledged: list[tuple[float, int]] = []
    with bench.application() as application:
        started, told = time.perf_counter(), 0
        while told < rate * seconds:
            act = next(acts)
            wait = started + told / rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            (result,) = application.store.append([scribe.request(act, now_us())])
            acknowledged.append((time.perf_counter(), result.last + 1))
            told += len(act.events)
        print(f"appended {told:,} events at {told / (time.perf_counter() - started):,.0f}/s")
    return acknowledged


def lags(acknowledged: list[tuple[float, int]], seen: list[tuple[float, int]]) -> list[float]:
    """Return the lag of each command, in seconds, sorted: until a look found the views behind it."""
    found, place = [], 0
    for at, size in acknowledged:
        while seen[place][1] < size:
            place += 1
        found.append(max(0.0, seen[place][0] - at))
    return sorted(found)


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=1.0, help="fail above the target divided by this share")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        with founded(Path(folder), "bench.edgeprint.example/lag") as bench, projector_of(bench) as pid:
            watch = Watch(bench.role(READER))
            try:
                watch.reach(1)
                acknowledged = append_paced(bench, options.rate, options.seconds)
                watch.reach(acknowledged[-1][1])
            finally:
                watch.stop()
            found, mib = lags(acknowledged, watch.seen), peak_mib(pid)
    p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
    print(f"lag of six views, s    p50 {p50:.3f}   p99 {p99:.3f}   max {found[-1]:.3f}   target p99 {TARGET_S:g}")
    print(f"projector              {mib:.0f} MiB")
    return 0 if p99 <= TARGET_S / options.gate else 1


if __name__ == "__main__":
    sys.exit(main())
