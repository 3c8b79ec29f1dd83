"""What the relay asks of Kafka and of the ledger, and the record in which it keeps its own position.

The position record is the value of a record in `edgeprint.relay.v1`, written in the same transaction as the entries
that it speaks of: RFC 8785 JSON with exactly these members.

| member | value |
|---|---|
| `first`, `last` | ledger indexes of the first and the last entry of the transaction |
| `leaf` | Merkle leaf hash of entry `last`, 64 lower-case hex digits |
| `topic`, `partition`, `offset` | where the record of entry `last` lies |

Example: {"first":0,"last":20,"leaf":"9f64...","offset":7,"partition":3,"topic":"edgeprint.governance.v1"}

A position is believed only if the record that it names holds the very bytes of our row `last`: whoever may write the
topics can write positions as well.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import rfc8785

from domain.errors import Invalid
from domain.spelling import HEX32
from schemas.records import Outgoing, Received
from schemas.topics import Topic

POSITION_BYTES_MAX: Final = 1_024
_INTEGERS: Final = ("first", "last", "partition", "offset")
_MEMBERS: Final = frozenset({*_INTEGERS, "leaf", "topic"})
_LONG_MAX: Final = (1 << 53) - 1  # RFC 8785 §3.2.2.3: what every JSON number holds exactly


class Position(NamedTuple):
    """The content of a position record; see the module."""

    first: int
    last: int
    leaf: bytes
    topic: str
    partition: int
    offset: int

    def encode(self) -> bytes:
        """Return the value of the record."""
        return rfc8785.dumps({**self._asdict(), "leaf": self.leaf.hex()})


def parse_position(value: bytes | None) -> Position:
    """Return the position that a record's value holds.

    Raises:
        Invalid: null, too long, not exactly the members of a position, or out of range.
    """
    if value is None or len(value) > POSITION_BYTES_MAX:
        found_instead = "null" if value is None else f"{len(value)}"
        raise Invalid(f"position: expected at most {POSITION_BYTES_MAX} bytes, found {found_instead}")
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as err:
        raise Invalid(f"position: expected a JSON object, found {value[:40]!r}") from err
    if not isinstance(found, dict) or found.keys() != _MEMBERS:
        raise Invalid(f"position: expected an object of {', '.join(sorted(_MEMBERS))}, found {value[:80]!r}")
    for name in _INTEGERS:
        if type(found[name]) is not int or not 0 <= found[name] <= _LONG_MAX:
            raise Invalid(f"position: expected {name} of 0 to {_LONG_MAX}, found {str(found[name])[:40]}")
    if not (isinstance(found["leaf"], str) and HEX32.fullmatch(found["leaf"]) and isinstance(found["topic"], str)):
        raise Invalid(f"position: expected a leaf hash and a topic, found {value[:200]!r}")
    if found["first"] > found["last"]:
        raise Invalid(f"position: expected first at most last, found {found['first']} and {found['last']}")
    return Position(**{**found, "leaf": bytes.fromhex(found["leaf"])})


class Bus(Protocol):
    """Kafka as the relay needs it; `infra.kafka.bus`. One thread.

    All methods may raise Unavailable (no broker, no answer: what was under way is unknown, so close and begin anew with
    `fence`), and Conflict once another relay of this log has fenced this one.
    """

    def fence(self) -> None:
        """Become the only writer of this log, and return when nothing is undecided.

        What an earlier relay left open is ended by the coordinator. Blocks until on every partition of every topic the
        last stable offset equals the high watermark: a stranger's open transaction hides our own committed records,
        which would then be sent twice.
        """

    def newest(self, topic: Topic) -> Iterator[Received]:
        """Yield the committed records of a topic of one partition, the newest first."""

    def tails(self) -> Iterator[Received]:
        """Yield the newest committed record of each partition of the context topics that has one."""

    def at(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return the committed record at an offset, None if there is none."""

    def write(self, records: Sequence[Outgoing], position: "PositionOf | None") -> None:
        """Write records in one transaction; committed and replicated when this returns.

        `position` is given the offset of the last record and returns one more record of the same transaction.
        """

    def stop(self) -> None:
        """End a wait for others' transactions, now and later, with Unavailable; from a signal handler."""

    def close(self) -> None:
        """Give everything up; an open transaction is aborted or left to the next `fence`."""


class NoteSource(Protocol):
    """Every checkpoint note that the sealer published; `LedgerRecorder`. Trusted with nothing: notes are verified."""

    def newest_note(self, size: int) -> bytes | None:
        """Return the note published last of the largest size that is at most `size`, None if there is none.

        Raises:
            Unavailable: the database does not answer.
        """


class PositionOf(Protocol):
    """Makes the position record once the offset of the last record is known."""

    def __call__(self, offset: int) -> Outgoing: ...
