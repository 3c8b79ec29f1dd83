"""What the relay relies on when it writes to Kafka, of each client in turn, on a real Apache Kafka."""

import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from uuid import UUID, uuid4

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from domain.errors import Conflict, LedgerError, Unavailable
from infra.kafka import bus as bus_module
from infra.kafka import confluent, writers
from infra.kafka.bus import KafkaBus, writer_of
from infra.kafka.reader import Reader
from infra.kafka.topics import administering
from infra.kafka.writers import PythonWriter
from infra.process import ProcessId, wait_until_gone
from infra.settings import KafkaClient
from schemas.records import Outgoing, Partition, Received
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, MESSAGE_BYTES_MAX, RELAY, TOPICS
from tests.kafka_kit import fresh_topics, shared_broker

CLIENTS: list[KafkaClient] = ["python", "confluent"]
OTHER: dict[KafkaClient, KafkaClient] = {"python": "confluent", "confluent": "python"}
TOPIC = CONTEXT_TOPICS[0].name
PATIENCE_S = 2.0
"""What the clients are given in place of ANSWER_S where a broker is to be missed."""
VISIBLE_S_MAX = 20.0
LEFT_S_MAX = 3 * PATIENCE_S + confluent.ABORT_S
"""One wait for the records, one for the position or the commit, one to give up."""


def record(number: int, *, topic: str = TOPIC, partition: int = 0, value: bytes | None = None) -> Outgoing:
    return Outgoing(
        topic,
        partition,
        b"key %d" % number,
        b"value %d" % number if value is None else value,
        (("n", b"%d" % number),),
        1_000 + number,
    )


def position(_offset: int) -> Outgoing:
    return record(0, topic=RELAY.name, value=b"position")


