"""Commands on titles."""

from typing import Final
from uuid import UUID

from domain.events import Sha256
from domain.governance.authority import Permission
from domain.ids import PartyId
from domain.rights.events import RightsClaimed, title_key
from domain.rights.title import ClaimRights, Title, decide, evolve
from producers.authority import ANYBODY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, View, Write
from producers.ports import KeyHolder

TITLE = Aggregate("Title", RightsClaimed.TYPE, Title(), evolve)


def _claim(command: ClaimRights, view: View, acting: Acting) -> Decision[UUID]:
    known = view.keys.get(title_key(acting.who, command.work))
    stream = view.born(TITLE) if known is None else view.load(known.stream_id, TITLE)
    return Decision((Write(stream, decide(stream.state, command, acting.who)),), stream.stream_id)


def _claimed(command: ClaimRights, who: PartyId) -> tuple[str, ...]:
    return (title_key(who, command.work),)


def _holders(_: ClaimRights, keys: Keys) -> tuple[UUID, ...]:
    return tuple(holder.stream_id for holder in keys.values())


def title_of(view: View, holder: PartyId, work: Sha256) -> Title | None:
    """Return the title that `holder` claims on `work`, or None; its stream, if any, is guarded from here on."""
    known: KeyHolder | None = view.keys.get(title_key(holder, work))
    return None if known is None else view.load(known.stream_id, TITLE).state


COMMANDS: Final = (
    CommandSpec(
        ClaimRights,
        Permission(ClaimRights.NAME, ANYBODY, signed=True),
        _claim,
        (RightsClaimed,),
        lookups=_claimed,
        reads=_holders,
    ),
)
"""Who may claim a work: any enrolled person or organisation, for itself, by its signature."""
