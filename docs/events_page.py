"""The event reference: every event, when it is written and by whom, its fields with units and bounds, an example."""

import json
from typing import Any, Final

from docs.examples import example_of
from domain.events import Event
from producers.registry import REGISTRY
from schemas.catalogue import CATALOGUE

BY_ITSELF: Final = {
    "LedgerFounded": "`edgeprint init`",
    "SchemaPublished": "`edgeprint init`, and the first command of a newer program",
    "LedgerClockReset": "`edgeprint ledger clock-reset`",
    "ErasureCompleted": "edgeprint itself, once the values are destroyed",
    "RightsClaimed": "`edgeprint declare own-creation`",
}
"""What no command of the registry writes and no gate either."""


def event_reference() -> str:
    """Return docs/reference/events.md from the published schemas."""
    lines = [
        "# Event reference",
        "",
        "Generated from the schemas by `python -m docs.build`; do not edit. Every entry begins with the envelope, "
        "whose fields up to `stream_version` stand at frozen offsets (docs/formats.md).",
        "",
        "## edgeprint.Envelope",
        "",
    ]
    _fields(json.loads(CATALOGUE.envelope.text), lines)
    for name in sorted(CATALOGUE.by_type):
        schema = json.loads(CATALOGUE.by_type[name].text)
        lines += [
            "",
            f"## {name}",
            "",
            schema["doc"],
            "",
            f"By: {_written_by(CATALOGUE.by_type[name].event_class)}",
            "",
        ]
        lines += [f"Schema `{CATALOGUE.by_type[name].sha256.hex()}`", ""]
        _fields({"fields": schema["fields"][1:]}, lines)
        if schema["fields"][1:]:
            example = json.dumps(example_of(CATALOGUE.by_type[name].record), ensure_ascii=False)
            lines += ["", f"For example, as JSON: `{example}`"]
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any], lines: list[str]) -> None:
    if not schema["fields"]:
        lines.append("No fields of its own.")
        return
    lines += ["| field | type | meaning |", "|---|---|---|"]
    lines += [f"| `{f['name']}` | {_type_name(f['type'])} | {f['doc'].replace('|', '/')} |" for f in schema["fields"]]


def _type_name(kind: Any) -> str:
    if isinstance(kind, list):
        return f"{_type_name(kind[1])} or null"
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return f"array of {_type_name(kind['items'])}"
        if kind["type"] == "enum":
            return "enum " + ", ".join(s for s in kind["symbols"] if s != "unspecified")
        return str(kind["name"]).removeprefix("edgeprint.")
    return str(kind).removeprefix("edgeprint.")


def _written_by(event: type[Event]) -> str:
    """Return what writes an event, and who may."""
    name = event.__name__
    said = [BY_ITSELF[name]] if name in BY_ITSELF else []
    for spec in REGISTRY:
        if event in spec.events:
            who = " or ".join(sorted(spec.permission.roles)) or "any person or organisation"
            said.append(f"[{spec.command.NAME}](commands.md#{spec.command.NAME}) ({who})")
    if event.STREAM == "O" and (not said or name in ("TraceSetJudged", "ObjectAdmitted", "ObjectQuarantined")):
        said.insert(0, "the gate, `edgeprint identify`")
    return ", ".join(said)
