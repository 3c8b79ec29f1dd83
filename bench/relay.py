"""The relay against a bare producer: `python -m bench.relay [--entries N] [--turns N] [--gate F]`.

    relay   rows from PostgreSQL, headers, framing, keys and partitions made, transactions of 500 with a position each
    bare    a kafka-python transactional producer with the same settings, sending the same values, keys and headers,
            made beforehand, in transactions of 500

Both in turns, on a real Apache Kafka made for this run, into topics of the manifest. `--gate F` fails (exit 1) where
the best ratio is below F x its target.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

from bench.ingest import Producer
from bench.kit import BenchLedger, founded, fsync_latency_ms
from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from infra.kafka.broker import Broker
from infra.kafka.bus import KafkaBus
from infra.kafka.topics import create_topics
from infra.settings import read_settings
from infra.store.provision import READER, WRITER
from infra.store.recorder import LedgerRecorder
from producers.relay import BATCH_EVENTS, Relay, record_of
from schemas.records import Outgoing

TARGET_RATIO = 0.85
BATCH = 2_000


def no_note(_note: bytes) -> Checkpoint:
    """Verify nothing: there are no checkpoints in this measurement."""
    raise Invalid("no checkpoint is expected")


def fill(bench: BenchLedger, entries: int) -> None:
    """Append entries."""
    producer = Producer(bench.ledger)
    with closing(LedgerRecorder(bench.role(WRITER))) as store:
        for _ in range(0, entries, BATCH):
            store.append(producer.batch(BATCH))


def bare_per_s(bootstrap: str, number: int, records: list[Outgoing]) -> float:
    """Return how many records a second a producer without a ledger sends; its own transactional id, never fenced."""
    bus = KafkaBus(bootstrap, UUID(int=number))
    with closing(bus):
        bus.fence()
        started = time.perf_counter()
        for at in range(0, len(records), BATCH_EVENTS):
            bus.write(records[at : at + BATCH_EVENTS], None)
        return len(records) / (time.perf_counter() - started)


def relay_per_s(relay: Relay, size: int) -> float:
    """Return how many entries a second the relay gets through until `size`."""
    first, started = relay.relayed_size, time.perf_counter()
    while relay.relayed_size < size:
        relay.step()
    return (size - first) / (time.perf_counter() - started)


def measure(bench: BenchLedger, bootstrap: str, entries: int, turns: int) -> list[tuple[float, float]]:
    """Return (relay, bare) of each turn."""
    bus, pairs = KafkaBus(bootstrap, bench.ledger), []
    with closing(LedgerRecorder(bench.role(READER))) as store, closing(bus):
        relay = Relay(bench.ledger, store, store, bus, no_note)
        fill(bench, BATCH)
        relay.recover()
        relay_per_s(relay, store.size())  # warm
        for turn in range(turns):
            first = store.size()
            fill(bench, entries)
            records = [record_of(row) for row in store.rows(first, entries)]
            ours = relay_per_s(relay, store.size())
            pairs.append((ours, bare_per_s(bootstrap, turn + 1, records)))
    return pairs


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where database and broker are made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the target")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        broker = Broker.open(Path(folder) / "home", read_settings(environ={}))
        broker.start(ends_with_parent=True)
        try:
            create_topics(broker.bootstrap)
            with founded(Path(folder), "bench.edgeprint.example/relay") as bench:
                pairs = measure(bench, broker.bootstrap, options.entries, options.turns)
        finally:
            broker.purge()
    ratios = [relayed / bare for relayed, bare in pairs]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{'':<10}{'relay/s':>10}{'bare/s':>10}{'ratio':>8}   ratio of each turn")
    each = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"{'':<10}{ours:>10,.0f}{theirs:>10,.0f}{statistics.median(ratios):>8.2f}   {each}")
    print(f"target: {TARGET_RATIO}")
    return 1 if max(ratios) < options.gate * TARGET_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
