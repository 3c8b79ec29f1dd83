"""What the benchmarks share: a throw-away database with a founded ledger, and the latency of the disk under it."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.events import ActorKind
from domain.evidence.ledger import FoundLedger, SchemaText
from domain.governance.events import PartyKind
from domain.governance.party import EnrolParty
from domain.ids import LedgerId, PartyId
from infra.clock import IdSource, now_us
from infra.embedded.cluster import Cluster
from infra.store.mapper import EntryMapper
from infra.store.provision import WRITER, install, role_dsn
from infra.store.recorder import LedgerRecorder
from producers.application import LedgerApplication
from producers.commands import Actor
from producers.evidence import change_ledger
from producers.governance import found_party
from producers.ports import CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

DATABASE = "bench"


def fsync_latency_ms(folder: Path) -> float:
    """Return the median of 50 fsyncs of 4 KiB overwritten in place."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            os.pwrite(file.fileno(), os.urandom(4096), 0)
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


@dataclass(frozen=True, slots=True)
class BenchLedger:
    """A running database with a founded ledger; `party` is its one enrolled party."""

    dsn: str
    ledger: LedgerId
    party: PartyId

    def role(self, role: str) -> str:
        """Return the connection string of a role."""
        return role_dsn(self.dsn, role, database=DATABASE)

    @contextmanager
    def application(self) -> Iterator[LedgerApplication]:
        """Give the product's write path over this ledger."""
        store = LedgerRecorder(self.role(WRITER))
        codec = Codec(CATALOGUE)
        application = LedgerApplication(store, store, EntryMapper(), codec, self.ledger, now_us, IdSource())
        try:
            yield application
        finally:
            application.close()
            store.close()


@contextmanager
def founded(directory: Path, origin: str) -> Iterator[BenchLedger]:
    """Start a database under `directory` and found a ledger by the product's own write path; removed in the end."""
    cluster = Cluster.open(directory / "home", f"bench-{os.getpid()}")
    cluster.create()
    cluster.start()
    try:
        install(cluster.superuser_dsn(), database=DATABASE)
        new_id = IdSource()
        bench = BenchLedger(cluster.superuser_dsn(), LedgerId(new_id()), PartyId(new_id()))
        actor = Actor(bench.party, ActorKind.SERVICE)
        texts = tuple(SchemaText(schema.sha256, schema.text.decode()) for schema in CATALOGUE.by_type.values())
        command = FoundLedger("10.5072", False, (origin,), texts)
        key, party_key = CommandKey(bench.party, bench.ledger), CommandKey(bench.party, bench.party)
        with bench.application() as application:
            application.execute(change_ledger(key, actor, bench.ledger, command)).require()
            enrolling = (EnrolParty(kind=PartyKind.SERVICE),)
            application.execute(found_party(party_key, actor, bench.party, bench.ledger, enrolling)).require()
        yield bench
    finally:
        cluster.purge()
