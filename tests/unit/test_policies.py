"""Each policy of the program decides by its active version, and by the program's own while none is active."""

import hashlib
import json
from collections.abc import Sequence
from functools import reduce
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from domain.events import Sha256
from domain.governance import policy_set
from domain.governance.events import PolicyActivated, PolicyApproved, PolicyDrafted
from domain.governance.policies import BUILT_IN, READERS
from domain.governance.policy_set import PolicySet
from producers.commands import Loaded
from producers.policies import ADMISSION_RULES, INFRINGEMENT_RULES, TRACE_SET_RULES, Rules
from producers.ports import KeyHolder

STREAM = UUID("01937e3f-2b5c-7d4a-9c3e-00000000000d")
EVERY: dict[str, Rules[Any]] = {
    rules.key.partition("/")[2]: rules for rules in (TRACE_SET_RULES, ADMISSION_RULES, INFRINGEMENT_RULES)
}
CHANGES: dict[str, dict[str, Any]] = {
    "trace-set": {"held": {}},
    "capability-admission": {"verdicts": ["clean", "suspicious"]},
    "infringement": {"period_days": 20},
}


def leaf(version: int) -> Sha256:
    return Sha256(hashlib.sha256(b"%d" % version).digest())


def in_force(rules: Rules[Any], events: Sequence[Any]) -> Any:
    """Return what decides where the policy's stream has these events."""
    state = reduce(policy_set.evolve, events, PolicySet())
    loaded = Loaded(STREAM, state, tuple(leaf(version) for version in range(1, len(events) + 1)))
    keys = {rules.key: KeyHolder(1, STREAM)} if events else {}
    asked: list[UUID] = []

    def load(stream: UUID, _: Any) -> Any:
        asked.append(stream)
        return loaded

    found = rules.in_force(keys, load)
    assert asked == [STREAM] * bool(events), "its stream is guarded wherever there is one"
    return found


def test_there_are_rules_for_every_policy() -> None:
    assert set(EVERY) == set(BUILT_IN) == set(READERS) == set(CHANGES)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_programs_own_decides_until_a_version_is_active(name: str) -> None:
    rules, document = EVERY[name], json.dumps({**BUILT_IN[name], **CHANGES[name]})
    drafted = PolicyDrafted(name=name, version=1, document=document)
    approved = PolicyApproved(version=1, document_sha256=leaf(0))
    for events in ([], [drafted], [drafted, approved]):
        found = in_force(rules, events)
        assert found is rules.own
    assert rules.own.digest == hashlib.sha256(rfc8785.dumps(dict(BUILT_IN[name]))).digest()
    found = in_force(rules, [drafted, approved, PolicyActivated(version=1)])
    assert found.digest == leaf(3), "an envelope names the entry that made it active"
    member = next(iter(CHANGES[name]))
    assert getattr(found.policy, member) != getattr(rules.own.policy, member)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_one_document_is_one_object(name: str) -> None:
    document = json.dumps({**BUILT_IN[name], **CHANGES[name]})
    events = [
        PolicyDrafted(name=name, version=1, document=document),
        PolicyApproved(version=1, document_sha256=leaf(0)),
        PolicyActivated(version=1),
    ]
    assert in_force(EVERY[name], events).policy is in_force(EVERY[name], events).policy
