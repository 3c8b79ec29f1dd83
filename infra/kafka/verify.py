"""`edgeprint topic verify`: one bounded run over Kafka that believes a policy file alone.

Ends are taken in an order: checkpoints first, then the context topics. A checkpoint is published behind all that it
covers, so every entry below the newest one lies before the ends that are read to.
"""

import time
from typing import Final

from consumers.topic_check import TopicCheck, TopicReport
from domain.errors import Unavailable
from domain.ledger.policy import parse_policy
from infra.kafka.reader import Reader
from schemas.catalogue import CATALOGUE
from schemas.records import Partition
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS

WAIT_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.2


def verify_topics(bootstrap: str, policy: bytes) -> TopicReport:
    """Read every record of the log's topics and check it.

    Raises:
        Invalid: the policy does not parse.
        Unavailable: Kafka does not answer, or a topic does not exist.
    """
    check = TopicCheck(parse_policy(policy).verify_checkpoint, CATALOGUE)
    reader = Reader(bootstrap)
    try:
        for batch in reader.read(_whole(reader, [CHECKPOINTS.name])):
            for record in batch:
                check.take_note(record)
        for batch in reader.read(_whole(reader, [topic.name for topic in CONTEXT_TOPICS])):
            for record in batch:
                check.take_entry(record)
        return check.report()
    finally:
        reader.close()


def verify_covered(bootstrap: str, policy: bytes, size: int) -> TopicReport:
    """Return `verify_topics` once a checkpoint of at least `size` is on Kafka; the relay is waited for.

    Raises:
        Unavailable: none is there after WAIT_SECONDS_MAX, or as `verify_topics`.
        Invalid: as `verify_topics`.
    """
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        report = verify_topics(bootstrap, policy)
        if report.size >= size:
            return report
        if time.monotonic() >= deadline:
            raise Unavailable(
                f"expected a checkpoint of size {size} on Kafka within {WAIT_SECONDS_MAX:g} s, found {report.size}: "
                "does the relay run? its log is run/relay.log"
            )
        time.sleep(POLL_SECONDS)


def _whole(reader: Reader, topics: list[str]) -> dict[Partition, tuple[int, int]]:
    partitions = reader.partitions(topics)
    begins, ends = reader.begins(partitions), reader.ends(partitions)
    return {partition: (begins[partition], ends[partition]) for partition in partitions}
