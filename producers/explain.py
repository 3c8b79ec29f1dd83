"""A decision made again: the same command on its streams as they stood, which must give the same events.

Nothing is believed that is not in the log: streams are cut off before the command, keys held by later events do not
count, and new streams get the ids that they have. What the command said comes from the text that its actor signed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.errors import LedgerError
from domain.events import Event
from domain.ids import LedgerId
from producers.authority import Registry, Request
from producers.commands import StreamCache, View
from producers.ports import LedgerRow, LedgerStore
from schemas.codec import Codec


@dataclass(frozen=True, slots=True)
class DecidedAgain:
    """What the command decides on the ledger as it stood: events, or why it refuses; and the streams it rests on."""

    events: tuple[Event, ...]
    refused: str | None
    streams: Mapping[UUID, int]


def decide_again(
    store: LedgerStore,
    codec: Codec,
    registry: Registry,
    request: Request,
    ledger: LedgerId,
    *,
    first: int,
    at: datetime,
    born: Sequence[UUID],
) -> DecidedAgain:
    """Return what `request` decides on entries 0 to `first - 1` at the instant `at`; `born` are streams it began."""
    task = registry.task(request, ledger)
    keys = {key: holder for key, holder in store.key_holders(list(task.lookups)).items() if holder.index < first}
    named = frozenset(task.reads(keys))
    streams = _before(store.streams(sorted(named)), first)
    cache = StreamCache(streams, lambda entry: codec.decode(entry).event)
    view = View(keys, named, cache, _ids(born).__next__, at)
    stood = {stream: len(rows) for stream, rows in streams.items()}
    try:
        decision = task.decide(view)
    except LedgerError as err:
        return DecidedAgain((), str(err), stood)
    return DecidedAgain(tuple(event for write in decision.writes for event in write.events), None, stood)


def _before(streams: Mapping[UUID, Sequence[LedgerRow]], first: int) -> dict[UUID, list[LedgerRow]]:
    cut = {stream: [row for row in rows if row.index < first] for stream, rows in streams.items()}
    return {stream: rows for stream, rows in cut.items() if rows}


def _ids(born: Sequence[UUID]) -> Iterator[UUID]:
    yield from born
    raise AssertionError("the command asks for more new streams than it has made")
