"""A slow reader of rights: the first N events in plain dictionaries, asked by the text of `docs/rights.md`.

It knows nothing of the program's rules, views or folds. Every question goes through all of the events again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.events import Event
from domain.rights.authorisation import Verdict
from domain.rights.scope import Scope, contained
from domain.rights.scope_terms import scope_of


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
