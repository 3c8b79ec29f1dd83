"""Tokens under change: no bit of a presentation or of its evidence can be turned, and rubbish lets no error out."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from schemas.licence_check import Verdict
from schemas.licence_token import DISCLOSED, decode_base64url, encode_base64url, parse_token
from tests.token_kit import sold

NAMES = tuple(map(str, DISCLOSED))


@cache
def shown() -> str:
    return sold().presented("uses", "territory")


@cache
def status() -> bytes:
    return sold().status()


def turned(data: bytes, bit: int) -> bytes:
    at = bit % (8 * len(data))
    changed = bytearray(data)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


@given(st.integers(0, 1 << 30))
def test_a_bit_that_is_turned_in_a_presentation_ends_it(bit: int) -> None:
    changed = turned(shown().encode(), bit).decode("latin-1")
    assert sold().check(changed, status=status()).verdict is Verdict.INVALID


@given(st.integers(0, 1 << 30))
def test_a_bit_that_is_turned_in_a_status_ends_it(bit: int) -> None:
    changed = turned(status(), bit)
    assert sold().check(shown(), status=changed).verdict is Verdict.INVALID


@given(st.integers(0, 1 << 30))
def test_a_bit_that_is_turned_in_the_entry_or_its_proof_ends_it(bit: int) -> None:
    entry, proof = sold().issue()
    for issue in ((turned(entry, bit), proof), (entry, turned(proof, bit))):
        assert sold().check(shown(), issue=issue).verdict is Verdict.INVALID


@given(st.sets(st.sampled_from(NAMES)))
def test_what_is_disclosed_is_what_was_asked_and_nothing_else(names: set[str]) -> None:
    whole, token = parse_token(sold().token), parse_token(sold().presented(*sorted(names)))
    assert token.claims["scope"] == {name: whole.claims["scope"][name] for name in names}
    assert len(token.disclosures) == len(names) and token.hidden == len(NAMES) - len(names)


@given(
    st.text(st.characters(max_codepoint=0x2FF)) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*~.*")
)
def test_rubbish_lets_no_foreign_error_out(text: str) -> None:
    assert sold().check(text, status=text.encode()).verdict is Verdict.INVALID


@given(st.binary())
def test_a_rubbish_status_or_proof_lets_none_out_either(data: bytes) -> None:
    assert sold().check(shown(), status=data).verdict is Verdict.INVALID
    assert sold().check(shown(), issue=(data, data)).verdict is Verdict.INVALID


@given(st.binary())
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = encode_base64url(data)
    assert decode_base64url(text, "x") == data
    for other in (f"{text}=", f"{text}\n", f"{text} "):
        with pytest.raises(Invalid):
            decode_base64url(other, "x")
