"""The HTTP API for tests: the real process on a free port, requests to it, and requests to an app in this process."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from domain.ids import format_id
from infra.home import FORMAT, Home, HomeConfig
from infra.http.process import API_FILE
from tests.codec_support import IDS

ROOT = Path(__file__).parents[1]
REGISTRY_JSON = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def make_home(folder: Path) -> Home:
    """Make what the API needs of a home: its configuration and its run directory."""
    home = Home(folder)
    home.create()
    ledger, party = format_id("H", IDS[0], "10.5072"), format_id("P", IDS[1], "10.5072")
    config = HomeConfig(FORMAT, ledger, "log.example", "10.5072", False, party, "organisation", party)
    home.config_path.write_text(json.dumps(asdict(config)))
    return home


class Api:
    """One API process."""

    def __init__(self, home: Home, port: str | None = None) -> None:
        """Start it; it may not listen yet."""
        self.home = home
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("EDGEPRINT_")}
        environ = inherited | {"PYTHONPATH": str(ROOT)} | ({} if port is None else {"EDGEPRINT_API_PORT": port})
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "infra.http.process", "--home", str(home.path)],
            stderr=subprocess.PIPE,
            env=environ,
            cwd=ROOT,
        )
        self.url = ""

    @property
    def file(self) -> Path:
        """Where it says that it listens."""
        return self.home.run / API_FILE

    def wait(self) -> "Api":
        """Return when it listens."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the API ended with {self.end()}")
            if self.file.exists():
                said = json.loads(self.file.read_bytes())
                if said["pid"] == self.process.pid:
                    self.url = said["url"]
                    return self
            time.sleep(0.02)
        raise AssertionError("the API did not listen in time")

    def end(self, with_signal: signal.Signals | None = None) -> tuple[int, str]:
        """End it with a signal, if any, and return its exit code and log."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log.decode()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Return the answer to one request on a connection of its own; `_` in header names stands for `-`."""
        return ask(self.url, method, path, body, **headers)


@contextmanager
def serving(folder: Path) -> Iterator[Api]:
    """Run the API of a new home."""
    api = Api(make_home(folder)).wait()
    try:
        yield api
    finally:
        if api.process.poll() is None:
            api.end(signal.SIGTERM)


def ask(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """Return the answer to one request."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def call(app: FastAPI, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Return an app's answer to one request within this process; `path` may have a query and is not quoted."""
    return asyncio.run(_call(app, method, path, [body], headers))


def call_in_pieces(app: FastAPI, method: str, path: str, pieces: list[bytes]) -> Answer:
    """Return an app's answer to a request whose body comes in pieces, its length unsaid."""
    return asyncio.run(_call(app, method, path, pieces, {}))


def call_crashing(app: FastAPI, path: str, error: type[Exception]) -> Answer:
    """Return what the client gets of a GET that breaks with an error, which the app hands on to the server to log."""
    return asyncio.run(_call(app, "GET", path, [b""], {}, error))


async def _call(
    app: FastAPI,
    method: str,
    path: str,
    pieces: list[bytes],
    headers: Mapping[str, str],
    error: type[Exception] | None = None,
) -> Answer:
    plain, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode("utf-8", "surrogatepass"),
        "query_string": query.encode("utf-8", "surrogatepass"),
        "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    waiting = list(pieces)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    if error is None:
        await app(scope, receive, send)
    else:
        with pytest.raises(error):
            await app(scope, receive, send)
    found = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
