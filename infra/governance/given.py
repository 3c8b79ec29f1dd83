"""What a caller brings with a command."""

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True, slots=True)
class Giver:
    """In whose name a command is given (None: the ledger's holder), for whom, and under which id (None: one of now)."""

    actor: PartyId | None = None
    on_behalf_of: PartyId | None = None
    command_id: UUID | None = None

    def given(self, holder: PartyId, new_id: Callable[[], UUID], name: str = "", data: bytes = b"") -> Given:
        """Return a command of theirs in a ledger of `holder`; without a name, who gives what is made later."""
        return Given(name, data, self.actor or holder, self.command_id or new_id(), self.on_behalf_of)
