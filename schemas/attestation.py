"""The bytes of a signed command: what is signed, and the document that is kept (formats, section 2).

What is signed is the RFC 8785 form of

    {"actor": ID, "command": NAME, "id": UUID, "input": {...}, "ledger": ID, "on_behalf_of": ID}

(`on_behalf_of` is left away where there is nobody) and what is kept that of {"command": the above, "key": VKEY,
"signature": BASE64}. The SHA-256 of the first is the request's digest, by which a repetition is told from another
request under the same id; that of the second stands in the envelope.

Files that are brought or claimed together are signed together. Their commands carry the SHA-256 of one salted manifest,
which names each file by its digest, beside what is declared of it; what is signed is `submit-manifest` with that digest
as its input, and the one document is the attestation of every event of the batch:

    {"actor": ID, "command": "submit-manifest", "id": UUID, "input": {"manifest": 64 hex digits}, "ledger": ID}
"""

from hashlib import sha256
from typing import Annotated as A
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.command import Command, command
from domain.errors import Invalid
from domain.events import Doc, Sha256
from domain.governance.signing import Attestation
from domain.ids import LedgerId, PartyId, format_id
from domain.ledger.text import decode_base64, encode_base64
from schemas.requests import DEPTH_MAX, REQUEST_BYTES_MAX, render_request
from schemas.strict_json import parse_strict

ATTESTATION_BYTES_MAX: Final = REQUEST_BYTES_MAX + 4_096


@command("submit-manifest")
class SubmitManifest(Command):
    """What is signed for all files of a manifest; it is given to the ledger file by file, never as itself."""

    manifest: A[Sha256, Doc("SHA-256 of the salted manifest")]


def command_text(
    request: Command,
    *,
    command_id: UUID,
    actor: PartyId,
    on_behalf_of: PartyId | None,
    ledger: LedgerId,
    prefix: str,
) -> bytes:
    """Return what is signed of a command."""
    document: dict[str, Any] = {
        "actor": format_id("P", actor, prefix),
        "command": request.NAME,
        "id": str(command_id),
        "input": render_request(request, prefix),
        "ledger": format_id("H", ledger, prefix),
    }
    if on_behalf_of is not None:
        document["on_behalf_of"] = format_id("P", on_behalf_of, prefix)
    return rfc8785.dumps(document)


def manifest_text(
    manifest: Sha256,
    *,
    command_id: UUID,
    actor: PartyId,
    on_behalf_of: PartyId | None,
    ledger: LedgerId,
    prefix: str,
) -> bytes:
    """Return what is signed for all files of a manifest."""
    return command_text(
        SubmitManifest(manifest=manifest),
        command_id=command_id,
        actor=actor,
        on_behalf_of=on_behalf_of,
        ledger=ledger,
        prefix=prefix,
    )


def attest(text: bytes, key: str, signature: bytes) -> tuple[Attestation, bytes]:
    """Return the attestation of a text and the document to keep."""
    document = rfc8785.dumps(
        {
            "command": parse_strict(text, "command", bytes_max=REQUEST_BYTES_MAX * 2, depth_max=DEPTH_MAX + 2),  # type: ignore[dict-item]  # JSON as it was read
            "key": key,
            "signature": encode_base64(signature).decode(),
        }
    )
    return Attestation(text, key, signature, Sha256(sha256(document).digest())), document


def parse_attestation(data: bytes, text: bytes | None = None) -> tuple[Attestation, bytes]:
    """Return the attestation that a document holds, of `text` if that is given, and the document in its one spelling.

    Raises:
        Invalid: it is no such document, or attests another command.
    """
    where = "attestation"
    found = parse_strict(data, where, bytes_max=ATTESTATION_BYTES_MAX, depth_max=DEPTH_MAX + 3)
    if not isinstance(found, dict) or set(found) != {"command", "key", "signature"}:
        raise Invalid(f"{where}: expected an object of command, key and signature")
    key, signature = found["key"], found["signature"]
    if not isinstance(key, str) or not isinstance(signature, str):
        raise Invalid(f"{where}: expected key and signature as strings")
    signed = rfc8785.dumps(found["command"])
    if text is not None and signed != text:
        raise Invalid(f"{where}: expected this very command, found another one signed")
    return attest(signed, key, decode_base64(signature.encode(), where))
