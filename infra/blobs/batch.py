"""Many small files at once: write all, fsync all, rename all, folders once. Nothing is durable before the batch ends.

fsync waits for the disk and releases the interpreter lock, so a few threads keep the disk busy with what was written
while the next files are read and hashed. Measured on ext4 with files of 4 KiB, writing and syncing alone: 2,700/s one
after another, 6,000/s with threads at the end, 7,000/s with threads on the way. (syncfs(2) reaches 13,000/s, but waits
for everybody's dirty pages, however many gigabytes those are.)
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from domain.events import Sha256
from domain.identity.media import recognise
from infra.blobs.copying import Content, OnBytes, copy_hashing, write_all
from infra.blobs.digests import digest_both
from infra.intake.opened import OpenedFile, open_file
from infra.intake.refusal import FileRefused, refuse_error

if TYPE_CHECKING:
    from infra.blobs.store import BlobStore

SMALL_BYTES_MAX = 1 << 20
BATCH_FILES_MAX = 512
BATCH_BYTES_MAX = 256 << 20
FSYNC_THREADS = 8
SYNC_FILES = 32
SYNCING_SHARES_MAX = 48
_Item = TypeVar("_Item")


class Batch:
    """A batch of one BlobStore, for one thread. Leaving the `with` block makes everything durable; leaving it by an
    exception gives up what is not yet durable.

    At most BATCH_FILES_MAX files or BATCH_BYTES_MAX bytes wait; then `flush` runs by itself.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._waiting: dict[bytes, str] = {}
        self._folders: set[str] = set()
        self._waiting_bytes = 0
        self._unsynced: list[int] = []
        self._syncing: list[Future[None]] = []

    def ingest(self, source: OpenedFile | Path | str, on_bytes: OnBytes | None = None) -> Content:
        """Take one file in and return what it is; durable when the batch has ended.

        Raises: FileRefused for this file alone, the batch goes on; Unavailable, and then the batch is lost.
        """
        opened = source if isinstance(source, OpenedFile) else open_file(source)
        try:
            if opened.size > SMALL_BYTES_MAX:
                return self._ingest_large(opened, on_bytes)
            return self._ingest_small(opened, on_bytes)
        finally:
            if opened is not source:
                opened.close()

    def put_bytes(self, data: bytes) -> Sha256:
        """Store `data` and return its SHA-256; durable when the batch has ended. Raises: Unavailable."""
        digest = Sha256(hashlib.sha256(data).digest())
        self._write(digest, data, "bytes")
        return digest

    def flush(self) -> None:
        """Make everything taken in so far durable. Raises: Unavailable; what was waiting is then given up."""
        try:
            with self._store.disk("store", Path(f"{len(self._waiting)} files")):
                self._start_sync()
                while self._syncing:
                    self._syncing.pop().result()
                while self._waiting:
                    digest = next(iter(self._waiting))
                    self._store.place(self._waiting[digest], digest)
                    del self._waiting[digest]
                self._store.sync_folders(self._folders)
        finally:
            self.discard()

    def discard(self) -> None:
        """Give up what is not yet durable: close and remove the temporary files."""
        wait(self._syncing)  # each closes the files that it was given
        self._syncing.clear()
        for fd in self._unsynced:
            os.close(fd)
        self._unsynced.clear()
        for temporary in self._waiting.values():
            Path(temporary).unlink(missing_ok=True)
        self._waiting.clear()
        self._folders.clear()
        self._waiting_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        else:
            self.discard()

    def _ingest_small(self, opened: OpenedFile, on_bytes: OnBytes | None) -> Content:
        data = _read_whole(opened)
        opened.check_unchanged(len(data))
        sha256, sm3 = digest_both(data)
        media = recognise(data, size=len(data), name=opened.name)
        self._write(sha256, data, opened.display)
        if on_bytes is not None:
            on_bytes(len(data))
        return Content(Sha256(sha256), sm3, len(data), media.media_type, media.kind)

    def _ingest_large(self, opened: OpenedFile, on_bytes: OnBytes | None) -> Content:
        with self._store.disk("store", Path(opened.display)):
            temporary, fd = self._store.create_temporary()
            try:
                content = copy_hashing(opened, fd, on_bytes)
                known = self._is_known(content.sha256, content.size)
            except BaseException:
                _remove(temporary, fd)
                raise
            if known:
                _remove(temporary, fd)
            else:
                self._wait(content.sha256, temporary, fd, content.size)
        return content

    def _write(self, digest: bytes, data: bytes, what: str) -> None:
        try:
            if self._is_known(digest, len(data)):
                return
            temporary, fd = self._store.create_temporary()
            try:
                write_all(fd, data, 0)
            except BaseException:
                _remove(temporary, fd)
                raise
        except OSError as err:
            with self._store.disk("store", Path(what)):
                raise err
        self._wait(digest, temporary, fd, len(data))

    def _is_known(self, digest: bytes, size: int) -> bool:
        """Return whether the content is already here. Its folder is synced with the batch all the same, since whoever
        put it there may not have come so far."""
        known = digest in self._waiting or self._store.holds(digest, size)
        self._folders.add(self._store.folder_of(digest))
        return known

    def _wait(self, digest: bytes, temporary: str, fd: int, size: int) -> None:
        self._waiting[digest] = temporary
        self._waiting_bytes += size
        self._unsynced.append(fd)
        if len(self._unsynced) >= SYNC_FILES:
            self._start_sync()
        if len(self._waiting) >= BATCH_FILES_MAX or self._waiting_bytes >= BATCH_BYTES_MAX:
            self.flush()

    def _start_sync(self) -> None:
        """Begin to fsync and close what has been written since the last call."""
        for start in range(min(FSYNC_THREADS, len(self._unsynced))):
            self._syncing.append(_threads().submit(_sync_and_close, self._unsynced[start::FSYNC_THREADS]))
        self._unsynced = []
        if len(self._syncing) > SYNCING_SHARES_MAX:  # a bound for open descriptors; what failed is told by flush
            wait(self._syncing[:-FSYNC_THREADS])


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the threads that wait for the disk; one pool for the process, since starting threads costs as much."""
    return ThreadPoolExecutor(FSYNC_THREADS, thread_name_prefix="fsync")


def in_parallel(action: Callable[[_Item], object], items: Sequence[_Item]) -> None:
    """Run `action` on every item, in FSYNC_THREADS threads where there are many. Raises: what one of them raised."""
    if len(items) <= FSYNC_THREADS:
        _run(action, items)
        return
    shares = [items[start::FSYNC_THREADS] for start in range(FSYNC_THREADS)]
    running = [_threads().submit(_run, action, share) for share in shares]
    wait(running)
    for done in running:
        done.result()


def _run(action: Callable[[_Item], object], items: Sequence[_Item]) -> None:
    for item in items:
        action(item)


def _sync_and_close(files: Sequence[int]) -> None:
    """Make files durable and close them, all of them also where one fails. Raises: OSError."""
    failed: OSError | None = None
    for fd in files:
        try:
            os.fsync(fd)
        except OSError as err:
            failed = err
        os.close(fd)
    if failed is not None:
        raise failed


def _remove(temporary: str, fd: int) -> None:
    os.close(fd)
    Path(temporary).unlink(missing_ok=True)


def _read_whole(opened: OpenedFile) -> bytes:
    """Return the bytes of a small file, at most one more than its size said. Raises: FileRefused."""
    try:
        data = os.pread(opened.fd, opened.size + 1, 0)
        while len(data) < opened.size and (part := os.pread(opened.fd, opened.size + 1 - len(data), len(data))):
            data += part
    except OSError as err:
        raise FileRefused(refuse_error(opened.path, err, seen=True)) from err
    return data
