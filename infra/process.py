"""Background processes and small files: the few helpers that `up`, `down`, the sealer and the database share.

A process is named by its id *and* its start stamp, since ids are reused: after a reboot, and quickly inside containers.
A pid file holds both, as two lines; it is a hint for people and for `stop`, never a lock (`infra.locks`).

Trust: whoever can write a pid file can make `stop` signal another process of the same user with the same start stamp,
that is, one he could signal himself. Nothing here is durable except what `write_durably` returned from.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.errors import Unavailable

POLL_SECONDS = 0.02
PID_FILE_BYTES_MAX = 256
JSON_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that can be told from a later one with the same number."""

    pid: int
    started: str  # opaque, equal for as long as the process lives; includes the boot


def identify_process(pid: int) -> ProcessId | None:
    """Return the identity of the live process `pid`, or None if there is none (a zombie counts as none)."""
    if pid <= 0:
        return None
    if not Path("/proc/self/stat").exists():
        return _identify_with_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # proc(5): the name may hold spaces, so count from its end
    if fields[0] in (b"Z", b"X"):
        return None
    return ProcessId(pid, f"{boot}/{int(fields[19])}")


def _identify_with_ps(pid: int) -> ProcessId | None:
    """Return the same as `identify_process` where there is no /proc (macOS)."""
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    ).stdout.split(maxsplit=1)
    if len(answer) != 2 or answer[0].startswith("Z"):
        return None
    return ProcessId(pid, answer[1].strip())


def is_alive(process: ProcessId) -> bool:
    """Return whether exactly this process still runs; one that reuses its number does not count."""
    return identify_process(process.pid) == process


def read_pid_file(path: Path) -> ProcessId | None:
    """Return the live process a pid file names, or None: no file, not a pid file, or that process is gone."""
    try:
        with path.open("rb") as file:
            lines = file.read(PID_FILE_BYTES_MAX).decode("ascii").split("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    if len(lines) < 2 or not lines[0].isdigit():
        return None
    process = ProcessId(int(lines[0]), lines[1])
    return process if is_alive(process) else None


def pid_lines(process: ProcessId) -> bytes:
    """Return what a pid file holds; `read_pid_file` returns the process for as long as it lives."""
    return f"{process.pid}\n{process.started}\n".encode()


def write_pid_file(path: Path, process: ProcessId) -> None:
    """Write the pid file of a process durably."""
    write_durably(path, pid_lines(process))


class EndedAtOnce(Unavailable):
    """A process that was started had ended before it could be named; its log says why."""


def spawn_background(
    argv: Sequence[str], *, pid_file: Path, log_file: Path, environ: Mapping[str, str] | None = None
) -> ProcessId:
    """Start `argv` in a session of its own, both outputs appended to `log_file` (0600), and write `pid_file`.

    The child survives this process and a Ctrl-C at its terminal. If we crash between start and pid file, the child runs
    unnamed: a child that must be single holds an `infra.locks.FileLock`. `argv[0]` is a path, or found on PATH.

    Raises: Unavailable if the program cannot be started; EndedAtOnce if it had ended before it was looked at.
    """
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        pid = os.posix_spawnp(
            argv[0],
            list(argv),
            dict(os.environ if environ is None else environ),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
        )
    except OSError as err:
        raise Unavailable(f"cannot start {argv[0]}: {err.strerror}") from err
    finally:
        os.close(log)
    process = identify_process(pid)
    if process is None:
        _reap(pid)
        raise EndedAtOnce(f"{argv[0]} ended at once, see {log_file}")
    write_pid_file(pid_file, process)
    return process


def stop_process(
    process: ProcessId, *, timeout_s: float, with_signal: signal.Signals = signal.SIGTERM, kill: bool = True
) -> bool:
    """Ask a process to end, wait at most `timeout_s`, then kill it if `kill`; return whether it is gone.

    Raises: Unavailable if this user may not signal it.
    """
    for attempt, patience in ((with_signal, timeout_s), (signal.SIGKILL, 10.0)):
        if attempt is signal.SIGKILL and not kill and with_signal is not signal.SIGKILL:
            break
        if not is_alive(process):
            break
        try:
            os.kill(process.pid, attempt)
        except ProcessLookupError:
            break
        except PermissionError as err:
            raise Unavailable(f"process {process.pid} belongs to another user and cannot be stopped") from err
        if wait_until_gone(process, timeout_s=patience):
            break
    _reap(process.pid)
    return not is_alive(process)


def wait_until_gone(process: ProcessId, *, timeout_s: float) -> bool:
    """Block until a process has ended, at most `timeout_s`; return whether it has."""
    deadline = time.monotonic() + timeout_s
    while is_alive(process):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _reap(pid: int) -> None:
    """Collect the exit status if `pid` was our own child, so that no zombie stays."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def process_log(name: str) -> Callable[[str], None]:
    """Return a function that writes one line with the time and the name of a background process to stderr."""

    def log_line(text: str) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        sys.stderr.write(f"{stamp} {name}: {text}\n")
        sys.stderr.flush()

    return log_line


@contextmanager
def writing(path: Path, data: bytes) -> Iterator[None]:
    """Tell what the disk says against a write of `data` to `path`. Raises: Unavailable, for any OSError inside."""
    try:
        yield
    except OSError as err:
        raise Unavailable(f"{path}: expected to write {len(data)} bytes, found {err.strerror}") from err


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` by `data` in one step: after a crash it holds the old bytes or the new ones. Durable on return."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path | str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json_object(path: Path) -> dict[str, object] | None:
    """Return the JSON object in a small file of ours, or None if there is no such file.

    Raises: Unavailable if the file is unreadable, too large or not a JSON object.
    """
    try:
        with path.open("rb") as file:
            data = file.read(JSON_BYTES_MAX + 1)
        value = json.loads(data) if len(data) <= JSON_BYTES_MAX else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise Unavailable(f"cannot read {path}: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise Unavailable(f"expected a JSON object in {path}, found something else") from err
    if not isinstance(value, dict):
        raise Unavailable(f"expected a JSON object of at most {JSON_BYTES_MAX} bytes in {path}")
    return value
