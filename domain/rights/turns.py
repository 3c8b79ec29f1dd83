"""What stands and falls by decisions that say from which instant on they hold: never a status, always intervals.

Each decision rules from its `effective_at` on and overrules those recorded before it. So at an instant that one counts
which was recorded last of those whose `effective_at` has come. What was known earlier is the same question asked of the
decisions recorded until then: position and instant are two coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import Rejected

CHINESE: Final = {
    "declined": "未获签署",
    "window_passed": "期限届满",
    "offer_passed": "要约期满",
    "claim_rejected": "权属主张被驳回",
    "consent_withdrawn": "撤回同意",
    "grant_ended": "授权已终止",
    "agreement": "合意解除",
    "breach": "违约",
    "unpaid": "未付款",
    "judgment": "裁判",
}
"""Every word for why something has fallen, rests or has ended, in Chinese."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One decision: from an instant on, UTC, it has fallen (`why`, one word), or stands again."""

    effective_at: datetime
    fallen: bool
    why: str = ""


def ruling(turns: Sequence[Turn], instant: datetime) -> Turn | None:
    """Return the decision that rules at an instant, None where none does: then it stands."""
    return next((turn for turn in reversed(turns) if turn.effective_at <= instant), None)


def fallen(turns: Sequence[Turn], instant: datetime) -> Turn | None:
    """Return the decision by which it has fallen at an instant, None where it stands."""
    turn = ruling(turns, instant)
    return turn if turn is not None and turn.fallen else None


def told(why: str) -> str:
    """Return the word for why something has fallen as a sentence says it."""
    return why.replace("_", " ")


def require_past(effective_at: datetime, now: datetime) -> None:
    """Return if an instant is not after the command's. Raises: Rejected."""
    if effective_at > now:
        raise Rejected(
            f"effective_at: expected an instant not after now, {now.isoformat()}, found {effective_at.isoformat()}"
        )
