"""What a value must be to be written: the slow and talkative twin of the generated encoder.

The generated encoder only finds out that something is wrong; `check` says which field, what was expected and what was
found. A test holds the two against each other.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from domain.errors import Invalid
from schemas.shapes import (
    Array,
    Boolean,
    Digest,
    Enumeration,
    Identity,
    Instant,
    Long,
    Optional,
    Record,
    Shape,
    Text,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_OFFSET: Final = timedelta(0)
_MICROSECOND: Final = timedelta(microseconds=1)


class Unwritable(Exception):
    """Raised within the generated encoder, which turns it into `Invalid` by `check`; it never leaves this package."""


def microseconds(instant: datetime) -> int:
    """Return a UTC datetime as microseconds since the epoch. Raises: Unwritable if it is naive or not UTC."""
    if instant.utcoffset() != _NO_OFFSET:
        raise Unwritable
    return (instant - EPOCH) // _MICROSECOND


def instant_of(microseconds_since: int) -> datetime:
    """Return microseconds since the epoch as a UTC datetime. Raises: OverflowError beyond the years 1 to 9999."""
    return EPOCH + timedelta(microseconds=microseconds_since)


def check(shape: Shape, found: object, where: str) -> None:
    """Return if the value may be written as the shape.

    Raises:
        Invalid: wrong type (True and 1.0 are no integers, a plain str no enum), out of bounds, an unspecified enum,
            text that is not Unicode (a lone surrogate), a datetime that is not UTC; `where` and the path are named.
    """
    match shape:
        case Optional(inner):
            if found is not None:
                check(inner, found, where)
        case Record(_, _, fields, python):
            _require_type(found, python, where)
            for field in fields:
                if field.written:
                    check(field.shape, getattr(found, field.name), f"{where}.{field.name}")
        case Array(items, low, high):
            _require_type(found, tuple, where)
            if isinstance(found, tuple):
                _require_length(len(found), low, high, "items", where)
                for place, item in enumerate(found):
                    check(items, item, f"{where}[{place}]")
        case _:
            _check_plain(shape, found, where)


def _check_plain(shape: Shape, found: object, where: str) -> None:
    match shape:
        case Long(low, high):
            _require_type(found, int, where)
            if isinstance(found, int) and not low <= found <= high:
                raise Invalid(f"{where}: expected an integer of {low} to {high}, found {found}")
        case Text(low, high):
            _require_type(found, str, where)
            if isinstance(found, str):
                _require_length(len(found), low, high, "characters", where)
                _require_unicode(found, where)
        case Boolean():
            _require_type(found, bool, where)
        case Identity():
            _require_type(found, UUID, where)
        case Digest():
            _require_type(found, bytes, where)
            if isinstance(found, bytes):
                _require_length(len(found), 32, 32, "bytes", where)
        case Instant():
            _require_type(found, datetime, where)
            if isinstance(found, datetime) and found.utcoffset() != _NO_OFFSET:
                raise Invalid(f"{where}: expected a datetime in UTC, found the offset {found.utcoffset()}")
        case Enumeration(name, _, symbols, python):
            _require_type(found, python, where)
            if found not in symbols[1:]:
                raise Invalid(f"{where}: expected a specified member of {name}, found {found}")


def _require_type(found: object, expected: type, where: str) -> None:
    if type(found) is not expected:
        raise Invalid(f"{where}: expected {expected.__name__}, found {type(found).__name__}")


def _require_length(length: int, low: int, high: int | None, unit: str, where: str) -> None:
    if length < low or (high is not None and length > high):
        bounds = f"at least {low}" if high is None else f"{low} to {high}"
        raise Invalid(f"{where}: expected {bounds} {unit}, found {length}")


def _require_unicode(found: str, where: str) -> None:
    try:
        found.encode()
    except UnicodeEncodeError as err:
        raise Invalid(f"{where}: expected Unicode text, found a lone surrogate at character {err.start}") from err
