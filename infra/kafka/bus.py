"""Kafka as the relay needs it: the port `producers.relay_ports.Bus` over a reader and a transactional writer.

One transactional id for each ledger: `fence` opens the one writer of that id, which shuts out whoever had it before,
and waits until nothing is undecided. Reading is kafka-python's, whichever client writes (`infra.kafka.reader`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from uuid import UUID

from kafka import TopicPartition  # type: ignore[import-untyped]  # wrapped here and in its neighbours, once
from kafka.admin import OffsetSpec  # type: ignore[import-untyped]
from kafka.protocol.consumer import IsolationLevel  # type: ignore[import-untyped]

from domain.errors import Unavailable
from infra.kafka.leftovers import end_leftovers
from infra.kafka.reader import Reader
from infra.kafka.topics import administering
from infra.kafka.writers import PythonWriter, Writer
from infra.settings import KafkaClient
from producers.relay_ports import PositionOf
from producers.sealer_ports import Log, no_failpoint
from schemas.records import Outgoing, Partition, Received
from schemas.topics import CONTEXT_TOPICS, TOPICS, Topic

SETTLE_S_MAX: Final = 960.0
"""A stranger's open transaction ends by itself after its own timeout, which brokers cap at 15 minutes by default."""
SETTLE_POLL_S: Final = 0.2
TOLD_EACH_S: Final = 10.0
LEFTOVER_S: Final = 5.0
"""Markers of what has just ended are written within milliseconds; what is open longer may have been forgotten."""

OpenWriter = Callable[[str, str], Writer]
"""Makes the writer of a bootstrap address and a transactional id; see `Writer`."""


class KafkaBus:
    """See `producers.relay_ports.Bus`. One thread; connects at the first `fence`."""

    def __init__(
        self, bootstrap: str, ledger_id: UUID, *, client: KafkaClient = "python", log: Log = no_failpoint
    ) -> None:
        """Prepare. Raises: Unavailable if the client that is to write is not installed."""
        self._bootstrap = bootstrap
        self._transactional_id = f"edgeprint-relay-{ledger_id}"
        self._open_writer = writer_of(client)
        self._log = log
        self._writer: Writer | None = None
        self._stopped = False
        self._reader: Reader | None = None
        self._partitions: list[Partition] = []

    def fence(self) -> None:
        """Shut every earlier relay out and wait until nothing is undecided; see the port."""
        self.close()
        self._reader = Reader(self._bootstrap)
        self._partitions = self._reader.partitions([topic.name for topic in TOPICS])
        self._writer = self._open_writer(self._bootstrap, self._transactional_id)
        self._settle()

    def newest(self, topic: Topic) -> Iterator[Received]:
        """Yield the committed records of a topic of one partition, the newest first."""
        return self._open().newest(Partition(topic.name, 0))

    def tails(self) -> Iterator[Received]:
        """Yield the newest committed record of each partition of the context topics that has one."""
        names = {topic.name for topic in CONTEXT_TOPICS}
        partitions = [partition for partition in self._partitions if partition.topic in names]
        begins, ends = self._open().begins(partitions), self._open().ends(partitions)
        for partition in partitions:
            record = next(self._open().backwards(partition, begins[partition], ends[partition]), None)
            if record is not None:
                yield record

    def at(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return the committed record at an offset; None if there is none, or no such partition of ours."""
        place = Partition(topic, partition)
        return self._open().at(place, offset) if place in self._partitions else None

    def write(self, records: Sequence[Outgoing], position: PositionOf | None) -> None:
        """Write records in one transaction; committed when this returns."""
        if self._writer is None:
            raise Unavailable("the relay has no producer: fence first")
        self._writer.write(records, position)

    def stop(self) -> None:
        """End a wait for open transactions; see the port."""
        self._stopped = True

    def close(self) -> None:
        """Close the connections. A transaction in the middle is ended by the next `fence`, here or elsewhere."""
        writer, self._writer = self._writer, None
        reader, self._reader = self._reader, None
        if writer is not None:
            writer.close()
        if reader is not None:
            reader.close()

    def _settle(self) -> None:
        """Return when no partition has an open transaction; those of our own that were forgotten are ended.

        Raises:
            Unavailable: one stays open longer than brokers allow.
        """
        started = told = ended = time.monotonic()
        wanted = {TopicPartition(*partition): OffsetSpec.LATEST for partition in self._partitions}
        with administering(self._bootstrap) as admin:
            while True:
                high = admin.list_partition_offsets(wanted, IsolationLevel.READ_UNCOMMITTED)
                stable = admin.list_partition_offsets(wanted, IsolationLevel.READ_COMMITTED)
                open_at = [tp for tp in wanted if stable[tp].offset < high[tp].offset]
                now = time.monotonic()
                if not open_at:
                    return
                named = ", ".join(f"{tp.topic}[{tp.partition}]@{stable[tp].offset}" for tp in open_at[:3])
                if self._stopped:
                    raise Unavailable(f"stopped while transactions are open at {named}")
                if now - started > SETTLE_S_MAX:
                    raise Unavailable(
                        f"transactions stay open at {named}; `kafka-transactions.sh find-hanging` ends them"
                    )
                if now - ended > LEFTOVER_S:
                    ended = now
                    end_leftovers(admin, self._transactional_id, open_at, self._log)
                if now - told > TOLD_EACH_S:
                    told = now
                    self._log(f"waiting for open transactions at {named}")
                time.sleep(SETTLE_POLL_S)

    def _open(self) -> Reader:
        if self._reader is None:
            raise Unavailable("the relay is not connected: fence first")
        return self._reader


def writer_of(client: KafkaClient) -> OpenWriter:
    """Return what makes a client's writer. Raises: Unavailable if it is not installed."""
    if client == "python":
        return PythonWriter
    try:
        from infra.kafka.confluent import ConfluentWriter
    except ImportError as err:
        raise Unavailable(
            "EDGEPRINT_KAFKA_CLIENT=confluent, but confluent-kafka is not installed: pip install 'edgeprint[confluent]'"
        ) from err
    return ConfluentWriter
