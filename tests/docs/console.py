"""Run the console blocks of a page as a reader would, in one shell, and compare what is printed.

`edgeprint` on its PATH starts a process for each command, warm (`tests.e2e.warm`).

A block is fenced by ```console. Each line `$ command` is typed into bash; a line that ends in a backslash goes on in
the next. The lines up to the next `$` are what must be printed (both streams together): `...` inside a line stands for
any text, a line `...` alone for any lines; empty lines do not count. A command must end with 0, or with N where it
carries the comment `# exit N`. `make` is not run from here (the tests run under it): `make -n` must know the target.
"""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.e2e.kit import WARM
from tests.e2e.warm import WarmProgram

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"#.*\bexit (\d+)\b")
COMMAND_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Step:
    """One command of a page, the exit code and the lines that it must give."""

    command: str
    code: int
    expected: tuple[str, ...]
    where: str


def steps_of(page: Path) -> list[Step]:
    """Return the commands of a page in order."""
    text = page.read_text(encoding="utf-8")
    steps = []
    for block in BLOCK.finditer(text):
        line_number = text[: block.start(1)].count("\n") + 1
        lines = block.group(1).splitlines()
        if not lines or not lines[0].startswith("$ "):
            raise AssertionError(f"{page.name}:{line_number}: a console block begins with a command")
        while lines:
            where = f"{page.name}:{line_number + block.group(1).count(chr(10)) - len(lines)}"
            command = lines.pop(0)[2:]
            while command.endswith("\\"):
                command = f"{command[:-1]}{lines.pop(0)}"
            expected = []
            while lines and not lines[0].startswith("$ "):
                expected.append(lines.pop(0).rstrip())
            expected = [line for line in expected if line]
            found = EXIT.search(command)
            steps.append(Step(command, int(found.group(1)) if found else 0, tuple(expected), where))
    return steps


def matches(expected: tuple[str, ...], printed: list[str]) -> bool:
    """Return whether the lines printed are those expected, wildcards allowed."""
    if not expected:
        return not printed
    if expected[0].strip() == "...":
        return any(matches(expected[1:], printed[n:]) for n in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(re.escape(part) for part in re.split(r"\.\.\.(?!\.)", expected[0]))
    return re.fullmatch(pattern, printed[0].rstrip()) is not None and matches(expected[1:], printed[1:])


class Shell:
    """One bash in `folder` with `edgeprint` and our Python on its PATH, and no edgeprint setting of the caller."""

    def __init__(self, folder: Path, makefile: Path = ROOT / "Makefile") -> None:
        (folder / "bin").mkdir()
        self._edgeprint = WarmProgram(WARM, folder / "bin" / "edgeprint", COMMAND_SECONDS_MAX)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("EDGEPRINT_", "LC_", "XDG_"))}
        kept.pop("DATABASE_URL", None)
        self._environ = {
            **kept,
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder / "user"),
            "LANG": "C.UTF-8",
        }
        (folder / "user").mkdir()
        self._folder = folder
        self._makefile = makefile
        self._bash: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._edgeprint.__enter__()
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        bash = self._started()
        self._type("edgeprint down --purge --yes >/dev/null 2>&1; exit")
        try:
            bash.wait(timeout=COMMAND_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(bash.pid, signal.SIGKILL)
            bash.wait()
        for stream in (bash.stdin, bash.stdout):
            if stream is not None:
                stream.close()
        self._edgeprint.__exit__()

    def run(self, step: Step) -> None:
        """Run one command and compare; the message of a failure shows both."""
        command = step.command
        if command.startswith("make "):
            target = next(word for word in command.split()[1:] if "=" not in word)
            command = f"make -n -f {self._makefile} -C {ROOT} {target} >/dev/null"
        code, printed = self._run(command)
        shown = "\n".join(printed)
        assert code == step.code, f"{step.where}: `{step.command}` ended with {code}, expected {step.code}:\n{shown}"
        if step.command.startswith("make "):
            return
        wanted = "\n".join(step.expected)
        assert matches(step.expected, printed), (
            f"{step.where}: `{step.command}` printed\n{shown}\n-- expected\n{wanted}"
        )

    def _run(self, command: str) -> tuple[int, list[str]]:
        mark = f"--- end of command {time.monotonic_ns()} ---"
        self._type(f"{{ {command}\n}} </dev/null\nprintf '%s%s\\n' '{mark}' $?")
        bash, lines = self._started(), []
        assert bash.stdout is not None
        while True:
            line = bash.stdout.readline().decode("utf-8", "backslashreplace")
            if not line:
                raise AssertionError(f"the shell ended in `{command}`: {lines}")
            before, found, code = line.partition(mark)
            if before.strip():
                lines.append(before.rstrip())
            if found:
                return int(code), lines

    def _type(self, text: str) -> None:
        stdin = self._started().stdin
        assert stdin is not None
        stdin.write(text.encode() + b"\n")
        stdin.flush()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._bash is None:
            raise AssertionError("use the shell in a with block")
        return self._bash
