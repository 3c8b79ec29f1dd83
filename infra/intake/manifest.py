"""Salted documents kept as blobs, whose SHA-256 is all that the ledger sees: names and paths stay erasable.

A manifest is RFC 8785 JSON; integers are written as strings, paths are escaped where they are not UTF-8:

    {"declares":"intake","files":[{"path":"/film/still.png","sha256":"9c..","sidecar":null,"size":"48210"}],
     "format":"edgeprint/manifest/1","salt":"64 hex digits"}
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import rfc8785

from domain.errors import Invalid, NotFound
from domain.events import Sha256
from infra.blobs.store import BlobStore
from infra.intake.refusal import display

FORMAT: Final = "edgeprint/manifest/1"
SALT_BYTES: Final = 32
MANIFEST_BYTES_MAX: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of a manifest; `sidecar` is the parsed document, if there was one."""

    path: str
    sha256: bytes
    size: int
    sidecar: Any = None


def put_manifest(blobs: BlobStore, declares: str, files: Sequence[FileLine]) -> Sha256:
    """Store the manifest of `files` under a fresh salt and return its SHA-256; durable when it returns.

    Raises:
        Unavailable: the blob store cannot be written.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "salt": secrets.token_hex(SALT_BYTES),
        "declares": declares,
        "files": [
            {"path": display(f.path), "sha256": f.sha256.hex(), "size": str(f.size), "sidecar": f.sidecar}
            for f in files
        ],
    }
    return blobs.put_bytes(rfc8785.dumps(document))


def find_line(blobs: BlobStore, manifest: Sha256, sha256: bytes) -> dict[str, Any] | None:
    """Return what a manifest says of the file with these bytes; None where the manifest was erased.

    Raises:
        Invalid: the blob is damaged, or is no manifest.
    """
    try:
        document = json.loads(blobs.read_bytes(manifest, MANIFEST_BYTES_MAX))
    except NotFound:
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Invalid(f"blob {manifest.hex()}: expected a manifest of format {FORMAT}")
    wanted = sha256.hex()
    return next((line for line in document["files"] if line["sha256"] == wanted), None)
