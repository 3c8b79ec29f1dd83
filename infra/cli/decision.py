"""`edgeprint decision explain INDEX`: a decision with all that it rests on, made again."""

from typing import Annotated, Any

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import EXIT_FAILED, EXIT_INCOMPLETE, Words, padded, say, say_json

app = typer.Typer(
    help="Decisions: who decided what, by which right, on what; and the same again.", no_args_is_help=True
)


@app.callback()
def group() -> None:
    """Decisions: who decided what, by which right, on what; and the same again."""


@app.command("explain")
def explain(
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Ledger index of one of its events.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Explain a decision and make it again. Exit 0 if it comes to the same, 1 if not, 4 if it cannot be made again."""
    from infra.bootstrap import opened
    from infra.governance import decisions
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with opened(settings) as session:
        found = decisions.explain(session, index)
    if as_json:
        say_json(found)
    else:
        _print(found, Words(settings.lang))
    if found["same"] is not True:
        raise typer.Exit(EXIT_INCOMPLETE if found["same"] is None else EXIT_FAILED)


def _print(found: dict[str, Any], words: Words) -> None:
    say(f"{found['type'].removeprefix('edgeprint.')}  {found['recorded_at']}")
    roles = f" · {', '.join(found['roles'])}" if found["roles"] else ""
    say(f"  {padded(words('行为人', 'actor'), 12)}{found['actor']} ({found['actor_kind']}{roles})")
    if found["on_behalf_of"]:
        mandate = found["mandate"] or {}
        under = f"{words('委托', 'mandate')} {mandate.get('number')}"
        say(f"  {padded(words('代表', 'for'), 12)}{found['on_behalf_of']}, {under}")
    signature = found["signature"]
    if signature is None:
        said = words("无签名", "unsigned")
    elif signature["verified"]:
        said = words(f"密钥 {signature['key_id']} 的签名有效", f"signed by key {signature['key_id']}, verified")
    else:
        said = words("签名文件已不在", "the signed command is no longer there")
    say(f"  {padded(words('签名', 'signature'), 12)}{said}")
    policy = found["policy"]
    if policy is not None:
        version = (
            words("程序自带", "built in") if policy["version"] == 0 else f"{words('第', 'version ')}{policy['version']}"
        )
        say(f"  {padded(words('策略', 'policy'), 12)}{policy['name']} {version} {policy['digest'][:16]}")
    for stream in found["rests_on"]:
        say(f"  {padded(words('依据', 'rests on'), 12)}{stream['stream']} @ {stream['version']}")
    for one in found["decided"]:
        say(f"  {one['index']:>10}  {one['type'].removeprefix('edgeprint.')}")
    verdict = {
        True: words("重新裁定：结果一致", "decided again: the same"),
        False: words("重新裁定：结果不同", "decided again: not the same"),
        None: words("无法重新裁定", "cannot be decided again"),
    }[found["same"]]
    say(f"  {verdict}{'' if found['because'] is None else ': ' + found['because']}")
