"""Parties and submissions for tests: real digests of real bytes, nothing declared unless a test says so."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.events import Sha256
from domain.governance.events import PartyKind
from domain.governance.party import EnrolParty
from domain.identity.digital_object import SubmitObject
from domain.identity.events import AssetClass, Content, IntakeSource, Origin, Parent, Relation
from domain.identity.trace_set import BUILT_IN, Declared
from domain.ids import LedgerId, ObjectId, PartyId
from producers.commands import Actor, Task
from producers.governance import found_party
from producers.identity import PolicyInForce, Submitted, submit_object
from producers.ports import CommandKey

POLICY = PolicyInForce(BUILT_IN, Sha256(b"p" * 32))


def submission(
    key: CommandKey, actor: Actor, holder: PartyId, data: bytes, parents: Sequence[UUID] = (), **changes: Any
) -> Task[Submitted]:
    """Return the task that brings `data` to the gate as an import, with fields of the command changed by `changes`."""
    fields: dict[str, Any] = {
        "holder": holder,
        "asset_class": AssetClass.STATIC,
        "kind": "data",
        "origin": Origin.IMPORTED,
        "intake_source": IntakeSource.PRODUCTION_STOCK,
        "content": Content(
            sha256=Sha256(hashlib.sha256(data).digest()),
            sm3=Sha256(hashlib.new("sm3", data).digest()),
            size=len(data),
            media_type="application/octet-stream",
        ),
        "parents": tuple(Parent(object_id=ObjectId(p), relation=Relation.MADE_FROM) for p in parents),
        "submission": Sha256(b"n" * 32),
        "declared": Declared({}),
    }
    return submit_object(key, actor, SubmitObject(**{**fields, **changes}), POLICY)


def enrol(key: CommandKey, actor: Actor, party: PartyId, kind: PartyKind, ledger: LedgerId) -> Task[PartyId]:
    """Return the task that enrols a party under an id of the test's, as a founding does."""
    return found_party(key, actor, party, ledger, (EnrolParty(kind=kind),))
