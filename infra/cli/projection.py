"""`edgeprint projection | replay | diff`: how far the views are, built anew, and what they were."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.options import AfterArgument, AsOfOption, BeforeArgument, HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import EXIT_FAILED, Words, fetching, note, say, say_json

if TYPE_CHECKING:
    from projections.runner import Poison

app = typer.Typer(help="Projections: the views of the ledger, how far they are, built anew.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The projection; `projection list` names all.")]


def register(root: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    root.add_typer(app, name="projection")
    root.command()(replay)
    root.command()(diff)


@app.command("list")
def list_projections(home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """List the views: version, position, how far behind in entries and seconds, and where one stopped and why."""
    from infra.bootstrap import opened
    from infra.clock import now_us
    from infra.settings import read_settings
    from infra.views.session import progress

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    with opened(settings) as session:
        size, builds = progress(session)
        now = now_us()
        found = [
            {
                "name": build.name,
                "version": build.version,
                "state": build.state,
                "position": build.position,
                "behind": build.behind,
                "lag_s": round(build.lag_s(now), 3),
                **stopped(build.poison),
            }
            for build in builds
        ]
    if as_json:
        say_json({"ledger_size": size, "projections": found})
        return
    for one in found:
        lag = f"  {words('滞后', 'lag')} {one['lag_s']:.1f} s" if one["behind"] else ""
        place = f"{one['name']:<12}v{one['version']}  {one['state']:<9}{one['position']:>10}  -{one['behind']}"
        say(f"{place}{lag}{stopped_text(one, words)}")


def stopped(poison: "Poison | None") -> dict[str, Any]:
    """Return where a view stopped and why, as JSON values; nulls where it did not."""
    return {"stopped_at": poison and poison.index, "because": poison and poison.reason}


def stopped_text(one: dict[str, Any], words: Words) -> str:
    """Return where a view stopped and why, for people; nothing where it did not."""
    return f"  {words('停于', 'stopped at')} {one['stopped_at']}: {one['because']}" if one["because"] else ""


@app.command("rebuild")
def rebuild(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Build a view anew beside the one in use, compare digests, and put it in its place. Exit 1 if they differ."""
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.views.session import projector_of

    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    with (
        opened(settings) as session,
        projector_of(session) as projector,
        fetching(words("重建", "rebuilding")) as on_position,
    ):
        projector.catch_up()
        size = session.store.size()
        rebuilt = projector.rebuild(name, lambda taken: on_position(taken, size))
    same = None if rebuilt.replaced is None else rebuilt.replaced == rebuilt.digest
    if as_json:
        replaced = None if rebuilt.replaced is None else rebuilt.replaced.hex()
        told = {"name": name, "position": rebuilt.position, "digest": rebuilt.digest.hex(), "replaced": replaced}
        say_json({**told, "same": same})
    else:
        say(f"{name}  {rebuilt.position}  {rebuilt.digest.hex()}")
        if same is False:
            note(words("此前的视图与账本不符，已替换", "it was not what the ledger says; it is replaced"))
    if same is False:
        raise typer.Exit(EXIT_FAILED)


@app.command("digest")
def digest(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Print the digest of a view's state at its position: the same wherever the same entries were taken in."""
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.views.session import projector_of
    from projections.catalogue import find_view

    find_view(name)
    with opened(read_settings(home=home, lang=lang)) as session, projector_of(session) as projector:
        projector.catch_up()
        build = next(one for one in projector.builds(name) if one.state == "live")
        found = projector.digest(build).hex()
    if as_json:
        say_json({"name": name, "version": build.version, "position": build.position, "digest": found})
    else:
        say(f"{name}  {build.position}  {found}")


@app.command("retry")
def retry(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Let a view that stopped at an entry try again, with the program as it is now."""
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.views.session import projector_of
    from projections.catalogue import find_view

    find_view(name)
    with opened(read_settings(home=home, lang=lang)) as session, projector_of(session) as projector:
        projector.retry(name)
        projector.catch_up()
        build = next(one for one in projector.builds(name) if one.state == "live")
    if as_json:
        say_json({"name": name, "position": build.position, **stopped(build.poison)})
    else:
        say(f"{name}  {build.position}")
    if build.poison is not None:
        note(f"edgeprint: {name} stopped at {build.poison.index}: {build.poison.reason}")
        raise typer.Exit(EXIT_FAILED)


def replay(
    as_of: AsOfOption = None,
    projection: Annotated[str | None, typer.Option(help="One projection (default: all).")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Replay the ledger from entry 0 up to a place, apart from what is in use, and print the digest of each view.

    Exit 1 if a view stopped before the place, at an entry that it cannot take.
    """
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.store.provision import READER
    from infra.views.reading import Reader
    from infra.views.session import replayed
    from projections.catalogue import VIEWS, find_view

    views = VIEWS if projection is None else (find_view(projection),)
    settings = read_settings(home=home, lang=lang)
    words = Words(settings.lang)
    with opened(settings) as session, fetching(words("重放", "replaying")) as on_position:
        reader = Reader(session.database.dsn(READER))
        size = session.store.size() if as_of is None else reader.resolve(as_of).position + 1
        found = [
            {
                "projection": one.view.name,
                "version": one.view.version,
                "position": one.position - 1,
                "digest": one.digest.hex(),
                "rows": one.rows,
                **stopped(one.poison),
            }
            for one in replayed(session, views, size, lambda taken: on_position(taken, size))
        ]
    if as_json:
        say_json({"position": size - 1, "projections": found})
    else:
        for one in found:
            say(f"{one['projection']:<12}{one['position']:>10}  {one['digest']}{stopped_text(one, words)}")
    if any(one["because"] for one in found):
        raise typer.Exit(EXIT_FAILED)


def diff(
    before: BeforeArgument,
    after: AfterArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say what happened between two places, with the proof that the later log is the earlier one and more."""
    from infra.bootstrap import opened
    from infra.settings import read_settings
    from infra.views.diff import between, check_order

    settings = read_settings(home=home, lang=lang)
    with opened(settings) as session:
        with wrong_usage("B"):
            check_order(session, before, after)
        found = between(session, before, after)
    if as_json:
        say_json(found)
        return
    _print_diff(found, Words(settings.lang))


def _print_diff(found: dict[str, Any], words: Words) -> None:
    start, end = found["before"], found["after"]
    say(
        words(f"第 {start['position']} 条 → 第 {end['position']} 条", f"index {start['position']} to {end['position']}")
    )
    for name, count in found["events"].items():
        say(f"  {count:>8}  {name.removeprefix('edgeprint.')}")
    say(words(f"新增对象 {len(found['born'])}", f"{len(found['born'])} objects born"))
    for one in found["moved"]:
        say(f"  {one['object']}  {one['from']} → {one['to']}")
    proof = found["proof"]
    said = words("后一棵树包含前一棵树，已核验", "the later tree contains the earlier one, verified")
    say(said if proof else words("其中一处尚未封存，无法证明", "one of the places is not sealed yet: not proved"))
