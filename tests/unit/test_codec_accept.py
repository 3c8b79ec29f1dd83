"""Foreign bytes: each form that fastavro forgives is refused, and bombs are refused before anything is decoded."""

import json
from hashlib import sha256
from typing import Any

import pytest

from domain.errors import Invalid
from schemas.avro import event_schema, schema_text
from schemas.envelope import ENTRY_BYTES_MAX
from schemas.lint import lint
from schemas.shapes import describe
from tests.codec_support import (
    CATALOGUE,
    CODEC,
    Emptied,
    Probed,
    Sampled,
    envelope,
    oracle_decode,
    probed,
    sampled,
)

HEAD = CODEC.encode(Emptied(), envelope())[32:]
PROBED = CATALOGUE.by_class[Probed]
CANONICAL = bytes.fromhex("02 01 02 00 04 02 04 00")  # attempt 1, flag, verdict 1, note null, tags 2: 1 2, end


def probe(own: bytes) -> bytes:
    return PROBED.sha256 + HEAD + own


def test_the_canonical_probe_is_accepted() -> None:
    assert probe(CANONICAL) == CODEC.encode(probed(), envelope())
    assert CODEC.accept(probe(CANONICAL)).event == probed()


NINE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "over-long varint": ("82 00 01 02 00 04 02 04 00", "in the fewest bytes", {}),
    "varint beyond 64 bits": ("82 80 80 80 80 80 80 80 80 02 01 02 00 04 02 04 00", "of 64 bits", {}),
    "boolean neither 0 nor 1": ("02 02 02 00 04 02 04 00", "a boolean of 0 or 1", {"flag": True}),
    "negative enum index": ("02 01 03 00 04 02 04 00", "a known and specified symbol", {"verdict": "succeeded"}),
    "negative union index": ("02 01 02 03 04 02 04 00", "a union index of 0 or 1 in one byte", {"note": None}),
    "array in several blocks": ("02 01 02 00 02 02 02 04 00", "the end of the array after one block", {}),
    "negative block count": ("02 01 02 00 03 04 02 04 00", "one block with a positive count", {}),
    "negative block count, wrong byte size": ("02 01 02 00 03 7e 02 04 00", "one block with a positive count", {}),
    "trailing bytes": ("02 01 02 00 04 02 04 00 00", "1 more bytes", {}),
}


@pytest.mark.parametrize("form", NINE)
def test_what_fastavro_forgives_is_refused(form: str) -> None:
    own, said, read = NINE[form]
    entry = probe(bytes.fromhex(own))
    datum = oracle_decode(PROBED.text, entry)
    expected = {"attempt": 1, "flag": True, "verdict": "succeeded", "note": None, "tags": [1, 2]} | read
    assert {name: datum[name] for name in expected} == expected
    for refuse in (CODEC.decode, CODEC.accept):
        with pytest.raises(Invalid, match=said):
            refuse(entry)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ("82 80 80 80 80 80 80 80 80 80 00 01 02 00 04 02 04 00", "at most 10 bytes"),
        ("02 01 00 00 04 02 04 00", "a known and specified symbol"),  # unspecified is never written
        ("02 01 06 00 04 02 04 00", "a known and specified symbol"),
        ("02 01 82 00 00 04 02 04 00", "in the fewest bytes"),
        ("02 01 02 04 04 02 04 00", "a union index of 0 or 1 in one byte"),
        ("02 01 02 82 00 00 04 02 04 00", "a union index of 0 or 1 in one byte"),
        ("02 01 02 02 03 04 02 04 00", "a text within the entry"),  # negative length
        ("02 01 02 02 7e 61 00", "a text within the entry"),
        ("02 01 02 02 02 ff 00", "UTF-8"),
        ("02 01 02 02 06 ed a0 80 00", "UTF-8"),  # a surrogate
        ("02 01 02 02 04 c0 80 00", "UTF-8"),  # over-long
        ("02 01 02 00 80 80 04 02 04 00", "as many items as the entry has bytes for"),
        ("02 01 02 00 04 02 04", "the entry's end"),
        ("02 01 02", "the entry's end"),
        ("", "the entry's end"),
    ],
)
def test_other_forms_of_rubbish_are_refused(own: str, said: str) -> None:
    for refuse in (CODEC.decode, CODEC.accept):
        with pytest.raises(Invalid, match=said):
            refuse(probe(bytes.fromhex(own)))


