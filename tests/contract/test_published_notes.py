"""Which note the relay is given: what `NoteSource` promises, asked of the recorder over a real PostgreSQL."""

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.store import recorder
from tests.sealer_postgres import Ledger, Server, server


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture
def ledger(running: Server, tmp_path: Path) -> Iterator[Ledger]:
    made = running.ledger(tmp_path)
    yield made
    made.close()


def publish(ledger: Ledger, *sizes: int) -> list[tuple[int, bytes]]:
    """Publish one note a size, each of other bytes."""
    database = ledger.database()
    database.acquire()
    made = [(size, b"size %d, note %d" % (size, number)) for number, size in enumerate(sizes)]
    for size, note in made:
        database.append(size, note)
    database.release()
    return made


def test_the_largest_covered_note_is_given_and_of_one_size_the_newest(ledger: Ledger) -> None:
    assert ledger.store.newest_note(100) is None
    publish(ledger, 5, 9, 9, 14)
    found = [ledger.store.newest_note(size) for size in (4, 5, 8, 9, 13, 14, 1 << 60)]
    five, nine, fourteen = b"size 5, note 0", b"size 9, note 2", b"size 14, note 3"
    assert found == [None, five, five, nine, nine, fourteen, fourteen]


@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_notes(ledger: Ledger, seed: int) -> None:
    rng = random.Random(seed)
    made = publish(ledger, *sorted(rng.randrange(40) for _ in range(60)))
    for size in range(45):
        due = [pair for pair in made if pair[0] <= size]
        expected = max(reversed(due), key=lambda pair: pair[0], default=(0, None))
        assert ledger.store.newest_note(size) == expected[1], (seed, size)


def test_a_log_without_growth_costs_little_however_often_it_was_signed(ledger: Ledger) -> None:
    """The relay asks five times a second; a month at rest has 4,000 notes of one size."""
    with psycopg.connect(ledger.server.cluster.superuser_dsn(), dbname=ledger.name, autocommit=True) as connection:
        statement = "INSERT INTO ledger.published_notes (size, note) SELECT 1000, sha256(n::text::bytea) FROM "
        connection.execute(statement + "generate_series(1, 5000) n")
        connection.execute("SET enable_seqscan = off")
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {recorder._SELECT_NOTE.as_string(connection)}"
        explained = connection.execute(explain.encode(), {"size": 1_000}).fetchone()
    assert explained is not None
    plan = explained[0][0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 20, plan
