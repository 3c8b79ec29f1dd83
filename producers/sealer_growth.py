"""The tree in memory while it grows: from rows to the files that a checkpoint of the new size needs.

Nothing here touches a store; `producers.sealer` decides what is read, written and signed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.ledger.merkle import leaf_hash
from domain.ledger.tiles import ENTRIES_LEVEL, TILE_WIDTH, Tile, TileGrower, encode_bundle, tile_path
from producers.ports import LedgerRow
from producers.sealer_ports import HeadsDisagree

FSCK: Final = "run `edgeprint fsck --deep`"
RESTORE: Final = "run `edgeprint ledger restore`"


class Growth:
    """The tree in memory: hashes by the grower, and the encoded entries of the bundle that is not full yet."""

    def __init__(self, size: int = 0, edge: Mapping[int, bytes] | None = None) -> None:
        """Start at `size`, a multiple of 256 unless 0; `edge` as for `TileGrower`."""
        self.grower = TileGrower(size, edge)
        self._bundle = b""

    def add(self, rows: Sequence[LedgerRow]) -> list[tuple[str, bytes]]:
        """Take rows in and return the files of the new size, bundles first.

        Raises:
            HeadsDisagree: a row is out of order, or its leaf hash is not its entry's.
        """
        start = self.grower.size
        entries = [row.entry for row in rows]
        leaves = [leaf_hash(entry) for entry in entries]
        for index, (row, leaf) in enumerate(zip(rows, leaves, strict=True), start):
            if row.index != index:
                raise HeadsDisagree(f"expected the row of index {index}, found {row.index}; {FSCK}")
            if row.leaf_hash != leaf:
                raise HeadsDisagree(
                    f"row {index}: expected leaf hash {leaf.hex()} of its entry, found {row.leaf_hash.hex()}; {FSCK}"
                )
        self.grower.extend(leaves)
        files = self._bundles(start, entries)
        files.extend((tile_path(tile), data) for tile, data in self.grower.tiles())
        return files

    def _bundles(self, start: int, entries: Sequence[bytes]) -> list[tuple[str, bytes]]:
        """Return the bundles that `entries`, the first of index `start`, fill or begin."""
        files = []
        done = 0
        while done < len(entries):
            number, used = divmod(start + done, TILE_WIDTH)
            part = entries[done : done + TILE_WIDTH - used]
            self._bundle += encode_bundle(part)
            files.append((tile_path(Tile(ENTRIES_LEVEL, number, used + len(part))), self._bundle))
            if used + len(part) == TILE_WIDTH:
                self._bundle = b""
            done += len(part)
        return files
