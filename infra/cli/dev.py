"""`edgeprint dev`: what a developer's machine needs and a production machine has already."""

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import Words, say, say_json

app = typer.Typer(help="For development: a Kafka broker of the home's own.", no_args_is_help=True)
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
        say(f"{label:<12}{words('未运行', 'not running') if value is None else value}")
