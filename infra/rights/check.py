"""What the command line says of an object's rights, and of what rests on a grant or a title, as JSON values."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from domain.errors import NotFound
from domain.ids import ObjectId, RightsGrantId, TitleId, format_id
from domain.rights.authorisation import Claim, Link, Material, Node, Trouble, troubles
from domain.rights.authorisation_words import Name, told_of
from domain.rights.scope import Scope
from domain.rights.scope_json import scope_json
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.clock import now_us
from infra.rights.derivation import VIEWS, derivation_of
from infra.rights.look import standing_json
from infra.views import questions
from infra.views.answers import place_of
from infra.views.reading import STOOD, AsOf, Look
from infra.views.session import caught_up
from projections.trade import GRANT, TITLE
from schemas.values import microseconds

_CITING: Final = f"SELECT DISTINCT object FROM {{citation}} WHERE grant_id = ANY(%(grants)s) AND {STOOD}"
_HOLDING: Final = f"SELECT object FROM {{object}} WHERE content = %(work)s AND {STOOD}"


def rights_check(
    session: Session, object_id: UUID, wanted: Scope | None, instant: datetime | None, as_of: str | None
) -> dict[str, Any]:
    """Return whether an object may be used so, and the derivation with what stands at each step.

    Raises: NotFound, no such object as of then; Invalid, Behind, Unavailable.
    """
    prefix = session.config.prefix
    with caught_up(session).looks(VIEWS, as_of, now_us()) as looks:
        found = derivation_of(looks, [object_id], instant)
        (material,) = found.materials
        answer = found.answer(wanted)
        name = namer(material, prefix)
        at_us = microseconds(found.instant)
        return {
            "id": name(object_id),
            "verdict": str(answer.verdict),
            "because": None if answer.trouble is None else _trouble(answer.trouble, name),
            "wanted": None if wanted is None else scope_json(wanted),
            "scope": None if answer.scope is None else scope_json(answer.scope),
            "objects": [_node(material, node, name, prefix) for node in material.walk()],
            "rests_on": [name(one) for one in found.rests_on],
            "as_of": place_of(AsOf(found.position, at_us)),
        }


def namer(material: Material, prefix: str) -> Name:
    """Return what names an object, a grant or a title of the material as it is known outside."""

    def name(one: UUID | None) -> str:
        if one is None:
            return ""
        letter = "O" if one in material.nodes else "G" if one in material.claims else "R"
        return format_id(letter, one, prefix)

    return name


def _node(material: Material, node: Node, name: Name, prefix: str) -> dict[str, Any]:
    said = [_trouble(one, name) for one in troubles(material, node)]
    sources = [(one, "declared") for one in dict.fromkeys(node.declared)]
    sources += [(one, "found") for one in node.found if one not in node.declared]
    links = (material.links.get(one) for one in node.cited)
    return {
        "id": name(node.object),
        "holder": format_id("P", node.holder, prefix),
        "titles": [_title(one, prefix) for one in material.standing_on(node)],
        "cited": [_cited(material, link, name, prefix) for link in links if link is not None],
        "licences": [f"{one.component}: {one.licence}" for one in node.licences],
        "sources": [{"id": name(one), "edge": edge} for one, edge in sources],
        "troubles": said,
    }


def _title(claim: Claim, prefix: str) -> dict[str, Any]:
    return {
        "id": format_id("G", claim.title, prefix),
        "owners": [{"party": format_id("P", one.party, prefix), "share_bp": one.share_bp} for one in claim.owners],
        "contested": claim.contested,
    }


def _cited(material: Material, link: Link, name: Name, prefix: str) -> dict[str, Any]:
    chain = [material.links[one] for one in (*link.chain, link.grant) if one in material.links]
    return {
        "id": name(link.grant),
        "kind": str(link.kind),
        "title": name(link.title),
        "share_bp": link.share_bp,
        "scope": scope_json(link.scope),
        "links": [{"id": name(one.grant), "standing": standing_json(one.standing, prefix)} for one in chain],
    }


def _trouble(trouble: Trouble, name: Name) -> dict[str, Any]:
    zh, en = told_of(trouble, name)
    first = trouble.failures[0].component if trouble.failures else next(iter(trouble.nothing_in), None)
    return {
        "object": name(trouble.object),
        "cause": str(trouble.cause),
        "link": None if trouble.link is None else name(trouble.link),
        "source": None if trouble.source is None else name(trouble.source),
        "licence": None if trouble.licence is None else f"{trouble.licence.component}: {trouble.licence.licence}",
        "component": None if first is None else str(first),
        "failures": [
            {"component": str(one.component), "granted": one.outer, "asked": one.inner, "beyond": one.beyond}
            for one in trouble.failures
        ],
        "since": None if trouble.since is None else instant_text(trouble.since),
        "why": trouble.why or None,
        "zh": zh,
        "en": en,
    }


# -- impact ------------------------------------------------------------------------------------------------------------


def rights_impact(
    session: Session, cause: RightsGrantId | TitleId, letter: str, as_of: str | None, listing: Path | None = None
) -> dict[str, Any]:
    """Return which objects rest on a grant (letter `R`) or a title (`G`): those that cite it, and all made of them.

    On a grant also rests what cites a grant below it; on a title, what cites any grant of it and what has its content.
    `root` and `listing` are as in `infra.views.ancestry.asset_impact`.

    Raises: NotFound, no such grant or title as of then; Invalid, Behind, Unavailable.
    """
    from infra.views.ancestry import told_of_touched  # brings numpy along, for which a check would wait as well

    prefix = session.config.prefix
    with caught_up(session).looks(VIEWS, as_of, now_us()) as (genealogy, compliance, trade):
        direct = _directly(compliance, trade, cause, letter, prefix)
        return {
            "id": format_id(letter, cause, prefix),
            "directly": len(direct),
            **told_of_touched(session, genealogy, compliance, questions.downward(genealogy, direct), listing),
            "as_of": place_of(genealogy.as_of),
        }


def _directly(compliance: Look, trade: Look, cause: UUID, letter: str, prefix: str) -> Sequence[UUID]:
    """Return the objects that rest on a grant or a title themselves."""
    found = trade.rows(GRANT, grant_id=[cause]) if letter == "R" else trade.rows(TITLE, title=[cause])
    if not found:
        raise NotFound(f"{format_id(letter, cause, prefix)} stands nowhere as of index {trade.as_of.position}")
    title = found[0].title
    of_title = trade.rows(GRANT, title=[title])
    grants = [one.grant_id for one in of_title if letter == "G" or str(cause) in one.chain or one.grant_id == cause]
    objects = {row.object for row in trade.ask(_CITING, grants=grants)}
    if letter == "G":
        objects |= {row.object for row in compliance.ask(_HOLDING, work=bytes(found[0].work))}
    return sorted(objects)


def _name(object_id: UUID, prefix: str) -> str:
    return format_id("O", ObjectId(object_id), prefix)
