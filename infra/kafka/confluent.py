"""The bus's other writer: confluent-kafka, which is the C client librdkafka; several times faster, a binary wheel.

Chosen by EDGEPRINT_KAFKA_CLIENT=confluent; the package is the extra `edgeprint[confluent]`, imported nowhere else.
librdkafka compresses and sends on threads of its own. A record that could not be written makes the commit of its
transaction fail, so that of all deliveries only the last record's is looked at: for its offset.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.clients import RECONNECT_MS_MAX
from infra.kafka.security import client_security
from infra.kafka.writers import ANSWER_S, BATCH_BYTES, TRANSACTION_S, failure
from producers.relay_ports import PositionOf
from schemas.records import Outgoing
from schemas.topics import MESSAGE_BYTES_MAX

ABORT_S: Final = 2.0
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
_RAISED: Final = (KafkaException, BufferError, SystemError)
"""SystemError is Python's for the package's way to tell of a fatal error: it is raised while a delivery is reported."""
_NOTHING_LOGGED: Final = 0  # what matters is raised; librdkafka would write the rest to stderr, each retry a line


class ConfluentWriter:
    """See `infra.kafka.writers.Writer`."""

    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        try:
            self._producer = Producer(_settings(bootstrap, transactional_id))
            self._producer.init_transactions(ANSWER_S)
        except KafkaException as err:
            self.close()
            raise failure("become the only relay", err, fenced=_is_fenced(err)) from err

    def write(self, records: Sequence[Outgoing], position: PositionOf | None) -> None:
        """Write in one transaction; see the port."""
        try:
            self._producer.begin_transaction()
            for record in records[:-1]:
                self._produce(record)
            offset = self._acknowledged(records[-1])
            if position is not None:
                self._produce(position(offset))
            self._producer.commit_transaction(ANSWER_S)
        except _RAISED as err:
            fenced = _is_fenced(err) or self._abort_finds_a_fence()
            raise failure(f"write {len(records)} records", err, fenced=fenced) from err

    def close(self) -> None:
        """Give the connections up; see the port. The client's own `close` would wait for the broker."""
        with suppress(AttributeError):  # it was never made
            # Left alive it would go on asking to be let in, and might yet fence the writer that comes after it.
            del self._producer

    def _acknowledged(self, record: Outgoing) -> int:
        """Write the last record and return its offset once it and those before it are acknowledged."""
        told: list[tuple[KafkaError | None, int | None]] = []
        self._produce(record, lambda err, message: told.append((err, message.offset())))
        left = self._producer.flush(ANSWER_S)
        err, offset = told[0] if told else (None, None)
        if left or offset is None:
            raise KafkaException(err or KafkaError(KafkaError._TIMED_OUT, f"no acknowledgement in {ANSWER_S:g} s"))
        return offset

    def _produce(
        self, record: Outgoing, on_delivery: Callable[[KafkaError | None, Message], None] | None = None
    ) -> None:
        self._producer.produce(
            record.topic,
            value=record.value,
            key=record.key,
            partition=record.partition,
            timestamp=record.timestamp_ms,
            headers=list(record.headers),
            on_delivery=on_delivery,
        )

    def _abort_finds_a_fence(self) -> bool:
        """End a failed transaction, that no reader waits for its end, and return whether the producer was fenced.

        While records are sent librdkafka says no more than that something fatal happened; whoever aborts is told what.
        """
        try:
            self._producer.abort_transaction(ABORT_S)
        except _RAISED as err:
            return _is_fenced(err)
        return False


def _is_fenced(err: Exception) -> bool:
    first = err.__cause__ if isinstance(err, SystemError) else err
    told = first.args[0] if first is not None and first.args else None
    return isinstance(told, KafkaError) and told.code() in _FENCED


def _settings(bootstrap: str, transactional_id: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": bootstrap,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_S * 1000,
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": "zstd",
        "batch.size": BATCH_BYTES,
        "linger.ms": 5,
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "message.timeout.ms": int(ANSWER_S * 1000),
        "socket.timeout.ms": int(ANSWER_S * 1000),
        "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
        "allow.auto.create.topics": False,
        "enable.metrics.push": False,
        "log_level": _NOTHING_LOGGED,
        **client_security(),
    }
