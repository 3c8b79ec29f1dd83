"""Commands as JSON: the schema of a command's input, and its way from and to bytes.

| Python | JSON |
|---|---|
| int, bool, str | the same; integers of at most 2^53 - 1 |
| an id of `domain.ids` | its identifier, such as `10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D`, of this ledger's prefix |
| UUID | hyphenated |
| Sha256 | 64 lower-case hex digits |
| datetime | RFC 3339 in UTC with `Z`, at most six decimals |
| StrEnum | its value |
| tuple | array |
| T or None, or with a default | may be left away; null is not written |

Objects are closed: an unknown member is refused. A complete real example, the input of `assign-role`:

    {"party": "10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D", "role": "registrar"}
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from domain.command import Command
from domain.errors import Invalid
from domain.ids import KINDS, format_id, parse_id
from domain.spelling import HEX32, INSTANT, instant_text, parse_hex32, parse_instant
from schemas.shapes import (
    REQUIRED,
    UNSPECIFIED,
    Array,
    Boolean,
    Digest,
    Enumeration,
    Field,
    Identity,
    Instant,
    Long,
    Optional,
    Record,
    Shape,
    Text,
    describe_request,
)
from schemas.strict_json import INTEGER_MAX, parse_strict, shown
from schemas.values import check

REQUEST_BYTES_MAX: Final = 8 << 20
DEPTH_MAX: Final = 16
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_IDENTIFIER: Final = r"^10\.[0-9.]+/%s\.[0-9A-Za-z]{26}-[0-9A-Za-z]$"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

C = TypeVar("C", bound=Command)


_records: Final[dict[str, Record]] = {}


def request_record(command_class: type[Command]) -> Record:
    """Return the shape of a command's input, described once."""
    if command_class.NAME not in _records:
        _records[command_class.NAME] = describe_request(command_class)
    return _records[command_class.NAME]


