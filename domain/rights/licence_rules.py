"""The commands on licences and their rules.

What the licensor has, its title or its chain of grants and what it has promised of it, is its own affair: where it does
not reach, the command is refused and nothing is written; so it is where something is asked that is not offered. What
the objects are made of is judged when the licence is issued: where that does not allow what is asked, the decision is
the event LicenceRefused with its clause, so that "why not?" has an answer for ever.

A licence that is issued is an allocation of the giver's stream, by the rules of `allocation`. Its units debit the
giver's quota; when it is revoked those that were not used come back. An exclusive or a sole licence of a title with
co-owners needs all of them (Copyright Law of the People's Republic of China, art. 14): they grant the right to one of
them first, which each signs, and that one licenses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.capability.resource import LETTERS
from domain.command import Command, refusing, require_document
from domain.errors import Rejected
from domain.events import Sha256
from domain.governance.party import Party
from domain.ids import LicenceId, ObjectId, PartyId, RightsGrantId, StreamId, TitleId
from domain.rights.chain import Above, require_holding, require_left, require_passed_on, why_not_held
from domain.rights.grant import Grant
from domain.rights.grant_events import (
    AllocationKind,
    ReleaseReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.licence import Ended, InForce, Licence, LicenceEvent, NotYet, Suspended, standing
from domain.rights.licence_commands import (
    IssueLicence,
    OfferLicence,
    RefuseLicence,
    ReportUsage,
    RequestLicence,
    ResumeLicence,
    RevokeLicence,
    SuspendLicence,
)
from domain.rights.licence_events import (
    CLAUSE_CHARACTERS_MAX,
    LicenceIssued,
    LicenceOffered,
    LicenceRefused,
    LicenceRequested,
    LicenceResumed,
    LicenceRevoked,
    LicenceSuspended,
    UsageReported,
)
from domain.rights.limits import NO_CURRENCY, Derivation, WhyNot, why_not
from domain.rights.scope import Scope
from domain.rights.scope_terms import scope_of
from domain.rights.scope_words import explain
from domain.rights.title import Title
from domain.rights.turns import require_past, told


@dataclass(frozen=True, slots=True)
class Item:
    """One object as the gate knows it: its bytes, its holder, whether it is made of others, whether it is admitted."""

    content: Sha256
    holder: PartyId
    derived: bool
    admitted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere.

    `above` is what the licensor acts under, None where the command needs none of it. `objects` are those that exist,
    `grants` and `titles` what the derivation rests on, all as they stand. `changed` is what else the derivation was
    read from and has another event since, with the index of that. `token` is the digest of the token that was made for
    `requested`, None where none was.
    """

    licence: LicenceId
    who: PartyId
    now: datetime
    above: Above | None = None
    licensee: Party = field(default_factory=Party)
    objects: Mapping[ObjectId, Item] = field(default_factory=dict)
    documents: frozenset[Sha256] = frozenset()
    derivation: Derivation | None = None
    grants: Mapping[RightsGrantId, Grant] = field(default_factory=dict)
    titles: Mapping[TitleId, Title] = field(default_factory=dict)
    changed: tuple[UUID, int] | None = None
    requested: LicenceRequested | None = None
    token: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """The events of the licence itself, and those of the giver's stream, in one append."""

    own: tuple[LicenceEvent, ...]
    giver: tuple[ScopeAllocated | ScopeReleased, ...] = ()


def decide(licence: Licence, command: Command, facts: Facts) -> Decided:
    """Return the events of `command`; of an issue that the derivation does not allow, the refusal.

    Raises:
        Rejected: there is no such licence, the giver's right does not reach, or the command's own rule says no.
    """
    with refusing(command):
        if isinstance(command, OfferLicence):
            return _offer(command, facts)
        if licence.offered is None:
            raise Rejected(f"{facts.licence} is not a licence of this ledger")
        rule: Callable[[Licence, LicenceOffered, Any, Facts], Decided] = _RULES[type(command)]
        return rule(licence, licence.offered, command, facts)


# -- offer and request -------------------------------------------------------------------------------------------------


def _above(facts: Facts) -> Above:
    if facts.above is None:
        raise Rejected("expected the title or the grant of the licensor, found none in this ledger")
    return facts.above


