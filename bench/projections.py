"""The views over a corpus in PostgreSQL: `python -m bench.projections [--objects 20000] [--views NAME ...]`.

A ledger is filled with the corpus of a seed (about four events an object). Each view is then built alone from entry 0:
entries read from the database and decoded, rows written and indexed; then all of them together, which share reading and
decoding. Every entry of the log counts, whether the view reads it or not. `--gate F` fails (exit 1) below F x the
targets.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from bench.kit import BenchLedger, founded, fsync_latency_ms
from infra.clock import now_us
from infra.dev.corpus import Corpus
from infra.dev.filling import append_acts
from infra.dev.scribe import Scribe
from infra.store.provision import PROJECTOR
from infra.store.recorder import LedgerRecorder
from infra.views.projector import Projector
from projections.catalogue import VIEWS, find_view
from projections.view import View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

TARGET_ONE_PER_S = 15_000
TARGET_ALL_PER_S = 6_000
SEED = 7


def build(bench: BenchLedger, store: LedgerRecorder, views: tuple[View, ...]) -> float:
    """Build `views` from entry 0 and return the seconds it took; what was built is removed again."""
    with Projector(bench.role(PROJECTOR), store, Codec(CATALOGUE)) as projector:
        started = time.perf_counter()
        projector.ensure(views)
        projector.catch_up()
        took = time.perf_counter() - started
        schemas = [found.schema for found in projector.builds()]
    with psycopg.connect(bench.role(PROJECTOR), autocommit=True) as connection:
        connection.execute("DELETE FROM views.projection")
        for schema in schemas:
            connection.execute(f'DROP SCHEMA "{schema}" CASCADE')
    return took


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--views", nargs="*", default=[view.name for view in VIEWS])
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the targets")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        with founded(Path(folder), "bench.edgeprint.example/projections") as bench:
            store = LedgerRecorder(bench.role(PROJECTOR))
            with bench.application() as application:
                corpus = Corpus(SEED, options.objects, bench.party)
                append_acts(application.store, corpus.acts(), Scribe("bench", bench.ledger, {}), now_us)
            size = store.size()
            print(f"{options.objects:,} objects, {size:,} entries")
            print(f"{'view':<14}{'seconds':>9}{'events/s':>12}")
            worst = float("inf")
            for name in options.views:
                took = build(bench, store, (find_view(name),))
                worst = min(worst, size / took)
                print(f"{name:<14}{took:>9.1f}{size / took:>12,.0f}")
            took = build(bench, store, VIEWS)
            print(f"{'all together':<14}{took:>9.1f}{size / took:>12,.0f}")
            store.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"targets: {TARGET_ONE_PER_S:,} for one, {TARGET_ALL_PER_S:,} for all; peak memory {memory:,.0f} MiB")
    met = worst >= options.gate * TARGET_ONE_PER_S and size / took >= options.gate * TARGET_ALL_PER_S
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
