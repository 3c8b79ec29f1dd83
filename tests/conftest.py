"""Fixtures shared by all kinds of tests: a PostgreSQL for the session, a fresh ledger database for a test.
`DATABASE_URL` names the server to use; without it a throw-away cluster is made. No test is skipped for want of one.
"""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.embedded.cluster import Cluster
from infra.store.provision import LOGINS, PROJECTOR, WRITER, install, role_dsn
from producers.ports import LedgerRow

PASSWORD = "only-for-tests"
JAVA_ARCHIVE = Path(__file__).parents[1] / "build" / "kafka.aot"
JAVA_OPTIONS = "JDK_JAVA_OPTIONS"
JAVA_QUIET = "-XX:+IgnoreUnrecognizedVMOptions -Xlog:disable -Xlog:all=error:stderr"

settings.register_profile("edgeprint", deadline=None)  # how long one example takes says how busy the machine is
settings.load_profile("edgeprint")


def pytest_configure() -> None:
    """Tell every Java that tests start of the archive of classes where there is one (tests.java_archive)."""
    if JAVA_ARCHIVE.exists() and JAVA_ARCHIVE.stat().st_size:
        os.environ.setdefault(JAVA_OPTIONS, f"{JAVA_QUIET} -XX:AOTCache={JAVA_ARCHIVE}")


WAITS = ("fault", "e2e", "docs", "contract")
"""Kinds of tests that mostly wait for processes; of the others each file is over in seconds."""
LONGEST = (
    "property/test_trade_machine.py",  # in soak, as the next three
    "property/test_rights_machine.py",
    "property/test_case_machine.py",
    "fault/test_relay_faults.py",
    "e2e/test_lifecycle.py",
    "e2e/test_capability.py",
    "e2e/test_bad_input.py",
    "fault/test_consumers.py",
    "e2e/test_demo.py",
    "e2e/test_up.py",
    "fault/test_relay.py",
    "docs/test_json_outputs.py",
    "docs/test_console.py",
    "fault/test_kafka_broker.py",
    "contract/test_acls.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: where whole files are shared out, none of them is left for the end."""
    items.sort(key=lambda item: _place_in_line(item.path))


def _place_in_line(path: Path) -> tuple[int, int]:
    kind, name = path.parent.name, f"{path.parent.name}/{path.name}"
    if name in LONGEST:
        return 0, LONGEST.index(name)
    return (1, WAITS.index(kind)) if kind in WAITS else (2, kind != "property")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server on which tests may make databases and roles."""

    superuser_dsn: str
    cluster: Cluster | None


@dataclass(frozen=True, slots=True)
class LedgerDatabase:
    """A database with the ledger's schema, roles and guards, and nothing in it."""

    server: PostgresServer
    name: str

    @property
    def writer(self) -> str:
        """The connection string of the writer."""
        return self.dsn(WRITER)

    @property
    def superuser(self) -> str:
        """The connection string of the superuser in this database."""
        return make_conninfo(self.server.superuser_dsn, dbname=self.name)

    def dsn(self, role: str) -> str:
        """Return the connection string of a role."""
        password = PASSWORD if self.server.cluster is None else None
        return role_dsn(self.server.superuser_dsn, role, database=self.name, password=password)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """The server of this test session."""
    url = os.environ.get("DATABASE_URL")
    if url:
        yield PostgresServer(url, None)
        return
    cluster = Cluster.open(tmp_path_factory.mktemp("postgres"), f"tests-{os.getpid()}")
    try:
        cluster.create()
        cluster.start()
        _trust_the_power(cluster.superuser_dsn())
        yield PostgresServer(cluster.superuser_dsn(), cluster)
    finally:
        cluster.purge()


def _trust_the_power(superuser_dsn: str) -> None:
    """Let the server leave its files to the kernel: hundreds of databases are made and none outlives a power cut.

    What these tests kill are processes. Whether fsync is on where it must be is asked of the clusters of homes.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


_numbers = itertools.count(1)
CLIENT_ENDS_S = 15.0


@pytest.fixture(scope="module", autouse=True)
def no_client_outlives_its_module() -> Iterator[None]:
    """kafka-python's threads, had they been left behind, would work, warn and draw random numbers in later tests."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + CLIENT_ENDS_S
    while left := [thread.name for thread in set(threading.enumerate()) - before if "kafka" in thread.name]:
        assert time.monotonic() < deadline, f"clients were left open: {left}"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def make_ledger_database(postgres_server: PostgresServer) -> Iterator[Callable[[], LedgerDatabase]]:
    """A function that makes another empty ledger database; all are dropped at the end of the session."""
    made: list[str] = []
    passwords = dict.fromkeys(LOGINS, PASSWORD) if postgres_server.cluster is None else None

    def make() -> LedgerDatabase:
        name = f"edgeprint_test_{os.getpid()}_{next(_numbers)}"
        if made:  # a copy of the first, which nobody touches, takes half the time
            with psycopg.connect(postgres_server.superuser_dsn, autocommit=True) as connection:
                copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(copy.format(sql.Identifier(name), sql.Identifier(made[0])))
                may_create = sql.SQL("GRANT CREATE ON DATABASE {} TO {}")  # a right on a database is not copied with it
                connection.execute(may_create.format(sql.Identifier(name), sql.Identifier(PROJECTOR)))
        else:
            install(postgres_server.superuser_dsn, database=name, passwords=passwords)
        made.append(name)
        return LedgerDatabase(postgres_server, name)

    make()
    yield make
    if postgres_server.cluster is None:
        with psycopg.connect(postgres_server.superuser_dsn, autocommit=True) as connection:
            for name in made:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def ledger_database(make_ledger_database: Callable[[], LedgerDatabase]) -> LedgerDatabase:
    """An empty ledger database for one test."""
    return make_ledger_database()


@pytest.fixture(scope="session")
def rows() -> list[LedgerRow]:
    """A history in which everything happens once that a view reads; nobody changes it."""
    from tests.view_kit import history

    return history()
