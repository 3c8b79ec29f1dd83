"""Commands on titles; see `domain.rights.title_rules`."""

from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.events import Event, Sha256
from domain.governance.authority import Permission
from domain.governance.events import Role
from domain.ids import PartyId, TitleId
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    RightsClaimed,
    RightsRegistered,
    TransferAccepted,
    TransferApproved,
    TransferProposed,
    TransferWithdrawn,
    registration_key,
    title_key,
)
from domain.rights.title import Title, evolve
from domain.rights.title_rules import (
    AcceptTransfer,
    ApproveTransfer,
    ClaimRights,
    ContestClaim,
    Facts,
    ProposeTransfer,
    RegisterRights,
    ResolveClaim,
    WithdrawTransfer,
    decide,
)
from producers.authority import ANYBODY, OFFICER, PARTY, REGISTRAR, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.host import DOCUMENT_BYTES_MAX, Host
from producers.ports import KeyHolder

TITLE: Final = Aggregate("Title", RightsClaimed.TYPE, Title(), evolve)
RESOLVERS: Final = OFFICER | {Role.CLERK}
DOCUMENTS: Final = ("certificate", "grounds", "judgment", "basis")
"""Fields that name a document on which a decision rests: it lies in the blob store."""


def title_of(view: View, holder: PartyId, work: Sha256) -> Title | None:
    """Return the title that `holder` claims on `work`, or None, also where the claim has fallen.

    Its stream, if any, is guarded from here on.
    """
    known: KeyHolder | None = view.keys.get(title_key(holder, work))
    found = None if known is None else view.load(known.stream_id, TITLE).state
    return None if found is None or found.fallen(view.now) is not None else found


def gather_documents(command: Any, host: Host) -> frozenset[Sha256]:
    """Return the documents that a command rests on and that are here."""
    named = [getattr(command, name) for name in DOCUMENTS if getattr(command, name, None) is not None]
    return frozenset(one for one in named if host.document(one, DOCUMENT_BYTES_MAX) is not None)


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    stream = _stream(command, view, acting.who)
    facts = Facts(
        title=TitleId(stream.stream_id),
        who=acting.who,
        now=acting.now,
        parties={party: view.load(party, PARTY).state for party in _parties(command, acting.who)},
        documents=acting.evidence or frozenset(),
        taken=isinstance(command, RegisterRights) and _registered(command) in view.keys,
    )
    return Decision((Write(stream, decide(stream.state, command, facts)),), stream.stream_id)


def _stream(command: Any, view: View, who: PartyId) -> Loaded[Title]:
    if not isinstance(command, ClaimRights):
        return view.load(command.title, TITLE)
    known = view.keys.get(title_key(who, command.work))
    return view.born(TITLE) if known is None else view.load(known.stream_id, TITLE)


def _parties(command: Any, who: PartyId) -> tuple[PartyId, ...]:
    """Return the parties that a command names besides the one for whom it is given."""
    if isinstance(command, ClaimRights):
        return tuple(sorted({one.party for one in command.owners} - {who}))
    return (command.recipient,) if isinstance(command, ProposeTransfer) else ()


def _registered(command: RegisterRights) -> str:
    return registration_key(command.register, command.number)


def _lookups(command: Any, who: PartyId) -> tuple[str, ...]:
    if isinstance(command, ClaimRights):
        return (title_key(who, command.work),)
    return (_registered(command),) if isinstance(command, RegisterRights) else ()


def _reads(command: Any, keys: Keys) -> tuple[UUID, ...]:
    if isinstance(command, ClaimRights):
        return (*(holder.stream_id for holder in keys.values()), *(one.party for one in command.owners))
    return (command.title, *((command.recipient,) if isinstance(command, ProposeTransfer) else ()))


def _spec(
    command: type[Command], *events: type[Event], roles: frozenset[Role] = ANYBODY, human: bool = False
) -> CommandSpec:
    return CommandSpec(
        command,
        Permission(command.NAME, roles, human_only=human, signed=True),
        _run,
        events,
        lookups=_lookups,
        reads=_reads,
        gather=gather_documents,
    )


COMMANDS: Final = (
    _spec(ClaimRights, RightsClaimed),
    _spec(RegisterRights, RightsRegistered, roles=REGISTRAR, human=True),
    _spec(ProposeTransfer, TransferProposed),
    _spec(ApproveTransfer, TransferApproved, OwnershipTransferred),
    _spec(AcceptTransfer, TransferAccepted, OwnershipTransferred),
    _spec(WithdrawTransfer, TransferWithdrawn),
    _spec(ContestClaim, ClaimContested),
    _spec(ResolveClaim, ClaimResolved, roles=RESOLVERS, human=True),
)
"""Who may do what to titles. Any enrolled person or organisation acts on what is its own, by its signature."""
