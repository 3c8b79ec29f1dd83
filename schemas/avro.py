"""Schema text: the Avro schema of one event version, and the digest that is the first 32 bytes of its entries.

- The schema is one record with the event's `TYPE` as full name; its first field is `envelope`, of the nested record
  `edgeprint.Envelope`, whose first field is `schema_sha256`.
- Named types are defined in full where they first occur, then cited by full name: `edgeprint.Envelope`,
  `edgeprint.Uuid`, `edgeprint.Sha256`, `edgeprint.ActorKind`, else `edgeprint.<context>.<Class>`.
- doc = cleaned docstring or `Doc.text`; a bounded field's ends in ` [low..high]` (an open side is left empty). Bounds
  count units of an int, characters of a string, items of an array, and reach through `["null", T]`.
- `T | None` has the default null; there is no other default in version 1. Enums have the default `unspecified`.
- The text is the RFC 8785 (JCS) form in UTF-8 without a newline, docs included (this is not Avro's canonical form).
- digest = SHA-256 of the text; registry id = its first 4 bytes & 0x7fffffff; GUID = its first 16 bytes.

A complete real example, the text of a record with one field (a part of an event's schema, which has no fixed size):

    {"doc":"One declared edge.","fields":[{"doc":"the parent","name":"object_id","type":{"name":"edgeprint.Uuid",
    "size":16,"type":"fixed"}}],"name":"edgeprint.identity.Parent","type":"record"}

(one line in the file). The whole text of `edgeprint.Envelope` is the file `schemas/edgeprint/Envelope.v1.avsc`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from typing import Final, TypeAlias, cast
from uuid import UUID

import rfc8785

from domain.errors import Invalid
from domain.events import Sha256
from schemas.shapes import (
    LONG_HIGH,
    LONG_LOW,
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
    describe_envelope,
)

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

SCHEMA_BYTES_MAX: Final = 60_000
ENVELOPE_FIELD: Final = "envelope"
SCHEMA_FIELD: Final = "schema_sha256"
_ENVELOPE_DOC: Final = "who recorded it, when, in which ledger and stream"
_SCHEMA_DOC: Final = "SHA-256 of this entry's whole schema text in RFC 8785 form"
_UUID: Final = "edgeprint.Uuid"
_SHA256: Final = "edgeprint.Sha256"
BOUNDS: Final = re.compile(r" \[(-?[0-9]+)?\.\.(-?[0-9]+)?\]\Z", re.ASCII)


def event_schema(record: Record) -> dict[str, Json]:
    """Return the Avro schema of an event's record, the envelope put before its own fields.

    Raises:
        Invalid: a default that Avro cannot carry, a doc that ends like bounds, or two classes under one full name.
    """
    names = _Names()
    names.add(record.name, record.python)
    envelope = _type(envelope_record(), names)
    first: dict[str, Json] = {"name": ENVELOPE_FIELD, "doc": _ENVELOPE_DOC, "type": envelope}
    made = _record_schema(record, names)
    cast(list[Json], made["fields"]).insert(0, first)
    return made


def envelope_schema() -> dict[str, Json]:
    """Return the Avro schema of `edgeprint.Envelope` alone, as its own file gives it."""
    return _record_schema(envelope_record(), _Names())


def schema_text(schema: Mapping[str, Json]) -> bytes:
    """Return the exact bytes of a schema: RFC 8785, UTF-8, no newline. Raises: Invalid if JCS cannot carry it."""
    try:
        text = rfc8785.dumps(cast(dict[str, object], schema))  # type: ignore[arg-type]  # its alias is invariant
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as err:
        raise Invalid(f"expected a schema that RFC 8785 can carry, found {err}") from err
    return text


def parse_schema(text: bytes) -> dict[str, Json]:
    """Return the schema of an `.avsc` file.

    Raises:
        Invalid: over `SCHEMA_BYTES_MAX`, not JSON, not a record, or not byte for byte its own RFC 8785 form.
    """
    if len(text) > SCHEMA_BYTES_MAX:
        raise Invalid(f"expected a schema of at most {SCHEMA_BYTES_MAX} bytes, found {len(text)}")
    try:
        schema = json.loads(text.decode())
    except (ValueError, RecursionError) as err:
        raise Invalid(f"expected a schema in JSON, found {type(err).__name__}") from err
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise Invalid("expected the schema of a record")
    if schema_text(schema) != text:
        raise Invalid("expected a schema in RFC 8785 form without a newline")
    return schema


def schema_digest(text: bytes) -> Sha256:
    """Return the SHA-256 of a schema's text, the first 32 bytes of every entry written under it."""
    return Sha256(sha256(text).digest())


