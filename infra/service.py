"""`up`, `down`, `status`: the database and the sealer of a home as background processes.

The sealer is a process of its own (`infra.sealer.process`). It is found by its pid file in `run/`, which also names the
moment it started, so that a pid used again by somebody else is never taken for it.
"""

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from domain.errors import LedgerError, NotFound, Unavailable
from infra.database import Database
from infra.home import Home
from infra.kafka.broker import Broker
from infra.log import head_of, vkeys_of
from infra.process import (
    POLL_SECONDS,
    FileLock,
    ProcessId,
    is_alive,
    read_pid_file,
    spawn_background,
    stop_process,
)
from infra.sealer.headguard import FileHeadGuard
from infra.sealer.process import READY_FILE
from infra.sealer.sealing import guard_of
from infra.settings import Settings
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder

SEALER_START_SECONDS_MAX: Final = 60.0
SEALER_STOP_SECONDS_MAX: Final = 30.0
SEALER_LOG: Final = "sealer.log"
LOG_LINE_BYTES_MAX: Final = 2_000


def sealer_of(home: Home) -> ProcessId | None:
    """Return the sealer's process if it runs."""
    return read_pid_file(home.run / "sealer.pid")


def bring_up(settings: Settings) -> dict[str, Any]:
    """Start the database and the sealer; what runs already is left alone. Return what `up` prints.

    Blocks until the sealer holds its locks: entries appended from then on are sealed by it and nobody else.

    Raises:
        NotFound: no ledger here.
        Unavailable: one of them does not start; a sealer that ended is quoted.
    """
    home = Home(settings.home)
    config = home.config()
    database = Database(settings, home, config.ledger_id)
    database.keep_up()
    with FileLock(home.run / "up.lock", timeout_s=2 * SEALER_START_SECONDS_MAX, what=f"`up` of {home.path}"):
        sealer = sealer_of(home)
        if sealer is None:
            sealer = spawn_background(
                [sys.executable, "-m", "infra.sealer.process", "--home", str(home.path)],
                pid_file=home.run / "sealer.pid",
                log_file=home.run / SEALER_LOG,
            )
        _wait_until_ready(home, sealer)
    return {"home": str(home.path), "database": database.describe(), "sealer_pid": sealer.pid}


def _wait_until_ready(home: Home, sealer: ProcessId) -> None:
    """Block until this sealer holds the locks. Raises: Unavailable if it ends before, or does not get there in time."""
    deadline = time.monotonic() + SEALER_START_SECONDS_MAX
    while read_pid_file(home.run / READY_FILE) != sealer:
        if not is_alive(sealer):
            raise Unavailable(f"the sealer ended at its start: {_last_line(home.run / SEALER_LOG)}")
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"the sealer (process {sealer.pid}) has not begun within {SEALER_START_SECONDS_MAX:g} s and goes on "
                f"trying: {_last_line(home.run / SEALER_LOG)}"
            )
        time.sleep(POLL_SECONDS)


def _last_line(log: Path) -> str:
    """Return the last line of a log file, or where it lies."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_LINE_BYTES_MAX))
        lines = file.read().decode(errors="replace").splitlines()
        if lines:
            return f"{lines[-1]} ({log})"
    return f"see {log}"


def take_down(settings: Settings) -> None:
    """Stop the sealer, the home's own Kafka and the database; harmless when nothing runs, or when there is no ledger.

    Raises:
        Unavailable: one of them does not stop.
    """
    home = Home(settings.home)
    if not home.path.exists():
        return
    sealer = sealer_of(home)
    if sealer is not None and not stop_process(sealer, timeout_s=SEALER_STOP_SECONDS_MAX):
        raise Unavailable(f"the sealer (process {sealer.pid}) did not stop in {SEALER_STOP_SECONDS_MAX:g} s")
    (home.run / "sealer.pid").unlink(missing_ok=True)
    Broker.open(home.path, settings).stop()
    config = home.founding_or_config()
    if config is not None:
        Database(settings, home, config.ledger_id).stop()


def purge_home(settings: Settings) -> None:
    """Remove the home, its database and its rollback guard. Only a folder that is a home of ours is removed.

    Raises:
        NotFound: there is no ledger here.
        Unavailable: the disk or the database.
    """
    home = Home(settings.home)
    config = home.founding_or_config()
    if config is None:
        raise NotFound(f"no ledger at {home.path}: nothing is removed")
    Database(settings, home, config.ledger_id).purge()
    guard: FileHeadGuard = guard_of(settings, config.ledger_id)
    guard.remove()
    try:
        shutil.rmtree(home.path)
    except OSError as err:
        raise Unavailable(f"{err.filename}: expected to remove the home, found {err.strerror}") from err


def status_of(settings: Settings) -> dict[str, Any]:
    """Return what `status --json` prints; `ledger_size` is None while the database does not run."""
    home = Home(settings.home)
    config = home.config()
    database = Database(settings, home, config.ledger_id)
    running = database.is_running()
    sealer = sealer_of(home)
    try:
        head = head_of(settings)
    except NotFound:
        head = None
    return {
        "home": str(home.path),
        "ledger": config.ledger,
        "holder": config.holder,
        "production": config.production,
        "database": database.describe(),
        "running": running,
        "sealer": sealer.pid if sealer else None,
        "tlog": str(home.tlog),
        "policy": str(home.policy_path),
        "blobs": str(home.blobs),
        "origin": config.origin,
        "vkeys": list(vkeys_of(settings)),
        "ledger_size": _size(database) if running else None,
        "sealed_size": head.size if head else 0,
        "root": head.root.hex() if head else None,
    }


def _size(database: Database) -> int | None:
    try:
        store = LedgerRecorder(database.dsn(READER))
        try:
            return store.size()
        finally:
            store.close()
    except LedgerError:
        return None
