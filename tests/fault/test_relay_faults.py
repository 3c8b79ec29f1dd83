"""The relay under load and among failing neighbours: killed at random, broker and database away, a bad network.

Commands, seals and proofs go on whatever happens; afterwards the relay drains by itself, and every record is there once
and holds the stored row's bytes (`Flow.sound`).
"""

import os
import random
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bench.ingest import Producer
from infra.background import relayed_size
from infra.kafka import broker as embedded
from infra.kafka.broker import Broker, Record
from infra.kafka.topics import create_topics
from infra.process import wait_until_gone
from infra.settings import read_settings
from infra.store.provision import WRITER
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendStatus
from producers.relay import record_of
from schemas.topics import CONTEXT_TOPICS
from tests.e2e.kit import Place, place, until
from tests.fault.test_relay import Flow
from tests.kafka_kit import POISON, fresh_topics, producer, shared_broker
from tests.tcp_proxy import Mode, TcpProxy

SEED = 20261126
EVENTS = 5
DRAIN_S = 120


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.database().keep_up()
        yield made


@pytest.fixture
def flow(ledger: Place) -> Flow:
    bootstrap = shared_broker().bootstrap
    fresh_topics(bootstrap)
    return Flow(ledger, bootstrap)


class Load:
    """A writer that appends batches until it is stopped, and how long each took."""

    def __init__(self, flow: Flow) -> None:
        self._dsn = flow.made.database().dsn(WRITER)
        self._producer = Producer(flow.ledger_id)
        self._stop = threading.Event()
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def run(self) -> None:
        with closing(LedgerRecorder(self._dsn)) as store:
            while not self._stop.is_set():
                batch, started = self._producer.batch(EVENTS), time.monotonic()
                results = store.append(batch)
                self.seconds.append(time.monotonic() - started)
                self.failures += [one.reason for one in results if one.status != AppendStatus.STORED]
                self._stop.wait(0.03)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def load(flow: Flow) -> Iterator[Load]:
    """Append in a thread for as long as the block lasts."""
    made = Load(flow)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join(60)
    assert made.failures == [] and made.seconds


