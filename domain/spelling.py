"""The one spelling of 32 bytes, of instants and of foreign values in messages, wherever they stand in JSON or options.

4f0c…  64 lower-case hex digits          2026-01-01T00:00:00Z, 2026-01-01T00:00:00.000001Z  RFC 3339 in UTC
"""

import re
from datetime import UTC, datetime
from typing import Final

from domain.errors import Invalid

HEX32: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
"""32 bytes, such as a digest; to be matched whole."""
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
"""An instant; to be matched whole, and not every one that fits is in the calendar."""


def parse_hex32(found: object, where: str) -> bytes:
    """Return the 32 bytes that a text states. Raises: Invalid, which repeats nothing of it: it may be a secret."""
    if not isinstance(found, str):
        raise Invalid(f"{where}: expected 64 lower-case hex digits, found no text")
    if not HEX32.fullmatch(found):
        raise Invalid(f"{where}: expected 64 lower-case hex digits, found another text of {len(found)} characters")
    return bytes.fromhex(found)


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC as RFC 3339 with `Z`; the six decimals stand where they are not all zero."""
    return instant.isoformat().replace("+00:00", "Z")


def parse_instant(found: object, where: str) -> datetime:
    """Return the instant that a text states. Raises: Invalid, also for a day that the calendar does not have."""
    if isinstance(found, str) and INSTANT.fullmatch(found):
        try:
            return datetime.fromisoformat(found[:-1]).replace(tzinfo=UTC)
        except ValueError:
            pass
    raise Invalid(f"{where}: expected an instant such as 2026-01-01T00:00:00Z, found {shown(found)}")


def shown(found: object) -> str:
    """Return a foreign value cut and escaped for a message; of an object its members' names."""
    if isinstance(found, dict):
        text = f"an object of {', '.join(map(str, found)) or 'nothing'}"
        text = ascii(text)[1:-1]
    elif isinstance(found, list):
        text = f"an array of {len(found)}"
    else:
        text = ascii(found)
    return text if len(text) <= 80 else text[:80] + "..."
