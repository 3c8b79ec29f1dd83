"""Views over a real history, in memory and in PostgreSQL: the same rows, the same digest, however the entries come."""

import random
from collections.abc import Iterator, Sequence

import pytest

from infra.store.provision import PROJECTOR
from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from infra.views.projector import Projector
from producers.ports import LedgerRow
from projections.catalogue import VIEWS, find_view
from projections.runner import run_batch
from projections.view import View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.view_kit import Rows

CODEC = Codec(CATALOGUE)


def in_memory(view: View, rows: Sequence[LedgerRow], sizes: Iterator[int]) -> MemoryViewStore:
    store = MemoryViewStore(view)
    while store.position() < len(rows) and store.poison is None:
        entries = [LedgerEntry(row, CODEC) for row in rows[store.position() :][: next(sizes)]]
        run_batch(view, store, entries)
    return store


def some_sizes(seed: int) -> Iterator[int]:
    numbers = random.Random(seed)
    while True:
        yield numbers.choice([1, 1, 2, 3, 7, 50, 1_000])


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_any_batching_gives_the_same_state(view: View, rows: list[LedgerRow]) -> None:
    whole = in_memory(view, rows, iter([len(rows)]))
    assert whole.poison is None and whole.position() == len(rows)
    for seed in range(3):
        assert in_memory(view, rows, some_sizes(seed)).digest() == whole.digest()
    assert any(whole.rows(table) for table in view.tables)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_as_of_an_index_is_what_the_entries_up_to_it_make(view: View, rows: list[LedgerRow]) -> None:
    whole = in_memory(view, rows, some_sizes(1))
    for index in sorted(random.Random(view.name).sample(range(len(rows)), 12)):
        early = in_memory(view, rows[: index + 1], iter([index + 1]))
        for table in view.tables:
            assert whole.rows(table, as_of=index) == early.rows(table), (table.name, index)


def test_postgres_holds_the_same_as_memory(ledger_database: LedgerDatabase, rows: list[LedgerRow]) -> None:
    with Projector(ledger_database.dsn(PROJECTOR), Rows(rows), CODEC) as projector:
        projector.ensure(VIEWS)
        assert projector.catch_up() == len(rows)
        for build in projector.builds():
            expected = in_memory(find_view(build.name), rows, some_sizes(2))
            assert (build.state, build.position, build.indexed) == ("live", len(rows), True)
            assert projector.digest(build) == expected.digest(), build.name
