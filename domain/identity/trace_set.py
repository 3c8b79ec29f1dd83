"""The minimum traceable set: which elements an object must be known by, and how well (domain.md section 3).

The policy is data. Its digest, SHA-256 of its RFC 8785 form, stands in the envelope of every judgement, so that the
judgement can be made again years later from the recorded cells. The table is read by origin; a class adds elements.

Elements: hash (sha256, sm3, size, media type; recomputed by us, so verified) · authorisation (chain to a root of title)
· model · parameters · environment · job and time · for computable objects ML-BOM and training statement · for
interactive ones the behaviour contract. Levels: missing < declared < attested by another party < verified by us.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TypeVar

from domain.errors import Invalid
from domain.events import Sha256
from domain.identity.events import CLAUSE_CHARACTERS_MAX, AssetClass, Cell, Element, Level, Origin
from domain.rights.events import Root

_RANK: Final = {Level.MISSING: 0, Level.DECLARED: 1, Level.ATTESTED: 2, Level.VERIFIED: 3}
_W = TypeVar("_W", bound=StrEnum)
_T = TypeVar("_T")
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


def parse_policy(document: Mapping[str, Any]) -> TraceSetPolicy:
    """Return the policy that `document` states.

    Raises:
        Invalid: a member is missing, unknown or of another type, a word is none of ours, an origin or a class has no
            row, a hash need not be verified, or a clause is empty or too long for an event.
    """
    if set(document) != set(TRACE_SET_POLICY):
        raise Invalid(f"expected the members {', '.join(TRACE_SET_POLICY)}, found {', '.join(sorted(document))[:200]}")
    if document["policy"] != TRACE_SET_POLICY["policy"]:
        raise Invalid(f"policy: expected {TRACE_SET_POLICY['policy']}, found another")
    origins = _table(document["origins"], Origin, "origins", _levels)
    classes = _table(document["classes"], AssetClass, "classes", _levels)
    for table, words, where in ((origins, Origin, "origins"), (classes, AssetClass, "classes")):
        missing = [word for word in words if word != "unspecified" and word not in table]
        if missing:
            raise Invalid(f"{where}: expected a row for {missing[0]}, found none")
    if any(row.get(Element.HASH) is not Level.VERIFIED for row in origins.values()):
        raise Invalid("origins: expected hash: verified in each row, since we recompute it")
    return TraceSetPolicy(
        required={
            (origin, asset_class): {**row, **more}
            for origin, row in origins.items()
            for asset_class, more in classes.items()
        },
        held=_table(document["held"], Origin, "held", _clause),
        roots_by_sidecar=frozenset(_word(Root, name, "roots_by_sidecar") for name in _roots(document)),
    )


def _word(words: type[_W], found: object, where: str) -> _W:
    known = [str(word) for word in words if word != "unspecified"]
    if found not in known:
        raise Invalid(f"{where}: expected one of {', '.join(known)}, found {str(found)[:60]!r}")
    return words(str(found))


def _table(found: object, words: type[_W], where: str, read: Callable[[object, str], _T]) -> dict[_W, _T]:
    if not isinstance(found, dict):
        raise Invalid(f"{where}: expected an object")
    return {_word(words, name, where): read(value, f"{where}.{name}") for name, value in found.items()}


def _levels(found: object, where: str) -> dict[Element, Level]:
    row = _table(found, Element, where, lambda value, place: _word(Level, value, place))
    if any(level not in _RANK or level is Level.MISSING for level in row.values()):
        raise Invalid(
            f"{where}: expected declared, attested or verified; an element that is not asked for is left away"
        )
    return row


def _clause(found: object, where: str) -> str:
    if not isinstance(found, str) or not 1 <= len(found) <= CLAUSE_CHARACTERS_MAX:
        raise Invalid(f"{where}: expected a clause of 1 to {CLAUSE_CHARACTERS_MAX} characters")
    return found


def _roots(document: Mapping[str, Any]) -> list[object]:
    if not isinstance(document["roots_by_sidecar"], list):
        raise Invalid("roots_by_sidecar: expected an array")
    return list(document["roots_by_sidecar"])


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
    return _conclude(policy, origin, tuple(cells))


def _conclude(policy: TraceSetPolicy, origin: Origin, cells: tuple[Cell, ...]) -> Judgement:
    lacking = tuple(cell.element for cell in cells if _below(cell))
    clause = policy.held.get(origin, "")
    if lacking:
        clause = f"origin {origin}: {', '.join(lacking)} below the level required"
    return Judgement(cells=cells, lacking=lacking, clause=clause)


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


def judge_again(policy: TraceSetPolicy, origin: Origin, asset_class: AssetClass, found: Sequence[Cell]) -> Judgement:
    """Return the judgement of a policy on the levels that were found and recorded, one cell an element."""
    required = policy.required[origin, asset_class]
    cells = tuple(
        Cell(
            element=cell.element,
            required=required.get(cell.element, Level.NOT_APPLICABLE),
            found=cell.found,
            evidence=cell.evidence,
        )
        for cell in found
    )
    return _conclude(policy, origin, cells)
