"""Scopes are ordered by `contained`, and `meet` is their greatest lower bound: for any, and all of small worlds."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.rights.codes import COUNTRIES, Codes, Domain, territory
from domain.rights.scope import Component, Scope, Window, contained, disjoint, failing, meet, passed_on
from domain.rights.scope_json import parse_scope, scope_json
from domain.rights.scope_words import explain
from domain.rights.terms import Duties, Duty, DutyKind, Field, Use
from tests.rights_kit import (
    FILM,
    MICROSECOND,
    NEXT,
    T0,
    demands,
    holds,
    instants,
    members,
    met,
    near_scopes,
    points,
    scopes,
    territories,
)

TODAY = frozenset(COUNTRIES)
PLACES = TODAY | {NEXT}
FEW_PLACES, FEW_TONGUES = frozenset({"CN", "US", NEXT}), frozenset({"zh", "en", NEXT})
FEW_TIMES = [T0 + k * MICROSECOND for k in range(-1, 4)]
RUNS = settings(deadline=None)
any_scopes = scopes | near_scopes


def oracle(inner: Scope, outer: Scope) -> bool:
    """Return whether each act that `inner` allows is allowed by `outer`, as deep at most, under all its demands."""
    return (
        points(inner, FEW_PLACES, FEW_TONGUES, FEW_TIMES) <= points(outer, FEW_PLACES, FEW_TONGUES, FEW_TIMES)
        and inner.sublicence_depth <= outer.sublicence_depth
        and demands(inner) >= demands(outer)
    )


def small_worlds() -> list[list[Scope]]:
    """Return three worlds, each with every value of some components; the others stand still."""
    uses = [frozenset(some) for some in ({Use.TRAIN}, {Use.ADAPT}, {Use.TRAIN, Use.ADAPT})]
    lists = [frozenset(some) for some in ((), ("CN",), ("US",), ("CN", "US"))]
    places = [territory(*some, all_but=out) for out in (False, True) for some in lists if some or out]
    ends = [None, T0, T0 + MICROSECOND, T0 + 2 * MICROSECOND]
    windows = [window for pair in product(ends, ends) if not (window := Window(*pair)).empty()]
    attribute, often, seldom = (
        Duty(kind=DutyKind.ATTRIBUTE),
        Duty(kind=DutyKind.REPORT_USAGE, days=30),
        Duty(kind=DutyKind.REPORT_USAGE, days=90),
    )
    sets = [(), (attribute,), (often,), (seldom,), (attribute, often), (attribute, seldom)]
    duties = [Duties(frozenset(some)) for some in sets]
    return [
        [replace(FILM, uses=use, territory=place) for use in uses for place in places],
        [replace(FILM, window=window, sublicence_depth=depth) for window in windows for depth in (0, 1)],
        [replace(FILM, fields=field, duties=duty) for field in _fields() for duty in duties],
    ]


def _fields() -> list[frozenset[Field]]:
    return [frozenset({Field.FILM}), frozenset({Field.GAME}), frozenset({Field.FILM, Field.GAME})]


@pytest.mark.parametrize("world", small_worlds(), ids=["uses and territory", "window and depth", "fields and duties"])
def test_in_a_small_world_every_law_holds_for_every_scope(world: list[Scope]) -> None:
    below = {(a, b): contained(a, b) for a in world for b in world}
    for a, b in product(world, world):
        assert below[a, b] == oracle(a, b) == (not explain(a, b))
        assert not (below[a, b] and below[b, a]) or a == b, "antisymmetric"
        lowest = meet(a, b)
        assert lowest == meet(b, a)
        for c in world:
            bounds = below[c, a] and below[c, b]
            assert bounds == (lowest is not None and contained(c, lowest)), "the greatest of the lower bounds"
            assert met(lowest, c) == met(a, meet(b, c)), "associative"
            assert not (below[a, b] and below[b, c]) or below[a, c], "transitive"


@RUNS
@given(near_scopes, near_scopes)
def test_contained_is_what_the_points_say(inner: Scope, outer: Scope) -> None:
    assert contained(inner, outer) == oracle(inner, outer)
    lowest = meet(inner, outer)
    world = (FEW_PLACES, FEW_TONGUES, FEW_TIMES)
    assert points(inner, *world) & points(outer, *world) == (set() if lowest is None else points(lowest, *world))
    if lowest is not None:
        assert demands(lowest) == demands(inner) | demands(outer)


@RUNS
@given(any_scopes, any_scopes, any_scopes)
def test_contained_is_a_partial_order(a: Scope, b: Scope, c: Scope) -> None:
    assert contained(a, a)
    assert not (contained(a, b) and contained(b, a)) or a == b
    assert not (contained(a, b) and contained(b, c)) or contained(a, c)


@RUNS
@given(any_scopes, any_scopes, any_scopes)
def test_meet_is_the_greatest_lower_bound(a: Scope, b: Scope, c: Scope) -> None:
    lowest = meet(a, b)
    if lowest is not None:
        assert contained(lowest, a) and contained(lowest, b)
    assert (contained(c, a) and contained(c, b)) == (lowest is not None and contained(c, lowest))
    assert contained(a, b) == (lowest == a)


@RUNS
@given(any_scopes, any_scopes, any_scopes)
def test_meet_is_commutative_associative_and_idempotent(a: Scope, b: Scope, c: Scope) -> None:
    assert meet(a, b) == meet(b, a)
    assert met(meet(a, b), c) == met(a, meet(b, c)) == met(c, a, b)
    assert meet(a, replace(a)) == a


@RUNS
@given(any_scopes, any_scopes)
def test_there_is_no_meet_where_a_component_is_empty_and_only_there(a: Scope, b: Scope) -> None:
    words = [(a.uses, b.uses), (a.fields, b.fields), (a.natures, b.natures), (a.media, b.media)]
    starts = [end for end in (a.window.since, b.window.since) if end]
    ends = [end for end in (a.window.until, b.window.until) if end]
    universe = {NEXT} | a.languages.codes | b.languages.codes
    apart = (
        any(not one & other for one, other in words)
        or not members(a.languages, frozenset(universe)) & members(b.languages, frozenset(universe))
        or a.territory.meet(b.territory).empty()
        or any(start >= end for start in starts for end in ends)
    )
    assert (meet(a, b) is None) == apart == bool(disjoint(a, b))
    assert {Component.SUBLICENCE_DEPTH, Component.DUTIES}.isdisjoint(disjoint(a, b))


@RUNS
@given(any_scopes, any_scopes)
def test_an_explanation_is_empty_where_contained_and_only_there(inner: Scope, outer: Scope) -> None:
    found = explain(inner, outer)
    assert (not found) == contained(inner, outer)
    assert tuple(failure.component for failure in found) == failing(inner, outer)
    for failure in found:
        repaired = replace(inner, **{str(failure.component): getattr(outer, failure.component)})
        assert failure.component not in failing(repaired, outer), "the component named is the one that fails"
        assert failure.inner != failure.outer and failure.zh != failure.en


@RUNS
@given(territories, territories)
def test_sets_of_territories_are_sets_over_all_249_codes_and_the_next(a: Codes, b: Codes) -> None:
    inside, outside = members(a, PLACES), members(b, PLACES)
    assert len(COUNTRIES) == 249
    assert a.within(b) == (inside <= outside)
    assert members(a.meet(b), PLACES) == inside & outside
    assert members(a.minus(b), PLACES) == inside - outside
    assert a.meet(b).empty() == (not inside & outside & TODAY)
    if not (a.all_but and not b.all_but):
        assert a.within(b) == (members(a, TODAY) <= members(b, TODAY)), "of today's codes alone, this is said alike"


@RUNS
@given(st.sampled_from(sorted(COUNTRIES)), st.booleans())
def test_every_code_is_inside_or_outside(code: str, out: bool) -> None:
    one = territory(code, all_but=out)
    assert members(one, TODAY) == (TODAY - {code} if out else {code})
    assert territory(code).within(one) != out
    assert one.within(territory(all_but=True))


def test_all_of_todays_territories_are_less_than_all() -> None:
    listed, world = Codes(Domain.TERRITORY, TODAY), territory(all_but=True)
    assert listed.within(world) and not world.within(listed)
    assert Codes(Domain.TERRITORY, TODAY, True).empty(), "nobody can mean a scope that begins with a code to come"
    with pytest.raises(Invalid, match="expected at least one territory"):
        territory(*TODAY, all_but=True)


@RUNS
@given(instants.filter(lambda at: at.year < 9000), st.integers(0, 3), st.integers(1, 3))
def test_windows_are_half_open_to_the_microsecond(since: datetime, before: int, long: int) -> None:
    until = since + long * MICROSECOND
    window = Window(since, until)
    assert holds(window, since) and not holds(window, until)
    assert holds(window, until - MICROSECOND) and not holds(window, since + timedelta(microseconds=-1))
    later = Window(until, None)
    assert window.meet(later).empty() and not window.meet(Window(until - MICROSECOND, None)).empty()
    shifted = Window(since + before * MICROSECOND, until + before * MICROSECOND)
    assert shifted.within(window) == (before == 0) and window.meet(shifted).empty() == (before >= long)


@RUNS
@given(any_scopes)
def test_passing_on_uses_up_one_step(scope: Scope) -> None:
    chain, at = [scope], passed_on(scope)
    while at is not None:
        assert contained(at, chain[-1]) and not contained(chain[-1], at)
        chain.append(at)
        at = passed_on(at)
    assert len(chain) == scope.sublicence_depth + 1


@RUNS
@given(any_scopes)
def test_json_gives_the_scope_back(scope: Scope) -> None:
    assert parse_scope(scope_json(scope)) == scope
    assert scope_json(parse_scope(scope_json(scope))) == scope_json(scope)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["train", "CN", "zh"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*Component, "codes", "x"]), inner),
    max_leaves=12,
)


@RUNS
@given(any_scopes, st.sampled_from([*Component, "more"]), json_values)
def test_whatever_stands_in_a_member_is_read_or_refused_by_name(scope: Scope, member: str, found: object) -> None:
    try:
        parse_scope({**scope_json(scope), member: found})
    except Invalid as err:
        assert member in str(err)
    try:
        parse_scope(found)
    except Invalid as err:
        assert str(err).startswith("scope")
