"""A view in memory: for tests, and to see what a view was by building it from fewer entries."""

from collections.abc import Iterator, Sequence
from typing import Any

from domain.errors import Conflict, Invalid
from projections.runner import Batch, Poison, Standing
from projections.tables import Key, Place, Row, Table, Values, Written, digest
from projections.view import View


class MemoryViewStore:
    """The rows of one view; see `projections.runner.Store`."""

    def __init__(self, view: View) -> None:
        """Begin with no rows at position 0."""
        self.view = view
        self.poison: Poison | None = None
        self._position = 0
        self._rows: dict[str, dict[tuple[Key, int], tuple[Values, int | None]]] = {t.name: {} for t in view.tables}
        self._standing: dict[Place, Row] = {}

    def position(self) -> int:
        """Return the index of the first entry that is not taken in."""
        return self._position

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        """Return the standing rows of these keys."""
        found = ((table.name, key) for table, key in places)
        return {place: self._standing[place] for place in found if place in self._standing}

    def write(self, before: int, batch: Batch) -> None:
        """Write rows and position, or nothing. Raises: Conflict, Invalid; see `Store`."""
        if before != self._position:
            raise Conflict(f"{self.view.name}: expected position {before}, found {self._position}")
        for name, written in batch.written.items():
            self._check(name, written)
        for name, written in batch.written.items():
            rows = self._rows[name]
            for key, valid_from, valid_to in written.ended:
                rows[key, valid_from] = (rows[key, valid_from][0], valid_to)
                del self._standing[name, key]
            for key, values, valid_from, end in written.begun:
                rows[key, valid_from] = (values, end)
                if end is None:
                    self._standing[name, key] = Row(values, valid_from)
        self._position, self.poison = batch.position, batch.poison

    def _check(self, name: str, written: Written) -> None:
        ended = {key for key, _, _ in written.ended}
        if not all((name, key) in self._standing for key in ended):
            raise Conflict(f"{self.view.name}.{name}: expected {len(ended)} standing rows, found others")
        begun: set[Key] = set()
        for key, _, _, end in written.begun:
            if key in begun or (key not in ended and (name, key) in self._standing):
                raise Invalid(f"{self.view.name}.{name}: a second row stands for {key}")
            if end is None:
                begun.add(key)

    def rows(self, table: Table, as_of: int | None = None) -> dict[Key, Values]:
        """Return the rows of a table as of a ledger index, those that stand now without one."""
        return {
            key: values
            for (key, valid_from), (values, valid_to) in self._rows[table.name].items()
            if (valid_to is None if as_of is None else valid_from <= as_of and (valid_to is None or valid_to > as_of))
        }

    def digest(self) -> bytes:
        """Return the digest of the view's state, rows that have ended included."""
        return digest((table, self._ordered(table)) for table in self.view.tables)

    def _ordered(self, table: Table) -> Iterator[Sequence[Any]]:
        for (key, valid_from), (values, valid_to) in sorted(
            self._rows[table.name].items(), key=lambda one: (_ordered(one[0][0]), one[0][1])
        ):
            yield (*key, *values, valid_from, valid_to)


def _ordered(key: Key) -> tuple[Any, ...]:
    """Return what a key is sorted by, as PostgreSQL sorts it in collation C: text by its UTF-8 bytes."""
    return tuple(part.encode() if isinstance(part, str) else part for part in key)
