"""Commands as JSON: the schema, the way from and to bytes, and everything that is refused."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated as A
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from domain.command import Command, command
from domain.errors import Invalid
from domain.events import Doc, Sha256, value
from domain.governance.events import Role
from domain.governance.party import AssignRole, GrantMandate
from domain.ids import ObjectId, PartyId
from schemas.requests import REQUEST_BYTES_MAX, parse_request, render_request, request_schema
from tests.governance_kit import LATER, PREFIX, identifier

PARTY = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"))


class Colour(StrEnum):
    UNSPECIFIED = "unspecified"
    RED = "red"
    BLUE = "blue"


@value
class Part:
    """A part."""

    name: A[str, Doc("its name", low=1, high=5)]
    of: A[ObjectId | None, Doc("what it is part of")] = None


@command("sample")
class Sample(Command):
    """Every type that a command may hold."""

    count: A[int, Doc("how many", low=1, high=9)]
    wide: A[int, Doc("any integer")]
    sure: A[bool, Doc("whether")]
    colour: A[Colour, Doc("which")]
    digest: A[Sha256, Doc("of what")]
    when: A[datetime, Doc("when")]
    any_id: A[UUID, Doc("a plain one")]
    parts: A[tuple[Part, ...], Doc("parts", low=1, high=2)]
    note: A[str | None, Doc("free", high=3)] = None
    tags: A[tuple[str, ...], Doc("tags")] = ()


FULL: dict[str, Any] = {
    "count": 3,
    "wide": -5,
    "sure": True,
    "colour": "red",
    "digest": "ab" * 32,
    "when": "2026-11-25T09:30:00.25Z",
    "any_id": str(PARTY),
    "parts": [{"name": "arm"}, {"name": "leg", "of": "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9"}],
    "note": "yes",
    "tags": ["a", "b"],
}
SCHEMA = jsonschema.Draft202012Validator(request_schema(Sample))


def parse(document: Any) -> Sample:
    return parse_request(Sample, json.dumps(document).encode(), PREFIX)


def test_what_is_written_is_read_back() -> None:
    made = parse(FULL)
    assert made.when == datetime(2026, 11, 25, 9, 30, 0, 250_000, tzinfo=UTC)
    assert made.parts == (Part(name="arm"), Part(name="leg", of=ObjectId(PARTY)))
    assert (made.colour, made.digest, made.tags) == (Colour.RED, b"\xab" * 32, ("a", "b"))
    assert render_request(made, PREFIX) == {**FULL, "when": "2026-11-25T09:30:00.250000Z"}
    assert parse(render_request(made, PREFIX)) == made
    SCHEMA.validate(FULL)


def test_what_may_be_left_away_is() -> None:
    short = {name: part for name, part in FULL.items() if name not in ("note", "tags")}
    made = parse(short)
    assert (made.note, made.tags) == (None, ())
    assert set(render_request(made, PREFIX)) == set(short)
    SCHEMA.validate(short)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"count": 0}, "sample.count: expected an integer of 1 to 9, found 0"),
        ({"count": 10}, "1 to 9, found 10"),
        ({"count": "3"}, 'sample.count: expected an integer, found "3"'),
        ({"count": True}, "expected an integer, found true"),
        ({"count": None}, "expected an integer, found null"),
        ({"sure": 1}, "sample.sure: expected true or false, found 1"),
        ({"colour": "green"}, "sample.colour: expected one of red, blue, found"),
        ({"colour": "unspecified"}, "expected one of red, blue"),
        ({"colour": 1}, "expected a string"),
        ({"digest": "AB" * 32}, "sample.digest: expected 64 lower-case hex"),
        ({"digest": "ab" * 31}, "expected 64 lower-case hex"),
        ({"when": "2026-11-25T09:30:00+00:00"}, "sample.when: expected an instant such as"),
        ({"when": "2026-13-25T09:30:00Z"}, "expected an instant such as"),
        ({"when": "2026-11-25 09:30:00Z"}, "expected an instant such as"),
        ({"any_id": str(PARTY).upper()}, "sample.any_id: expected a lower-case hyphenated UUID"),
        ({"parts": []}, "sample.parts: expected 1 to 2 items, found 0"),
        ({"parts": [{"name": "arm"}] * 3}, "1 to 2 items, found 3"),
        ({"parts": {}}, "sample.parts: expected an array"),
        ({"parts": ["arm"]}, r"sample.parts\[0\]: expected an object"),
        ({"parts": [{"name": ""}]}, r"sample.parts\[0\].name: expected 1 to 5 characters"),
        ({"parts": [{"name": "arm", "x": 1}]}, r"sample.parts\[0\]: expected members of name, of, found"),
        ({"parts": [{}]}, r"sample.parts\[0\]: expected the member name, found none"),
        ({"parts": [{"name": "a", "of": "10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-9"}]}, r"sample.parts\[0\].of: "),
        ({"note": "long"}, "sample.note: expected 0 to 3 characters, found 4"),
        ({"note": 3}, "sample.note: expected a string"),
        ({"tags": [3]}, r"sample.tags\[0\]: expected a string"),
        ({"more": 1}, "sample: expected members of count, wide.*found .more."),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused_and_named(change: dict[str, Any], why: str) -> None:
    document = {**FULL, **change}
    with pytest.raises(Invalid, match=why):
        parse(document)
    if change.keys() != {"when"}:  # a schema's pattern knows no calendar
        assert not SCHEMA.is_valid(document) or "of" in json.dumps(change)


@pytest.mark.parametrize("name", [name for name in FULL if name not in ("note", "tags")])
def test_every_member_without_a_default_is_needed(name: str) -> None:
    document = {other: part for other, part in FULL.items() if other != name}
    with pytest.raises(Invalid, match=f"sample: expected the member {name}, found none"):
        parse(document)
    assert not SCHEMA.is_valid(document)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"count": 1, "count": 2}', b"\xff", b"null", b"{}" + b" " * REQUEST_BYTES_MAX]
)
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid, match="sample"):
        parse_request(Sample, text, PREFIX)


def test_an_identifier_is_of_this_ledger_and_of_its_kind() -> None:
    name = identifier(PARTY)
    assert parse_request(AssignRole, json.dumps({"party": name, "role": "clerk"}).encode(), PREFIX) == AssignRole(
        party=PARTY, role=Role.CLERK
    )
    for wrong in (name.replace("10.5072", "10.9999"), name.replace("/P.", "/O."), name[:-1] + "?", "x"):
        with pytest.raises(Invalid, match=r"assign-role\.party: "):
            parse_request(AssignRole, json.dumps({"party": wrong, "role": "clerk"}).encode(), PREFIX)


def test_a_lower_case_identifier_is_read_and_written_in_upper_case() -> None:
    document = {"party": identifier(PARTY).lower(), "actions": ["enrol-party"], "until": "2027-11-25T00:00:00Z"}
    made = parse_request(GrantMandate, json.dumps(document).encode(), PREFIX)
    assert made == GrantMandate(party=PARTY, actions=("enrol-party",), until=LATER)
    assert render_request(made, PREFIX) == {**document, "party": identifier(PARTY)}


def test_a_command_is_closed_frozen_and_keyword_only() -> None:
    with pytest.raises(TypeError):
        AssignRole(PARTY, Role.CLERK)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        AssignRole(party=PARTY, role=Role.CLERK).role = Role.ADMIN  # type: ignore[misc]
    assert AssignRole.NAME == "assign-role"


def test_a_field_without_a_meaning_is_refused() -> None:
    @command("bare")
    class Bare(Command):
        """No field says what it means."""

        count: int

    with pytest.raises(Invalid, match="expected Annotated"):
        request_schema(Bare)
