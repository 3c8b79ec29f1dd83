"""The Merkle tree against RFC 9162 written out, for every small size, and each way in which a proof can be wrong."""

from collections.abc import Callable, Sequence

import pytest

from domain.ledger.errors import Invalid
from domain.ledger.merkle import (
    EMPTY_ROOT,
    EXTEND_LEAVES_MAX,
    TREE_SIZE_MAX,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_from,
    verify_consistency,
    verify_inclusion,
)
from tests.golden.ledger import rfc9162

SIZES = range(1, 34)
ENTRIES = [b"entry %d" % index for index in range(70)]
LEAVES = [rfc9162.leaf(entry) for entry in ENTRIES]


def read(subtrees: Sequence[tuple[int, int]]) -> list[bytes]:
    return [rfc9162.mth(ENTRIES[n << level : (n + 1) << level]) for level, n in subtrees]


def refuse(_: Sequence[tuple[int, int]]) -> list[bytes]:
    raise AssertionError("nothing should be read")


def test_hashes_are_those_of_the_rfc() -> None:
    assert leaf_hash(b"x") == rfc9162.leaf(b"x")
    assert node_hash(b"l" * 32, b"r" * 32) == rfc9162.node(b"l" * 32, b"r" * 32)
    assert leaf_hashes(iter(ENTRIES)) == LEAVES
    assert rfc9162.mth([]) == EMPTY_ROOT


@pytest.mark.parametrize("size", range(70))
def test_compact_range_and_reader_give_the_root_of_the_rfc(size: int) -> None:
    root = rfc9162.mth(ENTRIES[:size])
    one_by_one, at_once = CompactRange(), CompactRange()
    for leaf in LEAVES[:size]:
        one_by_one.append(leaf)
    at_once.extend(iter(LEAVES[:size]))
    assert one_by_one.root() == at_once.root() == root_from(size, read) == root
    assert one_by_one.hashes == at_once.hashes
    assert one_by_one.size == at_once.size == size
    assert len(at_once.hashes) == size.bit_count()


@pytest.mark.parametrize("size", SIZES)
def test_a_compact_range_goes_on_from_its_hashes(size: int) -> None:
    begun = CompactRange()
    begun.extend(LEAVES[:size])
    resumed = CompactRange(size, begun.hashes)
    resumed.extend(LEAVES[size:])
    assert resumed.root() == rfc9162.mth(ENTRIES)


@pytest.mark.parametrize("start", [0, 1, 5, 8])
def test_grow_returns_each_completed_subtree_once(start: int) -> None:
    compact = CompactRange()
    compact.extend(LEAVES[:start])
    rows = compact.grow(LEAVES[start:21])
    for level, row in enumerate(rows):
        completed = range(start >> level, 21 >> level)
        assert list(row) == read([(level, n) for n in completed])
    assert sum(map(len, rows[1:])) == sum((21 >> level) - (start >> level) for level in range(1, 6))


def test_extend_works_in_pieces() -> None:
    leaves = [leaf_hash(b"%d" % index) for index in range(EXTEND_LEAVES_MAX + 3)]
    pieces, whole = CompactRange(), CompactRange()
    pieces.extend(leaves)
    whole.grow(leaves)
    assert pieces.hashes == whole.hashes


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_paths_are_those_of_the_rfc_and_verify(size: int) -> None:
    root = rfc9162.mth(ENTRIES[:size])
    for index in range(size):
        path = inclusion_proof(index, size, read)
        assert list(path) == rfc9162.path(index, ENTRIES[:size])
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)
        assert rfc9162.inclusion_holds(index, size, LEAVES[index], list(path), root)


@pytest.mark.parametrize("size2", SIZES)
def test_consistency_paths_are_those_of_the_rfc_and_verify(size2: int) -> None:
    root2 = rfc9162.mth(ENTRIES[:size2])
    for size1 in range(1, size2 + 1):
        root1 = rfc9162.mth(ENTRIES[:size1])
        path = consistency_proof(size1, size2, read)
        assert list(path) == rfc9162.proof(size1, ENTRIES[:size2])
        verify_consistency(size1=size1, root1=root1, size2=size2, root2=root2, path=path)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_an_inclusion_path_holds_for_no_other_index_or_size(size: int) -> None:
    """As RFC 9162 §2.1.3.2 decides it, for every (index, size) up to 16 and paths cut or lengthened by one."""
    root = rfc9162.mth(ENTRIES[:size])
    for index in range(size):
        path = inclusion_proof(index, size, read)
        for changed in (path, path[:-1], path[1:], (*path, LEAVES[0]), (LEAVES[0], *path)):
            for other_size in range(1, 17):
                for other_index in range(other_size):
                    held = holds_inclusion(other_index, other_size, LEAVES[index], changed, root)
                    assert held == rfc9162.inclusion_holds(other_index, other_size, LEAVES[index], list(changed), root)
                    assert held or (index, size, path) != (other_index, other_size, changed)


@pytest.mark.parametrize("size2", [2, 3, 6, 8, 11])
def test_a_consistency_path_holds_where_the_rfc_says_and_nowhere_else(size2: int) -> None:
    for size1 in range(1, size2):
        path = consistency_proof(size1, size2, read)
        for changed in (path, path[:-1], path[1:], (*path, LEAVES[0]), (LEAVES[0], *path)):
            for first in range(1, 13):
                for second in range(first + 1, 14):
                    roots = rfc9162.mth(ENTRIES[:size1]), rfc9162.mth(ENTRIES[:size2])
                    held = holds_consistency(first, roots[0], second, roots[1], changed)
                    assert held == rfc9162.consistency_holds(first, second, *roots, list(changed))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 4), (4, 4), (5, 4), (0, -1), (0, TREE_SIZE_MAX + 1)])
