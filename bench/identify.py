"""The command that people type, end to end: `python -m bench.identify [--files 10000] [--mib 1024] [--dir DIR]`.

`edgeprint identify FOLDER` is run as a process of its own on a fresh ledger: start of Python and of PostgreSQL, walk,
hashing, durable blobs, one command of two or three events a file, seal, stop. Two folders:

    small   10,000 files of 1 to 8 KiB in 20 folders: files a second over the whole wall time
    large   files of 64 MiB each: bytes a second against `sha256sum` followed by one SM3 pass over the same files

`--turns N` repeats each with a ledger and files of its own and prints every turn; the best counts for `--gate F`, which
fails (exit 1) below F x the targets. What was made stays until the end: ext4 creates files several times slower right
after many were removed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.kit import fsync_latency_ms
from infra.blobs.digests import new_sm3

TARGET_SMALL_PER_S = 2_000
TARGET_LARGE_RATIO = 0.7
LARGE_FILE_MIB = 64
FOLDERS = 20


class Edgeprint:
    """The command line, on a home that is founded here and removed by `purge`."""

    def __init__(self, home: Path) -> None:
        self._environment = {**os.environ, "EDGEPRINT_HOME": str(home), "EDGEPRINT_STATE": str(home.parent / "state")}
        self._environment.pop("DATABASE_URL", None)
        self._run("init")

    def identify(self, folder: Path) -> tuple[float, int]:
        """Identify what is in `folder`; return wall seconds and how many files were taken in."""
        started = time.perf_counter()
        answer = self._run("identify", str(folder), "--json")
        return time.perf_counter() - started, int(json.loads(answer)["taken"])

    def purge(self) -> None:
        """Remove the home and its database."""
        self._run("down", "--purge", "--yes")

    def _run(self, *arguments: str) -> bytes:
        command = [sys.executable, "-m", "infra.cli.main", *arguments]
        return subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, check=True).stdout


def write_small(folder: Path, files: int) -> None:
    """Write files of 1 to 8 KiB of noise."""
    for number in range(files):
        place = folder / f"{number % FOLDERS:02d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06d}.bin").write_bytes(os.urandom(1024 + number % 8 * 1024))
    os.sync()


def write_large(folder: Path, mib: int) -> None:
    """Write `mib` MiB of noise, in files of 64 MiB."""
    folder.mkdir(parents=True)
    for number in range(mib // LARGE_FILE_MIB):
        with (folder / f"{number:03d}.bin").open("wb") as file:
            for _ in range(LARGE_FILE_MIB):
                file.write(os.urandom(1 << 20))
    os.sync()


def yardstick(folder: Path) -> float:
    """Return the seconds of `sha256sum` over all files and then one SM3 pass."""
    paths = sorted(folder.iterdir())
    started = time.perf_counter()
    subprocess.run(["sha256sum", *paths], stdout=subprocess.DEVNULL, check=True)
    for path in paths:
        sm3 = new_sm3()
        with path.open("rb", buffering=0) as file:
            while block := file.read(1 << 20):
                sm3.update(block)
    return time.perf_counter() - started


def small_turn(directory: Path, files: int) -> float:
    """Return files a second."""
    write_small(directory / "small", files)
    seconds, taken = Edgeprint(directory / "home").identify(directory / "small")
    if taken != files:
        raise RuntimeError(f"expected {files} files taken in, found {taken}")
    print(f"small  {files:>7,} files {seconds:>8.2f} s {files / seconds:>10,.0f} files/s")
    return files / seconds


def large_turn(directory: Path, mib: int) -> float:
    """Return the ratio to the yardstick."""
    write_large(directory / "large", mib)
    bare = yardstick(directory / "large")
    seconds, _ = Edgeprint(directory / "home").identify(directory / "large")
    ratio = bare / seconds
    print(f"large  {mib:>7,} MiB   {seconds:>8.2f} s {mib / seconds:>10,.0f} MiB/s, ", end="")
    print(f"sha256sum + SM3 {mib / bare:,.0f} MiB/s, ratio {ratio:.2f}")
    return ratio


def main() -> int:
    """Print the table; return 1 if the gate is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="small files; 0 leaves them out")
    parser.add_argument("--mib", type=int, default=1_024, help="MiB of large files; 0 leaves them out")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--dir", type=Path, help="where everything is made (default: a temporary folder)")
    parser.add_argument("--gate", type=float, default=0.0, help="fail below this share of the targets")
    options = parser.parse_args()
    small, large = [], []
    with tempfile.TemporaryDirectory(dir=options.dir) as name:
        print(f"fsync of 4 KiB in place, median of 50: {fsync_latency_ms(Path(name)):.3f} ms")
        try:
            for turn in range(options.turns):
                if options.files:
                    small.append(small_turn(Path(name, f"small-{turn}"), options.files))
                if options.mib:
                    large.append(large_turn(Path(name, f"large-{turn}"), options.mib))
        finally:
            purge_all(Path(name))
    print(f"targets: {TARGET_SMALL_PER_S:,} small files/s, ratio {TARGET_LARGE_RATIO} for large files")
    bad = small and max(small) < TARGET_SMALL_PER_S * options.gate
    bad = bad or (large and max(large) < TARGET_LARGE_RATIO * options.gate)
    return 1 if bad else 0


def purge_all(directory: Path) -> None:
    """Remove the databases, which may lie outside the folder."""
    for home in directory.glob("*/home"):
        environment = {**os.environ, "EDGEPRINT_HOME": str(home), "EDGEPRINT_STATE": str(home.parent / "state")}
        subprocess.run(
            [sys.executable, "-m", "infra.cli.main", "down", "--purge", "--yes"], env=environment, check=True
        )


if __name__ == "__main__":
    sys.exit(main())
