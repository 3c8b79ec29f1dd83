"""The ledger as rows: each entry with its instants, so that "as of a time" has a position; schemas.

`time_high` is the running maximum of `recorded_at` since the last clock reset, as the store keeps it (formats, section
2); a reset's own is its recorded_at. Only entries are read here, so a view that Kafka fed has it too.
"""

from typing import Final

from domain.events import Event
from domain.evidence.events import LedgerClockReset, SchemaPublished
from projections.tables import Change, Column, Kind, New, Rows, Table
from projections.view import On, Read, View

ENTRY: Final = Table(
    "entry",
    key=(Column("index", Kind.BIGINT),),
    columns=(
        Column("recorded_at_us", Kind.BIGINT),
        Column("time_high_us", Kind.BIGINT),
        Column("type", Kind.TEXT),
        Column("stream", Kind.UUID),
        Column("version", Kind.BIGINT),
        Column("actor", Kind.UUID),
        Column("command", Kind.UUID),
    ),
    indexes=("stream", "time_high_us", "actor"),
)
SCHEMA: Final = Table("schema", key=(Column("sha256", Kind.BYTES),), columns=(Column("published", Kind.BIGINT),))
_HIGH: Final = ENTRY.place("time_high_us")


def _entry(read: Read, rows: Rows) -> tuple[Change, ...]:
    envelope = read.envelope
    high = envelope.recorded_at
    if not isinstance(read.event, LedgerClockReset) and read.index:
        before = rows.get(ENTRY, (read.index - 1,))
        if before is None:
            raise LookupError(f"entry {read.index - 1} has no row, though it comes before {read.index}")
        high = max(high, before[_HIGH])
    values = (
        envelope.recorded_at, high, read.event.TYPE, envelope.stream_id, envelope.stream_version, envelope.actor,
        envelope.command_id,
    )  # fmt: skip
    entry = New(ENTRY, (read.index,), values)
    if isinstance(read.event, SchemaPublished):
        return entry, New(SCHEMA, (read.event.schema,), (read.index,))
    return (entry,)


LEDGER: Final = View(
    "ledger",
    version=1,
    about="every entry with its instants, its stream and who recorded it; schemas",
    tables=(ENTRY, SCHEMA),
    every=On(Event, _entry),
)
