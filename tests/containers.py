"""Apache Kafka and PostgreSQL in containers, for tests where a Docker engine answers.

testcontainers' own KafkaContainer starts Confluent's images only; this is Apache's, in KRaft mode. The embedded broker
and cluster stay the ones that every test uses: containers are one more machine to run the same on.
"""

import os
import socket
from contextlib import closing
from pathlib import Path

from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

KAFKA_IMAGE = "apache/kafka:4.3.1"
POSTGRES_IMAGE = "postgres:17-bookworm"
KAFKA_PORT = 9092
SOCKET = Path("/var/run/docker.sock")


def engine() -> str | None:
    """Return the version of the Docker engine that answers, None if none does."""
    if not os.environ.get("DOCKER_HOST") and not SOCKET.exists():
        return None  # asking all the same would leave a socket to the garbage collector
    try:
        return str(DockerClient().client.version()["Version"])
    except Exception:  # whatever docker-py says: there is no engine to use
        return None


class ApacheKafkaContainer(DockerContainer):
    """One broker that is its own controller. Its advertised port has to be known before it starts, so it is chosen."""

    def __init__(self) -> None:
        super().__init__(KAFKA_IMAGE)
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.with_bind_ports(KAFKA_PORT, self.port)
        listeners = f"PLAINTEXT://:{KAFKA_PORT},CONTROLLER://:9093"
        for name, value in {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": listeners,
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self.port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        }.items():
            self.with_env(name, value)

    @property
    def bootstrap(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self.port}"


class PostgresContainer(DockerContainer):
    """One PostgreSQL with a password."""

    def __init__(self, password: str) -> None:
        super().__init__(POSTGRES_IMAGE)
        self._password = password
        self.with_env("POSTGRES_PASSWORD", password).with_exposed_ports(5432)

    @property
    def url(self) -> str:
        """Return what DATABASE_URL would say."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.get_exposed_port(5432)}/postgres"
