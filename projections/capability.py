"""Capabilities as they may be called: versions with what was found of each, the routing list, templates, resources."""

from typing import Any, Final

from domain.capability.events import (
    CapabilityDescribed,
    CapabilityGraded,
    CapabilityPublished,
    CapabilityReinstated,
    CapabilityRevoked,
    CapabilitySuspended,
    ComplianceTested,
    FilingChecked,
    FilingDeclared,
    SupplyChainScanned,
    VersionSigned,
)
from domain.capability.means import (
    ResourceDrained,
    ResourceEnrolled,
    ResourceResumed,
    ResourceRetired,
    TemplateDefined,
    TemplateRetired,
    TemplateVersioned,
)
from projections.tables import Change, Column, Kind, New, Put, Rows, Table, standing
from projections.view import Handler, On, Read, View

CAPABILITY: Final = Table(
    "capability",
    key=(Column("capability", Kind.UUID),),
    columns=(
        Column("described", Kind.BIGINT),
        Column("provider", Kind.UUID),
        Column("name", Kind.TEXT),
        Column("kind", Kind.TEXT),
        Column("state", Kind.TEXT),
        Column("published", Kind.BIGINT),
    ),
    indexes=("state",),
)
VERSION: Final = Table(
    "version",
    key=(Column("capability", Kind.UUID), Column("number", Kind.BIGINT)),
    columns=(
        Column("version", Kind.TEXT),
        Column("fingerprint", Kind.BYTES),
        Column("licences", Kind.TEXTS),
        Column("scan", Kind.TEXT),
        Column("passed", Kind.BIGINT),
        Column("failed", Kind.BIGINT),
        Column("grades", Kind.TEXTS),
        Column("natures", Kind.TEXTS),
    ),
)
FILING: Final = Table(
    "filing",
    key=(Column("capability", Kind.UUID), Column("authority", Kind.TEXT), Column("number", Kind.TEXT)),
    columns=(Column("result", Kind.TEXT),),
)
TEMPLATE: Final = Table(
    "template",
    key=(Column("template", Kind.UUID),),
    columns=(
        Column("owner", Kind.UUID),
        Column("name", Kind.TEXT),
        Column("number", Kind.BIGINT),
        Column("document", Kind.BYTES),
        Column("retired", Kind.BOOLEAN),
    ),
)
RESOURCE: Final = Table(
    "resource",
    key=(Column("resource", Kind.UUID),),
    columns=(
        Column("owner", Kind.UUID),
        Column("pool", Kind.TEXT),
        Column("country", Kind.TEXT),
        Column("security_level", Kind.BIGINT),
        Column("accelerators", Kind.BIGINT),
        Column("state", Kind.TEXT),
    ),
    indexes=("state",),
)
_NOT_KNOWN: Final = (None, None, None, (), ())
_STATES: Final[dict[type[Any], str]] = {
    CapabilitySuspended: "suspended",
    CapabilityRevoked: "revoked",
    CapabilityReinstated: "published",
    ResourceDrained: "drained",
    ResourceResumed: "open",
    ResourceRetired: "retired",
}


def _described(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: CapabilityDescribed = read.event
    values = (read.index, event.provider, event.name, str(event.kind), "described", None)
    return (New(CAPABILITY, (read.envelope.stream_id,), values),)


def _signed(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: VersionSigned = read.event
    licences = tuple(f"{term.component}: {term.licence}" for term in event.licences)
    values = (event.version, event.fingerprint, licences, *_NOT_KNOWN)
    return (Put(VERSION, (read.envelope.stream_id, event.number), values),)


def _examined(read: Read, rows: Rows) -> tuple[Change, ...]:
    event, key = read.event, (read.envelope.stream_id, read.event.number)
    values = standing(VERSION, key, rows)
    match event:
        case SupplyChainScanned():
            values = VERSION.changed(values, scan=str(event.verdict))
        case ComplianceTested():
            values = VERSION.changed(values, passed=event.passed, failed=event.failed)
        case CapabilityGraded():
            grades, natures = tuple(map(str, event.grades)), tuple(map(str, event.natures))
            values = VERSION.changed(values, grades=grades, natures=natures)
    return (Put(VERSION, key, values),)


def _filed(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event = read.event
    result = str(event.result) if isinstance(event, FilingChecked) else "declared"
    return (Put(FILING, (read.envelope.stream_id, str(event.authority), event.number), (result,)),)


def _published(read: Read, rows: Rows) -> tuple[Change, ...]:
    key = (read.envelope.stream_id,)
    values = standing(CAPABILITY, key, rows)
    return (Put(CAPABILITY, key, CAPABILITY.changed(values, state="published", published=read.event.number)),)


def _moves(table: Table) -> Handler:
    """Return the handler of events that move what has one row in `table` to another state."""

    def handle(read: Read, rows: Rows) -> tuple[Change, ...]:
        key = (read.envelope.stream_id,)
        values = standing(table, key, rows)
        return (Put(table, key, table.changed(values, state=_STATES[type(read.event)])),)

    return handle


def _defined(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    return (Put(TEMPLATE, (read.envelope.stream_id,), (read.event.owner, read.event.name, 0, None, False)),)


def _versioned(read: Read, rows: Rows) -> tuple[Change, ...]:
    event, key = read.event, (read.envelope.stream_id,)
    values = standing(TEMPLATE, key, rows)
    if isinstance(event, TemplateVersioned):
        return (Put(TEMPLATE, key, TEMPLATE.changed(values, number=event.number, document=event.document)),)
    return (Put(TEMPLATE, key, TEMPLATE.changed(values, retired=True)),)


def _enrolled(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: ResourceEnrolled = read.event
    values = (event.owner, str(event.pool), event.country, event.security_level, event.accelerators, "open")
    return (Put(RESOURCE, (read.envelope.stream_id,), values),)


CAPABILITIES: Final = View(
    "capability",
    version=1,
    about="capabilities and their versions, the routing list, filings, templates, compute resources",
    tables=(CAPABILITY, VERSION, FILING, TEMPLATE, RESOURCE),
    on=(
        On(CapabilityDescribed, _described),
        On(VersionSigned, _signed),
        *(On(event, _examined) for event in (SupplyChainScanned, ComplianceTested, CapabilityGraded)),
        *(On(event, _filed) for event in (FilingDeclared, FilingChecked)),
        On(CapabilityPublished, _published),
        *(On(event, _moves(CAPABILITY)) for event in (CapabilitySuspended, CapabilityReinstated, CapabilityRevoked)),
        On(TemplateDefined, _defined),
        *(On(event, _versioned) for event in (TemplateVersioned, TemplateRetired)),
        On(ResourceEnrolled, _enrolled),
        *(On(event, _moves(RESOURCE)) for event in (ResourceDrained, ResourceResumed, ResourceRetired)),
    ),
)
