"""A lineage as GraphML (http://graphml.graphdrawing.org), for Gephi, yEd, NetworkX and the like.

An edge leads from parent to child, the way things are made; its data say the relation and the ledger index. Characters
that XML 1.0 cannot hold are written as U+FFFD.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from projections.genealogy.extract import Extract, Name

_UNWRITABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NODE_KEYS: Final = (
    ("kind", "string"),
    ("asset_class", "string"),
    ("origin", "string"),
    ("holder", "string"),
    ("project", "string"),
    ("index", "long"),
    ("focus", "boolean"),
)
_EDGE_KEYS: Final = (("relation", "string"), ("index", "long"))


def xml_text(text: str) -> str:
    """Return the text as it stands between tags."""
    return escape(_UNWRITABLE.sub("\ufffd", text))


def xml_attribute(text: str) -> str:
    """Return the text as the value of an attribute, quotes included."""
    return quoteattr(_UNWRITABLE.sub("\ufffd", text))


def to_graphml(lineage: Extract, name: Name) -> Iterator[str]:
    """Return the document in pieces; `name` writes the identifiers of objects and holders."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for target, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
        for key, kind in keys:
            yield f'<key id="{target}-{key}" for="{target}" attr.name="{key}" attr.type="{kind}"/>\n'
    yield '<graph id="lineage" edgedefault="directed">\n'
    for node in lineage.nodes:
        data: dict[str, str | int | None] = {
            "kind": node.kind,
            "asset_class": node.asset_class,
            "origin": node.origin,
            "holder": name(node.holder),
            "project": node.project,
            "index": node.index,
            "focus": "true" if node.object_id == lineage.focus.object_id else None,
        }
        yield f"<node id={xml_attribute(name(node.object_id))}>{_data('node', data)}</node>\n"
    for edge in lineage.edges:
        ends = f"source={xml_attribute(name(edge.parent))} target={xml_attribute(name(edge.child))}"
        yield f"<edge {ends}>{_data('edge', {'relation': edge.relation, 'index': edge.index})}</edge>\n"
    yield "</graph>\n</graphml>\n"


def _data(target: str, values: dict[str, str | int | None]) -> str:
    return "".join(
        f'<data key="{target}-{key}">{xml_text(str(value))}</data>'
        for key, value in values.items()
        if value is not None
    )
