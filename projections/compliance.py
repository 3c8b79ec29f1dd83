"""Where each object stands: its status at the gate, its traceable set element by element, what was revoked and when.

`revoked` holds intervals of the world: from the instant at which a withdrawal, suspension or revocation takes effect
until it is taken back, if ever. Whether something is impaired is asked of these rows, the genealogy, a position and an
instant; nothing is written for each descendant. Legal holds stand on parties whose secrets they protect. The cells of
a traceable set are one row of arrays, in the order of ELEMENTS.
"""

from typing import Final

from domain.capability.events import CapabilityReinstated, CapabilityRevoked, CapabilitySuspended
from domain.governance.events import LegalHoldLifted, LegalHoldPlaced
from domain.identity.digital_object import Status
from domain.identity.events import (
    DuplicateSubmissionDetected,
    Element,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    ObjectWithdrawn,
    QuarantineLifted,
    TraceSetJudged,
)
from projections.tables import Change, Column, Drop, Kind, New, Put, Rows, Table, Values, standing
from projections.view import Keys, On, Read, View
from schemas.values import microseconds

OBJECT: Final = Table(
    "object",
    key=(Column("object", Kind.UUID),),
    columns=(
        Column("born", Kind.BIGINT),
        Column("holder", Kind.UUID),
        Column("project", Kind.TEXT),
        Column("asset_class", Kind.TEXT),
        Column("kind", Kind.TEXT),
        Column("origin", Kind.TEXT),
        Column("door", Kind.TEXT),
        Column("content", Kind.BYTES),
        Column("status", Kind.TEXT),
        Column("clause", Kind.TEXT),
        Column("lacking", Kind.TEXTS),
        Column("lifted", Kind.BOOLEAN),
        Column("submissions", Kind.BIGINT),
    ),
    indexes=("project", "status"),
)
ELEMENTS: Final = tuple(str(element) for element in Element if element is not Element.UNSPECIFIED)
TRACE_SET: Final = Table(
    "trace_set",
    key=(Column("object", Kind.UUID),),
    columns=(Column("required", Kind.TEXTS), Column("found", Kind.TEXTS), Column("evidence", Kind.TEXTS)),
)
REVOKED: Final = Table(
    "revoked",
    key=(Column("source", Kind.UUID), Column("cause", Kind.BIGINT)),
    columns=(
        Column("what", Kind.TEXT),
        Column("reason", Kind.TEXT),
        Column("effective_from_us", Kind.BIGINT),
        Column("effective_to_us", Kind.BIGINT),
    ),
)
SUSPENDED: Final = Table("suspended", key=(Column("source", Kind.UUID),), columns=(Column("cause", Kind.BIGINT),))
HOLD: Final = Table(
    "legal_hold",
    key=(Column("party", Kind.UUID), Column("hold", Kind.BIGINT)),
    columns=(Column("matter", Kind.TEXT), Column("placed_by", Kind.UUID)),
)
_SUBMISSIONS: Final = OBJECT.place("submissions")
_TO: Final = REVOKED.place("effective_to_us")


def _this(read: Read) -> Keys:
    return ((OBJECT, (read.envelope.stream_id,)),)


def _row(read: Read, rows: Rows) -> Values:
    return standing(OBJECT, (read.envelope.stream_id,), rows)


