"""What an object is made of, with the rights of each step, read from the views in one snapshot.

    with caught_up(session).looks(VIEWS, as_of, now_us()) as looks:
        found = derivation_of(looks, [object_id])
        found.answer(wanted).verdict, found.rests_on, found.plan_nodes(object_id), found.plan_edges(object_id)

Who decides on it (a licence) gathers it before the decision. Position and instant are those of the look, so that what
was decided can be asked again later with `as_of` that position. What an issue guards of it stands in
`producers.licences`: the objects that are licensed, every grant in `rests_on`, and the titles of those grants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from domain.capability.events import LicenceTerm, Nature
from domain.errors import Invalid, NotFound
from domain.events import Sha256
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.authorisation import (
    Answer,
    Claim,
    Link,
    Material,
    Node,
    Verdict,
    holders,
    judge,
    shares,
)
from domain.rights.grant import Grant, standing
from domain.rights.grant_events import AllocationKind, GrantKind, GrantRecorded
from domain.rights.scope import Scope, meet
from domain.rights.scope_json import parse_scope
from domain.rights.scope_terms import ScopeTerms, terms_of
from domain.rights.settlement import Holder, PlanEdge, PlanNode
from domain.rights.turns import Turn, fallen
from infra.views import questions
from infra.views.reading import Look, rows_together
from projections.compliance import COMPLIANCE, OBJECT
from projections.genealogy.view import EDGE, FOUND, GENEALOGY, NODE
from projections.trade import CITED, GRANT, MODEL_LICENCE, OWNER, TITLE, TRADE, TURN
from schemas.strict_json import parse_strict
from schemas.values import instant_of

VIEWS: Final = (GENEALOGY, COMPLIANCE, TRADE)
"""The views that a derivation is read from, in the order in which their looks are given."""
OBJECTS_MAX: Final = 20_000
"""Most objects of one derivation: as many as a settlement plan has nodes."""
Looks = tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Derivation:
    """Objects as they are made of others at a position, and what stands at an instant; `of` in the order asked for."""

    position: int
    instant: datetime
    of: tuple[ObjectId, ...]
    materials: tuple[Material, ...]

    def answer(self, wanted: Scope | None = None) -> Answer:
        """Return the verdict on all of them: of the first that is invalid, else that is incomplete, else valid.

        The scope of a valid answer is what all of them may be used for, None where they have nothing in common.
        """
        answers = [judge(material, wanted) for material in self.materials]
        for verdict in (Verdict.INVALID, Verdict.INCOMPLETE):
            found = next((one for one in answers if one.verdict is verdict), None)
            if found is not None:
                return found
        met = answers[0].scope
        for one in answers[1:]:
            met = None if met is None or one.scope is None else meet(met, one.scope)
        return Answer(Verdict.VALID, None, met)

    @property
    def rests_on(self) -> tuple[RightsGrantId, ...]:
        """Return every grant and consent that is cited anywhere, and every link above those, ascending."""
        return tuple(sorted({name for material in self.materials for name in material.links}))

    def plan_nodes(self, sold: ObjectId) -> tuple[PlanNode, ...]:
        """Return the nodes of the settlement of one of these objects: it and all to which a share flows, by birth."""
        material = self._of(sold)
        reached = {sold} | {one.parent for one in self.plan_edges(sold)}
        nodes = sorted((material.nodes[name] for name in reached), key=lambda one: one.born)
        return tuple(PlanNode(object=one.object, birth=one.born, holders=holders(material, one)) for one in nodes)

    def plan_edges(self, sold: ObjectId) -> tuple[PlanEdge, ...]:
        """Return the shares that flow, from one of these objects up, by child and parent."""
        below: dict[ObjectId, list[PlanEdge]] = {}
        for (child, parent), share in shares(self._of(sold)).items():
            below.setdefault(child, []).append(PlanEdge(child=child, parent=parent, share_bp=share))
        reached, waiting, edges = {sold}, [sold], list[PlanEdge]()
        for child in waiting:
            for edge in below.get(child, ()):
                edges.append(edge)
                if edge.parent not in reached:
                    reached.add(edge.parent)
                    waiting.append(edge.parent)
        return tuple(sorted(edges, key=lambda one: (one.child, one.parent)))

    def _of(self, sold: ObjectId) -> Material:
        return self.materials[self.of.index(sold)]


def derivation_of(looks: Looks, object_ids: Sequence[UUID], instant: datetime | None = None) -> Derivation:
    """Return the derivation of objects as of the place of `looks` (of VIEWS), at its instant unless one is given.

    Raises:
        NotFound: an object that was not born as of then.
        Invalid: more than OBJECTS_MAX objects are in it.
    """
    genealogy, compliance, trade = looks
    at = instant_of(genealogy.as_of.instant_us) if instant is None else instant
    every = questions.upward(genealogy, object_ids, OBJECTS_MAX + 1)
    if len(every) > OBJECTS_MAX:
        raise Invalid(f"derivation: expected at most {OBJECTS_MAX} objects in it, found more")
    objects, citations, declared, found, born = rows_together(
        (compliance, OBJECT, {"object": every}),
        (trade, CITED, {"object": every}),
        (genealogy, EDGE, {"child": every}),
        (genealogy, FOUND, {"child": every}),
        (genealogy, NODE, {"object": every}),
    )
    contents = {row.object: Sha256(row.content) for row in objects}
    missing = [one for one in object_ids if one not in contents]
    if missing:
        raise NotFound(f"no object {missing[0]} as of index {genealogy.as_of.position}")
    cited = {row.object: tuple(map(_grant_id, row.grants)) for row in citations}
    terms, links, claims = _rights(
        trade, set(contents.values()), {name for some in cited.values() for name in some}, at
    )
    parents, sources = (
        _lists((row.child, row.parent) for row in declared),
        _lists((row.child, row.source) for row in found),
    )
    nodes = {
        ObjectId(row.object): Node(
            object=ObjectId(row.object),
            holder=PartyId(row.holder),
            born=row.born,
            content=contents[row.object],
            declared=tuple(parents.get(row.object, ())),
            found=tuple(sources.get(row.object, ())),
            cited=cited.get(row.object, ()),
            licences=tuple(terms.get(contents[row.object], ())),
        )
        for row in born
    }
    of = tuple(ObjectId(one) for one in object_ids)
    materials = tuple(Material(one, nodes, claims, links) for one in of)
    return Derivation(genealogy.as_of.position, at, of, materials)


def _lists(pairs: Iterable[tuple[UUID, UUID]]) -> dict[ObjectId, list[ObjectId]]:
    found: dict[ObjectId, list[ObjectId]] = {}
    for child, parent in pairs:
        found.setdefault(ObjectId(child), []).append(ObjectId(parent))
    return found


def _rights(
    trade: Look, works: set[Sha256], cited: set[RightsGrantId], instant: datetime
) -> tuple[dict[Sha256, list[LicenceTerm]], dict[RightsGrantId, Link], dict[TitleId, Claim]]:
    """Return the licences of these works, the grants of these names with all above them, and the titles of both."""
    terms, grants, titles = rows_together(
        (trade, MODEL_LICENCE, {"content": list(works)}),
        (trade, GRANT, {"grant_id": list(cited)}),
        (trade, TITLE, {"work": list(works)}),
    )
    above = {_grant_id(name) for row in grants for name in row.chain} - cited
    roots = {row.title for row in grants} - {row.title for row in titles}
    more = rows_together((trade, GRANT, {"grant_id": list(above)}), (trade, TITLE, {"title": list(roots)}))
    grants, titles = grants + more[0], titles + more[1]
    names = [row.title for row in titles]
    turned, owned = rows_together(
        (trade, TURN, {"source": [*names, *(row.grant_id for row in grants)]}), (trade, OWNER, {"title": names})
    )
    turns = _turns(turned)
    return (
        _terms(terms),
        {RightsGrantId(row.grant_id): link_of(row, turns.get(row.grant_id, ()), instant) for row in grants},
        _claims(titles, owned, turns, instant),
    )


def _terms(rows: Iterable[Any]) -> dict[Sha256, list[LicenceTerm]]:
    found: dict[Sha256, list[LicenceTerm]] = {}
    for row in rows:
        term = LicenceTerm(component=row.component, licence=row.licence, natures=tuple(map(Nature, row.natures)))
        found.setdefault(Sha256(row.content), []).append(term)
    return found


def _turns(rows: Iterable[Any]) -> dict[UUID, list[Turn]]:
    """Return what was decided on titles or grants, each in the order of the log."""
    found: dict[UUID, list[Turn]] = {}
    for row in rows:
        found.setdefault(row.source, []).append(Turn(instant_of(row.effective_at_us), row.fallen, row.why))
    return found


@lru_cache(maxsize=4_096)
def _grant_id(text: str) -> RightsGrantId:
    return RightsGrantId(UUID(text))


def link_of(row: Any, turns: Sequence[Turn], instant: datetime) -> Link:
    """Return a row of `rights_grant` as it stands at an instant, with what was decided on it."""
    scope, terms = _scope(bytes(row.scope))
    chain = tuple(map(_grant_id, row.chain))
    recorded = GrantRecorded(
        kind=GrantKind(row.kind),
        title=TitleId(row.title),
        chain=chain,
        grantor=PartyId(row.grantor),
        grantee=PartyId(row.grantee),
        scope=terms,
        allocation=AllocationKind(row.allocation),
        quota=row.quota,
        share_bp=row.share_bp,
        terms=Sha256(bytes(row.terms)),
        approvals=tuple(PartyId(UUID(one)) for one in row.unsigned),
    )
    declined = None if row.declined_by is None else PartyId(row.declined_by)
    grant = Grant(recorded=recorded, accepted=row.accepted, declined=declined, turns=tuple(turns))
    return Link(
        grant=RightsGrantId(row.grant_id),
        kind=recorded.kind,
        title=recorded.title,
        chain=chain,
        grantee=recorded.grantee,
        scope=scope,
        share_bp=row.share_bp,
        standing=standing(grant, instant),
    )


@lru_cache(maxsize=4_096)
def _scope(text: bytes) -> tuple[Scope, ScopeTerms]:
    scope = parse_scope(parse_strict(text, "scope", bytes_max=1 << 16, depth_max=8))
    return scope, terms_of(scope)


def _claims(
    titles: Iterable[Any], owned: Iterable[Any], turns: Mapping[UUID, Sequence[Turn]], instant: datetime
) -> dict[TitleId, Claim]:
    owners: dict[UUID, list[Holder]] = {}
    holds = _at(instant)
    for row in owned:
        if holds(row):
            owners.setdefault(row.title, []).append(Holder(party=PartyId(row.party), share_bp=row.share_bp))
    return {
        TitleId(row.title): Claim(
            title=TitleId(row.title),
            work=Sha256(row.work),
            owners=tuple(sorted(owners.get(row.title, ()), key=lambda one: one.party)),
            contested=row.contests > 0,
            fallen=fallen(turns.get(row.title, ()), instant),
        )
        for row in titles
    }


def _at(instant: datetime) -> Callable[[Any], bool]:
    """Return whether a row with an effective interval holds at an instant."""

    def holds(row: Any) -> bool:
        since, until = row.effective_from_us, row.effective_to_us
        return (since is None or instant_of(since) <= instant) and (until is None or instant < instant_of(until))

    return holds
