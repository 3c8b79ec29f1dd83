"""Commands on licences; see `domain.rights.licence_rules`.

What the licensor acts under stands in the offer, or in the command that offers, and never changes: it is looked up
before the decision, and what stands there is read again and guarded with it. So is every stream from which the
derivation of the objects was read by the machine that gives the command, in its views: a grant that ends meanwhile is
seen by the decision, one that ends later comes after the licence; of what else has changed meanwhile the views must be
asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.capability.resource import read_price
from domain.command import Command
from domain.events import Event, Sha256
from domain.governance.authority import Amount, Permission
from domain.governance.party import Party
from domain.identity.digital_object import DigitalObject, Status
from domain.ids import LicenceId, ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.chain import Above
from domain.rights.grant import Grant
from domain.rights.licence import Licence, evolve
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
    LicenceIssued,
    LicenceOffered,
    LicenceRefused,
    LicenceRequested,
    LicenceResumed,
    LicenceRevoked,
    LicenceSuspended,
    UsageReported,
)
from domain.rights.licence_rules import Facts, Item, decide
from domain.rights.limits import NO_CURRENCY, Derivation, why_not
from domain.rights.plan import PLAN_BYTES_MAX
from domain.rights.scope_terms import scope_of
from producers.authority import ANYBODY, PARTY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.grants import ALLOCATED, GRANT, RELEASED
from producers.host import DOCUMENT_BYTES_MAX, Host
from producers.identity import OBJECT
from producers.titles import TITLE

LICENCE: Final = Aggregate("Licence", LicenceOffered.TYPE, Licence(), evolve)
DOCUMENTS: Final = {"plan": PLAN_BYTES_MAX, "evidence": DOCUMENT_BYTES_MAX, "basis": DOCUMENT_BYTES_MAX}
"""Fields that name a document on which a decision rests, with the bytes that it may have."""
UNDER: Final = (OfferLicence, IssueLicence, ReportUsage, RevokeLicence)
"""Commands that ask what the licensor acts under."""
PROMISES: Final = frozenset(event.TYPE for event in (*ALLOCATED, *RELEASED))


@dataclass(frozen=True, slots=True)
class Found:
    """What a command rests on: documents that are here, the licensor's title and chain, the objects.

    Of an issue also the licensee, the request that was looked at, its derivation with the titles of its grants, and the
    token that was made for it.
    """

    documents: frozenset[Sha256]
    title: TitleId | None = None
    chain: tuple[RightsGrantId, ...] = ()
    objects: tuple[ObjectId, ...] = ()
    requested: LicenceRequested | None = None
    derivation: Derivation | None = None
    titles: tuple[TitleId, ...] = ()
    token: Sha256 | None = None


NOTHING: Final = Found(frozenset())


def _gather(command: Any, host: Host) -> Found:
    documents = _documents(command, host)
    if not isinstance(command, UNDER):
        return Found(documents)
    if isinstance(command, OfferLicence):
        title, chain = _under(command.title, command.grant, host)
        return Found(documents, title, chain, command.objects)
    licence: Licence = host.state(command.licence, LICENCE)
    if licence.offered is None:
        return Found(documents)
    title, chain = _under(licence.offered.title, licence.offered.grant, host)
    found = Found(documents, title, chain)
    return _gather_issue(command.licence, licence, found, host) if isinstance(command, IssueLicence) else found


def _documents(command: Any, host: Host) -> frozenset[Sha256]:
    named = [(getattr(command, name), most) for name, most in DOCUMENTS.items() if hasattr(command, name)]
    return frozenset(digest for digest, most in named if host.document(digest, most) is not None)


def _under(
    title: TitleId | None, grant: RightsGrantId | None, host: Host
) -> tuple[TitleId | None, tuple[RightsGrantId, ...]]:
    if grant is None:
        return title, ()
    recorded = host.state(grant, GRANT).recorded
    return (None, ()) if recorded is None else (recorded.title, (*recorded.chain, grant))


def _gather_issue(name: LicenceId, licence: Licence, found: Found, host: Host) -> Found:
    """Return what an issue rests on; the token is made only where the derivation allows what is asked."""
    offered, requested = licence.offered, licence.open_request
    if offered is None or requested is None:
        return found
    derivation = host.derivation(offered.objects, host.instant(), offered.currency or NO_CURRENCY)
    states: list[Grant] = [host.state(grant, GRANT) for grant in derivation.rests_on]
    titles = tuple(sorted({one.recorded.title for one in states if one.recorded is not None}))
    allowed = derivation.missing is None and why_not(scope_of(requested.scope), derivation) is None
    token = host.token(name, offered.objects, requested) if allowed else None
    return Found(found.documents, found.title, found.chain, offered.objects, requested, derivation, titles, token)


def _rests(found: Found | None) -> tuple[UUID, ...]:
    """Return every stream that the decision will read by what was found."""
    if found is None:
        return ()
    above = () if found.title is None else (found.title, *found.chain)
    derived = () if found.derivation is None else (*found.derivation.rests_on, *found.derivation.read)
    licensee = () if found.requested is None else (found.requested.licensee,)
    return tuple(dict.fromkeys((*above, *found.objects, *derived, *found.titles, *licensee)))


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    found: Found = acting.evidence or NOTHING
    born = isinstance(command, OfferLicence)
    loaded: Loaded[Licence] = view.born(LICENCE) if born else view.load(command.licence, LICENCE)
    title = None if found.title is None else view.load(found.title, TITLE)
    links = [view.load(link, GRANT) for link in found.chain]
    rests = () if found.derivation is None else found.derivation.rests_on
    facts = Facts(
        licence=LicenceId(loaded.stream_id),
        who=acting.who,
        now=acting.now,
        above=None
        if title is None
        else Above(TitleId(title.stream_id), title.state, found.chain, tuple(link.state for link in links)),
        licensee=_licensee(command, found, view, acting),
        objects={name: item for name in found.objects if (item := _item(view, name)) is not None},
        documents=found.documents,
        derivation=found.derivation,
        grants={grant: view.load(grant, GRANT).state for grant in rests},
        titles={one: view.load(one, TITLE).state for one in found.titles},
        changed=_changed(found, view),
        requested=found.requested,
        token=found.token,
    )
    decided = decide(loaded.state, acting.committed(command), facts)
    giver: Loaded[Any] | None = links[-1] if links else title
    if decided.giver and giver is None:
        raise AssertionError("an allocation needs a giver")
    above = (Write(giver, decided.giver),) if decided.giver and giver is not None else ()
    return Decision((Write(loaded, decided.own, acting.event_id), *above), loaded.stream_id)


def _changed(found: Found, view: View) -> tuple[UUID, int] | None:
    """Return a stream that the derivation was read from and that says more since; what is promised changes nothing."""
    if found.derivation is None:
        return None
    judged = {*found.objects, *found.titles, *found.derivation.rests_on}  # as they stand, by the rules
    for stream in found.derivation.read:
        if stream not in judged and (last := view.last(stream, PROMISES)) > found.derivation.position:
            return stream, last
    return None


def _licensee(command: Any, found: Found, view: View, acting: Acting) -> Party:
    if isinstance(command, RequestLicence):
        return view.load(acting.who, PARTY).state
    return Party() if found.requested is None else view.load(found.requested.licensee, PARTY).state


def _item(view: View, name: ObjectId) -> Item | None:
    state: DigitalObject = view.load(name, OBJECT).state
    if state.birth is None:
        return None
    derived = bool(state.birth.parents or state.found_sources)
    return Item(state.birth.content.sha256, PartyId(state.birth.holder), derived, state.status is Status.ADMITTED)


def _reads(command: Any, _: Keys) -> tuple[UUID, ...]:
    return () if isinstance(command, OfferLicence) else (command.licence,)


def _price(values: Mapping[str, Any]) -> Amount | None:
    return read_price(values["price"]) if "price" in values else None


def _spec(
    command: type[Command], *events: type[Event], measures: bool = False, secrets: tuple[str, ...] = ()
) -> CommandSpec:
    return CommandSpec(
        command,
        Permission(command.NAME, ANYBODY, signed=True),
        _run,
        events,
        reads=_reads,
        gather=_gather,
        rests=_rests,
        measures=measures,
        secrets=secrets,
        amount=_price,
    )


COMMANDS: Final = (
    _spec(OfferLicence, LicenceOffered, secrets=("price",)),
    _spec(RequestLicence, LicenceRequested),
    _spec(RefuseLicence, LicenceRefused),
    _spec(IssueLicence, LicenceIssued, LicenceRefused, *ALLOCATED, measures=True, secrets=("price",)),
    _spec(ReportUsage, UsageReported, *RELEASED),
    _spec(SuspendLicence, LicenceSuspended),
    _spec(ResumeLicence, LicenceResumed),
    _spec(RevokeLicence, LicenceRevoked, *RELEASED),
)
"""Any enrolled person or organisation licenses what is its own and asks for what is not, by its signature."""
