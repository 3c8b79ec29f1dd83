"""Keys of parties that this home signs for: `keys/parties/<party uuid>/<key id>`, in the form of `infra.keys.format`.

Most parties keep their keys elsewhere, and send signed commands. Those of the holder, and of whoever works at this
home, may lie here; whoever reads them can act in their name until the key is withdrawn.
"""

from collections.abc import Sequence
from pathlib import Path

from domain.errors import Unavailable
from domain.ids import PartyId
from domain.ledger.keys import KeyType, NoteSigner
from infra.clock import now_s
from infra.keys.format import make_key, read_key, write_key


class PartyKeys:
    """The signers of parties in one key directory."""

    def __init__(self, keys: Path) -> None:
        """Prepare; nothing is read or made yet. `keys` is the home's directory of private keys."""
        self._directory = keys / "parties"

    def signers(self, party: PartyId, name: str) -> list[NoteSigner]:
        """Return the signers of a party, by key id; `name` is its identifier.

        Raises:
            Invalid: a file is broken, of another name, or readable by others.
            Unavailable: the disk refused.
        """
        folder = self._directory / str(party)
        files = sorted(path for path in folder.glob("[0-9a-f]*") if not path.name.startswith("."))
        return [read_key(path, KeyType.ED25519, name, now_s) for path in files]

    def first(self, party: PartyId, name: str) -> NoteSigner:
        """Return a signer of a party, a new one if it has none here. Raises as `signers`."""
        found = self.signers(party, name)
        return found[0] if found else self.make(party, name)

    def make(self, party: PartyId, name: str) -> NoteSigner:
        """Make another key of a party, durably, and return its signer. Raises: Unavailable."""
        folder = self._directory / str(party)
        key = make_key(KeyType.ED25519, name, now_s)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_key(folder / key.signer.key_id.hex(), key)
        except OSError as err:
            raise Unavailable(f"cannot write a key to {folder}: {err.strerror}") from err
        return key.signer

    def among(self, party: PartyId, name: str, bound: Sequence[str]) -> NoteSigner | None:
        """Return a signer whose key is one of those that are bound, None if none lies here. Raises as `signers`."""
        return next((signer for signer in self.signers(party, name) if signer.vkey in bound), None)
