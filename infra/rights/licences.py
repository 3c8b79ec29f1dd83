"""Licences as their streams stand now; their tokens, and their status up to a checkpoint."""

from datetime import datetime
from typing import Any, Final

from domain.errors import Conflict, NotFound, Rejected
from domain.events import Sha256
from domain.ids import LicenceId, format_id
from domain.ledger.checkpoint import parse_checkpoint
from domain.ledger.keys import NoteSigner
from domain.ledger.note import parse_note
from domain.rights.licence import Ended, Licence, NotYet, Refused, Standing, Suspended, standing
from domain.rights.licence_events import LicenceIssued, LicenceOffered
from domain.rights.scope_json import scope_json
from domain.rights.scope_terms import scope_of
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.keys.parties import PartyKeys
from infra.tiles.reader import make_proof, read_entry
from producers.licences import LICENCE
from schemas.licence_status import Proved, write_status
from schemas.licence_token import TOKEN_BYTES_MAX, Token, decode_base64url, parse_token

DISCLOSURE_BYTES_MAX: Final = 65_536


def look_at_licence(session: Session, licence: LicenceId, now: datetime) -> dict[str, Any]:
    """Return everything the ledger says of one licence in the clear, and how it stands at `now`. Raises: NotFound."""
    prefix = session.config.prefix
    state, offered = _licence(session, licence)
    requested, issued = state.requested, state.issued
    scope = issued.scope if issued else requested.scope if requested else offered.scope
    return {
        "id": format_id("L", licence, prefix),
        "standing": standing_json(standing(state, now)),
        "instant": instant_text(now),
        "licensor": format_id("P", offered.licensor, prefix),
        "licensee": None if requested is None else format_id("P", requested.licensee, prefix),
        "objects": [format_id("O", one, prefix) for one in offered.objects],
        "title": None if offered.title is None else format_id("G", offered.title, prefix),
        "grant": None if offered.grant is None else format_id("R", offered.grant, prefix),
        "allocation": str(offered.allocation),
        "quota": offered.quota,
        "used": state.used,
        "reported_until": None if state.reported_until is None else instant_text(state.reported_until),
        "currency": offered.currency,
        "offered_until": instant_text(offered.until),
        "scope": scope_json(scope_of(scope)),
        "refused": None
        if state.refused is None
        else {
            "clause": state.refused.clause,
            "component": state.refused.component,
            "object": None if state.refused.object is None else format_id("O", state.refused.object, prefix),
        },
        "rests_on": [] if issued is None else [format_id("R", one, prefix) for one in issued.rests_on],
        "position": None if issued is None else issued.position,
        "plan": None if issued is None else issued.plan.hex(),
        "token": None if issued is None else issued.token.hex(),
    }


def standing_json(found: Standing) -> dict[str, Any]:
    """Return how a licence stands as JSON values: its state, since when, and why."""
    since: datetime | None = None
    why: str | None = None
    match found:
        case Refused(clause=clause):
            why = clause
        case NotYet(begins=begins):
            since = begins
        case Suspended(since=since, why=why) | Ended(since=since, why=why):
            pass
        case _:
            pass
    state = {"InForce": "in_force", "NotYet": "not_yet"}.get(type(found).__name__, type(found).__name__.lower())
    return {"state": state, "since": None if since is None else instant_text(since), "why": why}


def token_of(session: Session, licence: LicenceId) -> str:
    """Return the token of an issued licence with all its disclosures, as it goes to the licensee.

    Raises: NotFound (no such licence, or its token is not here), Rejected (not issued), Invalid (damaged).
    """
    state, _ = _licence(session, licence)
    if state.issued is None:
        raise Rejected(f"{format_id('L', licence, session.config.prefix)} is not issued: it has no token")
    bare = _kept_token(session, state.issued)
    digests = [Sha256(decode_base64url(one, "token")) for one in bare.undisclosed]
    disclosures = [session.blobs.read_bytes(digest, DISCLOSURE_BYTES_MAX).decode() for digest in digests]
    whole = f"{bare.signed}~{''.join(f'{one}~' for one in disclosures)}"
    parse_token(whole)
    return whole


def status_of(session: Session, licence: LicenceId) -> tuple[bytes, int]:
    """Return the status file of a licence up to the newest checkpoint, and the size of that; all is sealed first.

    Raises: NotFound (no such licence, no key to sign it here), Conflict (sealed meanwhile: try again), Unavailable.
    """
    session.seal()
    state, _ = _licence(session, licence)
    signer, tlog = _signer(session, state), session.home.tlog
    rows = session.store.streams([licence])[licence]
    proved = [Proved(read_entry(tlog, row.index), make_proof(tlog, row.index)) for row in rows]
    if len({one.proof.checkpoint for one in proved}) != 1:
        raise Conflict("expected one checkpoint under all entries of the licence, found that it moved: try again")
    checkpoint = parse_checkpoint(parse_note(proved[0].proof.checkpoint)[0])
    name = format_id("L", licence, session.config.prefix)
    return write_status(name, proved, checkpoint, signer), checkpoint.size


def _signer(session: Session, state: Licence) -> NoteSigner:
    """Return the key that signed the token, or any of the holder's where there is no token."""
    config = session.config
    signers = PartyKeys(session.home.keys).signers(config.holder_id, config.holder)
    if state.issued is not None:
        issuer = _kept_token(session, state.issued).issuer
        signers = [one for one in signers if one.verifier == issuer]
    if not signers:
        raise NotFound("expected the key that signed the token in this home, found none")
    return signers[0]


def _kept_token(session: Session, issued: LicenceIssued) -> Token:
    """Return the token as it was signed, without disclosures. Raises: NotFound (it is not here), Invalid (damaged)."""
    return parse_token(f"{session.blobs.read_bytes(issued.token, TOKEN_BYTES_MAX).decode()}~")


def _licence(session: Session, licence: LicenceId) -> tuple[Licence, LicenceOffered]:
    state: Licence = session.load(licence, LICENCE).state
    if state.offered is None:
        raise NotFound(f"{format_id('L', licence, session.config.prefix)} is not a licence of this ledger")
    return state, state.offered