class Topics:
    """The topics as a subscriber sees them from the moment at which this was made."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.reader = Reader(bootstrap)
        self._begins = self._ends()

    def _ends(self) -> dict[Partition, int]:
        return self.reader.ends(self.reader.partitions([topic.name for topic in TOPICS]))

    def since(self, wanted: int = 0) -> dict[Partition, list[Received]]:
        """Return what was committed since then, once that is at least `wanted` records; no partition without records.

        A transaction is visible a moment after its commit was answered, when each partition has its marker.
        """
        deadline = time.monotonic() + VISIBLE_S_MAX
        while True:
            ends, found = self._ends(), defaultdict(list)
            spans = {partition: (begin, ends[partition]) for partition, begin in self._begins.items()}
            for batch in self.reader.read(spans):
                for one in batch:
                    found[Partition(one.topic, one.partition)].append(one)
            if sum(map(len, found.values())) >= wanted:
                return dict(found)
            assert time.monotonic() < deadline, f"expected {wanted} records, found {found}"

    def values(self, wanted: int = 0) -> list[bytes | None]:
        return [one.value for batch in self.since(wanted).values() for one in batch]


@pytest.fixture(scope="module")
def bootstrap() -> str:
    address = shared_broker().bootstrap
    fresh_topics(address)
    return address


@pytest.fixture
def topics(bootstrap: str) -> Iterator[Topics]:
    made = Topics(bootstrap)
    with closing(made.reader):
        yield made


@pytest.fixture
def ledger_id() -> UUID:
    return uuid4()


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> KafkaClient:
    name: KafkaClient = request.param
    return name


@pytest.fixture
def bus(bootstrap: str, ledger_id: UUID, client: KafkaClient) -> Iterator[KafkaBus]:
    with closing(KafkaBus(bootstrap, ledger_id, client=client)) as made:
        made.fence()
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "ANSWER_S", PATIENCE_S)
    monkeypatch.setattr(confluent, "ANSWER_S", PATIENCE_S)


@contextmanager
def quickly(error: type[LedgerError]) -> Iterator[None]:
    """Expect an error in the time that is given to a broker."""
    started = time.monotonic()
    with pytest.raises(error):
        yield
    assert time.monotonic() - started < LEFT_S_MAX


# ---- what is written


def test_records_come_back_as_they_were_written(bus: KafkaBus, topics: Topics) -> None:
    """More than a batch of each partition, and whatever a record may hold."""
    drawn = random.Random(5)
    records = [
        Outgoing(
            drawn.choice(CONTEXT_TOPICS[:2]).name,
            drawn.randrange(6),
            None if number % 7 == 0 else drawn.randbytes(number % 50),
            drawn.randbytes(drawn.choice((0, 1, 300, 60_000))),
            tuple((drawn.choice(("a", "b", "ce_类型")), drawn.randbytes(number % 5)) for _ in range(number % 13)),
            drawn.choice((1, 1_800_000_000_000, 4_000_000_000_000)) + number,
        )
        for number in range(300)
    ]
    bus.write(records, position)
    expected = defaultdict(list)
    for one in [*records, position(0)]:
        expected[Partition(one.topic, one.partition)].append(
            (one.timestamp_ms, one.key, one.value, one.headers),
        )
    found = {
        partition: [(one.timestamp_ms, one.key, one.value, one.headers) for one in batch]
        for partition, batch in topics.since(301).items()
    }
    assert found == expected


def test_transactions_follow_one_another_in_order(bus: KafkaBus, topics: Topics) -> None:
    for start in range(0, 30, 3):
        bus.write([record(number, partition=number % 2) for number in range(start, start + 3)], position)
    found = topics.since(40)
    for partition in range(2):
        values = [one.value for one in found[Partition(TOPIC, partition)]]
        assert values == [b"value %d" % number for number in range(30) if number % 2 == partition]
    assert len(found[Partition(RELAY.name, 0)]) == 10


def test_the_position_is_told_where_the_last_record_lies_and_is_visible_with_it(bus: KafkaBus, topics: Topics) -> None:
    asked: list[int] = []

    def at(offset: int) -> Outgoing:
        asked.append(offset)
        assert topics.since() == {}, "nothing is visible before the commit"
        return record(0, topic=RELAY.name, value=b"at %d" % offset)

    records = [record(number, partition=number % 3) for number in range(10)]
    bus.write(records, at)
    (offset,) = asked
    assert len(topics.values(11)) == 11
    last = bus.at(TOPIC, records[-1].partition, offset)
    assert last is not None and last.value == records[-1].value
    newest = next(bus.newest(RELAY))
    assert newest.value == b"at %d" % offset


def test_without_a_position_the_records_stand_alone(bus: KafkaBus, topics: Topics) -> None:
    bus.write([record(1, topic=CHECKPOINTS.name)], None)
    assert topics.values(1) == [b"value 1"]


def test_newest_tails_and_at_see_what_is_committed(bus: KafkaBus, topics: Topics) -> None:
    for number in range(3):
        bus.write([record(10 * number + partition, partition=partition) for partition in (1, 4)], position)
    found = topics.since(9)
    tails = {(one.topic, one.partition): one.value for one in bus.tails()}
    assert {partition: tails[TOPIC, partition] for partition in (1, 4)} == {1: b"value 21", 4: b"value 24"}
    assert [one.value for one, _ in zip(bus.newest(RELAY), range(3), strict=False)] == [b"position"] * 3
    first = found[Partition(TOPIC, 1)][0]
    assert bus.at(*first[:3]) == first
    assert bus.at(TOPIC, 1, first.offset + 1) is None, "a transaction's marker is no record"
    assert bus.at(TOPIC, 6, 0) is None and bus.at("elsewhere", 0, 0) is None


# ---- who may write


@pytest.mark.parametrize("successor", CLIENTS)
def test_a_zombie_is_told_and_nothing_of_it_is_seen(
    bus: KafkaBus, ledger_id: UUID, topics: Topics, successor: KafkaClient
) -> None:
    bus.write([record(1)], position)
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=successor)) as second:
        second.fence()
        with pytest.raises(Conflict, match="another relay of this ledger has taken over"):
            bus.write([record(number, partition=number % 6) for number in range(100, 500)], position)
        with pytest.raises(Conflict):
            bus.write([record(3)], position)
        second.write([record(4)], position)
    assert [one.value for one in topics.since(4)[Partition(TOPIC, 0)]] == [b"value 1", b"value 4"]


@pytest.mark.parametrize("many", [1, 400])
def test_a_relay_that_is_fenced_in_the_middle_of_a_transaction(
    bus: KafkaBus, ledger_id: UUID, client: KafkaClient, topics: Topics, many: int
) -> None:
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=OTHER[client])) as second:

        def overtaken(offset: int) -> Outgoing:
            second.fence()
            return position(offset)

        with pytest.raises(Conflict):
            bus.write([record(number, partition=number % 6) for number in range(many)], overtaken)
        assert topics.since() == {}
        second.write([record(1)], None)
    assert topics.values(1) == [b"value 1"]


def test_two_ledgers_do_not_fence_each_other(bus: KafkaBus, client: KafkaClient, topics: Topics) -> None:
    with closing(KafkaBus(topics.bootstrap, uuid4(), client=client)) as other:
        other.fence()
        bus.write([record(1)], None)
        other.write([record(2)], None)
    assert topics.values(2) == [b"value 1", b"value 2"]


# ---- what fails


class Interrupted(Exception):
    """What a caller may raise of its own."""


@pytest.mark.parametrize("successor", CLIENTS)
def test_a_transaction_that_was_given_up_is_ended_by_the_next_fence(
    bus: KafkaBus, ledger_id: UUID, topics: Topics, successor: KafkaClient
) -> None:
    def interrupt(_offset: int) -> Outgoing:
        raise Interrupted

    with pytest.raises(Interrupted):
        bus.write([record(number) for number in range(5)], interrupt)
    assert topics.since() == {}
    bus.close()
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=successor)) as after:
        after.fence()
        after.write([record(7)], position)
    assert topics.values(2) == [b"value 7", b"position"]


def too_long(bus: KafkaBus) -> None:
    bus.write([record(1), record(2, value=bytes(MESSAGE_BYTES_MAX)), record(3)], position)


def too_long_a_position(bus: KafkaBus) -> None:
    bus.write([record(1)], lambda _offset: record(2, topic=RELAY.name, value=bytes(MESSAGE_BYTES_MAX)))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fail", [too_long, too_long_a_position])
def test_a_record_that_cannot_be_written_takes_its_transaction_with_it(
    ledger_id: UUID, client: KafkaClient, topics: Topics, fail: Callable[[KafkaBus], None]
) -> None:
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=client)) as bus:
        bus.fence()
        with pytest.raises(Unavailable, match=r"cannot write \d records: "):
            fail(bus)
        assert topics.since() == {}
        bus.fence()
        assert topics.since() == {}
        bus.write([record(4)], position)
    assert topics.values(2) == [b"value 4", b"position"]


def test_nothing_is_written_or_read_before_the_fence(bootstrap: str, client: KafkaClient) -> None:
    with closing(KafkaBus(bootstrap, uuid4(), client=client)) as bus:
        with pytest.raises(Unavailable, match="the relay has no producer: fence first"):
            bus.write([record(1)], None)
        with pytest.raises(Unavailable, match="the relay is not connected: fence first"):
            bus.newest(RELAY)


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "infra.kafka.confluent", raising=False)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(Unavailable, match=r"not installed: pip install 'edgeprint\[confluent\]'"):
        writer_of("confluent")
    assert writer_of("python") is writers.PythonWriter


# ---- a broker that hangs, and one that is gone


def misses_a_broker(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test in which connections fail."""
    overlooked = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")(test)
    return pytest.mark.usefixtures("impatient")(overlooked)


