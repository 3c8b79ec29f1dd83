"""Members of JSON documents of the rights context, read strictly; every message begins with the place that is wrong."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar
from uuid import UUID

from domain.capability.resource import LETTERS
from domain.errors import Invalid
from domain.ids import parse_id
from domain.spelling import shown

T = TypeVar("T")


def read_currency(found: object, where: str) -> str:
    """Return an ISO 4217 code. Raises: Invalid."""
    if not isinstance(found, str) or len(found) != 3 or not set(found) <= LETTERS:
        raise Invalid(f"{where}: expected an ISO 4217 code of three capital letters")
    return found


def read_object(value: object, where: str, members: tuple[str, ...]) -> dict[str, Any]:
    """Return a JSON object that has exactly these members. Raises: Invalid."""
    if not isinstance(value, dict) or set(value) != set(members):
        raise Invalid(f"{where}: expected an object of {', '.join(members)}")
    return value


def read_members(
    found: object, where: str, *, needed: Collection[str] = (), optional: Collection[str] = ()
) -> dict[str, Any]:
    """Return a JSON object that has all members that are needed, and no others but the optional. Raises: Invalid."""
    if not isinstance(found, dict):
        raise Invalid(f"{where}: expected an object, found {shown(found)}")
    for member in found:
        if member not in needed and member not in optional:
            raise Invalid(f"{where}: expected {', '.join((*needed, *optional))}, found the member {shown(member)}")
    for member in needed:
        if member not in found:
            raise Invalid(f"{where}: expected the member {member}, found none")
    return found


def read_text(found: object, where: str) -> str:
    """Return a string. Raises: Invalid."""
    if not isinstance(found, str):
        raise Invalid(f"{where}: expected a string, found {shown(found)}")
    return found


def read_list(value: object, where: str, most: int, read: Callable[[object, str], T]) -> tuple[T, ...]:
    """Return a JSON list, each item read with its place. Raises: Invalid."""
    if not isinstance(value, list) or len(value) > most:
        raise Invalid(f"{where}: expected a list of {most} at most")
    return tuple(read(item, f"{where}[{place}]") for place, item in enumerate(value))


def read_integer(value: object, where: str, low: int, high: int) -> int:
    """Return an integer within these bounds. Raises: Invalid."""
    if type(value) is not int or not low <= value <= high:
        raise Invalid(f"{where}: expected an integer of {low} to {high}")
    return value


def read_identifier(value: object, where: str, letter: str, prefix: str) -> UUID:
    """Return the UUID of an identifier of this kind and prefix, written as it is canonically. Raises: Invalid."""
    if not isinstance(value, str):
        raise Invalid(f"{where}: expected an identifier as a string")
    parsed = parse_id(value)
    if (parsed.letter, parsed.prefix) != (letter, prefix) or str(parsed) != value:
        raise Invalid(f"{where}: expected an identifier {prefix}/{letter}...., as it is written")
    return parsed.uuid
