"""Several commands at once on one ledger, and clocks that are wrong: over the real database."""

import itertools
from collections.abc import Iterator
from uuid import UUID

import pytest

from domain.evidence.ledger import ResetClock
from domain.identity.events import DuplicateSubmissionDetected, ObjectIdentified
from infra.bootstrap import Session, opened
from infra.clock import IdSource, now_us
from infra.governance.signing import sign_manifest
from infra.store.mapper import EntryMapper
from producers.application import LedgerApplication
from producers.commands import Task
from producers.evidence import change_ledger
from producers.identity import Submitted
from producers.ports import CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.envelope import read_header
from tests.e2e.kit import Place, check_whole, finish, place
from tests.identity_kit import submission

SECOND_US = 1_000_000
FILES = 120


@pytest.fixture(scope="module")
def ledger() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.database().keep_up()
        yield made


def test_two_processes_bring_the_same_files_at_once(ledger: Place) -> None:
    for number in range(FILES):
        ledger.write(f"race/{number:04}.txt", f"race {number}")
    # The second comes from the other end, so that the two meet in the middle of a batch.
    paths = sorted((ledger.files / "race").iterdir())
    both = [ledger.start("identify", *order, "--json") for order in (paths, paths[::-1])]
    runs = [finish(process).ok().json for process in both]
    assert [run["taken"] for run in runs] == [FILES, FILES] and [run["refused"] for run in runs] == [[], []]
    assert sum(run["duplicates"] for run in runs) == FILES
    first, second = ({item["sha256"]: item["id"] for item in run["objects"]} for run in runs)
    assert first == second and len(set(first.values())) == FILES
    rows = check_whole(ledger, list(first.values()))
    kinds = [row.type for row in rows]
    assert kinds.count(ObjectIdentified.TYPE) == FILES
    assert kinds.count(DuplicateSubmissionDetected.TYPE) == FILES


def test_one_file_brought_by_many_processes_at_once(ledger: Place) -> None:
    file = ledger.write("one.txt", b"brought by four")
    runs = [finish(process).ok().json for process in [ledger.start("identify", file, "--json") for _ in range(4)]]
    assert len({run["objects"][0]["id"] for run in runs}) == 1
    assert sorted(run["objects"][0]["duplicate"] for run in runs) == [False, True, True, True]
    assert ledger.run("object", "show", runs[0]["objects"][0]["id"], "--json").json["submissions"] == 4


def test_one_file_many_times_in_one_folder(ledger: Place) -> None:
    """All of one batch on one stream: each is decided on what the one before it did."""
    for number in range(60):
        ledger.write(f"copies/{number}.txt", b"the same sixty times")
    run = ledger.run("identify", ledger.files / "copies", "--json").ok().json
    assert (run["taken"], run["duplicates"], run["refused"]) == (60, 59, [])
    assert len({item["id"] for item in run["objects"]}) == 1
    check_whole(ledger, [run["objects"][0]["id"]])


def test_claims_and_submissions_at_once(ledger: Place) -> None:
    for number in range(40):
        ledger.write(f"works/{number}.txt", f"work {number}")
    folder = ledger.files / "works"
    claims = [ledger.start("declare", "own-creation", folder, "--json") for _ in range(2)]
    runs = [ledger.start("identify", folder, "--json") for _ in range(2)]
    titles = [finish(process).ok().json["titles"] for process in claims]
    for process in runs:
        finish(process).ok()
    assert sum(title["new"] for some in titles for title in some) == 40
    assert len({title["id"] for some in titles for title in some}) == 40
    assert ledger.run("identify", folder, "--json").ok().json["admitted"] == 40
    check_whole(ledger)


@pytest.mark.soak
def test_two_homes_at_once() -> None:
    with place() as one, place() as two:
        for process in [made.start("init") for made in (one, two)]:
            finish(process).ok()
        file = one.write("shared.txt", b"in two ledgers")
        runs = [finish(p).ok().json for p in [m.start("identify", file, "--json") for m in (one, two)]]
        assert runs[0]["objects"][0]["id"] != runs[1]["objects"][0]["id"]
        for made in (one, two):
            check_whole(made)


class Clock:
    """A clock that shows what it is told, then the truth."""

    def __init__(self, *offsets_us: int) -> None:
        self._offsets = list(offsets_us)

    def __call__(self) -> int:
        return now_us() + (self._offsets.pop(0) if self._offsets else 0)


