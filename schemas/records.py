"""A Kafka record as it is written and as it is read; what its value and headers hold is said in `schemas.framing`."""

from typing import NamedTuple

from schemas.framing import Header


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.number}]"


class Outgoing(NamedTuple):
    """A record to be written; `timestamp_ms` is CreateTime, milliseconds since the epoch."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: tuple[Header, ...]
    timestamp_ms: int


class Received(NamedTuple):
    """A record as it was read. Nothing in it is believed before it is compared."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def place(self) -> str:
        """Return where the record lies, for people: topic[partition]@offset."""
        return f"{self.topic}[{self.partition}]@{self.offset}"
