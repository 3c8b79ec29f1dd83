"""Search the files of a capability for what runs when they are opened, and its code for what opens files so.

Weights: safetensors and GGUF hold numbers alone. Whatever can hold a pickle (PyTorch's zip and tar, NumPy, bare
pickles) is read opcode by opcode with picklescan, never unpickled: a dangerous global is malicious, an unknown one
suspicious, and a pickle as such is suspicious too, since it can be replaced by safetensors. Code: a zip archive whose
names may leave no folder, searched for calls that run what they load. A finding names a file by digest.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from domain.capability.events import FINDINGS_MAX, Finding, ScanVerdict
from domain.capability.manifest import Manifest
from domain.errors import Invalid
from domain.events import Sha256
from domain.identity.media import HEAD_BYTES, TAIL_BYTES, recognise
from infra.blobs.store import BlobStore

SCANNER: Final = f"picklescan@{version('picklescan')}"
NUMBERS_ALONE: Final = frozenset({"application/x-safetensors", "application/x-gguf"})
NUMPY: Final = b"\x93NUMPY"
BUILTINS: Final = frozenset({"builtins", "__builtin__"})
"""A function of Python itself that is not known to be harmless has no business in a file of numbers."""
ARCHIVE_FILES_MAX: Final = 2_000
ARCHIVE_BYTES_MAX: Final = 100 << 20
UNPACKED_RATIO_MAX: Final = 200
UNPACKED_BYTES_MAX: Final = 1 << 30
CODE_CHARACTERS_MAX: Final = 200
RED_FLAGS: Final = (
    (re.compile(rb"trust_remote_code\s*=\s*True"), "trust_remote_code=True"),
    (re.compile(rb"torch\.hub\.load\b"), "torch.hub.load"),
    (re.compile(rb"allow_pickle\s*=\s*True"), "allow_pickle=True"),
    (re.compile(rb"weights_only\s*=\s*False"), "weights_only=False"),
    (re.compile(rb"\b(?:pickle|dill|cloudpickle|joblib)\.loads?\("), "pickle.load"),
    (re.compile(rb"(?<![\w.])(?:eval|exec)\("), "eval or exec"),
)
"""What code says that runs what it loads; each occurs in repositories of published models."""


def scan_files(blobs: BlobStore, manifest: Manifest) -> tuple[Finding, ...] | None:
    """Return what is found in the files of a version, the gravest first; None where one is not in the store.

    Raises:
        Invalid: a blob is damaged.
        Unavailable: the store cannot be read.
    """
    files = [*(one.sha256 for one in manifest.weights), *([] if manifest.code is None else [manifest.code])]
    if not all(blobs.path(sha256).exists() for sha256 in files):
        return None
    found: list[Finding] = []
    for weights in manifest.weights:
        blobs.verify(weights.sha256)
        found += _scan_weights(blobs.path(weights.sha256), weights.sha256)
    if manifest.code is not None:
        blobs.verify(manifest.code)
        found += _scan_code(blobs.path(manifest.code), manifest.code)
    found.sort(key=lambda one: (one.verdict is not ScanVerdict.MALICIOUS, one.code))
    return tuple(found[:FINDINGS_MAX])


def _finding(file: Sha256, verdict: ScanVerdict, code: str) -> Finding:
    safe = "".join(c if c.isascii() and c.isprintable() else "?" for c in code)
    return Finding(file=file, verdict=verdict, code=safe[:CODE_CHARACTERS_MAX])


def _scan_weights(path: Path, sha256: Sha256) -> Iterator[Finding]:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
        media_type = recognise(head, size=size, tail=tail, name="").media_type
        if media_type in NUMBERS_ALONE:
            return
        file.seek(0)
        if zipfile.is_zipfile(file) and (bomb := _bomb(file)):
            yield _finding(sha256, ScanVerdict.MALICIOUS, bomb)
            return
        file.seek(0)
        yield from _scan_pickles(file, sha256)
    yield _finding(sha256, ScanVerdict.SUSPICIOUS, f"not-safetensors:{media_type}")


def _scan_pickles(file: Any, sha256: Sha256) -> Iterator[Finding]:
    from picklescan.scanner import SafetyLevel, scan_bytes  # type: ignore[import-untyped]  # wrapped here, once

    extension = ".npy" if file.read(len(NUMPY)) == NUMPY else None
    file.seek(0)
    try:
        result = scan_bytes(file, "weights", extension)
    except Exception as err:  # a library's parser on hostile bytes: whatever it raises says that they are odd
        yield _finding(sha256, ScanVerdict.SUSPICIOUS, f"scan-failed:{type(err).__name__}")
        return
    if result.scan_err:
        yield _finding(sha256, ScanVerdict.SUSPICIOUS, "scan-failed:not to be read to its end")
    for one in result.globals:
        name = f"pickle-global:{one.module}.{one.name}"
        known_bad = one.safety is SafetyLevel.Dangerous
        if known_bad or (one.module in BUILTINS and one.safety is not SafetyLevel.Innocuous):
            yield _finding(sha256, ScanVerdict.MALICIOUS, name)
        elif one.safety is SafetyLevel.Suspicious:
            yield _finding(sha256, ScanVerdict.SUSPICIOUS, name)


def _scan_code(path: Path, sha256: Sha256) -> Iterator[Finding]:
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            yield _finding(sha256, ScanVerdict.SUSPICIOUS, "code-is-no-zip")
            return
        if bomb := _bomb(file):
            yield _finding(sha256, ScanVerdict.MALICIOUS, bomb)
            return
        try:
            for name, data in read_archive(file):
                yield from _scan_source(name, data, sha256)
        except Invalid as err:
            yield _finding(sha256, ScanVerdict.MALICIOUS, f"archive:{err}")


def _scan_source(name: str, data: bytes, sha256: Sha256) -> Iterator[Finding]:
    for pattern, flag in RED_FLAGS:
        if pattern.search(data):
            yield _finding(sha256, ScanVerdict.SUSPICIOUS, f"code:{flag} in {name}")
    if name.endswith((".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".npy", ".npz", ".joblib")):
        yield from _scan_pickles(io.BytesIO(data), sha256)


def _bomb(file: Any) -> str:
    """Return what is wrong where an archive unpacks to far more than it is, "" where it does not."""
    try:
        with zipfile.ZipFile(file) as archive:
            packed = sum(entry.compress_size for entry in archive.infolist())
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as err:
        return f"archive:{type(err).__name__}"
    if unpacked > UNPACKED_BYTES_MAX and unpacked > UNPACKED_RATIO_MAX * max(1, packed):
        return f"archive-bomb:{unpacked} bytes from {packed}"
    return ""


def read_archive(file: Any) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a zip archive of code.

    Raises:
        Invalid: too many or too large files, an encrypted one, a link, or a name that leaves the folder.
    """
    total = 0
    try:
        with zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > ARCHIVE_FILES_MAX:
                raise Invalid(f"expected at most {ARCHIVE_FILES_MAX} files, found {len(entries)}")
            for entry in entries:
                _check_name(entry.filename)
                if entry.flag_bits & 1 or (entry.external_attr >> 16) & 0o170000 == 0o120000:
                    raise Invalid("expected plain files, found an encrypted one or a link")
                with archive.open(entry) as content:
                    data = content.read(ARCHIVE_BYTES_MAX - total + 1)
                total += len(data)
                if total > ARCHIVE_BYTES_MAX:
                    raise Invalid(f"expected at most {ARCHIVE_BYTES_MAX} bytes unpacked, found more")
                yield entry.filename, data
    except Invalid:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, EOFError) as err:
        raise Invalid(f"not a zip archive that can be read: {type(err).__name__}") from err
    except Exception as err:  # zlib.error, lzma.LZMAError and others have no base of their own
        raise Invalid(f"damaged archive: {type(err).__name__}") from err


def _check_name(name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or not name.isprintable():
        raise Invalid("a name that leaves the archive's folder")
