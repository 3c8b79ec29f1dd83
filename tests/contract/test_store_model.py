"""PostgreSQL and memory answer any sequence of batches alike: commands, versions, guards, keys, refusals, resets."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from random import Random
from uuid import UUID

import psycopg
import pytest

from domain.events import ZERO_HASH
from infra.store.check import check_keys_and_commands, check_rows
from infra.store.memory import MemoryRecorder
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendRequest, AppendStatus, CommandKey
from tests.conftest import LedgerDatabase
from tests.store_kit import NOTED, RESET, SCHEMA_TYPES, Writer, keys_of, last_leaf, new_id, now_us

KEYS = [f"key/{n}" for n in range(4)]


class Chaos:
    """Makes requests that touch each other often, and are wrong now and then."""

    def __init__(self, seed: int, writer: Writer) -> None:
        self.random = Random(seed)
        self.writer = writer
        self.streams: list[UUID] = [new_id() for _ in range(5)]
        self.commands: list[CommandKey] = []
        self.leaves: dict[UUID, list[bytes]] = {}
        self.event_ids: list[UUID] = []

    def request(self) -> AppendRequest:
        """Return a request that is right by what was made before it, mostly."""
        draw = self.random
        stream = draw.choice(self.streams)
        leaves = self.leaves.setdefault(stream, [])
        after = max(0, len(leaves) - (draw.random() < 0.15))
        previous = leaves[after - 1] if after else ZERO_HASH
        if self.commands and draw.random() < 0.1:
            key = draw.choice(self.commands)
            if draw.random() < 0.5:
                key = replace(key, request_digest=draw.choice([None, b"a" * 32, b"b" * 32]))
        else:
            key = self.writer.key(digest=draw.choice([None, b"a" * 32]))
            self.commands.append(key)
        # Not in order, as from several processes: the running maximum must be one.
        wrong: dict[str, object] = {"recorded_at": now_us() + draw.randrange(-2_000_000, 2_000_000)}
        if draw.random() < 0.12:
            wrong = draw.choice(
                [
                    {"recorded_at": now_us() - 10**8},
                    {"ledger": UUID(int=1)},
                    {"actor": UUID(int=2)},
                    {"schema": b"\x09" * 32},
                    {"filler": 60_000},
                    {"event_id": draw.choice(self.event_ids) if self.event_ids else new_id()},
                ]
            )
        guarded = draw.sample(self.streams, draw.choice([0, 0, 0, 1, 2]))
        return self.writer.request(
            stream,
            after=after,
            previous=previous,
            events=draw.choice([0, 1, 1, 1, 2, 3]),
            key=key,
            event_type=RESET if draw.random() < 0.1 else NOTED,
            guards=[(g, len(self.leaves.get(g, ())) - (draw.random() < 0.1)) for g in guarded],
            take=draw.sample(KEYS, draw.choice([0, 0, 0, 1, 2])),
            release=draw.sample(KEYS, draw.choice([0, 0, 0, 0, 1])),
            **wrong,
        )

    def learn(self, request: AppendRequest, status: AppendStatus) -> None:
        """Remember what was stored."""
        if status is AppendStatus.STORED:
            for event in request.events:
                self.leaves[event.originator_id].append(last_leaf(replace(request, events=(event,))))
                self.event_ids.append(UUID(bytes=event.entry[32:48]))


def compare(seed: int, database: LedgerDatabase, batches: int) -> None:
    writer = Writer()
    chaos = Chaos(seed, writer)
    memory = MemoryRecorder()
    with closing(LedgerRecorder(database.writer)) as postgresql:
        founding = writer.founding()
        assert memory.append([founding]) == postgresql.append([founding])
        counts: dict[AppendStatus, int] = {}
        for _ in range(batches):
            requests = [chaos.request() for _ in range(chaos.random.choice([1, 1, 2, 5, 9]))]
            expected = memory.append(requests)
            # Straight through the link as well: there, requests of one call may touch each other.
            direct = chaos.random.random() < 0.5
            found = postgresql._committer._link.append(requests) if direct else postgresql.append(requests)
            shown = [(r.status, r.first, r.last) for r in found]
            assert shown == [(r.status, r.first, r.last) for r in expected], (seed, requests, found, expected)
            for request, result in zip(requests, expected, strict=True):
                chaos.learn(request, result.status)
                counts[result.status] = counts.get(result.status, 0) + 1
        assert set(counts) == set(AppendStatus), f"seed {seed} did not reach every status: {counts}"
        assert postgresql.rows(0, 10**6) == memory.rows(0, 10**6)
        assert postgresql.key_holders(KEYS) == memory.key_holders(KEYS)
        commands = [(key.actor, key.command_id) for key in chaos.commands]
        assert postgresql.commands(commands) == memory.commands(commands)
        with psycopg.connect(database.dsn(READER)) as connection:
            assert check_rows(connection, SCHEMA_TYPES) == []
            assert check_keys_and_commands(connection, keys_of) == []
            highs = connection.execute("SELECT time_high FROM ledger.events ORDER BY ledger_index").fetchall()
            assert [high for (high,) in highs] == [memory.time_high(index) for index in range(memory.size())]


@pytest.mark.parametrize("seed", range(3))
def test_both_stores_answer_alike(make_ledger_database: Callable[[], LedgerDatabase], seed: int) -> None:
    compare(seed, make_ledger_database(), batches=150)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_both_stores_answer_alike_at_length(make_ledger_database: Callable[[], LedgerDatabase], seed: int) -> None:
    compare(seed, make_ledger_database(), batches=600)
