"""Thousands of seeded steps of relay, strangers, crashes, take-overs, rewinds, bugs and retries around one consumer.

The real feed, runtime and store; the log is relayed in memory. Whatever the order, no forged entry is counted, what
is counted is a prefix of the log but for the streams that wait, and mended at the end it equals one that began anew.
"""

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers.claims import Claims
from consumers.feed import Cursor, Delivery, Feed
from consumers.runtime import Runtime
from consumers.sealed import SealedFeed
from domain.errors import Conflict
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.records import Partition, Received
from tests.consumer_kit import Counting, close_stores, counted, open_counts
from tests.feed_kit import Topics, make_note, make_row
from tests.sealer_kit import POLICY
from tests.unit.test_runtime import Letters

SIZE = 120
ROWS = [make_row(index) for index in range(SIZE)]
ENTRIES = {row.entry for row in ROWS}
CLAIMS = Claims(CATALOGUE)
STEPS = 150


class Simulation:
    """One run by one seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.topics = Topics(at_once=self.draw.choice([1, 5, 40]))
        self.letters = Letters()
        self.handler = Counting(self.refuse)
        self.path = folder / "counting.sqlite3"
        self.relayed = self.signed = 0
        self.forged: list[int] = []
        self.failing: set[int] = set()
        self.runtimes = [self.start(), self.start()]

    def refuse(self, entry: Delivery) -> None:
        assert entry.entry in ENTRIES, "a forged entry was delivered"
        if entry.index in self.failing:
            raise ValueError(f"cannot digest {entry.index}")

    def make_feed(self, cursor: Cursor, partitions: list[Partition]) -> Feed:
        return SealedFeed(POLICY.verify_checkpoint, CLAIMS, cursor, partitions)

    def start(self) -> Runtime[Any]:
        made: Runtime[Any] = Runtime(
            self.handler, self.make_feed, self.topics, open_counts(self.path), self.letters, {},
            rest=lambda _seconds: None, log=lambda _text: None,
        )  # fmt: skip
        made.recover()
        return made

    def step(self) -> None:
        act = self.draw.choice([self.relay, self.publish, self.stranger, self.crash, self.rewind, self.bug, self.retry])
        if self.draw.random() < 0.5:
            act()
        for runtime in self.runtimes:
            try:
                runtime.step()
            except Conflict:
                runtime.recover()
        waiting = {one.index for one in open_counts(self.path).waiting()}
        came = set(counted(self.path))
        reached = open_counts(self.path).cursor().next_index
        assert came | waiting == set(range(reached)), "neither counted nor waiting"
        close_stores_but(self.runtimes)

    def relay(self) -> None:
        more = self.draw.randint(1, 9)
        self.topics.relay(*ROWS[self.relayed : self.relayed + more])
        self.relayed = min(SIZE, self.relayed + more)

    def publish(self) -> None:
        if self.relayed > self.signed:
            self.signed = self.relayed
            self.topics.publish(make_note(self.signed, ROWS))

    def stranger(self) -> None:
        index = self.draw.randrange(SIZE)
        self.forged = [one for one in self.forged if one >= self.signed]
        if len(self.forged) >= 5 or index in self.forged:
            return  # more rival claims before a checkpoint stop a consumer until an operator skips some
        self.forged.append(index)
        row = make_row(index, self.draw.randint(0, 3))
        claimed = index if self.draw.random() < 0.7 else index + self.draw.choice([1, 1_000_000])
        out = record_of(dataclasses.replace(row, index=claimed))
        self.topics.write(Received(out.topic, out.partition, 0, out.timestamp_ms, out.key, out.value, out.headers))

    def crash(self) -> None:
        self.runtimes[self.draw.randrange(2)] = self.start()

    def rewind(self) -> None:
        store = open_counts(self.path)
        reached = store.cursor().next_index
        waiting = [one.index for one in store.waiting()]
        if reached and not waiting:
            store.rewind(self.draw.randrange(reached + 1), self.handler.rewind)

    def bug(self) -> None:
        self.failing = {self.draw.randrange(SIZE)} if self.draw.random() < 0.5 else set()

    def retry(self) -> None:
        open_counts(self.path).ask_to_retry(None)

    def mend(self) -> list[int]:
        """Relay and sign everything, mend the handler, feed what waits again, and return what is counted."""
        self.failing = set()
        self.topics.relay(*ROWS[self.relayed :])
        self.topics.publish(make_note(SIZE, ROWS))
        open_counts(self.path).ask_to_retry(None)
        last = self.start()
        for _ in range(400):
            last.step()
            if last.parked:
                open_counts(self.path).ask_to_retry(None)
        assert last.parked == 0 and last.caught_up
        return counted(self.path)


def close_stores_but(runtimes: list[Runtime[Any]]) -> None:
    """Close the stores that were opened only to look."""
    from tests import consumer_kit

    kept = [runtime._store for runtime in runtimes]
    for store in [one for one in consumer_kit.OPENED if one not in kept]:
        store.close()
        consumer_kit.OPENED.remove(store)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_stores()


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(s, marks=pytest.mark.soak) for s in range(4, 150))])
def test_whatever_comes_in_whatever_order(tmp_path: Path, seed: int) -> None:
    simulation = Simulation(tmp_path, seed)
    for _ in range(STEPS):
        simulation.step()
    assert simulation.mend() == list(range(SIZE))
