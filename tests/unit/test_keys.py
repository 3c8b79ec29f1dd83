"""Key files: closed to others, never overwritten, found out when damaged; and the policy made of them."""

import hashlib
import os
from pathlib import Path

import pytest

from domain.errors import Invalid, Unavailable
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import EMPTY_ROOT
from domain.ledger.note import parse_vkey, sign_note
from domain.ledger.policy import parse_policy
from infra.keys import format as key_format
from infra.keys.files import ED25519_FILE, MLDSA44_FILE, FileKeys

ORIGIN = "film-ledger.example/cn-east"
VKEY = "film-ledger.example/cn-east+c5329131+AYQYRrArDsJHJ6+Vnqi+ONJWOTde7+1y+zjeM9Cwcn6g"
KEY_FILE = "PRIVATE+KEY+film-ledger.example/cn-east+c5329131+AcOoRCEQOlLolTuQIcVnMG8bE34KiPH32IzomaYOX/FR\n"


@pytest.fixture
def keys(tmp_path: Path) -> FileKeys:
    return FileKeys(tmp_path / "keys", lambda: 1_735_689_600)


def test_generate_then_load(keys: FileKeys, tmp_path: Path) -> None:
    made = keys.generate(ORIGIN)
    assert keys.load(ORIGIN).vkeys == made.vkeys
    assert keys.generate(ORIGIN).vkeys == made.vkeys
    assert [signer.name for signer in keys.signers(ORIGIN)] == [ORIGIN, ORIGIN]
    assert [parse_vkey(vkey).key_type for vkey in made.vkeys] == [1, 6]
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert sorted(file.name for file in (tmp_path / "keys").iterdir()) == [ED25519_FILE, MLDSA44_FILE]
    for name in (ED25519_FILE, MLDSA44_FILE):
        assert (tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600


def test_two_logs_have_different_keys(keys: FileKeys, tmp_path: Path) -> None:
    other = FileKeys(tmp_path / "other", lambda: 0).generate(ORIGIN)
    assert not set(other.vkeys) & set(keys.generate(ORIGIN).vkeys)


def test_the_published_test_key_is_read_and_stands_in_the_docstring(keys: FileKeys, tmp_path: Path) -> None:
    keys.generate(ORIGIN)
    (tmp_path / "keys" / ED25519_FILE).write_text(KEY_FILE)
    assert keys.load(ORIGIN).ed25519.vkey == VKEY
    assert KEY_FILE.strip() in (key_format.__doc__ or "")
    assert hashlib.sha256(b"log-test-key").hexdigest().startswith("c3a84421103a52e8")


def test_a_lost_generation_is_finished(keys: FileKeys, tmp_path: Path) -> None:
    first = keys.generate(ORIGIN).ed25519.vkey
    (tmp_path / "keys" / MLDSA44_FILE).unlink()
    (tmp_path / "keys" / f".{MLDSA44_FILE}.new").write_bytes(b"torn")
    with pytest.raises(Invalid, match="expected a key file, found none"):
        keys.load(ORIGIN)
    assert keys.generate(ORIGIN).ed25519.vkey == first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666, 0o644])
def test_a_key_open_to_others_is_refused(keys: FileKeys, tmp_path: Path, mode: int) -> None:
    keys.generate(ORIGIN)
    path = tmp_path / "keys" / MLDSA44_FILE
    path.chmod(mode)
    with pytest.raises(Invalid, match=rf"expected mode 0600, found {mode:04o}.*chmod 600"):
        keys.load(ORIGIN)
    with pytest.raises(Invalid):
        keys.generate(ORIGIN)
    path.chmod(0o600)
    keys.load(ORIGIN)


def test_another_users_key_is_refused(keys: FileKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.generate(ORIGIN)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)  # only root could give a file away
    with pytest.raises(Invalid, match=f"expected a file of user {me + 1}, found one of user {me}"):
        keys.load(ORIGIN)


def test_no_links_and_nothing_but_plain_files(keys: FileKeys, tmp_path: Path) -> None:
    keys.generate(ORIGIN)
    path = tmp_path / "keys" / ED25519_FILE
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        keys.load(ORIGIN)
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(Invalid, match="plain file"):
        keys.load(ORIGIN)


def test_key_of_another_log(keys: FileKeys) -> None:
    keys.generate(ORIGIN)
    with pytest.raises(Invalid, match=r"expected the key of 'other\.example/log'"):
        keys.load("other.example/log")


def test_a_damaged_key_file_is_found(keys: FileKeys, tmp_path: Path) -> None:
    keys.generate(ORIGIN)
    for name in (ED25519_FILE, MLDSA44_FILE):
        path = tmp_path / "keys" / name
        good = path.read_bytes()
        for offset in range(0, len(good), 5):
            damaged = bytearray(good)
            damaged[offset] ^= 1
            path.write_bytes(damaged)
            with pytest.raises(Invalid):
                keys.load(ORIGIN)
        for text in (b"", good[:-1], good + b"x", good * 100, b"\xff" + good, good.replace(b"+Ac", b"+Bg")[:60]):
            path.write_bytes(text)
            with pytest.raises(Invalid):
                keys.load(ORIGIN)
        path.write_bytes(good)
    keys.load(ORIGIN)


def test_the_other_keys_file_is_refused(keys: FileKeys, tmp_path: Path) -> None:
    keys.generate(ORIGIN)
    (tmp_path / "keys" / ED25519_FILE).write_bytes((tmp_path / "keys" / MLDSA44_FILE).read_bytes())
    with pytest.raises(Invalid, match="expected type 01"):
        keys.load(ORIGIN)


def test_policy_needs_both_signatures(keys: FileKeys) -> None:
    made = keys.generate(ORIGIN)
    text = made.policy()
    ed25519, mldsa44 = made.vkeys
    assert text == f"log {ed25519}\nwitness log-pq {mldsa44}\nquorum log-pq\n".encode()
    policy = parse_policy(text)
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert policy.verify_checkpoint(sign_note(head.encode(), made.signers)) == head
    for signer in made.signers:
        with pytest.raises(Invalid):
            policy.verify_checkpoint(sign_note(head.encode(), [signer]))


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot write keys"):
        FileKeys(tmp_path / "file" / "keys", lambda: 0).generate(ORIGIN)


def test_secrets_are_not_printed(keys: FileKeys, tmp_path: Path) -> None:
    made = keys.generate(ORIGIN)
    secret = (tmp_path / "keys" / ED25519_FILE).read_text().split("+", 4)[4].strip()  # base64 may hold a +
    assert secret not in repr(made)
    assert secret not in str(made.ed25519)
