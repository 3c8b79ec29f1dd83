"""Background processes and lock files: what holds when processes die, hang, or leave their number to another."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.locks import FileLock
from infra.process import (
    ProcessId,
    identify_process,
    is_alive,
    read_json_object,
    read_pid_file,
    spawn_background,
    stop_process,
    wait_until_gone,
    write_durably,
)

HOLD_LOCK = (
    "import sys, time, pathlib; from infra.locks import FileLock\n"
    "with FileLock(pathlib.Path(sys.argv[1]), timeout_s=9, what='it'):\n"
    "    print('held', flush=True); time.sleep(60)\n"
)


def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the deadline passed"
        time.sleep(0.005)


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., ProcessId]]:
    """Start shell scripts in the background and kill what is left of them."""
    started: list[ProcessId] = []

    def start(script: str) -> ProcessId:
        argv = ["/bin/sh", "-c", script]
        process = spawn_background(
            argv, pid_file=tmp_path / "pid", log_file=tmp_path / "log", environ={"WORD": "hello"}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        stop_process(process, timeout_s=0, with_signal=signal.SIGKILL)


def test_a_child_runs_in_a_session_of_its_own_and_is_named_by_its_pid_file(
    tmp_path: Path, spawn: Callable[..., ProcessId]
) -> None:
    process = spawn('echo "$WORD $(cat)"; echo oops >&2; exec sleep 60')
    assert is_alive(process)
    assert os.getsid(process.pid) == process.pid
    assert read_pid_file(tmp_path / "pid") == process
    until(lambda: (tmp_path / "log").read_text() == "hello \noops\n")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    assert stop_process(process, timeout_s=10)
    assert not is_alive(process)
    assert read_pid_file(tmp_path / "pid") is None


def test_a_child_that_ignores_the_signal_is_killed_only_if_that_is_wished(
    tmp_path: Path, spawn: Callable[..., ProcessId]
) -> None:
    process = spawn('trap "" TERM; echo ready; while :; do sleep 0.05; done')
    until(lambda: (tmp_path / "log").read_text() == "ready\n")
    assert not stop_process(process, timeout_s=0.1, kill=False)
    assert stop_process(process, timeout_s=0.1)


def test_stopping_what_is_gone_succeeds(spawn: Callable[..., ProcessId]) -> None:
    process = spawn("exec sleep 60")
    os.kill(process.pid, signal.SIGKILL)
    assert wait_until_gone(process, timeout_s=10)  # a zombie of ours counts as gone
    assert stop_process(process, timeout_s=10)


def test_another_process_with_the_same_number_is_neither_alive_nor_signalled(
    tmp_path: Path, spawn: Callable[..., ProcessId]
) -> None:
    process = spawn("exec sleep 60")
    earlier = replace(process, started="another boot/1")
    assert not is_alive(earlier)
    assert stop_process(earlier, timeout_s=1)
    assert is_alive(process)
    write_durably(tmp_path / "pid", f"{earlier.pid}\n{earlier.started}\n".encode())
    assert read_pid_file(tmp_path / "pid") is None


@pytest.mark.parametrize("text", [b"", b"\n\n", b"12", b"x\ny\n", b"-1\nx\n", b"0\nx\n", b"\xff\n", b"9" * 999])
def test_a_broken_pid_file_names_nobody(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "pid").write_bytes(text)
    assert read_pid_file(tmp_path / "pid") is None


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot start /no/such/program: No such file"):
        spawn_background(["/no/such/program"], pid_file=tmp_path / "pid", log_file=tmp_path / "log")
    assert not (tmp_path / "pid").exists()


def test_a_process_knows_itself_and_nobody_has_number_zero() -> None:
    me = identify_process(os.getpid())
    assert me is not None
    assert is_alive(me)
    assert identify_process(0) is None
    assert identify_process(-1) is None


def test_a_lock_is_exclusive_and_its_holder_is_named(tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / "lock", timeout_s=1, what="the tree"),
        pytest.raises(Unavailable, match=rf"the tree is locked by another process \({os.getpid()}\)"),
        FileLock(tmp_path / "lock", timeout_s=0, what="the tree"),
    ):
        raise AssertionError("two holders")
    with FileLock(tmp_path / "lock", timeout_s=0, what="the tree"):
        pass


def test_a_lock_ends_with_its_holder_however_it_dies(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLD_LOCK, str(tmp_path / "lock")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(Unavailable, match=f"another process \\({holder.pid}\\)"),
            FileLock(tmp_path / "lock", timeout_s=0, what="it"),
        ):
            raise AssertionError("two holders")
        holder.kill()
        with FileLock(tmp_path / "lock", timeout_s=10, what="it"):
            pass


def test_a_waiter_on_a_removed_lock_file_takes_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held: list[int] = []

    def wait() -> None:
        with FileLock(path, timeout_s=10, what="it"):
            held.append(path.stat().st_ino)

    with FileLock(path, timeout_s=1, what="it") as lock:
        waiter = threading.Thread(target=wait)
        waiter.start()
        lock.remove()
        # The waiter makes a file of its own, although we still hold the removed one: the name is what is locked.
        waiter.join(10)
        assert held == [path.stat().st_ino]


def test_a_lock_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with (
        pytest.raises(Unavailable, match="cannot open the lock file"),
        FileLock(tmp_path / "lock", timeout_s=1, what="it"),
    ):
        raise AssertionError("followed")
    assert not (tmp_path / "target").exists()


def test_a_file_is_replaced_in_one_step_and_a_failure_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, b'{"a": 1}')
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json_object(path) == {"a": 1}
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_durably(tmp_path / "folder", b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
