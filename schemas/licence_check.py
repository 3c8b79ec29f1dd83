"""Check a licence token offline, step by step: nothing is read but what is handed in, and nothing is guessed.

| step | holds when | unknown when |
|---|---|---|
| token | it is read, and its issuer's key has signed it | |
| holder | the holder's key has signed this presentation for this audience and nonce | none was made, or none expected |
| window | the instant asked about lies in it | |
| ledger | an entry that the policy's log has proved issued exactly this token | no such entry is given |
| status | the stream of the licence says that it is in force at the instant, as of a checkpoint | no status is given |

One step that fails makes the token invalid; else one that is unknown makes the answer incomplete. Unknown is neither
valid nor false.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.keys import parse_vkey
from domain.ledger.policy import Policy
from domain.ledger.proof import parse_proof, verify_proof
from domain.rights.licence import Ended, InForce, NotYet, Standing, Suspended, standing
from domain.rights.licence_events import LicenceIssued
from domain.rights.turns import told
from domain.spelling import instant_text
from schemas.codec import Codec
from schemas.licence_status import Status, verify_status
from schemas.licence_token import Token, parse_token, verify_binding, verify_signature, verify_window


class Step(StrEnum):
    """The steps in their order."""

    TOKEN = "token"
    HOLDER = "holder"
    WINDOW = "window"
    LEDGER = "ledger"
    STATUS = "status"


class Verdict(StrEnum):
    """Of a step: holds, fails, unknown. Of all: valid, invalid, incomplete."""

    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"
    VALID = "valid"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Judged:
    """One step and its verdict; `said` is why, in English."""

    step: Step
    verdict: Verdict
    said: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All steps that were taken, and the token where it could be read; `as_of` is the checkpoint of the status."""

    steps: tuple[Judged, ...]
    token: Token | None = None
    as_of: Checkpoint | None = None

    @property
    def verdict(self) -> Verdict:
        """Return what follows from the steps."""
        found = {one.verdict for one in self.steps}
        if Verdict.FAILS in found:
            return Verdict.INVALID
        return Verdict.INCOMPLETE if Verdict.UNKNOWN in found else Verdict.VALID


@dataclass(frozen=True, slots=True)
class Given:
    """What is handed in besides the token: the trusted policy, the instant, and what the verifier has of the rest."""

    policy: Policy
    instant: datetime
    audience: str | None = None
    nonce: str | None = None
    issue: tuple[bytes, bytes] | None = None
    """An entry and its .tlog-proof."""
    status: bytes | None = None


NO_STATUS: Final = "unknown: expected a status of the licence up to a checkpoint, found none"
NO_ENTRY: Final = "unknown: expected the entry that issued it with its proof, found none"
NO_NONCE: Final = "unknown: expected the audience and the nonce that the verifier gave, found none"
NO_HOLDER: Final = "unknown: expected a presentation that the holder's key has signed, found the bare token"


def check_token(text: str, given: Given, codec: Codec) -> Answer:
    """Return what of a token holds. Raises: nothing of what the token or the evidence may be."""
    try:
        token = parse_token(text)
        verify_signature(token)
    except Invalid as err:
        return Answer((Judged(Step.TOKEN, Verdict.FAILS, str(err)),))
    signed = Judged(Step.TOKEN, Verdict.HOLDS, f"signed by {token.issuer.name}, key {token.issuer.key_id.hex()}")
    window = _step(Step.WINDOW, lambda: _window(token, given.instant))
    status: Status | None = None
    failed: Judged | None = None
    try:
        status = None if given.status is None else _status(token, given, codec)
    except Invalid as err:
        failed = Judged(Step.STATUS, Verdict.FAILS, str(err))
    ledger = _ledger(token, given, status, codec)
    stands = failed or _stands(status, given.instant)
    as_of = None if status is None else status.checkpoint
    return Answer((signed, _holder(token, given), window, ledger, stands), token, as_of)


