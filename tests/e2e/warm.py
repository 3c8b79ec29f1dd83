"""Processes of the command line without the cost of starting Python: a server that has imported it and forks.

Each command runs in a process of its own, with its own arguments, environment, descriptors and exit code, as from a
shell; only the half second of imports is shared. Used by tests that are about commands, not about starting up.
"""

import array
import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Self

import infra

MESSAGE_BYTES_MAX = 1 << 18
REPOSITORY = Path(__file__).parents[2]


class WarmProcess:
    """A command that runs: of subprocess.Popen what tests ask. Its streams are unbuffered and the caller's to close."""

    def __init__(self, pid: int, server: socket.socket, streams: Sequence[io.FileIO]) -> None:
        """Use `Warm.start`."""
        self.pid = pid
        self.returncode: int | None = None
        self.stdout: io.FileIO | None
        self.stderr: io.FileIO | None
        self.stdout, self.stderr = streams or (None, None)
        self._said = {stream: bytearray() for stream in streams}
        self._server = server

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, or minus the signal that killed it. Raises: TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._server], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._server.recv(64))
            self._server.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Return all that it writes until it ends. Raises: TimeoutExpired; the next call goes on then."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as waiting:
            for stream in self._said:
                if not stream.closed:
                    waiting.register(stream, selectors.EVENT_READ, self._said[stream])
            while waiting.get_map():
                ready = waiting.select(_left(deadline))
                if not ready and _left(deadline) == 0:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
                for key, _ in ready:
                    if data := os.read(key.fd, 1 << 16):
                        key.data.extend(data)
                    else:
                        waiting.unregister(key.fileobj)
        for stream in self._said:
            stream.close()
        self.wait(_left(deadline))
        out, err = map(bytes, self._said.values())
        return out, err

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in self._said:
            stream.close()
        self.wait()


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


class Warm:
    """The server, seen by a test; made at the first command and ended with the test process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def start(self, arguments: Sequence[str], environ: Mapping[str, str]) -> WarmProcess:
        """Start one command in the repository, with nothing to read and both outputs in pipes."""
        pipes = [os.pipe(), os.pipe()]
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            streams = [io.FileIO(read) for read, _ in pipes]
            return self._begin(arguments, environ, [nothing, *(write for _, write in pipes)], REPOSITORY, streams)
        finally:
            for descriptor in (nothing, *(write for _, write in pipes)):
                os.close(descriptor)

    def run(
        self, arguments: Sequence[str], environ: Mapping[str, str], files: Sequence[int], timeout_s: float, folder: Path
    ) -> int:
        """Run one command in `folder` with the descriptors `files` as its three standard streams.

        Returns its exit code, -9 if it was killed.
        """
        process = self._begin(arguments, environ, files, folder, ())
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _begin(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        files: Sequence[int],
        folder: Path,
        streams: Sequence[io.FileIO],
    ) -> WarmProcess:
        with self._lock:
            server = self._socket or self._start()
        message = json.dumps([list(arguments), dict(environ), str(folder)]).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            rights = array.array("i", [*files, theirs.fileno()])
            server.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        return WarmProcess(int(ours.recv(64)), ours, streams)

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
    """Fork one process for each message, tell its caller the pid and later how it ended; until all callers are gone."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.data is not None:
                    _tell_the_end(waiting, key)
                elif not _fork(waiting, server):
                    return


def _fork(waiting: selectors.BaseSelector, server: socket.socket) -> bool:
    message, rights, _, _ = socket.recv_fds(server, MESSAGE_BYTES_MAX, 4)
    if not message:
        return False
    *files, answers = rights
    pid = os.fork()
    if pid == 0:
        for key in waiting.get_map().values():  # what other commands are waited for with
            if key.data is not None:
                os.close(key.fd)
                os.close(key.data[1])
        waiting.close()
        server.close()
        os.close(answers)
        _become(message, files)
    for descriptor in files:
        os.close(descriptor)
    _tell(answers, pid)
    waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, answers))
    return True


def _tell_the_end(waiting: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    pid, answers = key.data
    waiting.unregister(key.fd)
    os.close(key.fd)
    _tell(answers, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os.close(answers)


def _tell(answers: int, number: int) -> None:
    with suppress(BrokenPipeError):  # whoever asked does not wait for the answer
        os.write(answers, str(number).encode())


def _become(message: bytes, rights: Sequence[int]) -> None:
    from infra.cli.main import run
    from infra.failpoints import VARIABLE, failpoint

    code: object = 70
    try:
        arguments, environ, folder = json.loads(message)
        os.chdir(folder)
        for standard, descriptor in enumerate(rights):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        os.environ.clear()
        os.environ.update(environ)
        failpoint.__init__(os.environ.get(VARIABLE, ""))  # type: ignore[misc]  # read at the start of a process: now
        sys.argv = ["edgeprint", *arguments]
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout, sys.stderr = _output(1, "strict"), _output(2, "backslashreplace")
        run()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


def _output(descriptor: int, errors: str) -> io.TextIOWrapper:
    """Return a standard stream as Python makes it at its start, with PYTHONUNBUFFERED or without."""
    if not os.environ.get("PYTHONUNBUFFERED"):
        return open(descriptor, "w", encoding="utf-8", errors=errors, closefd=False)
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)


def warm_up() -> None:
    """Import all that a command may ask for, as some do only when they run: every command would do it anew."""
    from infra.cli.main import command_line
    from infra.cli.verbs import VerbGroup

    for module in pkgutil.walk_packages(infra.__path__, "infra."):
        if not module.name.endswith((".__main__", ".cli.main")):
            importlib.import_module(module.name)
    importlib.import_module("cyclonedx.validation.json")  # a second of every command that reads a bill of materials
    for arguments in (["--help"], ["party", "show", "nobody"]):  # Typer's own: help, and how a parameter is read
        with Path(os.devnull).open("w") as null, redirect_stdout(null), redirect_stderr(null), suppress(SystemExit):
            command_line()(arguments)
    for group in command_line().commands.values():
        if isinstance(group, VerbGroup):
            group.commands  # noqa: B018  # filled when it is asked for
    gc.collect()
    gc.freeze()  # else the first collection of each process copies every page


if __name__ == "__main__":
    warm_up()
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        serve(connection)
