"""`edgeprint consumer` and `edgeprint dlq`: run a consumer, see how far it is, send it back, feed it again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import EXIT_USAGE, Words, note, say, say_json
from infra.cli.projection import stopped_text
from infra.cli.topic import BootstrapOption

app = typer.Typer(help="Consumers of the topics: the mirror, the views.", no_args_is_help=True)
dlq = typer.Typer(help="Dead letters: entries that a consumer could not take in.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The consumer: mirror or views.")]
PolicyOption = Annotated[Path | None, typer.Option(help="The tlog-policy file to believe (default: the home's own).")]
StateOption = Annotated[
    Path | None, typer.Option(help="Folder of the consumers' stores (default: `consumers` in the home).")
]


def state_folder(settings: Any, state: Path | None) -> Path:
    """Return where stores and decisions lie."""
    return state or settings.home / "consumers"


@app.command()
def run(
    name: NameArgument,
    once: Annotated[bool, typer.Option("--once", help="End when all is handled that is signed and on Kafka.")] = False,
    instance: Annotated[
        str | None, typer.Option(help="This process's name in the group (default: the machine's name).")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Serve Prometheus metrics on this loopback port.")
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Run a consumer until it is stopped; it believes the policy file alone and needs no database of ours."""
    from infra.consumers.build import kind_of
    from infra.consumers.running import run_consumer
    from infra.home import Home
    from infra.kafka.address import bootstrap_of
    from infra.log import read_small_file
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    kind = kind_of(name)
    trusted = read_small_file(policy or Home(settings.home).policy_path)
    folder = state_folder(settings, state)
    brokers = bootstrap_of(settings, bootstrap)
    code, told = run_consumer(kind, brokers, trusted, folder, once=once, instance=instance, metrics_port=metrics_port)
    if as_json:
        say_json(told)
    else:
        words = Words(settings.lang)
        say(words(f"已处理到条目 {told['next_index']}", f"handled up to entry {told['next_index']}"))
    if code:
        raise typer.Exit(code)


@app.command()
def status(
    name: NameArgument,
    digest: Annotated[
        bool, typer.Option("--digest", help="Also the SHA-256 over all it holds: equal for equal logs.")
    ] = False,
    state: StateOption = None,
    policy: PolicyOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print how far a consumer is, what waits, its views, and the newest checkpoint on Kafka if Kafka answers."""
    from infra.consumers.build import kind_of
    from infra.consumers.running import consumer_status
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    found = consumer_status(settings, kind_of(name), state_folder(settings, state), policy, bootstrap, digest=digest)
    if as_json:
        say_json(found)
        return
    words = Words(settings.lang)
    known = words("未知（Kafka 不应答）", "unknown, Kafka does not answer") if found["known_size"] is None else ""
    say(words(f"存储        {found['store']}", f"store            {found['store']}"))
    say(words(f"已处理到    {found['next_index']}", f"next entry       {found['next_index']}"))
    say(words(f"已核验      {found['verified_size']}", f"verified size    {found['verified_size']}"))
    say(f"{words('Kafka 检查点 ', 'signed on Kafka  ')}{known or found['known_size']}")
    if found["lag"] is not None:
        say(words(f"滞后        {found['lag']}", f"lag              {found['lag']}"))
    say(words(f"死信        {found['waiting']}", f"dead letters     {found['waiting']}"))
    say(words(f"已裁定略过  {found['skipped']}", f"skipped records  {found['skipped']}"))
    if found["digest"] is not None:
        say(words(f"摘要        {found['digest']}", f"digest           {found['digest']}"))
    for one in found["projections"]:
        place = f"  {one['name']:<12}v{one['version']}{one['position']:>10}  {one['digest'] or ''}"
        say(f"{place}{stopped_text(one, words)}".rstrip())


@app.command()
def rewind(
    name: NameArgument,
    to_index: Annotated[int | None, typer.Option(min=0, metavar="INDEX", help="Deliver from this entry on.")] = None,
    to_time: Annotated[
        str | None, typer.Option(metavar="TIME", help="From the first entry recorded at this RFC 3339 time or later.")
    ] = None,
    to_offset: Annotated[
        str | None, typer.Option(metavar="TOPIC:PARTITION:OFFSET", help="From the entry of this record on.")
    ] = None,
    state: StateOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Undo what a consumer made of an entry and all behind it; it verifies all anew and gets them again."""
    from infra.consumers.build import kind_of
    from infra.consumers.running import rewind_consumer
    from infra.consumers.targets import parse_target
    from infra.kafka.address import bootstrap_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    kind = kind_of(name)
    if [to_index, to_time, to_offset].count(None) != 2:
        note("edgeprint: expected one of --to-index, --to-time, --to-offset")
        raise typer.Exit(EXIT_USAGE)
    with wrong_usage("--to-time, --to-offset"):
        target = parse_target(to_index, to_time, to_offset)
    brokers = None if to_index is not None else bootstrap_of(settings, bootstrap)
    index = rewind_consumer(kind, state_folder(settings, state), target, brokers)
    if as_json:
        say_json({"consumer": name, "next_index": index})
    else:
        words = Words(settings.lang)
        say(words(f"{name} 将从条目 {index} 起重新处理", f"{name} will be given entry {index} and all behind it again"))


@dlq.command(name="list")
def list_letters(
    name: NameArgument,
    state: StateOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the entries that wait, oldest first, and why."""
    from infra.consumers.build import kind_of
    from infra.consumers.running import waiting_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    letters = waiting_of(kind_of(name), state_folder(settings, state))
    if as_json:
        say_json({"consumer": name, "letters": letters})
        return
    for one in letters:
        say(f"{one['index']:>10}  {one['stream']}  {one['attempts']:>3}  {one['reason']}")
    words = Words(settings.lang)
    say(words(f"共 {len(letters)} 条死信", f"{len(letters)} dead letters"))


@dlq.command()
def retry(
    name: NameArgument,
    stream: Annotated[str | None, typer.Option(help="Only this stream, a UUID (default: all).")] = None,
    state: StateOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Ask for dead letters to be fed again, in order; the running consumer does it at its next step, else the next."""
    from uuid import UUID

    from domain.errors import Invalid
    from infra.consumers.build import kind_of
    from infra.consumers.running import ask_to_retry
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("--stream"):
        try:
            wanted = UUID(stream).bytes if stream is not None else None
        except ValueError as err:
            raise Invalid(f"expected a UUID, found {str(stream)[:80]!r}") from err
    asked = ask_to_retry(kind_of(name), state_folder(settings, state), wanted)
    if as_json:
        say_json({"consumer": name, "asked": asked})
    else:
        words = Words(settings.lang)
        say(words(f"已请求重试 {asked} 条", f"{asked} entries will be tried again"))