def the_broker() -> ProcessId:
    found = shared_broker().process
    assert found is not None
    return found


@contextmanager
def hanging() -> Iterator[Callable[[], None]]:
    """Give what makes the broker hang; it goes on behind this, and what it still holds of the clients' is over."""
    process = the_broker()
    try:
        yield lambda: os.kill(process.pid, signal.SIGSTOP)
    finally:
        os.kill(process.pid, signal.SIGCONT)


@misses_a_broker
@pytest.mark.parametrize("when", ["before", "at the position"])
def test_a_broker_that_hangs_is_given_up_and_found_again(
    ledger_id: UUID, client: KafkaClient, topics: Topics, when: str
) -> None:
    records = [record(number, partition=number % 2) for number in range(4)]
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=client)) as bus:
        bus.fence()
        bus.write(records, position)
        with hanging() as hang:

            def hang_and_go_on(offset: int) -> Outgoing:
                hang()
                return position(offset)

            if when == "before":
                hang()
            with quickly(Unavailable):
                bus.write(records, hang_and_go_on)
            bus.close()
        bus.fence()
        assert _whole(topics.values(), records)
        seen = len(topics.values())
        bus.write(records, position)
        assert _whole(topics.values(seen + 5), records)


@misses_a_broker
def test_a_writer_that_was_not_let_in_in_time_fences_nobody_afterwards(
    ledger_id: UUID, client: KafkaClient, topics: Topics
) -> None:
    with hanging() as hang:
        hang()
        with quickly(Unavailable):
            writer_of(client)(topics.bootstrap, f"edgeprint-relay-{ledger_id}")
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=client)) as bus:
        bus.fence()
        for number in range(20):
            bus.write([record(number)], None)
    assert len(topics.values(20)) == 20


