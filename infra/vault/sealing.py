"""From the value of a secret to the commitments that stand for it, and to the vault.

What an actor signs holds a commitment under the command's id, at `input.<field>`; the event holds one under its own id,
at `<field>`; both are to the same salt and value, which one opening shows for both. Fields are places as
`producers.secrets` writes them. A command that is given again finds its salts and its event's id in the vault, so it is
the same command.

A secret is given as its value, or as an object of `salt` (64 hex digits) and `value`, where it is signed elsewhere.
"""

import json
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import rfc8785

from domain.commitment import SALT_BYTES, VALUE_BYTES_MAX, commit
from domain.errors import Conflict, Invalid, Rejected
from domain.spelling import parse_hex32
from infra.governance.given import Given
from producers.authority import Committed, Request
from producers.ports import LedgerStore
from producers.registry import REGISTRY
from producers.secrets import matches, put
from producers.vault import Opening, Vault
from schemas.requests import DEPTH_MAX, REQUEST_BYTES_MAX
from schemas.strict_json import parse_strict


@dataclass(frozen=True, slots=True)
class Secrets:
    """A command's input with commitments in it, the id its event must have, and what opens them."""

    data: bytes
    event_id: UUID
    openings: Mapping[str, Opening]

    def values(self) -> dict[str, Any]:
        """Return the values, by place."""
        return {name: json.loads(one.value) for name, one in self.openings.items()}

    def committed(self) -> Committed:
        """Return the commitments that stand in the event."""
        return Committed(
            self.event_id,
            {path: commit(self.event_id, path, one.salt, one.value) for path, one in self.openings.items()},
            self.values(),
        )


def seal_secrets(vault: Vault, new_id: Callable[[], UUID], given: Given, *, salted: bool = False) -> Secrets:
    """Return the input of a command with its secrets as commitments. `salted`: each must come with its salt.

    Raises:
        NotFound: no such command.
        Invalid: a secret that the command does not have, is too long, or does not open the commitment in the input.
        Rejected: the command was given before with other values.
    """
    spec = REGISTRY.find(given.name)
    document = parse_strict(given.data, given.name, bytes_max=REQUEST_BYTES_MAX, depth_max=DEPTH_MAX)
    if not isinstance(document, dict):
        raise Invalid(f"{given.name}: expected an object")
    unknown = sorted(path for path in given.secrets or {} if not any(matches(one, path) for one in spec.secrets))
    if unknown:
        known = ", ".join(spec.secrets) or "none"
        raise Invalid(f"{given.name}: expected secrets of {known}, found {unknown[0][:60]!r}")
    openings = {name: _opening(name, value, salted) for name, value in (given.secrets or {}).items()}
    kept = vault.kept(given.actor, given.command_id)
    event_id = new_id()
    if kept is not None:
        if {path: one.value for path, one in kept.openings.items()} != {n: one.value for n, one in openings.items()}:
            raise Rejected(f"command {given.command_id} is known with other values")
        event_id, openings = kept.event_id, dict(kept.openings)
    for name, opening in openings.items():
        found = commit(given.command_id, f"input.{name}", opening.salt, opening.value).hex()
        if _stands(document, given.name, name, found) != found:
            raise Invalid(f"{given.name}.{name}: the secret does not open the commitment that stands there")
    return Secrets(json.dumps(document).encode(), event_id, openings)


def _stands(document: dict[str, Any], command: str, path: str, commitment: str) -> Any:
    """Return what stands at the place of a secret in a command's input, the commitment where nothing did."""
    try:
        return put(document, path, commitment)
    except LookupError as err:
        raise Invalid(f"{command}: expected a place for the secret {path[:60]!r}, found none") from err


def _opening(name: str, given: Any, salted: bool) -> Opening:
    salt: bytes | None = None
    value = given
    if isinstance(given, dict) and set(given) == {"salt", "value"}:
        salt, value = parse_hex32(given["salt"], f"secret {name}.salt"), given["value"]
    if salt is None and salted:
        raise Invalid(f"secret {name}: expected an object of salt and value, since it is signed elsewhere")
    text = rfc8785.dumps(value)
    if len(text) > VALUE_BYTES_MAX:
        raise Invalid(f"secret {name}: expected at most {VALUE_BYTES_MAX} bytes, found {len(text)}")
    return Opening(randomness.token_bytes(SALT_BYTES) if salt is None else salt, text)


@contextmanager
def keeping(vault: Vault, store: LedgerStore, request: Request) -> Iterator[None]:
    """Take a command's values out of the vault again where the ledger refuses it; an unknown outcome leaves them."""
    try:
        yield
    except (Rejected, Conflict):
        key = (request.key.actor, request.key.command_id)
        if request.committed is not None and not store.commands([key]):
            vault.discard(*key)
        raise
