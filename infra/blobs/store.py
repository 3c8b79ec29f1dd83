"""Content-addressed files: `<root>/sha256/<first 2 hex digits>/<64 hex digits>`, mode 0400, never changed once there.

A file is streamed once: its SHA-256, SM3, size and media type are taken while it is copied to `<root>/tmp`, then the
copy is fsynced, renamed to its digest and the folder fsynced. Holes of sparse files are hashed but not written, so a
sparse file stays sparse. A crash at any point leaves at most a file in `tmp`, which `remove_leftovers` takes away.

Trust: none. Whoever can write to the folder can delete blobs or put wrong bytes there, and gains nothing else: bytes
that are read back are hashed again, and a damaged blob is replaced when its true content is taken in again.

Order matters: blobs are durable before the event that names them is appended. A blob without an event is harmless.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from domain.errors import Invalid, LedgerError, NotFound, Unavailable
from domain.events import Sha256
from domain.spelling import HEX32
from infra.blobs.batch import Batch, in_parallel
from infra.blobs.copying import Content, OnBytes, copy_hashing, write_all
from infra.blobs.reading import BlobReader, check_digest, hash_file, open_blob
from infra.intake.opened import OpenedFile, open_file
from infra.process import sync_directory

LEFTOVER_AGE_S = 86_400
_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER_NAME = re.compile("[0-9a-f]{2}")
_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class BlobFault:
    """Something in the store's folder that is not what it should be."""

    path: Path
    message: str


