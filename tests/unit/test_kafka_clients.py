"""A client that finds no broker leaves nothing behind: whoever waits for brokers makes one again and again."""

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from infra.kafka.clients import connect


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address of this machine on which nobody listens."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("kind", [KafkaConsumer, KafkaAdminClient, KafkaProducer])
def test_no_thread_and_no_descriptor_is_left(kind: Any, nobody: str) -> None:
    threads, open_before = threading.active_count(), descriptors()
    for _ in range(3):
        with pytest.raises(KafkaError):
            connect(kind, nobody, bootstrap_timeout_ms=150)
    assert (threading.active_count(), descriptors()) == (threads, open_before)
