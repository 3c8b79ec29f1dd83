"""Keeps the views of one ledger up to date, and builds them anew beside those in use.

    projector = Projector(dsn, source, codec)      # as the projector's role
    projector.ensure(VIEWS)                        # a build for each view that has none
    projector.catch_up()                           # until nothing is left to take in

Builds at one position share the reading and decoding of entries. A build that met an entry it cannot take stops there
and says so; the others go on. A rebuild is resumable: it goes on where its schema stands, by one builder at a time,
since each batch moves the position on from where it was read.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import psycopg
from psycopg import sql

from domain.errors import Invalid, NotFound
from infra.store.link import lively
from infra.views.entry import LedgerEntry
from infra.views.postgres import Build, PostgresViewStore, answering, create_indexes, create_tables
from producers.ports import LedgerRow
from projections.runner import Poison, take_in
from projections.view import View
from schemas.codec import Codec

BATCH_ENTRIES: Final = 1_000
SETTINGS: Final = (
    # a crash of the server may take the last batches: rows and position go together, and the entries come again
    "synchronous_commit = off",
    # a plan made while a table was small, or by its old statistics, would read it whole for each batch
    "plan_cache_mode = force_custom_plan",
    *(f"enable_{name} = off" for name in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material", "memoize")),
)
_BEGIN: Final = (
    "INSERT INTO views.projection (schema, name, version, state, indexed) VALUES (%s, %s, %s, %s, false) "
    "ON CONFLICT DO NOTHING"
)
_COLUMNS: Final = "name, version, schema, state, position, indexed, poison_index, poison_reason"


class Source(Protocol):
    """Where entries come from, in index order: the store, or a verified copy that Kafka fed."""

    def rows(self, start: int, limit: int) -> Sequence[LedgerRow]:
        """Return up to `limit` entries from index `start` on, without a gap. Raises: Unavailable."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to: digests of the new build and of the one it replaced, where both stood at one position."""

    name: str
    position: int
    digest: bytes
    replaced: bytes | None


