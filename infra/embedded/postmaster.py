"""Which process, if any, serves a data directory: what postmaster.pid says, checked against the processes that run.

postmaster.pid stays behind after a kill -9 or a lost machine, and the number in it is soon some other process's. A live
process counts as the server only if its working directory *is* the data directory. PostgreSQL itself looks at the
number alone and would refuse to start, also for a zombie (in a container whose first process reaps nobody, forever);
`clear_stale_file` removes such a file, but only when no process at all works in the data directory, since the children
of a killed postmaster may still be writing there for a moment.

Trust: the file belongs to the server's account; it is read, never obeyed without that check.
"""

import os
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Unavailable
from infra.embedded.accounts import Account, run_as
from infra.process import ProcessId, identify_process

PID_FILE_BYTES_MAX = 8_192
FILE_NAME = "postmaster.pid"
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server that runs on a data directory."""

    process: ProcessId
    socket_directory: str  # the first one it was told; empty until it has one
    ready: bool  # accepts connections (false during start and recovery)


def find_postmaster(data: Path, account: Account | None) -> Postmaster | None:
    """Return the live server of a data directory, or None.

    Raises: Unavailable if postmaster.pid cannot be read.
    """
    lines = _read_lines(data)
    pid = _pid(lines)
    process = None if pid is None else identify_process(pid)
    if process is None or not _works_in(process.pid, data, account):
        return None
    return Postmaster(
        process,
        socket_directory=lines[4] if len(lines) > 4 else "",
        ready=len(lines) > 7 and lines[7].strip() == "ready",
    )


def clear_stale_file(data: Path, account: Account | None, *, timeout_s: float) -> None:
    """Remove a postmaster.pid whose number is taken, be it by a stranger or by a zombie nobody reaps, so that the
    server can start.

    Called under the lock of the place, and only when `find_postmaster` found none. Waits until the children of a killed
    server are gone. Without /proc nothing is removed.

    Raises: Unavailable if a process still works in the data directory after `timeout_s`.
    """
    pid = _pid(_read_lines(data))
    if pid is None or not Path(f"/proc/{pid}").exists():
        return  # PostgreSQL sees for itself that nobody has this number
    deadline = time.monotonic() + timeout_s
    while (worker := _find_worker(data, account)) is not None:
        if time.monotonic() >= deadline:
            raise Unavailable(f"process {worker} still works in {data}, whose server was killed")
        time.sleep(POLL_SECONDS)
    (data / FILE_NAME).unlink(missing_ok=True)


def _find_worker(data: Path, account: Account | None) -> int | None:
    """Return some process of the server's user that works in the data directory, or None."""
    uid = os.geteuid() if account is None else account.uid
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == uid and _works_in(int(entry.name), data, account):
                return int(entry.name)
    return None


def _read_lines(data: Path) -> list[str]:
    try:
        with (data / FILE_NAME).open("rb") as file:
            return file.read(PID_FILE_BYTES_MAX).decode("utf-8", "surrogateescape").split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as err:
        raise Unavailable(f"cannot read {data / FILE_NAME}: {err.strerror}") from err


def _pid(lines: list[str]) -> int | None:
    text = lines[0].strip() if lines else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _works_in(pid: int, data: Path, account: Account | None) -> bool:
    """Return whether the working directory of a process is the data directory."""
    if not Path("/proc/self/stat").exists():
        return _is_postgres(pid)
    link = f"/proc/{pid}/cwd"
    try:
        return Path(link).samefile(data)
    except PermissionError:
        # Root without CAP_SYS_PTRACE, as in many containers, may not look; the account itself may.
        if account is None:
            return False
        with suppress(Unavailable):
            return run_as(account, ["readlink", link], cwd=Path("/"), timeout_s=20).output == str(data)
        return False
    except OSError:
        return False


def _is_postgres(pid: int) -> bool:
    """Return the best answer without /proc (macOS): whether the process is called postgres."""
    done = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()).name == "postgres"
