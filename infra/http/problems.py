"""Errors over HTTP as RFC 9457 problem details; titles in Chinese or English by Accept-Language.

A problem is a JSON object of the media type `application/problem+json` with these members (RFC 9457 §3.1):

| member | value |
|---|---|
| `type` | a URN that never changes, `urn:edgeprint:problem:<name>`; programs branch on it, never on a text |
| `status` | the HTTP status again |
| `title` | what kind of problem it is, in the language of `Content-Language` |
| `detail` | what was expected and what was found, in English |
| `instance` | the path that was asked for |

A kind may add members of its own: `not-ready` has `reasons`, a list of {"check", "reason"}. A status without a kind
here has the type `about:blank` and the status' own phrase as title (RFC 9457 §4.2.1).

A complete real example, the answer to `GET /nothing` without Accept-Language:

    {"type": "urn:edgeprint:problem:not-found", "status": 404, "title": "There is nothing here",
    "detail": "expected a path of this API, found /nothing", "instance": "/nothing"}
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import Response

from domain.errors import Conflict, Invalid, LedgerError, NotFound, Rejected, Unavailable

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:edgeprint:problem:"
ACCEPT_LANGUAGE_CHARACTERS_MAX: Final = 500
_DETAIL_CHARACTERS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; the name ends its URN and never changes."""

    name: str
    status: int
    chinese: str
    english: str


BAD_REQUEST: Final = Kind("bad-request", 400, "请求无法理解", "The request cannot be understood")
REJECTED: Final = Kind("rejected", 403, "规则不允许", "A rule does not allow it")
NOT_FOUND: Final = Kind("not-found", 404, "此处没有内容", "There is nothing here")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "此处不接受该方法", "This place does not take that method")
CONFLICT: Final = Kind("conflict", 409, "他人已先写入", "Somebody else wrote first")
TOO_LARGE: Final = Kind("body-too-large", 413, "请求体过大", "The body is too large")
INVALID: Final = Kind("invalid", 422, "内容不成立", "The content is wrong")
INTERNAL: Final = Kind("internal-error", 500, "内部错误，这是程序缺陷", "An internal error; this is a bug")
NOT_READY: Final = Kind("not-ready", 503, "服务尚未就绪", "The service is not ready")
UNAVAILABLE: Final = Kind("unavailable", 503, "暂时不可用，请稍后再试", "It cannot be had at present; try again later")

KINDS: Final = (
    BAD_REQUEST,
    REJECTED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONFLICT,
    TOO_LARGE,
    INVALID,
    INTERNAL,
    NOT_READY,
    UNAVAILABLE,
)
_BY_STATUS: Final = {kind.status: kind for kind in (*KINDS[:-2], UNAVAILABLE)}
_BY_ERROR: Final = (
    (NotFound, NOT_FOUND),
    (Rejected, REJECTED),
    (Invalid, INVALID),
    (Conflict, CONFLICT),
    (Unavailable, UNAVAILABLE),
)


def problem(connection: HTTPConnection, kind: Kind, detail: str, **members: object) -> Response:
    """Return the answer that reports a problem of a kind; `members` are those that the kind adds."""
    chinese = prefers_chinese(connection.headers.get("accept-language", ""))
    title = kind.chinese if chinese else kind.english
    return _answer(connection, TYPE_PREFIX + kind.name, kind.status, title, detail, chinese, members)


def problem_of_status(connection: HTTPConnection, status: int, detail: str) -> Response:
    """Return the answer for an HTTP status that the framework chose."""
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return problem(connection, kind, detail)
    phrases = {known.value: known.phrase for known in HTTPStatus}
    return _answer(connection, "about:blank", status, phrases.get(status, ""), detail, False, {})


def problem_of_error(connection: HTTPConnection, error: LedgerError) -> Response:
    """Return the answer for one of our errors; the class decides, the text is the detail."""
    kind = next((kind for cls, kind in _BY_ERROR if isinstance(error, cls)), INTERNAL)
    return problem(connection, kind, str(error))


def prefers_chinese(accept_language: str) -> bool:
    """Return whether an Accept-Language header (RFC 9110 §12.5.4) asks for Chinese rather than English.

    Whatever is not understood is passed over; no preference means English.
    """
    weights = {"zh": 0.0, "en": 0.0, "*": 0.0}
    for part in accept_language[:ACCEPT_LANGUAGE_CHARACTERS_MAX].split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameter))
    return weights["zh"] > max(weights["en"], weights["*"])


def render_json(value: object) -> bytes:
    """Return a value as JSON in UTF-8; a lone surrogate, which UTF-8 cannot carry, stays a JSON escape."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _weight(parameter: str) -> float:
    """Return the quality value of a language range: 1 if none is given, 0 if it is none."""
    name, _, text = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(text) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


def _answer(
    connection: HTTPConnection,
    problem_type: str,
    status: int,
    title: str,
    detail: str,
    chinese: bool,
    members: dict[str, object],
) -> Response:
    body = {
        "type": problem_type,
        "status": status,
        "title": title,
        "detail": detail[:_DETAIL_CHARACTERS_MAX],
        "instance": quote(connection.url.path, errors="replace"),
    }
    headers = {"Content-Language": "zh" if chinese else "en", "Vary": "Accept-Language", "Cache-Control": "no-store"}
    return Response(render_json(body | members), status, headers, MEDIA_TYPE)
