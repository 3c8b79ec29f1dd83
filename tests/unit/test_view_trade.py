"""Rights as a view: given claims, transfers, grants and citations, then who owns, what is allowed, what is cited."""

from datetime import timedelta
from typing import Any

import pytest
import rfc8785

from domain.capability.events import LicenceTerm, Nature, VersionSigned
from domain.events import Event
from domain.identity.events import AuthorisationCited
from domain.ids import PartyId, RightsGrantId, StreamId, TitleId
from domain.rights.events import (
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    RightsRegistered,
    Root,
)
from domain.rights.grant_events import (
    AllocationKind,
    GrantAccepted,
    GrantApproved,
    GrantDeclined,
    GrantKind,
    GrantRecorded,
    GrantReinstated,
    GrantRevoked,
    ReleaseReason,
    RevocationReason,
    ScopeAllocated,
    ScopeReleased,
    SubscopeAllocated,
    SubscopeReleased,
)
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import Holder
from projections.trade import (
    ALLOCATION,
    CITATION,
    CITED,
    GRANT,
    MODEL_LICENCE,
    OWNER,
    SHARE,
    TITLE,
    TRADE,
    TURN,
)
from schemas.values import microseconds
from tests.governance_kit import NOW
from tests.rights_kit import FILM, FILM_JSON
from tests.view_kit import Tale, digest_of, some

WORK, PAPER = digest_of("a novel"), digest_of("paper")
ANNA, BORIS, CLARA = (PartyId(some(number)) for number in (10, 11, 12))
NOVEL, UPPER, LOWER, THING = some(1), some(2), some(3), some(4)
NAMED = TitleId(NOVEL)
EARLIER = NOW - timedelta(days=9)
NOW_US, EARLIER_US = microseconds(NOW), microseconds(EARLIER)
SCOPE = rfc8785.dumps(FILM_JSON)


def claimed(**shares: int) -> RightsClaimed:
    owners = tuple(
        Holder(party=globals()[name], share_bp=share) for name, share in (shares or {"ANNA": 10_000}).items()
    )
    return RightsClaimed(holder=ANNA, work=WORK, root=Root.OWN_CREATION, owners=owners, statement=PAPER)


def moved(number: int, giver: PartyId, recipient: PartyId, share_bp: int, at: Any = NOW) -> OwnershipTransferred:
    return OwnershipTransferred(
        number=number, giver=giver, recipient=recipient, share_bp=share_bp, contract=PAPER, effective_at=at
    )


def recorded(**changes: Any) -> GrantRecorded:
    fields: dict[str, Any] = {
        "kind": GrantKind.GRANT,
        "title": NAMED,
        "chain": (),
        "grantor": ANNA,
        "grantee": CLARA,
        "scope": terms_of(FILM),
        "allocation": AllocationKind.EXCLUSIVE,
        "quota": None,
        "share_bp": 500,
        "terms": PAPER,
        "approvals": (BORIS,),
    }
    return GrantRecorded(**{**fields, **changes})


def revoked(at: Any = EARLIER) -> GrantRevoked:
    return GrantRevoked(by=ANNA, reason=RevocationReason.BREACH, basis=PAPER, effective_at=at)


@pytest.fixture
def tale() -> Tale:
    return Tale(TRADE)


def shares(tale: Tale, as_of: int | None = None) -> set[tuple[Any, ...]]:
    """Return party, share, from and until of each owner's interval."""
    return {(key[1], *values) for key, values in tale.rows(OWNER, as_of).items()}


# -- titles ------------------------------------------------------------------------------------------------------------


def test_a_claim_is_a_title_with_its_owners(tale: Tale) -> None:
    tale.tell(NOVEL, claimed(ANNA=6_000, BORIS=4_000))
    assert tale.row(TITLE, NOVEL) == {
        "work": WORK, "holder": ANNA, "root": "own_creation", "claimed": 0, "registrations": 0, "contests": 0,
    }  # fmt: skip
    assert shares(tale) == {(ANNA, 6_000, None, None), (BORIS, 4_000, None, None)}
    assert tale.rows(SHARE) == {(NOVEL, ANNA): (0,), (NOVEL, BORIS): (0,)}


