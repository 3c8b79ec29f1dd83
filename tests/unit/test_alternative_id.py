"""Identifiers of other registers: published ones are read, one wrong character is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.events import AlternativeScheme, alternative_key
from domain.ids import check_character

DOI, EIDR, ISAN = AlternativeScheme.DOI, AlternativeScheme.EIDR, AlternativeScheme.ISAN
PUBLISHED = [
    (EIDR, "10.5240/7791-8534-2C23-9030-8610-5"),  # EIDR ID format, version 1.51, its example
    (ISAN, "0000-0000-D07A-0090-Q-0000-0000-X"),  # isan.org, the sample of its user guide
    (ISAN, "0000-0001-8947-0000-8-0000-0000-D"),  # ISAN of the documentation of python-stdnum
    (ISAN, "0000-0000-3A8D-0000-Z-0000-0000-6"),  # EIDR to ISAN examples
    (DOI, "10.5594/SMPTE.ST2067-2.2020"),
]


@pytest.mark.parametrize(("scheme", "text"), PUBLISHED)
def test_published_identifiers_are_read_in_either_case(scheme: AlternativeScheme, text: str) -> None:
    assert parse_alternative_id(scheme, text) == parse_alternative_id(scheme, text.lower()) == text
    assert alternative_key(scheme, text) == f"alternative-id/{scheme}/{text}"


def test_the_printed_form_of_an_isan_is_the_same_one() -> None:
    assert parse_alternative_id(ISAN, "ISAN 0000-0000-D07A-0090-Q-0000-0000-X") == PUBLISHED[1][1]


@pytest.mark.parametrize(
    ("scheme", "text", "why"),
    [
        (EIDR, "10.5240/7791-8534-2C23-9030-8610-6", "expected the check character 5 behind 7791853"),
        (EIDR, "10.5240/7791-8534-2C23-9030-8610", "expected 10.5240/XXXX"),
        (EIDR, "10.5241/7791-8534-2C23-9030-8610-5", "expected 10.5240/XXXX"),
        (ISAN, "0000-0000-D07A-0090-R-0000-0000-X", "expected the check character Q"),
        (ISAN, "0000-0000-D07A-0090-Q-0000-0000-Y", "expected the check character X"),
        (ISAN, "0000-0000-D07A-0090", "expected XXXX"),
        (DOI, "10.5240/7791-8534-2C23-9030-8610-5", "name the scheme eidr"),
        (DOI, "10.12/x", "expected a DOI such as"),
        (DOI, "10.5594/", "expected a DOI such as"),
        (DOI, "10.5594/a b", "expected a DOI such as"),
        (DOI, "doi:10.5594/x", "expected a DOI such as"),
        (DOI, "10.5594/电影", "ASCII"),
        (DOI, "10.5594/" + "x" * 255, "at most 255"),
    ],
)
def test_what_is_none_is_refused_and_what_was_expected_is_named(scheme: AlternativeScheme, text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse_alternative_id(scheme, text)


@given(st.integers(0, 16**20 - 1), st.integers(0, 23), st.sampled_from("0123456789ABCDEF"))
def test_one_wrong_digit_of_an_eidr_is_always_noticed(number: int, place: int, digit: str) -> None:
    digits = f"{number:020X}"
    groups = "-".join(digits[start : start + 4] for start in range(0, 20, 4))
    text = f"10.5240/{groups}-{check_character(digits)}"
    assert parse_alternative_id(EIDR, text) == text
    at = 8 + place
    if text[at] in ("-", digit):
        return
    with pytest.raises(Invalid):
        parse_alternative_id(EIDR, text[:at] + digit + text[at + 1 :])


@given(st.sampled_from([DOI, EIDR, ISAN]), st.text())
def test_rubbish_raises_only_our_error(scheme: AlternativeScheme, text: str) -> None:
    try:
        read = parse_alternative_id(scheme, text)
    except Invalid:
        return
    assert parse_alternative_id(scheme, read) == read
