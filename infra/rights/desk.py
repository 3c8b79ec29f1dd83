"""The desk at which licences are written: where the ledger stands, what time it is, who signs tokens and as whom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.ids import ObjectId
from domain.ledger.keys import NoteSigner
from domain.rights.limits import Derivation
from infra.bootstrap import Session
from infra.clock import now_us
from infra.keys.parties import PartyKeys
from producers.authority import PARTY
from schemas.values import instant_of


@dataclass(frozen=True, slots=True)
class Desk:
    """`signer` returns a key in force of the ledger's holder, None where none lies here; it issues the tokens.

    `derive` says what objects allow at an instant by all that they are made of, and their plans in a currency; see
    `producers.host.Host.derivation`.
    """

    size: Callable[[], int]
    now: Callable[[], datetime]
    signer: Callable[[], NoteSigner | None]
    derive: Callable[[Sequence[ObjectId], datetime, str], Derivation]
    origin: str
    prefix: str


def desk_of(session: Session) -> Desk:
    """Return the desk of a home."""
    config = session.config

    def signer() -> NoteSigner | None:
        bound = session.load(config.holder_id, PARTY).state.keys
        return PartyKeys(session.home.keys).among(config.holder_id, config.holder, bound)

    def derive(objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
        from infra.rights.limiting import derivation_in  # the views, which few commands need

        return derivation_in(session, objects, instant, currency)

    return Desk(session.store.size, lambda: instant_of(now_us()), signer, derive, config.origin, config.prefix)
