"""The relay with each of its Kafka clients against a bare producer: `python -m bench.relay [--entries N] [--turns N]`.

    relay   rows from PostgreSQL, headers, framing, keys and partitions made, transactions of 500 with a position each
    bare    a transactional producer of the same client with the same settings, sending the same values, keys and
            headers, made beforehand, in transactions of 500
    gain    what the relay gets through with confluent-kafka for each entry that it gets through with kafka-python

All in turns, on a real Apache Kafka made for this run, into topics of the manifest. `--client NAME` measures one alone,
so that the memory printed in the end is that client's. `--gate F` fails (exit 1) where the best ratio is below F x its
target, or the best gain below F x what was measured: its target is not met (docs/benchmarks.md).
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from bench.ingest import Producer
from bench.kit import BenchLedger, founded, fsync_latency_ms
from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from infra.kafka.broker import Broker
from infra.kafka.bus import KafkaBus
from infra.kafka.topics import create_topics
from infra.settings import KafkaClient, read_settings
from infra.store.provision import READER, WRITER
from infra.store.recorder import LedgerRecorder
from producers.relay import BATCH_EVENTS, Relay, record_of
from schemas.records import Outgoing

TARGET_RATIO = 0.85
TARGET_GAIN = 3.0
MEASURED_GAIN = 1.7
BATCH = 2_000
CLIENTS: tuple[KafkaClient, ...] = ("python", "confluent")


class Turn(NamedTuple):
    """One client's turn, in entries a second."""

    relay: float
    bare: float


def no_note(_note: bytes) -> Checkpoint:
    """Verify nothing: there are no checkpoints in this measurement."""
    raise Invalid("no checkpoint is expected")


def fill(bench: BenchLedger, entries: int) -> None:
    """Append entries."""
    producer = Producer(bench.ledger)
    with closing(LedgerRecorder(bench.role(WRITER))) as store:
        for _ in range(0, entries, BATCH):
            store.append(producer.batch(BATCH))


def bare_per_s(bootstrap: str, client: KafkaClient, records: list[Outgoing]) -> float:
    """Return how many records a second a producer without a ledger sends; its own transactional id, never fenced."""
    with closing(KafkaBus(bootstrap, UUID(int=0), client=client)) as bus:
        bus.fence()
        bus.write(records[:BATCH_EVENTS], None)  # warm
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


def take_turn(bench: BenchLedger, bootstrap: str, client: KafkaClient, entries: int) -> Turn:
    """Append entries, let a relay with this client get through them, and send the same records without one."""
    bus = KafkaBus(bootstrap, bench.ledger, client=client)
    with closing(LedgerRecorder(bench.role(READER))) as store, closing(bus):
        relay = Relay(bench.ledger, store, store, bus, no_note)
        fill(bench, BATCH)
        relay.recover()
        relay_per_s(relay, store.size())  # warm
        first = store.size()
        fill(bench, entries)
        relayed = relay_per_s(relay, store.size())
        records = [record_of(row) for at in range(first, first + entries, BATCH) for row in store.rows(at, BATCH)]
    return Turn(relayed, bare_per_s(bootstrap, client, records))


def report(measured: dict[KafkaClient, list[Turn]], gate: float) -> int:
    """Print the table; return 1 if the gate is not met."""
    best = []
    print(f"{'':<10}{'relay/s':>10}{'bare/s':>10}{'ratio':>8}   ratio of each turn")
    for client, turns in measured.items():
        ratios = [turn.relay / turn.bare for turn in turns]
        relay, bare = (statistics.median(side) for side in zip(*turns, strict=True))
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{client:<10}{relay:>10,.0f}{bare:>10,.0f}{statistics.median(ratios):>8.2f}   {each}")
        if client == "python":
            best.append(max(ratios) / TARGET_RATIO)
    if len(measured) > 1:
        gains = [quick.relay / slow.relay for slow, quick in zip(*measured.values(), strict=True)]
        print(f"{'gain':<28}{statistics.median(gains):>10.2f}   " + " ".join(f"{gain:.2f}" for gain in gains))
        best.append(max(gains) / MEASURED_GAIN)
    print(f"targets: ratio {TARGET_RATIO} with kafka-python, gain {TARGET_GAIN}")
    print(f"largest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 1 if min(best, default=gate) < gate else 0


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--client", choices=CLIENTS, help="measure this client only (default: both)")
    parser.add_argument("--dir", type=Path, help="where database and broker are made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of a target")
    options = parser.parse_args()
    clients = [client for client in CLIENTS if options.client in (None, client)]
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        broker = Broker.open(Path(folder) / "home", read_settings(environ={}))
        broker.start(ends_with_parent=True)
        try:
            create_topics(broker.bootstrap)
            measured: dict[KafkaClient, list[Turn]] = {client: [] for client in clients}
            with founded(Path(folder), "bench.edgeprint.example/relay") as bench:
                for _ in range(options.turns):
                    for client in clients:
                        measured[client].append(take_turn(bench, broker.bootstrap, client, options.entries))
        finally:
            broker.purge()
    return report(measured, options.gate)


if __name__ == "__main__":
    sys.exit(main())
