"""`edgeprint vault open | verify-opening`: what commitments open to, recorded before it is shown; proved without us."""

import json
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.command import IdOption, giver_options
from infra.cli.options import AsOption, HomeOption, JsonOption, LangOption
from infra.cli.output import Words, note, say, say_json

app = typer.Typer(help="Secrets: opened on record, proved against their entries.", no_args_is_help=True)


@app.command("open")
def open_value(
    index: Annotated[int, typer.Argument(help="Ledger index of the entry that commits to the value.", min=0)],
    path: Annotated[str, typer.Argument(help="Place of the field in the event, such as prompt.")],
    purpose: Annotated[str, typer.Option(help="What for: audit, court, subject_request, operation.")] = "audit",
    as_party: AsOption = None,
    command_id: IdOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record that a value is opened, then print its opening; `vault verify-opening` proves it against the entry."""
    from uuid import UUID

    from domain.errors import NotFound
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.vault.opening import commitment_at, entry_at, opening_document, record_opening

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    giver = giver_options(as_party, None, command_id)
    with opened(settings) as session:
        decoded = entry_at(session.application, index)
        commitment_at(decoded.event, path)
        event_id, place = decoded.event.committed_as(UUID(int=decoded.envelope.event_id.int), path)
        given = giver.given(session.config.holder_id, session.application.new_id)
        recorded = record_opening(session, given, event_id, place, purpose)
        if recorded is None:
            raise NotFound(f"the vault has no value for {path!r} of entry {index}: it was erased, or never here")
        document = opening_document(index, decoded, path, session.vault.open(event_id, place))
    if as_json:
        say_json(document)
        return
    note(words(f"已记录于第 {recorded} 条", f"recorded as entry {recorded}"))
    value = document["value"]
    say(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


@app.command("verify-opening")
def verify_opening(
    opening: Annotated[Path, typer.Argument(help="The opening, as `vault open --json` prints it.")],
    entry: Annotated[Path, typer.Option(help="The entry's bytes, as `ledger entry --out` writes them.")],
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Prove an opening against the bytes of its entry; needs no ledger. Exit 1 if it is not what was committed to."""
    from infra.log import read_small_file
    from infra.settings import read_settings
    from infra.vault.opening import check_opening

    words = Words(read_settings(lang=lang).lang)
    found = check_opening(read_small_file(opening), read_small_file(entry))
    if as_json:
        say_json({"verified": True, "index": found["index"], "path": found["path"], "commitment": found["commitment"]})
        return
    say(words(f"属实：{found['path']} 正是条目所承诺的值", f"true: {found['path']} is what the entry commits to"))
