"""What may be done to an object that has its identifier: attest, check again, lift, name, describe, link, withdraw.

Nothing here gives an identifier or a first judgement; that is the gate's (`domain.identity.digital_object`). What the
host found in the bytes comes in as `Measured`, bound to their digest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated as A
from typing import Any, Final

from domain.command import Command, command, require_document
from domain.errors import Invalid, Rejected
from domain.events import Doc, Event, Sha256
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.digital_object import DigitalObject, Status
from domain.identity.events import (
    AlternativeScheme,
    AltIdBound,
    Cell,
    Content,
    DerivationFound,
    Element,
    FingerprintComputed,
    FingerprintScheme,
    Level,
    Measure,
    MetadataAmended,
    ObjectAdmitted,
    ObjectQuarantined,
    ObjectWithdrawn,
    PromptCommitted,
    Purpose,
    QuarantineLifted,
    RepresentationAdded,
    TraceSetJudged,
    WithdrawalReason,
)
from domain.identity.trace_set import TraceSetPolicy, judge_again
from domain.ids import Commitment, ObjectId, PartyId

REPRESENTATIONS_MAX: Final = 200
ALTERNATIVE_IDS_MAX: Final = 20
FOUND_SOURCES_MAX: Final = 200
PROMPTS_MAX: Final = 100
OFFERED: Final = frozenset({Status.ADMITTED, Status.QUARANTINED})


@command("attest-elements")
class AttestElements(Command):
    """State as another party that you know elements of a traceable set to be so."""

    object: A[ObjectId, Doc("which object")]
    elements: A[tuple[Element, ...], Doc("which elements; each was declared before", low=1, high=9)]
    statement: A[Sha256, Doc("SHA-256 of what you state, a document in the blob store")]


@command("recheck-object")
class RecheckObject(Command):
    """Hash the bytes once more and judge the traceable set under the policy in force now."""

    object: A[ObjectId, Doc("which object")]


@command("lift-quarantine")
class LiftQuarantine(Command):
    """Let in an object that a human had to look at first."""

    object: A[ObjectId, Doc("which object")]
    statement: A[Sha256, Doc("SHA-256 of your reasons, a document in the blob store")]


@command("bind-alternative-id")
class BindAlternativeId(Command):
    """Bind the identifier that another register has given to the object."""

    object: A[ObjectId, Doc("which object")]
    scheme: A[AlternativeScheme, Doc("which register")]
    text: A[str, Doc("the identifier there", low=6, high=255)]


@command("add-representation")
class AddRepresentation(Command):
    """Add further bytes of the same object, which lie in the blob store."""

    object: A[ObjectId, Doc("which object")]
    sha256: A[Sha256, Doc("SHA-256 of the bytes")]
    purpose: A[Purpose, Doc("what they are for")]


@command("compute-fingerprint")
class ComputeFingerprint(Command):
    """Compute the ISCC-SUM (ISO 24138) of the object's bytes, and of safetensors the digest over their tensors."""

    object: A[ObjectId, Doc("which object")]


@command("amend-metadata")
class AmendMetadata(Command):
    """Replace the description of the object; the earlier ones stay."""

    object: A[ObjectId, Doc("which object")]
    document: A[Sha256, Doc("SHA-256 of the description, a document in the blob store")]


@command("record-prompt")
class RecordPrompt(Command):
    """Record with which words the object was asked for; the words go to the vault, the ledger holds commitments."""

    object: A[ObjectId, Doc("which object")]
    prompt: A[Commitment, Doc("the prompt, a secret")]
    negative_prompt: A[Commitment | None, Doc("what was asked to be left out, a secret")] = None


@command("record-derivation")
class RecordDerivation(Command):
    """State that this object comes from another one, though nobody had declared it."""

    object: A[ObjectId, Doc("what comes from it")]
    source: A[ObjectId, Doc("what it comes from")]
    evidence: A[Sha256, Doc("SHA-256 of the comparison, a document in the blob store")]


