"""`edgeprint trade | valuation`: what licences earned, who is paid, balances and statements; what objects are worth."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.cli.command import DryOption, IdOption, giver_options
from infra.cli.options import (
    AsOfOption,
    AsOption,
    ForOption,
    HomeOption,
    JsonOption,
    LangOption,
    party_option,
    wrong_usage,
)
from infra.cli.output import EXIT_DENIED, EXIT_INCOMPLETE, Words, note, say, say_json
from infra.cli.verbs import add_verb, verb_group

SettlementArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the account, 10.5072/M....")]
NumberOption = Annotated[
    int | None, typer.Option("--number", help="Which settlement of it (default: the newest).", min=1)
]
PurposeOption = Annotated[str, typer.Option(help="What for: audit, court, subject_request, operation.")]
FORMS: Final = ("csv", "html")


def plan(
    identifier: Annotated[str, typer.Argument(metavar="OBJECT", help="What is licensed: where the money comes in.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code of the price.")] = "CNY",
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say how the proceeds of an object are shared, by what it is made of, and keep the plan that a licence pins."""
    from domain.ids import format_id, parse_object_id
    from domain.rights.settlement import check_plan
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.trade.planning import plan_for
    from infra.views.answers import place_of

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("OBJECT"):
        sold = parse_object_id(identifier)
    with opened(settings) as session:
        found, prefix = plan_for(session, sold, currency), session.config.prefix
    given = check_plan(found.plan)
    nodes: list[dict[str, Any]] = [
        {
            "object": format_id("O", node.object, prefix),
            "holders": [{"party": format_id("P", one.party, prefix), "share_bp": one.share_bp} for one in node.holders],
            "gives": [
                {"parent": format_id("O", edge.parent, prefix), "share_bp": edge.share_bp}
                for edge in given.get(node.object.int, ())
            ],
        }
        for node in reversed(found.plan.nodes)
    ]
    if as_json:
        say_json({"plan": found.sha256.hex(), "currency": currency, "nodes": nodes, "as_of": place_of(found.as_of)})
        return
    words = Words(settings.lang)
    for node in nodes:
        say(node["object"])
        for one in node["gives"]:
            say(f"  {one['share_bp'] / 100:>6.2f} %  {words('上交', 'to')} {one['parent']}")
        for one in node["holders"]:
            say(f"  {one['share_bp'] / 100:>6.2f} %  {words('其余归', 'of the rest to')} {one['party']}")
    say(words(f"方案 {found.sha256.hex()}", f"plan {found.sha256.hex()}"))