class Projector:
    """Builds of views over one connection; one thread. Close it in the end."""

    def __init__(self, dsn: str, source: Source, codec: Codec) -> None:
        """Connect as the projector. Raises: Unavailable."""
        self._source = source
        self._codec = codec
        self._views: dict[str, View] = {}
        with answering():
            self._connection = connect(dsn)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the connection."""
        self._connection.close()

    def ensure(self, views: Sequence[View]) -> None:
        """Begin a build of each view that has none in use, and of each whose build in use is of another version.

        Raises: Unavailable.
        """
        self._views = {view.name: view for view in views}
        standing = {(build.name, build.state): build for build in self.builds()}
        for view in views:
            live = standing.get((view.name, "live"))
            if live is None:
                self._begin(view, "live")
            elif live.version != view.version and (view.name, "building") not in standing:
                self._begin(view, "building")

    def builds(self, name: str | None = None) -> list[Build]:
        """Return every build, those in use first; of one view if `name`. Raises: Unavailable."""
        query = f"SELECT {_COLUMNS} FROM views.projection ORDER BY state DESC, name"
        with answering():
            found = [_build(row) for row in self._connection.execute(query)]
        return [build for build in found if name in (None, build.name)]

    def is_at(self, size: int) -> bool:
        """Return whether every view that did not stop has taken in `size` entries. Raises: Unavailable."""
        at = {(build.name, build.version) for build in self.builds() if build.poison or build.position >= size}
        return all((view.name, view.version) in at for view in self._views.values())

    def catch_up(self, size: int | None = None, stop: Callable[[], bool] = lambda: False) -> int:
        """Take in what there is, up to `size` entries in all, and put builds of a new version in use when whole.

        Return the lowest position of the builds that go on. Raises: Unavailable, Conflict (somebody else builds too).
        """
        while True:
            going = self._going()
            if not going:
                return 0
            lowest = min(build.position for build in going)
            limit = BATCH_ENTRIES if size is None else min(BATCH_ENTRIES, size - lowest)
            if limit <= 0 or stop():
                return lowest
            rows = self._source.rows(lowest, limit)
            if not rows:
                for build in going:
                    self._settle(build)
                return lowest
            entries = [LedgerEntry(row, self._codec) for row in rows]
            for build in going:
                if build.position == lowest:
                    self._take(build, entries)

    def rebuild(self, name: str, on_position: Callable[[int], None] = lambda _: None) -> Rebuilt:
        """Build a view from entry 0 beside the one in use, compare, and put it in its place in one transaction.

        A rebuild that was cut off goes on. Raises: NotFound, Unavailable, Conflict (another builder), Invalid (an entry
        that the view cannot take; what was in use stays in use).
        """
        view = self._views.get(name)
        if view is None:
            raise NotFound(f"expected one of {', '.join(self._views)}, found the projection {name[:60]!r}")
        self._forget_other_versions(view)
        if not any(build.state == "building" for build in self.builds(name)):
            self._begin(view, "building")
        while True:
            build = next(one for one in self.builds(name) if one.state == "building")
            if build.poison is not None:
                raise Invalid(f"{name} cannot take the entry at {build.poison.index}: {build.poison.reason}")
            rows = self._source.rows(build.position, BATCH_ENTRIES)
            if not rows:
                return self._replace(build)
            self._take(build, [LedgerEntry(row, self._codec) for row in rows])
            on_position(build.position + len(rows))

    def digest(self, build: Build) -> bytes:
        """Return the digest of a build's state. Raises: Unavailable."""
        with answering():
            return PostgresViewStore(self._connection, self._views[build.name], build.schema).digest()

    def retry(self, name: str) -> None:
        """Let a view that stopped try its entry again, with the program as it is now. Raises: Unavailable."""
        with answering():
            self._connection.execute(
                "UPDATE views.projection SET poison_index = NULL, poison_reason = NULL WHERE name = %s", (name,)
            )

    def _going(self) -> list[Build]:
        """Return the builds to keep up: in use or of a newer version, of a version that this program has, not stopped.

        Another version is kept as it is until it is replaced. A rebuild of the version in use is `rebuild`'s alone,
        also one that was cut off: whoever ends it says whether the two differed.
        """
        builds = self.builds()
        live = {build.name: build.version for build in builds if build.state == "live"}
        return [
            build
            for build in builds
            if build.poison is None
            and build.name in self._views
            and build.version == self._views[build.name].version
            and (build.state == "live" or live.get(build.name) != build.version)
        ]

    def _take(self, build: Build, entries: Sequence[LedgerEntry]) -> None:
        view = self._views[build.name]
        take_in(view, PostgresViewStore(self._connection, view, build.schema), entries)

    def _begin(self, view: View, state: str) -> None:
        with answering(), self._connection.transaction():
            taken = {row[0] for row in self._connection.execute("SELECT nspname FROM pg_namespace")}
            names = (f"{view.name}_v{view.version}_{number}" for number in itertools.count(1))
            schema = next(name for name in names if name not in taken)
            begun = self._connection.execute(_BEGIN, (schema, view.name, view.version, state))
            if begun.rowcount:  # else another program has begun it meanwhile
                create_tables(self._connection, view, schema)

    def _settle(self, build: Build) -> None:
        """Give a build that has caught up its indexes, and put it in use if it is of a newer version."""
        self._ensure_indexed(build)
        if build.state == "building":
            self._put_in_use(build, self._live(build.name))

    def _ensure_indexed(self, build: Build) -> None:
        if not build.indexed:
            with answering(), self._connection.transaction():
                self._index(build)

    def _index(self, build: Build) -> None:
        create_indexes(self._connection, self._views[build.name], build.schema)
        self._connection.execute("UPDATE views.projection SET indexed = true WHERE schema = %s", (build.schema,))

    def _replace(self, build: Build) -> Rebuilt:
        self._ensure_indexed(build)
        digest, live = self.digest(build), self._live(build.name)
        same = live is not None and (live.version, live.position) == (build.version, build.position)
        replaced = self.digest(live) if live is not None and same else None
        self._put_in_use(build, live)
        return Rebuilt(build.name, build.position, digest, replaced)

    def _live(self, name: str) -> Build | None:
        return next((one for one in self.builds(name) if one.state == "live"), None)

    def _put_in_use(self, build: Build, live: Build | None) -> None:
        with answering(), self._connection.transaction():
            if live is not None:
                self._drop(live)
            self._connection.execute(
                "UPDATE views.projection SET state = 'live' WHERE schema = %s AND state = 'building'", (build.schema,)
            )

    def _forget_other_versions(self, view: View) -> None:
        for build in self.builds(view.name):
            if build.state == "building" and build.version != view.version:
                with answering(), self._connection.transaction():
                    self._drop(build)

    def _drop(self, build: Build) -> None:
        self._connection.execute("DELETE FROM views.projection WHERE schema = %s", (build.schema,))
        self._connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(build.schema)))


def connect(dsn: str) -> psycopg.Connection[Any]:
    """Return a connection of the projector's, in autocommit, as builds want it. Raises: psycopg.Error."""
    connection = psycopg.connect(lively(dsn), autocommit=True)
    connection.execute("; ".join(f"SET {setting}" for setting in SETTINGS))
    return connection


def _build(row: tuple[Any, ...]) -> Build:
    name, version, schema, state, position, indexed, index, reason = row
    poison = None if index is None else Poison(index, reason)
    return Build(name, version, schema, state, position, indexed, poison)
