"""What the processes of a home share: command line, exit codes, and how they say that they are at work."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Conflict, Invalid, LedgerError, Unavailable
from infra.foreground import EXIT_DAMAGED, EXIT_UNAVAILABLE, run_process, say_ready
from infra.home import Home
from infra.locks import is_held
from infra.settings import Settings


def served(argv: list[str], serve: Callable[[Settings, Home, argparse.Namespace], int]) -> tuple[int, list[str]]:
    said: list[str] = []
    return run_process("infra.some.process", "Some process.", serve, said.append, argv, required=["--to"]), said


def test_it_serves_the_home_that_is_named_with_what_it_was_given(tmp_path: Path) -> None:
    def serve(settings: Settings, home: Home, arguments: argparse.Namespace) -> int:
        assert settings.home == home.path == tmp_path
        assert arguments.to == "somewhere"
        return 6

    assert served(["--home", str(tmp_path), "--to", "somewhere"], serve) == (6, [])


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("no disk"), EXIT_UNAVAILABLE), (Invalid("no key"), EXIT_DAMAGED), (Conflict("two"), EXIT_DAMAGED)],
)
def test_what_stops_it_is_said_and_is_its_exit_code(tmp_path: Path, error: LedgerError, code: int) -> None:
    def serve(*_: object) -> int:
        raise error

    assert served(["--home", str(tmp_path), "--to", "x"], serve) == (code, [f"stopped: {error}"])


def test_an_option_that_is_required_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        served(["--home", str(tmp_path)], lambda *_: 0)
    assert ended.value.code == 2 and "python -m infra.some.process" in capsys.readouterr().err


def test_a_process_that_is_ready_holds_its_file(tmp_path: Path) -> None:
    say_ready(tmp_path / "some.ready", lambda text: pytest.fail(text))
    assert is_held(tmp_path / "some.ready")


def test_a_disk_that_cannot_hold_it_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    say_ready(tmp_path / "nowhere" / "some.ready", said.append)
    assert said == [f"cannot write {tmp_path / 'nowhere' / 'some.ready'}: No such file or directory"]
