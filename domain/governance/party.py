"""Party: whoever acts or holds, with its keys, roles and mandates. Agents, services and devices are parties too.

A person or an organisation acts by its roles. An agent, a service or a device has none: it acts for a principal, within
a mandate of theirs, and the principal needs the role (`domain.governance.authority`). A person may act so too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated as A
from typing import Any, Final, assert_never

from domain.command import Command, command
from domain.errors import Invalid, Rejected
from domain.events import Doc, Sha256
from domain.governance.events import (
    ACTIONS_MAX,
    PROJECTS_MAX,
    VKEY_CHARACTERS_MAX,
    ErasureCompleted,
    FieldOpened,
    KeyBound,
    KeyEnd,
    KeyWithdrawn,
    LegalHoldLifted,
    LegalHoldPlaced,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    ParticularsDeclared,
    PartyEnrolled,
    PartyKind,
    Role,
    RoleAssigned,
    RoleWithdrawn,
    SubjectErased,
)
from domain.governance.signing import binding_text, key_of_party
from domain.ids import LedgerId, PartyId
from domain.ledger.text import decode_base64

KEYS_MAX: Final = 16
MANDATES_MAX: Final = 100
MANDATE_DAYS_MAX: Final = 3_660
ROLE_HOLDERS: Final = frozenset({PartyKind.PERSON, PartyKind.ORGANISATION})
EXCLUDED_BY: Final[Mapping[Role, frozenset[Role]]] = {
    Role.ADMIN: frozenset(Role) - {Role.ADMIN},  # who runs the machines writes no facts
    Role.AUDITOR: frozenset(Role) - {Role.AUDITOR, Role.CLERK},  # who audits has no hand in what is audited
}
"""Separation of functions: who has the role on the left can have none of those on the right."""

PartyEvent = (
    PartyEnrolled
    | KeyBound
    | KeyWithdrawn
    | RoleAssigned
    | RoleWithdrawn
    | MandateGranted
    | MandateRevoked
    | MembershipDeclared
    | ParticularsDeclared
    | FieldOpened
    | LegalHoldPlaced
    | LegalHoldLifted
    | SubjectErased
    | ErasureCompleted
)


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate as it stands; `number` is the stream version of its event."""

    number: int
    granted: MandateGranted
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Party:
    """Whether the party is enrolled, as what, and what it may sign and do."""

    kind: PartyKind = PartyKind.UNSPECIFIED
    version: int = 0
    keys: tuple[str, ...] = ()
    withdrawn_keys: tuple[str, ...] = ()
    roles: frozenset[Role] = frozenset()
    mandates: tuple[Mandate, ...] = ()
    communities: frozenset[str] = frozenset()
    particulars: ParticularsDeclared | None = None
    holds: tuple[int, ...] = ()
    erased: bool = False
    destroyed: bool = False

    @property
    def enrolled(self) -> bool:
        """Return whether the party may act."""
        return self.kind is not PartyKind.UNSPECIFIED


@command("enrol-party")
class EnrolParty(Command):
    """Enrol a party under a new identifier."""

    kind: A[PartyKind, Doc("what the party is")]


@command("bind-key")
class BindKey(Command):
    """Bind a signing key to a party; the proof shows that the party holds it."""

    party: A[PartyId, Doc("whose key it is")]
    key: A[str, Doc("Ed25519 vkey named by the party's identifier", low=60, high=VKEY_CHARACTERS_MAX)]
    proof: A[str, Doc("base64 of the key's signature over the text of docs/formats.md section 17", low=88, high=88)]


@command("withdraw-key")
class WithdrawKey(Command):
    """Withdraw a signing key; what it signed before stands."""

    party: A[PartyId, Doc("whose key it is")]
    key: A[str, Doc("the vkey as it was bound", low=60, high=VKEY_CHARACTERS_MAX)]
    reason: A[KeyEnd, Doc("why")]


@command("assign-role")
class AssignRole(Command):
    """Let a person or an organisation do what a role may."""

    party: A[PartyId, Doc("who gets the role; never the one who assigns it")]
    role: A[Role, Doc("which role")]


@command("withdraw-role")
class WithdrawRole(Command):
    """Take a role back."""

    party: A[PartyId, Doc("who loses the role")]
    role: A[Role, Doc("which role")]


