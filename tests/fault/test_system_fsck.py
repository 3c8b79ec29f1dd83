"""`edgeprint fsck`: one damage at a time in a whole ledger; its exit code, and the place it names."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.store.provision import READER
from projections.catalogue import VIEWS
from tests.e2e.kit import Answer, Place, place, superuser


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.database().keep_up()
        for number in range(100):
            made.write(f"{number:03}.txt", f"scene {number}")
        made.run("identify", made.files).ok()
        yield made


@contextmanager
def flipped(path: Path, offset: int = 0) -> Iterator[None]:
    """Flip one bit of a file, and put it right in the end."""
    data, mode = path.read_bytes(), path.stat().st_mode
    wrong = bytearray(data)
    wrong[offset] ^= 1
    path.chmod(0o600)
    path.write_bytes(wrong)
    try:
        yield
    finally:
        path.write_bytes(data)
        path.chmod(mode)


def damaged(ledger: Place, *options: str, code: int = 1) -> str:
    answer: Answer = ledger.run("fsck", *options)
    assert answer.code == code, answer
    return answer.out


def clean(ledger: Place) -> None:
    assert ledger.run("fsck", "--deep").code == 0


def test_a_whole_ledger_is_clean(ledger: Place) -> None:
    clean(ledger)
    report = ledger.run("fsck", "--json").ok().json
    assert report["damages"] == report["unknown"] == []


@pytest.mark.parametrize("level", ["0", "1", "entries"])
def test_a_tile(ledger: Place, level: str) -> None:
    tiles = sorted(path for path in (ledger.home / "tlog" / "tile" / level).rglob("*") if path.is_file())
    with flipped(tiles[-1], 20):
        said = damaged(ledger, "--deep")
    assert f"tile/{level}/" in said and "damage located" in said
    clean(ledger)


def test_the_checkpoint(ledger: Place) -> None:
    with flipped(ledger.home / "tlog" / "checkpoint", 60):
        assert "checkpoint" in damaged(ledger)
        assert ledger.run("ledger", "status").code == 1
        assert ledger.run("ledger", "verify").code == 1
    clean(ledger)


def test_the_rollback_guard(ledger: Place) -> None:
    (guard,) = (ledger.state / "heads").glob("*.head")
    with flipped(guard, 60):
        assert str(guard) in damaged(ledger)
    clean(ledger)


def test_a_blob(ledger: Place) -> None:
    sha256 = ledger.run("find", ledger.files / "007.txt", "--json").json["sha256"]
    (blob,) = (ledger.home / "blobs").rglob(sha256)
    with flipped(blob):
        assert sha256 in damaged(ledger, "--deep")
        assert ledger.run("fsck").code == 0, "a shallow check does not read blobs"
    blob.rename(ledger.folder / "aside")
    assert sha256 in damaged(ledger)
    (ledger.folder / "aside").rename(blob)
    clean(ledger)


def vault_row(ledger: Place, damage: str, table: str = "documents") -> str:
    """Return what a deep check says while a table of the vault is damaged; it is put back in the end."""
    superuser(ledger, f"CREATE TABLE public.kept AS TABLE vault.{table}", damage)
    try:
        assert ledger.run("fsck").code == 0, "a shallow check does not read the vault"
        return damaged(ledger, "--deep")
    finally:
        superuser(
            ledger,
            f"DELETE FROM vault.{table}",
            f"INSERT INTO vault.{table} TABLE public.kept",
            "DROP TABLE public.kept",
        )


FLIPPED = "UPDATE vault.{} SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)"


def test_the_manifest_of_a_batch(ledger: Place) -> None:
    shown = ledger.run("find", ledger.files / "007.txt", "--json").json
    index = shown["history"][0]["index"]
    said = vault_row(ledger, FLIPPED.format("documents"))
    assert "vault: intake manifest" in said and "expected a value of this key and this place" in said
    said = vault_row(ledger, "DELETE FROM vault.documents")
    assert f"first named by the entry at {index - 21}, is not here" in said and "was not erased" in said
    assert shown["name"].endswith("/007.txt")
    clean(ledger)


def test_a_value_of_the_vault(ledger: Place) -> None:
    prompt = ledger.write("prompt.txt", "a weir at night\n")
    shown = ledger.run("find", ledger.files / "001.txt", "--json").json
    index = ledger.run("object", "record-prompt", shown["id"], "--prompt", prompt, "--json").json["first_index"]
    prompt.unlink()
    said = vault_row(ledger, FLIPPED.format("secrets"), "secrets")
    assert f"vault: the value of prompt of the entry at {index}: vault: expected a value of this key" in said
    said = vault_row(ledger, "DELETE FROM vault.secrets", "secrets")
    assert f"vault: the value of prompt of the entry at {index} is not here" in said
    clean(ledger)


def test_a_vault_that_cannot_be_read_cannot_be_told_of(ledger: Place) -> None:
    keys = ledger.home / "keys" / "vault"
    aside = keys.rename(ledger.folder / "aside")
    try:
        said = damaged(ledger, "--deep", code=4)
        assert "UNKNOWN  vault:" in said and "expected a master key of the vault" in said
        assert ledger.run("find", ledger.files / "007.txt").code == 5
    finally:
        aside.rename(keys)
    superuser(ledger, "ALTER TABLE vault.documents RENAME TO away")
    try:
        said = damaged(ledger, "--deep", code=4)
        assert "UNKNOWN  vault: the vault does not answer: UndefinedTable" in said
    finally:
        superuser(ledger, "ALTER TABLE vault.away RENAME TO documents")
    clean(ledger)


def test_a_view(ledger: Place) -> None:
    """Only the deep check makes views again; a place beyond the ledger is damage, another version is not known."""
    ledger.run("comply", "status").ok()
    assert ledger.run("fsck", "--deep", "--json").ok().json["checked"]["views"].startswith(f"{len(VIEWS)} in use")
    (schema,) = [one for one in schemas(ledger) if one.startswith("compliance")]
    superuser(
        ledger, f"UPDATE {schema}.object SET holder = object WHERE born = (SELECT min(born) FROM {schema}.object)"
    )
    said = damaged(ledger, "--deep")
    assert re.search(r"DAMAGED  views: compliance at \d+: expected the digest [0-9a-f]{64}, found [0-9a-f]{64}", said)
    assert said.count("DAMAGED") == 1
    assert "DAMAGED" not in ledger.run("fsck").ok().out
    assert ledger.run("projection", "rebuild", "compliance").code == 1
    clean(ledger)
    superuser(ledger, "UPDATE views.projection SET position = position + 1000 WHERE name = 'genealogy'")
    said = damaged(ledger, "--deep")
    assert re.search(r"DAMAGED  views: genealogy: expected to stand at \d+ at most, found \d+", said)
    superuser(ledger, "UPDATE views.projection SET position = position - 1000 WHERE name = 'genealogy'")
    superuser(ledger, "UPDATE views.projection SET version = 99 WHERE name = 'ledger'")
    assert "UNKNOWN  views: ledger version 99 is not known to this program" in damaged(ledger, "--deep", code=4)
    superuser(ledger, "UPDATE views.projection SET version = 1 WHERE name = 'ledger'")
    clean(ledger)


def schemas(ledger: Place) -> list[str]:
    """Return the schemas of the builds in use."""
    with psycopg.connect(ledger.database().dsn(READER)) as connection:
        return [name for (name,) in connection.execute("SELECT schema FROM views.projection WHERE state = 'live'")]


def test_an_attestation(ledger: Place) -> None:
    done = ledger.run("party", "enrol", "--kind", "device", "--json").ok().json
    entry = ledger.run("ledger", "entry", str(done["first_index"]), "--json").ok().json
    (blob,) = (ledger.home / "blobs").rglob(entry["envelope"]["attestation"])
    with flipped(blob, 12):
        said = damaged(ledger, "--deep")
    assert f"attestations: attestation {blob.name} at index {done['first_index']}: " in said
    moved = blob.rename(ledger.folder / "aside")
    said = ledger.run("fsck", "--deep").ok().out
    assert "attestations: " in said and "documents of 1 are not here" in said
    moved.rename(blob)
    assert "documents of 0 are not here" in ledger.run("fsck", "--deep").ok().out


def test_the_policy_that_everything_is_held_against(ledger: Place) -> None:
    policy = ledger.home / "policy"
    with flipped(policy, policy.read_bytes().index(b"+") + 2):
        answer = ledger.run("fsck")
        assert answer.code == 1, answer
    clean(ledger)


@pytest.mark.parametrize("key", ["ed25519", "mldsa44"])
def test_a_key_file(ledger: Place, key: str) -> None:
    """A damaged private key is doctor's to find, and no command signs with it."""
    (path,) = (item for item in (ledger.home / "keys").iterdir() if key in item.name.replace("-", ""))
    data = path.read_bytes()
    digits = [match.start() for match in re.finditer(rb"[0-9a-f]{8}", data)]
    with flipped(path, digits[-1] if digits else len(data) // 2):
        assert ledger.run("doctor").code == 1
        assert ledger.run("ledger", "clock-reset", "--reason", "with a damaged key").code in (1, 5)
    clean_after_seal(ledger)


def clean_after_seal(ledger: Place) -> None:
    ledger.run("identify", ledger.files / "001.txt").ok()
    clean(ledger)


@pytest.mark.parametrize(
    ("damage", "repair", "named"),
    [
        (
            "UPDATE ledger.events SET entry = set_byte(entry, octet_length(entry) - 1, "
            "get_byte(entry, octet_length(entry) - 1) # 1) WHERE ledger_index = 50",
            None,
            "row 50:",
        ),
        (
            "UPDATE ledger.events SET recorded_at = recorded_at + 1 WHERE ledger_index = 51",
            "UPDATE ledger.events SET recorded_at = recorded_at - 1 WHERE ledger_index = 51",
            "row 51:",
        ),
        (
            "UPDATE ledger.events SET time_high = time_high + 1 WHERE ledger_index = 52",
            "UPDATE ledger.events SET time_high = time_high - 1 WHERE ledger_index = 52",
            "row 52:",
        ),
        (
            "UPDATE ledger.events SET type = type || 'x' WHERE ledger_index = 53",
            "UPDATE ledger.events SET type = rtrim(type, 'x') WHERE ledger_index = 53",
            "row 53:",
        ),
        ("UPDATE ledger.head SET size = size + 1", "UPDATE ledger.head SET size = size - 1", "size"),
        (
            "UPDATE ledger.keys SET ledger_index = 60 WHERE ledger_index = (SELECT max(ledger_index) FROM ledger.keys)",
            None,
            "key",
        ),
        (
            "UPDATE ledger.commands SET last_index = last_index - 1 WHERE last_index = (SELECT max(last_index) FROM "
            "ledger.commands WHERE last_index > first_index)",
            None,
            "command",
        ),
        (
            "ALTER TABLE ledger.events DISABLE TRIGGER guard_change",
            "ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER guard_change",
            "guard",
        ),
    ],
)
def test_a_row_changed_by_a_superuser(ledger: Place, damage: str, repair: str | None, named: str) -> None:
    with saved(ledger):
        superuser(ledger, damage, tripwires="TRIGGER" not in damage)
        said = damaged(ledger)
        assert named in said, said
        if repair is not None:
            superuser(ledger, repair, tripwires="TRIGGER" not in repair)
    clean(ledger)


@contextmanager
def saved(ledger: Place) -> Iterator[None]:
    """Keep copies of the tables a test damages, and put them back."""
    tables = ("events", "keys", "commands")
    superuser(ledger, *(f"CREATE TABLE public.kept_{t} AS TABLE ledger.{t}" for t in tables))
    columns = "ledger_index, recorded_at, time_high, stream_version, stream_id, type, entry"
    try:
        yield
    finally:
        superuser(
            ledger,
            *(f"DELETE FROM ledger.{t}" for t in tables),
            f"INSERT INTO ledger.events ({columns}) SELECT {columns} FROM public.kept_events",
            "INSERT INTO ledger.keys TABLE public.kept_keys",
            "INSERT INTO ledger.commands TABLE public.kept_commands",
            *(f"DROP TABLE public.kept_{t}" for t in tables),
        )


def test_a_row_that_is_missing(ledger: Place) -> None:
    with saved(ledger):
        superuser(ledger, "DELETE FROM ledger.events WHERE ledger_index = 70")
        assert "index 70" in damaged(ledger)
    clean(ledger)


def test_the_newest_rows_are_missing(ledger: Place) -> None:
    """Not yet sealed, so that the tree cannot tell: the head of the database must."""
    with saved(ledger):
        newest = "(SELECT max(ledger_index) FROM ledger.events)"
        superuser(ledger, f"DELETE FROM ledger.events WHERE ledger_index > {newest} - 2")
        assert "head size" in damaged(ledger)
    clean(ledger)


def test_a_database_that_does_not_start_cannot_be_told_of(ledger: Place) -> None:
    ledger.run("down").ok()
    version = ledger.database().cluster.data_directory / "global" / "pg_control"
    kept = version.read_bytes()
    status = version.stat()
    version.unlink()
    try:
        said = damaged(ledger, code=4)
        assert "UNKNOWN" in said and "cannot tell" in said
        assert ledger.run("identify", ledger.files / "001.txt").code == 5
    finally:
        version.write_bytes(kept)
        version.chmod(status.st_mode)
        os.chown(version, status.st_uid, status.st_gid)
    clean(ledger)
