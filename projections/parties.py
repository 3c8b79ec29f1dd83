"""Parties as they stand: what they are, their keys, roles, mandates and memberships; policies and which one decides."""

from typing import Final

from domain.governance.events import (
    ErasureCompleted,
    KeyBound,
    KeyWithdrawn,
    MandateGranted,
    MandateRevoked,
    MembershipDeclared,
    PartyEnrolled,
    PolicyActivated,
    PolicyApproved,
    PolicyDrafted,
    RoleAssigned,
    RoleWithdrawn,
    SubjectErased,
)
from projections.tables import Change, Column, Drop, Kind, New, Put, Rows, Table, standing
from projections.view import On, Read, View
from schemas.values import microseconds

PARTY: Final = Table(
    "party",
    key=(Column("party", Kind.UUID),),
    columns=(Column("enrolled", Kind.BIGINT), Column("kind", Kind.TEXT), Column("erasure", Kind.TEXT)),
)
KEY: Final = Table(
    "signing_key",
    key=(Column("party", Kind.UUID), Column("key", Kind.TEXT)),
    columns=(Column("bound", Kind.BIGINT), Column("withdrawn", Kind.TEXT)),
)
ROLE: Final = Table("role", key=(Column("party", Kind.UUID), Column("role", Kind.TEXT)), columns=())
MANDATE: Final = Table(
    "mandate",
    key=(Column("party", Kind.UUID), Column("mandate", Kind.BIGINT)),
    columns=(
        Column("principal", Kind.UUID),
        Column("actions", Kind.TEXTS),
        Column("projects", Kind.TEXTS),
        Column("currency", Kind.TEXT),
        Column("amount_minor_max", Kind.BIGINT),
        Column("until_us", Kind.BIGINT),
        Column("revoked", Kind.BOOLEAN),
    ),
    indexes=("principal",),
)
MEMBER: Final = Table(
    "membership",
    key=(Column("party", Kind.UUID), Column("community", Kind.TEXT)),
    columns=(Column("statement", Kind.BYTES),),
)
POLICY: Final = Table(
    "policy",
    key=(Column("policy", Kind.UUID), Column("version", Kind.BIGINT)),
    columns=(Column("name", Kind.TEXT), Column("approved", Kind.BOOLEAN), Column("active", Kind.BOOLEAN)),
)
ACTIVE: Final = Table("active_policy", key=(Column("policy", Kind.UUID),), columns=(Column("version", Kind.BIGINT),))


def _enrolled(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (New(PARTY, (read.envelope.stream_id,), (read.index, str(read.event.kind), "")),)


def _erased(read: Read, rows: Rows) -> tuple[Change, ...]:
    this = read.envelope.stream_id
    enrolled, kind, _ = standing(PARTY, (this,), rows)
    said = "asked" if isinstance(read.event, SubjectErased) else "completed"
    return (Put(PARTY, (this,), (enrolled, kind, said)),)


def _bound(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Put(KEY, (read.envelope.stream_id, read.event.key), (read.index, None)),)


def _unbound(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id, read.event.key)
    bound, _ = standing(KEY, key, rows)
    return (Put(KEY, key, (bound, str(read.event.reason))),)


def _assigned(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Put(ROLE, (read.envelope.stream_id, str(read.event.role)), ()),)


def _unassigned(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Drop(ROLE, (read.envelope.stream_id, str(read.event.role))),)


def _mandated(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: MandateGranted = read.event
    until_us = microseconds(event.until)
    limits = (event.principal, event.actions, event.projects, event.currency, event.amount_minor_max, until_us, False)
    return (New(MANDATE, (read.envelope.stream_id, read.envelope.stream_version), limits),)


def _revoked(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id, read.event.mandate)
    return (Put(MANDATE, key, MANDATE.changed(standing(MANDATE, key, rows), revoked=True)),)


def _joined(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Put(MEMBER, (read.envelope.stream_id, read.event.community), (read.event.statement,)),)


def _drafted(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Put(POLICY, (read.envelope.stream_id, read.event.version), (read.event.name, False, False)),)


def _approved(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id, read.event.version)
    name, _, active = standing(POLICY, key, rows)
    return (Put(POLICY, key, (name, True, active)),)


def _activated(read: Read, rows: Rows) -> tuple[Change, ...]:
    this, version = read.envelope.stream_id, read.event.version
    before = rows.get(ACTIVE, (this,))
    changes: list[Change] = [Put(ACTIVE, (this,), (version,))]
    for number, active in ((None if before is None else before[0], False), (version, True)):
        if number is not None:
            name, approved, _ = standing(POLICY, (this, number), rows)
            changes.append(Put(POLICY, (this, number), (name, approved, active)))
    return tuple(changes)


PARTIES: Final = View(
    "parties",
    version=1,
    about="parties, their keys, roles, mandates and memberships; policies and which version decides",
    tables=(PARTY, KEY, ROLE, MANDATE, MEMBER, POLICY, ACTIVE),
    on=(
        On(PartyEnrolled, _enrolled),
        On(SubjectErased, _erased),
        On(ErasureCompleted, _erased),
        On(KeyBound, _bound),
        On(KeyWithdrawn, _unbound),
        On(RoleAssigned, _assigned),
        On(RoleWithdrawn, _unassigned),
        On(MandateGranted, _mandated),
        On(MandateRevoked, _revoked),
        On(MembershipDeclared, _joined),
        On(PolicyDrafted, _drafted),
        On(PolicyApproved, _approved),
        On(PolicyActivated, _activated),
    ),
)
