"""`edgeprint topic`: the topics on Kafka; made, held against the manifest, verified, read."""

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import EXIT_FAILED, Words, note, say, say_json

app = typer.Typer(help="Events on Kafka: topics, verification.", no_args_is_help=True)
BootstrapOption = Annotated[
    str | None,
    typer.Option(help="Brokers, host:port[,host:port] (default: EDGEPRINT_KAFKA_BOOTSTRAP, else the home's)."),
]


@app.command()
def create(
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition; 3 in production.")] = 1,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make the topics that do not exist yet; those that do must be as the manifest says."""
    from infra.kafka.address import bootstrap_of
    from infra.kafka.topics import create_topics
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    made = create_topics(bootstrap_of(settings, bootstrap), replication)
    words = Words(settings.lang)
    if as_json:
        say_json({"created": made})
    else:
        for name in made:
            say(name)
        say(words(f"已建立 {len(made)} 个主题", f"{len(made)} topics created"))


@app.command(name="list")
def list_topics(
    bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Print each topic of the manifest as the cluster has it."""
    _show(bootstrap, home, as_json, lang, strict=False)


@app.command()
def check(
    bootstrap: BootstrapOption = None, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Hold every topic against the manifest: exit 1 if one is missing, compacts, or limits retention."""
    _show(bootstrap, home, as_json, lang, strict=True)


def _show(bootstrap: str | None, home: Path | None, as_json: bool, lang: str | None, *, strict: bool) -> None:
    from infra.kafka.address import bootstrap_of
    from infra.kafka.topics import look_at_topics
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    topics = look_at_topics(bootstrap_of(settings, bootstrap))
    words = Words(settings.lang)
    if as_json:
        say_json(
            [
                {"topic": t.topic.name, "partitions": t.partitions, "replication": t.replication, "wrong": t.wrong}
                for t in topics
            ]
        )
    else:
        for found in topics:
            state = words("不存在", "missing") if not found.partitions else found.wrong or "ok"
            say(f"{found.topic.name:<30}{found.partitions:>4}{found.replication:>4}  {state}")
    if strict and any(found.wrong is not None or not found.partitions for found in topics):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def verify(
    policy: Annotated[
        Path | None, typer.Option(help="The tlog-policy file to believe (default: the home's own).")
    ] = None,
    at_least: Annotated[
        int,
        typer.Option(min=0, metavar="SIZE", help="Wait until a checkpoint of this size is there, a minute at most."),
    ] = 0,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check from Kafka and a policy file alone: every sealed entry there once, its leaf right, the root as signed."""
    from infra.home import Home
    from infra.kafka.address import bootstrap_of
    from infra.kafka.verify import verify_covered
    from infra.log import read_small_file
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    trusted = read_small_file(policy or Home(settings.home).policy_path)
    report = verify_covered(bootstrap_of(settings, bootstrap), trusted, at_least)
    words = Words(settings.lang)
    if as_json:
        say_json(
            {
                "verdict": {0: "valid", 1: "damaged", 4: "incomplete"}[report.exit_code],
                "size": report.size,
                "root": report.root.hex() if report.root else None,
                "events": report.events,
                "checkpoints": report.checkpoints,
                "partitions": report.partitions,
                "unsealed": report.unsealed,
                "duplicates": report.duplicates,
                "gaps": report.gaps,
                "foreign": list(report.foreign),
                "damages": list(report.damages),
            }
        )
    else:
        say(words(f"已封存条目  {report.events}/{report.size}", f"sealed entries  {report.events} of {report.size}"))
        say(words(f"检查点      {report.checkpoints}", f"checkpoints     {report.checkpoints}"))
        say(words(f"分区        {report.partitions}", f"partitions      {report.partitions}"))
        say(words(f"重复        {report.duplicates}", f"duplicates      {report.duplicates}"))
        say(words(f"缺失        {report.gaps}", f"gaps            {report.gaps}"))
        say(words(f"外来记录    {report.foreign_count}", f"foreign records {report.foreign_count}"))
        if report.root is not None:
            say(f"{words('树根        ', 'root            ')}{report.root.hex()}")
        for line in report.foreign:
            note(words(f"外来：{line}", f"foreign: {line}"))
        for line in report.damages:
            say(words(f"损坏：{line}", f"DAMAGED {line}"))
        verdict = {
            0: words("完好：每一条都在、只有一次、树根与签名一致", "valid: every entry once, the root as signed"),
            1: words("已定位损坏", "damage located"),
            4: words("尚无检查点，无法判定", "no checkpoint yet: cannot tell"),
        }
        say(verdict[report.exit_code])
    if report.exit_code:
        raise typer.Exit(report.exit_code)
