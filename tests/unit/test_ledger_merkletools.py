"""merkletools (Tierion, 1.0.3) as an independent oracle for the shape of the tree.

How the two constructions differ:
- node hash: merkletools hashes SHA256(left || right); ours hashes SHA256(0x01 || left || right). Without the prefix an
  inner node can be passed off as a leaf, so merkletools' own roots are never accepted as ours.
- leaf hash: merkletools takes leaves as given (or hashes text without a prefix); ours is SHA256(0x00 || entry).
- an odd last node: merkletools carries it up a level unchanged, RFC 6962 splits at the largest power of two smaller
  than the size. Both say the same tree, for every size: that is what this test shows.
- a proof: merkletools names the side of each sibling, ours takes it from (index, size).
- merkletools has no empty root, no appending to a finished tree, no consistency proofs, no partial trees.

So the test feeds it our leaf hashes and compares twice: once with merkletools as it is, where our path, folded with the
unprefixed node hash, must reach its root; once with the prefix put in through its `hash_function` attribute, where root
and path must be ours byte for byte, and its own validation must accept our path.

It imports on Python 3.11 when installed with `--no-deps` (its dependency pysha3 does not build there, and is not needed
for SHA-256); it then warns that sha3 is missing.
"""

import warnings
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest

from domain.ledger.merkle import CompactRange, inclusion_proof, verify_inclusion

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="sha3 is not working!", category=UserWarning)
    import merkletools  # type: ignore[import-untyped,import-not-found,unused-ignore]  # it has no types

SIZES = [*range(1, 40), 63, 64, 65, 127, 128, 129, 255, 256, 257]
LEAVES = [sha256(b"\x00%d" % index).digest() for index in range(max(SIZES))]


def oracle(size: int, prefix: bytes) -> Any:
    tools = merkletools.MerkleTools(hash_type="sha256")
    tools.hash_function = lambda data: sha256(prefix + data)
    tools.add_leaf([leaf.hex() for leaf in LEAVES[:size]])
    tools.make_tree()
    return tools


def our_path(index: int, size: int) -> tuple[bytes, ...]:
    def read(subtrees: Sequence[tuple[int, int]]) -> list[bytes]:
        return [our_range(LEAVES[n << level : (n + 1) << level]).root() for level, n in subtrees]

    return inclusion_proof(index, size, read)


def our_range(leaves: list[bytes]) -> CompactRange:
    compact = CompactRange()
    compact.extend(leaves)
    return compact


def test_the_oracle_is_used_as_it_is_installed() -> None:
    plain = merkletools.MerkleTools(hash_type="sha256")
    assert plain.hash_function is sha256


@pytest.mark.parametrize("size", SIZES)
def test_merkletools_with_our_node_prefix_gives_our_root_and_our_paths(size: int) -> None:
    tools = oracle(size, b"\x01")
    root = our_range(LEAVES[:size]).root()
    assert tools.get_merkle_root() == root.hex()
    for index in {0, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        theirs = tools.get_proof(index)
        path = our_path(index, size)
        assert [bytes.fromhex(sibling) for step in theirs for sibling in step.values()] == list(path)
        verify_inclusion(index=index, size=size, leaf=LEAVES[index], path=path, root=root)
        sides = [next(iter(step)) for step in theirs]
        ours = [{side: sibling.hex()} for side, sibling in zip(sides, path, strict=True)]
        assert tools.validate_proof(ours, LEAVES[index].hex(), root.hex())


@pytest.mark.parametrize("size", SIZES)
def test_merkletools_as_it_is_has_the_same_shape_and_another_root(size: int) -> None:
    tools = oracle(size, b"")
    assert (tools.get_merkle_root() == our_range(LEAVES[:size]).root().hex()) == (size == 1)
    prefixed = oracle(size, b"\x01")
    for index in range(0, size, max(1, size // 8)):
        plain_sides = [next(iter(step)) for step in tools.get_proof(index)]
        assert plain_sides == [next(iter(step)) for step in prefixed.get_proof(index)]
        assert len(plain_sides) == len(our_path(index, size))
        assert tools.validate_proof(tools.get_proof(index), LEAVES[index].hex(), tools.get_merkle_root())
