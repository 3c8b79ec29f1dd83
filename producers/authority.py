"""The command registry: what a command is called, who may give it, and how it is handled; one way for all of them.

    registry = Registry(governance.COMMANDS)
    task = registry.task(Request(key, actor, AssignRole(party=party, role=Role.OPERATOR)), ledger_id)
    application.execute(task)

Each task reads the Party streams of its actor and principal, judges the permission on them, and only then decides; both
streams are guarded, so nothing is done under a role, key or mandate that was withdrawn before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.errors import NotFound, Rejected
from domain.events import ZERO_UUID, ActorKind, Event
from domain.governance.authority import ACTOR_KINDS, Amount, Asked, Permission, authorise
from domain.governance.events import PartyEnrolled, Role
from domain.governance.party import Party, evolve
from domain.governance.signing import Attestation
from domain.ids import Commitment, LedgerId, PartyId
from producers.commands import Actor, Aggregate, Authority, Decision, Loaded, Task, View
from producers.host import Host
from producers.ports import CommandKey, KeyHolder
from producers.secrets import places, with_values

PARTY: Final = Aggregate("Party", PartyEnrolled.TYPE, Party(), evolve)
ANYBODY: Final[frozenset[Role]] = frozenset()
OPERATOR: Final = frozenset({Role.OPERATOR})
OFFICER: Final = frozenset({Role.COMPLIANCE_OFFICER})
REGISTRAR: Final = frozenset({Role.REGISTRAR})
Keys = Mapping[str, KeyHolder]


@dataclass(frozen=True, slots=True)
class Committed:
    """Commitments to a command's secrets under the id of the event that will carry them, by place.

    `values` are what they open to, as far as that is known: all of them while the command is given, later those that
    were not erased. They go into no event, no message and no log.
    """

    event_id: UUID
    fields: Mapping[str, Commitment]
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, as the permission was judged, and what a handler may ask; `who` it is done for: principal or actor."""

    actor: PartyId
    party: Party
    ledger: LedgerId
    now: datetime
    permissions: Mapping[str, Permission]
    who: PartyId
    evidence: Any = None
    secrets: Committed | None = None

    @property
    def event_id(self) -> UUID | None:
        """Return the id that the first event must have, since commitments in it rest on that; None for any."""
        return None if self.secrets is None else self.secrets.event_id

    def committed(self, command: Any) -> Any:
        """Return the command with the commitments of its event in place of those that were signed."""
        return command if self.secrets is None else with_values(command, self.secrets.fields)

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the values of the command's secrets, by place."""
        return {} if self.secrets is None else self.secrets.values


def _nothing(_: Any, __: PartyId) -> tuple[str, ...]:
    return ()


def _no_streams(_: Any, __: Keys) -> tuple[UUID, ...]:
    return ()


def _nobody(_: Any) -> PartyId | None:
    return None


def _whoever(_: Any, who: PartyId, __: str, ___: Any) -> PartyId:
    return who


def _no_project(_: Any, __: View) -> str | None:
    return None


def _no_amount(_: Mapping[str, Any]) -> Amount | None:
    return None


def _no_evidence(_: Any, __: Host) -> None:
    return None


