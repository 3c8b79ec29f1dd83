"""Every view built from Kafka by random histories: relayed in any order, among strangers, crashed, rewound, stopped.

The real feed, runtime, store and handler; topics in memory. After every step each view is what memory makes of the
entries before its position, which is the consumer's cursor unless the view stopped; in the end each is what memory
makes of all of them, whatever came between.
"""

import dataclasses
import random
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from consumers.runtime import Runtime
from domain.errors import Conflict
from domain.ledger.merkle import leaf_hash
from infra.consumers.store import ConsumerStore
from infra.consumers.views import Views, views_store
from infra.dev.corpus import small_history
from producers.ports import LedgerRow
from producers.relay import record_of
from projections.catalogue import VIEWS
from projections.tables import Change, Rows
from projections.view import Read
from schemas.catalogue import CATALOGUE
from schemas.records import Received
from tests.fed_kit import folded, runtime_of, told
from tests.feed_kit import Topics, make_note
from tests.machine_kit import run_machine
from tests.property.test_governance_machine import Governance
from tests.property.test_subject_machine import Subjects
from tests.property.test_upkeep_machine import Upkeep
from tests.unit.test_runtime import Letters
from tests.view_kit import history
from tests.view_samples import count, counting

STEPS = 60
FORGED_MAX = 7
"""Indexes with rival claims; the root decides among 256 combinations, then an operator has to skip some."""


class Crash(BaseException):
    """The process ends here."""


