"""`edgeprint licence`: offer, ask, issue, report, end; the token of a licence, shown and checked without the ledger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from infra.cli.looking import looked
from infra.cli.options import HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import EXIT_FAILED, EXIT_INCOMPLETE, EXIT_OK, Words, note, padded, say, say_json, write_result
from infra.cli.verbs import filled, verb_group

VERBS: Final = (
    ("offer", "offer-licence"),
    ("request", "request-licence"),
    ("refuse", "refuse-licence"),
    ("issue", "issue-licence"),
    ("report-usage", "report-usage"),
    ("suspend", "suspend-licence"),
    ("resume", "resume-licence"),
    ("revoke", "revoke-licence"),
)
STATES: Final[Mapping[str, str]] = {
    "offered": "要约",
    "requested": "已申请",
    "refused": "已拒绝",
    "not_yet": "尚未开始",
    "in_force": "有效",
    "suspended": "中止",
    "ended": "已终止",
}
STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "token": ("凭证签名", "token"),
    "holder": ("持有人绑定", "holder"),
    "window": ("期限", "window"),
    "ledger": ("账本证明", "ledger"),
    "status": ("状态", "status"),
}
VERDICTS: Final[Mapping[str, str]] = {
    "holds": "成立",
    "fails": "不成立",
    "unknown": "未知",
    "valid": "有效",
    "invalid": "无效",
    "incomplete": "不完整",
}
EXIT_CODES: Final[Mapping[str, int]] = {"valid": EXIT_OK, "invalid": EXIT_FAILED, "incomplete": EXIT_INCOMPLETE}
LicenceArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the licence, 10.5072/L....")]
TokenArgument = Annotated[Path, typer.Argument(metavar="TOKEN", help="A file with the token or a presentation of it.")]
OutOption = Annotated[Path, typer.Option(help="Write it here.")]


def show_licence(
    licence: LicenceArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one licence: how it stands now, for what and for whom, what was used, why it was refused."""
    from domain.ids import parse_licence_id
    from infra.clock import now_us
    from infra.rights.licences import look_at_licence
    from schemas.values import instant_of

    def look(session: Any, licence: Any) -> dict[str, Any]:
        return look_at_licence(session, licence, instant_of(now_us()))

    found, words = looked(licence, parse_licence_id, look, home=home, as_json=as_json, lang=lang)
    if not as_json:
        _tell_licence(found, words)


def _tell_licence(found: Mapping[str, Any], words: Words) -> None:
    from domain.rights.scope_json import parse_scope
    from domain.rights.scope_words import describe

    def line(zh: str, en: str, said: object) -> None:
        say(f"  {padded(words(zh, en), 12)}{said}")

    say(f"{found['id']}  {_standing(found['standing'], words)}")
    refused = found["refused"]
    if refused is not None:
        where = "" if refused["object"] is None else f"{refused['object']}: "
        line("拒绝理由", "because", f"{where}{refused['clause']}")
    line("许可人", "licensor", found["licensor"])
    line("被许可人", "licensee", found["licensee"] or "–")
    under = ("权属", "title") if found["title"] is not None else ("授权", "grant")
    line(*under, found["title"] or found["grant"])
    for one in found["objects"]:
        line("对象", "object", one)
    for one in found["rests_on"]:
        line("依据", "rests on", one)
    if found["quota"] is None:
        line("已用", "used", found["used"])
    else:
        line("已用", "used", words(f"{found['used']}，共 {found['quota']}", f"{found['used']} of {found['quota']}"))
    for zh, en in describe(parse_scope(found["scope"])):
        say(f"  {words(zh, en)}")


def _standing(found: Mapping[str, Any], words: Words) -> str:
    """Return how a licence stands, in a sentence; why it was refused is told apart."""
    from domain.rights.turns import CHINESE, told

    text = words(STATES[found["state"]], found["state"].replace("_", " "))
    if found["state"] == "refused":
        return text
    if found["since"] is not None:
        text += words(f"，自 {found['since']} 起", f", from {found['since']} on")
    if found["why"] is not None:
        text += words(f"：{CHINESE[found['why']]}", f": {told(found['why'])}")
    return text


