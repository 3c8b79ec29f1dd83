"""Consumers on a real Apache Kafka: killed, fenced, among strangers, rewound, with a handler that fails and is mended.

After each fault a consumer must hold what one that begins anew holds, and never have acted on a forged record.
"""

import dataclasses
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from consumers.claims import Claims
from consumers.feed import Cursor
from consumers.runtime import Runtime
from domain.errors import Conflict, Invalid, Unavailable
from domain.ledger.merkle import leaf_hash
from infra.consumers.build import CONSUMERS, Kind, open_runtime, store_path
from infra.consumers.mirror import mirror_digest
from infra.consumers.skips import FILE as SKIPS
from infra.kafka.dead_letters import dead_letter_topic
from infra.kafka.following import Following
from infra.kafka.membership import Membership
from infra.kafka.reader import Reader
from infra.kafka.seeking import index_at_time, offsets_of_index
from infra.kafka.topics import administering
from infra.log import policy_of
from infra.process import wait_until_gone
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.records import Outgoing, Partition
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS
from tests.consumer_kit import Counting, close_stores, counted, fails_on, open_counts
from tests.e2e.kit import REPOSITORY, Place, place, until
from tests.fault.test_relay import Flow
from tests.kafka_kit import POISON, fresh_topics, producer, records_of, shared_broker

CLAIMS = Claims(CATALOGUE)
SEED = 20261125