def _born(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: ObjectIdentified = read.event
    values = (
        read.index, event.holder, event.project, str(event.asset_class), event.kind, str(event.origin),
        str(event.intake_source), event.content.sha256, str(Status.IDENTIFIED), "", (), False, 1,
    )  # fmt: skip
    return (New(OBJECT, (read.envelope.stream_id,), values),)


def _cells(read: Read) -> Keys:
    this = read.envelope.stream_id
    return ((OBJECT, (this,)), (TRACE_SET, (this,)))


def _judged(read: Read, rows: Rows) -> tuple[Change, ...]:
    this, event = read.envelope.stream_id, read.event
    values = OBJECT.changed(_row(read, rows), origin=str(event.origin), door=str(event.intake_source))
    cells = (
        tuple(str(cell.required) for cell in event.cells),
        tuple(str(cell.found) for cell in event.cells),
        tuple(cell.evidence.hex() if cell.evidence else "" for cell in event.cells),
    )
    return Put(OBJECT, (this,), values), Put(TRACE_SET, (this,), cells)


def _stands(read: Read, rows: Rows) -> tuple[Change, ...]:
    event, values = read.event, _row(read, rows)
    match event:
        case ObjectAdmitted():
            values = OBJECT.changed(values, status=str(Status.ADMITTED), clause="", lacking=())
        case ObjectQuarantined():
            lacking = tuple(str(element) for element in event.lacking)
            status = str(Status.QUARANTINED)
            values = OBJECT.changed(values, status=status, clause=event.clause, lacking=lacking, lifted=False)
        case ObjectRejected():
            values = OBJECT.changed(values, status=str(Status.REJECTED), clause=event.clause, lacking=())
        case QuarantineLifted():
            values = OBJECT.changed(values, lifted=True)
        case DuplicateSubmissionDetected():
            values = OBJECT.changed(values, submissions=values[_SUBMISSIONS] + 1)
    return (Put(OBJECT, (read.envelope.stream_id,), values),)


def _withdrawn(read: Read, rows: Rows) -> tuple[Change, ...]:
    this, event = read.envelope.stream_id, read.event
    status, clause = str(Status.WITHDRAWN), f"withdrawn: {event.reason}"
    values = OBJECT.changed(_row(read, rows), status=status, clause=clause, lacking=())
    interval = ("object", str(event.reason), microseconds(event.effective_at), None)
    return Put(OBJECT, (this,), values), New(REVOKED, (this, read.index), interval)


def _stopped(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    this, event = read.envelope.stream_id, read.event
    interval = ("capability", str(event.reason), microseconds(event.effective_at), None)
    began = New(REVOKED, (this, read.index), interval)
    return (began, Put(SUSPENDED, (this,), (read.index,))) if isinstance(event, CapabilitySuspended) else (began,)


def _reinstated(read: Read, rows: Rows) -> tuple[Change, ...]:
    """End the suspension: in the world it ends at the instant at which the reinstatement was recorded."""
    this = read.envelope.stream_id
    suspended = rows.get(SUSPENDED, (this,))
    interval = None if suspended is None else rows.get(REVOKED, (this, suspended[0]))
    if suspended is None or interval is None:
        raise LookupError(f"capability {this} is not suspended, though it was reinstated")
    ended = (*interval[:_TO], read.envelope.recorded_at)
    return Drop(SUSPENDED, (this,)), Put(REVOKED, (this, suspended[0]), ended)


def _held(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    place = (read.envelope.stream_id, read.envelope.stream_version)
    return (New(HOLD, place, (read.event.matter, read.envelope.actor)),)


def _freed(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Drop(HOLD, (read.envelope.stream_id, read.event.hold)),)


COMPLIANCE: Final = View(
    "compliance",
    version=1,
    about="status at the gate, traceable set by element and level, quarantine, what was revoked, legal holds",
    tables=(OBJECT, TRACE_SET, REVOKED, SUSPENDED, HOLD),
    on=(
        On(ObjectIdentified, _born),
        On(TraceSetJudged, _judged, _cells),
        *(
            On(event, _stands, _this)
            for event in (
                ObjectAdmitted,
                ObjectQuarantined,
                ObjectRejected,
                QuarantineLifted,
                DuplicateSubmissionDetected,
            )
        ),
        On(ObjectWithdrawn, _withdrawn, _this),
        On(CapabilitySuspended, _stopped),
        On(CapabilityRevoked, _stopped),
        On(CapabilityReinstated, _reinstated),
        On(LegalHoldPlaced, _held),
        On(LegalHoldLifted, _freed),
    ),
)
