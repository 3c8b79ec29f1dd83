"""`edgeprint decision explain INDEX`: who decided, by which right and policy, on what, and the decision made again.

A command of the registry that was signed is decided again as a whole, from the text its actor signed. Where files were
signed together, by their manifest, the judgement of the traceable set is made again from the levels that it recorded,
under the policy that its envelope names. What can be neither (no policy applied) is told with its authority only, and
`same` is null: unknown, not wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

import rfc8785

from domain.command import Command
from domain.errors import LedgerError, NotFound
from domain.events import Envelope, Event
from domain.governance.events import policy_key
from domain.governance.policies import BUILT_IN
from domain.governance.policy_set import PolicySet
from domain.governance.signing import Attestation, verify_attestation
from domain.identity.digital_object import DigitalObject
from domain.identity.events import ObjectAdmitted, ObjectQuarantined, ObjectRejected, TraceSetJudged
from domain.identity.trace_set import judge_again, parse_policy
from domain.ids import PartyId, format_id
from infra.bootstrap import Session
from infra.governance.commanding import event_as_json
from infra.governance.signing import require_manifest
from infra.host import BlobHost
from infra.log import time_text
from infra.rights.desk import desk_of
from producers.authority import PARTY, CommandSpec, Committed, Request
from producers.commands import Loaded
from producers.explain import decide_again
from producers.governance import POLICY_SET
from producers.identity import OBJECT
from producers.ports import CommandKey, LedgerRow
from producers.registry import REGISTRY
from producers.secrets import places
from schemas.attestation import ATTESTATION_BYTES_MAX, SubmitManifest, parse_attestation
from schemas.requests import parse_request
from schemas.values import instant_of

COMMAND_ROWS_MAX = 1_000
NOT_AGAIN: Final = "no command of its own was signed, and no policy applied: not decided again"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of the command that is explained."""

    index: int
    envelope: Envelope
    event: Event


def explain(session: Session, index: int) -> dict[str, Any]:
    """Return what decided the entry at `index`, as JSON values.

    Raises:
        NotFound: there is no such entry.
        Invalid: an attestation in the blob store is not what the envelope says.
    """
    events = _command_at(session, index)
    first = events[0]
    actor = session.load(first.envelope.actor, PARTY, before=first.index)
    attestation = _attestation(session, first.envelope)
    again = _again(session, events, attestation)
    return {
        "index": index,
        "type": next(one.event.TYPE for one in events if one.index == index),
        "command_id": str(first.envelope.command_id),
        "first_index": first.index,
        "last_index": events[-1].index,
        "recorded_at": time_text(first.envelope.recorded_at),
        "actor": _party(session, first.envelope.actor),
        "actor_kind": str(first.envelope.actor_kind),
        "roles": sorted(actor.state.roles),
        "on_behalf_of": None if first.envelope.on_behalf_of is None else _party(session, first.envelope.on_behalf_of),
        "mandate": _mandate(session, first.envelope, actor),
        "signature": _signature(events, actor, attestation),
        "policy": _policy(session, first.envelope),
        "rests_on": again["rests_on"],
        "decided": [{"index": one.index, **_told(session, one.event)} for one in events],
        "again": again["events"],
        "same": again["same"],
        "because": again["because"],
    }


def _command_at(session: Session, index: int) -> list[Recorded]:
    """Return all events of the command that wrote `index`; they stand side by side."""
    start = max(0, index - COMMAND_ROWS_MAX)
    rows = session.store.rows(start, 2 * COMMAND_ROWS_MAX + 1)
    if not any(row.index == index for row in rows):
        raise NotFound(f"expected an index below {session.store.size()}, found {index}")
    decoded = [_decode(session, row) for row in rows]
    asked = next(one for one in decoded if one.index == index).envelope
    wanted = (asked.actor, asked.command_id)
    return [one for one in decoded if (one.envelope.actor, one.envelope.command_id) == wanted]


def _decode(session: Session, row: LedgerRow) -> Recorded:
    decoded = session.application.codec.decode(row.entry)
    return Recorded(row.index, decoded.envelope, decoded.event)


def _told(session: Session, event: Event) -> dict[str, Any]:
    return {"type": event.TYPE, "event": event_as_json(event, session.config.prefix)}


def _party(session: Session, party: PartyId) -> str:
    return format_id("P", party, session.config.prefix)


def _mandate(session: Session, envelope: Envelope, actor: Loaded[Any]) -> dict[str, Any] | None:
    if envelope.mandate is None:
        return None
    for mandate in actor.state.mandates:
        if actor.leaves[mandate.number - 1] == envelope.mandate:
            return {
                "number": mandate.number,
                "leaf_hash": envelope.mandate.hex(),
                **event_as_json(mandate.granted, session.config.prefix),
            }
    return {"number": None, "leaf_hash": envelope.mandate.hex()}


def _attestation(session: Session, envelope: Envelope) -> Attestation | None:
    """Return the signed command that an envelope names, None where there is none or its blob was erased."""
    if envelope.attestation is None:
        return None
    try:
        document = session.blobs.read_bytes(envelope.attestation, ATTESTATION_BYTES_MAX)
    except NotFound:
        return None
    return parse_attestation(document)[0]


def _signature(events: list[Recorded], actor: Loaded[Any], attestation: Attestation | None) -> dict[str, Any] | None:
    first = events[0]
    if first.envelope.attestation is None:
        return None
    said: dict[str, Any] = {"attestation": first.envelope.attestation.hex(), "key_id": None, "verified": None}
    if attestation is None:
        return said
    verify_attestation(attestation, first.envelope.actor, actor.state.keys)
    signed = json.loads(attestation.text)
    if signed["command"] == SubmitManifest.NAME:
        require_manifest(signed, (one.event for one in events))
    return {**said, "key_id": attestation.key.split("+")[1], "verified": True}


