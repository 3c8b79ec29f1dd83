"""kill -9 of `identify` at every named point of append and seal, on one ledger that must survive them all.

After each kill the same command is run again; then invariants I1 to I3 hold: every object that a printed line
acknowledged is in the ledger, indexes are dense, every note ever published is a prefix of what is sealed now.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kit import REPOSITORY, SEVERAL_BATCHES, Answer, Place, check_whole, finish, objects_in, place, until

FILES = 30
APPEND = ["append.before=kill", "append.sent=kill"]
SEAL = [
    "seal.read=kill",
    "seal.tiles.written=kill",
    "seal.tiles.renamed=kill",
    "seal.signed=kill",
    "seal.guarded=kill",
    "seal.checkpoint.written=kill",
    "seal.checkpoint.renamed=kill",
    "seal.published=kill",
]


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    """A ledger whose database runs and whose sealer does not: each command seals what it wrote."""
    with place() as made:
        made.init()
        made.database().keep_up()
        yield made


def files(made: Place, name: str, count: int = FILES) -> Path:
    for number in range(count):
        made.write(f"{name}/{number:04}.txt", f"{name} {number}")
    return made.files / name


def survive(made: Place, point: str, folder: Path, count: int = FILES) -> None:
    """Die at `point`, run the same command again, and check everything."""
    killed = made.run("identify", folder, environ={"EDGEPRINT_FAILPOINTS": point})
    assert killed.code == -signal.SIGKILL, killed
    acknowledged = objects_in(killed.out)
    if point.startswith("seal"):
        assert len(acknowledged) == count, "what is appended is acknowledged before it is sealed"
    again = made.run("identify", folder, "--json").ok().json
    assert again["taken"] == count and again["refused"] == []
    assert again["sealed_size"] == again["ledger_size"]
    names = [item["id"] for item in again["objects"]]
    assert len(set(names)) == count and set(acknowledged) <= set(names)
    stored = again["duplicates"]
    assert stored == (count if point.startswith("seal") or point == "append.sent=kill" else len(acknowledged))
    check_whole(made, acknowledged)


def test_the_points_tested_are_all_there_are() -> None:
    sources = [*(REPOSITORY / "infra").rglob("*.py"), *(REPOSITORY / "producers").rglob("*.py")]
    named = {
        name
        for source in sources
        for name in re.findall(r"failpoint\(\"((?:append|seal)[a-z.]+)\"\)", source.read_text(encoding="utf-8"))
    }
    assert named == {point.removesuffix("=kill") for point in APPEND + SEAL}


@pytest.mark.parametrize("point", APPEND + SEAL)
def test_identify_killed_at(ledger: Place, point: str) -> None:
    survive(ledger, point, files(ledger, point.removesuffix("=kill")))


def test_many_files_killed_in_the_middle_of_the_appends(ledger: Place) -> None:
    folder = files(ledger, "many", SEVERAL_BATCHES)
    killed = ledger.run("identify", folder, environ={"EDGEPRINT_FAILPOINTS": "append.before=kill@2"})
    assert killed.code == -signal.SIGKILL
    acknowledged = objects_in(killed.out)
    again = ledger.run("identify", folder, "--json").ok().json
    assert again["taken"] == SEVERAL_BATCHES and again["duplicates"] >= len(acknowledged)
    assert set(acknowledged) <= {item["id"] for item in again["objects"]}
    check_whole(ledger, acknowledged)


def test_a_declaration_killed_and_repeated_claims_once(ledger: Place) -> None:
    folder = files(ledger, "own")
    declare = ("declare", "own-creation", folder)
    killed = ledger.run(*declare, environ={"EDGEPRINT_FAILPOINTS": "append.sent=kill"})
    assert killed.code == -signal.SIGKILL
    again = ledger.run(*declare, "--json").ok().json
    assert [title["new"] for title in again["titles"]] == [False] * FILES
    assert len({title["id"] for title in again["titles"]}) == FILES
    assert ledger.run("identify", folder, "--json").ok().json["admitted"] == FILES


def test_fsck_is_content_after_all_of_it(ledger: Place) -> None:
    report = ledger.run("fsck", "--deep", "--json")
    assert report.code == 0, report.out


def test_a_second_sealer_ends_and_the_first_goes_on(ledger: Place) -> None:
    """The lock is asked for half a minute; the first sealer must seal all the while."""
    up = ledger.run("up", "--no-kafka", "--json").ok().json
    argv = [sys.executable, "-m", "infra.sealer.process", "--home", str(ledger.home)]
    second = subprocess.Popen(argv, cwd=REPOSITORY, env=ledger.environ, stderr=subprocess.PIPE)
    try:
        folder = files(ledger, "two-sealers")
        ledger.run("identify", folder).ok()
        assert second.poll() is None
        assert ledger.run("status", "--json").json["sealer"] == up["sealer_pid"]
    finally:
        second.terminate()
        _, said = second.communicate(timeout=30)
    assert b"Traceback" not in said
    check_whole(ledger)


@pytest.mark.soak
def test_a_second_sealer_gives_up_with_a_conflict(ledger: Place) -> None:
    ledger.run("up", "--no-kafka").ok()
    argv = [sys.executable, "-m", "infra.sealer.process", "--home", str(ledger.home)]
    done = subprocess.run(argv, cwd=REPOSITORY, env=ledger.environ, capture_output=True, timeout=120, check=False)
    assert done.returncode == 6 and b"another sealer" in done.stderr


def sealed(made: Place) -> bool:
    state: dict[str, object] = made.run("status", "--json").json
    return state["ledger_size"] == state["sealed_size"]


def test_the_sealer_of_up_is_killed_and_woken(ledger: Place) -> None:
    """Stopped for a while (SIGSTOP) it goes on where it was; killed, the next `up` goes on for it."""
    pid = ledger.run("up", "--no-kafka", "--json").ok().json["sealer_pid"]
    os.kill(pid, signal.SIGSTOP)
    process = ledger.start("identify", files(ledger, "paused"))
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(2 * FILES)]
    finally:
        os.kill(pid, signal.SIGCONT)
    answer = finish(process).ok()
    assert len(objects_in("".join(lines) + answer.out)) == FILES
    os.kill(pid, signal.SIGKILL)
    ledger.run("identify", files(ledger, "sealerless")).ok()
    assert ledger.run("up", "--no-kafka", "--json").ok().json["sealer_pid"] != pid
    until(lambda: sealed(ledger), "the new sealer")
    check_whole(ledger)


@pytest.mark.soak
@pytest.mark.parametrize("repetition", range(4))
@pytest.mark.parametrize("point", [*APPEND, "append.before=kill@2", "append.sent=kill@2", *SEAL])
def test_identify_killed_again_and_again(ledger: Place, point: str, repetition: int) -> None:
    ledger.run("down").ok()
    ledger.database().keep_up()
    folder = files(ledger, f"{point}-{repetition}", SEVERAL_BATCHES)
    killed = ledger.run("identify", folder, environ={"EDGEPRINT_FAILPOINTS": point})
    assert killed.code == -signal.SIGKILL
    acknowledged: list[str] = objects_in(killed.out)
    answer: Answer = ledger.run("identify", folder, "--json").ok()
    assert answer.json["taken"] == SEVERAL_BATCHES
    assert set(acknowledged) <= {item["id"] for item in answer.json["objects"]}
    check_whole(ledger, acknowledged)
