"""Tile paths, which tiles a size has, bundles, the reader over tile files, and the grower that makes them."""

from collections.abc import Iterator, Mapping
from hashlib import sha256

import pytest

from domain.ledger.errors import Invalid
from domain.ledger.merkle import (
    TREE_SIZE_MAX,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    root_from,
    verify_consistency,
    verify_inclusion,
)
from domain.ledger.tiles import (
    READER_TILES_MAX,
    Tile,
    TileGrower,
    TileHashReader,
    edge_tiles,
    encode_bundle,
    new_tiles,
    parse_bundle,
    parse_tile_path,
    tile_path,
    tiles_for,
)

LEAVES = [sha256(b"%d" % index).digest() for index in range(66_000)]


def files_of(size: int) -> dict[str, bytes]:
    grower = TileGrower()
    grower.extend(LEAVES[:size])
    return {tile_path(tile): data for tile, data in grower.tiles()}


def edge_of(size: int, files: Mapping[str, bytes]) -> dict[int, bytes]:
    return {tile.level: files[tile_path(tile)] for tile in edge_tiles(size)}


def root_of(size: int) -> bytes:
    compact = CompactRange()
    compact.extend(LEAVES[:size])
    return compact.root()


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(0, 0, 8), "tile/0/000.p/8"),
        (Tile(-1, 273, 112), "tile/entries/273.p/112"),
        (Tile(-1, 999, 256), "tile/entries/999"),
        (Tile(1, 1000, 255), "tile/1/x001/000.p/255"),
        (Tile(0, 1_234_067, 5), "tile/0/x001/x234/067.p/5"),
        (Tile(63, TREE_SIZE_MAX, 1), "tile/63/x009/x223/x372/x036/x854/x775/807.p/1"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile_path(tile) == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/00/000",
        "tile/01/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/100/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/08",
        "tile/0/000.p/256",
        "tile/0/000.p/1000",
        "tile/0/000.p/1/",
        "/tile/0/000",
        "tile/0/000/",
        "Tile/0/000",
        "tile/entry/000",
        "tile/data/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/٠٠٠",
        "tile/0/000.p/٣",
        "tile/0/../000",
        "tile//000",
        "",
        "tile/0/000\n",
        "tile/0/ 00",
        "tile/0/" + "x001/" * 40 + "000",
    ],
)
def test_other_spellings_of_a_path_are_refused(path: str) -> None:
    with pytest.raises(Invalid, match="tile"):
        parse_tile_path(path)


