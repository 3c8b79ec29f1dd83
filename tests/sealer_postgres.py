"""A real PostgreSQL for tests of the sealer, with a ledger founded in it, and the sealer as a process on top."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from domain.ledger.policy import parse_policy
from infra.embedded.cluster import Cluster
from infra.fsck.tree import TreeReport, verify_tree
from infra.keys.files import FileKeys, LogKeys
from infra.sealer.database import SealerDatabase, published_notes
from infra.sealer.headguard import FileHeadGuard
from infra.sealer.process import SealerPaths
from infra.store.provision import READER, SEALER, WRITER, install, role_dsn
from infra.store.recorder import LedgerRecorder
from infra.tiles.posix import PosixTree, unverified_size
from producers.ports import AppendStatus
from tests.sealer_kit import LEDGER, NOW, ORIGIN
from tests.store_kit import Writer

WAIT_S = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as `condition` holds; fail after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S} s for {what}"
        time.sleep(0.01)


class Server:
    """A cluster with one database per ledger."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._databases = 0

    def ledger(self, directory: Path) -> "Ledger":
        """Return a new, founded ledger."""
        self._databases += 1
        name = f"ledger_{self._databases}"
        install(self.cluster.superuser_dsn(), database=name)
        return Ledger(self, name, directory)


@contextmanager
def server() -> Iterator[Server]:
    """Start a cluster of its own and remove it in the end."""
    with tempfile.TemporaryDirectory() as directory:
        cluster = Cluster.open(Path(directory), f"sealer-{os.getpid()}")
        cluster.create()
        cluster.start()
        try:
            yield Server(cluster)
        finally:
            cluster.purge()


class Ledger:
    """A founded ledger in PostgreSQL and the files of its sealer under `directory`."""

    def __init__(self, server: Server, name: str, directory: Path) -> None:
        self.server = server
        self.name = name
        self.paths = SealerPaths(directory / "tlog", directory / "keys", directory / "state")
        self.directory = directory
        self.keys: LogKeys = FileKeys(self.paths.keys, lambda: NOW).generate(ORIGIN)
        self.guard = FileHeadGuard(self.paths.heads, LEDGER)
        self.writer = Writer(LEDGER)
        self.store = LedgerRecorder(self.dsn(WRITER))
        self.append(self.writer.founding())

    def dsn(self, role: str) -> str:
        return role_dsn(self.server.cluster.superuser_dsn(), role, database=self.name)

    def append(self, *requests) -> int:  # type: ignore[no-untyped-def]
        """Append requests, each of which must be stored, and return the index of the last event."""
        results = self.store.append(requests)
        assert {result.status for result in results} == {AppendStatus.STORED}, results
        return results[-1].last

    def sealed(self) -> int:
        """Return the size of the checkpoint on disk, 0 without one."""
        return max(0, unverified_size(PosixTree(self.paths.tlog).checkpoint() or b""))

    def start(self, failpoints: str = "") -> "subprocess.Popen[bytes]":
        """Start a sealer process."""
        command = [sys.executable, "-m", "tests.fault.sealer_process_child", self.dsn(SEALER), str(self.directory)]
        environment = {**os.environ, "EDGEPRINT_FAILPOINTS": failpoints}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)

    def notes(self) -> list[bytes]:
        """Return every note ever published."""
        return [note for _, note in published_notes(self.dsn(READER))]

    def verify(self) -> TreeReport:
        """Verify the tree, the guard and every note ever published (I3) against the log's own keys."""
        notes = [(f"note {number}", note) for number, note in enumerate(self.notes(), 1)]
        guard = self.guard.read()
        return verify_tree(
            self.paths.tlog,
            parse_policy(self.keys.policy()),
            notes=[*notes, *([("guard", guard)] if guard else [])],
        )

    def sessions(self) -> list[int]:
        """Return the server processes that serve the sealer's connections."""
        return [
            pid
            for (pid,) in self.ask(
                "SELECT pid FROM pg_stat_activity WHERE usename = %s AND datname = %s", SEALER, self.name
            )
        ]

    def ask(self, statement: str, *parameters: object) -> list[tuple]:  # type: ignore[type-arg]
        """Ask the server as superuser."""
        with psycopg.connect(self.server.cluster.superuser_dsn(), autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()

    def database(self) -> SealerDatabase:
        """Return a sealer's database connection of its own."""
        return SealerDatabase(self.dsn(SEALER))

    def close(self) -> None:
        self.store.close()
