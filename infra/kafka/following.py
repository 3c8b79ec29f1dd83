"""Kafka as a consumer follows it: all context topics and the checkpoints at once, for as long as it runs.

`Following` is `consumers.ports.Source` over one kafka-python consumer. The feed says each time which partitions it
wants and from where; only those are assigned, which is the back-pressure: nothing is fetched for whoever does not read.
(Pausing would be the usual means; kafka-python 3.0.12 forgets a paused partition whose records it has parked, if no
other partition has any to bring.)

A consumer that stands still while its partitions go on is given up (kafka-python 3.0.7 and 3.0.8 did that): `poll`
raises Unavailable, and who `reopen`s has a new one.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kafka import TopicPartition  # type: ignore[import-untyped]  # wrapped here and in its neighbours, once
from kafka.errors import OffsetOutOfRangeError  # type: ignore[import-untyped]

from consumers.feed import Fetched
from domain.errors import Unavailable
from infra.kafka.reader import POLL_MS, Reader, answering, connect_consumer, received
from infra.kafka.topics import require_topics
from schemas.records import Partition, Received
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS

STALLED_S: Final = 30.0
UNKNOWN_END: Final = 1 << 62
FOLLOWED: Final = (*CONTEXT_TOPICS, CHECKPOINTS)


class Following:
    """See the module and `consumers.ports.Source`. Connects at the first `reopen`."""

    def __init__(self, bootstrap: str, *, stalled_s: float = STALLED_S) -> None:
        """Keep the address; a consumer that stands still for `stalled_s` while there is more is given up."""
        self._bootstrap = bootstrap
        self._stalled_s = stalled_s
        self._consumer: Any = None
        self._reader: Reader | None = None
        self._at: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._moved = 0.0

    def reopen(self) -> Sequence[Partition]:
        """Connect anew and return the partitions of the context topics; see the port.

        Raises:
            Invalid: a topic compacts, limits retention or is cut otherwise: it may not hold our records.
            Unavailable: no broker answers, or a topic does not exist.
        """
        self.close()
        require_topics(self._bootstrap, FOLLOWED)
        self._reader = Reader(self._bootstrap)
        partitions = self._reader.partitions([topic.name for topic in FOLLOWED])
        self._consumer = connect_consumer(self._bootstrap)
        self._at = {}
        self._ends = dict.fromkeys(partitions, UNKNOWN_END)
        self._moved = time.monotonic()
        return [partition for partition in partitions if partition.topic != CHECKPOINTS.name]

    def poll(self, wanted: Mapping[Partition, int]) -> list[Fetched]:
        """Return what is there of the wanted partitions, half a second from now at the latest; see the port."""
        self._steer(wanted)
        if not wanted:
            return []
        with answering("read records"):
            found = self._consumer.poll(timeout_ms=POLL_MS)
        if found:
            self._moved = time.monotonic()
        fetched = []
        for partition, begin in wanted.items():
            here = TopicPartition(*partition)
            end = self._position(here)
            records = found.get(here, ())
            self._ends[partition] = self._end(here, end)
            if records or end != begin:
                self._at[partition] = end
                fetched.append(Fetched(partition, [received(record) for record in records], end))
        if not fetched:
            self._require_moving(wanted)
        return fetched

    def watermarks(self) -> Mapping[Partition, int]:
        """Return the offset behind the last record of each partition, as last told; beyond all where nobody told."""
        return self._ends

    def at(self, partition: Partition, offset: int) -> Received | None:
        """Return the committed record at an offset, None if there is none."""
        if self._reader is None:
            raise Unavailable("not connected: reopen first")
        return self._reader.at(partition, offset)

    def close(self) -> None:
        """Close the connections."""
        consumer, self._consumer = self._consumer, None
        reader, self._reader = self._reader, None
        if consumer is not None:
            consumer.close(autocommit=False)
        if reader is not None:
            reader.close()

    def _steer(self, wanted: Mapping[Partition, int]) -> None:
        """Have exactly what the feed wants assigned, and seek where it wants to go on elsewhere."""
        if self._consumer is None:
            raise Unavailable("not connected: reopen first")
        if self._at.keys() != wanted.keys():
            self._consumer.assign([TopicPartition(*partition) for partition in wanted])
            self._at = {partition: offset for partition, offset in self._at.items() if partition in wanted}
        for partition, offset in wanted.items():
            if self._at.get(partition) != offset:
                self._consumer.seek(TopicPartition(*partition), offset)
                self._at[partition] = offset

    def _position(self, partition: Any) -> int:
        try:
            with answering("ask for the position"):
                return int(self._consumer.position(partition))
        except Unavailable as err:
            if isinstance(err.__cause__, OffsetOutOfRangeError):
                raise Unavailable(f"records are gone that were to be read: {err.__cause__}") from err
            raise

    def _end(self, partition: Any, position: int) -> int:
        """Return the high watermark of a partition; beyond all as long as no broker has told it."""
        told = self._consumer.highwater(partition)
        return UNKNOWN_END if told is None else max(int(told), position)

    def _require_moving(self, wanted: Mapping[Partition, int]) -> None:
        """Raise Unavailable if nothing has come for long although the brokers have more of what is wanted."""
        if not wanted or time.monotonic() - self._moved < self._stalled_s:
            return
        if self._reader is None:
            raise Unavailable("not connected: reopen first")
        ends = self._reader.ends(list(wanted))
        behind = [f"{partition}@{offset}" for partition, offset in wanted.items() if offset < ends[partition]]
        if behind:
            raise Unavailable(f"nothing came for {self._stalled_s:g} s although there is more behind {behind[0]}")
        self._moved = time.monotonic()
