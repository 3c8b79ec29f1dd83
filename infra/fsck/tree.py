"""Verify a static tlog-tiles directory against a policy, and say which files are damaged.

The order of belief: the policy verifies the checkpoint; its root verifies the partial tiles of the right edge; each
hash in a tile verifies the full tile below it; leaf hashes verify entries. Where a file and the hash above it differ,
the file is made again from what lies below it: if that leads to the hash above, the file is damaged and everything
below is right; if not, both are named. So one damaged byte is named with its file and the first entry it concerns,
and the rest of the tree is still checked.

A shallow check reads every hash tile and looks that the bundles are there; a deep one recomputes every leaf from its
entry, and compares the older partial tiles too, which holders of older checkpoints fetch.

Nothing is repaired here. The sealer rewrites damaged newest files when it starts; older ones come from a copy of the
tree, which anyone may have, or from the database.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.errors import Invalid, Unavailable
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import HASH_BYTES, hash_pairs, leaf_hash, root_from
from domain.ledger.policy import Policy
from domain.ledger.tiles import (
    ENTRIES_LEVEL,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileGrower,
    TileHashReader,
    edge_tiles,
    encode_bundle,
    parse_bundle,
    tile_path,
)
from infra.tiles.posix import CHECKPOINT, PosixTree
from infra.tiles.reader import make_proof, read_entry

__all__ = ["Damage", "TreeReport", "Verdict", "make_proof", "read_entry", "verify_tree"]

DAMAGES_MAX = 1_000

Progress = Callable[[int, int], None]
"""Called with (leaves verified, leaves of the tree), about once a tile."""


class Verdict(StrEnum):
    """What a check found out."""

    CLEAN = "clean"
    DAMAGED = "damaged"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged file: its path below the tree (or the name of a note), the first entry it concerns, and why."""

    path: str
    index: int | None
    reason: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.path}: {self.reason}" + ("" if self.index is None else f" (entry {self.index})")


@dataclass(frozen=True, slots=True)
class TreeReport:
    """The result of `verify_tree`.

    `head` is the checkpoint the tree was held against; `leaves` and `files` count what was read and right. `damages`
    come in tree order, at most DAMAGES_MAX. `reason` says why nothing can be told, when the verdict is UNKNOWN.
    """

    verdict: Verdict
    head: Checkpoint | None
    leaves: int
    files: int
    damages: tuple[Damage, ...]
    reason: str = ""

    @property
    def exit_code(self) -> int:
        """Return 0 clean, 1 damage located, 4 cannot tell."""
        return {Verdict.CLEAN: 0, Verdict.DAMAGED: 1, Verdict.UNKNOWN: 4}[self.verdict]


def verify_tree(
    directory: Path,
    policy: Policy,
    *,
    deep: bool = True,
    progress: Progress | None = None,
    notes: Sequence[tuple[str, bytes]] = (),
) -> TreeReport:
    """Verify all files of a tree directory; see the module. Reads only, takes no lock; about 2 µs a leaf.

    `notes` are further signed heads (name, note) to be held against the tree: the rollback guard's, published ones,
    a witness's. Each must verify and be a prefix of the tree; the largest head decides how far the tree is read.
    """
    check = _Check(PosixTree(directory), deep, progress or (lambda _done, _total: None))
    head = None
    reason = ""
    try:
        heads = check.heads(policy, notes)
        if heads:
            head = max((head for _, head in heads), key=lambda head: head.size)
            check.tree(head)
            check.prefixes(heads, head)
        elif not check.damages:
            reason = f"{directory}: expected a checkpoint, found none"
    except Unavailable as err:
        reason = str(err)
    damages = tuple(check.damages[:DAMAGES_MAX])
    verdict = Verdict.DAMAGED if damages else Verdict.UNKNOWN if reason else Verdict.CLEAN
    return TreeReport(verdict, head, check.leaves, check.files, damages, reason)


