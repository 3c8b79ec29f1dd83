"""The topic manifest: which topics there are, how they are cut and configured, and where a record goes.

Frozen: names, partition counts, keys and partitioner. Changing one moves streams to other partitions and breaks their
order, so a change is a new generation of the topic (`edgeprint.identity.v1-g2`) and a replay, never an edit.

- One topic `edgeprint.<context>.v1` for each of the eight contexts holds every event of that context; 6 partitions.
  Six divides evenly among 1, 2, 3 or 6 consumers. More would buy nothing: one relay feeds all topics and one consumer
  process reads faster than it writes, while each transaction pays one commit marker for every partition it touched.
- `edgeprint.checkpoints.v1` (signed checkpoints) and `edgeprint.relay.v1` (the relay's own positions) are single
  sequences; 1 partition.
- Key: the stream id as lower-case hyphenated UUID in ASCII, 36 bytes, so a stream's events stay in order.
- Partition: that of Apache Kafka's default partitioner, `(murmur2(key) & 0x7fffffff) mod partitions`; murmur2 is 32-bit
  MurmurHash2 with seed 0x9747b28c over little-endian words (`org.apache.kafka.common.utils.Utils.murmur2`).
- Configuration: nothing is ever deleted or compacted, a record keeps the time it was made at whatever the broker's
  clock says, and a write survives the loss of a broker where there are several. `max.message.bytes` bounds a batch.

A complete real example: stream 01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e of `edgeprint.evidence.LedgerFounded` goes to
`edgeprint.evidence.v1`, key hex 30313933376533662d326235632d376434612d396333652d356636613762386339643065, murmur2
3324619350, partition 4 of 6. Vectors by Apache Kafka itself: `tests/golden/topics/vectors.tsv`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType
from typing import Final
from uuid import UUID

from domain.errors import Invalid

CONTEXTS: Final = (
    "governance",
    "evidence",
    "identity",
    "capability",
    "production",
    "compliance",
    "rights",
    "delivery",
)
CONTEXT_PARTITIONS: Final = 6
MESSAGE_BYTES_MAX: Final = 1 << 20
REPLICAS_IN_SYNC: Final = 2
"""Replicas that must have a record before it counts as written, where there are as many."""

_INT64_MAX: Final = (1 << 63) - 1
_INTEGER: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,18})\Z", re.ASCII)
_EVENT_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]*\Z", re.ASCII)

_CONFIGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cleanup.policy": "delete",
        "compression.type": "zstd",
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
        "message.timestamp.after.max.ms": str(_INT64_MAX),
        "message.timestamp.before.max.ms": str(_INT64_MAX),
        "message.timestamp.type": "CreateTime",
        "retention.bytes": "-1",
        "retention.ms": "-1",
        "unclean.leader.election.enable": "false",
    }
)
_KAFKA_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cleanup.policy": "delete",
        "max.message.bytes": "1048588",
        "message.timestamp.after.max.ms": "3600000",
        "message.timestamp.before.max.ms": str(_INT64_MAX),
        "message.timestamp.type": "CreateTime",
        "min.insync.replicas": "1",
        "retention.bytes": "-1",
        "retention.ms": "604800000",
        "unclean.leader.election.enable": "false",
    }
)
"""What Apache Kafka 4.3 does where a topic's configuration says nothing."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the manifest."""

    name: str
    partitions: int

    def configs(self, replication: int) -> dict[str, str]:
        """Return the topic's configuration on a cluster that keeps `replication` copies, as Kafka spells it.

        A single broker cannot wait for a second replica; with 2 or more, 2 must have a record before it counts.

        Raises:
            Invalid: fewer than 1 copy.
        """
        return dict(sorted((*_CONFIGS.items(), ("min.insync.replicas", str(_replicas_in_sync(replication))))))


_BY_CONTEXT: Final[Mapping[str, Topic]] = MappingProxyType(
    {f"edgeprint.{context}": Topic(f"edgeprint.{context}.v1", CONTEXT_PARTITIONS) for context in CONTEXTS}
)
CONTEXT_TOPICS: Final = tuple(_BY_CONTEXT.values())
CHECKPOINTS: Final = Topic("edgeprint.checkpoints.v1", 1)
RELAY: Final = Topic("edgeprint.relay.v1", 1)
TOPICS: Final = (*CONTEXT_TOPICS, CHECKPOINTS, RELAY)
"""Every topic of the manifest, those of the contexts first."""


