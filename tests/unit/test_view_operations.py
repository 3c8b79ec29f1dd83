"""What operators and auditors look at: given openings, erasures, resets and refusals, then a row for each."""

import pytest

from domain.evidence.events import LedgerClockReset
from domain.governance.events import ErasureCompleted, FieldOpened, OpeningPurpose, SubjectErased
from domain.identity.events import Element, ObjectAdmitted, ObjectQuarantined, ObjectRejected
from domain.ids import EventId, PartyId
from projections.operations import ERASURE, OPENING, OPERATIONS, REFUSAL, RESET
from tests.view_kit import NOW_US, Tale, some

LIN, OTHER, STILL, LEDGER_STREAM = map(some, range(1, 5))
ERASED = SubjectErased(request=None)


@pytest.fixture
def tale() -> Tale:
    return Tale(OPERATIONS)


def test_each_opening_is_a_row_with_who_saw_it_and_when(tale: Tale) -> None:
    court, event = PartyId(some(70)), EventId(some(71))
    opened = FieldOpened(event=event, path="name", purpose=OpeningPurpose.COURT)
    tale.tell(LIN, opened, actor=court, recorded_at=NOW_US + 1)
    tale.tell(LIN, opened, actor=court, recorded_at=NOW_US + 2)
    seen = (LIN, event, "name", "court", court)
    assert tale.rows(OPENING) == {(0,): (*seen, NOW_US + 1), (1,): (*seen, NOW_US + 2)}


def test_an_erasure_says_when_it_was_asked_for_and_how_much_was_destroyed(tale: Tale) -> None:
    tale.tell(OTHER, ERASED)
    asked = tale.tell(LIN, ERASED)
    at = tale.tell(LIN, ErasureCompleted(values=3))
    assert tale.rows(ERASURE) == {(OTHER,): (0, None, None), (LIN,): (asked, at, 3)}
    assert tale.rows(ERASURE, as_of=asked)[LIN,] == (asked, None, None)


def test_an_erasure_that_destroyed_nothing_is_completed_too(tale: Tale) -> None:
    tale.tell(LIN, ERASED, ErasureCompleted(values=0))
    assert tale.rows(ERASURE) == {(LIN,): (0, 1, 0)}


def test_an_erasure_that_nobody_asked_for_stops_the_view(tale: Tale) -> None:
    tale.tell(OTHER, ERASED)
    assert tale.tell(LIN, ErasureCompleted(values=3)) == tale.poison().index
    assert tale.poison().reason == f"LookupError: erasure of {LIN} has no row, though it was asked for before"


def test_a_clock_reset_says_why(tale: Tale) -> None:
    tale.tell(LEDGER_STREAM, LedgerClockReset(reason="the clock ran ahead"), LedgerClockReset(reason="again"))
    assert tale.rows(RESET) == {(0,): ("the clock ran ahead",), (1,): ("again",)}


def test_every_refusal_of_the_gate_is_a_row_of_its_own(tale: Tale) -> None:
    tale.tell(STILL, ObjectQuarantined(lacking=(Element.MODEL,), clause="model is missing"), ObjectAdmitted())
    tale.tell(STILL, ObjectQuarantined(lacking=(), clause="a hazard"), ObjectRejected(clause="no such model"))
    assert tale.rows(REFUSAL) == {
        (0,): (STILL, "quarantined", "model is missing"),
        (2,): (STILL, "quarantined", "a hazard"),
        (3,): (STILL, "rejected", "no such model"),
    }
