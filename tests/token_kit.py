"""A licence in a town whose ledger is sealed by a log of its own: tokens, proofs and status files, without a home."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from domain.ids import format_id
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.keys import ed25519_signer
from domain.ledger.merkle import leaf_hash, node_hash
from domain.ledger.note import sign_note
from domain.ledger.policy import Policy, parse_policy
from domain.ledger.proof import TlogProof
from domain.rights.licence_events import LicenceIssued
from infra.rights.token import present_token
from producers.licences import LICENCE
from schemas.licence_check import Answer, Given, check_token
from schemas.licence_status import Proved, write_status
from schemas.licence_token import decode_base64url
from tests.governance_kit import CODEC, LOG, PREFIX, Town, signer_of
from tests.licence_kit import Deal

AUDIENCE, NONCE = "https://broadcaster.example", "n-0S6_WzA2Mj"
INSIDE = datetime(2027, 3, 1, tzinfo=UTC)
LOG_SIGNER = ed25519_signer(LOG, hashlib.sha256(b"the log of a town").digest())


class Sold:
    """A licence that was issued in a town, and what its log proves."""

    def __init__(self, town: Town | None = None) -> None:
        self.deal = Deal(town or Town()).reached("issue")
        self.town = self.deal.town
        self.name = format_id("L", self.deal.licence, PREFIX)
        issued = self.town.load(self.deal.licence, LICENCE).state.issued
        assert isinstance(issued, LicenceIssued)
        self.issued = issued

    @property
    def policy(self) -> Policy:
        return parse_policy(self.policy_text)

    @property
    def policy_text(self) -> bytes:
        return f"log {LOG_SIGNER.vkey}\nquorum none\n".encode()

    @property
    def token(self) -> str:
        """Return the token with all disclosures, from the blob store."""
        blobs = self.town.blobs
        signed = blobs.read_bytes(self.issued.token, 1 << 20).decode()
        digests = json.loads(decode_base64url(signed.split(".")[1], "token"))["scope"]["_sd"]
        told = [blobs.read_bytes(decode_base64url(one, "digest"), 1 << 20).decode() for one in digests]  # type: ignore[arg-type]
        return f"{signed}~{''.join(f'{one}~' for one in told)}"

    def presented(self, *disclose: str, audience: str = AUDIENCE, nonce: str = NONCE) -> str:
        sign = signer_of(self.deal.buyer).sign
        return present_token(self.token, disclose, audience=audience, nonce=nonce, sign=sign, now=self.town.now)

    def rows(self) -> list[Any]:
        return list(self.town.store.streams([self.deal.licence])[self.deal.licence])

    def sealed(self) -> tuple[list[bytes], Checkpoint, bytes]:
        """Return all leaf hashes, the checkpoint over them and its note."""
        leaves = [leaf_hash(row.entry) for row in self.town.store.rows(0, 100_000)]
        checkpoint = Checkpoint(LOG, len(leaves), root(leaves))
        return leaves, checkpoint, sign_note(checkpoint.encode(), [LOG_SIGNER])

    def issue(self) -> tuple[bytes, bytes]:
        """Return the entry that issued the licence, and its proof."""
        leaves, _, note = self.sealed()
        row = next(row for row in self.rows() if row.type == LicenceIssued.TYPE)
        return row.entry, TlogProof(row.index, path(row.index, leaves), note).encode()

    def status(self, rows: Sequence[Any] | None = None, signer: Any = None) -> bytes:
        leaves, checkpoint, note = self.sealed()
        found = self.rows() if rows is None else rows
        proved = [Proved(row.entry, TlogProof(row.index, path(row.index, leaves), note)) for row in found]
        return write_status(self.name, proved, checkpoint, signer or signer_of(self.town.holder))

    def check(self, token: str, **changes: Any) -> Answer:
        fields: dict[str, Any] = {
            "policy": self.policy,
            "instant": INSIDE,
            "audience": AUDIENCE,
            "nonce": NONCE,
            "issue": None,
            "status": None,
        }
        return check_token(token, Given(**{**fields, **changes}), CODEC)


@cache
def sold() -> Sold:
    """Return one that tests only read."""
    return Sold()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash (RFC 9162 §2.1.1)."""
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(root(leaves[:k]), root(leaves[k:]))


def path(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the inclusion path (RFC 9162 §2.1.3.1)."""
    if len(leaves) == 1:
        return ()
    k = split(len(leaves))
    if index < k:
        return (*path(index, leaves[:k]), root(leaves[k:]))
    return (*path(index - k, leaves[k:]), root(leaves[:k]))


def split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
