"""Who acts and by which rules: `party`, `mandate`, `policy`. Most verbs are those of the command registry."""

from typing import Annotated, Any

import typer

from infra.cli.command import IdOption, give
from infra.cli.looking import looked
from infra.cli.options import AsOption, HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import Words, padded, say, say_json
from infra.cli.verbs import add_verb, verb_group

PartyArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the party, 10.5072/P....")]
PolicyArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which policy, such as trace-set.")]


def new_key(
    party: PartyArgument,
    as_party: AsOption = None,
    command_id: IdOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make a signing key for a party, keep it in this home, and bind it."""
    import json

    from domain.ids import parse_party_id
    from infra.governance.commanding import make_binding
    from infra.settings import read_settings

    with wrong_usage("ID"):
        of = parse_party_id(party)
    binding = make_binding(read_settings(home=home, lang=lang), of)
    give(
        "bind-key",
        json.dumps(binding).encode(),
        as_party=as_party,
        on_behalf_of=None,
        command_id=command_id,
        dry_run=False,
        home=home,
        as_json=as_json,
        lang=lang,
    )


def show_party(
    party: PartyArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one party: what it is, its keys, roles, mandates and memberships."""
    from domain.ids import parse_party_id
    from infra.governance.look import look_at_party

    found, words = looked(party, parse_party_id, look_at_party, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    say(f"{found['id']}  {found['kind']}")
    say(f"  {padded(words('角色', 'roles'), 14)}{', '.join(found['roles']) or '–'}")
    for key in found["keys"]:
        state = words("有效", "in force") if key["in_force"] else words("已撤回", "withdrawn")
        say(f"  {padded(words('签名密钥', 'key'), 14)}{key['key_id']}  {state}")
    for one in found["mandates"]:
        say(f"  {padded(words('授权委托', 'mandate'), 14)}{_mandate_text(one, words)}")
    if found["communities"]:
        say(f"  {padded(words('数据共同体', 'communities'), 14)}{', '.join(found['communities'])}")


def _mandate_text(one: dict[str, Any], words: Words) -> str:
    state = words("已撤销", "revoked") if one["revoked"] else f"{words('至', 'until')} {one['until']}"
    amount = (
        ""
        if one["currency"] is None
        else f" · {words('金额上限', 'up to')} {one['amount_minor_max']} {one['currency']}"
    )
    projects = f" · {', '.join(one['projects'])}" if one["projects"] else ""
    actions = f"{', '.join(one['actions'])} {words('代表', 'for')} {one['principal']}"
    return f"{one['number']}: {actions} {state}{amount}{projects}"


def show_policy(
    name: PolicyArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show a policy: its versions, who has read them, and the document that decides now."""
    from infra.bootstrap import opened
    from infra.governance.look import look_at_policy
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with opened(settings) as session:
        found = look_at_policy(session, name)
    if as_json:
        say_json(found)
        return
    words = Words(settings.lang)
    source = found["id"] or words("程序自带", "built in")
    say(f"{found['name']}  {source}")
    for one in found["versions"]:
        marks = [words("已批准", "approved")] * one["approved"] + [words("生效", "active")] * one["active"]
        say(f"  {one['version']:>3}  {one['sha256']}  {', '.join(marks) or words('草案', 'draft')}")
    say(f"  {words('摘要', 'digest')}  {found['digest']}")


def _parties(app: typer.Typer) -> None:
    app.command("show")(show_party)
    app.command("new-key")(new_key)
    for verb, name in (
        ("enrol", "enrol-party"),
        ("bind-key", "bind-key"),
        ("withdraw-key", "withdraw-key"),
        ("assign-role", "assign-role"),
        ("withdraw-role", "withdraw-role"),
        ("join", "declare-membership"),
    ):
        add_verb(app, "party", verb, name)


def _mandates(app: typer.Typer) -> None:
    add_verb(app, "party", "grant", "grant-mandate")
    add_verb(app, "party", "revoke", "revoke-mandate")


def _policies(app: typer.Typer) -> None:
    app.command("show")(show_policy)
    for verb in ("draft", "approve", "activate"):
        add_verb(app, "policy", verb, f"{verb}-policy")


def _subjects(app: typer.Typer) -> None:
    for verb, name in (
        ("declare", "declare-particulars"),
        ("open", "open-field"),
        ("hold", "place-legal-hold"),
        ("lift", "lift-legal-hold"),
        ("erase", "erase-subject"),
    ):
        add_verb(app, "party", verb, name)


def register(app: typer.Typer) -> None:
    """Add the groups to the command line."""
    for group in (
        verb_group("party", "Parties: who acts and holds, with keys, roles and memberships.", _parties),
        verb_group("mandate", "Mandates: who may act for whom, within which limits.", _mandates),
        verb_group("subject", "Data subjects: particulars, legal holds, erasure.", _subjects),
        verb_group("policy", "Policies: drafted, approved by a human, active.", _policies),
    ):
        app.add_typer(group)
