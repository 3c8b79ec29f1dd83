"""Targets, decisions, whole claims, the loop and its metrics, and how one record reads."""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from consumers.claims import Claims, grow_to
from consumers.feed import Cursor, Feed, Fetched
from consumers.runtime import Runtime
from consumers.sealed import SealedFeed
from domain.errors import Conflict, Invalid, NotFound, Rejected, Unavailable
from domain.ledger.merkle import CompactRange, leaf_hash
from infra.cli import records
from infra.consumers import loop as looping
from infra.consumers.build import kind_of, store_path
from infra.consumers.loop import ConsumerLoop, ConsumerMetrics
from infra.consumers.skips import FILE, REASON_CHARACTERS_MAX, keep_skip, read_skips, require_not_in_ledger
from infra.consumers.targets import Target, parse_target, parse_time_ms
from infra.kafka.tail import Begin, Line
from producers.relay import record_of
from schemas.catalogue import CATALOGUE
from schemas.framing import LEDGER_INDEX
from schemas.records import Partition, Received
from tests.consumer_kit import Counting, close_stores, counted, open_counts
from tests.feed_kit import NOTES, Topics, make_note, make_row
from tests.sealer_kit import POLICY, World, root

ROWS = [make_row(index) for index in range(30)]
CLAIMS = Claims(CATALOGUE)


def whole(index: int, salt: int = 0) -> Received:
    topics = Topics()
    topics.relay(make_row(index, salt))
    (record,) = [one for found in topics.records.values() for one in found]
    return record


# -- targets ----------------------------------------------------------------------------------------------------------


def test_a_target_is_one_of_three() -> None:
    assert parse_target(7, None, None) == Target(index=7)
    assert parse_target(None, "2026-11-25T18:40:01.5Z", None) == Target(time_ms=1_795_632_001_500)
    assert parse_target(None, "2026-11-25T19:40:01.5+01:00", None) == Target(time_ms=1_795_632_001_500)
    assert parse_target(None, None, "edgeprint.identity.v1:4:17") == Target(
        place=(Partition("edgeprint.identity.v1", 4), 17)
    )
    for wrong in ((None, None, None), (1, "2026-11-25T18:40:01Z", None)):
        with pytest.raises(Invalid, match="exactly one"):
            parse_target(*wrong)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-25T18:40:01", "1969-01-01T00:00:00Z", "2026-13-01T00:00Z"])
def test_a_time_that_is_none(text: str) -> None:
    with pytest.raises(Invalid, match="expected a"):
        parse_time_ms(text)


@pytest.mark.parametrize("text", ["", "a:1", "a:01:2", "a:1:2:3", "a b:1:2", "a:-1:2", "a:1:" + "9" * 19])
def test_an_offset_that_is_none(text: str) -> None:
    with pytest.raises(Invalid, match="expected TOPIC:PARTITION:OFFSET"):
        parse_target(None, None, text)


# -- decisions --------------------------------------------------------------------------------------------------------


def test_decisions_are_kept_in_order_and_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "consumers"
    assert read_skips(folder) == {}
    first, second = whole(3)._replace(offset=8), whole(4)._replace(value=None)
    for record in (first, second, first):
        keep_skip(folder, record, "a stranger's")
    skips = read_skips(folder)
    assert set(skips) == {(Partition(one.topic, one.partition), one.offset) for one in (first, second)}
    lines = (folder / FILE).read_bytes().splitlines()
    assert len(lines) == 3 and json.loads(lines[0])["reason"] == "a stranger's"


