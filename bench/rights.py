"""Rights and money: `python -m bench.rights [--objects 20000] [--ancestors 1000] [--nodes 10000]`.

In the domain: an object under a chain of 20 links, one made of many others that each limit it, and a settlement of many
nodes. Through the views: `rights check` of random objects of a corpus in PostgreSQL, in an open snapshot and each in a
snapshot and a connection of its own. The corpus has genealogies of its own kind and no titles: what is measured is
reading them, and looking for titles, citations and licences on all of it.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.kit import founded, fsync_latency_ms
from domain.capability.events import Nature
from domain.errors import Invalid
from domain.events import Sha256
from domain.governance.authority import Amount
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.authorisation import Claim, Link, Material, Node, Verdict, judge
from domain.rights.codes import languages, territory
from domain.rights.grant import InForce
from domain.rights.grant_events import GrantKind
from domain.rights.scope import Scope, Window
from domain.rights.settlement import Holder, Plan, PlanEdge, PlanNode, settle
from domain.rights.terms import Duties, Duty, DutyKind, Field, Medium, Use
from infra.clock import now_us
from infra.dev.corpus import Corpus
from infra.dev.filling import append_acts
from infra.dev.scribe import Scribe
from infra.rights.derivation import VIEWS, Looks, derivation_of
from infra.store.provision import PROJECTOR, READER
from infra.store.recorder import LedgerRecorder
from infra.views.projector import Projector
from infra.views.reading import Reader
from projections.catalogue import VIEWS as EVERY
from projections.genealogy.view import GENEALOGY
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

SEED = 7
ASKED = 200
LINKS = 20
STUDIO = PartyId(UUID(int=1))
WIDE = Scope(
    uses=frozenset({Use.PROJECT, Use.TRANSLATE, Use.ADAPT, Use.MAKE_FILM}),
    fields=frozenset({Field.FILM, Field.VFX, Field.GAME}),
    natures=frozenset({Nature.COMMERCIAL, Nature.RESEARCH}),
    media=frozenset({Medium.THEATRICAL, Medium.ONLINE, Medium.TELEVISION}),
    languages=languages("fr", all_but=True),
    territory=territory("CN", "HK", "MO", "TW", "US", "JP"),
    window=Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)),
    sublicence_depth=LINKS,
    duties=Duties(frozenset({Duty(kind=DutyKind.ATTRIBUTE), Duty(kind=DutyKind.REPORT_USAGE, days=90)})),
)
TARGETS_MS = {"chain": 1.0, "derivative": 20.0, "settlement": 200.0, "check": 10.0}


def object_of(number: int) -> ObjectId:
    """Return the identifier of an object of this benchmark."""
    return ObjectId(UUID(int=1 << 64 | number))


def derivation(ancestors: int, links: int) -> Material:
    """Return an object made of so many others, each of which cites a chain of so many links on a title of its own."""
    nodes: dict[ObjectId, Node] = {}
    claims: dict[TitleId, Claim] = {}
    grants: dict[RightsGrantId, Link] = {}
    for number in range(ancestors):
        content, title = Sha256(sha256(b"%d" % number).digest()), TitleId(UUID(int=2 << 64 | number))
        claims[title] = Claim(title, content, (Holder(party=PartyId(UUID(int=2)), share_bp=10_000),))
        chain: tuple[RightsGrantId, ...] = ()
        for depth in range(links):
            name = RightsGrantId(UUID(int=3 << 64 | number * links + depth))
            scope = replace(WIDE, sublicence_depth=LINKS - depth)
            grants[name] = Link(name, GrantKind.GRANT, title, chain, STUDIO, scope, None, InForce())
            chain = (*chain, name)
        nodes[object_of(number)] = Node(object_of(number), STUDIO, number, content, cited=chain[-1:])
    last = Sha256(sha256(b"made of them").digest())
    cited = tuple(grant for node in nodes.values() for grant in node.cited)
    nodes[object_of(ancestors)] = Node(object_of(ancestors), STUDIO, ancestors, last, tuple(nodes), cited=cited)
    return Material(object_of(ancestors), nodes, claims, grants)


def plan(nodes: int) -> Plan:
    """Return a plan in which each object but the oldest owes two older ones a tenth each."""
    numbers = random.Random(SEED)
    holders = tuple(Holder(party=PartyId(UUID(int=one)), share_bp=2_500) for one in range(1, 5))
    edges = [
        PlanEdge(child=object_of(child), parent=object_of(parent), share_bp=1_000)
        for child in range(2, nodes)
        for parent in numbers.sample(range(max(0, child - 50), child), 2)
    ]
    every = tuple(PlanNode(object=object_of(one), birth=one, holders=holders) for one in range(nodes))
    return Plan(currency="CNY", sold=object_of(nodes - 1), nodes=every, edges=tuple(edges))


def took_ms(call: Callable[[], object], times: int) -> list[float]:
    """Return how long each call took, sorted."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1e3)
    return sorted(took)


