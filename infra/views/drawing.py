"""A lineage for other programs and other eyes: SVG, DOT, GraphML, PROV-JSON, OpenLineage; as of a place of the ledger.

The rows of the lineage are read once and laid into an index of their own, which is then folded, drawn or exported as
`projections.genealogy` does.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Final
from uuid import UUID

from domain.ids import PartyId, format_id
from infra.bootstrap import Session
from infra.clock import now_us
from infra.views import questions
from infra.views.answers import object_name
from infra.views.reading import Look
from infra.views.session import caught_up
from projections.genealogy.extract import Extract, extract
from projections.genealogy.fold import fold
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge, Node
from projections.genealogy.picture import folded_picture, whole_picture
from projections.genealogy.view import GENEALOGY
from projections.genealogy.words import CHINESE, ENGLISH
from projections.ledger import ENTRY, LEDGER
from schemas.values import instant_of

FACETS: Final = "urn:edgeprint:openlineage-facets:1"


class Form(StrEnum):
    """How a lineage is written."""

    SVG = "svg"
    WHOLE_SVG = "svg-whole"
    DOT = "dot"
    GRAPHML = "graphml"
    PROV = "prov"
    OPENLINEAGE = "openlineage"


def written(session: Session, object_id: UUID, as_of: str | None, form: Form, *, chinese: bool) -> Iterator[bytes]:
    """Return a lineage in a form, piece by piece. Raises: NotFound, Invalid, Behind, Unavailable."""
    with caught_up(session).looks((GENEALOGY, LEDGER), as_of, now_us()) as (look, ledger):
        found = questions.lineage(look, object_id)
        recorded = _instants(ledger, found) if form is Form.OPENLINEAGE else {}
    index = genealogy_of(found)
    name = _names(session, {node.holder for node in found.nodes})
    if form is Form.SVG:
        from projections.genealogy.svg import draw

        yield draw(folded_picture(fold(index, object_id), name, CHINESE if chinese else ENGLISH)).encode()
        return
    taken = extract(index, object_id, most=len(found.nodes))
    for piece in _exported(session, taken, form, name, recorded, chinese=chinese):
        yield piece if isinstance(piece, bytes) else piece.encode()


def genealogy_of(found: questions.Lineage) -> Genealogy:
    """Return the index of a lineage: its nodes and edges in ledger order."""
    parents: dict[UUID, list[Edge]] = {}
    for row in found.edges:
        parents.setdefault(row.child, []).append(Edge(row.child, row.parent, row.relation, row.born))
    told: list[tuple[int, Any]] = [(row.born, row) for row in found.nodes]
    told += [(row.born, Edge(row.child, row.source, FOUND, row.born)) for row in found.found]
    index = Genealogy()
    for _, one in sorted(told, key=lambda pair: pair[0]):
        if isinstance(one, Edge):
            index.found(one)
        else:
            node = Node(one.object, one.born, one.kind, one.asset_class, one.origin, one.holder, one.project)
            index.born(node, parents.get(one.object, ()))
    return index


def _names(session: Session, holders: set[UUID]) -> Callable[[UUID], str]:
    def name(one: UUID) -> str:
        return format_id("P", PartyId(one), session.config.prefix) if one in holders else object_name(session, one)

    return name


def _instants(ledger: Look, found: questions.Lineage) -> dict[int, int]:
    wanted = [row.born for row in (*found.nodes, *found.found)]
    return {row.index: row.recorded_at_us for row in ledger.rows(ENTRY, index=wanted)}


def _exported(
    session: Session,
    taken: Extract,
    form: Form,
    name: Callable[[UUID], str],
    recorded: dict[int, int],
    *,
    chinese: bool,
) -> Iterator[str | bytes]:
    match form:
        case Form.DOT:
            from projections.genealogy.dot import to_dot

            yield from to_dot(taken, name)
        case Form.GRAPHML:
            from projections.genealogy.graphml import to_graphml

            yield from to_graphml(taken, name)
        case Form.PROV:
            from projections.genealogy.prov import to_prov

            yield to_prov(taken, name)
        case Form.OPENLINEAGE:
            from projections.genealogy.openlineage import Source, to_openlineage

            producer = f"urn:edgeprint:{version('edgeprint')}"
            namespace = f"edgeprint://{session.config.origin}"
            instant = lambda index: instant_of(recorded[index])  # noqa: E731
            yield from to_openlineage(taken, name, Source(producer, FACETS, namespace, instant, {}))
        case _:
            from projections.genealogy.svg import draw

            yield draw(whole_picture(taken, name, CHINESE if chinese else ENGLISH))
