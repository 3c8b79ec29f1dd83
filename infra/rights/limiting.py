"""What the objects of a licence allow, by what the views say of their derivation: limits and plans of an issue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

import rfc8785

from domain.events import Sha256
from domain.ids import ObjectId
from domain.rights.authorisation import Material, Trouble, Verdict, judge
from domain.rights.authorisation import limits as limits_in
from domain.rights.authorisation_words import Name, told_of
from domain.rights.limits import Derivation, Limit, WhyNot
from domain.rights.plan import make_plan, plan_json
from domain.rights.settlement import Plan
from infra.bootstrap import Session
from infra.clock import now_us
from infra.rights.check import namer
from infra.rights.derivation import VIEWS, derivation_of
from infra.rights.derivation import Derivation as Found
from infra.views.session import caught_up


def derivation_in(session: Session, objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
    """Return what objects allow at an instant, as far as the newest entry that the views have taken in.

    What is known to be wrong anywhere in it is `refusal`, what is not known is `missing`, each in a sentence.

    Raises: NotFound, Behind, Unavailable; Invalid, more objects than a derivation may have, or it makes no plan.
    """
    with caught_up(session).looks(VIEWS, None, now_us()) as looks:
        found = derivation_of(looks, objects, instant)
    return limited(found, currency, session.config.prefix)


def limited(found: Found, currency: str, prefix: str) -> Derivation:
    """Return what a derivation that was read allows; its plans are in that currency. Raises: Invalid, as above."""
    read = {stream for material in found.materials for stream in (*material.nodes, *material.claims)}
    told = Derivation(found.position, rests_on=found.rests_on, read=tuple(sorted(read)))
    limits: list[Limit] = []
    missing: str | None = None
    for material in found.materials:
        name = namer(material, prefix)
        trouble = judge(material).trouble
        if trouble is not None:
            said = told_of(trouble, name)[1]
            if trouble.verdict is Verdict.INVALID:
                return replace(told, refusal=_refusal(trouble, said))
            missing = missing or said
        limits += _limits(material, name)
    if missing is not None:
        return replace(told, limits=tuple(limits), missing=missing)
    plans = (plan_of(found, sold, currency, prefix)[1] for sold in found.of)
    return replace(told, limits=tuple(limits), plans=tuple(Sha256(sha256(one).digest()) for one in plans))


def _refusal(trouble: Trouble, said: str) -> WhyNot:
    failing = trouble.failures[0].component if trouble.failures else None
    return WhyNot(trouble.object, next(iter(trouble.nothing_in), failing), said)


def _limits(material: Material, name: Name) -> list[Limit]:
    found = []
    for limit in limits_in(material):
        if limit.scope is None:
            raise AssertionError(f"a licence of {limit.object} that allows nothing was not told of")
        term = limit.licence
        clause = f"grant {name(limit.link)}" if term is None else f"licence {term.licence} of {term.component}"
        found.append(Limit(limit.object, limit.scope, clause))
    return found


def plan_of(found: Found, sold: ObjectId, currency: str, prefix: str) -> tuple[Plan, bytes]:
    """Return by which plan the proceeds of one of the objects are shared, and its document, RFC 8785.

    Raises: Invalid: no currency, or what it comes from makes no plan: shares of one object above 10,000 bp.
    """
    plan = make_plan(sold, currency, found.plan_nodes(sold), found.plan_edges(sold))
    return plan, rfc8785.dumps(plan_json(plan, prefix))
