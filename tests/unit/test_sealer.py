"""What one step of the sealer does when nothing goes wrong."""

from pathlib import Path

import pytest

from domain.ledger.note import parse_note
from domain.ledger.tiles import tile_path, tiles_for
from infra.fsck.tree import Verdict, verify_tree
from producers.sealer import Seal
from tests.sealer_kit import ORIGIN, POLICY, World, root


def test_nothing_to_seal(tmp_path: Path) -> None:
    sealer = World(tmp_path).sealer()
    assert sealer.step() is None
    assert sealer.heartbeat() is None
    assert sealer.head is None
    sealer.close()


def test_step_seals_at_most_limit_and_says_whether_more_waits(tmp_path: Path) -> None:
    world = World(tmp_path, 25)
    sealer = world.sealer()
    seals = [sealer.step(10), sealer.step(10), sealer.step(10), sealer.step(10)]
    assert [(seal.added, seal.more) for seal in seals if seal] == [(10, True), (10, True), (5, False)]
    assert seals[3] is None
    last = seals[2]
    assert isinstance(last, Seal)
    assert (last.checkpoint.origin, last.checkpoint.size, last.checkpoint.root) == (ORIGIN, 25, root(25))
    sealer.close()


def test_exactly_the_files_of_each_checkpoint_exist(tmp_path: Path) -> None:
    world = World(tmp_path)
    expected = {"checkpoint"}
    for size in (1, 2, 255, 256, 257, 513):
        world.rows.count = size
        world.seal_all()
        expected |= {tile_path(tile) for tile in tiles_for(size)}
    found = {str(file.relative_to(world.tlog)) for file in world.tlog.rglob("*") if file.is_file()}
    assert found == expected


def test_both_signatures_stand_on_the_checkpoint_and_both_are_needed(tmp_path: Path) -> None:
    world = World(tmp_path, 3)
    world.seal_all()
    note = (world.tlog / "checkpoint").read_bytes()
    assert [signature.key_id.hex() for signature in parse_note(note)[1]] == ["c5329131", "50108e9d"]
    lines = note.splitlines(keepends=True)
    for gone in (-1, -2):
        stripped = b"".join(lines[:gone] + lines[len(lines) + gone + 1 :])
        (world.tlog / "checkpoint").write_bytes(stripped)
        assert verify_tree(world.tlog, POLICY).verdict is Verdict.DAMAGED


def test_failpoints_come_in_the_order_of_durable_writes(tmp_path: Path) -> None:
    names: list[str] = []
    sealer = World(tmp_path, 5).sealer(names.append)
    sealer.step()
    sealer.close()
    assert names == [
        "seal.read",
        "seal.tiles.written",
        "seal.tiles.renamed",
        "seal.signed",
        "seal.guarded",
        "seal.checkpoint.written",
        "seal.checkpoint.renamed",
        "seal.published",
    ]


def test_heartbeat_signs_the_same_head_again(tmp_path: Path) -> None:
    world = World(tmp_path, 5)
    sealer = world.sealer()
    sealer.step()
    first = (world.tlog / "checkpoint").read_bytes()
    head = sealer.heartbeat()
    again = (world.tlog / "checkpoint").read_bytes()
    assert head == sealer.head
    assert first != again
    assert parse_note(first)[0] == parse_note(again)[0]
    assert world.notes.all() == [first, again]
    assert world.guard.read() == again
    sealer.close()


def test_recovery_of_a_clean_stop_writes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, 700)
    world.seal_all()
    before = {file: file.stat().st_mtime_ns for file in world.tlog.rglob("*") if file.is_file()}
    names: list[str] = []
    sealer = world.sealer(names.append)
    head = sealer.recover()
    sealer.close()
    assert head is not None
    assert head.size == 700
    assert names == []
    assert {file: file.stat().st_mtime_ns for file in world.tlog.rglob("*") if file.is_file()} == before
    assert world.lines == []


@pytest.mark.parametrize("steps", [[1, 255], [255, 2], [256, 1], [100, 156, 256], [257, 255, 1]])
def test_growth_in_any_batching_gives_the_same_full_tiles(tmp_path: Path, steps: list[int]) -> None:
    one, other = World(tmp_path / "one", sum(steps)), World(tmp_path / "other")
    for world in (one, other):
        world.directory.mkdir()
    one.seal_all()
    sealer = other.sealer()
    for added in steps:
        other.rows.count += added
        sealer.step()
    sealer.close()
    for tile in tiles_for(sum(steps)):
        assert (one.tlog / tile_path(tile)).read_bytes() == (other.tlog / tile_path(tile)).read_bytes()
