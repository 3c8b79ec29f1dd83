"""`up`, `down`, `status`: the database and the sealer of a home as background processes.

The sealer is a process of its own (`infra.sealer.process`). It is found by its pid file in `run/`, which also names the
moment it started, so that a pid used again by somebody else is never taken for it.
"""

import shutil
import sys
from typing import Any, Final

from domain.errors import LedgerError, NotFound, Unavailable
from infra.database import Database
from infra.home import Home
from infra.log import head_of, vkeys_of
from infra.process import ProcessId, read_pid_file, spawn_background, stop_process
from infra.sealer.headguard import FileHeadGuard
from infra.sealer.sealing import guard_of
from infra.settings import Settings
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder

SEALER_STOP_SECONDS_MAX: Final = 30.0


def sealer_of(home: Home) -> ProcessId | None:
    """Return the sealer's process if it runs."""
    return read_pid_file(home.run / "sealer.pid")


def bring_up(settings: Settings) -> dict[str, Any]:
    """Start the database and the sealer; what runs already is left alone. Return what `up` prints.

    Raises:
        NotFound: no ledger here.
        Unavailable: one of them does not start.
    """
    home = Home(settings.home)
    config = home.config()
    database = Database(settings, home, config.ledger_id)
    database.keep_up()
    sealer = sealer_of(home)
    if sealer is None:
        sealer = spawn_background(
            [sys.executable, "-m", "infra.sealer.process", "--home", str(home.path)],
            pid_file=home.run / "sealer.pid",
            log_file=home.run / "sealer.log",
        )
    return {"home": str(home.path), "database": database.describe(), "sealer_pid": sealer.pid}


def take_down(settings: Settings) -> None:
    """Stop the sealer, then the database; harmless when nothing runs, or when there is no ledger.

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
