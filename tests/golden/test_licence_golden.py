"""The golden token is what the second implementation makes today, and what the program reads."""

import hashlib
from datetime import UTC, datetime

import pytest

from schemas.licence_token import DISCLOSED, parse_token, verify_binding, verify_signature, verify_window
from tests import sd_jwt_oracle as oracle
from tests.golden.licence.make_golden import AUDIENCE, BUYER, DISCLOSE, FOLDER, ISSUER, NONCE, golden

TOKEN_DIGEST = "d14da9004990ce1fec71e30b544245ee4aee39462793f8a6b3652f20b02e8ee4"


def read(name: str) -> str:
    return (FOLDER / name).read_text().removesuffix("\n")


@pytest.mark.parametrize("name", golden())
def test_each_file_is_what_is_made_today(name: str) -> None:
    assert (FOLDER / name).read_bytes() == golden()[name]


def test_the_program_reads_both() -> None:
    whole, shown = parse_token(read("token.txt")), parse_token(read("presentation.txt"))
    for token in (whole, shown):
        verify_signature(token)
        assert token.issuer == ISSUER.verifier and token.digest.hex() == TOKEN_DIGEST and token.claims["sub"] == BUYER
    verify_binding(shown, AUDIENCE, NONCE)
    verify_window(shown, datetime(2030, 12, 31, 23, 59, 59, 999999, UTC))
    assert tuple(sorted(shown.claims["scope"])) == DISCLOSE and shown.hidden == len(DISCLOSED) - 2
    assert len(whole.claims["scope"]) == len(DISCLOSED) and whole.binding is None


def test_the_second_implementation_reads_it_too() -> None:
    told = oracle.verify(read("presentation.txt"), ISSUER.verifier.public_key, audience=AUDIENCE, nonce=NONCE)
    assert told["scope"] == {"territory": {"codes": ["CN", "HK"]}, "uses": ["project", "translate"]}
    signed = read("token.txt").partition("~")[0]
    assert hashlib.sha256(signed.encode()).hexdigest() == TOKEN_DIGEST
