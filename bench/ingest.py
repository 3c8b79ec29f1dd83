"""The whole way of an event: object, encode, append, seal, checkpoint on disk; acknowledged to sealed.

Run from the repository: `python -m bench.ingest [--entries 1000000] [--batch 2000] [--dir DIR] [--gate 0.5]`. It makes
an embedded PostgreSQL under DIR, founds a ledger through the product's own write path, and appends ObjectIdentified
events (about 300 B) in batches while a sealer process seals them. `--gate F` fails (exit 1) below F x the targets:
`make test` runs a short one at half. The disk under DIR counts; its fsync latency is printed.

    rate      entries / (from the first object to the checkpoint that covers the last entry)
    sealed    from the acknowledgement of a batch to the notification that its last entry is under a checkpoint, which
              the sealer sends after the checkpoint was renamed and synced
"""

import argparse
import os
import queue
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psycopg

from bench.kit import BenchLedger, founded, fsync_latency_ms
from domain.events import ZERO_HASH, ZERO_UUID, ActorKind, Envelope, Recorded, Sha256
from domain.identity.events import AssetClass, Content, IntakeSource, Measure, ObjectIdentified, Origin, Quantity
from domain.ids import CommandId, EventId, LedgerId, PartyId, StreamId, uuid7
from domain.ledger.policy import parse_policy
from infra.clock import IdSource, now_s, now_us
from infra.fsck.tree import verify_tree
from infra.keys.files import FileKeys
from infra.sealer.database import SEALED_CHANNEL
from infra.sealer.process import SealerLoop, SealerPaths, log_line, open_sealer
from infra.store.feed import Listener
from infra.store.provision import READER, SEALER, WRITER
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendRequest, AppendStatus, CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

TARGET_RATE = 40_000.0
TARGET_SEALED_P99_S = 0.6
COMMAND_EVENTS = 500
ORIGIN = "bench.edgeprint.example/ingest"
IN_FLIGHT = 2
PICTURE = tuple(
    Measure(quantity=quantity, value=value)
    for quantity, value in (
        (Quantity.WIDTH_PX, 4096),
        (Quantity.HEIGHT_PX, 2160),
        (Quantity.CHANNELS, 3),
        (Quantity.BITS_PER_SAMPLE, 8),
    )
)


class Producer:
    """Makes the batches: new ids, event object, envelope, entry; each event begins a stream of its own."""

    def __init__(self, ledger: UUID) -> None:
        self._ledger = LedgerId(ledger)
        self._new_id = IdSource()
        self._party = PartyId(self._new_id())
        self._encode = Codec(CATALOGUE).encode
        self.party = self._party

    def batch(self, entries: int) -> list[AppendRequest]:
        """Return requests with `entries` events in all."""
        return [self._command(min(COMMAND_EVENTS, entries - start)) for start in range(0, entries, COMMAND_EVENTS)]

    def _command(self, entries: int) -> AppendRequest:
        party, encode, now, noise = self._party, self._encode, now_us(), os.urandom(20 * entries)
        command, previous, actor_kind = CommandId(self._new_id()), Sha256(ZERO_HASH), ActorKind.SERVICE
        recorded = []
        for position, digest in enumerate(_digests(entries)):
            stream = uuid7(now, noise[20 * position : 20 * position + 10])
            event = ObjectIdentified(
                holder=party,
                asset_class=AssetClass.STATIC,
                kind="image",
                origin=Origin.CAPTURED,
                intake_source=IntakeSource.PRODUCTION_NEW,
                content=Content(sha256=digest, sm3=digest, size=1_048_576, media_type="image/jpeg"),
                parents=(),
                submission=digest,
                project="night-river",
                technical=PICTURE,
            )
            envelope = Envelope(
                event_id=EventId(uuid7(now, noise[20 * position + 10 : 20 * position + 20])),
                stream_id=StreamId(stream),
                previous=previous,
                command_id=command,
                causation_id=ZERO_UUID,
                correlation_id=ZERO_UUID,
                ledger_id=self._ledger,
                actor=party,
                recorded_at=now,
                stream_version=1,
                actor_kind=actor_kind,
            )
            recorded.append(Recorded(stream, 1, ObjectIdentified.TYPE, encode(event, envelope)))
        return AppendRequest(CommandKey(party, command), tuple(recorded))


def _digests(count: int) -> Iterator[Sha256]:
    """Yield 32 random bytes each, as the digests of new files are."""
    pool = os.urandom(32 * count)
    return (Sha256(pool[at : at + 32]) for at in range(0, len(pool), 32))