def application(session: Session, clock: Clock) -> LedgerApplication:
    ledger_id = session.config.ledger_id
    return LedgerApplication(
        session.store, session.store, EntryMapper(), Codec(CATALOGUE), ledger_id, clock, IdSource()
    )


def brought(session: Session, key: CommandKey, data: bytes) -> Task[Submitted]:
    """Return the task by which the holder brings `data`, signed as a batch of files is.

    The bytes are kept as the gate does, and a document beside them."""
    holder = session.config.holder_id
    session.blobs.put_bytes(data)
    named = session.vault.keep_document(holder, b"what is said of " + data)
    return submission(key, holder, data, attestation=sign_manifest(session, holder, None, named), submission=named)


@pytest.mark.parametrize("wrong_us", [-3600 * SECOND_US, 365 * 86_400 * SECOND_US, -6 * SECOND_US, 6 * SECOND_US])
def test_a_time_that_the_database_refuses_is_encoded_again_under_the_same_ids(ledger: Place, wrong_us: int) -> None:
    with opened(ledger.settings) as session:
        app = application(session, Clock(wrong_us))
        key = CommandKey(session.config.holder_id, IdSource()())
        data = b"late %d" % wrong_us
        task = brought(session, key, data)
        before = now_us()
        outcome = app.execute_all([task])[0]
        rows = session.store.rows(outcome.first, outcome.last - outcome.first + 1)
        headers = [read_header(row.entry) for row in rows]
        assert [header.event_id for header in headers] == task.ids[-len(rows) :]
        assert all(before <= header.recorded_at <= now_us() for header in headers)
        assert len(task.ids) == len(set(task.ids)) == 1 + len(rows), "the second try asked for new ids"
        app.close()


def test_a_clock_that_stays_wrong_ends_in_an_error(ledger: Place) -> None:
    with opened(ledger.settings) as session:
        size = session.store.size()
        app = application(session, Clock(*itertools.repeat(3600 * SECOND_US, 50)))
        task = brought(session, CommandKey(session.config.holder_id, IdSource()()), b"never")
        outcome = app.execute_all([task])[0]
        assert outcome.error is not None and "stale" in str(outcome.error)
        assert session.store.size() == size
        app.close()


def time_high(session: Session, index: int) -> int:
    recorder = session.store
    rows = recorder._read("SELECT time_high FROM ledger.events WHERE ledger_index = %s", (index,))
    return int(rows[0][0])


def test_time_high_never_falls_until_a_clock_reset(ledger: Place) -> None:
    with opened(ledger.settings) as session:
        ledger_id = session.config.ledger_id

        def reset(clock: Clock) -> int:
            app = application(session, clock)
            task = change_ledger(session.new_command(session.holder), session.holder, ledger_id, ResetClock("test"))
            outcome = app.execute_all([task])[0]
            outcome.require()
            app.close()
            return outcome.first

        def bring(data: bytes, clock: Clock) -> int:
            app = application(session, clock)
            task = brought(session, session.new_command(session.holder), data)
            outcome = app.execute_all([task])[0]
            outcome.require()
            app.close()
            return outcome.last

        ahead = bring(b"ahead", Clock(4 * SECOND_US))
        high = time_high(session, ahead)
        after = bring(b"after", Clock())
        assert _recorded(session, after) < high == time_high(session, after)
        index = reset(Clock())
        assert time_high(session, index) == _recorded(session, index) < high
        later = bring(b"later", Clock())
        assert time_high(session, later) == _recorded(session, later) >= time_high(session, index)
    check_whole(ledger)
    assert ledger.run("fsck", "--deep").ok()


def _recorded(session: Session, index: int) -> int:
    return read_header(session.store.rows(index, 1)[0].entry).recorded_at


def test_every_command_is_in_the_ledger_under_its_own_id(ledger: Place) -> None:
    """The same command id again, by another process, is answered with the indexes that were stored."""
    with opened(ledger.settings) as session:
        key = CommandKey(session.config.holder_id, IdSource()())
        task = brought(session, key, b"once")
        outcome = session.application.execute(task)
    with opened(ledger.settings) as session:
        again = session.application.execute(brought(session, key, b"once"))
        assert again.repeated and (again.first, again.last) == (outcome.first, outcome.last)
        stored: dict[tuple[UUID, UUID], object] = dict(session.store.commands([(key.actor, key.command_id)]))
        assert len(stored) == 1
