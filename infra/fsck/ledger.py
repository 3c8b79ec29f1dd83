"""`edgeprint fsck`: tree, heads, database, guards and blobs held against one another.

    tree        every file of tlog/ against the newest head (deep: every leaf from its entry)
    heads       checkpoint, rollback guard and every published note: signed, and each a prefix of the tree
    database    dense, every column equal to the bytes, streams chained, commands and keys as the log says, tree = rows
    vault       deep: every value opens its commitment, every manifest has the digest that events name
    attestations  deep: every signed command was signed by a key that its actor had then
    guards      triggers and roles that keep the ledger append-only
    blobs       every content that an object names is there (deep: every blob read and hashed again)
    views       deep: every view in use is what the ledger makes of it

Verdicts: clean (0), damage located (1), cannot tell (4: something could not be read, and nothing found was wrong).
Damage in one part never hides another. Nothing is repaired here.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import psycopg

from domain.errors import LedgerError, NotFound, Unavailable
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import HASH_BYTES
from domain.ledger.tiles import TILE_WIDTH, Tile, tile_path
from infra.blobs.store import BlobStore
from infra.database import Database
from infra.fsck.attestations import AttestationCheck
from infra.fsck.database import Audit, audit_database, holder_of
from infra.fsck.tree import verify_tree
from infra.fsck.vault import VaultCheck
from infra.fsck.views import ViewCheck
from infra.home import Home, HomeConfig
from infra.log import policy_of
from infra.sealer.database import published_notes
from infra.sealer.sealing import guard_of
from infra.settings import Settings
from infra.store.provision import PROJECTOR, READER, VAULT, check_guards
from infra.tiles.posix import PosixTree
from infra.vault.master import FileMasterKeys
from infra.vault.store import PostgresVault

FINDINGS_MAX: Final = 1_000
SHOWN_MAX: Final = 30
Log = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """What was checked, what was found damaged, and what could not be checked."""

    checked: dict[str, str] = field(default_factory=dict)
    damages: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Return 0 clean, 1 damage located, 4 cannot tell."""
        return 1 if self.damages else 4 if self.unknown else 0

    @property
    def lines(self) -> list[str]:
        """Return the report for people."""
        lines = [f"ok       {part}: {what}" for part, what in self.checked.items()]
        lines += [f"DAMAGED  {line}" for line in self.damages[:SHOWN_MAX]]
        if len(self.damages) > SHOWN_MAX:
            lines.append(f"DAMAGED  and {len(self.damages) - SHOWN_MAX} more; --json lists them")
        return lines + [f"UNKNOWN  {line}" for line in self.unknown]

    def as_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        verdict = {0: "clean", 1: "damaged", 4: "unknown"}[self.exit_code]
        return {"verdict": verdict, "checked": self.checked, "damages": self.damages, "unknown": self.unknown}

    def settle(self, part: str, damages: list[str], what: str) -> None:
        """Take in the findings of one part; without any, it is `what` that was checked."""
        self.damages.extend(f"{part}: {damage}" for damage in damages[:FINDINGS_MAX])
        if not damages:
            self.checked[part] = what

    def take(self, check: VaultCheck | AttestationCheck | ViewCheck) -> None:
        """Take in what a check of every event, or of the views, has found."""
        check.finish()
        self.unknown.extend(f"{check.PART}: {line}" for line in check.unknown[:FINDINGS_MAX])
        if check.damages or not check.unknown:
            self.settle(check.PART, check.damages, check.summary)


class SealedLeaves:
    """The leaf hashes of a tree that has just been verified, read tile by tile; ask in index order."""

    def __init__(self, tree: PosixTree, size: int) -> None:
        self._tree = tree
        self._size = size
        self._number = -1
        self._hashes = b""

    def __call__(self, index: int) -> bytes | None:
        """Return the leaf hash at `index`, None beyond the size. Raises: Unavailable."""
        if index >= self._size:
            return None
        number, slot = divmod(index, TILE_WIDTH)
        if number != self._number:
            width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
            self._number, self._hashes = number, self._tree.read(tile_path(Tile(0, number, width)))
        return self._hashes[slot * HASH_BYTES : (slot + 1) * HASH_BYTES]


