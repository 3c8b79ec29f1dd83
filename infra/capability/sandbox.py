"""Run one program of a capability behind the layers that this machine has, and say which those were.

Always: its own session, no inherited descriptors or environment, limits on memory, CPU, files and output, a deadline.
Where this machine lets us: a network namespace with nothing in it, and an account that owns nothing. What is in place
is part of the environment digest, so that a report says behind which layers it was made. Files that anybody may read
can be read from inside.
"""

import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

OUTPUT_BYTES_MAX: Final = 1 << 30
LOG_BYTES_MAX: Final = 64 << 10
FILES_MAX: Final = 256
NOBODY: Final = 65_534
LAUNCH: Final = f"""
import os, resource, sys
memory, seconds, account = map(int, sys.argv[1:4])
if account:
    os.setgroups([]), os.setgid(account), os.setuid(account)
for limit, most in (
    (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, {OUTPUT_BYTES_MAX}),
    (resource.RLIMIT_NOFILE, {FILES_MAX}), (resource.RLIMIT_CORE, 0),
):
    resource.setrlimit(limit, (most, most))
os.execvp(sys.argv[4], sys.argv[4:])
"""
"""Sets the limits and becomes the program; done before it in a process of its own, since threads forbid it in ours."""
INTERPRETERS: Final = frozenset({"python", "python3"})


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: exit status (negative: a signal), whether the deadline ended it, the end of what it said."""

    code: int
    timed_out: bool
    said: str


@lru_cache(maxsize=1)
def layers() -> tuple[str, ...]:
    """Return the names of the layers that a run has on this machine, sorted."""
    found = ["clean-environment", "limits", "own-session"]
    return tuple(sorted([*found, *(["no-network"] if _unshare() else []), *(["no-rights"] if _account() else [])]))


@lru_cache(maxsize=1)
def _unshare() -> str | None:
    """Return the program that makes a network namespace, None where the kernel or its owner does not let us."""
    program = shutil.which("unshare")
    if program is None:
        return None
    return program if _works([program, *_namespace(), "true"]) else None


def _namespace() -> tuple[str, ...]:
    """Return unshare's options: who is no superuser becomes one inside, to own the namespace."""
    return ("--net", "--") if os.geteuid() == 0 else ("--net", "--map-root-user", "--")


@lru_cache(maxsize=1)
def _account() -> int:
    """Return the account that a program runs as where we are the superuser, 0 where it cannot run our interpreter."""
    if os.geteuid() != 0:
        return 0
    return NOBODY if _works([*_launch(1 << 30, 20, NOBODY), sys.executable, "-c", "pass"]) else 0


def _works(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0


def _launch(memory_bytes: int, seconds: int, account: int) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", LAUNCH, str(memory_bytes), str(seconds), str(account)]


def environment() -> dict[str, object]:
    """Return where a run happens, as JSON values of strings."""
    return {
        "layers": list(layers()),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def run(argv: Sequence[str], *, folder: Path, job: Path, memory_mib: int, seconds_max: int) -> Ended:
    """Run a program in `folder` with `EDGEPRINT_JOB` naming the job's folder; returns when it has ended.

    `memory_mib` bounds its address space, `seconds_max` its time by the wall and on the CPU.
    """
    command = [sys.executable, *argv[1:]] if argv[0] in INTERPRETERS else list(argv)
    limited = [*_launch(memory_mib << 20, seconds_max + 1, _account()), *command]
    wrapped = [unshare, *_namespace(), *limited] if (unshare := _unshare()) else limited
    if _account():
        for path in (job, *job.rglob("*")):
            os.chown(path, _account(), _account(), follow_symlinks=False)
    environ = {
        "EDGEPRINT_JOB": str(job),
        "HOME": str(job),
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(job),
    }
    log = job / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            wrapped,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        timed_out = False
        try:
            process.wait(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end_group(process)
    with log.open("rb") as said:
        said.seek(max(0, log.stat().st_size - LOG_BYTES_MAX))
        text = said.read().decode("utf-8", "replace")
    return Ended(process.returncode, timed_out, text)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill whatever the program has left running, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
