"""Whose turn it is: several processes of one consumer, of which one works and the others stand by.

A sealed consumer needs every partition (the root covers all leaves), so partitions are not shared out. The processes
form the group `edgeprint.<consumer>` over the one partition of the checkpoints: whoever is assigned it is at work.
Membership is static (KIP-345): a process that comes back within SESSION_S under its instance name has its turn at once,
nobody else is disturbed; one that stays away loses it. That two believe in their turn for a moment does no harm: the
store fences.

What is committed to the group is for lag tools only (`kafka-consumer-groups --describe`); no consumer ever reads it.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition  # type: ignore[import-untyped]  # wrapped here
from kafka.consumer.subscription_state import ConsumerRebalanceListener  # type: ignore[import-untyped]
from kafka.coordinator.assignors.cooperative_sticky import (  # type: ignore[import-untyped]
    CooperativeStickyAssignor,
)
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from infra.kafka.clients import connect
from infra.kafka.reader import answering
from schemas.records import Partition
from schemas.topics import CHECKPOINTS

SESSION_S: Final = 30.0
HEARTBEAT_S: Final = 3.0
STEP_S_MAX: Final = 300.0
"""A process that does not ask for its turn for so long loses it."""
COMMIT_S: Final = 5.0


class Membership:
    """One process's place in the group of its consumer. One thread; `is_active` often enough keeps the place."""

    def __init__(self, bootstrap: str, consumer: str, instance: str, *, session_s: float = SESSION_S) -> None:
        """Join. `instance` is unique in the group: letters, digits, dots, dashes and underscores, 249 at most.

        Raises:
            Unavailable: no broker answers.
        """
        self._committed_at = 0.0
        with answering(f"join the group of {consumer}"):
            self._consumer: Any = connect(
                KafkaConsumer,
                bootstrap,
                group_id=f"edgeprint.{consumer}",
                group_instance_id=instance,
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=int(session_s * 1000),
                heartbeat_interval_ms=int(min(HEARTBEAT_S, session_s / 3) * 1000),
                max_poll_interval_ms=int(STEP_S_MAX * 1000),
                enable_auto_commit=False,
                auto_offset_reset="latest",
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            self._consumer.subscribe([CHECKPOINTS.name], listener=_ReadNothing(self._consumer))

    def is_active(self, wait_s: float = 0.0) -> bool:
        """Return whether it is this process's turn, waiting for it `wait_s` at most.

        Raises:
            Unavailable: no broker answers, or another process has joined under this instance name.
        """
        with answering("ask whose turn it is"):
            self._consumer.poll(timeout_ms=int(wait_s * 1000))
            return bool(self._consumer.assignment())

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tell lag tools where this consumer is, each COMMIT_S at most; that it fails is no harm and not told."""
        if time.monotonic() - self._committed_at < COMMIT_S or not offsets:
            return
        self._committed_at = time.monotonic()
        told = {TopicPartition(*partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}
        try:
            self._consumer.commit(told, timeout_ms=1_000)
        except KafkaError:
            return

    def close(self) -> None:
        """Close the connections; the place in the group stays for SESSION_S."""
        self._consumer.close(autocommit=False)


class _ReadNothing(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Pauses what is assigned: it is a token, not something to read."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def on_partitions_assigned(self, assigned: Any) -> None:
        self._consumer.pause(*assigned)

    def on_partitions_revoked(self, revoked: Any) -> None:
        del revoked
