"""Resolution: an old entry is read by its writer's schema into the newest class.

Versions only grow at the end (`schemas.compatibility`), so the newest record and an older writer's schema match by
position: the writer's schema gives bounds and symbols, the newest class gives Python types, and the fields that the
writer did not know take their defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from schemas.avro import BOUNDS, ENVELOPE_FIELD, SCHEMA_FIELD, Json
from schemas.shapes import (
    LONG_HIGH,
    LONG_LOW,
    Array,
    Enumeration,
    Long,
    Optional,
    Record,
    Shape,
    Text,
)


def resolve(envelope: Record, event: Record, writer: Mapping[str, Json]) -> tuple[Record, Record]:
    """Return the newest envelope (without `schema_sha256`) and event record as `writer` wrote them.

    The result has the writer's bounds and symbols; fields that the writer did not know are marked unwritten.
    `writer` is the whole schema of an event and has passed the compatibility rules against the newest one.
    """
    resolver = _Resolver()
    first, *own = _fields(writer)
    envelope_fields = [field for field in _fields(resolver.find(first["type"])) if field["name"] != SCHEMA_FIELD]
    if first["name"] != ENVELOPE_FIELD:
        raise AssertionError(f"the linter let a schema through whose first field is {first['name']}")
    return resolver.record(envelope, envelope_fields), resolver.record(event, own)


def parse_bounds(doc: str) -> tuple[int | None, int | None]:
    """Return the bounds at the end of a field's doc; None for an open side."""
    match = BOUNDS.search(doc)
    if match is None:
        return None, None
    low, high = match.groups()
    return None if low is None else int(low), None if high is None else int(high)


class _Resolver:
    """One walk over a writer's schema; named types are cited after their first use."""

    def __init__(self) -> None:
        self._named: dict[str, Mapping[str, Json]] = {}

    def find(self, schema: Json) -> Mapping[str, Json]:
        """Return the definition of a named type, given in full or cited; an array is returned as it is."""
        if isinstance(schema, str):
            return self._named[schema]
        definition = cast(Mapping[str, Json], schema)
        if "name" in definition:
            self._named[cast(str, definition["name"])] = definition
        return definition

    def record(self, record: Record, writer: Sequence[Mapping[str, Json]]) -> Record:
        """Return a record with its fields as written."""
        fields = tuple(
            replace(field, shape=self.shape(field.shape, known["type"], cast(str, known["doc"])))
            for field, known in zip(record.fields, writer, strict=False)
        )
        unknown = tuple(replace(field, written=False) for field in record.fields[len(writer) :])
        return replace(record, fields=fields + unknown)

    def shape(self, shape: Shape, writer: Json, doc: str) -> Shape:
        """Return a field's shape as written; `doc` is the field's and carries its bounds."""
        low, high = parse_bounds(doc)
        match shape:
            case Optional(inner):
                return Optional(self.shape(inner, cast(list[Json], writer)[1], doc))
            case Array(items):
                return Array(self.shape(items, self.find(writer)["items"], ""), low or 0, high)
            case Long():
                return Long(LONG_LOW if low is None else low, LONG_HIGH if high is None else high)
            case Text():
                return Text(low or 0, high)
            case Enumeration():
                return replace(shape, symbols=tuple(cast(list[str], self.find(writer)["symbols"])))
            case Record():
                return self.record(shape, _fields(self.find(writer)))
            case _:
                if not isinstance(writer, str):
                    self.find(writer)  # a fixed type may be defined here and cited later
                return shape


def _fields(schema: Mapping[str, Json]) -> Sequence[Mapping[str, Json]]:
    return cast(Sequence[Mapping[str, Json]], schema["fields"])
