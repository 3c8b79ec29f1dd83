"""The topic of a consumer's dead letters, `edgeprint.dlq.<consumer>.v1`: records that its handler could not take in.

One partition, nothing is ever deleted from it. A letter has key, value and headers of the record it was, byte for byte,
and behind them:

| header | value, ASCII but for the reason |
|---|---|
| `dlq-consumer` | the consumer's name |
| `dlq-topic`, `dlq-partition`, `dlq-offset` | where the record lies |
| `dlq-attempts` | how often the handler was tried; 0 for one that waits behind an earlier entry of its stream |
| `dlq-reason` | the error, UTF-8, at most 1,200 bytes |

A consumer that crashes between letter and store writes the letter once more: tell them apart by `ledger-index`.
"""

import re
from typing import Any, Final

from kafka import KafkaProducer  # type: ignore[import-untyped]  # wrapped here and in its neighbours, once

from domain.errors import Invalid
from infra.kafka.clients import connect
from infra.kafka.reader import Reader, answering
from infra.kafka.topics import create_topics, look_at_topics
from schemas.records import Partition, Received
from schemas.topics import CHECKPOINTS, MESSAGE_BYTES_MAX, Topic

ANSWER_S: Final = 10.0
REASON_BYTES_MAX: Final = 1_200
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")


def dead_letter_topic(consumer: str) -> Topic:
    """Return the topic of a consumer's dead letters.

    Raises:
        Invalid: no name of a consumer.
    """
    if not _NAME.match(consumer):
        raise Invalid(f"expected a consumer's name of a-z, 0-9 and -, found {consumer[:80]!r}")
    return Topic(f"edgeprint.dlq.{consumer}.v1", 1)


class DeadLetterTopic:
    """`consumers.ports.DeadLetters`. Connects, and makes the topic, when it is first needed."""

    def __init__(self, bootstrap: str, consumer: str) -> None:
        """Raises: Invalid for a name that is none."""
        self._bootstrap = bootstrap
        self._consumer = consumer
        self._topic = dead_letter_topic(consumer)
        self._producer: Any = None
        self._reader: Reader | None = None

    def put(self, record: Received, reason: str, attempts: int) -> int:
        """Write a letter and return its offset; see the port."""
        said = (
            ("dlq-consumer", self._consumer.encode()),
            ("dlq-topic", record.topic.encode()),
            ("dlq-partition", b"%d" % record.partition),
            ("dlq-offset", b"%d" % record.offset),
            ("dlq-attempts", b"%d" % attempts),
            ("dlq-reason", reason.encode("utf-8", "replace")[:REASON_BYTES_MAX]),
        )
        with answering(f"write to {self._topic.name}"):
            sent = self._writing().send(
                self._topic.name,
                key=record.key,
                value=record.value,
                headers=[*record.headers, *said],
                partition=0,
                timestamp_ms=record.timestamp_ms,
            )
            return int(sent.get(timeout=ANSWER_S).offset)

    def get(self, offset: int) -> Received | None:
        """Return the letter at an offset, None if there is none."""
        if self._reader is None:
            self._reader = Reader(self._bootstrap)
        return self._reader.at(Partition(self._topic.name, 0), offset)

    def close(self) -> None:
        """Close the connections."""
        producer, self._producer = self._producer, None
        reader, self._reader = self._reader, None
        if producer is not None:
            producer.close(timeout=ANSWER_S)
        if reader is not None:
            reader.close()

    def _writing(self) -> Any:
        if self._producer is None:
            (beside,) = look_at_topics(self._bootstrap, [CHECKPOINTS])
            create_topics(self._bootstrap, max(1, beside.replication), [self._topic])
            self._producer = connect(
                KafkaProducer,
                self._bootstrap,
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                max_request_size=MESSAGE_BYTES_MAX,
                request_timeout_ms=int(ANSWER_S * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        return self._producer