@dataclass
class Acknowledged:
    """When each batch was acknowledged, and when a checkpoint covered it."""

    last: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    sealed: list[tuple[int, float]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def waits(self) -> list[float]:
        """Return for each batch the seconds from acknowledgement to its checkpoint."""
        waits, position = [], 0
        for last, at in zip(self.last, self.at, strict=True):
            while self.sealed[position][0] <= last:
                position += 1
            waits.append(max(0.0, self.sealed[position][1] - at))
        return waits


def watch(dsn: str, size: int, times: Acknowledged, ready: threading.Event) -> None:
    """Note when each checkpoint came, until one covers `size` entries."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"LISTEN {SEALED_CHANNEL}")
        ready.set()
        for notify in connection.notifies(timeout=120):
            times.sealed.append((int(notify.payload), time.perf_counter()))
            if int(notify.payload) >= size:
                return


def ingest(bench: BenchLedger, entries: int, batch: int) -> tuple[float, Acknowledged]:
    """Append `entries` in batches, encoding the next while others are under way; return seconds and times."""
    store = LedgerRecorder(bench.role(WRITER))
    producer = Producer(bench.ledger)
    times, ready = Acknowledged(), threading.Event()
    size = store.size() + entries
    watcher = threading.Thread(target=watch, args=(bench.role(READER), size, times, ready))
    watcher.start()
    ready.wait()
    waiting: queue.Queue[Sequence[AppendRequest] | None] = queue.Queue(IN_FLIGHT)

    def send() -> None:
        while (requests := waiting.get()) is not None:
            results = store.append(requests)
            now = time.perf_counter()
            times.refused.extend(result.reason for result in results if result.status is not AppendStatus.STORED)
            times.last.append(results[-1].last)
            times.at.append(now)

    sender = threading.Thread(target=send)
    sender.start()
    started = time.perf_counter()
    for begun in range(0, entries, batch):
        waiting.put(producer.batch(min(batch, entries - begun)))
    waiting.put(None)
    sender.join()
    watcher.join()
    store.close()
    if times.refused or not times.sealed:
        raise RuntimeError(f"{len(times.refused)} requests were refused, the first: {times.refused[:1]}")
    return times.sealed[-1][1] - started, times


@contextmanager
def running(directory: Path) -> Iterator[BenchLedger]:
    """Start a database, found a ledger and start its sealer process; remove the database in the end."""
    with founded(directory, ORIGIN) as bench:
        FileKeys(directory / "keys", now_s).generate(ORIGIN)
        sealer = subprocess.Popen(
            [sys.executable, "-m", "bench.ingest", "--sealer", bench.role(SEALER), str(bench.ledger), str(directory)]
        )
        try:
            yield bench
        finally:
            sealer.terminate()
            sealer.wait(timeout=60)


def seal_forever(dsn: str, ledger: str, directory: str) -> int:
    """Be the sealer process."""
    home = Path(directory)
    paths = SealerPaths(home / "tlog", home / "keys", home / "state")
    sealer, _ = open_sealer(ORIGIN, UUID(ledger), paths, dsn, log_line)
    loop = SealerLoop(sealer, Listener(dsn), log_line)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    code = loop.run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    log_line(f"CPU {usage.ru_utime:.2f} s user, {usage.ru_stime:.2f} s system; {usage.ru_maxrss // 1024} MiB")
    return code


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--dir", type=Path, help="where the database and the tree are made (default: a temporary one)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the targets")
    parser.add_argument("--sealer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.sealer:
        return seal_forever(*options.sealer)
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        directory = Path(folder)
        latency = fsync_latency_ms(directory)
        with running(directory) as bench:
            ingest(bench, min(options.entries, 4_000), options.batch)  # warm: plans, files, connections
            before = time.process_time()
            seconds, times = ingest(bench, options.entries, options.batch)
            own = time.process_time() - before
        policy = parse_policy((FileKeys(directory / "keys", now_s).load(ORIGIN)).policy())
        started = time.perf_counter()
        report = verify_tree(directory / "tlog", policy)
        verify = report.leaves / (time.perf_counter() - started)
    rate, waits = options.entries / seconds, times.waits()
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    good = rate >= TARGET_RATE * options.gate and (not options.gate or p99 <= TARGET_SEALED_P99_S / options.gate)
    rows = [
        ("entries, batch, bytes an entry", f"{options.entries:,}, {options.batch:,}, {_entry_bytes():,}", ""),
        ("whole way, entries/s", f"{rate:,.0f}", f"target {TARGET_RATE:,.0f}, ratio {rate / TARGET_RATE:.2f}"),
        ("acknowledged to sealed, p50 s", f"{p50:.3f}", ""),
        ("acknowledged to sealed, p99 s", f"{p99:.3f}", f"target {TARGET_SEALED_P99_S:.1f}, max {max(waits):.3f}"),
        ("checkpoints", f"{len(times.sealed):,}", ""),
        ("fsync latency, ms", f"{latency:.3f}", "median of 50"),
        ("CPU of the producer, µs an entry", f"{own / options.entries * 1e6:.1f}", ""),
        ("verify the tree afterwards, leaves/s", f"{verify:,.0f}", f"{report.verdict}, target 50,000"),
    ]
    for name, value, note in rows:
        print(f"{name:<38} {value:>18}  {note}".rstrip())
    if report.exit_code or not good:
        print(f"failed: {'the tree is damaged' if report.exit_code else f'below {options.gate} of the targets'}")
        return 1
    return 0


def _entry_bytes() -> int:
    return len(Producer(IdSource()()).batch(1)[0].events[0].entry)


if __name__ == "__main__":
    sys.exit(main())