def check_ledger(settings: Settings, *, deep: bool, log: Log) -> Report:
    """Check the ledger of a home; the database is started if needed and stopped again if so. `log` hears of progress.

    Raises:
        NotFound: there is no ledger here.
        Invalid: the home's configuration or policy is damaged, so nothing can be held against anything.
    """
    home = Home(settings.home)
    config = home.config()
    report = Report()
    database = Database(settings, home, config.ledger_id)
    try:
        with database.in_use():
            log("tree and heads")
            published = [(f"published note {number}", note) for number, note in published_notes(database.dsn(READER))]
            head = _check_tree(settings, home, config, published, report, deep)
            log("database, vault and attestations" if deep else "database")
            with psycopg.connect(database.dsn(READER)) as connection, ExitStack() as stack:
                sealed = SealedLeaves(PosixTree(home.tlog), head.size) if head and "tree" in report.checked else None
                checks = _checks_of_events(stack, connection, database, home, report) if deep else []
                seen = [check.see for check in checks]
                audit = audit_database(connection, config.ledger_id, head, deep=deep, sealed=sealed, witnesses=seen)
                for check in checks:
                    report.take(check)
            report.settle(
                "database", [str(f) for f in audit.findings], f"{audit.size} entries, every column as the bytes say"
            )
            report.unknown.extend(
                f"database: schema {digest.hex()}, first used at index {index}, is not known to this program"
                for digest, index in audit.foreign.items()
            )
            _check_guards(database, report)
            log("blobs")
            _check_blobs(BlobStore(home.blobs), audit, report, deep)
            if deep:
                log("views")
                report.take(ViewCheck(database.dsn(PROJECTOR)))
    except (psycopg.Error, Unavailable) as err:
        report.unknown.append(f"database: {str(err).strip()}")
        if "tree" not in report.checked and not report.damages:
            _check_tree(settings, home, config, [], report, deep)
    return report


def _check_tree(
    settings: Settings, home: Home, config: HomeConfig, published: list[tuple[str, bytes]], report: Report, deep: bool
) -> Checkpoint | None:
    notes = list(published)
    guard = guard_of(settings, config.ledger_id)
    try:
        kept = guard.read()
        if kept is not None:
            notes.append((guard.describe(), kept))
    except LedgerError as err:
        report.unknown.append(f"heads: {err}")
    found = verify_tree(home.tlog, policy_of(home), deep=deep, notes=notes)
    if found.exit_code == 4:
        report.unknown.append(f"tree: {found.reason}")
        return None
    root = found.head.root.hex() if found.head else "-"
    report.settle(
        "tree",
        [str(d) for d in found.damages],
        f"size {found.head.size if found.head else 0}, {found.files} files, root {root}",
    )
    if not found.damages:
        report.checked["heads"] = f"{len(notes)} other heads, each signed and a prefix of the tree"
    return found.head


def _checks_of_events(
    stack: ExitStack, connection: psycopg.Connection[Any], database: Database, home: Home, report: Report
) -> list[VaultCheck | AttestationCheck]:
    """Return what is shown every event; a vault that cannot be reached is said and left out."""
    blobs = BlobStore(home.blobs)
    checks: list[VaultCheck | AttestationCheck] = [AttestationCheck(blobs)]
    vault = PostgresVault(database.dsn(VAULT), FileMasterKeys(home.vault_keys))
    try:
        lasting = stack.enter_context(vault.lasting())
        checks.append(VaultCheck(lasting, partial(holder_of, connection), lambda sha256: blobs.path(sha256).exists()))
    except Unavailable as err:
        report.unknown.append(f"vault: {err}")
    return checks


def _check_guards(database: Database, report: Report) -> None:
    """Look at triggers, functions and roles; on a foreign server without a superuser some cannot be there."""
    with psycopg.connect(database.admin_dsn()) as connection:
        missing = check_guards(connection)
    if database.foreign:
        report.unknown.extend(f"guards: {line}" for line in missing if line.startswith("event trigger"))
        missing = [line for line in missing if not line.startswith("event trigger")]
    report.settle("guards", missing, "triggers, functions and roles keep the ledger append-only")


def _check_blobs(blobs: BlobStore, audit: Audit, report: Report, deep: bool) -> None:
    damages = []
    for index, sha256 in audit.contents:
        try:
            if not blobs.path(sha256).is_file():
                raise NotFound(f"{blobs.path(sha256)}: missing")
        except NotFound as err:
            damages.append(f"content of the object at index {index}: {err}")
    if deep:
        damages.extend(str(fault.path) + ": " + fault.message for fault in blobs.faults())
    what = "read and hashed again" if deep else "there"
    report.settle("blobs", damages, f"{len(audit.contents)} contents of objects, {what}")
