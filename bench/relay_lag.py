"""How far Kafka is behind, and at what cost: `python -m bench.relay_lag [--rate R] [--seconds S] [--entries N]`.

    lag       from the return of append() to the moment a read_committed consumer has the record, at R events a second
              in batches of ten, by the relay as a process of its own
    memory    the largest resident size of the relay after N entries, and of a mirror that has followed all of them

A real Apache Kafka and PostgreSQL made for this run, a sealer process at work.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bench.ingest import Producer
from bench.kit import peak_mib
from infra.background import relay, relayed_size
from infra.database import Database
from infra.home import Home
from infra.kafka.broker import Broker
from infra.kafka.following import Following
from infra.settings import Settings, read_settings
from infra.store.provision import WRITER
from infra.store.recorder import LedgerRecorder
from schemas.framing import parse_headers
from schemas.records import Partition
from schemas.topics import CHECKPOINTS

BATCH = 10
BULK = 2_000
TARGET_LAG_S = 2.0
TARGET_MIB = 400
DRAIN_S = 900.0


@contextmanager
def home_that_is_up(folder: Path) -> Iterator[Settings]:
    """Give the settings of a home with everything at work; removed in the end."""
    environ = {"EDGEPRINT_HOME": str(folder / "home"), "EDGEPRINT_STATE": str(folder / "state")}
    command = [sys.executable, "-m", "infra.cli.main"]

    def run(*arguments: str) -> None:
        argv = [*command, *arguments, "--home", environ["EDGEPRINT_HOME"]]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environ})

    run("init")
    run("up")
    try:
        yield read_settings(environ)
    finally:
        run("down", "--purge", "--yes")


def lags(settings: Settings, rate: int, seconds: int) -> list[float]:
    """Return the lag of each entry, in seconds, sorted."""
    home = Home(settings.home)
    bootstrap = Broker.open(home.path, settings).bootstrap
    appended: dict[int, float] = {}
    seen: dict[int, float] = {}
    with closing(LedgerRecorder(Database(settings, home, home.config().ledger_id).dsn(WRITER))) as store:
        first = store.size()
        with closing(Following(bootstrap)) as following:
            partitions = following.reopen()
            wanted = dict.fromkeys([*partitions, Partition(CHECKPOINTS.name, 0)], 0)
            stop = threading.Event()

            def read() -> None:
                while not stop.is_set():
                    for fetched in following.poll(wanted):
                        wanted[fetched.partition] = fetched.end
                        now = time.perf_counter()
                        if fetched.partition.topic != CHECKPOINTS.name:
                            seen.update((parse_headers(record.headers).index, now) for record in fetched.records)

            reader = threading.Thread(target=read)
            reader.start()
            producer, started = Producer(home.config().ledger_id), time.perf_counter()
            for number in range(rate * seconds // BATCH):
                wait = started + number * BATCH / rate - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                results = store.append(producer.batch(BATCH))
                now = time.perf_counter()
                appended.update((index, now) for one in results for index in range(one.first, one.last + 1))
            deadline = time.perf_counter() + DRAIN_S
            while not appended.keys() <= seen.keys() and time.perf_counter() < deadline:
                time.sleep(0.05)
            stop.set()
            reader.join()
    if first != min(appended):
        raise AssertionError(f"expected entries from {first} on, found {min(appended)}")
    return sorted(seen[index] - at for index, at in appended.items())


def grow(settings: Settings, entries: int) -> float:
    """Append until the ledger has so many entries, wait for the relay, and return how long it took to drain."""
    home = Home(settings.home)
    producer = Producer(home.config().ledger_id)
    with closing(LedgerRecorder(Database(settings, home, home.config().ledger_id).dsn(WRITER))) as store:
        while store.size() < entries:
            store.append(producer.batch(BULK))
        started, size = time.perf_counter(), store.size()
    while (relayed_size(home) or 0) < size:
        if time.perf_counter() - started > DRAIN_S:
            raise AssertionError(f"expected {size} entries on Kafka, found {relayed_size(home)}")
        time.sleep(0.2)
    return time.perf_counter() - started


def mirrored(settings: Settings, folder: Path, entries: int) -> tuple[float, float]:
    """Let a mirror follow everything; return its largest resident size and how long it took."""
    program = (
        "import resource, sys; from infra.cli.main import run\n"
        "try:\n    run()\nfinally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    argv = [
        sys.executable,
        "-c",
        program,
        "consumer",
        "run",
        "mirror",
        "--once",
        "--json",
        "--home",
        str(settings.home),
    ]
    started = time.perf_counter()
    done = subprocess.run(
        [*argv, "--home", str(settings.home), "--state", str(folder)], capture_output=True, text=True, check=True
    )
    took, held = time.perf_counter() - started, json.loads(done.stdout)["next_index"]
    if held < entries:
        raise AssertionError(f"expected a mirror of {entries} entries, found {held}")
    return int(done.stderr.split()[-1]) / 1024, took


def main() -> int:
    """Print the table; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, help="where everything is made (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as name, home_that_is_up(Path(name)) as settings:
        found = lags(settings, options.rate, options.seconds)
        p50, p99 = found[len(found) // 2], found[len(found) * 99 // 100]
        lag = f"p50 {p50:.3f}   p99 {p99:.3f}   max {found[-1]:.3f}"
        print(f"lag at {options.rate}/s, s     {lag}   target {TARGET_LAG_S:g}", flush=True)
        drained = grow(settings, options.entries)
        process = relay(Home(settings.home)).process
        if process is None:
            raise AssertionError("expected the relay to run")
        relay_mib = peak_mib(process.pid)
        told = f"{relay_mib:.0f} MiB   drained in {drained:.0f} s"
        print(f"relay at {options.entries:,}       {told}   target {TARGET_MIB}", flush=True)
        mirror_mib, took = mirrored(settings, Path(name) / "mirror", options.entries)
        print(f"mirror at {options.entries:,}      {mirror_mib:.0f} MiB   in {took:.0f} s   target {TARGET_MIB}")
    return 1 if p99 > TARGET_LAG_S or max(relay_mib, mirror_mib) > TARGET_MIB else 0


if __name__ == "__main__":
    sys.exit(main())
