"""Tiles and entry bundles: the tree as static files (C2SP tlog-tiles).

Format. A tile at `level` l holds up to 256 hashes of 32 bytes side by side, without framing: hash i of tile n is the
root of the 256**l leaves from (n * 256 + i) * 256**l on. Level 0 holds leaf hashes. A tree of `size` leaves has
floor(size / 256**l) hashes at level l; where that is no multiple of 256, the last tile is *partial* and has width
floor(size / 256**l) mod 256. An entry bundle (level -1 here) stands beside each level-0 tile and holds its entries,
each behind its length as two bytes, big-endian. Bundles concatenate: a partial one is a prefix of the full one.

Paths. `tile/<level>/<n>` and `tile/entries/<n>`, plus `.p/<width>` for a partial one. n is written in groups of three
digits, all but the last prefixed `x`: tile 1234067 is `x001/x234/067`. Decimals have no leading zeros otherwise.
Departure from C2SP, stricter: n is at most 2^63-1.

Example. Size 70,000 has at level 0 the full tiles 0..272 and `tile/0/273.p/112`, at level 1 `tile/1/000` and
`tile/1/001.p/17`, at level 2 `tile/2/000.p/1`, and 273 full bundles and `tile/entries/273.p/112`.

Trust. A tile tree is not trusted: anyone may serve it. Whoever can write to it can make proofs fail, never make a false
one verify, because the root they lead to is in a signed checkpoint.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.ledger.errors import Invalid
from domain.ledger.merkle import HASH_BYTES, TREE_SIZE_MAX, CompactRange, hash_pairs, pieces
from domain.ledger.text import UINT63_MAX

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
TILE_LEVEL_MAX: Final = 63
ENTRIES_LEVEL: Final = -1
ENTRY_BYTES_MAX: Final = 0xFFFF
BUNDLE_BYTES_MAX: Final = TILE_WIDTH * (2 + ENTRY_BYTES_MAX)
PATH_CHARS_MAX: Final = 64
READER_TILES_MAX: Final = 1024

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


class Tile(NamedTuple):
    """One file of the tree: level 0..63, or -1 for an entry bundle; tile number n; width 1..256 (256 = full)."""

    level: int
    n: int
    width: int


def tile_path(tile: Tile) -> str:
    """Return the path of `tile` below the log's prefix, e.g. `tile/0/x001/x234/067.p/5`.

    Raises:
        Invalid: a level, number or width that the format cannot hold.
    """
    level, n, width = tile
    if not (ENTRIES_LEVEL <= level <= TILE_LEVEL_MAX and 0 <= n <= UINT63_MAX and 1 <= width <= TILE_WIDTH):
        raise Invalid(f"tile: expected level -1..63, n 0..2^63-1 and width 1..256, found {tuple(tile)}")
    number = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        number = f"x{n % 1000:03d}/{number}"
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{'entries' if level == ENTRIES_LEVEL else level}/{number}{suffix}"


def parse_tile_path(path: str) -> Tile:
    """Return the tile that `path` names; `tile_path(parse_tile_path(p)) == p`.

    Raises:
        Invalid: any other spelling: leading zeros, a missing or surplus digit group, a width of 0 or above 255.
    """
    match = _PATH.fullmatch(path) if len(path) <= PATH_CHARS_MAX else None
    if match is None:
        raise Invalid(f"tile path: expected tile/<level>/<n>[.p/<width>], found {path[:80]!r}")
    level, number, width = match.groups()
    n = int(number.replace("x", "").replace("/", ""))
    tile = Tile(ENTRIES_LEVEL if level == "entries" else int(level), n, int(width) if width else TILE_WIDTH)
    if (width and tile.width >= TILE_WIDTH) or tile_path(tile) != path:
        raise Invalid(f"tile path: expected the one canonical spelling, found {path!r}")
    return tile


def tiles_for(size: int) -> Iterator[Tile]:
    """Yield every bundle and tile of a checkpoint of `size` leaves: the full ones by level, then the partial ones.

    Raises:
        Invalid: a size outside 0..2^63-1.
    """
    return new_tiles(0, size)


def new_tiles(old_size: int, new_size: int) -> Iterator[Tile]:
    """Yield what must be written when the tree grows: bundles and tiles of `new_size` that `old_size` does not have.

    Full ones first, by level (-1 first), then the partial ones by level. At most one partial tile a level.

    Raises:
        Invalid: not 0 <= old_size <= new_size <= 2^63-1.
    """
    if not 0 <= old_size <= new_size <= TREE_SIZE_MAX:
        raise Invalid(f"tiles: expected 0 <= old size <= new size, found {old_size} and {new_size}")
    levels = [(ENTRIES_LEVEL, old_size, new_size)] if new_size else []
    level = 0
    while new_size >> TILE_HEIGHT * level:
        levels.append((level, old_size >> TILE_HEIGHT * level, new_size >> TILE_HEIGHT * level))
        level += 1
    return _new_tiles(levels)


def _new_tiles(levels: Sequence[tuple[int, int, int]]) -> Iterator[Tile]:
    for level, old, new in levels:
        for n in range(old // TILE_WIDTH, new // TILE_WIDTH):
            yield Tile(level, n, TILE_WIDTH)
    for level, old, new in levels:
        if old < new and new % TILE_WIDTH:
            yield Tile(level, new // TILE_WIDTH, new % TILE_WIDTH)


def edge_tiles(size: int) -> Iterator[Tile]:
    """Yield the partial tiles (level 0 and up, no bundle) of a tree of `size` leaves: what `TileGrower` starts from.

    Raises:
        Invalid: a size outside 0..2^63-1.
    """
    if not 0 <= size <= TREE_SIZE_MAX:
        raise Invalid(f"tree size: expected 0..{TREE_SIZE_MAX}, found {size}")
    rows = [size >> shift for shift in range(0, size.bit_length(), TILE_HEIGHT)]
    return (Tile(level, *divmod(row, TILE_WIDTH)) for level, row in enumerate(rows) if row % TILE_WIDTH)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the entries behind their two-byte lengths; about 0.3 µs an entry.

    Bundles concatenate, so a growing partial bundle is its old bytes plus `encode_bundle(new entries)`; the number is
    therefore not checked here.

    Raises:
        Invalid: an entry of more than 65,535 bytes.
    """
    parts: list[bytes] = []
    try:
        for entry in entries:
            parts.append(len(entry).to_bytes(2, "big"))
            parts.append(entry)
    except OverflowError as err:
        found = len(entries[len(parts) // 2])
        raise Invalid(f"entry bundle: expected entries of at most {ENTRY_BYTES_MAX} bytes, found {found}") from err
    return b"".join(parts)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """Return the `width` entries (1..256) of a bundle.

    Raises:
        Invalid: fewer or more entries than `width`, a cut entry, or bytes behind the last one.
    """
    if not 1 <= width <= TILE_WIDTH:
        raise Invalid(f"entry bundle: expected a width of 1..{TILE_WIDTH}, found {width}")
    entries: list[bytes] = []
    position = 0
    for _ in range(width):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise Invalid(f"entry bundle: expected {width} entries, found the end inside entry {len(entries)}")
        entries.append(data[start:position])
    if position != len(data):
        raise Invalid(f"entry bundle: expected {width} entries, found {len(data) - position} more bytes")
    return tuple(entries)


class TileHashReader:
    """A `HashReader` (merkle.py) over the tile files of a tree of `size` leaves.

    `fetch` takes a path of `tile_path` and returns the file's bytes; it may block. Where a partial tile is gone
    (FileNotFoundError or KeyError) the full tile is tried, as C2SP tlog-tiles allows a log to delete partial ones.
    Every other exception of `fetch` passes through. Tiles are kept, at most READER_TILES_MAX (8 MiB), so that many
    proofs of one size fetch each tile once. Not safe for concurrent use.

    Nothing is verified but lengths: a hash is as good as the files are. Compare `root_from(size, reader)` or the
    finished proof with a signed checkpoint.
    """

    __slots__ = ("_fetch", "_size", "_tiles")

    def __init__(self, size: int, fetch: Callable[[str], bytes]) -> None:
        """Read the tree of `size` leaves through `fetch`.

        Raises:
            Invalid: a size outside 0..2^63-1.
        """
        if not 0 <= size <= TREE_SIZE_MAX:
            raise Invalid(f"tree size: expected 0..{TREE_SIZE_MAX}, found {size}")
        self._size = size
        self._fetch = fetch
        self._tiles: dict[Tile, bytes] = {}

    def __call__(self, subtrees: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return the roots of the complete subtrees `(level, n)`; at most 128 hashes each.

        Raises:
            Invalid: a subtree outside the tree, a missing tile, or one of another length.
        """
        return [self._subtree(level, n) for level, n in subtrees]

    def _subtree(self, level: int, n: int) -> bytes:
        if level < 0 or n < 0 or (n + 1) << level > self._size:
            raise Invalid(f"subtree ({level}, {n}): expected inside a tree of size {self._size}")
        tile_level, height = divmod(level, TILE_HEIGHT)
        number, first = divmod(n << height, TILE_WIDTH)
        hashes = self._size >> TILE_HEIGHT * tile_level
        data = self._tile(Tile(tile_level, number, min(TILE_WIDTH, hashes - number * TILE_WIDTH)))
        return _subtree_root(data, first, height)

    def _tile(self, tile: Tile) -> bytes:
        data = self._tiles.get(tile)
        if data is None:
            data = self._load(tile)
            if len(self._tiles) >= READER_TILES_MAX:
                self._tiles.clear()
            self._tiles[tile] = data
        return data

    def _load(self, tile: Tile) -> bytes:
        path = tile_path(tile)
        try:
            data = self._fetch(path)
        except (FileNotFoundError, KeyError) as err:
            if tile.width == TILE_WIDTH:
                raise Invalid(f"{path}: expected a full tile, found none") from err
            return self._load(tile._replace(width=TILE_WIDTH))[: tile.width * HASH_BYTES]
        if len(data) != tile.width * HASH_BYTES:
            raise Invalid(f"{path}: expected {tile.width * HASH_BYTES} bytes, found {len(data)}")
        return data


class TileGrower:
    """Makes the bytes of every new and changed tile while a tree grows; each node is hashed once, about 1 µs a leaf.

    Use, with `size` the size of the last checkpoint whose files are safe:

        edge = {tile.level: read(tile_path(tile)) for tile in edge_tiles(size)}
        grower = TileGrower(size, edge)          # then compare grower.root() with that checkpoint
        grower.extend(leaf_hashes)               # as often as wanted
        for tile, data in grower.tiles(): ...    # write these, and the bundles of new_tiles(); then sign
        grower.mark_written()                    # from here on they are known and no longer yielded

    Entry bundles are the caller's (`encode_bundle`). Memory: 32 bytes a leaf between two `mark_written`, then one
    partial tile a level. Not safe for concurrent use.
    """

    __slots__ = ("_range", "_rows", "_written")

    def __init__(self, size: int = 0, edge: Mapping[int, bytes] | None = None) -> None:
        """Start behind `size` leaves; `edge` maps each level that has a partial tile at that size to its bytes.

        Raises:
            Invalid: a level of `edge` missing, surplus, or not exactly as long as the size demands.
        """
        edge = edge or {}
        expected = {tile.level: tile.width * HASH_BYTES for tile in edge_tiles(size)}
        found = {level: len(data) for level, data in edge.items()}
        if found != expected:
            raise Invalid(f"edge tiles of size {size}: expected bytes by level {expected}, found {found}")
        self._rows = {level: bytearray(data) for level, data in edge.items()}
        """Level to the hashes from the start of the tile that was partial at the last `mark_written`."""
        self._range = CompactRange(size, _pending(size, edge))
        self._written = size

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._range.size

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        return self._range.root()

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order.

        Raises:
            Invalid: one is not 32 bytes, or the tree is full; throw the grower away.
        """
        rows = self._rows
        for piece in pieces(leaf_hashes):
            for level, row in enumerate(self._range.grow(piece)[::TILE_HEIGHT]):
                rows.setdefault(level, bytearray()).extend(b"".join(row))

    def tiles(self) -> Iterator[tuple[Tile, bytes]]:
        """Yield every tile that is new since the last `mark_written` with its bytes, full ones first.

        Exactly the tiles of `new_tiles(size then, size now)` without the bundles, in that order. May be repeated, and
        gives the same bytes until `extend` is called.
        """
        for tile in new_tiles(self._written, self.size):
            if tile.level >= 0:
                first = self._written >> TILE_HEIGHT * (tile.level + 1)
                start = (tile.n - first) * TILE_BYTES
                yield tile, bytes(self._rows[tile.level][start : start + tile.width * HASH_BYTES])

    def mark_written(self) -> None:
        """Take the present size as the one whose tiles are safe; drop the full tiles from memory."""
        for row in self._rows.values():
            del row[: len(row) - len(row) % TILE_BYTES]
        self._written = self.size


def _pending(size: int, edge: Mapping[int, bytes]) -> list[bytes]:
    """Return the compact range of `size` from its partial tiles: at most 247 hashes a level."""
    found = []
    for tile in sorted(edge_tiles(size), reverse=True):
        first = 0
        for height in reversed(range(TILE_HEIGHT)):
            if tile.width >> height & 1:
                found.append(_subtree_root(edge[tile.level], first, height))
                first += 1 << height
    return found


def _subtree_root(data: bytes, first: int, height: int) -> bytes:
    """Return the root over the 2**height hashes of a tile from hash `first` on."""
    row = [
        data[at : at + HASH_BYTES] for at in range(first * HASH_BYTES, (first + (1 << height)) * HASH_BYTES, HASH_BYTES)
    ]
    while len(row) > 1:
        row = hash_pairs(row)
    return row[0]
