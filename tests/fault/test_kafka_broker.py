"""The embedded broker: started once however often it is asked for, found again, killed, moved to other ports."""

import hashlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import Invalid, Unavailable
from infra.kafka.broker import Broker, answers
from infra.kafka.jars import Jar, fetch_jars
from infra.kafka.topics import create_topics
from infra.process import is_alive, wait_until_gone
from infra.settings import Settings, read_settings
from schemas.topics import RELAY
from tests.e2e.kit import until
from tests.kafka_kit import producer, records_of

REPOSITORY = Path(__file__).parents[2]
START = (
    "import sys, pathlib, time; from infra.kafka.broker import Broker; from infra.settings import read_settings\n"
    "b = Broker.open(pathlib.Path(sys.argv[1]), read_settings(environ={}))\n"
    "b.start(ends_with_parent=len(sys.argv) > 2); print(b.process.pid, flush=True)\n"
    "time.sleep(600 if len(sys.argv) > 2 else 0)\n"
)


def settings() -> Settings:
    return read_settings(environ={})


@pytest.fixture
def broker() -> Iterator[Broker]:
    with tempfile.TemporaryDirectory(prefix="epk", dir="/tmp") as folder:
        made = Broker.open(Path(folder) / "home", settings())
        try:
            yield made
        finally:
            made.purge()


def starter(broker: Broker, *more: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", START, str(broker._home), *more]
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)


def send(broker: Broker, value: bytes) -> None:
    with producer(broker.bootstrap, acks="all") as client:
        client.send(RELAY.name, value=value, partition=0).get(timeout=30)


def values(broker: Broker) -> list[bytes]:
    return [record.value for record in records_of(broker.bootstrap, RELAY.name, 0)]


def bound(one: socket.socket, port: int) -> bool:
    """Bind a socket, and return False while the kernel still closes the killed broker's connections."""
    try:
        one.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_two_starts_at_once_are_one_broker_that_goes_on_after_them(broker: Broker) -> None:
    pids = {process.communicate(timeout=120)[0] for process in [starter(broker), starter(broker)]}
    assert len(pids) == 1
    assert broker.is_running()
    broker.start()  # adopted
    assert {f"{broker.describe()['pid']}\n"} == pids
    port = int(broker.bootstrap.rpartition(":")[2])
    assert answers(port)
    broker.stop()
    assert not broker.is_running() and not answers(port)


def test_what_was_acknowledged_survives_kill_9_and_a_taken_port(broker: Broker) -> None:
    broker.start()
    create_topics(broker.bootstrap, topics=[RELAY])
    send(broker, b"acknowledged")
    process, before = broker.process, broker.bootstrap
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert wait_until_gone(process, timeout_s=10)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until(lambda: bound(taken, int(before.rpartition(":")[2])), "the port of the killed broker")
        taken.listen()
        broker.start()
        assert broker.bootstrap != before
        assert values(broker) == [b"acknowledged"]
        send(broker, b"more")
    broker.stop()
    broker.start()
    assert values(broker) == [b"acknowledged", b"more"]


def test_a_copy_of_the_home_leaves_the_originals_broker_alone(broker: Broker, tmp_path: Path) -> None:
    broker.start()
    shutil.copytree(broker._home, tmp_path / "copy")
    copy = Broker.open(tmp_path / "copy", settings())
    assert not copy.is_running()
    copy.purge()
    assert broker.is_running() and answers(int(broker.bootstrap.rpartition(":")[2]))


def test_it_ends_with_a_killed_parent(broker: Broker) -> None:
    with starter(broker, "ends with me") as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        process = broker.process
        assert process is not None and is_alive(process)
        parent.kill()
    assert wait_until_gone(process, timeout_s=30)
    assert not answers(int(broker.bootstrap.rpartition(":")[2]))


def test_a_start_that_cannot_be_is_explained(broker: Broker) -> None:
    broker._settings = replace(settings(), java="/nowhere/java")
    with pytest.raises(Unavailable, match="EDGEPRINT_JAVA: expected a Java that runs, found /nowhere/java"):
        broker.start()
    broker._settings = settings()
    broker.start()
    broker.stop()
    meta = broker._place / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("cluster.id=", "cluster.id=other-"))
    with pytest.raises(Unavailable, match=r"meta\.properties: expected cluster\.id=.*, found cluster\.id=other-"):
        broker.start()
    meta.unlink()
    meta.mkdir()
    with pytest.raises(Unavailable, match="Kafka"):
        broker.start()
    assert not broker.is_running()


class Repository(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_jars_are_fetched_once_and_only_the_pinned_ones(tmp_path: Path) -> None:
    good, served = b"PK good", tmp_path / "served" / "g" / "h" / "a" / "1"
    served.mkdir(parents=True)
    (served / "a-1.jar").write_bytes(good)
    jar = Jar("g.h", "a", "1", hashlib.sha256(good).hexdigest())
    handler = lambda *a: Repository(*a, directory=str(tmp_path / "served"))  # noqa: E731
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url, cache = f"http://127.0.0.1:{server.server_port}", tmp_path / "cache"
    heard: list[tuple[int, int]] = []
    try:
        assert fetch_jars((jar,), cache, url, lambda done, of: heard.append((done, of))) == [cache / "a-1.jar"]
        assert heard == [(0, 1), (1, 1)]
        (cache / "a-1.jar").write_bytes(b"damaged in the cache")
        assert fetch_jars((jar,), cache, url, lambda *_: None)[0].read_bytes() == good
        missing = Jar("g.h", "b", "1", jar.sha256)
        with pytest.raises(Unavailable, match=r"/g/h/b/1/b-1.jar: expected to fetch the jar, found .*404"):
            fetch_jars((jar, missing), cache, url, lambda *_: None)
        (served / "a-1.jar").write_bytes(b"PK evil")
        (cache / "a-1.jar").unlink()
        with pytest.raises(Invalid, match=f"a-1.jar: expected a jar of sha256 {jar.sha256}, found"):
            fetch_jars((jar,), cache, url, lambda *_: None)
        assert list(cache.iterdir()) == []
        (served / "a-1.jar").write_bytes(good)
        fetch_jars((jar,), cache, url, lambda *_: None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert fetch_jars((jar,), cache, "http://127.0.0.1:1", lambda *_: None) == [cache / "a-1.jar"], "offline"
