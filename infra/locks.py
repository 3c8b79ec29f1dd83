"""Lock files (flock): what a process holds is free when it ends, however it ends, and not before.

The kernel keeps them by the file, so they hold between containers that share a folder, where a process id says nothing:
each container counts its processes from 1.
"""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from domain.errors import Unavailable
from infra.process import POLL_SECONDS, write_durably


class FileLock:
    """An exclusive lock on a file, between processes and between threads, held inside a `with` block.

    The file is made with mode 0600 and stays when the lock is released, unless `remove` was called under the lock.
    Not reentrant: the same thread taking it twice waits for itself. Released by the kernel if the holder is killed.
    """

    def __init__(self, path: Path, *, timeout_s: float, what: str) -> None:
        """Prepare a lock on `path`; `what` names the guarded thing in the message when `timeout_s` runs out."""
        self._path = path
        self._timeout_s = timeout_s
        self._what = what
        self._descriptor: int | None = None

    def __enter__(self) -> "FileLock":
        deadline = time.monotonic() + self._timeout_s
        while not self._try_lock():
            if time.monotonic() >= deadline:
                holder = self._holder()
                raise Unavailable(f"{self._what} is locked by another process{holder} (lock file {self._path})")
            time.sleep(POLL_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Delete the lock file while holding it; a waiter notices that its file is gone and makes a new one."""
        self._path.unlink(missing_ok=True)

    def _try_lock(self) -> bool:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as err:
            raise Unavailable(f"cannot open the lock file {self._path}: {err.strerror}") from err
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The file we locked may have been removed by its last holder: then somebody else may lock the new one.
            if os.fstat(descriptor).st_ino != self._path.stat().st_ino:
                raise FileNotFoundError
        except (BlockingIOError, FileNotFoundError):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def _holder(self) -> str:
        with suppress(OSError, ValueError):
            return f" ({int(self._path.read_bytes()[:20])})"
        return ""


def write_held(path: Path, data: bytes) -> None:
    """Replace `path` by `data` durably and hold it, shared with nobody, until this process ends: see `is_held`.

    Raises:
        OSError: the file cannot be written.
    """
    write_durably(path, data)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # never closed: the kernel does it, at the end
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # waits for who asks just now: `is_held` takes it for a moment


def is_held(path: Path) -> bool:
    """Return whether a live process, in whatever container, holds this file; one that is not there nobody holds.

    Raises:
        Unavailable: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as err:
        raise Unavailable(f"cannot read {path}: {err.strerror}") from err
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
