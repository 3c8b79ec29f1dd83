"""Random histories of rights: what the views answer as of a position and an instant is what a slow reader works out.

The reader knows the first N events and nothing of the program's rules, views or folds: it replays them into plain
dictionaries and asks of each object, by the text of `docs/rights.md`, whether something is missing, or not known.
"""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.capability.events import Nature
from domain.errors import NotFound
from domain.events import Event
from domain.governance.events import PartyKind, Role
from domain.identity.upkeep import RecordDerivation
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.authorisation import Verdict, troubles
from domain.rights.codes import territory
from domain.rights.events import Resolution
from domain.rights.grant_events import GrantKind, RevocationReason
from domain.rights.grant_rules import AcceptGrant, ReinstateGrant, RevokeGrant
from domain.rights.scope import Scope, Window, contained, meet, passed_on
from domain.rights.scope_terms import scope_of
from domain.rights.title_rules import AcceptTransfer, ApproveTransfer, ResolveClaim
from infra.rights.derivation import VIEWS, derivation_of
from infra.store.provision import PROJECTOR, READER
from infra.views.projector import Projector
from infra.views.reading import Reader
from producers.grants import GRANT
from producers.identity import OBJECT
from producers.titles import TITLE
from projections.catalogue import VIEWS as EVERY
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.governance_kit import NOW, Town
from tests.rights_kit import FILM, T0
from tests.title_kit import citing, contested, granting, offering, titled
from tests.view_kit import Rows
from tests.view_samples import restored

CODEC = Codec(CATALOGUE)
STEPS = 60
ASKED = 8


