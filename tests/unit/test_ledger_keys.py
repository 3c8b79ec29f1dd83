"""vkeys, what each signature type signs, and the public keys that are refused."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.ledger.checkpoint import Checkpoint
from domain.ledger.curve import check_ed25519_public_key
from domain.ledger.errors import Invalid
from domain.ledger.keys import (
    KeyType,
    NoteSigner,
    Verifier,
    ed25519_cosigner,
    ed25519_signer,
    mldsa44_cosigner,
    parse_vkey,
)
from tests.golden.ledger.make_golden import COURT, LOG, LOG_PQ, TIMESTAMP, checkpoint

TEXT = checkpoint().encode()
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
# The eight points of small order, then their other encodings (y + p where it fits, and the sign bit where x = 0).
Y_OF_ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303021479
SMALL_ORDER = [0, 1, P - 1, Y_OF_ORDER_8, P - Y_OF_ORDER_8, 2**255, 2**255 + Y_OF_ORDER_8, 2**255 + P - Y_OF_ORDER_8]
NON_CANONICAL = [P, P + 1, 2**255 + P, 2**255 + P + 1, 2**255 + 1, 2**255 + P - 1, 2**255 - 1, 2**256 - 1, P + 18]


def little(value: int) -> bytes:
    return value.to_bytes(32, "little")


def vkey_of(name: str, material: bytes) -> str:
    key_id = sha256(name.encode() + b"\n" + material).digest()[:4].hex()
    return f"{name}+{key_id}+{b64encode(material).decode()}"


@pytest.mark.parametrize("signer", [LOG, COURT, LOG_PQ])
def test_a_vkey_comes_back(signer: NoteSigner) -> None:
    verifier = parse_vkey(signer.vkey)
    assert verifier == signer.verifier
    assert verifier.vkey == signer.vkey == vkey_of(signer.name, bytes([verifier.key_type]) + verifier.public_key)
    verifier.verify(TEXT, signer.sign(TEXT))


def test_one_key_and_name_under_two_types_are_two_ids() -> None:
    seed = sha256(b"x").digest()
    assert ed25519_signer("n", seed).key_id != ed25519_cosigner("n", seed, lambda: 0).key_id


@pytest.mark.parametrize(
    ("vkey", "message"),
    [
        ("", r"name\+id\+key"),
        ("name", r"name\+id\+key"),
        ("name+00000000", r"name\+id\+key"),
        (LOG.vkey.replace("c5329131", "c5329132"), "expected key id c5329131"),
        (LOG.vkey.replace("c5329131", "C5329131"), "expected key id c5329131"),
        (LOG.vkey.replace("c5329131", "0c5329131"), "expected key id c5329131"),
        (LOG.vkey.replace("film", "firm"), "expected key id"),
        (LOG.vkey.replace("film", "fi lm"), "key name"),
        (LOG.vkey.replace("film", ""), "expected key id"),
        ("+" + LOG.vkey.split("+", 1)[1], "key name"),
        (LOG.vkey + " ", "base64"),
        (LOG.vkey + "\n", "base64"),
        (LOG.vkey + "=", "base64"),
        (LOG.vkey[:-4], "expected 32 bytes, found 29"),
        (LOG.vkey[:-4] + "cn4=", "expected 32 bytes, found 31"),
        (LOG.vkey[:-4] + "cn6h", "expected key id|expected a point"),
        (vkey_of("n", b""), "type 01, 04 or 06, found none"),
        (vkey_of("n", b"\x02" + LOG.verifier.public_key), "type 01, 04 or 06, found 02"),
        (vkey_of("n", b"\xff" + LOG.verifier.public_key), "type 01, 04 or 06, found ff"),
        (vkey_of("n", b"\x01"), "expected 32 bytes, found 0"),
        (vkey_of("n", b"\x04" + LOG.verifier.public_key + b"\x00"), "expected 32 bytes, found 33"),
        (vkey_of("n", b"\x06" + LOG_PQ.verifier.public_key[:-1]), "expected 1312 bytes, found 1311"),
        (vkey_of("n", b"\x06" + LOG_PQ.verifier.public_key + b"\x00"), "expected 1312 bytes, found 1313"),
        (vkey_of("n" * 256, b"\x01" + LOG.verifier.public_key), "at most 255 bytes, found 256"),
        ("n" * 5000, "at most 4096 characters"),
        ("名\udc80+00000000+AQ==", "found 0|utf-8"),
        ("n+00000000+\udc80", "utf-8"),
    ],
)
def test_other_vkeys_are_refused(vkey: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_vkey(vkey)


def test_names_up_to_255_bytes_and_beyond_ascii_are_fine() -> None:
    for name in ("n" * 255, "电影/日志", "a–b"):
        assert parse_vkey(ed25519_signer(name, bytes(32)).vkey).name == name


def test_ed25519_signs_the_text() -> None:
    public_key = Ed25519PublicKey.from_public_bytes(LOG.verifier.public_key)
    public_key.verify(LOG.sign(b"any text\n"), b"any text\n")
    assert LOG.verifier.timestamp(LOG.sign(TEXT)) is None


def test_ed25519_cosignature_signs_time_and_text() -> None:
    signature = COURT.sign(TEXT)
    assert signature[:8] == TIMESTAMP.to_bytes(8, "big")
    public_key = Ed25519PublicKey.from_public_bytes(COURT.verifier.public_key)
    public_key.verify(signature[8:], b"cosignature/v1\ntime 1735689600\n" + TEXT)
    assert COURT.verifier.timestamp(signature) == TIMESTAMP


@pytest.mark.parametrize("signer", [LOG, COURT, LOG_PQ])
def test_a_signature_holds_for_its_text_key_and_time_only(signer: NoteSigner) -> None:
    signature = signer.sign(TEXT)
    other_text = Checkpoint("film-ledger.example/cn-west", 8, checkpoint().root).encode()
    other_name = Verifier("other", signer.verifier.key_type, signer.verifier.public_key)
    changed = [signature[:-1] + bytes([signature[-1] ^ 1]), signature[:7] + b"\x01" + signature[8:]]
    for wrong in changed:
        with pytest.raises(Invalid, match="expected one that verifies"):
            signer.verifier.verify(TEXT, wrong)
    with pytest.raises(Invalid, match="expected one that verifies"):
        signer.verifier.verify(other_text, signature)
    for wrong in (b"", signature[:-1], signature + b"\x00"):
        with pytest.raises(Invalid, match=r"expected \d+ bytes, found"):
            signer.verifier.verify(TEXT, wrong)
    if signer is LOG_PQ:
        with pytest.raises(Invalid, match="expected one that verifies"):
            other_name.verify(TEXT, signature)


def test_types_do_not_stand_in_for_each_other() -> None:
    seed = sha256(b"log-test-key").digest()
    cosigner = ed25519_cosigner(LOG.name, seed, lambda: TIMESTAMP)
    with pytest.raises(Invalid):
        LOG.verifier.verify(TEXT, cosigner.sign(TEXT)[8:])
    with pytest.raises(Invalid):
        cosigner.verifier.verify(TEXT, bytes(8) + LOG.sign(TEXT))


def test_a_time_over_the_limit_is_refused() -> None:
    for signer in (COURT, LOG_PQ):
        with pytest.raises(Invalid, match="expected a time of"):
            signer.verifier.verify(TEXT, b"\x80" + signer.sign(TEXT)[1:])


def test_mldsa44_verifies_checkpoints_only() -> None:
    with pytest.raises(Invalid, match="checkpoint"):
        LOG_PQ.verifier.verify(b"hello\n", LOG_PQ.sign(TEXT))


def test_mldsa44_is_hedged_and_ed25519_is_not() -> None:
    assert LOG.sign(TEXT) == LOG.sign(TEXT)
    assert LOG_PQ.sign(TEXT) != LOG_PQ.sign(TEXT)


def test_a_signature_with_s_beyond_the_order_is_refused() -> None:
    """RFC 8032 §5.1.7: else each signature has a second spelling."""
    signature = LOG.sign(TEXT)
    s = int.from_bytes(signature[32:], "little") + ORDER
    with pytest.raises(Invalid, match="expected one that verifies"):
        LOG.verifier.verify(TEXT, signature[:32] + little(s))


@pytest.mark.parametrize("encoded", SMALL_ORDER)
def test_points_of_small_order_are_refused(encoded: int) -> None:
    for key_type in (KeyType.ED25519, KeyType.ED25519_COSIGNATURE):
        with pytest.raises(Invalid, match="expected a point"):
            parse_vkey(vkey_of("n", bytes([key_type]) + little(encoded)))


def test_a_small_order_key_would_verify_one_signature_for_every_message() -> None:
    """Why they are refused: OpenSSL takes the neutral element as a key, and R = neutral, S = 0 as its signature."""
    forged = little(1) + bytes(32)
    for message in (b"one", b"another"):
        Ed25519PublicKey.from_public_bytes(little(1)).verify(forged, message)


@pytest.mark.parametrize("encoded", NON_CANONICAL)
def test_non_canonical_encodings_are_refused(encoded: int) -> None:
    with pytest.raises(Invalid, match=r"expected the canonical encoding|expected a point of the curve"):
        check_ed25519_public_key(little(encoded))


def test_strings_that_are_no_point_are_refused() -> None:
    """About half of all y have no x."""
    refused = 0
    for y in range(2, 40):
        try:
            check_ed25519_public_key(little(y))
        except Invalid as err:
            assert "expected a point of the curve" in str(err)
            refused += 1
    assert 10 < refused < 28
    with pytest.raises(Invalid, match="expected 32 bytes, found 31"):
        check_ed25519_public_key(bytes(31))


def test_every_real_key_passes() -> None:
    for number in range(20):
        public_key = ed25519_signer("n", sha256(b"%d" % number).digest()).verifier.public_key
        check_ed25519_public_key(public_key)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_seeds_of_another_length_are_refused(seed: bytes) -> None:
    makers: list[Callable[[], NoteSigner]] = [
        lambda: ed25519_signer("n", seed),
        lambda: ed25519_cosigner("n", seed, lambda: 0),
        lambda: mldsa44_cosigner("n", seed, lambda: 0),
    ]
    for make in makers:
        with pytest.raises(Invalid, match="key seed: expected 32 bytes"):
            make()


def test_a_signer_never_shows_its_key() -> None:
    seed = sha256(b"log-test-key").digest()
    for text in (repr(LOG), str(LOG), f"{LOG}"):
        assert text == "NoteSigner('film-ledger.example/cn-east', 'c5329131')"
        assert seed.hex() not in text
    assert not hasattr(LOG, "__dict__")
