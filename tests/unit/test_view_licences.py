"""Licences as a view: given offers, requests, answers, reports and turns, then the rows that say so."""

import json
from dataclasses import replace
from typing import Any

import pytest

from domain.ids import Commitment, ObjectId, RightsGrantId
from domain.rights.codes import territory
from domain.rights.grant_events import AllocationKind
from domain.rights.licence_events import (
    LicenceIssued,
    LicenceOffered,
    LicenceReason,
    LicenceRefused,
    LicenceRequested,
    LicenceResumed,
    LicenceRevoked,
    LicenceSuspended,
    UsageReported,
)
from domain.rights.scope_json import scope_json
from domain.rights.scope_terms import terms_of
from projections.licences import LICENCE, LICENCES, OBJECT, RESTS, TURN, USAGE
from schemas.values import microseconds
from tests.governance_kit import LATER
from tests.grant_kit import BUYER, NOW, PAPER, STUDIO, TERMS
from tests.licence_kit import FILM_OBJECT, FLAT, KEY, NOVEL, TOKEN, USED_FROM
from tests.view_kit import Tale, some

ONE, GRANT = some(1), RightsGrantId(some(2))
PRICE = Commitment(TERMS)
LESS = replace(FLAT, territory=territory("CN"))
OFFERED = LicenceOffered(
    licensor=STUDIO, objects=(NOVEL, FILM_OBJECT), title=None, grant=GRANT, scope=terms_of(FLAT),
    allocation=AllocationKind.ORDINARY, quota=10, price=PRICE, currency="CNY", terms=TERMS, until=LATER,
)  # fmt: skip
REQUESTED = LicenceRequested(licensee=BUYER, key=KEY, scope=terms_of(LESS))
REFUSED = LicenceRefused(clause="licence of the set", component="natures", object=ObjectId(NOVEL), position=40)
ISSUED = LicenceIssued(
    licensee=BUYER, key=KEY, scope=terms_of(LESS), rests_on=(GRANT,), position=41, plan=PAPER, price=PRICE,
    currency="CNY", token=TOKEN,
)  # fmt: skip
USED = UsageReported(since=USED_FROM, until=NOW, units=4, evidence=PAPER)
SUSPENDED = LicenceSuspended(reason=LicenceReason.UNPAID, basis=PAPER, effective_at=NOW)
RESUMED = LicenceResumed(basis=PAPER, effective_at=NOW)
REVOKED = LicenceRevoked(reason=LicenceReason.BREACH, basis=PAPER, effective_at=NOW)
NOW_US = microseconds(NOW)


@pytest.fixture
def tale() -> Tale:
    return Tale(LICENCES)


def told(tale: Tale, *events: Any) -> dict[str, Any]:
    tale.tell(ONE, *events)
    return tale.row(LICENCE, ONE)


def test_an_offer_has_a_row_for_each_object(tale: Tale) -> None:
    row = told(tale, OFFERED)
    assert (row["state"], row["licensor"], row["licensee"], row["rights_grant"]) == ("offered", STUDIO, None, GRANT)
    assert (row["quota"], row["used"], row["price"], row["currency"]) == (10, 0, PRICE, "CNY")
    assert row["offered_until_us"] == microseconds(LATER) and json.loads(row["scope"]) == scope_json(FLAT)
    assert tale.row(OBJECT, NOVEL, ONE) == tale.row(OBJECT, FILM_OBJECT, ONE)


def test_a_request_narrows_it_and_a_refusal_names_its_clause(tale: Tale) -> None:
    row = told(tale, OFFERED, REQUESTED, REFUSED)
    assert (row["state"], row["clause"], row["refused_by"], row["position"]) == (
        "refused",
        "licence of the set",
        NOVEL,
        40,
    )
    assert json.loads(row["scope"]) == scope_json(LESS)
    row = told(tale, REQUESTED)
    assert (row["state"], row["clause"], row["refused_by"]) == ("requested", None, None)


def test_an_issue_says_on_which_grants_it_rests(tale: Tale) -> None:
    row = told(tale, OFFERED, REQUESTED, ISSUED)
    assert (row["state"], row["issued"], row["position"], row["licensee"]) == ("issued", 2, 41, BUYER)
    assert (row["plan"], row["token"]) == (PAPER, TOKEN)
    window = LESS.window
    assert window.since and window.until
    assert (row["since_us"], row["until_us"]) == (microseconds(window.since), microseconds(window.until))
    assert tale.row(RESTS, GRANT, ONE) is not None


def test_usage_adds_up_and_turns_are_kept(tale: Tale) -> None:
    row = told(tale, OFFERED, REQUESTED, ISSUED, USED, USED, SUSPENDED, RESUMED)
    assert (row["used"], row["reported_until_us"], row["state"]) == (8, NOW_US, "issued")
    assert tale.row(USAGE, ONE, 5)["units"] == 4
    assert tale.row(TURN, ONE, 6) == {
        "kind": "suspended", "effective_at_us": NOW_US, "reason": "unpaid", "basis": PAPER,
    }  # fmt: skip
    assert tale.row(TURN, ONE, 7)["reason"] is None
    row = told(tale, REVOKED)
    assert row["state"] == "revoked" and tale.row(TURN, ONE, 8)["kind"] == "revoked"
