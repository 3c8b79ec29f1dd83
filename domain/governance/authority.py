"""Who may do what: roles, mandates, signatures, and what is left to humans.

Decided on the Party streams of the actor and of its principal as they stood when the command was appended. In order:

1. the actor is enrolled and not erased, and whoever it acts for is enrolled
2. a command left to humans is refused to agents, services and devices, whatever their mandate says
3. in its own name a person or an organisation acts by one of the roles that the command asks for, or because the
   command is about itself and allows that; agents, services and devices never act in their own name
4. for a principal anybody acts under a mandate of that principal, who could do it itself: the mandate names the command
   and, if it says so, the project and the amount, and has not ended
5. a command that must be signed is, and any signature that is given is right; who has bound a key signs every command
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import Rejected
from domain.events import ActorKind
from domain.governance.events import PartyKind, Role
from domain.governance.party import ROLE_HOLDERS, Mandate, Party
from domain.governance.signing import Attestation, verify_attestation
from domain.ids import PartyId

ACTOR_KINDS: Final = {
    PartyKind.PERSON: ActorKind.HUMAN,
    PartyKind.ORGANISATION: ActorKind.HUMAN,
    PartyKind.AGENT: ActorKind.AGENT,
    PartyKind.SERVICE: ActorKind.SERVICE,
    PartyKind.DEVICE: ActorKind.DEVICE,
}


@dataclass(frozen=True, slots=True)
class Permission:
    """What a command asks of whoever gives it. No roles: any enrolled person or organisation may."""

    name: str
    roles: frozenset[Role]
    human_only: bool = False
    signed: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class Amount:
    """Money that a command moves: an ISO 4217 code, and minor units."""

    currency: str
    minor: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it is judged: who, for whom, when, with which signature, and what it moves.

    `subject` is the party that the command is about, None if it is about none.
    """

    actor: PartyId
    party: Party
    now: datetime
    principal: PartyId | None = None
    principal_party: Party | None = None
    subject: PartyId | None = None
    attestation: Attestation | None = None
    project: str | None = None
    amount: Amount | None = None


def authorise(permission: Permission, asked: Asked) -> Mandate | None:
    """Return the mandate under which the actor may do this, None if it acts for itself.

    Raises:
        Rejected: it may not, and why.
    """
    name = permission.name
    if not asked.party.enrolled:
        raise Rejected(f"{name} denied: actor {asked.actor} is not an enrolled party of this ledger")
    if asked.party.erased:
        raise Rejected(f"{name} denied: actor {asked.actor} was erased and acts no more")
    if permission.human_only and asked.party.kind not in ROLE_HOLDERS:
        raise Rejected(f"{name} denied: left to humans, found {asked.party.kind} {asked.actor}")
    mandate = None
    if asked.principal is not None:
        mandate = _mandate(permission, asked, asked.principal)
    elif asked.party.kind in ROLE_HOLDERS:
        _require_role(permission, asked, asked.actor, asked.party)
    else:
        raise Rejected(f"{name} denied: {asked.party.kind} {asked.actor} acts for nobody; expected on_behalf_of")
    if asked.attestation is not None:
        verify_attestation(asked.attestation, asked.actor, asked.party.keys)
    elif permission.signed:
        raise Rejected(f"{name} denied: expected the actor's signature, found none")
    elif asked.party.keys:
        raise Rejected(f"{name} denied: {asked.actor} has bound a key and signs what it does, found no signature")
    return mandate


def _require_role(permission: Permission, asked: Asked, who: PartyId, party: Party) -> None:
    if permission.own and asked.subject == who:
        return
    if permission.roles and not permission.roles & party.roles:
        expected = " or ".join(sorted(permission.roles))
        found = ", ".join(sorted(party.roles)) or "no role"
        raise Rejected(f"{permission.name} denied: expected {expected}, {who} has {found}")


def _mandate(permission: Permission, asked: Asked, principal: PartyId) -> Mandate:
    name, party = permission.name, asked.principal_party
    if party is None or party.kind not in ROLE_HOLDERS:
        raise Rejected(f"{name} denied: principal {principal} is no enrolled person or organisation of this ledger")
    if party.erased:
        raise Rejected(f"{name} denied: principal {principal} was erased; nobody acts for it")
    _require_role(permission, asked, principal, party)
    lacks = f"no mandate of {principal}"
    for mandate in asked.party.mandates:
        if mandate.granted.principal == principal:
            lack = _lacks(mandate, permission, asked)
            if lack is None:
                return mandate
            lacks = f"mandate {mandate.number}: {lack}"
    raise Rejected(f"{name} denied: {asked.actor} has no mandate for this: {lacks}")


def _lacks(mandate: Mandate, permission: Permission, asked: Asked) -> str | None:
    """Return what a mandate does not cover, None if it covers the request."""
    granted = mandate.granted
    if mandate.revoked:
        return "revoked"
    if asked.now >= granted.until:
        return f"ended {granted.until.isoformat()}"
    if permission.name not in granted.actions:
        return f"does not name {permission.name}"
    if granted.projects and asked.project not in granted.projects:
        return f"does not name the project {asked.project or 'none'}"
    if asked.amount is not None and asked.amount.currency != granted.currency:
        return f"moves no {asked.amount.currency}"
    if asked.amount is not None and asked.amount.minor > (granted.amount_minor_max or 0):
        return f"moves at most {granted.amount_minor_max} {granted.currency}"  # the amount itself may be a secret
    return None
