"""Scopes: read strictly, explained in two languages, compared in the time of a glance."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.rights.codes import (
    COUNTRIES,
    LANGUAGES,
    LANGUAGES_MAX,
    LONG_FORMS,
    Codes,
    Domain,
    languages,
    territory,
)
from domain.rights.scope import (
    SUBLICENCE_DEPTH_MAX,
    Component,
    Scope,
    Window,
    contained,
    disjoint,
    failing,
    meet,
    passed_on,
)
from domain.rights.scope_json import CODES_MAX, component_json, parse_scope, scope_json
from domain.rights.scope_words import NAMES, explain
from domain.rights.terms import (
    CHINESE,
    COUNTED_IN_DAYS,
    DAYS_MAX,
    NO_DUTIES,
    Duties,
    Duty,
    DutyKind,
    Field,
    Medium,
    Use,
)
from tests.rights_kit import FILM, FILM_JSON, MICROSECOND, T0, known


def changed(**components: Any) -> dict[str, Any]:
    return {**FILM_JSON, **components}


def test_the_example_of_the_module_is_this_scope() -> None:
    assert parse_scope(FILM_JSON) == FILM and scope_json(FILM) == FILM_JSON


def test_what_is_left_away_has_its_default_and_is_left_away_again() -> None:
    short = {name: FILM_JSON[name] for name in ("uses", "fields", "natures", "media", "languages", "territory")}
    scope = parse_scope(short)
    assert (scope.window, scope.sublicence_depth, scope.duties) == (Window(), 0, NO_DUTIES)
    assert scope_json(scope) == short
    said = changed(window={}, sublicence_depth=0, duties=[], territory={"codes": ["HK", "CN"], "all_but": False})
    assert parse_scope(said) == scope


def test_sets_are_written_sorted_whatever_order_was_read() -> None:
    scope = parse_scope(changed(uses=["translate", "project"], territory={"codes": ["HK", "CN"]}))
    assert scope == FILM and scope_json(scope) == FILM_JSON


@pytest.mark.parametrize("member", ["uses", "fields", "natures", "media", "languages", "territory"])
def test_what_says_what_is_allowed_must_be_there(member: str) -> None:
    lacking = {name: value for name, value in FILM_JSON.items() if name != member}
    with pytest.raises(Invalid, match=f"scope: expected the member {member}, found none"):
        parse_scope(lacking)


@pytest.mark.parametrize("member", [*Component])
@pytest.mark.parametrize("found", [None, True, 1.5, "x", {"x": 1}, [["x"]]])
def test_each_member_is_typed(member: str, found: object) -> None:
    with pytest.raises(Invalid, match=rf"scope\.{member}"):
        parse_scope(changed(**{member: found}))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"more": 1}, "scope: expected uses, .*, found the member 'more'"),
        ({"uses": []}, r"scope\.uses: expected at least one of the known words, found \[\]"),
        ({"uses": ["sing"]}, r"scope\.uses\[0\]: expected one of reproduce, .*, found 'sing'"),
        ({"uses": ["unspecified"]}, r"scope\.uses\[0\]: expected one of reproduce"),
        ({"uses": ["train", "train"]}, r"scope\.uses: expected each member once, found one twice"),
        ({"uses": ["train"] * 99}, r"scope\.uses: expected an array of at most 15, found 99"),
        ({"natures": ["war"]}, r"expected one of commercial, non_commercial, research, found 'war'"),
        ({"territory": {"codes": []}}, "scope.territory: expected at least one territory, found none"),
        ({"territory": {"codes": ["UK"]}}, "expected ISO 3166-1 alpha-2 codes such as CN, found 'UK'"),
        ({"territory": {"codes": ["cn"]}}, "found 'cn'"),
        ({"territory": {"codes": ["CN"], "all_but": 1}}, "territory.all_but: expected true or false, found 1"),
        ({"territory": {"all_but": True}}, "scope.territory: expected the member codes, found none"),
        ({"territory": {"codes": sorted(COUNTRIES), "all_but": True}}, "expected at least one territory, found none"),
        ({"territory": {"codes": ["CN"] * (CODES_MAX + 1)}}, "expected an array of at most 249, found 250"),
        ({"languages": {"codes": ["zh-Hans"]}}, "expected primary language tags of BCP 47 .*, found 'zh-Hans'"),
        ({"languages": {"codes": ["ZH"]}}, "found 'ZH'"),
        ({"languages": {"codes": ["xx"]}}, "found 'xx'"),
        ({"languages": {"codes": ["zho"]}}, "expected zh, the shortest tag .*, found zho"),
        ({"languages": {"codes": ["ger"]}}, "expected de, the shortest tag"),
        ({"window": {"from": "2026-01-01T00:00:00Z"}}, "expected since, until, found the member 'from'"),
        ({"window": {"since": "2026-01-01"}}, r"scope\.window\.since: expected an instant such as"),
        ({"window": {"since": "2026-02-30T00:00:00Z"}}, "found '2026-02-30T00:00:00Z'"),
        ({"window": {"since": "2026-01-01T00:00:00+08:00"}}, "expected an instant"),
        ({"window": {"since": "2026-01-01T00:00:00.1234567Z"}}, "expected an instant"),
        ({"window": {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}}, "expected since before until"),
        ({"sublicence_depth": -1}, "expected 0 to 20, found -1"),
        ({"sublicence_depth": SUBLICENCE_DEPTH_MAX + 1}, "expected 0 to 20, found 21"),
        ({"sublicence_depth": True}, "expected an integer, found True"),
        ({"duties": [{"days": 3}]}, r"scope\.duties\[0\]: expected the member kind"),
        ({"duties": [{"kind": "dance"}]}, "expected one of attribute, .*, found 'dance'"),
        ({"duties": [{"kind": "report_usage"}]}, "duty report_usage: expected a number of days, found None"),
        ({"duties": [{"kind": "attribute", "days": 3}]}, "duty attribute: expected no days, found 3"),
        ({"duties": [{"kind": "delete_copies", "days": 0}]}, f"expected 1 to {DAYS_MAX} days, found 0"),
        ({"duties": [{"kind": "delete_copies", "days": DAYS_MAX + 1}]}, "found 36501"),
        ({"duties": [{"kind": "delete_copies", "days": n} for n in (1, 2)]}, "expected each kind once, found delete_c"),
    ],
)
def test_what_is_no_scope_is_named(members: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        parse_scope(changed(**members))
    assert str(refused.value).startswith("scope")


def test_a_foreign_value_is_cut_in_the_message() -> None:
    with pytest.raises(Invalid) as refused:
        parse_scope(changed(uses=["x" * 9_999]))
    assert len(str(refused.value)) < 400


def test_too_many_languages_are_refused() -> None:
    letters = "abcdefghij"
    made = [f"q{a}{b}" for a in letters for b in letters] + [f"r{a}{b}" for a in letters for b in letters] + ["yue"]
    with pytest.raises(Invalid, match="expected at most 200 tags, found 201"):
        languages(*made)
    assert len(languages(*made[:LANGUAGES_MAX]).codes) == LANGUAGES_MAX


@pytest.mark.parametrize(
    ("component", "found", "why"),
    [
        ("uses", frozenset(), "uses: expected at least one"),
        ("media", frozenset({Medium.UNSPECIFIED}), "media: expected at least one of the known words"),
        ("languages", Codes(Domain.LANGUAGE, frozenset()), "languages: expected at least one language"),
        ("territory", languages("zh"), "territory: expected at least one territory"),
        ("window", Window(T0, T0), "expected since before until"),
        ("window", Window(T0.replace(tzinfo=None)), "expected instants in UTC"),
        ("window", Window(T0.astimezone(timezone(timedelta(hours=8)))), "expected instants in UTC"),
        ("sublicence_depth", 21, "expected 0 to 20"),
    ],
)
def test_no_scope_is_built_that_is_none(component: str, found: object, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        replace(FILM, **{component: found})


def test_a_duty_without_a_kind_is_none() -> None:
    with pytest.raises(Invalid, match="expected a kind"):
        Duty(kind=DutyKind.UNSPECIFIED)


def test_the_lists_of_codes_are_those_of_the_standards() -> None:
    assert (len(COUNTRIES), len(LANGUAGES)) == (249, 183)
    assert all(re.fullmatch("[A-Z]{2}", code) for code in COUNTRIES)
    assert {"CN", "HK", "MO", "TW", "SS", "XK", "EU", "UK"} - COUNTRIES == {"XK", "EU", "UK"}
    assert set(LONG_FORMS.values()) == LANGUAGES and "yue" not in LONG_FORMS
    assert languages("yue", "zh").codes == {"yue", "zh"}


def test_every_word_has_a_chinese_name_of_its_own() -> None:
    for words in (Use, Field, Nature, Medium, DutyKind):
        named = [CHINESE[word] for word in known(words)]
        assert len(set(named)) == len(named)
    assert set(NAMES) == set(Component)
    assert COUNTED_IN_DAYS.issubset(known(DutyKind))


def test_taiwan_hong_kong_and_macao_are_not_in_cn() -> None:
    mainland = replace(FILM, territory=territory("CN"))
    for code in ("HK", "MO", "TW"):
        assert not contained(replace(FILM, territory=territory(code)), mainland)
        assert contained(
            replace(FILM, territory=territory(code)), replace(FILM, territory=territory("CN", all_but=True))
        )


def test_a_stricter_duty_keeps_a_laxer_one() -> None:
    def reports(days: int) -> Scope:
        return replace(FILM, duties=Duties(frozenset({Duty(kind=DutyKind.REPORT_USAGE, days=days)})))

    assert contained(reports(30), reports(90)) and not contained(reports(90), reports(30))
    assert meet(reports(30), reports(90)) == reports(30) == meet(reports(90), reports(30))
    assert not contained(replace(FILM, duties=NO_DUTIES), reports(90))


def test_of_a_title_that_is_open_at_both_ends_any_window_may_be_granted() -> None:
    title = replace(FILM, window=Window(), sublicence_depth=SUBLICENCE_DEPTH_MAX)
    for window in (Window(), Window(T0), Window(None, T0), Window(T0, T0 + MICROSECOND)):
        assert contained(replace(FILM, window=window), title)
    assert failing(title, FILM) == (Component.WINDOW, Component.SUBLICENCE_DEPTH)
    assert failing(replace(FILM, window=Window(T0)), FILM) == (Component.WINDOW,)


def test_research_and_commerce_have_nothing_in_common_and_it_is_said() -> None:
    research = replace(FILM, natures=frozenset({Nature.RESEARCH}), window=Window(None, T0))
    assert meet(FILM, research) is None
    assert disjoint(FILM, research) == (Component.NATURES, Component.WINDOW)


def test_what_may_not_be_passed_on_is_not() -> None:
    last = passed_on(FILM)
    assert last == replace(FILM, sublicence_depth=0) and passed_on(replace(FILM, sublicence_depth=0)) is None


WIDE = replace(
    FILM,
    uses=frozenset({Use.PROJECT, Use.BROADCAST, Use.TRAIN}),
    natures=frozenset({Nature.NON_COMMERCIAL}),
    languages=languages(all_but=True),
    territory=territory("CN", all_but=True),
    window=Window(None, T0.replace(year=2031, microsecond=1)),
    sublicence_depth=2,
    duties=Duties(frozenset({Duty(kind=DutyKind.REPORT_USAGE, days=180), Duty(kind=DutyKind.DELETE_COPIES, days=30)})),
)


def test_an_explanation_names_the_component_both_values_and_what_is_too_much() -> None:
    found = explain(WIDE, FILM)
    assert [failure.en for failure in found] == [
        "uses: granted project, translate; asked broadcast, project, train; beyond: broadcast, train",
        "natures: granted commercial; asked non commercial; beyond: non commercial",
        "languages: granted all but zh; asked all; beyond: zh",
        "territory: granted CN, HK; asked all but CN; beyond: all but CN, HK",
        "window: granted from 2026-01-01T00:00:00Z until before 2031-01-01T00:00:00Z; "
        "asked without beginning until before 2031-01-01T00:00:00.000001Z",
        "sublicence depth: granted 1; asked 2",
        "duties: granted with attribute, report usage every 90 days; "
        "asked with delete copies within 30 days of the end, report usage every 180 days; "
        "not kept: attribute, report usage every 90 days",
    ]
    assert [failure.zh for failure in found] == [
        "使用方式：授予放映、翻译；请求广播、放映、模型训练；超出：广播、模型训练",
        "使用性质：授予商业；请求非商业；超出：非商业",
        "语言：授予除 zh 外的全部；请求全部；超出：zh",
        "地域：授予 CN、HK；请求除 CN 外的全部；超出：除 CN、HK 外的全部",
        "期限：授予自 2026-01-01T00:00:00Z 起、至 2031-01-01T00:00:00Z 前；"
        "请求不限起点、至 2031-01-01T00:00:00.000001Z 前",
        "转授权层数：授予 1 层；请求 2 层",
        "义务：授予附有署名、每 90 日报告使用情况；请求承担期满后 30 日内删除复制件、每 180 日报告使用情况；"
        "未承担：署名、每 90 日报告使用情况",
    ]
    assert found[0].beyond == ["broadcast", "train"] and found[2].beyond == {"codes": ["zh"]}
    assert found[4].beyond is None
    assert all(one.inner == component_json(WIDE, one.component) for one in found)
    assert all(one.outer == component_json(FILM, one.component) for one in found)


def test_open_ends_are_said_in_words() -> None:
    open_end = explain(replace(FILM, window=Window(T0)), FILM)[0]
    assert open_end.en.endswith("asked from 2026-01-01T00:00:00Z without end")
    assert open_end.zh.endswith("请求自 2026-01-01T00:00:00Z 起、不限终点")
    always = explain(replace(FILM, window=Window()), FILM)[0]
    assert always.en.endswith("asked without beginning or end") and always.zh.endswith("请求不限起止")
    free = explain(replace(FILM, duties=NO_DUTIES), FILM)[0]
    assert "asked with none" in free.en and "请求承担无" in free.zh


def test_the_domain_says_the_same_as_the_page_of_the_law() -> None:
    """Uses that the law knows are items (5) to (16) of art. 10(1), one word each; two acts of machines stand beside."""
    source = (Path(__file__).parents[2] / "domain" / "rights" / "terms.py").read_text(encoding="utf-8")
    items = [int(number) for number in re.findall(r'^    [A-Z_]+ = "[a-z_]+"  # \((\d+)\)', source, re.MULTILINE)]
    assert items == list(range(5, 17)) and len(known(Use)) == len(items) + 2


def test_far_instants_are_written_and_read() -> None:
    ends = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59.999999Z"}
    scope = parse_scope(changed(window=ends))
    assert scope.window.until == datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
    assert scope_json(scope)["window"] == ends
