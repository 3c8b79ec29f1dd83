"""The forms of Confluent's schema registry API that stock clients parse: media type, error bodies, versions, requests.

Errors are {"error_code": <number>, "message": <text>}; a code of five digits begins with its HTTP status. Those given
here, with Confluent's meaning: 40401 no such subject, 40402 no such version, 40403 no such schema, 42201 not a schema,
42202 not a version, 42205 not permitted (the registry is read-only), 42209 schema too large, 50001 it broke.

A complete real example: the answer to `GET /subjects/nothing/versions` is 404 with the body
{"error_code": 40401, "message": "Subject 'nothing' not found."}.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from fastapi import HTTPException
from starlette.responses import Response

from domain.errors import Invalid
from infra.http.problems import render_json
from schemas.avro import SCHEMA_BYTES_MAX, Json, schema_text

MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
SCHEMA_TYPE: Final = "AVRO"
READ_ONLY: Final = 42205
_MESSAGE_CHARACTERS_MAX: Final = 4_000
_SHOWN_CHARACTERS_MAX: Final = 200
_PATHS: Final = frozenset({"subjects", "schemas", "config", "mode", "contexts", "associations", "compatibility"})
_DEFAULT_CONTEXT: Final = ":.:"
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}\Z", re.ASCII)
_VERSION_MAX: Final = (1 << 31) - 1
_LATEST: Final = frozenset({"latest", "-1"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as Confluent's clients know it."""

    code: int
    message: str

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.code // 100 if self.code >= 1000 else self.code


def is_registry_path(path: str) -> bool:
    """Return whether a path belongs to the registry, served or not."""
    first, _, _ = path.removeprefix("/").partition("/")
    return first in _PATHS


def answer(value: object, *, immutable: bool = False) -> Response:
    """Return a JSON answer; `immutable` for what a digest names, which caches may keep for ever."""
    return _response(render_json(value), 200, immutable)


def answer_text(text: bytes, *, immutable: bool = False) -> Response:
    """Return a schema's exact text as the answer."""
    return _response(text, 200, immutable)


def render_fault(fault: Fault) -> Response:
    """Return the answer that reports an error."""
    body = {"error_code": fault.code, "message": fault.message[:_MESSAGE_CHARACTERS_MAX]}
    return _response(render_json(body), fault.status, False)


def fault(code: int, message: str) -> HTTPException:
    """Return the exception by which a route ends with an error of this form."""
    made = Fault(code, message)
    return HTTPException(made.status, made)


def read_only(what: str) -> Fault:
    """Return the error for anything that would write."""
    return Fault(
        READ_ONLY,
        f"{what[:_SHOWN_CHARACTERS_MAX]}: expected a read, found a write; this registry is read-only: its schemas are "
        "generated from the event classes of edgeprint and published with its releases",
    )


def shown(text: str) -> str:
    """Return as much of a client's text as an error may repeat."""
    return text[:_SHOWN_CHARACTERS_MAX]


def plain_subject(subject: str) -> str:
    """Return a subject without the prefix of the default context, the only one there is."""
    return subject.removeprefix(_DEFAULT_CONTEXT)


def pick_version(versions: Sequence[_T], text: str) -> tuple[int, _T]:
    """Return the version that a path names, `latest` or counted from 1, and its number.

    Raises:
        HTTPException: not a version (42202), or one that there is not (40402).
    """
    if text.lower() in _LATEST:
        return len(versions), versions[-1]
    if not _VERSION.match(text) or int(text) > _VERSION_MAX:
        raise fault(
            42202,
            f"The specified version '{shown(text)}' is not a valid version id. Allowed values are between "
            '[1, 2^31-1] and the string "latest"',
        )
    if int(text) > len(versions):
        raise fault(40402, f"Version {text} not found.")
    return int(text), versions[int(text) - 1]


def page(values: Sequence[_T], offset: str, limit: str) -> Sequence[_T]:
    """Return a page of a list; an offset or limit that is no natural number counts as none, as does a negative one."""
    start = int(offset) if _is_natural(offset) else 0
    return values[start : start + int(limit)] if _is_natural(limit) else values[start:]


def is_true(text: str) -> bool:
    """Return whether a query parameter says true, in any case."""
    return text.lower() == "true"


def parse_schema_request(body: bytes) -> tuple[dict[str, Json], bytes]:
    """Return the schema of a request {"schema": text, "schemaType": "AVRO"}, and its RFC 8785 form.

    Members that clients send with it (metadata, ruleSet, id, version) say nothing about what the schema is.

    Raises:
        HTTPException: not such a request (400), no Avro record schema (42201), or longer than any of ours (42209).
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise fault(400, f"expected a request in JSON, found {shown(str(err))}") from err
    if not isinstance(request, dict):
        raise fault(400, f"expected a JSON object with a schema, found {type(request).__name__}")
    kind, text = request.get("schemaType") or SCHEMA_TYPE, request.get("schema")
    if kind != SCHEMA_TYPE:
        raise fault(42201, f"expected the schema type {SCHEMA_TYPE}, found {shown(str(kind))}")
    if request.get("references"):
        raise fault(42201, "expected a schema that is complete in itself, found references")
    if not isinstance(text, str):
        raise fault(42201, "expected a schema as text, found none")
    return _parse_schema_text(text)


def _parse_schema_text(text: str) -> tuple[dict[str, Json], bytes]:
    if len(text) > SCHEMA_BYTES_MAX:
        raise fault(42209, f"expected a schema of at most {SCHEMA_BYTES_MAX} bytes, found {len(text)} characters")
    try:
        schema = json.loads(text)
        if not isinstance(schema, dict):
            raise fault(42201, f"expected the schema of a record, found {type(schema).__name__}")
        canonical = schema_text(schema)
    except (ValueError, RecursionError) as err:
        raise fault(42201, f"expected a schema in JSON, found {shown(str(err))}") from err
    except Invalid as err:
        raise fault(42201, str(err)) from err
    return schema, canonical


def _is_natural(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _response(body: bytes, status: int, immutable: bool) -> Response:
    kept = "public, max-age=31536000, immutable" if immutable else "no-cache"
    return Response(body, status, {"Cache-Control": kept}, MEDIA_TYPE)
