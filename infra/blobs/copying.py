"""Copy one open file into the store's temporary file while hashing it, holes kept; every byte is read once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from domain.events import Sha256
from domain.identity.media import HEAD_BYTES, TAIL_BYTES, AssetKind, recognise
from infra.blobs.digests import CHUNK_BYTES, StreamDigest
from infra.intake.opened import OpenedFile
from infra.intake.refusal import FileRefused, refuse_error

OnBytes = Callable[[int], None]
_NO_EXTENTS = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


@dataclass(frozen=True, slots=True)
class Content:
    """What a file's bytes are: digests (32 bytes each), size in bytes, media type and kind by content."""

    sha256: Sha256
    sm3: bytes
    size: int
    media_type: str
    kind: AssetKind


def extents(fd: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, is data) for the whole of [0, size) in order, as the file system reports it.

    A file system without SEEK_DATA gives one piece of data. The file may shrink meanwhile: what is gone reads as a hole
    here and is noticed by `OpenedFile.check_unchanged`.
    """
    position = 0
    while position < size:
        try:
            start = min(os.lseek(fd, position, os.SEEK_DATA), size)
        except OSError as err:
            if err.errno in _NO_EXTENTS:
                yield position, size, True
                return
            if err.errno != errno.ENXIO:  # ENXIO: no data behind this position
                raise
            start = size
        if start > position:
            yield position, start, False
        if start < size:
            end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
            yield start, end, True
            start = end
        position = start


def copy_hashing(source: OpenedFile, destination: int, on_bytes: OnBytes | None) -> Content:
    """Copy `source` to the empty file `destination` (open for reading and writing) and return what it is.

    Memory is constant. The copy is not fsynced. Raises: FileRefused where the source cannot be read or is not the same
    file at the end as at the start; OSError where the destination cannot be written.
    """
    copied = 0
    with closing(StreamDigest()) as digest:
        for start, end, is_data in _source_extents(source):
            if is_data:
                done = _copy_data(source, destination, start, end, digest, on_bytes)
            else:
                done = _skip_hole(end - start, digest, on_bytes)
            copied += done
            if done != end - start:
                break
        source.check_unchanged(copied)
        os.ftruncate(destination, copied)
        sha256, sm3 = digest.finish()
    head = os.pread(destination, HEAD_BYTES, 0)
    tail = os.pread(destination, TAIL_BYTES, max(0, copied - TAIL_BYTES))
    media = recognise(head, size=copied, tail=tail, name=source.name)
    return Content(Sha256(sha256), sm3, copied, media.media_type, media.kind)


def _source_extents(source: OpenedFile) -> Iterator[tuple[int, int, bool]]:
    try:
        yield from extents(source.fd, source.size)
    except OSError as err:
        raise FileRefused(refuse_error(source.path, err, seen=True)) from err


def _copy_data(
    source: OpenedFile, destination: int, start: int, end: int, digest: StreamDigest, on_bytes: OnBytes | None
) -> int:
    """Copy and hash [start, end) and return how many bytes there were; fewer where the file has shrunk."""
    position = start
    while position < end:
        buffer = digest.next_buffer()
        try:
            got = os.preadv(source.fd, [buffer[: min(CHUNK_BYTES, end - position)]], position)
        except OSError as err:
            raise FileRefused(refuse_error(source.path, err, seen=True)) from err
        if got == 0:
            break
        digest.update(got)
        write_all(destination, buffer[:got], position)
        position += got
        if on_bytes is not None:
            on_bytes(got)
    return position - start


def _skip_hole(size: int, digest: StreamDigest, on_bytes: OnBytes | None) -> int:
    """Hash a hole of `size` bytes without reading or writing it."""
    step = 64 * CHUNK_BYTES
    for start in range(0, size, step):
        part = min(step, size - start)
        digest.update_zeros(part)
        if on_bytes is not None:
            on_bytes(part)
    return size


def write_all(fd: int, data: bytes | memoryview, position: int) -> None:
    """Write all of `data` at `position`. Raises: OSError."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, position)
        view = view[written:]
        position += written
