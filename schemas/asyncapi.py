"""The AsyncAPI 3.0 description of the topics, made from catalogue and topic manifest.

One channel for each topic, one message for each event type, whose payload is the newest Avro schema as it is published
(`application/vnd.apache.avro+json;version=1.9.0`, AsyncAPI 3.0.0 multi format schema object). The bindings are those of
Kafka (binding version 0.5.0): partitions, topic configuration, key, and where the schema id stands. Operations are what
a subscriber does: receive. Two runs give the same bytes.
"""

import json
from typing import Any, Final

from domain.spelling import HEX32
from schemas.catalogue import Catalogue, EventSchema
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, RELAY, Topic, topic_of

ASYNCAPI: Final = "3.0.0"
BINDING: Final = "0.5.0"
AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"
REPLICATION: Final = 3
_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_DECIMAL: Final = "^(0|[1-9][0-9]*)$"
_HASH: Final = f"^{HEX32.pattern}$"

HEADERS: Final[tuple[tuple[str, str, str, bool], ...]] = (
    (
        "ledger-index",
        _DECIMAL,
        "0-based index of the entry in the ledger: the key to deduplicate and to order by",
        True,
    ),
    ("leaf-hash", _HASH, "RFC 9162 leaf hash of the entry: SHA-256 of 00 and value[5:], in hex", True),
    ("stream-version", _DECIMAL, "position of the event in its stream, from 1", True),
    ("ce_specversion", "^1\\.0$", "CloudEvents 1.0, binary content mode", True),
    ("ce_id", _UUID, "event id", True),
    ("ce_source", "^urn:edgeprint:ledger:", "the ledger", True),
    ("ce_type", "^edgeprint\\.[a-z]+\\.[A-Z][A-Za-z0-9]*$", "event type: the Avro full name", True),
    ("ce_subject", _UUID, "stream id: what the event is about, and the record's key", True),
    ("ce_time", "Z$", "when the event was recorded, RFC 3339 in UTC with six decimals", True),
    ("ce_dataschema", "^urn:sha256:[0-9a-f]{64}$", "digest of the schema: the entry's first 32 bytes", True),
    ("content-type", "^application/avro$", "media type of the entry", True),
    ("traceparent", "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$", "W3C trace context, where the event belongs to a case", False),
)
"""Name, pattern, meaning and whether it is always there (`schemas.framing`)."""


def asyncapi_document(catalogue: Catalogue) -> dict[str, Any]:
    """Return the description as one JSON value."""
    by_topic: dict[Topic, list[EventSchema]] = {topic: [] for topic in CONTEXT_TOPICS}
    for name in sorted(catalogue.by_type):
        by_topic[topic_of(name)].append(catalogue.by_type[name])
    channels = {topic.name: _context_channel(topic, schemas) for topic, schemas in by_topic.items()}
    channels[CHECKPOINTS.name] = _note_channel()
    channels[RELAY.name] = _position_channel()
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "edgeprint",
            "version": "1",
            "description": "The sealed ledger of a film digital-asset supply chain, every entry byte for byte.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/avro",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The brokers that `edgeprint status` prints.",
                "variables": {"bootstrap": {"description": "host:port"}},
                "bindings": {"kafka": {"schemaRegistryVendor": "confluent", "bindingVersion": BINDING}},
            }
        },
        "channels": channels,
        "operations": {_receive(name): _operation(name) for name in channels},
        "components": {
            "messages": {schema.name: _event_message(schema) for schemas in by_topic.values() for schema in schemas},
            "schemas": {"eventHeaders": _headers()},
        },
    }


def asyncapi_text(catalogue: Catalogue) -> str:
    """Return the description as text, two spaces deep, with a newline at its end."""
    return json.dumps(asyncapi_document(catalogue), indent=2, ensure_ascii=False) + "\n"


def _context_channel(topic: Topic, schemas: list[EventSchema]) -> dict[str, Any]:
    context = topic.name.split(".")[1]
    return {
        "address": topic.name,
        "summary": f"Events of the context {context}, in order for each stream.",
        "messages": {
            schema.name.rpartition(".")[2]: {"$ref": f"#/components/messages/{schema.name}"} for schema in schemas
        },
        "bindings": {"kafka": _topic_binding(topic)},
    }


