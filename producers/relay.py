"""The relay: every entry of the ledger onto Kafka, byte for byte, exactly once, in order for each stream.

One transaction carries whole commands, about BATCH_EVENTS of entries, and the relay's own position
(`producers.relay_ports`), so that Kafka itself knows how far it has got; nothing else is asked at a start:

    1. fence: whoever relayed before is shut out, what it left open is ended, nothing is undecided anywhere
    2. the newest position that is true: the record it names holds the very bytes of our row
    3. cross-check: no partition holds a true record behind that position

Strangers' records, positions among them, are reported and passed over. Two things stop the relay, since going on would
make history double: Kafka holds entries of this ledger that the ledger does not have (`AheadOfLedger`: the ledger was
rolled back), or true records behind the newest true position (`PositionLost`).

Checkpoints follow: the note of size N is published once N entries are, and never twice; while there is more to relay,
the newest such note goes along with the next transaction. The relay holds at most one read of rows in memory and waits
for Kafka before it reads on; nobody waits for the relay.

Trust: the store's rows are the truth here. Kafka is believed only where its bytes equal ours.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import leaf_hash
from producers.ports import LedgerRow
from producers.relay_ports import Bus, NoteSource, Position, parse_position
from producers.sealer_ports import ROWS_READ_BYTES_MAX, Failpoint, Log, RowSource, no_failpoint
from schemas.envelope import CAUSATION, COMMAND_ID, PREVIOUS, STREAM_ID, read_header, read_recorded_at
from schemas.framing import entry_of, frame, frame_bare, headers_of, parse_headers
from schemas.records import Outgoing, Received
from schemas.topics import CHECKPOINTS, RELAY, key_of, partition_of, topic_of

BATCH_EVENTS: Final = 500
BATCH_BYTES: Final = 1 << 20
READ_ROWS: Final = 2_000
POSITIONS_LOOKED_AT_MAX: Final = 1_000
VERIFY: Final = "run `edgeprint topic verify`"

VerifyNote = Callable[[bytes], Checkpoint]
"""Verifies a checkpoint note by the log's policy. Raises: Invalid."""


class AheadOfLedger(Invalid):
    """Kafka holds entries of this ledger that the ledger does not: it was rolled back. Final until an operator acts."""


class PositionLost(Invalid):
    """Kafka holds true records behind the newest true position. Final until an operator acts."""


