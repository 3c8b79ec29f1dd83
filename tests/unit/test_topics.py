"""The topic manifest: topics of events, keys, partitions, and which topics of a cluster are refused."""

from uuid import UUID

import pytest

from domain.errors import Invalid
from schemas.catalogue import CATALOGUE
from schemas.topics import (
    CHECKPOINTS,
    CONTEXT_TOPICS,
    CONTEXTS,
    RELAY,
    TOPICS,
    Topic,
    check_config,
    key_of,
    partition_of,
    topic_of,
)

IDENTITY = topic_of("edgeprint.identity.ObjectIdentified")
FOREVER = str((1 << 63) - 1)


def test_every_event_of_the_catalogue_has_a_topic() -> None:
    for name in CATALOGUE.by_type:
        assert topic_of(name).name == f"{name.rpartition('.')[0]}.v1"
        assert topic_of(name) in CONTEXT_TOPICS


def test_the_manifest_is_eight_contexts_checkpoints_and_relay() -> None:
    assert len(CONTEXTS) == 8
    assert [topic.partitions for topic in TOPICS] == [6] * 8 + [1, 1]
    assert TOPICS[-2:] == (CHECKPOINTS, RELAY)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ObjectIdentified",
        "edgeprint.Envelope",
        "edgeprint.identity",
        "edgeprint.identity.",
        "edgeprint.identity.objectIdentified",
        "edgeprint.identity.Object Identified",
        "edgeprint.identity.Object\n",
        "edgeprint.identity.Part.One",
        "edgeprint.checkpoints.Signed",
        "Edgeprint.identity.ObjectIdentified",
        "\ud800",
    ],
)
def test_a_name_that_is_no_events_has_no_topic(name: str) -> None:
    with pytest.raises(Invalid, match="expected the full name of an event of one of the contexts"):
        topic_of(name)


def test_keys_are_lower_case_hyphenated_ascii() -> None:
    assert key_of(UUID("01937E3F2B5C7D4A9C3E5F6A7B8C9D0E")) == b"01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"


@pytest.mark.parametrize("partitions", [0, -1])
def test_no_partition_of_none(partitions: int) -> None:
    with pytest.raises(Invalid, match="at least 1 partition"):
        partition_of(b"key", partitions)


def test_a_single_broker_is_asked_for_one_replica_and_several_for_two() -> None:
    assert [IDENTITY.configs(copies)["min.insync.replicas"] for copies in (1, 2, 3, 5)] == ["1", "2", "2", "2"]
    with pytest.raises(Invalid, match="replication factor of at least 1, found 0"):
        IDENTITY.configs(0)


# ---- check_config


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
@pytest.mark.parametrize("replication", [1, 3])
def test_what_we_would_create_is_accepted(topic: Topic, replication: int) -> None:
    check_config(topic, topic.partitions, replication, topic.configs(replication))


@pytest.mark.parametrize(
    "harmless",
    [
        {"compression.type": "producer"},
        {"max.message.bytes": "10485760"},
        {"cleanup.policy": ""},
        {"cleanup.policy": None},
        {"message.timestamp.before.max.ms": None},
        {"segment.ms": "1000", "flush.messages": "1", "remote.storage.enable": "true"},
        {"min.insync.replicas": "3"},
    ],
)
def test_differences_without_harm_pass(harmless: dict[str, str | None]) -> None:
    check_config(IDENTITY, 6, 3, IDENTITY.configs(3) | harmless)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("cleanup.policy", "compact", "cleanup.policy delete, found 'compact'"),
        ("cleanup.policy", "compact,delete", "cleanup.policy delete, found 'compact,delete'"),
        ("cleanup.policy", "delete, compact", "cleanup.policy delete"),
        ("cleanup.policy", "vanish", "cleanup.policy delete"),
        ("retention.ms", "604800000", "retention.ms -1, found '604800000'"),
        ("retention.ms", None, "retention.ms -1, found '604800000'"),
        ("retention.ms", FOREVER, "retention.ms -1"),
        ("retention.bytes", "1", "retention.bytes -1, found '1'"),
        ("retention.bytes", "all", "retention.bytes -1, found 'all'"),
        ("max.message.bytes", "1000000", "max.message.bytes of at least 1048576, found '1000000'"),
        ("max.message.bytes", "", "max.message.bytes of at least 1048576, found ''"),
        ("max.message.bytes", "9" * 5000, "max.message.bytes of at least 1048576, found '9999"),
        ("message.timestamp.before.max.ms", "86400000", "message.timestamp.before.max.ms of at least"),
        ("message.timestamp.after.max.ms", "3600000", "message.timestamp.after.max.ms of at least"),
        ("message.timestamp.after.max.ms", None, "message.timestamp.after.max.ms of at least"),
        ("message.timestamp.type", "LogAppendTime", "message.timestamp.type CreateTime, found 'LogAppendTime'"),
        ("min.insync.replicas", "1", "min.insync.replicas of at least 2, found '1'"),
        ("min.insync.replicas", None, "min.insync.replicas of at least 2, found '1'"),
        ("unclean.leader.election.enable", "true", "unclean.leader.election.enable false, found 'true'"),
    ],
)
def test_a_topic_that_may_lose_or_change_records_is_refused(name: str, value: str | None, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_config(IDENTITY, 6, 3, IDENTITY.configs(3) | {name: value})
    assert str(caught.value).startswith(f"topic edgeprint.identity.v1: expected {said}")
    assert "; " not in str(caught.value)


def test_the_number_of_partitions_is_exact() -> None:
    for partitions in (1, 5, 7, 12):
        with pytest.raises(Invalid, match=f"edgeprint.identity.v1: expected partitions 6, found {partitions}"):
            check_config(IDENTITY, partitions, 1, IDENTITY.configs(1))


def test_all_differences_are_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        check_config(RELAY, 6, 1, {"cleanup.policy": "compact"})
    for part in ("partitions 1, found 6", "cleanup.policy", "retention.ms", "message.timestamp.after.max.ms"):
        assert part in str(caught.value)
