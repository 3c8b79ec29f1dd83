"""Scopes for tests: one that is like a film grant, strategies for any, and what a scope allows point by point."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import product
from typing import Any

from hypothesis import strategies as st

from domain.capability.events import Nature
from domain.rights.codes import COUNTRIES, LANGUAGES, Codes, Domain, languages, territory
from domain.rights.scope import SUBLICENCE_DEPTH_MAX, Scope, Window, meet
from domain.rights.terms import COUNTED_IN_DAYS, DAYS_MAX, Duties, Duty, DutyKind, Field, Medium, Use

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
FILM = Scope(
    uses=frozenset({Use.PROJECT, Use.TRANSLATE}),
    fields=frozenset({Field.FILM}),
    natures=frozenset({Nature.COMMERCIAL}),
    media=frozenset({Medium.THEATRICAL}),
    languages=languages("zh", all_but=True),
    territory=territory("CN", "HK"),
    window=Window(T0, T0.replace(year=2031)),
    sublicence_depth=1,
    duties=Duties(frozenset({Duty(kind=DutyKind.ATTRIBUTE), Duty(kind=DutyKind.REPORT_USAGE, days=90)})),
)
FILM_JSON: dict[str, Any] = {
    "uses": ["project", "translate"],
    "fields": ["film"],
    "natures": ["commercial"],
    "media": ["theatrical"],
    "languages": {"all_but": True, "codes": ["zh"]},
    "territory": {"codes": ["CN", "HK"]},
    "window": {"since": "2026-01-01T00:00:00Z", "until": "2031-01-01T00:00:00Z"},
    "sublicence_depth": 1,
    "duties": [{"kind": "attribute"}, {"kind": "report_usage", "days": 90}],
}
NEXT = "the next code"
"""A code that will be assigned one day: what tells a list of all of today's codes from "all"."""


def known(words: Any) -> list[Any]:
    """Return the words of a vocabulary without `unspecified`."""
    return [word for word in words if word != "unspecified"]


def some(words: Any) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(known(words)), min_size=1)


territories: st.SearchStrategy[Codes] = st.builds(
    Codes, st.just(Domain.TERRITORY), st.frozensets(st.sampled_from(sorted(COUNTRIES))), st.booleans()
).filter(lambda codes: not codes.empty())
tags = st.sampled_from([*sorted(LANGUAGES), "yue", "nan", "csl"])
tongues: st.SearchStrategy[Codes] = st.builds(
    Codes, st.just(Domain.LANGUAGE), st.frozensets(tags, max_size=8), st.booleans()
).filter(lambda codes: not codes.empty())
instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
windows = st.builds(Window, st.none() | instants, st.none() | instants).filter(lambda window: not window.empty())


@st.composite
def duties(draw: st.DrawFn) -> Duties:
    kinds = draw(st.frozensets(st.sampled_from(known(DutyKind))))
    days = st.integers(1, DAYS_MAX)
    return Duties(
        frozenset(Duty(kind=kind, days=draw(days) if kind in COUNTED_IN_DAYS else None) for kind in sorted(kinds))
    )


scopes = st.builds(
    Scope,
    uses=some(Use),
    fields=some(Field),
    natures=some(Nature),
    media=some(Medium),
    languages=tongues,
    territory=territories,
    window=windows,
    sublicence_depth=st.integers(0, SUBLICENCE_DEPTH_MAX),
    duties=duties(),
)

_few_codes = st.sampled_from(
    [territory("CN"), territory("US"), territory("CN", "US"), territory("CN", all_but=True), territory(all_but=True)]
)
_few_tongues = st.sampled_from([languages("zh"), languages("zh", "en"), languages("zh", all_but=True)])
_few_instants = st.sampled_from([None, T0, T0 + MICROSECOND, T0 + 2 * MICROSECOND])
_few_duties = st.frozensets(
    st.sampled_from([Duty(kind=DutyKind.ATTRIBUTE), Duty(kind=DutyKind.REPORT_USAGE, days=30)])
) | st.just(frozenset({Duty(kind=DutyKind.REPORT_USAGE, days=90)}))
near_scopes = st.builds(
    Scope,
    uses=st.frozensets(st.sampled_from([Use.TRAIN, Use.ADAPT]), min_size=1),
    fields=st.frozensets(st.sampled_from([Field.FILM, Field.GAME]), min_size=1),
    natures=st.frozensets(st.sampled_from([Nature.COMMERCIAL, Nature.RESEARCH]), min_size=1),
    media=st.just(frozenset({Medium.ONLINE})),
    languages=_few_tongues,
    territory=_few_codes,
    window=st.builds(Window, _few_instants, _few_instants).filter(lambda window: not window.empty()),
    sublicence_depth=st.integers(0, 2),
    duties=_few_duties.map(Duties),
)
"""Scopes that are so alike that one is often contained in another."""


def members(codes: Codes, universe: frozenset[str]) -> frozenset[str]:
    """Return what of a universe is in a set of codes."""
    return universe - codes.codes if codes.all_but else codes.codes


def holds(window: Window, instant: datetime) -> bool:
    """Return whether an instant is in a window."""
    return (window.since is None or instant >= window.since) and (window.until is None or instant < window.until)


def met(*some_scopes: Scope | None) -> Scope | None:
    """Return the meet of scopes, one after another; None is nothing at all, and stays so."""

    def two(first: Scope | None, second: Scope | None) -> Scope | None:
        return None if first is None or second is None else meet(first, second)

    return reduce(two, some_scopes)


def points(scope: Scope, places: frozenset[str], tongues: frozenset[str], times: list[datetime]) -> set[Any]:
    """Return each act that a scope allows: use, field, nature, medium, language, territory and instant."""
    return set(
        product(
            scope.uses,
            scope.fields,
            scope.natures,
            scope.media,
            members(scope.languages, tongues),
            members(scope.territory, places),
            [time for time in times if holds(scope.window, time)],
        )
    )


def demands(scope: Scope) -> set[tuple[DutyKind, int]]:
    """Return the duties of a scope with all laxer ones that they keep."""
    return {
        (duty.kind, days)
        for duty in scope.duties.strictest
        for days in ([0] if duty.days is None else [30, 90])
        if duty.days is None or days >= duty.days
    }
