"""A scope as JSON, in a command or a document: read strictly, written in one way.

    {"uses": ["project", "translate"], "fields": ["film"], "natures": ["commercial"], "media": ["theatrical"],
     "languages": {"all_but": true, "codes": ["zh"]}, "territory": {"codes": ["CN", "HK"]},
     "window": {"since": "2026-01-01T00:00:00Z", "until": "2031-01-01T00:00:00Z"}, "sublicence_depth": 1,
     "duties": [{"kind": "attribute"}, {"kind": "report_usage", "days": 90}]}

Sets are written sorted and may be read in any order, but no member twice. `window`, its ends, `sublicence_depth`,
`duties`, `days` and `all_but` may be left away, and are where they have their default: open, 0, none, none, false.
Instants are RFC 3339 in UTC with `Z` and at most six decimals. No other member may stand.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.rights.codes import COUNTRIES, Codes, Domain, check_codes
from domain.rights.members import read_members, read_text
from domain.rights.scope import CODES, WORDS, Component, Scope, Window
from domain.rights.terms import Duties, Duty, DutyKind, Field, Medium, Use
from domain.spelling import instant_text, parse_instant, shown

CODES_MAX: Final = len(COUNTRIES)
"""Most codes in one set; of languages there may be fewer (`domain.rights.codes`)."""
ENDS: Final = ("since", "until")
OPTIONAL: Final = tuple(component for component in Component if component not in (*WORDS, *CODES))
_W = TypeVar("_W", bound=StrEnum)
_T = TypeVar("_T")


def parse_scope(document: object, where: str = "scope") -> Scope:
    """Return the scope that a JSON value states.

    Raises:
        Invalid: a member is missing, unknown, empty, twice in a set, out of bounds or of another type; it is named.
    """
    found = read_members(document, where, needed=(*WORDS, *CODES), optional=OPTIONAL)
    window = read_members(found.get("window", {}), f"{where}.window", optional=ENDS)
    members: dict[str, Any] = {
        "uses": _words(Use, found["uses"], f"{where}.uses"),
        "fields": _words(Field, found["fields"], f"{where}.fields"),
        "natures": _words(Nature, found["natures"], f"{where}.natures"),
        "media": _words(Medium, found["media"], f"{where}.media"),
        "languages": _codes(found["languages"], Domain.LANGUAGE, f"{where}.languages"),
        "territory": _codes(found["territory"], Domain.TERRITORY, f"{where}.territory"),
        "window": Window(**{end: parse_instant(text, f"{where}.window.{end}") for end, text in window.items()}),
        "sublicence_depth": _integer(found.get("sublicence_depth", 0), f"{where}.sublicence_depth"),
    }
    duties = _set(found.get("duties", []), f"{where}.duties", len(DutyKind), _duty)
    try:
        return Scope(**members, duties=Duties(duties))
    except Invalid as err:
        raise Invalid(f"{where}.{err}") from err


def scope_json(scope: Scope) -> dict[str, Any]:
    """Return a scope as JSON values, from which `parse_scope` makes an equal one; equal scopes give equal values."""
    document = {str(component): component_json(scope, component) for component in Component}
    defaults: tuple[tuple[str, object], ...] = (("window", {}), ("sublicence_depth", 0), ("duties", []))
    for member, default in defaults:
        if document[member] == default:
            del document[member]
    return document


def component_json(scope: Scope, component: Component) -> Any:
    """Return one component as JSON values."""
    match getattr(scope, component):
        case Codes() as codes:
            return codes_json(codes)
        case Window() as window:
            return {end: instant_text(at) for end in ENDS if (at := getattr(window, end)) is not None}
        case Duties() as duties:
            return duties_json(duties)
        case int() as depth:
            return depth
        case words:
            return sorted(map(str, words))


def codes_json(codes: Codes) -> dict[str, Any]:
    """Return a set of codes as JSON values."""
    return {**({"all_but": True} if codes.all_but else {}), "codes": sorted(codes.codes)}


def duties_json(duties: Duties) -> list[dict[str, Any]]:
    """Return duties as JSON values, by kind."""
    return [
        {"kind": str(duty.kind), **({} if duty.days is None else {"days": duty.days})} for duty in duties.in_order()
    ]


def _duty(found: object, where: str) -> Duty:
    members = read_members(found, where, needed=("kind",), optional=("days",))
    days = members.get("days")
    kind = _word(DutyKind, members["kind"], f"{where}.kind")
    try:
        return Duty(kind=kind, days=days if days is None else _integer(days, f"{where}.days"))
    except Invalid as err:
        raise Invalid(f"{where}: {err}") from err


def _codes(found: object, domain: Domain, where: str) -> Codes:
    members = read_members(found, where, needed=("codes",), optional=("all_but",))
    all_but = members.get("all_but", False)
    if type(all_but) is not bool:
        raise Invalid(f"{where}.all_but: expected true or false, found {shown(all_but)}")
    codes = _set(members["codes"], f"{where}.codes", CODES_MAX, read_text)
    return check_codes(Codes(domain, codes, all_but), where)


def _words(words: type[_W], found: object, where: str) -> frozenset[_W]:
    return _set(found, where, len(words), lambda one, place: _word(words, one, place))


def _word(words: type[_W], found: object, where: str) -> _W:
    known = [str(word) for word in words if word != "unspecified"]
    if not isinstance(found, str) or found not in known:
        raise Invalid(f"{where}: expected one of {', '.join(known)}, found {shown(found)}")
    return words(found)


def _set(found: object, where: str, most: int, read: Callable[[object, str], _T]) -> frozenset[_T]:
    if not isinstance(found, list) or len(found) > most:
        counted = f"{len(found)}" if isinstance(found, list) else shown(found)
        raise Invalid(f"{where}: expected an array of at most {most}, found {counted}")
    members = [read(one, f"{where}[{place}]") for place, one in enumerate(found)]
    if len(set(members)) != len(members):
        raise Invalid(f"{where}: expected each member once, found one twice")
    return frozenset(members)


def _integer(found: object, where: str) -> int:
    if type(found) is not int:
        raise Invalid(f"{where}: expected an integer, found {shown(found)}")
    return found
