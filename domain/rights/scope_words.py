"""Why one scope is not contained in another: as data, and as a sentence in Chinese and in English.

    window: granted from 2026-01-01T00:00:00Z until before 2031-01-01T00:00:00Z; asked without beginning or end
    期限：授予自 2026-01-01T00:00:00Z 起、至 2031-01-01T00:00:00Z 前；请求不限起止

What is granted is the outer scope (授予), what is asked the inner one (请求). Each sentence says both values and, of a
set, which members of it are beyond what is granted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.rights.codes import Codes
from domain.rights.scope import CODES, WORDS, Component, Scope, Window, failing
from domain.rights.scope_json import codes_json, component_json, duties_json
from domain.rights.terms import CHINESE, Duties, Duty, DutyKind
from domain.spelling import instant_text

NAMES: Final = {
    Component.USES: "使用方式",
    Component.FIELDS: "行业领域",
    Component.NATURES: "使用性质",
    Component.MEDIA: "媒介",
    Component.LANGUAGES: "语言",
    Component.TERRITORY: "地域",
    Component.WINDOW: "期限",
    Component.SUBLICENCE_DEPTH: "转授权层数",
    Component.DUTIES: "义务",
}
"""The components in Chinese."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One component in which `inner` is not contained in `outer`; the values are JSON values.

    `beyond` is what is too much, of a set: members of `inner` that are not in `outer`; of duties: those of `outer`
    that `inner` does not keep; of a window or a depth: None, since both values say it.
    """

    component: Component
    inner: Any
    outer: Any
    beyond: Any
    zh: str
    en: str


def explain(inner: Scope, outer: Scope) -> tuple[Failure, ...]:
    """Return a failure for each component that fails, in the order of `Component`; none if `inner` is contained."""
    return tuple(_failure(component, inner, outer) for component in failing(inner, outer))


def describe(scope: Scope) -> tuple[tuple[str, str], ...]:
    """Return what a scope says of each component, in the order of `Component`: in Chinese and in English."""
    said = []
    for component in Component:
        found = getattr(scope, component)
        if component in WORDS:
            zh, en = _words_zh(found), _words_en(found)
        elif component in CODES:
            zh, en = _codes_zh(found).strip(), _codes_en(found)
        elif component is Component.DUTIES:
            zh, en = _duties_zh(found), _duties_en(found)
        elif component is Component.WINDOW:
            zh, en = _window_zh(found), _window_en(found)
        else:
            zh, en = f"{found} 层", f"{found}"
        said.append((f"{NAMES[component]}：{zh}", f"{component.replace('_', ' ')}: {en}"))
    return tuple(said)


def _failure(component: Component, inner: Scope, outer: Scope) -> Failure:
    asked, granted = getattr(inner, component), getattr(outer, component)
    beyond: Any = None
    if component in WORDS:
        more = asked - granted
        beyond = sorted(map(str, more))
        zh = f"授予{_words_zh(granted)}；请求{_words_zh(asked)}；超出：{_words_zh(more)}"
        en = f"granted {_words_en(granted)}; asked {_words_en(asked)}; beyond: {_words_en(more)}"
    elif component in CODES:
        rest = asked.minus(granted)
        beyond = codes_json(rest)
        zh = f"授予{_codes_zh(granted)}；请求{_codes_zh(asked)}；超出：{_codes_zh(rest).lstrip()}"
        en = f"granted {_codes_en(granted)}; asked {_codes_en(asked)}; beyond: {_codes_en(rest)}"
    elif component is Component.DUTIES:
        unkept = asked.unkept(granted)
        beyond = duties_json(unkept)
        zh = f"授予附有{_duties_zh(granted)}；请求承担{_duties_zh(asked)}；未承担：{_duties_zh(unkept)}"
        en = f"granted with {_duties_en(granted)}; asked with {_duties_en(asked)}; not kept: {_duties_en(unkept)}"
    elif component is Component.WINDOW:
        zh, en = (
            f"授予{_window_zh(granted)}；请求{_window_zh(asked)}",
            f"granted {_window_en(granted)}; asked {_window_en(asked)}",
        )
    else:
        zh, en = f"授予 {granted} 层；请求 {asked} 层", f"granted {granted}; asked {asked}"
    return Failure(
        component=component,
        inner=component_json(inner, component),
        outer=component_json(outer, component),
        beyond=beyond,
        zh=f"{NAMES[component]}：{zh}",
        en=f"{component.replace('_', ' ')}: {en}",
    )


def _words_zh(words: Iterable[Any]) -> str:
    return "、".join(CHINESE[word] for word in sorted(words))


def _words_en(words: Iterable[Any]) -> str:
    return ", ".join(word.replace("_", " ") for word in sorted(words))


def _codes_zh(codes: Codes) -> str:
    named = "、".join(sorted(codes.codes))
    if not codes.all_but:
        return f" {named}"
    return f"除 {named} 外的全部" if named else "全部"


def _codes_en(codes: Codes) -> str:
    named = ", ".join(sorted(codes.codes))
    if not codes.all_but:
        return named
    return f"all but {named}" if named else "all"


def _duties_zh(duties: Duties) -> str:
    return "、".join(_duty_zh(duty) for duty in duties.in_order()) or "无"


def _duties_en(duties: Duties) -> str:
    return ", ".join(_duty_en(duty) for duty in duties.in_order()) or "none"


def _duty_zh(duty: Duty) -> str:
    match duty.kind:
        case DutyKind.REPORT_USAGE:
            return f"每 {duty.days} 日{CHINESE[duty.kind]}"
        case DutyKind.DELETE_COPIES:
            return f"期满后 {duty.days} 日内删除复制件"
        case _:
            return CHINESE[duty.kind]


def _duty_en(duty: Duty) -> str:
    match duty.kind:
        case DutyKind.REPORT_USAGE:
            return f"report usage every {duty.days} days"
        case DutyKind.DELETE_COPIES:
            return f"delete copies within {duty.days} days of the end"
        case _:
            return duty.kind.replace("_", " ")


def _window_zh(window: Window) -> str:
    since, until = _end(window.since), _end(window.until)
    if not since and not until:
        return "不限起止"
    return f"{f'自 {since} 起' if since else '不限起点'}、{f'至 {until} 前' if until else '不限终点'}"


def _window_en(window: Window) -> str:
    since, until = _end(window.since), _end(window.until)
    if not since and not until:
        return "without beginning or end"
    return f"{f'from {since}' if since else 'without beginning'} {f'until before {until}' if until else 'without end'}"


def _end(end: datetime | None) -> str:
    return "" if end is None else instant_text(end)
