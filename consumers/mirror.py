"""The mirror: an independent follower that keeps every entry and every checkpoint it has verified.

It needs Kafka and a policy file, and nothing of ours besides. The sealed feed has merged the topics by ledger index,
rebuilt the tree and found each root that was signed; the mirror keeps what it was given, so that whoever distrusts us
has a second copy of the log, byte for byte, with the notes that cover it.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from consumers.feed import Cursor, Delivery
from domain.ledger.merkle import CompactRange


class MirrorRows(Protocol):
    """The mirror's read model: entries by index, checkpoints by size."""

    def put_entries(self, entries: Sequence[Delivery]) -> None:
        """Keep entries; one that is known is replaced by the same bytes."""

    def put_checkpoint(self, size: int, root: bytes, note: bytes) -> None:
        """Keep a verified checkpoint."""

    def cut(self, index: int) -> None:
        """Forget entry `index` and all behind it, and the checkpoints that cover any of them."""


class Mirror:
    """The handler; see `consumers.ports.Handler`. It decodes nothing: an unknown schema is no hindrance."""

    name: Final = "mirror"
    types: Final = None

    def apply(self, rows: MirrorRows, entries: Sequence[Delivery]) -> None:
        """Keep the entries."""
        rows.put_entries(entries)

    def seal(self, rows: MirrorRows, cursor: Cursor, note: bytes) -> None:
        """Keep the checkpoint; its root is that of the rebuilt tree."""
        rows.put_checkpoint(cursor.size, CompactRange(cursor.size, cursor.hashes).root(), note)

    def rewind(self, rows: MirrorRows, index: int) -> None:
        """Forget what will be delivered again."""
        rows.cut(index)
