"""Commands on parties as data subjects; see `domain.governance.subject`."""

from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.events import Event
from domain.governance import subject
from domain.governance.authority import Permission
from domain.governance.events import (
    FieldOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
    ParticularsDeclared,
    Role,
    SubjectErased,
)
from domain.governance.subject import (
    DeclareParticulars,
    EraseSubject,
    Facts,
    LiftLegalHold,
    OpenField,
    PlaceLegalHold,
)
from domain.ids import PartyId
from producers.authority import PARTY, REGISTRAR, Acting, CommandSpec
from producers.commands import Actor, Decision, Task, View, Write
from producers.host import Host
from producers.ports import CommandKey

REQUEST_BYTES_MAX: Final = 1 << 20
CLERK: Final = frozenset({Role.CLERK})


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    loaded = view.load(command.party, PARTY)
    evidence = acting.evidence
    facts = Facts(
        party=command.party,
        secret_of=evidence if isinstance(command, OpenField) else None,
        request_here=bool(evidence) if isinstance(command, EraseSubject) else True,
    )
    events = subject.decide(loaded.state, acting.committed(command), facts)
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id)


def complete_erasure(key: CommandKey, actor: Actor, party: PartyId, values: int) -> Task[UUID]:
    """Return the task by which edgeprint itself says that an erasure has ended; nothing is written if it was said."""

    def run(view: View) -> Decision[UUID]:
        loaded = view.load(party, PARTY)
        events = subject.complete(loaded.state, values)
        return Decision((Write(loaded, events),) if events else (), loaded.stream_id)

    return Task(key, actor, run, reads=lambda _: (party,))


def _gather_owner(command: OpenField, host: Host) -> UUID | None:
    return host.secret_of(command.event, command.path)


def _gather_request(command: EraseSubject, host: Host) -> bool:
    return command.request is None or host.document(command.request, REQUEST_BYTES_MAX) is not None


def _spec(
    command: type[Command],
    event: type[Event],
    roles: frozenset[Role],
    *,
    gather: Any = lambda _, __: None,
    human: bool = False,
    own: bool = False,
    secrets: tuple[str, ...] = (),
) -> CommandSpec:
    return CommandSpec(
        command,
        Permission(command.NAME, roles, human_only=human, signed=human, own=own),
        _run,
        (event,),
        reads=lambda given, _: (given.party,),
        subject=lambda given: PartyId(given.party),
        gather=gather,
        secrets=secrets,
        data_subject=lambda given, *_: PartyId(given.party),
    )


COMMANDS: Final = (
    _spec(DeclareParticulars, ParticularsDeclared, REGISTRAR, own=True, secrets=("name", "address", "contact")),
    _spec(OpenField, FieldOpened, CLERK | {Role.AUDITOR}, own=True, human=True, gather=_gather_owner),
    _spec(PlaceLegalHold, LegalHoldPlaced, CLERK, human=True),
    _spec(LiftLegalHold, LegalHoldLifted, CLERK, human=True),
    _spec(EraseSubject, SubjectErased, REGISTRAR, own=True, human=True, gather=_gather_request),
)
"""Who may do what to data subjects."""
