"""What the benchmarks share: a throw-away database with a founded ledger, and the latency of the disk under it."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from domain.errors import Rejected, Unavailable
from domain.events import ActorKind, Sha256
from domain.evidence.ledger import FoundLedger, SchemaText
from domain.governance.events import PartyKind
from domain.governance.party import BindKey, EnrolParty
from domain.governance.signing import Attestation, prove_binding
from domain.ids import LedgerId, PartyId, format_id
from domain.ledger.keys import ed25519_signer
from infra.clock import IdSource, now_us
from infra.dev.acts import Act
from infra.dev.scribe import Scribe
from infra.embedded.cluster import Cluster
from infra.store.mapper import EntryMapper
from infra.store.provision import WRITER, install, role_dsn
from infra.store.recorder import LedgerRecorder
from producers.application import LedgerApplication
from producers.commands import Actor
from producers.evidence import change_ledger
from producers.governance import found_party
from producers.ports import AppendRequest, AppendStatus, CommandKey, LedgerStore
from schemas.attestation import attest, manifest_text
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

DATABASE = "bench"
PREFIX = "10.5072"
BATCH_ACTS = 500
LATE_MAX = 10
MANIFEST = Sha256(b"m" * 32)


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


def peak_mib(pid: int) -> float:
    """Return the largest resident size that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def append_in_time(store: LedgerStore, acts: Iterable[Act], scribe: Scribe) -> None:
    """Append acts batch by batch; one that came too late, since the machine stood still, is written once more.

    Slower than `append_acts`, and for hours on a machine that others use.

    Raises:
        Unavailable: LATE_MAX times in a row, or the database does not answer.
        Rejected: anything else was refused.
    """
    telling = iter(acts)
    while batch := list(islice(telling, BATCH_ACTS)):
        for _ in range(LATE_MAX):
            before, requests, now = list[Sha256](), list[AppendRequest](), now_us()
            for act in batch:
                before.append(act.stream.last_leaf)
                requests.append(scribe.request(act, now))
            results = store.append(requests)
            late = next((at for at, one in enumerate(results) if one.status is AppendStatus.STALE), len(batch))
            refused = next((one for one in results[:late] if one.status is not AppendStatus.STORED), None)
            if refused is not None:
                raise Rejected(f"bench: expected each command stored, found {refused.status}: {refused.reason}")
            for act, leaf in reversed([*zip(batch[late:], before[late:], strict=True)]):
                act.stream.last_leaf = leaf
            batch = batch[late:]
            if not batch:
                break
        else:
            raise Unavailable(f"bench: expected a batch within 5 s, found it late {LATE_MAX} times in a row")


@dataclass(frozen=True, slots=True)
class BenchLedger:
    """A running database with a founded ledger; `party` is its one enrolled party, `signed` its word for a manifest."""

    dsn: str
    ledger: LedgerId
    party: PartyId
    signed: Attestation

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
        ledger, party = LedgerId(new_id()), PartyId(new_id())
        signer = ed25519_signer(format_id("P", party, PREFIX), os.urandom(32))
        text = manifest_text(MANIFEST, command_id=party, actor=party, on_behalf_of=None, ledger=ledger, prefix=PREFIX)
        signed = attest(text, signer.vkey, signer.sign(text))[0]
        bench = BenchLedger(cluster.superuser_dsn(), ledger, party, signed)
        actor = Actor(party, ActorKind.SERVICE)
        texts = tuple(SchemaText(schema.sha256, schema.text.decode()) for schema in CATALOGUE.by_type.values())
        command = FoundLedger(PREFIX, False, (origin,), texts)
        key, party_key = CommandKey(party, ledger), CommandKey(party, party)
        with bench.application() as application:
            application.execute(change_ledger(key, actor, ledger, command)).require()
            binding = BindKey(party=party, key=signer.vkey, proof=prove_binding(signer, ledger))
            enrolling = (EnrolParty(kind=PartyKind.ORGANISATION), binding)
            application.execute(found_party(party_key, actor, party, ledger, enrolling)).require()
        yield bench
    finally:
        cluster.purge()
