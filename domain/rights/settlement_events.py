"""Facts of settlements: what the uses of a licence earned in a period, and who is paid how much of it.

All settlements of a licence stand in one stream, its settlement account, numbered from 1: so that two of them can never
claim one period, and none is reversed twice. Amounts are secrets: each line commits to what its party gets, and the
value lies in the vault under the key of that party; the total lies under the key of the licensor, whose account it is.

A settlement of up to LINES_MAX lines is one entry. A larger one is SettlementMade without lines, and right behind it,
in the same append, SettlementContinued of up to LINES_MAX lines each, which say how many there are in all: a reader who
has seen a part of them knows that. Lines are counted through, and each commitment is made under the event id of
SettlementMade and at the line's place among all of them, as if they stood there.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A
from typing import Final
from uuid import UUID

from domain.events import Doc, Event, KeyChange, Sha256, fact, value
from domain.ids import Commitment, EventId, LicenceId, ObjectId, PartyId

LINES_MAX: Final = 500
"""Lines of one entry; 64 bytes each."""
LINES_IN_ALL_MAX: Final = 40_000
"""Lines of one settlement: 80 entries, and a command of 7 MB as it is signed (docs/adr/0038)."""
SETTLEMENTS_MAX: Final = 1_000
"""Settlements of one licence, those that were reversed included."""


class ReversalReason(StrEnum):
    """Why a settlement is undone."""

    UNSPECIFIED = "unspecified"
    USAGE_CORRECTED = "usage_corrected"
    UNPAID = "unpaid"
    LICENCE_VOID = "licence_void"
    MISTAKE = "mistake"
    JUDGMENT = "judgment"


def account_key(licence: LicenceId) -> str:
    """Return the key of the append for "the settlements of this licence", `settlement/<licence uuid>`."""
    return f"settlement/{licence}"


def line_path(place: int) -> str:
    """Return the place of a line's amount among the secrets of a settlement, counted from 0 through all its entries."""
    return f"lines.{place}.amount"


@value
class SettledLine:
    """What one party gets as title holder of one object."""

    object: A[ObjectId, Doc("the node of the plan")]
    party: A[PartyId, Doc("who gets it, and whose secret the amount is")]
    amount: A[Commitment, Doc("commitment to an object of currency and minor")]


@fact("edgeprint.rights.SettlementMade", stream="M")
class SettlementMade(Event):
    """What a licence earned in a period is divided by the plan that was pinned when the licence was issued."""

    number: A[int, Doc("number of the settlement of this licence, counted from 1", low=1, high=SETTLEMENTS_MAX)]
    licence: A[LicenceId, Doc("which licence")]
    plan: A[Sha256, Doc("SHA-256 of the settlement plan: that of the licence")]
    usage: A[Sha256, Doc("SHA-256 of the usage that is settled, a document in the blob store")]
    since: A[datetime, Doc("first instant of the period, UTC")]
    until: A[datetime, Doc("first instant after it, UTC")]
    currency: A[str, Doc("ISO 4217 code, the licence's", low=3, high=3)]
    amount: A[Commitment, Doc("commitment to an object of currency and minor: all lines together, net of tax")]
    lines: A[
        tuple[SettledLine, ...],
        Doc("who gets what: by descending birth of the object, then by party; none of nothing", high=LINES_MAX),
    ]
    statement: A[Sha256, Doc("SHA-256 of the salted statement, which lies in the vault")]

    def keys(self) -> KeyChange:
        """Take the account of the licence with the first settlement."""
        return KeyChange(take=(account_key(self.licence),) if self.number == 1 else ())


@fact("edgeprint.rights.SettlementContinued", stream="M")
class SettlementContinued(Event):
    """Lines of a settlement that has too many for one entry; it follows SettlementMade, which has none, or another."""

    number: A[int, Doc("number of the settlement", low=1, high=SETTLEMENTS_MAX)]
    made: A[EventId, Doc("event id of its SettlementMade, under which the amounts are committed to")]
    place: A[int, Doc("place of the first of these lines among all, counted from 0", low=0, high=LINES_IN_ALL_MAX - 1)]
    count: A[int, Doc("how many lines the settlement has in all", low=LINES_MAX + 1, high=LINES_IN_ALL_MAX)]
    lines: A[tuple[SettledLine, ...], Doc("the lines from there on, in their order", low=1, high=LINES_MAX)]

    def committed_as(self, event_id: UUID, path: str) -> tuple[UUID, str]:
        """Return the id of SettlementMade and the line's place among all; see the module."""
        del event_id
        return self.made, line_path(self.place + int(path.split(".")[1]))


@fact("edgeprint.rights.SettlementReversed", stream="M")
class SettlementReversed(Event):
    """A settlement is undone: each of its recorded lines counts negatively from here on, and its period is free."""

    number: A[int, Doc("number of the settlement that is undone", low=1, high=SETTLEMENTS_MAX)]
    reason: A[ReversalReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


SETTLEMENT_EVENTS = (SettlementMade, SettlementContinued, SettlementReversed)
