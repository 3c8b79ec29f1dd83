"""The clock and the source of identifiers: the only places where time and randomness enter."""

import os
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
    """Gives UUIDv7s; random bytes are drawn from the operating system in blocks. Threads may share one."""

    BLOCK = 512

    def __init__(self) -> None:
        self._noise: list[bytes] = []

    def __call__(self) -> UUID:
        """Return a new UUIDv7 of now."""
        while True:
            try:
                noise = self._noise.pop()  # one step of the interpreter: no two threads get the same
            except IndexError:
                block = os.urandom(RANDOM_BYTES * self.BLOCK)
                self._noise.extend([block[at : at + RANDOM_BYTES] for at in range(0, len(block), RANDOM_BYTES)])
            else:
                return uuid7(time.time_ns() // 1000, noise)
