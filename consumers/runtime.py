"""The consumer runtime: what a feed gives is handled once, and kept with the cursor in one transaction.

    recover()   take the store over, read on from its cursor
    step()      retries asked for, then one batch:   handler's rows + waiting entries + cursor   in one transaction

Whatever happens between two steps, the store holds exactly the entries below its cursor. Failures, by class:

- a record that is foreign or damaged: the feed passes it over or stops (Invalid, final until an operator acts)
- a schema that this program does not know, the outside world down: Unavailable; the caller rests, then `recover`
- somebody took the store over: Conflict; this runtime must end
- anything else a handler raises is a bug in it: the entry is tried RETRIES times more; then it and all later entries of
  its stream go to the dead letters, in order, and the other streams go on. `dlq retry` feeds them again, in order,
  oldest first; the stream is live again once none waits.

A handler gets a batch at a time. Only when that fails are its entries given one by one, each in an attempt of its own.
"""

from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

from consumers.feed import Batch, Cursor, Delivery, Feed
from consumers.ports import DeadLetters, Handler, Source, Store, Transaction, Waiting
from domain.errors import Conflict, Invalid, LedgerError, Unavailable
from domain.ledger.merkle import leaf_hash
from schemas.codec import UnknownSchema
from schemas.framing import entry_of, parse_headers
from schemas.records import Partition

RETRY_RESTS_S: Final = (0.05, 0.2, 1.0)
"""How long is rested before each further try of an entry whose handler failed."""
IDLE_POLLS: Final = 3
REASON_CHARACTERS_MAX: Final = 300

Rows = TypeVar("Rows")
MakeFeed = Callable[[Cursor, list[Partition]], Feed]
Types = Mapping[bytes, str]
"""Event types by schema digest."""


