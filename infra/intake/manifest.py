"""Salted documents kept in the vault, whose SHA-256 is all that the ledger sees: names and paths stay erasable.

A manifest is encrypted under the key of its holder and destroyed with it. It is RFC 8785 JSON; integers are written as
strings, paths are escaped where they are not UTF-8:

    {"declares":"intake","files":[{"path":"/film/still.png","sha256":"9c..","sidecar":null,"size":"48210"}],
     "format":"edgeprint/manifest/1","salt":"64 hex digits"}
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.errors import Invalid, NotFound, Unavailable
from domain.events import Sha256
from infra.intake.refusal import display
from producers.commands import Outcome
from producers.vault import Vault

FORMAT: Final = "edgeprint/manifest/1"
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of a manifest; `sidecar` is the parsed document, if there was one."""

    path: str
    sha256: bytes
    size: int
    sidecar: Any = None


def keep_manifest(vault: Vault, holder: UUID, declares: str, files: Sequence[FileLine]) -> Sha256:
    """Keep the manifest of a holder's `files` under a fresh salt and return its SHA-256; durable when it returns.

    Raises:
        Rejected: the holder is erased or about to be.
        Unavailable: the vault cannot be written.
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
    return vault.keep_document(holder, rfc8785.dumps(document))


def discard_unnamed(vault: Vault, manifest: Sha256, outcomes: Sequence[Outcome[Any]]) -> None:
    """Take a manifest out again where none of its commands wrote an event; an unknown outcome leaves it.

    Raises:
        Unavailable: the vault cannot be written.
    """
    if not any(one.last >= one.first or isinstance(one.error, Unavailable) for one in outcomes):
        vault.discard_document(manifest)


def find_line(vault: Vault, manifest: Sha256, sha256: bytes) -> dict[str, Any] | None:
    """Return what a manifest says of the file with these bytes; None where it was erased, or never here.

    Raises:
        Invalid: the document is damaged, or is no manifest.
        Unavailable: the vault cannot be read.
    """
    try:
        document = json.loads(vault.document(manifest))
    except NotFound:
        return None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise Invalid(f"document {manifest.hex()}: expected a manifest of format {FORMAT}")
    wanted = sha256.hex()
    return next((line for line in document["files"] if line["sha256"] == wanted), None)
