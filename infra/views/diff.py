"""What happened between two places of the ledger, and the proof that nothing before them was touched."""

from typing import Any, Final

from domain.errors import Invalid
from infra.bootstrap import Session
from infra.clock import now_us
from infra.store.provision import READER
from infra.tiles.reader import prove_consistency
from infra.views import questions
from infra.views.answers import object_name, place_of
from infra.views.reading import Reader
from infra.views.session import caught_up
from projections.compliance import COMPLIANCE
from projections.ledger import LEDGER

_EVENTS: Final = """
SELECT type, count(*) AS many FROM {entry} WHERE index > %(first)s AND index <= %(at)s GROUP BY type"""


def check_order(session: Session, before: str, after: str) -> None:
    """Check that `after` is not before `before`. Raises: Invalid, NotFound, Unavailable."""
    reader = Reader(session.database.dsn(READER))
    _require_order(reader.resolve(before).position, reader.resolve(after).position)


def _require_order(first: int, last: int) -> None:
    if last < first:
        raise Invalid(f"diff: expected the later place behind index {first}, found {last}")


def between(session: Session, before: str, after: str) -> dict[str, Any]:
    """Return what entries behind `before` up to `after` did: events by type, objects born and moved, the proof.

    Raises: Invalid (`after` is not behind `before`), NotFound, Behind, Unavailable.
    """
    reader, now = caught_up(session), now_us()
    views = (COMPLIANCE, LEDGER)
    with reader.look(COMPLIANCE, before, now) as earlier, reader.looks(views, after, now) as (later, ledger):
        first, last = earlier.as_of.position, later.as_of.position
        _require_order(first, last)
        changed = questions.changed(earlier, later)
        told = {"before": place_of(earlier.as_of), "after": place_of(later.as_of)}
        events = {row.type: row.many for row in ledger.ask(_EVENTS, first=first)}
    return {
        **told,
        "events": dict(sorted(events.items())),
        "born": [object_name(session, one) for one in changed["born"]],
        "moved": [{**one, "object": object_name(session, one["object"])} for one in changed["moved"]],
        "statuses": {name: {"before": a, "after": b} for name, (a, b) in changed["statuses"].items()},
        "proof": prove_consistency(session.home.tlog, first + 1, last + 1),
    }
