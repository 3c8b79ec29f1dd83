"""`edgeprint asset | comply`: what something is, comes from and is used in; where a production stands."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import AsOfOption, HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import Words, note, padded, say, say_json, show

app = typer.Typer(
    help="Assets: what they are made of, where they are used, what happened to them.", no_args_is_help=True
)
comply = typer.Typer(help="Compliance: where a production stands.", no_args_is_help=True)
ListingOption = Annotated[
    Path | None, typer.Option("--list", help="Write all of them here, one a line, in the order of the root's leaves.")
]
ObjectArgument = Annotated[str, typer.Argument(metavar="ID", help="The object.")]


@app.command("show")
def show_asset(
    identifier: ObjectArgument,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show where an object stood as of a place of the ledger, and by what it was impaired at that instant."""
    from infra.views.answers import asset_state

    found = asked([identifier], home, lang, lambda session, ids: asset_state(session, ids[0], as_of))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    say(f"{found['id']}  {found['status']}")
    for label, key in (
        (words("项目", "project"), "project"),
        (words("类型", "kind"), "kind"),
        (words("来源", "origin"), "origin"),
        (words("原因", "because"), "clause"),
        (words("深度", "depth"), "depth"),
    ):
        say(f"  {padded(label, 12)}{'–' if found[key] in (None, '') else found[key]}")
    for one in found["impaired_by"]:
        say(f"  {padded(words('受影响', 'impaired by'), 12)}{one['source']}  {one['reason']}")
    say(coordinates(found["as_of"], words))


@app.command("history")
def history(
    identifier: ObjectArgument,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List every entry of an object up to a place of the ledger."""
    from infra.views.answers import asset_history

    found = asked([identifier], home, lang, lambda session, ids: asset_history(session, ids[0], as_of))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    for entry in found["entries"]:
        say(f"{entry['index']:>10}  {entry['recorded_at']}  {entry['type'].rpartition('.')[2]}")
    say(coordinates(found["as_of"], words))


@app.command("lineage")
def lineage(
    identifier: ObjectArgument,
    as_of: AsOfOption = None,
    out: Annotated[Path | None, typer.Option(help="Write it to this file, in the form of --form.")] = None,
    form: Annotated[
        str, typer.Option(help="svg, svg-whole, dot, graphml, prov (PROV-JSON) or openlineage (JSON lines).")
    ] = "svg",
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Draw what an object comes from and what comes from it, as of a place of the ledger.

    As a tree here, or with --out and --form as a picture (folded to 80 nodes, or whole), a graph, or provenance.
    """
    if out is not None:
        _write_lineage(identifier, as_of, form, out, home, lang)
        if as_json:
            say_json({"form": form, "out": str(out), "bytes": out.stat().st_size})
        return
    from infra.cli.trees import lineage_trees
    from infra.views.answers import asset_lineage

    found = asked([identifier], home, lang, lambda session, ids: asset_lineage(session, ids[0], as_of))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    show(*lineage_trees(found, words))
    say(coordinates(found["as_of"], words))


def _write_lineage(identifier: str, as_of: str | None, form: str, out: Path, home: Any, lang: str | None) -> None:
    from infra.views.drawing import Form, written

    if form not in list(Form):
        raise typer.BadParameter(f"expected one of {', '.join(Form)}, found {form[:40]!r}", param_hint="--form")
    chinese = words_of(lang).chinese

    def write(session: Any, ids: list[Any]) -> None:
        with out.open("wb") as file:
            for piece in written(session, ids[0], as_of, Form(form), chinese=chinese):
                file.write(piece)

    asked([identifier], home, lang, write)
    note(str(out))


@comply.callback()
def group() -> None:
    """Compliance: where a production stands."""


@comply.command("status")
def status(
    project: Annotated[str | None, typer.Option(help="Code of the production; all objects without one.")] = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Count what was submitted: admitted, quarantined, rejected; each element of the traceable set by its level."""
    from infra.bootstrap import opened
    from infra.cli.trees import status_tables
    from infra.settings import read_settings
    from infra.views.answers import compliance_status

    settings = read_settings(home=home, lang=lang)
    with opened(settings) as session:
        found = compliance_status(session, project, as_of)
    if as_json:
        say_json(found)
        return
    words = Words(settings.lang)
    show(*status_tables(found, words))
    say(coordinates(found["as_of"], words))


def asked(identifiers: Sequence[str], home: Any, lang: str | None, ask: Callable[[Any, list[Any]], Any]) -> Any:
    """Return what `ask` answers of an open ledger and these objects. Raises: as it does, and wrong usage."""
    from domain.ids import parse_object_id
    from infra.bootstrap import opened
    from infra.settings import read_settings

    with wrong_usage("ID"):
        object_ids = [parse_object_id(identifier) for identifier in identifiers]
    with opened(read_settings(home=home, lang=lang)) as session:
        return ask(session, object_ids)


def words_of(lang: str | None) -> Words:
    """Return the words of the language asked for, or of the settings."""
    from infra.settings import read_settings

    return Words(read_settings(lang=lang).lang)


def coordinates(as_of: dict[str, Any], words: Words) -> str:
    """Return the line that says on which position and instant an answer rests."""
    return words(
        f"截至第 {as_of['position']} 条，时点 {as_of['instant']}",
        f"as of index {as_of['position']}, instant {as_of['instant']}",
    )
