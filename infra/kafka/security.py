"""How our Kafka clients prove who they are: the file that EDGEPRINT_KAFKA_SECURITY names, mode 0600.

    security.protocol=SASL_SSL        PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
    sasl.mechanism=SCRAM-SHA-512      PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
    sasl.username=relay
    sasl.password=...
    ssl.ca.location=/etc/kafka/ca.pem           PEM, what the brokers' certificates are held against
    ssl.certificate.location=/etc/kafka/me.pem  PEM, with ssl.key.location: mutual TLS
    ssl.key.location=/etc/kafka/me.key

One `name=value` a line, `#` begins a comment line; the names are librdkafka's. A complete real example is the first
four lines. Without the variable, clients speak plain text: right for the home's own broker on loopback, and for nothing
else.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from domain.errors import Invalid, Unavailable
from infra.settings import read_settings

FILE_BYTES_MAX: Final = 65_536
_PYTHON_NAMES: Final[Mapping[str, str]] = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "security.protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl.mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
}


def client_security() -> dict[str, str]:
    """Return the settings by librdkafka's names; none if no file is named.

    Raises:
        Invalid: a line is no setting of these, or others may read the file.
        Unavailable: it cannot be read.
    """
    path = read_settings().kafka_security
    return {} if path is None else parse_security(_read(path), str(path))


def python_security() -> dict[str, Any]:
    """Return the settings by kafka-python's names. Raises as `client_security`."""
    return {_PYTHON_NAMES[name]: value for name, value in client_security().items()}


def parse_security(text: str, where: str) -> dict[str, str]:
    """Return the settings that a file holds; its values are never told.

    Raises:
        Invalid: a line is no `name=value`, a name is unknown or there twice, or a value is none of those it may be.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or name not in _PYTHON_NAMES or not value:
            known = ", ".join(_PYTHON_NAMES)
            raise Invalid(f"{where} line {number}: expected NAME=VALUE, NAME one of {known}, found {name[:40]!r}")
        if name in found:
            raise Invalid(f"{where} line {number}: expected {name} once, found it twice")
        if value not in _CHOICES.get(name, (value,)):
            raise Invalid(f"{where} line {number}: expected {name} of {', '.join(_CHOICES[name])}, found another")
        found[name] = value
    return found


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as err:
        raise Unavailable(f"EDGEPRINT_KAFKA_SECURITY: {path}: {err.strerror}") from err
    if mode & 0o077:
        raise Invalid(f"{path}: expected a file that only its owner can read, found mode {mode:04o}: chmod 600 {path}")
    if len(data) > FILE_BYTES_MAX:
        raise Invalid(f"{path}: expected at most {FILE_BYTES_MAX} bytes, found more")
    return data.decode(errors="replace")
