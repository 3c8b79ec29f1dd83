"""The clock and the source of identifiers: the only places where time and randomness enter."""

import os
import threading
import time
from uuid import UUID

from domain.ids import RANDOM_BYTES, uuid7


def now_us() -> int:
    """Return microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def now_s() -> int:
    """Return seconds since the epoch, UTC, as cosignatures state it."""
    return int(time.time())


class IdSource:
    """Gives UUIDv7s; random bytes are drawn from the operating system in blocks, under a lock."""

    BLOCK = 512

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._block = b""
        self._used = 0

    def __call__(self) -> UUID:
        """Return a new UUIDv7 of now."""
        with self._lock:
            if self._used == len(self._block):
                self._block, self._used = os.urandom(RANDOM_BYTES * self.BLOCK), 0
            start = self._used
            self._used = start + RANDOM_BYTES
            return uuid7(now_us(), self._block[start : self._used])
