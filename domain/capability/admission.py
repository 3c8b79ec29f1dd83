"""The policy by which a capability comes onto the routing list: which steps each kind must have behind it.

Steps: `scan` with a verdict that the policy takes, `test` with nothing failed, `filing` confirmed in the authority's
register, `grade` by somebody else than the provider. Each is bound to the fingerprint of the version it was taken for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.capability.events import CapabilityKind, ScanVerdict
from domain.errors import Invalid

POLICY: Final = "edgeprint/capability-admission/1"


class Step(StrEnum):
    """What must have been done before a version is published."""

    SCAN = "scan"
    TEST = "test"
    FILING = "filing"
    GRADE = "grade"


ADMISSION_POLICY: Final[dict[str, Any]] = {
    "policy": POLICY,
    "kinds": {
        "generative_model": ["scan", "test", "filing", "grade"],
        "analysis_model": ["scan", "test", "grade"],
        "algorithm": ["scan", "test", "grade"],
        "tool": ["scan", "grade"],
        "service": ["filing", "grade"],
    },
    "verdicts": ["clean"],
}


@dataclass(frozen=True, slots=True)
class AdmissionPolicy:
    """The steps of each kind, and the verdicts of a scan that let through."""

    steps: Mapping[CapabilityKind, tuple[Step, ...]]
    verdicts: frozenset[ScanVerdict]


def parse_admission(document: Mapping[str, Any]) -> AdmissionPolicy:
    """Return the policy that `document` states.

    Raises:
        Invalid: a member is missing or unknown, a kind has no row, a step is none of ours, a grade is not asked for, or
            a malicious file would be let through.
    """
    if set(document) != set(ADMISSION_POLICY):
        raise Invalid(f"expected the members {', '.join(ADMISSION_POLICY)}, found {', '.join(sorted(document))[:200]}")
    if document["policy"] != POLICY:
        raise Invalid(f"policy: expected {POLICY}, found another")
    kinds, verdicts = document["kinds"], document["verdicts"]
    wanted = {str(kind) for kind in CapabilityKind if kind is not CapabilityKind.UNSPECIFIED}
    if not isinstance(kinds, dict) or set(kinds) != wanted:
        raise Invalid(f"kinds: expected a row for each of {', '.join(sorted(wanted))}")
    for kind, steps in kinds.items():
        if not isinstance(steps, list) or not set(map(str, steps)) <= set(Step) or Step.GRADE not in steps:
            raise Invalid(f"kinds.{kind}: expected steps of {', '.join(Step)}, with grade among them")
    allowed = {str(ScanVerdict.CLEAN), str(ScanVerdict.SUSPICIOUS)}
    if not isinstance(verdicts, list) or not set(map(str, verdicts)) <= allowed or "clean" not in verdicts:
        raise Invalid("verdicts: expected clean, or clean and suspicious")
    return AdmissionPolicy(
        steps={
            CapabilityKind(kind): tuple(Step(step) for step in Step if step in steps) for kind, steps in kinds.items()
        },
        verdicts=frozenset(ScanVerdict(verdict) for verdict in verdicts),
    )


BUILT_IN_ADMISSION: Final = parse_admission(ADMISSION_POLICY)
