"""The relay on a real Apache Kafka: killed at every point, fenced, among strangers, behind a ledger that went back.

After each fault `topic verify` must find every sealed entry once, and every record must hold the stored row's bytes.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from consumers.topic_check import TopicReport
from domain.errors import Conflict, LedgerError
from infra.home import Home
from infra.kafka.bus import KafkaBus
from infra.kafka.reader import Reader
from infra.kafka.topics import administering, create_topics
from infra.kafka.verify import verify_topics
from infra.log import policy_of
from infra.process import wait_until_gone
from infra.settings import KafkaClient
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from producers.ports import LedgerRow
from producers.relay import AheadOfLedger, PositionLost, Relay, record_of
from producers.relay_ports import Position
from schemas.records import Outgoing
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, RELAY, topic_of
from tests.e2e.kit import REPOSITORY, Place, place, until
from tests.kafka_kit import fresh_topics, producer, records_of, shared_broker

POINTS = ["relay.read", "relay.sent", "relay.committed", "relay.published"]
KILLS = [
    pytest.param("python", "relay.sent"),
    pytest.param("python", "relay.committed"),
    pytest.param("confluent", "relay.sent"),
    *(pytest.param("python", point, marks=pytest.mark.soak) for point in POINTS[::3]),
    *(pytest.param("confluent", point, marks=pytest.mark.soak) for point in POINTS if point != "relay.sent"),
]
both_clients = pytest.mark.parametrize("flow", ["python", "confluent"], indirect=True)
both_in_the_soak = pytest.mark.parametrize(
    "flow", ["python", pytest.param("confluent", marks=pytest.mark.soak)], indirect=True
)


class Rows:
    """The ledger's rows, or only the first of them: a ledger that was rolled back."""

    def __init__(self, store: LedgerRecorder, size: int | None = None) -> None:
        self._store = store
        self._size = size

    def size(self) -> int:
        return self._store.size() if self._size is None else self._size

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        return self._store.rows(start, min(limit, max(0, self.size() - start)))


class Flow:
    """One ledger, one broker, and the relay between them."""

    def __init__(self, made: Place, bootstrap: str, client: KafkaClient = "python") -> None:
        self.made = made
        self.client = client
        self.bootstrap = bootstrap
        self.home = Home(made.home)
        self.ledger_id = self.home.config().ledger_id
        self.log: list[str] = []
        self._numbers = iter(range(10_000))

    def grow(self, files: int = 3) -> None:
        folder = next(self._numbers)
        for number in range(files):
            self.made.write(f"{folder}/{number}.txt", f"{folder} {number}")
        self.made.run("identify", self.made.files / str(folder)).ok()

    @contextmanager
    def store(self) -> Iterator[LedgerRecorder]:
        with closing(LedgerRecorder(self.made.database().dsn(READER))) as store:
            yield store

    @contextmanager
    def relay(self, size: int | None = None) -> Iterator[Relay]:
        """Give a relay over a bus of its own; `size` cuts the ledger short."""
        bus = KafkaBus(self.bootstrap, self.ledger_id, client=self.client, log=self.log.append)
        with self.store() as store, closing(bus):
            verify = policy_of(self.home).verify_checkpoint
            yield Relay(self.ledger_id, Rows(store, size), store, bus, verify, log=self.log.append)

    def drain(self, relay: Relay) -> None:
        while relay.step():
            pass
        relay.publish(1)

    def relay_all(self) -> None:
        with self.relay() as relay:
            relay.recover()
            self.drain(relay)

    def start(self, failpoints: str = "") -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "infra.kafka.relay", "--home", str(self.made.home), "--bootstrap", self.bootstrap]
        environ = {**self.made.environ, "EDGEPRINT_FAILPOINTS": failpoints, "EDGEPRINT_KAFKA_CLIENT": self.client}
        with (self.made.folder / "relay.log").open("ab") as log:
            return subprocess.Popen(argv, cwd=REPOSITORY, env=environ, stderr=log)

    def said(self) -> str:
        return (self.made.folder / "relay.log").read_text()

    def verify(self) -> TopicReport:
        return verify_topics(self.bootstrap, self.home.policy_path.read_bytes())

    def sound(self, foreign: int = 0) -> None:
        """Every sealed entry is there once, as the stored row; `foreign` records of strangers lie beside them."""
        report = self.verify()
        assert (report.exit_code, report.damages) == (0, ())
        assert (report.duplicates, report.gaps, report.foreign_count) == (0, 0, foreign), report.foreign
        with self.store() as store:
            assert report.size == report.events == store.size()
            ours = {record[:4] for record in map(record_of, store.rows(0, report.size))}
        with closing(Reader(self.bootstrap)) as reader:
            partitions = reader.partitions([topic.name for topic in CONTEXT_TOPICS])
            ends = reader.ends(partitions)
            batches = reader.read({partition: (0, ends[partition]) for partition in partitions})
            found = {(one.topic, one.partition, one.key, one.value) for batch in batches for one in batch}
        assert ours <= found and len(found - ours) <= foreign


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.database().keep_up()
        yield made


