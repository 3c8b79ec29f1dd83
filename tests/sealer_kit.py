"""A small world around one sealer: real tree directory, real guard file, real keys; rows and notes that tests can bend.
Rows are a function of their index, so that a child process and its parent see the same log.
"""

import base64
import fcntl
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from uuid import UUID

from domain.errors import Conflict
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange, leaf_hash
from domain.ledger.note import ed25519_signer, mldsa44_cosigner
from domain.ledger.policy import parse_policy
from infra.keys.files import LogKeys
from infra.sealer.headguard import FileHeadGuard
from infra.tiles.posix import PosixTree
from producers.ports import LedgerRow
from producers.sealer import Sealer, SealerPorts
from producers.sealer_ports import Failpoint, no_failpoint

ORIGIN = "film-ledger.example/cn-east"
LEDGER = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")
NOW = 1_735_689_600


@cache
def row(index: int, salt: bytes = b"") -> LedgerRow:
    """Return row `index` of the test log; `salt` gives another log from index 3 on."""
    text = b"entry %d " % index + hashlib.sha256(b"%d" % index + (salt if index >= 3 else b"")).digest() * (index % 4)
    return LedgerRow(index, "edgeprint.test.Noted", text, leaf_hash(text))


@cache
def root(size: int, salt: bytes = b"") -> bytes:
    """Return the true root of the first `size` rows, by a way that shares no tile with the sealer."""
    tree = CompactRange()
    tree.extend(row(index, salt).leaf_hash for index in range(size))
    return tree.root()


@dataclass
class Rows:
    """A row source of `count` rows; `bend` may change a row on its way out."""

    count: int
    salt: bytes = b""
    bend: Callable[[LedgerRow], LedgerRow] = lambda row: row

    def size(self) -> int:
        return self.count

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        return [self.bend(row(index, self.salt)) for index in range(start, min(self.count, start + limit))]


class FileNotes:
    """Published notes in an append-only file, one base64 line each; outlives a killed process."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[bytes]:
        if not self._file.exists():
            return []
        return [base64.b64decode(line) for line in self._file.read_bytes().splitlines()]

    def newest(self) -> bytes | None:
        notes = self.all()
        return notes[-1] if notes else None

    def append(self, size: int, note: bytes) -> None:
        if self.newest() != note:
            with self._file.open("ab") as file:
                file.write(base64.b64encode(note) + b"\n")
                file.flush()
                os.fsync(file.fileno())


class FileLock:
    """The log-wide claim as a flock on a file: what PostgreSQL's session lock is in production."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: int | None = None

    def acquire(self) -> None:
        if self._held is None:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                os.close(descriptor)
                raise Conflict("another sealer holds the log") from err
            self._held = descriptor

    def confirm(self) -> None:
        if self._held is None:
            raise Conflict("the claim was lost")

    def release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


@cache
def keys() -> LogKeys:
    """Return the keys of the published test vectors."""
    seeds = [hashlib.sha256(label).digest() for label in (b"log-test-key", b"log-pq-test-key")]
    return LogKeys(ed25519_signer(ORIGIN, seeds[0]), mldsa44_cosigner(ORIGIN, seeds[1], lambda: NOW))


@cache
def _parsed(policy: bytes):  # type: ignore[no-untyped-def]
    return parse_policy(policy)


POLICY = _parsed(keys().policy())


class World:
    """One log under a directory: `tlog`, the guard in `state`, `notes`, and the sealers that are started on it."""

    def __init__(self, directory: Path, count: int = 0, salt: bytes = b"") -> None:
        self.directory = directory
        self.tlog = directory / "tlog"
        self.rows = Rows(count, salt)
        self.guard = FileHeadGuard(directory / "state", LEDGER)
        self.notes = FileNotes(directory / "notes")
        self.lines: list[str] = []

    @property
    def ports(self) -> SealerPorts:
        """Return fresh ports on the same files."""
        tree = PosixTree(self.tlog)
        return SealerPorts(self.rows, tree, self.guard, self.notes, FileLock(self.directory / "lock"))

    def sealer(self, failpoint: Failpoint = no_failpoint, ports: SealerPorts | None = None) -> Sealer:
        """Return a sealer; its tree calls the same failpoint."""
        ports = replace(ports or self.ports)
        if isinstance(ports.tree, PosixTree):
            ports = replace(ports, tree=PosixTree(self.tlog, failpoint))
        return Sealer(ORIGIN, ports, keys().signers, POLICY, failpoint=failpoint, log=self.lines.append)

    def seal_all(self) -> Checkpoint | None:
        """Recover and seal whatever waits with a sealer of its own, and give the locks back."""
        sealer = self.sealer()
        try:
            while sealer.step():
                pass
            return sealer.head or sealer.recover()
        finally:
            sealer.close()

    def heads(self) -> list[Checkpoint]:
        """Return every head that stands anywhere, signatures verified."""
        notes = [*self.notes.all(), self.guard.read(), PosixTree(self.tlog).checkpoint()]
        return [POLICY.verify_checkpoint(note) for note in notes if note is not None]

    def check_heads(self) -> None:
        """Verify I3: every checkpoint ever published is a prefix of the log, and sizes never fell."""
        heads = self.heads()
        for head in heads:
            assert head.root == root(head.size, self.rows.salt), f"head of size {head.size} is no prefix"
        published = [POLICY.verify_checkpoint(note).size for note in self.notes.all()]
        assert published == sorted(published)
