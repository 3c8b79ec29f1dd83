"""`up`, `down`, `status`: the database, the broker and the background processes of a home together."""

import shutil
from collections.abc import Sequence
from typing import Any, Final

from domain.errors import Invalid, LedgerError, NotFound, Unavailable
from infra.background import api, api_url, projector, relay, relayed_size, relayed_to, sealer
from infra.database import Database
from infra.home import Home
from infra.kafka.broker import Broker
from infra.kafka.jars import Progress
from infra.kafka.topics import create_topics
from infra.locks import FileLock
from infra.log import head_of, vkeys_of
from infra.sealer.headguard import FileHeadGuard
from infra.sealer.sealing import guard_of
from infra.settings import Settings
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder

UP_SECONDS_MAX: Final = 300.0
SERVICES: Final = {"sealer": sealer, "projector": projector, "relay": relay, "api": api}


def bring_up(
    settings: Settings, *, kafka: bool = True, progress: Progress = lambda _done, _all: None
) -> dict[str, Any]:
    """Start database, sealer, projector, API and, with `kafka`, broker and relay; return what `up` prints.

    What runs stays. Blocks until all are at work: entries appended from then on are sealed, taken into the views and
    relayed. A broker of the home's own is
    fetched the first time (45 MB, `progress` hears of it) and gets its topics; brokers that EDGEPRINT_KAFKA_BOOTSTRAP
    names must have them.

    Raises:
        NotFound: no ledger here.
        Invalid: a topic is not as it must be.
        Unavailable: one of them does not start; one that ended is quoted. What had started goes on.
    """
    home = Home(settings.home)
    config = home.config()
    database = Database(settings, home, config.ledger_id)
    database.keep_up()
    with FileLock(home.run / "up.lock", timeout_s=UP_SECONDS_MAX, what=f"`up` of {home.path}"):
        sealing = sealer(home).start()
        projecting = projector(home).start()
        api(home).start()
        bootstrap = relaying = None
        if kafka:
            bootstrap = settings.kafka_bootstrap
            if bootstrap is None:
                broker = Broker.open(home.path, settings)
                broker.start(progress=progress)
                bootstrap = broker.bootstrap
                create_topics(bootstrap)
            if relayed_to(home) != bootstrap:
                relay(home).stop()  # it serves brokers that this home no longer uses
            relaying = relay(home).start(["--bootstrap", bootstrap])
    return {
        "home": str(home.path),
        "database": database.describe(),
        "sealer_pid": sealing.pid,
        "projector_pid": projecting.pid,
        "kafka": bootstrap,
        "relay_pid": relaying.pid if relaying else None,
        "api": api_url(home),
    }


def take_down(settings: Settings) -> None:
    """Stop all that `up` started, the database last; harmless when nothing runs, or when there is no ledger.

    Raises:
        Unavailable: one of them does not stop.
    """
    home = Home(settings.home)
    if not home.path.exists():
        return
    for service in (api(home), relay(home), projector(home), sealer(home)):
        service.stop()
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
    sealing, projecting = sealer(home).process, projector(home).process
    broker = Broker.open(home.path, settings)
    stored, relayed = _size(database) if running else None, relayed_size(home)
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
        "sealer": sealing.pid if sealing else None,
        "projector": projecting.pid if projecting else None,
        "tlog": str(home.tlog),
        "policy": str(home.policy_path),
        "blobs": str(home.blobs),
        "origin": config.origin,
        "vkeys": list(vkeys_of(settings)),
        "ledger_size": stored,
        "sealed_size": head.size if head else 0,
        "root": head.root.hex() if head else None,
        "kafka": settings.kafka_bootstrap or (broker.bootstrap if broker.is_running() else None),
        "relayed_size": relayed,
        "relay_lag": None if stored is None or relayed is None else max(0, stored - relayed),
        "api": api_url(home),
        "registry": api_url(home),
    }


def require_known(names: Sequence[str]) -> None:
    """Raise Invalid unless each name is one of a background process."""
    for name in names:
        if name not in SERVICES:
            raise Invalid(f"expected one of {', '.join(sorted(SERVICES))}, found {name[:40]!r}")


def require_at_work(settings: Settings, names: Sequence[str]) -> None:
    """Return if each of these background processes runs here and has said that it is at work.

    Raises:
        Unavailable: one does not; the first is named.
    """
    for name in names:
        service = SERVICES[name](Home(settings.home))
        if not service.is_at_work():
            raise Unavailable(f"expected the {name} to be at work, found it is not: its log is {service.log_path}")


def _size(database: Database) -> int | None:
    try:
        store = LedgerRecorder(database.dsn(READER))
        try:
            return store.size()
        finally:
            store.close()
    except LedgerError:
        return None
