"""Openings: what a committed value is, shown together with all that proves it against the entry.

`edgeprint/opening/1`, RFC 8785 JSON:

    {"commitment":"0053..","event_id":"0193..","format":"edgeprint/opening/1","index":"812","path":"prompt",
     "salt":"0001..","value":"夜景"}

Whoever has it and the entry checks it without us: the commitment at `path` of the entry is that of salt and value,
where the entry goes on with another's list under that one's event id and the place there (`Event.committed_as`), which
it says. What is not opened stays closed: an entry is its own redaction.
"""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import rfc8785

from domain.commitment import verify_opening
from domain.errors import Invalid, NotFound
from domain.events import Event
from domain.governance.subject import OpenField
from domain.ids import format_id
from infra.bootstrap import Session
from infra.governance.commanding import execute
from infra.governance.given import Given
from producers.application import LedgerApplication
from producers.vault import Opening
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec, Decoded
from schemas.strict_json import parse_strict

FORMAT = "edgeprint/opening/1"
OPENING_BYTES_MAX = 4 << 20
MEMBERS = {"format", "index", "event_id", "path", "salt", "value", "commitment"}


def entry_at(application: LedgerApplication, index: int) -> Decoded:
    """Return the entry at an index. Raises: NotFound."""
    rows = application.store.rows(index, 1)
    if not rows:
        raise NotFound(f"expected an index below {application.store.size()}, found {index}")
    return application.codec.decode(rows[0].entry)


def commitment_at(event: Event, path: str) -> bytes:
    """Return the commitment that stands at a path of an event. Raises: NotFound where none stands there."""
    found: Any = event
    for part in path.split("."):
        if isinstance(found, tuple) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            found = getattr(found, part, None) if part in getattr(type(found), "__dataclass_fields__", {}) else None
    if not isinstance(found, bytes):
        raise NotFound(f"{event.TYPE} has no commitment at {path[:60]!r}")
    return found


def record_opening(session: Session, given: Given, event: UUID, path: str, purpose: str) -> int | None:
    """Record that a value is opened, as whoever `given` says, and return the entry; None where it was erased.

    Raises:
        Rejected: who asks may not have it opened; nothing is shown then.
    """
    owner = session.vault.owner(event, path)
    if owner is None:
        return None
    asked = {
        "party": format_id("P", owner, session.config.prefix),
        "event": str(event),
        "path": path,
        "purpose": purpose,
    }
    whole = replace(given, name=OpenField.NAME, data=json.dumps(asked).encode())
    return int(execute(session, whole)["first_index"])


def opening_document(index: int, decoded: Decoded, path: str, opening: Opening) -> dict[str, Any]:
    """Return the opening of a value as JSON values; it is checked against the entry first.

    Raises:
        Invalid: what the vault says is not what the entry commits to.
        NotFound: there is no commitment at that path.
    """
    commitment = commitment_at(decoded.event, path)
    made_as = decoded.event.committed_as(decoded.envelope.event_id, path)
    verify_opening(commitment, *made_as, opening.salt, opening.value)
    return {
        "format": FORMAT,
        "index": str(index),
        "event_id": str(decoded.envelope.event_id),
        "path": path,
        "salt": opening.salt.hex(),
        "value": json.loads(opening.value),
        "commitment": commitment.hex(),
    }


def check_opening(document: bytes, entry: bytes) -> dict[str, Any]:
    """Return what an opening shows, once it is proved against the bytes of an entry.

    Raises:
        Invalid: it is no opening, or not of this entry.
        NotFound: the entry has no commitment at that path.
    """
    found = parse_strict(document, "opening", bytes_max=OPENING_BYTES_MAX, depth_max=20)
    if not isinstance(found, dict) or set(found) != MEMBERS or found["format"] != FORMAT:
        raise Invalid(f"opening: expected {FORMAT} with the members {', '.join(sorted(MEMBERS))}")
    decoded = Codec(CATALOGUE).accept(entry)
    path, salt = found["path"], found["salt"]
    if not isinstance(path, str) or not isinstance(salt, str):
        raise Invalid("opening: expected path and salt as strings")
    try:
        event_id, raw = UUID(str(found["event_id"])), bytes.fromhex(salt)
    except ValueError as err:
        raise Invalid("opening: expected event_id as a UUID and salt as hex digits") from err
    if event_id != decoded.envelope.event_id:
        raise Invalid(f"opening: of event {event_id}, the entry is event {decoded.envelope.event_id}")
    commitment = commitment_at(decoded.event, path)
    verify_opening(commitment, *decoded.event.committed_as(event_id, path), raw, rfc8785.dumps(found["value"]))
    return found