def _offer(command: OfferLicence, facts: Facts) -> Decided:
    if (command.title is None) is (command.grant is None):
        raise Rejected("expected either your title or your grant, found both or neither")
    above, scope = _above(facts), scope_of(command.scope)
    require_holding(above, facts.now)
    kind = command.allocation or AllocationKind.ORDINARY
    _require_licensor(above, kind, facts.who)
    _require_objects(command.objects, above, facts)
    _require_scope(scope, facts.now)
    require_passed_on(above, scope)
    if (command.price is None) is not (command.currency is None):
        raise Rejected("price: expected a price with its currency, or neither")
    if command.currency is not None and not set(command.currency) <= LETTERS:
        raise Rejected(f"currency: expected three capital letters, found {command.currency!r}")
    if command.until <= facts.now:
        raise Rejected(f"until: expected an instant after now, {facts.now.isoformat()}")
    require_left(above, kind, scope, command.quota)
    offered = LicenceOffered(
        licensor=facts.who,
        objects=tuple(sorted(set(command.objects))),
        title=command.title,
        grant=command.grant,
        scope=command.scope,
        allocation=kind,
        quota=command.quota,
        price=command.price,
        currency=command.currency,
        terms=command.terms,
        until=command.until,
    )
    return Decided((offered,))


def _require_licensor(above: Above, kind: AllocationKind, who: PartyId) -> None:
    if above.giver is not None:
        if above.giver.grantee != who:
            raise Rejected(f"licensor: expected {above.giver.grantee}, the grantee of {above.chain[-1]}, found {who}")
        return
    if not above.title.share_of(who):
        raise Rejected(f"licensor: expected an owner of title {above.title_id}, found {who}")
    if kind is not AllocationKind.ORDINARY and above.title.parties() != (who,):
        raise Rejected(f"allocation: asked {kind} by one of several owners; expected a grant that all of them sign")


def _require_objects(objects: tuple[ObjectId, ...], above: Above, facts: Facts) -> None:
    """Return if each object is the title's work, or made of others and held by the licensor: its derivation decides."""
    for name in objects:
        item = facts.objects.get(name)
        if item is None:
            raise Rejected(f"objects: {name} is not an object of this ledger")
        if not item.admitted:
            raise Rejected(f"objects: expected objects that are admitted, found {name}")
        if item.content != above.title.work and not (item.derived and item.holder == facts.who):
            raise Rejected(
                f"objects: expected the work of title {above.title_id}, or what you hold and was made of others; "
                f"found {name}"
            )


def _require_scope(scope: Scope, now: datetime) -> None:
    window = scope.window
    if window.since is None or window.until is None:
        raise Rejected("window: expected a beginning and an end (Copyright Law, art. 26(3)), found an open one")
    if window.since.microsecond or window.until.microsecond:
        raise Rejected("window: expected whole seconds, which is all that a token can say")
    if window.until <= now:
        raise Rejected(f"window: expected an end after now, {now.isoformat()}, found {window.until.isoformat()}")
    if scope.sublicence_depth:
        raise Rejected(
            f"sublicence depth: expected 0, since a licence is not passed on; found {scope.sublicence_depth}"
        )


def _require_unissued(licence: Licence, offered: LicenceOffered, facts: Facts) -> None:
    if licence.issued is not None:
        raise Rejected(f"licence {facts.licence} is issued already")
    if facts.now >= offered.until:
        raise Rejected(f"until: the offer has ended at {offered.until.isoformat()}")


def _request(licence: Licence, offered: LicenceOffered, command: RequestLicence, facts: Facts) -> Decided:
    _require_unissued(licence, offered, facts)
    waiting = licence.open_request
    if waiting is not None and waiting.licensee != facts.who:
        raise Rejected(f"licence {facts.licence} is asked for by {waiting.licensee}, who waits for an answer")
    if facts.who == offered.licensor:
        raise Rejected(f"licensee: expected another party than the licensor, found {facts.who}")
    if command.key not in facts.licensee.keys:
        raise Rejected(f"key: expected one of the {len(facts.licensee.keys)} keys in force of {facts.who}")
    scope = scope_of(command.scope)
    _require_scope(scope, facts.now)
    failures = explain(scope, scope_of(offered.scope))
    if failures:
        raise Rejected("; ".join(failure.en for failure in failures))
    return Decided((LicenceRequested(licensee=facts.who, key=command.key, scope=command.scope),))


def _require_waiting(licence: Licence, offered: LicenceOffered, facts: Facts) -> LicenceRequested:
    """Return the request that the licensor answers."""
    if facts.who != offered.licensor:
        raise Rejected(f"licensor: expected {offered.licensor}, found {facts.who}")
    _require_unissued(licence, offered, facts)
    if licence.open_request is None:
        raise Rejected(f"licence {facts.licence}: expected a request that waits for an answer, found none")
    return licence.open_request


