"""Licences: who may use what, for whom it is sold, what was used; decisions that let it rest or end it, each in a row.

`state` says how far a licence has come: offered, requested, refused, issued, revoked. Whether it is in force is asked
of an instant: the window [since_us, until_us), then of `licence_turn` the last row by number whose `effective_at_us`
has come. Prices stand as commitments; the values are in the vault.
"""

from typing import Any, Final

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
from domain.rights.scope_terms import ScopeTerms
from projections.tables import Change, Column, Kind, New, Put, Rows, Table, standing
from projections.trade import scope_bytes
from projections.view import Keys, On, Read, View
from schemas.values import microseconds

LICENCE: Final = Table(
    "licence",
    key=(Column("licence", Kind.UUID),),
    columns=(
        Column("state", Kind.TEXT),
        Column("licensor", Kind.UUID),
        Column("licensee", Kind.UUID),
        Column("title", Kind.UUID),
        Column("rights_grant", Kind.UUID),  # "grant" is a word of SQL
        Column("allocation", Kind.TEXT),
        Column("quota", Kind.BIGINT),
        Column("used", Kind.BIGINT),
        Column("reported_until_us", Kind.BIGINT),
        Column("scope", Kind.BYTES),
        Column("since_us", Kind.BIGINT),
        Column("until_us", Kind.BIGINT),
        Column("offered_until_us", Kind.BIGINT),
        Column("issued", Kind.BIGINT),
        Column("position", Kind.BIGINT),
        Column("price", Kind.BYTES),
        Column("currency", Kind.TEXT),
        Column("plan", Kind.BYTES),
        Column("token", Kind.BYTES),
        Column("clause", Kind.TEXT),
        Column("refused_by", Kind.UUID),
    ),
    indexes=("licensor", "licensee", "title", "rights_grant"),
)
OBJECT: Final = Table("licence_object", key=(Column("object", Kind.UUID), Column("licence", Kind.UUID)), columns=())
RESTS: Final = Table(
    "licence_rests_on", key=(Column("rights_grant", Kind.UUID), Column("licence", Kind.UUID)), columns=()
)
TURN: Final = Table(
    "licence_turn",
    key=(Column("licence", Kind.UUID), Column("number", Kind.BIGINT)),
    columns=(
        Column("kind", Kind.TEXT),
        Column("effective_at_us", Kind.BIGINT),
        Column("reason", Kind.TEXT),
        Column("basis", Kind.BYTES),
    ),
)
USAGE: Final = Table(
    "licence_usage",
    key=(Column("licence", Kind.UUID), Column("number", Kind.BIGINT)),
    columns=(
        Column("since_us", Kind.BIGINT),
        Column("until_us", Kind.BIGINT),
        Column("units", Kind.BIGINT),
        Column("evidence", Kind.BYTES),
    ),
)
TURNS: Final = {LicenceSuspended: "suspended", LicenceResumed: "resumed", LicenceRevoked: "revoked"}


def _this(read: Read) -> Keys:
    return ((LICENCE, (read.envelope.stream_id,)),)


def _scope(terms: ScopeTerms) -> dict[str, Any]:
    """Return the columns that a scope fills: its RFC 8785 bytes, and its window."""
    window = terms.window
    since, until = (None, None) if window is None else (window.since, window.until)
    return {
        "scope": scope_bytes(terms),
        "since_us": None if since is None else microseconds(since),
        "until_us": None if until is None else microseconds(until),
    }


def _offered(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: LicenceOffered = read.event
    this = read.envelope.stream_id
    nothing: tuple[Any, ...] = (None,) * len(LICENCE.columns)
    values = LICENCE.changed(
        nothing,
        state="offered",
        licensor=event.licensor,
        title=event.title,
        rights_grant=event.grant,
        allocation=str(event.allocation),
        quota=event.quota,
        used=0,
        offered_until_us=microseconds(event.until),
        price=event.price,
        currency=event.currency,
        **_scope(event.scope),
    )
    return (New(LICENCE, (this,), values), *(New(OBJECT, (one, this), ()) for one in event.objects))


def _changed(read: Read, rows: Rows, **changes: Any) -> Change:
    key = (read.envelope.stream_id,)
    return Put(LICENCE, key, LICENCE.changed(standing(LICENCE, key, rows), **changes))


def _requested(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: LicenceRequested = read.event
    cleared = {"clause": None, "refused_by": None}
    return (_changed(read, rows, state="requested", licensee=event.licensee, **cleared, **_scope(event.scope)),)


def _refused(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: LicenceRefused = read.event
    said = {"clause": event.clause, "refused_by": event.object, "position": event.position}
    return (_changed(read, rows, state="refused", **said),)


def _issued(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: LicenceIssued = read.event
    this = read.envelope.stream_id
    changed = _changed(
        read,
        rows,
        state="issued",
        licensee=event.licensee,
        issued=read.index,
        position=event.position,
        price=event.price,
        currency=event.currency,
        plan=event.plan,
        token=event.token,
        **_scope(event.scope),
    )
    return (changed, *(New(RESTS, (grant, this), ()) for grant in event.rests_on))


def _reported(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: UsageReported = read.event
    until_us = microseconds(event.until)
    key = (read.envelope.stream_id, read.envelope.stream_version)
    used = standing(LICENCE, key[:1], rows)[LICENCE.place("used")] + event.units
    row = New(USAGE, key, (microseconds(event.since), until_us, event.units, event.evidence))
    return (_changed(read, rows, used=used, reported_until_us=until_us), row)


def _turned(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: Any = read.event
    reason = None if isinstance(event, LicenceResumed) else str(event.reason)
    key = (read.envelope.stream_id, read.envelope.stream_version)
    row = New(TURN, key, (TURNS[type(event)], microseconds(event.effective_at), reason, event.basis))
    return (row, _changed(read, rows, state="revoked")) if isinstance(event, LicenceRevoked) else (row,)


LICENCES: Final = View(
    "licences",
    version=1,
    about="licences: who may use what, what was used, why one was refused, when one rests or ends",
    tables=(LICENCE, OBJECT, RESTS, TURN, USAGE),
    on=(
        On(LicenceOffered, _offered),
        On(LicenceRequested, _requested, _this),
        On(LicenceRefused, _refused, _this),
        On(LicenceIssued, _issued, _this),
        On(UsageReported, _reported, _this),
        On(LicenceSuspended, _turned),
        On(LicenceResumed, _turned),
        On(LicenceRevoked, _turned, _this),
    ),
)
