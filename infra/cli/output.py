"""How commands speak: results on stdout, the rest on stderr, errors as exit codes, Chinese or English.

Exit codes: 0 ok, 1 verification failed, 2 usage, 3 not found, 4 incomplete (cannot decide, or some inputs could not be
taken), 5 unavailable, 6 conflict, 7 policy denied, 70 crash, 130 interrupted.
"""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unicodedata import east_asian_width

from domain.errors import Behind, Conflict, Invalid, LedgerError, NotFound, Rejected, Unavailable

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_FOUND: Final = 3
EXIT_INCOMPLETE: Final = 4
EXIT_UNAVAILABLE: Final = 5
EXIT_CONFLICT: Final = 6
EXIT_DENIED: Final = 7
EXIT_CRASH: Final = 70
EXIT_INTERRUPTED: Final = 130
TABLE_COLUMNS: Final = 120
LINE_COLUMNS_MAX: Final = 4_000
"""How wide a table is, and at which column a line of a tree is folded, where nobody watches."""

_CODES: Final = (
    (Behind, EXIT_INCOMPLETE),
    (NotFound, EXIT_NOT_FOUND),
    (Rejected, EXIT_DENIED),
    (Invalid, EXIT_FAILED),
    (Conflict, EXIT_CONFLICT),
    (Unavailable, EXIT_UNAVAILABLE),
)


def exit_code(error: LedgerError) -> int:
    """Return the exit code that stands for `error`."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), EXIT_CRASH)


def say(text: str = "") -> None:
    """Print one line of the result."""
    sys.stdout.write(text + "\n")


def show(*renderables: Any) -> None:
    """Print trees and tables of rich as part of the result; where nobody watches, without colours and trees unfolded.

    A line of a tree may hold three identifiers: a program that reads it finds them on one line, however long.
    """
    from rich.console import Console
    from rich.tree import Tree

    for renderable in renderables:
        columns = LINE_COLUMNS_MAX if isinstance(renderable, Tree) else TABLE_COLUMNS
        console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else columns)
        console.print(renderable)


def padded(text: str, cells: int) -> str:
    """Return a text filled up with spaces to so many columns; a Chinese character takes two (UAX 11, wide)."""
    return text + " " * (cells - len(text) - sum(east_asian_width(one) in "WF" for one in text))


def note(text: str) -> None:
    """Print one line that is not the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """Print the result for machines: one JSON value, keys in the order given."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_result(path: Path, data: bytes) -> None:
    """Write a result to the file that the caller named, over what was there. Raises: Unavailable."""
    from infra.process import writing

    with writing(path, data):
        path.write_bytes(data)


class Words:
    """Texts in two languages, chosen once: `words("找到", "found")`."""

    def __init__(self, lang: str) -> None:
        self.chinese = lang == "zh"

    def __call__(self, chinese: str, english: str) -> str:
        """Return the text in the language chosen."""
        return chinese if self.chinese else english


def size_text(size: int) -> str:
    """Return a byte count as people read it: 512 B, 1.5 kB, 2.0 GB (powers of 1000)."""
    if size < 1000:
        return f"{size} B"
    amount = size / 1000
    for unit in ("kB", "MB", "GB"):
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


class Progress:
    """A bar on a terminal, nothing elsewhere: bytes done, throughput and time left."""

    def __init__(self, label: str, total_bytes: int, enabled: bool) -> None:
        self._label = label
        self._total = total_bytes
        self._enabled = enabled and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if self._enabled:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self._total)
        return self

    def advance(self, count: int) -> None:
        """Count `count` more bytes as done."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def errors_as_exit_codes(as_json: bool) -> Iterator[None]:
    """Turn our errors into one line on stderr (or one JSON value on stdout) and an exit code."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()  # here, where a full disk under the result can still be told
    except LedgerError as error:
        if as_json:
            say_json({"error": type(error).__name__, "message": str(error)})
        else:
            note(f"edgeprint: {error}")
        raise SystemExit(exit_code(error)) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody left to tell
        raise SystemExit(EXIT_OK) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO) or error.filename is not None:
            raise
        note(f"edgeprint: expected to write the result to standard output, found {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in its buffer goes nowhere
        raise SystemExit(EXIT_UNAVAILABLE) from None


@contextmanager
def fetching(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that hears (done, of all) and shows a bar, on a terminal only and once there is something."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None, visible=False)
        yield lambda done, of: bar.update(task, completed=done, total=of, visible=True)
