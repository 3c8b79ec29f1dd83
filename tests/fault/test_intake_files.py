"""What goes wrong while files are taken in: they change under our hands, the disk is full, the process is killed."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.blobs.batch import SMALL_BYTES_MAX
from infra.blobs.copying import copy_hashing
from infra.blobs.digests import CHUNK_BYTES, digest_both
from infra.blobs.store import BlobStore
from infra.intake.opened import open_file
from infra.intake.refusal import FileRefused, Reason

LARGE = 3 * CHUNK_BYTES + 11
PIECE = b"edgeprint intake "


class FullDisk(BlobStore):
    """A store whose temporary files lie on a full disk: every write to /dev/full is refused by the kernel."""

    full = True

    def create_temporary(self) -> tuple[str, int]:
        name, fd = super().create_temporary()
        if self.full:
            device = os.open("/dev/full", os.O_RDWR | os.O_CLOEXEC)
            os.dup2(device, fd)
            os.close(device)
        return name, fd


def source(folder: Path, size: int, name: str = "source") -> Path:
    path = folder / name
    path.write_bytes((PIECE * (size // len(PIECE) + 1))[:size])
    os.utime(path, ns=(10**18, 10**18))
    return path


def nothing_left(store: BlobStore) -> bool:
    return list((store.root / "tmp").iterdir()) == [] and list(store.digests()) == []


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"OTHER")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


CHANGES: list[tuple[Callable[[Path], None], Reason]] = [
    (grow, Reason.CHANGED),
    (shrink, Reason.CHANGED),
    (overwrite, Reason.CHANGED),
    (replace, Reason.VANISHED),
    (Path.unlink, Reason.VANISHED),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
@pytest.mark.parametrize("in_batch", [False, True])
def test_a_large_file_that_changes_while_it_is_read_is_refused_alone(
    tmp_path: Path, change: Callable[[Path], None], reason: Reason, in_batch: bool
) -> None:
    store, path = BlobStore(tmp_path / "blobs"), source(tmp_path, LARGE)
    pending = [change]

    def on_bytes(count: int) -> None:
        if pending:
            pending.pop()(path)

    with store.batch() as batch:
        with pytest.raises(FileRefused) as caught:
            (batch if in_batch else store).ingest(path, on_bytes)
        assert caught.value.refused.reason is reason
        assert nothing_left(store)
        good = batch.ingest(source(tmp_path, 100, "good"))
    assert list(store.digests()) == [good.sha256]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_a_small_file_that_changes_while_it_is_read_is_refused_alone(
    tmp_path: Path, change: Callable[[Path], None], reason: Reason
) -> None:
    store, path = BlobStore(tmp_path / "blobs"), source(tmp_path, 1000)
    with store.batch() as batch, open_file(path) as opened:
        change(path)
        with pytest.raises(FileRefused) as caught:
            batch.ingest(opened)
        assert caught.value.refused.reason is reason
    assert nothing_left(store)


def test_a_file_that_grows_for_ever_is_read_to_its_first_size_only(tmp_path: Path) -> None:
    store, path = BlobStore(tmp_path / "blobs"), source(tmp_path, LARGE)
    read: list[int] = []

    def on_bytes(count: int) -> None:
        read.append(count)
        grow(path)

    with pytest.raises(FileRefused, match=f"expected {LARGE} bytes, found"):
        store.ingest(path, on_bytes)
    assert sum(read) == LARGE


@pytest.mark.parametrize("size", [100, LARGE])
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    store, path = FullDisk(tmp_path / "blobs"), source(tmp_path, size)
    with pytest.raises(Unavailable, match=rf"cannot store {path}: no space left on device \(blob store {store.root}\)"):
        store.ingest(path)
    with pytest.raises(Unavailable, match="no space left on device"), store.batch() as batch:
        batch.ingest(path)
    with pytest.raises(Unavailable, match="no space left on device"):
        store.put_bytes(b"manifest")
    assert nothing_left(store)
    store.full = False
    assert store.ingest(path).size == size
    assert list(store.faults()) == []


def test_a_disk_that_fills_up_in_the_middle_of_a_batch_loses_the_batch_only(tmp_path: Path) -> None:
    store = FullDisk(tmp_path / "blobs")
    store.full = False
    with store.batch() as batch:
        kept = batch.ingest(source(tmp_path, 10, "kept"))
    with pytest.raises(Unavailable), store.batch() as batch:
        batch.ingest(source(tmp_path, 20, "waiting"))
        store.full = True
        batch.ingest(source(tmp_path, 30, "too much"))
    assert list(store.digests()) == [kept.sha256]
    assert list((store.root / "tmp").iterdir()) == []


def test_an_fsync_that_fails_gives_the_batch_up(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    with pytest.raises(Unavailable, match="cannot store 1 files"), store.batch() as batch:
        batch.ingest(source(tmp_path, 10))
        (fd,) = batch._unsynced
        reader, writer = os.pipe()
        os.dup2(writer, fd)  # a pipe cannot be synced: EINVAL, as a failing disk would give EIO
        os.close(reader)
        os.close(writer)
    assert nothing_left(store)


def test_a_store_that_may_not_be_written_is_unavailable_not_a_refusal_of_the_file(tmp_path: Path) -> None:
    store, path = BlobStore(tmp_path / "blobs"), source(tmp_path, 10)
    (store.root / "tmp").rmdir()
    with pytest.raises(Unavailable, match=f"cannot store {path}: no such file or directory"):
        store.ingest(path)


def test_a_destination_that_fails_is_told_from_a_source_that_fails(tmp_path: Path) -> None:
    destination = os.open("/dev/full", os.O_RDWR)
    with open_file(source(tmp_path, LARGE)) as opened, pytest.raises(OSError) as caught:
        copy_hashing(opened, destination, None)
    os.close(destination)
    assert caught.value.errno == errno.ENOSPC


KILLED = """
import os, signal, sys
from infra.blobs.store import BlobStore
store = BlobStore(sys.argv[1])
if sys.argv[3] == "ingest":
    store.ingest(sys.argv[2], lambda count: os.kill(os.getpid(), signal.SIGKILL))
