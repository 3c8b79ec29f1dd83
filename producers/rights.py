"""Commands on titles."""

from dataclasses import dataclass

from domain.events import Sha256
from domain.ids import PartyId, TitleId
from domain.rights.events import RightsClaimed, Root, title_key
from domain.rights.title import ClaimRights, Facts, Title, decide, evolve
from producers.commands import Actor, Aggregate, Decision, Task, View, Write
from producers.governance import is_enrolled
from producers.ports import CommandKey, KeyHolder

TITLE = Aggregate("Title", RightsClaimed.TYPE, Title(), evolve)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The title, and whether this command made it (False: the holder had claimed these bytes before)."""

    title: TitleId
    new: bool


def claim_rights(
    key: CommandKey, actor: Actor, holder: PartyId, work: Sha256, root: Root, statement: Sha256
) -> Task[Claimed]:
    """Return the task that claims `work` for `holder`, or answers with the title that the holder has already."""
    claim = title_key(holder, work)

    def run(view: View) -> Decision[Claimed]:
        known = view.keys.get(claim)
        if known is not None:
            return Decision((), Claimed(TitleId(known.stream_id), new=False))
        stream = view.born(TITLE)
        events = decide(stream.state, ClaimRights(holder, work, root, statement), Facts(is_enrolled(view, holder)))
        return Decision((Write(stream, events),), Claimed(TitleId(stream.stream_id), new=True))

    return Task(key, actor, run, lookups=(claim,), reads=lambda _: (holder,))


def title_of(view: View, holder: PartyId, work: Sha256) -> Title | None:
    """Return the title that `holder` claims on `work`, or None; its stream, if any, is guarded from here on."""
    known: KeyHolder | None = view.keys.get(title_key(holder, work))
    return None if known is None else view.load(known.stream_id, TITLE).state