@pytest.mark.parametrize("client", ["python", pytest.param("confluent", marks=pytest.mark.soak)], indirect=True)
@misses_a_broker
def test_a_broker_that_is_killed_is_missed_and_found_again(
    ledger_id: UUID, client: KafkaClient, topics: Topics
) -> None:
    records = [record(number) for number in range(4)]
    with closing(KafkaBus(topics.bootstrap, ledger_id, client=client)) as bus:
        bus.fence()
        bus.write(records, position)
        topics.since(5)
        process = the_broker()
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until_gone(process, timeout_s=20)
        try:
            with quickly(Unavailable):
                bus.write(records, position)
        finally:
            shared_broker().start(ends_with_parent=True)
        bus.fence()
        assert topics.values() == [b"value 0", b"value 1", b"value 2", b"value 3", b"position"]
        bus.write(records, position)
    assert topics.values(10) == [*[one.value for one in [*records, *records]], b"position", b"position"]


def _whole(values: Sequence[bytes | None], records: Sequence[Outgoing]) -> bool:
    """Return whether transactions of these records are seen as a whole: each record as often as a position."""
    return {values.count(one.value) for one in records} == {values.count(b"position")}


def forgotten(bootstrap: str, transactional_id: str, partition: Partition, value: bytes) -> None:
    """Leave a transaction open that the coordinator knows nothing of, as a broker that was killed may leave it.

    The client believes that the partition is in the transaction already, and the broker is told not to ask.
    """
    with administering(bootstrap) as admin:
        unasked = {"transaction.partition.verification.enable": "false"}
        admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", configs=unasked)])
    with closing(PythonWriter(bootstrap, transactional_id)) as made:
        made._producer.begin_transaction()
        made._producer._transaction_manager._partitions_in_transaction.add(TopicPartition(*partition))
        made._send(record(0, partition=partition.number, value=value)).get(timeout=20)


def test_a_transaction_of_ours_that_its_coordinator_forgot_is_ended(
    bootstrap: str, topics: Topics, client: KafkaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "LEFTOVER_S", 0.5)
    monkeypatch.setattr(bus_module, "SETTLE_S_MAX", 30.0)
    ledger, told = uuid4(), []
    forgotten(bootstrap, f"edgeprint-relay-{ledger}", Partition(TOPIC, 2), b"never committed")
    with closing(KafkaBus(bootstrap, ledger, client=client, log=told.append)) as relay:
        relay.fence()
        relay.write([record(1, partition=2)], position)
    assert any(f"ending our own transaction at {TOPIC}[2]@" in line for line in told), told
    (committed,) = topics.since(2)[Partition(TOPIC, 2)]
    assert committed.value == b"value 1", "what was never committed is not seen"


def test_a_strangers_open_transaction_is_waited_for(
    bootstrap: str, client: KafkaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "LEFTOVER_S", 0.2)
    monkeypatch.setattr(bus_module, "SETTLE_S_MAX", 3.0)
    told: list[str] = []
    forgotten(bootstrap, f"somebody-{uuid4()}", Partition(TOPIC, 3), b"theirs")
    relay = KafkaBus(bootstrap, uuid4(), client=client, log=told.append)
    with closing(relay), pytest.raises(Unavailable, match=rf"transactions stay open at {TOPIC}\[3\]"):
        relay.fence()
    assert not any("ending our own" in line for line in told)
    fresh_topics(bootstrap)  # the stranger's transaction would be waited for by every later test
