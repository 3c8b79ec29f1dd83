"""Statements: what a settlement paid to whom, or what a party was paid, as CSV for machines and HTML for paper.

Both are self-contained: the HTML has no script, no image and no address of anything outside, and prints on A4 as it
stands. Amounts in CSV are exact decimals in the currency's own unit beside the minor units; what was erased is the word
`erased`. Whoever has a statement made is on record: one opening (`FieldOpened`) before it is written, of the total for
a settlement, of a line for a party.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from infra.trade.money import decimal_text, money_text

ERASED: Final = "erased"
COLUMNS: Final = (
    "settlement", "number", "licence", "since", "until", "object", "party", "currency", "minor", "amount", "reversed",
)  # fmt: skip
_STYLE: Final = """
@page { size: A4; margin: 18mm 16mm 20mm; }
* { box-sizing: border-box; }
body { font: 10.5pt/1.45 "Noto Serif CJK SC", "Songti SC", "SimSun", "Noto Serif", Georgia, serif; color: #111;
  max-width: 178mm; margin: 12mm auto; padding: 0 4mm; }
h1 { font-size: 17pt; margin: 0 0 1mm; letter-spacing: .02em; }
p.sub { margin: 0 0 6mm; color: #555; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 1mm 6mm; margin: 0 0 7mm; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; }
thead { display: table-header-group; }
th { text-align: left; font-weight: 600; border-bottom: 1.2pt solid #111; padding: 1.2mm 2mm; vertical-align: bottom; }
td { border-bottom: .4pt solid #bbb; padding: 1.2mm 2mm; vertical-align: top; overflow-wrap: anywhere; }
tr { break-inside: avoid; }
.id { font-family: "Noto Sans Mono", Menlo, Consolas, monospace; font-size: 8pt; }
.money { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.undone td { color: #777; } tfoot td { border: 0; border-top: 1.2pt solid #111; font-weight: 600; }
footer { margin-top: 8mm; padding-top: 2mm; border-top: .4pt solid #bbb; color: #555; font-size: 8.5pt; }
@media print { body { margin: 0; padding: 0; max-width: none; } }
"""
_WORDS: Final = {
    "title": ("结算单", "Statement"),
    "of_settlement": ("一次结算", "of one settlement"),
    "of_party": ("一方的全部结算", "of one party's settlements"),
    "settlement": ("结算", "Settlement"),
    "licence": ("许可", "Licence"),
    "licensor": ("许可人", "Licensor"),
    "period": ("期间", "Period"),
    "party": ("权利人", "Party"),
    "object": ("作品", "Object"),
    "amount": ("金额", "Amount"),
    "plan": ("结算方案", "Plan"),
    "usage": ("使用证据", "Usage"),
    "state": ("状态", "State"),
    "total": ("合计", "Total"),
    "erased": ("已删除", "erased"),
    "reversed": ("已冲回", "reversed"),
    "standing": ("有效", "standing"),
    "position": ("账本位置", "Ledger position"),
    "foot": (
        "金额为税后净额，按账本条目中的承诺逐一核对后开示；“已删除”表示该方的数据已依其请求销毁，承诺与证明仍然有效。",
        "Amounts are net of tax; each was opened and checked against its commitment in the ledger. Erased means that "
        "the party's data was destroyed at its request; commitments and proofs still hold.",
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a statement; identifiers and instants as text, `minor` None where it was erased."""

    settlement: str
    number: int
    licence: str
    since: str
    until: str
    object: str
    party: str
    currency: str
    minor: int | None
    reversed: bool


@dataclass(frozen=True, slots=True)
class Paper:
    """A statement before it is written: of a settlement, whose facts are in `facts`, or of a party."""

    of_party: bool
    facts: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    totals: Sequence[tuple[str, int | None]]


def as_csv(paper: Paper) -> str:
    """Return the statement as CSV (RFC 4180): a header, then a row for each line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in paper.rows:
        amount = ERASED if row.minor is None else decimal_text(row.currency, row.minor)
        minor = ERASED if row.minor is None else row.minor
        facts = (row.settlement, row.number, row.licence, row.since, row.until, row.object, row.party)
        writer.writerow((*facts, row.currency, minor, amount, "yes" if row.reversed else "no"))
    return out.getvalue()


def as_html(paper: Paper, lang: str) -> str:
    """Return the statement as one HTML document in `zh` or `en`."""
    words = {name: both[lang != "zh"] for name, both in _WORDS.items()}
    sub = words["of_party" if paper.of_party else "of_settlement"]
    facts = "".join(f"<dt>{escape(words[name])}</dt><dd>{_fact(name, text, words)}</dd>" for name, text in paper.facts)
    head = ("settlement", "period", "object", "amount") if paper.of_party else ("object", "party", "amount")
    cells = "".join(f'<th{_money(name)} scope="col">{escape(words[name])}</th>' for name in head)
    body = "".join(_line(row, paper.of_party, words) for row in paper.rows)
    foot = "".join(
        f'<tr><td colspan="{len(head) - 1}">{escape(words["total"])}</td>'
        f'<td class="money">{escape(_amount(currency, minor, words))}</td></tr>'
        for currency, minor in paper.totals
    )
    language = "zh-CN" if lang == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(words["title"])}</title>'
        f'<style>{_STYLE}</style></head>\n<body><h1>{escape(words["title"])}</h1><p class="sub">{escape(sub)}</p>'
        f"<dl>{facts}</dl>\n<table><thead><tr>{cells}</tr></thead><tbody>\n{body}</tbody><tfoot>{foot}</tfoot></table>\n"
        f"<footer>{escape(words['foot'])}</footer></body></html>\n"
    )


def _line(row: Row, of_party: bool, words: dict[str, str]) -> str:
    amount = _amount(row.currency, row.minor, words)
    if row.reversed:
        amount += f" · {words['reversed']}"
    cells: tuple[str, ...] = (_id(row.object), _id(row.party))
    if of_party:
        place = f"{_id(row.settlement)} · {row.number}"
        cells = (place, escape(f"{row.since} – {row.until}"), _id(row.object))
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    undone = ' class="undone"' if row.reversed else ""
    return f'<tr{undone}>{told}<td class="money">{escape(amount)}</td></tr>\n'


def _fact(name: str, text: str, words: dict[str, str]) -> str:
    if name == "state":
        return escape(words[text])
    return escape(text) if name in ("period", "position", "total") else _id(text)


def _id(text: str) -> str:
    return f'<span class="id">{escape(text)}</span>'


def _money(name: str) -> str:
    return ' class="money"' if name == "amount" else ""


def _amount(currency: str, minor: int | None, words: dict[str, str]) -> str:
    return f"{currency} {words['erased']}" if minor is None else money_text(currency, minor)


def total_of(rows: Sequence[Row]) -> list[tuple[str, int | None]]:
    """Return the sum of each currency over lines that stand, None where one of them was erased."""
    found: dict[str, Any] = {}
    for row in rows:
        before = found.setdefault(row.currency, 0)
        if not row.reversed:
            found[row.currency] = None if before is None or row.minor is None else before + row.minor
    return sorted(found.items())
