"""`edgeprint rights`: may this be done with an object, by which chain; what rests on a grant or a title."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.asset import ListingOption, ObjectArgument, coordinates
from infra.cli.options import AsOfOption, HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import EXIT_FAILED, EXIT_INCOMPLETE, Words, padded, say, say_json, show
from infra.cli.rights import standing_text

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text
    from rich.tree import Tree

    from domain.rights.scope import Scope

app = typer.Typer(help="Rights: may this be done with an object, and what rests on a grant.", no_args_is_help=True)
SCOPE_BYTES_MAX: Final = 1 << 16
TREE_OBJECTS_MAX: Final = 80
_VERDICTS: Final = {
    "valid": ("有效", "valid", "green"),
    "invalid": ("无效", "invalid", "red"),
    "incomplete": ("无法判定", "incomplete", "yellow"),
}
_CODES: Final = {"valid": 0, "invalid": EXIT_FAILED, "incomplete": EXIT_INCOMPLETE}
_CITES: Final = {"grant": ("引用授权", "cites grant"), "consent": ("引用同意", "cites consent")}
_ON_A_LINK: Final = frozenset({"grant_ended", "unsigned"})
"""Causes that the standing of a link tells where the chain is drawn."""


@app.callback()
def group() -> None:
    """Rights: may this be done with an object, and what rests on a grant."""


@app.command("check")
def check(
    identifier: ObjectArgument,
    wanted: Annotated[
        Path | None, typer.Option("--for", help="The use that is asked for, a scope in JSON; without it any use.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="At this instant (default: that of the place).", metavar="TIME")
    ] = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say whether an object may be used so: valid (exit 0), invalid (1, with the link and clause) or incomplete (4).

    The derivation is drawn as a tree: what each object is made of, the titles on it, the grants that it cites.
    """
    from domain.ids import parse_object_id
    from infra.bootstrap import opened
    from infra.rights.check import rights_check
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        object_id = parse_object_id(identifier)
    scope = None if wanted is None else read_scope(wanted, "--for")
    instant = _instant(at)
    with opened(settings) as session:
        found = rights_check(session, object_id, scope, instant, as_of)
    if as_json:
        say_json(found)
    else:
        words = Words(settings.lang)
        show(rights_tree(found, words))
        if found["because"] is not None:
            say(words(found["because"]["zh"], found["because"]["en"]))
        if found["because"] is None or found["because"]["cause"] == "scope":
            _say_scope(found, words)  # of an object that does not stand, what it would be allowed misleads
        say(coordinates(found["as_of"], words))
    raise typer.Exit(_CODES[found["verdict"]])


def read_scope(path: Path, name: str) -> "Scope":
    """Return the scope of a file that an option or an argument names; what is none is wrong usage of that."""
    from domain.rights.scope_json import parse_scope
    from infra.log import read_small_file
    from schemas.strict_json import parse_strict

    with wrong_usage(name):
        return parse_scope(parse_strict(read_small_file(path), str(path), bytes_max=SCOPE_BYTES_MAX, depth_max=8))


def _instant(text: str | None) -> "datetime | None":
    from domain.spelling import parse_instant

    with wrong_usage("--at"):
        return None if text is None else parse_instant(text, "at")


def _say_scope(found: dict[str, Any], words: Words) -> None:
    from domain.rights.scope_json import parse_scope
    from domain.rights.scope_words import describe

    if found["scope"] is None:
        return
    say(words("至多可用于：", "at most:"))
    for zh, en in describe(parse_scope(found["scope"])):
        say(f"  {words(zh, en)}")


def rights_tree(found: dict[str, Any], words: Words) -> "Tree":
    """Return the derivation as a tree: each object once with its titles, what it cites, and what is wrong with it."""
    from rich.text import Text
    from rich.tree import Tree

    objects = {one["id"]: one for one in found["objects"]}
    because = found["because"]
    zh, en, style = _VERDICTS[found["verdict"]]
    tree = Tree(Text.assemble((words(zh, en), f"bold {style}"), "  ", (found["id"], "bold")))
    shown = {found["id"]}
    waiting = [(tree, found["id"])]
    for branch, identifier in waiting:
        node = objects.get(identifier)
        if node is None:
            continue
        _say_rights(branch, node, because, words)
        for source in node["sources"]:
            label = Text.assemble((f"{words('来自', 'from')} ", "cyan"), (source["id"], "bold"))
            if source["id"] in shown or len(shown) >= TREE_OBJECTS_MAX:
                branch.add(Text.assemble(label, (words("（不再展开）", " (not drawn again)"), "dim")))
                continue
            shown.add(source["id"])
            waiting.append((branch.add(label), source["id"]))
    return tree


