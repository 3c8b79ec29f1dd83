"""`edgeprint command NAME`: any command of the registry, its input as JSON. `infra.cli.verbs` gives the same ones."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.options import AsOption, ForOption, HomeOption, JsonOption, LangOption, party_option, wrong_usage
from infra.cli.output import EXIT_DENIED, Words, note, say, say_json

if TYPE_CHECKING:
    from infra.governance.given import Giver

INPUT_BYTES_MAX = (8 << 20) + 1  # one more than a request may have, so that more is noticed
IdOption = Annotated[
    str | None, typer.Option("--id", help="UUID of this command; given again, it is answered, not repeated.")
]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="Print what it would write and what that rests on; write nothing.")
]


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The command; none lists all.")] = None,
    source: Annotated[
        Path | None, typer.Option("--input", help="File with the input as JSON; - is standard input.")
    ] = None,
    as_party: AsOption = None,
    on_behalf_of: ForOption = None,
    command_id: IdOption = None,
    dry_run: DryOption = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the input.")] = False,
    signable: Annotated[
        bool, typer.Option("--signable", help="Print the bytes that the actor signs, for a key kept elsewhere.")
    ] = False,
    attestation: Annotated[
        Path | None, typer.Option("--attestation", help="The signed command, a JSON file of command, key, signature.")
    ] = None,
    secrets: Annotated[
        Path | None, typer.Option("--secrets", help="File with the values of secrets: a JSON object, field to value.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give a command to the ledger: permitted by roles and mandates, signed, decided, recorded, sealed."""
    if name is None:
        _list(as_json)
        return
    if schema:
        _print_schema(name)
        return
    if source is None:
        raise typer.BadParameter("expected a file, found none; --schema prints what it holds", param_hint="--input")
    if signable and command_id is None:
        raise typer.BadParameter("expected a UUID, since it is signed too", param_hint="--id")
    give(
        name,
        _read(source),
        as_party=as_party,
        on_behalf_of=on_behalf_of,
        command_id=command_id,
        dry_run=dry_run,
        signable=signable,
        attestation=None if attestation is None else _read(attestation),
        secrets=None if secrets is None else read_secrets(_read(secrets)),
        home=home,
        as_json=as_json,
        lang=lang,
    )


def give(
    name: str,
    data: bytes,
    *,
    as_party: str | None,
    on_behalf_of: str | None,
    command_id: str | None,
    dry_run: bool,
    home: Path | None,
    as_json: bool,
    lang: str | None,
    signable: bool = False,
    attestation: bytes | None = None,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Open the ledger, give it the command, print what became of it; a refusal of a dry run ends with exit code 7."""
    from dataclasses import replace

    from infra.bootstrap import opened
    from infra.governance.commanding import execute, rehearse, signable_text
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    giver = giver_options(as_party, on_behalf_of, command_id)
    with opened(settings) as session:
        given = giver.given(session.config.holder_id, session.application.new_id, name, data)
        given = replace(given, attestation=attestation, secrets=secrets)
        if signable:
            sys.stdout.write(signable_text(session, given).decode())
            return {}
        result = rehearse(session, given) if dry_run else execute(session, given)
    if as_json:
        say_json(result)
    else:
        print_result(result, words)
    if result.get("decision") == "refused":
        raise typer.Exit(EXIT_DENIED)
    return result


def giver_options(as_party: str | None, on_behalf_of: str | None, command_id: str | None) -> "Giver":
    """Return who gives a command by the options `--as`, `--on-behalf-of` and `--id`; wrong ones are wrong usage."""
    from uuid import UUID

    from domain.errors import Invalid
    from infra.governance.given import Giver

    actor, principal = party_option("--as", as_party), party_option("--on-behalf-of", on_behalf_of)
    with wrong_usage("--id"):
        try:
            return Giver(actor, principal, None if command_id is None else UUID(command_id))
        except ValueError as err:
            raise Invalid(f"expected a UUID, found {ascii(command_id)[:60]}") from err


def print_result(result: dict[str, Any], words: Words) -> None:
    if result.get("decision") == "refused":
        note(words(f"会被拒绝：{result['because']}", f"would be refused: {result['because']}"))
        return
    for event in result["events"]:
        index = event.get("index")
        place = words("（演练）", "(dry run)") if index is None else f"{index:>8}"
        say(f"{place}  {event['type'].removeprefix('edgeprint.')}  {event['stream']}")
        for field, value in event["event"].items():
            if value not in (None, [], ""):
                text = _text(value)
                say(f"{'':<12}{field}: {text if len(text) <= 160 else text[:157] + '...'}")
    if "rests_on" in result:
        say(
            words(
                f"依据 {len(result['rests_on'])} 条流，未写入",
                f"rests on {len(result['rests_on'])} streams; nothing written",
            )
        )
    elif result["repeated"]:
        say(words("此命令此前已记录", "this command was recorded before"))


def _text(value: Any) -> str:
    """Return a field of an event on one line: what has members as JSON."""
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _list(as_json: bool) -> None:
    from infra.governance.commanding import known_commands

    found = known_commands()
    if as_json:
        say_json({"commands": found})
        return
    for one in found:
        who = ", ".join(one["roles"]) or "any person or organisation"
        marks = [mark for mark, there in (("human only", one["human_only"]), ("signed", one["signed"])) if there]
        say(f"{one['name']:<22}{who}{' · ' if marks else ''}{', '.join(marks)}")
        say(f"{'':<22}{one['about'].splitlines()[0]}")


def read_secrets(data: bytes) -> Mapping[str, Any]:
    """Return the values of secrets by field. Raises: Invalid."""
    from domain.errors import Invalid
    from schemas.strict_json import parse_strict

    found = parse_strict(data, "secrets", bytes_max=INPUT_BYTES_MAX, depth_max=16)
    if not isinstance(found, dict):
        raise Invalid("secrets: expected an object, field to value")
    return found


def _print_schema(name: str) -> None:
    from producers.registry import REGISTRY
    from schemas.requests import request_schema

    say_json(request_schema(REGISTRY.find(name).command))


def _read(path: Path) -> bytes:
    from infra.log import read_small_file

    return sys.stdin.buffer.read(INPUT_BYTES_MAX) if str(path) == "-" else read_small_file(path)
