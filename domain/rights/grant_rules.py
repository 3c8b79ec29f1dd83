"""The commands on grants and their rules.

A command that records a grant names its whole chain: the title, then each grant down to the direct parent. Nothing
searches; what is checked is that each names those before it, and that all of them are in force at the command's
instant. All of them are guarded at the append, so a grant cannot be made while one above it is being revoked.

Co-owners exercise a title by agreement, and where there is none, no one of them may without good reason keep the others
from exercising it, save for a transfer, an exclusive licence or a pledge; what comes in is shared (Copyright Law of the
People's Republic of China, art. 14). So an ordinary grant needs the signature of the owner who gives it, and of no
other; what it earns is settled by the shares of title. An exclusive or a sole one binds when every owner has signed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated as A
from typing import Any, Final

from domain.command import Command, command, refusing, require_document
from domain.errors import Rejected
from domain.events import Doc, Sha256
from domain.governance.events import PartyKind
from domain.governance.party import Party
from domain.ids import PartyId, RightsGrantId, StreamId, TitleId
from domain.rights.chain import Above, require_holding, require_left, require_passed_on
from domain.rights.grant import Ended, Grant, GrantEvent, granted_scope, standing
from domain.rights.grant_events import (
    CHAIN_GRANTS_MAX,
    QUOTA_MAX,
    AllocationKind,
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantKind,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ReleaseReason,
    RevocationReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.scope_terms import ScopeTerms, scope_of
from domain.rights.settlement import WHOLE_BP
from domain.rights.title_rules import require_owner
from domain.rights.turns import fallen, require_past, told


@command("record-grant")
class RecordGrant(Command):
    """Pass on a part of what you have, by a title or a grant; or consent to a use of what is yours alone."""

    kind: A[GrantKind, Doc("a right of use, or a person's consent")]
    title: A[TitleId, Doc("the title from which it comes")]
    chain: A[
        tuple[RightsGrantId, ...],
        Doc("the grants between title and this one, the topmost first; none: you own the title", high=CHAIN_GRANTS_MAX),
    ] = ()
    grantee: A[PartyId, Doc("who gets it")]
    scope: A[ScopeTerms, Doc("what is allowed")]
    allocation: A[AllocationKind, Doc("who else may use it")]
    quota: A[int | None, Doc("how many units may be passed on; absent: any number", low=1, high=QUOTA_MAX)] = None
    share_bp: A[int | None, Doc("what of the proceeds flows back, in bp", low=1, high=WHOLE_BP)] = None
    terms: A[Sha256, Doc("SHA-256 of the salted contract")]


@command("approve-grant")
class ApproveGrant(Command):
    """Agree, as a co-owner of the title, to a grant that another one gives."""

    grant: A[RightsGrantId, Doc("which grant")]


@command("accept-grant")
class AcceptGrant(Command):
    """Take a grant that is offered to you, with its duties."""

    grant: A[RightsGrantId, Doc("which grant")]


@command("decline-grant")
class DeclineGrant(Command):
    """Refuse to sign, as its grantee or as a co-owner: what was promised is free again."""

    grant: A[RightsGrantId, Doc("which grant")]


@command("revoke-grant")
class RevokeGrant(Command):
    """End a grant that you gave; a person takes a consent back at any time."""

    grant: A[RightsGrantId, Doc("which grant")]
    reason: A[RevocationReason, Doc("why")]
    basis: A[Sha256 | None, Doc("SHA-256 of your reasons, in the blob store; a consent needs none")] = None
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@command("reinstate-grant")
class ReinstateGrant(Command):
    """Let a revoked grant stand again, if what it had was not promised to others meanwhile."""

    grant: A[RightsGrantId, Doc("which grant")]
    basis: A[Sha256 | None, Doc("SHA-256 of your reasons, in the blob store; a consent needs none")] = None
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: which grant, for whom and when it is done, the chain above, the parties named."""

    grant: RightsGrantId
    who: PartyId
    now: datetime
    above: Above
    grantor: Party
    grantee: Party
    documents: frozenset[Sha256] = frozenset()


@dataclass(frozen=True, slots=True)
class Decided:
    """The events of the grant itself, and those of the giver's stream, in one append."""

    own: tuple[GrantEvent, ...]
    giver: tuple[ScopeAllocated | ScopeReleased, ...] = ()


