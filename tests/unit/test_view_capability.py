"""Capabilities as they may be called: given their events, then versions, the list, filings, templates, machines."""

from typing import Any

import pytest

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
    Grade,
    LicenceTerm,
    Nature,
    ScanVerdict,
    StopReason,
    SupplyChainScanned,
    VersionSigned,
)
from domain.capability.means import (
    Pool,
    PriceQuoted,
    ResourceDrained,
    ResourceEnrolled,
    ResourceResumed,
    ResourceRetired,
    TemplateDefined,
    TemplateRetired,
    TemplateVersioned,
)
from domain.events import Event
from domain.ids import PartyId
from projections.capability import CAPABILITIES, CAPABILITY, FILING, RESOURCE, TEMPLATE, VERSION
from tests.governance_kit import NOW
from tests.view_kit import Tale, digest_of, some

ENGINE, OTHER, STEPS, MACHINES = map(some, range(1, 5))
VENDOR = PartyId(some(70))
PAPER = digest_of("reasons")
DESCRIBED = CapabilityDescribed(provider=VENDOR, name="posterise", kind=CapabilityKind.ALGORITHM)
PUBLISHED = CapabilityPublished(number=1)
REINSTATED = CapabilityReinstated(statement=PAPER)
SUSPENDED = CapabilitySuspended(reason=StopReason.SECURITY, statement=PAPER, effective_at=NOW)
REVOKED = CapabilityRevoked(reason=StopReason.LICENCE, statement=PAPER, effective_at=NOW)
ENROLLED = ResourceEnrolled(
    owner=VENDOR, pool=Pool.INDUSTRY, country="CN", security_level=2, accelerators=8, accelerator_memory_mib=81_920,
    memory_mib=131_072,
)  # fmt: skip
CAC = FilingAuthority.CAC_ALGORITHM


@pytest.fixture
def tale() -> Tale:
    return Tale(CAPABILITIES)


def signed(number: int = 1, version: str = "1.0.0", *licences: tuple[str, str]) -> VersionSigned:
    terms = licences or (("posterise", "Apache-2.0"),)
    fields: dict[str, Any] = dict.fromkeys(("manifest", "ml_bom", "interface", "code"), PAPER)
    return VersionSigned(
        number=number, version=version, fingerprint=digest_of(version), compatible=True, weights=(), claimed=(),
        licences=tuple(LicenceTerm(component=of, licence=licence, natures=()) for of, licence in terms), **fields,
    )  # fmt: skip


def scanned(number: int = 1, verdict: ScanVerdict = ScanVerdict.CLEAN) -> SupplyChainScanned:
    return SupplyChainScanned(number=number, fingerprint=PAPER, scanner="scan@1", verdict=verdict, findings=())


def examined(number: int = 1, passed: int = 4, failed: int = 0) -> ComplianceTested:
    return ComplianceTested(
        number=number, fingerprint=PAPER, passed=passed, failed=failed, report=PAPER, environment=PAPER
    )


def graded(number: int = 1, *grades: Grade, natures: tuple[Nature, ...] = (Nature.RESEARCH,)) -> CapabilityGraded:
    return CapabilityGraded(number=number, grades=grades or (Grade.G0,), natures=natures, basis=PAPER)


# -- capabilities and versions ----------------------------------------------------------------------------------------


def test_a_description_lets_nothing_be_called(tale: Tale) -> None:
    at = tale.tell(ENGINE, DESCRIBED)
    assert tale.rows(CAPABILITY) == {(ENGINE,): (at, VENDOR, "posterise", "algorithm", "described", None)}
    assert tale.rows(VERSION) == {}


def test_of_a_signed_version_nothing_is_known_yet(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED, signed(1, "1.0.0", ("posterise", "Apache-2.0"), ("numpy", "BSD-3-Clause")))
    assert tale.row(VERSION, ENGINE, 1) == {
        "version": "1.0.0", "fingerprint": digest_of("1.0.0"),
        "licences": ("posterise: Apache-2.0", "numpy: BSD-3-Clause"), "scan": None, "passed": None, "failed": None,
        "grades": (), "natures": (),
    }  # fmt: skip


def test_each_examination_adds_what_it_found(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED)
    at = tale.tell(ENGINE, signed())
    natures = (Nature.COMMERCIAL, Nature.RESEARCH)
    tale.tell(ENGINE, scanned(), examined(1, 5, 2), graded(1, Grade.G0, Grade.G2, natures=natures))
    looks = [tale.row(VERSION, ENGINE, 1, as_of=index) for index in range(at, at + 4)]
    assert [look["scan"] for look in looks] == [None, "clean", "clean", "clean"]
    assert [(look["passed"], look["failed"]) for look in looks] == [(None, None), (None, None), (5, 2), (5, 2)]
    assert looks[2]["grades"] == () and looks[3]["grades"] == ("g0", "g2")
    assert looks[3]["natures"] == ("commercial", "research") and looks[3]["version"] == "1.0.0"


def test_a_version_examined_again_shows_the_last_finding(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED, signed(), scanned(), examined(1, 4, 0), graded(1, Grade.G2))
    tale.tell(ENGINE, scanned(1, ScanVerdict.SUSPICIOUS), examined(1, 3, 1), graded(1, Grade.G1))
    row = tale.row(VERSION, ENGINE, 1)
    assert (row["scan"], row["passed"], row["failed"], row["grades"]) == ("suspicious", 3, 1, ("g1",))


def test_examining_one_version_says_nothing_of_another(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED, signed(), scanned(), signed(2, "1.1.0"), examined(2))
    tale.tell(OTHER, DESCRIBED, signed())
    first, second = tale.row(VERSION, ENGINE, 1), tale.row(VERSION, ENGINE, 2)
    assert (first["scan"], first["passed"]) == ("clean", None)
    assert (second["scan"], second["passed"], second["version"]) == (None, 4, "1.1.0")
    assert tale.row(VERSION, OTHER, 1)["scan"] is None


