"""Open one file so that nothing but a regular file is ever read, and notice when it changes under our hands.

The path is looked at first (opening a device can already do harm), opened with O_NOFOLLOW and O_NONBLOCK (a symbolic
link put there in between is not followed, a FIFO does not block), and the open file is looked at again.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.intake.refusal import FileRefused, Reason, Refused, display, refuse, refuse_error

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_NOT_REGULAR = {
    stat.S_IFIFO: (Reason.FIFO, "a FIFO"),
    stat.S_IFSOCK: (Reason.SOCKET, "a socket"),
    stat.S_IFCHR: (Reason.DEVICE, "a character device"),
    stat.S_IFBLK: (Reason.DEVICE, "a block device"),
    stat.S_IFLNK: (Reason.SYMLINK, "a symbolic link"),
    stat.S_IFDIR: (Reason.NOT_REGULAR, "a folder"),
}


@dataclass(slots=True)
class OpenedFile:
    """An open regular file as it stood when it was opened. Close it, or use it as a context manager.

    `path` is the name it was found under (a link's own name), `size` is in bytes.
    """

    path: str
    fd: int
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return self.path.rpartition("/")[2]

    @property
    def display(self) -> str:
        """The path, safe to print."""
        return display(self.path)

    def check_unchanged(self, read_bytes: int) -> None:
        """Raise where the file is not what it was when it was opened, or `read_bytes` is not its size.

        Raises: FileRefused (CHANGED or VANISHED); the bytes read may be a mixture and must be thrown away.
        """
        now = os.fstat(self.fd)
        if now.st_nlink == 0:
            raise FileRefused(refuse(self.path, Reason.VANISHED, "it was deleted or replaced while it was being read"))
        if now.st_size != self.size or read_bytes != self.size:
            found = now.st_size if now.st_size != self.size else read_bytes
            raise FileRefused(
                refuse(
                    self.path, Reason.CHANGED, f"it changed while being read: expected {self.size} bytes, found {found}"
                )
            )
        if now.st_mtime_ns != self.mtime_ns:
            raise FileRefused(refuse(self.path, Reason.CHANGED, "it was written to while it was being read"))

    def close(self) -> None:
        """Close the file; again is harmless."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_file(path: str | Path, *, target: str | None = None, allow_empty: bool = False) -> OpenedFile:
    """Open a regular file for reading. `target` is what a followed link leads to, as `walk` resolved it.

    Raises: FileRefused with the reason: not regular, unreadable, gone, or empty (unless `allow_empty`).
    """
    shown = os.fspath(path)
    actual = shown if target is None else target
    try:
        fault = irregular(shown, os.lstat(actual).st_mode)
        if fault is not None:
            raise FileRefused(fault)
        fd = os.open(actual, _OPEN_FLAGS)
    except OSError as err:
        raise FileRefused(refuse_error(shown, err, seen=True)) from err
    try:
        status = os.fstat(fd)
        fault = irregular(shown, status.st_mode)
        if fault is None and status.st_size == 0 and not allow_empty:
            fault = refuse(shown, Reason.EMPTY, "the file is empty; there is nothing to identify")
        if fault is not None:
            raise FileRefused(fault)
    except BaseException:
        os.close(fd)
        raise
    return OpenedFile(shown, fd, status.st_size, status.st_mtime_ns)


def irregular(path: str, mode: int) -> Refused | None:
    """Return the refusal of anything but a regular file, None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    reason, found = _NOT_REGULAR.get(stat.S_IFMT(mode), (Reason.NOT_REGULAR, "something else"))
    return refuse(path, reason, f"expected a regular file, found {found}")
