"""A scope in events and commands: one spelling for each, the JSON of `scope_json`, and nothing that is no scope."""

import json
from dataclasses import replace
from typing import Any

import pytest

from domain.errors import Invalid
from domain.rights.grant_rules import RecordGrant
from domain.rights.scope import Window
from domain.rights.scope_json import scope_json
from domain.rights.scope_terms import (
    DutyTerms,
    LanguageTerms,
    ScopeTerms,
    TerritoryTerms,
    WindowTerms,
    scope_of,
    terms_of,
)
from domain.rights.scope_words import describe
from domain.rights.terms import DutyKind, Use
from schemas.requests import parse_request, render_request, request_record, request_schema
from tests.governance_kit import PREFIX
from tests.grant_kit import recording
from tests.rights_kit import FILM, FILM_JSON, T0

TERMS = terms_of(FILM)


def rendered(terms: ScopeTerms) -> Any:
    return render_request(replace(recording(FILM), scope=terms), PREFIX)["scope"]


def test_a_scope_and_its_terms_are_one() -> None:
    assert scope_of(TERMS) == FILM
    assert TERMS.uses == (Use.PROJECT, Use.TRANSLATE) and TERMS.languages == LanguageTerms(codes=("zh",), all_but=True)
    assert TERMS.window == WindowTerms(since=T0, until=T0.replace(year=2031))
    assert TERMS.duties[1] == DutyTerms(kind=DutyKind.REPORT_USAGE, days=90)


def test_its_json_is_that_of_a_scope() -> None:
    assert rendered(TERMS) == scope_json(FILM) == FILM_JSON
    open_ended = replace(FILM, window=Window(), sublicence_depth=0)
    assert rendered(terms_of(open_ended)) == scope_json(open_ended)
    assert "window" not in rendered(terms_of(open_ended))


def test_it_is_read_from_a_command_as_it_was_written() -> None:
    document = {"scope": FILM_JSON} | {name: value for name, value in _document().items() if name != "scope"}
    command = parse_request(RecordGrant, json.dumps(document).encode(), PREFIX)
    assert command.scope == TERMS
    schema = request_schema(RecordGrant)["properties"]["scope"]
    assert set(schema["required"]) == {"uses", "fields", "natures", "media", "languages", "territory"}
    assert {field.name for field in request_record(RecordGrant).fields} >= {"scope", "chain", "quota"}


def _document() -> dict[str, Any]:
    return render_request(recording(FILM), PREFIX)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"uses": (Use.TRANSLATE, Use.PROJECT)}, "uses: expected it sorted"),
        ({"uses": (Use.PROJECT, Use.PROJECT)}, "uses: expected it sorted"),
        ({"uses": ()}, "uses: expected at least one"),
        ({"territory": TerritoryTerms(codes=("HK", "CN"))}, "territory: expected it sorted"),
        ({"territory": TerritoryTerms(codes=("UK",))}, "territory: expected ISO 3166-1"),
        ({"territory": TerritoryTerms(codes=())}, "territory: expected at least one"),
        ({"languages": LanguageTerms(codes=("zho",))}, "languages: expected zh, the shortest"),
        ({"window": WindowTerms()}, "window: expected it sorted"),
        ({"window": WindowTerms(since=T0, until=T0)}, "window: expected since before until"),
        ({"sublicence_depth": 21}, "sublicence_depth: expected 0 to 20"),
        ({"duties": (DutyTerms(kind=DutyKind.ATTRIBUTE, days=3),)}, "duty attribute: expected no days"),
        ({"duties": (DutyTerms(kind=DutyKind.REPORT_USAGE),)}, "duty report_usage: expected a number of days"),
        (
            {"duties": (DutyTerms(kind=DutyKind.SHARE_ALIKE), DutyTerms(kind=DutyKind.ATTRIBUTE))},
            "duties: expected it sorted",
        ),
        (
            {
                "duties": (
                    DutyTerms(kind=DutyKind.REPORT_USAGE, days=3),
                    DutyTerms(kind=DutyKind.REPORT_USAGE, days=4),
                )
            },
            "duties: expected each kind once",
        ),
    ],
)
def test_what_is_no_scope(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        scope_of(replace(TERMS, **changes))


def test_a_scope_is_told_in_two_languages() -> None:
    told = dict(describe(FILM))
    assert len(told) == 9
    assert told["使用方式：放映、翻译"] == "uses: project, translate"
    assert told["地域：CN、HK"] == "territory: CN, HK"
    assert told["语言：除 zh 外的全部"] == "languages: all but zh"
    assert told["义务：署名、每 90 日报告使用情况"] == "duties: attribute, report usage every 90 days"
    assert told["转授权层数：1 层"] == "sublicence depth: 1"
    assert any(zh.startswith("期限：自 2026-01-01") for zh in told)
