"""Read blobs back without trusting the folder: a reader that hashes what it hands out, and the check of one blob."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import Invalid, NotFound, Unavailable
from infra.blobs.digests import CHUNK_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_blob(path: Path) -> int:
    """Return a file descriptor of the blob at `path`.

    Raises: NotFound; Invalid where something else stands there; Unavailable.
    """
    try:
        return os.open(path, _OPEN_FLAGS)
    except FileNotFoundError as err:
        raise NotFound(f"expected a blob at {path}, found nothing") from err
    except OSError as err:
        raise Unavailable(f"blob {path} cannot be opened: {(err.strerror or '').lower()}") from err


def hash_file(path: Path) -> tuple[bytes, int]:
    """Return (SHA-256, size) of the file at `path`, read now. Raises: as `open_blob`; Unavailable on a read error."""
    digest, size = hashlib.sha256(), 0
    buffer = memoryview(bytearray(min(CHUNK_BYTES, 1 << 18)))
    fd = open_blob(path)
    try:
        while got := os.readv(fd, [buffer]):
            digest.update(buffer[:got])
            size += got
    except OSError as err:
        raise Unavailable(f"blob {path} cannot be read: {(err.strerror or '').lower()}") from err
    finally:
        os.close(fd)
    return digest.digest(), size


class BlobReader(io.RawIOBase):
    """A blob as a stream. The bytes are proved only when the end has been read without an error.

    Raises, from the read that reaches the end: Invalid where the content does not have the expected digest. Whoever
    acts on the bytes before the end acts on unproved bytes.
    """

    def __init__(self, path: Path, expected: bytes) -> None:
        super().__init__()
        self._path = path
        self._expected = expected
        self._digest = hashlib.sha256()
        self._fd = open_blob(path)

    def readable(self) -> bool:
        return True

    def readinto(self, target: WriteableBuffer, /) -> int:
        view = memoryview(target).cast("B")
        got = os.readv(self._fd, [view]) if view else 0
        self._digest.update(view[:got])
        if got == 0 and view:
            check_digest(self._path, self._expected, self._digest.digest())
        return got

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


def check_digest(path: Path, expected: bytes, found: bytes) -> None:
    """Raise Invalid where a blob's content is not what its name says."""
    if found != expected:
        raise Invalid(f"blob {path} is damaged: expected sha256 {expected.hex()}, found {found.hex()}")
