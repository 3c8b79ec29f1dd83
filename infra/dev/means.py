"""What the film house works with: capabilities through their whole course, templates, machines.

A capability is described and signed by its vendor, examined, graded and published by others, and gets a second version
later; of eight, two are suspended (one is reinstated) and one is revoked. Steps are those of the built-in admission
policy for its kind, so that each is published by right.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from domain.capability import events as facts
from domain.capability import means as machines
from domain.capability.admission import BUILT_IN_ADMISSION, Step
from domain.events import Event
from domain.governance.policies import ADMISSION
from domain.ids import Commitment
from infra.dev.acts import Act, Draw, Stream, Who
from infra.dev.house import House
from schemas.values import instant_of

CAPABILITIES: Final = (
    ("geometry-field", facts.CapabilityKind.GENERATIVE_MODEL, ""),
    ("concept-diffusion", facts.CapabilityKind.GENERATIVE_MODEL, "reinstated"),
    ("voice-clone", facts.CapabilityKind.GENERATIVE_MODEL, "revoked"),
    ("face-research", facts.CapabilityKind.ANALYSIS_MODEL, ""),
    ("shot-matcher", facts.CapabilityKind.ANALYSIS_MODEL, ""),
    ("posterise", facts.CapabilityKind.ALGORITHM, ""),
    ("film-cleaner", facts.CapabilityKind.TOOL, "suspended"),
    ("matte-service", facts.CapabilityKind.SERVICE, ""),
)
"""Name, kind, and what becomes of it after its publication."""
RESEARCH_ONLY: Final = "face-research"
_EVERY_NATURE: Final = (facts.Nature.COMMERCIAL, facts.Nature.NON_COMMERCIAL, facts.Nature.RESEARCH)
_MACHINES: Final = ((machines.Pool.LOCAL, 3, 8), (machines.Pool.INDUSTRY, 3, 64), (machines.Pool.SOCIAL, 2, 512))
Telling = Iterator[int | Act]


def tell_means(draw: Draw, house: House, patience: int) -> list[Telling]:
    """Return what is told beside the objects; `patience` is how many are born between two steps."""
    capabilities = [
        _capability(draw, house, name, number, kind, fate, patience)
        for number, (name, kind, fate) in enumerate(CAPABILITIES)
    ]
    machines = [_machine(draw, house, *machine, patience=patience) for machine in _MACHINES]
    templates = [
        _template(draw, house, "storyboard to previs", patience, retired=False),
        _template(draw, house, "matte by hand", patience, retired=True),
    ]
    return [*capabilities, *machines, *templates, house.leave(patience)]


def _capability(
    draw: Draw, house: House, name: str, number: int, kind: facts.CapabilityKind, fate: str, patience: int
) -> Telling:
    vendor, officer = house.vendors[number % len(house.vendors)], draw.one_of(house.officers)
    stream = Stream(draw.uuid())
    yield draw.act(stream, (facts.CapabilityDescribed(provider=vendor.party, name=name, kind=kind),), vendor)
    authority = facts.FilingAuthority.CAC_GENERATIVE_SERVICE
    filing = f"Beijing-{name.title().replace('-', '')}-{draw.between(10**9, 10**10 - 1)}"
    for version in (1, 2):
        yield patience
        for who, event in _course(draw, kind, name, version, vendor, officer):
            yield draw.act(stream, (event,), who)
        if Step.FILING in BUILT_IN_ADMISSION.steps[kind] and version == 1:
            checked = facts.FilingChecked(
                authority=authority, number=filing, result=facts.FilingResult.CONFIRMED, source=draw.digest()
            )
            yield draw.act(stream, (facts.FilingDeclared(authority=authority, number=filing),), vendor)
            yield draw.act(stream, (checked,), officer)
        yield draw.act(stream, (facts.CapabilityPublished(number=version),), officer, ADMISSION)
    if fate:
        yield patience
        reason, instant = draw.one_of((facts.StopReason.SECURITY, facts.StopReason.LICENCE)), instant_of(draw.now_us)
        stop = facts.CapabilityRevoked if fate == "revoked" else facts.CapabilitySuspended
        yield draw.act(stream, (stop(reason=reason, statement=draw.digest(), effective_at=instant),), officer)
    if fate == "reinstated":
        yield patience
        yield draw.act(stream, (facts.CapabilityReinstated(statement=draw.digest()),), officer, ADMISSION)


def _course(
    draw: Draw, kind: facts.CapabilityKind, name: str, version: int, vendor: Who, officer: Who
) -> Iterator[tuple[Who, Event]]:
    """Yield signature and examinations of a version, as the admission policy asks of its kind."""
    fingerprint, steps = draw.digest(), BUILT_IN_ADMISSION.steps[kind]
    natures = (facts.Nature.RESEARCH,) if name == RESEARCH_ONLY else _EVERY_NATURE
    licence = "LicenseRef-research-only" if name == RESEARCH_ONLY else "Apache-2.0"
    weights = kind in (facts.CapabilityKind.GENERATIVE_MODEL, facts.CapabilityKind.ANALYSIS_MODEL)
    yield (
        vendor,
        facts.VersionSigned(
            number=version,
            version=f"{version}.0",
            manifest=draw.digest(),
            ml_bom=draw.digest(),
            fingerprint=fingerprint,
            interface=draw.digest(),
            compatible=version == 1,
            weights=(draw.digest(),) if weights else (),
            code=None if kind is facts.CapabilityKind.SERVICE else draw.digest(),
            licences=(facts.LicenceTerm(component=name, licence=licence, natures=natures),),
            claimed=(facts.Grade.G0, facts.Grade.G1),
        ),
    )
    if Step.SCAN in steps:
        yield (
            officer,
            facts.SupplyChainScanned(
                number=version,
                fingerprint=fingerprint,
                scanner="picklescan@0.0.30",
                verdict=facts.ScanVerdict.CLEAN,
                findings=(),
            ),
        )
    if Step.TEST in steps:
        report, environment = draw.digest(), draw.digest()
        yield (
            officer,
            facts.ComplianceTested(
                number=version, fingerprint=fingerprint, passed=12, failed=0, report=report, environment=environment
            ),
        )
    yield (
        officer,
        facts.CapabilityGraded(number=version, grades=(facts.Grade.G0,), natures=natures, basis=draw.digest()),
    )


def _machine(draw: Draw, house: House, pool: machines.Pool, level: int, accelerators: int, *, patience: int) -> Telling:
    owner, stream = house.studio if pool is machines.Pool.LOCAL else draw.one_of(house.vendors), Stream(draw.uuid())
    enrolled = machines.ResourceEnrolled(
        owner=owner.party,
        pool=pool,
        country="CN",
        security_level=level,
        accelerators=accelerators,
        accelerator_memory_mib=81_920,
        memory_mib=262_144,
    )
    yield draw.act(stream, (enrolled,), owner)
    until = instant_of(draw.now_us) + timedelta(days=365)
    quoted = machines.PriceQuoted(
        unit=machines.PriceUnit.ACCELERATOR_HOUR, price=Commitment(draw.digest()), until=until
    )
    yield draw.act(stream, (quoted,), owner)
    yield patience
    yield draw.act(stream, (machines.ResourceDrained(),), owner)
    yield patience
    end = machines.ResourceRetired() if pool is machines.Pool.SOCIAL else machines.ResourceResumed()
    yield draw.act(stream, (end,), owner)


def _template(draw: Draw, house: House, name: str, patience: int, *, retired: bool) -> Telling:
    stream, studio = Stream(draw.uuid()), house.studio
    yield draw.act(stream, (machines.TemplateDefined(owner=studio.party, name=name),), studio)
    for number in (1, 2):
        versioned = machines.TemplateVersioned(number=number, document=draw.digest(), nodes=4 * number)
        yield draw.act(stream, (versioned,), studio)
        yield patience
    if retired:
        yield draw.act(stream, (machines.TemplateRetired(),), studio)
