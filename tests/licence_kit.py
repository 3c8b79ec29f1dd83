"""Licences in memory, decided by the rules alone, over the title and the grants of `grant_kit`; and some in a town.

A `Market` folds what it decides. Its objects are one that is the title's work, and films that the studio made of it;
what their derivation allows is what a test says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.events import Sha256
from domain.governance.events import PartyKind
from domain.governance.party import Party
from domain.identity.events import Element, Origin
from domain.identity.trace_set import Declared
from domain.ids import LicenceId, ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights import grant as grants
from domain.rights import licence_rules
from domain.rights import title as titles
from domain.rights.chain import Above
from domain.rights.events import Root
from domain.rights.grant import Grant
from domain.rights.grant_events import AllocationKind
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
from domain.rights.licence_events import LicenceIssued, LicenceReason, LicenceRequested
from domain.rights.licence_rules import Facts, Item
from domain.rights.limits import NO_CURRENCY, Derivation, Limit
from domain.rights.scope import Scope, Window
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import Holder
from domain.rights.title import WHOLE
from tests.governance_kit import ANY, LATER, Town, signer_of
from tests.governance_kit import NOW as TOWN_NOW
from tests.grant_kit import BUYER, NOW, OWNER, PAPER, STUDIO, TERMS, TITLE, WORK, Chain, party
from tests.rights_kit import FILM
from tests.title_kit import titled

NOVEL, FILM_OBJECT, LOOSE = (ObjectId(party(number)) for number in (2_000, 2_001, 2_002))
FLAT = replace(FILM, sublicence_depth=0)
KEY, OTHER_KEY = (signer_of(BUYER, number).vkey for number in (0, 1))
TOKEN = Sha256(b"k" * 32)
PRICE = {"currency": "CNY", "minor": 120_000}
DECLARED = Declared(
    {element: Sha256(b"e" * 32) for element in Element if element not in (Element.UNSPECIFIED, Element.HASH)},
    Root.OWN_CREATION,
)
USED_FROM = FLAT.window.since
assert USED_FROM is not None


class Market(Chain):
    """A title, its grants, and licences; `limits` is what the derivation of any object allows."""

    def __init__(self, owners: Sequence[Holder] = ()) -> None:
        super().__init__(owners)
        self.licences: dict[LicenceId, Licence] = {}
        self.limits: tuple[Limit, ...] = (Limit(NOVEL, WHOLE, "title"),)
        self.rests_on: tuple[RightsGrantId, ...] = ()
        self.missing: str | None = None
        self.changed: tuple[UUID, int] | None = None
        self.plans: tuple[Sha256, ...] = (PAPER,)
        self.token: Sha256 | None = TOKEN
        self.keys: tuple[str, ...] = (KEY,)
        self.items = {
            NOVEL: Item(WORK, OWNER, False, True),
            FILM_OBJECT: Item(Sha256(b"f" * 32), STUDIO, True, True),
            LOOSE: Item(Sha256(b"l" * 32), STUDIO, False, True),
        }
        self.looked_at: LicenceRequested | None = None
        """The request that the host has seen, where it is not the one that waits."""

    def above(self, title: TitleId | None, grant: RightsGrantId | None) -> Above | None:
        if grant is None:
            return None if title is None else Above(TITLE, self.title)
        recorded = self.grants.get(grant, Grant()).recorded
        if recorded is None:
            return None
        chain = (*recorded.chain, grant)
        return Above(TITLE, self.title, chain, tuple(self.grants[one] for one in chain))

    def deal(self, command: Any, who: PartyId) -> list[Any]:
        """Give a command on a licence; its events are in the log afterwards. Raises: Rejected."""
        born = isinstance(command, OfferLicence)
        name = LicenceId(party(5_000 + len(self.licences))) if born else command.licence
        state = self.licences.get(name, Licence())
        offered = command if born else state.offered
        above = None if offered is None else self.above(offered.title, offered.grant)
        issuing = isinstance(command, IssueLicence)
        facts = Facts(
            licence=name,
            who=who,
            now=self.now,
            above=above,
            licensee=Party(kind=PartyKind.ORGANISATION, keys=self.keys),
            objects={one: self.items[one] for one in (() if offered is None else offered.objects) if one in self.items},
            documents=self.documents,
            derivation=self.derivation() if issuing else None,
            grants={one: self.grants[one] for one in self.rests_on if one in self.grants},
            titles={TITLE: self.title} if self.rests_on else {},
            changed=self.changed,
            requested=self.looked_at or state.open_request,
            token=self.token,
        )
        decided = licence_rules.decide(state, command, facts)
        for event in decided.own:
            self.licences[name] = evolve(self.licences.get(name, Licence()), event)
            self.log.append((name, event))
        for given in decided.giver:
            assert above is not None
            if above.chain:
                self.grants[above.chain[-1]] = grants.evolve(self.grants[above.chain[-1]], given)
            else:
                self.title = titles.evolve(self.title, given)
            self.log.append((above.chain[-1] if above.chain else TITLE, given))
        return [*decided.own, *decided.giver]

    def derivation(self) -> Derivation:
        """Return what the derivation of any object allows."""
        return Derivation(len(self.log), self.limits, self.rests_on, self.missing, plans=self.plans)

    def offer(self, who: PartyId = OWNER, **changes: Any) -> LicenceId:
        """Offer a licence and return its identifier."""
        self.deal(offering_licence(**changes), who)
        return list(self.licences)[-1]

    def requested(self, who: PartyId = OWNER, scope: Scope = FLAT, by: PartyId = BUYER, **changes: Any) -> LicenceId:
        """Offer a licence, let somebody ask for it, and return its identifier."""
        name = self.offer(who, **changes)
        self.deal(asking(name, scope), by)
        return name

    def issued(self, who: PartyId = OWNER, **changes: Any) -> LicenceId:
        """Issue a licence and return its identifier."""
        name = self.requested(who, **changes)
        events = self.deal(issuing(name, **prices(self.licences[name])), who)
        assert isinstance(events[0], LicenceIssued), events
        return name


def prices(licence: Licence) -> dict[str, Any]:
    """Return the price of an issue that is the one that was offered."""
    assert licence.offered is not None
    return {} if licence.offered.price is None else {"price": ANY, "currency": licence.offered.currency}


def offering_licence(scope: Scope = FLAT, **changes: Any) -> OfferLicence:
    """Return the command that offers the novel under the title, an ordinary licence for nothing, with changes."""
    fields: dict[str, Any] = {
        "objects": (NOVEL,),
        "title": None if "grant" in changes else TITLE,
        "scope": terms_of(scope),
        "terms": TERMS,
        "until": LATER,
    }
    return OfferLicence(**{**fields, **changes})


def asking(name: UUID, scope: Scope = FLAT, key: str = KEY) -> RequestLicence:
    """Return the command that asks for a licence."""
    return RequestLicence(licence=LicenceId(name), key=key, scope=terms_of(scope))


def issuing(name: UUID, plan: Sha256 = PAPER, **changes: Any) -> IssueLicence:
    """Return the command that issues a licence."""
    return IssueLicence(licence=LicenceId(name), plan=plan, **changes)


def reporting(
    name: UUID,
    units: int,
    since: datetime = USED_FROM,
    until: datetime = NOW,
    evidence: Sha256 = PAPER,
) -> ReportUsage:
    """Return the command that reports usage."""
    return ReportUsage(licence=LicenceId(name), since=since, until=until, units=units, evidence=evidence)


def suspending(name: UUID, basis: Sha256 = PAPER, at: datetime = NOW) -> SuspendLicence:
    """Return the command that lets a licence rest."""
    return SuspendLicence(licence=LicenceId(name), reason=LicenceReason.UNPAID, basis=basis, effective_at=at)


def ending(name: UUID, basis: Sha256 = PAPER, at: datetime = NOW) -> RevokeLicence:
    """Return the command that ends a licence."""
    return RevokeLicence(licence=LicenceId(name), reason=LicenceReason.BREACH, basis=basis, effective_at=at)


def narrowed(scope: Scope = FLAT, **changes: Any) -> Scope:
    """Return a scope with other components."""
    return replace(scope, **changes)


def window_of(since: datetime, until: datetime) -> Window:
    """Return a window."""
    return Window(since, until)


class Deal:
    """A licence in a town: its licensor offers a novel, a buyer asks, the licensor issues; each step once, in order."""

    STEPS = ("offer", "request", "issue", "report", "suspend")

    def __init__(
        self,
        town: Town,
        *,
        price: Mapping[str, Any] | None = PRICE,
        work: bytes = b"a novel to license",
        licensor: PartyId | None = None,
        buyer: PartyId | None = None,
    ) -> None:
        self.town = town
        self.price = price
        self.licensor = licensor or town.holder
        self.buyer = buyer or town.enrol(PartyKind.ORGANISATION, key=True)
        self.title = titled(town, self.licensor, work=work)
        self.object = town.bring(work, self.licensor, origin=Origin.HUMAN_WORK, declared=DECLARED)
        self.paper = town.put(b"reasons, with names")
        self.plan = town.put(town.plan(self.object, NO_CURRENCY if price is None else "CNY"))
        self.licence = LicenceId(UUID(int=0))

    def offer(self, **changes: Any) -> OfferLicence:
        priced = {} if self.price is None else {"price": ANY, "currency": "CNY"}
        fields = {"objects": (self.object,), "title": self.title, **priced, **changes}
        return offering_licence(**fields)

    def request(self, scope: Scope = FLAT) -> RequestLicence:
        return asking(self.licence, scope, signer_of(self.buyer).vkey)

    def issue(self) -> IssueLicence:
        priced = {} if self.price is None else {"price": ANY, "currency": "CNY"}
        return issuing(self.licence, self.plan, **priced)

    def report(self) -> ReportUsage:
        return reporting(self.licence, 5, until=TOWN_NOW, evidence=self.paper)

    def suspend(self) -> SuspendLicence:
        return suspending(self.licence, self.paper, TOWN_NOW)

    def resume(self) -> ResumeLicence:
        return ResumeLicence(licence=self.licence, basis=self.paper, effective_at=TOWN_NOW)

    def end(self) -> RevokeLicence:
        return ending(self.licence, self.paper, TOWN_NOW)

    def refuse(self) -> RefuseLicence:
        return RefuseLicence(licence=self.licence, clause="not in this season")

    def secrets(self, step: str) -> dict[str, Any] | None:
        return {"price": self.price} if step in ("offer", "issue") and self.price is not None else None

    def actor(self, step: str) -> PartyId:
        return self.buyer if step in ("request", "report") else self.licensor

    def give(self, step: str, **changes: Any) -> Any:
        """Take one step and return what became of it."""
        command = getattr(self, step)(**changes)
        outcome = self.town.give(command, self.actor(step), secrets=self.secrets(step))
        if step == "offer" and outcome.error is None:
            self.licence = LicenceId(outcome.result())
        return outcome

    def reached(self, step: str) -> "Deal":
        """Take all steps up to one."""
        for one in self.STEPS[: self.STEPS.index(step) + 1]:
            self.give(one).require()
        return self


ORDINARY = AllocationKind.ORDINARY
