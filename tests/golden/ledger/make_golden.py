"""Makes the golden files of this folder; run `python -m tests.golden.ledger.make_golden` in the repository's root.

The test keys' seeds are SHA-256 of an ASCII label, so anyone can make them again. All files but one are a function of
this script. `mldsa44.checkpoint` is not: `cryptography` signs ML-DSA-44 hedged, so each run would give other bytes; it
is made once and kept, and the tests only verify it. Delete it first to have it made again.
"""

from hashlib import sha256
from pathlib import Path

from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import inclusion_proof, leaf_hashes
from domain.ledger.note import ed25519_cosigner, ed25519_signer, mldsa44_cosigner, sign_note
from domain.ledger.policy import format_policy
from domain.ledger.proof import TlogProof
from domain.ledger.tiles import TileGrower, TileHashReader, encode_bundle, tile_path

FOLDER = Path(__file__).parent
HEDGED = "mldsa44.checkpoint"

ORIGIN = "film-ledger.example/cn-east"
TIMESTAMP = 1735689600
LEAVES_HEX = "- 00 10 2021 3031 40414243 5051525354555657 606162636465666768696a6b6c6d6e6f"
LEAVES = tuple(bytes.fromhex(word.strip("-")) for word in LEAVES_HEX.split())

LOG = ed25519_signer(ORIGIN, sha256(b"log-test-key").digest())
LOG_PQ = mldsa44_cosigner(ORIGIN, sha256(b"log-pq-test-key").digest(), lambda: TIMESTAMP)
COURT = ed25519_cosigner("witness.example/court", sha256(b"witness-test-key").digest(), lambda: TIMESTAMP)


def grown() -> TileGrower:
    """Return the eight-leaf tree."""
    grower = TileGrower()
    grower.extend(leaf_hashes(LEAVES))
    return grower


def checkpoint() -> Checkpoint:
    """Return the tree head of the eight-leaf test log."""
    return Checkpoint(ORIGIN, len(LEAVES), grown().root())


def proof(index: int) -> TlogProof:
    """Return the proof of one of the eight leaves under a checkpoint signed by the log and the court."""
    files = {tile_path(tile): data for tile, data in grown().tiles()}
    path = inclusion_proof(index, len(LEAVES), TileHashReader(len(LEAVES), files.__getitem__))
    return TlogProof(index, path, sign_note(checkpoint().encode(), [LOG, COURT]))


def golden() -> dict[str, bytes]:
    """Return every file that is a function of this script."""
    files = {
        "policy": format_policy(logs=[LOG.vkey], witnesses=[("court", COURT.vkey)], quorum="court"),
        "policy-pq": format_policy(logs=[LOG.vkey], witnesses=[("log-pq", LOG_PQ.vkey)], quorum="log-pq"),
        "entries.p8": encode_bundle(LEAVES),
        "leaf5.tlog-proof": proof(5).encode(),
    }
    files.update(("tile.p8", data) for _, data in grown().tiles())
    return files


def main() -> None:
    """Write the files; leave the hedged one alone if it is there."""
    for name, data in golden().items():
        (FOLDER / name).write_bytes(data)
    if not (FOLDER / HEDGED).exists():
        (FOLDER / HEDGED).write_bytes(sign_note(checkpoint().encode(), [LOG, LOG_PQ]))


if __name__ == "__main__":
    main()
