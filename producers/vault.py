"""What is asked of a vault: the values behind commitments and whole documents, each under the key of its data subject.

A value is durable before the event that commits to it is appended, so that no event is ever without its value; a value
whose event was refused is harmless, since nothing points to it. A document brings a salt of its own, so its SHA-256,
which is all that events name, is a commitment to it. Two adapters pass one contract suite: PostgreSQL
(`infra.vault.store`) and memory (`infra.vault.memory`). A vault is trusted with the secrets and with nothing else: what
it says is checked against the commitment in the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from domain.ids import Sha256

DOCUMENT_BYTES_MAX: Final = 256 << 20
"""More than a batch of files with the largest sidecars can say; PostgreSQL keeps no value of 1 GiB."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: 32 bytes of salt, and the value as RFC 8785 bytes."""

    salt: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """Values of one event as the vault keeps them, by path; `event_id` is the id that the event must have."""

    event_id: UUID
    openings: Mapping[str, Opening]


class Vault(Protocol):
    """Keeps, opens and destroys. Calls may come from several processes at once; each is durable when it returns."""

    def keep(
        self,
        owners: Mapping[str, UUID],
        actor: UUID,
        command_id: UUID,
        event_id: UUID,
        openings: Mapping[str, Opening],
    ) -> Kept:
        """Keep the values of a command's event, each under the key of its owner, all of them or none.

        `owners` has a data subject for each place of `openings`. The same command kept again, with the same values,
        gives the event id and the salts of the first time.

        Raises:
            Rejected: other values under the same command id, or a subject is erased or about to be.
            Unavailable: the vault cannot be written.
        """

    def kept(self, actor: UUID, command_id: UUID) -> Kept | None:
        """Return what was kept for a command, None where nothing is. Raises: Invalid (damaged), Unavailable."""

    def open(self, event_id: UUID, path: str) -> Opening:
        """Return what opens a commitment.

        Raises:
            NotFound: it was destroyed, or was never here.
            Invalid: the row is damaged, or of another key.
            Unavailable: the vault cannot be read.
        """

    def openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening]:
        """Return what opens those commitments of an event whose values are here, by place.

        Raises:
            Invalid: a row is damaged, or of another key; `open` says of each which.
            Unavailable: the vault cannot be read.
        """

    def owner(self, event_id: UUID, path: str) -> UUID | None:
        """Return the data subject of a value, None where it is not here. Raises: Unavailable."""

    def discard(self, actor: UUID, command_id: UUID) -> None:
        """Forget what was kept for a command whose event was refused. Raises: Unavailable."""

    def keep_document(self, subject: UUID, document: bytes) -> Sha256:
        """Keep a document under the subject's key and return its SHA-256; what is here already stays as it is.

        Raises:
            Invalid: it is over DOCUMENT_BYTES_MAX.
            Rejected: the subject is erased or about to be, or the same bytes are another subject's.
            Unavailable: the vault cannot be written.
        """

    def document(self, sha256: Sha256) -> bytes:
        """Return the document of a digest, hashed again.

        Raises:
            NotFound: it was destroyed, or was never here.
            Invalid: the row is damaged, or of another key.
            Unavailable: the vault cannot be read.
        """

    def discard_document(self, sha256: Sha256) -> None:
        """Forget a document that no event names, since all of them were refused. Raises: Unavailable."""

    def held(self, subject: UUID | None = None) -> int:
        """Return how many values and documents are here, of one subject or of all. Raises: Unavailable."""

    def begin_erasure(self, subject: UUID) -> None:
        """Keep nothing more of a subject from here on. Raises: Unavailable."""

    def end_erasure(self, subject: UUID) -> None:
        """Take `begin_erasure` back. Raises: Unavailable."""

    def destroy(self, subject: UUID) -> int:
        """Destroy a subject's key, values and documents for ever, and replace the key that wrapped it.

        Returns how many values and documents there ever were.

        Harmless when repeated; a crash in the middle is finished by the next call.

        Raises: Unavailable.
        """

    def close_erasure(self, subject: UUID) -> None:
        """Remember that the log says that the erasure has ended. Raises: Unavailable."""

    def unfinished(self) -> list[UUID]:
        """Return the subjects whose erasure was begun and has not come to its end. Raises: Unavailable."""