def _refuse(licence: Licence, offered: LicenceOffered, command: RefuseLicence, facts: Facts) -> Decided:
    _require_waiting(licence, offered, facts)
    return Decided((LicenceRefused(clause=command.clause, component=None, object=None, position=None),))


# -- issue -------------------------------------------------------------------------------------------------------------


def _issue(licence: Licence, offered: LicenceOffered, command: IssueLicence, facts: Facts) -> Decided:
    requested = _require_waiting(licence, offered, facts)
    above, scope = _above(facts), scope_of(requested.scope)
    require_holding(above, facts.now)
    _require_licensor(above, offered.allocation, facts.who)
    require_passed_on(above, scope)
    require_left(above, offered.allocation, scope, offered.quota)
    _require_price(offered, command)
    if facts.requested != requested or facts.derivation is None:
        raise Rejected(f"licence {facts.licence}: the request has changed meanwhile; look at it and issue again")
    if facts.changed is not None:
        stream, index = facts.changed
        raise Rejected(f"derivation: {stream} has changed at entry {index}, after it was read; issue again")
    not_allowed = _not_ready(requested, facts) or why_not(scope, facts.derivation)
    if not_allowed is None and facts.derivation.missing is not None:
        raise Rejected(f"derivation: {facts.derivation.missing}")
    not_allowed = not_allowed or _ended_meanwhile(facts.derivation, facts)
    if not_allowed is not None:
        refused = LicenceRefused(
            clause=not_allowed.clause[:CLAUSE_CHARACTERS_MAX],
            component=None if not_allowed.component is None else str(not_allowed.component),
            object=not_allowed.object,
            position=facts.derivation.position,
        )
        return Decided((refused,))
    _require_plan(offered, command, facts.derivation, facts)
    if facts.token is None:
        raise Rejected("token: expected the token of this request, found none: this house has no key to sign one")
    issued = LicenceIssued(
        licensee=requested.licensee,
        key=requested.key,
        scope=requested.scope,
        rests_on=facts.derivation.rests_on,
        position=facts.derivation.position,
        plan=command.plan,
        price=command.price,
        currency=command.currency,
        token=facts.token,
    )
    made = SubscopeAllocated if above.links else ScopeAllocated
    allocated = made(
        child=StreamId(facts.licence),
        kind=offered.allocation,
        scope=requested.scope,
        quota=None if above.quota is None else offered.quota,
    )
    return Decided((issued,), (allocated,))


def _require_price(offered: LicenceOffered, command: IssueLicence) -> None:
    if (command.price is None) is not (offered.price is None) or command.currency != offered.currency:
        expected = "no price" if offered.price is None else f"a price in {offered.currency}"
        raise Rejected(f"price: expected {expected}, as it was offered")


def _require_plan(offered: LicenceOffered, command: IssueLicence, derivation: Derivation, facts: Facts) -> None:
    """Return if the plan is that of an object: whoever is owed a share by what it is made of stands in it."""
    if command.plan not in derivation.plans:
        raise Rejected(
            f"plan: expected that of an object of the licence in {offered.currency or NO_CURRENCY} as of entry "
            f"{derivation.position}, which `trade plan` makes; found {command.plan.hex()}"
        )
    require_document("IssueLicence", command.plan, facts.documents)


def _not_ready(requested: LicenceRequested, facts: Facts) -> WhyNot | None:
    """Return which object is not admitted any more, or that the key is not in force."""
    for name, item in facts.objects.items():
        if not item.admitted:
            return WhyNot(name, None, f"object {name} is not admitted, or withdrawn")
    if requested.key not in facts.licensee.keys:
        return WhyNot(None, None, f"key: it is not in force any more for {requested.licensee}")
    return None


def _ended_meanwhile(derivation: Derivation, facts: Facts) -> WhyNot | None:
    """Return which title or grant of the derivation does not hold by now, though it did when that was read."""
    for title_id, title in facts.titles.items():
        turn = title.fallen(facts.now)
        if turn is not None:
            return WhyNot(
                None, None, f"title {title_id} has fallen at {turn.effective_at.isoformat()}: {told(turn.why)}"
            )
    for grant_id in derivation.rests_on:
        why = why_not_held(facts.grants.get(grant_id, Grant()), facts.now)
        if why is not None:
            return WhyNot(None, None, f"grant {grant_id} {why}")
    return None


# -- usage, and how it ends --------------------------------------------------------------------------------------------


def _require_issued(licence: Licence, facts: Facts) -> LicenceIssued:
    if licence.issued is None:
        raise Rejected(f"licence {facts.licence} is not issued")
    return licence.issued


