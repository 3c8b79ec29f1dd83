"""ODRL policies are read whole or refused by the term; the profile defines every term that is used and no other."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.rights.codes import COUNTRIES, LANGUAGES, LANGUAGES_MAX, Domain, languages, territory
from domain.rights.odrl import (
    ACTIONS,
    CODE_OPERANDS,
    DAYS,
    DEPTH,
    DUTY_ACTIONS,
    IRI_CHARACTERS_MAX,
    PROFILE,
    WORD_OPERANDS,
    Policy,
    PolicyKind,
    context,
    export_policy,
    profile_terms,
)
from domain.rights.odrl_import import import_policy
from domain.rights.scope import Window
from domain.rights.terms import CHINESE, COUNTED_IN_DAYS, NO_DUTIES, Duties, Duty, DutyKind, Field, Medium, Use
from infra.cli.odrl import ODRL_BYTES_MAX, ODRL_DEPTH_MAX
from schemas.strict_json import parse_strict
from tests.docs.pages import example, text
from tests.rights_kit import FILM, T0, known

AGREED = Policy(
    kind=PolicyKind.AGREEMENT,
    uid="urn:uuid:01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e",
    target="https://doi.org/10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9",
    assigner="urn:example:publisher",
    assignee="urn:example:studio",
    scope=FILM,
)
DOCUMENT = export_policy(AGREED)
PERMISSION = DOCUMENT["permission"][0]
GRAPH: list[dict[str, Any]] = json.loads(text("reference/odrl-profile.jsonld"))["@graph"]
DEFINED = {node["@id"]: node for node in GRAPH if node["@id"] != PROFILE}
PAGE = text("reference/odrl-profile.md")
ODRL_ACTIONS = {"use", "distribute", "present", "derive", "compensate"}
INDUSTRY, PURPOSE, MEDIA, LANGUAGE, SPATIAL, SINCE, UNTIL, DEEP = range(8)


def with_policy(**members: Any) -> dict[str, Any]:
    return {**deepcopy(DOCUMENT), **{name.replace("at_", "@"): value for name, value in members.items()}}


def with_permission(**members: Any) -> dict[str, Any]:
    return with_policy(permission=[{**deepcopy(PERMISSION), **members}])


def with_constraint(place: int, **members: Any) -> dict[str, Any]:
    constraints = deepcopy(PERMISSION["constraint"])
    constraints[place] |= members
    return with_permission(constraint=constraints)


def with_more(constraint: dict[str, Any]) -> dict[str, Any]:
    return with_permission(constraint=[*deepcopy(PERMISSION["constraint"]), constraint])


def limit(operand: str, operator: str, right: Any) -> dict[str, Any]:
    return {"leftOperand": operand, "operator": operator, "rightOperand": right}


def days(text: str) -> dict[str, str]:
    return {"@value": text, "@type": "xsd:duration"}


def informing(constraint: Any) -> dict[str, Any]:
    return with_permission(duty=[{"action": "inform", "constraint": constraint}])


def test_the_policy_of_the_page_is_this_one() -> None:
    document = json.loads(example("reference/odrl-profile.md", "policy"))
    assert document == DOCUMENT and import_policy(document) == AGREED


def test_what_is_open_is_not_written_and_what_is_everything_is() -> None:
    wide = replace(FILM, window=Window(), territory=territory(all_but=True), languages=languages(all_but=True))
    permission = export_policy(replace(AGREED, scope=replace(wide, duties=NO_DUTIES)))["permission"][0]
    assert "duty" not in permission
    assert [one["leftOperand"] for one in permission["constraint"]][3:] == ["language", "spatial", DEPTH]
    assert permission["constraint"][SPATIAL] == limit("spatial", "isPartOf", {"@id": "ep:territory:world"})
    assert permission["constraint"][LANGUAGE] == limit("language", "isPartOf", {"@id": "ep:language:any"})


def test_an_offer_may_be_to_anybody_an_agreement_is_with_somebody() -> None:
    offer = replace(AGREED, kind=PolicyKind.OFFER, assignee=None)
    document = export_policy(offer)
    assert "assignee" not in document["permission"][0] and import_policy(document) == offer
    assert import_policy(export_policy(replace(offer, assignee="urn:example:studio"))).assignee == "urn:example:studio"
    with pytest.raises(Invalid, match=r"odrl\.assignee: expected one in an Agreement"):
        export_policy(replace(AGREED, assignee=None))
    with pytest.raises(Invalid, match=r"odrl\.assignee: expected one in an Agreement"):
        import_policy({**document, "@type": "Agreement"})


def test_one_value_may_stand_without_its_array() -> None:
    loose = with_policy(permission={**deepcopy(PERMISSION), "action": "translate", "duty": {"action": "attribute"}})
    constraints = loose["permission"]["constraint"]
    constraints[INDUSTRY] = limit("odrl:industry", "eq", {"@id": "ep:field:film"})
    constraints[LANGUAGE] = limit("language", "eq", "yue")
    constraints[SPATIAL] = limit("spatial", "isNoneOf", {"@id": "ep:territory:US"})
    scope = import_policy({**loose, "profile": [PROFILE]}).scope
    assert scope.uses == {Use.TRANSLATE} and scope.fields == {Field.FILM} and scope.languages == languages("yue")
    assert scope.territory == territory("US", all_but=True)
    assert [duty.kind for duty in scope.duties.in_order()] == [DutyKind.ATTRIBUTE]


@pytest.mark.parametrize(
    ("document", "term"),
    [
        # other rules, and what stands around them
        (with_policy(prohibition=[{"action": "translate"}]), "prohibition"),
        (with_policy(obligation=[{"action": "delete"}]), "obligation"),
        (with_policy(inheritFrom="urn:example:parent"), "inheritFrom"),
        (with_policy(conflict="perm"), "conflict"),
        (with_policy(target="urn:example:compact"), "target"),
        (with_policy(profile="http://www.w3.org/ns/odrl/2/core"), "http://www.w3.org/ns/odrl/2/core"),
        (with_policy(profile=[PROFILE, "urn:example:more"]), "array of 2"),
        (with_policy(at_context="http://www.w3.org/ns/odrl.jsonld"), "http://www.w3.org/ns/odrl.jsonld"),
        (with_policy(at_context=[*context(), {"ep": "urn:example:"}]), "array of 3"),
        (with_policy(at_type="Set"), "Set"),
        (with_policy(at_type="Request"), "Request"),
        (with_policy(permission=[PERMISSION, PERMISSION]), "found 2"),
        (with_policy(permission=[]), "found 0"),
        (with_policy(uid="no name"), "no name"),
        (with_policy(uid="ep:action:train"), "ep:action:train"),
        # actions
        (with_permission(action=["play"]), "play"),
        (with_permission(action=["use"]), "use"),
        (with_permission(action="distribute"), "distribute"),
        (with_permission(action=["odrl:reproduce"]), "odrl:reproduce"),
        (with_permission(action=["ep:action:sing"]), "ep:action:sing"),
        (with_permission(action=["translate", "translate"]), "twice"),
        (with_permission(action=[]), "uses"),
        (with_permission(action=[{"rdf:value": {"@id": "odrl:print"}, "refinement": []}]), "refinement"),
        (with_permission(target={"@type": "AssetCollection", "refinement": []}), "refinement"),
        (with_permission(assigner=["urn:example:a", "urn:example:b"]), "array of 2"),
        (with_permission(remedy=[]), "remedy"),
        (with_permission(relation="urn:example:x"), "relation"),
        # constraints
        (with_permission(constraint=[{"xone": {"@list": []}}]), "xone"),
        (with_more({"or": [limit("odrl:industry", "eq", {"@id": "ep:field:film"})]}), "or"),
        (with_more({"andSequence": {"@list": []}}), "andSequence"),
        (with_more(limit("count", "lteq", 10)), "count"),
        (with_constraint(INDUSTRY, leftOperand="industry"), "'industry'"),
        (with_more(limit("payAmount", "eq", "5.00")), "payAmount"),
        (with_more(limit("ep:operand:after_window", "lteq", days("P1D"))), "ep:operand:after_window"),
        (with_more(limit("odrl:industry", "eq", {"@id": "ep:field:game"})), "a second"),
        (with_more(limit("dateTime", "lt", {"@value": "2030-01-01T00:00:00Z", "@type": "xsd:dateTime"})), "a second"),
        (with_constraint(INDUSTRY, operator="isNoneOf"), "isNoneOf"),
        (with_constraint(INDUSTRY, operator="neq"), "neq"),
        (with_constraint(INDUSTRY, operator="hasPart"), "hasPart"),
        (with_constraint(PURPOSE, rightOperand=[{"@id": "ep:field:film"}]), "ep:field:film"),
        (with_constraint(MEDIA, rightOperand=[{"@id": "ep:media:radio"}]), "ep:media:radio"),
        (with_constraint(MEDIA, rightOperand=[{"@id": "ep:media:unspecified"}]), "ep:media:unspecified"),
        (with_constraint(MEDIA, rightOperand=["ep:media:online"]), "'ep:media:online'"),
        (with_constraint(MEDIA, rightOperand=[{"@value": "ep:media:online"}]), "@value"),
        (with_constraint(MEDIA, rightOperand=[]), "media"),
        (with_constraint(MEDIA, unit="urn:example:unit"), "unit"),
        (with_constraint(MEDIA, status=3), "status"),
        (with_constraint(MEDIA, rightOperandReference="urn:example:list"), "rightOperandReference"),
        (with_constraint(LANGUAGE, rightOperand=["zh-Hant"]), "zh-Hant"),
        (with_constraint(LANGUAGE, rightOperand=[]), "found none"),
        (with_constraint(LANGUAGE, operator="eq", rightOperand=["zh", "en"]), "eq"),
        (with_constraint(LANGUAGE, operator="isPartOf", rightOperand={"@id": "ep:territory:world"}), "territory:world"),
        (with_constraint(SPATIAL, rightOperand=[{"@id": "ep:territory:EU"}]), "ep:territory:EU"),
        (with_constraint(SPATIAL, rightOperand=[{"@id": "https://www.wikidata.org/wiki/Q183"}]), "wikidata"),
        (with_constraint(SPATIAL, rightOperand=[{"@id": "CN"}]), "'CN'"),
        (with_constraint(SPATIAL, operator="isNoneOf", rightOperand=[]), "at least one value"),
        (with_constraint(SPATIAL, rightOperand=[{"@id": "ep:territory:CN"}] * 250), "found 250"),
        (with_constraint(SINCE, operator="gt"), "gt"),
        (with_constraint(UNTIL, operator="lteq"), "lteq"),
        (with_constraint(UNTIL, operator="eq"), "eq"),
        (with_constraint(UNTIL, rightOperand="2031-01-01T00:00:00Z"), "2031-01-01T00:00:00Z"),
        (with_constraint(UNTIL, rightOperand={"@value": "2031-01-01", "@type": "xsd:date"}), "xsd:date"),
        (with_constraint(UNTIL, rightOperand={"@value": "2031-01-01T08:00+08:00", "@type": "xsd:dateTime"}), "+08:00"),
        (with_constraint(UNTIL, rightOperand={"@value": "2026-01-01T00:00:00Z", "@type": "xsd:dateTime"}), "window"),
        (with_constraint(DEEP, operator="lt"), "lt"),
        (with_constraint(DEEP, rightOperand="1"), "'1'"),
        (with_constraint(DEEP, rightOperand=True), "True"),
        (with_constraint(DEEP, rightOperand=21), "21"),
        # duties
        (with_permission(duty=[{"action": "watermark"}]), "watermark"),
        (with_permission(duty=[{"action": "compensate"}]), "compensate"),
        (with_permission(duty=[{"action": "nextPolicy"}]), "nextPolicy"),
        (with_permission(duty=[{"action": "attribute", "consequence": []}]), "consequence"),
        (with_permission(duty=[{"action": "attribute", "constraint": [limit("event", "lt", "x")]}]), "no such"),
        (with_permission(duty=[{"action": "inform"}]), "a number of days"),
        (informing(limit("count", "eq", days("P9D"))), "count"),
        (informing(limit("timeInterval", "lteq", days("P9D"))), "lteq"),
        (informing(limit("timeInterval", "eq", days("P1M"))), "P1M"),
        (informing(limit("timeInterval", "eq", days("P0D"))), "P0D"),
        (informing(limit("timeInterval", "eq", "P9D")), "P9D"),
        (informing([limit("timeInterval", "eq", days("P9D"))] * 2), "no such"),
        (with_permission(duty=[{"action": "attribute"}, {"action": "attribute"}]), "twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused_and_named(document: dict[str, Any], term: str) -> None:
    with pytest.raises(Invalid) as refused:
        import_policy(document)
    assert term in str(refused.value) and str(refused.value).startswith("odrl")
    assert "expected" in str(refused.value) and "found" in str(refused.value)


@pytest.mark.parametrize("member", ["@context", "@type", "uid", "profile", "permission"])
def test_each_member_of_a_policy_must_be_there(member: str) -> None:
    with pytest.raises(Invalid, match=f"odrl: expected the member {member}, found none"):
        import_policy({name: value for name, value in DOCUMENT.items() if name != member})


@pytest.mark.parametrize("place", [INDUSTRY, PURPOSE, MEDIA, LANGUAGE, SPATIAL, DEEP])
def test_a_component_that_is_not_said_is_not_granted(place: int) -> None:
    left = [one for at, one in enumerate(PERMISSION["constraint"]) if at != place]
    operand = PERMISSION["constraint"][place]["leftOperand"]
    with pytest.raises(Invalid, match=f"expected one on {operand}, found none: what is not said is not granted"):
        import_policy(with_permission(constraint=left))


@pytest.mark.parametrize("name", ["uid", "target", "assigner", "assignee"])
@pytest.mark.parametrize(
    "found", ["", "film", "ftp://example.org/x", "urn:", "urn:a b", "https://例.cn", "urn:" + "a" * 2_000]
)
def test_a_name_that_is_no_iri_is_refused(name: str, found: str) -> None:
    with pytest.raises(Invalid, match=rf"odrl\.{name}: expected an IRI of did, http, https or urn"):
        export_policy(replace(AGREED, **{name: found}))


def test_every_term_that_is_used_is_defined_and_no_other() -> None:
    assert set(DEFINED) == profile_terms() and len(GRAPH) == len(DEFINED) + 1
    assert {f"ep:territory:{code}" for code in COUNTRIES} <= set(DEFINED)


def test_every_definition_is_what_the_profile_mechanism_asks_for() -> None:
    """ODRL Information Model §3.3: an instance of its class, a skos:Concept; an action says in which it is included."""
    for term, node in DEFINED.items():
        kind = {"action": "Action", "duty": "Action", "operand": "LeftOperand"}.get(term.split(":")[1], "RightOperand")
        assert node["@type"] == [f"odrl:{kind}", "owl:NamedIndividual", "skos:Concept"], term
        assert node["rdfs:isDefinedBy"] == {"@id": PROFILE}
        for said in (node["rdfs:label"], node["skos:definition"]):
            assert set(said) == {"en", "zh"} and all(said.values()), term
        if kind == "Action":
            assert node["odrl:includedIn"]["@id"].removeprefix("odrl:") in ODRL_ACTIONS, term
    used = [member for node in GRAPH for member in node]
    declared = set(json.loads(text("reference/odrl-profile.jsonld"))["@context"])
    assert {member.split(":")[0] for member in used if not member.startswith("@")} <= declared


def test_words_have_the_chinese_names_of_the_explanations() -> None:
    named = {ACTIONS[use]: CHINESE[use] for use in ACTIONS} | {
        DUTY_ACTIONS[kind]: CHINESE[kind] for kind in DUTY_ACTIONS
    }
    for _, words, prefix in WORD_OPERANDS.values():
        named |= {f"{prefix}{word}": CHINESE[word] for word in known(words)}
    for term, chinese in named.items():
        assert DEFINED.get(term, {"rdfs:label": {"zh": chinese}})["rdfs:label"]["zh"] == chinese
        assert f"| {chinese} |" in PAGE and f"`{term}`" in PAGE, term


def test_the_page_names_every_term_that_is_not_a_plain_country() -> None:
    plain = {f"ep:territory:{code}" for code in COUNTRIES - {"CN", "HK", "MO", "TW"}}
    assert [term for term in sorted(set(DEFINED) - plain) if f"`{term}`" not in PAGE] == []
    said = [*WORD_OPERANDS, *CODE_OPERANDS, "dateTime", *(operand for operand, _ in DAYS.values())]
    assert [operand for operand in said if f"`{operand}`" not in PAGE] == []
    assert all(f"| ({item}) |" in PAGE for item in range(5, 17))


def test_the_tables_have_a_row_for_every_word() -> None:
    assert set(ACTIONS) == set(known(Use)) and len(set(ACTIONS.values())) == len(ACTIONS)
    assert set(DUTY_ACTIONS) == set(known(DutyKind)) and len(set(DUTY_ACTIONS.values())) == len(DUTY_ACTIONS)
    assert set(DAYS) == COUNTED_IN_DAYS
    assert [words for _, words, _ in WORD_OPERANDS.values()] == [Field, Nature, Medium]
    assert {domain for _, domain, _ in CODE_OPERANDS.values()} == set(Domain)


def test_the_smallest_windows_survive_the_way() -> None:
    scope = replace(FILM, window=Window(T0.replace(microsecond=1), T0.replace(microsecond=2)))
    assert import_policy(export_policy(replace(AGREED, scope=scope))).scope == scope


def test_the_widest_policy_is_a_file_that_is_read_back() -> None:
    name = "urn:" + "a" * (IRI_CHARACTERS_MAX - 4)
    words = {member: frozenset(known(word)) for _, (member, word, _) in WORD_OPERANDS.items()}
    wide = replace(
        FILM,
        uses=frozenset(known(Use)),
        languages=languages(*sorted(LANGUAGES)[:LANGUAGES_MAX]),
        territory=territory(*sorted(COUNTRIES)),
        duties=Duties(
            frozenset(Duty(kind=kind, days=9 if kind in COUNTED_IN_DAYS else None) for kind in known(DutyKind))
        ),
        **words,  # type: ignore[arg-type]  # the members of a scope by their names
    )
    policy = replace(AGREED, uid=name, target=name, assigner=name, assignee=name, scope=wide)
    data = json.dumps(export_policy(policy), indent=2).encode()
    assert import_policy(parse_strict(data, "odrl", bytes_max=ODRL_BYTES_MAX, depth_max=ODRL_DEPTH_MAX)) == policy