def _say_rights(branch: "Tree", node: dict[str, Any], because: dict[str, Any] | None, words: Words) -> None:
    """Draw one object: its titles, the chains that it cites, each trouble once and where it hangs."""
    from rich.text import Text

    for title in node["titles"]:
        owners = ", ".join(f"{one['party']} {one['share_bp'] / 100:.2f} %" for one in title["owners"])
        contested = words("  有争议", "  contested") if title["contested"] else ""
        branch.add(Text(f"{words('权属', 'title')} {title['id']}  {owners}{contested}"))
    here = because if because is not None and because["object"] == node["id"] else None
    drawn: set[str] = set()
    for cited in node["cited"]:
        under = words(f"（权属 {cited['title']}）", f" (title {cited['title']})")
        chain = branch.add(Text(f"{words(*_CITES[cited['kind']])} {cited['id']}{under}"))
        for link in cited["links"]:
            drawn.add(link["id"])
            chain = chain.add(_link(link["id"], link["standing"], words))
            if here is not None and here["link"] == link["id"] and here["cause"] not in _ON_A_LINK:
                chain.add(Text(f"✗ {_clause(here, words)}", "red"))
    for licence in node["licences"]:
        told = branch.add(Text(f"{words('模型许可证', 'model licence')} {licence}"))
        if here is not None and here["licence"] == licence:
            told.add(Text(f"✗ {_clause(here, words)}", "red"))
    for trouble in node["troubles"]:
        if trouble["cause"] not in _ON_A_LINK or trouble["link"] not in drawn:
            branch.add(_trouble(trouble, words))


def _link(identifier: str, standing: dict[str, Any], words: Words) -> "Text":
    """Return a link of a chain and how it stands, marked where that decides."""
    from rich.text import Text

    mark = {"ended": "✗ ", "pending": "? " if standing["missing"] else ""}.get(standing["state"], "")
    style = {"✗ ": "red", "? ": "yellow"}.get(mark, "")
    return Text(f"{mark}{identifier}  {standing_text(standing, words)}", style)


def _trouble(trouble: dict[str, Any], words: Words) -> "Text":
    """Return what is wrong with the object that is drawn, or not known of it, without naming it again."""
    from rich.text import Text

    from domain.rights.authorisation import UNKNOWNS

    mark, style = ("?", "yellow") if trouble["cause"] in UNKNOWNS else ("✗", "red")
    return Text(f"{mark} {_without_object(trouble, words)}", style)


def _without_object(trouble: dict[str, Any], words: Words) -> str:
    name = trouble["object"]
    return words(trouble["zh"].removeprefix(f"{name}："), trouble["en"].removeprefix(f"{name}: "))


def _clause(because: dict[str, Any], words: Words) -> str:
    """Return what is too narrow of the link or the licence under which it is drawn."""
    if because["cause"] != "scope":
        return _without_object(because, words)
    return words(because["zh"].partition("；")[2], because["en"].partition("; ")[2])


@app.command("impact")
def impact(
    cause: Annotated[str, typer.Argument(metavar="ID", help="A grant, 10.5072/R..., or a title, 10.5072/G....")],
    listing: ListingOption = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Count what rests on a grant, a consent or a title: what cites it, and all made of that, with a Merkle root."""
    from domain.ids import parse_rights_grant_id, parse_title_id
    from infra.bootstrap import opened
    from infra.rights.check import rights_impact
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    letter = "G" if "/G." in cause else "R"
    with wrong_usage("ID"):
        parsed = parse_title_id(cause) if letter == "G" else parse_rights_grant_id(cause)
    with opened(settings) as session:
        found = rights_impact(session, parsed, letter, as_of, listing)
    if as_json:
        say_json(found)
        return
    _say_impact(found, Words(settings.lang))


def _say_impact(found: dict[str, Any], words: Words) -> None:
    from infra.cli.trees import STATUSES

    count, direct = found["count"], found["directly"]
    say(words(f"基于它的 {count} 件，其中直接 {direct} 件", f"{count} rest on it, {direct} of them directly"))
    for name, count in found["by_status"].items():
        say(f"  {padded(words(STATUSES.get(name, name), name), 12)}{count:>10}")
    for one in found["sample"]:
        say(f"  {one}")
    if len(found["sample"]) < found["count"]:
        left_out = found["count"] - len(found["sample"])
        say(words(f"  …… 另有 {left_out} 件", f"  ... and {left_out} more"))
    say(f"  {padded(words('树根', 'root'), 12)}{found['root']}")
    say(coordinates(found["as_of"], words))
