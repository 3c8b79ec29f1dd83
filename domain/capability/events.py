"""Facts of the capability context: what may be called, who stands for it, and what was found when it was examined.

Those of templates and machines stand in `domain.capability.means`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.capability.means import MEANS_EVENTS
from domain.events import Doc, Event, KeyChange, Sha256, fact, value
from domain.ids import PartyId

WEIGHTS_MAX = 200
LICENCES_MAX = 50
FINDINGS_MAX = 100


class CapabilityKind(StrEnum):
    """What a capability is; the policy asks of each kind other steps."""

    UNSPECIFIED = "unspecified"
    GENERATIVE_MODEL = "generative_model"
    ANALYSIS_MODEL = "analysis_model"
    ALGORITHM = "algorithm"
    TOOL = "tool"
    SERVICE = "service"


class Grade(StrEnum):
    """For which use of a film its results are fit: previs, virtual production, visual effects."""

    UNSPECIFIED = "unspecified"
    G0 = "g0"
    G1 = "g1"
    G2 = "g2"


class Nature(StrEnum):
    """Under which nature of a job a licence lets it run."""

    UNSPECIFIED = "unspecified"
    COMMERCIAL = "commercial"
    NON_COMMERCIAL = "non_commercial"
    RESEARCH = "research"


class ScanVerdict(StrEnum):
    """What a scan of the files found."""

    UNSPECIFIED = "unspecified"
    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    MALICIOUS = "malicious"


class FilingAuthority(StrEnum):
    """With whom it is filed (备案)."""

    UNSPECIFIED = "unspecified"
    CAC_ALGORITHM = "cac_algorithm"
    CAC_GENERATIVE_SERVICE = "cac_generative_service"
    FILM_AUTHORITY = "film_authority"
    OTHER = "other"


class FilingResult(StrEnum):
    """What a look into the authority's own register showed."""

    UNSPECIFIED = "unspecified"
    CONFIRMED = "confirmed"
    NOT_FOUND = "not_found"
    MISMATCH = "mismatch"


class StopReason(StrEnum):
    """Why a capability is called no more, for a time or for ever."""

    UNSPECIFIED = "unspecified"
    SECURITY = "security"
    LICENCE = "licence"
    FILING = "filing"
    QUALITY = "quality"
    ETHICS = "ethics"
    BY_PROVIDER = "by_provider"


@value
class LicenceTerm:
    """One licence that a call is under: its own, or that of something it pulls in."""

    component: A[str, Doc("what is licensed; the capability itself first", low=1, high=120)]
    licence: A[str, Doc("SPDX expression, or LicenseRef- and a name", low=2, high=120)]
    natures: A[tuple[Nature, ...], Doc("natures of jobs that it allows", high=3)]


@value
class Finding:
    """One thing that a scan found."""

    file: A[Sha256, Doc("SHA-256 of the file")]
    verdict: A[ScanVerdict, Doc("how grave it is: suspicious or malicious")]
    code: A[str, Doc("what it is, such as pickle-global:os.system", low=3, high=200)]


def capability_key(provider: PartyId, name: str) -> str:
    """Return the key of the append for a provider's capability, `capability/<party uuid>/<name>`."""
    return f"capability/{provider}/{name}"


def filing_key(authority: FilingAuthority, number: str) -> str:
    """Return the key of the append for a filing number, `filing/<authority>/<number>`: one capability, for ever."""
    return f"filing/{authority}/{number}"


@fact("edgeprint.capability.CapabilityDescribed", stream="C")
class CapabilityDescribed(Event):
    """The capability has its identifier; nothing of it may be called."""

    provider: A[PartyId, Doc("who stands for it and files it")]
    name: A[str, Doc("its public name", low=1, high=120)]
    kind: A[CapabilityKind, Doc("what it is")]

    def keys(self) -> KeyChange:
        """Return the key that makes one name of one provider one capability."""
        return KeyChange(take=(capability_key(self.provider, self.name),))


