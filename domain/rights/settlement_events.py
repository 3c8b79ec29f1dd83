"""Facts of settlements: what the uses of a licence earned in a period, and who is paid how much of it.

All settlements of a licence stand in one stream, its settlement account, numbered from 1: so that two of them can never
claim one period, and none is reversed twice. Amounts are secrets: each line commits to what its party gets, and the
value lies in the vault under the key of that party; the total lies under the key of the licensor, whose account it is.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A
from typing import Final

from domain.events import Doc, Event, KeyChange, Sha256, fact, value
from domain.ids import Commitment, LicenceId, ObjectId, PartyId

LINES_MAX: Final = 500
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


@fact("edgeprint.rights.SettlementReversed", stream="M")
class SettlementReversed(Event):
    """A settlement is undone: each of its recorded lines counts negatively from here on, and its period is free."""

    number: A[int, Doc("number of the settlement that is undone", low=1, high=SETTLEMENTS_MAX)]
    reason: A[ReversalReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


SETTLEMENT_EVENTS = (SettlementMade, SettlementReversed)