def _step(step: Step, check: Callable[[], str]) -> Judged:
    try:
        return Judged(step, Verdict.HOLDS, check())
    except Invalid as err:
        return Judged(step, Verdict.FAILS, str(err))


def _holder(token: Token, given: Given) -> Judged:
    if token.binding is None:
        return Judged(Step.HOLDER, Verdict.UNKNOWN, NO_HOLDER)
    audience, nonce = given.audience, given.nonce
    if audience is None or nonce is None:
        return Judged(Step.HOLDER, Verdict.UNKNOWN, NO_NONCE)

    def check() -> str:
        verify_binding(token, audience, nonce)
        return f"shown by {token.claims['sub']}, whose key has signed it for {audience}"

    return _step(Step.HOLDER, check)


def _window(token: Token, instant: datetime) -> str:
    verify_window(token, instant)
    return f"{instant_text(instant)} lies in it"


def _ledger(token: Token, given: Given, status: Status | None, codec: Codec) -> Judged:
    issue = given.issue

    def by_entry() -> str:
        if issue is None:
            raise AssertionError("asked of a proof that is not there")
        entry, proof = issue
        checkpoint = verify_proof(parse_proof(proof), entry, given.policy)
        decoded = codec.accept(entry)
        if not isinstance(decoded.event, LicenceIssued):
            raise Invalid(f"entry: expected a LicenceIssued, found {decoded.event.TYPE}")
        _require_issued(token, decoded.event, checkpoint)
        return f"issued by the ledger {checkpoint.origin}, proved at size {checkpoint.size}"

    def by_status() -> str:
        if status is None:
            raise AssertionError("asked of a status that is not there")
        if status.licence.issued is None:
            raise Invalid("status: expected the entry that issued the licence, found none")
        _require_issued(token, status.licence.issued, status.checkpoint)
        return f"issued by the ledger {status.checkpoint.origin}, proved at size {status.checkpoint.size}"

    if issue is not None:
        return _step(Step.LEDGER, by_entry)
    if status is not None:
        return _step(Step.LEDGER, by_status)
    return Judged(Step.LEDGER, Verdict.UNKNOWN, NO_ENTRY)


def _require_issued(token: Token, issued: LicenceIssued, checkpoint: Checkpoint) -> None:
    """Return if an issue that was proved names this token. Raises: Invalid."""
    if issued.token != token.digest:
        raise Invalid(f"token: expected SHA-256 {issued.token.hex()}, which was issued, found {token.digest.hex()}")
    if parse_vkey(issued.key).public_key != token.holder_key:
        raise Invalid("token cnf: expected the key to which the licence was issued, found another")
    if token.claims["status"]["ledger"]["origin"] != checkpoint.origin:
        raise Invalid(f"token status: expected the ledger {checkpoint.origin}, found another")


def _status(token: Token, given: Given, codec: Codec) -> Status:
    if given.status is None:
        raise AssertionError("asked of a status that is not there")
    return verify_status(given.status, token.claims["licence"], given.policy, token.issuer, codec)


def _stands(status: Status | None, instant: datetime) -> Judged:
    if status is None:
        return Judged(Step.STATUS, Verdict.UNKNOWN, NO_STATUS)
    as_of = f"as of size {status.checkpoint.size}"
    found = standing(status.licence, instant) if status.licence.offered else None
    if isinstance(found, InForce):
        return Judged(Step.STATUS, Verdict.HOLDS, f"in force, {as_of}")
    return Judged(Step.STATUS, Verdict.FAILS, f"{'not issued' if found is None else standing_text(found)}, {as_of}")


def standing_text(found: Standing) -> str:
    """Return how a licence stands, in words."""
    match found:
        case InForce():
            return "in force"
        case NotYet(begins=begins):
            return f"not yet: from {instant_text(begins)} on"
        case Suspended(since=since, why=why):
            return f"suspended from {instant_text(since)} on: {told(why)}"
        case Ended(since=since, why=why):
            return f"ended at {instant_text(since)}: {told(why)}"
        case _:
            return "not issued"
