"""The commands on capabilities and their rules; what the host found in files comes in as `Examined`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated as A
from typing import Any, Final

from domain.capability.admission import AdmissionPolicy
from domain.capability.capability import Capability, CapabilityEvent, Version, lacking
from domain.capability.events import (
    CapabilityDescribed,
    CapabilityGraded,
    CapabilityKind,
    CapabilityPublished,
    CapabilityReinstated,
    CapabilityRevoked,
    CapabilitySuspended,
    ComplianceTested,
    FilingAuthority,
    FilingChecked,
    FilingDeclared,
    FilingResult,
    Finding,
    Grade,
    Nature,
    ScanVerdict,
    StopReason,
    SupplyChainScanned,
    VersionSigned,
)
from domain.capability.filing import check_filing_number
from domain.capability.manifest import Manifest
from domain.command import Command, command, require_document
from domain.errors import Invalid, Rejected
from domain.events import Doc, Sha256
from domain.ids import CapabilityId, PartyId

VERSIONS_MAX: Final = 1_000
FILINGS_MAX: Final = 20


@command("describe-capability")
class DescribeCapability(Command):
    """Give a model, a tool or a service its identifier; you stand for it."""

    name: A[str, Doc("its public name", low=1, high=120)]
    kind: A[CapabilityKind, Doc("what it is")]


@command("sign-version")
class SignVersion(Command):
    """Sign a version as its provider: manifest and bill of materials lie in the blob store."""

    capability: A[CapabilityId, Doc("which capability")]
    manifest: A[Sha256, Doc("SHA-256 of the manifest edgeprint.capability/1")]
    ml_bom: A[Sha256, Doc("SHA-256 of the bill of materials, CycloneDX JSON")]


@command("scan-supply-chain")
class ScanSupplyChain(Command):
    """Search every file of a version for what runs when it is opened."""

    capability: A[CapabilityId, Doc("which capability")]
    version: A[int, Doc("number of the version", low=1)]


@command("run-compliance-tests")
class RunComplianceTests(Command):
    """Run the tests of a version through the process contract."""

    capability: A[CapabilityId, Doc("which capability")]
    version: A[int, Doc("number of the version", low=1)]


@command("declare-filing")
class DeclareFiling(Command):
    """Name the number under which your capability is filed (备案号)."""

    capability: A[CapabilityId, Doc("which capability")]
    authority: A[FilingAuthority, Doc("with whom")]
    number: A[str, Doc("filing number as the authority writes it", low=4, high=80)]


@command("check-filing")
class CheckFiling(Command):
    """State what the authority's own register shows of a number."""

    capability: A[CapabilityId, Doc("which capability")]
    authority: A[FilingAuthority, Doc("with whom")]
    number: A[str, Doc("filing number", low=4, high=80)]
    result: A[FilingResult, Doc("what the register shows")]
    source: A[Sha256, Doc("SHA-256 of what you saw there, a document in the blob store")]


@command("grade-capability")
class GradeCapability(Command):
    """Say for which grades and natures of jobs a version is fit."""

    capability: A[CapabilityId, Doc("which capability")]
    version: A[int, Doc("number of the version", low=1)]
    grades: A[tuple[Grade, ...], Doc("grades", low=1, high=3)]
    natures: A[tuple[Nature, ...], Doc("natures of jobs; each allowed by every licence", low=1, high=3)]
    basis: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]


@command("publish-capability")
class PublishCapability(Command):
    """Put a version onto the routing list."""

    capability: A[CapabilityId, Doc("which capability")]
    version: A[int, Doc("number of the version", low=1)]


