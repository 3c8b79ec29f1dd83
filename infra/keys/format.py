"""A private key in a file, and how one is made, written and read.

Format of a key file, as golang.org/x/mod/sumdb/note writes signer keys, one line:

    PRIVATE+KEY+<name>+<8 hex digits of the key id>+<base64(type || 32-byte seed)>

for example (the published test log, seed SHA-256("log-test-key"); do not use it):

    PRIVATE+KEY+film-ledger.example/cn-east+c5329131+AcOoRCEQOlLolTuQIcVnMG8bE34KiPH32IzomaYOX/FR

The name is the log's origin. The key id is that of the *public* half, so a damaged seed is found when it is loaded.
Keys of parties have the same form; their name is the party's identifier.

A file must be a plain file of mode 0600 (nothing for group and others) owned by the user who loads it. One that is
there is never replaced, and no key is ever printed.
"""

import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import Invalid, Unavailable
from domain.ledger.keys import SEED_BYTES, KeyType, NoteSigner, ed25519_signer, mldsa44_cosigner
from domain.ledger.text import decode_base64, encode_base64
from infra.process import sync_directory

KEY_FILE_BYTES_MAX: Final = 1_024
_PREFIX: Final = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that is not in a file yet. Never printed."""

    signer: NoteSigner
    line: bytes

    def __repr__(self) -> str:
        """Return the public half."""
        return f"PrivateKey({self.signer!r})"


def make_key(key_type: KeyType, name: str, clock: Callable[[], int]) -> PrivateKey:
    """Return a new key; `clock` gives seconds since the epoch for cosigners."""
    seed = secrets.token_bytes(SEED_BYTES)
    signer = _signer(name, key_type, seed, clock)
    material = encode_base64(bytes((key_type,)) + seed).decode()
    return PrivateKey(signer, f"{_PREFIX}{signer.name}+{signer.key_id.hex()}+{material}\n".encode())


def write_key(path: Path, key: PrivateKey) -> None:
    """Write a new file of mode 0600, whole or not at all; never replaces one. Raises: OSError."""
    data = key.line
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.link(temporary, path)  # fails if another process was first, where rename would replace its key
    temporary.unlink()
    sync_directory(path.parent)


def read_key(path: Path, key_type: KeyType, name: str, clock: Callable[[], int]) -> NoteSigner:
    """Return the key in a file.

    Raises:
        Invalid: it is missing, broken, of another name or type, or readable by others.
        Unavailable: the disk refused.
    """
    text = _read_private(path)
    fields = text.removeprefix(_PREFIX).removesuffix("\n").split("+", 2)
    if not text.startswith(_PREFIX) or not text.endswith("\n") or len(fields) != 3:
        raise Invalid(f"{path}: expected one line PRIVATE+KEY+<name>+<key id>+<base64>")
    found_name, key_id, encoded = fields
    material = decode_base64(encoded.encode(), f"{path}: key")
    if found_name != name:
        raise Invalid(f"{path}: expected the key of {name!r}, found one of {found_name[:80]!r}")
    if material[:1] != bytes((key_type,)) or len(material) != 1 + SEED_BYTES:
        raise Invalid(f"{path}: expected type {key_type:02x} and a seed of {SEED_BYTES} bytes")
    signer = _signer(name, key_type, material[1:], clock)
    if signer.key_id.hex() != key_id:
        raise Invalid(f"{path}: expected key id {key_id[:16]}, found {signer.key_id.hex()}: the file is damaged")
    return signer


def _signer(name: str, key_type: KeyType, seed: bytes, clock: Callable[[], int]) -> NoteSigner:
    return ed25519_signer(name, seed) if key_type is KeyType.ED25519 else mldsa44_cosigner(name, seed, clock)


def _read_private(path: Path) -> str:
    """Return the text of a file that is the user's own and closed to everyone else.

    Raises:
        Invalid: it is missing, no plain file, another user's, open to group or others, or no ASCII text.
        Unavailable: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as err:
        raise Invalid(f"{path}: expected a key file, found none") from err
    except OSError as err:
        raise Unavailable(f"{path}: cannot read the key: {err.strerror}") from err
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Invalid(f"{path}: expected a plain file")
        if status.st_mode & 0o077:
            raise Invalid(
                f"{path}: expected mode 0600, found {stat.S_IMODE(status.st_mode):04o}: others can read or change the "
                f"key; run `chmod 600 {path}`, and take the key as known if they are not trusted"
            )
        if status.st_uid != os.geteuid():
            raise Invalid(f"{path}: expected a file of user {os.geteuid()}, found one of user {status.st_uid}")
        data = file.read(KEY_FILE_BYTES_MAX + 1)
    if len(data) > KEY_FILE_BYTES_MAX or not data.isascii():
        raise Invalid(f"{path}: expected at most {KEY_FILE_BYTES_MAX} bytes of ASCII")
    return data.decode("ascii")
