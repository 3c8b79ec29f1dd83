"""May this be done with an object? What it is made of answers: each work in it has a title, and each step a grant.

What is judged is closed: the object with all that it comes from, declared and found, what each of these objects cites,
those chains, and the titles on each content, as known at one position and standing at one instant. Nothing is searched.

    film        its holder cites a grant of the novel            limits: territory CN, until 2031
    ├── novel   its holder owns a title on it
    └── still   made by a model of another house
        └── model   its holder cites a grant of the pictures     limits: natures research
            └── pictures   titled

An object *stands* where its holder owns a title on its content, or cites a grant of that title, or has declared parents
to rest on. A step up *stands* where the holder of the child owns a title of the parent or cites a grant rooted in one;
an untitled parent of the same holder needs none. All that is cited must hold, the whole chain of it. What an object may
be used for is the meet of everything cited anywhere in its derivation, and of the licences of weights among it; so a
request is within it if it is within each, and one that is not is refused by the nearest that is too narrow.

`invalid` says that something is known to be missing, ended or too narrow; `incomplete` that something is not known:
a signature, who owns a contested work, whose a work without a title is. Unknown is never valid.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.capability.events import LicenceTerm, Nature
from domain.events import Sha256
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.grant import Ended, Pending, Standing
from domain.rights.grant_events import GrantKind
from domain.rights.scope import Component, Scope, contained, disjoint, meet
from domain.rights.scope_words import Failure, explain
from domain.rights.settlement import WHOLE_BP, Holder
from domain.rights.title import WHOLE
from domain.rights.turns import Turn


class Verdict(StrEnum):
    """The answer."""

    VALID = "valid"
    INVALID = "invalid"
    INCOMPLETE = "incomplete"


class Cause(StrEnum):
    """What is wrong with an object or with a step up from it, or what is not known."""

    SCOPE = "scope"
    NOTHING_LEFT = "nothing_left"
    GRANT_ENDED = "grant_ended"
    CLAIM_REJECTED = "claim_rejected"
    NO_GRANT = "no_grant"
    NOT_OWNED = "not_owned"
    UNSIGNED = "unsigned"
    CONTESTED = "contested"
    RIVAL_TITLE = "rival_title"
    NO_TITLE = "no_title"
    NOT_KNOWN = "not_known"


UNKNOWNS: Final = frozenset({Cause.UNSIGNED, Cause.CONTESTED, Cause.RIVAL_TITLE, Cause.NO_TITLE, Cause.NOT_KNOWN})


@dataclass(frozen=True, slots=True)
class Claim:
    """A title: who owned it at the instant, whether a contest is open, and by what it had fallen then."""

    title: TitleId
    work: Sha256
    owners: tuple[Holder, ...]
    contested: bool = False
    fallen: Turn | None = None

    def owned_by(self, party: PartyId) -> bool:
        """Return whether a party owned a part of it."""
        return any(one.party == party for one in self.owners)


@dataclass(frozen=True, slots=True)
class Link:
    """A grant or a consent, and how it stood at the instant; of the chain above it, the names."""

    grant: RightsGrantId
    kind: GrantKind
    title: TitleId
    chain: tuple[RightsGrantId, ...]
    grantee: PartyId
    scope: Scope
    share_bp: int | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Node:
    """An object of the derivation. `born` is the ledger index of its birth, `licences` those of the weights it is."""

    object: ObjectId
    holder: PartyId
    born: int
    content: Sha256
    declared: tuple[ObjectId, ...] = ()
    found: tuple[ObjectId, ...] = ()
    cited: tuple[RightsGrantId, ...] = ()
    licences: tuple[LicenceTerm, ...] = ()

    @property
    def sources(self) -> tuple[ObjectId, ...]:
        """Return what it comes from, declared first, each once."""
        return tuple(dict.fromkeys((*self.declared, *self.found)))


@dataclass(frozen=True, slots=True)
class Material:
    """All that is judged. What is named and not here is not known."""

    focus: ObjectId
    nodes: Mapping[ObjectId, Node]
    claims: Mapping[TitleId, Claim]
    links: Mapping[RightsGrantId, Link]
    _order: list[Node] = field(init=False, repr=False, compare=False, default_factory=list)
    _by_work: dict[Sha256, list[Claim]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for claim in self.claims.values():
            self._by_work.setdefault(claim.work, []).append(claim)

    def walk(self) -> Sequence[Node]:
        """Return the object and what it comes from, the nearest first, each once; a circle ends where it closes."""
        if not self._order:
            reached, waiting = {self.focus}, [self.focus]
            for name in waiting:
                node = self.nodes.get(name)
                if node is None:
                    continue
                self._order.append(node)
                more = [source for source in node.sources if source not in reached]
                reached.update(more)
                waiting += more
        return self._order

    def standing_on(self, node: Node) -> list[Claim]:
        """Return the titles on an object's content that have not fallen."""
        return [one for one in self._by_work.get(node.content, ()) if one.fallen is None]

    def lost(self, node: Node) -> list[Claim]:
        """Return the titles on an object's content that its holder owned, and that have fallen."""
        every = self._by_work.get(node.content, ())
        return [one for one in every if one.fallen is not None and one.owned_by(node.holder)]

    def roots(self, node: Node) -> list[Claim]:
        """Return the titles that whoever uses an object must have a right under: its holder's, else those it cites."""
        every = self.standing_on(node)
        cited = self.cited_titles(node)
        own = [one for one in every if one.owned_by(node.holder)]
        return own or [one for one in every if one.title in cited] or every

    def cited_titles(self, node: Node) -> frozenset[TitleId]:
        """Return the titles of what an object cites."""
        found = (self.links.get(one) for one in node.cited)
        return frozenset(link.title for link in found if link is not None)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong or not known: of which object, at which link, with the component and both values.

    `source` is the parent or source to which a step does not stand; `licence` the clause of a model's licence.
    """

    object: ObjectId
    cause: Cause
    link: UUID | None = None
    source: ObjectId | None = None
    licence: LicenceTerm | None = None
    failures: tuple[Failure, ...] = ()
    since: datetime | None = None
    why: str = ""
    nothing_in: tuple[Component, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Return what the object is because of it."""
        return Verdict.INCOMPLETE if self.cause in UNKNOWNS else Verdict.INVALID


