"""Sidecars from anywhere: rubbish raises Invalid and nothing else, and what is read is read alike again."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from infra.intake.sidecar import parse_sidecar
from tests.unit.test_sidecar import COMPLETE

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_invalid(data: bytes) -> None:
    with suppress(Invalid):
        parse_sidecar(data, "a", "s")


@given(st.sampled_from(sorted(COMPLETE)), VALUES)
def test_any_value_in_any_field_is_read_or_invalid(field: str, value: object) -> None:
    with suppress(Invalid):
        parse_sidecar(json.dumps({**COMPLETE, field: value}).encode(), "still.png", "s")


@given(st.data())
def test_one_changed_byte_is_read_or_invalid(data: st.DataObject) -> None:
    text = bytearray(json.dumps(COMPLETE).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Invalid):
        parse_sidecar(bytes(text), "still.png", "s")


@given(st.text(min_size=1, max_size=40), st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_sidecar_that_was_read_is_read_alike_from_what_it_says(session: str, seed: int) -> None:
    document = {**COMPLETE, "job": {"session": session}, "parameters": {"seed": seed}}
    with suppress(Invalid):
        first = parse_sidecar(json.dumps(document).encode(), "still.png", "s")
        again = parse_sidecar(json.dumps(first.document(), ensure_ascii=False).encode(), "still.png", "s")
        assert again.declared() == first.declared()
