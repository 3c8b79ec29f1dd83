"""What the processes of a home have in common, from inside: command line, exit codes, saying that they are at work.

`infra.background` is the side that starts them, finds them and waits for them.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from domain.errors import LedgerError, Unavailable
from infra.home import Home
from infra.locks import write_held
from infra.process import identify_process, pid_lines
from infra.settings import Settings, read_settings

EXIT_OK: Final = 0
EXIT_DAMAGED: Final = 1
EXIT_UNAVAILABLE: Final = 5
EXIT_CONFLICT: Final = 6
Log = Callable[[str], None]
Serve = Callable[[Settings, Home, argparse.Namespace], int]


def run_process(
    module: str, about: str, serve: Serve, log: Log, argv: Sequence[str] | None, *, required: Sequence[str] = ()
) -> int:
    """Serve the home that `--home` or EDGEPRINT_HOME names, and return the exit code; the log says why it is not 0.

    `required` are options that this process takes besides.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--home", type=Path, help="the home of the ledger (default: EDGEPRINT_HOME)")
    for name in required:
        parser.add_argument(name, required=True)
    arguments = parser.parse_args(argv)
    try:
        settings = read_settings(home=arguments.home)
        return serve(settings, Home(settings.home), arguments)
    except LedgerError as err:
        log(f"stopped: {err}")
        return EXIT_UNAVAILABLE if isinstance(err, Unavailable) else EXIT_DAMAGED


def say_ready(path: Path, log: Log) -> None:
    """Tell `up` that this process is at work. A disk that cannot hold it keeps it from nothing."""
    process = identify_process(os.getpid())
    if process is not None:
        try:
            write_held(path, pid_lines(process))
        except OSError as err:
            log(f"cannot write {path}: {err.strerror}")
