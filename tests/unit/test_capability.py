"""Given a capability, when a command, then events or an error: each rule of filing, and each rule broken."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.capability import rules
from domain.capability.admission import ADMISSION_POLICY, BUILT_IN_ADMISSION, Step, parse_admission
from domain.capability.capability import Capability, evolve, lacking
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
    LicenceTerm,
    Nature,
    ScanVerdict,
    StopReason,
    SupplyChainScanned,
    VersionSigned,
    capability_key,
    filing_key,
)
from domain.capability.filing import check_filing_number
from domain.capability.manifest import read_manifest
from domain.capability.rules import (
    FILINGS_MAX,
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
from domain.command import Command
from domain.errors import Invalid, Rejected
from domain.events import Event, Sha256
from domain.ids import CapabilityId, PartyId
from schemas.strict_json import parse_strict
from tests.capability_kit import NUMBER, example

NOW = datetime(2026, 11, 26, tzinfo=UTC)
IT = CapabilityId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000001"))
VENDOR = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
GUILD = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000003"))
PAPER, FINGERPRINT, INTERFACE = Sha256(b"p" * 32), Sha256(b"f" * 32), Sha256(b"i" * 32)
MANIFEST = read_manifest(parse_strict(example().manifest, "manifest", bytes_max=1 << 20, depth_max=24))
FACTS = Facts(capability=IT, who=GUILD, policy=BUILT_IN_ADMISSION, documents=frozenset({PAPER}))
BY_VENDOR = replace(FACTS, who=VENDOR)
RESEARCH_ONLY = LicenceTerm(component="RMBG-2.0", licence="CC-BY-NC-4.0", natures=(Nature.RESEARCH,))
CAC = FilingAuthority.CAC_ALGORITHM

DESCRIBED = CapabilityDescribed(provider=VENDOR, name="posterise", kind=CapabilityKind.ALGORITHM)
MODEL = CapabilityDescribed(provider=VENDOR, name="posterise", kind=CapabilityKind.GENERATIVE_MODEL)
SIGNED = VersionSigned(
    number=1,
    version="1.0.0",
    manifest=PAPER,
    ml_bom=PAPER,
    fingerprint=FINGERPRINT,
    interface=INTERFACE,
    compatible=True,
    weights=(),
    code=PAPER,
    licences=MANIFEST.licences,
    claimed=(Grade.G0,),
)
SCANNED = SupplyChainScanned(
    number=1, fingerprint=FINGERPRINT, scanner="scan@1", verdict=ScanVerdict.CLEAN, findings=()
)
TESTED = ComplianceTested(number=1, fingerprint=FINGERPRINT, passed=4, failed=0, report=PAPER, environment=PAPER)
FILED = FilingDeclared(authority=CAC, number=NUMBER)
CONFIRMED = FilingChecked(authority=CAC, number=NUMBER, result=FilingResult.CONFIRMED, source=PAPER)
GRADED = CapabilityGraded(number=1, grades=(Grade.G0,), natures=(Nature.RESEARCH,), basis=PAPER)
PUBLISHED = CapabilityPublished(number=1)
SUSPENDED = CapabilitySuspended(reason=StopReason.SECURITY, statement=PAPER, effective_at=NOW)
REVOKED = CapabilityRevoked(reason=StopReason.LICENCE, statement=PAPER, effective_at=NOW)
WHOLE = (DESCRIBED, SIGNED, SCANNED, TESTED, GRADED)

SIGN = SignVersion(capability=IT, manifest=PAPER, ml_bom=PAPER)
READ = Signed(MANIFEST, FINGERPRINT, INTERFACE, frozenset())
SCAN = ScanSupplyChain(capability=IT, version=1)
TEST = RunComplianceTests(capability=IT, version=1)
DECLARE = DeclareFiling(capability=IT, authority=CAC, number=NUMBER)
CHECK = CheckFiling(capability=IT, authority=CAC, number=NUMBER, result=FilingResult.CONFIRMED, source=PAPER)
GRADE = GradeCapability(capability=IT, version=1, grades=(Grade.G0,), natures=(Nature.COMMERCIAL,), basis=PAPER)
PUBLISH = PublishCapability(capability=IT, version=1)
SUSPEND = SuspendCapability(capability=IT, reason=StopReason.SECURITY, statement=PAPER, effective_at=NOW)
REINSTATE = ReinstateCapability(capability=IT, statement=PAPER)
REVOKE = RevokeCapability(capability=IT, reason=StopReason.LICENCE, statement=PAPER, effective_at=NOW)


def state(*events: Any) -> Capability:
    return reduce(evolve, events, Capability())


def decide(events: tuple[Any, ...], command: Command, facts: Facts = FACTS) -> Event:
    (event,) = rules.decide(state(*events), command, facts)
    return event


def refused(events: tuple[Any, ...], command: Command, why: str, facts: Facts = FACTS) -> None:
    with pytest.raises(Rejected, match=why):
        rules.decide(state(*events), command, facts)


@pytest.mark.parametrize(
    "command", [SIGN, SCAN, TEST, DECLARE, CHECK, GRADE, PUBLISH, SUSPEND, REINSTATE, REVOKE], ids=lambda c: c.NAME
)
def test_nothing_is_done_to_what_is_none_or_no_more(command: Command) -> None:
    refused((), command, "is not a capability of this ledger")
    refused((*WHOLE, REVOKED), command, "the capability is revoked")


@pytest.mark.parametrize("command", [SCAN, TEST, GRADE, PUBLISH], ids=lambda c: c.NAME)
def test_a_version_there_is_not_is_named(command: Any) -> None:
    refused((DESCRIBED,), command, "expected a version of 1 to 0, found 1")
    refused((DESCRIBED, SIGNED), replace(command, version=2), "expected a version of 1 to 1, found 2")


@pytest.mark.parametrize("command", [SCAN, TEST, CHECK, GRADE, REINSTATE], ids=lambda c: c.NAME)
def test_who_stands_for_it_does_not_examine_it(command: Command) -> None:
    refused((*WHOLE, FILED, PUBLISHED, SUSPENDED), command, "does not examine it", BY_VENDOR)


@pytest.mark.parametrize("command", [CHECK, GRADE, SUSPEND, REINSTATE, REVOKE], ids=lambda c: c.NAME)
def test_reasons_lie_in_the_store(command: Command) -> None:
    events = (*WHOLE, FILED, PUBLISHED, *([SUSPENDED] if command is REINSTATE else []))
    refused(events, command, "expected the document 7070", replace(FACTS, documents=frozenset()))


class TestDescribed:
    """An identifier, and versions that their provider signs."""

    def test_one_name_of_one_provider_is_one_capability(self) -> None:
        command = DescribeCapability(name="posterise", kind=CapabilityKind.ALGORITHM)
        event = decide((), command, BY_VENDOR)
        assert event == DESCRIBED and event.keys().take == (capability_key(VENDOR, "posterise"),)
        refused((), command, "described a capability of this name already", replace(BY_VENDOR, taken=True))

    def test_a_version_carries_what_its_manifest_says(self) -> None:
        event = decide((DESCRIBED,), SIGN, replace(BY_VENDOR, examined=READ))
        assert event == replace(SIGNED, code=MANIFEST.code)

    def test_only_its_provider_signs(self) -> None:
        refused((DESCRIBED,), SIGN, "expected the provider", replace(FACTS, examined=READ))

    def test_without_manifest_and_bill_there_is_no_version(self) -> None:
        refused((DESCRIBED,), SIGN, "expected manifest and bill of materials", BY_VENDOR)

    def test_the_manifest_is_that_of_this_capability(self) -> None:
        refused(
            (MODEL,), SIGN, "expected the manifest of posterise, generative_model", replace(BY_VENDOR, examined=READ)
        )

    def test_the_bill_names_every_file_of_weights(self) -> None:
        weights = read_manifest({**MANIFEST.document, "weights": [{"name": "w", "sha256": "ab" * 32, "size": 1}]})
        lacks = replace(READ, manifest=weights)
        refused((DESCRIBED,), SIGN, "does not name the weights w", replace(BY_VENDOR, examined=lacks))
        whole = replace(lacks, bom_names=frozenset({Sha256(bytes.fromhex("ab" * 32))}))
        event = decide((DESCRIBED,), SIGN, replace(BY_VENDOR, examined=whole))
        assert isinstance(event, VersionSigned) and event.weights == (bytes.fromhex("ab" * 32),)

    def test_a_version_is_never_replaced(self) -> None:
        refused((DESCRIBED, SIGNED), SIGN, "there is a version 1.0.0 already", replace(BY_VENDOR, examined=READ))

    def test_another_interface_is_said_to_be_one(self) -> None:
        second = replace(READ, manifest=replace(MANIFEST, version="2"), interface=Sha256(b"j" * 32))
        event = decide((DESCRIBED, SIGNED), SIGN, replace(BY_VENDOR, examined=second))
        assert isinstance(event, VersionSigned) and (event.number, event.compatible) == (2, False)


class TestExamined:
    """Scans and tests are bound to the fingerprint of the version."""

    def test_the_gravest_finding_is_the_verdict(self) -> None:
        odd = Finding(file=PAPER, verdict=ScanVerdict.SUSPICIOUS, code="not-safetensors:x")
        bad = Finding(file=PAPER, verdict=ScanVerdict.MALICIOUS, code="pickle-global:os.system")
        for findings, verdict in (
            ((), ScanVerdict.CLEAN),
            ((odd,), ScanVerdict.SUSPICIOUS),
            ((bad, odd), ScanVerdict.MALICIOUS),
            ((odd, bad), ScanVerdict.MALICIOUS),
        ):
            found = Scanned(FINGERPRINT, "scan@1", findings)
            event = decide((DESCRIBED, SIGNED), SCAN, replace(FACTS, examined=found))
            assert isinstance(event, SupplyChainScanned) and event.verdict is verdict

    def test_what_was_read_is_what_was_signed(self) -> None:
        other = Scanned(INTERFACE, "scan@1", ())
        for found in (None, other):
            refused((DESCRIBED, SIGNED), SCAN, "every file of the version", replace(FACTS, examined=found))
        for report in (None, Ran(INTERFACE, 1, 0, PAPER, PAPER)):
            refused((DESCRIBED, SIGNED, SCANNED), TEST, "code and inputs", replace(FACTS, examined=report))

    def test_nothing_runs_that_was_not_scanned_or_is_malicious(self) -> None:
        found = replace(FACTS, examined=Ran(FINGERPRINT, 4, 0, PAPER, PAPER))
        refused((DESCRIBED, SIGNED), TEST, "before its files were scanned", found)
        bad = replace(SCANNED, verdict=ScanVerdict.MALICIOUS)
        refused((DESCRIBED, SIGNED, bad), TEST, "not malicious", found)
        assert decide((DESCRIBED, SIGNED, SCANNED), TEST, found) == TESTED


class TestFiling:
    """A number that its provider names, and that somebody else looks up."""

    def test_a_number_is_taken_for_ever(self) -> None:
        event = decide((DESCRIBED,), DECLARE, BY_VENDOR)
        assert event == FILED and event.keys().take == (filing_key(CAC, NUMBER),)
        refused((DESCRIBED,), DECLARE, "filing of a capability already", replace(BY_VENDOR, taken=True))
        refused((DESCRIBED,), DECLARE, "expected the provider")

    def test_a_number_is_written_as_its_authority_writes_it(self) -> None:
        wrong = replace(DECLARE, number="网信算备1101086455028012300号")
        refused((DESCRIBED,), wrong, "such as 网信算备110108645502801230035号", BY_VENDOR)
        check_filing_number(FilingAuthority.CAC_GENERATIVE_SERVICE, "Beijing-WenXinYiYan-20230821")
        check_filing_number(FilingAuthority.FILM_AUTHORITY, "电影备字 2026")
        for authority, number in (
            (FilingAuthority.CAC_GENERATIVE_SERVICE, "WenXinYiYan-20230821"),
            (FilingAuthority.OTHER, "a\nb"),
        ):
            with pytest.raises(Invalid, match=f"filing {authority}: expected"):
                check_filing_number(authority, number)

    def test_only_what_was_declared_is_looked_up(self) -> None:
        refused((DESCRIBED,), CHECK, "expected a declared filing")
        assert decide((DESCRIBED, FILED), CHECK) == CONFIRMED

    def test_there_is_an_end_to_filings(self) -> None:
        many = [FilingDeclared(authority=FilingAuthority.OTHER, number=f"no {n:04}") for n in range(FILINGS_MAX)]
        refused((DESCRIBED, *many), DECLARE, f"at most {FILINGS_MAX}", BY_VENDOR)


class TestGraded:
    """Only what every licence allows and its provider claims."""

    def test_a_licence_that_forbids_is_named_with_its_component(self) -> None:
        bound = replace(SIGNED, licences=(*SIGNED.licences, RESEARCH_ONLY))
        refused((DESCRIBED, bound), GRADE, "commercial is not allowed by CC-BY-NC-4.0 of RMBG-2.0: research")
        event = decide((DESCRIBED, bound), replace(GRADE, natures=(Nature.RESEARCH,)))
        assert event == GRADED

    def test_a_licence_that_allows_nothing_allows_nothing(self) -> None:
        shut = replace(SIGNED, licences=(replace(RESEARCH_ONLY, natures=()),))
        refused((DESCRIBED, shut), GRADE, "of RMBG-2.0: none")

    def test_no_grade_above_the_claim(self) -> None:
        refused((DESCRIBED, SIGNED), replace(GRADE, grades=(Grade.G0, Grade.G2)), "does not claim g2")


class TestPublished:
    """Every step that the policy asks for, or it is called by nobody."""

    def test_when_all_is_done_it_is_called(self) -> None:
        assert decide(WHOLE, PUBLISH) == PUBLISHED
        assert state(*WHOLE, PUBLISHED).callable and not state(*WHOLE).callable
        refused((*WHOLE, PUBLISHED), PUBLISH, "stands on the routing list")

    @pytest.mark.parametrize(
        ("gone", "why"),
        [
            (SCANNED, "scan: its files were not scanned"),
            (TESTED, "test: its tests were not run"),
            (GRADED, "grade: nobody"),
        ],
        ids=lambda value: getattr(value, "TYPE", value),
    )
    def test_each_step_is_asked_for(self, gone: Event, why: str) -> None:
        refused(tuple(event for event in WHOLE if event != gone), PUBLISH, why)

    def test_a_model_is_filed_and_the_filing_confirmed(self) -> None:
        model = (MODEL, *WHOLE[1:])
        refused(model, PUBLISH, "filing: no filing number was declared")
        refused((*model, FILED), PUBLISH, "filing: no filing number was confirmed")
        refused((*model, FILED, replace(CONFIRMED, result=FilingResult.MISMATCH)), PUBLISH, "was confirmed")
        assert decide((*model, FILED, CONFIRMED), PUBLISH) == PUBLISHED

    def test_findings_and_failures_hold_it_back(self) -> None:
        odd = (DESCRIBED, SIGNED, replace(SCANNED, verdict=ScanVerdict.SUSPICIOUS), TESTED, GRADED)
        refused(odd, PUBLISH, "scan: its files are suspicious")
        lenient = parse_admission({**ADMISSION_POLICY, "verdicts": ["clean", "suspicious"]})
        assert decide(odd, PUBLISH, replace(FACTS, policy=lenient)) == PUBLISHED
        refused((DESCRIBED, SIGNED, SCANNED, replace(TESTED, failed=1), GRADED), PUBLISH, "test: 1 of 5 tests failed")
        refused((DESCRIBED, SIGNED, SCANNED, replace(TESTED, passed=0), GRADED), PUBLISH, "test: 0 of 0 tests failed")

    def test_the_next_version_starts_from_nothing(self) -> None:
        second = replace(SIGNED, number=2, version="2", fingerprint=INTERFACE)
        refused((*WHOLE, PUBLISHED, second), replace(PUBLISH, version=2), "scan: its files were not scanned")

    def test_suspended_and_back(self) -> None:
        on = (*WHOLE, PUBLISHED)
        assert decide(on, SUSPEND) == SUSPENDED
        off = (*on, SUSPENDED)
        assert (state(*off).status, state(*off).callable) == ("suspended", False)
        refused(off, SUSPEND, "the capability is suspended")
        refused(off, replace(PUBLISH), "the capability is suspended")
        refused(WHOLE, SUSPEND, "the capability is described")
        refused(on, REINSTATE, "the capability is published")
        assert decide(off, REINSTATE) == CapabilityReinstated(statement=PAPER)
        assert state(*off, CapabilityReinstated(statement=PAPER)).callable
        now_bad = replace(SCANNED, verdict=ScanVerdict.MALICIOUS)
        refused((*off, now_bad), REINSTATE, "scan: its files are malicious")

    def test_revoked_it_is_called_no_more(self) -> None:
        assert decide((*WHOLE, PUBLISHED), REVOKE) == REVOKED
        ended = state(*WHOLE, PUBLISHED, REVOKED)
        assert (ended.status, ended.callable) == ("revoked", False)


class TestPolicy:
    """The policy is data that is read strictly."""

    def test_the_programs_own(self) -> None:
        assert BUILT_IN_ADMISSION.steps[CapabilityKind.GENERATIVE_MODEL] == tuple(Step)
        assert lacking(state(*WHOLE), 1, BUILT_IN_ADMISSION) == ""

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"more": 1}, "expected the members"),
            ({"policy": "x"}, "expected edgeprint/capability-admission/1"),
            ({"kinds": {}}, "a row for each of"),
            ({"kinds": {**ADMISSION_POLICY["kinds"], "tool": ["scan"]}}, "with grade among them"),
            ({"kinds": {**ADMISSION_POLICY["kinds"], "tool": ["grade", "fly"]}}, "kinds.tool: expected steps"),
            ({"kinds": {**ADMISSION_POLICY["kinds"], "tool": "grade"}}, "kinds.tool: expected steps"),
            ({"verdicts": ["clean", "malicious"]}, "expected clean, or clean and suspicious"),
            ({"verdicts": ["suspicious"]}, "expected clean"),
            ({"verdicts": "clean"}, "expected clean"),
        ],
    )
    def test_what_is_no_policy(self, change: dict[str, Any], why: str) -> None:
        with pytest.raises(Invalid, match=why):
            parse_admission({**ADMISSION_POLICY, **change})
