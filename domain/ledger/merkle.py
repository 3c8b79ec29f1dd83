"""The Merkle tree of RFC 6962 §2.1 = RFC 9162 §2.1 over SHA-256.

Format. The hash of an empty tree is SHA256(""). A leaf is SHA256(0x00 || entry). An inner node is
SHA256(0x01 || left || right). A tree of n > 1 leaves splits at the largest power of two smaller than n. Every hash has
32 bytes. The *inclusion path* of a leaf lists the siblings of the nodes between leaf and root, the leaf's sibling
first; a *consistency path* lists the nodes that lead from the tree of the first size1 leaves to that of size2.

Names. `size` is a number of leaves, `index` a 0-based leaf. A *complete subtree* `(level, n)` covers the 2**level
leaves from n * 2**level on; the tree of any size is a row of complete subtrees, one for each set bit of the size, the
largest first: its *compact range*. Whoever keeps the compact range can append for ever and hashes each node once.

Example. Entries (hex) "", 00, 10:
    leaf hashes       6e340b9c...  96a296d2...  0298d122...
    root of size 2    fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
    root of size 3    aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77 = node(root of size 2, leaf 2)
    inclusion path of leaf 2 in size 3: the root of size 2
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import Final

from domain.ledger.errors import Invalid
from domain.ledger.text import UINT63_MAX

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
TREE_SIZE_MAX: Final = UINT63_MAX
EXTEND_LEAVES_MAX: Final = 8192
"""Leaves hashed level by level at a time: `extend` works through longer input in pieces of this size."""

HashReader = Callable[[Sequence[tuple[int, int]]], Sequence[bytes]]
"""Return the hashes of the complete subtrees `(level, n)` asked for, in that order; each has 2**level leaves from
n * 2**level on and lies wholly inside the tree that the reader stands for. Called once per proof."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the leaf hash of an entry's bytes."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hash of each entry; faster than `leaf_hash` one by one."""
    hashing = sha256
    return [hashing(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def hash_pairs(row: Iterable[bytes]) -> list[bytes]:
    """Return the node hash of each two neighbours of `row`; an odd last one is left out (about 0.4 µs a node)."""
    hashing = sha256
    pairs = iter(row)
    return [hashing(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)]


class CompactRange:
    """The right edge of a growing tree: one pending hash per set bit of the size, so each node is hashed once, ever.

    Not safe for concurrent use. Memory: at most 63 hashes.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Start at `size` leaves with the roots of its complete subtrees, the largest first.

        Raises:
            Invalid: a size outside 0..2^63-1, or not exactly one 32-byte hash per set bit of it.
        """
        _check_size(size)
        _check_hashes(hashes, "compact range")
        if len(hashes) != size.bit_count():
            raise Invalid(f"compact range of size {size}: expected {size.bit_count()} hashes, found {len(hashes)}")
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Return the roots of the complete subtrees, the largest first: what the constructor takes."""
        return tuple(self._hashes)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf hash; O(1) on average, O(log n) at worst.

        Raises:
            Invalid: not 32 bytes, or the tree is full.
        """
        self.grow((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order, about 0.5 µs each.

        Raises:
            Invalid: one is not 32 bytes, or the tree is full; the pieces of EXTEND_LEAVES_MAX before it are in.
        """
        for piece in pieces(leaf_hashes):
            self.grow(piece)

    def grow(self, leaf_hashes: Sequence[bytes]) -> list[Sequence[bytes]]:
        """Add leaf hashes and return every hash that became final: element `level` lists, in order, the roots of the
        complete subtrees of 2**level leaves that these leaves completed (element 0 is the leaf hashes themselves).

        Raises:
            Invalid: one is not 32 bytes, or the tree would pass 2^63-1; nothing was added.
        """
        _check_hashes(leaf_hashes, "leaf hashes")
        _check_size(self._size + len(leaf_hashes))
        pending, size = self._hashes, self._size
        left_over: list[bytes] = []
        rows: list[Sequence[bytes]] = []
        row: Sequence[bytes] = leaf_hashes
        while row:
            rows.append(row)
            if size & 1:
                row = [pending.pop(), *row]
            if len(row) & 1:
                left_over.append(row[-1])
            row = hash_pairs(row)
            size >>= 1
        left_over.reverse()
        pending.extend(left_over)
        self._size += len(leaf_hashes)
        return rows

    def root(self) -> bytes:
        """Return the root of the tree of `size` leaves; at most 62 hashes."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT


def pieces(leaf_hashes: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield `leaf_hashes` in lists of at most EXTEND_LEAVES_MAX."""
    remaining = iter(leaf_hashes)
    while piece := list(islice(remaining, EXTEND_LEAVES_MAX)):
        yield piece


