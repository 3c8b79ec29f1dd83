"""From `init` to `down --purge`: interrupted foundings, up and down, commands that overlap, and nothing left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Conflict
from infra.bootstrap import opened
from infra.embedded.place import ROOT_STATE
from infra.process import identify_process, is_alive
from infra.tiles.posix import PosixTree
from producers.governance import HOLDER_ROLES
from schemas.catalogue import CATALOGUE
from tests.e2e.kit import (
    IS_ROOT,
    REPOSITORY,
    SEVERAL_BATCHES,
    Place,
    check_whole,
    end,
    finish,
    objects_in,
    place,
    until,
)

FOUNDING_EVENTS = 1 + len(CATALOGUE.by_type) + 3 + len(HOLDER_ROLES)  # the ledger, two parties, a key, roles
FILES_SEEN: dict[str, Callable[[Place], bool]] = {
    "the home": lambda p: p.home.exists(),
    "who the ledger is": lambda p: (p.home / "founding.json").exists(),
    "a key": lambda p: any((p.home / "keys").glob("*")),
    "the policy": lambda p: (p.home / "policy").exists(),
    "the database's record": lambda p: (p.home / "postgres.json").exists(),
    "a database half made": lambda p: any(p.database().cluster.place.glob("data.new-*/base")),
    "a database": lambda p: p.database().cluster.data_directory.exists(),
    "a running database": lambda p: (p.home / "run" / "database.lent").exists(),
}
POINTS = [
    "append.before=kill",
    "append.sent=kill",
    "append.sent=kill@2",
    "append.sent=kill@3",
    "seal.read=kill",
    "seal.tiles.written=kill",
    "seal.tiles.renamed=kill",
    "seal.signed=kill",
    "seal.guarded=kill",
    "seal.checkpoint.written=kill",
    "seal.checkpoint.renamed=kill",
    "seal.published=kill",
]


def killed_when(made: Place, condition: Callable[[Place], bool]) -> None:
    """Run `init` and kill it as soon as `condition` holds, or let it end."""
    process = made.start("init")
    try:
        until(lambda: process.poll() is not None or _holds(condition, made), "init to get there")
    finally:
        end(process)


def _holds(condition: Callable[[Place], bool], made: Place) -> bool:
    try:
        return condition(made)
    except (OSError, AssertionError):
        return False


def founded_whole(made: Place) -> None:
    """Found what an interrupted `init` began; it must be one whole ledger that works."""
    if not (made.home / "config.json").exists():
        assert made.run("init").code == 0
    assert made.run("init").code == 7
    rows = check_whole(made)
    assert len(rows) == FOUNDING_EVENTS
    assert made.run("identify", made.write("one.txt", b"one")).ok().err == ""
    assert made.run("fsck", "--deep").ok()


@pytest.mark.parametrize("point", ["seal.guarded=kill"])
def test_init_killed_at_a_point(point: str) -> None:
    with place() as made:
        assert made.run("init", environ={"EDGEPRINT_FAILPOINTS": point}).code == -signal.SIGKILL
        answer = made.run("status")
        assert answer.code == 3 and "edgeprint init" in answer.err
        founded_whole(made)


@pytest.mark.soak
@pytest.mark.parametrize("seen", [*FILES_SEEN])
@pytest.mark.parametrize("repetition", range(5))
def test_init_killed_when_any_file_appears(seen: str, repetition: int) -> None:
    with place() as made:
        killed_when(made, FILES_SEEN[seen])
        founded_whole(made)


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_init_killed_at_any_point(point: str) -> None:
    with place() as made:
        made.run("init", environ={"EDGEPRINT_FAILPOINTS": point})
        founded_whole(made)


def test_a_founding_given_up_is_purged_whole() -> None:
    with place() as made:
        killed_when(made, FILES_SEEN["a database"])
        cluster = made.database().cluster.place
        made.run("down", "--purge", "--yes").ok()
        assert not made.home.exists() and not cluster.exists()


def test_two_foundings_at_once_are_one_ledger() -> None:
    with place() as made:
        both = [made.start("init", "--json") for _ in range(2)]
        answers = [finish(process) for process in both]
        assert sorted(answer.code for answer in answers) == [0, 7], answers
        won = next(answer.json for answer in answers if answer.code == 0)
        assert made.run("status", "--json").json["ledger"] == won["ledger"]
        assert len(check_whole(made)) == FOUNDING_EVENTS


def test_up_down_and_purge() -> None:
    with place() as made:
        made.init()
        file = made.write("a.txt", b"a")
        alone = made.run("identify", file, "--json").ok().json
        assert alone["sealed_size"] == alone["ledger_size"]
        state = made.run("status", "--json").ok().json
        assert (state["running"], state["sealer"], state["ledger_size"]) == (False, None, None)
        assert state["sealed_size"] == alone["sealed_size"] and made.postmaster() is None

        up = made.run("up", "--no-kafka", "--json").ok().json
        sealer, postmaster = identify_process(up["sealer_pid"]), made.postmaster()
        assert sealer is not None and postmaster is not None
        made.run("identify", made.write("b.txt", b"b")).ok()
        assert made.postmaster() == postmaster, "identify stopped what `up` started"

        os.kill(sealer.pid, signal.SIGKILL)
        until(lambda: not is_alive(sealer), "the sealer to end")
        assert made.run("status", "--json").json["sealer"] is None
        made.run("identify", made.write("c.txt", b"c")).ok()
        again = made.run("up", "--no-kafka", "--json").ok().json["sealer_pid"]
        assert again != sealer.pid

        assert made.run("down", "--json").ok().json == {"home": str(made.home), "purged": False}
        assert identify_process(again) is None and not is_alive(postmaster)
        assert made.run("down").ok().out == "down\n"

        refused = made.run("down", "--purge")
        assert refused.code == 2 and made.home.exists() and "--yes" in refused.err
        assert len(check_whole(made)) == FOUNDING_EVENTS + 9

        made.run("up", "--no-kafka").ok()
        cluster = made.database().cluster
        data, socket = cluster.place, Path(str(cluster.describe()["socket"]))
        process = made.start("down", "--purge", "--lang", "zh", stdin=subprocess.PIPE)
        out, err = process.communicate(b"y\n", timeout=60)
        assert (process.returncode, out.decode()) == (0, "已删除\n"), err
        assert str(made.home) in err.decode()
        assert not made.home.exists() and not data.exists() and not socket.exists()
        assert not list((made.state / "heads").iterdir())
        if IS_ROOT:
            assert not [path for path in ROOT_STATE.glob("*") if path.name == data.name]


def test_up_twice_at_once_is_one_sealer_and_it_seals_when_up_returns() -> None:
    with place() as made:
        made.init()
        processes = [made.start("up", "--no-kafka", "--json") for _ in range(3)]
        pids = {finish(process).ok().json["sealer_pid"] for process in processes}
        assert len(pids) == 1
        with pytest.raises(Conflict, match="another sealer"):
            PosixTree(made.home / "tlog").lock()
        made.run("down").ok()


def test_up_quotes_a_sealer_that_does_not_start() -> None:
    with place() as made:
        made.init()
        checkpoint = made.home / "tlog" / "checkpoint"
        older = checkpoint.read_bytes()
        made.run("identify", made.write("a.txt", b"a")).ok()
        newer = checkpoint.read_bytes()
        checkpoint.write_bytes(older)
        answer = made.run("up", "--no-kafka")
        assert answer.code == 5 and "an older copy of the tree was restored" in answer.err, answer
        assert made.run("status", "--json").json["sealer"] is None
        checkpoint.write_bytes(newer)
        made.run("up", "--no-kafka").ok()
        made.run("down").ok()


def test_commands_that_overlap_share_a_database_and_the_last_one_stops_it() -> None:
    with place() as made:
        made.init()
        for number in range(SEVERAL_BATCHES):
            made.write(f"many/{number}.txt", str(number))
        with opened(made.settings):
            process = made.start("identify", made.files / "many")
            assert process.stdout is not None
            first = process.stdout.readline().decode()
        assert made.postmaster() is not None, "stopped while a command still worked"
        answer = finish(process).ok()
        assert len(objects_in(first + answer.out)) == SEVERAL_BATCHES and answer.err == ""
        assert made.postmaster() is None, "nobody stopped it"

        # `up` while a command that started the database for itself still runs: it stays.
        with opened(made.settings):
            made.run("up", "--no-kafka").ok()
        assert made.postmaster() is not None
        made.run("down").ok()

        # A command that is killed leaves the database; the next one puts that right.
        killed = made.start("identify", made.files / "many", environ={"EDGEPRINT_FAILPOINTS": "append.sent=kill@2"})
        assert finish(killed).code == -signal.SIGKILL
        assert made.postmaster() is not None
        made.run("identify", made.files / "many").ok()
        assert made.postmaster() is None
        check_whole(made, objects_in(first + answer.out))


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    made = Place(tmp_path, environ={"EDGEPRINT_HOME": str(tmp_path / "file" / "home")})
    answer = made.run("init")
    assert answer.code == 5 and str(tmp_path / "file") in answer.err
    damaged = Place(tmp_path / "two")
    damaged.home.mkdir(parents=True)
    (damaged.home / "config.json").write_text("{}")
    answer = damaged.run("status")
    assert answer.code == 1 and "config.json" in answer.err


def test_the_module_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "infra.cli.main"], cwd=REPOSITORY, capture_output=True, check=False)
    assert done.returncode == 2
