"""Source code under construction: what the encoder and decoder generators share.

Generated functions exist because a loop over shapes costs five times as much per event. Their text is kept in
`linecache`, so tracebacks and debuggers show it, and nothing but shapes (names checked against `NAME`) goes into it.
"""

import linecache
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.errors import Invalid

NAME: Final = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?\Z", re.ASCII)


class Source:
    """The lines of a generated module and the objects that its names stand for."""

    def __init__(self, title: str, globals_: Mapping[str, object]) -> None:
        self._title = title
        self._lines = [f'"""Generated from the schema of {title}; never edited."""']
        self._names: dict[str, object] = dict(globals_)

    def constant(self, hint: str, value: object) -> str:
        """Return a name by which the generated code reaches the value; the same value of a hint has one name."""
        name, number = hint, 2
        while name in self._names and self._names[name] is not value:
            name, number = f"{hint}_{number}", number + 1
        self._names[name] = value
        return name

    def shared(self, hint: str, value: object) -> str:
        """Return the name of a constant that is made anew each time it is needed; equal values share one name."""
        equal = [known for name, known in self._names.items() if name.startswith(hint) and known == value]
        return self.constant(hint, equal[0] if equal else value)

    def function(self, hint: str, parameters: str, body: list[str]) -> str:
        """Add a function and return its name."""
        name = self.constant(hint, object())
        self._lines += ["", "", f"def {name}({parameters}):", *(f"    {line}" for line in body)]
        return name

    def text(self) -> str:
        """Return the source so far."""
        return "\n".join(self._lines) + "\n"

    def compile(self, name: str) -> Callable[..., Any]:
        """Return the function of that name, ready to be called."""
        text, filename = self.text(), f"<generated {self._title}>"
        for reserved in [key for key, value in self._names.items() if type(value) is object]:
            del self._names[reserved]
        exec(compile(text, filename, "exec"), self._names)  # noqa: S102  # our own text, made from linted schemas
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        made: Callable[..., Any] = self._names[name]  # type: ignore[assignment]  # exec puts it there
        return made


def local(field: str) -> str:
    """Return the name of a field's value in generated code, which clashes with no other name there.

    Raises:
        Invalid: a field name of other than lower-case letters, digits and inner underscores.
    """
    if not NAME.match(field):
        raise Invalid(f"expected a field name of lower-case letters, digits and _, found {field!r}")
    return f"{field}_"
