"""The snapshot's format: the example of its docstring, its bounds, and each rule broken once under a fitting digest."""

import io
from collections.abc import Callable
from hashlib import sha256

import numpy as np
import pytest

from domain.errors import Invalid
from domain.ids import LedgerId
from projections.genealogy import snapshot
from projections.genealogy.arrays import Arrays
from projections.genealogy.columns import Column, Names
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND
from projections.genealogy.snapshot import CHUNK_BYTES, NAME_BYTES_MAX, load, save
from tests.genealogy_kit import LEDGER, Story, node, object_id

HEAD_BYTES = 46


def small() -> Genealogy:
    story = Story()
    story.born(0)
    story.born(1, "mesh", None, made_from=[0])
    story.born(2, "mesh", revision_of=[1], made_from=[0])
    story.found(1, 2)
    genealogy = story.told()
    genealogy.read_to(9)
    return genealogy


def bytes_of(genealogy: Genealogy) -> bytes:
    return b"".join(save(genealogy, LedgerId(LEDGER)))


def read(data: bytes) -> Genealogy:
    return load(io.BytesIO(data), LedgerId(LEDGER))


def signed(body: bytes) -> bytes:
    return body + sha256(body).digest()


def test_the_example_of_the_docstring_is_the_empty_index() -> None:
    text = (snapshot.__doc__ or "").split("the digest:\n\n")[1].split("\n\nTrust.")[0]
    assert bytes.fromhex("".join(text.split())) == bytes_of(Genealogy())
    assert len(bytes_of(Genealogy())) == 124
    assert read(bytes_of(Genealogy())).position == -1


def test_what_was_saved_is_what_is_read() -> None:
    genealogy = read(bytes_of(small()))
    assert genealogy.position == 9 and len(genealogy) == 3 and genealogy.edge_count == 4
    assert genealogy.node(object_id(1)) == node(1, 1, "mesh", None)
    assert set(genealogy.ancestors(object_id(1))) == {object_id(0), object_id(2)}
    assert set(genealogy.ancestors(object_id(1), 2)) == {object_id(0)}
    assert bytes_of(genealogy) == bytes_of(small())


def test_pieces_are_small_and_a_source_may_give_a_byte_at_a_time() -> None:
    story = Story()
    for number in range(30_000):
        story.born(number, made_from=[number - 1] if number else [])
    genealogy = story.told()
    pieces = list(save(genealogy, LedgerId(LEDGER)))
    assert max(map(len, pieces)) <= CHUNK_BYTES + NAME_BYTES_MAX and len(b"".join(pieces)) > CHUNK_BYTES

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 7))

    whole = bytes_of(small())
    assert bytes_of(load(Slow(whole), LedgerId(LEDGER))) == whole


def test_every_truncation_and_every_flipped_bit_is_invalid() -> None:
    whole = bytes_of(small())
    for size in range(len(whole)):
        with pytest.raises(Invalid):
            read(whole[:size])
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Invalid):
            read(bytes(flipped))


def test_another_ledger_version_or_magic_is_named() -> None:
    body = bytes_of(small())[:-32]
    with pytest.raises(Invalid, match="snapshot ledger id: expected"):
        load(io.BytesIO(signed(body)), LedgerId(object_id(5)))
    for at, what in ((0, "magic"), (8, "version")):
        with pytest.raises(Invalid, match=f"snapshot {what}: expected"):
            read(signed(body[:at] + b"\xee" + body[at + 1 :]))
    with pytest.raises(Invalid, match="expected the end after the digest"):
        read(signed(body) + b"\0")
    with pytest.raises(Invalid, match="snapshot digest: expected"):
        read(body + bytes(32))


