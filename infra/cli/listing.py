"""`edgeprint asset list`: the objects there are, by what is known of them."""

from typing import Annotated, Any

import typer

from infra.cli.asset import coordinates, words_of
from infra.cli.options import AsOfOption, HomeOption, JsonOption, LangOption, party_option
from infra.cli.output import say, say_json


def register(app: typer.Typer) -> None:
    """Add the command to the group `asset`."""
    app.command("list")(list_assets)


def list_assets(
    project: Annotated[str | None, typer.Option(help="Code of the production.")] = None,
    status: Annotated[str | None, typer.Option(help="identified, admitted, quarantined, rejected, withdrawn.")] = None,
    asset_class: Annotated[
        str | None, typer.Option("--class", help="Class of asset, as `comply status` counts.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Kind, such as storyboard.")] = None,
    origin: Annotated[str | None, typer.Option(help="Origin, such as generated.")] = None,
    of: Annotated[str | None, typer.Option(help="Whose objects (default: everybody's).", metavar="PARTY")] = None,
    after: Annotated[int, typer.Option(help="Only objects born behind this index: the next page.", min=-1)] = -1,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=1000)] = 50,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List the objects that stood as of a place of the ledger, in the order of their births, and how many there are."""
    from domain.identity.digital_object import Status
    from domain.identity.events import AssetClass, Origin
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.views.listing import Wanted, asset_list

    for name, value, known in (
        ("--status", status, Status),
        ("--class", asset_class, AssetClass),
        ("--origin", origin, Origin),
    ):
        if value is not None and value not in list(known):
            raise typer.BadParameter(f"expected one of {', '.join(known)}, found {value[:40]!r}", param_hint=name)
    wanted = Wanted(project, status, asset_class, kind, origin, party_option("--of", of))
    with opened(read_settings(home=home, lang=lang)) as session:
        found = asset_list(session, wanted, as_of, after, limit)
    if as_json:
        say_json(found)
    else:
        _print(found, lang)


def _print(found: dict[str, Any], lang: str | None) -> None:
    words = words_of(lang)
    for one in found["assets"]:
        say(f"{one['id']}  {one['status']:<12}{one['class']:<14}{one['kind']:<16}{one['project'] or '–'}")
    if found["next"] is not None:
        say(words(f"…… 下一页：--after {found['next']}", f"... next page: --after {found['next']}"))
    say(words(f"共 {found['count']} 件", f"{found['count']} objects"))
    say(coordinates(found["as_of"], words))
