"""Rights as they can be asked of: titles and who owns them, grants with what they allow, what objects rest on.

Nothing here says "in force". Intervals of the world are columns: from when until when a party owned a share, and each
decision by which a title or a grant fell or stands again, with the instant from which it rules (`domain.rights.turns`).
Who must still sign is a column; whether a grant holds is asked of these rows, a position and an instant. A scope is its
RFC 8785 form. What a giver has promised and to whom is in `allocation`, as long as it is promised.

`model_licence` has the licences of weights by the digest of their file, one row for each: what an object that is such a
file lets be made with it. There is no price here, and no name.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.capability.events import VersionSigned
from domain.events import Event
from domain.identity.events import AuthorisationCited
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    RightsRegistered,
)
from domain.rights.grant_events import (
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.scope_json import scope_json
from domain.rights.scope_terms import ScopeTerms, scope_of
from projections.tables import Change, Column, Drop, Kind, New, Put, Rows, Table, Values, standing
from projections.view import Keys, On, Read, View
from schemas.values import microseconds

TITLE: Final = Table(
    "title",
    key=(Column("title", Kind.UUID),),
    columns=(
        Column("work", Kind.BYTES),
        Column("holder", Kind.UUID),
        Column("root", Kind.TEXT),
        Column("claimed", Kind.BIGINT),
        Column("registrations", Kind.BIGINT),
        Column("contests", Kind.BIGINT),
    ),
    indexes=("work", "holder"),
)
SHARE: Final = Table(
    "title_share",
    key=(Column("title", Kind.UUID), Column("party", Kind.UUID)),
    columns=(Column("since", Kind.BIGINT),),
    indexes=("party",),
)
OWNER: Final = Table(
    "title_owner",
    key=(Column("title", Kind.UUID), Column("party", Kind.UUID), Column("since", Kind.BIGINT)),
    columns=(
        Column("share_bp", Kind.BIGINT),
        Column("effective_from_us", Kind.BIGINT),
        Column("effective_to_us", Kind.BIGINT),
    ),
)
GRANT: Final = Table(
    "rights_grant",  # "grant" is a word of SQL
    key=(Column("grant_id", Kind.UUID),),
    columns=(
        Column("kind", Kind.TEXT),
        Column("title", Kind.UUID),
        Column("chain", Kind.TEXTS),
        Column("grantor", Kind.UUID),
        Column("grantee", Kind.UUID),
        Column("scope", Kind.BYTES),
        Column("allocation", Kind.TEXT),
        Column("quota", Kind.BIGINT),
        Column("share_bp", Kind.BIGINT),
        Column("terms", Kind.BYTES),
        Column("recorded", Kind.BIGINT),
        Column("unsigned", Kind.TEXTS),
        Column("accepted", Kind.BOOLEAN),
        Column("declined_by", Kind.UUID),
    ),
    indexes=("title", "grantor", "grantee"),
)
TURN: Final = Table(
    "rights_turn",
    key=(Column("source", Kind.UUID), Column("cause", Kind.BIGINT)),
    columns=(Column("fallen", Kind.BOOLEAN), Column("why", Kind.TEXT), Column("effective_at_us", Kind.BIGINT)),
)
ALLOCATION: Final = Table(
    "allocation",
    key=(Column("giver", Kind.UUID), Column("child", Kind.UUID)),
    columns=(Column("kind", Kind.TEXT), Column("scope", Kind.BYTES), Column("quota", Kind.BIGINT)),
    indexes=("child",),
)
CITATION: Final = Table(
    "citation",
    key=(Column("object", Kind.UUID), Column("grant_id", Kind.UUID)),
    columns=(Column("consent", Kind.BOOLEAN),),
    indexes=("grant_id",),
)
CITED: Final = Table("cited", key=(Column("object", Kind.UUID),), columns=(Column("grants", Kind.TEXTS),))
MODEL_LICENCE: Final = Table(
    "model_licence",
    key=(
        Column("content", Kind.BYTES),
        Column("capability", Kind.UUID),
        Column("number", Kind.BIGINT),
        Column("place", Kind.BIGINT),
    ),
    columns=(Column("component", Kind.TEXT), Column("licence", Kind.TEXT), Column("natures", Kind.TEXTS)),
)
_REGISTRATIONS, _CONTESTS = TITLE.place("registrations"), TITLE.place("contests")
_UNSIGNED: Final = GRANT.place("unsigned")


def scope_bytes(terms: ScopeTerms) -> bytes:
    """Return the RFC 8785 form of a scope."""
    return rfc8785.dumps(scope_json(scope_of(terms)))


# -- titles ------------------------------------------------------------------------------------------------------------


def _claimed(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: RightsClaimed = read.event
    this = read.envelope.stream_id
    changes: list[Change] = [New(TITLE, (this,), (event.work, event.holder, str(event.root), read.index, 0, 0))]
    for one in event.owners:
        changes.append(New(SHARE, (this, one.party), (read.index,)))
        changes.append(New(OWNER, (this, one.party, read.index), (one.share_bp, None, None)))
    return tuple(changes)


def _title(read: Read) -> Keys:
    return ((TITLE, (read.envelope.stream_id,)),)


def _listed(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id,)
    values = standing(TITLE, key, rows)
    return (Put(TITLE, key, TITLE.changed(values, registrations=values[_REGISTRATIONS] + 1)),)


def _contested(read: Read, rows: Rows) -> tuple[Change, ...]:
    """Count a contest in or out; of one that ended, what was decided is a turn."""
    key = (read.envelope.stream_id,)
    values = standing(TITLE, key, rows)
    more = 1 if isinstance(read.event, ClaimContested) else -1
    changed = Put(TITLE, key, TITLE.changed(values, contests=values[_CONTESTS] + more))
    if isinstance(read.event, ClaimContested):
        return (changed,)
    falls = read.event.outcome is Resolution.REJECTED
    return changed, _turn(read, falls, "claim_rejected" if falls else "")


def _parties(read: Read) -> Keys:
    this = read.envelope.stream_id
    return tuple((SHARE, (this, party)) for party in sorted({read.event.giver, read.event.recipient}))


def _transferred(read: Read, rows: Rows) -> tuple[Change, ...]:
    """End what both owned until then, and begin what each owns from the instant on that the transfer says."""
    event: OwnershipTransferred = read.event
    this, at_us = read.envelope.stream_id, microseconds(event.effective_at)
    changes: list[Change] = []
    for party, more in ((event.giver, -event.share_bp), (event.recipient, event.share_bp)):
        before = 0
        share = standing(SHARE, (this, party), rows) if more < 0 else rows.get(SHARE, (this, party))
        if share is not None:
            key = (this, party, share[0])
            values = standing(OWNER, key, rows)
            before = values[0]
            changes.append(Put(OWNER, key, OWNER.changed(values, effective_to_us=at_us)))
        if before + more:
            changes.append(Put(SHARE, (this, party), (read.index,)))
            changes.append(New(OWNER, (this, party, read.index), (before + more, at_us, None)))
        elif share is not None:
            changes.append(Drop(SHARE, (this, party)))
    return tuple(changes)


# -- grants ------------------------------------------------------------------------------------------------------------


def _recorded(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: GrantRecorded = read.event
    values = (
        str(event.kind), event.title, _texts(event.chain), event.grantor, event.grantee,
        scope_bytes(event.scope), str(event.allocation), event.quota, event.share_bp, event.terms, read.index,
        _texts(event.approvals), False, None,
    )  # fmt: skip
    return (New(GRANT, (read.envelope.stream_id,), values),)


def _grant(read: Read) -> Keys:
    return ((GRANT, (read.envelope.stream_id,)),)


def _signed(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id,)
    values: Values = standing(GRANT, key, rows)
    match read.event:
        case GrantApproved(owner=owner):
            unsigned = tuple(one for one in values[_UNSIGNED] if one != str(owner))
            values = GRANT.changed(values, unsigned=unsigned)
        case GrantAccepted():
            values = GRANT.changed(values, accepted=True)
        case GrantDeclined(by=by):
            values = GRANT.changed(values, declined_by=by)
    return (Put(GRANT, key, values),)


def _turned(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    falls = isinstance(read.event, GrantRevoked)
    return (_turn(read, falls, str(read.event.reason) if falls else ""),)


def _turn(read: Read, falls: bool, why: str) -> New:
    return New(TURN, (read.envelope.stream_id, read.index), (falls, why, microseconds(read.event.effective_at)))


def _allocated(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: ScopeAllocated = read.event
    values = (str(event.kind), scope_bytes(event.scope), event.quota)
    return (Put(ALLOCATION, (read.envelope.stream_id, event.child), values),)


def _released(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Drop(ALLOCATION, (read.envelope.stream_id, read.event.child)),)


# -- objects and models ------------------------------------------------------------------------------------------------


def _object(read: Read) -> Keys:
    return ((CITED, (read.envelope.stream_id,)),)


def _cited(read: Read, rows: Rows) -> tuple[Change, ...]:
    """Put the whole list: rows of grants that are cited still stay as they began."""
    event: AuthorisationCited = read.event
    this = read.envelope.stream_id
    before = rows.get(CITED, (this,))
    known = set() if before is None else set(before[0])
    now = _texts(event.grants)
    gone = [Drop(CITATION, (this, UUID(one))) for one in sorted(known - set(now))]
    fresh = [Put(CITATION, (this, one), (one in event.consents,)) for one in event.grants if str(one) not in known]
    return (Put(CITED, (this,), (now,)), *gone, *fresh)


def _licensed(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: VersionSigned = read.event
    this = read.envelope.stream_id
    return tuple(
        Put(MODEL_LICENCE, (weights, this, event.number, place), (term.component, term.licence, _texts(term.natures)))
        for weights in dict.fromkeys(event.weights)
        for place, term in enumerate(event.licences)
    )


def _texts(some: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, some))


_SIGNS: Final[tuple[type[Event], ...]] = (GrantApproved, GrantAccepted, GrantDeclined)
TRADE: Final = View(
    "trade",
    version=1,
    about="titles and their owners, grants with scope and turns, allocations, what objects cite, licences of weights",
    tables=(TITLE, SHARE, OWNER, GRANT, TURN, ALLOCATION, CITATION, CITED, MODEL_LICENCE),
    on=(
        On(RightsClaimed, _claimed),
        On(RightsRegistered, _listed, _title),
        On(ClaimContested, _contested, _title),
        On(ClaimResolved, _contested, _title),
        On(OwnershipTransferred, _transferred, _parties),
        On(GrantRecorded, _recorded),
        *(On(event, _signed, _grant) for event in _SIGNS),
        *(On(event, _turned) for event in (GrantRevoked, GrantReinstated)),
        *(On(event, _allocated) for event in (ScopeAllocated, SubscopeAllocated)),
        *(On(event, _released) for event in (ScopeReleased, SubscopeReleased)),
        On(AuthorisationCited, _cited, _object),
        On(VersionSigned, _licensed),
    ),
)
