"""Infringement cases: where each stands, whose measures stood from when until when, what is due since when, each step.

`due_at_us` is the instant from which measures are to be ended, null while nothing of that is to come: whether it is due
is asked of this column and an instant. What a case may still do stands in `domain.compliance`, which decides.
"""

from typing import Any, Final

from domain.compliance.events import (
    EVENTS,
    CaseClosed,
    CaseOpened,
    CaseReferred,
    CounterNoticeForwarded,
    CounterNoticeReceived,
    JudgmentRecorded,
    MeasuresEnded,
    NoticeSent,
    Outcome,
    SightingReported,
    TakedownConfirmed,
)
from domain.compliance.infringement import LOST, STATUS, documents_of, instant_of_step
from projections.tables import Change, Column, Kind, New, Put, Rows, Table, Values, standing
from projections.view import Keys, On, Read, View
from schemas.values import microseconds

CASE: Final = Table(
    "infringement",  # "case" is a word of SQL
    key=(Column("infringement", Kind.UUID),),
    columns=(
        Column("state", Kind.TEXT),
        Column("claimant", Kind.UUID),
        Column("respondent", Kind.UUID),
        Column("platform", Kind.UUID),
        Column("title", Kind.UUID),
        Column("objects", Kind.TEXTS),
        Column("opened", Kind.BIGINT),
        Column("measures_from_us", Kind.BIGINT),
        Column("measures_to_us", Kind.BIGINT),
        Column("period_to_us", Kind.BIGINT),
        Column("kept", Kind.BOOLEAN),
        Column("outcome", Kind.TEXT),
        Column("decided_at_us", Kind.BIGINT),
        Column("due_at_us", Kind.BIGINT),
    ),
    indexes=("state", "claimant", "respondent", "due_at_us"),
)
STEP: Final = Table(
    "infringement_step",
    key=(Column("infringement", Kind.UUID), Column("number", Kind.BIGINT)),
    columns=(
        Column("type", Kind.TEXT),
        Column("at_us", Kind.BIGINT),
        Column("documents", Kind.TEXTS),
    ),
)


def _this(read: Read) -> Keys:
    return ((CASE, (read.envelope.stream_id,)),)


def _step(read: Read) -> New:
    """Return the row of a step: when it happened, or when it was recorded where the event does not say."""
    at = instant_of_step(read.event)
    at_us = read.envelope.recorded_at if at is None else microseconds(at)
    documents = tuple(one.hex() for one in documents_of(read.event))
    key = (read.envelope.stream_id, read.envelope.stream_version)
    return New(STEP, key, (type(read.event).__name__, at_us, documents))


def _reported(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: SightingReported = read.event
    objects = tuple(str(one.object) for one in event.objects)
    nothing = (None,) * 4
    values = ("reported", None, None, event.platform, None, objects, *nothing, False, "", None, None)
    return New(CASE, (read.envelope.stream_id,), values), _step(read)


def _moved(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id,)
    before = standing(CASE, key, rows)
    values = CASE.changed(before, state=STATUS[type(read.event)], **_learned(read, before))
    return Put(CASE, key, CASE.changed(values, due_at_us=_due_at_us(values))), _step(read)


def _learned(read: Read, before: Values) -> dict[str, Any]:
    """Return the columns that an event says something of."""
    match read.event:
        case CaseOpened(claimant=claimant, respondent=respondent, title=title):
            return {"claimant": claimant, "respondent": respondent, "title": title, "opened": read.index}
        case NoticeSent(platform=platform):
            return {"platform": platform}
        case TakedownConfirmed(taken_at=at):
            return {"measures_from_us": microseconds(at), "measures_to_us": None}
        case CounterNoticeReceived(respondent=respondent):
            return {"respondent": respondent}
        case CounterNoticeForwarded(ends_at=at):
            return {"period_to_us": microseconds(at)}
        case CaseReferred(filed_by=filed_by, notified_at=at):
            ends = before[CASE.place("period_to_us")]
            in_time = filed_by == before[CASE.place("claimant")] and (ends is None or microseconds(at) < ends)
            return {"kept": before[CASE.place("kept")] or in_time}
        case MeasuresEnded(ended_at=at):
            return {"measures_to_us": microseconds(at)}
        case JudgmentRecorded(outcome=outcome, effective_at=at):
            decided = before[CASE.place("decided_at_us")]
            at_us = microseconds(at)
            return {"outcome": str(outcome), "decided_at_us": at_us if decided is None else min(decided, at_us)}
        case _:
            return {}


def _due_at_us(values: Values) -> int | None:
    """Return since when measures are to be ended: a decision against the claim, or a period that was let pass."""
    found = {column.name: value for column, value in zip(CASE.columns, values, strict=True)}
    stand = found["measures_from_us"] is not None and found["measures_to_us"] is None
    if not stand or found["state"] == STATUS[CaseClosed]:
        return None
    if found["outcome"]:
        lost = Outcome(found["outcome"]) in LOST
        return int(found["decided_at_us"]) if lost else None
    return None if found["kept"] or found["period_to_us"] is None else int(found["period_to_us"])


CASES: Final = View(
    "cases",
    version=1,
    about="infringement cases: where each stands, whose measures stand, what is due since when, each step",
    tables=(CASE, STEP),
    on=(
        On(SightingReported, _reported),
        *(On(event, _moved, _this) for event in EVENTS if event is not SightingReported),
    ),
)