def test_index_and_size_out_of_range_are_refused(index: int, size: int) -> None:
    with pytest.raises(Invalid, match=r"expected 0 <= index|tree size"):
        verify_inclusion(index=index, size=size, leaf=LEAVES[0], path=[], root=LEAVES[0])
    with pytest.raises(Invalid, match=r"expected 0 <= index|tree size"):
        inclusion_proof(index, size, refuse)


@pytest.mark.parametrize(("size1", "size2"), [(0, 0), (0, 4), (-1, 4), (5, 4), (1, TREE_SIZE_MAX + 1)])
def test_consistency_from_nothing_or_backwards_is_refused(size1: int, size2: int) -> None:
    with pytest.raises(Invalid, match=r"expected 1 <= size1 <= size2|tree size"):
        verify_consistency(size1=size1, root1=LEAVES[0], size2=size2, root2=LEAVES[0], path=[])
    with pytest.raises(Invalid, match=r"expected 1 <= size1 <= size2|tree size"):
        consistency_proof(size1, size2, refuse)


def test_equal_sizes_need_equal_roots_and_no_path() -> None:
    assert consistency_proof(5, 5, refuse) == ()
    with pytest.raises(Invalid, match="expected equal roots"):
        verify_consistency(size1=5, root1=LEAVES[0], size2=5, root2=LEAVES[1], path=[])
    with pytest.raises(Invalid, match="expected 0 hashes, found 1"):
        verify_consistency(size1=5, root1=LEAVES[0], size2=5, root2=LEAVES[0], path=[LEAVES[0]])


def test_the_message_says_which_root_is_wrong() -> None:
    path = consistency_proof(3, 8, read)
    root1, root2 = rfc9162.mth(ENTRIES[:3]), rfc9162.mth(ENTRIES[:8])
    with pytest.raises(Invalid, match=r"from size 3 to 8: expected old root 0{64}"):
        verify_consistency(size1=3, root1=bytes(32), size2=8, root2=root2, path=path)
    with pytest.raises(Invalid, match=r"from size 3 to 8: expected new root 0{64}"):
        verify_consistency(size1=3, root1=root1, size2=8, root2=bytes(32), path=path)
    with pytest.raises(Invalid, match=r"leaf 2 in size 3: expected root 0{64}"):
        verify_inclusion(index=2, size=3, leaf=LEAVES[2], path=inclusion_proof(2, 3, read), root=bytes(32))


@pytest.mark.parametrize("width", [0, 31, 33])
def test_hashes_of_another_width_are_refused(width: int) -> None:
    short = bytes(width)
    calls: list[Callable[[], object]] = [
        lambda: verify_inclusion(index=0, size=1, leaf=short, path=[], root=short),
        lambda: verify_inclusion(index=0, size=2, leaf=LEAVES[0], path=[short], root=LEAVES[0]),
        lambda: verify_consistency(size1=1, root1=short, size2=1, root2=short, path=[]),
        lambda: verify_consistency(size1=1, root1=LEAVES[0], size2=2, root2=LEAVES[0], path=[short]),
        lambda: CompactRange().append(short),
        lambda: CompactRange().extend([LEAVES[0], short]),
        lambda: CompactRange(1, [short]),
    ]
    for call in calls:
        with pytest.raises(Invalid, match="expected hashes of 32 bytes"):
            call()


def test_a_refused_batch_leaves_the_range_as_it_was() -> None:
    compact = CompactRange()
    compact.extend(LEAVES[:3])
    with pytest.raises(Invalid):
        compact.grow([LEAVES[3], b"short"])
    assert (compact.size, compact.root()) == (3, rfc9162.mth(ENTRIES[:3]))


def test_a_compact_range_needs_one_hash_for_each_set_bit() -> None:
    with pytest.raises(Invalid, match="size 5: expected 2 hashes, found 1"):
        CompactRange(5, LEAVES[:1])
    with pytest.raises(Invalid, match="tree size"):
        CompactRange(-1)


def test_a_full_tree_takes_no_more_leaves() -> None:
    full = CompactRange(TREE_SIZE_MAX, [LEAVES[0]] * 63)
    with pytest.raises(Invalid, match="tree size"):
        full.append(LEAVES[0])
    assert full.size == TREE_SIZE_MAX


def test_a_reader_that_answers_too_little_or_too_short_is_refused() -> None:
    with pytest.raises(Invalid, match="hash reader: expected 1 hashes, found 0"):
        root_from(8, lambda _: [])
    with pytest.raises(Invalid, match="hash reader: expected hashes of 32 bytes"):
        inclusion_proof(0, 2, lambda _: [b"short"])


def test_root_of_size_zero_reads_nothing() -> None:
    assert root_from(0, refuse) == EMPTY_ROOT
    with pytest.raises(Invalid, match="tree size"):
        root_from(-1, refuse)


def test_one_proof_is_one_read() -> None:
    calls: list[Sequence[tuple[int, int]]] = []

    def counting(subtrees: Sequence[tuple[int, int]]) -> list[bytes]:
        calls.append(subtrees)
        return read(subtrees)

    inclusion_proof(3, 13, counting)
    consistency_proof(3, 13, counting)
    root_from(13, counting)
    assert len(calls) == 3


def holds_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(index=index, size=size, leaf=leaf, path=path, root=root)
    except Invalid:
        return False
    return True


def holds_consistency(size1: int, root1: bytes, size2: int, root2: bytes, path: Sequence[bytes]) -> bool:
    try:
        verify_consistency(size1=size1, root1=root1, size2=size2, root2=root2, path=path)
    except Invalid:
        return False
    return True
