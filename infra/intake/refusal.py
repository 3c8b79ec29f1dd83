"""Why a file was not taken in: a reason code for programs, a sentence for people, a name that is safe to print."""

from __future__ import annotations

import errno
import os
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Rejected

_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Reason(StrEnum):
    """The reason codes; a code is never renamed, since scripts branch on it."""

    NOT_FOUND = "not_found"
    VANISHED = "vanished"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    NAME_NOT_UTF8 = "name_not_utf8"
    NAME_CONTROL = "name_control"
    SYMLINK_LOOP = "symlink_loop"
    SYMLINK_DANGLING = "symlink_dangling"
    SYMLINK_OUTSIDE = "symlink_outside"
    SYMLINK_FOLDER = "symlink_folder"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    NOT_REGULAR = "not_regular"
    TOO_DEEP = "too_deep"
    ORPHAN_SIDECAR = "orphan_sidecar"
    LONE_SIDECAR = "lone_sidecar"
    OWN_HOME = "own_home"
    READ_ERROR = "read_error"
    SIDECAR = "sidecar"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refused:
    """A path that was not taken in. `display` is escaped and safe to print; `message` says what was expected."""

    path: str
    display: str
    reason: Reason
    message: str

    def __str__(self) -> str:
        return f"{self.display}: {self.message}"


class FileRefused(Rejected):
    """One file cannot be taken in; the others can. `refused` says which and why.

    A file that vanished or changed may be taken in by the same command later; everything else needs a person first.
    """

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refused = refused


def is_safe(character: str) -> bool:
    """Return whether a character may be printed raw: no control, surrogate, line break or bidirectional control."""
    return character not in _BIDI_CONTROLS and unicodedata.category(character) not in _UNSAFE_CATEGORIES


def display(path: str | os.PathLike[str]) -> str:
    r"""Return `path` for people: raw where it is harmless, `\xff`, `\n` or `\u202e` where it is not."""
    text = os.fspath(path)
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if is_safe(character):
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode hands it over (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def name_fault(name: str) -> tuple[Reason, str] | None:
    """Return why a file name cannot be taken in, or None. `name` is one component, as os.scandir gives it."""
    if name.isascii() and name.isprintable():
        return None
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        return Reason.NAME_NOT_UTF8, "expected a name in UTF-8; rename the file"
    if not all(map(is_safe, name)):
        return Reason.NAME_CONTROL, "expected a name without control characters; rename the file"
    return None


def refuse(path: str, reason: Reason, message: str) -> Refused:
    """Return the refusal of `path`."""
    return Refused(path, display(path), reason, message)


def refuse_error(path: str, error: OSError, *, seen: bool) -> Refused:
    """Return the refusal that an OSError means. `seen`: the path existed a moment ago."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        if seen:
            return refuse(path, Reason.VANISHED, "it was there a moment ago and is gone")
        return refuse(path, Reason.NOT_FOUND, "no such file or folder")
    if error.errno == errno.ELOOP:
        return refuse(path, Reason.SYMLINK_LOOP, "a symbolic link that leads back to itself")
    if error.errno in (errno.EACCES, errno.EPERM):
        return refuse(path, Reason.UNREADABLE, "permission denied; this user may not read it")
    if error.errno == errno.ENXIO:
        return refuse(path, Reason.SOCKET, "expected a regular file, found a socket or a device without a driver")
    detail = (error.strerror or str(error)).lower()
    return refuse(path, Reason.READ_ERROR, f"cannot be read: {detail}")
