"""The options that every command shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from domain.ids import PartyId

AsOption = Annotated[
    str | None, typer.Option("--as", help="The party that acts (default: the holder of the ledger).", metavar="ID")
]
ForOption = Annotated[
    str | None, typer.Option("--on-behalf-of", help="For whom it acts, under a mandate.", metavar="ID")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Where the ledger lives (else EDGEPRINT_HOME, else your data directory).")
]
LangOption = Annotated[str | None, typer.Option("--lang", help="zh or en (else EDGEPRINT_LANG, LC_ALL, LANG).")]


def _place(text: str | None) -> str | None:
    """Return a place as it is, if it can be one."""
    if text is not None:
        from domain.errors import Invalid
        from infra.views.reading import parse_place

        try:
            parse_place(text)
        except Invalid as error:
            raise typer.BadParameter(str(error)) from error
    return text


AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="As of an index, a time or a root (default: now).", metavar="PLACE", callback=_place),
]
BeforeArgument = Annotated[
    str, typer.Argument(help="The earlier place: an index, a time or a root.", metavar="A", callback=_place)
]
AfterArgument = Annotated[str, typer.Argument(help="The later place.", metavar="B", callback=_place)]


@contextmanager
def wrong_usage(name: str) -> Iterator[None]:
    """Report an argument that cannot be right as wrong usage (exit code 2), before anything is opened or written."""
    from domain.errors import Invalid

    try:
        yield
    except Invalid as error:
        raise typer.BadParameter(str(error), param_hint=name) from error


def party_option(name: str, text: str | None) -> "PartyId | None":
    """Return the party that an option names, None where it is left away."""
    from domain.ids import parse_party_id

    with wrong_usage(name):
        return None if text is None else parse_party_id(text)
