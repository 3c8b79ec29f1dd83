"""How far the views are: position, version, what stopped one, and the lag as the age of the oldest entry not taken in.

Read by whoever may read the ledger. A view that nobody has begun is not told of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from projections.runner import Poison

_QUERY: Final = """
SELECT p.name, p.version, p.state, p.position, p.poison_index, p.poison_reason, greatest(h.size - p.position, 0),
       (SELECT recorded_at FROM ledger.events WHERE ledger_index = p.position)
FROM views.projection AS p, ledger.head AS h ORDER BY p.name, p.state DESC, p.schema"""


@dataclass(frozen=True, slots=True)
class Progress:
    """One build: `behind` counts entries, `waits_since_us` is when the oldest of them was recorded (None: none)."""

    name: str
    version: int
    state: str
    position: int
    poison: Poison | None
    behind: int
    waits_since_us: int | None

    def lag_s(self, now_us: int) -> float:
        """Return the age of the oldest entry that is not taken in, in seconds; 0 where there is none."""
        return 0.0 if self.waits_since_us is None else max(0, now_us - self.waits_since_us) / 1e6


def progress_of(connection: psycopg.Connection[Any]) -> Sequence[Progress]:
    """Return every build there is, by name, those in use first. Raises: psycopg.Error."""
    found = []
    for name, version, state, position, index, reason, behind, since in connection.execute(_QUERY):
        poison = None if index is None else Poison(index, reason)
        found.append(Progress(name, version, state, position, poison, behind, since))
    return found
