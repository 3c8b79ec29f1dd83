"""`edgeprint dev`: what a developer's machine needs and a production machine has already."""

from typing import Annotated

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import Words, note, padded, say, say_json

app = typer.Typer(
    help="For development: a Kafka broker of the home's own, a history to work with.", no_args_is_help=True
)
kafka = typer.Typer(help="A real Apache Kafka 4.3.1 on loopback, from pinned jars.", no_args_is_help=True)
app.add_typer(kafka, name="kafka")


@kafka.command()
def start(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Start the broker of this home; it goes on in the background. The first time its jars are fetched (45 MB)."""
    from infra.cli.output import fetching
    from infra.kafka.broker import Broker
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    broker = Broker.open(settings.home, settings)
    with fetching(words("下载 Kafka", "fetching Kafka")) as progress:
        broker.start(progress=progress)
    _show(broker.describe(), words, as_json)


@kafka.command()
def stop(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Stop the broker of this home; its records stay."""
    from infra.kafka.broker import Broker
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    broker = Broker.open(settings.home, settings)
    broker.stop()
    _show(broker.describe(), Words(settings.lang), as_json)


@kafka.command()
def status(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say where the broker of this home is and whether it runs."""
    from infra.kafka.broker import Broker
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    _show(Broker.open(settings.home, settings).describe(), Words(settings.lang), as_json)


@app.command()
def corpus(
    objects: Annotated[int, typer.Option(min=1, help="How many objects; each brings about four events.")],
    seed: Annotated[int, typer.Option(help="Equal seeds and sizes give equal histories.")] = 1,
    more: Annotated[bool, typer.Option("--more", help="Also where the ledger holds objects already.")] = False,
    blobs: Annotated[bool, typer.Option("--blobs/--no-blobs", help="Keep the objects' bytes, a line each.")] = True,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Fill the ledger with the history of a film house, and seal it once. Refused for a ledger meant to last."""
    from infra.bootstrap import opened
    from infra.dev.corpus import OBJECTS_MAX
    from infra.dev.filling import fill_ledger
    from infra.settings import read_settings

    if objects > OBJECTS_MAX:
        raise typer.BadParameter(f"expected at most {OBJECTS_MAX}, found {objects}", param_hint="--objects")
    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    told = 0

    def progress(events: int) -> None:
        nonlocal told
        if events // 100_000 > told:
            told = events // 100_000
            note(words(f"已写入 {events:,} 个事件", f"{events:,} events"))

    with opened(settings) as session:
        filled = fill_ledger(session, seed, objects, more=more, blobs=blobs, on_progress=progress)
        sealed = session.seal()
    types = dict(sorted(filled.types.items()))
    if as_json:
        say_json(
            {
                "seed": seed,
                "first_index": filled.first,
                "ledger_size": filled.size,
                "sealed_size": sealed,
                "types": types,
            }
        )
        return
    for name, count in types.items():
        say(f"{count:>10,}  {name.removeprefix('edgeprint.')}")
    say(f"{filled.size - filled.first:>10,}  {words('合计', 'in all')}")
    say(words(f"已封存 {sealed} 条", f"sealed {sealed} entries"))


def _show(state: dict[str, object], words: Words, as_json: bool) -> None:
    if as_json:
        say_json(state)
        return
    labels = {
        "bootstrap": words("地址", "bootstrap"),
        "pid": words("进程", "process"),
        "data": words("数据", "data"),
        "log": words("日志", "log"),
    }
    for name, label in labels.items():
        value = state[name]
        say(f"{padded(label, 12)}{words('未运行', 'not running') if value is None else value}")