@pytest.mark.parametrize("reason", ["", "x" * (REASON_CHARACTERS_MAX + 1)])
def test_a_decision_needs_a_reason(tmp_path: Path, reason: str) -> None:
    with pytest.raises(Invalid, match="expected a reason of 1 to 500 characters"):
        keep_skip(tmp_path, whole(3), reason)


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]", b"{}", b'{"at":"","offset":-1,"partition":0,"reason":"","topic":"","value_sha256":""}',
     b'{"at":1,"offset":1,"partition":0,"reason":"","topic":"","value_sha256":""}'],
)  # fmt: skip
def test_decisions_that_are_none_are_named_and_nothing_is_appended_behind_them(tmp_path: Path, line: bytes) -> None:
    keep_skip(tmp_path, whole(3), "a stranger's")
    with (tmp_path / FILE).open("ab") as file:
        file.write(line + b"\n")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Invalid, match=r"skips\.jsonl line 2: expected a decision"):
        keep_skip(tmp_path, whole(4), "another")
    assert (tmp_path / FILE).read_bytes() == before


def test_decisions_on_a_disk_that_says_no(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="expected to keep the decision"):
        keep_skip(tmp_path / "file" / "x", whole(3), "a stranger's")
    (tmp_path / FILE).mkdir()
    with pytest.raises(Unavailable, match="expected to read decisions"):
        read_skips(tmp_path)


def test_nothing_is_proven_where_nothing_is_sealed(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="claims to be entry 3, 0 entries are sealed: nothing is proven of it yet"):
        require_not_in_ledger(whole(3), CLAIMS, tmp_path, POLICY)
    assert "no whole record" in require_not_in_ledger(whole(3)._replace(key=None), CLAIMS, tmp_path, POLICY)


def test_a_record_of_other_bytes_than_the_signed_entry_is_proven_foreign(tmp_path: Path) -> None:
    case = World(tmp_path, 20)
    head = case.seal_all()
    assert head is not None and head.root == root(20)
    proof = require_not_in_ledger(whole(3), CLAIMS, case.tlog, POLICY)
    assert proof == "entry 3 is signed with other bytes"


# -- claims -----------------------------------------------------------------------------------------------------------


def test_a_whole_record_claims_its_index_and_the_keys_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.claims.KEYS_KEPT_MAX", 3)
    claims = Claims(CATALOGUE)
    for row in ROWS:
        assert claims.of(whole(row.index)) == (row.index, row.leaf_hash, row.entry)
    assert len(claims._keys) <= 3


@given(st.binary(max_size=300), st.lists(st.tuples(st.sampled_from([LEDGER_INDEX, "x"]), st.binary(max_size=9))))
def test_rubbish_is_no_claim_and_nothing_else_is_raised(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    for record in (whole(3)._replace(value=value), whole(3)._replace(headers=tuple(headers))):
        with pytest.raises(Invalid):
            CLAIMS.of(record)


def test_under_an_unknown_schema_the_header_says_where_it_belongs() -> None:
    entry = bytes(32) + ROWS[3].entry[32:]
    out = record_of(dataclasses.replace(ROWS[3], entry=entry, leaf_hash=leaf_hash(entry)))
    record = Received(out.topic, out.partition, 0, 0, out.key, out.value, out.headers)
    assert CLAIMS.of(record)[2] == entry
    unnamed = tuple(header for header in record.headers if header[0] != "ce_type")
    with pytest.raises(Invalid, match="header ce_type: expected one, found 0"):
        CLAIMS.of(record._replace(headers=unnamed))


def test_the_root_chooses_among_claims_and_may_choose_none() -> None:
    leaves = [row.leaf_hash for row in ROWS]
    tree = CompactRange()
    tree.extend(leaves)
    false = {3: b"\1" * 32, 7: b"\2" * 32}
    mixed = [false.get(index, leaf) for index, leaf in enumerate(leaves)]
    grown = grow_to(CompactRange(), 30, tree.root(), mixed.__getitem__, {3: [leaves[3]], 7: [b"\3" * 32, leaves[7]]})
    assert grown is not None
    assert (grown[0].root(), grown[1]) == (tree.root(), {3: leaves[3], 7: leaves[7]})
    assert grow_to(CompactRange(), 30, tree.root(), mixed.__getitem__, {3: [leaves[3]]}) is None


# -- the loop ---------------------------------------------------------------------------------------------------------


class Turns:
    """Whose turn it is, by a list of answers; then always ours."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.told: list[dict[Partition, int]] = []

    def is_active(self, wait_s: float = 0.0) -> bool:
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    def commit(self, offsets: dict[Partition, int]) -> None:
        self.told.append(offsets)


class Running:
    """A consumer of topics in memory inside a loop."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *answers: bool | Exception) -> None:
        self.topics = Topics()
        self.log: list[str] = []
        self.path = store_path(folder, "counting")
        self.handler = Counting()
        self.turns = Turns(*answers)
        self.registry = CollectorRegistry()
        self.pauses: list[float] = []
        monkeypatch.setattr(looping.time, "sleep", self.pauses.append)
        monkeypatch.setattr(looping, "BACK_OFF_S", (0.0, 0.001))

        def make_feed(cursor: Cursor, partitions: list[Partition]) -> Feed:
            return SealedFeed(POLICY.verify_checkpoint, CLAIMS, cursor, partitions)

        letters: Any = None
        runtime: Runtime[Any] = Runtime(
            self.handler, make_feed, self.topics, open_counts(self.path), letters, {}, rest=print, log=self.log.append
        )
        self.loop = ConsumerLoop(runtime, self.turns, ConsumerMetrics("counting", self.registry), self.log.append)
        self.topics.relay(*ROWS)
        self.topics.publish(make_note(20, ROWS))

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"edgeprint_consumer_{name}", {"consumer": "counting"})


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    yield lambda *answers: Running(tmp_path, monkeypatch, *answers)
    close_stores()


