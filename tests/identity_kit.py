"""Parties and submissions for tests: real digests of real bytes, nothing declared unless a test says so."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.events import ActorKind, Sha256
from domain.governance.events import PartyKind
from domain.governance.party import BindKey, EnrolParty, PartyCommand
from domain.governance.signing import Attestation, prove_binding
from domain.identity.digital_object import Evidence, Seen, SubmitObject
from domain.identity.events import AssetClass, Content, IntakeSource, Origin, Parent, Relation
from domain.identity.trace_set import Declared
from domain.ids import LedgerId, ObjectId, PartyId, format_id
from domain.ledger.keys import ed25519_signer
from domain.rights.events import Root
from domain.rights.title_rules import ClaimRights
from producers.authority import Request
from producers.commands import Actor, Task
from producers.governance import found_party
from producers.identity import Submitted
from producers.ports import CommandKey
from producers.registry import REGISTRY
from schemas.attestation import attest, manifest_text

PREFIX = "10.5072"
STATEMENT = Sha256(b"s" * 32)
MANIFEST = Sha256(b"n" * 32)


def declaring(declared: Declared) -> dict[str, Any]:
    """Return the fields of the command that declare this."""
    evidence = tuple(Evidence(element=element, sha256=sha256) for element, sha256 in declared.evidence.items())
    return {"root": None if declared.root is Root.UNSPECIFIED else declared.root, "evidence": evidence}


def submit(data: bytes, parents: Sequence[UUID] = (), **changes: Any) -> SubmitObject:
    """Return the command that brings `data` as an import; `declared` stands for root and evidence."""
    declared = declaring(changes.pop("declared", Declared({})))
    fields: dict[str, Any] = {
        "sha256": Sha256(hashlib.sha256(data).digest()),
        "asset_class": AssetClass.STATIC,
        "origin": Origin.IMPORTED,
        "intake_source": IntakeSource.PRODUCTION_STOCK,
        "parents": tuple(Parent(object_id=ObjectId(p), relation=Relation.MADE_FROM) for p in parents),
        "submission": MANIFEST,
    }
    return SubmitObject(**{**fields, **declared, **changes})


def seen(data: bytes, hold: str | None = None) -> Seen:
    """Return what a host sees in `data`."""
    sha256, sm3 = Sha256(hashlib.sha256(data).digest()), Sha256(hashlib.new("sm3", data).digest())
    content = Content(sha256=sha256, sm3=sm3, size=len(data), media_type="application/octet-stream")
    return Seen(content, "data", hold=hold)


def submission(
    key: CommandKey,
    actor: PartyId,
    data: bytes,
    parents: Sequence[UUID] = (),
    *,
    attestation: Attestation | None = None,
    **changes: Any,
) -> Task[Submitted]:
    """Return the task that brings `data` to the gate for the actor, with fields of the command changed by `changes`."""
    request = Request(key, actor, submit(data, parents, **changes), attestation=attestation, evidence=seen(data))
    return REGISTRY.task(request, LedgerId(UUID(int=0)))


def claim(
    key: CommandKey, actor: PartyId, work: Sha256, attestation: Attestation | None, statement: Sha256 = STATEMENT
) -> Task[UUID]:
    """Return the task by which the actor claims a work as its own creation."""
    command = ClaimRights(work=work, root=Root.OWN_CREATION, statement=statement)
    return REGISTRY.task(Request(key, actor, command, attestation=attestation), LedgerId(UUID(int=0)))


def enrol(key: CommandKey, actor: Actor, party: PartyId, kind: PartyKind, ledger: LedgerId) -> Task[PartyId]:
    """Return the task that enrols a party under an id of the test's, as a founding does."""
    return found_party(key, actor, party, ledger, (EnrolParty(kind=kind),))


def enrol_with_key(key: CommandKey, party: PartyId, ledger: LedgerId) -> tuple[Task[PartyId], Attestation]:
    """Return the task that enrols a person with a key, and what that signs for all files of one manifest."""
    name = format_id("P", party, PREFIX)
    signer = ed25519_signer(name, hashlib.sha256(party.bytes).digest())
    bind = BindKey(party=party, key=signer.vkey, proof=prove_binding(signer, ledger))
    commands: tuple[PartyCommand, ...] = (EnrolParty(kind=PartyKind.PERSON), bind)
    text = manifest_text(STATEMENT, command_id=party, actor=party, on_behalf_of=None, ledger=ledger, prefix=PREFIX)
    task = found_party(key, Actor(key.actor, ActorKind.HUMAN), party, ledger, commands)
    return task, attest(text, signer.vkey, signer.sign(text))[0]