class Told:
    """The town in which the stories happen, one after another; each with objects, titles and grants of its own."""

    def __init__(self, seed: int) -> None:
        self.numbers = random.Random(seed)
        self.town = Town()
        persons = [self.town.enrol(PartyKind.PERSON, key=True) for _ in range(2)]
        houses = [self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, key=True) for _ in range(2)]
        self.parties = [*persons, *houses]
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.CLERK, key=True)
        self.paper = self.town.put(b"reasons")

    def story(self, number: int) -> tuple[int, list[ObjectId]]:
        """Let one story happen; return the index at which it began, and its objects."""
        begins = self.town.store.size()
        self.works: list[tuple[bytes, ObjectId, PartyId]] = []
        self.titles: list[TitleId] = []
        self.grants: list[RightsGrantId] = []
        self.number = number
        deeds = [self.bring] * 5 + [self.claim] * 4 + [self.grant] * 5 + [self.cite] * 3 + [self.rely] * 6
        deeds += [self.revoke] * 2 + [
            self.again,
            self.contest,
            self.contest,
            self.resolve,
            self.transfer,
            self.find,
            self.pass_time,
        ]
        for _ in range(3):
            self.bring()
            self.claim()
            self.grant()
        for _ in range(STEPS):
            self.numbers.choice(deeds)()
        return begins, [thing for _, thing, _ in self.works]

    def one(self, some: Sequence[Any]) -> Any:
        return self.numbers.choice(some)

    def some_scope(self) -> Scope:
        since, until = sorted(self.numbers.sample((2025, 2027, 2029, 2031), 2))
        codes = self.numbers.sample(("CN", "HK", "US"), self.numbers.choice((1, 2, 3, 3)))
        natures = [Nature.RESEARCH, Nature.COMMERCIAL][: self.numbers.choice((1, 2, 2))]
        return Scope(
            **{
                **{name: getattr(FILM, name) for name in ("uses", "fields", "media", "languages", "duties")},
                "natures": frozenset(natures),
                "territory": territory(*codes),
                "window": Window(T0.replace(year=since), T0.replace(year=until)),
                "sublicence_depth": self.numbers.choice((0, 1, 2)),
            }
        )

    def bring(self) -> None:
        """Sometimes somebody else brings bytes that are here already."""
        old = self.numbers.random() < 0.2 and self.works
        data = self.one(self.works)[0] if old else b"work %d of story %d" % (len(self.works), self.number)
        parents = {self.one(self.works)[1] for _ in range(self.one((0, 1, 1, 2)))} if self.works else set()
        holder = self.one(self.parties)
        self.works.append((data, self.town.bring(data, holder, parents=sorted(parents)), holder))

    def claim(self) -> None:
        """Mostly the holder claims its own."""
        data, _, holder = self.one(self.works)
        owner = holder if self.numbers.random() < 0.8 else self.one(self.parties)
        others = [one for one in self.parties if one != owner and self.numbers.random() < 0.2]
        try:
            self.titles.append(titled(self.town, owner, *others, work=data))
        except Exception as err:  # claimed by this owner before, for others
            assert "you have claimed this work already" in str(err), err

    def grant(self) -> None:
        """By an owner, to anybody; some are consents, some wait for the grantee's signature."""
        if not self.titles:
            return
        title = self.one(self.titles)
        giver = self.one(self.town.load(title, TITLE).state.parties())
        grantee = self.one([one for one in self.parties if one != giver])
        kind = GrantKind.CONSENT if giver in self.parties[:2] and self.one((0, 0, 1)) else GrantKind.GRANT
        if self.numbers.random() < 0.8:
            self.give_grant(title, giver, grantee, self.some_scope(), kind=kind)
        else:
            outcome = self.town.give(granting(title, grantee, self.some_scope(), kind=kind), giver)
            self.grants += [] if outcome.error is not None else [RightsGrantId(outcome.result())]

    def cite(self) -> None:
        """Of what was given to the holder on works that are in it, mostly all; what cannot be cited alone is left."""
        _, thing, holder = self.one(self.works)
        state = self.town.load(thing, OBJECT).state
        inside = {thing, *state.found_sources, *(parent.object_id for parent in state.birth.parents)}
        contents = {self.town.load(one, OBJECT).state.birth.content.sha256 for one in inside}
        chosen = []
        for one in self.grants:
            recorded = self.town.load(one, GRANT).state.recorded
            work = self.town.load(recorded.title, TITLE).state.work
            if recorded.grantee == holder and work in contents and self.numbers.random() < 0.8:
                chosen.append(one)
        for grants in (chosen, *([one] for one in chosen)):
            if grants and self.town.give(citing(thing, *grants), holder).error is None:
                return

    def rely(self) -> None:
        """Who made something of another work gets a grant of it, sometimes by way of somebody else, and cites it."""
        _, thing, holder = self.one(self.works)
        birth = self.town.load(thing, OBJECT).state.birth
        for source in (thing, *(parent.object_id for parent in birth.parents)):
            work = self.town.load(source, OBJECT).state.birth.content.sha256
            for title in self.titles:
                state = self.town.load(title, TITLE).state
                if state.work != work or state.share_of(holder):
                    continue
                scope, between = self.some_scope(), self.one(self.parties)
                chain: tuple[RightsGrantId, ...] = ()
                if between not in (holder, *state.parties()) and scope.sublicence_depth:
                    top = self.give_grant(title, self.one(state.parties()), between, scope)
                    chain = () if top is None else (top,)
                    scope = passed_on(scope) or scope if chain else scope
                self.give_grant(title, between if chain else self.one(state.parties()), holder, scope, chain=chain)
        self.cite()

    def give_grant(
        self, title: TitleId, giver: PartyId, grantee: PartyId, scope: Scope, **changes: Any
    ) -> RightsGrantId | None:
        """Return a grant that its grantee has accepted, None where a rule says no."""
        outcome = self.town.give(granting(title, grantee, scope, **changes), giver)
        if outcome.error is not None:
            return None
        self.grants.append(RightsGrantId(outcome.result()))
        self.town.give(AcceptGrant(grant=self.grants[-1]), grantee)
        return self.grants[-1]

    def instant(self) -> datetime:
        return self.town.now - timedelta(days=self.one((0, 0, 3, 200)))

    def revoke(self) -> None:
        """Mostly one on which another hangs."""
        if not self.grants:
            return
        above = [link for one in self.grants for link in self.town.load(one, GRANT).state.recorded.chain]
        grant = self.one(above if above and self.numbers.random() < 0.6 else self.grants)
        recorded = self.town.load(grant, GRANT).state.recorded
        consent = recorded.kind is GrantKind.CONSENT
        reason = RevocationReason.CONSENT_WITHDRAWN if consent else RevocationReason.BREACH
        command = RevokeGrant(grant=grant, reason=reason, basis=self.paper, effective_at=self.instant())
        self.town.give(command, recorded.grantor)

    def again(self) -> None:
        for grant in self.grants:
            recorded = self.town.load(grant, GRANT).state.recorded
            command = ReinstateGrant(grant=grant, basis=self.paper, effective_at=self.instant())
            self.town.give(command, recorded.grantor)

    def contest(self) -> None:
        if self.titles:
            by = self.one(self.parties)
            title = self.one(self.titles)
            if not any(one.by == by for one in self.town.load(title, TITLE).state.contests):
                contested(self.town, title, by)

    def resolve(self) -> None:
        for title in self.titles:
            for one in self.town.load(title, TITLE).state.contests:
                outcome = self.one((Resolution.UPHELD, Resolution.UPHELD, Resolution.REJECTED))
                command = ResolveClaim(
                    title=title, contest=one.number, outcome=outcome, judgment=self.paper, effective_at=self.instant()
                )
                self.town.give(command, self.clerk)

    def transfer(self) -> None:
        if not self.titles:
            return
        title = self.one(self.titles)
        state = self.town.load(title, TITLE).state
        giver, recipient = self.one(state.parties()), self.one(self.parties)
        offer = offering(title, recipient, state.share_of(giver))
        if self.town.give(offer, giver).error is None:
            number = self.town.load(title, TITLE).state.proposals
            for owner in state.parties():
                self.town.give(ApproveTransfer(title=title, transfer=number), owner)
            self.town.give(AcceptTransfer(title=title, transfer=number), recipient)

    def find(self) -> None:
        child, source = self.one(self.works)[1], self.one(self.works)[1]
        self.town.give(RecordDerivation(object=child, source=source, evidence=self.paper))

    def pass_time(self) -> None:
        self.town.now += timedelta(days=self.one((1, 30, 300)))


