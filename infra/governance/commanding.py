"""Give a command of the registry to the ledger: read, signed with a key that lies here, executed, sealed, told.

The result has the same members whether the command was executed now or is answered from what an earlier call with the
same id stored; a dry run decides on the ledger as it stands and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.errors import Rejected
from domain.events import Envelope, Event
from domain.governance.signing import Attestation, binding_text
from domain.ids import PartyId, format_id
from domain.ledger.text import encode_base64
from infra.bootstrap import Session
from infra.home import Home
from infra.keys.parties import PartyKeys
from infra.settings import Settings
from producers.authority import PARTY, Request
from producers.commands import Preview
from producers.ports import CommandKey
from producers.registry import REGISTRY
from schemas.attestation import attest, command_text, parse_attestation
from schemas.catalogue import CATALOGUE
from schemas.requests import parse_request, render_value


@dataclass(frozen=True, slots=True)
class Given:
    """What a caller brings: the command's name and input, in whose name, under which id, signed or not."""

    name: str
    data: bytes
    actor: PartyId
    command_id: UUID
    on_behalf_of: PartyId | None = None
    attestation: bytes | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command that has been read: itself, the text that is signed, and the request that is executed."""

    command: Command
    text: bytes
    request: Request


def read_command(session: Session, given: Given) -> tuple[Command, bytes]:
    """Return the command and the text that its actor signs. Raises: NotFound (no such command), Invalid."""
    spec, config = REGISTRY.find(given.name), session.config
    command = parse_request(spec.command, given.data, config.prefix)
    text = command_text(
        command,
        command_id=given.command_id,
        actor=given.actor,
        on_behalf_of=given.on_behalf_of,
        ledger=config.ledger_id,
        prefix=config.prefix,
    )
    return command, text


def prepare(session: Session, given: Given) -> Prepared:
    """Return the request, signed by the attestation that was given or with a key of the actor's that lies in the home.

    Raises:
        NotFound: no such command.
        Invalid: its input, or the attestation.
    """
    command, text = read_command(session, given)
    attestation = _attestation(session, given, text)
    key = CommandKey(given.actor, given.command_id, sha256(text).digest())
    return Prepared(command, text, Request(key, given.actor, command, given.on_behalf_of, attestation))


def execute(session: Session, given: Given) -> dict[str, Any]:
    """Execute a command, seal, and return what it wrote as JSON values.

    Raises:
        LedgerError: it was refused, or something failed; nothing was written then.
    """
    prepared = prepare(session, given)
    outcome = session.application.execute(REGISTRY.task(prepared.request, session.config.ledger_id))
    outcome.require()
    sealed = session.seal()
    events = [
        told
        for row in session.store.rows(outcome.first, outcome.last - outcome.first + 1)
        for decoded in [session.application.codec.decode(row.entry)]
        for told in [_event(decoded.event, decoded.envelope, session.config.prefix, row.index)]
    ]
    return {
        "command": given.name,
        "id": str(given.command_id),
        "actor": format_id("P", given.actor, session.config.prefix),
        "stream": events[0]["stream"] if events else None,
        "first_index": outcome.first,
        "last_index": outcome.last,
        "repeated": outcome.repeated,
        "sealed_size": sealed,
        "events": events,
    }


def rehearse(session: Session, given: Given) -> dict[str, Any]:
    """Return what a command would write now, what that rests on, or why it would be refused; writes nothing.

    Raises:
        NotFound, Invalid: as `prepare`.
        Unavailable: the database does not answer.
    """
    prepared = prepare(session, given)
    reason, preview = None, None
    try:
        preview = session.application.preview(REGISTRY.task(prepared.request, session.config.ledger_id))
    except Rejected as err:
        reason = str(err)
    return {
        "command": given.name,
        "id": str(given.command_id),
        "actor": format_id("P", given.actor, session.config.prefix),
        "decision": "refused" if preview is None else "accepted",
        "because": reason,
        "signed": prepared.request.attestation is not None,
        "rests_on": [] if preview is None else _rests_on(preview),
        "takes": [] if preview is None else list(preview.request.take),
        "events": [] if preview is None else _planned(preview, session.config.prefix),
    }


def _attestation(session: Session, given: Given, text: bytes) -> Attestation | None:
    """Return the attestation whose document is durable in the blob store, None where nobody signs."""
    if given.attestation is not None:
        attestation, document = parse_attestation(given.attestation, text)
    else:
        name = format_id("P", given.actor, session.config.prefix)
        bound = session.load(given.actor, PARTY).state.keys
        signer = PartyKeys(session.home.keys).among(given.actor, name, bound)
        if signer is None:
            return None
        attestation, document = attest(text, signer.vkey, signer.sign(text))
    session.blobs.put_bytes(document)  # before the event that names it
    return attestation


def _rests_on(preview: Preview[Any]) -> list[dict[str, Any]]:
    """Return the streams that must still stand where they were read, the written ones too."""
    written = [(one.stream.stream_id, one.stream.version) for one in preview.decision.writes]
    read = [(guard.stream_id, guard.version) for guard in preview.request.guards]
    return [{"stream": str(stream), "version": version} for stream, version in sorted({*written, *read})]


def _planned(preview: Preview[Any], prefix: str) -> list[dict[str, Any]]:
    return [
        {
            "type": event.TYPE,
            "stream": format_id(event.STREAM, write.stream.stream_id, prefix),
            "event": event_as_json(event, prefix),
        }
        for write in preview.decision.writes
        for event in write.events
    ]


def _event(event: Event, envelope: Envelope, prefix: str, index: int) -> dict[str, Any]:
    stream = format_id(event.STREAM, envelope.stream_id, prefix)
    return {"index": index, "type": event.TYPE, "stream": stream, "event": event_as_json(event, prefix)}


def event_as_json(event: Event, prefix: str) -> Any:
    """Return an event's own fields as JSON values, identifiers in their text form."""
    return render_value(CATALOGUE.by_type[event.TYPE].record, event, prefix)


def known_commands() -> Sequence[dict[str, Any]]:
    """Return every command of the registry: its name, who may give it, and what it says of itself."""
    return [
        {
            "name": spec.command.NAME,
            "roles": sorted(spec.permission.roles),
            "human_only": spec.permission.human_only,
            "signed": spec.permission.signed,
            "own": spec.permission.own,
            "events": [event.TYPE for event in spec.events],
            "about": (spec.command.__doc__ or "").strip(),
        }
        for spec in REGISTRY
    ]


def make_binding(settings: Settings, party: PartyId) -> dict[str, str]:
    """Make a key for a party, kept in the home, and return the input of `bind-key`. Raises: NotFound, Unavailable."""
    home = Home(settings.home)
    config = home.config()
    name = format_id("P", party, config.prefix)
    signer = PartyKeys(home.keys).make(party, name)
    proof = signer.sign(binding_text(config.ledger_id, signer.vkey))
    return {"party": name, "key": signer.vkey, "proof": encode_base64(proof).decode()}
