"""Titles and grants in a town, each on some step of its way, by commands that their parties sign."""

from typing import Any
from uuid import UUID

from domain.events import Sha256
from domain.identity.citation import CiteGrants
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.events import Root
from domain.rights.grant_events import AllocationKind, GrantKind, RevocationReason
from domain.rights.grant_rules import AcceptGrant, ApproveGrant, RecordGrant, RevokeGrant
from domain.rights.scope import Scope
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import WHOLE_BP, Holder
from domain.rights.title_rules import ClaimRights, ContestClaim, ProposeTransfer
from producers.grants import GRANT
from tests.governance_kit import NOW, Town
from tests.rights_kit import FILM

TERMS = Sha256(b"t" * 32)
GROUNDS = b"reasons, with names"


def shares(*parties: UUID) -> tuple[Holder, ...]:
    """Return these as owners of equal parts, the first with what is left over."""
    each = WHOLE_BP // len(parties)
    first = Holder(party=PartyId(parties[0]), share_bp=WHOLE_BP - each * (len(parties) - 1))
    return (first, *(Holder(party=PartyId(party), share_bp=each) for party in parties[1:]))


def titled(town: Town, owner: UUID, *others: UUID, work: bytes = b"a novel") -> TitleId:
    """Return a title that the owner has claimed for all of them."""
    claim = ClaimRights(
        work=town.put(work), root=Root.OWN_CREATION, statement=town.put(b"signed"), owners=shares(owner, *others)
    )
    return TitleId(town.give(claim, owner).result())


def offering(title: TitleId, recipient: UUID, share_bp: int = 1_000) -> ProposeTransfer:
    """Return the command that offers a share."""
    return ProposeTransfer(
        title=title, recipient=PartyId(recipient), share_bp=share_bp, contract=TERMS, effective_at=NOW
    )


def offered(town: Town, title: TitleId, giver: UUID, recipient: UUID) -> TitleId:
    """Return the title of which a share was offered."""
    town.give(offering(title, recipient), giver).require()
    return title


def contested(town: Town, title: TitleId, by: UUID) -> TitleId:
    """Return the title that somebody contests."""
    town.give(ContestClaim(title=title, grounds=town.put(GROUNDS)), by).require()
    return title


def granting(title: TitleId, grantee: UUID, scope: Scope = FILM, **changes: Any) -> RecordGrant:
    """Return the command that records an ordinary grant."""
    fields: dict[str, Any] = {
        "kind": GrantKind.GRANT,
        "title": title,
        "grantee": PartyId(grantee),
        "scope": terms_of(scope),
        "allocation": AllocationKind.ORDINARY,
        "terms": TERMS,
    }
    return RecordGrant(**{**fields, **changes})


def recorded(town: Town, title: TitleId, grantor: UUID, grantee: UUID, **changes: Any) -> RightsGrantId:
    """Return a grant that nobody has accepted yet."""
    return RightsGrantId(town.give(granting(title, grantee, **changes), grantor).result())


def granted(town: Town, title: TitleId, grantor: UUID, grantee: UUID, **changes: Any) -> RightsGrantId:
    """Return a grant that everybody has signed."""
    grant = recorded(town, title, grantor, grantee, **changes)
    for owner in town.load(grant, GRANT).state.missing:
        town.give(ApproveGrant(grant=grant), owner).require()
    town.give(AcceptGrant(grant=grant), grantee).require()
    return grant


def citing(thing: UUID, *grants: UUID) -> CiteGrants:
    """Return the command by which an object cites these grants and no others."""
    return CiteGrants(object=ObjectId(thing), grants=tuple(RightsGrantId(one) for one in sorted(grants)))


def revoking(town: Town, grant: RightsGrantId) -> RevokeGrant:
    """Return the command that ends a grant."""
    return RevokeGrant(grant=grant, reason=RevocationReason.BREACH, basis=town.put(GROUNDS), effective_at=NOW)


def revoked(town: Town, title: TitleId, grantor: UUID, grantee: UUID) -> RightsGrantId:
    """Return a grant that has ended."""
    grant = recorded(town, title, grantor, grantee)
    town.give(revoking(town, grant), grantor).require()
    return grant