@command("withdraw-object")
class WithdrawObject(Command):
    """Offer the object no more."""

    object: A[ObjectId, Doc("which object")]
    reason: A[WithdrawalReason, Doc("why")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the host found: bytes that a command speaks of and what they state, documents, fingerprints.

    A fingerprint is its scheme, its code and the program that computed it.
    """

    content: Content | None = None
    documents: frozenset[Sha256] = frozenset()
    fingerprints: tuple[tuple[FingerprintScheme, str, str], ...] = ()
    technical: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: who acts, for whom, under which policy, what was measured, what other streams say."""

    object_id: ObjectId
    actor: PartyId
    who: PartyId
    now: datetime
    policy: TraceSetPolicy
    measured: Measured
    taken: bool = False
    source_known: bool = False


def decide(state: DigitalObject, command: Command, facts: Facts) -> tuple[Event, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: there is no such object, it is rejected or withdrawn, or the command's own rule says no.
    """
    name = type(command).__name__
    if state.birth is None:
        raise Rejected(f"{name} refused: {facts.object_id} is not an object of this ledger")
    if state.status not in OFFERED and not isinstance(command, RecordDerivation | ComputeFingerprint):
        raise Rejected(f"{name} refused: the object is {state.status}")
    return _RULES[type(command)](state, command, facts)


def _attest(state: DigitalObject, command: AttestElements, facts: Facts) -> tuple[Event, ...]:
    birth, judged = state.birth, state.judged
    if birth is None or judged is None:
        raise Rejected("AttestElements refused: nothing was judged yet")
    if facts.actor == birth.holder:
        raise Rejected("AttestElements refused: who brought the object declares; another party attests")
    require_document("AttestElements", command.statement, facts.measured.documents)
    wanted = set(command.elements)
    for cell in judged.cells:
        if cell.element in wanted and cell.found is not Level.DECLARED:
            raise Rejected(f"AttestElements refused: {cell.element} is {cell.found}, expected declared")
    raised = tuple(
        Cell(element=cell.element, required=cell.required, found=Level.ATTESTED, evidence=command.statement)
        if cell.element in wanted
        else cell
        for cell in judged.cells
    )
    return _judged_again(state, raised, facts)


def _recheck(state: DigitalObject, command: RecheckObject, facts: Facts) -> tuple[Event, ...]:
    del command
    if state.birth is None or state.judged is None:
        raise Rejected("RecheckObject refused: nothing was judged yet")
    found = facts.measured.content
    if found is None:
        raise Rejected(f"RecheckObject refused: expected the bytes {state.birth.content.sha256.hex()}, found none here")
    if (found.sha256, found.sm3, found.size) != (
        state.birth.content.sha256,
        state.birth.content.sm3,
        state.birth.content.size,
    ):
        raise Rejected("RecheckObject refused: the bytes here are not those that were identified")
    return _judged_again(state, state.judged.cells, facts)


def _judged_again(state: DigitalObject, cells: tuple[Cell, ...], facts: Facts) -> tuple[Event, ...]:
    if state.birth is None or state.judged is None:
        raise AssertionError("only what was judged is judged again")
    origin, door = state.judged.origin, state.judged.intake_source
    judgement = judge_again(facts.policy, origin, door, state.birth.asset_class, cells)
    events: list[Event] = [TraceSetJudged(origin=origin, intake_source=door, cells=judgement.cells)]
    clause = judgement.clause or state.birth.hold or ""
    if state.status is Status.QUARANTINED and not clause:
        events.append(ObjectAdmitted())
    elif judgement.lacking if state.status is Status.ADMITTED else clause != state.clause:
        # What was admitted though it was held was lifted by a human; only what is lacking brings it back.
        events.append(ObjectQuarantined(lacking=judgement.lacking, clause=clause))
    return tuple(events)


def _lift(state: DigitalObject, command: LiftQuarantine, facts: Facts) -> tuple[Event, ...]:
    if state.status is not Status.QUARANTINED or state.birth is None:
        raise Rejected(f"LiftQuarantine refused: the object is {state.status}")
    if facts.actor == state.birth.holder:
        raise Rejected("LiftQuarantine refused: who brought the object cannot clear it; expected another human")
    if state.lacking:
        lacking = ", ".join(state.lacking)
        raise Rejected(f"LiftQuarantine refused: {lacking} below the level required; bring what is missing first")
    require_document("LiftQuarantine", command.statement, facts.measured.documents)
    return (QuarantineLifted(statement=command.statement), ObjectAdmitted())


def _bind(state: DigitalObject, command: BindAlternativeId, facts: Facts) -> tuple[Event, ...]:
    try:
        text = parse_alternative_id(command.scheme, command.text)
    except Invalid as err:
        raise Rejected(f"BindAlternativeId refused: {err}") from err
    if facts.taken:
        raise Rejected(f"BindAlternativeId refused: {command.scheme} {text} is bound to an object already")
    if len(state.alternative_ids) >= ALTERNATIVE_IDS_MAX:
        raise Rejected(f"BindAlternativeId refused: expected at most {ALTERNATIVE_IDS_MAX} for one object")
    return (AltIdBound(scheme=command.scheme, text=text),)


def _represent(state: DigitalObject, command: AddRepresentation, facts: Facts) -> tuple[Event, ...]:
    content = facts.measured.content
    if content is None or content.sha256 != command.sha256:
        raise Rejected(f"AddRepresentation refused: expected the bytes {command.sha256.hex()} in the blob store")
    known = {one.content.sha256 for one in state.representations}
    if state.birth is not None and command.sha256 in known | {state.birth.content.sha256}:
        raise Rejected("AddRepresentation refused: these bytes represent the object already")
    if len(known) >= REPRESENTATIONS_MAX:
        raise Rejected(f"AddRepresentation refused: expected at most {REPRESENTATIONS_MAX} for one object")
    return (RepresentationAdded(content=content, purpose=command.purpose, technical=facts.measured.technical),)


def _fingerprint(state: DigitalObject, command: ComputeFingerprint, facts: Facts) -> tuple[Event, ...]:
    del command
    measured = facts.measured
    if measured.content is None or state.birth is None or measured.content.sha256 != state.birth.content.sha256:
        raise Rejected("ComputeFingerprint refused: the object's bytes are not here")
    known = {(one.scheme, one.code) for one in state.fingerprints}
    computed = tuple(
        FingerprintComputed(scheme=scheme, sha256=measured.content.sha256, code=code, program=program)
        for scheme, code, program in measured.fingerprints
        if (scheme, code) not in known
    )
    if not computed:
        raise Rejected("ComputeFingerprint refused: these very fingerprints are recorded already")
    return computed


def _amend(state: DigitalObject, command: AmendMetadata, facts: Facts) -> tuple[Event, ...]:
    require_document("AmendMetadata", command.document, facts.measured.documents)
    if command.document == state.metadata:
        raise Rejected("AmendMetadata refused: this is the description that stands")
    return (MetadataAmended(document=command.document, supersedes=state.metadata),)


def _prompt(state: DigitalObject, command: RecordPrompt, facts: Facts) -> tuple[Event, ...]:
    if state.prompts >= PROMPTS_MAX:
        raise Rejected(f"RecordPrompt refused: expected at most {PROMPTS_MAX} for one object")
    return (PromptCommitted(author=facts.who, prompt=command.prompt, negative_prompt=command.negative_prompt),)


def _derive(state: DigitalObject, command: RecordDerivation, facts: Facts) -> tuple[Event, ...]:
    if command.source == facts.object_id:
        raise Rejected("RecordDerivation refused: nothing comes from itself")
    if not facts.source_known:
        raise Rejected(f"RecordDerivation refused: source {command.source} is not an object of this ledger")
    declared = {parent.object_id for parent in state.birth.parents} if state.birth else set()
    if command.source in declared or command.source in state.found_sources:
        raise Rejected("RecordDerivation refused: this edge is known already")
    if len(state.found_sources) >= FOUND_SOURCES_MAX:
        raise Rejected(f"RecordDerivation refused: expected at most {FOUND_SOURCES_MAX} for one object")
    require_document("RecordDerivation", command.evidence, facts.measured.documents)
    return (DerivationFound(source=command.source, evidence=command.evidence),)


def _withdraw(state: DigitalObject, command: WithdrawObject, facts: Facts) -> tuple[Event, ...]:
    del state, facts
    return (ObjectWithdrawn(reason=command.reason, effective_at=command.effective_at),)


_RULES: Final[Mapping[type[Command], Callable[[DigitalObject, Any, Facts], tuple[Event, ...]]]] = {
    AttestElements: _attest,
    RecheckObject: _recheck,
    LiftQuarantine: _lift,
    BindAlternativeId: _bind,
    AddRepresentation: _represent,
    ComputeFingerprint: _fingerprint,
    AmendMetadata: _amend,
    RecordPrompt: _prompt,
    RecordDerivation: _derive,
    WithdrawObject: _withdraw,
}
