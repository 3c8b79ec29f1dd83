"""Erasure: SubjectErased in the log first, then key and values are destroyed, then ErasureCompleted.

    begin (nothing more is kept) -> SubjectErased -> destroy, replace the master key -> ErasureCompleted -> close

A crash at any point is made up for by the next start: the log says whether the subject was erased, the vault how far
its destruction has come. Before SubjectErased is in the log nothing is destroyed; after it nothing can bring it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.command import Command
from domain.errors import LedgerError, Unavailable
from domain.governance.subject import EraseSubject
from domain.ids import PartyId
from infra.failpoints import failpoint
from producers.authority import PARTY
from producers.subjects import complete_erasure

if TYPE_CHECKING:
    from infra.bootstrap import Session


@contextmanager
def erasing(session: "Session", command: Command) -> Iterator[None]:
    """Surround the execution of a command: where it erases a subject, the vault is led through it.

    Raises: whatever the execution raises; Unavailable if the vault fails, and the next start goes on.
    """
    if not isinstance(command, EraseSubject):
        yield
        return
    session.vault.begin_erasure(command.party)
    failpoint("vault.begun")
    try:
        yield
    except Unavailable:
        raise  # nobody knows whether it is in the log: the next start looks
    except LedgerError:
        finish(session, command.party)
        raise
    failpoint("vault.erased")
    finish(session, command.party)


def finish_erasures(session: "Session") -> None:
    """Bring every erasure that was begun to its end, whichever that is. Raises: Unavailable."""
    for subject in session.vault.unfinished():
        finish(session, PartyId(subject))


def finish(session: "Session", subject: PartyId) -> None:
    """Go on where the log and the vault stand: destroy and say so, or take the beginning back. Raises: Unavailable."""
    if not session.load(subject, PARTY).state.erased:
        session.vault.end_erasure(subject)
        return
    count = session.vault.destroy(subject)
    failpoint("vault.destroyed")
    key = session.new_command(session.service)
    session.application.execute(complete_erasure(key, session.service, subject, count)).require()
    failpoint("vault.completed")
    session.vault.close_erasure(subject)