@command("grant-mandate")
class GrantMandate(Command):
    """Let an agent, a service, a device or a person act for you within limits."""

    party: A[PartyId, Doc("who may act")]
    actions: A[tuple[str, ...], Doc("names of commands", low=1, high=ACTIONS_MAX)]
    projects: A[tuple[str, ...], Doc("project codes; none: whatever the project", high=PROJECTS_MAX)] = ()
    currency: A[str | None, Doc("ISO 4217 code; absent: no amount may be moved", low=3, high=3)] = None
    amount_minor_max: A[int | None, Doc("largest amount of one command, in minor units", low=0)] = None
    until: A[datetime, Doc("first instant at which it no longer holds, UTC")]


@command("revoke-mandate")
class RevokeMandate(Command):
    """Take a mandate back: by its principal, or a registrar."""

    party: A[PartyId, Doc("who may no longer act")]
    mandate: A[int, Doc("number of the mandate: the stream version of its MandateGranted", low=2)]


@command("declare-membership")
class DeclareMembership(Command):
    """Record that a party belongs to a data community and accepts its rules."""

    party: A[PartyId, Doc("who belongs to it")]
    community: A[str, Doc("registered code of the community, such as cn.film-heritage", low=3, high=80)]
    statement: A[Sha256 | None, Doc("SHA-256 of the signed declaration in the blob store")] = None


