"""A log of real entries and its topics in memory: what a feed reads, with whatever strangers have written between."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from consumers.feed import Fetched
from domain.events import Sha256
from domain.ids import CommandId, EventId, PartyId, StreamId
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange, leaf_hash
from domain.ledger.note import sign_note
from domain.rights.events import RightsClaimed, Root
from domain.rights.settlement import WHOLE_BP, Holder
from producers.ports import LedgerRow
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.records import Partition, Received
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, Topic
from tests.codec_support import envelope
from tests.sealer_kit import ORIGIN, keys

CODEC = Codec(CATALOGUE)
NOTES = Partition(CHECKPOINTS.name, 0)
PARTITIONS = [Partition(topic.name, number) for topic in CONTEXT_TOPICS for number in range(topic.partitions)]


def make_row(index: int, salt: int = 0, streams: int = 11) -> LedgerRow:
    """Return a stored row; another `salt` gives other bytes for the same index, stream and version."""
    claim = RightsClaimed(
        holder=PartyId(UUID(int=9)),
        work=Sha256(bytes([salt]) * 32),
        root=Root.OWN_CREATION,
        owners=(Holder(party=PartyId(UUID(int=9)), share_bp=WHOLE_BP),),
        statement=Sha256(index.to_bytes(32, "big")),
    )
    head = envelope(
        event_id=EventId(UUID(int=index + 1)),
        stream_id=StreamId(UUID(int=index % streams + 1)),
        command_id=CommandId(UUID(int=index + 1)),
    )
    entry = CODEC.encode(claim, head)
    return LedgerRow(index, RightsClaimed.TYPE, entry, leaf_hash(entry))


def make_note(size: int, rows: Sequence[LedgerRow]) -> bytes:
    """Return the signed note of the first rows."""
    tree = CompactRange()
    tree.extend(one.leaf_hash for one in rows[:size])
    return sign_note(Checkpoint(ORIGIN, size, tree.root()).encode(), keys().signers)


class Topics:
    """Partitions as lists; `consumers.ports.Source` over them. Offsets have gaps, as transaction markers make them."""

    def __init__(self, *, at_once: int = 7) -> None:
        """`at_once` records of a partition at most come in one poll."""
        self.records: dict[Partition, list[Received]] = {partition: [] for partition in [*PARTITIONS, NOTES]}
        self._ends = dict.fromkeys(self.records, 0)
        self._at_once = at_once
        self.polls = 0
        self.down: Exception | None = None

    def open(self, topic: Topic) -> None:
        """Make the partitions of one more topic."""
        for number in range(topic.partitions):
            self.records[Partition(topic.name, number)] = []
            self._ends[Partition(topic.name, number)] = 0

    def write(self, record: Received) -> Received:
        """Write a record behind the others of its partition and return it with its offset; a marker follows."""
        partition = Partition(record.topic, record.partition)
        record = record._replace(offset=self._ends[partition])
        self.records[partition].append(record)
        self._ends[partition] += 2
        return record

    def relay(self, *rows: LedgerRow) -> None:
        """Write the records of rows as the relay does."""
        for row in rows:
            out = record_of(row)
            self.write(Received(out.topic, out.partition, 0, out.timestamp_ms, out.key, out.value, out.headers))

    def publish(self, note: bytes) -> None:
        """Write a checkpoint note."""
        self.write(Received(*NOTES, 0, 0, None, note, ()))

    def poll(self, wanted: Mapping[Partition, int]) -> list[Fetched]:
        """Return what is there; see the port."""
        if self.down is not None:
            raise self.down
        self.polls += 1
        fetched = []
        for partition, begin in wanted.items():
            found = [one for one in self.records[partition] if one.offset >= begin][: self._at_once]
            end = found[-1].offset + 2 if found else self._ends[partition]
            if found or end > begin:
                fetched.append(Fetched(partition, found, end))
        return fetched

    def watermarks(self) -> Mapping[Partition, int]:
        """Return the ends."""
        return dict(self._ends)

    def at(self, partition: Partition, offset: int) -> Received | None:
        """Return the record at an offset."""
        return next((one for one in self.records[partition] if one.offset == offset), None)

    def reopen(self) -> Sequence[Partition]:
        """Return the partitions of the context topics."""
        return PARTITIONS
