"""The sealer under faults: after each, I3 holds (every checkpoint ever published is a prefix of the log), the tree is
clean, and sealing goes on; or the sealer has stopped and says what to run.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from domain.errors import Conflict, Invalid, LedgerError, Unavailable
from infra.fsck.tree import Verdict, verify_tree
from infra.sealer.headguard import FileHeadGuard
from infra.tiles.posix import PosixTree, unverified_size
from producers.ports import LedgerRow
from producers.sealer import Sealer, SealerPorts
from producers.sealer_ports import HeadsDisagree, RolledBack
from tests.sealer_kit import LEDGER, POLICY, World, keys, root, row

POINTS = (
    "seal.read",
    "seal.tiles.written",
    "seal.tiles.renamed",
    "seal.signed",
    "seal.guarded",
    "seal.checkpoint.written",
    "seal.checkpoint.renamed",
    "seal.published",
)


def check(world: World, size: int) -> None:
    """Recover and seal what is left; then everything must be whole and sealed at `size`."""
    head = world.seal_all()
    assert head is not None
    assert (head.size, head.root) == (size, root(size, world.rows.salt))
    world.check_heads()
    guard = world.guard.read()
    assert guard is not None
    assert guard == PosixTree(world.tlog).checkpoint() == world.notes.newest()
    notes = [(f"note {number}", note) for number, note in enumerate(world.notes.all())]
    report = verify_tree(world.tlog, POLICY, notes=[*notes, ("guard", guard)])
    assert report.damages == ()
    assert (report.verdict, report.leaves) == (Verdict.CLEAN, size)


def child(world: World, count: int, point: str, passage: int, batch: int = 8192) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.fault.sealer_child", str(world.directory), str(count), point, str(passage)]
    return subprocess.run([*command, str(batch)], check=False, capture_output=True, timeout=60)


@pytest.mark.parametrize("passage", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_kill_at_every_point_then_recover(tmp_path: Path, point: str, passage: int) -> None:
    world = World(tmp_path, 700)
    died = child(world, 700, point, passage, batch=300)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    before = [unverified_size(note) for note in world.notes.all()]
    world.check_heads()
    check(world, 700)
    assert [unverified_size(note) for note in world.notes.all()][: len(before)] == before
    world.rows.count = 701
    check(world, 701)


def test_kill_again_during_recovery(tmp_path: Path) -> None:
    world = World(tmp_path, 600)
    for point in ("seal.guarded", "seal.guarded", "seal.checkpoint.written", "seal.checkpoint.renamed"):
        died = child(world, 600, point, 1)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()
        world.check_heads()
    check(world, 600)


class Broken(Exception):
    """The error of an injected fault."""


@dataclass
class Fault:
    """What happens to the n-th write of a kind: nothing is written, or it is written and the answer is lost."""

    write: str
    persists: bool
    left: int = 2

    def __call__(self, write: str, action: Callable[[], None]) -> None:
        if write == self.write:
            self.left -= 1
            if self.left == 0:
                if self.persists:
                    action()
                raise Unavailable(f"injected: {write}")
        action()


def faulty(ports: SealerPorts, fault: Fault) -> SealerPorts:
    """Return ports whose writes pass through `fault`."""

    class Tree(PosixTree):
        def write(self, files):  # type: ignore[no-untyped-def]
            fault("tiles", lambda: PosixTree.write(self, files))

        def replace_checkpoint(self, expected, note):  # type: ignore[no-untyped-def]
            fault("checkpoint", lambda: PosixTree.replace_checkpoint(self, expected, note))

    class Guard(FileHeadGuard):
        def replace(self, expected, note):  # type: ignore[no-untyped-def]
            fault("guard", lambda: FileHeadGuard.replace(self, expected, note))

    class Notes:
        newest = staticmethod(ports.notes.newest)

        def append(self, size: int, note: bytes) -> None:
            fault("published", lambda: ports.notes.append(size, note))

    tree = Tree(Path(ports.tree.describe()))
    guard = Guard(Path(ports.guard.describe()).parent, LEDGER)
    return replace(ports, tree=tree, guard=guard, notes=Notes())


@pytest.mark.parametrize("restart", [False, True], ids=["same process", "crash after"])
@pytest.mark.parametrize("persists", [False, True], ids=["unwritten", "written"])
@pytest.mark.parametrize("write", ["tiles", "guard", "checkpoint", "published"])
def test_fault_table(tmp_path: Path, write: str, persists: bool, restart: bool) -> None:
    world = World(tmp_path, 100)
    ports = faulty(world.ports, Fault(write, persists))
    sealer = Sealer("film-ledger.example/cn-east", ports, keys().signers, POLICY)
    assert sealer.step() is not None
    world.rows.count = 300
    with pytest.raises(Unavailable, match=f"injected: {write}"):
        sealer.step()
    world.check_heads()
    world.rows.count = 400
    if not restart:
        while sealer.step():
            pass
        assert sealer.head is not None
        assert sealer.head.size == 400
    sealer.close()
    check(world, 400)


def test_second_sealer_is_refused_and_may_follow(tmp_path: Path) -> None:
    world = World(tmp_path, 10)
    first, second = world.sealer(), world.sealer()
    first.step()
    with pytest.raises(Conflict, match="another sealer holds the log"):
        second.step()
    first.close()
    world.rows.count = 20
    assert second.step() is not None
    second.close()
    check(world, 20)


def test_tree_lock_alone_refuses_a_second_sealer(tmp_path: Path) -> None:
    world = World(tmp_path, 10)
    first = world.sealer()
    first.step()
    elsewhere = World(tmp_path, 10)
    elsewhere.directory = tmp_path / "other"
    elsewhere.directory.mkdir()
    with pytest.raises(Conflict, match="holds the tree directory"):
        elsewhere.sealer().step()
    first.close()


def test_stopped_sealer_keeps_the_others_out(tmp_path: Path) -> None:
    world = World(tmp_path, 50)
    command = [sys.executable, "-m", "tests.fault.sealer_child", str(tmp_path), "50", "seal.signed", "1", "--pause"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as paused:
        assert paused.stdout is not None
        assert paused.stdout.readline() == b"paused\n"
        os.kill(paused.pid, signal.SIGSTOP)
        with pytest.raises(Conflict):
            world.seal_all()
        os.kill(paused.pid, signal.SIGCONT)
        paused.communicate(b"\n", timeout=60)
    assert paused.returncode == 0
    check(world, 50)


@pytest.mark.parametrize("point", ["seal.tiles.written", "seal.signed", "seal.guarded", "seal.checkpoint.written"])
def test_paused_sealer_woken_after_another_went_on(tmp_path: Path, point: str) -> None:
    """Its locks are lost while it sleeps (as a lease of a network file system is); another seals more than it read."""
    world = World(tmp_path, 40)
    other = World(tmp_path, 40)
    passages = 0

    def sleep(name: str) -> None:
        nonlocal passages
        if name == point:
            passages += 1
            if passages == 2:
                tree = sealer._tree
                assert isinstance(tree, PosixTree)
                assert tree._locked is not None
                fcntl.flock(tree._locked, fcntl.LOCK_UN)
                sealer._lock.release()
                other.rows.count = 90
                other.seal_all()
                sealer._lock.acquire()

    sealer = world.sealer(sleep)
    sealer.step()
    world.rows.count = 60
    with pytest.raises(Unavailable if point == "seal.tiles.written" else Conflict):
        sealer.step()
    checkpoint = PosixTree(world.tlog).checkpoint()
    assert checkpoint is not None
    assert unverified_size(checkpoint) == 90
    sealer.close()
    world.rows.count = 91
    check(world, 91)


def test_claim_lost_before_publication(tmp_path: Path) -> None:
    world = World(tmp_path, 40)
    sealer = world.sealer(lambda name: sealer._lock.release() if name == "seal.signed" else None)
    with pytest.raises(Conflict, match="claim was lost"):
        sealer.step()
    assert world.guard.read() is None
    check(world, 40)


def test_tree_directory_swapped_under_the_sealer(tmp_path: Path) -> None:
    world = World(tmp_path, 40)
    sealer = world.sealer()
    sealer.step()
    world.tlog.rename(tmp_path / "aside")
    shutil.copytree(tmp_path / "aside", world.tlog)
    world.rows.count = 50
    with pytest.raises(Conflict, match="replaced by another one"):
        sealer.step()
    check(world, 50)


def test_smaller_checkpoint_never_replaces_a_larger_one(tmp_path: Path) -> None:
    world = World(tmp_path, 40)
    world.seal_all()
    small = world.guard.read()
    world.rows.count = 80
    world.seal_all()
    tree = PosixTree(world.tlog)
    large = tree.checkpoint()
    tree.lock()
    assert small is not None
    with pytest.raises(Conflict, match="size 40 may not replace one of size 80"):
        tree.replace_checkpoint(large, small)
    tree.unlock()
    assert tree.checkpoint() == large


@pytest.mark.parametrize("size", [256, 300, 512, 9000])
@pytest.mark.parametrize("how", ["delete", "flip", "cut"])
def test_newest_files_damaged_are_rewritten(tmp_path: Path, size: int, how: str) -> None:
    world = World(tmp_path, size)
    world.seal_all()
    files = sorted(
        (file for file in world.tlog.glob("tile/**/*") if file.is_file()), key=lambda file: file.stat().st_mtime_ns
    )
    for file in files[-3:]:
        data = file.read_bytes()
        if how == "delete":
            file.unlink()
        else:
            file.write_bytes(bytes([data[0] ^ 1]) + data[1:] if how == "flip" else data[:-1])
    check(world, size)
    assert any("recovery rewrote 3 files" in line for line in world.lines)


def test_whole_tree_lost_is_rebuilt_after_the_command_it_names(tmp_path: Path) -> None:
    world = World(tmp_path, 9000)
    world.seal_all()
    world.rows.count = 20_000
    world.seal_all()
    shutil.rmtree(world.tlog)
    with pytest.raises(RolledBack, match="checkpoint is of size 0, but size 20000 was published") as stopped:
        world.seal_all()
    copy = str(stopped.value).split("`")[3]
    assert copy == f"cp {world.guard.describe()} {world.tlog}/checkpoint"
    shutil.copy(world.guard.describe(), world.tlog / "checkpoint")
    check(world, 20_000)


def test_older_checkpoint_restored_stops_and_says_what_to_run(tmp_path: Path) -> None:
    world = World(tmp_path, 100)
    world.seal_all()
    old = (world.tlog / "checkpoint").read_bytes()
    world.rows.count = 300
    world.seal_all()
    (world.tlog / "checkpoint").write_bytes(old)
    for _ in range(2):
        with pytest.raises(RolledBack, match=r"size 100, but size 300 was published.*`edgeprint fsck --deep`.*`cp "):
            world.seal_all()
    shutil.copy(world.guard.describe(), world.tlog / "checkpoint")
    check(world, 300)


def test_home_restored_but_not_the_guard(tmp_path: Path) -> None:
    """Tree and database (rows and published notes) come from one older backup: only the guard knows better."""
    world = World(tmp_path, 100)
    world.seal_all()
    backup = tmp_path / "backup"
    shutil.copytree(world.tlog, backup)
    notes = (tmp_path / "notes").read_bytes()
    world.rows.count = 300
    world.seal_all()
    shutil.rmtree(world.tlog)
    shutil.copytree(backup, world.tlog)
    (tmp_path / "notes").write_bytes(notes)
    world.rows.count = 100
    with pytest.raises(
        RolledBack, match=r"holds 100 entries, but a head of size 300 was signed.*`edgeprint ledger restore`"
    ):
        world.seal_all()
    world.rows.count = 350
    world.rows.salt = b"written after the restore"
    before = {file: file.read_bytes() for file in world.tlog.rglob("*") if file.is_file()}
    with pytest.raises(HeadsDisagree, match=r"do not lead to the root .* size 300.*`edgeprint fsck --deep`"):
        world.seal_all()
    assert {file: file.read_bytes() for file in world.tlog.rglob("*") if file.is_file()} == before
    world.rows.salt = b""  # rolled forward by hand: the true entries are there again
    check(world, 350)


@pytest.mark.parametrize("guard", ["missing", "older"])
def test_guard_missing_or_older_is_caught_up(tmp_path: Path, guard: str) -> None:
    world = World(tmp_path, 100)
    world.seal_all()
    old = Path(world.guard.describe()).read_bytes()
    world.rows.count = 300
    world.seal_all()
    if guard == "missing":
        world.guard.remove()
    else:
        Path(world.guard.describe()).write_bytes(old)
    check(world, 300)
    assert any("no rollback guard at" in line for line in world.lines) == (guard == "missing")


def test_guard_of_another_history_stops(tmp_path: Path) -> None:
    world, other = World(tmp_path / "a", 100), World(tmp_path / "b", 90, salt=b"another history")
    for one in (world, other):
        one.directory.mkdir()
        one.seal_all()
    shutil.copy(other.guard.describe(), world.guard.describe())
    world.rows.count = 120
    with pytest.raises(HeadsDisagree, match="size 100 does not continue the head of size 90"):
        world.seal_all()


@pytest.mark.parametrize("where", ["checkpoint", "guard"])
def test_damaged_note_stops(tmp_path: Path, where: str) -> None:
    world = World(tmp_path, 100)
    world.seal_all()
    file = world.tlog / "checkpoint" if where == "checkpoint" else Path(world.guard.describe())
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 2
    file.write_bytes(data)
    with pytest.raises(HeadsDisagree, match=r"does not verify.*`edgeprint fsck --deep`"):
        world.seal_all()


@pytest.mark.parametrize("kind", ["entry", "leaf", "index"])
def test_bad_row_is_never_sealed(tmp_path: Path, kind: str) -> None:
    world = World(tmp_path, 20)

    def bend(one: LedgerRow) -> LedgerRow:
        if one.index != 13:
            return one
        if kind == "index":
            return replace(one, index=14)
        return replace(one, entry=b"forged") if kind == "entry" else replace(one, leaf_hash=row(12).leaf_hash)

    world.rows.bend = bend
    with pytest.raises(Invalid, match="row 13" if kind != "index" else "index 13, found 14"):
        world.seal_all()
    assert not (world.tlog / "checkpoint").exists()
    assert world.guard.read() is None


def test_disk_full_then_freed(tmp_path: Path) -> None:
    """A directory that refuses new files stands for a full disk; root passes permissions, so a file blocks the way."""
    world = World(tmp_path, 256)
    world.seal_all()
    (world.tlog / "tile" / "0" / "001.p").write_bytes(b"")
    world.rows.count = 300
    with pytest.raises(LedgerError, match="cannot write tiles"):
        world.seal_all()
    world.check_heads()
    (world.tlog / "tile" / "0" / "001.p").unlink()
    check(world, 300)


@pytest.mark.soak
@pytest.mark.parametrize("repetition", range(4))
@pytest.mark.parametrize("point", POINTS)
def test_kill_at_every_point_many_times(tmp_path: Path, point: str, repetition: int) -> None:
    """A log that grows past tile borders, killed again and again at one point; each time the next process goes on."""
    world = World(tmp_path)
    for turn in range(8):
        count = (turn + 1) * (97 + 61 * repetition)
        died = child(world, count, point, 1 + (turn + repetition) % 3, batch=60 + 40 * repetition)
        assert died.returncode in (-signal.SIGKILL, 0), died.stderr.decode()
        world.rows.count = count
        world.check_heads()
    check(world, world.rows.count)
