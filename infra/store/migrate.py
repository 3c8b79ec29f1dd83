"""Numbered SQL migrations: each file once, in order, in a transaction of its own, under a lock, with its checksum kept.

A file that was applied is never edited: its SHA-256 stands in `ledger.migrations` and is compared on every run.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

import psycopg

from domain.errors import Invalid

MIGRATION_LOCK: Final = 0x6564676570726E74  # "edgeprnt"
OWNER: Final = "edgeprint_owner"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_FUNCTION_BODY = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION ledger\.(\w+)\(.*?\$(\w+)\$(.*?)\$\2\$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the `migrations` folder."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> bytes:
        """Return the digest of the file's UTF-8 bytes."""
        return hashlib.sha256(self.text.encode()).digest()


def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order. Raises AssertionError where their numbers are not 1, 2, 3 ..."""
    folder = resources.files("infra.store").joinpath("migrations")
    found = []
    for file in folder.iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), file.name, file.read_text("utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise AssertionError(f"migrations are not numbered 1, 2, 3: {[migration.name for migration in found]}")
    return tuple(found)


def function_bodies() -> dict[str, str]:
    """Return the body of every `ledger` function as the newest migration defines it (pg_proc.prosrc must equal it)."""
    bodies: dict[str, str] = {}
    for migration in migrations():
        for match in _FUNCTION_BODY.finditer(migration.text):
            bodies[match[1]] = match[3]
    return bodies


def migrate(dsn: str) -> tuple[str, ...]:
    """Apply what is missing as the owner and return the names applied. `dsn` logs in as migrator (or a superuser).

    Two runners at once are harmless: the second waits, then finds nothing to do.

    Raises:
        Invalid: an applied file was edited, or the database is newer than this program.
        psycopg.Error: a file failed; it was rolled back, the ones before it stay applied.
    """
    known = migrations()
    applied_now: list[str] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"SET ROLE {OWNER}")
        connection.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS ledger.migrations (number int PRIMARY KEY, name text NOT NULL, "
                "sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
            )
            rows = connection.execute("SELECT number, sha256 FROM ledger.migrations").fetchall()
            applied = {int(number): bytes(sha256) for number, sha256 in rows}
            _compare(known, applied)
            for migration in known[len(applied) :]:
                with connection.transaction():
                    connection.execute(migration.text.encode())
                    connection.execute(
                        "INSERT INTO ledger.migrations (number, name, sha256) VALUES (%s, %s, %s)",
                        (migration.number, migration.name, migration.sha256),
                    )
                applied_now.append(migration.name)
        finally:
            if not connection.broken:
                connection.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
    return tuple(applied_now)


def _compare(known: tuple[Migration, ...], applied: dict[int, bytes]) -> None:
    if len(applied) > len(known):
        raise Invalid(
            f"the database has {len(applied)} migrations, this program knows {len(known)}: use a newer edgeprint"
        )
    for number, sha256 in sorted(applied.items()):
        migration = known[number - 1]
        if sha256 != migration.sha256:
            raise Invalid(
                f"migration {migration.name} was edited after it was applied: expected {sha256.hex()}, "
                f"found {migration.sha256.hex()}"
            )
