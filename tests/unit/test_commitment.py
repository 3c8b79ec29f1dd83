"""Commitments: the published vector, and everything they depend on."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commitment import PATH_BYTES_MAX, VALUE_BYTES_MAX, commit, verify_opening
from domain.errors import Invalid

EVENT = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")
SALT = bytes(range(32))
VALUE = '"夜景"'.encode()


def test_the_vector_of_the_format() -> None:
    found = commit(EVENT, "prompt", SALT, VALUE)
    assert found.hex() == "005387010633b96146819d64fbbd7a6723416e914484ced1e18031a0a9d0d4c6"
    verify_opening(found, EVENT, "prompt", SALT, VALUE)


@pytest.mark.parametrize(
    ("event", "path", "salt", "value"),
    [
        (UUID(int=1), "prompt", SALT, VALUE),
        (EVENT, "prompts", SALT, VALUE),
        (EVENT, "prompt", SALT[::-1], VALUE),
        (EVENT, "prompt", SALT, VALUE + b" "),
    ],
)
def test_it_opens_to_nothing_else(event: UUID, path: str, salt: bytes, value: bytes) -> None:
    with pytest.raises(Invalid, match="not those that event"):
        verify_opening(commit(EVENT, "prompt", SALT, VALUE), event, path, salt, value)


@given(st.text(min_size=1, max_size=9), st.binary(max_size=9), st.text(min_size=1, max_size=9), st.binary(max_size=9))
def test_no_two_ways_to_cut_it(path: str, value: bytes, other_path: str, other_value: bytes) -> None:
    same = (path, value) == (other_path, other_value)
    assert (commit(EVENT, path, SALT, value) == commit(EVENT, other_path, SALT, other_value)) is same


@pytest.mark.parametrize(
    ("path", "salt", "value", "why"),
    [
        ("prompt", SALT[:-1], VALUE, "a salt of 32 bytes, found 31"),
        ("", SALT, VALUE, "a path of 1 to"),
        ("x" * (PATH_BYTES_MAX + 1), SALT, VALUE, "a path of 1 to"),
        ("prompt", SALT, bytes(VALUE_BYTES_MAX + 1), "at most"),
    ],
)
def test_limits(path: str, salt: bytes, value: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        commit(EVENT, path, salt, value)
