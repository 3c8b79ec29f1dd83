"""A picture of a lineage as one SVG file: no script, nothing from elsewhere, light or dark as the reader has it.

Up to BOXES_MAX nodes are boxes with their words; more, or a tangle of long edges, are small marks with a legend. A kind
has a mark of its own shape besides its name, so that nothing rests on colour; a folded node shows by its outline what
it is (a pile, a run of versions, a drum for a training set, a dashed frame for "n more"); the focus has a heavy frame;
found edges are dashed.
Each node and edge has a title that a pointer shows and a reader for the blind speaks.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import east_asian_width

from projections.genealogy.crowd import CELL, lay_out_crowd
from projections.genealogy.graphml import xml_attribute, xml_text
from projections.genealogy.layers import Line
from projections.genealogy.layout import Point, lay_out
from projections.genealogy.picture import Arrow, Box, Picture, kinds_by_count
from projections.genealogy.units import Shape

BOXES_MAX: Final = 300
LABELLED_MAX: Final = 120
BOX: Final[Point] = (196.0, 46.0)
ROW_MOST: Final = 8
MARGIN: Final = 24.0
LEGEND_LINE: Final = 22.0
HEADER: Final = 30.0
HEADING_SIZE: Final = 13.0
LINE_SIZE: Final = 11.0
KIND_MARKS: Final = (
    "M-5,-5H5V5H-5Z",
    "M0,-5.6A5.6,5.6 0 1 1 0,5.6A5.6,5.6 0 1 1 0,-5.6Z",
    "M0,-6L6,5H-6Z",
    "M0,-6.5L6.5,0L0,6.5L-6.5,0Z",
    "M-3.2,-5.6H3.2L6.4,0L3.2,5.6H-3.2L-6.4,0Z",
    "M0,6L6,-5H-6Z",
    "M-2,-6H2V-2H6V2H2V6H-2V2H-6V-2H-2Z",
    "M-6,-3.4H6V3.4H-6Z",
    "M-3.4,-6H3.4V6H-3.4Z",
    "M-6,5.5A6,9 0 0 1 6,5.5Z",
    "M-6,-6L0,-2L6,-6V6L0,2L-6,6Z",
)
OTHER_MARK: Final = "M-2.5,-2.5H2.5V2.5H-2.5Z"
"""What all further kinds have; their name tells them apart."""

_STYLE: Final = """
svg{--paper:#fff;--ink:#16202b;--soft:#4d5a68;--box:#f4f6f8;--edge:#8a97a5;--frame:#66737f;--mark:#1f5fa8;
--k1:#a85400;--k2:#18744f;--k3:#7c3aa0;--k4:#6b6100;--k5:#0b6e80;--focus:#b3261e;--focusbox:#fdf1ef;
background:var(--paper)}
@media (prefers-color-scheme:dark){svg{--paper:#14181d;--ink:#eef2f6;--soft:#aeb9c4;--box:#20272f;--edge:#6d7986;
--frame:#8793a0;--mark:#7fb2ee;--k1:#f0a560;--k2:#6fcf9f;--k3:#cfa0ee;--k4:#d8cc5c;--k5:#6cd0e0;--focus:#ff8a80;--focusbox:#33211f}}
.paper{fill:var(--paper)}
text{font-family:"Noto Sans CJK SC","Noto Sans SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",
"Helvetica Neue",Arial,sans-serif;fill:var(--ink);font-size:11px}
.h{font-size:13px;font-weight:600}.t{font-size:15px;font-weight:600}.s,.l{fill:var(--soft)}
.l{font-size:10px;paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.b{fill:var(--box);stroke:var(--frame);stroke-width:1.2}.more{stroke-dasharray:2 3}
.f .b{fill:var(--focusbox);stroke:var(--focus);stroke-width:3}.k{fill:var(--mark)}
.k1{fill:var(--k1)}.k2{fill:var(--k2)}.k3{fill:var(--k3)}.k4{fill:var(--k4)}.k5{fill:var(--k5)}.f .k{fill:var(--focus)}
.e{fill:none;stroke:var(--edge);stroke-width:1.3}.d{stroke-dasharray:6 4}.a{fill:var(--edge)}
.c .e{stroke-width:.6}.ring{fill:none;stroke:var(--focus);stroke-width:2.5}
"""


def draw(picture: Picture) -> str:
    """Return the drawing; 5 nodes take milliseconds, 5,000 about a second."""
    return "".join(_Drawing(picture).pieces())


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        lines = [Line(arrow.parent, arrow.child, arrow.weak) for arrow in picture.arrows]
        count = len(picture.boxes)
        boxes = lay_out([BOX] * count, lines, picture.focus, ROW_MOST) if count <= BOXES_MAX else None
        self._crowd = boxes is None
        self._layout = boxes or lay_out_crowd(count, lines, picture.focus)
        self._kinds = kinds_by_count(picture)
        kinds = [kind for kind, _ in self._kinds]
        marks = dict.fromkeys(kinds, OTHER_MARK) | dict(zip(kinds, KIND_MARKS, strict=False))
        self._marks = {kind: (mark, f"k k{at % 6}") for at, (kind, mark) in enumerate(marks.items())}
        self._left = MARGIN
        self._top = MARGIN + HEADER

    def pieces(self) -> Iterator[str]:
        """Return the file in pieces, edges below nodes below labels."""
        legend, legend_height = self._legend()
        width = max(self._layout.width, _LEGEND_WIDTH, _text_width(self._picture.title, 15.0)) + 2 * MARGIN
        height = self._top + self._layout.height + MARGIN + legend_height + MARGIN
        self._left = (width - self._layout.width) / 2
        yield '<?xml version="1.0" encoding="UTF-8"?>\n'
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        yield f' height="{height:.0f}" role="img" aria-labelledby="title desc" lang="{self._picture.words.language}">\n'
        yield f'<title id="title">{xml_text(self._picture.title)}</title>\n'
        yield f'<desc id="desc">{xml_text(self._picture.description)}</desc>\n<style>{_STYLE}</style>\n'
        yield '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        yield ' orient="auto-start-reverse"><path class="a" d="M0,0L8,4L0,8Z"/></marker></defs>\n'
        yield f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>\n'
        yield _text(MARGIN, MARGIN + 10, self._picture.title, "t")
        yield f'<g class="{"c" if self._crowd else "g"}" transform="translate({self._left:.1f},{self._top:.1f})">\n'
        yield from self._edges()
        for place, box in zip(self._layout.places, self._picture.boxes, strict=True):
            yield self._mark(place, box) if self._crowd else self._box(place, box)
        if not self._crowd and len(self._picture.arrows) <= LABELLED_MAX:
            yield from self._labels()
        yield f'</g>\n<g transform="translate({MARGIN},{height - MARGIN - legend_height:.1f})">\n{legend}</g>\n</svg>\n'

    def _edges(self) -> Iterator[str]:
        # The more edges a picture has, the fainter each: what is dense stays grey instead of turning black.
        faint = max(0.4, min(1.0, 400 / (len(self._picture.arrows) + 1))) if self._crowd else 1.0
        yield f'<g opacity="{faint:.2f}">\n'
        for route, arrow in zip(self._layout.routes, self._picture.arrows, strict=True):
            style = "e d" if arrow.found else "e"
            if self._crowd:
                (x1, y1), (x2, y2) = route
                yield f'<path class="{style}" d="M{x1:.1f},{y1:.1f}L{x2:.1f},{y2:.1f}"/>\n'
                continue
            ends = 'marker-start="url(#tip)"' if self._flipped(arrow) else 'marker-end="url(#tip)"'
            boxes = self._picture.boxes
            told = f"{boxes[arrow.child].heading} ← {arrow.label} — {boxes[arrow.parent].heading}"
            yield f'<path class="{style}" {ends} d="{_path(route)}"><title>{xml_text(told)}</title></path>\n'
        yield "</g>\n"

    def _flipped(self, arrow: Arrow) -> bool:
        """Return whether the parent stands below its child, as it may by a found edge."""
        return self._layout.places[arrow.parent][1] > self._layout.places[arrow.child][1]

    def _mark(self, place: Point, box: Box) -> str:
        x, y = place
        focus = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{CELL * 0.8:.1f}"/>' if _is_focus(box) else ""
        path = self._kind_mark(box.kind, f"translate({x:.1f},{y:.1f}) scale(.82)")
        group = ' class="f"' if focus else ""
        return f"<g{group}><title>{xml_text(box.told)}</title>{path}{focus}</g>\n"

    def _kind_mark(self, kind: str, transform: str) -> str:
        mark, style = self._marks[kind]
        return f'<path class="{style}" transform="{transform}" d="{mark}"/>'

    def _box(self, place: Point, box: Box) -> str:
        x, y = place[0] - BOX[0] / 2, place[1] - BOX[1] / 2
        kind = self._kind_mark(box.kind, f"translate(17,{BOX[1] / 2 - 8:.1f})") if box.kind else ""
        room = BOX[0] - 40
        drop = 4 if box.shape is Shape.TRAINING_SET else 0
        heading = _text(32, 19 + drop, _shortened(box.heading, room, HEADING_SIZE), "h")
        line = _text(32, 36 + drop / 2, _shortened(box.line, room, LINE_SIZE), "s")
        group = ' class="f"' if _is_focus(box) else ""
        title = f"<title>{xml_text(box.told)}</title>"
        return f'<g{group} transform="translate({x:.1f},{y:.1f})">{title}{_outline(box)}{kind}{heading}{line}</g>\n'

    def _labels(self) -> Iterator[str]:
        """Name the relation of each edge at the end that has room; what would cover something else is left out."""
        taken = [
            (x - BOX[0] / 2 - 4, y - BOX[1] / 2 - 4, x + BOX[0] / 2 + 4, y + BOX[1] / 2 + 4)
            for x, y in self._layout.places
        ]
        for route, arrow in zip(self._layout.routes, self._picture.arrows, strict=True):
            width = _text_width(arrow.label, 10.0)
            for x, y in _label_places(route, arrow.near_parent is not self._flipped(arrow)):
                spot = (x - width / 2, y - 8, x + width / 2, y + 4)
                if not any(_overlap(spot, other) for other in taken):
                    taken.append(spot)
                    yield _text(x, y, arrow.label, "l", middle=True)
                    break

    def _legend(self) -> tuple[str, float]:
        """Return the legend and its height: the kinds with their marks and counts, and the two sorts of edges."""
        words = self._picture.words
        kinds = self._kinds
        entries = [
            (self._kind_mark(kind, "translate(7,-4)"), f"{kind} {count:,}") for kind, count in kinds[:_LEGEND_KINDS_MAX]
        ]
        if len(kinds) > _LEGEND_KINDS_MAX:
            entries.append(("", words.more.format(count=len(kinds) - _LEGEND_KINDS_MAX)))
        entries.append(('<path class="e" d="M-4,-4H16"/>', words.declared))
        if any(arrow.found for arrow in self._picture.arrows):
            entries.append(('<path class="e d" d="M-4,-4H16"/>', words.found))
        pieces, x, y = [], 0.0, 12.0
        for mark, text in entries:
            text = _shortened(text, 180, LINE_SIZE)
            wide = 22 + _text_width(text, LINE_SIZE) + 18
            if x and x + wide > max(_LEGEND_WIDTH, self._layout.width):
                x, y = 0.0, y + LEGEND_LINE
            pieces.append(f'<g transform="translate({x:.1f},{y:.1f})">{mark}{_text(22, 0, text, "s")}</g>\n')
            x += wide
        for text in _wrapped(self._picture.description, max(_LEGEND_WIDTH, self._layout.width)):
            y += LEGEND_LINE
            pieces.append(_text(0, y, text, "s"))
        return "".join(pieces), y + 4


_LEGEND_WIDTH: Final = 420.0
_LEGEND_KINDS_MAX: Final = 24


def _is_focus(box: Box) -> bool:
    return box.shape is Shape.FOCUS


def _outline(box: Box) -> str:
    width, height = BOX
    plain = f'<rect class="b" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
    if box.shape is Shape.SAME:
        under = (
            f'<rect class="b" x="{step}" y="{step}" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
            for step in (6, 3)
        )
        return "".join(under) + plain
    if box.shape is Shape.VERSIONS:
        bars = "".join(f'<path class="e" d="M{width - step:.0f},4V{height - 4:.0f}"/>' for step in (4, 8))
        return plain + bars
    if box.shape is Shape.TRAINING_SET:
        side = f"M0,5V{height - 5:.0f}A{width / 2:.0f},6 0 0 0 {width:.0f},{height - 5:.0f}V5"
        lid = f"A{width / 2:.0f},6 0 0 0 0,5A{width / 2:.0f},6 0 0 0 {width:.0f},5"
        return f'<path class="b" d="{side}{lid}"/>'
    if box.shape is Shape.MORE:
        return f'<rect class="b more" width="{width:.0f}" height="{height:.0f}" rx="{height / 2:.0f}"/>'
    return plain


def _path(route: Sequence[Point]) -> str:
    """Return a smooth way through the points that leaves and meets each row upright."""
    (x, y), *rest = route
    path = f"M{x:.1f},{y:.1f}"
    if len(rest) == 1 and abs(rest[0][1] - y) < 1.0:
        return f"{path}C{x:.1f},{y - 36:.1f} {rest[0][0]:.1f},{y - 36:.1f} {rest[0][0]:.1f},{rest[0][1]:.1f}"
    for to_x, to_y in rest:
        half = (y + to_y) / 2
        path += f"C{x:.1f},{half:.1f} {to_x:.1f},{half:.1f} {to_x:.1f},{to_y:.1f}"
        x, y = to_x, to_y
    return path


def _label_places(route: Sequence[Point], near_upper: bool) -> Iterator[Point]:
    """Return where the label of an edge may stand, the best place first."""
    (x, y), (to_x, to_y) = route[:2] if near_upper else (route[-1], route[-2])
    for share in (0.35, 0.5, 0.25, 0.65, 0.2, 0.8):
        # The curve of _path at this share of its way, which is the same from either end.
        along = 3 * share**2 - 2 * share**3
        down = 1.5 * share - 1.5 * share**2 + share**3
        yield x + (to_x - x) * along, y + (to_y - y) * down + 3


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _text(x: float, y: float, text: str, style: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text class={xml_attribute(style)} x="{x:.1f}" y="{y:.1f}"{anchor}>{xml_text(text)}</text>\n'


def _text_width(text: str, size: float) -> float:
    """Return about how wide the text is, rather too much than too little: fonts differ."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if east_asian_width(character) in "WFA":
        return 1.0
    if character in "il.,:;|!'- ":
        return 0.34
    return 0.7 if character.isupper() else 0.6


def _shortened(text: str, room: float, size: float) -> str:
    """Return the text, its middle left out if it is too wide: identifiers differ at their end."""
    if _text_width(text, size) <= room:
        return text
    head = tail = 0
    while True:
        more = (head + 1, tail) if head <= tail // 2 else (head, tail + 1)
        if _text_width(text[: more[0]] + "…" + text[len(text) - more[1] :], size) > room:
            return text[:head] + "…" + text[len(text) - tail :]
        head, tail = more


def _wrapped(text: str, room: float) -> list[str]:
    """Return the text in lines of this width; a Chinese text breaks anywhere."""
    lines, line = [], ""
    for word in text.replace("，", "， ").replace("：", "： ").split(" "):
        joined = f"{line} {word}" if line and line[-1].isascii() else line + word
        if line and _text_width(joined, LINE_SIZE) > room:
            lines.append(line)
            joined = word
        line = joined
    return [*lines, line]
