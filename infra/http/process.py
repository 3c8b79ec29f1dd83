"""`python -m infra.http.process --home DIR`: the HTTP API of one home, as a process of its own.

It listens on the loopback address, or that which EDGEPRINT_API_HOST names, on the port that EDGEPRINT_API_PORT names
or a free one, and once it listens it writes durably to `run/api.json` where it is found, one JSON object:

    {"url": "http://127.0.0.1:41873", "pid": 4711, "started": "<opaque, as in a pid file>"}

`url` has no slash at its end: it is the `schema.registry.url` of stock clients as it stands. The file is true for as
long as this process holds it (`infra.locks.is_held`), and is removed at a clean end.

SIGTERM and SIGINT end it when the requests in hand are answered, within 5 s, with exit code 0. It ends with 1 when the
home has no readable configuration, and with 5 when the port is taken, the disk fails, or another API runs in the home.
"""

import argparse
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from domain.errors import Unavailable
from infra.database import Database
from infra.foreground import EXIT_OK, run_process
from infra.home import Home, HomeConfig
from infra.http.app import make_app
from infra.http.ledger_state import LedgerMetrics, ledger_checks
from infra.locks import FileLock, write_held
from infra.process import identify_process, process_log, writing
from infra.settings import LOOPBACK, Settings
from infra.store.provision import READER
from schemas.catalogue import CATALOGUE

EVERYWHERE: Final = "0.0.0.0"
API_FILE: Final = "api.json"
LOCK_FILE: Final = "api.lock"
LOCK_S: Final = 5.0
GRACE_S: Final = 5
IDLE_S: Final = 75
CONNECTIONS_MAX: Final = 512
BACKLOG: Final = 128

log_line = process_log("api")


class ApiServer(uvicorn.Server):
    """uvicorn, which says when it listens and leaves the exit code to us."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        """Prepare; `on_listening` is called once, on the server's thread, when connections are accepted."""
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so."""
        await super().startup(sockets)
        self._on_listening()


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a socket bound to an IPv4 address; port 0 takes a free one.

    Raises:
        Unavailable: the port is taken, or this user may not have it.
    """
    # asyncio turns Nagle's algorithm off only where the protocol is named; else each answer on a kept connection waits
    # 40 ms for the client's delayed acknowledgement of its head
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that waits after our own end is free
        bound.bind((host, port))
    except OSError as err:
        bound.close()
        raise Unavailable(f"{host}:{port}: expected a free port, found {err.strerror}") from err
    return bound


def make_home_app(settings: Settings, home: Home, config: HomeConfig) -> FastAPI:
    """Return the API of a home, with its conditions and its metrics."""
    database = Database(settings, home, config.ledger_id)
    registry = CollectorRegistry()
    registry.register(LedgerMetrics(home, lambda: database.dsn(READER)))
    return make_app(CATALOGUE, checks=ledger_checks(home, config, lambda: database.dsn(READER)), metrics=registry)


def serve(settings: Settings, home: Home, _: argparse.Namespace) -> int:
    """Serve the API of a home until a signal ends it, and return the exit code; one process a home.

    What listens everywhere is announced by its loopback address: the file is for this machine.

    Raises:
        LedgerError: as the module says.
    """
    config, host = home.config(), settings.api_host
    path = home.run / API_FILE
    lock = FileLock(home.run / LOCK_FILE, timeout_s=LOCK_S, what=f"the API of {home.path}")
    with lock, listen(settings.api_port, host) as bound:
        url = f"http://{LOOPBACK if host == EVERYWHERE else host}:{bound.getsockname()[1]}"
        served = uvicorn.Config(
            make_home_app(settings, home, config),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = ApiServer(served, lambda: _announce(path, url))
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn takes the signals over while it runs and raises them again at its end, when this does no harm
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        try:
            server.run(sockets=[bound])
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
    log_line("stopped")
    return EXIT_OK


def _announce(path: Path, url: str) -> None:
    """Write where the API is found."""
    process = identify_process(os.getpid())
    if process is None:
        raise AssertionError("expected to find the process that runs this line")
    data = json.dumps({"url": url, "pid": process.pid, "started": process.started}).encode() + b"\n"
    with writing(path, data):
        write_held(path, data)
    log_line(f"listening on {url}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the API of the home that `--home` or EDGEPRINT_HOME names, and return its exit code."""
    return run_process("infra.http.process", "Serve the API of one home.", serve, log_line, argv)


if __name__ == "__main__":
    sys.exit(main())
