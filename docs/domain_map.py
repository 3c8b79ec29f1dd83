"""Draw docs/domain-map.svg and write docs/domain.md: contexts, their streams, what happens in them, who may.

Everything on both comes from the catalogue of events and the command registry; nothing is listed here by hand but the
words for the kinds of streams.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from domain.events import Event
from domain.ids import KINDS
from producers.registry import REGISTRY
from schemas.catalogue import EVENT_CLASSES

KIND_WORDS: Final = {
    "P": ("Party", "参与方"),
    "K": ("PolicySet", "政策"),
    "H": ("Ledger", "账本"),
    "O": ("DigitalObject", "数字对象"),
    "C": ("Capability", "能力"),
    "T": ("ProcessTemplate", "工序模板"),
    "U": ("ComputeResource", "算力资源"),
    "F": ("Infringement", "侵权案件"),
    "G": ("Title", "权属"),
    "R": ("Grant", "授权"),
    "L": ("Licence", "许可"),
}
CONTEXT_WORDS: Final = {
    "governance": "治理",
    "evidence": "证据",
    "identity": "身份",
    "capability": "能力",
    "compliance": "合规",
    "rights": "权属",
}
WIDTH, COLUMN, LINE, HEAD = 1_180, 380, 17, 46
TONES: Final = ("#7a4a12", "#14532d", "#1e3a6b", "#6b1e4a", "#7f1d1d", "#3f3f46")
INTRO: Final = """# The domain

![Contexts, streams and events](domain-map.svg)

Generated from the events and the command registry by `python -m docs.build`; do not edit. Each context is one topic,
`edgeprint.<context>.v1`; each kind of stream is one aggregate, named by the letter of its identifiers. A command is
decided on the streams that it read as they stood when it was appended: all of them are guarded. The fields of each
event stand in [reference/events.md](reference/events.md), the fields of each command and who may give it in
[reference/commands.md](reference/commands.md).

Classes and the governance matrix of the paper (table 3-1): static objects need what their origin asks for; computable
ones (weights) also a bill of materials and a training statement; interactive ones also a behaviour contract. That is
the rows `classes` of the policy `trace-set`; which steps a capability must have behind it is the policy
`capability-admission`, how long a right holder may sue before measures end `infringement`. All are data, drafted,
approved by a human and activated (`edgeprint policy show trace-set`).
"""


def streams() -> dict[str, dict[str, list[type[Event]]]]:
    """Return the events of each context by the letter of their streams, in the catalogue's order."""
    found: dict[str, dict[str, list[type[Event]]]] = {}
    for event in EVENT_CLASSES:
        context = event.TYPE.split(".")[1]
        found.setdefault(context, {}).setdefault(event.STREAM, []).append(event)
    return found


def commands_of(event: type[Event]) -> list[str]:
    """Return the commands of the registry that an event may follow."""
    return [spec.command.NAME for spec in REGISTRY if event in spec.events]


def domain_page() -> str:
    """Return docs/domain.md."""
    lines = [INTRO]
    for context, kinds in streams().items():
        lines += [f"## {context}", ""]
        for letter, events in kinds.items():
            name, chinese = KIND_WORDS[letter]
            lines += [f"### {name} {chinese} ({letter}, `{KINDS[letter]}`)", ""]
            lines += ["| event | what it says | by |", "|---|---|---|"]
            for event in events:
                said = (event.__doc__ or "").strip().splitlines()[0].rstrip(".")
                by = ", ".join(f"`{name}`" for name in commands_of(event)) or "edgeprint itself, or the gate"
                lines.append(f"| {event.__name__} | {said} | {by} |")
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def draw_map() -> str:
    """Return docs/domain-map.svg: a box for each kind of stream, in the colour of its context."""
    boxes = [
        (context, letter, events, TONES[place % len(TONES)])
        for place, (context, kinds) in enumerate(streams().items())
        for letter, events in kinds.items()
    ]
    bottoms, placed = [64, 64, 64], []
    for context, letter, events, tone in boxes:
        column = bottoms.index(min(bottoms))
        height = HEAD + LINE * len(events) + 14
        placed.append((20 + column * COLUMN, bottoms[column], height, context, letter, events, tone))
        bottoms[column] += height + 18
    height = max(bottoms) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-label="Contexts, kinds of streams, and the events of each" '
        "font-family=\"Helvetica, Arial, 'Noto Sans CJK SC', 'PingFang SC', sans-serif\">",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#fbf9f4"/>',
        '<text x="20" y="34" font-size="18" font-weight="bold" fill="#222">Streams and what happens in them  '
        "流与其中的事件</text>",
    ]
    for box in placed:
        parts += _box(*box)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(x: int, y: int, height: int, context: str, letter: str, events: list[type[Event]], tone: str) -> Iterator[str]:
    name, chinese = KIND_WORDS[letter]
    yield (
        f'<rect x="{x}" y="{y}" width="{COLUMN - 20}" height="{height}" rx="8" fill="#fff" stroke="{tone}" '
        'stroke-width="1.5"/>'
    )
    yield (
        f'<text x="{x + 12}" y="{y + 22}" font-size="15" font-weight="bold" fill="{tone}">{letter}  {name} '
        f"{chinese}</text>"
    )
    yield (
        f'<text x="{x + 12}" y="{y + 38}" font-size="11" fill="#777">edgeprint.{context}.v1 '
        f"{CONTEXT_WORDS[context]}</text>"
    )
    for place, event in enumerate(events):
        bottom = y + HEAD + 10 + LINE * place
        by = commands_of(event)
        yield f'<text x="{x + 12}" y="{bottom}" font-size="12" fill="#222">{escape(event.__name__)}</text>'
        if by:
            yield (
                f'<text x="{x + COLUMN - 32}" y="{bottom}" font-size="10" fill="#999" text-anchor="end">'
                f"{escape(by[0])}{' +' if len(by) > 1 else ''}</text>"
            )
