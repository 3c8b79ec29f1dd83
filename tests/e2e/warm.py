"""Processes of the command line without the cost of starting Python: a server that has imported it and forks.

Each command runs in a process of its own, with its own arguments, environment, descriptors and exit code, as from a
shell; only the half second of imports is shared. Used by tests that are about commands, not about starting up.
"""

import array
import atexit
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MESSAGE_BYTES_MAX = 1 << 18


class Warm:
    """The server, seen by a test; made at the first command and ended with the test process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def run(
        self, arguments: Sequence[str], environ: Mapping[str, str], files: Sequence[BinaryIO], timeout_s: float
    ) -> int:
        """Run one command with `files` as its three standard streams; return its exit code, -9 if it was killed."""
        with self._lock:
            server = self._socket or self._start()
            message = json.dumps([list(arguments), dict(environ)]).encode()
            rights = array.array("i", [file.fileno() for file in files])
            server.settimeout(timeout_s)
            server.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            pid = int(server.recv(64))
            try:
                return int(server.recv(64))
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                server.recv(64)
                return -signal.SIGKILL

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MESSAGE_BYTES_MAX)
        with theirs:
            argv = [sys.executable, "-m", "tests.e2e.warm", str(theirs.fileno())]
            process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], pass_fds=[theirs.fileno()])
        self._socket = ours
        atexit.register(_end, ours, process)
        return ours


def _end(server: socket.socket, process: subprocess.Popen[bytes]) -> None:
    server.close()
    process.wait()


def serve(server: socket.socket) -> None:
    """Fork one process for each message until the other side is gone."""
    while True:
        message, rights, _, _ = socket.recv_fds(server, MESSAGE_BYTES_MAX, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            server.close()
            _become(message, rights)
        for descriptor in rights:
            os.close(descriptor)
        server.send(str(pid).encode())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        server.send(str(status).encode())


def _become(message: bytes, rights: Sequence[int]) -> None:
    from infra.cli.main import run

    code: object = 70
    try:
        arguments, environ = json.loads(message)
        for standard, descriptor in enumerate(rights):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["edgeprint", *arguments]
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", errors="strict", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        run()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    for name in ("infra.bootstrap", "infra.fsck.ledger", "infra.intake.run", "infra.service", "schemas.build"):
        importlib.import_module(name)

    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