class _Check:
    """One run of `verify_tree`: what was found so far."""

    def __init__(self, store: PosixTree, deep: bool, progress: Progress) -> None:
        self._store = store
        self._deep = deep
        self._progress = progress
        self._size = 0
        self.damages: list[Damage] = []
        self.leaves = 0
        self.files = 0

    def heads(self, policy: Policy, notes: Sequence[tuple[str, bytes]]) -> list[tuple[str, Checkpoint]]:
        """Return the heads whose signatures satisfy the policy; the others are damages."""
        published = self._store.checkpoint()
        if published is None and notes:
            self._damage(CHECKPOINT, None, "missing, although heads were signed")
        found = []
        for name, note in [*([(CHECKPOINT, published)] if published is not None else []), *notes]:
            try:
                found.append((name, policy.verify_checkpoint(note)))
            except Invalid as err:
                self._damage(name, None, str(err))
        return found

    def prefixes(self, heads: Sequence[tuple[str, Checkpoint]], newest: Checkpoint) -> None:
        """Hold every head against the tree. With damaged tiles that would blame the wrong one, so it is left out."""
        if self.damages:
            return
        reader = TileHashReader(newest.size, self._store.read)
        for name, head in heads:
            try:
                root = root_from(head.size, reader)
                if root != head.root or head.origin != newest.origin:
                    self._damage(name, None, f"the head of size {head.size} is no prefix of that of size {newest.size}")
            except Invalid as err:
                self._damage(name, None, str(err))

    def tree(self, head: Checkpoint) -> None:
        """Verify every tile and bundle of `head`."""
        self._size = head.size
        tiles = sorted(edge_tiles(head.size), reverse=True)  # the highest level stands furthest left
        for tile, hashes in zip(tiles, self._edge(tiles, head), strict=True):
            if hashes is not None:
                self._below(tile, hashes)

    def _edge(self, tiles: Sequence[Tile], head: Checkpoint) -> list[bytes | None]:
        """Return the bytes of the right edge's partial tiles that lead to the root, from the files or from below."""
        files = [self._read(tile) for tile in tiles]
        if None not in files and self._edge_root(tiles, files) == head.root:
            self.files += len(files)
            return files
        made = [self._make(tile) for tile in tiles]
        choices = [[data for data in {one, other} if data is not None] for one, other in zip(files, made, strict=True)]
        for edge in itertools.product(*choices):
            if self._edge_root(tiles, edge) == head.root:
                for tile, found, right in zip(tiles, files, edge, strict=True):
                    if found == right:
                        self.files += 1
                    else:
                        self._damage_tile(tile, found, right)
                return list(edge)
        for tile, found, other in zip(tiles, files, made, strict=True):
            if found is None or found != other:
                self._damage_tile(tile, found, other)
        if not self.damages:
            self._damage(CHECKPOINT, None, f"the tree of {head.size} entries is whole, but leads to another root")
        return files

    def _edge_root(self, tiles: Sequence[Tile], edge: Sequence[bytes | None]) -> bytes:
        data = {tile.level: part for tile, part in zip(tiles, edge, strict=True) if part is not None}
        return TileGrower(self._size, data).root()

    def _below(self, tile: Tile, hashes: bytes) -> None:
        """Verify what lies below a tile whose hashes are known."""
        self._older_parts(tile, hashes)
        if tile.level == 0:
            self._bundle(tile, hashes)
            return
        for slot in range(tile.width):
            self._full(Tile(tile.level - 1, tile.n * TILE_WIDTH + slot, TILE_WIDTH), _hash_at(hashes, slot))

    def _full(self, tile: Tile, expected: bytes) -> None:
        """Verify a full tile, whose root must be `expected`, and everything below it."""
        data = self._read(tile)
        if data is not None and _tile_root(data) == expected:
            self.files += 1
        else:
            made = self._make(tile)
            if made is not None and _tile_root(made) == expected:
                self._damage_tile(tile, data, made)
                data = made
            else:
                self._damage_tile(tile, data, None)
                data = data or made
        if data is not None:
            self._below(tile, data)

    def _bundle(self, tile: Tile, hashes: bytes) -> None:
        """Verify the entries beside a level-0 tile."""
        bundle = tile._replace(level=ENTRIES_LEVEL)
        start = tile.n * TILE_WIDTH
        data = self._read(bundle)
        if data is None:
            self._damage(tile_path(bundle), start, "missing")
        elif self._deep:
            try:
                entries = parse_bundle(data, tile.width)
            except Invalid as err:
                self._damage(tile_path(bundle), start, str(err))
            else:
                self._entries(bundle, entries, hashes)
        else:
            self.files += 1
        self._progress(min(start + tile.width, self._size), self._size)

    def _entries(self, bundle: Tile, entries: Sequence[bytes], hashes: bytes) -> None:
        if b"".join(map(leaf_hash, entries)) == hashes:
            self.files += 1
            self.leaves += len(entries)
            self._older_parts(bundle, entries)
            return
        for position, entry in enumerate(entries):
            if leaf_hash(entry) != _hash_at(hashes, position):
                reason = f"expected leaf hash {_hash_at(hashes, position).hex()}, found {leaf_hash(entry).hex()}"
                self._damage(tile_path(bundle), bundle.n * TILE_WIDTH + position, reason)

    def _older_parts(self, tile: Tile, content: bytes | Sequence[bytes]) -> None:
        """Verify the partial files of older sizes that stand beside a tile (hashes) or bundle (entries)."""
        if not self._deep:
            return
        for width in self._store.partial_widths(tile):
            if width < tile.width:
                part = tile._replace(width=width)
                data = content[: width * HASH_BYTES] if isinstance(content, bytes) else encode_bundle(content[:width])
                if self._fetch(part) == data:
                    self.files += 1
                else:
                    self._damage(tile_path(part), tile.n * TILE_WIDTH ** (max(tile.level, 0) + 1), "differs")

    def _read(self, tile: Tile) -> bytes | None:
        """Return a tile or bundle of the tree, from the full file if a partial one is gone; None if it is missing.

        A tile of another length counts as missing.
        """
        data = self._fetch(tile)
        if data is None and tile.width < TILE_WIDTH:
            full = self._fetch(tile._replace(width=TILE_WIDTH))
            if full is not None and tile.level >= 0:
                return full[: tile.width * HASH_BYTES] if len(full) == TILE_BYTES else None
            try:
                return encode_bundle(parse_bundle(full, TILE_WIDTH)[: tile.width]) if full is not None else None
            except Invalid:
                return None
        if data is not None and tile.level >= 0 and len(data) != tile.width * HASH_BYTES:
            return None
        return data

    def _fetch(self, tile: Tile) -> bytes | None:
        try:
            return self._store.read(tile_path(tile))
        except FileNotFoundError:
            return None

    def _make(self, tile: Tile) -> bytes | None:
        """Return the hashes of a tile from what lies below it, or None if that is missing or no bundle."""
        if tile.level == 0:
            data = self._read(tile._replace(level=ENTRIES_LEVEL))
            try:
                return None if data is None else b"".join(map(leaf_hash, parse_bundle(data, tile.width)))
            except Invalid:
                return None
        parts = []
        for slot in range(tile.width):
            below = Tile(tile.level - 1, tile.n * TILE_WIDTH + slot, TILE_WIDTH)
            data = self._read(below) or self._make(below)
            if data is None:
                return None
            parts.append(_tile_root(data))
        return b"".join(parts)

    def _damage_tile(self, tile: Tile, found: bytes | None, right: bytes | None) -> None:
        """Note a damaged tile: with `right` known, from its first wrong hash on."""
        slot = 0
        reason = "missing or of another length"
        if found is not None:
            reason = "differs from the hash above it, and so does what lies below"
            if right is not None:
                slot = next(slot for slot in range(tile.width) if _hash_at(found, slot) != _hash_at(right, slot))
                expected, other = _hash_at(right, slot).hex(), _hash_at(found, slot).hex()
                reason = f"hash {slot}: expected {expected}, found {other}"
        first = (tile.n * TILE_WIDTH + slot) << (TILE_HEIGHT * tile.level)
        self._damage(tile_path(tile), first, reason)

    def _damage(self, path: str, index: int | None, reason: str) -> None:
        self.damages.append(Damage(path, index, reason))


def _hash_at(hashes: bytes, slot: int) -> bytes:
    return hashes[slot * HASH_BYTES : (slot + 1) * HASH_BYTES]


def _hashes(data: bytes) -> Iterator[bytes]:
    return (data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def _tile_root(data: bytes) -> bytes:
    """Return the hash that stands for a full tile in the tile above it."""
    row = list(_hashes(data))
    while len(row) > 1:
        row = hash_pairs(row)
    return row[0]
