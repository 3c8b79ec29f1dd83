"""A licence that earns money, in a town: a novel of two authors, a film made from it, a park that shows the film.

`Market` brings the three works, pins a plan and appends the licence's offer and issue through the product's own write
path, so that nothing here rests on how licences are negotiated; `settle` gives a whole settlement with its secrets.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.events import ActorKind, Event, Sha256
from domain.governance.authority import Amount
from domain.governance.events import PartyKind
from domain.ids import LicenceId, ObjectId, PartyId, SettlementId, ValuationId
from domain.rights.grant_events import AllocationKind
from domain.rights.licence_events import LicenceIssued, LicenceOffered
from domain.rights.plan import make_plan, plan_json
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import Holder, Plan, PlanEdge, PlanNode, Settled, settle
from domain.rights.settlement_events import ReversalReason, SettledLine, line_path
from domain.rights.settlement_rules import AMOUNT, MakeSettlement, ReverseSettlement, Settlement
from domain.rights.statement import Statement, statement_json
from domain.rights.valuation import IssueValuation, Method, SupersededBecause, SupersedeValuation
from producers.application import LedgerApplication
from producers.commands import Actor, Decision, Outcome, Task, View, Write
from producers.licences import LICENCE
from producers.ports import CommandKey
from producers.settlements import SETTLEMENT
from tests.governance_kit import ANY, NOW, PREFIX, Town, signer_of
from tests.rights_kit import FILM

SINCE: Final = datetime(2026, 7, 1, tzinfo=UTC)
UNTIL: Final = datetime(2026, 10, 1, tzinfo=UTC)
EARLIER: Final = datetime(2026, 4, 1, tzinfo=UTC)
SALT: Final = b"s" * 32


def licence_events(
    licensor: PartyId, licensee: PartyId, sold: ObjectId, plan: Sha256, currency: str | None = "CNY"
) -> tuple[Event, ...]:
    """Return the offer and the issue of a licence, as far as a settlement reads them."""
    some = Sha256(b"t" * 32)
    offered = LicenceOffered(
        licensor=licensor,
        objects=(sold,),
        title=None,
        grant=None,
        scope=terms_of(FILM),
        allocation=AllocationKind.ORDINARY,
        quota=None,
        price=None,
        currency=currency,
        terms=some,
        until=datetime(2031, 1, 1, tzinfo=UTC),
    )
    issued = LicenceIssued(
        licensee=licensee,
        key=signer_of(licensee).vkey,
        scope=terms_of(FILM),
        rests_on=(),
        position=0,
        plan=plan,
        price=None,
        currency=currency,
        token=some,
    )
    return offered, issued


def append(application: LedgerApplication, party: PartyId, command_id: UUID, events: tuple[Event, ...]) -> UUID:
    """Append events to a licence's stream that is born with them, and return it."""

    def run(view: View) -> Decision[UUID]:
        stream = view.born(LICENCE)
        return Decision((Write(stream, events),), stream.stream_id)

    task = Task(CommandKey(party, command_id), Actor(party, ActorKind.HUMAN), run)
    return application.execute_all([task])[0].result()


def node(one: ObjectId, birth: int, holders: tuple[Holder, ...]) -> PlanNode:
    """Return an object of a plan."""
    return PlanNode(object=one, birth=birth, holders=holders)


def whole(party: UUID) -> tuple[Holder, ...]:
    return (Holder(party=PartyId(party), share_bp=10_000),)


