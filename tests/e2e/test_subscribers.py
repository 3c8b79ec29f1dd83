"""Strangers' clients, unmodified, on a home that is up: each sees every entry, and its bytes are those of the ledger.
Strangers' records lie behind ours: each client passes over what it can know to be none of ours, and stops at nothing.

The README's consumer as it is written there, the programs of examples/subscribe, Apache Kafka's own console consumer,
Confluent's deserialiser with our registry, and fastavro with the schema files.
"""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import fastavro
import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.kafka.reader import Reader
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from producers.ports import LedgerRow
from projections.catalogue import VIEWS
from schemas.catalogue import CATALOGUE
from schemas.records import Received
from schemas.topics import CONTEXT_TOPICS
from tests.e2e.kit import REPOSITORY, Place, place
from tests.java_kit import compile_java, run_java

Headers: TypeAlias = list[tuple[str, bytes | None]]
Forged: TypeAlias = tuple[bytes | None, Headers]
PROGRAMS = REPOSITORY / "examples" / "subscribe"


def with_leaf(record: Received, index: bytes, value: bytes) -> Forged:
    """Return a record with a leaf hash that is right."""
    leaf = hashlib.sha256(b"\0" + value[5:]).hexdigest().encode()
    return value, [("ledger-index", index), ("leaf-hash", leaf), *record.headers[2:]]


FORGED: dict[str, Callable[[Received, bytes], Forged]] = {
    "null": lambda r, _: (None, list(r.headers)),
    "nothing in it": lambda r, _: (b"", []),
    "another leaf": lambda r, value: (value[:-1] + bytes([value[-1] ^ 1]), list(r.headers)),
    "headers without values": lambda r, value: (value, [(name, None) for name, _ in r.headers]),
    "no index": lambda r, value: (value, list(r.headers[1:])),
    "an index that is no number": lambda r, value: with_leaf(r, b"x", value),
    "a negative index": lambda r, value: with_leaf(r, b"-1", value),
}
"""What every program can know to be a stranger's."""
BELIEVED: dict[str, Callable[[Received, bytes], Forged]] = {
    "900001": lambda r, value: with_leaf(r, b"900001", bytes(5) + b"rubbish" * 40),
    "900002": lambda r, value: with_leaf(r, b"900002", value[:-9]),
    "900003": lambda r, value: with_leaf(r, b"900003", value),
    "900004": lambda r, value: (
        value[5:],
        [*with_leaf(r, b"900004", value)[1], ("__value_schema_id", b"\1" + bytes(16))],
    ),
}
"""What has the leaf hash that it claims, by its index; the first two do not decode, the last is framed as `bare` is."""
FORGERIES = FORGED | BELIEVED


