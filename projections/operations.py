"""What operators and auditors look at: secrets that were opened, erasures, clock resets, what the gate sent back."""

from typing import Final

from domain.evidence.events import LedgerClockReset
from domain.governance.events import ErasureCompleted, FieldOpened, SubjectErased
from domain.identity.events import ObjectQuarantined, ObjectRejected
from projections.tables import Change, Column, Kind, New, Put, Rows, Table
from projections.view import On, Read, View

OPENING: Final = Table(
    "opening",
    key=(Column("index", Kind.BIGINT),),
    columns=(
        Column("subject", Kind.UUID),
        Column("event", Kind.UUID),
        Column("path", Kind.TEXT),
        Column("purpose", Kind.TEXT),
        Column("actor", Kind.UUID),
        Column("recorded_at_us", Kind.BIGINT),
    ),
    indexes=("subject",),
)
ERASURE: Final = Table(
    "erasure",
    key=(Column("subject", Kind.UUID),),
    columns=(Column("asked", Kind.BIGINT), Column("completed", Kind.BIGINT), Column("destroyed", Kind.BIGINT)),
)
RESET: Final = Table("clock_reset", key=(Column("index", Kind.BIGINT),), columns=(Column("reason", Kind.TEXT),))
REFUSAL: Final = Table(
    "refusal",
    key=(Column("index", Kind.BIGINT),),
    columns=(Column("object", Kind.UUID), Column("outcome", Kind.TEXT), Column("clause", Kind.TEXT)),
    indexes=("object",),
)


def _opened(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event, envelope = read.event, read.envelope
    values = (
        envelope.stream_id, event.event, event.path, str(event.purpose), envelope.actor, envelope.recorded_at,
    )  # fmt: skip
    return (New(OPENING, (read.index,), values),)


def _erased(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id,)
    if isinstance(read.event, SubjectErased):
        return (Put(ERASURE, key, (read.index, None, None)),)
    erasure = rows.get(ERASURE, key)
    if erasure is None:
        raise LookupError(f"erasure of {key[0]} has no row, though it was asked for before")
    return (Put(ERASURE, key, (erasure[0], read.index, read.event.values)),)


def _reset(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (New(RESET, (read.index,), (read.event.reason,)),)


def _refused(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    outcome = "rejected" if isinstance(read.event, ObjectRejected) else "quarantined"
    return (New(REFUSAL, (read.index,), (read.envelope.stream_id, outcome, read.event.clause)),)


OPERATIONS: Final = View(
    "operations",
    version=1,
    about="secrets that were opened, erasures, clock resets, what the gate sent back and why",
    tables=(OPENING, ERASURE, RESET, REFUSAL),
    on=(
        On(FieldOpened, _opened),
        On(SubjectErased, _erased),
        On(ErasureCompleted, _erased),
        On(LedgerClockReset, _reset),
        On(ObjectQuarantined, _refused),
        On(ObjectRejected, _refused),
    ),
)
