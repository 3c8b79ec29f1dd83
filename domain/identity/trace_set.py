"""The minimum traceable set: which elements an object must be known by, and how well (domain.md section 3).

The policy is data. Its digest, SHA-256 of its RFC 8785 form, stands in the envelope of every judgement, so that the
judgement can be made again years later from the recorded cells. The table is read by origin; a class adds elements.

Elements: hash (sha256, sm3, size, media type; recomputed by us, so verified) · authorisation (chain to a root of title)
· model · parameters · environment · job and time · for computable objects ML-BOM and training statement · for
interactive ones the behaviour contract. Levels: missing < declared < attested by another party < verified by us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from domain.events import Sha256
from domain.identity.events import AssetClass, Cell, Element, Level, Origin
from domain.rights.events import Root

_RANK: Final = {Level.MISSING: 0, Level.DECLARED: 1, Level.ATTESTED: 2, Level.VERIFIED: 3}
_ELEMENTS: Final = tuple(element for element in Element if element is not Element.UNSPECIFIED)

TRACE_SET_POLICY: Final[dict[str, Any]] = {
    "policy": "edgeprint/trace-set/1",
    "origins": {
        "human_work": {
            "hash": "verified", "authorisation": "declared", "parameters": "declared", "job": "declared",
        },
        "captured": {
            "hash": "verified", "authorisation": "declared", "environment": "declared", "job": "declared",
        },
        "algorithmic": {
            "hash": "verified", "authorisation": "declared", "model": "declared", "parameters": "declared",
            "environment": "attested", "job": "attested",
        },
        "generated_here": {
            "hash": "verified", "authorisation": "declared", "model": "declared", "parameters": "declared",
            "environment": "attested", "job": "attested",
        },
        "external_service": {
            "hash": "verified", "authorisation": "declared", "model": "declared", "parameters": "declared",
            "environment": "declared", "job": "declared",
        },
        "imported": {
            "hash": "verified", "authorisation": "declared", "model": "declared", "parameters": "declared",
            "environment": "declared",
        },
    },
    "classes": {
        "static": {},
        "computable": {"ml_bom": "declared", "training": "declared"},
        "interactive": {"contract": "declared"},
    },
    "held": {"imported": "origin imported: held until a human lifts it"},
    "roots_by_sidecar": [
        "employment", "commission", "assignment", "public_domain", "statutory", "archival_custody", "orphan",
        "open_licence",
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class TraceSetPolicy:
    """The table, parsed once: least level by origin and class, and the origins that wait for a human.

    A policy equals itself alone, so that it can be the key of a cache.
    """

    required: Mapping[tuple[Origin, AssetClass], Mapping[Element, Level]]
    held: Mapping[Origin, str]
    roots_by_sidecar: frozenset[Root]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a submission declares: the digest of each element's statement, and the root it names."""

    evidence: Mapping[Element, Sha256]
    root: Root = Root.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Judgement:
    """The cells, what is below its level, and the clause that holds the object back ("" when nothing does)."""

    cells: tuple[Cell, ...]
    lacking: tuple[Element, ...]
    clause: str


def _levels(row: Mapping[str, str]) -> Mapping[Element, Level]:
    return {Element(element): Level(level) for element, level in row.items()}


def parse_policy(document: Mapping[str, Any]) -> TraceSetPolicy:
    """Return the policy that `document` states; unknown words raise ValueError."""
    origins, classes, held, roots = (document[k] for k in ("origins", "classes", "held", "roots_by_sidecar"))
    return TraceSetPolicy(
        required={
            (Origin(origin), AssetClass(asset_class)): {**_levels(row), **_levels(more)}
            for origin, row in origins.items()
            for asset_class, more in classes.items()
        },
        held={Origin(name): str(clause) for name, clause in held.items()},
        roots_by_sidecar=frozenset(Root(name) for name in roots),
    )


BUILT_IN: Final = parse_policy(TRACE_SET_POLICY)


def judge(
    policy: TraceSetPolicy, origin: Origin, asset_class: AssetClass, declared: Declared, title_statement: Sha256 | None
) -> Judgement:
    """Return the judgement of one object under `policy`.

    `title_statement` is the statement of a title that the holder claims in this ledger on these very bytes, or None. It
    is a root of title and, for a human work, also says in which session the work, its own project file, was made.
    Of files without a declaration thousands are judged alike, so these judgements are remembered.
    """
    if declared.evidence:
        return _judge(policy, origin, asset_class, declared, title_statement)
    return _judge_undeclared(policy, origin, asset_class, declared.root, title_statement)


@lru_cache(maxsize=256)
def _judge_undeclared(
    policy: TraceSetPolicy, origin: Origin, asset_class: AssetClass, root: Root, title_statement: Sha256 | None
) -> Judgement:
    return _judge(policy, origin, asset_class, Declared({}, root), title_statement)


def _judge(
    policy: TraceSetPolicy, origin: Origin, asset_class: AssetClass, declared: Declared, title_statement: Sha256 | None
) -> Judgement:
    required = policy.required[origin, asset_class]
    cells = []
    for element in _ELEMENTS:
        found, evidence = _found(policy, element, origin, declared, title_statement)
        least = required.get(element, Level.NOT_APPLICABLE)
        if least is Level.NOT_APPLICABLE and evidence is None and element is not Element.HASH:
            found = Level.NOT_APPLICABLE
        cells.append(Cell(element=element, required=least, found=found, evidence=evidence))
    lacking = tuple(cell.element for cell in cells if _below(cell))
    clause = policy.held.get(origin, "")
    if lacking:
        clause = f"origin {origin}: {', '.join(lacking)} below the level required"
    return Judgement(cells=tuple(cells), lacking=lacking, clause=clause)


def _below(cell: Cell) -> bool:
    return cell.required is not Level.NOT_APPLICABLE and _RANK[cell.found] < _RANK[cell.required]


def _found(
    policy: TraceSetPolicy, element: Element, origin: Origin, declared: Declared, title_statement: Sha256 | None
) -> tuple[Level, Sha256 | None]:
    if element is Element.HASH:
        return Level.VERIFIED, None
    evidence = declared.evidence.get(element)
    if element is Element.AUTHORISATION:
        if title_statement is not None:
            return Level.DECLARED, title_statement
        if evidence is not None and declared.root in policy.roots_by_sidecar:
            return Level.DECLARED, evidence
        return Level.MISSING, evidence
    if evidence is None and origin is Origin.HUMAN_WORK and element in (Element.PARAMETERS, Element.JOB):
        evidence = title_statement
    return (Level.MISSING, None) if evidence is None else (Level.DECLARED, evidence)