def _report(licence: Licence, offered: LicenceOffered, command: ReportUsage, facts: Facts) -> Decided:
    issued = _require_issued(licence, facts)
    if facts.who != issued.licensee:
        raise Rejected(f"licensee: expected {issued.licensee}, found {facts.who}")
    since, until = command.since, command.until
    if since >= until or until > facts.now:
        raise Rejected(f"period: expected since before until, and until not after now, {facts.now.isoformat()}")
    window = scope_of(issued.scope).window
    if (window.since is not None and since < window.since) or (window.until is not None and until > window.until):
        raise Rejected(
            f"period: expected it inside the window {window.since} to {window.until}, found {since} to {until}"
        )
    if licence.revoked is not None and until > licence.revoked.effective_at:
        raise Rejected(f"period: expected its end not after the revocation, {licence.revoked.effective_at.isoformat()}")
    if licence.reported_until is not None and since < licence.reported_until:
        raise Rejected(
            f"period: expected it not before {licence.reported_until.isoformat()}, which is reported already"
        )
    if offered.quota is not None and licence.used + command.units > offered.quota:
        left = offered.quota - licence.used
        raise Rejected(f"units: licensed {offered.quota}, of which {left} are left; found {command.units}")
    require_document("ReportUsage", command.evidence, facts.documents)
    event = UsageReported(since=since, until=until, units=command.units, evidence=command.evidence)
    late = licence.revoked is not None and command.units and _counted(offered, _above(facts))
    return Decided((event,), (_released(_above(facts), facts, command.units),) if late else ())


def _counted(offered: LicenceOffered, above: Above) -> bool:
    """Return whether units of the licence debit the giver."""
    return offered.quota is not None and above.quota is not None


def _released(above: Above, facts: Facts, used: int) -> ScopeReleased:
    made = SubscopeReleased if above.links else ScopeReleased
    return made(child=StreamId(facts.licence), reason=ReleaseReason.REVOKED, used=used or None)


def _require_running(licence: Licence, offered: LicenceOffered, facts: Facts) -> Suspended | InForce | NotYet:
    """Return how an issued licence stands that the licensor may end or let rest."""
    if facts.who != offered.licensor:
        raise Rejected(f"licensor: expected {offered.licensor}, found {facts.who}")
    _require_issued(licence, facts)
    now = standing(licence, facts.now)
    if isinstance(now, Ended):
        raise Rejected(f"licence {facts.licence} has ended at {now.since.isoformat()}: {told(now.why)}")
    if not isinstance(now, Suspended | InForce | NotYet):
        raise AssertionError(f"an issued licence does not stand as {now}")
    return now


def _suspend(licence: Licence, offered: LicenceOffered, command: SuspendLicence, facts: Facts) -> Decided:
    if isinstance(_require_running(licence, offered, facts), Suspended):
        raise Rejected(f"licence {facts.licence} is suspended already")
    require_past(command.effective_at, facts.now)
    require_document("SuspendLicence", command.basis, facts.documents)
    event = LicenceSuspended(reason=command.reason, basis=command.basis, effective_at=command.effective_at)
    return Decided((event,))


def _resume(licence: Licence, offered: LicenceOffered, command: ResumeLicence, facts: Facts) -> Decided:
    if not isinstance(_require_running(licence, offered, facts), Suspended):
        raise Rejected(f"licence {facts.licence} is not suspended")
    require_past(command.effective_at, facts.now)
    require_document("ResumeLicence", command.basis, facts.documents)
    return Decided((LicenceResumed(basis=command.basis, effective_at=command.effective_at),))


def _revoke(licence: Licence, offered: LicenceOffered, command: RevokeLicence, facts: Facts) -> Decided:
    _require_running(licence, offered, facts)
    require_past(command.effective_at, facts.now)
    require_document("RevokeLicence", command.basis, facts.documents)
    above = _above(facts)
    event = LicenceRevoked(reason=command.reason, basis=command.basis, effective_at=command.effective_at)
    used = licence.used if _counted(offered, above) else 0
    return Decided((event,), (_released(above, facts, used),))


_RULES: Final[Mapping[type[Command], Callable[[Licence, LicenceOffered, Any, Facts], Decided]]] = {
    RequestLicence: _request,
    RefuseLicence: _refuse,
    IssueLicence: _issue,
    ReportUsage: _report,
    SuspendLicence: _suspend,
    ResumeLicence: _resume,
    RevokeLicence: _revoke,
}
