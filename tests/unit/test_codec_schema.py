"""Schema text, shapes, the linter and the compatibility rules: each rule has a test in which it is broken."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from hashlib import sha256
from typing import Annotated as A
from typing import Any, NewType
from uuid import UUID

import fastavro
import pytest
import rfc8785

from domain.errors import Invalid
from domain.events import Doc, Event, Sha256, fact, value
from domain.ids import PartyId
from schemas.avro import (
    envelope_schema,
    event_schema,
    parse_schema,
    registry_guid,
    registry_id,
    schema_digest,
)
from schemas.compatibility import require_full_transitive
from schemas.lint import lint
from schemas.shapes import describe
from tests.codec_support import CATALOGUE, Part, Probed, Sampled, Verdict

Commitment = NewType("Commitment", Sha256)
Words = NewType("Words", str)


def event_of(annotation: Any, default: Any = ..., docstring: str = "An event.", version: int = 1) -> type[Event]:
    """Return an event class with one field of the annotation."""
    body: dict[str, Any] = {"__annotations__": {"field": annotation}, "__doc__": docstring}
    if default is not ...:
        body["field"] = default
    return fact("edgeprint.production.Made", stream="J", version=version)(type("Made", (Event,), body))


def field_type(annotation: Any) -> Any:
    schema: Any = event_schema(describe(event_of(annotation)))
    return schema["fields"][1]


def test_the_text_is_jcs_that_fastavro_parses_and_the_digest_is_of_its_bytes() -> None:
    for schema in CATALOGUE.by_type.values():
        parsed = json.loads(schema.text)
        assert rfc8785.dumps(parsed) == schema.text
        assert not schema.text.endswith(b"\n")
        assert sha256(schema.text).digest() == schema.sha256
        fastavro.parse_schema(parsed)
        assert parsed["fields"][0]["name"] == "envelope"
        assert parsed["fields"][0]["type"]["fields"][0]["name"] == "schema_sha256"
        for word in (b'"namespace"', b'"aliases"', b'"logicalType"', b'"order"'):
            assert word not in schema.text


def test_named_types_are_defined_at_first_use_and_cited_afterwards() -> None:
    text = CATALOGUE.by_class[Sampled].text.decode()
    for name in ("edgeprint.Uuid", "edgeprint.Sha256", "edgeprint.production.Verdict", "edgeprint.production.Part"):
        assert text.count(f'"name":"{name}"') == 1
        first = text.index(f'"{name}"')
        assert text[first - 7 : first] == '"name":'
    assert text.count('"edgeprint.production.Part"') == 3


def test_types_and_docs_map_as_the_format_says() -> None:
    assert field_type(A[int, Doc("n")]) == {"name": "field", "doc": "n", "type": "long"}
    assert field_type(A[int, Doc("n", low=1, high=9)])["doc"] == "n [1..9]"
    assert field_type(A[int, Doc("n", low=1)])["doc"] == "n [1..]"
    assert field_type(A[int | None, Doc("n", high=1)])["doc"] == "n [..1]"
    assert field_type(A[str, Doc("n", high=9)]) == {"name": "field", "doc": "n [0..9]", "type": "string"}
    assert field_type(A[Words, Doc("n")])["type"] == "string"
    assert field_type(A[bool, Doc("n")])["type"] == "boolean"
    assert field_type(A[UUID, Doc("n")])["type"] == field_type(A[PartyId, Doc("n")])["type"] == "edgeprint.Uuid"
    assert field_type(A[Commitment, Doc("n")])["type"] == "edgeprint.Sha256"
    assert field_type(A[tuple[int, ...], Doc("n", high=2)]) == {
        "name": "field",
        "doc": "n [0..2]",
        "type": {"type": "array", "items": "long"},
    }
    assert field_type(A[int | None, Doc("n")]) == {
        "name": "field",
        "doc": "n",
        "default": None,
        "type": ["null", "long"],
    }
    assert field_type(A[Verdict, Doc("n")])["type"] == {
        "type": "enum",
        "name": "edgeprint.production.Verdict",
        "doc": "How a try ended.",
        "symbols": ["unspecified", "succeeded", "failed"],
        "default": "unspecified",
    }
    functional = StrEnum("functional", ["UNSPECIFIED", "ONE"])
    assert "doc" not in field_type(A[functional, Doc("n")])["type"]
    assert field_type(A[Part, Doc("n")])["type"]["doc"] == "One part of a sample."


def test_a_docstring_is_cleaned() -> None:
    made = describe(event_of(A[int, Doc("n")], docstring="First line.\n\n        Second paragraph.\n    "))
    assert made.doc == "First line.\n\nSecond paragraph."


@value
class Undocumented:
    size: A[int, Doc("n")]


@dataclass(slots=True)
class Mutable:
    """Not frozen."""

    size: A[int, Doc("n")]


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (int, r"expected Annotated\[type, Doc"),
        (A[int, "words"], r"expected Annotated\[type, Doc"),
        (A[float, Doc("n")], "expected a type that events may hold"),
        (A[Decimal, Doc("n")], "expected a type that events may hold"),
        (A[bytes, Doc("n")], "expected a type that events may hold"),
        (A[NewType("Raw", bytes), Doc("n")], "expected a type that events may hold"),
        (A[dict[str, int], Doc("n")], "expected a type that events may hold"),
        (A[list[int], Doc("n")], "expected a type that events may hold"),
        (A[Enum("Loose", ["UNSPECIFIED"]), Doc("n")], "expected a type that events may hold"),
        (A[tuple[int, int], Doc("n")], r"expected tuple\[T, ...\]"),
        (A[int | str, Doc("n")], r"expected T \| None as the only union"),
        (A[int | str | None, Doc("n")], r"expected T \| None as the only union"),
        (A[Mutable, Doc("n")], "expected a frozen dataclass, found Mutable"),
        (A[Undocumented, Doc("n")], "expected a docstring"),
        (A[bool, Doc("n", low=0)], "expected bounds on int, str or tuple only"),
        (A[str, Doc("n", low=-1)], "expected bounds of a length in rising order"),
        (A[str, Doc("n", low=2, high=1)], "expected bounds of a length in rising order"),
        (A[int, Doc("n", low=2, high=1)], "expected bounds within 64 bits in rising order"),
        (A[int, Doc("n", high=1 << 63)], "expected bounds within 64 bits in rising order"),
        (A[int, Doc("n [1..2]")], "expected a doc that does not end like bounds"),
    ],
)
def test_a_field_without_a_shape_is_refused(annotation: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        event_schema(describe(event_of(annotation)))


def test_a_default_waits_for_version_2_and_must_fit() -> None:
    with pytest.raises(Invalid, match="expected no default in version 1, found 3"):
        describe(event_of(A[int, Doc("n")], default=3))
    schema: Any = event_schema(describe(event_of(A[int, Doc("n")], default=3, version=2)))
    assert schema["fields"][1]["default"] == 3
    for annotation, default in ((int, True), (str, 3), (UUID, UUID(int=0)), (tuple[int, ...], (1,)), (int | None, 0)):
        with pytest.raises(Invalid, match="expected a default that its type can hold"):
            event_schema(describe(event_of(A[annotation, Doc("n")], default=default, version=2)))


@pytest.mark.parametrize("name", ["edgeprint.Made", "edgeprint.production.Other", "other.production.Made", "Made"])
def test_a_wrong_type_name_is_refused(name: str) -> None:
    cls: type[Event] = fact(name, stream="J")(type("Made", (Event,), {"__doc__": "An event."}))
    with pytest.raises(Invalid, match=r"expected the type name edgeprint\.<context>\.Made"):
        describe(cls)


def test_the_name_envelope_is_taken() -> None:
    body = {"__annotations__": {"envelope": A[int, Doc("n")]}, "__doc__": "An event."}
    with pytest.raises(Invalid, match="expected another field name than envelope"):
        describe(fact("edgeprint.production.Made", stream="J")(type("Made", (Event,), body)))


def test_nesting_beyond_eight_levels_is_refused() -> None:
    deep: Any = int
    for _ in range(7):
        deep = tuple[deep, ...]
    lint(event_schema(describe(event_of(A[deep, Doc("n")]))))
    with pytest.raises(Invalid, match="expected at most 8 levels"):
        describe(event_of(A[tuple[deep, ...], Doc("n")]))


def test_registry_ids_come_from_the_digest() -> None:
    digest = bytes.fromhex("ffffffff000102030405060708090a0b") + bytes(16)
    assert registry_id(digest) == 0x7FFFFFFF
    assert registry_guid(digest).hex == "ffffffff000102030405060708090a0b"
    assert schema_digest(b"") == sha256(b"").digest()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'"long"',
        b'{"type":"enum"}',
        b'{"type": "record"}',
        b'{"type":"record"}\n',
        b'{"a":1,"a":1,"type":"record"}',
        b'{"type":"record","x":1e999}',
        b"\xff",
        b"[" * 60_000,
        b" " * 60_001,
    ],
)
def test_what_is_not_a_schema_text_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parse_schema(text)


def probed_schema() -> dict[str, Any]:
    return deepcopy(event_schema(describe(Probed)))


def own(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(field for field in schema["fields"] if field["name"] == name)
    return found


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": f"edgeprint.production.{name}", "doc": "A record.", "fields": list(fields)}


def nested(levels: int) -> Any:
    made: Any = "long"
    for _ in range(levels):
        made = {"type": "array", "items": made}
    return made


def test_our_schemas_pass_the_linter() -> None:
    lint(envelope_schema())
    for schema in CATALOGUE.by_type.values():
        lint(json.loads(schema.text))


FIELD = {"name": "field", "doc": "a field", "type": "long"}
SET: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "map": (lambda s: own(s, "attempt").update(type={"type": "map", "values": "long"}), "found map"),
    "float": (lambda s: own(s, "attempt").update(type="float"), "found float"),
    "double": (lambda s: own(s, "attempt").update(type="double"), "found double"),
    "int": (lambda s: own(s, "attempt").update(type="int"), "found int"),
    "bytes": (lambda s: own(s, "attempt").update(type="bytes"), "found bytes"),
    "no type": (lambda s: own(s, "attempt").update(type=None), "expected a type, found None"),
    "union of two": (lambda s: own(s, "note").update(type=["long", "string"]), "as the only union"),
    "union, null last": (lambda s: own(s, "note").update(type=["string", "null"]), "as the only union"),
    "union of three": (lambda s: own(s, "note").update(type=["null", "long", "string"]), "as the only union"),
    "union of null": (lambda s: own(s, "note").update(type=["null", "null"]), "as the only union"),
    "union in union": (lambda s: own(s, "note").update(type=["null", ["null", "long"]]), "as the only union"),
    "union without default": (lambda s: own(s, "note").pop("default"), "expected the default null"),
    "union, other default": (lambda s: own(s, "note").update(default="x"), "expected the default null"),
    "unknown name": (lambda s: own(s, "attempt").update(type="edgeprint.production.Gone"), "defined before"),
    "no field doc": (lambda s: own(s, "attempt").pop("doc"), "expected a doc"),
    "blank field doc": (lambda s: own(s, "attempt").update(doc=" "), "expected a doc"),
    "no record doc": (lambda s: s.pop("doc"), "expected a doc"),
    "upper-case field": (lambda s: own(s, "attempt").update(name="Attempt"), "expected a lower-case name"),
    "field ending in _": (lambda s: own(s, "attempt").update(name="attempt_"), "expected a lower-case name"),
    "field twice": (lambda s: s["fields"].append(deepcopy(own(s, "attempt"))), "expected one field of this name"),
    "nameless field": (lambda s: s["fields"].append({"type": "long"}), "expected fields with names"),
    "no fields": (lambda s: s.update(fields=None), "expected a list of fields"),
    "namespace": (lambda s: s.update(namespace="x"), "expected no attribute namespace"),
    "aliases": (lambda s: own(s, "attempt").update(aliases=["x"]), "expected no attribute aliases"),
    "order": (lambda s: own(s, "attempt").update(order="ignore"), "expected no attribute order"),
    "logicalType": (
        lambda s: own(s, "tags")["type"].update(logicalType="list"),
        "expected no attribute logicalType",
    ),
    "foreign name": (lambda s: s.update(name="other.production.Probed"), "expected a full name"),
    "not a record": (lambda s: [s.pop(key) for key in tuple(s)], "expected a record"),
    "envelope not first": (lambda s: s["fields"].reverse(), "expected envelope as the first field"),
    "envelope of another type": (lambda s: s["fields"][0].update(type="long"), "expected edgeprint.Envelope"),
    "no schema_sha256": (lambda s: s["fields"][0]["type"]["fields"].pop(0), "expected schema_sha256 as the first"),
    "enum, other first": (
        lambda s: own(s, "verdict")["type"].update(symbols=["succeeded", "unspecified"]),
        "expected unspecified as symbol 0",
    ),
    "enum, no default": (lambda s: own(s, "verdict")["type"].pop("default"), "expected the attribute default"),
    "enum, other default": (
        lambda s: own(s, "verdict")["type"].update(default="failed"),
        "expected unspecified as symbol 0 and as the default",
    ),
    "enum, upper case": (
        lambda s: own(s, "verdict")["type"].update(symbols=["unspecified", "FAILED"]),
        "expected lower-case symbols, found FAILED",
    ),
    "enum, symbol twice": (
        lambda s: own(s, "verdict")["type"].update(symbols=["unspecified", "a", "a"]),
        "different symbols",
    ),
    "enum, one symbol": (lambda s: own(s, "verdict")["type"].update(symbols=["unspecified"]), "expected 2 to 64"),
    "enum, no list": (lambda s: own(s, "verdict")["type"].update(symbols="ab"), "expected a list of symbols"),
    "other fixed": (
        lambda s: own(s, "attempt").update(type={"type": "fixed", "name": "edgeprint.Md5", "size": 16}),
        "expected edgeprint.Uuid of 16",
    ),
    "name defined twice": (
        lambda s: own(s, "attempt").update(type={"type": "fixed", "name": "edgeprint.Uuid", "size": 16}),
        "expected one definition of edgeprint.Uuid",
    ),
    "array of null": (
        lambda s: own(s, "tags").update(type={"type": "array", "items": "null"}),
        "expected items of at least one byte",
    ),
    "array of empty records": (
        lambda s: own(s, "tags").update(type={"type": "array", "items": record("Void")}),
        "expected items of at least one byte",
    ),
    "array of records of empty records": (
        lambda s: own(s, "tags").update(
            type={"type": "array", "items": record("Outer", {"name": "v", "doc": "v", "type": record("Void")})}
        ),
        "expected items of at least one byte",
    ),
    "recursion": (
        lambda s: own(s, "attempt").update(
            type=record(
                "Link", {"name": "n", "doc": "n", "default": None, "type": ["null", "edgeprint.production.Link"]}
            )
        ),
        "expected no recursion",
    ),
    "depth 9": (lambda s: own(s, "tags").update(type=nested(8)), "expected at most 8 levels"),
    "depth 900": (lambda s: own(s, "tags").update(type=nested(300)), "expected at most 8 levels"),
}


@pytest.mark.parametrize("rule", SET)
def test_the_linter_finds_the_broken_rule(rule: str) -> None:
    schema = probed_schema()
    lint(schema)
    change, said = SET[rule]
    change(schema)
    with pytest.raises(Invalid, match=said):
        lint(schema)


def test_the_linter_allows_depth_8() -> None:
    schema = probed_schema()
    own(schema, "tags")["type"] = nested(7)
    lint(schema)


ADDED = {"name": "more", "doc": "more", "type": "long", "default": 0}
ALLOWED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda s: None,
    "field at the end with a default": lambda s: s["fields"].append(ADDED),
    "nullable field at the end": lambda s: s["fields"].append(ADDED | {"type": ["null", "long"], "default": None}),
    "symbol at the end": lambda s: own(s, "verdict")["type"]["symbols"].append("expired"),
    "another doc": lambda s: own(s, "attempt").update(doc="worded anew [0..20]"),
    "envelope grown": lambda s: s["fields"][0]["type"]["fields"].append(ADDED),
}
FORBIDDEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "field gone": (lambda s: s["fields"].pop(), "expected no field to go, found tags gone"),
    "field renamed": (lambda s: own(s, "attempt").update(name="try"), "expected the field to stay in its place"),
    "field moved": (lambda s: s["fields"].insert(2, s["fields"].pop()), "expected the field to stay in its place"),
    "field inserted": (lambda s: s["fields"].insert(1, ADDED), "expected the field to stay in its place"),
    "retyped": (lambda s: own(s, "attempt").update(type="string"), "expected the type long, found string"),
    "made nullable": (lambda s: own(s, "flag").update(type=["null", "boolean"]), "expected the type boolean"),
    "items retyped": (lambda s: own(s, "tags")["type"].update(items="string"), r"tags\[\]: expected the type long"),
    "no default": (lambda s: s["fields"].append({**FIELD}), "expected a default for a new field"),
    "default given": (lambda s: own(s, "flag").update(default=True), "expected the default to stay"),
    "symbol gone": (lambda s: own(s, "verdict")["type"]["symbols"].pop(), "expected the symbols"),
    "symbol inserted": (lambda s: own(s, "verdict")["type"]["symbols"].insert(1, "x"), "expected the symbols"),
    "enum renamed": (
        lambda s: own(s, "verdict")["type"].update(name="edgeprint.production.Other"),
        "expected the type enum edgeprint.production.Verdict",
    ),
    "bounds narrowed": (lambda s: own(s, "attempt").update(doc="n [1..9]"), "expected bounds to stay or to widen"),
    "bounds new": (lambda s: own(s, "tags").update(doc="n [..9]"), "expected bounds to stay or to widen"),
}


def with_bounds() -> dict[str, Any]:
    schema = probed_schema()
    own(schema, "attempt")["doc"] = "a number [0..10]"
    return schema


@pytest.mark.parametrize("change", ALLOWED)
def test_a_compatible_change_passes(change: str) -> None:
    old, new = with_bounds(), with_bounds()
    ALLOWED[change](new)
    require_full_transitive([old, new])


@pytest.mark.parametrize("change", FORBIDDEN)
def test_an_incompatible_change_is_refused(change: str) -> None:
    old, new = with_bounds(), with_bounds()
    alter, said = FORBIDDEN[change]
    alter(new)
    with pytest.raises(Invalid, match=f"version 2 against version 1: .*{said}"):
        require_full_transitive([old, new])


def test_every_pair_of_versions_is_compared() -> None:
    first, second, third = with_bounds(), with_bounds(), with_bounds()
    own(second, "verdict")["type"]["symbols"].append("expired")
    own(third, "verdict")["type"]["symbols"].append("lost")
    with pytest.raises(Invalid, match="version 3 against version 2"):
        require_full_transitive([first, second, third])
