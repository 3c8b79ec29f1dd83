"""Proof files: one entry, its place, and the signed checkpoint it lies under (C2SP tlog-proof, `.tlog-proof`).

Format. Lines ended by newline: `c2sp.org/tlog-proof@v1`; optionally `extra <base64>`; `index <decimal>`; the inclusion
path, one base64 hash a line, the leaf's sibling first, at most 63; an empty line; then the checkpoint, a signed note,
verbatim to the end of the file. The entry itself is not in the file. Limits: extra 65,536 bytes, note 1 MB.

A proof is worth nothing before its checkpoint has been verified against a policy the reader chose; `verify_proof` does
both. The `extra` line is kept and never trusted: nothing signs it.

Example, entry 5 of the eight-leaf test log:

    c2sp.org/tlog-proof@v1
    index 5
    vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=
    yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=
    037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=

    film-ledger.example/cn-east
    8
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

    — film-ledger.example/cn-east xTKRMYCHUqFgQA9xfJCuPu9ZtIxaG3jI/DKGlg5adHFRPKMM1h/Wb4vykQEGklzMT6Tv8kOQ51epcSlbNsJd\
4Kflvg0=
    — witness.example/court 6dB9egAAAABndIWAHbRDmzDzCESrYz5Dhebm4c+ZOkKJLceigUAt8Kkb+TsS0LlyK/gcQRXH0kPtWgGLJVCLnA16Kt\
BpWPZEZIcvDA==
"""

from dataclasses import dataclass
from typing import Final

from domain.ledger.checkpoint import Checkpoint, parse_checkpoint
from domain.ledger.errors import Invalid
from domain.ledger.merkle import HASH_BYTES, TREE_SIZE_MAX, leaf_hash, verify_inclusion
from domain.ledger.note import NOTE_BYTES_MAX, parse_note
from domain.ledger.policy import Policy
from domain.ledger.text import decode_base64, encode_base64, parse_decimal

HEADER: Final = b"c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX: Final = 65_536
PATH_HASHES_MAX: Final = 63
PROOF_BYTES_MAX: Final = NOTE_BYTES_MAX + 100_000


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof as it stands in the file: 0-based index, path (32-byte hashes), checkpoint note bytes, extra bytes.

    Nothing is verified by building one. `extra` is untrusted in any case.

    Raises:
        Invalid: on construction, a part that the file format cannot hold.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        """Check that the parts can be written, and that the checkpoint is a note whose text is a checkpoint."""
        if not 0 <= self.index < TREE_SIZE_MAX:
            raise Invalid(f"proof index: expected 0..{TREE_SIZE_MAX - 1}, found {self.index}")
        if len(self.path) > PATH_HASHES_MAX:
            raise Invalid(f"proof path: expected at most {PATH_HASHES_MAX} hashes, found {len(self.path)}")
        for level, sibling in enumerate(self.path):
            if len(sibling) != HASH_BYTES:
                raise Invalid(f"proof path: expected {HASH_BYTES} bytes at level {level}, found {len(sibling)}")
        if self.extra is not None and len(self.extra) > EXTRA_BYTES_MAX:
            raise Invalid(f"proof extra: expected at most {EXTRA_BYTES_MAX} bytes, found {len(self.extra)}")
        text, _ = parse_note(self.checkpoint)
        parse_checkpoint(text)

    def encode(self) -> bytes:
        """Return the file's bytes; `parse_proof(p.encode()) == p`."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(b"extra " + encode_base64(self.extra))
        lines.append(b"index %d" % self.index)
        lines.extend(encode_base64(sibling) for sibling in self.path)
        return b"\n".join(lines) + b"\n\n" + self.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Return the proof that a file spells, nothing verified; `parse_proof(d).encode() == d`.

    Raises:
        Invalid: another spelling, an over-long part, or a checkpoint that is no note.
    """
    if len(data) > PROOF_BYTES_MAX:
        raise Invalid(f"proof: expected at most {PROOF_BYTES_MAX} bytes, found {len(data)}")
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator:
        raise Invalid("proof: expected an empty line before the checkpoint, found none")
    lines = head.split(b"\n")
    if lines[0] != HEADER:
        raise Invalid(f"proof: expected {HEADER.decode()}, found {lines[0][:40]!r}")
    extra = None
    position = 1
    if len(lines) > 1 and lines[1].startswith(b"extra "):
        extra = decode_base64(lines[1].removeprefix(b"extra "), "proof extra")
        position = 2
    if len(lines) <= position or not lines[position].startswith(b"index "):
        raise Invalid(f"proof: expected an index line at line {position + 1}")
    index = parse_decimal(lines[position].removeprefix(b"index "), "proof index", TREE_SIZE_MAX - 1)
    siblings = lines[position + 1 :]
    if len(siblings) > PATH_HASHES_MAX:
        raise Invalid(f"proof path: expected at most {PATH_HASHES_MAX} hashes, found {len(siblings)}")
    path = tuple(decode_base64(line, f"proof path, hash {level}") for level, line in enumerate(siblings))
    return TlogProof(index, path, checkpoint, extra)


def verify_proof(proof: TlogProof, entry: bytes, policy: Policy) -> Checkpoint:
    """Return the checkpoint under which `entry` was proved to stand at `proof.index`.

    Verifies, in this order: the log's signature and the quorum of `policy` on the checkpoint; then that the entry's
    leaf hash leads to its root by a path of exactly the length that index and size demand.

    Raises:
        Invalid: one of these does not hold.
    """
    checkpoint = policy.verify_checkpoint(proof.checkpoint)
    verify_inclusion(
        index=proof.index, size=checkpoint.size, leaf=leaf_hash(entry), path=proof.path, root=checkpoint.root
    )
    return checkpoint
