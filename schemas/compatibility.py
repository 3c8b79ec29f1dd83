"""Compatibility of the versions of one schema: FULL_TRANSITIVE, every version against every other.

A later version may add fields at the end of a record, each with a default, and symbols at the end of an enum (readers
of an older version then see `unspecified`), and may word docs anew. Nothing is renamed, removed, moved or retyped, and
no default changes; a new meaning is a new event type. Bounds stand in docs and may only widen, so that whatever an
older version wrote is still valid.

A complete real example: version 2 of a record {"name": "a", "type": "long"} may read {"name": "a", "type": "long"},
{"name": "b", "type": ["null", "long"], "default": null}.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from domain.errors import Invalid
from schemas.avro import Json
from schemas.resolution import parse_bounds

_MISSING: Final = object()


def require_full_transitive(versions: Sequence[Mapping[str, Json]]) -> None:
    """Return if every later version is compatible with every earlier one; all have passed the linter.

    Raises:
        Invalid: some is not; the message names version, field and rule.
    """
    for later in range(1, len(versions)):
        found = incompatibilities(versions[:later], versions[later])
        if found:
            raise Invalid(f"version {later + 1} against {found[0]}")


def incompatibilities(versions: Sequence[Mapping[str, Json]], later: Mapping[str, Json]) -> list[str]:
    """Return what keeps `later` from following all of these versions, one text for each that it does not fit.

    A text is `version <number>: <field and rule>; ...` with at most ten differences. All have passed the linter.
    """
    found = []
    for number, earlier in enumerate(versions, start=1):
        differences = list(_Comparison(earlier, later).differences())
        if differences:
            found.append(f"version {number}: {'; '.join(differences[:10])}")
    return found


class _Comparison:
    """One walk over two schemas at a time; citations are looked up among the definitions seen so far."""

    def __init__(self, old: Mapping[str, Json], new: Mapping[str, Json]) -> None:
        self._old, self._new = old, new
        self._old_named: dict[str, Json] = {}
        self._new_named: dict[str, Json] = {}

    def differences(self) -> Iterator[str]:
        yield from self._type(cast(Json, self._old), cast(Json, self._new), cast(str, self._old["name"]))

    def _type(self, old: Json, new: Json, where: str) -> Iterator[str]:
        old, new = _resolved(old, self._old_named), _resolved(new, self._new_named)
        if isinstance(old, list) and isinstance(new, list):
            yield from self._type(old[1], new[1], where)
            return
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield f"{where}: expected the type {_shown(old)}, found {_shown(new)}"
            return
        if old["type"] != new["type"] or old.get("name") != new.get("name") or old.get("size") != new.get("size"):
            yield f"{where}: expected the type {_shown(old)}, found {_shown(new)}"
            return
        match old["type"]:
            case "array":
                yield from self._type(old["items"], new["items"], f"{where}[]")
            case "enum":
                before, after = cast(list[str], old["symbols"]), cast(list[str], new["symbols"])
                if after[: len(before)] != before:
                    yield f"{where}: expected the symbols of {old['name']} to stay, new ones at the end"
            case "record":
                yield from self._record(old, new)

    def _record(self, old: dict[str, Json], new: dict[str, Json]) -> Iterator[str]:
        name = cast(str, old["name"])
        before, after = cast(list[dict[str, Json]], old["fields"]), cast(list[dict[str, Json]], new["fields"])
        if len(after) < len(before):
            yield f"{name}: expected no field to go, found {before[len(after)]['name']} gone"
        for was, now in zip(before, after, strict=False):
            where = f"{name}.{was['name']}"
            if was["name"] != now["name"]:
                yield f"{where}: expected the field to stay in its place, found {now['name']}"
                continue
            if was.get("default", _MISSING) != now.get("default", _MISSING):
                yield f"{where}: expected the default to stay"
            if not _widens(cast(str, was["doc"]), cast(str, now["doc"])):
                yield f"{where}: expected bounds to stay or to widen"
            yield from self._type(was["type"], now["type"], where)
        for added in after[len(before) :]:
            _collect(added["type"], self._new_named)
            if "default" not in added:
                yield f"{name}.{added['name']}: expected a default for a new field"


def _resolved(schema: Json, named: dict[str, Json]) -> Json:
    if isinstance(schema, str):
        return named.get(schema, schema)
    if isinstance(schema, dict) and "name" in schema:
        named[cast(str, schema["name"])] = schema
    return schema


def _collect(schema: Json, named: dict[str, Json]) -> None:
    """Remember the named types that a new field defines, since later fields may cite them."""
    match _resolved(schema, named):
        case [_, inner]:
            _collect(inner, named)
        case {"type": "array", "items": items}:
            _collect(cast(Json, items), named)
        case {"type": "record", "fields": list(fields)}:
            for field in cast(list[dict[str, Json]], fields):
                _collect(field["type"], named)


def _widens(old: str, new: str) -> bool:
    try:
        (old_low, old_high), (new_low, new_high) = parse_bounds(old), parse_bounds(new)
    except ValueError:  # bounds of thousands of digits, which Python does not read; ours have 64 bits
        return False
    lower = new_low is None or (old_low is not None and new_low <= old_low)
    return lower and (new_high is None or (old_high is not None and new_high >= old_high))


def _shown(schema: Json) -> str:
    if isinstance(schema, dict):
        return f"{schema['type']} {schema.get('name', '')}".strip()
    return "union" if isinstance(schema, list) else str(schema)
