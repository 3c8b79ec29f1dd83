"""Commands on objects that have their identifier; see `domain.identity.upkeep`."""

from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.errors import Invalid, Rejected
from domain.events import Event, Sha256
from domain.governance.authority import Permission
from domain.governance.events import Role
from domain.identity import upkeep
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.digital_object import DigitalObject
from domain.identity.events import (
    AltIdBound,
    DerivationFound,
    FingerprintComputed,
    MetadataAmended,
    ObjectAdmitted,
    ObjectQuarantined,
    ObjectWithdrawn,
    PromptCommitted,
    QuarantineLifted,
    RepresentationAdded,
    TraceSetJudged,
    alternative_key,
)
from domain.identity.upkeep import (
    AddRepresentation,
    AmendMetadata,
    AttestElements,
    BindAlternativeId,
    ComputeFingerprint,
    Facts,
    LiftQuarantine,
    Measured,
    RecheckObject,
    RecordDerivation,
    RecordPrompt,
    WithdrawObject,
)
from producers.authority import ANYBODY, OFFICER, OPERATOR, Acting, CommandSpec, Keys
from producers.commands import Decision, View, Write
from producers.host import DOCUMENT_BYTES_MAX, Host
from producers.identity import OBJECT
from producers.policies import TRACE_SET_RULES
from producers.ports import KeyHolder

JUDGES: Final = (AttestElements, RecheckObject)
"""Commands that judge the traceable set, under the policy in force."""


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    loaded = view.load(command.object, OBJECT)
    judges = isinstance(command, JUDGES)
    rules = TRACE_SET_RULES.in_force(view.keys, view.load) if judges else TRACE_SET_RULES.own
    facts = Facts(
        object_id=command.object,
        actor=acting.actor,
        who=acting.who,
        now=acting.now,
        policy=rules.policy,
        measured=acting.evidence or Measured(),
        taken=any(key in view.keys for key in _alternative(command)),
        source_known=isinstance(command, RecordDerivation)
        and view.load(command.source, OBJECT).state.birth is not None,
    )
    events = upkeep.decide(loaded.state, acting.committed(command), facts)
    digest = rules.digest if judges else None
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id, digest)


def _alternative(command: Command) -> tuple[str, ...]:
    if not isinstance(command, BindAlternativeId):
        return ()
    try:
        return (alternative_key(command.scheme, parse_alternative_id(command.scheme, command.text)),)
    except Invalid:
        return ()  # refused by the command's own rule, which says why


def _lookups(command: Command, _: UUID) -> tuple[str, ...]:
    return (TRACE_SET_RULES.key,) if isinstance(command, JUDGES) else _alternative(command)


def _reads(command: Any, keys: Keys) -> tuple[UUID, ...]:
    policy: KeyHolder | None = keys.get(TRACE_SET_RULES.key) if isinstance(command, JUDGES) else None
    more = [command.source] if isinstance(command, RecordDerivation) else []
    return (command.object, *more, *([] if policy is None else [policy.stream_id]))


def _project(command: Any, view: View) -> str | None:
    birth = view.load(command.object, OBJECT).state.birth
    return None if birth is None else birth.project


def _gather_nothing(_: Any, __: Host) -> Measured:
    return Measured()


def _gather_bytes(command: RecheckObject | ComputeFingerprint, host: Host) -> Measured:
    state: DigitalObject = host.state(command.object, OBJECT)
    content = None if state.birth is None else host.content(state.birth.content.sha256)
    if content is None or isinstance(command, RecheckObject):
        return Measured(content)
    try:
        return Measured(content, fingerprints=host.fingerprints(content.sha256))
    except Invalid as err:
        raise Rejected(f"ComputeFingerprint refused: {err}") from err


def _gather_representation(command: AddRepresentation, host: Host) -> Measured:
    content = host.content(command.sha256)
    try:
        return Measured(content, technical=() if content is None else host.technical(content))
    except Invalid as err:
        raise Rejected(f"AddRepresentation refused: {err}") from err


def _gather_document(command: Any, host: Host) -> Measured:
    names = ("statement", "document", "evidence")
    digest: Sha256 = next(getattr(command, name) for name in names if hasattr(command, name))
    found = host.document(digest, DOCUMENT_BYTES_MAX)
    return Measured(documents=frozenset() if found is None else frozenset({digest}))


def _spec(
    command: type[Command],
    events: tuple[type[Event], ...],
    roles: frozenset[Role],
    *,
    gather: Any = _gather_nothing,
    human: bool = False,
    signed: bool = False,
    secrets: tuple[str, ...] = (),
) -> CommandSpec:
    permission = Permission(command.NAME, roles, human_only=human, signed=human or signed)
    return CommandSpec(
        command,
        permission,
        _run,
        events,
        lookups=_lookups,
        reads=_reads,
        gather=gather,
        secrets=secrets,
        project=_project,
    )


JUDGED: Final = (TraceSetJudged, ObjectAdmitted, ObjectQuarantined)
COMMANDS: Final = (
    _spec(AttestElements, JUDGED, ANYBODY, gather=_gather_document, signed=True),
    _spec(RecheckObject, JUDGED, OPERATOR | OFFICER, gather=_gather_bytes),
    _spec(LiftQuarantine, (QuarantineLifted, ObjectAdmitted), OFFICER, gather=_gather_document, human=True),
    _spec(BindAlternativeId, (AltIdBound,), OPERATOR | {Role.REGISTRAR}),
    _spec(AddRepresentation, (RepresentationAdded,), OPERATOR, gather=_gather_representation),
    _spec(ComputeFingerprint, (FingerprintComputed,), OPERATOR, gather=_gather_bytes),
    _spec(AmendMetadata, (MetadataAmended,), OPERATOR, gather=_gather_document),
    _spec(RecordPrompt, (PromptCommitted,), OPERATOR, secrets=("prompt", "negative_prompt")),
    _spec(RecordDerivation, (DerivationFound,), OFFICER, gather=_gather_document, human=True),
    _spec(WithdrawObject, (ObjectWithdrawn,), OPERATOR | OFFICER, signed=True),
)
"""Who may do what to objects."""
