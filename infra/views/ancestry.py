"""What follows from a lineage: who is touched, by which ways, from what several come, and where something is used.

Each as a JSON value, as of a place of the ledger. Ways and uses are asked of an index over the lineage alone, as
`infra.views.drawing` lays it; `cut` says that there is more than was looked at.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from domain.errors import Invalid, NotFound
from infra.bootstrap import Session
from infra.clock import now_us
from infra.process import write_durably, writing
from infra.views import questions
from infra.views.answers import object_name, place_of
from infra.views.drawing import genealogy_of
from infra.views.reading import STOOD, Look
from infra.views.session import caught_up
from projections.compliance import COMPLIANCE
from projections.genealogy.graph import COMMON_MAX, SAMPLE
from projections.genealogy.model import committed_to
from projections.genealogy.view import EDGE, FOUND, GENEALOGY, NODE

_KINDS: Final = "SELECT kind AS name, count(*) AS many FROM {node} WHERE object = ANY(%(of)s) GROUP BY kind"
_FIRST: Final = "SELECT object FROM {node} WHERE object = ANY(%(of)s) ORDER BY born LIMIT %(most)s"
_STATUSES: Final = f"""
SELECT status AS name, count(*) AS many FROM {{object}} WHERE object = ANY(%(of)s) AND {STOOD} GROUP BY status"""


def asset_impact(session: Session, object_id: UUID, as_of: str | None, listing: Path | None = None) -> dict[str, Any]:
    """Return who is touched if something happens to an object: everything that comes from it.

    `root` is the RFC 9162 section 2.1.1 tree hash over their UUIDs, 16 bytes each, byte-sorted: whoever holds the list
    can show later that an object was on it. `sample` names the first of them by birth; all of them are written to
    `listing`, an identifier a line, in the order of the leaves.

    Raises: NotFound, no such object as of then; Invalid, Behind, Unavailable.
    """
    with caught_up(session).looks((GENEALOGY, COMPLIANCE), as_of, now_us()) as (look, compliance):
        _known(session, look, [object_id])
        touched = list(questions.descendants(look, object_id))
        told = told_of_touched(session, look, compliance, touched, listing)
        return {
            "id": object_name(session, object_id),
            "count": told.pop("count"),
            "by_kind": _counts(look, _KINDS, touched),
            **told,
            "as_of": place_of(look.as_of),
        }


def told_of_touched(
    session: Session, genealogy: Look, compliance: Look, touched: Sequence[UUID], listing: Path | None
) -> dict[str, Any]:
    """Return of objects how many they are, by status too, the root over them and the first of them by birth.

    All of them are written to `listing`, if that is given. Raises: Unavailable.
    """
    committed = committed_to(one.bytes for one in touched)
    if listing is not None:
        names = (object_name(session, one) for one in sorted(touched, key=lambda one: one.bytes))
        data = "".join(f"{name}\n" for name in names).encode()
        with writing(listing, data):
            write_durably(listing, data)
    return {
        "count": committed.count,
        "by_status": _counts(compliance, _STATUSES, touched),
        "root": committed.root.hex(),
        "sample": _names(session, (row.object for row in genealogy.ask(_FIRST, of=touched, most=SAMPLE))),
    }


def _counts(look: Look, query: str, objects: Sequence[UUID]) -> dict[str, int]:
    """Return how many there are by name, the largest count first."""
    rows = sorted(look.ask(query, of=objects), key=lambda row: (-row.many, row.name))
    return {row.name: row.many for row in rows}


def asset_paths(session: Session, object_id: UUID, ancestor: UUID, as_of: str | None, most: int) -> dict[str, Any]:
    """Return up to `most` ways from an object up to what it comes from, the shortest first; none if it does not.

    Raises: as `asset_impact`, and Invalid if not 1 <= most <= `projections.genealogy.paths.PATHS_MAX`.
    """
    with caught_up(session).look(GENEALOGY, as_of, now_us()) as look:
        _known(session, look, [object_id, ancestor])
        found = questions.lineage(look, object_id, below=False)
        place = place_of(look.as_of)
    known = ancestor in found.above or ancestor == object_id
    ways = genealogy_of(found).paths(object_id, ancestor if known else object_id, most=most)
    return {
        "id": object_name(session, object_id),
        "ancestor": object_name(session, ancestor),
        "paths": [
            [
                {
                    "child": object_name(session, step.child),
                    "parent": object_name(session, step.parent),
                    "relations": list(step.relations),
                }
                for step in way
            ]
            for way in ways.paths
        ],
        "cut": ways.cut or found.cut,
        "as_of": place,
    }


def asset_uses(session: Session, object_id: UUID, as_of: str | None) -> dict[str, Any]:
    """Return where an object is used: what includes it, at any depth, and what was made of it in one step otherwise.

    Raises: as `asset_impact`.
    """
    with caught_up(session).look(GENEALOGY, as_of, now_us()) as look:
        _known(session, look, [object_id])
        found = questions.lineage(look, object_id, above=False)
        place = place_of(look.as_of)
    uses = genealogy_of(found).used_in(object_id)
    return {
        "id": object_name(session, object_id),
        "within": _names(session, uses.within),
        "directly": _names(session, uses.directly),
        "other": {relation: _names(session, members) for relation, members in uses.other},
        "cut": found.cut,
        "as_of": place,
    }


def common_ancestors(session: Session, object_ids: Sequence[UUID], as_of: str | None) -> dict[str, Any]:
    """Return what all of these come from, each counted among its own ancestors; the oldest first.

    `nearest` are those from which no other common one comes; a circle of found edges may leave none.

    Raises: as `asset_impact`, and Invalid if not 2 to COMMON_MAX different objects.
    """
    if not 2 <= len(set(object_ids)) <= COMMON_MAX:
        raise Invalid(f"common ancestors: expected 2 to {COMMON_MAX} objects, found {len(set(object_ids))}")
    with caught_up(session).look(GENEALOGY, as_of, now_us()) as look:
        _known(session, look, object_ids)
        common = list(frozenset.intersection(*(questions.ancestors(look, one) | {one} for one in set(object_ids))))
        above = {row.parent for row in look.rows(EDGE, child=common)}
        above |= {row.source for row in look.rows(FOUND, child=common)}
        ordered = [row.object for row in sorted(look.rows(NODE, object=common), key=lambda row: row.born)]
        return {
            "ids": _names(session, object_ids),
            "every": _names(session, ordered),
            "nearest": _names(session, (one for one in ordered if one not in above)),
            "as_of": place_of(look.as_of),
        }


def _known(session: Session, look: Look, object_ids: Sequence[UUID]) -> None:
    born = {row.object for row in look.rows(NODE, object=object_ids)}
    for one in object_ids:
        if one not in born:
            raise NotFound(f"no object {object_name(session, one)} as of index {look.as_of.position}")


def _names(session: Session, object_ids: Iterable[UUID]) -> list[str]:
    return [object_name(session, one) for one in object_ids]
