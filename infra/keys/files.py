"""The log's signing keys in files, and the C2SP policy that tells others how to check us.

    <directory>/log-ed25519     signs every checkpoint (signature type 01)
    <directory>/log-mldsa44     signs every checkpoint too (timestamped cosignature, type 06; post-quantum)

Format of a key file, as golang.org/x/mod/sumdb/note writes signer keys, one line:

    PRIVATE+KEY+<name>+<8 hex digits of the key id>+<base64(type || 32-byte seed)>

for example (the published test log, seed SHA-256("log-test-key"); do not use it):

    PRIVATE+KEY+film-ledger.example/cn-east+c5329131+AcOoRCEQOlLolTuQIcVnMG8bE34KiPH32IzomaYOX/FR

The name is the log's origin. The key id is that of the *public* half, so a damaged seed is found when it is loaded.

A file must be a plain file of mode 0600 (nothing for group and others) owned by the user who loads it, and its
directory is made 0700. Keys are never overwritten and never printed.

Trust: secret. Whoever reads these files can sign a second history in the log's name; our own rollback guard would not
see it, witnesses would. Whoever deletes them stops the log: back them up apart from everything else.
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
from domain.ledger.policy import format_policy
from domain.ledger.text import decode_base64, encode_base64
from infra.process import sync_directory

ED25519_FILE: Final = "log-ed25519"
MLDSA44_FILE: Final = "log-mldsa44"
KEY_FILE_BYTES_MAX: Final = 1_024
PQ_WITNESS: Final = "log-pq"

_PREFIX = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Both signers of one log; `vkeys` are what everyone may know."""

    ed25519: NoteSigner
    mldsa44: NoteSigner

    @property
    def signers(self) -> tuple[NoteSigner, NoteSigner]:
        """Return the signers in the order of their lines on a checkpoint."""
        return (self.ed25519, self.mldsa44)

    @property
    def vkeys(self) -> tuple[str, str]:
        """Return the verifier keys, Ed25519 first."""
        return (self.ed25519.vkey, self.mldsa44.vkey)

    def policy(self) -> bytes:
        """Return the policy file of a log without other witnesses: both of our signatures are required.

        The ML-DSA-44 key stands as a witness in the quorum, since a policy accepts a note signed by *any* log key: an
        attacker with a broken Ed25519 could otherwise strip the other line.
        """
        return format_policy(logs=[self.ed25519.vkey], witnesses=[(PQ_WITNESS, self.mldsa44.vkey)], quorum=PQ_WITNESS)


class FileKeys:
    """The key directory behind the sealer's `KeyStore` port. `clock` gives seconds since the epoch for ML-DSA-44."""

    def __init__(self, directory: Path, clock: Callable[[], int]) -> None:
        self._directory = directory
        self._clock = clock

    def signers(self, origin: str) -> tuple[NoteSigner, NoteSigner]:
        """Return the signers of log `origin`; see `load`."""
        return self.load(origin).signers

    def generate(self, origin: str) -> LogKeys:
        """Make the keys of log `origin` that do not exist yet, durably, and return all.

        A file that is there is kept and checked like any other, so a crash in between is repaired by calling again.

        Raises:
            Invalid: a key that is there is of another log, broken, or readable by others.
            Unavailable: the disk refused.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, key_type in ((ED25519_FILE, KeyType.ED25519), (MLDSA44_FILE, KeyType.MLDSA44_COSIGNATURE)):
                if not (self._directory / name).exists():
                    seed = secrets.token_bytes(SEED_BYTES)
                    _create(self._directory / name, _format(_signer(origin, key_type, seed, self._clock), seed))
        except OSError as err:
            raise Unavailable(f"cannot write keys to {self._directory}: {err.strerror}") from err
        return self.load(origin)

    def load(self, origin: str) -> LogKeys:
        """Return the keys of log `origin`.

        Raises:
            Invalid: a key is missing, broken, of another log, or its file is readable by others.
            Unavailable: the disk refused.
        """
        return LogKeys(
            self._load(ED25519_FILE, KeyType.ED25519, origin),
            self._load(MLDSA44_FILE, KeyType.MLDSA44_COSIGNATURE, origin),
        )

    def _load(self, name: str, key_type: KeyType, origin: str) -> NoteSigner:
        path = self._directory / name
        text = _read_private(path)
        fields = text.removeprefix(_PREFIX).removesuffix("\n").split("+", 2)
        if not text.startswith(_PREFIX) or not text.endswith("\n") or len(fields) != 3:
            raise Invalid(f"{path}: expected one line PRIVATE+KEY+<name>+<key id>+<base64>")
        found_name, key_id, encoded = fields
        material = decode_base64(encoded.encode(), f"{path}: key")
        if found_name != origin:
            raise Invalid(f"{path}: expected the key of log {origin!r}, found one of {found_name[:80]!r}")
        if material[:1] != bytes((key_type,)) or len(material) != 1 + SEED_BYTES:
            raise Invalid(f"{path}: expected type {key_type:02x} and a seed of {SEED_BYTES} bytes")
        signer = _signer(origin, key_type, material[1:], self._clock)
        if signer.key_id.hex() != key_id:
            raise Invalid(f"{path}: expected key id {key_id[:16]}, found {signer.key_id.hex()}: the file is damaged")
        return signer


def _signer(origin: str, key_type: KeyType, seed: bytes, clock: Callable[[], int]) -> NoteSigner:
    return ed25519_signer(origin, seed) if key_type is KeyType.ED25519 else mldsa44_cosigner(origin, seed, clock)


def _format(signer: NoteSigner, seed: bytes) -> bytes:
    material = encode_base64(bytes((signer.verifier.key_type,)) + seed).decode()
    return f"{_PREFIX}{signer.name}+{signer.key_id.hex()}+{material}\n".encode()


def _create(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600, whole or not at all; never replaces one."""
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