def test_once_ends_when_all_that_is_signed_is_handled_and_tells_it(running: Callable[..., Running]) -> None:
    case = running()
    assert case.loop.run(once=True) == 0
    assert counted(case.path) == list(range(20))
    told = {name: case.value(name) for name in ("next_index", "known_size", "lag_entries", "lag_seconds", "active")}
    assert told == {"next_index": 20, "known_size": 20, "lag_entries": 0, "lag_seconds": 0, "active": 1}
    assert (case.value("delivered_total"), case.value("foreign_total"), case.value("parked_streams")) == (20, 0, 0)
    assert any(case.turns.told) and case.log == ["consuming from entry 0"]


def test_a_lag_is_told_in_entries_and_seconds(running: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumers.sealed.BATCH_EVENTS", 5)
    case = running()

    def stop_after_the_first(entries: object) -> None:
        if case.handler.seals == [] and getattr(entries, "index", 0) == 4:
            case.loop.stop()

    case.handler.fails = stop_after_the_first
    assert case.loop.run() == 0
    assert (case.value("next_index"), case.value("lag_entries")) == (5, 15)
    lag_seconds = case.value("lag_seconds")
    assert lag_seconds is not None and lag_seconds > 3_600  # the entries were recorded in 2025


def test_it_waits_for_its_turn_and_goes_on_after_losing_it(running: Callable[..., Running]) -> None:
    case = running(False, False, True, True, False, False, True)
    assert case.loop.run(once=True) == 0
    assert case.log == ["consuming from entry 0", "consuming from entry 20"]
    assert counted(case.path) == list(range(20))


def test_what_passes_is_gone_through_with_back_off(running: Callable[..., Running]) -> None:
    case = running(Unavailable("no broker"), Unavailable("no broker"))
    real_is_active = case.turns.is_active

    def then_stop(wait_s: float = 0.0) -> bool:
        if counted(case.path) == list(range(20)):
            case.loop.stop()
        return real_is_active(wait_s)

    case.turns.is_active = then_stop  # type: ignore[method-assign]
    assert case.loop.run() == 0
    assert case.log[0] == "waiting: no broker" and case.log.count("waiting: no broker") == 1
    assert case.pauses


@pytest.mark.parametrize(("error", "code"), [(Conflict("taken over"), 6), (Invalid("damaged"), 1)])
def test_what_is_final_ends_it(running: Callable[..., Running], error: Exception, code: int) -> None:
    case = running()
    case.topics.down = error
    assert case.loop.run() == code
    assert case.log[-1] == f"stopped: {error}"


def test_once_does_not_wait_for_a_world_that_is_down(running: Callable[..., Running]) -> None:
    case = running()
    case.topics.down = Unavailable("no broker")
    with pytest.raises(Unavailable, match="no broker"):
        case.loop.run(once=True)


def test_once_ends_behind_a_transaction_that_hides_what_may_come(
    running: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = running()
    monkeypatch.setattr(case.topics, "watermarks", lambda: dict.fromkeys(case.topics.records, 1 << 40))
    assert case.loop.run(once=True) == 0
    assert counted(case.path) == list(range(20))


def test_once_reads_on_for_as_long_as_records_come_though_none_is_signed_yet(running: Callable[..., Running]) -> None:
    """Checkpoints may be the last thing that a broker brings: many reads without a delivery are no end."""
    case = running()
    case.topics._at_once = 1
    notes = case.topics.records.pop(NOTES)
    polls = iter(range(10_000))
    real_poll = case.topics.poll

    def notes_come_late(wanted: Mapping[Partition, int]) -> list[Fetched]:
        if next(polls) == 3 * looping.QUIET_STEPS:
            case.topics.records[NOTES] = notes
        late = NOTES not in case.topics.records
        return real_poll({one: at for one, at in wanted.items() if not (late and one == NOTES)})

    case.topics.poll = notes_come_late  # type: ignore[method-assign]
    for index in range(30, 30 + 20 * looping.QUIET_STEPS):
        case.topics.relay(make_row(index, streams=1))
    assert case.loop.run(once=True) == 0
    assert counted(case.path) == list(range(20))


def test_the_consumers_there_are() -> None:
    for name in ("mirror", "views"):
        assert kind_of(name).handler.name == name
    with pytest.raises(NotFound, match="expected one of the consumers mirror, views, found 'x'"):
        kind_of("x")


# -- how a record reads -----------------------------------------------------------------------------------------------


def line(index: int) -> Line:
    record = whole(index)
    return Line(record, index, CLAIMS.of(record)[2], "edgeprint.rights.RightsClaimed", None)


def test_a_line_says_what_it_is_and_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    said = records._readable(line(3))
    assert said.split()[0] == "3" and "rights.RightsClaimed" in said and len(said) <= 100
    monkeypatch.setenv("COLUMNS", "400")
    assert "statement=00000000…" in records._readable(line(3)) and "root=" in records._readable(line(3))
    assert records._short([1, 2]) == "[2]" and records._short({"a": 1}) == "{…}" and records._short(7) == "7"


def test_a_record_in_json_has_its_place_and_its_fields() -> None:
    told = records._plain(line(3))
    assert told["index"] == 3 and told["topic"] == "edgeprint.rights.v1" and told["event"]["root"]
    foreign = records._plain(Line(whole(3), None, b"", "", "expected something else"))
    assert foreign["foreign"] == "expected something else" and foreign["index"] is None


def test_where_a_tail_begins_and_which_types_there_are() -> None:
    assert records._begin(None, 5) == Begin(newest=5)
    assert records._begin("17", 5) == Begin(index=17)
    assert records._begin("2026-11-25T18:40:01.5Z", 5) == Begin(time_ms=1_795_632_001_500)
    assert records._type_of("rightsclaimed") == "edgeprint.rights.RightsClaimed"
    assert records._type_of("edgeprint.rights.RightsClaimed") == "edgeprint.rights.RightsClaimed"
    with pytest.raises(Invalid, match="is it RightsClaimed"):
        records._type_of("RightClaimed")
    with pytest.raises(Invalid, match=r"expected an event type, found .zzz.$"):
        records._type_of("zzz")
    app = typer.Typer()
    records.register(app)
    assert [command.callback for command in app.registered_commands] == [records.tail, records.skip]
