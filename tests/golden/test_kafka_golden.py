"""Golden Kafka formats: Apache Kafka's own murmur2 and partitions, the frozen manifest, whole records."""

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from schemas.framing import RecordHeaders, headers_of, parse_headers, unframe, unframe_bare
from schemas.topics import CONTEXT_TOPICS, CONTEXTS, TOPICS, key_of, murmur2, partition_of, topic_of
from tests.golden.framing.make_golden import FOLDER, entries, files

TOPICS_FOLDER = Path(__file__).parent / "topics"
RECORDS = ("LedgerFounded.json", "Correlated.json")


def vectors() -> list[dict[str, str]]:
    with (TOPICS_FOLDER / "vectors.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_murmur2_and_partitions_are_those_of_apache_kafka() -> None:
    rows = vectors()
    keys = [bytes.fromhex(row["key_hex"]) for row in rows]
    assert len({key for key in keys if len(key) == 36 and UUID(key.decode()).version == 7}) == 200
    assert {len(key) for key in keys} >= set(range(10)) | {256}
    assert any(not key.isascii() for key in keys)
    for key, row in zip(keys, rows, strict=True):
        assert murmur2(key) == int(row["murmur2"])
        for name, partition in row.items():
            if name.startswith("of_"):
                assert partition_of(key, int(name.removeprefix("of_"))) == int(partition)


def test_the_manifest_has_not_changed() -> None:
    frozen = json.loads((TOPICS_FOLDER / "manifest.json").read_text())
    assert [{"name": topic.name, "partitions": topic.partitions, "configs": topic.configs(3)} for topic in TOPICS] == (
        frozen
    )
    assert [topic.name for topic in CONTEXT_TOPICS] == [f"edgeprint.{context}.v1" for context in CONTEXTS]


def test_the_script_makes_the_same_records() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == files()


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_what_its_file_says(name: str) -> None:
    said: Any = json.loads((FOLDER / name).read_text())
    index, event_type, entry = entries()[name]
    headers = said["headers"]
    value, bare = bytes.fromhex(said["value"]), bytes.fromhex(said["bare"]["value"])
    # what anyone with the bytes can work out without our code
    assert value[:1] == b"\0" and value[5:] == bare == entry
    assert int.from_bytes(value[1:5], "big") == int.from_bytes(entry[:4], "big") & 0x7FFFFFFF
    assert said["bare"]["__value_schema_id"] == "01" + entry[:16].hex()
    assert headers["leaf-hash"] == sha256(b"\0" + value[5:]).hexdigest()
    assert headers["ce_dataschema"] == "urn:sha256:" + entry[:32].hex()
    assert headers["ce_id"] == str(UUID(bytes=entry[32:48]))
    assert headers["ce_subject"] == said["key"] == str(UUID(bytes=entry[48:64]))
    assert headers["ce_source"] == f"urn:edgeprint:ledger:{UUID(bytes=entry[144:160])}"
    assert headers["ce_type"] == event_type
    assert headers["content-type"] == "application/avro" and "ce_datacontenttype" not in headers
    # and our own
    pairs = [(key, text.encode()) for key, text in headers.items()]
    assert list(headers_of(index, event_type, entry, sha256(b"\0" + entry).digest())) == pairs
    leaf_hash, version = bytes.fromhex(headers["leaf-hash"]), int(headers["stream-version"])
    assert parse_headers(pairs) == RecordHeaders(index, leaf_hash, version)
    assert unframe(value) == entry
    guid = bytes.fromhex(said["bare"]["__value_schema_id"])
    assert unframe_bare(bare, [*pairs, ("__value_schema_id", guid)]) == entry
    topic, key = topic_of(event_type), key_of(UUID(said["key"]))
    assert (topic.name, partition_of(key, topic.partitions)) == (said["topic"], said["partition"])


def test_only_what_is_correlated_has_a_trace() -> None:
    founded, correlated = (json.loads((FOLDER / name).read_text())["headers"] for name in RECORDS)
    assert "traceparent" not in founded
    entry = entries()["Correlated.json"][2]
    assert correlated["traceparent"] == f"00-{entry[128:144].hex()}-{entry[40:48].hex()}-01"
    assert correlated["stream-version"] == "300"
