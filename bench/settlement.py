"""One settlement of many lines through the command line: `python -m bench.settlement [--nodes 10000] [--payees 1000]`.

A work is made of all others, one basis point to each, and each work has four holders, so that a settlement of 10,000
works has 40,000 lines. It is settled, asked about, checked and reversed by processes of the product, each measured with
its start and with the most memory that it has had; then its entries are counted and weighed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.events import ActorKind, Sha256
from domain.ids import LicenceId, ObjectId, PartyId, format_id, uuid7
from domain.ledger.keys import ed25519_signer
from domain.rights.grant_events import AllocationKind
from domain.rights.licence_events import LicenceIssued, LicenceOffered
from domain.rights.plan import make_plan, plan_json
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import Holder, Plan, PlanEdge, PlanNode
from domain.rights.title import WHOLE
from infra.bootstrap import Session, opened
from infra.settings import Settings
from producers.commands import Actor, Decision, Task, View, Write
from producers.licences import LICENCE

HOLDERS: Final = 4
TOTAL: Final = {"currency": "CNY", "minor": 1_000_000_007}
PERIOD: Final = ("--since", "2026-07-01T00:00:00Z", "--until", "2026-10-01T00:00:00Z")
BORN: Final = uuid7(1_770_000_000_000_000, bytes(10)).int


def plan_of(nodes: int, payees: int) -> Plan:
    """Return the plan of a work made of all others; their holders are so many parties in turn."""
    works = [ObjectId(UUID(int=BORN + (1 << 40) + number)) for number in range(nodes)]
    parts = []
    for birth, work in enumerate(works):
        people = {PartyId(UUID(int=BORN + (HOLDERS * birth + one) % payees)) for one in range(HOLDERS)}
        parts.append(
            PlanNode(object=work, birth=birth, holders=tuple(Holder(party=one, share_bp=2_500) for one in people))
        )
    edges = (PlanEdge(child=works[-1], parent=work, share_bp=1) for work in works[:-1])
    return make_plan(works[-1], "CNY", parts, edges)


def licensed(session: Session, plan: Plan) -> LicenceId:
    """Return a licence that the ledger's holder issued under a plan; how it came to that is another benchmark's."""
    holder = session.config.holder_id
    digest = Sha256(session.blobs.put_bytes(rfc8785.dumps(plan_json(plan, session.config.prefix))))
    offered = LicenceOffered(
        licensor=holder,
        objects=(plan.sold,),
        title=None,
        grant=None,
        scope=terms_of(WHOLE),
        allocation=AllocationKind.ORDINARY,
        quota=None,
        price=None,
        currency="CNY",
        terms=digest,
        until=datetime(2031, 1, 1, tzinfo=UTC),
    )
    issued = LicenceIssued(
        licensee=holder,
        key=ed25519_signer(format_id("P", holder, session.config.prefix), os.urandom(32)).vkey,
        scope=terms_of(WHOLE),
        rests_on=(),
        position=0,
        plan=digest,
        price=None,
        currency="CNY",
        token=digest,
    )

    def run(view: View) -> Decision[UUID]:
        stream = view.born(LICENCE)
        return Decision((Write(stream, (offered, issued)),), stream.stream_id)

    actor = Actor(holder, ActorKind.SERVICE)
    return LicenceId(session.application.execute(Task(session.new_command(actor), actor, run)).result())


class Line:
    """The command line on one home."""

    def __init__(self, folder: Path) -> None:
        """Prepare; `folder` is empty."""
        self.folder = folder
        self.settings = Settings(folder / "home", folder / "state", None, "en")
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("EDGEPRINT_")},
            "EDGEPRINT_HOME": str(self.settings.home),
            "EDGEPRINT_STATE": str(folder / "state"),
        }

    def run(self, *arguments: str, name: str | None = None) -> Any:
        """Return what a command prints as JSON; under a name also say how long it took, and with how much memory."""
        started = time.perf_counter()
        command = [sys.executable, "-m", "infra.cli.main", *arguments, "--json"]
        with tempfile.TemporaryFile(dir=self.folder) as out:
            process = subprocess.Popen(command, env=self._environ, stdout=out, stderr=subprocess.DEVNULL)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"edgeprint {' '.join(arguments)} ended with {process.returncode}")
            out.seek(0)
            told = out.read()
        if name is not None:
            took = time.perf_counter() - started
            cpu = used.ru_utime + used.ru_stime
            print(f"{name:<44}{took:>10.1f}{cpu:>10.1f}{used.ru_maxrss / 1024:>10.0f}", flush=True)
        return json.loads(told)

    def file(self, name: str, data: bytes) -> str:
        """Write a file of input and return its path."""
        path = self.folder / name
        path.write_bytes(data)
        return str(path)


def weigh(session: Session, first: int, last: int) -> None:
    """Print how many entries a settlement has and how large they are."""
    sizes = [len(row.entry) for row in session.store.rows(first, last - first + 1)]
    print(f"{len(sizes)} entries of {min(sizes):,} to {max(sizes):,} bytes, {sum(sizes):,} in all")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000, help="works, at most 10,000: each gets a basis point")
    parser.add_argument("--payees", type=int, default=1_000, help="parties that hold them in turn, at least 4")
    parser.add_argument("--dir", type=Path, help="where the ledger is made (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        line = Line(Path(folder))
        line.run("init", "--origin", "bench.edgeprint.example/settlement")
        line.run("up", "--no-kafka")
        try:
            measure(line, plan_of(options.nodes, options.payees))
        finally:
            line.run("down")


def measure(line: Line, plan: Plan) -> None:
    """Settle under a plan, and do everything that is done with a settlement."""
    paper = line.run("blob", "put", line.file("paper", b"what was shown"))["stored"][0]["sha256"]
    with opened(line.settings) as session:
        licence = format_id("L", licensed(session, plan), session.config.prefix)
        payee = format_id("P", plan.nodes[0].holders[0].party, session.config.prefix)
    amount = line.file("amount", rfc8785.dumps(TOTAL))
    settle = ("trade", "settle", licence, "--amount", amount, "--usage", paper, *PERIOD)
    print(f"{'':<44}{'wall s':>10}{'CPU s':>10}{'MiB':>10}")
    done = line.run(*settle, name="trade settle")
    account, first, last = done["stream"], int(done["first_index"]), int(done["last_index"])
    line.run("trade", "balance", name="trade balance, and the views read it")
    line.run("trade", "balance", name="trade balance")
    line.run("trade", "balance", "--party", payee, name="trade balance --party")
    line.run("trade", "verify-settlement", account, name="trade verify-settlement")
    out = str(line.folder / "statement.csv")
    line.run("trade", "statement", account, "--form", "csv", "--out", out, name="trade statement")
    line.run("decision", "explain", str(last), name="decision explain")
    line.run("fsck", "--deep", name="fsck --deep")
    line.run("projection", "rebuild", "settlements", name="projection rebuild settlements")
    reversal = ("--number", "1", "--reason", "mistake", "--basis", paper)
    line.run("trade", "reverse", account, *reversal, name="trade reverse")
    with opened(line.settings) as session:
        weigh(session, first, last)


if __name__ == "__main__":
    main()
