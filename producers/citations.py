"""The command by which an object cites its grants; see `domain.identity.citation`.

What the object comes from and the chain of each grant stand in births, which never change, so they are looked up before
the decision; all of it is read again and guarded with it. A source that is found meanwhile is not among them: a grant
on it is refused, and cited by the next command.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.governance.authority import Permission
from domain.identity.citation import CiteGrants, Facts, decide
from domain.identity.digital_object import DigitalObject
from domain.identity.events import AuthorisationCited
from domain.ids import ObjectId, RightsGrantId, TitleId
from domain.rights.chain import Above
from producers.authority import ANYBODY, Acting, CommandSpec, Keys
from producers.commands import Decision, View, Write
from producers.grants import GRANT
from producers.host import Host
from producers.identity import OBJECT
from producers.titles import TITLE


@dataclass(frozen=True, slots=True)
class Found:
    """What the object comes from, and the title and the chain above each grant that is one."""

    sources: tuple[ObjectId, ...]
    chains: Mapping[RightsGrantId, tuple[TitleId, tuple[RightsGrantId, ...]]]


def _gather(command: CiteGrants, host: Host) -> Found:
    state: DigitalObject = host.state(command.object, OBJECT)
    declared = () if state.birth is None else tuple(parent.object_id for parent in state.birth.parents)
    recorded = {grant: host.state(grant, GRANT).recorded for grant in command.grants}
    chains = {grant: (one.title, one.chain) for grant, one in recorded.items() if one is not None}
    return Found((*declared, *state.found_sources), chains)


def _rests(found: Found | None) -> tuple[UUID, ...]:
    """Return the streams above the object and above its grants, each once."""
    if found is None:
        return ()
    above = (link for title, chain in found.chains.values() for link in (title, *chain))
    return tuple(dict.fromkeys((*found.sources, *above)))


def _run(command: CiteGrants, view: View, acting: Acting) -> Decision[UUID]:
    found: Found = acting.evidence
    loaded = view.load(command.object, OBJECT)
    births = [view.load(one, OBJECT).state.birth for one in (command.object, *found.sources)]
    facts = Facts(
        object_id=command.object,
        who=acting.who,
        now=acting.now,
        chains={grant: _above(grant, *above, view) for grant, above in found.chains.items()},
        works=frozenset(birth.content.sha256 for birth in births if birth is not None),
    )
    return Decision((Write(loaded, decide(loaded.state, command, facts)),), loaded.stream_id)


def _above(grant: RightsGrantId, title: TitleId, chain: tuple[RightsGrantId, ...], view: View) -> Above:
    links = (*chain, grant)
    return Above(title, view.load(title, TITLE).state, links, tuple(view.load(one, GRANT).state for one in links))


def _reads(command: CiteGrants, _: Keys) -> tuple[UUID, ...]:
    return (command.object, *command.grants)


def _project(command: Any, view: View) -> str | None:
    birth = view.load(command.object, OBJECT).state.birth
    return None if birth is None else birth.project


COMMANDS: Final = (
    CommandSpec(
        CiteGrants,
        Permission(CiteGrants.NAME, ANYBODY, signed=True),
        _run,
        (AuthorisationCited,),
        reads=_reads,
        gather=_gather,
        rests=_rests,
        project=_project,
    ),
)
"""An object's holder, a person or an organisation, by its signature."""
