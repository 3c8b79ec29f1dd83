"""The golden entries: made again they are the same, and fastavro reads them with the committed schema files."""

import json
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import pytest

from schemas.catalogue import CATALOGUE, SCHEMA_DIRECTORY
from schemas.codec import Codec
from schemas.envelope import (
    ACTOR,
    CAUSATION,
    COMMAND_ID,
    CORRELATION,
    EVENT_ID,
    LEDGER_ID,
    PREVIOUS,
    RECORDED_AT,
    SCHEMA,
    STREAM_ID,
    STREAM_VERSION,
)
from tests.golden.codec.make_golden import FOLDER, examples, files

NAMES = ("LedgerFounded", "SchemaPublished")


def golden(name: str) -> tuple[bytes, Any]:
    entry = bytes.fromhex((FOLDER / f"{name}.hex").read_text())
    return entry, json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_the_script_makes_the_same_files() -> None:
    assert {
        path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir() if path.suffix in (".hex", ".json")
    } == files()


@pytest.mark.parametrize("name", NAMES)
def test_the_codec_reads_and_writes_them(name: str) -> None:
    entry, _ = golden(name)
    event, envelope = {made: (event, envelope) for made, event, envelope in examples()}[name]
    decoded = Codec(CATALOGUE).accept(entry)
    assert (decoded.event, decoded.envelope) == (event, envelope)
    assert Codec(CATALOGUE).encode(decoded.event, decoded.envelope) == entry


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_stand_at_the_frozen_offsets(name: str) -> None:
    entry, said = golden(name)
    envelope = said["envelope"]
    uuids = {
        EVENT_ID: "event_id",
        STREAM_ID: "stream_id",
        COMMAND_ID: "command_id",
        CAUSATION: "causation_id",
        CORRELATION: "correlation_id",
        LEDGER_ID: "ledger_id",
        ACTOR: "actor",
    }
    for offset, field in uuids.items():
        assert entry[offset : offset + 16] == UUID(envelope[field]).bytes
    text = (SCHEMA_DIRECTORY / "evidence" / f"{name}.v1.avsc").read_bytes()
    assert entry[SCHEMA:EVENT_ID] == sha256(text).digest() == bytes.fromhex(said["schema_sha256"])
    assert entry[PREVIOUS:COMMAND_ID] == bytes.fromhex(envelope["previous"])
    zigzag = sum((byte & 127) << 7 * place for place, byte in enumerate(entry[RECORDED_AT:STREAM_VERSION]))
    assert zigzag >> 1 == envelope["recorded_at"]
    assert entry[STREAM_VERSION] == envelope["stream_version"] << 1
    assert sha256(b"\0" + entry).hexdigest() == said["leaf_hash"]
    assert len(entry) == said["bytes"]


@pytest.mark.parametrize("name", NAMES)
def test_fastavro_reads_them_with_the_committed_schema(name: str) -> None:
    entry, said = golden(name)
    schema = json.loads((SCHEMA_DIRECTORY / "evidence" / f"{name}.v1.avsc").read_bytes())
    source = BytesIO(entry)
    datum: Any = fastavro.schemaless_reader(source, fastavro.parse_schema(schema), None)
    assert source.read() == b""
    envelope = datum.pop("envelope")
    assert envelope.pop("schema_sha256").hex() == said["schema_sha256"]
    plain = {key: found.hex() if isinstance(found, bytes) else found for key, found in envelope.items()}
    assert plain == {
        key: found.replace("-", "") if isinstance(found, str) else found for key, found in said["envelope"].items()
    }
    assert {key: found.hex() if isinstance(found, bytes) else found for key, found in datum.items()} == said["event"]


def test_the_second_entry_follows_the_first() -> None:
    (first, _), (second, _) = golden("LedgerFounded"), golden("SchemaPublished")
    assert second[PREVIOUS:COMMAND_ID] == sha256(b"\0" + first).digest()
