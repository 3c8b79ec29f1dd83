"""What licences earned and who is paid, as commitments; what objects were valued at, as commitments too.

No amount stands in these rows, and none can be computed from them: whoever holds the openings opens them by `event` and
place (`infra.trade.private`), and what was erased leaves the rows, and so their digest, as they are. A settlement that
was reversed keeps its rows: `reversed` is the index of the entry that undid it.

A settlement of many entries has all its lines once `listed` has come to `lines`. Both are 0 where no entry with
lines was read yet, and whoever asks as of a place in the middle takes it for one that was not made yet (`is_whole`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final
from uuid import UUID

from domain.rights.settlement_events import SettledLine, SettlementContinued, SettlementMade, SettlementReversed
from domain.rights.valuation import ValuationIssued, ValuationSuperseded
from projections.tables import Change, Column, Kind, New, Put, Rows, Table, standing
from projections.view import Keys, On, Read, View
from schemas.values import microseconds

SETTLEMENT: Final = Table(
    "settlement",
    key=(Column("account", Kind.UUID), Column("number", Kind.BIGINT)),
    columns=(
        Column("made", Kind.BIGINT),
        Column("event", Kind.UUID),
        Column("licence", Kind.UUID),
        Column("licensor", Kind.UUID),
        Column("plan", Kind.BYTES),
        Column("usage", Kind.BYTES),
        Column("since_us", Kind.BIGINT),
        Column("until_us", Kind.BIGINT),
        Column("currency", Kind.TEXT),
        Column("amount", Kind.BYTES),
        Column("statement", Kind.BYTES),
        Column("lines", Kind.BIGINT),
        Column("listed", Kind.BIGINT),
        Column("reversed", Kind.BIGINT),
        Column("reason", Kind.TEXT),
    ),
    indexes=("licence",),
)
LINE: Final = Table(
    "settlement_line",
    key=(Column("account", Kind.UUID), Column("number", Kind.BIGINT), Column("place", Kind.BIGINT)),
    columns=(Column("object", Kind.UUID), Column("party", Kind.UUID), Column("amount", Kind.BYTES)),
    indexes=("party", "object"),
)
VALUATION: Final = Table(
    "valuation",
    key=(Column("valuation", Kind.UUID),),
    columns=(
        Column("made", Kind.BIGINT),
        Column("event", Kind.UUID),
        Column("object", Kind.UUID),
        Column("method", Kind.TEXT),
        Column("currency", Kind.TEXT),
        Column("low", Kind.BYTES),
        Column("point", Kind.BYTES),
        Column("high", Kind.BYTES),
        Column("valued_at_us", Kind.BIGINT),
        Column("report", Kind.BYTES),
        Column("appraiser", Kind.UUID),
        Column("superseded_by", Kind.UUID),
        Column("reason", Kind.TEXT),
    ),
    indexes=("object",),
)


def is_whole(settlement: Any) -> bool:
    """Return whether all lines of a row of SETTLEMENT are among those read."""
    return bool(settlement.listed == settlement.lines)


def _made(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: SettlementMade = read.event
    envelope, account = read.envelope, read.envelope.stream_id
    values = (
        read.index, envelope.event_id, event.licence, envelope.on_behalf_of or envelope.actor, event.plan, event.usage,
        microseconds(event.since), microseconds(event.until), event.currency, event.amount, event.statement,
        len(event.lines), len(event.lines), None, "",
    )  # fmt: skip
    return New(SETTLEMENT, (account, event.number), values), *_lines(account, event.number, 0, event.lines)


def _lines(account: UUID, number: int, first: int, lines: Iterable[SettledLine]) -> Iterator[Change]:
    for place, line in enumerate(lines, first):
        yield New(LINE, (account, number, place), (line.object, line.party, line.amount))


def _continued(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: SettlementContinued = read.event
    account = read.envelope.stream_id
    key = (account, event.number)
    listed = event.place + len(event.lines)
    before = standing(SETTLEMENT, key, rows)
    if (there := before[SETTLEMENT.place("listed")]) != event.place:
        raise LookupError(f"settlement {account} {event.number}: expected lines from {there} on, found {event.place}")
    values = SETTLEMENT.changed(before, lines=event.count, listed=listed)
    return Put(SETTLEMENT, key, values), *_lines(account, event.number, event.place, event.lines)


def _settlement(read: Read) -> Keys:
    return ((SETTLEMENT, (read.envelope.stream_id, read.event.number)),)


def _reversed(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: SettlementReversed = read.event
    key = (read.envelope.stream_id, event.number)
    values = SETTLEMENT.changed(standing(SETTLEMENT, key, rows), reversed=read.index, reason=str(event.reason))
    return (Put(SETTLEMENT, key, values),)


def _valued(read: Read, rows: Rows) -> tuple[Change, ...]:
    del rows
    event: ValuationIssued = read.event
    values = (
        read.index, read.envelope.event_id, event.object, str(event.method), event.currency, event.low, event.point,
        event.high, microseconds(event.valued_at), event.report, event.appraiser, None, "",
    )  # fmt: skip
    return (New(VALUATION, (read.envelope.stream_id,), values),)


def _valuation(read: Read) -> Keys:
    return ((VALUATION, (read.envelope.stream_id,)),)


def _superseded(read: Read, rows: Rows) -> tuple[Change, ...]:
    event: ValuationSuperseded = read.event
    key = (read.envelope.stream_id,)
    values = VALUATION.changed(standing(VALUATION, key, rows), superseded_by=event.by, reason=str(event.reason))
    return (Put(VALUATION, key, values),)


SETTLEMENTS: Final = View(
    "settlements",
    version=2,
    about="settlements and their lines, reversed or not, and valuations; every amount a commitment",
    tables=(SETTLEMENT, LINE, VALUATION),
    on=(
        On(SettlementMade, _made),
        On(SettlementContinued, _continued, _settlement),
        On(SettlementReversed, _reversed, _settlement),
        On(ValuationIssued, _valued),
        On(ValuationSuperseded, _superseded, _valuation),
    ),
)
