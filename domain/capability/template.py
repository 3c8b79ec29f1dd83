"""ProcessTemplate: a way of working cut into steps, versioned, kept for whoever works so next (能力传承).

The document `edgeprint.template/1` is JSON in the blob store:

    {"format": "edgeprint.template/1", "name": "storyboard to previs",
     "nodes": [{"id": "block", "kind": "geometry", "grade": "g0", "after": []},
               {"id": "light", "kind": "image", "grade": "g0", "after": ["block"]}]}

Steps form a graph without a circle; `after` names steps of the same template.
"""

from dataclasses import dataclass, replace
from typing import Annotated as A
from typing import Any, Final, assert_never

from domain.capability.events import Grade
from domain.capability.means import NODES_MAX, TemplateDefined, TemplateRetired, TemplateVersioned
from domain.command import Command, command
from domain.errors import Invalid, Rejected
from domain.events import Doc, Sha256
from domain.ids import PartyId, TemplateId

FORMAT: Final = "edgeprint.template/1"
VERSIONS_MAX: Final = 1_000
TemplateEvent = TemplateDefined | TemplateVersioned | TemplateRetired


@command("define-template")
class DefineTemplate(Command):
    """Give a way of working its identifier."""

    name: A[str, Doc("its public name", low=1, high=120)]


@command("version-template")
class VersionTemplate(Command):
    """Write down its steps."""

    template: A[TemplateId, Doc("which template")]
    document: A[Sha256, Doc("SHA-256 of the template edgeprint.template/1 in the blob store")]


@command("retire-template")
class RetireTemplate(Command):
    """Let no new work begin by it."""

    template: A[TemplateId, Doc("which template")]


TemplateCommand = DefineTemplate | VersionTemplate | RetireTemplate


@dataclass(frozen=True, slots=True)
class Template:
    """The template as it stands; `documents` of its versions, version 1 first."""

    owner: PartyId | None = None
    name: str = ""
    documents: tuple[Sha256, ...] = ()
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """For whom the actor acts, whether the name is taken, and how many steps the document has (None: not here)."""

    who: PartyId
    taken: bool = False
    nodes: int | None = None


def read_template(document: object) -> int:
    """Return how many steps a template has.

    Raises:
        Invalid: it is none, a step stands twice or comes after one that there is not, or steps form a circle.
    """
    if not isinstance(document, dict) or set(document) != {"format", "name", "nodes"} or document["format"] != FORMAT:
        raise Invalid(f"template: expected format {FORMAT}, name and nodes")
    nodes = document["nodes"]
    if not isinstance(nodes, list) or not 1 <= len(nodes) <= NODES_MAX:
        raise Invalid(f"template: nodes: expected an array of 1 to {NODES_MAX}")
    after: dict[str, set[str]] = {}
    for place, node in enumerate(nodes):
        name, before = _node(node, f"template: nodes[{place}]")
        if name in after:
            raise Invalid(f"template: nodes[{place}]: step {name[:60]!r} stands twice")
        after[name] = before
    for name, before in after.items():
        if unknown := sorted(before - set(after)):
            raise Invalid(f"template: step {name[:60]!r} comes after {unknown[0][:60]!r}, which is no step")
    done: set[str] = set()
    while ready := {name for name, before in after.items() if name not in done and before <= done}:
        done |= ready
    if circle := sorted(set(after) - done):
        raise Invalid(f"template: steps form a circle: {', '.join(name[:60] for name in circle[:5])}")
    return len(nodes)


def _node(node: Any, where: str) -> tuple[str, set[str]]:
    if not isinstance(node, dict) or set(node) != {"id", "kind", "grade", "after"}:
        raise Invalid(f"{where}: expected id, kind, grade and after")
    for member in ("id", "kind"):
        if not isinstance(node[member], str) or not 1 <= len(node[member]) <= 60:
            raise Invalid(f"{where}.{member}: expected 1 to 60 characters")
    if node["grade"] not in [str(grade) for grade in Grade if grade is not Grade.UNSPECIFIED]:
        raise Invalid(f"{where}.grade: expected g0, g1 or g2")
    if not isinstance(node["after"], list) or not all(isinstance(one, str) for one in node["after"]):
        raise Invalid(f"{where}.after: expected an array of steps")
    return node["id"], set(node["after"])


def decide(state: Template, command: TemplateCommand, facts: Facts) -> tuple[TemplateEvent, ...]:
    """Return the events of `command`. Raises: Rejected."""
    name = type(command).__name__
    if isinstance(command, DefineTemplate):
        if facts.taken:
            raise Rejected(f"{name} refused: you have defined a template of this name already")
        return (TemplateDefined(owner=facts.who, name=command.name),)
    if state.owner is None:
        raise Rejected(f"{name} refused: {command.template} is not a template of this ledger")
    if facts.who != state.owner:
        raise Rejected(f"{name} refused: expected its owner {state.owner}, found {facts.who}")
    if state.retired:
        raise Rejected(f"{name} refused: the template is retired")
    if isinstance(command, RetireTemplate):
        return (TemplateRetired(),)
    if facts.nodes is None:
        raise Rejected(f"{name} refused: expected the document {command.document.hex()} in the blob store, found none")
    if command.document in state.documents[-1:]:
        raise Rejected(f"{name} refused: version {len(state.documents)} is this very document")
    if len(state.documents) >= VERSIONS_MAX:
        raise Rejected(f"{name} refused: expected at most {VERSIONS_MAX} versions")
    return (TemplateVersioned(number=len(state.documents) + 1, document=command.document, nodes=facts.nodes),)


def evolve(state: Template, event: TemplateEvent) -> Template:
    """Return the state after `event`."""
    match event:
        case TemplateDefined(owner=owner, name=name):
            return replace(state, owner=owner, name=name)
        case TemplateVersioned(document=document):
            return replace(state, documents=(*state.documents, document))
        case TemplateRetired():
            return replace(state, retired=True)
        case _:
            assert_never(event)