def _nothing_more(_: Any) -> tuple[UUID, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command of the registry.

    `decide` returns the writes on what the view gives out; `lookups`, told whom it is for, names the keys and `reads`
    the streams that it may ask for. `subject` is the party that a command is about. `events` are those that may follow.
    `gather` looks at bytes before the decision and is what `Acting.evidence` holds then; where it `measures`, it cannot
    be repeated later, so such a decision is not made again. `secrets` are the places that commit to values
    (`producers.secrets`), which go to the vault under the key of `data_subject`, told the command, whom it is for, the
    place and what was gathered; where the command `weighs` them, it cannot be decided again once one of them was
    erased. `project` is the code of the production that a command is about, and `amount` the money that it moves, found
    among the values of its secrets: a mandate may be bound to both. `rests` names further streams to read, by what
    `gather` found: only what never changes may lead there.
    """

    command: type[Command]
    permission: Permission
    decide: Callable[[Any, View, Acting], Decision[Any]]
    events: tuple[type[Event], ...]
    lookups: Callable[[Any, PartyId], tuple[str, ...]] = _nothing
    reads: Callable[[Any, Keys], tuple[UUID, ...]] = _no_streams
    subject: Callable[[Any], PartyId | None] = _nobody
    gather: Callable[[Any, Host], Any] = _no_evidence
    measures: bool = False
    secrets: tuple[str, ...] = ()
    data_subject: Callable[[Any, PartyId, str, Any], PartyId] = _whoever
    weighs: bool = False
    project: Callable[[Any, View], str | None] = _no_project
    amount: Callable[[Mapping[str, Any]], Amount | None] = _no_amount
    rests: Callable[[Any], tuple[UUID, ...]] = _nothing_more

    def given_secrets(self, command: Command) -> tuple[str, ...]:
        """Return the places of a command that commit to a value."""
        return tuple(path for path, _ in places(self.secrets, command))

    def owners(self, command: Command, who: PartyId, evidence: Any) -> dict[str, UUID]:
        """Return whose secret each value is, by place."""
        return {path: self.data_subject(command, who, path, evidence) for path in self.given_secrets(command)}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the key of idempotency, who asks, what, for whom, with which signature, and in which connection.

    `evidence` is what the command's `gather` found, `committed` what the vault made of its secrets, `amount` the money
    that they state.
    """

    key: CommandKey
    actor: PartyId
    command: Command
    on_behalf_of: PartyId | None = None
    attestation: Attestation | None = None
    evidence: Any = None
    committed: Committed | None = None
    amount: Amount | None = None
    causation_id: UUID = ZERO_UUID
    correlation_id: UUID = ZERO_UUID

    @property
    def who(self) -> PartyId:
        """Return for whom it is done: the principal, or the actor itself."""
        return self.on_behalf_of or self.actor


class Registry:
    """Commands by name. Raises: AssertionError at its making if two have one name."""

    def __init__(self, specs: Sequence[CommandSpec]) -> None:
        self._specs = {spec.command.NAME: spec for spec in specs}
        self._permissions = {name: spec.permission for name, spec in self._specs.items()}
        if len(self._specs) != len(specs):
            raise AssertionError("two commands of the registry have one name")

    def __iter__(self) -> Iterator[CommandSpec]:
        """Iterate over the commands in the order of their contexts."""
        return iter(self._specs.values())

    def find(self, name: str) -> CommandSpec:
        """Return the command of a name. Raises: NotFound, with the names there are."""
        if name not in self._specs:
            raise NotFound(f"expected one of {', '.join(self._specs)}, found the command {name[:60]!r}")
        return self._specs[name]

    def task(self, request: Request, ledger: LedgerId) -> Task[Any]:
        """Return the task of a request; its answer is the stream that it wrote to first, at the gate a `Submitted`."""
        spec = self.find(request.command.NAME)
        parties = (request.actor,) if request.on_behalf_of is None else (request.actor, request.on_behalf_of)

        def run(view: View) -> Decision[Any]:
            actor = view.load(request.actor, PARTY)
            authority = _authority(spec, request, view, actor)
            _require_values(spec, request)
            acting = Acting(
                request.actor,
                actor.state,
                ledger,
                view.now,
                self._permissions,
                request.who,
                request.evidence,
                request.committed,
            )
            return replace(spec.decide(request.command, view, acting), authority=authority)

        return Task(
            request.key,
            Actor(request.actor, ActorKind.UNSPECIFIED, request.on_behalf_of),
            run,
            lookups=spec.lookups(request.command, request.who),
            reads=lambda keys: (*parties, *spec.reads(request.command, keys), *spec.rests(request.evidence)),
            causation_id=request.causation_id,
            correlation_id=request.correlation_id,
        )


def _require_values(spec: CommandSpec, request: Request) -> None:
    given = spec.given_secrets(request.command)
    there = () if request.committed is None else tuple(request.committed.fields)
    if set(given) != set(there):
        missing = sorted(set(given) ^ set(there))[0]
        raise Rejected(f"{request.command.NAME} refused: expected the value of {missing} for the vault, found none")


def _authority(spec: CommandSpec, request: Request, view: View, actor: Loaded[Party]) -> Authority:
    principal = None if request.on_behalf_of is None else view.load(request.on_behalf_of, PARTY).state
    mandate = authorise(
        spec.permission,
        Asked(
            actor=request.actor,
            party=actor.state,
            now=view.now,
            principal=request.on_behalf_of,
            principal_party=principal,
            subject=spec.subject(request.command),
            attestation=request.attestation,
            project=spec.project(request.command, view),
            amount=request.amount,
        ),
    )
    return Authority(
        kind=ACTOR_KINDS[actor.state.kind],
        mandate=None if mandate is None else actor.leaves[mandate.number - 1],
        attestation=None if request.attestation is None else request.attestation.digest,
    )
