"""Background processes of a home: started once, waited for, quoted when they end, never taken for a stranger."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra import background
from infra.background import Background, api, api_url, relayed_size, relayed_to, sealer
from infra.home import Home
from infra.process import ProcessId, identify_process, is_alive, write_pid_file
from tests.e2e.kit import until

SAYS_READY = """
import os, pathlib, sys, time
from infra.locks import write_held
from infra.process import identify_process, pid_lines
home = pathlib.Path(sys.argv[sys.argv.index("--home") + 1])
write_held(home / "run" / "thing.ready", pid_lines(identify_process(os.getpid())))
time.sleep(600)
"""
ENDS = "import sys; sys.exit('a thing: cannot, for a reason')"
IS_SILENT = "import sys, time; print('a thing: trying', file=sys.stderr, flush=True); time.sleep(600)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home, and a folder of modules that its processes can be."""
    (tmp_path / "modules").mkdir()
    for name, source in (("says_ready", SAYS_READY), ("ends", ENDS), ("is_silent", IS_SILENT)):
        (tmp_path / "modules" / f"{name}.py").write_text(source)
    paths = [str(tmp_path / "modules"), str(Path(background.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    made = Home(tmp_path / "home")
    made.run.mkdir(parents=True)
    yield made
    for module in ("says_ready", "ends", "is_silent"):
        thing(made, module).stop()


def thing(home: Home, module: str) -> Background:
    return Background(home, "thing", module, "thing.ready")


def test_it_is_started_once_and_is_at_work_when_start_returns(home: Home) -> None:
    service = thing(home, "says_ready")
    assert service.process is None
    process = service.start()
    assert service.is_ready(process) and service.start() == process == service.process
    assert service.is_at_work() and service.is_wanted()
    service.stop()
    assert not is_alive(process) and service.process is None and not service.is_at_work()
    service.stop()


def test_one_that_ends_at_its_start_is_quoted(home: Home) -> None:
    with pytest.raises(Unavailable, match=r"thing ended at its start: a thing: cannot, for a reason \(.*thing\.log"):
        thing(home, "ends").start()


def test_one_that_has_ended_before_it_is_looked_at_is_quoted_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(pid: int) -> ProcessId | None:
        """Look at a process as a busy machine does: when it has ended."""
        until(lambda: identify_process(pid) is None, "it has ended")
        return None

    monkeypatch.setattr("infra.process.identify_process", slowly)
    with pytest.raises(Unavailable, match=r"thing ended at its start: a thing: cannot, for a reason \(.*thing\.log"):
        thing(home, "ends").start()


def test_one_that_does_not_get_there_is_left_trying(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "START_SECONDS_MAX", 1.0)
    service = thing(home, "is_silent")
    with pytest.raises(Unavailable, match=r"has not begun within 1 s and goes on trying: (a thing: trying|see )"):
        service.start()
    assert service.process is not None


def test_readiness_of_an_earlier_process_is_not_that_of_this_one(home: Home) -> None:
    service = thing(home, "says_ready")
    process = service.start()
    service.stop()
    write_pid_file(home.run / "thing.ready", process)
    again = service.start()
    assert again != process and service.is_ready(again)


def test_what_processes_say_in_json_is_believed_only_of_a_live_one(home: Home) -> None:
    assert api_url(home) is None and relayed_size(home) is None and relayed_to(home) is None
    (home.run / "api.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": 1, "started": "then"}))
    assert api_url(home) is None
    (home.run / "relay.json").write_text(json.dumps({"relayed_size": -1, "bootstrap": "a:1"}))
    assert relayed_size(home) is None and relayed_to(home) == "a:1"
    (home.run / "relay.json").write_text(json.dumps({"relayed_size": 7, "bootstrap": None}))
    assert relayed_size(home) == 7 and relayed_to(home) is None


@pytest.mark.parametrize("text", ["{}", "", '{"pid": 1, "started": "x"}'])
def test_a_file_that_nobody_holds_says_that_nobody_is_at_work(home: Home, text: str) -> None:
    assert not api(home).is_at_work() and not sealer(home).is_at_work()
    (home.run / "api.json").write_text(text)
    mine = identify_process(os.getpid())
    assert mine is not None
    write_pid_file(home.run / "sealer.ready", mine)
    assert not api(home).is_at_work() and not sealer(home).is_at_work()


CONTAINED = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
can_unshare = shutil.which("unshare") is not None and not subprocess.run([*CONTAINED, "true"], check=False).returncode


@pytest.mark.skipif(not can_unshare, reason="this machine gives no namespaces of process ids")
def test_who_works_in_another_container_is_seen(home: Home) -> None:
    """There a process has another id, and its parent's end is the end of all."""
    service = thing(home, "says_ready")
    argv = [*CONTAINED, "--kill-child", sys.executable, "-m", "says_ready", "--home", str(home.path)]
    with subprocess.Popen(argv) as process:
        try:
            wait_until(service.is_at_work)
            said = (home.run / "thing.ready").read_text().split()[0]
            assert int(said) < 10 < process.pid, "its id is that of another namespace"
        finally:
            process.kill()
    wait_until(lambda: not service.is_at_work())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
