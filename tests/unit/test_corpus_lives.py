"""What becomes of an object of the corpus, deed by deed: the act is the one meant, and the product's rules allow it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Rejected
from domain.events import ActorKind
from domain.governance.policies import TRACE_SET
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.digital_object import Status
from domain.identity.events import (
    AlternativeScheme,
    AltIdBound,
    DuplicateSubmissionDetected,
    Element,
    FingerprintComputed,
    FingerprintScheme,
    Level,
    MetadataAmended,
    ObjectQuarantined,
    ObjectWithdrawn,
    PromptCommitted,
    RepresentationAdded,
    TraceSetJudged,
    WithdrawalReason,
)
from domain.ids import ObjectId
from domain.rights.events import RightsClaimed, Root
from infra.blobs.digests import digest_both
from infra.dev.acts import Act
from infra.dev.kinds import KINDS
from infra.dev.life import CLAIMED, DEEDS, LOOPED_MAX, WAIT_MAX, Birth, Lives
from schemas.values import instant_of
from tests.corpus_kit import Film, acts_of, events_of, names_of, object_of

SUBMISSION = ["ObjectIdentified", "TraceSetJudged"]


def levels(birth: Birth) -> dict[Element, Level]:
    assert birth.state.judged is not None
    return {cell.element: cell.found for cell in birth.state.judged.cells}


def told(film: Film, kind: str, count: int) -> list[tuple[Birth, list[Act]]]:
    """Return whole lives, each told to its end at once."""
    births = [film.birth(kind) for _ in range(count)]
    return [(birth, acts_of(film.lives.tell(birth))) for birth in births]


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_begins_with_the_submission_and_its_state_is_the_fold_of_its_acts(kind: str) -> None:
    film = Film(2)
    for birth, acts in told(film, kind, 40):
        own = [act for act in acts if act.stream is birth.stream]
        assert own[0] is (acts[0] if acts[0].stream is birth.stream else acts[1])
        assert names_of(own[:1])[:2] == SUBMISSION and len(own[0].events) == 3
        assert object_of(events_of(own)) == birth.state
        assert [act.first for act in own] == [1 + sum(len(a.events) for a in own[:n]) for n in range(len(own))]
        assert all(act.policy == TRACE_SET for act in own)


def test_waits_lie_within_their_bounds_and_grow_with_the_corpus() -> None:
    longest = {}
    for objects in (10, 2_000, 1_000_000, 10_000_000):
        film = Film(2, objects)
        births = [film.birth("image") for _ in range(400)]
        waits = [step for birth in births for step in film.lives.tell(birth) if isinstance(step, int)]
        bound = max(20, min(WAIT_MAX, objects // 5))
        assert waits and bound // 33 < min(waits) and max(waits) <= bound + bound // 33 + 1
        longest[objects] = max(waits)
    assert longest[10] < longest[2_000] < longest[1_000_000] <= 21_000


def test_bytes_are_lines_that_differ_and_the_birth_has_their_digests() -> None:
    film, seen = Film(2), set()
    for birth, acts in told(film, "still", 30):
        (data,) = next(act for act in acts if act.stream is birth.stream).data
        assert data.decode() == f"edgeprint corpus test, object {birth.number}, still, bytes\n"
        content = birth.state.birth.content if birth.state.birth else None
        assert content is not None and (content.sha256, content.sm3) == digest_both(data)
        assert content.size == len(data) and content.media_type == "image/jpeg"
        seen.add(content.sha256)
    assert len(seen) == 30


def test_some_authors_claim_before_they_bring() -> None:
    film = Film(2)
    for kind in ("screenplay", "storyboard", "still"):
        claims = 0
        for birth, acts in told(film, kind, 200):
            first: Any = acts[0].events[0]
            if isinstance(first, RightsClaimed):
                claims += 1
                assert birth.state.birth is not None
                assert (first.holder, first.work) == (birth.state.birth.holder, birth.state.birth.content.sha256)
                assert first.root is Root.OWN_CREATION
                cells = {cell.element: cell.evidence for cell in acts[1].events[1].cells}  # type: ignore[attr-defined]
                assert cells[Element.AUTHORISATION] == first.statement
        assert 0.5 * CLAIMED.get(kind, 0) <= claims / 200 <= 1.6 * CLAIMED.get(kind, 0)


def test_the_first_that_can_be_is_rejected_and_has_no_further_life() -> None:
    film = Film(2)
    first, acts = told(film, "still", 1)[0]
    assert first.rejected and names_of(acts) == [*SUBMISSION, "ObjectRejected"]
    assert sum(birth.rejected for birth, _ in told(film, "still", 1_000)) < 15
    assert not any(birth.rejected for birth, _ in told(Film(3), "lut", 50)), "the house cannot do without these"


def test_what_lacked_something_is_brought_again_and_admitted() -> None:
    film, ends = Film(2), Counter[str]()
    for birth, acts in told(film, "plate", 1_500):
        outcome = acts[0].events[2]
        if isinstance(outcome, ObjectQuarantined):
            (lacking,) = outcome.lacking
            assert lacking in KINDS["plate"].declared and str(lacking) in outcome.clause
            brought = names_of(acts[1:2]) == ["DuplicateSubmissionDetected", "TraceSetJudged", "ObjectAdmitted"]
            ends["brought" if brought else "left"] += 1
            assert (birth.state.status is Status.QUARANTINED) != brought or birth.state.status is Status.WITHDRAWN
    assert ends["brought"] > ends["left"] > 0


def test_what_was_generated_waits_for_another_partys_word() -> None:
    film = Film(2)
    for kind in ("image", "shot", "weights"):
        admitted = 0
        for birth, acts in told(film, kind, 150):
            if birth.rejected:
                continue
            assert isinstance(acts[0].events[2], ObjectQuarantined)
            attested = [act for act in acts if act.who == film.house.technician]
            for act in attested:
                whole = names_of([act]) == ["TraceSetJudged", "ObjectAdmitted"]
                assert whole or names_of([act]) == ["TraceSetJudged", "ObjectQuarantined"], "something else is missing"
                assert levels(birth)[Element.JOB] is levels(birth)[Element.ENVIRONMENT] is Level.ATTESTED
                admitted += whole
        assert 120 <= admitted < 150


def test_imports_are_lifted_by_an_officer_when_nothing_is_missing() -> None:
    film, lifted = Film(2), 0
    for birth, acts in told(film, "stock", 200):
        if birth.rejected:
            continue
        assert isinstance(acts[0].events[2], ObjectQuarantined)
        for act in acts:
            if names_of([act])[0] == "QuarantineLifted":
                assert names_of([act]) == ["QuarantineLifted", "ObjectAdmitted"]
                assert act.who in film.house.officers
                lifted += 1
    assert 100 < lifted < 180


def test_pickled_weights_wait_for_a_human_though_nothing_is_missing() -> None:
    film = Film(2)
    outcomes = [acts[0].events[2] for _, acts in told(film, "base-weights", 20)]
    assert all(isinstance(one, ObjectQuarantined) and not one.lacking for one in outcomes)


def test_whatever_is_done_to_few_is_done_to_the_first_that_it_can_be_done_to() -> None:
    film = Film(2)
    told(film, "still", 1)  # the one that is rejected
    names = set(names_of(act for _, acts in told(film, "shot", 1) for act in acts))
    assert {"FingerprintComputed", "RepresentationAdded", "MetadataAmended", "DuplicateSubmissionDetected"} <= names
    assert "ObjectWithdrawn" in names and "PromptCommitted" not in names
    assert "PromptCommitted" in names_of(told(film, "image", 1)[0][1])
    assert "AltIdBound" in names_of(told(film, "timeline", 1)[0][1])


def deed(name: str) -> Any:
    return getattr(Lives, name)


@pytest.mark.parametrize("purpose", range(3))
def test_fingerprints_are_of_the_bytes_and_of_the_tensors_of_weights(purpose: int) -> None:
    kind = ("still", "weights", "base-weights")[purpose]
    film = Film(2)
    birth = film.submitted(kind)
    found: list[Any] = list(deed("_fingerprint")(film.lives, birth).events)
    assert all(isinstance(one, FingerprintComputed) and birth.state.birth for one in found)
    wanted = (
        [FingerprintScheme.ISCC_SUM, FingerprintScheme.TENSORS] if kind == "weights" else [FingerprintScheme.ISCC_SUM]
    )
    assert [one.scheme for one in found] == wanted
    assert birth.state.birth is not None and {one.sha256 for one in found} == {birth.state.birth.content.sha256}
    assert found[0].code.startswith("ISCC:K4A") and len(found[0].code) == len("ISCC:K4A") + 52


def test_representations_are_other_bytes_which_the_act_carries() -> None:
    film = Film(2)
    birth = film.submitted("scan")
    act = deed("_represent")(film.lives, birth)
    (event,), (data,) = act.events, act.data
    assert isinstance(event, RepresentationAdded) and birth.state.birth is not None
    assert (event.content.sha256, event.content.sm3) == digest_both(data)
    assert str(event.purpose) in data.decode() and event.content != birth.state.birth.content


def test_descriptions_are_chained() -> None:
    film = Film(2)
    birth = film.submitted("mesh")
    first, second = (deed("_amend")(film.lives, birth).events[0] for _ in range(2))
    assert isinstance(first, MetadataAmended) and isinstance(second, MetadataAmended)
    assert (first.supersedes, second.supersedes) == (None, first.document)


def test_prompts_are_commitments_of_those_who_brought_the_image() -> None:
    film, negative = Film(2), 0
    for _ in range(40):
        birth = film.submitted("image")
        (event,) = deed("_prompt")(film.lives, birth).events
        assert isinstance(event, PromptCommitted) and event.author == birth.bringer.principal
        negative += event.negative_prompt is not None
    assert 5 < negative < 35


def test_other_identifiers_are_valid_and_no_two_alike() -> None:
    film, seen = Film(2), Counter[AlternativeScheme]()
    texts = set()
    for _ in range(60):
        (event,) = deed("_bind")(film.lives, film.submitted("timeline")).events
        assert isinstance(event, AltIdBound)
        assert parse_alternative_id(event.scheme, event.text) == event.text
        seen[event.scheme] += 1
        texts.add(event.text)
    assert set(seen) == {AlternativeScheme.DOI, AlternativeScheme.EIDR} and len(texts) == 60


def test_a_guild_vouches_for_the_grant_once_and_only_where_it_is_declared() -> None:
    film = Film(2)
    birth = film.submitted("mesh", lambda one: one.state.status is Status.ADMITTED)
    act = deed("_vouch")(film.lives, birth)
    assert act.who == film.house.guild and names_of([act]) == ["TraceSetJudged"]
    assert levels(birth)[Element.AUTHORISATION] is Level.ATTESTED
    assert deed("_vouch")(film.lives, birth) is None
    missing = film.submitted("mesh", lambda one: Element.AUTHORISATION in one.state.lacking)
    assert deed("_vouch")(film.lives, missing) is None


def test_a_recheck_finds_what_was_found_before() -> None:
    film = Film(2)
    birth = film.submitted("mesh")
    before = birth.state.judged
    act = deed("_recheck")(film.lives, birth)
    assert act.events == (before,) and isinstance(before, TraceSetJudged)
    assert act.who in film.house.officers


def test_a_repeated_submission_of_what_was_admitted_is_noted_alone() -> None:
    film = Film(2)
    admitted = film.submitted("mesh", lambda one: one.state.status is Status.ADMITTED)
    act = deed("_repeat")(film.lives, admitted)
    assert act.events == (DuplicateSubmissionDetected(submission=None),) and admitted.state.submissions == 2
    waiting = film.submitted("mesh", lambda one: one.state.status is Status.QUARANTINED)
    assert deed("_repeat")(film.lives, waiting) is None


def test_a_derivation_is_found_once_and_never_where_it_was_declared() -> None:
    film = Film(2)
    source, parent = film.submitted("still").object_id, film.submitted("still").object_id
    birth = film.birth("mesh", parent)
    life = film.lives.tell(birth)
    while birth.state.birth is None:
        next(life)
    derive = deed("_derive")
    assert derive(film.lives, birth, parent) is None
    assert names_of([derive(film.lives, birth, source)]) == ["DerivationFound"]
    assert birth.state.found_sources == (source,)
    assert derive(film.lives, birth, source) is None
    with pytest.raises(Rejected, match="nothing comes from itself"):
        derive(film.lives, birth, birth.object_id)
    assert deed("_find")(Film(9).lives, birth) is None, "the first object has no elder"


def test_a_loop_is_told_where_a_child_came_while_it_was_waited_for() -> None:
    film = Film(2)
    told(film, "still", 1)
    birth = film.submitted("still")
    child = ObjectId(film.draw.uuid())
    looping = deed("_be_looped")(film.lives, birth)
    assert isinstance(next(looping), int) and film.lives.awaiting == {birth.object_id: birth}
    birth.child = child
    (act,) = acts_of(looping)
    assert act.events[0].source == child and film.lives.awaiting == {}  # type: ignore[attr-defined]
    childless = film.submitted("still")
    assert acts_of(deed("_be_looped")(film.lives, childless)) == [] and film.lives.awaiting == {}


def test_only_so_many_are_waited_for() -> None:
    film = Film(2)
    waiting = [deed("_be_looped")(film.lives, film.submitted("still")) for _ in range(LOOPED_MAX + 5)]
    first = [next(looping, None) for looping in waiting]
    assert len(film.lives.awaiting) == LOOPED_MAX and first[LOOPED_MAX:] == [None] * 5


def test_a_withdrawal_is_final_and_near_in_time() -> None:
    film, reasons = Film(2), set()
    for _ in range(40):
        birth = film.submitted("mesh")
        before = instant_of(film.draw.now_us)
        (event,) = deed("_withdraw")(film.lives, birth).events
        assert isinstance(event, ObjectWithdrawn)
        assert abs(event.effective_at - before) <= timedelta(days=30)
        reasons.add(event.reason)
        with pytest.raises(Rejected, match="the object is withdrawn"):
            deed("_amend")(film.lives, birth)
    assert reasons == set(WithdrawalReason) - {WithdrawalReason.UNSPECIFIED}


def test_deeds_name_kinds_that_there_are_and_shares_that_are_some() -> None:
    for share, kinds, _ in DEEDS:
        assert 0 < share < 1 and (kinds is None or kinds <= set(KINDS))
    assert len({one for _, _, one in DEEDS}) == len(DEEDS)


def test_an_agent_brings_for_its_principal_who_holds() -> None:
    film = Film(2)
    birth = film.birth("image", bringer=film.house.agents[0])
    acts = acts_of(film.lives.tell(birth))
    assert acts[0].who.kind is ActorKind.AGENT and birth.state.birth is not None
    assert birth.state.birth.holder == film.house.studio.party
