"""Commands on titles and grants over a ledger: one append for birth and allocation, and every stream guarded."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import Invalid, NotFound
from domain.events import Sha256
from domain.governance.events import PartyKind, Role
from domain.governance.party import GrantMandate
from domain.identity.events import Level, Origin
from domain.ids import PartyId, RightsGrantId, TitleId, format_id, parse_rights_grant_id
from domain.rights.events import OwnershipTransferred, Resolution
from domain.rights.grant import Grant, InForce, Pending, standing
from domain.rights.grant_events import AllocationKind, GrantRecorded, ScopeAllocated, SubscopeAllocated
from domain.rights.grant_rules import AcceptGrant, ApproveGrant
from domain.rights.title_rules import AcceptTransfer, RegisterRights, ResolveClaim
from producers.grants import GRANT
from producers.identity import OBJECT
from producers.registry import REGISTRY
from producers.titles import TITLE
from tests.governance_kit import LATER, NOW, Town
from tests.machine_kit import overtaken
from tests.rights_kit import FILM
from tests.title_kit import (
    contested,
    granting,
    offered,
    offering,
    recorded,
    revoking,
    titled,
)

FLAT = replace(FILM, sublicence_depth=0)
NO_DOCUMENT = Sha256(bytes(32))


class Cast:
    """Two authors, a studio, an agency, and whoever judges."""

    def __init__(self) -> None:
        self.town = Town()
        self.author = self.town.enrol(PartyKind.PERSON, key=True)
        self.co_author = self.town.enrol(PartyKind.PERSON, key=True)
        self.studio = self.town.enrol(PartyKind.ORGANISATION, key=True)
        self.agency = self.town.enrol(PartyKind.ORGANISATION, key=True)
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.CLERK, key=True)
        self.title = titled(self.town, self.author, self.co_author)

    def accepted(self, grantor: PartyId, grantee: PartyId, **changes: Any) -> RightsGrantId:
        grant = recorded(self.town, self.title, grantor, grantee, **changes)
        self.town.give(AcceptGrant(grant=grant), grantee).require()
        return grant

    def state(self, grant: RightsGrantId) -> Grant:
        state: Grant = self.town.load(grant, GRANT).state
        return state


@pytest.fixture
def cast() -> Cast:
    return Cast()


def test_birth_and_allocation_are_one_append(cast: Cast) -> None:
    outcome = cast.town.give(granting(cast.title, cast.studio), cast.author)
    born, allocated = cast.town.written(outcome)
    assert isinstance(born, GrantRecorded) and isinstance(allocated, ScopeAllocated)
    grant, title = outcome.result(), cast.town.load(cast.title, TITLE).state
    assert allocated.child == grant and [one.child for one in title.allocated] == [grant]
    below = granting(
        cast.title,
        cast.agency,
        chain=(RightsGrantId(grant),),
        scope=FLAT,
    )
    assert "does not bind yet" in cast.town.refusal(cast.town.give(below, cast.studio))
    cast.town.give(AcceptGrant(grant=RightsGrantId(grant)), cast.studio).require()
    _, allocated = cast.town.written(cast.town.give(below, cast.studio))
    assert type(allocated) is SubscopeAllocated and allocated.STREAM == "R"
    assert len(cast.state(RightsGrantId(grant)).allocated) == 1


def test_an_exclusive_grant_binds_when_all_owners_have_signed(cast: Cast) -> None:
    town = cast.town
    grant = recorded(town, cast.title, cast.author, cast.studio, allocation=AllocationKind.EXCLUSIVE)
    town.give(AcceptGrant(grant=grant), cast.studio).require()
    assert standing(cast.state(grant), NOW) == Pending((cast.co_author,))
    assert "expected one of those missing" in town.refusal(town.give(ApproveGrant(grant=grant), cast.author))
    town.give(ApproveGrant(grant=grant), cast.co_author).require()
    assert standing(cast.state(grant), NOW) == InForce()
    again = town.give(granting(cast.title, cast.agency), cast.co_author)
    assert f"overlaps what is allocated exclusive to {grant}" in town.refusal(again)


def test_every_stream_of_the_chain_is_guarded(cast: Cast) -> None:
    grant = cast.accepted(cast.author, cast.studio)
    below = granting(cast.title, cast.agency, chain=(grant,), scope=FLAT)
    preview = cast.town.application.preview(REGISTRY.task(cast.town.request(below, cast.studio), cast.town.ledger))
    read = {guard.stream_id for guard in preview.request.guards}
    written = {write.stream.stream_id for write in preview.decision.writes}
    assert read == {cast.title, cast.studio, cast.agency} and grant in written
    low = RightsGrantId(cast.town.give(below, cast.studio).result())
    accept = cast.town.request(AcceptGrant(grant=low), cast.agency)
    preview = cast.town.application.preview(REGISTRY.task(accept, cast.town.ledger))
    assert {guard.stream_id for guard in preview.request.guards} == {cast.title, grant, cast.agency}


@pytest.mark.parametrize("rival", ["revoked", "contested"])
def test_nothing_is_given_under_what_ends_meanwhile(cast: Cast, rival: str) -> None:
    """Between the reading and the writing of a command the link above is revoked, or its title contested."""
    town = cast.town
    grant = cast.accepted(cast.author, cast.studio)
    rivals: dict[str, Callable[[], object]] = {
        "revoked": lambda: town.give(revoking(town, grant), cast.author).require(),
        "contested": lambda: contested(town, cast.title, cast.clerk),
    }
    below = granting(cast.title, cast.agency, chain=(grant,), scope=FLAT)
    with overtaken(town.store, rivals[rival]) as came:
        outcome = town.give(below, cast.studio)
    assert came()
    assert {"revoked": "has ended", "contested": "is not resolved"}[rival] in town.refusal(outcome)


def test_a_share_is_transferred_by_its_last_signature(cast: Cast) -> None:
    town = cast.town
    title = titled(town, cast.author, work=b"another novel")
    offered(town, title, cast.author, cast.studio)
    events = town.written(town.give(AcceptTransfer(title=title, transfer=1), cast.studio))
    assert isinstance(events[1], OwnershipTransferred)
    assert {one.party: one.share_bp for one in town.load(title, TITLE).state.owners} == {
        cast.author: 9_000,
        cast.studio: 1_000,
    }


def test_a_registration_number_stands_on_one_title(cast: Cast) -> None:
    town, other = cast.town, titled(cast.town, cast.studio, work=b"another novel")
    paper = town.put(b"a certificate")
    register = RegisterRights(title=cast.title, register="cn.ccopyright", number="2026-A-1", certificate=paper)
    town.give(register).require()
    again = RegisterRights(title=other, register="cn.ccopyright", number="2026-A-1", certificate=paper)
    assert "stands on a title already" in town.refusal(town.give(again))
    missing = RegisterRights(title=other, register="cn.ccopyright", number="2026-A-2", certificate=NO_DOCUMENT)
    assert "expected the document" in town.refusal(town.give(missing))


def test_an_agent_gives_and_takes_under_a_mandate(cast: Cast) -> None:
    town, agent = cast.town, cast.town.enrol(PartyKind.AGENT, key=True)
    mandate = GrantMandate(party=agent, actions=("record-grant",), until=LATER)
    town.give(mandate, cast.author).require()
    grant = RightsGrantId(town.give(granting(cast.title, cast.studio), agent, for_whom=cast.author).result())
    born = cast.state(grant).recorded
    assert born is not None and born.grantor == cast.author
    denied = town.give(AcceptGrant(grant=grant), agent, for_whom=cast.studio)
    assert "has no mandate for this" in town.refusal(denied)


def test_a_claim_that_fell_is_no_root_of_title_at_the_gate(cast: Cast) -> None:
    """Own creation rests on a title; a judgment takes it away from the instant on that it says."""
    town, data = cast.town, b"own work"
    titled(town, cast.author, work=data)
    first = town.bring(data, cast.author, origin=Origin.HUMAN_WORK)
    assert _authorisation(town, first) is Level.DECLARED
    other = titled(town, cast.author, work=b"more")
    contested(town, other, cast.studio)
    judgment = ResolveClaim(
        title=other, contest=1, outcome=Resolution.REJECTED, judgment=town.put(b"judgment"), effective_at=NOW
    )
    town.give(judgment, cast.clerk).require()
    assert _authorisation(town, town.bring(b"more", cast.author, origin=Origin.HUMAN_WORK)) is not Level.DECLARED


def _authorisation(town: Town, found: Any) -> Level:
    judged = town.load(found, OBJECT).state.judged
    level: Level = next(cell.found for cell in judged.cells if cell.element == "authorisation")
    return level


def test_a_grant_is_no_title_and_a_title_no_grant(cast: Cast) -> None:
    grant = cast.accepted(cast.author, cast.studio)
    outcome = cast.town.give(granting(TitleId(grant), cast.studio), cast.author)
    assert isinstance(outcome.error, NotFound) and "expected a stream of Title" in str(outcome.error)
    with pytest.raises(NotFound, match="expected a stream of Grant"):
        cast.town.give(AcceptGrant(grant=RightsGrantId(cast.title)), cast.studio)
    unknown = cast.town.give(AcceptGrant(grant=RightsGrantId(cast.town.new_id())), cast.studio)
    assert "is not a grant of this ledger" in cast.town.refusal(unknown)
    assert "is not a title" in cast.town.refusal(
        cast.town.give(offering(TitleId(cast.town.new_id()), cast.studio), cast.author)
    )


def test_the_identifier_of_a_grant_has_its_letter() -> None:
    uuid = Town().new_id()
    assert parse_rights_grant_id(format_id("R", uuid, "10.5072")) == uuid
    with pytest.raises(Invalid, match="expected a RightsGrantId"):
        parse_rights_grant_id(format_id("G", uuid, "10.5072"))
