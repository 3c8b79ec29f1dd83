"""The mirror's tables in its store: entries and checkpoints, and a digest over both.

mirror_entries      ledger_index, leaf, entry (the stored bytes), topic, partition, record_offset
mirror_checkpoints  size, root, note (the signed C2SP note as it was published)
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from consumers.feed import Delivery
from infra.consumers.store import ConsumerStore, answering

TABLES: Final = """
CREATE TABLE IF NOT EXISTS mirror_entries (
    ledger_index INTEGER PRIMARY KEY, leaf BLOB NOT NULL, entry BLOB NOT NULL,
    topic TEXT NOT NULL, partition INTEGER NOT NULL, record_offset INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mirror_checkpoints (
    size INTEGER PRIMARY KEY, root BLOB NOT NULL, note BLOB NOT NULL) STRICT;
"""


class SqliteMirrorRows:
    """`consumers.mirror.MirrorRows` inside a transaction of the store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put_entries(self, entries: Sequence[Delivery]) -> None:
        """Keep entries."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO mirror_entries VALUES (?, ?, ?, ?, ?, ?)",
            [(one.index, one.leaf, one.entry, *one.partition, one.offset) for one in entries],
        )

    def put_checkpoint(self, size: int, root: bytes, note: bytes) -> None:
        """Keep a verified checkpoint."""
        self._connection.execute("INSERT OR REPLACE INTO mirror_checkpoints VALUES (?, ?, ?)", (size, root, note))

    def cut(self, index: int) -> None:
        """Forget entry `index` and all behind it."""
        self._connection.execute("DELETE FROM mirror_entries WHERE ledger_index >= ?", (index,))
        self._connection.execute("DELETE FROM mirror_checkpoints WHERE size > ?", (index,))


def mirror_store(path: Path) -> ConsumerStore[SqliteMirrorRows]:
    """Return the mirror's store in a file. Raises what `ConsumerStore` raises."""
    return ConsumerStore(path, TABLES, SqliteMirrorRows)


def mirror_digest(path: Path) -> tuple[int, str]:
    """Return how many entries a mirror holds, and the SHA-256 over its entries and checkpoints in order.

    Equal for two mirrors that verified the same log as far, wherever the records lay.

    Raises:
        Unavailable, Invalid: the file cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    with answering(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            for index, leaf, entry in connection.execute(
                "SELECT ledger_index, leaf, entry FROM mirror_entries ORDER BY ledger_index"
            ):
                digest.update(b"%d %d " % (index, len(entry)) + leaf + entry)
                size += 1
            for checkpoint_size, root in connection.execute("SELECT size, root FROM mirror_checkpoints ORDER BY size"):
                digest.update(b"checkpoint %d " % checkpoint_size + root)
        finally:
            connection.close()
    return size, digest.hexdigest()


def tell_mirror(path: Path, digest: bool) -> tuple[str | None, list[dict[str, Any]]]:
    """Return the digest over all that a mirror holds, None unless asked for, and no projections: it keeps none."""
    return (mirror_digest(path)[1] if digest else None), []
