"""Given events, when a command, then events or an error: PolicySet, and the policies that this program can read."""

import copy
import json
from functools import reduce
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from domain.errors import Invalid, Rejected
from domain.events import Sha256
from domain.governance import policies, policy_set
from domain.governance.events import PolicyActivated, PolicyApproved, PolicyDrafted, policy_key
from domain.governance.policies import READERS, read_policy
from domain.governance.policy_set import ActivatePolicy, ApprovePolicy, DraftPolicy, PolicySet
from domain.identity.events import AssetClass, Element, Level, Origin
from domain.identity.trace_set import BUILT_IN, TRACE_SET_POLICY, parse_policy
from domain.ids import PolicySetId

POLICY = PolicySetId(UUID("01937e3f-2b5c-7d4a-9c3e-00000000000d"))
DRAFTED = PolicyDrafted(name="trace-set", version=1, document="{}")
DIGEST = Sha256(sha256(b"{}").digest())
APPROVED = PolicyApproved(version=1, document_sha256=DIGEST)


def state(*events: Any) -> PolicySet:
    return reduce(policy_set.evolve, events, PolicySet())


def approve(version: int = 1, digest: Sha256 = DIGEST) -> ApprovePolicy:
    return ApprovePolicy(policy=POLICY, version=version, document_sha256=digest)


def activate(version: int = 1) -> ActivatePolicy:
    return ActivatePolicy(policy=POLICY, version=version)


def test_versions_are_drafted_one_after_the_other() -> None:
    assert policy_set.decide(PolicySet(), DraftPolicy(name="trace-set", document="{}")) == (DRAFTED,)
    assert DRAFTED.keys().take == (policy_key("trace-set"),) == ("policy/trace-set",)
    second = policy_set.decide(state(DRAFTED), DraftPolicy(name="trace-set", document="[]"))
    assert second == (PolicyDrafted(name="trace-set", version=2, document="[]"),)
    assert second[0].keys().take == ()
    with pytest.raises(Rejected, match="version 1 is this very document"):
        policy_set.decide(state(DRAFTED), DraftPolicy(name="trace-set", document="{}"))


def test_it_is_approved_by_who_has_read_it_and_then_activated() -> None:
    assert policy_set.decide(state(DRAFTED), approve()) == (APPROVED,)
    assert policy_set.decide(state(DRAFTED, APPROVED), activate()) == (PolicyActivated(version=1),)
    active = state(DRAFTED, APPROVED, PolicyActivated(version=1))
    assert active.in_force is not None and (active.in_force.document, active.in_force.activated_at) == ("{}", 3)
    assert state(DRAFTED, APPROVED).in_force is None


@pytest.mark.parametrize(
    ("events", "command", "why"),
    [
        ((), approve(), "expected a version of 1 to 0, found 1"),
        ((DRAFTED,), approve(2), "expected a version of 1 to 1, found 2"),
        ((DRAFTED,), approve(1, Sha256(bytes(32))), f"has the digest {DIGEST.hex()}"),
        ((DRAFTED, APPROVED), approve(), "approved already"),
        ((DRAFTED,), activate(), "is not approved"),
        ((DRAFTED, APPROVED), activate(2), "expected a version of 1 to 1"),
        ((DRAFTED, APPROVED, PolicyActivated(version=1)), activate(), "active already"),
    ],
)
def test_steps_out_of_order(events: tuple[Any, ...], command: Any, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        policy_set.decide(state(*events), command)


def test_an_earlier_version_can_decide_again() -> None:
    two = PolicyDrafted(name="trace-set", version=2, document="[]")
    both = (DRAFTED, APPROVED, PolicyActivated(version=1), two, PolicyApproved(version=2, document_sha256=DIGEST))
    back = state(*both, PolicyActivated(version=2), PolicyActivated(version=1))
    assert back.active == 1 and back.in_force is not None and back.in_force.activated_at == 7


def changed(**members: Any) -> dict[str, Any]:
    return {**copy.deepcopy(TRACE_SET_POLICY), **members}


def with_row(table: str, row: str, **cells: Any) -> dict[str, Any]:
    document = changed()
    document[table] = {**document[table], row: {**document[table].get(row, {}), **cells}}
    return document


def without(table: str, row: str) -> dict[str, Any]:
    document = changed()
    del document[table][row]
    return document


def test_the_built_in_policy_reads_as_it_is() -> None:
    again = parse_policy(json.loads(rfc8785.dumps(TRACE_SET_POLICY)))
    assert again.required == BUILT_IN.required and again.held == BUILT_IN.held
    assert set(again.required) == {(o, c) for o in Origin for c in AssetClass if "unspecified" not in (o, c)}


def test_a_stricter_policy() -> None:
    policy = parse_policy(with_row("origins", "human_work", job="attested"))
    assert policy.required[Origin.HUMAN_WORK, AssetClass.STATIC][Element.JOB] is Level.ATTESTED


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "expected the members policy, origins"),
        (changed(more=1), "expected the members"),
        (changed(policy="edgeprint/trace-set/2"), "expected edgeprint/trace-set/1"),
        (changed(origins=[]), "origins: expected an object"),
        (without("origins", "captured"), "origins: expected a row for captured"),
        (without("classes", "static"), "classes: expected a row for static"),
        (with_row("origins", "dreamt"), "origins: expected one of human_work.*found 'dreamt'"),
        (with_row("origins", "unspecified"), "found 'unspecified'"),
        (with_row("origins", "captured", soul="declared"), r"origins.captured: expected one of hash.*found 'soul'"),
        (with_row("origins", "captured", job="guessed"), r"origins.captured.job: expected one of"),
        (with_row("origins", "captured", job="missing"), "expected declared, attested or verified"),
        (with_row("origins", "captured", job=["declared"]), r"origins.captured.job: expected one of"),
        (with_row("origins", "captured", hash="declared"), "expected hash: verified in each row"),
        (changed(held={"imported": ""}), r"held.imported: expected a clause of 1 to 200"),
        (changed(held={"imported": "x" * 201}), "expected a clause"),
        (changed(roots_by_sidecar={}), "roots_by_sidecar: expected an array"),
        (changed(roots_by_sidecar=["finders_keepers"]), "found 'finders_keepers'"),
    ],
)
def test_a_document_that_is_no_trace_set_policy(document: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse_policy(document)
    with pytest.raises(Rejected, match=f"policy trace-set: .*{why}"):
        read_policy("trace-set", document)


def test_only_known_policies_are_read() -> None:
    assert set(READERS) == set(policies.BUILT_IN) == {"trace-set", "capability-admission", "infringement"}
    with pytest.raises(
        Rejected, match="expected a policy of trace-set, capability-admission, infringement, found 'tea'"
    ):
        read_policy("tea", {})
    with pytest.raises(Rejected, match="expected a JSON object"):
        read_policy("trace-set", [])
