"""The command line `edgeprint`. This module only wires the groups together; work and heavy imports happen in commands.

Every command takes --json, --home and --lang. Results go to stdout, progress and messages to stderr; exit codes stand
in `infra.cli.output`.
"""

import io
import os
import sys
from functools import cache
from typing import Any

import typer

from infra.cli import (
    ancestry,
    asset,
    capability,
    cases,
    command,
    consumer,
    decision,
    dev,
    governance,
    intake,
    ledger,
    licence,
    listing,
    objects,
    odrl,
    projection,
    records,
    rights,
    rights_check,
    schema,
    system,
    topic,
    trade,
    vault,
)
from infra.cli.output import EXIT_CRASH, EXIT_INTERRUPTED, errors_as_exit_codes, note

app = typer.Typer(
    name="edgeprint",
    help="edgeprint (片边码): the sealed ledger of a film digital-asset supply chain.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
system.register(app)
intake.register(app)
objects.register(app)
capability.register(app)
cases.register(app)
app.command("command")(command.command)
governance.register(app)
rights.register(app)
odrl.register(rights_check.app)
app.add_typer(rights_check.app, name="rights")
trade.register(app)
licence.register(app)
app.add_typer(decision.app, name="decision")
app.add_typer(vault.app, name="vault")
ancestry.register(asset.app)
listing.register(asset.app)
app.add_typer(asset.app, name="asset")
app.add_typer(asset.comply, name="comply")
projection.register(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(schema.app, name="schema")
records.register(topic.app)
app.add_typer(topic.app, name="topic")
app.add_typer(consumer.app, name="consumer")
app.add_typer(consumer.dlq, name="dlq")
app.add_typer(dev.app, name="dev")


@cache
def command_line() -> Any:
    """Return the whole command line as Click has it; made once in a process, which takes a twentieth of a second."""
    return typer.main.get_command(app)


def run() -> None:
    """Run the command line; an error that nobody foresaw exits with 70 and says where to look."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot write is escaped, never a crash
            stream.reconfigure(errors="backslashreplace")
    try:
        with errors_as_exit_codes(as_json="--json" in sys.argv):
            command_line()()
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # Typer has turned Ctrl-C into this
            note("edgeprint: interrupted; what was acknowledged is in the ledger, the same command takes up the rest")
        raise
    except Exception as error:
        if os.environ.get("EDGEPRINT_DEBUG"):
            raise
        note(f"edgeprint: internal error: {type(error).__name__}: {error}")
        note("edgeprint: this is a bug; EDGEPRINT_DEBUG=1 shows the stack, please report it")
        sys.exit(EXIT_CRASH)


if __name__ == "__main__":
    run()
