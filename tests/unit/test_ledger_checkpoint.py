"""Checkpoint texts: three lines in one spelling."""

from base64 import b64encode

import pytest

from domain.ledger.checkpoint import ORIGIN_BYTES_MAX, Checkpoint, parse_checkpoint
from domain.ledger.errors import Invalid
from domain.ledger.merkle import EMPTY_ROOT, TREE_SIZE_MAX
from domain.ledger.text import check_key_name, decode_base64, decode_text, encode_base64, parse_decimal

ROOT = bytes(range(32))
ROOT_LINE = b64encode(ROOT)


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("o", 1, ROOT),
        Checkpoint("film-ledger.example/cn-east", TREE_SIZE_MAX, ROOT),
        Checkpoint("an origin may have spaces + plus", 7, ROOT),
        Checkpoint("电影", 0, EMPTY_ROOT),
        Checkpoint("o" * ORIGIN_BYTES_MAX, TREE_SIZE_MAX, ROOT),
    ],
)
def test_a_checkpoint_comes_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(checkpoint.encode()) == checkpoint


def test_the_three_lines() -> None:
    assert Checkpoint("o", 70, ROOT).encode() == b"o\n70\n" + ROOT_LINE + b"\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "exactly three lines"),
        (b"o\n1\n", "exactly three lines"),
        (b"o\n1\n" + ROOT_LINE, "exactly three lines"),
        (b"o\n1\n" + ROOT_LINE + b"\next\n", "found 1 extension lines"),
        (b"o\n1\n" + ROOT_LINE + b"\na\nb\n", "found 2 extension lines"),
        (b"o\n1\n" + ROOT_LINE + b"\n\n", "found 1 extension lines"),
        (b"o\n1\n" + ROOT_LINE + b"\ne", "exactly three lines"),
        (b"o\n1\n" + ROOT_LINE + b"\n" + b"x" * 400 + b"\n", "no extension lines"),
        (b"\n1\n" + ROOT_LINE + b"\n", r"expected 1\.\.255 bytes, found 0"),
        (b"o" * 256 + b"\n1\n" + ROOT_LINE + b"\n", r"expected 1\.\.255 bytes, found 256"),
        (b"o\xff\n1\n" + ROOT_LINE + b"\n", "utf-8"),
        (b"o\t\n1\n" + ROOT_LINE + b"\n", "control characters"),
        (b"o\n\n" + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n01\n" + ROOT_LINE + b"\n", "leading zeros"),
        (b"o\n00\n" + ROOT_LINE + b"\n", "leading zeros"),
        (b"o\n-1\n" + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n+1\n" + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n1 \n" + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n1_0\n" + ROOT_LINE + b"\n", "checkpoint size"),
        ("o\n٣\n".encode() + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n9223372036854775808\n" + ROOT_LINE + b"\n", "at most 9223372036854775807"),
        (b"o\n18446744073709551616\n" + ROOT_LINE + b"\n", "checkpoint size"),
        (b"o\n0\n" + ROOT_LINE + b"\n", "root of size 0"),
        (b"o\n1\n\n", "expected 32 bytes, found 0"),
        (b"o\n1\n" + ROOT_LINE[:-4] + b"\n", "expected 32 bytes, found 30"),
        (b"o\n1\nAA" + ROOT_LINE + b"\n", "base64"),
        (b"o\n1\n" + ROOT_LINE[:-1] + b"\n", "base64"),
        (b"o\n1\n" + ROOT_LINE[:-2] + b"9=\n", "canonical base64"),
        (b"o\n1\n " + ROOT_LINE + b"\n", "base64"),
    ],
)
def test_other_texts_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a\nb", 1, ROOT),
        ("\x00", 1, ROOT),
        ("\udc80", 1, ROOT),
        ("o" * 256, 1, ROOT),
        ("o", -1, ROOT),
        ("o", TREE_SIZE_MAX + 1, ROOT),
        ("o", 1, ROOT[:-1]),
        ("o", 0, ROOT),
    ],
)
def test_no_checkpoint_that_could_not_be_written(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(Invalid, match="checkpoint"):
        Checkpoint(origin, size, root)


def test_base64_has_one_spelling() -> None:
    for data in (b"", b"\x00", b"\x00\x01", b"abc", bytes(range(256))):
        assert decode_base64(encode_base64(data), "x") == data
    for text in (b"AA", b"AA=", b"AB==", b"AAB=", b"AA==\n", b" AA==", b"A\nA==", b"AA==AA==", b"=", b"AA===", b"A-_A"):
        with pytest.raises(Invalid, match=r"x: expected (canonical )?base64"):
            decode_base64(text, "x")


def test_decimals_have_one_spelling() -> None:
    assert [parse_decimal(text, "x") for text in (b"0", b"7", b"9223372036854775807")] == [0, 7, 2**63 - 1]
    for text in (b"", b"00", b"01", b" 1", b"1\n", b"1.0", b"1e3", b"0x1", b"9223372036854775808", b"9" * 5000):
        with pytest.raises(Invalid, match="x: expected"):
            parse_decimal(text, "x")
    with pytest.raises(Invalid, match="at most 5, found 6"):
        parse_decimal(b"6", "x", 5)


def test_texts_and_names() -> None:
    assert decode_text("电\n影 ~".encode(), "x") == "电\n影 ~"
    for data in (b"\x80", b"\xc0\xaf", b"\xed\xb2\x80", b"\x1f", b"\r"):
        with pytest.raises(Invalid, match="x: expected"):
            decode_text(data, "x")
    assert check_key_name("example.com/~a—b") == "example.com/~a—b"
    for name in ("", " ", "a b", "a+b", "a\tb", "a\x01b", "a\u00a0b", "a\u2003b", "a\u0085b", "a\u3000b", "a\udc80b"):
        with pytest.raises(Invalid, match="key name"):
            check_key_name(name)
