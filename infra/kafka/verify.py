"""`edgeprint topic verify`: one bounded run over Kafka that believes a policy file alone.

Ends are taken in an order: checkpoints first, then the context topics. A checkpoint is published behind all that it
covers, so every entry below the newest one lies before the ends that are read to.
"""

from collections.abc import Callable

from consumers.topic_check import TopicCheck, TopicReport
from domain.ledger.policy import parse_policy
from infra.kafka.reader import Partition, Reader
from schemas.catalogue import CATALOGUE
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS

Progress = Callable[[int, int], None]


def verify_topics(bootstrap: str, policy: bytes, progress: Progress = lambda _done, _total: None) -> TopicReport:
    """Read every record of the log's topics and check it; `progress` hears records done and to do.

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
        spans = _whole(reader, [topic.name for topic in CONTEXT_TOPICS])
        done, total = 0, sum(end - first for first, end in spans.values())
        for batch in reader.read(spans):
            for record in batch:
                check.take_entry(record)
            done += len(batch)
            progress(done, total)
        return check.report()
    finally:
        reader.close()


def _whole(reader: Reader, topics: list[str]) -> dict[Partition, tuple[int, int]]:
    partitions = reader.partitions(topics)
    begins, ends = reader.begins(partitions), reader.ends(partitions)
    return {partition: (begins[partition], ends[partition]) for partition in partitions}
