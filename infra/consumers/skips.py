"""Decisions to leave a record out, kept in `skips.jsonl` beside the consumers' stores.

One line a decision, a JSON object (RFC 8785), appended and synced, never changed:

    {"at":"2026-11-25T18:40:01.123Z","offset":17,"partition":4,"reason":"forged, ticket 81",
     "topic":"edgeprint.identity.v1","value_sha256":"<64 hex digits>"}                      (in one line)

A consumer reads them when it starts. Only a record that is proven not to be in the ledger may be left out
(`require_not_in_ledger`): its bytes are not the entry that is signed at the index it claims.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import rfc8785

from consumers.claims import Claims
from domain.errors import Invalid, Rejected, Unavailable
from domain.ledger.policy import Policy
from domain.ledger.proof import verify_proof
from infra.clock import now_us
from infra.fsck.tree import make_proof, read_entry
from infra.locks import FileLock
from infra.log import time_text
from infra.process import sync_directory
from infra.tiles.posix import PosixTree
from schemas.records import Partition, Received

FILE: Final = "skips.jsonl"
REASON_CHARACTERS_MAX: Final = 500
FILE_BYTES_MAX: Final = 4 << 20
LOCK_S: Final = 5.0
_MEMBERS: Final = {"at", "offset", "partition", "reason", "topic", "value_sha256"}


def read_skips(folder: Path) -> dict[tuple[Partition, int], str]:
    """Return the records left out by decision, each with the SHA-256 of its value in hex.

    Raises:
        Invalid: a line is none of ours; it is named.
        Unavailable: the file cannot be read.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as err:
        raise Unavailable(f"{path}: expected to read decisions, found {err.strerror}") from err
    if len(data) > FILE_BYTES_MAX:
        raise Invalid(f"{path}: expected at most {FILE_BYTES_MAX} bytes, found {len(data)}")
    skips = {}
    for number, line in enumerate(data.splitlines(), start=1):
        found = _parse(line)
        if found is None:
            raise Invalid(f"{path} line {number}: expected a decision, found {line[:80]!r}")
        place = Partition(str(found["topic"]), int(found["partition"])), int(found["offset"])
        skips[place] = str(found["value_sha256"])
    return skips


def keep_skip(folder: Path, record: Received, reason: str) -> None:
    """Keep the decision to leave a record out; durable when it returns. A record already left out is kept once more.

    Raises:
        Invalid: no reason, or one of more than REASON_CHARACTERS_MAX characters.
        Unavailable: the disk.
    """
    if not 0 < len(reason) <= REASON_CHARACTERS_MAX:
        raise Invalid(f"expected a reason of 1 to {REASON_CHARACTERS_MAX} characters, found {len(reason)}")
    decision: dict[str, Any] = {
        "at": time_text(now_us()),
        "offset": record.offset,
        "partition": record.partition,
        "reason": reason,
        "topic": record.topic,
        "value_sha256": hashlib.sha256(record.value or b"").hexdigest(),
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "skips.lock", timeout_s=LOCK_S, what=f"the decisions in {folder}"):
            read_skips(folder)  # never append behind a line cut short
            with (folder / FILE).open("ab") as file:
                file.write(rfc8785.dumps(decision) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_directory(folder)
    except OSError as err:
        raise Unavailable(f"{folder / FILE}: expected to keep the decision, found {err.strerror}") from err


def require_not_in_ledger(record: Received, claims: Claims, tlog: Path, policy: Policy) -> str:
    """Return what the proof is that a record is no entry of the ledger, from the static tree and the policy.

    Raises:
        Rejected: it is the entry that is signed at its index, or that index is not sealed yet: nothing is proven.
        Invalid, Unavailable: the tree does not verify or cannot be read.
    """
    try:
        index, leaf, entry = claims.of(record)
    except Invalid as err:
        return f"it is no whole record: {err}"
    note = PosixTree(tlog).checkpoint()
    size = 0 if note is None else policy.verify_checkpoint(note).size
    if index >= size:
        raise Rejected(
            f"{record.place} claims to be entry {index}, {size} entries are sealed: nothing is proven of it yet"
        )
    signed = read_entry(tlog, index)
    verify_proof(make_proof(tlog, index), signed, policy)
    if signed == entry:
        raise Rejected(f"{record.place} is entry {index} of the ledger, leaf hash {leaf.hex()}: it is not left out")
    return f"entry {index} is signed with other bytes"


def _parse(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != _MEMBERS:
        return None
    numbers = (found["offset"], found["partition"])
    texts = (found["at"], found["reason"], found["topic"], found["value_sha256"])
    whole = all(type(one) is int and one >= 0 for one in numbers) and all(isinstance(one, str) for one in texts)
    return found if whole else None