def test_a_transfer_ends_intervals_of_the_world_and_begins_others(tale: Tale) -> None:
    tale.tell(NOVEL, claimed(ANNA=6_000, BORIS=4_000))
    tale.tell(NOVEL, moved(1, ANNA, CLARA, 6_000, EARLIER))
    at = tale.tell(NOVEL, moved(2, BORIS, CLARA, 1_000))
    assert shares(tale) == {
        (ANNA, 6_000, None, EARLIER_US),
        (BORIS, 4_000, None, NOW_US),
        (CLARA, 6_000, EARLIER_US, NOW_US),
        (BORIS, 3_000, NOW_US, None),
        (CLARA, 7_000, NOW_US, None),
    }
    assert set(tale.rows(SHARE)) == {(NOVEL, BORIS), (NOVEL, CLARA)}
    assert (CLARA, 6_000, EARLIER_US, None) in shares(tale, as_of=at - 1), "what was known before"
    assert shares(tale, as_of=0) == {(ANNA, 6_000, None, None), (BORIS, 4_000, None, None)}


def test_who_gives_all_away_and_gets_it_back_owns_two_intervals(tale: Tale) -> None:
    tale.tell(NOVEL, claimed(), moved(1, ANNA, BORIS, 10_000, EARLIER), moved(2, BORIS, ANNA, 10_000))
    assert shares(tale) == {
        (ANNA, 10_000, None, EARLIER_US),
        (BORIS, 10_000, EARLIER_US, NOW_US),
        (ANNA, 10_000, NOW_US, None),
    }


def test_contests_are_counted_and_what_was_decided_is_a_turn(tale: Tale) -> None:
    tale.tell(NOVEL, claimed(), *(ClaimContested(number=n, by=BORIS, grounds=PAPER) for n in (1, 2)))
    assert tale.row(TITLE, NOVEL)["contests"] == 2 and tale.rows(TURN) == {}
    ends = {"judgment": PAPER, "effective_at": EARLIER}
    at = tale.tell(NOVEL, ClaimResolved(number=1, outcome=Resolution.UPHELD, **ends))  # type: ignore[arg-type]
    tale.tell(NOVEL, ClaimResolved(number=2, outcome=Resolution.REJECTED, **ends))  # type: ignore[arg-type]
    assert tale.row(TITLE, NOVEL)["contests"] == 0
    assert tale.rows(TURN) == {
        (NOVEL, at): (False, "", EARLIER_US),
        (NOVEL, at + 1): (True, "claim_rejected", EARLIER_US),
    }


def test_registrations_are_counted(tale: Tale) -> None:
    listed = RightsRegistered(register="cn.ccopyright", number="A-1", certificate=PAPER)
    tale.tell(NOVEL, claimed(), listed)
    assert tale.row(TITLE, NOVEL)["registrations"] == 1


# -- grants ------------------------------------------------------------------------------------------------------------