def request_schema(command_class: type[Command]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a command's input; what it refuses, `parse_request` refuses too."""
    record = request_record(command_class)
    return {"$schema": DIALECT, "title": command_class.NAME, **_object_schema(record)}


def parse_request(command_class: type[C], data: bytes, prefix: str) -> C:
    """Return the command that a JSON document states; `prefix` is that of the ledger's identifiers.

    Raises:
        Invalid: no JSON, over REQUEST_BYTES_MAX, or not as the schema says; the member is named.
    """
    where = command_class.NAME
    document = parse_strict(data, where, bytes_max=REQUEST_BYTES_MAX, depth_max=DEPTH_MAX)
    record = request_record(command_class)
    made = _read(record, document, where, prefix)
    check(record, made, where)
    return cast(C, made)


def render_request(request: Command, prefix: str) -> dict[str, Any]:
    """Return a command as JSON values, such that its RFC 8785 form is what is signed; absent members are left away."""
    return cast(dict[str, Any], render_value(request_record(type(request)), request, prefix))


def render_value(shape: Shape, found: Any, prefix: str) -> Any:
    """Return a value of a command or an event as JSON, by its shape; members that have their default are left away."""
    match shape:
        case Optional(inner):
            return None if found is None else render_value(inner, found, prefix)
        case Record(_, _, fields):
            members = {field.name: getattr(found, field.name) for field in fields}
            return {
                field.name: render_value(field.shape, members[field.name], prefix)
                for field in fields
                if field.default is REQUIRED or members[field.name] != field.default
            }
        case Array(items):
            return [render_value(items, item, prefix) for item in found]
        case Digest():
            return found.hex()
        case Instant():
            return instant_text(found)
        case Identity(letter):
            return format_id(letter, found, prefix) if letter else str(found)
        case Enumeration():
            return str(found)
        case _:
            return found


def _object_schema(record: Record) -> dict[str, Any]:
    return {
        "description": record.doc,
        "type": "object",
        "properties": {
            field.name: {"description": field.doc, **_schema(field.shape)} for field in record.fields if field.written
        },
        "required": [field.name for field in record.fields if field.default is REQUIRED],
        "additionalProperties": False,
    }


def _schema(shape: Shape) -> dict[str, Any]:
    match shape:
        case Optional(inner):
            return _schema(inner)
        case Record():
            return _object_schema(shape)
        case Array(items, low, high):
            return {"type": "array", "items": _schema(items), **_bounds("Items", low, high)}
        case Long(low, high):
            return {"type": "integer", "minimum": max(low, -INTEGER_MAX), "maximum": min(high, INTEGER_MAX)}
        case Text(low, high):
            return {"type": "string", **_bounds("Length", low, high)}
        case Boolean():
            return {"type": "boolean"}
        case Enumeration(_, _, symbols, _):
            return {"enum": [symbol for symbol in symbols if symbol != UNSPECIFIED]}
        case Digest():
            return {"type": "string", "pattern": f"^{HEX32.pattern}$"}
        case Instant():
            return {"type": "string", "pattern": f"^{INSTANT.pattern}$"}
        case Identity(letter):
            return (
                {"type": "string", "pattern": _IDENTIFIER % f"[{letter}{letter.lower()}]"}
                if letter
                else {"type": "string", "pattern": f"^{_UUID.pattern}$"}
            )


def _bounds(what: str, low: int, high: int | None) -> dict[str, int]:
    return {**({f"min{what}": low} if low else {}), **({} if high is None else {f"max{what}": high})}


def _read(shape: Shape, found: object, where: str, prefix: str) -> object:
    match shape:
        case Optional(inner):
            return _read(inner, found, where, prefix)
        case Record(_, _, fields, python):
            return python(**_members(fields, _of_type(found, dict, "an object", where), where, prefix))
        case Array(items):
            listed = _of_type(found, list, "an array", where)
            return tuple(_read(items, item, f"{where}[{place}]", prefix) for place, item in enumerate(listed))
        case Long():
            if type(found) is not int:
                raise Invalid(f"{where}: expected an integer, found {shown(found)}")
            return found
        case Boolean():
            return _of_type(found, bool, "true or false", where)
        case _:
            return _read_text(shape, _of_type(found, str, "a string", where), where, prefix)


def _read_text(shape: Shape, text: str, where: str, prefix: str) -> object:
    match shape:
        case Enumeration(_, _, symbols, python):
            if text not in symbols or text == UNSPECIFIED:
                raise Invalid(f"{where}: expected one of {', '.join(symbols[1:])}, found {shown(text)}")
            return python(text)
        case Digest():
            return parse_hex32(text, where)
        case Instant():
            return parse_instant(text, where)
        case Identity(letter):
            return _read_identity(letter, text, where, prefix)
        case _:
            return text


def _read_identity(letter: str, text: str, where: str, prefix: str) -> UUID:
    if not letter:
        if not _UUID.fullmatch(text):
            raise Invalid(f"{where}: expected a lower-case hyphenated UUID, found {shown(text)}")
        return UUID(text)
    try:
        identifier = parse_id(text)
    except Invalid as err:
        raise Invalid(f"{where}: {err}") from err
    if identifier.letter != letter or identifier.prefix != prefix:
        raise Invalid(f"{where}: expected a {KINDS[letter]} of this ledger ({prefix}/{letter}....), found {identifier}")
    return identifier.uuid


def _members(fields: tuple[Field, ...], found: Mapping[str, object], where: str, prefix: str) -> dict[str, object]:
    unknown = sorted(set(found) - {field.name for field in fields})
    if unknown:
        known = ", ".join(field.name for field in fields)
        raise Invalid(f"{where}: expected members of {known}, found {shown(unknown[0])}")
    missing = [field.name for field in fields if field.default is REQUIRED and field.name not in found]
    if missing:
        raise Invalid(f"{where}: expected the member {missing[0]}, found none")
    return {
        field.name: _read(field.shape, found[field.name], f"{where}.{field.name}", prefix)
        for field in fields
        if field.name in found
    }


def _of_type(found: object, python: type[Any], expected: str, where: str) -> Any:
    if type(found) is not python:
        raise Invalid(f"{where}: expected {expected}, found {shown(found)}")
    return found
