"""How fast files come in, without the ledger: one large file, many small files.

Run from the repository: `python -m bench.intake [--mib 512] [--files 10000] [--dir DIR]`. The disk under DIR counts;
its fsync latency is printed. Ratios are made in one run: the large file's yardstick is SHA-256 and SM3 one after the
other over the same bytes in memory, which is what `sha256sum` and one SM3 pass cost without reading and writing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from infra.blobs.digests import new_sm3
from infra.blobs.store import BlobStore
from infra.intake.walk import Found, walk

TARGET_LARGE_RATIO = 0.7
TARGET_SMALL_PER_S = 5_000


def seconds(action: Callable[[], object]) -> float:
    """Return how long `action` took."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def fsync_latency_ms(folder: Path) -> float:
    """Return the median of 50 fsyncs of 4 KiB overwritten in place."""
    with tempfile.TemporaryFile(dir=folder) as file:
        times = []
        for _ in range(50):
            os.pwrite(file.fileno(), os.urandom(4096), 0)
            times.append(seconds(lambda: os.fsync(file.fileno())))
    return statistics.median(times) * 1e3


def large(folder: Path, mib: int) -> tuple[float, float, float]:
    """Return (MiB/s taken in, MiB/s of the yardstick, ratio) for one file of `mib` MiB; medians of three."""
    block = os.urandom(1 << 20)
    path = folder / "large.bin"
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(block)
    ingest, yardstick = [], []
    for turn in range(3):
        sha256, sm3 = hashlib.sha256(), new_sm3()

        def both(sha256: hashlib._Hash = sha256, sm3: object = sm3) -> None:
            for _ in range(mib):
                sha256.update(block)
            for _ in range(mib):
                sm3.update(block)  # type: ignore[attr-defined]  # Digest, see infra.blobs.digests

        store = BlobStore(folder / f"large-{turn}")
        yardstick.append(seconds(both))
        ingest.append(seconds(lambda store=store: store.ingest(path)))  # type: ignore[misc]  # default binds the loop
    rate, reference = mib / statistics.median(ingest), mib / statistics.median(yardstick)
    return rate, reference, rate / reference


def small(folder: Path, files: int) -> tuple[float, float]:
    """Return (files/s through walk + batch, files/s of plain read and both hashes) for files of 1 to 8 KiB."""
    source = folder / "small"
    source.mkdir()
    for number in range(files):
        (source / f"{number:06d}.bin").write_bytes(os.urandom(1024 + number % 7 * 1024))
    store = BlobStore(folder / "small-blobs")

    def intake() -> None:
        with store.batch() as batch:
            for found in walk([source]):
                if isinstance(found, Found):
                    with found.open() as opened:
                        batch.ingest(opened)

    def plain() -> None:
        for path in source.iterdir():
            data = path.read_bytes()
            hashlib.sha256(data).digest()
            new_sm3().update(data)

    reference = seconds(plain)
    return files / seconds(intake), files / reference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--dir", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="edgeprint-bench-", dir=options.dir))
    try:
        print(f"fsync of 4 KiB in place       {fsync_latency_ms(folder):8.2f} ms")
        rate, reference, ratio = large(folder, options.mib)
        print(f"one file of {options.mib} MiB: taken in  {rate:8.0f} MiB/s")
        print(f"  sha256 + sm3 in memory      {reference:8.0f} MiB/s")
        print(f"  ratio                       {ratio:8.2f} (target >= {TARGET_LARGE_RATIO})")
        per_s, plain = small(folder, options.files)
        print(f"{options.files} small files: taken in   {per_s:8.0f} /s (target >= {TARGET_SMALL_PER_S})")
        print(f"  read and hashed only        {plain:8.0f} /s, ratio {per_s / plain:.2f}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
