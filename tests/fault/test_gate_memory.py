"""The gate over the in-memory ledger: stores that fail in the middle, files in every number, clocks that were wrong."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from domain.errors import Rejected, Unavailable
from domain.events import Sha256
from domain.evidence.ledger import ResetClock
from domain.identity.digital_object import Status
from domain.identity.events import DuplicateSubmissionDetected, ObjectIdentified
from domain.ids import PartyId
from infra.blobs.store import BlobStore
from infra.intake import gate as gate_module
from infra.intake.gate import Gate, Taken
from infra.intake.manifest import find_line
from infra.intake.refusal import Reason, Refused
from infra.intake.walk import walk
from infra.store.memory import MemoryRecorder
from infra.vault.memory import MemoryVault
from producers.application import LedgerApplication
from producers.evidence import change_ledger
from producers.ports import AppendRequest, AppendResult
from producers.vault import Vault
from schemas.envelope import read_header
from tests.unit.test_application import World

BATCH = 100
SECOND_US = 1_000_000
YEAR_US = 365 * 86_400 * SECOND_US


class FailingStore(MemoryRecorder):
    """Fails the append of number `fails_at`, before or after it has stored."""

    appends = 0
    fails_at = -1
    stored = False

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        self.appends += 1
        if self.appends == self.fails_at:
            if self.stored:
                super().append(requests)
            raise Unavailable("the store is gone")
        return super().append(requests)


def make_gate(world: World, folder: Path, vault: Vault | None = None, holder: PartyId | None = None) -> Gate:
    bringer = replace(world.bringer(), actor=holder or world.holder)
    return Gate(world.application, BlobStore(folder / "blobs"), vault or MemoryVault(), bringer)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "BATCH_FILES_MAX", BATCH)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def bring(world: World, tmp_path: Path, files: Path) -> list[Taken | Refused]:
    return list(make_gate(world, tmp_path).identify(walk([files])))


@pytest.mark.parametrize("count", [0, 1, 2, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH + 1])
def test_any_number_of_files_is_answered_one_by_one_in_order(tmp_path: Path, files: Path, count: int) -> None:
    world = World()
    for number in range(count):
        (files / f"{number:05}").write_text(str(number))
    answers = bring(world, tmp_path, files)
    assert [answer.display for answer in answers] == [f"{files}/{number:05}" for number in range(count)]
    taken = [answer for answer in answers if isinstance(answer, Taken)]
    assert len({answer.object_id for answer in taken}) == count
    for before, after in itertools.pairwise(taken):
        assert after.first == before.last + 1


def test_every_file_the_same(tmp_path: Path, files: Path) -> None:
    world = World()
    for number in range(64):
        (files / f"{number:02}").write_text("the same")
    answers = bring(world, tmp_path, files)
    assert all(isinstance(answer, Taken) for answer in answers), answers
    assert len({answer.object_id for answer in answers if isinstance(answer, Taken)}) == 1
    kinds = [row.type for row in world.store.rows(0, 10_000)]
    assert kinds.count(ObjectIdentified.TYPE) == 1 and kinds.count(DuplicateSubmissionDetected.TYPE) == 63


def test_a_batch_of_bad_files_only(tmp_path: Path, files: Path) -> None:
    world = World()
    for number in range(130):
        (files / f"{number:03}").touch()
    size = world.store.size()
    answers = bring(world, tmp_path, files)
    assert [answer.reason for answer in answers if isinstance(answer, Refused)] == [Reason.EMPTY] * 130
    assert world.store.size() == size


def test_batches_end_by_bytes_too(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "BATCH_BYTES_MAX", 1_000)
    world = World()
    for number in range(10):
        (files / str(number)).write_bytes(b"%d" % number * 600)
    seen: list[int] = []
    append = world.store.append
    world.store.append = lambda requests: seen.append(len(requests)) or append(requests)  # type: ignore[method-assign,func-returns-value]
    assert len(bring(world, tmp_path, files)) == 10
    assert seen == [2] * 5


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_store_that_fails_in_the_middle(tmp_path: Path, files: Path, fails_at: int, stored: bool) -> None:
    """What was answered is stored; the rest is unknown, and the same run afterwards takes up all of it."""
    store = FailingStore()
    world = World(store)
    for number in range(230):
        (files / f"{number:03}").write_text(str(number))
    store.appends, store.fails_at, store.stored = 0, fails_at, stored
    answers: list[Taken | Refused] = []
    with pytest.raises(Unavailable, match="the store is gone"):
        for answer in make_gate(world, tmp_path).identify(walk([files])):
            answers.append(answer)
    assert len(answers) == BATCH * (fails_at - 1)
    again = [a for a in bring(world, tmp_path, files) if isinstance(a, Taken)]
    assert len({answer.object_id for answer in again}) == 230
    known = {answer.object_id for answer in again if answer.answer.duplicate}
    assert {answer.object_id for answer in answers if isinstance(answer, Taken)} <= known
    assert len(known) == BATCH * (fails_at - 1) + (min(BATCH, 230 - len(answers)) if stored else 0)
    kinds = [row.type for row in store.rows(0, 10_000)]
    assert kinds.count(ObjectIdentified.TYPE) == 230


def test_a_walk_that_fails_gives_up_cleanly(tmp_path: Path, files: Path) -> None:
    world = World()
    for number in range(130):
        (files / f"{number:03}").write_text(str(number))

    def walked() -> Iterator[object]:
        yield from walk([files])
        raise KeyboardInterrupt

    gate = make_gate(world, tmp_path)
    answers = []
    with pytest.raises(KeyboardInterrupt):
        for answer in gate.identify(walked()):  # type: ignore[arg-type]
            answers.append(answer)
    assert len(answers) in (0, BATCH)
    stored = [row.type for row in world.store.rows(0, 10_000)].count(ObjectIdentified.TYPE)
    assert stored in (len(answers), BATCH)


# -- manifests --------------------------------------------------------------------------------------------------------


def submissions(world: World) -> list[Sha256]:
    """Return the manifests that events name, in order, each once."""
    events = [world.application.codec.accept(row.entry).event for row in world.store.rows(0, 10_000)]
    named = [e.submission for e in events if isinstance(e, ObjectIdentified | DuplicateSubmissionDetected)]
    return list(dict.fromkeys(named))


def test_each_batch_has_one_manifest_in_the_vault_of_its_holder(tmp_path: Path, files: Path) -> None:
    world, vault = World(), MemoryVault()
    for number in range(BATCH + 1):
        (files / f"{number:03}").write_text(str(number))
    for times in (1, 2):
        assert len(list(make_gate(world, tmp_path, vault).identify(walk([files])))) == BATCH + 1
        named = submissions(world)
        assert len(named) == vault.held(world.holder) == vault.held() == 2 * times
    for manifest in named[::2]:
        line = find_line(vault, manifest, hashlib.sha256(b"7").digest())
        assert line is not None and line["path"] == f"{files}/007"
    assert not list((tmp_path / "blobs").rglob(named[0].hex())), "it is no blob"


def test_a_batch_that_is_refused_leaves_no_manifest(tmp_path: Path, files: Path) -> None:
    """A stranger may hold nothing: every file is refused, and its name is forgotten."""
    world, vault, stranger = World(), MemoryVault(), PartyId(UUID(int=7 << 76))
    (files / "a").write_text("a")
    (answer,) = make_gate(world, tmp_path, vault, stranger).identify(walk([files]))
    assert isinstance(answer, Refused) and answer.reason is Reason.REFUSED
    assert vault.held() == 0


@pytest.mark.parametrize("stored", [False, True])
def test_a_batch_whose_outcome_is_unknown_leaves_its_manifest(tmp_path: Path, files: Path, stored: bool) -> None:
    store = FailingStore()
    world, vault = World(store), MemoryVault()
    (files / "a").write_text("a")
    store.appends, store.fails_at, store.stored = 0, 1, stored
    with pytest.raises(Unavailable):
        list(make_gate(world, tmp_path, vault).identify(walk([files])))
    assert vault.held(world.holder) == 1, "the event may be there"
    assert len(submissions(world)) == int(stored)


def test_an_erased_holder_brings_nothing(tmp_path: Path, files: Path) -> None:
    world, vault = World(), MemoryVault()
    vault.begin_erasure(world.holder)
    (files / "a").write_text("a")
    size = world.store.size()
    with pytest.raises(Rejected, match="nothing more is kept of subject"):
        list(make_gate(world, tmp_path, vault).identify(walk([files])))
    assert world.store.size() == size and vault.held() == 0


# -- clocks -----------------------------------------------------------------------------------------------------------


class Shared:
    """One clock that the host and the database share, and that somebody sets wrong and right again."""

    def __init__(self) -> None:
        self.now = 1_790_000_000 * SECOND_US

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> tuple[World, Shared]:
    clock = Shared()
    monkeypatch.setattr("tests.unit.test_application.now_us", clock)
    return World(MemoryRecorder(clock)), clock


def brought(world: World, data: bytes) -> int:
    outcome = world.application.execute_all([world.submission(data)])[0]
    outcome.require()
    return outcome.last


def high(world: World, index: int) -> int:
    return world.store._rows[index].time_high


def recorded(world: World, index: int) -> int:
    return read_header(world.store.rows(index, 1)[0].entry).recorded_at


def test_a_clock_a_year_ahead_and_then_corrected(clocked: tuple[World, Shared]) -> None:
    """Times go back, `time_high` does not, until LedgerClockReset says that it should; nothing is refused or lost."""
    world, clock = clocked
    before = brought(world, b"before")
    clock.now += YEAR_US
    ahead = brought(world, b"a year ahead")
    assert high(world, ahead) == recorded(world, ahead) > recorded(world, before) + YEAR_US - SECOND_US
    clock.now -= YEAR_US
    corrected = brought(world, b"corrected")
    assert recorded(world, corrected) < recorded(world, ahead) == high(world, corrected)
    reset = world.application.execute_all(
        [change_ledger(world.key(), world.actor, world.ledger_id, ResetClock("the clock ran a year ahead"))]
    )[0]
    reset.require()
    assert high(world, reset.first) == recorded(world, reset.first) < recorded(world, ahead)
    after = brought(world, b"after")
    assert high(world, after) == recorded(world, after)
    assert [row.index for row in world.store.rows(0, 1_000)] == list(range(world.store.size()))


def test_a_clock_that_jumps_between_deciding_and_storing(clocked: tuple[World, Shared]) -> None:
    """The database sees another time than the one encoded: the same command is encoded again, ids unchanged."""
    world, clock = clocked
    append = world.store.append
    jumps = iter([YEAR_US, 0])

    def jumping(requests: Sequence[AppendRequest]) -> list[AppendResult]:
        clock.now += next(jumps, 0)
        return append(requests)

    world.store.append = jumping  # type: ignore[method-assign]
    task = world.submission(b"jump")
    batch = [task, world.submission(b"jump too")]
    for outcome in world.application.execute_all(batch):
        outcome.require()
        assert outcome.result().state.status is Status.QUARANTINED
    rows = world.store.rows(0, 1_000)
    ids = [read_header(row.entry).event_id for row in rows]
    assert set(task.ids[1:]) <= set(ids) and len(task.ids) == 4
    assert len(set(ids)) == len(ids)


def test_a_clock_that_never_agrees_is_an_error_and_stores_nothing(clocked: tuple[World, Shared]) -> None:
    world, clock = clocked
    size = world.store.size()
    behind: Callable[[], int] = lambda: clock() - YEAR_US  # noqa: E731
    application: LedgerApplication = world.application
    application.clock = behind
    outcome = application.execute_all([world.submission(b"never")])[0]
    assert outcome.error is not None and "stale" in str(outcome.error)
    assert world.store.size() == size
