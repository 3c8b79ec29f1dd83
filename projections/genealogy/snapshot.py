"""The genealogy index as bytes and back.

Format, version 1; every number is little-endian.

    magic            8    "EDGEGEN" and one byte 0x00
    version          2    1
    ledger id       16    UUID
    position         8    signed; ledger index up to which the ledger was read, -1 if nothing was
    nodes            4
    edges            4    declared ones
    found            4    found ones
    six name tables       kinds, asset classes, origins, relations, projects, holders: each a count (4), then the names
                          in the order of their numbers: length (2) and UTF-8 text, or the 16 bytes of a holder's UUID
    columns               one after another, without padding: ids (nodes x 16), indexes (nodes x 8 signed), kinds
                          (nodes x 2), classes (nodes x 1), origins (nodes x 1), holders (nodes x 4), projects (nodes
                          x 4 signed, -1 for none), depths (nodes x 4), first (nodes + 1 x 4), parents (edges x 4),
                          relations (edges x 1), found children, found parents (found x 4 each), found indexes (found
                          x 8)
    digest          32    SHA-256 of all bytes before

Example: the index that was fed nothing, of ledger 01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e, in 124 bytes. After the head
come the tables (the relations hold "found_derivation" as number 0), the one number of `first`, and the digest:

    4544474547454e00 0100 01937e3f2b5c7d4a9c3e5f6a7b8c9d0e ffffffffffffffff 00000000 00000000 00000000
    00000000 00000000 00000000 01000000 1000 666f756e645f64657269766174696f6e 00000000 00000000 00000000
    873b288ed35c871557725bf30664a3a3a0fba98a5a80cd8a5304983bed34d2ca

Trust. The digest finds damage, not malice: who can write the file can write another digest. A snapshot is a cache of
what the ledger says and is thrown away when it does not fit; whoever doubts it feeds the ledger again.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, Protocol, TypeVar
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.errors import Invalid
from domain.ids import LedgerId
from projections.genealogy.arrays import CLASSES_MAX, EDGES_MAX, KINDS_MAX, NO_PROJECT, NODES_MAX, Arrays
from projections.genealogy.columns import Column, Names
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, ID_BYTES

MAGIC: Final = b"EDGEGEN\0"
VERSION: Final = 1
NAME_BYTES_MAX: Final = 1_024
CHUNK_BYTES: Final = 1 << 20
DIGEST_BYTES: Final = 32

_Scalar = TypeVar("_Scalar", bound=np.generic)
_Value = TypeVar("_Value", str, UUID)


class Readable(Protocol):
    """Bytes in order. `read(n)` returns 1 to n bytes, fewer than n only if there are fewer now, none at the end."""

    def read(self, size: int, /) -> bytes: ...


def save(genealogy: Genealogy, ledger: LedgerId) -> Iterator[bytes]:
    """Return the snapshot in pieces of at most about CHUNK_BYTES; nothing may be fed while they are taken."""
    digest = sha256()
    for piece in _pieces(genealogy, ledger):
        digest.update(piece)
        yield piece
    yield digest.digest()


def load(source: Readable, ledger: LedgerId) -> Genealogy:
    """Return the index that `source` holds, to the last byte, checked.

    Memory: the columns once, plus CHUNK_BYTES.

    Raises:
        Invalid: another format or version, another ledger, a number out of its bounds, edges that point forward, a
            digest that does not fit, bytes missing or left over. The snapshot is thrown away and built again.
    """
    reader = _Reader(source)
    reader.expect(MAGIC, "magic")
    reader.expect(VERSION.to_bytes(2, "little"), "version")
    reader.expect(ledger.bytes, "ledger id")
    position = int.from_bytes(reader.take(8), "little", signed=True)
    nodes, edges, found = (reader.number(most) for most in (NODES_MAX, EDGES_MAX, EDGES_MAX))
    arrays = Arrays()
    arrays.kind_names = Names(reader.many(KINDS_MAX, reader.text), KINDS_MAX)
    arrays.class_names = Names(reader.many(CLASSES_MAX, reader.text), CLASSES_MAX)
    arrays.origin_names = Names(reader.many(CLASSES_MAX, reader.text), CLASSES_MAX)
    arrays.relation_names = Names(reader.many(CLASSES_MAX, reader.text), CLASSES_MAX)
    arrays.project_names = Names(reader.many(nodes, reader.text), NODES_MAX)
    arrays.holder_ids = Names(reader.many(nodes, reader.uuid), NODES_MAX)
    for name, dtype, count in _layout(nodes, edges, found):
        setattr(arrays, name, Column(reader.column(count, dtype)))
    reader.finish()
    _check_columns(arrays, position)
    return Genealogy(arrays, position)


def _layout(nodes: int, edges: int, found: int) -> tuple[tuple[str, type[np.generic], int], ...]:
    return (
        ("ids", np.uint8, nodes * ID_BYTES),
        ("indexes", np.int64, nodes),
        ("kinds", np.uint16, nodes),
        ("classes", np.uint8, nodes),
        ("origins", np.uint8, nodes),
        ("holders", np.int32, nodes),
        ("projects", np.int32, nodes),
        ("depths", np.int32, nodes),
        ("first", np.int32, nodes + 1),
        ("parents", np.int32, edges),
        ("relations", np.uint8, edges),
        ("found_children", np.int32, found),
        ("found_parents", np.int32, found),
        ("found_indexes", np.int64, found),
    )


def _pieces(genealogy: Genealogy, ledger: LedgerId) -> Iterator[bytes]:
    arrays = genealogy.arrays
    nodes, edges, found = len(arrays), len(arrays.parents), len(arrays.found_children)
    yield MAGIC + VERSION.to_bytes(2, "little") + ledger.bytes
    yield genealogy.position.to_bytes(8, "little", signed=True)
    yield b"".join(count.to_bytes(4, "little") for count in (nodes, edges, found))
    for names in (arrays.kind_names, arrays.class_names, arrays.origin_names, arrays.relation_names):
        yield from _table(names, _text_bytes)
    yield from _table(arrays.project_names, _text_bytes)
    yield from _table(arrays.holder_ids, lambda holder: holder.bytes)
    for name, dtype, _ in _layout(nodes, edges, found):
        column: NDArray[np.generic] = getattr(arrays, name).view()
        step = CHUNK_BYTES // column.itemsize
        for start in range(0, len(column), step):
            yield column[start : start + step].astype(np.dtype(dtype).newbyteorder("<"), copy=False).tobytes()


def _table(names: Names[_Value], encode: Callable[[_Value], bytes]) -> Iterator[bytes]:
    piece = bytearray(len(names.values).to_bytes(4, "little"))
    for value in names.values:
        piece += encode(value)
        if len(piece) >= CHUNK_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


def _text_bytes(text: str) -> bytes:
    data = text.encode()
    if len(data) > NAME_BYTES_MAX:
        raise Invalid(f"snapshot: expected a name of at most {NAME_BYTES_MAX} bytes, found {len(data)}")
    return len(data).to_bytes(2, "little") + data


class _Reader:
    """Takes exact numbers of bytes and keeps the digest of all it took."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._digest = sha256()

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes (at most CHUNK_BYTES at a time from the source)."""
        data = self._exactly(size)
        self._digest.update(data)
        return data

    def expect(self, value: bytes, what: str) -> None:
        found = self.take(len(value))
        if found != value:
            raise Invalid(f"snapshot {what}: expected {value.hex()}, found {found.hex()}")

    def number(self, most: int) -> int:
        found = int.from_bytes(self.take(4), "little")
        if found > most:
            raise Invalid(f"snapshot: expected a count of at most {most}, found {found}")
        return found

    def many(self, most: int, read: Callable[[], _Value]) -> list[_Value]:
        return [read() for _ in range(self.number(most))]

    def uuid(self) -> UUID:
        return UUID(bytes=self.take(ID_BYTES))

    def text(self) -> str:
        size = int.from_bytes(self.take(2), "little")
        if size > NAME_BYTES_MAX:
            raise Invalid(f"snapshot: expected a name of at most {NAME_BYTES_MAX} bytes, found {size}")
        try:
            return self.take(size).decode()
        except UnicodeDecodeError as err:
            raise Invalid("snapshot: expected a name in UTF-8, found other bytes") from err

    def column(self, count: int, dtype: type[_Scalar]) -> NDArray[_Scalar]:
        """Return `count` numbers. Memory grows with what really comes, so a false count takes none."""
        stored = np.dtype(dtype).newbyteorder("<")
        column: Column[_Scalar] = Column(np.empty(0, dtype=dtype))
        step = CHUNK_BYTES // stored.itemsize
        for start in range(0, count, step):
            data = self.take(min(step, count - start) * stored.itemsize)
            column.extend(np.frombuffer(data, dtype=stored).astype(dtype, copy=False))
        return column.view()

    def finish(self) -> None:
        expected = self._digest.digest()
        found = self._exactly(DIGEST_BYTES)
        if found != expected:
            raise Invalid(f"snapshot digest: expected {expected.hex()}, found {found.hex()}")
        if self._source.read(1):
            raise Invalid("snapshot: expected the end after the digest, found more bytes")

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        while len(data) < size:
            more = self._source.read(size - len(data))
            if not more:
                raise Invalid(f"snapshot: expected {size} bytes more, found {len(data)}")
            data += more
        return data


def _check_columns(arrays: Arrays, position: int) -> None:
    """Refuse columns that the index would not have written."""
    indexes, first, parents = arrays.indexes.view(), arrays.first.view(), arrays.parents.view()
    relations, found = arrays.relations.view(), arrays.found_indexes.view()
    ids = arrays.ids.view().reshape(-1, ID_BYTES)
    counts = first[1:] - first[:-1]
    _check(position >= -1, "a position of -1 or beyond")
    _check(_strictly_rising(indexes, position), "rising birth indexes up to the position")
    _check(_strictly_rising(found, position), "rising indexes of found edges up to the position")
    _check(len(np.unique(ids.view(f"V{ID_BYTES}"))) == len(ids), "each object once")
    _check(int(first[0]) == 0 and int(first[-1]) == len(parents), "the edges of all nodes")
    _check(bool((first[1:] >= first[:-1]).all()), "the edges of each node behind those of the one before")
    children = np.repeat(np.arange(len(indexes), dtype=np.int32), counts)
    _check(bool(((parents >= 0) & (parents < children)).all()), "parents born before their children")
    _check(arrays.relation_names.values[:1] == [FOUND], "the relation of found edges as number 0")
    _check(bool((relations > 0).all()), "declared relations of declared edges")
    for codes, names, least in (
        (arrays.kinds.view(), arrays.kind_names.values, 0),
        (arrays.classes.view(), arrays.class_names.values, 0),
        (arrays.origins.view(), arrays.origin_names.values, 0),
        (arrays.holders.view(), arrays.holder_ids.values, 0),
        (arrays.projects.view(), arrays.project_names.values, NO_PROJECT),
        (relations, arrays.relation_names.values, 0),
    ):
        _check(not len(codes) or (int(codes.min()) >= least and int(codes.max()) < len(names)), "numbers of names")
    _check(_depths_fit(arrays, counts), "the depth of each node one beyond its deepest parent's")
    for column in (arrays.found_children.view(), arrays.found_parents.view()):
        _check(bool(((column >= 0) & (column < len(indexes))).all()), "ends of found edges")
        _check(bool((indexes[column] < found).all()), "found edges after the births of their ends")
    _check(not np.isin(found, indexes).any(), "one event at an index")


def _depths_fit(arrays: Arrays, counts: NDArray[np.int32]) -> bool:
    depths = arrays.depths.view()
    bound = counts > 0
    starts = arrays.first.view()[:-1][bound]
    deepest = np.zeros(len(depths), dtype=np.int32)
    if len(starts):
        # Nodes without edges take no room between the starts, so that each run is exactly one node's edges.
        deepest[bound] = np.maximum.reduceat(depths[arrays.parents.view()], starts) + 1
    return bool((depths == deepest).all())


def _strictly_rising(indexes: NDArray[np.int64], position: int) -> bool:
    if not len(indexes):
        return True
    return int(indexes[0]) >= 0 and bool((indexes[1:] > indexes[:-1]).all()) and int(indexes[-1]) <= position


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise Invalid(f"snapshot: expected {what}, found otherwise")