@command("suspend-capability")
class SuspendCapability(Command):
    """Take it off the routing list for a time."""

    capability: A[CapabilityId, Doc("which capability")]
    reason: A[StopReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


@command("reinstate-capability")
class ReinstateCapability(Command):
    """Put it back onto the routing list."""

    capability: A[CapabilityId, Doc("which capability")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]


@command("revoke-capability")
class RevokeCapability(Command):
    """Take it off the routing list for ever."""

    capability: A[CapabilityId, Doc("which capability")]
    reason: A[StopReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest as it was read, with the digests over it; `bom_names` are the files that its ML-BOM names."""

    manifest: Manifest
    fingerprint: Sha256
    interface: Sha256
    bom_names: frozenset[Sha256]


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a scan of the files of one fingerprint found."""

    fingerprint: Sha256
    scanner: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of the tests of one fingerprint."""

    fingerprint: Sha256
    passed: int
    failed: int
    report: Sha256
    environment: Sha256


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: for whom the actor acts, the policy in force, what the host found in files."""

    capability: CapabilityId
    who: PartyId
    policy: AdmissionPolicy
    documents: frozenset[Sha256] = frozenset()
    examined: Signed | Scanned | Ran | None = None
    taken: bool = False


def decide(state: Capability, command: Command, facts: Facts) -> tuple[CapabilityEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: there is no such capability, it is revoked, or the command's own rule says no.
    """
    name = type(command).__name__
    if isinstance(command, DescribeCapability):
        if facts.taken or state.provider is not None:
            raise Rejected(f"{name} refused: you have described a capability of this name already")
        return (CapabilityDescribed(provider=facts.who, name=command.name, kind=command.kind),)
    if state.provider is None:
        raise Rejected(f"{name} refused: {facts.capability} is not a capability of this ledger")
    if state.revoked:
        raise Rejected(f"{name} refused: the capability is revoked")
    rule: Callable[[Capability, Any, Facts], CapabilityEvent] = _RULES[type(command)]
    number = getattr(command, "version", 1)
    if hasattr(command, "version") and not 1 <= number <= len(state.versions):
        raise Rejected(f"{name} refused: expected a version of 1 to {len(state.versions)}, found {number}")
    return (rule(state, command, facts),)


def may_not_run(version: Version) -> bool:
    """Return whether a version's code must not be run: nobody scanned it, or it is malicious."""
    return version.scan is None or version.scan.verdict is ScanVerdict.MALICIOUS


def _sign(state: Capability, command: SignVersion, facts: Facts) -> CapabilityEvent:
    _require_provider("SignVersion", state, facts)
    found = facts.examined
    if not isinstance(found, Signed):
        raise Rejected(
            f"SignVersion refused: expected manifest and bill of materials in the blob store: {found or 'none'}"
        )
    manifest = found.manifest
    if (manifest.name, manifest.kind) != (state.name, state.kind):
        raise Rejected(f"SignVersion refused: expected the manifest of {state.name}, {state.kind}, found another")
    missing = [one.name for one in manifest.weights if one.sha256 not in found.bom_names]
    if missing:
        raise Rejected(f"SignVersion refused: the bill of materials does not name the weights {missing[0]}")
    if any(version.signed.version == manifest.version for version in state.versions):
        raise Rejected(
            f"SignVersion refused: there is a version {manifest.version} already; a version is never replaced"
        )
    if len(state.versions) >= VERSIONS_MAX:
        raise Rejected(f"SignVersion refused: expected at most {VERSIONS_MAX} versions")
    before = state.versions[-1].signed.interface if state.versions else found.interface
    return VersionSigned(
        number=len(state.versions) + 1,
        version=manifest.version,
        manifest=command.manifest,
        ml_bom=command.ml_bom,
        fingerprint=found.fingerprint,
        interface=found.interface,
        compatible=found.interface == before,
        weights=tuple(sorted({one.sha256 for one in manifest.weights})),
        code=manifest.code,
        licences=manifest.licences,
        claimed=tuple(sorted(set(manifest.claimed))),
    )


def _scan(state: Capability, command: ScanSupplyChain, facts: Facts) -> CapabilityEvent:
    _refuse_provider("ScanSupplyChain", state, facts)
    found = facts.examined
    if not isinstance(found, Scanned) or found.fingerprint != state.versions[command.version - 1].signed.fingerprint:
        raise Rejected("ScanSupplyChain refused: expected every file of the version in the blob store")
    gravest = ScanVerdict.CLEAN
    for finding in found.findings:
        gravest = ScanVerdict.MALICIOUS if ScanVerdict.MALICIOUS in (gravest, finding.verdict) else finding.verdict
    return SupplyChainScanned(
        number=command.version,
        fingerprint=found.fingerprint,
        scanner=found.scanner,
        verdict=gravest,
        findings=found.findings,
    )


def _test(state: Capability, command: RunComplianceTests, facts: Facts) -> CapabilityEvent:
    _refuse_provider("RunComplianceTests", state, facts)
    version, found = state.versions[command.version - 1], facts.examined
    if may_not_run(version):
        raise Rejected("RunComplianceTests refused: nothing is run before its files were scanned and are not malicious")
    if not isinstance(found, Ran) or found.fingerprint != version.signed.fingerprint:
        raise Rejected("RunComplianceTests refused: expected the version's code and inputs in the blob store")
    return ComplianceTested(
        number=command.version,
        fingerprint=found.fingerprint,
        passed=found.passed,
        failed=found.failed,
        report=found.report,
        environment=found.environment,
    )


def _declare(state: Capability, command: DeclareFiling, facts: Facts) -> CapabilityEvent:
    _require_provider("DeclareFiling", state, facts)
    try:
        check_filing_number(command.authority, command.number)
    except Invalid as err:
        raise Rejected(f"DeclareFiling refused: {err}") from err
    if facts.taken:
        raise Rejected(f"DeclareFiling refused: {command.number} is the filing of a capability already")
    if len(state.filings) >= FILINGS_MAX:
        raise Rejected(f"DeclareFiling refused: expected at most {FILINGS_MAX} filings")
    return FilingDeclared(authority=command.authority, number=command.number)


def _check(state: Capability, command: CheckFiling, facts: Facts) -> CapabilityEvent:
    _refuse_provider("CheckFiling", state, facts)
    if not any((one.authority, one.number) == (command.authority, command.number) for one in state.filings):
        raise Rejected(f"CheckFiling refused: expected a declared filing, found {command.authority} {command.number}")
    require_document("CheckFiling", command.source, facts.documents)
    return FilingChecked(
        authority=command.authority, number=command.number, result=command.result, source=command.source
    )


def _grade(state: Capability, command: GradeCapability, facts: Facts) -> CapabilityEvent:
    _refuse_provider("GradeCapability", state, facts)
    signed = state.versions[command.version - 1].signed
    for nature in command.natures:
        for term in signed.licences:
            if nature not in term.natures:
                allowed = ", ".join(term.natures) or "none"
                raise Rejected(
                    f"GradeCapability refused: {nature} is not allowed by {term.licence} of {term.component}: {allowed}"
                )
    unclaimed = sorted(set(command.grades) - set(signed.claimed))
    if unclaimed:
        raise Rejected(f"GradeCapability refused: its provider does not claim {unclaimed[0]}")
    require_document("GradeCapability", command.basis, facts.documents)
    return CapabilityGraded(
        number=command.version,
        grades=tuple(sorted(set(command.grades))),
        natures=tuple(sorted(set(command.natures))),
        basis=command.basis,
    )


def _publish(state: Capability, command: PublishCapability, facts: Facts) -> CapabilityEvent:
    lack = lacking(state, command.version, facts.policy)
    if lack:
        raise Rejected(f"PublishCapability refused: {lack}")
    if state.suspended:
        raise Rejected("PublishCapability refused: the capability is suspended")
    if state.published == command.version:
        raise Rejected(f"PublishCapability refused: version {command.version} stands on the routing list")
    return CapabilityPublished(number=command.version)


def _suspend(state: Capability, command: SuspendCapability, facts: Facts) -> CapabilityEvent:
    if not state.published or state.suspended:
        raise Rejected(f"SuspendCapability refused: the capability is {state.status}")
    require_document("SuspendCapability", command.statement, facts.documents)
    return CapabilitySuspended(reason=command.reason, statement=command.statement, effective_at=command.effective_at)


def _reinstate(state: Capability, command: ReinstateCapability, facts: Facts) -> CapabilityEvent:
    _refuse_provider("ReinstateCapability", state, facts)
    if not state.suspended:
        raise Rejected(f"ReinstateCapability refused: the capability is {state.status}")
    lack = lacking(state, state.published, facts.policy)
    if lack:
        raise Rejected(f"ReinstateCapability refused: {lack}")
    require_document("ReinstateCapability", command.statement, facts.documents)
    return CapabilityReinstated(statement=command.statement)


def _revoke(state: Capability, command: RevokeCapability, facts: Facts) -> CapabilityEvent:
    del state
    require_document("RevokeCapability", command.statement, facts.documents)
    return CapabilityRevoked(reason=command.reason, statement=command.statement, effective_at=command.effective_at)


def _require_provider(name: str, state: Capability, facts: Facts) -> None:
    if facts.who != state.provider:
        raise Rejected(f"{name} refused: expected the provider {state.provider}, found {facts.who}")


def _refuse_provider(name: str, state: Capability, facts: Facts) -> None:
    if facts.who == state.provider:
        raise Rejected(f"{name} refused: who stands for a capability does not examine it; expected another party")


_RULES: Final[Mapping[type[Command], Callable[[Capability, Any, Facts], CapabilityEvent]]] = {
    SignVersion: _sign,
    ScanSupplyChain: _scan,
    RunComplianceTests: _test,
    DeclareFiling: _declare,
    CheckFiling: _check,
    GradeCapability: _grade,
    PublishCapability: _publish,
    SuspendCapability: _suspend,
    ReinstateCapability: _reinstate,
    RevokeCapability: _revoke,
}
