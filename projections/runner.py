"""One batch of the ledger through one view: rows are read at once, entries folded in order, changes written at once.

    read the standing rows of every key that the batch names -> handle entry after entry -> begun and ended rows
    -> one transaction: rows and position

Rows that a handler names beforehand are read for a whole batch at once; others one by one, when it asks. What a
handler raises stops this view at this entry, visibly; the entries before it are written. A store that does not answer
is no poison: nothing is written, and the batch comes again. Nothing here knows a database: a `Batch` is what a store
has to write.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import Conflict, Invalid, Unavailable
from projections.tables import Change, Drop, Key, New, Place, Row, Table, Values, Written, storable
from projections.view import Keys, Read, View

Standing = Mapping[Place, Row]
REASON_CHARACTERS_MAX: Final = 500
"""So much of why a view stopped is kept."""


@dataclass(frozen=True, slots=True)
class Poison:
    """The entry at which a view stopped, and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of entries up to `position` (the first index that is not taken in), by table name."""

    position: int
    written: Mapping[str, Written]
    poison: Poison | None = None


class Entry(Protocol):
    """An entry as the feed gives it: where it stands, its type, and its decoded form when it is asked for."""

    @property
    def index(self) -> int:
        """Return its ledger index."""

    @property
    def type(self) -> str:
        """Return its event's type."""

    def read(self) -> Read:
        """Return it decoded. Raises: Invalid, an unknown schema or bytes that are no entry."""


class Store(Protocol):
    """Where the rows of one view stand. Its state is not trusted: whoever can write to it can change what people see,
    until the view is rebuilt and compared."""

    def position(self) -> int:
        """Return the index of the first entry that is not taken in."""

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        """Return the standing rows of these keys; a key without a row is not among them."""

    def write(self, before: int, batch: Batch) -> None:
        """Write rows and position in one transaction, or nothing.

        Raises:
            Conflict: the position is not `before`, or a row that is to end does not stand: somebody else wrote.
            Invalid: a row that cannot stand, such as a second one of its key.
        """


class _Seen:
    """The rows of one batch: as they stood, and what the batch has made of them."""

    def __init__(
        self, store: Store, tables: Sequence[Table], named: Sequence[tuple[Table, Key]], absent: Iterable[Place]
    ) -> None:
        self._store = store
        self._rows: dict[Place, Row | None] = {(table.name, key): None for table, key in named}
        self._rows.update(dict.fromkeys(absent))
        self._rows.update(store.standing(named))
        self._written = {table.name: Written([], []) for table in tables}
        self._begun: dict[Place, int] = {}
        self.failure: Exception | None = None

    def get(self, table: Table, key: Key) -> Values | None:
        row = self._row(table, key)
        return None if row is None else row.values

    def _row(self, table: Table, key: Key) -> Row | None:
        place = (table.name, key)
        if place not in self._rows:
            try:
                self._rows[place] = self._store.standing([(table, key)]).get(place)
            except Exception as err:
                self.failure = err
                raise
        return self._rows[place]

    def apply(self, index: int, changes: Sequence[Change]) -> None:
        for change in changes:
            key = storable(change.key)
            place = (change.table.name, key)
            row = None if isinstance(change, New) else self._row(change.table, key)
            values = None if isinstance(change, Drop) else storable(change.values)
            if row is not None and row.values == values:
                continue
            if row is not None:
                self._end(place, row, index)
            if values is not None:
                self._begin(place, values, index)

    def _end(self, place: Place, row: Row, index: int) -> None:
        self._rows[place] = None
        written = self._written[place[0]]
        at = self._begun.pop(place, None)
        if at is None:
            written.ended.append((place[1], row.valid_from, index))
        elif row.valid_from == index:  # made by this very entry: it never stood
            written.begun[at] = (place[1], (), -1, None)
        else:
            written.begun[at] = (place[1], row.values, row.valid_from, index)

    def _begin(self, place: Place, values: Values, index: int) -> None:
        written = self._written[place[0]]
        self._begun[place] = len(written.begun)
        self._rows[place] = Row(values, index)
        written.begun.append((place[1], values, index, None))

    def written(self) -> dict[str, Written]:
        """Return what is to be written, tables without changes left out."""
        stood = {name: [row for row in one.begun if row[2] >= 0] for name, one in self._written.items()}
        return {
            name: Written(stood[name], one.ended) for name, one in self._written.items() if stood[name] or one.ended
        }


def run_batch(view: View, store: Store, entries: Sequence[Entry]) -> Batch:
    """Take entries in, which begin at the store's position, and return what was written.

    Raises:
        Conflict: somebody else has written to the view meanwhile.
        Invalid: the store refuses a row; nothing is written.
        Unavailable: the store does not answer.
    """
    before = entries[0].index
    reads, poison = _reads(view, entries)
    places: dict[Place, tuple[Table, Key]] = {}
    absent: set[Place] = set()
    born = {read.envelope.stream_id for read, _ in reads if read.envelope.stream_version == 1}
    for _, names in reads:
        for table, key in names:
            if key[0] in born:
                absent.add((table.name, key))  # a stream that begins in this batch has no rows yet
            else:
                places[table.name, key] = (table, key)
    seen = _Seen(store, view.tables, list(places.values()), absent)
    for read, _ in reads:
        try:
            changes = view.how(read.event.TYPE).handle(read, seen)
        except Exception as err:  # whatever a handler stumbles over concerns this view alone
            if seen.failure is not None:
                raise seen.failure from None
            poison = _poison(read.index, err)
            break
        seen.apply(read.index, changes)
    position = entries[-1].index + 1 if poison is None else poison.index
    batch = Batch(position, seen.written(), poison)
    store.write(before, batch)
    return batch


def take_in(view: View, store: Store, entries: Sequence[Entry]) -> Poison | None:
    """Take entries in up to the first that the view cannot take, whatever it stumbles over, and return that.

    A row that the store cannot hold, or a change that no view may make, is found by giving the entries one by one.

    Raises: Conflict, Unavailable; see `run_batch`.
    """
    try:
        return run_batch(view, store, entries).poison
    except (Conflict, Unavailable):
        raise
    except Exception as err:
        if len(entries) > 1:
            ends = (take_in(view, store, [entry]) for entry in entries)
            return next((poison for poison in ends if poison is not None), None)
        index = entries[0].index
        poison = Poison(index, *storable((str(err),))) if isinstance(err, Invalid) else _poison(index, err)
        store.write(index, Batch(index, {}, poison))
        return poison


def _reads(view: View, entries: Sequence[Entry]) -> tuple[list[tuple[Read, Keys]], Poison | None]:
    """Return the entries that the view reads, decoded, and the rows that each names, up to the first that is poison."""
    reads: list[tuple[Read, Keys]] = []
    for entry in entries:
        if not view.takes(entry.type):
            continue
        try:
            read = entry.read()
            reads.append((read, view.how(entry.type).names(read)))
        except Exception as err:
            return reads, _poison(entry.index, err)
    return reads, None


def _poison(index: int, err: Exception) -> Poison:
    return Poison(index, *storable((f"{type(err).__name__}: {err}",)))
