"""Find the files under the paths a user named, in a fixed order, and say why anything was passed over.

Order: as the paths were given, and inside a folder by the bytes of the names, each folder's content at its own place.
Symbolic links: a link to a regular file is followed where its target lies inside the folder that was named (or where
the link itself was named); a link out of the folder, to a folder, to nothing or to itself is refused by name. So a walk
never leaves what the user named without his knowing, and never runs in a circle.

A sidecar `NAME.edgeprint.json` belongs to NAME and is found with it; without NAME it is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.intake.opened import OpenedFile, irregular, open_file
from infra.intake.refusal import Reason, Refused, display, name_fault, refuse, refuse_error

SIDECAR_SUFFIX = ".edgeprint.json"
WALK_DEPTH_MAX = 200
_OWN_HOME = "edgeprint's own home; it is never taken in"


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file to take in. `target` is where a followed link leads, else None; `size` as seen by the walk."""

    path: str
    size: int
    sidecar: str | None
    target: str | None = None

    @property
    def display(self) -> str:
        """The path, safe to print."""
        return display(self.path)

    def open(self) -> OpenedFile:
        """Open the file. Raises: FileRefused where it is no longer what the walk saw."""
        return open_file(self.path, target=self.target)


@dataclass(frozen=True, slots=True)
class _Walk:
    """What stays the same during the walk of one named folder. `root` is its real path, `home` are ours to keep out."""

    root: str
    follow: bool
    home: frozenset[str]


def walk(
    paths: Sequence[str | Path], *, follow: bool = True, exclude: Collection[str | Path] = ()
) -> Iterator[Found | Refused]:
    """Yield every file under `paths`, or why it is refused; nothing is opened and no error is raised.

    `follow` False refuses every symbolic link that was not itself named. `exclude` are folders of our own (the home):
    they are refused as a whole wherever the walk meets them. A path named twice is walked once.
    """
    home = frozenset(os.path.realpath(folder) for folder in exclude)
    named = list(dict.fromkeys(os.path.normpath(os.fspath(path)) for path in paths))
    for path in named:
        yield from _named(path, frozenset(named), follow, home)


def _named(path: str, named: frozenset[str], follow: bool, home: frozenset[str]) -> Iterator[Found | Refused]:
    """Yield what stands under one path that the user named; a link named by him is followed wherever it leads."""
    name = path.rpartition("/")[2]
    fault = name_fault(name)
    if fault is not None:
        yield refuse(path, *fault)
        return
    try:
        status = os.stat(path)
    except OSError as err:
        yield _link_error(path, err) if _is_link(path) else refuse_error(path, err, seen=False)
        return
    real = os.path.realpath(path)
    if _is_ours(real, home):
        yield refuse(path, Reason.OWN_HOME, _OWN_HOME)
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _folder(path, 0, _Walk(real, follow, home))
        return
    if name.endswith(SIDECAR_SUFFIX) and len(name) > len(SIDECAR_SUFFIX):
        owner = path.removesuffix(SIDECAR_SUFFIX)
        if owner in named or str(Path(path).parent) in named:
            return
        if os.path.lexists(owner):
            message = f"a sidecar alone; name the file it belongs to, {display(owner)}"
            yield refuse(path, Reason.LONE_SIDECAR, message)
        else:
            yield _orphan(path)
        return
    sidecar = path + SIDECAR_SUFFIX if os.path.lexists(path + SIDECAR_SUFFIX) else None
    yield _regular(path, status, sidecar, real if _is_link(path) else None)