def test_every_proper_prefix_and_every_extension_is_refused() -> None:
    entry = CODEC.encode(sampled(), envelope())
    for size in range(len(entry)):
        with pytest.raises(Invalid):
            CODEC.accept(entry[:size])
        with pytest.raises(Invalid):
            CODEC.decode(entry[:size])
    with pytest.raises(Invalid, match="2 more bytes"):
        CODEC.accept(entry + b"\0\0")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"\x09", b"\x0b", "small"),  # -5 becomes -6
        ("片边码".encode(), b"x" * 9 + b"", None),
    ],
)
def test_bounds_hold_for_what_is_read(old: bytes, new: bytes, said: str | None) -> None:
    entry = CODEC.encode(sampled(number=0), envelope())
    place = entry.index(old, 185)
    changed = entry[:place] + new + entry[place + len(old) :]
    if said is None:
        assert CODEC.accept(changed).event == sampled(number=0, text="x" * 9)
        return
    with pytest.raises(Invalid, match=rf"Sampled\.{said}: expected -5 to 5, found -6"):
        CODEC.accept(changed)


@pytest.mark.parametrize(
    "wrong", [bytearray(PROBED.sha256 + HEAD + CANONICAL), memoryview(probe(CANONICAL)), "x", None]
)
def test_what_is_not_bytes_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid, match="expected bytes, found"):
        CODEC.accept(wrong)


def test_length_is_judged_before_anything_else() -> None:
    with pytest.raises(Invalid, match="expected an entry of 191 to 60000 bytes, found 60001"):
        CODEC.accept(bytes(ENTRY_BYTES_MAX + 1))
    with pytest.raises(Invalid, match="expected an entry of 191 to 60000 bytes, found 0"):
        CODEC.accept(b"")


def test_an_unknown_schema_is_refused() -> None:
    with pytest.raises(Invalid, match="expected an entry under a known schema, found 0000"):
        CODEC.accept(bytes(32) + HEAD + CANONICAL)
    with pytest.raises(Invalid, match="expected an entry under a known schema"):
        CODEC.decode(b"")


def bomb(field: dict[str, Any]) -> bytes:
    """Return the text of a schema that is ours but for one field more."""
    schema = event_schema(describe(Sampled))
    schema["fields"] += [field]  # type: ignore[operator]  # a list, as we made it
    return schema_text(schema)


NULLS = bomb({"name": "nulls", "doc": "a bomb", "type": {"type": "array", "items": "null"}})
RECURSION = bomb(
    {
        "name": "chain",
        "doc": "a bomb",
        "default": None,
        "type": [
            "null",
            {
                "type": "record",
                "name": "edgeprint.production.Link",
                "doc": "a link",
                "fields": [
                    {"name": "next", "doc": "the next", "default": None, "type": ["null", "edgeprint.production.Link"]}
                ],
            },
        ],
    }
)


@pytest.mark.parametrize(
    ("text", "said", "payload"),
    [
        (NULLS, "expected items of at least one byte", b"\xfe" * 9 + b"\x01"),
        (RECURSION, "expected no recursion", b"\x02" * 59_000),
    ],
    ids=["array of null", "recursion"],
)
def test_a_bomb_is_refused_before_it_is_decoded(text: bytes, said: str, payload: bytes) -> None:
    with pytest.raises(Invalid, match=said):
        lint(json.loads(text))
    with pytest.raises(Invalid, match="expected an entry under a known schema"):
        CODEC.accept(sha256(text).digest() + HEAD + payload)
