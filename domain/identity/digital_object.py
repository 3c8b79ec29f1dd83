"""DigitalObject: identity first, then admission. The order is law (domain.md): no judgement without an identifier."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from domain.errors import Rejected
from domain.events import Sha256
from domain.identity.events import (
    AltIdBound,
    AssetClass,
    Content,
    DerivationFound,
    DuplicateSubmissionDetected,
    Element,
    FingerprintComputed,
    IntakeSource,
    Level,
    MetadataAmended,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    ObjectWithdrawn,
    Origin,
    Parent,
    PromptCommitted,
    QuarantineLifted,
    RepresentationAdded,
    TraceSetJudged,
)
from domain.identity.trace_set import Declared, TraceSetPolicy, judge, judge_again
from domain.ids import ObjectId, PartyId

ObjectEvent = (
    ObjectIdentified
    | DuplicateSubmissionDetected
    | TraceSetJudged
    | ObjectAdmitted
    | ObjectQuarantined
    | ObjectRejected
    | QuarantineLifted
    | AltIdBound
    | RepresentationAdded
    | FingerprintComputed
    | MetadataAmended
    | PromptCommitted
    | DerivationFound
    | ObjectWithdrawn
)


class Status(StrEnum):
    """Where an object stands at the gate."""

    UNKNOWN = "unknown"
    IDENTIFIED = "identified"
    ADMITTED = "admitted"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class DigitalObject:
    """What the gate knows of one object."""

    status: Status = Status.UNKNOWN
    birth: ObjectIdentified | None = None
    judged: TraceSetJudged | None = None
    clause: str = ""
    lacking: tuple[Element, ...] = ()
    submissions: int = 0
    alternative_ids: tuple[AltIdBound, ...] = ()
    representations: tuple[RepresentationAdded, ...] = ()
    fingerprints: tuple[FingerprintComputed, ...] = ()
    metadata: Sha256 | None = None
    prompts: int = 0
    found_sources: tuple[ObjectId, ...] = ()


@dataclass(frozen=True, slots=True)
class SubmitObject:
    """Bring bytes to the gate, with what is declared of them."""

    holder: PartyId
    asset_class: AssetClass
    kind: str
    origin: Origin
    intake_source: IntakeSource
    content: Content
    parents: tuple[Parent, ...]
    submission: Sha256
    declared: Declared
    declared_sha256: Sha256 | None = None
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged from other streams, all guarded at append, and the policy in force."""

    holder_enrolled: bool
    known_parents: frozenset[ObjectId]
    title_statement: Sha256 | None
    policy: TraceSetPolicy


def decide(state: DigitalObject, command: SubmitObject, facts: Facts) -> tuple[ObjectEvent, ...]:
    """Return the events of `command`: an identifier and a judgement, or the note that these bytes are here already.

    A repeated submission of a quarantined object is judged again, so that what was missing can be brought later.

    Raises:
        Rejected: the holder is not enrolled, or a declared parent is not in the ledger (an edge into nothing is refused
            before birth, since births are for ever).
    """
    if not facts.holder_enrolled:
        raise Rejected(f"SubmitObject refused: holder {command.holder} is not enrolled")
    unknown = [parent.object_id for parent in command.parents if parent.object_id not in facts.known_parents]
    if unknown:
        raise Rejected(f"SubmitObject refused: parent {unknown[0]} is not an object of this ledger; identify it first")
    if state.status is Status.UNKNOWN:
        return (_birth(command), *_outcome(command.asset_class, command, facts))
    repeated = DuplicateSubmissionDetected(submission=command.submission)
    if state.status is not Status.QUARANTINED or state.birth is None:
        return (repeated,)
    outcome = _outcome(state.birth.asset_class, command, facts, state.judged)
    # Equal cells are no news, but a declaration that contradicts the bytes is, however equal its cells are.
    news = outcome[0] != state.judged or isinstance(outcome[1], ObjectRejected)
    return (repeated, *outcome) if news else (repeated,)


def _birth(command: SubmitObject) -> ObjectIdentified:
    return ObjectIdentified(
        holder=command.holder,
        asset_class=command.asset_class,
        kind=command.kind,
        origin=command.origin,
        intake_source=command.intake_source,
        content=command.content,
        parents=command.parents,
        submission=command.submission,
        hold=command.hold,
    )


def _outcome(
    asset_class: AssetClass, command: SubmitObject, facts: Facts, before: TraceSetJudged | None = None
) -> tuple[TraceSetJudged, ObjectAdmitted | ObjectQuarantined | ObjectRejected]:
    judgement = judge(facts.policy, command.origin, asset_class, command.declared, facts.title_statement)
    attested = {cell.element: cell for cell in before.cells if cell.found is Level.ATTESTED} if before else {}
    if attested:  # what another party stated is not undone by declaring less
        cells = tuple(attested.get(cell.element, cell) for cell in judgement.cells)
        judgement = judge_again(facts.policy, command.origin, asset_class, cells)
    judged = TraceSetJudged(origin=command.origin, cells=judgement.cells)
    if command.declared_sha256 is not None and command.declared_sha256 != command.content.sha256:
        return judged, ObjectRejected(
            clause=f"declared sha256 {command.declared_sha256.hex()} is not that of the bytes"
        )
    clause = judgement.clause or command.hold
    if clause:
        return judged, ObjectQuarantined(lacking=judgement.lacking, clause=clause)
    return judged, ObjectAdmitted()


def evolve(state: DigitalObject, event: ObjectEvent) -> DigitalObject:
    """Return the state after `event`."""
    match event:
        case ObjectIdentified():
            return replace(state, status=Status.IDENTIFIED, birth=event, submissions=1)
        case DuplicateSubmissionDetected():
            return replace(state, submissions=state.submissions + 1)
        case TraceSetJudged():
            return replace(state, judged=event)
        case ObjectAdmitted():
            return replace(state, status=Status.ADMITTED, clause="", lacking=())
        case ObjectQuarantined(clause=clause, lacking=lacking):
            return replace(state, status=Status.QUARANTINED, clause=clause, lacking=lacking)
        case ObjectRejected(clause=clause):
            return replace(state, status=Status.REJECTED, clause=clause, lacking=())
        case QuarantineLifted():
            return state  # ObjectAdmitted stands behind it
        case AltIdBound():
            return replace(state, alternative_ids=(*state.alternative_ids, event))
        case RepresentationAdded():
            return replace(state, representations=(*state.representations, event))
        case FingerprintComputed():
            return replace(state, fingerprints=(*state.fingerprints, event))
        case MetadataAmended(document=document):
            return replace(state, metadata=document)
        case PromptCommitted():
            return replace(state, prompts=state.prompts + 1)
        case DerivationFound(source=source):
            return replace(state, found_sources=(*state.found_sources, source))
        case ObjectWithdrawn(reason=reason):
            return replace(state, status=Status.WITHDRAWN, clause=f"withdrawn: {reason}", lacking=())
        case _:
            assert_never(event)
