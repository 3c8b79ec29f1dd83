"""One damaged bit anywhere in a tree is found and named: the file, and the first entry it concerns."""

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Invalid, NotFound
from domain.ledger.merkle import leaf_hash
from domain.ledger.proof import parse_proof, verify_proof
from domain.ledger.tiles import parse_tile_path, tile_path, tiles_for
from infra.fsck.tree import Damage, TreeReport, Verdict, make_proof, read_entry, verify_tree
from tests.sealer_kit import POLICY, World, keys, root, row

SIZE = 66_000


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a tree of 66,000 entries: three levels, sealed in two steps of which the first ends at 300."""
    world = World(tmp_path_factory.mktemp("sealed"), 300)
    world.seal_all()
    world.rows.count = SIZE
    world.seal_all()
    return world


@pytest.fixture
def flip(sealed: World) -> Iterator[Callable[..., TreeReport]]:
    """Damage a file, verify the tree, and put the file back afterwards."""
    saved: dict[Path, bytes | None] = {}

    def damage(path: str, change: Callable[[bytes], bytes | None], *, deep: bool = True) -> TreeReport:
        file = sealed.tlog / path
        data = file.read_bytes()
        saved.setdefault(file, data)
        changed = change(data)
        if changed is None:
            file.unlink()
        else:
            file.write_bytes(changed)
        return verify_tree(sealed.tlog, POLICY, deep=deep)

    yield damage
    for file, data in saved.items():
        assert data is not None
        file.write_bytes(data)


def bit(offset: int) -> Callable[[bytes], bytes]:
    """Return a function that flips one bit at `offset` (from the end if negative)."""

    def change(data: bytes) -> bytes:
        damaged = bytearray(data)
        damaged[offset] ^= 1 << (offset % 8)
        return bytes(damaged)

    return change


def gone(_data: bytes) -> None:
    """Delete the file."""


def test_clean_tree(sealed: World) -> None:
    steps: list[tuple[int, int]] = []
    guard = sealed.guard.read()
    assert guard is not None
    report = verify_tree(sealed.tlog, POLICY, progress=lambda *step: steps.append(step), notes=[("guard", guard)])
    assert (report.verdict, report.exit_code, report.damages, report.reason) == (Verdict.CLEAN, 0, (), "")
    assert report.head is not None
    assert (report.head.size, report.head.root, report.leaves) == (SIZE, root(SIZE), SIZE)
    assert steps[-1] == (SIZE, SIZE)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert report.files >= sum(1 for _ in tiles_for(SIZE))


def test_shallow_check_reads_no_entries(sealed: World, flip: Callable[..., TreeReport]) -> None:
    report = flip("tile/entries/003", bit(100), deep=False)
    assert (report.verdict, report.leaves) == (Verdict.CLEAN, 0)
    assert verify_tree(sealed.tlog, POLICY).damages[0].path == "tile/entries/003"


# path, byte offset to flip, first entry concerned
CASES = [
    ("tile/0/000", 40, 1),
    ("tile/0/123", 32 * 255, 123 * 256 + 255),
    ("tile/0/255", 0, 255 * 256),
    ("tile/0/257.p/208", 32 * 207 + 31, 257 * 256 + 207),
    ("tile/1/000", 32 * 7, 7 * 256),
    ("tile/1/000", 32 * 255 + 5, 255 * 256),
    ("tile/1/001.p/1", 31, 65_536),
    ("tile/2/000.p/1", 0, 0),
    ("tile/entries/000", 3, 0),
    ("tile/entries/257.p/208", -1, 257 * 256 + 207),
    ("tile/0/001.p/44", 9, 256),  # a part of the older checkpoint of size 300
    ("tile/entries/001.p/44", 9, 256),
    ("tile/1/000.p/1", 9, 0),
]


@pytest.mark.parametrize(("path", "offset", "index"), CASES)
def test_flipped_bit_is_located(flip: Callable[..., TreeReport], path: str, offset: int, index: int) -> None:
    report = flip(path, bit(offset))
    assert [(damage.path, damage.index) for damage in report.damages] == [(path, index)]
    assert (report.verdict, report.exit_code) == (Verdict.DAMAGED, 1)
    assert path in str(report.damages[0])
    assert f"(entry {index})" in str(report.damages[0])


def test_flipped_bits_anywhere_are_located(sealed: World, flip: Callable[..., TreeReport]) -> None:
    """A seeded sample over all files: the file is named, and no other."""
    draw = random.Random(20_240_617)
    files = sorted(tile_path(tile) for tile in tiles_for(SIZE))
    for path in draw.sample(files, 6):
        size = (sealed.tlog / path).stat().st_size
        offset = draw.randrange(size)
        report = flip(path, bit(offset))
        assert {damage.path for damage in report.damages} == {path}, (path, offset)
        (sealed.tlog / path).write_bytes(bit(offset)((sealed.tlog / path).read_bytes()))


@pytest.mark.parametrize("path", ["tile/0/100", "tile/0/257.p/208", "tile/1/000", "tile/1/001.p/1", "tile/entries/100"])
@pytest.mark.parametrize(
    "change", [gone, lambda data: data[:-1], lambda data: data + b"\0"], ids=["gone", "cut", "long"]
)
def test_missing_cut_and_long_files(
    flip: Callable[..., TreeReport], path: str, change: Callable[[bytes], bytes]
) -> None:
    report = flip(path, change)
    tile = parse_tile_path(path)
    first = tile.n << 8 * (max(tile.level, 0) + 1)
    assert [(damage.path, damage.index) for damage in report.damages] == [(path, first)]


def test_tile_and_what_lies_below_are_both_named(sealed: World, flip: Callable[..., TreeReport]) -> None:
    flip("tile/0/005", bit(33))
    flip("tile/entries/005", bit(300))
    report = flip("tile/1/001.p/1", bit(8))
    assert {damage.path for damage in report.damages} == {"tile/0/005", "tile/entries/005", "tile/1/001.p/1"}
    assert report.leaves == SIZE - 256


def test_forged_but_consistent_tree_is_not_the_signed_one(sealed: World, tmp_path: Path) -> None:
    other = World(tmp_path, 600, salt=b"forged")
    other.seal_all()
    signed = World(tmp_path / "signed", 600)
    signed.directory.mkdir()
    signed.seal_all()
    shutil.copy(signed.tlog / "checkpoint", other.tlog / "checkpoint")
    report = verify_tree(other.tlog, POLICY)
    assert report.verdict is Verdict.DAMAGED
    assert [damage.path for damage in report.damages] == ["checkpoint"]
    assert "leads to another root" in report.damages[0].reason


@pytest.mark.parametrize("position", ["origin", "size", "root", "signature", "ml-dsa", "cut"])
def test_flipped_bit_in_the_checkpoint(flip: Callable[..., TreeReport], position: str) -> None:
    def change(data: bytes) -> bytes:
        lines = data.split(b"\n")
        starts = {"origin": 0, "size": len(lines[0]) + 1, "root": len(lines[0]) + len(lines[1]) + 4}
        starts |= {"signature": data.index(b"\n\n") + 60, "ml-dsa": len(data) - 2000}
        return data[:-1] if position == "cut" else bit(starts[position])(data)

    report = flip("checkpoint", change)
    assert (report.verdict, report.exit_code, report.head) == (Verdict.DAMAGED, 1, None)
    assert [damage.path for damage in report.damages] == ["checkpoint"]


def test_flipped_bit_in_the_guard(sealed: World) -> None:
    guard = sealed.guard.read()
    assert guard is not None
    report = verify_tree(sealed.tlog, POLICY, notes=[("guard", bit(70)(guard))])
    assert [damage.path for damage in report.damages] == ["guard"]
    assert report.leaves == SIZE


def test_damaged_checkpoint_with_a_good_guard_still_checks_the_tree(
    sealed: World, flip: Callable[..., TreeReport]
) -> None:
    flip("checkpoint", bit(40))
    guard = sealed.guard.read()
    assert guard is not None
    report = verify_tree(sealed.tlog, POLICY, notes=[("guard", guard)])
    assert [damage.path for damage in report.damages] == ["checkpoint"]
    assert report.leaves == SIZE


def test_head_of_another_history_is_named(sealed: World, tmp_path: Path) -> None:
    other = World(tmp_path, 100, salt=b"another")
    other.seal_all()
    guard = other.guard.read()
    assert guard is not None
    report = verify_tree(sealed.tlog, POLICY, notes=[("guard of size 100", guard)])
    assert [damage.path for damage in report.damages] == ["guard of size 100"]
    assert "no prefix" in report.damages[0].reason


def test_nothing_to_check_cannot_tell(tmp_path: Path) -> None:
    report = verify_tree(tmp_path, POLICY)
    assert (report.verdict, report.exit_code, report.head) == (Verdict.UNKNOWN, 4, None)
    assert "expected a checkpoint, found none" in report.reason


def test_unreadable_tree_cannot_tell(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    report = verify_tree(tmp_path, POLICY)
    assert report.verdict is Verdict.UNKNOWN
    assert "cannot read" in report.reason


def test_another_policy_does_not_accept_the_tree(sealed: World) -> None:
    nobody = replace(POLICY, logs=())
    assert verify_tree(sealed.tlog, nobody).verdict is Verdict.DAMAGED


@pytest.mark.parametrize("index", [0, 1, 255, 256, 300, 65_535, 65_536, SIZE - 1])
def test_proof_from_the_files_alone(sealed: World, index: int) -> None:
    proof = parse_proof(make_proof(sealed.tlog, index).encode())
    entry = read_entry(sealed.tlog, index)
    assert leaf_hash(entry) == row(index).leaf_hash
    assert verify_proof(proof, entry, POLICY).size == SIZE
    with pytest.raises(Invalid):
        verify_proof(proof, entry + b"!", POLICY)


def test_proof_beyond_the_tree(sealed: World, tmp_path: Path) -> None:
    for index in (-1, SIZE):
        with pytest.raises(NotFound):
            make_proof(sealed.tlog, index)
        with pytest.raises(NotFound):
            read_entry(sealed.tlog, index)
    with pytest.raises(NotFound, match="nothing is sealed"):
        make_proof(tmp_path, 0)


def test_proof_from_damaged_tiles_is_not_handed_out(flip: Callable[..., TreeReport], sealed: World) -> None:
    flip("tile/0/123", bit(32 * 3))
    with pytest.raises(Invalid, match="inclusion proof"):
        make_proof(sealed.tlog, 123 * 256 + 9)
    flip("tile/entries/123", gone)
    with pytest.raises(Invalid, match="found none"):
        read_entry(sealed.tlog, 123 * 256 + 9)


def test_damage_prints_as_one_line() -> None:
    assert str(Damage("checkpoint", None, "missing")) == "checkpoint: missing"
    assert keys().policy().startswith(b"log ")