class Market:
    """Everybody who has a part in a licence; `licence` was issued by the park, for `plan`."""

    def __init__(self, town: Town | None = None, park: PartyId | None = None) -> None:
        self.town = town or Town()
        enrol = self.town.enrol
        self.author, self.co_author = (enrol(PartyKind.PERSON, key=True) for _ in range(2))
        self.studio = enrol(PartyKind.ORGANISATION, key=True)
        self.park = park or enrol(PartyKind.ORGANISATION, key=True)
        self.buyer = enrol(PartyKind.ORGANISATION, key=True)
        self.novel, self.film, self.ride = (self.town.bring(name) for name in (b"novel", b"film", b"ride"))
        self.plan = self.planned()
        self.usage = self.town.put(b"a list of what was shown")
        self.licence = self.licensed(self.plan)

    def planned(self, currency: str = "CNY", **changes: int) -> Plan:
        """Return the plan: 15 % of the film to the novel, 20 % of the ride to the film."""
        shares = {"film": 1_500, "ride": 2_000, **changes}
        half = Holder(party=self.author, share_bp=6_000), Holder(party=self.co_author, share_bp=4_000)
        objects = {
            self.novel: node(self.novel, 10, half),
            self.film: node(self.film, 20, whole(self.studio)),
            self.ride: node(self.ride, 30, whole(self.park)),
        }
        edges = (
            PlanEdge(child=self.film, parent=self.novel, share_bp=shares["film"]),
            PlanEdge(child=self.ride, parent=self.film, share_bp=shares["ride"]),
        )
        return make_plan(self.ride, currency, objects.values(), edges)

    def licensed(self, plan: Plan, *, currency: str | None = "CNY", here: bool = True) -> LicenceId:
        """Return a licence that was issued under a plan; without `here` its document is nowhere."""
        document = rfc8785.dumps(plan_json(plan, PREFIX))
        digest = self.town.put(document) if here else Sha256(hashlib.sha256(document).digest())
        events = licence_events(self.park, self.buyer, self.ride, digest, currency)
        return LicenceId(append(self.town.application, self.park, self.town.new_id(), events))

    def crowd(self, *people: int) -> tuple[LicenceId, Plan]:
        """Return a licence whose object is made from works of so many equal holders each, and its own holders last."""
        objects = {}
        for birth, many in enumerate(people):
            one, each = ObjectId(self.town.new_id()), 10_000 // many
            holders = tuple(Holder(party=PartyId(self.town.new_id()), share_bp=each) for _ in range(many))
            objects[one] = node(one, birth, holders)
        names = list(objects)
        edges = tuple(PlanEdge(child=names[-1], parent=parent, share_bp=500) for parent in names[:-1])
        plan = make_plan(names[-1], "CNY", objects.values(), edges)
        return self.licensed(plan), plan

    def command(
        self,
        minor: int,
        *,
        licence: LicenceId | None = None,
        since: datetime = SINCE,
        until: datetime = UNTIL,
        settled: Settled | None = None,
        stated: Settled | None = None,
        plan: Plan | None = None,
    ) -> tuple[MakeSettlement, dict[str, Any]]:
        """Return the command that settles an amount, and its secrets; `settled` and `stated` replace what is right."""
        plan = plan or self.plan
        settled = settled or settle(plan, Amount(plan.currency, minor))
        stated = stated or settled
        digest = Sha256(hashlib.sha256(rfc8785.dumps(plan_json(plan, PREFIX))).digest())
        of = licence or self.licence
        statement = Statement(of, digest, since, until, stated.amount, stated.flows)
        kept = self.town.vault.keep_document(self.park, rfc8785.dumps(statement_json(statement, SALT, PREFIX)))
        lines = tuple(SettledLine(object=one.object, party=one.party, amount=ANY) for one in settled.lines)
        given = MakeSettlement(
            licence=of, usage=self.usage, since=since, until=until, amount=ANY, lines=lines, statement=kept
        )
        return given, secrets_of(settled)

    def settle(self, minor: int = 123_457, **more: Any) -> Outcome[Any]:
        """Settle an amount as the licensor."""
        given, secrets = self.command(minor, **more)
        return self.town.give(given, self.park, secrets=secrets)

    def reverse(self, account: UUID, number: int = 1, by: UUID | None = None) -> Outcome[Any]:
        """Reverse a settlement as the licensor."""
        return self.town.give(self.reversing(account, number), by or self.park)

    def reversing(self, account: UUID, number: int = 1) -> ReverseSettlement:
        """Return the command that reverses a settlement."""
        basis = self.town.put(b"reasons")
        reason = ReversalReason.USAGE_CORRECTED
        return ReverseSettlement(settlement=SettlementId(account), number=number, reason=reason, basis=basis)

    def account(self, account: UUID) -> Settlement:
        """Return a settlement account as it stands."""
        state: Settlement = self.town.load(account, SETTLEMENT).state
        return state


def secrets_of(settled: Settled) -> dict[str, Any]:
    """Return the values of a settlement by their places."""
    found = {AMOUNT: amount_json(settled.amount.minor, settled.amount.currency)}
    for place, line in enumerate(settled.lines):
        found[line_path(place)] = amount_json(line.minor, settled.amount.currency)
    return found


def amount_json(minor: int, currency: str = "CNY") -> Mapping[str, Any]:
    """Return an amount as a secret states it."""
    return {"currency": currency, "minor": minor}


VALUES: Final = {"low": amount_json(900), "point": amount_json(1_000), "high": amount_json(1_200)}


def valuing(town: Town, object_id: ObjectId, **changes: Any) -> IssueValuation:
    """Return the command that values an object; its secrets are VALUES."""
    fields: dict[str, Any] = {
        "object": object_id,
        "method": Method.INCOME,
        "currency": "CNY",
        **dict.fromkeys(VALUES, ANY),
        "valued_at": NOW,
        "report": town.put(b"how it was valued"),
    }
    return IssueValuation(**{**fields, **changes})


def valued(town: Town, object_id: ObjectId, appraiser: UUID) -> ValuationId:
    """Return a valuation of an object."""
    return ValuationId(town.give(valuing(town, object_id), appraiser, secrets=VALUES).result())


def superseding(town: Town, object_id: ObjectId, appraiser: UUID) -> SupersedeValuation:
    """Return the command by which a second valuation of an object supersedes the first."""
    old, new = (valued(town, object_id, appraiser) for _ in range(2))
    return SupersedeValuation(valuation=old, by=new, reason=SupersededBecause.OUTDATED)


def altered(settled: Settled, place: int, minor: int) -> Settled:
    """Return a settlement with another amount in one line."""
    lines = list(settled.lines)
    lines[place] = replace(lines[place], minor=minor)
    return replace(settled, lines=tuple(lines))


def plain(document: bytes) -> Any:
    """Return a document as JSON values."""
    return json.loads(document)
