"""The one write path over the in-memory store: look up, load, decide, encode, guard, append."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from domain.errors import Conflict, NotFound, Rejected
from domain.events import ActorKind, Sha256
from domain.evidence.ledger import FoundLedger, ResetClock, SchemaText
from domain.governance.events import KeyBound, PartyEnrolled, PartyKind
from domain.identity.digital_object import Status
from domain.identity.events import DuplicateSubmissionDetected, ObjectIdentified, content_key
from domain.ids import LedgerId, PartyId, uuid7
from domain.ledger.merkle import leaf_hash
from infra.clock import now_us
from infra.intake.gate import Bringer
from infra.store.mapper import EntryMapper
from infra.store.memory import MemoryRecorder
from producers.application import LedgerApplication
from producers.authority import PARTY
from producers.commands import Actor, Decision, Task, View, Write
from producers.evidence import change_ledger
from producers.identity import Submitted
from producers.ports import AppendRequest, AppendResult, CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.envelope import read_header
from tests.identity_kit import PREFIX, claim, enrol, enrol_with_key, submission

CODEC = Codec(CATALOGUE)


def ids() -> Callable[[], UUID]:
    counter = itertools.count(1)
    return lambda: uuid7(1_760_000_000_000_000, next(counter).to_bytes(10, "big"))


class World:
    """A founded ledger in memory with one enrolled holder, who has a key."""

    def __init__(self, store: MemoryRecorder | None = None) -> None:
        self.new_id = ids()
        self.ledger_id = LedgerId(self.new_id())
        self.holder = PartyId(self.new_id())
        self.actor = Actor(self.holder, ActorKind.HUMAN)
        self.store = store or MemoryRecorder()
        self.application = LedgerApplication(
            self.store, self.store, EntryMapper(), CODEC, self.ledger_id, now_us, self.new_id
        )
        texts = tuple(SchemaText(s.sha256, s.text.decode()) for s in CATALOGUE.by_type.values())
        command = FoundLedger("10.5072", False, ("example.org/log",), texts)
        self.application.execute(change_ledger(self.key(), self.actor, self.ledger_id, command)).require()
        enrolling, self.signed = enrol_with_key(self.key(), self.holder, self.ledger_id)
        self.application.execute(enrolling).require()

    def key(self, digest: bytes | None = None) -> CommandKey:
        return CommandKey(self.holder, self.new_id(), digest)

    def bringer(self) -> Bringer:
        return Bringer(self.ledger_id, PREFIX, self.holder, None, None, lambda _: self.signed)

    def submission(self, data: bytes, parents: Sequence[UUID] = ()) -> Task[Submitted]:
        return submission(self.key(), self.holder, data, parents, attestation=self.signed)

    def claim(self, work: bytes, key: CommandKey | None = None) -> Task[UUID]:
        return claim(key or self.key(), self.holder, Sha256(work), self.signed)


@pytest.fixture
def world() -> World:
    return World()


def test_the_envelope_says_who_what_and_where(world: World) -> None:
    rows = world.store.rows(0, 1_000)
    assert [row.index for row in rows] == list(range(len(rows)))
    header = read_header(rows[-1].entry)
    decoded = world.application.codec.accept(rows[-1].entry)
    assert isinstance(decoded.event, KeyBound)
    assert (header.stream_id, header.actor, header.ledger_id) == (world.holder, world.holder, world.ledger_id)
    assert decoded.envelope.stream_version == 2 and decoded.envelope.actor_kind is ActorKind.HUMAN
    assert rows[-1].leaf_hash == leaf_hash(rows[-1].entry)


def test_events_of_a_stream_are_chained_by_their_leaf_hashes(world: World) -> None:
    rows = world.store.streams([world.ledger_id])[world.ledger_id]
    assert len(rows) == 1 + len(CATALOGUE.by_type)
    for before, after in itertools.pairwise(rows):
        assert read_header(after.entry).previous == before.leaf_hash
    assert read_header(rows[0].entry).previous == bytes(32)


def test_a_known_command_is_answered_with_what_is_stored(world: World) -> None:
    key, work = world.key(b"d" * 32), b"w" * 32
    first = world.application.execute(world.claim(work, key))
    size = world.store.size()
    again = world.application.execute(world.claim(work, key))
    assert again.repeated and (again.first, again.last) == (first.first, first.last)
    assert world.store.size() == size


def test_a_repeated_command_that_its_own_effect_would_refuse_is_answered(world: World) -> None:
    key, party = world.key(), PartyId(world.new_id())
    first = world.application.execute(enrol(key, world.actor, party, PartyKind.AGENT, world.ledger_id))
    again = world.application.execute(enrol(key, world.actor, party, PartyKind.AGENT, world.ledger_id))
    assert again.repeated and (again.first, again.last) == (first.first, first.last)
    other = world.application.execute(enrol(world.key(), world.actor, party, PartyKind.AGENT, world.ledger_id))
    with pytest.raises(Rejected, match="enrolled already"):
        other.require()


def test_another_body_under_a_known_id_is_refused(world: World) -> None:
    key = world.key(b"d" * 32)
    world.application.execute(change_ledger(key, world.actor, world.ledger_id, ResetClock("one"))).require()
    other = CommandKey(key.actor, key.command_id, b"e" * 32)
    outcome = world.application.execute(change_ledger(other, world.actor, world.ledger_id, ResetClock("two")))
    with pytest.raises(Rejected, match="another body"):
        outcome.require()


def test_a_decision_to_do_nothing_keeps_its_command_id(world: World) -> None:
    first = world.application.execute(world.claim(b"w" * 32))
    key = world.key()
    outcome = world.application.execute(world.claim(b"w" * 32, key))
    assert outcome.result() == first.result() and outcome.last < outcome.first
    assert world.store.commands([(key.actor, key.command_id)]), "the id is kept though nothing was written"


def test_one_bad_command_does_not_stop_the_others(world: World) -> None:
    stranger = PartyId(world.new_id())
    bad = claim(world.key(), stranger, Sha256(b"x" * 32), world.signed)
    refused, stored = world.application.execute_all([bad, world.claim(b"y" * 32)])
    with pytest.raises(Rejected, match="not an enrolled party"):
        refused.require()
    assert stored.last == stored.first


def test_the_same_bytes_twice_in_one_batch_are_one_object(world: World) -> None:
    tasks = [world.submission(b"same bytes") for _ in range(3)]
    outcomes = world.application.execute_all(tasks)
    answers = [outcome.result() for outcome in outcomes]
    assert len({answer.object_id for answer in answers}) == 1
    assert sorted(answer.duplicate for answer in answers) == [False, True, True]
    rows = world.store.streams([answers[0].object_id])[answers[0].object_id]
    assert [row.type for row in rows].count(DuplicateSubmissionDetected.TYPE) == 2
    assert rows[0].type == ObjectIdentified.TYPE


def test_a_stream_of_another_kind_is_refused_by_name(world: World) -> None:
    task = world.submission(b"child", parents=[world.holder])
    with pytest.raises(NotFound, match="expected a stream of DigitalObject"):
        world.application.execute(task).require()


def test_a_stream_that_was_not_named_cannot_be_loaded(world: World) -> None:
    def decide(view: View) -> Decision[None]:
        view.load(world.holder, PARTY)
        return Decision((), None)

    with pytest.raises(AssertionError, match="was not named"):
        world.application.execute(Task(world.key(), world.actor, decide))


class RacingStore(MemoryRecorder):
    """Lets somebody else write right before the first append of each of the next `races` batches."""

    races = 0
    race: Callable[[], None] = staticmethod(lambda: None)

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        if self.races > 0:
            self.races -= 1
            self.race()
        return super().append(requests)


def test_a_stale_read_is_decided_again_and_keeps_its_ids() -> None:
    store = RacingStore()
    world = World(store)
    data = b"contested"
    rival = world.submission(data)
    store.race = lambda: world.application.execute_all([rival])[0].require()  # type: ignore[method-assign]
    store.races = 1
    task = world.submission(data)
    answer = world.application.execute(task).result()
    assert answer.duplicate and answer.state.status is not Status.UNKNOWN
    holder = store.key_holders([content_key(world.holder, hashlib.sha256(data).digest())])
    assert [h.stream_id for h in holder.values()] == [answer.object_id]
    assert len(task.ids) == len(set(task.ids)), "a second try repeats the first one's ids"


def test_endless_conflict_ends_as_a_conflict() -> None:
    store = RacingStore()
    world = World(store)

    def touch() -> None:
        """Reset the clock once more: the Ledger stream moves under every reader."""
        races, store.races = store.races, 0
        world.application.execute_all(
            [change_ledger(world.key(), world.actor, world.ledger_id, ResetClock("touched"))]
        )[0].require()
        store.races = races

    store.race = touch  # type: ignore[method-assign]
    store.races = 1_000
    outcome = world.application.execute(change_ledger(world.key(), world.actor, world.ledger_id, ResetClock("mine")))
    with pytest.raises(Conflict):
        outcome.require()


def test_guards_name_every_stream_that_was_read_and_not_written(world: World) -> None:
    seen: list[AppendRequest] = []
    append = world.store.append
    world.store.append = lambda requests: seen.extend(requests) or append(requests)  # type: ignore[method-assign,func-returns-value]
    tasks = [world.submission(data) for data in (b"one", b"two")]
    for outcome in world.application.execute_all(tasks):
        outcome.require()
    assert all([(g.stream_id, g.version) for g in request.guards] == [(world.holder, 2)] for request in seen)


def test_commands_of_many_threads_share_batches_and_are_all_stored(world: World) -> None:
    before, errors = world.store.size(), []

    def work(number: int) -> None:
        for step in range(20):
            task = world.claim(hashlib.sha256(b"%d.%d" % (number, step)).digest())
            try:
                world.application.execute(task).require()
            except Exception as error:
                errors.append(error)

    lock = threading.Lock()
    raw = world.new_id
    world.application.new_id = lambda: _locked(lock, raw)
    world.new_id = world.application.new_id
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert world.store.size() == before + 160
    world.application.close()


def test_many_threads_on_one_stream_all_get_their_turn(world: World) -> None:
    before, lock, errors = world.store.size(), threading.Lock(), []

    def work() -> None:
        for _ in range(10):
            with lock:
                key = world.key()
            try:
                task = change_ledger(key, world.actor, world.ledger_id, ResetClock("again"))
                world.application.execute_all([task])[0].require()
            except Exception as error:
                errors.append(error)

    raw = world.new_id
    world.application.new_id = lambda: _locked(lock, raw)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert world.store.size() == before + 80


def _locked(lock: threading.Lock, new_id: Callable[[], UUID]) -> UUID:
    with lock:
        return new_id()


def test_the_library_never_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("PERSISTENCE_MODULE", "no.such.module"),
        ("COMPRESSOR_TOPIC", "zlib"),
        ("CIPHER_KEY", "c2VjcmV0"),
        ("CIPHER_TOPIC", "no.such:Cipher"),
        ("IS_SNAPSHOTTING_ENABLED", "y"),
    ):
        monkeypatch.setenv(name, value)
    world = World()
    assert world.application.snapshots is None
    assert world.application.mapper.cipher is None and world.application.mapper.compressor is None


def test_a_write_of_several_streams_is_one_append(world: World) -> None:
    party = PartyId(world.new_id())

    def decide(view: View) -> Decision[int]:
        one, two = view.load(party, PARTY), view.born(PARTY)
        return Decision(
            (Write(one, (PartyEnrolled(kind=PartyKind.AGENT),)), Write(two, (PartyEnrolled(kind=PartyKind.DEVICE),))), 2
        )

    outcome = world.application.execute(Task(world.key(), world.actor, decide, reads=lambda _: (party,)))
    assert outcome.last - outcome.first == 1