def decide(grant: Grant, command: Command, facts: Facts) -> Decided:
    """Return the events of `command`.

    Raises:
        Rejected: there is no such grant, a link of its chain does not hold, or the command's own rule says no.
    """
    with refusing(command):
        if isinstance(command, RecordGrant):
            return _record(command, facts)
        if grant.recorded is None:
            raise Rejected(f"{facts.grant} is not a grant of this ledger")
        rule: Callable[[Grant, GrantRecorded, Any, Facts], Decided] = _RULES[type(command)]
        return rule(grant, grant.recorded, command, facts)


def _require_owners(grant: Grant, recorded: GrantRecorded, facts: Facts) -> None:
    """Return if the owners of today are bound by the grant's signatures: a share may have changed hands meanwhile."""
    owners = facts.above.title.parties()
    if facts.above.links:
        return  # given by a grantee: the owners' signatures stand at the top of the chain
    if recorded.allocation is AllocationKind.ORDINARY:
        if recorded.grantor not in owners:
            raise Rejected(f"grantor: expected an owner of the title, found {recorded.grantor}, who has transferred it")
        return
    unsigned = sorted(set(owners) - grant.signers())
    if unsigned:
        raise Rejected(f"approvals: expected every owner of today to sign, found {unsigned[0]} not asked: record anew")


# -- birth -------------------------------------------------------------------------------------------------------------


def _record(command: RecordGrant, facts: Facts) -> Decided:
    require_holding(facts.above, facts.now)
    _require_giver(command, facts)
    require_owner(command.grantee, facts.grantee)
    if command.grantee == facts.who:
        raise Rejected(f"grantee: expected another party than the grantor, found {command.grantee}")
    scope = scope_of(command.scope)
    window = scope.window
    if command.kind is GrantKind.GRANT and (window.since is None or window.until is None):
        raise Rejected("window: expected a beginning and an end (Copyright Law, art. 26(3)), found an open one")
    if window.until is not None and window.until <= facts.now:
        raise Rejected(f"window: expected an end after now, {facts.now.isoformat()}, found {window.until.isoformat()}")
    require_passed_on(facts.above, scope)
    recorded = GrantRecorded(
        kind=command.kind,
        title=command.title,
        chain=command.chain,
        grantor=facts.who,
        grantee=command.grantee,
        scope=command.scope,
        allocation=command.allocation,
        quota=command.quota,
        share_bp=command.share_bp,
        terms=command.terms,
        approvals=_approvals(command, facts),
    )
    require_left(facts.above, recorded.allocation, scope, recorded.quota)
    return Decided((recorded,), (_allocated(recorded, facts),))


def _require_giver(command: RecordGrant, facts: Facts) -> None:
    if command.kind is GrantKind.CONSENT:
        if command.chain:
            raise Rejected("consent: expected the title alone above it: a consent is given by the person itself")
        if facts.grantor.kind is not PartyKind.PERSON:
            raise Rejected(f"consent: expected a person, found {facts.grantor.kind} {facts.who}")
    parent = facts.above.giver
    if parent is None:
        if not facts.above.title.share_of(facts.who):
            raise Rejected(f"grantor: expected an owner of title {facts.above.title_id}, found {facts.who}")
        return
    if parent.grantee != facts.who:
        raise Rejected(f"grantor: expected {parent.grantee}, the grantee of {facts.above.chain[-1]}, found {facts.who}")


def _approvals(command: RecordGrant, facts: Facts) -> tuple[PartyId, ...]:
    if facts.above.links or command.allocation is AllocationKind.ORDINARY:
        return ()
    return tuple(owner for owner in facts.above.title.parties() if owner not in (facts.who, command.grantee))


def _allocated(recorded: GrantRecorded, facts: Facts) -> ScopeAllocated:
    made = SubscopeAllocated if facts.above.links else ScopeAllocated
    return made(
        child=StreamId(facts.grant),
        kind=recorded.allocation,
        scope=recorded.scope,
        quota=None if facts.above.quota is None else recorded.quota,
    )


def _released(facts: Facts, reason: ReleaseReason) -> ScopeReleased:
    made = SubscopeReleased if facts.above.links else ScopeReleased
    return made(child=StreamId(facts.grant), reason=reason)


# -- signatures --------------------------------------------------------------------------------------------------------


def _require_pending(grant: Grant, facts: Facts) -> None:
    now = standing(grant, facts.now)
    if isinstance(now, Ended):
        raise Rejected(f"grant {facts.grant} has ended: {told(now.why)}")
    if not grant.missing and grant.accepted:
        raise Rejected(f"grant {facts.grant} binds already: nobody's signature is missing")


