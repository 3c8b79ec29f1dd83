"""`edgeprint topic tail` and `topic skip`: single records on Kafka, read by people, left out by decision."""

import json
import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.consumer import StateOption, state_folder
from infra.cli.options import HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import Words, note, say, say_json
from infra.cli.topic import BootstrapOption

if TYPE_CHECKING:
    from infra.kafka.tail import Begin, Line

WIDTH_MIN = 60


def register(app: typer.Typer) -> None:
    """Add the commands to the group `topic`."""
    app.command()(tail)
    app.command()(skip)


def tail(
    begin: Annotated[
        str | None, typer.Option("--from", metavar="INDEX|TIME", help="A ledger index or an RFC 3339 time.")
    ] = None,
    newest: Annotated[int, typer.Option("-n", min=0, max=1_000, help="Without --from: how many of the newest.")] = 20,
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only this event type, ObjectIdentified say; may be repeated.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print events as they lie on Kafka, by ledger index; --json prints one object a line. Checksums only, no proof."""
    from contextlib import closing

    from infra.kafka.address import bootstrap_of
    from infra.kafka.reader import Reader
    from infra.kafka.tail import Tail
    from infra.settings import read_settings
    from schemas.topics import CONTEXT_TOPICS

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("--from, --type"):
        where, types = _begin(begin, newest), [_type_of(name) for name in event_type or []]
    words = Words(settings.lang)
    brokers = bootstrap_of(settings, bootstrap)
    with closing(Reader(brokers)) as reader:
        opened = Tail(reader, brokers, reader.partitions([topic.name for topic in CONTEXT_TOPICS]))
        for line in opened.follow(where, types) if follow else opened.lines(where, types):
            if as_json:
                sys.stdout.write(json.dumps(_plain(line), ensure_ascii=False) + "\n")
            elif line.wrong is not None:
                note(words(f"外来：{line.record.place}：{line.wrong}", f"foreign: {line.record.place}: {line.wrong}"))
            else:
                say(_readable(line))
            if follow:
                sys.stdout.flush()


def skip(
    topic: Annotated[str, typer.Argument(metavar="TOPIC")],
    partition: Annotated[int, typer.Argument(metavar="PARTITION", min=0)],
    offset: Annotated[int, typer.Argument(metavar="OFFSET", min=0)],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the decision.")],
    state: StateOption = None,
    bootstrap: BootstrapOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Decide that consumers leave a record out, once it is proven not to be in the ledger; the decision is kept."""
    from consumers.claims import Claims
    from infra.consumers.skips import keep_skip, require_not_in_ledger
    from infra.home import Home
    from infra.kafka.address import bootstrap_of
    from infra.kafka.seeking import record_at
    from infra.log import policy_of
    from infra.settings import read_settings
    from schemas.catalogue import CATALOGUE

    settings = read_settings(home=home, lang=lang)
    own = Home(settings.home)
    record = record_at(bootstrap_of(settings, bootstrap), topic, partition, offset)
    proof = require_not_in_ledger(record, Claims(CATALOGUE), own.tlog, policy_of(own))
    keep_skip(state_folder(settings, state), record, reason)
    if as_json:
        say_json({"topic": topic, "partition": partition, "offset": offset, "reason": reason, "proof": proof})
    else:
        words = Words(settings.lang)
        say(words(f"已裁定略过 {record.place}：{proof}", f"{record.place} is left out from now on: {proof}"))


def _begin(text: str | None, newest: int) -> "Begin":
    """Return where a tail begins. Raises: Invalid if it is neither an index nor a time."""
    from infra.consumers.targets import parse_time_ms
    from infra.kafka.tail import Begin

    if text is None:
        return Begin(newest=newest)
    if text.isascii() and text.isdigit() and len(text) < 19:
        return Begin(index=int(text))
    return Begin(time_ms=parse_time_ms(text))


def _type_of(name: str) -> str:
    """Return the full name of an event type by its full or its last name. Raises: Invalid names those alike."""
    from difflib import get_close_matches

    from domain.errors import Invalid
    from schemas.catalogue import CATALOGUE

    by_name = {full.rpartition(".")[2].lower(): full for full in CATALOGUE.by_type}
    if name in CATALOGUE.by_type:
        return name
    found = by_name.get(name.lower())
    if found is None:
        alike = [by_name[one].rpartition(".")[2] for one in get_close_matches(name.lower(), by_name, cutoff=0.5)]
        raise Invalid(
            f"expected an event type, found {name[:80]!r}" + (f"; is it {' or '.join(alike)}?" if alike else "")
        )
    return found


def _plain(line: "Line") -> dict[str, Any]:
    from infra.log import describe_entry

    place = {"topic": line.record.topic, "partition": line.record.partition, "offset": line.record.offset}
    if line.wrong is not None:
        return {"index": None, "foreign": line.wrong, **place}
    return {"index": line.index, **place, **describe_entry(line.entry)}


def _readable(line: "Line") -> str:
    """Return one line: index, time, type, version, stream, and of the event's fields as many as fit."""
    from infra.log import describe_entry, time_text
    from schemas.envelope import read_header

    head = read_header(line.entry)
    when = time_text(head.recorded_at).replace("T", " ")
    kind = line.type.removeprefix("edgeprint.")
    fields = [(name, value) for name, value in describe_entry(line.entry).get("event", {}).items() if value is not None]
    told = "  ".join(f"{name}={_short(value)}" for name, value in fields)
    text = f"{line.index:>8}  {when}  {kind:<34} …{str(head.stream_id)[-8:]} v{head.stream_version:<3} {told}"
    width = max(WIDTH_MIN, shutil.get_terminal_size((160, 24)).columns)
    return text if len(text) <= width else text[: width - 1] + "…"


def _short(value: Any) -> str:
    """Return a field's value as people want it in a line: digests by their first digits, lists by their length."""
    if isinstance(value, list):
        return f"[{len(value)}]"
    if isinstance(value, dict):
        return "{…}"
    text = str(value)
    return f"{text[:8]}…" if len(text) == 64 and all(digit in "0123456789abcdef" for digit in text) else text