PartyCommand = (
    EnrolParty | BindKey | WithdrawKey | AssignRole | WithdrawRole | GrantMandate | RevokeMandate | DeclareMembership
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: whose stream it is, who acts with which roles, when, and which commands there are."""

    party: PartyId
    ledger: LedgerId
    actor: PartyId
    actor_roles: frozenset[Role]
    now: datetime
    commands: frozenset[str]
    human_only: frozenset[str]


def decide(party: Party, command: PartyCommand, facts: Facts) -> tuple[PartyEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: the party cannot, in this state or of its kind, and why.
    """
    if isinstance(command, EnrolParty):
        if party.enrolled:
            raise Rejected(f"EnrolParty refused: the party is enrolled already as {party.kind}")
        return (PartyEnrolled(kind=command.kind),)
    if not party.enrolled:
        raise Rejected(f"{type(command).__name__} refused: {facts.party} is not an enrolled party of this ledger")
    rule: Callable[[Party, Any, Facts], PartyEvent] = _RULES[type(command)]
    return (rule(party, command, facts),)


def _bind_key(party: Party, command: BindKey, facts: Facts) -> PartyEvent:
    try:
        verifier = key_of_party(command.key, facts.party)
        verifier.verify(binding_text(facts.ledger, command.key), decode_base64(command.proof.encode(), "proof"))
    except Invalid as err:
        raise Rejected(f"BindKey refused: expected a key of the party and its proof: {err}") from err
    if command.key in party.keys or command.key in party.withdrawn_keys:
        raise Rejected("BindKey refused: this key is or was bound to the party already")
    if len(party.keys) >= KEYS_MAX:
        raise Rejected(f"BindKey refused: expected at most {KEYS_MAX} keys in force, found {len(party.keys)}")
    return KeyBound(key=command.key)


def _withdraw_key(party: Party, command: WithdrawKey, facts: Facts) -> PartyEvent:
    del facts
    if command.key not in party.keys:
        raise Rejected("WithdrawKey refused: expected a key in force of this party, found none such")
    return KeyWithdrawn(key=command.key, reason=command.reason)


def _assign_role(party: Party, command: AssignRole, facts: Facts) -> PartyEvent:
    if facts.actor == facts.party:
        raise Rejected("AssignRole refused: nobody assigns a role to themselves")
    if party.kind not in ROLE_HOLDERS:
        raise Rejected(f"AssignRole refused: expected a person or an organisation, found {party.kind}: grant a mandate")
    if command.role in party.roles:
        raise Rejected(f"AssignRole refused: the party is {command.role} already")
    for role in party.roles:
        if role in EXCLUDED_BY.get(command.role, ()) or command.role in EXCLUDED_BY.get(role, ()):
            raise Rejected(f"AssignRole refused: separation of functions: {command.role} excludes {role}")
    return RoleAssigned(role=command.role)


def _withdraw_role(party: Party, command: WithdrawRole, facts: Facts) -> PartyEvent:
    del facts
    if command.role not in party.roles:
        raise Rejected(f"WithdrawRole refused: the party is not {command.role}")
    return RoleWithdrawn(role=command.role)


def _grant_mandate(party: Party, command: GrantMandate, facts: Facts) -> PartyEvent:
    if party.kind is PartyKind.ORGANISATION or facts.party == facts.actor:
        raise Rejected("GrantMandate refused: expected somebody else, an agent, a service, a device or a person")
    actions, projects = tuple(sorted(set(command.actions))), tuple(sorted(set(command.projects)))
    for action in actions:
        if action not in facts.commands:
            raise Rejected(f"GrantMandate refused: expected names of commands, found {action[:60]!r}")
        if action in facts.human_only and party.kind not in ROLE_HOLDERS:
            raise Rejected(f"GrantMandate refused: {action} is left to humans, found {party.kind}")
    if (command.currency is None) != (command.amount_minor_max is None):
        raise Rejected("GrantMandate refused: expected currency and amount_minor_max together, found one of them")
    if command.currency is not None and not (command.currency.isascii() and command.currency.isupper()):
        raise Rejected(f"GrantMandate refused: expected an ISO 4217 code such as CNY, found {command.currency!r}")
    if not facts.now < command.until <= facts.now + timedelta(days=MANDATE_DAYS_MAX):
        raise Rejected(f"GrantMandate refused: expected an end within {MANDATE_DAYS_MAX} days from now")
    if sum(not mandate.revoked and mandate.granted.until > facts.now for mandate in party.mandates) >= MANDATES_MAX:
        raise Rejected(f"GrantMandate refused: expected at most {MANDATES_MAX} mandates in force")
    return MandateGranted(
        principal=facts.actor,
        actions=actions,
        projects=projects,
        currency=command.currency,
        amount_minor_max=command.amount_minor_max,
        until=command.until,
    )


def _revoke_mandate(party: Party, command: RevokeMandate, facts: Facts) -> PartyEvent:
    found = next((one for one in party.mandates if one.number == command.mandate and not one.revoked), None)
    if found is None:
        raise Rejected(f"RevokeMandate refused: the party has no mandate {command.mandate} that is not revoked")
    if facts.actor != found.granted.principal and Role.REGISTRAR not in facts.actor_roles:
        raise Rejected("RevokeMandate refused: expected its principal or a registrar")
    return MandateRevoked(mandate=command.mandate)


def _declare_membership(party: Party, command: DeclareMembership, facts: Facts) -> PartyEvent:
    del facts
    if command.community in party.communities:
        raise Rejected(f"DeclareMembership refused: the party belongs to {command.community} already")
    return MembershipDeclared(community=command.community, statement=command.statement)


_RULES: Final[Mapping[type[Command], Callable[[Party, Any, Facts], PartyEvent]]] = {
    BindKey: _bind_key,
    WithdrawKey: _withdraw_key,
    AssignRole: _assign_role,
    WithdrawRole: _withdraw_role,
    GrantMandate: _grant_mandate,
    RevokeMandate: _revoke_mandate,
    DeclareMembership: _declare_membership,
}


def evolve(party: Party, event: PartyEvent) -> Party:
    """Return the state after `event`."""
    party = replace(party, version=party.version + 1)
    match event:
        case PartyEnrolled(kind=kind):
            return replace(party, kind=kind)
        case KeyBound(key=key):
            return replace(party, keys=(*party.keys, key))
        case KeyWithdrawn(key=key):
            left = tuple(one for one in party.keys if one != key)
            return replace(party, keys=left, withdrawn_keys=(*party.withdrawn_keys, key))
        case RoleAssigned(role=role):
            return replace(party, roles=party.roles | {role})
        case RoleWithdrawn(role=role):
            return replace(party, roles=party.roles - {role})
        case MandateGranted():
            return replace(party, mandates=(*party.mandates, Mandate(party.version, event)))
        case MandateRevoked(mandate=number):
            marked = tuple(replace(one, revoked=True) if one.number == number else one for one in party.mandates)
            return replace(party, mandates=marked)
        case MembershipDeclared(community=community):
            return replace(party, communities=party.communities | {community})
        case ParticularsDeclared():
            return replace(party, particulars=event)
        case FieldOpened():
            return party
        case LegalHoldPlaced():
            return replace(party, holds=(*party.holds, party.version))
        case LegalHoldLifted(hold=hold):
            return replace(party, holds=tuple(one for one in party.holds if one != hold))
        case SubjectErased():
            return replace(party, erased=True)
        case ErasureCompleted():
            return replace(party, destroyed=True)
        case _:
            assert_never(event)
