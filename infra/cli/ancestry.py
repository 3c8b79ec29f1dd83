"""`edgeprint asset impact | paths | uses | common`: what follows from what an object is made of."""

from typing import Annotated, Any

import typer

from infra.cli.asset import ListingOption, ObjectArgument, asked, coordinates, words_of
from infra.cli.options import AsOfOption, HomeOption, JsonOption, LangOption
from infra.cli.output import Words, padded, say, say_json


def register(app: typer.Typer) -> None:
    """Add the commands to the group `asset`."""
    for name, command in (("impact", impact), ("paths", paths), ("uses", uses), ("common", common)):
        app.command(name)(command)


def impact(
    identifier: ObjectArgument,
    listing: ListingOption = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Count who is touched if something happens to an object: all that comes from it, with a Merkle root over them."""
    from infra.views.ancestry import asset_impact

    found = asked([identifier], home, lang, lambda session, ids: asset_impact(session, ids[0], as_of, listing))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    say(words(f"受影响：{found['count']} 件", f"{found['count']} touched"))
    for label, counts in (
        (words("类型", "kind"), found["by_kind"]),
        (words("状态", "status"), found["by_status"]),
    ):
        for name, count in counts.items():
            say(f"  {padded(label, 8)}{name:<16}{count:>10}")
    for one in found["sample"]:
        say(f"  {one}")
    if found["count"] > len(found["sample"]):
        more = found["count"] - len(found["sample"])
        say(words(f"  …… 另有 {more} 件", f"  ... and {more} more"))
    say(f"  {padded(words('根', 'root'), 8)}{found['root']}")
    say(coordinates(found["as_of"], words))


def paths(
    identifier: ObjectArgument,
    ancestor: Annotated[str, typer.Argument(metavar="ANCESTOR", help="What it may come from.")],
    most: Annotated[int, typer.Option(help="So many ways at most.", min=1, max=1000)] = 20,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List the ways by which one object comes from another, the shortest first."""
    from infra.views.ancestry import asset_paths

    found = asked(
        [identifier, ancestor], home, lang, lambda session, ids: asset_paths(session, ids[0], ids[1], as_of, most)
    )
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    if not found["paths"] and not found["cut"]:
        say(words("并非由它而来", "it does not come from there"))
    for number, way in enumerate(found["paths"], 1):
        say(f"{number:>3}  {way[0]['child']}")
        for step in way:
            say(f"     {', '.join(step['relations'])} {step['parent']}")
    _say_cut(found, words)
    say(coordinates(found["as_of"], words))


def uses(
    identifier: ObjectArgument,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List where an object is used: what includes it, at any depth, and what was made of it in one step."""
    from infra.views.ancestry import asset_uses

    found = asked([identifier], home, lang, lambda session, ids: asset_uses(session, ids[0], as_of))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    if not found["within"] and not found["other"] and not found["cut"]:
        say(words("未被使用", "used nowhere"))
    for one in found["within"]:
        say(f"{'includes' if one in found['directly'] else '(includes)'}  {one}")
    for relation, members in found["other"].items():
        for one in members:
            say(f"{relation}  {one}")
    _say_cut(found, words)
    say(coordinates(found["as_of"], words))


def common(
    identifiers: Annotated[list[str], typer.Argument(metavar="ID ID...", help="The objects.")],
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List what all of several objects come from, the oldest first; the nearest are marked."""
    from infra.views.ancestry import common_ancestors

    if len(set(identifiers)) < 2:
        raise typer.BadParameter("expected two or more different objects, found one", param_hint="ID")
    found = asked(identifiers, home, lang, lambda session, ids: common_ancestors(session, ids, as_of))
    if as_json:
        say_json(found)
        return
    words = words_of(lang)
    if not found["every"]:
        say(words("没有共同来源", "nothing in common"))
    for one in found["every"]:
        say(f"{'*' if one in found['nearest'] else ' '} {one}")
    say(coordinates(found["as_of"], words))


def _say_cut(found: dict[str, Any], words: Words) -> None:
    if found["cut"]:
        say(words("…… 可能还有更多", "... there may be more"))
