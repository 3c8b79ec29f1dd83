"""The reasonable period (合理期限): how many days a right holder has to complain or sue, and when they are over.

Civil Code art. 1196 par. 2 gives no number, E-Commerce Law art. 43 says fifteen days, so fifteen is built in; the
policy `infringement` says another number where another law does. Days are counted as the Civil Code counts them: from
the day after the forwarded declaration has arrived (art. 201 par. 1) to midnight of the last (art. 203 par. 2), by the
clock of Beijing. A last day that is a public holiday moves to the next working day (art. 203 par. 1); the calendar of
holidays is decreed year by year, so that is for whoever ends the measures: they may wait, never hurry.

A complete real example of the policy's document:

    {"period_days": 15, "policy": "edgeprint/infringement/1"}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any, Final

from domain.errors import Invalid

POLICY: Final = "edgeprint/infringement/1"
PERIOD_DAYS_MAX: Final = 60
BEIJING: Final = timezone(timedelta(hours=8))
"""China keeps one time all year since 1992."""
INFRINGEMENT_POLICY: Final[dict[str, Any]] = {"policy": POLICY, "period_days": 15}


@dataclass(frozen=True, slots=True)
class InfringementPolicy:
    """How long the reasonable period is, in days."""

    period_days: int


def parse_infringement(document: Mapping[str, Any]) -> InfringementPolicy:
    """Return the policy that `document` states. Raises: Invalid."""
    if set(document) != set(INFRINGEMENT_POLICY):
        wanted = ", ".join(INFRINGEMENT_POLICY)
        raise Invalid(f"expected the members {wanted}, found {', '.join(sorted(document))[:200]}")
    if document["policy"] != POLICY:
        raise Invalid(f"policy: expected {POLICY}, found another")
    days = document["period_days"]
    if type(days) is not int or not 1 <= days <= PERIOD_DAYS_MAX:
        raise Invalid(f"period_days: expected 1 to {PERIOD_DAYS_MAX}, found {str(days)[:60]}")
    return InfringementPolicy(days)


def period_end(arrived_at: datetime, days: int) -> datetime:
    """Return the first instant, in UTC, that no longer lies in a period of `days` after an arrival."""
    arrived_on = arrived_at.astimezone(BEIJING).date()
    return datetime.combine(arrived_on + timedelta(days=days + 1), time(), BEIJING).astimezone(UTC)


BUILT_IN_INFRINGEMENT: Final = parse_infringement(INFRINGEMENT_POLICY)
