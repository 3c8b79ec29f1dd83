"""A real Apache Kafka for tests: one broker for each pytest process, started when it is first asked for.

Topics have fixed names, so a test that writes begins with `fresh_topics`, which empties all of them.
"""

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from infra.kafka.broker import Broker
from infra.kafka.clients import connect
from infra.kafka.topics import create_topics
from infra.settings import read_settings
from schemas.records import Outgoing
from schemas.topics import TOPICS

DELETED_S_MAX = 30.0
POISON: dict[str, Callable[[Outgoing], Outgoing]] = {
    "wrong magic": lambda r: r._replace(value=b"\x07" + r.value[1:]),
    "unknown schema id": lambda r: r._replace(value=b"\x00\x00\x00\x00\x07" + r.value[5:]),
    "flipped bit": lambda r: r._replace(value=r.value[:-1] + bytes([r.value[-1] ^ 1])),
    "huge": lambda r: r._replace(value=r.value + bytes(900_000)),
    "no headers": lambda r: r._replace(headers=()),
    "null": lambda r: r._replace(value=None),  # type: ignore[arg-type]  # a tombstone
    "believable index": lambda r: r._replace(headers=(("ledger-index", b"1000000"), *r.headers[1:])),
    "another entry's index": lambda r: r._replace(headers=(("ledger-index", b"0"), *r.headers[1:])),
}
"""What a stranger may make of a true record."""


@cache
def shared_broker() -> Broker:
    """Return the running broker of this process; it ends with it."""
    home = Path(tempfile.mkdtemp(prefix="epk", dir="/tmp"))
    broker = Broker.open(home, read_settings(environ={}))
    broker.start(ends_with_parent=True)

    def end() -> None:
        broker.purge()
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(end)
    return broker


def fresh_topics(bootstrap: str) -> None:
    """Remove the topics of the manifest with all in them, and make them anew."""
    admin = connect(KafkaAdminClient, bootstrap)
    try:
        there = sorted({topic.name for topic in TOPICS} & set(admin.list_topics()))
        if there:
            admin.delete_topics(there)
            deadline = time.monotonic() + DELETED_S_MAX
            while {topic.name for topic in TOPICS} & set(admin.list_topics()):
                assert time.monotonic() < deadline, "topics are not deleted"
                time.sleep(0.05)
    finally:
        admin.close()
    deadline = time.monotonic() + DELETED_S_MAX
    while True:  # a topic just deleted may still be known somewhere for a moment
        try:
            create_topics(bootstrap)
            return
        except Exception:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


@contextmanager
def producer(bootstrap: str, **settings: Any) -> Iterator[Any]:
    """Give a plain kafka-python producer: a stranger's."""
    client = connect(KafkaProducer, bootstrap, **settings)
    try:
        yield client
    finally:
        client.close(timeout=5)


def records_of(bootstrap: str, topic: str, partition: int) -> list[Any]:
    """Return all committed records of one partition, as kafka-python gives them."""
    place = TopicPartition(topic, partition)
    consumer = connect(
        KafkaConsumer, bootstrap, isolation_level="read_committed", auto_offset_reset="earliest", group_id=None
    )
    try:
        consumer.assign([place])
        end = consumer.end_offsets([place])[place]
        consumer.seek(place, 0)
        found: list[Any] = []
        while consumer.position(place) < end:
            for batch in consumer.poll(timeout_ms=500).values():
                found.extend(batch)
        return found
    except UnknownTopicOrPartitionError:
        return []
    finally:
        consumer.close()
