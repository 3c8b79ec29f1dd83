"""A ledger on somebody else's PostgreSQL: DATABASE_URL makes the roles once, then they connect themselves."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infra.embedded.cluster import Cluster


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster that no home owns, with a superuser and a database of its own."""
    cluster = Cluster.open(tmp_path_factory.mktemp("foreign"), "edgeprint-test-foreign")
    cluster.create()
    cluster.start()
    with psycopg.connect(cluster.superuser_dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE films TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    yield cluster.superuser_dsn("films")
    cluster.purge()


def edgeprint(home: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGEPRINT_HOME": str(home), "EDGEPRINT_STATE": str(home.parent / "state")}
    environment |= {"DATABASE_URL": url, "EDGEPRINT_LANG": "en"}
    command = [sys.executable, "-m", "infra.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_foreign_server_carries_a_ledger(foreign: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = edgeprint(home, foreign, "init", "--json")
    assert made.returncode == 0, made.stderr
    assert not (home / "postgres.json").exists(), "no cluster of our own is made"
    passwords = home / "keys" / "database.json"
    assert passwords.stat().st_mode & 0o777 == 0o600

    work = tmp_path / "work.txt"
    work.write_text("a work of one's own\n")
    assert edgeprint(home, foreign, "declare", "own-creation", str(work)).returncode == 0
    run = edgeprint(home, foreign, "identify", "--json", str(work))
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["admitted"] == 1

    state = json.loads(edgeprint(home, foreign, "status", "--json").stdout)
    assert state["database"].endswith("/films (DATABASE_URL)")
    assert state["ledger_size"] == state["sealed_size"] > 0
    assert "password" not in state["database"]

    with psycopg.connect(foreign) as connection:
        logins = connection.execute("SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'films'").fetchall()
        rows = connection.execute("SELECT count(*) FROM ledger.events").fetchone()
    assert rows == (state["ledger_size"],)
    assert logins == [("postgres",)], "only this test is connected, nothing was left open"

    deep = edgeprint(home, foreign, "fsck", "--deep", "--json")
    assert deep.returncode == 0, deep.stdout + deep.stderr
    assert json.loads(deep.stdout)["verdict"] == "clean"

    assert edgeprint(home, foreign, "down", "--purge", "--yes").returncode == 0
    assert not home.exists()
    with psycopg.connect(foreign) as connection:
        assert connection.execute("SELECT count(*) FROM ledger.events").fetchone() == rows, "their database is theirs"


def test_a_newer_program_brings_its_migrations_along(foreign: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with psycopg.connect(foreign, autocommit=True) as connection:
        connection.execute("CREATE DATABASE older TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    older = make_conninfo(foreign, dbname="older")
    assert edgeprint(home, older, "init").returncode == 0
    with psycopg.connect(older, autocommit=True) as connection:  # the database of a program without vault and views
        for trigger in ("edgeprint_guard_drop", "edgeprint_guard_ddl"):
            connection.execute(f"ALTER EVENT TRIGGER {trigger} DISABLE".encode())
        connection.execute("DROP TABLE vault.documents, vault.secrets, vault.subjects")
        connection.execute("DROP SCHEMA views CASCADE")
        connection.execute("ALTER TABLE ledger.migrations DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM ledger.migrations WHERE number >= 5")
        connection.execute("ALTER TABLE ledger.migrations ENABLE ALWAYS TRIGGER guard_change")
    passwords = json.loads((home / "keys" / "database.json").read_text())
    del passwords["edgeprint_vault"]  # a role that the older program did not know
    (home / "keys" / "database.json").write_text(json.dumps(passwords))
    (tmp_path / "a.txt").write_text("a\n")
    answer = edgeprint(home, older, "identify", str(tmp_path / "a.txt"))
    assert answer.returncode == 0, answer.stderr
    name = tmp_path / "name.txt"
    name.write_text("Lin Wanzhao\n")
    holder = json.loads((home / "config.json").read_text())["holder"]
    secret = edgeprint(home, older, "subject", "declare", holder, "--name", str(name))
    assert secret.returncode == 0, secret.stderr
    deep = edgeprint(home, older, "fsck", "--deep", "--json")
    assert json.loads(deep.stdout)["verdict"] == "clean", deep.stdout


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    url = f"host={tmp_path} port=5432 user=postgres dbname=films"
    answer = edgeprint(tmp_path / "home", url, "init")
    assert answer.returncode == 5
    assert "edgeprint: cannot prepare the database" in answer.stderr
    assert "Traceback" not in answer.stderr
