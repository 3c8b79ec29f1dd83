"""What a vault keeps, opens and destroys: one suite for memory and PostgreSQL, and what only ciphertext can show."""

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from domain.errors import Invalid, NotFound, Rejected, Unavailable
from domain.ids import Sha256
from infra.store.provision import LOGINS, MIGRATOR, VAULT
from infra.vault import memory as memory_module
from infra.vault import store as store_module
from infra.vault.master import FileMasterKeys, decrypt, encrypt
from infra.vault.memory import MemoryVault
from infra.vault.store import PostgresVault
from producers import vault as port
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
    return vault.keep({path: subject}, ACTOR, command(n), event(n), {path: opening(value)})


class TestEveryVault:
    """What each adapter does."""

    def test_what_is_kept_is_opened(self, vault: Vault) -> None:
        both = {"prompt": opening(b'"a"'), "negative_prompt": opening(b'"b"', bytes(32))}
        assert vault.keep(dict.fromkeys(both, ANNA), ACTOR, command(1), event(1), both) == Kept(event(1), both)
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
        again = vault.keep({"prompt": ANNA}, ACTOR, command(1), event(9), {"prompt": opening(salt=bytes(32))})
        assert again == first and vault.owner(event(9), "prompt") is None
        for other in ({"prompt": opening(b'"y"')}, {"prompt": opening(), "more": opening()}):
            with pytest.raises(Rejected, match="known with other values"):
                vault.keep(dict.fromkeys(other, ANNA), ACTOR, command(1), event(1), other)

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

    def test_each_value_of_a_command_may_be_another_subjects(self, vault: Vault) -> None:
        both = {"lines.0.amount": opening(b'"a"'), "lines.1.amount": opening(b'"b"')}
        owners = {"lines.0.amount": ANNA, "lines.1.amount": BEN}
        vault.keep(owners, ACTOR, command(1), event(1), both)
        assert (vault.held(ANNA), vault.held(BEN), vault.held()) == (1, 1, 2)
        assert vault.owner(event(1), "lines.1.amount") == BEN
        vault.begin_erasure(BEN)
        assert vault.destroy(BEN) == 1
        assert vault.kept(ACTOR, command(1)) == Kept(event(1), {"lines.0.amount": opening(b'"a"')})
        with pytest.raises(NotFound):
            vault.open(event(1), "lines.1.amount")
        with pytest.raises(Rejected, match="erased"):
            vault.keep(owners, ACTOR, command(2), event(2), both)
        assert vault.held() == 1 and vault.kept(ACTOR, command(2)) is None, "all of them or none"

    def test_many_values_of_many_subjects_are_opened_at_once(self, vault: Vault) -> None:
        paths = [f"lines.{n}.amount" for n in range(300)]
        owners = {path: UUID(int=(1 << 90) + n % 60) for n, path in enumerate(paths)}
        values = {path: opening(b"%d" % n, n.to_bytes(32, "big")) for n, path in enumerate(paths)}
        assert vault.keep(owners, ACTOR, command(1), event(1), values) == Kept(event(1), values)
        assert vault.kept(ACTOR, command(1)) == Kept(event(1), values)
        some = [*paths[7:200:3], "lines.300.amount", "prompt"]
        assert vault.openings(event(1), some) == {path: values[path] for path in paths[7:200:3]}
        assert vault.openings(event(2), paths) == {} == vault.openings(event(1), [])
        vault.begin_erasure(owners[paths[7]])
        assert vault.destroy(owners[paths[7]]) == 5
        assert vault.openings(event(1), paths[7:10]) == {path: values[path] for path in paths[8:10]}

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


