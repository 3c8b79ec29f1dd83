"""Title: who owns a work and why; the root of every authorisation chain."""

from dataclasses import dataclass
from typing import Annotated as A

from domain.command import Command, command
from domain.events import Doc, Sha256
from domain.ids import PartyId
from domain.rights.events import RightsClaimed, Root

TitleEvent = RightsClaimed


@dataclass(frozen=True, slots=True)
class Title:
    """The claim as it stands; `holder` is None before any claim."""

    holder: PartyId | None = None
    work: Sha256 | None = None
    root: Root = Root.UNSPECIFIED
    statement: Sha256 | None = None


@command("claim-rights")
class ClaimRights(Command):
    """State that a work is yours, and why: a root of title, contestable by others."""

    work: A[Sha256, Doc("SHA-256 of the work's bytes")]
    root: A[Root, Doc("why the work is yours")]
    statement: A[Sha256, Doc("SHA-256 of the salted statement that names the work")]


def decide(title: Title, command: ClaimRights, holder: PartyId) -> tuple[TitleEvent, ...]:
    """Return the events of `command` for `holder`; none where these bytes are claimed by it already."""
    if title.holder is not None:
        return ()
    return (RightsClaimed(holder=holder, work=command.work, root=command.root, statement=command.statement),)


def evolve(title: Title, event: TitleEvent) -> Title:
    """Return the state after `event`."""
    del title
    return Title(holder=event.holder, work=event.work, root=event.root, statement=event.statement)
