"""The ledger in memory, for tests and simulations: the rules of `ledger.append`, one request after another.

It passes the contract suite of the PostgreSQL store. Nothing is durable; the clock is a parameter.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from eventsourcing.persistence import ApplicationRecorder, Notification, StoredEvent, Subscription

from domain.errors import Invalid
from domain.events import ZERO_HASH, Recorded
from domain.ledger.merkle import leaf_hash
from infra.store.feed import Feed, LedgerSubscription
from infra.store.request import InsertsByAppend, check_shape, check_text
from producers.ports import (
    COMMAND_BYTES_MAX,
    COMMAND_EVENTS_MAX,
    AppendRequest,
    AppendResult,
    AppendStatus,
    KeyHolder,
    LedgerRow,
    StoredCommand,
)
from schemas.envelope import EVENT_ID, STREAM_ID, EntryHeader, read_header

CLOCK_US_MAX: Final = 5_000_000
KEY_BYTES_MAX: Final = 500
TYPE_BYTES_MAX: Final = 255
FOUNDED: Final = "edgeprint.evidence.LedgerFounded"
RESET: Final = "edgeprint.evidence.LedgerClockReset"


class _No(Exception):
    """One request's answer other than stored."""

    def __init__(self, status: AppendStatus, reason: str, first: int = -1, last: int = -1) -> None:
        super().__init__(reason)
        self.result = AppendResult(status, first, last, reason)


@dataclass(slots=True)
class _Row:
    recorded: Recorded
    leaf: bytes
    recorded_at: int
    time_high: int


