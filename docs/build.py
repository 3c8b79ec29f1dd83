"""Generate what can be generated in docs/: `python -m docs.build`; `--check` fails where a file would change.

docs/event-path.svg                  the way of one event
docs/rights-flow.svg                 scopes that meet, and money that flows back
docs/domain-map.svg, docs/domain.md  contexts, streams, events, and the commands behind them
docs/reference/cli.md                every command with its help
docs/reference/commands.md           every command of the registry, who may give it, its fields and events
docs/reference/events.md             every event with its fields, units and bounds
docs/reference/sidecar.schema.json   the JSON Schema of sidecars
docs/reference/asyncapi.json         the topics as an AsyncAPI 3.0 document
docs/reference/subscribe.md          the page for whoever subscribes
infra/cli/verbs.json                 what the help of each group of verbs lists
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs.domain_map import domain_page, draw_map
from docs.events_page import event_reference
from docs.make_picture import draw
from docs.registry import registry_page
from docs.rights_picture import draw_flow
from docs.subscribe import subscribe_page

DOCS = Path(__file__).parent


def command_reference() -> str:
    """Return docs/reference/cli.md from the command line itself."""
    import typer

    from infra.cli.main import app

    command = typer.main.get_command(app)
    lines = [
        "# Command reference",
        "",
        "Generated from the command line by `python -m docs.build`; do not edit. Every command also takes `--help`.",
        "Exit codes: 0 ok, 1 verification failed, 2 usage, 3 not found, 4 incomplete, 5 unavailable, 6 conflict, "
        "7 policy denied, 70 crash.",
        "",
    ]
    _describe(command, "edgeprint", lines)
    return "\n".join(lines).rstrip() + "\n"


def _describe(command: Any, path: str, lines: list[str]) -> None:
    if hasattr(command, "commands"):
        for name in sorted(command.commands):
            _describe(command.commands[name], f"{path} {name}", lines)
        return
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    usage = " ".join(
        [path, "[OPTIONS]", *((a.metavar or a.name).upper() + ("..." if a.nargs == -1 else "") for a in arguments)]
    )
    lines += [f"## {path}", "", (command.help or "").strip(), "", f"    {usage}", ""]
    for parameter in command.params:
        help_text = getattr(parameter, "help", None) or ""
        if parameter.param_type_name == "argument":
            lines.append(f"- `{(parameter.metavar or parameter.name).upper()}` {help_text}".rstrip())
        elif "--help" not in parameter.opts:
            lines.append(f"- `{', '.join(parameter.opts)}` {help_text}".rstrip())
    lines.append("")


def _sidecar_schema() -> str:
    from infra.intake.sidecar import sidecar_schema

    return sidecar_schema().decode()


def _verbs() -> str:
    import typer

    from infra.cli.main import app
    from infra.cli.verbs import summaries

    return summaries(typer.main.get_command(app))


def _asyncapi() -> str:
    from schemas.asyncapi import asyncapi_text
    from schemas.catalogue import CATALOGUE

    return asyncapi_text(CATALOGUE)


PAGES: dict[str, Callable[[], str]] = {
    "event-path.svg": draw,
    "rights-flow.svg": draw_flow,
    "domain-map.svg": draw_map,
    "domain.md": domain_page,
    "reference/cli.md": command_reference,
    "reference/commands.md": registry_page,
    "reference/events.md": event_reference,
    "reference/sidecar.schema.json": _sidecar_schema,
    "reference/asyncapi.json": _asyncapi,
    "reference/subscribe.md": subscribe_page,
    "../infra/cli/verbs.json": _verbs,
}


def build(check: bool) -> list[str]:
    """Write every page, or with `check` return those that differ from what stands there."""
    drifted = []
    for name, make in PAGES.items():
        path, text = DOCS / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        drifted.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return drifted


if __name__ == "__main__":
    changed = build(check="--check" in sys.argv)
    for name in changed:
        sys.stdout.write(f"docs/{name} {'differs: run `make generate`' if '--check' in sys.argv else 'written'}\n")
    sys.exit(1 if changed and "--check" in sys.argv else 0)