def _topic_binding(topic: Topic) -> dict[str, Any]:
    configs = topic.configs(REPLICATION)
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "replicas": REPLICATION,
        "topicConfiguration": {
            "cleanup.policy": [configs["cleanup.policy"]],
            "retention.ms": int(configs["retention.ms"]),
            "retention.bytes": int(configs["retention.bytes"]),
            "max.message.bytes": int(configs["max.message.bytes"]),
        },
        "bindingVersion": BINDING,
    }


def _event_message(schema: EventSchema) -> dict[str, Any]:
    published = json.loads(schema.text)
    return {
        "name": schema.name,
        "summary": published["doc"],
        "contentType": "application/avro",
        "headers": {"$ref": "#/components/schemas/eventHeaders"},
        "payload": {"schemaFormat": AVRO, "schema": split_names(published)},
        "x-schema-sha256": schema.sha256.hex(),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "pattern": _UUID, "description": "the stream id, 36 bytes of ASCII"},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "RecordNameStrategy",
                "bindingVersion": BINDING,
            }
        },
    }


def split_names(schema: Any) -> Any:
    """Return an Avro schema with each full name cut into namespace and name: the same schema, differently written.

    AsyncAPI's own schema of Avro schemas knows no dotted names. The published text, whose digest is
    `x-schema-sha256`, keeps them.
    """
    if isinstance(schema, list):
        return [split_names(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    split = {key: split_names(value) if key in ("type", "items", "fields") else value for key, value in schema.items()}
    namespace, dot, name = str(schema.get("name", "")).rpartition(".")
    return {**split, "namespace": namespace, "name": name} if dot else split


def _headers() -> dict[str, Any]:
    return {
        "type": "object",
        "required": [name for name, _, _, always in HEADERS if always],
        "properties": {
            name: {"type": "string", "pattern": pattern, "description": meaning}
            for name, pattern, meaning, _ in HEADERS
        },
    }


def _note_channel() -> dict[str, Any]:
    return {
        "address": CHECKPOINTS.name,
        "summary": "Signed checkpoints (C2SP tlog-checkpoint), each once all that it covers is on Kafka.",
        "messages": {
            "Checkpoint": {
                "name": "Checkpoint",
                "contentType": "text/plain",
                "headers": {
                    "type": "object",
                    "required": ["size", "note-sha256"],
                    "properties": {
                        "size": {"type": "string", "pattern": _DECIMAL, "description": "size of the tree"},
                        "note-sha256": {"type": "string", "pattern": _HASH, "description": "digest of the note"},
                    },
                },
                "payload": {"type": "string", "description": "the signed note"},
                "bindings": {"kafka": {"key": {"type": "string", "pattern": _UUID}, "bindingVersion": BINDING}},
            }
        },
        "bindings": {"kafka": _topic_binding(CHECKPOINTS)},
    }


def _position_channel() -> dict[str, Any]:
    integers = {name: {"type": "integer", "minimum": 0} for name in ("first", "last", "partition", "offset")}
    return {
        "address": RELAY.name,
        "summary": "The relay's own positions, for the relay; a subscriber needs none of them.",
        "messages": {
            "Position": {
                "name": "Position",
                "contentType": "application/json",
                "payload": {
                    "type": "object",
                    "required": [*integers, "leaf", "topic"],
                    "properties": {
                        **integers,
                        "leaf": {"type": "string", "pattern": _HASH},
                        "topic": {"type": "string"},
                    },
                },
                "bindings": {"kafka": {"key": {"type": "string", "pattern": _UUID}, "bindingVersion": BINDING}},
            }
        },
        "bindings": {"kafka": _topic_binding(RELAY)},
    }


def _receive(channel: str) -> str:
    return "receive" + channel.split(".")[1].capitalize()


def _operation(channel: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": f"Subscribe to {channel}, read_committed.",
    }
