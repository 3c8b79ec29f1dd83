"""Entries and inclusion proofs from a static tree directory alone: no database, no keys, no sealer.

What is read here is as good as the files are: a proof is handed out only if it leads to the root of the checkpoint
beside it, and its receiver verifies that checkpoint against a policy (`verify_proof`).
"""

from pathlib import Path
from typing import Any

from domain.errors import Invalid, NotFound
from domain.ledger.checkpoint import Checkpoint, parse_checkpoint
from domain.ledger.merkle import consistency_proof, inclusion_proof, root_from, verify_consistency, verify_inclusion
from domain.ledger.note import parse_note
from domain.ledger.proof import TlogProof
from domain.ledger.tiles import ENTRIES_LEVEL, TILE_WIDTH, Tile, TileHashReader, parse_bundle, tile_path
from infra.tiles.posix import PosixTree


def read_checkpoint(directory: Path) -> tuple[Checkpoint, bytes]:
    """Return the published checkpoint and its note; signatures are not verified.

    Raises:
        NotFound: nothing was ever sealed here.
        Invalid: the file is no checkpoint.
    """
    note = PosixTree(directory).checkpoint()
    if note is None:
        raise NotFound(f"{directory}: expected a checkpoint, found none: nothing is sealed here")
    return parse_checkpoint(parse_note(note)[0]), note


def read_entry(directory: Path, index: int) -> bytes:
    """Return entry `index` from its bundle; verify it by a proof before it is believed.

    Raises:
        NotFound: the index is not below the checkpoint's size.
        Invalid: the bundle is missing or damaged.
    """
    checkpoint, _ = read_checkpoint(directory)
    _check_index(index, checkpoint)
    number, position = divmod(index, TILE_WIDTH)
    tile = Tile(ENTRIES_LEVEL, number, min(TILE_WIDTH, checkpoint.size - number * TILE_WIDTH))
    tree = PosixTree(directory)
    try:
        return parse_bundle(tree.read(tile_path(tile)), tile.width)[position]
    except FileNotFoundError as err:
        raise Invalid(f"{tile_path(tile)}: expected the bundle of entry {index}, found none") from err


def make_proof(directory: Path, index: int) -> TlogProof:
    """Return the inclusion proof of entry `index` under the published checkpoint; some ten file reads.

    Raises:
        NotFound: nothing is sealed, or the index is not below the checkpoint's size.
        Invalid: tiles are missing or do not lead to the checkpoint's root (`edgeprint fsck --deep` says which).
    """
    checkpoint, note = read_checkpoint(directory)
    _check_index(index, checkpoint)
    reader = TileHashReader(checkpoint.size, PosixTree(directory).read)
    (leaf,) = reader([(0, index)])
    path = inclusion_proof(index, checkpoint.size, reader)
    verify_inclusion(index=index, size=checkpoint.size, leaf=leaf, path=path, root=checkpoint.root)
    return TlogProof(index, path, note)


def prove_consistency(directory: Path, size1: int, size2: int) -> dict[str, Any] | None:
    """Return the verified consistency proof between two sizes as JSON values; None where the tree is not that far.

    Raises:
        Invalid: tiles are missing, or the later tree does not contain the earlier one.
    """
    note = PosixTree(directory).checkpoint()
    if note is None or (head := parse_checkpoint(parse_note(note)[0]).size) < size2:
        return None
    reader = TileHashReader(head, PosixTree(directory).read)
    root1, root2 = root_from(size1, reader), root_from(size2, reader)
    path = consistency_proof(size1, size2, reader)
    verify_consistency(size1=size1, root1=root1, size2=size2, root2=root2, path=path)
    hexes = [one.hex() for one in path]
    return {"size1": size1, "root1": root1.hex(), "size2": size2, "root2": root2.hex(), "path": hexes}


def _check_index(index: int, checkpoint: Checkpoint) -> None:
    if not 0 <= index < checkpoint.size:
        raise NotFound(f"entry {index}: expected an index of 0..{checkpoint.size - 1}, the last that is sealed")
