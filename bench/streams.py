"""What loaded streams cost a command: `python -m bench.streams`.

A command reads its streams whole, decodes each entry and folds it; there are no snapshots. Measured in CPU time over a
ledger in memory, so that nothing but our own work counts:

- a command of the registry by one party on another, whose streams hold 100 events each, less an append that reads
  nothing, for each of the two streams: target 5 ms
- one stream of 1,000 events decoded and folded: target 50 ms

`--turns` is how often each is measured; the table gives the medians. `--gate F` fails (exit 1) where the best turn
takes longer than its target divided by F.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from domain.events import ActorKind, Event
from domain.evidence.ledger import FoundLedger, SchemaText
from domain.governance.events import MembershipDeclared, PartyEnrolled, PartyKind, Role
from domain.governance.party import AssignRole, DeclareMembership, EnrolParty
from domain.ids import LedgerId, PartyId
from infra.clock import IdSource, now_us
from infra.store.mapper import EntryMapper
from infra.store.memory import MemoryRecorder
from producers.application import LedgerApplication
from producers.authority import PARTY, Request
from producers.commands import Actor, Decision, StreamCache, Task, Write
from producers.evidence import change_ledger
from producers.governance import found_party
from producers.ports import CommandKey
from producers.registry import REGISTRY
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

COMMAND_EVENTS, COMMAND_TARGET_MS = 100, 5.0
LONG_EVENTS, LONG_TARGET_MS = 1_000, 50.0
COMMANDS = 40


class Bench:
    """A founded ledger in memory with a registrar and another party."""

    def __init__(self) -> None:
        self.new_id = IdSource()
        self.ledger = LedgerId(self.new_id())
        self.store = MemoryRecorder(now_us)
        self.application = LedgerApplication(
            self.store, self.store, EntryMapper(), Codec(CATALOGUE), self.ledger, now_us, self.new_id
        )
        self._numbers = itertools.count()
        self.service = Actor(PartyId(self.new_id()), ActorKind.SERVICE)
        texts = tuple(SchemaText(s.sha256, s.text.decode()) for s in CATALOGUE.by_type.values())
        founding = FoundLedger("10.5072", False, ("bench.example/log",), texts)
        self._execute(change_ledger(self._key(self.service.party), self.service, self.ledger, founding))
        self.actor, self.other = self._enrol(Role.REGISTRAR), self._enrol()

    def _key(self, party: UUID) -> CommandKey:
        return CommandKey(party, self.new_id())

    def _execute(self, task: Task[Any]) -> None:
        self.application.execute(task).require()

    def _enrol(self, *roles: Role) -> PartyId:
        party = PartyId(self.new_id())
        commands = (
            EnrolParty(kind=PartyKind.ORGANISATION),
            *(AssignRole(party=party, role=role) for role in roles),
        )
        self._execute(found_party(self._key(self.service.party), self.service, party, self.ledger, commands))
        return party

    def write(self, stream: UUID, events: int) -> None:
        """Append events to a party's stream in one command, asking nobody."""
        made: tuple[Event, ...] = tuple(
            MembershipDeclared(community=f"cn.film-{next(self._numbers)}", statement=None) for _ in range(events)
        )
        task = Task(
            self._key(self.service.party),
            self.service,
            lambda view: Decision((Write(view.load(stream, PARTY), made),), stream),
            reads=lambda _: (stream,),
        )
        self._execute(task)

    def command(self) -> None:
        """Give one command of the registry: the registrar says where the other party belongs."""
        asked = DeclareMembership(party=self.other, community=f"cn.film-{next(self._numbers)}")
        self._execute(REGISTRY.task(Request(self._key(self.actor), self.actor, asked), self.ledger))

    def raw(self) -> None:
        """Append one event to a new stream; nothing is read."""
        born = (PartyEnrolled(kind=PartyKind.DEVICE),)
        task = Task(
            self._key(self.service.party),
            self.service,
            lambda view: Decision((Write(view.born(PARTY), born),), None),
        )
        self._execute(task)

    def fold(self, stream: UUID) -> None:
        """Decode and fold one stream."""
        streams = self.store.streams([stream])
        StreamCache(streams, lambda entry: self.application.codec.decode(entry).event).load(stream, PARTY)


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU time of the process during `work`, in milliseconds."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1_000


def measure() -> tuple[float, float]:
    """Return milliseconds for one loaded stream of a command, and for folding one long stream."""
    bench = Bench()
    for party in (bench.actor, bench.other):
        bench.write(party, COMMAND_EVENTS - len(bench.store.streams([party])[party]))
    loaded = cpu_ms(lambda: [bench.command() for _ in range(COMMANDS)]) / COMMANDS
    raw = cpu_ms(lambda: [bench.raw() for _ in range(COMMANDS)]) / COMMANDS
    bench.write(bench.actor, LONG_EVENTS - len(bench.store.streams([bench.actor])[bench.actor]))
    long = cpu_ms(lambda: bench.fold(bench.actor))
    bench.application.close()
    return (loaded - raw) / 2, long


def main() -> int:
    """Measure, print the table, and hold the best turn against the gate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--gate", type=float, default=None)
    parser.add_argument("--dir", help="not used: this bench touches no disk")
    given = parser.parse_args()
    turns = [measure() for _ in range(given.turns)]
    failed = False
    print(f"{'what':<44}{'median ms':>12}{'best ms':>10}{'target ms':>12}")
    for name, place, target in (
        (f"a command, for each stream of {COMMAND_EVENTS} events", 0, COMMAND_TARGET_MS),
        (f"one stream of {LONG_EVENTS} events, folded", 1, LONG_TARGET_MS),
    ):
        values = [turn[place] for turn in turns]
        print(f"{name:<44}{statistics.median(values):>12.2f}{min(values):>10.2f}{target:>12.1f}")
        failed = failed or (given.gate is not None and min(values) > target / given.gate)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
