"""Objects that cite their grants: whose, on which works, and that a consent is never left out again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import NotFound
from domain.governance.events import PartyKind, Role
from domain.identity.events import AuthorisationCited, WithdrawalReason
from domain.identity.upkeep import RecordDerivation, WithdrawObject
from domain.ids import PartyId, RightsGrantId
from domain.rights.events import Resolution
from domain.rights.grant_events import GrantKind, RevocationReason
from domain.rights.grant_rules import RevokeGrant
from domain.rights.scope import Window
from domain.rights.title_rules import ResolveClaim
from producers.identity import OBJECT
from producers.registry import REGISTRY
from tests.governance_kit import NOW, Town
from tests.machine_kit import overtaken
from tests.rights_kit import FILM
from tests.title_kit import citing, contested, granted, recorded, revoking, titled

FLAT = replace(FILM, sublicence_depth=0)


class Cast:
    """An author with a novel and its title, a studio with a film of it, and an actress."""

    def __init__(self) -> None:
        self.town = Town()
        self.author, self.actress = (self.town.enrol(PartyKind.PERSON, key=True) for _ in range(2))
        self.studio = self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, key=True)
        self.title = titled(self.town, self.author)
        self.novel = self.town.bring(b"a novel", self.author)
        self.film = self.town.bring(b"a film", self.studio, parents=[self.novel])

    def cite(self, *grants: RightsGrantId, who: PartyId | None = None) -> Any:
        return self.town.give(citing(self.film, *grants), who or self.studio)

    def refused(self, *grants: RightsGrantId, who: PartyId | None = None) -> str:
        return self.town.refusal(self.cite(*grants, who=who))

    def grant(self, **changes: Any) -> RightsGrantId:
        return granted(self.town, self.title, self.author, self.studio, **changes)

    def consent(self) -> RightsGrantId:
        """The actress has a title on what she plays, which is in the film itself, and consents."""
        played = titled(self.town, self.actress, work=b"a film")
        return granted(self.town, played, self.actress, self.studio, kind=GrantKind.CONSENT)

    def end(self, grant: RightsGrantId) -> None:
        self.town.give(revoking(self.town, grant), self.author).require()


@pytest.fixture
def cast() -> Cast:
    return Cast()


def test_what_is_cited_replaces_what_was(cast: Cast) -> None:
    first, second = cast.grant(), cast.grant()
    assert cast.town.written(cast.cite(second, first)) == [AuthorisationCited(grants=(first, second), consents=())]
    cast.cite(second).require()
    assert cast.town.load(cast.film, OBJECT).state.cited == (second,)
    size = cast.town.store.size()
    cast.cite(second).require()
    assert cast.town.store.size() == size, "nothing is recorded where nothing changes"


def test_every_stream_above_is_guarded(cast: Cast) -> None:
    agency = cast.town.enrol(PartyKind.ORGANISATION, key=True)
    top = granted(cast.town, cast.title, cast.author, agency)
    low = granted(cast.town, cast.title, agency, cast.studio, chain=(top,), scope=FLAT)
    task = REGISTRY.task(cast.town.request(citing(cast.film, low), cast.studio), cast.town.ledger)
    preview = cast.town.application.preview(task)
    guarded = {guard.stream_id for guard in preview.request.guards}
    assert guarded >= {cast.novel, cast.title, top, low}
    with overtaken(cast.town.store, lambda: cast.end(top)) as came:
        assert f"chain: grant {top} has ended at {NOW.isoformat()}: breach" in cast.refused(low)
    assert came()


def test_it_is_for_the_holder_alone(cast: Cast) -> None:
    grant = cast.grant()
    assert f"holder: expected {cast.studio}, found {cast.author}" in cast.refused(grant, who=cast.author)


def test_a_grant_to_somebody_else_is_not_relied_on(cast: Cast) -> None:
    agency = cast.town.enrol(PartyKind.ORGANISATION, key=True)
    grant = granted(cast.town, cast.title, cast.author, agency)
    assert f"grantee: expected {cast.studio}, found {agency}" in cast.refused(grant)


def test_a_grant_that_does_not_bind_is_not_relied_on(cast: Cast) -> None:
    offered = recorded(cast.town, cast.title, cast.author, cast.studio)
    assert "does not bind yet: expected its acceptance" in cast.refused(offered)
    ended = cast.grant()
    cast.end(ended)
    assert f"chain: grant {ended} has ended at {NOW.isoformat()}: breach" in cast.refused(ended)


def test_a_link_that_has_ended_is_found_below_one_whose_window_is_to_begin(cast: Cast) -> None:
    agency = cast.town.enrol(PartyKind.ORGANISATION, key=True)
    later = Window(NOW + timedelta(days=9), NOW + timedelta(days=99))
    top = granted(cast.town, cast.title, cast.author, agency, scope=replace(FILM, window=later))
    low = granted(cast.town, cast.title, agency, cast.studio, chain=(top,), scope=replace(FLAT, window=later))
    cast.cite(low).require()
    again = granted(cast.town, cast.title, agency, cast.studio, chain=(top,), scope=replace(FLAT, window=later))
    cast.town.give(revoking(cast.town, again), agency).require()
    assert f"grant {again} has ended at {NOW.isoformat()}: breach" in cast.refused(again)


def test_under_a_title_that_has_fallen_nothing_is_relied_on(cast: Cast) -> None:
    grant = cast.grant()
    town, court = cast.town, cast.town.enrol(PartyKind.ORGANISATION, Role.CLERK, key=True)
    contested(town, cast.title, cast.actress)
    claim = ResolveClaim(
        title=cast.title, contest=1, outcome=Resolution.REJECTED, judgment=town.put(b"reasons"), effective_at=NOW
    )
    town.give(claim, court).require()
    assert f"title: claim rejected from {NOW.isoformat()} on" in cast.refused(grant)


def test_a_work_that_is_not_in_it_is_refused_until_it_is_found_there(cast: Cast) -> None:
    town, other = cast.town, titled(cast.town, cast.author, work=b"a song")
    grant = granted(town, other, cast.author, cast.studio)
    assert "neither the object nor one of its parents" in cast.refused(grant)
    song = town.bring(b"a song", cast.author)
    town.give(RecordDerivation(object=cast.film, source=song, evidence=town.put(b"heard"))).require()
    cast.cite(grant).require()


def test_a_consent_that_was_cited_stays_though_it_ended(cast: Cast) -> None:
    consent, grant = cast.consent(), cast.grant()
    assert cast.town.written(cast.cite(consent, grant))[0].consents == (consent,)  # type: ignore[attr-defined]
    taken = RevokeGrant(grant=consent, reason=RevocationReason.CONSENT_WITHDRAWN, effective_at=NOW)
    cast.town.give(taken, cast.actress).require()
    assert f"expected the consent {consent} among them" in cast.refused(grant)
    another = cast.grant()
    cast.cite(consent, another).require()


def test_shares_add_up_to_the_whole_at_most(cast: Cast) -> None:
    half, more = cast.grant(share_bp=5_000), cast.grant(share_bp=5_001)
    assert "share_bp: expected 10000 bp at most in all, found 10001" in cast.refused(half, more)
    cast.cite(half).require()


def test_they_are_named_once_and_by_ascending_identifier(cast: Cast) -> None:
    first, second = cast.grant(), cast.grant()
    for grants in ((second, first), (first, first)):
        command = replace(citing(cast.film, first), grants=grants)
        assert "ascending identifier" in cast.town.refusal(cast.town.give(command, cast.studio))


def test_what_is_no_grant_and_no_object_is_said(cast: Cast) -> None:
    nothing = RightsGrantId(cast.town.new_id())
    assert f"{nothing} is not a grant of this ledger" in cast.refused(nothing)
    unknown = citing(cast.town.new_id(), cast.grant())
    assert "is not an object of this ledger" in cast.town.refusal(cast.town.give(unknown, cast.studio))
    with pytest.raises(NotFound, match="expected a stream of Grant"):
        cast.cite(RightsGrantId(cast.title))


def test_a_withdrawn_object_cites_nothing_more(cast: Cast) -> None:
    grant = cast.grant()
    gone = WithdrawObject(object=cast.film, reason=WithdrawalReason.BY_HOLDER, effective_at=NOW)
    cast.town.give(gone, cast.studio).require()
    assert "the object is withdrawn" in cast.refused(grant)
