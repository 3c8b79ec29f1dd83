"""A vault in memory, for ledgers in memory; see `producers.vault.Vault`."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain
from uuid import UUID

from domain.errors import Invalid, NotFound, Rejected
from domain.ids import Sha256
from producers.vault import DOCUMENT_BYTES_MAX, Kept, Opening


class MemoryVault:
    """Nothing is encrypted here, and nothing outlives the process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._states: dict[UUID, str] = {}
        self._commands: dict[tuple[UUID, UUID], tuple[Mapping[str, UUID], Kept]] = {}
        self._documents: dict[Sha256, tuple[UUID, bytes]] = {}
        self._destroyed: dict[UUID, int] = {}
        self._told: set[UUID] = set()

    def keep(
        self,
        owners: Mapping[str, UUID],
        actor: UUID,
        command_id: UUID,
        event_id: UUID,
        openings: Mapping[str, Opening],
    ) -> Kept:
        """Keep the values of a command's event; see the port."""
        for subject in sorted({owners[path] for path in openings}):
            self._require_open(subject)
        known = self.kept(actor, command_id)
        if known is None:
            known = Kept(event_id, dict(openings))
            self._commands[actor, command_id] = {path: owners[path] for path in openings}, known
        elif {path: one.value for path, one in known.openings.items()} != {p: o.value for p, o in openings.items()}:
            raise Rejected(f"command {command_id} is known with other values")
        return known

    def kept(self, actor: UUID, command_id: UUID) -> Kept | None:
        """Return what was kept for a command; see the port."""
        found = self._commands.get((actor, command_id))
        return None if found is None else found[1]

    def open(self, event_id: UUID, path: str) -> Opening:
        """Return what opens a commitment; see the port."""
        for _, kept in self._commands.values():
            if kept.event_id == event_id and path in kept.openings:
                return kept.openings[path]
        raise NotFound(f"the vault has no value for {path[:60]!r} of event {event_id}: it was erased, or never here")

    def openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening]:
        """Return what opens commitments of an event; see the port."""
        found = next((kept for _, kept in self._commands.values() if kept.event_id == event_id), None)
        there = {} if found is None else found.openings
        return {path: there[path] for path in paths if path in there}

    def owner(self, event_id: UUID, path: str) -> UUID | None:
        """Return the data subject of a value; see the port."""
        for owners, kept in self._commands.values():
            if kept.event_id == event_id and path in kept.openings:
                return owners[path]
        return None

    def discard(self, actor: UUID, command_id: UUID) -> None:
        """Forget what was kept for a command that was refused; see the port."""
        self._commands.pop((actor, command_id), None)

    def keep_document(self, subject: UUID, document: bytes) -> Sha256:
        """Keep a document; see the port."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise Invalid(f"document: expected at most {DOCUMENT_BYTES_MAX} bytes, found {len(document)}")
        self._require_open(subject)
        digest = Sha256(hashlib.sha256(document).digest())
        if self._documents.setdefault(digest, (subject, document))[0] != subject:
            raise Rejected(f"document {digest.hex()} is another subject's")
        return digest

    def document(self, sha256: Sha256) -> bytes:
        """Return a document; see the port."""
        if sha256 not in self._documents:
            raise NotFound(f"the vault has no document {sha256.hex()}: it was erased, or never here")
        return self._documents[sha256][1]

    def discard_document(self, sha256: Sha256) -> None:
        """Forget a document that no event names; see the port."""
        self._documents.pop(sha256, None)

    def held(self, subject: UUID | None = None) -> int:
        """Return how much is here; see the port."""
        values = (owner for owners, _ in self._commands.values() for owner in owners.values())
        documents = (owner for owner, _ in self._documents.values())
        return sum(subject in (None, owner) for owner in chain(values, documents))

    def begin_erasure(self, subject: UUID) -> None:
        """Keep nothing more of a subject; see the port."""
        if self._states.get(subject, "open") == "open":
            self._states[subject] = "erasing"

    def end_erasure(self, subject: UUID) -> None:
        """Take `begin_erasure` back; see the port."""
        if self._states.get(subject) == "erasing":
            self._states[subject] = "open"

    def destroy(self, subject: UUID) -> int:
        """Destroy what is a subject's; see the port."""
        self._destroyed[subject] = self._destroyed.get(subject, 0) + self.held(subject)
        left: dict[tuple[UUID, UUID], tuple[Mapping[str, UUID], Kept]] = {}
        for key, (owners, kept) in self._commands.items():
            others = {path: owner for path, owner in owners.items() if owner != subject}
            if others:
                left[key] = others, Kept(kept.event_id, {path: kept.openings[path] for path in others})
        self._commands = left
        self._documents = {key: kept for key, kept in self._documents.items() if kept[0] != subject}
        self._states[subject] = "erased"
        return self._destroyed[subject]

    def close_erasure(self, subject: UUID) -> None:
        """Remember that the log says that the erasure has ended; see the port."""
        self._told.add(subject)

    def unfinished(self) -> list[UUID]:
        """Return the subjects whose erasure has not come to its end; see the port."""
        open_ones = (one for one, state in self._states.items() if state != "open" and one not in self._told)
        return sorted(open_ones)

    def _require_open(self, subject: UUID) -> None:
        state = self._states.setdefault(subject, "open")
        if state != "open":
            raise Rejected(f"nothing more is kept of subject {subject}: it is {state}")