def test_a_false_count_takes_no_memory_and_a_long_or_garbled_name_is_refused() -> None:
    body = bytes_of(Genealogy())[:-32]
    with pytest.raises(Invalid, match="bytes more, found"):
        read(signed(body[:34] + b"\xff\xff\xff\x7f" + body[38:]))
    with pytest.raises(Invalid, match="a count of at most"):
        read(signed(body[:34] + b"\xff\xff\xff\xff" + body[38:]))
    kinds = HEAD_BYTES
    for name, said in ((b"\xff\xff", "a name of at most"), (b"\x01\x00\xff", "a name in UTF-8")):
        with pytest.raises(Invalid, match=said):
            read(signed(body[:kinds] + b"\x01\0\0\0" + name + body[kinds + 4 :]))
    with pytest.raises(Invalid, match="a name of at most"):
        bytes_of(of_kind("k" * (NAME_BYTES_MAX + 1)))


def of_kind(kind: str) -> Genealogy:
    story = Story()
    story.born(0, kind)
    return story.told()


def put(name: str, at: int, value: int) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        column = getattr(arrays, name).view().copy()
        column[at] = value
        setattr(arrays, name, Column(column))

    return change


def renamed(arrays: Arrays) -> None:
    arrays.relation_names = Names(("x", FOUND, "made_from"), 256)


def twice(arrays: Arrays) -> None:
    ids = arrays.ids.view().copy()
    ids[16:32] = ids[:16]
    arrays.ids = Column(ids)


BROKEN: dict[str, tuple[Callable[[Arrays], None], str]] = {
    "birth indexes fall": (put("indexes", 1, 0), "rising birth indexes"),
    "a birth before the ledger": (put("indexes", 0, -1), "rising birth indexes"),
    "a birth beyond the position": (put("indexes", 2, 10), "rising birth indexes"),
    "a finding beyond the position": (put("found_indexes", 0, 10), "rising indexes of found edges"),
    "a finding before the births": (put("found_indexes", 0, 1), "found edges after the births"),
    "a finding at the index of a birth": (put("found_indexes", 0, 2), "found edges after the births"),
    "an object twice": (twice, "each object once"),
    "edges of nobody": (put("first", 0, 1), "the edges of all nodes"),
    "edges beyond the end": (put("first", 3, 2), "the edges of all nodes"),
    "edges backwards": (put("first", 1, 2), "behind those of the one before"),
    "a parent born later": (put("parents", 0, 1), "parents born before"),
    "a parent below zero": (put("parents", 0, -1), "parents born before"),
    "a declared edge of the found relation": (put("relations", 0, 0), "declared relations"),
    "the found relation elsewhere": (renamed, "the relation of found edges as number 0"),
    "a relation without a name": (put("relations", 0, 77), "numbers of names"),
    "a kind without a name": (put("kinds", 0, 9), "numbers of names"),
    "a class without a name": (put("classes", 0, 9), "numbers of names"),
    "an origin without a name": (put("origins", 0, 9), "numbers of names"),
    "a holder without an id": (put("holders", 0, -1), "numbers of names"),
    "a project without a code": (put("projects", 0, -2), "numbers of names"),
    "a wrong depth": (put("depths", 2, 1), "the depth of each node"),
    "a depth at a root": (put("depths", 0, 1), "the depth of each node"),
    "a found child that is no node": (put("found_children", 0, 3), "ends of found edges"),
    "a found parent that is no node": (put("found_parents", 0, -1), "ends of found edges"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_columns_that_the_index_would_not_have_written_are_refused(case: str) -> None:
    change, said = BROKEN[case]
    genealogy = small()
    change(genealogy.arrays)
    with pytest.raises(Invalid, match=said):
        read(bytes_of(genealogy))


def test_a_position_before_the_ledger_is_refused() -> None:
    body = bytes_of(Genealogy())[:-32]
    with pytest.raises(Invalid, match="a position of -1 or beyond"):
        read(signed(body[:26] + (-2).to_bytes(8, "little", signed=True) + body[34:]))


def test_a_birth_and_a_finding_share_no_index() -> None:
    genealogy = small()
    genealogy.arrays.indexes = Column(np.array([0, 1, 4], dtype=np.int64))
    genealogy.arrays.found_children = Column(np.array([1], dtype=np.int32))
    genealogy.arrays.found_parents = Column(np.array([0], dtype=np.int32))
    genealogy.arrays.found_indexes = Column(np.array([4], dtype=np.int64))
    with pytest.raises(Invalid, match="one event at an index"):
        read(bytes_of(genealogy))
