"""Settlements and their reversal over a ledger: the licensor's account, the plan's lines, each amount its party's."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.commitment import verify_opening
from domain.errors import Invalid
from domain.events import Sha256
from domain.governance.authority import Amount
from domain.governance.events import PartyKind
from domain.governance.party import GrantMandate
from domain.governance.subject import EraseSubject
from domain.ids import LicenceId, ObjectId, PartyId, SettlementId
from domain.rights.plan import make_plan
from domain.rights.settlement import Holder, Plan, PlanEdge, settle
from domain.rights.settlement_events import LINES_MAX, SettlementMade, SettlementReversed
from domain.rights.settlement_rules import AMOUNT, line_path
from infra.vault.erasure import erasing
from tests.governance_kit import LATER, NOW
from tests.machine_kit import overtaken
from tests.trade_kit import EARLIER, SINCE, UNTIL, Market, altered, amount_json, node

DAY = timedelta(days=1)


@pytest.fixture
def market() -> Market:
    return Market()


def made_by(market: Market, minor: int = 123_457) -> SettlementMade:
    (event,) = market.town.written(market.settle(minor))
    assert isinstance(event, SettlementMade)
    return event


def test_lines_are_those_of_the_plan_and_open_to_its_amounts(market: Market) -> None:
    outcome = market.settle(123_457)
    (event,) = market.town.written(outcome)
    assert isinstance(event, SettlementMade) and event.number == 1
    assert [(one.object, one.party) for one in event.lines] == [
        (market.ride, market.park),
        (market.film, market.studio),
        (market.novel, market.author),
        (market.novel, market.co_author),
    ]
    event_id = market.town.application.codec.accept(market.town.store.rows(outcome.first, 1)[0].entry).envelope.event_id
    found = []
    for place, line in enumerate(event.lines):
        opening = market.town.vault.open(event_id, line_path(place))
        verify_opening(line.amount, event_id, line_path(place), opening.salt, opening.value)
        assert market.town.vault.owner(event_id, line_path(place)) == line.party
        found.append(opening.value)
    assert found == [
        b'{"currency":"CNY","minor":98766}',
        b'{"currency":"CNY","minor":20987}',
        b'{"currency":"CNY","minor":2222}',
        b'{"currency":"CNY","minor":1482}',
    ]
    assert market.town.vault.owner(event_id, AMOUNT) == market.park, "the total is the licensor's"


def test_all_settlements_of_a_licence_are_one_account(market: Market) -> None:
    first = market.settle().result()
    second = market.settle(since=EARLIER, until=SINCE).result()
    assert first == second
    assert [one.number for one in market.account(first).made] == [1, 2]


def test_nothing_is_a_settlement_too(market: Market) -> None:
    assert made_by(market, 0).lines == ()


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        (SINCE + DAY, UNTIL - DAY, "found number 1 of"),
        (EARLIER, SINCE + timedelta(microseconds=1), "found number 1 of"),
        (UNTIL - timedelta(microseconds=1), UNTIL + DAY, "found number 1 of"),
        (SINCE, SINCE, "ends after it begins"),
        (UNTIL, NOW + DAY, "not after now"),
    ],
)
def test_no_period_is_settled_twice(market: Market, since: datetime, until: datetime, why: str) -> None:
    market.settle().require()
    assert why in market.town.refusal(market.settle(since=since, until=until))
    market.settle(since=UNTIL, until=NOW).require()


def test_a_reversed_period_may_be_settled_again(market: Market) -> None:
    account = market.settle().result()
    (event,) = market.town.written(market.reverse(account))
    assert isinstance(event, SettlementReversed) and event.number == 1
    assert market.account(account).standing() == ()
    assert "is reversed already" in market.town.refusal(market.reverse(account))
    assert market.settle(9).result() == account
    assert [one.number for one in market.account(account).standing()] == [2]


def test_who_may_reverse_what(market: Market) -> None:
    account = market.settle().result()
    assert "expected the licensor" in market.town.refusal(market.reverse(account, by=market.studio))
    assert "expected a number of 1 to 1, found 2" in market.town.refusal(market.reverse(account, 2))
    nothing = market.town.new_id()
    assert f"{nothing} is not a settlement account" in market.town.refusal(market.reverse(nothing))


class TestRefusals:
    """Each rule of a settlement, broken; no refusal repeats an amount, and nothing is written."""

    @pytest.fixture(autouse=True)
    def begin(self, market: Market) -> None:
        self.market = market

    def refused(self, why: str, **more: object) -> None:
        market = self.market
        given, secrets = market.command(123_457, **more)  # type: ignore[arg-type]  # those of `command`
        said = market.town.refusal(market.town.give(given, market.park, secrets=secrets))
        assert why in said and "123457" not in said and "98766" not in said
        assert not market.town.store.key_holders([f"settlement/{given.licence}"])

    def test_a_line_with_another_amount(self) -> None:
        right = settle(self.market.plan, Amount("CNY", 123_457))
        for place in range(4):
            minor = right.lines[place].minor
            for wrong in (minor + 1, minor - 1, 0):
                said = f"line {place}: expected the amount that the plan gives"
                self.refused(said, settled=altered(right, place, wrong), stated=right)

    def test_other_lines(self) -> None:
        right = settle(self.market.plan, Amount("CNY", 123_457))
        why = "expected the objects and parties that the plan gives"
        self.refused(why, settled=replace(right, lines=right.lines[::-1]), stated=right)
        self.refused(why, settled=replace(right, lines=right.lines[1:]), stated=right)
        self.refused(why, settled=replace(right, lines=(*right.lines, right.lines[0])), stated=right)
        other = replace(right.lines[0], party=self.market.buyer)
        self.refused(why, settled=replace(right, lines=(other, *right.lines[1:])), stated=right)

    def test_a_statement_of_something_else(self) -> None:
        right = settle(self.market.plan, Amount("CNY", 123_457))
        flows = (replace(right.flows[0], minor=1), *right.flows[1:])
        self.refused("expected a statement of this licence", stated=replace(right, flows=flows))
        self.refused("expected a statement of this licence", stated=replace(right, amount=Amount("CNY", 1)))

    def test_no_statement_in_the_vault(self) -> None:
        given, secrets = self.market.command(5)
        self.market.town.vault.discard_document(given.statement)
        said = self.market.town.refusal(self.market.town.give(given, self.market.park, secrets=secrets))
        assert f"expected the statement {given.statement.hex()} in the vault" in said

    def test_a_plan_that_is_not_here(self) -> None:
        gone = self.market.licensed(self.market.planned(film=1), here=False)
        self.refused("of the licence in the blob store, found none", licence=gone)

    def test_a_plan_in_another_currency_than_the_licence(self) -> None:
        plan = self.market.planned("USD")
        licence = self.market.licensed(plan)
        self.refused("expected a plan in CNY as the licence is, found USD", licence=licence, plan=plan)

    def test_an_amount_in_another_currency_than_the_plan(self) -> None:
        given, secrets = self.market.command(123_457)
        secrets[AMOUNT] = amount_json(123_457, "EUR")
        said = self.market.town.refusal(self.market.town.give(given, self.market.park, secrets=secrets))
        assert "expected an amount in CNY, found 'EUR'" in said

    def test_a_licence_that_is_free_or_was_not_issued(self) -> None:
        free = self.market.licensed(self.market.plan, currency=None)
        self.refused("the licence is free", licence=free)
        self.refused("is not a licence of this ledger that was issued", licence=LicenceId(self.market.town.new_id()))

    def test_usage_that_is_not_here(self) -> None:
        self.market.usage = Sha256(bytes(32))
        self.refused(f"expected the document {bytes(32).hex()} in the blob store")

    def test_somebody_elses_licence(self) -> None:
        market = self.market
        given, secrets = market.command(5)
        said = market.town.refusal(market.town.give(given, market.studio, secrets=secrets))
        assert f"expected the licensor {market.park}, found {market.studio}" in said

    @pytest.mark.parametrize("path", [AMOUNT, line_path(1)])
    def test_a_value_that_is_missing(self, path: str) -> None:
        given, secrets = self.market.command(5_000)
        secrets.pop(path)
        with pytest.raises(Invalid, match="amount"):
            self.market.town.give(given, self.market.park, secrets=secrets)


def test_an_agent_settles_within_its_mandate(market: Market) -> None:
    town = market.town
    agent = town.enrol(PartyKind.AGENT, key=True)
    grant = GrantMandate(party=agent, actions=("make-settlement",), until=LATER, currency="CNY", amount_minor_max=100)
    town.give(grant, market.park).require()
    given, secrets = market.command(101)
    assert "moves at most 100 CNY" in town.refusal(town.give(given, agent, for_whom=market.park, secrets=secrets))
    given, secrets = market.command(100)
    town.give(given, agent, for_whom=market.park, secrets=secrets).require()


def test_two_who_settle_one_period_at_once(market: Market) -> None:
    """Between the reading and the writing of the first settlement another one is written."""
    with overtaken(market.town.store, lambda: market.settle(7).require()) as came:
        outcome = market.settle(9)
    assert came() and "found number 1 of" in market.town.refusal(outcome)


def test_a_payee_who_was_erased_is_still_owed(market: Market) -> None:
    town = market.town
    account = market.settle().result()
    given = EraseSubject(party=market.co_author)
    with erasing(town, given):
        town.give(given, market.co_author).require()
    held = town.vault.held(market.park)
    assert town.vault.held(market.co_author) == 0
    market.settle(200_000, since=EARLIER, until=SINCE).require()
    assert town.vault.held(market.co_author) == 0
    assert town.vault.held(market.park) == held + 4, "total, own line, statement, and the line of who was erased"
    assert [len(one.lines) for one in market.account(SettlementId(account)).made] == [4, 4]


class TestManyLines:
    """As many lines as a settlement may have fit into one entry; one more is refused."""

    def crowd(self, market: Market, *people: int) -> tuple[LicenceId, Plan]:
        """Return a licence whose object is derived from works of so many equal holders each."""
        town, objects = market.town, {}
        for birth, many in enumerate(people):
            one, each = ObjectId(town.new_id()), 10_000 // many
            holders = tuple(Holder(party=PartyId(town.new_id()), share_bp=each) for _ in range(many))
            objects[one] = node(one, birth, holders)
        names = list(objects)
        edges = tuple(PlanEdge(child=names[-1], parent=parent, share_bp=1_000) for parent in names[:-1])
        plan = make_plan(names[-1], "CNY", objects.values(), edges)
        return market.licensed(plan), plan

    def test_five_hundred_lines(self, market: Market) -> None:
        licence, plan = self.crowd(market, 100, 100, 100, 100, 100)
        (event,) = market.town.written(market.settle(1_000_000, licence=licence, plan=plan))
        assert isinstance(event, SettlementMade) and len(event.lines) == LINES_MAX

    def test_one_more(self, market: Market) -> None:
        licence, plan = self.crowd(market, 1, 100, 100, 100, 100, 100)
        with pytest.raises(Invalid, match="lines: expected"):
            market.settle(1_000_000, licence=licence, plan=plan)
