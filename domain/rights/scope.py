"""Scope: what a grant, a consent or a licence allows, as nine components that are compared one by one.

| component | value | inner is contained in outer | meet |
|---|---|---|---|
| uses, fields, natures, media | a set of words (`domain.rights.terms`) | subset | intersection |
| languages, territory | some codes, or all but some (`domain.rights.codes`) | subset | intersection |
| window | [since, until), UTC, microseconds | lies inside | intersection |
| sublicence_depth | how many grants may hang below, one under another | not greater | the lesser |
| duties | what must be done (`domain.rights.terms`) | keeps all of them | union |

Either end of a window may be open: a title has no date from which it is one's own, and nobody knows today when a
protection that runs from an author's death will end; public domain has no end. What a *grant* must say of its window is
the grant's rule. `since` is the first instant inside, `until` the first one outside.

No component is ever empty: a scope with an empty one would allow nothing, so there is none, and `meet` answers None.
`contained` is a partial order and `meet` the greatest lower bound; both cost O(components), a chain O(its links).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.rights.codes import Codes, Domain
from domain.rights.terms import NO_DUTIES, Duties, Field, Medium, Use

SUBLICENCE_DEPTH_MAX: Final = 20


class Component(StrEnum):
    """The components in the order in which they are compared and explained; the word is the member's name."""

    USES = "uses"
    FIELDS = "fields"
    NATURES = "natures"
    MEDIA = "media"
    LANGUAGES = "languages"
    TERRITORY = "territory"
    WINDOW = "window"
    SUBLICENCE_DEPTH = "sublicence_depth"
    DUTIES = "duties"


@dataclass(frozen=True, slots=True)
class Window:
    """The instants from `since` on and before `until`, aware and in UTC; None is an open end."""

    since: datetime | None = None
    until: datetime | None = None

    def empty(self) -> bool:
        """Return whether no instant is in it."""
        return self.since is not None and self.until is not None and self.since >= self.until

    def within(self, outer: "Window") -> bool:
        """Return whether all of it lies in `outer`."""
        return (outer.since is None or (self.since is not None and self.since >= outer.since)) and (
            outer.until is None or (self.until is not None and self.until <= outer.until)
        )

    def meet(self, other: "Window") -> "Window":
        """Return what lies in both; it may be empty."""
        starts = [start for start in (self.since, other.since) if start is not None]
        ends = [end for end in (self.until, other.until) if end is not None]
        return Window(max(starts, default=None), min(ends, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is allowed. A scope that was built is complete: no component is empty. Raises: Invalid otherwise."""

    uses: frozenset[Use]
    fields: frozenset[Field]
    natures: frozenset[Nature]
    media: frozenset[Medium]
    languages: Codes
    territory: Codes
    window: Window = Window()
    sublicence_depth: int = 0
    duties: Duties = NO_DUTIES

    def __post_init__(self) -> None:
        """Raise Invalid where a component is empty, of the other kind of codes, or out of bounds."""
        for component in WORDS:
            words = getattr(self, component)
            if not words or "unspecified" in words:
                raise Invalid(f"{component}: expected at least one of the known words, found {sorted(words)}")
        for component, domain in CODES.items():
            codes = getattr(self, component)
            if codes.domain is not domain or codes.empty():
                raise Invalid(f"{component}: expected at least one {domain}, found none")
        for end in (self.window.since, self.window.until):
            if end is not None and end.utcoffset() != timedelta(0):
                raise Invalid(f"window: expected instants in UTC, found {end.isoformat()}")
        if self.window.empty():
            raise Invalid(f"window: expected since before until, found {self.window.since} and {self.window.until}")
        if not 0 <= self.sublicence_depth <= SUBLICENCE_DEPTH_MAX:
            raise Invalid(f"sublicence_depth: expected 0 to {SUBLICENCE_DEPTH_MAX}, found {self.sublicence_depth}")


WORDS: Final[dict[Component, type[StrEnum]]] = {
    Component.USES: Use,
    Component.FIELDS: Field,
    Component.NATURES: Nature,
    Component.MEDIA: Medium,
}
CODES: Final = {Component.LANGUAGES: Domain.LANGUAGE, Component.TERRITORY: Domain.TERRITORY}


def contained(inner: Scope, outer: Scope) -> bool:
    """Return whether `inner` allows nothing that `outer` does not, and demands all that it demands."""
    return (
        inner.uses <= outer.uses
        and inner.fields <= outer.fields
        and inner.natures <= outer.natures
        and inner.media <= outer.media
        and inner.languages.within(outer.languages)
        and inner.territory.within(outer.territory)
        and inner.window.within(outer.window)
        and inner.sublicence_depth <= outer.sublicence_depth
        and not inner.duties.unkept(outer.duties).strictest
    )


def failing(inner: Scope, outer: Scope) -> tuple[Component, ...]:
    """Return the components in which `inner` is not contained in `outer`, in their order; none if it is contained."""
    kept: Mapping[Component, bool] = {
        **{component: getattr(inner, component) <= getattr(outer, component) for component in WORDS},
        **{component: getattr(inner, component).within(getattr(outer, component)) for component in CODES},
        Component.WINDOW: inner.window.within(outer.window),
        Component.SUBLICENCE_DEPTH: inner.sublicence_depth <= outer.sublicence_depth,
        Component.DUTIES: not inner.duties.unkept(outer.duties).strictest,
    }
    return tuple(component for component in Component if not kept[component])


def meet(first: Scope, second: Scope) -> Scope | None:
    """Return the widest scope that is contained in both, None if some component has nothing in common."""
    if disjoint(first, second):
        return None
    return Scope(
        uses=first.uses & second.uses,
        fields=first.fields & second.fields,
        natures=first.natures & second.natures,
        media=first.media & second.media,
        languages=first.languages.meet(second.languages),
        territory=first.territory.meet(second.territory),
        window=first.window.meet(second.window),
        sublicence_depth=min(first.sublicence_depth, second.sublicence_depth),
        duties=first.duties.union(second.duties),
    )


def disjoint(first: Scope, second: Scope) -> tuple[Component, ...]:
    """Return the components that have nothing in common, in their order: why `meet` answers None."""
    empty: Mapping[Component, bool] = {
        **{component: getattr(first, component).isdisjoint(getattr(second, component)) for component in WORDS},
        **{component: getattr(first, component).meet(getattr(second, component)).empty() for component in CODES},
        Component.WINDOW: first.window.meet(second.window).empty(),
    }
    return tuple(component for component in Component if empty.get(component))


def passed_on(scope: Scope) -> Scope | None:
    """Return the widest scope that a grantee may pass on: one step less deep, None where nothing may be passed on."""
    if not scope.sublicence_depth:
        return None
    return replace(scope, sublicence_depth=scope.sublicence_depth - 1)
