"""The kinds of the corpus: what the policy asks of each, and that each is judged as the product judges."""

import pytest

from domain.events import Sha256
from domain.identity.events import AssetClass, Element, IntakeSource, Level, Origin
from domain.identity.trace_set import BUILT_IN, judge
from domain.rights.events import Root
from infra.dev.kinds import EVIDENCE, KINDS, Judge, Papers

A, M, P, E, J = Element.AUTHORISATION, Element.MODEL, Element.PARAMETERS, Element.ENVIRONMENT, Element.JOB
BOM, TRAINING, CONTRACT = Element.ML_BOM, Element.TRAINING, Element.CONTRACT
HUMAN = (A, P, J)
CAMERA = (A, E, J)
WHOLE = (A, M, P, E, J)
HOST = (E, J)
TABLE = (
    ("screenplay", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("storyboard", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("prompt", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("still", Origin.CAPTURED, AssetClass.STATIC, CAMERA, ()),
    ("plate", Origin.CAPTURED, AssetClass.STATIC, CAMERA, ()),
    ("scan", Origin.CAPTURED, AssetClass.STATIC, CAMERA, ()),
    ("restoration", Origin.ALGORITHMIC, AssetClass.STATIC, WHOLE, HOST),
    ("texture", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("mesh", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("scene", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("image", Origin.GENERATED_HERE, AssetClass.STATIC, WHOLE, HOST),
    ("matte", Origin.EXTERNAL_SERVICE, AssetClass.STATIC, WHOLE, ()),
    ("stock", Origin.IMPORTED, AssetClass.STATIC, (A, M, P, E), ()),
    ("shot", Origin.ALGORITHMIC, AssetClass.STATIC, WHOLE, HOST),
    ("proxy", Origin.ALGORITHMIC, AssetClass.STATIC, WHOLE, HOST),
    ("timeline", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("package", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("character", Origin.HUMAN_WORK, AssetClass.INTERACTIVE, (*HUMAN, CONTRACT), ()),
    ("weights", Origin.GENERATED_HERE, AssetClass.COMPUTABLE, (*WHOLE, BOM, TRAINING), HOST),
    ("lut", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("dataset", Origin.HUMAN_WORK, AssetClass.STATIC, HUMAN, ()),
    ("base-weights", Origin.IMPORTED, AssetClass.COMPUTABLE, (A, M, P, E, BOM, TRAINING), ()),
)
PAPERS = Papers(4, {element: Sha256(bytes([place]) * 32) for place, element in enumerate(EVIDENCE)}, Sha256(b"s" * 32))
LACKS = [(name, lacking) for name, _, _, declared, _ in TABLE for lacking in (None, *declared)]


@pytest.mark.parametrize(("name", "origin", "asset_class", "declared", "attested"), TABLE)
def test_a_kind_asks_what_the_policy_asks(
    name: str, origin: Origin, asset_class: AssetClass, declared: tuple[Element, ...], attested: tuple[Element, ...]
) -> None:
    kind = KINDS[name]
    assert (kind.origin, kind.asset_class, kind.declared, kind.attested) == (origin, asset_class, declared, attested)
    required = BUILT_IN.required[origin, asset_class]
    assert set(required) == {Element.HASH, *declared}
    assert {element for element, level in required.items() if level is Level.ATTESTED} == set(attested)


def test_the_table_has_every_kind_and_every_door_origin_and_class_is_used() -> None:
    assert [row[0] for row in TABLE] == list(KINDS)
    for words, used in (
        (Origin, {kind.origin for kind in KINDS.values()}),
        (IntakeSource, {kind.door for kind in KINDS.values()}),
        (AssetClass, {kind.asset_class for kind in KINDS.values()}),
    ):
        assert used == set(words) - {words("unspecified")}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_comes_through_a_door_that_fits_and_fits_the_fields_of_a_birth(name: str) -> None:
    kind = KINDS[name]
    assert kind.origin in BUILT_IN.doors[kind.door]
    assert 1 <= len(kind.name) <= 40 and 3 <= len(kind.media_type) <= 100 and kind.media_type.count("/") == 1
    assert (kind.hold is None) == (name != "base-weights")


@pytest.mark.parametrize(("name", "lacking"), LACKS)
def test_a_judgement_is_the_products_own(name: str, lacking: Element | None) -> None:
    kind = KINDS[name]
    declared = PAPERS.declared(kind, lacking)
    assert set(declared.evidence) == set(kind.declared) - {lacking}
    event, judgement = Judge().judge(PAPERS, kind, lacking, None)
    assert judgement == judge(BUILT_IN, kind.origin, kind.door, kind.asset_class, declared, None)
    assert event.cells == judgement.cells and (event.origin, event.intake_source) == (kind.origin, kind.door)
    below = {*kind.attested, *(() if lacking is None else (lacking,))}
    assert set(judgement.lacking) == below
    held = kind.origin is Origin.IMPORTED
    assert bool(judgement.clause) == bool(below or held)


def test_without_a_grant_no_root_is_declared() -> None:
    assert PAPERS.declared(KINDS["still"]).root is Root.EMPLOYMENT
    assert PAPERS.declared(KINDS["still"], A).root is Root.UNSPECIFIED
    assert PAPERS.declared(KINDS["still"], E).root is Root.EMPLOYMENT


def test_a_title_stands_for_grant_session_and_project_file() -> None:
    statement = Sha256(b"t" * 32)
    for lacking in (A, P, J):
        _, judgement = Judge().judge(PAPERS, KINDS["screenplay"], lacking, statement)
        assert judgement.lacking == () and judgement.clause == ""
        found = {cell.element: cell.evidence for cell in judgement.cells}
        assert found[A] == statement and found[lacking] == statement


def test_judgements_are_remembered_by_production_kind_and_lack_but_not_by_title() -> None:
    known = Judge()
    event, _ = known.judge(PAPERS, KINDS["still"], None, None)
    assert known.judge(PAPERS, KINDS["still"], None, None)[0] is event
    other = Papers(5, PAPERS.evidence, PAPERS.statement)
    for papers, name, lacking in ((other, "still", None), (PAPERS, "plate", None), (PAPERS, "still", E)):
        assert known.judge(papers, KINDS[name], lacking, None)[0] is not event
    titled = known.judge(PAPERS, KINDS["still"], None, Sha256(b"t" * 32))[0]
    assert titled != event and known.judge(PAPERS, KINDS["still"], None, None)[0] is event
