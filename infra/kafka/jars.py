"""The jars of the embedded broker: pinned one by one, fetched once into a cache, checked at every start.

`infra/deploy/kafka/jars.lock` has a line `group:artifact:version sha256` for each of the 46 jars; nothing is resolved,
so nothing can change behind our back (ADR 0021). A jar counts only if its SHA-256 is the pinned one: cache and
repository are trusted with nothing. 45 MB, fetched in 1.2 s from a near mirror, hashed in 0.04 s.
"""

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from domain.errors import Invalid, Unavailable
from infra.process import sync_directory

LOCK: Final = Path(__file__).parents[1] / "deploy" / "kafka" / "jars.lock"
JAR_BYTES_MAX: Final = 64 << 20
ANSWER_S: Final = 60.0
AT_ONCE: Final = 6
CHUNK: Final = 1 << 18
_LINE: Final = re.compile(r"([A-Za-z0-9._-]+):([A-Za-z0-9._-]+):([A-Za-z0-9._-]+) ([0-9a-f]{64})\Z")
Progress = Callable[[int, int], None]
"""Hears jars that are there, and jars in all."""


class Jar(NamedTuple):
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """Return the file's name."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def path(self) -> str:
        """Return the path below a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"


def read_lock(text: str) -> tuple[Jar, ...]:
    """Return the jars of a lock file. Raises: Invalid names the first line that is none."""
    jars = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            match = _LINE.match(line)
            if match is None:
                raise Invalid(f"jars.lock line {number}: expected group:artifact:version sha256, found {line[:80]!r}")
            jars.append(Jar(*match.groups()))
    return tuple(jars)


def fetch_jars(jars: tuple[Jar, ...], cache: Path, repository: str, progress: Progress) -> list[Path]:
    """Return the paths of all jars, fetching those that the cache lacks or has damaged; safe in several processes.

    Raises:
        Invalid: what the repository gives is not the pinned jar; the message names it.
        Unavailable: it cannot be fetched or stored. What was fetched stays: the next call goes on.
    """
    try:
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as err:
        raise Unavailable(f"{cache}: expected to make the cache of jars, found {err.strerror}") from err
    missing = [jar for jar in jars if _digest(cache / jar.name) != jar.sha256]
    done = len(jars) - len(missing)
    if missing:
        progress(done, len(jars))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda jar: _fetch(jar, cache, repository), missing):
                done += 1
                progress(done, len(jars))
        sync_directory(cache)
    return [cache / jar.name for jar in jars]


def _fetch(jar: Jar, cache: Path, repository: str) -> None:
    url = f"{repository.rstrip('/')}/{jar.path}"
    handle, temporary = tempfile.mkstemp(dir=cache, prefix=f".{jar.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            found = _download(url, file.write)
            file.flush()
            os.fsync(file.fileno())
        if found != jar.sha256:
            raise Invalid(f"{url}: expected a jar of sha256 {jar.sha256}, found {found}")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(cache / jar.name)
    except (OSError, urllib.error.URLError) as err:
        raise Unavailable(f"{url}: expected to fetch the jar, found {err}") from err
    finally:
        Path(temporary).unlink(missing_ok=True)


def _download(url: str, write: Callable[[bytes], int]) -> str:
    """Hand the bytes of a URL to `write` and return their SHA-256 in hex."""
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=ANSWER_S) as answer:
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > JAR_BYTES_MAX:
                raise Invalid(f"{url}: expected at most {JAR_BYTES_MAX} bytes, found more")
            digest.update(chunk)
            write(chunk)
    return digest.hexdigest()


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise Unavailable(f"{path}: expected to read a jar of the cache, found {err.strerror}") from err
