"""What the `show` commands share: one identifier, one look at the open ledger, JSON or words."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from infra.cli.options import wrong_usage
from infra.cli.output import Words, say_json

if TYPE_CHECKING:
    from infra.bootstrap import Session

Id = TypeVar("Id")


def looked(
    identifier: str,
    parse: Callable[[str], Id],
    look: Callable[["Session", Id], dict[str, Any]],
    *,
    home: Path | None,
    as_json: bool,
    lang: str | None,
) -> tuple[dict[str, Any], Words]:
    """Return what `look` says of an identifier, printed already with `as_json`, and the words to tell it in otherwise.

    What cannot be parsed is wrong usage of ID; nothing is opened then.
    """
    from infra.bootstrap import opened
    from infra.settings import read_settings

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        parsed = parse(identifier)
    with opened(settings) as session:
        found = look(session, parsed)
    if as_json:
        say_json(found)
    return found, Words(settings.lang)