class Runtime(Generic[Rows]):
    """One consumer. Not safe for concurrent use; after any exception `recover` first."""

    def __init__(
        self,
        handler: Handler[Rows],
        make_feed: MakeFeed,
        source: Source,
        store: Store[Rows],
        dead_letters: DeadLetters,
        types: Types,
        *,
        rest: Callable[[float], None],
        log: Callable[[str], None],
    ) -> None:
        """Prepare; nothing is read or taken over before `recover`. `rest` waits for some seconds."""
        self._handler = handler
        self._make_feed = make_feed
        self._source = source
        self._store = store
        self._dead_letters = dead_letters
        wanted = handler.types
        self._unwanted = frozenset() if wanted is None else {d for d, name in types.items() if name not in wanted}
        self._rest = rest
        self._log = log
        self._feed: Feed | None = None
        self._parked: set[bytes] = set()
        self.quiet = 0
        """How many steps in a row there was nothing: neither a record on Kafka nor anything to handle."""
        self.delivered = 0
        self.delivered_at_us = 0
        self.foreign = 0

    @property
    def feed(self) -> Feed:
        """Return the feed, which knows how far everything is. There is one after `recover`."""
        if self._feed is None:
            raise AssertionError("expected recover() before anything else")
        return self._feed

    @property
    def parked(self) -> int:
        """Return how many streams wait among the dead letters."""
        return len(self._parked)

    @property
    def caught_up(self) -> bool:
        """Return whether all that lies on Kafka was read, and all that is known to be due was handled."""
        ends, feed = self._source.watermarks(), self.feed
        read = all(offset >= ends[partition] for partition, offset in feed.wanted().items())
        return read and feed.next_index >= feed.head_size

    def recover(self) -> None:
        """Take the store over and begin from its cursor.

        Raises:
            Unavailable: store or Kafka do not answer.
            Invalid: the store's cursor does not parse.
        """
        cursor = self._store.take_over()
        self._parked = self._store.parked()
        self._feed = self._make_feed(cursor, list(self._source.reopen()))
        self.quiet = 0

    def step(self) -> int:
        """Handle what waits, or read for half a second at most; return how many entries were handled.

        Raises:
            Unavailable, Conflict, Invalid: see the module.
        """
        retried = self._retry()
        batch = self.feed.batch()
        if batch is None:
            self._read()
            batch = self.feed.batch()
        if batch is None:
            return retried
        self.quiet = 0
        self._commit(batch)
        return retried + len(batch.entries)

    def _read(self) -> None:
        feed, came = self.feed, False
        wanted = feed.wanted()
        for fetched in self._source.poll(wanted):
            came = came or fetched.end > wanted[fetched.partition]
            feed.take(fetched)
        self.quiet = 0 if came else self.quiet + 1
        if self.quiet and self.quiet % IDLE_POLLS == 0:
            feed.idle(self._source.watermarks())
        for what in feed.foreign():
            self.foreign += 1
            self._log(f"foreign record {what}")

    def _commit(self, batch: Batch) -> None:
        wanted = [entry for entry in batch.entries if entry.schema not in self._unwanted]
        with self._store.transaction(batch.cursor) as transaction:
            live = [entry for entry in wanted if entry.stream not in self._parked]
            waiting = [entry for entry in wanted if entry.stream in self._parked]
            if live and not self._attempt(transaction, live):
                waiting = self._one_by_one(transaction, wanted)
            transaction.park([self._letter(entry, "an earlier entry of its stream waits", 0) for entry in waiting])
            if batch.note is not None:
                self._handler.seal(transaction.rows, batch.cursor, batch.note)
        self.delivered += len(batch.entries)
        if batch.entries:
            self.delivered_at_us = batch.entries[-1].recorded_at_us

    def _attempt(self, transaction: Transaction[Rows], entries: list[Delivery]) -> bool:
        """Let the handler take a batch in; return whether it did."""
        try:
            with transaction.attempt():
                self._apply(transaction, entries)
        except LedgerError:
            raise
        except Exception:  # which entry it was, and what to say of it, comes out one by one
            return False
        return True

    def _one_by_one(self, transaction: Transaction[Rows], entries: list[Delivery]) -> list[Delivery]:
        """Let the handler take entries in singly, park those that fail, and return those that must wait behind them."""
        waiting = []
        for entry in entries:
            if entry.stream in self._parked:
                waiting.append(entry)
                continue
            reason = self._tried(transaction, entry, RETRY_RESTS_S)
            if reason is not None:
                self._log(f"entry {entry.index} is parked with its stream: {reason}")
                self._parked.add(entry.stream)
                transaction.park([self._letter(entry, reason, len(RETRY_RESTS_S) + 1)])
        return waiting

    def _tried(self, transaction: Transaction[Rows], entry: Delivery, rests: tuple[float, ...]) -> str | None:
        """Return None once the handler took an entry in, or why it could not."""
        for rest in (*rests, None):
            try:
                with transaction.attempt():
                    self._apply(transaction, [entry])
                return None
            except LedgerError:
                raise
            except Exception as err:
                reason = f"{type(err).__name__}: {err}"[:REASON_CHARACTERS_MAX]
            if rest is not None:
                self._rest(rest)
        return reason

    def _apply(self, transaction: Transaction[Rows], entries: list[Delivery]) -> None:
        try:
            self._handler.apply(transaction.rows, entries)
        except UnknownSchema as err:
            raise Unavailable(f"{self._handler.name} waits for a program that knows the schema: {err}") from err
        except (Unavailable, Conflict):
            raise
        except LedgerError as err:  # what a handler cannot digest is its bug, whatever it calls it
            raise RuntimeError(f"{type(err).__name__}: {err}") from err

    def _letter(self, entry: Delivery, reason: str, attempts: int) -> Waiting:
        record = self._source.at(entry.partition, entry.offset)
        if record is None or leaf_hash(entry_of(record.value, parse_headers(record.headers))) != entry.leaf:
            raise Unavailable(f"{entry.place}: expected the record of entry {entry.index} again, found another")
        offset = self._dead_letters.put(record, reason, attempts)
        return Waiting(entry.index, entry.stream, entry.leaf, offset, reason, attempts)

    def _retry(self) -> int:
        """Feed the entries again whose retry was asked for; a stream stops at its first failure."""
        done = 0
        failed: set[bytes] = set()
        for waiting in self._store.to_retry():
            if waiting.stream in failed:
                continue
            entry = self._from_letter(waiting)
            with self._store.transaction(None) as transaction:
                reason = self._tried(transaction, entry, ())
                if reason is None:
                    transaction.unpark(waiting.index)
                    done += 1
                else:
                    failed.add(waiting.stream)
                    transaction.stop_retrying(waiting.stream, reason)
                    self._log(f"entry {waiting.index} still fails: {reason}")
        if done or failed:
            self._parked = self._store.parked()
        return done

    def _from_letter(self, waiting: Waiting) -> Delivery:
        """Return the entry of a dead letter, which is the one that was put there: its leaf hash is the store's."""
        record = self._dead_letters.get(waiting.letter)
        if record is None:
            raise Invalid(f"expected the dead letter of entry {waiting.index} at offset {waiting.letter}, found none")
        entry = entry_of(record.value, parse_headers(record.headers))
        if leaf_hash(entry) != waiting.leaf:
            raise Invalid(f"{record.place}: expected the dead letter of entry {waiting.index}, found another record")
        return Delivery(waiting.index, waiting.leaf, entry, Partition(record.topic, record.partition), record.offset)