@fact("edgeprint.capability.VersionSigned", stream="C")
class VersionSigned(Event):
    """Its provider has signed a version: these files, this interface, these licences."""

    number: A[int, Doc("number of the version, counted from 1", low=1)]
    version: A[str, Doc("its public version", low=1, high=60)]
    manifest: A[Sha256, Doc("SHA-256 of the manifest edgeprint.capability/1 in the blob store")]
    ml_bom: A[Sha256, Doc("SHA-256 of the CycloneDX bill of materials in the blob store")]
    fingerprint: A[Sha256, Doc("SHA-256 over code, entry point and weights, see docs/formats.md section 18")]
    interface: A[Sha256, Doc("SHA-256 of the RFC 8785 form of parameters, inputs and outputs")]
    compatible: A[bool, Doc("whether its interface is that of the version before it; true for the first")]
    weights: A[tuple[Sha256, ...], Doc("SHA-256 of each file of weights, sorted", high=WEIGHTS_MAX)]
    code: A[Sha256 | None, Doc("SHA-256 of the archive of its code; null for a service elsewhere")]
    licences: A[tuple[LicenceTerm, ...], Doc("its own licence and those of what it pulls in", low=1, high=LICENCES_MAX)]
    claimed: A[tuple[Grade, ...], Doc("grades that its provider claims", high=3)]


@fact("edgeprint.capability.SupplyChainScanned", stream="C")
class SupplyChainScanned(Event):
    """Every file of a version was searched for what runs when it is opened."""

    number: A[int, Doc("number of the version", low=1)]
    fingerprint: A[Sha256, Doc("fingerprint of the version whose files were read")]
    scanner: A[str, Doc("what searched, name@version", low=3, high=80)]
    verdict: A[ScanVerdict, Doc("the gravest of its findings; clean if there are none")]
    findings: A[tuple[Finding, ...], Doc("what was found, at most the first hundred", high=FINDINGS_MAX)]


@fact("edgeprint.capability.ComplianceTested", stream="C")
class ComplianceTested(Event):
    """The tests of a version were run through the process contract."""

    number: A[int, Doc("number of the version", low=1)]
    fingerprint: A[Sha256, Doc("fingerprint of the version that ran")]
    passed: A[int, Doc("tests that came out as expected", low=0)]
    failed: A[int, Doc("tests that did not", low=0)]
    report: A[Sha256, Doc("SHA-256 of the report in the blob store")]
    environment: A[Sha256, Doc("SHA-256 of the RFC 8785 form of where it ran and behind which layers")]


@fact("edgeprint.capability.FilingDeclared", stream="C")
class FilingDeclared(Event):
    """Its provider names the number under which it is filed with an authority."""

    authority: A[FilingAuthority, Doc("with whom")]
    number: A[str, Doc("filing number as the authority writes it", low=4, high=80)]

    def keys(self) -> KeyChange:
        """Return the key by which no second capability can claim the number."""
        return KeyChange(take=(filing_key(self.authority, self.number),))


@fact("edgeprint.capability.FilingChecked", stream="C")
class FilingChecked(Event):
    """Somebody other than the provider has looked the number up in the authority's register."""

    authority: A[FilingAuthority, Doc("with whom")]
    number: A[str, Doc("filing number", low=4, high=80)]
    result: A[FilingResult, Doc("what the register shows")]
    source: A[Sha256, Doc("SHA-256 of what was seen there, a document in the blob store")]


@fact("edgeprint.capability.CapabilityGraded", stream="C")
class CapabilityGraded(Event):
    """Somebody other than the provider says for which grades and natures of jobs a version is fit."""

    number: A[int, Doc("number of the version", low=1)]
    grades: A[tuple[Grade, ...], Doc("grades, sorted", low=1, high=3)]
    natures: A[tuple[Nature, ...], Doc("natures of jobs that all its licences allow, sorted", low=1, high=3)]
    basis: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


@fact("edgeprint.capability.CapabilityPublished", stream="C")
class CapabilityPublished(Event):
    """A version stands on the routing list; every step that the policy asks for has been taken."""

    number: A[int, Doc("number of the version", low=1)]


@fact("edgeprint.capability.CapabilitySuspended", stream="C")
class CapabilitySuspended(Event):
    """It is off the routing list for a time."""

    reason: A[StopReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


@fact("edgeprint.capability.CapabilityReinstated", stream="C")
class CapabilityReinstated(Event):
    """It stands on the routing list again."""

    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


@fact("edgeprint.capability.CapabilityRevoked", stream="C")
class CapabilityRevoked(Event):
    """It is called no more, for ever; what it made before stands in the genealogy."""

    reason: A[StopReason, Doc("why")]
    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


EVENTS = (
    CapabilityDescribed,
    VersionSigned,
    SupplyChainScanned,
    ComplianceTested,
    FilingDeclared,
    FilingChecked,
    CapabilityGraded,
    CapabilityPublished,
    CapabilitySuspended,
    CapabilityReinstated,
    CapabilityRevoked,
    *MEANS_EVENTS,
)