class Follow(Flow):
    """A flow with consumers behind it, their stores in a folder of their own."""

    def __init__(self, made: Place, bootstrap: str, folder: Path) -> None:
        super().__init__(made, bootstrap)
        self.folder = folder

    def command(self, *arguments: str, code: int = 0) -> Any:
        """Run a command on the brokers of this flow and return what --json prints."""
        answer = self.made.run(*arguments, "--json", environ={"EDGEPRINT_KAFKA_BOOTSTRAP": self.bootstrap})
        assert answer.code == code, f"{arguments}: exit {answer.code}\n{answer.out}\n{answer.err}"
        return json.loads(answer.out) if answer.out else None

    def mirror(self, folder: Path | None = None, code: int = 0) -> Any:
        """Let a mirror catch up."""
        return self.command("consumer", "run", "mirror", "--once", "--state", str(folder or self.folder), code=code)

    @contextmanager
    def running_mirror(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Give a mirror in a process of its own, which ends with the block."""
        argv = [sys.executable, "-m", "infra.cli.main", "consumer", "run", "mirror", "--state", str(self.folder)]
        environ = {**self.made.environ, "EDGEPRINT_KAFKA_BOOTSTRAP": self.bootstrap}
        with (
            (self.folder.parent / "mirror.log").open("ab") as log,
            subprocess.Popen([*argv, *options], cwd=REPOSITORY, env=environ, stderr=log, stdout=log) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def log_of_mirror(self) -> str:
        path = self.folder.parent / "mirror.log"
        return path.read_text() if path.exists() else ""

    def digest(self, folder: Path | None = None) -> tuple[int, str]:
        return mirror_digest(store_path(folder or self.folder, "mirror"))

    def rebuilt(self) -> tuple[int, str]:
        """Return the digest of a mirror that begins anew."""
        anew = self.folder.parent / f"anew{random.random()}"
        anew.mkdir()
        if (self.folder / SKIPS).exists():
            (anew / SKIPS).write_bytes((self.folder / SKIPS).read_bytes())
        self.mirror(anew)
        return self.digest(anew)

    def size(self) -> int:
        with self.store() as store:
            return store.size()

    def whole(self) -> None:
        """The mirror holds the ledger's rows, and the same as one that begins anew."""
        self.mirror()
        size, digest = self.digest()
        assert size == self.size()
        assert (size, digest) == self.rebuilt()

    def records(self, index: int, salt: int = 0) -> Outgoing:
        """Return the record of a row, or with `salt` a stranger's whole record in its place."""
        with self.store() as store:
            (row,) = store.rows(index, 1)
        if salt:
            entry = row.entry[:-1] + bytes([row.entry[-1] ^ salt])
            row = dataclasses.replace(row, entry=entry, leaf_hash=leaf_hash(entry))
        return record_of(row)

    def send(self, *records: Outgoing) -> list[tuple[str, int, int]]:
        """Write records as a stranger does and return their places."""
        with producer(self.bootstrap) as stranger:
            sent = [
                stranger.send(r.topic, r.value, r.key, list(r.headers), partition=r.partition, timestamp_ms=1)
                for r in records
            ]
            return [(one.topic, one.partition, one.offset) for one in (future.get(timeout=20) for future in sent)]

    @contextmanager
    def counting(self, handler: Counting) -> Iterator[Runtime[Any]]:
        """Give the runtime of a counting consumer."""
        kind = Kind(handler, open_counts, lambda _path, _digest: (None, []))
        policy = self.home.policy_path.read_bytes()
        with open_runtime(kind, self.bootstrap, policy, self.folder, self.log.append) as runtime:
            runtime.recover()
            yield runtime

    def drain_consumer(self, runtime: Runtime[Any]) -> None:
        size = self.size()
        until(lambda: runtime.step() == 0 and runtime.feed.next_index >= size, "the consumer has caught up")


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.database().keep_up()
        yield made


@pytest.fixture
def flow(ledger: Place, tmp_path: Path) -> Iterator[Follow]:
    bootstrap = shared_broker().bootstrap
    fresh_topics(bootstrap)
    folder = tmp_path / "consumers"
    folder.mkdir()
    yield Follow(ledger, bootstrap, folder)
    close_stores()


def test_the_mirror_holds_the_log_and_needs_no_home_of_ours(flow: Follow, tmp_path: Path) -> None:
    flow.grow()
    flow.relay_all()
    told = flow.mirror()
    size = flow.size()
    assert told == {"consumer": "mirror", "next_index": size, "verified_size": size, "foreign": 0, "waiting": 0}
    with flow.store() as store, closing(CONSUMERS["mirror"].open_store(store_path(flow.folder, "mirror"))) as mirror:
        rows = mirror._connection.execute("SELECT ledger_index, leaf, entry FROM mirror_entries ORDER BY 1").fetchall()
        assert rows == [(row.index, row.leaf_hash, row.entry) for row in store.rows(0, size)]
        ((covered, note),) = mirror._connection.execute("SELECT size, note FROM mirror_checkpoints").fetchall()
    assert (covered, note) == (size, (flow.home.tlog / "checkpoint").read_bytes())
    policy = tmp_path / "policy"
    policy.write_bytes(flow.home.policy_path.read_bytes())
    elsewhere = ["--policy", str(policy), "--state", str(tmp_path / "far"), "--home", str(tmp_path / "no-home")]
    assert flow.command("consumer", "run", "mirror", "--once", *elsewhere) == told
    status = flow.command("consumer", "status", "mirror", "--digest", *elsewhere)
    assert (status["lag"], status["known_size"], status["digest"]) == (0, size, flow.digest()[1])


def kill_at_random(flow: Follow, kills: int) -> None:
    """Kill the mirror at seeded moments while the ledger grows; then hold it against one that begins anew."""
    moments = random.Random(SEED)
    for turn in range(kills):
        with flow.running_mirror():
            if turn % 2 == 0:
                flow.grow(2)
                flow.relay_all()
            time.sleep(moments.uniform(0.2, 1.6))
    flow.whole()


def test_a_mirror_killed_again_and_again_equals_one_that_begins_anew(flow: Follow) -> None:
    kill_at_random(flow, 3)


@pytest.mark.soak
def test_a_mirror_killed_thirty_times(flow: Follow) -> None:
    kill_at_random(flow, 30)


def test_it_follows_what_comes_tells_metrics_and_ends_when_told(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with flow.running_mirror("--metrics-port", str(port)) as mirror:

        def said(size: int) -> bool:
            try:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=1) as page:
                    return f'edgeprint_consumer_next_index{{consumer="mirror"}} {float(size)}' in page.read().decode()
            except OSError:
                return False

        until(lambda: said(flow.size()), "the mirror has caught up")
        flow.grow()
        flow.relay_all()
        until(lambda: said(flow.size()), "the mirror has followed")
        mirror.send_signal(signal.SIGTERM)
        assert mirror.wait(timeout=30) == 0
    assert flow.digest() == flow.rebuilt()


@pytest.mark.soak
def test_whoever_comes_later_takes_over_and_the_other_ends_with_6(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    with flow.running_mirror() as first:
        until(lambda: "consuming from entry" in flow.log_of_mirror(), "the mirror consumes")
        flow.mirror()
        flow.grow()
        flow.relay_all()
        assert first.wait(timeout=60) == 6
    assert "another process has taken this consumer over" in flow.log_of_mirror()
    flow.whole()


def test_one_works_the_other_stands_by_and_lag_tools_see_how_far(flow: Follow) -> None:
    flow.relay_all()
    with closing(Membership(flow.bootstrap, "turns", "one")) as one:
        until(lambda: one.is_active(0.1), "one has its turn", 90)  # a broker's first group of all takes its time
        with closing(Membership(flow.bootstrap, "turns", "two")) as two:
            for _ in range(5):
                assert not two.is_active(0.1) and one.is_active(0.05)
        one.commit({Partition("edgeprint.identity.v1", 3): 17})
    with administering(flow.bootstrap) as admin:
        told = {(tp.topic, tp.partition): at.offset for tp, at in group_offsets(admin, "edgeprint.turns").items()}
    assert told == {("edgeprint.identity.v1", 3): 17}


def test_who_comes_back_under_its_name_has_its_turn_and_the_group_is_not_disturbed(flow: Follow) -> None:
    flow.relay_all()
    with closing(Membership(flow.bootstrap, "back", "one")) as one:
        until(lambda: one.is_active(0.1), "one has its turn", 90)  # a broker's first group of all takes its time
    with closing(Membership(flow.bootstrap, "back", "one")) as again:
        until(lambda: again.is_active(0.1), "one is back", 20)  # its session alone would last for 30 s


@pytest.mark.soak
def test_who_stays_away_loses_its_turn(flow: Follow) -> None:
    flow.relay_all()
    one = Membership(flow.bootstrap, "lost", "one", session_s=6)
    until(lambda: one.is_active(0.1), "one has its turn", 90)
    with closing(Membership(flow.bootstrap, "lost", "two", session_s=6)) as two:
        assert not two.is_active(0.5)
        one.close()
        until(lambda: two.is_active(0.2), "two has taken the turn over")


def group_offsets(admin: Any, group: str) -> dict[Any, Any]:
    found: dict[Any, Any] = admin.list_group_offsets(group)
    return found.get(group, found)


def test_strangers_records_reach_no_consumer(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    flow.mirror()
    before = flow.size()
    flow.grow()
    flow.send(*[poison(flow.records(before - 1)) for poison in POISON.values()], flow.records(before - 1))
    flow.send(*[flow.records(index, salt=1) for index in (before, before + 2)], flow.records(1, salt=2))
    flow.relay_all()
    flow.send(*[poison(flow.records(flow.size() - 1)) for poison in POISON.values()], flow.records(flow.size() - 1))
    told = flow.mirror()
    assert told["next_index"] == flow.size() and told["foreign"] >= len(POISON)
    flow.whole()
    assert flow.verify().duplicates > 0  # the same record twice is harmless to consumers, and is told


def test_a_sealed_consumer_never_acts_on_what_is_forged(flow: Follow) -> None:
    """A forged record stands where the true one should be: nothing of that stretch is delivered, ever."""
    flow.grow()
    size = flow.size()
    with flow.relay() as relay:
        relay.recover()
        flow.send(flow.records(size - 2, salt=1))
        note = (flow.home.tlog / "checkpoint").read_bytes()
        flow.send(*[flow.records(index) for index in range(size) if index != size - 2])
    flow.send(Outgoing(CHECKPOINTS.name, 0, b"", note, (), 1))
    assert flow.mirror(code=1)["next_index"] == 0
    assert flow.digest()[0] == 0
    report = flow.verify()
    assert report.exit_code == 1 and f"do not lead to the root signed for size {size}" in report.damages[0]


def test_a_missing_record_stops_it_and_is_named(flow: Follow) -> None:
    flow.grow()
    size = flow.size()
    flow.send(*[flow.records(index) for index in range(size) if index != 4])
    flow.send(Outgoing(CHECKPOINTS.name, 0, b"", (flow.home.tlog / "checkpoint").read_bytes(), (), 1))
    answer = flow.made.run(
        *("consumer", "run", "mirror", "--once", "--state", str(flow.folder), "--bootstrap", flow.bootstrap)
    )
    assert answer.code == 1
    assert f"a checkpoint of size {size} is signed, but entry 4 is on no partition" in answer.err


def test_rivals_are_left_out_by_decision_and_true_records_never(flow: Follow) -> None:
    flow.grow()
    size = flow.size()
    rivals = [flow.records(index, salt=salt) for index in range(3, 12) for salt in (1,)]
    places = flow.send(*rivals)
    flow.relay_all()
    assert flow.mirror(code=1)["next_index"] == 0
    reason = ["--reason", "a stranger's, ticket 81", "--state", str(flow.folder)]
    for topic, partition, offset in places:
        told = flow.command("topic", "skip", topic, str(partition), str(offset), *reason)
        assert list(told) == ["topic", "partition", "offset", "reason", "proof"]
        assert "is signed with other bytes" in told["proof"]
    assert flow.mirror()["next_index"] == size
    assert flow.command("consumer", "status", "mirror", "--state", str(flow.folder))["skipped"] == len(places)
    true = flow.records(4)
    found = next(r for r in records_of(flow.bootstrap, true.topic, true.partition) if r.value == true.value)
    here = (true.topic, str(true.partition))
    refused = flow.command("topic", "skip", *here, str(found.offset), *reason, code=7)
    assert "is entry 4 of the ledger" in refused["message"]
    (ahead,) = flow.send(true._replace(headers=(("ledger-index", b"%d" % (size + 5)), *true.headers[1:])))
    refused = flow.command("topic", "skip", *here, str(ahead[2]), *reason, code=7)
    assert "nothing is proven of it yet" in refused["message"]
    (rubbish,) = flow.send(true._replace(value=b"rubbish"))
    assert "no whole record" in flow.command("topic", "skip", *here, str(rubbish[2]), *reason)["proof"]
    assert flow.command("topic", "skip", *here, "99999", *reason, code=3)["error"] == "NotFound"
    flow.whole()


def test_a_dead_letter_there_and_back(flow: Follow) -> None:
    flow.grow(5)
    flow.relay_all()
    size = flow.size()
    with flow.store() as store:
        rows = store.rows(0, size)
    bad = next(row for row in rows if row.entry[48:64] == rows[-1].entry[48:64])
    handler = Counting(fails_on(bad.index))
    handler.size_of = lambda note: policy_size(flow, note)
    with flow.counting(handler) as runtime:
        flow.drain_consumer(runtime)
        assert runtime.parked == 1
    path = store_path(flow.folder, "counting")
    waiting = open_counts(path).waiting()
    behind = [row.index for row in rows if row.entry[48:64] == bad.entry[48:64]]
    assert [one.index for one in waiting] == behind and counted(path) == [i for i in range(size) if i not in behind]
    topic = dead_letter_topic("counting")
    letters = records_of(flow.bootstrap, topic.name, 0)
    for letter, waits in zip(letters, waiting, strict=True):
        ours = record_of(rows[waits.index])
        assert (letter.key, letter.value, letter.offset) == (ours.key, ours.value, waits.letter)
        assert tuple(letter.headers[: len(ours.headers)]) == ours.headers
        more = dict(letter.headers[len(ours.headers) :])
        original = Partition(more["dlq-topic"].decode(), int(more["dlq-partition"])), int(more["dlq-offset"])
        with closing(Reader(flow.bootstrap)) as reader:
            found = reader.at(*original)
        assert found is not None and found.value == ours.value
    assert b"KeyError" in dict(letters[0].headers)["dlq-reason"]
    with flow.counting(Counting(fails_on())) as runtime:
        runtime._handler.size_of = handler.size_of  # type: ignore[attr-defined]
        assert open_counts(path).ask_to_retry(None) == len(behind)
        flow.drain_consumer(runtime)
        assert runtime.parked == 0
    assert counted(path) == list(range(size))


def policy_size(flow: Follow, note: bytes) -> int:
    return policy_of(flow.home).verify_checkpoint(note).size


def test_sent_back_by_index_offset_and_time_it_comes_to_the_same(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    flow.mirror()
    digest = flow.digest()
    state = ["--state", str(flow.folder)]
    assert flow.command("consumer", "rewind", "mirror", "--to-index", "5", *state)["next_index"] == 5
    assert flow.digest()[0] == 5
    flow.mirror()
    middle = flow.records(flow.size() // 2)
    found = next(r for r in records_of(flow.bootstrap, middle.topic, middle.partition) if r.value == middle.value)
    place_text = f"{middle.topic}:{middle.partition}:{found.offset}"
    assert flow.command("consumer", "rewind", "mirror", "--to-offset", place_text, *state)["next_index"] == (
        flow.size() // 2
    )
    flow.mirror()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(middle.timestamp_ms / 1000))
    millis = f"{moment}.{middle.timestamp_ms % 1000:03}Z"
    told = flow.command("consumer", "rewind", "mirror", "--to-time", millis, *state)
    with flow.store() as store:
        rows = store.rows(0, flow.size())
    assert told["next_index"] == next(r.index for r in rows if record_of(r).timestamp_ms >= middle.timestamp_ms)
    flow.whole()
    assert flow.digest() == digest
    late = ["consumer", "rewind", "mirror", "--to-time", "2099-01-01T00:00:00Z", *state]
    assert flow.command(*late, code=3)["error"] == "NotFound"
    both = flow.made.run("consumer", "rewind", "mirror", "--to-index", "1", "--to-time", millis, *state)
    assert both.code == 2 and "expected one of --to-index, --to-time, --to-offset" in both.err
    never = ["consumer", "rewind", "mirror", "--to-index", "0", "--state", str(flow.folder / "never")]
    assert "has never run here" in flow.command(*never, code=3)["message"]


@pytest.mark.soak
def test_a_broker_that_is_killed_delays_and_loses_nothing(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    broker = shared_broker()
    with flow.running_mirror() as mirror:
        until(lambda: "consuming from entry" in flow.log_of_mirror(), "the mirror consumes")
        process = broker.process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert wait_until_gone(process, timeout_s=10)
        broker.start(ends_with_parent=True)
        flow.bootstrap = broker.bootstrap
        flow.grow()
        flow.relay_all()
        until(lambda: flow.digest()[0] == flow.size(), "the mirror has caught up")
        mirror.send_signal(signal.SIGTERM)
        assert mirror.wait(timeout=30) == 0
    flow.whole()


def test_a_topic_that_limits_retention_is_refused(flow: Follow) -> None:
    flow.relay_all()
    resource = ConfigResource(ConfigResourceType.TOPIC, "edgeprint.rights.v1", configs={"retention.ms": "1000"})
    with administering(flow.bootstrap) as admin:
        admin.alter_configs([resource])
    answer = flow.made.run(
        *("consumer", "run", "mirror", "--once", "--state", str(flow.folder), "--bootstrap", flow.bootstrap)
    )
    assert answer.code == 1 and "expected retention.ms -1, found '1000'" in answer.err
    fresh_topics(flow.bootstrap)


def test_a_consumer_that_stands_still_while_there_is_more_is_given_up(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    with closing(Following(flow.bootstrap, stalled_s=0.5)) as following:
        partitions = following.reopen()
        wanted = dict.fromkeys(partitions, 0)
        assert sum(len(one.records) for one in following.poll(wanted)) > 0
        following.reopen()
        following._steer(wanted)
        following._consumer.pause(*following._consumer.assignment())  # as if kafka-python had forgotten them
        with pytest.raises(Unavailable, match=r"nothing came for 0\.5 s although there is more behind"):
            until(lambda: bool(following.poll(wanted)), "nothing comes")
        following.reopen()
        assert sum(len(one.records) for one in following.poll(wanted)) > 0


def test_a_name_that_is_no_consumers(flow: Follow) -> None:
    told = flow.command("consumer", "status", "miror", code=3)
    assert "expected one of the consumers mirror, views, found 'miror'" in told["message"]
    with pytest.raises(Invalid, match="expected a consumer's name"):
        dead_letter_topic("A b")


def test_tail_reads_as_people_want_to(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    size = flow.size()
    environ = {"EDGEPRINT_KAFKA_BOOTSTRAP": flow.bootstrap, "COLUMNS": "120"}

    def tail(*options: str, code: int = 0) -> list[str]:
        answer = flow.made.run("topic", "tail", *options, environ=environ)
        assert answer.code == code, answer.err
        return answer.out.splitlines() if code == 0 else [answer.err]

    whole = tail("--from", "0")
    assert [int(line.split()[0]) for line in whole] == list(range(size))
    assert "evidence.LedgerFounded" in whole[0] and all(len(line) <= 120 for line in whole)
    assert [int(line.split()[0]) for line in tail("-n", "5")] == list(range(size - 5, size))
    assert tail("-n", "0") == []
    assert [int(line.split()[0]) for line in tail("--from", str(size - 3))] == list(range(size - 3, size))
    identified = tail("--from", "0", "--type", "objectidentified")
    assert identified and all("identity.ObjectIdentified" in line for line in identified)
    when = whole[size // 2].split()[1] + "T" + whole[size // 2].split()[2]
    later = [int(line.split()[0]) for line in tail("--from", when)]
    assert later[-1] == size - 1 and size // 2 in later
    objects = [json.loads(line) for line in tail("--from", "2", "--json", "--type", "edgeprint.evidence.LedgerFounded")]
    assert objects == []
    one = json.loads(tail("-n", "1", "--json")[0])
    assert list(one)[:4] == ["index", "topic", "partition", "offset"] and one["index"] == size - 1
    assert one["leaf_hash"] == flow_leaf(flow, size - 1)
    (foreign,) = flow.send(flow.records(3)._replace(value=b"rubbish"))
    found = [json.loads(line) for line in tail("-n", "1000", "--json")]
    assert next(one for one in found if one["index"] is None)["offset"] == foreign[2]
    assert "expected an event type, found 'ObjectIdentifed'; is it ObjectIdentified" in tail(
        "--type", "ObjectIdentifed", code=2
    )[0].replace("\n", " ").replace("│ │ ", "")
    tail("--from", "yesterday", code=2)


def flow_leaf(flow: Follow, index: int) -> str:
    with flow.store() as store:
        return store.rows(index, 1)[0].leaf_hash.hex()


def test_tail_follows(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    argv = ["topic", "tail", "-f", "-n", "1", "--bootstrap", flow.bootstrap]
    with flow.made.start(*argv) as process:
        assert process.stdout is not None
        first = process.stdout.readline().split()[0]
        size = flow.size()
        assert int(first) == size - 1
        flow.grow()
        flow.relay_all()
        came = [int(process.stdout.readline().split()[0]) for _ in range(flow.size() - size)]
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        process.stdout.read()
    assert sorted(came) == list(range(size, flow.size()))


def test_offsets_of_an_index_and_of_a_moment(flow: Follow) -> None:
    flow.grow(80)
    flow.relay_all()
    with closing(Reader(flow.bootstrap)) as reader, flow.store() as store:
        partitions = reader.partitions([topic.name for topic in CONTEXT_TOPICS])
        ends = reader.ends(partitions)
        for index in (0, 17, flow.size() // 2, flow.size() - 1):
            starts = offsets_of_index(reader, partitions, index)
            spans = {p: (starts[p], ends[p]) for p in partitions}
            came = sorted(CLAIMS.of(record)[0] for batch in reader.read(spans) for record in batch)
            assert [one for one in came if one >= index] == list(range(index, flow.size()))
            assert len(came) <= flow.size() - index + 65 * len(partitions)
        row = store.rows(flow.size() - 1, 1)[0]
        assert index_at_time(reader, CLAIMS, partitions, record_of(row).timestamp_ms + 1) is None
        assert index_at_time(reader, CLAIMS, partitions, 0) == 0


def test_fenced_in_the_middle_nothing_is_written_twice(flow: Follow) -> None:
    flow.grow()
    flow.relay_all()
    handler = Counting()
    handler.size_of = lambda note: policy_size(flow, note)
    with flow.counting(handler) as first, flow.counting(handler) as second:
        flow.drain_consumer(second)
        with pytest.raises(Conflict):
            flow.drain_consumer(first)
    assert counted(store_path(flow.folder, "counting")) == list(range(flow.size()))
    assert open_counts(store_path(flow.folder, "counting")).cursor() != Cursor()
