"""What people ask of the views: where we stand, what something is made of and used in, what changed between two places.

Every answer carries the position and the instant that it rests on. Completeness is always told with how many there are:
everything that was submitted at the gate, quarantined included; of nothing there is no percentage.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.errors import NotFound
from domain.identity.digital_object import Status
from domain.identity.events import Level
from domain.identity.trace_set import LEVEL_RANK
from infra.views.reading import Look
from projections.compliance import ELEMENTS, HOLD, OBJECT, REVOKED, TRACE_SET
from projections.genealogy.view import EDGE, FOUND, NODE

LINEAGE_NODES_MAX: Final = 20_000
RANK: Final = {Level.NOT_APPLICABLE: 0, **LEVEL_RANK}
_UP: Final = """
WITH RECURSIVE up(object) AS (
    SELECT %(of)s::uuid
    UNION
    SELECT above.parent FROM up, LATERAL (
        SELECT parent FROM {edge} WHERE child = up.object AND born <= %(at)s
        UNION ALL SELECT source FROM {found} WHERE child = up.object AND born <= %(at)s
    ) AS above
) SELECT object FROM up LIMIT %(most)s"""
_DOWN: Final = """
WITH RECURSIVE down(object) AS (
    SELECT %(of)s::uuid
    UNION
    SELECT below.child FROM down, LATERAL (
        SELECT child FROM {edge} WHERE parent = down.object AND born <= %(at)s
        UNION ALL SELECT child FROM {found} WHERE source = down.object AND born <= %(at)s
    ) AS below
) SELECT object FROM down LIMIT %(most)s"""


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
    up = _closure(look, _UP, focus, most + 1) if above else []
    down = _closure(look, _DOWN, focus, most + 1) if below else []
    uppers, lowers = frozenset(up[:most]), frozenset(down[:most])
    every = list({focus, *uppers, *lowers})
    inside = set(every)
    edges = [row for row in look.rows(EDGE, child=every) if row.parent in inside]
    found = [row for row in look.rows(FOUND, child=every) if row.source in inside]
    cut = max(len(up), len(down)) > most
    return Lineage(focus, uppers, lowers, look.rows(NODE, object=every), edges, found, cut)


def ancestors(look: Look, focus: UUID) -> frozenset[UUID]:
    """Return all that an object comes from, declared and found, itself left out even where a cycle leads back."""
    return frozenset(_closure(look, _UP, focus, None))


def descendants(look: Look, focus: UUID) -> frozenset[UUID]:
    """Return all that comes from an object, declared and found, itself left out even where a cycle leads back."""
    return frozenset(_closure(look, _DOWN, focus, None))


def _closure(look: Look, query: str, focus: UUID, most: int | None) -> list[UUID]:
    """Return up to `most` objects, all without it."""
    rows = look.ask(query, of=focus, most=None if most is None else most + 1)
    return [row.object for row in rows if row.object != focus]


def status(look: Look, project: str | None = None) -> dict[str, Any]:
    """Return where the objects stand, by status, class and element; of one project if `project`."""
    objects = look.rows(OBJECT) if project is None else look.rows(OBJECT, project=[project])
    ids = [row.object for row in objects]
    traces = {
        row.object: row for row in (look.rows(TRACE_SET) if project is None else look.rows(TRACE_SET, object=ids))
    }
    cells = {element: Counter[str]() for element in ELEMENTS}
    complete = verified = 0
    for row in objects:
        trace = traces.get(row.object)
        if trace is None:
            continue
        complete += not row.lacking
        verified += _all_verified(trace)
        for element, required, found in zip(ELEMENTS, trace.required, trace.found, strict=True):
            cells[element][_cell(required, found)] += 1
    own, holders = {row.object for row in objects}, {row.holder for row in objects}
    revoked = [row for row in look.rows(REVOKED) if _open(row, look.as_of.instant_us)]
    holds = look.rows(HOLD)
    if project is not None:  # what concerns the production: its own objects, and those who brought them
        revoked = [row for row in revoked if row.source in own]
        holds = [row for row in holds if row.party in holders]
    return {
        "submitted": len(objects),
        "by_status": _counted(row.status for row in objects),
        "by_class": _counted(row.asset_class for row in objects),
        "complete": complete,
        "verified": verified,
        "elements": [{"element": element, **dict(sorted(counts.items()))} for element, counts in cells.items()],
        "lifted": sum(row.lifted for row in objects),
        "revoked": len(revoked),
        "legal_holds": len(holds),
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


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def impaired(genealogy: Look, compliance: Look, focus: UUID) -> list[Any]:
    """Return the rows of `revoked` that hold at the instant asked about, of an object and of all that it comes from.

    Both looks are as of one position. Nothing is written for a descendant, so a later birth is seen too.
    """
    concerned = [focus, *ancestors(genealogy, focus)]
    rows = compliance.rows(REVOKED, source=concerned)
    return [row for row in rows if _open(row, compliance.as_of.instant_us)]


def changed(before: Look, after: Look) -> dict[str, Any]:
    """Return what became of objects between two places of one ledger, `before` the earlier one."""
    then = {row.object: row for row in before.rows(OBJECT)}
    now = {row.object: row for row in after.rows(OBJECT)}
    stood, stand = (Counter(row.status for row in objects.values()) for objects in (then, now))
    moved = [
        {"object": object_id, "from": then[object_id].status, "to": row.status}
        for object_id, row in now.items()
        if object_id in then and then[object_id].status != row.status
    ]
    return {
        "born": [object_id for object_id in now if object_id not in then],
        "moved": moved,
        "statuses": {str(one): (stood[one], stand[one]) for one in Status if one is not Status.UNKNOWN},
    }
