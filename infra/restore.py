"""Put back into the database, from the static tree, the entries that it has lost: an older backup, or none at all.

A restore never goes back in time. The tree is verified first, signatures, tiles and entries, and must reach as far as
the rollback guard remembers. Then one transaction, behind the lock of every append, writes the missing entries at their
indexes, reads *all* rows again, compares them with the signed root, and makes keys and commands what the log says. So
either all of it holds afterwards or nothing has changed; a crash in the middle is the latter.

What comes back is exactly what was sealed. What cannot come back is what the log never held: digests of requests, and
the ids of commands that wrote nothing; both are decided again when they are repeated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from domain.errors import Invalid, Unavailable
from domain.ids import SHA256_BYTES
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.tiles import ENTRIES_LEVEL, TILE_WIDTH, Tile, parse_bundle, tile_path
from infra.database import Database
from infra.fsck.database import Audit
from infra.home import Home
from infra.log import verify_files
from infra.settings import Settings
from infra.store.binary import bytea_array, int8_array, text_array, uuid_array
from infra.store.check import read_rows, stop_appends, write_derived
from infra.store.provision import MIGRATOR
from infra.tiles.posix import PosixTree
from schemas.catalogue import CATALOGUE
from schemas.envelope import read_header

FINDINGS_SHOWN: Final = 3
_RESTORE: Final = "SELECT ledger.restore(%s, %s, %s, %s, %s, %s)"


@dataclass(frozen=True, slots=True)
class Restored:
    """Entries `first` .. `size - 1` were put back; none if the two are equal."""

    first: int
    size: int


def restore_from_tree(settings: Settings, log: Callable[[str], None]) -> Restored:
    """Bring the database up to the sealed size; a database of ours that is gone is made anew. `log` hears of progress.

    Costs about 2 microseconds an entry for the tree, 20 for a row restored, 10 and 300 bytes of memory for every row.

    Raises:
        NotFound: there is no ledger here.
        Invalid: the tree is damaged, empty or does not reach the rollback guard's head, or the rows of the database are
            not a prefix of it (it was written to after an older backup had been restored); nothing has changed.
        Unavailable: the database cannot be started, reached or written.
    """
    home = Home(settings.home)
    config = home.config()
    log("verifying the tree")
    report = verify_files(settings)
    head = report.head  # the larger of checkpoint and guard; the tree was just read that far
    if head is None or report.exit_code:
        reason = report.reason or "; ".join(str(damage) for damage in report.damages[:FINDINGS_SHOWN])
        raise Invalid(f"the tree {home.tlog} cannot be restored from: {reason}; run `edgeprint ledger verify`")
    database = Database(settings, home, config.ledger_id)
    with database.in_use(database.install):
        try:
            with psycopg.connect(database.dsn(MIGRATOR)) as connection:
                first = stop_appends(connection)
                if first < head.size:
                    log(f"restoring entries {first}..{head.size - 1}")
                    _put_back(connection, PosixTree(home.tlog), first, head)
                    _check_all(connection, Audit(config.ledger_id, head, deep=False, sealed=None))
        except psycopg.Error as err:
            raise Unavailable(f"the database cannot be restored: {str(err).strip()}") from err
    return Restored(min(first, head.size), head.size)


def _put_back(connection: psycopg.Connection[Any], tree: PosixTree, first: int, head: Checkpoint) -> None:
    for start, entries in _bundles(tree, first, head.size):
        headers = [read_header(entry) for entry in entries]
        parameters = (
            start,
            uuid_array([header.stream_id.bytes for header in headers]),
            int8_array([header.stream_version for header in headers]),
            int8_array([header.recorded_at for header in headers]),
            text_array([_type_of(index, entry) for index, entry in enumerate(entries, start)]),
            bytea_array(entries),
        )
        connection.execute(_RESTORE, parameters, prepare=True, binary=True)


def _bundles(tree: PosixTree, first: int, size: int) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield the entries from index `first` on, bundle by bundle, each with the index of its first."""
    for number in range(first // TILE_WIDTH, -(-size // TILE_WIDTH)):
        start = number * TILE_WIDTH
        tile = Tile(ENTRIES_LEVEL, number, min(TILE_WIDTH, size - start))
        entries = parse_bundle(tree.read(tile_path(tile)), tile.width)
        skipped = max(0, first - start)
        yield start + skipped, entries[skipped:]


def _type_of(index: int, entry: bytes) -> str:
    digest = entry[:SHA256_BYTES]
    schema = CATALOGUE.by_digest.get(digest)
    if schema is None:
        raise Invalid(f"entry {index}: schema {digest.hex()} is not known to this program; use the one that wrote it")
    return schema.name


def _check_all(connection: psycopg.Connection[Any], audit: Audit) -> None:
    """Read every row, old and new, write keys and commands from them, and insist that all of it is as sealed."""
    for row in read_rows(connection):
        audit.row(row)
    write_derived(connection, audit)
    audit.compare(connection)
    if audit.findings:
        found = "; ".join(str(finding) for finding in audit.findings[:FINDINGS_SHOWN])
        raise Invalid(f"the rows of the database do not continue to what is sealed, nothing was restored: {found}")
