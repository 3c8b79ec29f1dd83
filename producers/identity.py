"""The gate: bring bytes, get an identifier and a judgement under the policy in force."""

from dataclasses import dataclass
from functools import reduce
from typing import Final
from uuid import UUID

from domain.governance.authority import Permission
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
from domain.identity.trace_set import TraceSetPolicy
from domain.ids import ObjectId, PartyId
from domain.rights.events import title_key
from producers.authority import ANYBODY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, View, Write
from producers.host import Host
from producers.policies import TRACE_SET_RULES
from producers.titles import title_of

OBJECT = Aggregate("DigitalObject", ObjectIdentified.TYPE, DigitalObject(), evolve)


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
    rules = TRACE_SET_RULES.in_force(view.keys, view.load)
    events = decide(stream.state, command, _facts(command, view, acting, rules.policy))
    state = reduce(evolve, events, stream.state)
    answer = Submitted(ObjectId(stream.stream_id), state, duplicate=known is not None)
    return Decision((Write(stream, events),), answer, rules.digest)


def _facts(command: SubmitObject, view: View, acting: Acting, policy: TraceSetPolicy) -> Facts:
    title = title_of(view, acting.who, command.sha256)
    parents = (parent.object_id for parent in command.parents)
    known = frozenset(p for p in parents if view.load(p, OBJECT).state.status is not Status.UNKNOWN)
    return Facts(acting.who, acting.evidence, known, None if title is None else title.statement, policy)


def _lookups(command: SubmitObject, who: PartyId) -> tuple[str, ...]:
    return (content_key(who, command.sha256), title_key(who, command.sha256), TRACE_SET_RULES.key)


def _reads(command: SubmitObject, keys: Keys) -> tuple[UUID, ...]:
    return (*(holder.stream_id for holder in keys.values()), *(parent.object_id for parent in command.parents))


def _look(command: SubmitObject, host: Host) -> Seen | None:
    return host.look(command.sha256)


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
