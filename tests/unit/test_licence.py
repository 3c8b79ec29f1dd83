"""Given a title, its grants and licences, when a command, then events or a refusal. Each rule is broken once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.capability.events import Nature
from domain.errors import Rejected
from domain.ids import LicenceId, ObjectId, PartyId, RightsGrantId
from domain.rights.codes import territory
from domain.rights.events import Resolution
from domain.rights.grant_events import (
    AllocationKind,
    ReleaseReason,
    RevocationReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.grant_rules import RevokeGrant
from domain.rights.licence import (
    Ended,
    InForce,
    Licence,
    NotYet,
    Offered,
    Refused,
    Requested,
    Suspended,
    standing,
)
from domain.rights.licence_commands import IssueLicence, RefuseLicence, ResumeLicence
from domain.rights.licence_events import LicenceIssued, LicenceRefused
from domain.rights.limits import Limit
from domain.rights.scope import Window
from domain.rights.scope_terms import scope_of, terms_of
from domain.rights.terms import Medium
from domain.rights.title import WHOLE
from domain.rights.title_rules import ContestClaim, ResolveClaim
from tests.governance_kit import ANY, LATER
from tests.grant_kit import (
    BUYER,
    NOW,
    OTHER,
    OWNER,
    PAPER,
    STRANGER,
    STUDIO,
    TERMS,
    TITLE,
    holders,
    party,
)
from tests.licence_kit import (
    FILM_OBJECT,
    FLAT,
    KEY,
    LOOSE,
    NOVEL,
    OTHER_KEY,
    TOKEN,
    USED_FROM,
    Market,
    asking,
    ending,
    issuing,
    offering_licence,
    reporting,
    suspending,
)

DAY = timedelta(days=1)
EXCLUSIVE, SOLE = AllocationKind.EXCLUSIVE, AllocationKind.SOLE
NOWHERE = LicenceId(party(9_999))
UNTIL = FLAT.window.until
assert UNTIL is not None


def refused(market: Market, command: Any, who: PartyId, why: str) -> None:
    before = len(market.log)
    with pytest.raises(Rejected, match=f"{type(command).__name__} refused: .*{why}"):
        market.deal(command, who)
    assert len(market.log) == before


@pytest.fixture
def market() -> Market:
    return Market()


def at(market: Market, name: LicenceId) -> Any:
    return standing(market.licences[name], market.now)


# -- offer -------------------------------------------------------------------------------------------------------------


def test_an_owner_offers_its_work(market: Market) -> None:
    name = market.offer()
    offered = market.licences[name].offered
    assert offered is not None and offered.licensor == OWNER and offered.title == TITLE and offered.grant is None
    assert offered.allocation is AllocationKind.ORDINARY and at(market, name) == Offered()
    assert not market.title.allocated, "an offer promises nothing yet"
    assert market.licences[name].objects == (NOVEL,) and Licence().objects == ()


def test_a_grantee_offers_under_its_grant(market: Market) -> None:
    grant = market.granted()
    name = market.offer(STUDIO, grant=grant, objects=(FILM_OBJECT, NOVEL))
    assert market.licences[name].objects == (NOVEL, FILM_OBJECT), "ascending, each once"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"title": None}, "either your title or your grant"),
        ({"objects": (ObjectId(party(77)),)}, "is not an object of this ledger"),
        ({"objects": (FILM_OBJECT,)}, "expected the work of title"),
        ({"scope": replace(FLAT, window=Window())}, "art. 26"),
        ({"scope": replace(FLAT, window=Window(None, LATER))}, "art. 26"),
        ({"scope": replace(FLAT, window=Window(USED_FROM, NOW))}, "expected an end after now"),
        (
            {"scope": replace(FLAT, window=Window(USED_FROM, LATER + timedelta(microseconds=1)))},
            "whole seconds",
        ),
        ({"scope": replace(FLAT, sublicence_depth=1)}, "a licence is not passed on"),
        ({"price": ANY}, "a price with its currency"),
        ({"currency": "CNY"}, "a price with its currency"),
        ({"price": ANY, "currency": "cny"}, "three capital letters"),
        ({"until": NOW}, "an instant after now"),
        ({"allocation": EXCLUSIVE}, "a grant that all of them sign"),
        ({"allocation": SOLE}, "a grant that all of them sign"),
    ],
)
def test_what_may_not_be_offered(market: Market, changes: dict[str, Any], why: str) -> None:
    refused(market, offering_licence(**changes), OWNER, why)


def test_only_who_has_it_offers_it(market: Market) -> None:
    refused(market, offering_licence(), STRANGER, "expected an owner of title")
    grant = market.granted()
    refused(market, offering_licence(grant=grant), OWNER, "the grantee of")
    refused(market, offering_licence(grant=RightsGrantId(NOWHERE)), STUDIO, "found none in this ledger")
    refused(market, offering_licence(grant=grant, objects=(LOOSE,)), STUDIO, "expected the work of title")
    refused(market, replace(offering_licence(grant=grant), title=TITLE), STUDIO, "found both or neither")
    market.items[NOVEL] = replace(market.items[NOVEL], admitted=False)
    refused(market, offering_licence(), OWNER, "expected objects that are admitted")


def test_nothing_is_offered_beyond_the_grant_or_under_one_that_ended(market: Market) -> None:
    grant = market.granted()
    wide = replace(FLAT, territory=territory("CN", "HK", "US"))
    refused(market, offering_licence(grant=grant, scope=wide), STUDIO, "territory: granted CN, HK; asked CN, HK, US")
    flat = market.granted(scope=FLAT)
    refused(market, offering_licence(grant=flat), STUDIO, "nothing may be passed on")
    open_ = market.record()
    refused(market, offering_licence(grant=open_), STUDIO, "does not bind yet")
    market.say(revoke_grant(grant), OWNER)
    refused(market, offering_licence(grant=grant), STUDIO, "has ended")


def revoke_grant(grant: RightsGrantId) -> RevokeGrant:
    return RevokeGrant(grant=grant, reason=RevocationReason.BREACH, basis=PAPER, effective_at=NOW)


def test_a_sole_owner_may_offer_all_of_it() -> None:
    market = Market(holders(OWNER=10_000))
    name = market.issued(allocation=EXCLUSIVE)
    assert market.title.allocated[0].kind is EXCLUSIVE and market.title.allocated[0].child == name
    refused(market, offering_licence(), OWNER, "overlaps what is allocated exclusive")


# -- request -----------------------------------------------------------------------------------------------------------


def test_somebody_asks_for_less(market: Market) -> None:
    less = replace(FLAT, territory=territory("CN"))
    name = market.offer()
    market.deal(asking(name, less), BUYER)
    requested = market.licences[name].open_request
    assert requested is not None and requested.licensee == BUYER and requested.key == KEY
    assert at(market, name) == Requested()
    market.deal(asking(name), BUYER)
    assert market.licences[name].open_request == replace(requested, scope=terms_of(FLAT)), "a later request stands"


def test_what_may_not_be_asked(market: Market) -> None:
    name = market.offer()
    refused(market, asking(NOWHERE), BUYER, "is not a licence of this ledger")
    refused(market, asking(name, replace(FLAT, media=frozenset({Medium.ONLINE}))), BUYER, "media: granted theatrical")
    refused(market, asking(name, replace(FLAT, window=Window())), BUYER, "art. 26")
    refused(market, asking(name), OWNER, "another party than the licensor")
    refused(market, asking(name, key=OTHER_KEY), BUYER, "one of the 1 keys in force")
    market.deal(asking(name), BUYER)
    refused(market, asking(name), STRANGER, "who waits for an answer")
    market.now = LATER
    assert at(market, name) == Ended(LATER, "offer_passed")
    refused(market, asking(name), BUYER, "the offer has ended")
    refused(market, issuing(name), OWNER, "the offer has ended")


def test_the_licensor_says_no_and_another_may_ask(market: Market) -> None:
    name = market.requested()
    no = RefuseLicence(licence=name, clause="not in this season")
    refused(market, no, OTHER, "licensor: expected")
    (event,) = market.deal(no, OWNER)
    assert event == LicenceRefused(clause="not in this season", component=None, object=None, position=None)
    assert at(market, name) == Refused("not in this season") and market.licences[name].open_request is None
    refused(market, no, OWNER, "a request that waits")
    refused(market, issuing(name), OWNER, "a request that waits")
    market.deal(asking(name), STRANGER)
    assert at(market, name) == Requested()


# -- issue -------------------------------------------------------------------------------------------------------------


def test_an_issue_is_an_allocation_of_the_giver(market: Market) -> None:
    name = market.requested(scope=FLAT)
    issued, allocated = market.deal(issuing(name), OWNER)
    assert isinstance(issued, LicenceIssued) and issued.licensee == BUYER and issued.token == TOKEN
    assert type(allocated) is ScopeAllocated and allocated.child == name and allocated.quota is None
    assert market.title.allocated == (allocated,) and at(market, name) == InForce()
    assert scope_of(issued.scope) == FLAT
    refused(market, issuing(name), OWNER, "is issued already")
    refused(market, asking(name), BUYER, "is issued already")


def test_under_a_grant_its_units_debit_the_grant(market: Market) -> None:
    grant = market.granted(quota=10)
    refused(market, offering_licence(grant=grant), STUDIO, "asked without a quota")
    refused(market, offering_licence(grant=grant, quota=11), STUDIO, "of which 10 are left; asked 11")
    first, second = (market.requested(STUDIO, grant=grant, quota=6) for _ in range(2))
    _, allocated = market.deal(issuing(first), STUDIO)
    assert type(allocated) is SubscopeAllocated and allocated.quota == 6
    refused(market, issuing(second), STUDIO, "of which 4 are left; asked 6")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"who": OTHER}, "licensor: expected"),
        ({"plan": TERMS}, "plan: expected that of an object of the licence in XXX as of entry"),
        ({"price": ANY}, "expected no price"),
        ({"currency": "CNY"}, "expected no price"),
    ],
)
def test_what_the_licensor_must_bring(market: Market, change: dict[str, Any], why: str) -> None:
    name = market.requested()
    who = change.pop("who", OWNER)
    refused(market, issuing(name, **change), who, why)
    priced = market.requested(price=ANY, currency="CNY")
    refused(market, issuing(priced), OWNER, "expected a price in CNY")
    refused(market, issuing(priced, price=ANY, currency="USD"), OWNER, "expected a price in CNY")
    assert isinstance(market.deal(issuing(priced, price=ANY, currency="CNY"), OWNER)[0], LicenceIssued)


RESEARCH = Limit(NOVEL, replace(WHOLE, natures=frozenset({Nature.RESEARCH})), "licence of the training set, clause 2")


def test_what_it_is_made_of_refuses_it_with_the_clause(market: Market) -> None:
    name = market.requested()
    market.limits = (Limit(FILM_OBJECT, WHOLE, "title"), RESEARCH)
    (event,) = market.deal(issuing(name), OWNER)
    assert isinstance(event, LicenceRefused) and event.object == NOVEL and event.component == "natures"
    assert event.clause == (
        "licence of the training set, clause 2: natures: granted research; asked commercial; beyond: commercial"
    )
    assert event.position == len(market.log) - 1 and not market.title.allocated
    assert at(market, name) == Refused(event.clause)


def test_what_is_known_to_be_wrong_comes_before_what_is_not_known(market: Market) -> None:
    name = market.requested()
    market.limits, market.missing = (RESEARCH,), "a title is contested"
    (event,) = market.deal(issuing(name), OWNER)
    assert isinstance(event, LicenceRefused) and "licence of the training set" in event.clause
    market.deal(asking(name), BUYER)
    market.limits = (Limit(NOVEL, WHOLE, "title"),)
    refused(market, issuing(name), OWNER, "derivation: a title is contested")


def test_a_clause_that_is_too_long_is_cut(market: Market) -> None:
    name = market.requested()
    market.limits = (replace(RESEARCH, clause="c" * 3_000),)
    (event,) = market.deal(issuing(name), OWNER)
    assert event.clause == "c" * 2_000


def test_what_ended_meanwhile_refuses_it(market: Market) -> None:
    grant = market.granted()
    name = market.requested()
    market.rests_on = (grant,)
    market.say(revoke_grant(grant), OWNER)
    (event,) = market.deal(issuing(name), OWNER)
    assert isinstance(event, LicenceRefused) and f"grant {grant} has ended at" in event.clause
    for gone, why in ((RightsGrantId(NOWHERE), "is not a grant"), (market.record(), "does not bind yet")):
        market.rests_on = (gone,)
        market.deal(asking(name), BUYER)
        (event,) = market.deal(issuing(name), OWNER)
        assert why in event.clause
    market.rests_on = ()
    market.deal(asking(name), BUYER)
    market.items[NOVEL] = replace(market.items[NOVEL], admitted=False)
    (event,) = market.deal(issuing(name), OWNER)
    assert event.object == NOVEL and "withdrawn" in event.clause


def test_a_key_that_was_withdrawn_gets_no_token(market: Market) -> None:
    name = market.requested()
    market.keys = (OTHER_KEY,)
    (event,) = market.deal(issuing(name), OWNER)
    assert isinstance(event, LicenceRefused) and "key: it is not in force" in event.clause


def test_nothing_is_issued_on_what_is_not_known(market: Market) -> None:
    name = market.requested()
    market.missing = "expected the derivation, found no reader of it"
    refused(market, issuing(name), OWNER, "found no reader of it")
    market.missing, market.token = None, None
    refused(market, issuing(name), OWNER, "no key to sign one")
    market.token, waiting = TOKEN, market.licences[name].open_request
    assert waiting is not None
    market.looked_at = replace(waiting, key=OTHER_KEY)
    refused(market, issuing(name), OWNER, "has changed meanwhile")
    market.looked_at, market.changed = None, (NOVEL, 17)
    refused(market, issuing(name), OWNER, f"{NOVEL} has changed at entry 17, after it was read; issue again")
    market.changed, market.plans = None, (TERMS,)
    refused(market, issuing(name, plan=TERMS), OWNER, "the document")
    market.plans = (PAPER,)
    market.say(ContestClaim(title=TITLE, grounds=PAPER), STRANGER)
    refused(market, issuing(name), OWNER, "contest")


def test_a_title_that_fell_refuses_what_rests_on_it(market: Market) -> None:
    grant = market.granted()
    name = market.requested(STUDIO, grant=grant)
    market.rests_on = (grant,)
    market.say(ContestClaim(title=TITLE, grounds=PAPER), STRANGER)
    command = ResolveClaim(title=TITLE, contest=1, outcome=Resolution.REJECTED, judgment=PAPER, effective_at=NOW)
    market.say(command, BUYER)
    refused(market, issuing(name), STUDIO, "")
    assert market.licences[name].issued is None


# -- usage -------------------------------------------------------------------------------------------------------------


def test_usage_is_reported_period_by_period(market: Market) -> None:
    name = market.issued(quota=10)
    middle = NOW - DAY
    market.deal(reporting(name, 4, until=middle), BUYER)
    assert market.licences[name].used == 4 and market.licences[name].reported_until == middle
    refused(market, reporting(name, 1), BUYER, "is reported already")
    refused(market, reporting(name, 7, since=middle), BUYER, "of which 6 are left; found 7")
    market.deal(reporting(name, 6, since=middle), BUYER)
    assert market.licences[name].used == 10


def test_what_is_no_report(market: Market) -> None:
    waiting, name = market.requested(), market.issued()
    refused(market, reporting(waiting, 1), BUYER, "is not issued")
    refused(market, reporting(name, 1), OWNER, "licensee: expected")
    refused(market, reporting(name, 1, until=NOW + DAY), BUYER, "not after now")
    refused(market, reporting(name, 1, since=NOW), BUYER, "since before until")
    refused(market, reporting(name, 1, since=USED_FROM - DAY), BUYER, "inside the window")
    refused(market, reporting(name, 1, evidence=TERMS), BUYER, "the document")
    market.deal(ending(name, at=NOW - DAY), OWNER)
    refused(market, reporting(name, 1), BUYER, "not after the revocation")
    market.deal(reporting(name, 1, until=NOW - DAY), BUYER)
    market.now = UNTIL + DAY
    refused(market, reporting(name, 1, since=NOW, until=UNTIL + DAY), BUYER, "inside the window")


def test_used_units_do_not_come_back(market: Market) -> None:
    grant = market.granted(quota=10)
    name = market.issued(STUDIO, grant=grant, quota=6)
    market.deal(reporting(name, 4, until=NOW - DAY), BUYER)
    _, released = market.deal(ending(name), STUDIO)
    assert type(released) is SubscopeReleased and released.used == 4 and released.reason is ReleaseReason.REVOKED
    above = market.above(None, grant)
    assert above is not None and above.quota == 6 and not above.live
    refused(market, offering_licence(grant=grant, quota=7), STUDIO, "of which 6 are left")
    _, late = market.deal(reporting(name, 2, since=NOW - DAY), BUYER)
    assert late.used == 2, "what was used before the end and is reported after it"
    again = market.issued(STUDIO, grant=grant, quota=4)
    refused(market, offering_licence(grant=grant, quota=1), STUDIO, "of which 0 are left")
    _, released = market.deal(ending(again), STUDIO)
    assert released.used is None


# -- how it ends -------------------------------------------------------------------------------------------------------


def test_it_rests_and_stands_again(market: Market) -> None:
    name = market.issued()
    resume = ResumeLicence(licence=name, basis=PAPER, effective_at=NOW)
    refused(market, resume, OWNER, "is not suspended")
    refused(market, suspending(name), BUYER, "licensor: expected")
    refused(market, suspending(name, at=NOW + DAY), OWNER, "not after now")
    refused(market, suspending(name, basis=TERMS), OWNER, "the document")
    market.deal(suspending(name), OWNER)
    assert at(market, name) == Suspended(NOW, "unpaid")
    refused(market, suspending(name), OWNER, "is suspended already")
    market.now = NOW + DAY
    refused(market, replace(resume, effective_at=NOW + 2 * DAY), OWNER, "not after now")
    refused(market, replace(resume, basis=TERMS), OWNER, "the document")
    market.deal(replace(resume, effective_at=market.now), OWNER)
    assert at(market, name) == InForce()
    assert standing(market.licences[name], NOW) == Suspended(NOW, "unpaid"), "what was stays"


def test_it_ends_for_good(market: Market) -> None:
    name = market.issued()
    refused(market, ending(name), OTHER, "licensor: expected")
    refused(market, ending(name, at=NOW + DAY), OWNER, "not after now")
    refused(market, ending(name, basis=TERMS), OWNER, "the document")
    refused(market, ending(market.requested()), OWNER, "is not issued")
    _, released = market.deal(ending(name), OWNER)
    assert type(released) is ScopeReleased and released.used is None and not market.title.allocated
    assert at(market, name) == Ended(NOW, "breach") and standing(market.licences[name], NOW - DAY) == InForce()
    for command in (ending(name), suspending(name), ResumeLicence(licence=name, basis=PAPER, effective_at=NOW)):
        refused(market, command, OWNER, "has ended at")


def test_how_it_stands_is_asked_of_an_instant(market: Market) -> None:
    name = market.issued()
    licence = market.licences[name]
    assert standing(licence, USED_FROM - timedelta(microseconds=1)) == NotYet(USED_FROM)
    assert standing(licence, USED_FROM) == InForce()
    assert standing(licence, UNTIL - timedelta(microseconds=1)) == InForce()
    assert standing(licence, UNTIL) == Ended(UNTIL, "window_passed")


def test_what_is_no_licence_has_no_standing(market: Market) -> None:
    with pytest.raises(AssertionError, match="no standing"):
        standing(Licence(), NOW)
    refused(market, IssueLicence(licence=NOWHERE, plan=PAPER), OWNER, "is not a licence of this ledger")
