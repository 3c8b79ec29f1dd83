"""Processes of the command line without the cost of starting Python: a server that has imported it and forks.

Each command runs in a process of its own, with its own arguments, environment, descriptors and exit code, as from a
shell; only the half second of imports is shared. Used by tests that are about commands, not about starting up.
"""

import array
import atexit
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Self

import infra

MESSAGE_BYTES_MAX = 1 << 18
REPOSITORY = Path(__file__).parents[2]


class Warm:
    """The server, seen by a test; made at the first command and ended with the test process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def run(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        files: Sequence[int],
        timeout_s: float,
        folder: Path = REPOSITORY,
    ) -> int:
        """Run one command in `folder` with the descriptors `files` as its three standard streams.

        Returns its exit code, -9 if it was killed.
        """
        with self._lock:
            server = self._socket or self._start()
            message = json.dumps([list(arguments), dict(environ), str(folder)]).encode()
            rights = array.array("i", files)
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
            process = subprocess.Popen(argv, cwd=REPOSITORY, pass_fds=[theirs.fileno()])
        self._socket = ours
        atexit.register(_end, ours, process)
        return ours


def _end(server: socket.socket, process: subprocess.Popen[bytes]) -> None:
    server.close()
    process.wait()


SHIM = """#!/bin/sh
# Hand this call over: who calls (its descriptors and folder are in /proc), with which environment and arguments.
mkfifo {folder}/code.$$
{{ env -0; printf '\\0'; for one in "$@"; do printf '%s\\0' "$one"; done; }} >{folder}/call.$$
echo $$ >{folder}/calls
read code <{folder}/code.$$
rm {folder}/code.$$ {folder}/call.$$
exit $code
"""


class WarmProgram:
    """A program for a shell to call, which runs the command line warm; one call at a time. Use in a with block."""

    def __init__(self, warm: Warm, program: Path, timeout_s: float) -> None:
        """Write `program`; what passes between it and us lies in a folder beside it."""
        self._warm = warm
        self._timeout_s = timeout_s
        self._folder = program.with_name(f".{program.name}")
        self._folder.mkdir()
        os.mkfifo(self._folder / "calls")
        program.write_text(SHIM.format(folder=self._folder))
        program.chmod(0o755)
        self._thread = threading.Thread(target=self._answer_calls, name=f"calls of {program.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        (self._folder / "calls").write_text("end\n")
        self._thread.join()

    def _answer_calls(self) -> None:
        while (caller := (self._folder / "calls").read_text().strip()) != "end":
            code = 1
            try:
                code = self._answer(caller)
            finally:
                (self._folder / f"code.{caller}").write_text(f"{code % 256}\n")

    def _answer(self, caller: str) -> int:
        environ, _, arguments = (self._folder / f"call.{caller}").read_bytes().partition(b"\0\0")
        pairs = [os.fsdecode(pair).partition("=") for pair in environ.split(b"\0")]
        given = [os.fsdecode(one) for one in arguments.split(b"\0")[:-1]]
        # Opened again, so at the end: a file that the shell has opened may hold something already.
        files = [os.open(f"/proc/{caller}/fd/{n}", os.O_WRONLY | os.O_APPEND if n else os.O_RDONLY) for n in range(3)]
        try:
            folder = Path(f"/proc/{caller}/cwd").readlink()
            return self._warm.run(given, {n: v for n, _, v in pairs}, files, self._timeout_s, folder)
        finally:
            for descriptor in files:
                os.close(descriptor)


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
        arguments, environ, folder = json.loads(message)
        os.chdir(folder)
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


def warm_up() -> None:
    """Import all that a command may ask for, as some do only when they run: every command would do it anew."""
    from infra.cli.main import app

    for module in pkgutil.walk_packages(infra.__path__, "infra."):
        if not module.name.endswith((".__main__", ".cli.main")):
            importlib.import_module(module.name)
    for arguments in (["--help"], ["party", "show", "nobody"]):  # Typer's own: help, and how a parameter is read
        with Path(os.devnull).open("w") as null, redirect_stdout(null), redirect_stderr(null), suppress(SystemExit):
            app(arguments)
    gc.collect()
    gc.freeze()  # else the first collection of each process copies every page


if __name__ == "__main__":
    warm_up()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
