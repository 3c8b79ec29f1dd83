"""A tlog-tiles client that shares no line with edgeprint: standard library and `cryptography`, written from C2SP alone.

`python tests/e2e/tlog_client.py DIRECTORY VKEY` checks the signature of DIRECTORY/checkpoint (C2SP signed-note,
tlog-checkpoint), then rebuilds the root from the entry bundles and every hash tile from the entries (C2SP tlog-tiles,
RFC 6962 section 2.1). It reads what the checkpoint's size asks for and nothing else.
"""

import base64
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256


class Refused(Exception):
    """The tree is not what its key's owner signed."""


@dataclass(frozen=True)
class Verified:
    """What was verified: the log, how many entries it holds, how many files were read beside the checkpoint."""

    origin: str
    size: int
    root: bytes
    entries: list[bytes]
    files: int


def verify(directory: Path, vkey: str) -> Verified:
    """Return what stands in the tree. Raises: Refused."""
    origin, size, root = open_checkpoint((directory / "checkpoint").read_bytes(), vkey)
    entries: list[bytes] = []
    for path in paths("entries", size):
        entries += parse_bundle(read(directory, path), path)
    if len(entries) != size:
        raise Refused(f"{len(entries)} entries in the bundles, {size} in the checkpoint")
    level, files = [hashlib.sha256(b"\x00" + entry).digest() for entry in entries], len(paths("entries", size))
    if tree_hash(level) != root:
        raise Refused("the entries do not lead to the signed root")
    number = 0
    while level:
        for n, path in enumerate(paths(str(number), len(level))):
            if read(directory, path) != b"".join(level[n * WIDTH : (n + 1) * WIDTH]):
                raise Refused(f"{path} is not the tile of these entries")
            files += 1
        full = len(level) // WIDTH
        level = [tree_hash(level[n * WIDTH : (n + 1) * WIDTH]) for n in range(full)]
        number += 1
    return Verified(origin, size, root, entries, files)


def open_checkpoint(note: bytes, vkey: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a note that carries a good signature of `vkey`. Raises: Refused."""
    name, key_id, key = vkey.split("+", 2)
    material = base64.b64decode(key, validate=True)
    if material[0] != 1 or hashlib.sha256(name.encode() + b"\n" + material).digest()[:4].hex() != key_id:
        raise Refused("not an Ed25519 vkey, or its key id is wrong")
    text, separator, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    for line in signatures.decode().splitlines():
        dash, signer, encoded = line.split(" ")
        signature = base64.b64decode(encoded, validate=True)
        if (dash, signer, signature[:4].hex()) == ("—", name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(material[1:]).verify(signature[4:], text)
            except InvalidSignature:
                raise Refused("the signature of the checkpoint is wrong") from None
            break
    else:
        raise Refused(f"no signature of {name} {key_id}{'' if separator else ': no note'}")
    origin, size, root = text.decode().splitlines()[:3]
    if origin != name or str(int(size)) != size:
        raise Refused("the checkpoint is of another log, or its size is not a decimal")
    return origin, int(size), base64.b64decode(root, validate=True)


def tree_hash(hashes: list[bytes]) -> bytes:
    """Return MTH of RFC 6962 over leaf (or subtree) hashes."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(hashes[:split]) + tree_hash(hashes[split:])).digest()


def paths(level: str, count: int) -> list[str]:
    """Return the paths of one level's tiles where it has `count` hashes."""
    found = [f"tile/{level}/{number(n)}" for n in range(count // WIDTH)]
    return found + ([f"tile/{level}/{number(count // WIDTH)}.p/{count % WIDTH}"] if count % WIDTH else [])


def number(n: int) -> str:
    """Return a tile number as a path: 1234067 is x001/x234/067."""
    groups = [f"{n % 1000:03}"]
    while n := n // 1000:
        groups.insert(0, f"x{n % 1000:03}")
    return "/".join(groups)


def parse_bundle(data: bytes, path: str) -> list[bytes]:
    """Return the entries of a bundle: each behind its length, two bytes big-endian. Raises: Refused."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise Refused(f"{path} ends inside an entry")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def read(directory: Path, path: str) -> bytes:
    """Return a file of the tree. Raises: Refused."""
    try:
        return (directory / path).read_bytes()
    except OSError as err:
        raise Refused(f"{path}: {err.strerror}") from err


if __name__ == "__main__":
    result = verify(Path(sys.argv[1]), sys.argv[2])
    print(f"{result.origin}: {result.size} entries, {result.files} files, root {result.root.hex()}")