@dataclass(frozen=True, slots=True)
class Limit:
    """One scope that everything made of an object stays within: of a grant that it cites, or of a model's licence.

    None is the licence that allows no nature of use at all.
    """

    object: ObjectId
    scope: Scope | None
    link: RightsGrantId | None = None
    licence: LicenceTerm | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, the one trouble that decides it (None: valid), and what is allowed in all (None: nothing)."""

    verdict: Verdict
    trouble: Trouble | None
    scope: Scope | None


def judge(material: Material, wanted: Scope | None = None) -> Answer:
    """Return the verdict on an object, for a use if one is asked for. Cost: O(nodes + edges + links) comparisons.

    What is known to be wrong comes before what is not known, and what is nearest to the object first.
    """
    found = [trouble for node in material.walk() for trouble in troubles(material, node)]
    found += [Trouble(material.focus, Cause.NOT_KNOWN)] * (material.focus not in material.nodes)
    scope, nothing = effective_scope(material)
    wrong = next((one for one in found if one.verdict is Verdict.INVALID), None)
    if wrong is None and wanted is not None and (scope is None or not contained(wanted, scope)):
        wrong = why_not(material, wanted)
    trouble = wrong or nothing or next(iter(found), None)
    return Answer(Verdict.VALID if trouble is None else trouble.verdict, trouble, scope)


def limits(material: Material) -> Iterator[Limit]:
    """Yield every scope that limits the object, each grant once, the nearest first."""
    told: set[RightsGrantId] = set()
    for node in material.walk():
        for name in node.cited:
            link = material.links.get(name)
            if link is not None and name not in told:
                told.add(name)
                yield Limit(node.object, link.scope, link=name)
        for term in node.licences:
            natures = frozenset(term.natures) - {Nature.UNSPECIFIED}
            yield Limit(node.object, replace(WHOLE, natures=natures) if natures else None, licence=term)


def effective_scope(material: Material) -> tuple[Scope | None, Trouble | None]:
    """Return what the object may be used for at most; None and why, where nothing is left."""
    met = WHOLE
    for limit in limits(material):
        if limit.scope is not None and contained(met, limit.scope):
            continue
        narrower = None if limit.scope is None else meet(met, limit.scope)
        if narrower is None:
            parts = (Component.NATURES,) if limit.scope is None else disjoint(met, limit.scope)
            return None, Trouble(limit.object, Cause.NOTHING_LEFT, limit.link, licence=limit.licence, nothing_in=parts)
        met = narrower
    return met, None


def why_not(material: Material, wanted: Scope) -> Trouble | None:
    """Return the nearest object whose grant or licence does not allow a use, None where all do.

    Of a chain the topmost link that is too narrow is named: those below it cannot be wider.
    """
    for limit in limits(material):
        if limit.scope is None:
            return Trouble(limit.object, Cause.NOTHING_LEFT, licence=limit.licence, nothing_in=(Component.NATURES,))
        if contained(wanted, limit.scope):
            continue
        link, outer = limit.link, limit.scope
        for name in () if link is None else material.links[link].chain:
            above = material.links.get(name)
            if above is not None and not contained(wanted, above.scope):
                link, outer = name, above.scope
                break
        return Trouble(limit.object, Cause.SCOPE, link, licence=limit.licence, failures=explain(wanted, outer))
    return None


# -- what stands -------------------------------------------------------------------------------------------------------


def troubles(material: Material, node: Node) -> Iterator[Trouble]:
    """Yield what is wrong with one object or its steps up, or not known; of what is above those, nothing."""
    for name in node.cited:
        trouble = _cited(material, node, name)
        if trouble is not None:
            yield trouble
    cited = material.cited_titles(node)
    own = _basis(material, node, cited)
    if own is not None:
        yield own
    for source in node.sources:
        step = _step(material, node, cited, source)
        if step is not None:
            yield step


def _cited(material: Material, node: Node, name: RightsGrantId) -> Trouble | None:
    """Return why a grant that an object cites does not hold: the first link of its chain that does not, from above."""
    link = material.links.get(name)
    claim = None if link is None else material.claims.get(link.title)
    if link is None or claim is None:
        return Trouble(node.object, Cause.NOT_KNOWN, name)
    if claim.fallen is not None:
        return _fallen(node, claim)
    for above in (*link.chain, name):
        found = material.links.get(above)
        if found is None:
            return Trouble(node.object, Cause.NOT_KNOWN, above)
        match found.standing:
            case Ended(since=since, why=why):
                return Trouble(node.object, Cause.GRANT_ENDED, above, since=since, why=why)
            case Pending() as pending if not pending.signed:
                return Trouble(node.object, Cause.UNSIGNED, above)
            case _:
                pass  # a window that is yet to begin limits what may be asked for, as any scope does
    return Trouble(node.object, Cause.CONTESTED, claim.title) if claim.contested else None


def _basis(material: Material, node: Node, cited: frozenset[TitleId]) -> Trouble | None:
    """Return why an object does not stand by itself, None where it does."""
    every = material.standing_on(node)
    own = [one for one in every if one.owned_by(node.holder)]
    others = [one for one in every if not one.owned_by(node.holder) and one.title not in cited]
    if own or any(one.title in cited for one in every):
        if own and all(one.contested for one in own):
            return Trouble(node.object, Cause.CONTESTED, own[0].title)
        return Trouble(node.object, Cause.RIVAL_TITLE, others[0].title) if others else None
    if others:
        return Trouble(node.object, Cause.NOT_OWNED, others[0].title)
    lost = material.lost(node)
    if lost:
        return _fallen(node, lost[0])
    return None if node.declared else Trouble(node.object, Cause.NO_TITLE)


def _step(material: Material, node: Node, cited: frozenset[TitleId], source: ObjectId) -> Trouble | None:
    """Return why an object may not come from a source, None where it may."""
    parent = material.nodes.get(source)
    if parent is None:
        return Trouble(node.object, Cause.NOT_KNOWN, source=source)
    roots = material.roots(parent)
    if not roots:
        return None if parent.holder == node.holder else Trouble(node.object, Cause.NO_TITLE, source=source)
    own = [one for one in roots if one.owned_by(node.holder)]
    if own:
        open_yet = all(one.contested for one in own)
        return Trouble(node.object, Cause.CONTESTED, own[0].title, source) if open_yet else None
    if any(one.title in cited for one in roots):
        return None  # whether what is cited holds is asked where it is cited
    return Trouble(node.object, Cause.NO_GRANT, roots[0].title, source)


def _fallen(node: Node, claim: Claim) -> Trouble:
    turn = claim.fallen
    since, why = (None, "") if turn is None else (turn.effective_at, turn.why)
    return Trouble(node.object, Cause.CLAIM_REJECTED, claim.title, since=since, why=why)


# -- what is shared ----------------------------------------------------------------------------------------------------


def shares(material: Material) -> Mapping[tuple[ObjectId, ObjectId], int]:
    """Return what each object lets flow to what it comes from, in bp, by child and parent: edges of a settlement.

    A grant is of the parent under whose title it stands. A declared parent of the same holder that nobody claims is a
    step of one's own: what it owes, the child owes. A source that was found is owed nothing. Sums are not bounded here.
    """
    owed: dict[ObjectId, dict[ObjectId, int]] = {}
    for node in sorted(material.walk(), key=lambda one: one.born):
        mine = owed.setdefault(node.object, {})
        links = [material.links[name] for name in node.cited if name in material.links]
        for name in dict.fromkeys(node.declared):
            parent = material.nodes.get(name)
            if parent is None:
                continue
            roots = {one.title for one in material.roots(parent)}
            share = sum(one.share_bp or 0 for one in links if one.title in roots)
            if share:
                mine[name] = mine.get(name, 0) + share
            if not roots and parent.holder == node.holder:
                for source, more in owed.get(name, {}).items():
                    mine[source] = mine.get(source, 0) + more
    return {(child, parent): share for child, mine in owed.items() for parent, share in mine.items()}


def holders(material: Material, node: Node) -> tuple[Holder, ...]:
    """Return who is paid what an object keeps, by ascending party, 10,000 bp in all.

    The owners of its holder's title; without one the holder, less what it owes under grants on this very content, which
    goes to the owners of their titles: rounded down for each, what is left over is the holder's.
    """
    own = next((one for one in material.standing_on(node) if one.owned_by(node.holder)), None)
    if own is not None:
        return own.owners
    paid: dict[PartyId, int] = {}
    for name in node.cited:
        link = material.links.get(name)
        claim = None if link is None else material.claims.get(link.title)
        if link is None or claim is None or claim.work != node.content:
            continue
        for owner in claim.owners:
            paid[owner.party] = paid.get(owner.party, 0) + (link.share_bp or 0) * owner.share_bp // WHOLE_BP
    paid[node.holder] = paid.get(node.holder, 0) + WHOLE_BP - sum(paid.values())
    return tuple(Holder(party=party, share_bp=paid[party]) for party in sorted(paid) if paid[party] > 0)
