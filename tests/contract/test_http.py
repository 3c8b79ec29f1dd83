"""The API as a process: where it is found, how it ends, what it answers to rubbish, limits on the wire, metrics."""

import json
import re
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from infra.foreground import EXIT_DAMAGED, EXIT_OK, EXIT_UNAVAILABLE
from infra.http import health
from infra.http.app import BODY_BYTES_MAX
from infra.http.process import listen
from infra.process import ProcessId, is_alive
from tests.http_kit import Answer, Api, ask, make_home, serving

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("api") / "home") as running:
        yield running


# ---- the process


def test_it_says_where_it_is_and_ends_cleanly(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        api = Api(make_home(tmp_path / number.name)).wait()
        said = json.loads(api.file.read_bytes())
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", said["url"])
        assert is_alive(ProcessId(said["pid"], said["started"]))
        assert stat.S_IMODE(api.file.stat().st_mode) == 0o600
        assert api.ask("GET", "/healthz").json == {"status": "ok"}
        code, log = api.end(number)
        assert (code, api.file.exists()) == (EXIT_OK, False), log
        assert log.count("\n") == 2 and f"listening on {said['url']}" in log and log.endswith("api: stopped\n")


def test_an_idle_connection_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    api = Api(make_home(tmp_path / "home")).wait()
    place = urlsplit(api.url)
    with socket.create_connection((place.hostname, place.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(1000).startswith(b"HTTP/1.1 200 OK")
        started = time.monotonic()
        assert api.end(signal.SIGTERM)[0] == EXIT_OK
        assert time.monotonic() - started < 4


def test_a_killed_one_is_followed_on_the_same_port(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    first = Api(home).wait()
    port = str(urlsplit(first.url).port)
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    stale = json.loads(first.file.read_bytes())
    assert not is_alive(ProcessId(stale["pid"], stale["started"]))
    second = Api(home, port).wait()
    assert second.url == first.url
    assert second.ask("GET", "/healthz").status == 200
    assert second.end(signal.SIGTERM)[0] == EXIT_OK


def test_answers_on_a_kept_connection_do_not_wait_for_acknowledgements() -> None:
    """asyncio sets TCP_NODELAY only where the socket names its protocol; without, each answer took 44 ms."""
    with listen(0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, log = Api(make_home(tmp_path / "home"), str(port)).end()
    assert code == EXIT_UNAVAILABLE
    assert f"stopped: 127.0.0.1:{port}: expected a free port, found Address already in use" in log


def test_a_second_one_in_the_same_home_gives_way(tmp_path: Path) -> None:
    first = Api(make_home(tmp_path / "home")).wait()
    code, log = Api(first.home).end()
    assert code == EXIT_UNAVAILABLE
    assert f"is locked by another process ({first.process.pid})" in log
    assert json.loads(first.file.read_bytes())["pid"] == first.process.pid
    assert first.end(signal.SIGTERM)[0] == EXIT_OK


@pytest.mark.parametrize(
    ("damage", "port", "code", "said"),
    [
        (lambda home: home.config_path.unlink(), None, EXIT_DAMAGED, "no ledger at"),
        (lambda home: home.config_path.write_text("{"), None, EXIT_DAMAGED, "expected the configuration of a home"),
        (lambda home: home.run.rmdir(), None, EXIT_UNAVAILABLE, "cannot open the lock file"),
        (lambda home: None, "eighty", EXIT_DAMAGED, "EDGEPRINT_API_PORT: expected a port of 0 to 65535"),
    ],
)
def test_what_keeps_it_from_starting_is_said_in_one_line(
    tmp_path: Path, damage: object, port: str | None, code: int, said: str
) -> None:
    home = make_home(tmp_path / "home")
    damage(home)  # type: ignore[operator]  # a function of the table
    found, log = Api(home, port).end()
    assert found == code
    assert log.count("\n") == 1 and said in log


def test_readiness_follows_the_home(tmp_path: Path) -> None:
    with serving(tmp_path / "home") as api:
        failing = [one["check"] for one in api.ask("GET", "/readyz").json["reasons"]]
        assert failing == ["database", "sealer"]  # this home has nothing but its configuration
        kept = api.home.config_path.read_bytes()
        api.home.config_path.unlink()
        answer = api.ask("GET", "/readyz", accept_language="zh")
        assert (answer.status, answer.headers["content-type"]) == (503, PROBLEM)
        assert answer.json["type"] == "urn:edgeprint:problem:not-ready"
        assert answer.json["title"] == "服务尚未就绪"
        reason, *others = answer.json["reasons"]
        assert reason["check"] == "home" and "no ledger at" in reason["reason"]
        assert [one["check"] for one in others] == failing
        assert api.ask("GET", "/healthz").status == 200
        api.home.config_path.write_bytes(kept)
        assert [one["check"] for one in api.ask("GET", "/readyz").json["reasons"]] == failing


# ---- metrics


@pytest.mark.parametrize("accept", ["", "text/plain;version=0.0.4"])
def test_metrics_are_what_the_module_says(api: Api, accept: str) -> None:
    api.ask("GET", "/healthz")
    answer = api.ask("GET", "/metrics", accept=accept)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    documented = set(re.findall(r"^\| `(edgeprint_[a-z_]+)` \|", health.__doc__ or "", re.MULTILINE))
    mine = {name for name in families if name.startswith("edgeprint_") and not name.endswith("_created")}
    assert mine == {name.removesuffix("_total") for name in documented}
    assert {"process_resident_memory_bytes", "process_open_fds"} <= set(families)
    counted = [s.value for s in families["edgeprint_http_requests"].samples if s.labels.get("route") == "/healthz"]
    assert counted and counted[0] >= 1


def test_openmetrics_is_given_to_who_asks_for_it(api: Api) -> None:
    answer = api.ask("GET", "/metrics", accept="application/openmetrics-text;version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


# ---- limits and rubbish on the wire


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/subjects/x", "/subjects/x/versions"])
def test_a_body_over_one_mebibyte_is_refused(api: Api, path: str) -> None:
    fits = api.ask("POST", path, bytes(BODY_BYTES_MAX))
    assert 400 <= fits.status < 500 and fits.status != 413
    for answer in (declared(api, path, BODY_BYTES_MAX + 1), in_chunks(api, path, BODY_BYTES_MAX + 1)):
        assert answer.startswith(b"HTTP/1.1 413 ")
    assert api.ask("GET", "/healthz").status == 200


def declared(api: Api, path: str, size: int) -> bytes:
    """Return the answer to a request that announces a body and waits with it."""
    return raw(api, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())


def in_chunks(api: Api, path: str, size: int) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return raw(api, head + f"{size:x}\r\n".encode() + bytes(size))


def raw(api: Api, data: bytes) -> bytes:
    """Return the first bytes of the answer to bytes on the wire."""
    place = urlsplit(api.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall(data)
        return connection.recv(65_536)


WORDS = st.sampled_from(
    [
        *("subjects", "schemas", "ids", "guids", "versions", "latest", "compatibility", "config", "mode", "contexts"),
        *("associations", "types", "schema", "healthz", "readyz", "metrics", "openapi.json"),
        "edgeprint.rights.RightsClaimed",
    ]
)
SEGMENTS = (
    WORDS | st.integers().map(str) | st.text(max_size=12).map(lambda text: quote(text, safe="", errors="replace"))
)
PATHS = st.lists(SEGMENTS, max_size=6).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.text(max_size=20).map(lambda text: "?" + quote(text, safe="=&", errors="replace")) | st.just("")
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
BODIES = (
    st.none()
    | st.binary(max_size=200)
    | st.builds(
        lambda text, kind: json.dumps({"schema": text, "schemaType": kind}).encode(), st.text(), st.none() | st.text()
    )
)


@settings(max_examples=300)
@example("GET", "/readyz", "", None, "")
@given(METHODS, PATHS, QUERIES, BODIES, st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=20))
def test_no_request_breaks_the_server(
    api: Api, method: str, path: str, query: str, body: bytes | None, language: str
) -> None:
    answer = ask(api.url, method, path + query, body, accept_language=language.strip())
    not_ready = path.rstrip("/") == "/readyz" and answer.status == 503  # the home of this server is not up
    assert answer.status < 500 or not_ready, (method, path, query, body)
    if answer.status >= 400 and method != "HEAD":
        assert_error(answer)


def assert_error(answer: Answer) -> None:
    body = answer.json
    if answer.headers["content-type"] == PROBLEM:
        assert body["status"] == answer.status and body["type"].startswith("urn:edgeprint:problem:")
    else:
        assert set(body) == {"error_code", "message"}
        assert answer.status in (body["error_code"], body["error_code"] // 100)


@settings(max_examples=100)
@given(st.binary(min_size=1, max_size=300))
def test_bytes_that_are_no_http_do_not_break_the_server(api: Api, rubbish: bytes) -> None:
    answer = raw(api, rubbish + b"\r\n\r\n")
    assert not answer.startswith(b"HTTP/1.1 5"), rubbish
    assert api.process.poll() is None


def test_the_process_is_still_well_and_small_after_all_of_it(api: Api) -> None:
    assert api.ask("GET", "/healthz").status == 200
    families = text_string_to_metric_families(api.ask("GET", "/metrics").body.decode())
    (resident,) = (family.samples[0].value for family in families if family.name == "process_resident_memory_bytes")
    assert resident < 200e6
