"""The database against the bytes and the sealed tree: one pass over all rows in index order.

To what `LogCheck` asks of every store this adds what needs the catalogue and the tree: each schema is published before
its first use, sealed rows have the sealed leaves and the sealed root, the contents that objects name are collected;
deep also decodes every entry canonically, has it read by fastavro, a reader that shares no code with ours, and shows it
to those who hold something else against the log (`witnesses`).

Entries under a schema that this program does not know are hashed and chained like all others, but not decoded: they are
reported as something that cannot be told, neither valid nor damaged.
"""

import json
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import fastavro
import psycopg

from domain.errors import Invalid
from domain.events import ZERO_UUID, Event, KeyChange
from domain.evidence.events import LedgerFounded, SchemaPublished, schema_key
from domain.identity.events import ObjectIdentified
from domain.ids import SHA256_BYTES, LedgerId
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import CompactRange
from infra.store.check import LogCheck, Row, differences, read_rows
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec, Decoded

SealedLeaf = Callable[[int], bytes | None]
"""Gives the leaf hash that is sealed at an index, None beyond the sealed size."""
Witness = Callable[[int, Decoded], None]
"""Is shown index and entry of every event that decodes, in order."""
_TYPES: Final = {digest: schema.name for digest, schema in CATALOGUE.by_digest.items()}
_KEYED: Final = frozenset(d for d, s in CATALOGUE.by_digest.items() if s.event_class.keys is not Event.keys)
_FOUNDING: Final = (LedgerFounded.TYPE, SchemaPublished.TYPE)


class Audit(LogCheck):
    """The check of one ledger's database. `contents` are (index, sha256) of every object's bytes; `foreign` are the
    schemas that this program does not know, with the first index that uses them."""

    def __init__(
        self,
        ledger_id: LedgerId,
        head: Checkpoint | None,
        *,
        deep: bool,
        sealed: SealedLeaf | None,
        witnesses: Sequence[Witness] = (),
    ) -> None:
        super().__init__(_TYPES, self._keys, ledger_id)
        self.contents: list[tuple[int, bytes]] = []
        self.foreign: dict[bytes, int] = {}
        self._head = head
        self._deep = deep
        self._sealed = sealed
        self._witnesses = witnesses
        self._tree = CompactRange()
        self._codec = Codec(CATALOGUE)
        self._second_reader = SecondReader()

    def row(self, row: Row) -> bytes:
        """Check the next row, its place in the sealed tree included, and return its leaf hash."""
        leaf = super().row(row)
        index, kind, entry = row[0], row[3], row[6]
        sealed = self._sealed(index) if self._sealed is not None else None
        if sealed is not None and leaf != sealed:
            self.find(index, f"expected the entry that is sealed, leaf {sealed.hex()}, found {leaf.hex()}")
        if kind not in _FOUNDING and schema_key(entry[:SHA256_BYTES]) not in self.keys:
            self.find(index, f"schema {entry[:SHA256_BYTES].hex()} is not published before")
        self._tree.append(leaf)
        if self._head is not None and self.size == self._head.size and self._tree.root() != self._head.root:
            root, expected = self._tree.root().hex(), self._head.root.hex()
            self.find(-1, f"rows 0..{self.size - 1} have root {root}, expected the sealed {expected}")
        return leaf

    def unknown_schema(self, index: int, digest: bytes) -> None:
        """Remember the schema; whether its entries are right cannot be told here."""
        self.foreign.setdefault(bytes(digest), index)

    def compare_tables(self, connection: psycopg.Connection[Any]) -> None:
        """Compare head, keys, commands and the sealed size with what was read."""
        if self._head is not None and self.size < self._head.size:
            self.find(-1, f"expected at least the {self._head.size} entries that are sealed, found {self.size}")
        self.compare(connection)
        for table, _, expected, finding in differences(connection, self):
            if table == "key" and expected is None and self.foreign:
                continue  # an event that we cannot decode may hold it
            self.find(finding.index, finding.what)

    def _keys(self, entry: bytes) -> KeyChange:
        digest = entry[:SHA256_BYTES]
        if digest not in _TYPES or not (self._deep or digest in _KEYED):
            return KeyChange()
        try:
            decoded = self._codec.accept(entry)
            if self._deep:
                self._second_reader.read(entry)
        except Invalid as err:
            self.find(self.size - 1, str(err))
            return KeyChange()
        event = decoded.event
        for witness in self._witnesses:
            witness(self.size - 1, decoded)
        if isinstance(event, ObjectIdentified):
            self.contents.append((self.size - 1, event.content.sha256))
        return event.keys()


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
    witnesses: Sequence[Witness] = (),
) -> Audit:
    """Return what one pass over the whole database found.

    `head` is the verified checkpoint of the static tree, whose root the rows must have at its size; `sealed` tells
    the leaves below it, so that a row that differs is named; a deep check shows each event to `witnesses`.
    """
    audit = Audit(ledger_id, head, deep=deep, sealed=sealed, witnesses=witnesses)
    for row in read_rows(connection):
        audit.row(row)
    audit.compare_tables(connection)
    return audit


def holder_of(connection: psycopg.Connection[Any], stream_id: UUID) -> UUID:
    """Return the holder of an object by its first event; zeros where that cannot be told."""
    row = connection.execute(
        "SELECT entry FROM ledger.events WHERE stream_id = %s AND stream_version = 1", (stream_id,)
    ).fetchone()
    try:
        event = None if row is None else Codec(CATALOGUE).accept(bytes(row[0])).event
    except Invalid:
        event = None
    return event.holder if isinstance(event, ObjectIdentified) else ZERO_UUID
