"""Licence: what is offered, who asked, what was issued. Its commands stand in `licence_rules`.

How a licence stands is never stored: `standing` answers it for an instant, by its own events. Whether what it was
issued under stands still is asked of the grants of its derivation.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.ids import ObjectId
from domain.rights.licence_events import (
    LicenceIssued,
    LicenceOffered,
    LicenceRefused,
    LicenceRequested,
    LicenceResumed,
    LicenceRevoked,
    LicenceSuspended,
    UsageReported,
)
from domain.rights.turns import Turn, fallen

LicenceEvent = (
    LicenceOffered
    | LicenceRequested
    | LicenceRefused
    | LicenceIssued
    | UsageReported
    | LicenceSuspended
    | LicenceResumed
    | LicenceRevoked
)


@dataclass(frozen=True, slots=True)
class Licence:
    """The licence as it stands; `offered` is None before it is. `requested` is the last request, `refused` its refusal.

    `used` are the units of all reports, `reported_until` where the last one ends.
    """

    offered: LicenceOffered | None = None
    requested: LicenceRequested | None = None
    refused: LicenceRefused | None = None
    issued: LicenceIssued | None = None
    turns: tuple[Turn, ...] = ()
    revoked: LicenceRevoked | None = None
    used: int = 0
    reported_until: datetime | None = None

    @property
    def open_request(self) -> LicenceRequested | None:
        """Return the request that waits for an answer."""
        return self.requested if self.refused is None and self.issued is None else None

    @property
    def objects(self) -> tuple[ObjectId, ...]:
        """Return what may be used."""
        return () if self.offered is None else self.offered.objects


@dataclass(frozen=True, slots=True)
class Offered:
    """Nobody has asked yet."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody has asked and waits for an answer."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The last request was refused; anybody may ask again."""

    clause: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """It is issued and its window begins later."""

    begins: datetime


@dataclass(frozen=True, slots=True)
class InForce:
    """The licensee may use the objects."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """It rests: since when, and why, a reason of a suspension."""

    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Ended:
    """It is no more: since when, and why: a reason of a revocation, or `window_passed` or `offer_passed`."""

    since: datetime
    why: str


Standing = Offered | Requested | Refused | NotYet | InForce | Suspended | Ended


def standing(licence: Licence, instant: datetime) -> Standing:
    """Return how a licence that was offered stands at an instant, by what is known.

    Raises:
        AssertionError: it was never offered.
    """
    if licence.offered is None:
        raise AssertionError("a licence that was not offered has no standing")
    if licence.issued is None:
        if instant >= licence.offered.until:
            return Ended(licence.offered.until, "offer_passed")
        if licence.refused is not None:
            return Refused(licence.refused.clause)
        return Offered() if licence.requested is None else Requested()
    if licence.revoked is not None and licence.revoked.effective_at <= instant:
        return Ended(licence.revoked.effective_at, str(licence.revoked.reason))
    window = licence.issued.scope.window  # a licence that is issued has both ends
    if window is None or window.since is None or window.until is None:
        raise AssertionError("a licence that was issued has a window with both ends")
    if instant >= window.until:
        return Ended(window.until, "window_passed")
    turn = fallen(licence.turns, instant)
    if turn is not None:
        return Suspended(turn.effective_at, turn.why)
    return NotYet(window.since) if instant < window.since else InForce()


def evolve(licence: Licence, event: LicenceEvent) -> Licence:
    """Return the state after `event`."""
    match event:
        case LicenceOffered():
            return replace(licence, offered=event)
        case LicenceRequested():
            return replace(licence, requested=event, refused=None)
        case LicenceRefused():
            return replace(licence, refused=event)
        case LicenceIssued():
            return replace(licence, issued=event)
        case UsageReported(until=until, units=units):
            return replace(licence, used=licence.used + units, reported_until=until)
        case LicenceSuspended(effective_at=effective_at, reason=reason):
            return replace(licence, turns=(*licence.turns, Turn(effective_at, True, str(reason))))
        case LicenceResumed(effective_at=effective_at):
            return replace(licence, turns=(*licence.turns, Turn(effective_at, False)))
        case LicenceRevoked():
            return replace(licence, revoked=event)
        case _:
            assert_never(event)
