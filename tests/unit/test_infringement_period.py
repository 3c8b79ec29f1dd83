"""The reasonable period as the Civil Code counts days, and the policy that says how many."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.compliance.period import (
    BEIJING,
    BUILT_IN_INFRINGEMENT,
    INFRINGEMENT_POLICY,
    PERIOD_DAYS_MAX,
    parse_infringement,
    period_end,
)
from domain.errors import Invalid
from domain.governance.policies import BUILT_IN, INFRINGEMENT, READERS

INSTANTS = st.datetimes(datetime(1993, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


def test_the_day_of_arrival_does_not_count_and_the_last_one_ends_at_midnight() -> None:
    midnight = datetime(2026, 12, 11, tzinfo=BEIJING)
    for arrived in (datetime(2026, 11, 25, tzinfo=BEIJING), datetime(2026, 11, 25, 23, 59, 59, 999_999, BEIJING)):
        assert period_end(arrived.astimezone(UTC), 15) == midnight
    assert period_end(datetime(2026, 11, 26, tzinfo=BEIJING), 15) == midnight + timedelta(days=1)


def test_the_day_is_that_of_beijing() -> None:
    evening = datetime(2026, 11, 25, 15, 59, tzinfo=UTC)
    assert period_end(evening, 1) == datetime(2026, 11, 26, 16, tzinfo=UTC)
    assert period_end(evening + timedelta(minutes=1), 1) == datetime(2026, 11, 27, 16, tzinfo=UTC)


@given(INSTANTS, st.integers(1, PERIOD_DAYS_MAX))
def test_it_is_never_shorter_than_its_days_nor_longer_by_a_whole_one(arrived: datetime, days: int) -> None:
    end = period_end(arrived, days)
    assert timedelta(days=days) < end - arrived <= timedelta(days=days + 1)
    assert end.astimezone(BEIJING).time() == datetime.min.time() and end.tzinfo is UTC


def test_fifteen_days_are_built_in() -> None:
    assert BUILT_IN_INFRINGEMENT.period_days == 15
    assert BUILT_IN[INFRINGEMENT] == INFRINGEMENT_POLICY and READERS[INFRINGEMENT] is parse_infringement
    assert parse_infringement({**INFRINGEMENT_POLICY, "period_days": 20}).period_days == 20


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "expected the members policy, period_days"),
        ({**INFRINGEMENT_POLICY, "more": 1}, "expected the members policy, period_days"),
        ({**INFRINGEMENT_POLICY, "policy": "edgeprint/infringement/2"}, "policy: expected edgeprint/infringement/1"),
        *(
            ({**INFRINGEMENT_POLICY, "period_days": days}, "period_days: expected 1 to 60")
            for days in (0, -1, PERIOD_DAYS_MAX + 1, "15", True, 15.0, None)
        ),
    ],
)
def test_another_document_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse_infringement(document)
