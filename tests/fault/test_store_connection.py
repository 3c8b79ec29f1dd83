"""The connection is cut before or behind COMMIT, the server is stopped, crashed, killed: nothing is lost or doubled."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from domain.errors import Unavailable
from infra.embedded.cluster import Cluster
from infra.store.check import check_keys_and_commands, check_rows
from infra.store.provision import READER, WRITER, install, role_dsn
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendRequest, AppendStatus
from tests.conftest import LedgerDatabase
from tests.pg_proxy import Cut, Proxy
from tests.store_kit import SCHEMA_TYPES, Writer, keys_of, last_leaf, wait_until


def assert_sound(dsn: str, acknowledged: dict[int, AppendRequest]) -> None:
    """I1 and I2: what was acknowledged stands where it was acknowledged, once, without a gap."""
    with psycopg.connect(dsn) as connection:
        assert check_rows(connection, SCHEMA_TYPES) == []
        assert check_keys_and_commands(connection, keys_of) == []
        for first, request in acknowledged.items():
            rows = connection.execute(
                "SELECT entry FROM ledger.events WHERE ledger_index BETWEEN %s AND %s ORDER BY ledger_index",
                (first, first + len(request.events) - 1),
            ).fetchall()
            assert [row[0] for row in rows] == [event.entry for event in request.events]


@pytest.mark.parametrize("cut", ["request", "reply"])
@pytest.mark.parametrize("how_many", [1, 3, 40])
def test_a_cut_is_answered_as_stored(ledger_database: LedgerDatabase, cut: Cut, how_many: int) -> None:
    cuts: Iterator[Cut] = itertools.chain(["none", cut], itertools.repeat("none"))
    writer = Writer()
    with Proxy(ledger_database.writer, lambda: next(cuts)) as proxy, closing(LedgerRecorder(proxy.dsn)) as recorder:
        recorder.append([writer.founding()])
        requests = [writer.request(events=2) for _ in range(how_many)]
        results = recorder.append(requests)
        assert proxy.cuts == 1
        assert {result.status for result in results} == {AppendStatus.STORED}
        assert recorder.size() == results[-1].last + 1
        acknowledged = {result.first: request for result, request in zip(results, requests, strict=True)}
    assert_sound(ledger_database.dsn(READER), acknowledged)


def test_a_true_duplicate_stays_one_although_the_connection_was_cut(ledger_database: LedgerDatabase) -> None:
    cuts: Iterator[Cut] = itertools.chain(["none", "none", "request"], itertools.repeat("none"))
    writer = Writer()
    with Proxy(ledger_database.writer, lambda: next(cuts)) as proxy, closing(LedgerRecorder(proxy.dsn)) as recorder:
        recorder.append([writer.founding()])
        first = writer.request()
        recorder.append([first])
        again = recorder.append([writer.request(key=first.command)])
        assert proxy.cuts == 1
        assert again[0].status is AppendStatus.DUPLICATE


def test_cut_again_and_again(ledger_database: LedgerDatabase) -> None:
    pattern: tuple[Cut, ...] = ("none", "reply", "request", "reply", "none", "request")
    cuts = itertools.cycle(pattern)
    writer = Writer()
    acknowledged: dict[int, AppendRequest] = {}
    with Proxy(ledger_database.writer, lambda: next(cuts)) as proxy, closing(LedgerRecorder(proxy.dsn)) as recorder:
        recorder.append([writer.founding()])
        for _ in range(20):
            request = writer.request(take=[f"key/{len(acknowledged)}"])
            (result,) = recorder.append([request])
            assert result.status is AppendStatus.STORED
            acknowledged[result.first] = request
    assert_sound(ledger_database.dsn(READER), acknowledged)


def test_a_database_that_stays_away_is_unavailable(ledger_database: LedgerDatabase) -> None:
    cuts: Iterator[Cut] = itertools.chain(["none"], itertools.repeat("request"))
    writer = Writer()
    with (
        Proxy(ledger_database.writer, lambda: next(cuts)) as proxy,
        closing(LedgerRecorder(proxy.dsn, patience_s=0.3)) as recorder,
    ):
        recorder.append([writer.founding()])
        with pytest.raises(Unavailable, match="outcome unknown"):
            recorder.append([writer.request()])
    with pytest.raises(Unavailable):
        LedgerRecorder(proxy.dsn, patience_s=0.1)


def test_a_closed_store_is_unavailable(ledger_database: LedgerDatabase) -> None:
    recorder = LedgerRecorder(ledger_database.writer, patience_s=0.1)
    recorder.append([Writer().founding()])
    recorder.close()
    with pytest.raises(Unavailable):
        recorder.append([Writer().request()])
    with pytest.raises(Unavailable):
        recorder.size()


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that these tests may kill."""
    cluster = Cluster.open(tmp_path_factory.mktemp("killed"), f"tests-killed-{os.getpid()}")
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        cluster.purge()


