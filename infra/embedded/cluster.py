"""One PostgreSQL cluster per home: made, started, stopped and removed by edgeprint, reached by a unix socket only.

    cluster = Cluster.open(home, ledger_key)
    cluster.create()                      # once; does nothing when the cluster is there
    cluster.start()                       # returns when it accepts connections; fine if it runs already
    connect(cluster.dsn("edgeprint_writer", "edgeprint"))
    if cluster.started_here: cluster.stop()

Every change (create, start, stop, restart, purge) holds the flock `<home>/postgres.lock`, so two processes that start
at once do one after the other, and a crash in any of them is repaired by the next: initdb works under a temporary name
that becomes `data` by one rename when it is complete and synced. `data` itself is removed by `purge` only.

What is durable: an acknowledged commit (fsync and synchronous_commit are on). What the server trusts: everybody who can
open the socket, that is the user (root and the lent account, see `accounts`); roles guard against mistakes, not him.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from domain.errors import Unavailable
from infra.embedded.accounts import Account, can_use, run_as
from infra.embedded.binaries import PostgresBinaries, find_binaries, read_data_version
from infra.embedded.configuration import HOST_ACCESS, postgresql_conf
from infra.embedded.place import OWNER_NAME, Place, Record, make_private
from infra.embedded.postmaster import Postmaster, clear_stale_file, find_postmaster
from infra.embedded.relocate import copy_programs
from infra.locks import FileLock
from infra.process import stop_process, sync_directory

SUPERUSER = "postgres"
INITDB_SECONDS_MAX = 300
START_SECONDS_MAX = 600  # recovery of max_wal_size
STOP_SECONDS_MAX = 120
ORPHAN_SECONDS_MAX = 30
FREE_BYTES_MIN = 256 * 2**20  # an empty cluster takes 40 MB, its first WAL segments 16 MB each
LOG_BYTES_MAX = 8 * 2**20
POLL_SECONDS = 0.02

StopMode = Literal["smart", "fast", "immediate"]
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}  # PostgreSQL, pg_ctl


class Cluster:
    """The embedded cluster of one home. Several objects and processes may name the same one.

    `started_here` tells whether this object started the server that runs now, and so may stop it.
    """

    def __init__(self, place: Place, environ: Mapping[str, str]) -> None:
        """Use `Cluster.open`."""
        self._place = place
        self._environ = environ
        self.started_here = False

    @classmethod
    def open(cls, home: Path, ledger_key: str, environ: Mapping[str, str] | None = None) -> "Cluster":
        """Return the cluster of `home`; nothing is written, and it need not exist.

        `ledger_key` is a folder's name, unique to the ledger. `environ` replaces the process's environment.

        Raises: Unavailable if `ledger_key` is no such name.
        """
        return cls(Place(home, ledger_key), os.environ if environ is None else environ)

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Path:
        """The folder that holds all of the cluster: in the home, or as root under /var/lib/edgeprint."""
        return self._place.directory(self._place.record())

    @property
    def data_directory(self) -> Path:
        """PostgreSQL's data directory."""
        return self.place / "data"

    @property
    def log_path(self) -> Path:
        """The server's log; at each start the previous 8 MiB are moved to postgres.log.1."""
        return self.place / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, None if it does not run."""
        running = self._running()
        return None if running is None else running.process.pid

    def exists(self) -> bool:
        """Return whether the cluster was made."""
        return self._place.record() is not None and read_data_version(self.data_directory) is not None

    def is_running(self) -> bool:
        """Return whether the server's process lives, whoever started it; it may still be recovering."""
        return self._running() is not None

    def superuser_dsn(self, dbname: str = "postgres") -> str:
        """Return the connection string of the superuser: for making roles and databases, never for the application."""
        return self.dsn(SUPERUSER, dbname)

    def dsn(self, role: str, dbname: str) -> str:
        """Return a libpq connection string for `role`, good until the next start (the socket's folder may change).

        Raises: Unavailable if the cluster was never made.
        """
        parts = {"host": str(self._place.socket_directory(self._existing())), "port": "5432"}
        parts |= {"user": role, "dbname": dbname}
        return " ".join(f"{name}={_quote(value)}" for name, value in parts.items())

    def describe(self) -> dict[str, object]:
        """Return what `status` and `doctor` print: JSON values only, no secrets; reads a few small files.

        Raises: Unavailable if the record or the programs cannot be found.
        """
        record = self._place.record()
        if record is None or not self.exists():
            return {"exists": False, "running": False, "place": str(self._place.directory(record))}
        running = self._running()
        binaries = self._find(self.data_directory)
        return {
            "exists": True,
            "running": running is not None,
            "pid": None if running is None else running.process.pid,
            "place": str(self.place),
            "data": str(self.data_directory),
            "socket": str(self._place.socket_directory(record)),
            "log": str(self.log_path),
            "account": record.account,
            "major": binaries.major,
            "version": binaries.version,
            "programs": str(binaries.directory),
            "source": binaries.source,
        }

    # -- what changes it ----------------------------------------------------------------------------------------------

    def create(self) -> bool:
        """Make the cluster if it does not exist (about 1 s); return whether this call made it. Durable on return.

        Superuser `postgres`, UTF-8, C locale, checksums on. What an earlier call left half done is removed.

        Raises: Unavailable if no PostgreSQL or no account fits, if the disk is full, or if initdb fails.
        """
        with self._locked("create"):
            record = self._place.claim(self._environ)
            account = self._place.account(record)
            place = self._place.directory(record)
            for leftover in place.glob("data.new-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            if read_data_version(place / "data") is not None:
                return False
            if (place / "data").exists():
                raise Unavailable(
                    f"expected a PostgreSQL data directory in {place / 'data'}, found no PG_VERSION in it"
                )
            self._initdb(self._usable(self._find(None), account), place, account)
            return True

    def start(self, *, timeout_s: float = START_SECONDS_MAX) -> None:
        """Start the server and return when it accepts connections; if it runs already, wait until it does.

        Afterwards `started_here` says whether this call started it. Recovery after a crash counts into `timeout_s`.

        Raises: Unavailable if the cluster does not exist, does not start in time, or its data directory is in use by a
        server that was started in another way; the message holds the server's own last words.
        """
        self._existing()
        with self._locked("start", timeout_s):
            record = self._existing()
            running = self._running()
            if running is not None and self._is_ours(running, record):
                self._wait_ready(timeout_s)
                return
            self._start(record, timeout_s)
            self.started_here = True

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server if it runs: `smart` waits for sessions, `fast` ends them, `immediate` is a crash.

        Raises: Unavailable if it does not end within two minutes.
        """
        if self._place.record() is None:
            return
        with self._locked("stop"):
            self._stop(mode)

    def restart(self) -> None:
        """Stop (fast) and start again."""
        self.stop()
        self.start()

    def purge(self) -> None:
        """Stop the server and remove everything of the cluster: data, log, socket, copied programs, record, lock.

        Safe to repeat; a home without a cluster is left as it is.

        Raises: Unavailable if the place belongs to another home or the server does not stop.
        """
        if not self._place.record_path.exists():
            with suppress(OSError):
                self._place.lock_path.unlink()
            return
        with self._locked("purge") as lock:
            record = self._place.record()
            if record is not None:
                if (self._place.directory(record) / OWNER_NAME).exists():
                    self._place.check_owner(record)
                self._stop("immediate")
                self._place.remove(record)
            lock.remove()

    # -- how ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, action: str, timeout_s: float = START_SECONDS_MAX) -> Iterator[FileLock]:
        """Hold the lock of this home; a full disk, a missing right or the like is raised as Unavailable."""
        home = self._place.home
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self._place.lock_path, timeout_s=timeout_s, what=f"the database of {home}") as lock:
                yield lock
        except OSError as err:
            where = f" ({err.filename})" if err.filename else ""
            raise Unavailable(f"cannot {action} the database of {home}: {err.strerror}{where}") from err

    def _existing(self) -> Record:
        record = self._place.record()
        if record is None or read_data_version(self._place.directory(record) / "data") is None:
            raise Unavailable(
                f"{self._place.home} has no database yet: expected {self._place.record_path} and its data"
            )
        return record

    def _running(self) -> Postmaster | None:
        record = self._place.record()
        if record is None:
            return None
        return find_postmaster(self._place.directory(record) / "data", self._place.account(record))

    def _find(self, data: Path | None) -> PostgresBinaries:
        return find_binaries(data, self._environ)

    def _usable(self, binaries: PostgresBinaries, account: Account | None) -> PostgresBinaries:
        """Return these programs, or a copy in the place where the account cannot reach or run them."""
        shell_safe = not set(str(binaries.directory)) & set('"$`\\\n')  # pg_ctl and initdb put it into a shell command
        if shell_safe and (account is None or can_use(account, binaries)):
            return binaries
        if not binaries.relocatable:
            who = "this user" if account is None else f"account {account.name}"
            raise Unavailable(f"{who} cannot run the PostgreSQL programs in {binaries.directory}")
        return copy_programs(binaries, self.place, account)

    def _initdb(self, binaries: PostgresBinaries, place: Path, account: Account | None) -> None:
        """Make a cluster under a temporary name, then give it its own; on any failure remove what there is of it."""
        free = shutil.disk_usage(place).free
        if free < FREE_BYTES_MIN:
            raise Unavailable(f"expected {FREE_BYTES_MIN >> 20} MiB free for a database in {place}, found {free >> 20}")
        new = place / f"data.new-{os.getpid()}-{time.monotonic_ns()}"
        make_private(new, account)
        argv = [binaries.program("initdb"), "-D", new.name, "--username", SUPERUSER, "--auth", "trust"]
        argv += ["--encoding", "UTF8", "--locale", "C", "--data-checksums", "--no-instructions"]
        try:
            answer = run_as(account, argv, cwd=place, timeout_s=INITDB_SECONDS_MAX)
            if answer.code != 0:
                free = shutil.disk_usage(place).free
                raise Unavailable(
                    f"initdb failed in {place} ({free >> 20} MiB free): {_last_words(answer.output) or answer.code}"
                )
            new.rename(place / "data")  # initdb has synced the content
            sync_directory(place)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _is_ours(self, running: Postmaster, record: Record) -> bool:
        """Return whether the running server listens where we expect it; if its socket was swept away, stop it."""
        expected = self._place.socket_directory(record)
        if running.socket_directory not in ("", str(expected)):
            raise Unavailable(
                f"{self.data_directory} is in use by process {running.process.pid}, which was not started "
                f"from this home (its socket is in {running.socket_directory}, expected {expected}): stop it first"
            )
        if running.ready and not expected.exists():
            self._stop("fast")
            return False
        return True

    def _start(self, record: Record, timeout_s: float) -> None:
        place, account = self._place.directory(record), self._place.account(record)
        self._place.check_owner(record)
        binaries = self._usable(self._find(place / "data"), account)
        clear_stale_file(place / "data", account, timeout_s=ORPHAN_SECONDS_MAX)
        record = self._place.prepare_socket(record, account, self._environ)
        mode = 0o600 if account is None else 0o644
        lz4 = run_as(
            account,
            [binaries.program("postgres"), "-D", "data", "-C", "wal_compression", "-c", "wal_compression=lz4"],
            cwd=place,
            timeout_s=START_SECONDS_MAX,
        )
        configuration = postgresql_conf(self._place.socket_directory(record), "lz4" if lz4.code == 0 else "pglz")
        for name, text in (("postgresql.conf", configuration), ("pg_hba.conf", HOST_ACCESS)):
            (place / name).write_text(text, encoding="utf-8")
            (place / name).chmod(mode)
        self._cap_log(account)
        self._launch(binaries, place, account, timeout_s)

    def _launch(self, binaries: PostgresBinaries, place: Path, account: Account | None, timeout_s: float) -> None:
        """Run pg_ctl; wait for the children of a killed server to end, which PostgreSQL itself only reports."""
        deadline = time.monotonic() + min(timeout_s, ORPHAN_SECONDS_MAX)
        argv = [binaries.program("pg_ctl"), "start", "-w", "-s", "-t", str(max(1, int(timeout_s))), "-D", "data"]
        argv += ["-l", self.log_path.name, "-o", "-c config_file=postgresql.conf"]
        while True:
            before = self.log_path.stat().st_size
            answer = run_as(account, argv, cwd=place, timeout_s=timeout_s + 30)
            if answer.code == 0:
                return
            with self.log_path.open("rb") as log:
                log.seek(before)
                said = log.read(65_536).decode("utf-8", "replace")
            if "pre-existing shared memory block" not in said or time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        raise Unavailable(
            f"PostgreSQL {binaries.version} did not start: {_last_words(said) or _last_words(answer.output)}; "
            f"see {self.log_path}"
        )

    def _wait_ready(self, timeout_s: float) -> None:
        """Wait for a server whose start another process began and did not live to see the end of."""
        deadline = time.monotonic() + timeout_s
        while (running := self._running()) is not None:
            if running.ready:
                return
            if time.monotonic() >= deadline:
                raise Unavailable(f"PostgreSQL is not ready after {timeout_s:g} s, see {self.log_path}")
            time.sleep(POLL_SECONDS)
        raise Unavailable(f"PostgreSQL ended while starting, see {self.log_path}")

    def _stop(self, mode: StopMode) -> None:
        running = self._running()
        if running is not None and not stop_process(
            running.process, timeout_s=STOP_SECONDS_MAX, with_signal=STOP_SIGNALS[mode], kill=mode == "immediate"
        ):
            raise Unavailable(f"PostgreSQL (process {running.process.pid}) did not stop in {STOP_SECONDS_MAX} s")
        self.started_here = False
        record = self._place.record()
        if record is not None:
            self._place.remove_socket(record)

    def _cap_log(self, account: Account | None) -> None:
        """Move a log that has grown past its bound aside, and make sure that the account can write its own."""
        path = self.log_path
        with suppress(FileNotFoundError):
            if path.stat().st_size > LOG_BYTES_MAX:
                path.replace(path.with_suffix(".log.1"))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        if account is not None:
            os.chown(path, account.uid, account.gid)


def _quote(value: str) -> str:
    """Return a value as libpq reads it in a connection string (PostgreSQL, libpq §34.1.1.1)."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _last_words(output: str) -> str:
    """Return the last line that says why, from what a PostgreSQL program printed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("error:", "FATAL:", "PANIC:", "detail:"))]
    return "; ".join(telling[-2:] or lines[-1:])
