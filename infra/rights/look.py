"""Look at titles and grants as their streams stand now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.errors import NotFound
from domain.ids import PartyId, RightsGrantId, StreamId, TitleId, format_id
from domain.rights.allocation import Live
from domain.rights.grant import Ended, Grant, InForce, Pending, Standing, granted_scope, standing
from domain.rights.scope_json import scope_json
from domain.rights.scope_terms import scope_of
from domain.rights.title import Title
from domain.spelling import instant_text
from infra.bootstrap import Session
from producers.grants import GRANT
from producers.titles import TITLE
from schemas.values import instant_of


def look_at_title(session: Session, title: TitleId) -> dict[str, Any]:
    """Return everything the ledger says of one title, as JSON values. Raises: NotFound."""
    prefix, now = session.config.prefix, instant_of(session.application.clock())
    state = _title(session, title)
    claimed = state.claimed
    if claimed is None:
        raise AssertionError("a title that was found was claimed")
    return {
        "id": format_id("G", title, prefix),
        "holder": format_id("P", claimed.holder, prefix),
        "work": claimed.work.hex(),
        "root": str(claimed.root),
        "statement": claimed.statement.hex(),
        "standing": title_standing_json(state, now),
        "owners": [{"party": format_id("P", one.party, prefix), "share_bp": one.share_bp} for one in state.owners],
        "registrations": [
            {"register": one.register, "number": one.number, "certificate": one.certificate.hex()}
            for one in state.registrations
        ],
        "transfers": [
            {
                "number": one.proposed.number,
                "giver": format_id("P", one.proposed.giver, prefix),
                "recipient": format_id("P", one.proposed.recipient, prefix),
                "share_bp": one.proposed.share_bp,
                "accepted": one.accepted,
                "missing": _parties(_unsigned(state, one), prefix),
            }
            for one in state.transfers
        ],
        "contests": [{"number": one.number, "by": format_id("P", one.by, prefix)} for one in state.contests],
        "allocated": _allocated(session, state.allocated),
    }


def look_at_grant(session: Session, grant: RightsGrantId) -> dict[str, Any]:
    """Return everything the ledger says of one grant, and how each link of its chain stands. Raises: NotFound."""
    prefix, now = session.config.prefix, instant_of(session.application.clock())
    state: Grant = session.load(grant, GRANT).state
    recorded = state.recorded
    if recorded is None:
        raise NotFound(f"{format_id('R', grant, prefix)} is not a grant of this ledger")
    title = _title(session, recorded.title)
    above = [(name, session.load(name, GRANT).state) for name in recorded.chain]
    return {
        "id": format_id("R", grant, prefix),
        "kind": str(recorded.kind),
        "grantor": format_id("P", recorded.grantor, prefix),
        "grantee": format_id("P", recorded.grantee, prefix),
        "allocation": str(recorded.allocation),
        "quota": recorded.quota,
        "share_bp": recorded.share_bp,
        "terms": recorded.terms.hex(),
        "scope": scope_json(granted_scope(state)),
        "standing": standing_json(standing(state, now), prefix),
        "links": [
            {
                "id": format_id("G", recorded.title, prefix),
                "parties": _parties(title.parties(), prefix),
                "standing": title_standing_json(title, now),
            },
            *(_link(name, link, now, prefix) for name, link in [*above, (grant, state)]),
        ],
        "allocated": _allocated(session, state.allocated),
    }


def title_standing_json(title: Title, instant: datetime) -> dict[str, Any]:
    """Return how a title stands at an instant: `in_force`, `contested` or `ended`, as JSON values."""
    fallen = title.fallen(instant)
    if fallen is not None:
        return _standing("ended", since=instant_text(fallen.effective_at), why=fallen.why)
    return _standing("contested" if title.contests else "in_force")


def standing_json(found: Standing, prefix: str) -> dict[str, Any]:
    """Return how a grant stands as JSON values: `pending` with what is missing, `in_force`, or `ended` and why."""
    match found:
        case InForce():
            return _standing("in_force")
        case Ended(since, why):
            return _standing("ended", since=None if since is None else instant_text(since), why=why)
        case Pending(approvals, acceptance, begins):
            missing = [*_parties(approvals, prefix), *(["acceptance"] if acceptance else [])]
            return _standing("pending", since=None if begins is None else instant_text(begins), missing=missing)


def _standing(state: str, *, since: str | None = None, why: str | None = None, missing: Any = ()) -> dict[str, Any]:
    return {"state": state, "since": since, "why": why, "missing": list(missing)}


def _link(name: RightsGrantId, link: Grant, instant: datetime, prefix: str) -> dict[str, Any]:
    if link.recorded is None:
        raise AssertionError("a chain in the ledger has no link that is not recorded")
    return {
        "id": format_id("R", name, prefix),
        "parties": _parties((link.recorded.grantee,), prefix),
        "standing": standing_json(standing(link, instant), prefix),
    }


def _title(session: Session, title: TitleId) -> Title:
    state: Title = session.load(title, TITLE).state
    if state.claimed is None:
        raise NotFound(f"{format_id('G', title, session.config.prefix)} is not a title of this ledger")
    return state


def _unsigned(title: Title, transfer: Any) -> list[PartyId]:
    signed = {transfer.proposed.giver, transfer.proposed.recipient, *transfer.approvals}
    return [owner for owner in title.parties() if owner not in signed]


def _parties(parties: Sequence[PartyId], prefix: str) -> list[str]:
    return [format_id("P", party, prefix) for party in parties]


def _allocated(session: Session, live: Live) -> list[dict[str, Any]]:
    return [
        {
            "child": _child(session, one.child),
            "kind": str(one.kind),
            "quota": one.quota,
            "scope": scope_json(scope_of(one.scope)),
        }
        for one in live
    ]


def _child(session: Session, child: StreamId) -> str:
    """Return the identifier of the grant or the licence to which something is allocated."""
    try:
        session.load(child, GRANT)
    except NotFound:
        return format_id("L", child, session.config.prefix)
    return format_id("R", child, session.config.prefix)
