"""Makes the golden files of this folder; run `python -m tests.golden.framing.make_golden` in the repository's root.

Each file is one record: topic, partition and key, the value of both framings in hexadecimal, and every header in its
order (text as text, `__value_schema_id` in hexadecimal). `LedgerFounded.json` is the entry of `tests/golden/codec`;
`Correlated.json` is the same event as version 300 of its stream within a production request, which adds `traceparent`.
"""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from domain.ledger.merkle import leaf_hash
from schemas.framing import frame, frame_bare, headers_of
from schemas.topics import key_of, partition_of, topic_of
from tests.golden.codec.make_golden import CODEC, LEDGER, examples, numbered

FOLDER = Path(__file__).parent


def entries() -> dict[str, tuple[int, str, bytes]]:
    """Return index, type and entry of each record by the name of its file."""
    _, event, envelope = next(examples())
    correlated = replace(envelope, correlation_id=numbered(300), stream_version=300)
    return {
        "LedgerFounded.json": (0, event.TYPE, CODEC.encode(event, envelope)),
        "Correlated.json": (1_234_567_890_123, event.TYPE, CODEC.encode(event, correlated)),
    }


def record(index: int, event_type: str, entry: bytes, stream_id: UUID = LEDGER) -> dict[str, object]:
    """Return what one record is on Kafka."""
    topic, key = topic_of(event_type), key_of(stream_id)
    bare, guid_header = frame_bare(entry)
    return {
        "topic": topic.name,
        "partition": partition_of(key, topic.partitions),
        "key": key.decode(),
        "headers": {name: value.decode() for name, value in headers_of(index, event_type, entry, leaf_hash(entry))},
        "value": frame(entry).hex(),
        "bare": {"value": bare.hex(), guid_header[0]: guid_header[1].hex()},
    }


def files() -> dict[str, str]:
    """Return the text of every golden file by its name."""
    return {name: json.dumps(record(*found), indent=1) + "\n" for name, found in entries().items()}


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
