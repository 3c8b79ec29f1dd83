"""Erasure: SubjectErased in the log first, then key, values and documents are destroyed, then ErasureCompleted.

    begin (nothing more is kept) -> SubjectErased -> destroy, replace the master key -> ErasureCompleted -> close

A crash at any point is made up for by the next start: the log says whether the subject was erased, the vault how far
its destruction has come. Before SubjectErased is in the log nothing is destroyed; after it nothing can bring it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar
from uuid import UUID

from domain.command import Command
from domain.errors import LedgerError, Unavailable
from domain.governance.subject import EraseSubject
from domain.ids import PartyId
from infra.failpoints import failpoint
from producers.application import LedgerApplication
from producers.authority import PARTY
from producers.commands import Actor, Aggregate, Loaded
from producers.ports import CommandKey
from producers.subjects import complete_erasure
from producers.vault import Vault

S = TypeVar("S")


class Place(Protocol):
    """What an erasure needs of a session: ledger, vault, and edgeprint itself as the one who acts."""

    @property
    def vault(self) -> Vault:
        """Return the vault."""

    @property
    def application(self) -> LedgerApplication:
        """Return the write path of the ledger."""

    @property
    def service(self) -> Actor:
        """Return edgeprint itself."""

    def new_command(self, actor: Actor) -> CommandKey:
        """Return the key of a command that is new."""

    def load(self, stream_id: UUID, aggregate: Aggregate[S]) -> Loaded[S]:
        """Return a stream as it stands."""


@contextmanager
def erasing(place: Place, command: Command) -> Iterator[None]:
    """Surround the execution of a command: where it erases a subject, the vault is led through it.

    Raises: whatever the execution raises; Unavailable if the vault fails, and the next start goes on.
    """
    if not isinstance(command, EraseSubject):
        yield
        return
    place.vault.begin_erasure(command.party)
    failpoint("vault.begun")
    try:
        yield
    except Unavailable:
        raise  # nobody knows whether it is in the log: the next start looks
    except LedgerError:
        finish(place, command.party)
        raise
    failpoint("vault.erased")
    finish(place, command.party)


def finish_erasures(place: Place) -> None:
    """Bring every erasure that was begun to its end, whichever that is. Raises: Unavailable."""
    for subject in place.vault.unfinished():
        finish(place, PartyId(subject))


def finish(place: Place, subject: PartyId) -> None:
    """Go on where the log and the vault stand: destroy and say so, or take the beginning back. Raises: Unavailable."""
    if not place.load(subject, PARTY).state.erased:
        place.vault.end_erasure(subject)
        return
    count = place.vault.destroy(subject)
    failpoint("vault.destroyed")
    key = place.new_command(place.service)
    place.application.execute(complete_erasure(key, place.service, subject, count)).require()
    failpoint("vault.completed")
    place.vault.close_erasure(subject)
