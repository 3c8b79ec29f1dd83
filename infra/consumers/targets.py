"""Where to rewind to: an index, a moment, or the entry of a record."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import Invalid
from schemas.records import Partition

_OFFSET: Final = re.compile(r"([A-Za-z0-9._-]{1,249}):(0|[1-9][0-9]{0,8}):(0|[1-9][0-9]{0,17})\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """Exactly one of the three is given; `time_ms` counts milliseconds since the epoch."""

    index: int | None = None
    time_ms: int | None = None
    place: tuple[Partition, int] | None = None


def parse_target(index: int | None, time: str | None, offset: str | None) -> Target:
    """Return the target that one of three texts names.

    Raises:
        Invalid: it is no RFC 3339 time, no TOPIC:PARTITION:OFFSET, or it is not exactly one.
    """
    if [index, time, offset].count(None) != 2:
        raise Invalid("expected exactly one of an index, a time and an offset")
    if time is not None:
        return Target(time_ms=parse_time_ms(time))
    if offset is not None:
        match = _OFFSET.match(offset)
        if match is None:
            raise Invalid(f"expected TOPIC:PARTITION:OFFSET, found {offset[:80]!r}")
        return Target(place=(Partition(match[1], int(match[2])), int(match[3])))
    return Target(index=index)


def parse_time_ms(text: str) -> int:
    """Return an RFC 3339 time with its offset as milliseconds since the epoch, rounded down.

    Raises:
        Invalid: it is none, or lies before the epoch.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as err:
        raise Invalid(f"expected an RFC 3339 time like 2026-11-25T18:40:01Z, found {text[:80]!r}") from err
    if found.tzinfo is None:
        raise Invalid(f"expected a time with its offset from UTC, as in {text[:40]}Z, found none")
    milliseconds = int(found.timestamp() * 1000)
    if milliseconds < 0:
        raise Invalid(f"expected a time after 1970, found {text[:80]!r}")
    return milliseconds
