"""What a drawing shows, before anything is placed: boxes with their words, arrows between them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from projections.genealogy.extract import Extract, Name
from projections.genealogy.fold import Folded, FoldedNode
from projections.genealogy.model import FOUND
from projections.genealogy.units import Shape, Side
from projections.genealogy.words import Words

TOLD_MAX: Final = 20
"""Names listed in the tooltip of one box."""


@dataclass(frozen=True, slots=True)
class Box:
    """One node: what it is, its two lines of text, all of what it stands for in words, and its form."""

    kind: str
    heading: str
    line: str
    told: str
    shape: Shape
    count: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """What leads from a parent to a child, by their places among the boxes.

    `weak` gives way where edges close a circle; `near_parent` says at which end there is room for the label.
    """

    parent: int
    child: int
    label: str
    found: bool
    weak: bool
    count: int
    near_parent: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it; `focus` is the place of the focus among the boxes."""

    title: str
    description: str
    words: Words
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    focus: int


def folded_picture(folded: Folded, name: Name, words: Words) -> Picture:
    """Return what a folded view shows."""
    focus = name(folded.focus.object_id)
    boxes = tuple(_folded_box(node, name, words) for node in folded.nodes)
    arrows = tuple(
        Arrow(
            parent=edge.parent,
            child=edge.child,
            label=_label(edge.relations, edge.count, words),
            found=set(edge.relations) == {FOUND},
            weak=set(edge.relations) == {FOUND} or _inward(folded.nodes[edge.parent], folded.nodes[edge.child]),
            count=edge.count,
            near_parent=folded.nodes[edge.parent].side is Side.ABOVE,
        )
        for edge in folded.edges
    )
    said = words.described.format(kind=folded.focus.kind, name=focus, above=folded.above, below=folded.below)
    said = f"{said} {words.cut}" if folded.cut else said
    return Picture(words.title.format(name=focus), said, words, boxes, arrows, 0)


def whole_picture(lineage: Extract, name: Name, words: Words) -> Picture:
    """Return what an unfolded lineage shows; two objects bound by several relations have one arrow."""
    places = {node.object_id: number for number, node in enumerate(lineage.nodes)}
    focus = places[lineage.focus.object_id]
    boxes = []
    for node in lineage.nodes:
        shape = Shape.FOCUS if node.object_id == lineage.focus.object_id else Shape.SINGLE
        text = name(node.object_id)
        boxes.append(Box(node.kind, node.kind, text, f"{node.kind} {text}", shape, 1))
    between: dict[tuple[int, int], list[str]] = {}
    for edge in lineage.edges:
        between.setdefault((places[edge.parent], places[edge.child]), []).append(edge.relation)
    above = _above(focus, between)
    arrows = tuple(
        Arrow(
            parent=parent,
            child=child,
            label=_label(sorted(set(relations)), 1, words),
            found=set(relations) == {FOUND},
            weak=set(relations) == {FOUND},
            count=1,
            near_parent=parent in above,
        )
        for (parent, child), relations in between.items()
        if parent != child
    )
    counts = {"above": len(above), "below": len(lineage.nodes) - 1 - len(above)}
    said = words.described.format(kind=lineage.focus.kind, name=name(lineage.focus.object_id), **counts)
    said = f"{said} {words.cut}" if lineage.cut else said
    title = words.title.format(name=name(lineage.focus.object_id))
    return Picture(title, said, words, tuple(boxes), arrows, focus)


def kinds_by_count(picture: Picture) -> list[tuple[str, int]]:
    """Return the kinds of the picture with their counts of objects, the most frequent first."""
    counts: Counter[str] = Counter()
    for box in picture.boxes:
        if box.kind:
            counts[box.kind] += box.count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _inward(parent: FoldedNode, child: FoldedNode) -> bool:
    """Return whether an edge leads from "n more" below, or into "n more" above: those stand at the ends."""
    below = parent.shape is Shape.MORE and parent.side is Side.BELOW
    return below or (child.shape is Shape.MORE and child.side is Side.ABOVE)


def _folded_box(node: FoldedNode, name: Name, words: Words) -> Box:
    kind = node.kind or words.mixed
    listed = [name(member) for member in node.members[:TOLD_MAX]]
    rest = node.count - len(listed)
    if node.shape in (Shape.FOCUS, Shape.SINGLE):
        heading, line = kind, listed[0]
    elif node.shape is Shape.VERSIONS:
        heading, line = f"{kind} v1–v{node.count}", words.versions.format(count=node.count)
    elif node.shape is Shape.TRAINING_SET:
        heading, line = f"{words.training_set} × {node.count:,}", kind
    elif node.shape is Shape.MORE:
        heading = words.more.format(count=f"{node.count:,}")
        line = words.above if node.side is Side.ABOVE else words.below
    else:
        heading = f"{kind} × {node.lines:,}"
        runs = words.lines.format(count=f"{node.count:,}", lines=f"{node.lines:,}")
        line = runs if node.count > node.lines else f"{listed[0]} …"
    told = "\n".join([heading, *listed])
    if listed and rest:
        told += "\n" + words.more.format(count=f"{rest:,}")
    return Box(node.kind, heading, line, told, node.shape, node.count)


def _label(relations: Iterable[str], count: int, words: Words) -> str:
    text = ", ".join(map(words.relation, relations))
    return f"{text} × {count:,}" if count > 1 else text


def _above(focus: int, between: dict[tuple[int, int], list[str]]) -> set[int]:
    parents: dict[int, list[int]] = {}
    for parent, child in between:
        parents.setdefault(child, []).append(parent)
    seen, waiting = {focus}, [focus]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen - {focus}