def registry_id(digest: bytes) -> int:
    """Return the id of a schema in a Kafka schema registry: 31 bits of its digest, so branches cannot clash."""
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def registry_guid(digest: bytes) -> UUID:
    """Return the GUID of a schema in a Kafka schema registry: the first 16 bytes of its digest, no UUID version."""
    return UUID(bytes=digest[:16])


class _Names:
    """The full names that one schema has defined so far, and the Python type each stands for."""

    def __init__(self) -> None:
        self._owners: dict[str, object] = {}

    def add(self, name: str, owner: object) -> bool:
        """Return whether the name is new. Raises: Invalid if another type bears it."""
        known = name in self._owners
        if self._owners.setdefault(name, owner) is not owner:
            raise Invalid(f"expected one type under the name {name}, found {self._owners[name]} and {owner}")
        return not known


def envelope_record() -> Record:
    """Return the shape of the envelope as it is written, `schema_sha256` first."""
    record = describe_envelope()
    return replace(record, fields=(Field(SCHEMA_FIELD, _SCHEMA_DOC, Digest()), *record.fields))


def _record_schema(record: Record, names: _Names) -> dict[str, Json]:
    made: dict[str, Json] = {"type": "record", "name": record.name, "doc": record.doc}
    fields: list[Json] = []
    for field in record.fields:
        if BOUNDS.search(field.doc):
            raise Invalid(f"{record.name}.{field.name}: expected a doc that does not end like bounds")
        entry: dict[str, Json] = {
            "name": field.name,
            "doc": field.doc + _bounds(field.shape),
            "type": _type(field.shape, names),
        }
        if field.default is not REQUIRED:
            entry["default"] = _default(field, f"{record.name}.{field.name}")
        fields.append(entry)
    made["fields"] = fields
    return made


def _type(shape: Shape, names: _Names) -> Json:
    match shape:
        case Long() | Instant():
            return "long"
        case Text():
            return "string"
        case Boolean():
            return "boolean"
        case Identity():
            return {"type": "fixed", "name": _UUID, "size": 16} if names.add(_UUID, UUID) else _UUID
        case Digest():
            return {"type": "fixed", "name": _SHA256, "size": 32} if names.add(_SHA256, Sha256) else _SHA256
        case Array(items):
            return {"type": "array", "items": _type(items, names)}
        case Optional(inner):
            return ["null", _type(inner, names)]
        case Enumeration(name, doc, symbols, python):
            made: dict[str, Json] = {"type": "enum", "name": name, "symbols": list(symbols), "default": UNSPECIFIED}
            return made | ({"doc": doc} if doc else {}) if names.add(name, python) else name
        case Record(name, python=python):
            return _record_schema(shape, names) if names.add(name, python) else name


def _bounds(shape: Shape) -> str:
    match shape:
        case Optional(inner):
            return _bounds(inner)
        case Long(low, high) if (low, high) != (LONG_LOW, LONG_HIGH):
            return f" [{low if low != LONG_LOW else ''}..{high if high != LONG_HIGH else ''}]"
        case Text(low, high) | Array(_, low, high) if (low, high) != (0, None):
            return f" [{low}..{'' if high is None else high}]"
    return ""


def _default(field: Field, where: str) -> Json:
    default, shape = field.default, field.shape
    match shape:
        case Optional() if default is None:
            return None
        case Long(low, high) if type(default) is int and low <= default <= high:
            return default
        case Boolean() if type(default) is bool:
            return default
        case Text(low, high) if type(default) is str and low <= len(default) <= (
            len(default) if high is None else high
        ):
            return default
        case Enumeration() if isinstance(default, StrEnum) and type(default) is shape.python:
            return default.value
        case Array(_, low) if default == () and low == 0:
            return []
    raise Invalid(f"{where}: expected a default that its type can hold in Avro, found {default!r}")
