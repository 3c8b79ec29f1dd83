"""A vault in memory, for ledgers in memory; see `producers.vault.Vault`."""

from collections.abc import Mapping
from uuid import UUID

from domain.errors import NotFound, Rejected
from producers.vault import Kept, Opening


class MemoryVault:
    """Nothing is encrypted here, and nothing outlives the process."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._states: dict[UUID, str] = {}
        self._commands: dict[tuple[UUID, UUID], tuple[UUID, Kept]] = {}
        self._destroyed: dict[UUID, int] = {}
        self._told: set[UUID] = set()

    def keep(
        self, subject: UUID, actor: UUID, command_id: UUID, event_id: UUID, openings: Mapping[str, Opening]
    ) -> Kept:
        """Keep the values of a command's event; see the port."""
        state = self._states.setdefault(subject, "open")
        if state != "open":
            raise Rejected(f"nothing more is kept of subject {subject}: it is {state}")
        known = self.kept(actor, command_id)
        if known is None:
            known = Kept(event_id, dict(openings))
            self._commands[actor, command_id] = subject, known
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

    def owner(self, event_id: UUID, path: str) -> UUID | None:
        """Return the data subject of a value; see the port."""
        for subject, kept in self._commands.values():
            if kept.event_id == event_id and path in kept.openings:
                return subject
        return None

    def discard(self, actor: UUID, command_id: UUID) -> None:
        """Forget what was kept for a command that was refused; see the port."""
        self._commands.pop((actor, command_id), None)

    def begin_erasure(self, subject: UUID) -> None:
        """Keep nothing more of a subject; see the port."""
        if self._states.get(subject, "open") == "open":
            self._states[subject] = "erasing"

    def end_erasure(self, subject: UUID) -> None:
        """Take `begin_erasure` back; see the port."""
        if self._states.get(subject) == "erasing":
            self._states[subject] = "open"

    def destroy(self, subject: UUID) -> int:
        """Destroy a subject's values; see the port."""
        gone = {key: kept for key, (owner, kept) in self._commands.items() if owner == subject}
        for key in gone:
            del self._commands[key]
        self._states[subject] = "erased"
        count = sum(len(kept.openings) for kept in gone.values())
        self._destroyed[subject] = self._destroyed.get(subject, 0) + count
        return self._destroyed[subject]

    def close_erasure(self, subject: UUID) -> None:
        """Remember that the log says that the erasure has ended; see the port."""
        self._told.add(subject)

    def unfinished(self) -> list[UUID]:
        """Return the subjects whose erasure has not come to its end; see the port."""
        open_ones = (one for one, state in self._states.items() if state != "open" and one not in self._told)
        return sorted(open_ones)
