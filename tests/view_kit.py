"""Histories for views: what the town of parties does, entry by entry; or single events, told one after the other."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.capability.rules import ReinstateCapability
from domain.capability.template import RetireTemplate
from domain.events import ZERO_HASH, ZERO_UUID, ActorKind, Envelope, Event, Sha256
from domain.governance.events import OpeningPurpose, PartyKind, Role
from domain.governance.party import DeclareMembership, GrantMandate, RevokeMandate, WithdrawRole
from domain.governance.subject import DeclareParticulars, LiftLegalHold, OpenField, PlaceLegalHold
from domain.identity.events import (
    AlternativeScheme,
    AssetClass,
    Content,
    Element,
    IntakeSource,
    ObjectIdentified,
    Origin,
    WithdrawalReason,
)
from domain.identity.upkeep import (
    AttestElements,
    BindAlternativeId,
    LiftQuarantine,
    RecordDerivation,
    WithdrawObject,
)
from domain.ids import CommandId, EventId, LedgerId, PartyId, StreamId
from domain.rights.events import Resolution
from domain.rights.grant_events import AllocationKind
from domain.rights.grant_rules import DeclineGrant, ReinstateGrant
from domain.rights.title_rules import AcceptTransfer, RegisterRights, ResolveClaim
from infra.views.memory import MemoryViewStore
from producers.authority import PARTY
from producers.ports import LedgerRow
from projections.runner import Poison, run_batch
from projections.tables import Column, Key, Kind, Table, Values
from projections.view import Read, View
from schemas.values import microseconds
from tests.capability_kit import suspended, template_of
from tests.compliance_kit import Dispute
from tests.governance_kit import ANY, LATER, NOW, Town
from tests.identity_kit import submit
from tests.licence_kit import Deal
from tests.rights_kit import FILM
from tests.title_kit import citing, contested, granted, offering, recorded, revoking, titled
from tests.trade_kit import Market, superseding
from tests.unit.test_registry import WHOLE

NOW_US = microseconds(NOW)
SOMEBODY = PartyId(UUID(int=900))


def some(number: int) -> UUID:
    """Return one of the identifiers that tests tell apart by their numbers."""
    return UUID(int=number)


def digest_of(text: str) -> Sha256:
    """Return the SHA-256 of a text, where an event needs some digest."""
    return Sha256(hashlib.sha256(text.encode()).digest())


def envelope(stream: UUID, version: int = 1, **changes: Any) -> Envelope:
    """Return the envelope of an event in this stream, recorded by SOMEBODY at NOW unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "event_id": EventId(UUID(int=stream.int << 32 | version)),
        "stream_id": StreamId(stream),
        "previous": ZERO_HASH,
        "command_id": CommandId(UUID(int=stream.int << 64 | version)),
        "causation_id": ZERO_UUID,
        "correlation_id": ZERO_UUID,
        "ledger_id": LedgerId(UUID(int=999)),
        "actor": SOMEBODY,
        "recorded_at": NOW_US,
        "stream_version": version,
        "actor_kind": ActorKind.HUMAN,
    }
    return Envelope(**{**fields, **changes})


def identified(**changes: Any) -> ObjectIdentified:
    """Return the birth of an object: an imported image without parents unless `changes` say otherwise."""
    content = Content(sha256=digest_of("bytes"), sm3=digest_of("sm3"), size=5, media_type="image/png")
    fields: dict[str, Any] = {
        "holder": SOMEBODY,
        "asset_class": AssetClass.STATIC,
        "kind": "image",
        "origin": Origin.IMPORTED,
        "intake_source": IntakeSource.PRODUCTION_STOCK,
        "content": content,
        "parents": (),
        "submission": None,
        "project": None,
        "technical": (),
    }
    return ObjectIdentified(**{**fields, **changes})


AWKWARD = (
    *(
        "",
        " ",
        "NULL",
        "null",
        "Null",
        "\\N",
        "\\.",
        "\\",
        "\\\\",
        '"',
        '\\"',
        "{",
        "}",
        "{}",
        '{"a"}',
        ",",
        "a,b",
        "'",
    ),
    *(
        "\t",
        "\n",
        "\r",
        "\b",
        "\f",
        "\v",
        "\r\n",
        "\x01",
        "\x7f",
        "a b",
        " a",
        "\u3000",
        "\xa0",
        "\u2028",
        "灯",
        "林晚照",
        "🎬",
    ),
)
"""Texts in which COPY, arrays or a careless reader see something else."""
COLUMNS = tuple(Column(kind.name.lower(), kind) for kind in Kind)
"""A column of each kind; the first one is the key."""


