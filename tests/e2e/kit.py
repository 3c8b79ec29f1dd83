"""Drive the real command line in subprocesses, each ledger in a home of its own that leaves nothing behind.
What a ledger must hold after any fault is checked here once: `check_whole`.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import psycopg

from domain.events import ZERO_HASH
from domain.ids import parse_object_id
from domain.ledger.merkle import leaf_hash
from domain.ledger.policy import parse_policy
from infra.bootstrap import Session, opened
from infra.database import Database
from infra.fsck.tree import verify_tree
from infra.home import Home
from infra.intake.gate import BATCH_FILES_MAX
from infra.process import ProcessId, identify_process, wait_until_gone
from infra.sealer.database import published_notes
from infra.settings import Settings
from infra.store.provision import EVENT_TRIGGERS, READER
from producers.ports import LedgerRow
from schemas.envelope import read_header
from tests.e2e.warm import Warm, WarmProcess
from tests.fault.test_embedded_cluster import IS_ROOT, NORMAL_UID, normal_user_interpreters

REPOSITORY = Path(__file__).parents[2]
Process: TypeAlias = subprocess.Popen[bytes] | WarmProcess
CLI = [sys.executable, "-m", "infra.cli.main"]
TIMEOUT_S = 120
WARM = Warm()
SEVERAL_BATCHES = 2 * BATCH_FILES_MAX + 1
NOT_INHERITED = (
    "DATABASE_URL",
    "EDGEPRINT_HOME",
    "EDGEPRINT_STATE",
    "EDGEPRINT_LANG",
    "EDGEPRINT_FAILPOINTS",
    "EDGEPRINT_KAFKA_BOOTSTRAP",
    "EDGEPRINT_KAFKA_CLIENT",
    "EDGEPRINT_KAFKA_SECURITY",
    "EDGEPRINT_KAFKA_VALUE_FRAMING",
    "EDGEPRINT_API_HOST",
    "EDGEPRINT_JAVA",
    "EDGEPRINT_API_PORT",
    "LC_ALL",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    def ok(self) -> "Answer":
        """Return the answer of a command that must not fail."""
        assert self.code == 0, f"exit {self.code}\n{self.out[-3000:]}\n{self.err[-3000:]}"
        return self


class Place:
    """One home with its state directory, and the command line on it."""

    def __init__(self, folder: Path, way: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> None:
        """Use `folder`; `way` is an interpreter's argv other than ours (that of a normal user)."""
        self.folder = folder
        self.home = folder / "home"
        self.state = folder / "state"
        self.files = folder / "files"
        self.argv = [*way, "-m", "infra.cli.main"] if way else CLI
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environ = inherited | {
            "EDGEPRINT_HOME": str(self.home),
            "EDGEPRINT_STATE": str(self.state),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            **(environ or {}),
        }

    @property
    def settings(self) -> Settings:
        """The settings a command on this place would read."""
        return Settings(self.home, self.state, None, "en")

    def start(
        self, *arguments: str | bytes | Path, environ: Mapping[str, str] | None = None, **options: Any
    ) -> Process:
        """Start a command; its outputs are pipes, unbuffered so that no line read early is lost to `finish`.

        With `options` of Popen, or with another interpreter, it gets a Python of its own.
        """
        environ = {**self.environ, **(environ or {})}
        if self.argv is CLI and not options:
            return WARM.start([os.fsdecode(argument) for argument in arguments], environ)
        argv: list[str | bytes | Path] = [*self.argv, *arguments]
        options = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "stdin": subprocess.DEVNULL,
            "bufsize": 0,
            **options,
        }
        return subprocess.Popen(argv, cwd=REPOSITORY, env=environ, **options)

    def run(self, *arguments: str | bytes | Path, environ: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """Run a command to its end."""
        process = self.start(*arguments, environ=environ, **options)
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{arguments} hangs:\n{out.decode()[-2000:]}\n{err.decode()[-2000:]}") from None
        assert process.returncode is not None
        return Answer(process.returncode, text(out), text(err))

    def write(self, name: str, data: bytes | str | dict[str, Any]) -> Path:
        """Write one input file and return its path."""
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, dict):
            data = json.dumps(data)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def init(self, *options: str) -> "Place":
        """Found the ledger."""
        self.run("init", *options).ok()
        self.leave_files_to_the_kernel()
        return self

    def leave_files_to_the_kernel(self) -> None:
        """Switch fsync off from the next start of our database on: what tests kill are processes, never the machine."""
        cluster = self.database().cluster
        if cluster.exists():
            with (cluster.data_directory / "postgresql.auto.conf").open("a") as settings:
                settings.write("fsync = off\n")

    def kill_postgres(self) -> None:
        """Kill the postmaster as a power cut would."""
        postmaster = self.postmaster()
        assert postmaster is not None, "the database does not run"
        os.kill(postmaster.pid, signal.SIGKILL)
        assert wait_until_gone(postmaster, timeout_s=10)

    def database(self) -> Database:
        """Return the database of the home."""
        config = Home(self.home).founding_or_config()
        assert config is not None
        return Database(self.settings, Home(self.home), config.ledger_id)

    def postmaster(self) -> ProcessId | None:
        """Return the database's process if it runs."""
        return identify_process(self.database().cluster.pid or 0)

    def purge(self) -> None:
        """Remove everything, by the command line where there is a ledger, and see that nothing stays."""
        if (self.home / "config.json").exists() or (self.home / "founding.json").exists():
            place = self.database().cluster.place
            self.run("down", "--purge", "--yes").ok()
            assert not place.exists()
        assert list(self.state.glob("heads/*")) == []
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def place(folder: Path | None = None, **options: Any) -> Iterator[Place]:
    """Give a place; in the end everything of it is purged."""
    made = Place(Path(tempfile.mkdtemp(prefix="epe", dir="/tmp")) if folder is None else folder, **options)
    try:
        yield made
    finally:
        made.purge()