# -- the slow reader ---------------------------------------------------------------------------------------------------


class Slow:
    """What the first events say, in plain dictionaries; every question goes through all of it again."""

    def __init__(self, log: Sequence[tuple[UUID, Event]]) -> None:
        self.log = log
        self.births = dict(self.of("ObjectIdentified"))
        self.claims = dict(self.of("RightsClaimed"))
        self.recorded = dict(self.of("GrantRecorded"))

    def of(self, *names: str) -> list[tuple[UUID, Any]]:
        return [(stream, event) for stream, event in self.log if type(event).__name__ in names]

    def cited(self, thing: UUID) -> list[UUID]:
        every = [event.grants for stream, event in self.of("AuthorisationCited") if stream == thing]
        return list(every[-1]) if every else []

    def sources(self, thing: UUID) -> set[UUID]:
        declared = {parent.object_id for parent in self.births[thing].parents}
        return declared | {event.source for stream, event in self.of("DerivationFound") if stream == thing}

    def all_of(self, thing: UUID) -> set[UUID]:
        reached: set[UUID] = {thing}
        while True:
            more = {source for one in reached for source in self.sources(one)} - reached
            if not more:
                return reached
            reached |= more

    def owners(self, title: UUID, instant: datetime) -> set[UUID]:
        owned = {one.party: one.share_bp for one in self.claims[title].owners}
        for stream, event in self.of("OwnershipTransferred"):
            if stream == title and event.effective_at <= instant:
                owned[event.giver] -= event.share_bp
                owned[event.recipient] = owned.get(event.recipient, 0) + event.share_bp
        return {party for party, share in owned.items() if share}

    def fallen(self, stream: UUID, instant: datetime) -> bool:
        """The last that was recorded of what rules by then."""
        said = False
        for where, event in self.of("ClaimResolved", "GrantRevoked", "GrantReinstated"):
            if where == stream and event.effective_at <= instant:
                said = getattr(event, "outcome", None) == "rejected" or type(event).__name__ == "GrantRevoked"
        return said

    def contested(self, title: UUID) -> bool:
        opened = sum(stream == title for stream, _ in self.of("ClaimContested"))
        return opened > sum(stream == title for stream, _ in self.of("ClaimResolved"))

    def titles_on(self, thing: UUID, instant: datetime) -> set[UUID]:
        content = self.births[thing].content.sha256
        return {one for one, event in self.claims.items() if event.work == content and not self.fallen(one, instant)}

    def own(self, titles: set[UUID], party: UUID, instant: datetime) -> set[UUID]:
        return {one for one in titles if party in self.owners(one, instant)}

    def roots(self, thing: UUID, instant: datetime) -> set[UUID]:
        every = self.titles_on(thing, instant)
        cited = {self.recorded[one].title for one in self.cited(thing)}
        return self.own(every, self.births[thing].holder, instant) or every & cited or every

    def scopes(self, thing: UUID) -> list[Scope]:
        return [scope_of(self.recorded[grant].scope) for one in self.all_of(thing) for grant in self.cited(one)]

    def answer(self, thing: UUID, wanted: Scope, instant: datetime) -> Verdict:
        wrong = unknown = False
        for one in self.all_of(thing):
            bad, open_yet = self.judged(one, instant)
            wrong, unknown = wrong or bad, unknown or open_yet
        if wrong or not all(contained(wanted, scope) for scope in self.scopes(thing)):
            return Verdict.INVALID
        return Verdict.INCOMPLETE if unknown else Verdict.VALID

    def judged(self, thing: UUID, instant: datetime) -> tuple[bool, bool]:
        """Return whether something is wrong with one object, and whether something of it is not known."""
        wrong = unknown = False
        holder, every = self.births[thing].holder, self.titles_on(thing, instant)
        cited_titles = set()
        for grant in self.cited(thing):
            recorded = self.recorded[grant]
            cited_titles.add(recorded.title)
            unknown |= self.contested(recorded.title)
            wrong |= self.fallen(recorded.title, instant)
            for link in (*recorded.chain, grant):
                until = scope_of(self.recorded[link].scope).window.until
                wrong |= self.fallen(link, instant) or (until is not None and instant >= until)
        mine = self.own(every, holder, instant)
        if mine or every & cited_titles:
            unknown |= bool(mine) and all(self.contested(one) for one in mine)
            unknown |= bool(every - mine - cited_titles)
        elif every:
            wrong = True
        else:
            content = self.births[thing].content.sha256
            lost = {one for one, event in self.claims.items() if event.work == content}
            wrong |= bool(self.own(lost, holder, instant))
            unknown |= not self.births[thing].parents
        for source in self.sources(thing):
            roots = self.roots(source, instant)
            mine = self.own(roots, holder, instant)
            if not roots:
                unknown |= self.births[source].holder != holder
            elif mine:
                unknown |= all(self.contested(one) for one in mine)
            elif not roots & cited_titles:
                wrong = True
        return wrong, unknown


