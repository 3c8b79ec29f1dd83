"""The HTTP app without a socket: problems, languages, body limit, readiness, versions of a subject."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from domain.errors import Conflict, Invalid, LedgerError, NotFound, Rejected, Unavailable
from infra.http.app import BODY_BYTES_MAX, make_app
from infra.http.confluent import is_registry_path, page, parse_schema_request, pick_version
from infra.http.health import Check
from infra.http.problems import KINDS, TYPE_PREFIX, prefers_chinese
from infra.settings import read_settings
from schemas.catalogue import CATALOGUE
from tests.http_kit import Answer, call, call_crashing, call_in_pieces
from tests.unit.test_codec_versions import NEW

APP = make_app(CATALOGUE)
GROWN = "edgeprint.production.Grown"


def failing(error: BaseException) -> Any:
    def check() -> str | None:
        raise error

    return check


# ---- problems


def assert_problem(answer: Answer, name: str, status: int) -> Any:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["vary"] == "Accept-Language"
    body = answer.json
    assert (body["type"], body["status"]) == (TYPE_PREFIX + name, status)
    assert {"title", "detail", "instance"} <= set(body)
    return body


def test_an_unknown_path_is_a_problem_in_the_readers_language() -> None:
    body = assert_problem(call(APP, "GET", "/nothing"), "not-found", 404)
    assert body == {
        "type": "urn:edgeprint:problem:not-found",
        "status": 404,
        "title": "There is nothing here",
        "detail": "expected a path of this API, found /nothing",
        "instance": "/nothing",
    }
    answer = call(APP, "GET", "/夜景", accept_language="zh-CN,zh;q=0.9,en;q=0.8")
    body = assert_problem(answer, "not-found", 404)
    assert (body["title"], answer.headers["content-language"]) == ("此处没有内容", "zh")
    assert body["instance"] == "/%E5%A4%9C%E6%99%AF"


def test_a_method_that_is_not_taken_is_a_problem() -> None:
    answer = call(APP, "DELETE", "/healthz")
    assert_problem(answer, "method-not-allowed", 405)
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("error", "name", "status"),
    [
        (NotFound("no such thing"), "not-found", 404),
        (Rejected("a rule"), "rejected", 403),
        (Invalid("expected this, found that"), "invalid", 422),
        (Conflict("somebody"), "conflict", 409),
        (Unavailable("database"), "unavailable", 503),
        (LedgerError("other"), "internal-error", 500),
    ],
)
def test_our_errors_are_problems(error: LedgerError, name: str, status: int) -> None:
    app = make_app(CATALOGUE)

    @app.get("/raise")
    async def fail() -> None:
        raise error

    body = assert_problem(call(app, "GET", "/raise"), name, status)
    assert body["detail"] == str(error)


@pytest.mark.parametrize("path", ["/crash", "/subjects/crash/now"])
def test_a_crash_says_nothing_of_what_broke(path: str) -> None:
    app = make_app(CATALOGUE)

    @app.get(path)
    async def crash() -> None:
        raise KeyError("secret")

    answer = call_crashing(app, path, KeyError)
    assert b"secret" not in answer.body and b"KeyError" not in answer.body
    if path == "/crash":
        assert_problem(answer, "internal-error", 500)
    else:
        assert (answer.status, answer.json["error_code"]) == (500, 50001)
    counted = f'edgeprint_http_requests_total{{method="GET",route="{path}",status="500"}} 1.0'
    assert counted in metrics_of(app)


def test_parameters_that_do_not_fit_are_a_problem() -> None:
    app = make_app(CATALOGUE)

    @app.get("/number")
    async def number(value: int) -> int:
        return value

    assert_problem(call(app, "GET", "/number?value=x"), "bad-request", 400)
    assert call(app, "GET", "/number?value=7").json == 7


def test_kinds_have_names_of_their_own_in_two_languages() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.english.isascii() and not kind.chinese.isascii() for kind in KINDS)


@pytest.mark.parametrize(
    ("header", "chinese"),
    [
        ("", False),
        ("en", False),
        ("zh", True),
        ("zh-Hans-CN", True),
        ("ZH-cn, en;q=0.5", True),
        ("en, zh;q=0.9", False),
        ("zh;q=0.5, en;q=0.5", False),
        ("fr, zh;q=0.1", True),
        ("*, zh;q=0.1", False),
        ("zh;q=0", False),
        ("zh;q=2", False),
        ("zh;q=x", False),
        ("zh;v=1", False),
        ("zhuang", False),
        ("en;q=0.1" + "," * 600 + "zh", False),
    ],
)
def test_languages(header: str, chinese: bool) -> None:
    assert prefers_chinese(header) is chinese


@given(st.text())
def test_any_accept_language_is_read(header: str) -> None:
    prefers_chinese(header)


# ---- the body limit


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/subjects/x"])
def test_a_body_over_the_limit_is_refused(path: str) -> None:
    piece = bytes(BODY_BYTES_MAX // 4)
    fits = call_in_pieces(APP, "POST", path, [piece] * 4)
    assert fits.status in (400, 404, 405)
    for answer in (
        call_in_pieces(APP, "POST", path, [*[piece] * 4, b"x", piece]),
        call(APP, "POST", path, b"", content_length=str(BODY_BYTES_MAX + 1)),
        call(APP, "POST", path, b"", content_length="9" * 400),
    ):
        assert answer.status == 413
        if path.startswith("/subjects"):
            assert answer.json["error_code"] == 413
        else:
            assert_problem(answer, "body-too-large", 413)


# ---- health


def test_the_process_lives_and_is_ready_without_checks() -> None:
    assert call(APP, "GET", "/healthz").json == {"status": "ok"}
    assert call(APP, "GET", "/readyz").json == {"ready": True, "checks": []}


def test_what_is_not_ready_says_why() -> None:
    checks = (
        Check("home", lambda: None),
        Check("store", failing(Unavailable("database: expected an answer, found none"))),
        Check("tree", lambda: "expected a checkpoint, found none"),
        Check("bug", failing(ZeroDivisionError("secret"))),
    )
    app = make_app(CATALOGUE, checks=checks)
    body = assert_problem(call(app, "GET", "/readyz"), "not-ready", 503)
    assert body["detail"] == "expected 4 checks to pass, found 3 failing"
    assert body["reasons"] == [
        {"check": "store", "reason": "database: expected an answer, found none"},
        {"check": "tree", "reason": "expected a checkpoint, found none"},
        {"check": "bug", "reason": "expected the check to work, found ZeroDivisionError"},
    ]
    assert call(app, "GET", "/healthz").status == 200
    ready = {
        sample.labels["check"]: sample.value
        for family in text_string_to_metric_families(call(app, "GET", "/metrics").body.decode())
        for sample in family.samples
        if sample.name == "edgeprint_check_ready"
    }
    assert ready == {"home": 1, "store": 0, "tree": 0, "bug": 0}


def test_metrics_stand_in_a_registry_of_their_own_and_others_may_join() -> None:
    registry = CollectorRegistry()
    Gauge("edgeprint_ledger_size", "Entries.", registry=registry).set(9)
    text = call(make_app(CATALOGUE, metrics=registry), "GET", "/metrics").body.decode()
    assert "edgeprint_ledger_size 9.0" in text
    assert f"edgeprint_registry_schemas {len(CATALOGUE.by_digest)}.0" in text
    assert "edgeprint_ledger_size" not in call(APP, "GET", "/metrics").body.decode()


def test_labels_have_few_values() -> None:
    app = make_app(CATALOGUE)
    for number in range(20):
        call(app, "GET", f"/nothing/{number}")
        call(app, f"BREW{number}", "/healthz")
        call(app, "GET", f"/subjects/s{number}/versions")
    families = {family.name: family for family in text_string_to_metric_families(metrics_of(app))}
    labels = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for sample in families["edgeprint_http_requests"].samples
        if sample.name.endswith("_total")
    }
    assert labels == {
        ("GET", "unmatched", "404"),
        ("other", "/healthz", "405"),
        ("GET", "/subjects/{subject}/versions", "404"),
    }


def metrics_of(app: Any) -> str:
    return call(app, "GET", "/metrics").body.decode()


def test_the_description_is_served_and_no_page_loads_from_elsewhere() -> None:
    description = call(APP, "GET", "/openapi.json").json
    assert description["openapi"].startswith("3.1")
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["description"] for operation in operations)
    for path in ("/docs", "/redoc"):
        assert call(APP, "GET", path).status == 404


# ---- the registry over several versions


def test_versions_of_a_subject() -> None:
    app = make_app(NEW)
    old, new = NEW.versions[GROWN]
    assert call(app, "GET", f"/subjects/{GROWN}/versions").json == [1, 2]
    assert call(app, "GET", f"/subjects/{GROWN}/versions?offset=1&limit=5").json == [2]
    for version, schema in (("1", old), ("2", new), ("latest", new), ("LATEST", new), ("-1", new)):
        said = call(app, "GET", f"/subjects/{GROWN}/versions/{version}").json
        assert (said["version"], said["id"]) == (schema.version, schema.registry_id)
        assert said["schema"].encode() == schema.text
    for schema in (old, new):
        asked = json.dumps({"schema": schema.text.decode()}).encode()
        assert call(app, "POST", f"/subjects/{GROWN}", asked).json["version"] == schema.version


def test_compatibility_is_with_every_version_up_to_the_one_named() -> None:
    app = make_app(NEW)
    old, new = (json.loads(schema.text) for schema in NEW.versions[GROWN])
    other = json.loads(json.dumps(old))
    other["fields"].append({"name": "other", "doc": "other", "type": "long", "default": 0})

    def ask(schema: Any, version: str) -> Any:
        body = json.dumps({"schema": json.dumps(schema)}).encode()
        return call(app, "POST", f"/compatibility/subjects/{GROWN}/versions{version}?verbose=TRUE", body).json

    for version in ("", "/1", "/2", "/latest"):
        assert ask(new, version) == {"is_compatible": True, "messages": []}
    assert ask(other, "/1")["is_compatible"] is True
    for version in ("", "/2", "/latest"):
        said = ask(other, version)
        assert said["is_compatible"] is False
        assert len(said["messages"]) == 1 and said["messages"][0].startswith("version 2: ")
    assert len(ask(other | {"doc": "x", "fields": other["fields"][:2]}, "")["messages"]) == 2


# ---- small parts


@pytest.mark.parametrize(
    ("path", "registry"),
    [
        ("/subjects", True),
        ("/subjects/x", True),
        ("/mode/x", True),
        ("/subjectsx", False),
        ("/", False),
        ("", False),
        ("/v1/subjects", False),
        ("//subjects", False),
    ],
)
def test_paths_of_the_registry(path: str, registry: bool) -> None:
    assert is_registry_path(path) is registry


def test_pages() -> None:
    assert page([1, 2, 3], "", "") == [1, 2, 3]
    assert page([1, 2, 3], "1", "1") == [2]
    assert page([1, 2, 3], "9", "1") == []
    assert page([1, 2, 3], "-1", "-1") == page([1, 2, 3], "x", "９") == [1, 2, 3]


@given(st.text(), st.binary(), st.text(max_size=40))
def test_anything_sent_is_read_or_refused(version: str, body: bytes, text: str) -> None:
    from fastapi import HTTPException

    for attempt in (
        lambda: pick_version(["one", "two"], version),
        lambda: parse_schema_request(body),
        lambda: parse_schema_request(json.dumps({"schema": text}).encode()),
        lambda: parse_schema_request(json.dumps({"schema": json.dumps({text: text})}).encode()),
    ):
        try:
            attempt()
        except HTTPException as err:
            assert 400 <= err.status_code < 500


def test_the_port_is_a_setting() -> None:
    assert read_settings({}).api_port == read_settings({"EDGEPRINT_API_PORT": ""}).api_port == 0
    assert read_settings({"EDGEPRINT_API_PORT": "8081"}).api_port == 8081
    for wrong in ("65536", "-1", "http", "８０", "1" * 5000):
        with pytest.raises(Invalid, match="EDGEPRINT_API_PORT: expected a port of 0 to 65535"):
            read_settings({"EDGEPRINT_API_PORT": wrong})
