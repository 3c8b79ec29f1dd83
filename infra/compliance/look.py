"""Look at a case as its stream stands: state, what is due at an instant, and the chronology with its articles."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.compliance.events import SightingReported
from domain.compliance.infringement import Deadline, Infringement, Step, chronology, deadlines, due
from domain.compliance.law import Article
from domain.errors import NotFound
from domain.ids import InfringementId, format_id
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.log import time_text
from producers.cases import CASE
from schemas.envelope import read_header


def case_of(session: Session, case: InfringementId) -> tuple[Infringement, SightingReported]:
    """Return a case as it stands, and the sighting with which it began. Raises: NotFound."""
    state: Infringement = session.load(case, CASE).state
    if state.sighting is None:
        raise NotFound(f"{format_id('F', case, session.config.prefix)} is not a case of this ledger")
    return state, state.sighting


def look_at_case(session: Session, case: InfringementId, now: datetime) -> dict[str, Any]:
    """Return everything the ledger says of one case in the clear, and what is due at `now`. Raises: NotFound."""
    prefix = session.config.prefix
    state, seen = case_of(session, case)
    opened = state.opened
    recorded = [read_header(row.entry).recorded_at for row in session.store.streams([case])[case]]

    def party(found: UUID | None) -> str | None:
        return None if found is None else format_id("P", found, prefix)

    respondent = state.counter.respondent if state.counter else opened.respondent if opened else None
    took = state.takedown
    return {
        "id": format_id("F", case, prefix),
        "status": state.status,
        "reporter": party(seen.reporter),
        "objects": [format_id("O", one.object, prefix) for one in seen.objects],
        "platform": party(state.notice.platform if state.notice else seen.platform),
        "claimant": party(opened.claimant if opened else None),
        "respondent": party(respondent),
        "title": None if opened is None else format_id("G", opened.title, prefix),
        "outcome": str(state.outcome) if state.judgments else None,
        "measures": [] if took is None else [str(one) for one in took.measures],
        "measures_from": None if took is None else instant_text(took.taken_at),
        "measures_to": None if state.ended is None else instant_text(state.ended.ended_at),
        "instant": instant_text(now),
        "deadlines": [_deadline(one, one in due(state, now)) for one in deadlines(state)],
        "chronology": [_step(one, at) for one, at in zip(chronology(state), recorded, strict=True)],
    }


def _deadline(one: Deadline, is_due: bool) -> dict[str, Any]:
    return {
        "duty": str(one.duty),
        "since": instant_text(one.since),
        "until": None if one.until is None else instant_text(one.until),
        "due": is_due,
        "article": _article(one.article),
    }


def _step(step: Step, recorded_at: int) -> dict[str, Any]:
    return {
        "number": step.number,
        "step": type(step.event).__name__,
        "recorded_at": time_text(recorded_at),
        "at": None if step.at is None else instant_text(step.at),
        "documents": [document.hex() for document in step.documents],
        "articles": [_article(one) for one in step.articles],
    }


def _article(one: Article) -> dict[str, str]:
    return {"code": one.code, "zh": one.zh, "en": one.en, "says_zh": one.says_zh, "says_en": one.says_en}
