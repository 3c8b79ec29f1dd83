"""`trust=sealed`: entries in index order, each only below a size whose rebuilt root a signed checkpoint carries.

    records  ->  claims by index  ->  all of size..N-1 there, root as signed for N  ->  batches, in index order

Claims wait until the next checkpoint covers them. Of two whole records for one index the signed root decides, the other
is reported. Memory is bounded: a partition whose next claim lies READ_AHEAD beyond the verified size waits (so one
partition never runs away from the others), and nothing is read ahead while the claims that wait exceed CLAIMED_BYTES;
the entries up to the next checkpoint must fit, and the relay publishes one after each of its transactions.

A stranger's whole record with an index far ahead makes its partition wait as well. When the others have nothing more
and entries are missing, the waiting partitions are read on past such records (`idle`). The relay writes in index order,
so a true record of a smaller index behind such a claim proves it false. For the same reason reading begins, after a
restart, behind the last true record of each partition: where a record was copied, behind the first copy.

What this trusts: the policy behind `verify_note`, nothing else. Whoever may write the topics can delay a delivery by
many rival claims for one stretch (`CHOICES_MAX`); `edgeprint topic skip` then leaves them out. He can forge none.
"""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from consumers.claims import Claims, grow_to
from consumers.feed import BATCH_EVENTS, FOREIGN_KEPT_MAX, Batch, Cursor, Delivery, Fetched
from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange
from schemas.records import Partition, Received
from schemas.topics import CHECKPOINTS

READ_AHEAD: Final = 50_000
CLAIMED_BYTES: Final = 96 << 20
RIVALS_MAX: Final = 16
HEADS_MAX: Final = 1_000
HEADS_KEPT: Final = 1_000
NOTES: Final = Partition(CHECKPOINTS.name, 0)
VERIFY: Final = "`edgeprint topic verify` locates it"

VerifyNote = Callable[[bytes], Checkpoint]
Place = tuple[Partition, int]
"""Partition and offset."""


