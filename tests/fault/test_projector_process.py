"""The projector as a process: killed at every named point, without its database, beside a rival, told to end.

After each fault every view in use has the digest of a replay from entry 0, and the process has come to the head by
itself: no question was asked meanwhile.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from domain.errors import Unavailable
from infra.background import projector
from infra.home import Home
from infra.process import wait_until_gone
from infra.store.feed import Listener
from infra.store.provision import PROJECTOR, READER
from infra.store.recorder import LedgerRecorder
from infra.views.process import ProjectorLoop
from infra.views.progress import Progress, progress_of
from infra.views.projector import Projector
from infra.views.replay import replay
from producers.ports import LedgerRow
from projections.catalogue import VIEWS
from tests.conftest import LedgerDatabase
from tests.e2e.kit import REPOSITORY, Place, place, until
from tests.projector_kit import CODEC, superuser
from tests.view_kit import Rows as Source
from tests.view_kit import history

POINTS = ["views.moved", "views.written", "views.committed"]
NAMES = sorted(view.name for view in VIEWS)


@pytest.fixture(scope="module")
def up() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.run("up", "--no-kafka").ok()
        yield made


def progress(made: Place) -> dict[str, Progress]:
    with psycopg.connect(made.database().dsn(READER)) as connection:
        return {one.name: one for one in progress_of(connection) if one.state == "live"}


def at_the_head(made: Place) -> bool:
    found = progress(made)
    return sorted(found) == NAMES and all(one.behind == 0 and one.lag_s(2**62) == 0 for one in found.values())


def grow(made: Place, name: str) -> None:
    for number in range(3):
        made.write(f"{name}/{number}.txt", f"{name} {number}")
    made.run("identify", made.files / name).ok()


def same_as_replayed(made: Place) -> None:
    until(lambda: at_the_head(made), "the projector has come to the head by itself")
    dsn = made.database().dsn(PROJECTOR)
    with closing(LedgerRecorder(dsn)) as store, Projector(dsn, store, CODEC) as keeper:
        keeper.ensure(VIEWS)
        live = {build.name: keeper.digest(build) for build in keeper.builds()}
        assert live == {one.view.name: one.digest for one in replay(dsn, store, CODEC, VIEWS, store.size())}


def kill(made: Place) -> None:
    process = projector(Home(made.home)).process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert wait_until_gone(process, timeout_s=10)


def argv(made: Place) -> list[str]:
    return [sys.executable, "-m", "infra.views.process", "--home", str(made.home)]


def test_what_is_appended_is_taken_in_without_a_question(up: Place) -> None:
    grow(up, "quiet")
    same_as_replayed(up)


def test_the_points_tested_are_all_there_are() -> None:
    sources = (REPOSITORY / "infra" / "views").glob("*.py")
    named = {name for source in sources for name in re.findall(r"failpoint\(\"([a-z.]+)\"\)", source.read_text())}
    assert named == set(POINTS)


@pytest.mark.parametrize("passage", [1, 4])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(up: Place, point: str, passage: int) -> None:
    kill(up)
    grow(up, f"{point}{passage}")
    environ = {**up.environ, "EDGEPRINT_FAILPOINTS": f"{point}=kill@{passage}"}
    killed = subprocess.run(argv(up), cwd=REPOSITORY, env=environ, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    behind = sum(one.behind > 0 for one in progress(up).values())
    assert behind == len(NAMES) - passage + (point != "views.committed"), "each view moves by itself, whole batches"
    up.run("up", "--no-kafka").ok()
    same_as_replayed(up)


def test_a_database_that_was_killed_is_waited_for(up: Place) -> None:
    process = projector(Home(up.home)).process
    up.kill_postgres()
    up.run("up", "--no-kafka").ok()
    assert projector(Home(up.home)).process == process, "the same process goes on"
    grow(up, "after")
    same_as_replayed(up)


def test_a_second_projector_ends_and_the_first_goes_on(up: Place) -> None:
    second = subprocess.run(argv(up), cwd=REPOSITORY, env=up.environ, capture_output=True, timeout=60, check=False)
    assert second.returncode == 5 and b"the projector of" in second.stderr
    grow(up, "beside")
    same_as_replayed(up)


def test_told_to_end_it_ends_with_0_and_is_not_missed(up: Place) -> None:
    service = projector(Home(up.home))
    assert service.is_at_work() and service.is_wanted()
    service.stop()
    assert not service.is_at_work() and not service.is_wanted()
    assert service.log_path.read_text(encoding="utf-8").endswith("projector: stopped\n")
    up.run("up", "--no-kafka").ok()
    assert service.is_at_work()


def test_a_home_that_is_none_is_damaged(up: Place) -> None:
    nowhere = [*argv(up)[:-1], str(up.folder / "nowhere")]
    done = subprocess.run(nowhere, cwd=REPOSITORY, env=up.environ, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1 and b"no ledger at" in done.stderr


# -- the loop ----------------------------------------------------------------------------------------------------------


@contextmanager
def running(database: LedgerDatabase, source: Any) -> Iterator[list[str]]:
    """Give what a loop over a source logs, while it runs."""
    said: list[str] = []
    loop = ProjectorLoop(database.dsn(PROJECTOR), source, Listener(database.dsn(PROJECTOR)), said.append)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield said
    finally:
        loop.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()


def positions(database: LedgerDatabase) -> dict[str, int]:
    with closing(psycopg.connect(database.dsn(READER))) as connection:
        return {one.name: one.position for one in progress_of(connection)}


def test_a_poison_is_told_once_and_the_others_go_on(ledger_database: LedgerDatabase) -> None:
    rows = history()
    bad = next(row.index for row in rows if row.type == "edgeprint.identity.ObjectIdentified")
    broken = LedgerRow(bad, rows[bad].type, bytes(32) + rows[bad].entry[32:], rows[bad].leaf_hash)
    source = Source([*rows[:bad], broken, *rows[bad + 1 :]])
    with running(ledger_database, source) as said:
        until(lambda: positions(ledger_database).get("parties") == len(rows), "the views that can have come to the end")
        stopped = {name for name, position in positions(ledger_database).items() if position == bad}
        assert stopped == {"compliance", "genealogy", "ledger"}
        superuser(ledger_database, "NOTIFY edgeprint_ledger")
        until(lambda: len(said) == 3, "each is told of")
    assert sorted(line.split()[0] for line in said) == sorted(stopped)
    assert all(f"stopped at {bad}: UnknownSchema" in line for line in said)


def test_an_outage_is_told_once_and_gone_through(ledger_database: LedgerDatabase) -> None:
    rows, failing = history(), iter(range(4))

    class Flaky:
        def rows(self, start: int, limit: int) -> list[LedgerRow]:
            if next(failing, None) is not None:
                raise Unavailable("the store does not answer")
            return rows[start : start + limit]

    with running(ledger_database, Flaky()) as said:
        until(lambda: set(positions(ledger_database).values()) == {len(rows)}, "everything is taken in")
    assert said == ["waiting: the store does not answer"]