@contextmanager
def relaying(flow: Flow) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the relay as a process for as long as the block lasts; it is at work when the block begins."""
    began = flow.said().count("relaying from") if (flow.made.folder / "relay.log").exists() else 0
    with flow.start() as process:
        try:
            said_to_have(flow, lambda: flow.said().count("relaying from") > began, "the relay has begun")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def size(flow: Flow) -> int:
    with flow.store() as store:
        return store.size()


def relayed(flow: Flow) -> int:
    """Return how far the relay last said it was, -1 before it said anything."""
    return -1 if (found := relayed_size(flow.home)) is None else found


def drained(flow: Flow) -> None:
    """Seal what is there, and return once the relay has put all of it on Kafka, the checkpoint over it too."""
    flow.grow(1)
    said_to_have(flow, lambda: relayed(flow) == size(flow), "the relay has drained")
    said_to_have(flow, lambda: flow.verify().unsealed == 0, "the checkpoint is there")


def said_to_have(flow: Flow, done: Callable[[], object], what: str) -> None:
    """Wait for the relay; a transaction that a killed broker left open ends by itself after a minute."""
    try:
        until(done, what, DRAIN_S)
    except AssertionError as err:
        raise AssertionError(f"{err}; {relayed(flow)} of {size(flow)}; the relay said {flow.said()[-1_500:]}") from err


def kill_at_random(flow: Flow, kills: int) -> None:
    moments = random.Random(SEED)
    with load(flow):
        for _ in range(kills):
            began = flow.said().count("relaying from") if (flow.made.folder / "relay.log").exists() else 0
            with flow.start() as process:
                until(lambda began=began: flow.said().count("relaying from") > began, "it relays")  # type: ignore[misc]
                time.sleep(moments.uniform(0.0, 0.4))
                process.send_signal(signal.SIGKILL)
                assert process.wait(timeout=30) == -signal.SIGKILL
    flow.grow(1)
    flow.relay_all()
    flow.sound()


@pytest.mark.soak
def test_killed_fifty_times_under_load(flow: Flow) -> None:
    kill_at_random(flow, 50)


def broker_away(flow: Flow, seconds: float) -> None:
    broker = shared_broker()
    with relaying(flow), load(flow) as writing:
        until(lambda: len(writing.seconds) > 20 and relayed(flow) > 0, "it runs")
        before = statistics.median(writing.seconds)
        process, count = broker.process, len(writing.seconds)
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until_gone(process, timeout_s=10)
        stood = relayed(flow)
        started = time.monotonic()
        flow.grow(1)  # a whole command with its seal
        assert time.monotonic() - started < 10
        time.sleep(seconds)
        meanwhile = statistics.median(writing.seconds[count:])
        assert meanwhile < 5 * before + 0.02, (before, meanwhile)
        state = flow.made.run("status", "--json").ok().json
        assert state["relay_lag"] >= EVENTS * (len(writing.seconds) - count) // 2 and relayed(flow) <= stood + 2_000
        broker.start(ends_with_parent=True)
    with relaying(flow):
        drained(flow)
    flow.sound()


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [2, 60])
def test_a_broker_that_is_away_slows_nobody_and_the_relay_drains(flow: Flow, seconds: float) -> None:
    broker_away(flow, seconds)


def test_the_database_is_restarted_under_the_relay(flow: Flow) -> None:
    database = flow.made.database()
    with relaying(flow) as process:
        drained(flow)
        database.stop()
        time.sleep(1)
        database.keep_up()
        drained(flow)
        assert process.poll() is None
    flow.sound()


def test_two_relays_at_once_and_the_one_that_is_fenced_out_writes_nothing_more(flow: Flow) -> None:
    flow.grow(5)
    with flow.relay() as first, flow.relay() as second:
        first.recover()
        second.recover()
        for relay in (first, second):
            try:
                flow.drain(relay)
            except Exception as err:
                assert relay is first and "another relay of this ledger has taken over" in str(err)
    flow.sound()


def test_poison_before_between_and_behind_our_records_is_counted_apart(flow: Flow) -> None:
    flow.grow(2)
    with flow.store() as store:
        target = record_of(store.rows(store.size() - 1, 1)[0])

    def poison() -> None:
        with producer(flow.bootstrap) as stranger:
            for spoil in POISON.values():
                bad = spoil(target)
                sent = stranger.send(bad.topic, bad.value, bad.key, list(bad.headers), partition=bad.partition)
                sent.get(timeout=20)

    poison()
    with flow.relay() as relay:
        relay.recover()
        relay.step()
    poison()
    flow.grow(2)
    flow.relay_all()
    poison()
    report = flow.verify()
    # one index is far ahead of the log, hence not yet judged; each of the others is told
    assert report.exit_code == 0 and report.unsealed == 3, report.damages
    assert report.foreign_count == 3 * (len(POISON) - 1) and (report.duplicates, report.gaps) == (0, 0)
    topics = {topic.name for topic in CONTEXT_TOPICS}
    assert all(line.split("[")[0] in topics for line in report.foreign)


class Behind:
    """A broker that its clients reach through a proxy only."""

    def __init__(self, folder: Path, proxy: TcpProxy) -> None:
        self.broker = Broker.open(folder, read_settings(environ={}))
        self.proxy = proxy
        plain = embedded.server_properties

        (inside,) = embedded._free_ports(1)

        def through(record: Record, data: Path) -> str:
            """Advertise the proxy to clients. The broker itself takes another listener, else it is cut from itself."""
            proxy.target = record.port
            host, internal = embedded.HOST, f"INTERNAL://{embedded.HOST}:{inside}"
            return (
                plain(record, data)
                .replace(
                    f"advertised.listeners=PLAINTEXT://{host}:{record.port}",
                    f"advertised.listeners=PLAINTEXT://{host}:{proxy.port},{internal}",
                )
                .replace("\nlisteners=", f"\nlisteners={internal},")
                .replace("inter.broker.listener.name=PLAINTEXT", "inter.broker.listener.name=INTERNAL")
                + "listener.security.protocol.map=INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(embedded, "server_properties", through)
            self.broker.start(ends_with_parent=True)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    proxy = TcpProxy()
    with tempfile.TemporaryDirectory(prefix="epx", dir="/tmp") as name:
        made = Behind(Path(name) / "home", proxy)
        try:
            create_topics(made.bootstrap)
            yield made
        finally:
            proxy.fail("pass")
            made.broker.purge()
            proxy.close()


@pytest.mark.soak
@pytest.mark.parametrize(
    ("mode", "seconds"),
    [
        ("cut", 1.0),
        ("slow", 1.0),
        ("stall", 0.5),
        ("stall", 15.0),
    ],
)
def test_a_network_that_fails_between_relay_and_broker(
    ledger: Place, behind: Behind, mode: Mode, seconds: float
) -> None:
    fresh_topics(behind.bootstrap)
    flow = Flow(ledger, behind.bootstrap)
    with relaying(flow):
        with load(flow) as writing:
            until(lambda: len(writing.seconds) > 10 and relayed(flow) > 0, "it runs")
            for _ in range(3):
                behind.proxy.fail(mode)
                time.sleep(seconds)
                behind.proxy.fail("pass")
                time.sleep(0.3)
        drained(flow)
    flow.sound()


@pytest.mark.soak
def test_a_relay_that_starts_while_the_brokers_are_away_waits_for_them(ledger: Place, behind: Behind) -> None:
    fresh_topics(behind.bootstrap)
    flow = Flow(ledger, behind.bootstrap)
    began = flow.said().count("waiting: ")
    behind.proxy.fail("cut")
    with flow.start() as process:
        until(lambda: flow.said().count("waiting: ") > began, "it waits")
        behind.proxy.fail("pass")
        drained(flow)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    flow.sound()
