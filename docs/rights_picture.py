"""Draw docs/rights-flow.svg: two grants, the scopes that meet in what was made, and the money that flows back.

The scopes and the amount are those of examples/rights; what they meet in and who is paid what is computed by the
domain, so that the picture of docs/rights.md says what the program says.
"""

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final
from uuid import UUID

from domain.governance.authority import Amount
from domain.ids import ObjectId, PartyId
from domain.rights.plan import make_plan
from domain.rights.scope import Component, Scope, meet
from domain.rights.scope_json import parse_scope
from domain.rights.scope_words import NAMES
from domain.rights.settlement import Holder, PlanEdge, PlanNode, Settled, settle
from domain.rights.terms import DutyKind

EXAMPLES: Final = Path(__file__).parents[1] / "examples" / "rights"
WIDTH: Final = 980
HEIGHT: Final = 664
CARDS: Final = (
    # x, object, Chinese name, who
    (24, "novel", "小说", "author 60 %, co-author 40 %"),
    (395, "film", "电影", "studio 100 %"),
    (766, "ride", "游船", "park 100 %"),
)
CARD_WIDTH: Final = 190
COLUMNS: Final = (206, 486, 766)
"""Where the scope of each grant is drawn, and where what they meet in."""
ROWS: Final = (
    (Component.FIELDS, 228),
    (Component.MEDIA, 262),
    (Component.TERRITORY, 322),
    (Component.WINDOW, 356),
    (Component.DUTIES, 398),
)
"""The components that are drawn, and the height of each."""
YEARS: Final = (2026, 2031)
INK, PALE, GREEN, AMBER = "#222", "#777", "#14532d", "#8a5a12"
SHARES: Final = ((1, 0, 1_500), (2, 1, 2_000))
"""Of what the child takes in, in bp: the film to the novel, the ride to the film."""
OWNERS: Final = ((("author", 6_000), ("co-author", 4_000)), (("studio", 10_000),), (("park", 10_000),))
CHIP_CHARACTER: Final = 6.1
BARS: Final = (206, 490, 861)
"""Where the money of each object arrives, from left to right."""
FLOOR: Final = 512
"""Where the bars of the money begin."""
TALL: Final = 112
"""How tall the whole amount is drawn; every other one in proportion."""


def granted() -> tuple[Scope, Scope, Scope]:
    """Return the scope of each grant and what they meet in."""
    above, below = (
        parse_scope(json.loads((EXAMPLES / "scopes" / f"{name}.json").read_text(encoding="utf-8")))
        for name in ("novel-to-film", "film-to-ride")
    )
    met = meet(above, below)
    if met is None:
        raise AssertionError("the grants of the example have nothing in common")
    return above, below, met


def settled() -> Settled:
    """Return how the proceeds of a quarter are shared; identifiers are the places in CARDS and OWNERS."""
    amount = json.loads((EXAMPLES / "money" / "quarter.json").read_text(encoding="utf-8"))
    nodes = [
        PlanNode(
            object=_object(place),
            birth=place,
            holders=tuple(
                Holder(party=PartyId(UUID(int=10 * place + number)), share_bp=share)
                for number, (_, share) in enumerate(owners)
            ),
        )
        for place, owners in enumerate(OWNERS)
    ]
    edges = [PlanEdge(child=_object(child), parent=_object(parent), share_bp=bp) for child, parent, bp in SHARES]
    plan = make_plan(_object(2), amount["currency"], nodes, edges)
    return settle(plan, Amount(currency=amount["currency"], minor=amount["minor"]))


def _object(place: int) -> ObjectId:
    return ObjectId(UUID(int=100 + place))


def money(minor: int) -> str:
    """Return an amount as it is printed: 86,400.33."""
    return f"{minor // 100:,}.{minor % 100:02}"