@pytest.fixture
def flow(ledger: Place, request: pytest.FixtureRequest) -> Flow:
    """A flow by kafka-python, or by the client that a test is given."""
    bootstrap = shared_broker().bootstrap
    fresh_topics(bootstrap)
    return Flow(ledger, bootstrap, getattr(request, "param", "python"))


def test_the_points_tested_are_all_there_are() -> None:
    source = (REPOSITORY / "producers" / "relay.py").read_text()
    assert {part.split('"')[1] for part in source.split("_failpoint(")[1:]} == set(POINTS)


@pytest.mark.parametrize(("flow", "point"), KILLS, indirect=["flow"])
def test_killed_and_started_again(flow: Flow, point: str) -> None:
    flow.grow()
    flow.relay_all()
    flow.grow()
    with flow.start(f"{point}=kill") as killed:
        assert killed.wait(timeout=60) == -signal.SIGKILL
    flow.relay_all()
    flow.sound()


def test_the_process_relays_what_comes_and_ends_when_told(flow: Flow) -> None:
    def relayed() -> bool:
        state = flow.made.run("status", "--json").json
        hint = flow.made.home / "run" / "relay.json"
        return hint.exists() and f'"relayed_size": {state["ledger_size"]},' in hint.read_text()

    with flow.start() as process:
        try:
            until(relayed, "what is there already")
            flow.grow()
            until(relayed, "what came")
            until(lambda: flow.verify().exit_code == 0 and flow.verify().unsealed == 0, "the checkpoint")
            with flow.start() as second:
                assert second.wait(timeout=60) == 5
            assert "is locked by another process" in flow.said()
        finally:
            process.terminate()
        assert process.wait(timeout=30) == 0
    flow.sound()


@both_clients
def test_a_zombie_is_fenced(flow: Flow) -> None:
    with flow.relay() as first, flow.relay() as second:
        first.recover()
        second.recover()
        with pytest.raises(Conflict, match="another relay of this ledger has taken over"):
            first.step()
        flow.drain(second)
    flow.sound()


@both_in_the_soak
def test_a_strangers_open_transaction_is_waited_for(flow: Flow) -> None:
    """It hides our own records behind it from committed reading: going on would send them again."""
    flow.relay_all()
    settings = {"transactional_id": "stranger", "transaction_timeout_ms": 4_000, "acks": "all"}
    with producer(flow.bootstrap, **settings) as stranger, flow.relay() as before:
        before.recover()
        stranger.init_transactions()
        stranger.begin_transaction()
        for topic in (topic_of("edgeprint.identity.ObjectIdentified"), RELAY):
            for partition in range(topic.partitions):
                stranger.send(topic.name, value=b"never committed", partition=partition)
        stranger.flush(timeout=30)
        flow.grow()
        flow.drain(before)
        assert flow.verify().gaps > 0 or flow.verify().unsealed == 0, "hidden behind the open transaction"
        with flow.relay() as after:
            assert after.recover() == before.relayed_size
            flow.drain(after)
    flow.sound()


def test_who_is_told_to_end_does_not_wait_for_a_strangers_transaction(flow: Flow) -> None:
    flow.relay_all()
    with producer(flow.bootstrap, transactional_id="a-stranger-who-stays", transaction_timeout_ms=60_000) as stranger:
        stranger.init_transactions()
        stranger.begin_transaction()
        stranger.send("edgeprint.rights.v1", b"undecided", partition=1).get(timeout=30)
        with flow.start() as relay:
            began = flow.said().count("waiting for open transactions")
            until(lambda: flow.said().count("waiting for open transactions") > began, "it waits")
            relay.send_signal(signal.SIGTERM)
            assert relay.wait(timeout=10) == 0
        stranger.abort_transaction()


