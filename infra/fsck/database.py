"""The database against the bytes: one pass over all rows in index order; the entries say what everything else must be.

For each row: dense index, leaf hash, columns equal to the frozen offsets, stream version and `previous` chained, event
id unique, ledger id, schema published before, type as the schema names it, running maximum of time; deep also decodes
every entry canonically and has it read by fastavro as well. At the end: root at the sealed size, head row, commands and
keys as the log says.

Entries under a schema that this program does not know are hashed and chained like all others, but not decoded: they are
reported as something that cannot be told, neither valid nor damaged.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import fastavro
import psycopg

from domain.errors import Invalid
from domain.events import ZERO_HASH, Event
from domain.evidence.events import LedgerClockReset, LedgerFounded, SchemaPublished, schema_key
from domain.identity.events import ObjectIdentified
from domain.ids import SHA256_BYTES, LedgerId
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange, leaf_hash
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.envelope import EntryHeader, read_header

ROWS_READ: Final = 2_000
DAMAGES_MAX: Final = 1_000
_ROWS: Final = (
    "SELECT ledger_index, recorded_at, time_high, stream_version, stream_id, type, entry, leaf_hash "
    "FROM ledger.events WHERE ledger_index >= %s ORDER BY ledger_index LIMIT %s"
)
SealedLeaf = Callable[[int], bytes | None]
"""Gives the leaf hash that is sealed at an index, None beyond the sealed size."""
_KEYED: Final = frozenset(name for name, s in CATALOGUE.by_type.items() if s.event_class.keys is not Event.keys)


@dataclass(slots=True)
class Audit:
    """What one pass found: damages, the contents that objects name, and what the derived tables must hold."""

    ledger_id: LedgerId
    deep: bool
    size: int = 0
    damages: list[str] = field(default_factory=list)
    foreign: dict[bytes, int] = field(default_factory=dict)  # schemas this program does not know, with first index
    contents: list[tuple[int, bytes]] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    commands: dict[tuple[UUID, UUID], tuple[int, int]] = field(default_factory=dict)
    tree: CompactRange = field(default_factory=CompactRange)
    time_high: int = 0
    streams: dict[UUID, tuple[int, bytes]] = field(default_factory=dict)
    event_ids: set[UUID] = field(default_factory=set)
    codec: Codec = field(default_factory=lambda: Codec(CATALOGUE))
    sealed: SealedLeaf | None = None
    second_reader: "SecondReader" = field(default_factory=lambda: SecondReader())

    def damage(self, text: str) -> None:
        """Note one damage; beyond DAMAGES_MAX they are no longer listed."""
        if len(self.damages) < DAMAGES_MAX:
            self.damages.append(text)

    def row(self, row: tuple[Any, ...]) -> None:
        """Check the next row; the walk goes on behind a damaged one."""
        index, recorded_at, time_high, version, stream_id, kind, entry, stored_leaf = row
        if index != self.size:
            self.damage(f"expected the row of index {self.size}, found {index}: rows are missing")
        self.size = index + 1
        leaf = leaf_hash(entry)
        self.tree.append(leaf)
        if leaf != stored_leaf:
            self.damage(f"row {index}: expected leaf hash {leaf.hex()} of its entry, found {stored_leaf.hex()}")
        sealed = self.sealed(index) if self.sealed is not None else None
        if sealed is not None and leaf != sealed:
            self.damage(f"row {index}: expected the entry that is sealed, leaf {sealed.hex()}, found {leaf.hex()}")
        try:
            header = read_header(entry)
        except Invalid as err:
            self.damage(f"row {index}: {err}")
            return
        self._columns(index, header, recorded_at, version, stream_id)
        self._chain(index, header, leaf)
        self._schema(index, header, kind)
        reset = kind == LedgerClockReset.TYPE
        self.time_high = header.recorded_at if reset else max(self.time_high, header.recorded_at)
        if time_high != self.time_high:
            self.damage(f"row {index}: expected time_high {self.time_high}, found {time_high}")
        command = (header.actor, header.command_id)
        first = self.commands.get(command, (index, index))[0]
        self.commands[command] = (first, index)
        if header.schema_sha256 not in CATALOGUE.by_digest:
            self.foreign.setdefault(bytes(header.schema_sha256), index)
        elif self.deep or kind in _KEYED:
            self._event(index, entry)

    def _columns(self, index: int, header: EntryHeader, recorded_at: int, version: int, stream_id: UUID) -> None:
        for name, expected, found in (
            ("recorded_at", header.recorded_at, recorded_at),
            ("stream_version", header.stream_version, version),
            ("stream_id", header.stream_id, stream_id),
        ):
            if expected != found:
                self.damage(f"row {index}: expected {name} {expected} of its entry, found {found}")
        if header.ledger_id != self.ledger_id:
            self.damage(f"row {index}: expected an entry of ledger {self.ledger_id}, found {header.ledger_id}")
        if header.event_id in self.event_ids:
            self.damage(f"row {index}: event id {header.event_id} occurs twice")
        self.event_ids.add(header.event_id)

    def _chain(self, index: int, header: EntryHeader, leaf: bytes) -> None:
        version, last = self.streams.get(header.stream_id, (0, ZERO_HASH))
        if header.stream_version != version + 1:
            self.damage(
                f"row {index}: expected version {version + 1} of stream {header.stream_id}, "
                f"found {header.stream_version}"
            )
        if header.previous != last:
            self.damage(f"row {index}: expected previous {last.hex()}, found {header.previous.hex()}")
        self.streams[header.stream_id] = (header.stream_version, leaf)

    def _schema(self, index: int, header: EntryHeader, kind: str) -> None:
        schema = CATALOGUE.by_digest.get(header.schema_sha256)
        if schema is not None and schema.name != kind:
            self.damage(f"row {index}: expected type {schema.name} as its schema says, found {kind}")
        published = schema_key(header.schema_sha256) in self.keys
        if not published and kind not in (LedgerFounded.TYPE, SchemaPublished.TYPE):
            self.damage(f"row {index}: schema {header.schema_sha256.hex()} is not published before")

    def _event(self, index: int, entry: bytes) -> None:
        try:
            event = self.codec.accept(entry).event
            if self.deep:
                self.second_reader.read(entry)
        except Invalid as err:
            self.damage(f"row {index}: {err}")
            return
        change = event.keys()
        for key in change.release:
            self.keys.pop(key, None)
        for key in change.take:
            if key in self.keys:
                self.damage(f"row {index}: key {key} is held by row {self.keys[key]} already")
            self.keys[key] = index
        if isinstance(event, ObjectIdentified):
            self.contents.append((index, event.content.sha256))


class SecondReader:
    """fastavro as a reader that shares no code with ours: whoever holds a schema text alone must read every entry."""

    def __init__(self) -> None:
        self._schemas: dict[bytes, Any] = {}

    def read(self, entry: bytes) -> None:
        """Read one entry of a known schema. Raises: Invalid if fastavro cannot, or reads less than all of it."""
        digest = entry[:SHA256_BYTES]
        schema = self._schemas.get(digest)
        if schema is None:
            schema = self._schemas[digest] = fastavro.parse_schema(json.loads(CATALOGUE.by_digest[digest].text))
        stream = BytesIO(entry)
        try:
            fastavro.schemaless_reader(stream, schema, None)
        except Exception as err:
            raise Invalid(f"expected an entry that fastavro reads, found {type(err).__name__}: {err}") from err
        if stream.tell() != len(entry):
            raise Invalid(f"expected {len(entry)} bytes, fastavro reads {stream.tell()}")


def audit_database(
    connection: psycopg.Connection[Any],
    ledger_id: LedgerId,
    head: Checkpoint | None,
    *,
    deep: bool,
    sealed: SealedLeaf | None = None,
) -> Audit:
    """Return what one pass over the whole database found; O(entries) time, about 200 bytes of memory an entry.

    `head` is the verified checkpoint of the static tree, whose root the rows must have at its size; `sealed` tells
    the leaves below it, so that a row that differs is named.
    """
    audit = Audit(ledger_id, deep, sealed=sealed)
    for row in _rows(connection):
        audit.row(row)
        if head is not None and audit.size == head.size and audit.tree.root() != head.root:
            audit.damage(f"rows 0..{head.size - 1} have root {audit.tree.root().hex()}, sealed is {head.root.hex()}")
    if head is not None and audit.size < head.size:
        audit.damage(f"expected at least the {head.size} entries that are sealed, found {audit.size}")
    _compare_head(connection, audit)
    _compare_keys(connection, audit)
    _compare_commands(connection, audit)
    return audit


def _rows(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    next_index = 0
    with connection.cursor(binary=True) as cursor:
        while rows := cursor.execute(_ROWS, (next_index, ROWS_READ), prepare=True).fetchall():
            yield from rows
            next_index = rows[-1][0] + 1


def _compare_head(connection: psycopg.Connection[Any], audit: Audit) -> None:
    """Compare the head with what was read and, in one snapshot, with what was appended meanwhile."""
    newer = "(SELECT count(*) FROM ledger.events WHERE ledger_index >= %s)"
    found = connection.execute(
        f"SELECT size, time_high, ledger_id, {newer} FROM ledger.head".encode(), (audit.size,)
    ).fetchone()
    size = audit.size + (found[3] if found else 0)
    expected = (size, audit.time_high, audit.ledger_id)
    if found is None or found[0] != size or (size == audit.size and found[:3] != expected):
        audit.damage(f"head row: expected (size, time_high, ledger_id) {expected}, found {found and found[:3]}")


def _compare_keys(connection: psycopg.Connection[Any], audit: Audit) -> None:
    stored = dict(
        connection.execute(
            "SELECT key, ledger_index FROM ledger.keys WHERE ledger_index < %s", (audit.size,)
        ).fetchall()
    )
    for key in sorted(stored.keys() | audit.keys.keys()):
        if audit.foreign and key not in audit.keys:
            continue  # an event that we cannot decode may hold it
        if stored.get(key) != audit.keys.get(key):
            audit.damage(f"key {key}: expected holder {audit.keys.get(key)}, found {stored.get(key)}")


def _compare_commands(connection: psycopg.Connection[Any], audit: Audit) -> None:
    """Compare ranges; an empty range (a decision to do nothing) leaves no trace in the log and is left alone."""
    stored = {
        (actor, command): (first, last)
        for actor, command, first, last in connection.execute(
            "SELECT actor, command_id, first_index, last_index FROM ledger.commands "
            "WHERE last_index >= first_index AND first_index < %s",
            (audit.size,),
        )
    }
    for command in sorted(stored.keys() | audit.commands.keys()):
        if stored.get(command) != audit.commands.get(command):
            audit.damage(
                f"command {command[1]} of {command[0]}: expected rows {audit.commands.get(command)}, "
                f"found {stored.get(command)}"
            )
