"""The topics on a cluster: made as the manifest says (`schemas.topics`), looked at, and held against it.

Nothing is ever altered or deleted here. A topic that compacts, limits retention or has another number of partitions is
refused by the relay and by every consumer at its start; what to do then is the operator's decision.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaAdminClient  # type: ignore[import-untyped]  # wrapped here and in its neighbours, once
from kafka.admin import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]
from kafka.errors import KafkaError, TopicAlreadyExistsError  # type: ignore[import-untyped]

from domain.errors import Invalid, Unavailable
from infra.kafka.clients import connect
from schemas.topics import TOPICS, Topic, check_config

CREATE_MS_MAX: Final = 30_000
UNKNOWN_TOPIC: Final = 3  # UNKNOWN_TOPIC_OR_PARTITION (Kafka protocol, error codes)


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic of the manifest as the cluster has it: no partitions if it does not exist; `wrong` says what differs."""

    topic: Topic
    partitions: int
    replication: int
    wrong: str | None


@contextmanager
def administering(bootstrap: str) -> Iterator[Any]:
    """Give an admin client. Raises: Unavailable for whatever it raises."""
    try:
        admin = connect(KafkaAdminClient, bootstrap)
        try:
            yield admin
        finally:
            admin.close()
    except KafkaError as err:
        raise Unavailable(f"Kafka at {bootstrap} does not answer: {type(err).__name__} {str(err)[:300]}") from err


def create_topics(bootstrap: str, replication: int = 1, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Make those topics that do not exist, with `replication` copies, and return their names; safe when repeated.

    Raises:
        Invalid: one that exists is not as the manifest says.
        Unavailable: Kafka does not answer or refuses.
    """
    missing = [found.topic for found in look_at_topics(bootstrap, topics) if not found.partitions]
    with administering(bootstrap) as admin:
        for topic in missing:
            wanted = {
                "num_partitions": topic.partitions,
                "replication_factor": replication,
                "configs": topic.configs(replication),
            }
            try:
                admin.create_topics({topic.name: wanted}, timeout_ms=CREATE_MS_MAX, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                continue  # somebody else has just made it; it is looked at below
    require_topics(bootstrap, topics)
    return [topic.name for topic in missing]


def look_at_topics(bootstrap: str, topics: Sequence[Topic] = TOPICS) -> list[FoundTopic]:
    """Return each topic as the cluster has it. Raises: Unavailable."""
    with administering(bootstrap) as admin:
        described = {found["name"]: found for found in admin.describe_topics([topic.name for topic in topics])}
        there = [
            topic for topic in topics if not described.get(topic.name, {"error_code": UNKNOWN_TOPIC})["error_code"]
        ]
        resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in there]
        configs = admin.describe_configs(resources, config_filter="all")["topic"] if resources else {}
    return [
        _found(topic, described[topic.name], configs[topic.name]) if topic in there else FoundTopic(topic, 0, 0, None)
        for topic in topics
    ]


def require_topics(bootstrap: str, topics: Sequence[Topic] = TOPICS) -> None:
    """Return if every topic is there and may hold our records.

    Raises:
        Invalid: one may not; the message names each difference.
        Unavailable: one does not exist, or Kafka does not answer.
    """
    for found in look_at_topics(bootstrap, topics):
        if not found.partitions:
            raise Unavailable(f"expected the topic {found.topic.name}, found none: run `edgeprint topic create`")
        if found.wrong is not None:
            raise Invalid(found.wrong)


def brokers_are_down(err: Unavailable) -> bool:
    """Return whether it was the brokers that did not answer: they may come back by themselves, a missing topic not."""
    return isinstance(err.__cause__, KafkaError)


def _found(topic: Topic, described: dict[str, Any], configs: dict[str, Any]) -> FoundTopic:
    partitions = len(described["partitions"])
    replication = min(len(partition["replica_nodes"]) for partition in described["partitions"])
    wrong = None
    try:
        check_config(topic, partitions, replication, {name: config["value"] for name, config in configs.items()})
    except Invalid as err:
        wrong = str(err)
    return FoundTopic(topic, partitions, replication, wrong)
