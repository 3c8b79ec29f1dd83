"""The feed: entries in index order, as they come, for as long as anybody reads.

LISTEN first, then pull by keyset: an entry committed between the two is found by the pull, one after it wakes us. The
notification is only a hint; each second a poll finds what a lost one would have told. When the LISTEN connection dies
it is opened again with back-off, and a pull follows at once.
"""

import os
import select
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Protocol, Self

import psycopg
from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from domain.errors import Unavailable
from infra.store.link import BACK_OFF_S, lively
from producers.ports import LedgerRow
from schemas.envelope import read_header

POLL_S: Final = 1.0
CHANNEL: Final = "edgeprint_ledger"


class Signal(Protocol):
    """Tells that there may be more to read."""

    @abstractmethod
    def start(self) -> None:
        """Begin to listen, so that nothing committed from now on goes unnoticed; does not fail, at worst polls."""

    @abstractmethod
    def wait(self, timeout_s: float) -> None:
        """Return when something may have come, when `timeout_s` is over, or when stopped."""

    @abstractmethod
    def stop(self) -> None:
        """End a wait in progress and all later ones; from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Free what `start` took; from the reading thread, after `stop`."""


class Listener:
    """LISTEN on a connection of its own, opened again whenever it is lost."""

    def __init__(self, dsn: str) -> None:
        """Keep the address; nothing is opened before `start`."""
        self._dsn = lively(dsn)
        self._connection: psycopg.Connection[Any] | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._stopped = False
        self._failures = 0
        self._next_try = 0.0

    def start(self) -> None:
        """LISTEN, if the database lets us; otherwise `wait` tries again."""
        with suppress(psycopg.Error):
            self._connection = psycopg.connect(self._dsn, autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
            self._failures = 0
            return
        self._drop()

    def wait(self, timeout_s: float) -> None:
        """Return on a notification, after `timeout_s`, when stopped, or right after listening again (then pull)."""
        if self._stopped:
            return
        if self._connection is None:
            pause = min(timeout_s, max(0.0, self._next_try - time.monotonic()))
            select.select([self._wake_read], [], [], pause)
            if not self._stopped and time.monotonic() >= self._next_try:
                self.start()
            return
        try:
            ready, _, _ = select.select([self._connection.fileno(), self._wake_read], [], [], timeout_s)
            if self._wake_read not in ready and ready:
                for _notify in self._connection.notifies(timeout=0):
                    pass
        except (psycopg.Error, OSError, ValueError):
            self._drop()
            self._next_try = 0.0  # most losses are single: listen again at once

    def stop(self) -> None:
        """End a wait in progress and all later ones; from any thread."""
        self._stopped = True
        with suppress(OSError):
            os.write(self._wake_write, b"x")

    def close(self) -> None:
        """Close the connection and the wake-up pipe."""
        self._stopped = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        for descriptor in (self._wake_read, self._wake_write):
            with suppress(OSError):
                os.close(descriptor)
        self._wake_read = self._wake_write = -1

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._next_try = time.monotonic() + BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1


class Feed(Iterator[list[LedgerRow]]):
    """Batches of rows without gap or repetition. One reading thread; `stop` from any."""

    def __init__(
        self,
        read: Callable[[int, int], list[LedgerRow]],
        signal: Signal,
        start: int,
        limit: int,
        poll_s: float = POLL_S,
    ) -> None:
        """Read from index `start` on, at most `limit` rows a batch; `poll_s` bounds what a lost notification costs."""
        self._read = read
        self._signal = signal
        self._limit = limit
        self._poll_s = poll_s
        self._stopped = threading.Event()
        self._listening = False
        self.next_index = start

    def __next__(self) -> list[LedgerRow]:
        """Block for the next batch, of at least one row. Raises StopIteration once stopped."""
        if not self._listening:
            self._signal.start()
            self._listening = True
        while not self._stopped.is_set():
            with suppress(Unavailable):
                rows = self._read(self.next_index, self._limit)
                if rows:
                    self.next_index = rows[-1].index + 1
                    return rows
            self._signal.wait(self._poll_s)
        raise StopIteration

    def stop(self) -> None:
        """End the iteration; from any thread."""
        self._stopped.set()
        self._signal.stop()

    def close(self) -> None:
        """Stop and free the connection; from the reading thread."""
        self.stop()
        self._signal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LedgerSubscription(Subscription[ApplicationRecorder]):
    """The library's subscription over a feed."""

    def __init__(
        self, recorder: ApplicationRecorder, feed: Feed, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        """Yield notifications with ids greater than `gt`, of the types `topics` if any are named."""
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._feed = feed
        self._ready: Iterator[Notification] = iter(())

    def __next__(self) -> Notification:
        """Block for the next notification. Raises StopIteration once stopped."""
        while True:
            if self._has_been_stopped:
                raise StopIteration
            for notification in self._ready:
                return notification
            self._ready = iter(
                [_notification(row) for row in next(self._feed) if not self._topics or row.type in self._topics]
            )

    def stop(self) -> None:
        """End the iteration; from any thread."""
        super().stop()
        self._feed.stop()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._feed.close()


def _notification(row: LedgerRow) -> Notification:
    header = read_header(row.entry)
    return Notification(
        id=row.index + 1,
        originator_id=header.stream_id,
        originator_version=header.stream_version,
        topic=row.type,
        state=row.entry,
    )
