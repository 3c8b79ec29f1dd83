"""Read every event, check it, decode it: python subscribe.py BOOTSTRAP REGISTRY   (pip install kafka-python fastavro)

BOOTSTRAP is `kafka` and REGISTRY is `registry` of `edgeprint status --json`. Ends after three seconds without a record.
"""

import hashlib
import io
import json
import sys
from urllib.request import urlopen

import fastavro
from kafka import KafkaConsumer

CONTEXTS = ["governance", "evidence", "identity", "capability", "production", "compliance", "rights", "delivery"]


def subscribe(bootstrap: str, registry: str) -> None:
    """Print index, type and stream version of each event, and whatever is none."""
    consumer = KafkaConsumer(
        *[f"edgeprint.{context}.v1" for context in CONTEXTS],
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",  # records of aborted transactions are never shown
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
    )
    schemas, seen = {}, set()
    for record in consumer:
        headers = dict(record.headers)
        entry = (record.value or b"")[5:]  # 00, four bytes of schema id, then the entry
        if hashlib.sha256(b"\0" + entry).hexdigest().encode() != headers.get("leaf-hash"):
            print(f"foreign record {record.topic}[{record.partition}]@{record.offset}")
            continue
        index = int(headers["ledger-index"])
        if index in seen:  # told apart by ledger index, never by offset
            continue
        seen.add(index)
        schema_id = int.from_bytes(record.value[1:5], "big")
        if schema_id not in schemas:
            with urlopen(f"{registry}/schemas/ids/{schema_id}") as answer:
                schemas[schema_id] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
        event = fastavro.schemaless_reader(io.BytesIO(entry), schemas[schema_id])
        print(index, headers["ce_type"].decode(), event["envelope"]["stream_version"])


if __name__ == "__main__":
    subscribe(*sys.argv[1:3])
