"""From the library's `insert_events(stored_events, guards=, keys=, command=)` to a request, and from a result back."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from domain.errors import Conflict, Rejected
from domain.events import KeyChange, Recorded
from producers.ports import (
    AlreadyStored,
    AppendRequest,
    AppendResult,
    AppendStatus,
    CommandKey,
    StaleClock,
    StreamVersion,
)


class InsertsByAppend:
    """The half of the library's recorder that writes, by `append` of the ledger store that it is mixed into."""

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        """See `LedgerStore.append`."""
        raise NotImplementedError

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        command: CommandKey | None = None,
        guards: Sequence[StreamVersion] = (),
        keys: KeyChange | None = None,
        take_at: Sequence[int] = (),
        **_: Any,
    ) -> Sequence[int]:
        """Append one command's events and return their notification ids.

        Raises:
            AlreadyStored, Conflict, StaleClock, Rejected: the request was answered so; nothing was written.
            Unavailable: as for `append`.
        """
        if command is None:
            raise TypeError("insert_events() needs command=, the id under which a repetition is recognised")
        request = to_request(stored_events, command, guards, keys or KeyChange(), take_at)
        return notification_ids(self.append([request])[0])


def to_request(
    stored_events: Sequence[StoredEvent],
    command: CommandKey,
    guards: Sequence[StreamVersion],
    keys: KeyChange,
    take_at: Sequence[int],
) -> AppendRequest:
    """Return the request for what the library calls stored events: topic is the event's type, state its entry."""
    return AppendRequest(
        command,
        tuple(Recorded(_uuid(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events),
        tuple(guards),
        keys.take,
        keys.release,
        tuple(take_at),
    )


def notification_ids(result: AppendResult) -> list[int]:
    """Return the ids of the events just stored, index + 1 each.

    Raises:
        AlreadyStored: the command is known. Answering its ids instead would make `save()` report events never stored.
        StaleClock, Conflict, Rejected: as their statuses.
    """
    match result.status:
        case AppendStatus.STORED:
            return list(range(result.first + 1, result.last + 2))
        case AppendStatus.DUPLICATE:
            raise AlreadyStored(result.first, result.last)
        case AppendStatus.STALE:
            raise StaleClock(result.reason)
        case AppendStatus.CONFLICT:
            raise Conflict(result.reason)
        case AppendStatus.REFUSED:
            raise Rejected(result.reason)


def check_shape(request: AppendRequest) -> None:
    """Refuse what PostgreSQL could not even be told: text it does not hold, keys that no event of the request takes.

    Raises:
        ValueError: with the reason.
    """
    for text in (*request.take, *request.release):
        check_text(text)
    if (request.take or request.release) and not request.events:
        raise ValueError("keys change with events: expected one, found none")
    if request.take_at and len(request.take_at) != len(request.take):
        raise ValueError(f"take_at: expected {len(request.take)} positions, found {len(request.take_at)}")
    if not all(0 <= at < len(request.events) for at in request.take_at):
        raise ValueError(f"take_at: expected positions of {len(request.events)} events, found {request.take_at}")


def check_text(text: str) -> None:
    """Raise ValueError for text that PostgreSQL does not hold: NUL or a lone surrogate."""
    if "\x00" in text:
        raise ValueError("expected text without NUL")
    text.encode()


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
