"""Friendly verbs over the command registry: `edgeprint party assign-role PARTY --role operator`.

The options of a verb come from the fields of its command, so a field that is added is an option at once. Long texts are
given as files, and so is an object or a list of objects (`--scope FILE.json`), as JSON. A group is filled when one of
its commands is asked for, since reading the registry takes a third of a second; what its help says of each stands in
`verbs.json`, which `make generate` writes.
"""

import inspect
import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

import typer
from typer.core import TyperCommand, TyperGroup

from infra.cli.command import DryOption, IdOption, give
from infra.cli.options import AsOption, ForOption, HomeOption, JsonOption, LangOption

FILE_CHARACTERS: Final = 1_000
"""A text that may be longer than this is given as a file."""
SUMMARIES: Final = Path(__file__).with_name("verbs.json")
"""The commands of each group with their first paragraph, written by `make generate`: what a group's help lists."""
SHARED: Final[Mapping[str, tuple[Any, Any]]] = {
    "as_party": (AsOption, None),
    "on_behalf_of": (ForOption, None),
    "command_id": (IdOption, None),
    "dry_run": (DryOption, False),
    "home": (HomeOption, None),
    "as_json": (JsonOption, False),
    "lang": (LangOption, None),
}
"""What every verb takes besides the fields of its command, with its default."""
VERB_OF: Final[dict[str, str]] = {}
"""The verb of each command, of the groups that were asked for so far."""
BY_HAND: Final[Mapping[str, str]] = {
    "submit-object": "identify",
    "make-settlement": "trade settle",
}
"""The verbs that do more than give one command, and what they give."""
Fill = Callable[[typer.Typer], None]


class VerbGroup(TyperGroup):
    """A group whose commands are made when one of them is asked for; its help lists what stands in SUMMARIES."""

    fill: ClassVar[Fill]
    _filled: dict[str, Any] | None = None

    @property
    def commands(self) -> MutableMapping[str, Any]:
        """The commands: what Typer, the reference and the tests look at."""
        if self._filled is None:
            app = typer.Typer(name=self.name, rich_markup_mode=None, add_completion=False)
            app.callback()(lambda: None)
            type(self).fill(app)
            self._filled = dict(typer.main.get_group(app).commands)
        return self._filled

    @commands.setter
    def commands(self, found: MutableMapping[str, Any]) -> None:
        del found  # Typer gives an empty one

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section of commands without making them."""
        told = json.loads(SUMMARIES.read_bytes())[self.name]
        listed = TyperGroup(name=self.name, commands=[TyperCommand(verb, help=told[verb]) for verb in told])
        listed.format_commands(ctx, formatter)


def verb_group(name: str, help_text: str, fill: Fill) -> typer.Typer:
    """Return a group whose commands `fill` adds when one is asked for."""
    group = type("Group", (VerbGroup,), {"fill": staticmethod(fill)})
    return typer.Typer(name=name, help=help_text, cls=group, no_args_is_help=True, rich_markup_mode=None)


def summaries(root: Any) -> str:
    """Return SUMMARIES from the command line itself: of each group the first paragraph of each command's help."""
    groups = {name: group for name, group in root.commands.items() if isinstance(group, VerbGroup)}
    told = {
        name: {verb: " ".join((one.help or "").split("\n\n")[0].split()) for verb, one in group.commands.items()}
        for name, group in groups.items()
    }
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def filled(group: str, verbs: Sequence[tuple[str, str]], show: Callable[..., None], *more: Callable[..., None]) -> Fill:
    """Return what fills a group with `show`, a verb for each (verb, command), and more commands by their names."""

    def fill(app: typer.Typer) -> None:
        app.command("show")(show)
        for verb, command_name in verbs:
            add_verb(app, group, verb, command_name)
        for made in more:
            app.command()(made)

    return fill


def add_verb(app: typer.Typer, group: str, verb: str, command_name: str) -> None:
    """Add a verb that gives a command of the registry; the field named as the group is its argument."""
    from producers.registry import REGISTRY
    from schemas.requests import request_record

    spec = REGISTRY.find(command_name)
    fields = {field.name: _parameter(field, group, spec.secrets) for field in request_record(spec.command).fields}
    files = {name for name, (kind, _, _) in fields.items() if kind in (Path, Path | None)}
    documents = {field.name for field in request_record(spec.command).fields if _is_document(field.shape)}

    def run(**given: Any) -> None:
        shared = {name: given.pop(name) for name in SHARED}
        request = {name: value for name, value in given.items() if value is not None and value != []}
        secrets = {name: _secret(request.pop(name)) for name in spec.secrets if name in request}
        for name in files & set(request):
            request[name] = (_json if name in documents else _text)(request[name])
        give(command_name, json.dumps(request).encode(), **shared, secrets=secrets)

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, option], default=default)
        for name, (kind, option, default) in fields.items()
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=option, default=default)
        for name, (option, default) in SHARED.items()
    ]
    VERB_OF[command_name] = f"{app.info.name or group} {verb}"
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
    run.__doc__ = spec.command.__doc__
    app.command(verb)(run)


def _parameter(field: Any, group: str, secrets: Sequence[str]) -> tuple[Any, Any, Any]:
    """Return type, Typer's description and default of a field."""
    from schemas.shapes import REQUIRED, Array, Boolean, Enumeration, Long, Optional, Text

    document = _is_document(field.shape)

    shape = field.shape.inner if isinstance(field.shape, Optional) else field.shape
    required = field.default is REQUIRED
    help_text = field.doc
    if isinstance(shape, Enumeration):
        help_text += f": {', '.join(shape.symbols[1:])}"
    kind: Any = str
    if isinstance(shape, Long):
        kind = int
    elif isinstance(shape, Boolean):
        kind = bool
    elif field.name in secrets:
        kind, help_text = Path, f"{field.doc}: a file of text, or of JSON where its name ends in .json"
    elif isinstance(shape, Text) and (shape.high or 0) > FILE_CHARACTERS:
        kind, help_text = Path, f"{field.doc}, in a file"
    elif document:
        kind, help_text = Path, f"{field.doc}: a JSON file"
    if isinstance(shape, Array) and not document:
        return (
            list[str],
            typer.Option(f"--{_singular(field.name)}", help=f"{help_text}; may be repeated"),
            ... if required else [],
        )
    if field.name == group:
        return kind, typer.Argument(metavar="ID", help=help_text), ...
    option = typer.Option(f"--{field.name.replace('_', '-')}", help=help_text)
    return (kind, option, ...) if required else (kind | None, option, None)


def _is_document(shape: Any) -> bool:
    """Return whether a field is an object, or a list of objects, which no single option can state."""
    from schemas.shapes import Array, Optional, Record

    while isinstance(shape, Array | Optional):
        shape = shape.items if isinstance(shape, Array) else shape.inner
    return isinstance(shape, Record)


def _singular(name: str) -> str:
    return name.removesuffix("s").replace("_", "-")


def _secret(path: Path) -> Any:
    """Return the value that a file holds: JSON where its name says so, else its text without the last newline."""
    return _json(path) if path.suffix == ".json" else _text(path).removesuffix("\n")


def _json(path: Path) -> Any:
    from schemas.strict_json import parse_strict

    return parse_strict(_text(path).encode(), str(path), bytes_max=1 << 20, depth_max=16)


def _text(path: Path) -> str:
    from infra.log import read_small_file

    return read_small_file(path).decode(errors="replace")
