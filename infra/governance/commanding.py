"""Give a command of the registry to the ledger: read, signed with a key that lies here, executed, sealed, told.

The result has the same members whether the command was executed now or is answered from what an earlier call with the
same id stored; a dry run decides on the ledger as it stands and writes nothing.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.command import Command
from domain.errors import Rejected
from domain.events import Event
from domain.governance.signing import Attestation, prove_binding
from domain.ids import PartyId, format_id
from infra.bootstrap import Session
from infra.governance.given import Given
from infra.governance.signing import sign_here
from infra.home import Home
from infra.host import BlobHost
from infra.keys.parties import PartyKeys
from infra.rights.desk import desk_of
from infra.settings import Settings
from infra.vault.erasure import erasing
from infra.vault.sealing import Secrets, keeping, seal_secrets
from producers.authority import Request
from producers.commands import Preview
from producers.ports import CommandKey
from producers.registry import REGISTRY
from schemas.attestation import command_text, parse_attestation
from schemas.catalogue import CATALOGUE
from schemas.requests import parse_request, render_value


def read_command(session: Session, given: Given, secrets: Secrets | None) -> tuple[Command, bytes]:
    """Return the command and the text that its actor signs; `secrets` are in place of their values already.

    Raises: NotFound (no such command), Invalid.
    """
    spec, config = REGISTRY.find(given.name), session.config
    data = given.data if secrets is None else secrets.data
    command = parse_request(spec.command, data, config.prefix)
    text = command_text(
        command,
        command_id=given.command_id,
        actor=given.actor,
        on_behalf_of=given.on_behalf_of,
        ledger=config.ledger_id,
        prefix=config.prefix,
    )
    return command, text


def prepare(session: Session, given: Given, *, keep: bool = True) -> tuple[Request, bytes | None]:
    """Return the request, and the document of its attestation, which is kept before the request is executed.

    It is signed by the attestation that was given, or with a key of the actor's that lies in the home. Values of
    secrets are in the vault when this returns, unless `keep` is false.

    Raises:
        NotFound: no such command.
        Invalid: its input, or the attestation.
    """
    secrets = None if not given.secrets else seal_secrets(session.vault, session.application.new_id, given)
    command, text = read_command(session, given, secrets)
    signed = _signed(session, given, text)
    attestation, document = (None, None) if signed is None else signed
    key = CommandKey(given.actor, given.command_id, sha256(text).digest())
    spec = REGISTRY.find(given.name)
    evidence = spec.gather(command, BlobHost(session.blobs, session.load, session.vault, desk_of(session)))
    amount = None if secrets is None else spec.amount(secrets.values())
    committed = None
    if secrets is not None:
        if keep:
            owners = spec.owners(command, given.on_behalf_of or given.actor, evidence)
            session.vault.keep(owners, given.actor, given.command_id, secrets.event_id, secrets.openings)
        committed = secrets.committed()
    return Request(key, given.actor, command, given.on_behalf_of, attestation, evidence, committed, amount), document


def signable_text(session: Session, given: Given) -> bytes:
    """Return the text that the actor signs with a key kept elsewhere. Raises: as `prepare`; Invalid without salts."""
    secrets = None if not given.secrets else seal_secrets(session.vault, session.application.new_id, given, salted=True)
    return read_command(session, given, secrets)[1]


def execute(session: Session, given: Given) -> dict[str, Any]:
    """Execute a command, seal, and return what it wrote as JSON values.

    Raises:
        LedgerError: it was refused, or something failed; nothing was written then.
    """
    request, document = prepare(session, given)
    if document is not None:
        session.blobs.put_bytes(document)  # durable before the event that names it
    with erasing(session, request.command), keeping(session.vault, session.store, request):
        outcome = session.application.execute(REGISTRY.task(request, session.config.ledger_id))
        outcome.require()
    sealed = session.seal()
    prefix, events = session.config.prefix, []
    for row in session.store.rows(outcome.first, outcome.last - outcome.first + 1):
        decoded = session.application.codec.decode(row.entry)
        events.append({"index": row.index, **_told(decoded.event, decoded.envelope.stream_id, prefix)})
    return {
        "command": given.name,
        "id": str(given.command_id),
        "actor": format_id("P", given.actor, prefix),
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
    request, _ = prepare(session, given, keep=False)
    prefix, reason, preview = session.config.prefix, None, None
    try:
        preview = session.application.preview(REGISTRY.task(request, session.config.ledger_id))
    except Rejected as err:
        reason = str(err)
    writes = () if preview is None else preview.decision.writes
    return {
        "command": given.name,
        "id": str(given.command_id),
        "actor": format_id("P", given.actor, prefix),
        "decision": "refused" if preview is None else "accepted",
        "because": reason,
        "signed": request.attestation is not None,
        "rests_on": [] if preview is None else _rests_on(preview),
        "takes": [] if preview is None else list(preview.request.take),
        "events": [_told(event, write.stream.stream_id, prefix) for write in writes for event in write.events],
    }


def _signed(session: Session, given: Given, text: bytes) -> tuple[Attestation, bytes] | None:
    """Return the attestation and its document, None where nobody signs."""
    if given.attestation is not None:
        return parse_attestation(given.attestation, text)
    return sign_here(session, given.actor, text)


def _rests_on(preview: Preview[Any]) -> list[dict[str, Any]]:
    """Return the streams that must still stand where they were read, the written ones too."""
    written = [(one.stream.stream_id, one.stream.version) for one in preview.decision.writes]
    read = [(guard.stream_id, guard.version) for guard in preview.request.guards]
    return [{"stream": str(stream), "version": version} for stream, version in sorted({*written, *read})]


def _told(event: Event, stream: UUID, prefix: str) -> dict[str, Any]:
    return {
        "type": event.TYPE,
        "stream": format_id(event.STREAM, stream, prefix),
        "event": event_as_json(event, prefix),
    }


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
    return {"party": name, "key": signer.vkey, "proof": prove_binding(signer, config.ledger_id)}