def _folder(path: str, depth: int, context: _Walk) -> Iterator[Found | Refused]:
    """Yield what stands under one folder, which is not a link or was named by the user."""
    if depth > WALK_DEPTH_MAX:
        yield refuse(path, Reason.TOO_DEEP, f"expected at most {WALK_DEPTH_MAX} folders inside one another")
        return
    if context.home and _is_ours(os.path.realpath(path), context.home):
        yield refuse(path, Reason.OWN_HOME, _OWN_HOME)
        return
    try:
        with os.scandir(path) as listing:
            entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
    except OSError as err:
        yield refuse_error(path, err, seen=True)
        return
    names = {entry.name for entry in entries}
    for entry in entries:
        fault = name_fault(entry.name)
        if fault is not None:
            yield refuse(entry.path, *fault)
        elif entry.is_dir(follow_symlinks=False):
            yield from _folder(entry.path, depth + 1, context)
        elif entry.name.endswith(SIDECAR_SUFFIX) and len(entry.name) > len(SIDECAR_SUFFIX):
            owner = entry.name.removesuffix(SIDECAR_SUFFIX)
            if owner not in names or owner.endswith(SIDECAR_SUFFIX):
                yield _orphan(entry.path)
        else:
            yield _entry(entry, names, context)


def _entry(entry: os.DirEntry[str], names: set[str], context: _Walk) -> Found | Refused:
    """Return what one entry of a folder is. Folders and sidecars have been dealt with."""
    sidecar = entry.path + SIDECAR_SUFFIX if entry.name + SIDECAR_SUFFIX in names else None
    try:
        if entry.is_symlink():
            return _link(entry, sidecar, context)
        return _regular(entry.path, entry.stat(follow_symlinks=False), sidecar, None)
    except OSError as err:
        return refuse_error(entry.path, err, seen=True)


def _link(entry: os.DirEntry[str], sidecar: str | None, context: _Walk) -> Found | Refused:
    """Return what a symbolic link inside a folder means."""
    if not context.follow:
        return refuse(entry.path, Reason.SYMLINK, "a symbolic link; links are not followed in this run")
    try:
        status = entry.stat()
    except OSError as err:
        return _link_error(entry.path, err)
    real = os.path.realpath(entry.path)
    if stat.S_ISDIR(status.st_mode):
        if f"{os.path.realpath(Path(entry.path).parent)}/".startswith(f"{real.rstrip('/')}/"):
            return refuse(entry.path, Reason.SYMLINK_LOOP, "a symbolic link to a folder that it stands in itself")
        message = f"a symbolic link to a folder; name {display(real)} itself to take it in"
        return refuse(entry.path, Reason.SYMLINK_FOLDER, message)
    if _is_ours(real, context.home):
        return refuse(entry.path, Reason.OWN_HOME, _OWN_HOME)
    if not real.startswith(f"{context.root.rstrip('/')}/"):
        message = f"a symbolic link out of the folder; name {display(real)} itself to take it in"
        return refuse(entry.path, Reason.SYMLINK_OUTSIDE, message)
    return _regular(entry.path, status, sidecar, real)


def _is_link(path: str) -> bool:
    return os.path.islink(path)  # noqa: PTH114  # unlike pathlib's it answers False where it may not look


def _is_ours(real: str, home: frozenset[str]) -> bool:
    """Return whether a real path is, or lies inside, a folder of edgeprint's own."""
    return any(real == folder or real.startswith(f"{folder}/") for folder in home)


def _link_error(path: str, error: OSError) -> Refused:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return refuse(path, Reason.SYMLINK_DANGLING, "a symbolic link to nothing")
    return refuse_error(path, error, seen=True)


def _regular(path: str, status: os.stat_result, sidecar: str | None, target: str | None) -> Found | Refused:
    fault = irregular(path, status.st_mode)
    if fault is not None:
        return fault
    if status.st_size == 0:
        return refuse(path, Reason.EMPTY, "the file is empty; there is nothing to identify")
    return Found(path, status.st_size, sidecar, target)


def _orphan(path: str) -> Refused:
    owner = display(path.rpartition("/")[2].removesuffix(SIDECAR_SUFFIX))
    return refuse(path, Reason.ORPHAN_SIDECAR, f"a sidecar of {owner}, which is not there")
