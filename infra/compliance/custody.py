"""The custody of what shows an infringement: who put which document on record and when, and whether it is here, whole.

Each document is named by an entry of the log, by SHA-256; its bytes are hashed again for each question. An evidence
bundle takes from here what it packs, and says of what it cannot pack why.
"""

from enum import StrEnum
from typing import Any

from domain.compliance.infringement import documents_of
from domain.errors import Invalid
from domain.events import Sha256
from domain.identity.events import Content
from domain.ids import InfringementId, format_id
from infra.bootstrap import Session
from infra.compliance.look import case_of
from infra.host import BlobHost
from infra.log import time_text
from infra.rights.desk import desk_of


class Held(StrEnum):
    """What became of a document's bytes in this house."""

    WHOLE = "whole"
    MISSING = "missing"
    DAMAGED = "damaged"


def custody_of(session: Session, case: InfringementId) -> dict[str, Any]:
    """Return every document of a case in the order of its steps, each with the entry that names it and what is here.

    Raises: NotFound, no such case; Unavailable.
    """
    prefix, host = session.config.prefix, BlobHost(session.blobs, session.load, session.vault, desk_of(session))
    case_of(session, case)
    documents = []
    for row in session.store.streams([case])[case]:
        decoded = session.application.codec.decode(row.entry)
        said = decoded.envelope
        for sha256 in documents_of(decoded.event):  # type: ignore[arg-type]  # the stream of a case has no other events
            held, content = _held(host, sha256)
            documents.append(
                {
                    "sha256": sha256.hex(),
                    "step": type(decoded.event).__name__,
                    "index": row.index,
                    "recorded_at": time_text(said.recorded_at),
                    "by": format_id("P", said.actor, prefix),
                    "on_behalf_of": None if said.on_behalf_of is None else format_id("P", said.on_behalf_of, prefix),
                    "attestation": None if said.attestation is None else said.attestation.hex(),
                    "held": str(held),
                    "size": None if content is None else content.size,
                    "media_type": None if content is None else content.media_type,
                }
            )
    return {"id": format_id("F", case, prefix), "documents": documents}


def _held(host: BlobHost, sha256: Sha256) -> tuple[Held, Content | None]:
    try:
        content = host.content(sha256)
    except Invalid:
        return Held.DAMAGED, None
    return (Held.MISSING, None) if content is None else (Held.WHOLE, content)
