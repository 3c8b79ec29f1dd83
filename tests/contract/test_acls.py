"""The ACL script on a real broker with an authorizer: the relay can do all it does, consumers read, nobody deletes."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from domain.errors import Invalid, Unavailable
from infra.kafka import broker as embedded
from infra.kafka.broker import Broker, Record
from infra.kafka.bus import KafkaBus
from infra.kafka.clients import connect
from infra.kafka.dead_letters import DeadLetterTopic
from infra.kafka.following import Following
from infra.kafka.java import find_java
from infra.kafka.membership import Membership
from infra.kafka.reader import Reader
from infra.kafka.security import client_security, parse_security, python_security
from infra.kafka.topics import create_topics, look_at_topics
from infra.settings import KafkaClient, read_settings
from producers.relay import record_of
from producers.relay_ports import Position
from schemas.records import Outgoing, Partition
from schemas.topics import CONTEXT_TOPICS, RELAY, TOPICS, Topic
from tests.e2e.kit import REPOSITORY, until
from tests.feed_kit import make_row
from tests.java_kit import class_path
from tests.kafka_kit import producer

LEDGER = UUID(int=99)
SCRIPT = REPOSITORY / "infra" / "deploy" / "kafka" / "acls.sh"
USERS = ("admin", "relay", "mirror", "views", "stranger")


def guarded(record: Record, data: Path) -> str:
    """Return the broker's configuration with users, and an authorizer that allows nothing by itself."""
    jaas = "org.apache.kafka.common.security.plain.PlainLoginModule required "
    jaas += " ".join(f'user_{name}="{name}-secret"' for name in USERS)
    plain = embedded.server_properties(record, data).replace("PLAINTEXT://", "SASL_PLAINTEXT://")
    lines = [line for line in plain.splitlines() if not line.startswith("inter.broker.listener.name")]
    return "\n".join(
        [
            *lines,
            "inter.broker.listener.name=SASL_PLAINTEXT",
            "listener.security.protocol.map=SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN",
            "sasl.mechanism.inter.broker.protocol=PLAIN",
            f'listener.name.sasl_plaintext.plain.sasl.jaas.config={jaas} username="admin" password="admin-secret";',
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:admin;User:ANONYMOUS",  # ANONYMOUS is the broker itself on the controller's listener
            "allow.everyone.if.no.acl.found=false",
            "",
        ]
    )


class Guarded:
    """A broker with an authorizer, and our clients as one of its users."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = monkeypatch
        self.broker = Broker.open(folder / "home", read_settings(environ={}))

    @property
    def bootstrap(self) -> str:
        return self.broker.bootstrap

    def become(self, user: str) -> None:
        """Let every client made from now on be this user."""
        path = self.folder / f"{user}.properties"
        lines = ("security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", f"sasl.username={user}")
        path.write_text("\n".join((*lines, f"sasl.password={user}-secret")) + "\n")
        path.chmod(0o600)
        self._patch.setenv("EDGEPRINT_KAFKA_SECURITY", str(path))

    def run_script(self, *options: str) -> str:
        """Run the script as the administrator; kafka-acls.sh is Kafka's own class behind a line of shell."""
        shim = self.folder / "kafka-acls.sh"
        java = f'"{find_java(None)}" {" ".join(embedded.JAVA_OPTIONS)}'
        shim.write_text(f'#!/bin/sh\nexec {java} -cp "{class_path()}" org.apache.kafka.tools.AclCommand "$@"\n')
        shim.chmod(0o755)
        admin = self.folder / "admin-client.properties"
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        admin.write_text(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
            f'sasl.jaas.config={module} username="admin" password="admin-secret";\n'
        )
        argv = [str(SCRIPT), "--bootstrap-server", self.bootstrap, "--ledger", str(LEDGER), "--relay", "User:relay"]
        argv += ["--consumer", "mirror=User:mirror", "--consumer", "views=User:views"]
        argv += ["--command-config", str(admin), "--kafka-acls", str(shim)]
        done = subprocess.run([*argv, *options], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def cluster() -> Iterator[Guarded]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="acl", dir="/tmp") as name:
        made = Guarded(Path(name), patch)
        with patch.context() as during_start:
            plain = embedded.server_properties
            during_start.setattr(
                embedded, "server_properties", lambda record, data: _with(plain, guarded, record, data)
            )
            made.broker.start(ends_with_parent=True)
        try:
            made.become("admin")
            create_topics(made.bootstrap)
            made.run_script()
            yield made
        finally:
            made.broker.purge()


