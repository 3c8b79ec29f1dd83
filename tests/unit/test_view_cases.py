"""Cases as a view: given sightings, notices, answers, judgments, then where each stands and what is due since when."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.compliance.events import Outcome
from domain.ids import PartyId
from projections.cases import CASE, CASES, STEP
from schemas.values import microseconds
from tests.unit.test_infringement import (
    CLOSED,
    COUNTERED,
    DISMISSED,
    ENDED,
    ENDS_AT,
    FACELESS,
    FORWARDED,
    LOST,
    LURKER,
    MATCHED,
    MEASURED,
    NOTIFIED,
    OPENED,
    PAPER,
    RUNNING,
    SEEN,
    SETTLED,
    SITE,
    STILL,
    STUDIO,
    SUED,
    SUED_BACK,
    TAKEN,
    TITLE,
    TOO_LATE,
    UPHELD,
    at,
)
from tests.view_kit import NOW_US, Tale, some

ONE, TWO = some(1), some(2)
END_US = microseconds(ENDS_AT)


@pytest.fixture
def tale() -> Tale:
    return Tale(CASES)


def us(hours: int) -> int:
    return microseconds(at(hours))


def told(tale: Tale, *events: Any) -> dict[str, Any]:
    tale.tell(ONE, *events)
    return tale.row(CASE, ONE)


def test_a_sighting_is_a_row_without_a_claimant(tale: Tale) -> None:
    row = told(tale, SEEN)
    assert (row["state"], row["objects"], row["platform"]) == ("reported", (str(STILL),), SITE)
    assert (row["kept"], row["outcome"]) == (False, "")
    rest = set(row) - {"state", "objects", "platform", "kept", "outcome"}
    assert {row[name] for name in rest} == {None}


def test_a_dismissed_sighting_stays_what_it_was(tale: Tale) -> None:
    row = told(tale, SEEN, DISMISSED)
    assert (row["state"], row["opened"], row["due_at_us"]) == ("dismissed", None, None)


def test_an_opened_case_names_its_parties_and_since_when(tale: Tale) -> None:
    tale.tell(TWO, SEEN)
    row = told(tale, SEEN, MATCHED, OPENED)
    assert (row["claimant"], row["respondent"], row["title"], row["opened"]) == (STUDIO, LURKER, TITLE, 3)
    assert tale.row(CASE, TWO)["state"] == "reported"


def test_a_respondent_who_answers_is_known_from_there_on(tale: Tale) -> None:
    assert told(tale, SEEN, MATCHED, FACELESS, NOTIFIED)["respondent"] is None
    assert told(tale, COUNTERED)["respondent"] == LURKER


def test_a_notice_says_which_platform(tale: Tale) -> None:
    other = PartyId(some(70))
    assert told(tale, SEEN, MATCHED, OPENED, replace(NOTIFIED, platform=other))["platform"] == other


def test_measures_are_an_interval_of_the_world(tale: Tale) -> None:
    row = told(tale, *MEASURED)
    assert (row["measures_from_us"], row["measures_to_us"], row["due_at_us"]) == (us(-7), None, None)
    row = told(tale, COUNTERED, FORWARDED, ENDED)
    assert (row["measures_from_us"], row["measures_to_us"], row["due_at_us"]) == (us(-7), END_US, None)


def test_measures_that_are_taken_again_begin_again(tale: Tale) -> None:
    again = replace(TAKEN, taken_at=ENDS_AT + timedelta(days=9))
    row = told(tale, *RUNNING, ENDED, TOO_LATE, UPHELD, again)
    assert row["measures_from_us"] == microseconds(again.taken_at)
    assert (row["measures_to_us"], row["due_at_us"], row["outcome"]) == (None, None, "upheld")


def test_they_are_due_to_end_when_the_period_has_passed(tale: Tale) -> None:
    row = told(tale, *RUNNING)
    assert (row["period_to_us"], row["due_at_us"], row["kept"]) == (END_US, END_US, False)


@pytest.mark.parametrize("events", [(COUNTERED, FORWARDED, SUED), (SUED, COUNTERED, FORWARDED)])
def test_a_suit_in_time_keeps_them_whenever_it_came(tale: Tale, events: tuple[Any, ...]) -> None:
    row = told(tale, *MEASURED, *events)
    assert (row["kept"], row["due_at_us"], row["period_to_us"]) == (True, None, END_US)


@pytest.mark.parametrize("referral", [TOO_LATE, SUED_BACK])
def test_a_suit_too_late_or_by_the_respondent_keeps_nothing(tale: Tale, referral: Any) -> None:
    row = told(tale, *RUNNING, referral)
    assert (row["state"], row["kept"], row["due_at_us"]) == ("referred", False, END_US)
    assert told(tale, SUED)["kept"] is True and told(tale, referral)["kept"] is True, "once kept, they stay"


def test_measures_after_the_answer_are_due_like_those_before(tale: Tale) -> None:
    row = told(tale, SEEN, MATCHED, OPENED, NOTIFIED, COUNTERED, FORWARDED)
    assert row["due_at_us"] is None
    assert told(tale, TAKEN)["due_at_us"] == END_US


@pytest.mark.parametrize(
    ("judgment", "due_at_us"),
    [(UPHELD, None), (SETTLED, None), (LOST, us(-2)), (replace(LOST, outcome=Outcome.WRONGFUL_NOTICE), us(-2))],
)
def test_a_decision_says_whether_measures_end(tale: Tale, judgment: Any, due_at_us: int | None) -> None:
    row = told(tale, *RUNNING, SUED, judgment)
    assert (row["outcome"], row["decided_at_us"], row["due_at_us"]) == (str(judgment.outcome), us(-2), due_at_us)


def test_what_proves_wrongful_later_was_lost_before(tale: Tale) -> None:
    later = replace(LOST, outcome=Outcome.WRONGFUL_NOTICE, effective_at=at(9))
    row = told(tale, *RUNNING, SUED, LOST, later)
    assert (row["outcome"], row["decided_at_us"], row["due_at_us"]) == ("wrongful_notice", us(-2), us(-2))


def test_nothing_is_due_of_a_closed_case(tale: Tale) -> None:
    row = told(tale, *RUNNING, CLOSED)
    assert (row["state"], row["due_at_us"]) == ("closed", None)


def test_each_step_is_a_row_with_its_instant_and_its_documents(tale: Tale) -> None:
    tale.tell(ONE, SEEN, MATCHED, recorded_at=NOW_US + 7)
    tale.tell(ONE, OPENED, NOTIFIED)
    assert tale.rows(STEP) == {
        (ONE, 1): ("SightingReported", us(-9), (PAPER.hex(),)),
        (ONE, 2): ("MatchConfirmed", NOW_US + 7, (PAPER.hex(),)),
        (ONE, 3): ("CaseOpened", NOW_US, ()),
        (ONE, 4): ("NoticeSent", us(-8), (PAPER.hex(), PAPER.hex())),
    }
    assert set(tale.rows(STEP, as_of=1)) == {(ONE, 1), (ONE, 2)}
    assert tale.rows(CASE, as_of=1)[ONE,][0] == "confirmed"


def test_a_step_of_a_case_that_nobody_reported_stops_the_view(tale: Tale) -> None:
    assert tale.tell(ONE, MATCHED) == tale.poison().index
    assert tale.poison().reason == f"LookupError: infringement {ONE} has no row, though it was made before"
