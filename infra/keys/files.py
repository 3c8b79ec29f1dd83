"""The log's signing keys in files, and the C2SP policy that tells others how to check us.

    <directory>/log-ed25519     signs every checkpoint (signature type 01)
    <directory>/log-mldsa44     signs every checkpoint too (timestamped cosignature, type 06; post-quantum)

The name in each is the log's origin; `infra.keys.format` says how a key file is written. Keys are never overwritten.

Trust: secret. Whoever reads these files can sign a second history in the log's name; our own rollback guard would not
see it, witnesses would. Whoever deletes them stops the log: back them up apart from everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from domain.ledger.keys import KeyType, NoteSigner
from domain.ledger.policy import format_policy
from infra.keys.format import make_key, read_key, write_key

ED25519_FILE: Final = "log-ed25519"
MLDSA44_FILE: Final = "log-mldsa44"
PQ_WITNESS: Final = "log-pq"


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
                    write_key(self._directory / name, make_key(key_type, origin, self._clock))
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
            read_key(self._directory / ED25519_FILE, KeyType.ED25519, origin, self._clock),
            read_key(self._directory / MLDSA44_FILE, KeyType.MLDSA44_COSIGNATURE, origin, self._clock),
        )
