"""Reading a real Apache Kafka: committed records only, forwards and backwards; topics made and refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from domain.errors import Invalid, Unavailable
from infra.kafka.reader import BACKWARDS_RECORDS, Reader
from infra.kafka.topics import administering, create_topics, look_at_topics, require_topics
from schemas.records import Partition
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS, RELAY, TOPICS, Topic
from tests.e2e.kit import until
from tests.kafka_kit import fresh_topics, producer, shared_broker

PLACE = Partition(RELAY.name, 0)


@pytest.fixture
def bootstrap() -> str:
    address = shared_broker().bootstrap
    fresh_topics(address)
    return address


@pytest.fixture
def reader(bootstrap: str) -> Iterator[Reader]:
    with closing(Reader(bootstrap)) as made:
        yield made


def write(bootstrap: str, numbers: range, *, commit: bool = True) -> None:
    """Write records in transactions of three, each followed by a marker that takes an offset."""
    with producer(bootstrap, transactional_id=f"writer-{numbers.start}", acks="all") as client:
        client.init_transactions()
        for start in range(numbers.start, numbers.stop, 3):
            client.begin_transaction()
            for number in range(start, min(start + 3, numbers.stop)):
                client.send(RELAY.name, value=b"%d" % number, partition=0, headers=[("n", b"%d" % number)])
            client.flush()
            client.commit_transaction() if commit else client.abort_transaction()


def values(records: list[bytes | None]) -> list[int]:
    return [int(value or b"-1") for value in records]


def test_committed_records_forwards_and_backwards_over_markers(bootstrap: str, reader: Reader) -> None:
    count = 2 * BACKWARDS_RECORDS
    assert list(reader.newest(PLACE)) == []
    write(bootstrap, range(count))
    write(bootstrap, range(1_000, 1_100), commit=False)
    # a commit is decided before it is visible: each transaction of three has left a marker
    whole = count + -(-count // 3) + 100 + -(-100 // 3)
    until(lambda: reader.ends([PLACE])[PLACE] == whole, "the last transaction is decided")
    end = reader.ends([PLACE])[PLACE]
    assert end > count and reader.begins([PLACE])[PLACE] == 0
    forwards = [record for batch in reader.read({PLACE: (0, end)}) for record in batch]
    assert values([record.value for record in forwards]) == list(range(count))
    assert [record.headers for record in forwards[:2]] == [(("n", b"0"),), (("n", b"1"),)]
    assert values([record.value for record in reader.newest(PLACE)]) == list(range(count))[::-1]
    part = [record for batch in reader.read({PLACE: (4, 6)}) for record in batch]
    assert [record.offset for record in part] == [4, 5], "the marker of the first transaction lies at 3"


def test_a_record_at_an_offset(bootstrap: str, reader: Reader) -> None:
    write(bootstrap, range(3))
    until(lambda: reader.ends([PLACE])[PLACE] == 4, "the commit is visible")
    found = reader.at(PLACE, 1)
    assert found is not None and (found.value, found.place) == (b"1", f"{RELAY.name}[0]@1")
    assert reader.at(PLACE, 3) is None, "a marker is no record"
    assert reader.at(PLACE, 4) is None and reader.at(PLACE, -1) is None


def test_topics_are_made_once_by_whoever_comes(bootstrap: str) -> None:
    with administering(bootstrap) as admin:
        admin.delete_topics([CHECKPOINTS.name])
    with ThreadPoolExecutor(3) as pool:
        made = [name for names in pool.map(lambda _: create_topics(bootstrap), range(3)) for name in names]
    assert set(made) <= {CHECKPOINTS.name}
    assert [found.wrong for found in look_at_topics(bootstrap)] == [None] * len(TOPICS)
    require_topics(bootstrap)
    assert create_topics(bootstrap) == []


def test_a_topic_that_is_missing_or_cut_otherwise_is_refused(bootstrap: str, reader: Reader) -> None:
    nowhere = Topic("edgeprint.nowhere.v1", 1)
    with pytest.raises(Unavailable, match=r"expected the topic edgeprint\.nowhere\.v1, found none: run"):
        require_topics(bootstrap, [nowhere])
    with pytest.raises(Unavailable, match=r"expected the topic edgeprint\.nowhere\.v1, found none"):
        reader.partitions([nowhere.name])
    wider = Topic(CONTEXT_TOPICS[0].name, 7)
    with pytest.raises(Invalid, match="expected partitions 7, found 6"):
        create_topics(bootstrap, topics=[wider])