def test_strangers_records_are_reported_and_change_nothing(flow: Flow) -> None:
    flow.relay_all()
    with flow.store() as store:
        size = store.size()
        last, early = (record_of(store.rows(index, 1)[0]) for index in (size - 1, 3))
    forged: list[Outgoing] = [
        last._replace(value=b"\x00" + bytes(300)),
        last._replace(value=last.value[:-1] + bytes([last.value[-1] ^ 1])),
        last._replace(headers=(("ledger-index", b"%d" % size), *last.headers[1:])),  # ours, at the next index
        last._replace(headers=()),
        last._replace(value=bytes(900_000)),
        early._replace(partition=(early.partition + 1) % 6),
        Outgoing(RELAY.name, 0, None, b"{}", (), 1),
        Outgoing(RELAY.name, 0, None, Position(0, size + 9, bytes(32), last.topic, last.partition, 0).encode(), (), 1),
        Outgoing(RELAY.name, 0, None, Position(0, size - 2, bytes(32), last.topic, last.partition, 0).encode(), (), 1),
        Outgoing(CHECKPOINTS.name, 0, None, b"forged\n999\nAAAA\n\n", (), 1),
    ]
    with producer(flow.bootstrap, acks="all") as stranger:
        for record in forged:
            stranger.send(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.partition,
            ).get(timeout=30)
    with flow.relay() as relay:
        assert relay.recover() == size, flow.log
        assert sum("foreign record" in line for line in flow.log) >= 4
        flow.grow()
        flow.drain(relay)
    report = flow.verify()
    assert report.exit_code == 0 and report.size > size, report.damages
    assert report.foreign_count >= 6


def test_a_ledger_that_went_back_stops_the_relay(flow: Flow) -> None:
    flow.grow()
    flow.relay_all()
    with flow.store() as store:
        size = store.size()
    for cut in (size - 1, 5):
        with flow.relay(size=cut) as relay, pytest.raises(AheadOfLedger, match=f"the ledger has {cut} entries"):
            relay.recover()
    fresh_topics(flow.bootstrap)
    with flow.relay() as relay:  # relayed, but nothing sealed is on Kafka yet
        relay.recover()
        while relay.step():
            pass
    with flow.relay(size=size - 2) as relay, pytest.raises(AheadOfLedger, match=f"which has {size - 2} entries"):
        relay.recover()
    flow.relay_all()
    flow.sound()


def test_lost_positions_stop_the_relay(flow: Flow) -> None:
    flow.relay_all()
    with administering(flow.bootstrap) as admin:
        admin.delete_topics([RELAY.name])
    until(lambda: _recreated(flow), "the topic of positions, empty")
    with flow.relay() as relay, pytest.raises(PositionLost, match=r"positions were lost; run `edgeprint topic verify`"):
        relay.recover()
    assert flow.verify().exit_code == 0


def _recreated(flow: Flow) -> bool:
    try:
        create_topics(flow.bootstrap)
        return records_of(flow.bootstrap, RELAY.name, 0) == []
    except (LedgerError, AssertionError):
        return False


@pytest.mark.soak
@both_clients
def test_a_broker_that_is_killed_delays_and_loses_nothing(flow: Flow) -> None:
    """Commands and seals go on meanwhile; the relay drains by itself afterwards."""
    broker = shared_broker()
    with flow.start() as process:
        try:
            until(lambda: flow.verify().exit_code == 0, "the first checkpoint")
            found = broker.process
            assert found is not None
            os.kill(found.pid, signal.SIGKILL)
            assert wait_until_gone(found, timeout_s=20)
            flow.grow()  # does not wait for Kafka
            broker.start(ends_with_parent=True)
            assert broker.bootstrap == flow.bootstrap
            until(lambda: flow.verify().size == flow.made.run("status", "--json").json["sealed_size"], "to drain")
        finally:
            process.terminate()
            process.wait(timeout=60)
    flow.sound()


def test_a_topic_that_limits_retention_is_refused(flow: Flow) -> None:
    name = CONTEXT_TOPICS[0].name
    _alter(flow.bootstrap, name, "60000")
    answer = flow.made.run("topic", "check", "--bootstrap", flow.bootstrap)
    assert answer.code == 1 and f"topic {name}: expected retention.ms -1, found '60000'" in answer.out
    with flow.start() as process:
        assert process.wait(timeout=60) == 1
    assert "expected retention.ms -1, found '60000'" in flow.said().splitlines()[-1]
    _alter(flow.bootstrap, name, "-1")
    assert flow.made.run("topic", "check", "--bootstrap", flow.bootstrap).code == 0


def _alter(bootstrap: str, topic: str, retention_ms: str) -> None:
    with administering(bootstrap) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": retention_ms})])