def test_a_grant_says_what_it_allows_and_who_must_sign(tale: Tale) -> None:
    tale.tell(LOWER, recorded(chain=(RightsGrantId(UPPER),), quota=7))
    assert tale.row(GRANT, LOWER) == {
        "kind": "grant", "title": NOVEL, "chain": (str(UPPER),), "grantor": ANNA, "grantee": CLARA, "scope": SCOPE,
        "allocation": "exclusive", "quota": 7, "share_bp": 500, "terms": PAPER, "recorded": 0,
        "unsigned": (str(BORIS),), "accepted": False, "declined_by": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (GrantApproved(owner=BORIS), {"unsigned": ()}),
        (GrantAccepted(), {"accepted": True}),
        (GrantDeclined(by=CLARA), {"declined_by": CLARA}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_each_signature_changes_one_column(tale: Tale, event: Event, changed: dict[str, Any]) -> None:
    tale.tell(UPPER, recorded())
    before = tale.row(GRANT, UPPER)
    at = tale.tell(UPPER, event)
    assert tale.row(GRANT, UPPER) == {**before, **changed}
    assert tale.row(GRANT, UPPER, as_of=at - 1) == before


def test_a_revocation_and_a_reinstatement_are_turns_and_no_status(tale: Tale) -> None:
    at = tale.tell(UPPER, recorded(), revoked())
    before = tale.row(GRANT, UPPER)
    tale.tell(UPPER, GrantReinstated(by=ANNA, basis=None, effective_at=NOW))
    assert tale.rows(TURN) == {(UPPER, at): (True, "breach", EARLIER_US), (UPPER, at + 1): (False, "", NOW_US)}
    assert tale.row(GRANT, UPPER) == before
    assert set(tale.rows(TURN, as_of=at)) == {(UPPER, at)}


def test_an_allocation_stands_while_it_is_promised(tale: Tale) -> None:
    fields: dict[str, Any] = {"kind": AllocationKind.SOLE, "scope": terms_of(FILM), "quota": 3}
    tale.tell(NOVEL, claimed(), ScopeAllocated(child=StreamId(UPPER), **fields))
    at = tale.tell(UPPER, recorded(), SubscopeAllocated(child=StreamId(LOWER), **fields))
    row = ("sole", SCOPE, 3)
    assert tale.rows(ALLOCATION) == {(NOVEL, UPPER): row, (UPPER, LOWER): row}
    tale.tell(UPPER, SubscopeReleased(child=StreamId(LOWER), reason=ReleaseReason.REVOKED))
    tale.tell(NOVEL, ScopeReleased(child=StreamId(UPPER), reason=ReleaseReason.DECLINED))
    assert tale.rows(ALLOCATION) == {} and len(tale.rows(ALLOCATION, as_of=at)) == 2
    tale.tell(NOVEL, ScopeAllocated(child=StreamId(UPPER), **fields))
    assert tale.rows(ALLOCATION) == {(NOVEL, UPPER): row}, "promised again"


@pytest.mark.parametrize(
    ("event", "row", "name"),
    [
        (GrantAccepted(), f"rights_grant {UPPER}", UPPER),
        (ClaimContested(number=1, by=BORIS, grounds=PAPER), f"title {NOVEL}", NOVEL),
        (moved(1, ANNA, BORIS, 1), f"title_share {NOVEL} {ANNA}", NOVEL),
    ],
    ids=["grant", "title", "share"],
)
def test_what_was_never_made_stops_the_view(tale: Tale, event: Event, row: str, name: Any) -> None:
    at = tale.tell(name, event)
    assert tale.poison().index == at
    assert tale.poison().reason == f"LookupError: {row} has no row, though it was made before"


# -- objects and models ------------------------------------------------------------------------------------------------


def cites(*grants: Any, consents: tuple[Any, ...] = ()) -> AuthorisationCited:
    return AuthorisationCited(grants=tuple(map(RightsGrantId, grants)), consents=tuple(map(RightsGrantId, consents)))


def test_a_citation_replaces_the_one_before_and_keeps_what_both_name(tale: Tale) -> None:
    first = tale.tell(THING, cites(UPPER, LOWER, consents=(LOWER,)))
    assert tale.rows(CITATION) == {(THING, UPPER): (False,), (THING, LOWER): (True,)}
    tale.tell(THING, cites(LOWER, some(5), consents=(LOWER,)))
    assert tale.rows(CITATION) == {(THING, LOWER): (True,), (THING, some(5)): (False,)}
    assert tale.rows(CITED) == {(THING,): ((str(LOWER), str(some(5))),)}
    assert set(tale.rows(CITATION, as_of=first)) == {(THING, UPPER), (THING, LOWER)}
    (row,) = tale.made().standing([(CITATION, (THING, LOWER))]).values()
    assert row.valid_from == first, "one row, which stands on"


def test_licences_of_weights_stand_under_the_digest_of_their_file(tale: Tale) -> None:
    weights = (digest_of("a"), digest_of("b"))
    terms = (
        LicenceTerm(component="posterise", licence="Apache-2.0", natures=(Nature.COMMERCIAL, Nature.RESEARCH)),
        LicenceTerm(component="pictures", licence="LicenseRef-academic", natures=(Nature.RESEARCH,)),
    )
    signed = VersionSigned(
        number=1, version="1.0", manifest=PAPER, ml_bom=PAPER, fingerprint=PAPER, interface=PAPER, compatible=True,
        weights=weights, code=None, licences=terms, claimed=(),
    )  # fmt: skip
    tale.tell(THING, signed)
    rows = tale.rows(MODEL_LICENCE)
    assert set(rows) == {(one, THING, 1, place) for one in weights for place in (0, 1)}
    assert rows[weights[1], THING, 1, 1] == ("pictures", "LicenseRef-academic", ("research",))
