"""Title: who owns a work and why; the root of every authorisation chain."""

from dataclasses import dataclass

from domain.errors import Rejected
from domain.events import Sha256
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


@dataclass(frozen=True, slots=True)
class ClaimRights:
    """Claim a work. The key of the append makes a second claim by the same holder a conflict."""

    holder: PartyId
    work: Sha256
    root: Root
    statement: Sha256


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged from other streams: whether the holder's Party stream is enrolled."""

    holder_enrolled: bool


def decide(title: Title, command: ClaimRights, facts: Facts) -> tuple[TitleEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: the stream carries a claim already, or the holder is not enrolled.
    """
    if title.holder is not None:
        raise Rejected(f"ClaimRights refused: the title is claimed already, root {title.root}")
    if not facts.holder_enrolled:
        raise Rejected(f"ClaimRights refused: holder {command.holder} is not enrolled")
    return (RightsClaimed(holder=command.holder, work=command.work, root=command.root, statement=command.statement),)


def evolve(title: Title, event: TitleEvent) -> Title:
    """Return the state after `event`."""
    del title
    return Title(holder=event.holder, work=event.work, root=event.root, statement=event.statement)