def restart_fast(cluster: Cluster) -> None:
    cluster.restart()


def crash(cluster: Cluster) -> None:
    cluster.stop("immediate")
    cluster.start()


def kill(cluster: Cluster) -> None:
    pid = cluster.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not cluster.is_running())
    cluster.start()


@pytest.mark.parametrize("fault", [restart_fast, crash, kill])
def test_the_server_goes_away_and_comes_back(own_cluster: Cluster, fault: Callable[[Cluster], None]) -> None:
    name = f"fault_{fault.__name__}"
    install(own_cluster.superuser_dsn(), database=name)
    dsn = role_dsn(own_cluster.superuser_dsn(), WRITER, database=name)
    writer = Writer()
    acknowledged: dict[int, AppendRequest] = {}
    seen: list[int] = []
    stop = threading.Event()
    with closing(LedgerRecorder(dsn)) as recorder, recorder.feed(0, limit=7) as feed:
        recorder.append([writer.founding()])

        def write() -> None:
            previous: AppendRequest | None = None
            while not stop.is_set():
                if previous is None:
                    request = writer.request(events=2)
                else:
                    stream = previous.events[0].originator_id
                    version = previous.events[-1].originator_version
                    request = writer.request(stream, after=version, previous=last_leaf(previous), events=2)
                (result,) = recorder.append([request])
                if result.status is AppendStatus.STALE:
                    continue
                assert result.status is AppendStatus.STORED, result
                acknowledged[result.first] = request
                previous = request

        def read() -> None:
            for rows in feed:
                seen.extend(row.index for row in rows)

        threads = [threading.Thread(target=write), threading.Thread(target=read)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > 5)
        fault(own_cluster)
        before = len(acknowledged)
        wait_until(lambda: len(acknowledged) > before + 5 or not threads[0].is_alive())
        stop.set()
        threads[0].join()
        assert len(acknowledged) > before + 5
        wait_until(lambda: len(seen) >= recorder.size())
        feed.stop()
        threads[1].join()
        assert seen == list(range(recorder.size()))
    assert_sound(role_dsn(own_cluster.superuser_dsn(), READER, database=name), acknowledged)


def test_one_bad_entry_among_two_thousand_is_refused_alone(ledger_database: LedgerDatabase) -> None:
    writer = Writer()
    with closing(LedgerRecorder(ledger_database.writer)) as recorder:
        recorder.append([writer.founding()])
        known = writer.request()
        recorder.append([known])
        requests = [writer.request() for _ in range(2_000)]
        requests[700] = writer.request(filler=60_000)
        requests[1_300] = writer.request(event_id=_event_id(known))
        requests[1_999] = writer.request(event_id=_event_id(requests[3]))
        results = recorder.append(requests)
        bad = [place for place, result in enumerate(results) if result.status is not AppendStatus.STORED]
        assert bad == [700, 1_300, 1_999]
        assert {results[place].status for place in bad} == {AppendStatus.REFUSED}
        acknowledged = {r.first: q for r, q in zip(results, requests, strict=True) if r.status is AppendStatus.STORED}
    assert_sound(ledger_database.dsn(READER), acknowledged)


def _event_id(request: AppendRequest) -> UUID:
    return UUID(bytes=request.events[0].entry[32:48])
