"""`edgeprint up` as a whole: database, sealer, API, a real Kafka, relay; found again, told by status, taken down."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.background import api, projector, relay
from infra.home import Home
from infra.kafka.broker import Broker
from infra.process import wait_until_gone
from tests.e2e.kit import Place, place, until


@pytest.fixture(scope="module")
def running() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.run("up").ok()
        yield made
        made.run("down").ok()
        broker = Broker.open(made.home, made.settings)
        assert not broker.is_running()
        assert all(service(Home(made.home)).process is None for service in (relay, projector, api))


def test_everything_runs_and_status_says_where(running: Place) -> None:
    state = running.run("status", "--json").ok().json
    assert state["kafka"].startswith("127.0.0.1:") and state["api"].startswith("http://127.0.0.1:")
    assert state["registry"] == state["api"]
    with urllib.request.urlopen(state["api"] + "/readyz", timeout=10) as answer:
        assert json.load(answer) == {"ready": True, "checks": ["home", "database", "sealer", "projector", "relay"]}
    until(lambda: metrics(running).get("edgeprint_relayed_size", -1) >= 0, "the relay has said how far it is")
    found = metrics(running)
    assert found["edgeprint_ledger_size"] == found["edgeprint_sealed_size"] == state["ledger_size"]
    assert found["edgeprint_relayed_size"] + found["edgeprint_relay_lag_entries"] == state["ledger_size"]
    assert 0 <= found["edgeprint_checkpoint_age_seconds"] < 900
    told = {one["check"]: one["found"] for one in running.run("doctor", "--json").ok().json}
    assert told["kafka"] == f"{state['kafka']}, 10 topics as they must be" and "46 of 46 jars" in told["java"]
    with urllib.request.urlopen(state["registry"] + "/subjects", timeout=10) as answer:
        assert b'"edgeprint.identity.ObjectIdentified"' in answer.read()
    shown = running.run("status", "--lang", "zh").ok().out
    assert "已中继" in shown and state["kafka"] in shown


def test_what_is_taken_in_is_on_kafka_and_verified_from_there(running: Place) -> None:
    for number in range(20):
        running.write(f"film/{number}.txt", f"scene {number}")
    size = running.run("identify", running.files / "film", "--json").ok().json["sealed_size"]
    report = running.run("topic", "verify", "--at-least", str(size), "--json").ok().json
    assert report["verdict"] == "valid" and report["events"] == report["size"] >= size
    assert (report["duplicates"], report["gaps"], report["foreign"], report["damages"]) == (0, 0, [], [])
    told = running.run("topic", "verify", "--lang", "zh").ok().out
    assert "完好：每一条都在、只有一次、树根与签名一致" in told
    other = running.write("other-policy", (running.home / "policy").read_bytes().replace(b"quorum", b"# quorum"))
    assert running.run("topic", "verify", "--policy", other).code in (1, 4), "another policy, another answer"


def test_up_again_keeps_what_runs_and_mends_what_does_not(running: Place) -> None:
    before = running.run("up", "--json").ok().json
    assert running.run("up", "--json").ok().json == before
    found, keeper = relay(Home(running.home)).process, projector(Home(running.home)).process
    assert found is not None and found.pid == before["relay_pid"]
    assert keeper is not None and keeper.pid == before["projector_pid"]
    os.kill(found.pid, signal.SIGKILL)
    os.kill(keeper.pid, signal.SIGKILL)
    assert wait_until_gone(keeper, timeout_s=10)
    broker = Broker.open(running.home, running.settings).process
    assert broker is not None
    os.kill(broker.pid, signal.SIGKILL)
    assert wait_until_gone(found, timeout_s=10) and wait_until_gone(broker, timeout_s=10)
    running.run("identify", running.write("meanwhile.txt", "taken in without Kafka")).ok()
    after = running.run("up", "--json").ok().json
    assert after["relay_pid"] != before["relay_pid"] and after["sealer_pid"] == before["sealer_pid"]
    assert after["projector_pid"] != before["projector_pid"]
    size = running.run("status", "--json").ok().json["sealed_size"]
    running.run("topic", "verify", "--at-least", str(size)).ok()


def test_what_is_down_is_told_and_what_cannot_be_had_is_absent(running: Place) -> None:
    base = running.run("status", "--json").ok().json["api"]
    for service in (projector, relay):
        found = service(Home(running.home)).process
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
        assert wait_until_gone(found, timeout_s=10)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(base + "/readyz", timeout=10)
    with caught.value as answer:
        told = json.load(answer)
    assert [one["check"] for one in told["reasons"]] == ["projector", "relay"]
    running.database().stop()
    lacking = metrics(running)
    assert "edgeprint_ledger_size" not in lacking and "edgeprint_relay_lag_entries" not in lacking
    assert "edgeprint_projection_lag_seconds" not in lacking
    assert lacking["edgeprint_sealed_size"] > 0 and lacking["edgeprint_check_ready"] is not None
    state = running.run("status", "--json").ok().json
    assert state["ledger_size"] is state["relay_lag"] is None
    running.run("up").ok()
    until(lambda: running.run("status", "--json").ok().json["relay_lag"] == 0, "the relay has caught up")


def reasons(base: str) -> dict[str, str]:
    """Return why the API is not ready, by check."""
    try:
        with urllib.request.urlopen(base + "/readyz", timeout=30):
            return {}
    except urllib.error.HTTPError as err:
        with err:
            return {one["check"]: one["reason"] for one in json.load(err)["reasons"]}


def test_a_database_that_takes_connections_and_answers_none_is_told_within_a_second(running: Place) -> None:
    base, postmaster = running.run("status", "--json").ok().json["api"], running.postmaster()
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert reasons(base) == {"database": "expected the database to answer within 1 s, found no answer"}
        assert time.monotonic() - started < 1.9
    finally:
        os.kill(postmaster.pid, signal.SIGCONT)
    until(lambda: not reasons(base), "the database answers")


def test_without_kafka_no_relay_is_missed(running: Place) -> None:
    running.run("down").ok()
    running.run("up", "--no-kafka").ok()
    assert reasons(running.run("status", "--json").ok().json["api"]) == {}
    running.run("up").ok()


def metrics(running: Place) -> dict[str, float]:
    """Return the samples of /metrics by name, the last of each."""
    base = running.run("status", "--json").ok().json["api"]
    with urllib.request.urlopen(base + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {one.name: one.value for family in text_string_to_metric_families(text) for one in family.samples}


def test_brokers_that_are_named_must_answer(running: Place) -> None:
    named = {"EDGEPRINT_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    answer = running.run("topic", "check", environ=named)
    assert answer.code == 5 and "Kafka at 127.0.0.1:1 does not answer" in answer.err
    doctor = {one["check"]: one for one in running.run("doctor", "--json", environ=named).json}
    assert doctor["java"]["ok"] and "not needed" in doctor["java"]["found"]
    assert not doctor["kafka"]["ok"] and "127.0.0.1:1 does not answer" in doctor["kafka"]["found"]
