"""The status of a licence as a file that is checked offline: the entries of its stream, proved, and that they are all.

    {"checkpoint": "<note of the log>", "entries": [{"entry": "<base64>", "index": 41, "path": ["<base64>", ...]}],
     "format": "edgeprint-licence-status/1", "licence": "10.5072/L...", "statement": "<note of the issuer>"}

in RFC 8785 form. Each entry is proved to stand at its index under the one checkpoint (RFC 9162 §2.1.3), and each names
the one before it, so none is missing between the first and the last. That none follows is the issuer's word: a note
signed by the key that signed the token, over the text

    edgeprint/licence-status/v1
    <licence>
    <origin of the checkpoint>
    <its size>
    <its root, base64>
    <how many entries>
    <leaf hash of the last, base64>

Whoever makes such a statement and leaves an entry out can be shown to have done so: two things signed contradict one
another. What happened after the checkpoint is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import rfc8785

from domain.errors import Invalid
from domain.events import ZERO_HASH, Event
from domain.ids import parse_licence_id
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.keys import NoteSigner, Verifier
from domain.ledger.merkle import leaf_hash
from domain.ledger.note import open_note, sign_note
from domain.ledger.policy import Policy
from domain.ledger.proof import TlogProof, verify_proof
from domain.ledger.text import decode_base64, encode_base64
from domain.rights.licence import Licence, evolve
from domain.rights.licence_events import LICENCE_EVENTS
from schemas.codec import Codec
from schemas.strict_json import parse_strict

FORMAT: Final = "edgeprint-licence-status/1"
STATUS_BYTES_MAX: Final = 4 << 20
STATUS_DEPTH_MAX: Final = 5
ENTRIES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Proved:
    """One entry of the stream with its proof."""

    entry: bytes
    proof: TlogProof


@dataclass(frozen=True, slots=True)
class Status:
    """The licence as its stream tells it up to a checkpoint."""

    licence: Licence
    checkpoint: Checkpoint


def statement_text(licence: str, checkpoint: Checkpoint, entries: int, last: bytes) -> bytes:
    """Return what the issuer signs: these are all entries of the licence below the size; `last` is a leaf hash."""
    root, leaf = encode_base64(checkpoint.root).decode(), encode_base64(last).decode()
    lines = ("edgeprint/licence-status/v1", licence, checkpoint.origin, checkpoint.size, root, entries, leaf)
    return "".join(f"{line}\n" for line in lines).encode()


def write_status(licence: str, proved: list[Proved], checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """Return the file; all proofs are under one checkpoint, whose note stands in each of them."""
    text = statement_text(licence, checkpoint, len(proved), leaf_hash(proved[-1].entry))
    document: dict[str, Any] = {
        "format": FORMAT,
        "licence": licence,
        "checkpoint": proved[0].proof.checkpoint.decode(),
        "entries": [
            {
                "index": one.proof.index,
                "entry": encode_base64(one.entry).decode(),
                "path": [encode_base64(sibling).decode() for sibling in one.proof.path],
            }
            for one in proved
        ],
        "statement": sign_note(text, [signer]).decode(),
    }
    return rfc8785.dumps(document)


def verify_status(data: bytes, licence: str, policy: Policy, issuer: Verifier, codec: Codec) -> Status:
    """Return how a licence stands by a status file, if all of it is proved under the policy and said by the issuer.

    Raises: Invalid, and nothing else.
    """
    document = parse_strict(data, "status", bytes_max=STATUS_BYTES_MAX, depth_max=STATUS_DEPTH_MAX)
    texts = _members(document, {"format": str, "licence": str, "checkpoint": str, "entries": list, "statement": str})
    if texts["format"] != FORMAT or texts["licence"] != licence:
        raise Invalid(f"status: expected {FORMAT} of {licence}, found another format or licence")
    entries = texts["entries"]
    if not 1 <= len(entries) <= ENTRIES_MAX:
        raise Invalid(f"status: expected 1 to {ENTRIES_MAX} entries, found {len(entries)}")
    note = texts["checkpoint"].encode()
    checkpoint = policy.verify_checkpoint(note)
    state, last, stream = Licence(), bytes(ZERO_HASH), parse_licence_id(licence)
    for number, found in enumerate(entries, start=1):
        entry = _proved(found, note, policy)
        state = evolve(state, _event(entry, codec, stream, number, last))  # type: ignore[arg-type]  # checked there
        last = leaf_hash(entry)
    said = open_note(texts["statement"].encode(), [issuer])
    if said.text != statement_text(licence, checkpoint, len(entries), last):
        raise Invalid("status: expected the issuer's statement over these entries and this checkpoint, found another")
    return Status(state, checkpoint)


def _members(found: object, expected: Mapping[str, type]) -> dict[str, Any]:
    if not isinstance(found, dict) or set(found) != set(expected):
        raise Invalid(f"status: expected an object of {', '.join(expected)}")
    for name, kind in expected.items():
        if type(found[name]) is not kind:
            raise Invalid(f"status: expected {name} to be a {kind.__name__}")
    return found


def _proved(found: object, note: bytes, policy: Policy) -> bytes:
    members = _members(found, {"index": int, "entry": str, "path": list})
    if not all(isinstance(sibling, str) for sibling in members["path"]):
        raise Invalid("status: expected a path of texts")
    entry = _bytes(members["entry"])
    path = tuple(_bytes(sibling) for sibling in members["path"])
    verify_proof(TlogProof(members["index"], path, note), entry, policy)
    return entry


def _bytes(text: str) -> bytes:
    if not text.isascii():
        raise Invalid("status: expected base64")
    return decode_base64(text.encode(), "status")


def _event(entry: bytes, codec: Codec, stream: UUID, version: int, previous: bytes) -> Event:
    """Return an event of the stream that follows the one before it. Raises: Invalid."""
    decoded = codec.accept(entry)
    envelope = decoded.envelope
    found = (UUID(int=envelope.stream_id.int), envelope.stream_version, bytes(envelope.previous))
    if found != (stream, version, previous):
        raise Invalid(f"status: expected version {version} of the licence's stream, found another entry")
    if not isinstance(decoded.event, LICENCE_EVENTS):
        raise Invalid(f"status: expected an event of a licence, found {decoded.event.TYPE}")
    return decoded.event
