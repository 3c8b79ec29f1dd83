"""The consumer `views`: every view of `projections.catalogue` from Kafka and a policy file alone, in its own store.

    view_state, <view>_<table>     see `infra.views.sqlite`: rows, position and poison of each view

Rows, positions and cursor move in one transaction, so that a view which goes on stands where the cursor does. What a
view cannot take in stops that view at that entry; the others and the cursor go on, nothing is parked among the dead
letters. A stopped view takes nothing more until `consumer rewind views --to-index N`, N at most that entry, gives it
the entries again. Stopped are also

- a view whose rows an earlier or later program made in another version: they stay as they are, without a digest, and
  a rewind to 0 throws them away and lets the view be made anew;
- a view that was not there, or that an entry never reached, when the cursor went past it: it says from where it wants
  to be given entries.

An entry under a schema that this program does not know stops all of them before the batch that holds it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from consumers.feed import Cursor, Delivery
from infra.consumers.store import ConsumerStore, answering
from infra.views.entry import LedgerEntry
from infra.views.sqlite import STATE, SqliteViewStore, State, forget, states
from producers.ports import LedgerRow
from projections.runner import Batch, Poison, take_in
from projections.view import View
from schemas.catalogue import Catalogue
from schemas.codec import Codec, UnknownSchema

NAME: Final = "views"


class Views:
    """The handler; see `consumers.ports.Handler` and the module. Its rows are the connection of its store."""

    name: Final = NAME
    types: Final = None

    def __init__(self, views: Sequence[View], catalogue: Catalogue) -> None:
        """Build these views from entries under the schemas of a catalogue."""
        self._views = tuple(views)
        self._types = {digest: schema.name for digest, schema in catalogue.by_digest.items()}
        self._codec = Codec(catalogue)

    def apply(self, rows: sqlite3.Connection, entries: Sequence[Delivery]) -> None:
        """Let each view that goes on take the entries in. Raises: UnknownSchema, Conflict, Unavailable."""
        if not entries:
            return
        read = [self._entry(one) for one in entries]
        found = states(rows)
        for view in self._views:
            store = SqliteViewStore(rows, view)
            if view.name not in found:
                store.begin()
            state = found.get(view.name) or State(view.name, view.version, 0, None)
            if stopped(view, state) is None:
                _take(view, store, state.position, read)

    def seal(self, rows: sqlite3.Connection, cursor: Cursor, note: bytes) -> None:
        """Keep nothing: the cursor says up to where the rows rest on a signed root."""

    def rewind(self, rows: sqlite3.Connection, index: int) -> None:
        """Undo what came of entry `index` and all behind it; at 0, throw away what another version made."""
        found = states(rows)
        for view in self._views:
            state = found.get(view.name)
            if state is None:
                continue
            if index == 0:
                forget(rows, view.name)
            elif state.version == view.version:
                SqliteViewStore(rows, view).rewind(index)

    def _entry(self, one: Delivery) -> LedgerEntry:
        event_type = self._types.get(one.schema)
        if event_type is None:
            raise UnknownSchema(f"expected entry {one.index} under a known schema, found {one.schema.hex()}")
        return LedgerEntry(LedgerRow(one.index, event_type, one.entry, one.leaf), self._codec)


def stopped(view: View, state: State) -> Poison | None:
    """Return at which entry a view stands still and why, None for one that goes on."""
    if state.version != view.version:
        reason = f"version {state.version} made it, this program makes {view.version}: {_again(0)}"
        return Poison(state.position, reason)
    return state.poison


def _again(index: int) -> str:
    return f"edgeprint consumer rewind {NAME} --to-index {index}"


def _take(view: View, store: SqliteViewStore, position: int, entries: Sequence[LedgerEntry]) -> None:
    """Take entries into a view, or stop it where they do not follow what it has."""
    if position < entries[0].index:
        reason = f"the entries from {position} on were never given to it: {_again(position)}"
        store.write(position, Batch(position, {}, Poison(position, reason)))
        return
    take_in(view, store, entries)


def views_store(path: Path) -> ConsumerStore[sqlite3.Connection]:
    """Return the store of the views in a file. Raises what `ConsumerStore` raises."""
    return ConsumerStore(path, STATE, lambda connection: connection)


def tell_views(views: Sequence[View], path: Path, digest: bool) -> tuple[str | None, list[dict[str, Any]]]:
    """Return one digest over all views that a file holds, None unless asked for, and each view as it stands.

    The digest over all is SHA-256 over a line `name version position digest` for each view, in order of name; a view
    of another version counts with `-` for its digest, which only the program that made it can tell.

    Raises:
        Unavailable, Invalid: the file cannot be read.
    """
    by_name = {view.name: view for view in views}
    with answering(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.isolation_level = None
        connection.execute("BEGIN")  # one snapshot, whatever the consumer writes meanwhile
        found = [state for name, state in states(connection).items() if name in by_name]
        told = [_told(connection, by_name[state.name], state, digest=digest) for state in found]
    return (_over_all(told) if digest else None), told


def _told(connection: sqlite3.Connection, view: View, state: State, *, digest: bool) -> dict[str, Any]:
    poison = stopped(view, state)
    known = digest and state.version == view.version
    return {
        "name": state.name,
        "version": state.version,
        "position": state.position,
        "digest": SqliteViewStore(connection, view).digest().hex() if known else None,
        "stopped_at": None if poison is None else poison.index,
        "because": None if poison is None else poison.reason,
    }


def _over_all(told: Sequence[Mapping[str, Any]]) -> str:
    lines = (f"{one['name']} {one['version']} {one['position']} {one['digest'] or '-'}\n" for one in told)
    return sha256("".join(lines).encode()).hexdigest()
