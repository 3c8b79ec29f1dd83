"""Recognising media: any bytes give an answer, quickly, and the name cannot change what binary content says."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from domain.identity.media import HEAD_BYTES, KINDS, TAIL_BYTES, recognise
from tests.unit.test_media import SAMPLES

SAMPLE_BYTES = st.sampled_from([data for data, _ in SAMPLES.values()])


@given(st.one_of(st.binary(max_size=600), SAMPLE_BYTES), st.integers(0, 2**40), st.text(max_size=30))
def test_any_bytes_give_a_listed_type(data: bytes, more: int, name: str) -> None:
    found = recognise(data, size=len(data) + more, tail=data[-TAIL_BYTES:], name=name)
    assert KINDS[found.media_type] is found.kind


@given(SAMPLE_BYTES, st.data())
def test_truncated_and_flipped_samples_give_a_listed_type(sample: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(sample)))
    changed = bytearray(sample[:end])
    if changed:
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] ^= 1 << data.draw(st.integers(0, 7))
    found = recognise(bytes(changed), size=len(changed), name="x")
    assert KINDS[found.media_type] is found.kind


@given(st.sampled_from(sorted(SAMPLES)), st.text(max_size=20))
def test_the_name_never_changes_a_format_that_is_not_plain_text(sample: str, name: str) -> None:
    data, expected = SAMPLES[sample]
    found = recognise(data[:HEAD_BYTES], size=len(data), tail=data[-TAIL_BYTES:], name=name).media_type
    assert found == expected or expected == "text/plain"


def test_lines_made_to_be_slow_are_not() -> None:
    hostile = [
        b"v " + b"1 " * 8_000,
        b"v 1 2 3\nf " + b"1/1/1 " * 2_700 + b"x",
        b"TITLE: x\n001 " + b"A V C 00:00:00" * 1_100,
        b"ply\n" + b"comment \n" * 1_800,
        b"<!--" * 4_000,
        b"< " * 8_000,
        b"\n\n." * 5_000,
        b"INT. \n\n" * 2_300,
        b'{"' + b"\\" * 16_000,
        b"solid" + b"\n" * 16_000,
    ]
    for data in hostile:
        started = time.process_time()
        recognise(data[:HEAD_BYTES], size=len(data) + 10**6, name="x.obj")
        assert time.process_time() - started < 0.25, data[:12]