class MemoryRecorder(InsertsByAppend, ApplicationRecorder):
    """A `LedgerStore` and a recorder of the library. All methods may be called from several threads."""

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        """Start empty; `clock` gives microseconds since the epoch, as the database's clock would."""
        self._clock = clock
        self._lock = threading.RLock()
        self._grown = threading.Condition(self._lock)
        self._rows: list[_Row] = []
        self._streams: dict[UUID, list[int]] = {}
        self._event_ids: set[bytes] = set()
        self._commands: dict[tuple[UUID, UUID], StoredCommand] = {}
        self._keys: dict[str, int] = {}
        self._ledger: UUID | None = None

    # -- LedgerStore --------------------------------------------------------------------------------------------------

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        """Decide and write each request; see `LedgerStore.append`."""
        with self._lock:
            results = [self._append_one(request) for request in requests]
            self._grown.notify_all()
            return results

    def size(self) -> int:
        """Return the number of entries."""
        with self._lock:
            return len(self._rows)

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        """Return at most `limit` rows from index `start` on, in index order."""
        with self._lock:
            return [self._row(index) for index in range(max(start, 0), min(start + limit, len(self._rows)))]

    def streams(self, ids: Sequence[UUID]) -> Mapping[UUID, list[LedgerRow]]:
        """Return every stream that exists among `ids`, its rows in version order."""
        with self._lock:
            return {s: [self._row(index) for index in self._streams[s]] for s in ids if s in self._streams}

    def commands(self, keys: Sequence[tuple[UUID, UUID]]) -> Mapping[tuple[UUID, UUID], StoredCommand]:
        """Return what is known of each (actor, command id)."""
        with self._lock:
            return {key: self._commands[key] for key in keys if key in self._commands}

    def key_holders(self, keys: Sequence[str]) -> Mapping[str, KeyHolder]:
        """Return who holds each of `keys` now; a free key is absent."""
        with self._lock:
            held = {key: self._keys[key] for key in keys if key in self._keys}
            return {key: KeyHolder(index, self._rows[index].recorded.originator_id) for key, index in held.items()}

    def feed(self, start: int = 0, *, limit: int = 1_000) -> Feed:
        """Return an endless iterator over batches of rows from index `start` on; close it to end it."""
        return Feed(self.rows, _Condition(self._grown, lambda: len(self._rows)), start, limit)

    def time_high(self, index: int) -> int:
        """Return the running maximum of recorded_at at `index` since the last clock reset."""
        with self._lock:
            return self._rows[index].time_high

    def close(self) -> None:
        """Do nothing: there is nothing open."""

    # -- the library's recorder ---------------------------------------------------------------------------------------

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the stored events of one stream."""
        with self._lock:
            stream = originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
            found = [self._rows[index].recorded for index in self._streams.get(stream, [])][gt or 0 : lte]
            chosen = (found[::-1] if desc else found)[:limit]
            return [StoredEvent(r.originator_id, r.originator_version, r.type, r.entry) for r in chosen]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return notifications in order, from `start` (an id, so index + 1)."""
        with self._lock:
            first = 0 if start is None else start - 1 if inclusive_of_start else start
            chosen = [
                (index, self._rows[index].recorded)
                for index in range(max(first, 0), len(self._rows) if stop is None else min(stop, len(self._rows)))
                if not topics or self._rows[index].recorded.type in topics
            ]
            return [
                Notification(
                    id=index + 1,
                    originator_id=r.originator_id,
                    originator_version=r.originator_version,
                    topic=r.type,
                    state=r.entry,
                )
                for index, r in chosen[:limit]
            ]

    def max_notification_id(self) -> int | None:
        """Return the id of the newest event, None if there is none."""
        return self.size() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return the library's view of a feed."""
        return LedgerSubscription(self, self.feed(gt or 0), gt, topics)

    # -- the rules, in the order of ledger.append ---------------------------------------------------------------------

    def _append_one(self, request: AppendRequest) -> AppendResult:
        try:
            _check_shape(request)
            self._check_command(request)
            refusals = list(self._refusals(request))
            headers = _headers(request)
            self._check_clock_and_versions(request, headers)
            self._check_guards(request)
            self._check_keys(request)
            for reason in refusals:
                raise _No(AppendStatus.REFUSED, reason)
        except _No as no:
            return no.result
        return self._store(request, headers)

    def _check_command(self, request: AppendRequest) -> None:
        known = self._commands.get((request.command.actor, request.command.command_id))
        if known is None:
            return
        digest = request.command.request_digest
        if digest is not None and known.request_digest is not None and digest != known.request_digest:
            raise _No(AppendStatus.REFUSED, f"another body under the same command id {request.command.command_id}")
        raise _No(AppendStatus.DUPLICATE, "the command is known", known.first, known.last)

    def _check_clock_and_versions(self, request: AppendRequest, headers: Sequence[EntryHeader | None]) -> None:
        now = self._clock()
        for header in headers:
            if header is not None and abs(header.recorded_at - now) > CLOCK_US_MAX:
                raise _No(AppendStatus.STALE, f"recorded_at {header.recorded_at}, clock {now}, expected within 5 s")
        seen: set[UUID] = set()
        for event in request.events:
            stands = len(self._streams.get(event.originator_id, []))
            if event.originator_id not in seen and event.originator_version != stands + 1:
                raise _No(
                    AppendStatus.CONFLICT,
                    f"stream {event.originator_id} stands at version {stands}, expected {event.originator_version - 1}",
                )
            seen.add(event.originator_id)

    def _check_guards(self, request: AppendRequest) -> None:
        for guard in request.guards:
            stands = len(self._streams.get(guard.stream_id, []))
            if stands != guard.version:
                reason = f"guarded stream {guard.stream_id} stands at version {stands}, expected {guard.version}"
                raise _No(AppendStatus.CONFLICT, reason)

    def _check_keys(self, request: AppendRequest) -> None:
        for key in request.release:
            if key not in self._keys:
                raise _No(AppendStatus.CONFLICT, f"key {key} is not held")
        for key in request.take:
            if key in self._keys and key not in request.release:
                index = self._keys[key]
                raise _No(AppendStatus.CONFLICT, f"key {key} is held by index {index}", index, index)

    def _refusals(self, request: AppendRequest) -> Iterator[str]:
        events = request.events
        if len(events) > COMMAND_EVENTS_MAX or sum(len(event.entry) for event in events) > COMMAND_BYTES_MAX:
            yield f"a command has at most {COMMAND_EVENTS_MAX} events and {COMMAND_BYTES_MAX} bytes"
        yield from _key_refusals(request)
        ledger = self._ledger
        if not self._rows:
            if not events or events[0].type != FOUNDED:
                yield "the ledger is not founded: index 0 is LedgerFounded"
                return
            ledger = events[0].originator_id
        if any(event.type == FOUNDED and len(self._rows) + place > 0 for place, event in enumerate(events)):
            yield "the ledger is founded once, at index 0"
        ids = [event.entry[EVENT_ID:STREAM_ID] for event in events]
        if len(set(ids)) < len(ids) or not self._event_ids.isdisjoint(ids):
            yield "an event id is in the ledger already or named twice"
        last: dict[UUID, tuple[int, bytes]] = {}
        for event in events:
            yield from self._event_refusals(request, event, ledger, last)
            last[event.originator_id] = (event.originator_version, leaf_hash(event.entry))

    def _event_refusals(
        self, request: AppendRequest, event: Recorded, ledger: UUID | None, last: Mapping[UUID, tuple[int, bytes]]
    ) -> Iterator[str]:
        try:
            header = read_header(event.entry)
        except Invalid as error:
            yield str(error)
            return
        schema = f"schema/{header.schema_sha256.hex()}"
        if schema not in self._keys and schema not in request.take:
            yield f"schema {header.schema_sha256.hex()} is not published"
        if not 1 <= len(event.type.encode()) <= TYPE_BYTES_MAX:
            yield "a type has 1 to 255 bytes"
        named = (header.stream_id, header.stream_version, header.command_id, header.ledger_id, header.actor)
        given = (
            event.originator_id,
            event.originator_version,
            request.command.command_id,
            ledger,
            request.command.actor,
        )
        if named != given:
            yield "bytes name another stream, version, command, ledger or actor"
        before = last.get(event.originator_id)
        if before is not None:
            follows = before == (event.originator_version - 1, header.previous)
        else:
            indexes = self._streams.get(event.originator_id)
            follows = header.previous == (self._rows[indexes[-1]].leaf if indexes else ZERO_HASH)
        if not follows:
            yield f"stream {event.originator_id} version {event.originator_version} does not follow the event before it"

    def _store(self, request: AppendRequest, headers: Sequence[EntryHeader | None]) -> AppendResult:
        first = len(self._rows)
        high = self._rows[-1].time_high if self._rows else 0
        for event, header in zip(request.events, headers, strict=True):
            if header is None:
                raise AssertionError("an entry without a header was accepted")
            high = header.recorded_at if event.type == RESET else max(high, header.recorded_at)
            self._streams.setdefault(event.originator_id, []).append(len(self._rows))
            self._event_ids.add(header.event_id.bytes)
            self._rows.append(_Row(event, leaf_hash(event.entry), header.recorded_at, high))
        if first == 0:
            self._ledger = request.events[0].originator_id
        for key in request.release:
            del self._keys[key]
        for key, at in zip(request.take, request.take_at or (0,) * len(request.take), strict=True):
            self._keys[key] = first + at
        last = len(self._rows) - 1
        command = (request.command.actor, request.command.command_id)
        self._commands[command] = StoredCommand(first, last, request.command.request_digest)
        return AppendResult(AppendStatus.STORED, first, last)

    def _row(self, index: int) -> LedgerRow:
        row = self._rows[index]
        return LedgerRow(index, row.recorded.type, row.recorded.entry, row.leaf)


