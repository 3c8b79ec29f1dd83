"""A capability on each step of its way in a town: described by a vendor, examined and graded by the town's holder.

Each function takes it one step further and returns it; the example is a real program with a real test.
"""

import json
from functools import cache
from typing import Any
from uuid import UUID

from domain.capability.events import CapabilityKind, FilingAuthority, Grade, Nature, StopReason
from domain.capability.means import Pool
from domain.capability.resource import EnrolResource
from domain.capability.rules import (
    DeclareFiling,
    DescribeCapability,
    GradeCapability,
    PublishCapability,
    RunComplianceTests,
    ScanSupplyChain,
    SignVersion,
    SuspendCapability,
)
from domain.capability.template import DefineTemplate
from domain.events import Sha256
from domain.ids import CapabilityId, ComputeResourceId, TemplateId
from examples.capability.make import NAME, Filed, make
from tests.governance_kit import NOW, Town

NUMBER = "网信算备110108645502801230035号"
STEPS = json.dumps(
    {
        "format": "edgeprint.template/1",
        "name": "storyboard to previs",
        "nodes": [
            {"id": "block", "kind": "geometry", "grade": "g0", "after": []},
            {"id": "light", "kind": "image", "grade": "g0", "after": ["block"]},
        ],
    }
).encode()
MACHINES = EnrolResource(
    pool=Pool.INDUSTRY,
    country="CN",
    security_level=2,
    accelerators=8,
    accelerator_memory_mib=81_920,
    memory_mib=131_072,
)


@cache
def example() -> Filed:
    """Return the documents of the example's version."""
    return make()


def described(town: Town, vendor: UUID, kind: CapabilityKind = CapabilityKind.ALGORITHM) -> CapabilityId:
    """Return a capability that the vendor has described."""
    return CapabilityId(town.give(DescribeCapability(name=NAME, kind=kind), vendor).result())


def signing(town: Town, capability: CapabilityId, filed_as: Filed | None = None) -> SignVersion:
    """Return the command that signs a version whose files lie in the store."""
    found = filed_as or example()
    town.put(found.code)
    town.put(found.picture)
    return SignVersion(capability=capability, manifest=town.put(found.manifest), ml_bom=town.put(found.ml_bom))


def signed(town: Town, vendor: UUID, filed_as: Filed | None = None) -> CapabilityId:
    """Return a capability with a signed version."""
    capability = described(town, vendor)
    town.give(signing(town, capability, filed_as), vendor).require()
    return capability


def scanned(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability whose version was scanned."""
    capability = signed(town, vendor)
    town.give(ScanSupplyChain(capability=capability, version=1)).require()
    return capability


def examined(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability whose version was tested."""
    capability = scanned(town, vendor)
    town.give(RunComplianceTests(capability=capability, version=1)).require()
    return capability


def filed(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability with a filing number that nobody has checked."""
    capability = described(town, vendor)
    declared = DeclareFiling(capability=capability, authority=FilingAuthority.CAC_ALGORITHM, number=NUMBER)
    town.give(declared, vendor).require()
    return capability


def grading(town: Town, capability: CapabilityId, **changes: Any) -> GradeCapability:
    """Return the command that grades a version."""
    fields: dict[str, Any] = {
        "capability": capability,
        "version": 1,
        "grades": (Grade.G0,),
        "natures": (Nature.COMMERCIAL, Nature.RESEARCH),
        "basis": town.put(b"looked at a hundred frames"),
    }
    return GradeCapability(**{**fields, **changes})


def graded(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability whose version is graded."""
    capability = examined(town, vendor)
    town.give(grading(town, capability)).require()
    return capability


def published(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability on the routing list."""
    capability = graded(town, vendor)
    town.give(PublishCapability(capability=capability, version=1)).require()
    return capability


def suspension(town: Town, capability: CapabilityId) -> SuspendCapability:
    """Return the command that suspends."""
    statement: Sha256 = town.put(b"a flaw was reported")
    return SuspendCapability(capability=capability, reason=StopReason.SECURITY, statement=statement, effective_at=NOW)


def suspended(town: Town, vendor: UUID) -> CapabilityId:
    """Return a capability that is off the routing list."""
    capability = published(town, vendor)
    town.give(suspension(town, capability)).require()
    return capability


def template_of(town: Town) -> TemplateId:
    """Return a template of the town's holder."""
    return TemplateId(town.give(DefineTemplate(name="storyboard to previs")).result())


def machines_of(town: Town) -> ComputeResourceId:
    """Return a pool of machines of the town's holder."""
    return ComputeResourceId(town.give(MACHINES).result())
