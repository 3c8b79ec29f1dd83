"""Rows as text and what is hashed of them, against a reader of COPY's text that is written out here.

Against PostgreSQL itself the same texts go in tests/contract/test_view_text.py.
"""

import hashlib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from projections.tables import Column, Kind, Table, digest, digest_lines, text_line
from tests.view_kit import COLUMNS, rows_of, some, some_text

EVERYTHING = Table("everything", COLUMNS[:1], COLUMNS[1:])
OTHER = Table("other", (Column("index", Kind.BIGINT),), ())
PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def unescaped(field: str) -> str | None:
    """Return the text of one field of COPY (PostgreSQL, COPY, "Text Format"), None for null."""
    if field == "\\N":
        return None
    text, place = "", 0
    while place < len(field):
        if field[place] == "\\":
            place += 1
            text += PLAIN[field[place]]
        else:
            text += field[place]
        place += 1
    return text


def items(text: str) -> tuple[str | None, ...]:
    """Return the items of an array (PostgreSQL, 8.15.6), None for one that is null."""
    assert text[0] == "{" and text[-1] == "}"
    found: list[str | None] = []
    place, end = 1, len(text) - 1
    while place < end:
        item, quoted = "", text[place] == '"'
        place += quoted
        while place < end and text[place] != ('"' if quoted else ","):
            place += text[place] == "\\"
            item += text[place]
            place += 1
        place += quoted
        found.append(item if quoted or item.upper() != "NULL" else None)
        assert place == end or text[place] == ","
        place += 1
    return tuple(found)


def read_back(line: str) -> tuple[Any, ...]:
    """Return the values of a line of EVERYTHING and its indexes."""
    assert line.endswith("\n") and line.count("\n") == 1
    fields = [unescaped(field) for field in line[:-1].split("\t")]
    readers: dict[Kind, Any] = {
        Kind.UUID: lambda text: some(int(text.replace("-", ""), 16)),
        Kind.BIGINT: int,
        Kind.TEXT: str,
        Kind.BYTES: lambda text: bytes.fromhex(text.removeprefix("\\x")),
        Kind.BOOLEAN: {"t": True, "f": False}.__getitem__,
        Kind.TEXTS: items,
    }
    kinds = [*(column.kind for column in COLUMNS), Kind.BIGINT, Kind.BIGINT]
    return tuple(None if text is None else readers[kind](text) for kind, text in zip(kinds, fields, strict=True))


@given(rows_of())
def test_a_line_is_read_back_as_what_was_written(row: tuple[Any, ...]) -> None:
    assert read_back(text_line(row)) == row


@given(st.lists(some_text(), max_size=6))
def test_an_array_of_any_texts_is_read_back(texts: list[str]) -> None:
    field = unescaped(text_line((tuple(texts),))[:-1])
    assert field is not None and items(field) == tuple(texts)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, r"\N"), (True, "t"), (False, "f"), (0, "0"), (1, "1"), (-7, "-7"),
        ("", ""), ("NULL", "NULL"), (r"\N", r"\\N"), (r"\.", r"\\."), ("\t\nc", r"\t\nc"), ("\r\b\f\v", r"\r\b\f\v"),
        (b"", r"\\x"), (b"\x00\xff", r"\\x00ff"), ("灯", "灯"), ('"{,}"', '"{,}"'),
        ((), "{}"), (("",), '{""}'), (("NULL", "null", "nil"), '{"NULL","null",nil}'), (("a", "b"), "{a,b}"),
        (("a b", "c,d"), '{"a b","c,d"}'), (('"', "\\"), r'{"\\"","\\\\"}'), (("{", "}"), '{"{","}"}'),
        (("\t", "\n"), r'{"\t","\n"}'), (("\f", "\v", "\r"), r'{"\f","\v","\r"}'),
        (("灯 晚", "照"), '{"灯 晚",照}'), (("\u3000", "\xa0"), "{\u3000,\xa0}"),
    ],
)  # fmt: skip
def test_values_are_written_as_copy_writes_them(value: object, written: str) -> None:
    assert text_line((value,)) == written + "\n"


def test_columns_are_parted_by_tabs() -> None:
    row = (some(7), 1, None, "", b"\x01", ("a",), 5, None)
    assert text_line(row) == "00000000-0000-0000-0000-000000000007\t1\t\\N\t\t\\\\x01\t{a}\t5\t\\N\n"


@given(some_text(), some_text())
def test_two_texts_are_never_one_line(left: str, right: str) -> None:
    assume(left != right)
    assert text_line((left,)) != text_line((right,))
    assert text_line(((left,),)) != text_line(((right,),))
    assert text_line((left, right)) != text_line((right, left))


@given(st.lists(some_text(), max_size=3), st.lists(some_text(), max_size=3))
def test_two_arrays_are_never_one_line(left: list[str], right: list[str]) -> None:
    assert (text_line((tuple(left),)) == text_line((tuple(right),))) == (left == right)


def test_nothing_that_looks_like_null_is() -> None:
    lines = [text_line((value,)) for value in (None, "\\N", "NULL", "", "N", (), ("",), ("NULL",), (r"\N",))]
    assert len(set(lines)) == len(lines)


def test_a_digest_is_over_the_tables_in_order_of_their_names_each_with_its_name() -> None:
    row = (some(1), 1, "灯", b"\x01", True, ("a",), 5, None)
    hashed = b"everything\n" + text_line(row).encode() + b"other\n" + text_line((3, 0, 7)).encode()
    tables = [(EVERYTHING, [row]), (OTHER, [(3, 0, 7)])]
    assert digest(tables) == digest(reversed(tables)) == hashlib.sha256(hashed).digest()
    assert b"".join(digest_lines(OTHER, [])) == b"other\n"


@given(st.data(), st.lists(rows_of(), min_size=1, max_size=3))
def test_the_digest_changes_with_every_single_value(data: st.DataObject, rows: list[tuple[Any, ...]]) -> None:
    before = digest([(EVERYTHING, rows)])
    other = data.draw(rows_of())
    for place, row in enumerate(rows):
        for column, value in enumerate(row):
            if other[column] != value:
                changed = (*row[:column], other[column], *row[column + 1 :])
                assert digest([(EVERYTHING, [*rows[:place], changed, *rows[place + 1 :]])]) != before, column


@given(st.lists(rows_of(), min_size=2, max_size=4, unique_by=repr))
def test_the_digest_changes_with_the_order_and_the_number_of_rows(rows: list[tuple[Any, ...]]) -> None:
    found = [rows, rows[::-1], rows[:-1], [*rows, rows[0]], []]
    assert len({digest([(EVERYTHING, one)]) for one in found}) == len(found)


def test_a_row_in_another_table_is_another_state() -> None:
    third = Table("third", OTHER.key, ())
    states = [
        [(OTHER, [(1, 0, None)]), (third, [])],
        [(OTHER, []), (third, [(1, 0, None)])],
        [(OTHER, []), (third, [])],
    ]
    assert len({digest(state) for state in states}) == 3
