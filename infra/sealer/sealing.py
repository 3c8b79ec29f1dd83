"""Seal now: by the sealer that runs, or by this process for a moment when none does."""

import time
from typing import Final

from domain.errors import Conflict, NotFound, Unavailable
from domain.ids import LedgerId
from infra.database import Database
from infra.home import Home, HomeConfig
from infra.log import head_of_home
from infra.sealer.headguard import FileHeadGuard
from infra.sealer.process import SealerPaths, open_sealer, seal_once
from infra.settings import Settings
from infra.store.provision import SEALER
from producers.sealer_ports import no_failpoint

WAIT_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.02


def sealer_paths(settings: Settings, home: Home) -> SealerPaths:
    """Return where the sealer of a home finds its files."""
    return SealerPaths(home.tlog, home.keys, settings.state / "heads")


def guard_of(settings: Settings, ledger_id: LedgerId) -> FileHeadGuard:
    """Return the rollback guard of a ledger; it lies outside the home, so that no backup of the home contains it."""
    return FileHeadGuard(settings.state / "heads", ledger_id)


def seal_through(settings: Settings, home: Home, config: HomeConfig, database: Database, size: int) -> int:
    """Block until at least `size` entries are under a signed checkpoint on disk, and return the sealed size.

    Raises:
        Unavailable: a sealer is at work but does not get there in time, or a store failed.
        Invalid: heads contradict one another; the message names the command to run.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        sealed = _sealed(home)
        if sealed >= size:
            return sealed
        sealer, _ = open_sealer(
            config.origin, config.ledger_id, sealer_paths(settings, home), database.dsn(SEALER), no_failpoint
        )
        try:
            return seal_once(sealer, size)
        except Conflict as err:
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"the sealer that runs did not reach size {size} in {WAIT_SECONDS_MAX:g} s, it stands at {sealed}; "
                    f"see {home.run / 'sealer.log'}"
                ) from err
        time.sleep(POLL_SECONDS)


def _sealed(home: Home) -> int:
    try:
        return head_of_home(home).size
    except NotFound:
        return 0
