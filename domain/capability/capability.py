"""Capability: described, signed, examined, filed, graded, published; suspended, reinstated, revoked.

Nothing may be called that is not published; nothing is published before every step that the policy asks for has been
taken for the very bytes of the version. Who stands for a capability neither examines nor grades it.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from domain.capability.admission import AdmissionPolicy, Step
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
    SupplyChainScanned,
    VersionSigned,
)
from domain.ids import PartyId

CapabilityEvent = (
    CapabilityDescribed
    | VersionSigned
    | SupplyChainScanned
    | ComplianceTested
    | FilingDeclared
    | FilingChecked
    | CapabilityGraded
    | CapabilityPublished
    | CapabilitySuspended
    | CapabilityReinstated
    | CapabilityRevoked
)


@dataclass(frozen=True, slots=True)
class Version:
    """A signed version and the last word of each examination of it."""

    signed: VersionSigned
    scan: SupplyChainScanned | None = None
    test: ComplianceTested | None = None
    grade: CapabilityGraded | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """A filing number as its provider declared it, and what the register showed."""

    authority: FilingAuthority
    number: str
    result: FilingResult = FilingResult.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Capability:
    """What is known of a capability; `published` is the number of the version on the routing list, 0 for none."""

    provider: PartyId | None = None
    name: str = ""
    kind: CapabilityKind = CapabilityKind.UNSPECIFIED
    versions: tuple[Version, ...] = ()
    filings: tuple[Filing, ...] = ()
    published: int = 0
    suspended: bool = False
    revoked: bool = False

    @property
    def callable(self) -> bool:
        """Return whether its published version stands on the routing list now."""
        return bool(self.published) and not self.suspended and not self.revoked

    @property
    def status(self) -> str:
        """Return one word for where it stands."""
        if self.revoked:
            return "revoked"
        if self.suspended:
            return "suspended"
        if self.published:
            return "published"
        return "described" if self.provider else "unknown"


def lacking(state: Capability, number: int, policy: AdmissionPolicy) -> str:
    """Return what a version lacks before it may be published, "" where it lacks nothing."""
    version = state.versions[number - 1]
    for step in policy.steps[state.kind]:
        lack = _lacks(state, version, step, policy)
        if lack:
            return f"{step}: {lack}"
    return ""


def _lacks(state: Capability, version: Version, step: Step, policy: AdmissionPolicy) -> str:
    match step:
        case Step.SCAN:
            if version.scan is None:
                return "its files were not scanned"
            if version.scan.verdict not in policy.verdicts:
                return f"its files are {version.scan.verdict}"
        case Step.TEST:
            if version.test is None:
                return "its tests were not run"
            if version.test.failed or not version.test.passed:
                return f"{version.test.failed} of {version.test.failed + version.test.passed} tests failed"
        case Step.FILING:
            if not state.filings:
                return "no filing number was declared"
            if all(filing.result is not FilingResult.CONFIRMED for filing in state.filings):
                return "no filing number was confirmed in its authority's register"
        case Step.GRADE:
            if version.grade is None:
                return "nobody has graded it"
    return ""


def evolve(state: Capability, event: CapabilityEvent) -> Capability:
    """Return the state after `event`."""
    match event:
        case CapabilityDescribed(provider=provider, name=name, kind=kind):
            return replace(state, provider=provider, name=name, kind=kind)
        case VersionSigned():
            return replace(state, versions=(*state.versions, Version(event)))
        case SupplyChainScanned(number=number):
            return _with(state, number, replace(state.versions[number - 1], scan=event))
        case ComplianceTested(number=number):
            return _with(state, number, replace(state.versions[number - 1], test=event))
        case CapabilityGraded(number=number):
            return _with(state, number, replace(state.versions[number - 1], grade=event))
        case FilingDeclared(authority=authority, number=filing):
            return replace(state, filings=(*state.filings, Filing(authority, filing)))
        case FilingChecked(authority=authority, number=filing, result=result):
            checked = tuple(
                replace(one, result=result) if (one.authority, one.number) == (authority, filing) else one
                for one in state.filings
            )
            return replace(state, filings=checked)
        case CapabilityPublished(number=number):
            return replace(state, published=number)
        case CapabilitySuspended():
            return replace(state, suspended=True)
        case CapabilityReinstated():
            return replace(state, suspended=False)
        case CapabilityRevoked():
            return replace(state, revoked=True)
        case _:
            assert_never(event)


def _with(state: Capability, number: int, version: Version) -> Capability:
    return replace(state, versions=(*state.versions[: number - 1], version, *state.versions[number:]))
