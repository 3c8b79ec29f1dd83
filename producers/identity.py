"""The gate: bring bytes, get an identifier and a judgement under the policy in force."""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Final
from uuid import UUID

import rfc8785

from domain.events import Sha256
from domain.governance.authority import Permission
from domain.governance.events import policy_key
from domain.governance.policies import TRACE_SET
from domain.identity.digital_object import DigitalObject, Facts, Seen, Status, SubmitObject, decide, evolve
from domain.identity.events import (
    DuplicateSubmissionDetected,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    TraceSetJudged,
    content_key,
)
from domain.identity.trace_set import BUILT_IN, TRACE_SET_POLICY, TraceSetPolicy, parse_policy
from domain.ids import ObjectId, PartyId
from domain.rights.events import title_key
from producers.authority import ANYBODY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, View, Write
from producers.governance import POLICY_SET, policy_in_force
from producers.host import Host
from producers.titles import title_of

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


def _submit(command: SubmitObject, view: View, acting: Acting) -> Decision[Submitted]:
    """Decide on one object: the same bytes from the same holder are one, also when two processes race.

    Its content key is taken at birth, and whoever comes second is decided again on the object that the first one made.
    """
    known = view.keys.get(content_key(acting.who, command.sha256))
    stream = view.born(OBJECT) if known is None else view.load(known.stream_id, OBJECT)
    policy = trace_set_in_force(view, POLICY_IN_FORCE)
    events = decide(stream.state, command, _facts(command, view, acting, policy.policy))
    state = reduce(evolve, events, stream.state)
    answer = Submitted(ObjectId(stream.stream_id), state, duplicate=known is not None)
    return Decision((Write(stream, events),), answer, policy.digest)


def _facts(command: SubmitObject, view: View, acting: Acting, policy: TraceSetPolicy) -> Facts:
    title = title_of(view, acting.who, command.sha256)
    parents = (parent.object_id for parent in command.parents)
    known = frozenset(p for p in parents if view.load(p, OBJECT).state.status is not Status.UNKNOWN)
    return Facts(acting.who, acting.evidence, known, None if title is None else title.statement, policy)


def _lookups(command: SubmitObject, who: PartyId) -> tuple[str, ...]:
    return (content_key(who, command.sha256), title_key(who, command.sha256), policy_key(TRACE_SET))


def _reads(command: SubmitObject, keys: Keys) -> tuple[UUID, ...]:
    return (*(holder.stream_id for holder in keys.values()), *(parent.object_id for parent in command.parents))


def _look(command: SubmitObject, host: Host) -> Seen | None:
    return host.look(command.sha256)


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


COMMANDS: Final = (
    CommandSpec(
        SubmitObject,
        Permission(SubmitObject.NAME, ANYBODY),
        _submit,
        (
            ObjectIdentified,
            DuplicateSubmissionDetected,
            TraceSetJudged,
            ObjectAdmitted,
            ObjectQuarantined,
            ObjectRejected,
        ),
        lookups=_lookups,
        reads=_reads,
        gather=_look,
        project=lambda command, _: command.project,
    ),
)
"""Who may bring what: any enrolled person or organisation its own; the gate judges what it is."""
