"""The gate: bring bytes, get an identifier and a judgement under the policy in force."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from uuid import UUID

import rfc8785

from domain.events import Sha256
from domain.governance.events import policy_key
from domain.governance.policies import TRACE_SET
from domain.identity.digital_object import DigitalObject, Facts, Status, SubmitObject, decide, evolve
from domain.identity.events import ObjectIdentified, content_key
from domain.identity.trace_set import BUILT_IN, TRACE_SET_POLICY, TraceSetPolicy, parse_policy
from domain.ids import ObjectId
from domain.rights.events import title_key
from producers.commands import Actor, Aggregate, Decision, Loaded, Task, View, Write
from producers.governance import POLICY_SET, is_enrolled, policy_in_force
from producers.ports import CommandKey, KeyHolder
from producers.rights import title_of

OBJECT = Aggregate("DigitalObject", ObjectIdentified.TYPE, DigitalObject(), evolve)


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """The trace-set policy and the digest that names it in every envelope."""

    policy: TraceSetPolicy
    digest: Sha256


POLICY_IN_FORCE: Final = PolicyInForce(BUILT_IN, Sha256(hashlib.sha256(rfc8785.dumps(TRACE_SET_POLICY)).digest()))
"""The program's own policy, which judges while none is active."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """Where the object stands now; `duplicate` when the same holder had brought the same bytes before."""

    object_id: ObjectId
    state: DigitalObject
    duplicate: bool


def submit_object(key: CommandKey, actor: Actor, command: SubmitObject, built_in: PolicyInForce) -> Task[Submitted]:
    """Return the task that brings one object to the gate; `built_in` judges while no policy is active.

    The same bytes from the same holder are one object, also when two processes race: its content key is taken at birth,
    and whoever comes second is decided again on the object that the first one made.
    """
    holder, work = command.holder, command.content.sha256
    content, title, named = content_key(holder, work), title_key(holder, work), policy_key(TRACE_SET)

    def reads(keys: Mapping[str, KeyHolder]) -> tuple[UUID, ...]:
        found = tuple(keys[name].stream_id for name in (content, title, named) if name in keys)
        return (holder, *found, *(parent.object_id for parent in command.parents))

    def run(view: View) -> Decision[Submitted]:
        known = view.keys.get(content)
        stream: Loaded[DigitalObject]
        if known is None:
            stream = view.born(OBJECT)
        else:
            stream = view.load(known.stream_id, OBJECT)
        policy = trace_set_in_force(view, built_in)
        events = decide(stream.state, command, _facts(view, command, policy))
        state = stream.state
        for event in events:
            state = evolve(state, event)
        answer = Submitted(ObjectId(stream.stream_id), state, duplicate=known is not None)
        return Decision((Write(stream, events),), answer, policy.digest)

    return Task(key, actor, run, lookups=(content, title, named), reads=reads)


def trace_set_in_force(view: View, built_in: PolicyInForce) -> PolicyInForce:
    """Return the active version of the policy; its stream is guarded, so that no decision is made by one put aside."""
    known = view.keys.get(policy_key(TRACE_SET))
    if known is None:
        return built_in
    found = policy_in_force(view.load(known.stream_id, POLICY_SET))
    return built_in if found is None else PolicyInForce(_read(found[0]), found[1])


@lru_cache(maxsize=8)
def _read(document: str) -> TraceSetPolicy:
    """Return a policy as one object, whose judgements are remembered; the document was read before it was drafted."""
    return parse_policy(json.loads(document))


def _facts(view: View, command: SubmitObject, policy: PolicyInForce) -> Facts:
    title = title_of(view, command.holder, command.content.sha256)
    parents = (parent.object_id for parent in command.parents)
    known = frozenset(p for p in parents if view.load(p, OBJECT).state.status is not Status.UNKNOWN)
    return Facts(
        holder_enrolled=is_enrolled(view, command.holder),
        known_parents=known,
        title_statement=None if title is None else title.statement,
        policy=policy.policy,
    )
