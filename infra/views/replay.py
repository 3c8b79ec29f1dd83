"""Views made from entry 0 up to a place, apart from everything in use: each in the scratch schema of its own session.

All of them share the reading and decoding of entries. What they write is gone when the session ends, however it ends,
and nobody else ever sees it: PostgreSQL's temporary tables, which are no part of the WAL either.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from infra.views.entry import LedgerEntry
from infra.views.postgres import PostgresViewStore, answering, create_scratch
from infra.views.projector import BATCH_ENTRIES, Source, connect
from projections.runner import Poison, take_in
from projections.view import View
from schemas.codec import Codec

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A view as entries 0 to `position` - 1 make it; `rows` counts those that stand, `poison` says where it stopped."""

    view: View
    position: int
    digest: bytes
    rows: Counts
    poison: Poison | None


class _Scratch:
    """One view in its scratch schema."""

    def __init__(self, view: View, store: PostgresViewStore) -> None:
        self.view = view
        self.store = store
        self.poison: Poison | None = None

    def take(self, entries: Sequence[LedgerEntry]) -> None:
        if self.poison is None:
            self.poison = take_in(self.view, self.store, entries)

    def told(self) -> Replayed:
        return Replayed(self.view, self.store.position(), self.store.digest(), self.store.counts(), self.poison)


def replay(
    dsn: str,
    source: Source,
    codec: Codec,
    views: Sequence[View],
    size: int,
    on_position: Callable[[int], None] = lambda _: None,
) -> list[Replayed]:
    """Make views from the first `size` entries, and return what they came to; `dsn` logs in as the projector.

    Blocks for about as long as a rebuild of them together. Raises: Unavailable.
    """
    with ExitStack() as stack, answering():
        scratches = []
        for view in views:
            connection = stack.enter_context(connect(dsn))
            scratches.append(_Scratch(view, create_scratch(connection, view)))
        taken = 0
        while taken < size and any(one.poison is None for one in scratches):
            rows = source.rows(taken, min(BATCH_ENTRIES, size - taken))
            if not rows:
                raise AssertionError(f"expected {size} entries, found {taken}")
            entries = [LedgerEntry(row, codec) for row in rows]
            for one in scratches:
                one.take(entries)
            taken += len(rows)
            on_position(taken)
        return [one.told() for one in scratches]
