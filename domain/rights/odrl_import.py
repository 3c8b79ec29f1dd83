"""The way back: a policy of our profile (`domain.rights.odrl`) as a scope, or the term because of which it is none.

A document is read as JSON, not as a graph: it must be compacted with the context of the profile. Where an array may
stand, so may its one value (JSON-LD 1.0 §6.11). Everything that is read is mapped; what is not mapped is refused.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from domain.errors import Invalid
from domain.rights.codes import COUNTRIES, Codes, Domain, check_codes
from domain.rights.members import read_members, read_text
from domain.rights.odrl import (
    ACTIONS,
    CODE_OPERANDS,
    DAYS,
    DEPTH,
    DUTY_ACTIONS,
    PROFILE,
    TERRITORY,
    WORD_OPERANDS,
    Policy,
    PolicyKind,
    check_names,
    context,
)
from domain.rights.scope import Scope, Window
from domain.rights.terms import Duties, Duty
from domain.spelling import parse_instant, shown

VALUES_MAX: Final = len(COUNTRIES)
"""Most values of one member that may be an array."""
_DURATION: Final = re.compile(r"P([1-9][0-9]{0,8})D", re.ASCII)
_WINDOW: Final = {"gteq": "since", "lt": "until"}
_CONSTRAINT: Final = ("leftOperand", "operator", "rightOperand")
_K = TypeVar("_K")


def import_policy(document: object) -> Policy:
    """Return the policy that a JSON-LD document of our profile states.

    Raises:
        Invalid: a term, a member or a value that does not map onto a scope, or a component that is not said; named.
    """
    policy = read_members(document, "odrl", needed=("@context", "@type", "uid", "profile", "permission"))
    if policy["@context"] != context():
        raise Invalid(f"odrl.@context: expected {context()}, found {shown(policy['@context'])}")
    if policy["profile"] not in (PROFILE, [PROFILE]):
        raise Invalid(f"odrl.profile: expected {PROFILE} alone (§3.2), found {shown(policy['profile'])}")
    where = "odrl.permission"
    permissions = _many(policy["permission"], where)
    if len(permissions) != 1:
        raise Invalid(f"{where}: expected one permission, found {len(permissions)}")
    permission = read_members(
        permissions[0], where, needed=("target", "assigner", "action", "constraint"), optional=("assignee", "duty")
    )
    return check_names(
        Policy(
            kind=_keyed({str(kind): kind for kind in PolicyKind}, policy["@type"], "odrl.@type"),
            uid=read_text(policy["uid"], "odrl.uid"),
            target=read_text(permission["target"], f"{where}.target"),
            assigner=read_text(permission["assigner"], f"{where}.assigner"),
            assignee=read_text(permission["assignee"], f"{where}.assignee") if "assignee" in permission else None,
            scope=_scope(permission, where),
        )
    )


def _scope(permission: Mapping[str, Any], where: str) -> Scope:
    uses = _set(permission["action"], f"{where}.action", lambda one, at: _keyed(_USES, one, at))
    members: dict[str, Any] = {}
    ends: dict[str, Any] = {}
    for place, found in enumerate(_many(permission["constraint"], f"{where}.constraint")):
        at = f"{where}.constraint[{place}]"
        constraint = read_members(found, at, needed=_CONSTRAINT)
        operand = _keyed(_OPERANDS, constraint["leftOperand"], f"{at}.leftOperand")
        right, operator = constraint["rightOperand"], constraint["operator"]
        if operand == "dateTime":
            member = _keyed(_WINDOW, operator, f"{at}.operator")
            into, said = ends, _instant(right, at)
        else:
            into = members
            member, said = _component(operand, operator, right, at)
        if member in into:
            raise Invalid(f"{at}: expected one constraint on {member}, found a second")
        into[member] = said
    for operand, member in _NEEDED.items():
        if member not in members:
            raise Invalid(f"{where}.constraint: expected one on {operand}, found none: what is not said is not granted")
    duties = _set(permission.get("duty", []), f"{where}.duty", _duty)
    try:
        return Scope(uses=uses, window=Window(**ends), duties=Duties(duties), **members)
    except Invalid as err:
        raise Invalid(f"{where}: {err}") from err


def _component(operand: str, operator: object, right: object, at: str) -> tuple[str, object]:
    """Return the component that a constraint is on, and its value."""
    value_at = f"{at}.rightOperand"
    if operand == DEPTH:
        _one_of(("lteq",), operator, f"{at}.operator")
        if type(right) is not int:
            raise Invalid(f"{value_at}: expected an integer, found {shown(right)}")
        return "sublicence_depth", right
    if operand in WORD_OPERANDS:
        member, words, prefix = WORD_OPERANDS[operand]
        _one_of(("isAnyOf", "eq"), operator, f"{at}.operator")
        named = {f"{prefix}{word}": word for word in words if word != "unspecified"}
        return member, _several(right, operator, value_at, lambda one, place: _keyed(named, _iri(one, place), place))
    member, domain, everything = CODE_OPERANDS[operand]
    _one_of(("isAnyOf", "eq", "isNoneOf", "isPartOf"), operator, f"{at}.operator")
    if operator == "isPartOf":
        _one_of((everything,), _iri(right, value_at), value_at)
        return member, Codes(domain, frozenset(), True)
    codes = _several(right, operator, value_at, _territory if domain is Domain.TERRITORY else read_text)
    if not codes:
        raise Invalid(f"{value_at}: expected at least one value, found none")
    return member, check_codes(Codes(domain, codes, operator == "isNoneOf"), value_at)


def _several(right: object, operator: object, at: str, read: Callable[[object, str], _K]) -> frozenset[_K]:
    """Return the values of a right operand; `eq` has one."""
    if operator == "eq" and len(_many(right, at)) != 1:
        raise Invalid(f"{at}: expected one value for eq, found {shown(right)}")
    return _set(right, at, read)


def _duty(found: object, at: str) -> Duty:
    duty = read_members(found, at, needed=("action",), optional=("constraint",))
    kind = _keyed(_DUTIES, duty["action"], f"{at}.action")
    days = None
    for place, one in enumerate(_many(duty.get("constraint", []), f"{at}.constraint")):
        inner = f"{at}.constraint[{place}]"
        constraint = read_members(one, inner, needed=_CONSTRAINT)
        if kind not in DAYS or days is not None:
            raise Invalid(f"{inner}: expected no such constraint of {duty['action']}, found {shown(one)}")
        operand, operator = DAYS[kind]
        _one_of((operand,), constraint["leftOperand"], f"{inner}.leftOperand")
        _one_of((operator,), constraint["operator"], f"{inner}.operator")
        text = _typed(constraint["rightOperand"], "duration", inner)
        duration = _DURATION.fullmatch(text)
        if duration is None:
            raise Invalid(f"{inner}.rightOperand: expected whole days such as P90D, found {shown(text)}")
        days = int(duration[1])
    try:
        return Duty(kind=kind, days=days)
    except Invalid as err:
        raise Invalid(f"{at}: {err}") from err


def _instant(right: object, at: str) -> object:
    return parse_instant(_typed(right, "dateTime", at), f"{at}.rightOperand.@value")


def _territory(found: object, at: str) -> str:
    term = _iri(found, at)
    code = term.removeprefix(TERRITORY)
    if term == code or code not in COUNTRIES:
        raise Invalid(f"{at}: expected {TERRITORY} and an ISO 3166-1 alpha-2 code, found {shown(term)}")
    return code


def _iri(found: object, at: str) -> str:
    """Return the IRI of `{"@id": ...}`: a bare string as right operand is a literal, and another thing."""
    return read_text(read_members(found, at, needed=("@id",))["@id"], f"{at}.@id")


def _typed(found: object, kind: str, at: str) -> str:
    literal = read_members(found, f"{at}.rightOperand", needed=("@value", "@type"))
    _one_of((f"xsd:{kind}",), literal["@type"], f"{at}.rightOperand.@type")
    return read_text(literal["@value"], f"{at}.rightOperand.@value")


def _many(found: object, where: str) -> list[Any]:
    values = found if isinstance(found, list) else [found]
    if len(values) > VALUES_MAX:
        raise Invalid(f"{where}: expected at most {VALUES_MAX} values, found {len(values)}")
    return values


def _set(found: object, where: str, read: Callable[[object, str], _K]) -> frozenset[_K]:
    values = [read(one, f"{where}[{place}]") for place, one in enumerate(_many(found, where))]
    if len(set(values)) != len(values):
        raise Invalid(f"{where}: expected each value once, found one twice")
    return frozenset(values)


def _keyed(known: Mapping[str, _K], found: object, where: str) -> _K:
    _one_of(known, found, where)
    return known[str(found)]


def _one_of(known: Collection[str], found: object, where: str) -> None:
    if not isinstance(found, str) or found not in known:
        raise Invalid(
            f"{where}: expected {'one of ' if len(known) > 1 else ''}{', '.join(known)}, found {shown(found)}"
        )


_USES: Final = {action: use for use, action in ACTIONS.items()}
_DUTIES: Final = {action: kind for kind, action in DUTY_ACTIONS.items()}
_NEEDED: Final = {
    **{operand: member for operand, (member, _, _) in WORD_OPERANDS.items()},
    **{operand: member for operand, (member, _, _) in CODE_OPERANDS.items()},
    DEPTH: "sublicence_depth",
}
_OPERANDS: Final = {operand: operand for operand in (*_NEEDED, "dateTime")}
