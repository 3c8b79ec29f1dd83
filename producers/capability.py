"""Commands on capabilities, templates and machines; see `domain.capability`."""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.capability import resource, rules, template
from domain.capability.capability import Capability, evolve
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
    capability_key,
    filing_key,
)
from domain.capability.manifest import MANIFEST_BYTES_MAX, MANIFEST_DEPTH_MAX, Manifest, read_manifest
from domain.capability.means import (
    PriceQuoted,
    ResourceDrained,
    ResourceEnrolled,
    ResourceResumed,
    ResourceRetired,
    TemplateDefined,
    TemplateRetired,
    TemplateVersioned,
    template_key,
)
from domain.capability.resource import (
    DrainResource,
    EnrolResource,
    QuotePrice,
    Resource,
    ResumeResource,
    RetireResource,
    read_price,
)
from domain.capability.rules import (
    CheckFiling,
    DeclareFiling,
    DescribeCapability,
    Facts,
    GradeCapability,
    PublishCapability,
    Ran,
    ReinstateCapability,
    RevokeCapability,
    RunComplianceTests,
    Scanned,
    ScanSupplyChain,
    Signed,
    SignVersion,
    SuspendCapability,
)
from domain.capability.template import DefineTemplate, RetireTemplate, Template, VersionTemplate, read_template
from domain.command import Command
from domain.errors import Invalid, Rejected
from domain.events import Event, Sha256
from domain.governance.authority import Amount, Permission
from domain.governance.events import Role
from domain.ids import CapabilityId
from producers.authority import ANYBODY, OFFICER, OPERATOR, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.host import DOCUMENT_BYTES_MAX, Host
from producers.policies import ADMISSION_RULES
from schemas.strict_json import parse_strict

CAPABILITY: Final = Aggregate("Capability", CapabilityDescribed.TYPE, Capability(), evolve)
TEMPLATE: Final = Aggregate("ProcessTemplate", TemplateDefined.TYPE, Template(), template.evolve)
RESOURCE: Final = Aggregate("ComputeResource", ResourceEnrolled.TYPE, Resource(), resource.evolve)
BOM_BYTES_MAX: Final = 16 << 20
TEMPLATE_DEPTH_MAX: Final = 6
JUDGES: Final = (PublishCapability, ReinstateCapability)


def digest_of(document: Any) -> Sha256:
    """Return SHA-256 of the RFC 8785 form of a JSON value."""
    return Sha256(hashlib.sha256(rfc8785.dumps(document)).digest())


def manifest_at(host: Host, sha256: Sha256) -> Manifest | None:
    """Return the manifest of a digest, None where it is not here. Raises: Invalid."""
    found = host.document(sha256, MANIFEST_BYTES_MAX)
    if found is None:
        return None
    where = "manifest"
    return read_manifest(parse_strict(found, where, bytes_max=MANIFEST_BYTES_MAX, depth_max=MANIFEST_DEPTH_MAX))


# -- capability -------------------------------------------------------------------------------------------------------


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    described = isinstance(command, DescribeCapability)
    loaded: Loaded[Capability] = view.born(CAPABILITY) if described else view.load(command.capability, CAPABILITY)
    judges = isinstance(command, JUDGES)
    admission = ADMISSION_RULES.in_force(view.keys, view.load) if judges else ADMISSION_RULES.own
    documents, examined = acting.evidence or (frozenset(), None)
    facts = Facts(
        capability=CapabilityId(loaded.stream_id),
        who=acting.who,
        policy=admission.policy,
        documents=documents,
        examined=examined,
        taken=any(key in view.keys for key in _own_keys(command, acting.who)),
    )
    digest = admission.digest if judges else None
    return Decision((Write(loaded, rules.decide(loaded.state, command, facts)),), loaded.stream_id, digest)


def _own_keys(command: Command, who: UUID) -> tuple[str, ...]:
    if isinstance(command, DescribeCapability):
        return (capability_key(who, command.name),)  # type: ignore[arg-type]  # who acts is a party
    if isinstance(command, DeclareFiling):
        return (filing_key(command.authority, command.number),)
    return ()


def _lookups(command: Command, who: UUID) -> tuple[str, ...]:
    return (ADMISSION_RULES.key,) if isinstance(command, JUDGES) else _own_keys(command, who)


def _reads(command: Any, keys: Keys) -> tuple[UUID, ...]:
    policy = keys.get(ADMISSION_RULES.key) if isinstance(command, JUDGES) else None
    own = () if isinstance(command, DescribeCapability) else (command.capability,)
    return own if policy is None else (*own, policy.stream_id)


Evidence = tuple[frozenset[Sha256], Signed | Scanned | Ran | None]


def _gather_document(command: Any, host: Host) -> Evidence:
    names = ("statement", "basis", "source")
    digest: Sha256 = next(getattr(command, name) for name in names if hasattr(command, name))
    return (frozenset() if host.document(digest, DOCUMENT_BYTES_MAX) is None else frozenset({digest}), None)


def _gather_signed(command: SignVersion, host: Host) -> Evidence:
    try:
        manifest = manifest_at(host, command.manifest)
        named = None if manifest is None else host.files_of_bom(command.ml_bom)
    except Invalid as err:
        raise Rejected(f"SignVersion refused: {err}") from err
    if manifest is None or named is None:
        return frozenset(), None
    return frozenset(), Signed(manifest, digest_of(manifest.runs()), digest_of(manifest.interface()), named)


