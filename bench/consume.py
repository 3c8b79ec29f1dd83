"""Checked consuming against a bare consumer: `python -m bench.consume [--entries N] [--turns N] [--gate F]`.

    bare      a kafka-python consumer that reads all context topics, read_committed, and does nothing with what comes
    checked   the sealed feed: leaf hash, framing, key, place, order of the ledger, root against each signed checkpoint
    decoded   the same, and each delivered entry decoded and held against its canonical bytes
    mirror    the mirror as it runs: the sealed feed, and entries, checkpoints and cursor written to its store

All in turns, over the same records on a real Apache Kafka made for this run, a checkpoint signed each 1,000 entries.
`--gate F` fails (exit 1) where the best ratio of one is below F x its target. The last line is the memory that this
process held at most, which is that of the mirror: the records are written by another one.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

from bench.ingest import Producer
from consumers.claims import Claims
from consumers.feed import Batch, Cursor
from consumers.sealed import SealedFeed
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange, leaf_hash
from domain.ledger.note import sign_note
from domain.ledger.policy import parse_policy
from infra.clock import now_s
from infra.consumers.build import CONSUMERS, open_runtime
from infra.kafka.broker import Broker
from infra.kafka.bus import KafkaBus
from infra.kafka.following import Following
from infra.kafka.reader import Reader
from infra.kafka.topics import create_topics
from infra.keys.files import FileKeys
from infra.settings import read_settings
from producers.ports import LedgerRow
from producers.relay import BATCH_EVENTS, record_of
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.records import Outgoing
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS

ORIGIN = "bench.edgeprint.example/consume"
LEDGER = UUID(int=77)
SIGNED_EACH = 1_000
TARGETS = {"checked": 0.6, "decoded": 0.4}


def fill(bootstrap: str, entries: int, folder: Path) -> None:
    """Write entries and checkpoints as the relay does, from rows made in memory."""
    signers = FileKeys(folder / "keys", now_s).load(ORIGIN).signers
    tree, made = CompactRange(), Producer(LEDGER)
    with closing(KafkaBus(bootstrap, LEDGER)) as bus:
        bus.fence()
        for begin in range(0, entries, SIGNED_EACH):
            events = [one for request in made.batch(SIGNED_EACH) for one in request.events]
            rows = [LedgerRow(begin + at, one.type, one.entry, leaf_hash(one.entry)) for at, one in enumerate(events)]
            for at in range(0, len(rows), BATCH_EVENTS):
                bus.write([record_of(row) for row in rows[at : at + BATCH_EVENTS]], None)
            tree.extend(row.leaf_hash for row in rows)
            note = sign_note(Checkpoint(ORIGIN, tree.size, tree.root()).encode(), signers)
            bus.write([Outgoing(CHECKPOINTS.name, 0, b"", note, (), 1)], None)


def bare(bootstrap: str, entries: int) -> None:
    """Read every record and do nothing."""
    with closing(Reader(bootstrap)) as reader:
        partitions = reader.partitions([topic.name for topic in CONTEXT_TOPICS])
        ends = reader.ends(partitions)
        came = sum(len(batch) for batch in reader.read({p: (0, ends[p]) for p in partitions}))
    if came != entries:
        raise AssertionError(f"expected {entries} records, found {came}")


def checked(bootstrap: str, entries: int, policy: bytes, use: Callable[[Batch], None]) -> None:
    """Read every record through the sealed feed."""
    with closing(Following(bootstrap)) as following:
        partitions = list(following.reopen())
        verify = parse_policy(policy).verify_checkpoint
        feed = SealedFeed(verify, Claims(CATALOGUE), Cursor(), partitions)
        while feed.next_index < entries:
            for fetched in following.poll(feed.wanted()):
                feed.take(fetched)
            while (batch := feed.batch()) is not None:
                use(batch)


def mirror(bootstrap: str, entries: int, policy: bytes, folder: Path) -> None:
    """Let the mirror catch up."""
    with open_runtime(CONSUMERS["mirror"], bootstrap, policy, folder, lambda _text: None) as runtime:
        runtime.recover()
        while runtime.feed.next_index < entries:
            runtime.step()


def measure(bootstrap: str, entries: int, turns: int, folder: Path) -> dict[str, list[float]]:
    """Return records a second of each way, one for each turn."""
    policy = FileKeys(folder / "keys", now_s).load(ORIGIN).policy()
    codec = Codec(CATALOGUE)

    def decode(batch: Batch) -> None:
        for entry in batch.entries:
            codec.accept(entry.entry)

    def ways(turn: int) -> dict[str, Callable[[], None]]:
        return {
            "bare": lambda: bare(bootstrap, entries),
            "checked": lambda: checked(bootstrap, entries, policy, lambda _batch: None),
            "decoded": lambda: checked(bootstrap, entries, policy, decode),
            "mirror": lambda: mirror(bootstrap, entries, policy, folder / f"mirror{turn}"),
        }

    rates: dict[str, list[float]] = {name: [] for name in ways(0)}
    for turn in range(turns):
        for name, way in ways(turn).items():
            started = time.perf_counter()
            way()
            rates[name].append(entries / (time.perf_counter() - started))
    return rates


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000, help=f"a multiple of {SIGNED_EACH}")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the broker is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the targets")
    parser.add_argument("--fill", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill[0], options.entries, Path(options.fill[1]))
        return 0
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        folder = Path(name)
        FileKeys(folder / "keys", now_s).generate(ORIGIN)
        broker = Broker.open(folder / "home", read_settings(environ={}))
        broker.start(ends_with_parent=True)
        try:
            create_topics(broker.bootstrap)
            argv = [sys.executable, "-m", "bench.consume", "--entries", str(options.entries)]
            subprocess.run([*argv, "--fill", broker.bootstrap, name], check=True)
            rates = measure(broker.bootstrap, options.entries, options.turns, folder)
        finally:
            broker.purge()
    failed = False
    print(f"{'':<10}{'records/s':>12}{'of bare':>10}{'target':>10}   ratio of each turn")
    for way, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(found, rates["bare"], strict=True)]
        each = " ".join(f"{ratio:.2f}" for ratio in ratios)
        target = TARGETS.get(way, 0.0)
        middle = statistics.median(ratios)
        print(f"{way:<10}{statistics.median(found):>12,.0f}{middle:>10.2f}{target or '':>10}   {each}")
        failed = failed or max(ratios) < options.gate * target
    print(f"memory of this process at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
