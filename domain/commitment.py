"""Commitments: what stands in an entry where a secret would, and opens to it (docs/formats.md, section 5).

    SHA-256("edgeprint/commit/v1\\0" || event id (16) || u16be length || path || salt (32) || u32be length || value)

`path` is the field's place in the event, names joined by dots, array positions decimal, the envelope excluded; `value`
is RFC 8785 JSON. Nobody can guess a value from its commitment, short as it may be, while the salt is secret; when salt
and value are destroyed the entry, its leaf and every proof stay as they are.
"""

import hashlib
from typing import Final
from uuid import UUID

from domain.errors import Invalid
from domain.ids import Commitment, Sha256

DOMAIN: Final = b"edgeprint/commit/v1\0"
SALT_BYTES: Final = 32
PATH_BYTES_MAX: Final = 1_000
VALUE_BYTES_MAX: Final = 1 << 20


def commit(event_id: UUID, path: str, salt: bytes, value: bytes) -> Commitment:
    """Return the commitment to `value` (RFC 8785 bytes, at most VALUE_BYTES_MAX) at `path` of an event.

    Raises:
        Invalid: a salt that is not 32 bytes, a path or a value beyond its limit.
    """
    name = path.encode()
    if len(salt) != SALT_BYTES:
        raise Invalid(f"commitment: expected a salt of {SALT_BYTES} bytes, found {len(salt)}")
    if not 1 <= len(name) <= PATH_BYTES_MAX or len(value) > VALUE_BYTES_MAX:
        raise Invalid(
            f"commitment: expected a path of 1 to {PATH_BYTES_MAX} bytes, a value of {VALUE_BYTES_MAX} at most"
        )
    digest = hashlib.sha256(DOMAIN)
    for part in (event_id.bytes, len(name).to_bytes(2, "big"), name, salt, len(value).to_bytes(4, "big"), value):
        digest.update(part)
    return Commitment(Sha256(digest.digest()))


def verify_opening(commitment: bytes, event_id: UUID, path: str, salt: bytes, value: bytes) -> None:
    """Return if salt and value are what was committed to. Raises: Invalid."""
    if commit(event_id, path, salt, value) != commitment:
        raise Invalid(f"{path}: salt and value are not those that event {event_id} commits to")
