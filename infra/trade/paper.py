"""Statements of an open ledger: which lines, opened on record, of a settlement or of a party."""

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from domain.errors import NotFound
from domain.ids import PartyId, SettlementId, format_id
from domain.rights.settlement_events import line_path
from domain.rights.settlement_rules import AMOUNT
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.governance.given import Given
from infra.trade.private import account_of, look_at_settlements, opened_lines
from infra.trade.statement import Paper, Row, total_of
from infra.vault.opening import record_opening
from projections.settlements import LINE, SETTLEMENT, is_whole
from schemas.values import instant_of


def settlement_paper(
    session: Session, account: SettlementId, number: int | None, given: Given, purpose: str
) -> tuple[Paper, int | None]:
    """Return the statement of a settlement, the newest of its account without a number, and the entry of its opening.

    Raises: NotFound; Rejected, where who asks may not open it; Invalid, Unavailable.
    """
    with look_at_settlements(session, None) as look:
        rows = look.rows(SETTLEMENT, account=[account])
        wanted = [row for row in rows if number in (None, row.number)]
        if not wanted:
            raise NotFound(
                f"{format_id('M', account, session.config.prefix)} has no settlement {number or ''}".rstrip()
            )
        recorded = record_opening(session, given, wanted[-1].event, AMOUNT, purpose)
        with session.vault.lasting() as vault:
            found = account_of(look, vault, account, wanted[-1].number)
        position = look.as_of.position
    row, prefix = found.row, session.config.prefix
    lines = [_row(row, line.object, line.party, line.minor, prefix) for line in found.lines]
    facts = (
        ("settlement", f"{format_id('M', account, prefix)} · {row.number}"),
        ("licence", format_id("L", row.licence, prefix)),
        ("licensor", format_id("P", row.licensor, prefix)),
        ("period", f"{_instant(row.since_us)} – {_instant(row.until_us)}"),
        ("plan", bytes(row.plan).hex()),
        ("usage", bytes(row.usage).hex()),
        ("state", "standing" if row.reversed is None else "reversed"),
        ("position", str(position)),
    )
    return Paper(False, facts, lines, [(row.currency, found.total)]), recorded


def party_paper(
    session: Session, party: PartyId, as_of: str | None, given: Given, purpose: str
) -> tuple[Paper, int | None]:
    """Return the statement of a party, and the entry of its opening; raises as `settlement_paper`."""
    prefix, recorded = session.config.prefix, None
    with look_at_settlements(session, as_of) as look:
        settlements = {(row.account, row.number): row for row in look.rows(SETTLEMENT)}
        lines = [(settlements[line.account, line.number], line) for line in look.rows(LINE, party=[party])]
        position = look.as_of.position
    found = sorted((one for one in lines if is_whole(one[0])), key=lambda one: (one[0].made, one[1].place))
    if not found:
        raise NotFound(f"{format_id('P', party, prefix)} was settled nothing as of entry {position}")
    for row, line in found:
        path = line_path(line.place)
        if session.vault.owner(row.event, path) == party:
            recorded = record_opening(session, given, row.event, path, purpose)
            break
    told: list[Row] = []
    with session.vault.lasting() as vault:
        for row, some in groupby(found, key=lambda one: one[0]):
            opened = opened_lines(vault, row, [line for _, line in some])
            told += [_row(row, line.object, line.party, line.minor, prefix) for line in opened]
    facts = (("party", format_id("P", party, prefix)), ("position", str(position)))
    return Paper(True, facts, told, total_of(told)), recorded


def _row(row: Any, object_id: UUID, party: UUID, minor: int | None, prefix: str) -> Row:
    return Row(
        settlement=format_id("M", row.account, prefix),
        number=row.number,
        licence=format_id("L", row.licence, prefix),
        since=_instant(row.since_us),
        until=_instant(row.until_us),
        object=format_id("O", object_id, prefix),
        party=format_id("P", party, prefix),
        currency=row.currency,
        minor=minor,
        reversed=row.reversed is not None,
    )


def _instant(us: int) -> str:
    at: datetime = instant_of(us)
    return instant_text(at)
