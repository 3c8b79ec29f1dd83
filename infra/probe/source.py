"""The bytes of one file as a probe sees them: read in small pieces, each with a bound, all of them together too.

A probe gives `Facts`, or raises one of two:

    Fault     the bytes contradict their own format, so that nobody could open them; says what was expected and found
    Unsure    a variant that the probe does not know, or more than it is willing to read: neither valid nor false

A message of a Fault goes into the ledger. It holds numbers and words of ours, never a text of the file.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from domain.identity.events import Quantity

HEAD_BYTES: Final = 4_096
READ_BYTES_MAX: Final = 1 << 20
READS_MAX: Final = 20_000
TEXT_BYTES_MAX: Final = 2 << 20
XML_BYTES_MAX: Final = 8 << 20
JSON_BYTES_MAX: Final = 16 << 20
JSON_VALUES_MAX: Final = 500_000
STREAM_BYTES_MAX: Final = 64 << 20

Facts = dict[Quantity, int | None]
"""What was found; None where the format could have said it and did not."""


class Fault(Exception):
    """The bytes contradict their own format; the message is "expected X, found Y"."""


class Unsure(Exception):
    """The probe does not know this variant, or would have to read too much."""


class Source:
    """A file that is open for reading, of a size that does not change. At most READS_MAX looks at it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._reads = 0
        self.size = os.fstat(fd).st_size
        self._head = os.pread(fd, HEAD_BYTES, 0)

    def some(self, offset: int, length: int) -> bytes:
        """Return the bytes of [offset, offset + length), fewer at the end of the file. Raises: Unsure."""
        self._reads += 1
        if self._reads > READS_MAX or length > READ_BYTES_MAX:
            raise Unsure
        if offset + length <= len(self._head):
            return self._head[offset : offset + length]
        return os.pread(self._fd, length, offset) if offset < self.size else b""

    def at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`. Raises: Fault where the file ends before them; Unsure."""
        found = self.some(offset, length)
        if len(found) != length:
            raise Fault(f"expected {length} bytes at {offset}, found the end of the file at {self.size}")
        return found

    def whole(self, bytes_max: int) -> bytes:
        """Return all bytes. Raises: Unsure where there are more than `bytes_max`."""
        if self.size > bytes_max:
            raise Unsure
        return self._head if self.size <= len(self._head) else self._span(0, self.size)

    def span(self, offset: int, length: int, bytes_max: int) -> bytes:
        """Return a longer piece, which lies in the file. Raises: Unsure where it is longer than `bytes_max`; Fault."""
        if offset + length > self.size:
            raise Fault(f"expected {length} bytes at {offset}, found the end of the file at {self.size}")
        if length > bytes_max:
            raise Unsure
        return self._span(offset, length)

    def parts(self) -> Iterator[bytes]:
        """Yield the whole file in pieces of READ_BYTES_MAX. Raises: Unsure where it is over STREAM_BYTES_MAX."""
        if self.size > STREAM_BYTES_MAX:
            raise Unsure
        for offset in range(0, self.size, READ_BYTES_MAX):
            yield os.pread(self._fd, READ_BYTES_MAX, offset)

    def _span(self, offset: int, length: int) -> bytes:
        parts = []
        while length and (part := os.pread(self._fd, min(length, READ_BYTES_MAX), offset)):
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)


def has_many_values(data: bytes) -> bool:
    """Return whether a JSON document may hold more than JSON_VALUES_MAX values; nothing is parsed."""
    return sum(map(data.count, (b",", b"{", b"["))) > JSON_VALUES_MAX


def read_json(data: bytes) -> Any:
    """Return a JSON document.

    Raises:
        Unsure: over JSON_BYTES_MAX, of more than JSON_VALUES_MAX values, nested too deep, or with an endless number.
        Fault: it is no JSON.
    """
    if len(data) > JSON_BYTES_MAX or has_many_values(data):
        raise Unsure
    try:
        return json.loads(data)
    except json.JSONDecodeError as err:
        raise Fault(f"expected JSON, found a fault at character {err.pos}") from err
    except UnicodeDecodeError as err:
        raise Fault(f"expected JSON in UTF-8, found other bytes at {err.start}") from err
    except (RecursionError, ValueError) as err:  # valid, but nested too deep or with thousands of digits
        raise Unsure from err


def whole_number(found: object) -> int | None:
    """Return a number of a JSON document that counts something, None where it is none."""
    return found if type(found) is int and found >= 0 else None
