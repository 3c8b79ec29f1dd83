"""What the command line says of rights, licences and cases: each thing once, where it hangs, in both languages."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from domain.compliance.events import NecessaryMeasure, Outcome
from domain.compliance.infringement import STATUS
from domain.errors import Invalid
from domain.rights.authorisation import Cause, Trouble
from domain.rights.authorisation_words import LINKS, told_of
from domain.rights.grant_events import RevocationReason
from domain.rights.licence_events import LicenceReason
from domain.rights.turns import CHINESE
from infra.cli import cases, licence
from infra.cli.output import Words, padded, show
from infra.cli.rights_check import rights_tree
from schemas.licence_check import Answer, Judged, Step, Verdict
from schemas.licence_token import parse_token
from tests.token_kit import Sold
from tests.unit.test_authorisation import FILMED, grant

EN, ZH = Words("en"), Words("zh")
IN_FORCE: Mapping[str, Any] = {"state": "in_force", "since": None, "why": None, "missing": []}
ENDED = {"state": "ended", "since": "2026-11-01T00:00:00Z", "why": "consent_withdrawn", "missing": []}
UNSIGNED = {"state": "pending", "since": None, "why": None, "missing": ["P1", "acceptance"]}
LONG = "10.5072/G.01JDZ3YATWFN59RFJZD9XRS78E-9"


def trouble(cause: str, en: str, *, link: str | None = None, **more: Any) -> dict[str, Any]:
    return {"object": "film", "cause": cause, "link": link, "licence": None, "en": en, "zh": en, **more}


def found(because: dict[str, Any] | None = None, standing: Mapping[str, Any] = IN_FORCE, **more: Any) -> dict[str, Any]:
    """Return the answer about a film that cites one grant under one other, of a novel."""
    cited = {
        "id": "R2",
        "kind": "grant",
        "title": LONG,
        "links": [{"id": "R1", "standing": IN_FORCE}, {"id": "R2", "standing": standing}],
    }
    film = {
        "id": "film",
        "titles": [],
        "cited": [cited],
        "licences": [],
        "sources": [{"id": "novel", "edge": "declared"}],
        "troubles": [],
        **more,
    }
    owners = [{"party": "P1", "share_bp": 6_000}, {"party": "P2", "share_bp": 4_000}]
    title = {"id": LONG, "owners": owners, "contested": True}
    novel = {"id": "novel", "titles": [title], "cited": [], "licences": [], "sources": [], "troubles": []}
    verdict = "valid" if because is None else "invalid"
    return {"id": "film", "verdict": verdict, "because": because, "objects": [film, novel]}


def drawn(answer: dict[str, Any], words: Words, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show(rights_tree(answer, words))
    return capsys.readouterr().out.splitlines()


def test_a_tree_has_a_line_for_each_thing_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    assert drawn(found(), EN, capsys) == [
        "valid  film",
        f"├── cites grant R2 (title {LONG})",
        "│   └── R1  in force",
        "│       └── R2  in force",
        "└── from novel",
        f"    └── title {LONG}  P1 60.00 %, P2 40.00 %  contested",
    ]
    many = {"party": LONG.replace("G", "P"), "share_bp": 500}
    answer = found()
    answer["objects"][1]["titles"][0]["owners"] = [many] * 20
    assert drawn(answer, EN, capsys)[-1].endswith("5.00 %  contested"), "a program finds it on one line"


def test_a_scope_that_is_too_narrow_is_told_under_its_link(capsys: pytest.CaptureFixture[str]) -> None:
    because = trouble("scope", "film: not within what is allowed, grant R1; territory: granted CN; asked US", link="R1")
    because["zh"] = "film：超出授权范围，授权 R1；地域：授予 CN；请求 US"
    lines = drawn(found(because), EN, capsys)
    assert lines[2:4] == ["│   └── R1  in force", "│       ├── ✗ territory: granted CN; asked US"]
    assert "│       ├── ✗ 地域：授予 CN；请求 US" in drawn(found(because), ZH, capsys)
    elsewhere = {**because, "object": "novel"}
    assert not any("✗" in line for line in drawn(found(elsewhere), EN, capsys)), "that object does not cite it"


def test_what_a_link_says_of_itself_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    ended = trouble("grant_ended", "film: a grant has ended, R2", link="R2")
    lines = drawn(found(ended, ENDED, troubles=[ended]), EN, capsys)
    assert [line for line in lines if "✗" in line] == [
        "│       └── ✗ R2  ended from 2026-11-01T00:00:00Z on: consent withdrawn"
    ]
    assert "✗ R2  已终止，自 2026-11-01T00:00:00Z 起：撤回同意" in "".join(drawn(found(ended, ENDED), ZH, capsys))
    unsigned = trouble("unsigned", "film: a signature is missing, R2", link="R2")
    lines = drawn(found(unsigned, UNSIGNED, troubles=[unsigned]), EN, capsys)
    assert [line for line in lines if "?" in line] == ["│       └── ? R2  pending, missing P1, acceptance"]
    above = trouble("grant_ended", "film: a grant has ended, R9", link="R9")
    assert "├── ✗ a grant has ended, R9" in drawn(found(above, troubles=[above]), EN, capsys), (
        "a link that is not drawn"
    )


def test_other_troubles_hang_under_their_object_with_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = trouble("no_grant", "film: no grant is cited, source novel")
    unknown = trouble("rival_title", "film: there is another title on the same content, G9", link="G9")
    lines = drawn(found(wrong, troubles=[wrong, unknown]), EN, capsys)
    assert "├── ✗ no grant is cited, source novel" in lines
    assert "├── ? there is another title on the same content, G9" in lines


def test_a_model_licence_is_told_of_where_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    clause = "weights: LicenseRef-academic"
    nothing = trouble("nothing_left", "film: what is allowed has nothing in common; natures", licence=clause)
    lines = drawn(found(nothing, licences=[clause]), EN, capsys)
    at = lines.index(f"├── model licence {clause}")
    assert lines[at + 1] == "│   └── ✗ what is allowed has nothing in common; natures"


def test_a_sentence_names_the_link_as_what_it_is() -> None:
    instant = datetime(2026, 11, 1, tzinfo=UTC)
    ended = Trouble(FILMED, Cause.GRANT_ENDED, grant(2), since=instant, why="consent_withdrawn")
    zh, en = told_of(ended, lambda one: "R2" if one == grant(2) else "film")
    assert en == "film: a grant has ended, R2, from 2026-11-01T00:00:00Z on: consent withdrawn"
    assert zh == "film：授权已终止，R2，自 2026-11-01T00:00:00Z 起：撤回同意"
    assert set(LINKS) < set(Cause) and told_of(Trouble(FILMED, Cause.SCOPE, grant(2)), str)[1].count("grant") == 1


def test_every_reason_has_its_words() -> None:
    own = {"declined", "window_passed", "offer_passed", "claim_rejected"}
    given = {str(reason) for reasons in (RevocationReason, LicenceReason) for reason in reasons}
    assert set(CHINESE) == own | given - {"unspecified"}
    assert set(cases.STATUSES) == set(STATUS.values())
    assert set(cases.OUTCOMES) == {str(one) for one in Outcome} - {"unspecified"}
    assert set(cases.MEASURES) == {str(one) for one in NecessaryMeasure} - {"unspecified"}


def test_columns_are_as_wide_in_chinese() -> None:
    assert {cell_len(padded(word, 12)) for word in ("许可人", "licensor", "被许可人", "")} == {12}
    assert padded("a word that is longer", 4) == "a word that is longer"


CLAIMS: dict[str, Any] = {"nbf": 1_767_225_600, "exp": 1_861_920_000, "scope": {"uses": ["exhibit"]}}


def test_of_a_token_what_is_disclosed_is_told_and_its_window() -> None:
    window = "window: from 2026-01-01T00:00:00Z until before 2029-01-01T00:00:00Z"
    assert [en for _, en in licence._boundary(CLAIMS)] == ["uses: exhibit", window]
    assert [en for _, en in licence._boundary({**CLAIMS, "scope": {}})] == [window]
    with pytest.raises(Invalid, match=r"scope\.uses\[0\]: expected one of"):
        licence._boundary({**CLAIMS, "scope": {"uses": ["everything"]}})


def test_a_token_that_says_what_is_no_scope_is_still_judged(capsys: pytest.CaptureFixture[str]) -> None:
    token = parse_token(Sold().presented("uses"))
    holds = (Judged(Step.TOKEN, Verdict.HOLDS, "signed"),)
    licence._tell(Answer(holds, token), EN)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "token       holds    signed" and told[1].split() == ["licence", token.claims["licence"]]
    assert told[-3:] == [told[-3], "  6 not disclosed", "valid"] and told[-3].startswith("  window: from ")
    assert any(line.startswith("  uses: ") for line in told)
    strange = replace(token, claims={**token.claims, "scope": {"uses": ["everything"]}})
    licence._tell(Answer(holds, strange), EN)
    assert "  its boundary cannot be read: scope.uses[0]: expected one of" in capsys.readouterr().out
    failed = (Judged(Step.TOKEN, Verdict.FAILS, "token: expected a signature"),)
    licence._tell(Answer(failed, token), EN)
    assert capsys.readouterr().out.splitlines() == ["token       fails    expected a signature", "invalid"]


@pytest.mark.parametrize(
    ("standing", "en", "zh"),
    [
        (("refused", None, "the whole clause"), "refused", "已拒绝"),
        (("not_yet", "2027-01-01T00:00:00Z", None), "not yet, from 2027-01-01T00:00:00Z on", "尚未开始，自"),
        (("suspended", "2026-10-10T00:00:00Z", "unpaid"), "suspended, from 2026-10-10T00:00:00Z on: unpaid", "未付款"),
        (("ended", "2026-10-10T00:00:00Z", "offer_passed"), "on: offer passed", "要约期满"),
    ],
)
def test_how_a_licence_stands_is_a_sentence(standing: tuple[str, str | None, str | None], en: str, zh: str) -> None:
    said = dict(zip(("state", "since", "why"), standing, strict=True))
    assert en in licence._standing(said, EN) and zh in licence._standing(said, ZH)
    assert "clause" not in licence._standing(said, EN)


@pytest.mark.parametrize(
    ("since", "due", "en", "zh"),
    [
        ("2026-09-06T02:00:00Z", True, "due now", "现应履行"),
        ("2026-09-06T02:00:00Z", False, "over", "已过"),
        ("2026-09-21T16:00:00.5Z", False, "not yet", "尚未到期"),
    ],
)
def test_a_deadline_is_due_over_or_not_yet(since: str, due: bool, en: str, zh: str) -> None:
    deadline = {"since": since, "due": due}
    assert cases._when(deadline, "2026-09-21T16:00:00Z", EN) == en
    assert cases._when(deadline, "2026-09-21T16:00:00Z", ZH) == zh


def test_each_article_of_a_case_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    article = {
        "code": "x/1",
        "zh": "《某法》第一条",
        "en": "Some Law, art. 1",
        "says_zh": "如此",
        "says_en": "so it is",
    }
    step = {"number": 1, "step": "NoticeSent", "at": "2026-09-01T02:00:00Z", "articles": [article], "documents": ["ab"]}
    later = {**step, "number": 2, "at": None, "recorded_at": "2026-11-26T14:20:15.484Z", "documents": []}
    cases._tell_chronology([step, later], EN)
    assert capsys.readouterr().out.splitlines() == [
        "chronology",
        "    1  2026-09-01T02:00:00Z      notice sent  Some Law, art. 1",
        "       sha256 ab",
        "    2  2026-11-26T14:20:15.484Z  notice sent  Some Law, art. 1",
        "articles",
        "  Some Law, art. 1: so it is",
    ]
    cases._tell_chronology([{**step, "articles": []}], ZH)
    assert capsys.readouterr().out.splitlines()[-1] == "       sha256 ab"
