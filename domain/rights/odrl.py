"""A scope as an ODRL 2.2 policy (W3C Recommendation of 2018-02-15), and back, under edgeprint's profile.

`docs/reference/odrl-profile.md` explains the profile to people, `odrl-profile.jsonld` defines its terms (ODRL
Information Model §3.3). A policy is an Offer (§2.1.2) or an Agreement (§2.1.3) in JSON-LD with one permission (§2.6.1),
whose actions (§2.7) are the uses, whose constraints (§2.5.3: all of them hold) are the other components, and whose
duties (§2.6.5) are the duties. `domain.rights.odrl_import` reads what is written here.

| component | left operand | operators | right operand |
|---|---|---|---|
| fields | odrl:industry | isAnyOf, eq | `ep:field:...` |
| natures | purpose | isAnyOf, eq | `ep:nature:...` |
| media | media | isAnyOf, eq | `ep:media:...` |
| languages | language | isAnyOf, eq, isNoneOf; isPartOf | BCP 47 tags; `ep:language:any` |
| territory | spatial | isAnyOf, eq, isNoneOf; isPartOf | `ep:territory:CN` ...; `ep:territory:world` |
| window | dateTime | gteq, lt | xsd:dateTime with `Z`; an end that is not there is open |
| sublicence_depth | `ep:operand:sublicence_depth` | lteq | an integer |

An ODRL word is used where it means what ours means: reproduce, translate, aggregate (汇编). Where ODRL's is wider
(`distribute`, `present`, `derive`) the profile has a narrower one, included in it: to write the wider word would grant
more, and to read it as ours would drop what it grants beyond. For the same reason depth is not written with nextPolicy,
which hands down one fixed policy, nor with count, which counts acts.

`odrl:industry` has its prefix because W3C's JSON-LD context maps the bare word to another IRI, `odrl:industry:`.

What cannot be mapped is refused, never dropped: any other action, operand, operator, profile or member; prohibitions
(§2.6.2), obligations (§2.6.4), logical constraints such as xone (§2.5.2), refinements (§2.5.4), remedies, consequences,
inheritance (§2.9), conflict strategies (§2.10), a second permission (the union of two scopes is none). A component that
is not said is not granted (Copyright Law of the People's Republic of China, art. 29), so each must be there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.rights.codes import COUNTRIES, Codes, Domain
from domain.rights.scope import Scope
from domain.rights.terms import Duty, DutyKind, Field, Medium, Use
from domain.spelling import instant_text, shown

PROFILE: Final = "urn:edgeprint:odrl-profile:1"
ODRL_CONTEXT: Final = "http://www.w3.org/ns/odrl.jsonld"
IRI_CHARACTERS_MAX: Final = 2_000

ACTIONS: Final[Mapping[Use, str]] = {
    use: {Use.REPRODUCE: "reproduce", Use.TRANSLATE: "translate", Use.COMPILE: "aggregate"}.get(use, f"ep:action:{use}")
    for use in Use
    if use is not Use.UNSPECIFIED
}
DUTY_ACTIONS: Final[Mapping[DutyKind, str]] = {
    DutyKind.ATTRIBUTE: "attribute",
    DutyKind.SHARE_ALIKE: "cc:ShareAlike",
    DutyKind.PAY_SHARE: "ep:duty:pay_share",
    DutyKind.LABEL_GENERATED: "ep:duty:label_generated",
    DutyKind.REPORT_USAGE: "inform",
    DutyKind.DELETE_COPIES: "delete",
}
DAYS: Final[Mapping[DutyKind, tuple[str, str]]] = {
    DutyKind.REPORT_USAGE: ("timeInterval", "eq"),
    DutyKind.DELETE_COPIES: ("ep:operand:after_window", "lteq"),
}
"""Left operand and operator of the one constraint of a duty that has days; the right operand is an xsd:duration."""
DEPTH: Final = "ep:operand:sublicence_depth"
WORD_OPERANDS: Final[Mapping[str, tuple[str, type[StrEnum], str]]] = {
    "odrl:industry": ("fields", Field, "ep:field:"),
    "purpose": ("natures", Nature, "ep:nature:"),
    "media": ("media", Medium, "ep:media:"),
}
CODE_OPERANDS: Final[Mapping[str, tuple[str, Domain, str]]] = {
    "language": ("languages", Domain.LANGUAGE, "ep:language:any"),
    "spatial": ("territory", Domain.TERRITORY, "ep:territory:world"),
}
TERRITORY: Final = "ep:territory:"
_IRI: Final = re.compile(r"(?:did|https?|urn):[!#-;=?-\[\]_a-z~]+", re.ASCII)


class PolicyKind(StrEnum):
    """Offered by the assigner, or agreed with the assignee."""

    OFFER = "Offer"
    AGREEMENT = "Agreement"


@dataclass(frozen=True, slots=True)
class Policy:
    """A scope with what it is of and between whom, as IRIs (did, http, https or urn); an offer may be to anybody."""

    kind: PolicyKind
    uid: str
    target: str
    assigner: str
    assignee: str | None
    scope: Scope


def context() -> list[Any]:
    """Return the one `@context` that policies have: ODRL's, and `ep` for the terms of the profile."""
    return [ODRL_CONTEXT, {"ep": f"{PROFILE}:"}]


