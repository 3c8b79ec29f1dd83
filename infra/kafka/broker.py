"""One Apache Kafka broker per home, for development, demo and tests: a real one, from pinned jars, on loopback only.

    broker = Broker.open(home.path, settings)
    broker.start()                      # downloads, formats and starts as needed; returns when it answers
    ... broker.bootstrap ...
    broker.stop()

Everything lies in `<home>/kafka/`: `broker.json` (ports and cluster id, chosen once), `server.properties`,
`data/` (the records), `broker.log`, `broker.pid`. Every change holds the flock `<home>/kafka.lock`, so that two starts
at once are one broker. It is a single node in KRaft combined mode: what it acknowledged survives `kill -9` (the page
cache keeps it), not the loss of the machine. For more, name a cluster of your own in EDGEPRINT_KAFKA_BOOTSTRAP.

Trust: whoever reaches the loopback address can write to it; every consumer checks what it reads.
"""

import base64
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from domain.errors import Unavailable
from infra.kafka.jars import LOCK, Progress, fetch_jars, read_lock
from infra.kafka.java import find_java
from infra.locks import FileLock
from infra.process import (
    POLL_SECONDS,
    ProcessId,
    is_alive,
    read_json_object,
    read_pid_file,
    spawn_background,
    stop_process,
    write_durably,
)
from infra.settings import Settings

HOST: Final = "127.0.0.1"
FORMAT: Final = 1
JAVA_OPTIONS: Final = (
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.net.preferIPv4Stack=true",
)
START_S_MAX: Final = 60.0
STOP_S_MAX: Final = 30.0
FORMAT_S_MAX: Final = 60.0
FREE_BYTES_MIN: Final = 256 << 20
LOG_BYTES_MAX: Final = 8 << 20
PORTS: Final = range(20_000, 32_000)
_API_VERSIONS: Final = struct.pack(">hhih", 18, 0, 1, -1)
"""ApiVersions v0 (Kafka protocol): key, version, correlation id, null client id."""


@dataclass(frozen=True, slots=True)
class Record:
    """The content of broker.json."""

    port: int
    controller_port: int
    cluster_id: str
    home: str  # whose broker this is: a copy of the home must not take the original's for its own


