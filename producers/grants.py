"""Commands on grants; see `domain.rights.grant_rules`.

A command that is given on a grant names the grant alone. Its chain is the grant's birth, which never changes: it is
looked up before the decision, and what stands there is read again and guarded with it.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.errors import Rejected
from domain.events import Event, Sha256
from domain.governance.authority import Permission
from domain.governance.party import Party
from domain.ids import RightsGrantId, TitleId
from domain.rights.chain import Above
from domain.rights.grant import Grant, evolve
from domain.rights.grant_events import (
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.grant_rules import (
    AcceptGrant,
    ApproveGrant,
    DeclineGrant,
    Facts,
    RecordGrant,
    ReinstateGrant,
    RevokeGrant,
    decide,
)
from producers.authority import ANYBODY, PARTY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.host import Host
from producers.titles import TITLE, gather_documents

GRANT: Final = Aggregate("Grant", GrantRecorded.TYPE, Grant(), evolve)
ALLOCATED: Final = (ScopeAllocated, SubscopeAllocated)
RELEASED: Final = (ScopeReleased, SubscopeReleased)


@dataclass(frozen=True, slots=True)
class Found:
    """The chain of a grant, None where there is no such grant, and the documents that are here."""

    title: TitleId | None
    chain: tuple[RightsGrantId, ...]
    documents: frozenset[Sha256]


def _above(found: Found | None) -> tuple[UUID, ...]:
    """Return the streams above the grant."""
    return () if found is None or found.title is None else (found.title, *found.chain)


def _gather(command: Any, host: Host) -> Found:
    documents = gather_documents(command, host)
    if isinstance(command, RecordGrant):
        return Found(command.title, command.chain, documents)
    recorded = host.state(command.grant, GRANT).recorded
    return Found(None, (), documents) if recorded is None else Found(recorded.title, recorded.chain, documents)


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    found: Found = acting.evidence
    born = isinstance(command, RecordGrant)
    loaded: Loaded[Grant] = view.born(GRANT) if born else view.load(command.grant, GRANT)
    if found.title is None:
        raise Rejected(f"{type(command).__name__} refused: {command.grant} is not a grant of this ledger")
    title = view.load(found.title, TITLE)
    links = [view.load(link, GRANT) for link in found.chain]
    facts = Facts(
        grant=RightsGrantId(loaded.stream_id),
        who=acting.who,
        now=acting.now,
        above=Above(found.title, title.state, found.chain, tuple(link.state for link in links)),
        grantor=view.load(acting.who, PARTY).state,
        grantee=view.load(command.grantee, PARTY).state if born else Party(),
        documents=found.documents,
    )
    decided = decide(loaded.state, command, facts)
    giver: Loaded[Any] = links[-1] if links else title
    above = (Write(giver, decided.giver),) if decided.giver else ()
    return Decision((Write(loaded, decided.own), *above), loaded.stream_id)


def _reads(command: Any, _: Keys) -> tuple[UUID, ...]:
    return (command.grantee,) if isinstance(command, RecordGrant) else (command.grant,)


def _spec(command: type[Command], *events: type[Event]) -> CommandSpec:
    return CommandSpec(
        command,
        Permission(command.NAME, ANYBODY, signed=True),
        _run,
        events,
        reads=_reads,
        gather=_gather,
        rests=_above,
    )


COMMANDS: Final = (
    _spec(RecordGrant, GrantRecorded, *ALLOCATED),
    _spec(ApproveGrant, GrantApproved),
    _spec(AcceptGrant, GrantAccepted),
    _spec(DeclineGrant, GrantDeclined, *RELEASED),
    _spec(RevokeGrant, GrantRevoked, *RELEASED),
    _spec(ReinstateGrant, GrantReinstated, *ALLOCATED),
)
"""Any enrolled person or organisation gives, takes and ends what is its own, by its signature."""