class Up:
    """A home that is up, with some entries on Kafka and strangers' records behind them."""

    def __init__(self, made: Place) -> None:
        self.made = made
        self.status: Any = made.run("status", "--json").ok().json
        with closing(LedgerRecorder(made.database().dsn(READER))) as store:
            self.rows = store.rows(0, store.size())
        with closing(Reader(self.status["kafka"])) as reader:
            partitions = reader.partitions([topic.name for topic in CONTEXT_TOPICS])
            ends = reader.ends(partitions)
            spans = {partition: (0, ends[partition]) for partition in partitions}
            self.records = [record for batch in reader.read(spans) for record in batch]
        copied = next(record for record in self.records if record.topic == "edgeprint.identity.v1")
        places = {name: self.write(copied, *forge(copied, copied.value or b"")) for name, forge in FORGERIES.items()}
        self.foreign = {places[name] for name in FORGED}
        self.undecodable = {places[name] for name in ("900001", "900002")}

    def write(self, copied: Received, value: bytes | None, headers: Headers) -> str:
        """Write a record as a stranger, and return where it lies."""
        stranger, sent = Producer({"bootstrap.servers": self.status["kafka"]}), []
        stranger.produce(
            copied.topic, value, copied.key, 0, headers=headers, on_delivery=lambda _, message: sent.append(message)
        )
        assert stranger.flush(20) == 0 and sent[0].error() is None
        return f"{copied.topic}[0]@{sent[0].offset()}"

    def row(self, record: Received) -> LedgerRow:
        """Return the row that a record claims."""
        return self.rows[int(dict(record.headers)["ledger-index"] or b"-1")]

    def python(self, *arguments: str) -> str:
        """Run Python as a newcomer does in the activated environment."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environ = {**self.made.environ, "PATH": path, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environ, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def all_leaves(self) -> set[tuple[int, str, str]]:
        """Return index, type and leaf hash of every entry."""
        return {(row.index, row.type, row.leaf_hash.hex()) for row in self.rows}


def told(out: str) -> set[tuple[int, str, str]]:
    """Return index, type and third word of each line that tells an event."""
    lines = (line.split() for line in out.splitlines() if not line.startswith("foreign"))
    return {(int(index), kind, third) for index, kind, third in lines}


def foreign(out: str) -> set[str]:
    """Return topic, partition and offset of each line that tells a foreign record."""
    found = re.findall(r"^foreign record (\S+?)[-\[](\d+)\]?@(\d+)", out, re.MULTILINE)
    return {f"{topic}[{partition}]@{offset}" for topic, partition, offset in found}


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    with place() as made:
        made.init()
        for number in range(3):
            made.write(f"{number}.txt", f"{number}")
        made.run("up").ok()
        try:
            made.run("identify", made.files).ok()
            size = made.run("ledger", "status", "--json").ok().json["sealed_size"]
            made.run("topic", "verify", "--at-least", str(size)).ok()
            yield Up(made)
        finally:
            made.run("down").ok()


def test_every_record_holds_the_stored_rows_bytes(up: Up) -> None:
    assert len(up.records) == len(up.rows)
    for record in up.records:
        row, headers = up.row(record), dict(record.headers)
        assert (record.value or b"")[5:] == row.entry
        assert hashlib.sha256(b"\0" + row.entry).hexdigest().encode() == headers["leaf-hash"]
        assert headers["leaf-hash"] == row.leaf_hash.hex().encode()


def test_a_stranger_makes_the_views_of_the_ledger_from_kafka_and_the_policy_alone(up: Up, tmp_path: Path) -> None:
    """No home, no database: another folder, the brokers, the policy file. Digests are the ledger's own."""
    policy = tmp_path / "policy"
    policy.write_bytes((up.made.home / "policy").read_bytes())
    far = ["--home", str(tmp_path / "none"), "--state", str(tmp_path / "state")]
    far += ["--policy", str(policy), "--bootstrap", up.status["kafka"]]
    size = len(up.rows)
    told = up.made.run("consumer", "run", "views", "--once", *far, "--json").ok().json
    assert (told["consumer"], told["next_index"], told["verified_size"], told["waiting"]) == ("views", size, size, 0)
    status = up.made.run("consumer", "status", "views", "--digest", *far, "--json").ok().json
    ours = [up.made.run("projection", "digest", view.name, "--json").ok().json for view in VIEWS]
    assert {one["position"] for one in ours} == {size} and len({one["digest"] for one in ours}) == len(VIEWS)
    assert {one["name"]: one for one in status["projections"]} == {
        one["name"]: {**one, "stopped_at": None, "because": None} for one in ours
    }
    state = ["--home", str(tmp_path / "none"), "--state", str(tmp_path / "state")]
    assert up.made.run("consumer", "rewind", "views", "--to-index", "7", *state, "--json").ok().json["next_index"] == 7
    for line in up.made.run("consumer", "status", "views", *far).ok().out.splitlines()[-len(VIEWS) :]:
        assert re.fullmatch(r"  [a-z]+ +v\d+ +7", line), line
    up.made.run("consumer", "run", "views", "--once", *far).ok()
    again = up.made.run("consumer", "status", "views", "--digest", *far).ok().out
    assert status["digest"] in again
    for one in ours:
        assert re.search(rf"  {one['name']} +v{one['version']} +{size}  {one['digest']}$", again, re.MULTILINE)