@contextmanager
def running(*options: str) -> Iterator[Place]:
    """Give a place whose ledger, founded with these options, runs without Kafka; in the end all of it is purged."""
    with place() as made:
        made.init(*options)
        made.run("up", "--no-kafka").ok()
        yield made


@contextmanager
def normal_user_place() -> Iterator[Place]:
    """Give a place that belongs to somebody who is not root: ourselves, or user 65534 where we are root."""
    if not IS_ROOT:
        with place() as made:
            yield made
        return
    folder = Path(tempfile.mkdtemp(prefix="epe", dir="/tmp"))
    os.chown(folder, NORMAL_UID, NORMAL_UID)
    packages = os.pathsep.join([str(REPOSITORY), *(path for path in sys.path if "site-packages" in path)])
    environ = {"HOME": str(folder), "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}
    said = []
    for way in normal_user_interpreters():
        made = Place(folder, way=way, environ=environ)
        done = made.run("doctor", "--json")
        if done.code == 0:
            break
        said.append(f"{way}: {done.out[-500:]} {done.err[-500:]}")
    else:
        raise AssertionError("no way to run Python as a normal user:\n" + "\n".join(said))
    try:
        yield made
    finally:
        made.purge()


def text(data: bytes | None) -> str:
    """Return what a command wrote, which must be UTF-8."""
    return (data or b"").decode()


def until(condition: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    """Return as soon as `condition` holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.005)


def all_rows(session: Session) -> list[LedgerRow]:
    """Return the whole ledger."""
    rows: list[LedgerRow] = []
    while page := session.store.rows(len(rows), 1_000):
        rows += page
    return rows


def check_whole(place: Place, objects: Sequence[str] = (), notes: Sequence[tuple[str, bytes]] = ()) -> list[LedgerRow]:
    """Check I1 to I3 of the design and return the rows.

    Every object that was acknowledged (`objects`, identifiers) is there and judged; indexes are dense and event ids
    unique, streams are chained; everything sealed, everything ever published (and `notes`) is a prefix of the log.
    """
    with opened(place.settings) as session:
        session.seal()
        rows = all_rows(session)
        assert [row.index for row in rows] == list(range(session.store.size()))
        found = published(place, session)
    headers = [read_header(row.entry) for row in rows]
    assert len({header.event_id for header in headers}) == len(rows), "an event id twice"
    streams: dict[UUID, tuple[int, bytes]] = {}
    for row, header in zip(rows, headers, strict=True):
        assert row.leaf_hash == leaf_hash(row.entry)
        version, leaf = streams.get(header.stream_id, (0, bytes(ZERO_HASH)))
        assert (header.stream_version, header.previous) == (version + 1, leaf), f"index {row.index}"
        streams[header.stream_id] = (header.stream_version, row.leaf_hash)
    for name in objects:
        assert streams[parse_object_id(name)][0] >= 3, f"{name} was acknowledged and is not judged"
    policy = parse_policy((place.home / "policy").read_bytes())
    report = verify_tree(place.home / "tlog", policy, notes=[*found, *notes])
    assert report.exit_code == 0, report
    assert report.head is not None and report.head.size == len(rows)
    return rows


def published(place: Place, session: Session) -> list[tuple[str, bytes]]:
    """Return every note that was ever published and the one of the rollback guard."""
    notes = [(f"published {n}", note) for n, note in published_notes(session.database.dsn(READER))]
    return notes + [
        (str(path), path.read_bytes()) for path in (place.state / "heads").glob("*") if path.suffix != ".lock"
    ]


def objects_in(text: str) -> list[str]:
    """Return the identifiers of the objects that complete lines of `identify` acknowledge."""
    lines = [line.split() for line in text.split("\n")[:-1] if not line.startswith(" ")]
    return [words[1] for words in lines if len(words) > 2 and "/O." in words[1]]


GUARDED = {
    "events": ["guard_change"],
    "commands": ["guard_change"],
    "keys": ["guard_change"],
    "published_notes": ["guard_change"],
    "head": ["guard_change", "guard_growth"],
}


def superuser(place: Place, *statements: str, tripwires: bool = True) -> None:
    """Run statements as superuser with the tripwires off, as somebody who holds the machine can, and back on after.

    `tripwires` False leaves those of the tables to the statements.
    """
    switches = [f"ALTER TABLE ledger.{t} {{}} TRIGGER {n}" for t, names in GUARDED.items() for n in names]
    database = place.database()
    with database.in_use(), psycopg.connect(database.admin_dsn(), autocommit=True) as connection:

        def run(*some: str) -> None:
            for statement in some:
                connection.execute(statement.encode())

        run(*(f"ALTER EVENT TRIGGER {name} DISABLE" for name in EVENT_TRIGGERS))
        if tripwires:
            run(*(switch.format("DISABLE") for switch in switches))
        run(*statements)
        if tripwires:
            run(*(switch.format("ENABLE ALWAYS") for switch in switches))
        run(*(f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS" for name in EVENT_TRIGGERS))


def enrol(place: Place, kind: str, *roles: str, key: bool = True) -> str:
    """Enrol a party with roles, and with a key that lies in the home, and return its identifier."""
    party = str(place.run("party", "enrol", "--kind", kind, "--json").ok().json["stream"])
    for role in roles:
        place.run("party", "assign-role", party, "--role", role).ok()
    if key:
        place.run("party", "new-key", party).ok()
    return party


def at_once(place: Place, commands: Sequence[Sequence[Any]]) -> list[int]:
    """Start all commands, wait for all, and return their exit codes."""
    running = [place.start(*command) for command in commands]
    for process in running:
        process.communicate(timeout=300)
    return [process.wait() for process in running]


def finish(process: Process) -> Answer:
    """Wait for a started command and return what it said."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode is not None
    return Answer(process.returncode, text(out), text(err))


def end(process: Process) -> None:
    """Kill a command that may still run."""
    with suppress(ProcessLookupError):
        process.kill()
    process.communicate()
