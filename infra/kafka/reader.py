"""Committed records of partitions, forwards or backwards, over one kafka-python consumer.

kafka-python is untyped: it is imported in `infra.kafka` only, here and in the neighbours that follow, write, administer
or join a group, and what it gives is turned into `Received` at once. Reading is always `read_committed`, without a
group, from offsets that the caller names: what a consumer may believe is stored with its read model, never on the
broker. End offsets are *last stable offsets*: behind them nothing is decided yet. Transaction markers take offsets but
are no records.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # wrapped here, once
from kafka.errors import KafkaError, OffsetOutOfRangeError  # type: ignore[import-untyped]

from domain.errors import Unavailable
from infra.kafka.clients import connect
from schemas.records import Partition, Received

PATIENCE_S: Final = 30.0
POLL_MS: Final = 500
POLL_RECORDS: Final = 2_000
BACKWARDS_RECORDS: Final = 64
FETCH_BYTES: Final = 4 << 20
FETCH_BYTES_MAX: Final = 32 << 20


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Raise what the client raises as Unavailable, with what was being done."""
    try:
        yield
    except KafkaError as err:
        raise Unavailable(f"Kafka does not answer, cannot {what}: {type(err).__name__} {str(err)[:300]}") from err


def connect_consumer(bootstrap: str) -> Any:
    """Return a kafka-python consumer without a group that reads committed records from offsets it is told.

    Raises:
        Unavailable: no broker answers.
    """
    with answering(f"connect to {bootstrap}"):
        return connect(
            KafkaConsumer,
            bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            check_crcs=True,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_poll_records=POLL_RECORDS,
            fetch_max_wait_ms=100,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )


class Reader:
    """A consumer without a group. One thread at a time."""

    def __init__(self, bootstrap: str, *, patience_s: float = PATIENCE_S) -> None:
        """Connect to `host:port[,host:port]`; `patience_s` is how long an answer is waited for.

        Raises:
            Unavailable: no broker answers.
        """
        self._patience_s = patience_s
        self._consumer = connect_consumer(bootstrap)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close(autocommit=False)

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """Return the partitions of these topics, in order. Raises: Unavailable if one does not exist."""
        found = []
        for topic in topics:
            with answering(f"look at {topic}"):
                numbers = self._consumer.partitions_for_topic(topic)
            if not numbers:
                raise Unavailable(f"expected the topic {topic}, found none: `edgeprint topic create` makes it")
            found += [Partition(topic, number) for number in sorted(numbers)]
        return found

    def begins(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return the first offset of each partition: 0 as long as nothing was ever deleted."""
        return self._offsets(self._consumer.beginning_offsets, partitions)

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Return the last stable offset of each partition."""
        return self._offsets(self._consumer.end_offsets, partitions)

    def at_time(self, partitions: Sequence[Partition], timestamp_ms: int) -> dict[Partition, int]:
        """Return in each partition the offset of the first record made at `timestamp_ms` or later, else its end."""
        with answering("ask for offsets by time"):
            found = self._consumer.offsets_for_times({TopicPartition(*p): timestamp_ms for p in partitions})
        ends = self.ends(partitions)
        told = {p: found.get(TopicPartition(*p)) for p in partitions}
        return {p: ends[p] if one is None else min(int(one.offset), ends[p]) for p, one in told.items()}

    def read(self, spans: dict[Partition, tuple[int, int]]) -> Iterator[list[Received]]:
        """Yield the records of spans [first offset, offset behind the last) in lists, of each partition in order.

        A caller who is slow holds the broker's answer back, not more than one fetch of each partition in memory.

        Raises:
            Unavailable: nothing came for `patience_s`, or an offset of a span is gone.
        """
        left = {TopicPartition(*p): span for p, span in spans.items() if span[0] < span[1]}
        self._consumer.assign(list(left))
        for partition, (first, _) in left.items():
            self._consumer.seek(partition, first)
        deadline = time.monotonic() + self._patience_s
        while left:
            records = self._poll()
            for partition, batch in records.items():
                yield [received(record) for record in batch if record.offset < left[partition][1]]
            done = []
            for partition, (first, end) in left.items():
                at = self._position(partition)
                if at >= end:
                    done.append(partition)
                elif at > first:
                    left[partition] = (at, end)
                    deadline = time.monotonic() + self._patience_s
            if done:
                left = {partition: span for partition, span in left.items() if partition not in done}
                self._consumer.assign(list(left))
                deadline = time.monotonic() + self._patience_s
            if left and time.monotonic() >= deadline:
                raise Unavailable(
                    f"no records came for {self._patience_s:g} s, of {len(left)} partitions some are left"
                )

    def newest(self, partition: Partition) -> Iterator[Received]:
        """Yield the committed records of one partition, the newest first."""
        yield from self.backwards(partition, self.begins([partition])[partition], self.ends([partition])[partition])

    def backwards(self, partition: Partition, begin: int, end: int) -> Iterator[Received]:
        """Yield the committed records of one partition from the offset before `end` down to `begin`."""
        while end > begin:
            first = max(begin, end - BACKWARDS_RECORDS)
            yield from reversed([record for batch in self.read({partition: (first, end)}) for record in batch])
            end = first

    def at(self, partition: Partition, offset: int) -> Received | None:
        """Return the committed record at an offset, None if there is none."""
        if not self.begins([partition])[partition] <= offset < self.ends([partition])[partition]:
            return None
        return next((record for batch in self.read({partition: (offset, offset + 1)}) for record in batch), None)

    def _offsets(self, ask: Callable[[list[Any]], Any], partitions: Sequence[Partition]) -> dict[Partition, int]:
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                with answering("ask for offsets"):
                    found = ask([TopicPartition(*p) for p in partitions])
                return {Partition(tp.topic, tp.partition): int(offset) for tp, offset in found.items()}
            except KeyError as err:  # kafka-python 3.0.12 where a partition has no leader for the moment
                if time.monotonic() >= deadline:
                    raise Unavailable(f"no leader is known for {err} after {self._patience_s:g} s") from err
                time.sleep(0.05)

    def _poll(self) -> dict[Any, list[Any]]:
        try:
            with answering("read records"):
                found: dict[Any, list[Any]] = self._consumer.poll(timeout_ms=POLL_MS)
        except Unavailable as err:
            if isinstance(err.__cause__, OffsetOutOfRangeError):
                raise Unavailable(f"records are gone that were to be read: {err.__cause__}") from err
            raise
        return found

    def _position(self, partition: Any) -> int:
        with answering("ask for the position"):
            return int(self._consumer.position(partition))


def received(record: Any) -> Received:
    """Return a record of kafka-python as ours."""
    return Received(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
