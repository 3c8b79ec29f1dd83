"""Look at one object: its state folded from its stream, its history with indexes, its name from the intake manifest."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from domain.errors import Invalid, NotFound
from domain.governance.policies import TRACE_SET
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.digital_object import DigitalObject, evolve
from domain.identity.events import (
    AlternativeScheme,
    AssetClass,
    Element,
    Measure,
    ObjectIdentified,
    alternative_key,
    content_key,
)
from domain.identity.trace_set import TitleOn, VerifiedBy, parse_policy
from domain.ids import ObjectId, PartyId, format_id, format_representation, parse_object_id
from domain.spelling import HEX32
from infra.bootstrap import Session
from infra.governance.look import look_at_policy
from infra.intake.hashing import hash_opened
from infra.intake.manifest import find_line
from infra.intake.opened import open_file
from infra.intake.refusal import display
from infra.log import time_text
from schemas.codec import Decoded

T = TypeVar("T")
SCHEMES: Final = (AlternativeScheme.EIDR, AlternativeScheme.ISAN, AlternativeScheme.DOI)  # an EIDR is a DOI as well


def look_at_object(session: Session, object_id: ObjectId) -> dict[str, Any]:
    """Return everything the ledger says of one object, as JSON values.

    Its `name` is null where its holder was erased.

    Raises:
        NotFound: no such object in this ledger.
        Unavailable: the database or the vault does not answer.
    """
    rows = session.store.streams([object_id]).get(object_id, [])
    name = format_id("O", object_id, session.config.prefix)
    if not rows or rows[0].type != ObjectIdentified.TYPE:
        raise NotFound(f"{name} is not an object of this ledger")
    decoded = [session.application.codec.decode(row.entry) for row in rows]
    state = DigitalObject()
    for item in decoded:
        state = evolve(state, item.event)  # type: ignore[arg-type]  # the stream's kind was checked by its first event
    birth = state.birth
    if birth is None:
        raise AssertionError(f"stream {object_id} begins with {rows[0].type} and has no birth")
    line = None if birth.submission is None else find_line(session.vault, birth.submission, birth.content.sha256)
    cells = state.judged.cells if state.judged else ()
    return {
        "id": name,
        "status": str(state.status),
        "clause": state.clause or None,
        "hold": birth.hold,
        "lacking": [str(element) for element in state.lacking],
        "name": line["path"] if line else None,
        "holder": format_id("P", birth.holder, session.config.prefix),
        "class": str(birth.asset_class),
        "kind": birth.kind,
        "origin": str(state.judged.origin if state.judged else birth.origin),
        "intake_source": str(state.judged.intake_source if state.judged else birth.intake_source),
        "project": birth.project,
        "media_type": birth.content.media_type,
        "size": birth.content.size,
        "sha256": birth.content.sha256.hex(),
        "sm3": birth.content.sm3.hex(),
        "technical": _technical(birth.technical),
        "parents": [
            {"id": format_id("O", p.object_id, session.config.prefix), "relation": str(p.relation)}
            for p in birth.parents
        ],
        "found_sources": [format_id("O", source, session.config.prefix) for source in state.found_sources],
        "alternative_ids": [{"scheme": str(one.scheme), "text": one.text} for one in state.alternative_ids],
        "fingerprints": [{"scheme": str(one.scheme), "code": one.code} for one in state.fingerprints],
        "representations": [
            {
                "id": format_representation(name, one.content.sha256),
                "purpose": str(one.purpose),
                "media_type": one.content.media_type,
                "size": one.content.size,
                "technical": _technical(one.technical),
            }
            for one in state.representations
        ],
        "governance": _governance(session, birth.asset_class, state),
        "metadata": state.metadata.hex() if state.metadata else None,
        "submissions": state.submissions,
        "trace_set": [
            {
                "element": str(cell.element),
                "found": str(cell.found),
                "required": str(cell.required),
                "evidence": cell.evidence.hex() if cell.evidence else None,
            }
            for cell in cells
        ],
        "history": [_event(row.index, item) for row, item in zip(rows, decoded, strict=True)],
    }


def _governance(session: Session, asset_class: AssetClass, state: DigitalObject) -> dict[str, Any]:
    """Return the row of the matrix in force, and of each thing it asks whether it is there; null: not known here."""
    rule = parse_policy(json.loads(look_at_policy(session, TRACE_SET)["document"])).classes[asset_class]
    found = {cell.element for cell in (state.judged.cells if state.judged else ()) if cell.evidence is not None}
    there: dict[str, bool] = {
        TitleOn.DOI: any(one.scheme is AlternativeScheme.DOI for one in state.alternative_ids),
        TitleOn.MODEL: Element.MODEL in found,
        TitleOn.PARAMETERS: Element.PARAMETERS in found,
        TitleOn.CONTRACT: Element.CONTRACT in found,
        VerifiedBy.FINGERPRINT: bool(state.fingerprints),
    }
    return {
        "place": str(rule.place),
        "title_on": [{"what": str(one), "there": there.get(one)} for one in rule.title_on],
        "verified_by": [{"what": str(one), "there": there.get(one)} for one in rule.verified_by],
    }


def _technical(measures: tuple[Measure, ...]) -> dict[str, int]:
    return {str(measure.quantity): measure.value for measure in measures}


def find_object(session: Session, what: Path, holder: PartyId) -> dict[str, Any]:
    """Return the object that something names: a file, by its bytes; the SHA-256 of such; an identifier, or another's.

    Bytes are asked of `holder`; identifiers, ours or those of other registers (DOI, EIDR, ISAN), are everybody's.

    Raises:
        NotFound: there is no such file, digest or identifier here.
        FileRefused: the file cannot be read.
    """
    text = os.fspath(what)
    if os.path.lexists(what):
        with open_file(what) as opened:
            sha256 = hash_opened(opened)
        return _find_by_key(session, content_key(holder, sha256), f"these bytes (sha256 {sha256.hex()})", what)
    if HEX32.fullmatch(text):
        return _find_by_key(session, content_key(holder, bytes.fromhex(text)), "bytes of this sha256", what)
    ours = _parsed(parse_object_id, text)
    if ours is not None:
        return look_at_object(session, ours)
    for scheme in SCHEMES:
        spelled = _parsed(partial(parse_alternative_id, scheme), text)
        if spelled is not None:
            return _find_by_key(session, alternative_key(scheme, spelled), "objects of this identifier", what)
    raise NotFound(f"{display(what)}: no such file, and no identifier that an object may have")


def _parsed(parse: Callable[[str], T], text: str) -> T | None:
    try:
        return parse(text)
    except Invalid:
        return None


def _find_by_key(session: Session, key: str, named: str, what: Path) -> dict[str, Any]:
    found = session.store.key_holders([key]).get(key)
    if found is None:
        raise NotFound(f"{display(what)}: {named} are not in this ledger")
    return look_at_object(session, ObjectId(found.stream_id))


def _event(index: int, decoded: Decoded) -> dict[str, Any]:
    return {
        "index": index,
        "recorded_at": time_text(decoded.envelope.recorded_at),
        "type": decoded.event.TYPE,
    }
