"""The PostgreSQL of one home: our own cluster, or the server that DATABASE_URL names.

Our own is reached by a unix socket in a 0700 directory and needs no passwords. On a foreign server the login of
DATABASE_URL is used once, by `install`, to make roles, schema and guards; from then on the application connects as
`edgeprint_writer` and its sisters, whose passwords lie in `keys/database.json` (mode 0600).
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.errors import Unavailable
from domain.ids import LedgerId
from infra.embedded.cluster import Cluster
from infra.home import Home
from infra.process import read_json_object, write_durably
from infra.settings import Settings
from infra.store.migrate import migrations
from infra.store.provision import DATABASE, LOGINS, READER, install, role_dsn

PASSWORDS_FILE: Final = "database.json"


@dataclass(slots=True)
class Database:
    """Finds, starts and names the database. `in_use` starts it for a while, `keep_up` until `stop` is called."""

    settings: Settings
    home: Home
    ledger_id: LedgerId
    cluster: Cluster = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = Cluster.open(self.home.path, str(self.ledger_id))

    @property
    def foreign(self) -> bool:
        """Return whether the server is somebody else's."""
        return self.settings.database_url is not None

    def install(self) -> None:
        """Make the cluster if it is ours, then roles, schema and guards; harmless when repeated. Leaves it running.

        Raises:
            Unavailable: no server, or its login may not make roles.
        """
        if self.foreign:
            fresh = {role: secrets.token_urlsafe(24) for role in LOGINS}
            passwords = {**fresh, **(self._passwords() or {})}
            write_durably(self.home.keys / PASSWORDS_FILE, json.dumps(passwords, indent=2).encode(), mode=0o600)
        else:
            passwords = {}
            self.cluster.create()
            self.start()
        try:
            install(self._admin_dsn(), database=self.name, passwords=passwords)
        except psycopg.Error as err:
            raise Unavailable(f"cannot prepare the database {self.describe()}: {err}") from err

    def upgrade(self) -> None:
        """Apply the migrations that a newer program has brought; one small read if there are none. The server runs.

        Raises:
            Invalid: the database is newer than this program, or a migration was edited after it was applied.
            Unavailable: the database does not answer, or a migration failed and was rolled back.
        """
        try:
            with psycopg.connect(self.dsn(READER)) as connection:
                row = connection.execute("SELECT count(*) FROM ledger.migrations").fetchone()
        except psycopg.Error as err:
            raise Unavailable(f"cannot look at the database {self.describe()}: {err}") from err
        if row is None or row[0] != len(migrations()):
            self.install()

    @contextmanager
    def in_use(self, begin: Callable[[], None] | None = None) -> Iterator[None]:
        """Run a server of ours for as long as the block lasts; `begin` starts it (default: `start`).

        Commands that overlap share one server. Whoever leaves last stops it if one of them has started it; a command
        that was killed is made up for by the next one, or by `edgeprint down`.

        Raises: Unavailable.
        """
        begin = begin or self.start
        if self.foreign:
            begin()
            yield
            return
        with self._counted() as users:
            try:
                try:
                    begin()
                finally:
                    if self.cluster.started_here:
                        write_durably(self._lent, b"")
                yield
            finally:
                if _is_last(users) and self._lent.exists():
                    self.stop()

    def keep_up(self) -> None:
        """Start a server of ours and leave it running until `stop`, whoever else may have started it for a while.

        Raises: Unavailable.
        """
        if not self.foreign:
            with self._counted():
                self.cluster.start()
                self._lent.unlink(missing_ok=True)

    def start(self) -> None:
        """Start the server if it is ours and does not run; returns when it answers. Raises: Unavailable."""
        if not self.foreign:
            self.cluster.start()

    def stop(self) -> None:
        """Stop the server if it is ours. Raises: Unavailable."""
        if not self.foreign:
            self.cluster.stop()
            self._lent.unlink(missing_ok=True)

    def purge(self) -> None:
        """Remove our cluster; a foreign server is left as it is, since others may use it. Raises: Unavailable."""
        if not self.foreign:
            self.cluster.purge()

    def is_running(self) -> bool:
        """Return whether the server can be asked."""
        return self.foreign or self.cluster.is_running()

    @property
    def name(self) -> str:
        """Return the name of the database on the server."""
        if self.settings.database_url is None:
            return DATABASE
        return str(conninfo_to_dict(self.settings.database_url).get("dbname") or DATABASE)

    def dsn(self, role: str) -> str:
        """Return the connection string of one of the application's roles.

        Raises:
            Unavailable: DATABASE_URL names a server that this home was not founded on.
        """
        if not self.foreign:
            return self.cluster.dsn(role, DATABASE)
        passwords = self._passwords()
        if passwords is None:
            raise Unavailable(
                f"DATABASE_URL is set, but this home was not founded on that server ({self.home.keys / PASSWORDS_FILE} "
                "is missing): unset DATABASE_URL to use the home's own database"
            )
        return role_dsn(self._admin_dsn(), role, database=self.name, password=passwords[role])

    def describe(self) -> str:
        """Return where the database is, without secrets."""
        if self.settings.database_url is None:
            return f"embedded at {self.cluster.place}"
        parts = conninfo_to_dict(self.settings.database_url)
        return f"{parts.get('host', 'local')}:{parts.get('port', 5432)}/{self.name} (DATABASE_URL)"

    def admin_dsn(self) -> str:
        """Return the login that may look at guards and catalogues; used by fsck and doctor only."""
        return role_dsn(self._admin_dsn(), "postgres", database=self.name) if not self.foreign else self._admin_dsn()

    @property
    def _lent(self) -> Path:
        """Return the file that says: this server was started by a command, for as long as commands use it."""
        return self.home.run / "database.lent"

    @contextmanager
    def _counted(self) -> Iterator[int]:
        """Hold a share of the lock that whoever wants to stop the server needs as a whole."""
        path = self.home.run / "database.users"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            users = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise Unavailable(f"{path}: expected to open a lock file, found {err.strerror}") from err
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield users
        finally:
            os.close(users)

    def _admin_dsn(self) -> str:
        return self.settings.database_url or self.cluster.superuser_dsn()

    def _passwords(self) -> dict[str, str] | None:
        found = read_json_object(self.home.keys / PASSWORDS_FILE)
        return None if found is None else {str(role): str(password) for role, password in found.items()}


def _is_last(users: int) -> bool:
    """Give up a share of the lock; return whether it was the last one, and then hold the lock as a whole."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
