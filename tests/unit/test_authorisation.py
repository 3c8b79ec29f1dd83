"""May this be done with it: each cause of `invalid` and of `incomplete`, the clause that says no, what flows back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.capability.events import LicenceTerm, Nature
from domain.events import Sha256
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.authorisation import (
    Answer,
    Cause,
    Claim,
    Link,
    Material,
    Node,
    Verdict,
    effective_scope,
    holders,
    judge,
    shares,
    why_not,
)
from domain.rights.authorisation_words import CAUSES, told_of
from domain.rights.codes import languages, territory
from domain.rights.grant import Ended, InForce, Pending, Standing
from domain.rights.grant_events import GrantKind
from domain.rights.scope import Component, Scope, Window
from domain.rights.settlement import Holder
from domain.rights.title import WHOLE
from domain.rights.turns import Turn
from infra.rights.derivation import Derivation
from tests.rights_kit import FILM, met
from tests.view_kit import digest_of, some

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
AUTHOR, STUDIO, LAB, ACTRESS = (PartyId(some(number)) for number in range(1, 5))
NOVEL, FILMED, STILL, MODEL, PICTURES = (ObjectId(some(number)) for number in range(11, 16))
WANTED = replace(FILM, sublicence_depth=0)
RESEARCH = replace(FILM, natures=frozenset({Nature.RESEARCH}))


def title(number: int) -> TitleId:
    return TitleId(some(100 + number))


def grant(number: int) -> RightsGrantId:
    return RightsGrantId(some(200 + number))


class World:
    """A derivation as a test tells it: the studio filmed the author's novel under grant 1; calls add or replace."""

    def __init__(self) -> None:
        self.nodes: dict[ObjectId, Node] = {}
        self.claims: dict[TitleId, Claim] = {}
        self.links: dict[RightsGrantId, Link] = {}
        self.node(NOVEL, AUTHOR)
        self.claim(1, NOVEL, AUTHOR)
        self.link(1, title(1), STUDIO)
        self.node(FILMED, STUDIO, declared=(NOVEL,), cited=(grant(1),))

    def node(self, name: ObjectId, holder: PartyId, **changes: Any) -> Node:
        born = len(self.nodes)
        node = Node(object=name, holder=holder, born=born, content=work(name), **changes)
        self.nodes[name] = node
        return node

    def claim(self, number: int, of: ObjectId, *owners: PartyId, **changes: Any) -> None:
        owned = tuple(Holder(party=one, share_bp=10_000 // len(owners)) for one in owners)
        self.claims[title(number)] = Claim(title(number), work(of), owned, **changes)

    def link(self, number: int, root: TitleId, grantee: PartyId, scope: Scope = FILM, **changes: Any) -> None:
        fields: dict[str, Any] = {"kind": GrantKind.GRANT, "chain": (), "share_bp": None, "standing": InForce()}
        self.links[grant(number)] = Link(
            grant=grant(number), title=root, grantee=grantee, scope=scope, **{**fields, **changes}
        )

    def change(self, name: ObjectId, **changes: Any) -> None:
        self.nodes[name] = replace(self.nodes[name], **changes)

    def of(self, focus: ObjectId = FILMED) -> Material:
        return Material(focus, self.nodes, self.claims, self.links)

    def says(self, wanted: Scope | None = WANTED, focus: ObjectId = FILMED) -> tuple[Any, ...]:
        """Return verdict, cause, object and link."""
        found = judge(self.of(focus), wanted)
        one = found.trouble
        return (found.verdict, *((None,) * 3 if one is None else (one.cause, one.object, one.link)))


def work(name: ObjectId) -> Sha256:
    return digest_of(f"content of {name}")


@pytest.fixture
def world() -> World:
    return World()


# -- valid -------------------------------------------------------------------------------------------------------------


def test_a_film_under_a_grant_is_valid_within_it(world: World) -> None:
    found = judge(world.of(), WANTED)
    assert (found.verdict, found.trouble, found.scope) == (Verdict.VALID, None, FILM)
    assert judge(world.of(NOVEL), WHOLE).verdict is Verdict.VALID, "an owner may do everything"


def test_who_owns_a_part_of_the_title_needs_no_grant(world: World) -> None:
    world.claim(1, NOVEL, AUTHOR, STUDIO)
    world.change(FILMED, cited=())
    assert judge(world.of(), WHOLE).verdict is Verdict.VALID


def test_what_nobody_claims_is_a_step_of_ones_own(world: World) -> None:
    world.node(STILL, STUDIO, declared=(FILMED,))
    assert judge(world.of(STILL), WANTED).scope == FILM
    world.change(STILL, holder=LAB)
    assert world.says(focus=STILL)[:3] == (Verdict.INCOMPLETE, Cause.NO_TITLE, STILL)


def test_whoever_brings_a_work_under_a_grant_of_it_may_use_it(world: World) -> None:
    world.change(NOVEL, holder=STUDIO, cited=(grant(1),))
    assert world.says(focus=NOVEL)[0] is Verdict.VALID
    assert world.says()[0] is Verdict.VALID, "and the film's grant is rooted where the parent's is"


def test_a_window_that_is_yet_to_begin_limits_and_does_not_end(world: World) -> None:
    later = replace(FILM, window=Window(NOW + timedelta(days=9), NOW + timedelta(days=99)))
    world.link(1, title(1), STUDIO, later, standing=Pending(begins=later.window.since))
    assert world.says(later)[0] is Verdict.VALID
    assert judge(world.of(), WANTED).trouble.failures[0].component is Component.WINDOW  # type: ignore[union-attr]


def test_several_objects_may_be_used_for_what_all_of_them_allow(world: World) -> None:
    chinese, other = replace(FILM, languages=languages("zh", "en")), replace(FILM, languages=languages("fr"))
    for number, (name, scope) in enumerate([(STILL, chinese), (MODEL, other)], 2):
        world.node(name, STUDIO, declared=(NOVEL,), cited=(grant(number),))
        world.link(number, title(1), STUDIO, scope)

    def several(*names: ObjectId) -> Derivation:
        return Derivation(0, NOW, names, tuple(world.of(name) for name in names))

    assert several(FILMED, STILL).answer() == Answer(Verdict.VALID, None, met(FILM, chinese))
    assert several(STILL, MODEL).answer() == Answer(Verdict.VALID, None, None), "nothing that both allow"
    for names in ((FILMED, STILL), (STILL, FILMED)):
        refused = several(*names).answer(WANTED)
        assert refused == judge(world.of(STILL), WANTED) and refused.verdict is Verdict.INVALID


# -- invalid -----------------------------------------------------------------------------------------------------------


def test_without_a_grant_a_step_does_not_stand(world: World) -> None:
    world.change(FILMED, cited=())
    found = judge(world.of(), WANTED).trouble
    assert found is not None and (found.cause, found.source, found.link) == (Cause.NO_GRANT, NOVEL, title(1))


def test_a_grant_of_another_work_is_none(world: World) -> None:
    world.claim(2, PICTURES, AUTHOR)
    world.link(1, title(2), STUDIO)
    assert world.says()[:2] == (Verdict.INVALID, Cause.NO_GRANT)


@pytest.mark.parametrize("why", ["breach", "window_passed", "declined"])
def test_a_link_above_that_has_ended_ends_it(world: World, why: str) -> None:
    world.link(2, title(1), LAB, standing=Ended(NOW, why))
    world.link(1, title(1), STUDIO, chain=(grant(2),))
    assert world.says() == (Verdict.INVALID, Cause.GRANT_ENDED, FILMED, grant(2))


def test_a_claim_that_was_rejected_takes_everything_with_it(world: World) -> None:
    world.claim(1, NOVEL, AUTHOR, fallen=Turn(NOW, True, "claim_rejected"))
    assert world.says() == (Verdict.INVALID, Cause.CLAIM_REJECTED, FILMED, title(1))
    assert world.says(focus=NOVEL) == (Verdict.INVALID, Cause.CLAIM_REJECTED, NOVEL, title(1))


def test_somebody_elses_work_without_a_grant_is_invalid(world: World) -> None:
    world.node(PICTURES, LAB)
    world.claim(2, PICTURES, ACTRESS)
    assert world.says(focus=PICTURES) == (Verdict.INVALID, Cause.NOT_OWNED, PICTURES, title(2))


def test_commercial_is_refused_by_the_one_ancestor_and_its_clause(world: World) -> None:
    """A still of the film, made with a model that was trained on pictures for research."""
    world.node(PICTURES, ACTRESS)
    world.claim(2, PICTURES, ACTRESS)
    world.link(2, title(2), LAB, RESEARCH)
    world.node(MODEL, LAB, declared=(PICTURES,), cited=(grant(2),))
    world.claim(3, MODEL, LAB)
    world.link(3, title(3), STUDIO, WHOLE)
    world.node(STILL, STUDIO, declared=(FILMED, MODEL), cited=(grant(3),))
    assert world.says(focus=STILL) == (Verdict.INVALID, Cause.SCOPE, MODEL, grant(2))
    found = why_not(world.of(STILL), WANTED)
    assert found is not None and [one.component for one in found.failures] == [Component.NATURES]
    zh, en = told_of(found, str)
    assert "granted research; asked commercial; beyond: commercial" in en and "授予科研；请求商业" in zh
    nothing = judge(world.of(STILL))
    assert nothing.scope is None and nothing.trouble is not None
    assert (nothing.trouble.cause, nothing.trouble.nothing_in) == (Cause.NOTHING_LEFT, (Component.NATURES,))
    assert judge(world.of(MODEL), RESEARCH).trouble is None


def test_of_a_chain_the_topmost_link_that_is_too_narrow_is_named(world: World) -> None:
    world.link(2, title(1), LAB, replace(FILM, sublicence_depth=3))
    world.link(3, title(1), LAB, RESEARCH, chain=(grant(2),))
    world.link(1, title(1), STUDIO, RESEARCH, chain=(grant(2), grant(3)))
    assert world.says() == (Verdict.INVALID, Cause.SCOPE, FILMED, grant(3))


def test_a_models_licence_limits_what_is_made_with_it(world: World) -> None:
    academic = LicenceTerm(component="weights", licence="LicenseRef-academic", natures=(Nature.RESEARCH,))
    world.node(MODEL, STUDIO, licences=(academic,))
    world.claim(2, MODEL, STUDIO)
    world.node(STILL, STUDIO, declared=(MODEL,))
    found = judge(world.of(STILL), WANTED).trouble
    assert found is not None and (found.cause, found.object, found.licence) == (Cause.SCOPE, MODEL, academic)
    assert "licence weights LicenseRef-academic" in told_of(found, str)[1]
    world.change(MODEL, licences=(replace(academic, natures=()),))
    assert world.says(focus=STILL)[:2] == (Verdict.INVALID, Cause.NOTHING_LEFT)
    assert judge(world.of(STILL)).scope is None


def test_a_consent_taken_back_reaches_every_derivative(world: World) -> None:
    world.claim(2, FILMED, STUDIO)
    world.claim(3, FILMED, ACTRESS)
    world.link(2, title(3), STUDIO, kind=GrantKind.CONSENT)
    world.change(FILMED, cited=(grant(1), grant(2)))
    world.node(STILL, STUDIO, declared=(FILMED,))
    assert world.says(focus=STILL)[0] is Verdict.VALID
    world.link(2, title(3), STUDIO, kind=GrantKind.CONSENT, standing=Ended(NOW, "consent_withdrawn"))
    assert world.says(focus=STILL) == (Verdict.INVALID, Cause.GRANT_ENDED, FILMED, grant(2))


# -- incomplete --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("standing", [Pending(approvals=(AUTHOR,)), Pending(acceptance=True)])
def test_a_signature_that_is_missing_decides_nothing(world: World, standing: Standing) -> None:
    world.link(1, title(1), STUDIO, standing=standing)
    assert world.says() == (Verdict.INCOMPLETE, Cause.UNSIGNED, FILMED, grant(1))


def test_a_contested_title_decides_nothing(world: World) -> None:
    world.claim(1, NOVEL, AUTHOR, contested=True)
    assert world.says() == (Verdict.INCOMPLETE, Cause.CONTESTED, FILMED, title(1))
    assert world.says(focus=NOVEL) == (Verdict.INCOMPLETE, Cause.CONTESTED, NOVEL, title(1))
    world.claim(1, NOVEL, AUTHOR, STUDIO, contested=True)
    world.change(FILMED, cited=())
    assert world.says() == (Verdict.INCOMPLETE, Cause.CONTESTED, FILMED, title(1))


def test_another_title_on_the_same_content_decides_nothing_until_it_is_answered(world: World) -> None:
    world.claim(2, NOVEL, ACTRESS)
    assert world.says() == (Verdict.INCOMPLETE, Cause.RIVAL_TITLE, NOVEL, title(2))
    world.link(2, title(2), AUTHOR)
    world.change(NOVEL, cited=(grant(2),))
    assert world.says()[0] is Verdict.VALID


def test_claiming_somebody_elses_work_gives_no_right_to_what_is_made_of_it(world: World) -> None:
    world.claim(2, NOVEL, STUDIO)
    world.change(FILMED, cited=())
    assert world.says()[:2] == (Verdict.INVALID, Cause.NO_GRANT), "the title of the novel's holder counts"


def test_a_work_without_a_title_decides_nothing(world: World) -> None:
    world.node(PICTURES, STUDIO)
    assert world.says(focus=PICTURES) == (Verdict.INCOMPLETE, Cause.NO_TITLE, PICTURES, None)
    world.node(STILL, STUDIO, found=(FILMED,))
    assert world.says(focus=STILL)[:3] == (Verdict.INCOMPLETE, Cause.NO_TITLE, STILL), "a found source gives nothing"


def test_what_is_named_and_not_here_is_not_known(world: World) -> None:
    world.link(1, title(1), STUDIO, chain=(grant(9),))
    assert world.says() == (Verdict.INCOMPLETE, Cause.NOT_KNOWN, FILMED, grant(9))
    del world.links[grant(1)]
    assert world.says()[:2] == (Verdict.INVALID, Cause.NO_GRANT), "what is known to be missing comes first"
    world.change(FILMED, declared=(STILL,), cited=())
    found = judge(world.of()).trouble
    assert found is not None and (found.cause, found.source) == (Cause.NOT_KNOWN, STILL)
    assert judge(world.of(PICTURES)).verdict is Verdict.INCOMPLETE


def test_what_is_too_narrow_comes_before_what_is_not_known(world: World) -> None:
    world.link(1, title(1), STUDIO, standing=Pending(acceptance=True))
    assert world.says(replace(WANTED, territory=territory("US")))[:2] == (Verdict.INVALID, Cause.SCOPE)


def test_a_found_source_limits_and_a_circle_ends(world: World) -> None:
    world.node(STILL, STUDIO, declared=(FILMED,))
    world.change(FILMED, found=(STILL,))
    assert world.says()[0] is Verdict.VALID
    world.node(PICTURES, ACTRESS)
    world.claim(2, PICTURES, ACTRESS)
    world.change(STILL, found=(PICTURES,))
    assert world.says()[:3] == (Verdict.INVALID, Cause.NO_GRANT, STILL)
    world.link(2, title(2), STUDIO, RESEARCH)
    world.change(STILL, cited=(grant(2),))
    assert world.says() == (Verdict.INVALID, Cause.SCOPE, STILL, grant(2))


def test_each_cause_has_its_words_in_both_languages() -> None:
    assert set(CAUSES) == set(Cause)
    for zh, en in CAUSES.values():
        assert not zh.isascii() and en.isascii()


# -- what flows back ---------------------------------------------------------------------------------------------------


def test_a_share_flows_to_the_parent_under_whose_title_the_grant_stands(world: World) -> None:
    world.link(1, title(1), STUDIO, share_bp=700)
    world.node(STILL, STUDIO, declared=(FILMED, NOVEL), found=(PICTURES,), cited=(grant(1),))
    world.claim(2, FILMED, STUDIO)
    assert shares(world.of(STILL)) == {(FILMED, NOVEL): 700, (STILL, NOVEL): 700}


def test_an_unclaimed_step_of_ones_own_owes_what_the_one_before_owes(world: World) -> None:
    world.link(1, title(1), STUDIO, share_bp=700)
    world.node(STILL, STUDIO, declared=(FILMED,))
    world.node(MODEL, STUDIO, declared=(STILL,))
    assert shares(world.of(MODEL))[MODEL, NOVEL] == 700


def test_who_is_paid_what_an_object_keeps(world: World) -> None:
    material = world.of()
    assert holders(material, world.nodes[FILMED]) == (Holder(party=STUDIO, share_bp=10_000),)
    assert holders(material, world.nodes[NOVEL]) == (Holder(party=AUTHOR, share_bp=10_000),)
    world.claim(1, NOVEL, AUTHOR, ACTRESS)
    world.link(1, title(1), STUDIO, share_bp=3_001)
    world.change(NOVEL, holder=STUDIO, cited=(grant(1),))
    found = holders(world.of(), world.nodes[NOVEL])
    assert {one.party: one.share_bp for one in found} == {AUTHOR: 1_500, ACTRESS: 1_500, STUDIO: 7_000}


# -- large ones ------------------------------------------------------------------------------------------------------


def chained(links: int) -> World:
    """Return a film under a chain of so many links, each a bit narrower than the one above."""
    world = World()
    scopes: Sequence[Scope] = [replace(FILM, sublicence_depth=20 - depth) for depth in range(links)]
    for place, scope in enumerate(scopes):
        above = tuple(grant(1_000 + one) for one in range(place))
        world.link(1_000 + place, title(1), STUDIO, scope, chain=above)
    world.change(FILMED, cited=(grant(1_000 + links - 1),))
    return world


def test_a_chain_of_twenty_links() -> None:
    material = chained(20).of()
    assert judge(material, WANTED).verdict is Verdict.VALID


def test_a_thousand_ancestors_that_each_limit_it() -> None:
    world = World()
    names = [ObjectId(some(10_000 + number)) for number in range(1_000)]
    for number, name in enumerate(names):
        world.node(name, STUDIO, cited=(grant(2_000 + number),))
        world.claim(2_000 + number, name, AUTHOR)
        narrower = replace(FILM, languages=languages("zh", "en" if number % 7 else "fr", all_but=True))
        world.link(2_000 + number, title(2_000 + number), STUDIO, narrower)
    world.node(STILL, STUDIO, declared=tuple(names))
    world.change(STILL, cited=tuple(grant(2_000 + number) for number in range(1_000)))
    material = world.of(STILL)
    expected = met(*(link.scope for link in world.links.values()))
    assert effective_scope(material)[0] == expected
