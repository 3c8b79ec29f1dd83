"""Places of secrets in a command or an event: `prompt`, `lines.0.amount`; and patterns of them, `lines.*.amount`.

A place is names joined by dots, array positions decimal, as `domain.commitment` writes it. In a pattern `*` stands for
every position of an array.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any


def places(patterns: Iterable[str], found: Any) -> Iterator[tuple[str, Any]]:
    """Yield each place that a pattern names in a command or an event, with what stands there; None is no secret."""
    for pattern in patterns:
        yield from _places(pattern.split("."), "", found)


def matches(pattern: str, path: str) -> bool:
    """Return whether a place may be one of a pattern's."""
    names, parts = pattern.split("."), path.split(".")
    pairs = zip(names, parts, strict=False)
    return len(names) == len(parts) and all(_number(part) if name == "*" else name == part for name, part in pairs)


def with_values(found: Any, values: Mapping[str, Any]) -> Any:
    """Return a command or an event with other values at these places. Raises: LookupError where a place is none."""
    return _with(found, sorted((path.split("."), value) for path, value in values.items()))


def put(document: Any, path: str, value: Any) -> Any:
    """Put a value into JSON values at a place unless something stands there, and return what stands there then.

    Raises: LookupError where the place is none: only the last name may be missing.
    """
    *way, last = path.split(".")
    for part in way:
        if isinstance(document, list):
            document = document[int(part)] if _number(part) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    if not isinstance(document, dict):
        raise LookupError(path)
    return document.setdefault(last, value)


def _number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 6 and str(int(part)) == part


def _places(names: list[str], before: str, found: Any) -> Iterator[tuple[str, Any]]:
    if not names:
        yield before[1:], found
    elif names[0] == "*":
        for place, item in enumerate(found):
            yield from _places(names[1:], f"{before}.{place}", item)
    elif (inner := getattr(found, names[0], None)) is not None:
        yield from _places(names[1:], f"{before}.{names[0]}", inner)


def _with(found: Any, values: list[tuple[list[str], Any]]) -> Any:
    if len(values) == 1 and not values[0][0]:
        return values[0][1]
    changed = {
        name: [(path[1:], value) for path, value in some] for name, some in groupby(values, key=lambda one: one[0][0])
    }
    if isinstance(found, tuple):
        items = list(found)
        for name, some in changed.items():
            items[int(name)] = _with(items[int(name)], some)
        return tuple(items)
    return replace(found, **{name: _with(getattr(found, name, None), some) for name, some in changed.items()})
