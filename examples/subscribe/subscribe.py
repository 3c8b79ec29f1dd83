"""Read every event, check it, decode it: python subscribe.py BOOTSTRAP REGISTRY   (pip install kafka-python fastavro)

BOOTSTRAP is `kafka` and REGISTRY is `registry` of `edgeprint status --json`. Ends after three seconds without a record.
"""

import hashlib
import io
import json
import sys
from typing import Any
from urllib.error import HTTPError
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
    schemas: dict[bytes, Any] = {}
    seen: set[int] = set()
    for record in consumer:
        headers, value = dict(record.headers), record.value or b""
        entry = value if "__value_schema_id" in headers else value[5:]  # framing: 00, four bytes of schema id
        try:
            if hashlib.sha256(b"\0" + entry).hexdigest().encode() != headers.get("leaf-hash"):
                raise ValueError("leaf hash differs")
            if not (headers.get("ledger-index") or b"").isdigit():
                raise ValueError("no ledger index")
            index = int(headers["ledger-index"])
            event_type, event = decode(entry, registry, schemas)
        except ValueError as error:  # a stranger's record: said and passed over
            print(f"foreign record {record.topic}[{record.partition}]@{record.offset}: {error}")
            continue
        if index not in seen:  # told apart by ledger index, never by offset
            seen.add(index)
            print(index, event_type, event["envelope"]["stream_version"])


def decode(entry: bytes, registry: str, schemas: dict[bytes, Any]) -> tuple[str, Any]:
    """Return type and event of an entry; its first 32 bytes are its schema's digest. Raises: ValueError."""
    digest, stream = entry[:32], io.BytesIO(entry)
    if digest not in schemas:
        text = ask(f"{registry}/schemas/ids/{int.from_bytes(digest[:4], 'big') & 0x7FFFFFFF}/schema")
        if hashlib.sha256(text).digest() != digest:  # the digest proves the text, whoever answers
            raise ValueError("no such schema")
        schemas[digest] = fastavro.parse_schema(json.loads(text))
    try:
        event = fastavro.schemaless_reader(stream, schemas[digest])
    except (EOFError, IndexError, OverflowError) as error:
        raise ValueError("no entry of its schema") from error
    if stream.read(1):
        raise ValueError("bytes behind the entry")
    return schemas[digest]["name"], event


def ask(url: str) -> bytes:
    """Return what the registry answers, nothing if it knows no such schema."""
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.read()
    except HTTPError as error:
        with error:
            if error.code != 404:
                raise
        return b""


if __name__ == "__main__":
    subscribe(*sys.argv[1:3])
