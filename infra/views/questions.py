"""What people ask of the views: where we stand, what something is made of and used in, what changed between two places.

Every answer carries the position and the instant that it rests on. Completeness is always told with how many there are:
everything that was submitted at the gate, quarantined included; of nothing there is no percentage.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.errors import NotFound
from domain.identity.digital_object import Status
from domain.identity.events import Level
from domain.identity.trace_set import LEVEL_RANK
from infra.views.reading import STOOD, Look
from projections.compliance import ELEMENTS, REVOKED
from projections.genealogy.view import EDGE, FOUND, NODE

LINEAGE_NODES_MAX: Final = 20_000
RANK: Final = {Level.NOT_APPLICABLE: 0, **LEVEL_RANK}
_UP: Final = """
WITH RECURSIVE up(object) AS (
    SELECT unnest(%(of)s::uuid[])
    UNION
    SELECT above.parent FROM up, LATERAL (
        SELECT parent FROM {edge} WHERE child = up.object AND born <= %(at)s
        UNION ALL SELECT source FROM {found} WHERE child = up.object AND born <= %(at)s
    ) AS above
) SELECT object FROM up LIMIT %(most)s"""
_DOWN: Final = """
WITH RECURSIVE down(object) AS (
    SELECT unnest(%(of)s::uuid[])
    UNION
    SELECT below.child FROM down, LATERAL (
        SELECT child FROM {edge} WHERE parent = down.object AND born <= %(at)s
        UNION ALL SELECT child FROM {found} WHERE source = down.object AND born <= %(at)s
    ) AS below
) SELECT object FROM down LIMIT %(most)s"""

_OBJECTS: Final = f"SELECT * FROM {{object}} WHERE {STOOD} AND (%(project)s::text IS NULL OR project = %(project)s)"
_ALIKE: Final = f"""
SELECT o.status, o.asset_class, o.lifted, o.lacking = '{{{{}}}}' AS whole, t.required, t.found, count(*) AS many
FROM ({_OBJECTS}) AS o LEFT JOIN (SELECT * FROM {{trace_set}} WHERE {STOOD}) AS t USING (object)
GROUP BY o.status, o.asset_class, o.lifted, whole, t.required, t.found"""
# of one project: what concerns the production, its own objects and those who brought them
_REVOKED: Final = f"""
SELECT effective_from_us, effective_to_us FROM {{revoked}} AS r WHERE {STOOD}
AND (%(project)s::text IS NULL OR EXISTS (SELECT FROM ({_OBJECTS}) AS o WHERE o.object = r.source))"""
_HOLDS: Final = f"""
SELECT count(*) AS many FROM {{legal_hold}} WHERE {STOOD}
AND (%(project)s::text IS NULL OR party IN (SELECT holder FROM ({_OBJECTS}) AS o))"""
_STATUSES: Final = f"SELECT status, count(*) AS many FROM {{object}} WHERE {STOOD} GROUP BY status"
_BORN: Final = f"SELECT object FROM {{object}} WHERE {STOOD} AND born > %(before)s ORDER BY object"
_MOVED: Final = f"""
SELECT now.object, earlier.status AS stood, now.status AS stands
FROM (SELECT * FROM {{object}} WHERE {STOOD} AND valid_from > %(before)s) AS now JOIN {{object}} AS earlier
ON earlier.object = now.object AND earlier.valid_from <= %(before)s AND earlier.valid_to > %(before)s
WHERE earlier.status <> now.status ORDER BY now.object"""


@dataclass(frozen=True, slots=True)
class Lineage:
    """An object with all it comes from and all that comes from it, as of a position; `cut` where there was more."""

    focus: UUID
    above: frozenset[UUID]
    below: frozenset[UUID]
    nodes: Sequence[Any]
    edges: Sequence[Any]
    found: Sequence[Any]
    cut: bool


def lineage(
    look: Look, focus: UUID, most: int = LINEAGE_NODES_MAX, *, above: bool = True, below: bool = True
) -> Lineage:
    """Return the lineage of an object, both ways or one. Raises: NotFound, no such object as of then."""
    if not look.rows(NODE, object=[focus]):
        raise NotFound(f"no object {focus} as of index {look.as_of.position}")
    up = _others(focus, upward(look, [focus], most + 2)) if above else []
    down = _others(focus, downward(look, [focus], most + 2)) if below else []
    uppers, lowers = frozenset(up[:most]), frozenset(down[:most])
    every = list({focus, *uppers, *lowers})
    inside = set(every)
    edges = [row for row in look.rows(EDGE, child=every) if row.parent in inside]
    found = [row for row in look.rows(FOUND, child=every) if row.source in inside]
    cut = max(len(up), len(down)) > most
    return Lineage(focus, uppers, lowers, look.rows(NODE, object=every), edges, found, cut)


def upward(look: Look, objects: Sequence[UUID], most: int | None = None) -> list[UUID]:
    """Return objects with all that they come from, declared and found, each once; `most` at the most."""
    return [row.object for row in look.ask(_UP, of=list(objects), most=most)]


def downward(look: Look, objects: Sequence[UUID], most: int | None = None) -> list[UUID]:
    """Return objects with all that comes from them, declared and found, each once; `most` at the most."""
    return [row.object for row in look.ask(_DOWN, of=list(objects), most=most)]


def ancestors(look: Look, focus: UUID) -> frozenset[UUID]:
    """Return all that an object comes from, declared and found, itself left out even where a cycle leads back."""
    return frozenset(_others(focus, upward(look, [focus])))


def descendants(look: Look, focus: UUID) -> frozenset[UUID]:
    """Return all that comes from an object, declared and found, itself left out even where a cycle leads back."""
    return frozenset(_others(focus, downward(look, [focus])))


def _others(focus: UUID, objects: Sequence[UUID]) -> list[UUID]:
    return [one for one in objects if one != focus]


def status(look: Look, project: str | None = None) -> dict[str, Any]:
    """Return where the objects stand, by status, class and element; of one project if `project`.

    Counted by the database: objects that are alike in all that is counted are one row here, hundreds among millions.
    """
    by_status, by_class = Counter[str](), Counter[str]()
    cells = {element: Counter[str]() for element in ELEMENTS}
    complete = verified = lifted = 0
    for row in look.ask(_ALIKE, project=project):
        by_status[row.status] += row.many
        by_class[row.asset_class] += row.many
        lifted += row.many * row.lifted
        if row.required is None:
            continue
        complete += row.many * row.whole
        verified += row.many * _all_verified(row)
        for element, required, found in zip(ELEMENTS, row.required, row.found, strict=True):
            cells[element][_cell(required, found)] += row.many
    return {
        "submitted": by_status.total(),
        "by_status": dict(sorted(by_status.items())),
        "by_class": dict(sorted(by_class.items())),
        "complete": complete,
        "verified": verified,
        "elements": [{"element": element, **dict(sorted(counts.items()))} for element, counts in cells.items()],
        "lifted": lifted,
        "revoked": sum(_open(row, look.as_of.instant_us) for row in look.ask(_REVOKED, project=project)),
        "legal_holds": look.ask(_HOLDS, project=project)[0].many,
    }


def _all_verified(trace: Any) -> bool:
    levels = [found for required, found in zip(trace.required, trace.found, strict=True) if RANK[Level(required)]]
    return bool(levels) and all(level == Level.VERIFIED for level in levels)


def _cell(required: str, found: str) -> str:
    if not RANK[Level(required)]:
        return "not_asked"
    return found if found == Level.MISSING or RANK[Level(found)] >= RANK[Level(required)] else "too_low"


def _open(row: Any, instant_us: int) -> bool:
    return row.effective_from_us <= instant_us and (row.effective_to_us is None or instant_us < row.effective_to_us)


def impaired(genealogy: Look, compliance: Look, focus: UUID) -> list[Any]:
    """Return the rows of `revoked` that hold at the instant asked about, of an object and of all that it comes from.

    Both looks are as of one position. Nothing is written for a descendant, so a later birth is seen too.
    """
    concerned = [focus, *ancestors(genealogy, focus)]
    rows = compliance.rows(REVOKED, source=concerned)
    return [row for row in rows if _open(row, compliance.as_of.instant_us)]


def changed(before: Look, after: Look) -> dict[str, Any]:
    """Return what became of objects between two places of one ledger, `before` the earlier one."""
    known = before.as_of.position
    moved = [{"object": row.object, "from": row.stood, "to": row.stands} for row in after.ask(_MOVED, before=known)]
    stood, stand = ({row.status: row.many for row in look.ask(_STATUSES)} for look in (before, after))
    return {
        "born": [row.object for row in after.ask(_BORN, before=known)],
        "moved": moved,
        "statuses": {str(one): (stood.get(one, 0), stand.get(one, 0)) for one in Status if one is not Status.UNKNOWN},
    }
