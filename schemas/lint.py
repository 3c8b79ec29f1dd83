"""The schema linter: what makes entries deterministic to write and safe to read (formats, section 2).

- No map, float, double or bytes; no union but `["null", T]`; no recursion; depth of records and arrays at most 8; no
  arrays of items that may have no bytes (a few bytes would then stand for any number of items).
- Symbol 0 of every enum is `unspecified`, which is its default; symbols and field names are lower case.
- Every record and every field has a doc; a union's default is null; full names begin with `edgeprint.`; the attributes
  namespace, aliases, logicalType and order do not occur, nor any other that is not used here.
- Fixed types are `edgeprint.Uuid` (16) and `edgeprint.Sha256` (32). A named type is defined once, at its first use.
- An event's first field is `envelope`, whose first field is `schema_sha256`.

It reads schemas as JSON, so it judges ours and other people's alike. A complete real example of what it refuses:
`{"type":"array","items":"null"}`, of which 10 bytes can announce 2^62 items.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast

from domain.errors import Invalid
from domain.events import ENVELOPE_TYPE
from schemas.avro import ENVELOPE_FIELD, SCHEMA_FIELD, Json
from schemas.shapes import DEPTH_MAX, UNSPECIFIED

SYMBOLS_MAX: Final = 64
_FULL_NAME: Final = re.compile(r"edgeprint(?:\.[a-z][a-z0-9_]*)?\.[A-Z][A-Za-z0-9]*\Z", re.ASCII)
_LOWER_NAME: Final = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?\Z", re.ASCII)
_FIXED: Final = {"edgeprint.Uuid": 16, "edgeprint.Sha256": 32}
_ATTRIBUTES: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "record": (frozenset({"type", "name", "doc", "fields"}), frozenset()),
    "enum": (frozenset({"type", "name", "symbols", "default"}), frozenset({"doc"})),
    "fixed": (frozenset({"type", "name", "size"}), frozenset()),
    "array": (frozenset({"type", "items"}), frozenset()),
}
_FIELD_ATTRIBUTES: Final = frozenset({"name", "doc", "type"})
_PLAIN: Final = frozenset({"long", "string", "boolean"})


def lint(schema: Json) -> None:
    """Return if the schema of an event or of the envelope keeps every rule.

    Raises:
        Invalid: it breaks some; the message names the first ten, each with its place.
    """
    found = list(_Linter().whole(schema))
    if found:
        raise Invalid("; ".join(found[:10]))


class _Linter:
    """One walk over a schema in the order of its text."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._sizes: dict[str, bool] = {}  # full name -> whether a value may have no bytes

    def whole(self, schema: Json) -> Iterator[str]:
        if not isinstance(schema, dict) or schema.get("type") != "record":
            yield "expected a record"
            return
        yield from self.type(schema, "schema", 0)
        fields = schema.get("fields")
        first = fields[0] if isinstance(fields, list) and fields and isinstance(fields[0], dict) else {}
        if schema.get("name") == ENVELOPE_TYPE:
            if first.get("name") != SCHEMA_FIELD:
                yield f"{ENVELOPE_TYPE}: expected {SCHEMA_FIELD} as the first field, found {first.get('name')}"
            return
        if first.get("name") != ENVELOPE_FIELD:
            yield f"{schema.get('name')}: expected {ENVELOPE_FIELD} as the first field, found {first.get('name')}"
            return
        envelope = first.get("type")
        inner = envelope.get("fields") if isinstance(envelope, dict) else None
        named = isinstance(envelope, dict) and envelope.get("name") == ENVELOPE_TYPE
        if not named or not isinstance(inner, list) or not inner or not isinstance(inner[0], dict):
            yield f"{schema.get('name')}: expected {ENVELOPE_TYPE} as the type of the first field"
        elif inner[0].get("name") != SCHEMA_FIELD:
            yield f"{ENVELOPE_TYPE}: expected {SCHEMA_FIELD} as the first field, found {inner[0].get('name')}"

    def type(self, schema: Json, where: str, depth: int) -> Iterator[str]:
        """Yield what is wrong with a type; `depth` records and arrays stand around it."""
        if isinstance(schema, str):
            if schema in self._open:
                yield f"{where}: expected no recursion, found {schema} within itself"
            elif schema not in _PLAIN and schema not in self._sizes:
                yield f"{where}: expected long, string, boolean or a type defined before, found {schema}"
        elif isinstance(schema, list):
            yield from self._union(schema, where, depth)
        elif isinstance(schema, dict):
            kind = schema.get("type")
            if not isinstance(kind, str) or kind not in _ATTRIBUTES:
                yield f"{where}: expected a record, enum, fixed or array, found {kind}"
                return
            needed, allowed = _ATTRIBUTES[kind]
            yield from _attributes(schema, needed, allowed, where)
            yield from self._complex(kind, schema, where, depth)
        else:
            yield f"{where}: expected a type, found {schema!r}"

    def _union(self, schema: list[Json], where: str, depth: int) -> Iterator[str]:
        if len(schema) != 2 or schema[0] != "null" or schema[1] == "null" or isinstance(schema[1], list):
            yield f'{where}: expected ["null", T] as the only union'
            return
        yield from self.type(schema[1], where, depth)

    def _complex(self, kind: str, schema: dict[str, Json], where: str, depth: int) -> Iterator[str]:
        if kind == "array":
            if depth >= DEPTH_MAX:
                yield f"{where}: expected at most {DEPTH_MAX} levels of records and arrays"
                return
            yield from self.type(schema.get("items"), f"{where}[]", depth + 1)
            if self._may_be_empty(schema.get("items")):
                yield f"{where}: expected items of at least one byte"
            return
        name = schema.get("name")
        if not isinstance(name, str) or not _FULL_NAME.match(name):
            yield f"{where}: expected a full name such as edgeprint.identity.Parent, found {name}"
            return
        if name in self._sizes or name in self._open:
            yield f"{where}: expected one definition of {name}, found another"
            return
        if kind == "record":
            yield from self._record(name, schema, depth)
        else:
            self._sizes[name] = False
            yield from _enum(name, schema) if kind == "enum" else _fixed(name, schema)

    def _record(self, name: str, schema: dict[str, Json], depth: int) -> Iterator[str]:
        if depth >= DEPTH_MAX:
            yield f"{name}: expected at most {DEPTH_MAX} levels of records and arrays"
            return
        yield from _doc(schema, name)
        fields = schema.get("fields")
        if not isinstance(fields, list):
            yield f"{name}: expected a list of fields"
            return
        self._open.append(name)
        seen = set()
        for field in fields:
            if not isinstance(field, dict) or not isinstance(field.get("name"), str):
                yield f"{name}: expected fields with names"
                continue
            where = f"{name}.{field['name']}"
            if not _LOWER_NAME.match(cast(str, field["name"])):
                yield f"{where}: expected a lower-case name"
            if field["name"] in seen:
                yield f"{where}: expected one field of this name"
            seen.add(field["name"])
            yield from _attributes(field, _FIELD_ATTRIBUTES, frozenset({"default"}), where)
            yield from _doc(field, where)
            union = isinstance(field.get("type"), list)
            if union and ("default" not in field or field["default"] is not None):
                yield f"{where}: expected the default null"
            yield from self.type(field.get("type"), where, depth + 1)
        self._open.pop()
        self._sizes[name] = all(isinstance(f, dict) and self._may_be_empty(f.get("type")) for f in fields)

    def _may_be_empty(self, schema: Json) -> bool:
        if isinstance(schema, dict) and isinstance(schema.get("name"), str):
            return self._sizes.get(cast(str, schema["name"]), False)
        return schema == "null" or (isinstance(schema, str) and self._sizes.get(schema, False))