def settle(
    licence: Annotated[str, typer.Argument(metavar="LICENCE", help="Identifier of the licence, 10.5072/L....")],
    amount: Annotated[Path, typer.Option(help="A JSON file of currency and minor (minor units), net of tax.")],
    usage: Annotated[str, typer.Option(help="SHA-256 of the usage that is settled, a document in the blob store.")],
    since: Annotated[str, typer.Option(help="First instant of the period, RFC 3339 in UTC.")],
    until: Annotated[str, typer.Option(help="First instant after it.")],
    as_party: AsOption = None,
    on_behalf_of: ForOption = None,
    command_id: IdOption = None,
    dry_run: DryOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Divide what a licence earned in a period among all whose works it rests on, by the plan that was pinned."""
    from domain.ids import Sha256, parse_licence_id
    from domain.spelling import parse_hex32, parse_instant
    from infra.bootstrap import opened
    from infra.cli.command import print_result
    from infra.log import read_small_file
    from infra.settings import read_settings
    from infra.trade.settling import Earned, settle_licence
    from schemas.strict_json import parse_strict

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("LICENCE"):
        parsed = parse_licence_id(licence)
    with wrong_usage("--since, --until, --usage"):
        digest = Sha256(parse_hex32(usage, "usage"))
        period = parse_instant(since, "since"), parse_instant(until, "until")
    value = parse_strict(read_small_file(amount), str(amount), bytes_max=1_000, depth_max=2)
    earned = Earned(parsed, digest, *period, value)
    giver = giver_options(as_party, on_behalf_of, command_id)
    with opened(settings) as session:
        given = giver.given(session.config.holder_id, session.application.new_id)
        result = settle_licence(session, earned, given, dry_run=dry_run)
    if as_json:
        say_json(result)
    else:
        print_result(result, Words(settings.lang))
    if result.get("decision") == "refused":
        raise typer.Exit(EXIT_DENIED)


def balance(
    party: Annotated[str | None, typer.Option(help="Whose balance (default: everybody's).", metavar="PARTY")] = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show what each party was settled, by currency; `erased` where its amounts were destroyed at its request."""
    from domain.ids import format_id
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.trade.money import money_text
    from infra.trade.private import balances
    from infra.views.answers import place_of

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    whose = party_option("--party", party)
    with opened(settings) as session:
        found, at = balances(session, whose, as_of)
        prefix = session.config.prefix
    told = [
        {
            "party": format_id("P", one.party, prefix),
            "currency": one.currency,
            "minor": one.minor,
            "state": "known" if one.minor is not None else "erased",
            "lines": one.lines,
            "erased": one.erased,
        }
        for one in found
    ]
    if as_json:
        say_json({"balances": told, "as_of": place_of(at)})
        return
    for one, row in zip(found, told, strict=True):
        amount = (
            f"{one.currency} {words('已删除', 'erased')}" if one.minor is None else money_text(one.currency, one.minor)
        )
        say(f"{row['party']}  {amount:>24}  {words(f'{one.lines} 行', f'{one.lines} lines')}")
    if not found:
        say(words("没有结算", "nothing was settled"))


def statement(
    of: Annotated[str, typer.Argument(metavar="ID", help="A settlement account, 10.5072/M...., or a party, P....")],
    out: Annotated[Path, typer.Option(help="File to write; it must not exist.")],
    form: Annotated[str, typer.Option(help="csv or html.")] = "html",
    number: NumberOption = None,
    purpose: PurposeOption = "operation",
    as_of: AsOfOption = None,
    as_party: AsOption = None,
    command_id: IdOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write the statement of a settlement or of a party; that amounts are opened is recorded before they are."""
    from hashlib import sha256

    from domain.errors import Invalid
    from domain.ids import PartyId, SettlementId, parse_id
    from infra.bootstrap import opened
    from infra.process import write_durably, writing
    from infra.settings import read_settings
    from infra.trade.paper import party_paper, settlement_paper
    from infra.trade.statement import as_csv, as_html

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    if form not in FORMS:
        raise typer.BadParameter(f"expected csv or html, found {form[:20]!r}", param_hint="--form")
    with wrong_usage("ID"):
        named = parse_id(of)
        if named.letter not in "MP":
            raise Invalid(f"expected a settlement account (letter M) or a party (P), found {named.letter}")
    giver = giver_options(as_party, None, command_id)
    if out.exists():
        raise typer.BadParameter(f"expected a file that does not exist, found {out}", param_hint="--out")
    with opened(settings) as session:
        given = giver.given(session.config.holder_id, session.application.new_id)
        if named.letter == "M":
            paper, recorded = settlement_paper(session, SettlementId(named.uuid), number, given, purpose)
        else:
            paper, recorded = party_paper(session, PartyId(named.uuid), as_of, given, purpose)
    data = (as_csv(paper) if form == "csv" else as_html(paper, settings.lang)).encode()
    with writing(out, data):
        write_durably(out, data)  # readable by its owner only
    erased = sum(row.minor is None for row in paper.rows)
    digest = sha256(data).hexdigest()
    if as_json:
        lines = len(paper.rows)
        say_json(
            {"file": str(out), "form": form, "lines": lines, "erased": erased, "recorded": recorded, "sha256": digest}
        )
        return
    if recorded is not None:
        note(words(f"开示已记录于第 {recorded} 条", f"the opening is recorded as entry {recorded}"))
    say(words(f"已写入 {out}，{len(paper.rows)} 行", f"wrote {out}, {len(paper.rows)} lines"))


def verify_settlement(
    settlement: SettlementArgument,
    number: NumberOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Prove that a settlement's lines open their commitments, add up and are the plan's; exit 4 if some were erased."""
    from domain.errors import NotFound
    from domain.ids import parse_settlement_id
    from infra.bootstrap import opened
    from infra.host import BlobHost
    from infra.rights.desk import desk_of
    from infra.settings import read_settings
    from infra.trade.private import account_of, look_at_settlements, verify_account
    from producers.settlements import plan_at

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    with wrong_usage("ID"):
        account = parse_settlement_id(settlement)
    with opened(settings) as session:
        with look_at_settlements(session, None) as look, session.vault.lasting() as vault:
            found = account_of(look, vault, account, number)
        plan = plan_at(BlobHost(session.blobs, session.load, session.vault, desk_of(session)), found.row.plan)
        if plan is None:
            raise NotFound(f"expected the plan {found.row.plan.hex()} in the blob store, found none")
        whole = verify_account(found, plan)
    if as_json:
        told = {"settlement": settlement, "number": found.row.number, "lines": len(found.lines)}
        say_json({"verified": whole, **told, "erased": found.erased, "reversed": found.row.reversed is not None})
    elif whole:
        say(words("属实：各行与承诺、方案相符，合计无误", "true: the lines open, are the plan's and add up"))
    else:
        say(words(f"不完整：{found.erased} 项已删除", f"incomplete: {found.erased} amounts were erased"))
    if not whole:
        raise typer.Exit(EXIT_INCOMPLETE)


def _fill(app: typer.Typer) -> None:
    app.command("plan")(plan)
    app.command("settle")(settle)
    add_verb(app, "settlement", "reverse", "reverse-settlement")
    app.command("balance")(balance)
    app.command("statement")(statement)
    app.command("verify-settlement")(verify_settlement)


def _fill_valuations(app: typer.Typer) -> None:
    add_verb(app, "object", "issue", "issue-valuation")
    add_verb(app, "valuation", "supersede", "supersede-valuation")


def register(app: typer.Typer) -> None:
    """Add the groups to the command line."""
    app.add_typer(verb_group("trade", "What licences earned: settled, reversed, balanced, stated.", _fill))
    app.add_typer(verb_group("valuation", "What objects are worth, by appraisers.", _fill_valuations))
