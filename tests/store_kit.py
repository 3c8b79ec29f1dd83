"""Entries and requests for tests of the store: real frozen offsets, made-up schemas, no codec.
The store never decodes, so everything behind the stream version is filler here.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from domain.events import ZERO_HASH, KeyChange, Recorded
from domain.ids import uuid7
from domain.ledger.merkle import leaf_hash
from producers.ports import AppendRequest, CommandKey, StreamVersion
from schemas.varint import write_long, write_long_of_8

FOUNDED = "edgeprint.evidence.LedgerFounded"
PUBLISHED = "edgeprint.evidence.SchemaPublished"
RESET = "edgeprint.evidence.LedgerClockReset"
NOTED = "edgeprint.testing.Noted"
KEYS = b"|keys|"
SEEN = b"|seen|"
TYPES = (FOUNDED, PUBLISHED, RESET, NOTED)


def schema_of(event_type: str) -> bytes:
    """Return the digest that stands for the schema of a type."""
    return hashlib.sha256(event_type.encode()).digest()


SCHEMA_TYPES = {schema_of(event_type): event_type for event_type in TYPES}


def new_id() -> UUID:
    """Return a fresh UUIDv7."""
    return uuid7(time.time_ns() // 1000, os.urandom(10))


def now_us() -> int:
    """Return the wall clock in microseconds."""
    return time.time_ns() // 1000


class Writer:
    """One party writing into one ledger; remembers the streams it wrote."""

    def __init__(self, ledger: UUID | None = None, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self.random_bytes = random_bytes
        self.ledger = ledger or self.new_id()
        self.actor = self.new_id()

    def new_id(self) -> UUID:
        """Return a UUIDv7 made of this writer's random bytes."""
        clock = time.time_ns() // 1000 if self.random_bytes is os.urandom else 1 << 50
        return uuid7(clock, self.random_bytes(10))

    def entry(
        self,
        stream: UUID,
        version: int,
        previous: bytes,
        command: UUID,
        *,
        event_type: str = NOTED,
        event_id: UUID | None = None,
        recorded_at: int | None = None,
        filler: int = 96,
        ledger: UUID | None = None,
        actor: UUID | None = None,
        schema: bytes | None = None,
        keys: KeyChange | None = None,
        seen: int | None = None,
    ) -> bytes:
        """Return entry bytes; everything that append() compares can be set wrong. `keys` go to the end, for keys_of."""
        return b"".join(
            (
                schema or schema_of(event_type),
                (event_id or self.new_id()).bytes,
                stream.bytes,
                previous,
                command.bytes,
                bytes(32),
                (ledger or self.ledger).bytes,
                (actor or self.actor).bytes,
                write_long_of_8(now_us() if recorded_at is None else recorded_at),
                write_long(version),
                b"\x00\x02\x00\x00\x00\x00",
                self.random_bytes(filler),
                KEYS + json.dumps([keys.take, keys.release]).encode() if keys else b"",
                SEEN + str(seen).encode() if seen is not None else b"",
            )
        )

    def key(self, command: UUID | None = None, digest: bytes | None = None) -> CommandKey:
        """Return a command key of this party."""
        return CommandKey(self.actor, command or self.new_id(), digest)

    def request(
        self,
        stream: UUID | None = None,
        *,
        after: Sequence[bytes] | int = 0,
        previous: bytes = ZERO_HASH,
        events: int = 1,
        key: CommandKey | None = None,
        event_type: str = NOTED,
        guards: Sequence[tuple[UUID, int]] = (),
        take: Sequence[str] = (),
        release: Sequence[str] = (),
        take_at: Sequence[int] = (),
        **wrong: object,
    ) -> AppendRequest:
        """Return a command that adds `events` to `stream` (a new one by default) after version `after`."""
        stream = stream or self.new_id()
        key = key or self.key()
        version = after if isinstance(after, int) else len(after)
        recorded = []
        for place in range(events):
            version += 1
            taken = tuple(k for k, at in zip(take, take_at or [0] * len(take), strict=False) if at == place)
            changed = KeyChange(taken, tuple(release) if place == 0 else ())
            entry = self.entry(
                stream,
                version,
                previous,
                key.command_id,
                event_type=event_type,
                keys=changed if changed != KeyChange() else None,
                **wrong,  # type: ignore[arg-type]
            )
            previous = leaf_hash(entry)
            recorded.append(Recorded(stream, version, event_type, entry))
        return AppendRequest(
            key,
            tuple(recorded),
            tuple(StreamVersion(*guard) for guard in guards),
            tuple(take),
            tuple(release),
            tuple(take_at),
        )

    def founding(self) -> AppendRequest:
        """Return the founding append: LedgerFounded, then one SchemaPublished for each type of these tests."""
        key = self.key()
        previous: bytes = ZERO_HASH
        recorded = []
        take = tuple(f"schema/{schema_of(event_type).hex()}" for event_type in TYPES)
        for version, event_type in enumerate((FOUNDED, *[PUBLISHED] * len(TYPES)), 1):
            keys = KeyChange((take[version - 2],)) if event_type == PUBLISHED else None
            entry = self.entry(self.ledger, version, previous, key.command_id, event_type=event_type, keys=keys)
            previous = leaf_hash(entry)
            recorded.append(Recorded(self.ledger, version, event_type, entry))
        return AppendRequest(key, tuple(recorded), take=take, take_at=tuple(range(1, len(TYPES) + 1)))


def last_leaf(request: AppendRequest) -> bytes:
    """Return the leaf hash that the next event of the request's last stream names."""
    return leaf_hash(request.events[-1].entry)


def keys_of(entry: bytes) -> KeyChange:
    """Return the keys that an entry of these tests takes and releases."""
    _, found, change = entry.rpartition(KEYS)
    return KeyChange(*map(tuple, json.loads(change))) if found else KeyChange()


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    """Return when `condition` holds. Raises AssertionError when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s")
        pause.wait(0.01)
