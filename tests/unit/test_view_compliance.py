"""Where each object stands: given what happened at the gate and to capabilities, then status, cells and intervals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.capability.events import CapabilityReinstated, CapabilityRevoked, CapabilitySuspended, StopReason
from domain.events import Event
from domain.governance.events import LegalHoldLifted, LegalHoldPlaced, PartyEnrolled, PartyKind
from domain.identity.events import (
    Cell,
    DuplicateSubmissionDetected,
    Element,
    IntakeSource,
    Level,
    ObjectAdmitted,
    ObjectQuarantined,
    ObjectRejected,
    ObjectWithdrawn,
    Origin,
    QuarantineLifted,
    TraceSetJudged,
    WithdrawalReason,
)
from domain.ids import PartyId
from projections.compliance import COMPLIANCE, ELEMENTS, HOLD, OBJECT, REVOKED, SUSPENDED, TRACE_SET
from schemas.values import microseconds
from tests.governance_kit import NOW
from tests.view_kit import NOW_US, SOMEBODY, Tale, digest_of, identified, some

STILL, OTHER, ENGINE, PARTY = map(some, range(1, 5))
PAPER = digest_of("reasons")
EARLIER = NOW - timedelta(days=3)


@pytest.fixture
def tale() -> Tale:
    return Tale(COMPLIANCE)


def judged(found: Level = Level.DECLARED, **changes: Any) -> TraceSetJudged:
    """Return a judgement in which each element is asked for as attested and was found at one level."""
    elements = [element for element in Element if element is not Element.UNSPECIFIED]
    cells = tuple(Cell(element=one, required=Level.ATTESTED, found=found, evidence=None) for one in elements)
    fields: dict[str, Any] = {"origin": Origin.IMPORTED, "intake_source": IntakeSource.PRODUCTION_STOCK, "cells": cells}
    return TraceSetJudged(**{**fields, **changes})


def quarantined(*lacking: Element, clause: str = "below its level") -> ObjectQuarantined:
    return ObjectQuarantined(lacking=lacking, clause=clause)


LIFTED = QuarantineLifted(statement=PAPER)
DUPLICATE = DuplicateSubmissionDetected(submission=None)
REINSTATED = CapabilityReinstated(statement=PAPER)


def withdrawn(at: datetime = EARLIER) -> ObjectWithdrawn:
    return ObjectWithdrawn(reason=WithdrawalReason.RIGHTS, effective_at=at)


def suspended(at: datetime = EARLIER, reason: StopReason = StopReason.SECURITY) -> CapabilitySuspended:
    return CapabilitySuspended(reason=reason, statement=PAPER, effective_at=at)


def revoked(at: datetime = EARLIER) -> CapabilityRevoked:
    return CapabilityRevoked(reason=StopReason.LICENCE, statement=PAPER, effective_at=at)


# -- objects ----------------------------------------------------------------------------------------------------------


def test_a_birth_is_identified_and_nothing_more(tale: Tale) -> None:
    at = tale.tell(STILL, identified(project="night-river"))
    assert tale.row(OBJECT, STILL) == {
        "born": at, "holder": SOMEBODY, "project": "night-river", "asset_class": "static", "kind": "image",
        "origin": "imported", "door": "production_stock", "content": digest_of("bytes"), "status": "identified",
        "clause": "", "lacking": (), "lifted": False, "submissions": 1,
    }  # fmt: skip
    assert tale.rows(TRACE_SET) == {}


def test_a_judgement_stands_cell_by_cell_in_the_order_of_the_elements(tale: Tale) -> None:
    first = Cell(element=Element.HASH, required=Level.VERIFIED, found=Level.VERIFIED, evidence=PAPER)
    cells = (first, *judged().cells[1:])
    tale.tell(STILL, identified(), judged(cells=cells))
    rest = len(ELEMENTS) - 1
    assert tale.row(TRACE_SET, STILL) == {
        "required": ("verified", *["attested"] * rest),
        "found": ("verified", *["declared"] * rest),
        "evidence": (PAPER.hex(), *[""] * rest),
    }
    assert tuple(str(cell.element) for cell in cells) == ELEMENTS


def test_the_last_judgement_counts_and_its_origin_and_door(tale: Tale) -> None:
    at = tale.tell(STILL, identified(), judged(Level.MISSING))
    tale.tell(STILL, judged(Level.ATTESTED, origin=Origin.CAPTURED, intake_source=IntakeSource.HERITAGE_FILM))
    row = tale.row(OBJECT, STILL)
    assert (row["origin"], row["door"], row["status"]) == ("captured", "heritage_film", "identified")
    assert set(tale.row(TRACE_SET, STILL)["found"]) == {"attested"}
    assert set(tale.row(TRACE_SET, STILL, as_of=at)["found"]) == {"missing"}
    assert tale.row(OBJECT, STILL, as_of=at)["origin"] == "imported"


def test_an_admitted_object_lacks_nothing(tale: Tale) -> None:
    tale.tell(STILL, identified(), quarantined(Element.MODEL), ObjectAdmitted())
    row = tale.row(OBJECT, STILL)
    assert (row["status"], row["clause"], row["lacking"]) == ("admitted", "", ())


def test_a_quarantined_object_says_what_it_lacks_and_by_which_clause(tale: Tale) -> None:
    tale.tell(STILL, identified(), quarantined(Element.MODEL, Element.JOB, clause="training is missing"))
    row = tale.row(OBJECT, STILL)
    assert (row["status"], row["clause"]) == ("quarantined", "training is missing")
    assert (row["lacking"], row["lifted"]) == (("model", "job"), False)


def test_lifted_and_quarantined_again_is_not_lifted(tale: Tale) -> None:
    tale.tell(STILL, identified(), quarantined(Element.MODEL))
    lifted = tale.tell(STILL, LIFTED)
    again = tale.tell(STILL, quarantined(Element.JOB))
    assert tale.row(OBJECT, STILL, as_of=lifted - 1)["lifted"] is False
    assert tale.row(OBJECT, STILL, as_of=lifted)["lifted"] is True
    assert tale.row(OBJECT, STILL, as_of=lifted)["lacking"] == ("model",)
    row = tale.row(OBJECT, STILL, as_of=again)
    assert (row["lifted"], row["lacking"], row["status"]) == (False, ("job",), "quarantined")
    tale.tell(STILL, LIFTED, ObjectAdmitted())
    assert tale.row(OBJECT, STILL)["status"] == "admitted" and tale.row(OBJECT, STILL)["lifted"] is True


def test_a_rejected_object_says_what_contradicts_what(tale: Tale) -> None:
    tale.tell(STILL, identified(), quarantined(Element.MODEL), ObjectRejected(clause="generated, declared as captured"))
    row = tale.row(OBJECT, STILL)
    assert (row["status"], row["clause"]) == ("rejected", "generated, declared as captured")
    assert row["lacking"] == ()


def test_submissions_are_counted_and_change_nothing_else(tale: Tale) -> None:
    once = tale.tell(STILL, identified(), quarantined(Element.MODEL))
    tale.tell(STILL, DUPLICATE, DUPLICATE, DUPLICATE)
    assert [tale.row(OBJECT, STILL, as_of=at)["submissions"] for at in range(once, once + 4)] == [1, 2, 3, 4]
    before, after = tale.row(OBJECT, STILL, as_of=once), tale.row(OBJECT, STILL)
    assert {**before, "submissions": 4} == after


def test_what_becomes_of_one_object_does_not_touch_another(tale: Tale) -> None:
    tale.tell(STILL, identified())
    tale.tell(OTHER, identified())
    before = tale.row(OBJECT, OTHER)
    tale.tell(STILL, judged(), quarantined(Element.MODEL), DUPLICATE, LIFTED, ObjectAdmitted(), withdrawn())
    assert tale.row(OBJECT, OTHER) == before


def test_a_withdrawal_ends_what_was_lacking_and_begins_an_interval(tale: Tale) -> None:
    tale.tell(STILL, identified(), quarantined(Element.MODEL))
    at = tale.tell(STILL, withdrawn())
    row = tale.row(OBJECT, STILL)
    assert (row["status"], row["clause"], row["lacking"]) == ("withdrawn", "withdrawn: rights", ())
    assert tale.rows(REVOKED) == {(STILL, at): ("object", "rights", microseconds(EARLIER), None)}
    assert tale.rows(REVOKED, as_of=at - 1) == {}


@pytest.mark.parametrize(
    "event",
    [judged(), ObjectAdmitted(), quarantined(), ObjectRejected(clause="no"), LIFTED, DUPLICATE, withdrawn()],
    ids=lambda event: type(event).__name__,
)
def test_an_object_that_was_never_born_stops_the_view(tale: Tale, event: Event) -> None:
    tale.tell(OTHER, identified())
    at = tale.tell(STILL, event)
    assert tale.poison().index == at
    assert tale.poison().reason == f"LookupError: object {STILL} has no row, though it was made before"


# -- what was revoked -------------------------------------------------------------------------------------------------


def test_a_suspension_ends_in_the_world_when_the_reinstatement_was_recorded(tale: Tale) -> None:
    cause = tale.tell(ENGINE, suspended())
    end = NOW_US + 5_000_000
    at = tale.tell(ENGINE, REINSTATED, recorded_at=end)
    interval = ("capability", "security", microseconds(EARLIER))
    assert tale.rows(REVOKED) == {(ENGINE, cause): (*interval, end)}
    assert tale.rows(REVOKED, as_of=cause) == {(ENGINE, cause): (*interval, None)}
    assert tale.rows(SUSPENDED) == {} and tale.rows(SUSPENDED, as_of=at - 1) == {(ENGINE,): (cause,)}


def test_suspended_reinstated_and_suspended_again_are_two_intervals(tale: Tale) -> None:
    first = tale.tell(ENGINE, suspended())
    tale.tell(ENGINE, REINSTATED)
    second = tale.tell(ENGINE, suspended(NOW, StopReason.QUALITY))
    assert tale.rows(REVOKED) == {
        (ENGINE, first): ("capability", "security", microseconds(EARLIER), NOW_US),
        (ENGINE, second): ("capability", "quality", NOW_US, None),
    }
    assert tale.rows(SUSPENDED) == {(ENGINE,): (second,)}
    tale.tell(ENGINE, REINSTATED, recorded_at=NOW_US + 9)
    assert [row[-1] for row in tale.rows(REVOKED).values()] == [NOW_US, NOW_US + 9]


def test_a_revocation_is_for_ever_and_leaves_a_suspension_open(tale: Tale) -> None:
    first = tale.tell(ENGINE, suspended())
    second = tale.tell(ENGINE, revoked(NOW))
    assert tale.rows(REVOKED) == {
        (ENGINE, first): ("capability", "security", microseconds(EARLIER), None),
        (ENGINE, second): ("capability", "licence", NOW_US, None),
    }


def test_a_revocation_alone_suspends_nothing(tale: Tale) -> None:
    tale.tell(ENGINE, revoked())
    assert len(tale.rows(REVOKED)) == 1 and tale.rows(SUSPENDED) == {}


def test_a_reinstatement_of_what_is_not_suspended_stops_the_view(tale: Tale) -> None:
    tale.tell(OTHER, suspended())
    at = tale.tell(ENGINE, REINSTATED)
    expected = f"LookupError: capability {ENGINE} is not suspended, though it was reinstated"
    assert (tale.poison().index, tale.poison().reason) == (at, expected)


def test_the_second_of_two_reinstatements_stops_the_view(tale: Tale) -> None:
    tale.tell(ENGINE, suspended(), REINSTATED)
    assert tale.tell(ENGINE, REINSTATED) == tale.poison().index


@pytest.mark.parametrize("us", [1, 123_457, 999_999])
@pytest.mark.parametrize("year", [1969, 2026, 2500, 9999])
def test_instants_are_exact_to_the_microsecond_in_any_year(tale: Tale, year: int, us: int) -> None:
    instant = datetime(year, 12, 31, 23, 59, 59, us, tzinfo=UTC)
    tale.tell(ENGINE, suspended(instant))
    tale.tell(OTHER, revoked(instant))
    tale.tell(STILL, identified(), withdrawn(instant))
    assert len(tale.rows(REVOKED)) == 3
    for values in tale.rows(REVOKED).values():
        assert values[2] % 1_000_000 == us
        assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=values[2]) == instant


# -- legal holds ------------------------------------------------------------------------------------------------------


def test_a_hold_is_known_by_its_place_in_the_partys_stream(tale: Tale) -> None:
    court, clerk = PartyId(some(50)), PartyId(some(51))
    tale.tell(PARTY, PartyEnrolled(kind=PartyKind.PERSON))
    tale.tell(PARTY, LegalHoldPlaced(matter="(2026) Jing 73 Min Chu 1"), actor=court)
    placed = tale.tell(PARTY, LegalHoldPlaced(matter="(2026) Jing 73 Min Chu 2"), actor=clerk)
    first, second = ("(2026) Jing 73 Min Chu 1", court), ("(2026) Jing 73 Min Chu 2", clerk)
    assert tale.rows(HOLD) == {(PARTY, 2): first, (PARTY, 3): second}
    tale.tell(PARTY, LegalHoldLifted(hold=2))
    assert tale.rows(HOLD) == {(PARTY, 3): second}
    assert tale.rows(HOLD, as_of=placed) == {(PARTY, 2): first, (PARTY, 3): second}


def test_a_lifted_hold_frees_one_party_alone(tale: Tale) -> None:
    for party in (PARTY, OTHER):
        tale.tell(party, LegalHoldPlaced(matter="one"))
    tale.tell(PARTY, LegalHoldLifted(hold=1))
    assert set(tale.rows(HOLD)) == {(OTHER, 1)}
