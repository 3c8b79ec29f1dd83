"""The processes of a home that go on behind `edgeprint up`: the sealer, the projector, the relay, the API.

Each is `python -m MODULE --home HOME ...`, found by `run/<name>.pid`, which also names the moment it started, so that a
pid used again by somebody else is never taken for it. It says in a file of its own when it is at work; `start` waits.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from infra.home import Home
from infra.locks import is_held
from infra.process import (
    POLL_SECONDS,
    EndedAtOnce,
    ProcessId,
    is_alive,
    read_json_object,
    read_pid_file,
    spawn_background,
    stop_process,
)

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 30.0
LOG_LINE_BYTES_MAX: Final = 2_000


@dataclass(frozen=True, slots=True)
class Background:
    """One process of a home; `name` names its files in `run/`, `ready_file` the one it writes when it is at work."""

    home: Home
    name: str
    module: str
    ready_file: str

    @property
    def log_path(self) -> Path:
        """Return its log."""
        return self.home.run / f"{self.name}.log"

    @property
    def process(self) -> ProcessId | None:
        """Return the process if it runs."""
        return read_pid_file(self.home.run / f"{self.name}.pid")

    def start(self, arguments: Sequence[str] = ()) -> ProcessId:
        """Start it unless it runs, and return when it is at work.

        Raises:
            Unavailable: it ended before, its last line is quoted, or it does not get there in time and goes on trying.
        """
        process = self.process
        if process is None:
            try:
                process = spawn_background(
                    [sys.executable, "-m", self.module, "--home", str(self.home.path), *arguments],
                    pid_file=self.home.run / f"{self.name}.pid",
                    log_file=self.log_path,
                )
            except EndedAtOnce as err:  # a busy machine gives it time to end before we look
                raise Unavailable(self._ended()) from err
        self._wait_until_ready(process)
        return process

    def stop(self) -> None:
        """Stop it if it runs. Raises: Unavailable if it does not end."""
        process = self.process
        if process is not None and not stop_process(process, timeout_s=STOP_SECONDS_MAX):
            raise Unavailable(f"the {self.name} (process {process.pid}) did not stop in {STOP_SECONDS_MAX:g} s")
        (self.home.run / f"{self.name}.pid").unlink(missing_ok=True)

    def is_ready(self, process: ProcessId) -> bool:
        """Return whether exactly this process has said that it is at work, in a pid file or a JSON object."""
        path = self.home.run / self.ready_file
        if path.suffix != ".json":
            return read_pid_file(path) == process
        said = read_json_object(path) or {}
        return (said.get("pid"), said.get("started")) == (process.pid, process.started)

    def is_at_work(self) -> bool:
        """Return whether a live process has said that it is at work: whoever started it, also in another container."""
        return is_held(self.home.run / self.ready_file)

    def is_wanted(self) -> bool:
        """Return whether one has begun and was not told to end since; relay and projector take their file away."""
        return (self.home.run / self.ready_file).exists()

    def _wait_until_ready(self, process: ProcessId) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready(process):
            if not is_alive(process):
                raise Unavailable(self._ended())
            if time.monotonic() >= deadline:
                raise Unavailable(
                    f"the {self.name} (process {process.pid}) has not begun within {START_SECONDS_MAX:g} s and goes on "
                    f"trying: {self._last_line()}"
                )
            time.sleep(POLL_SECONDS)

    def _ended(self) -> str:
        return f"the {self.name} ended at its start: {self._last_line()}"

    def _last_line(self) -> str:
        """Return the last line of the log, or where it lies."""
        with suppress(OSError), self.log_path.open("rb") as file:
            file.seek(max(0, self.log_path.stat().st_size - LOG_LINE_BYTES_MAX))
            lines = file.read().decode(errors="replace").splitlines()
            if lines:
                return f"{lines[-1]} ({self.log_path})"
        return f"see {self.log_path}"


def sealer(home: Home) -> Background:
    """Return the sealer of a home."""
    return Background(home, "sealer", "infra.sealer.process", "sealer.ready")


def projector(home: Home) -> Background:
    """Return the projector of a home."""
    return Background(home, "projector", "infra.views.process", "projector.ready")


def relay(home: Home) -> Background:
    """Return the relay of a home; it is started with `--bootstrap`."""
    return Background(home, "relay", "infra.kafka.relay", "relay.ready")


def api(home: Home) -> Background:
    """Return the HTTP API of a home."""
    return Background(home, "api", "infra.http.process", "api.json")


def api_url(home: Home) -> str | None:
    """Return where the API of a home is found, None if it does not run."""
    service = api(home)
    process = service.process
    if process is None or not service.is_ready(process):
        return None
    said = read_json_object(home.run / service.ready_file) or {}
    return str(said.get("url"))


def relayed_size(home: Home) -> int | None:
    """Return how many entries are on Kafka as the relay last said, None if it never ran here."""
    said = (read_json_object(home.run / "relay.json") or {}).get("relayed_size")
    return said if isinstance(said, int) and said >= 0 else None


def relayed_to(home: Home) -> str | None:
    """Return the brokers that the relay last said it serves, None if it never ran here."""
    said = (read_json_object(home.run / "relay.json") or {}).get("bootstrap")
    return said if isinstance(said, str) else None