# -- the comparison ----------------------------------------------------------------------------------------------------


def compare(stories: int, seed: int, database: LedgerDatabase) -> dict[Verdict, int]:
    """Let stories happen, ask each object at random places and instants, and return how often each answer came."""
    told = Told(seed)
    spans = [told.story(number) for number in range(stories)]
    rows = told.town.store.rows(0, 1_000_000)
    restored(database, rows)
    with Projector(database.dsn(PROJECTOR), Rows(rows), CODEC) as projector:
        projector.ensure(EVERY)
        projector.catch_up()
    log = [(decoded.envelope.stream_id, decoded.event) for decoded in (CODEC.decode(row.entry) for row in rows)]
    reader, counts = Reader(database.dsn(READER)), dict.fromkeys(Verdict, 0)
    ends = [begins for begins, _ in spans[1:]] + [len(rows)]
    for (begins, things), end in zip(spans, ends, strict=True):
        for _ in range(ASKED):
            position, instant = told.numbers.randrange(begins, end), NOW + timedelta(days=told.one((-400, 0, 3, 900)))
            slow = Slow(log[begins : position + 1])  # a story rests on nothing before it
            with reader.looks(VIEWS, str(position), 0) as looks:
                for thing in things:
                    wanted = told.some_scope()
                    if thing not in slow.births:
                        with pytest.raises(NotFound):
                            derivation_of(looks, [thing], instant)
                        continue
                    found = derivation_of(looks, [thing], instant)
                    verdict = slow.answer(thing, wanted, instant)
                    answer = found.answer(wanted)
                    assert answer.verdict is verdict, (seed, position, instant, thing)
                    (material,) = found.materials
                    for node in material.walk():
                        said = {one.verdict for one in troubles(material, node)}
                        wrong, unknown = slow.judged(node.object, instant)
                        assert (Verdict.INVALID in said) is wrong, (seed, position, instant, node.object)
                        assert wrong or (Verdict.INCOMPLETE in said) is unknown, (seed, position, instant, node.object)
                    assert answer.scope == met(slow.scopes(thing), answer.scope), (seed, position, thing)
                    counts[verdict] += 1
    return counts


def met(scopes: Sequence[Scope], if_none: Scope | None) -> Scope | None:
    """Return the meet of scopes, one after another; of none, whatever was found."""
    left: Scope | None = scopes[0] if scopes else if_none
    for scope in scopes:
        left = None if left is None else meet(left, scope)
    return left


def test_what_the_views_answer_is_what_a_slow_reader_works_out(
    make_ledger_database: Callable[[], LedgerDatabase],
) -> None:
    counts = compare(20, 7, make_ledger_database())
    assert all(count >= 30 for count in counts.values()), counts


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_what_the_views_answer_in_many_histories(make_ledger_database: Callable[[], LedgerDatabase], seed: int) -> None:
    compare(20, 100 + seed, make_ledger_database())
