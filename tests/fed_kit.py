"""Views fed as their consumer is: deliveries of rows, a store in a file, the runtime over topics in memory."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from consumers.claims import Claims
from consumers.feed import Cursor, Delivery, Feed
from consumers.ports import DeadLetters
from consumers.runtime import Runtime
from consumers.sealed import SealedFeed
from infra.consumers.store import ConsumerStore
from infra.consumers.views import Views, tell_views, views_store
from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from producers.ports import LedgerRow
from projections.runner import run_batch
from projections.view import View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.records import Partition
from tests.feed_kit import Topics
from tests.sealer_kit import POLICY

CODEC = Codec(CATALOGUE)
CLAIMS = Claims(CATALOGUE)
TYPES = {digest: schema.name for digest, schema in CATALOGUE.by_digest.items()}
SOMEWHERE = Partition("edgeprint.identity.v1", 0)


def deliveries(rows: Sequence[LedgerRow]) -> list[Delivery]:
    """Return rows as a feed delivers them."""
    return [Delivery(row.index, row.leaf_hash, row.entry, SOMEWHERE, row.index) for row in rows]


def folded(view: View, rows: Sequence[LedgerRow]) -> MemoryViewStore:
    """Return what rows make of a view in memory, from the first one on."""
    store = MemoryViewStore(view)
    if rows:
        run_batch(view, store, [LedgerEntry(row, CODEC) for row in rows])
    return store


def told(views: Sequence[View], path: Path) -> dict[str, dict[str, Any]]:
    """Return what is said of each view that a file holds, with digests, by name."""
    return {one["name"]: one for one in tell_views(views, path, True)[1]}


class Fed:
    """The consumer's handler over its store in a file, given rows by hand."""

    def __init__(self, path: Path, views: Sequence[View]) -> None:
        self.path = path
        self.views = views
        self.handler = Views(views, CATALOGUE)

    def give(self, *rows: LedgerRow) -> None:
        """Let the handler take rows in, in one transaction with the cursor behind them."""
        with closing(views_store(self.path)) as store:
            store.take_over()
            with store.transaction(Cursor(rows[-1].index + 1)) as transaction:
                self.handler.apply(transaction.rows, deliveries(rows))

    def rewind(self, index: int) -> None:
        """Take back entry `index` and all behind it."""
        with closing(views_store(self.path)) as store:
            store.rewind(index, self.handler.rewind)

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what is said of each view."""
        return told(self.views, self.path)

    def are(self, rows: Sequence[LedgerRow], *names: str) -> None:
        """Require that these views, all if none is named, go on and are what rows make in memory."""
        said = self.told()
        for view in self.views:
            if not names or view.name in names:
                one = said[view.name]
                assert one["because"] is None, one
                assert (one["position"], one["digest"]) == (len(rows), folded(view, rows).digest().hex()), view.name


def runtime_of(
    handler: Views, topics: Topics, store: ConsumerStore[sqlite3.Connection], letters: DeadLetters
) -> Runtime[Any]:
    """Return the runtime of the consumer over topics in memory, its store taken over."""

    def make_feed(cursor: Cursor, partitions: list[Partition]) -> Feed:
        return SealedFeed(POLICY.verify_checkpoint, CLAIMS, cursor, partitions)

    made: Runtime[Any] = Runtime(
        handler, make_feed, topics, store, letters, TYPES, rest=lambda _seconds: None, log=lambda _text: None
    )
    made.recover()
    return made
