"""`edgeprint identify | declare`: bring files to the gate and claim titles."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.cli.options import AsOption, ForOption, HomeOption, JsonOption, LangOption, party_option
from infra.cli.output import EXIT_INCOMPLETE, EXIT_NOT_FOUND, Progress, Words, note, say, say_json, size_text

declare = typer.Typer(help="Declare rights to works.", no_args_is_help=True)
PathsArgument = Annotated[list[Path], typer.Argument(help="Files and folders.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command()(identify)
    app.add_typer(declare, name="declare")


def identify(
    paths: PathsArgument,
    as_party: AsOption = None,
    on_behalf_of: ForOption = None,
    project: Annotated[
        str | None, typer.Option(help="Code of the production they belong to, where a sidecar names none.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give every file its identifier, judge its traceable set, admit, quarantine or reject it, and seal.

    A sidecar NAME.edgeprint.json beside NAME declares origin, authorisation, model, parameters, environment and job.
    Exit 0 if every file was taken in, 4 if some were refused (they are named), 3 if nothing was found.
    """
    from infra.bootstrap import opened
    from infra.intake.run import bringer_of, identify_paths
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    actor, principal = party_option("--as", as_party), party_option("--on-behalf-of", on_behalf_of)
    with opened(settings) as session:
        gc.freeze()  # what the start has made stays; looking through it again and again costs a tenth of the time
        total = _bytes_under(session.home.path, paths) if not as_json and sys.stderr.isatty() else 0
        with Progress(words("身份化", "identify"), total, not as_json) as progress:
            run = identify_paths(
                session,
                paths,
                bringer_of(session, actor, principal, project),
                progress.advance,
                None if as_json else lambda item: _print_answer(item, words),
            )
    if as_json:
        say_json(run.as_json())
    else:
        counts = run.counts
        say(
            words(
                f"{run.taken} 个文件：准入 {counts['admitted']}，隔离 {counts['quarantined']}，"
                f"拒绝 {counts['rejected']}，重复 {run.duplicates}；未能接收 {len(run.refused)}；"
                f"账本 {run.ledger_size} 条，已封存 {run.sealed_size}",
                f"{run.taken} files: {counts['admitted']} admitted, {counts['quarantined']} quarantined, "
                f"{counts['rejected']} rejected, {run.duplicates} duplicates; {len(run.refused)} not taken; "
                f"ledger {run.ledger_size} entries, sealed {run.sealed_size}",
            )
        )
    raise typer.Exit(_exit_of(run.taken, run.refused))


def _bytes_under(home: Path, paths: Sequence[Path]) -> int:
    from infra.intake.walk import Found, walk

    return sum(item.size for item in walk(paths, exclude=[home]) if isinstance(item, Found))


def _exit_of(taken: int, refused: Sequence[Any]) -> int:
    from infra.intake.refusal import Reason

    if not refused:
        return 0 if taken else EXIT_NOT_FOUND
    return EXIT_NOT_FOUND if not taken and all(r.reason is Reason.NOT_FOUND for r in refused) else EXIT_INCOMPLETE


def _print_answer(item: Any, words: Words) -> None:
    from infra.cli.reasons import reason_text
    from infra.intake.gate import Taken

    if not isinstance(item, Taken):
        note(words(f"未接收  {item.display}：{item.message}", f"not taken    {item.display}: {item.message}"))
        return
    status = {
        "admitted": words("准入", "admitted"),
        "quarantined": words("隔离", "quarantined"),
        "rejected": words("拒绝", "rejected"),
        "withdrawn": words("撤回", "withdrawn"),
    }[item.answer.state.status]
    again = words("（重复提交）", " (again)") if item.answer.duplicate else ""
    say(f"{status:<12}{item.object_id}  {item.display}  {size_text(item.content.size)}{again}")
    reason = reason_text(item.answer.state, words)
    if reason:
        say(f"{'':<12}{words('原因', 'because')}: {reason}")


@declare.command("own-creation")
def own_creation(
    paths: PathsArgument,
    as_party: AsOption = None,
    on_behalf_of: ForOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """State that these works are the actor's own creation: a root of title for each file, contestable by others."""
    from infra.bootstrap import opened
    from infra.intake.run import bringer_of, declare_own_creation
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    actor, principal = party_option("--as", as_party), party_option("--on-behalf-of", on_behalf_of)
    with opened(settings) as session:
        run = declare_own_creation(session, paths, bringer_of(session, actor, principal))
    if as_json:
        say_json(run.as_json())
    else:
        for title in run.titles:
            known = "" if title.new else words("（此前已声明）", " (declared before)")
            say(f"{title.title}  {title.display}{known}")
        for item in run.refused:
            note(words(f"未接收  {item.display}：{item.message}", f"not taken    {item.display}: {item.message}"))
    raise typer.Exit(_exit_of(len(run.titles), run.refused))