class _Condition:
    """Wakes a feed when the ledger has grown."""

    def __init__(self, grown: threading.Condition, size: Callable[[], int]) -> None:
        self._grown = grown
        self._size = size
        self._seen = -1
        self._stopped = False

    def start(self) -> None:
        """Remember nothing yet: the first wait returns at once."""

    def wait(self, timeout_s: float) -> None:
        """Return when the ledger has grown since the last wait returned."""
        with self._grown:
            self._grown.wait_for(lambda: self._stopped or self._size() != self._seen, timeout_s)
            self._seen = self._size()

    def stop(self) -> None:
        """End a wait in progress and all later ones."""
        with self._grown:
            self._stopped = True
            self._grown.notify_all()

    def close(self) -> None:
        """Do nothing: there is nothing open."""


def _check_shape(request: AppendRequest) -> None:
    try:
        check_shape(request)
        for event in request.events:
            check_text(event.type)
    except ValueError as error:
        raise _No(AppendStatus.REFUSED, str(error)) from error


def _headers(request: AppendRequest) -> list[EntryHeader | None]:
    headers: list[EntryHeader | None] = []
    for event in request.events:
        try:
            headers.append(read_header(event.entry))
        except Invalid:
            headers.append(None)
    return headers


def _key_refusals(request: AppendRequest) -> Iterator[str]:
    keys = (*request.take, *request.release)
    if any(not 1 <= len(key.encode()) <= KEY_BYTES_MAX for key in keys):
        yield f"a key has 1 to {KEY_BYTES_MAX} bytes"
    if any(key.startswith("schema/") for key in request.release):
        yield "a published schema is never withdrawn"
    if len(set(request.take)) < len(request.take) or len(set(request.release)) < len(request.release):
        yield "a key is named twice"