else:
    with store.batch() as batch:
        batch.put_bytes(b"one")
        batch.ingest(sys.argv[2])
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("way", ["ingest", "batch"])
def test_kill_9_leaves_only_temporary_files_and_the_same_command_resumes(tmp_path: Path, way: str) -> None:
    path = source(tmp_path, LARGE)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "blobs"), str(path), way]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    store = BlobStore(tmp_path / "blobs")
    assert list(store.digests()) == [] and list(store.faults()) == []
    assert store.remove_leftovers(age_s=-60) == (1 if way == "ingest" else 2)
    content = store.ingest(path)
    assert store.verify(content.sha256) == LARGE


def _ingest_all(root: str, paths: list[str]) -> None:
    store = BlobStore(root)
    with store.batch() as batch:
        for path in paths:
            batch.ingest(path)
    for path in paths:
        store.ingest(path)


def test_processes_that_bring_the_same_files_at_once_keep_one_good_copy(tmp_path: Path) -> None:
    paths = [str(source(tmp_path, 500 + number % 7, f"f{number}")) for number in range(20)]
    paths.append(str(source(tmp_path, SMALL_BYTES_MAX + 9, "large")))
    context = multiprocessing.get_context("spawn")
    root = str(tmp_path / "blobs")
    workers = [context.Process(target=_ingest_all, args=(root, paths[shift:] + paths[:shift])) for shift in (0, 3, 9)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    store = BlobStore(root)
    assert len(list(store.digests())) == 8
    assert list(store.faults()) == []
    assert list((store.root / "tmp").iterdir()) == []


def sparse(path: Path, size: int, at: int) -> None:
    """Make a sparse file of `size` bytes with one piece of data at `at`."""
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(at)
        file.write(PIECE)


def test_holes_are_hashed_but_not_written(tmp_path: Path) -> None:
    size, at = 48 << 20, 20 << 20
    path = tmp_path / "sparse"
    sparse(path, size, at)
    expected = digest_both(bytes(at) + PIECE + bytes(size - at - len(PIECE)))
    store = BlobStore(tmp_path / "blobs")
    seen: list[int] = []
    content = store.ingest(path, seen.append)
    assert (content.sha256, content.sm3, content.size, sum(seen)) == (*expected, size, size)
    kept = store.path(content.sha256).stat()
    assert kept.st_size == size
    assert kept.st_blocks * 512 <= max(1 << 20, path.stat().st_blocks * 512)
    assert store.verify(content.sha256) == size


def test_a_file_that_is_one_hole_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(5 << 20)
    store = BlobStore(tmp_path / "blobs")
    with store.batch() as batch:
        content = batch.ingest(path)
    assert (content.sha256, content.sm3) == digest_both(bytes(5 << 20))
    assert store.path(content.sha256).stat().st_blocks == 0


MEASURED = """
import sys
from infra.blobs.store import BlobStore
content = BlobStore(sys.argv[1]).ingest(sys.argv[2])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(content.sha256.hex(), content.size, peak)
"""


def measured(tmp_path: Path, size: int) -> tuple[str, int]:
    """Take a sparse file of `size` bytes in, in a process of its own; return its SHA-256 and the peak memory in KiB."""
    path = tmp_path / "sparse"
    sparse(path, size, size // 2)
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "blobs"), str(path)]
    digest, found, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(found) == size
    return digest, int(peak)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    _, peak_kib = measured(tmp_path, 128 << 20)
    assert peak_kib < 100 * 1024


@pytest.mark.soak
def test_a_sparse_file_of_4_gib_takes_less_than_300_mb(tmp_path: Path) -> None:
    size = 4 << 30
    digest, peak_kib = measured(tmp_path, size)
    assert peak_kib * 1024 < 300 * 10**6
    expected = hashlib.sha256()
    zeros = bytes(1 << 20)
    for _ in range(2048):
        expected.update(zeros)
    expected.update(PIECE + zeros[len(PIECE) :])
    for _ in range(2047):
        expected.update(zeros)
    assert digest == expected.hexdigest()
    assert (tmp_path / "blobs" / "sha256" / digest[:2] / digest).stat().st_blocks * 512 < 10 << 20
