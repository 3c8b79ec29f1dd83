"""Questions to the views over a corpus in PostgreSQL: `python -m bench.questions [--objects 100000]`.

A ledger is filled with the corpus of a seed (about four events an object), all views are built together, and each kind
of question is asked of random objects, live and as of the middle of the log: each in a snapshot of its own, as the
command line does. Impact is asked of the object that most others are made of in one step.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from bench.kit import founded, fsync_latency_ms
from infra.clock import now_us
from infra.dev.corpus import Corpus
from infra.dev.filling import append_acts
from infra.dev.scribe import Scribe
from infra.store.provision import PROJECTOR, READER
from infra.store.recorder import LedgerRecorder
from infra.views import questions
from infra.views.projector import Projector
from infra.views.reading import Look, Reader
from projections.catalogue import VIEWS
from projections.compliance import COMPLIANCE, OBJECT
from projections.genealogy.view import GENEALOGY
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

SEED = 7
ASKED = 200
_SOME = "SELECT object FROM {node} WHERE born <= %(at)s ORDER BY md5(object::text) LIMIT %(most)s"
_WIDEST = "SELECT parent AS object FROM {edge} GROUP BY parent ORDER BY count(*) DESC LIMIT 1"
Ask = Callable[[Look, Look, UUID], object]
QUESTIONS: Sequence[tuple[str, int, Ask]] = (
    ("where an object stands", ASKED, lambda _, status, one: status.rows(OBJECT, object=[one])),
    ("ancestors", ASKED, lambda lineage, _, one: questions.ancestors(lineage, one)),
    ("impaired by what", ASKED, questions.impaired),
    ("lineage, both ways, to 20,000", 40, lambda lineage, _, one: questions.lineage(lineage, one)),
)


def milliseconds(reader: Reader, as_of: str | None, objects: Sequence[UUID], ask: Ask) -> list[float]:
    """Return how long each question took, sorted; the connection and its snapshot count."""
    took = []
    for one in objects:
        started = time.perf_counter()
        with reader.looks((GENEALOGY, COMPLIANCE), as_of, now_us()) as (lineage, status):
            ask(lineage, status, one)
        took.append((time.perf_counter() - started) * 1e3)
    return sorted(took)


def told(name: str, took: Sequence[float]) -> str:
    """Return one line of the table."""
    return f"{name:<46}{statistics.median(took):>10.1f}{took[len(took) * 95 // 100]:>10.1f}{took[-1]:>11.1f}"


def ask_all(reader: Reader, size: int) -> None:
    """Print the table of a ledger of `size` entries."""
    with reader.look(GENEALOGY, str(size // 2), now_us()) as look:
        objects = [row.object for row in look.ask(_SOME, most=ASKED)]
        (widest,) = look.ask(_WIDEST)
    print(f"{'question, ms':<46}{'p50':>10}{'p95':>10}{'max':>11}")
    for name, many, ask in QUESTIONS:
        for place, as_of in (("live", None), ("as of the middle", str(size // 2))):
            print(told(f"{name}, {place}", milliseconds(reader, as_of, objects[:many], ask)), flush=True)
    started = time.perf_counter()
    with reader.look(GENEALOGY, None, now_us()) as look:
        touched = questions.descendants(look, widest.object)
    print(f"impact counted: {len(touched):,} objects in {time.perf_counter() - started:.2f} s")
    started = time.perf_counter()
    with reader.look(COMPLIANCE, None, now_us()) as look:
        counted = questions.status(look)
    print(f"compliance of all {counted['submitted']:,} objects in {time.perf_counter() - started:.2f} s")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
        with founded(Path(folder), "bench.edgeprint.example/questions") as bench:
            store = LedgerRecorder(bench.role(PROJECTOR))
            with bench.application() as application:
                corpus = Corpus(SEED, options.objects, bench.party)
                append_acts(application.store, corpus.acts(), Scribe("bench", bench.ledger, {}), now_us)
            size, started = store.size(), time.perf_counter()
            with Projector(bench.role(PROJECTOR), store, Codec(CATALOGUE)) as projector:
                projector.ensure(VIEWS)
                projector.catch_up()
            took = time.perf_counter() - started
            store.close()
            print(f"{options.objects:,} objects, {size:,} entries; all views built at {size / took:,.0f} entries/s")
            ask_all(Reader(bench.role(READER)), size)
    return 0


if __name__ == "__main__":
    sys.exit(main())