def test_the_consumer_of_the_readme_as_it_is_written(up: Up, tmp_path: Path) -> None:
    section = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("## Subscribe to events")[1]
    found = re.search(r"```python\n(.+?)```", section, re.DOTALL)
    assert found is not None and sum(bool(line) for line in found[1].splitlines()) == 10
    program = tmp_path / "consumer.py"
    program.write_text(found[1])
    seen = {line for line in up.python(str(program)).splitlines() if line.split()[0].isdigit()}
    assert {line for line in told("\n".join(seen)) if line[0] < 900_000} == up.all_leaves()


def test_the_program_in_python(up: Up) -> None:
    out = up.python(str(PROGRAMS / "subscribe.py"), up.status["kafka"], up.status["registry"])
    seen = {(index, kind) for index, kind, _ in told(out)}
    assert {one for one in seen if one[0] < 900_000} == {(row.index, row.type) for row in up.rows}
    assert {index for index, _ in seen if index >= 900_000} == {900_003, 900_004}
    assert foreign(out) == up.foreign | up.undecodable


def test_the_program_in_java(up: Up, tmp_path: Path) -> None:
    """It decodes nothing, so it takes what has the leaf hash that it claims."""
    compile_java(PROGRAMS / "Subscribe.java", tmp_path)
    out = run_java("Subscribe", up.status["kafka"], more=tmp_path)
    assert {line for line in told(out) if line[0] < 900_000} == up.all_leaves()
    assert {line[0] for line in told(out) if line[0] >= 900_000} == {int(index) for index in BELIEVED}
    assert foreign(out) == up.foreign


def test_apache_kafkas_own_console_consumer(up: Up) -> None:
    """It prints bytes as Java does: printable ASCII as it is, but for the backslash, all others as \\xNN."""
    topic = "edgeprint.identity.v1"
    ours = [record for record in up.records if record.topic == topic]
    assert len(ours) > 3
    out = run_java(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", up.status["kafka"], "--topic", topic, "--from-beginning"),
        *("--isolation-level", "read_committed", "--max-messages", str(len(ours)), "--timeout-ms", "20000"),
        *("--formatter-property", "print.key=true", "--formatter-property", "print.headers=true"),
        *("--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true"),
        *("--formatter-property", "value.deserializer=org.apache.kafka.common.serialization.BytesDeserializer"),
    )
    lines = {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in out.splitlines()}
    assert len(lines) == len(ours)
    for record in ours:
        headers, key, value = lines[f"Partition:{record.partition}", f"Offset:{record.offset}"]
        assert key.encode() == record.key and unescape(value) == record.value
        assert headers.split(",") == [f"{name}:{(text or b'').decode()}" for name, text in record.headers]


def unescape(text: str) -> bytes:
    """Return the bytes that Kafka's `Bytes.toString` shows."""
    return re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text.encode("latin-1"))


def test_confluents_deserialiser_with_our_registry_decodes_every_type(up: Up) -> None:
    seen = set()
    with SchemaRegistryClient({"url": up.status["registry"]}) as registry:
        decode: Any = AvroDeserializer(registry)
        for record in up.records:
            value = decode(record.value, SerializationContext(record.topic, MessageField.VALUE))
            assert value["envelope"]["stream_version"] == int(dict(record.headers)["stream-version"] or b"")
            seen.add(up.row(record).type)
    assert len(seen) >= 5


def test_fastavro_with_the_schema_file(up: Up) -> None:
    for record in up.records:
        row = up.row(record)
        schema = CATALOGUE.by_type[row.type]
        parsed = json.loads((REPOSITORY / "schemas" / schema.file).read_text(encoding="utf-8"))
        stream = io.BytesIO((record.value or b"")[5:])
        event = fastavro.schemaless_reader(stream, parsed, None)
        assert isinstance(event, dict) and stream.read() == b""
        assert event["envelope"]["schema_sha256"] == bytes(schema.sha256)
