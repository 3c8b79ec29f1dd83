"""`trust=transport`: each whole record as it comes, in the order of its partition; nothing is waited for.

For tails and displays only: that a record is whole says nothing about who wrote it (`consumers.claims`). A record that
is not whole stops the feed, since nobody here can tell whether an entry is hidden behind it; `edgeprint topic skip`
leaves it out by decision. A record whose index is not above the last one of its partition has come before.

In the cursor `size` and `hashes` stay those of the empty tree; `next_index` is one more than the largest index handed
out, or the index to begin with.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from consumers.claims import Claims
from consumers.feed import BATCH_EVENTS, FOREIGN_KEPT_MAX, Batch, Cursor, Delivery, Fetched
from domain.errors import Invalid
from schemas.records import Partition, Received

SKIP: Final = "`edgeprint topic skip` leaves it out, once it is proven not to be in the ledger"


class TransportFeed:
    """See the module and `consumers.feed.Feed`."""

    def __init__(
        self,
        claims: Claims,
        cursor: Cursor,
        partitions: Sequence[Partition],
        skipped: Collection[tuple[Partition, int]] = frozenset(),
    ) -> None:
        """Begin at a cursor; `partitions` are those to read, `skipped` the records left out by decision."""
        self._claims = claims
        self._skipped = frozenset(skipped)
        self._wanted = {partition: cursor.offsets.get(partition, 0) for partition in partitions}
        self._begin = cursor.begin
        self._last = dict.fromkeys(partitions, -1)
        self._ready: deque[Delivery] = deque()
        self._handed = dict(self._wanted)
        self._foreign: list[str] = []
        self._next_index = cursor.next_index
        self.head_size = 0

    @property
    def next_index(self) -> int:
        """Return one more than the largest index handed out."""
        return self._next_index

    def wanted(self) -> Mapping[Partition, int]:
        """Return where to read on: everywhere, unless deliveries wait."""
        return {} if self._ready else self._wanted

    def take(self, fetched: Fetched) -> None:
        """Take in what was fetched; see `Feed.take`."""
        partition = fetched.partition
        for record in fetched.records:
            delivery = self._delivery(partition, record)
            if delivery is None:
                continue
            if delivery.index <= self._last[partition]:
                self._pass_over(f"{record.place}: claims to be entry {delivery.index}, which came before")
                continue
            self._last[partition] = delivery.index
            self.head_size = max(self.head_size, delivery.index + 1)
            if delivery.index >= self._begin:
                self._ready.append(delivery)
        self._wanted[partition] = fetched.end

    def batch(self) -> Batch | None:
        """Return the next deliveries; see `Feed.batch`."""
        if not self._ready:
            return None
        entries = tuple(self._ready.popleft() for _ in range(min(BATCH_EVENTS, len(self._ready))))
        for entry in entries:
            self._handed[entry.partition] = entry.offset + 1
        if not self._ready:
            self._handed = dict(self._wanted)
        self._next_index = max(self._next_index, *(entry.index + 1 for entry in entries))
        return Batch(entries, Cursor(self._next_index, offsets=dict(self._handed), begin=self._begin))

    def idle(self, ends: Mapping[Partition, int]) -> None:
        """Wait on: nothing is ever known to be missing here."""
        del ends

    def foreign(self) -> list[str]:
        """Return what was passed over; see `Feed.foreign`."""
        found, self._foreign = self._foreign, []
        return found

    def _delivery(self, partition: Partition, record: Received) -> Delivery | None:
        if (partition, record.offset) in self._skipped:
            return None
        try:
            index, leaf, entry = self._claims.of(record)
        except Invalid as err:
            raise Invalid(f"{record.place}: {err}; {SKIP}") from err
        return Delivery(index, leaf, entry, partition, record.offset)

    def _pass_over(self, what: str) -> None:
        if len(self._foreign) < FOREIGN_KEPT_MAX:
            self._foreign.append(what)
