"""The minimum traceable set: which elements an object must be known by, and how well (domain.md section 3).

The policy is data. Its digest, SHA-256 of its RFC 8785 form, stands in the envelope of every judgement, so that the
judgement can be made again years later from the recorded cells. The table is read by origin; a class adds elements.

Four doors: who creates, who produces (new and stock), heritage film, external model services. What comes through a door
that its origin does not fit waits for a human: a film scan by a model service is a mistake, or worse. A class says what
the paper's matrix (table 3-1) says of it: its place, what its title is on, by what it is verified.

Elements: hash (sha256, sm3, size, media type; recomputed by us, so verified) · authorisation (chain to a root of title)
· model · parameters · environment · job and time · for computable objects ML-BOM and training statement · for
interactive ones the behaviour contract. Levels: missing < declared < attested by another party < verified by us.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

from domain.errors import Invalid
from domain.events import Sha256
from domain.identity.events import CLAUSE_CHARACTERS_MAX, AssetClass, Cell, Element, IntakeSource, Level, Origin
from domain.rights.events import Root

DOOR_CLAUSE: Final = "intake_source"
"""With this word begins the clause of what came through a door that does not fit."""
LEVEL_RANK: Final = {Level.MISSING: 0, Level.DECLARED: 1, Level.ATTESTED: 2, Level.VERIFIED: 3}
"""Which level is worth more; NOT_APPLICABLE is none of them."""
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
    "doors": {
        "creation": ["human_work", "captured", "algorithmic", "generated_here"],
        "production_new": [
            "human_work", "captured", "algorithmic", "generated_here", "external_service", "imported",
        ],
        "production_stock": [
            "human_work", "captured", "algorithmic", "generated_here", "external_service", "imported",
        ],
        "heritage_film": ["captured"],
        "external_model_service": ["external_service"],
    },
    "classes": {
        "static": {
            "place": "cultural_base", "title_on": ["doi"], "verified_by": ["fingerprint"], "adds": {},
        },
        "computable": {
            "place": "means_of_production", "title_on": ["model", "parameters"], "verified_by": ["filing"],
            "adds": {"ml_bom": "declared", "training": "declared"},
        },
        "interactive": {
            "place": "acting_subject", "title_on": ["contract", "instance"], "verified_by": ["sandbox"],
            "adds": {"contract": "declared"},
        },
    },
    "held": {"imported": "origin imported: held until a human lifts it"},
    "roots_by_sidecar": [
        "employment", "commission", "assignment", "public_domain", "statutory", "archival_custody", "orphan",
        "open_licence",
    ],
}  # fmt: skip


class Place(StrEnum):
    """What a class of assets is in the economy of film."""

    UNSPECIFIED = "unspecified"
    CULTURAL_BASE = "cultural_base"
    MEANS_OF_PRODUCTION = "means_of_production"
    ACTING_SUBJECT = "acting_subject"


class TitleOn(StrEnum):
    """What a title to such an asset is on."""

    UNSPECIFIED = "unspecified"
    DOI = "doi"
    MODEL = "model"
    PARAMETERS = "parameters"
    CONTRACT = "contract"
    INSTANCE = "instance"


class VerifiedBy(StrEnum):
    """By what it is verified that such an asset keeps the rules."""

    UNSPECIFIED = "unspecified"
    FINGERPRINT = "fingerprint"
    FILING = "filing"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """One row of the matrix: place, what a title is on, by what it is verified, and the elements that it adds."""

    place: Place
    title_on: tuple[TitleOn, ...]
    verified_by: tuple[VerifiedBy, ...]
    adds: Mapping[Element, Level]


@dataclass(frozen=True, slots=True, eq=False)
class TraceSetPolicy:
    """The tables, parsed once: least level by origin and class, what fits a door, the origins that wait for a human.

    A policy equals itself alone, so that it can be the key of a cache.
    """

    required: Mapping[tuple[Origin, AssetClass], Mapping[Element, Level]]
    doors: Mapping[IntakeSource, frozenset[Origin]]
    classes: Mapping[AssetClass, ClassRule]
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
    classes = _table(document["classes"], AssetClass, "classes", _class_rule)
    doors = _table(document["doors"], IntakeSource, "doors", partial(_words, Origin))
    tables: tuple[tuple[Mapping[Any, object], type[StrEnum], str], ...] = (
        (origins, Origin, "origins"),
        (classes, AssetClass, "classes"),
        (doors, IntakeSource, "doors"),
    )
    for table, words, where in tables:
        missing = [word for word in words if word != "unspecified" and word not in table]
        if missing:
            raise Invalid(f"{where}: expected a row for {missing[0]}, found none")
    if any(row.get(Element.HASH) is not Level.VERIFIED for row in origins.values()):
        raise Invalid("origins: expected hash: verified in each row, since we recompute it")
    return TraceSetPolicy(
        required={
            (origin, asset_class): {**row, **rule.adds}
            for origin, row in origins.items()
            for asset_class, rule in classes.items()
        },
        doors={door: frozenset(fitting) for door, fitting in doors.items()},
        classes=classes,
        held=_table(document["held"], Origin, "held", _clause),
        roots_by_sidecar=frozenset(_words(Root, document["roots_by_sidecar"], "roots_by_sidecar")),
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
    if any(level not in LEVEL_RANK or level is Level.MISSING for level in row.values()):
        raise Invalid(
            f"{where}: expected declared, attested or verified; an element that is not asked for is left away"
        )
    return row


def _clause(found: object, where: str) -> str:
    if not isinstance(found, str) or not 1 <= len(found) <= CLAUSE_CHARACTERS_MAX:
        raise Invalid(f"{where}: expected a clause of 1 to {CLAUSE_CHARACTERS_MAX} characters")
    return found


def _words(words: type[_W], found: object, where: str) -> tuple[_W, ...]:
    if not isinstance(found, list):
        raise Invalid(f"{where}: expected an array")
    return tuple(_word(words, one, where) for one in found)


def _class_rule(found: object, where: str) -> ClassRule:
    members = ("place", "title_on", "verified_by", "adds")
    if not isinstance(found, dict) or set(found) != set(members):
        raise Invalid(f"{where}: expected an object of {', '.join(members)}")
    return ClassRule(
        place=_word(Place, found["place"], f"{where}.place"),
        title_on=_words(TitleOn, found["title_on"], f"{where}.title_on"),
        verified_by=_words(VerifiedBy, found["verified_by"], f"{where}.verified_by"),
        adds=_levels(found["adds"], f"{where}.adds"),
    )


BUILT_IN: Final = parse_policy(TRACE_SET_POLICY)


def judge(
    policy: TraceSetPolicy,
    origin: Origin,
    door: IntakeSource,
    asset_class: AssetClass,
    declared: Declared,
    title_statement: Sha256 | None,
) -> Judgement:
    """Return the judgement under `policy` of one object, which came through `door`.

    `title_statement` is the statement of a title that the holder claims in this ledger on these very bytes, or None. It
    is a root of title and, for a human work, also says in which session the work, its own project file, was made.
    Of files without a declaration thousands are judged alike, so these judgements are remembered.
    """
    if declared.evidence:
        return _judge(policy, origin, door, asset_class, declared, title_statement)
    return _judge_undeclared(policy, origin, door, asset_class, declared.root, title_statement)


@lru_cache(maxsize=256)
def _judge_undeclared(
    policy: TraceSetPolicy,
    origin: Origin,
    door: IntakeSource,
    asset_class: AssetClass,
    root: Root,
    title_statement: Sha256 | None,
) -> Judgement:
    return _judge(policy, origin, door, asset_class, Declared({}, root), title_statement)


def _judge(
    policy: TraceSetPolicy,
    origin: Origin,
    door: IntakeSource,
    asset_class: AssetClass,
    declared: Declared,
    title_statement: Sha256 | None,
) -> Judgement:
    required = policy.required[origin, asset_class]
    cells = []
    for element in _ELEMENTS:
        found, evidence = _found(policy, element, origin, declared, title_statement)
        least = required.get(element, Level.NOT_APPLICABLE)
        if least is Level.NOT_APPLICABLE and evidence is None and element is not Element.HASH:
            found = Level.NOT_APPLICABLE
        cells.append(Cell(element=element, required=least, found=found, evidence=evidence))
    return _conclude(policy, origin, door, tuple(cells))


def _conclude(policy: TraceSetPolicy, origin: Origin, door: IntakeSource, cells: tuple[Cell, ...]) -> Judgement:
    lacking = tuple(cell.element for cell in cells if _below(cell))
    clause = policy.held.get(origin, "")
    if origin not in policy.doors[door]:
        clause = f"{DOOR_CLAUSE} {door}: origin {origin} does not fit it"
    if lacking:
        clause = f"origin {origin}: {', '.join(lacking)} below the level required"
    return Judgement(cells=cells, lacking=lacking, clause=clause)


def _below(cell: Cell) -> bool:
    return cell.required is not Level.NOT_APPLICABLE and LEVEL_RANK[cell.found] < LEVEL_RANK[cell.required]


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


def judge_again(
    policy: TraceSetPolicy, origin: Origin, door: IntakeSource, asset_class: AssetClass, found: Sequence[Cell]
) -> Judgement:
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
    return _conclude(policy, origin, door, cells)
