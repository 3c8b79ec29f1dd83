"""The command reference: every command of the registry with who may give it, its fields, its events, an example."""

import json
from typing import Any

from docs.examples import example_of
from domain.command import Command
from infra.cli.main import app
from infra.cli.verbs import BY_HAND, VERB_OF
from producers.authority import CommandSpec
from producers.registry import REGISTRY
from schemas.requests import request_record
from schemas.shapes import (
    REQUIRED,
    Array,
    Boolean,
    Digest,
    Enumeration,
    Field,
    Identity,
    Instant,
    Long,
    Optional,
    Record,
)

HEAD = """# Commands

Generated from the registry by `python -m docs.build`; do not edit. Each command is given as `edgeprint command NAME
--input FILE`, or by its verb; `--schema` prints the JSON Schema of its input, `--dry-run` what it would write and what
that rests on. Who has bound a key signs every command; *signed* means that it is refused without one. An agent, a
service or a device acts only for a principal, within a mandate, and never where *human only* stands.
"""


def registry_page() -> str:
    """Return docs/reference/commands.md."""
    import typer

    _fill(typer.main.get_command(app))
    lines = [HEAD]
    for spec in REGISTRY:
        lines += _section(spec)
    return "\n".join(lines).rstrip() + "\n"


def _fill(command: Any) -> None:
    """Ask every group for its commands: the verbs are known then."""
    for inner in getattr(command, "commands", {}).values():
        _fill(inner)


def _section(spec: CommandSpec) -> list[str]:
    name = spec.command.NAME
    about = (spec.command.__doc__ or "").strip()
    lines = [f"## {name}", "", about, ""]
    lines.append(f"- who: {_who(spec)}")
    lines.append(f"- verb: `edgeprint {BY_HAND.get(name) or VERB_OF[name]}`")
    lines.append(f"- events: {', '.join(f'`{event.TYPE}`' for event in spec.events)}")
    lines += ["", "| field | type | | meaning |", "|---|---|---|---|"]
    lines += [_row(field) for field in request_record(spec.command).fields]
    example = json.dumps(_input(spec.command), ensure_ascii=False)
    return [*lines, "", "```json", example, "```", ""]


def _who(spec: CommandSpec) -> str:
    permission = spec.permission
    who = " or ".join(sorted(permission.roles)) or "any enrolled person or organisation"
    if permission.own:
        who += ", or the party that it is about"
    marks = [mark for mark, there in (("human only", permission.human_only), ("signed", permission.signed)) if there]
    return "; ".join([who, *marks])


def _row(field: Field) -> str:
    needed = "required" if field.default is REQUIRED else ""
    return f"| `{field.name}` | {_type(field.shape)} | {needed} | {field.doc.replace('|', '/')} |"


def _type(shape: Any) -> str:
    match shape:
        case Optional(inner):
            return _type(inner)
        case Array(items, low, high):
            return f"array of {_type(items)}{_bounds(low, high)}"
        case Enumeration(_, _, symbols, _):
            return ", ".join(symbol for symbol in symbols if symbol != "unspecified")
        case Long(low, high):
            return "integer" if high > 1 << 53 else f"integer{_bounds(low, high)}"
        case Boolean():
            return "true or false"
        case Digest():
            return "64 hex digits"
        case Instant():
            return "time, UTC"
        case Identity(letter):
            return f"identifier {letter}" if letter else "UUID"
        case Record():
            return "object"
        case _:
            return f"text{_bounds(shape.low, shape.high)}"


def _bounds(low: int, high: int | None) -> str:
    return f" [{low}..{'' if high is None else high}]"


def _input(command: type[Command]) -> Any:
    """Return an input with every member that the command must have."""
    return {f.name: example_of(f.shape) for f in request_record(command).fields if f.default is REQUIRED}