class TestDocuments:
    """Whole documents, found by their digest."""

    def test_a_document_is_given_back_by_its_digest(self, vault: Vault) -> None:
        digest = vault.keep_document(ANNA, CANARY)
        assert digest == hashlib.sha256(CANARY).digest()
        assert vault.document(digest) == CANARY
        assert vault.keep_document(ANNA, CANARY) == digest, "kept again it is the same one"
        assert vault.held() == vault.held(ANNA) == 1 and vault.held(BEN) == 0

    @pytest.mark.parametrize("document", [b"", bytes(3 << 20), "林晚照".encode()])
    def test_any_bytes(self, vault: Vault, document: bytes) -> None:
        assert vault.document(vault.keep_document(ANNA, document)) == document

    def test_what_is_not_here(self, vault: Vault) -> None:
        with pytest.raises(NotFound, match="erased, or never here"):
            vault.document(Sha256(bytes(32)))

    def test_anothers_document_is_not_kept_twice(self, vault: Vault) -> None:
        """Else it would outlive the erasure of whoever kept it second."""
        digest = vault.keep_document(ANNA, CANARY)
        with pytest.raises(Rejected, match="another subject's"):
            vault.keep_document(BEN, CANARY)
        assert vault.document(digest) == CANARY and vault.held(BEN) == 0

    def test_its_size_is_bounded(self, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (port, memory_module, store_module):
            monkeypatch.setattr(module, "DOCUMENT_BYTES_MAX", 10)
        vault.keep_document(ANNA, bytes(10))
        with pytest.raises(Invalid, match="expected at most 10 bytes, found 11"):
            vault.keep_document(ANNA, bytes(11))

    def test_one_that_no_event_names_is_discarded(self, vault: Vault) -> None:
        digest, other = vault.keep_document(ANNA, b"one"), vault.keep_document(ANNA, b"two")
        for _ in range(2):
            vault.discard_document(digest)
        with pytest.raises(NotFound):
            vault.document(digest)
        assert vault.document(other) == b"two"

    def test_documents_are_destroyed_with_their_subject_and_counted(self, vault: Vault) -> None:
        keep(vault)
        mine, other = vault.keep_document(ANNA, b"mine"), vault.keep_document(BEN, b"Ben's")
        vault.begin_erasure(ANNA)
        with pytest.raises(Rejected, match="erasing"):
            vault.keep_document(ANNA, b"more")
        assert vault.document(mine) == b"mine", "until it is in the log nothing is lost"
        assert vault.held(ANNA) == 2
        assert vault.destroy(ANNA) == vault.destroy(ANNA) == 2
        with pytest.raises(NotFound, match="erased"):
            vault.document(mine)
        with pytest.raises(Rejected, match="erased"):
            vault.keep_document(ANNA, b"mine")
        assert vault.document(other) == b"Ben's" and vault.held(ANNA) == 0 and vault.held() == 1


class TestCiphertext:
    """What lies in the database, and what it takes to read it."""

    def test_no_value_lies_in_the_open(self, ledger_database: LedgerDatabase, postgres: PostgresVault) -> None:
        keep(postgres, value=b'"' + CANARY + b'"')
        with psycopg.connect(ledger_database.dsn(VAULT)) as connection:
            (row,) = connection.execute("SELECT sealed, path FROM vault.secrets").fetchall()
        assert CANARY not in bytes(row[0]) and len(row[0]) == 12 + 32 + len(CANARY) + 2 + 16

    def test_no_document_lies_in_the_open(self, ledger_database: LedgerDatabase, postgres: PostgresVault) -> None:
        digest = postgres.keep_document(ANNA, CANARY)
        with psycopg.connect(ledger_database.dsn(VAULT)) as connection:
            (row,) = connection.execute("SELECT sealed, sha256 FROM vault.documents").fetchall()
        assert CANARY not in bytes(row[0]) and len(row[0]) == 12 + len(CANARY) + 16 and bytes(row[1]) == digest

    @pytest.mark.parametrize("role", [role for role in LOGINS if role not in (VAULT, MIGRATOR)])
    @pytest.mark.parametrize("table", ["secrets", "documents", "subjects"])
    def test_nobody_else_may_read_it(self, ledger_database: LedgerDatabase, role: str, table: str) -> None:
        with psycopg.connect(ledger_database.dsn(role)) as connection, pytest.raises(psycopg.Error, match="permission"):
            connection.execute(f"SELECT * FROM vault.{table}".encode())

    @pytest.mark.parametrize("table", ["secrets", "documents"])
    def test_what_is_sealed_is_never_changed(self, ledger_database: LedgerDatabase, table: str) -> None:
        with (
            psycopg.connect(ledger_database.dsn(VAULT)) as connection,
            pytest.raises(psycopg.Error, match="permission"),
        ):
            connection.execute(f"UPDATE vault.{table} SET sealed = ''".encode())

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

    def test_documents_that_were_exchanged_are_noticed(
        self, ledger_database: LedgerDatabase, postgres: PostgresVault
    ) -> None:
        digests = [postgres.keep_document(ANNA, document) for document in (b"one", b"two")]
        with psycopg.connect(ledger_database.superuser) as connection:
            connection.execute(
                "UPDATE vault.documents a SET sealed = b.sealed FROM vault.documents b WHERE a.sha256 <> b.sha256"
            )
        for digest in digests:
            with pytest.raises(Invalid, match="expected a value of this key and this place"):
                postgres.document(digest)

    def test_a_value_cannot_be_passed_off_as_a_document(
        self, ledger_database: LedgerDatabase, postgres: PostgresVault
    ) -> None:
        """Not even where event id and path are, byte by byte, what a document is bound to."""
        digest = postgres.keep_document(ANNA, b"one")
        place = UUID(bytes=digest[:16])
        postgres.keep({"prompt": ANNA}, ACTOR, command(1), place, {"prompt": opening()})
        with psycopg.connect(ledger_database.superuser) as connection:
            connection.execute("UPDATE vault.documents SET sealed = (SELECT sealed FROM vault.secrets)")
        with pytest.raises(Invalid):
            postgres.document(digest)

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
                postgres.keep_document(ANNA, b"%d of %d" % (m, n))
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
    assert postgres.held(ANNA) == 0
    assert all(postgres.open(event(1_000 + 10 * n + m), "prompt") == opening() for n in range(6) for m in range(5))


def test_a_vault_that_does_not_answer_says_so(masters: FileMasterKeys) -> None:
    away = PostgresVault("host=127.0.0.1 port=1 user=x dbname=x connect_timeout=1", masters)
    with pytest.raises(Unavailable, match="the vault does not answer: OperationalError"):
        away.unfinished()
    with pytest.raises(Unavailable, match="the vault does not answer: OperationalError"), away.lasting():
        pass
    hurried = PostgresVault("host=127.0.0.1 port=1 user=x dbname=x connect_timeout=1", masters, patience_s=0.1)
    with pytest.raises(Unavailable, match=r"no database for 0\.1 s: the vault does not answer"):
        hurried.keep_document(ANNA, CANARY)


def test_a_document_outlasts_a_server_that_is_restarted(ledger_database: LedgerDatabase, tmp_path: Path) -> None:
    """The connection is cut in the middle of its transaction, several times."""

    class Cutting(FileMasterKeys):
        left = 3

        def newest(self) -> int:
            self.left -= 1
            if self.left >= 0:
                with psycopg.connect(ledger_database.superuser, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (VAULT,)
                    )
            return super().newest()

    masters = Cutting(tmp_path / "vault")
    vault = PostgresVault(ledger_database.dsn(VAULT), masters)
    digest = vault.keep_document(ANNA, CANARY)
    assert masters.left < 0 and vault.document(digest) == CANARY and vault.held() == 1


def test_one_connection_serves_many_calls_and_its_end_is_said(
    postgres: PostgresVault, ledger_database: LedgerDatabase
) -> None:
    digest = postgres.keep_document(ANNA, CANARY)
    with postgres.lasting() as lasting:
        with pytest.raises(NotFound):
            lasting.open(event(1), "prompt")
        keep(postgres)
        assert lasting.open(event(1), "prompt") == opening(), "each call sees what stands when it is made"
        assert lasting.document(digest) == CANARY and lasting.held() == 2
        with psycopg.connect(ledger_database.superuser, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (VAULT,))
        with pytest.raises(Unavailable, match="the vault does not answer"):
            lasting.held()
