"""The rights to a corpus, told after it as the product's events: titles, grants, chains, citations, revocations.

A production of four is cleared: each of its objects has a title, and cites a grant of every work of others that it is
made of, all but a few. Stills, textures and look-up tables are titled everywhere, since every production shares them. A
title is owned by all who work on the production, one of a vendor or an archive by that alone. A stock picture is an
agency's; who brought it cites one grant of it, or of ten pictures one a chain of LINKS links. A few grants are revoked
and a few are for research alone. So of the objects some are valid, some invalid and some incomplete.

No stream but a title's is in two acts, since append() takes acts of one stream in one call one by one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Final
from uuid import UUID

from domain.capability.events import Nature
from domain.events import ActorKind, Event, Sha256
from domain.governance.events import PartyEnrolled, PartyKind
from domain.identity.events import (
    CITED_MAX,
    AuthorisationCited,
    ObjectIdentified,
    ObjectRejected,
    ObjectWithdrawn,
    Origin,
)
from domain.ids import ObjectId, PartyId, RightsGrantId, StreamId, TitleId
from domain.rights.codes import languages, territory
from domain.rights.events import RightsClaimed, Root
from domain.rights.grant_events import (
    AllocationKind,
    GrantAccepted,
    GrantKind,
    GrantRecorded,
    GrantRevoked,
    RevocationReason,
    ScopeAllocated,
    SubscopeAllocated,
)
from domain.rights.scope import Scope, Window
from domain.rights.scope_terms import ScopeTerms, terms_of
from domain.rights.settlement import WHOLE_BP, Holder
from domain.rights.terms import Duties, Duty, DutyKind, Field, Medium, Use
from infra.dev.acts import Act, Draw, Stream, Who
from schemas.values import instant_of

LINKS: Final = 20
"""Links of a long chain: a title and the grants below it."""
WIDE: Final = Scope(
    uses=frozenset({Use.PROJECT, Use.TRANSLATE, Use.ADAPT, Use.MAKE_FILM}),
    fields=frozenset({Field.FILM, Field.VFX, Field.GAME}),
    natures=frozenset({Nature.COMMERCIAL, Nature.RESEARCH}),
    media=frozenset({Medium.THEATRICAL, Medium.ONLINE, Medium.TELEVISION}),
    languages=languages("fr", all_but=True),
    territory=territory("CN", "HK", "MO", "TW", "US", "JP"),
    window=Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)),
    sublicence_depth=LINKS,
    duties=Duties(frozenset({Duty(kind=DutyKind.ATTRIBUTE), Duty(kind=DutyKind.REPORT_USAGE, days=90)})),
)
CLEARED_OF: Final = 4
SHARED: Final = frozenset({"still", "texture", "lut"})
LONG, FORGOTTEN, REVOKED, NARROW = 0.1, 0.02, 0.02, 0.03
ELSEWHERE: Final = frozenset({Origin.IMPORTED, Origin.EXTERNAL_SERVICE})


@cache
def _terms(depth: int, *, narrow: bool) -> ScopeTerms:
    scope = replace(WIDE, sublicence_depth=depth)
    return terms_of(replace(scope, natures=frozenset({Nature.RESEARCH})) if narrow else scope)


class RightsOf:
    """The rights to one corpus: `watch` its acts, then tell `acts`."""

    def __init__(self, seed: int, objects: int, registrar: PartyId) -> None:
        """`registrar` enrols the agencies."""
        self.chained: list[ObjectId] = []
        self._draw = Draw(seed, objects * 100, "rights")  # its acts are minutes apart, all behind the corpus
        self._registrar = registrar
        self._things: dict[ObjectId, tuple[Stream, ObjectIdentified]] = {}
        self._gone: set[ObjectId] = set()
        self._titles: dict[Sha256, tuple[Stream, RightsClaimed]] = {}
        self._houses: dict[str | None, set[PartyId]] = {}
        self._cleared: dict[str | None, bool] = {}
        self._granted: dict[tuple[Sha256, PartyId], RightsGrantId] = {}
        self._agencies: list[PartyId] = []
        self._promised: dict[UUID, tuple[Stream, PartyId, list[ScopeAllocated]]] = {}

    def watch(self, acts: Iterable[Act]) -> Iterator[Act]:
        """Give acts on, and remember the objects and the titles in them."""
        for act in acts:
            match act.events[0]:
                case ObjectIdentified() as born:
                    self._see(act.stream, born)
                case RightsClaimed() as claimed:
                    self._titles[claimed.work] = act.stream, claimed
            if isinstance(act.events[-1], ObjectRejected | ObjectWithdrawn):
                self._gone.add(ObjectId(act.stream.stream_id))
            self._draw.now_us = act.at_us
            yield act

    def _see(self, stream: Stream, born: ObjectIdentified) -> None:
        self._things[ObjectId(stream.stream_id)] = stream, born
        self._cleared.setdefault(born.project, len(self._cleared) % CLEARED_OF == 0)
        if _is_ours(born):
            self._houses.setdefault(born.project, set()).add(born.holder)

    def acts(self) -> Iterator[Act]:
        """Tell the rights: agencies, titles, then object by object the grants and the citation of them."""
        for _ in range(LINKS):
            stream = Stream(self._draw.uuid())
            self._agencies.append(PartyId(stream.stream_id))
            yield self._act(stream, self._registrar, PartyEnrolled(kind=PartyKind.ORGANISATION))
        for _, born in self._things.values():
            if born.content.sha256 not in self._titles and (self._cleared[born.project] or born.kind in SHARED):
                yield self._claim(born)
        for object_id, (stream, born) in self._things.items():
            if object_id not in self._gone and self._cleared[born.project]:
                yield from self._clear(object_id, stream, born)
        for title, owner, promises in self._promised.values():
            yield self._act(title, owner, *promises)

    def _claim(self, born: ObjectIdentified) -> Act:
        stock = born.kind == "stock"
        parties = {self._agencies[0]} if stock else self._houses[born.project] if _is_ours(born) else {born.holder}
        least, more = divmod(WHOLE_BP, len(parties))
        owners = tuple(Holder(party=one, share_bp=least + (at < more)) for at, one in enumerate(sorted(parties)))
        claim = RightsClaimed(
            holder=self._agencies[0] if stock else born.holder,
            work=born.content.sha256,
            root=Root.OWN_CREATION if len(owners) == 1 else Root.COMMISSION,
            owners=owners,
            statement=self._draw.digest(),
        )
        stream = Stream(self._draw.uuid())
        self._titles[claim.work] = stream, claim
        return self._act(stream, claim.holder, claim)

    def _clear(self, object_id: ObjectId, stream: Stream, born: ObjectIdentified) -> Iterator[Act]:
        """Tell the grants that an object needs, on its own content and on each parent's, and the citation of them."""
        cited: set[RightsGrantId] = set()
        for work in (born.content.sha256, *(self._things[one.object_id][1].content.sha256 for one in born.parents)):
            found = self._titles.get(work)
            if found is None or any(one.party == born.holder for one in found[1].owners):
                continue
            if (work, born.holder) not in self._granted and not self._draw.chance(FORGOTTEN):
                links = LINKS - 1 if born.kind == "stock" and self._draw.chance(LONG) else 1
                if links > 1:
                    self.chained.append(object_id)
                yield from self._grant(*found, born.holder, links)
            if (work, born.holder) in self._granted:
                cited.add(self._granted[work, born.holder])
        if cited:
            names = tuple(sorted(cited))[:CITED_MAX]
            yield self._act(stream, born.holder, AuthorisationCited(grants=names, consents=()))

    def _grant(self, title: Stream, claim: RightsClaimed, grantee: PartyId, links: int) -> Iterator[Act]:
        """Tell a chain of grants from an owner of a title by agencies to a party: one act for all that a link has."""
        draw, narrow = self._draw, self._draw.chance(NARROW)
        streams = [Stream(draw.uuid()) for _ in range(links)]
        chain = tuple(RightsGrantId(one.stream_id) for one in streams)
        parties = (claim.owners[0].party, *self._agencies[1:links], grantee)
        scopes = [_terms(LINKS - depth, narrow=narrow) for depth in range(1, links + 1)]
        kind = AllocationKind.ORDINARY
        for at, stream in enumerate(streams):
            recorded = GrantRecorded(
                kind=GrantKind.GRANT,
                title=TitleId(title.stream_id),
                chain=chain[:at],
                grantor=parties[at],
                grantee=parties[at + 1],
                scope=scopes[at],
                allocation=kind,
                quota=None,
                share_bp=None,
                terms=draw.digest(),
                approvals=(),
            )
            events: list[Event] = [recorded, GrantAccepted()]
            if at + 1 < links:
                child = StreamId(streams[at + 1].stream_id)
                events.append(SubscopeAllocated(child=child, kind=kind, scope=scopes[at + 1], quota=None))
            elif draw.chance(REVOKED):
                by, basis, since = parties[at], draw.digest(), instant_of(draw.now_us)
                events.append(GrantRevoked(by=by, reason=RevocationReason.BREACH, basis=basis, effective_at=since))
            yield self._act(stream, parties[at], *events)
        self._granted[claim.work, grantee] = chain[-1]
        promise = ScopeAllocated(child=StreamId(chain[0]), kind=kind, scope=scopes[0], quota=None)
        self._promised.setdefault(title.stream_id, (title, parties[0], []))[2].append(promise)

    def _act(self, stream: Stream, who: PartyId, *events: Event) -> Act:
        return self._draw.act(stream, events, Who(who, ActorKind.HUMAN))


def _is_ours(born: ObjectIdentified) -> bool:
    """Return whether an object was made by the production, rather than brought to it."""
    return born.origin not in ELSEWHERE and born.kind != "scan"