def _gather_scan(command: ScanSupplyChain, host: Host) -> Evidence:
    manifest = _version(command, host)
    found = None if manifest is None else host.scan(manifest)
    if manifest is None or found is None:
        return frozenset(), None
    return frozenset(), Scanned(digest_of(manifest.runs()), host.scanner, found)


def _gather_test(command: RunComplianceTests, host: Host) -> Evidence:
    manifest = _version(command, host)
    state: Capability = host.state(command.capability, CAPABILITY)
    if manifest is None or rules.may_not_run(state.versions[command.version - 1]):
        return frozenset(), None
    report = host.test(manifest)
    if report is None:
        return frozenset(), None
    fingerprint = digest_of(manifest.runs())
    return frozenset(), Ran(fingerprint, report.passed, report.failed, report.sha256, report.environment)


def _version(command: Any, host: Host) -> Manifest | None:
    state: Capability = host.state(command.capability, CAPABILITY)
    if not 1 <= command.version <= len(state.versions):
        return None
    return manifest_at(host, state.versions[command.version - 1].signed.manifest)


def _spec(
    command: type[Command],
    event: type[Event],
    roles: frozenset[Role],
    *,
    gather: Any = lambda _, __: None,
    human: bool = False,
    measures: bool = False,
) -> CommandSpec:
    permission = Permission(command.NAME, roles, human_only=human, signed=True)
    return CommandSpec(
        command,
        permission,
        _run,
        (event,),
        lookups=_lookups,
        reads=_reads,
        gather=gather,
        measures=measures,
    )


# -- templates and machines -------------------------------------------------------------------------------------------


def _run_template(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    defined = isinstance(command, DefineTemplate)
    loaded: Loaded[Template] = view.born(TEMPLATE) if defined else view.load(command.template, TEMPLATE)
    taken = any(key in view.keys for key in _template_keys(command, acting.who))
    facts = template.Facts(acting.who, taken, acting.evidence)
    return Decision((Write(loaded, template.decide(loaded.state, command, facts)),), loaded.stream_id)


def _template_keys(command: Command, who: UUID) -> tuple[str, ...]:
    if not isinstance(command, DefineTemplate):
        return ()
    return (template_key(who, command.name),)  # type: ignore[arg-type]  # who acts is a party


def _gather_template(command: VersionTemplate, host: Host) -> int | None:
    found = host.document(command.document, DOCUMENT_BYTES_MAX)
    if found is None:
        return None
    try:
        where = "template"
        return read_template(parse_strict(found, where, bytes_max=DOCUMENT_BYTES_MAX, depth_max=TEMPLATE_DEPTH_MAX))
    except Invalid as err:
        raise Rejected(f"VersionTemplate refused: {err}") from err


def _run_resource(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    enrolled = isinstance(command, EnrolResource)
    loaded: Loaded[Resource] = view.born(RESOURCE) if enrolled else view.load(command.resource, RESOURCE)
    events = resource.decide(loaded.state, acting.committed(command), acting.who)
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id)


def _price(values: Mapping[str, Any]) -> Amount | None:
    return read_price(values["price"]) if "price" in values else None


def _named(field: str, command: Any, _: Keys) -> tuple[UUID, ...]:
    return (getattr(command, field),) if hasattr(command, field) else ()


def _of_template(command: type[Command], event: type[Event], gather: Any = lambda _, __: None) -> CommandSpec:
    permission = Permission(command.NAME, OPERATOR)
    reads = partial(_named, "template")
    return CommandSpec(command, permission, _run_template, (event,), lookups=_template_keys, reads=reads, gather=gather)


def _of_resource(command: type[Command], event: type[Event], *secrets: str) -> CommandSpec:
    permission, reads = Permission(command.NAME, OPERATOR), partial(_named, "resource")
    return CommandSpec(command, permission, _run_resource, (event,), reads=reads, secrets=secrets, amount=_price)


COMMANDS: Final = (
    _spec(DescribeCapability, CapabilityDescribed, ANYBODY),
    _spec(SignVersion, VersionSigned, ANYBODY, gather=_gather_signed),
    _spec(ScanSupplyChain, SupplyChainScanned, OFFICER, gather=_gather_scan),
    _spec(RunComplianceTests, ComplianceTested, OFFICER, gather=_gather_test, measures=True),
    _spec(DeclareFiling, FilingDeclared, ANYBODY),
    _spec(CheckFiling, FilingChecked, OFFICER, gather=_gather_document, human=True),
    _spec(GradeCapability, CapabilityGraded, OFFICER, gather=_gather_document, human=True),
    _spec(PublishCapability, CapabilityPublished, OFFICER, human=True),
    _spec(SuspendCapability, CapabilitySuspended, OFFICER, gather=_gather_document),
    _spec(ReinstateCapability, CapabilityReinstated, OFFICER, gather=_gather_document, human=True),
    _spec(RevokeCapability, CapabilityRevoked, OFFICER, gather=_gather_document, human=True),
    _of_template(DefineTemplate, TemplateDefined),
    _of_template(VersionTemplate, TemplateVersioned, _gather_template),
    _of_template(RetireTemplate, TemplateRetired),
    _of_resource(EnrolResource, ResourceEnrolled),
    _of_resource(QuotePrice, PriceQuoted, "price"),
    _of_resource(DrainResource, ResourceDrained),
    _of_resource(ResumeResource, ResourceResumed),
    _of_resource(RetireResource, ResourceRetired),
)
"""Who may do what to capabilities, templates and machines."""
