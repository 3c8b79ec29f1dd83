"""Hashing, tiles and proofs of `domain.ledger`, each against bare hashlib in the same run: `python -m bench.tree`.

Targets: leaf and tree hashing of 1,000,000 entries of 300 bytes at >= 0.5 of the speed of the same number of bare
hashlib calls over the same number of bytes; a proof made from tiles in < 1 ms and checked in < 0.1 ms at that size.

`--size N` runs a smaller tree; `--gate` ends with status 1 when a target is missed. Hashing is repeated `--repeat`
times and each line takes the fastest run, bare and ours in turns, so that a busy machine hits both alike.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from statistics import median, quantiles
from time import perf_counter

from domain.ledger.merkle import (
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hashes,
    root_from,
    verify_consistency,
    verify_inclusion,
)
from domain.ledger.tiles import TILE_WIDTH, TileGrower, TileHashReader, encode_bundle, tile_path

ENTRY_BYTES = 300
HASHING_RATIO_MIN = 0.5
MAKE_MS_MAX = 1.0
CHECK_MS_MAX = 0.1
PROOFS = 400
PROOF_LINES = (
    "make inclusion proof from tiles",
    "check inclusion proof",
    "make consistency proof from tiles",
    "root of an older size from tiles",
    "check consistency proof",
)


def bare_hashlib(leaves: int, nodes: int) -> None:
    """Hash as many inputs of the same lengths with nothing else around it."""
    hashing, leaf, node = sha256, b"x" * (ENTRY_BYTES + 1), b"x" * 65
    for _ in range(leaves):
        hashing(leaf).digest()
    for _ in range(nodes):
        hashing(node).digest()


def seconds(work: Callable[[], object]) -> float:
    """Return how long one run takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def hash_tree(entries: Sequence[bytes]) -> None:
    """Do leaf and node hashing and nothing else."""
    compact = CompactRange()
    compact.extend(leaf_hashes(entries))
    compact.root()


def grow_tiles(entries: Sequence[bytes]) -> None:
    """Do what the sealer computes: leaves, nodes, the bytes of every tile and bundle."""
    grower = TileGrower()
    for start in range(0, len(entries), 8192):
        part = entries[start : start + 8192]
        grower.extend(leaf_hashes(part))
        for at in range(0, len(part), TILE_WIDTH):
            encode_bundle(part[at : at + TILE_WIDTH])
        for _ in grower.tiles():
            pass
        grower.mark_written()


def hashing_table(entries: Sequence[bytes], repeat: int) -> float:
    """Print the hashing lines and return the ratio that has a target."""
    size = len(entries)
    nodes = size - size.bit_count()
    works: dict[str, Callable[[], object]] = {
        "bare hashlib, same calls": lambda: bare_hashlib(size, nodes),
        "leaves + tree": lambda: hash_tree(entries),
        "leaves + tree + tiles + bundles": lambda: grow_tiles(entries),
    }
    best = dict.fromkeys(works, float("inf"))
    for _ in range(repeat):
        for name, work in works.items():
            best[name] = min(best[name], seconds(work))
    bare = best["bare hashlib, same calls"]
    print(f"{'hashing ' + format(size, ',') + ' entries':<34}{'s':>8}{'us/leaf':>9}{'ratio':>7}")
    for name, spent in best.items():
        print(f"{name:<34}{spent:8.3f}{spent / size * 1e6:9.3f}{bare / spent:7.2f}")
    return bare / best["leaves + tree"]


def proof_table(entries: Sequence[bytes]) -> tuple[float, float]:
    """Print the proof lines and return the medians (ms) of making and checking an inclusion proof."""
    size = len(entries)
    leaves = leaf_hashes(entries)
    grower = TileGrower()
    grower.extend(leaves)
    files = {tile_path(tile): data for tile, data in grower.tiles()}
    root = grower.root()
    times: dict[str, list[float]] = {name: [] for name in PROOF_LINES}
    for number in range(PROOFS):
        index = number * 2_654_435_761 % size
        start = perf_counter()
        path = inclusion_proof(index, size, TileHashReader(size, files.__getitem__))
        made = perf_counter()
        verify_inclusion(index=index, size=size, leaf=leaves[index], path=path, root=root)
        checked = perf_counter()
        way = consistency_proof(index + 1, size, TileHashReader(size, files.__getitem__))
        made_way = perf_counter()
        old_root = root_from(index + 1, TileHashReader(size, files.__getitem__))
        read_root = perf_counter()
        verify_consistency(size1=index + 1, root1=old_root, size2=size, root2=root, path=way)
        stops = (start, made, checked, made_way, read_root, perf_counter())
        for name, begin, end in zip(PROOF_LINES, stops[:-1], stops[1:], strict=True):
            times[name].append((end - begin) * 1e3)
    print(f"\n{'proofs at ' + format(size, ','):<34}{'median ms':>10}{'p99 ms':>8}{'n':>5}")
    for name, spent in times.items():
        print(f"{name:<34}{median(spent):10.3f}{quantiles(spent, n=100)[98]:8.3f}{len(spent):5d}")
    return median(times[PROOF_LINES[0]]), median(times[PROOF_LINES[1]])


def main() -> int:
    """Run, print the table, and return 1 when `--gate` is given and a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--gate", action="store_true")
    options = parser.parse_args()
    entries = [b"%012d" % index + b"x" * (ENTRY_BYTES - 12) for index in range(options.size)]
    ratio = hashing_table(entries, options.repeat)
    make_ms, check_ms = proof_table(entries)
    verdicts = {
        f"leaves + tree >= {HASHING_RATIO_MIN} of bare hashlib": ratio >= HASHING_RATIO_MIN,
        f"proof made in < {MAKE_MS_MAX} ms": make_ms < MAKE_MS_MAX,
        f"proof checked in < {CHECK_MS_MAX} ms": check_ms < CHECK_MS_MAX,
    }
    print()
    for target, met in verdicts.items():
        print(f"{'met   ' if met else 'MISSED'} {target}")
    return 1 if options.gate and not all(verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