def profile_terms() -> frozenset[str]:
    """Return every term of the profile as a compact IRI; each is defined in the profile document, and no other."""
    words = {
        f"{prefix}{word}" for _, known, prefix in WORD_OPERANDS.values() for word in known if word != "unspecified"
    }
    codes = {f"{TERRITORY}{code}" for code in COUNTRIES} | {everything for _, _, everything in CODE_OPERANDS.values()}
    others = {*ACTIONS.values(), *DUTY_ACTIONS.values(), *(operand for operand, _ in DAYS.values()), DEPTH}
    return frozenset(words | codes | {term for term in others if term.startswith("ep:")})


def check_names(policy: Policy) -> Policy:
    """Return the policy if its names are IRIs, and an agreement says with whom (§2.1.3).

    Only some schemes are names here: a prefix of the JSON-LD context, such as `ep`, would be read as something else.
    Only ASCII (RFC 3987 §3.1): two names that look alike are alike.

    Raises:
        Invalid: otherwise; the name is named.
    """
    for name in ("uid", "target", "assigner", "assignee"):
        found = getattr(policy, name)
        if found is None:
            if policy.kind is PolicyKind.AGREEMENT:
                raise Invalid(f"odrl.{name}: expected one in an Agreement (§2.1.3), found none")
        elif not isinstance(found, str) or len(found) > IRI_CHARACTERS_MAX or not _IRI.fullmatch(found):
            raise Invalid(f"odrl.{name}: expected an IRI of did, http, https or urn in ASCII, found {shown(found)}")
    return policy


def export_policy(policy: Policy) -> dict[str, Any]:
    """Return the policy as a JSON-LD document; equal policies give equal documents.

    Raises:
        Invalid: as `check_names`.
    """
    check_names(policy)
    permission: dict[str, Any] = {"target": policy.target, "assigner": policy.assigner}
    if policy.assignee is not None:
        permission["assignee"] = policy.assignee
    permission["action"] = [ACTIONS[use] for use in sorted(policy.scope.uses)]
    permission["constraint"] = _constraints(policy.scope)
    if policy.scope.duties.strictest:
        permission["duty"] = [_duty(duty) for duty in policy.scope.duties.in_order()]
    return {
        "@context": context(),
        "@type": str(policy.kind),
        "uid": policy.uid,
        "profile": PROFILE,
        "permission": [permission],
    }


def _constraints(scope: Scope) -> list[dict[str, Any]]:
    made = [
        _constraint(operand, "isAnyOf", [{"@id": f"{prefix}{word}"} for word in sorted(getattr(scope, member))])
        for operand, (member, _, prefix) in WORD_OPERANDS.items()
    ]
    made += [_code_constraint(operand, getattr(scope, member)) for operand, (member, _, _) in CODE_OPERANDS.items()]
    for operator, end in (("gteq", scope.window.since), ("lt", scope.window.until)):
        if end is not None:
            made.append(_constraint("dateTime", operator, {"@value": instant_text(end), "@type": "xsd:dateTime"}))
    return [*made, _constraint(DEPTH, "lteq", scope.sublicence_depth)]


def _code_constraint(operand: str, codes: Codes) -> dict[str, Any]:
    if codes.all_but and not codes.codes:
        return _constraint(operand, "isPartOf", {"@id": CODE_OPERANDS[operand][2]})
    named = sorted(codes.codes)
    values: list[Any] = [{"@id": f"{TERRITORY}{code}"} for code in named] if operand == "spatial" else [*named]
    return _constraint(operand, "isNoneOf" if codes.all_but else "isAnyOf", values)


def _duty(duty: Duty) -> dict[str, Any]:
    made: dict[str, Any] = {"action": DUTY_ACTIONS[duty.kind]}
    if duty.days is not None:
        operand, operator = DAYS[duty.kind]
        days = {"@value": f"P{duty.days}D", "@type": "xsd:duration"}
        made["constraint"] = [_constraint(operand, operator, days)]
    return made


def _constraint(operand: str, operator: str, right: object) -> dict[str, Any]:
    return {"leftOperand": operand, "operator": operator, "rightOperand": right}