class BlobStore:
    """The blob store under one folder, which is made where it is missing. Threads and processes may share it.

    Raises: Unavailable where the folder cannot be used (read-only, full disk, no permission).
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self._blobs = self.root / "sha256"
        self._temporary = self.root / "tmp"
        self._blobs_name = os.fspath(self._blobs)
        self._known_folders: set[str] = set()
        self._folders_unsynced = False
        with self.disk("make the blob store", self.root):
            for folder in (self.root, self._blobs, self._temporary):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(os.fspath(self.root))

    def path(self, digest: bytes) -> Path:
        """Return where the blob with this SHA-256 (32 bytes) stands or would stand."""
        if len(digest) != 32:
            raise Invalid(f"expected a sha256 of 32 bytes, found {len(digest)}")
        return Path(self.place_of(digest))

    def ingest(self, source: OpenedFile | Path | str, on_bytes: OnBytes | None = None) -> Content:
        """Take one file in and return what it is; durable when it returns. `on_bytes(n)` after each piece of n bytes.

        Raises: FileRefused for this file alone (unreadable, empty, changed while it was read); Unavailable with the
        path where the store cannot be written. Nothing is left behind in either case.
        """
        with self._opened(source) as opened, self.temporary(opened.display) as (temporary, fd):
            with self.disk("store", Path(opened.display)):
                content = copy_hashing(opened, fd, on_bytes)
                if not self.holds(content.sha256, content.size):
                    os.fsync(fd)
                    self.place(temporary, content.sha256)
                self.sync_folders({self.folder_of(content.sha256)})
            return content

    def batch(self) -> Batch:
        """Return a batch: `with store.batch() as batch: batch.ingest(...)`. Durable when the block has been left."""
        return Batch(self)

    def put_bytes(self, data: bytes) -> Sha256:
        """Store `data` and return its SHA-256; durable when it returns. Raises: Unavailable."""
        digest = Sha256(hashlib.sha256(data).digest())
        with self.disk("store", self.path(digest)):
            if not self.holds(digest, len(data)):
                with self.temporary("") as (temporary, fd):
                    write_all(fd, data, 0)
                    os.fsync(fd)
                    self.place(temporary, digest)
            self.sync_folders({self.folder_of(digest)})
        return digest

    def read_bytes(self, digest: bytes, bytes_max: int) -> bytes:
        """Return the content with this SHA-256, checked. Raises: NotFound; Invalid where it is damaged or larger than
        `bytes_max`; Unavailable."""
        path = self.path(digest)
        with self.disk("read", path), os.fdopen(open_blob(path), "rb", buffering=0) as file:
            data = bytearray()
            while len(data) <= bytes_max and (part := file.read(bytes_max + 1 - len(data))):
                data += part
        if len(data) > bytes_max:
            raise Invalid(f"blob {path}: expected at most {bytes_max} bytes, found more")
        check_digest(path, digest, hashlib.sha256(data).digest())
        return bytes(data)

    def open(self, digest: bytes) -> BinaryIO:
        """Return the content as a stream that raises Invalid at its end where it is damaged (see BlobReader).

        Raises: NotFound; Unavailable.
        """
        return cast(BinaryIO, io.BufferedReader(BlobReader(self.path(digest), digest), 1 << 18))

    def verify(self, digest: bytes) -> int:
        """Return the size of a blob that has been read and hashed now. Raises: NotFound; Invalid; Unavailable."""
        path = self.path(digest)
        found, size = hash_file(path)
        check_digest(path, digest, found)
        return size

    def digests(self) -> Iterator[Sha256]:
        """Yield the digest of every blob by its name, in order; the content is not looked at."""
        for path, fault in self._listing():
            if fault is None:
                yield Sha256(bytes.fromhex(path.name))

    def faults(self, on_bytes: OnBytes | None = None) -> Iterator[BlobFault]:
        """Read every blob and yield what is damaged or does not belong there. `on_bytes(size)` after each blob."""
        for path, fault in self._listing():
            if fault is not None:
                yield BlobFault(path, fault)
                continue
            try:
                size = self.verify(bytes.fromhex(path.name))
            except LedgerError as err:
                yield BlobFault(path, str(err))
            else:
                if on_bytes is not None:
                    on_bytes(size)

    def remove_leftovers(self, age_s: int = LEFTOVER_AGE_S) -> int:
        """Remove temporary files that a crash left behind at least `age_s` ago, and return how many."""
        limit, removed = time.time() - age_s, 0
        for path in sorted(self._temporary.iterdir()):
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime <= limit:
                    path.unlink()
                    removed += 1
        return removed

    # What Batch shares with the store. Names are str here: pathlib would cost 60 µs for each small file.

    def folder_of(self, digest: bytes) -> str:
        """Return the folder of a digest's blob."""
        return f"{self._blobs_name}/{digest[:1].hex()}"

    def place_of(self, digest: bytes) -> str:
        """Return the file name of a digest's blob."""
        return f"{self._blobs_name}/{digest[:1].hex()}/{digest.hex()}"

    def holds(self, digest: bytes, size: int) -> bool:
        """Return whether an undamaged blob with this digest is there. O(size): it is read and hashed."""
        name = self.place_of(digest)
        try:
            if os.lstat(name).st_size != size:
                return False
            return hash_file(Path(name)) == (digest, size)
        except (NotFound, FileNotFoundError):
            return False

    def place(self, temporary: str, digest: bytes) -> None:
        """Rename a durable temporary file to its digest; durable after `sync_folders`. Raises: OSError."""
        folder = self.folder_of(digest)
        if folder not in self._known_folders:
            Path(folder).mkdir(mode=0o700, exist_ok=True)
            self._known_folders.add(folder)
            self._folders_unsynced = True  # also where another process made it: it may not have synced it yet
        os.rename(temporary, self.place_of(digest))  # noqa: PTH104

    def sync_folders(self, folders: Collection[str]) -> None:
        """Make the names in `folders` durable. Raises: OSError."""
        if self._folders_unsynced:
            sync_directory(self._blobs_name)
            self._folders_unsynced = False
        in_parallel(sync_directory, sorted(folders))

    def create_temporary(self) -> tuple[str, int]:
        """Return a new empty temporary file, mode 0400, open for writing. Raises: OSError."""
        while True:
            name = f"{self._temporary}/{os.getpid()}-{next(_counter)}"
            with suppress(FileExistsError):  # left by an earlier process with our number
                return name, os.open(name, _CREATE_FLAGS, 0o400)

    @contextmanager
    def temporary(self, what: str) -> Iterator[tuple[str, int]]:
        """Give a temporary file that is closed in the end, and removed unless it was renamed."""
        with self.disk("store", Path(what) if what else self._temporary):
            name, fd = self.create_temporary()
        try:
            yield name, fd
        finally:
            os.close(fd)
            Path(name).unlink(missing_ok=True)

    @contextmanager
    def disk(self, verb: str, what: Path) -> Iterator[None]:
        """Turn an OSError of the store's own files into Unavailable, naming what was being done and the folder."""
        try:
            yield
        except OSError as err:
            reason = (err.strerror or str(err)).lower()
            raise Unavailable(f"cannot {verb} {what}: {reason} (blob store {self.root})") from err

    @contextmanager
    def _opened(self, source: OpenedFile | Path | str) -> Iterator[OpenedFile]:
        if isinstance(source, OpenedFile):
            yield source
            return
        with open_file(source) as opened:
            yield opened

    def _listing(self) -> Iterator[tuple[Path, str | None]]:
        """Yield (path, None) for every well-named blob and (path, fault) for everything else, in order."""
        for folder in sorted(self._blobs.iterdir()):
            if not _FOLDER_NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                yield folder, "expected a folder of two hex digits"
                continue
            for path in sorted(folder.iterdir()):
                fits = HEX32.fullmatch(path.name) and path.name.startswith(folder.name)
                regular = path.is_file() and not path.is_symlink()
                yield path, None if fits and regular else "expected a file named by its sha256 in the right folder"
