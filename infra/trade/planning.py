"""The plan by which an object's proceeds would be shared, made of what the views say of its derivation, and kept.

A licence pins its digest when it is issued, and it must be that plan; whoever settles reads the document by it.
"""

from dataclasses import dataclass

from domain.events import Sha256
from domain.ids import ObjectId
from domain.rights.settlement import Plan
from infra.bootstrap import Session
from infra.clock import now_us
from infra.rights.derivation import VIEWS, derivation_of
from infra.rights.limiting import plan_of
from infra.views.reading import AsOf
from infra.views.session import caught_up


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the digest of its document in the blob store, and the place of the ledger that it rests on."""

    plan: Plan
    sha256: Sha256
    as_of: AsOf


def plan_for(session: Session, sold: ObjectId, currency: str) -> Planned:
    """Return the plan of an object as it stands, and keep its document; durable when it returns.

    Raises:
        NotFound: no such object.
        Invalid: no currency, or what it comes from makes no plan: shares of one object above 10,000 bp.
        Unavailable, Behind: views, database or disk.
    """
    with caught_up(session).looks(VIEWS, None, now_us()) as looks:
        found, place = derivation_of(looks, [sold]), looks[0].as_of
    plan, document = plan_of(found, sold, currency, session.config.prefix)
    return Planned(plan, session.blobs.put_bytes(document), place)