class Relay:
    """The single writer of one ledger's topics. Not safe for concurrent use; its methods block on Kafka and database.

    After any exception call `recover` first: what became of the transaction under way is then read from Kafka.
    """

    def __init__(
        self,
        ledger_id: UUID,
        rows: RowSource,
        notes: NoteSource,
        bus: Bus,
        verify_note: VerifyNote,
        *,
        bare: bool = False,
        failpoint: Failpoint = no_failpoint,
        log: Log = no_failpoint,
    ) -> None:
        """Prepare; nothing is read or fenced before `recover`. `bare` is the framing of what is written from now on."""
        self._ledger_id = ledger_id
        self._rows = rows
        self._notes = notes
        self._key = key_of(ledger_id)
        self._bus = bus
        self._verify_note = verify_note
        self._bare = bare
        self._failpoint = failpoint
        self._log = log
        self._read: list[LedgerRow] = []
        self._published: tuple[int, bytes] = (-1, b"")
        self.relayed_size = 0

    def recover(self) -> int:
        """Fence every earlier relay and return how many entries are on Kafka.

        Raises:
            Conflict: another relay has fenced this one.
            AheadOfLedger, PositionLost: see the module.
            Unavailable: Kafka or the database does not answer.
        """
        self._read = []
        self._bus.fence()
        self._published = self._newest_checkpoint()
        self.relayed_size = self._true_position()
        self._refuse_records_behind(self.relayed_size)
        return self.relayed_size

    def step(self) -> int:
        """Relay the next commands in one transaction and return how many entries that were; 0 if none wait.

        Raises what `recover` raises.
        """
        if not self._read:
            self._read = whole_commands(self._rows.rows(self.relayed_size, READ_ROWS))
        batch = self._read[: batch_length(self._read)]
        if not batch:
            return 0
        records = [record_of(row, bare=self._bare) for row in batch]
        self._failpoint("relay.read")
        last = records[-1]

        def position(offset: int) -> Outgoing:
            self._failpoint("relay.sent")
            where = Position(batch[0].index, batch[-1].index, batch[-1].leaf_hash, last.topic, last.partition, offset)
            return Outgoing(RELAY.name, 0, self._key, where.encode(), (), last.timestamp_ms)

        due = self._due_note(last.timestamp_ms)
        self._bus.write(records if due is None else [due[0], *records], position)
        self._failpoint("relay.committed")
        if due is not None:
            self._published = due[1]
        self._read = self._read[len(batch) :]
        self.relayed_size = batch[-1].index + 1
        return len(batch)

    def publish(self, now_ms: int) -> bool:
        """Publish the newest checkpoint of which all is on Kafka by itself; return whether there was one to publish.

        For a relay that has nothing to relay: while it has, `step` takes checkpoints along.

        Raises:
            Invalid: the note does not verify.
            Unavailable, Conflict: as `step`.
        """
        due = self._due_note(now_ms)
        if due is None:
            return False
        record, published = due
        self._bus.write([record], None)
        self._failpoint("relay.published")
        self._published = published
        return True

    def _due_note(self, now_ms: int) -> tuple[Outgoing, tuple[int, bytes]] | None:
        """Return the record of the newest note whose entries are all committed on Kafka, unless it is there already.

        Consumers hold what no checkpoint covers in memory, so under load the newest note of all, which is always ahead
        of the relay, is not waited for.
        """
        note = self._notes.newest_note(self.relayed_size)
        if note is None:
            return None
        digest = hashlib.sha256(note).digest()
        if digest == self._published[1]:  # asked five times a second: the same note is not verified again
            return None
        size = self._verify_note(note).size
        if size > self.relayed_size or size < self._published[0]:
            return None
        headers = (("size", b"%d" % size), ("note-sha256", digest.hex().encode()))
        return Outgoing(CHECKPOINTS.name, 0, self._key, note, headers, now_ms), (size, digest)

    def _newest_checkpoint(self) -> tuple[int, bytes]:
        """Return size and digest of the newest checkpoint on Kafka that is ours.

        Raises:
            AheadOfLedger: it is signed by this log and covers more entries than the ledger has.
        """
        for looked_at, record in enumerate(self._bus.newest(CHECKPOINTS)):
            try:
                checkpoint = self._verify_note(record.value or b"")
            except Invalid as err:
                self._report(record, err)
                if looked_at >= POSITIONS_LOOKED_AT_MAX:
                    break
                continue
            size = self._rows.size()
            if checkpoint.size > size:
                raise AheadOfLedger(
                    f"{record.place} holds this log's checkpoint of size {checkpoint.size}, the ledger has {size} "
                    "entries: it was rolled back; run `edgeprint ledger restore`"
                )
            return checkpoint.size, hashlib.sha256(record.value or b"").digest()
        return -1, b""

    def _true_position(self) -> int:
        """Return one more than the last index of the newest position that is true, 0 if none is."""
        for looked_at, record in enumerate(self._bus.newest(RELAY)):
            if looked_at >= POSITIONS_LOOKED_AT_MAX:
                raise PositionLost(f"none of the newest {looked_at} positions of {RELAY.name} is true; {VERIFY}")
            try:
                position = parse_position(record.value)
                self._verify(position)
            except AheadOfLedger:
                raise
            except Invalid as err:
                self._report(record, err)
                continue
            return position.last + 1
        return 0

    def _verify(self, position: Position) -> None:
        """Return if the record that a position names is our entry `last`.

        Raises:
            AheadOfLedger: it is an entry of this ledger, whole in itself, that the ledger does not have.
            Invalid: it is not there, or is something else.
        """
        found = self._bus.at(position.topic, position.partition, position.offset)
        if found is None:
            raise Invalid(f"expected a record at {position.topic}[{position.partition}]@{position.offset}, found none")
        if position.last >= self._rows.size():
            index, leaf = self._whole(found)
            if (index, leaf) == (position.last, position.leaf):
                raise AheadOfLedger(
                    f"{found.place} holds entry {index} of this ledger, which has {self._rows.size()} entries: it was "
                    f"rolled back; run `edgeprint ledger restore`, or if the record is a stranger's, {VERIFY}"
                )
            raise Invalid(f"expected entry {position.last}, found {index}")
        if not self._is_row(found, position.last):
            raise Invalid(f"expected entry {position.last} at {found.place}, found something else")

    def _refuse_records_behind(self, size: int) -> None:
        for record in self._bus.tails():
            try:
                index = parse_headers(record.headers).index
                behind = size <= index < self._rows.size() and self._is_row(record, index)
            except Invalid as err:
                self._report(record, err)
                continue
            if behind:
                raise PositionLost(
                    f"{record.place} holds entry {index}, but the newest position on {RELAY.name} ends at {size - 1}: "
                    f"positions were lost; {VERIFY}"
                )

    def _is_row(self, record: Received, index: int) -> bool:
        """Return whether a record is our row `index`, in its place and byte for byte, in either framing."""
        (row,) = self._rows.rows(index, 1)
        ours = record_of(row)
        try:
            entry = entry_of(record.value, parse_headers(record.headers))
        except Invalid:
            return False
        return (ours.topic, ours.partition, ours.key, row.entry) == (*record[:2], record.key, entry)

    def _whole(self, record: Received) -> tuple[int, bytes]:
        """Return index and leaf hash of a record that is an entry of this ledger by all that it says itself."""
        headers = parse_headers(record.headers)
        entry = entry_of(record.value, headers)
        header = read_header(entry)
        if header.ledger_id != self._ledger_id or leaf_hash(entry) != headers.leaf_hash:
            raise Invalid(f"expected an entry of ledger {self._ledger_id} and its leaf hash, found {header.ledger_id}")
        return headers.index, headers.leaf_hash

    def _report(self, record: Received, why: Invalid) -> None:
        self._log(f"foreign record {record.place}: {why}")


