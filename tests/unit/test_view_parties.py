"""Parties as they stand: given their events, then keys, roles, mandates, memberships, and which policy decides."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.events import Event
from domain.governance.events import (
    ErasureCompleted,
    KeyBound,
    KeyEnd,
    KeyWithdrawn,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    PartyEnrolled,
    PartyKind,
    PolicyActivated,
    PolicyApproved,
    PolicyDrafted,
    Role,
    RoleAssigned,
    RoleWithdrawn,
    SubjectErased,
)
from domain.ids import PartyId
from projections.parties import ACTIVE, KEY, MANDATE, MEMBER, PARTIES, PARTY, POLICY, ROLE
from schemas.values import microseconds
from tests.governance_kit import LATER
from tests.view_kit import Tale, digest_of, some

LIN, AGENT, GUILD, RULES, OTHER = map(some, range(1, 6))
PERSON = PartyEnrolled(kind=PartyKind.PERSON)
ERASED, COMPLETED = SubjectErased(request=None), ErasureCompleted(values=3)
FIRST, SECOND = "lin+1+aaaa", "lin+2+bbbb"


@pytest.fixture
def tale() -> Tale:
    return Tale(PARTIES)


def mandate(**changes: Any) -> MandateGranted:
    fields: dict[str, Any] = {
        "principal": PartyId(GUILD), "actions": ("draft-policy", "enrol-party"), "projects": ("night-river",),
        "currency": "CNY", "amount_minor_max": 500_000, "until": LATER,
    }  # fmt: skip
    return MandateGranted(**{**fields, **changes})


def drafted(version: int) -> PolicyDrafted:
    return PolicyDrafted(name="trace-set", version=version, document="{}")


def approved(version: int) -> PolicyApproved:
    return PolicyApproved(version=version, document_sha256=digest_of("{}"))


def activated(version: int) -> PolicyActivated:
    return PolicyActivated(version=version)


def test_a_party_is_what_it_was_enrolled_as(tale: Tale) -> None:
    tale.tell(LIN, PERSON)
    at = tale.tell(AGENT, PartyEnrolled(kind=PartyKind.AGENT))
    assert tale.rows(PARTY) == {(LIN,): (0, "person", ""), (AGENT,): (at, "agent", "")}


def test_an_erasure_is_asked_for_then_completed(tale: Tale) -> None:
    at = tale.tell(LIN, PERSON)
    tale.tell(LIN, ERASED, COMPLETED)
    assert [tale.rows(PARTY, as_of=index)[LIN,] for index in range(at, at + 3)] == [
        (at, "person", ""),
        (at, "person", "asked"),
        (at, "person", "completed"),
    ]


def test_a_withdrawn_key_says_since_when_it_was_bound_and_why_it_signs_no_more(tale: Tale) -> None:
    at = tale.tell(LIN, PERSON, KeyBound(key=FIRST))
    tale.tell(LIN, KeyBound(key=SECOND), KeyWithdrawn(key=FIRST, reason=KeyEnd.LOST))
    assert tale.rows(KEY) == {(LIN, FIRST): (at, "lost"), (LIN, SECOND): (at + 1, None)}
    assert tale.rows(KEY, as_of=at + 1) == {(LIN, FIRST): (at, None), (LIN, SECOND): (at + 1, None)}


def test_a_role_stands_until_it_is_withdrawn(tale: Tale) -> None:
    at = tale.tell(LIN, RoleAssigned(role=Role.CLERK), RoleAssigned(role=Role.AUDITOR))
    tale.tell(GUILD, RoleAssigned(role=Role.CLERK))
    gone = tale.tell(LIN, RoleWithdrawn(role=Role.CLERK))
    assert set(tale.rows(ROLE)) == {(LIN, "auditor"), (GUILD, "clerk")}
    assert set(tale.rows(ROLE, as_of=gone - 1)) == {(LIN, "auditor"), (LIN, "clerk"), (GUILD, "clerk")}
    tale.tell(LIN, RoleAssigned(role=Role.CLERK))
    assert (LIN, "clerk") in tale.rows(ROLE) and (LIN, "clerk") not in tale.rows(ROLE, as_of=gone)
    assert (LIN, "clerk") in tale.rows(ROLE, as_of=at)


def test_a_mandate_is_known_by_its_place_in_the_agents_stream(tale: Tale) -> None:
    tale.tell(AGENT, PartyEnrolled(kind=PartyKind.AGENT), mandate(), mandate(currency=None, amount_minor_max=None))
    assert tale.row(MANDATE, AGENT, 2) == {
        "principal": GUILD, "actions": ("draft-policy", "enrol-party"), "projects": ("night-river",),
        "currency": "CNY", "amount_minor_max": 500_000, "until_us": microseconds(LATER), "revoked": False,
    }  # fmt: skip
    assert tale.row(MANDATE, AGENT, 3)["currency"] is None


def test_a_revoked_mandate_keeps_its_limits(tale: Tale) -> None:
    tale.tell(AGENT, mandate(), mandate(projects=()))
    before = tale.row(MANDATE, AGENT, 1)
    tale.tell(AGENT, MandateRevoked(mandate=1))
    assert tale.row(MANDATE, AGENT, 1) == {**before, "revoked": True}
    assert tale.row(MANDATE, AGENT, 2)["revoked"] is False
    assert tale.row(MANDATE, AGENT, 1, as_of=1) == before


@pytest.mark.parametrize("year", [2027, 2300, 9999])
def test_the_end_of_a_mandate_is_exact(tale: Tale, year: int) -> None:
    until = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    tale.tell(AGENT, mandate(until=until))
    assert tale.row(MANDATE, AGENT, 1)["until_us"] == microseconds(until)
    assert tale.row(MANDATE, AGENT, 1)["until_us"] % 1_000_000 == 999_999


def test_a_membership_declared_again_has_the_last_statement(tale: Tale) -> None:
    at = tale.tell(LIN, MembershipDeclared(community="cn.film-heritage", statement=None))
    tale.tell(LIN, MembershipDeclared(community="cn.film-heritage", statement=digest_of("signed")))
    tale.tell(LIN, MembershipDeclared(community="cn.weights", statement=None))
    key = (LIN, "cn.film-heritage")
    assert tale.rows(MEMBER) == {key: (digest_of("signed"),), (LIN, "cn.weights"): (None,)}
    assert tale.rows(MEMBER, as_of=at) == {key: (None,)}


def test_a_draft_decides_nothing(tale: Tale) -> None:
    tale.tell(RULES, drafted(1), drafted(2), approved(1))
    assert tale.rows(POLICY) == {(RULES, 1): ("trace-set", True, False), (RULES, 2): ("trace-set", False, False)}
    assert tale.rows(ACTIVE) == {}


def test_the_second_activation_ends_the_first(tale: Tale) -> None:
    first = tale.tell(RULES, drafted(1), approved(1), activated(1))
    second = tale.tell(RULES, drafted(2), approved(2), activated(2))
    assert tale.rows(POLICY) == {(RULES, 1): ("trace-set", True, False), (RULES, 2): ("trace-set", True, True)}
    assert tale.rows(ACTIVE) == {(RULES,): (2,)}
    assert tale.rows(POLICY, as_of=first) == {(RULES, 1): ("trace-set", True, True)}
    assert [tale.rows(ACTIVE, as_of=index) for index in (first - 1, first, second)] == [
        {},
        {(RULES,): (1,)},
        {(RULES,): (2,)},
    ]


def test_an_earlier_version_may_decide_again(tale: Tale) -> None:
    tale.tell(RULES, drafted(1), approved(1), activated(1), drafted(2), approved(2), activated(2), activated(1))
    assert [row[2] for _, row in sorted(tale.rows(POLICY).items())] == [True, False]
    assert tale.rows(ACTIVE) == {(RULES,): (1,)}


def test_at_every_index_the_active_version_is_the_one_marked_active(tale: Tale) -> None:
    tale.tell(RULES, drafted(1), approved(1), activated(1), drafted(2), approved(2), activated(2), drafted(3))
    tale.tell(OTHER, drafted(1), approved(1), activated(1))
    end = tale.tell(RULES, activated(1), approved(3), activated(3))
    for index in range(end + 1):
        marked = {key for key, values in tale.rows(POLICY, as_of=index).items() if values[2]}
        assert marked == {(*key, *values) for key, values in tale.rows(ACTIVE, as_of=index).items()}


def test_an_approval_after_the_activation_leaves_it_active(tale: Tale) -> None:
    tale.tell(RULES, drafted(1), approved(1), activated(1), approved(1))
    assert tale.rows(POLICY) == {(RULES, 1): ("trace-set", True, True)}


NEVER_MADE = {
    "asked to be erased": ERASED,
    "erased": COMPLETED,
    "key": KeyWithdrawn(key=SECOND, reason=KeyEnd.LOST),
    "mandate": MandateRevoked(mandate=9),
    "approved": approved(9),
    "activated": activated(9),
}


@pytest.mark.parametrize("event", NEVER_MADE.values(), ids=NEVER_MADE.keys())
def test_what_rests_on_something_never_made_stops_the_view(tale: Tale, event: Event) -> None:
    tale.tell(OTHER, PERSON, KeyBound(key=FIRST), mandate(), drafted(1), approved(1), activated(1))
    tale.tell(LIN, KeyBound(key=FIRST), drafted(1))
    at = tale.tell(LIN, event)
    assert tale.poison().index == at
    assert tale.poison().reason.startswith("LookupError: ") and "made before" in tale.poison().reason
