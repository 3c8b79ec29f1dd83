"""The options that every command shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Where the ledger lives (else EDGEPRINT_HOME, else your data directory).")
]
LangOption = Annotated[str | None, typer.Option("--lang", help="zh or en (else EDGEPRINT_LANG, LC_ALL, LANG).")]


@contextmanager
def wrong_usage(name: str) -> Iterator[None]:
    """Report an argument that cannot be right as wrong usage (exit code 2), before anything is opened or written."""
    from domain.errors import Invalid

    try:
        yield
    except Invalid as error:
        raise typer.BadParameter(str(error), param_hint=name) from error
