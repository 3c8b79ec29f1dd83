"""The home of one ledger: where each thing of it lies.

    config.json      which ledger this is: identifiers, origin, prefix, holder; written once by `init`, at its end
    policy           C2SP tlog-policy file with our verifier keys: what others need in order to check us
    keys/            private keys, mode 0600; keys/vault/ wraps the keys of data subjects
    tlog/            the static tlog-tiles tree: checkpoint, tile/...
    blobs/           the files themselves, by content
    postgres.json    where the database of our own lies (absent with DATABASE_URL), postgres/ usually
    kafka/           the broker of our own, if there is one
    consumers/       the stores of consumers, decisions to skip a record
    run/             process ids, locks and logs of what `edgeprint up` started

The home is trusted for the keys; everything else in it is checked against the keys (`edgeprint fsck --deep`).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from domain.errors import Invalid, NotFound, Unavailable
from domain.ids import LedgerId, PartyId, parse_ledger_id, parse_party_id
from infra.process import sync_directory, write_durably, writing

FORMAT: Final = "edgeprint/home/1"


@dataclass(frozen=True, slots=True)
class HomeConfig:
    """The identity of a home; identifiers are in their text form."""

    format: str
    ledger: str
    origin: str
    prefix: str
    production: bool
    holder: str
    holder_kind: str
    service: str

    @property
    def ledger_id(self) -> LedgerId:
        """Return the ledger's id."""
        return parse_ledger_id(self.ledger)

    @property
    def holder_id(self) -> PartyId:
        """Return the holder's id."""
        return parse_party_id(self.holder)

    @property
    def service_id(self) -> PartyId:
        """Return the id of edgeprint itself."""
        return parse_party_id(self.service)


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one home."""

    path: Path

    @property
    def config_path(self) -> Path:
        """Return where the home says which ledger it is."""
        return self.path / "config.json"

    @property
    def policy_path(self) -> Path:
        """Return the tlog-policy file."""
        return self.path / "policy"

    @property
    def keys(self) -> Path:
        """Return the directory of private keys."""
        return self.path / "keys"

    @property
    def vault_keys(self) -> Path:
        """Return the directory of the vault's master keys."""
        return self.keys / "vault"

    @property
    def tlog(self) -> Path:
        """Return the static tree."""
        return self.path / "tlog"

    @property
    def blobs(self) -> Path:
        """Return the blob store."""
        return self.path / "blobs"

    @property
    def run(self) -> Path:
        """Return the directory of locks, process ids and logs."""
        return self.path / "run"

    def exists(self) -> bool:
        """Return whether `init` has been run here."""
        return self.config_path.exists()

    def config(self) -> HomeConfig:
        """Return the home's configuration.

        Raises:
            NotFound: `init` has not been run here.
            Invalid: the file is damaged or of another format.
        """
        return _read_config(self.config_path)

    def create(self) -> None:
        """Make the directories, readable by their owner only. Raises: Unavailable."""
        try:
            for directory in (self.path, self.keys, self.tlog, self.blobs, self.run):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as err:
            raise Unavailable(f"{err.filename}: expected to make a directory, found {err.strerror}") from err

    def begin_founding(self, config: HomeConfig) -> HomeConfig:
        """Keep `config` durably before anything is made from it; return the one of an interrupted founding if there is.

        Raises:
            Invalid: what an interrupted founding left is damaged.
            Unavailable: the disk.
        """
        if self._founding.exists():
            return _read_config(self._founding)
        data = json.dumps(asdict(config), indent=2, ensure_ascii=False).encode() + b"\n"
        with writing(self._founding, data):
            write_durably(self._founding, data, mode=0o644)
        return config

    def end_founding(self) -> None:
        """Make the home whole: everything that `config.json` promises is there now. Raises: Unavailable."""
        try:
            self._founding.replace(self.config_path)
            sync_directory(self.path)
        except OSError as err:
            raise Unavailable(f"{self.config_path}: expected to finish the founding, found {err.strerror}") from err

    def founding_or_config(self) -> HomeConfig | None:
        """Return which ledger this is, its founding finished or not; None if nothing was ever founded here."""
        for path in (self.config_path, self._founding):
            if path.exists():
                return _read_config(path)
        return None

    @property
    def _founding(self) -> Path:
        return self.path / "founding.json"


def _read_config(path: Path) -> HomeConfig:
    try:
        config = HomeConfig(**json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError) as err:
        raise NotFound(f"no ledger at {path.parent}: run `edgeprint init` first") from err
    except OSError as err:
        raise Unavailable(f"{path}: expected to read which ledger this is, found {err.strerror}") from err
    except (ValueError, TypeError) as err:
        raise Invalid(f"{path}: expected the configuration of a home, found {err}") from err
    if config.format != FORMAT:
        raise Invalid(f"{path}: expected format {FORMAT}, found {config.format}")
    return config