def some_text() -> st.SearchStrategy[str]:
    """Return texts that PostgreSQL can hold: awkward ones, and any made of awkward and other characters."""
    characters = st.characters(codec="utf-8", exclude_characters="\0")
    pieces = st.sampled_from([text for text in AWKWARD if text]) | characters
    return st.sampled_from(AWKWARD) | st.lists(pieces, max_size=6).map("".join)


def rows_of() -> st.SearchStrategy[tuple[Any, ...]]:
    """Return rows of COLUMNS with both indexes behind them; all but the key and the first index may be null."""
    index = st.integers(0, 2**63 - 1)
    values: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.UUID: st.uuids(),
        Kind.BIGINT: st.integers(-(2**63), 2**63 - 1),
        Kind.TEXT: some_text(),
        Kind.BYTES: st.binary(max_size=40),
        Kind.BOOLEAN: st.booleans(),
        Kind.TEXTS: st.lists(some_text(), max_size=4).map(tuple),
    }
    others = (st.none() | values[column.kind] for column in COLUMNS[1:])
    return st.tuples(values[COLUMNS[0].kind], *others, index, st.none() | index)


@dataclass(frozen=True, slots=True)
class Told:
    """An entry that was never encoded: what a view gets of it is the event itself."""

    index: int
    envelope: Envelope
    event: Event

    @property
    def type(self) -> str:
        return self.event.TYPE

    def read(self) -> Read:
        return Read(self.index, self.envelope, self.event)