def whole_commands(rows: list[LedgerRow]) -> list[LedgerRow]:
    """Return a read without its last command if that may go on behind it: a read ends at a number of rows or bytes.

    A command is smaller than half a read, so something is left.
    """
    if len(rows) < READ_ROWS and sum(len(row.entry) for row in rows) < ROWS_READ_BYTES_MAX // 2:
        return rows
    end = len(rows)
    while end > 0 and _command(rows[end - 1]) == _command(rows[-1]):
        end -= 1
    return rows[:end]


def batch_length(rows: Sequence[LedgerRow]) -> int:
    """Return how many of the first rows make one transaction: whole commands, about BATCH_EVENTS or BATCH_BYTES.

    A command is never split: its entries stand side by side and are visible together. One that would go beyond the
    limits waits for the next transaction, where it is the first.
    """
    end = entry_bytes = 0
    while end < len(rows):
        after = end + 1
        while after < len(rows) and _command(rows[after]) == _command(rows[end]):
            after += 1
        size = sum(len(row.entry) for row in rows[end:after])
        if end and (after > BATCH_EVENTS or entry_bytes + size > BATCH_BYTES):
            break
        end, entry_bytes = after, entry_bytes + size
    return end


def _command(row: LedgerRow) -> bytes:
    return row.entry[COMMAND_ID:CAUSATION]


def record_of(row: LedgerRow, *, bare: bool = False) -> Outgoing:
    """Return the record of a stored row; all but index, type and leaf hash come from frozen offsets of the entry.

    With `bare` the value is the entry itself, and one more header names its schema.
    """
    entry = row.entry
    topic = topic_of(row.type)
    key = key_of(UUID(bytes=entry[STREAM_ID:PREVIOUS]))
    headers = headers_of(row.index, row.type, entry, row.leaf_hash)
    if bare:
        value, schema_id = frame_bare(entry)
        headers = (*headers, schema_id)
    else:
        value = frame(entry)
    return Outgoing(
        topic.name, partition_of(key, topic.partitions), key, value, headers, read_recorded_at(entry) // 1000
    )