def _attributes(schema: dict[str, Json], needed: frozenset[str], allowed: frozenset[str], where: str) -> Iterator[str]:
    for name in sorted(needed - schema.keys()):
        yield f"{where}: expected the attribute {name}"
    for name in sorted(schema.keys() - needed - allowed):
        yield f"{where}: expected no attribute {name}"


def _doc(schema: dict[str, Json], where: str) -> Iterator[str]:
    doc = schema.get("doc")
    if not isinstance(doc, str) or not doc.strip():
        yield f"{where}: expected a doc"


def _enum(name: str, schema: dict[str, Json]) -> Iterator[str]:
    symbols = schema.get("symbols")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        yield f"{name}: expected a list of symbols"
        return
    texts = cast(list[str], symbols)
    if not 2 <= len(texts) <= SYMBOLS_MAX or len(set(texts)) != len(texts):
        yield f"{name}: expected 2 to {SYMBOLS_MAX} different symbols, found {len(texts)}"
    if not texts or texts[0] != UNSPECIFIED or schema.get("default") != UNSPECIFIED:
        yield f"{name}: expected {UNSPECIFIED} as symbol 0 and as the default"
    yield from (f"{name}: expected lower-case symbols, found {text}" for text in texts if not _LOWER_NAME.match(text))


def _fixed(name: str, schema: dict[str, Json]) -> Iterator[str]:
    if name not in _FIXED or type(schema.get("size")) is not int or schema["size"] != _FIXED[name]:
        yield f"{name}: expected edgeprint.Uuid of 16 or edgeprint.Sha256 of 32 bytes, found {schema.get('size')}"