def draw_flow() -> str:
    """Return the picture as SVG text, WIDTH x HEIGHT units."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="A novel, a film and a ride: the scopes of two grants meet, and the proceeds flow back" '
        "font-family=\"Helvetica, Arial, 'Noto Sans CJK SC', 'PingFang SC', sans-serif\">",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#fbf9f4"/>',
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0L10 5L0 10z" fill="{GREEN}"/></marker></defs>',
        *_cards(),
        *_scopes(),
        *_flows(settled()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(
    x: float, y: float, said: str, *, size: float = 12, fill: str = INK, anchor: str = "start", more: str = ""
) -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}"{more}>'
        f"{escape(said)}</text>"
    )


def _cards() -> Iterator[str]:
    for bar, (_, name, chinese, _) in zip(BARS, CARDS, strict=True):
        yield _text(bar, HEIGHT - 16, f"{name}  {chinese}", fill=PALE, anchor="middle")
    yield _text(24, 34, "Rights go down  权利向下", size=15, fill=GREEN, more=' font-weight="bold"')
    for x, name, chinese, who in CARDS:
        yield (
            f'<rect x="{x}" y="58" width="{CARD_WIDTH}" height="64" rx="8" fill="#fff" stroke="{INK}" '
            'stroke-width="1.4"/>'
        )
        yield _text(x + 14, 84, f"{name}  {chinese}", size=16, more=' font-weight="bold"')
        yield _text(x + 14, 106, who, fill=PALE)
    for place, (name, kind) in enumerate((("R-film", "exclusive 独占"), ("R-ride", "sole 排他"))):
        left, right = CARDS[place][0] + CARD_WIDTH, CARDS[place + 1][0]
        yield (
            f'<line x1="{left + 4}" y1="90" x2="{right - 4}" y2="90" stroke="{GREEN}" stroke-width="1.8" '
            'marker-end="url(#tip)"/>'
        )
        middle = (left + right) / 2
        yield _text(middle, 80, f"grant {name}", fill=GREEN, anchor="middle", more=' font-weight="bold"')
        yield _text(middle, 110, kind, fill=GREEN, anchor="middle")


def _scopes() -> Iterator[str]:
    above, below, met = granted()
    yield _text(24, 176, "Scopes meet  范围相交", size=15, fill=GREEN, more=' font-weight="bold"')
    yield f'<line x1="24" y1="150" x2="{WIDTH - 24}" y2="150" stroke="#ddd6c6"/>'
    for x, head in zip(COLUMNS, ("R-film allows", "R-ride allows", "so the ride may"), strict=True):
        yield _text(x, 200, head, fill=PALE)
    for x, sign in ((432, "∩"), (712, "=")):
        yield _text(x, 322, sign, size=28, fill=GREEN, anchor="middle")
    for component, y in ROWS:
        name = component.replace("_", " ")
        yield _text(24, y + 4, f"{name}  {NAMES[component]}", size=12.5)
        if component is Component.DUTIES:
            yield _text(24, y + 22, "all of both  两者之和", size=11, fill=PALE)
        for x, scope in zip(COLUMNS, (above, below, met), strict=True):
            fill = GREEN if scope is met else "#4b6b57"
            if component is Component.WINDOW:
                yield from _window(x, y, scope, fill)
            else:
                every = sorted({*_members(above, component), *_members(below, component)})
                yield from _chips(x, y, every, set(_members(scope, component)), fill)


def _members(scope: Scope, component: Component) -> list[str]:
    if component is Component.TERRITORY:
        return sorted(scope.territory.codes)
    if component is Component.DUTIES:
        return [
            f"report / {duty.days} days" if duty.kind is DutyKind.REPORT_USAGE else str(duty.kind)
            for duty in scope.duties.in_order()
        ]
    return sorted(str(word).replace("_", " ") for word in getattr(scope, component))


def _chips(x: float, y: float, every: Sequence[str], there: set[str], fill: str) -> Iterator[str]:
    """Yield a chip for each member, filled where it is in the set; what does not fit goes on below."""
    at = x
    for word in every:
        width = CHIP_CHARACTER * len(word) + 14
        if at + width > x + 182:
            at, y = x, y + 26
        has = word in there
        paint = f'fill="{fill}"' if has else 'fill="none" stroke="#b9b2a3" stroke-dasharray="3 3"'
        yield f'<rect x="{at:g}" y="{y - 10:g}" width="{width:g}" height="20" rx="10" {paint}/>'
        yield _text(at + width / 2, y + 4, word, size=11, fill="#fff" if has else "#8d8778", anchor="middle")
        at += width + 6


def _window(x: float, y: float, scope: Scope, fill: str) -> Iterator[str]:
    """Yield the window as a bar over the years."""
    first, last = YEARS
    since, until = scope.window.since, scope.window.until
    if since is None or until is None:
        raise AssertionError("the windows of the example have both ends")
    year = 168 / (last - first)
    yield f'<line x1="{x}" y1="{y}" x2="{x + 168}" y2="{y}" stroke="#b9b2a3" stroke-dasharray="3 3"/>'
    left, right = (x + year * (end.year - first) for end in (since, until))
    yield f'<rect x="{left:g}" y="{y - 6}" width="{right - left:g}" height="12" rx="3" fill="{fill}"/>'
    yield _text(left, y + 20, str(since.year), size=10, fill=PALE)
    yield _text(right, y + 20, str(until.year), size=10, fill=PALE, anchor="end")


# -- money -------------------------------------------------------------------------------------------------------------


def _flows(found: Settled) -> Iterator[str]:
    """Yield the money from right to left: a bar where it arrives, bands as thick as what flows on or stays."""
    yield f'<line x1="24" y1="452" x2="{WIDTH - 24}" y2="452" stroke="#ddd6c6"/>'
    yield _text(24, 480, "Money flows back  收益回流", size=15, fill=AMBER, more=' font-weight="bold"')
    unit = TALL / found.amount.minor
    arrived = {_object(2): found.amount.minor, **{flow.parent: flow.minor for flow in found.flows}}
    bars = {_object(place): BARS[place] for place in range(3)}
    earned = f"CNY {money(found.amount.minor)}"
    yield _text(BARS[2], FLOOR - 28, earned, size=13, fill=AMBER, anchor="middle", more=' font-weight="bold"')
    yield _text(BARS[2], FLOOR - 11, "a quarter, net of tax", size=11, fill=PALE, anchor="middle")
    for flow in found.flows:
        thick = flow.minor * unit
        yield _band(bars[flow.child] - 5, FLOOR, bars[flow.parent] + 5, FLOOR, thick, 0.55)
        middle = (bars[flow.child] + bars[flow.parent]) / 2
        share = next(bp for child, _, bp in SHARES if _object(child) == flow.child)
        yield _text(middle, FLOOR - 8, f"◀ {share / 100:g} %  ·  {money(flow.minor)}", fill=AMBER, anchor="middle")
    for node, x in bars.items():
        tall = arrived[node] * unit
        yield f'<rect x="{x - 5:g}" y="{FLOOR}" width="10" height="{tall:.2f}" fill="{AMBER}"/>'
        yield from _owners(found, node, x, unit)


def _owners(found: Settled, node: ObjectId, x: float, unit: float) -> Iterator[str]:
    """Yield what stays with the owners of a node: each band falls from its bar to where its name stands."""
    place = node.int - 100
    lines = [line for line in found.lines if line.object == node]
    top = FLOOR + sum(flow.minor for flow in found.flows if flow.child == node) * unit
    for number, line in enumerate(lines):
        name = OWNERS[place][line.party.int - 10 * place][0]
        thick = line.minor * unit
        low = top if number + 1 == len(lines) and thick > TALL / 2 else FLOOR + 44 + 46 * number
        end = x - 62
        yield _band(x - 5, top, end, low, thick, 0.3)
        yield _text(end - 6, low + thick / 2 + 4, name, anchor="end", size=12.5)
        yield _text(end - 6, low + thick / 2 + 20, money(line.minor), anchor="end", fill=AMBER)
        top += thick


def _band(x1: float, y1: float, x2: float, y2: float, thick: float, opacity: float) -> str:
    """Return a band of so many units that bends from one place to another."""
    middle = (x1 + x2) / 2
    return (
        f'<path d="M{x1:g} {y1:.2f}C{middle:g} {y1:.2f} {middle:g} {y2:.2f} {x2:g} {y2:.2f}'
        f'L{x2:g} {y2 + thick:.2f}C{middle:g} {y2 + thick:.2f} {middle:g} {y1 + thick:.2f} {x1:g} {y1 + thick:.2f}Z" '
        f'fill="{AMBER}" fill-opacity="{opacity}"/>'
    )
