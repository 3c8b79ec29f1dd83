"""`edgeprint ledger`: the sealed log itself; verify, prove, export what others need."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import Words, note, say, say_json, write_result

app = typer.Typer(help="The sealed log: status, entries, proofs, keys.", no_args_is_help=True)
IndexArgument = Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Ledger index, from 0.")]


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Print the newest checkpoint that the policy accepts: origin, size, root."""
    from infra.log import head_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    head = head_of(settings)
    if as_json:
        say_json({"origin": head.origin, "sealed_size": head.size, "root": head.root.hex()})
    else:
        words = Words(settings.lang)
        say(f"{words('日志来源', 'origin')}  {head.origin}")
        say(f"{words('已封存', 'sealed')}  {head.size}")
        say(f"{words('树根', 'root')}  {head.root.hex()}")


@app.command()
def verify(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check the static tree from its files alone: signatures, every tile, every entry. Exit 1 names the damage."""
    from infra.log import verify_files
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    report = verify_files(settings)
    words = Words(settings.lang)
    if as_json:
        say_json(
            {
                "verdict": report.verdict,
                "size": report.head.size if report.head else None,
                "leaves": report.leaves,
                "files": report.files,
                "damages": [{"path": d.path, "index": d.index, "reason": d.reason} for d in report.damages],
                "reason": report.reason,
            }
        )
    elif report.exit_code == 0:
        say(
            words(
                f"完好：{report.leaves} 条、{report.files} 个文件",
                f"clean: {report.leaves} entries, {report.files} files",
            )
        )
    else:
        for damage in report.damages:
            say(str(damage))
        say(report.reason or words("证据树已损坏", "the tree is damaged"))
    raise typer.Exit(report.exit_code)


@app.command()
def restore(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Put back into the database, from the verified tree, the entries that an older backup of it lacks."""
    from infra.restore import restore_from_tree
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    done = restore_from_tree(settings, note)
    count, words = done.size - done.first, Words(settings.lang)
    if as_json:
        say_json({"restored": count, "first": done.first, "size": done.size})
    elif count:
        say(
            words(
                f"已恢复 {count} 条：{done.first}..{done.size - 1}；请运行 edgeprint fsck --deep",
                f"restored {count} entries: {done.first}..{done.size - 1}; now run edgeprint fsck --deep",
            )
        )
    else:
        say(words(f"无需恢复：数据库已有 {done.size} 条", f"nothing to restore: the database has all {done.size}"))


@app.command()
def proof(
    index: IndexArgument,
    out: Annotated[Path | None, typer.Option(help="Write the .tlog-proof here instead of to stdout.")] = None,
    entry_out: Annotated[Path | None, typer.Option(help="Write the entry's bytes here as well.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make the inclusion proof of one entry (C2SP tlog-proof) from the static tree."""
    from infra.log import proof_of
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    made, entry = proof_of(settings, index)
    if entry_out is not None:
        write_result(entry_out, entry)
    if out is not None:
        write_result(out, made)
    if as_json:
        say_json({"index": index, "proof": made.decode(), "entry_hex": entry.hex()})
    elif out is None:
        sys.stdout.write(made.decode())
    else:
        note(str(out))


@app.command()
def entry(
    index: IndexArgument,
    raw: Annotated[bool, typer.Option("--raw", help="Write the exact bytes to stdout.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the exact bytes here.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show one sealed entry, decoded; --raw or --out give the exact bytes."""
    from infra.log import describe_entry, entry_of
    from infra.settings import read_settings

    data = entry_of(read_settings(home=home, lang=lang), index)
    if out is not None:
        write_result(out, data)
    if raw:
        sys.stdout.buffer.write(data)
    elif out is None or as_json:
        say_json({"index": index, **describe_entry(data)})


@app.command("verify-proof")
def verify_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tlog-proof file.")],
    policy: Annotated[Path, typer.Option(help="The tlog-policy file you trust; not one that came with the proof.")],
    entry: Annotated[Path, typer.Option(help="The entry's exact bytes.")],
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a proof offline: no network, no database, no home. Exit 1 says which step failed."""
    from infra.log import verify_proof_files
    from infra.settings import read_settings

    checkpoint, index = verify_proof_files(file, policy, entry)
    words = Words(read_settings(lang=lang).lang)
    if as_json:
        say_json({"valid": True, "origin": checkpoint.origin, "size": checkpoint.size, "index": index})
    else:
        say(
            words(
                f"有效：条目 {index} 在 {checkpoint.origin} 的 {checkpoint.size} 条之内，签名符合策略",
                f"valid: entry {index} is in {checkpoint.origin} at size {checkpoint.size}, signed as the policy asks",
            )
        )


@app.command("export-vkey")
def export_vkey(
    every: Annotated[bool, typer.Option("--all", help="All keys, the ML-DSA-44 one too.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the log's verifier key (signed-note vkey), which any tlog-tiles client takes."""
    from infra.log import vkeys_of
    from infra.settings import read_settings

    vkeys = vkeys_of(read_settings(home=home, lang=lang))
    if as_json:
        say_json({"vkeys": list(vkeys)})
    else:
        for vkey in vkeys if every else vkeys[:1]:
            say(vkey)


@app.command("clock-reset")
def clock_reset(
    reason: Annotated[str, typer.Option(help="Why the clock was wrong; no names.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record that earlier times ran ahead of the truth; "as of a time" starts a new piece of the log here."""
    from domain.evidence.ledger import ResetClock
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from producers.evidence import change_ledger

    settings = read_settings(home=home, lang=lang)
    with opened(settings) as session:
        key = session.new_command(session.holder)
        task = change_ledger(key, session.holder, session.config.ledger_id, ResetClock(reason))
        outcome = session.application.execute(task)
        outcome.require()
        sealed = session.seal()
    if as_json:
        say_json({"index": outcome.first, "sealed_size": sealed})
    else:
        say(Words(settings.lang)(f"已记录：第 {outcome.first} 条", f"recorded at index {outcome.first}"))