def token(
    licence: LicenceArgument,
    out: OutOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write the token of an issued licence, with all that can be disclosed of it: it goes to the licensee."""
    from domain.ids import parse_licence_id
    from infra.bootstrap import opened
    from infra.rights.licences import token_of
    from infra.settings import read_settings
    from schemas.licence_token import parse_token

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        parsed = parse_licence_id(licence)
    with opened(settings) as session:
        made = token_of(session, parsed)
    write_result(out, f"{made}\n".encode())
    found = parse_token(made)
    if as_json:
        say_json({"token": found.digest.hex(), "claims": found.claims, "path": str(out)})
    else:
        note(str(out))


def present(
    token: TokenArgument,
    audience: Annotated[str, typer.Option(help="Whom it is shown to, as that one says.")],
    nonce: Annotated[str, typer.Option(help="What that one gave, so that it is fresh.")],
    key: Annotated[Path, typer.Option(help="The licensee's private key file.")],
    out: OutOption,
    disclose: Annotated[str, typer.Option(help="Components of the scope, by commas; nothing else is shown.")] = "",
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make a presentation of a token with the licensee's key; needs no ledger and no network."""
    from domain.ledger.keys import KeyType
    from infra.clock import now_s, now_us
    from infra.keys.format import read_key
    from infra.rights.token import present_token
    from infra.rights.token_files import read_token
    from infra.settings import read_settings
    from schemas.licence_token import parse_token
    from schemas.values import instant_of

    text = read_token(token)
    parsed = parse_token(text)
    signer = read_key(key, KeyType.ED25519, parsed.claims["sub"], now_s)
    if signer.verifier.public_key != parsed.holder_key:
        raise typer.BadParameter("expected the key that the token is bound to, found another", param_hint="--key")
    asked = [one for one in disclose.split(",") if one]
    made = present_token(text, asked, audience=audience, nonce=nonce, sign=signer.sign, now=instant_of(now_us()))
    write_result(out, f"{made}\n".encode())
    shown = parse_token(made)
    words = Words(read_settings(lang=lang).lang)
    if as_json:
        say_json({"disclosed": shown.claims["scope"], "hidden": shown.hidden, "path": str(out)})
    else:
        told = ", ".join(sorted(shown.claims["scope"])) or words("无", "none")
        say(words(f"已披露：{told}；未披露 {shown.hidden} 项", f"disclosed: {told}; {shown.hidden} not disclosed"))


def verify(
    token: TokenArgument,
    policy: Annotated[Path, typer.Option(help="The tlog-policy file you trust; not one that came with the token.")],
    entry: Annotated[Path | None, typer.Option(help="The exact bytes of the entry that issued it.")] = None,
    proof: Annotated[Path | None, typer.Option(help="The .tlog-proof of that entry.")] = None,
    status: Annotated[Path | None, typer.Option(help="A status of the licence up to a checkpoint.")] = None,
    audience: Annotated[str | None, typer.Option(help="What you call yourself; with --nonce.")] = None,
    nonce: Annotated[str | None, typer.Option(help="What you gave to whoever shows it.")] = None,
    at: Annotated[str | None, typer.Option(help="Which instant you ask about, UTC (default: now).")] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a token offline: no network, no ledger. Exit 0 valid, 1 invalid, 4 incomplete; each step says why."""
    from domain.spelling import instant_text, parse_instant
    from infra.clock import now_us
    from infra.rights.token_files import check_files
    from infra.settings import read_settings
    from schemas.values import instant_of

    if (entry is None) is not (proof is None):
        raise typer.BadParameter("expected an entry with its proof, or neither", param_hint="--entry")
    with wrong_usage("--at"):
        instant = instant_of(now_us()) if at is None else parse_instant(at, "at")
    answer = check_files(
        token, policy, instant, entry=entry, proof=proof, status=status, audience=audience, nonce=nonce
    )
    found = answer.token
    if as_json:
        say_json(
            {
                "verdict": str(answer.verdict),
                "instant": instant_text(instant),
                "as_of": None
                if answer.as_of is None
                else {"origin": answer.as_of.origin, "size": answer.as_of.size, "root": answer.as_of.root.hex()},
                "steps": [
                    {"step": str(one.step), "verdict": str(one.verdict), "because": one.said} for one in answer.steps
                ],
                "claims": None if found is None else found.claims,
                "hidden": None if found is None else found.hidden,
            }
        )
    else:
        _tell(answer, Words(read_settings(lang=lang).lang))
    raise typer.Exit(EXIT_CODES[str(answer.verdict)])


def _tell(answer: Any, words: Words) -> None:
    """Print each step with its verdict, what the token says as far as it is shown, and the verdict on all."""
    for one in answer.steps:
        verdict = words(VERDICTS[one.verdict], str(one.verdict))
        said = one.said.removeprefix(f"{one.verdict}: ").removeprefix(f"{one.step}: ")
        say(f"{padded(words(*STEPS[one.step]), 12)}{padded(verdict, 9)}{said}")
    if answer.token is not None and answer.steps[0].verdict == "holds":
        _tell_claims(answer.token, words)
    verdict = words(VERDICTS[answer.verdict], str(answer.verdict))
    as_of = (
        "" if answer.as_of is None else words(f"（截至 {answer.as_of.size} 条）", f" as of size {answer.as_of.size}")
    )
    say(f"{verdict}{as_of}")


def _tell_claims(token: Any, words: Words) -> None:
    """Print what a token is for; of its boundary the window, and what its holder has disclosed."""
    from domain.errors import Invalid

    claims = token.claims
    for zh, en, name in (("许可", "licence", "licence"), ("被许可人", "licensee", "sub")):
        say(f"{padded(words(zh, en), 12)}{claims[name]}")
    for one in claims["objects"]:
        say(f"{padded(words('对象', 'object'), 12)}{one}")
    try:
        boundary = _boundary(claims)
    except Invalid as err:  # its issuer has signed what is no scope; the steps are told all the same
        boundary = [(f"使用边界无法读取：{err}", f"its boundary cannot be read: {err}")]
    for zh, en in boundary:
        say(f"  {words(zh, en)}")
    if token.hidden:
        say(words(f"  未披露 {token.hidden} 项", f"  {token.hidden} not disclosed"))


def _boundary(claims: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what is disclosed of the scope, in Chinese and English. Raises: Invalid, it is no part of any scope."""
    from datetime import UTC, datetime

    from domain.rights.scope import Component
    from domain.rights.scope_json import parse_scope, scope_json
    from domain.rights.scope_words import describe
    from domain.rights.title import WHOLE
    from domain.spelling import instant_text

    since, until = (instant_text(datetime.fromtimestamp(claims[name], UTC)) for name in ("nbf", "exp"))
    disclosed = {**claims["scope"], "window": {"since": since, "until": until}}
    told = dict(zip(Component, describe(parse_scope({**scope_json(WHOLE), **disclosed})), strict=True))
    return [told[one] for one in Component if one in disclosed]


def status(
    licence: LicenceArgument,
    out: OutOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write all entries of a licence, proved up to the newest checkpoint and signed as complete: `verify` takes it."""
    from domain.ids import parse_licence_id
    from infra.bootstrap import opened
    from infra.rights.licences import status_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        parsed = parse_licence_id(licence)
    with opened(settings) as session:
        made, size = status_of(session, parsed)
    write_result(out, made)
    if as_json:
        say_json({"licence": licence, "size": size, "path": str(out)})
    else:
        say(Words(settings.lang)(f"截至 {size} 条：{out}", f"as of size {size}: {out}"))


def register(app: typer.Typer) -> None:
    """Add the group to the command line."""
    fill = filled("licence", VERBS, show_licence, token, present, verify, status)
    app.add_typer(verb_group("licence", "Licences: offered, asked for, issued with a token, used, ended.", fill))
