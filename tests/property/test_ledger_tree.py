"""Properties of the tree: any sizes, any batching, any single changed bit."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.errors import Invalid
from domain.ledger.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_from,
    verify_consistency,
    verify_inclusion,
)
from domain.ledger.tiles import (
    Tile,
    TileGrower,
    TileHashReader,
    edge_tiles,
    encode_bundle,
    new_tiles,
    parse_bundle,
    parse_tile_path,
    tile_path,
)

LEAVES = [sha256(b"leaf %d" % index).digest() for index in range(2_000)]
SIZES = st.integers(1, len(LEAVES))
HUGE = st.integers(1, 2**63 - 1)


def files_of(size: int) -> dict[str, bytes]:
    grower = TileGrower()
    grower.extend(LEAVES[:size])
    return {tile_path(tile): data for tile, data in grower.tiles()}


def pretend(subtrees: Sequence[tuple[int, int]]) -> list[bytes]:
    """A tree so large that only the names of its subtrees exist; parents are not the hashes of their children."""
    return [sha256(b"subtree %d %d" % subtree).digest() for subtree in subtrees]


def flipped(data: bytes, bit: int) -> bytes:
    at, shift = divmod(bit % (8 * len(data)), 8)
    return data[:at] + bytes([data[at] ^ 1 << shift]) + data[at + 1 :]


@given(st.lists(st.integers(0, 700), max_size=8))
def test_any_batching_gives_one_tree_and_the_same_files(batches: list[int]) -> None:
    grower, compact, files = TileGrower(), CompactRange(), {}
    for batch in batches:
        leaves = LEAVES[grower.size : grower.size + batch]
        old = grower.size
        grower.extend(leaves)
        compact.extend(leaves)
        new = dict(grower.tiles())
        assert list(new) == [tile for tile in new_tiles(old, grower.size) if tile.level >= 0]
        files.update({tile_path(tile): data for tile, data in new.items()})
        grower.mark_written()
    size = grower.size
    assert grower.root() == compact.root() == root_from(size, TileHashReader(size, files.__getitem__))
    assert files_of(size).items() <= files.items()
    edge = {tile.level: files[tile_path(tile)] for tile in edge_tiles(size)}
    assert TileGrower(size, edge).root() == grower.root()


@given(SIZES, st.data())
def test_a_proof_from_tiles_verifies_and_fails_after_any_one_bit_change(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    reader = TileHashReader(size, files_of(size).__getitem__)
    root, path = root_from(size, reader), inclusion_proof(index, size, reader)
    verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)
    parts = [LEAVES[index], root, *path]
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flipped(parts[part], bit)
    with pytest.raises(Invalid):
        verify_inclusion(index=index, size=size, leaf=parts[0], path=parts[2:], root=parts[1])
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        with pytest.raises(Invalid):
            verify_inclusion(index=other, size=size, leaf=LEAVES[index], path=path, root=root)


@given(SIZES, SIZES, st.data())
def test_a_consistency_path_verifies_and_fails_after_any_one_bit_change(
    one: int, other: int, data: st.DataObject
) -> None:
    size1, size2 = sorted((one, other))
    reader = TileHashReader(size2, files_of(size2).__getitem__)
    path = consistency_proof(size1, size2, reader)
    parts = [root_from(size1, reader), root_from(size2, reader), *path]
    verify_consistency(size1=size1, root1=parts[0], size2=size2, root2=parts[1], path=path)
    part, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[part] = flipped(parts[part], bit)
    with pytest.raises(Invalid):
        verify_consistency(size1=size1, root1=parts[0], size2=size2, root2=parts[1], path=parts[2:])


@given(HUGE, st.data())
def test_paths_of_huge_trees_have_the_length_the_verifier_demands(size: int, data: st.DataObject) -> None:
    """The verifier gets past the length and fails at the root, since the tree is a pretence."""
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, pretend)
    assert len(path) <= 63
    with pytest.raises(Invalid, match="expected root"):
        verify_inclusion(index=index, size=size, leaf=LEAVES[0], path=path, root=LEAVES[1])
    size1 = data.draw(st.integers(1, size))
    way = consistency_proof(size1, size, pretend)
    assert len(way) <= 64
    with pytest.raises(Invalid, match=r"expected (old root|new root|equal roots)"):
        verify_consistency(size1=size1, root1=LEAVES[0], size2=size, root2=LEAVES[1], path=way)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_a_bundle_comes_back(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert parse_bundle(data, len(entries)) == tuple(entries)
    assert data == b"".join(encode_bundle([entry]) for entry in entries)


@given(st.integers(-1, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_a_tile_path_comes_back(level: int, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert parse_tile_path(tile_path(tile)) == tile


@given(st.lists(st.binary(max_size=40), max_size=40), st.integers(0, 40))
def test_leaf_hashes_tell_entries_apart(entries: list[bytes], at: int) -> None:
    compact, changed = CompactRange(), CompactRange()
    compact.extend(map(leaf_hash, entries))
    changed.extend(leaf_hash(entry + b"x" if position == at else entry) for position, entry in enumerate(entries))
    assert (compact.root() == changed.root()) == (at >= len(entries))
