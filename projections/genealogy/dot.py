"""A lineage in the DOT language of Graphviz, ancestors above.

An edge leads from parent to child and is labelled with its relation; a found one is dashed. The shape tells the asset
class, the label kind and identifier, a double border the focus.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from projections.genealogy.extract import Extract, Name
from projections.genealogy.model import FOUND

_SHAPES: Final[Mapping[str, str]] = {"static": "box", "computable": "hexagon", "interactive": "ellipse"}


def to_dot(lineage: Extract, name: Name) -> Iterator[str]:
    """Return the graph in pieces."""
    yield 'digraph lineage {\n  rankdir=TB;\n  node [shape=box, fontname="Noto Sans CJK SC, sans-serif"];\n'
    numbers = {node.object_id: number for number, node in enumerate(lineage.nodes)}
    for node in lineage.nodes:
        label = f"{dot_text(node.kind)}\\n{dot_text(name(node.object_id))}"
        shape = _SHAPES.get(node.asset_class, "box")
        border = ", peripheries=2" if node.object_id == lineage.focus.object_id else ""
        yield f'  n{numbers[node.object_id]} [shape={shape}, label="{label}"{border}];\n'
    for edge in lineage.edges:
        style = ", style=dashed" if edge.relation == FOUND else ""
        ends = f"n{numbers[edge.parent]} -> n{numbers[edge.child]}"
        yield f'  {ends} [label="{dot_text(edge.relation)}"{style}];\n'
    yield "}\n"


def dot_text(text: str) -> str:
    """Return the text as it stands inside a quoted label: no escape sequence, no line end and no quote of its own."""
    plain = "".join(character if character.isprintable() else "\ufffd" for character in text)
    # Graphviz reads HTML entities in labels too.
    return plain.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
