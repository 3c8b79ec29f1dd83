"""The gate: identity first, then a judgement of every cell of the traceable-set table."""

from dataclasses import replace
from functools import reduce
from uuid import UUID

import pytest

from domain.errors import Invalid, Rejected
from domain.events import Event, Sha256
from domain.identity.digital_object import DigitalObject, Facts, Seen, Status, SubmitObject, decide, evolve
from domain.identity.events import (
    AssetClass,
    Content,
    DuplicateSubmissionDetected,
    Element,
    IntakeSource,
    Level,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    Origin,
    Parent,
    Relation,
    TraceSetJudged,
    content_key,
)
from domain.identity.trace_set import BUILT_IN, TRACE_SET_POLICY, Declared, judge, parse_policy
from domain.ids import ObjectId, PartyId
from domain.rights.events import Root
from infra.cli.output import Words
from infra.cli.reasons import reason_text
from tests.identity_kit import declaring

HOLDER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"))
PARENT = ObjectId(UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0f"))
CONTENT = Content(sha256=Sha256(b"c" * 32), sm3=Sha256(b"m" * 32), size=3, media_type="image/png")
EVIDENCE = Sha256(b"e" * 32)
STATEMENT = Sha256(b"t" * 32)
ROW = TRACE_SET_POLICY["classes"]["static"]
DOOR = IntakeSource.PRODUCTION_NEW
SEEN = Seen(CONTENT, "image")
FACTS = Facts(HOLDER, SEEN, known_parents=frozenset(), title_statement=None, policy=BUILT_IN)
ALL = {e: EVIDENCE for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}


def submit(origin: Origin, declared: Declared, asset_class: AssetClass = AssetClass.STATIC) -> SubmitObject:
    return SubmitObject(
        sha256=CONTENT.sha256,
        asset_class=asset_class,
        origin=origin,
        intake_source=IntakeSource.PRODUCTION_NEW,
        submission=Sha256(b"n" * 32),
        **declaring(declared),
    )


COMPLETE = Declared(ALL, Root.OPEN_LICENCE)


def types(events: tuple[Event, ...]) -> list[type]:
    return [type(event) for event in events]


def test_identity_comes_before_admission() -> None:
    events = decide(DigitalObject(), submit(Origin.EXTERNAL_SERVICE, COMPLETE), FACTS)
    assert types(events) == [ObjectIdentified, TraceSetJudged, ObjectAdmitted]
    assert reduce(evolve, events, DigitalObject()).status is Status.ADMITTED
    assert events[0].keys().take == (content_key(HOLDER, CONTENT.sha256),)


@pytest.mark.parametrize(
    ("origin", "needed"),
    [
        (Origin.HUMAN_WORK, {Element.AUTHORISATION, Element.PARAMETERS, Element.JOB}),
        (Origin.CAPTURED, {Element.AUTHORISATION, Element.ENVIRONMENT, Element.JOB}),
        (
            Origin.EXTERNAL_SERVICE,
            {Element.AUTHORISATION, Element.MODEL, Element.PARAMETERS, Element.ENVIRONMENT, Element.JOB},
        ),
    ],
)
def test_each_missing_cell_holds_the_object_back_and_is_named(origin: Origin, needed: set[Element]) -> None:
    assert judge(BUILT_IN, origin, DOOR, AssetClass.STATIC, COMPLETE, None).clause == ""
    for element in needed:
        declared = Declared({k: v for k, v in ALL.items() if k is not element}, Root.OPEN_LICENCE)
        judgement = judge(BUILT_IN, origin, DOOR, AssetClass.STATIC, declared, None)
        assert judgement.lacking == (element,)
        assert element in judgement.clause
    nothing = judge(BUILT_IN, origin, DOOR, AssetClass.STATIC, Declared({}), None)
    assert set(nothing.lacking) == needed


@pytest.mark.parametrize("origin", [Origin.ALGORITHMIC, Origin.GENERATED_HERE])
def test_a_sidecar_cannot_attest_what_only_the_host_can(origin: Origin) -> None:
    assert judge(BUILT_IN, origin, DOOR, AssetClass.STATIC, COMPLETE, None).lacking == (
        Element.ENVIRONMENT,
        Element.JOB,
    )


def test_an_import_waits_for_a_human_even_when_complete() -> None:
    events = decide(DigitalObject(), submit(Origin.IMPORTED, COMPLETE), FACTS)
    assert events[-1] == ObjectQuarantined(lacking=(), clause="origin imported: held until a human lifts it")


def test_a_title_on_the_bytes_is_root_session_and_project_of_a_human_work() -> None:
    judgement = judge(BUILT_IN, Origin.HUMAN_WORK, DOOR, AssetClass.STATIC, Declared({}), STATEMENT)
    assert judgement.clause == ""
    found = {cell.element: cell.found for cell in judgement.cells}
    assert found[Element.HASH] is Level.VERIFIED
    assert found[Element.AUTHORISATION] is Level.DECLARED
    assert found[Element.MODEL] is Level.NOT_APPLICABLE


def test_own_creation_in_a_sidecar_is_no_title() -> None:
    declared = Declared(ALL, Root.OWN_CREATION)
    assert judge(BUILT_IN, Origin.HUMAN_WORK, DOOR, AssetClass.STATIC, declared, None).lacking == (
        Element.AUTHORISATION,
    )


@pytest.mark.parametrize(
    ("asset_class", "needed"),
    [
        (AssetClass.COMPUTABLE, (Element.ML_BOM, Element.TRAINING)),
        (AssetClass.INTERACTIVE, (Element.CONTRACT,)),
    ],
)
def test_classes_add_elements(asset_class: AssetClass, needed: tuple[Element, ...]) -> None:
    declared = Declared({k: v for k, v in ALL.items() if k not in needed}, Root.OPEN_LICENCE)
    assert judge(BUILT_IN, Origin.EXTERNAL_SERVICE, DOOR, asset_class, declared, None).lacking == needed


def test_a_declared_digest_that_is_not_that_of_the_bytes_rejects() -> None:
    command = replace(submit(Origin.EXTERNAL_SERVICE, COMPLETE), declared_sha256=Sha256(b"x" * 32))
    events = decide(DigitalObject(), command, FACTS)
    assert types(events) == [ObjectIdentified, TraceSetJudged, ObjectRejected]
    assert events[0].keys().take, "even a rejected object keeps its identifier"


def test_the_same_bytes_again_are_noted_on_the_same_object() -> None:
    command = submit(Origin.EXTERNAL_SERVICE, COMPLETE)
    state = reduce(evolve, decide(DigitalObject(), command, FACTS), DigitalObject())
    events = decide(state, command, FACTS)
    assert types(events) == [DuplicateSubmissionDetected]
    assert reduce(evolve, events, state).submissions == 2


def test_a_quarantined_object_is_judged_again_when_more_is_known() -> None:
    bare = submit(Origin.IMPORTED, Declared({}))
    state = reduce(evolve, decide(DigitalObject(), bare, FACTS), DigitalObject())
    assert state.status is Status.QUARANTINED
    assert types(decide(state, bare, FACTS)) == [DuplicateSubmissionDetected], "nothing new, nothing judged"
    events = decide(state, submit(Origin.HUMAN_WORK, Declared({})), replace(FACTS, title_statement=STATEMENT))
    assert types(events) == [DuplicateSubmissionDetected, TraceSetJudged, ObjectAdmitted]
    assert reduce(evolve, events, state).status is Status.ADMITTED


def test_a_contradiction_is_news_even_when_nothing_else_is() -> None:
    bare = submit(Origin.IMPORTED, Declared({}))
    state = reduce(evolve, decide(DigitalObject(), bare, FACTS), DigitalObject())
    events = decide(state, replace(bare, declared_sha256=Sha256(b"x" * 32)), FACTS)
    assert types(events) == [DuplicateSubmissionDetected, TraceSetJudged, ObjectRejected]
    assert reduce(evolve, events, state).status is Status.REJECTED


def test_a_rejected_object_stays_rejected() -> None:
    wrong = replace(submit(Origin.EXTERNAL_SERVICE, COMPLETE), declared_sha256=Sha256(b"x" * 32))
    state = reduce(evolve, decide(DigitalObject(), wrong, FACTS), DigitalObject())
    events = decide(state, submit(Origin.EXTERNAL_SERVICE, COMPLETE), FACTS)
    assert types(events) == [DuplicateSubmissionDetected]
    assert reduce(evolve, events, state).status is Status.REJECTED


def test_an_edge_into_nothing_is_refused_before_birth() -> None:
    command = replace(
        submit(Origin.EXTERNAL_SERVICE, COMPLETE), parents=(Parent(object_id=PARENT, relation=Relation.MADE_FROM),)
    )
    with pytest.raises(Rejected, match="identify it first"):
        decide(DigitalObject(), command, FACTS)
    born = decide(DigitalObject(), command, replace(FACTS, known_parents=frozenset({PARENT})))
    assert isinstance(born[0], ObjectIdentified) and born[0].parents[0].object_id == PARENT


def test_bytes_that_are_not_here_are_not_brought() -> None:
    command, other = submit(Origin.IMPORTED, COMPLETE), replace(CONTENT, sha256=Sha256(b"o" * 32))
    for seen in (None, Seen(other, "image")):
        with pytest.raises(Rejected, match="submit-object refused: the blob store has no bytes of SHA-256 6363"):
            decide(DigitalObject(), command, replace(FACTS, seen=seen))


def test_an_element_is_declared_once() -> None:
    command = submit(Origin.CAPTURED, COMPLETE)
    with pytest.raises(Rejected, match="each element of the traceable set once"):
        decide(DigitalObject(), replace(command, evidence=(*command.evidence, command.evidence[0])), FACTS)


def test_what_the_bytes_may_do_holds_back_what_is_complete() -> None:
    held = replace(FACTS, seen=Seen(CONTENT, "image", hold="pickled data may run code"))
    events = decide(DigitalObject(), submit(Origin.EXTERNAL_SERVICE, COMPLETE), held)
    assert events[-1] == ObjectQuarantined(lacking=(), clause="pickled data may run code")


@pytest.mark.parametrize(
    ("door", "fitting"),
    [
        (IntakeSource.CREATION, {"human_work", "captured", "algorithmic", "generated_here"}),
        (IntakeSource.PRODUCTION_NEW, set(Origin) - {"unspecified"}),
        (IntakeSource.PRODUCTION_STOCK, set(Origin) - {"unspecified"}),
        (IntakeSource.HERITAGE_FILM, {"captured"}),
        (IntakeSource.EXTERNAL_MODEL_SERVICE, {"external_service"}),
    ],
)
def test_what_does_not_fit_its_door_waits_for_a_human(door: IntakeSource, fitting: set[str]) -> None:
    for origin in set(Origin) - {Origin.UNSPECIFIED, Origin.IMPORTED, Origin.ALGORITHMIC, Origin.GENERATED_HERE}:
        events = decide(DigitalObject(), replace(submit(origin, COMPLETE), intake_source=door), FACTS)
        clause = f"intake_source {door}: origin {origin} does not fit it"
        assert events[-1] == (ObjectAdmitted() if origin in fitting else ObjectQuarantined(lacking=(), clause=clause))
        state = reduce(evolve, events, DigitalObject())
        if origin not in fitting:
            assert "不符" in reason_text(state, Words("zh")) and "the door" in reason_text(state, Words("en"))
    judgement = judge(BUILT_IN, Origin.GENERATED_HERE, door, AssetClass.STATIC, COMPLETE, None)
    assert judgement.lacking, "what is missing is named first"


def test_a_door_that_fits_lets_in_what_waited_for_it() -> None:
    wrong = replace(submit(Origin.CAPTURED, COMPLETE), intake_source=IntakeSource.EXTERNAL_MODEL_SERVICE)
    state = reduce(evolve, decide(DigitalObject(), wrong, FACTS), DigitalObject())
    right = replace(wrong, intake_source=IntakeSource.HERITAGE_FILM)
    assert types(decide(state, right, FACTS)) == [DuplicateSubmissionDetected, TraceSetJudged, ObjectAdmitted]


@pytest.mark.parametrize("code", ["Night River", "night_river", "夜河", "-a", "a-", "a..b", ""])
def test_a_project_is_a_code(code: str) -> None:
    with pytest.raises(Rejected, match="expected a project code such as night-river"):
        decide(DigitalObject(), replace(submit(Origin.CAPTURED, COMPLETE), project=code), FACTS)
    born = decide(DigitalObject(), replace(submit(Origin.CAPTURED, COMPLETE), project="night-river.2"), FACTS)[0]
    assert isinstance(born, ObjectIdentified) and born.project == "night-river.2"


class TestMatrix:
    """Table 3-1 of the paper, read from the policy."""

    def test_each_class_has_its_row(self) -> None:
        rows = {c: (r.place, r.title_on, r.verified_by) for c, r in BUILT_IN.classes.items()}
        assert rows == {
            AssetClass.STATIC: ("cultural_base", ("doi",), ("fingerprint",)),
            AssetClass.COMPUTABLE: ("means_of_production", ("model", "parameters"), ("filing",)),
            AssetClass.INTERACTIVE: ("acting_subject", ("contract", "instance"), ("sandbox",)),
        }

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"doors": {}}, "doors: expected a row for creation, found none"),
            ({"doors": {"window": []}}, "doors: expected one of creation, .*found 'window'"),
            ({"doors": {"creation": "human_work"}}, "doors.creation: expected an array"),
            ({"classes": {"static": {}}}, "classes.static: expected an object of place, title_on, verified_by, adds"),
            (
                {"classes": {"static": {**ROW, "place": "a shelf"}}},
                "classes.static.place: expected one of cultural_base",
            ),
            ({"classes": {"static": {**ROW, "title_on": ["paper"]}}}, "classes.static.title_on: expected one of doi"),
            ({"classes": {"static": {**ROW, "adds": {"job": "missing"}}}}, "classes.static.adds: expected declared"),
        ],
    )
    def test_a_policy_that_is_none_is_refused(self, change: dict[str, object], why: str) -> None:
        with pytest.raises(Invalid, match=why):
            parse_policy({**TRACE_SET_POLICY, **change})
