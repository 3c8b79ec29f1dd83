"""What every event is: a frozen fact, described once in Python, from which its Avro schema is generated.

    Verdict = StrEnum("Verdict", ["UNSPECIFIED", "SUCCEEDED", "FAILED"])

    @fact("edgeprint.production.AttemptEnded", stream="J")
    class AttemptEnded(Event):
        \"""The current try ended; SUCCEEDED ends the job.\"""

        attempt: Annotated[int, Doc("the try that ended", low=1, high=100)]
        verdict: Annotated[Verdict, Doc("how it ended")]
        wall_us: Annotated[int, Doc("microseconds by the host's monotonic clock", low=0)]

Types of fields: int, str, bool, an id of `domain.ids`, Sha256, datetime (aware, UTC), a StrEnum whose first member is
UNSPECIFIED (refused on write), `tuple[T, ...]`, a class made by `value`, and `T | None`. `Doc` bounds an int, or a str
by its characters, or a tuple by its items. What the schema does not say (types, bounds, unspecified members) is
enforced by the generated encoder, not by the constructor: an event that was built is not yet one that can be written.

`Envelope` is what stands before the event's own fields in every entry (formats, section 2), and `Recorded` is the
stored form: the bytes, with the columns that the store indexes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final, TypeVar, dataclass_transform
from uuid import UUID

from domain.ids import CommandId, EventId, LedgerId, PartyId, Sha256, StreamId

__all__ = [
    "ENVELOPE_TYPE",
    "ZERO_HASH",
    "ZERO_UUID",
    "ActorKind",
    "Doc",
    "Envelope",
    "Event",
    "KeyChange",
    "Recorded",
    "Sha256",
    "fact",
    "value",
]

ENVELOPE_TYPE: Final = "edgeprint.Envelope"
ZERO_HASH: Final = Sha256(bytes(32))
ZERO_UUID: Final = UUID(int=0)
RECORDED_AT_LOW: Final = 1 << 48
RECORDED_AT_HIGH: Final = (1 << 55) - 1

_Class = TypeVar("_Class")


@dataclass(frozen=True, slots=True)
class Doc:
    """The meaning of a field, its unit included, and its inclusive bounds (str: characters, tuple: items)."""

    text: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Keys that an event takes or gives back; a key has at most one holder in the whole log."""

    take: tuple[str, ...] = ()
    release: tuple[str, ...] = ()


NO_KEYS: Final = KeyChange()


class Event:
    """The base of all facts.

    `TYPE` is the Avro full name, `STREAM` the letter of the identifiers whose streams hold it (`domain.ids.KINDS`),
    `VERSION` counts the versions of its schema from 1.
    """

    __slots__ = ()
    TYPE: ClassVar[str]
    STREAM: ClassVar[str]
    VERSION: ClassVar[int]

    def keys(self) -> KeyChange:
        """Return the keys that this event takes and releases; pure, so the key table is rebuilt from the log."""
        return NO_KEYS

    def committed_as(self, event_id: UUID, path: str) -> tuple[UUID, str]:
        """Return under which event's id and at which place the commitment at `path` of this event was made.

        `event_id` is its own. It is at its own place under its own id, unless the event goes on with another's list.
        """
        return event_id, path


_E = TypeVar("_E", bound=Event)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(name: str, *, stream: str, version: int = 1) -> Callable[[type[_E]], type[_E]]:
    """Make an event class: a frozen, slotted, keyword-only dataclass that carries its name, stream and version."""

    def made(cls: type[_E]) -> type[_E]:
        cls.TYPE = name
        cls.STREAM = stream
        cls.VERSION = version
        return dataclass(frozen=True, slots=True, kw_only=True)(cls)

    return made


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[_Class]) -> type[_Class]:
    """Make a class that events hold as a field: a frozen, slotted, keyword-only dataclass, an Avro record."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


class ActorKind(StrEnum):
    """What kind of party acted."""

    UNSPECIFIED = "unspecified"
    HUMAN = "human"
    AGENT = "agent"
    SERVICE = "service"
    DEVICE = "device"


@value
class Envelope:
    """Who recorded what, when, in which ledger and stream, caused by what and under which mandate and policy."""

    event_id: Annotated[EventId, Doc("UUIDv7, unique in the log")]
    stream_id: Annotated[StreamId, Doc("the aggregate's UUID")]
    previous: Annotated[
        Sha256,
        Doc("SHA-256 leaf hash of the event before this one in the stream, in every suite; zeros at version 1"),
    ]
    command_id: Annotated[CommandId, Doc("the command that produced the event")]
    causation_id: Annotated[UUID, Doc("the event that caused the command; zeros if none")]
    correlation_id: Annotated[UUID, Doc("production request or case; zeros if none")]
    ledger_id: Annotated[LedgerId, Doc("stream_id of the Ledger stream: the log this entry belongs to")]
    actor: Annotated[PartyId, Doc("the party that acted, agents too; never a name or an address")]
    recorded_at: Annotated[
        int,
        Doc(
            "microseconds since 1970-01-01T00:00:00Z; always 8 bytes, for the years 1979 to 3111",
            low=RECORDED_AT_LOW,
            high=RECORDED_AT_HIGH,
        ),
    ]
    stream_version: Annotated[int, Doc("position in the stream, counted from 1", low=1)]
    occurred_at: Annotated[
        int | None,
        Doc("microseconds since 1970-01-01T00:00:00Z when it happened; null if when it was recorded"),
    ] = None
    actor_kind: Annotated[ActorKind, Doc("what kind of party the actor is")]
    on_behalf_of: Annotated[PartyId | None, Doc("the principal; null if the actor acts in its own name")] = None
    mandate: Annotated[Sha256 | None, Doc("leaf hash of the MandateGranted in force; null if none is needed")] = None
    policy: Annotated[
        Sha256 | None,
        Doc(
            "leaf hash of the PolicyActivated in force, or SHA-256 of the RFC 8785 form of the built-in policy; "
            "null if none was applied"
        ),
    ] = None
    attestation: Annotated[
        Sha256 | None,
        Doc(
            "SHA-256 of the RFC 8785 form of {command, key, signature}, the command signed by its actor; "
            "null if unsigned"
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event as it is stored: its stream, its version there from 1, its full type name and its entry bytes."""

    originator_id: UUID
    originator_version: int
    type: str
    entry: bytes
