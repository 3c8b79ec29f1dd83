"""Sign with the keys of parties that lie in this home; most parties keep theirs elsewhere and send what they signed."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.errors import Invalid
from domain.events import Event, Sha256
from domain.governance.signing import Attestation
from domain.ids import PartyId, format_id
from infra.bootstrap import Session
from infra.keys.parties import PartyKeys
from producers.authority import PARTY
from schemas.attestation import attest, manifest_text

MANIFESTS: Final = ("submission", "statement")
"""The fields of events of the gate that name a manifest."""


def require_manifest(signed: Mapping[str, Any], events: Iterable[Event]) -> None:
    """Return if a manifest that was signed is the one that the events of a command name. Raises: Invalid."""
    named = {found.hex() for event in events for name in MANIFESTS if (found := getattr(event, name, None))}
    wanted = signed["input"]["manifest"]
    if named != {wanted}:
        found = ", ".join(sorted(named)) or "none"
        raise Invalid(f"attestation: expected the manifest {wanted} in the events, found {found}")


def sign_here(session: Session, actor: PartyId, text: bytes) -> tuple[Attestation, bytes] | None:
    """Return the attestation of a text and its document, None where no key in force of the actor lies here.

    Raises: Invalid (a key file is broken or readable by others), Unavailable.
    """
    name = format_id("P", actor, session.config.prefix)
    signer = PartyKeys(session.home.keys).among(actor, name, session.load(actor, PARTY).state.keys)
    return None if signer is None else attest(text, signer.vkey, signer.sign(text))


def sign_manifest(
    session: Session, actor: PartyId, on_behalf_of: PartyId | None, manifest: Sha256
) -> Attestation | None:
    """Return the attestation of a manifest, whose document is durable then; None as `sign_here`. Raises likewise."""
    text = manifest_text(
        manifest,
        command_id=session.application.new_id(),
        actor=actor,
        on_behalf_of=on_behalf_of,
        ledger=session.config.ledger_id,
        prefix=session.config.prefix,
    )
    signed = sign_here(session, actor, text)
    if signed is None:
        return None
    session.blobs.put_bytes(signed[1])
    return signed[0]