class Simulation:
    """One history by one seed."""

    def __init__(self, folder: Path, rows: Sequence[LedgerRow], seed: int) -> None:
        self.draw = random.Random(seed)
        self.rows = rows
        self.topics = Topics(at_once=self.draw.choice([2, 10, 60]))
        self.letters = Letters()
        self.path = folder / "views.sqlite3"
        self.relayed = self.signed = 0
        self.forged: set[int] = set()
        self.failing: set[int] = set()
        self.crash_in: int | None = None
        self.views = (
            *VIEWS[:3],
            counting("fragile", handle=self.crash),
            *VIEWS[3:],
            counting("brittle", handle=self.fail),
        )
        self.folds: dict[tuple[str, int], str] = {}
        self.stores: list[ConsumerStore[Any]] = []
        self.runtimes = [self.start(), self.start()]
        self.turn = 0

    def crash(self, read: Read, rows: Rows) -> tuple[Change, ...]:
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crash
        return count(read, rows)

    def fail(self, read: Read, rows: Rows) -> tuple[Change, ...]:
        if read.index in self.failing:
            raise LookupError(f"cannot digest {read.index}")
        return count(read, rows)

    def start(self) -> Runtime[Any]:
        store = views_store(self.path)
        self.stores.append(store)
        return runtime_of(Views(self.views, CATALOGUE), self.topics, store, self.letters)

    def close(self) -> None:
        for store in self.stores:
            store.close()

    def step(self) -> None:
        acts = [self.relay, self.relay, self.publish, self.stranger, self.copy, self.kill, self.rewind, self.bug]
        self.draw.choice(acts)()
        if self.draw.random() < 0.2:
            self.turn = 1 - self.turn
        for _ in range(self.draw.randint(1, 40)):
            if self.work():
                self.look()

    def work(self) -> bool:
        """Let whoever's turn it is do one step; return whether the store may be another one now."""
        runtime = self.runtimes[self.turn]
        try:
            return runtime.step() > 0
        except Conflict:
            runtime.recover()
        except Crash:
            self.runtimes[self.turn] = self.start()
        return True

    def look(self) -> None:
        """Hold each view against the entries before it."""
        with closing(views_store(self.path)) as store:
            reached = store.cursor().next_index
            assert not store.waiting() and not self.letters.kept, "nothing is ever parked"
        for name, one in told(self.views, self.path).items():
            position = one["position"]
            if one["because"] is None:
                assert position == reached, name
            else:
                assert (name, one["stopped_at"], position <= reached) == ("brittle", position, True), one
            assert one["digest"] == self.digest(name, position), (name, position)

    def digest(self, name: str, position: int) -> str:
        """Return the digest of the view that memory makes of the entries before a position."""
        if (name, position) not in self.folds:
            plain = {view.name: view for view in (*VIEWS, counting("fragile"), counting("brittle"))}
            self.folds[name, position] = folded(plain[name], self.rows[:position]).digest().hex()
        return self.folds[name, position]

    def relay(self, more: int | None = None) -> None:
        """Write some entries as the relay does; those of other partitions overtake one another."""
        end = min(len(self.rows), self.relayed + (more or self.draw.randint(1, 1 + len(self.rows) // 10)))
        by_partition: dict[tuple[str, int], list[LedgerRow]] = {}
        for row in self.rows[self.relayed : end]:
            out = record_of(row)
            by_partition.setdefault((out.topic, out.partition), []).append(row)
        while by_partition:
            place = self.draw.choice(sorted(by_partition))
            self.topics.relay(by_partition[place].pop(0))
            if not by_partition[place]:
                del by_partition[place]
        self.relayed = end

    def publish(self) -> None:
        if self.relayed > self.signed:
            self.signed = self.relayed
            self.topics.publish(make_note(self.signed, self.rows))

    def stranger(self) -> None:
        """Write a whole record of bytes that are not the entry's, in its place or behind the end of the log."""
        row = self.draw.choice(self.rows)
        entry = row.entry[:-1] + bytes([row.entry[-1] ^ self.draw.randint(1, 255)])
        self.claim(LedgerRow(row.index, row.type, entry, leaf_hash(entry)))
        self.write(LedgerRow(row.index + 1_000_000, row.type, entry, leaf_hash(entry)))

    def copy(self) -> None:
        """Write true records once more, one of them as if it were another entry."""
        if self.relayed:
            for row in self.draw.choices(self.rows[: self.relayed], k=4):
                self.write(row)
            self.claim(dataclasses.replace(row, index=self.draw.randrange(len(self.rows))))

    def claim(self, row: LedgerRow) -> None:
        """Write a forged record for an index that has no rival yet."""
        if row != self.rows[row.index] and row.index not in self.forged and len(self.forged) < FORGED_MAX:
            self.forged.add(row.index)
            self.write(row)

    def write(self, row: LedgerRow) -> None:
        out = record_of(row)
        self.topics.write(Received(out.topic, out.partition, 0, out.timestamp_ms, out.key, out.value, out.headers))

    def kill(self) -> None:
        """Start a process in the place of one, or let one die in the middle of a batch."""
        if self.draw.random() < 0.5:
            self.runtimes[self.draw.randrange(2)] = self.start()
        else:
            self.crash_in = self.draw.randrange(40)

    def rewind(self) -> None:
        with closing(views_store(self.path)) as store:
            store.rewind(self.draw.randrange(store.cursor().next_index + 1), Views(self.views, CATALOGUE).rewind)

    def bug(self) -> None:
        """Let the handler of one view stumble over some entries from now on, or mend it."""
        self.failing = set(self.draw.choices(range(len(self.rows)), k=5)) if self.draw.random() < 0.6 else set()

    def mend(self) -> None:
        """Relay and sign the rest, mend the handlers, give what stopped its entries again, and look at all of it."""
        self.failing, self.crash_in = set(), None
        self.relay(len(self.rows))
        self.publish()
        stops = [one["stopped_at"] for one in told(self.views, self.path).values() if one["because"]]
        if stops:
            with closing(views_store(self.path)) as store:
                store.rewind(min(stops), Views(self.views, CATALOGUE).rewind)
        last = self.start()
        for _ in range(5_000):
            last.step()
            if last.quiet > 5 and last.caught_up:
                break
        assert last.caught_up and last.parked == 0
        found = told(self.views, self.path)
        assert {name: (one["position"], one["because"]) for name, one in found.items()} == {
            view.name: (len(self.rows), None) for view in self.views
        }
        self.look()


def simulate(rows: Sequence[LedgerRow], seed: int) -> None:
    with TemporaryDirectory() as folder:
        simulation = Simulation(Path(folder), rows, seed)
        try:
            for _ in range(STEPS):
                simulation.step()
            simulation.mend()
        finally:
            simulation.close()


@cache
def everything() -> list[LedgerRow]:
    return history()


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(s, marks=pytest.mark.soak) for s in range(4, 150))])
def test_whatever_comes_in_whatever_order(seed: int) -> None:
    simulate(everything() if seed % 4 == 0 else small_history(seed, objects=12), seed)


def over_kafka(machine: type[RuleBasedStateMachine]) -> type[RuleBasedStateMachine]:
    """Return a machine of a town whose history is fed through the topics in the end."""

    class OverKafka(machine):  # type: ignore[valid-type, misc]  # a class of each machine
        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "town"):
                rows = self.town.store.rows(0, 100_000)
                simulate(rows, int.from_bytes(rows[-1].leaf_hash[:4], "big"))

    return OverKafka


@pytest.mark.soak
@pytest.mark.parametrize("machine", [Upkeep, Governance, Subjects])
def test_whatever_people_do(machine: type[RuleBasedStateMachine]) -> None:
    run_machine(over_kafka(machine), 20)
