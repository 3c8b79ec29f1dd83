"""Answers of the views as JSON values, each with the position and the instant that it rests on."""

from typing import Any
from uuid import UUID

from domain.errors import NotFound
from domain.ids import ObjectId, format_id
from infra.bootstrap import Session
from infra.clock import now_us
from infra.log import time_text
from infra.views import questions
from infra.views.reading import AsOf, Look
from infra.views.session import caught_up
from projections.compliance import COMPLIANCE, OBJECT
from projections.genealogy.view import GENEALOGY, NODE
from projections.ledger import ENTRY, LEDGER


def place_of(as_of: AsOf) -> dict[str, Any]:
    """Return position and instant as JSON values."""
    return {"position": as_of.position, "instant": time_text(as_of.instant_us)}


def object_name(session: Session, object_id: UUID) -> str:
    """Return the identifier of an object, as people and other programs know it."""
    return format_id("O", ObjectId(object_id), session.config.prefix)


def asset_state(session: Session, object_id: UUID, as_of: str | None) -> dict[str, Any]:
    """Return where an object stood. Raises: NotFound, no such object as of then; Invalid, Behind, Unavailable."""
    with caught_up(session).looks((COMPLIANCE, GENEALOGY), as_of, now_us()) as (compliance, genealogy):
        rows = compliance.rows(OBJECT, object=[object_id])
        if not rows:
            raise NotFound(f"no object {object_name(session, object_id)} as of index {compliance.as_of.position}")
        (node,) = genealogy.rows(NODE, object=[object_id])
        (row,) = rows
        impaired = questions.impaired(genealogy, compliance, object_id)
        return {
            "id": object_name(session, object_id),
            "status": row.status,
            "clause": row.clause,
            "project": row.project,
            "kind": row.kind,
            "origin": row.origin,
            "lifted": row.lifted,
            "submissions": row.submissions,
            "depth": node.depth,
            "family": object_name(session, node.family),
            "impaired_by": [
                {"source": _cause(session, one), "reason": one.reason, "cause_index": one.cause} for one in impaired
            ],
            "as_of": place_of(compliance.as_of),
        }


def _cause(session: Session, revoked: Any) -> str:
    letter = "O" if revoked.what == "object" else "C"
    return format_id(letter, revoked.source, session.config.prefix)


def asset_history(session: Session, object_id: UUID, as_of: str | None) -> dict[str, Any]:
    """Return the entries of an object's stream. Raises: as `asset_state`."""
    with caught_up(session).look(LEDGER, as_of, now_us()) as look:
        rows = look.rows(ENTRY, stream=[object_id])
        if not rows:
            raise NotFound(f"no object {object_name(session, object_id)} as of index {look.as_of.position}")
        entries = [
            {"index": row.index, "recorded_at": time_text(row.recorded_at_us), "type": row.type, "version": row.version}
            for row in rows
        ]
        return {"id": object_name(session, object_id), "entries": entries, "as_of": place_of(look.as_of)}


def asset_lineage(session: Session, object_id: UUID, as_of: str | None) -> dict[str, Any]:
    """Return what an object comes from and what comes from it. Raises: as `asset_state`."""
    with caught_up(session).looks((GENEALOGY, COMPLIANCE), as_of, now_us()) as (look, compliance):
        found = questions.lineage(look, object_id)
        statuses = _statuses(compliance, found)
        return {
            "id": object_name(session, object_id),
            "above": len(found.above),
            "below": len(found.below),
            "cut": found.cut,
            "nodes": [
                {
                    "id": object_name(session, node.object),
                    "kind": node.kind,
                    "project": node.project,
                    "depth": node.depth,
                    "status": statuses.get(node.object, "unknown"),
                    "born": node.born,
                }
                for node in sorted(found.nodes, key=lambda one: one.born)
            ],
            "edges": [
                {
                    "child": object_name(session, e.child),
                    "parent": object_name(session, e.parent),
                    "relation": e.relation,
                }
                for e in found.edges
            ]
            + [
                {
                    "child": object_name(session, e.child),
                    "parent": object_name(session, e.source),
                    "relation": "found_derivation",
                }
                for e in found.found
            ],
            "as_of": place_of(look.as_of),
        }


def _statuses(compliance: Look, found: questions.Lineage) -> dict[UUID, str]:
    rows = compliance.rows(OBJECT, object=[node.object for node in found.nodes])
    return {row.object: row.status for row in rows}


def compliance_status(session: Session, project: str | None, as_of: str | None) -> dict[str, Any]:
    """Return where a production, or everything, stood. Raises: Invalid, NotFound, Behind, Unavailable."""
    with caught_up(session).look(COMPLIANCE, as_of, now_us()) as look:
        return {"project": project, **questions.status(look, project), "as_of": place_of(look.as_of)}
