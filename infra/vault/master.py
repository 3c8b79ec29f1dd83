"""The master key that wraps the keys of data subjects, behind a port: files by default.

`MasterKeys` is the port. In `FileMasterKeys` each generation is a file `keys/vault/<number>`, 32 random bytes, mode
0600; the highest number wraps what is new. A generation is replaced, never changed: the next one is made, everything is
wrapped anew in one transaction of the vault, and only then the old file is overwritten and removed. A hardware module
(PKCS#11) takes its place with the same four calls: `newest` and `make` name a key object by number, `wrap` and `unwrap`
are C_Encrypt and C_Decrypt with CKM_AES_GCM, `forget` is C_DestroyObject.

Backups: whoever has a backup of the database and of this folder can open what was erased since. Keep backups of this
folder short, and apart from those of the database (docs/operations.md).
"""

import os
import secrets
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Invalid, Unavailable
from infra.process import sync_directory, write_durably

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class MasterKeys(Protocol):
    """Generations of the master key, by number from 1."""

    def newest(self) -> int:
        """Return the generation that wraps what is new; makes the first one if there is none. Raises: Unavailable."""

    def make(self) -> int:
        """Make the next generation, durably, and return its number. Raises: Unavailable."""

    def wrap(self, generation: int, key: bytes, about: bytes) -> bytes:
        """Return a key wrapped by a generation, bound to `about`. Raises: Unavailable (there is no such generation)."""

    def unwrap(self, generation: int, wrapped: bytes, about: bytes) -> bytes:
        """Return a wrapped key. Raises: Invalid (damaged, or bound to something else), Unavailable."""

    def forget(self, kept: frozenset[int]) -> None:
        """Destroy every generation but those in `kept` and the newest. Raises: Unavailable."""


def encrypt(key: bytes, plain: bytes, about: bytes) -> bytes:
    """Return nonce and AES-256-GCM ciphertext (NIST SP 800-38D) of `plain`, bound to `about`."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def decrypt(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Return what was encrypted. Raises: Invalid where it is damaged, bound to something else, or of another key."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except (InvalidTag, ValueError) as err:
        raise Invalid("vault: expected a value of this key and this place, found a damaged one or another's") from err


class FileMasterKeys:
    """See `MasterKeys`; one file for each generation."""

    def __init__(self, folder: Path) -> None:
        """Prepare; nothing is read or made yet."""
        self._folder = folder

    def newest(self) -> int:
        """Return the highest generation, made if there is none."""
        found = max(self._numbers(), default=0)
        if not found:
            self._create(1)  # of several who begin a vault at once one makes it, and all of them use that
            found = max(self._numbers())
        return found

    def make(self) -> int:
        """Make the next generation."""
        while True:
            number = max(self._numbers(), default=0) + 1
            if self._create(number):
                return number

    def _create(self, number: int) -> bool:
        """Make a generation durably and return True, or False where there is one: a key is never written over."""
        made = self._folder / f".{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(made, secrets.token_bytes(KEY_BYTES), mode=0o600)
            try:
                os.link(made, self._folder / str(number))
            except FileExistsError:
                return False
            finally:
                made.unlink()
            sync_directory(self._folder)
        except OSError as err:
            raise Unavailable(f"cannot write a master key to {self._folder}: {err.strerror}") from err
        return True

    def wrap(self, generation: int, key: bytes, about: bytes) -> bytes:
        """Return a key wrapped by a generation."""
        return encrypt(self._read(generation), key, about)

    def unwrap(self, generation: int, wrapped: bytes, about: bytes) -> bytes:
        """Return a wrapped key."""
        return decrypt(self._read(generation), wrapped, about)

    def forget(self, kept: frozenset[int]) -> None:
        """Overwrite and remove every generation but `kept` and the newest."""
        newest = max(self._numbers(), default=0)
        try:
            for number in self._numbers():
                if number not in kept and number != newest:
                    path = self._folder / str(number)
                    with path.open("r+b") as file:
                        file.write(bytes(KEY_BYTES))
                        file.flush()
                        os.fsync(file.fileno())
                    path.unlink()
            sync_directory(os.fspath(self._folder))
        except OSError as err:
            raise Unavailable(f"cannot remove a master key in {self._folder}: {err.strerror}") from err

    def _numbers(self) -> list[int]:
        try:
            return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())
        except FileNotFoundError:
            return []
        except OSError as err:
            raise Unavailable(f"cannot look for master keys in {self._folder}: {err.strerror}") from err

    def _read(self, generation: int) -> bytes:
        path = self._folder / str(generation)
        try:
            key = path.read_bytes()
        except OSError as err:
            raise Unavailable(f"{path}: expected a master key of the vault, found {err.strerror}") from err
        if len(key) != KEY_BYTES or path.stat().st_mode & 0o077:
            raise Invalid(f"{path}: expected {KEY_BYTES} bytes that only their owner may read")
        return key
