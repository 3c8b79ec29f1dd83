"""`edgeprint trade settle`: compute the lines of a settlement by the licence's plan, keep its statement, give it.

The salt of the statement is made from that of the total's opening, which the vault keeps by command id: so the same
command given again is the same command.
"""

import json
import secrets as randomness
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import rfc8785

from domain.capability.resource import read_price
from domain.commitment import SALT_BYTES
from domain.errors import Conflict, Invalid, NotFound, Rejected
from domain.events import Sha256
from domain.ids import LicenceId, format_id
from domain.rights.licence import Licence
from domain.rights.settlement import Settled, settle
from domain.rights.settlement_events import line_path
from domain.rights.settlement_rules import AMOUNT
from domain.rights.statement import MINOR_MAX, Statement, statement_json
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.governance.commanding import execute, rehearse
from infra.governance.given import Given
from infra.host import BlobHost
from infra.rights.desk import desk_of
from producers.licences import LICENCE
from producers.settlements import plan_at

SALT_DOMAIN: Final = b"edgeprint/statement/v1\0"


@dataclass(frozen=True, slots=True)
class Earned:
    """What a licence earned in a period: by which usage, and how much (an object of currency and minor, a secret)."""

    licence: LicenceId
    usage: Sha256
    since: datetime
    until: datetime
    amount: Any


def settle_licence(session: Session, earned: Earned, given: Given, *, dry_run: bool = False) -> dict[str, Any]:
    """Give `make-settlement` with the lines that the plan gives, or rehearse it; `given` says who, and under which id.

    Raises:
        Rejected: no such licence, its plan is not here, or the command's own rules say no; nothing stays then.
        Invalid: the plan or the amount is none.
        Unavailable: database or vault do not answer.
    """
    prefix, licensor = session.config.prefix, given.on_behalf_of or given.actor
    licence: Licence = session.load(earned.licence, LICENCE).state
    if licence.issued is None:
        raise NotFound(f"{format_id('L', earned.licence, prefix)} is not a licence of this ledger that was issued")
    plan = plan_at(BlobHost(session.blobs, session.load, session.vault, desk_of(session)), licence.issued.plan)
    if plan is None:
        raise NotFound(f"expected the plan {licence.issued.plan.hex()} in the blob store, found none")
    amount = read_price(earned.amount)
    if amount.minor > MINOR_MAX:
        raise Invalid(f"amount: expected at most {MINOR_MAX} minor units")
    settled = settle(plan, amount)
    salt = _salt(session, given)
    statement = Statement(earned.licence, licence.issued.plan, earned.since, earned.until, amount, settled.flows)
    document = rfc8785.dumps(statement_json(statement, sha256(SALT_DOMAIN + salt).digest(), prefix))
    digest = Sha256(sha256(document).digest())
    was_here = _is_here(session, digest)
    session.vault.keep_document(licensor, document)
    whole = Given(
        "make-settlement",
        json.dumps(_input(earned, settled, digest, prefix)).encode(),
        given.actor,
        given.command_id,
        given.on_behalf_of,
        given.attestation,
        _secrets(settled, salt),
    )
    try:
        told = rehearse(session, whole) if dry_run else execute(session, whole)
    except (Rejected, Conflict, Invalid):
        if not was_here:
            session.vault.discard_document(digest)
        raise
    if dry_run and not was_here:
        session.vault.discard_document(digest)
    return told


def _salt(session: Session, given: Given) -> bytes:
    kept = session.vault.kept(given.actor, given.command_id)
    opening = None if kept is None else kept.openings.get(AMOUNT)
    return randomness.token_bytes(SALT_BYTES) if opening is None else opening.salt


def _is_here(session: Session, digest: Sha256) -> bool:
    with suppress(NotFound):
        session.vault.document(digest)
        return True
    return False


def _input(earned: Earned, settled: Settled, statement: Sha256, prefix: str) -> dict[str, Any]:
    return {
        "licence": format_id("L", earned.licence, prefix),
        "usage": earned.usage.hex(),
        "since": instant_text(earned.since),
        "until": instant_text(earned.until),
        "lines": [
            {"object": format_id("O", line.object, prefix), "party": format_id("P", line.party, prefix)}
            for line in settled.lines
        ],
        "statement": statement.hex(),
    }


def _secrets(settled: Settled, salt: bytes) -> dict[str, Any]:
    currency = settled.amount.currency
    total = {"currency": currency, "minor": settled.amount.minor}
    found: dict[str, Any] = {AMOUNT: {"salt": salt.hex(), "value": total}}
    for place, line in enumerate(settled.lines):
        found[line_path(place)] = {"currency": currency, "minor": line.minor}
    return found
