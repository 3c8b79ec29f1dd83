"""Valuations over a ledger: by an appraiser who does not hold the object, in three amounts that are the holder's."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Invalid
from domain.events import Sha256
from domain.governance.events import PartyKind, Role
from domain.ids import ObjectId, ValuationId
from domain.rights.valuation import (
    AMOUNTS,
    SupersededBecause,
    SupersedeValuation,
    Valuation,
    ValuationIssued,
    ValuationSuperseded,
)
from producers.settlements import VALUATION
from tests.governance_kit import NOW, Town
from tests.trade_kit import VALUES, amount_json, superseding, valued, valuing


class Office:
    """An object, its holder, and two appraisers."""

    def __init__(self) -> None:
        self.town = Town()
        self.holder = self.town.enrol(PartyKind.ORGANISATION, Role.AUDITOR, key=True)
        self.critic, self.other = (self.town.enrol(PartyKind.PERSON, Role.AUDITOR, key=True) for _ in range(2))
        self.still = self.town.bring(b"a still", self.holder)

    def refused(self, by: Any = None, secrets: Any = VALUES, **changes: Any) -> str:
        given = valuing(self.town, changes.pop("object", self.still), **changes)
        return self.town.refusal(self.town.give(given, by or self.critic, secrets=secrets))


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_value_is_the_holders_secret(office: Office) -> None:
    outcome = office.town.give(valuing(office.town, office.still), office.critic, secrets=VALUES)
    (event,) = office.town.written(outcome)
    assert isinstance(event, ValuationIssued) and event.appraiser == office.critic
    envelope = office.town.application.codec.accept(office.town.store.rows(outcome.first, 1)[0].entry).envelope
    for name in AMOUNTS:
        assert office.town.vault.owner(envelope.event_id, name) == office.holder


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"secrets": {**VALUES, "low": amount_json(1_001)}}, "expected low, point and high in ascending order"),
        ({"secrets": {**VALUES, "high": amount_json(999)}}, "expected low, point and high in ascending order"),
        ({"secrets": {**VALUES, "high": amount_json(1_200, "USD")}}, "expected amounts in CNY, found another"),
        ({"secrets": {**VALUES, "point": 1_000}}, "price: expected an object of currency"),
        ({"currency": "USD"}, "expected amounts in USD"),
        ({"valued_at": NOW + timedelta(seconds=1)}, "valued_at: expected an instant not after now"),
        ({"report": Sha256(bytes(32))}, f"expected the document {bytes(32).hex()} in the blob store"),
    ],
)
def test_what_is_refused(office: Office, changes: dict[str, Any], why: str) -> None:
    size = office.town.store.size()
    assert why in office.refused(**changes) and office.town.store.size() == size


def test_one_amount_alone_is_none(office: Office) -> None:
    with pytest.raises(Invalid, match=r"issue-valuation.*(low|high)"):
        office.refused(secrets={"point": VALUES["point"]})


def test_functions_are_separated(office: Office) -> None:
    assert "expected an appraiser who does not hold the object" in office.refused(by=office.holder)
    assert "issue-valuation denied: expected auditor" in office.refused(by=office.town.holder)
    unknown = ObjectId(office.town.new_id())
    assert f"{unknown} is not an object of this ledger" in office.refused(object=unknown)


def test_a_second_one_supersedes_the_first(office: Office) -> None:
    given = superseding(office.town, office.still, office.critic)
    (event,) = office.town.written(office.town.give(given, office.critic))
    assert event == ValuationSuperseded(by=given.by, reason=SupersededBecause.OUTDATED)
    state: Valuation = office.town.load(given.valuation, VALUATION).state
    assert state.superseded == event
    assert "is superseded already" in office.town.refusal(office.town.give(given, office.critic))
    third = valued(office.town, office.still, office.critic)
    back = SupersedeValuation(valuation=third, by=given.valuation, reason=SupersededBecause.MISTAKE)
    assert "expected a valuation that counts" in office.town.refusal(office.town.give(back, office.critic))


def test_what_may_supersede(office: Office) -> None:
    town = office.town
    elsewhere = valued(town, town.bring(b"another", office.holder), office.critic)
    first, theirs = valued(town, office.still, office.critic), valued(town, office.still, office.other)
    nothing = ValuationId(town.new_id())

    def said(valuation: ValuationId, by: ValuationId) -> str:
        given = SupersedeValuation(valuation=valuation, by=by, reason=SupersededBecause.JUDGMENT)
        return town.refusal(town.give(given, office.critic))

    assert "expected another valuation of the same object" in said(first, elsewhere)
    assert "expected another valuation of the same object" in said(first, first)
    assert "expected another valuation of the same object" in said(first, nothing)
    assert "is not a valuation of this ledger" in said(nothing, first)
    assert f"expected the appraiser {office.other} of the one that counts" in said(first, theirs)
