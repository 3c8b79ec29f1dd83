"""DigitalObject: identity first, then admission. The order is law (domain.md): no judgement without an identifier."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated as A
from typing import Final, assert_never

from domain.command import Command, command
from domain.errors import Rejected
from domain.events import Doc, Sha256, value
from domain.identity.events import (
    PARENTS_MAX,
    AltIdBound,
    AssetClass,
    AuthorisationCited,
    Content,
    DerivationFound,
    DuplicateSubmissionDetected,
    Element,
    FingerprintComputed,
    IntakeSource,
    Level,
    Measure,
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
from domain.ids import ObjectId, PartyId, RightsGrantId
from domain.rights.events import Root

NOTHING_DECLARED: Final = Declared({})
PROJECT_CODE: Final = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*", re.ASCII)
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
    | AuthorisationCited
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
    cited: tuple[RightsGrantId, ...] = ()
    consents: tuple[RightsGrantId, ...] = ()


@value
class Evidence:
    """What is declared of one element: the digest of the text that states it."""

    element: A[Element, Doc("which element")]
    sha256: A[Sha256, Doc("SHA-256 of the text that states it, in RFC 8785 form where it is JSON")]


@command("submit-object")
class SubmitObject(Command):
    """Bring bytes that lie in the blob store to the gate: they get their identifier, then their judgement."""

    sha256: A[Sha256, Doc("SHA-256 of the bytes")]
    asset_class: A[AssetClass, Doc("static, computable or interactive")]
    origin: A[Origin, Doc("how the work came into being")]
    intake_source: A[IntakeSource, Doc("through which door it comes")]
    parents: A[tuple[Parent, ...], Doc("what it comes from, all objects of this ledger", high=PARENTS_MAX)] = ()
    root: A[Root | None, Doc("root of title that is declared")] = None
    evidence: A[tuple[Evidence, ...], Doc("what is declared of the traceable set", high=9)] = ()
    declared_sha256: A[Sha256 | None, Doc("SHA-256 that a declaration says the bytes have")] = None
    submission: A[Sha256 | None, Doc("SHA-256 of the salted intake manifest that names it")] = None
    project: A[str | None, Doc("code of the production it belongs to, such as night-river", low=1, high=64)] = None

    def declared(self) -> Declared:
        """Return what is declared of the traceable set. Raises: Rejected, an element twice."""
        found = {one.element: one.sha256 for one in self.evidence}
        if len(found) < len(self.evidence):
            raise Rejected(f"{self.NAME} refused: expected each element of the traceable set once")
        return Declared(found, self.root or Root.UNSPECIFIED) if found or self.root else NOTHING_DECLARED


@dataclass(frozen=True, slots=True)
class Seen:
    """What the host saw in the bytes, bound to their digest; `hold`: why they wait for a human, None if they do not."""

    content: Content
    kind: str
    technical: tuple[Measure, ...] = ()
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """For whom it is brought, what the host saw, what was judged from streams guarded at append, the policy in force.

    `seen` is None where the bytes are not here.
    """

    holder: PartyId
    seen: Seen | None
    known_parents: frozenset[ObjectId]
    title_statement: Sha256 | None
    policy: TraceSetPolicy


def decide(state: DigitalObject, command: SubmitObject, facts: Facts) -> tuple[ObjectEvent, ...]:
    """Return the events of `command`: an identifier and a judgement, or the note that these bytes are here already.

    A repeated submission of a quarantined object is judged again, so that what was missing can be brought later.

    Raises:
        Rejected: the bytes are not here, an element is declared twice, the project is no code, or a declared parent is
            not in the ledger (an edge into nothing is refused before birth, since births are for ever).
    """
    seen = facts.seen
    if seen is None or seen.content.sha256 != command.sha256:
        raise Rejected(f"{command.NAME} refused: the blob store has no bytes of SHA-256 {command.sha256.hex()}")
    declared = command.declared()
    if command.project is not None and not PROJECT_CODE.fullmatch(command.project):
        raise Rejected(
            f"{command.NAME} refused: expected a project code such as night-river, found {command.project!r}"
        )
    unknown = [parent.object_id for parent in command.parents if parent.object_id not in facts.known_parents]
    if unknown:
        raise Rejected(
            f"{command.NAME} refused: parent {unknown[0]} is not an object of this ledger; identify it first"
        )
    if state.status is Status.UNKNOWN:
        return (_birth(command, facts.holder, seen), *_outcome(command.asset_class, command, declared, facts))
    repeated = DuplicateSubmissionDetected(submission=command.submission)
    if state.status is not Status.QUARANTINED or state.birth is None:
        return (repeated,)
    outcome = _outcome(state.birth.asset_class, command, declared, facts, state.judged)
    # Equal cells are no news, but a declaration that contradicts the bytes is, however equal its cells are.
    news = outcome[0] != state.judged or isinstance(outcome[1], ObjectRejected)
    return (repeated, *outcome) if news else (repeated,)


def _birth(command: SubmitObject, holder: PartyId, seen: Seen) -> ObjectIdentified:
    return ObjectIdentified(
        holder=holder,
        asset_class=command.asset_class,
        kind=seen.kind,
        origin=command.origin,
        intake_source=command.intake_source,
        content=seen.content,
        parents=command.parents,
        submission=command.submission,
        technical=seen.technical,
        hold=seen.hold,
        project=command.project,
    )


def _outcome(
    asset_class: AssetClass,
    command: SubmitObject,
    declared: Declared,
    facts: Facts,
    before: TraceSetJudged | None = None,
) -> tuple[TraceSetJudged, ObjectAdmitted | ObjectQuarantined | ObjectRejected]:
    judgement = judge(facts.policy, command.origin, command.intake_source, asset_class, declared, facts.title_statement)
    attested = {cell.element: cell for cell in before.cells if cell.found is Level.ATTESTED} if before else {}
    if attested:  # what another party stated is not undone by declaring less
        cells = tuple(attested.get(cell.element, cell) for cell in judgement.cells)
        judgement = judge_again(facts.policy, command.origin, command.intake_source, asset_class, cells)
    judged = TraceSetJudged(origin=command.origin, intake_source=command.intake_source, cells=judgement.cells)
    if command.declared_sha256 is not None and command.declared_sha256 != command.sha256:
        return judged, ObjectRejected(
            clause=f"declared sha256 {command.declared_sha256.hex()} is not that of the bytes"
        )
    clause = judgement.clause or (facts.seen and facts.seen.hold)
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
        case AuthorisationCited(grants=grants, consents=consents):
            return replace(state, cited=grants, consents=consents)
        case ObjectWithdrawn(reason=reason):
            return replace(state, status=Status.WITHDRAWN, clause=f"withdrawn: {reason}", lacking=())
        case _:
            assert_never(event)