class Broker:
    """The broker of one home; several objects and processes may name the same one."""

    def __init__(self, home: Path, settings: Settings) -> None:
        """Use `Broker.open`."""
        self._home = home.absolute()
        self._settings = settings
        self._place = home / "kafka"
        self._watcher: subprocess.Popen[bytes] | None = None

    @classmethod
    def open(cls, home: Path, settings: Settings) -> "Broker":
        """Return the broker of `home`; nothing is written, and it need not exist."""
        return cls(home, settings)

    @property
    def log_path(self) -> Path:
        """The broker's log."""
        return self._place / "broker.log"

    @property
    def bootstrap(self) -> str:
        """Return host:port. Raises: Unavailable if the broker was never made."""
        record = self._record()
        if record is None:
            raise Unavailable(f"{self._home} has no Kafka yet: `edgeprint dev kafka start` makes it")
        return f"{HOST}:{record.port}"

    @property
    def process(self) -> ProcessId | None:
        """Return the broker's process if it runs and is this home's, not that of a home which this one is a copy of."""
        record = self._record()
        return read_pid_file(self._place / "broker.pid") if record and record.home == str(self._home) else None

    def is_running(self) -> bool:
        """Return whether the broker's process lives; it may still be starting."""
        return self.process is not None

    def describe(self) -> dict[str, Any]:
        """Return what `status` prints."""
        record, process = self._record(), self.process
        return {
            "bootstrap": f"{HOST}:{record.port}" if record else None,
            "pid": process.pid if process else None,
            "data": str(self._place / "data"),
            "log": str(self.log_path),
        }

    def start(self, *, ends_with_parent: bool = False, progress: Progress = lambda _done, _all: None) -> None:
        """Start the broker and return when it answers; one that runs, whoever started it, is adopted.

        With `ends_with_parent` it ends when this process does, by kill -9 as well. About 3 s; the first time with a
        download of 45 MB, of which `progress` hears.

        Raises:
            Invalid: a jar is not the pinned one.
            Unavailable: no Java, no download, no disk, or the broker ended; the message holds its last words.
        """
        with self._locked("start"):
            process = self.process
            if process is not None:
                self._wait_until_it_answers(process)
                return
            process = self._start(find_java(self._settings.java), progress, ends_with_parent)
            try:
                self._wait_until_it_answers(process)
            except BaseException:
                stop_process(process, timeout_s=STOP_S_MAX)
                raise

    def stop(self) -> None:
        """Stop the broker if it runs. Raises: Unavailable if it does not end."""
        if not self._place.exists():
            return
        with self._locked("stop"):
            process = self.process
            if process is not None and not stop_process(process, timeout_s=STOP_S_MAX):
                raise Unavailable(f"Kafka (process {process.pid}) did not stop in {STOP_S_MAX:g} s")
            (self._place / "broker.pid").unlink(missing_ok=True)
        self._reap()

    def purge(self) -> None:
        """Stop the broker and remove all of it; safe to repeat. Raises: Unavailable."""
        self.stop()
        with suppress(FileNotFoundError):
            shutil.rmtree(self._place)
        (self._home / "kafka.lock").unlink(missing_ok=True)

    # -- how ----------------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, action: str) -> Iterator[None]:
        try:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self._home / "kafka.lock", timeout_s=3 * START_S_MAX, what=f"the Kafka of {self._home}"):
                yield
        except OSError as err:
            raise Unavailable(f"cannot {action} the Kafka of {self._home}: {err.strerror} ({err.filename})") from err

    def _record(self) -> Record | None:
        value = read_json_object(self._place / "broker.json")
        if value is None:
            return None
        if value.pop("format", None) != FORMAT or value.keys() != {*Record.__slots__}:
            raise Unavailable(f"expected format {FORMAT} of {self._place / 'broker.json'}, found another")
        ports = int(str(value["port"])), int(str(value["controller_port"]))
        return Record(*ports, str(value["cluster_id"]), str(value["home"]))

    def _start(self, java: str, progress: Progress, ends_with_parent: bool) -> ProcessId:
        free = shutil.disk_usage(self._place).free
        if free < FREE_BYTES_MIN:
            raise Unavailable(f"expected {FREE_BYTES_MIN >> 20} MiB free in {self._place}, found {free >> 20}")
        jars = fetch_jars(read_lock(LOCK.read_text()), self._settings.cache / "jars", self._settings.maven, progress)
        command = [java, *JAVA_OPTIONS, f"-Dlog4j2.configurationFile={LOCK.parent / 'log4j2.properties'}"]
        command += ["-cp", os.pathsep.join(map(str, jars))]
        record = self._record()
        if record is None:
            port, controller = _free_ports(2)
            record = Record(port, controller, new_cluster_id(), str(self._home))
        elif not (_is_free(record.port) and _is_free(record.controller_port)):
            port, controller = _free_ports(2)
            record = Record(port, controller, record.cluster_id, str(self._home))
        self._write(replace(record, home=str(self._home)))
        (self._place / "server.properties").write_text(server_properties(record, self._place / "data"))
        if not self._is_formatted(record):
            arguments = ["format", "--standalone", "--ignore-formatted", "-t", record.cluster_id]
            self._tool(command, *arguments, "-c", str(self._place / "server.properties"))
        self._cap_log()
        command += ["kafka.Kafka", str(self._place / "server.properties")]
        return self._launch(command, ends_with_parent)

    def _is_formatted(self, record: Record) -> bool:
        """Return whether the data directory is this broker's; Kafka itself would wait for ever in another's."""
        meta = self._place / "data" / "meta.properties"
        if not meta.exists():
            return False
        found = [line for line in meta.read_text(errors="replace").splitlines() if line.startswith("cluster.id=")]
        if found != [f"cluster.id={record.cluster_id}"]:
            raise Unavailable(f"{meta}: expected cluster.id={record.cluster_id}, found {found[0] if found else 'none'}")
        return True

    def _launch(self, command: list[str], ends_with_parent: bool) -> ProcessId:
        process = spawn_background(command, pid_file=self._place / "broker.pid", log_file=self.log_path)
        if ends_with_parent:
            self._reap()
            watch = [sys.executable, "-m", "infra.kafka.supervise", str(process.pid), process.started]
            self._watcher = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)
        return process

    def _reap(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher.stdin is not None:
            watcher.stdin.close()
            watcher.wait(STOP_S_MAX)

    def _tool(self, command: list[str], *arguments: str) -> str:
        """Run Kafka's StorageTool and return what it says."""
        try:
            done = subprocess.run(
                [*command, "kafka.tools.StorageTool", *arguments],
                capture_output=True,
                text=True,
                timeout=FORMAT_S_MAX,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise Unavailable(f"cannot run Kafka's StorageTool: {err}") from err
        if done.returncode != 0:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise Unavailable(f"Kafka's StorageTool {arguments[0]} failed: {words[-1][:300] if words else 'no word'}")
        return done.stdout

    def _write(self, record: Record) -> None:
        write_durably(self._place / "broker.json", json.dumps({"format": FORMAT, **asdict(record)}).encode() + b"\n")

    def _cap_log(self) -> None:
        with suppress(FileNotFoundError):
            if self.log_path.stat().st_size > LOG_BYTES_MAX:
                self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _wait_until_it_answers(self, process: ProcessId) -> None:
        record = self._record()
        deadline = time.monotonic() + START_S_MAX
        while record is None or not answers(record.port):
            if not is_alive(process):
                raise Unavailable(f"Kafka ended at its start: {self._last_words()}")
            if time.monotonic() >= deadline:
                raise Unavailable(f"Kafka did not answer within {START_S_MAX:g} s: {self._last_words()}")
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self.log_path.read_text(errors="replace").splitlines()[-200:]
            told = [line for line in lines if " ERROR " in line or " FATAL " in line or "Exception" in line] or lines
            if told:
                return f"{told[-1][:400]} ({self.log_path})"
        return f"see {self.log_path}"


def server_properties(record: Record, data: Path) -> str:
    """Return the broker's configuration: one node that is broker and controller, loopback only, nothing automatic."""
    listeners = f"PLAINTEXT://{HOST}:{record.port},CONTROLLER://{HOST}:{record.controller_port}"
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.bootstrap.servers": f"{HOST}:{record.controller_port}",
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://{HOST}:{record.port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "broker.session.timeout.ms": "3000",  # a killed broker's own session is waited for when it comes back
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "3",
        "group.initial.rebalance.delay.ms": "0",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "3",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    return "".join(f"{name}={value.replace(chr(92), chr(92) * 2)}\n" for name, value in lines.items())


def answers(port: int) -> bool:
    """Return whether a Kafka broker on this port of the loopback address answers ApiVersions."""
    with suppress(OSError, struct.error), socket.create_connection((HOST, port), timeout=1.0) as connection:
        connection.settimeout(1.0)
        connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
        size, correlation, error = struct.unpack(">iih", connection.recv(10, socket.MSG_WAITALL))
        return bool(size > 6 and correlation == 1 and error == 0)
    return False


def new_cluster_id() -> str:
    """Return a random id as Kafka's own tool writes it: 16 bytes in base64url, no padding, no "-" in front."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # a program would take it for an option
    return text


def _free_ports(count: int) -> list[int]:
    """Return different ports that are free now, below those that systems give to outgoing connections.

    A port from that range may be an outgoing connection's when a broker that was killed comes back.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if _is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise Unavailable(f"expected {count} free ports of {PORTS.start} to {PORTS.stop - 1}, found {len(found)}")


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
        except OSError:
            return False
        return True