def _policy(session: Session, envelope: Envelope) -> dict[str, Any] | None:
    if envelope.policy is None:
        return None
    name, document, version = _policy_document(session, envelope.policy)
    return {
        "name": name,
        "digest": envelope.policy.hex(),
        "version": version,
        "document_sha256": None if document is None else sha256(document.encode()).hexdigest(),
    }


def _policy_document(session: Session, digest: bytes) -> tuple[str | None, str | None, int | None]:
    """Return name, document and version of the policy of a digest: 0 for the program's own, None where unknown."""
    for name, own in BUILT_IN.items():
        text = rfc8785.dumps(own)
        if sha256(text).digest() == digest:
            return name, text.decode(), 0
        holder = session.store.key_holders([policy_key(name)]).get(policy_key(name))
        if holder is None or digest not in (leaves := session.load(holder.stream_id, POLICY_SET).leaves):
            continue
        state: PolicySet = session.load(holder.stream_id, POLICY_SET, versions=leaves.index(digest) + 1).state
        if state.in_force is not None:
            return name, state.in_force.document, state.active
    return None, None, None


def _again(session: Session, events: list[Recorded], attestation: Attestation | None) -> dict[str, Any]:
    if attestation is not None and (signed := json.loads(attestation.text))["command"] != SubmitManifest.NAME:
        return _command_again(session, events, attestation, signed)
    judged = [one for one in events if isinstance(one.event, TraceSetJudged)]
    if judged:
        return _judgement_again(session, events, judged[0])
    return {"rests_on": [], "events": [], "same": None, "because": NOT_AGAIN}


def _command_again(
    session: Session, events: list[Recorded], attestation: Attestation, command: Mapping[str, Any]
) -> dict[str, Any]:
    first = events[0]
    spec = REGISTRY.find(command["command"])
    if spec.measures:
        return {"rests_on": [], "events": [], "same": None, "because": "it recorded a measurement: not made again"}
    given = parse_request(spec.command, rfc8785.dumps(command["input"]), session.config.prefix)
    committed = _committed(session, spec, given, events)
    if spec.weighs and committed is not None and committed.values.keys() != committed.fields.keys():
        return {"rests_on": [], "events": [], "same": None, "because": "it weighed values that were erased since"}
    host = BlobHost(session.blobs, partial(session.load, before=first.index), session.vault, desk_of(session))
    request = Request(
        CommandKey(first.envelope.actor, first.envelope.command_id, sha256(attestation.text).digest()),
        first.envelope.actor,
        given,
        first.envelope.on_behalf_of,
        attestation,
        spec.gather(given, host),
        committed,
        None if committed is None else spec.amount(committed.values),
    )
    again = decide_again(
        session.store,
        session.application.codec,
        REGISTRY,
        request,
        session.config.ledger_id,
        first=first.index,
        at=instant_of(first.envelope.recorded_at),
        born=[one.envelope.stream_id for one in events if one.envelope.stream_version == 1],
    )
    return {
        "rests_on": [{"stream": str(stream), "version": version} for stream, version in again.streams.items()],
        "events": [_told(session, event) for event in again.events],
        "same": again.events == tuple(one.event for one in events),
        "because": again.refused,
    }


def _committed(session: Session, spec: CommandSpec, command: Command, events: Sequence[Recorded]) -> Committed | None:
    """Return the commitments as they were recorded, with what the vault still has of the values they open to."""
    event_id, paths = events[0].envelope.event_id, spec.given_secrets(command)
    if not paths:
        return None
    recorded = {
        one.event.committed_as(one.envelope.event_id, place): commitment
        for one in events
        for place, commitment in places(spec.secrets, one.event)
    }
    opened = session.vault.openings(event_id, paths)
    values = {path: json.loads(opening.value) for path, opening in opened.items()}
    return Committed(event_id, {path: recorded[event_id, path] for path in paths}, values)


def _judgement_again(session: Session, events: list[Recorded], judged: Recorded) -> dict[str, Any]:
    told = judged.event
    if not isinstance(told, TraceSetJudged) or judged.envelope.policy is None:
        raise AssertionError("expected a judgement under a policy")
    _, document, _ = _policy_document(session, judged.envelope.policy)
    state: DigitalObject = session.load(judged.envelope.stream_id, OBJECT, before=judged.index).state
    if document is None or state.birth is None:
        return {"rests_on": [], "events": [], "same": None, "because": "its policy is not known to this program"}
    try:
        policy = parse_policy(json.loads(document))
    except LedgerError as err:
        return {"rests_on": [], "events": [], "same": None, "because": f"its policy cannot be read here: {err}"}
    judgement = judge_again(policy, told.origin, told.intake_source, state.birth.asset_class, told.cells)
    again: list[Event] = [TraceSetJudged(origin=told.origin, intake_source=told.intake_source, cells=judgement.cells)]
    behind = [one.event for one in events if one.index == judged.index + 1]
    if isinstance(behind[0] if behind else None, ObjectRejected):
        again.extend(behind)  # a declared digest that is not that of the bytes: no policy decides that
    elif not behind:
        pass  # judged again, and nothing changed by it
    elif clause := judgement.clause or state.birth.hold:
        again.append(ObjectQuarantined(lacking=judgement.lacking, clause=clause))
    else:
        again.append(ObjectAdmitted())
    stream = {"stream": str(judged.envelope.stream_id), "version": judged.envelope.stream_version - 1}
    return {
        "rests_on": [stream],
        "events": [_told(session, event) for event in again],
        "same": again == [told, *behind],
        "because": None,
    }
