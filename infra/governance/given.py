"""What a caller brings with a command."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.ids import PartyId


@dataclass(frozen=True, slots=True)
class Given:
    """A command's name and input, in whose name, under which id, signed or not, and the values of its secrets."""

    name: str
    data: bytes
    actor: PartyId
    command_id: UUID
    on_behalf_of: PartyId | None = None
    attestation: bytes | None = None
    secrets: Mapping[str, Any] | None = None
