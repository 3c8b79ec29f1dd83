"""Whatever scope is written as an ODRL policy is read back equal; whatever else is read is refused by our own error."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.rights.odrl import Policy, PolicyKind, export_policy, profile_terms
from domain.rights.odrl_import import import_policy
from domain.rights.scope import Scope
from tests.rights_kit import FILM, near_scopes, scopes

RUNS = settings(deadline=None)
iris = st.sampled_from(
    ["urn:example:a", "https://example.org/x?y=1#z", "did:web:example.org", "http://a.example/%E7%89%87"]
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    kind = draw(st.sampled_from(PolicyKind))
    assignee = draw(iris if kind is PolicyKind.AGREEMENT else st.none() | iris)
    scope: Scope = draw(scopes | near_scopes)
    return Policy(kind=kind, uid=draw(iris), target=draw(iris), assigner=draw(iris), assignee=assignee, scope=scope)


@RUNS
@given(policies())
def test_import_gives_back_what_was_exported(policy: Policy) -> None:
    document = export_policy(policy)
    assert import_policy(json.loads(json.dumps(document))) == policy
    assert export_policy(import_policy(document)) == document


@RUNS
@given(policies())
def test_only_terms_of_the_profile_are_written_with_its_prefix(policy: Policy) -> None:
    assert {one for one in strings(export_policy(policy)["permission"]) if one.startswith("ep:")} <= profile_terms()


@RUNS
@given(policies(), policies())
def test_two_policies_are_written_alike_only_if_they_are_equal(one: Policy, other: Policy) -> None:
    assert (export_policy(one) == export_policy(other)) == (one == other)


DOCUMENT = export_policy(Policy(PolicyKind.AGREEMENT, "urn:x:1", "urn:x:2", "urn:x:3", "urn:x:4", FILM))
words = st.sampled_from(["xone", "refinement", "eq", "isAnyOf", "ep:media:online", "spatial", "@id", "unit", "action"])
rubbish = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | words | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


def places(found: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    return [path, *(deeper for key, value in inner for deeper in places(value, (*path, key)))]


def strings(found: Any) -> set[str]:
    if isinstance(found, dict | list):
        return {one for value in (found.values() if isinstance(found, dict) else found) for one in strings(value)}
    return {found} if isinstance(found, str) else set()


def changed(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a document with another value at a path; at an object also as a member more, if it is a pair."""
    if not path:
        return value
    copy = dict(found) if isinstance(found, dict) else list(found)
    copy[path[0]] = changed(found[path[0]], path[1:], value)
    return copy


@RUNS
@given(st.sampled_from(places(DOCUMENT)), rubbish)
def test_a_document_with_anything_in_it_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    try:
        policy = import_policy(changed(DOCUMENT, path, value))
    except Invalid as err:
        assert str(err).startswith("odrl") and len(str(err)) < 1_000
    else:
        assert import_policy(export_policy(policy)) == policy


@RUNS
@given(st.sampled_from([path for path in places(DOCUMENT) if path]), words)
def test_a_member_that_is_not_known_is_never_passed_over(path: tuple[Any, ...], member: str) -> None:
    found: Any = DOCUMENT
    for step in path:
        found = found[step]
    if not isinstance(found, dict) or member in found:
        return
    try:
        import_policy(changed(DOCUMENT, path, {**found, member: []}))
    except Invalid:
        return
    raise AssertionError(f"{member} at {path} was passed over")
