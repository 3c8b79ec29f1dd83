"""`edgeprint title | grant`: who owns a work, who may use it, in which chain, and how each link of it stands."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.looking import looked
from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import Words, padded, say, show
from infra.cli.verbs import filled, verb_group

if TYPE_CHECKING:
    from rich.tree import Tree

TITLE_VERBS: Final = (
    ("claim", "claim-rights"),
    ("register", "register-rights"),
    ("transfer", "propose-transfer"),
    ("approve-transfer", "approve-transfer"),
    ("accept-transfer", "accept-transfer"),
    ("withdraw-transfer", "withdraw-transfer"),
    ("contest", "contest-claim"),
    ("resolve", "resolve-claim"),
)
GRANT_VERBS: Final = tuple(
    (verb, f"{verb}-grant") for verb in ("record", "approve", "accept", "decline", "revoke", "reinstate")
)
_CHINESE: Final = {"in_force": "有效", "pending": "待生效", "ended": "已终止", "contested": "有争议"}
_STYLES: Final = {"in_force": "green", "pending": "yellow", "ended": "red", "contested": "magenta"}
_KINDS: Final = {"exclusive": "独占", "sole": "排他", "ordinary": "普通", "grant": "授权", "consent": "同意"}
TitleArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the title, 10.5072/G....")]
GrantArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the grant, 10.5072/R....")]


def show_title(
    title: TitleArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one title: whose the work is, what is registered, open and promised."""
    from domain.ids import parse_title_id
    from infra.rights.look import look_at_title

    found, words = looked(title, parse_title_id, look_at_title, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    say(f"{found['id']}  {found['root']}  {standing_text(found['standing'], words)}")
    say(f"  {padded(words('作品', 'work'), 12)}sha256 {found['work']}")
    for one in found["owners"]:
        say(f"  {padded(words('所有人', 'owner'), 12)}{one['party']}  {one['share_bp'] / 100:.2f} %")
    for one in found["registrations"]:
        say(f"  {padded(words('登记', 'registered'), 12)}{one['register']} {one['number']}")
    for one in found["transfers"]:
        lacks = [*one["missing"], *([] if one["accepted"] else [one["recipient"]])]
        moves = f"{one['share_bp']} bp {one['giver']} -> {one['recipient']}"
        told = f"{one['number']}: {moves}  {words('待签', 'unsigned')}: {', '.join(lacks)}"
        say(f"  {padded(words('转让', 'transfer'), 12)}{told}")
    for one in found["contests"]:
        say(f"  {padded(words('异议', 'contest'), 12)}{one['number']}: {one['by']}")
    _say_allocated(found["allocated"], words)


def show_grant(
    grant: GrantArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one grant: its scope, and the chain from the title down as a tree, each link with how it stands."""
    from domain.ids import parse_rights_grant_id
    from domain.rights.scope_json import parse_scope
    from domain.rights.scope_words import describe
    from infra.rights.look import look_at_grant

    found, words = looked(grant, parse_rights_grant_id, look_at_grant, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    show(chain_tree(found["links"], words))
    kinds = [words(_KINDS[name], name) for name in (found["kind"], found["allocation"])]
    more = [f"{words('数量', 'quota')} {found['quota']}"] * (found["quota"] is not None)
    more += [f"{words('分成', 'share')} {found['share_bp'] or 0} bp"] * (found["share_bp"] is not None)
    say(f"{found['id']}  {' · '.join([*kinds, *more])}")
    for zh, en in describe(parse_scope(found["scope"])):
        say(f"  {words(zh, en)}")
    _say_allocated(found["allocated"], words)


def chain_tree(links: list[dict[str, Any]], words: Words) -> "Tree":
    """Return a chain as a tree, the title at its root, each link with its parties and how it stands."""
    from rich.text import Text
    from rich.tree import Tree

    tree: Tree | None = None
    branch: Tree | None = None
    for link in links:
        told = (standing_text(link["standing"], words), _STYLES[link["standing"]["state"]])
        label = Text.assemble((link["id"], "bold"), "  ", told, "".join(f"\n{party}" for party in link["parties"]))
        branch = Tree(label) if branch is None else branch.add(label)
        tree = tree or branch
    if tree is None:
        raise AssertionError("a chain begins at a title")
    return tree


def standing_text(found: dict[str, Any], words: Words) -> str:
    """Return how a link stands, in a sentence."""
    from domain.rights.turns import CHINESE, told

    text = words(_CHINESE[found["state"]], found["state"].replace("_", " "))
    if found["since"]:
        text += words(f"，自 {found['since']} 起", f" from {found['since']} on")
    if found["why"]:
        text += words(f"：{CHINESE[found['why']]}", f": {told(found['why'])}")
    if found["missing"]:
        missing = ", ".join(
            words("被授权人接受", "acceptance") if one == "acceptance" else one for one in found["missing"]
        )
        text += words(f"，待 {missing}", f", missing {missing}")
    return text


def _say_allocated(allocated: list[dict[str, Any]], words: Words) -> None:
    for one in allocated:
        quota = "" if one["quota"] is None else f" · {one['quota']}"
        kind = words(_KINDS[one["kind"]], one["kind"])
        say(f"  {padded(words('已分配', 'allocated'), 12)}{one['child']}  {kind}{quota}")


def register(app: typer.Typer) -> None:
    """Add the groups to the command line."""
    titles = "Titles: who owns a work, transfers, contests."
    app.add_typer(verb_group("title", titles, filled("title", TITLE_VERBS, show_title)))
    grants = "Grants and consents: who may use a work, in a chain from its title."
    app.add_typer(verb_group("grant", grants, filled("grant", GRANT_VERBS, show_grant)))