class Tale:
    """Events in order, and what a view makes of them: the same entry by entry and all at once, or the test fails."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.entries: list[Told] = []
        self._versions: dict[UUID, int] = {}

    def tell(self, stream: UUID, *events: Event, **changes: Any) -> int:
        """Add events to a stream and return the index of the last."""
        for event in events:
            version = self._versions[stream] = self._versions.get(stream, 0) + 1
            self.entries.append(Told(len(self.entries), envelope(stream, version, **changes), event))
        return len(self.entries) - 1

    def made(self) -> MemoryViewStore:
        """Return what the view is after these events."""
        at_once, one_by_one = MemoryViewStore(self.view), MemoryViewStore(self.view)
        run_batch(self.view, at_once, self.entries)
        for entry in self.entries:
            if one_by_one.poison is None:
                run_batch(self.view, one_by_one, [entry])
        assert (one_by_one.position(), one_by_one.poison) == (at_once.position(), at_once.poison)
        assert one_by_one.digest() == at_once.digest()
        return at_once

    def rows(self, table: Table, as_of: int | None = None) -> dict[Key, Values]:
        """Return the rows of a table after these events; none of them stopped the view."""
        made = self.made()
        assert made.poison is None, made.poison
        return made.rows(table, as_of)

    def row(self, table: Table, *key: Any, as_of: int | None = None) -> dict[str, Any]:
        """Return the row of a key by the names of its columns."""
        values = self.rows(table, as_of)[key]
        return dict(zip((column.name for column in table.columns), values, strict=True))

    def poison(self) -> Poison:
        """Return at which entry the view stopped; that it did is required."""
        poison = self.made().poison
        assert poison is not None, "expected the view to stop"
        return poison


@dataclass(frozen=True, slots=True)
class Rows:
    """A source of entries that are all here."""

    all: Sequence[LedgerRow]

    def rows(self, start: int, limit: int) -> Sequence[LedgerRow]:
        return self.all[start : start + limit]


def trade(town: Town) -> None:
    """Let rights be claimed, shared, contested, granted, cited, ended and given again."""
    author, heir = (town.enrol(PartyKind.PERSON, key=True) for _ in range(2))
    studio = town.enrol(PartyKind.ORGANISATION, key=True)
    title = titled(town, author, heir, work=b"a novel that is filmed")
    town.give(RegisterRights(title=title, register="cn.ccopyright", number="A-1", certificate=town.put(b"1"))).require()
    novel = town.bring(b"a novel that is filmed", author)
    film = town.bring(b"the film of it", studio, parents=[novel])
    exclusive = granted(town, title, author, studio, allocation=AllocationKind.EXCLUSIVE, share_bp=500)
    town.give(citing(film, exclusive), studio).require()
    town.give(revoking(town, exclusive), author).require()
    other = granted(town, title, heir, studio, quota=3)
    below = recorded(town, title, studio, heir, chain=(other,), scope=replace(FILM, sublicence_depth=0), quota=1)
    town.give(DeclineGrant(grant=below), heir).require()
    town.give(citing(film, other), studio).require()
    town.give(offering(title, heir), author).require()
    town.give(AcceptTransfer(title=title, transfer=1), heir).require()
    ends = ResolveClaim(
        title=contested(town, title, studio),
        contest=1,
        outcome=Resolution.UPHELD,
        judgment=town.put(b"it stands"),
        effective_at=NOW,
    )
    town.give(ends).require()
    town.give(revoking(town, other), heir).require()
    again = ReinstateGrant(grant=other, basis=town.put(b"paid"), effective_at=NOW)
    town.give(again, heir).require()


def history(town: Town | None = None) -> list[LedgerRow]:
    """Return a history in which everything happens once that a view reads; it happens in `town` if one is given."""
    town = town or Town()
    guild = town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, Role.CLERK)
    vendor = town.enrol(PartyKind.ORGANISATION, key=True)
    agent = town.enrol(PartyKind.AGENT)
    paper = town.put(b"reasons")
    town.give(DeclareMembership(party=town.holder, community="cn.film-heritage")).require()
    town.give(WithdrawRole(party=guild, role=Role.CLERK)).require()
    town.give(GrantMandate(party=agent, actions=("enrol-party",), until=LATER)).require()
    town.give(RevokeMandate(party=agent, mandate=2)).require()
    still = town.bring(b"a still", guild, **WHOLE)
    other = town.bring(b"another", guild, parents=[still], origin=Origin.HUMAN_WORK, project="night-river")
    third = town.bring(b"a third", guild, parents=[still, other])
    town.give(submit(town.data(b"a still"), **WHOLE), guild).require()
    town.give(AttestElements(object=still, elements=(Element.MODEL,), statement=paper)).require()
    town.give(LiftQuarantine(object=still, statement=paper)).require()
    town.give(RecordDerivation(object=still, source=third, evidence=paper)).require()
    doi = BindAlternativeId(object=still, scheme=AlternativeScheme.DOI, text="10.5594/SMPTE.ST2067-2.2020")
    town.give(doi).require()
    withdrawn = WithdrawObject(object=third, reason=WithdrawalReason.RIGHTS, effective_at=NOW - timedelta(days=3))
    town.give(withdrawn).require()
    town.give(RetireTemplate(template=template_of(town))).require()
    town.give(ReinstateCapability(capability=suspended(town, vendor), statement=paper)).require()
    court = town.enrol(PartyKind.ORGANISATION, Role.CLERK, key=True)
    town.give(PlaceLegalHold(party=guild, matter="(2026) Jing 73 Min Chu 1"), court).require()
    town.give(LiftLegalHold(party=guild, hold=town.load(guild, PARTY).version), court).require()
    declared = town.give(DeclareParticulars(party=guild, name=ANY), secrets={"name": "林晚照"})
    event = town.application.codec.accept(town.store.rows(declared.first, 1)[0].entry).envelope.event_id
    town.give(OpenField(party=guild, event=event, path="name", purpose=OpeningPurpose.COURT), court).require()
    Dispute(town).reached("judgment")
    trade(town)
    market = Market(town)
    market.reverse(market.settle().result()).require()
    crowded, plan = market.crowd(1, *(100,) * 5)
    market.settle(1_000_003, licence=crowded, plan=plan).require()
    critic = town.enrol(PartyKind.PERSON, Role.AUDITOR, key=True)
    town.give(superseding(town, still, critic), critic).require()
    Deal(town).reached("suspend").give("end").require()
    Deal(town, price=None, work=b"a novel that nobody asked for").reached("request").give("refuse").require()
    return town.store.rows(0, 100_000)
