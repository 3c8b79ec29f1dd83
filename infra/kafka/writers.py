"""How the bus writes: the port `Writer` and its adapter for kafka-python; `infra.kafka.confluent` holds the other.

What both promise is said once, here; what differs between them is only the client. The settings that carry the promise
(idempotence, acknowledgement by all replicas in sync, zstd, the times) have the same values in both.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from kafka import KafkaProducer  # type: ignore[import-untyped]  # wrapped here and in its neighbours, once
from kafka.errors import (  # type: ignore[import-untyped]
    InvalidProducerEpochError,
    KafkaError,
    KafkaTimeoutError,
    ProducerFencedError,
)

from domain.errors import Conflict, LedgerError, Unavailable
from infra.kafka.clients import connect
from producers.relay_ports import PositionOf
from schemas.records import Outgoing
from schemas.topics import MESSAGE_BYTES_MAX

TRANSACTION_S: Final = 60
ANSWER_S: Final = 10.0
"""A transaction takes a tenth of a second. A producer that a broker's death left hanging is given up after this."""
BATCH_BYTES: Final = 256 << 10


class Writer(Protocol):
    """The one producer of a transactional id, fenced in: made with `bootstrap` and that id. One thread.

    Making one (InitProducerId) bumps the id's epoch, ends what an earlier producer left open and makes that producer's
    next write fail. Making and writing raise Conflict once a later one has fenced this one; Unavailable for all else.
    No wait for a broker takes longer than ANSWER_S. After any exception the producer is of no use: close it, make one.
    """

    def write(self, records: Sequence[Outgoing], position: PositionOf | None) -> None:
        """Write records, and behind them the one that `position` makes, in one transaction; committed on return.

        `position` is called once, when the last record is acknowledged by all replicas in sync.
        """

    def close(self) -> None:
        """Give the connections up at once, whatever the broker does; never raises what the client does.

        A transaction in the middle is aborted by whoever becomes the writer next, or by the broker after TRANSACTION_S.
        """


def failure(what: str, err: Exception, *, fenced: bool) -> LedgerError:
    """Return the error to raise for what a client raised when told to do `what`."""
    if fenced:
        return Conflict("another relay of this ledger has taken over")
    return Unavailable(f"Kafka does not answer, cannot {what}: {type(err).__name__} {str(err)[:300]}")


class PythonWriter:
    """See `Writer`; kafka-python, which needs nothing but Python."""

    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._producer: Any = None
        try:
            with self._asking("become the only relay"):
                self._producer = connect(
                    KafkaProducer,
                    bootstrap,
                    transactional_id=transactional_id,
                    transaction_timeout_ms=TRANSACTION_S * 1000,
                    acks="all",
                    enable_idempotence=True,
                    compression_type="zstd",
                    batch_size=BATCH_BYTES,
                    linger_ms=5,
                    max_request_size=MESSAGE_BYTES_MAX,
                    request_timeout_ms=int(ANSWER_S * 1000),
                    max_block_ms=int(ANSWER_S * 1000),
                    bootstrap_timeout_ms=int(ANSWER_S * 1000),
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
                self._producer.init_transactions()
        except LedgerError:
            self.close()
            raise

    def write(self, records: Sequence[Outgoing], position: PositionOf | None) -> None:
        """Write in one transaction; see the port."""
        with self._asking(f"write {len(records)} records"):
            self._producer.begin_transaction()
            sent = [self._send(record) for record in records]
            self._producer.flush(timeout=ANSWER_S)
            offsets = [future.get(timeout=ANSWER_S).offset for future in sent]
            if position is not None:
                self._send(position(offsets[-1])).get(timeout=ANSWER_S)
            self._commit()

    def close(self) -> None:
        """Give the connections up; see the port."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=0)
        except KafkaError:  # its flush fails where a broker has gone, and leaves the sending thread at work
            producer._sender.force_close()

    def _send(self, record: Outgoing) -> Any:
        return self._producer.send(
            record.topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )

    def _commit(self) -> None:
        """Commit. kafka-python's own commit_transaction is these lines, but waits for ever for a broker that hangs."""
        committed = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not committed.wait(timeout_ms=ANSWER_S * 1000):
            raise KafkaTimeoutError(f"no commit in {ANSWER_S:g} s")

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except KafkaError as err:
            # What a fenced producer is asked after the first failure fails with another error, or with its text alone.
            told = (err, *err.args, self._producer and self._producer._transaction_manager._last_error)
            fenced = any(isinstance(one, (ProducerFencedError, InvalidProducerEpochError)) for one in told)
            raise failure(what, err, fenced=fenced) from err