def topic_of(event_type: str) -> Topic:
    """Return the topic of an event by its Avro full name, `edgeprint.<context>.<Event>`; about 0.5 µs.

    Raises:
        Invalid: not the full name of an event, or a context that has no topic.
    """
    context, _, name = event_type.rpartition(".")
    topic = _BY_CONTEXT.get(context)
    if topic is None or not _EVENT_NAME.match(name):
        raise Invalid(
            f"expected the full name of an event of one of the contexts {', '.join(CONTEXTS)}, "
            f"found {event_type[:100]!r}"
        )
    return topic


def key_of(stream_id: UUID) -> bytes:
    """Return the key of a stream's records: the lower-case hyphenated UUID in ASCII, 36 bytes."""
    return str(stream_id).encode("ascii")


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition, from 0, that Apache Kafka's default partitioner gives a key; about 3 µs for 36 bytes.

    Raises:
        Invalid: fewer than 1 partition.
    """
    if partitions < 1:
        raise Invalid(f"expected at least 1 partition, found {partitions}")
    return (murmur2(key) & 0x7FFFFFFF) % partitions


_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_WORD: Final = Struct("<I")


def murmur2(data: bytes) -> int:
    """Return Apache Kafka's murmur2 of some bytes as an unsigned integer of 32 bits (Java has the same bits signed)."""
    whole = len(data) & ~3
    mixed = _SEED ^ len(data)
    for (word,) in _WORD.iter_unpack(data[:whole]):
        word = word * _MULTIPLIER & _MASK
        mixed = mixed * _MULTIPLIER & _MASK ^ (word ^ word >> 24) * _MULTIPLIER & _MASK
    if whole != len(data):
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _MASK
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _MASK
    return mixed ^ mixed >> 15


def check_config(topic: Topic, partitions: int, replication: int, configs: Mapping[str, str | None]) -> None:
    """Return if a topic as the cluster has it may hold our records; `configs` are those in effect there.

    What is missing or None in `configs` counts as Apache Kafka's default. Whatever does no harm passes: another codec,
    a larger limit, more replicas, an empty clean-up policy, settings that are not named here.

    Raises:
        Invalid: it compacts, limits retention, has another number of partitions, takes smaller batches than ours,
            limits or replaces timestamps, or may lose what it acknowledged; the message names each difference.
    """
    found = dict(_KAFKA_DEFAULTS) | {name: value for name, value in configs.items() if value is not None}
    differences = [] if partitions == topic.partitions else [f"partitions {topic.partitions}, found {partitions}"]
    if set(_words(found["cleanup.policy"])) - {"delete"}:
        differences.append(f"cleanup.policy delete, found {found['cleanup.policy'][:40]!r}")
    for name, wanted in (("retention.ms", -1), ("retention.bytes", -1)):
        if _integer(found[name]) != wanted:
            differences.append(f"{name} {wanted}, found {found[name][:40]!r}")
    for name, least in (
        ("max.message.bytes", MESSAGE_BYTES_MAX),
        ("message.timestamp.before.max.ms", _INT64_MAX),
        ("message.timestamp.after.max.ms", _INT64_MAX),
        ("min.insync.replicas", _replicas_in_sync(replication)),
    ):
        value = _integer(found[name])
        if value is None or value < least:
            differences.append(f"{name} of at least {least}, found {found[name][:40]!r}")
    for name in ("message.timestamp.type", "unclean.leader.election.enable"):
        if found[name] != _CONFIGS[name]:
            differences.append(f"{name} {_CONFIGS[name]}, found {found[name][:40]!r}")
    if differences:
        raise Invalid(f"topic {topic.name}: expected {'; '.join(differences)}")


def _replicas_in_sync(replication: int) -> int:
    if replication < 1:
        raise Invalid(f"expected a replication factor of at least 1, found {replication}")
    return min(REPLICAS_IN_SYNC, replication)


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _integer(text: str) -> int | None:
    """Return the integer that a config's value spells; None for any other text."""
    return int(text) if _INTEGER.match(text) else None