def root_from(size: int, read: HashReader) -> bytes:
    """Return the root of the first `size` leaves, from one read of at most 63 subtree hashes.

    Raises:
        Invalid: a size outside 0..2^63-1.
    """
    _check_size(size)
    return _fold(_read(read, _subtrees(0, size))) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: HashReader) -> tuple[bytes, ...]:
    """Return the inclusion path of leaf `index` in the tree of `size` leaves (RFC 9162 §2.1.3.1), O(log size) hashes.

    The hashes are as good as the reader's: a path made from bad tiles does not verify.

    Raises:
        Invalid: not 0 <= index < size <= 2^63-1.
    """
    _check_size(size)
    _check_index(index, size)
    siblings: list[tuple[int, int]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            siblings.append((middle, high))
            high = middle
        else:
            siblings.append((low, middle))
            low = middle
    return _roots_of(siblings[::-1], read)


def consistency_proof(size1: int, size2: int, read: HashReader) -> tuple[bytes, ...]:
    """Return the consistency path from the tree of `size1` leaves to that of `size2` (RFC 9162 §2.1.4.1).

    Empty when the sizes are equal.

    Raises:
        Invalid: not 1 <= size1 <= size2 <= 2^63-1. Every tree continues the empty one: there is nothing to prove.
    """
    _check_sizes(size1, size2)
    parts: list[tuple[int, int]] = []
    low, high = 0, size2
    while high != size1:
        middle = low + _split(high - low)
        if size1 <= middle:
            parts.append((middle, high))
            high = middle
        else:
            parts.append((low, middle))
            low = middle
    if low:
        parts.append((low, high))
    return _roots_of(parts[::-1], read)


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Verify that `leaf` (a leaf hash) stands at `index` in the tree of `size` leaves whose root is `root`.

    The algorithm of RFC 9162 §2.1.3.2, with the path's length fixed beforehand by (index, size).

    Raises:
        Invalid: index or size out of range, a hash that is not 32 bytes, a path of another length, another root.
    """
    _check_size(size)
    _check_index(index, size)
    _check_hashes((leaf, root), "inclusion proof: leaf and root")
    _check_hashes(path, "inclusion proof")
    inner, border = _path_shape(index, size)
    _check_length(len(path), inner + border, f"inclusion proof of leaf {index} in size {size}")
    found = _climb_inner(leaf, path[:inner], index)
    found = _climb_border(found, path[inner:])
    if found != root:
        raise Invalid(
            f"inclusion proof of leaf {index} in size {size}: expected root {root.hex()}, found {found.hex()}"
        )


def verify_consistency(*, size1: int, root1: bytes, size2: int, root2: bytes, path: Sequence[bytes]) -> None:
    """Verify that the tree (size2, root2) continues the tree (size1, root1): the first size1 leaves are the same.

    Answers as RFC 9162 §2.1.4.2 does. Size1 = 0 is refused: any tree continues the empty one, so nothing is proved.

    Raises:
        Invalid: not 1 <= size1 <= size2, a hash that is not 32 bytes, a path of another length, or another root.
    """
    _check_sizes(size1, size2)
    _check_hashes((root1, root2), "consistency proof: roots")
    _check_hashes(path, "consistency proof")
    what = f"consistency proof from size {size1} to {size2}"
    if size1 == size2:
        _check_length(len(path), 0, what)
        if root1 != root2:
            raise Invalid(f"{what}: expected equal roots, found {root1.hex()} and {root2.hex()}")
        return
    # The path climbs from the last complete subtree of the old tree. If that subtree is the whole old tree, its hash is
    # root1 and is not repeated in the path.
    shift = (size1 & -size1).bit_length() - 1
    inner, border = _path_shape(size1 - 1, size2)
    inner -= shift
    whole = size1 == 1 << shift
    _check_length(len(path), inner + border + (0 if whole else 1), what)
    seed, path = (root1, path) if whole else (path[0], path[1:])
    position = (size1 - 1) >> shift
    left_only = [sibling for level, sibling in enumerate(path[:inner]) if position >> level & 1]
    found1 = _climb_border(_climb_border(seed, left_only), path[inner:])
    found2 = _climb_border(_climb_inner(seed, path[:inner], position), path[inner:])
    if found1 != root1:
        raise Invalid(f"{what}: expected old root {root1.hex()}, found {found1.hex()}")
    if found2 != root2:
        raise Invalid(f"{what}: expected new root {root2.hex()}, found {found2.hex()}")


def _climb_inner(start: bytes, siblings: Sequence[bytes], position: int) -> bytes:
    """Return the hash reached from `start`, the `position`-th node of its level, past siblings on either side."""
    found = start
    for sibling in siblings:
        found = node_hash(sibling, found) if position & 1 else node_hash(found, sibling)
        position >>= 1
    return found


def _climb_border(start: bytes, siblings: Sequence[bytes]) -> bytes:
    """Return the hash reached from `start` past siblings that all stand on its left: the tree's right border."""
    found = start
    for sibling in siblings:
        found = node_hash(sibling, found)
    return found


def _path_shape(index: int, size: int) -> tuple[int, int]:
    """Return how many siblings an inclusion path has below and on the right border of the tree.

    Below: up to the level at which leaf `index` and the last leaf share an ancestor, one sibling a level. Above it the
    way is the last leaf's, where only a set bit of the index has a sibling, on its left.
    """
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (size > 1): where RFC 6962 splits a tree."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtrees(low: int, high: int) -> list[tuple[int, int]]:
    """Return the complete subtrees of the leaves low..high-1, the largest first; `low` is where RFC 6962 splits."""
    found = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append((level, low >> level))
        low += 1 << level
    return found


def _roots_of(ranges: Sequence[tuple[int, int]], read: HashReader) -> tuple[bytes, ...]:
    """Return the root of each range of leaves, all subtrees taken in one read."""
    parts = [_subtrees(low, high) for low, high in ranges]
    hashes = iter(_read(read, [subtree for part in parts for subtree in part]))
    return tuple(_fold([next(hashes) for _ in part]) for part in parts)


def _read(read: HashReader, subtrees: Sequence[tuple[int, int]]) -> Sequence[bytes]:
    """Return what the reader gives for `subtrees`, checked for number and width."""
    hashes = read(subtrees) if subtrees else ()
    _check_length(len(hashes), len(subtrees), "hash reader")
    _check_hashes(hashes, "hash reader")
    return hashes


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root above complete subtrees, the largest first."""
    return _climb_border(hashes[-1], hashes[-2::-1])


def _check_hashes(hashes: Sequence[bytes], what: str) -> None:
    widths = set(map(len, hashes))
    if widths and widths != {HASH_BYTES}:
        raise Invalid(f"{what}: expected hashes of {HASH_BYTES} bytes, found lengths {sorted(widths)[:4]}")


def _check_length(found: int, expected: int, what: str) -> None:
    if found != expected:
        raise Invalid(f"{what}: expected {expected} hashes, found {found}")


def _check_size(size: int) -> None:
    if not 0 <= size <= TREE_SIZE_MAX:
        raise Invalid(f"tree size: expected 0..{TREE_SIZE_MAX}, found {size}")


def _check_sizes(size1: int, size2: int) -> None:
    _check_size(size2)
    if not 1 <= size1 <= size2:
        raise Invalid(f"consistency: expected 1 <= size1 <= size2, found {size1} and {size2}")


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise Invalid(f"leaf index: expected 0 <= index < {size}, found {index}")
