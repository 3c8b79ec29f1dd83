"""The objects that stood as of a place, by what is known of them: a page in the order of their births, and how many.

Asked of the compliance view in SQL, so that a page costs the same among a million objects as among ten.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from domain.errors import Invalid
from domain.ids import PartyId, format_id
from infra.bootstrap import Session
from infra.clock import now_us
from infra.views.answers import object_name, place_of
from infra.views.reading import STOOD
from infra.views.session import caught_up
from projections.compliance import COMPLIANCE

PAGE_MAX: Final = 1_000
_WANTED: Final = f"""
{STOOD}
AND (%(project)s::text IS NULL OR project = %(project)s) AND (%(status)s::text IS NULL OR status = %(status)s)
AND (%(asset_class)s::text IS NULL OR asset_class = %(asset_class)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
AND (%(origin)s::text IS NULL OR origin = %(origin)s) AND (%(holder)s::uuid IS NULL OR holder = %(holder)s)"""
_COUNT: Final = f"SELECT count(*) AS many FROM {{object}} WHERE {_WANTED}"
_PAGE: Final = f"SELECT * FROM {{object}} WHERE {_WANTED} AND born > %(after)s ORDER BY born LIMIT %(most)s"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the objects wanted; None: whatever."""

    project: str | None = None
    status: str | None = None
    asset_class: str | None = None
    kind: str | None = None
    origin: str | None = None
    holder: UUID | None = None


def asset_list(session: Session, wanted: Wanted, as_of: str | None, after: int, most: int) -> dict[str, Any]:
    """Return up to `most` of the objects wanted that were born behind entry `after` (-1: all), and how many there are.

    `next` is the `after` of the following page, null on the last one.

    Raises: Invalid, not 1 <= most <= PAGE_MAX, or no such kind of place; NotFound, Behind, Unavailable.
    """
    if not 1 <= most <= PAGE_MAX:
        raise Invalid(f"objects of one page: expected 1 to {PAGE_MAX}, found {most}")
    given = asdict(wanted)
    with caught_up(session).look(COMPLIANCE, as_of, now_us()) as look:
        ((count,),) = look.ask(_COUNT, **given)
        found = look.ask(_PAGE, after=after, most=most + 1, **given)
        place = place_of(look.as_of)
    page = found[:most]
    return {
        "count": count,
        "assets": [_shown(session, row) for row in page],
        "next": page[-1].born if len(found) > most else None,
        "as_of": place,
    }


def _shown(session: Session, row: Any) -> dict[str, Any]:
    return {
        "id": object_name(session, row.object),
        "status": row.status,
        "class": row.asset_class,
        "kind": row.kind,
        "origin": row.origin,
        "project": row.project,
        "holder": format_id("P", PartyId(row.holder), session.config.prefix),
        "sha256": bytes(row.content).hex(),
        "born": row.born,
    }
