"""The genealogy index on a film company's stock: `python -m bench.genealogy --objects 1000000`.

The graph is seeded and shaped as such stocks are: scans and photographs; training sets of 100,000 that models are
trained on, one model after another; textures shared by all films; and films of 2,000 objects, with images asked of the
newest model, version chains, meshes, shots that include meshes, renders, timelines that include shots, packages. A
found derivation for each thousand objects binds any two recent ones, circles among them.

Targets at 1,000,000 objects: ancestors p95 < 30 ms, folded lineage p95 < 100 ms, impact on 500,000 objects < 1 s
counted, snapshot start < 5 s, process < 700 MB, an answer as of the middle < 2x the live one. `--gate` ends with status
1 when a target is missed. RSS is the peak of a process that read the snapshot and has never built anything.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from uuid import UUID

from domain.ids import LedgerId
from projections.genealogy.fold import fold
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge, Node
from projections.genealogy.snapshot import load, save

LEDGER = LedgerId(UUID(int=0x01937E3F2B5C7D4A9C3E5F6A7B8C9D0E))
ASKED = 300
TRAINING_SHARE = 10
TEXTURES = 200
FILM_OBJECTS = 2_000
ANCESTORS_P95_MS_MAX = 30.0
FOLDED_P95_MS_MAX = 100.0
IMPACT_S_MAX = 1.0
START_S_MAX = 5.0
RSS_MB_MAX = 700.0
AS_OF_MAX = 2.0


class Stock:
    """A seeded stock of objects, born in an order in which a company could have made them."""

    def __init__(self, objects: int, seed: int) -> None:
        self._random = random.Random(seed)
        self._objects = objects
        self._ids: list[UUID] = []
        self._index = -1
        self._film = 0
        self._made: dict[str, list[int]] = {}
        self._company: dict[str, list[int]] = {"photograph": [], "model": [], "texture": []}
        self._holders = [UUID(int=self._random.getrandbits(128)) for _ in range(40)]

    def facts(self) -> Iterator[tuple[Node, list[Edge]] | Edge]:
        """Return births and findings in ledger order."""
        set_size = self._objects // TRAINING_SHARE
        while len(self._ids) < self._objects:
            number = len(self._ids)
            if number and number % 1000 == 0:
                yield self._finding()
            if number < set_size:
                yield self._stock("photograph", {})
            elif number < set_size + TEXTURES:
                yield self._stock("texture", {})
            elif number == set_size + TEXTURES or number % (self._objects // 4) == 0:
                trained_on = {"trained_on": self._company["photograph"], "derivation_of": self._company["model"][-1:]}
                yield self._stock("model", trained_on)
            else:
                if number % FILM_OBJECTS == 0:
                    self._film, self._made = self._film + 1, {}
                yield self._work()

    def _stock(self, kind: str, parents: dict[str, list[int]]) -> tuple[Node, list[Edge]]:
        self._company[kind].append(len(self._ids))
        return self._birth(kind, parents)

    def _work(self) -> tuple[Node, list[Edge]]:
        """Return the next object of the film: nine of ten pictures are asked of the newest model."""
        draw, near = self._random.random(), self._near
        if draw < 0.05:
            return self._birth("photograph", {})
        if draw < 0.30:
            return self._birth("image", {"prompted_by": self._company["model"][-1:], "derivation_of": near("image", 1)})
        if draw < 0.45:
            return self._birth("image", {"revision_of": near("image", 1)})
        if draw < 0.70:
            return self._birth("mesh", {"made_from": near("image", 2) + near("photograph", 1) + self._shared()})
        if draw < 0.80:
            return self._birth("mesh", {"revision_of": near("mesh", 1)})
        if draw < 0.92:
            return self._birth("shot", {"includes": near("mesh", 12)})
        if draw < 0.98:
            return self._birth("render", {"rendered_from": near("shot", 1)})
        if draw < 0.999:
            return self._birth("timeline", {"includes": near("shot", 12) + near("render", 4)})
        return self._birth("package", {"includes": near("timeline", 20)})

    def _near(self, kind: str, count: int) -> list[int]:
        """Return some recent objects of the film: people work on what was made lately."""
        recent = self._made.get(kind, [])[-100:]
        return sorted(set(self._random.choices(recent, k=count))) if recent else []

    def _shared(self) -> list[int]:
        """Return one of the textures that all films use, a few of them most of the time."""
        return [self._company["texture"][int(self._random.betavariate(1, 6) * TEXTURES)]]

    def _birth(self, kind: str, parents: dict[str, list[int]]) -> tuple[Node, list[Edge]]:
        self._index += 1 + (self._index % 3 == 0)
        made = UUID(int=(1_700_000_000_000 + self._index) << 80 | 7 << 76 | 2 << 62 | self._random.getrandbits(62))
        node = Node(
            made, self._index, kind, "static", "human_work", self._random.choice(self._holders), f"film-{self._film}"
        )
        edges = [
            Edge(made, self._ids[parent], relation, self._index)
            for relation, numbers in parents.items()
            for parent in numbers
        ]
        self._made.setdefault(kind, []).append(len(self._ids))
        self._ids.append(made)
        return node, edges

    def _finding(self) -> Edge:
        self._index += 1
        newest = len(self._ids)
        child, parent = (self._random.randrange(max(0, newest - 5_000), newest) for _ in range(2))
        return Edge(self._ids[child], self._ids[parent], FOUND, self._index)


def build(objects: int, seed: int) -> Genealogy:
    """Return the index of a stock, fed one by one."""
    genealogy = Genealogy()
    for fact in Stock(objects, seed).facts():
        if isinstance(fact, Edge):
            genealogy.found(fact)
        else:
            genealogy.born(*fact)
    return genealogy


def timed(work: Callable[[], object]) -> float:
    """Return how long one run takes, in ms."""
    start = perf_counter()
    work()
    return (perf_counter() - start) * 1e3


def spread(name: str, times: list[float], note: str = "") -> float:
    """Print one line and return the 95th percentile."""
    p95 = quantiles(times, n=20)[18]
    print(f"{name:<44}{median(times):10.2f}{p95:10.2f}{max(times):10.2f}{len(times):6d}  {note}")
    return p95


def rss_mb() -> float:
    """Return the peak of this process's memory (what getrusage tells also counts the parent's before exec)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def widest(genealogy: Genealogy) -> tuple[UUID, int]:
    """Return the object with the most descendants among the first ones of each kind that may be it."""
    starts = [genealogy.arrays.object_id(at) for at in range(0, len(genealogy) // 2, max(1, len(genealogy) // 60))]
    return max(((one, len(genealogy.descendants(one))) for one in starts), key=lambda pair: pair[1])


def ask(path: Path, seed: int) -> dict[str, bool]:
    """Read a snapshot, ask, print the table, and return which targets were met."""
    start = perf_counter()
    with path.open("rb") as source:
        genealogy = load(source, LEDGER)
    started = perf_counter() - start
    loaded_mb = rss_mb()
    print(f"{'read snapshot':<44}{started:10.2f} s   {loaded_mb:.0f} MB peak RSS")
    draw = random.Random(seed + 1)
    asked = [genealogy.arrays.object_id(draw.randrange(len(genealogy))) for _ in range(ASKED)]
    middle = genealogy.position // 2
    old = [genealogy.arrays.object_id(draw.randrange(genealogy.limit(middle))) for _ in range(ASKED)]
    print(f"\n{'ms':<44}{'p50':>10}{'p95':>10}{'max':>10}{'n':>6}")
    sizes = [len(genealogy.ancestors(one)) for one in asked]
    note = f"{median(sizes):.0f} ancestors, at most {max(sizes)}"
    ancestors = spread("ancestors", [timed(lambda one=one: genealogy.ancestors(one)) for one in asked], note)
    spread("descendants", [timed(lambda one=one: genealogy.descendants(one)) for one in asked])
    live = median(timed(lambda one=one: genealogy.ancestors(one)) for one in old)
    past = median(timed(lambda one=one: genealogy.ancestors(one, middle)) for one in old)
    folded = spread("folded lineage", [timed(lambda one=one: fold(genealogy, one)) for one in asked])
    spread("folded lineage as of the middle", [timed(lambda one=one: fold(genealogy, one, middle)) for one in old])
    spread("used in", [timed(lambda one=one: genealogy.used_in(one)) for one in asked])
    spread("version family", [timed(lambda one=one: genealogy.version_family(one)) for one in asked])
    most, count = widest(genealogy)
    impact = min(timed(lambda: genealogy.impact(most)) for _ in range(3)) / 1e3
    as_of = min(timed(lambda: genealogy.impact(most, middle)) for _ in range(3)) / 1e3
    folded_most = timed(lambda: fold(genealogy, most))
    print(f"{'impact, most descendants':<44}{impact:10.3f} s   {count:,} descendants; as of the middle {as_of:.3f} s")
    print(f"{'folded lineage of the same':<44}{folded_most:10.2f} ms")
    root = timed(lambda: genealogy.committed_descendants(most)) / 1e3
    print(f"{'Merkle root over them':<44}{root:10.3f} s")
    print(f"{'as of the middle against live, ancestors':<44}{past / live:10.2f} x")
    print(f"{'memory after all questions':<44}{rss_mb():10.0f} MB peak RSS\n")
    return {
        f"ancestors p95 < {ANCESTORS_P95_MS_MAX:g} ms": ancestors < ANCESTORS_P95_MS_MAX,
        f"folded lineage p95 < {FOLDED_P95_MS_MAX:g} ms": max(folded, folded_most) < FOLDED_P95_MS_MAX,
        f"impact of {count:,} < {IMPACT_S_MAX:g} s": impact < IMPACT_S_MAX,
        f"snapshot start < {START_S_MAX:g} s": started < START_S_MAX,
        f"process < {RSS_MB_MAX:g} MB": rss_mb() < RSS_MB_MAX,
        f"as of the middle < {AS_OF_MAX:g}x live": past < AS_OF_MAX * live and as_of < AS_OF_MAX * impact,
    }


def main() -> int:
    """Build and save here, read and ask in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--gate", action="store_true")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        verdicts = ask(options.read, options.seed)
        for target, met in verdicts.items():
            print(f"{'met   ' if met else 'MISSED'} {target}")
        return 1 if options.gate and not all(verdicts.values()) else 0
    start = perf_counter()
    genealogy = build(options.objects, options.seed)
    built = perf_counter() - start
    print(f"{len(genealogy):,} objects, {genealogy.edge_count:,} edges, seed {options.seed}")
    print(f"{'make and feed one by one':<44}{built:10.2f} s   {rss_mb():.0f} MB peak RSS")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genealogy"
        start = perf_counter()
        with path.open("wb") as file:
            file.writelines(save(genealogy, LEDGER))
        print(f"{'save snapshot':<44}{perf_counter() - start:10.2f} s   {path.stat().st_size / 1e6:.0f} MB", flush=True)
        del genealogy
        command = [sys.executable, "-m", "bench.genealogy", "--read", str(path), "--seed", str(options.seed)]
        return subprocess.run([*command, *(["--gate"] if options.gate else [])], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
