"""Settlements and their reversal over a ledger: the licensor's account, the plan's lines, each amount its party's."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.commitment import verify_opening
from domain.errors import Conflict, Invalid, Rejected
from domain.events import Sha256
from domain.governance.authority import Amount
from domain.governance.events import PartyKind
from domain.governance.party import GrantMandate
from domain.governance.subject import EraseSubject
from domain.ids import LicenceId, ObjectId, PartyId, SettlementId
from domain.rights.settlement import Holder, Plan, PlanEdge, settle
from domain.rights.settlement_events import (
    LINES_IN_ALL_MAX,
    SettlementContinued,
    SettlementMade,
    SettlementReversed,
    line_path,
)
from domain.rights.settlement_rules import AMOUNT, Facts, Settlement, decide
from infra.vault.erasure import erasing
from infra.vault.opening import check_opening, opening_document
from producers.commands import Outcome
from producers.licences import LICENCE
from producers.secrets import places
from schemas.codec import Decoded
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


CROWDS = {500: (100,) * 5, 501: (1, *(100,) * 5), 1_000: (100,) * 10, 1_001: (1, *(100,) * 10)}
"""Holders of the works that an object is made from, by the lines of a settlement."""
PARTS = {500: [], 501: [500, 1], 1_000: [500, 500], 1_001: [500, 500, 1]}
"""Lines of the entries behind the first, by the lines of a settlement."""


class TestManyLines:
    """What fits one entry is one; what does not is several in one append, and one settlement to everybody."""

    def settled(self, market: Market, lines: int, minor: int = 1_000_003) -> tuple[Outcome[Any], list[Decoded]]:
        licence, plan = market.crowd(*CROWDS[lines])
        outcome = market.settle(minor, licence=licence, plan=plan)
        outcome.require()
        rows = market.town.store.rows(outcome.first, outcome.last - outcome.first + 1)
        return outcome, [market.town.application.codec.accept(row.entry) for row in rows]

    @pytest.mark.parametrize(("lines", "parts"), PARTS.items())
    def test_lines_are_cut_and_none_is_lost(self, market: Market, lines: int, parts: list[int]) -> None:
        outcome, (first, *more) = self.settled(market, lines)
        made, event_id = first.event, first.envelope.event_id
        assert isinstance(made, SettlementMade) and len(made.lines) == (0 if parts else lines)
        place = 0
        for one in more:
            assert isinstance(one.event, SettlementContinued)
            assert (one.event.number, one.event.made, one.event.count) == (made.number, event_id, lines)
            assert (one.event.place, one.envelope.stream_id) == (place, outcome.result())
            place += len(one.event.lines)
        assert [len(one.event.lines) for one in more] == parts
        found = {}
        for entry in (first, *more):
            for own, commitment in places((AMOUNT, "lines.*.amount"), entry.event):
                under, path = entry.event.committed_as(entry.envelope.event_id, own)
                opening = market.town.vault.open(under, path)
                verify_opening(commitment, event_id, path, opening.salt, opening.value)
                found[path] = json.loads(opening.value)["minor"]
        assert list(found) == [AMOUNT, *map(line_path, range(lines))]
        assert found.pop(AMOUNT) == sum(found.values()) == 1_000_003

    def test_each_amount_is_its_partys(self, market: Market) -> None:
        _, (first, *more) = self.settled(market, 501)
        payees = [line.party for one in more for line in one.event.lines]
        assert len(set(payees)) == 501
        for place, payee in enumerate(payees):
            assert market.town.vault.owner(first.envelope.event_id, line_path(place)) == payee

    def test_given_again_it_is_the_same(self, market: Market) -> None:
        licence, plan = market.crowd(*CROWDS[501])
        given, secrets = market.command(1_000_003, licence=licence, plan=plan)
        name = market.town.new_id()
        first, again = (market.town.give(given, market.park, command_id=name, secrets=secrets) for _ in range(2))
        assert again.repeated and (again.first, again.last) == (first.first, first.last)
        assert first.last == first.first + 2

    def test_two_at_once_leave_one_whole(self, market: Market) -> None:
        licence, plan = market.crowd(*CROWDS[501])
        with overtaken(market.town.store, lambda: market.settle(7, licence=licence, plan=plan).require()) as came:
            size = market.town.store.size()
            outcome = market.settle(1_000_003, licence=licence, plan=plan)
        assert came() and "found number 1 of" in market.town.refusal(outcome)
        assert market.town.store.size() == size + 1, "the other one, which is one entry"

    def test_it_is_reversed_and_its_period_settled_again(self, market: Market) -> None:
        licence, plan = market.crowd(*CROWDS[501])
        account = market.settle(1_000_003, licence=licence, plan=plan).result()
        (undone,) = market.town.written(market.reverse(account))
        assert isinstance(undone, SettlementReversed)
        again = market.town.written(market.settle(1_000_003, licence=licence, plan=plan))
        assert [one.number for one in again if isinstance(one, SettlementMade | SettlementContinued)] == [2, 2, 2]

    def test_one_line_with_another_amount_beyond_the_first_entry(self, market: Market) -> None:
        licence, plan = market.crowd(*CROWDS[501])
        right = settle(plan, Amount("CNY", 1_000_003))
        wrong = altered(right, 500, right.lines[500].minor + 1)
        said = market.town.refusal(market.settle(0, licence=licence, plan=plan, settled=wrong, stated=right))
        assert "line 500: expected the amount that the plan gives" in said

    def test_an_opening_beyond_the_first_entry_proves_itself_against_its_own(self, market: Market) -> None:
        outcome, (first, *_, last) = self.settled(market, 1_001)
        market.town.vault.open(first.envelope.event_id, line_path(1_000))
        entry = market.town.store.rows(outcome.last, 1)[0].entry
        opening = market.town.vault.open(*last.event.committed_as(last.envelope.event_id, line_path(0)))
        document = opening_document(outcome.last, last, line_path(0), opening)
        assert (document["event_id"], document["path"]) == (str(last.envelope.event_id), line_path(0))
        assert check_opening(json.dumps(document).encode(), entry) == document
        before = market.town.store.rows(outcome.last - 1, 1)[0].entry
        with pytest.raises(Invalid, match="the entry is event"):
            check_opening(json.dumps(document).encode(), before)

    def test_more_lines_than_a_settlement_may_have(self, market: Market) -> None:
        people = tuple(Holder(party=PartyId(UUID(int=n)), share_bp=100) for n in range(100))
        names = [ObjectId(UUID(int=n)) for n in range(LINES_IN_ALL_MAX // 100 + 1)]
        edges = tuple(PlanEdge(child=names[-1], parent=one, share_bp=10) for one in names[:-1])
        plan = Plan(
            currency="CNY",
            sold=names[-1],
            nodes=tuple(node(one, birth, people) for birth, one in enumerate(names)),
            edges=edges,
        )
        given, _ = market.command(5)
        given = replace(given, lines=())
        facts = Facts(
            who=market.park,
            now=NOW,
            licence=market.town.load(market.licence, LICENCE).state,
            plan=plan,
            values={AMOUNT: amount_json(10**9)},
            documents=frozenset({market.usage}),
        )
        with pytest.raises(Rejected, match="expected at most 40000 lines, found 40100"):
            decide(Settlement(), given, facts)


def test_a_payee_who_is_erased_between_the_look_and_the_decision(market: Market) -> None:
    """Under whose key an amount lies was decided by that look: nothing is settled by it, and the next one is right."""
    town = market.town

    def erase() -> None:
        given = EraseSubject(party=market.co_author)
        with erasing(town, given):
            town.give(given, market.co_author).require()

    with overtaken(town.store, erase) as came:
        outcome = market.settle(123_457)
    assert came() and "a payee was erased meanwhile" in town.refusal(outcome)
    assert isinstance(outcome.error, Conflict) and not town.store.key_holders([f"settlement/{market.licence}"])
    market.settle(123_457).require()
