"""Commands on parties and policies."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.command import Command
from domain.events import Event, Sha256
from domain.governance import party as parties
from domain.governance import policy_set
from domain.governance.authority import Permission
from domain.governance.events import (
    KeyBound,
    KeyWithdrawn,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    PartyEnrolled,
    PartyKind,
    PolicyActivated,
    PolicyApproved,
    PolicyDrafted,
    Role,
    RoleAssigned,
    RoleWithdrawn,
    policy_key,
)
from domain.governance.party import (
    AssignRole,
    BindKey,
    DeclareMembership,
    EnrolParty,
    Facts,
    GrantMandate,
    Party,
    PartyCommand,
    RevokeMandate,
    WithdrawKey,
    WithdrawRole,
)
from domain.governance.policies import read_policy
from domain.governance.policy_set import ActivatePolicy, ApprovePolicy, DraftPolicy, PolicySet
from domain.ids import LedgerId, PartyId
from producers.authority import ANYBODY, PARTY, REGISTRAR, Acting, CommandSpec, Keys
from producers.commands import Actor, Aggregate, Decision, Loaded, Task, View, Write
from producers.ports import CommandKey
from schemas.strict_json import parse_strict

POLICY_SET: Final = Aggregate("PolicySet", PolicyDrafted.TYPE, PolicySet(), policy_set.evolve)
POLICY_BYTES_MAX: Final = 200_000
POLICY_DEPTH_MAX: Final = 12


def found_party(
    key: CommandKey, actor: Actor, party: PartyId, ledger: LedgerId, commands: Sequence[PartyCommand]
) -> Task[PartyId]:
    """Return the task that enrols a party of the founding under the id that it already has, with keys and roles.

    There is nobody yet who could permit it: edgeprint itself acts, once.
    """

    def run(view: View) -> Decision[PartyId]:
        loaded = view.load(party, PARTY)
        facts = Facts(party, ledger, actor.party, frozenset(), view.now, frozenset(), frozenset())
        state = loaded.state
        events: list[parties.PartyEvent] = []
        for command in commands:
            decided = parties.decide(state, command, facts)
            state = reduce(parties.evolve, decided, state)
            events.extend(decided)
        return Decision((Write(loaded, tuple(events)),), answer=party)

    return Task(key, actor, run, reads=lambda _: (party,))


def policy_in_force(loaded: Loaded[PolicySet]) -> tuple[str, Sha256] | None:
    """Return the document of the active version and the leaf hash that names it, None while no version is active."""
    draft = loaded.state.in_force
    return None if draft is None else (draft.document, loaded.leaves[draft.activated_at - 1])


def _enrol(command: EnrolParty, view: View, acting: Acting) -> Decision[UUID]:
    born = view.born(PARTY)
    return _on_party(born, command, acting)


def _change(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    return _on_party(view.load(command.party, PARTY), command, acting)


def _on_party(loaded: Loaded[Party], command: PartyCommand, acting: Acting) -> Decision[UUID]:
    facts = Facts(
        party=PartyId(loaded.stream_id),
        ledger=acting.ledger,
        actor=acting.actor,
        actor_roles=acting.party.roles,
        now=acting.now,
        commands=frozenset(acting.permissions),
        human_only=frozenset(name for name, one in acting.permissions.items() if one.human_only),
    )
    return Decision((Write(loaded, parties.decide(loaded.state, command, facts)),), loaded.stream_id)


def _draft(command: DraftPolicy, view: View, acting: Acting) -> Decision[UUID]:
    del acting
    where = f"policy {command.name}"
    document = parse_strict(command.document.encode(), where, bytes_max=POLICY_BYTES_MAX, depth_max=POLICY_DEPTH_MAX)
    read_policy(command.name, document)
    canonical = DraftPolicy(name=command.name, document=rfc8785.dumps(document).decode())  # type: ignore[arg-type]
    known = view.keys.get(policy_key(command.name))
    loaded = view.born(POLICY_SET) if known is None else view.load(known.stream_id, POLICY_SET)
    return Decision((Write(loaded, policy_set.decide(loaded.state, canonical)),), loaded.stream_id)


def _on_policy(command: ApprovePolicy | ActivatePolicy, view: View, acting: Acting) -> Decision[UUID]:
    del acting
    loaded = view.load(command.policy, POLICY_SET)
    return Decision((Write(loaded, policy_set.decide(loaded.state, command)),), loaded.stream_id)


def _drafted(command: DraftPolicy, keys: Keys) -> tuple[UUID, ...]:
    holder = keys.get(policy_key(command.name))
    return () if holder is None else (holder.stream_id,)


def _of_party(
    command: type[Command],
    event: type[Event],
    *,
    roles: frozenset[Role] = REGISTRAR,
    own: bool = False,
    grave: bool = False,
) -> CommandSpec:
    """Return the spec of a command on an enrolled party; a `grave` one is left to humans and always signed."""
    permission = Permission(command.NAME, roles, human_only=grave, signed=grave, own=own)
    return CommandSpec(
        command,
        permission,
        _change,
        (event,),
        reads=lambda given, _: (given.party,),
        subject=lambda given: PartyId(given.party),
    )


def _of_policy(command: type[Command], event: type[Event]) -> CommandSpec:
    permission = Permission(command.NAME, frozenset({Role.COMPLIANCE_OFFICER}), human_only=True, signed=True)
    return CommandSpec(command, permission, _on_policy, (event,), reads=lambda given, _: (given.policy,))


COMMANDS: Final = (
    CommandSpec(EnrolParty, Permission(EnrolParty.NAME, REGISTRAR), _enrol, (PartyEnrolled,)),
    _of_party(BindKey, KeyBound, own=True),
    _of_party(WithdrawKey, KeyWithdrawn, own=True),
    _of_party(AssignRole, RoleAssigned, grave=True),
    _of_party(WithdrawRole, RoleWithdrawn, grave=True),
    _of_party(GrantMandate, MandateGranted, roles=ANYBODY, grave=True),
    _of_party(RevokeMandate, MandateRevoked, roles=ANYBODY, grave=True),
    _of_party(DeclareMembership, MembershipDeclared, own=True),
    CommandSpec(
        DraftPolicy,
        Permission(DraftPolicy.NAME, frozenset({Role.OPERATOR, Role.COMPLIANCE_OFFICER})),
        _draft,
        (PolicyDrafted,),
        lookups=lambda given, _: (policy_key(given.name),),
        reads=_drafted,
    ),
    _of_policy(ApprovePolicy, PolicyApproved),
    _of_policy(ActivatePolicy, PolicyActivated),
)
"""Who may do what to parties and policies."""

HOLDER_ROLES: Final = (Role.REGISTRAR, Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.LICENSOR)
"""What the holder of a ledger may do from the founding on; it can give each of these away."""


def holder_commands(kind: PartyKind, key: str, proof: str, holder: PartyId) -> tuple[PartyCommand, ...]:
    """Return what the founding does for the holder: enrolled, one key, every role that one party can have alone."""
    return (
        EnrolParty(kind=kind),
        BindKey(party=holder, key=key, proof=proof),
        *(AssignRole(party=holder, role=role) for role in HOLDER_ROLES),
    )
