"""Stories of rights, drawn at random: works that come from one another, titles, grants and whoever relies on them."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.capability.events import Nature
from domain.governance.events import PartyKind, Role
from domain.identity.upkeep import RecordDerivation
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.codes import territory
from domain.rights.events import Resolution
from domain.rights.grant_events import GrantKind, RevocationReason
from domain.rights.grant_rules import AcceptGrant, ReinstateGrant, RevokeGrant
from domain.rights.scope import Scope, Window, passed_on
from domain.rights.title_rules import AcceptTransfer, ApproveTransfer, ResolveClaim
from producers.grants import GRANT
from producers.identity import OBJECT
from producers.titles import TITLE
from tests.governance_kit import Town
from tests.rights_kit import FILM, T0
from tests.title_kit import citing, contested, granting, offering, titled


class Told:
    """The town in which the stories happen, one after another; each with objects, titles and grants of its own."""

    STEPS = 60
    """What happens in a story after its beginning."""
    CITED = 0.8
    """How likely somebody cites what it could."""

    def __init__(self, seed: int) -> None:
        self.numbers = random.Random(seed)
        self.town = self.make_town()
        persons = [self.town.enrol(PartyKind.PERSON, key=True) for _ in range(2)]
        houses = [self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, key=True) for _ in range(2)]
        self.parties = [*persons, *houses]
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.CLERK, key=True)
        self.paper = self.town.put(b"reasons")

    def make_town(self) -> Town:
        """Return the town of all the stories."""
        return Town()

    def deeds(self) -> list[Callable[[], None]]:
        """Return what may happen next, as often as it is likely."""
        deeds = [self.bring] * 5 + [self.claim] * 4 + [self.grant] * 5 + [self.cite] * 3 + [self.rely] * 6
        seldom = [self.again, self.contest, self.contest, self.resolve, self.transfer, self.find, self.pass_time]
        return deeds + [self.revoke] * 2 + seldom

    def story(self, number: int) -> tuple[int, list[ObjectId]]:
        """Let one story happen; return the index at which it began, and its objects."""
        self.begins = begins = self.town.store.size()
        self.works: list[tuple[bytes, ObjectId, PartyId]] = []
        self.titles: list[TitleId] = []
        self.grants: list[RightsGrantId] = []
        self.number = number
        deeds = self.deeds()
        for _ in range(3):
            self.bring()
            self.claim()
            self.grant()
        for _ in range(self.STEPS):
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
        self.cite_for(thing, holder)

    def cite_for(self, thing: ObjectId, holder: PartyId) -> None:
        """Have a holder cite what it can for one object."""
        state = self.town.load(thing, OBJECT).state
        inside = {thing, *state.found_sources, *(parent.object_id for parent in state.birth.parents)}
        contents = {self.town.load(one, OBJECT).state.birth.content.sha256 for one in inside}
        chosen = []
        for one in self.grants:
            recorded = self.town.load(one, GRANT).state.recorded
            work = self.town.load(recorded.title, TITLE).state.work
            if recorded.grantee == holder and work in contents and self.numbers.random() < self.CITED:
                chosen.append(one)
        for grants in (chosen, *([one] for one in chosen)):
            if grants and self.town.give(citing(thing, *grants), holder).error is None:
                return

    def rely(self) -> None:
        """Who made something of another work gets a grant of it, sometimes by way of somebody else, and cites it."""
        _, thing, holder = self.one(self.works)
        self.rely_on(thing, holder)
        self.cite()

    def rely_on(self, thing: ObjectId, holder: PartyId) -> None:
        """Have somebody given a grant of each work in an object that it does not own."""
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
