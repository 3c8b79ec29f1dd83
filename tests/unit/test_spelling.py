"""32 bytes and instants have one spelling, and a foreign value is cut and escaped before it stands in a message."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.spelling import instant_text, parse_hex32, parse_instant, shown


@given(st.binary(min_size=32, max_size=32))
def test_32_bytes_come_back(data: bytes) -> None:
    assert parse_hex32(data.hex(), "digest") == data


@pytest.mark.parametrize(
    "found",
    ["", "ab" * 31, "ab" * 33, "AB" * 32, "ab" * 31 + "a\n", "ab" * 32 + "\n", "0x" + "ab" * 31, "\uff11" * 64],
)
def test_no_other_text_is_32_bytes_and_none_is_repeated(found: str) -> None:
    with pytest.raises(Invalid, match=r"^salt: expected 64 lower-case hex digits, found another text of") as refused:
        parse_hex32(found, "salt")
    assert not found or found[:8] not in str(refused.value)


@pytest.mark.parametrize("found", [None, 7, b"ab" * 32, ["ab" * 32], {"hex": "ab" * 32}])
def test_what_is_no_text_is_no_bytes(found: Any) -> None:
    with pytest.raises(Invalid, match="found no text"):
        parse_hex32(found, "digest")


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_to_the_microsecond(instant: datetime) -> None:
    assert parse_instant(instant_text(instant), "at") == instant


def test_decimals_stand_where_they_are_not_all_zero() -> None:
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert instant_text(noon) == "2026-11-25T12:00:00Z"
    assert instant_text(noon.replace(microsecond=10)) == "2026-11-25T12:00:00.000010Z"
    assert parse_instant("2026-11-25T12:00:00.1Z", "at") == noon.replace(microsecond=100_000)


@pytest.mark.parametrize(
    "found",
    [
        "2026-11-25",
        "2026-11-25T12:00:00",
        "2026-11-25T12:00:00+00:00",
        "2026-11-25T12:00:00z",
        "2026-11-25 12:00:00Z",
        "2026-11-25T12:00:00.Z",
        "2026-11-25T12:00:00.1234567Z",
        "2026-02-30T12:00:00Z",
        "2026-11-25T24:00:01Z",
        "0000-01-01T00:00:00Z",
        "2026-11-25T12:00:00Z\n",
        None,
        7,
    ],
)
def test_what_is_no_instant_is_refused_and_shown(found: Any) -> None:
    with pytest.raises(Invalid, match=r"^window\.until: expected an instant such as .*, found "):
        parse_instant(found, "window.until")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_what_is_shown_is_one_short_line_of_ascii(found: Any) -> None:
    said = shown(found)
    assert said.isascii() and said.isprintable() and len(said) <= 83


def test_an_object_is_shown_by_its_members_and_a_list_by_its_length() -> None:
    assert shown({"kind": 1, "天": 2}) == "an object of kind, \\u5929" and shown({}) == "an object of nothing"
    assert shown([1, 2]) == "an array of 2" and shown("天") == "'\\u5929'"
