"""The record of a home's cluster, its socket's folder and its settings, without a server."""

import json
import os
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.embedded import accounts
from infra.embedded.accounts import choose_account, recorded_account
from infra.embedded.cluster import Cluster
from infra.embedded.configuration import postgresql_conf
from infra.embedded.place import ROOT_STATE, Place, Record, is_usable_for_socket

KEY = "0197c0de"
IS_ROOT = os.geteuid() == 0


@pytest.mark.parametrize("key", ["a", "0197c0de-0000-7000-8000-000000000001", "A.b_c-d", "x" * 64])
def test_a_ledger_key_is_a_folder_name(tmp_path: Path, key: str) -> None:
    assert Place(tmp_path, key).ledger_key == key


@pytest.mark.parametrize("key", ["", ".", "..", ".x", "-x", "a/b", "a b", "x" * 65, "é", "a\n", "a\x00"])
def test_a_ledger_key_that_is_no_folder_name_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(Unavailable, match="expected a ledger key"):
        Place(tmp_path, key)


def test_the_record_is_read_back_and_is_private(tmp_path: Path) -> None:
    place = Place(tmp_path, KEY)
    assert place.record() is None
    record = Record(KEY, "0" * 32, None, "/run/user/1000/edgeprint-abcdefgh")
    place.write_record(record)
    assert place.record() == record
    assert place.record_path.stat().st_mode & 0o777 == 0o600
    assert json.loads(place.record_path.read_text())["format"] == 1


GOOD = {"format": 1, "ledger_key": KEY, "token": "t", "account": None, "socket_directory": None}


@pytest.mark.parametrize(
    "value",
    [
        "[]",
        "null",
        "{",
        "",
        "\xff",
        "{}",
        json.dumps(GOOD | {"format": 2}),
        json.dumps(GOOD | {"more": 1}),
        json.dumps(GOOD | {"token": 7}),
        json.dumps(GOOD | {"account": ["postgres"]}),
        json.dumps(GOOD | {"ledger_key": "other"}),
        json.dumps(GOOD | {"token": "x" * 70_000}),
        "[" * 60_000,
    ],
    ids=lambda value: value[:20] or "empty",
)
def test_a_broken_or_foreign_record_is_refused(tmp_path: Path, value: str) -> None:
    place = Place(tmp_path, KEY)
    place.record_path.write_bytes(value.encode("latin-1"))
    with pytest.raises(Unavailable, match=r"postgres\.json"):
        place.record()


def test_as_root_the_place_is_outside_the_home(tmp_path: Path) -> None:
    expected = ROOT_STATE / KEY if IS_ROOT else tmp_path / "postgres"
    assert Cluster.open(tmp_path, KEY, {}).place == expected
    assert Place(tmp_path, KEY).directory(Record(KEY, "t", account="postgres")) == ROOT_STATE / KEY
    assert Place(tmp_path, KEY).directory(Record(KEY, "t")) == tmp_path / "postgres"


def test_a_home_without_a_cluster_is_described_and_left_alone(tmp_path: Path) -> None:
    cluster = Cluster.open(tmp_path / "home", KEY, {})
    assert cluster.describe() == {"exists": False, "running": False, "place": str(cluster.place)}
    assert not cluster.exists()
    assert not cluster.is_running()
    assert cluster.pid is None
    cluster.stop()
    cluster.purge()
    with pytest.raises(Unavailable, match="has no database yet"):
        cluster.dsn("reader", "edgeprint")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("length", "usable"), [(107, True), (108, False)])
def test_a_socket_path_has_at_most_107_bytes(length: int, usable: bool) -> None:
    directory = "/" + "d" * (length - len("/.s.PGSQL.5432") - 1)
    assert is_usable_for_socket(Path(directory)) is usable
    assert is_usable_for_socket(Path("/" + "片" * 30)) is True
    assert is_usable_for_socket(Path("/" + "片" * 31)) is False


@pytest.mark.parametrize("text", ["/a,b", "/a'b", '/a"b', "/a\\b", "/a\nb", "/a\udcffb"])
def test_a_socket_path_holds_nothing_that_needs_quoting(text: str) -> None:
    assert not is_usable_for_socket(Path(text))


def test_durability_is_on_and_no_network_is_listened_to() -> None:
    text = postgresql_conf(Path("/run/edge print"), "lz4")
    for line in ("fsync = on", "synchronous_commit = on", "full_page_writes = on", "listen_addresses = ''"):
        assert f"\n{line}\n" in text
    assert "\nunix_socket_directories = '\"/run/edge print\"'\n" in text
    assert "\nwal_compression = lz4\n" in text


def test_root_lends_an_account_and_a_normal_user_lends_none() -> None:
    account = choose_account({})
    assert (account is not None) == IS_ROOT
    if account is not None:
        assert account.uid != 0
        assert recorded_account(account.name) == account


@pytest.mark.parametrize("name", ["no-such-account", "root", "a\x00b"])
def test_an_account_that_is_missing_or_is_root_is_refused(name: str) -> None:
    if not IS_ROOT:
        assert choose_account({accounts.ACCOUNT_VARIABLE: name}) is None
        with pytest.raises(Unavailable, match="run edgeprint as root"):
            recorded_account(name)
        return
    with pytest.raises(Unavailable, match=f"tried {name}; set EDGEPRINT_POSTGRES_ACCOUNT"):
        choose_account({accounts.ACCOUNT_VARIABLE: name})
    with pytest.raises(Unavailable, match=f"tried {name}"):
        choose_account({}, [name])
    with pytest.raises(Unavailable, match="no longer exists"):
        recorded_account(name)
