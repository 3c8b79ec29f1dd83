"""Kafka as the relay writes it: the transactional producer behind the port `producers.relay_ports.Bus`.

One transactional id for each ledger: `fence` (InitProducerId) bumps its epoch, ends what an earlier relay left open and
makes that relay's next write fail. Records are acknowledged by all replicas in sync before the position is written
behind them, and the commit is waited for: when `write` returns, the transaction is committed.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from kafka import KafkaProducer, TopicPartition  # type: ignore[import-untyped]  # wrapped here, once
from kafka.admin import OffsetSpec  # type: ignore[import-untyped]
from kafka.errors import (  # type: ignore[import-untyped]
    InvalidProducerEpochError,
    KafkaError,
    ProducerFencedError,
)
from kafka.protocol.consumer import IsolationLevel  # type: ignore[import-untyped]

from domain.errors import Conflict, Unavailable
from infra.kafka.reader import RECONNECT_MS_MAX, Partition, Reader
from infra.kafka.topics import administering
from producers.relay_ports import PositionOf
from producers.sealer_ports import Log, no_failpoint
from schemas.records import Outgoing, Received
from schemas.topics import CONTEXT_TOPICS, MESSAGE_BYTES_MAX, TOPICS, Topic

SETTLE_S_MAX: Final = 960.0
"""A stranger's open transaction ends by itself after its own timeout, which brokers cap at 15 minutes by default."""
SETTLE_POLL_S: Final = 0.2
TOLD_EACH_S: Final = 10.0
TRANSACTION_S: Final = 60
ANSWER_S: Final = 10.0
"""A transaction takes a tenth of a second. A producer that a broker's death left hanging is given up after this."""
BATCH_BYTES: Final = 256 << 10


class KafkaBus:
    """See `producers.relay_ports.Bus`. One thread; connects at the first `fence`."""

    def __init__(self, bootstrap: str, ledger_id: UUID, *, log: Log = no_failpoint) -> None:
        self._bootstrap = bootstrap
        self._transactional_id = f"edgeprint-relay-{ledger_id}"
        self._log = log
        self._producer: Any = None
        self._reader: Reader | None = None
        self._partitions: list[Partition] = []

    def fence(self) -> None:
        """Shut every earlier relay out and wait until nothing is undecided; see the port."""
        self.close()
        self._reader = Reader(self._bootstrap)
        self._partitions = self._reader.partitions([topic.name for topic in TOPICS])
        with self._writing("become the only relay"):
            self._producer = KafkaProducer(
                bootstrap_servers=self._bootstrap.split(","),
                transactional_id=self._transactional_id,
                transaction_timeout_ms=TRANSACTION_S * 1000,
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                batch_size=BATCH_BYTES,
                linger_ms=5,
                max_request_size=MESSAGE_BYTES_MAX,
                reconnect_backoff_max_ms=RECONNECT_MS_MAX,
                request_timeout_ms=int(ANSWER_S * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            self._producer.init_transactions()
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
        with self._writing(f"write {len(records)} records"):
            if self._producer is None:
                raise Unavailable("the relay has no producer: fence first")
            self._producer.begin_transaction()
            sent = [self._send(record) for record in records]
            self._producer.flush(timeout=ANSWER_S)
            offsets = [future.get(timeout=ANSWER_S).offset for future in sent]
            if position is not None:
                self._send(position(offsets[-1])).get(timeout=ANSWER_S)
            self._producer.commit_transaction()

    def close(self) -> None:
        """Close the connections. A transaction in the middle is ended by the next `fence`, here or elsewhere."""
        producer, self._producer = self._producer, None
        reader, self._reader = self._reader, None
        if producer is not None:
            try:
                producer.close(timeout=0)
            except KafkaError:  # its flush fails where a broker has gone, and leaves the sending thread at work
                producer._sender.force_close()
        if reader is not None:
            reader.close()

    def _send(self, record: Outgoing) -> Any:
        return self._producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )

    def _settle(self) -> None:
        """Return when no partition has an open transaction.

        Raises:
            Unavailable: one stays open longer than brokers allow.
        """
        started = told = time.monotonic()
        wanted = {TopicPartition(*partition): OffsetSpec.LATEST for partition in self._partitions}
        with self._writing("look for open transactions"), administering(self._bootstrap) as admin:
            while True:
                high = admin.list_partition_offsets(wanted, IsolationLevel.READ_UNCOMMITTED)
                stable = admin.list_partition_offsets(wanted, IsolationLevel.READ_COMMITTED)
                open_at = [tp for tp in wanted if stable[tp].offset < high[tp].offset]
                now = time.monotonic()
                if not open_at:
                    return
                named = ", ".join(f"{tp.topic}[{tp.partition}]@{stable[tp].offset}" for tp in open_at[:3])
                if now - started > SETTLE_S_MAX:
                    raise Unavailable(
                        f"transactions stay open at {named}; `kafka-transactions.sh find-hanging` ends them"
                    )
                if now - told > TOLD_EACH_S:
                    told = now
                    self._log(f"waiting for open transactions at {named}")
                time.sleep(SETTLE_POLL_S)

    def _open(self) -> Reader:
        if self._reader is None:
            raise Unavailable("the relay is not connected: fence first")
        return self._reader

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        try:
            yield
        except KafkaError as err:
            # What a fenced producer is asked after the first failure fails with an error that carries the first.
            if any(isinstance(told, (ProducerFencedError, InvalidProducerEpochError)) for told in (err, *err.args)):
                raise Conflict("another relay of this ledger has taken over") from err
            raise Unavailable(f"Kafka does not answer, cannot {what}: {type(err).__name__} {str(err)[:300]}") from err