@pytest.mark.parametrize("tile", [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_cannot_be_is_refused(tile: tuple[int, int, int]) -> None:
    with pytest.raises(Invalid, match="expected level"):
        tile_path(Tile(*tile))


def test_tiles_of_size_70000() -> None:
    """The example of C2SP tlog-tiles."""
    tiles = list(tiles_for(70_000))
    partial = [tile_path(tile) for tile in tiles if tile.width < 256]
    assert partial == ["tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    full = [(-1, n) for n in range(273)] + [(0, n) for n in range(273)] + [(1, 0)]
    assert [(tile.level, tile.n) for tile in tiles[:-4]] == full


@pytest.mark.parametrize(
    ("size", "paths"),
    [
        (0, []),
        (1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (257, ["tile/entries/000", "tile/0/000", "tile/entries/001.p/1", "tile/0/001.p/1", "tile/1/000.p/1"]),
    ],
)
def test_tiles_of_small_sizes(size: int, paths: list[str]) -> None:
    assert [tile_path(tile) for tile in tiles_for(size)] == paths


def test_new_tiles_are_those_the_old_size_lacks() -> None:
    for old in (0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537):
        for new in (old, old + 1, old + 255, old + 256, old + 700):
            found = list(new_tiles(old, new))
            assert len(set(found)) == len(found)
            assert set(found) == set(tiles_for(new)) - set(tiles_for(old))
            widths = [tile.width == 256 for tile in found]
            assert widths == sorted(widths, reverse=True), "full ones first"


@pytest.mark.parametrize(("old", "new"), [(-1, 0), (2, 1), (0, TREE_SIZE_MAX + 1)])
def test_sizes_out_of_order_are_refused(old: int, new: int) -> None:
    with pytest.raises(Invalid, match="old size <= new size"):
        new_tiles(old, new)


def test_edge_tiles_are_the_partial_ones() -> None:
    for size in (0, 1, 255, 256, 257, 65_536, 65_793, 70_000):
        expected = [tile for tile in tiles_for(size) if tile.level >= 0 and tile.width < 256]
        assert list(edge_tiles(size)) == expected
    assert len(list(edge_tiles(TREE_SIZE_MAX))) == 8
    with pytest.raises(Invalid, match="tree size"):
        edge_tiles(-1)


def test_bundles_concatenate() -> None:
    entries = [b"", b"one", b"x" * 65_535]
    bundle = encode_bundle(entries)
    assert bundle == encode_bundle(entries[:1]) + encode_bundle(entries[1:])
    assert bundle[:7] == b"\x00\x00\x00\x03one"
    assert parse_bundle(bundle, 3) == tuple(entries)
    assert encode_bundle([]) == b""


def test_an_entry_over_65535_bytes_is_refused() -> None:
    with pytest.raises(Invalid, match="at most 65535 bytes, found 65536"):
        encode_bundle([b"fits", b"x" * 65_536, b"after"])


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_cut_bundle_is_refused(cut: int) -> None:
    bundle = encode_bundle([b"abc", b"de"])
    with pytest.raises(Invalid, match="found the end inside entry"):
        parse_bundle(bundle[:-cut], 2)


def test_a_bundle_of_another_width_is_refused() -> None:
    bundle = encode_bundle([b"abc", b"de"])
    with pytest.raises(Invalid, match="expected 1 entries, found 4 more bytes"):
        parse_bundle(bundle, 1)
    with pytest.raises(Invalid, match="expected 3 entries, found the end inside entry 2"):
        parse_bundle(bundle, 3)
    for width in (0, -1, 257):
        with pytest.raises(Invalid, match=r"expected a width of 1\.\.256"):
            parse_bundle(b"", width)


@pytest.mark.parametrize("size", [1, 2, 8, 255, 256, 257, 300, 511, 513, 65_535, 65_536, 66_000])
def test_reader_gives_roots_and_proofs(size: int) -> None:
    reader = TileHashReader(size, files_of(size).__getitem__)
    root = root_of(size)
    assert root_from(size, reader) == root
    for index in {0, size // 3, size - 1}:
        path = inclusion_proof(index, size, reader)
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)
    for old in {1, (size + 1) // 2, max(1, size - 1), size}:
        path = consistency_proof(old, size, reader)
        verify_consistency(size1=old, root1=root_of(old), size2=size, root2=root, path=path)


def test_reader_serves_every_subtree_of_a_tree() -> None:
    size = 700
    reader = TileHashReader(size, files_of(size).__getitem__)
    for level in range(10):
        for n in range(size >> level):
            compact = CompactRange()
            compact.extend(LEAVES[n << level : (n + 1) << level])
            assert reader([(level, n)]) == [compact.root()]


@pytest.mark.parametrize("subtree", [(0, 700), (1, 350), (10, 0), (-1, 0), (0, -1), (63, 0)])
def test_reader_refuses_subtrees_outside_its_tree(subtree: tuple[int, int]) -> None:
    reader = TileHashReader(700, files_of(700).__getitem__)
    with pytest.raises(Invalid, match="inside a tree of size 700"):
        reader([subtree])
    with pytest.raises(Invalid, match="tree size"):
        TileHashReader(-1, files_of(1).__getitem__)


@pytest.mark.parametrize("missing", [KeyError, FileNotFoundError])
def test_reader_takes_the_full_tile_where_the_partial_one_is_gone(missing: type[Exception]) -> None:
    files = files_of(600) | {"tile/1/000.p/1": files_of(300)["tile/1/000.p/1"]}
    asked = []

    def fetch(path: str) -> bytes:
        asked.append(path)
        if path not in files:
            raise missing(path)
        return files[path]

    assert root_from(300, TileHashReader(300, fetch)) == root_of(300)
    assert asked == ["tile/1/000.p/1", "tile/0/001.p/44", "tile/0/001"]


def test_reader_says_which_tile_is_missing_or_of_another_length() -> None:
    files = files_of(300)
    for path in files:
        without = {name: data for name, data in files.items() if name != path}
        shorter = files | {path: files[path][:-1]}
        longer = files | {path: files[path] + b"x"}
        with pytest.raises(Invalid, match="expected a full tile, found none"):
            read_all(300, without)
        with pytest.raises(Invalid, match=rf"{path}: expected \d+ bytes, found \d+"):
            read_all(300, shorter)
        with pytest.raises(Invalid, match=rf"{path}: expected \d+ bytes, found \d+"):
            read_all(300, longer)


def read_all(size: int, files: Mapping[str, bytes]) -> None:
    reader = TileHashReader(size, files.__getitem__)
    for level in range(9):
        reader([(level, n) for n in range(size >> level)])


def test_reader_lets_the_outside_worlds_errors_through() -> None:
    def fetch(path: str) -> bytes:
        raise PermissionError(path)

    with pytest.raises(PermissionError):
        TileHashReader(8, fetch)([(0, 0)])


def test_reader_fetches_each_tile_once_and_keeps_a_bounded_number() -> None:
    asked: list[str] = []

    def fetch(path: str) -> bytes:
        asked.append(path)
        return bytes(8192)

    reader = TileHashReader(256 * (READER_TILES_MAX + 1), fetch)
    reader([(0, 0), (0, 1), (5, 0), (7, 1)])
    assert asked == ["tile/0/000"]
    reader([(0, 256 * n) for n in range(1, READER_TILES_MAX + 1)])
    reader([(0, 256 * READER_TILES_MAX), (0, 0)])
    assert len(asked) == READER_TILES_MAX + 2, "the first tile was dropped and fetched again"


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 700, 65_535, 65_536, 65_600])
def test_grower_resumes_from_the_edge(size: int) -> None:
    files = files_of(size)
    grower = TileGrower(size, edge_of(size, files))
    assert (grower.size, grower.root()) == (size, root_of(size))
    assert list(grower.tiles()) == []
    grower.extend(LEAVES[size : size + 300])
    grown = {tile_path(tile): data for tile, data in grower.tiles()}
    assert (grower.size, grower.root()) == (size + 300, root_of(size + 300))
    assert [parse_tile_path(path) for path in grown] == [
        tile for tile in new_tiles(size, size + 300) if tile.level >= 0
    ]
    whole = files_of(size + 300)
    assert all(whole[path] == data for path, data in grown.items())
    assert set(whole) <= {*files, *grown}


def test_grower_yields_only_what_is_new_since_the_last_mark() -> None:
    grower = TileGrower()
    files: dict[str, bytes] = {}
    for old, new in steps([1, 254, 1, 0, 1, 300, 5, 3000, 8192, 20_000]):
        grower.extend(LEAVES[old : old + (new - old) // 2])
        grower.extend(LEAVES[old + (new - old) // 2 : new])
        grown = {tile_path(tile): data for tile, data in grower.tiles()}
        assert list(grower.tiles()) == [(parse_tile_path(path), data) for path, data in grown.items()]
        assert [parse_tile_path(path) for path in grown] == [tile for tile in new_tiles(old, new) if tile.level >= 0]
        grower.mark_written()
        assert list(grower.tiles()) == []
        files.update(grown)
        assert root_from(new, TileHashReader(new, files.__getitem__)) == grower.root() == root_of(new)


def steps(widths: list[int]) -> Iterator[tuple[int, int]]:
    size = 0
    for width in widths:
        yield size, size + width
        size += width


@pytest.mark.parametrize(
    "edge",
    [
        {},
        {0: bytes(32)},
        {0: bytes(44 * 32)},
        {0: bytes(44 * 32), 1: bytes(31)},
        {0: bytes(44 * 32), 1: bytes(64)},
        {0: bytes(44 * 32), 1: bytes(32), 2: bytes(32)},
        {0: bytes(44 * 32), 1: bytes(32), -1: b""},
    ],
)
def test_grower_refuses_an_edge_that_is_not_the_sizes(edge: dict[int, bytes]) -> None:
    with pytest.raises(Invalid, match="edge tiles of size 300"):
        TileGrower(300, edge)


def test_grower_refuses_a_leaf_hash_of_another_width() -> None:
    with pytest.raises(Invalid, match="expected hashes of 32 bytes"):
        TileGrower().extend([b"short"])


def test_a_wrong_edge_shows_in_the_root() -> None:
    edge = edge_of(300, files_of(300))
    edge[1] = bytes(32)
    assert TileGrower(300, edge).root() != root_of(300)