@pytest.mark.parametrize("event", [scanned(2), examined(2), graded(2)], ids=lambda event: type(event).__name__)
def test_a_version_that_was_never_signed_stops_the_view(tale: Tale, event: Event) -> None:
    tale.tell(ENGINE, DESCRIBED, signed())
    at = tale.tell(ENGINE, event)
    assert tale.poison().index == at
    assert tale.poison().reason == f"LookupError: version {ENGINE} 2 has no row, though it was made before"


def test_the_list_goes_through_its_states(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED, signed())
    at = tale.tell(ENGINE, PUBLISHED)
    tale.tell(ENGINE, SUSPENDED, REINSTATED, SUSPENDED, REVOKED)
    states = [tale.row(CAPABILITY, ENGINE, as_of=index)["state"] for index in range(at - 1, at + 5)]
    assert states == ["described", "published", "suspended", "published", "suspended", "revoked"]
    assert tale.row(CAPABILITY, ENGINE)["published"] == 1
    assert tale.row(CAPABILITY, ENGINE, as_of=at - 1)["published"] is None


def test_the_next_version_takes_the_place_of_the_one_on_the_list(tale: Tale) -> None:
    tale.tell(ENGINE, DESCRIBED, signed(), PUBLISHED)
    at = tale.tell(ENGINE, signed(2, "1.1.0"), CapabilityPublished(number=2))
    assert [tale.row(CAPABILITY, ENGINE, as_of=index)["published"] for index in (at - 1, at)] == [1, 2]


@pytest.mark.parametrize("event", [PUBLISHED, SUSPENDED, REINSTATED, REVOKED], ids=lambda event: type(event).__name__)
def test_a_capability_that_was_never_described_stops_the_view(tale: Tale, event: Event) -> None:
    tale.tell(OTHER, DESCRIBED)
    assert tale.tell(ENGINE, event) == tale.poison().index
    assert "has no row, though it was made before" in tale.poison().reason
    assert set(tale.made().rows(CAPABILITY)) == {(OTHER,)}


# -- filings ----------------------------------------------------------------------------------------------------------


def test_a_filing_is_declared_then_checked(tale: Tale) -> None:
    at = tale.tell(ENGINE, DESCRIBED, FilingDeclared(authority=CAC, number="网信算备110108"))
    looked_up = {"authority": CAC, "number": "网信算备110108", "source": PAPER}
    tale.tell(ENGINE, FilingChecked(result=FilingResult.NOT_FOUND, **looked_up))
    tale.tell(ENGINE, FilingChecked(result=FilingResult.CONFIRMED, **looked_up))
    key = (ENGINE, "cac_algorithm", "网信算备110108")
    results = [tale.rows(FILING, as_of=index)[key] for index in range(at, at + 3)]
    assert results == [("declared",), ("not_found",), ("confirmed",)]


def test_two_authorities_may_give_one_number(tale: Tale) -> None:
    tale.tell(ENGINE, FilingDeclared(authority=CAC, number="1234"))
    tale.tell(ENGINE, FilingDeclared(authority=FilingAuthority.FILM_AUTHORITY, number="1234"))
    assert set(tale.rows(FILING)) == {(ENGINE, "cac_algorithm", "1234"), (ENGINE, "film_authority", "1234")}


# -- templates and machines -------------------------------------------------------------------------------------------


def test_a_template_has_no_steps_until_it_has_a_version(tale: Tale) -> None:
    at = tale.tell(STEPS, TemplateDefined(owner=VENDOR, name="storyboard to previs"))
    tale.tell(STEPS, TemplateVersioned(number=1, document=PAPER, nodes=2))
    tale.tell(STEPS, TemplateVersioned(number=2, document=digest_of("more"), nodes=3), TemplateRetired())
    said = (VENDOR, "storyboard to previs")
    assert [tale.rows(TEMPLATE, as_of=index)[STEPS,] for index in range(at, at + 4)] == [
        (*said, 0, None, False),
        (*said, 1, PAPER, False),
        (*said, 2, digest_of("more"), False),
        (*said, 2, digest_of("more"), True),
    ]


def test_machines_are_drained_resumed_and_retired(tale: Tale) -> None:
    at = tale.tell(MACHINES, ENROLLED)
    tale.tell(MACHINES, ResourceDrained(), ResourceResumed(), ResourceDrained(), ResourceRetired())
    assert tale.rows(RESOURCE, as_of=at) == {(MACHINES,): (VENDOR, "industry", "CN", 2, 8, "open")}
    states = [tale.row(RESOURCE, MACHINES, as_of=index)["state"] for index in range(at, at + 5)]
    assert states == ["open", "drained", "open", "drained", "retired"]


@pytest.mark.parametrize(
    "event",
    [
        TemplateVersioned(number=1, document=PAPER, nodes=1),
        TemplateRetired(),
        ResourceDrained(),
        ResourceResumed(),
        ResourceRetired(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_means_that_were_never_made_stop_the_view(tale: Tale, event: Event) -> None:
    tale.tell(OTHER, TemplateDefined(owner=VENDOR, name="another"), ENROLLED)
    assert tale.tell(STEPS, event) == tale.poison().index
    assert tale.poison().reason.startswith("LookupError: ")


def test_a_quoted_price_is_no_row_here(tale: Tale) -> None:
    assert not CAPABILITIES.takes(PriceQuoted.TYPE)
    assert CAPABILITIES.takes(ResourceEnrolled.TYPE)