class SealedFeed:
    """See the module and `consumers.feed.Feed`."""

    def __init__(
        self,
        verify_note: VerifyNote,
        claims: Claims,
        cursor: Cursor,
        partitions: Sequence[Partition],
        skipped: Collection[Place] = frozenset(),
    ) -> None:
        """Begin at a cursor; `partitions` are all of the context topics, `skipped` the records left out by decision."""
        self._verify_note = verify_note
        self._claims = claims
        self._skipped = frozenset(skipped)
        self._tree = CompactRange(cursor.size, cursor.hashes)
        self._next_index = cursor.next_index
        self._delivered = cursor
        self._true = {partition: cursor.offsets.get(partition, 0) for partition in partitions}
        self._wanted = {**self._true, NOTES: cursor.notes}
        self._held: dict[Partition, int] = {}
        self._scanning: dict[Partition, int] = {}
        self._pending: dict[int, Delivery] = {}
        self._rivals: dict[int, list[Delivery]] = {}
        self._claimed_bytes = 0
        self._frontier = cursor.size
        self._refused: tuple[int, int] | None = None
        self._heads: dict[int, tuple[Checkpoint, bytes, int]] = {}
        self._decided = {cursor.size: self._tree.root()}
        self._ready: deque[Batch] = deque()
        self._foreign: list[str] = []
        self.head_size = 0

    @property
    def next_index(self) -> int:
        """Return the first entry not yet handed out."""
        return self._delivered.next_index

    def wanted(self) -> Mapping[Partition, int]:
        """Return where to read on; see `Feed.wanted`."""
        # what was fetched behind a held claim is fetched once more, so a partition is held until that pays
        begin = max(self._target(), self._horizon() - READ_AHEAD // 2)
        for partition in [partition for partition, index in self._held.items() if index < begin]:
            del self._held[partition]
        full = len(self._heads) >= HEADS_MAX
        return {
            partition: offset
            for partition, offset in self._wanted.items()
            if partition not in self._held and not (full and partition == NOTES)
        }

    def take(self, fetched: Fetched) -> None:
        """Take in what was fetched; see `Feed.take`."""
        partition = fetched.partition
        if partition == NOTES:
            for record in fetched.records:
                self._take_note(record)
        else:
            horizon = self._horizon()
            for record in fetched.records:
                if not self._take_record(partition, record, horizon):
                    self._wanted[partition] = record.offset
                    return
        self._wanted[partition] = fetched.end

    def batch(self) -> Batch | None:
        """Return the next deliveries; see `Feed.batch`."""
        while not self._ready and self._heads and self._seal_next():
            pass
        if not self._ready:
            return None
        batch = self._ready.popleft()
        self._delivered = batch.cursor
        return batch

    def idle(self, ends: Mapping[Partition, int]) -> None:
        """Read on past claims that lie far ahead, or tell what is missing; see `Feed.idle`."""
        if not self._heads or self._ready:
            return
        behind = [partition for partition in self._true if self._wanted[partition] < ends[partition]]
        if any(partition not in self._held for partition in behind):
            return
        if behind:
            for partition in behind:
                del self._held[partition]
                self._scanning[partition] = self._wanted[partition]
            return
        target = min(self._heads)
        if self._frontier < target:
            raise Invalid(
                f"a checkpoint of size {target} is signed, but entry {self._frontier} is on no partition; {VERIFY}"
            )
        rivals = [one for index in sorted(self._rivals) if index < target for one in self._rivals[index]]
        told = "".join(f"; entry {one.index} is also claimed by {one.place}" for one in rivals[:3])
        raise Invalid(
            f"entries {self._tree.size}..{target - 1} do not lead to the root signed for size {target}{told}; {VERIFY}"
        )

    def foreign(self) -> list[str]:
        """Return what was passed over; see `Feed.foreign`."""
        found, self._foreign = self._foreign, []
        return found

    def _horizon(self) -> int:
        """Return the index from which claims have to wait."""
        target = self._target()
        return target if self._claimed_bytes > CLAIMED_BYTES else max(target, self._tree.size + READ_AHEAD)

    def _target(self) -> int:
        """Return the size of the next checkpoint known, that of the tree if none is."""
        return min(self._heads, default=self._tree.size)

    def _take_note(self, record: Received) -> None:
        try:
            head = self._verify_note(record.value or b"")
        except Invalid as err:
            self._pass_over(f"{record.place}: {err}")
            return
        self.head_size = max(self.head_size, head.size)
        known = self._heads.get(head.size)
        root = known[0].root if known else self._decided.get(head.size)
        if root is not None and root != head.root:
            raise Invalid(f"{record.place}: two roots are signed for size {head.size}: the log shows two histories")
        if head.size > self._tree.size and known is None:
            self._heads[head.size] = (head, record.value or b"", record.offset)

    def _take_record(self, partition: Partition, record: Received, horizon: int) -> bool:
        """Take a claim in, or return False where its partition has to wait before it."""
        if self._skipped and (partition, record.offset) in self._skipped:
            return True
        try:
            index, leaf, entry = self._claims.of(record)
        except Invalid as err:
            self._pass_over(f"{record.place}: {err}")
            return True
        if index >= horizon:
            if partition in self._scanning:
                return True
            self._held[partition] = index
            return False
        if index < self._tree.size:
            self._pass_over(f"{record.place}: claims to be entry {index}, which came before")
            return True
        self._keep(Delivery(index, leaf, entry, partition, record.offset))
        return True

    def _keep(self, found: Delivery) -> None:
        first = self._pending.setdefault(found.index, found)
        if first is not found:
            others = self._rivals.get(found.index, [])
            same = next((one for one in (first, *others) if one.leaf == found.leaf), None)
            if same is not None or len(others) >= RIVALS_MAX:
                if same is None or (same.partition, same.offset) != (found.partition, found.offset):
                    self._pass_over(f"{found.place}: claims to be entry {found.index}, as {first.place} does")
                return
            self._rivals.setdefault(found.index, others).append(found)
        self._claimed_bytes += len(found.entry)

    def _seal_next(self) -> bool:
        """Make batches of all below the next checkpoint if that is complete and its root agrees; return whether."""
        target = min(self._heads)
        pending = self._pending
        while self._frontier < target and self._frontier in pending:
            self._frontier += 1
        rivals = {index: [one.leaf for one in found] for index, found in self._rivals.items() if index < target}
        attempt = (target, sum(map(len, rivals.values())))
        if self._frontier < target or attempt == self._refused:
            return False
        head, note, _ = self._heads[target]
        grown = grow_to(self._tree, target, head.root, lambda index: pending[index].leaf, rivals)
        if grown is None:
            self._refused = attempt
            return False
        tree, chosen = grown
        entries = [self._chosen(index, chosen) for index in range(self._tree.size, target)]
        self._tree, self._refused = tree, None
        del self._heads[target]
        self._decided[target] = head.root
        if len(self._decided) > HEADS_KEPT:
            del self._decided[next(iter(self._decided))]
        self._end_scanning()
        self._queue(entries, note)
        return True

    def _chosen(self, index: int, chosen: Mapping[int, bytes]) -> Delivery:
        """Take the claim of an index that the root admits out of those that wait; the others are foreign."""
        first = self._pending.pop(index)
        found = [first, *self._rivals.pop(index)] if index in chosen else (first,)
        entry = next(one for one in found if one.leaf == chosen[index]) if index in chosen else first
        for one in found:
            self._claimed_bytes -= len(one.entry)
            if one is not entry:
                self._pass_over(f"{one.place}: claims to be entry {index}, which is signed with other bytes")
        if entry.offset >= self._true[entry.partition]:
            self._true[entry.partition] = entry.offset + 1
        return entry

    def _end_scanning(self) -> None:
        """Read on from the claims that were read past, unless true records behind them have proven them false."""
        for partition, held_at in self._scanning.items():
            self._wanted[partition] = max(held_at, self._true[partition])
            if self._true[partition] > held_at:
                self._pass_over(f"{partition}@{held_at}: claims an index far ahead of the records behind it")
        self._scanning.clear()

    def _queue(self, entries: list[Delivery], note: bytes) -> None:
        """Cut a sealed stretch into batches; only the last one moves the verified tree in the cursor."""
        last_cursor = self._ready[-1].cursor if self._ready else self._delivered
        begin = self._tree.size - len(entries)
        fresh = entries[max(0, self._next_index - begin) :]
        self._next_index = max(self._next_index, self._tree.size)
        notes = min((offset for _, _, offset in self._heads.values()), default=self._wanted[NOTES])
        cursor = Cursor(
            self._next_index, self._tree.size, self._tree.hashes, dict(self._true), notes, last_cursor.begin
        )
        pieces = [tuple(fresh[at : at + BATCH_EVENTS]) for at in range(0, len(fresh), BATCH_EVENTS)] or [()]
        for piece in pieces[:-1]:
            self._ready.append(Batch(piece, replace(last_cursor, next_index=piece[-1].index + 1)))
        self._ready.append(Batch(pieces[-1], cursor, note))

    def _pass_over(self, what: str) -> None:
        if len(self._foreign) < FOREIGN_KEPT_MAX:
            self._foreign.append(what)