def _approve(grant: Grant, recorded: GrantRecorded, _: ApproveGrant, facts: Facts) -> Decided:
    _require_pending(grant, facts)
    if facts.who not in grant.missing:
        lacks = ", ".join(map(str, grant.missing)) or "nobody"
        raise Rejected(f"approvals: expected one of those missing, {lacks}; found {facts.who}")
    require_holding(facts.above, facts.now)
    _require_owners(grant, recorded, facts)
    return Decided((GrantApproved(owner=facts.who),))


def _accept(grant: Grant, recorded: GrantRecorded, _: AcceptGrant, facts: Facts) -> Decided:
    _require_pending(grant, facts)
    if facts.who != recorded.grantee:
        raise Rejected(f"grantee: expected {recorded.grantee}, found {facts.who}")
    if grant.accepted:
        raise Rejected("acceptance: the grant is accepted already")
    require_holding(facts.above, facts.now)
    _require_owners(grant, recorded, facts)
    return Decided((GrantAccepted(),))


def _decline(grant: Grant, recorded: GrantRecorded, _: DeclineGrant, facts: Facts) -> Decided:
    _require_pending(grant, facts)
    may = {*grant.missing, *(() if grant.accepted else (recorded.grantee,))}
    if facts.who not in may:
        raise Rejected(f"expected somebody whose signature is missing, {', '.join(map(str, sorted(may)))}: {facts.who}")
    return Decided((GrantDeclined(by=facts.who),), (_released(facts, ReleaseReason.DECLINED),))


# -- revocation --------------------------------------------------------------------------------------------------------


def _require_revoker(recorded: GrantRecorded, facts: Facts) -> None:
    """Return if the grant is for this party to end: its grantor; of a transferred title, an owner of today."""
    owners = facts.above.title.parties()
    heirs = () if recorded.kind is GrantKind.CONSENT or facts.above.links or recorded.grantor in owners else owners
    if facts.who not in (heirs or (recorded.grantor,)):
        expected = ", ".join(map(str, heirs or (recorded.grantor,)))
        raise Rejected(f"grantor: expected {expected}, found {facts.who}")


def _require_basis(recorded: GrantRecorded, basis: Sha256 | None, facts: Facts, name: str) -> None:
    if basis is not None:
        require_document(name, basis, facts.documents)
    elif recorded.kind is not GrantKind.CONSENT:
        raise Rejected("basis: expected the document with your reasons, found none")


def _revoke(grant: Grant, recorded: GrantRecorded, command: RevokeGrant, facts: Facts) -> Decided:
    _require_revoker(recorded, facts)
    if grant.declined is not None or fallen(grant.turns, facts.now) is not None:
        raise Rejected(f"grant {facts.grant} has ended already")
    taken_back = command.reason is RevocationReason.CONSENT_WITHDRAWN
    if taken_back is not (recorded.kind is GrantKind.CONSENT):
        expected = "consent_withdrawn" if not taken_back else "agreement, breach or judgment"
        raise Rejected(f"reason: expected {expected} of a {recorded.kind}, found {command.reason}")
    require_past(command.effective_at, facts.now)
    _require_basis(recorded, command.basis, facts, "RevokeGrant")
    event = GrantRevoked(by=facts.who, reason=command.reason, basis=command.basis, effective_at=command.effective_at)
    return Decided((event,), (_released(facts, ReleaseReason.REVOKED),))


def _reinstate(grant: Grant, recorded: GrantRecorded, command: ReinstateGrant, facts: Facts) -> Decided:
    _require_revoker(recorded, facts)
    if grant.declined is not None or fallen(grant.turns, facts.now) is None:
        raise Rejected(f"grant {facts.grant} is not revoked")
    require_past(command.effective_at, facts.now)
    _require_basis(recorded, command.basis, facts, "ReinstateGrant")
    require_holding(facts.above, facts.now)
    _require_owners(grant, recorded, facts)
    scope = granted_scope(grant)
    require_passed_on(facts.above, scope)
    require_left(facts.above, recorded.allocation, scope, recorded.quota)
    event = GrantReinstated(by=facts.who, basis=command.basis, effective_at=command.effective_at)
    return Decided((event,), (_allocated(recorded, facts),))


_RULES: Final[Mapping[type[Command], Callable[[Grant, GrantRecorded, Any, Facts], Decided]]] = {
    ApproveGrant: _approve,
    AcceptGrant: _accept,
    DeclineGrant: _decline,
    RevokeGrant: _revoke,
    ReinstateGrant: _reinstate,
}
