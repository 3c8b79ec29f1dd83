"""`edgeprint init | up | down | status | doctor | fsck | demo`: the ledger as a whole."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import EXIT_FAILED, EXIT_USAGE, Words, note, padded, say, say_json


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    for command in (init, up, down, status, doctor, fsck, demo):
        app.command()(command)


def init(
    origin: Annotated[
        str | None, typer.Option(help="Origin line of the log, such as film-ledger.example/cn-east.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="DOI prefix for identifiers; 10.5072 is for tests.")] = "10.5072",
    production: Annotated[bool, typer.Option(help="A ledger meant to last; refuses the test prefix.")] = False,
    holder: Annotated[str, typer.Option(help="What the holder is: person or organisation.")] = "organisation",
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Found a ledger: keys, policy file, database, founding events, the holder and edgeprint itself."""
    from domain.governance.events import PartyKind
    from domain.ids import parse_prefix
    from infra.bootstrap import check_origin, found
    from infra.settings import read_settings

    with wrong_usage("--prefix"):
        parse_prefix(prefix, production=production)
    with wrong_usage("--origin"):
        check_origin(origin)
    if holder not in ("person", "organisation"):
        raise typer.BadParameter(f"expected person or organisation, found {holder}", param_hint="--holder")
    settings = read_settings(home=home, lang=lang)
    config = found(settings, origin=origin, prefix=prefix, production=production, holder_kind=PartyKind(holder))
    if as_json:
        say_json(
            {"home": str(settings.home), "ledger": config.ledger, "origin": config.origin, "holder": config.holder}
        )
        return
    words = Words(settings.lang)
    say(words(f"账本已建立：{config.ledger}", f"ledger founded: {config.ledger}"))
    say(words(f"  目录      {settings.home}", f"  home      {settings.home}"))
    say(words(f"  日志来源  {config.origin}", f"  origin    {config.origin}"))
    say(words(f"  持有人    {config.holder}", f"  holder    {config.holder}"))
    say(words("下一步：edgeprint identify 路径", "next: edgeprint identify PATH"))


def up(
    no_kafka: Annotated[bool, typer.Option("--no-kafka", help="Without Kafka: no broker, no relay.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Start database, sealer, projector, API, Kafka and relay of this home; all go on in the background."""
    from infra.cli.output import fetching
    from infra.service import bring_up
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    with fetching(words("下载 Kafka", "fetching Kafka")) as progress:
        state = bring_up(settings, kafka=not no_kafka, progress=progress)
    if as_json:
        say_json(state)
        return
    say(words(f"已启动：数据库 {state['database']}", f"up: database {state['database']}"))
    say(words(f"封存进程 {state['sealer_pid']}", f"sealer process {state['sealer_pid']}"))
    say(words(f"投影进程 {state['projector_pid']}", f"projector process {state['projector_pid']}"))
    say(words(f"接口与模式注册表 {state['api']}", f"API and schema registry {state['api']}"))
    if state["kafka"] is not None:
        say(
            words(
                f"Kafka {state['kafka']}，中继进程 {state['relay_pid']}",
                f"Kafka {state['kafka']}, relay process {state['relay_pid']}",
            )
        )


def down(
    purge: Annotated[bool, typer.Option("--purge", help="Remove the whole home and everything made for it.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a purge.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stop what `up` started; with --purge remove the ledger, its files and its database for ever."""
    from infra.service import purge_home, take_down
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    if purge and not yes:
        question = words(f"永久删除 {settings.home} 及其账本？", f"remove {settings.home} and its ledger for ever?")
        if not _agreed(question):
            note(words("什么也没有删除；--yes 表示不再询问", "nothing is removed; --yes does not ask"))
            raise typer.Exit(EXIT_USAGE)
    take_down(settings)
    if purge:
        purge_home(settings)
    if as_json:
        say_json({"home": str(settings.home), "purged": purge})
    else:
        say(words("已删除", "purged") if purge else words("已停止", "down"))


def _agreed(question: str) -> bool:
    """Ask on stderr, since stdout is for results, and return whether the answer was yes."""
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def status(
    require: Annotated[
        list[str] | None,
        typer.Option(help="End with 5 unless this is at work: sealer, projector, relay or api; may be repeated."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say which ledger this is, how far it has grown and how far it is sealed."""
    from infra.service import require_at_work, require_known, status_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("--require"):
        require_known(require or [])
    state = status_of(settings)
    if as_json:
        say_json(state)
    else:
        _say_status(state, Words(settings.lang))
    require_at_work(settings, require or [])


def _say_status(state: dict[str, Any], words: Words) -> None:
    labels = {
        "home": words("目录", "home"),
        "ledger": words("账本", "ledger"),
        "holder": words("持有人", "holder"),
        "origin": words("日志来源", "origin"),
        "database": words("数据库", "database"),
        "running": words("运行中", "running"),
        "sealer": words("封存进程", "sealer"),
        "projector": words("投影进程", "projector"),
        "tlog": words("证据树", "static tree"),
        "policy": words("信任策略", "policy"),
        "ledger_size": words("账本条数", "entries"),
        "sealed_size": words("已封存", "sealed"),
        "root": words("树根", "root"),
        "kafka": "Kafka",
        "relayed_size": words("已中继", "relayed"),
        "relay_lag": words("中继滞后", "relay lag"),
        "api": words("接口", "API"),
    }
    for key, label in labels.items():
        say(f"{padded(label, 14)}{_shown(state[key])}")


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


def doctor(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check what edgeprint needs on this machine, and say what to do about what is missing."""
    from infra.doctor import examine
    from infra.settings import read_settings

    findings = examine(read_settings(home=home, lang=lang))
    if as_json:
        say_json([{"check": f.check, "ok": f.ok, "found": f.found, "advice": f.advice} for f in findings])
    else:
        for finding in findings:
            say(f"{'ok ' if finding.ok else 'BAD'} {finding.check}: {finding.found}")
            if not finding.ok:
                say(f"    {finding.advice}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def fsck(
    deep: Annotated[bool, typer.Option("--deep", help="Recompute everything from bytes: leaves, blobs, keys.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check database, tree, heads, guards and blobs against one another; exit 0, 1 (damage) or 4 (cannot tell)."""
    from infra.fsck.ledger import check_ledger
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    report = check_ledger(settings, deep=deep, log=note)
    if as_json:
        say_json(report.as_json())
    else:
        words = Words(settings.lang)
        for line in report.lines:
            say(line)
        verdict = {
            0: words("完好", "clean"),
            1: words("已定位损坏", "damage located"),
            4: words("无法判定", "cannot tell"),
        }
        say(verdict[report.exit_code])
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def demo(
    files: Annotated[Path | None, typer.Option(help="A folder of your own instead of the example film.")] = None,
    photographs: Annotated[
        Path | None, typer.Option(help="Where scikit-image, whose photographs are used, is installed.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Tell the whole story on real files: identify, judge, seal, prove, tamper, detect."""
    import os

    from infra.demo.story import tell
    from infra.settings import read_settings

    default = Path("build/demo") if home is None and not os.environ.get("EDGEPRINT_HOME") else home
    result = tell(read_settings(home=default, lang=lang), files, photographs, quiet=as_json)
    if as_json:
        say_json(result)
