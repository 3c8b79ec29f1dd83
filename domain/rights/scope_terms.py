"""A scope as it stands in events and commands: plain values, sorted, each in one spelling.

The JSON of a `ScopeTerms` has the members of `domain.rights.scope_json`, so that what is written in a command, in a
contract's annex and in an answer is one format. It is read more strictly here: sets must be sorted, since they are
signed and hashed as they stand, and a window that is open at both ends is not written at all.
"""

from datetime import datetime
from typing import Annotated as A

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.events import Doc, value
from domain.rights.codes import COUNTRIES, LANGUAGES_MAX, Codes, Domain, check_codes
from domain.rights.scope import SUBLICENCE_DEPTH_MAX, Component, Scope, Window
from domain.rights.terms import DAYS_MAX, Duties, Duty, DutyKind, Field, Medium, Use


@value
class LanguageTerms:
    """Some languages, or all but some."""

    codes: A[tuple[str, ...], Doc("primary tags of BCP 47, sorted", high=LANGUAGES_MAX)]
    all_but: A[bool, Doc("true: all but these")] = False


@value
class TerritoryTerms:
    """Some territories, or all but some."""

    codes: A[tuple[str, ...], Doc("ISO 3166-1 alpha-2 codes, sorted; CN is the mainland", high=len(COUNTRIES))]
    all_but: A[bool, Doc("true: all but these")] = False


@value
class WindowTerms:
    """The instants from `since` on and before `until`; at least one of them stands."""

    since: A[datetime | None, Doc("first instant inside, UTC; null: open")] = None
    until: A[datetime | None, Doc("first instant outside, UTC; null: open")] = None


@value
class DutyTerms:
    """One duty of whoever uses the work."""

    kind: A[DutyKind, Doc("what must be done")]
    days: A[int | None, Doc("of report_usage and delete_copies: within so many days", low=1, high=DAYS_MAX)] = None


@value
class ScopeTerms:
    """What is allowed."""

    uses: A[tuple[Use, ...], Doc("what is done with the work, sorted", low=1, high=len(Use))]
    fields: A[tuple[Field, ...], Doc("in which industries, sorted", low=1, high=len(Field))]
    natures: A[tuple[Nature, ...], Doc("of which nature, sorted", low=1, high=len(Nature))]
    media: A[tuple[Medium, ...], Doc("by which ways, sorted", low=1, high=len(Medium))]
    languages: A[LanguageTerms, Doc("in which languages")]
    territory: A[TerritoryTerms, Doc("where")]
    window: A[WindowTerms | None, Doc("when; null: open at both ends")] = None
    sublicence_depth: A[int, Doc("how many grants may hang below", low=0, high=SUBLICENCE_DEPTH_MAX)] = 0
    duties: A[tuple[DutyTerms, ...], Doc("what must be done, sorted by kind", high=len(DutyKind))] = ()


def terms_of(scope: Scope) -> ScopeTerms:
    """Return a scope as it is written; equal scopes give equal terms."""
    window = scope.window
    return ScopeTerms(
        uses=tuple(sorted(scope.uses)),
        fields=tuple(sorted(scope.fields)),
        natures=tuple(sorted(scope.natures)),
        media=tuple(sorted(scope.media)),
        languages=LanguageTerms(codes=tuple(sorted(scope.languages.codes)), all_but=scope.languages.all_but),
        territory=TerritoryTerms(codes=tuple(sorted(scope.territory.codes)), all_but=scope.territory.all_but),
        window=None if window == Window() else WindowTerms(since=window.since, until=window.until),
        sublicence_depth=scope.sublicence_depth,
        duties=tuple(DutyTerms(kind=duty.kind, days=duty.days) for duty in scope.duties.in_order()),
    )


def scope_of(terms: ScopeTerms) -> Scope:
    """Return the scope that terms state.

    Raises:
        Invalid: a component is empty, unsorted, says something twice, has an unknown code or is out of bounds; named.
    """
    window = Window() if terms.window is None else Window(terms.window.since, terms.window.until)
    scope = Scope(
        uses=frozenset(terms.uses),
        fields=frozenset(terms.fields),
        natures=frozenset(terms.natures),
        media=frozenset(terms.media),
        languages=_codes(Domain.LANGUAGE, terms.languages, "languages"),
        territory=_codes(Domain.TERRITORY, terms.territory, "territory"),
        window=window,
        sublicence_depth=terms.sublicence_depth,
        duties=Duties(frozenset(Duty(kind=duty.kind, days=duty.days) for duty in terms.duties)),
    )
    written = terms_of(scope)
    for component in Component:
        if getattr(written, component) != getattr(terms, component):
            raise Invalid(f"{component}: expected it sorted, each member once, and no window without ends")
    return scope


def _codes(domain: Domain, terms: LanguageTerms | TerritoryTerms, where: str) -> Codes:
    return check_codes(Codes(domain, frozenset(terms.codes), terms.all_but), where)
