"""What a vault keeps, opens and destroys: one suite for memory and PostgreSQL, and what only ciphertext can show."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from domain.errors import Invalid, NotFound, Rejected, Unavailable
from infra.store.provision import LOGINS, MIGRATOR, VAULT
from infra.vault.master import FileMasterKeys, decrypt, encrypt
from infra.vault.memory import MemoryVault
from infra.vault.store import PostgresVault
from producers.vault import Kept, Opening, Vault
from tests.conftest import LedgerDatabase

ANNA, BEN = (UUID(f"01937e3f-2b5c-7d4a-9c3e-0000000000{n:02}") for n in (1, 2))
ACTOR = UUID("01937e3f-2b5c-7d4a-9c3e-000000000003")
SALT = bytes(range(32))
CANARY = b"a canary of the vault"


def event(n: int) -> UUID:
    return UUID(int=(1 << 100) + n)


def command(n: int) -> UUID:
    return UUID(int=(1 << 101) + n)


def opening(value: bytes = b'"x"', salt: bytes = SALT) -> Opening:
    return Opening(salt, value)


@pytest.fixture
def masters(tmp_path: Path) -> FileMasterKeys:
    return FileMasterKeys(tmp_path / "vault")


@pytest.fixture
def postgres(ledger_database: LedgerDatabase, masters: FileMasterKeys) -> PostgresVault:
    return PostgresVault(ledger_database.dsn(VAULT), masters)


@pytest.fixture(params=["memory", "postgres"])
def vault(request: pytest.FixtureRequest) -> Vault:
    made: Vault = MemoryVault() if request.param == "memory" else request.getfixturevalue("postgres")
    return made


def keep(vault: Vault, n: int = 1, subject: UUID = ANNA, value: bytes = b'"x"', path: str = "prompt") -> Kept:
    return vault.keep(subject, ACTOR, command(n), event(n), {path: opening(value)})


class TestEveryVault:
    """What each adapter does."""

    def test_what_is_kept_is_opened(self, vault: Vault) -> None:
        both = {"prompt": opening(b'"a"'), "negative_prompt": opening(b'"b"', bytes(32))}
        assert vault.keep(ANNA, ACTOR, command(1), event(1), both) == Kept(event(1), both)
        assert vault.open(event(1), "prompt") == opening(b'"a"')
        assert vault.open(event(1), "negative_prompt") == opening(b'"b"', bytes(32))
        assert vault.owner(event(1), "prompt") == ANNA
        assert vault.kept(ACTOR, command(1)) == Kept(event(1), both)

    def test_what_is_not_here(self, vault: Vault) -> None:
        keep(vault)
        for event_id, path in ((event(2), "prompt"), (event(1), "price")):
            assert vault.owner(event_id, path) is None
            with pytest.raises(NotFound, match="erased, or never here"):
                vault.open(event_id, path)
        assert vault.kept(ACTOR, command(2)) is None and vault.kept(BEN, command(1)) is None

    def test_the_same_command_again_has_its_first_event_and_salts(self, vault: Vault) -> None:
        first = keep(vault)
        again = vault.keep(ANNA, ACTOR, command(1), event(9), {"prompt": opening(salt=bytes(32))})
        assert again == first and vault.owner(event(9), "prompt") is None
        for other in ({"prompt": opening(b'"y"')}, {"prompt": opening(), "more": opening()}):
            with pytest.raises(Rejected, match="known with other values"):
                vault.keep(ANNA, ACTOR, command(1), event(1), other)

    def test_what_was_refused_is_discarded(self, vault: Vault) -> None:
        keep(vault)
        keep(vault, 2)
        vault.discard(ACTOR, command(1))
        vault.discard(ACTOR, command(1))
        assert vault.owner(event(1), "prompt") is None and vault.owner(event(2), "prompt") == ANNA

    def test_one_subject_is_destroyed_and_the_others_stay(self, vault: Vault) -> None:
        keep(vault)
        keep(vault, 2, value=b'"y"')
        keep(vault, 3, BEN)
        vault.begin_erasure(ANNA)
        assert vault.destroy(ANNA) == 2
        assert vault.destroy(ANNA) == 2, "how many there ever were, however often it is asked"
        for n in (1, 2):
            with pytest.raises(NotFound):
                vault.open(event(n), "prompt")
        assert vault.open(event(3), "prompt") == opening()
        with pytest.raises(Rejected, match="erased"):
            keep(vault, 4)
        keep(vault, 5, BEN)

    def test_nothing_more_is_kept_from_the_beginning_of_an_erasure_on(self, vault: Vault) -> None:
        keep(vault)
        vault.begin_erasure(ANNA)
        with pytest.raises(Rejected, match="erasing"):
            keep(vault, 2)
        assert vault.open(event(1), "prompt") == opening(), "until it is in the log nothing is lost"
        vault.end_erasure(ANNA)
        keep(vault, 2)

    def test_an_erasure_is_unfinished_until_it_is_closed(self, vault: Vault) -> None:
        assert vault.unfinished() == []
        vault.begin_erasure(ANNA)
        assert vault.unfinished() == [ANNA]
        vault.destroy(ANNA)
        assert vault.unfinished() == [ANNA], "the log has not been told yet"
        vault.close_erasure(ANNA)
        assert vault.unfinished() == []
        vault.begin_erasure(ANNA)
        vault.end_erasure(ANNA)
        with pytest.raises(Rejected, match="erased"):
            keep(vault)

    def test_an_erasure_taken_back_leaves_no_trace(self, vault: Vault) -> None:
        vault.begin_erasure(BEN)
        vault.end_erasure(BEN)
        assert vault.unfinished() == []
        keep(vault, 1, BEN)


class TestCiphertext:
    """What lies in the database, and what it takes to read it."""

    def test_no_value_lies_in_the_open(self, ledger_database: LedgerDatabase, postgres: PostgresVault) -> None:
        keep(postgres, value=b'"' + CANARY + b'"')
        with psycopg.connect(ledger_database.dsn(VAULT)) as connection:
            (row,) = connection.execute("SELECT sealed, path FROM vault.secrets").fetchall()
        assert CANARY not in bytes(row[0]) and len(row[0]) == 12 + 32 + len(CANARY) + 2 + 16

    @pytest.mark.parametrize("role", [role for role in LOGINS if role not in (VAULT, MIGRATOR)])
    def test_nobody_else_may_read_it(self, ledger_database: LedgerDatabase, role: str) -> None:
        with psycopg.connect(ledger_database.dsn(role)) as connection, pytest.raises(psycopg.Error, match="permission"):
            connection.execute("SELECT * FROM vault.secrets")

    @pytest.mark.parametrize("what", ["SELECT * FROM ledger.events", "SELECT * FROM ledger.keys"])
    def test_its_role_reads_nothing_of_the_ledger(self, ledger_database: LedgerDatabase, what: str) -> None:
        with (
            psycopg.connect(ledger_database.dsn(VAULT)) as connection,
            pytest.raises(psycopg.Error, match="permission"),
        ):
            connection.execute(what)  # type: ignore[arg-type]  # one of two constants

    def test_rows_that_were_exchanged_are_noticed(
        self, ledger_database: LedgerDatabase, postgres: PostgresVault
    ) -> None:
        keep(postgres)
        keep(postgres, 2, value=b'"y"')
        with psycopg.connect(ledger_database.superuser) as connection:
            connection.execute(
                "UPDATE vault.secrets a SET sealed = b.sealed FROM vault.secrets b WHERE a.event_id <> b.event_id"
            )
        for n in (1, 2):
            with pytest.raises(Invalid, match="expected a value of this key and this place"):
                postgres.open(event(n), "prompt")

    def test_every_bit_counts(self) -> None:
        key, sealed = bytes(32), encrypt(bytes(32), b"value", b"place")
        assert decrypt(key, sealed, b"place") == b"value"
        for place in range(len(sealed)):
            with pytest.raises(Invalid):
                decrypt(key, sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], b"place")
        for wrong in (b"", b"x" * 11, sealed[:-1]):
            with pytest.raises(Invalid):
                decrypt(key, wrong, b"place")
        with pytest.raises(Invalid):
            decrypt(key, sealed, b"other place")


class TestMasterKeys:
    """Generations of files, replaced when a subject is erased."""

    def test_a_backup_of_before_opens_nothing_that_was_erased(
        self, ledger_database: LedgerDatabase, postgres: PostgresVault, masters: FileMasterKeys
    ) -> None:
        keep(postgres)
        keep(postgres, 2, BEN)
        with psycopg.connect(ledger_database.dsn(VAULT)) as connection:
            (backup,) = connection.execute(
                "SELECT wrapped, master FROM vault.subjects WHERE subject = %s", (ANNA,)
            ).fetchall()
        postgres.begin_erasure(ANNA)
        postgres.destroy(ANNA)
        with pytest.raises(Unavailable, match="expected a master key"):
            masters.unwrap(backup[1], bytes(backup[0]), ANNA.bytes)
        with pytest.raises(Invalid):
            masters.unwrap(masters.newest(), bytes(backup[0]), ANNA.bytes)
        assert postgres.open(event(2), "prompt") == opening()
        assert masters.newest() == 2

    def test_the_only_subject_erased_still_replaces_it(
        self, postgres: PostgresVault, masters: FileMasterKeys, tmp_path: Path
    ) -> None:
        keep(postgres)
        postgres.begin_erasure(ANNA)
        postgres.destroy(ANNA)
        assert [path.name for path in (tmp_path / "vault").iterdir()] == ["2"]

    @pytest.mark.parametrize("point", ["make", "wrap", "forget"])
    def test_a_crash_while_it_is_replaced_is_made_up_for(
        self,
        postgres: PostgresVault,
        masters: FileMasterKeys,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        point: str,
    ) -> None:
        keep(postgres)
        keep(postgres, 2, BEN)
        postgres.begin_erasure(ANNA)
        genuine: Callable[..., object] = getattr(FileMasterKeys, point)

        def crash(*arguments: object) -> object:
            if point != "forget":
                genuine(*arguments)
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(FileMasterKeys, point, crash)
            with pytest.raises(KeyboardInterrupt):
                postgres.destroy(ANNA)
        assert postgres.open(event(2), "prompt") == opening()
        assert postgres.unfinished() == [ANNA]
        postgres.destroy(ANNA)
        assert postgres.open(event(2), "prompt") == opening()
        assert "1" not in [path.name for path in (tmp_path / "vault").iterdir()]

    def test_a_file_that_others_may_read_is_refused(self, postgres: PostgresVault, tmp_path: Path) -> None:
        keep(postgres)
        (tmp_path / "vault" / "1").chmod(0o640)
        with pytest.raises(Invalid, match="only their owner may read"):
            postgres.open(event(1), "prompt")
        (tmp_path / "vault" / "1").unlink()
        with pytest.raises(Unavailable, match="expected a master key of the vault"):
            postgres.open(event(1), "prompt")

    def test_it_is_made_with_the_first_value_for_its_owner_alone(self, postgres: PostgresVault, tmp_path: Path) -> None:
        assert not (tmp_path / "vault").exists()
        keep(postgres)
        path = tmp_path / "vault" / "1"
        assert os.stat(path).st_mode & 0o777 == 0o600 and os.stat(path.parent).st_mode & 0o777 == 0o700


def test_many_writers_and_an_erasure_leave_nothing_of_the_subject(postgres: PostgresVault) -> None:
    refused = []

    def write(n: int) -> None:
        for m in range(5):
            try:
                keep(postgres, 10 * n + m)
            except Rejected:
                refused.append(n)
            keep(postgres, 1_000 + 10 * n + m, BEN)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for writer in writers:
        writer.start()
    postgres.begin_erasure(ANNA)
    postgres.destroy(ANNA)
    for writer in writers:
        writer.join()
    assert all(postgres.owner(event(10 * n + m), "prompt") is None for n in range(6) for m in range(5))
    assert all(postgres.open(event(1_000 + 10 * n + m), "prompt") == opening() for n in range(6) for m in range(5))


def test_a_vault_that_does_not_answer_says_so(masters: FileMasterKeys) -> None:
    away = PostgresVault("host=127.0.0.1 port=1 user=x dbname=x connect_timeout=1", masters)
    with pytest.raises(Unavailable, match="the vault does not answer: OperationalError"):
        away.unfinished()
