"""`edgeprint object | find | blob`: look at objects, and do to them what the command registry offers."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption, party_option, wrong_usage
from infra.cli.output import EXIT_INCOMPLETE, Words, note, padded, say, say_json
from infra.cli.verbs import add_verb, verb_group

VERBS = (
    ("attest", "attest-elements"),
    ("recheck", "recheck-object"),
    ("lift", "lift-quarantine"),
    ("bind-id", "bind-alternative-id"),
    ("add-representation", "add-representation"),
    ("fingerprint", "compute-fingerprint"),
    ("amend", "amend-metadata"),
    ("record-prompt", "record-prompt"),
    ("record-derivation", "record-derivation"),
    ("cite-grants", "cite-grants"),
    ("withdraw", "withdraw-object"),
)
"""Each verb of `edgeprint object` and its command."""
blobs = typer.Typer(help="Documents and further representations in the blob store.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command()(find)
    app.add_typer(verb_group("object", "Objects: look at them, attest, check again, name, link, withdraw.", _objects))
    app.add_typer(blobs, name="blob")


def _objects(app: typer.Typer) -> None:
    app.command("show")(show)
    for verb, name in VERBS:
        add_verb(app, "object", verb, name)


@blobs.command("put")
def put(
    paths: Annotated[list[Path], typer.Argument(help="Files.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Store files without giving them identifiers, so that commands can name them by SHA-256; names are not kept."""
    from infra.blobs.store import BlobStore
    from infra.home import Home
    from infra.intake.refusal import FileRefused, Reason, refuse
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    place = Home(settings.home)
    place.config()  # raises where there is no ledger
    stored, refused = [], []
    for path in paths:
        try:
            if not os.path.lexists(path):
                raise FileRefused(refuse(str(path), Reason.NOT_FOUND, "no such file"))
            content = BlobStore(place.blobs).ingest(path)
        except FileRefused as err:
            refused.append(err.refused)
            note(words(f"未接收  {err}", f"not taken    {err}"))
            continue
        stored.append({"sha256": content.sha256.hex(), "size": content.size, "media_type": content.media_type})
        if not as_json:
            say(f"{content.sha256.hex()}  {content.media_type}  {content.size}")
    if as_json:
        say_json({"stored": stored, "refused": [{"path": one.display, "reason": str(one.reason)} for one in refused]})
    raise typer.Exit(EXIT_INCOMPLETE if refused else 0)


def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Object identifier, 10.5072/O....")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show one object: what it is, its traceable set, its history with ledger indexes."""
    from domain.ids import parse_object_id
    from infra.bootstrap import opened
    from infra.intake.look import look_at_object
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        object_id = parse_object_id(identifier)
    with opened(settings) as session:
        found = look_at_object(session, object_id)
    _print_object(found, as_json, Words(settings.lang))


def find(
    what: Annotated[
        Path,
        typer.Argument(metavar="WHAT", help="A file (by its content), a SHA-256, an identifier, a DOI, EIDR or ISAN."),
    ],
    of: Annotated[
        str | None, typer.Option(help="Whose object (default: the holder of the ledger).", metavar="PARTY")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Find one object: by the bytes of a file or their SHA-256, by its identifier or one bound to it. Exit 3: none."""
    from infra.bootstrap import opened
    from infra.intake.look import find_object
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    holder = party_option("--of", of)
    with opened(settings) as session:
        found = find_object(session, what, holder or session.config.holder_id)
    _print_object(found, as_json, Words(settings.lang))


def _reason(found: dict[str, Any], words: Words) -> str:
    from domain.identity.events import Element, Origin
    from infra.cli.reasons import quarantine_text

    if found["status"] != "quarantined":
        return str(found["clause"])
    lacking = [Element(name) for name in found["lacking"]]
    return quarantine_text(Origin(found["origin"]), lacking, words, found["hold"], str(found["clause"]))


def _print_governance(found: dict[str, Any], words: Words) -> None:
    """Print the row of the matrix of table 3-1; what cannot be told here is neither there nor missing."""
    place = {
        "cultural_base": words("文化底座", "cultural base"),
        "means_of_production": words("生产要素", "means of production"),
        "acting_subject": words("行为主体", "acting subject"),
    }[found["place"]]
    marks = {True: words("有", "there"), False: words("缺", "missing"), None: words("此处未知", "not known here")}
    asked = [f"{one['what']} {marks[one['there']]}" for one in (*found["title_on"], *found["verified_by"])]
    say(f"  {padded(words('治理定位', 'governance'), 12)}{place}; {', '.join(asked)}")


def _print_object(found: dict[str, Any], as_json: bool, words: Words) -> None:
    from infra.cli.technical import technical_text

    if as_json:
        say_json(found)
        return
    say(f"{found['id']}  {found['status']}")
    for label, key in (
        (words("名称", "name"), "name"),
        (words("类型", "kind"), "kind"),
        (words("媒体", "media type"), "media_type"),
        (words("大小", "size"), "size"),
        (words("来源", "origin"), "origin"),
        (words("入口", "intake"), "intake_source"),
        (words("项目", "project"), "project"),
        ("sha256", "sha256"),
        ("sm3", "sm3"),
    ):
        say(f"  {padded(label, 12)}{'–' if found[key] is None else found[key]}")
    if found["technical"]:
        say(f"  {padded(words('技术参数', 'technical'), 12)}{technical_text(found['technical'], words)}")
    for other in found["alternative_ids"]:
        say(f"  {other['scheme']:<12}{other['text']}")
    for one in found["fingerprints"]:
        say(f"  {one['scheme']:<12}{one['code']}")
    for one in found["representations"]:
        say(f"  {one['purpose']:<12}{one['id']}  {one['media_type']}")
    _print_governance(found["governance"], words)
    if found["clause"]:
        say(f"  {padded(words('原因', 'because'), 12)}{_reason(found, words)}")
    say(words("  最小可追溯集（找到 / 要求）", "  minimum traceable set (found / required)"))
    for cell in found["trace_set"]:
        say(f"    {cell['element']:<16}{cell['found']} / {cell['required']}")
    say(words("  历史", "  history"))
    for event in found["history"]:
        say(f"    {event['index']:>8}  {event['recorded_at']}  {event['type'].removeprefix('edgeprint.')}")