def _with(plain, change, record, data):  # type: ignore[no-untyped-def]
    """Return the changed configuration, made from the one that stands there otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "server_properties", plain)
        return change(record, data)


@pytest.mark.parametrize("client", ["python", "confluent"])
def test_the_relay_can_do_all_that_it_does(cluster: Guarded, client: KafkaClient) -> None:
    cluster.become("relay")
    rows = [record_of(make_row(index)) for index in range(3)]
    with closing(KafkaBus(cluster.bootstrap, LEDGER, client=client)) as bus:
        bus.fence()

        def position(offset: int) -> Outgoing:
            where = Position(0, 2, bytes(32), rows[-1].topic, rows[-1].partition, offset)
            return Outgoing(RELAY.name, 0, None, where.encode(), (), 1)

        bus.write(rows, position)
        until(lambda: any(b'"last":2' in (one.value or b"") for one in bus.newest(RELAY)), "the position is visible")
        assert [tail.value for tail in bus.tails()][-1] in {row.value for row in rows}


def test_the_relay_can_neither_delete_nor_make_nor_alter(cluster: Guarded) -> None:
    cluster.become("relay")
    assert refused(cluster, "delete") and refused(cluster, "create") and refused(cluster, "alter")
    with pytest.raises(Exception, match="Authorization"), closing(KafkaBus(cluster.bootstrap, UUID(int=5))) as bus:
        bus.fence()  # another ledger's transactional id


@pytest.mark.parametrize("name", ["mirror", "views"])
def test_a_consumer_reads_everything_and_writes_its_dead_letters_only(cluster: Guarded, name: str) -> None:
    cluster.become("relay")
    with closing(KafkaBus(cluster.bootstrap, LEDGER)) as bus:
        bus.fence()
        bus.write([record_of(make_row(7))], None)
    cluster.become(name)
    with (
        closing(Following(cluster.bootstrap)) as following,
        closing(Membership(cluster.bootstrap, name, "one", session_s=6)) as member,
    ):
        wanted = dict.fromkeys(following.reopen(), 0)
        fetched = [one for _ in range(4) for one in following.poll(wanted) if one.records]
        assert fetched
        until(lambda: member.is_active(0.2), f"{name} has its turn")
        record = fetched[0].records[0]
    with closing(DeadLetterTopic(cluster.bootstrap, name)) as letters:
        kept = letters.get(letters.put(record, "KeyError", 4))
        assert kept is not None and kept.value == record.value
    with (
        closing(DeadLetterTopic(cluster.bootstrap, "other")) as others,
        pytest.raises(Unavailable, match="uthoriz"),
    ):
        others.put(record, "KeyError", 4)
    entry = record_of(make_row(8))
    with pytest.raises(KafkaError, match="uthoriz"), producer(cluster.bootstrap) as writer:
        writer.send(entry.topic, value=entry.value, key=entry.key, partition=entry.partition).get(timeout=20)
    assert refused(cluster, "delete") and refused(cluster, "alter") and refused(cluster, "create")
    with (
        closing(Membership(cluster.bootstrap, "another", "one", session_s=6)) as barred,
        pytest.raises(Exception, match="uthorization"),
    ):
        barred.is_active(5.0)


def test_a_stranger_sees_nothing(cluster: Guarded) -> None:
    cluster.become("stranger")
    assert all(found.partitions == 0 for found in look_at_topics(cluster.bootstrap, CONTEXT_TOPICS))
    with closing(Reader(cluster.bootstrap, patience_s=2)) as reader, pytest.raises(Exception, match="uthoriz"):
        reader.ends([Partition(CONTEXT_TOPICS[0].name, 0)])


def test_only_the_administrator_deletes_and_nothing_was_deleted(cluster: Guarded) -> None:
    cluster.become("admin")
    assert all(found.partitions == found.topic.partitions for found in look_at_topics(cluster.bootstrap, TOPICS))
    extra = Topic("edgeprint.dlq.gone.v1", 1)
    create_topics(cluster.bootstrap, 1, [extra])
    assert not refused(cluster, "delete", extra.name)


def test_run_again_it_changes_nothing_and_a_dry_run_does_nothing(cluster: Guarded) -> None:
    said = cluster.run_script("--dry-run")
    assert said.count("--add") == 8 and "Delete" not in said and "--operation Alter" not in said and "All" not in said
    cluster.run_script()
    assert cluster.run_script("--dry-run") == said


@pytest.mark.parametrize("arguments", [[], ["--relay"], ["--nonsense", "x"], ["--bootstrap-server", "k:1"]])
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    done = subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2 and "acls.sh --bootstrap-server HOST:PORT" in done.stderr


def refused(cluster: Guarded, what: str, topic: str = "edgeprint.rights.v1") -> bool:
    """Return whether the user may not do this to a topic."""
    admin = connect(KafkaAdminClient, cluster.bootstrap)
    try:
        if what == "delete":
            admin.delete_topics([topic])
        elif what == "create":
            admin.create_topics({"edgeprint.new.v1": {"num_partitions": 1, "replication_factor": 1}})
        else:
            changed = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "1"})
            return "uthoriz" in str(admin.alter_configs([changed]))
    except KafkaError as err:
        assert "uthorization" in type(err).__name__ + str(err), err
        return True
    finally:
        admin.close()
    return False


def test_the_settings_of_the_file_are_those_of_either_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kafka.properties"
    monkeypatch.setenv("EDGEPRINT_KAFKA_SECURITY", str(path))
    with pytest.raises(Unavailable, match="No such file"):
        client_security()
    path.write_text("# ours\n\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.ca.location=/ca.pem\n")
    path.chmod(0o644)
    with pytest.raises(Invalid, match="expected a file that only its owner can read, found mode 0644"):
        client_security()
    path.chmod(0o600)
    assert client_security() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "ssl.ca.location": "/ca.pem",
    }
    assert python_security() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "ssl_cafile": "/ca.pem",
    }
    monkeypatch.delenv("EDGEPRINT_KAFKA_SECURITY")
    assert python_security() == client_security() == {}


@pytest.mark.parametrize(
    "text",
    ["x", "acks=all", "sasl.username=", "security.protocol=TLS", "sasl.password=a\nsasl.password=b", "\0=1", "=1"],
)
def test_settings_that_are_none_are_named_and_no_secret_is_told(text: str) -> None:
    with pytest.raises(Invalid, match=r"kafka\.properties line [12]: expected") as caught:
        parse_security(text, "kafka.properties")
    assert "=b" not in str(caught.value)
