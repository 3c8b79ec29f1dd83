"""Commands that rest on files: without them, or with others, they are refused and nothing is written."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.capability.events import FilingAuthority, FilingResult, StopReason
from domain.capability.rules import CheckFiling, RevokeCapability, RunComplianceTests, ScanSupplyChain, SignVersion
from domain.capability.template import VersionTemplate
from domain.command import Command
from domain.events import Sha256
from domain.governance.events import PartyKind, Role
from domain.identity.events import Element, Purpose
from domain.identity.upkeep import (
    AddRepresentation,
    AmendMetadata,
    AttestElements,
    ComputeFingerprint,
    LiftQuarantine,
    RecheckObject,
)
from domain.ids import PartyId
from producers.registry import REGISTRY
from tests.capability_kit import NUMBER, described, example, filed, scanned, signed, template_of
from tests.governance_kit import NOW, Town

ABSENT = Sha256(b"a" * 32)


class Case:
    """A town, a vendor, and an object of a guild's."""

    def __init__(self) -> None:
        self.town = Town()
        self.vendor = self.town.enrol(PartyKind.ORGANISATION, key=True)
        self.guild: PartyId = self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR)
        self.still = self.town.bring(b"a still", self.guild)

    def lose(self, data: bytes) -> None:
        """Take a blob out of the store."""
        self.town.blobs.path(self.town.put(data)).unlink()


def _lost(case: Case, command: Callable[[Case], Command], *lost: bytes) -> Command:
    made = command(case)
    for data in lost:
        case.lose(data)
    return made


LACKING: dict[str, tuple[Callable[[Case], Command], str]] = {
    "attest": (lambda c: AttestElements(object=c.still, elements=(Element.JOB,), statement=ABSENT), "found none"),
    "lift": (lambda c: LiftQuarantine(object=c.still, statement=ABSENT), "below the level required"),
    "amend": (lambda c: AmendMetadata(object=c.still, document=ABSENT), "expected the document 6161"),
    "represent": (lambda c: AddRepresentation(object=c.still, sha256=ABSENT, purpose=Purpose.PROXY), "in the blob"),
    "recheck": (lambda c: _lost(c, lambda _: RecheckObject(object=c.still), b"a still"), "found none here"),
    "fingerprint": (lambda c: _lost(c, lambda _: ComputeFingerprint(object=c.still), b"a still"), "are not here"),
    "sign": (
        lambda c: SignVersion(capability=described(c.town, c.town.holder), manifest=ABSENT, ml_bom=ABSENT),
        "expected manifest and bill of materials",
    ),
    "scan": (
        lambda c: _lost(c, lambda _: ScanSupplyChain(capability=signed(c.town, c.vendor), version=1), example().code),
        "every file of the version",
    ),
    "test": (
        lambda c: _lost(
            c, lambda _: RunComplianceTests(capability=scanned(c.town, c.vendor), version=1), example().picture
        ),
        "code and inputs",
    ),
    "check": (
        lambda c: CheckFiling(
            capability=filed(c.town, c.vendor),
            authority=FilingAuthority.CAC_ALGORITHM,
            number=NUMBER,
            result=FilingResult.CONFIRMED,
            source=ABSENT,
        ),
        "expected the document 6161",
    ),
    "revoke": (
        lambda c: RevokeCapability(
            capability=described(c.town, c.vendor), reason=StopReason.LICENCE, statement=ABSENT, effective_at=NOW
        ),
        "expected the document 6161",
    ),
    "template": (lambda c: VersionTemplate(template=template_of(c.town), document=ABSENT), "expected the document"),
}


@pytest.mark.parametrize("name", LACKING)
def test_without_its_files_it_is_refused(name: str) -> None:
    case = Case()
    make, why = LACKING[name]
    command = make(case)
    size = case.town.store.size()
    assert why in case.town.refusal(case.town.give(command))
    assert case.town.store.size() == size


def test_what_was_found_before_another_version_was_signed_is_no_finding_of_it() -> None:
    """The finding names a fingerprint; the rule compares it with that of the stream as it stands when it decides."""
    case = Case()
    command = ScanSupplyChain(capability=signed(case.town, case.vendor), version=1)
    request = case.town.request(command)
    _, found = request.evidence
    stale: Any = replace(request, evidence=(frozenset(), replace(found, fingerprint=ABSENT)))
    outcome = case.town.application.execute(REGISTRY.task(stale, case.town.ledger))
    assert "every file of the version" in case.town.refusal(outcome)
    case.town.application.execute(REGISTRY.task(request, case.town.ledger)).require()


def test_evidence_left_away_is_no_evidence() -> None:
    case = Case()
    for command in (
        RecheckObject(object=case.still),
        ScanSupplyChain(capability=signed(case.town, case.vendor), version=1),
    ):
        bare = replace(case.town.request(command), evidence=None)
        assert case.town.application.execute(REGISTRY.task(bare, case.town.ledger)).error is not None
