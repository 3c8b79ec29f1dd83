"""Strict JSON for files that people write: what is wrong is named with its place, and nothing is guessed.

Refused: more than the given bytes, invalid UTF-8, a byte order mark, a key twice in one object, deep nesting, numbers
that are not integers of at most 2^53 - 1 (RFC 8785 §3.2.2.3 could not tell them apart), NaN and Infinity, lone
surrogates, anything after the document.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from domain.errors import Invalid

INTEGER_MAX = 2**53 - 1
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def parse_strict(data: bytes, where: str, *, bytes_max: int, depth_max: int) -> object:
    """Return the document in `data`. `where` stands before every message. Raises: Invalid, nothing else."""
    if len(data) > bytes_max:
        raise Invalid(f"{where}: expected at most {bytes_max} bytes, found more")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        raise Invalid(f"{where}: expected UTF-8, found byte 0x{data[err.start]:02x} at offset {err.start}") from err
    if text.startswith("\ufeff"):
        raise Invalid(f"{where}: expected JSON, found a byte order mark before it")
    _check_depth(text, where, depth_max)
    try:
        document: object = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, where),
            parse_int=lambda digits: _integer(digits, where),
            parse_float=lambda number: _no_number(number, where),
            parse_constant=lambda number: _no_number(number, where),
        )
    except json.JSONDecodeError as err:
        raise Invalid(f"{where}: not JSON: {err.msg.lower()} at line {err.lineno} column {err.colno}") from err
    except RecursionError as err:
        raise Invalid(f"{where}: expected at most {depth_max} levels of nesting, found more") from err
    if _has_surrogate(text, document):
        raise Invalid(f"{where}: expected Unicode text, found half of a surrogate pair")
    return document


def _check_depth(text: str, where: str, depth_max: int) -> None:
    depth = 0
    for token in _STRUCTURE.finditer(text):
        mark = token.group()
        depth += (mark in "{[") - (mark in "}]")
        if depth > depth_max:
            raise Invalid(f"{where}: expected at most {depth_max} levels of nesting, found more")


def _object(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f"{where}: key {shown(twice)} stands twice in one object")
    return found


def _integer(digits: str, where: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > INTEGER_MAX:
        raise Invalid(
            f"{where}: expected an integer of at most {INTEGER_MAX}, found {digits[:24]}; write it as a string"
        )
    if digits == "-0":
        raise Invalid(f"{where}: expected 0, found -0")
    return int(digits)


def _no_number(number: str, where: str) -> NoReturn:
    raise Invalid(f"{where}: expected an integer or a string, found {number[:24]}; write it as a string")


def _has_surrogate(text: str, document: object) -> bool:
    if "\\u" not in text:
        return False
    return re.search("[\ud800-\udfff]", json.dumps(document, ensure_ascii=False)) is not None


def shown(value: object) -> str:
    """Return a value of a document for a message: JSON, escaped, at most 60 characters."""
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."