def told(name: str, took: list[float], target: float, gate: float) -> bool:
    """Print one line of the table, and return whether the best of them meets the target, loosened by `gate`."""
    median = statistics.median(took)
    print(f"{name:<52}{median:>10.2f}{took[len(took) * 95 // 100]:>10.2f}{target:>10.0f}", flush=True)
    return took[0] * gate <= target  # a neighbour makes the others slow, nothing makes one fast


def of_the_views(objects: int, folder: Path) -> tuple[list[float], list[float]]:
    """Return how long `rights check` takes of random objects: in an open snapshot, and each in a new one."""
    with founded(folder, "bench.edgeprint.example/rights") as bench:
        store = LedgerRecorder(bench.role(PROJECTOR))
        with bench.application() as application:
            corpus = Corpus(SEED, objects, bench.party)
            append_acts(application.store, corpus.acts(), Scribe("bench", bench.ledger, {}), now_us)
        with Projector(bench.role(PROJECTOR), store, Codec(CATALOGUE)) as projector:
            projector.ensure(EVERY)
            projector.catch_up()
        print(f"{objects:,} objects, {store.size():,} entries")
        store.close()
        reader = Reader(bench.role(READER))
        with reader.look(GENEALOGY, None, now_us()) as look:
            rows = look.ask("SELECT object FROM {node} ORDER BY md5(object::text) LIMIT %(most)s", most=ASKED)
        things: list[Any] = [row.object for row in rows]
        sizes: list[int] = []

        def check(looks: Looks) -> None:
            found = derivation_of(looks, [things[len(sizes) % len(things)]])
            found.answer(WIDE)
            sizes.append(len(found.materials[0].nodes))

        def alone() -> None:
            with reader.looks(VIEWS, None, now_us()) as looks:
                check(looks)

        took = took_ms(alone, len(things))
        with reader.looks(VIEWS, None, now_us()) as looks:
            inside = took_ms(lambda: check(looks), len(things))
        print(f"objects of a derivation: median {statistics.median(sizes):.0f}, most {max(sizes):,}")
        return inside, took


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=20_000, help="of the corpus; 0: the domain alone")
    parser.add_argument("--ancestors", type=int, default=1_000)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--gate", type=float, default=0.0, help="exit 1 below this part of a target")
    parser.add_argument("--dir", type=Path, help="where the database is made (default: a temporary folder)")
    options = parser.parse_args()
    chain, many = derivation(1, LINKS), derivation(options.ancestors, 1)
    narrow = replace(WIDE, sublicence_depth=0)
    if judge(chain, narrow).verdict is not Verdict.VALID or judge(many, narrow).verdict is not Verdict.VALID:
        raise Invalid("bench: expected both derivations to be valid")
    print(f"{'ms':<52}{'p50':>10}{'p95':>10}{'target':>10}")
    kept = [
        told(
            f"a chain of {LINKS} links", took_ms(lambda: judge(chain, narrow), 200), TARGETS_MS["chain"], options.gate
        ),
        told(
            f"a derivative of {options.ancestors:,} ancestors, verdict and scope",
            took_ms(lambda: judge(many, narrow), 20),
            TARGETS_MS["derivative"],
            options.gate,
        ),
    ]
    shared, amount = plan(options.nodes), Amount("CNY", 1_000_000_007)
    settling = took_ms(lambda: settle(shared, amount), 7)
    kept.append(told(f"a settlement of {options.nodes:,} nodes", settling, TARGETS_MS["settlement"], options.gate))
    if options.objects:
        with tempfile.TemporaryDirectory(dir=options.dir) as folder:
            print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(folder)):.3f} ms")
            inside, alone = of_the_views(options.objects, Path(folder))
            kept.append(told("rights check in an open snapshot", inside, TARGETS_MS["check"], options.gate))
            told("rights check, connection and snapshot counted", alone, TARGETS_MS["check"], 0)
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
