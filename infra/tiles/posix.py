"""A C2SP tlog-tiles tree in a POSIX directory, with one writer and any number of readers.

    <directory>/checkpoint              the published note, replaced by rename
    <directory>/tile/0/x001/234/067     hash tiles; tile/entries/... entry bundles; <N>.p/<W> partial ones
    <directory>/.staging/<token>-<k>    files being written, under names of one process; the next lock removes leftovers

A batch becomes durable in four strokes, so that its cost is a few journal commits and not one per file: write all
to temporary names, fsync all, rename all, fsync their directories once. A file is therefore never seen torn. Partial
tiles are never deleted: clients may hold any checkpoint that was ever published.

Trust: none. Whoever can write here can withhold or spoil files, which every reader finds by the signed root; he cannot
make anyone accept another history. The directory may be copied and served by anybody (C2SP tlog-tiles).

The lock is `flock` on the directory itself (nothing can delete it as a lock file can be deleted); before the
checkpoint is replaced the directory must still be the one that was locked.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from domain.errors import Conflict, Unavailable
from domain.ledger.tiles import TILE_WIDTH, Tile, parse_tile_path, tile_path
from infra.process import sync_directory
from producers.sealer_ports import CHECKPOINT_BYTES_MAX, Failpoint, no_failpoint

CHECKPOINT = "checkpoint"
STAGING = ".staging"
FILES_OPEN_MAX = 128
FILE_BYTES_MAX = 256 * (2 + 65_535)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def unverified_size(note: bytes) -> int:
    """Return the tree size on a note's second line, or -1 if there is none; no signature is looked at.

    Only for refusing to go backwards: an unreadable note is "smaller" than every note.
    """
    lines = note.split(b"\n", 2)
    return int(lines[1]) if len(lines) == 3 and lines[1].isdigit() and len(lines[1]) <= 19 else -1


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class PosixTree:
    """The tree directory behind the sealer's `TreeStore` port; `read` and `checkpoint` need no lock.

    `failpoint` is called with `seal.tiles.written` (all files durable under temporary names) and
    `seal.checkpoint.written` (the same for the note); tests stop the process there.
    """

    def __init__(self, directory: Path, failpoint: Failpoint = no_failpoint) -> None:
        self._directory = directory
        self._failpoint = failpoint
        self._locked: int | None = None
        self._token = ""
        self._known_directories: set[Path] = set()

    def describe(self) -> str:
        """Return the directory."""
        return str(self._directory)

    def lock(self) -> None:
        """Become the only writer; see `TreeStore.lock`. The directory is made if it is missing."""
        if self._locked is not None:
            return
        with _disk(f"lock {self._directory}"):
            self._make_directory(self._directory)
            descriptor = os.open(self._directory, _DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            os.close(descriptor)
            raise Conflict(f"another sealer holds the tree directory {self._directory}") from err
        self._locked = descriptor
        with _disk(f"prepare {self._directory}"):
            self._make_directory(self._directory / STAGING)
            # Whoever left these is dead, or has lost its lock and must not rename them any more.
            for leftover in (self._directory / STAGING).iterdir():
                leftover.unlink()
        self._token = secrets.token_hex(8)

    def unlock(self) -> None:
        """Give the directory free."""
        if self._locked is not None:
            os.close(self._locked)
            self._locked = None

    def read(self, path: str) -> bytes:
        """Return the bytes of a tile, bundle or the checkpoint.

        Raises:
            FileNotFoundError: there is no such file.
            Invalid: `path` is no path of a tlog-tiles tree.
            Unavailable: the file cannot be read.
        """
        if path != CHECKPOINT:
            parse_tile_path(path)
        try:
            with (self._directory / path).open("rb") as file:
                return file.read(FILE_BYTES_MAX + 1)
        except (FileNotFoundError, NotADirectoryError) as err:
            raise FileNotFoundError(path) from err
        except OSError as err:
            raise Unavailable(f"cannot read {self._directory / path}: {err.strerror}") from err

    def partial_widths(self, tile: Tile) -> list[int]:
        """Return the widths of the partial files that stand beside a tile or bundle, ascending.

        Raises:
            Unavailable: the directory cannot be read.
        """
        directory = self._directory / (tile_path(tile._replace(width=TILE_WIDTH)) + ".p")
        try:
            names = [file.name for file in directory.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as err:
            raise Unavailable(f"cannot read {directory}: {err.strerror}") from err
        return sorted(int(name) for name in names if name.isascii() and name.isdigit() and 0 < int(name) < TILE_WIDTH)

    def checkpoint(self) -> bytes | None:
        """Return the published note, or None."""
        try:
            return self.read(CHECKPOINT)[: CHECKPOINT_BYTES_MAX + 1]
        except FileNotFoundError:
            return None

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write tiles and bundles; see `TreeStore.write`. Memory: nothing beyond `files`."""
        self._confirm_locked()
        try:
            with _disk(f"write tiles to {self._directory}"):
                for start in range(0, len(files), FILES_OPEN_MAX):
                    self._write_batch(files[start : start + FILES_OPEN_MAX])
        except Unavailable:
            self._known_directories.clear()
            raise

    def replace_checkpoint(self, expected: bytes | None, note: bytes) -> None:
        """Publish `note`; see `TreeStore.replace_checkpoint`."""
        temporary = self._temporary(CHECKPOINT)
        with _disk(f"replace {self._directory / CHECKPOINT}"):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                _write_all(descriptor, note)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._failpoint("seal.checkpoint.written")
            # A sealer may have slept for hours anywhere above: look again at what stands there, as late as can be.
            self._confirm_locked()
            current = self.checkpoint()
            if current != expected:
                raise Conflict(
                    f"{self._directory / CHECKPOINT} changed under this sealer: expected size "
                    f"{unverified_size(expected or b'')}, found {unverified_size(current or b'')}"
                )
            if current is not None and unverified_size(note) < unverified_size(current):
                raise Conflict(
                    f"checkpoint of size {unverified_size(note)} may not replace one of size {unverified_size(current)}"
                )
            temporary.rename(self._directory / CHECKPOINT)
            sync_directory(self._directory)

    def _confirm_locked(self) -> None:
        """Raise Conflict unless the directory at our path is the one we hold the lock of."""
        if self._locked is None:
            raise Conflict(f"the tree directory {self._directory} is not locked by this process")
        try:
            same = os.path.samestat(os.fstat(self._locked), os.stat(self._directory))
            # Changes nothing while it is held. If the kernel dropped it (network file systems do), this takes it again
            # or fails; whoever had it in between left another checkpoint, which `replace_checkpoint` finds.
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            raise Conflict(f"the lock of {self._directory} was lost: {err.strerror}") from err
        if not same:
            raise Conflict(f"the tree directory {self._directory} was replaced by another one")

    def _write_batch(self, files: Sequence[tuple[str, bytes]]) -> None:
        temporaries = [self._temporary(str(number)) for number in range(len(files))]
        targets = [self._directory / path for path, _ in files]
        for parent in sorted({target.parent for target in targets}):
            self._make_directory(parent)
        descriptors: list[int] = []
        try:
            for temporary, (_, data) in zip(temporaries, files, strict=True):
                descriptors.append(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))
                _write_all(descriptors[-1], data)
            for descriptor in descriptors:
                os.fsync(descriptor)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._failpoint("seal.tiles.written")
        for temporary, target in zip(temporaries, targets, strict=True):
            temporary.rename(target)
        for parent in sorted({target.parent for target in targets}):
            sync_directory(parent)

    def _temporary(self, name: str) -> Path:
        """Return a path no other process writes to: a sealer that slept must never rename another one's file."""
        return self._directory / STAGING / f"{self._token}-{name}"

    def _make_directory(self, directory: Path) -> None:
        """Make a directory and its parents, each name durable in its parent."""
        if directory in self._known_directories:
            return
        if not directory.is_dir():
            self._make_directory(directory.parent)
            directory.mkdir(exist_ok=True)
            sync_directory(directory.parent)
        if not directory.name.endswith(".p"):  # a partial tile's directory is used for seconds: do not remember it
            self._known_directories.add(directory)


@contextmanager
def _disk(what: str) -> Iterator[None]:
    """Turn an OSError into Unavailable: after a failed write or fsync nothing is known, recovery reads again."""
    try:
        yield
    except OSError as err:
        raise Unavailable(f"cannot {what}: {err.strerror or err}") from err
