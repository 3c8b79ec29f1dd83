"""However a log grows, around every border of a tile, each checkpoint has its files, verifies, and is a prefix."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.proof import verify_proof
from infra.fsck.tree import Verdict, make_proof, read_entry, verify_tree
from tests.sealer_kit import POLICY, World, root


def grow(world: World, sizes: list[int]) -> None:
    """Seal at each of `sizes`, verifying all files and the last entry's proof every time."""
    for size in sizes:
        world.rows.count = size
        head = world.seal_all()
        assert head is not None
        assert (head.size, head.root) == (size, root(size))
        report = verify_tree(world.tlog, POLICY)
        assert (report.verdict, report.damages, report.leaves) == (Verdict.CLEAN, (), size)
        proof = make_proof(world.tlog, size - 1)
        assert verify_proof(proof, read_entry(world.tlog, size - 1), POLICY).size == size
    world.check_heads()


@settings(max_examples=15)
@given(st.lists(st.sampled_from([1, 2, 3, 127, 253, 254, 255, 256, 257, 511, 512, 513]), min_size=1, max_size=4))
def test_growth_around_the_first_tiles(steps: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        grow(World(Path(directory)), [sum(steps[: end + 1]) for end in range(len(steps))])


@pytest.mark.parametrize("sizes", [[65_535, 65_536, 65_537], [65_280, 65_792], [255, 256, 257, 65_536]])
def test_growth_around_the_second_level(tmp_path: Path, sizes: list[int]) -> None:
    grow(World(tmp_path), sizes)


@pytest.mark.soak
@settings(max_examples=40)
@given(st.lists(st.integers(1, 70_000), min_size=1, max_size=5, unique=True).map(sorted))
def test_growth_anyhow(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        grow(World(Path(directory)), sizes)
