"""Signed commands against the log: who is said to have signed has signed, with a key that was theirs at that index.

The document of an attestation is a blob; its digest stands in the envelope of every event that the command made.
Whoever keeps the log alone may not have these blobs: one that is not here is counted, never called damage.
"""

import json
from typing import Any, Final
from uuid import UUID

from domain.errors import Invalid, LedgerError, NotFound, Rejected, Unavailable
from domain.events import Sha256
from domain.governance.events import KeyBound, KeyWithdrawn
from domain.governance.signing import verify_attestation
from domain.ids import PartyId, parse_party_id
from infra.blobs.store import BlobStore
from infra.governance.signing import require_manifest
from schemas.attestation import ATTESTATION_BYTES_MAX, SubmitManifest, parse_attestation
from schemas.codec import Decoded


class AttestationCheck:
    """Is shown every event in index order by `see`. A command's key must be in force before the first of its events."""

    PART: Final = "attestations"

    def __init__(self, blobs: BlobStore) -> None:
        self.damages: list[str] = []
        self.unknown: list[str] = []
        self._verified = 0
        self._absent = 0
        self._blobs = blobs
        self._keys: dict[UUID, tuple[str, ...]] = {}
        self._last: tuple[UUID, UUID, Sha256 | None] | None = None

    @property
    def summary(self) -> str:
        """Return what was checked."""
        return f"{self._verified} signed commands verified, documents of {self._absent} are not here"

    def finish(self) -> None:
        """End; everything was judged where it was seen."""

    def see(self, index: int, decoded: Decoded) -> None:
        """Check the attestation of one event's command, once for all events that the command made."""
        event, envelope = decoded.event, decoded.envelope
        command = (envelope.actor, envelope.command_id, envelope.attestation)
        if envelope.attestation is not None and command != self._last:
            self._check(index, decoded, envelope.attestation)
        self._last = command
        bound = self._keys.get(envelope.stream_id, ())
        if isinstance(event, KeyBound):
            self._keys[envelope.stream_id] = (*bound, event.key)
        elif isinstance(event, KeyWithdrawn):
            self._keys[envelope.stream_id] = tuple(key for key in bound if key != event.key)

    def _check(self, index: int, decoded: Decoded, digest: Sha256) -> None:
        envelope = decoded.envelope
        try:
            attestation, _ = parse_attestation(self._blobs.read_bytes(digest, ATTESTATION_BYTES_MAX))
            if attestation.digest != digest:
                raise Invalid("expected RFC 8785 JSON, found another spelling")
            verify_attestation(attestation, PartyId(envelope.actor), self._keys.get(envelope.actor, ()))
            _require_command(json.loads(attestation.text), decoded)
        except NotFound:
            self._absent += 1
        except Unavailable as err:
            self.unknown.append(f"attestation {digest.hex()} at index {index}: {err}")
        except (Invalid, Rejected) as err:
            self.damages.append(f"attestation {digest.hex()} at index {index}: {err}")
        else:
            self._verified += 1


def _require_command(signed: Any, decoded: Decoded) -> None:
    """Return if what was signed is the event's command, by its actor and its id, or the manifest that it names.

    Raises: Invalid.
    """
    envelope = decoded.envelope
    found: dict[str, Any] = signed if isinstance(signed, dict) else {}
    try:
        actor, command_id = parse_party_id(str(found.get("actor"))), str(found.get("id"))
        principal = found.get("on_behalf_of")
        for_whom = None if principal is None else parse_party_id(str(principal))
    except LedgerError as err:
        raise Invalid(f"expected a signed command: {err}") from err
    if found.get("command") == SubmitManifest.NAME:  # one signature for all files of a batch, each its own command
        command_id = str(envelope.command_id)
        require_manifest(found, (decoded.event,))
    expected = (envelope.actor, str(envelope.command_id), envelope.on_behalf_of)
    if (actor, command_id, for_whom) != expected:
        wanted = f"command {envelope.command_id} of {envelope.actor}"
        raise Invalid(f"expected {wanted} to be signed, found {command_id} of {actor}")
