"""Everything of rights at once, in any order: works, titles, grants, citations, licences, usage and money.

Stories as in `tests.rights_story`, in which what is made is also licensed and what is earned settled. Each step must be
what a reader finds who knows the log alone (`tests.rights_slow`): a licence is issued where that reader says `valid`
for its scope at its own position and instant, and refused where it says `invalid`; it is within its offer; what is
settled is what the slow rule shares by the plan that was pinned; nobody is left out of it; no money is made or lost.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.events import Event, Sha256
from domain.governance.authority import Amount
from domain.identity.events import Origin
from domain.ids import LicenceId, ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.authorisation import Claim, Link, Material, Node, Verdict
from domain.rights.grant import standing
from domain.rights.licence import Licence
from domain.rights.licence_commands import OfferLicence
from domain.rights.limits import Derivation
from domain.rights.plan import read_plan
from domain.rights.scope import Scope, Window, contained, meet
from domain.rights.scope_terms import scope_of, terms_of
from domain.rights.settlement import settle
from domain.rights.settlement_events import SettlementMade
from domain.rights.settlement_rules import AMOUNT, line_path
from infra.rights.derivation import Derivation as Found
from infra.rights.limiting import limited, plan_of
from producers.grants import GRANT
from producers.identity import OBJECT
from producers.licences import LICENCE
from producers.titles import TITLE
from schemas.values import instant_of
from tests.governance_kit import ANY, PREFIX, Town, signer_of
from tests.licence_kit import DECLARED, asking, ending, issuing, reporting, suspending
from tests.rights_kit import FILM, T0
from tests.rights_slow import Slow
from tests.rights_story import Told
from tests.settlement_kit import Oracle
from tests.title_kit import TERMS, titled
from tests.trade_kit import Market

UNLIKE_ANY = Sha256(b"?" * 32)
"""A digest that no plan has."""


class Reading(Town):
    """A town that reads what objects are made of from its streams, since it has no views."""

    titles: Sequence[TitleId] = ()

    def derive(self, objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
        return limited(self.found(objects, instant), currency, PREFIX)

    def found(self, objects: Sequence[ObjectId], instant: datetime) -> Found:
        materials = tuple(self.material(one, instant) for one in objects)
        return Found(self.store.size() - 1, instant, tuple(objects), materials)

    def material(self, focus: ObjectId, instant: datetime) -> Material:
        nodes, waiting = {}, [focus]
        for name in waiting:
            state = self.load(name, OBJECT).state
            nodes[name] = Node(
                name,
                state.birth.holder,
                self.store.streams([name])[name][0].index,
                state.birth.content.sha256,
                tuple(parent.object_id for parent in state.birth.parents),
                state.found_sources,
                state.cited,
            )
            waiting += [source for source in nodes[name].sources if source not in waiting]
        cited = {grant for node in nodes.values() for grant in node.cited}
        names = {link for grant in cited for link in (*self.load(grant, GRANT).state.recorded.chain, grant)}
        return Material(
            focus,
            nodes,
            {one: self.claim_of(one, instant) for one in self.titles},
            {one: self.link_of(one, instant) for one in names},
        )

    def claim_of(self, title: TitleId, instant: datetime) -> Claim:
        state = self.load(title, TITLE).state
        return Claim(title, state.work, state.owners, bool(state.contests), state.fallen(instant))

    def link_of(self, grant: RightsGrantId, instant: datetime) -> Link:
        state = self.load(grant, GRANT).state
        born = state.recorded
        scope = scope_of(born.scope)
        stands = standing(state, instant)
        return Link(grant, born.kind, born.title, born.chain, born.grantee, scope, born.share_bp, stands)


class Book(Market):
    """The settlements of one licence of the story."""

    def __init__(self, town: Town, licensor: PartyId, licence: LicenceId, plan: Any, usage: Sha256) -> None:
        self.town, self.park, self.licence, self.plan, self.usage = town, licensor, licence, plan, usage


class Trading(Told):
    """Stories in which what is made is licensed, used and paid for; few at a time, since windows end in 2036."""

    CITED = 1.0
    STEPS = 45

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.licences: list[LicenceId] = []
        self.seen: Counter[str] = Counter()

    def make_town(self) -> Town:
        return Reading()

    def deeds(self) -> list[Callable[[], None]]:
        """Mostly trade; what is contested is mostly resolved soon."""
        rights = [self.bring] * 4 + [self.rely] * 2 + [self.resolve] * 2
        rights += [self.claim, self.grant, self.cite, self.revoke, self.again, self.contest, self.transfer, self.find]
        trade = [self.sell] * 8 + [self.offer, self.ask, self.issue, self.use, self.end]
        return rights + trade + [self.settle] * 4 + [self.reverse] * 2 + [self.pass_time]

    def sell(self) -> None:
        """From the offer to the issue, with nothing between; mostly what it needs is granted and cited before."""
        before, (_, thing, holder) = len(self.licences), self.chosen()
        if self.one((True, True, False)):
            self.rely_on(thing, holder)
            self.cite_for(thing, holder)
        self.offer_one(thing, holder)
        if len(self.licences) > before:
            self.ask_for(self.licences[-1])
            self.issue_one(self.licences[-1])

    def story(self, number: int) -> tuple[int, list[ObjectId]]:
        self.licences = []
        return super().story(number)

    def bring(self) -> None:
        """Whoever brings a work mostly claims it first, so that it is admitted."""
        number = len(self.works)
        data = b"work %d of story %d" % (number, self.number)
        parents = {self.one(self.works)[1] for _ in range(self.one((0, 0, 1, 1, 2)))} if self.works else set()
        holder = self.one(self.parties)
        if self.one((True, True, True, False)):
            others = [one for one in self.parties if one != holder and self.numbers.random() < 0.2]
            self.titles.append(titled(self.town, holder, *others, work=data))
        thing = self.town.bring(data, holder, parents=sorted(parents), origin=Origin.HUMAN_WORK, declared=DECLARED)
        self.works.append((data, thing, holder))
        if parents and self.one((True, True, False)):
            self.rely_on(thing, holder)
            self.cite_for(thing, holder)

    def give_grant(self, title: TitleId, giver: PartyId, grantee: PartyId, scope: Scope, **changes: Any) -> Any:
        """Some of it flows back."""
        if "kind" not in changes:
            changes["share_bp"] = self.one((None, 333, 2_500))
        return super().give_grant(title, giver, grantee, scope, **changes)

    def some_scope(self) -> Scope:
        """Mostly a wide one: a licence of what is made of much must lie in all of it."""
        if self.one((True, True, False)):
            return replace(FILM, sublicence_depth=2, window=Window(T0.replace(year=2025), T0.replace(year=2036)))
        return super().some_scope()

    def flat(self) -> Scope:
        return replace(self.some_scope(), sublicence_depth=0)

    def licence(self, name: LicenceId) -> Licence:
        state: Licence = self.town.load(name, LICENCE).state
        return state

    def offer(self) -> None:
        _, thing, holder = self.chosen()
        self.offer_one(thing, holder)

    def chosen(self) -> tuple[bytes, ObjectId, PartyId]:
        """Return a work, as often as not one that is made of others."""
        derived = [one for one in self.works if self.town.load(one[1], OBJECT).state.birth.parents]
        found: tuple[bytes, ObjectId, PartyId] = self.one(
            derived if derived and self.one((True, False)) else self.works
        )
        return found

    def offer_one(self, thing: ObjectId, holder: PartyId) -> None:
        """Its holder offers what it has of it, mostly for money."""
        work = self.town.load(thing, OBJECT).state.birth.content.sha256
        mine = [one for one in self.titles if self.town.load(one, TITLE).state.share_of(holder)]
        own = [one for one in mine if self.town.load(one, TITLE).state.work == work] or mine
        given = [one for one in self.grants if self.town.load(one, GRANT).state.recorded.grantee == holder]
        under = {"title": self.one(own)} if own else {"grant": self.one(given)} if given else None
        if under is None:
            return
        paid = self.one((True, True, True, False))
        command = OfferLicence(
            objects=(thing,),
            scope=terms_of(self.flat()),
            terms=TERMS,
            until=self.town.now + timedelta(days=900),
            **{"title": None, "grant": None, **under},
            **({"price": ANY, "currency": "CNY"} if paid else {}),
        )
        outcome = self.town.give(command, holder, secrets=self.price(paid))
        if outcome.error is None:
            self.licences.append(LicenceId(outcome.result()))

    def price(self, paid: bool) -> dict[str, Any] | None:
        return {"price": {"currency": "CNY", "minor": self.numbers.randrange(10**9)}} if paid else None

    def ask(self) -> None:
        if self.licences:
            self.ask_for(self.one(self.licences))

    def ask_for(self, name: LicenceId) -> None:
        offered = self.licence(name).offered
        assert offered is not None
        buyer = self.one([one for one in self.parties if one != offered.licensor])
        outer = scope_of(offered.scope)
        scope = outer if self.one((True, False)) else meet(outer, self.flat()) or outer
        self.town.give(asking(name, scope, signer_of(buyer).vkey), buyer)

    def issue(self) -> None:
        asked = [one for one in self.licences if self.licence(one).open_request is not None]
        if asked:
            self.issue_one(self.one(asked))

    def issue_one(self, name: LicenceId) -> None:
        """Give the answer to a request; what comes of it is what the slow reader says."""
        state = self.licence(name)
        offered, requested = state.offered, state.open_request
        if offered is None or requested is None:
            return
        (sold,), currency = offered.objects, offered.currency
        town = self.town
        assert isinstance(town, Reading)
        town.titles = self.titles
        found = town.found([sold], town.now)
        plan = UNLIKE_ANY
        if found.answer().verdict is Verdict.VALID:
            plan = town.put(plan_of(found, sold, currency or "XXX", PREFIX)[1])
        paid = {} if currency is None else {"price": ANY, "currency": currency}
        outcome = town.give(issuing(name, plan, **paid), offered.licensor, secrets=self.price(currency is not None))
        if outcome.error is not None:
            self.seen["derivation unknown" if "derivation: " in str(outcome.error) else "not issued"] += 1
            if "derivation: " in str(outcome.error):
                answer = self.slow().answer(sold, scope_of(requested.scope), town.now)
                assert answer is Verdict.INCOMPLETE, (name, outcome.error)

    def slow(self) -> Slow:
        """Return the slow reader of the story so far."""
        rows = self.town.store.rows(self.begins, 100_000)
        return Slow([(row.envelope.stream_id, row.event) for row in map(self.decoded, rows)])

    def decoded(self, row: Any) -> Any:
        return self.town.application.codec.accept(row.entry)

    def issued(self) -> list[LicenceId]:
        return [one for one in self.licences if self.licence(one).issued is not None]

    def use(self) -> None:
        if not self.issued():
            return
        name = self.one(self.issued())
        state = self.licence(name)
        assert state.issued is not None
        since = state.reported_until or T0
        command = reporting(name, self.one((0, 1, 5)), since, self.town.now, self.paper)
        self.town.give(command, state.issued.licensee)

    def end(self) -> None:
        if not self.issued():
            return
        name = self.one(self.issued())
        offered = self.licence(name).offered
        assert offered is not None
        deed = self.one((suspending, ending))
        self.town.give(deed(name, self.paper, self.town.now), offered.licensor)

    def settle(self) -> None:
        """A month of some year, or one that was settled before."""
        sold = [one for one in self.issued() if self.licence(one).offered.currency is not None]
        if not sold:
            return
        name = self.one(sold)
        state = self.licence(name)
        since = T0.replace(year=2025, month=self.numbers.randrange(1, 12))
        minor = self.one((0, 1, 7, 99, 10_001, self.numbers.randrange(10**12)))
        self.book(name).settle(minor, since=since, until=since + timedelta(days=28))
        assert state.offered is not None

    def book(self, name: LicenceId) -> Book:
        state = self.licence(name)
        plan = read_plan(json.loads(self.town.blobs.read_bytes(state.issued.plan, 1 << 20)), PREFIX)
        return Book(self.town, state.offered.licensor, name, plan, self.paper)

    def reverse(self) -> None:
        accounts = {}
        for row in self.town.store.rows(self.begins, 100_000):
            if row.type == SettlementMade.TYPE:
                one = self.decoded(row)
                accounts[one.envelope.stream_id, one.event.number] = one.event.licence
        if accounts:
            (account, number), licence = self.one(list(accounts.items()))
            self.book(licence).reverse(account, number)


# -- the reader of the log ---------------------------------------------------------------------------------------------


class Judge:
    """Reads the log of one story in order and fails at the first thing that must not be."""

    def __init__(self, story: Trading) -> None:
        self.story, self.town = story, story.town
        self.rows = [story.decoded(row) for row in self.town.store.rows(story.begins, 100_000)]
        self.log: list[tuple[UUID, Event]] = [(one.envelope.stream_id, one.event) for one in self.rows]
        self.offers: dict[UUID, Any] = {}
        self.asked: dict[UUID, Any] = {}
        self.plans: dict[UUID, Any] = {}
        self.standing: dict[tuple[UUID, int], int] = {}
        self.paid: Counter[tuple[UUID, UUID]] = Counter()

    def see_all(self) -> None:
        for place, one in enumerate(self.rows):
            self.see(place, one.envelope, one.event)
        assert sum(self.paid.values()) == sum(self.standing.values()), "money was made or lost"

    def see(self, place: int, envelope: Any, event: Event) -> None:
        stream, instant = envelope.stream_id, instant_of(envelope.recorded_at)
        match type(event).__name__:
            case "LicenceOffered":
                self.offers[stream] = event
            case "LicenceRequested":
                self.asked[stream] = event
            case "AuthorisationCited":
                self.cited(place, event)
            case "LicenceIssued":
                self.issued(place, stream, event, instant)
            case "LicenceRefused":
                self.refused(place, stream, event, instant)
            case "SettlementMade":
                self.settled(stream, envelope, event)
            case "SettlementReversed":
                self.reversed(stream, event)

    def cited(self, place: int, event: Any) -> None:
        recorded = Slow(self.log[:place]).recorded
        assert sum(recorded[one].share_bp or 0 for one in event.grants) <= 10_000, "more flows back than comes in"

    def issued(self, place: int, stream: UUID, event: Any, instant: datetime) -> None:
        slow, offered, scope = Slow(self.log[:place]), self.offers[stream], scope_of(event.scope)
        (sold,) = offered.objects
        assert slow.answer(sold, scope, instant) is Verdict.VALID, "issued where something is wrong, or not known"
        assert contained(scope, scope_of(offered.scope)) and event.scope == self.asked[stream].scope
        held = offered.title if offered.grant is None else slow.recorded[offered.grant].title
        assert not slow.contested(held) and not slow.fallen(held, instant)
        links = () if offered.grant is None else (*slow.recorded[offered.grant].chain, offered.grant)
        assert not any(slow.fallen(link, instant) for link in links), "under a grant that was revoked"
        every = {grant for one in slow.all_of(sold) for grant in slow.cited(one)}
        assert set(event.rests_on) == every | {link for one in every for link in slow.recorded[one].chain}
        self.plans[stream] = plan = read_plan(json.loads(self.town.blobs.read_bytes(event.plan, 1 << 20)), PREFIX)
        assert plan.sold == sold and plan.currency == (event.currency or "XXX")
        self.nobody_is_left_out(slow, plan, instant)
        self.story.seen["issued"] += 1
        self.story.seen["issued of many"] += len(plan.nodes) > 1

    def nobody_is_left_out(self, slow: Slow, plan: Any, instant: datetime) -> None:
        """What a cited grant lets flow back flows to each declared parent under whose title it stands."""
        flows = {(one.child, one.parent): one.share_bp for one in plan.edges}
        for parent in {one.object_id for one in slow.births[plan.sold].parents}:
            roots = slow.roots(parent, instant)
            grants = [slow.recorded[one] for one in slow.cited(plan.sold)]
            owed = sum(one.share_bp or 0 for one in grants if one.title in roots)
            assert flows.get((plan.sold, parent), 0) >= owed

    def refused(self, place: int, stream: UUID, event: Any, instant: datetime) -> None:
        """By what the object is made of, never by what is not known."""
        slow, scope = Slow(self.log[:place]), scope_of(self.asked[stream].scope)
        (sold,) = self.offers[stream].objects
        assert slow.answer(sold, scope, instant) is Verdict.INVALID, event.clause
        self.story.seen["refused"] += 1

    def amount(self, event_id: UUID, path: str) -> int:
        found = json.loads(self.town.vault.open(event_id, path).value)
        assert found["currency"] == "CNY"
        minor: int = found["minor"]
        return minor

    def settled(self, stream: UUID, envelope: Any, event: Any) -> None:
        plan = self.plans[event.licence]
        total = self.amount(envelope.event_id, AMOUNT)
        expected = Oracle(plan, total).settled()
        assert settle(plan, Amount("CNY", total)) == expected
        assert [(one.object, one.party) for one in event.lines] == [(one.object, one.party) for one in expected.lines]
        for place, line in enumerate(expected.lines):
            assert self.amount(envelope.event_id, line_path(place)) == line.minor
            self.paid[stream, line.party] += line.minor
        self.standing[stream, event.number] = total
        self.story.seen["settled"] += 1

    def reversed(self, stream: UUID, event: Any) -> None:
        made = next(
            one for one in self.rows
            if one.envelope.stream_id == stream and getattr(one.event, "lines", None) is not None
            and one.event.number == event.number
        )  # fmt: skip
        for place, line in enumerate(made.event.lines):
            self.paid[stream, line.party] -= self.amount(made.envelope.event_id, line_path(place))
        del self.standing[stream, event.number]
        self.story.seen["reversed"] += 1


def tell(stories: int, seed: int) -> Counter[str]:
    """Let stories happen, judge each, and return what was seen."""
    told = Trading(seed)
    for number in range(stories):
        told.story(number)
        Judge(told).see_all()
    told.town.application.close()
    return told.seen


def test_everything_at_once() -> None:
    seen = tell(10, 5) + tell(10, 6)
    assert all(seen[what] >= 3 for what in ("issued", "issued of many", "refused", "settled", "reversed")), seen


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_everything_at_once_for_long(seed: int) -> None:
    """Two thousand stories in all."""
    for ten in range(10):
        tell(10, 1_000 + 10 * seed + ten)
